"""Actions as a SEC sees them: anything with a name, and two methods."""

from __future__ import annotations

from collections.abc import Awaitable, Sequence
from typing import Never, Protocol, cast

from steno.action._context import ActionContext


class Action(Protocol):
    """
    What a SEC calls: anything with a name and these two methods.

    Both are called at least once, and again after a crash, so both must be idempotent. The type of
    the context's user data is the action's choice; passing that type is up to `open_sec`.
    """

    @property
    def name(self) -> str:
        """The name by which stored sagas refer to it; it must never change."""
        ...

    def do_it(self, ctx: ActionContext[Never]) -> Awaitable[object]:
        """Do it, and return what the codec can store."""
        ...

    def undo_it(self, ctx: ActionContext[Never]) -> Awaitable[None]:
        """Undo it; called only after `do_it` has returned."""
        ...


def output_type_of(action: Action) -> object:
    """Return the annotation of an action's outputs; None if it has none."""
    return getattr(action, "output_type", None)


def aliases_of(action: Action) -> Sequence[str]:
    """Return the other names of an action."""
    return checked_aliases(getattr(action, "aliases", ()))


def checked_aliases(names: Sequence[str]) -> tuple[str, ...]:
    """Return names as a tuple, or raise TypeError."""
    is_listed = isinstance(cast("object", names), Sequence) and not isinstance(names, str)
    if not is_listed or not all(isinstance(cast("object", each), str) for each in names):
        msg = f"aliases must be a list of names, got {names!r}"
        raise TypeError(msg)
    return tuple(names)
