"""The subject: the store under test, and hooks that act on it from outside."""

from __future__ import annotations

import sys
from collections.abc import Callable
from contextlib import AbstractAsyncContextManager, AbstractContextManager
from datetime import timedelta
from typing import TypeVar
from unittest import SkipTest

import attrs

from steno.core import SagaId
from steno.store import Fence, SecStore, SecStoreReader

T = TypeVar("T")


@attrs.frozen
class Subject:
    """
    A store to test, fresh and empty for each demand.

    Hooks do what only the store's author can. A demand whose hook is missing is skipped.

    Attributes:
        store: The store. Opened again, it finds what was stored.
        make_newer: Called while the store is closed; makes what is stored look as if a newer
            release had written it.
        failing: Called while the store is open. Inside the context manager that it returns,
            nothing can be written; whether reads work is left to the store.
        damage: Called with a saga while the store is closed; makes what is stored of its log
            unreadable, and nothing else.
        advance: Advances the clock with which the store timestamps rows; nothing else moves it.
        lapse: Called while the store is open, with the fence of a SEC that has joined its fleet;
            ends its lease, as if the time had passed.
    """

    store: SecStore
    make_newer: Callable[[], object] | None = None
    failing: Callable[[], AbstractContextManager[object]] | None = None
    damage: Callable[[SagaId], object] | None = None
    advance: Callable[[timedelta], object] | None = None
    lapse: Callable[[Fence], object] | None = None

    @property
    def open_reader(self) -> Callable[[], AbstractAsyncContextManager[SecStoreReader]] | None:
        """How operators open the store for reading; None if it is not an `OperatorStore`."""
        return getattr(self.store, "open_reader", None)


def needed(hook: T | None, name: str) -> T:
    """
    Return a hook, or another requirement of a demand.

    Raises:
        unittest.SkipTest: It is missing.
    """
    if hook is None:
        raise _skipped(f"the subject has no `{name}`")
    return hook


def _skipped(why: str) -> SkipTest:
    """
    Return the exception that skips a test.

    Under pytest-trio only pytest's own exception works, so if pytest is running, it is both.
    """
    skip: object = getattr(sys.modules.get("pytest"), "skip", None)
    own: type[BaseException] | None = getattr(skip, "Exception", None)
    bases: tuple[type, ...] = (SkipTest,) if own is None else (own, SkipTest)
    kind: type[SkipTest] = type("Skipped", bases, {})
    return kind(why)
