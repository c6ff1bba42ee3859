"""
Dataflow: which input a parameter is given.

The same rules hold wherever somebody asks: when a graph is built, when a saga is created or checked
before a deploy, and when an action is called.
"""

from __future__ import annotations

import enum
from collections.abc import Callable, Mapping
from typing import Final, TypeAlias

from steno.action._parameter import OUTPUT, PARAMS, Parameter, Role
from steno.core import FlatDag, FromNode, Given, NodeName, Source

NO_SOURCES: Final[Mapping[str, Source]] = {}


class Special(enum.Enum):
    """What a parameter is given that is neither the output of an earlier node nor a value."""

    PARAMS = "params"
    """The params of the saga, or of the subsaga."""

    OUTPUT = "output"
    """The output of the node itself."""

    DEFAULT = "default"
    """Nothing: no node has its name, and it has a default."""

    MISSING = "missing"
    """There is nothing that it could be given."""


Origin: TypeAlias = FromNode | Given | Special
"""Where the input for a parameter comes from."""


def origin_of(
    parameter: Parameter,
    role: Role,
    inputs: Mapping[str, Source],
    sees: Callable[[NodeName], bool],
) -> Origin:
    """
    Return where the input for a parameter comes from.

    Args:
        parameter: The parameter.
        role: Which function of the action has it.
        inputs: What the node says of its inputs, by parameter.
        sees: Returns True for the name of a node that the node depends on.
    """
    if parameter.name == PARAMS:
        return Special.PARAMS
    if parameter.name == OUTPUT and role is Role.UNDO:
        return Special.OUTPUT
    if (source := inputs.get(parameter.name)) is not None:
        return source
    if sees(name := NodeName(parameter.name)):
        return FromNode(parameter.name, name)
    return Special.MISSING if parameter.required else Special.DEFAULT


def ancestors_of(flat: FlatDag, node: int) -> Callable[[NodeName], bool]:
    """Return a function that returns True for the name of a node that a node depends on."""
    names, stage_of = flat.scopes[flat.scope_of[node]].names, flat.stage_of
    stage = stage_of[node]

    def sees(name: NodeName) -> bool:
        index = names.get(name)
        return index is not None and stage_of[index] < stage

    return sees


def sources_of(flat: FlatDag, node: int) -> Mapping[str, Source]:
    """Return what a node says of its inputs, by parameter."""
    inputs = getattr(flat.nodes[node], "inputs", ())
    return {each.parameter: each for each in inputs} if inputs else NO_SOURCES
