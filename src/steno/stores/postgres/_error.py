"""
What the errors of a server mean: whether they pass, and what to do about them.

They are told by their SQLSTATE (https://www.postgresql.org/docs/current/errcodes-appendix.html); an
error without one is the connection's own.
"""

from __future__ import annotations

from collections.abc import Generator
from contextlib import contextmanager

import psycopg

from steno.errors import StoreError, StoreUnavailable

TRANSIENT = {
    "08": "the connection was lost",
    "25006": "the server only reads, as a standby does; sagas go on when it is the primary",
    "25P03": "this process was stopped in the middle of a transaction",
    "40": "another transaction was in the way",
    "53": "the server lacks disk space, memory or free connections: look at it",
    "55P03": "a lock was not released in time; something else holds it",
    "57": "the server is starting, stopping or busy",
    "58": "the server's disk does not do what it should, or is full: look at it",
}
"""SQLSTATEs, or their classes, of errors that pass, and a hint each."""

LASTING = {
    "42501": "the role lacks a privilege; the schema's owner can grant it",
    "42P01": "a table is missing: the schema was changed by something else",
}
"""The same, for errors that stay."""


@contextmanager
def translating(name: str) -> Generator[None, None, None]:
    """Turn the errors of the driver into those of the port."""
    try:
        yield
    except psycopg.Error as error:
        raise _translated(name, error) from error
    except UnicodeEncodeError as error:
        msg = f"{name} stores text as UTF-8, which has no lone surrogates: {error}"
        raise StoreError(msg) from error


def _translated(name: str, error: psycopg.Error) -> StoreError:
    state = error.sqlstate
    what = str(error).strip().replace("\n", "; ")
    if state is None:
        # The connection is not at fault if the driver cannot send a value.
        lost = isinstance(error, psycopg.OperationalError | psycopg.InterfaceError)
        kind = StoreUnavailable if lost else StoreError
        return kind(f"{name}: {what}")
    text = f"{name}: {what} ({state})"
    if (hint := TRANSIENT.get(state) or TRANSIENT.get(state[:2])) is not None:
        return StoreUnavailable(f"{text}: {hint}")
    hint = LASTING.get(state)
    return StoreError(text if hint is None else f"{text}: {hint}")
