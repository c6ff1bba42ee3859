"""Faults of the fold: of what a log amounts to, forward, unwinding and stuck."""

from mutants.mutant import fault

MUTANTS = (
    # The fold, running forward
    fault(
        "a node starts when the first of its parents has succeeded",
        "tests/core/machine/test_machine.py::test_the_demo_saga_succeeds",
        "line 2: a node starts after all its parents have succeeded",
        "core/machine/_frontier.py",
        (
            "if not self._awaited[boundary]:",
            "if self._awaited[boundary] == len(graph.boundaries[boundary].parents) - 1:",
        ),
    ),
    fault(
        "nodes still start after a failure",
        "tests/core/machine/test_rearrange.py::test_an_illegal_order_is_stably_made_legal",
        "line 3: nothing starts after the first failure",
        "core/machine/_frontier.py",
        ("        self.runnable.clear()\n", ""),
    ),
    fault(
        "a subsaga gives null",
        "tests/core/log/test_dump.py::test_events_of_undefined_nodes_are_found_when_they_are_folded",
        "the end of a subsaga gives the output of its last node",
        "core/machine/_frontier.py",
        ("return self.outputs[SagaNodeId(last)]", 'return JsonText("null")'),
    ),
    fault(
        "a log is copied for each event",
        "tests/core/test_scale.py::test_the_cost_of_an_event_does_not_grow_with_the_log",
        "the cost of a node does not grow with the saga",
        "core/log/_log.py",
        (
            "        self._nodes.append(node)\n",
            "        self._nodes[:] = [*self._nodes, node]\n",
        ),
    ),
    fault(
        "a node without an action succeeds with any output",
        "tests/properties/test_core.py::test_what_has_no_action_gives_one_output_only",
        "a constant yields its value",
        "core/machine/_state.py",
        ("if started and (self.flat.acts[node] or what == self.own_output(node)):", "if started:"),
    ),
    fault(
        "a node succeeds twice",
        "tests/core/machine/test_state.py::test_every_illegal_transition_is_refused_and_changes_nothing",
        "line 6: once it has succeeded, an action is never called again",
        "core/machine/_state.py",
        ("started = log.status(node) is _STARTED", "started = node in self.in_flight"),
    ),
    fault(
        "an undo finishes that was not started",
        "tests/core/machine/test_state.py::test_every_illegal_transition_is_refused_and_changes_nothing",
        "an undo is logged before it is called",
        "core/machine/_state.py",
        (
            "elif what is UNDO_FINISHED and log.status(node) is _UNDO_STARTED:",
            "elif what is UNDO_FINISHED and node in self.in_flight:",
        ),
    ),
    # The fold, unwinding
    fault(
        "a node is undone while one of its children still stands",
        "tests/core/machine/test_machine.py::test_a_failure_unwinds_in_the_reverse_order_of_the_dependencies",
        "line 4: a node is undone after all its children",
        "core/machine/_frontier.py",
        ("if self._standing[boundary]:", "if self._standing[boundary] > 1:"),
    ),
    fault(
        "a node is undone while one of its children still runs",
        "tests/core/machine/test_machine.py::test_what_still_runs_at_a_failure_is_waited_for",
        "line 4: a node is undone after all its children",
        "core/machine/_frontier.py",
        (
            "case SagaNodeLoadStatus.NEVER_STARTED | SagaNodeLoadStatus.FAILED:",
            "case S.NEVER_STARTED | S.FAILED | S.STARTED:",
        ),
        (
            "NodeSet: TypeAlias = dict[SagaNodeId, None]",
            "S = SagaNodeLoadStatus\nNodeSet: TypeAlias = dict[SagaNodeId, None]",
        ),
    ),
    fault(
        "everything is undone at once, the oldest first",
        "tests/core/machine/test_machine.py::test_results_that_arrive_together_are_applied_before_anything_begins",
        "line 4: a node is undone after all its children",
        "core/machine/_frontier.py",
        (
            "        self.runnable.clear()\n",
            "        self.runnable.clear()\n"
            "        self.undoable.update(dict.fromkeys(self.outputs))\n",
        ),
    ),
    fault(
        "a node that has failed is undone",
        "tests/core/machine/test_lifecycle.py::test_a_row_says_in_one_word_what_the_log_amounts_to",
        "line 5: what has failed is not undone",
        "core/machine/_frontier.py",
        (
            "case SagaNodeLoadStatus.SUCCEEDED | SagaNodeLoadStatus.FAILED_IN_DOUBT:",
            "case S.SUCCEEDED | S.FAILED_IN_DOUBT | S.FAILED:",
        ),
        (
            "                        self._let_begin(parent)\n",
            "                        if self.log.status(parent) is S.FAILED:\n"
            "                            self.log._status[parent] = S.SUCCEEDED\n"
            "                        self._let_begin(parent)\n",
        ),
        (
            "NodeSet: TypeAlias = dict[SagaNodeId, None]",
            "S = SagaNodeLoadStatus\nNodeSet: TypeAlias = dict[SagaNodeId, None]",
        ),
    ),
    fault(
        "the end is not undone when a node fails",
        "tests/core/machine/test_lifecycle.py::test_a_saga_with_an_undo_failed_unwinds_while_anything_is_in_flight",
        "a saga that fails comes to its end",
        "core/machine/_frontier.py",
        ("                self._note_undone(end)\n", "                pass\n"),
    ),
    fault(
        "what succeeds after a failure is not undone",
        "tests/core/machine/test_lifecycle.py::test_a_row_says_in_one_word_what_the_log_amounts_to",
        "line 7: at a clean failure all that succeeded is undone",
        "core/machine/_frontier.py",
        (
            "self._let_begin(node)  # nothing below it was ever started: all of it is undone",
            "self._note_undone(node)",
        ),
    ),
    fault(
        "a success after a failure is refused",
        "tests/core/machine/test_lifecycle.py::test_a_row_says_in_one_word_what_the_log_amounts_to",
        "Steno's row 1: recovery refuses legal logs after a failure in a parallel stage",
        "core/machine/_state.py",
        (
            "            elif isinstance(what, str):\n",
            "            elif isinstance(what, str):\n"
            "                if self.unwinding:\n"
            '                    raise CorruptLog(node, "succeeded", "it is too late")\n',
        ),
    ),
    fault(
        "of concurrent failures only the first is counted",
        "tests/core/machine/test_machine.py::test_what_still_runs_at_a_failure_is_waited_for",
        "Steno's row 2: concurrent failures",
        "core/machine/_state.py",
        (
            "            self._let_begin(node)\n        else:\n",
            "            self._let_begin(node)\n        elif False:\n",
        ),
    ),
    fault(
        "the last failure is reported",
        "tests/core/machine/test_result.py::test_a_failure_names_the_node_and_its_error",
        "the failure that was logged first is the one that is reported",
        "core/machine/_state.py",
        (
            "            self._let_begin(node)\n        else:\n",
            "            self._let_begin(node)\n        else:\n"
            "            self.first_failure = (node, error)\n",
        ),
    ),
    fault(
        "a second undo failure is refused",
        "tests/core/machine/test_machine.py::test_undo_failures_that_arrive_together_are_all_logged",
        "line 12: any number of undo failures is stuck; Steno's row 3",
        "core/machine/_state.py",
        (
            "            case UndoFailed(error=error):\n",
            "            case UndoFailed(error=error):\n"
            "                if self.stuck:\n"
            '                    raise CorruptLog(node, event_type.label, "it is stuck")\n',
        ),
    ),
    fault(
        "two undo failures are no longer stuck",
        "tests/core/machine/test_machine.py::test_undo_failures_that_arrive_together_are_all_logged",
        "line 12: any number of undo failures is stuck",
        "core/machine/_setback.py",
        (
            "        self.undo_failures[node] = error\n",
            "        failures = self.undo_failures\n"
            "        failures.clear() if failures else failures.update({node: error})\n",
        ),
    ),
    fault(
        "a saga is stuck while something still runs",
        "tests/core/machine/test_lifecycle.py::test_a_saga_with_an_undo_failed_unwinds_while_anything_is_in_flight",
        "line 7: stuck means that nothing runs any more",
        "core/machine/_steered_frontier.py",
        (
            "        if self.in_flight:\n            return None\n",
            "        if self.stuck:\n            return SagaCachedState.STUCK\n",
        ),
    ),
    fault(
        "nodes are undone in a stuck saga",
        "tests/core/machine/test_machine.py::test_a_stuck_saga_waits_for_what_still_runs",
        "line 7: stuck means that nothing above is undone",
        "core/machine/_steered_frontier.py",
        (
            "return bool(self.setbacks.undo_failures)",
            "return bool(self.setbacks.undo_failures) and not self.undoable",
        ),
    ),
    fault(
        "a stuck saga is stored as failed",
        "tests/core/machine/test_lifecycle.py::test_a_row_says_in_one_word_what_the_log_amounts_to",
        "Steno's row 11: a stuck saga is stored as done",
        "core/machine/_steered_frontier.py",
        ("return SagaCachedState.STUCK", "return SagaCachedState.FAILED"),
    ),
    # The fold, with attempts and doubt
    fault(
        "the number of an attempt is not looked at",
        "tests/core/machine/test_state.py::test_an_event_without_its_cause_is_refused_and_changes_nothing",
        "no attempt is lost, or counted twice",
        "core/machine/_setback.py",
        (
            "if (number := self.next_number(node, undoing=undoing)) != event.attempt:",
            "if (number := self.next_number(node, undoing=undoing)) < 1:",
        ),
    ),
    fault(
        "the count of attempts begins anew",
        "tests/core/machine/test_setback.py::test_each_direction_has_its_own_count",
        "no attempt is lost, or counted twice",
        "core/machine/_setback.py",
        ("return 1 if last is None else last.number + 1", "return 1"),
    ),
    fault(
        "a node is in flight since its last attempt",
        "tests/core/machine/test_state.py::test_a_node_is_in_flight_since_its_first_start",
        "the time of all attempts counts from the first start",
        "core/machine/_state.py",
        (
            "                self.in_flight[node] = since\n",
            "                self.in_flight[node] = event.time\n",
        ),
    ),
    fault(
        "doubt is forgotten when the next attempt begins",
        "tests/core/machine/test_state.py::test_doubt_is_that_of_the_last_attempt",
        "doubt of an earlier attempt stays",
        "core/machine/_state.py",
        (
            "return last is not None and last.in_doubt",
            "return last is not None and last.in_doubt and node in self.setbacks.forward",
        ),
    ),
    fault(
        "what failed in doubt is not undone",
        "tests/core/machine/test_machine.py::test_what_failed_in_doubt_is_undone",
        "line 7: at a clean failure all that failed in doubt is undone",
        "core/machine/_frontier.py",
        (
            "case SagaNodeLoadStatus.SUCCEEDED | SagaNodeLoadStatus.FAILED_IN_DOUBT:",
            "case SagaNodeLoadStatus.SUCCEEDED:",
        ),
        (
            "case SagaNodeLoadStatus.NEVER_STARTED | SagaNodeLoadStatus.FAILED:",
            "case S.NEVER_STARTED | S.FAILED | S.FAILED_IN_DOUBT:",
        ),
        (
            "NodeSet: TypeAlias = dict[SagaNodeId, None]",
            "S = SagaNodeLoadStatus\nNodeSet: TypeAlias = dict[SagaNodeId, None]",
        ),
    ),
    fault(
        "what fails in doubt after the first failure is not undone",
        "tests/core/machine/test_machine.py::test_giving_up",
        "line 7: at a clean failure all that failed in doubt is undone",
        "core/machine/_state.py",
        ("elif self.log.status(node) is SagaNodeLoadStatus.FAILED_IN_DOUBT:", "elif False:"),
    ),
    fault(
        "what failed in doubt is undone after what it depends on",
        "tests/core/machine/test_machine.py::test_what_failed_in_doubt_is_undone",
        "line 4: a node is undone after all its children",
        "core/machine/_frontier.py",
        (
            "                        self._let_begin(parent)\n",
            "                        self._let_begin(parent)\n"
            "                        if parent not in self.outputs:\n"
            "                            undone.append(parent)\n",
        ),
    ),
    fault(
        "an attempt begins while its saga unwinds",
        "tests/core/machine/test_state.py::test_an_event_without_its_cause_is_refused_and_changes_nothing",
        "line 3: nothing starts after the first failure",
        "core/machine/_state.py",
        ("if node not in setbacks.forward or self.unwinding:", "if node not in setbacks.forward:"),
    ),
    fault(
        "nodes are undone while another waits for an attempt",
        "tests/core/machine/test_state.py::test_an_event_without_its_cause_is_refused_and_changes_nothing",
        "what waits is given up before anything is undone",
        "core/machine/_state.py",
        ("if self.stuck or self.setbacks.forward:", "if self.stuck:"),
    ),
    fault(
        "a doubt is given up as none",
        "tests/core/machine/test_state.py::test_an_event_without_its_cause_is_refused_and_changes_nothing",
        "what waits is given up as its last attempt left it",
        "core/machine/_setback.py",
        (
            "if node in self.forward and self.attempts[node].in_doubt is not in_doubt:",
            "if node in self.forward and self.attempts[node].in_doubt < in_doubt:",
        ),
    ),
    fault(
        "an undo that is repaired is still failed",
        "tests/core/machine/test_setback.py::test_undo_failures_are_kept_in_order_until_repaired",
        "a saga is stuck as long as some undo is failed now",
        "core/machine/_setback.py",
        ("        self.undo_failures.pop(node, None)\n", ""),
    ),
)
