"""
DBOS Transact on SQLite: workflows of ten steps, each of which is recorded when it returns.

As its documentation has it: `DBOSConfig` with a `sqlite:///` URL, a quieter log and as many threads
as workflows run at once; `DBOS.start_workflow` for workflows in threads, `await` for coroutines;
compensation by hand where a step has failed, as in its example of a checkout. It sets a busy
timeout of 30 s, begins each transaction with IMMEDIATE, and leaves `journal_mode` (DELETE) and
`synchronous` (FULL) as SQLite has them. With `journal=wal`, the file is set to WAL before DBOS
opens it, which its documentation does not speak of, and which is faster.
"""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import Callable
from contextlib import closing

from dbos import DBOS, DBOSConfig

from benchmarks.meter import Meter
from benchmarks.scenario import Figures, Load

STEPS = 10


class StepFailed(Exception):
    """A step has failed, as is wanted."""


@DBOS.step()
def _step(*, fails: bool) -> int:
    if fails:
        msg = "as is wanted"
        raise StepFailed(msg)
    return 1


@DBOS.step()
def _undo() -> None:
    pass


@DBOS.workflow()
def _workflow(failing: bool) -> int:  # noqa: FBT001 - DBOS stores positional arguments
    done = 0
    try:
        for step in range(STEPS):
            done += _step(fails=failing and step == STEPS - 1)
    except StepFailed:
        for _ in range(done):
            _undo()
    return done


@DBOS.step()
async def _async_step(*, fails: bool) -> int:
    if fails:
        msg = "as is wanted"
        raise StepFailed(msg)
    return 1


@DBOS.step()
async def _async_undo() -> None:
    pass


@DBOS.workflow()
async def _async_workflow(failing: bool) -> int:  # noqa: FBT001 - DBOS stores positional arguments
    done = 0
    try:
        for step in range(STEPS):
            done += await _async_step(fails=failing and step == STEPS - 1)
    except StepFailed:
        for _ in range(done):
            await _async_undo()
    return done


def _in_threads(count: int, *, failing: bool) -> None:
    handles = [DBOS.start_workflow(_workflow, failing) for _ in range(count)]
    for handle in handles:
        handle.get_result()


async def _as_coroutines(count: int, concurrency: int, *, failing: bool) -> None:
    seats = asyncio.Semaphore(concurrency)

    async def one() -> None:
        async with seats:
            await _async_workflow(failing)

    await asyncio.gather(*(one() for _ in range(count)))


def _prepared(load: Load) -> None:
    path = load.folder / "dbos.sqlite"
    if load.options["journal"] == "wal":
        with closing(sqlite3.connect(path)) as db:
            db.execute("PRAGMA journal_mode = WAL")
    config: DBOSConfig = {
        "name": "benchmark",
        "system_database_url": f"sqlite:///{path}",
        "log_level": "CRITICAL",
    }
    if load.options["mode"] == "threads":
        config["max_executor_threads"] = load.point
    DBOS(config=config)


def _checked(load: Load, workflows: int) -> int:
    """Return how many steps were recorded, which is as many as there were."""
    with closing(sqlite3.connect(load.folder / "dbos.sqlite")) as db:
        (rows,) = db.execute("SELECT count(*) FROM operation_outputs").fetchone()
    wanted = workflows * (STEPS + (STEPS - 1) * (load.options["end"] == "unwinding"))
    if rows != wanted:
        msg = f"{rows} steps were recorded, not {wanted}"
        raise AssertionError(msg)
    return int(rows)


def run(load: Load) -> Figures:
    """Run workflows, so many at once."""
    failing = load.options["end"] == "unwinding"
    count = max(load.scale.peer_sagas, load.point)
    warm_up = min(count, 4)
    _prepared(load)
    meter = Meter()

    async def coroutines() -> None:
        DBOS.launch()
        await _as_coroutines(warm_up, load.point, failing=failing)
        with meter:
            await _as_coroutines(count, load.point, failing=failing)

    def threads() -> None:
        DBOS.launch()
        _in_threads(warm_up, failing=failing)
        with meter:
            _in_threads(count, failing=failing)

    modes: dict[str, Callable[[], None]] = {
        "threads": threads,
        "async": lambda: asyncio.run(coroutines()),
    }
    modes[load.options["mode"]]()
    DBOS.destroy()
    rows = _checked(load, warm_up + count)
    return meter.figures(count * STEPS) | {"rows": rows}
