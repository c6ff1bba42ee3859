"""
Moving what version 1 of the schema has kept, a row per event, into steps.

A file may be large, and the process that moves it may be killed at any moment. So it is moved in
transactions that are bounded, each of which takes rows away from the old tables and adds what they
amount to to the new ones; whoever opens the file next goes on with what is left. The file says that
it is of version 2 all the while, so that no earlier release writes to it.

A row that is damaged stays so: what is wrong with it is then wrong with a step, and costs its saga
only.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Iterator
from itertools import groupby
from typing import TypeAlias, cast

from steno.stores.sqlite._row import MOST_EVENTS, packed_event, shown
from steno.stores.sqlite._statement import SqliteRow, SqliteValue, any_text

SAGAS = 1000
"""How many sagas are moved by one transaction, at most."""

EVENTS = 5000
"""How many events are, at most."""

_EventRow: TypeAlias = tuple[object, object, object, object, object, object, object]
"""Of `_EVENTS`: key, number, node, type, data, time and creator."""

# What must not be NULL, and is, in a damaged row, becomes a text, which is as wrong.
_MOVE_SAGAS = f"""
    INSERT OR IGNORE INTO saga (saga_key, saga_id, dag_key, state, current_sec, adopt_generation,
                                created, ended, problem, name)
    SELECT saga_key, {
    ", ".join(
        f"coalesce({column}, 'NULL')"
        for column in ("saga_id", "dag_key", "state", "current_sec", "adopt_generation", "created")
    )
}, ended, problem, coalesce(name, 'NULL')
    FROM saga_1 WHERE saga_key <= ?
"""  # noqa: S608 - made of words of this package
_EVENTS = """
    SELECT saga_key, seq, node_id, event_type, data, time, creator FROM node_event_1
    ORDER BY saga_key, seq LIMIT ?
"""


def is_moving(db: sqlite3.Connection) -> bool:
    """Return True if a database has some of what version 1 has kept."""
    query = "SELECT count(*) FROM sqlite_schema WHERE name = 'saga_1'"
    return bool(db.execute(query).fetchone()[0])


def move(db: sqlite3.Connection) -> None:
    """
    Move all that is left of version 1.

    Raises:
        sqlite3.Error: It cannot be read or written; what was moved stays so.
    """
    # The rows that are damaged are moved as well.
    db.execute("PRAGMA ignore_check_constraints = ON")
    try:
        while is_moving(db):
            db.execute("BEGIN IMMEDIATE")
            try:
                if not _move_sagas(db) and not _move_events(db):
                    db.execute("DROP TABLE saga_1")
                    db.execute("DROP TABLE node_event_1")
                db.execute("COMMIT")
            finally:
                if db.in_transaction:
                    db.execute("ROLLBACK")
    finally:
        db.execute("PRAGMA ignore_check_constraints = OFF")


def _move_sagas(db: sqlite3.Connection) -> bool:
    """Move some sagas, and return False if there were none."""
    query = "SELECT max(saga_key) FROM (SELECT saga_key FROM saga_1 ORDER BY saga_key LIMIT ?)"
    ((last,),) = db.execute(query, (SAGAS,))
    if last is None:
        return False
    db.execute(_MOVE_SAGAS, (last,))
    db.execute("DELETE FROM saga_1 WHERE saga_key <= ?", (last,))
    return True


def _move_events(db: sqlite3.Connection) -> bool:
    """Move some events, and return False if there were none."""
    with any_text(db):
        rows = cast("list[_EventRow]", db.execute(_EVENTS, (EVENTS,)).fetchall())
    if not rows:
        return False
    insert = "INSERT OR IGNORE INTO step (saga_key, seq, time, creator, events) VALUES (?,?,?,?,?)"
    db.executemany(insert, _steps(rows))
    last = rows[-1][:2]
    db.execute("DELETE FROM node_event_1 WHERE (saga_key, seq) <= (?, ?)", last)
    return True


def _steps(rows: Iterable[_EventRow]) -> Iterator[SqliteRow]:
    """Give the steps of events: those of a saga that follow each other, by time and creator."""
    for (key, time, creator), group in groupby(rows, lambda row: (row[0], *row[5:])):
        sound: list[str] = []
        first: object = None
        for _, seq, node, label, data, *_ in group:
            is_sound = type(node) is int and isinstance(label, str) and type(seq) is int
            is_next = not sound or seq == cast("int", first) + len(sound)
            if sound and not (is_sound and is_next and len(sound) < MOST_EVENTS):
                yield _step(key, first, time, creator, f"[{','.join(sound)}]")
                sound = []
            if not is_sound or not isinstance(data, str | None):
                what = ", ".join(map(shown, (node, label, data)))
                yield _step(key, seq, time, creator, f"damaged: {what}")
                continue
            if not sound:
                first = seq
            sound.append(packed_event(cast("int", node), cast("str", label), data))
        if sound:
            yield _step(key, first, time, creator, f"[{','.join(sound)}]")


def _step(*values: object) -> SqliteRow:
    return tuple("NULL" if value is None else cast("SqliteValue", value) for value in values)
