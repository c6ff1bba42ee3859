"""The registry: the code that the action names of stored sagas stand for."""

from __future__ import annotations

from collections.abc import Callable
from typing import Literal, TypeVar, overload

import attrs

from steno.action._codec import Codec
from steno.action._func import Action, ActionFunc, DoFunc, Noop
from steno.core import FlatDag
from steno.errors import ActionRegistryError, SagaValidationError

C = TypeVar("C")
T = TypeVar("T")


@attrs.define(eq=False)
class ActionRegistry:
    """
    The actions that a SEC can call, by name.

    Attributes:
        codec: Encodes and decodes the values of its sagas: register types of your own with it.
    """

    codec: Codec = attrs.field(factory=Codec, kw_only=True)
    _actions: dict[str, Action] = attrs.field(init=False, factory=dict)

    def register(self, action: Action) -> None:
        """
        Add an action.

        Raises:
            ActionRegistryError: There is one of that name.
        """
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

    @overload
    def action(self, function: DoFunc[C, T], /) -> ActionFunc[C, T]: ...
    @overload
    def action(
        self, /, *, name: str | None = None, undo: Literal[Noop.NOOP] | None = None
    ) -> Callable[[DoFunc[C, T]], ActionFunc[C, T]]: ...
    def action(
        self,
        function: DoFunc[C, T] | None = None,
        /,
        *,
        name: str | None = None,
        undo: Literal[Noop.NOOP] | None = None,
    ) -> ActionFunc[C, T] | Callable[[DoFunc[C, T]], ActionFunc[C, T]]:
        """
        Decorate an async function, and register it as an action.

        Args:
            function: The function, when used without parentheses.
            name: The action's name; the function's own by default. Stored sagas refer to it, so it
                must never change.
            undo: `NOOP`, if nothing is to be undone. Otherwise decorate the function that undoes it
                with `<the action>.undo`.

        Raises:
            ActionRegistryError: There is an action of that name.
        """

        def decorate(function: DoFunc[C, T]) -> ActionFunc[C, T]:
            own_name: str | None = getattr(function, "__name__", None)
            chosen = name if name is not None else own_name
            if chosen is None:
                msg = f"{function!r} has no name; give one: registry.action(name=…)"
                raise TypeError(msg)
            action = ActionFunc(chosen, function, undo)
            self.register(action)
            return action

        return decorate if function is None else decorate(function)

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
            # Checked here and not when it is registered: the undo is decorated after the action.
            if isinstance(action, ActionFunc) and action.lacks_undo:
                why = (
                    f'action "{name}" of node "{node}" has no undo: decorate one with '
                    f"@{name}.undo, or say undo=steno.NOOP if there is nothing to undo"
                )
                raise SagaValidationError(flat.saga_name, why)
