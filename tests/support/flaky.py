"""
Flaky services: what calls of them do, what their actions say of that, and sagas that use them.

Plain values, drawn by Hypothesis or by a seed. What follows from them is for `support.oracle` to
say, and for those who run them: a machine without a SEC, a SEC that is lost again and again, and a
process that is killed.
"""

import enum
from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, datetime, timedelta
from functools import cached_property
from itertools import count
from random import Random
from types import MappingProxyType

import attrs
from hypothesis import strategies as st

from steno.action import to_timestamp
from steno.core import Dag, Node, PlainDagBuilder, SagaDag, SagaId
from steno.testing.fakes import ActionSpec, ConstantSpec, SagaSpec, SubsagaSpec
from steno.testing.strategies import sagas
from support.checker import Expanded

EPOCH = datetime(2000, 1, 1, tzinfo=UTC)
SECOND = 1_000_000
"""In microseconds, as times are stored."""


class Act(enum.Enum):
    """What one call of user code does."""

    WORKS = "it takes effect, then returns"
    FAILS = "it raises before it takes effect"
    FAILS_AFTER = "it takes effect, then raises"
    REFUSES = "it raises NotDone, without effect"
    HOLDS = "it raises Hold, without effect"
    BREAKS = "it raises what is not retried, without effect"
    HANGS = "it does not end, and has no effect"
    HANGS_AFTER = "it takes effect, and does not end"
    LATE = "it takes effect and returns when its timeout has passed"
    ODD = "it takes effect and returns what cannot be stored"


class Kind(enum.Enum):
    """What user code is called for."""

    CALL = "call"
    PROBE = "probe"
    UNDO = "undo"


class Said(enum.Enum):
    """How a call of user code ended."""

    RETURNED = "it returned"
    RETURNED_NOT_DONE = "a probe returned NOT_DONE"
    RETURNED_ODD = "it returned what cannot be stored"
    RAISED = "it raised what is retried"
    RAISED_NOT_DONE = "it raised NotDone"
    RAISED_OTHER = "it raised what is not retried"
    RAISED_HOLD = "it raised Hold"
    CANCELLED = "it was cancelled"


HOLDING = {Said.RAISED_HOLD, Said.RETURNED_ODD}
"""After these the node is held until the next life, unless the saga unwinds."""


class Undo(enum.Enum):
    """What an action says of its undo."""

    PLAIN = "called after a success"
    IN_DOUBT = "called when in doubt, too"
    NOOP = "not needed"


@attrs.frozen
class Rules:
    """
    What an action says of itself; its own defaults are those of an action that says nothing.

    Attributes:
        undo: What of its undo.
        probe: Whether it has a probe.
        atomic: Whether a call that ends other than by returning has had no effect.
        attempts: How many there may be; 1: it says nothing of retries.
        wait: Seconds after the first failed attempt, doubled after each.
        jitter: Seconds more, at most.
        longest: The longest wait.
        within: Seconds from the first start in which another attempt may be made.
        timeout: Seconds for a call.
        undo_attempts: How many attempts to undo there may be.
        undo_wait: As `wait`.
        undo_timeout: Seconds for a call.
        limit: How many calls there may be at once.
        shares: Whether the limit is a limiter that outlives the SEC, not a number.
        then_holds: Whether its node is held when the attempts are used up, instead of failing.
    """

    undo: Undo = Undo.PLAIN
    probe: bool = False
    atomic: bool = False
    attempts: int = 1
    wait: float = 1.0
    jitter: float = 0.0
    longest: float = 5.0
    within: float | None = None
    timeout: float | None = None
    undo_attempts: int = 1
    undo_wait: float = 1.0
    undo_timeout: float | None = None
    limit: int | None = None
    shares: bool = False
    then_holds: bool = False

    @property
    def provides_for_doubt(self) -> bool:
        return self.undo is Undo.IN_DOUBT or (self.undo is Undo.NOOP and self.probe)

    def timeout_of(self, kind: Kind) -> float | None:
        return self.undo_timeout if kind is Kind.UNDO else self.timeout

    def fitting(self, act: Act, kind: Kind) -> Act:
        """Return what a call does that was to do something that it cannot do."""
        if kind is Kind.PROBE and act not in {Act.FAILS, Act.HANGS, Act.HOLDS}:
            return Act.WORKS
        if kind is Kind.UNDO and act in {Act.REFUSES, Act.ODD}:
            return Act.FAILS
        if self.timeout_of(kind) is None:
            act = _WITHOUT_TIMEOUT.get(act, act)
        if self.atomic and kind is Kind.CALL:
            act = _ATOMIC.get(act, act)
        return act


_WITHOUT_TIMEOUT = {Act.HANGS: Act.FAILS, Act.HANGS_AFTER: Act.FAILS_AFTER, Act.LATE: Act.WORKS}
_ATOMIC = {Act.HANGS_AFTER: Act.HANGS, Act.FAILS_AFTER: Act.FAILS}

