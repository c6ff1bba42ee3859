"""
What must always hold of the pure core: random graphs × faults × crash points × schedules.

A test named for a line is that line of the specification's list. What is legal is decided by
`support.checker`, which shares nothing with the library but the events.
"""

from collections import Counter
from random import Random

import attrs
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from steno.core import (
    NULL,
    ActionNode,
    Finish,
    JsonText,
    LogRule,
    Phase,
    RunAction,
    SagaCachedState,
    SagaDag,
    SagaMachine,
    SagaNodeEvent,
    SagaNodeId,
    SagaSerialized,
    SagaState,
    Snapshot,
    Step,
    Succeeded,
    fold_unordered,
    read_flat,
    verify_log,
)
from steno.errors import CorruptLog, ForeignEvent, IllegalEvent
from steno.testing.fakes import SagaSpec
from steno.testing.faults import LASTING_FAULTS, UNDO_FAULTS, FaultPlan, NodeFault
from steno.testing.notation import OTHER_ID, SAGA_ID, event_type
from steno.testing.schedule import Choices
from steno.testing.strategies import sagas, scripts
from support.checker import (
    Expanded,
    Mark,
    ends_as,
    first_illegal,
    has_legal_order,
    has_repair,
    is_legal_next,
    is_repair,
    legal_next,
    marks,
    own_log_allows,
)
from support.demo import build
from support.scenarios import Scenario, scenarios
from support.simulator import Simulator, recover, state_facts


def cases(factor: float):
    """Return how hard to search, relative to the profile."""
    return settings(max_examples=max(1, round(settings().max_examples * factor)))


def ran(scenario: Scenario) -> tuple[Expanded, Simulator, list[Mark]]:
    """Run a saga to its end; return what the oracle needs to judge it."""
    simulator = Simulator.of(scenario).run()
    return Expanded.of(scenario.spec), simulator, marks(simulator.durable)


# The lines of the specification


@cases(2)
@given(scenarios())
def test_line_1_the_live_state_is_the_fold_of_the_log(scenario: Scenario):
    """After every step, all that the live state consists of is what folding the log gives."""

    def compare(simulator: Simulator, _: Step) -> None:
        folded = SagaState.fold(simulator.dag.flat, SAGA_ID, simulator.durable)
        assert state_facts(simulator.machine.state) == state_facts(folded)

    Simulator.of(scenario, compare).run()


@cases(1)
@given(scenarios())
def test_line_1_every_prefix_of_a_log_folds(scenario: Scenario):
    """Wherever a log is cut, the rest is legal for the fold, and for the oracle as a whole."""
    graph, simulator, log = ran(scenario)
    assert first_illegal(graph, log) is None
    for length in range(len(log) + 1):
        state = SagaState.fold(simulator.dag.flat, SAGA_ID, simulator.durable[:length])
        ended = ends_as(graph, log[:length])
        assert (state.outcome and state.outcome.value) == ended


@cases(1)
@given(scenarios())
def test_line_2_a_node_starts_after_all_its_parents_have_succeeded(scenario: Scenario):
    """Before each `started` stand the `succeeded` of all nodes that it depends on."""
    graph, _, log = ran(scenario)
    for place, (node, mark) in enumerate(log):
        if mark == "+":
            assert {(parent, "✓") for parent in graph.parents[node]} <= set(log[:place])


@cases(1)
@given(scenarios())
def test_line_3_nothing_starts_after_the_first_failure(scenario: Scenario):
    """Behind the first `failed` there is no `started`."""
    _, _, log = ran(scenario)
    text = "".join(mark for _, mark in log)
    assert "+" not in text.partition("✗")[2]


@cases(1)
@given(scenarios())
def test_line_4_a_node_is_undone_after_all_its_children(scenario: Scenario):
    """At `undo_started` the node has succeeded, and each child is undone, failed or untouched."""
    graph, _, log = ran(scenario)
    for place, (node, mark) in enumerate(log):
        if mark == "-":
            before = set(log[:place])
            assert (node, "✓") in before
            for child in graph.children[node]:
                own = {m for n, m in before if n == child}
                assert "∅" in own or "✗" in own or not own


