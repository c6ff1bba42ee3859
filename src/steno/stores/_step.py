"""Steps: the events of a transaction of a saga, packed into a row, and unpacked again."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from contextlib import suppress
from json.encoder import encode_basestring
from typing import TypeAlias, cast
from uuid import UUID

from steno.core import (
    EARLIEST,
    LATEST,
    EventColumn,
    Events,
    JsonText,
    Ordered,
    SagaId,
    SagaNodeEvent,
    SagaNodeEventType,
    SagaNodeId,
    Started,
    Succeeded,
    Timestamp,
    UndoFinished,
    UndoStarted,
    event_data,
    event_type_from_row,
)
from steno.errors import DumpError, RecoveryError, SerializeError

_BARE = {
    kind.label: event_type_from_row(kind.label, None)
    for kind in (Started, UndoStarted, UndoFinished)
}
"""The event types without data, by their labels; most of the others are successes."""

StepRow: TypeAlias = tuple[int, int, str]
"""Number of the first event, time, and events of a step."""

MOST_EVENTS = 500
"""How many events a step has at most; only an import has more at once."""


SHOWN = 40
"""How many characters of a damaged value are shown, at most."""


def step_rows(first_seq: int, events: Sequence[SagaNodeEvent], now: Timestamp) -> list[StepRow]:
    """
    Return the rows of events, one for each run of the same time.

    Args:
        first_seq: The number of the first event.
        events: The events.
        now: The time of those that have none.
    """
    rows: list[StepRow] = []
    # Usually all events of a transaction have one time, and become one row without a copy.
    start, size = 0, len(events)
    while start < size:
        time, end = events[start].time, start + 1
        while end < size and events[end].time == time and end < start + MOST_EVENTS:
            end += 1
        part = events if end - start == size else events[start:end]
        rows.append((first_seq + start, now if time is None else time, packed(part)))
        start = end
    return rows


def packed(events: Iterable[SagaNodeEvent]) -> str:
    """
    Return events as JSON: a list of lists of node or null, type and, where there is any, data.

    Data is JSON text itself, and a string here, so that it comes back to the letter.
    """
    items: list[str] = []
    for event in events:
        what = event.event_type
        # Nearly all events are one of these two, so they are spelled out here.
        if isinstance(what, Started):
            items.append(f'[{event.node_id},"started"]')
        elif isinstance(what, Succeeded):
            items.append(f'[{event.node_id},"succeeded",{encode_basestring(what.output)}]')
        else:
            items.append(packed_event(event.node_id, what.label, event_data(what)))
    return f"[{','.join(items)}]"


def packed_event(node: int | None, label: str, data: str | None) -> str:
    """Return one event as `packed` does, for a label of any type, known or not."""
    place = "null" if node is None else node
    if data is None:
        return f"[{place},{encode_basestring(label)}]"
    return f"[{place},{encode_basestring(label)},{encode_basestring(data)}]"


def size_of(saga_id: SagaId, last: tuple[object, ...]) -> int:
    """
    Return how many events a saga has, from the number and the events of its last step.

    Raises:
        RecoveryError: The step is damaged.
    """
    seq, text = last
    return cast("int", seq) + len(_unpacked(saga_id, seq, text))


def events_from_rows(saga_id: SagaId, rows: Iterable[tuple[object, ...]]) -> Events:
    """
    Return the events of steps, given in order; event objects are made on access.

    Args:
        saga_id: The saga.
        rows: A `StepRow` for each, unless it is damaged.

    Raises:
        RecoveryError: A step is damaged or missing.
    """
    nodes: list[SagaNodeId | None] = []
    whats: list[EventColumn] = []
    times: list[Timestamp | None] = []
    for seq, time, text in rows:
        # Steps are numbered by their first event, so a lost step shows as a gap.
        if seq != len(nodes):
            msg = f"saga {saga_id}: event {len(nodes)} is missing; the next is number {shown(seq)}"
            raise RecoveryError(msg)
        if type(time) is not int or not EARLIEST <= time <= LATEST:
            raise _damaged_step(saga_id, seq, f"its time is {shown(time)}")
        items = _unpacked(saga_id, seq, text)
        try:
            for item in items:
                node, what = _event(*item)
                nodes.append(node)
                whats.append(what)
        except (ValueError, TypeError, SerializeError, DumpError) as error:
            why = error.why if isinstance(error, DumpError) else error
            raise _damaged_step(saga_id, seq, f"event {len(nodes)} {why}") from error
        times += [Timestamp(time)] * len(items)
    return Events(saga_id, nodes, whats, times)


def are_events(value: object) -> bool:
    """Return True if this can be a value that `packed` returned."""
    try:
        events_from_rows(SagaId(UUID(int=0)), [(0, 0, value)])
    except RecoveryError:
        return False
    return True


def _unpacked(saga_id: SagaId, seq: object, text: object) -> Sequence[Sequence[object]]:
    # RecursionError: damaged text may nest without end.
    items: object = None
    with suppress(ValueError, RecursionError):
        items = json.loads(text) if isinstance(text, str) else None
    if not isinstance(items, list) or not items or type(seq) is not int:
        raise _damaged_step(saga_id, seq, f"its events are {shown(text)}")
    unpacked = cast("list[list[object]]", items)
    if not all(isinstance(cast("object", item), list) for item in unpacked):
        raise _damaged_step(saga_id, seq, f"its events are {shown(text)}")
    return unpacked


def _event(
    node: object, label: object = None, data: object = None, *more: object
) -> tuple[SagaNodeId | None, EventColumn]:
    """
    Return the node of an event, and its column in `Events`.

    Raises:
        ValueError: It is not an event.
        TypeError: The same.
    """
    if node is None and isinstance(label, str) and label == Ordered.label:
        return None, _event_type(label, data)
    if type(node) is not int or not isinstance(label, str) or more:
        msg = f"is not an event: its node is {shown(node)}, and its type {shown(label)}"
        raise ValueError(msg)
    if label == "succeeded" and isinstance(data, str):
        return SagaNodeId(node), JsonText(data)
    if data is None and label in _BARE:
        return SagaNodeId(node), _BARE[label]
    return SagaNodeId(node), _event_type(label, data)


def _event_type(label: str, data: object) -> SagaNodeEventType:
    if data is not None and not isinstance(data, str):
        msg = f"is not an event: its data is {shown(data)}, not text"
        raise TypeError(msg)
    return event_type_from_row(label, None if data is None else JsonText(data))


def _damaged_step(saga_id: SagaId, seq: object, why: str) -> RecoveryError:
    return RecoveryError(f"saga {saga_id}: the step of event {shown(seq)} is damaged: {why}")


def shown(value: object) -> str:
    """Return the contents of a damaged column, or the beginning of it, on one line."""
    if value is None:
        return "NULL"
    text = repr(value[:SHOWN] if isinstance(value, str | bytes) else value)
    return text if len(text) <= SHOWN else f"{text[:SHOWN]}…"
