"""Statistics of a SEC."""

from __future__ import annotations

import attrs

from steno.core import SagaCachedState
from steno.runtime._coordinator import Coordinator
from steno.runtime._entry import EntryState
from steno.runtime._writer import LogWriter, WriterStatistics


@attrs.frozen
class SecStatistics:
    """
    The current statistics of a SEC.

    Attributes:
        ready: Sagas that wait to be started.
        running: Sagas that run, those that only wait included.
        held: Of these, sagas that wait for somebody to look at them.
        pending: Sagas that are being created or loaded.
        left: Unfinished sagas that go on at the next open, while the SEC is being left.
        finished: Finished sagas that are still in memory.
        succeeded: Sagas that have succeeded since the SEC was opened.
        failed: Sagas that have failed since then.
        stuck: Sagas that have got stuck since then.
        halted: Sagas that are known to be halted.
        writer: What the log writer has done.
    """

    ready: int
    running: int
    held: int
    pending: int
    left: int
    finished: int
    succeeded: int
    failed: int
    stuck: int
    halted: int
    writer: WriterStatistics


def take(coordinator: Coordinator, writer: LogWriter) -> SecStatistics:
    """Return the statistics of a coordinator and its writer."""
    census = coordinator.entries.census()
    return SecStatistics(
        ready=census[EntryState.READY],
        running=census[EntryState.RUNNING],
        held=coordinator.entries.held,
        pending=census[EntryState.CREATING] + census[EntryState.LOADING],
        left=census[EntryState.LEFT],
        finished=census[EntryState.DONE],
        succeeded=coordinator.endings.count[SagaCachedState.SUCCEEDED],
        failed=coordinator.endings.count[SagaCachedState.FAILED],
        stuck=coordinator.endings.count[SagaCachedState.STUCK],
        halted=coordinator.halted,
        writer=writer.statistics(),
    )