EFFECTIVE = {Act.WORKS, Act.FAILS_AFTER, Act.HANGS_AFTER, Act.LATE, Act.ODD}
"""What takes effect."""


@attrs.define
class Doing:
    """
    A call of user code, as it is seen from outside of the library.

    Attributes:
        saga_id: The saga.
        node: The node.
        kind: What it was called for.
        attempt: The number that it was told.
        life: The life of the SEC, from 0.
        durable: How many events of the saga were durable when it began.
        began: When, in microseconds.
        since: When its node, or its undo, was first started, as it was told.
        has_output: Whether it was given an output of its node.
        text: What it raises says this.
        known: How many of the events the SEC surely knew to be durable.
        said: How it ended; None: it did not, as far as is known.
        ended: When.
    """

    saga_id: SagaId
    node: int
    kind: Kind
    attempt: int
    life: int
    durable: int
    began: int
    since: int | None
    has_output: bool
    text: str
    known: int = 0
    said: Said | None = None
    ended: int | None = None

    def __str__(self) -> str:
        """Return it as one short line, for what an oracle says."""
        said = "did not end" if self.said is None else self.said.name
        times = f"{self.began} to {self.ended}"
        return (
            f"[{self.kind.value} {self.attempt} of node {self.node} in life {self.life},"
            f" {times}, with {self.durable} events: {said}]"
        )


Acts = Mapping[tuple[int, Kind], tuple[Act, ...]]

NO_ACTS: Acts = MappingProxyType({})


@attrs.frozen
class FlakyJob:
    """
    A saga of flaky services.

    Attributes:
        spec: Its graph.
        sleeps: Which of its actions are sleeps instead, and of how many seconds; None: until the
            time that a constant gives, if there is one before it.
        acts: What the calls of a node do, one after the other; once that is used up, they work.
        by_attempt: Whether that goes by the number of the attempt, instead of the call: then a
            call that is cut off does the same when it is made again.
    """

    spec: SagaSpec
    sleeps: Mapping[int, float | None] = attrs.field(factory=dict)
    acts: Acts = NO_ACTS
    by_attempt: bool = False

    @cached_property
    def _built(self) -> tuple[SagaDag, dict[int, tuple[bool, int]]]:
        builder = _Builder(self.sleeps)
        return SagaDag(builder.build(self.spec), "params"), builder.wakes

    @property
    def dag(self) -> SagaDag:
        return self._built[0]

    @property
    def wakes(self) -> dict[int, tuple[bool, int]]:
        """Until when nodes sleep: whether counted from their start, and microseconds."""
        return self._built[1]

    @cached_property
    def graph(self) -> Expanded:
        graph = Expanded.of(self.spec)
        for node in self.sleeps:
            if graph.kinds[node] == "action":
                graph.kinds[node] = "sleep"
        return graph

    def act(self, rules: Rules, node: int, kind: Kind, *, attempt: int, calls: int) -> Act:
        """
        Return what a call does.

        Args:
            rules: What the action says of itself.
            node: The node.
            kind: What it is called for.
            attempt: The number of the attempt.
            calls: How many calls of this kind the node has had before.
        """
        acts = self.acts.get((node, kind), ())
        place = attempt - 1 if self.by_attempt else calls
        return rules.fitting(acts[place] if place < len(acts) else Act.WORKS, kind)


def action_names(dag: SagaDag) -> dict[int, str]:
    """Return the name of each node's action."""
    return {
        index: node.action_name
        for index, node in enumerate(dag.flat.nodes)
        if hasattr(node, "action_name") and not node.action_name.startswith("steno.")
    }


@attrs.define
class _Builder:
    """
    Builds a graph; counts its nodes as they will be numbered in the flattened one.

    Attributes:
        sleeps: Which nodes sleep instead.
        wakes: Until when: microseconds from its start, or since 1970 of the time.
    """

    sleeps: Mapping[int, float | None]
    wakes: dict[int, tuple[bool, int]] = attrs.field(factory=dict)
    numbers: Iterator[int] = attrs.field(factory=count)

    def build(self, spec: SagaSpec) -> Dag:
        builder = PlainDagBuilder("saga")
        times: dict[str, datetime] = {}
        for stage in spec.stages:
            nodes, constants = [], {}
            for node in stage:
                index = next(self.numbers)
                match node:
                    case ActionSpec(name=name) if index in self.sleeps:
                        nodes.append(self._sleep(index, name, times))
                    case ActionSpec(name=name, action_name=action):
                        nodes.append(Node.action(name, action))
                    case ConstantSpec(name=name, value=value):
                        constants[name] = EPOCH + timedelta(seconds=3 * value)
                        nodes.append(Node.constant(name, constants[name].isoformat()))
                    case SubsagaSpec(name=name, params=params, saga=inner):
                        nodes.append(Node.subsaga(name, self.build(inner), params))
                        next(self.numbers)  # of its end
            builder.append_parallel(nodes)
            times |= constants
        return builder.build()

    def _sleep(self, index: int, name: str, times: Mapping[str, datetime]) -> Node:
        seconds = self.sleeps[index]
        if seconds is None and times:
            until, time = next(reversed(times.items()))
            self.wakes[index] = False, to_timestamp(time)
            return Node.sleep(name, until=until)
        self.wakes[index] = True, round(SECOND * (seconds or 0))
        return Node.sleep(name, timedelta(seconds=seconds or 0))


