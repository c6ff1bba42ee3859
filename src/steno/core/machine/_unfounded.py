"""Events without their node or their cause: the errors that say what is missing."""

from __future__ import annotations

from steno.core.log._event import SagaNodeEvent
from steno.core.machine._setback import Setbacks
from steno.errors import CorruptLog

STOPPED = "the order to hold it is in effect"


def no_such_node(event: SagaNodeEvent, count: int) -> CorruptLog:
    """Return the error of an event of a node that a graph of so many nodes does not have."""
    why = f"the saga has the nodes 0 to {count - 1}"
    return CorruptLog(event.node_id, event.event_type.label, why)


def not_runnable(event: SagaNodeEvent, missing: int | None, *, unwinding: bool) -> CorruptLog:
    """
    Return the error that says why a node may not be started.

    Args:
        event: Its start.
        missing: A node that it depends on and that has not succeeded, if there is one.
        unwinding: Whether its saga unwinds.
    """
    why = STOPPED
    if unwinding:
        why = "a failure was logged before it"
    elif missing is not None:
        why = f"node {missing}, on which it depends, has not succeeded"
    return CorruptLog(event.node_id, event.event_type.label, why)


def not_undoable(event: SagaNodeEvent, setbacks: Setbacks, *, unwinding: bool) -> CorruptLog:
    """
    Return the error that says why a node may not be undone.

    Args:
        event: The start of its undo.
        setbacks: What has failed in its saga, and what is held there.
        unwinding: Whether its saga unwinds.
    """
    if not unwinding:
        why = "no failure was logged before it"
    elif setbacks.undo_failures:
        why = "the failure of an undo was logged before it"
    elif setbacks.forward:
        why = "a node that waits for another attempt is not given up"
    elif event.node_id is not None and setbacks.stopped.get(event.node_id):
        why = STOPPED
    else:
        why = "a node that depends on it is not undone"
    return CorruptLog(event.node_id, event.event_type.label, why)
