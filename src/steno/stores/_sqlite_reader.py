"""What is read from a SQLite database, each read a plain function of a connection."""

from __future__ import annotations

import sqlite3
from collections.abc import Generator, Mapping, Sequence
from contextlib import contextmanager

from steno.core import JsonText, SagaCachedState, SagaId
from steno.errors import RecoveryError
from steno.store import Fence, ListQuery, LogEntry, SagaSummary, StoredSaga
from steno.stores._rows import SagaRow, events_from_rows, from_microseconds, summary_from_row

_SUMMARY = "saga_id, name, state, problem, created, progressed, ended"
_LOAD = f"""
    SELECT {_SUMMARY}, saga_key, events, current_sec, adopt_generation, digest, text,
        params
    FROM saga LEFT JOIN dag USING (dag_key) LEFT JOIN saga_params USING (saga_key)
    WHERE saga_id = ?
"""  # noqa: S608 - made of words of this file
_PAGE = f"SELECT {_SUMMARY} FROM saga WHERE saga_id > ? ORDER BY saga_id LIMIT ?"  # noqa: S608 - as above
_STATE_PAGE = f"""
    SELECT {_SUMMARY} FROM saga INDEXED BY saga_state
    WHERE state = ? AND saga_id > ? ORDER BY saga_id LIMIT ?
"""  # noqa: S608 - as above
_NAME_PAGE = f"""
    SELECT {_SUMMARY} FROM saga INDEXED BY saga_name
    WHERE name = ? AND state = ? AND saga_id > ? ORDER BY saga_id LIMIT ?
"""  # noqa: S608 - as above
_EVENTS = "SELECT seq, node_id, event_type, data FROM node_event WHERE saga_key = ? ORDER BY seq"
_ENTRIES = """
    SELECT seq, node_id, event_type, data, time, creator
    FROM node_event JOIN saga USING (saga_key) WHERE saga_id = ? ORDER BY seq
"""
_FIRST = b""
"""Comes before every id."""


@contextmanager
def snapshot(db: sqlite3.Connection) -> Generator[None, None, None]:
    """See one state of the database in several queries."""
    db.execute("BEGIN")
    try:
        yield
    finally:
        if db.in_transaction:
            db.execute("ROLLBACK")  # a transaction that has only read


def load(db: sqlite3.Connection, saga_id: SagaId) -> StoredSaga | None:
    """
    Return all that is stored of a saga; None if there is no such saga.

    Raises:
        RecoveryError: What is stored can not be read.
    """
    with snapshot(db):
        row = db.execute(_LOAD, (saga_id.bytes,)).fetchone()
        if row is None:
            return None
        summary = summary_from_row(row[:7])
        key, size, sec_name, generation, digest, text, params = row[7:]
        if not all(isinstance(each, str) for each in (digest, text, params)):
            msg = f"saga {saga_id}: its graph or its params are missing"
            raise RecoveryError(msg)
        # All at once: a cursor that an error leaves behind would keep the connection in the past.
        events = events_from_rows(saga_id, db.execute(_EVENTS, (key,)).fetchall())
        if len(events) != size:
            msg = f"saga {saga_id}: {len(events)} events are there, and {size} were written"
            raise RecoveryError(msg)
        return StoredSaga(
            summary,
            Fence(sec_name, generation),
            digest,
            text,
            JsonText(params),
            events,
        )


def list_page(db: sqlite3.Connection, query: ListQuery) -> Sequence[SagaSummary]:
    """Return a page of the sagas."""
    after = _FIRST if query.marker is None else query.marker.bytes
    if query.states is None and query.name is None:
        rows = db.execute(_PAGE, (after, query.limit)).fetchall()
        return [summary_from_row(row) for row in rows]
    # A page of each state, each from an index, and of them the first: nothing else is looked at.
    states = set(SagaCachedState if query.states is None else query.states)
    statement, name = (_STATE_PAGE, ()) if query.name is None else (_NAME_PAGE, (query.name,))
    found: list[SagaRow] = []
    with snapshot(db):
        for state in states:
            found += db.execute(statement, (*name, state.value, after, query.limit))
    return [summary_from_row(row) for row in sorted(found)[: query.limit]]


def entries(db: sqlite3.Connection, saga_id: SagaId) -> Sequence[LogEntry]:
    """
    Return the log of a saga, with times and creators.

    Raises:
        RecoveryError: What is stored can not be read.
    """
    rows = db.execute(_ENTRIES, (saga_id.bytes,)).fetchall()
    events = events_from_rows(saga_id, (row[:4] for row in rows))
    return [
        LogEntry(row[0], event, from_microseconds(row[4]), row[5])
        for row, event in zip(rows, events, strict=True)
    ]


def count(db: sqlite3.Connection) -> Mapping[SagaCachedState, int]:
    """Return how many sagas there are in each state."""
    found = dict(db.execute("SELECT state, count(*) FROM saga GROUP BY state"))
    return {state: found.get(state.value, 0) for state in SagaCachedState}
