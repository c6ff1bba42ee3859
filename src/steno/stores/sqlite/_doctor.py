"""The examination of a SQLite file: the library, the file, its owner, and the disk below."""

from __future__ import annotations

import fcntl
import os
import sqlite3
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import closing
from pathlib import Path

from steno.errors import StoreError
from steno.store import Finding, Verdict
from steno.stores.sqlite._damage import damaged_rows
from steno.stores.sqlite._error import translating
from steno.stores.sqlite._file import SqliteFile
from steno.stores.sqlite._owner import find_owner

SAFE_WAL = (3, 51, 3)
"""The first SQLite in which two connections cannot corrupt a WAL file."""

SHOWN_FAULTS = 10
"""How many faults of a file are listed; one can lead to thousands."""

FSYNC_SECONDS = 0.3
"""Seconds for which the disk is measured."""

FSYNC_BYTES = 4096

SLOW_FSYNC = 20.0
"""How many times a second a disk should at least be able to sync."""

FULLFSYNC: int | None = getattr(fcntl, "F_FULLFSYNC", None)
"""On macOS: to the platter, as the store does it there."""


def examine_file(path: str) -> Sequence[Finding]:
    """
    Examine a database file; it is only read.

    Raises:
        StoreError: There is no such file, or it cannot be read at all.
    """
    file = SqliteFile(path)
    with closing(file.reader()) as db, translating(file.path):
        return [
            _library(),
            Finding("file", file.path),
            _owner(file.path),
            *_sizes(file.path),
            *_pragmas(db),
            *_integrity(db),
            *_damaged(db),
            _fsync_rate(Path(file.path).parent),
        ]


def _library() -> Finding:
    version = sqlite3.sqlite_version
    if sqlite3.sqlite_version_info >= SAFE_WAL:
        return Finding("SQLite", version)
    advice = (
        f"before {'.'.join(map(str, SAFE_WAL))} a WAL file can be corrupted when two connections "
        "write or checkpoint at once (the WAL-reset bug); this store has only one that does, so "
        "let no other program write to the file"
    )
    return Finding("SQLite", version, Verdict.WARNING, advice)


def _owner(path: str) -> Finding:
    try:
        owner = find_owner(path)
    except (OSError, StoreError) as error:
        return Finding("owner", "not known", Verdict.WARNING, str(error))
    return Finding("owner", "nobody has it open for writing" if owner is None else owner)


def _sizes(path: str) -> Iterator[Finding]:
    yield Finding("file size", f"{Path(path).stat().st_size:,} bytes")
    wal = Path(f"{path}-wal")
    yield Finding("WAL size", f"{wal.stat().st_size:,} bytes" if wal.exists() else "no WAL")


def _pragmas(db: sqlite3.Connection) -> Iterator[Finding]:
    yield Finding("schema version", _pragma(db, "user_version"))
    journal = _pragma(db, "journal_mode")
    if journal == "wal":
        yield Finding("journal mode", journal)
    else:
        advice = "another program has changed it; it is set again when a SEC opens the file"
        yield Finding("journal mode", journal, Verdict.FAULT, advice)
    # It is a setting of the connection that writes, which sets it, and refuses to go on without.
    yield Finding("synchronous", "FULL, always")
    pages, free = _pragma(db, "page_count"), _pragma(db, "freelist_count")
    yield Finding("pages", f"{pages} of {_pragma(db, 'page_size')} bytes, {free} of them free")


def _pragma(db: sqlite3.Connection, name: str) -> str:
    (value,) = db.execute(f"PRAGMA {name}").fetchone()
    return str(value)


def _integrity(db: sqlite3.Connection) -> Iterator[Finding]:
    """Check the whole file; damage may be such that even the check fails."""
    faults: list[str] = []
    try:
        rows = db.execute(f"PRAGMA integrity_check({SHOWN_FAULTS})").fetchall()
        faults += [row[0] for row in rows if row[0] != "ok"]
        strays = db.execute("PRAGMA foreign_key_check").fetchmany(SHOWN_FAULTS)
        faults += [f"a row of {row[0]} refers to one of {row[2]} that is gone" for row in strays]
    except sqlite3.DatabaseError as error:
        faults.append(str(error))
    if not faults:
        yield Finding("integrity", "ok")
    advice = "stop what writes to the file, copy it as it is, and go back to a backup"
    for fault in faults:
        yield Finding("integrity", fault, Verdict.FAULT, advice)


def _damaged(db: sqlite3.Connection) -> Iterator[Finding]:
    advice = "no other row suffers from it; mend it by hand, or go back to a backup"
    for row in damaged_rows(db):
        yield Finding("damaged row", row, Verdict.FAULT, advice)


def _fsync_rate(folder: Path) -> Finding:
    """Measure how often a second the disk makes something durable, on a file of its own."""
    try:
        with tempfile.TemporaryFile(dir=folder) as scratch:
            rate = fsyncs_per_second(scratch.fileno())
    except OSError as error:
        advice = f"{folder}: {error.strerror}; a SEC could not open the file"
        return Finding("fsync", "not measured", Verdict.WARNING, advice)
    if rate >= SLOW_FSYNC:
        return Finding("fsync", f"{rate:,.0f} per second")
    advice = "each commit waits for one: sagas go on slowly on this disk"
    return Finding("fsync", f"{rate:,.1f} per second", Verdict.WARNING, advice)


def fsyncs_per_second(descriptor: int) -> float:
    """Return how often a second an open file can be changed, and the change made durable."""
    block = os.urandom(FSYNC_BYTES)
    begun = time.perf_counter()
    count = 0
    while (passed := time.perf_counter() - begun) < FSYNC_SECONDS:
        os.pwrite(descriptor, block, 0)
        if FULLFSYNC is None:
            os.fsync(descriptor)
        else:
            fcntl.fcntl(descriptor, FULLFSYNC)
        count += 1
    return count / passed
