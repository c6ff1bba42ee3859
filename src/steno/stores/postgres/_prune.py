"""What is deleted from a PostgreSQL database: sagas that have ended, and graphs only they had."""

from __future__ import annotations

from collections.abc import Sequence

from steno.core import SagaId
from steno.store import PruneQuery
from steno.stores.postgres._array import numbers, texts
from steno.stores.postgres._link import Db

_PRUNABLE = """
    SELECT saga_id, saga_key, dag_key FROM steno.saga
    WHERE state = ANY (%s::text[]) AND ended <= %s AND (%s::text IS NULL OR current_sec = %s)
    ORDER BY ended, saga_id LIMIT %s FOR UPDATE
"""
_DELETE = (
    "DELETE FROM steno.tag WHERE saga_key = ANY (%s::bigint[])",
    "DELETE FROM steno.step WHERE saga_key = ANY (%s::bigint[])",
    "DELETE FROM steno.saga_params WHERE saga_key = ANY (%s::bigint[])",
    "DELETE FROM steno.saga WHERE saga_key = ANY (%s::bigint[])",
)
# Locked first, and looked at by the next statement: a batch that creates a saga of the graph holds
# it until it commits.
_LOCK_GRAPHS = """
    SELECT dag_key FROM steno.dag WHERE dag_key = ANY (%s::bigint[]) ORDER BY dag_key FOR UPDATE
"""
_UNUSED = """
    DELETE FROM steno.dag WHERE dag_key = ANY (%s::bigint[])
        AND NOT EXISTS (SELECT FROM steno.saga WHERE saga.dag_key = dag.dag_key)
"""


def prune(db: Db, query: PruneQuery, until: int) -> Sequence[SagaId]:
    """
    Delete some finished sagas, the oldest first, and return which.

    Args:
        db: Where.
        query: Which sagas.
        until: The last microsecond at which they may have ended.
    """
    states = texts(sorted({state.value for state in query.states}))
    pruned: list[SagaId] = []
    graphs: set[int] = set()
    db.begin()
    # In rounds: rows that were waited for may be gone, and others have taken their places.
    while (left := query.limit - len(pruned)) > 0:
        condition = (states, until, query.sec_name, query.sec_name, left)
        found = db.execute(_PRUNABLE, condition).fetchall()
        if not found:
            break
        keys = numbers(row[1] for row in found)
        for delete in _DELETE:
            db.execute(delete, (keys,))
        pruned += [row[0] for row in found]
        graphs.update(row[2] for row in found)
    if graphs:
        dag_keys = numbers(graphs)
        db.execute(_LOCK_GRAPHS, (dag_keys,))
        db.execute(_UNUSED, (dag_keys,))
    db.commit()
    return pruned
