"""Why an action or an undo action failed, as data: what the log holds and a result reports."""

from __future__ import annotations

import json
from typing import ClassVar, TypeVar

import attrs

from steno.core._value import JSON, JsonText, JsonValue, decode_json, decode_value, encode_json
from steno.errors import DeserializeError

T = TypeVar("T")


@attrs.frozen
class ActionError:
    """The error of an action; one of the five classes below."""

    tag: ClassVar[str]

    def convert(self, as_type: type[T]) -> T:
        """
        Return the error as the class that the action raised.

        Raises:
            DeserializeError: The action did not raise this, but something else, or the engine
                itself failed the node.
        """
        msg = f"the node did not fail with a {as_type.__qualname__}: {self}"
        raise DeserializeError(msg)

    def to_json(self) -> JSON:
        """Return the error as it stands in dumps and in the store."""
        raise AssertionError  # pragma: no cover - every error is of a subclass


@attrs.frozen
class ActionFailed(ActionError):
    """
    The action raised an exception.

    Attributes:
        source_error: The exception, encoded by the codec.
    """

    tag: ClassVar = "ActionFailed"
    source_error: JsonText

    def __str__(self) -> str:
        """Return the text for people."""
        return f"action failed: {self.source_error}"

    def convert(self, as_type: type[T]) -> T:
        """Return the error as the class that the action raised."""
        return decode_value(self.source_error, as_type)

    def to_json(self) -> JSON:
        """Return the error as it stands in dumps and in the store."""
        return {self.tag: {"source_error": decode_json(self.source_error)}}


@attrs.frozen
class _MessageError(ActionError):
    """An error that is nothing but its message."""

    text: ClassVar[str]
    message: str

    def __str__(self) -> str:
        return f"{self.text}: {self.message}"

    def to_json(self) -> JSON:
        return {self.tag: {"message": self.message}}


@attrs.frozen
class DeserializeFailed(_MessageError):
    """The action asked for a stored value as a type that it is not of."""

    tag: ClassVar = "DeserializeFailed"
    text: ClassVar = "deserialize failed"


@attrs.frozen
class SerializeFailed(_MessageError):
    """The action returned what can not be stored."""

    tag: ClassVar = "SerializeFailed"
    text: ClassVar = "serialize failed"


@attrs.frozen
class SubsagaCreateFailed(_MessageError):
    """A subsaga could not be made; only in old dumps of Steno."""

    tag: ClassVar = "SubsagaCreateFailed"
    text: ClassVar = "failed to create subsaga"


@attrs.frozen
class InjectedError(ActionError):
    """No action was called: an operator or a test asked for this failure."""

    tag: ClassVar = "InjectedError"

    def __str__(self) -> str:
        """Return the text for people."""
        return "error injected"

    def to_json(self) -> JSON:
        """Return the error as it stands in dumps and in the store."""
        return self.tag


@attrs.frozen
class UndoActionError:
    """
    An undo action raised an exception, which leaves its saga stuck.

    Attributes:
        source_error: What was raised, as JSON text.
    """

    tag: ClassVar = "PermanentFailure"
    source_error: JsonText

    @classmethod
    def attempt(cls, number: int, error: str) -> UndoActionError:
        """Return the error of the given attempt, counted from 1, to undo a node."""
        return cls(encode_json({"message": f"undo action attempt {number}: {error}"}))

    def __str__(self) -> str:
        """Return the text for people, the source error indented over several lines."""
        return f"undo action failed permanently: {pretty_json(self.source_error)}"

    def to_json(self) -> JSON:
        """Return the error as it stands in dumps and in the store."""
        return {self.tag: {"source_error": decode_json(self.source_error)}}


ERROR_INJECTED = "error injected"


def action_error_from_json(data: JsonValue) -> ActionError:
    """
    Return the error that `ActionError.to_json` gave; keys that it does not know are ignored.

    Raises:
        ValueError: The data is no action error.
        SerializeError: It holds a value that is none of this library.
    """
    match data:
        case "InjectedError":
            return InjectedError()
        case {"ActionFailed": {"source_error": source}}:
            return ActionFailed(encode_json(source))
        case {"DeserializeFailed": {"message": str(message)}}:
            return DeserializeFailed(message)
        case {"SerializeFailed": {"message": str(message)}}:
            return SerializeFailed(message)
        case {"SubsagaCreateFailed": {"message": str(message)}}:
            return SubsagaCreateFailed(message)
        case _:
            pass
    msg = "is no action error"
    raise ValueError(msg)


def undo_error_from_json(data: JsonValue) -> UndoActionError:
    """
    Return the error that `UndoActionError.to_json` gave.

    Raises:
        ValueError: The data is no undo action error.
        SerializeError: It holds a value that is none of this library.
    """
    match data:
        case {"PermanentFailure": {"source_error": source}}:
            return UndoActionError(encode_json(source))
        case _:
            msg = "is no undo action error"
            raise ValueError(msg)


def pretty_json(text: JsonText) -> str:
    """Return a value over several lines, as Steno prints it."""
    return json.dumps(decode_json(text), indent=2, ensure_ascii=False)
