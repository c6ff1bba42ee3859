"""What the errors of a database file mean: whether they pass, and what to do about them."""

from __future__ import annotations

import errno
import sqlite3
from collections.abc import Generator
from contextlib import contextmanager

from steno.errors import StoreError, StoreUnavailable

TRANSIENT = {
    sqlite3.SQLITE_BUSY: "another program has locked it, and keeps it locked: end that",
    sqlite3.SQLITE_CANTOPEN: "it, or a file beside it, may not be opened: look at its folder",
    sqlite3.SQLITE_FULL: "the disk is full: free some space",
    sqlite3.SQLITE_IOERR: "the disk does not do what it should, or is full: look at its health",
    sqlite3.SQLITE_LOCKED: "another connection has locked it: end that",
    sqlite3.SQLITE_NOMEM: "the machine is short of memory",
    sqlite3.SQLITE_PROTOCOL: "too many at once want its lock",
    sqlite3.SQLITE_READONLY: "it, its folder or its file system is read-only: make it writable",
}
"""Primary codes of errors that pass once the disk is mended or a lock released, and a hint each."""

LASTING = {
    sqlite3.SQLITE_CORRUPT: "the file is damaged; `steno doctor` says where",
    sqlite3.SQLITE_NOTADB: "it is another program's file, or damaged",
}
"""The same, for errors that stay."""

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
"""Errors of the operating system that pass in the same way."""


@contextmanager
def translating(path: str) -> Generator[None, None, None]:
    """Turn the errors of the driver and the operating system into those of the port."""
    try:
        yield
    except sqlite3.Error as error:
        raise _translated(path, error) from error
    except OSError as error:
        kind = StoreUnavailable if error.errno in TRANSIENT_ERRNO else StoreError
        msg = f"{path} cannot be opened: {error.strerror}: {error.filename}"
        raise kind(msg) from error


def is_corrupt(error: sqlite3.Error) -> bool:
    """Return True if a page of the file is damaged."""
    return _primary(getattr(error, "sqlite_errorcode", 0)) == sqlite3.SQLITE_CORRUPT


def _primary(code: int) -> int:
    # The low byte; extended codes are many, and each release adds some.
    return code & 0xFF


def _translated(path: str, error: sqlite3.Error) -> StoreError:
    code = getattr(error, "sqlite_errorcode", None)
    if code is None:  # the driver's own, as for text that is not UTF-8
        return StoreError(f"{path}: {error}")
    primary = _primary(code)
    text = f"{path}: {error} ({error.sqlite_errorname})"
    if (hint := TRANSIENT.get(primary)) is not None:
        return StoreUnavailable(f"{text}: {hint}")
    hint = LASTING.get(primary)
    return StoreError(text if hint is None else f"{text}: {hint}")
