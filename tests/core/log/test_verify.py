"""
`verify_log`, held against the fold and against an oracle that shares nothing with either.

Small graphs are gone through exhaustively: every state that a saga can be in, and every event that
could come next; every single change to a whole log; every set of events out of a whole log.

STENO_WALKS is how many random logs of each larger graph are tried.
"""

import os
from collections.abc import Iterator
from itertools import combinations
from random import Random

import attrs
import pytest

from steno.core import (
    Breach,
    JsonText,
    LogRule,
    Node,
    Ordered,
    SagaCachedState,
    SagaDag,
    SagaNodeEvent,
    SagaNodeId,
    SagaState,
    Succeeded,
    Verb,
    cached_state,
    fold_unordered,
    verify_log,
)
from steno.errors import CorruptLog, IllegalEvent
from steno.testing.fakes import ActionSpec, ConstantSpec, SagaSpec, SubsagaSpec
from steno.testing.notation import OTHER_ID, SAGA_ID, event, event_type, events, shown
from support.checker import (
    ORDER,
    Expanded,
    Mark,
    ends_as,
    first_illegal,
    has_legal_order,
    legal_next,
)
from support.demo import OUTPUTS, demo, saga
from support.flaky import FlakyJob

WALKS = int(os.environ.get("STENO_WALKS", "4"))


def actions(*names: str) -> tuple[ActionSpec, ...]:
    return tuple(ActionSpec(name) for name in names)


CHAIN = SagaSpec((actions("a"), actions("b")))
FORK = SagaSpec((actions("a", "b"), actions("c")))
DIAMOND = SagaSpec((actions("a"), actions("b", "c"), actions("d")))
NESTED = SagaSpec(
    ((ConstantSpec("p", 7),), (SubsagaSpec("s", "p", SagaSpec(((ConstantSpec("q", 8),),))),))
)
GRAPHS = {"chain": CHAIN, "fork": FORK, "diamond": DIAMOND, "nested": NESTED}


@attrs.frozen(eq=False)
class Case:
    """A saga, its expansion, and how a log of marks is written as events."""

    dag: SagaDag
    graph: Expanded

    @classmethod
    def of(cls, spec: SagaSpec) -> "Case":
        return cls(spec.saga(), Expanded.of(spec))

    def events(self, log: list[Mark]) -> list[SagaNodeEvent]:
        return [
            SagaNodeEvent(SAGA_ID, SagaNodeId(node), event_type(mark, self.graph.output(node)))
            for node, mark in log
        ]

    def folds(self, log: list[SagaNodeEvent]) -> bool:
        try:
            SagaState.fold(self.dag.flat, SAGA_ID, log)
        except (CorruptLog, IllegalEvent):
            return False
        return True

    def logs(self) -> Iterator[list[Mark]]:
        """Give one legal log for each set of events that a saga can have got to."""
        ways: dict[frozenset[Mark], list[Mark]] = {frozenset(): []}
        new = [frozenset()]
        while new:
            had = new.pop()
            yield ways[had]
            for following in legal_next(self.graph, set(had)):
                more = had | {following}
                if more not in ways:
                    ways[more] = [*ways[had], following]
                    new.append(more)

    def whole_logs(self) -> list[list[Mark]]:
        return [log for log in self.logs() if ends_as(self.graph, log) is not None]


CASES = {name: Case.of(spec) for name, spec in GRAPHS.items()}
every_case = pytest.mark.parametrize("case", CASES.values(), ids=CASES)


# Against the fold and the oracle


@every_case
def test_what_may_come_next_is_what_the_fold_takes(case: Case):
    """In each state that a saga can be in, each event of each node is allowed by both or none."""
    allowed = refused = 0
    for log in case.logs():
        state = SagaState.fold(case.dag.flat, SAGA_ID, case.events(log))
        assert verify_log(case.dag, case.events(log), finished=cached_state(state)) is None
        legal = set(legal_next(case.graph, set(log)))
        for following in [(n, mark) for n in range(-1, case.graph.size + 1) for mark in ORDER]:
            longer = case.events([*log, following])
            breach = verify_log(case.dag, longer)
            assert (breach is None) == (following in legal) == case.folds(longer)
            assert breach is None or breach.seq == len(log)
            allowed += breach is None
            refused += breach is not None
    assert allowed > 20
    assert refused > 500


