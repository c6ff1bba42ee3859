"""
Specifications of sagas: plain values, of which graphs are built.

A failing test shows them, and they can be written down again as they are shown.
"""

from __future__ import annotations

from typing import TypeAlias, assert_never

import attrs

from steno.core import JSON, Dag, Node, PlainDagBuilder, SagaDag


@attrs.frozen
class ActionSpec:
    """
    A node with an action.

    Attributes:
        name: The node's name; its action is called `do_` and that.
    """

    name: str

    @property
    def action_name(self) -> str:
        """The name of its action."""
        return f"do_{self.name}"


@attrs.frozen
class ConstantSpec:
    """
    A node with a constant.

    Attributes:
        name: The node's name.
        value: The constant.
    """

    name: str
    value: int


@attrs.frozen
class SubsagaSpec:
    """
    A node with a whole saga.

    Attributes:
        name: The node's name.
        params: The node whose output are the params of that saga.
        saga: That saga.
    """

    name: str
    params: str
    saga: SagaSpec


NodeSpec: TypeAlias = ActionSpec | ConstantSpec | SubsagaSpec


@attrs.frozen
class SagaSpec:
    """
    A saga.

    Attributes:
        stages: The stages; each node depends on all nodes of the stage before.
    """

    stages: tuple[tuple[NodeSpec, ...], ...]

    @property
    def size(self) -> int:
        """The number of nodes between the start and the end; they have the indexes below it."""
        return sum(
            node.saga.size + 2 if isinstance(node, SubsagaSpec) else 1
            for stage in self.stages
            for node in stage
        )

    def dag(self, name: str = "saga") -> Dag:
        """Return its graph."""
        builder = PlainDagBuilder(name)
        for stage in self.stages:
            builder.append_parallel(map(_node, stage))
        return builder.build()

    def saga(self, params: JSON = "params") -> SagaDag:
        """Return its graph with params, to be run."""
        return SagaDag(self.dag(), params)


def _node(spec: NodeSpec) -> Node:
    match spec:
        case ActionSpec(name=name, action_name=action):
            return Node.action(name, action, label=name.upper())
        case ConstantSpec(name=name, value=value):
            return Node.constant(name, value)
        case SubsagaSpec(name=name, params=params, saga=saga):
            return Node.subsaga(name, saga.dag(), params)
        case _:
            assert_never(spec)
