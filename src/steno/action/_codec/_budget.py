"""
How many bytes a value that is being written may still take.

Theory of operation. One list may be part of a value many times, and is written out each time:
twenty lists, each of which holds the one before twice, have a million leaves. So a writer spends,
before it copies a list or an object, no more bytes than that will take as JSON, and the value is
refused when none are left. The size of the whole is known, and checked, in the end.

The budget is kept per thread instead of being passed on, since the functions that cattrs generates
have no parameter for it. No other task of the thread runs while a value is written.
"""

from __future__ import annotations

import sys
import threading
from collections.abc import Callable, Iterable
from itertools import islice
from typing import TypeVar

from steno.core import JSON

T = TypeVar("T")


class BudgetSpent(Exception):
    """A value takes more bytes than it may."""


class _Budget(threading.local):
    left = sys.maxsize


_budget = _Budget()


def within(limit: int, write: Callable[[T], JSON], value: T) -> JSON:
    """Return the result of writing a value, or raise `BudgetSpent` once it spends too much."""
    # Nested: a function that a user has registered may encode another value within this one.
    before, _budget.left = _budget.left, limit
    try:
        return write(value)
    finally:
        _budget.left = before


def bytes_left() -> int:
    """Return how many bytes may still be spent."""
    return _budget.left


def spend(size: int) -> None:
    """Take a number of bytes from the budget."""
    # Stored before it is checked: if some code in between swallows the exception, the next `spend`
    # raises it again.
    _budget.left = left = _budget.left - size
    if left < 0:
        raise BudgetSpent


def spend_on(plain: JSON) -> None:
    """Take the bytes of JSON that was written elsewhere from the budget."""
    if plain.__class__ is str:
        spend(len(plain))
    elif plain.__class__ in (dict, list):
        spend(len(plain) + 1)
        for part in plain.values() if plain.__class__ is dict else plain:
            spend_on(part)


def bounded(parts: Iterable[JSON]) -> list[JSON]:
    """Return the parts of a container of a user's class, which may iterate without end."""
    # One more than can be paid for, so that the caller's `spend` fails if there are too many.
    return list(islice(parts, _budget.left + 1))
