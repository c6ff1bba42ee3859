"""How long a sleep lasts; the core knows no clock, and so no class for a duration."""

from __future__ import annotations

from typing import Protocol, cast

from steno.core.graph._ids import LATEST


class Duration(Protocol):
    """What `timedelta` has; the core knows no clock."""

    @property
    def days(self) -> int:
        """Whole days."""
        ...

    @property
    def seconds(self) -> int:
        """Seconds beyond these."""
        ...

    @property
    def microseconds(self) -> int:
        """Microseconds beyond these."""
        ...


def microseconds(duration: object) -> int:
    """
    Return a duration in microseconds.

    Raises:
        TypeError: It is not a `timedelta`, by its parts.
        ValueError: It is negative, or longer than there are dates.
    """
    try:
        whole = cast("Duration", duration)
        total = (whole.days * 86_400 + whole.seconds) * 1_000_000 + whole.microseconds
    except AttributeError:
        msg = f"Node.sleep takes a timedelta, got {duration!r}"
        raise TypeError(msg) from None
    if not 0 <= total <= LATEST:
        most = LATEST // 86_400_000_000
        msg = f"Node.sleep: the duration must be from 0 to {most} days, got {duration}"
        raise ValueError(msg)
    return total
