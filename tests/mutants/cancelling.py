"""Faults of orders that cancel calls: of when they apply, and of how a call ends by them."""

from mutants.mutant import fault

TESTS = "tests/core/machine/test_cancelling.py"
RUNTIME = "tests/runtime/test_cancelling.py"

MUTANTS = (
    # When an order applies
    fault(
        "a call is cancelled twice for the same",
        f"{TESTS}::test_an_order_to_cancel_is_refused",
        "an order that is given twice is refused the second time",
        "core/machine/_order_rules.py",
        ("    if given is verb:\n", "    if given is verb is Verb.HOLD:\n"),
    ),
    fault(
        "a call is to be made again though its saga unwinds",
        f"{TESTS}::test_an_order_to_cancel_is_refused",
        "a forward one only while the saga does not unwind",
        "core/machine/_order_rules.py",
        (
            "if verb is Verb.RETRY and status is _S.STARTED and unwinding:",
            "if verb is Verb.FAIL and status is _S.UNDO_STARTED:",
        ),
    ),
    fault(
        "the fold cancels what has no call",
        f"{TESTS}::test_an_order_to_cancel_that_does_not_apply_is_not_folded",
        "a call is under way from started to its result",
        "core/machine/_order_rules.py",
        ("if not (runs_action and status in CALLED):", "if status not in CALLED:"),
    ),
    fault(
        "a call is cancelled without being asked for",
        "tests/core/machine/test_order_rules.py::test_when_an_order_applies",
        "a call under way with cancel=True only",
        "core/machine/_order_rules.py",
        (
            "        case _ if status is _S.UNDO_STARTED:\n",
            "        case _ if unwinding and False:\n",
        ),
    ),
    fault(
        "an order to unwind and cancel is refused in an unwinding",
        f"{TESTS}::test_an_order_to_unwind_and_cancel_in_an_unwinding",
        "this is allowed during an unwinding too",
        "core/machine/_order_rules.py",
        ("and begun and not (cancel or paused):", "and begun and not paused:"),
    ),
    fault(
        "the verifier lets a forward call be made again in an unwinding",
        f"{TESTS}::test_an_order_to_cancel_that_does_not_apply_is_not_folded",
        "a forward one only while the saga does not unwind",
        "core/log/_attempts.py",
        (
            "if order.verb is Verb.RETRY and is_action and first_failure < seq:",
            "if order.verb is Verb.RETRY and not is_action and first_failure < seq:",
        ),
    ),
    # How a call ends
    fault(
        "the log says cancel where there was no call",
        f"{TESTS}::test_an_order_that_finds_nothing_to_cancel",
        "the log says what was done",
        "core/machine/_ordering.py",
        ("if order.cancel and not state.has_call(node):", "if order.cancel is None:"),
    ),
    fault(
        "how a cancelled call ends is logged with its order",
        f"{TESTS}::test_a_cancelled_call_ends_as_ordered",
        "the order is logged, then the call is cancelled",
        "core/machine/_ordering.py",
        ("        if not event.cancel:", "        if event.verb is not Verb.RETRY:"),
    ),
    fault(
        "a cancelled call is not cancelled",
        f"{TESTS}::test_a_cancelled_call_ends_as_ordered",
        "the order is logged, then the call is cancelled",
        "core/machine/_cancelling.py",
        ("            step.then.append(CancelCall(node))\n", "            pass\n"),
    ),
    fault(
        "an order on one node cancels another's call",
        f"{TESTS}::test_orders_on_two_nodes",
        "an order on a node changes only its node",
        "core/machine/_cancelling.py",
        ("if order.node_id in {None, node} and given", "if given"),
    ),
    fault(
        "what a call says counts though an order cancels it",
        f"{TESTS}::test_a_cancelled_call_ends_as_ordered",
        "when its task has ended, whatever it then says, its end is logged",
        "core/machine/_cancelling.py",
        (
            "if order is None or (order.verb is Verb.UNWIND and not",
            "if order is None or (order.verb is not None and not",
        ),
    ),
    fault(
        "a call that returned is lost to an order to unwind",
        f"{TESTS}::test_how_a_call_ends_when_its_saga_is_unwound",
        "calls under way are cancelled, of actions that provide for doubt",
        "core/machine/_cancelling.py",
        (
            "if order is None or (order.verb is Verb.UNWIND and not",
            "if order is None or (order.verb is None and not",
        ),
    ),
    fault(
        "a call that is cancelled is never in doubt",
        f"{TESTS}::test_a_cancelled_call_ends_as_ordered",
        "in doubt where that is provided for",
        "core/machine/_cancelling.py",
        ("    if doubt is None:\n", "    if doubt is not None:\n"),
    ),
    fault(
        "a call that is to fail succeeds as its probe says",
        f"{TESTS}::test_a_cancelled_call_ends_as_ordered",
        "its end is logged: failed",
        "core/machine/_cancelling.py",
        (
            "case Verb.RETRY | Verb.UNWIND if output is not None:",
            "case Verb.RETRY | Verb.UNWIND | Verb.FAIL if output is not None:",
        ),
    ),
    fault(
        "what a probe found is not undone",
        f"{TESTS}::test_a_cancelled_call_ends_as_ordered",
        "a node that failed in doubt is unwound",
        "core/machine/_cancelling.py",
        ("doubt=doubt or output is not None", "doubt=doubt"),
    ),
    fault(
        "a call that is cancelled is tried again in an unwinding",
        f"{TESTS}::test_a_call_that_is_to_be_made_again_is_the_last_once_its_saga_unwinds",
        "a forward attempt that fails during an unwinding is the node's last",
        "core/machine/_cancelling.py",
        ("        case Verb.RETRY if not state.unwinding:\n", "        case Verb.RETRY:\n"),
    ),
    fault(
        "a cancelled attempt is not due at once",
        f"{TESTS}::test_a_cancelled_call_ends_as_ordered",
        "attempt_failed due now",
        "core/machine/_cancelling.py",
        (
            "            step.log(node, AttemptFailed(number, error, doubt, now, reopen=False))\n"
            "            due[node] = None\n",
            "            step.log(node, AttemptFailed(number, error, doubt, now, reopen=False))\n",
        ),
    ),
    fault(
        "a cancelled call is made again after a crash",
        f"{TESTS}::test_a_crash_before_a_cancelled_call_has_ended",
        "recovery logs that end without a call",
        "core/machine/_machine.py",
        (
            "            if (order := self.state.setbacks.cancelling.get(node)) is not None:\n",
            "            if (order := self.state.setbacks.cancelling.get(-1)) is not None:\n",
        ),
    ),
    fault(
        "a cancelled undo is made again after a crash",
        f"{TESTS}::test_a_crash_before_a_cancelled_call_has_ended",
        "recovery logs that end without a call",
        "core/machine/_cancelling.py",
        ("    if not undoing and order.verb", "    if undoing or order.verb"),
    ),
    fault(
        "an order to unwind takes the place of one on a node",
        f"{TESTS}::test_orders_on_a_node_and_on_its_saga",
        "the order on the node counts",
        "core/machine/_ordered_state.py",
        (
            "self._own_setbacks().cancelling.setdefault(node, order)",
            "self._own_setbacks().cancelling[node] = order",
        ),
    ),
    fault(
        "an order to unwind cancels undos",
        f"{TESTS}::test_an_order_to_unwind_and_cancel_in_an_unwinding",
        "calls of actions are cancelled",
        "core/machine/_ordered_state.py",
        (
            "if self.has_call(node) and self.log.status(node) is SagaNodeLoadStatus.STARTED:",
            "if self.has_call(node):",
        ),
    ),
    fault(
        "a retry that cancels does not lift a hold",
        f"{TESTS}::test_a_node_is_held_while_its_call_is_cancelled",
        "a hold is lifted by a retry",
        "core/machine/_ordered_state.py",
        (
            "                setbacks.stopped.pop(node, None)\n            return\n",
            "                pass\n            return\n",
        ),
    ),
    # What the fold takes
    fault(
        "the fold takes any end of a cancelled call",
        f"{TESTS}::test_an_end_other_than_ordered_is_not_folded",
        "its end is logged as ordered",
        "core/machine/_setback.py",
        (
            "        if (order := self.cancelling.get(node)) is None:\n",
            "        if (order := self.cancelling.get(node)) is None or order.verb:\n",
        ),
    ),
    fault(
        "the fold takes a failure of a cancelled undo",
        f"{TESTS}::test_an_end_other_than_ordered_is_not_folded",
        "its end is logged as ordered",
        "core/machine/_state.py",
        (
            "                self.setbacks.check_cancelled(node, event_type, unwinding=True)\n",
            "",
        ),
    ),
    fault(
        "a call stays cancelled when its attempt has ended",
        f"{TESTS}::test_an_order_after_a_call_was_cancelled",
        "the order is about that call",
        "core/machine/_setback.py",
        (
            "        self.cancelling.pop(node, None)\n        if isinstance",
            "        if isinstance",
        ),
    ),
    fault(
        "the verifier takes another output than ordered",
        f"{TESTS}::test_an_end_other_than_ordered_is_not_folded",
        "succeeded with that output",
        "core/log/_attempts.py",
        ("if order.verb is Verb.COMPLETE and output != order.value:", "if output is None:"),
    ),
    fault(
        "the verifier takes a failure after an order to retry",
        f"{TESTS}::test_an_end_other_than_ordered_is_not_folded",
        "attempt_failed due now",
        "core/log/_attempts.py",
        ("if order.verb is Verb.RETRY and not unwinds:", "if order.verb is None and not unwinds:"),
    ),
    # The call itself
    fault(
        "a call is alone though others are beside it",
        "tests/core/graph/test_flat.py::test_nodes_that_have_nothing_beside_them",
        "an order cancels one call, and no other",
        "core/graph/_flat.py",
        ("alone[place[0]] and beside[place] == 1 for", "beside[place] == 1 for"),
    ),
    fault(
        "a call that is cancelled takes others with it",
        f"{RUNTIME}::test_a_call_is_cancelled_and_made_again",
        "an order cancels one call, and no other",
        "runtime/_tasks.py",
        (
            "            scope.cancel()\n        elif",
            "            nursery.cancel_scope.cancel()\n        elif",
        ),
    ),
    fault(
        "what a cancelled call returns is its result",
        f"{RUNTIME}::test_a_call_is_cancelled_and_counts_as_done",
        "when its task has ended, whatever it then says, its end is logged",
        "core/machine/_cancelling.py",
        (
            "            step.log(node, order.value)\n",
            "            step.log(node, output or NULL)\n",
        ),
        (
            "from steno.core._value import JsonText, encode_json",
            "from steno.core._value import NULL, JsonText, encode_json",
        ),
    ),
    fault(
        "a call that did not begin is in doubt",
        f"{RUNTIME}::test_a_call_that_waits_for_its_turn_was_not_made",
        "a call that waits for its turn was not made",
        "runtime/_limit.py",
        (
            "            return False\n        self._dismissed",
            "            return False\n        return False\n        self._dismissed",
        ),
    ),
    fault(
        "an order to unwind cancels actions that do not provide for doubt",
        f"{RUNTIME}::test_an_action_that_does_not_provide_for_doubt_is_not_cancelled",
        "calls of actions that provide for doubt are cancelled",
        "runtime/_tasks.py",
        (
            "if order.verb is Verb.UNWIND and not self._runner",
            "if order.verb is None and not self._runner",
        ),
    ),
    fault(
        "a probe is not asked of a cancelled call",
        f"{RUNTIME}::test_a_probe_of_a_cancelled_call",
        "a probe goes first",
        "runtime/_attempt.py",
        ("return self._is_cancelled and not asks", "return self._is_cancelled"),
    ),
)
