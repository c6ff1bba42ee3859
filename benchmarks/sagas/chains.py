"""Chains of ten nodes, so many at once; forward, or failing in the last node and unwinding."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial

import attrs
import trio

import steno
from benchmarks.meter import Meter
from benchmarks.sagas.graph import CHAIN, World, chain, registry
from benchmarks.sagas.store import make_store
from benchmarks.scenario import Figures, Load
from benchmarks.statistic import percentile

END = {True: steno.SagaResultErr, False: steno.SagaResultOk}
"""How a saga must have ended, by whether it was to fail."""


@attrs.define(eq=False)
class _Chains:
    """Runs the same saga again and again."""

    sec: steno.SecClient
    failing: bool
    seconds: list[float] = attrs.field(factory=list[float])

    async def run(self, count: int, concurrency: int) -> None:
        """Run so many sagas, some at once."""
        dag = chain(CHAIN, failing=self.failing)
        left = iter(range(count))
        async with trio.open_nursery() as nursery:
            for _ in range(concurrency):
                nursery.start_soon(self._worker, dag, left)

    async def _worker(self, dag: steno.SagaDag, left: Iterator[int]) -> None:
        for _ in left:
            start = trio.current_time()
            result = await self.sec.saga_run(dag)
            self.seconds.append(trio.current_time() - start)
            if type(result) is not END[self.failing]:
                msg = f"a saga has ended otherwise than was planned: {result}"
                raise AssertionError(msg)


async def _measured(load: Load) -> Figures:
    sagas = load.scale.sagas(load.point)
    async with steno.open_sec(make_store(load), registry, context=World()) as sec:
        chains = _Chains(sec, load.options["end"] == "unwinding")
        await chains.run(load.scale.warm_up(sagas), load.point)
        chains.seconds.clear()
        with Meter() as meter:
            await chains.run(sagas, load.point)
    shares = {f"p{share}": percentile(chains.seconds, share / 100) * 1e3 for share in (50, 90, 99)}
    return meter.figures(sagas * CHAIN) | shares


def run(load: Load) -> Figures:
    """Run chains; `saga_run` creates, starts and waits for each."""
    return trio.run(partial(_measured, load))
