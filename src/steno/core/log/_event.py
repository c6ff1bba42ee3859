"""
Events: the rows of a saga log, all that a saga's state is made of.

An event says what has become of one node. Three kinds carry data; it is JSON text, in the store
as here: an error is plain data, and becomes an exception in a result.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import ClassVar, TypeAlias, assert_never

import attrs

from steno.core._value import JsonText
from steno.core.graph._ids import SagaId, SagaNodeId, Timestamp
from steno.core.log._action_error import action_error, undo_error


@attrs.frozen
class Started:
    """The action is about to be called; it may have had effects from here on."""

    label: ClassVar = "started"
    rank: ClassVar = 0


@attrs.frozen
class Succeeded:
    """The action returned; it is never called again."""

    label: ClassVar = "succeeded"
    rank: ClassVar = 1
    output: JsonText


@attrs.frozen
class Failed:
    """
    The action raised; there is nothing to undo for this node.

    Attributes:
        error: Why, as `ActionError.encoded` gives it.
    """

    label: ClassVar = "failed"
    rank: ClassVar = 2
    error: JsonText


@attrs.frozen
class UndoStarted:
    """The undo action is about to be called."""

    label: ClassVar = "undo_started"
    rank: ClassVar = 3


@attrs.frozen
class UndoFinished:
    """The undo action returned; it is never called again."""

    label: ClassVar = "undo_finished"
    rank: ClassVar = 4


@attrs.frozen
class UndoFailed:
    """
    The undo action raised: the saga is stuck.

    Attributes:
        error: Why, as `UndoActionError.encoded` gives it.
    """

    label: ClassVar = "undo_failed"
    rank: ClassVar = 5
    error: JsonText


SagaNodeEventType: TypeAlias = (
    Started | Succeeded | Failed | UndoStarted | UndoFinished | UndoFailed
)

STARTED = Started()
UNDO_STARTED = UndoStarted()
UNDO_FINISHED = UndoFinished()


@attrs.frozen
class SagaNodeEvent:
    """
    An entry of a saga log.

    Attributes:
        saga_id: Whose log it is.
        node_id: The node.
        event_type: What has become of it, with the data that belongs to that.
        time: When it was made; None if that is not known, as in a dump that Steno wrote. Two events
            that differ only in their times are equal: they say the same.
    """

    saga_id: SagaId
    node_id: SagaNodeId
    event_type: SagaNodeEventType
    time: Timestamp | None = attrs.field(default=None, eq=False)

    def __str__(self) -> str:
        """Return the event as a line of `SagaLog.pretty`."""
        return f"N{self.node_id:03d} {self.event_type.label}"


def with_times(events: Iterable[SagaNodeEvent], time: Timestamp) -> list[SagaNodeEvent]:
    """Return the events; those without a time get the given one."""
    return [event if event.time is not None else attrs.evolve(event, time=time) for event in events]


def event_data(event_type: SagaNodeEventType) -> JsonText | None:
    """Return the data column of an event's row; None where the type says it all."""
    match event_type:
        case Succeeded(output=output):
            return output
        case Failed(error=error) | UndoFailed(error=error):
            return error
        case Started() | UndoStarted() | UndoFinished():
            return None
        case _:
            assert_never(event_type)


def event_type_from_row(label: str, data: JsonText | None) -> SagaNodeEventType:
    """
    Return the event type of a row, the inverse of its label and `event_data`.

    Raises:
        ValueError: There is no such event type, or the data does not belong to it.
        SerializeError: The data holds a value that `encode_json` refuses.
    """
    match label, data:
        case "started", None:
            return STARTED
        case "undo_started", None:
            return UNDO_STARTED
        case "undo_finished", None:
            return UNDO_FINISHED
        case "succeeded", str(text):
            return Succeeded(JsonText(text))
        # Errors are read and written again, so that an event holds one spelling of each, without
        # the unknown keys of a dump; an output is the user's own value, kept to the letter.
        case "failed", str(text):
            return Failed(action_error(JsonText(text)).encoded())
        case "undo_failed", str(text):
            return UndoFailed(undo_error(JsonText(text)).encoded())
        case _:
            msg = f"is not an event: {label!r} {'without' if data is None else 'with'} data"
            raise ValueError(msg)
