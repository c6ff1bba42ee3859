"""
Lists: pages of the sagas in a SQLite database.

Theory of operation. An index that has the order of the list gives a page and reads no more rows
than that: in the order of ids, one of all sagas, of a state, of a name, or of a reason to look at
them; with the newest first, the table itself, whose keys rise with each creation, or the index of a
reason or of a tag. All other filters are conditions on the rows that come along: the page costs as
many rows as are looked at until it is full.

That would be all rows where few match, so the other indexes are asked first. If one of them shows
that no more than `FEW` sagas can match, those are looked at and sorted, and no others.

A damaged state, or time, is filtered as it is shown.
"""

from __future__ import annotations

import json
import sqlite3
from collections import Counter
from collections.abc import Collection, Iterator, Sequence
from itertools import chain, pairwise
from typing import TypeAlias, cast
from uuid import UUID

import attrs

from steno.core import EARLIEST, LATEST, Attention, Concern, SagaCachedState, SagaId, SagaName
from steno.store import (
    NO_TAGS,
    AttentionGroup,
    ListQuery,
    SagaSummary,
    attention_groups,
    to_timestamp,
)
from steno.stores._concern import CONCERN, concern_of
from steno.stores._step import shown
from steno.stores.sqlite._error import is_corrupt
from steno.stores.sqlite._row import (
    PROGRESSED,
    SUMMARY,
    UNDATED_SUMMARY,
    VALID_ID,
    SagaRow,
    listed_from_row,
)
from steno.stores.sqlite._statement import SqliteValue, of_any_text, snapshot
from steno.stores.sqlite._tag import tags_of

FEW = 1000
"""How many sagas are looked at and sorted for a page, at most."""

_FIRST_ID = b""
"""Comes before every id."""

_LAST_KEY = 2**63 - 1

_Values: TypeAlias = tuple[SqliteValue, ...]


@attrs.frozen
class _Source:
    """
    Where the rows of a page are found.

    Attributes:
        text: A table and a condition, for which there is an index.
        values: What the condition is given.
        key: The column that holds the key of a saga.
        ordered: Whether the index has the order of the list, so that the first rows will do.
    """

    text: str
    values: _Values = ()
    key: str = attrs.field(default="saga.saga_key", kw_only=True)
    ordered: bool = attrs.field(default=True, kw_only=True)


_BY_STATE = "saga INDEXED BY saga_by_state WHERE"
_BY_NAME = "saga INDEXED BY saga_by_name WHERE"
_BY_TAG = "tag INDEXED BY tag_by_value"
_BY_ATTENTION = "saga INDEXED BY saga_by_attention WHERE attention = ?"
_BY_NEW_ATTENTION = "saga INDEXED BY saga_by_new_attention WHERE attention = ?"
_BY_CONCERN = "saga INDEXED BY saga_by_concern WHERE attention = ?"
# NOT INDEXED leaves only the key to search by, whatever an operator's ANALYZE has counted.
_SOME = "saga NOT INDEXED WHERE saga_key IN (SELECT value FROM json_each(?))"
_BY_KEY = _Source("saga NOT INDEXED WHERE true")
_BY_ID = _Source("saga WHERE true")
_PROGRESSED_OF = f"SELECT {PROGRESSED} FROM saga WHERE saga_id = ?"  # noqa: S608 - made of words of this package
_WORDS = sorted(state.value for state in SagaCachedState)


def _of_no_state() -> Sequence[str]:
    """
    Return conditions such that one is true of each damaged state.

    Each is a range of an index, between the words of two states, where nothing should be found.
    """
    between = (f"state > '{low}' AND state < '{high}'" for low, high in pairwise(_WORDS))
    return "state IS (SELECT NULL)", f"state < '{_WORDS[0]}'", *between, f"state > '{_WORDS[-1]}'"


_OF_NO_STATE = [_Source(f"{_BY_STATE} {none}", ordered=False) for none in _of_no_state()]


@of_any_text
def list_page(db: sqlite3.Connection, query: ListQuery) -> Sequence[SagaSummary]:
    """Return a page of the sagas; of one whose row is damaged, what can be read of it."""
    if _lets_nothing_through(query):
        return ()
    # One snapshot: a saga that changes its state between two statements would be found twice, or
    # not at all.
    with snapshot(db):
        try:
            rows = _page(db, query, SUMMARY)
        except sqlite3.DatabaseError as error:
            if not is_corrupt(error):
                raise
            # Where a page of the file that holds steps is damaged, its sagas are listed all the
            # same, unless the list is of when they progressed.
            rows = [_dated(db, row) for row in _page(db, query, UNDATED_SUMMARY)]
        tags = tags_of(db, [row[-1] for row in rows])
    return [listed_from_row(row, tags.get(row[-1], NO_TAGS)) for row in rows]


