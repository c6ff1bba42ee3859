"""
A database file: what it must be, how its connections are opened, and whether it stays there.

One connection writes and checkpoints, and only the holder of the owner lock has it; all others are
read-only. SQLite before 3.51.3 can corrupt a WAL file when two connections write or checkpoint at
once (https://sqlite.org/wal.html, "the WAL-reset bug"), so there never are two.
"""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Generator, Mapping
from contextlib import ExitStack, closing, contextmanager, suppress
from pathlib import Path

import attrs

from steno.errors import StoreError, StoreUnavailable
from steno.stores.sqlite._beside import check_database, make_database
from steno.stores.sqlite._error import translating
from steno.stores.sqlite._migrate import check_version, migrate, migrations
from steno.stores.sqlite._owner import OwnerLock, owner_lock
from steno.stores.sqlite._repack import is_moving
from steno.stores.sqlite._statement import KEPT

OLDEST = (3, 38, 0)
"""The oldest SQLite that has all that is asked of it."""

PATIENCE = 1.0
"""Seconds that a connection waits for a lock of the database, before it says that it is locked."""

JOURNAL_LIMIT = 64 * 1024 * 1024
"""Bytes that the WAL file keeps after a checkpoint, at most."""

NO_SHM = {
    sqlite3.SQLITE_CANTOPEN,
    sqlite3.SQLITE_READONLY_CANTINIT,
    sqlite3.SQLITE_READONLY_CANTLOCK,
    sqlite3.SQLITE_READONLY_RECOVERY,
    sqlite3.SQLITE_READONLY_DIRECTORY,
}
"""What a reader gets if the `-shm` file, which all readers share, cannot be made."""


@attrs.frozen(eq=False)
class Opened:
    """
    A database file that is open for writing.

    Attributes:
        db: The connection that writes, in autocommit mode.
        lock: The owner lock, which is held.
    """

    db: sqlite3.Connection
    lock: OwnerLock
    _files: Mapping[str, tuple[int, int] | None]  # which they were, by name

    @classmethod
    def of(cls, path: str, db: sqlite3.Connection, lock: OwnerLock) -> Opened:
        """Remember the identity of the database and of the files that it needs beside it."""
        names = (path, f"{path}-wal", f"{path}-shm", lock.path)
        return cls(db, lock, {name: _identity(name) for name in names})

    def check(self) -> None:
        """
        Check that what is written still goes to the files that others will open.

        SQLite does not check: it writes to a file that was deleted, and reports success.

        Raises:
            StoreError: A file was moved, deleted or replaced.
        """
        for name, known in self._files.items():
            if _identity(name) != known:
                msg = (
                    f"{name} was moved, deleted or replaced while it was open: what is written "
                    "now would be lost; put it back, or end this process"
                )
                raise StoreError(msg)


def _identity(name: str) -> tuple[int, int] | None:
    """Return the device and inode of a file; None if there is no file of this name."""
    try:
        status = os.lstat(name)  # not `Path.lstat`: this runs four times for each batch
    except FileNotFoundError:
        return None
    return status.st_dev, status.st_ino


def _true_name(path: str) -> str:
    return os.path.realpath(path)


