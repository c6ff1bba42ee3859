"""
Orders on a saga in `verify_log`, held against the fold and against an oracle of their own.

The oracle shares nothing with either; see `support.steered`.
"""

import time
from collections.abc import Iterator
from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from steno.core import (
    JsonText,
    LogRule,
    Node,
    Ordered,
    SagaCachedState,
    SagaNodeEvent,
    SagaNodeId,
    SagaState,
    Succeeded,
    Timestamp,
    Verb,
    cached_state,
    verify_log,
)
from steno.errors import CorruptLog, IllegalEvent
from steno.testing.notation import SAGA_ID, event_type, events, shown
from support.demo import saga
from support.simulator import state_facts
from support.steered import Happened, History, Staged, first_wrong

PAIR = saga(["a", "b"], "c")  # 0 and 1, then 2; 3 is the start, 4 the end
WHOLE = "3+ 3✓ 0+ 1+ 0✓ 1✓ 2+ 2✓ 4+ 4✓"
STUCK = "3+ 3✓ 0+ 1+ 0✓ 1✗ 0- 0!"


def test_the_cost_of_an_order_does_not_grow_with_the_log():
    """Neither that of a pause in an unwinding, nor that of a signal that is replaced."""
    dag = saga("a", Node.signal("s", "go"), "z")  # 0 to 2; 3 is the start, 4 the end

    def work(orders: int) -> float:
        log = events("3+ 3✓ 0+ 0✗") + events("«=pause «=resume") * (orders // 2)
        sent = events("3+") + events("«=signal:go:1 «=signal:go:2") * (orders // 2)
        start = time.process_time()
        assert verify_log(dag, log) is None
        assert verify_log(dag, sent) is None
        return time.process_time() - start

    # It is 10 times as much where it is linear, and 100 times where it is quadratic.
    assert any(work(10_000) < 40 * work(1_000) for _ in range(5))


# What it says


@pytest.mark.parametrize(
    ("text", "place", "why"),
    [
        ("3+ 3✓ «=pause 0+", 3, "started of /a: it stands in a pause"),
        ("3+ 3✓ 0+ 1+ 0✓ 1✗ «=pause 0-", 7, "undo_started of /a: it stands in a pause"),
        ("3+ 3✓ 0+ «=abandon 0✓", 4, "succeeded of /a: the saga was abandoned before it"),
        ("«=abandon «=import 3+", 2, "the saga was abandoned before it"),
        ("«=abandon «=pause", 1, "ordered of the saga: the saga was abandoned before it"),
        ("«=abandon «=import «=start «=pause", 3, "the saga was abandoned before it"),
        ("3+ «=start", 1, "ordered of the saga: the saga was started before it"),
        ("«=start «=start", 1, "the saga was started before it"),
        ("«=pause «=pause", 1, "the saga is paused already"),
        ("«=resume", 0, "the saga is not paused"),
        ("«=pause «=unwind «=resume", 2, "the saga is undone by then"),
        ("3+ «=pause «=unwind «=resume", 3, "the saga is not paused"),
        ("3+ «=unwind «=unwind", 2, "the saga unwinds already"),
        ("3+ 3✓ 0+ 0✗ 3- 3∅ «=unwind", 6, "the saga is undone by then"),
        ("3+ 3✓ 0+ 1+ 0✗ «=unwind", 5, "the saga unwinds already"),
        (f"{WHOLE} «=pause", 10, "the saga is succeeded by then"),
        (f"{STUCK} «=deadline:5", 8, "the saga is stuck by then"),
        (f"{STUCK} «=resume", 8, "the saga is not paused"),
        ("«=signal:go:1", 0, 'no node waits for a signal "go"'),
        ("«=hold", 0, "it is of no node"),
        ("«=retry", 0, "it is of no node"),
    ],
)
def test_a_breach_of_the_rule_about_orders_on_a_saga(text: str, place: int, why: str):
    """The number of the event, and a sentence; the fold refuses the same event."""
    log = events(text)
    breach = verify_log(PAIR, log)
    assert breach is not None
    assert (breach.rule, breach.seq) == (LogRule.STEERED, place)
    assert why in breach.text
    state = SagaState.fold(PAIR.flat, SAGA_ID, log[:place])
    before = state_facts(state)
    with pytest.raises((CorruptLog, IllegalEvent)):
        state.apply(log[place])
    assert state_facts(state) == before


def test_an_event_of_no_node_that_is_no_order():
    """Only an order is about the saga itself."""
    log = [SagaNodeEvent(SAGA_ID, None, event_type("+"))]
    breach = verify_log(PAIR, log)
    assert (breach.rule, breach.node) == (LogRule.STEERED, None)
    assert breach.text == "started of the saga: it is of no node"
    with pytest.raises(IllegalEvent):
        SagaState.fold(PAIR.flat, SAGA_ID, log)


@pytest.mark.parametrize("verb", ["start", "pause", "unwind", "import"])
def test_an_order_on_a_saga_that_is_given_to_a_node(verb: str):
    """It has no place among the events of a node."""
    log = events(f"3+ 3✓ 0«={verb} 0+")
    breach = verify_log(PAIR, log)
    assert (breach.rule, breach.seq) == (LogRule.OWN_ORDER, 2)
    with pytest.raises(IllegalEvent):
        SagaState.fold(PAIR.flat, SAGA_ID, log)


@pytest.mark.parametrize(
    "text",
    [
        "«=pause «=resume «=pause «=start «=resume 3+ 3✓",
        "«=deadline:500 «=deadline 3+ 3✓ «=deadline:7",
        "3+ «=pause 3✓ «=unwind 3- «=pause 3∅",
        "3+ 3✓ 0+ «=import «=start 0✓ «=pause «=import «=resume 1+",
        f"{WHOLE} «=unwind 4- 4∅ 2- 2∅ 0- 1- 1∅ 0∅ 3- 3∅",
        f"{WHOLE} «=import «=import «=start «=unwind 4-",
        f"{STUCK} «=abandon",
        "3+ 3✓ 0+ 1+ 0✓ 1✗ 0- «=pause 0! «=resume «=import «=pause «=start «=resume",
        # A hold is not a result: the call before it is still under way.
        "3+ 3✓ 0+ 0«=hold 1+ 1✓ «=unwind 1- 1! «=pause 0✓",
        "3+ 3✓ 0+ 1+ 0✓ 1✓ 2+ 2✓ 4+ «=unwind 4✓ 4- 4∅ 2-",
    ],
)
def test_a_log_with_orders_on_its_saga(text: str):
    """Every prefix of it keeps the rules, and its end is the one that the fold finds."""
    log = events(text)
    for length in range(len(log) + 1):
        state = SagaState.fold(PAIR.flat, SAGA_ID, log[:length])
        assert verify_log(PAIR, log[:length], finished=cached_state(state)) is None


@pytest.mark.parametrize(
    ("text", "claims", "why"),
    [
        ("3+ 3✓", "abandoned", "abandoned, but nobody has ordered that"),
        ("3+ «=pause", "abandoned", "abandoned, but nobody has ordered that"),
        (f"{WHOLE} «=import", "succeeded", "succeeded, but it waits to be started"),
        (f"{WHOLE} «=unwind", "succeeded", "succeeded, but it has unwound"),
        (f"{STUCK} «=abandon", "stuck", "stuck, but somebody has abandoned it"),
        ("«=abandon «=import", "abandoned", "abandoned, but it waits to be started"),
        ("«=unwind «=import", "failed", "failed, but it waits to be started"),
    ],
)
def test_an_end_that_is_claimed_beside_orders(text: str, claims: str, why: str):
    """What is ordered of a saga decides how it has ended, too."""
    breach = verify_log(PAIR, events(text), finished=SagaCachedState(claims))
    assert (breach.rule, breach.seq) == (LogRule.WHOLE_END, None)
    assert why in breach.text


# Against the fold and the oracle

GRAPHS = [
    Staged(((None,),)),
    Staged((("go",), (None,))),
    Staged(((None, "go"), (None,))),
    Staged((("go", "stop"), ("go",))),
    Staged(((None, None), ("go", None), (None,))),
]
DAGS = {graph: graph.dag for graph in GRAPHS}


def orders() -> Iterator[Ordered]:
    for verb in Verb:
        match verb:
            case Verb.SIGNAL:
                for name in ("go", "stop", "other"):
                    for value in ("1", "2"):
                        yield Ordered(verb, "me", "why", signal=name, value=JsonText(value))
            case Verb.DEADLINE:
                yield Ordered(verb, "me", "why", at=Timestamp(500))
            case _:
                yield Ordered(verb, "me", "why")


def candidates(graph: Staged) -> list[SagaNodeEvent]:
    """Return each event that could come next, of the saga and of each node."""
    found = [SagaNodeEvent(SAGA_ID, None, order) for order in orders()]
    found.append(SagaNodeEvent(SAGA_ID, None, event_type("✓")))
    for node in range(graph.end + 1):
        whats = [event_type(mark) for mark in "+✓✗-∅!"]
        whats += [Succeeded(JsonText(value)) for value in "12"]
        found += [SagaNodeEvent(SAGA_ID, SagaNodeId(node), what) for what in whats]
    return found


def is_rare(event: SagaNodeEvent) -> bool:
    """Return True for what would soon end each log, or begin it anew."""
    what = event.event_type
    return isinstance(what, Ordered) and what.verb in {Verb.ABANDON, Verb.IMPORT, Verb.UNWIND}


def walk(graph: Staged, rng: Random, most: int) -> list[SagaNodeEvent]:
    """Return a legal log by the oracle: each event is any of those that are allowed."""
    log: list[SagaNodeEvent] = []
    every = candidates(graph)
    while len(log) < most:
        history = History(graph, [Happened.of(event) for event in log])
        legal = [event for event in every if history.allows(Happened.of(event))]
        of_nodes = [event for event in legal if event.node_id is not None]
        if of_nodes and rng.random() < 0.7:
            legal = of_nodes
        elif rng.random() < 0.8:
            legal = [event for event in legal if not is_rare(event)] or legal
        log.append(rng.choice(legal))
    return log


def refused_at(graph: Staged, log: list[SagaNodeEvent]) -> int | None:
    state = SagaState.new(DAGS[graph].flat, SAGA_ID)
    for place, event in enumerate(log):
        try:
            state.apply(event)
        except (CorruptLog, IllegalEvent):
            return place
    return None


def verified_at(graph: Staged, log: list[SagaNodeEvent]) -> int | None:
    breach = verify_log(DAGS[graph], log)
    return None if breach is None else breach.seq


def cases(factor: float):
    """Return how hard to search, relative to the profile."""
    return settings(max_examples=max(1, round(settings().max_examples * factor)))


def drawn_walk(drawn) -> tuple[Staged, Random, list[SagaNodeEvent]]:
    """Return a saga and a log of it; a seed, as its many choices would be slow to draw."""
    graph, seed, most = drawn
    rng = Random(seed)
    return graph, rng, walk(graph, rng, most)


logs = st.tuples(st.sampled_from(GRAPHS), st.integers(0, 2**20), st.integers(1, 40)).map(drawn_walk)


@cases(1)
@given(logs)
def test_what_may_come_next_is_what_the_oracle_allows(drawn):
    """After any legal log, each event of the saga and its nodes is allowed by all or by none."""
    graph, _, log = drawn
    history = History(graph, [Happened.of(event) for event in log])
    state = SagaState.fold(DAGS[graph].flat, SAGA_ID, log)
    assert cached_state(state).value == history.state
    for claim in SagaCachedState:
        breach = verify_log(DAGS[graph], log, finished=claim)
        is_so = not claim.finished or claim.value == history.state
        assert (breach is None) == is_so, (shown(log), claim, breach)
    before = state_facts(state)
    for event in candidates(graph):
        expected = None if history.allows(Happened.of(event)) else len(log)
        longer = [*log, event]
        assert verified_at(graph, longer) == expected, (shown(log), str(event))
        try:
            state.apply(event)
        except (CorruptLog, IllegalEvent):
            assert expected is not None, (shown(log), str(event))
            assert state_facts(state) == before
        else:
            assert expected is None, (shown(log), str(event))
            state = SagaState.fold(DAGS[graph].flat, SAGA_ID, log)


@cases(2)
@given(logs, st.integers(0, 2))
def test_a_log_that_was_changed_in_one_event(drawn, how: int):
    """Dropped, put in or exchanged: fold, verifier and oracle name the same first wrong event."""
    graph, rng, log = drawn
    every = candidates(graph)
    for _ in range(20):
        other, place = list(log), rng.randrange(len(log))
        if how:
            other.insert(place, rng.choice(every))
        if how != 1:
            del other[rng.randrange(len(other))]
        wrong = first_wrong(graph, other)
        assert refused_at(graph, other) == wrong, shown(other)
        assert verified_at(graph, other) == wrong, shown(other)


def test_the_oracle_has_seen_every_end():
    """The walks lead to all states that there are."""
    seen = set()
    for seed in range(120):
        graph = GRAPHS[seed % len(GRAPHS)]
        log = [Happened.of(event) for event in walk(graph, Random(seed), 30)]
        seen |= {History(graph, log[:length]).state for length in range(len(log) + 1)}
    assert seen == {each.value for each in SagaCachedState}


def test_the_oracle_is_not_the_fold():
    """An event that only the fold knows, as a hold, is not allowed by it."""
    assert first_wrong(GRAPHS[0], events("0«=hold")) == 0


def test_an_unknown_node_before_an_order_on_an_unwinding_saga():
    """The event of that node is the breach, not the order."""
    log = events("3+ 3✓ 0+ 1+ 0✓ 1✗ 0- 9+ «=pause")
    breach = verify_log(PAIR, log)
    assert breach is not None
    assert breach.seq == 7
