"""Faults of orders on sagas that are halted, or not recovered by their SEC."""

from mutants.mutant import fault

MUTANTS = (
    # Sagas that are halted
    fault(
        "a halted saga goes on when it is ordered to",
        "tests/core/machine/test_halted.py::test_an_order_is_recorded_and_nothing_is_begun",
        "of a halted saga an order is recorded, and nothing is begun",
        "core/machine/_machine.py",
        ("not (self._started or self._draining):", "not self._started:"),
    ),
    fault(
        "a halted saga is unwound at its deadline",
        "tests/core/machine/test_halted.py::test_a_deadline_that_has_passed_waits_for_the_saga",
        "of a halted saga an order is recorded, and nothing is begun",
        "core/machine/_machine.py",
        ("self._started or (state.begun and not self._draining)", "self._started or state.begun"),
    ),
    fault(
        "a halted saga sets out when an order is given",
        "tests/runtime/test_standing.py::test_an_order_is_recorded",
        "of a halted saga an order is recorded, and nothing is begun",
        "runtime/_executor.py",
        (
            "if not (self.machine.started or self.stands_still) and",
            "if not self.machine.started and",
        ),
    ),
    fault(
        "a saga that was not recovered goes on by an order",
        "tests/runtime/test_standing.py::test_an_order_is_recorded",
        "of a halted saga an order is recorded, and nothing is begun",
        "runtime/_absent.py",
        ("return not self._recovers or self._halted", "return self._halted"),
    ),
    fault(
        "an order of a saga whose actions are gone needs them",
        "tests/runtime/test_standing.py::test_a_saga_whose_actions_are_gone_takes_orders",
        "an order calls nothing, and needs no action",
        "runtime/_recover.py",
        ("            if still:\n", "            if False:\n"),
    ),
    fault(
        "an order takes a saga from the SEC that runs it",
        "tests/runtime/test_standing.py::test_a_saga_of_another_name_is_left_to_it",
        "an order is for the SEC that has the saga",
        "runtime/_absent.py",
        (
            "        if stored.fence.sec_name != self._fence.sec_name:\n            return False\n",
            "",
        ),
    ),
    fault(
        "a halted saga that is abandoned stays halted",
        "tests/runtime/test_standing.py::test_a_halted_saga_that_is_abandoned_is_finished",
        "nobody has to look at a saga that is finished",
        "runtime/_coordinator.py",
        ("executor.stands_still and executor.recording.row.can_go_on:", "executor.stands_still:"),
    ),
    fault(
        "an order to start a halted saga twice is taken for a start",
        "tests/runtime/test_standing.py::test_a_halted_saga_takes_orders_and_stays_halted",
        "a saga is started once",
        "runtime/_absent.py",
        ("        if not is_ready or not self._stands_still", "        if not self._stands_still"),
    ),
    fault(
        "a paused saga of a SEC that recovers none is not known any more",
        "tests/runtime/test_standing.py::test_what_a_sec_has_created_itself_goes_on",
        "what a SEC has created goes on by an order",
        "runtime/_entries.py",
        ("entry.is_idle and not self.keeps_paused:", "entry.is_idle:"),
    ),
    # Sagas that cannot be read
    fault(
        "a finished saga is abandoned since it cannot be read",
        "tests/runtime/test_unread.py::test_a_damaged_row_of_a_file",
        "a finished saga is not abandoned",
        "runtime/_absent.py",
        ("if row.state.finished and row.state is not SagaCachedState.STUCK:", "if row is None:"),
    ),
    fault(
        "an unread saga of another SEC is abandoned",
        "tests/runtime/test_unread.py::test_a_damaged_row_of_a_file",
        "an order is for the SEC that has the saga",
        "runtime/_absent.py",
        ("ListQuery(marker, limit=1, sec_name=self._fence.sec_name)", "ListQuery(marker, limit=1)"),
    ),
    fault(
        "an unread saga is abandoned though its log may have grown",
        "tests/runtime/test_unread.py::test_what_its_log_would_say_is_not_known",
        "an order that carries the length of the log is refused if it has grown",
        "runtime/_absent.py",
        (
            "        if order.expect is not None:\n            msg",
            "        if False:\n            msg",
        ),
    ),
    fault(
        "an abandoned saga that cannot be read has ended at no time",
        "tests/stores/sqlite/test_conformance.py::test_it_passes",
        "an abandoned saga can be pruned",
        "stores/sqlite/_writer.py",
        ("                    self._move(row, row.state, now)\n", ""),
    ),
    # A pause in an unwinding, and what verifying costs
    fault(
        "a paused saga that unwinds cannot be ordered to unwind",
        "tests/core/machine/test_steering.py::test_an_order_is_done_or_refused",
        "an order to unwind is allowed for a paused saga, and ends the pause",
        "core/machine/_order_rules.py",
        ("and begun and not (cancel or paused):", "and begun and not cancel:"),
    ),
    fault(
        "the verifier looks at what was undone as if it were not",
        "tests/core/log/test_steered.py::test_a_breach_of_the_rule_about_orders_on_a_saga",
        "a saga that is undone takes no orders",
        "core/log/_ends.py",
        ("            standing.discard(node)\n", "            pass\n"),
    ),
)
