"""
A database file that is open for writing, and whether it still is what it was then.

Whoever makes, moves, deletes or replaces a file in a folder changes the time of that folder (its
`st_ctime`, which nobody can set). So as long as that is what it was when all files were looked at,
they need not be looked at again, each of which costs a turn without the GIL. A time that is too new
says nothing: what happens within one tick of the file system's clock has the same.
"""

from __future__ import annotations

import os
import sqlite3
import time
from collections.abc import Mapping
from typing import TypeAlias

import attrs

from steno.errors import StoreError
from steno.stores._owner import OwnerLock
from steno.stores._sqlite_wal import WalRoom

SETTLED = 100_000_000
"""Nanoseconds after which a folder's time is that of no later change; a tick is 10 ms at most."""

COARSE = 3_000_000_000
"""The same, where times are whole seconds; FAT counts every other."""

_Stamp: TypeAlias = tuple[int, int, int, int]
"""What a folder is, and its times."""


@attrs.define(eq=False)
class Opened:
    """
    A database file that is open for writing.

    Attributes:
        db: The connection that writes, in autocommit mode.
        lock: The owner lock, which is held.
        room: The room in its WAL file.
    """

    db: sqlite3.Connection
    lock: OwnerLock
    room: WalRoom
    _folder: str
    _files: Mapping[str, tuple[int, int] | None]  # which they were, by name
    _settled: _Stamp | None = attrs.field(init=False, default=None)  # of when all was well
    _settles: int = attrs.field(init=False, default=0)  # when the folder is worth a look again

    @classmethod
    def of(cls, path: str, db: sqlite3.Connection, lock: OwnerLock) -> Opened:
        """Take note of which files these are: the database, and what it needs beside it."""
        wal = f"{path}-wal"
        files = {name: _identity(name) for name in (path, wal, f"{path}-shm", lock.path)}
        return cls(db, lock, WalRoom(wal, files[wal]), os.path.dirname(path), files)  # noqa: PTH120 - a path is a text here

    def check(self) -> None:
        """
        Look whether what is written still goes where it is looked for.

        SQLite does not look: it writes to a file that was deleted, and says that all is well.

        Raises:
            StoreError: A file was moved, deleted or replaced.
        """
        # Both are taken before the files are looked at, so that no change is missed.
        now, stamp = time.time_ns(), None
        if now >= self._settles:
            stamp = _stamp(self._folder)
            if stamp is not None and stamp == self._settled:
                return
        self._settled = None
        for name, known in self._files.items():
            if _identity(name) != known:
                msg = (
                    f"{name} was moved, deleted or replaced while it was open: what is written "
                    "now would be lost; put it back, or end this process"
                )
                raise StoreError(msg)
        if stamp is not None:
            self._settles = max(stamp[2:]) + (SETTLED if stamp[3] % 1_000_000_000 else COARSE)
            if now >= self._settles:
                self._settled = stamp


def _stamp(folder: str) -> _Stamp | None:
    """Return what a folder is, and when it was changed; None if there is none of this name."""
    try:
        status = os.stat(folder)  # noqa: PTH116 - a path is made for each batch, for this
    except FileNotFoundError:
        return None
    return status.st_dev, status.st_ino, status.st_mtime_ns, status.st_ctime_ns


def _identity(name: str) -> tuple[int, int] | None:
    """Return what a file is, whatever it is called; None if none has this name."""
    try:
        status = os.stat(name)  # noqa: PTH116 - as above
    except FileNotFoundError:
        return None
    return status.st_dev, status.st_ino
