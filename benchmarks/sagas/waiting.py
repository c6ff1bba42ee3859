"""Many sagas of ten nodes, all in an action that waits: what each of them holds of memory."""

from __future__ import annotations

import gc
from collections.abc import Iterator
from functools import partial

import trio

import steno
from benchmarks.meter import Meter, resident
from benchmarks.sagas.graph import CHAIN, World, registry, waiting
from benchmarks.sagas.store import make_store
from benchmarks.scenario import Figures, Load

CREATORS = 256
"""How many create and start sagas at once."""


async def start_all(sec: steno.SecClient, dag: steno.SagaDag, count: int) -> None:
    """Create and start so many sagas."""

    async def creator(left: Iterator[int]) -> None:
        for _ in left:
            await sec.saga_create(dag, start=True)

    left = iter(range(count))
    async with trio.open_nursery() as nursery:
        for _ in range(min(CREATORS, count)):
            nursery.start_soon(creator, left)


async def _measured(load: Load) -> Figures:
    world = World()
    dag = waiting(4, CHAIN - 5)
    figures: Figures = {}
    with trio.CancelScope() as scope:
        async with steno.open_sec(make_store(load), registry, context=world) as sec:
            await start_all(sec, dag, 1)
            await world.gathered(1)
            gc.collect()
            before = resident()
            with Meter() as meter:
                await start_all(sec, dag, load.point)
                await world.gathered(load.point + 1)
            gc.collect()
            memory = (resident() - before) / load.point
            figures = meter.figures(load.point) | {"memory": memory}
            scope.cancel()
            await trio.lowlevel.checkpoint()
    return figures


def run(load: Load) -> Figures:
    """Have so many sagas wait at once."""
    return trio.run(partial(_measured, load))
