"""When a commit is made on the event loop itself, if the store was told to do so."""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from typing import TypeVar

import attrs

R = TypeVar("R")
T = TypeVar("T")

QUICK = 0.001
"""Seconds that a commit may take to count as quick."""

ENOUGH = 8
"""How many commits in a row have to be quick before one is made on the event loop."""

PAUSE = 5.0
"""Seconds for which none is made there after one that was not quick."""


@attrs.define(eq=False)
class Haste:
    """
    Looks at how long commits take, wherever they are made, and allows quick ones on the event loop.

    Args:
        clock: Returns seconds.
    """

    _clock: Callable[[], float] = time.perf_counter
    _quick: int = attrs.field(init=False, default=0)
    _slow_until: float = attrs.field(init=False, default=-math.inf)

    @property
    def is_allowed(self) -> bool:
        """Whether the next commit is to be quick, as far as the last ones tell."""
        return self._quick >= ENOUGH and self._clock() >= self._slow_until

    def timed(self, work: Callable[[R], T]) -> Callable[[R], T]:
        """Return a function that does the same, and notes how long it takes."""

        def working(resource: R) -> T:
            begun = self._clock()
            try:
                return work(resource)
            finally:
                self._note(begun)

        return working

    def _note(self, begun: float) -> None:
        now = self._clock()
        if now - begun < QUICK:
            self._quick += 1
        else:
            self._quick = 0
            self._slow_until = now + PAUSE
