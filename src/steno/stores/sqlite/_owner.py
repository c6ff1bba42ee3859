"""
The owner lock: the process that writes to a database file holds a lock on a file beside it.

It is on a file of its own, since closing any descriptor of the database would drop the locks that
SQLite has on it, in the whole process. The system releases it when its holder ends, even by a kill.
The contents of the file are only for people to read.
"""

from __future__ import annotations

import fcntl
import json
import os
import socket
import time
from collections.abc import Generator
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from typing import cast

import attrs

from steno.errors import StoreInUse
from steno.stores.sqlite._beside import not_ours, open_regular

TRIES = 50
"""How often a lock is tried for while others are checking whether it is held."""

PAUSE = 0.02
"""Seconds between two tries."""

LONGEST = 65_536
"""Bytes of a lock file that are read; a record takes some hundred, and the name of a SEC."""

RECORD = {"process", "host", "since", "sec"}
"""What a lock file says of the owner."""

_held: set[int] = set()
"""The descriptors of the locks that this process holds."""


def _let_go() -> None:
    """
    Close the parent's locks in a forked child.

    The two share them, so a worker process of a pool that outlives its parent would keep holding
    them.
    """
    while _held:
        os.close(_held.pop())


os.register_at_fork(after_in_child=_let_go)


@attrs.frozen(eq=False)
class OwnerLock:
    """
    A lock that is held.

    Attributes:
        path: The file that is locked.
    """

    path: str
    _descriptor: int

    def sign(self, sec_name: str | None = None) -> None:
        """Write into the file who holds the lock."""
        owner = {
            "process": os.getpid(),
            "host": socket.gethostname(),
            "since": datetime.now(UTC).isoformat(timespec="seconds"),
            "sec": sec_name,
        }
        with suppress(OSError):  # a full disk, say; the lock is what counts
            os.ftruncate(self._descriptor, 0)
            os.pwrite(self._descriptor, json.dumps(owner).encode(), 0)

    def wipe(self) -> None:
        """Empty the file: the lock is about to be released."""
        with suppress(OSError):
            os.ftruncate(self._descriptor, 0)


def lock_path(path: str) -> str:
    """Return the name of the file whose lock stands for a database."""
    return f"{path}-owner"


@contextmanager
def owner_lock(path: str) -> Generator[OwnerLock, None, None]:
    """
    Hold the lock of a database, or fail at once.

    Raises:
        StoreInUse: Another session holds it.
        StoreError: The file beside the database is not a lock file of a store.
        OSError: The file beside the database cannot be made.
    """
    beside = lock_path(path)
    descriptor = open_regular(beside, os.O_RDWR | os.O_CREAT)
    _held.add(descriptor)  # before locking: a fork may come at any time
    try:
        if not _try_lock(descriptor):
            raise StoreInUse(path, _owner(descriptor))
        # Before `sign` truncates it: another program may have a file of this name.
        if not _is_owner_record(os.pread(descriptor, LONGEST, 0)):
            raise not_ours(beside)
        lock = OwnerLock(beside, descriptor)
        lock.sign()
        try:
            yield lock
        finally:
            if descriptor in _held:
                lock.wipe()
    finally:
        # A forked child that unwinds its copy of this frame gets here as well; its descriptor was
        # closed by `_let_go`, and the number may stand for another file by now.
        if descriptor in _held:
            _held.remove(descriptor)
            # Not left to `close`: a child that is just being forked shares the lock.
            fcntl.flock(descriptor, fcntl.LOCK_UN)
            os.close(descriptor)


def find_owner(path: str) -> str | None:
    """
    Return who holds the lock of a database; None if it is free.

    Raises:
        StoreError: The lock file is not a regular file.
        OSError: It cannot be opened.
    """
    try:
        descriptor = open_regular(lock_path(path), os.O_RDONLY)
    except FileNotFoundError:
        return None
    try:
        return _owner(descriptor) if _is_owned(descriptor) else None
    finally:
        os.close(descriptor)


def _is_owner_record(text: bytes) -> bool:
    """Return True if these can be the contents of a lock file: an owner, or nothing."""
    if not text.strip(b"\0"):  # a power cut may leave zeros where the record was to be
        return True
    try:
        owner = json.loads(text)
    except ValueError:
        return False
    return isinstance(owner, dict) and cast("dict[str, object]", owner).keys() == RECORD


def _try_lock(descriptor: int) -> bool:
    # Those who only check take a shared lock for a moment, which is enough to refuse this one. So
    # failing once does not mean that there is an owner. (flock, not lockf: POSIX locks would be
    # dropped by closing any descriptor of the file, as `find_owner` does in the same process.)
    for _ in range(TRIES):
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            if _is_owned(descriptor):
                return False
            time.sleep(PAUSE)
        else:
            return True
    return False


def _is_owned(descriptor: int) -> bool:
    """Return True if the lock is held exclusively."""
    # A shared lock is refused by an exclusive one only; any number of checks may go on at once.
    try:
        fcntl.flock(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    fcntl.flock(descriptor, fcntl.LOCK_UN)
    return False


def _owner(descriptor: int) -> str:
    """Return what the holder of a lock has written about itself."""
    # It may be half way through writing that; the lock is what counts, not the record.
    try:
        owner = json.loads(os.pread(descriptor, LONGEST, 0))
        sec = "" if owner["sec"] is None else f'the SEC "{owner["sec"]}", '
        return f"{sec}process {owner['process']} on {owner['host']}, since {owner['since']}"
    except (ValueError, TypeError, KeyError):
        return "another process"
