"""What is read from a SQLite database, each read a plain function of a connection."""

from __future__ import annotations

import operator
import sqlite3
from collections.abc import Mapping, Sequence
from itertools import pairwise
from typing import cast

from steno.core import JsonText, SagaCachedState, SagaId
from steno.errors import RecoveryError
from steno.store import Fence, ListQuery, LogEntry, SagaSummary, StoredSaga, from_timestamp
from steno.stores.sqlite._row import (
    ID_BYTES,
    PROGRESSED,
    SUMMARY,
    VALID_ID,
    SagaRow,
    events_from_rows,
    listed_from_row,
    shown,
    summary_from_row,
)
from steno.stores.sqlite._statement import SqliteValue, of_any_text, snapshot

_LOAD = f"""
    SELECT {SUMMARY}, saga_key, digest, text, params
    FROM saga LEFT JOIN dag USING (dag_key) LEFT JOIN saga_params USING (saga_key)
    WHERE saga_id = ?
"""  # noqa: S608 - made of words of this package
# An id is larger than the first, and so a blob: anything else is smaller than all blobs.
_PAGE = f"""
    SELECT {SUMMARY} FROM saga WHERE saga_id > ? AND length(saga_id) = {ID_BYTES}
    ORDER BY saga_id LIMIT ?
"""  # noqa: S608 - as above
_STATE_PAGE = f"""
    SELECT {SUMMARY} FROM saga INDEXED BY saga_by_state
    WHERE state = ? AND saga_id > ? AND length(saga_id) = {ID_BYTES} ORDER BY saga_id LIMIT ?
"""  # noqa: S608 - as above
_NAME_PAGE = f"""
    SELECT {SUMMARY} FROM saga INDEXED BY saga_by_name
    WHERE name = ? AND state = ? AND saga_id > ? AND length(saga_id) = {ID_BYTES}
    ORDER BY saga_id LIMIT ?
"""  # noqa: S608 - as above
_STEPS = "SELECT seq, time, events FROM step WHERE saga_key = ? ORDER BY seq"
_ENTRIES = """
    SELECT seq, time, events, creator FROM step JOIN saga USING (saga_key)
    WHERE saga_id = ? ORDER BY seq
"""
_COUNT = f"SELECT state, count(*) FROM saga WHERE {VALID_ID} GROUP BY state"  # noqa: S608 - as above
_FIRST = b""
"""Comes before every id."""


def _of_no_state() -> Sequence[str]:
    """
    Return the conditions of a state that is damaged: one of them is true of it.

    Each is a range of an index, between the words of two states, and there is nothing to be found.
    """
    words = sorted(state.value for state in SagaCachedState)
    between = (f"state > '{low}' AND state < '{high}'" for low, high in pairwise(words))
    return "state IS (SELECT NULL)", f"state < '{words[0]}'", *between, f"state > '{words[-1]}'"


_DAMAGED_PAGES = tuple(
    f"""
    SELECT {SUMMARY} FROM saga INDEXED BY saga_by_state
    WHERE {condition} AND saga_id > ? AND length(saga_id) = {ID_BYTES}
    """  # noqa: S608 - as above
    for condition in _of_no_state()
)


@of_any_text
def load(db: sqlite3.Connection, saga_id: SagaId) -> StoredSaga | None:
    """
    Return all that is stored of a saga; None if there is no such saga.

    Raises:
        RecoveryError: What is stored cannot be read.
    """
    with snapshot(db):
        row = db.execute(_LOAD, (saga_id.bytes,)).fetchone()
        if row is None:
            return None
        *whole, key, digest, text, params = row
        # All at once: a cursor that an error leaves behind would keep the connection in the past.
        steps = db.execute(_STEPS, (key,)).fetchall()
    summary = summary_from_row(cast("SagaRow", tuple(whole)))
    if not all(isinstance(each, str) for each in (digest, text, params)):
        msg = f"saga {saga_id}: its graph or its params are missing, or are not text"
        raise RecoveryError(msg)
    *_, sec_name, generation, _ = whole
    return StoredSaga(
        summary,
        Fence(sec_name, generation),
        digest,
        text,
        JsonText(params),
        events_from_rows(summary.id, steps),  # one object: ids are compared often
    )


