"""The registry: the code that the action names of stored sagas stand for."""

from __future__ import annotations

from collections.abc import Callable
from typing import Literal, TypeVar, overload

import attrs
import trio

from steno.action._codec import Codec
from steno.action._context import ActionContext
from steno.action._func import Action, ActionFunc, DoFunc, Noop, UndoFunc
from steno.action._policy import (
    PLAIN,
    UNSET,
    NotDoneWhen,
    Policy,
    Settings,
    Unset,
)
from steno.action._retry import Retry, Seconds
from steno.core import RESERVED, FlatDag
from steno.errors import ActionRegistryError, SagaValidationError

C = TypeVar("C")
T = TypeVar("T")


@attrs.define(eq=False)
class ActionRegistry:
    """
    The actions that a SEC can call, by name.

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
            ActionRegistryError: There is one of that name, or the name begins with `steno.`.
        """
        if action.name.startswith(RESERVED):
            raise ActionRegistryError(
                action.name, f'names that begin with "{RESERVED}" are reserved'
            )
        if action.name in self._actions:
            raise ActionRegistryError(action.name, "it is registered already")
        self._actions[action.name] = action

    def get(self, name: str) -> Action:
        """
        Return the action of a name.

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
    def action(self, function: DoFunc[C, T], /) -> ActionFunc[C, T]: ...
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
    ) -> Callable[[DoFunc[C, T]], ActionFunc[C, T]]: ...
    def action(
        self,
        function: DoFunc[C, T] | None = None,
        /,
        *,
        name: str | None = None,
        undo: Literal[Noop.NOOP] | None = None,
        retry: Retry | Unset | None = UNSET,
        timeout: Seconds | Unset | None = UNSET,
        limit: trio.CapacityLimiter | int | None = None,
        atomic: bool = False,
        not_done: NotDoneWhen | None = None,
    ) -> ActionFunc[C, T] | Callable[[DoFunc[C, T]], ActionFunc[C, T]]:
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

        Raises:
            ActionRegistryError: There is an action of that name.
            TypeError: An argument is of a wrong type.
            ValueError: An argument is out of range.
        """
        settings = Settings(
            retry=retry, timeout=timeout, limit=limit, atomic=atomic, not_done=not_done
        )

        def decorate(function: DoFunc[C, T]) -> ActionFunc[C, T]:
            chosen = _name_of(function, name)
            action = ActionFunc(chosen, function, undo, settings)
            self.register(action)
            return action

        return decorate if function is None else decorate(function)

    def undo_only(
        self,
        *,
        name: str | None = None,
        retry: Retry | Unset | None = UNSET,
        timeout: Seconds | Unset | None = UNSET,
    ) -> Callable[[UndoFunc[C]], ActionFunc[C, None]]:
        """
        Decorate an undo action, and register it as one whose action does nothing.

        A node of it is a place in the graph at which something is done if the saga unwinds from
        there, such as telling a person.

        Args:
            name: The action's name; the function's own by default.
            retry: When a call that failed is made again; see `ActionFunc.undo`.
            timeout: How long each call may take; see there.

        Raises:
            ActionRegistryError: There is an action of that name.
            TypeError: An argument is of a wrong type.
            ValueError: An argument is out of range.
        """
        settings = Settings(undo_retry=retry, undo_timeout=timeout)

        def decorate(function: UndoFunc[C]) -> ActionFunc[C, None]:
            action = ActionFunc[C, None](_name_of(function, name), _nothing, function, settings)
            self.register(action)
            return action

        return decorate

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
