"""Rows: what a table holds of a saga and its events, and what the port makes of it."""

from __future__ import annotations

import operator
from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from itertools import product
from typing import TypeAlias, cast
from uuid import UUID

from steno.core import (
    EventColumn,
    Events,
    JsonText,
    SagaCachedState,
    SagaId,
    SagaName,
    SagaNodeEvent,
    SagaNodeEventType,
    SagaNodeId,
    Started,
    UndoFinished,
    UndoStarted,
    event_data,
    event_type_from_row,
)
from steno.errors import DumpError, RecoveryError, SerializeError
from steno.store import SagaSummary, SagaTimes

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
MICROSECOND = timedelta(microseconds=1)

_BARE = {
    kind.label: event_type_from_row(kind.label, None)
    for kind in (Started, UndoStarted, UndoFinished)
}
"""The event types without data, by their labels; most of the others are successes."""

EventRow: TypeAlias = tuple[int, int, str, str | None]
"""Number, node, type and data of an event."""

SagaRow: TypeAlias = tuple[bytes, str, str, str | None, int, int, int | None, str, int, int, int]
"""The columns of a saga that `SUMMARY` names, unless the row is damaged."""

SUMMARY = (
    "saga_id, name, state, problem, created, progressed, ended, current_sec, adopt_generation, "
    "events, dag_key"
)
"""The columns of a `SagaRow`: those that a list shows, and those that only may be damaged."""

ID_BYTES = 16

VALID_ID = f"typeof(saga_id) = 'blob' AND length(saga_id) = {ID_BYTES}"
"""True of a row that can be asked for by the id of its saga."""

GENERATIONS = 2**62
"""A generation is less than this, and can be raised for ever."""


def valid_generation(column: str) -> str:
    """Return the condition that a column has a generation, which can be raised."""
    return f"typeof({column}) = 'integer' AND {column} BETWEEN 0 AND {GENERATIONS - 1}"


def to_microseconds(time: datetime) -> int:
    """Return a time as a row has it."""
    return (time - EPOCH) // MICROSECOND


EARLIEST = to_microseconds(datetime.min.replace(tzinfo=UTC))
"""The first time that a row can have."""


def from_microseconds(time: int) -> datetime:
    """Return the time of a row."""
    return EPOCH + time * MICROSECOND


def event_rows(first_seq: int, events: Iterable[SagaNodeEvent]) -> list[EventRow]:
    """Return the rows of events that are numbered from the given one."""
    return [
        (seq, event.node_id, event.event_type.label, event_data(event.event_type))
        for seq, event in enumerate(events, start=first_seq)
    ]


def events_from_rows(saga_id: SagaId, rows: Iterable[EventRow]) -> Events:
    """
    Return the events of rows, which are in order; each is made when somebody looks at it.

    Raises:
        RecoveryError: A row is no event, or its number is not the next.
    """
    nodes: list[SagaNodeId] = []
    columns: list[EventColumn] = []
    for number, (seq, node, label, data) in enumerate(rows):
        if seq != number:
            msg = f"saga {saga_id}: event {number} is missing; the next is number {seq}"
            raise RecoveryError(msg)
        try:
            if label == "succeeded" and isinstance(data, str):
                columns.append(JsonText(data))
            elif data is None and label in _BARE:
                columns.append(_BARE[label])
            else:
                columns.append(_event_type(label, data))
            nodes.append(SagaNodeId(operator.index(node)))
        except (ValueError, TypeError, SerializeError, DumpError) as error:
            why = error.why if isinstance(error, DumpError) else error
            msg = f"saga {saga_id}: the row of event {seq} {why}"
            raise RecoveryError(msg) from error
    return Events(saga_id, nodes, columns)


def _event_type(label: str, data: object) -> SagaNodeEventType:
    if data is not None and not isinstance(data, str):
        raise TypeError(f"is no event: its data is {shown(data)}, not text")
    return event_type_from_row(label, None if data is None else JsonText(data))


# The rows of sagas

_SOUND = frozenset(
    (str, str, problem, int, int, ended, str, int, int, int)
    for problem, ended in product((str, type(None)), (int, type(None)))
)
"""The types that the columns of a row have, but for its id."""

_STATES = frozenset(state.value for state in SagaCachedState)

