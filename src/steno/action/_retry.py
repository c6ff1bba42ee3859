"""Retries: when a call that failed is made again, in stamina's names and by its formula."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from datetime import timedelta
from typing import Literal, TypeAlias, cast

import attrs

from steno.core import JSON
from steno.errors import ActionTimeout

Seconds: TypeAlias = float | timedelta
"""A duration: seconds, or a `timedelta`."""

RetryOn: TypeAlias = (
    type[BaseException]
    | tuple[type[BaseException], ...]
    | Callable[[Exception], bool | float | timedelta]
)
"""Which errors are retried: their types, or a function of the error."""


def seconds(value: Seconds) -> float:
    """Return a duration in seconds."""
    return value.total_seconds() if isinstance(value, timedelta) else value


def _seconds_or_none(value: Seconds | None) -> float | None:
    return None if value is None else seconds(value)


def checked_seconds(what: str, value: object, *, above_zero: bool = False) -> float:
    """
    Return a duration in seconds.

    Raises:
        TypeError: It is neither a number nor a `timedelta`.
        ValueError: It is negative, or not a number, or zero where it must be more.
    """
    if isinstance(value, bool) or not isinstance(value, int | float | timedelta):
        msg = f"{what} must be seconds or a timedelta, got {value!r}"
        raise TypeError(msg)
    number = seconds(value)
    # Not `number < 0`: that is false for NaN.
    if not (number > 0 if above_zero else number >= 0):
        msg = f"{what} must be {'more than 0' if above_zero else '0 or more'}, got {value!r}"
        raise ValueError(msg)
    return number


def _is_wait(_: object, attribute: attrs.Attribute[JSON], value: object) -> None:
    checked_seconds(f"Retry: {attribute.name}", value)


def _is_timeout(_: object, attribute: attrs.Attribute[JSON], value: object) -> None:
    if value is not None:
        checked_seconds(f"Retry: {attribute.name}", value)


def _is_factor(_: object, attribute: attrs.Attribute[JSON], value: object) -> None:
    if isinstance(value, bool) or not isinstance(value, int | float):
        msg = f"Retry: {attribute.name} must be a number, got {value!r}"
        raise TypeError(msg)
    if not value >= 0:  # not `value < 0`: that is false for NaN
        msg = f"Retry: {attribute.name} must be 0 or more, got {value!r}"
        raise ValueError(msg)


def _is_count(_: object, __: attrs.Attribute[JSON], value: object) -> None:
    if value is not None and (type(value) is not int or value < 1):
        msg = f"Retry: attempts must be an int of 1 or more, or None, got {value!r}"
        raise ValueError(msg)


def _is_on(_: object, __: attrs.Attribute[JSON], value: object) -> None:
    if not are_errors_or_function(value):
        msg = f"Retry: on must be exception types or a function of the error, got {value!r}"
        raise TypeError(msg)


def are_errors_or_function(value: object) -> bool:
    """Return True for an exception type, a tuple of them, or a function."""
    if not isinstance(value, type | tuple):  # a class can be called, and is not meant to be here
        return callable(value)
    kinds = cast("tuple[object, ...]", value) if isinstance(value, tuple) else (value,)
    return bool(kinds) and all(
        isinstance(kind, type) and issubclass(kind, BaseException) for kind in kinds
    )


@attrs.frozen
class Retry:
    """
    When a call that failed is made again; the names and the formula are those of stamina.

    After the n-th failed attempt it waits for
    `min(wait_max, wait_initial * wait_exp_base ** (n - 1) + jitter)` seconds, with a jitter between
    0 and `wait_jitter` that follows from the saga, the node and n, so that a run can be repeated.
    The wait is in the log: neither it nor the count begins anew after a crash.

    Attributes:
        on: Which errors are retried: exception types, or a function that is given the error and
            returns a bool, or how long to wait, as from a Retry-After. An `ActionTimeout` is
            retried whatever the types; a function decides for itself.
        attempts: The most calls there are, the first included; None: without limit.
        timeout: How long, from the start of the first call, another one may still be made, pauses
            and downtime included; None: without limit.
        wait_initial: The wait after the first attempt, in seconds, without the jitter.
        wait_max: The longest wait.
        wait_jitter: The largest jitter.
        wait_exp_base: What each wait is multiplied by.
        then: What follows when the attempts are used up: the node fails, or it is held for a
            person to look at. An undo action always fails.
    """

    on: RetryOn = attrs.field(default=Exception, validator=_is_on)
    attempts: int | None = attrs.field(default=10, kw_only=True, validator=_is_count)
    timeout: float | None = attrs.field(
        default=45.0, kw_only=True, validator=_is_timeout, converter=_seconds_or_none
    )
    wait_initial: float = attrs.field(
        default=0.1, kw_only=True, validator=_is_wait, converter=seconds
    )
    wait_max: float = attrs.field(default=5.0, kw_only=True, validator=_is_wait, converter=seconds)
    wait_jitter: float = attrs.field(
        default=1.0, kw_only=True, validator=_is_wait, converter=seconds
    )
    wait_exp_base: float = attrs.field(default=2, kw_only=True, validator=_is_factor)
    then: Literal["fail", "hold"] = attrs.field(
        default="fail", kw_only=True, validator=attrs.validators.in_(("fail", "hold"))
    )

    def wait_for(self, attempt: int, chance: float) -> float:
        """
        Return the seconds to wait after a failed attempt.

        Args:
            attempt: Its number, from 1.
            chance: Between 0 and 1: how much of the jitter there is.
        """
        try:
            wait = self.wait_initial * self.wait_exp_base ** (attempt - 1)
        except OverflowError:
            wait = self.wait_max
        return min(self.wait_max, wait + chance * self.wait_jitter)

    def wants(self, error: Exception) -> bool | float:
        """Return whether an error is retried; a number is how long to wait first, in seconds."""
        if (kinds := types_in(self.on)) is not None:
            return isinstance(error, (ActionTimeout, *kinds))
        answer = cast("Callable[[Exception], object]", self.on)(error)
        if isinstance(answer, bool):
            return answer
        return checked_seconds("what Retry's on returns", answer)

    def is_used_up(self, attempt: int, elapsed: float) -> bool:
        """
        Return True if no call may follow an attempt.

        Args:
            attempt: Its number, from 1.
            elapsed: The seconds since the start of the first one.
        """
        return (self.attempts is not None and attempt >= self.attempts) or (
            self.timeout is not None and elapsed >= self.timeout
        )


def types_in(errors: object) -> tuple[type[BaseException], ...] | None:
    """Return the types of some errors, checked before; None if a function tells which they are."""
    if isinstance(errors, tuple):
        return cast("tuple[type[BaseException], ...]", errors)
    return (cast("type[BaseException]", errors),) if isinstance(errors, type) else None


def chance_of(key: str, attempt: int) -> float:
    """Return a number from 0 to below 1 that follows from a key and an attempt."""
    digest = hashlib.sha256(f"{key}/{attempt}".encode()).digest()
    return int.from_bytes(digest[:7], "big") / (1 << 56)
