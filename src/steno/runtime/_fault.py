"""Classifying what user code and stores may raise: errors, cancellations, fatal exceptions."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import cast

import trio

from steno.errors import SecClosing, StenoError, StoreError


def leaves(error: BaseException) -> Iterator[BaseException]:
    """Yield the exceptions in a group, at any depth; a plain exception is its own leaf."""
    pending = [error]
    while pending:
        item = pending.pop()
        if isinstance(item, BaseExceptionGroup):
            group = cast("BaseExceptionGroup[BaseException]", item)
            pending.extend(reversed(group.exceptions))
        else:
            yield item


def is_fatal(error: BaseException) -> bool:
    """Return True if it must end the SEC: `KeyboardInterrupt`, `SystemExit` and similar."""
    return any(not isinstance(leaf, Exception | trio.Cancelled) for leaf in leaves(error))


def is_cancellation(error: BaseException) -> bool:
    """Return True if any part of it is a `Cancelled`."""
    return any(isinstance(leaf, trio.Cancelled) for leaf in leaves(error))


def is_closing(error: BaseException) -> bool:
    """Return True if it results from the SEC being left."""
    return any(isinstance(leaf, SecClosing) for leaf in leaves(error))


def is_cancelled() -> bool:
    """Return True if the current task would be cancelled at its next checkpoint."""
    return trio.current_effective_deadline() == -math.inf


def fault_of(error: BaseException) -> BaseException | None:
    """
    Return what went wrong in an actor that ended with an exception.

    None if nothing did: the actor was cancelled from outside, or the process is to end.
    """
    others = [leaf for leaf in leaves(error) if not isinstance(leaf, trio.Cancelled)]
    if is_fatal(error) or (not others and is_cancelled()):
        return None
    return others[0] if others else error


def of_the_store(error: Exception) -> StenoError:
    """Return the StenoError for a failure to store a saga."""
    if isinstance(error, StenoError):
        return error
    wrapped = StoreError(f"the store refused it: {type(error).__name__}: {error}")
    wrapped.__cause__ = error
    return wrapped
