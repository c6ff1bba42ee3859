"""Exploring the saga of `examples/trip.py`, with virtual time."""

from __future__ import annotations

from benchmarks.meter import Meter
from benchmarks.scenario import Figures, Load
from examples import trip
from steno import SagaDag
from steno.testing.explorer import explore


def run(load: Load) -> Figures:
    """Make so many runs of all that there could be."""
    made = 0

    def progress(done: int, _expected: int | None) -> None:
        nonlocal made
        made = done

    with Meter() as meter:
        explore(
            lambda: SagaDag(trip.book_trip, trip.PARAMS),
            trip.registry,
            lambda: trip.Trip([], []),
            check=None,
            budget=load.point,
            progress=progress,
        )
    return meter.figures(made)
