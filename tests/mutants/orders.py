"""Faults of orders: of when they apply, what they do, and what needs one."""

from mutants.mutant import fault

MUTANTS = (
    # When an order applies
    fault(
        "an order that is refused makes its node due",
        "tests/core/machine/test_ordering.py::test_an_order_is_refused_if_the_log_has_grown",
        "an order that does not apply changes nothing",
        "core/machine/_ordering.py",
        (
            "        step.refused.append(RefusedOrder(order, why))\n        return False\n",
            "        step.refused.append(RefusedOrder(order, why))\n        return True\n",
        ),
    ),
    fault(
        "an order that the fold refuses is noted",
        "tests/core/machine/test_state.py::test_an_order_that_does_not_apply_is_refused_and_changes_nothing",
        "an order that does not apply changes nothing",
        "core/machine/_state.py",
        (
            "                if (refused := self.refusal(node, event_type)) is not None:\n",
            "                if (refused := self.refusal(node, event_type)) is not None:\n"
            "                    self._own_setbacks().ordered[node] = event_type.verb\n",
        ),
    ),
    fault(
        "an order is carried out though the log has grown",
        "tests/core/machine/test_ordering.py::test_an_order_is_refused_if_the_log_has_grown",
        "an order that carries the length of the log is refused if it has grown",
        "core/machine/_ordering.py",
        ("if order.expect is not None and order.expect != size:", "if order.expect == -1:"),
    ),
    fault(
        "an order to fail need not say why",
        "tests/core/machine/test_ordering.py::test_some_orders_have_to_say_why",
        "why is required where marked",
        "core/machine/_ordering.py",
        (
            "if why is None and order.verb in NEEDS_WHY and not order.why:",
            "if why is None and order.why is ...:",
        ),
    ),
    fault(
        "a saga that has succeeded takes orders",
        "tests/core/machine/test_state.py::test_an_order_that_does_not_apply_is_refused_and_changes_nothing",
        "orders on nodes only while the saga is not finished",
        "core/machine/_ordered_state.py",
        (
            "        if self.has_succeeded or self.steering.abandoned is not None:\n",
            "        if self.steering.abandoned is not None:\n",
        ),
    ),
    fault(
        "a node has two orders at once",
        "tests/core/machine/test_state.py::test_an_order_that_does_not_apply_is_refused_and_changes_nothing",
        "what the fold takes is what the verifier allows",
        "core/machine/_ordered_state.py",
        (
            "if (ordered := self.setbacks.ordered.get(node)) is not None:",
            "if (ordered := self.setbacks.ordered.get(-1)) is not None:",
        ),
    ),
    # What an order does
    fault(
        "a node begins though it is held by an order",
        "tests/core/machine/test_state.py::test_forward_a_node_is_runnable_when_all_its_parents_have_succeeded",
        "a node that is held is not begun",
        "core/machine/_frontier.py",
        (
            "if self.setbacks is not NO_SETBACKS and node in self.setbacks.stopped:",
            "if self.flat is None:",
        ),
    ),
    fault(
        "a retry does not lift a hold",
        "tests/core/machine/test_ordering.py::test_a_node_is_held_before_it_begins",
        "a hold is lifted by a retry",
        "core/machine/_ordered_state.py",
        (
            "                if setbacks.stopped.pop(node, False):\n",
            "                if setbacks.stopped.pop(node, False) is None:\n",
        ),
    ),
    fault(
        "a retry leaves the next attempt at its time",
        "tests/core/machine/test_state.py::test_an_order_to_retry_makes_the_next_attempt_due_when_it_is_given",
        "after an order to retry the next attempt is due now",
        "core/machine/_setback.py",
        (
            "attrs.evolve(self.attempts[node], next=due, reopen=False)",
            "attrs.evolve(self.attempts[node], reopen=False)",
        ),
    ),
    fault(
        "a retry of one failed undo begins while another is failed",
        "tests/core/machine/test_ordering.py::test_one_gate",
        "one gate: nothing is begun while an undo is failed",
        "core/machine/_machine.py",
        ("case SagaNodeLoadStatus.UNDO_BACKING_OFF if stuck:", "case None:"),
    ),
    fault(
        "an undo that failed does not count as an attempt",
        "tests/core/machine/test_setback.py::test_an_undo_that_failed_counts_once_it_is_tried_again",
        "what follows an order to retry is the policy's, over the whole count",
        "core/machine/_setback.py",
        ("            number = self.next_number(node, undoing=True)\n", "            number = 0\n"),
    ),
    fault(
        "an order to fail forgets doubt",
        "tests/core/machine/test_ordering.py::test_a_failure_that_was_ordered_has_the_last_error",
        "a node fails with its last error, in doubt as its last attempt left it",
        "core/machine/_ordering.py",
        ("error, doubt = last.error, last.in_doubt", "error, doubt = last.error, False"),
    ),
    fault(
        "a node that is held is waited for when it can never start",
        "tests/core/machine/test_lifecycle.py::test_held_nodes",
        "waiters are told of what a saga hangs on",
        "core/machine/_frontier.py",
        ("            self.setbacks.stopped[held] = False", "            pass"),
    ),
    # What needs an order
    fault(
        "the fold takes what was done by hand without an order",
        "tests/core/machine/test_state.py::test_an_event_without_its_cause_is_refused_and_changes_nothing",
        "an event that only an order allows needs it",
        "core/machine/_setback.py",
        (
            "        if given is not None or between or node in self.undo_failures:\n",
            "        if given is not None:\n",
        ),
    ),
    fault(
        "the verifier takes a node as completed without an order",
        "tests/core/log/test_attempts.py::test_breach",
        "an event that only an order allows needs it",
        "core/log/_attempts.py",
        ("aR*(f|Zf?|C|Ck{_UNDO})", "aR*(f|Zf?|C|C?k{_UNDO})"),
    ),
    fault(
        "the verifier takes a failed undo as finished without an order",
        "tests/core/log/test_attempts.py::test_breach",
        "an event that only an order allows needs it",
        "core/log/_attempts.py",
        ("XR*)(CF?)?)?)?", "XR*)(C?F)?)?)?"),
    ),
    fault(
        "the verifier lets a node fail that waits, without an order",
        "tests/core/log/test_attempts.py::test_breach",
        "an event that only an order allows needs it",
        "core/log/_attempts.py",
        ("first_failure >= seq\n", "first_failure < 0\n"),
    ),
    fault(
        "the fold begins a node that waits for an order",
        "tests/core/machine/test_state.py::test_an_event_without_its_cause_is_refused_and_changes_nothing",
        "what is held waits for an order",
        "core/machine/_setback.py",
        ("if given is not None or (last.held and not last.reopen):", "if given is not None:"),
    ),
    fault(
        "a node that waits for an order begins when its saga is taken up",
        "tests/core/machine/test_machine.py::test_recovery_of_what_waits",
        "what is held waits for an order",
        "core/machine/_machine.py",
        ("if attempt.reopen:  # otherwise", "if attempt.number:  # otherwise"),
    ),
    fault(
        "the verifier lets a node begin that waits for an order",
        "tests/core/log/test_attempts.py::test_breach",
        "what is held waits for an order",
        "core/log/_attempts.py",
        (
            'return f"event {last} holds its node, and nobody has ordered to retry it"',
            "return None",
        ),
    ),
    fault(
        "the verifier lets a node begin that is held by an order",
        "tests/core/log/test_attempts.py::test_breach",
        "a node that is held is not begun",
        "core/log/_attempts.py",
        ("elif held is not None and (", "elif held == -1 and ("),
    ),
    # A saga that gets stuck just then
    fault(
        "a saga ends as stuck though an order goes on with it",
        "tests/runtime/test_order.py::test_a_stuck_saga_is_repaired_while_it_gets_stuck",
        "an order that is acknowledged is carried out",
        "runtime/_executor.py",
        (
            "                case Finish():\n                    pass\n",
            "                case Finish():\n                    self._over.set()\n",
        ),
        (
            "                    report_stuck(self.machine, self._runner.raised)\n",
            "                    report_stuck(self.machine, self._runner.raised)\n"
            "                    self._over.set()\n",
        ),
    ),
    fault(
        "an order comes too late once a saga that is stuck has not quite ended",
        "tests/runtime/test_order.py::test_a_stuck_saga_is_repaired_while_it_gets_stuck",
        "a stuck saga can be repaired by a retry",
        "runtime/_entry.py",
        ("return over and isinstance(ask, OrderSaga)  # until", "return False  # until"),
    ),
    # What is written of it
    fault(
        "Steno is given a log without the orders in it",
        "tests/core/log/test_dump.py::test_what_steno_cannot_read",
        "a log with an order has no form that Steno could read",
        "core/log/_dump.py",
        ('                raise _not_stenos(path, "is an order")\n', "                pass\n"),
    ),
    # Orders on the saga itself
    fault(
        "a paused saga begins nodes",
        "tests/core/machine/test_steering.py::test_what_comes_in_a_pause_is_logged_and_begins_nothing",
        "nothing is begun in a pause",
        "core/machine/_machine.py",
        (
            "(self._draining or state.paused or abandoned)",
            "(self._draining or abandoned)",
        ),
    ),
    fault(
        "a pause is lost in a fold",
        "tests/core/machine/test_steering.py::test_a_state_in_one_word",
        "a pause is a fold of the log",
        "core/machine/_steered_frontier.py",
        ("self.paused = order.verb is Verb.PAUSE", "self.paused = False"),
    ),
    fault(
        "a paused saga is taken over at open",
        "tests/core/machine/test_lifecycle.py::test_what_is_taken_up_when_a_sec_is_opened",
        "a paused saga is not in memory",
        "core/log/_cached_state.py",
        (
            "return self is not SagaCachedState.PAUSED and self not in _FINISHED",
            "return self not in _FINISHED",
        ),
    ),
    fault(
        "a start in a pause is not logged",
        "tests/core/machine/test_steering.py::test_a_start_is_logged_where_nothing_else_says_so",
        "a start that begins nothing is an event of its own",
        "core/machine/_machine.py",
        ("barred = state.paused or self._draining or", "barred = self._draining or"),
    ),
    fault(
        "an abandoned saga takes events",
        "tests/core/machine/test_steering.py::test_nothing_follows_once_a_saga_is_abandoned",
        "nothing follows once a saga is abandoned",
        "core/machine/_machine.py",
        (
            "            return not isinstance(told, Order)\n",
            "            return False\n",
        ),
    ),
    fault(
        "a saga that has succeeded cannot be unwound",
        "tests/core/machine/test_steering.py::test_a_saga_that_has_succeeded_is_undone_in_reverse",
        "an order to unwind applies to a saga that has succeeded",
        "core/machine/_order_rules.py",
        (
            "SagaCachedState.SUCCEEDED: frozenset({Verb.UNWIND}),",
            "SagaCachedState.SUCCEEDED: frozenset(),",
        ),
    ),
    fault(
        "a deadline is met while its saga is paused",
        "tests/core/machine/test_deadline.py::test_a_deadline_in_a_pause",
        "a deadline that passes in a pause is met at the resume",
        "core/machine/_machine.py",
        ("if goes_on and not state.paused and", "if goes_on and"),
    ),
    fault(
        "a signal is sent twice with another value",
        "tests/core/machine/test_signal.py::test_another_value_is_refused",
        "a signal has one value, unless it is replaced before a node takes it",
        "core/machine/_ordering.py",
        ("if sent not in {None, order.value}:", "if sent is ...:"),
    ),
    fault(
        "a signal that a node has taken is replaced",
        "tests/core/machine/test_signal.py::test_another_value_is_refused",
        "a signal has one value, unless it is replaced before a node takes it",
        "core/machine/_steering.py",
        (
            "if taken and self.signals.get(order.signal) not in {None, order.value}:",
            "if taken is ...:",
        ),
    ),
    # Orders to many sagas
    fault(
        "a bulk order is given to a saga twice",
        "tests/core/machine/test_bulk.py::test_an_order_of_a_bulk_order_is_carried_out_once",
        "exactly once per saga, whatever crashes in between",
        "core/machine/_ordering.py",
        ("    if _was_given(order, state):\n        return False\n", ""),
    ),
    fault(
        "a bulk order that was given is refused where the saga has moved on",
        "tests/core/machine/test_bulk.py::test_another_bulk_order_is_another_order",
        "given again, it is accepted and changes nothing",
        "core/machine/_ordering.py",
        ("    if _was_given(order, state):\n        return None\n", ""),
    ),
    fault(
        "the fold takes a bulk order twice",
        "tests/core/machine/test_bulk.py::test_a_log_with_a_bulk_order_twice_is_corrupt",
        "a bulk order is given to a saga at most once",
        "core/log/_log.py",
        ("and self.has_bulk_order(order.bulk):", "and order.bulk is ...:"),
    ),
    fault(
        "the verifier takes a bulk order twice",
        "tests/core/machine/test_bulk.py::test_a_log_with_a_bulk_order_twice_is_corrupt",
        "a bulk order is given to a saga at most once",
        "core/log/_bulk_rule.py",
        ("            if order.bulk in seen:\n", "            if order.bulk in ():\n"),
    ),
    fault(
        "a start that is part of a bulk order leaves no trace",
        "tests/core/machine/test_bulk.py::test_a_start_that_is_part_of_a_bulk_order_is_logged",
        "the log says which bulk order each order is part of",
        "core/machine/_machine.py",
        ("order.why is not None or order.bulk is not None or", "order.why is not None or"),
    ),
)
