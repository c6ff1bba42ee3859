"""Floor (d): as (b), with a Trio task for each node, whose result comes back by a channel."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial

import trio

from benchmarks.floors.append import count, step_rows
from benchmarks.floors.writer import GroupWriter, group_writer
from benchmarks.meter import Meter
from benchmarks.scenario import Figures, Load

STEPS = 10


async def _node(number: int, send: trio.MemorySendChannel[int]) -> None:
    await send.send(number)


async def _chain(writer: GroupWriter, chain: int, per_step: int) -> None:
    send, receive = trio.open_memory_channel[int](1)
    async with trio.open_nursery() as nursery:
        for step in range(STEPS):
            nursery.start_soon(_node, step, send)
            await receive.receive()
            await writer.write(step_rows(chain, step, per_step))


async def _worker(writer: GroupWriter, left: Iterator[int], per_step: int) -> None:
    for chain in left:
        await _chain(writer, chain, per_step)


async def _run(writer: GroupWriter, chains: int, concurrency: int, per_step: int) -> None:
    left = iter(range(chains))
    async with trio.open_nursery() as nursery:
        for _ in range(concurrency):
            nursery.start_soon(_worker, writer, left, per_step)


async def _measured(load: Load) -> Figures:
    per_step = int(load.options["rows"])
    path = load.folder / "floor.db"
    chains = load.scale.sagas(load.point)
    warm_up = chains // 10 + 1
    async with group_writer(path) as writer:
        await _run(writer, warm_up, load.point, per_step)
        with Meter() as meter:
            await _run(writer, chains, load.point, per_step)
    rows = count(path) - warm_up * STEPS * per_step
    return meter.figures(chains * STEPS) | {"rows": rows}


def run(load: Load) -> Figures:
    """Run chains whose steps are written, so many at once."""
    return trio.run(partial(_measured, load))
