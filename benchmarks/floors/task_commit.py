"""Floor (d): as (b), with a Trio task for each node, whose result comes back by a channel."""

from __future__ import annotations

from functools import partial

import trio

from benchmarks.floors.append import step_rows
from benchmarks.floors.group_commit import STEPS, measured
from benchmarks.floors.writer import GroupWriter
from benchmarks.scenario import Figures, Load


async def _node(number: int, send: trio.MemorySendChannel[int]) -> None:
    await send.send(number)


async def _chain(writer: GroupWriter, chain: int, per_step: int) -> None:
    send, receive = trio.open_memory_channel[int](1)
    async with trio.open_nursery() as nursery:
        for step in range(STEPS):
            nursery.start_soon(_node, step, send)
            await receive.receive()
            await writer.write(step_rows(chain, step, per_step))


def run(load: Load) -> Figures:
    """Run chains whose steps are written, so many at once."""
    return trio.run(partial(measured, _chain, load))
