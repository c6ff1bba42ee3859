"""
Checks of dataflow: whether what a node is given can be what its functions ask for.

They are made where a graph is built, where a saga is created, and before a deploy. Each knows more
than the one before: types of graphs that were just written, types of all actions, and the outputs
that are stored.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from datetime import datetime
from types import NoneType
from typing import Never, TypeAlias, assert_never, cast

import attrs

from steno.action._codec import UNREADABLE, Codec, may_be, type_text
from steno.action._dataflow import Special, origin_of
from steno.action._func import ActionFunc
from steno.action._parameter import OUTPUT, RESERVED_PARAMETERS, Parameter, Role, Takes
from steno.core import ActionNode, FromNode, Given, JsonText, NodeName, decode_value
from steno.errors import ActionRegistryError, DeserializeError

AnyAction: TypeAlias = ActionFunc[Never, ..., object]

SHOWN = 10
"""How many names a message lists."""


@attrs.frozen(eq=False)
class Supply:
    """
    What is known of a value that is given.

    Attributes:
        what: What gives it, as in `node "hotel"`.
        type: Its annotation; None: not known.
        why: How that is known, to follow it in a message.
        value: The value itself, if it is known.
        codec: What decodes the value; None: what decodes all others.
    """

    what: str
    type: object = None
    why: str = ""
    value: JsonText | None = None
    codec: Codec | None = None

    def misfit(self, wanted: object, codec: Codec, *, is_last: bool = False) -> str | None:
        """
        Return why it cannot be what is wanted; None if it can, or if that is not certain.

        Args:
            wanted: The annotation of what it is given to.
            codec: What knows the registered types.
            is_last: Whether no other codec will decode it, which might know more types.
        """
        if wanted is None:
            return None  # plain JSON
        if self.value is not None:
            try:
                decode_value(self.codec or codec, self.value, cast("type[object]", wanted))
            except DeserializeError as error:
                # The registry's codec may know a type that this one does not.
                is_certain = is_last or UNREADABLE not in str(error)
                return f"{self.what} does not fit: {error}" if is_certain else None
            return None
        if self.type is None or may_be(self.type, wanted, codec):
            return None
        return f"{self.what} gives {type_text(self.type)}{self.why}"


def returned_by(action: object, what: str) -> Supply:
    """Return what is known of the output of an action."""
    if not isinstance(action, ActionFunc):
        return Supply(what, getattr(action, "output_type", None))
    known = cast("AnyAction", action)
    return Supply(what, known.output_type, f", as the {known.takes[0].place} returns")


@attrs.frozen(eq=False)
class Level:
    """
    One saga or subsaga, without what is inside its own subsagas.

    Attributes:
        stage_of: The stage of each of its nodes.
        supply_of: Returns what is known of the output of one of them.
        params: What is known of its params.
        codec: What knows the registered types.
        is_last: Whether that is the codec of the registry, which decodes what flows.
    """

    stage_of: Mapping[NodeName, int]
    supply_of: Callable[[NodeName], Supply]
    params: Supply
    codec: Codec
    is_last: bool = False

    def problems(
        self, node: ActionNode, action: AnyAction, roles: Iterable[Role] = tuple(Role)
    ) -> Iterator[str]:
        """
        Yield what is wrong with the inputs of a node.

        Args:
            node: One of its nodes.
            action: The action of the node.
            roles: The functions of the action that are looked at.

        Raises:
            ActionRegistryError: An annotation cannot be resolved, or the undo action cannot be
                called in doubt, as it says.
        """
        check_doubt(action, self.codec)
        for takes in action.takes:
            if takes.role in roles:
                for parameter in takes.parameters:
                    wanted = takes.type_of(parameter)
                    why = self._misfit(node, action, takes, parameter, wanted)
                    if why is not None:
                        yield why

    def unknown_inputs(self, node: ActionNode, action: AnyAction) -> Iterator[str]:
        """Yield what is wrong with the names of the inputs that a node is given."""
        known = {each.name for takes in action.takes for each in takes.parameters}
        for source in node.inputs:
            if source.parameter in RESERVED_PARAMETERS:
                yield (
                    f'"{source.parameter}" cannot be given with inputs=: it stands for the '
                    "params of the saga, or for the output that is undone. Rename the parameter"
                )
            elif source.parameter not in known:
                takes = _listed(known - RESERVED_PARAMETERS)
                yield (
                    f'it is given "{source.parameter}", which the {action.takes[0].place} does not '
                    f"take, nor do its undo action and probe (they take {takes})"
                )

    def sleep_problem(self, until: NodeName) -> str | None:
        """Return why a node cannot sleep until what another one says."""
        why = self.supply_of(until).misfit(datetime, self.codec)
        return None if why is None else f"it sleeps until a datetime, but {why}"

    def _misfit(
        self,
        node: ActionNode,
        action: AnyAction,
        takes: Takes,
        parameter: Parameter,
        wanted: object,
    ) -> str | None:
        """Return what is wrong with one input; None if nothing is, as far as is known."""
        stage = self.stage_of[node.name]
        sources = {each.parameter: each for each in node.inputs}
        origin = origin_of(
            parameter, takes.role, sources, lambda name: self.stage_of.get(name, stage) < stage
        )
        match origin:
            case Special.DEFAULT:
                return None
            case Special.MISSING:
                return self._missing(takes, parameter, stage)
            case Special.PARAMS:
                supply = self.params
            case Special.OUTPUT:
                supply = attrs.evolve(self.supply_of(node.name), what=f'action "{action.name}"')
            case Given(value=value):
                supply = Supply("the value given for it", value=value)
            case FromNode(node=name):
                supply = self.supply_of(name)
            case _:
                assert_never(origin)
        why = supply.misfit(wanted, self.codec, is_last=self.is_last)
        if why is None:
            return None
        asks = f'parameter "{parameter.name}" of the {takes.place} asks for {type_text(wanted)}'
        return f"{asks}, but {why}"

    def _missing(self, takes: Takes, parameter: Parameter, stage: int) -> str:
        name = parameter.name
        takes_it = f'the {takes.place} takes "{name}"'
        if name in self.stage_of:
            return f"{takes_it}, but the node does not depend on the node of that name"
        seen = {each for each, number in self.stage_of.items() if number < stage}
        return (
            f"{takes_it}, but no node of that name comes before it (there are {_listed(seen)}); "
            f'to take it from another node, say inputs={{"{name}": "<node>"}}'
        )


def check_doubt(action: AnyAction, codec: Codec) -> None:
    """
    Check that an undo action that can be called in doubt does not ask for an output.

    Raises:
        ActionRegistryError: It does, or an annotation cannot be resolved.
    """
    if not action.settings.in_doubt:
        return
    for takes in action.takes:
        for parameter in takes.parameters:
            if takes.role is not Role.UNDO or parameter.name != OUTPUT or not parameter.required:
                continue
            wanted = takes.type_of(parameter)
            if wanted is not None and not may_be(NoneType, wanted, codec):
                why = (
                    f"the {takes.place} says in_doubt=True, and then there may be no output: "
                    f'annotate "{OUTPUT}" with {type_text(wanted)} | None, or give it a default'
                )
                raise ActionRegistryError(action.name, why)


def _listed(names: Iterable[str]) -> str:
    shown = sorted(names)
    quoted = [f'"{name}"' for name in shown[:SHOWN]]
    return ", ".join([*quoted, "…"] if len(shown) > SHOWN else quoted) or "none"