SHOWN = 40
"""How many characters of a damaged value are shown, at most."""


def summary_from_row(row: SagaRow) -> SagaSummary:
    """
    Return what a list shows of a saga.

    A problem that is not text keeps no saga from being loaded: it is shown as one.

    Raises:
        RecoveryError: The row is damaged.
    """
    saga_id, name, state, problem, created, progressed, ended, _, generation, _, _ = row
    if (why := _damage("problem", problem)) is not None:
        return summary_from_row((*row[:3], why, *row[4:]))
    try:
        if tuple(map(type, row[1:])) in _SOUND and 0 <= generation < GENERATIONS:
            return SagaSummary(
                SagaId(UUID(bytes=saga_id)),
                SagaName(name),
                SagaCachedState(state),
                problem,
                SagaTimes(
                    from_microseconds(created),
                    from_microseconds(progressed),
                    None if ended is None else from_microseconds(ended),
                ),
            )
    except (ValueError, TypeError, OverflowError):
        pass  # what it is, is found below
    raise RecoveryError(f"the row of saga {_shown_id(saga_id)} is damaged: {_damages(row)}")


def listed_from_row(row: SagaRow) -> SagaSummary:
    """
    Return what a list shows of a saga whose id is valid, and whose row may be damaged otherwise.

    What cannot be read is replaced, and the problem says so: a name by a description of what is
    there, a state by running, since nobody prunes that, a time by the epoch, an end by None.
    """
    try:
        return summary_from_row(row)
    except RecoveryError as error:
        why = str(error)
    saga_id, name, state, problem, created, progressed, ended = cast("tuple[object, ...]", row[:7])
    if isinstance(problem, str):  # which says the same, once somebody has tried to load it
        why = problem if why in problem else f"{why}; {problem}"
    return SagaSummary(
        SagaId(UUID(bytes=cast("bytes", saga_id))),
        SagaName(name if isinstance(name, str) else shown(name)),
        SagaCachedState(state) if state in _STATES else SagaCachedState.RUNNING,
        why,
        SagaTimes(time_from(created) or EPOCH, time_from(progressed) or EPOCH, time_from(ended)),
    )


def time_from(value: object) -> datetime | None:
    """Return the time of a row; None for what is not one."""
    if type(value) is int:
        with suppress(OverflowError):
            return from_microseconds(value)
    return None


_CHECKS: Mapping[str, tuple[str, Callable[[object], bool]]] = {
    "saga_id": ("16 bytes", lambda value: isinstance(value, bytes) and len(value) == ID_BYTES),
    "name": ("text", lambda value: isinstance(value, str)),
    "state": ("a state", lambda value: value in _STATES),
    "problem": ("text", lambda value: value is None or isinstance(value, str)),
    "created": ("a time", lambda value: time_from(value) is not None),
    "progressed": ("a time", lambda value: time_from(value) is not None),
    "ended": ("a time", lambda value: value is None or time_from(value) is not None),
    "current_sec": ("text", lambda value: isinstance(value, str)),
    "adopt_generation": (
        "a generation",
        lambda value: isinstance(value, int) and 0 <= value < GENERATIONS,
    ),
    "events": ("a number of events", lambda value: isinstance(value, int)),
    "dag_key": ("a key", lambda value: isinstance(value, int)),
}
"""What each column of a `SagaRow` is, in their order, and how that is seen."""


def _damage(column: str, value: object) -> str | None:
    what, is_sound = _CHECKS[column]
    return None if is_sound(value) else f"{column} is {shown(value)}, not {what}"


def _damages(row: SagaRow) -> str:
    """Say which columns are damaged, and how."""
    return "; ".join(filter(None, map(_damage, _CHECKS, row)))


def shown(value: object) -> str:
    """Return what stands in a damaged column, or the beginning of it, in one line."""
    if value is None:
        return "NULL"
    text = repr(value[:SHOWN] if isinstance(value, str | bytes) else value)
    return text if len(text) <= SHOWN else f"{text[:SHOWN]}…"


def _shown_id(saga_id: object) -> str:
    whole = isinstance(saga_id, bytes) and len(saga_id) == ID_BYTES
    return str(UUID(bytes=cast("bytes", saga_id))) if whole else shown(saga_id)
