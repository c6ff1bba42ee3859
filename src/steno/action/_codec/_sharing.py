"""
How large a value is if shared parts count each time, computed by visiting each part once.

Needed where a value is written by code that cannot be stopped: by `repr`, by pydantic.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable
from contextlib import suppress
from enum import Enum
from itertools import chain, islice

from steno.action._codec._annotation import Annotation, field_names, has_fields, is_model
from steno.core import JSON, MAX_VALUE_BYTES

AMPLIFICATION = 10
"""How many times larger than in memory a value may become when it is written out."""

LOOKED_AT = 100_000
"""How many bytes of a value that is too large are searched for a cycle."""


def explodes(value: object, limit: int) -> bool:
    """
    Return True if a value takes more bytes than a limit because its parts are shared.

    Raises:
        RecursionError: It is nested too deeply to tell.
    """
    # A value that is just large is not refused here: it was made, so it can be written.
    sizes = _Sizes()
    return sizes.of(value) > max(limit, AMPLIFICATION * sizes.seen)


def shown(value: object) -> str:
    """Return the `repr` of a value, or only its type if `repr` would take practically for ever."""
    try:
        if not explodes(value, MAX_VALUE_BYTES):
            return repr(value)
    except RecursionError:
        pass
    return f"<a {type(value).__qualname__} that is too large to be shown>"


def contains_itself(value: object) -> bool:
    """Return True if a value is one of its own parts, or is nested too deeply to tell."""
    sizes = _Sizes(LOOKED_AT)
    try:
        sizes.of(value)
    except RecursionError:
        return True
    return sizes.has_cycle


class _Sizes:
    """
    The sizes of values and their parts, in bytes at least.

    Attributes:
        most: How many bytes are visited; None: all.
        seen: The size of all parts visited, where each counts once.
        has_cycle: True if one of the values contains itself.
    """

    def __init__(self, most: int | None = None) -> None:
        self.most = most
        self.seen = 0
        self.has_cycle = False
        # The values are kept along with their sizes: the id of one that is gone is used again.
        self._known: dict[int, tuple[object, int | None]] = {}

    def of(self, value: object) -> int:
        known, size = self._known.get(id(value), (None, 0))
        # A size of None marks a value whose parts are just being visited: it contains itself.
        if known is not None:
            self.has_cycle |= size is None
            return size or 0
        if self.most is not None and self.seen > self.most:
            return 0
        parts: list[object] = []
        with suppress(Exception):  # looking at a value runs the user's code
            parts += _parts_of(value, type(value))
        size = len(value) if isinstance(value, str | bytes) else 1
        # Small parts are not followed: sharing them saves nothing, and there may be millions.
        large = [part for part in parts if type(part) not in _SMALL]
        size += len(parts) - len(large)
        self.seen += size
        self._known[id(value)] = value, None
        size += sum(map(self.of, large))
        self._known[id(value)] = value, size
        return size


_SMALL = (int, float, bool, type(None))


def _parts_of(value: JSON, cls: Annotation) -> Iterable[JSON]:
    """Return the parts that are written with a value, at most as many as its length says."""
    if issubclass(cls, dict):
        return islice(chain.from_iterable(value.items()), 2 * len(value))
    if issubclass(cls, list | tuple | set | frozenset | deque):
        return islice(value, len(value))
    if issubclass(cls, BaseException):
        return list(value.args)
    if issubclass(cls, Enum):
        return (value.value,)
    if has_fields(cls):
        return [getattr(value, name, None) for name in field_names(cls)]
    return list(value.__dict__.values()) if is_model(cls) else ()
