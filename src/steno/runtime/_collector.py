"""Less frequent garbage collection, for when an application knows there is little garbage."""

from __future__ import annotations

import gc
from collections.abc import Generator
from contextlib import contextmanager

RARELY = 20_000
"""Objects allocated before a collection: about three hundred sagas, ten milliseconds to walk."""


@contextmanager
def rare_collections() -> Generator[None, None, None]:
    """
    Make Python collect garbage less often while the block runs.

    Loaded sagas stay in memory, and Python's collector walks over all of them again each time
    their number has grown by a quarter. That takes two fifths of the time in which ten thousand
    are recovered, for nothing, because a loaded saga is not a cycle. An application may enter this
    block around such a phase. It sets the first threshold of `gc.set_threshold` to 20 000 objects,
    unless that is already larger or 0 (never), and restores the old value at the end. This affects
    the whole process, so the library never does it by itself.

    Blocks may overlap, and end in any order. A threshold that other code sets meanwhile stays.
    """
    young, *older = gc.get_threshold()
    rarely = (max(young, RARELY) if young else 0, *older)
    gc.set_threshold(*rarely)
    try:
        yield
    finally:
        if gc.get_threshold() == rarely:
            gc.set_threshold(young, *older)
