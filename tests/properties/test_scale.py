"""
Large sagas, and many: each node and each saga costs the same, whatever there is beside it.

A large saga goes its whole way on a whole SEC: it is built, created, run to its last node, lost
there and recovered; then that node fails, and all is undone. A tenth of it is the measure of time.

STENO_SCALE is how many nodes a large saga has, 20 000 by default; STENO_SCALE_SAGAS is how many
sagas, 1 000 or more, are run to see what of them stays in memory, 5 000 by default.
"""

import gc
import os
import time
from collections.abc import Callable

import pytest
import trio

from steno import (
    ActionContext,
    ActionFunc,
    ActionRegistry,
    DagBuilder,
    InMemorySecStore,
    Node,
    SagaCachedState,
    SagaDag,
    SagaId,
    SagaResult,
    SagaSerialized,
    open_sec,
)
from steno.core import SagaLog, SagaMachine, SagaState
from steno.testing.schedule import run_seeded
from support.crash import job_id
from support.demo import build

NODES = int(os.environ.get("STENO_SCALE", "20000"))
SAGAS = int(os.environ.get("STENO_SCALE_SAGAS", "5000"))

BOUND = 2.5
"""What a node of a large saga may cost, as against one of a small saga. It is about 1.2."""


KEPT = 200
"""No more finished sagas than this stay in memory."""


def node(name: str) -> Node:
    return Node.action(name, "does", label=name)


def chain(size: int) -> DagBuilder:
    """One node after another."""
    builder = DagBuilder("chain")
    for number in range(size):
        builder.append(node(f"n{number}"))
    return builder


def fan(size: int) -> DagBuilder:
    """All nodes side by side."""
    builder = DagBuilder("fan")
    builder.append_parallel(node(f"n{number}") for number in range(size))
    return builder


