"""Reads of a SQLite database, each a plain function of a connection."""

from __future__ import annotations

import operator
import sqlite3
from collections.abc import Mapping, Sequence
from itertools import pairwise
from typing import cast

import attrs

from steno.core import JsonText, SagaCachedState, SagaId
from steno.errors import RecoveryError
from steno.store import Fence, ListQuery, LogEntry, SagaSummary, StoredSaga, from_timestamp
from steno.stores.sqlite._error import is_corrupt
from steno.stores.sqlite._row import (
    ID_BYTES,
    PROGRESSED,
    STEPS,
    SUMMARY,
    UNDATED_SUMMARY,
    VALID_ID,
    SagaRow,
    events_from_rows,
    listed_from_row,
    shown,
    summary_from_row,
)
from steno.stores.sqlite._statement import of_any_text, snapshot

_LOAD = f"""
    SELECT {SUMMARY}, saga_key, digest, text, params
    FROM saga LEFT JOIN dag USING (dag_key) LEFT JOIN saga_params USING (saga_key)
    WHERE saga_id = ?
"""  # noqa: S608 - made of words of this package
_ENTRIES = """
    SELECT seq, time, events, creator FROM step JOIN saga USING (saga_key)
    WHERE saga_id = ? ORDER BY seq
"""
_PROGRESSED = f"SELECT {PROGRESSED} FROM saga WHERE saga_id = ?"  # noqa: S608 - as above
_COUNT = f"SELECT state, count(*) FROM saga WHERE {VALID_ID} GROUP BY state"  # noqa: S608 - as above
_FIRST = b""
"""Comes before every id."""


def _of_no_state() -> Sequence[str]:
    """
    Return conditions such that one is true of each damaged state.

    Each is a range of an index, between the words of two states, where nothing should be found.
    """
    words = sorted(state.value for state in SagaCachedState)
    between = (f"state > '{low}' AND state < '{high}'" for low, high in pairwise(words))
    return "state IS (SELECT NULL)", f"state < '{words[0]}'", *between, f"state > '{words[-1]}'"


@attrs.frozen
class _Pages:
    """
    The statements that give a page of a list.

    Attributes:
        all: Of all sagas; takes the id before it and a limit.
        state: Of those in one state; takes the state as well.
        name: Of those of one name in one state; takes the name as well.
        no_state: Of those whose state is damaged; each takes the id only.
    """

    all: str
    state: str
    name: str
    no_state: Sequence[str]


def _pages(columns: str) -> _Pages:
    # An id is larger than the first, and so a blob: anything else is smaller than all blobs.
    after = f"saga_id > ? AND length(saga_id) = {ID_BYTES}"
    page = f"{after} ORDER BY saga_id LIMIT ?"
    select, by = f"SELECT {columns} FROM saga", "INDEXED BY saga_by_"  # noqa: S608 - as above
    return _Pages(
        all=f"{select} WHERE {page}",
        state=f"{select} {by}state WHERE state = ? AND {page}",
        name=f"{select} {by}name WHERE name = ? AND state = ? AND {page}",
        no_state=[f"{select} {by}state WHERE {none} AND {after}" for none in _of_no_state()],
    )


_PAGES = _pages(SUMMARY)
_UNDATED_PAGES = _pages(UNDATED_SUMMARY)
"""The same, without looking at steps."""


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
        # All at once: a cursor left open by an error would keep the connection in this snapshot.
        steps = db.execute(STEPS, (key,)).fetchall()
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
        events_from_rows(summary.saga_id, steps),  # one object: ids are compared often
    )


@of_any_text
def list_page(db: sqlite3.Connection, query: ListQuery) -> Sequence[SagaSummary]:
    """Return a page of the sagas; of one whose row is damaged, what can be read of it."""
    try:
        rows = _page(db, query, _PAGES)
    except sqlite3.DatabaseError as error:
        if not is_corrupt(error):
            raise
        # Where a page of the file that holds steps is damaged, its sagas are listed all the same.
        rows = [_dated(db, row) for row in _page(db, query, _UNDATED_PAGES)]
    return [listed_from_row(row) for row in rows]


def _page(db: sqlite3.Connection, query: ListQuery, pages: _Pages) -> Sequence[SagaRow]:
    after = _FIRST if query.marker is None else query.marker.bytes
    if query.states is None and query.name is None:
        return db.execute(pages.all, (after, query.limit)).fetchall()
    # A page of each state, each from an index, then the first of them all: no other row is read.
    states = set(SagaCachedState if query.states is None else query.states)
    statement, name = (pages.state, ()) if query.name is None else (pages.name, (query.name,))
    found: list[SagaRow] = []
    # One snapshot: a saga that changes its state between two queries would be found twice, or not
    # at all.
    with snapshot(db):
        for state in states:
            found += db.execute(statement, (*name, state.value, after, query.limit))
        if SagaCachedState.RUNNING in states:
            found += _of_damaged_state(db, query, pages, after)
    found.sort(key=operator.itemgetter(0))
    return found[: query.limit]


def _of_damaged_state(
    db: sqlite3.Connection, query: ListQuery, pages: _Pages, after: bytes
) -> list[SagaRow]:
    """Return the rows whose state is damaged, and is shown as running."""
    found: dict[bytes, SagaRow] = {}  # SQLite may find NULL, which is not allowed there, twice
    for page in pages.no_state:
        rows = db.execute(page, (after,)).fetchall()
        found |= {row[0]: row for row in rows if query.name in {None, row[1]}}
    return list(found.values())


def _dated(db: sqlite3.Connection, row: SagaRow) -> SagaRow:
    """Return a row with the time of its last step, or with why that cannot be read."""
    progressed: object
    try:
        ((progressed,),) = db.execute(_PROGRESSED, (row[0],)).fetchall()
    except sqlite3.DatabaseError as error:
        progressed = str(error)  # not a time, so it is shown as a damaged value
    return cast("SagaRow", (*row[:5], progressed, *row[6:]))


@of_any_text
def entries(db: sqlite3.Connection, saga_id: SagaId) -> Sequence[LogEntry]:
    """
    Return the log of a saga, with times and creators.

    Raises:
        RecoveryError: What is stored cannot be read.
    """
    rows = db.execute(_ENTRIES, (saga_id.bytes,)).fetchall()
    events = events_from_rows(saga_id, (row[:3] for row in rows))
    found: list[LogEntry] = []
    # The extra row at the end stands for the step that would follow, and says where the last ends.
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
