"""
Damaged rows of a SQLite database, named for operators.

A list shows what is damaged in the row of a saga, and names the saga. The rest is found here: rows
of sagas that have no id to be listed by, and rows of the other tables.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterator
from contextlib import suppress
from itertools import islice
from typing import TypeAlias, cast

import attrs

from steno.core import decode_json, read_flat
from steno.errors import RecoveryError
from steno.store import BulkOutcome, BulkState
from steno.stores._step import are_events, shown
from steno.stores.sqlite._row import GENERATIONS, ID_BYTES, VALID_ID, time_from
from steno.stores.sqlite._statement import any_text

MOST = 10
"""How many damaged rows of a table are named."""

_Check: TypeAlias = tuple[str, Callable[[object], bool]]
"""The name of what a column should hold, and a check of a value."""


def _is_read_by(read: Callable[[str], object]) -> Callable[[object], bool]:
    def is_read(value: object) -> bool:
        if isinstance(value, str):
            with suppress(RecoveryError):
                read(value)
                return True
        return False

    return is_read


_TEXT: _Check = ("text", lambda value: isinstance(value, str))
_NUMBER: _Check = ("a number", lambda value: isinstance(value, int))
_ID: _Check = ("16 bytes", lambda value: isinstance(value, bytes) and len(value) == ID_BYTES)
_BULK_STATES = {state.value for state in BulkState}
_OUTCOMES = {outcome.value for outcome in BulkOutcome}


@attrs.frozen
class _Table:
    """
    A table that is looked through.

    Attributes:
        query: Gives its rows, or those among which the damaged ones are; the key comes first.
        key: What the key of a row is.
        columns: The other columns that the query gives.
    """

    query: str
    key: str
    columns: dict[str, _Check]


_TABLES = {
    "sec": _Table(
        "SELECT name, generation FROM sec",
        "SEC",
        {
            "generation": (
                "a generation",
                lambda value: isinstance(value, int) and 0 <= value < GENERATIONS,
            )
        },
    ),
    "dag": _Table(
        "SELECT dag_key, digest, text FROM dag",
        "dag_key",
        {"digest": _TEXT, "text": ("a graph", _is_read_by(read_flat))},
    ),
    "saga": _Table(
        f"SELECT saga_key, saga_id FROM saga WHERE NOT ({VALID_ID})",  # noqa: S608 - of our words
        "saga_key",
        {"saga_id": ("16 bytes", lambda _: False)},
    ),
    "saga_params": _Table(
        # And those that are missing, of sagas that are not named above.
        "SELECT saga_key, params FROM saga_params UNION ALL SELECT saga_key, NULL FROM saga"  # noqa: S608 - as above
        f" WHERE saga_key NOT IN (SELECT saga_key FROM saga_params) AND {VALID_ID}",
        "saga_key",
        {"params": ("JSON", _is_read_by(decode_json))},
    ),
    "tag": _Table(
        "SELECT saga_key, key, value FROM tag", "saga_key", {"key": _TEXT, "value": _TEXT}
    ),
    "step": _Table(
        "SELECT saga_key, seq, time, creator, events FROM step",
        "saga_key",
        {
            "seq": _NUMBER,
            "time": ("a time", lambda value: time_from(value) is not None),
            "creator": _TEXT,
            "events": ("events", are_events),
        },
    ),
    "bulk_order": _Table(
        "SELECT bulk_key, bulk_id, state, ordered FROM bulk_order",
        "bulk_key",
        {
            "bulk_id": _ID,
            "state": ("a state", lambda value: value in _BULK_STATES),
            "ordered": ("JSON", _is_read_by(decode_json)),
        },
    ),
    "bulk_saga": _Table(
        "SELECT bulk_key, saga_id, outcome FROM bulk_saga",
        "bulk_key",
        {"saga_id": _ID, "outcome": ("an outcome", lambda value: value in _OUTCOMES)},
    ),
}


def damaged_rows(db: sqlite3.Connection) -> Iterator[str]:
    """Yield a line for each damaged row, up to `MOST` of each table."""
    for name, table in _TABLES.items():
        # A page that cannot be read is reported by `PRAGMA integrity_check`.
        with suppress(sqlite3.DatabaseError), any_text(db):
            for key, why in islice(_damaged(db, table), MOST):
                yield f"{name}, {table.key} {key}: {why}"


def _damaged(db: sqlite3.Connection, table: _Table) -> Iterator[tuple[str, str]]:
    checks = list(table.columns.items())
    for key, *values in cast("Iterator[tuple[object, ...]]", db.execute(table.query)):
        faults = [
            f"{column} is {shown(value)}, not {what}"
            for (column, (what, is_sound)), value in zip(checks, values, strict=True)
            if not is_sound(value)
        ]
        if faults:
            yield shown(key), "; ".join(faults)
