"""
Values: JSON text inside, users' types outside.

Theory of operation. Every value that a user hands in (params, constants, outputs, errors) becomes
text here, once, and stays text: in the log, in the store, in memory. Every value that a user asks
for is decoded afresh from that text. So no live object is ever shared between nodes, a running saga
sees exactly what a recovered one will see, and an event is encoded once in its life.

Core knows JSON only. Types are the business of a `ValueCodec`, which the caller passes in;
`PLAIN_CODEC`, the only one in core, takes JSON and nothing else.
"""

from __future__ import annotations

import json
import math
import sys
from collections.abc import Collection, Iterator, Sequence
from types import UnionType
from typing import Any, Final, NewType, Protocol, TypeAlias, TypeVar, cast

import attrs
from typing_extensions import TypeForm

from steno.errors import DeserializeError, DumpError, SerializeError

T = TypeVar("T")

JSON: TypeAlias = Any
"""A decoded JSON value: None, bool, int, float, str, list or dict with str keys."""

JsonValue: TypeAlias = "bool | int | float | str | list[JsonValue] | dict[str, JsonValue] | None"
"""The same, spelled out, for code that takes such a value apart."""

JsonText = NewType("JsonText", str)
"""Compact JSON with sorted keys that has passed `encode_json`."""

NULL = JsonText("null")

MIN_INTEGER, MAX_INTEGER = -(2**63), 2**64 - 1
"""What fits a 64-bit integer of either sign, as in Steno's JSON library (serde_json)."""

PLAIN = (type(None), int, float, str, list, tuple, dict)
"""The classes whose instances, and those of subclasses, are JSON if their parts are."""

SHOWN_BITS = 256
"""How large an integer may be to be shown in a message."""

MAX_DEPTH = 100
"""How deep lists and objects may nest; serde_json, which reads dumps too, refuses 128."""

MAX_VALUE_BYTES = 4 * 1024 * 1024
"""The default size limit of one value, in bytes of UTF-8."""


# `json.dumps` with these arguments would make an encoder for each value.
_COMPACT = json.JSONEncoder(
    ensure_ascii=False, allow_nan=False, separators=(",", ":"), sort_keys=True
)


def encode_json(value: JSON, limit: int = sys.maxsize) -> JsonText:
    """
    Return a JSON value as compact text with sorted keys.

    Args:
        value: What is written. A part that several others share is written for each of them.
        limit: How many bytes of UTF-8 the text may take. It is a budget: the value is looked
            through until it is spent, and only then is anything written.

    Raises:
        SerializeError: The value, or a part of it, is not JSON: another type, a key that is not a
            string, a number out of range, NaN or an infinity, a lone surrogate, a cycle, or more
            than `MAX_DEPTH` levels. Or the text takes more bytes than allowed.
    """
    try:
        if type(value) is int and MIN_INTEGER <= value <= MAX_INTEGER:
            text = str(value)  # what the encoder gives, which makes another one for it
        elif value is None:
            text = NULL
        else:
            # The budget comes first: a shared part is written once per reference, so a small value
            # can have a text of many gigabytes, which must not be made to be measured.
            _spent(_check(value, limit, 0))
            text = _COMPACT.encode(value)
        size = len(text) if text.isascii() else len(text.encode())
    except _TooLarge:
        raise too_large(limit) from None
    except (TypeError, ValueError, RecursionError):
        raise _fault(value) from None  # with its path
    if size > limit:
        raise too_large(limit, size)
    return JsonText(text)


def too_large(limit: int, size: int | None = None) -> SerializeError:
    """Return the error for a value that takes more bytes than the limit; None: not counted."""
    taken = "more bytes as JSON than" if size is None else f"{size} bytes as JSON, more than"
    return SerializeError("$", f"takes {taken} the {limit} allowed")


def decode_json(text: str) -> JSON:
    """
    Return a fresh value from text that `encode_json` returned.

    Raises:
        DumpError: The text is from elsewhere, or was damaged since.
    """
    try:
        return json.loads(text)
    except (ValueError, RecursionError) as error:
        raise DumpError("$", f"is not JSON: {error}") from None


def parse_json(text: str) -> JsonValue:
    """
    Return the value of a text of any origin.

    Raises:
        ValueError: The text is not JSON, or nests too deeply.
    """
    try:
        value: JsonValue = json.loads(text, parse_constant=_no_constant)
        return value
    except RecursionError:
        msg = "nested too deeply"
        raise ValueError(msg) from None


def _no_constant(name: str) -> JSON:
    msg = f"{name} is not JSON"
    raise ValueError(msg)


class _TooLarge(Exception):
    """The budget is spent."""


def _check(value: JSON, budget: int, depth: int) -> int:
    """
    Check what `json.dumps` lets pass (size, keys, ranges, depth); return what is left of a budget.

    A value counts for no more bytes than it will take, and before its parts are looked at.
    """
    # `type(value)` throughout, never `isinstance`: that believes a `__class__` that lies, as a
    # Mock's does, and the encoder does not.
    parts: Collection[JSON] = value
    if issubclass(type(value), dict):
        parts = value.values()
        budget -= len("".join(value))  # raises TypeError if a key is not a string
    elif not issubclass(type(value), list | tuple):
        if not issubclass(type(value), PLAIN):
            raise TypeError
        if issubclass(type(value), int):
            _check_range(value, value)
        return budget - len(value) if issubclass(type(value), str) else budget
    budget = _spent(budget - len(parts) - 1)  # commas and brackets
    # This is also what ends the walk of a value that contains itself.
    if depth == MAX_DEPTH and parts:
        raise ValueError
    if len(parts) > MANY and set(map(type, parts)) == {int}:
        _check_range(min(parts), max(parts))
        return budget
    for part in parts:
        # The commonest leaves are handled here, as a call costs more than all that it would do.
        if type(part) is str:
            budget -= len(part)
        elif type(part) not in _FREE:
            budget = _check(part, budget, depth + 1)
    return budget


