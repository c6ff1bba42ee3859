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
from typing import cast

import attrs

from steno.errors import StoreInUse
from steno.stores.sqlite._beside import not_ours, open_regular

TRIES = 50
"""How often a lock is tried for while somebody but looks whether it is held."""

PAUSE = 0.02
"""Seconds between two tries."""

LONGEST = 65_536
"""Bytes of a lock file that are looked at; an owner takes some hundred, and the name of a SEC."""

RECORD = {"process", "host", "since", "sec"}
"""What a lock file says of the owner."""

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
        StoreError: The file beside the database is not a lock file of a store.
        OSError: The file beside the database cannot be made.
    """
    beside = lock_path(path)
    descriptor = open_regular(beside, os.O_RDWR | os.O_CREAT)
    _held.add(descriptor)
    try:
        if not _try_lock(descriptor):
            raise StoreInUse(path, _owner(descriptor))
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
        if descriptor in _held:  # in a child that was forked off, another file may be so by now
            _held.remove(descriptor)
            fcntl.flock(descriptor, fcntl.LOCK_UN)  # a child that is being made has it as well
            os.close(descriptor)


def find_owner(path: str) -> str | None:
    """
    Return who holds the lock of a database, None if nobody does.

    Raises:
        StoreError: What stands for the lock is not a regular file.
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
    """Return True if this is all that a lock file holds: an owner, or nothing."""
    if not text.strip(b"\0"):  # a power cut may leave zeros where the record was to be
        return True
    try:
        owner = json.loads(text)
    except ValueError:
        return False
    return isinstance(owner, dict) and cast("dict[str, object]", owner).keys() == RECORD


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
        owner = json.loads(os.pread(descriptor, LONGEST, 0))
        sec = "" if owner["sec"] is None else f'the SEC "{owner["sec"]}", '
        return f"{sec}process {owner['process']} on {owner['host']}, since {owner['since']}"
    except (ValueError, TypeError, KeyError):
        return "another process"
