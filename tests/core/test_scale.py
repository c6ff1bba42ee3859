"""Sagas of 20 000 nodes: no recursion, and the cost of a node does not grow with their number."""

import gc
import inspect
import sys
import time
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TypeVar

import pytest

from steno.core import (
    NULL,
    Node,
    Phase,
    PlainDagBuilder,
    RunAction,
    RunUndo,
    SagaCachedState,
    SagaDag,
    SagaLog,
    SagaMachine,
    SagaNodeEvent,
    SagaNodeId,
    SagaSerialized,
    SagaState,
    Snapshot,
    Started,
    fold_unordered,
    inputs,
    lookup,
    read_flat,
    verify_log,
)
from steno.testing.notation import ERROR, SAGA_ID

T = TypeVar("T")

MOST = 20_000
FEW = 2_000


def action(number: int) -> Node:
    return Node.action(f"n{number}", "a", label="L")


def chain(size: int) -> SagaDag:
    builder = PlainDagBuilder("chain")
    for number in range(size):
        builder.append(action(number))
    return SagaDag(builder.build())


def fan(size: int) -> SagaDag:
    builder = PlainDagBuilder("fan")
    builder.append_parallel(map(action, range(size - 1)))
    builder.append(action(size - 1))
    return SagaDag(builder.build())


def ladder(size: int) -> SagaDag:
    """Return stages that are twice as wide as they are many: 100 of 200, or 32 of 63."""
    stages = round((size / 2) ** 0.5)
    width = size // stages
    builder = PlainDagBuilder("ladder")
    for stage in range(stages):
        builder.append_parallel(map(action, range(stage * width, (stage + 1) * width)))
    builder.append(action(size))
    return SagaDag(builder.build())


