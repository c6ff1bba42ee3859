"""Faults of the core: of the decisions, of what a node sees, of views and dumps."""

from mutants.mutant import fault

MUTANTS = (
    # The machine
    fault(
        "events are recorded in another order than they happened in",
        "line 1: the live state is the fold of the log",
        "core/_machine.py",
        ("        self.record.append(event)\n", "        self.record.insert(0, event)\n"),
    ),
    fault(
        "undo actions are logged and not called",
        "line 7: at a clean failure all that succeeded is undone",
        "core/_machine.py",
        (
            "step.then.append(_run_undo(node, self._repeat.get(node, ONCE).undo))",
            "step.instants.append((node, UNDO_FINISHED))",
        ),
    ),
    fault(
        "recovery forgets what was in flight",
        "line 8: a crash changes nothing",
        "core/_machine.py",
        ("for node in tuple(self.state.in_flight):", "for node in ():"),
    ),
    fault(
        "recovery forgets what was in flight when the saga unwinds",
        "line 8: what was started is run again, even when unwinding",
        "core/_machine.py",
        (
            "for node in tuple(self.state.in_flight):",
            "for node in () if self.state.unwinding else tuple(self.state.in_flight):",
        ),
    ),
    fault(
        "recovery logs a second `started`",
        "what is run again is not started again",
        "core/_machine.py",
        (
            "                self._run(node, step)\n            else:\n",
            "                del self.state.log._status[node], self.state._in_flight[node]\n"
            "                self.state._runnable[node] = None\n"
            "            else:\n",
        ),
    ),
    fault(
        "a finished saga gains an event",
        "line 8: a finished log gains no event",
        "core/_machine.py",
        (
            "        if (outcome := state.outcome) is not None:\n",
            "        if (outcome := state.outcome) is not None:\n"
            "            if not step.record:\n"
            "                step.record.extend(state.log.events[-1:])\n",
        ),
    ),
    fault(
        "an injected error loses to a repeat",
        "an injected error beats a repeat",
        "core/_machine.py",
        (
            "if node in self._fail_action:",
            "if node in self._fail_action and node not in self._repeat:",
        ),
    ),
    fault(
        "an injection survives a restart",
        "injections are in memory only",
        "core/_machine.py",
        ("ONCE = RepeatInjected()\n", "ONCE = RepeatInjected()\nKEPT: dict = {}\n"),
        (
            "if node in self._fail_action:",
            "if node in KEPT.setdefault(self.state.log.saga_id, set()):",
        ),
        (
            "                self._fail_action |= {node}\n",
            "                KEPT.setdefault(self.state.log.saga_id, set()).add(node)\n",
        ),
    ),
    fault(
        "an injection that comes too late is accepted",
        "an injection that would have no effect is refused",
        "core/_machine.py",
        (
            "        if status is not SagaNodeLoadStatus.NEVER_STARTED and not called_again:\n",
            "        if False:\n",
        ),
    ),
    fault(
        "a drained machine begins what is next",
        "a SEC that is drained begins nothing more",
        "core/_machine.py",
        ("        while not self._draining:\n", "        while True:\n"),
    ),
    # What a node sees
    fault(
        "all subsagas have the params of the first",
        "Steno's row 4: a node after two subsagas gets the first one's params",
        "core/_lookup.py",
        (
            "dag.flat.scopes[dag.flat.scope_of[node]].params_node",
            "dag.flat.scopes[min(1, dag.flat.scope_of[node])].params_node",
        ),
    ),
    fault(
        "a subsaga sees the nodes outside",
        "a node sees its ancestors in its own saga or subsaga",
        "core/_lookup.py",
        (
            "names = flat.scopes[flat.scope_of[node]].names",
            "names = {**flat.scopes[0].names, **flat.scopes[flat.scope_of[node]].names}",
        ),
    ),
    fault(
        "a node sees its siblings",
        "line 9: what a node sees does not depend on the schedule",
        "core/_lookup.py",
        (
            "if flat.stage_of[found] < flat.stage_of[node] or",
            "if flat.stage_of[found] <= flat.stage_of[node] or",
        ),
    ),
    fault(
        "a lookup costs as much as its saga is long",
        "Steno's row 7: the cost of looking up ancestors",
        "core/_lookup.py",
        ("found = names.get(NodeName(name))", "found = dict(names).get(NodeName(name))"),
    ),
    # Views and dumps
    fault(
        "a view shows what is not durable",
        "line 6: a result is visible only once it is durable",
        "core/_view.py",
        (
            "for event, _ in zip(self.events, range(self.durable), strict=False)",
            "for event in self.events",
        ),
    ),
    fault(
        "a view can not be made of a saga that unwinds",
        "line 10: status never raises",
        "core/_view.py",
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
        "line 11: graph and log survive a round trip byte for byte",
        "core/_dump.py",
        (
            "json.dumps(document, indent=2, ensure_ascii=False, allow_nan=False)",
            "json.dumps(document, indent=2, ensure_ascii=False, allow_nan=False, sort_keys=True)",
        ),
    ),
    fault(
        "reading a dump sorts its events by node",
        "line 11: graph and log survive a round trip byte for byte",
        "core/_dump.py",
        (
            "for i, item in enumerate(events)),",
            'for i, item in enumerate(sorted(events, key=lambda e: e["node_id"]))),',
        ),
    ),
    fault(
        "edges into a nested subsaga are not turned round",
        "line 11: Steno's own dumps survive a round trip",
        "core/_flat.py",
        ("(reversed(parents) if depth % 2 else parents)", "parents"),
    ),
    fault(
        "a params node may stand beside its subsaga",
        "a params node is an ancestor of its subsaga",
        "core/_namespace.py",
        (
            "return self.stage_of.get(name, stage) < stage",
            "return self.stage_of.get(name, stage + 1) <= stage",
        ),
    ),
)