@of_any_text
def count_attention(db: sqlite3.Connection, query: ListQuery) -> Sequence[AttentionGroup]:
    """Count the sagas at which a person should look; no row of any other saga is read."""
    found: Counter[tuple[SagaName, Concern]] = Counter()
    if _lets_nothing_through(query):
        return ()
    matches, values = _conditions(query)
    columns = f"{CONCERN}, name"
    statement = f"SELECT {columns}, count(*) FROM {_BY_CONCERN} AND {matches} GROUP BY {columns}"  # noqa: S608 - as above
    with snapshot(db):
        # One reason after the other: so the groups come in the order of the index, and no row has
        # to be sorted.
        for reason in Attention if query.reasons is None else set(query.reasons):
            for *concern, name, count in db.execute(statement, (reason.value, *values)):
                if (known := concern_of(*concern)) is not None:
                    found[SagaName(name if isinstance(name, str) else shown(name)), known] += count
    return attention_groups(found)


def matching_ids(db: sqlite3.Connection, query: ListQuery) -> Iterator[Sequence[bytes]]:
    """Yield the ids of all sagas of a list, page by page; the caller is in a transaction."""
    if _lets_nothing_through(query):
        return
    query = attrs.evolve(query, marker=None, limit=FEW)
    while page := _page(db, query, "saga_id, saga.saga_key"):
        yield [row[0] for row in page]
        last_id, *_, last_key = page[-1]
        marker = last_key if query.newest_first else SagaId(UUID(bytes=last_id))
        query = attrs.evolve(query, marker=marker)


def _lets_nothing_through(query: ListQuery) -> bool:
    """Return True for an empty list of states or reasons, for which SQLite may have no plan."""
    return any(choice is not None and not choice for choice in (query.states, query.attention))


def _dated(db: sqlite3.Connection, row: SagaRow) -> SagaRow:
    """Return a row with the time of its last step, or with why that cannot be read."""
    progressed: object
    try:
        ((progressed,),) = db.execute(_PROGRESSED_OF, (row[0],)).fetchall()
    except sqlite3.DatabaseError as error:
        progressed = str(error)  # not a time, so it is shown as a damaged value
    return cast("SagaRow", (*row[:5], progressed, *row[6:]))


def _page(db: sqlite3.Connection, query: ListQuery, columns: str) -> list[SagaRow]:
    """Return the rows of a page: the first of those that come from each source."""
    matches, values = _conditions(query)
    marker = _marker(query)
    found: dict[bytes, SagaRow] = {}  # SQLite may find NULL, which is not allowed there, twice
    for source in _sources(db, query):
        after, end = _position(query, source)
        statement = f"SELECT {columns} FROM {source.text} AND {after} AND {matches}{end}"  # noqa: S608 - as above
        limit = (query.limit,) if source.ordered else ()
        rows = db.execute(statement, (*source.values, marker, *values, *limit)).fetchall()
        found |= {row[0]: row for row in rows}
    if query.newest_first:
        page = sorted(found.values(), key=lambda row: row[-1], reverse=True)
    else:
        page = sorted(found.values(), key=lambda row: row[0])
    return page[: query.limit]


def _marker(query: ListQuery) -> SqliteValue:
    if query.newest_first:
        number = query.after_number
        # SQLite has no integers beyond these.
        return _LAST_KEY if number is None else max(min(number, _LAST_KEY), -_LAST_KEY - 1)
    return _FIRST_ID if query.after_id is None else query.after_id.bytes


def _position(query: ListQuery, source: _Source) -> tuple[str, str]:
    """Return the condition that a row comes after the marker, and the end of a statement."""
    column, is_after, order = "saga_id", "> ?", ""
    if query.newest_first:
        is_after = "<= ?" if query.after_number is None else "< ?"
        column, order = source.key, " DESC"
    if source.ordered:
        return f"{column} {is_after}", f" ORDER BY {column}{order} LIMIT ?"
    # The sign keeps SQLite from searching by this instead of what the source is for.
    return f"+{column} {is_after}", ""


# Where to look


def _sources(db: sqlite3.Connection, query: ListQuery) -> Sequence[_Source]:
    """Return sources that together have all rows of a page."""
    if (keys := _few(db, query)) is not None:
        return [_Source(_SOME, (json.dumps(keys),), ordered=False)]
    if query.reasons is not None:
        text = _BY_NEW_ATTENTION if query.newest_first else _BY_ATTENTION
        return [_Source(text, (reason.value,)) for reason in set(query.reasons)]
    if query.newest_first:
        if not query.tags:
            return [_BY_KEY]
        tagged = f"{_BY_TAG} CROSS JOIN saga USING (saga_key) WHERE key = ? AND value = ?"
        return [_Source(tagged, next(iter(query.tags.items())), key="tag.saga_key")]
    if query.states is None and query.name is None:
        return [_BY_ID]
    # A page of each state, each from an index, then the first of them all: no other row is read.
    return _by_states(query)


