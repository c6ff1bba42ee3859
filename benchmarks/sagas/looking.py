"""Looking at sagas and at lists of them, while many run."""

from __future__ import annotations

import random
import uuid
from functools import partial

import attrs
import trio

import steno
from benchmarks.meter import Meter
from benchmarks.sagas.graph import CHAIN, World, chain, registry
from benchmarks.sagas.store import make_store
from benchmarks.scenario import Figures, Load
from benchmarks.statistic import percentile

GET_EVERY = 0.005
LIST_EVERY = 0.05
"""Seconds between two looks; each comes in its time, whether the one before is done or not."""


@attrs.define(eq=False)
class _Looks:
    """How long looks have taken: in milliseconds, by what was looked at."""

    calls: dict[str, list[float]] = attrs.field(factory=dict[str, list[float]])

    def note(self, what: str, due: float, called: float) -> None:
        """Note a look that was to be made, and was made, and is done now."""
        now = trio.current_time()
        self.calls.setdefault(what, []).append((now - called) * 1e3)
        self.calls.setdefault(f"{what} since due", []).append((now - due) * 1e3)

    def figures(self) -> Figures:
        """Return the percentiles."""
        return {
            f"{what} p{share:g}": percentile(took, share / 100)
            for what, took in self.calls.items()
            for share in (50, 90, 99, 99.9, 100)
        }


@attrs.define(eq=False)
class _Scene:
    """Running sagas, and a reader that views them."""

    sec: steno.SecClient
    running: set[uuid.UUID] = attrs.field(factory=set[uuid.UUID])
    begun: trio.Event = attrs.field(factory=trio.Event)
    done: int = 0
    looks: _Looks = attrs.field(factory=_Looks)
    random: random.Random = attrs.field(factory=lambda: random.Random(0))

    async def keep_running(self, dag: steno.SagaDag) -> None:
        """Run one saga after another, until cancelled."""
        while True:
            saga = await self.sec.saga_create(dag)
            self.running.add(saga.saga_id)
            self.begun.set()
            await saga.start()
            await saga.wait()
            self.running.remove(saga.saga_id)
            self.done += 1

    async def get(self, due: float) -> None:
        """Look at one saga that runs."""
        ids = list(self.running)
        called = trio.current_time()
        if ids:
            await self.sec.saga_get(self.random.choice(ids))
            self.looks.note("get", due, called)

    async def list(self, due: float) -> None:
        """Look at a page of all sagas."""
        called = trio.current_time()
        await self.sec.saga_list(uuid.UUID(int=self.random.getrandbits(128)))
        self.looks.note("list", due, called)

    async def look(self, seconds: float) -> None:
        """Look again and again."""
        start = trio.current_time()
        async with trio.open_nursery() as nursery:
            for tick in range(round(seconds / GET_EVERY)):
                due = start + tick * GET_EVERY
                await trio.sleep_until(due)
                nursery.start_soon(self.get, due)
                if tick % round(LIST_EVERY / GET_EVERY) == 0:
                    nursery.start_soon(self.list, due)


async def _measured(load: Load) -> Figures:
    dag = chain(CHAIN, failing=False)
    figures: Figures = {}
    with trio.CancelScope() as scope:
        async with (
            steno.open_sec(make_store(load), registry, context=World()) as sec,
            trio.open_nursery() as nursery,
        ):
            scene = _Scene(sec)
            for _ in range(load.point):
                nursery.start_soon(scene.keep_running, dag)
            await scene.begun.wait()
            with Meter() as meter:
                await scene.look(load.scale.seconds)
            figures = meter.figures(max(1, scene.done)) | scene.looks.figures()
            scope.cancel()
    return figures


def run(load: Load) -> Figures:
    """Look while so many sagas run."""
    return trio.run(partial(_measured, load))
