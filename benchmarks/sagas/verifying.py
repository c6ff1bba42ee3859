"""Verifying the log of a saga that was unwound."""

from __future__ import annotations

from functools import partial

import trio

import steno
from benchmarks.meter import Meter
from benchmarks.sagas.graph import World, registry, stages
from benchmarks.scenario import Figures, Load

TIMES = 5


async def _unwound(dag: steno.SagaDag) -> tuple[steno.SagaNodeEvent, ...]:
    async with steno.open_sec(steno.InMemorySecStore(), registry, context=World()) as sec:
        result = await sec.saga_run(dag)
        return tuple(result.saga_log.events)


def run(load: Load) -> Figures:
    """Verify the log of a saga of so many nodes."""
    dag = stages(load.point, failing=True)
    events = trio.run(partial(_unwound, dag))
    with Meter() as meter:
        for _ in range(TIMES):
            breach = steno.verify_log(dag, events, finished=steno.SagaCachedState.FAILED)
            if breach is not None:
                msg = f"the log breaks a rule: {breach}"
                raise AssertionError(msg)
    return meter.figures(TIMES * len(events))
