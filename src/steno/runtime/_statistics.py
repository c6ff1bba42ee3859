"""What a SEC can tell of itself at any moment."""

from __future__ import annotations

import attrs

from steno.runtime._entry import Place
from steno.runtime._sec import Sec
from steno.runtime._writer import LogWriter, WriterStatistics


@attrs.frozen
class SecStatistics:
    """
    What a SEC has in hand, as of now.

    Attributes:
        ready: Sagas that wait to be started.
        running: Sagas that run.
        pending: Sagas that are being created or loaded.
        finished: Finished sagas that are still in memory.
        halted: Sagas that are known to stand still.
        writer: What the log writer has done.
    """

    ready: int
    running: int
    pending: int
    finished: int
    halted: int
    writer: WriterStatistics


def take(sec: Sec, writer: LogWriter) -> SecStatistics:
    """Return what a coordinator and its writer can tell."""
    census = sec.census()
    return SecStatistics(
        ready=census[Place.READY],
        running=census[Place.RUNNING],
        pending=census[Place.CREATING] + census[Place.LOADING],
        finished=census[Place.DONE],
        halted=sec.halted,
        writer=writer.statistics(),
    )
