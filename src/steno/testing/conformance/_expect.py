"""Expectations: comparing what a store does with what is demanded."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import TypeVar

import trio

from steno.store import Rejected, WriteOutcome

E = TypeVar("E", bound=Exception)

SHOWN = 600
"""Maximum characters of a value in a message."""


def expect(found: object, wanted: object, demand: str) -> None:
    """
    Compare what a store returned with what it must return.

    Raises:
        AssertionError: They differ.
    """
    if found != wanted:
        raise AssertionError(_text(demand, found, wanted))


def expect_that(holds: bool, demand: str, found: object) -> None:  # noqa: FBT001 - the demand says what holds
    """
    Demand a condition that more than one value satisfies.

    Raises:
        AssertionError: It does not hold.
    """
    if not holds:
        raise AssertionError(_text(demand, found, "what is demanded"))


def expect_rejected(outcome: WriteOutcome, kind: type[Exception], demand: str) -> None:
    """
    Demand that a write was rejected, with an error of this kind.

    Raises:
        AssertionError: It was not, or with a different error.
    """
    fits = isinstance(outcome, Rejected) and isinstance(outcome.error, kind)
    if not fits:
        raise AssertionError(_text(demand, outcome, f"Rejected(error={kind.__name__}(…))"))


async def error_of(call: Callable[[], Awaitable[object]], kind: type[E], demand: str) -> E:
    """
    Return the error of a call that must fail.

    Raises:
        AssertionError: It did not, or with a different error.
    """
    await trio.lowlevel.checkpoint()
    try:
        found = await call()
    except kind as error:
        return error
    except Exception as error:  # noqa: BLE001 - any other exception fails the demand
        found = error
    raise AssertionError(_text(demand, found, f"an exception of type {kind.__name__}"))


def _text(demand: str, found: object, wanted: object) -> str:
    return f"{demand}\nfound:  {_shown(found)}\nwanted: {_shown(wanted)}"


def _shown(value: object) -> str:
    text = value if isinstance(value, str) else repr(value)
    if len(text) > SHOWN:
        return f"{text[:SHOWN]}… ({len(text)} characters)"
    return text
