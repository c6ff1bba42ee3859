"""What a SEC can tell of itself at any moment."""

from __future__ import annotations

import attrs

from steno.runtime._writer import WriterStatistics


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
