"""
Many sagas that wait for a person: paused ones cost nothing, and a signal is waited for cheaply.

STENO_SCALE_SAGAS is how many paused sagas there are, 2 000 by default. With -s the figures are
printed.
"""

import gc
import os
import time
import tracemalloc
from collections.abc import Sequence
from pathlib import Path

import attrs
import pytest
import trio
from trio.testing import wait_all_tasks_blocked

import steno
from steno.core import SagaNodeEvent
from steno.store import Durable, SagaCreateParams
from steno.testing.notation import events
from steno.testing.schedule import run_seeded
from support.crash import job_id
from support.demo import saga
from support.worlds import World, hangs

PAUSED = int(os.environ.get("STENO_SCALE_SAGAS", "2000"))
WAITING = 300
BATCH = 1000

DAG = saga("a", "b")
LOG = events("2+ 2✓ 0+ 0✓=17 «=pause")


def say(line: str) -> None:
    """Print what was measured; pytest shows it with -s."""
    print(line)  # noqa: T201 - as above


async def fill(path: Path, count: int) -> None:
    """Make a file with so many paused sagas."""
    flat = DAG.flat
    async with steno.SqliteSecStore(path, inline=True).open() as session:
        fence = (await session.take_over("default")).fence
        for first in range(0, count, BATCH):
            batch = [
                SagaCreateParams(
                    saga_id := job_id(number),
                    DAG.saga_name,
                    flat.digest,
                    flat.text,
                    DAG.params,
                    fence,
                    events=tuple(SagaNodeEvent(saga_id, e.node_id, e.event_type) for e in LOG),
                    state=steno.SagaCachedState.PAUSED,
                )
                for number in range(first, min(first + BATCH, count))
            ]
            assert set(await session.record(batch)) == {Durable()}


@attrs.frozen
class Opening:
    """
    What it costs to open a SEC.

    Attributes:
        seconds: Of CPU.
        memory: The bytes that Python has allocated since, while it is open.
        known: How many sagas it keeps.
    """

    seconds: float
    memory: int
    known: int


async def opened(path: Path) -> Opening:
    world = World()
    world.saga("a", "b")
    gc.collect()
    tracemalloc.start()
    try:
        before, began = tracemalloc.get_traced_memory()[0], time.process_time()
        store = steno.SqliteSecStore(path, inline=True)
        async with steno.open_sec(store, world.registry, context=world) as sec:
            await wait_all_tasks_blocked()
            spent = time.process_time() - began
            gc.collect()
            counts = sec.statistics()
            known = counts.ready + counts.running + counts.pending + counts.finished
            return Opening(spent, tracemalloc.get_traced_memory()[0] - before, known)
    finally:
        tracemalloc.stop()


def test_paused_sagas_cost_nothing_at_open(tmp_path: Path):
    """Neither time nor memory: a SEC is opened beside them as it is where there are none."""
    none, many = tmp_path / "none.db", tmp_path / "many.db"
    trio.run(fill, none, 0)
    trio.run(fill, many, PAUSED)
    few = [trio.run(opened, none) for _ in range(5)]
    all_ = [trio.run(opened, many) for _ in range(5)]
    fast, slow = (min(each.seconds for each in found) for found in (few, all_))
    small, large = (min(each.memory for each in found) for found in (few, all_))
    say(
        f"to open takes {fast * 1e3:.1f} ms of CPU and {small / 1e3:.0f} kB;"
        f" with {PAUSED} paused sagas {slow * 1e3:.1f} ms and {large / 1e3:.0f} kB"
    )
    assert {each.known for each in all_} == {0}
    assert slow < 2 * fast + 0.005
    assert large < small + 20_000


def test_a_paused_saga_of_many_goes_on(tmp_path: Path):
    """It is loaded when it is ordered to, and no other is."""
    path = tmp_path / "many.db"
    trio.run(fill, path, 20)

    async def resume() -> None:
        world = World()
        world.saga("a", "b")
        store = steno.SqliteSecStore(path, inline=True)
        async with steno.open_sec(store, world.registry, context=world) as sec:
            await sec.saga_handle(job_id(7)).resume()
            (await sec.saga_wait(job_id(7))).unwrap()
            assert world.calls == ["b"]
            paused = await sec.saga_list(states={steno.SagaCachedState.PAUSED})
            assert len(paused) == 19

    trio.run(resume)


def cost_of(stages: Sequence[object]) -> float:
    """Return how many bytes a saga takes that has come to what it waits for."""

    async def wait() -> float:
        world = World()
        world.does("b", hangs)
        dag = world.saga(*stages)
        with trio.move_on_after(1000) as crash:
            async with world.open() as sec:
                await sec.saga_create(dag, start=True)  # what is kept once
                await wait_all_tasks_blocked()
                gc.collect()
                before = tracemalloc.get_traced_memory()[0]
                for _ in range(WAITING):
                    await sec.saga_create(dag, start=True)
                await wait_all_tasks_blocked()
                world.trace.clear()
                world.store.batches.clear()
                gc.collect()
                after = tracemalloc.get_traced_memory()[0]
                crash.cancel()
        return (after - before) / WAITING

    tracemalloc.start()
    try:
        return run_seeded(wait)
    finally:
        tracemalloc.stop()


def test_a_saga_that_waits_for_a_signal_costs_no_more_than_one_in_an_action():
    """In memory, where both have a saga of three nodes and have begun the second."""
    action = cost_of(["a", "b", "c"])
    signal = cost_of(["a", steno.Node.signal("b", "go"), "c"])
    say(f"a saga in an action takes {action:.0f} bytes, one that waits for a signal {signal:.0f}")
    assert signal <= action


@pytest.mark.parametrize("stages", [["b"], [steno.Node.signal("b", "go")]])
def test_what_is_measured_is_there(stages: list):
    """A saga that waits takes some memory, so that the comparison is one of something."""
    assert cost_of(stages) > 1000