# With attempts and orders, the fold against the verifier alone

FAILED_CALLS = {
    "↻": ("↻", None),
    "≈": ("≈", "order"),
    "⇣": ("↻", "order"),
    "↺": ("↺", None),
    "⇡": ("↺", "order"),
}
"""By letter, the mark of a failed attempt, and what it waits for."""

ORDERS = {"H": Verb.HOLD, "R": Verb.RETRY, "Z": Verb.FAIL, "C": Verb.COMPLETE}

LETTERS = [*ORDER, "?", *FAILED_CALLS, *ORDERS]

ONE = Case.of(SagaSpec((actions("a"),)))
SLEEP = FlakyJob(SagaSpec((actions("s"), actions("b"))), {0: 1.0})
SLEEPS = Case(SLEEP.dag, SLEEP.graph)
INSIDE = Case.of(SagaSpec((actions("p"), (SubsagaSpec("s", "p", SagaSpec((actions("a"),))),))))


@attrs.frozen(eq=False)
class Tried:
    """A log with attempts and orders in it, as it grows."""

    case: Case
    marks: tuple[Mark, ...] = ()
    events: tuple[SagaNodeEvent, ...] = ()

    def then(self, mark: Mark, following: SagaNodeEvent) -> "Tried":
        return Tried(self.case, (*self.marks, mark), (*self.events, following))

    @property
    def failed_calls(self) -> int:
        return sum(mark in FAILED_CALLS for _, mark in self.marks)

    @property
    def orders(self) -> list[int]:
        """The nodes to which something was ordered."""
        return [node for node, mark in self.marks if mark in ORDERS]

    @property
    def lives(self) -> frozenset[tuple[int, str]]:
        """What each node has been through, whatever the order among nodes."""
        own: dict[int, str] = {}
        for node, mark in self.marks:
            own[node] = own.get(node, "") + mark
        return frozenset(own.items())

    def candidates(self) -> Iterator[tuple[Mark, SagaNodeEvent]]:
        """Yield each event of each node; a failed attempt with its number and with the next."""
        for node in range(-1, self.case.graph.size + 1):
            for mark in LETTERS:
                if mark in ORDERS:
                    what = Ordered(ORDERS[mark], "test", "no reason")
                    yield (node, mark), SagaNodeEvent(SAGA_ID, SagaNodeId(node), what)
                    continue
                if mark not in FAILED_CALLS:
                    yield (node, mark), self.case.events([(node, mark)])[0]
                    continue
                # The failure of an undo counts as an attempt: it may be ordered to try again.
                same = "↺⇡!" if mark in "↺⇡" else "↻≈⇣"
                number = 1 + sum(n == node and m in same for n, m in self.marks)
                for attempt in (number, number + 1):
                    what = attrs.evolve(event_type(*FAILED_CALLS[mark]), attempt=attempt)
                    yield (node, mark), SagaNodeEvent(SAGA_ID, SagaNodeId(node), what)

    def legal(self) -> list["Tried"]:
        """Return the logs that this one can become: fold and verifier must say the same of each."""
        flat = self.case.dag.flat
        state = SagaState.fold(flat, SAGA_ID, self.events)
        assert verify_log(self.case.dag, self.events, finished=cached_state(state)) is None
        found = []
        for mark, following in self.candidates():
            more = self.then(mark, following)
            breach = verify_log(self.case.dag, more.events)
            assert breach is None or breach.seq == len(self.events)
            try:
                state.apply(following)
            except (CorruptLog, IllegalEvent):
                assert breach is not None, shown(more.events)
            else:
                assert breach is None, f"{shown(more.events)}: {breach}"
                found.append(more)
                state = SagaState.fold(flat, SAGA_ID, self.events)
        return found


def tries(case: Case, calls: int, orders: int) -> Iterator[Tried]:
    """Give a log for each state that so many failed attempts and orders of work have led to."""
    kinds = case.graph.kinds
    new, seen = [Tried(case)], {frozenset()}
    while new:
        had = new.pop()
        yield had
        for more in had.legal():
            few = more.failed_calls <= calls and len(more.orders) <= orders
            works = {kinds[node] for node in more.orders} <= {"action", "sleep"}
            if few and works and more.lives not in seen:
                seen.add(more.lives)
                new.append(more)


