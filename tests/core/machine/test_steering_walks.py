"""
Random ways of a saga: results, times, crashes, and orders on the saga and on its nodes.

Whatever comes, the machine does not fail; its state is the fold of its log, and `verify_log` says
the same of that log as the fold does, also where one event of it is changed.
"""

from datetime import timedelta
from random import Random

import attrs
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from steno.core import (
    CANCELS,
    OF_NODES,
    ActionNode,
    Finish,
    Input,
    JsonText,
    Node,
    Ordered,
    SagaCachedState,
    SagaDag,
    SagaMachine,
    SagaNodeEvent,
    SagaNodeId,
    SagaNodeLoadStatus,
    SagaSerialized,
    SagaState,
    Step,
    Timestamp,
    Verb,
    cached_state,
    inputs,
    verify_log,
)
from steno.errors import CorruptLog, IllegalEvent
from steno.testing.notation import SAGA_ID, inputs_of, shown
from support.demo import build, saga
from support.simulator import state_facts

SLEEP = Node.sleep("w", timedelta(microseconds=30))
DAGS = {
    "pair": saga(["a", "b"], "c"),
    "waits": saga([SLEEP, Node.signal("s", "go"), "a"], Node.signal("t", "go"), "z"),
    "nested": saga(
        "p", ["a", Node.subsaga("in", build("i", "x", Node.constant("k", 1)), "p")], "z"
    ),
}
FORWARD = ("✓", "✓", "✓", "✓", "✗", "?", "↻={}", "≈=order", "↻")
BACKWARD = ("∅", "∅", "∅", "!", "↺={}", "↺=order")
CANCELLED = ("×", "×=?", "×=✗", "×=✓7") * 3
UNDO_CANCELLED = ("×",) * 9


@attrs.define(eq=False)
class Walk:
    """
    A machine that is told at random, over several lives.

    Attributes:
        dag: The saga.
        rng: What decides.
        machine: The machine of this life.
        now: The time.
        told: What it was told, to be read when a test fails.
        states: The states that the saga has been in.
        ends: Of calls that an order has cancelled: its verb, and how they have ended.
    """

    dag: SagaDag
    rng: Random
    machine: SagaMachine = attrs.field(init=False)
    now: int = 0
    told: list[str] = attrs.field(factory=list)
    states: set[SagaCachedState] = attrs.field(factory=set)
    ends: set[tuple[str, str]] = attrs.field(factory=set)

    def __attrs_post_init__(self) -> None:
        self.machine = SagaMachine(self.dag, SagaState.new(self.dag.flat, SAGA_ID))

    @property
    def state(self) -> SagaState:
        return self.machine.state

    @property
    def log(self) -> list[SagaNodeEvent]:
        return list(self.state.log.events)

    def turn(self) -> None:
        """Let something happen, and check what has come of it."""
        self.now += self.rng.randrange(20)
        lot = self.rng.random()
        if lot < 0.05:
            self.check(self.crash())
        elif lot < 0.2 and not self.state.begun and not self.machine.started:
            why = self.rng.choice([None, "a reason"])
            order = inputs.Order(None, Verb.START, "test", why)
            self.told.append("start")
            self.check(self.machine.start(Timestamp(self.now), order))
        else:
            if lot < 0.07:
                self.machine.drain()
            batch = [self.an_input() for _ in range(self.rng.choice([1, 1, 1, 2, 3]))]
            self.told.append(" & ".join(map(str, batch)))
            results = [each.node_id for each in batch if isinstance(each, _RESULTS)]
            if len(results) == len(set(results)):  # a call ends once
                self.check(self.machine.handle(batch, Timestamp(self.now)))

    def crash(self) -> Step:
        self.told.append("crash")
        self.machine = SagaMachine(self.dag, SagaState.fold(self.dag.flat, SAGA_ID, self.log))
        now = Timestamp(self.now)
        return self.machine.start(now) if self.state.begun else self.machine.handle([], now)

    def an_input(self) -> Input:
        calls = [
            node
            for node in self.state.in_flight
            if isinstance(self.dag.flat.nodes[node], ActionNode)
        ]
        if calls and self.machine.started and self.rng.random() < 0.6:
            node = self.rng.choice(calls)
            undoing = self.state.status(node) is SagaNodeLoadStatus.UNDO_STARTED
            marks = BACKWARD if undoing else FORWARD
            if node in self.state.setbacks.cancelling:
                marks += UNDO_CANCELLED if undoing else CANCELLED
            mark = self.rng.choice(marks)
            (result,) = inputs_of(f"{node}{mark.format(self.now + self.rng.randrange(40))}")
            return result
        if self.rng.random() < 0.3:
            node = SagaNodeId(self.rng.randrange(len(self.dag.flat.nodes)))
            return self.rng.choice([inputs.Due(node), inputs.DeadlineCame()])
        return self.an_order()

    def an_order(self) -> inputs.Order:
        node, value = None, JsonText("null")
        at = signal = None
        verbs = [each for each in Verb if each not in {Verb.START, Verb.IMPORT}]
        verb = self.rng.choice(verbs)
        if verb in {Verb.ABANDON, Verb.UNWIND} and self.rng.random() < 0.7:
            verb = Verb.RETRY
        if verb in OF_NODES:
            called = [*self.state.in_flight, *self.state.setbacks.cancelling]
            node = SagaNodeId(self.rng.randrange(len(self.dag.flat.nodes)))
            node = self.rng.choice([node, *called])
            if verb is Verb.COMPLETE and self.rng.random() < 0.5:
                value = JsonText("5")
        elif verb is Verb.DEADLINE:
            at = self.rng.choice([None, Timestamp(self.now + self.rng.randrange(-5, 100))])
        elif verb is Verb.SIGNAL:
            signal, value = self.rng.choice(["go", "go", "stop"]), JsonText(self.rng.choice("12"))
        replace, cancel = self.rng.random() < 0.5, verb in CANCELS and self.rng.random() < 0.5
        return inputs.Order(*(node, verb, "test", "why", None, value, cancel, at, signal, replace))

    def check(self, step: Step) -> None:
        """Check that the state is the fold, that the log is legal, and that an end is said."""
        log, script = self.log, "; ".join(self.told)
        folded = SagaState.fold(self.dag.flat, SAGA_ID, log)
        assert state_facts(folded) == state_facts(self.state), script
        state = cached_state(self.state)
        self.states.add(state)
        breach = verify_log(self.dag, log, finished=state)
        assert breach is None, f"{shown(log)}: {breach}"
        self.ends |= cancelled_ends(log)
        if step.record:
            ends = any(isinstance(each, Finish) for each in step.then)
            assert ends == state.finished, script


