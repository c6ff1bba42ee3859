"""
The owner lock: whoever writes to a database file holds the lock of a file beside it.

The lock is of a file of its own, since closing any descriptor of the database would drop the locks
that SQLite has on it, in the whole process. It is given back when its holder ends, however that
comes about. What the file says is for people only.
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

import attrs

from steno.errors import StoreInUse

TRIES = 50
"""How often a lock is tried for while somebody but looks whether it is held."""

PAUSE = 0.02
"""Seconds between two tries."""

_held: set[int] = set()
"""The descriptors of the locks that this process holds."""


def _let_go() -> None:
    """
    Close the parent's locks, in a child that was forked off.

    The two share them: a worker process of some pool that outlives its parent would hold them.
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
        """Say in the file who holds the lock."""
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
        """Say in the file that nobody holds the lock."""
        with suppress(OSError):
            os.ftruncate(self._descriptor, 0)


def lock_path(path: str) -> str:
    """Return the name of the file whose lock stands for a database."""
    return f"{path}-owner"


@contextmanager
def owner_lock(path: str) -> Generator[OwnerLock, None, None]:
    """
    Hold the lock of a database; never waits for it.

    Raises:
        StoreInUse: Somebody else holds it.
        OSError: The file beside the database can not be made.
    """
    beside = lock_path(path)
    descriptor = os.open(beside, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
    _held.add(descriptor)
    try:
        if not _try_lock(descriptor):
            raise StoreInUse(path, _owner(descriptor))
        lock = OwnerLock(beside, descriptor)
        lock.sign()
        try:
            yield lock
        finally:
            if descriptor in _held:
                lock.wipe()
    finally:
        if descriptor in _held:  # in a child that was forked off, another file may be so by now
            _held.remove(descriptor)
            fcntl.flock(descriptor, fcntl.LOCK_UN)  # a child that is being made has it as well
            os.close(descriptor)


def find_owner(path: str) -> str | None:
    """Return who holds the lock of a database, None if nobody does."""
    try:
        descriptor = os.open(lock_path(path), os.O_RDONLY | os.O_CLOEXEC)
    except FileNotFoundError:
        return None
    try:
        return _owner(descriptor) if _is_owned(descriptor) else None
    finally:
        os.close(descriptor)


def _try_lock(descriptor: int) -> bool:
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
    """Say whether somebody holds the lock, and does not but look, as many may at once."""
    try:
        fcntl.flock(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    fcntl.flock(descriptor, fcntl.LOCK_UN)
    return False


def _owner(descriptor: int) -> str:
    """Return what the holder of a lock says of itself."""
    try:
        owner = json.loads(os.pread(descriptor, 4096, 0))
        sec = "" if owner["sec"] is None else f'the SEC "{owner["sec"]}", '
        return f"{sec}process {owner['process']} on {owner['host']}, since {owner['since']}"
    except (ValueError, TypeError, KeyError):
        return "another process"
