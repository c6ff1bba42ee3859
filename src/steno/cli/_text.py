"""Texts for people: single lines, times, ages, durations, tables without a terminal."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta

from steno.core import escaped
from steno.store import SagaSummary

HEADINGS = ("id", "name", "state", "created", "progressed", "ended", "problem", "attempts")
"""The columns of a list; the ones that may be long come last."""

_UNITS = {"w": 7 * 86400, "d": 86400, "h": 3600, "m": 60, "s": 1}


def one_line(text: str) -> str:
    """Return a text of several lines as a single line."""
    return escaped(" ".join(text.split()))


def json_for_terminal(text: str) -> str:
    """Return equivalent JSON with the control characters of terminals escaped."""
    return "".join(c if c.isprintable() or c == "\n" else _json_escape(c) for c in text)


def _json_escape(character: str) -> str:
    escape = json.dumps(character)[1:-1]
    return escape if escape != character else f"\\u{ord(character):04x}"


def short_time(time: datetime | None) -> str:
    """Return a time in UTC, to the second."""
    return "-" if time is None else f"{time.astimezone(UTC):%Y-%m-%dT%H:%M:%SZ}"


def time_text(time: datetime) -> str:
    """Return a time in UTC, in ISO 8601 format with microseconds."""
    return time.astimezone(UTC).isoformat(timespec="microseconds").replace("+00:00", "Z")


def age(time: datetime | None, now: datetime) -> str:
    """Return the age of a time, in its largest unit."""
    if time is None:
        return "-"
    seconds = (now - time).total_seconds()
    for unit, size in _UNITS.items():
        if seconds >= size:
            return f"{int(seconds // size)}{unit}"
    return "now"


def remaining(time: datetime, now: datetime) -> str:
    """Return how long it is until a time, in its largest unit."""
    left = age(now, time)
    return left if left == "now" else f"in {left}"


def duration(text: str) -> timedelta:
    """
    Return the duration that a text such as `90s`, `15m`, `12h`, `30d` or `2w` stands for.

    Raises:
        ValueError: The text is not a duration, or is too long.
    """
    found = re.fullmatch(r"([0-9]{1,9})([smhdw])", text)
    if found is None:
        msg = f"{text!r} is not a duration such as 90s, 15m, 12h, 30d or 2w"
        raise ValueError(msg)
    seconds = int(found[1]) * _UNITS[found[2]]
    if seconds > timedelta.max.total_seconds() // 1000:
        msg = f"{text!r} is too long a duration"
        raise ValueError(msg)
    return timedelta(seconds=seconds)


def moment(text: str, now: datetime) -> datetime:
    """
    Return the time that a text stands for: a time in ISO 8601 format, or an age such as `2h`.

    Args:
        text: The text. A time without a zone is in UTC.
        now: From when an age is counted.

    Raises:
        ValueError: The text is neither.
    """
    try:
        return now - duration(text)
    except ValueError:
        pass  # it may be a time
    except OverflowError:
        return datetime.min.replace(tzinfo=UTC)  # older than any saga
    try:
        time = datetime.fromisoformat(text)
    except ValueError:
        msg = f"{text!r} is not a time such as 2026-05-04T08:00Z, nor an age such as 15m, 12h or 3d"
        raise ValueError(msg) from None
    return time if time.tzinfo is not None else time.replace(tzinfo=UTC)


def tags_text(tags: Mapping[str, str]) -> str:
    """Return tags as a single line."""
    return one_line(", ".join(f"{key}={value}" for key, value in tags.items())) or "-"


def columns(rows: Sequence[Sequence[str]]) -> str:
    """Return rows as lines, with aligned columns."""
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    lines = ["  ".join(c.ljust(w) for c, w in zip(row, widths, strict=True)) for row in rows]
    return "\n".join(line.rstrip() for line in lines)


def summary_row(saga: SagaSummary, attempts: str) -> tuple[str, ...]:
    """Return the cells of a saga in a list, given what is said of its attempts."""
    times = saga.times
    moments = map(short_time, (times.created, times.progressed, times.ended))
    problem = "-" if saga.problem is None else one_line(saga.problem)
    name, state = escaped(saga.saga_name), saga.state.value
    return (str(saga.saga_id), name, state, *moments, problem, attempts)
