"""
Users' types as JSON text and back.

Theory of operation. Writing follows the value, not its annotation: a subclass in the place of its
base keeps all its fields, and a tuple that is too long is not cut. Reading follows the annotation,
strictly (see `_strict`), so that a value that does not match it is found at once, and not in
another node days later. Where the two would not meet, since a union has several members for the
same JSON, the value is written with a tag (see `_tag`).
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from enum import Enum
from typing import TypeVar, cast

import attrs
from typing_extensions import TypeForm

from steno.action._codec import _error
from steno.action._codec._annotation import (
    Annotation,
    field_names,
    has_fields,
    is_model,
    is_typed_dict,
    qualified_name,
)
from steno.action._codec._budget import BudgetSpent, within
from steno.action._codec._container import ARRAYS, OBJECTS
from steno.action._codec._engine import PLAIN_ENGINE, Engine, Registered
from steno.action._codec._plain import ATOMS, Writer, Writers
from steno.action._codec._refusal import explain, message_of, printable, reason_of
from steno.action._codec._sharing import contains_itself
from steno.action._codec._tag import MARK, revived
from steno.action._codec._text import text_of
from steno.core import (
    JSON,
    MAX_VALUE_BYTES,
    ActionError,
    ActionFailed,
    DeserializeFailed,
    JsonText,
    SerializeFailed,
    UndoActionError,
    decode_json,
    encode_json,
    too_large,
)
from steno.errors import CodecError, DeserializeError, DumpError, SerializeError

T = TypeVar("T")

MAX_DEPTH = 100
"""How far down the path to a fault is followed; core allows no more levels anyway."""


@attrs.define(eq=False)
class Types:
    """The types that are registered with a codec, and with the ones that `limited` returned."""

    engine: Engine = PLAIN_ENGINE

    def add(self, cls: type, mine: Registered) -> None:
        """Add a type; hooks that were made without it are dropped."""
        self.engine = Engine({**self.engine.registered, cls: mine})


@attrs.frozen(eq=False)
class Codec:
    """
    Turns users' types into JSON text and back.

    Both ways: None, bool, int, float, str, bytes, list, tuple, set, frozenset, dict with keys that
    are strings in JSON, attrs classes, dataclasses, `TypedDict`, `NamedTuple`, enums, `datetime`
    and its kin, `UUID`, `Decimal`, paths, models of pydantic, unions of all these, what `typing`
    makes of them, and the types that are registered.

    Attributes:
        max_value_bytes: The size limit of one value, in bytes of UTF-8.
    """

    max_value_bytes: int = MAX_VALUE_BYTES
    _types: Types = attrs.field(factory=Types, kw_only=True, repr=False, alias="types")

    def limited(self, max_value_bytes: int) -> Codec:
        """Return a codec with another limit, and always the same types as this one."""
        return Codec(max_value_bytes, types=self._types)

    def register(
        self, cls: type[T], *, encode: Callable[[T], object], decode: Callable[[JSON], T]
    ) -> None:
        """
        Teach this codec a type; `codec.register(IPv4Address, encode=str, decode=IPv4Address)`.

        Values of just this class are meant, not those of subclasses.

        Args:
            cls: The class.
            encode: Returns a value as JSON, or as something else that the codec knows.
            decode: Returns the value of some JSON, or raises any `Exception`.

        Raises:
            CodecError: The codec knows the type, by itself or because it was registered before.
            TypeError: It is not a class, or one of the others cannot be called.
        """
        _check_class(cls)
        _check_function("encode", encode)
        _check_function("decode", decode)
        # A second registration would change the JSON of the type under values that are stored.
        if self.knows(cls):
            raise CodecError(qualified_name(cls), "it is registered already")
        if _is_known(cls):
            raise CodecError(qualified_name(cls), "the codec knows it without being told")
        self._types.add(cls, Registered(encode, decode))

    def knows(self, cls: type) -> bool:
        """Return True if a class was registered."""
        return cls in self._types.engine.registered

    def encode(
        self, value: object, limit: int | None = None, /, *, as_type: object = None
    ) -> JsonText:
        """
        Return a value as text; the same value gives the same text.

        Args:
            value: Of a type that the codec knows.
            limit: How many bytes it may take; None: `max_value_bytes`.
            as_type: The annotation of the value, if there is one. If its JSON would be read as
                something else that the annotation allows, it gets a tag.

        Raises:
            SerializeError: The value, or a part of it, is of a type that has no JSON, or is too
                large.
        """
        most = self.max_value_bytes if limit is None else limit
        # Numbers and nothing are what most actions return, and no annotation makes them ambiguous
        # that says no more than that.
        if (type(value) is int or value is None) and (as_type is None or as_type is int):
            return encode_json(value, most)
        engine = self._types.engine
        write = None if as_type is None else _announced(engine, as_type)
        # Most values are JSON already, and need neither a budget nor a copy.
        if write is None and type(value) in ATOMS:
            return _json_of(value, most)
        return _json_of(_plain_of(value, most, write, engine.writers), most)

    def decode(self, text: JsonText, as_type: TypeForm[T]) -> T:
        """
        Return a fresh value of a type; nothing is converted to make it fit.

        Keys that a class does not know are ignored, since classes change.

        Raises:
            DeserializeError: The text is not one that encoding a value of the type returns.
        """
        try:
            value = decode_json(text)
        except DumpError as error:
            message = f"{error.path}: {error.why}"
            raise DeserializeError(message) from error
        kind = cast("type[T]", as_type)  # what a type of cattrs' is, too
        try:
            if "$" in text and MARK in text:  # searching for one character is faster
                return self._types.engine.reading_tags.structure(revived(value), kind)
            return self._types.engine.reading.structure(value, kind)
        except Exception as error:
            raise DeserializeError(explain(error)) from error

    def encode_error(self, error: BaseException) -> JsonText:
        """
        Return an exception as text; this never fails.

        It is stored as its type and message; the fields of an attrs class or a dataclass, or the
        result of a registered function, are under `data`. Of a group at most 100 exceptions are
        stored, and 10 levels; the number left out is under `omitted`. An exception that cannot be
        stored like this, or is too large, is stored as type and message, cut short if necessary.
        """
        return _error.encode_error(self, error)

    def error_text(self, error: BaseException) -> str:
        """Return the message of an exception, or its type if it has none; this never fails."""
        return _error.error_text(self, error)

    def action_error(self, error: Exception) -> ActionError:
        """
        Return the error to store for an exception that left an action.

        The error of another saga that an action lets out, such as a child's, becomes its own.
        """
        match error:
            case DeserializeError():
                return DeserializeFailed(_error.cut(self, message_of(error)))
            case SerializeError():
                return SerializeFailed(_error.cut(self, message_of(error)))
            case ActionFailed(source_error=source) if len(source) <= self.max_value_bytes:
                return ActionFailed(source, codec=self)
            case _:
                return ActionFailed(self.encode_error(error), codec=self)

    def undo_error(self, error: Exception, attempt: int) -> UndoActionError:
        """Return the error to store for an exception of an undo action, at an attempt from 1."""
        stored = decode_json(self.encode_error(error))
        known = {key: stored[key] for key in ("type", "data") if key in stored}
        text = stored["message"] or stored["type"]
        failed = UndoActionError.attempt(attempt, text, **known)
        return UndoActionError(failed.source_error, codec=self)


def _announced(engine: Engine, as_type: Annotation) -> Writer | None:
    try:
        return engine.announced.writer(as_type)
    except Exception:  # noqa: BLE001 - a user's annotation may be anything
        return None  # reading a value will report it


def _check_class(cls: object) -> None:
    if not isinstance(cls, type):
        msg = f"codec.register takes a class, got {cls!r}"
        raise TypeError(msg)


def _check_function(name: str, function: object) -> None:
    if not callable(function):
        msg = f"codec.register: {name} must be a function, got {function!r}"
        raise TypeError(msg)


def _is_known(cls: Annotation) -> bool:
    containers = (*ARRAYS, *OBJECTS, tuple)
    return (
        cls in (*ATOMS, *containers, object)
        or issubclass(cls, (*ATOMS, list, tuple, set, frozenset, dict, Enum))
        or has_fields(cls)
        or is_model(cls)
        or is_typed_dict(cls)
        or text_of(cls) is not None
    )


def _plain_of(value: object, limit: int, write: Writer | None, writers: Writers) -> JSON:
    try:
        return within(limit, writers[value.__class__] if write is None else write, value)
    except BudgetSpent:
        why = "is nested too deeply, or contains itself"
        # A value that contains itself spends any budget, and "too large" would mislead.
        raise SerializeError("$", why) if contains_itself(value) else too_large(limit) from None
    except RecursionError as error:
        why = "is nested too deeply, or contains itself"
        raise SerializeError("$", why) from error
    except Exception as error:
        raise _located(value, error, limit, writers) from error


def _json_of(plain: JSON, limit: int) -> JsonText:
    try:
        return encode_json(plain, limit)
    except ValueError as error:  # an integer of thousands of digits, which nothing may print
        raise SerializeError("$", reason_of(error)) from error


def _located(value: object, error: Exception, limit: int, writers: Writers) -> SerializeError:
    """Return the error for the innermost part that cannot be written; slow, for errors only."""
    # Each level is written again, part by part, to see which of them fails by itself.
    path = "$"
    for _ in range(MAX_DEPTH):
        if (found := _failing_part(value, limit, writers)) is None:
            break
        step, value, error = found
        path += step
    return SerializeError(path, reason_of(error))


def _failing_part(value: JSON, limit: int, writers: Writers) -> tuple[str, JSON, Exception] | None:
    with suppress(Exception):  # looking at a value runs the user's code, which has failed before
        for step, part in _parts(value, type(value)):
            try:
                within(limit, writers[part.__class__], part)
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
"""The default codec."""
