"""Faults of the stores: of fences, of numbers of events, of transactions, of lists."""

from mutants.mutant import fault

MUTANTS = (
    # In memory
    fault(
        "in memory: the fence is not looked at",
        "Steno's row 12: no write looks at the fence",
        "stores/_memory.py",
        ("if row.fence != write.fence:", "if False:"),
    ),
    fault(
        "in memory: the generation is not raised",
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
        "what is finished is never touched again",
        "stores/_memory.py",
        (
            "if row.fence.sec_name == sec_name and not row.state.finished",
            "if row.fence.sec_name == sec_name",
        ),
    ),
    fault(
        "in memory: a gap between events is accepted",
        "events follow each other without a gap",
        "stores/_memory.py",
        ("record.first_seq > len(row.events) or ", ""),
    ),
    fault(
        "in memory: other events of the same numbers are dropped",
        "a record is idempotent, and another one is refused",
        "stores/_memory.py",
        (" or tuple(stored) != record.events[: len(stored)]", ""),
    ),
    fault(
        "in memory: a batch is visible in part",
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
        "a marker is exclusive",
        "stores/_memory.py",
        (
            "bisect.bisect_right(self._ids, query.marker)",
            "bisect.bisect_left(self._ids, query.marker)",
        ),
    ),
    fault(
        "in memory: stuck sagas are pruned",
        "a stuck saga is kept",
        "stores/_memory.py",
        ("if row.state in query.states and query", "if query"),
    ),
    # SQLite
    fault(
        "SQLite: the fence of an earlier life is let through",
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
        "Steno's row 12: a take-over raises the generation",
        "stores/_sqlite_writer.py",
        (
            "SET adopt_generation = max(adopt_generation + 1, ?)",
            "SET adopt_generation = min(adopt_generation, ?)",
        ),
    ),
    fault(
        "SQLite: a gap between events is accepted",
        "events follow each other without a gap",
        "stores/_sqlite_writer.py",
        ("if first > count or stored != event_rows", "if stored != event_rows"),
    ),
    fault(
        "SQLite: half a batch is kept",
        "a batch is written whole, or not at all",
        "stores/_sqlite_writer.py",
        ('self._db.execute("ROLLBACK")', 'self._db.execute("COMMIT")'),
    ),
    fault(
        "SQLite: the end of a saga has no time",
        "a finished saga is stored as that",
        "stores/_sqlite_steps.py",
        ("int(record.state.finished), now", "0, now"),
    ),
    fault(
        "SQLite: a batch that has lost a saga is kept",
        "every write is conditional on its saga's fence",
        "stores/_sqlite_steps.py",
        ("if changed != len(records):", "if False:"),
    ),
    fault(
        "SQLite: an id that is in use is created",
        "the id of a saga is used once",
        "stores/_sqlite_steps.py",
        ("(now, now, now), rows) != len(created):", "(now, now, now), rows) == 0:"),
    ),
    fault(
        "SQLite: records of one saga are joined whatever their fence",
        "every write is conditional on its saga's fence",
        "stores/_sqlite_batch.py",
        ("if record.fence != fence or ", "if "),
    ),
    fault(
        "SQLite: records of one saga are joined across a gap",
        "events follow each other without a gap",
        "stores/_sqlite_batch.py",
        (" or record.first_seq != size:", ":"),
    ),
    fault(
        "SQLite: room in the WAL file is made where something is",
        "what was written stays",
        "stores/_sqlite_wal.py",
        (
            "os.pwrite(descriptor, bytes(more), size)",
            "os.pwrite(descriptor, bytes(more), size // 2)",
        ),
    ),
    fault(
        "SQLite: a list begins with its marker",
        "a marker is exclusive",
        "stores/_sqlite_reader.py",
        (
            "FROM saga WHERE saga_id > ? AND",
            "FROM saga WHERE saga_id >= ? AND",
        ),
    ),
    fault(
        "SQLite: a saga whose last events are missing is loaded",
        "line 8: what is loaded is all that was written",
        "stores/_sqlite_reader.py",
        ("if len(events) != size:", "if False:"),
    ),
    fault(
        "SQLite: a saga whose last events are missing is loaded with others",
        "line 8: what is loaded is all that was written",
        "stores/_sqlite_many.py",
        ("if keys[start:end].count(row.key) == row.size:", "if True:"),
    ),
)