def nested(size: int) -> SagaDag:
    """Return subsagas inside one another, thousands deep."""
    builder = PlainDagBuilder("innermost")
    builder.append(action(0))
    for _ in range(size // 4):
        inner, builder = builder.build(), PlainDagBuilder("nested")
        builder.append(action(0))
        builder.append(Node.subsaga("inner", inner, "n0"))
        builder.append(action(1))
    return SagaDag(builder.build())


def side_by_side(size: int) -> SagaDag:
    """Return subsagas of four nodes each, in pairs, one pair after another."""
    builder = PlainDagBuilder("pair")
    builder.append_parallel([action(0), action(1)])
    builder.append(action(2))
    inner = builder.build()
    builder = PlainDagBuilder("side by side")
    builder.append(action(0))
    for number in range(size // 10):
        names = (f"s{number}", f"t{number}")
        builder.append_parallel([Node.subsaga(name, inner, "n0") for name in names])
    builder.append(action(1))
    return SagaDag(builder.build())


def comet(size: int) -> SagaDag:
    """Return one wide stage with a long chain behind it."""
    builder = PlainDagBuilder("comet")
    builder.append_parallel(map(action, range(size // 2)))
    for number in range(size // 2, size):
        builder.append(action(number))
    return SagaDag(builder.build())


SHAPES: list[Callable[[int], SagaDag]] = [chain, fan, ladder, nested, side_by_side, comet]


def drive(dag: SagaDag, *, fail_last: bool) -> SagaMachine:
    """Run a saga to its end, one result at a time; its last action succeeds or fails."""
    machine = SagaMachine(dag, SagaState.new(dag.flat, SAGA_ID))
    (last,) = dag.flat.graph.parents(dag.flat.graph.end)
    todo = deque(machine.start().then)
    while todo:
        match todo.popleft():
            case RunAction(node_id=node) if fail_last and node == last:
                step = machine.handle([inputs.ActionRaised(node, ERROR)])
            case RunAction(node_id=node):
                step = machine.handle([inputs.ActionSucceeded(node, NULL)])
            case RunUndo(node_id=node):
                step = machine.handle([inputs.UndoSucceeded(node)])
            case _:
                continue
        todo.extend(step.then)
    return machine


@contextmanager
def shallow_stack() -> Iterator[None]:
    """Leave room for forty more frames: what recurses over a graph does not fit in."""
    before = sys.getrecursionlimit()
    sys.setrecursionlimit(len(inspect.stack(0)) + 40)
    try:
        yield
    finally:
        sys.setrecursionlimit(before)


def seconds(work: Callable[[T], object], given: T) -> float:
    """Return the processor time that some work takes."""
    gc.collect()
    gc.disable()
    try:
        start = time.process_time()
        work(given)
        return time.process_time() - start
    finally:
        gc.enable()


def is_linear(work: Callable[[T], object], small: T, large: T) -> bool:
    """
    Say whether a node of the large saga costs at most four times what one of the small costs.

    It is 1 to 2 times where all is well, and 10 times where the cost is quadratic; on a busy
    machine the best of several measurements counts.
    """
    cheap, dear = float("inf"), float("inf")
    for _ in range(5):
        cheap = min(cheap, *(seconds(work, small) for _ in range(2)))
        dear = min(dear, seconds(work, large))
        if dear / MOST <= 4 * cheap / FEW:
            return True
    return False


def test_the_cost_of_an_event_does_not_grow_with_the_log():
    """A log is appended to where it stands; ten times as many events take ten times as long."""
    events = [SagaNodeEvent(SAGA_ID, SagaNodeId(node), Started()) for node in range(MOST)]

    def whole(size: int) -> None:
        assert len(SagaLog.new_recover(SAGA_ID, events[:size]).events) == size

    assert is_linear(whole, FEW, MOST)


@pytest.mark.parametrize("shape", SHAPES)
def test_twenty_thousand_nodes_run_and_unwind_without_recursion(shape: Callable[[int], SagaDag]):
    """Forward two events for each node; if the last action fails, four for each node but two."""
    with shallow_stack():
        dag = shape(MOST)
        succeeded = drive(dag, fail_last=False).state
        failed = drive(dag, fail_last=True).state
    size = len(dag.flat.nodes)
    assert size >= MOST
    assert (succeeded.outcome, failed.outcome) == (
        SagaCachedState.SUCCEEDED,
        SagaCachedState.FAILED,
    )
    assert (len(succeeded.log.events), len(failed.log.events)) == (2 * size, 4 * (size - 2) + 2)


@pytest.mark.parametrize("shape", SHAPES)
def test_the_cost_of_a_node_does_not_grow_with_the_saga(shape: Callable[[int], SagaDag]):
    """Ten times as many nodes take ten times as long, to build, to run and to unwind."""

    def whole(size: int) -> None:
        assert drive(shape(size), fail_last=True).state.outcome is SagaCachedState.FAILED

    assert is_linear(whole, FEW, MOST)


def test_the_cost_of_a_lookup_does_not_grow_with_the_saga():
    """Each node of a chain looks up the first one: neither nodes nor names are walked."""
    dags = {size: chain(size) for size in (FEW, MOST)}
    outputs = {SagaNodeId(0): NULL}

    def whole(size: int) -> None:
        for node in map(SagaNodeId, range(1, size)):
            assert lookup(dags[size], outputs, node, "n0", undoing=False) is NULL

    assert is_linear(whole, FEW, MOST)


@pytest.mark.parametrize("shape", [chain, fan, nested])
def test_large_sagas_are_dumped_and_shown_without_recursion(shape: Callable[[int], SagaDag]):
    """Stored graphs, dumps, views, and the search for an order know no recursion either."""
    dag = shape(FEW)
    events = drive(dag, fail_last=True).state.log.events
    shuffled = sorted(events, key=lambda event: -event.node_id)
    with shallow_stack():
        text = SagaSerialized(SAGA_ID, dag, tuple(events)).to_json()
        assert len(SagaSerialized.from_json(text).events) == len(events)
        assert read_flat(dag.flat.text).digest == dag.flat.digest
        view = Snapshot(SAGA_ID, dag, events, len(events), Phase.DONE).view()
        assert str(view.state.status).count("undone: ") == len(dag.flat.nodes) - 2
        assert fold_unordered(dag.flat, SAGA_ID, shuffled).outcome is SagaCachedState.FAILED


def test_one_failure_sweeps_a_wide_saga_once():
    """All of a fan fails, one after another, and each costs the same."""

    def fail_all(dag: SagaDag) -> None:
        machine = SagaMachine(dag, SagaState.new(dag.flat, SAGA_ID))
        for command in machine.start().then:
            machine.handle([inputs.ActionRaised(command.node_id, ERROR)])
        assert machine.state.outcome is SagaCachedState.FAILED

    assert is_linear(fail_all, fan(FEW), fan(MOST))


@pytest.mark.parametrize("shape", [chain, fan, side_by_side])
def test_a_legal_order_is_found_in_linear_time(shape: Callable[[int], SagaDag]):
    """For a dump whose events stand in just the wrong order, up to the logarithm of a heap."""

    def unwound(size: int) -> SagaState:
        return drive(shape(size), fail_last=True).state

    def sort(state: SagaState) -> None:
        events = state.log.events[::-1]
        assert fold_unordered(state.flat, SAGA_ID, events).outcome is SagaCachedState.FAILED

    assert is_linear(sort, unwound(FEW), unwound(MOST))


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("ordered", [True, False])
def test_a_log_is_verified_in_linear_time(shape: Callable[[int], SagaDag], *, ordered: bool):
    """Whatever the shape, without recursion; the order may be known or not."""

    def unwound(size: int) -> tuple[SagaDag, list[SagaNodeEvent]]:
        dag = shape(size)
        return dag, list(drive(dag, fail_last=True).state.log.events)

    def verify(case: tuple[SagaDag, list[SagaNodeEvent]]) -> None:
        with shallow_stack():
            assert verify_log(*case, finished=SagaCachedState.FAILED, ordered=ordered) is None

    assert is_linear(verify, unwound(FEW), unwound(MOST))
