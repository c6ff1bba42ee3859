"""The pace of a saga, and how long calls are delayed by it."""

from __future__ import annotations

from random import Random

import attrs


@attrs.frozen
class Pace:
    """
    How long calls are delayed, in virtual seconds.

    Attributes:
        usual: The duration of the whole saga, if nothing is delayed.
    """

    usual: float = 0.0

    @property
    def longer(self) -> float:
        """A duration longer than that of any saga without delays."""
        return 10 * self.usual + 3600

    def room(self, limit: float) -> float:
        """Return how long an action with a timeout may be delayed; it takes no longer than all."""
        return max(0.0, 0.9 * (limit - self.usual))

    def can_hold_up(self, limit: float | None) -> bool:
        """Return True if an action can be delayed until everything concurrent has ended."""
        return limit is None or self.room(limit) > self.usual

    def random(self, seed: int, what: str) -> float:
        """Return how long a seed delays a call; half of the calls are not delayed."""
        random = Random(f"{seed}/{what}")  # noqa: S311 - it must be reproducible
        return max(0.0, random.uniform(-1, 1)) * (self.usual or 1.0)
