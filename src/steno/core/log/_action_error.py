"""
Why an action or an undo action failed: exceptions to be caught, matched and raised.

Events hold an error as plain JSON text, in Steno's form; a result makes it one of these, which has
the codec by which `convert` decodes what the action raised.
"""

from __future__ import annotations

import json
import re
from typing import ClassVar, TypeVar

from steno.core._value import (
    JSON,
    PLAIN_CODEC,
    JsonText,
    JsonValue,
    ValueCodec,
    decode_json,
    encode_json,
)
from steno.errors import DeserializeError, StenoError

T = TypeVar("T")

DATA = (dict, list, str, int, float, type(None))
"""The types that `convert` decodes the stored data as, regardless of what was raised."""


class _StoredError(StenoError):
    """An error as it is stored; two are equal if what is stored of them is equal."""

    def to_json(self) -> JSON:
        """Return the error as it stands in dumps and in the store."""
        raise AssertionError  # pragma: no cover - every error is of a subclass

    def encoded(self) -> JsonText:
        """Return the error as events hold it: its JSON as text."""
        return encode_json(self.to_json())

    def __eq__(self, other: object) -> bool:
        return isinstance(other, _StoredError) and self.encoded() == other.encoded()

    def __hash__(self) -> int:
        return hash(self.encoded())


class _Raised(_StoredError):
    """An error that holds what user code raised."""

    def __init__(self, source_error: JsonText, *, codec: ValueCodec = PLAIN_CODEC) -> None:
        super().__init__(source_error)
        self.source_error = source_error
        self.codec = codec

    @property
    def error_type(self) -> str | None:
        """The qualified name of the exception's class; None if it was not stored."""
        return _type_in(decode_json(self.source_error))


class ActionError(_StoredError):
    """The error of an action; one of the six classes below."""

    def convert(self, as_type: type[T]) -> T:
        """
        Return the error as the exception that the action raised.

        Args:
            as_type: The class of the exception, or a base of it, as for `except`; or `dict`, for
                what is stored.

        Raises:
            DeserializeError: The action raised something else, or the engine itself failed the
                node.
        """
        msg = f"the node did not fail with a {_name(as_type)}: {self}"
        raise DeserializeError(msg)


class ActionFailed(_Raised, ActionError):
    """
    The action raised an exception.

    Args:
        source_error: The exception, encoded by the codec.
        codec: What decodes it.
    """

    def __str__(self) -> str:
        """Return the readable text; it includes the name of the exception's class."""
        return f"action failed: {self.source_error}"

    def convert(self, as_type: type[T]) -> T:
        """Return the error as the exception that the action raised; see `ActionError.convert`."""
        return _converted("the node", self.source_error, self.error_type, as_type, self.codec)

    def to_json(self) -> JSON:
        """Return the error as it stands in dumps and in the store."""
        return {"ActionFailed": {"source_error": decode_json(self.source_error)}}


class _MessageError(ActionError):
    """An error that consists of a message only."""

    prefix: ClassVar[str]

    def __init__(self, message: str) -> None:
        super().__init__(message)
        self.message = message

    def __str__(self) -> str:
        return f"{self.prefix}: {self.message}"

    def to_json(self) -> JSON:
        return {type(self).__name__: {"message": self.message}}


class DeserializeFailed(_MessageError):
    """The action asked for a stored value as a type that it does not have."""

    prefix: ClassVar = "deserialize failed"


class SerializeFailed(_MessageError):
    """The action returned a value that cannot be stored."""

    prefix: ClassVar = "serialize failed"


class SubsagaCreateFailed(_MessageError):
    """A subsaga could not be made; only in old dumps of Steno."""

    prefix: ClassVar = "failed to create subsaga"


class InjectedError(ActionError):
    """No action was called: an operator or a test asked for this failure."""

    def __str__(self) -> str:
        """Return the readable text."""
        return ERROR_INJECTED

    def to_json(self) -> JSON:
        """Return the error as it stands in dumps and in the store."""
        return "InjectedError"


class InDoubt(ActionError):
    """
    The action failed, and it is not known whether it took effect: so its undo action is called.

    Args:
        cause: Why it failed.
    """

    def __init__(self, cause: ActionError) -> None:
        super().__init__(cause)
        self.cause = cause

    def __str__(self) -> str:
        """Return the readable text of the cause, marked as in doubt."""
        return f"in doubt: {self.cause}"

    def convert(self, as_type: type[T]) -> T:
        """Return the cause as the exception that the action raised; see `ActionError.convert`."""
        return self.cause.convert(as_type)

    def to_json(self) -> JSON:
        """Return the error as it stands in dumps and in the store."""
        return {"InDoubt": {"cause": self.cause.to_json()}}