@cases(1)
@given(scenarios())
def test_line_5_what_has_failed_or_never_started_is_not_undone(scenario: Scenario):
    """A node with an undo event has a `succeeded`, and no `failed`."""
    _, _, log = ran(scenario)
    undone = {node for node, mark in log if mark in "-∅!"}
    assert undone <= {node for node, mark in log if mark == "✓"}
    assert not undone & {node for node, mark in log if mark == "✗"}


@cases(2)
@given(scenarios())
def test_line_6_user_code_is_called_between_its_durable_events(scenario: Scenario):
    """At a call its beginning is durable and its result is not; what it sees is durable too."""
    graph, simulator, log = ran(scenario)
    for call in simulator.calls:
        durable = log[: call.after]
        own = "".join(mark for node, mark in durable if node == call.node)
        assert own == ("+✓-" if call.undoing else "+")
        names = graph.names[graph.scope[call.node]]
        assert all((names[name], "✓") in durable for name, _ in call.seen)


@cases(1)
@given(scenarios())
def test_line_7_an_end_is_whole(scenario: Scenario):
    """Success: all have succeeded. Failure: all are undone. Stuck: nothing above is undone."""
    graph, simulator, log = ran(scenario)
    had, count = set(log), Counter(mark for _, mark in log)
    match simulator.outcome:
        case SagaCachedState.SUCCEEDED:
            assert count == {"+": graph.size, "✓": graph.size}
        case SagaCachedState.FAILED:
            assert count["✗"]
            assert {n for n, mark in log if mark == "✓"} == {n for n, mark in log if mark == "∅"}
            assert len(log) == 4 * count["✓"] + 2 * count["✗"]
        case SagaCachedState.STUCK:
            failed = [node for node, mark in log if mark == "!"]
            assert failed
            assert not any((a, "-") in had for node in failed for a in graph.ancestors(node))
    assert simulator.outcome.value == ends_as(graph, log)
    assert simulator.finished == 1


@cases(0.5)
@given(scenarios(crashes=False))
def test_line_8_a_crash_at_any_commit_changes_nothing(scenario: Scenario):
    """However often a saga crashes and is recovered, it ends as its faults and its log say."""
    graph = Expanded.of(scenario.spec)
    whole = Simulator.of(scenario).run()
    for point in range(2 * len(whole.commits)):
        crashed = Simulator.of(attrs.evolve(scenario, crashes=frozenset({point}))).run()
        assert crashed.lives == 2
        check_end(scenario, crashed)
        assert first_illegal(graph, marks(crashed.durable)) is None
        if not scenario.plan.kinds() & (UNDO_FAULTS | {NodeFault.ACTION_ONCE}):
            assert crashed.outcome is whole.outcome


def check_end(scenario: Scenario, simulator: Simulator) -> None:
    """Check that a saga has ended as its log and the faults of its actions demand."""
    log = marks(simulator.durable)
    kinds = scenario.plan.kinds()
    failed, undo_failed = (any(mark == each for _, mark in log) for each in "✗!")
    assert (simulator.outcome is SagaCachedState.SUCCEEDED) == (not failed)
    assert (simulator.outcome is SagaCachedState.STUCK) == undo_failed
    if not kinds - UNDO_FAULTS - {NodeFault.REPEAT}:
        assert simulator.outcome is SagaCachedState.SUCCEEDED
    started = {node for node, mark in log if mark == "+"}
    actions = {n for n, node in enumerate(simulator.dag.flat.nodes) if isinstance(node, ActionNode)}
    for node, fault in scenario.plan.faults:
        if fault in LASTING_FAULTS and node in started & actions:
            assert (node, "✗") in log


@cases(1)
@given(scenarios())
def test_line_8_recovering_twice_is_recovering_once(scenario: Scenario):
    """What a recovery asks for, a second one asks for again, and it has nothing to log."""
    simulator = Simulator.of(scenario).run()
    flat = simulator.dag.flat
    for length in [0, *simulator.commits]:
        log = simulator.durable[:length]
        once = SagaMachine(simulator.dag, SagaState.fold(flat, SAGA_ID, log)).start()
        log += once.record
        twice = SagaMachine(simulator.dag, SagaState.fold(flat, SAGA_ID, log)).start()
        assert twice.record == ()
        # The second time each call has been begun before, so that it is made again.
        again = (
            attrs.evolve(command, repeats=True) if isinstance(command, RunAction) else command
            for command in once.then
        )
        assert Counter(twice.then) == Counter(again)


