"""
Sagas that are loaded at the same time, by two queries for many of them.

Each query gives one row, which has what it found as JSON: the driver gives the GIL away several
times for each row that it fetches, and it is wanted by whoever goes on with what is loaded. JSON
tells numbers, texts and NULL apart. Whatever is not as it should be, or is long, is left out: it is
for `load`, which says of each saga what is wrong with it.
"""

from __future__ import annotations

import json
import sqlite3
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from contextlib import suppress
from typing import TypeAlias, cast

import attrs

from steno.core import JsonText, SagaId
from steno.errors import RecoveryError
from steno.store import Fence, StoredSaga
from steno.stores._rows import EventRow, SagaRow, events_from_rows, summary_from_row
from steno.stores._sqlite_reader import snapshot
from steno.stores._sqlite_values import LONG, SqliteValue, Statement

SAGAS = 256
"""How many sagas are loaded at once at most; a power of two."""

EVENTS = 5_000
"""How many events of them are loaded at once, at most."""

_ROWS = Statement(
    """
    SELECT json_group_array(json_array(
        column1, name, state, problem, created, progressed, ended,
        current_sec, adopt_generation, events, dag_key,
        saga_key, iif(length(params) >= ?, NULL, params)
    ))
    FROM (VALUES) CROSS JOIN saga ON saga_id = column2 LEFT JOIN saga_params USING (saga_key)
    """,
    width=2,
)
_GRAPHS = Statement(
    "SELECT dag_key, digest, text FROM (VALUES) CROSS JOIN dag ON dag_key = column1", width=1
)
_EVENTS = Statement(
    """
    SELECT json_group_array(saga_key), json_group_array(seq), json_group_array(node_id),
        json_group_array(event_type), json_group_array(iif(length(data) >= ?, 0, data))
    FROM (VALUES) CROSS JOIN node_event ON saga_key = column1 WHERE column1 <> 0
    """,
    width=1,
)

_Values: TypeAlias = tuple[
    int, str, str, str | None, int, int, int | None, str, int, int, int, int, object
]
"""What `_ROWS` has of a saga, unless the row is damaged."""

_Found: TypeAlias = dict[SagaId, StoredSaga | None]


@attrs.frozen
class _Row:
    """The row of a saga, and what other tables have of it besides events."""

    saga_id: SagaId
    summary: SagaRow
    key: int
    size: int
    fence: Fence
    digest: str
    text: JsonText
    params: JsonText


def load_many(db: sqlite3.Connection, saga_ids: Sequence[SagaId]) -> _Found:
    """
    Return all that is stored of sagas; None for one that is not there.

    One that is not among them is to be loaded by itself.
    """
    found: _Found = {}
    distinct = list(dict.fromkeys(saga_ids))
    for start in range(0, len(distinct), SAGAS):
        # What can be no JSON keeps those that are asked for with it from being read too.
        with suppress(sqlite3.Error, ValueError, TypeError), snapshot(db):
            found |= _load(db, distinct[start : start + SAGAS])
    return found


def _load(db: sqlite3.Connection, saga_ids: Sequence[SagaId]) -> _Found:
    found: _Found = dict.fromkeys(saga_ids)
    complete: list[_Row] = []
    for saga_id, row in _rows(db, saga_ids):
        del found[saga_id]
        if row is not None:
            complete.append(row)
    for part in _parts(complete):
        for row, rows in _events(db, part):
            with suppress(RecoveryError):
                summary = summary_from_row(row.summary)
                found[row.saga_id] = StoredSaga(
                    summary,
                    row.fence,
                    row.digest,
                    row.text,
                    row.params,
                    events_from_rows(summary.id, rows),  # one object: ids are compared often
                )
    return found


def _rows(
    db: sqlite3.Connection, saga_ids: Sequence[SagaId]
) -> Iterator[tuple[SagaId, _Row | None]]:
    """Give the sagas that are there; None for the row of one that is to be loaded by itself."""
    values: list[SqliteValue] = []
    for place, saga_id in enumerate(saga_ids):
        values += place, bytearray(saga_id.bytes)
    ((text,),) = _ROWS.ask(db, (LONG,), values)
    rows = cast("list[_Values]", json.loads(cast("str", text)))
    dag_keys = list({row[-3] for row in rows})
    graphs = {key: graph for key, *graph in _GRAPHS.ask(db, (), dag_keys)}
    for place, *summary, key, params in rows:
        saga_id = saga_ids[place]
        whole = cast("SagaRow", (saga_id.bytes, *summary))
        *_, sec_name, generation, size, dag_key = whole
        match graphs.get(dag_key), params:
            case [str(digest), str(text)], str(params):
                fence = Fence(sec_name, generation)
                graph, given = JsonText(text), JsonText(params)
                yield saga_id, _Row(saga_id, whole, key, size, fence, digest, graph, given)
            case _:
                yield saga_id, None


def _parts(rows: Iterable[_Row]) -> Iterator[list[_Row]]:
    """Give the sagas in parts that have not too many events, without those that are odd."""
    part: list[_Row] = []
    size = 0
    for row in rows:
        if row.size > EVENTS or row.key == 0:
            continue
        if size + row.size > EVENTS:
            yield part
            part, size = [], 0
        part.append(row)
        size += row.size
    yield part


def _events(
    db: sqlite3.Connection, part: Sequence[_Row]
) -> Iterator[tuple[_Row, Iterable[EventRow]]]:
    """Give sagas, and the rows of their events, of which there are as many as were written."""
    if not part:
        return
    (texts,) = _EVENTS.ask(db, (LONG,), [row.key for row in part])
    columns = [cast("list[object]", json.loads(cast("str", text))) for text in texts]
    keys = columns.pop(0)
    counts = Counter(keys)
    end = 0
    for row in part:
        start, end = end, end + counts[row.key]
        if keys[start:end].count(row.key) == row.size:  # they are in the order of the keys
            rows = zip(*(column[start:end] for column in columns), strict=True)
            yield row, cast("Iterable[EventRow]", rows)
