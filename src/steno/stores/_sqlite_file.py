"""
A database file: how its connections are opened, and what their errors mean.

One connection writes and checkpoints, and only the holder of the owner lock has it; all others are
read-only. SQLite before 3.51.3 can corrupt a WAL file when two connections write or checkpoint at
once (https://sqlite.org/wal.html, "the WAL-reset bug"), so there never are two.
"""

from __future__ import annotations

import errno
import os
import sqlite3
from collections.abc import Generator
from contextlib import ExitStack, closing, contextmanager
from pathlib import Path

import attrs

from steno.errors import StoreError, StoreUnavailable
from steno.stores._migrate import check_version, migrate, migrations
from steno.stores._owner import OwnerLock, owner_lock

OLDEST = (3, 38, 0)
"""The oldest SQLite that has all that is asked of it."""

PATIENCE = 1.0
"""Seconds that a connection waits for a lock of the database, before it says that it is locked."""

JOURNAL_LIMIT = 64 * 1024 * 1024
"""Bytes that the WAL file keeps after a checkpoint, at most."""

TRANSIENT = {
    sqlite3.SQLITE_BUSY,
    sqlite3.SQLITE_CANTOPEN,
    sqlite3.SQLITE_FULL,
    sqlite3.SQLITE_IOERR,
    sqlite3.SQLITE_LOCKED,
    sqlite3.SQLITE_NOMEM,
    sqlite3.SQLITE_PROTOCOL,
    sqlite3.SQLITE_READONLY,
}
"""Primary codes of errors that go away when somebody mends the disk, or lets go of the file."""

TRANSIENT_ERRNO = {
    errno.EAGAIN,
    errno.EDQUOT,
    errno.EIO,
    errno.EMFILE,
    errno.ENFILE,
    errno.ENOMEM,
    errno.ENOSPC,
    errno.EROFS,
}
"""The same, of errors of the operating system."""

NO_SHM = {
    sqlite3.SQLITE_CANTOPEN,
    sqlite3.SQLITE_READONLY_CANTINIT,
    sqlite3.SQLITE_READONLY_CANTLOCK,
    sqlite3.SQLITE_READONLY_RECOVERY,
    sqlite3.SQLITE_READONLY_DIRECTORY,
}
"""What a reader gets where the `-shm` file, which all readers share, can not be made."""


def _true_name(path: str) -> str:
    return os.path.realpath(path)


@attrs.frozen
class SqliteFile:
    """
    A database file.

    Attributes:
        path: Its one true name: all who open it, by whatever name, have the same lock.
    """

    path: str = attrs.field(converter=_true_name)

    @contextmanager
    def writing(self) -> Generator[tuple[sqlite3.Connection, OwnerLock], None, None]:
        """
        Hold the owner lock and the connection that writes; make the file if there is none.

        Raises:
            StoreInUse: Somebody else holds the lock.
            StoreUnavailable: It can not be opened now.
            StoreError: It is another program's file, or a newer release's, or damaged.
        """
        with ExitStack() as stack:
            with self.translating():
                lock = stack.enter_context(owner_lock(self.path))
                db = stack.enter_context(closing(self._open("rwc")))
                check_version(db, self.path)  # before anything is changed: it may not be ours
                self._set_up(db)
                migrate(db)
            yield db, lock

    def reader(self) -> sqlite3.Connection:
        """
        Return a connection that reads.

        Raises:
            StoreUnavailable: It can not be opened now.
            StoreError: There is no such file, or it is not ours, or damaged.
        """
        if not Path(self.path).exists():
            msg = f"{self.path} does not exist"
            raise StoreError(msg)
        with ExitStack() as stack:
            with self.translating():
                db = stack.enter_context(closing(self._open("ro")))
                version = self._readable(db)
            if version < len(migrations()):
                msg = (
                    f"{self.path} has schema version {version}, and this release reads "
                    f"{len(migrations())}: it gets that when a SEC opens it"
                )
                raise StoreError(msg)
            stack.pop_all()
            return db

    def _readable(self, db: sqlite3.Connection) -> int:
        """Return the schema version, having looked whether it can be read at all."""
        try:
            return check_version(db, self.path)
        except sqlite3.Error as error:
            if error.sqlite_errorcode not in NO_SHM:
                raise
            msg = (
                f"{self.path} can not be read: {error} ({error.sqlite_errorname}); SQLite has to "
                "make or open the files -wal and -shm beside it, so the folder must be writable, "
                "or a process that may write there must have the file open"
            )
            raise StoreUnavailable(msg) from error

    def _open(self, mode: str) -> sqlite3.Connection:
        if sqlite3.sqlite_version_info < OLDEST:
            oldest = ".".join(map(str, OLDEST))
            msg = f"this Python has SQLite {sqlite3.sqlite_version}; it takes {oldest} or later"
            raise StoreError(msg)
        return sqlite3.connect(
            f"{Path(self.path).as_uri()}?mode={mode}",
            uri=True,
            timeout=PATIENCE,
            isolation_level=None,
            check_same_thread=False,
        )

    def _set_up(self, db: sqlite3.Connection) -> None:
        """Set what durability rests on, and look whether it is set."""
        db.execute("BEGIN IMMEDIATE")  # a file that is read-only shows it now
        db.execute("ROLLBACK")
        (journal,) = db.execute("PRAGMA journal_mode = WAL").fetchone()
        db.execute("PRAGMA synchronous = FULL")
        (synchronous,) = db.execute("PRAGMA synchronous").fetchone()
        if (journal, synchronous) != ("wal", 2):
            msg = (
                f"{self.path} can not be made durable: SQLite has set journal_mode to {journal} "
                f"and synchronous to {synchronous}, not to wal and 2 (FULL); a network file system "
                "can not do that"
            )
            raise StoreError(msg)
        db.execute("PRAGMA fullfsync = ON")  # macOS: to the platter, not only to the drive
        db.execute("PRAGMA checkpoint_fullfsync = ON")
        db.execute(f"PRAGMA journal_size_limit = {JOURNAL_LIMIT}")
        db.execute("PRAGMA cell_size_check = ON")  # damaged pages are found sooner

    @contextmanager
    def translating(self) -> Generator[None, None, None]:
        """Turn what the driver and the operating system raise into what the port says."""
        try:
            yield
        except sqlite3.Error as error:
            raise self._translated(error) from error
        except OSError as error:
            kind = StoreUnavailable if error.errno in TRANSIENT_ERRNO else StoreError
            msg = f"{self.path} can not be opened: {error.strerror}: {error.filename}"
            raise kind(msg) from error

    def _translated(self, error: sqlite3.Error) -> StoreError:
        code = getattr(error, "sqlite_errorcode", None)
        if code is None:  # the driver's own, as for text that is no UTF-8
            return StoreError(f"{self.path}: {error}")
        primary = code & 0xFF
        text = f"{self.path}: {error} ({error.sqlite_errorname})"
        if code == sqlite3.SQLITE_READONLY_DBMOVED:
            return StoreError(f"{text}: the file was moved or deleted while it was open")
        if primary == sqlite3.SQLITE_NOTADB:
            return StoreError(f"{text}: it is another program's file, or damaged")
        if primary == sqlite3.SQLITE_CORRUPT:
            return StoreError(f"{text}: the file is damaged; `steno doctor` says where")
        return StoreUnavailable(text) if primary in TRANSIENT else StoreError(text)
