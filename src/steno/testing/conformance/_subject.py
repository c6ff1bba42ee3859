"""The subject: the store that is looked at, and what has to be done to it from outside."""

from __future__ import annotations

import sys
from collections.abc import Callable
from contextlib import AbstractAsyncContextManager, AbstractContextManager
from datetime import timedelta
from typing import TypeVar
from unittest import SkipTest

import attrs

from steno.core import SagaId
from steno.store import SecStore, SecStoreReader

T = TypeVar("T")


@attrs.frozen
class Subject:
    """
    A store to be looked at, fresh and empty for each demand.

    What only the store's author can do is a hook. A demand whose hook is missing is skipped.

    Attributes:
        store: The store. Opened again, it finds what was stored.
        make_newer: Called while the store is closed; makes what is stored look as if a newer
            release had written it.
        failing: Called while the store is open. Inside the context manager that it returns,
            nothing can be written; whether reads work is left to the store.
        damage: Called with a saga while the store is closed; makes what is stored of its log
            unreadable, and nothing else.
        advance: Moves the clock forward that the store stamps rows with; nothing else moves it.
    """

    store: SecStore
    make_newer: Callable[[], object] | None = None
    failing: Callable[[], AbstractContextManager[object]] | None = None
    damage: Callable[[SagaId], object] | None = None
    advance: Callable[[timedelta], object] | None = None

    @property
    def open_reader(self) -> Callable[[], AbstractAsyncContextManager[SecStoreReader]] | None:
        """How operators open the store to look at it; None if it is no `OperatorStore`."""
        return getattr(self.store, "open_reader", None)


def needed(hook: T | None, name: str) -> T:
    """
    Return a hook, or what else a demand cannot do without.

    Raises:
        SkipTest: It is missing.
    """
    if hook is None:
        raise _skipped(f"the subject has no `{name}`")
    return hook


def _skipped(why: str) -> SkipTest:
    """
    Return what skips a test.

    Under pytest-trio only pytest's own exception does, so where pytest is at work, it is both.
    """
    skip: object = getattr(sys.modules.get("pytest"), "skip", None)
    own: type[BaseException] | None = getattr(skip, "Exception", None)
    bases: tuple[type, ...] = (SkipTest,) if own is None else (own, SkipTest)
    kind: type[SkipTest] = type("Skipped", bases, {})
    return kind(why)
