"""Statements: inserts of many rows, reads of one moment, and text that is not UTF-8."""

from __future__ import annotations

import functools
import sqlite3
from collections.abc import Callable, Generator, Iterator, Sequence
from contextlib import contextmanager
from itertools import chain
from typing import Concatenate, ParamSpec, TypeAlias, TypeVar

P = ParamSpec("P")
T = TypeVar("T")

SIZES = (256, 64, 16, 4, 1)
"""The numbers of rows that there are statements for; a batch is split into the largest that fit."""

KEPT = 128
"""How many prepared statements a connection keeps: enough for all of them, of all sizes."""

LONG = 4096
"""How many characters a text may have in a statement of several rows."""

SqliteValue: TypeAlias = int | str | bytes | bytearray | None
"""What a row may hold."""

SqliteRow: TypeAlias = tuple[SqliteValue, ...]

TextRow: TypeAlias = tuple[*tuple[SqliteValue, ...], str]
"""A row whose last value is a text."""


def insert(db: sqlite3.Connection, into: str, rows: Sequence[TextRow]) -> None:
    """
    Insert rows by as few statements as possible.

    The driver releases the GIL and takes it again at each step of SQLite, and a thread that runs
    Trio is slow to give it up: 256 rows one by one were 3 087 turns for the writer's thread, and
    are a handful this way.

    Args:
        db: Where.
        into: The statement up to its VALUES, as in `step (saga_key, seq)`.
        rows: What is inserted; the last value of each is a text that may be long.
    """
    several = rows
    # A prepared statement keeps the values that it was last given, so long texts go in one by one:
    # 256 of them would be kept for as long as the connection is open.
    if any(len(row[-1]) > LONG for row in rows):
        several = [row for row in rows if len(row[-1]) <= LONG]
        long = [row for row in rows if len(row[-1]) > LONG]
        db.executemany(_insert(into, len(long[0]), 1), long)
    for part in _portions(several):
        # Not `execute`, which takes the GIL one more time.
        statement = _insert(into, len(part[0]), len(part))
        db.executemany(statement, [tuple(chain.from_iterable(part))])


@functools.cache
def _insert(into: str, width: int, count: int) -> str:
    row = f"({', '.join('?' * width)})"
    return f"INSERT INTO {into} VALUES {', '.join([row] * count)}"  # noqa: S608 - of our words


def select_in(
    db: sqlite3.Connection, query: str, keys: Sequence[SqliteValue]
) -> list[tuple[object, ...]]:
    """Return the rows of a query that ends in `IN`, for any number of keys."""
    found: list[tuple[object, ...]] = []
    for part in _portions(keys):
        found += db.execute(_select(query, len(part)), part).fetchall()
    return found


@functools.cache
def _select(query: str, count: int) -> str:
    return f"{query} ({', '.join('?' * count)})"


def _portions(items: Sequence[T]) -> Iterator[Sequence[T]]:
    """Yield all items, in as few portions of the `SIZES` as possible."""
    start = 0
    for size in SIZES:
        while len(items) - start >= size:
            yield items[start : start + size]
            start += size


@contextmanager
def transaction(db: sqlite3.Connection) -> Generator[None, None, None]:
    """Write in one transaction: everything is kept, or, after an error, nothing."""
    # `executescript` and `commit` take the GIL once each, where `execute` takes it four times.
    db.executescript("BEGIN IMMEDIATE")
    try:
        yield
        db.commit()
    finally:
        if db.in_transaction:
            db.execute("ROLLBACK")


@contextmanager
def snapshot(db: sqlite3.Connection) -> Generator[None, None, None]:
    """Let several queries see one state of the database."""
    db.execute("BEGIN")
    try:
        yield
    finally:
        if db.in_transaction:
            db.execute("ROLLBACK")  # a transaction that has only read


# Text that is damaged


@contextmanager
def any_text(db: sqlite3.Connection) -> Generator[None, None, None]:
    """Read text that is not UTF-8 as bytes; otherwise the driver refuses the row."""
    db.text_factory = _text
    try:
        yield
    finally:
        db.text_factory = str


def _text(raw: bytes) -> str | bytes:
    try:
        return raw.decode()
    except UnicodeDecodeError:
        return raw


def of_any_text(
    read: Callable[Concatenate[sqlite3.Connection, P], T],
) -> Callable[Concatenate[sqlite3.Connection, P], T]:
    """Make a read try again with `any_text` if it meets text that is not UTF-8."""

    @functools.wraps(read)
    def reading(db: sqlite3.Connection, /, *args: P.args, **kwargs: P.kwargs) -> T:
        try:
            return read(db, *args, **kwargs)
        except sqlite3.OperationalError as error:
            if hasattr(error, "sqlite_errorcode"):  # SQLite's own, and not the driver's
                raise
        # Only then: the text factory is Python code that runs for each text of each row.
        with any_text(db):
            return read(db, *args, **kwargs)

    return reading
