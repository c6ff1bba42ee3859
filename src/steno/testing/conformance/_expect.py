"""Expectations: what is found is held against what the port demands."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import TypeVar

import trio

from steno.store import Rejected, WriteOutcome

E = TypeVar("E", bound=Exception)

SHOWN = 600
"""Characters of a value that a message shows at most."""


def expect(found: object, wanted: object, demand: str) -> None:
    """
    Compare what a store gave with what it has to give.

    Raises:
        AssertionError: They differ.
    """
    if found != wanted:
        raise AssertionError(_text(demand, found, wanted))


def expect_that(holds: bool, demand: str, found: object) -> None:  # noqa: FBT001 - what holds is said by the demand
    """
    Demand what no single value is wanted for.

    Raises:
        AssertionError: It does not hold.
    """
    if not holds:
        raise AssertionError(_text(demand, found, "what is demanded"))


def expect_rejected(outcome: WriteOutcome, kind: type[Exception], demand: str) -> None:
    """
    Demand that a write was rejected, with an error of some kind.

    Raises:
        AssertionError: It was not, or with another.
    """
    fits = isinstance(outcome, Rejected) and isinstance(outcome.error, kind)
    if not fits:
        raise AssertionError(_text(demand, outcome, f"Rejected(error={kind.__name__}(…))"))


async def error_of(call: Callable[[], Awaitable[object]], kind: type[E], demand: str) -> E:
    """
    Return the error of a call that has to fail.

    Raises:
        AssertionError: It did not, or with another error.
    """
    await trio.lowlevel.checkpoint()
    try:
        found = await call()
    except kind as error:
        return error
    except Exception as error:  # noqa: BLE001 - whatever it is, it is not what is demanded
        found = error
    raise AssertionError(_text(demand, found, f"an exception of type {kind.__name__}"))


def _text(demand: str, found: object, wanted: object) -> str:
    return f"{demand}\nfound:  {_shown(found)}\nwanted: {_shown(wanted)}"


def _shown(value: object) -> str:
    text = value if isinstance(value, str) else repr(value)
    if len(text) > SHOWN:
        return f"{text[:SHOWN]}… ({len(text)} characters)"
    return text
