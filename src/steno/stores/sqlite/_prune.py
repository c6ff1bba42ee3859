"""
What is deleted from a SQLite database: sagas that have ended, and the graphs that only they had.

A row is deleted only if its id, its SEC, its state and its end are sound, so that nothing is
deleted too early; other damage in such a row is deleted with it.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence
from uuid import UUID

from steno.core import EARLIEST, SagaId
from steno.store import PruneQuery
from steno.stores.sqlite._row import VALID_ID
from steno.stores.sqlite._statement import any_text

# A loose index scan: one seek for each SEC, where DISTINCT would read all finished sagas.
_OWNERS = """
    WITH RECURSIVE owner (name) AS (
        SELECT min(current_sec) FROM saga WHERE ended IS NOT NULL AND state <> 'stuck'
        UNION ALL
        SELECT (
            SELECT min(current_sec) FROM saga
            WHERE current_sec > owner.name AND ended IS NOT NULL AND state <> 'stuck'
        ) FROM owner WHERE owner.name IS NOT NULL
    )
    SELECT name FROM owner WHERE name IS NOT NULL
"""
# The conditions on `ended` and `state` that seem redundant are those of the partial index: without
# them SQLite may not use it.
_PRUNABLE = f"""
    SELECT ended, saga_id, saga_key, dag_key FROM saga INDEXED BY saga_by_end
    WHERE current_sec = ? AND state = ? AND ended BETWEEN {EARLIEST} AND ? AND ended IS NOT NULL
        AND state <> 'stuck' AND typeof(ended) = 'integer' AND {VALID_ID}
    ORDER BY ended, saga_id LIMIT ?
"""  # noqa: S608 - made of words of this package
_DELETE = (
    "DELETE FROM tag WHERE saga_key = ?",
    "DELETE FROM step WHERE saga_key = ?",
    "DELETE FROM saga_params WHERE saga_key = ?",
    "DELETE FROM saga WHERE saga_key = ?",
)
_UNUSED = """
    DELETE FROM dag
    WHERE dag_key = ? AND NOT EXISTS (SELECT 1 FROM saga WHERE saga.dag_key = dag.dag_key)
"""


def prune(db: sqlite3.Connection, query: PruneQuery, until: int) -> Sequence[SagaId]:
    """
    Delete some finished sagas, the oldest first, and return which.

    Args:
        db: Where a transaction has begun.
        query: Which sagas.
        until: The last microsecond at which they may have ended.
    """
    found: list[tuple[int, bytes, int, int]] = []
    with any_text(db):
        owners = [(query.sec_name,)] if query.sec_name is not None else db.execute(_OWNERS)
        for (owner,) in owners:
            if not isinstance(owner, str):
                continue
            # One state at a time, for that is the order of the index; the oldest of all of them
            # are among the oldest of each.
            for state in set(query.states):
                condition = (owner, state.value, until, query.limit)
                found += db.execute(_PRUNABLE, condition)
    pruned = sorted(found)[: query.limit]
    keys = [(key,) for *_, key, _ in pruned]
    for delete in _DELETE:
        db.executemany(delete, keys)
    db.executemany(_UNUSED, {(dag_key,) for *_, dag_key in pruned})
    return [SagaId(UUID(bytes=saga_id)) for _, saga_id, *_ in pruned]
