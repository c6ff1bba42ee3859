"""The subject of an exploration: a saga, its actions, and a function that makes their world."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import cached_property

import attrs

from steno.action import ActionFunc, ActionRegistry
from steno.core import ActionNode, SagaDag, SagaNodeId
from steno.runtime import SecClient
from steno.testing.explorer._outcome import Outcome


@attrs.frozen(eq=False)
class ExploredSaga:
    """
    The subject of an exploration.

    Attributes:
        dag: The saga.
        registry: Its actions.
        make_context: Makes the world of a run; may be async.
        check: Checks the world at the end of a run; may be async.
        attach: Makes the user data of one life from the world and its SEC.
        same_outputs: Whether an action that is called again must return the same output.
        deadline: Virtual seconds after which a run is considered to hang.
    """

    dag: SagaDag
    registry: ActionRegistry
    make_context: Callable[[], object]
    check: Callable[[object, Outcome], object] | None
    attach: Callable[[object, SecClient], object]
    same_outputs: bool
    deadline: float

    @cached_property
    def names(self) -> Mapping[int, str]:
        """The paths of the nodes that run an action, by index, in order."""
        flat = self.dag.flat
        return {
            index: flat.path(index).removeprefix("/")
            for index, node in enumerate(flat.nodes)
            if isinstance(node, ActionNode)
        }

    @cached_property
    def nodes(self) -> Mapping[str, SagaNodeId]:
        """The index of each of these paths."""
        return {name: SagaNodeId(index) for index, name in self.names.items()}

    @cached_property
    def with_undo(self) -> Sequence[str]:
        """The nodes with an undo action that can fail."""
        return [name for index, name in self.names.items() if not self._is_noop(index)]

    def _is_noop(self, index: int) -> bool:
        node = self.dag.flat.nodes[index]
        if not isinstance(node, ActionNode):
            return True
        action = self.registry.get(node.action_name)
        return isinstance(action, ActionFunc) and action.needs_no_undo

    def is_before(self, one: str, other: str) -> bool:
        """Return True if, in every schedule, a node has succeeded when another one begins."""
        return bool(self._ancestors[self.nodes[other]] >> self.nodes[one] & 1)

    @cached_property
    def concurrent(self) -> Sequence[str]:
        """The nodes that may run concurrently with others."""
        return [one for one in self.nodes if any(self._are_beside(one, o) for o in self.nodes)]

    def _are_beside(self, one: str, other: str) -> bool:
        return one != other and not self.is_before(one, other) and not self.is_before(other, one)

    @cached_property
    def _ancestors(self) -> Sequence[int]:
        """For each node, the set of its ancestors, as the bits of a number."""
        graph = self.dag.flat.graph
        found = [0] * len(graph)
        for node in graph.topological_order():
            for parent in graph.parents(node):
                found[node] |= found[parent] | 1 << parent
        return found
