"""Stores by name, as they are given on a command line."""

from __future__ import annotations

from urllib.parse import unquote, urlsplit

from steno.store import OperatorStore
from steno.stores._sqlite import SqliteSecStore


def store_from_url(text: str) -> OperatorStore:
    """
    Return the store of a path, or of a URL: `sqlite:///trips.db`, `sqlite:////var/lib/trips.db`.

    Raises:
        ValueError: It names no store.
    """
    if "://" not in text:
        return SqliteSecStore(text)
    url = urlsplit(text)
    if url.scheme != "sqlite" or url.netloc or not url.path[1:] or url.query or url.fragment:
        msg = f"{text!r} names no store: give a path, or sqlite:///relative.db, sqlite:////abs.db"
        raise ValueError(msg)
    return SqliteSecStore(unquote(url.path[1:]))