@cases(1.5)
@given(scenarios(), scripts, st.frozensets(st.integers(0, 20), max_size=3))
def test_line_9_what_a_node_sees_does_not_depend_on_the_schedule(
    scenario: Scenario, script: bytes, crashes: frozenset[int]
):
    """`lookup` and `saga_params` give the same in any order, after any crash, and in the undo."""
    graph, one, _ = ran(scenario)
    other = Simulator.of(attrs.evolve(scenario, script=script, crashes=crashes)).run()
    seen = {}
    for call in one.calls + other.calls:
        assert seen.setdefault((call.node, call.undoing), (call.seen, call.params)) == (
            call.seen,
            call.params,
        )
        visible = graph.visible(call.node, undoing=call.undoing)
        assert {name for name, _ in call.seen} == visible.keys()
    outputs = one.machine.state.outputs | other.machine.state.outputs
    for (node, undoing), (values, params) in seen.items():
        visible = graph.visible(node, undoing=undoing)
        assert dict(values) == {name: outputs[SagaNodeId(i)] for name, i in visible.items()}
        source = graph.params_of(node)
        assert params == (one.dag.params if source is None else outputs[SagaNodeId(source)])


@cases(1)
@given(scenarios())
def test_line_10_a_view_can_be_made_at_any_time(scenario: Scenario):
    """Whatever is durable, in whatever phase, the status is a tree with a line for every node."""
    simulator = Simulator.of(scenario).run()
    for length in [0, *simulator.commits]:
        for phase in (Phase.READY, Phase.RUNNING):
            snapshot = Snapshot(SAGA_ID, simulator.dag, simulator.durable, length, phase)
            lines = str(snapshot.view().state.status).splitlines()
            extra = sum("(parallel actions):" in line for line in lines)
            assert len(lines) == len(simulator.dag.flat.nodes) + 1 + extra
    done = Snapshot(SAGA_ID, simulator.dag, simulator.durable, len(simulator.durable), Phase.DONE)
    assert str(done.view().state.status)
    assert (simulator.outcome is SagaCachedState.SUCCEEDED) == (
        simulator.machine.state.first_failure is None
    )
    assert done.result().saga_log.pretty().count("\n") == len(simulator.durable) + 5


@cases(1)
@given(scenarios())
def test_line_11_graph_and_log_survive_a_round_trip(scenario: Scenario):
    """A dump that is read and written again is the same text; so is a stored graph."""
    simulator = Simulator.of(scenario).run()
    text = SagaSerialized(SAGA_ID, simulator.dag, tuple(simulator.durable)).to_json()
    read = SagaSerialized.from_json(text)
    assert read.to_json() == text
    assert read.events == tuple(simulator.durable)
    assert read.dag.same_as(simulator.dag)
    stored = read_flat(simulator.dag.flat.text)
    assert stored.text == read.dag.flat.text == simulator.dag.flat.text
    assert stored.graph.boundaries == read.dag.flat.graph.boundaries
    assert list(stored.edges()) == list(simulator.dag.flat.edges())


@cases(0.5)
@given(st.integers(1, 6), st.integers(0, 6), scripts)
def test_line_12_any_number_of_undo_failures_is_stuck(width: int, fine: int, script: bytes):
    """However many undo actions fail, and however closely together, the saga is stuck, no more."""
    names = [f"n{i}" for i in range(width + fine)]
    dag = SagaDag(build("wide", [*names, "failing"], "last"))
    plan = FaultPlan(
        frozenset({(width + fine, NodeFault.ACTION), *((i, NodeFault.UNDO) for i in range(width))})
    )
    simulator = Simulator(dag, plan, Choices(script)).run()
    assert simulator.outcome is SagaCachedState.STUCK
    assert recover(dag, simulator.durable).durable == simulator.durable
    failed = [node for node, mark in marks(simulator.durable) if mark == "!"]
    assert simulator.machine.state.first_undo_failure[0] == failed[0]


# The machine


