"""The rows of tags."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterable, Iterator, Mapping, Sequence
from types import MappingProxyType

from steno.stores._step import shown
from steno.stores.sqlite._error import is_corrupt
from steno.stores.sqlite._statement import TextRow

_OF_ONE = "SELECT saga_key, key, value FROM tag WHERE saga_key = ?"
_OF_SEVERAL = """
    SELECT saga_key, key, value FROM tag WHERE saga_key IN (SELECT value FROM json_each(?))
"""


def tag_rows(saga_key: int, tags: Mapping[str, str]) -> Iterator[TextRow]:
    """Yield the rows of a saga's tags: its key, and the key and the value of each."""
    for key, value in tags.items():
        yield saga_key, key, value


def tags_of(db: sqlite3.Connection, saga_keys: Sequence[int]) -> Mapping[int, Mapping[str, str]]:
    """
    Return the tags of those sagas that have any, by the saga's key.

    No saga suffers from its tags: what is damaged of one is replaced by a description, and tags in
    a damaged page are left out. `steno doctor` finds both.
    """
    try:
        return _tags_of(db, saga_keys)
    except sqlite3.DatabaseError as error:
        if not is_corrupt(error):
            raise
    found: dict[int, Mapping[str, str]] = {}
    for saga_key in saga_keys:
        try:
            found |= _tags_of(db, [saga_key])
        except sqlite3.DatabaseError as error:
            if not is_corrupt(error):
                raise
    return found


def _tags_of(db: sqlite3.Connection, saga_keys: Sequence[int]) -> dict[int, Mapping[str, str]]:
    found: dict[int, dict[str, str]] = {}
    if len(saga_keys) == 1:
        rows: Iterable[tuple[int, object, object]] = db.execute(_OF_ONE, saga_keys)
    else:
        rows = db.execute(_OF_SEVERAL, (json.dumps(saga_keys),))
    for saga_key, key, value in rows:
        found.setdefault(saga_key, {})[_text(key)] = _text(value)
    return {saga_key: MappingProxyType(tags) for saga_key, tags in found.items()}


def _text(value: object) -> str:
    return value if isinstance(value, str) else shown(value)
