"""
The timer: the one task that waits for all times that sagas wait for.

Theory of operation. A saga that sleeps, or waits between two attempts, has no task for that: it has
an entry in a heap, by time. The task sleeps until the first of them, by the SEC's clock, and tells
each executor whose time has come. That clock may be set while it sleeps, or the machine suspended,
so it looks again when a tenth of the time has passed, but not more often than every minute, and at
least every hour.
"""

from __future__ import annotations

import heapq
import itertools
import math
from collections.abc import Callable
from typing import Protocol

import attrs
import trio

from steno.core import SagaNodeId, Timestamp

MINUTE, HOUR = 60.0, 3600.0
"""The bounds of the seconds that it sleeps without looking at the clock."""

SLICE = 64
"""How many executors are told before other tasks run."""


class Sleeper(Protocol):
    """What waits for a time: an executor."""

    @property
    def over(self) -> bool:
        """Whether it waits for nothing any more."""
        ...

    def due(self, node: SagaNodeId | None) -> None:
        """Take note that the time of a node has come, or of the saga; must not raise."""
        ...


@attrs.define(eq=False)
class Timer:
    """
    Tells sagas that their time has come.

    Args:
        now: Returns the time, by the SEC's clock.
    """

    _now: Callable[[], Timestamp]
    # The number comes before the executor, which cannot be compared.
    _heap: list[tuple[Timestamp, int, Sleeper, SagaNodeId | None]] = attrs.field(
        init=False, factory=list, repr=False
    )
    _numbers: itertools.count[int] = attrs.field(init=False, factory=itertools.count)
    _stale: int = attrs.field(init=False, default=0)  # about how many entries are of ended sagas
    _sooner: trio.Event = attrs.field(init=False, factory=trio.Event)

    def __len__(self) -> int:
        """Return the number of times that are waited for."""
        return len(self._heap)

    def wait(self, until: Timestamp, sleeper: Sleeper, node: SagaNodeId | None) -> None:
        """Tell an executor of a node, or of its saga, once a time has come, or soon after."""
        heapq.heappush(self._heap, (until, next(self._numbers), sleeper, node))
        if self._heap[0][2] is sleeper:
            self._sooner.set()

    def forget(self, count: int) -> None:
        """Note that some entries are of sagas that are over; if they are many, they are dropped."""
        self._stale += count
        # Amortized O(1): as many entries are dropped as are looked at, at least half.
        if self._stale > len(self._heap) // 2:
            self._heap = [entry for entry in self._heap if not entry[2].over]
            heapq.heapify(self._heap)
            self._stale = 0

    async def run(self) -> None:
        """Tell, until cancelled."""
        while True:
            await self._tell_due()
            with trio.move_on_after(self._pause()):
                await self._sooner.wait()
            self._sooner = trio.Event()

    async def _tell_due(self) -> None:
        await trio.lowlevel.checkpoint()
        now = self._now()
        for number in itertools.count(1):
            if not self._heap or self._heap[0][0] > now:
                return
            _, _, sleeper, node = heapq.heappop(self._heap)
            sleeper.due(node)
            if number % SLICE == 0:
                await trio.lowlevel.checkpoint()

    def _pause(self) -> float:
        """Return the seconds until the first time, or until the clock is to be looked at."""
        if not self._heap:
            return math.inf
        # A microsecond more: Trio's clock and the SEC's are read at different moments.
        left = max(0, self._heap[0][0] - self._now() + 1) / 1_000_000
        return min(left, max(MINUTE, min(left / 10, HOUR)))
