"""Faults of dataflow, and of holding: what is not found, and what is not held."""

from mutants.mutant import fault

HOLD = "tests/runtime/test_hold.py::"

MUTANTS = (
    # Holding
    fault(
        "what holds a node fails it",
        f"{HOLD}test_a_node_is_held[a lookup]",
        "§16: an exception in hold_on holds its node",
        "runtime/_hold.py",
        (
            "    return all(isinstance(leaf, hold_on) for leaf in leaves(error))\n",
            "    return False\n",
        ),
    ),
    fault(
        "an output that cannot be stored is not held",
        f"{HOLD}test_what_cannot_be_stored_holds_as_a_serialize_error",
        "§16: an output that this build cannot encode holds its node",
        "runtime/_hold.py",
        ("    if unstorable and issubclass(SerializeError, hold_on):\n", "    if False:\n"),
    ),
    fault(
        "a held node does not say that it is due again at the next open",
        f"{HOLD}test_a_node_is_held[on purpose]",
        '§16: `attempt_failed` with `next: null` and `"reopen": true`',
        "runtime/_hold.py",
        ("inputs.Again(None, reopen=True)", "inputs.Again(None, reopen=False)"),
    ),
    fault(
        "an error beside what holds is not looked at",
        f"{HOLD}test_a_group_holds_if_all_in_it_does",
        "§16: an exception in hold_on holds its node",
        "runtime/_hold.py",
        ("    return all(isinstance(leaf, hold_on)", "    return any(isinstance(leaf, hold_on)"),
    ),
    fault(
        "a saga whose actions cannot be given their inputs is stored",
        "tests/runtime/test_hold.py::test_a_graph_by_name_is_checked_before_anything_is_stored",
        "Steno's row 10: a saga is stored before it is validated",
        "runtime/_executor_factory.py",
        ("        self.registry.validate_inputs(dag.flat)\n", ""),
    ),
    fault(
        "params are not checked when a saga is created",
        "tests/runtime/test_hold.py::test_params_are_checked_as_the_sec_would_read_them",
        "§16: params are checked when the SagaDag is made, and when it is created",
        "runtime/_creation.py",
        ("        dag.check_params(self._factory.codec)\n", ""),
    ),
    fault(
        "an undo is not held",
        f"{HOLD}test_an_undo_is_held",
        "§16: an exception in hold_on holds its node: `undo_attempt_failed`",
        "runtime/_runner.py",
        (
            "        if holds(error, self.hold_on):\n            return HELD\n",
            "",
        ),
    ),
    fault(
        "what holds is retried as any other error",
        f"{HOLD}test_retries_are_not_used_for_what_holds",
        "§16: an exception in hold_on holds its node",
        "runtime/_attempt.py",
        (
            "        if holds(error, self.hold_on, unstorable=unstorable):\n"
            "            return inputs.ActionRaised(node, stored, in_doubt, HELD)\n",
            "",
        ),
    ),
    fault(
        "an action that was not called is in doubt",
        f"{HOLD}test_a_node_without_its_input_was_not_called",
        "§13: a call is in doubt when it ended other than by returning",
        "runtime/_attempt.py",
        ("            said = self._was_not_called(error) or self", "            said = self"),
    ),
    fault(
        "an action that calls another one is taken for one that was not called",
        f"{HOLD}test_an_input_error_of_another_action_is_not_that_of_the_call",
        "§13: a call is in doubt when it ended other than by returning",
        "runtime/_attempt.py",
        (" and error.action_name == self.action.name", ""),
    ),
)
