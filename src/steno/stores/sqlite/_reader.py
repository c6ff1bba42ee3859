"""Reads of a SQLite database, each a plain function of a connection."""

from __future__ import annotations

import sqlite3
from collections.abc import Mapping, Sequence
from itertools import pairwise
from typing import cast

from steno.core import JsonText, SagaCachedState, SagaId
from steno.errors import RecoveryError
from steno.store import NO_TAGS, Fence, LogEntry, StoredSaga, from_timestamp
from steno.stores._step import events_from_rows, shown
from steno.stores.sqlite._row import (
    STEPS,
    SUMMARY,
    VALID_ID,
    SagaRow,
    summary_from_row,
)
from steno.stores.sqlite._statement import of_any_text, snapshot
from steno.stores.sqlite._tag import tags_of

_LOAD = f"""
    SELECT {SUMMARY}, digest, text, params
    FROM saga LEFT JOIN dag USING (dag_key) LEFT JOIN saga_params USING (saga_key)
    WHERE saga_id = ?
"""  # noqa: S608 - made of words of this package
_ENTRIES = """
    SELECT seq, time, events, creator FROM step JOIN saga USING (saga_key)
    WHERE saga_id = ? ORDER BY seq
"""
_COUNT = f"SELECT state, count(*) FROM saga WHERE {VALID_ID} GROUP BY state"  # noqa: S608 - as above


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
        *whole, digest, text, params = row
        key = whole[-1]
        # All at once: a cursor left open by an error would keep the connection in this snapshot.
        steps = db.execute(STEPS, (key,)).fetchall()
        tags = tags_of(db, [key]).get(key, NO_TAGS)
    summary = summary_from_row(cast("SagaRow", tuple(whole)), tags)
    if not all(isinstance(each, str) for each in (digest, text, params)):
        msg = f"saga {saga_id}: its graph or its params are missing, or are not text"
        raise RecoveryError(msg)
    sec_name, generation = whole[7:9]
    return StoredSaga(
        summary,
        Fence(sec_name, generation),
        digest,
        text,
        JsonText(params),
        events_from_rows(summary.saga_id, steps),  # one object: ids are compared often
    )


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
