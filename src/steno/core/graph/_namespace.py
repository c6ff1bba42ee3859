"""The names of one (sub)saga while it is being built, and the mistakes that can be made."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

import attrs

from steno.core.graph._ids import NodeName

NO_NAMES: Mapping[str, NodeName] = MappingProxyType({})


class Mistake(Exception):
    """What is wrong with a graph, in the builder's words."""


@attrs.define(eq=False)
class Namespace:
    """
    Checks each node that is added to a (sub)saga, stage by stage.

    The builder uses it when a user appends, and the reader of stored graphs when it assembles one:
    every rule about names is here and nowhere else.

    Attributes:
        stage: The number of the stage being filled; -1 before the first.
        width: How many nodes that stage holds.
        stage_of: The stage of each name.
    """

    stage: int = -1
    width: int = 0
    stage_of: dict[NodeName, int] = attrs.field(init=False, factory=dict)

    def open_stage(self) -> None:
        """Begin a stage."""
        self.stage += 1
        self.width = 0

    def add(
        self,
        name: NodeName,
        params_node_name: NodeName | None,
        *,
        until: NodeName | None = None,
        inputs: Mapping[str, NodeName] = NO_NAMES,
    ) -> None:
        """
        Add a node to the stage that is open.

        Args:
            name: The node's name.
            params_node_name: Of a subsaga, the node that its params come from.
            until: Of a sleep, the node that says until when.
            inputs: Of an action, the nodes that inputs are taken from, by parameter.

        Raises:
            Mistake: There is no such node in an earlier stage, or the name is taken.
        """
        # Before the check for duplicates: Steno reports the first of the two in this order.
        if params_node_name is not None and not self.is_before(params_node_name, self.stage):
            msg = (
                f'subsaga node "{name}" has parameters that come from node "{params_node_name}", '
                "but it does not depend on any such node"
            )
            raise Mistake(msg)
        if until is not None and not self.is_before(until, self.stage):
            msg = (
                f'node "{name}" sleeps until a time that comes from node "{until}", '
                "but it does not depend on any such node"
            )
            raise Mistake(msg)
        for parameter, node in inputs.items():
            if not self.is_before(node, self.stage):
                msg = (
                    f'node "{name}" takes its input "{parameter}" from node "{node}", '
                    "but it does not depend on any such node"
                )
                raise Mistake(msg)
        if name in self.stage_of:
            msg = f'name was used multiple times in the same Dag: "{name}"'
            raise Mistake(msg)
        self.stage_of[name] = self.stage
        self.width += 1

    def is_before(self, name: NodeName, stage: int) -> bool:
        """Return True if a name is that of a node in a stage before the given one."""
        return self.stage_of.get(name, stage) < stage

    def close(self) -> None:
        """
        End the (sub)saga.

        Raises:
            Mistake: Its last stage is not one single node.
        """
        if self.width != 1:
            msg = "saga must end with exactly one node"
            raise Mistake(msg)


EMPTY_STAGE = "attempted to append 0 nodes in parallel"
