"""Faults of the core: of the decisions, of what a node sees, of views and dumps."""

from mutants.mutant import fault

MUTANTS = (
    fault(
        "what waits for an order goes on with the saga that it waited for",
        "tests/core/machine/test_machine.py::test_a_held_node_goes_on_with_what_it_waits_for",
        "only what is due at the next open is due when that saga goes on",
        "core/machine/_machine.py",
        (
            "if status in BACKING_OFF and self.state.setbacks.reopens(node):",
            "if status in BACKING_OFF:",
        ),
    ),
    # The machine
    fault(
        "events are recorded in another order than they happened in",
        "tests/core/machine/test_machine.py::test_the_demo_saga_succeeds",
        "line 1: the live state is the fold of the log",
        "core/machine/_step_builder.py",
        ("        self.record.append(node_event(", "        self.record.insert(0, node_event("),
    ),
    fault(
        "undo actions are logged and not called",
        "tests/core/machine/test_machine.py::test_results_that_arrive_together_are_applied_before_anything_begins",
        "line 7: at a clean failure all that succeeded is undone",
        "core/machine/_machine.py",
        (
            "step.then.append(_run_undo(node, self._injected.repeat.get(node, ONCE).undo))",
            "step.instants.append((node, UNDO_FINISHED))",
        ),
    ),
    fault(
        "recovery forgets what was in flight",
        "tests/core/machine/test_machine.py::test_a_failure_unwinds_in_the_reverse_order_of_the_dependencies",
        "line 8: a crash changes nothing",
        "core/machine/_machine.py",
        ("for node in tuple(self.state.in_flight):", "for node in ():"),
    ),
    fault(
        "recovery forgets what was in flight when the saga unwinds",
        "tests/core/machine/test_machine.py::test_what_was_started_is_run_again_even_when_unwinding",
        "line 8: what was started is run again, even when unwinding",
        "core/machine/_machine.py",
        (
            "for node in tuple(self.state.in_flight):",
            "for node in () if self.state.unwinding else tuple(self.state.in_flight):",
        ),
    ),
    fault(
        "recovery logs a second `started`",
        "tests/core/machine/test_machine.py::test_a_failure_unwinds_in_the_reverse_order_of_the_dependencies",
        "what is run again is not started again",
        "core/machine/_machine.py",
        (
            "                self._run(node, step, repeats=True)\n            else:\n",
            "                del self.state.log._status[node], self.state.in_flight[node]\n"
            "                self.state.runnable[node] = None\n"
            "            else:\n",
        ),
    ),
    fault(
        "a finished saga gains an event",
        "tests/core/machine/test_machine.py::test_a_finished_log_gains_no_event",
        "line 8: a finished log gains no event",
        "core/machine/_machine.py",
        (
            "        if may_have_ended and (outcome := state.outcome) is not None:\n",
            "        if may_have_ended and (outcome := state.outcome) is not None:\n"
            "            if not step.record:\n"
            "                step.record.extend(state.log.events[-1:])\n",
        ),
    ),
    fault(
        "an injected error loses to a repeat",
        "tests/core/machine/test_machine.py::test_an_injected_error_beats_a_repeat",
        "an injected error beats a repeat",
        "core/machine/_machine.py",
        (
            "fails = node in self._injected.fail_action",
            "fails = node in self._injected.fail_action and node not in self._injected.repeat",
        ),
    ),
    fault(
        "an injection survives a restart",
        "tests/properties/test_core.py::test_line_8_a_crash_at_any_commit_changes_nothing",
        "injections are in memory only",
        "core/machine/_machine.py",
        ("\nBACKING_OFF = ", "\nKEPT: dict = {}\nBACKING_OFF = "),
        (
            "fails = node in self._injected.fail_action",
            "fails = node in KEPT.setdefault(self.state.log.saga_id, set())",
        ),
        (
            "                    self._injected = self._injected.with_injection(item)\n",
            "                    self._injected = self._injected.with_injection(item)\n"
            "                    if isinstance(item, _input.InjectError):\n"
            "                        kept = KEPT.setdefault(self.state.log.saga_id, set())\n"
            "                        kept.add(item.node_id)\n",
        ),
    ),
    fault(
        "an injection that comes too late is accepted",
        "tests/core/machine/test_machine.py::test_an_injection_that_comes_too_late_is_refused",
        "an injection that would have no effect is refused",
        "core/machine/_injection.py",
        (
            "    if status is not SagaNodeLoadStatus.NEVER_STARTED and not called_again:\n",
            "    if False:\n",
        ),
    ),
    fault(
        "a drained machine begins what is next",
        "tests/core/machine/test_machine.py::test_a_drained_machine_begins_nothing",
        "a SEC that is drained begins nothing more",
        "core/machine/_machine.py",
        (
            "(self._draining or state.paused or abandoned)",
            "(state.paused or abandoned)",
        ),
    ),
    # Attempts, doubt and sleeps
    fault(
        "the wait for an attempt begins anew on recovery",
        "tests/core/machine/test_machine.py::test_recovery_of_what_waits",
        "a crash does not shorten a wait, nor make it longer",
        "core/machine/_machine.py",
        (
            "step.then.append(Wait(node, attempt.next))",
            "step.then.append(Wait(node, Timestamp((now or 0) + attempt.next)))",
        ),
    ),
    fault(
        "what is held stays so when its saga is taken up",
        "tests/core/machine/test_machine.py::test_recovery_of_what_waits",
        "what is held until its saga is taken up is due then",
        "core/machine/_machine.py",
        ("if attempt.reopen:  # otherwise", "if not attempt.number:  # otherwise"),
    ),
    fault(
        "a call that says nothing of doubt clears an earlier one",
        "tests/core/machine/test_machine.py::test_doubt",
        "doubt of an earlier attempt stays, and only a probe ends it",
        "core/machine/_machine.py",
        (
            "self.state.is_in_doubt(node) if raised.in_doubt is None else raised.in_doubt\n",
            "raised.in_doubt or False\n",
        ),
    ),
    fault(
        "a node in doubt is given up without",
        "tests/core/machine/test_machine.py::test_giving_up",
        "what waits is given up as its last attempt left it",
        "core/machine/_giving_up.py",
        (
            "        error = state.setbacks.attempts[node].error\n"
            "        doubt = state.is_in_doubt(node)\n",
            "        error = state.setbacks.attempts[node].error\n        doubt = False\n",
        ),
    ),
    fault(
        "an attempt of an unwinding is not the last",
        "tests/core/machine/test_machine.py::test_an_unwinding_begins_no_attempt",
        "an attempt that fails during an unwinding is the node's last",
        "core/machine/_machine.py",
        ("if again is None or self.state.unwinding:", "if again is None:"),
    ),
    fault(
        "a node that backs off is not given up",
        "tests/core/machine/test_machine.py::test_giving_up",
        "when a saga unwinds, each node that backs off is failed",
        "core/machine/_giving_up.py",
        ("for node in tuple(state.setbacks.forward):", "for node in ():"),
    ),
    fault(
        "a node that backs off is not given up while draining",
        "tests/core/machine/test_machine.py::test_giving_up_while_draining",
        "giving up is part of the transaction that begins the unwinding, drained too",
        "core/machine/_machine.py",
        (
            "while the saga is paused or drained, too.\n        if state.",
            "while the saga is paused or drained, too.\n        if not self._draining and state.",
        ),
    ),
    fault(
        "a sleep is not given up",
        "tests/core/machine/test_machine.py::test_a_sleep_is_given_up",
        "when an unwinding begins, a wait that is not over fails",
        "core/machine/_giving_up.py",
        ("for node in tuple(state.in_flight):", "for node in ():"),
    ),
    fault(
        "a time that comes late begins a call",
        "tests/core/machine/test_machine.py::test_late_due",
        "a time changes nothing where nothing waits for it",
        "core/machine/_machine.py",
        (
            "                step.log(node, NULL)\n            case _:\n",
            "                step.log(node, NULL)\n"
            "            case SagaNodeLoadStatus.STARTED:\n"
            "                self._run(node, step)\n"
            "            case _:\n",
        ),
    ),
    fault(
        "a time begins what is held",
        "tests/core/machine/test_machine.py::test_a_held_node_waits_for_no_time",
        "what is held waits for somebody, not for a time",
        "core/machine/_machine.py",
        ("if not self.state.setbacks.is_held(node):", "if node is not None:"),
    ),
    fault(
        "an undo that backs off begins in a stuck saga",
        "tests/core/machine/test_machine.py::test_an_undo_that_backs_off_stays_so_in_a_stuck_saga",
        "when a saga is stuck, undos that back off stay so",
        "core/machine/_machine.py",
        (
            "case SagaNodeLoadStatus.UNDO_BACKING_OFF if stuck:",
            "case SagaNodeLoadStatus.UNDO_BACKING_OFF if stuck is None:",
        ),
    ),
    fault(
        "an injected error is taken for the end of a call that was cut off",
        "tests/core/machine/test_machine.py::test_what_a_recovered_saga_calls_again_can_be_injected_into_before",
        "an injected error speaks of its own call only",
        "core/machine/_machine.py",
        (
            "if fails and not (repeats and isinstance(self.dag.flat.nodes[node], ActionNode)):",
            "if fails:",
        ),
    ),
    # What a node sees
    fault(
        "all subsagas have the params of the first",
        "tests/core/machine/test_lookup.py::test_nodes_of_a_subsaga_have_the_output_of_its_params_node",
        "Steno's row 4: a node after two subsagas gets the first one's params",
        "core/machine/_lookup.py",
        (
            "dag.flat.scopes[dag.flat.scope_of[node]].params_node",
            "dag.flat.scopes[min(1, dag.flat.scope_of[node])].params_node",
        ),
    ),
    fault(
        "a subsaga sees the nodes outside",
        "tests/core/machine/test_lookup.py::test_a_node_sees_its_ancestors_in_its_own_saga",
        "a node sees its ancestors in its own saga or subsaga",
        "core/machine/_lookup.py",
        (
            "names = flat.scopes[flat.scope_of[node]].names",
            "names = {**flat.scopes[0].names, **flat.scopes[flat.scope_of[node]].names}",
        ),
    ),
    fault(
        "a node sees its siblings",
        "tests/core/machine/test_lookup.py::test_a_node_sees_its_ancestors_in_its_own_saga",
        "line 9: what a node sees does not depend on the schedule",
        "core/machine/_lookup.py",
        (
            "if flat.stage_of[found] < flat.stage_of[node]:",
            "if flat.stage_of[found] <= flat.stage_of[node]:",
        ),
    ),
    fault(
        "a lookup costs as much as its saga is long",
        "tests/core/test_scale.py::test_the_cost_of_a_lookup_does_not_grow_with_the_saga",
        "Steno's row 7: the cost of looking up ancestors",
        "core/machine/_lookup.py",
        ("found = names.get(NodeName(name))", "found = dict(names).get(NodeName(name))"),
    ),
    # Views and dumps
    fault(
        "a view shows what is not durable",
        "tests/core/machine/test_view.py::test_a_snapshot_is_of_the_moment_when_it_was_taken",
        "line 6: a result is visible only once it is durable",
        "core/machine/_view.py",
        (
            "for event, _ in zip(self.events, range(self.durable), strict=False)",
            "for event in self.events",
        ),
    ),
    fault(
        "a view cannot be made of a saga that unwinds",
        "tests/core/test_scale.py::test_large_sagas_are_dumped_and_shown_without_recursion",
        "line 10: status never raises",
        "core/machine/_view.py",
        (
            "        case _S.NEVER_STARTED if state.unwinding:\n            return _E.ABANDONED\n",
            "",
        ),
        (
            "        case _S.NEVER_STARTED:\n",
            "        case _S.NEVER_STARTED if state.unwinding:\n"
            "            return _SETTLED[status]\n"
            "        case _S.NEVER_STARTED:\n",
        ),
    ),
    fault(
        "a round trip reorders the keys of a dump",
        "tests/core/log/test_dump.py::test_a_dump_of_steno_survives_a_round_trip_byte_for_byte",
        "line 11: graph and log survive a round trip byte for byte",
        "core/log/_dump.py",
        (
            "json.dumps(document, indent=2, ensure_ascii=False, allow_nan=False)",
            "json.dumps(document, indent=2, ensure_ascii=False, allow_nan=False, sort_keys=True)",
        ),
    ),
    fault(
        "reading a dump sorts its events by node",
        "tests/core/log/test_dump.py::test_a_dump_of_steno_survives_a_round_trip_byte_for_byte",
        "line 11: graph and log survive a round trip byte for byte",
        "core/log/_dump.py",
        (
            "in enumerate(zip(events, times, strict=True))",
            'in enumerate(zip(sorted(events, key=lambda e: e["node_id"]), times))',
        ),
    ),
    fault(
        "a dump for Steno hides a doubt",
        "tests/core/log/test_dump.py::test_what_steno_cannot_read",
        "a log with a doubt has no form that Steno reads",
        "core/log/_dump.py",
        (
            "case FailedInDoubt() | AttemptFailed(in_doubt=True):",
            "case AttemptFailed(in_doubt=True) if not event.node_id:",
        ),
    ),
    fault(
        "a dump for Steno has a node start twice",
        "tests/core/log/test_dump.py::test_steno_reads_no_attempts",
        "of attempts Steno reads the beginning and the end",
        "core/log/_dump.py",
        (
            "case Started() | UndoStarted() if node_id in waiting:",
            "case UndoStarted() if node_id in waiting:",
        ),
    ),
    fault(
        "edges into a nested subsaga are not turned round",
        "tests/core/graph/test_flat.py::test_each_level_of_nesting_turns_incoming_edges_round",
        "line 11: Steno's own dumps survive a round trip",
        "core/graph/_flat.py",
        ("(reversed(parents) if depth % 2 else parents)", "parents"),
    ),
    fault(
        "a params node may stand beside its subsaga",
        "tests/core/graph/test_dag.py::test_build_reports_the_first_mistake",
        "a params node is an ancestor of its subsaga",
        "core/graph/_namespace.py",
        (
            "return self.stage_of.get(name, stage) < stage",
            "return self.stage_of.get(name, stage + 1) <= stage",
        ),
    ),
)
