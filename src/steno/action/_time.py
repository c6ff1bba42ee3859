"""Times: as rows and events have them, and as Python does."""

from __future__ import annotations

import time
from datetime import UTC, datetime, timedelta

from steno.core import Timestamp

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
MICROSECOND = timedelta(microseconds=1)


def system_time() -> Timestamp:
    """Return the time by the machine's clock."""
    # Each step asks for it, and a `datetime` would take ten times as long.
    return Timestamp(time.time_ns() // 1000)


def to_timestamp(when: datetime) -> Timestamp:
    """
    Return the microseconds since 1970 of a time.

    Raises:
        TypeError: It has no time zone.
    """
    # Not `when.timestamp()`: a float has too few digits for microseconds.
    return Timestamp((when - EPOCH) // MICROSECOND)


def from_timestamp(when: int) -> datetime:
    """
    Return the time, in UTC, of microseconds since 1970.

    Raises:
        OverflowError: A `datetime` cannot be that early or late.
    """
    return EPOCH + when * MICROSECOND
