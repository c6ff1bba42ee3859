"""Rows: the columns of a saga and its steps, to and from the values of the port."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import suppress
from datetime import datetime
from itertools import product
from typing import TypeAlias, cast
from uuid import UUID

from steno.core import (
    SagaCachedState,
    SagaId,
    SagaName,
)
from steno.errors import RecoveryError
from steno.store import NO_TAGS, SagaSummary, SagaTimes, from_timestamp
from steno.stores._concern import CONCERN, NO_CONCERN, REASONS, ConcernColumns, concern_of
from steno.stores._step import shown

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


def is_raisable(column: str) -> str:
    """Return the condition that a column has a valid generation, or count, that can be raised."""
    return f"typeof({column}) = 'integer' AND {column} BETWEEN 0 AND {GENERATIONS - 1}"


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


def _shown_id(saga_id: object) -> str:
    whole = isinstance(saga_id, bytes) and len(saga_id) == ID_BYTES
    return str(UUID(bytes=cast("bytes", saga_id))) if whole else shown(saga_id)
