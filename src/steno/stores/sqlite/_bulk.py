"""
Orders to many sagas in a SQLite database, each a plain function of a connection.

What is damaged in a row is shown as it is in the list of sagas: a state as running, a time as the
epoch, an order by a description of what is there.
"""

from __future__ import annotations

import sqlite3
from collections import Counter
from collections.abc import Sequence
from typing import cast
from uuid import UUID

from steno.core import BulkOrderId, JsonText, SagaId, Timestamp
from steno.store import (
    BulkAdd,
    BulkAdvance,
    BulkCreate,
    BulkListQuery,
    BulkOutcome,
    BulkPruneQuery,
    BulkRow,
    BulkSaga,
    BulkSagaQuery,
    BulkState,
    BulkSummary,
    BulkWrite,
    Fence,
    WriteOutcome,
    judge_bulk,
)
from steno.stores._step import shown
from steno.stores.sqlite._list import matching_ids
from steno.stores.sqlite._row import EPOCH, ID_BYTES, time_from
from steno.stores.sqlite._statement import SqliteValue, any_text, insert, of_any_text, snapshot

_FIND = """
    SELECT current_sec, generation, ordered, state, bulk_key FROM bulk_order WHERE bulk_id = ?
"""
# Only a damaged row has a key as large as this; if it were the largest, none could follow. Those of
# the other table may be of an order whose own row is lost.
_NEXT_KEY = """
    SELECT coalesce(max(bulk_key), 0) + 1 FROM (
        SELECT max(bulk_key) AS bulk_key FROM bulk_order WHERE bulk_key < 1 << 62
        UNION ALL SELECT max(bulk_key) FROM bulk_saga WHERE bulk_key < 1 << 62
    )
"""
_ADD = """
    INSERT INTO bulk_order
        (bulk_key, bulk_id, state, current_sec, generation, created, ordered)
    VALUES (?, ?, 'running', ?, ?, ?, ?)
"""
_SAGA = "bulk_saga (bulk_key, number, saga_id, outcome)"
_MARK = """
    UPDATE bulk_saga SET outcome = ?, why = ?
    WHERE bulk_key = ? AND number = ? AND outcome = 'waiting'
"""
_MOVE = "UPDATE bulk_order SET state = ?, ended = ? WHERE bulk_key = ?"
_TAKE_OVER = """
    UPDATE bulk_order SET generation = ?
    WHERE current_sec = ? AND state NOT IN ('done', 'cancelled')
"""
_LIST = f"""
    SELECT bulk_key, bulk_id, current_sec, generation, ordered, state, created, ended
    FROM bulk_order WHERE typeof(bulk_id) = 'blob' AND length(bulk_id) = {ID_BYTES}
"""  # noqa: S608 - made of words of this package
_COUNTS = "SELECT outcome, count(*) FROM bulk_saga WHERE bulk_key = ? GROUP BY outcome"
_SAGAS = f"""
    SELECT number, saga_id, outcome, why FROM bulk_saga
    WHERE bulk_key = (SELECT bulk_key FROM bulk_order WHERE bulk_id = ?) AND number > ?
        AND typeof(saga_id) = 'blob' AND length(saga_id) = {ID_BYTES}
"""  # noqa: S608 - as above
_PRUNABLE = f"""
    SELECT bulk_key, bulk_id FROM bulk_order
    WHERE state IN ('done', 'cancelled') AND typeof(ended) = 'integer' AND ended <= ?
        AND typeof(bulk_id) = 'blob' AND length(bulk_id) = {ID_BYTES}
"""  # noqa: S608 - as above

_STATES = {state.value: state for state in BulkState}
_OUTCOMES = {outcome.value: outcome for outcome in BulkOutcome}


def _text(value: object) -> str:
    return value if isinstance(value, str) else shown(value)


def _fence(sec_name: object, generation: object) -> Fence:
    return Fence(_text(sec_name), generation if isinstance(generation, int) else -1)


# Writes, within a transaction of the writer


def write_bulk(db: sqlite3.Connection, write: BulkWrite, now: Timestamp) -> WriteOutcome:
    """Create an order, or note what became of it."""
    with any_text(db):
        found = db.execute(_FIND, (write.bulk_id.bytes,)).fetchone()
    row, key = None, 0
    if found is not None:
        *fence, order, state, key = found
        row = BulkRow(_fence(*fence), JsonText(_text(order)), _STATES.get(state))
    outcome, change = judge_bulk(row, write)
    match change:
        case BulkAdd(create=create):
            _add(db, create, now)
        case BulkAdvance(marks=marks, state=state):
            db.executemany(_MARK, [(m.outcome.value, m.why, key, m.number) for m in marks])
            if state is not None:
                db.execute(_MOVE, (state.value, now if state.ended else None, key))
        case _:
            pass
    return outcome


