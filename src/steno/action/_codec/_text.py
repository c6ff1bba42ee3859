"""
Types whose JSON is a string, each read only in the spelling that it is written in.

The readers of the standard library are more lenient, and in a union that is a mistake: a plain
string would become a value that it only looks like.
"""

from __future__ import annotations

import re
from base64 import b64decode, b64encode
from collections.abc import Callable
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from pathlib import PurePath
from uuid import UUID

import attrs

from steno.action._codec._refusal import Refusal
from steno.core import JSON

MICROSECOND = timedelta(microseconds=1)


@attrs.frozen
class Text:
    """
    How values of a type, and of its subclasses, are spelled.

    Attributes:
        write: Returns the string, or raises `Refusal`.
        read: Takes the type and a string; any `ValueError` or `ArithmeticError` refuses it.
    """

    write: Callable[[JSON], str]
    read: Callable[[JSON, str], JSON]


def _write_clock(value: datetime | time) -> str:
    if value.tzinfo is not None and value.utcoffset() is None:
        why = f"{value!r} has a time zone but no offset from UTC, which alone is stored"
        raise Refusal(why)
    return value.isoformat()


def _read_datetime(cls: type[datetime], text: str) -> datetime:
    if "T" not in text:  # a date would be read as midnight
        raise ValueError
    return cls.fromisoformat(text)


def _read_date(cls: type[date], text: str) -> date:
    if text[4:5] != "-" or "W" in text:  # days are also counted in weeks
        raise ValueError
    return cls.fromisoformat(text)


def _read_time(cls: type[time], text: str) -> time:
    if text[2:3] != ":":  # a year would be read as hours and minutes
        raise ValueError
    return cls.fromisoformat(text)


def _write_timedelta(value: timedelta) -> str:
    seconds, microseconds = divmod(abs(value) // MICROSECOND, 10**6)
    fraction = f".{microseconds:06}" if microseconds else ""
    return f"{'-' if value < timedelta() else ''}PT{seconds}{fraction}S"


def _read_timedelta(cls: type[timedelta], text: str) -> timedelta:
    found = re.fullmatch(r"(-?)PT([0-9]{1,15})(?:\.([0-9]{6}))?S", text)
    if found is None:
        raise ValueError
    sign, seconds, microseconds = found.groups(default="0")
    factor = -1 if sign else 1
    return cls(seconds=factor * int(seconds), microseconds=factor * int(microseconds))


def _read_uuid(cls: type[UUID], text: str) -> UUID:
    value = cls(text)
    if str(value) != text:  # UUID() ignores braces, prefixes and case
        raise ValueError
    return value


def _write_decimal(value: Decimal) -> str:
    if not value.is_finite():
        why = f"{value} is not a finite number"
        raise Refusal(why)
    return str(value)


def _read_decimal(cls: type[Decimal], text: str) -> Decimal:
    value = cls(text)
    if not value.is_finite() or text.strip() != text or "_" in text:
        raise ValueError
    return value


def _write_bytes(value: bytes) -> str:
    return b64encode(value).decode()


def _read_bytes(_: type[bytes], text: str) -> bytes:
    return b64decode(text, validate=True)


TEXTS: dict[type, Text] = {
    datetime: Text(_write_clock, _read_datetime),
    date: Text(date.isoformat, _read_date),
    time: Text(_write_clock, _read_time),
    timedelta: Text(_write_timedelta, _read_timedelta),
    UUID: Text(str, _read_uuid),
    Decimal: Text(_write_decimal, _read_decimal),
    bytes: Text(_write_bytes, _read_bytes),
    PurePath: Text(str, lambda cls, text: cls(text)),
}
"""In the order in which they are tried: a `datetime` is a `date` too."""


def text_of(cls: type) -> Text | None:
    """Return how the values of a class are spelled, or None if they are not strings in JSON."""
    return next((text for kind, text in TEXTS.items() if issubclass(cls, kind)), None)