def _spent(budget: int) -> int:
    if budget < 0:
        raise _TooLarge
    return budget


MANY = 20
"""Above this many parts, checking whether they are all ints pays off: `min` and `max` are quick."""

_FREE = {type(None), bool, float}
"""Types that need no check here: the encoder itself refuses NaN and infinities."""


def _check_range(least: int, most: int) -> None:
    if least < MIN_INTEGER or most > MAX_INTEGER:
        raise ValueError


def _fault(value: JSON) -> SerializeError:
    """
    Return the error for the first part of a value that is not JSON; slow, for refused values only.

    A part that is shared is looked into once for each level at which it occurs.
    """
    # `deepest` keeps a part from being walked again at the same depth or above, which would take
    # exponential time where parts are shared. A deeper visit must be made: it may hit the limit.
    steps: list[str | int] = []
    levels: list[Iterator[tuple[str | int, JSON]]] = [iter([("$", value)])]
    deepest: dict[int, int] = {}
    while levels:
        for step, item in levels[-1]:
            depth = len(steps)
            if (why := _own_fault(item)) is None and depth > MAX_DEPTH:
                why = f"is nested deeper than {MAX_DEPTH} levels, or contains itself"
            if why is not None:
                return SerializeError("".join(map(_spelled, (*steps, step))), why)
            if issubclass(type(item), dict | list | tuple) and deepest.get(id(item), -1) < depth:
                deepest[id(item)] = depth
                steps.append(step)
                levels.append(_parts(item))
                break
        else:
            levels.pop()
            del steps[-1:]
    return SerializeError("$", "is not JSON")  # pragma: no cover - every refusal has a reason above


def _parts(item: JSON) -> Iterator[tuple[str | int, JSON]]:
    """Return the parts of a list or object, each with its step in a path."""
    if isinstance(item, dict):
        return ((f".{key}", child) for key, child in cast("dict[object, JSON]", item).items())
    return enumerate(cast("Sequence[JSON]", item))


def _spelled(step: str | int) -> str:
    return f"[{step}]" if isinstance(step, int) else step


def _own_fault(item: JSON) -> str | None:
    """Return what is wrong with a value, its parts aside; its `__class__` may lie."""
    if not issubclass(type(item), PLAIN):
        return f"a value of type {type(item).__qualname__} cannot be stored as JSON"
    match item:
        case int():
            if MIN_INTEGER <= item <= MAX_INTEGER:
                return None
            # Python itself refuses to write very long integers out.
            bits = item.bit_length()
            shown = f"an integer of {bits} bits" if bits > SHOWN_BITS else f"{item}"
            return f"{shown} is out of the range -2**63 to 2**64-1"
        case float():
            return None if math.isfinite(item) else f"{item} is not a JSON number"
        case str():
            return _surrogate_fault(item)
        case dict():
            for key in cast("dict[object, JSON]", item):
                if not isinstance(key, str):
                    return f"the key {key!r} is not a string"
                if why := _surrogate_fault(key):
                    return why
            return None
        case _:
            return None


def _surrogate_fault(text: str) -> str | None:
    try:
        text.encode()
    except UnicodeEncodeError:
        return f"{text!r} holds a lone surrogate"
    return None


class ValueCodec(Protocol):
    """Turns users' types into JSON text and back."""

    def encode(
        self, value: object, limit: int | None = None, /, *, as_type: object = None
    ) -> JsonText:
        """
        Return a value as text.

        Args:
            value: Of any type that the codec knows.
            limit: How many bytes it may take; None: as many as the codec allows.
            as_type: The annotation that the value keeps, if there is one: it will be decoded as
                that type.

        Raises:
            SerializeError: The codec has no JSON for it, or it takes more bytes.
        """
        ...

    def decode(self, text: JsonText, as_type: TypeForm[T]) -> T:
        """Return a fresh value of the type, or raise `DeserializeError`."""
        ...


@attrs.frozen
class _PlainCodec:
    """JSON and nothing else."""

    def encode(
        self, value: object, limit: int | None = None, /, *, as_type: object = None
    ) -> JsonText:
        del as_type  # plain JSON needs no annotation
        return encode_json(value, MAX_VALUE_BYTES if limit is None else limit)

    def decode(self, text: JsonText, as_type: TypeForm[T]) -> T:
        value, kind = _decoded(text), cast("type[T]", as_type)
        # Also for a union; anything else that is not a class is more than plain JSON has.
        is_class = isinstance(as_type, type | UnionType)
        if not is_class or not isinstance(value, kind):
            msg = f"$: {value!r} is not of type {getattr(kind, '__qualname__', kind)}"
            raise DeserializeError(msg)
        return value


PLAIN_CODEC: Final[ValueCodec] = _PlainCodec()
"""Takes plain JSON; decodes as the class that is asked for, or refuses."""


def decode_value(codec: ValueCodec, text: JsonText, as_type: TypeForm[T] | None) -> T | JSON:
    """
    Return a fresh value of a user's type; without a type, plain JSON.

    Raises:
        DeserializeError: The text holds nothing of that type.
    """
    return codec.decode(text, object if as_type is None else as_type)


def _decoded(text: JsonText) -> JSON:
    try:
        return decode_json(text)
    except DumpError as error:
        raise DeserializeError(f"{error.path}: {error.why}") from error
