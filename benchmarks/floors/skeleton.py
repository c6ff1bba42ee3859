"""The memory of a saga that waits, without the saga: two tasks, a nursery and a channel."""

from __future__ import annotations

import gc
from functools import partial

import attrs
import trio

from benchmarks.meter import Meter, resident
from benchmarks.scenario import Figures, Load


@attrs.define(eq=False)
class _Gate:
    """What all wait for."""

    expected: int
    waiting: int = 0
    gathered: trio.Event = attrs.field(factory=trio.Event)
    opened: trio.Event = attrs.field(factory=trio.Event)


async def _action(gate: _Gate, send: trio.MemorySendChannel[int]) -> None:
    gate.waiting += 1
    if gate.waiting == gate.expected:
        gate.gathered.set()
    await gate.opened.wait()
    await send.send(1)


async def _saga(gate: _Gate) -> None:
    send, receive = trio.open_memory_channel[int](1)
    async with trio.open_nursery() as nursery:
        nursery.start_soon(_action, gate, send)
        await receive.receive()


async def _measured(count: int) -> Figures:
    gate = _Gate(count)
    gc.collect()
    before = resident()
    async with trio.open_nursery() as nursery:
        with Meter() as meter:
            for _ in range(count):
                nursery.start_soon(_saga, gate)
            await gate.gathered.wait()
        gc.collect()
        memory = resident() - before
        nursery.cancel_scope.cancel()
    return meter.figures(count) | {"memory": memory / count}


def run(load: Load) -> Figures:
    """Have so many wait at once."""
    return trio.run(partial(_measured, load.point))
