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
    overload,
)

import attrs
import trio

from steno.action._codec import shown
from steno.action._context import ActionContext
from steno.action._policy import UNSET, NotDoneWhen, Settings, Unset
from steno.action._retry import Retry, Seconds
from steno.errors import ActionRegistryError

C = TypeVar("C")
D = TypeVar("D")
R = TypeVar("R")
T = TypeVar("T")
T_co = TypeVar("T_co", covariant=True)


class Noop(enum.Enum):
    """Takes the place of an undo action, for an action that does not need one."""

    NOOP = "noop"
    """Nothing is done to undo the action; its undo is logged like any other."""


NOOP: Final = Noop.NOOP

PROBE_AND_UNDO: Final = (
    "it has an undo action and a probe: with a probe, say undo=steno.NOOP; with an undo action, "
    "in_doubt=True if it can be called when it is not known whether the action was done"
)

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
        settings: What it says of its calls.
    """

    name: str = attrs.field(validator=attrs.validators.instance_of(str))
    _do: DoFunc[C, T_co]
    _undo: UndoFunc[C] | Literal[Noop.NOOP] | None = None
    settings: Settings = attrs.field(default=Settings(), repr=False)
    _output_type: object = attrs.field(init=False, default=_UNRESOLVED, repr=False)

    def __attrs_post_init__(self) -> None:
        """Refuse anything that cannot be called as an action."""
        _check_function(self.name, self._do)
        if self._undo is not None and self._undo is not NOOP:
            _check_function(self.name, self._undo)

    @staticmethod
    def new_action(
        name: str,
        do: DoFunc[D, R],
        undo: UndoFunc[D],
        *,
        retry: Retry | Unset | None = UNSET,
        timeout: Seconds | Unset | None = UNSET,
        limit: trio.CapacityLimiter | int | None = None,
        atomic: bool = False,
        not_done: NotDoneWhen | None = None,
        undo_retry: Retry | Unset | None = UNSET,
        undo_timeout: Seconds | Unset | None = UNSET,
        in_doubt: bool = False,
    ) -> ActionFunc[D, R]:
        """
        Return an action.

        Args:
            name: The name by which stored sagas refer to it.
            do: Does it; both functions are called at least once, so must be idempotent.
            undo: Undoes it.
            retry: See `ActionRegistry.action`, as for the next four.
            timeout: See there.
            limit: See there.
            atomic: See there.
            not_done: See there.
            undo_retry: See `undo`, where it is called `retry`.
            undo_timeout: See there: `timeout`.
            in_doubt: See there.
        """
        settings = Settings(
            retry=retry,
            timeout=timeout,
            limit=limit,
            atomic=atomic,
            not_done=not_done,
            undo_retry=undo_retry,
            undo_timeout=undo_timeout,
            in_doubt=in_doubt,
        )
        return ActionFunc(name, do, undo, settings)

    @overload
    def undo(self, undo: UndoFunc[C], /) -> UndoFunc[C]: ...
    @overload
    def undo(
        self,
        /,
        *,
        retry: Retry | Unset | None = UNSET,
        timeout: Seconds | Unset | None = UNSET,
        in_doubt: bool = False,
    ) -> Callable[[UndoFunc[C]], UndoFunc[C]]: ...
    def undo(
        self,
        undo: UndoFunc[C] | Unset = UNSET,
        /,
        *,
        retry: Retry | Unset | None = UNSET,
        timeout: Seconds | Unset | None = UNSET,
        in_doubt: bool = False,
    ) -> UndoFunc[C] | Callable[[UndoFunc[C]], UndoFunc[C]]:
        """
        Decorate the function that undoes the action.

        Args:
            undo: The function, when used without parentheses.
            retry: When a call that failed is made again; without it the saga is stuck at once. None
                takes the registry's default away.
            timeout: How long each call may take: seconds, or a `timedelta`; then it is cancelled,
                and has failed with an `ActionTimeout`.
            in_doubt: Whether it can be called when it is not known whether the action was done.
                Then it is, after an action that failed in doubt, and `ctx.output` is None.

        Raises:
            ActionRegistryError: The action has an undo action already, says that it needs none, or
                has a probe, which only an action has that needs none.
            TypeError: An argument is of a wrong type.
            ValueError: An argument is out of range.
        """

        def decorate(function: UndoFunc[C]) -> UndoFunc[C]:
            if self._undo is not None:
                raise ActionRegistryError(self.name, "it has an undo already")
            if self.settings.probe is not None:
                raise ActionRegistryError(self.name, PROBE_AND_UNDO)
            _check_function(self.name, function)
            self.settings = attrs.evolve(
                self.settings, undo_retry=retry, undo_timeout=timeout, in_doubt=in_doubt
            )
            self._undo = function
            return function

        return decorate if isinstance(undo, Unset) else decorate(undo)

    def probe(self, probe: DoFunc[C, object]) -> DoFunc[C, object]:
        """
        Decorate a function that finds out whether the action was done.

        It is called when a call has ended in doubt, and before one that a crash cut off is made
        again. It returns what the action would have returned, or `NOT_DONE`.

        Raises:
            ActionRegistryError: The action has a probe, or an undo action: a probe is for one that
                needs no undo.
        """
        if self.settings.probe is not None:
            raise ActionRegistryError(self.name, "it has a probe already")
        if self._undo is not None and self._undo is not NOOP:
            raise ActionRegistryError(self.name, PROBE_AND_UNDO)
        _check_function(self.name, probe)
        self.settings = attrs.evolve(self.settings, probe=probe)
        return probe

    def probe_it(self, ctx: ActionContext[C]) -> Awaitable[object]:
        """Call the probe, which there must be."""
        assert self.settings.probe is not None  # noqa: S101 - the caller has looked
        return _awaitable(self.name, self.settings.probe(ctx))

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
        """The return annotation of the function that does it; None if it is not known."""
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


def new_action_noop_undo(
    name: str,
    do: DoFunc[C, T_co],
    *,
    retry: Retry | Unset | None = UNSET,
    timeout: Seconds | Unset | None = UNSET,
    limit: trio.CapacityLimiter | int | None = None,
    atomic: bool = False,
    not_done: NotDoneWhen | None = None,
    probe: DoFunc[C, object] | None = None,
) -> ActionFunc[C, T_co]:
    """
    Return an action that does not need an undo, such as one that only reads.

    Args:
        name: The name by which stored sagas refer to it.
        do: Does it; it is called at least once, so must be idempotent.
        retry: See `ActionRegistry.action`, as for the next four.
        timeout: See there.
        limit: See there.
        atomic: See there.
        not_done: See there.
        probe: Finds out whether it was done; see `ActionFunc.probe`.
    """
    settings = Settings(
        retry=retry,
        timeout=timeout,
        limit=limit,
        atomic=atomic,
        not_done=not_done,
        probe=probe,
    )
    if probe is not None:
        _check_function(name, probe)
    return ActionFunc(name, do, NOOP, settings)


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
