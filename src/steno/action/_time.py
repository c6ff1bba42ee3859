"""Times: as rows and events have them, and as Python does."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from steno.core import Timestamp

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
MICROSECOND = timedelta(microseconds=1)


def to_timestamp(time: datetime) -> Timestamp:
    """
    Return the microseconds since 1970 of a time.

    Raises:
        TypeError: It has no time zone.
    """
    # Not `time.timestamp()`: a float has too few digits for microseconds.
    return Timestamp((time - EPOCH) // MICROSECOND)


def from_timestamp(time: int) -> datetime:
    """
    Return the time, in UTC, of microseconds since 1970.

    Raises:
        OverflowError: A `datetime` cannot be that early or late.
    """
    return EPOCH + time * MICROSECOND
