"""Texts for people: lines that stay lines, times, ages, durations, tables without a terminal."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

from steno.core import escaped
from steno.store import SagaSummary

HEADINGS = ("id", "name", "state", "created", "progressed", "ended", "problem")
"""The columns of a list; what may be long comes last."""

_UNITS = {"w": 7 * 86400, "d": 86400, "h": 3600, "m": 60, "s": 1}


def one_line(text: str) -> str:
    """Return a text of several lines as one."""
    return escaped(" ".join(text.split()))


def json_for_terminal(text: str) -> str:
    """Return JSON that means the same, without characters that give orders to a terminal."""
    return "".join(c if c.isprintable() or c == "\n" else _json_escape(c) for c in text)


def _json_escape(character: str) -> str:
    escape = json.dumps(character)[1:-1]
    return escape if escape != character else f"\\u{ord(character):04x}"


def short_time(time: datetime | None) -> str:
    """Return a time in UTC, to the second."""
    return "-" if time is None else f"{time.astimezone(UTC):%Y-%m-%dT%H:%M:%SZ}"


def age(time: datetime | None, now: datetime) -> str:
    """Return how long ago something was, in its largest unit."""
    if time is None:
        return "-"
    seconds = (now - time).total_seconds()
    for unit, size in _UNITS.items():
        if seconds >= size:
            return f"{int(seconds // size)}{unit}"
    return "now"


def duration(text: str) -> timedelta:
    """
    Return the length of time that is meant by `90s`, `15m`, `12h`, `30d` or `2w`.

    Raises:
        ValueError: None is meant.
    """
    found = re.fullmatch(r"([0-9]{1,9})([smhdw])", text)
    if found is None:
        msg = f"{text!r} is no length of time, as 90s, 15m, 12h, 30d and 2w are"
        raise ValueError(msg)
    seconds = int(found[1]) * _UNITS[found[2]]
    if seconds > timedelta.max.total_seconds() // 1000:
        msg = f"{text!r} is longer than there have been sagas"
        raise ValueError(msg)
    return timedelta(seconds=seconds)


def columns(rows: Sequence[Sequence[str]]) -> str:
    """Return rows as lines, each column as wide as its widest."""
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    lines = ["  ".join(c.ljust(w) for c, w in zip(row, widths, strict=True)) for row in rows]
    return "\n".join(line.rstrip() for line in lines)


def summary_row(saga: SagaSummary) -> tuple[str, ...]:
    """Return a saga in a list."""
    times = saga.times
    moments = map(short_time, (times.created, times.progressed, times.ended))
    problem = "-" if saga.problem is None else one_line(saga.problem)
    return (str(saga.saga_id), escaped(saga.saga_name), saga.state.value, *moments, problem)
