"""Stores by name, as they are given on a command line."""

from __future__ import annotations

from collections.abc import Callable
from importlib.metadata import entry_points
from typing import cast

from steno.store import OperatorStore
from steno.stores.sqlite import SqliteSecStore

GROUP = "steno.stores"
"""
The group of entry points in which stores are found, by the scheme of their URLs.

Each is a function that takes the URL and returns an `OperatorStore`, or raises ValueError if it
does not name a store.
"""


def store_from_url(text: str) -> OperatorStore:
    """
    Return the store of a path, or of a URL.

    Such as `sqlite:///trips.db`, `sqlite:////var/lib/trips.db`, `postgresql://user@host/trips`. A
    package that brings a store registers its scheme: see `GROUP`.

    Raises:
        ValueError: It does not name a store.
    """
    scheme, colon, _ = text.partition("://")
    if not colon:
        return SqliteSecStore(text)
    for entry in entry_points(group=GROUP, name=scheme.lower()):
        try:
            make = cast("Callable[[str], OperatorStore]", entry.load())
        except ImportError as error:
            raise ValueError(str(error)) from error
        return make(text)
    schemes = ", ".join(sorted({f"{entry.name}://" for entry in entry_points(group=GROUP)}))
    msg = f"{text!r} does not name a store: give a path, or a URL that begins with {schemes}"
    raise ValueError(msg)
