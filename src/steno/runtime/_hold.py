"""
Which exceptions hold a node instead of failing it.

What this build cannot find, decode or encode is the build's mistake, and undoing ten thousand sagas
for it would help nobody: their nodes wait, and go on by themselves under a build that is mended.
"""

from __future__ import annotations

from typing import Final, TypeAlias, cast

from steno.core import inputs
from steno.errors import ActionDataError, Hold, SagaHaltedError, SagaHeldError, SerializeError
from steno.runtime._fault import leaves

HELD: Final = inputs.Again(None, reopen=True)
"""A call that is not made again as things are, but in the next life of the SEC."""

HoldOn: TypeAlias = tuple[type[Exception], ...]
"""Exceptions that hold a node."""

HOLD_ON: Final[HoldOn] = (ActionDataError, SagaHeldError, SagaHaltedError, Hold)
"""What holds a node unless `open_sec` is told otherwise."""


def checked_hold_on(hold_on: object) -> HoldOn:
    """
    Return `hold_on` as a tuple.

    Raises:
        TypeError: It is neither an exception type nor a tuple of such.
    """
    kinds: tuple[object, ...] = (hold_on,)
    if isinstance(hold_on, tuple):
        kinds = cast("tuple[object, ...]", hold_on)
    for kind in kinds:
        if not (isinstance(kind, type) and issubclass(kind, Exception)):
            msg = f"open_sec: hold_on must be a tuple of exception types, got {hold_on!r}"
            raise TypeError(msg)
    return cast("HoldOn", kinds)


def holds(error: Exception, hold_on: HoldOn, *, unstorable: bool = False) -> bool:
    """
    Return True if a call that failed is to be held.

    Args:
        error: What it raised. A group holds its node if every exception in it would.
        hold_on: The exceptions that do.
        unstorable: Whether the call returned, and this is why the result could not be stored.
    """
    if unstorable and issubclass(SerializeError, hold_on):
        return True
    return all(isinstance(leaf, hold_on) for leaf in leaves(error))
