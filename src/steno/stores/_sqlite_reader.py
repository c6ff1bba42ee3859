"""What is read from a SQLite database, each read a plain function of a connection."""

from __future__ import annotations

import sqlite3
from collections.abc import Generator, Mapping, Sequence
from contextlib import contextmanager

from steno.core import JsonText, SagaCachedState, SagaId
from steno.store import Fence, ListQuery, LogEntry, SagaSummary, StoredSaga
from steno.stores._rows import events_from_rows, from_microseconds, summary_from_row

_SUMMARY = "saga_id, name, state, problem, created, progressed, ended"
_LOAD = f"""
    SELECT {_SUMMARY}, saga_key, current_sec, adopt_generation, digest, text, params
    FROM saga JOIN dag USING (dag_key) JOIN saga_params USING (saga_key) WHERE saga_id = ?
"""  # noqa: S608 - made of words of this file
_EVENTS = "SELECT seq, node_id, event_type, data FROM node_event WHERE saga_key = ? ORDER BY seq"
_ENTRIES = """
    SELECT seq, node_id, event_type, data, time, creator
    FROM node_event JOIN saga USING (saga_key) WHERE saga_id = ? ORDER BY seq
"""
_FIRST = b""
"""Comes before every id."""


@contextmanager
def _snapshot(db: sqlite3.Connection) -> Generator[None, None, None]:
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
    with _snapshot(db):
        row = db.execute(_LOAD, (saga_id.bytes,)).fetchone()
        if row is None:
            return None
        summary = summary_from_row(row[:7])
        key, sec_name, generation, digest, text, params = row[7:]
        events = db.execute(_EVENTS, (key,))
        return StoredSaga(
            summary,
            Fence(sec_name, generation),
            digest,
            text,
            JsonText(params),
            events_from_rows(saga_id, events),
        )


def list_page(db: sqlite3.Connection, query: ListQuery) -> Sequence[SagaSummary]:
    """Return a page of the sagas."""
    if query.states is None:
        return [summary_from_row(row) for row in _page(db, query, None)]
    with _snapshot(db):
        rows = [row for state in set(query.states) for row in _page(db, query, state)]
    return [summary_from_row(row) for row in sorted(rows)[: query.limit]]


def _page(
    db: sqlite3.Connection, query: ListQuery, state: SagaCachedState | None
) -> sqlite3.Cursor:
    """Select a page of one state, or of all."""
    conditions: list[tuple[str, object]] = [
        ("saga_id > ?", _FIRST if query.marker is None else query.marker.bytes)
    ]
    if state is not None:
        conditions.append(("state = ?", state.value))
    if query.name is not None:
        conditions.append(("name = ?", query.name))
    index = "" if state is None else "INDEXED BY saga_state"
    where = " AND ".join(condition for condition, _ in conditions)
    return db.execute(
        f"SELECT {_SUMMARY} FROM saga {index} WHERE {where} ORDER BY saga_id LIMIT ?",  # noqa: S608 - as above
        (*(value for _, value in conditions), query.limit),
    )


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
