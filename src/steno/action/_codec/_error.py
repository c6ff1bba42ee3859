"""
Exceptions as JSON: their type, their message, and their data if they have any.

The type is the qualified name of the class, so that the error is not taken for another one with the
same fields, and people see what it was.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from typing import Protocol

from steno.action._codec._annotation import field_names, has_fields, qualified_name
from steno.action._codec._budget import spend, within
from steno.action._codec._refusal import message_of, printable
from steno.core import JSON, JsonText, decode_json, encode_json
from steno.errors import SerializeError

MAX_GROUP_SIZE = 100
"""How many exceptions of a group, of all its levels together, are stored."""

MAX_GROUP_DEPTH = 10
"""How many levels of groups within groups are stored."""

MAX_TYPE_NAME = 500
"""How many characters of a class's name are stored when an error must be cut short."""


class Encoder(Protocol):
    """The part of a codec that is needed here."""

    @property
    def max_value_bytes(self) -> int:
        """The size limit of one value."""
        ...

    def knows(self, cls: type) -> bool:
        """Return True if a class was registered."""
        ...

    def encode(self, value: object, /) -> JsonText:
        """Return a value as text."""
        ...


def encode_error(codec: Encoder, error: BaseException) -> JsonText:
    """Return an exception as text, cut short where it must be; this never fails."""
    try:
        # One iterator for all levels of a group: each exception that is stored takes a number.
        places = iter(range(MAX_GROUP_SIZE))
        data = within(codec.max_value_bytes, lambda each: _data(codec, each, places, 0), error)
        return encode_json(data, codec.max_value_bytes)
    except Exception:  # noqa: BLE001 - the class is the user's
        return _cut_short(codec, error)


def error_text(codec: Encoder, error: BaseException) -> str:
    """Return the message of an exception, or its type if it has none; this never fails."""
    return cut(codec, message_of(error) or printable(qualified_name(type(error))))


def cut(codec: Encoder, message: str) -> str:
    """Return as much of a message as may be stored."""
    text: str = decode_json(_fitting(codec, message, lambda text: text))
    return text


def _data(codec: Encoder, error: BaseException, places: Iterator[int], depth: int) -> JSON:
    message = message_of(error)
    data: JSON = {"type": printable(qualified_name(type(error))), "message": message}
    spend(len(message))
    if (text := _own_data(codec, error)) is not None:
        spend(len(text))
        data["data"] = decode_json(text)
    if issubclass(type(error), BaseExceptionGroup):
        parts: Sequence[BaseException] = getattr(error, "exceptions", ())
        room = places if depth < MAX_GROUP_DEPTH else ()
        # `parts` comes first: `zip` takes from the second only if the first has another.
        taken = [part for part, _ in zip(parts, room, strict=False)]
        data["exceptions"] = [_data(codec, part, places, depth + 1) for part in taken]
        if left := len(parts) - len(taken):
            data["omitted"] = left
    return data


def _own_data(codec: Encoder, error: BaseException) -> JsonText | None:
    """Return the data of an exception; None if it has none, or if that cannot be stored."""
    cls = type(error)
    if codec.knows(cls) or (has_fields(cls) and field_names(cls)):
        with suppress(SerializeError):  # a type and a message are better than nothing
            return codec.encode(error)
    return None


def _cut_short(codec: Encoder, error: BaseException) -> JsonText:
    """Return an exception with as much of its message as fits, and its data if those fit, too."""
    name, message = printable(qualified_name(type(error))), message_of(error)
    short = {"type": name[:MAX_TYPE_NAME]}
    with suppress(Exception):  # the class is the user's
        text = None if isinstance(error, BaseExceptionGroup) else _own_data(codec, error)
        if text is not None:
            data = decode_json(text)
            least = {**short, "message": _shortened(message, 0), "data": data}
            encode_json(least, codec.max_value_bytes)
            return _fitting(codec, message, lambda text: {**short, "message": text, "data": data})
    return _fitting(codec, message, lambda text: {**short, "message": text})


def _fitting(codec: Encoder, message: str, whole: Callable[[str], JSON]) -> JsonText:
    """Return the JSON that a message is part of, with as much of the message as fits."""
    # Halving takes a few tries only. The last one has no limit: an error must be stored somehow,
    # and that is a few hundred bytes.
    kept, shown = len(message), message
    while kept:
        with suppress(SerializeError):  # it is too large
            return encode_json(whole(shown), codec.max_value_bytes)
        kept //= 2
        shown = _shortened(message, kept)
    return encode_json(whole(shown))


def _shortened(message: str, kept: int) -> str:
    return f"{message[:kept]}… (cut short: {len(message)} characters)"
