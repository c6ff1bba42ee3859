"""
The flattened graph: what a machine runs, shared by all sagas that were made of the same `Dag`.

Nothing here belongs to one execution; even the params are handed in by `SagaDag`.
"""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from functools import cached_property

import attrs

from steno.core._value import NULL, JsonText, encode_json
from steno.core.graph._dataflow import Given
from steno.core.graph._flat_node import FlatNode, SubsagaEndNode, SubsagaStartNode, node_name
from steno.core.graph._graph import Digraph
from steno.core.graph._ids import ActionName, NodeName, SagaName, SagaNodeId
from steno.core.graph._node import ActionNode, ConstantNode, SignalNode
from steno.core.graph._node_json import node_to_json
from steno.errors import NoSuchNode

SHOWN_PATHS = 10
"""How many nodes of the same name an error lists; there may be thousands."""


@attrs.frozen(eq=False)
class Scope:
    """
    The namespace of one (sub)saga.

    Attributes:
        names: The node whose output each name stands for.
        params_node: The node of the outer scope whose output are the params; None: the saga's own.
        depth: How many sagas it is inside of.
    """

    names: Mapping[NodeName, int]
    params_node: int | None
    depth: int


@attrs.frozen(eq=False)
class FlatDag:
    """
    A saga's graph without its params.

    Attributes:
        saga_name: The name of this kind of saga.
        nodes: By index; the start node here has no params yet.
        graph: How they depend on each other.
        scopes: The outermost saga's namespace, then those of its subsagas.
        scope_of: For each node the index of the scope in which it stands.
        stage_of: For each node the number of its stage in that scope.
        inside: For the end node of each subsaga the index of the scope that it closes.
    """

    saga_name: SagaName
    nodes: tuple[FlatNode, ...]
    graph: Digraph
    scopes: tuple[Scope, ...]
    scope_of: tuple[int, ...]
    stage_of: tuple[int, ...]
    inside: Mapping[int, int]

    @cached_property
    def text(self) -> JsonText:
        """The graph as a store keeps it: every node with its stage, so linear in the nodes."""
        # Not the start and end nodes, which come last: every graph has them, and none stores them.
        nodes = zip(self.stage_of, self.nodes[: self.graph.start], strict=False)
        return encode_json(
            {
                "saga_name": self.saga_name,
                "nodes": [[stage, node_to_json(node)] for stage, node in nodes],
            }
        )

    @cached_property
    def digest(self) -> str:
        """The hash of its content, under which a store keeps it once."""
        return hashlib.sha256(self.text.encode()).hexdigest()

    @cached_property
    def action_names(self) -> Mapping[ActionName, NodeName]:
        """The name of every action that is called, with the first node that calls it."""
        return {name: NodeName(self.names[nodes[0]]) for name, nodes in self.calls.items()}

    @cached_property
    def constants(self) -> tuple[ConstantNode, ...]:
        """The nodes whose output is known."""
        return tuple(node for node in self.nodes if isinstance(node, ConstantNode))

    @cached_property
    def acts(self) -> tuple[bool, ...]:
        """For each node whether it calls an action, which decides its output."""
        return tuple(isinstance(node, ActionNode) for node in self.nodes)

    @cached_property
    def fixed_outputs(self) -> tuple[JsonText | None, ...]:
        """For each node the output that it has in every saga; None if that is not known here."""
        return tuple(map(_fixed_output, self.nodes))

    @cached_property
    def given(self) -> tuple[tuple[NodeName, Given], ...]:
        """The values that nodes are given as inputs, each with the name of its node."""
        called = (node for node in self.nodes if isinstance(node, ActionNode) and node.inputs)
        return tuple(
            (node.name, each) for node in called for each in node.inputs if isinstance(each, Given)
        )

    @cached_property
    def calls(self) -> Mapping[ActionName, Sequence[int]]:
        """The name of every action that is called, with the nodes that call it."""
        found: dict[ActionName, list[int]] = {}
        for index, node in enumerate(self.nodes):
            if isinstance(node, ActionNode):
                found.setdefault(node.action_name, []).append(index)
        return found

    @cached_property
    def signals(self) -> Mapping[str, Sequence[SagaNodeId]]:
        """The name of every signal that is waited for, with the nodes that wait for it."""
        found: dict[str, list[SagaNodeId]] = {}
        for index, node in enumerate(self.nodes):
            if isinstance(node, SignalNode):
                found.setdefault(node.signal_name, []).append(SagaNodeId(index))
        return found

    @cached_property
    def names(self) -> tuple[str, ...]:
        """For each node its name, or its label if it is of a kind that has none."""
        return tuple(node_name(node) or node.label for node in self.nodes)

    @cached_property
    def alone(self) -> tuple[bool, ...]:
        """
        For each node whether it has nothing beside it, as in a chain.

        All others come before such a node or after it, so while a call of it is under way, no other
        one is, forward or in an unwinding.
        """
        places = tuple(zip(self.scope_of, self.stage_of, strict=True))
        # A subsaga has two nodes in its stage outside, of which only the end counts.
        both = zip(places, self.nodes, strict=True)
        beside = Counter(place for place, node in both if not isinstance(node, SubsagaStartNode))
        alone = [True] * len(self.scopes)
        # A subsaga is numbered after the one that it stands in.
        for end, scope in sorted(self.inside.items(), key=lambda item: item[1]):
            alone[scope] = alone[self.scope_of[end]] and beside[places[end]] == 1
        return tuple(alone[place[0]] and beside[place] == 1 for place in places)

    def name_of(self, node: int) -> str:
        """Return a node's name, or its label if it is of a kind that has none."""
        return self.names[node]

    def reference(self, node: SagaNodeId) -> str:
        """Return what `get_index` finds a node by: its name, or its path if others have that."""
        name = NodeName(self.names[node])
        return name if len(self._by_name[name]) == 1 else self.path(node)

    def get_index(self, node: str | int) -> SagaNodeId:
        """Return the index of a node; see `SagaDag.get_index`."""
        match node:
            case int() if not isinstance(node, bool):
                if not 0 <= node < len(self.nodes):
                    raise NoSuchNode(node, f"the saga has the nodes 0 to {len(self.nodes) - 1}")
                return SagaNodeId(node)
            case str():
                return self._index_of_name(node)
            case _:
                raise NoSuchNode(node, "a node is given by index, name or path")

    def _index_of_name(self, name: str) -> SagaNodeId:
        # A whole name is tried before a path, because a name may itself contain slashes.
        found = self._by_name.get(NodeName(name), [])
        if len(found) > 1:
            shown = [f"{self.path(index)!r} ({index})" for index in found[:SHOWN_PATHS]]
            paths = ", ".join([*shown, "…"] if len(found) > SHOWN_PATHS else shown)
            raise NoSuchNode(name, f"several (sub)sagas have one; give a path or an index: {paths}")
        if found:
            return SagaNodeId(found[0])
        *outer, last = name.removeprefix("/").split("/")
        scope = self.scopes[0]
        for part in outer:
            end = scope.names.get(NodeName(part))
            if end is None or end not in self.inside:
                raise NoSuchNode(name, f'saga "{self.saga_name}" has no subsaga of that path')
            scope = self.scopes[self.inside[end]]
        index = scope.names.get(NodeName(last))
        if index is None:
            raise NoSuchNode(name, f'saga "{self.saga_name}" has no node of that name or path')
        return SagaNodeId(index)

    @cached_property
    def _by_name(self) -> Mapping[NodeName, list[int]]:
        found: dict[NodeName, list[int]] = {}
        for scope in self.scopes:
            for name, index in scope.names.items():
                found.setdefault(name, []).append(index)
        return found

    def path(self, index: int) -> str:
        """Return the path of a node, or its label if it has no name."""
        name = node_name(self.nodes[index])
        if name is None:
            return self.nodes[index].label
        closes = {scope: end for end, scope in self.inside.items()}
        parts = [str(name)]
        scope = self.scope_of[index]
        while scope:
            end = closes[scope]
            parts.append(str(node_name(self.nodes[end])))
            scope = self.scope_of[end]
        return "/" + "/".join(reversed(parts))

    def edges(self) -> Iterator[tuple[int, int]]:
        """
        Yield all edges, in the order in which Steno's builder adds them.

        Edges into a node come when the node does. A subsaga is copied with its edges, which turns
        the parents of each inner node round once per level of nesting; the edges out of its start
        come after those inside. The edges of the saga's own start and end come last.
        """
        graph = self.graph
        outermost = graph.start
        for index in range(graph.start):
            node, parents = self.nodes[index], graph.parents(index)
            depth = self.scopes[self.scope_of[index]].depth
            # `outermost` is the start of the top-level subsaga that is open, or else of the saga.
            # Edges out of it are skipped below, and yielded once its last inner node is past.
            if depth == 0 and isinstance(node, SubsagaEndNode):
                yield from ((outermost, child) for child in graph.children(outermost))
                outermost = graph.start
            # Each level of nesting copies the subsaga's edges once more, and Steno reverses the
            # parents with each copy, so only the parity of the depth shows.
            if parents != (outermost,):
                yield from ((p, index) for p in (reversed(parents) if depth % 2 else parents))
            if depth == 0 and isinstance(node, SubsagaStartNode):
                outermost = index
        yield from ((graph.start, child) for child in graph.children(graph.start))
        yield from ((parent, graph.end) for parent in graph.parents(graph.end))


def _fixed_output(node: FlatNode) -> JsonText | None:
    match node:
        case ActionNode() | SignalNode() | SubsagaEndNode():
            return None
        case ConstantNode(value=value):
            return value
        case _:
            return NULL