@cases(2)
@given(scenarios())
def test_the_machine_leaves_nothing_undone_that_may_be_done(scenario: Scenario):
    """After a step nothing may begin that has not, and all that is in flight is user code."""
    graph = Expanded.of(scenario.spec)

    def check(simulator: Simulator, step: Step) -> None:
        log = set(marks(simulator.durable))
        assert not legal_next(graph, log, "+-")
        busy = {node for node, _ in legal_next(graph, log, "✓✗∅!")}
        assert set(simulator.machine.state.in_flight) == busy
        assert {each.node for each in simulator.outstanding} == busy
        assert all(graph.kinds[node] == "action" for node in busy)
        ended = any(isinstance(command, Finish) for command in step.then)
        assert ended == (ends_as(graph, log) is not None) == (not busy)

    Simulator.of(scenario, check).run()


@cases(2)
@given(scenarios(crashes=False))
def test_a_step_is_what_was_told_and_then_wave_after_wave(scenario: Scenario):
    """All that was told comes first; nothing of a wave completes before all of it has begun."""
    graph = Expanded.of(scenario.spec)

    def check(simulator: Simulator, step: Step) -> None:
        had = set(marks(simulator.durable[: len(simulator.durable) - len(step.record)]))
        record, told = marks(step.record), simulator.told
        assert [node for node, mark in record[: len(told)] if mark in "✓✗∅!"] == told
        began = False
        for event in record:
            ends = event[1] in "✓✗∅!"
            if began and ends:
                assert not legal_next(graph, had, "+-")
            began = not ends
            had.add(event)

    Simulator.of(scenario, check).run()


@cases(1)
@given(scenarios())
def test_what_runs_no_user_code_gives_what_it_stands_for(scenario: Scenario):
    """Brackets are null, constants their value, a subsaga's end the output of its last node."""
    graph, simulator, log = ran(scenario)
    outputs = simulator.machine.state.outputs
    for node in {node for node, mark in log if mark == "✓"}:
        match graph.kinds[node]:
            case "start" | "end" | "subsaga start":
                assert outputs[node] == "null"
            case "subsaga end":
                (last,) = graph.parents[node]
                assert outputs[node] == outputs[last]
            case "constant":
                assert outputs[node] == simulator.dag.flat.nodes[node].value
            case kind:
                assert kind == "action"


# The fold, and the order of dumps


WEIGHTS = {"+": 1, "✓": 4, "✗": 1, "-": 2, "∅": 1, "!": 1}


def walk(graph: Expanded, choices: Choices, most: int) -> list[Mark]:
    """Return a legal log that goes where the schedule leads: any node may fail, or its undo."""
    log: list[Mark] = []
    while len(log) < most:
        possible = [each for each in legal_next(graph, set(log)) for _ in range(WEIGHTS[each[1]])]
        if not possible:
            break
        log.append(possible[choices.pick(len(possible))])
    return log


def as_events(graph: Expanded, log: list[Mark]) -> list[SagaNodeEvent]:
    return [
        SagaNodeEvent(SAGA_ID, SagaNodeId(node), event_type(mark, graph.output(node)))
        for node, mark in log
    ]


@cases(1)
@given(sagas(depth=1), st.binary(max_size=60))
def test_the_fold_allows_exactly_what_the_oracle_allows(spec, script: bytes):
    """In every state on a random way, any event of any node is taken or refused as it should be."""
    graph, flat = Expanded.of(spec), spec.dag().flat
    log = walk(graph, Choices(script), len(script))
    state = SagaState.new(flat, SAGA_ID)
    for place, step in enumerate([*log, None]):
        had, facts = set(log[:place]), state_facts(state)
        for node in range(-1, graph.size + 1):
            for mark in "+✓✗-∅!":
                if is_legal_next(graph, had, node, mark) or is_repair(had, node, mark):
                    continue
                own_fault = 0 <= node < graph.size and not own_log_allows(had, node, mark)
                with pytest.raises(IllegalEvent if own_fault else CorruptLog):
                    state.apply(*as_events(graph, [(node, mark)]))
        assert state_facts(state) == facts
        if step is not None:
            state.apply(*as_events(graph, [step]))