@pytest.mark.parametrize(
    ("case", "calls", "orders", "states"),
    [
        (ONE, 2, 0, 124),
        (CASES["chain"], 1, 0, 183),
        (INSIDE, 0, 0, 84),
        (ONE, 1, 2, 1580),
        (CASES["chain"], 0, 1, 206),
        (SLEEPS, 0, 1, 216),
    ],
    ids=["one", "chain", "inside", "one, ordered", "chain, ordered", "sleep, ordered"],
)
def test_attempts_doubt_and_orders(case: Case, calls: int, orders: int, states: int):
    """In each state, what may come next by the verifier is exactly what the fold takes."""
    assert sum(1 for _ in tries(case, calls, orders)) == states


def walk(case: Case, random: Random) -> Tried:
    """Return a log that was chosen event by event, up to an end or a length."""
    log = Tried(case)
    while (legal := log.legal()) and len(log.marks) < 60:
        log = random.choice(legal)
    return log


def refused_at(case: Case, log: list[SagaNodeEvent]) -> int | None:
    """Return the place of the first event that the fold refuses."""
    state = SagaState.new(case.dag.flat, SAGA_ID)
    for place, each in enumerate(log):
        try:
            state.apply(each)
        except (CorruptLog, IllegalEvent):
            return place
    return None


@pytest.mark.parametrize("case", [CASES["fork"], CASES["diamond"], INSIDE])
@pytest.mark.parametrize("seed", range(WALKS))
def test_attempts_in_larger_sagas(case: Case, seed: int):
    """Along a random log the two agree, and where one event is dropped, doubled or moved."""
    random = Random(seed)
    log = list(walk(case, random).events)
    for _ in range(200):
        other = list(log)
        moved = other.pop(random.randrange(len(other)))
        for _ in range(random.randrange(3)):
            other.insert(random.randrange(len(other) + 1), moved)
        breach = verify_log(case.dag, other)
        assert (None if breach is None else breach.seq) == refused_at(case, other), shown(other)


def changed(graph: Expanded, log: list[Mark]) -> Iterator[list[Mark]]:
    """Give each log that differs from one in a single event, or in the order of two."""
    for place, (node, mark) in enumerate(log):
        before, after = log[:place], log[place + 1 :]
        yield before + after
        for other in range(-1, graph.size + 1):
            yield [*before, (other, mark), *after]
        for other_mark in ORDER:
            yield [*before, (node, other_mark), *after]
        for again in range(place + 1, len(log) + 1):
            yield [*log[:again], (node, mark), *log[again:]]
        for later in range(len(after)):
            swapped = list(log)
            swapped[place], swapped[place + 1 + later] = after[later], (node, mark)
            yield swapped


@every_case
def test_a_single_change_of_a_log_is_named_where_it_breaks_a_rule(case: Case):
    """Dropped, doubled, swapped, of another type or node: the first wrong event is named."""
    kept = broken = 0
    for log in case.whole_logs()[::3]:
        for other in changed(case.graph, log):
            breach = verify_log(case.dag, case.events(other))
            wrong = first_illegal(case.graph, other)
            assert (None if breach is None else breach.seq) == wrong
            assert case.folds(case.events(other)) == (breach is None)
            kept += breach is None
            broken += breach is not None
    assert kept > 10
    assert broken > 5 * kept


@every_case
def test_a_set_of_events_without_an_order_is_closed_or_it_is_not(case: Case):
    """Any events out of a whole log, in any order: allowed exactly if they have a legal order."""
    closed = open_ = 0
    for log in case.whole_logs()[::5]:
        for left_out in range(4):
            for missing in combinations(range(len(log)), left_out):
                rest = [each for place, each in enumerate(log) if place not in missing][::-1]
                legal = has_legal_order(case.graph, rest)
                breach = verify_log(case.dag, case.events(rest), ordered=False)
                assert (breach is None) == legal
                if legal:
                    fold_unordered(case.dag.flat, SAGA_ID, case.events(rest))
                closed += legal
                open_ += not legal
    assert closed
    assert open_ > 50


