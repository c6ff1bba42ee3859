"""Garbage collection, where an application knows that there is little to collect."""

from __future__ import annotations

import gc
from collections.abc import Generator
from contextlib import contextmanager

RARELY = 20_000
"""Objects that may come together; some three hundred sagas, whose walk takes ten milliseconds."""


@contextmanager
def rare_collections() -> Generator[None, None, None]:
    """
    Have Python collect garbage more rarely, for as long as the block lasts.

    Sagas that are loaded stay, and Python's collector walks over all of them again whenever there
    are a quarter more of them: two fifths of the time in which ten thousand are recovered, for
    nothing, as a saga that is loaded is no cycle. Around such a time an application may enter
    this. It sets the first threshold of `gc.set_threshold` to 20 000 objects, unless that is
    larger already or 0 (never), and at the end what it has found there. That concerns the whole
    process, so this library never does it by itself.

    Several blocks may overlap, and end in any order. What somebody else sets meanwhile stays.
    """
    young, *older = gc.get_threshold()
    rarely = (max(young, RARELY) if young else 0, *older)
    gc.set_threshold(*rarely)
    try:
        yield
    finally:
        if gc.get_threshold() == rarely:
            gc.set_threshold(young, *older)