def _add(db: sqlite3.Connection, create: BulkCreate, now: Timestamp) -> None:
    ((key,),) = db.execute(_NEXT_KEY)
    fence, bulk_id = create.fence, create.bulk_id.bytes
    row = (key, bulk_id, fence.sec_name, fence.generation, now, create.order)
    db.execute(_ADD, row)
    first = 0
    for page in matching_ids(db, create.sagas):
        # The driver binds a bytearray five times as fast as bytes.
        rows = [(key, first + n, bytearray(each), "waiting") for n, each in enumerate(page)]
        insert(db, _SAGA, rows)
        first += len(page)


def take_over_bulk(db: sqlite3.Connection, fence: Fence) -> None:
    """Give the orders of a SEC that have not ended the fence of its new life."""
    db.execute(_TAKE_OVER, (fence.generation, fence.sec_name))


def prune_bulk(
    db: sqlite3.Connection, query: BulkPruneQuery, until: Timestamp
) -> Sequence[BulkOrderId]:
    """
    Delete some orders that have ended, with what is noted of their sagas, and return which.

    Args:
        db: Where a transaction has begun.
        query: Which orders.
        until: The last microsecond at which they may have ended.
    """
    values: list[SqliteValue] = [until]
    of_sec = ""
    if query.sec_name is not None:
        of_sec = " AND current_sec = ?"
        values.append(query.sec_name)
    statement = f"{_PRUNABLE}{of_sec} ORDER BY ended, bulk_key LIMIT ?"
    pruned = db.execute(statement, (*values, query.limit)).fetchall()
    keys = [(key,) for key, _ in pruned]
    db.executemany("DELETE FROM bulk_saga WHERE bulk_key = ?", keys)
    db.executemany("DELETE FROM bulk_order WHERE bulk_key = ?", keys)
    return [BulkOrderId(UUID(bytes=bulk_id)) for _, bulk_id in pruned]


# Reads


@of_any_text
def list_bulk(db: sqlite3.Connection, query: BulkListQuery) -> Sequence[BulkSummary]:
    """Return a page of the orders, the newest first; all of them are looked at for a filter."""
    conditions: list[str] = []
    values: list[SqliteValue] = []
    for condition, value in (
        ("bulk_key < ?", query.marker),
        ("bulk_id = ?", None if query.bulk_id is None else query.bulk_id.bytes),
        ("current_sec = ?", query.sec_name),
    ):
        if value is not None:
            conditions.append(f" AND {condition}")
            values.append(value)
    statement = f"{_LIST}{''.join(conditions)} ORDER BY bulk_key DESC"
    found: list[BulkSummary] = []
    with snapshot(db):
        for row in db.execute(statement, values).fetchall():
            state = _STATES.get(row[5], BulkState.RUNNING)
            if query.states is None or state in query.states:
                found.append(_summary(db, row, state))
            if len(found) == query.limit:
                break
    return found


def _summary(db: sqlite3.Connection, row: tuple[object, ...], state: BulkState) -> BulkSummary:
    key, bulk_id, sec_name, generation, order, _, created, ended = row
    counts: Counter[BulkOutcome] = Counter()
    for outcome, count in db.execute(_COUNTS, (key,)).fetchall():
        counts[_OUTCOMES.get(outcome, BulkOutcome.FAILED)] += count
    return BulkSummary(
        BulkOrderId(UUID(bytes=cast("bytes", bulk_id))),
        cast("int", key),
        _fence(sec_name, generation),
        JsonText(_text(order)),
        state,
        time_from(created) or EPOCH,
        time_from(ended),
        counts,
    )


@of_any_text
def list_bulk_sagas(db: sqlite3.Connection, query: BulkSagaQuery) -> Sequence[BulkSaga]:
    """Return a page of the sagas of an order, in its order."""
    marker = -1 if query.marker is None else query.marker
    values: list[SqliteValue] = [query.bulk_id.bytes, marker]
    of_outcome = ""
    if query.outcome is not None:
        of_outcome = " AND outcome = ?"
        values.append(query.outcome.value)
    statement = f"{_SAGAS}{of_outcome} ORDER BY number LIMIT ?"
    rows = db.execute(statement, (*values, query.limit)).fetchall()
    return [_saga(*row) for row in rows]


def _saga(number: int, saga_id: bytes, word: object, why: object) -> BulkSaga:
    outcome = _OUTCOMES.get(cast("str", word))
    if outcome is None:
        outcome, why = BulkOutcome.FAILED, f"what is noted of it is damaged: {shown(word)}"
    text = None if why is None else _text(why)
    return BulkSaga(number, SagaId(UUID(bytes=saga_id)), outcome, text)
