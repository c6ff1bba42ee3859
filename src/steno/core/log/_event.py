"""
Events: the rows of a saga log, all that a saga's state is made of.

An event says what has become of one node, or what was ordered of it or of its saga. Some carry
data; it is JSON text, in the store as here: an error is plain data, and becomes an exception in a
result.

Steno has six kinds of event. Ours add what happens between a call that fails and the next one, a
failure of which nobody knows whether the action took effect, and what people order.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import ClassVar, TypeAlias, assert_never

import attrs

from steno.core._value import JsonText, JsonValue, decode_json
from steno.core.graph._ids import EARLIEST, LATEST, SagaId, SagaNodeId, Timestamp
from steno.core.log._action_error import (
    InDoubt,
    action_error,
    action_error_from_json,
    undo_error,
    undo_error_from_json,
)
from steno.core.log._order import Ordered, read_order


@attrs.frozen
class Started:
    """The action is about to be called; it may have had effects from here on."""

    label: ClassVar = "started"
    rank: ClassVar = 0


class _SuccessSlots:
    __slots__ = ("__weakref__", "output")
    output: JsonText


@attrs.frozen
class Succeeded(_SuccessSlots):
    """The action returned; it is never called again."""

    label: ClassVar = "succeeded"
    rank: ClassVar = 1
    output: JsonText


@attrs.frozen
class Failed:
    """
    The action raised, and had no effect that is known of; there is nothing to undo for this node.

    Attributes:
        error: Why, as `ActionError.encoded` gives it.
    """

    label: ClassVar = "failed"
    rank: ClassVar = 2
    error: JsonText


@attrs.frozen
class FailedInDoubt:
    """
    The action raised, and may have taken effect all the same; it is undone like a success.

    Its label is that of `Failed`: the error says the difference.

    Attributes:
        error: Why, as `InDoubt.encoded` gives it.
    """

    label: ClassVar = "failed"
    rank: ClassVar = 2
    error: JsonText


@attrs.frozen
class AttemptFailed:
    """
    A call of the action failed, and there is to be another.

    Attributes:
        attempt: The number of the call, from 1.
        error: Why it failed, as `ActionError.encoded` gives it.
        in_doubt: Whether the node may have taken effect, by this call or an earlier one.
        next: When the next call is due; None: it is held, until somebody looks at it.
        reopen: Whether a node that is held is also due as soon as a SEC takes up its saga again.
    """

    label: ClassVar = "attempt_failed"
    rank: ClassVar = 2
    attempt: int
    error: JsonText
    in_doubt: bool
    next: Timestamp | None
    reopen: bool = False


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


@attrs.frozen
class UndoAttemptFailed:
    """
    A call of the undo action failed, and there is to be another.

    Attributes:
        attempt: The number of the call, from 1.
        error: Why it failed, as `UndoActionError.encoded` gives it.
        next: When the next call is due; None: it is held, until somebody looks at it.
        reopen: Whether a node that is held is also due as soon as a SEC takes up its saga again.
    """

    label: ClassVar = "undo_attempt_failed"
    rank: ClassVar = 5
    attempt: int
    error: JsonText
    next: Timestamp | None
    reopen: bool = False


SagaNodeEventType: TypeAlias = (
    Started
    | Succeeded
    | Failed
    | FailedInDoubt
    | AttemptFailed
    | UndoStarted
    | UndoFinished
    | UndoFailed
    | UndoAttemptFailed
    | Ordered
)

STENOS = (Started, Succeeded, Failed, UndoStarted, UndoFinished, UndoFailed)
"""The kinds of event that Steno has, too."""

STARTED = Started()
UNDO_STARTED = UndoStarted()
UNDO_FINISHED = UndoFinished()


class _EventSlots:
    __slots__ = ("__weakref__", "event_type", "node_id", "saga_id", "time")
    saga_id: SagaId
    node_id: SagaNodeId | None
    event_type: SagaNodeEventType
    time: Timestamp | None


@attrs.frozen
class SagaNodeEvent(_EventSlots):
    """
    An entry of a saga log.

    Attributes:
        saga_id: Whose log it is.
        node_id: The node; None: it is about the saga itself, and an order.
        event_type: What has become of it, with the data that belongs to that.
        time: When it was made; None if that is not known, as in a dump that Steno wrote. Two events
            that differ only in their times are equal: they say the same.
    """

    saga_id: SagaId
    node_id: SagaNodeId | None
    event_type: SagaNodeEventType
    time: Timestamp | None = attrs.field(default=None, eq=False)

    def __str__(self) -> str:
        """Return the event as a line of `SagaLog.pretty`."""
        what = self.event_type
        order = f" {what}" if isinstance(what, Ordered) else ""
        place = "----" if self.node_id is None else f"N{self.node_id:03d}"
        return f"{place} {what.label}{order}"


# To call a frozen class of four fields takes 5 700 instructions, as each is set by a call. So what
# is made for each step is made of its slots, which are set, and becomes frozen as it is given its
# class: that takes 1 800.


def success(output: JsonText) -> Succeeded:
    """Return `Succeeded(output)`."""
    made = _SuccessSlots()
    made.output = output
    made.__class__ = Succeeded
    return made  # type: ignore[return-value]  # it has its class now


def node_event(
    saga_id: SagaId,
    node_id: SagaNodeId | None,
    event_type: SagaNodeEventType,
    time: Timestamp | None,
) -> SagaNodeEvent:
    """Return `SagaNodeEvent(saga_id, node_id, event_type, time)`."""
    made = _EventSlots()
    made.saga_id = saga_id
    made.node_id = node_id
    made.event_type = event_type
    made.time = time
    made.__class__ = SagaNodeEvent
    return made  # type: ignore[return-value]  # it has its class now


def with_times(events: Iterable[SagaNodeEvent], time: Timestamp) -> list[SagaNodeEvent]:
    """Return the events; those without a time get the given one."""
    return [event if event.time is not None else attrs.evolve(event, time=time) for event in events]


def are_stenos(events: Iterable[SagaNodeEvent]) -> bool:
    """Return True if all events are of kinds that Steno has."""
    return all(isinstance(event.event_type, STENOS) for event in events)


def event_data(event_type: SagaNodeEventType) -> JsonText | None:
    """Return the data column of an event's row; None where the type says it all."""
    match event_type:
        case Succeeded(output=output):
            return output
        case Failed(error=error) | FailedInDoubt(error=error) | UndoFailed(error=error):
            return error
        case Started() | UndoStarted() | UndoFinished():
            return None
        case AttemptFailed(in_doubt=in_doubt):
            return _attempt_data(event_type, f'"in_doubt":{"true" if in_doubt else "false"},')
        case UndoAttemptFailed():
            return _attempt_data(event_type, "")
        case Ordered():
            return event_type.data()
        case _:
            assert_never(event_type)


