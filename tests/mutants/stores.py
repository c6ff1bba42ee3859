"""Faults of the stores: of fences, of numbers of events, of transactions, of lists."""

from mutants.mutant import fault

MEMORY = "tests/testing/conformance/test_memory.py::test_it_passes"
SQLITE = "tests/stores/test_sqlite_conformance.py::test_it_passes"

MUTANTS = (
    # In memory
    fault(
        "in memory: the fence is not looked at",
        f"{MEMORY}[fencing: many sagas are taken over at once]",
        "Steno's row 12: no write looks at the fence",
        "stores/_memory.py",
        ("if row.fence != write.fence:", "if False:"),
    ),
    fault(
        "in memory: the generation is not raised",
        f"{MEMORY}[fencing: each life of a sec has a generation of its own]",
        "Steno's row 12: a take-over raises the generation",
        "stores/_memory.py",
        (
            "self._generations.get(sec_name, 0) + 1)\n        self._gen",
            "self._generations.get(sec_name, 0))\n        self._gen",
        ),
        ("max(row.fence.generation + 1, sec.generation)", "sec.generation"),
    ),
    fault(
        "in memory: finished sagas are taken over",
        f"{MEMORY}[fencing: a sec takes over its own unfinished sagas]",
        "what is finished is never touched again",
        "stores/_memory.py",
        (
            "if row.fence.sec_name == sec_name and not row.state.finished",
            "if row.fence.sec_name == sec_name",
        ),
    ),
    fault(
        "in memory: a gap between events is accepted",
        f"{MEMORY}[record: a record that leaves a gap is rejected]",
        "events follow each other without a gap",
        "stores/_memory.py",
        ("record.first_seq > len(row.events) or ", ""),
    ),
    fault(
        "in memory: other events of the same numbers are dropped",
        f"{MEMORY}[record: what is stored is never rewritten]",
        "a record is idempotent, and another one is refused",
        "stores/_memory.py",
        (" or tuple(stored) != record.events[: len(stored)]", ""),
    ),
    fault(
        "in memory: a batch is visible in part",
        f"{MEMORY}[session: a batch is seen whole or not at all]",
        "a batch is written whole, or not at all",
        "stores/_memory.py",
        (
            "        return [store.write(write) for write in batch]\n",
            "        outcomes = []\n"
            "        for write in batch:\n"
            "            outcomes.append(store.write(write))\n"
            "            await trio.lowlevel.checkpoint()\n"
            "        return outcomes\n",
        ),
    ),
    fault(
        "in memory: a list begins with its marker",
        f"{MEMORY}[list: every saga is listed once in the order of ids]",
        "a marker is exclusive",
        "stores/_memory.py",
        (
            "bisect.bisect_right(self._ids, query.marker)",
            "bisect.bisect_left(self._ids, query.marker)",
        ),
    ),
    fault(
        "in memory: stuck sagas are pruned",
        f"{MEMORY}[prune: only what succeeded or failed is pruned]",
        "a stuck saga is kept",
        "stores/_memory.py",
        ("if row.state in query.states and query", "if query"),
    ),
    # SQLite
    fault(
        "SQLite: the fence of an earlier life is let through",
        f"{SQLITE}[fencing: many sagas are taken over at once-thread]",
        "Steno's row 12: no write looks at the fence",
        "stores/_sqlite_steps.py",
        ("adopt_generation = column4\n", "adopt_generation >= column4\n"),
        ("adopt_generation = column7\n", "adopt_generation >= column7\n"),
        (
            "progressed = ?, events = ?\n"
            "    WHERE saga_key = ? AND current_sec = ? AND adopt_generation = ?",
            "progressed = ?, events = ?\n"
            "    WHERE saga_key = ? AND current_sec = ? AND adopt_generation >= ?",
        ),
        (
            "ended), events = ?\n"
            "    WHERE saga_key = ? AND current_sec = ? AND adopt_generation = ?",
            "ended), events = ?\n"
            "    WHERE saga_key = ? AND current_sec = ? AND adopt_generation >= ?",
        ),
    ),
    fault(
        "SQLite: the generation of a saga is not raised",
        f"{SQLITE}[create: a saga may be created running-thread]",
        "Steno's row 12: a take-over raises the generation",
        "stores/_sqlite_writer.py",
        (
            "SET adopt_generation = max(adopt_generation + 1, ?)",
            "SET adopt_generation = min(adopt_generation, ?)",
        ),
    ),
    fault(
        "SQLite: a gap between events is accepted",
        f"{SQLITE}[record: a record that leaves a gap is rejected-thread]",
        "events follow each other without a gap",
        "stores/_sqlite_writer.py",
        ("if first > count or stored != event_rows", "if stored != event_rows"),
    ),
    fault(
        "SQLite: half a batch is kept",
        f"{SQLITE}[fencing: a batch is fenced saga by saga-thread]",
        "a batch is written whole, or not at all",
        "stores/_sqlite_writer.py",
        ('self._db.execute("ROLLBACK")', 'self._db.execute("COMMIT")'),
    ),
    fault(
        "SQLite: the end of a saga has no time",
        f"{SQLITE}[times: times are in utc and in order-thread]",
        "a finished saga is stored as that",
        "stores/_sqlite_steps.py",
        ("int(record.state.finished), now", "0, now"),
    ),
    fault(
        "SQLite: a batch that has lost a saga is kept",
        f"{SQLITE}[create: a saga may be created with a log-thread]",
        "every write is conditional on its saga's fence",
        "stores/_sqlite_steps.py",
        ("if changed != len(records):", "if False:"),
    ),
    fault(
        "SQLite: an id that is in use is created",
        "tests/stores/test_sqlite_batch.py::test_any_batch_comes_to_what_its_writes_come_to_one_by_one",
        "the id of a saga is used once",
        "stores/_sqlite_steps.py",
        ("(now, now, now), rows) != len(created):", "(now, now, now), rows) == 0:"),
    ),
    fault(
        "SQLite: records of one saga are joined whatever their fence",
        f"{SQLITE}[fencing: a saga may be claimed-thread]",
        "every write is conditional on its saga's fence",
        "stores/_sqlite_batch.py",
        ("if record.fence != fence or ", "if "),
    ),
    fault(
        "SQLite: records of one saga are joined across a gap",
        "tests/stores/test_sqlite_batch.py::test_any_batch_comes_to_what_its_writes_come_to_one_by_one",
        "events follow each other without a gap",
        "stores/_sqlite_batch.py",
        (" or record.first_seq != size:", ":"),
    ),
    fault(
        "SQLite: room in the WAL file is made where something is",
        f"{SQLITE}[create: a saga that was created is there-thread]",
        "what was written stays",
        "stores/_sqlite_wal.py",
        (
            "os.pwrite(descriptor, bytes(more), size)",
            "os.pwrite(descriptor, bytes(more), size // 2)",
        ),
    ),
    fault(
        "SQLite: a list begins with its marker",
        f"{SQLITE}[list: every saga is listed once in the order of ids-thread]",
        "a marker is exclusive",
        "stores/_sqlite_reader.py",
        (
            "FROM saga WHERE saga_id > ? AND",
            "FROM saga WHERE saga_id >= ? AND",
        ),
    ),
    fault(
        "SQLite: a saga whose last events are missing is loaded",
        "tests/stores/test_sqlite.py::test_a_read_that_fails_leaves_its_connection_in_order",
        "line 8: what is loaded is all that was written",
        "stores/_sqlite_reader.py",
        ("if len(events) != size:", "if False:"),
    ),
    fault(
        "SQLite: a saga whose last events are missing is loaded with others",
        "tests/stores/test_sqlite_many.py::test_one_that_is_damaged_hurts_no_other",
        "line 8: what is loaded is all that was written",
        "stores/_sqlite_many.py",
        ("if keys[start:end].count(row.key) == row.size:", "if True:"),
    ),
)
