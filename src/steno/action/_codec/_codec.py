"""
Users' types as JSON text and back.

Theory of operation. What is written is the value, whatever its annotations say of it: a class that
stands where a base class was announced keeps all its fields, and a tuple that is too long is not
cut. What is read is the annotation, strictly (see `_strict`), so that a value that does not keep
its promise is found at once, and not in another node days later.

There is one converter per process: cattrs writes functions for each class that it meets, and keeps
them.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from enum import Enum
from functools import cache
from pathlib import Path
from typing import TypeVar

import attrs
from cattrs import Converter

from steno.action._codec._annotation import Annotation, field_names, has_fields, qualified_name
from steno.action._codec._budget import BudgetSpent, spend, within
from steno.action._codec._container import Reader
from steno.action._codec._plain import ATOMS, Writer, Writers, unstructure_hook
from steno.action._codec._refusal import explain, message_of, printable, reason_of
from steno.action._codec._sharing import contains_itself
from steno.action._codec._strict import structure_hook
from steno.core import (
    JSON,
    MAX_VALUE_BYTES,
    ActionError,
    ActionFailed,
    DeserializeFailed,
    JsonText,
    SerializeFailed,
    decode_json,
    encode_json,
    too_large,
)
from steno.errors import DeserializeError, DumpError, SerializeError

T = TypeVar("T")

MAX_DEPTH = 100
"""How far down the path to a fault is followed; core allows no more levels anyway."""

MAX_GROUP_SIZE = 100
"""How many exceptions of a group, of all its levels together, are stored."""

MAX_GROUP_DEPTH = 10
"""How many levels of groups within groups are stored."""

MAX_TYPE_NAME = 500
"""How many characters of a class's name are stored when an error must be cut short."""


def _new_converter() -> tuple[Converter, Writers]:
    converter = Converter()
    writers = Writers(converter)

    # Kept here too: within a class cattrs asks anew for each field, and again below it.
    @cache
    def reader_of(as_type: Annotation) -> Reader:
        return structure_hook(as_type, converter)

    @cache
    def writer_of(as_type: Annotation) -> Writer:
        return unstructure_hook(as_type, writers)

    def read_quickly(value: JSON, as_type: Annotation) -> JSON:
        if value.__class__ is as_type and as_type is not float:
            return value
        return reader_of(as_type)(value, as_type)

    def write_quickly(value: JSON) -> JSON:
        return value if value.__class__ is str else writer_of(value.__class__)(value)

    converter.register_structure_hook_factory(lambda _: True, reader_of)
    converter.register_unstructure_hook_factory(lambda _: True, writer_of)
    # cattrs has hooks of its own for these and their subclasses, which it asks before a factory.
    for kind in (str, int, float, bytes, Path, Enum):
        converter.register_structure_hook(kind, read_quickly)
    for kind in (str, bytes, Enum):
        converter.register_unstructure_hook(kind, write_quickly)
    return converter, writers


_converter, _writers = _new_converter()


