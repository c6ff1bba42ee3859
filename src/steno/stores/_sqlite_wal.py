"""
Room in the WAL file, made ahead of what is written to it.

A commit that makes the file longer waits until the file system has noted that as well, which takes
as long again as the commit itself; one that overwrites what is there does not. A WAL file grows
until it is first brought into the database, and is overwritten from its beginning thereafter. So
for that long, each transaction begins by adding some zeros to its end: a few, so that none takes
long, and without asking that they be on the disk, which that transaction will.

Nobody reads them. A frame is one only if its page is not 0 and it has the salt of the file's header
(https://sqlite.org/fileformat2.html#walformat), so recovery ends where they begin. As they are
added, the transaction has the database's lock for writing, and nobody else, in whatever process,
makes the file longer or shorter. SQLite has its own locks on the other files, so that this one may
be closed without losing any.
"""

from __future__ import annotations

import os
from contextlib import suppress

import attrs

ENOUGH = 4_632_576
"""Bytes: the 1000 pages that SQLite lets come together, their headers, and 512 KB for the last."""

STEP = 256 * 1024
"""Bytes that are added at once."""


@attrs.define(eq=False)
class WalRoom:
    """
    Makes room in a WAL file.

    Args:
        path: The file.
        identity: Which file that is, as device and number; another of its name is left alone.
    """

    _path: str
    _identity: tuple[int, int] | None
    _wanted: bool = attrs.field(init=False, default=True)

    def grow(self) -> None:
        """Add some, if there is not enough; to be called by whoever may write to the database."""
        if self._wanted:
            # A disk that is full, or a limit, is met by the transaction itself if it has to be.
            self._wanted = False
            with suppress(OSError):
                self._grow()

    def _grow(self) -> None:
        descriptor = os.open(self._path, os.O_WRONLY | os.O_NOFOLLOW | os.O_CLOEXEC)
        try:
            status = os.fstat(descriptor)
            if (status.st_dev, status.st_ino) == self._identity and status.st_size < ENOUGH:
                self._wanted = _added(descriptor, status.st_size)
        finally:
            os.close(descriptor)


def _added(descriptor: int, size: int) -> bool:
    """Add some to a file of this size, and say whether that could be done; else it is as it was."""
    if size == 0:  # what is but opened costs nothing
        return True
    more = min(STEP, ENOUGH - size)
    try:
        if os.pwrite(descriptor, bytes(more), size) == more:
            return True
    except OSError:
        pass
    os.ftruncate(descriptor, size)
    return False
