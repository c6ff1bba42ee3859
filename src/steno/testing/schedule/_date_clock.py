"""The date and time of virtual time, for stores that stamp what they keep."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Final

import attrs
import trio

EPOCH: Final = datetime(2000, 1, 1, tzinfo=UTC)


@attrs.define(eq=False)
class DateClock:
    """
    Tells the date and time in a run of virtual time, to a store and to a SEC.

    Give it to both, as `InMemorySecStore(clock=clock)` and `open_sec(store, …, clock=clock)`.

    It starts at an epoch, and goes as Trio's clock does, which in virtual time begins at 0. Where a
    store outlives a run, the next run begins at the date at which the clock was last looked at in
    the one before. Outside of Trio it stands still.

    Attributes:
        date: What it showed when it was last looked at; at first the epoch.
    """

    date: datetime = EPOCH
    _looked_at: float = attrs.field(init=False, default=0.0)  # Trio's time then

    def __call__(self) -> datetime:
        """Return the date and time."""
        if trio.lowlevel.in_trio_run():
            now = trio.current_time()
            # A clock that has gone back is that of another run.
            gone = now - self._looked_at if now >= self._looked_at else now
            self.date, self._looked_at = self.date + timedelta(seconds=gone), now
        return self.date

    def advance(self, by: timedelta) -> None:
        """Move it forward, whatever Trio's clock does: deadlines come no sooner."""
        self.date = self() + by
