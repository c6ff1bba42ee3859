"""
The files beside a database: what they must be before anything is written to them.

SQLite opens `-wal`, `-shm` and `-journal`, and the owner lock is on `-owner`. All of them are
overwritten or deleted without a question, regardless of their contents. So before that happens each
has to be a regular file of one name that is empty or holds what such a file holds, or not be there.
Links are followed in one place only, and on purpose: in the path of the database, so that every
process that opens it, by any name, uses the same files beside it.
"""

from __future__ import annotations

import errno
import os
import stat
from collections.abc import Callable

from steno.errors import StoreError

WAL_MAGIC = (b"\x37\x7f\x06\x82", b"\x37\x7f\x06\x83")
"""How a WAL file begins: https://sqlite.org/fileformat2.html#walformat."""

JOURNAL_MAGIC = b"\xd9\xd5\x05\xf9\x20\xa1\x63\xd7"
"""How a rollback journal begins: https://sqlite.org/fileformat2.html#the_rollback_journal."""

SHM_SIZES = (4096, 3)
"""
An `-shm` file grows by the one, or has the other; SQLite's `unixOpenSharedMemory` and
`unixShmMap` make it so, and a kill may come between.
"""

OWNERS_OWN = 0o600
"""The mode of a file that is made here: no other user may read it, or take its lock."""


def check_database(path: str) -> None:
    """
    Raise StoreError if a database, or a file that SQLite puts beside it, must not be opened.

    Args:
        path: The database, with all links in its path resolved; there need not be one.
    """
    # lstat throughout: the links in the path were resolved already, so a link here is a trap.
    status = _status(path)
    if status is not None:
        check_regular(path, status)
    for suffix, is_such in _BESIDE.items():
        beside = path + suffix
        found = _status(beside)
        if found is not None:
            check_regular(beside, found)
            if found.st_size and not is_such(beside, found.st_size):
                raise not_ours(beside)
            # SQLite deletes the WAL of a database that is missing or empty, and that may be all
            # that is left of the data.
            if suffix == "-wal" and found.st_size and not (status and status.st_size):
                raise _orphaned(beside, path)


def _is_wal(path: str, _: int) -> bool:
    return _begins(path, *WAL_MAGIC)


def _is_journal(path: str, _: int) -> bool:
    return _begins(path, JOURNAL_MAGIC)


def _is_shm(_: str, size: int) -> bool:
    # It is not opened: closing it would drop the locks that this process has on it.
    grows_by, at_first = SHM_SIZES
    return size % grows_by == 0 or size == at_first


def _begins(path: str, *magic: bytes) -> bool:
    """
    Return True if a file begins with one of these.

    Or if it begins with zeros, or ends in the middle of one, as a power cut may leave it.
    """
    descriptor = open_regular(path, os.O_RDONLY)
    try:
        head = os.pread(descriptor, len(magic[0]), 0)
    finally:
        os.close(descriptor)
    return any(each.startswith(head) for each in magic) or not head.strip(b"\0")


_BESIDE: dict[str, Callable[[str, int], bool]] = {
    "-wal": _is_wal,
    "-shm": _is_shm,
    "-journal": _is_journal,
}
"""The files that SQLite puts beside a database, and a check of each by its path and size."""


def make_database(path: str) -> None:
    """Make an empty file, if there is none, that only its owner can open; SQLite fills it."""
    # Not left to SQLite, which would make it readable to all; its other files take their mode from
    # this one.
    flags = os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
    try:
        descriptor = os.open(path, flags, OWNERS_OWN)
    except FileExistsError:
        return
    os.close(descriptor)


def open_regular(path: str, flags: int) -> int:
    """
    Open a file that is regular and has one name, without changing it, and return its descriptor.

    Raises:
        StoreError: It is something else, such as a link.
        OSError: It cannot be opened.
    """
    safely = os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC  # a pipe would be waited for
    try:
        descriptor = os.open(path, flags | safely, OWNERS_OWN)
    except OSError as error:
        if error.errno in {errno.ELOOP, errno.EISDIR, errno.ENXIO}:
            raise irregular(path) from error
        raise
    # Of the descriptor, not of the path: that may name another file by now.
    try:
        check_regular(path, os.fstat(descriptor))
    except StoreError:
        os.close(descriptor)
        raise
    return descriptor


def check_regular(path: str, status: os.stat_result) -> None:
    """Raise StoreError unless this is the status of a regular file that has one name."""
    if not stat.S_ISREG(status.st_mode):
        raise irregular(path)
    if status.st_nlink > 1:
        msg = (
            f"{path} has {status.st_nlink} names (hard links), and what is written to it would be "
            "seen under all of them: remove the others, or copy the file"
        )
        raise StoreError(msg)


def irregular(path: str) -> StoreError:
    """Return the error for a path that is not a regular file."""
    return StoreError(
        f"{path} is not a regular file, but a link, a folder, a pipe or a device, and is left as "
        "it is: move it out of the way"
    )


def not_ours(path: str) -> StoreError:
    """Return the error for a file with contents that this store did not write."""
    return StoreError(
        f"{path} holds something that this store did not write, and is left as it is: move it out "
        "of the way, or choose another path for the database"
    )


def _orphaned(wal: str, path: str) -> StoreError:
    return StoreError(
        f"{wal} holds changes of a database that is no longer at {path}, and that a new one would "
        "wipe out: bring the database back, or move the file out of the way"
    )


def _status(path: str) -> os.stat_result | None:
    try:
        return os.lstat(path)
    except FileNotFoundError:
        return None
