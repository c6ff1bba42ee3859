"""Choices: what is left open in a run, decided by a script."""

from __future__ import annotations

import attrs


@attrs.frozen
class Schedule:
    """
    All that decides in which order things happen.

    Attributes:
        seed: The order of Trio's tasks, for `run_seeded`.
        script: How long things take, or what comes first, as choices; when it ends: 0.
    """

    seed: int = 0
    script: bytes = b""

    def choices(self) -> Choices:
        """Return its choices, from the first one on."""
        return Choices(self.script)

    def at(self, place: int, count: int) -> int:
        """Return one of so many, which depends on the place alone; the script has no end then."""
        return self.script[place % len(self.script)] % count if self.script else 0


@attrs.define(eq=False)
class Choices:
    """A sequence of choices."""

    _script: bytes = b""
    _at: int = attrs.field(init=False, default=0)

    def pick(self, count: int) -> int:
        """Choose one of so many, from 0."""
        if self._at >= len(self._script):
            return 0
        self._at += 1
        return self._script[self._at - 1] % count
