"""A database file that is open for writing, and whether it still is what it was then."""

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
        """Take note of which files these are: the database, and what it needs beside it."""
        names = (path, f"{path}-wal", f"{path}-shm", lock.path)
        return cls(db, lock, {name: _identity(name) for name in names})

    def check(self) -> None:
        """
        Look whether what is written still goes where it is looked for.

        SQLite does not look: it writes to a file that was deleted, and says that all is well.

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
    """Return what a file is, whatever it is called; None if none has this name."""
    try:
        status = os.lstat(name)  # a path is made four times for each batch, for this
    except FileNotFoundError:
        return None
    return status.st_dev, status.st_ino
