"""Why a value was refused, and where in it: the parts of the codec's messages."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Sequence
from itertools import islice
from types import WrapperDescriptorType
from typing import Final, TypeAlias, cast

from cattrs import ClassValidationError, IterableValidationError
from cattrs.errors import AttributeValidationNote, IterableValidationNote

from steno.action._codec._annotation import Annotation, type_name
from steno.action._codec._sharing import explodes
from steno.action._codec._tag import with_tags
from steno.core import JSON, MAX_VALUE_BYTES
from steno.errors import SerializeError

Note: TypeAlias = AttributeValidationNote | IterableValidationNote

SHOWN_CHARACTERS = 60
"""How many characters of a refused value a message shows."""

SHOWN_REASON = 1_000
"""How many characters of a user's exception a message shows."""

SHOWN_FAULTS = 10
"""How many faults of a value a message names."""


TOO_LARGE = "(its arguments are too large to be shown)"
"""The text of an exception whose own would take for ever to make."""


UNREADABLE: Final = "cannot be read from JSON"
"""What is said of a type that the codec does not know."""


class Refusal(ValueError):
    """
    A value cannot be read or written; the text is the reason.

    Attributes:
        path: Where in the value, as in `.rooms[2]`; empty if it is the value itself.
    """

    def __init__(self, why: str, path: str = "") -> None:
        super().__init__(why)
        self.path = path


class Mismatch(Refusal):
    """A value matches none of the types wanted."""

    def __init__(self, value: JSON, *wanted: Annotation) -> None:
        super().__init__("")
        self.value = value
        self.wanted = wanted

    def __str__(self) -> str:
        """Return the reason, with the start of the value as JSON."""
        # Made only now: a union raises one of these for each member tried, and few are ever shown.
        text = json.dumps(self.value, ensure_ascii=False, default=with_tags)
        shown = text if len(text) <= SHOWN_CHARACTERS else f"{text[:SHOWN_CHARACTERS]}…"
        names = [type_name(each) for each in self.wanted]
        return f"{shown} is not {'of type' if len(names) == 1 else 'one of'} {', '.join(names)}"


def refusing(reason: str) -> Callable[[JSON, Annotation], JSON]:
    """Return a hook that refuses every value for one reason."""

    def refuse(_value: JSON, _: Annotation) -> JSON:
        raise Refusal(reason)

    return refuse


def grouped(faults: Sequence[Exception], as_type: Annotation) -> IterableValidationError:
    """Return several faults of one value as a single exception."""
    return IterableValidationError("", faults, as_type)  # pyright: ignore[reportCallIssue]  # __new__ takes three


def message_of(error: BaseException) -> str:
    """Return the text of an exception, without lone surrogates, even if its `__str__` fails."""
    try:
        text = TOO_LARGE if _is_endless(error) else str(error)
    except Exception as broken:  # noqa: BLE001 - the class is the user's
        text = f"({type(broken).__name__} in its __str__)"
    return printable(text)


def has_endless_traceback(error: BaseException) -> bool:
    """Return True if printing the traceback of an exception, with its causes, would never end."""
    pending: list[BaseException | None] = [error]
    seen: set[int] = set()
    while pending:
        each = pending.pop()
        if each is None or id(each) in seen:
            continue
        seen.add(id(each))
        if _is_endless(each):
            return True
        pending += [each.__cause__, each.__context__]
        if isinstance(each, BaseExceptionGroup):
            pending += cast("BaseExceptionGroup[BaseException]", each).exceptions
    return False


def _is_endless(error: BaseException) -> bool:
    """Return True if Python's own text of an exception, which has its arguments, never ends."""
    # A `__str__` of a user's class is its own business; a group shows only its message.
    own = isinstance(type(error).__str__, WrapperDescriptorType)
    return own and not isinstance(error, BaseExceptionGroup) and _explodes(error.args)


def _explodes(value: object) -> bool:
    try:
        return explodes(value, MAX_VALUE_BYTES)
    except RecursionError:
        return True


def printable(text: str) -> str:
    """Return a text with its lone surrogates, which no JSON holds, spelled out."""
    return str.encode(text, errors="backslashreplace").decode()


def reason_of(error: Exception) -> str:
    """Return the reason of an exception; one that is not ours is prefixed with its class."""
    match error:
        case Refusal():
            return str(error)
        case SerializeError():
            return error.why
        case _:
            # The validators of attrs put the text first and then what they looked at.
            first = error.args[0] if error.args else None
            text = printable(first) if isinstance(first, str) else message_of(error)
            return f"{type(error).__name__}: {text[:SHOWN_REASON]}"


def explain(error: Exception) -> str:
    """Return what is wrong with a value and where, from the exception that reading it raised."""
    found = _faults(error, "$")
    shown = list(islice(found, SHOWN_FAULTS))
    if more := sum(1 for _ in found):
        shown.append(f"and {more} more")
    return "; ".join(shown)


def _faults(error: Exception, path: str) -> Iterator[str]:
    match error:
        case ClassValidationError() | IterableValidationError():
            noted, whole = error.group_exceptions()
            for inner, note in noted:
                below = f"{path}{_step(note)}"
                yield from [f"{below}: is missing"] if _is_missing(inner) else _faults(inner, below)
            for inner in whole:
                yield from _faults(inner, path)
        case Refusal():
            yield f"{path}{error.path}: {error}"
        case _:
            yield f"{path}: {reason_of(error)}"


def step(key: int | str) -> str:
    """Return the step from a value to its part, as a path spells it."""
    return f"[{key}]" if isinstance(key, int) else f".{key}"


def _step(note: Note) -> str:
    key = note.name if isinstance(note, AttributeValidationNote) else note.index
    return step(key)


def _is_missing(error: Exception) -> bool:
    """Return True for a missing key, and False for a `KeyError` raised by a user's code."""
    # cattrs looks the key up in the function that it has generated, the last frame; an error of a
    # hook has at least one frame more.
    place = error.__traceback__
    return isinstance(error, KeyError) and place is not None and place.tb_next is None
