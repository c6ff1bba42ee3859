"""Rows: the columns of a saga and its steps, to and from the values of the port."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import suppress
from datetime import datetime
from itertools import product
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
    SagaCachedState,
    SagaId,
    SagaName,
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
from steno.store import NO_TAGS, SagaSummary, SagaTimes, from_timestamp
from steno.stores.sqlite._concern import CONCERN, NO_CONCERN, REASONS, ConcernColumns, concern_of

_BARE = {
    kind.label: event_type_from_row(kind.label, None)
    for kind in (Started, UndoStarted, UndoFinished)
}
"""The event types without data, by their labels; most of the others are successes."""

StepRow: TypeAlias = tuple[int, int, str]
"""Number of the first event, time, and events of a step."""

STEPS = "SELECT seq, time, events FROM step WHERE saga_key = ? ORDER BY seq"
"""Gives the `StepRow`s of a saga."""

SagaRow: TypeAlias = tuple[
    *tuple[bytes, str, str, str | None, int, int | None, int | None, str, int],
    *ConcernColumns,
    *tuple[int, int],
]
"""The columns of a saga that `SUMMARY` names, unless the row is damaged."""

PROGRESSED = "(SELECT time FROM step WHERE step.saga_key = saga.saga_key ORDER BY seq DESC LIMIT 1)"
"""When the last step of a saga was made; NULL before there is one."""


def _summary(progressed: str) -> str:
    return (
        f"saga_id, name, state, problem, created, {progressed} AS progressed, ended, current_sec,"
        f" adopt_generation, {CONCERN}, dag_key, saga.saga_key"
    )


SUMMARY = _summary(PROGRESSED)
"""The columns of a `SagaRow`: those that a list shows, and the rest, whose damage it shows."""

UNDATED_SUMMARY = _summary("NULL")
"""The same, without looking at steps."""

ID_BYTES = 16

VALID_ID = f"typeof(saga_id) = 'blob' AND length(saga_id) = {ID_BYTES}"
"""A condition that is true of a row that can be found by the id of its saga."""

GENERATIONS = 2**62
"""A generation is less than this; counting up never gets there."""

EPOCH = from_timestamp(0)

MOST_EVENTS = 500
"""How many events a step has at most; only an import has more at once."""


def is_raisable(column: str) -> str:
    """Return the condition that a column has a valid generation, or count, that can be raised."""
    return f"typeof({column}) = 'integer' AND {column} BETWEEN 0 AND {GENERATIONS - 1}"


# The rows of steps


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


# The rows of sagas

_TEXT, _NUMBER = (str, type(None)), (int, type(None))
_SOUND = frozenset(
    (str, str, problem, int, progressed, ended, str, int, *concern, int, int)
    for problem, progressed, ended, *concern in product(
        _TEXT, _NUMBER, _NUMBER, _TEXT, _TEXT, _TEXT
    )
)
"""
The types that the columns of a row may have, except its id.

