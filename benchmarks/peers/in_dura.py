"""
dura: tasks of ten checkpoints, each of which is recorded when it returns.

As its documentation has it: `DurableEngine(path)`, `spawn_task`, and a worker per thread that takes
tasks and processes them. It sets WAL, leaves `synchronous` (FULL) as SQLite has it, and has no
compensation of its own: where a step has failed, the handler undoes the others in checkpoints too.
"""

from __future__ import annotations

import logging
import sqlite3
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing

from dura import ClaimedTask, DurableEngine, process_task

from benchmarks.meter import Meter
from benchmarks.scenario import Figures, Load

STEPS = 10


class StepFailed(Exception):
    """A step has failed, as is wanted."""


def _fail() -> int:
    msg = "as is wanted"
    raise StepFailed(msg)


def _forward(engine: DurableEngine, task: ClaimedTask) -> int:
    for step in range(STEPS):
        engine.checkpoint(task_id=task.task_id, step_name=f"n{step}", fn=lambda: 1)
    return 1


def _unwinding(engine: DurableEngine, task: ClaimedTask) -> int:
    try:
        for step in range(STEPS):
            work = _fail if step == STEPS - 1 else lambda: 1
            engine.checkpoint(task_id=task.task_id, step_name=f"n{step}", fn=work)
    except StepFailed:
        for step in reversed(range(STEPS - 1)):
            engine.checkpoint(task_id=task.task_id, step_name=f"undo n{step}", fn=lambda: None)
    return 0


HANDLERS = {"forward": _forward, "unwinding": _unwinding}


def _work(engine: DurableEngine, worker: int) -> None:
    while (task := engine.claim_task(worker_id=f"worker_{worker}")) is not None:
        process_task(engine, handlers=HANDLERS, task=task, worker_id=f"worker_{worker}")
    engine.close()


def _run(engine: DurableEngine, name: str, count: int, concurrency: int) -> None:
    for number in range(count):
        engine.spawn_task(name=name, params={"number": number})
    with ThreadPoolExecutor(concurrency) as pool:
        list(pool.map(lambda worker: _work(engine, worker), range(concurrency)))


def run(load: Load) -> Figures:
    """Run tasks, so many at once."""
    logging.disable(logging.CRITICAL)
    name = load.options["end"]
    count = max(load.scale.peer_sagas, load.point)
    warm_up = min(count, 4)
    path = load.folder / "dura.db"
    engine = DurableEngine(path)
    _run(engine, name, warm_up, 1)
    with Meter() as meter:
        _run(engine, name, count, load.point)
    engine.close()
    with closing(sqlite3.connect(path)) as db:
        (rows,) = db.execute("SELECT count(*) FROM checkpoints").fetchone()
    wanted = (warm_up + count) * (2 * (STEPS - 1) if name == "unwinding" else STEPS)
    if rows != wanted:
        msg = f"{rows} steps were recorded, not {wanted}"
        raise AssertionError(msg)
    return meter.figures(count * STEPS) | {"rows": rows}
