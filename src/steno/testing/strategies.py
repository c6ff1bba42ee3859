"""
Random sagas, faults in them, and schedules, for Hypothesis.

They draw plain values, whose repr in a failing test can be pasted into another test::

    from hypothesis import given
    from steno.testing import strategies
    from steno.testing.fakes import FakeActions
    from steno.testing.schedule import run_seeded

    @given(strategies.sagas(), strategies.schedules())
    def test_my_store_keeps_any_saga(spec, schedule):
        actions, dag = FakeActions(), spec.saga()

        async def main():
            async with steno.open_sec(MyStore(), actions.registry([dag])) as sec:
                return (await sec.saga_run(dag)).unwrap()

        run_seeded(main, seed=schedule.seed)

This module alone needs Hypothesis, which comes with `trio-steno[testing]`.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import count
from typing import Final, TypeVar

from hypothesis import strategies as st

from steno.testing.fakes import ActionSpec, ConstantSpec, NodeSpec, SagaSpec, SubsagaSpec
from steno.testing.faults import FaultPlan, NodeFault
from steno.testing.schedule import Schedule

__all__ = ["fault_plans", "sagas", "schedules", "scripts"]

T = TypeVar("T")

# Integers are drawn most often: they are the cheapest draw, if their strategy is made only once.
_UP_TO: Final = [st.integers(0, n) for n in range(30)]

_LEAVES: Final = (ActionSpec, ActionSpec, ActionSpec, ConstantSpec)
_ALL: Final = (*_LEAVES, SubsagaSpec, SubsagaSpec)


def _up_to(most: int) -> st.SearchStrategy[int]:
    return _UP_TO[most] if most < len(_UP_TO) else st.integers(0, most)


def _one_of(draw: st.DrawFn, choices: Sequence[T]) -> T:
    return choices[draw(_up_to(len(choices) - 1))]


def _saga(draw: st.DrawFn, depth: int, max_stages: int, max_width: int) -> SagaSpec:
    names = (f"n{number}" for number in count())
    before: list[str] = []  # the names of all earlier stages
    stages: list[tuple[NodeSpec, ...]] = []
    last = draw(_up_to(max_stages - 1))
    for number in range(last + 1):
        width = 1 if number == last else 1 + draw(_up_to(max_width - 1))
        stage = tuple(_node(draw, names, before, depth) for _ in range(width))
        before += [node.name for node in stage]
        stages.append(stage)
    return SagaSpec(tuple(stages))


def _node(draw: st.DrawFn, names: Iterator[str], before: list[str], depth: int) -> NodeSpec:
    kind = _one_of(draw, _ALL if depth and before else _LEAVES)
    name = next(names)
    if kind is ActionSpec:
        return ActionSpec(name)
    if kind is ConstantSpec:
        return ConstantSpec(name, len(before))
    return SubsagaSpec(name, _one_of(draw, before), _saga(draw, depth - 1, 2, 2))


@st.composite
def sagas(draw: st.DrawFn, depth: int = 2, max_stages: int = 4, max_width: int = 3) -> SagaSpec:
    """
    Return sagas with stages and subsagas: in sequence, side by side and nested.

    Names are few, and deliberately the same in every subsaga.

    Args:
        draw: Given by Hypothesis.
        depth: The maximum depth of nested subsagas; 0 for none.
        max_stages: The maximum number of stages of the outermost saga; two for others.
        max_width: The maximum number of nodes in its stages; two for other sagas.
    """
    return _saga(draw, depth, max_stages, max_width)


@st.composite
def fault_plans(
    draw: st.DrawFn,
    saga: SagaSpec | int,
    faults: Sequence[NodeFault] = tuple(NodeFault),
    most: int = 4,
) -> FaultPlan:
    """
    Return plans of faults in a saga.

    Args:
        draw: Given by Hypothesis.
        saga: The saga, or how many nodes it has between its start and its end.
        faults: The kinds of fault.
        most: The maximum number of faults.
    """
    size = saga if isinstance(saga, int) else saga.size
    planned = draw(_up_to(most)) if faults else 0
    return FaultPlan(
        frozenset((draw(_up_to(size - 1)), _one_of(draw, faults)) for _ in range(planned))
    )


scripts: Final = st.binary(max_size=40)
"""The choices of a schedule; short lists keep examples small."""


def schedules(
    seeds: st.SearchStrategy[int] = st.integers(0, 2**20),  # noqa: B008 - a strategy is a value
) -> st.SearchStrategy[Schedule]:
    """Return schedules of Trio's tasks, and of all other choices in a run."""
    return st.builds(Schedule, seeds, scripts)