# For Hypothesis. Half of what it draws is a seed: it likes to draw little, and most of the cases in
# which much goes wrong are too large for it.

WAITS = (0.0, 0.5, 3.0, 40.0)
_SEEDS = st.integers(0, 2**20)


def random_rules(rng: Random, *, steady: bool = False) -> Rules:
    """
    Return what an action may say of itself.

    Args:
        rng: Decides.
        steady: Whether nothing of it depends on how long things take.
    """
    undo = rng.choice([Undo.PLAIN, Undo.IN_DOUBT, Undo.IN_DOUBT, Undo.NOOP])
    probe = undo is Undo.NOOP and rng.random() < 0.7
    atomic = rng.random() < 0.2
    may_time_out = undo is not Undo.PLAIN or atomic
    return Rules(
        undo,
        probe,
        atomic,
        attempts=rng.randint(1, 4),
        wait=rng.choice(WAITS),
        jitter=rng.choice([0.0, 1.0]),
        longest=rng.choice([5.0, 60.0]),
        within=None if steady else rng.choice([None, None, 4.0, 45.0]),
        timeout=rng.choice([None, 2.0]) if may_time_out else None,
        undo_attempts=rng.randint(1, 4),
        undo_wait=rng.choice(WAITS),
        undo_timeout=rng.choice([None, 2.0]),
        limit=rng.choice([None, None, 1, 1, 2]),
        shares=rng.random() < 0.5,
    )


@st.composite
def drawn_rules(draw: Callable, *, steady: bool = False) -> Rules:
    """Return what an action may say of itself, as little as shows what is wrong."""
    undo = draw(st.sampled_from(Undo))
    atomic = draw(st.booleans())
    may_time_out = undo is not Undo.PLAIN or atomic
    return Rules(
        undo,
        undo is Undo.NOOP and draw(st.booleans()),
        atomic,
        attempts=draw(st.integers(1, 4)),
        wait=draw(st.sampled_from(WAITS)),
        within=None if steady else draw(st.sampled_from([None, 4.0])),
        timeout=draw(st.sampled_from([None, 2.0])) if may_time_out else None,
        undo_attempts=draw(st.integers(1, 4)),
        undo_timeout=draw(st.sampled_from([None, 2.0])),
        limit=draw(st.sampled_from([None, 1])),
    )


@st.composite
def flaky_jobs(draw: Callable, *, steady: bool = False) -> FlakyJob:
    """
    Return sagas of flaky services.

    Args:
        draw: Given by Hypothesis.
        steady: Whether a call that is made again does the same again, and probes always work.
    """
    spec = draw(sagas(depth=1, max_stages=4, max_width=3))
    kinds = (Kind.CALL, Kind.UNDO) if steady else tuple(Kind)
    if draw(st.booleans()):
        rng = Random(draw(_SEEDS))
        sleeps = {n: rng.choice(SLEEPS) for n in range(spec.size) if rng.random() < 0.15}
        acts = {
            (node, kind): tuple(rng.choices(tuple(Act), k=rng.randint(1, 5)))
            for node in range(spec.size)
            for kind in kinds
            if rng.random() < 0.4
        }
        return FlakyJob(spec, sleeps, acts, by_attempt=steady or rng.random() < 0.5)
    nodes = st.integers(0, spec.size - 1)
    sleeps = draw(st.dictionaries(nodes, st.sampled_from(SLEEPS), max_size=2))
    keys = st.tuples(nodes, st.sampled_from(kinds))
    some = st.lists(st.sampled_from(Act), min_size=1, max_size=4).map(tuple)
    acts = draw(st.dictionaries(keys, some, min_size=1, max_size=4))
    return FlakyJob(spec, sleeps, acts, by_attempt=steady or draw(st.booleans()))


SLEEPS = (None, 0.0, 2.0, 300.0)


@st.composite
def rule_sets(draw: Callable, *, steady: bool = False) -> tuple[Rules, ...]:
    """Return the rules of some actions, which others share in turn."""
    if draw(st.booleans()):
        rng = Random(draw(_SEEDS))
        return tuple(random_rules(rng, steady=steady) for _ in range(rng.randint(1, 4)))
    return tuple(draw(st.lists(drawn_rules(steady=steady), min_size=1, max_size=3)))


def rules_by_name(given: tuple[Rules, ...], name: str) -> Rules:
    """Return the rules of an action; its name is `do_n` and a number."""
    return given[int(name.removeprefix("do_n")) % len(given)]
