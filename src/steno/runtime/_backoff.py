"""How long to wait before a store that was unavailable is tried again."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

FIRST_PAUSE: Final = 0.05
"""Seconds before the second try; doubled each time."""

LONGEST_PAUSE: Final = 5.0
"""The most seconds between two tries."""


def pauses() -> Iterator[float]:
    """Yield the seconds to wait before each further try, without end."""
    pause = FIRST_PAUSE
    while True:
        yield pause
        pause = min(2 * pause, LONGEST_PAUSE)