@st.composite
def tampered_logs(draw) -> tuple[Expanded, SagaState, list[Mark]]:
    """Return a log from which events were dropped, to which some were added, and its order lost."""
    spec = draw(sagas(depth=1))
    graph = Expanded.of(spec)
    log = walk(graph, Choices(draw(st.binary(min_size=10, max_size=60))), 60)
    schedule = Choices(draw(st.binary(max_size=20)))
    for _ in range(schedule.pick(4)):
        if log:
            del log[schedule.pick(len(log))]
    if schedule.pick(4) == 1:
        log.insert(
            schedule.pick(len(log) + 1), (schedule.pick(graph.size), "+✓✗-∅!"[schedule.pick(6)])
        )
    if schedule.pick(3) == 1:
        draw(st.randoms(use_true_random=False)).shuffle(log)
    for _ in range(schedule.pick(8)):
        if log:
            log.insert(schedule.pick(len(log) + 1), log.pop(schedule.pick(len(log))))
    return graph, spec.dag().flat, log


@cases(2)
@given(tampered_logs())
def test_a_log_is_folded_exactly_if_it_is_legal_in_its_order(case):
    """`SagaState.fold` refuses the first event that the oracle refuses, and no other."""
    graph, flat, log = case
    assume(not has_repair(log))
    illegal = first_illegal(graph, log)
    state = SagaState.new(flat, SAGA_ID)
    for place, event in enumerate(as_events(graph, log)):
        if place == illegal:
            with pytest.raises((IllegalEvent, CorruptLog)):
                state.apply(event)
            break
        state.apply(event)
    else:
        assert illegal is None


@cases(3)
@given(
    sagas(depth=1),
    st.binary(min_size=10, max_size=60),
    st.binary(max_size=10),
    st.randoms(use_true_random=False),
)
def test_a_shuffled_log_comes_into_the_nearest_legal_order(
    spec: SagaSpec, script: bytes, drops: bytes, random: Random
):
    """The first event in the dump that may be taken, again and again, whatever was cut off."""
    graph, flat = Expanded.of(spec), spec.dag().flat
    log = walk(graph, Choices(script), 60)
    cut(graph, log, drops)
    random.shuffle(log)
    state = fold_unordered(flat, SAGA_ID, as_events(graph, log))
    assert marks(state.log.events) == (
        log if first_illegal(graph, log) is None else stably(graph, log)
    )


@cases(2)
@given(tampered_logs())
def test_a_log_is_verified_exactly_as_it_is_folded(case):
    """`verify_log` names the event that the fold refuses, and finds an order where that does."""
    graph, flat, log = case
    assume(not has_repair(log))
    dag, events = SagaDag.of_flat(flat, NULL), as_events(graph, log)
    breach = verify_log(dag, events)
    assert (None if breach is None else breach.seq) == first_illegal(graph, log)
    unordered = verify_log(dag, events, ordered=False)
    assert (unordered is None) == has_legal_order(graph, log)


@cases(1)
@given(scenarios())
def test_every_log_of_the_machine_is_verified(scenario: Scenario):
    """Each prefix keeps the rules; the whole has its end and no other; as a dump, too."""
    _, simulator, _ = ran(scenario)
    dag, log = simulator.dag, simulator.durable
    end = simulator.outcome
    for length in range(len(log) + 1):
        assert verify_log(dag, log[:length], saga_id=SAGA_ID) is None
    for state in SagaCachedState:
        breach = verify_log(dag, log, finished=state)
        assert (breach is None) == (state is end or not state.finished)
    assert verify_log(dag, log[::-1], finished=end, ordered=False) is None


@cases(1)
@given(scenarios(), st.data())
def test_what_has_no_action_gives_one_output_only(scenario: Scenario, data: st.DataObject):
    """Another is refused by the fold and named by `verify_log`; an action gives what it likes."""
    graph, simulator, log = ran(scenario)
    place = data.draw(st.sampled_from([at for at, (_, mark) in enumerate(log) if mark == "✓"]))
    events = list(simulator.durable)
    events[place] = attrs.evolve(events[place], event_type=Succeeded(JsonText('"another"')))
    breach = verify_log(simulator.dag, events)
    if graph.kinds[log[place][0]] == "action":
        followers = [n for n, kind in enumerate(graph.kinds) if kind == "subsaga end"]
        assert breach is None or events[breach.seq].node_id in followers
    else:
        assert breach.rule is LogRule.OWN_OUTPUT
        assert breach.seq == place
    if breach is None:
        SagaState.fold(simulator.dag.flat, SAGA_ID, events)
        return
    state = SagaState.fold(simulator.dag.flat, SAGA_ID, events[: breach.seq])
    with pytest.raises(CorruptLog, match="not the one that it stands for"):
        state.apply(events[breach.seq])
    with pytest.raises(CorruptLog):
        fold_unordered(simulator.dag.flat, SAGA_ID, events)


