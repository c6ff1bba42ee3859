"""Actions: a name and a pair of async functions, one that acts and one that takes it back."""

from __future__ import annotations

import enum
import inspect
from collections.abc import Awaitable, Callable, Coroutine
from functools import partial
from types import CoroutineType
from typing import (
    Final,
    Generic,
    Literal,
    Never,
    Protocol,
    TypeAlias,
    TypeVar,
    cast,
    get_args,
    get_origin,
    get_type_hints,
)

import attrs
import trio

from steno.action._codec import shown
from steno.action._context import ActionContext
from steno.errors import ActionRegistryError

C = TypeVar("C")
D = TypeVar("D")
R = TypeVar("R")
T_co = TypeVar("T_co", covariant=True)


class Noop(enum.Enum):
    """Takes the place of an undo action, for an action that does not need one."""

    NOOP = "noop"
    """Nothing is done to undo the action; its undo is logged like any other."""


NOOP: Final = Noop.NOOP

_AWAITABLES = (Awaitable, Coroutine)

_UNRESOLVED: Final = object()

DoFunc: TypeAlias = Callable[[ActionContext[C]], Awaitable[T_co]]
UndoFunc: TypeAlias = Callable[[ActionContext[C]], Awaitable[None]]


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


@attrs.define(eq=False)
class ActionFunc(Generic[C, T_co]):
    """
    An action made of functions.

    Attributes:
        name: The name by which stored sagas refer to it.
    """

    name: str = attrs.field(validator=attrs.validators.instance_of(str))
    _do: DoFunc[C, T_co]
    _undo: UndoFunc[C] | Literal[Noop.NOOP] | None = None
    _output_type: object = attrs.field(init=False, default=_UNRESOLVED, repr=False)

    def __attrs_post_init__(self) -> None:
        """Refuse anything that cannot be called as an action."""
        _check_function(self.name, self._do)
        if self._undo is not None and self._undo is not NOOP:
            _check_function(self.name, self._undo)

    @staticmethod
    def new_action(name: str, do: DoFunc[D, R], undo: UndoFunc[D]) -> ActionFunc[D, R]:
        """
        Return an action.

        Args:
            name: The name by which stored sagas refer to it.
            do: Does it; both functions are called at least once, so must be idempotent.
            undo: Undoes it.
        """
        return ActionFunc(name, do, undo)

    def undo(self, undo: UndoFunc[C]) -> UndoFunc[C]:
        """
        Decorate the function that undoes the action.

        Raises:
            ActionRegistryError: It has an undo action already, or says that it needs none.
        """
        if self._undo is not None:
            raise ActionRegistryError(self.name, "it has an undo already")
        _check_function(self.name, undo)
        self._undo = undo
        return undo

    @property
    def lacks_undo(self) -> bool:
        """True if neither an undo action was given, nor `NOOP`."""
        return self._undo is None

    @property
    def needs_no_undo(self) -> bool:
        """True if `NOOP` was given: there is nothing to undo."""
        return self._undo is NOOP

    @property
    def output_type(self) -> object:
        """The return annotation of the function that does it; None: it has none, or one unknown."""
        if self._output_type is _UNRESOLVED:  # late: a module may define the class further down
            self._output_type = _awaited_type(self._do)
        return self._output_type

    def do_it(self, ctx: ActionContext[C]) -> Awaitable[T_co]:
        """Call the function that does it."""
        return _awaitable(self.name, self._do(ctx))

    def undo_it(self, ctx: ActionContext[C]) -> Awaitable[None]:
        """Call the function that undoes it, if there is one."""
        if self._undo is None or self._undo is NOOP:
            return _nothing()
        return _awaitable(self.name, self._undo(ctx))

    async def __call__(self, ctx: ActionContext[C]) -> T_co:
        """Call the function that does it, as if it had not been decorated."""
        return await self.do_it(ctx)


def new_action_noop_undo(name: str, do: DoFunc[C, T_co]) -> ActionFunc[C, T_co]:
    """
    Return an action that does not need an undo, such as one that only reads.

    Args:
        name: The name by which stored sagas refer to it.
        do: Does it; it is called at least once, so must be idempotent.
    """
    return ActionFunc(name, do, NOOP)


def output_type_of(action: Action) -> object:
    """Return the annotation of an action's outputs; None if it has none."""
    return getattr(action, "output_type", None)


def _awaited_type(function: Callable[..., object]) -> object:
    """Return the annotation of what awaiting the result of a function gives; None if unknown."""
    # A partial has no annotations of its own.
    while isinstance(function, partial):
        function = function.func
    if not inspect.isroutine(function):  # an object that can be called
        function = type(function).__call__
    try:
        hints = get_type_hints(function, include_extras=True)
    except Exception:  # noqa: BLE001 - resolving annotations runs the user's code
        return None  # a name under `if TYPE_CHECKING`, say: the same as without annotation
    returned = hints.get("return")
    # A plain function may return a coroutine, and then says so; of `async def` the annotation is
    # that of the awaited value.
    if get_origin(returned) in _AWAITABLES:
        return get_args(returned)[-1]
    return returned if inspect.iscoroutinefunction(function) else None


def _check_function(name: str, function: object) -> None:
    # Not `iscoroutinefunction`: partials and callable objects are fine too. What they return is
    # checked by `_awaitable` when they are called.
    if not callable(function) or inspect.isasyncgenfunction(function):
        msg = f'action "{name}": {function!r} is not an async function'
        raise TypeError(msg)


async def _nothing() -> None:
    await trio.lowlevel.checkpoint()


def _awaitable(name: str, result: Awaitable[T_co]) -> Awaitable[T_co]:
    """Return what a user's function returned, if it is awaitable."""
    # Nearly always a coroutine; for anything else `inspect` asks an ABC, at 2 000 instructions.
    returned = cast("object", result)
    if type(returned) is not CoroutineType and not inspect.isawaitable(returned):
        msg = (
            f'action "{name}" returned {shown(result)} instead of waiting: is it an async function?'
        )
        raise TypeError(msg)
    return result