Each combination is listed, so that a sound row is recognized by one lookup.
"""

_STATES = frozenset(state.value for state in SagaCachedState)

SHOWN = 40
"""How many characters of a damaged value are shown, at most."""


def summary_from_row(row: SagaRow, tags: Mapping[str, str] = NO_TAGS) -> SagaSummary:
    """
    Return what a list shows of a saga.

    A damaged problem, or a damaged concern, keeps no saga from being loaded: it is shown as a
    problem.

    Raises:
        RecoveryError: The row is damaged.
    """
    row = _with_sound_notes(row)
    saga_id, name, state, problem, created, progressed, ended, _, generation, *concern, _, key = row
    try:
        if tuple(map(type, row[1:])) in _SOUND and 0 <= generation < GENERATIONS:
            return SagaSummary(
                SagaId(UUID(bytes=saga_id)),
                SagaName(name),
                SagaCachedState(state),
                problem,
                SagaTimes(
                    from_timestamp(created),
                    from_timestamp(created if progressed is None else max(created, progressed)),
                    None if ended is None else from_timestamp(ended),
                ),
                tags,
                key,
                concern_of(*concern),
            )
    except (ValueError, TypeError, OverflowError):
        pass  # what is damaged is found below
    raise RecoveryError(f"the row of saga {_shown_id(saga_id)} is damaged: {_damages(row)}")


_NOTES = ("problem", "attention", "attention_node", "error_type")


def _with_sound_notes(row: SagaRow) -> SagaRow:
    """Return a row without what is damaged of its notes; the problem says what that was."""
    problem, concern = row[3], row[9:12]
    if problem is None and concern == NO_CONCERN:
        return row
    damages = list(filter(None, map(_damage, _NOTES, (problem, *concern))))
    if not damages:
        return row
    if isinstance(cast("object", problem), str):
        damages.append(cast("str", problem))
    known = concern_of(*concern)
    columns = NO_CONCERN if known is None else (concern[0], known.node, known.error_type)
    return (*row[:3], "; ".join(damages), *row[4:9], *columns, *row[12:])


def listed_from_row(row: SagaRow, tags: Mapping[str, str] = NO_TAGS) -> SagaSummary:
    """
    Return what a list shows of a saga whose id is valid, and whose row may be damaged otherwise.

    What cannot be read is replaced, and the problem says so: a name by a description of what is
    there, a state by running, which is never pruned, a time by the epoch, an end by None.
    """
    try:
        return summary_from_row(row, tags)
    except RecoveryError as error:
        why = str(error)
    row = _with_sound_notes(row)
    saga_id, name, state, problem, created, progressed, ended = cast("tuple[object, ...]", row[:7])
    if isinstance(problem, str):  # it says the same, once a SEC has tried to load the saga
        why = problem if why in problem else f"{why}; {problem}"
    began = time_from(created) or EPOCH
    return SagaSummary(
        SagaId(UUID(bytes=cast("bytes", saga_id))),
        SagaName(name if isinstance(name, str) else shown(name)),
        SagaCachedState(state) if state in _STATES else SagaCachedState.RUNNING,
        why,
        SagaTimes(began, max(began, time_from(progressed) or began), time_from(ended)),
        tags,
        row[-1],
        concern_of(*row[9:12]),
    )


def time_from(value: object) -> datetime | None:
    """Return the time that a column holds; None if it is damaged."""
    if type(value) is int:
        with suppress(OverflowError):
            return from_timestamp(value)
    return None


_CHECKS: Mapping[str, tuple[str, Callable[[object], bool]]] = {
    "saga_id": ("16 bytes", lambda value: isinstance(value, bytes) and len(value) == ID_BYTES),
    "name": ("text", lambda value: isinstance(value, str)),
    "state": ("a state", lambda value: value in _STATES),
    "problem": ("text", lambda value: value is None or isinstance(value, str)),
    "created": ("a time", lambda value: time_from(value) is not None),
    "progressed": ("a time", lambda value: value is None or time_from(value) is not None),
    "ended": ("a time", lambda value: value is None or time_from(value) is not None),
    "current_sec": ("text", lambda value: isinstance(value, str)),
    "adopt_generation": (
        "a generation",
        lambda value: isinstance(value, int) and 0 <= value < GENERATIONS,
    ),
    "attention": ("a reason", lambda value: value is None or value in REASONS),
    "attention_node": ("text", lambda value: value is None or isinstance(value, str)),
    "error_type": ("text", lambda value: value is None or isinstance(value, str)),
    "dag_key": ("a key", lambda value: isinstance(value, int)),
    "saga_key": ("a key", lambda value: isinstance(value, int)),
}
"""The name of what each column of a `SagaRow` holds, in order, and a check of it."""


def _damage(column: str, value: object) -> str | None:
    what, is_sound = _CHECKS[column]
    return None if is_sound(value) else f"{column} is {shown(value)}, not {what}"


def _damages(row: SagaRow) -> str:
    """Return which columns are damaged, and how."""
    return "; ".join(filter(None, map(_damage, _CHECKS, row)))


def shown(value: object) -> str:
    """Return the contents of a damaged column, or the beginning of it, on one line."""
    if value is None:
        return "NULL"
    text = repr(value[:SHOWN] if isinstance(value, str | bytes) else value)
    return text if len(text) <= SHOWN else f"{text[:SHOWN]}…"


def _shown_id(saga_id: object) -> str:
    whole = isinstance(saga_id, bytes) and len(saga_id) == ID_BYTES
    return str(UUID(bytes=cast("bytes", saga_id))) if whole else shown(saga_id)
