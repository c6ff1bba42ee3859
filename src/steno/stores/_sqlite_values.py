"""
Statements over many rows, each of which is one step of SQLite, and so one turn without the GIL.

The driver gives the GIL back and takes it again for whatever it asks of SQLite, and a thread that
runs Trio is in no haste to part with it. So a batch is a handful of statements, however large it
is. Each is there for 1, 2, 4, 8 … rows, and kept; what is left over is filled up with rows of
zeros, which no key is, and which the statement has to leave out. They are zeros since the driver
binds an integer ten times as fast as it binds NULL, or bytes.
"""

from __future__ import annotations

import functools
import sqlite3
from collections.abc import Callable, Generator, Iterator, Sequence
from contextlib import contextmanager
from typing import Concatenate, ParamSpec, TypeAlias, TypeVar

import attrs

P = ParamSpec("P")
T = TypeVar("T")

MOST = 512
"""How many rows a statement has at most; SQLite has room for 32766 values, unless told."""

KEPT = 256
"""How many statements a connection keeps; there are ten of each kind, by the number of rows."""

LONG = 4096
"""How many characters a value may have: a statement that is kept keeps its last values too."""

SqliteValue: TypeAlias = int | str | bytes | bytearray | None
"""What a row may hold."""

SqliteRow: TypeAlias = tuple[SqliteValue, ...]


@attrs.frozen
class Statement:
    """
    A statement over rows.

    Attributes:
        text: The statement, with `VALUES` where its rows go.
        width: How many values a row has.
        one: The statement for a single row, if that is another; it takes the same values.
    """

    text: str
    width: int
    one: str | None = None

    def run(self, db: sqlite3.Connection, first: SqliteRow, values: Sequence[SqliteValue]) -> int:
        """
        Run it over rows, and return how many it has changed.

        Args:
            db: Where.
            first: What it is given before the rows.
            values: The rows, one after the other.
        """
        changed = 0
        for sql, given in self._parts(first, values):
            # Not `execute`, which takes the GIL once more. No name for the cursor: the traceback of
            # an error would hold it, and with it the file.
            changed += db.executemany(sql, (given,)).rowcount
        return changed

    def ask(
        self, db: sqlite3.Connection, first: SqliteRow, values: Sequence[SqliteValue]
    ) -> list[tuple[object, ...]]:
        """Run it over rows, and return the rows that it finds."""
        found: list[tuple[object, ...]] = []
        for sql, given in self._parts(first, values):
            found += db.execute(sql, given).fetchall()
        return found

    def _parts(
        self, first: SqliteRow, values: Sequence[SqliteValue]
    ) -> Iterator[tuple[str, SqliteRow]]:
        """Give statements, and what each is given, that have all rows together."""
        most = MOST * self.width
        for start in range(0, len(values), most):
            part = values[start : start + most]
            count = len(part) // self.width
            size = 1 << (count - 1).bit_length()
            yield _sql(self, size), (*first, *part, *[0] * ((size - count) * self.width))


@functools.cache
def _sql(statement: Statement, size: int) -> str:
    """Return a statement for so many rows: the same text each time, whose hash is known."""
    if size == 1 and statement.one is not None:
        return statement.one
    row = f"({', '.join('?' * statement.width)})"
    return statement.text.replace("VALUES", f"VALUES {', '.join([row] * size)}")


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
    """Make a read try again with `any_text` after it has met text that is not UTF-8."""

    @functools.wraps(read)
    def reading(db: sqlite3.Connection, /, *args: P.args, **kwargs: P.kwargs) -> T:
        try:
            return read(db, *args, **kwargs)
        except sqlite3.OperationalError as error:
            if hasattr(error, "sqlite_errorcode"):  # SQLite's own, and not the driver's
                raise
        with any_text(db):
            return read(db, *args, **kwargs)

    return reading
