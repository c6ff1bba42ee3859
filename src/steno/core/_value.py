"""
Values: JSON text inside, users' types outside.

Theory of operation. Whatever a user hands in (params, constants, outputs, errors) becomes text
here, once, and stays text: in the log, in the store, in memory. Whatever a user asks for is decoded
afresh from that text. So no live object is ever shared between nodes, a running saga sees exactly
what a recovered one will see, and an event is encoded once in its life.

Core knows JSON only. Types are the business of a `Codec`, which the floor above hands in with
`use_codec` when it is imported; the one in place until then takes plain JSON.
"""

from __future__ import annotations

import json
import math
from collections.abc import Sequence
from typing import Any, NewType, Protocol, TypeAlias, TypeVar, cast

from steno.errors import DeserializeError, SerializeError

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


def encode_json(value: JSON) -> JsonText:
    """
    Return a JSON value as compact text with sorted keys.

    Raises:
        SerializeError: The value, or a part of it, is no JSON: another type, a key that is no
            string, a number out of range, NaN or an infinity, a lone surrogate, a cycle, or more
            than `MAX_DEPTH` levels.
    """
    if value is None:
        return NULL
    if type(value) is int and MIN_INTEGER <= value <= MAX_INTEGER:
        return JsonText(str(value))  # what the encoder gives, which makes another one for it
    try:
        text = _COMPACT.encode(value)
        if _is_strict(value):
            text.encode()
            return JsonText(text)
    except (TypeError, ValueError, RecursionError):
        pass  # the reason is found below, with its path
    raise _fault(value)


def decode_json(text: str) -> JSON:
    """Return a fresh value from text that `encode_json` made."""
    return json.loads(text)


def parse_json(text: str) -> JsonValue:
    """
    Return the value of a text of any origin.

    Raises:
        ValueError: The text is no JSON, or nests too deeply.
    """
    try:
        value: JsonValue = json.loads(text, parse_constant=_no_constant)
        return value
    except RecursionError:
        msg = "nested too deeply"
        raise ValueError(msg) from None


def _no_constant(name: str) -> JSON:
    msg = f"{name} is no JSON"
    raise ValueError(msg)


def _is_strict(value: JSON) -> bool:
    """Check what `json.dumps` lets pass: keys, ranges, depth. The value is known to be finite."""
    level: list[JSON] = [value]
    for _ in range(MAX_DEPTH + 1):
        deeper: list[JSON] = []
        for item in level:
            match item:
                case None | bool() | str() | float():
                    pass
                case int():
                    if not MIN_INTEGER <= item <= MAX_INTEGER:
                        return False
                case dict():
                    members = cast("dict[object, JSON]", item)
                    if not all(isinstance(key, str) for key in members):
                        return False
                    deeper.extend(members.values())
                case _:
                    deeper.extend(item)
        if not deeper:
            return True
        level = deeper
    return False


def _fault(value: JSON) -> SerializeError:
    """Find the first part of a value that is no JSON; slow, so only asked when there is one."""
    stack: list[tuple[str, JSON, int]] = [("$", value, 0)]
    while stack:
        path, item, depth = stack.pop()
        why = _own_fault(item)
        if why is None and depth > MAX_DEPTH:
            why = f"is nested deeper than {MAX_DEPTH} levels, or contains itself"
        if why is not None:
            return SerializeError(path, why)
        stack.extend((path + step, child, depth + 1) for step, child in reversed(_children(item)))
    return SerializeError("$", "is no JSON")  # pragma: no cover - every refusal has a reason above


def _children(item: JSON) -> list[tuple[str, JSON]]:
    """Return the parts of a value, each with the step to it."""
    match item:
        case dict():
            members = cast("dict[object, JSON]", item)
            return [(f".{key}", child) for key, child in members.items()]
        case list() | tuple():
            elements = cast("Sequence[JSON]", item)
            return [(f"[{index}]", child) for index, child in enumerate(elements)]
        case _:
            return []


def _own_fault(item: JSON) -> str | None:
    """Say what is wrong with a value, its children aside; its `__class__` may lie."""
    if not issubclass(type(item), PLAIN):
        return f"a value of type {type(item).__qualname__} can not be stored as JSON"
    match item:
        case int():
            if MIN_INTEGER <= item <= MAX_INTEGER:
                return None
            # Python itself refuses to write very long integers out.
            bits = item.bit_length()
            shown = f"an integer of {bits} bits" if bits > SHOWN_BITS else f"{item}"
            return f"{shown} is out of the range -2**63 to 2**64-1"
        case float():
            return None if math.isfinite(item) else f"{item} is no JSON number"
        case str():
            return _surrogate_fault(item)
        case dict():
            for key in cast("dict[object, JSON]", item):
                if not isinstance(key, str):
                    return f"the key {key!r} is no string"
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


class Codec(Protocol):
    """Turns users' types into JSON text and back."""

    def encode(self, value: object) -> JsonText:
        """Return a value as text, or raise `SerializeError`."""
        ...

    def decode(self, text: JsonText, as_type: type[T]) -> T:
        """Return a fresh value of the type, or raise `DeserializeError`."""
        ...


class _PlainCodec:
    """JSON and nothing else."""

    def encode(self, value: object) -> JsonText:
        return encode_json(value)

    def decode(self, text: JsonText, as_type: type[T]) -> T:
        value = decode_json(text)
        if not isinstance(value, as_type):
            msg = f"$: {value!r} is no {as_type.__qualname__}"
            raise DeserializeError(msg)
        return value


_codec: Codec = _PlainCodec()


def use_codec(codec: Codec) -> None:
    """Hand in the codec of users' types; done once, when the floor above is imported."""
    global _codec  # noqa: PLW0603 - the one seam between pure JSON and users' types
    _codec = codec


def encode_value(value: object) -> JsonText:
    """
    Return a user's value as text.

    Raises:
        SerializeError: The codec knows no JSON for it.
    """
    return _codec.encode(value)


def decode_value(text: JsonText, as_type: type[T] | None) -> T | JSON:
    """
    Return a fresh value of a user's type; without a type, plain JSON.

    Raises:
        DeserializeError: The text holds nothing of that type.
    """
    return decode_json(text) if as_type is None else _codec.decode(text, as_type)
