"""
Where a node's inputs come from, if not from the nodes that are named like them.

A node's functions are given outputs by the names of their parameters. What is kept here is only
what a graph says otherwise: another node for a parameter, or a value.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TypeAlias, assert_never

import attrs
from typing_extensions import TypeForm

from steno.core._value import JsonText, ValueCodec
from steno.core.graph._ids import NodeName


@attrs.frozen(eq=False)
class Value:
    """
    A value for a parameter, known when the graph is built; see `Node.action`.

    Args:
        value: Of any type that the codec knows. It is encoded when the node is appended.
        as_type: The annotation as which it will be read, where its class does not say that.
    """

    value: object
    as_type: TypeForm[object] | None = None


@attrs.frozen
class FromNode:
    """A parameter is given the output of a node."""

    parameter: str
    node: NodeName


@attrs.frozen
class Given:
    """A parameter is given a value."""

    parameter: str
    value: JsonText


Source: TypeAlias = FromNode | Given
"""Where the input for one parameter comes from."""


def sources(inputs: Mapping[str, str | Value], codec: ValueCodec) -> tuple[Source, ...]:
    """
    Return where inputs come from, by parameter in alphabetical order.

    Args:
        inputs: For each parameter the name of a node, or a value.
        codec: What encodes the values.

    Raises:
        SerializeError: A value cannot be stored as JSON.
    """
    found: list[Source] = []
    for parameter, source in sorted(inputs.items()):
        match source:
            case Value(value=value, as_type=as_type):
                found.append(Given(parameter, codec.encode(value, as_type=as_type)))
            case str():
                found.append(FromNode(parameter, NodeName(source)))
            case _:
                assert_never(source)
    return tuple(found)
