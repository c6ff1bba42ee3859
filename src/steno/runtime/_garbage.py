"""
Collecting garbage more rarely while many sagas are loaded.

What is loaded stays. Python's collector walks over all of it again whenever it has grown by a
quarter: that was two fifths of the time in which ten thousand sagas are recovered, and it found
nothing, as a saga is no cycle. So it is asked to let more come together before it looks, as
`gc.set_threshold` is for; it is not turned off, nor on.
"""

from __future__ import annotations

import gc
from collections.abc import Generator
from contextlib import contextmanager

MANY = 100
"""How many sagas are to be loaded, for that to be worth it."""

RARELY = 20_000
"""Objects that may come together; some three hundred sagas, whose walk takes ten milliseconds."""


@contextmanager
def collecting_rarely() -> Generator[None, None, None]:
    """
    Collect garbage more rarely, within.

    Several may be under way at once, and end in any order. What somebody else sets meanwhile stays.
    """
    young, *older = gc.get_threshold()
    rarely = (max(young, RARELY) if young else 0, *older)  # 0: it never collects
    gc.set_threshold(*rarely)
    try:
        yield
    finally:
        if gc.get_threshold() == rarely:
            gc.set_threshold(young, *older)
