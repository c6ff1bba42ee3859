"""Choices: what varies in a run, decided by a script."""

from __future__ import annotations

import attrs


@attrs.frozen
class Schedule:
    """
    Everything that decides the order of events in a run.

    Attributes:
        seed: The order of Trio's tasks, for `run_seeded`.
        script: How long things take, or what comes first, as choices; 0 after its end.
    """

    seed: int = 0
    script: bytes = b""

    def choices(self) -> Choices:
        """Return its choices, starting with the first."""
        return Choices(self.script)

    def at(self, place: int, count: int) -> int:
        """Return a choice below `count` for a place, repeating the script as needed."""
        return self.script[place % len(self.script)] % count if self.script else 0


@attrs.define(eq=False)
class Choices:
    """A sequence of choices."""

    _script: bytes = b""
    _at: int = attrs.field(init=False, default=0)

    def pick(self, count: int) -> int:
        """Return the next choice, from 0 to below `count`."""
        if self._at >= len(self._script):
            return 0
        self._at += 1
        return self._script[self._at - 1] % count