@attrs.frozen
class Codec:
    """
    Turns users' types into JSON text and back.

    Both ways: None, bool, int, float, str, bytes, list, tuple, set, frozenset, dict with keys that
    are strings in JSON, attrs classes, dataclasses, `TypedDict`, `NamedTuple`, enums, `datetime`
    and its kin, `UUID`, `Decimal`, paths, models of pydantic, unions of all these, and what
    `typing` makes of them.

    Attributes:
        max_value_bytes: The size limit of one value, in bytes of UTF-8.
    """

    max_value_bytes: int = MAX_VALUE_BYTES

    def encode(self, value: object, limit: int | None = None, /) -> JsonText:
        """
        Return a value as text; the same value gives the same text.

        Args:
            value: Of a type that the codec knows.
            limit: How many bytes it may take; None: `max_value_bytes`.

        Raises:
            SerializeError: The value, or a part of it, is of a type that has no JSON, or is too
                large.
        """
        most = self.max_value_bytes if limit is None else limit
        return _json_of(value if type(value) in ATOMS else _plain_of(value, most), most)

    def decode(self, text: JsonText, as_type: type[T]) -> T:
        """
        Return a fresh value of a type; nothing is converted to make it fit.

        Keys that a class does not know are passed over, as classes grow.

        Raises:
            DeserializeError: The text is not what encoding a value of the type gives.
        """
        try:
            value = decode_json(text)
        except DumpError as error:
            message = f"{error.path}: {error.why}"
            raise DeserializeError(message) from error
        try:
            return _converter.structure(value, as_type)
        except Exception as error:
            raise DeserializeError(explain(error)) from error

    def encode_error(self, error: BaseException) -> JsonText:
        """
        Return an exception as text; this never fails.

        An exception that is an attrs class or a dataclass is stored as its fields, another as its
        type and message. Of a group at most `MAX_GROUP_SIZE` exceptions are stored, and
        `MAX_GROUP_DEPTH` levels; how many are left out stands under `omitted`. What can not be
        stored so, or is too large, is stored as type and message, cut short where it must be.
        """
        try:
            places = iter(range(MAX_GROUP_SIZE))
            return self.encode(
                within(self.max_value_bytes, lambda each: self._error_data(each, places, 0), error)
            )
        except Exception:  # noqa: BLE001 - the class is the user's
            return self._cut_short(error)

    def error_text(self, error: BaseException) -> str:
        """Return an exception as text for people, or its type if it has none; this never fails."""
        return self._cut(message_of(error) or printable(qualified_name(type(error))))

    def action_error(self, error: Exception) -> ActionError:
        """Return what the log holds of an exception that left an action."""
        match error:
            case DeserializeError():
                return DeserializeFailed(self._cut(message_of(error)))
            case SerializeError():
                return SerializeFailed(self._cut(message_of(error)))
            case _:
                return ActionFailed(self.encode_error(error))

    def _error_data(self, error: BaseException, places: Iterator[int], depth: int) -> JSON:
        if has_fields(type(error)) and field_names(type(error)):
            try:
                text = self.encode(error)
            except SerializeError:
                pass  # a type and a message are better than nothing
            else:
                spend(len(text))
                return decode_json(text)
        data: JSON = {"type": qualified_name(type(error)), "message": message_of(error)}
        spend(len(data["message"]))
        if issubclass(type(error), BaseExceptionGroup):
            parts: Sequence[BaseException] = getattr(error, "exceptions", ())
            room = places if depth < MAX_GROUP_DEPTH else ()
            taken = [part for part, _ in zip(parts, room, strict=False)]
            data["exceptions"] = [self._error_data(part, places, depth + 1) for part in taken]
            if left := len(parts) - len(taken):
                data["omitted"] = left
        return data

    def _cut_short(self, error: BaseException) -> JsonText:
        name = printable(qualified_name(type(error)))[:MAX_TYPE_NAME]
        return self._fitting(message_of(error), lambda text: {"type": name, "message": text})

    def _cut(self, message: str) -> str:
        text: str = decode_json(self._fitting(message, lambda text: text))
        return text

    def _fitting(self, message: str, whole: Callable[[str], JSON]) -> JsonText:
        """Return the whole that a message is part of, and of the message what there is room for."""
        kept, shown = len(message), message
        while kept:
            with suppress(SerializeError):  # it is too large
                return encode_json(whole(shown), self.max_value_bytes)
            kept //= 2
            shown = f"{message[:kept]}… (cut short: {len(message)} characters)"
        return encode_json(whole(shown))


def _plain_of(value: object, limit: int) -> JSON:
    try:
        return within(limit, _writers[value.__class__], value)
    except BudgetSpent:
        why = "is nested too deeply, or contains itself"
        raise SerializeError("$", why) if contains_itself(value) else too_large(limit) from None
    except RecursionError as error:
        why = "is nested too deeply, or contains itself"
        raise SerializeError("$", why) from error
    except Exception as error:
        raise _located(value, error, limit) from error


def _json_of(plain: JSON, limit: int) -> JsonText:
    try:
        return encode_json(plain, limit)
    except ValueError as error:  # an integer of thousands of digits, which nothing may print
        raise SerializeError("$", reason_of(error)) from error


def _located(value: object, error: Exception, limit: int) -> SerializeError:
    """Follow what can not be written to its innermost part; slow, so only if there is one."""
    path = "$"
    for _ in range(MAX_DEPTH):
        if (found := _failing_part(value, limit)) is None:
            break
        step, value, error = found
        path += step
    return SerializeError(path, reason_of(error))


def _failing_part(value: JSON, limit: int) -> tuple[str, JSON, Exception] | None:
    with suppress(Exception):  # to look at a value is to run code of users, which failed already
        for step, part in _parts(value, type(value)):
            try:
                within(limit, _writers[part.__class__], part)
            except Exception as error:  # noqa: BLE001 - as above
                return printable(step), part, error
    return None


def _parts(value: JSON, cls: Annotation) -> list[tuple[str, JSON]]:
    if issubclass(cls, dict):
        return [(f".{key}", item) for key, item in value.items()]
    if issubclass(cls, list | tuple):
        return [(f"[{index}]", item) for index, item in enumerate(value)]
    names = field_names(cls) if has_fields(cls) else ()
    return [(f".{name}", getattr(value, name, None)) for name in names]


default_codec = Codec()
"""The codec that is used where none is chosen."""
