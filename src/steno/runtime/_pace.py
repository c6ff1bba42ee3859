"""A pace: when the next of many things is due, at a rate."""

from __future__ import annotations

import math

import attrs
import trio


@attrs.define(eq=False)
class Pace:
    """
    Says when the next thing is due; after a delay it does not catch up.

    Args:
        rate: How many there are in a second, at most; None: as many as there can be.
    """

    _rate: float | None
    _next: float = attrs.field(init=False, default=-math.inf)

    def due(self) -> float:
        """Return when the next one is due, by Trio's clock, and count it as done by then."""
        due = max(self._next, trio.current_time())
        self._next = due if self._rate is None else due + 1 / self._rate
        return due
