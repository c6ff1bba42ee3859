"""Floor (b): producers that wait for their commit, one row or two for each step."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterator
from functools import partial

import trio

from benchmarks.floors.append import count, step_rows
from benchmarks.floors.writer import GroupWriter, group_writer
from benchmarks.meter import Meter
from benchmarks.scenario import Figures, Load

STEPS = 10

Chain = Callable[[GroupWriter, int, int], Awaitable[None]]
"""Writes the steps of the chain of a number, so many rows for each."""


async def _chain(writer: GroupWriter, chain: int, per_step: int) -> None:
    for step in range(STEPS):
        await writer.write(step_rows(chain, step, per_step))


async def measured(write_chain: Chain, load: Load) -> Figures:
    """Write chains, so many at once, and return what that took."""
    per_step = int(load.options["rows"])
    path = load.folder / "floor.db"
    chains = load.scale.sagas(load.point)
    warm_up = load.scale.warm_up(chains)

    async def producer(writer: GroupWriter, left: Iterator[int]) -> None:
        for chain in left:
            await write_chain(writer, chain, per_step)

    async def write(writer: GroupWriter, number: int) -> None:
        left = iter(range(number))
        async with trio.open_nursery() as nursery:
            for _ in range(load.point):
                nursery.start_soon(producer, writer, left)

    async with group_writer(path) as writer:
        await write(writer, warm_up)
        with Meter() as meter:
            await write(writer, chains)
    rows = count(path) - warm_up * STEPS * per_step
    return meter.figures(chains * STEPS) | {"rows": rows}


def run(load: Load) -> Figures:
    """Write the steps of chains, so many at once."""
    return trio.run(partial(measured, _chain, load))
