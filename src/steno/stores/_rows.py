"""Rows: what a table holds of a saga and its events, and what the port makes of it."""

from __future__ import annotations

import operator
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from typing import TypeAlias
from uuid import UUID

from steno.core import (
    EventColumn,
    Events,
    JsonText,
    SagaCachedState,
    SagaId,
    SagaName,
    SagaNodeEvent,
    SagaNodeId,
    Started,
    UndoFinished,
    UndoStarted,
    event_data,
    event_type_from_row,
)
from steno.errors import RecoveryError, SerializeError
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

SagaRow: TypeAlias = tuple[bytes, str, str, str | None, int, int, int | None]
"""Id, name, state, problem and the three times of a saga."""


def to_microseconds(time: datetime) -> int:
    """Return a time as a row has it."""
    return (time - EPOCH) // MICROSECOND


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
                text = None if data is None else JsonText(data)
                columns.append(event_type_from_row(label, text))
            nodes.append(SagaNodeId(operator.index(node)))
        except (ValueError, TypeError, SerializeError) as error:
            msg = f"saga {saga_id}: the row of event {seq} {error}"
            raise RecoveryError(msg) from error
    return Events(saga_id, nodes, columns)


def summary_from_row(row: SagaRow) -> SagaSummary:
    """
    Return what a list shows of a saga.

    Raises:
        RecoveryError: The row is no saga.
    """
    saga_id, name, state, problem, created, progressed, ended = row
    try:
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
    except (ValueError, TypeError, AttributeError, OverflowError) as error:
        msg = f"the row of saga {saga_id!r} is damaged: {error}"
        raise RecoveryError(msg) from error
