"""Dates in virtual time, for stores that timestamp their rows."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Final

import attrs
import trio

EPOCH: Final = datetime(2000, 1, 1, tzinfo=UTC)


@attrs.define(eq=False)
class DateClock:
    """
    Returns the date and time in a run of virtual time, for a store and a SEC.

    Give it to both, as `InMemorySecStore(clock=clock)` and `open_sec(store, …, clock=clock)`.

    It starts at an epoch, and advances with Trio's clock, which in virtual time begins at 0. If a
    store outlives a run, the next run begins at the date that the clock last returned in the
    previous one. Outside of Trio it does not advance.

    Attributes:
        date: The date that it last returned; initially the epoch.
    """

    date: datetime = EPOCH
    _looked_at: float = attrs.field(init=False, default=0.0)  # Trio's time then

    def __call__(self) -> datetime:
        """Return the date and time."""
        if trio.lowlevel.in_trio_run():
            now = trio.current_time()
            # A clock that has gone back belongs to another run.
            gone = now - self._looked_at if now >= self._looked_at else now
            self.date, self._looked_at = self.date + timedelta(seconds=gone), now
        return self.date

    def advance(self, by: timedelta) -> None:
        """Move the date forward independently of Trio's clock: deadlines are not affected."""
        self.date = self() + by
