"""Floor (c): one commit for each row, one after another; no threads, no event loop."""

from __future__ import annotations

from contextlib import closing

from benchmarks.floors.append import INSERT, count, make_table, open_file, step_rows
from benchmarks.meter import Meter
from benchmarks.scenario import Figures, Load

STEPS = 10
WARM_UP = {"growing": 20, "overwritten": 1_200}
"""Rows before the clock is started, by what the WAL is to do: it grows for a thousand pages."""


def run(load: Load) -> Figures:
    """Write the steps of chains, one row for each."""
    path = load.folder / "floor.db"
    steps = load.scale.sagas(load.point) * STEPS
    warm_up = WARM_UP[load.options["wal"]]
    with closing(open_file(path)) as db:
        make_table(db)
        for step in range(warm_up):
            db.executemany(INSERT, step_rows(0, step, 1))
        with Meter() as meter:
            for step in range(steps):
                chain, number = divmod(step, STEPS)
                db.executemany(INSERT, step_rows(chain, number, 1))
    return meter.figures(steps) | {"rows": count(path) - warm_up}
