"""
The status that a node's log amounts to, and the only transitions between: a literal table.

A pair of status and event that is missing from `TRANSITIONS` *is* the illegal transition.
"""

from __future__ import annotations

import enum
from collections.abc import Mapping
from typing import Final

from steno.core.log._event import (
    AttemptFailed,
    Failed,
    FailedInDoubt,
    SagaNodeEventType,
    Started,
    Succeeded,
    UndoAttemptFailed,
    UndoFailed,
    UndoFinished,
    UndoStarted,
)
from steno.core.log._order import Verb


class SagaNodeLoadStatus(enum.Enum):
    """The status of a node, a function of its last event."""

    NEVER_STARTED = "never started"
    """No event: nothing was done, nothing is to be undone."""
    STARTED = "started"
    """The action was called, perhaps; its outcome is not known."""
    SUCCEEDED = "succeeded"
    """The action returned; its output is in the log."""
    BACKING_OFF = "backing off"
    """A call of the action failed, and there is to be another: at a time, or when told to."""
    FAILED = "failed"
    """The action raised, and there is nothing to undo. Final."""
    FAILED_IN_DOUBT = "failed in doubt"
    """The action raised, and may have taken effect; it is undone like a success."""
    UNDO_STARTED = "undo started"
    """The undo action was called, perhaps; its outcome is not known."""
    UNDO_BACKING_OFF = "undo backing off"
    """A call of the undo action failed, and there is to be another."""
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
    (_S.STARTED, FailedInDoubt): _S.FAILED_IN_DOUBT,
    (_S.STARTED, AttemptFailed): _S.BACKING_OFF,
    (_S.BACKING_OFF, Started): _S.STARTED,
    # Given up: the saga unwinds, or somebody ordered it.
    (_S.BACKING_OFF, Failed): _S.FAILED,
    (_S.BACKING_OFF, FailedInDoubt): _S.FAILED_IN_DOUBT,
    # Somebody did by hand what the action could not; likewise for the undo below.
    (_S.BACKING_OFF, Succeeded): _S.SUCCEEDED,
    (_S.SUCCEEDED, UndoStarted): _S.UNDO_STARTED,
    (_S.FAILED_IN_DOUBT, UndoStarted): _S.UNDO_STARTED,
    (_S.UNDO_STARTED, UndoFinished): _S.UNDO_FINISHED,
    (_S.UNDO_STARTED, UndoFailed): _S.UNDO_FAILED,
    (_S.UNDO_STARTED, UndoAttemptFailed): _S.UNDO_BACKING_OFF,
    (_S.UNDO_BACKING_OFF, UndoStarted): _S.UNDO_STARTED,
    (_S.UNDO_BACKING_OFF, UndoFinished): _S.UNDO_FINISHED,
    (_S.UNDO_FAILED, UndoFinished): _S.UNDO_FINISHED,
}

ORDERS: Final[Mapping[tuple[SagaNodeLoadStatus, Verb], SagaNodeLoadStatus]] = {
    # A breakpoint for the node, or, once it has begun, for its undo.
    (_S.NEVER_STARTED, Verb.HOLD): _S.NEVER_STARTED,
    (_S.STARTED, Verb.HOLD): _S.STARTED,
    (_S.BACKING_OFF, Verb.HOLD): _S.BACKING_OFF,
    (_S.SUCCEEDED, Verb.HOLD): _S.SUCCEEDED,
    (_S.FAILED_IN_DOUBT, Verb.HOLD): _S.FAILED_IN_DOUBT,
    # It lifts a breakpoint, or makes the next attempt due.
    (_S.NEVER_STARTED, Verb.RETRY): _S.NEVER_STARTED,
    (_S.STARTED, Verb.RETRY): _S.STARTED,
    (_S.SUCCEEDED, Verb.RETRY): _S.SUCCEEDED,
    (_S.FAILED_IN_DOUBT, Verb.RETRY): _S.FAILED_IN_DOUBT,
    (_S.BACKING_OFF, Verb.RETRY): _S.BACKING_OFF,
    (_S.UNDO_BACKING_OFF, Verb.RETRY): _S.UNDO_BACKING_OFF,
    (_S.UNDO_FAILED, Verb.RETRY): _S.UNDO_BACKING_OFF,
    (_S.STARTED, Verb.FAIL): _S.STARTED,
    (_S.BACKING_OFF, Verb.FAIL): _S.BACKING_OFF,
    (_S.STARTED, Verb.COMPLETE): _S.STARTED,
    (_S.BACKING_OFF, Verb.COMPLETE): _S.BACKING_OFF,
    (_S.UNDO_BACKING_OFF, Verb.COMPLETE): _S.UNDO_BACKING_OFF,
    (_S.UNDO_FAILED, Verb.COMPLETE): _S.UNDO_FAILED,
    # Only if they cancel the call; `STARTED` has these above.
    (_S.UNDO_STARTED, Verb.RETRY): _S.UNDO_STARTED,
    (_S.UNDO_STARTED, Verb.COMPLETE): _S.UNDO_STARTED,
}
"""The status after an order; a missing key is an order that does not apply."""

UNWINDING: Final = frozenset(
    {
        _S.FAILED,
        _S.FAILED_IN_DOUBT,
        _S.UNDO_STARTED,
        _S.UNDO_BACKING_OFF,
        _S.UNDO_FINISHED,
        _S.UNDO_FAILED,
    }
)
"""A node with one of these says that its saga unwinds."""