@attrs.frozen
class SqliteFile:
    """
    A database file.

    Attributes:
        path: Its real path, so that all who open it, by any name, use the same lock.
    """

    path: str = attrs.field(converter=_true_name)

    @contextmanager
    def writing(self) -> Generator[Opened, None, None]:
        """
        Hold the owner lock and the connection that writes; make the file if there is none.

        Raises:
            StoreInUse: Another session holds the lock.
            StoreUnavailable: It cannot be opened now.
            StoreError: It is another program's file, or a newer release's, or damaged; or a file
                that is needed beside it is a link, or not ours. Nothing is changed then.
        """
        with ExitStack() as stack:
            with translating(self.path):
                # The order is the point: checks that only read; then the lock, so that an opener
                # that does not get it has not written to the database; then the rest. The stack
                # unwinds in reverse, so the connection closes before the lock is released.
                check_database(self.path)
                self._refuse_strangers()
                lock = stack.enter_context(owner_lock(self.path))
                make_database(self.path)
                db = stack.enter_context(closing(self._open("rwc")))
                # Before anything is changed: it may not be ours.
                version = check_version(db, self.path)
                self._set_up(db, version)
                migrate(db)
                opened = Opened.of(self.path, db, lock)
            yield opened

    def _refuse_strangers(self) -> None:
        """
        Refuse the file of another program without changing it.

        A connection that may write would change it even if it wrote nothing: the last one to close
        copies what is left in a WAL file into the database.
        """
        if self._exists():
            # Anything else that keeps it from being read will stop the writing connection as well,
            # and be reported by that.
            with suppress(sqlite3.OperationalError), closing(self._open("ro")) as db:
                check_version(db, self.path)

    def _exists(self) -> bool:
        """
        Return True if there is such a file.

        Raises:
            StoreError: It is too short to be a database.
        """
        try:
            status = Path(self.path).stat()
        except FileNotFoundError:
            return False
        if status.st_size == 1:  # SQLite takes it for an empty file, and would overwrite it
            msg = f"{self.path} is another program's file, or damaged: it has one byte"
            raise StoreError(msg)
        return True

    def reader(self) -> sqlite3.Connection:
        """
        Return a connection that reads.

        Raises:
            StoreUnavailable: It cannot be opened now.
            StoreError: There is no such file, or it is not ours, or damaged.
        """
        with ExitStack() as stack:
            with translating(self.path):
                if not self._exists():
                    msg = f"{self.path} does not exist"
                    raise StoreError(msg)
                check_database(self.path)  # a reader makes -shm, and changes it
                db = stack.enter_context(closing(self._open("ro")))
                version = self._readable(db)
            if version < len(migrations()):
                msg = (
                    f"{self.path} has schema version {version}, and this release reads "
                    f"{len(migrations())}: it gets that when a SEC opens it"
                )
                raise StoreError(msg)
            with translating(self.path):
                if is_moving(db):
                    msg = (
                        f"{self.path} is being brought to the schema of this release; try again "
                        "when that is done. If no SEC is at it, opening one goes on with it"
                    )
                    raise StoreUnavailable(msg)
            stack.pop_all()  # all is well: keep the connection open
            return db

    def _readable(self, db: sqlite3.Connection) -> int:
        """Return the schema version, or raise if the file cannot be read."""
        try:
            return check_version(db, self.path)
        except sqlite3.Error as error:
            if error.sqlite_errorcode not in NO_SHM:
                raise
            msg = (
                f"{self.path} cannot be read: {error} ({error.sqlite_errorname}); SQLite has to "
                "make or open the files -wal and -shm beside it, so the folder must be writable, "
                "or a process that may write there must have the file open"
            )
            raise StoreUnavailable(msg) from error

    def _open(self, mode: str) -> sqlite3.Connection:
        if sqlite3.sqlite_version_info < OLDEST:
            oldest = ".".join(map(str, OLDEST))
            msg = f"this Python has SQLite {sqlite3.sqlite_version}; it takes {oldest} or later"
            raise StoreError(msg)
        # isolation_level=None: transactions are begun here, never by the driver.
        # check_same_thread=False: a reader moves between worker threads, one at a time.
        return sqlite3.connect(
            f"{Path(self.path).as_uri()}?mode={mode}",
            uri=True,
            timeout=PATIENCE,
            isolation_level=None,
            check_same_thread=False,
            cached_statements=KEPT,
        )

    def _set_up(self, db: sqlite3.Connection, version: int) -> None:
        """Make the settings that durability rests on, and check that they took effect."""
        db.execute("BEGIN IMMEDIATE")
        db.execute(f"PRAGMA user_version = {version}")  # a file that is read-only shows it now
        db.execute("ROLLBACK")
        (journal,) = db.execute("PRAGMA journal_mode = WAL").fetchone()
        db.execute("PRAGMA synchronous = FULL")
        (synchronous,) = db.execute("PRAGMA synchronous").fetchone()
        if (journal, synchronous) != ("wal", 2):
            msg = (
                f"{self.path} cannot be made durable: SQLite has set journal_mode to {journal} "
                f"and synchronous to {synchronous}, not to wal and 2 (FULL); a network file system "
                "cannot do that"
            )
            raise StoreError(msg)
        db.execute("PRAGMA fullfsync = ON")  # macOS: to the platter, not only to the drive
        db.execute("PRAGMA checkpoint_fullfsync = ON")
        db.execute(f"PRAGMA journal_size_limit = {JOURNAL_LIMIT}")
        db.execute("PRAGMA cell_size_check = ON")  # damaged pages are found sooner
