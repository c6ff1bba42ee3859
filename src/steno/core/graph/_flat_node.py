"""Nodes of a flattened graph: those of a builder, and those that flattening puts beside them."""

from __future__ import annotations

from typing import TypeAlias, assert_never

import attrs

from steno.core._value import JsonText
from steno.core.graph._ids import NodeName, SagaName
from steno.core.graph._node import ActionNode, ConstantNode, SignalNode, SleepNode, WaitNode


@attrs.frozen
class SubsagaStartNode:
    """Where a subsaga begins; its output is null."""

    params_node_name: NodeName
    saga_name: SagaName

    @property
    def label(self) -> str:
        """How people read it."""
        return f'(subsaga start: "{self.saga_name}")'


@attrs.frozen
class SubsagaEndNode:
    """Where a subsaga ends; its output is that of the subsaga's last node."""

    name: NodeName
    label = "(subsaga end)"


@attrs.frozen
class StartNode:
    """Where a saga begins; its output is null."""

    params: JsonText
    label = "(start node)"


@attrs.frozen
class EndNode:
    """Where a saga ends; its output is null."""

    label = "(end node)"


InnerNode: TypeAlias = ActionNode | WaitNode | ConstantNode | SubsagaStartNode | SubsagaEndNode
"""A node of a flattened graph that is neither its start nor its end."""

FlatNode: TypeAlias = InnerNode | StartNode | EndNode
"""A node of the graph that a saga runs."""


def node_name(node: FlatNode) -> NodeName | None:
    """Return a node's name, if it is of a kind that has one."""
    match node:
        case (
            ActionNode(name=name)
            | SleepNode(name=name)
            | SignalNode(name=name)
            | ConstantNode(name=name)
            | SubsagaEndNode(name=name)
        ):
            return name
        case SubsagaStartNode() | StartNode() | EndNode():
            return None
        case _:
            assert_never(node)
