"""
sagaz with its SQLite storage: sagas of ten steps, of which it stores the beginning and the end.

As its documentation has it: `SagaConfig(storage=SQLiteSagaStorage(path))`, steps by `add_step`;
metrics and logging are off. Its `Saga.run` writes a row when the saga begins and when it has ended,
and commits each, but none for a step: a process that dies leaves no trace of the steps it did.
"""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from functools import partial

from sagaz import Saga, SagaConfig
from sagaz.core.storage.backends.sqlite import SQLiteSagaStorage

from benchmarks.meter import Meter
from benchmarks.scenario import Figures, Load

STEPS = 10


class StepFailed(Exception):
    """A step has failed, as is wanted."""


async def _step(name: str, _context: dict[str, object]) -> dict[str, object]:
    return {name: 1}


async def _fail(_context: dict[str, object]) -> dict[str, object]:
    msg = "as is wanted"
    raise StepFailed(msg)


async def _undo(_context: dict[str, object]) -> None:
    pass


def _saga(config: SagaConfig, *, failing: bool) -> Saga:
    saga = Saga(name="benchmark", config=config)
    for step in range(STEPS):
        name, before = f"n{step}", [f"n{step - 1}"] if step else []
        action = _fail if failing and step == STEPS - 1 else partial(_step, name)
        saga.add_step(name, action, _undo, depends_on=before)
    return saga


async def _run(config: SagaConfig, count: int, concurrency: int, *, failing: bool) -> None:
    async def worker(left: Iterator[int]) -> None:
        for _ in left:
            try:
                await _saga(config, failing=failing).run({})
            except StepFailed:
                continue

    left = iter(range(count))
    await asyncio.gather(*(worker(left) for _ in range(concurrency)))


async def _measured(load: Load) -> Figures:
    failing = load.options["end"] == "unwinding"
    count = max(load.scale.peer_sagas, load.point)
    path = load.folder / "sagaz.db"
    async with SQLiteSagaStorage(str(path)) as storage:
        config = SagaConfig(storage=storage, metrics=False, logging=False)
        await _run(config, min(count, 4), load.point, failing=failing)
        with Meter() as meter:
            await _run(config, count, load.point, failing=failing)
    with closing(sqlite3.connect(path)) as db:
        (rows,) = db.execute("SELECT count(*) FROM sagas").fetchone()
    return meter.figures(count * STEPS) | {"rows": rows}


def run(load: Load) -> Figures:
    """Run sagas, so many at once."""
    return asyncio.run(_measured(load))
