"""Errors of this library."""

from __future__ import annotations

from steno.errors._root import StenoError


class BugError(StenoError):
    """A bug in this library; please report it with its traceback."""


class InternalError(BugError):
    """The engine broke a rule of its own."""


class SecCrashed(BugError):
    """An actor of the SEC crashed; see `__cause__`. The sagas continue at the next open."""