def _by_states(query: ListQuery) -> Sequence[_Source]:
    """Return sources by state, or by name and state; a damaged state is shown as running."""
    states = set(SagaCachedState if query.states is None else query.states)
    if query.name is None:
        found = [_Source(f"{_BY_STATE} state = ?", (state.value,)) for state in states]
    else:
        named = f"{_BY_NAME} name = ? AND state = ?"
        found = [_Source(named, (query.name, state.value)) for state in states]
    return [*found, *_OF_NO_STATE] if SagaCachedState.RUNNING in states else found


def _few(db: sqlite3.Connection, query: ListQuery) -> list[int] | None:
    """Return the keys of all sagas that can match, if an index shows that they are few."""
    for sources in _selective(query):
        keys: list[int] = []
        for source in sources:
            statement = f"SELECT saga_key FROM {source.text} LIMIT ?"  # noqa: S608 - as above
            more = db.execute(statement, (*source.values, FEW + 1 - len(keys)))
            keys += [key for (key,) in more]
            if len(keys) > FEW:
                break
        else:
            return keys
    return None


def _selective(query: ListQuery) -> Iterator[Sequence[_Source]]:
    """Yield sources without the order of the list, each time those of all sagas that can match."""
    for tag in query.tags.items():
        yield [_Source(f"{_BY_TAG} WHERE key = ? AND value = ?", tag)]
    if query.reasons is not None:
        yield _by_concern(query)
    if query.newest_first and not (query.states is None and query.name is None):
        yield _by_states(query)


def _by_concern(query: ListQuery) -> Sequence[_Source]:
    """Return sources of the sagas at which a person should look, where and why that is asked."""
    given = {"attention_node": query.attention_node, "error_type": query.error_type}
    known = {column: value for column, value in given.items() if value is not None}
    text = " AND ".join([_BY_CONCERN, *(f"{column} = ?" for column in known)])
    return [_Source(text, (reason.value, *known.values())) for reason in set(query.reasons or ())]


# What matches

_HAS_TAG = """EXISTS (
    SELECT 1 FROM tag AS own WHERE own.saga_key = saga.saga_key AND own.key = ? AND own.value = ?
)"""


def _time_of(column: str, otherwise: str) -> str:
    """Return the expression of a time, or of what is shown instead if it is damaged."""
    is_sound = f"typeof({column}) = 'integer' AND {column} BETWEEN {EARLIEST} AND {LATEST}"
    return f"CASE WHEN {is_sound} THEN {column} ELSE {otherwise} END"


_CREATED = _time_of("created", "0")
_PROGRESSED = (
    f"max({_CREATED}, coalesce((SELECT {_time_of('time', 'NULL')} FROM step"  # noqa: S608 - as above
    f" WHERE step.saga_key = saga.saga_key ORDER BY seq DESC LIMIT 1), {EARLIEST}))"
)
_ENDED = _time_of("ended", "NULL")


def _conditions(query: ListQuery) -> tuple[str, _Values]:
    """
    Return what all rows of a list fulfil, and the values of that.

    The signs keep SQLite from searching by these conditions: that is for the source.
    """
    conditions: list[tuple[str, _Values]] = [(VALID_ID, ())]
    if query.states is not None:
        conditions.append(_in_states(query.states))
    for column, text in (
        ("name", query.name),
        ("current_sec", query.sec_name),
        ("attention_node", query.attention_node),
        ("error_type", query.error_type),
    ):
        if text is not None:
            conditions.append((f"+{column} = ?", (text,)))
    if query.reasons is not None:
        words = sorted(reason.value for reason in query.reasons)
        conditions.append((f"+attention IN ({', '.join('?' * len(words))})", tuple(words)))
    conditions += [(_HAS_TAG, tag) for tag in query.tags.items()]
    for time, since, until in (
        (_CREATED, query.created_since, query.created_until),
        (_PROGRESSED, query.progressed_since, query.progressed_until),
        (_ENDED, query.ended_since, query.ended_until),
    ):
        if since is not None:
            conditions.append((f"{time} >= ?", (to_timestamp(since),)))
        if until is not None:
            conditions.append((f"{time} < ?", (to_timestamp(until),)))
    values = chain.from_iterable(given for _, given in conditions)
    return " AND ".join(text for text, _ in conditions), tuple(values)


def _in_states(states: Collection[SagaCachedState]) -> tuple[str, _Values]:
    words = sorted({state.value for state in states})
    text = f"+state IN ({', '.join('?' * len(words))})"
    if SagaCachedState.RUNNING in states:
        known = ", ".join(f"'{word}'" for word in _WORDS)
        text = f"({text} OR +state IS NULL OR +state NOT IN ({known}))"
    return text, tuple(words)
