"""What the errors of a server mean: those that pass are StoreUnavailable, and no others."""

import psycopg
import pytest

from steno import StoreError, StoreUnavailable
from steno.stores.postgres._error import translating

PASSING = {
    "08006": "connection lost",
    "25006": "switch of the primary",
    "25P03": "stopped in a transaction",
    "40001": "serialization failure",
    "40P01": "deadlock",
    "53100": "disk full",
    "53200": "out of memory",
    "53300": "too many connections",
    "55P03": "lock not available",
    "57014": "statement timeout",
    "57P01": "shutdown",
    "57P02": "crash",
    "57P03": "starting up",
    "58030": "input or output error",
}
LASTING = {
    "22021": "not UTF-8",
    "23505": "a row that is there",
    "28P01": "a wrong password, told later",
    "42501": "no privilege",
    "42P01": "no table",
    "54000": "too much for one statement",
    "XX001": "a damaged page",
}


def translated(error: Exception) -> StoreError:
    with pytest.raises(StoreError) as caught, translating("the server"):
        raise error
    assert caught.value.__cause__ is error
    return caught.value


@pytest.mark.parametrize("state", PASSING, ids=PASSING.get)
def test_an_error_that_passes(state: str):
    """It is StoreUnavailable, so that the writer tries again."""
    found = translated(psycopg.errors.lookup(state)("no"))
    assert type(found) is StoreUnavailable
    assert str(found).startswith(f"the server: no ({state}): ")


@pytest.mark.parametrize("state", LASTING, ids=LASTING.get)
def test_an_error_that_stays(state: str):
    """It is not tried again."""
    found = translated(psycopg.errors.lookup(state)("no"))
    assert type(found) is StoreError
    assert str(found).startswith(f"the server: no ({state})")


def test_an_error_of_the_connection_itself_passes():
    """It has no SQLSTATE; the server may be reached later."""
    found = translated(psycopg.OperationalError("connection refused\n\tIs it running?\n"))
    assert type(found) is StoreUnavailable
    assert str(found) == "the server: connection refused; \tIs it running?"


def test_a_value_that_cannot_be_sent_does_not_pass():
    """The driver refuses NUL in a text, and Python a lone surrogate in UTF-8."""
    found = translated(psycopg.DataError("PostgreSQL text fields cannot contain NUL"))
    assert type(found) is StoreError
    with pytest.raises(StoreError, match="lone surrogates") as caught, translating("the server"):
        "\ud800".encode()
    assert type(caught.value) is StoreError
