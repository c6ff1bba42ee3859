"""
Lists: pages of the sagas in a PostgreSQL database.

The server chooses the index, by what it has counted of the values: that of ids, of keys, of a
state, a name, a tag or a reason, whichever leaves the least to look at. A filter of times or of the
owner is a condition on the rows that come along, and so is a node or an error type.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from types import MappingProxyType
from typing import TypeAlias

from steno.core import Concern, SagaCachedState, SagaId, SagaName
from steno.store import (
    NO_TAGS,
    AttentionGroup,
    ListQuery,
    SagaSummary,
    SagaTimes,
    attention_groups,
    from_timestamp,
    to_timestamp,
)
from steno.stores._concern import CONCERN, ConcernColumns, concern_of
from steno.stores.postgres._array import texts
from steno.stores.postgres._link import Db

_LAST_KEY = 2**63 - 1

_PROGRESSED = """greatest(created, (
    SELECT time FROM steno.step WHERE step.saga_key = saga.saga_key ORDER BY seq DESC LIMIT 1
))"""

SUMMARY = f"""
    saga_id, name, state, problem, created, {_PROGRESSED}, ended, saga_key, {CONCERN}, (
        SELECT json_object_agg(key, value ORDER BY key) FROM steno.tag
        WHERE tag.saga_key = saga.saga_key
    )
"""  # noqa: S608 - made of words of this package
"""The columns that `summary_from_row` is given, of the table `saga`."""

_HAS_TAG = """EXISTS (
    SELECT FROM steno.tag
    WHERE tag.saga_key = saga.saga_key AND tag.key = %s AND tag.value = %s
)"""

SummaryRow: TypeAlias = tuple[
    *tuple[SagaId, str, str, str | None, int, int, int | None, int],
    *ConcernColumns,
    dict[str, str] | None,
]
"""The columns of `SUMMARY`; the types are those of the table."""

_Condition: TypeAlias = tuple[str, tuple[object, ...]]


def summary_from_row(row: SummaryRow) -> SagaSummary:
    """Return what a list shows of a saga."""
    saga_id, name, state, problem, created, progressed, ended, key, *concern, tags = row
    return SagaSummary(
        saga_id,
        SagaName(name),
        SagaCachedState(state),
        problem,
        SagaTimes(
            from_timestamp(created),
            from_timestamp(progressed),
            None if ended is None else from_timestamp(ended),
        ),
        NO_TAGS if tags is None else MappingProxyType(tags),
        key,
        concern_of(*concern),
    )


def list_page(db: Db, query: ListQuery) -> Sequence[SagaSummary]:
    """Return a page of the sagas."""
    matches, values, order = matching(query)
    # First the page, then what is shown of its sagas.
    statement = f"""
        SELECT {SUMMARY} FROM (
            SELECT * FROM steno.saga WHERE {matches} ORDER BY {order} LIMIT %s
        ) AS saga ORDER BY {order}
    """  # noqa: S608 - as above
    return [summary_from_row(row) for row in db.execute(statement, (*values, query.limit))]


def matching(query: ListQuery) -> tuple[str, tuple[object, ...], str]:
    """Return the condition of a list, the values of that, and its order."""
    order = "saga_key DESC" if query.newest_first else "saga_id"
    return *_matching([*_position(query), *_conditions(query)]), order


def count_attention(db: Db, query: ListQuery) -> Sequence[AttentionGroup]:
    """Count the sagas at which a person should look; no row of any other saga is read."""
    matches, values = _matching([("attention IS NOT NULL", ()), *_conditions(query)])
    columns = f"{CONCERN}, name"
    statement = f"SELECT {columns}, count(*) FROM steno.saga WHERE {matches} GROUP BY {columns}"  # noqa: S608 - as above
    found: Counter[tuple[SagaName, Concern]] = Counter()
    for *concern, name, count in db.execute(statement, values):
        if (known := concern_of(*concern)) is not None:
            found[SagaName(name), known] += count
    return attention_groups(found)


def _matching(conditions: Sequence[_Condition]) -> tuple[str, tuple[object, ...]]:
    text = " AND ".join(text for text, _ in conditions) or "true"
    return text, tuple(value for _, values in conditions for value in values)


def _position(query: ListQuery) -> Iterator[_Condition]:
    """Yield the condition that a row comes after the marker."""
    if query.after_id is not None:
        yield "saga_id > %s", (query.after_id,)
    if (number := query.after_number) is not None:
        # PostgreSQL has no integers beyond these.
        yield "saga_key < %s", (max(min(number, _LAST_KEY), -_LAST_KEY),)


def _conditions(query: ListQuery) -> Iterator[_Condition]:
    """Yield what all rows of a list fulfil."""
    if query.states is not None:
        yield _is_one_of("state", {state.value for state in query.states})
    for column, text in (
        ("name", query.name),
        ("current_sec", query.sec_name),
        ("attention_node", query.attention_node),
        ("error_type", query.error_type),
    ):
        if text is not None:
            yield f"{column} = %s", (text,)
    if query.reasons is not None:
        yield "attention IS NOT NULL", ()  # which the indexes of attention ask for
        yield _is_one_of("attention", {reason.value for reason in query.reasons})
    for tag in query.tags.items():
        yield _HAS_TAG, tag
    for time, since, until in (
        ("created", query.created_since, query.created_until),
        (_PROGRESSED, query.progressed_since, query.progressed_until),
        ("ended", query.ended_since, query.ended_until),
    ):
        if since is not None:
            yield f"{time} >= %s", (to_timestamp(since),)
        if until is not None:
            yield f"{time} < %s", (to_timestamp(until),)


def _is_one_of(column: str, words: set[str]) -> _Condition:
    """Return the condition that a column has one of these values."""
    # An index gives the rows of one value in the order of ids, but not those of several.
    if len(words) == 1:
        return f"{column} = %s", tuple(words)
    return f"{column} = ANY (%s::text[])", (texts(sorted(words)),)
