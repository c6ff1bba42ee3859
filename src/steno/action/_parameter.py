"""
What the functions of an action take: their context, then inputs by name.

Names are read when a function is decorated. Annotations are resolved later, at `build()`: a module
may define a class further down.
"""

from __future__ import annotations

import enum
import inspect
from collections.abc import Callable, Collection
from functools import partial
from pathlib import Path
from types import SimpleNamespace
from typing import Final, cast, get_type_hints

import attrs

from steno.errors import ActionRegistryError

PARAMS: Final = "params"
"""The parameter that is given the params of the saga, or of the subsaga."""

OUTPUT: Final = "output"
"""The parameter of an undo action that is given the output of its own node."""

RESERVED_PARAMETERS: Final = frozenset({PARAMS, OUTPUT})


CONTEXT: Final = {inspect.Parameter.POSITIONAL_ONLY, inspect.Parameter.POSITIONAL_OR_KEYWORD}
"""The kinds of parameters that can be given a context."""


DECORATOR: Final = "A decorator around the function must say what it takes, as with functools.wraps"


class Role(enum.Enum):
    """Which function of an action it is."""

    ACTION = "action"
    """It does what the action is for."""

    UNDO = "undo action of"
    """It undoes that."""

    PROBE = "probe of"
    """It finds out whether that was done."""


@attrs.frozen(eq=False)
class Parameter:
    """
    A parameter of a function, after its context.

    Attributes:
        name: Its name.
        required: Whether it has no default.
        annotation: What it asks for, as it is written; `inspect.Parameter.empty`: plain JSON.
    """

    name: str
    required: bool
    annotation: object


@attrs.define(eq=False)
class Takes:
    """
    What a function takes besides its context.

    Attributes:
        action_name: The action.
        role: Which of its functions it is.
        parameters: The parameters after the context.
    """

    action_name: str
    role: Role
    parameters: tuple[Parameter, ...]
    _function: Callable[..., object] = attrs.field(repr=False)
    _context: object = attrs.field(repr=False)
    _types: dict[str, object] = attrs.field(init=False, factory=dict, repr=False)

    @classmethod
    def of(cls, action_name: str, role: Role, function: Callable[..., object]) -> Takes:
        """
        Return what a function takes.

        Raises:
            ActionRegistryError: It has a parameter that cannot be given an input.
        """
        try:
            found = list(inspect.signature(function).parameters.values())
        except ValueError:  # one of C's, which says nothing of itself
            return cls(action_name, role, (), function, None)
        left = [each for each in found if each.name not in _bound(function)]
        _check(action_name, role, left)
        context, *rest = left
        parameters = tuple(
            Parameter(each.name, each.default is each.empty, each.annotation) for each in rest
        )
        return cls(action_name, role, parameters, function, context.annotation)

    def type_of(self, parameter: Parameter) -> object:
        """
        Return the type that one of its parameters asks for; None for plain JSON.

        Raises:
            ActionRegistryError: The annotation cannot be resolved.
        """
        if parameter.name not in self._types:
            self._types[parameter.name] = self._resolved(parameter)
        return self._types[parameter.name]

    @property
    def context_type(self) -> object:
        """The annotation of its context; None if there is none, or it cannot be resolved."""
        try:
            return _resolve(self._context, self._function)
        except Exception:  # noqa: BLE001 - resolving an annotation runs the user's code
            return None

    @property
    def place(self) -> str:
        """Where the function is, for messages."""
        return f'{self.role.value} "{self.action_name}"{_line(self._function)}'

    def _resolved(self, parameter: Parameter) -> object:
        try:
            return _resolve(parameter.annotation, self._function)
        except Exception as error:
            why = (
                f'the annotation of parameter "{parameter.name}" of the {self.place} cannot be '
                f"resolved: {error}; it must be defined when the program runs, at the top level of "
                "its module"
            )
            raise ActionRegistryError(self.action_name, why) from error


def _bound(function: object) -> Collection[str]:
    """Return the parameters that a partial gives by keyword."""
    return cast("partial[object]", function).keywords if isinstance(function, partial) else ()


def _check(action_name: str, role: Role, found: list[inspect.Parameter]) -> None:
    """Refuse parameters that cannot be given an input by name."""
    what = "it" if role is Role.ACTION else f"its {role.value.removesuffix(' of')}"
    if not found or found[0].kind not in CONTEXT:
        why = f"{what} must take a context as its first parameter: async def f(ctx, …)"
        if found and found[0].kind is inspect.Parameter.VAR_POSITIONAL:
            why = f"{why}. {DECORATOR}"
        raise ActionRegistryError(action_name, why)
    for each in found[1:]:
        if each.kind in {each.VAR_POSITIONAL, each.VAR_KEYWORD, each.POSITIONAL_ONLY}:
            why = (
                f'{what} cannot take "{each}": each parameter after the context is given the '
                f"output of the node of its name. {DECORATOR}"
            )
            raise ActionRegistryError(action_name, why)
        if each.name == OUTPUT and role is not Role.UNDO:
            why = (
                f'{what} cannot take "{OUTPUT}": that is what an undo action is given. For the '
                f'output of a node of that name, choose another name and say inputs={{"<name>": '
                f'"{OUTPUT}"}} where the node is made'
            )
            raise ActionRegistryError(action_name, why)


def _resolve(annotation: object, function: Callable[..., object]) -> object:
    """Return an annotation with the strings in it resolved; None if there is none."""
    if annotation is inspect.Parameter.empty or annotation is None:
        return None if annotation is inspect.Parameter.empty else type(None)
    holder = SimpleNamespace(__annotations__={"it": annotation})
    names: dict[str, object] = getattr(_unwrapped(function), "__globals__", {})
    return get_type_hints(holder, names, include_extras=True)["it"]


def _unwrapped(function: Callable[..., object]) -> Callable[..., object]:
    """Return the function of a partial, of an object that can be called, or of a decorator."""
    found = _undecorated(function)
    while isinstance(found, partial):
        found = _undecorated(cast("partial[object]", found).func)
    return found if inspect.isroutine(found) else _undecorated(type(found).__call__)


def _undecorated(function: Callable[..., object]) -> Callable[..., object]:
    found: Callable[..., object] = inspect.unwrap(function)
    return found


def _line(function: Callable[..., object]) -> str:
    code = getattr(_unwrapped(function), "__code__", None)
    if code is None:
        return ""
    return f" ({Path(code.co_filename).name}, line {code.co_firstlineno})"
