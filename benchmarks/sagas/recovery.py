"""Sagas in flight when the process dies: how long until they are where they were."""

from __future__ import annotations

from functools import partial

import trio

import steno
from benchmarks.meter import Meter
from benchmarks.rounds import apart
from benchmarks.sagas.graph import CHAIN, World, registry, waiting
from benchmarks.sagas.store import make_store
from benchmarks.sagas.waiting import start_all
from benchmarks.scenario import Figures, Load, Piece
from benchmarks.table import scenario


async def _afresh(load: Load) -> Figures:
    world = World()
    figures: Figures = {}
    meter = Meter()
    meter.start()
    with trio.CancelScope() as scope:
        async with steno.open_sec(make_store(load), registry, context=world) as sec:
            await start_all(sec, waiting(CHAIN // 2, CHAIN - CHAIN // 2 - 1), load.point)
            await world.gathered(load.point)
            meter.stop()
            figures = meter.figures(load.point)
            scope.cancel()
            await trio.lowlevel.checkpoint()
    return figures


def afresh(load: Load) -> Figures:
    """Create and start so many sagas, until all are in their sixth node; then leave them there."""
    return trio.run(partial(_afresh, load))


async def _recovered(load: Load) -> Figures:
    world = World()
    figures: Figures = {}
    meter = Meter()
    meter.start()
    with trio.CancelScope() as scope:
        async with steno.open_sec(make_store(load), registry, context=world):
            await world.gathered(load.point)
            meter.stop()
            figures = meter.figures(load.point)
            scope.cancel()
            await trio.lowlevel.checkpoint()
    return figures


def run(load: Load) -> Figures:
    """Open the file that another process has left, until all are in their sixth node again."""
    apart(Piece(scenario("afresh"), load.point), load.scale, load.folder)
    return trio.run(partial(_recovered, load))