def ladder(size: int) -> DagBuilder:
    """A hundred stages; every node depends on all of the stage before."""
    builder = DagBuilder("ladder")
    for stage in range(100):
        builder.append_parallel(node(f"n{stage}-{number}") for number in range(size // 100))
    return builder


def nested(size: int) -> DagBuilder:
    """Subsagas one inside the other, a quarter as deep as there are nodes."""
    inner = build("innermost", node("last"))
    for _ in range(size // 4):
        first = [node("params"), node("beside")]
        inner = build("inner", first, Node.subsaga("in", inner, "params"))
    builder = DagBuilder("nested")
    builder.append(node("params"))
    builder.append(Node.subsaga("in", inner, "params"))
    return builder


def consecutive(size: int) -> DagBuilder:
    """Subsagas of one graph, two side by side and then the next two."""
    inner = build("inner", [node("a"), node("b")], node("c"))
    builder = DagBuilder("consecutive")
    builder.append(node("params"))
    for number in range(size // 10):
        subsagas = [Node.subsaga(f"{side}{number}", inner, "params") for side in ("left", "right")]
        builder.append_parallel(subsagas)
    return builder


SHAPES = (chain, fan, ladder, nested, consecutive)


class Lost(Exception):
    """What the SEC is lost by."""


def registry() -> ActionRegistry:
    """Return actions of which `last` never returns when it is called first, and fails then."""
    calls = 0

    async def does(ctx: ActionContext[trio.Event]) -> int:
        return 1

    async def undoes(ctx: ActionContext[trio.Event]) -> None:
        pass

    async def last(ctx: ActionContext[trio.Event]) -> None:
        nonlocal calls
        calls += 1
        if calls == 1:
            ctx.user_data.set()
            await trio.sleep_forever()
        raise ArithmeticError

    actions = ActionRegistry()
    actions.register(ActionFunc.new_action("does", does, undoes))
    actions.register(ActionFunc.new_action("last", last, undoes))
    return actions


async def whole_way(dag: SagaDag, store: InMemorySecStore) -> SagaResult:
    """Run a saga to its last node, lose the SEC there, recover the saga, and let it fail."""
    actions, reached = registry(), trio.Event()
    with pytest.raises(Lost):
        async with open_sec(store, actions, context=reached) as sec:
            await (await sec.saga_create(dag, saga_id=job_id(0))).start()
            await reached.wait()
            raise Lost
    async with open_sec(store, actions, context=reached) as sec:
        return await sec.saga_wait(job_id(0))


def cost(shape: Callable[[int], DagBuilder], size: int) -> float:
    """Return the seconds of computing that a node takes, on the whole way of its saga."""
    gc.collect()
    began = time.process_time()
    builder = shape(size)
    builder.append(Node.action("end", "last", label="end"))
    dag = SagaDag(builder.build())
    result = run_seeded(whole_way, dag, InMemorySecStore())
    spent = time.process_time() - began
    nodes = len(dag.get_nodes())
    assert nodes >= size
    # All but two have succeeded and are undone, one has failed, and one was never started.
    assert len(result.saga_log.events) == 4 * (nodes - 2) + 2
    assert result.error_node_name == "end"
    assert result.undo_failure is None
    return spent / nodes


@pytest.mark.parametrize("shape", SHAPES)
def test_a_large_saga_costs_as_much_per_node_as_a_small_one(shape: Callable[[int], DagBuilder]):
    """Building, creating, running, recovering and unwinding are linear, and nothing recurses."""
    small = min(cost(shape, NODES // 10) for _ in range(3))
    # What else runs on the machine can only add to a measurement: the least one is the truest.
    for _ in range(4):
        large = cost(shape, NODES)
        if large <= BOUND * small:
            return
        small = min(small, cost(shape, NODES // 10))
    pytest.fail(f"a node costs {large * 1e6:.0f} µs; in a tenth of that saga {small * 1e6:.0f} µs")


# The edges of a ladder are spelled out in a dump: that is 200² of them for each stage.
@pytest.mark.parametrize("shape", [chain, fan, nested, consecutive])
def test_a_large_saga_can_be_looked_at_and_dumped(shape: Callable[[int], DagBuilder]):
    """View, status tree, log and dump of a finished one are made without recursion."""
    builder = shape(NODES // 4)
    builder.append(Node.action("end", "last", label="end"))
    dag, store = SagaDag(builder.build()), InMemorySecStore()
    run_seeded(whole_way, dag, store)

    async def look() -> tuple[str, str, SagaSerialized]:
        async with open_sec(store, registry(), context=trio.Event()) as sec:
            view = await sec.saga_get(job_id(0))
            log = (await sec.saga_wait(job_id(0))).saga_log.pretty()
            return str(view.state.status), log, view.serialized()

    status, log, serialized = run_seeded(look)
    nodes = len(dag.get_nodes())
    assert len(status.splitlines()) >= nodes + 1
    assert len(log.splitlines()) == 4 * (nodes - 2) + 2 + 5
    if shape is nested:
        return  # reading it back is for dumps of people's sagas, which are not so deep
    text = serialized.to_json()
    read = SagaSerialized.from_json(text)
    assert read.events == serialized.events
    assert read.dag.same_as(dag)


def test_finished_sagas_do_not_stay_in_memory():
    """However many there were, a bounded number is kept; the others are read from the store."""
    dag = SagaDag(build("small", node("a"), [node("b"), node("c")], node("d")))
    store = InMemorySecStore()

    def alive() -> dict[str, int]:
        gc.collect()
        kinds = (SagaMachine, SagaState, SagaLog)
        objects = gc.get_objects()
        return {k.__name__: sum(type(each) is k for each in objects) for k in kinds}

    async def many() -> list[dict[str, int]]:
        counts = []
        async with open_sec(store, registry(), context=trio.Event()) as sec:
            for number in range(SAGAS):
                result = await sec.saga_run(dag, saga_id=job_id(number))
                if number in {400, SAGAS - 1}:
                    counts.append(alive())
            statistics = sec.statistics()
            assert statistics.running == statistics.ready == statistics.pending == 0
            assert 0 < statistics.finished <= KEPT
            for number in (0, 1, SAGAS // 2, SAGAS - 1):
                await check_old(sec.saga_handle(job_id(number)).wait, job_id(number))
            assert len(result.saga_log.events) == 2 * len(dag.get_nodes())
        return counts

    async def check_old(wait: Callable, saga_id: SagaId) -> None:
        result = await wait()
        assert result.saga_id == saga_id
        assert result.unwrap().saga_output() == 1

    before = alive()  # what other tests have left to pytest
    early, late = run_seeded(many)
    for kind, count in late.items():
        assert 0 < count - before[kind] <= KEPT
        assert count <= early[kind] + 5
    states = {store.load(job_id(number)).summary.state for number in range(SAGAS)}
    assert states == {SagaCachedState.SUCCEEDED}
