"""The registry: the code that the action names of stored sagas stand for."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any, Generic, Literal, ParamSpec, get_args, get_origin, overload
from weakref import WeakSet

import attrs
import trio
from typing_extensions import TypeVar

from steno.action._action import Action, aliases_of
from steno.action._audit import FlatFlow, audit
from steno.action._codec import Codec, type_text
from steno.action._context import ActionContext, is_certainly_not
from steno.action._func import ActionFunc, DoFunc, Noop, UndoFunc
from steno.action._policy import (
    PLAIN,
    UNSET,
    NotDoneWhen,
    Policy,
    Settings,
    Unset,
)
from steno.action._retry import Retry, Seconds
from steno.core import RESERVED, FlatDag, SagaDag, SagaState
from steno.errors import ActionRegistryError, SagaValidationError

P = ParamSpec("P")
T = TypeVar("T")
World = TypeVar("World", default=Any)  # as `ActionRegistry()` alone says nothing of it


@attrs.define(eq=False)
class ActionRegistry(Generic[World]):
    """
    The actions that a SEC can call, by name.

    `ActionRegistry[Trip]()` is one of actions whose `ctx.user_data` is a `Trip`: type checkers
    compare the actions, and the context that is given to `open_sec`, with that.

    The four settings are defaults: an action's own replaces one as a whole, and None takes it away.

    Args:
        retry: When calls of actions that failed are made again.
        timeout: How long each of them may take. It is not for actions that could not have one: with
            an undo action, neither atomic nor providing for doubt.
        undo_retry: When calls of undo actions that failed are made again.
        undo_timeout: How long each of these may take.

    Attributes:
        codec: Encodes and decodes the values of its sagas: register types of your own with it.
    """

    codec: Codec = attrs.field(factory=Codec, kw_only=True)
    _retry: Retry | None = attrs.field(default=None, kw_only=True, alias="retry")
    _timeout: Seconds | None = attrs.field(default=None, kw_only=True, alias="timeout")
    _undo_retry: Retry | None = attrs.field(default=None, kw_only=True, alias="undo_retry")
    _undo_timeout: Seconds | None = attrs.field(default=None, kw_only=True, alias="undo_timeout")
    _actions: dict[str, Action] = attrs.field(init=False, factory=dict)
    _policies: dict[str, tuple[object, Policy]] = attrs.field(init=False, factory=dict)
    _defaults: Settings = attrs.field(init=False)
    _validated: WeakSet[FlatDag] = attrs.field(init=False, factory=WeakSet)
    __orig_class__: object = attrs.field(init=False, default=None)  # set by typing

    def __attrs_post_init__(self) -> None:
        """Check the defaults."""
        self._defaults = Settings(
            retry=self._retry,
            timeout=self._timeout,
            undo_retry=self._undo_retry,
            undo_timeout=self._undo_timeout,
        )

    def register(self, action: Action) -> None:
        """
        Add an action.

        Raises:
            ActionRegistryError: There is one of that name, or of an alias of it, or a name begins
                with `steno.`.
        """
        names = (action.name, *aliases_of(action))
        for name in names:
            if name.startswith(RESERVED):
                raise ActionRegistryError(name, f'names that begin with "{RESERVED}" are reserved')
            if name in self._actions or names.count(name) > 1:
                raise ActionRegistryError(name, "it is registered already")
        for name in names:
            self._actions[name] = action

    def get(self, name: str) -> Action:
        """
        Return the action of a name, or of an alias.

        Raises:
            ActionRegistryError: There is no such action.
        """
        try:
            return self._actions[name]
        except KeyError:
            raise ActionRegistryError(name, "it is not registered") from None

    def policy(self, action: Action) -> Policy:
        """Return what is said of the calls of an action, with the defaults filled in."""
        settings = getattr(action, "settings", None)
        known = self._policies.get(action.name)
        # By identity: the undo and the probe, decorated later, bring settings of their own.
        if known is not None and known[0] is settings:
            return known[1]
        needs_no_undo = isinstance(action, ActionFunc) and action.needs_no_undo
        own = settings if isinstance(settings, Settings) else Settings()
        policy = own.policy(self._defaults, needs_no_undo=needs_no_undo)
        # That of most actions, so that it is recognized by identity.
        policy = PLAIN if policy == PLAIN else policy
        self._policies[action.name] = settings, policy
        return policy

    @overload
    def action(self, function: DoFunc[World, P, T], /) -> ActionFunc[World, P, T]: ...
    @overload
    def action(
        self,
        /,
        *,
        name: str | None = None,
        undo: Literal[Noop.NOOP] | None = None,
        retry: Retry | Unset | None = UNSET,
        timeout: Seconds | Unset | None = UNSET,
        limit: trio.CapacityLimiter | int | None = None,
        atomic: bool = False,
        not_done: NotDoneWhen | None = None,
        aliases: Sequence[str] = (),
    ) -> Callable[[DoFunc[World, P, T]], ActionFunc[World, P, T]]: ...
    def action(
        self,
        function: DoFunc[World, P, T] | None = None,
        /,
        *,
        name: str | None = None,
        undo: Literal[Noop.NOOP] | None = None,
        retry: Retry | Unset | None = UNSET,
        timeout: Seconds | Unset | None = UNSET,
        limit: trio.CapacityLimiter | int | None = None,
        atomic: bool = False,
        not_done: NotDoneWhen | None = None,
        aliases: Sequence[str] = (),
    ) -> ActionFunc[World, P, T] | Callable[[DoFunc[World, P, T]], ActionFunc[World, P, T]]:
        """
        Decorate an async function, and register it as an action.

        Args:
            function: The function, when used without parentheses.
            name: The action's name; the function's own by default. Stored sagas refer to it, so it
                must never change.
            undo: `NOOP`, if nothing is to be undone. Otherwise decorate the function that undoes it
                with `<the action>.undo`.
            retry: When a call that failed is made again; without it the node has failed at once.
                None takes the registry's default away, as for `timeout`.
            timeout: How long each call may take: seconds, or a `timedelta`; then it is cancelled,
                and has failed with an `ActionTimeout`. A call in a thread goes on in the
                background. An action with an undo action must say what holds then: `in_doubt=True`
                on the undo, or `atomic=True` here.
            limit: How many calls may run at once: a number, for this action in one SEC, or a
                `trio.CapacityLimiter` that actions share. Waiting for it does not count for the
                timeout.
            atomic: Whether a call that ends other than by returning has had no effect.
            not_done: Errors that say that nothing was done: types, or a function of the error. What
                raises `steno.NotDone` says so itself, and is not called again.
            aliases: Names that it had before, by which stored sagas still refer to it.

        Raises:
            ActionRegistryError: There is an action of that name, or the function has a parameter
                that cannot be given an input.
            TypeError: An argument is of a wrong type.
            ValueError: An argument is out of range.
        """
        settings = Settings(
            retry=retry, timeout=timeout, limit=limit, atomic=atomic, not_done=not_done
        )

        def decorate(function: DoFunc[World, P, T]) -> ActionFunc[World, P, T]:
            chosen = _name_of(function, name)
            action = ActionFunc(chosen, function, undo, settings, aliases=aliases)
            self.register(action)
            return action

        return decorate if function is None else decorate(function)

    def undo_only(
        self,
        *,
        name: str | None = None,
        retry: Retry | Unset | None = UNSET,
        timeout: Seconds | Unset | None = UNSET,
        aliases: Sequence[str] = (),
    ) -> Callable[[UndoFunc[World, P]], ActionFunc[World, [], None]]:
        """
        Decorate an undo action, and register it as one whose action does nothing.

        A node of it is a place in the graph at which something is done if the saga unwinds from
        there, such as telling a person.

        Args:
            name: The action's name; the function's own by default.
            retry: When a call that failed is made again; see `ActionFunc.undo`.
            timeout: How long each call may take; see there.
            aliases: Names that it had before; see `action`.

        Raises:
            ActionRegistryError: There is an action of that name.
            TypeError: An argument is of a wrong type.
            ValueError: An argument is out of range.
        """
        settings = Settings(undo_retry=retry, undo_timeout=timeout)

        def decorate(function: UndoFunc[World, P]) -> ActionFunc[World, [], None]:
            action = ActionFunc[World, [], None](
                _name_of(function, name), _nothing, function, settings, aliases=aliases
            )
            self.register(action)
            return action

        return decorate

    def check_context(self, context: object) -> None:
        """
        Check that actions can be given a context as their `ctx.user_data`.

        What they are known to take is a class: that in `ActionRegistry[Trip]()`, and those in the
        annotations of their contexts.

        Raises:
            TypeError: It is not an instance of such a class.
        """
        (world,) = get_args(self.__orig_class__) or (None,)
        if is_certainly_not(context, world):
            msg = f"its registry is an ActionRegistry[{type_text(world)}]"
            raise TypeError(_wrong_context(context, msg))
        for action in self._actions.values():
            for takes in action.takes if isinstance(action, ActionFunc) else ():
                asked = takes.context_type
                world = get_args(asked)[0] if get_origin(asked) is ActionContext else None
                if is_certainly_not(context, world):
                    msg = f"the {takes.place} takes an ActionContext[{type_text(world)}]"
                    raise TypeError(_wrong_context(context, msg))

    def validate_inputs(self, flat: FlatDag) -> None:
        """
        Check that the actions of a new saga can be given their inputs; done once for each graph.

        Raises:
            SagaValidationError: A node has no ancestor of the name of an input, or one whose output
                is certainly of another type.
        """
        if flat in self._validated:
            return
        flow = FlatFlow(flat, self.get, self.codec)
        for node in flow.nodes_with_inputs():
            for problem in flow.problems(node, creating=True):
                why = f'node "{flat.path(node)}": {problem}'
                raise SagaValidationError(flat.saga_name, why)
        self._validated.add(flat)

    def audit(self, dag: SagaDag, state: SagaState) -> Iterator[str]:
        """
        Yield why nodes of a stored saga would be held by this registry; nothing is called.

        Args:
            dag: The saga; its actions are registered.
            state: The fold of its log.
        """
        return audit(dag, state, self.get, self.codec, lambda name: self.policy(self.get(name)))

    def validate(self, flat: FlatDag) -> None:
        """
        Check that a saga's actions can be called and undone; costs as much as it has actions.

        Raises:
            SagaValidationError: One is not registered, or has no undo.
        """
        # By action, not by node: thousands of nodes may call the same few actions.
        for name, node in flat.action_names.items():
            action = self._actions.get(name)
            if action is None:
                why = f'action for node "{node}" not registered: "{name}"'
                raise SagaValidationError(flat.saga_name, why)
            if not isinstance(action, ActionFunc):
                continue  # what it says of itself is not known
            # Checked here and not when it is registered: the undo is decorated after the action.
            if action.lacks_undo:
                why = (
                    f'action "{name}" of node "{node}" has no undo: decorate one with '
                    f"@{name}.undo, or say undo=steno.NOOP if there is nothing to undo"
                )
                raise SagaValidationError(flat.saga_name, why)
            if not action.needs_no_undo and _leaves_open(action.settings):
                why = (
                    f'action "{name}" of node "{node}" has a timeout, and does not say what holds '
                    "after it: decorate its undo with in_doubt=True if it can be called when it is "
                    "not known whether the action was done, or say atomic=True if a call that is "
                    "cancelled has had no effect"
                )
                raise SagaValidationError(flat.saga_name, why)


def _wrong_context(context: object, why: str) -> str:
    return f"open_sec: the context is of type {type(context).__qualname__}, but {why}"


def _leaves_open(settings: Settings) -> bool:
    """Return True if an action that may have to be undone does not say what a timeout means."""
    has_timeout = not (settings.timeout is None or isinstance(settings.timeout, Unset))
    return has_timeout and not settings.in_doubt and not settings.atomic


def _name_of(function: object, name: str | None) -> str:
    own: str | None = getattr(function, "__name__", None)
    chosen = name if name is not None else own
    if chosen is None:
        msg = f"{function!r} has no name; give one: registry.action(name=…)"
        raise TypeError(msg)
    return chosen


async def _nothing(_: ActionContext[object]) -> None:
    await trio.lowlevel.checkpoint()
