"""A database file that is open for writing, and whether it is still the same file."""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Mapping

import attrs

from steno.errors import StoreError
from steno.stores.sqlite._owner import OwnerLock


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