class UndoActionError(_Raised):
    """
    An undo action raised an exception, which leaves its saga stuck.

    Args:
        source_error: What was raised, as JSON text: an object with a `message`, and with `type` and
            `data` where they are known.
        codec: What decodes it.
    """

    @classmethod
    def attempt(cls, number: int, error: str, **more: JSON) -> UndoActionError:
        """
        Return the error of an attempt to undo a node.

        Args:
            number: Counted from 1.
            error: What was raised, in words.
            more: What else is known of it: its `type`, and the `data` that was stored of it.
        """
        return cls(encode_json({"message": f"undo action attempt {number}: {error}", **more}))

    def __str__(self) -> str:
        """Return the readable text, the source error indented over several lines."""
        return f"undo action failed permanently: {pretty_json(self.source_error)}"

    def convert(self, as_type: type[T]) -> T:
        """
        Return the error as the exception that the undo action raised.

        Args:
            as_type: The class of the exception, or a base of it, as for `except`; or `dict`, for
                what is stored.

        Raises:
            DeserializeError: The undo action raised something else, or what it raised is not known.
        """
        source, name = self.source_error, self.error_type
        if name is not None and not _asks_for_data(as_type):
            data = decode_json(source)
            message = _ATTEMPT.sub("", data["message"])
            # An exception without a text is shown by the name of its class.
            source = encode_json({**data, "message": "" if message == name else message})
        return _converted("the undo action", source, name, as_type, self.codec)

    def to_json(self) -> JSON:
        """Return the error as it stands in dumps and in the store."""
        return {"PermanentFailure": {"source_error": decode_json(self.source_error)}}


# The qualified name of an exception's class is stored with it, so it must survive moving the code
# to another file.
for _class in (
    ActionError,
    ActionFailed,
    DeserializeFailed,
    SerializeFailed,
    SubsagaCreateFailed,
    InjectedError,
    InDoubt,
    UndoActionError,
):
    _class.__module__ = "steno.core"

ERROR_INJECTED = "error injected"

_ATTEMPT = re.compile(r"\Aundo action attempt [0-9]+: ")


def _name(as_type: object) -> str:
    return as_type.__qualname__ if isinstance(as_type, type) else str(as_type)


def _type_in(source: JsonValue) -> str | None:
    """Return the name of the exception's class, or None if it was not stored."""
    match source:
        case {"type": str(name), "message": str()}:
            return name
        case _:
            return None


def _asks_for_data(as_type: JSON) -> bool:
    """Return True if the stored data is wanted, rather than the exception that it describes."""
    return as_type is object or (isinstance(as_type, type) and issubclass(as_type, DATA))


def _is_no_error(as_type: JSON) -> bool:
    """Return True for a class that cannot be raised; a union, which is not a class, may be."""
    return isinstance(as_type, type) and not issubclass(as_type, BaseException)


def _converted(
    who: str, source: JsonText, name: str | None, as_type: type[T], codec: ValueCodec
) -> T:
    # Without a stored class name the error is plain data, which may be decoded as any class.
    if name is not None and _is_no_error(as_type) and not _asks_for_data(as_type):
        msg = f"{who} failed with a {name}, which is not a {_name(as_type)}"
        raise DeserializeError(msg)
    return codec.decode(source, as_type)


def _is_in_doubt(data: JsonValue) -> bool:
    return isinstance(data, dict) and "InDoubt" in data


def in_doubt(error: JsonText) -> JsonText:
    """Return the text of an `InDoubt`, from that of its cause."""
    return JsonText(f'{{"InDoubt":{{"cause":{error}}}}}')


def action_error_from_json(data: JsonValue, codec: ValueCodec = PLAIN_CODEC) -> ActionError:
    """
    Return the error that `ActionError.to_json` wrote; unknown keys are ignored.

    Raises:
        ValueError: The data is not an action error.
        SerializeError: It holds a value that `encode_json` refuses.
    """
    match data:
        case "InjectedError":
            return InjectedError()
        case {"ActionFailed": {"source_error": source}}:
            return ActionFailed(encode_json(source), codec=codec)
        case {"DeserializeFailed": {"message": str(message)}}:
            return DeserializeFailed(message)
        case {"SerializeFailed": {"message": str(message)}}:
            return SerializeFailed(message)
        case {"SubsagaCreateFailed": {"message": str(message)}}:
            return SubsagaCreateFailed(message)
        # One level: a doubt about a doubt is not something that a log can say.
        case {"InDoubt": {"cause": cause}} if not _is_in_doubt(cause):
            return InDoubt(action_error_from_json(cause, codec))
        case _:
            pass
    msg = "is not an action error"
    raise ValueError(msg)


def undo_error_from_json(data: JsonValue, codec: ValueCodec = PLAIN_CODEC) -> UndoActionError:
    """
    Return the error that `UndoActionError.to_json` wrote.

    Raises:
        ValueError: The data is not an undo action error.
        SerializeError: It holds a value that `encode_json` refuses.
    """
    match data:
        case {"PermanentFailure": {"source_error": source}}:
            return UndoActionError(encode_json(source), codec=codec)
        case _:
            msg = "is not an undo action error"
            raise ValueError(msg)


def action_error(text: JsonText, codec: ValueCodec = PLAIN_CODEC) -> ActionError:
    """Return the error that a `Failed` event holds."""
    return action_error_from_json(decode_json(text), codec)


def undo_error(text: JsonText, codec: ValueCodec = PLAIN_CODEC) -> UndoActionError:
    """Return the error that an `UndoFailed` event holds."""
    return undo_error_from_json(decode_json(text), codec)


def pretty_json(text: JsonText) -> str:
    """Return a value over several lines, as Steno prints it."""
    return json.dumps(decode_json(text), indent=2, ensure_ascii=False)
