"""
The status that a node's log amounts to, and the only transitions between: a literal table.

A pair of status and event that is missing from `TRANSITIONS` *is* the illegal transition.
"""

from __future__ import annotations

import enum
from collections.abc import Mapping
from typing import Final

from steno.core.log._event import (
    Failed,
    SagaNodeEventType,
    Started,
    Succeeded,
    UndoFailed,
    UndoFinished,
    UndoStarted,
)


class SagaNodeLoadStatus(enum.Enum):
    """The status of a node, a function of its last event."""

    NEVER_STARTED = "never started"
    """No event: nothing was done, nothing is to be undone."""
    STARTED = "started"
    """The action was called, perhaps; its outcome is not known."""
    SUCCEEDED = "succeeded"
    """The action returned; its output is in the log."""
    FAILED = "failed"
    """The action raised. Final."""
    UNDO_STARTED = "undo started"
    """The undo action was called, perhaps; its outcome is not known."""
    UNDO_FINISHED = "undo finished"
    """The undo action returned. Final."""
    UNDO_FAILED = "undo failed"
    """The undo action raised: a person has to look at it."""

    # By identity, as equality is: each event looks a status up, and Enum's own is Python code.
    __hash__ = object.__hash__


_S = SagaNodeLoadStatus

# A dict that nothing changes; through a MappingProxyType each lookup costs 300 instructions more.
TRANSITIONS: Final[
    Mapping[tuple[SagaNodeLoadStatus, type[SagaNodeEventType]], SagaNodeLoadStatus]
] = {
    (_S.NEVER_STARTED, Started): _S.STARTED,
    (_S.STARTED, Succeeded): _S.SUCCEEDED,
    (_S.STARTED, Failed): _S.FAILED,
    (_S.SUCCEEDED, UndoStarted): _S.UNDO_STARTED,
    (_S.UNDO_STARTED, UndoFinished): _S.UNDO_FINISHED,
    (_S.UNDO_STARTED, UndoFailed): _S.UNDO_FAILED,
}

UNWINDING: Final = frozenset({_S.FAILED, _S.UNDO_STARTED, _S.UNDO_FINISHED, _S.UNDO_FAILED})
"""A node with one of these says that its saga unwinds."""
