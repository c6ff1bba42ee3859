"""
What an action says of its calls: when they are made again, how long they take, what is in doubt.

It stands in the registry and not in the stored graph, so a new build may change it for sagas in
flight. Here are rules only; the runtime keeps the time.
"""

from __future__ import annotations

import enum
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Final, TypeAlias, TypeVar, cast

import attrs
import trio

from steno.action._retry import (
    Retry,
    Seconds,
    are_errors_or_function,
    checked_seconds,
    seconds,
    types_in,
)
from steno.core import JSON
from steno.errors import NotDone

if TYPE_CHECKING:
    from steno.action._context import ActionContext

T = TypeVar("T", Retry | None, Seconds | None)

NotDoneWhen: TypeAlias = (
    type[BaseException] | tuple[type[BaseException], ...] | Callable[[Exception], bool]
)
"""Which errors mean that nothing was done: their types, or a function of the error."""


class Unset(enum.Enum):
    """Takes the place of a setting that was not given, as None takes a default away."""

    UNSET = "unset"


UNSET: Final = Unset.UNSET


class NotDoneType(enum.Enum):
    """The type of `NOT_DONE`."""

    NOT_DONE = "not done"
    """What a probe returns if the action has had no effect."""


NOT_DONE: Final = NotDoneType.NOT_DONE


class Open(enum.Enum):
    """The type of `OPEN`."""

    OPEN = "open"
    """What a probe of the library's own returns if it cannot tell, so that the doubt stays."""


OPEN: Final = Open.OPEN

Probe: TypeAlias = "Callable[[ActionContext[JSON]], Awaitable[object]]"
"""Returns what the action would have returned, or `NOT_DONE`."""


def _is_retry(_: object, attribute: attrs.Attribute[JSON], value: object) -> None:
    if not isinstance(value, Retry | Unset | None):
        msg = f"{attribute.name} must be a Retry, got {value!r}"
        raise TypeError(msg)


def _is_timeout(_: object, attribute: attrs.Attribute[JSON], value: object) -> None:
    if not isinstance(value, Unset | None):
        checked_seconds(attribute.name, value, above_zero=True)


def _is_limit(_: object, __: attrs.Attribute[JSON], value: object) -> None:
    if value is None or isinstance(value, trio.CapacityLimiter):
        return
    if type(value) is not int:
        msg = f"limit must be an int or a trio.CapacityLimiter, got {value!r}"
        raise TypeError(msg)
    if value < 1:
        msg = f"limit must be 1 or more, got {value}"
        raise ValueError(msg)


def _is_not_done(_: object, __: attrs.Attribute[JSON], value: object) -> None:
    if value is not None and not are_errors_or_function(value):
        msg = f"not_done must be exception types or a function of the error, got {value!r}"
        raise TypeError(msg)


def _is_flag(_: object, attribute: attrs.Attribute[JSON], value: object) -> None:
    if not isinstance(value, bool):
        msg = f"{attribute.name} must be True or False, got {value!r}"
        raise TypeError(msg)


@attrs.frozen(kw_only=True)
class Settings:
    """
    What an action was declared with; `UNSET` leaves the choice to the registry.

    Raises:
        TypeError: One is of a wrong type.
        ValueError: One is out of range.

    Attributes:
        retry: When its calls are made again.
        timeout: The seconds that each call may take.
        limit: How many of its calls may run at once, in one SEC or with a shared limiter.
        atomic: Whether a call that ends other than by returning has had no effect.
        not_done: Which errors mean that nothing was done.
        undo_retry: When calls of its undo action are made again.
        undo_timeout: The seconds that each of these may take.
        in_doubt: Whether the undo action can be called if it is not known whether it was done.
        probe: Finds out whether it was done.
    """

    retry: Retry | Unset | None = attrs.field(default=UNSET, validator=_is_retry)
    timeout: Seconds | Unset | None = attrs.field(default=UNSET, validator=_is_timeout)
    limit: trio.CapacityLimiter | int | None = attrs.field(default=None, validator=_is_limit)
    atomic: bool = attrs.field(default=False, validator=_is_flag)
    not_done: NotDoneWhen | None = attrs.field(default=None, validator=_is_not_done)
    undo_retry: Retry | Unset | None = attrs.field(default=UNSET, validator=_is_retry)
    undo_timeout: Seconds | Unset | None = attrs.field(default=UNSET, validator=_is_timeout)
    in_doubt: bool = attrs.field(default=False, validator=_is_flag)
    probe: Probe | None = None

    def policy(self, defaults: Settings, *, needs_no_undo: bool) -> Policy:
        """
        Return the policy of an action.

        Args:
            defaults: What holds where the action says nothing.
            needs_no_undo: Whether it says that there is nothing to undo.
        """
        provides = self.in_doubt or (needs_no_undo and self.probe is not None)
        # A default timeout is not for actions that could not have one of their own.
        may_have = needs_no_undo or provides or self.atomic
        default_timeout = defaults.timeout if may_have else None
        return Policy(
            retry=_chosen(self.retry, defaults.retry),
            timeout=_in_seconds(_chosen(self.timeout, default_timeout)),
            limit=self.limit,
            atomic=self.atomic,
            undo_retry=_chosen(self.undo_retry, defaults.undo_retry),
            undo_timeout=_in_seconds(_chosen(self.undo_timeout, defaults.undo_timeout)),
            provides_for_doubt=provides,
            probe=self.probe,
            not_done=self.not_done,
        )


def _chosen(own: T | Unset, default: T | Unset) -> T | None:
    chosen = default if isinstance(own, Unset) else own
    return None if isinstance(chosen, Unset) else chosen


def _in_seconds(value: Seconds | None) -> float | None:
    return None if value is None else seconds(value)


@attrs.frozen(kw_only=True)
class Policy:
    """
    What a registry says of the calls of an action: its settings, with the defaults filled in.

    Attributes:
        retry: When its calls are made again; None: never.
        timeout: The seconds that each call may take; None: any.
        limit: How many of its calls may run at once.
        atomic: Whether a call that ends other than by returning has had no effect.
        undo_retry: When calls of its undo action are made again; None: never.
        undo_timeout: The seconds that each of these may take; None: any.
        provides_for_doubt: Whether it says what holds if it is not known whether it was done.
        probe: Finds out whether it was done.
        not_done: Which errors mean that nothing was done.
    """

    retry: Retry | None = None
    timeout: float | None = None
    limit: trio.CapacityLimiter | int | None = None
    atomic: bool = False
    undo_retry: Retry | None = None
    undo_timeout: float | None = None
    provides_for_doubt: bool = False
    probe: Probe | None = None
    not_done: NotDoneWhen | None = None

    def is_not_done(self, error: Exception) -> bool:
        """Return True if an error says that its call has had no effect."""
        if isinstance(error, NotDone) or self.not_done is None:
            return isinstance(error, NotDone)
        if (kinds := types_in(self.not_done)) is not None:
            return isinstance(error, kinds)
        return bool(cast("Callable[[Exception], object]", self.not_done)(error))


PLAIN: Final = Policy()
"""That of an action of which nothing is said: it is called once, as in Steno."""
