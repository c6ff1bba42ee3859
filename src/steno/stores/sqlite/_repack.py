"""
Moving the rows of version 1 of the schema, one per event, into steps.

A file may be large, and the process that moves it may be killed at any moment. So it is moved in
bounded transactions, each of which deletes rows of the old tables and inserts what they amount to
in the new ones; the next opener continues with the rest. The file has version 2 all the while, so
that no earlier release writes to it.

A damaged row stays damaged: what was wrong with it is then wrong with a step, and affects its saga
only. Where a page of the old events cannot be read, its sagas get such a step, others are moved,
and the old table stays in the file, for tools that recover what they can.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Iterator
from itertools import groupby
from typing import TypeAlias, cast

from steno.stores._step import MOST_EVENTS, packed_event, shown
from steno.stores.sqlite._error import is_corrupt
from steno.stores.sqlite._statement import SqliteRow, SqliteValue, any_text, transaction

TOLD = """CASE
    WHEN problem LIKE 'it could not be loaded%' OR problem LIKE 'it is quarantined%'
        THEN 'quarantined'
    WHEN problem IS NOT NULL THEN 'halted'
    WHEN state = 'stuck' THEN 'stuck'
END"""
"""What the column `attention` gets of a saga that an earlier release has stored."""

SAGAS = 1000
"""The most sagas that one transaction moves."""

EVENTS = 5000
"""The most events that one transaction moves."""

_EventRow: TypeAlias = tuple[object, object, object, object, object, object, object]
"""Of `_EVENTS`: key, number, node, type, data, time and creator."""

# A NULL in a damaged row would be refused by the new table. It becomes a text, which is just as
# wrong. OR IGNORE: two such rows may then have the same id; the others must be moved all the same.
_MOVE_SAGAS = f"""
    INSERT OR IGNORE INTO saga (saga_key, saga_id, dag_key, state, current_sec, adopt_generation,
                                created, ended, problem, name, attention)
    SELECT saga_key, {
    ", ".join(
        f"coalesce({column}, 'NULL')"
        for column in ("saga_id", "dag_key", "state", "current_sec", "adopt_generation", "created")
    )
}, ended, problem, coalesce(name, 'NULL'), {TOLD}
    FROM saga_1 WHERE saga_key <= ?
"""  # noqa: S608 - made of words of this package
_COLUMNS = "saga_key, seq, node_id, event_type, data, time, creator"
_EVENTS = f"SELECT {_COLUMNS} FROM node_event_1 ORDER BY saga_key, seq LIMIT ?"  # noqa: S608 - as above
_EVENTS_OF = f"SELECT {_COLUMNS} FROM node_event_1 WHERE saga_key = ? ORDER BY seq"  # noqa: S608 - as above
_INSERT = "INSERT OR IGNORE INTO step (saga_key, seq, time, creator, events) VALUES (?,?,?,?,?)"
_NEXT = "SELECT coalesce(max(seq), -1) + 1 FROM step WHERE saga_key = ?"


def is_moving(db: sqlite3.Connection) -> bool:
    """Return True if a database still has tables of version 1."""
    query = "SELECT count(*) FROM sqlite_schema WHERE name = 'saga_1'"
    return bool(db.execute(query).fetchone()[0])


def move(db: sqlite3.Connection) -> None:
    """
    Move all that is left of version 1.

    Raises:
        sqlite3.Error: It cannot be read or written; what was moved stays so.
    """
    # Damaged rows are moved as well: with the checks on, OR IGNORE would drop them.
    db.execute("PRAGMA ignore_check_constraints = ON")
    try:
        try:
            while is_moving(db):
                with transaction(db):
                    _move_some(db)
        except sqlite3.DatabaseError as error:
            if not is_corrupt(error):
                raise
            _move_what_can_be_read(db)
    finally:
        db.execute("PRAGMA ignore_check_constraints = OFF")


def _move_some(db: sqlite3.Connection) -> None:
    # Sagas first, since steps refer to them. Dropping the old tables ends the move: that is for the
    # transaction that has found both of them empty.
    if not _move_sagas(db) and not _move_events(db):
        db.execute("DROP TABLE saga_1")
        db.execute("DROP TABLE node_event_1")


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
    # A chunk may end within a saga's step; the rest of it becomes a second step, which is as good.
    rows = _read(db, _EVENTS, EVENTS)
    if not rows:
        return False
    last = rows[-1][:2]
    db.execute("DELETE FROM node_event_1 WHERE (saga_key, seq) <= (?, ?)", last)
    db.executemany(_INSERT, _steps(rows))
    return True


def _move_what_can_be_read(db: sqlite3.Connection) -> None:
    """Move events saga by saga, in one transaction: rows of a damaged page cannot be deleted."""
    keys: list[int] = [key for (key,) in db.execute("SELECT saga_key FROM saga")]
    unreadable: dict[int, str] = {}
    # All of them are tried before the transaction: in one that has met a damaged page, SQLite
    # refuses whatever is written afterwards.
    for key in keys:
        try:
            _read(db, _EVENTS_OF, key)
        except sqlite3.DatabaseError as error:
            unreadable[key] = str(error)
    with transaction(db):
        for key in keys:
            if (why := unreadable.get(key)) is None:
                db.executemany(_INSERT, _steps(_read(db, _EVENTS_OF, key)))
            else:
                ((seq,),) = db.execute(_NEXT, (key,))
                db.execute(_INSERT, _step(key, seq, None, None, f"damaged: {why}"))
        db.execute("DROP TABLE saga_1")


def _read(db: sqlite3.Connection, query: str, value: int) -> list[_EventRow]:
    with any_text(db):
        return cast("list[_EventRow]", db.execute(query, (value,)).fetchall())


def _steps(rows: Iterable[_EventRow]) -> Iterator[SqliteRow]:
    """Yield the steps of events: consecutive ones of a saga, by time and creator."""
    # `groupby` needs no sorting: the query orders by saga and number, and only neighbours may share
    # a step.
    for (key, time, creator), group in groupby(rows, lambda row: (row[0], *row[5:])):
        sound: list[str] = []
        first: object = None
        for _, seq, node, label, data, *_ in group:
            is_sound = type(node) is int and isinstance(label, str) and type(seq) is int
            # A step has the number of its first event only, so its events must have no gap; a
            # missing one then shows as a missing number between two steps.
            is_next = not sound or seq == cast("int", first) + len(sound)
            if sound and not (is_sound and is_next and len(sound) < MOST_EVENTS):
                yield _step(key, first, time, creator, f"[{','.join(sound)}]")
                sound = []
            # A damaged event gets a step of its own, whose text is not JSON: loading the saga fails
            # at just this event, and the error shows what was there.
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