@every_case
def test_an_end_that_is_claimed_is_held_against_the_log(case: Case):
    """A log that breaks off has no end, and one that has an end has no other."""
    ends = {
        "succeeded": SagaCachedState.SUCCEEDED,
        "failed": SagaCachedState.FAILED,
        "stuck": SagaCachedState.STUCK,
    }
    for log in case.logs():
        ended = ends_as(case.graph, log)
        for ordered in (True, False):
            for name, state in ends.items():
                breach = verify_log(case.dag, case.events(log), finished=state, ordered=ordered)
                assert (breach is None) == (name == ended)
                if breach is not None:
                    assert (breach.rule, breach.seq) == (LogRule.WHOLE_END, None)


# What it says

DEMO = demo()
PAIR = saga(["a", "b"], "c")  # 0 and 1, then 2; 3 is the start, 4 the end


def breach_of(text: str, **options: object) -> Breach:
    found = verify_log(PAIR, events(text), **options)
    assert found is not None
    return found


@pytest.mark.parametrize(
    ("text", "rule", "place", "why"),
    [
        ("3+ 5+", "KNOWN_NODE", 1, "started of 5: the saga has the nodes 0 to 4"),
        ("3+ 3+", "OWN_ORDER", 1, "it is in the log already, as event 0"),
        ("3+ 3✓ 0✓", "OWN_ORDER", 2, "succeeded of /a: there is no started of it before it"),
        ("3+ 3✓ 0+ 0✓ 0✗", "OWN_ORDER", 4, "failed of /a: event 3 says succeeded of it"),
        ("3+ 0+", "PARENTS_FIRST", 1, "(start node), on which it depends, has not succeeded"),
        (
            "3+ 3✓ 0+ 0✓ 1+ 2+",
            "PARENTS_FIRST",
            5,
            "started of /c: /b, on which it depends, has not succeeded before it",
        ),
        ("3+ 3✓ 0+ 0✗ 1+", "NO_START_AFTER_FAILURE", 4, "a failure, event 3, stands before it"),
        ("3+ 3✓ 0+ 0✗ 0-", "UNDO_OF_SUCCESS", 4, "there is no succeeded of it before it"),
        ("3+ 3✓ 0+ 0✓ 0-", "UNDO_AFTER_FAILURE", 4, "nothing has failed before it"),
        (
            "3+ 3✓ 0+ 1+ 0✓ 1✗ 3-",
            "CHILDREN_FIRST",
            6,
            "undo_started of (start node): /a, which depends on it, is not undone before it",
        ),
        (
            "3+ 3✓ 0+ 1+ 0✓ 1✓ 2+ 2✗ 0- 0! 1-",
            "NO_UNDO_AFTER_STUCK",
            10,
            "undo_started of /b: the failure of an undo, event 9, stands before it",
        ),
        ("3+ 3✓=1", "OWN_OUTPUT", 1, "succeeded of (start node): its output is not null"),
    ],
)
def test_a_breach_says_where_what_and_why(text: str, rule: str, place: int, why: str):
    """The rule, the number of the event, its node by path, and a sentence for people."""
    breach = breach_of(text)
    assert breach.rule is LogRule[rule]
    assert breach.seq == place
    assert why in breach.text
    assert str(breach) == f"event {place}: {breach.text} (the rule: {breach.rule.value})"


@pytest.mark.parametrize(
    ("state", "text", "why"),
    [
        (SagaCachedState.SUCCEEDED, "3+ 3✓", "succeeded, but /a has not succeeded"),
        (SagaCachedState.FAILED, "3+ 3✓", "failed, but no node has failed"),
        (SagaCachedState.FAILED, "3+ 3✓ 0+ 0✗", "failed, but (start node) is not undone"),
        (SagaCachedState.STUCK, "3+ 3✓ 0+ 0✗", "stuck, but no undo has failed"),
        (
            SagaCachedState.STUCK,
            "3+ 3✓ 0+ 1+ 0✓ 1✓ 2+ 2✗ 0- 1- 0!",
            "stuck, but /b has begun something without an end",
        ),
    ],
)
def test_a_breach_of_the_end_has_no_event(state: SagaCachedState, text: str, why: str):
    """What is missing stands nowhere; the sentence says what it is."""
    breach = breach_of(text, finished=state)
    assert (breach.rule, breach.seq, breach.node) == (LogRule.WHOLE_END, None, None)
    assert why in breach.text
    assert str(breach).startswith("at its end: it is said that the saga has ended as ")