def cancelled_ends(log: list[SagaNodeEvent]) -> set[tuple[str, str]]:
    """Return how calls have ended that an order on their node has cancelled."""
    given: dict[SagaNodeId | None, str] = {}
    ends = set[tuple[str, str]]()
    for event in log:
        match event.event_type:
            case Ordered(verb=verb, cancel=True) if event.node_id is not None:
                given[event.node_id] = verb.value
            case Ordered():
                pass
            case _ if event.node_id in given:
                ends.add((given.pop(event.node_id), shown([event])[-1]))
    return ends


_RESULTS = (
    inputs.ActionSucceeded,
    inputs.ActionRaised,
    inputs.UndoSucceeded,
    inputs.UndoRaised,
    inputs.CallCancelled,
)


def walked(name: str, seed: int) -> Walk:
    walk = Walk(DAGS[name], Random(seed))
    for _ in range(walk.rng.randrange(5, 45)):
        walk.turn()
    return walk


def cases(factor: float):
    """Return how hard to search, relative to the profile."""
    return settings(max_examples=max(1, round(settings().max_examples * factor)))


ways = st.builds(walked, st.sampled_from(sorted(DAGS)), st.integers(0, 2**30))


@cases(4)
@given(ways)
def test_every_prefix_of_a_log_is_legal(walk: Walk):
    """Where the process is lost, the rest folds, and keeps the rules."""
    log = walk.log
    for length in range(len(log)):
        state = SagaState.fold(walk.dag.flat, SAGA_ID, log[:length])
        assert verify_log(walk.dag, log[:length], finished=cached_state(state)) is None


@cases(2)
@given(ways)
def test_recovering_twice_is_recovering_once(walk: Walk):
    """The second recovery has nothing to log, and leaves the state as it was."""
    walk.check(walk.crash())
    before = state_facts(walk.state)
    assert walk.crash().record == ()
    assert state_facts(walk.state) == before


def refused_at(dag: SagaDag, log: list[SagaNodeEvent]) -> int | None:
    state = SagaState.new(dag.flat, SAGA_ID)
    for place, event in enumerate(log):
        try:
            state.apply(event)
        except (CorruptLog, IllegalEvent):
            return place
    return None


@cases(4)
@given(ways)
def test_a_log_that_was_changed_in_one_event(walk: Walk):
    """Dropped, doubled, moved, or with an order put in: fold and verifier name the same event."""
    log, rng = walk.log, walk.rng
    for _ in range(25 if log else 0):
        other, place = list(log), rng.randrange(len(log))
        moved = other[place] if rng.random() < 0.5 else other.pop(place)
        if rng.random() < 0.5:
            order = Ordered(rng.choice(list(Verb)[:5]), "test", "why")
            moved = SagaNodeEvent(SAGA_ID, None, order)
        if rng.random() < 0.8:
            other.insert(rng.randrange(len(other) + 1), moved)
        breach = verify_log(walk.dag, other)
        named = None if breach is None else breach.seq
        assert named == refused_at(walk.dag, other), f"{shown(other)}: {breach}"


@cases(1)
@given(ways)
def test_a_log_survives_a_round_trip(walk: Walk):
    """A dump that is read and written again is the same text, with its orders and times."""
    text = SagaSerialized(SAGA_ID, walk.dag, tuple(walk.log)).to_json()
    read = SagaSerialized.from_json(text)
    assert read.to_json() == text
    assert list(read.events) == walk.log
    assert [event.time for event in read.events] == [event.time for event in walk.log]


@pytest.mark.parametrize("name", DAGS)
def test_the_walks_go_everywhere(name: str):
    """They lead into every state that a saga can be in."""
    seen = set[SagaCachedState]()
    for seed in range(300):
        seen |= walked(name, seed).states
        if seen == set(SagaCachedState):
            return
    pytest.fail(f"no walk has led to {set(SagaCachedState) - seen}")


def test_the_walks_cancel_calls():
    """Each order ends calls as it says, of actions and of undo actions, and in no other way."""
    allowed = {
        *(("retry", end) for end in "↻≈✓✗?↺"),
        *(("fail", end) for end in "✗?"),
        *(("complete", end) for end in "✓∅"),
    }
    missing = allowed - {("retry", "✗"), ("retry", "?")}  # rare: its saga unwinds meanwhile
    for seed in range(1000):
        ends = walked("pair", seed).ends
        assert ends <= allowed
        if not (missing := missing - ends):
            return
    pytest.fail(f"no walk has ended a call so: {missing}")
