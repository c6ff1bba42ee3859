"""Floor (a): a nursery for each chain, a task for each node, and a memory channel back."""

from __future__ import annotations

from collections.abc import Iterator

import trio

from benchmarks.meter import Meter
from benchmarks.scenario import Figures, Load

NODES = 10


async def _node(number: int, send: trio.MemorySendChannel[int]) -> None:
    await send.send(number)


async def _chain() -> None:
    send, receive = trio.open_memory_channel[int](1)
    async with trio.open_nursery() as nursery:
        for number in range(NODES):
            nursery.start_soon(_node, number, send)
            await receive.receive()


async def _worker(left: Iterator[int]) -> None:
    for _ in left:
        await _chain()


async def _run(chains: int, concurrency: int) -> None:
    left = iter(range(chains))
    async with trio.open_nursery() as nursery:
        for _ in range(concurrency):
            nursery.start_soon(_worker, left)


def run(load: Load) -> Figures:
    """Run chains, so many at once."""
    chains = load.scale.sagas(load.point)

    async def measured() -> Figures:
        await _run(load.scale.warm_up(chains), load.point)
        with Meter() as meter:
            await _run(chains, load.point)
        return meter.figures(chains * NODES)

    return trio.run(measured)
