"""Orders to many sagas in a PostgreSQL database, each a plain function of a connection."""

from __future__ import annotations

from collections.abc import Sequence

import attrs

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
    from_timestamp,
    judge_bulk,
)
from steno.stores.postgres._array import numbers, texts
from steno.stores.postgres._link import Db
from steno.stores.postgres._list import matching

_FIND = """
    SELECT current_sec, generation, ordered, state, bulk_key FROM steno.bulk_order
    WHERE bulk_id = %s FOR UPDATE
"""
# If another SEC stores the same order at this moment, it is waited for, and has it.
_ADD = """
    INSERT INTO steno.bulk_order (bulk_id, state, current_sec, generation, created, ordered)
    VALUES (%s, 'running', %s, %s, %s, %s) RETURNING bulk_key
"""
_MARK = """
    UPDATE steno.bulk_saga SET outcome = marked.outcome, why = marked.why
    FROM (
        SELECT DISTINCT ON (number) * FROM unnest(%s::integer[], %s::text[], %s::text[])
            WITH ORDINALITY AS mark (number, outcome, why, place)
        ORDER BY number, place
    ) AS marked
    WHERE bulk_key = %s AND bulk_saga.number = marked.number AND bulk_saga.outcome = 'waiting'
"""
_MOVE = "UPDATE steno.bulk_order SET state = %s, ended = %s WHERE bulk_key = %s"
_TAKE_OVER = """
    UPDATE steno.bulk_order SET generation = %s WHERE current_sec = %s AND state = 'running'
"""
_LIST = """
    SELECT bulk_id, bulk_key, current_sec, generation, ordered, state, created, ended, (
        SELECT json_object_agg(outcome, count) FROM (
            SELECT outcome, count(*) FROM steno.bulk_saga
            WHERE bulk_saga.bulk_key = bulk_order.bulk_key GROUP BY outcome
        ) AS counted
    ) FROM steno.bulk_order
    WHERE (%s::bigint IS NULL OR bulk_key < %s) AND (%s::uuid IS NULL OR bulk_id = %s)
        AND (%s::text[] IS NULL OR state = ANY (%s)) AND (%s::text IS NULL OR current_sec = %s)
    ORDER BY bulk_key DESC LIMIT %s
"""
_SAGAS = """
    SELECT number, saga_id, outcome, why FROM steno.bulk_saga
    WHERE bulk_key = (SELECT bulk_key FROM steno.bulk_order WHERE bulk_id = %s) AND number > %s
        AND (%s::text IS NULL OR outcome = %s)
    ORDER BY number LIMIT %s
"""
_PRUNABLE = """
    SELECT bulk_key, bulk_id FROM steno.bulk_order
    WHERE ended <= %s AND (%s::text IS NULL OR current_sec = %s)
    ORDER BY ended, bulk_key LIMIT %s FOR UPDATE
"""
_DELETE = (
    "DELETE FROM steno.bulk_saga WHERE bulk_key = ANY (%s::bigint[])",
    "DELETE FROM steno.bulk_order WHERE bulk_key = ANY (%s::bigint[])",
)


# Writes


def write_bulk(db: Db, write: BulkWrite, now: Timestamp) -> WriteOutcome:
    """Create an order, or note what became of it."""
    db.begin()
    found = db.execute(_FIND, (write.bulk_id,)).fetchone()
    row, key = None, 0
    if found is not None:
        sec_name, generation, order, state, key = found
        row = BulkRow(Fence(sec_name, generation), JsonText(order), BulkState(state))
    outcome, change = judge_bulk(row, write)
    match change:
        case BulkAdd(create=create):
            _add(db, create, now)
        case BulkAdvance(marks=marks, state=state):
            if marks:
                words = texts(mark.outcome.value for mark in marks)
                which, why = numbers(m.number for m in marks), texts(m.why for m in marks)
                db.execute(_MARK, (which, words, why, key))
            if state is not None:
                db.execute(_MOVE, (state.value, now if state.ended else None, key))
        case _:
            pass
    db.commit()
    return outcome


def _add(db: Db, create: BulkCreate, now: Timestamp) -> None:
    fence = create.fence
    row = (create.bulk_id, fence.sec_name, fence.generation, now, create.order)
    (key,) = db.execute(_ADD, row).fetchone() or (0,)
    matches, values, order = matching(attrs.evolve(create.sagas, marker=None))
    # The server need not send them here to be sent back.
    statement = f"""
        INSERT INTO steno.bulk_saga (bulk_key, number, saga_id, outcome)
        SELECT %s, row_number() OVER (ORDER BY {order}) - 1, saga_id, 'waiting'
        FROM steno.saga WHERE {matches}
    """  # noqa: S608 - made of words of this package
    db.execute(statement, (key, *values))


def take_over_bulk(db: Db, fence: Fence) -> None:
    """Give the orders of a SEC that have not ended the fence of its new life."""
    db.execute(_TAKE_OVER, (fence.generation, fence.sec_name))


def prune_bulk(db: Db, query: BulkPruneQuery, until: Timestamp) -> Sequence[BulkOrderId]:
    """
    Delete some orders that have ended, with what is noted of their sagas, and return which.

    Args:
        db: Where.
        query: Which orders.
        until: The last microsecond at which they may have ended.
    """
    db.begin()
    condition = (until, query.sec_name, query.sec_name, query.limit)
    pruned = db.execute(_PRUNABLE, condition).fetchall()
    for delete in _DELETE:
        db.execute(delete, (numbers(key for key, _ in pruned),))
    db.commit()
    return [BulkOrderId(bulk_id) for _, bulk_id in pruned]


# Reads


def list_bulk(db: Db, query: BulkListQuery) -> Sequence[BulkSummary]:
    """Return a page of the orders, the newest first; all of them are looked at for a filter."""
    states = None if query.states is None else texts(state.value for state in query.states)
    given = (query.marker, query.bulk_id, states, query.sec_name)
    values = tuple(value for value in given for _ in range(2))
    return [_summary(*row) for row in db.execute(_LIST, (*values, query.limit))]


def _summary(  # noqa: PLR0917 - the columns of `_LIST`
    bulk_id: BulkOrderId,
    key: int,
    sec_name: str,
    generation: int,
    order: str,
    state: str,
    created: int,
    ended: int | None,
    counts: dict[str, int] | None,
) -> BulkSummary:
    return BulkSummary(
        bulk_id,
        key,
        Fence(sec_name, generation),
        JsonText(order),
        BulkState(state),
        from_timestamp(created),
        None if ended is None else from_timestamp(ended),
        {BulkOutcome(outcome): count for outcome, count in (counts or {}).items()},
    )


def list_bulk_sagas(db: Db, query: BulkSagaQuery) -> Sequence[BulkSaga]:
    """Return a page of the sagas of an order, in its order."""
    marker = -1 if query.marker is None else query.marker
    outcome = None if query.outcome is None else query.outcome.value
    rows = db.execute(_SAGAS, (query.bulk_id, marker, outcome, outcome, query.limit))
    return [
        BulkSaga(number, SagaId(saga_id), BulkOutcome(word), why)
        for number, saga_id, word, why in rows
    ]
