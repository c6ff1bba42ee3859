"""
Random sagas, faults and schedules, for Hypothesis.

A graph is drawn as a specification: plain values, from which the library builds its graph and
`support.checker` an expansion of its own. Names are few, and on purpose the same in every subsaga.
"""

import enum
from collections.abc import Callable, Iterator, Sequence
from typing import TypeAlias, TypeVar

import attrs
from hypothesis import strategies as st

from steno.core import Dag, DagBuilder, Node, SagaDag

T = TypeVar("T")


@attrs.frozen
class ActionSpec:
    name: str


@attrs.frozen
class ConstantSpec:
    name: str
    value: int


@attrs.frozen
class SubsagaSpec:
    name: str
    params: str
    saga: "SagaSpec"


NodeSpec: TypeAlias = ActionSpec | ConstantSpec | SubsagaSpec


@attrs.frozen
class SagaSpec:
    stages: tuple[tuple[NodeSpec, ...], ...]

    def dag(self) -> Dag:
        builder = DagBuilder("saga")
        for stage in self.stages:
            builder.append_parallel(map(_node, stage))
        return builder.build()

    @property
    def size(self) -> int:
        """The number of nodes between the start and the end."""
        return sum(
            node.saga.size + 2 if isinstance(node, SubsagaSpec) else 1
            for stage in self.stages
            for node in stage
        )

    def saga(self) -> SagaDag:
        return SagaDag(self.dag(), {"of": "saga"})


def _node(spec: NodeSpec) -> Node:
    match spec:
        case ActionSpec(name=name):
            return Node.action(name, name.upper(), f"do_{name}")
        case ConstantSpec(name=name, value=value):
            return Node.constant(name, value)
        case SubsagaSpec(name=name, params=params, saga=saga):
            return Node.subsaga(name, saga.dag(), params)
    raise AssertionError(spec)


# Graphs

# What is drawn most often: an integer is the cheapest draw, if its strategy is made only once.
_UP_TO = [st.integers(0, n) for n in range(30)]

_LEAVES = (ActionSpec, ActionSpec, ActionSpec, ConstantSpec)
_ALL = (*_LEAVES, SubsagaSpec, SubsagaSpec)


def _one_of(draw: Callable, choices: Sequence[T]) -> T:
    return choices[draw(_UP_TO[len(choices) - 1])]


def _saga(draw: Callable, depth: int, max_stages: int, max_width: int) -> SagaSpec:
    names = (f"n{number}" for number in range(1000))
    before: list[str] = []  # the names of all earlier stages
    stages = []
    last = draw(_UP_TO[max_stages - 1])
    for number in range(last + 1):
        width = 1 if number == last else 1 + draw(_UP_TO[max_width - 1])
        stage = tuple(_draw_node(draw, names, before, depth) for _ in range(width))
        before += [node.name for node in stage]
        stages.append(stage)
    return SagaSpec(tuple(stages))


def _draw_node(draw: Callable, names: Iterator[str], before: list[str], depth: int) -> NodeSpec:
    kind = _one_of(draw, _ALL if depth and before else _LEAVES)
    name = next(names)
    if kind is ActionSpec:
        return ActionSpec(name)
    if kind is ConstantSpec:
        return ConstantSpec(name, len(before))
    return SubsagaSpec(name, _one_of(draw, before), _saga(draw, depth - 1, 2, 2))


@st.composite
def sagas(draw: Callable, depth: int = 2, max_stages: int = 4, max_width: int = 3) -> SagaSpec:
    """Return staged graphs, with subsagas in them, one after another, side by side and nested."""
    return _saga(draw, depth, max_stages, max_width)


# Faults


class Fault(enum.Enum):
    """What can go wrong with a node, in its action or by injection."""

    ACTION = "its action always raises"
    ACTION_ONCE = "its action raises when it is called for the first time"
    UNDO = "its undo action always raises"
    INJECT_ERROR = "an error is injected, again after every restart"
    INJECT_UNDO_ERROR = "an undo error is injected, again after every restart"
    REPEAT = "action and undo action are called twice"


HARMLESS = frozenset({Fault.REPEAT})
UNDO_FAULTS = frozenset({Fault.UNDO, Fault.INJECT_UNDO_ERROR})
LASTING = frozenset({Fault.ACTION, Fault.INJECT_ERROR})
"""Faults that make a node fail whenever it comes to be run."""


@attrs.frozen
class FaultPlan:
    """Which nodes have which faults, by index; a fault of an action that is none does nothing."""

    faults: frozenset[tuple[int, Fault]] = frozenset()

    def has(self, node: int, fault: Fault) -> bool:
        return (node, fault) in self.faults

    def nodes(self, fault: Fault) -> list[int]:
        return sorted(node for node, each in self.faults if each is fault)

    def kinds(self) -> frozenset[Fault]:
        return frozenset(fault for _, fault in self.faults)


def _plan(draw: Callable, size: int, faults: Sequence[Fault], most: int) -> FaultPlan:
    count = draw(_UP_TO[most]) if faults else 0
    nodes = st.integers(0, size - 1)
    return FaultPlan(frozenset((draw(nodes), _one_of(draw, faults)) for _ in range(count)))


@st.composite
def fault_plans(
    draw: Callable, size: int, faults: Sequence[Fault] = tuple(Fault), most: int = 4
) -> FaultPlan:
    """Return plans of so many faults at most, for a saga with so many nodes inside."""
    return _plan(draw, size, faults, most)


# Schedules


@attrs.define
class Schedule:
    """A sequence of choices: what completes first, and with what. When it ends: the oldest."""

    script: bytes = b""
    _at: int = 0

    def pick(self, count: int) -> int:
        """Choose one of so many."""
        if self._at >= len(self.script):
            return 0
        self._at += 1
        return self.script[self._at - 1] % count


scripts = st.binary(max_size=40)
"""What schedules are made of; short ones run the oldest first."""


@attrs.frozen
class Scenario:
    """
    All that decides how a saga runs.

    Attributes:
        spec: The saga's graph.
        plan: What goes wrong.
        script: What completes when.
        crashes: At which commits the machine is lost; 2n: before, 2n+1: after the commands of
            commit n were carried out.
    """

    spec: SagaSpec
    plan: FaultPlan = FaultPlan()
    script: bytes = b""
    crashes: frozenset[int] = frozenset()


@st.composite
def scenarios(
    draw: Callable, faults: Sequence[Fault] = tuple(Fault), *, crashes: bool = True
) -> Scenario:
    spec = _saga(draw, 2, 4, 3)
    plan = _plan(draw, spec.size, faults, 4)
    points = [draw(_UP_TO[20]) for _ in range(draw(_UP_TO[3]))] if crashes else []
    return Scenario(spec, plan, draw(scripts), frozenset(points))
