"""Actions: a name and a pair of async functions, one that acts and one that takes it back."""

from __future__ import annotations

import enum
import inspect
from collections.abc import Awaitable, Callable, Coroutine, Sequence
from functools import partial
from types import CoroutineType
from typing import (
    Concatenate,
    Final,
    Generic,
    Literal,
    Never,
    ParamSpec,
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

from steno.action._action import checked_aliases
from steno.action._codec import shown
from steno.action._context import ActionContext
from steno.action._parameter import Role, Takes
from steno.action._policy import UNSET, NotDoneWhen, Settings, Unset
from steno.action._retry import Retry, Seconds
from steno.errors import ActionRegistryError

C = TypeVar("C")
D = TypeVar("D")
R = TypeVar("R")
P = ParamSpec("P")
N = ParamSpec("N")
Q = ParamSpec("Q")
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

DoFunc: TypeAlias = Callable[Concatenate[ActionContext[C], P], Awaitable[T_co]]
UndoFunc: TypeAlias = Callable[Concatenate[ActionContext[C], P], Awaitable[None]]


@attrs.define(eq=False)
class ActionFunc(Generic[C, P, T_co]):
    """
    An action made of functions.

    Each takes a context, and then inputs by name: a parameter is given the output of the node of
    its name, `params` the params of the saga, and `output`, in an undo action, that of its own
    node; each is decoded as the parameter's annotation says.

    Attributes:
        name: The name by which stored sagas refer to it.
        settings: What it says of its calls.
        aliases: Other names that stored sagas may refer to it by.
    """

    name: str = attrs.field(validator=attrs.validators.instance_of(str))
    _do: DoFunc[C, P, T_co]
    _undo: UndoFunc[C, ...] | Literal[Noop.NOOP] | None = None
    settings: Settings = attrs.field(default=Settings(), repr=False)
    aliases: tuple[str, ...] = attrs.field(
        default=(), converter=checked_aliases, kw_only=True, repr=False
    )
    _output_type: object = attrs.field(init=False, default=_UNRESOLVED, repr=False)
    _takes: Takes = attrs.field(init=False, repr=False)
    _undo_takes: Takes | None = attrs.field(init=False, default=None, repr=False)
    _probe_takes: Takes | None = attrs.field(init=False, default=None, repr=False)

    def __attrs_post_init__(self) -> None:
        """Refuse anything that cannot be called as an action."""
        self._takes = what_takes(self.name, Role.ACTION, self._do)
        if self._undo is not None and self._undo is not NOOP:
            self._undo_takes = what_takes(self.name, Role.UNDO, self._undo)
        if self.settings.probe is not None:
            self._probe_takes = what_takes(self.name, Role.PROBE, self.settings.probe)

    @staticmethod
    def new_action(
        name: str,
        do: DoFunc[D, N, R],
        undo: UndoFunc[D, Q],
        *,
        retry: Retry | Unset | None = UNSET,
        timeout: Seconds | Unset | None = UNSET,
        limit: trio.CapacityLimiter | int | None = None,
        atomic: bool = False,
        not_done: NotDoneWhen | None = None,
        undo_retry: Retry | Unset | None = UNSET,
        undo_timeout: Seconds | Unset | None = UNSET,
        in_doubt: bool = False,
        aliases: Sequence[str] = (),
    ) -> ActionFunc[D, N, R]:
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
            aliases: See `ActionRegistry.action`.

        Raises:
            ActionRegistryError: A function has a parameter that cannot be given an input.
            TypeError: An argument is of a wrong type.
            ValueError: An argument is out of range.
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
        return ActionFunc(name, do, undo, settings, aliases=aliases)

    @overload
    def undo(self, undo: UndoFunc[C, Q], /) -> UndoFunc[C, Q]: ...
    @overload
    def undo(
        self,
        /,
        *,
        retry: Retry | Unset | None = UNSET,
        timeout: Seconds | Unset | None = UNSET,
        in_doubt: bool = False,
    ) -> Callable[[UndoFunc[C, Q]], UndoFunc[C, Q]]: ...
    def undo(
        self,
        undo: UndoFunc[C, Q] | Unset = UNSET,
        /,
        *,
        retry: Retry | Unset | None = UNSET,
        timeout: Seconds | Unset | None = UNSET,
        in_doubt: bool = False,
    ) -> UndoFunc[C, Q] | Callable[[UndoFunc[C, Q]], UndoFunc[C, Q]]:
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
                has a probe, which only an action has that needs none; or the function has a
                parameter that cannot be given an input.
            TypeError: An argument is of a wrong type.
            ValueError: An argument is out of range.
        """

        def decorate(function: UndoFunc[C, Q]) -> UndoFunc[C, Q]:
            if self._undo is not None:
                raise ActionRegistryError(self.name, "it has an undo already")
            if self.settings.probe is not None:
                raise ActionRegistryError(self.name, PROBE_AND_UNDO)
            self._undo_takes = what_takes(self.name, Role.UNDO, function)
            self.settings = attrs.evolve(
                self.settings, undo_retry=retry, undo_timeout=timeout, in_doubt=in_doubt
            )
            self._undo = function
            return function

        return decorate if isinstance(undo, Unset) else decorate(undo)

    def probe(self, probe: DoFunc[C, Q, object]) -> DoFunc[C, Q, object]:
        """
        Decorate a function that finds out whether the action was done.

        It is called when a call has ended in doubt, and before one that a crash cut off is made
        again. It returns what the action would have returned, or `NOT_DONE`.

        Raises:
            ActionRegistryError: The action has a probe, or an undo action: a probe is for one that
                needs no undo; or the function has a parameter that cannot be given an input.
        """
        if self.settings.probe is not None:
            raise ActionRegistryError(self.name, "it has a probe already")
        if self._undo is not None and self._undo is not NOOP:
            raise ActionRegistryError(self.name, PROBE_AND_UNDO)
        self._probe_takes = what_takes(self.name, Role.PROBE, probe)
        self.settings = attrs.evolve(self.settings, probe=probe)
        return probe

    @property
    def takes(self) -> tuple[Takes, ...]:
        """What its functions take: the action, then its undo action and its probe, if any."""
        every = (self._takes, self._undo_takes, self._probe_takes)
        return tuple(each for each in every if each is not None)

    @property
    def takes_inputs(self) -> bool:
        """Whether any of its functions takes more than a context."""
        return any(takes.parameters for takes in self.takes)

    @property
    def function(self) -> DoFunc[C, P, T_co]:
        """The function that does it."""
        return self._do

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
        """
        Call the function that does it, with its inputs.

        Raises:
            InputError: It cannot be given an input; it was not called.
        """
        return _call(self._do, self._takes, ctx)

    def undo_it(self, ctx: ActionContext[C]) -> Awaitable[None]:
        """
        Call the function that undoes it, if there is one, with its inputs.

        Raises:
            InputError: It cannot be given an input; it was not called.
        """
        if self._undo is None or self._undo is NOOP or self._undo_takes is None:
            return _nothing()
        return _call(self._undo, self._undo_takes, ctx)

    def probe_it(self, ctx: ActionContext[C]) -> Awaitable[object]:
        """
        Call the probe, which there must be, with its inputs.

        Raises:
            InputError: It cannot be given an input; it was not called.
        """
        probe, takes = self.settings.probe, self._probe_takes
        assert probe is not None and takes is not None  # noqa: S101, PT018 - the caller has looked
        return _call(probe, takes, ctx)

    async def __call__(self, ctx: ActionContext[C], /, *args: P.args, **kwargs: P.kwargs) -> T_co:
        """Call the function that does it, as if it had not been decorated."""
        return await _awaitable(self.name, self._do(ctx, *args, **kwargs))


def new_action_noop_undo(
    name: str,
    do: DoFunc[C, P, T_co],
    *,
    retry: Retry | Unset | None = UNSET,
    timeout: Seconds | Unset | None = UNSET,
    limit: trio.CapacityLimiter | int | None = None,
    atomic: bool = False,
    not_done: NotDoneWhen | None = None,
    probe: DoFunc[C, ..., object] | None = None,
    aliases: Sequence[str] = (),
) -> ActionFunc[C, P, T_co]:
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
        aliases: See `ActionRegistry.action`.

    Raises:
        ActionRegistryError: A function has a parameter that cannot be given an input.
        TypeError: An argument is of a wrong type.
        ValueError: An argument is out of range.
    """
    settings = Settings(
        retry=retry,
        timeout=timeout,
        limit=limit,
        atomic=atomic,
        not_done=not_done,
        probe=probe,
    )
    return ActionFunc(name, do, NOOP, settings, aliases=aliases)


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


def what_takes(name: str, role: Role, function: object) -> Takes:
    """
    Return what a function of an action takes.

    Raises:
        ActionRegistryError: It has a parameter that cannot be given an input.
        TypeError: It cannot be called as an action.
    """
    # Not `iscoroutinefunction`: partials and callable objects are fine too. What they return is
    # checked by `_awaitable` when they are called.
    if not callable(function) or inspect.isasyncgenfunction(function):
        msg = f'action "{name}": {function!r} is not an async function'
        raise TypeError(msg)
    # Another action takes what the function does that it was made of.
    while isinstance(function, ActionFunc):
        function = cast("ActionFunc[Never, ..., object]", function).function
    return Takes.of(name, role, function)


def _call(
    function: Callable[..., Awaitable[R]], takes: Takes, ctx: ActionContext[C]
) -> Awaitable[R]:
    if not takes.parameters:  # most have none, and then this costs nothing
        return _awaitable(takes.action_name, function(ctx))
    return _awaitable(takes.action_name, function(ctx, **ctx.given(takes)))


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
