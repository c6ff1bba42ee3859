"""Faults of the stores: of fences, of numbers of events, of transactions, of lists."""

from mutants.mutant import fault

MEMORY = "tests/testing/conformance/test_memory.py::test_it_passes"
SQLITE = "tests/stores/sqlite/test_conformance.py::test_it_passes"
JUDGE = "tests/store/test_judge.py::test_each_write_has_its_outcome"
BATCH = "tests/stores/sqlite/test_batch.py"
ROW = "tests/stores/sqlite/test_row.py"

MUTANTS = (
    # The rules
    fault(
        "the fence is not looked at",
        JUDGE,
        "Steno's row 12: no write looks at the fence",
        "store/_judge.py",
        ("if row.fence is not write.fence and row.fence != write.fence:", "if False:"),
    ),
    fault(
        "a saga that is not there has another's fence",
        JUDGE,
        "there is no such saga",
        "store/_judge.py",
        ("return Rejected(NoSuchSaga(write.saga_id)), None", 'return Lost("nobody"), None'),
    ),
    fault(
        "a gap between events is accepted",
        JUDGE,
        "events follow each other without a gap",
        "store/_judge.py",
        ("not 0 < known <= len(record.events)", "not known <= len(record.events)"),
    ),
    fault(
        "other events of the same numbers are dropped",
        JUDGE,
        "a record is idempotent, and another one is refused",
        "store/_judge.py",
        (
            "        or tuple(row.events_from(record.first_seq)) != record.events[:known]\n",
            "",
        ),
    ),
    fault(
        "events that are stored already are stored again",
        JUDGE,
        "a record is idempotent, and another one is refused",
        "store/_judge.py",
        ("record.events[known:] if known else record.events", "record.events"),
    ),
    fault(
        "an id that is in use is created",
        JUDGE,
        "the id of a saga is used once",
        "store/_judge.py",
        ("        and row.is_of(saga)\n", ""),
    ),
    fault(
        "a record hides what was noted with a problem",
        JUDGE,
        "the gravest reason to look at a saga is said",
        "store/_judge.py",
        ("record.state in _FINAL if _is_noted(known) else known", "known"),
    ),
    fault(
        "a reason to look at a saga is never cleared",
        JUDGE,
        "a row says why a person should look at a saga, as its log says",
        "store/_judge.py",
        ("and _is_news(row.concern", "and record.concern and _is_news(row.concern"),
    ),
    fault(
        "a problem outlives the end of its saga",
        JUDGE,
        "nobody has to look at a saga that is finished",
        "store/_judge.py",
        ("True, record.concern, noted)", "True, record.concern)"),
    ),
    fault(
        "a saga that gets stuck is not halted any more",
        JUDGE,
        "the gravest reason to look at a saga is said",
        "store/_judge.py",
        ("SagaCachedState.ABANDONED}", "SagaCachedState.ABANDONED, SagaCachedState.STUCK}"),
    ),
    fault(
        "a list of a node has sagas of other nodes",
        "tests/store/test_list.py::test_what_a_query_leaves_out",
        "a list has the sagas that match all of its filters",
        "store/_list.py",
        ("            and self.attention_node in {None, concern.node}\n", ""),
    ),
    fault(
        "groups come in any order",
        "tests/store/test_groups.py::test_groups_have_an_order",
        "the gravest reason comes first",
        "store/_groups.py",
        ("return sorted(groups, key=_place)", "return groups"),
    ),
    # In memory
    fault(
        "in memory: the generation is not raised",
        f"{MEMORY}[fencing: each life of a sec has a generation of its own]",
        "Steno's row 12: a take-over raises the generation",
        "stores/_memory.py",
        (
            "self._generations.get(sec_name, 0) + 1)\n        self._gen",
            "self._generations.get(sec_name, 0))\n        self._gen",
        ),
    ),
    fault(
        "in memory: a fence comes back",
        f"{MEMORY}[fencing: no fence comes back]",
        "Steno's row 12: a take-over raises the generation",
        "stores/_memory_row.py",
        ("max(self.fence.generation + 1, life.generation)", "life.generation"),
    ),
    fault(
        "in memory: finished sagas are taken over",
        f"{MEMORY}[fencing: a sec takes over its own unfinished sagas]",
        "what is finished is never touched again",
        "stores/_memory.py",
        (
            "if row.fence.sec_name == sec_name and row.state.is_taken_up",
            "if row.fence.sec_name == sec_name",
        ),
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
            "bisect.bisect_right(self._ids, after)",
            "bisect.bisect_left(self._ids, after)",
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
        "SQLite: what others have written is not seen",
        f"{BATCH}::test_what_somebody_else_has_written_is_seen",
        "Steno's row 12: no write looks at the fence",
        "stores/sqlite/_writer.py",
        ("if version != self._version:", "if self._version == -1:"),
    ),
    fault(
        "SQLite: a write is compared with what its batch has not written yet",
        f"{BATCH}::test_any_batch_comes_to_what_its_writes_come_to_one_by_one",
        "a record is idempotent, and another one is refused",
        "stores/sqlite/_writer.py",
        ("        self._writer.flush()\n        return events", "        return events"),
        ("        self._writer.flush()\n        content", "        content"),
    ),
    fault(
        "SQLite: what was not done is remembered",
        f"{BATCH}::test_a_batch_that_was_not_done_leaves_nothing_in_the_way",
        "a batch is written whole, or not at all",
        "stores/sqlite/_writer.py",
        (
            "        except BaseException:\n            self._forget()\n",
            "        except ZeroDivisionError:\n",
        ),
    ),
    fault(
        "SQLite: finished sagas are remembered",
        f"{BATCH}::test_sagas_that_are_finished_are_not_remembered",
        "the cost of a saga does not grow with their number",
        "stores/sqlite/_writer.py",
        ("self._rows.pop(saga_id.int, None)  # it will", "pass  # it will"),
    ),
    fault(
        "SQLite: the generation of a saga is not raised",
        f"{SQLITE}[create: a saga may be created running-thread]",
        "Steno's row 12: a take-over raises the generation",
        "stores/sqlite/_ownership.py",
        (
            "adopt_generation = max(adopt_generation + 1, ?)",
            "adopt_generation = min(adopt_generation, ?)",
        ),
    ),
    fault(
        "SQLite: half a batch is kept",
        f"{SQLITE}[faults: a write that cannot be stored hurts no other-thread]",
        "a batch is written whole, or not at all",
        "stores/sqlite/_statement.py",
        ('db.execute("ROLLBACK")\n\n', 'db.execute("COMMIT")\n\n'),
    ),
    fault(
        "SQLite: a problem is noted without its reason",
        f"{SQLITE}[attention: what is noted with a problem is graver-inline]",
        "the gravest reason to look at a saga is said",
        "stores/sqlite/_writer.py",
        (
            "self._changes.notes.append((problem, row.key))\n"
            "                self._set_concern(row, concern)\n",
            "self._changes.notes.append((problem, row.key))\n",
        ),
    ),
    fault(
        "SQLite: a saga is created without its reason",
        f"{SQLITE}[attention: a creation may say why a person should look-inline]",
        "a row says why a person should look at a saga, as its log says",
        "stores/sqlite/_writer.py",
        ("if saga.concern is not None:", "if saga.concern is None:"),
    ),
    fault(
        "SQLite: damage to a reason is not shown",
        f"{ROW}::test_a_damaged_concern_is_shown_as_a_problem",
        "what is damaged in a row is shown",
        "stores/sqlite/_row.py",
        ("    if not damages:\n        return row\n", "    return row\n"),
    ),
    fault(
        "SQLite: what needs attention in an older file is not told",
        "tests/stores/sqlite/test_repack.py::test_all_that_a_file_holds_is_moved",
        "a row says why a person should look at a saga, as its log says",
        "stores/sqlite/_repack.py",
        ("{TOLD}", "NULL"),
    ),
    fault(
        "SQLite: paused sagas are taken over",
        f"{SQLITE}[fencing: a paused saga is left alone until it is claimed-inline]",
        "a paused saga is not loaded at open",
        "stores/sqlite/_ownership.py",
        ("'running', 'unwinding')", "'running', 'unwinding', 'paused')"),
    ),
    fault(
        "SQLite: the end of a saga has no time",
        f"{SQLITE}[times: times are in utc and in order-thread]",
        "a finished saga is stored as that",
        "stores/sqlite/_writer.py",
        (
            "moves.append((state.value, now if state.finished else None, row.key))",
            "moves.append((state.value, None, row.key))",
        ),
    ),
    fault(
        "SQLite: events have the time of their transaction",
        f"{ROW}::test_events_of_different_times_are_different_steps",
        "every event has the time at which it was made",
        "stores/_step.py",
        ("now if time is None else time, packed", "now, packed"),
    ),
    fault(
        "SQLite: what did not fit into a part of a migration is lost",
        "tests/stores/sqlite/test_repack.py::test_all_that_a_file_holds_is_moved",
        "what was written stays",
        "stores/sqlite/_repack.py",
        (
            "DELETE FROM node_event_1 WHERE (saga_key, seq) <= (?, ?)",
            "DELETE FROM node_event_1 WHERE (saga_key, seq) <= (? + 1, ?)",
        ),
    ),
    fault(
        "SQLite: a file that is being migrated is read",
        "tests/stores/sqlite/test_repack.py::test_a_file_that_is_being_moved_is_not_read",
        "line 8: what is loaded is all that was written",
        "stores/sqlite/_file.py",
        ("if is_moving(db):", "if False:"),
    ),
    fault(
        "SQLite: a list begins with its marker",
        f"{SQLITE}[list: every saga is listed once in the order of ids-thread]",
        "a marker is exclusive",
        "stores/sqlite/_list.py",
        ('"saga_id", "> ?", ""', '"saga_id", ">= ?", ""'),
    ),
    fault(
        "SQLite: a list of the newest begins with its marker",
        f"{SQLITE}[filters: the newest may come first-thread]",
        "a marker is exclusive",
        "stores/sqlite/_list.py",
        ('if query.after_number is None else "< ?"', 'if query.after_number is None else "<= ?"'),
    ),
    fault(
        "SQLite: the newest of few come in the order of ids",
        "tests/stores/sqlite/test_list.py::test_any_query_finds_what_matches",
        "a saga that exists throughout a listing is in exactly one page",
        "stores/sqlite/_list.py",
        ("key=lambda row: row[-1], reverse=True", "key=lambda row: row[0]"),
    ),
    fault(
        "SQLite: more sagas than are sorted are taken for all",
        "tests/stores/sqlite/test_list.py::test_any_query_finds_what_matches",
        "a saga that exists throughout a listing is in exactly one page",
        "stores/sqlite/_list.py",
        ("            if len(keys) > FEW:\n                break\n", ""),
    ),
    fault(
        "SQLite: tags outlive their saga",
        "tests/stores/sqlite/test_list.py::test_tags_are_deleted_with_their_saga",
        "nothing is left of a saga that was pruned",
        "stores/sqlite/_prune.py",
        ('    "DELETE FROM tag WHERE saga_key = ?",\n', ""),
    ),
    fault(
        "tags are part of what a saga is",
        JUDGE,
        "a creation that is sent again is durable, whatever its tags",
        "store/_judge.py",
        (
            "        and row.is_of(saga)\n",
            "        and row.is_of(saga)\n        and not saga.tags\n",
        ),
    ),
    fault(
        "SQLite: a saga of which a step is missing is loaded",
        f"{ROW}::test_a_step_that_is_missing_is_seen",
        "line 8: what is loaded is all that was written",
        "stores/_step.py",
        ("if seq != len(nodes):", "if False:"),
    ),
)