def _attempt_data(event_type: AttemptFailed | UndoAttemptFailed, in_doubt: str) -> JsonText:
    # Compact, with sorted keys, as all JSON here; the error is such a text already.
    due = "null" if event_type.next is None else event_type.next
    reopen = ',"reopen":true' if event_type.reopen else ""
    return JsonText(
        f'{{"attempt":{event_type.attempt},"error":{event_type.error},{in_doubt}"next":{due}{reopen}}}'
    )


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
            error = action_error(JsonText(text))
            kind = FailedInDoubt if isinstance(error, InDoubt) else Failed
            return kind(error.encoded())
        case "undo_failed", str(text):
            return UndoFailed(undo_error(JsonText(text)).encoded())
        case "attempt_failed", str(text):
            return _attempt_failed(decode_json(text))
        case "undo_attempt_failed", str(text):
            return _undo_attempt_failed(decode_json(text))
        case "ordered", str(text):
            return read_order(decode_json(text))
        case _:
            msg = f"is not an event: {label!r} {'without' if data is None else 'with'} data"
            raise ValueError(msg)


def _attempt_failed(data: JsonValue) -> AttemptFailed:
    match data:
        case {
            "attempt": int(number),
            "error": error,
            "in_doubt": bool(in_doubt),
            "next": due,
            **rest,
        }:
            read = action_error_from_json(error)
            if not isinstance(read, InDoubt):
                counted = _counted(number, read.encoded())
                return AttemptFailed(*counted, in_doubt, *_due(due, rest.get("reopen")))
        case _:
            pass
    msg = "is not a failed attempt"
    raise ValueError(msg)


def _undo_attempt_failed(data: JsonValue) -> UndoAttemptFailed:
    match data:
        case {"attempt": int(number), "error": error, "next": due, **rest}:
            counted = _counted(number, undo_error_from_json(error).encoded())
            return UndoAttemptFailed(*counted, *_due(due, rest.get("reopen")))
        case _:
            msg = "is not a failed attempt"
            raise ValueError(msg)


def _counted(number: int, error: JsonText) -> tuple[int, JsonText]:
    if type(number) is not int or number < 1:  # True and False are ints as well
        msg = "is not a failed attempt: they are counted from 1"
        raise ValueError(msg)
    return number, error


def _due(due: object, reopen: object) -> tuple[Timestamp | None, bool]:
    """Return when an attempt is due, and whether one that is held is due at the next open."""
    if due is None and (reopen is None or isinstance(reopen, bool)):
        return None, reopen is True
    # Only what is held can wait for the next open; anything else has a time.
    if type(due) is int and EARLIEST <= due <= LATEST and not reopen:
        return Timestamp(due), False
    msg = "is not a failed attempt: the next is due at a number of microseconds, or it is held"
    raise ValueError(msg)