@of_any_text
def list_page(db: sqlite3.Connection, query: ListQuery) -> Sequence[SagaSummary]:
    """Return a page of the sagas; of one whose row is damaged, what can be read of it."""
    after = _FIRST if query.marker is None else query.marker.bytes
    if query.states is None and query.name is None:
        return [listed_from_row(row) for row in _rows(db, _PAGE, after, query.limit)]
    # A page of each state, each from an index, and of them the first: nothing else is looked at.
    states = set(SagaCachedState if query.states is None else query.states)
    statement, name = (_STATE_PAGE, ()) if query.name is None else (_NAME_PAGE, (query.name,))
    found: list[SagaRow] = []
    with snapshot(db):
        for state in states:
            found += _rows(db, statement, *name, state.value, after, query.limit)
        if SagaCachedState.RUNNING in states:
            found += _of_damaged_state(db, query, after)
    found.sort(key=operator.itemgetter(0))
    return [listed_from_row(row) for row in found[: query.limit]]


def _rows(db: sqlite3.Connection, statement: str, *values: SqliteValue) -> list[SagaRow]:
    """Return the rows of a page, whatever is wrong with the pages of the file that hold steps."""
    try:
        return db.execute(statement, values).fetchall()
    except sqlite3.DatabaseError as error:
        if getattr(error, "sqlite_errorcode", 0) & 0xFF != sqlite3.SQLITE_CORRUPT:
            raise
    rows = db.execute(statement.replace(PROGRESSED, "saga_key"), values).fetchall()
    found = ((*row[:5], _progressed(db, row[5]), *row[6:]) for row in rows)
    return cast("list[SagaRow]", list(found))


def _progressed(db: sqlite3.Connection, key: int) -> int | None:
    try:
        row = db.execute(f"SELECT {PROGRESSED} FROM saga WHERE saga_key = ?", (key,)).fetchone()  # noqa: S608 - as above
    except sqlite3.DatabaseError as error:
        return cast("int", str(error))  # which is not a time, and is shown as what stands there
    return cast("int | None", row[0])


def _of_damaged_state(db: sqlite3.Connection, query: ListQuery, after: bytes) -> list[SagaRow]:
    """Return the rows whose state is damaged, and is shown as running."""
    found: dict[bytes, SagaRow] = {}  # SQLite may find NULL, which is not allowed there, twice
    for page in _DAMAGED_PAGES:
        found |= {row[0]: row for row in _rows(db, page, after) if query.name in {None, row[1]}}
    return list(found.values())


@of_any_text
def entries(db: sqlite3.Connection, saga_id: SagaId) -> Sequence[LogEntry]:
    """
    Return the log of a saga, with times and creators.

    Raises:
        RecoveryError: What is stored can not be read.
    """
    rows = db.execute(_ENTRIES, (saga_id.bytes,)).fetchall()
    events = events_from_rows(saga_id, (row[:3] for row in rows))
    found: list[LogEntry] = []
    for (seq, time, _, creator), following in pairwise([*rows, (len(events), 0, "", "")]):
        if not isinstance(creator, str):
            msg = f"saga {saga_id}: the step of event {seq} is damaged: creator is {shown(creator)}"
            raise RecoveryError(msg)
        when = from_timestamp(time)
        numbers = range(seq, following[0])
        found += [LogEntry(number, events[number], when, creator) for number in numbers]
    return found


@of_any_text
def count(db: sqlite3.Connection) -> Mapping[SagaCachedState, int]:
    """Return how many sagas there are in each state; a damaged state counts as running."""
    found = dict.fromkeys(SagaCachedState, 0)
    words = {state.value: state for state in SagaCachedState}
    for word, number in db.execute(_COUNT).fetchall():
        found[words.get(word, SagaCachedState.RUNNING)] += number
    return found