@cases(3)
@given(tampered_logs())
def test_a_set_of_events_is_taken_exactly_if_it_is_causally_closed(case):
    """`fold_unordered` finds a legal order if there is one, with all events, or else refuses."""
    graph, flat, log = case
    assume(not has_repair(log))
    events = as_events(graph, log)
    if not has_legal_order(graph, log):
        with pytest.raises((IllegalEvent, CorruptLog)):
            fold_unordered(flat, SAGA_ID, events)
        return
    state = fold_unordered(flat, SAGA_ID, events)
    ordered = marks(state.log.events)
    assert Counter(ordered) == Counter(log)
    assert first_illegal(graph, ordered) is None
    assert ordered == (log if first_illegal(graph, log) is None else stably(graph, log))


def stably(graph: Expanded, log: list[Mark]) -> list[Mark]:
    """Take again and again the first event that may be; failures wait for all beginnings."""
    left, taken = list(log), []
    while left:
        waiting = {mark for _, mark in left}
        chosen = next(
            (node, mark)
            for node, mark in left
            if is_legal_next(graph, set(taken), node, mark)
            and not (mark == "✗" and "+" in waiting)
            and not (mark == "!" and "-" in waiting)
        )
        left.remove(chosen)
        taken.append(chosen)
    return taken


def cut(graph: Expanded, log: list[Mark], drops: bytes) -> None:
    """Drop events that are causally last, one for each byte; what is left is closed."""
    for drop in drops:
        last = [e for e in log if has_legal_order(graph, [other for other in log if other != e])]
        if last:
            log.remove(last[drop % len(last)])


@cases(1)
@given(scenarios(crashes=False), st.binary(max_size=30), scripts)
def test_every_causally_closed_subset_of_a_log_recovers(
    scenario: Scenario, drops: bytes, script: bytes
):
    """What any crash leaves goes on to the end that its failures demand; no event is rewritten."""
    graph, simulator, log = ran(scenario)
    cut(graph, log, drops)
    state = fold_unordered(simulator.dag.flat, SAGA_ID, as_events(graph, log))
    kept = list(state.log.events)
    end = recover(simulator.dag, kept, choices=Choices(script))
    assert end.durable[: len(kept)] == kept
    new = marks(end.durable[len(kept) :])
    if any(mark == "!" for _, mark in log):
        assert end.outcome is SagaCachedState.STUCK
        assert all(mark in "✓∅" for _, mark in new)
    elif any(mark == "✗" for _, mark in log):
        assert end.outcome is SagaCachedState.FAILED
    else:
        assert end.outcome is SagaCachedState.SUCCEEDED
    assert recover(simulator.dag, end.durable).durable == end.durable


@cases(0.5)
@given(scenarios(crashes=False))
def test_an_event_of_another_saga_is_refused_anywhere(scenario: Scenario):
    """One foreign event among a saga's own, wherever it stands, and the log is not taken."""
    simulator = Simulator.of(scenario).run()
    for place in range(0, len(simulator.durable), 3):
        events = list(simulator.durable)
        events[place] = attrs.evolve(events[place], saga_id=OTHER_ID)
        with pytest.raises(ForeignEvent, match="found an event in the log for a different saga"):
            SagaState.fold(simulator.dag.flat, SAGA_ID, events)
        with pytest.raises(ForeignEvent):
            fold_unordered(simulator.dag.flat, SAGA_ID, events)


@cases(0.5)
@given(sagas())
def test_the_graph_is_the_expansion_of_what_was_appended(spec):
    """Parents, children and edges are those that the oracle finds by plain recursion."""
    graph, flat = Expanded.of(spec), spec.dag().flat
    assert [set(flat.graph.parents(node)) for node in range(graph.size)] == graph.parents
    assert [set(flat.graph.children(node)) for node in range(graph.size)] == graph.children
    edges = list(flat.edges())
    assert len(edges) == len(set(edges))
    assert set(edges) == {(p, n) for n in range(graph.size) for p in graph.parents[n]}
    order = {node: place for place, node in enumerate(flat.graph.topological_order())}
    assert all(order[parent] < order[child] for parent, child in edges)
