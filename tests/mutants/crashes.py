"""Faults of the quarantine: of the count of crashes, in stores and out of them, and of trials."""

from mutants.mutant import fault

RULE = "tests/store/test_crashes.py"
SQL = "tests/stores/sqlite/test_ownership.py"
RUNTIME = "tests/runtime/test_quarantine.py"

QUARANTINE = "quarantine after five lives that crashed while a call was under way"

MUTANTS = (
    # The rule
    fault(
        "a life that was left normally counts as a crash",
        f"{RULE}::test_each_case_has_its_count",
        "leaving `open_sec` normally resets the count",
        "store/_crashes.py",
        ("    if left:\n", "    if left and not progressed:\n"),
    ),
    fault(
        "sagas that were never tried are condemned",
        f"{RUNTIME}::test_sagas_that_were_never_tried_are_not_condemned",
        QUARANTINE,
        "store/_crashes.py",
        ("if before < UNMARKED or tried else before", "if before < 99 or tried else before"),
    ),
    fault(
        "a new event does not begin the count of crashes again",
        f"{RUNTIME}::test_a_new_event_begins_the_count_again",
        "a new event resets the count",
        "store/_crashes.py",
        ("    if progressed:\n", "    if progressed and not before:\n"),
    ),
    # Stores
    fault(
        "in memory: a claim does not begin the count of crashes again",
        "tests/testing/conformance/test_memory.py::test_it_passes"
        "[crashes: a claim begins the count again]",
        "`saga_recover` overrides the quarantine",
        "stores/_memory.py",
        ("        row.crashes = 0\n        return", "        return"),
    ),
    fault(
        "in memory: an earlier life can be left late",
        "tests/testing/conformance/test_memory.py::test_it_passes"
        "[crashes: leaving is of one life of one sec]",
        "leaving is noted for the present life",
        "stores/_memory.py",
        (
            "if self._generations.get(fence.sec_name) == fence.generation:",
            "if self._generations.get(fence.sec_name):",
        ),
    ),
    fault(
        "SQLite: only events of the first life are new",
        f"{SQL}::test_an_event_is_new_once",
        "a new event resets the count",
        "stores/sqlite/_ownership.py",
        ("taken_seq IS NULL OR taken_seq <> {last_seq}", "taken_seq IS NULL"),
    ),
    fault(
        "SQLite: a mark of an earlier life counts on",
        f"{SQL}::test_sql_counts_as_the_rule_does[0]",
        QUARANTINE,
        "stores/sqlite/_ownership.py",
        ("            tried = 0\n", "            tried = tried\n"),
    ),
    fault(
        "SQLite: a damaged step keeps a SEC from being opened",
        f"{SQL}::test_where_steps_cannot_be_read_no_crash_is_counted",
        "damage affects only its own saga",
        "stores/sqlite/_ownership.py",
        ("        if not is_corrupt(error):\n", "        if error:\n"),
    ),
    # The loader
    fault(
        "a saga is quarantined a life late",
        f"{RUNTIME}::test_a_saga_that_has_killed_five_lives_is_not_run_again",
        QUARANTINE,
        "runtime/_quarantine.py",
        ("if claim.crashes < MOST_CRASHES or", "if claim.crashes <= MOST_CRASHES or"),
    ),
    fault(
        "a saga that sleeps is suspected",
        f"{RUNTIME}::test_a_saga_without_a_call_under_way_is_never_suspected",
        QUARANTINE,
        "runtime/_quarantine.py",
        (
            "(node for node in state.in_flight if isinstance(flat.nodes[node], ActionNode))",
            "iter(state.in_flight)",
        ),
    ),
    fault(
        "a call is made again before its saga is marked",
        f"{RUNTIME}::test_the_mark_is_durable_before_the_call_is_made",
        QUARANTINE,
        "runtime/_quarantine.py",
        ("outcome = await reply.wait()", "outcome = reply"),
    ),
    fault(
        "a mark that was lost is taken for one that was written",
        f"{RUNTIME}::test_a_saga_that_was_taken_over_meanwhile_is_not_run",
        "Steno's row 12: no write looks at the fence",
        "runtime/_quarantine.py",
        ("        if isinstance(outcome, Lost):\n", "        if outcome is Lost:\n"),
    ),
    fault(
        "a saga passes its trial at once",
        f"{RUNTIME}::test_a_minute_begins_the_count_again[59-False]",
        "having been loaded for a minute resets the count",
        "runtime/_quarantine.py",
        ("            await trio.sleep_until(saga.until)\n", ""),
    ),
    fault(
        "a saga that has gone on passes its trial as well",
        f"{RUNTIME}::test_a_saga_that_has_gone_on_or_ended_needs_no_minute",
        "an ordinary crash costs no writes",
        "runtime/_quarantine.py",
        ("            and len(executor.machine.state.log.events) == self.events\n", ""),
    ),
    # Leaving
    fault(
        "a SEC that an exception ends was left normally",
        f"{RUNTIME}::test_leaving_by_an_exception_is_a_crash",
        "leaving `open_sec` normally resets the count",
        "runtime/_open.py",
        (
            "                if left_by is None and supervisor.crash is None:\n",
            "                if True:\n",
        ),
    ),
)