@pytest.mark.parametrize("state", [each for each in SagaCachedState if not each.finished])
def test_an_unfinished_state_claims_nothing(state: SagaCachedState):
    """A saga from a dump is ready, whatever its log says; what runs may be written as it was."""
    for text in ("", "3+ 3✓ 0+", "3+ 3✗"):
        assert verify_log(PAIR, events(text), finished=state) is None


def test_a_log_is_of_one_saga():
    """Of that which is asked for; otherwise of that of the first event."""
    mixed = [*events("3+ 3✓"), event("0+", OTHER_ID)]
    breach = verify_log(PAIR, mixed)
    assert breach is not None
    assert (breach.rule, breach.seq, breach.node) == (LogRule.ONE_SAGA, 2, "/a")
    assert f"it is of saga {OTHER_ID}, in the log of saga {SAGA_ID}" in breach.text
    assert verify_log(PAIR, mixed[2:]).rule is LogRule.PARENTS_FIRST
    assert verify_log(PAIR, mixed, saga_id=OTHER_ID).seq == 0


WHOLE = " ".join(f"{n}+ {n}✓={(OUTPUTS | {11: 0}).get(n, 'null')}" for n in [12, *range(12), 13])


@pytest.mark.parametrize("node", [1, 4, 7, 12, 13])
@pytest.mark.parametrize("ordered", [True, False])
def test_what_has_no_action_gives_what_it_stands_for(node: int, *, ordered: bool):
    """Constants, both ends of the saga and of its subsaga: another output is named, and refused."""
    log = events(WHOLE)
    assert verify_log(DEMO, log, ordered=ordered) is None
    SagaState.fold(DEMO.flat, SAGA_ID, log)
    place = next(
        p
        for p, each in enumerate(log)
        if each.node_id == node and isinstance(each.event_type, Succeeded)
    )
    log[place] = attrs.evolve(log[place], event_type=Succeeded(JsonText('"another"')))
    breach = verify_log(DEMO, log, ordered=ordered)
    assert breach is not None
    assert (breach.rule, breach.seq) == (LogRule.OWN_OUTPUT, place)
    with pytest.raises(CorruptLog, match="not the one that it stands for"):
        SagaState.fold(DEMO.flat, SAGA_ID, log)


def test_the_end_of_a_subsaga_without_what_is_in_it_is_named_for_that():
    """What it should give is not known then; in any order the missing success is the breach."""
    log = events("6+ 6✓ 7✓=5 7+ 12+ 12✓")
    rules = [verify_log(DEMO, log[at:], ordered=False).rule for at in (2, 3)]
    assert rules == [LogRule.PARENTS_FIRST, LogRule.PARENTS_FIRST]


def test_a_long_output_is_cut_short_in_a_sentence():
    """A breach is for people, whatever an output has of megabytes."""
    long = saga(Node.constant("p", "x" * 200))
    breach = verify_log(long, events("1+ 1✓ 0+ 0✓"))
    assert breach.text == 'succeeded of /p: its output is not "' + "x" * 59 + "…"


def test_every_rule_is_broken_by_some_log():
    """There is no rule that could not be named."""
    broken = {
        breach_of(text).rule
        for text in (
            *("3+ 5+", "3+ 3+", "3+ 0+", "3+ 3✓ 0+ 0✗ 1+", "3+ 3✓ 0+ 0✗ 0-", "3+ 3✓ 0+ 0✓ 0-"),
            *("3+ 3✓ 0+ 1+ 0✓ 1✗ 3-", "3+ 3✓ 0+ 1+ 0✓ 1✓ 2+ 2✗ 0- 0! 1-", "3+ 3✓=1"),
            *("3+ 3↻", "3+ 3✓ 0+ 1+ 0✗ 1↻", "3+ 3✓ 0+ 0↻ 0+ 0↻", "3+ 3✓ 0+ 1+ 0≈ 1? 1-"),
            *("3+ 3✓ 0+ 0↻ 0✗", "3+ 3✓ «=pause 0+", "3+ 3✓ «=pause#1 «=resume#1"),
        )
    }
    broken |= {breach_of("", finished=SagaCachedState.SUCCEEDED).rule}
    broken |= {breach_of("3+", saga_id=OTHER_ID).rule}
    assert broken == set(LogRule)
