"""
Reading graphs: a store's, which has the stages, and a dump's, which has edges only.

A dump's stages are found again by the one rule that a builder follows: the parents of a node are
either those of the node before it (the same stage), or all exits of that stage (a new one).
Anything else is not a staged graph. Linear in the edges.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import attrs

from steno.core._value import JsonValue, parse_json
from steno.core.graph._assemble import assemble
from steno.core.graph._flat import FlatDag
from steno.core.graph._flat_node import (
    EndNode,
    FlatNode,
    InnerNode,
    StartNode,
    SubsagaEndNode,
    SubsagaStartNode,
)
from steno.core.graph._ids import SagaName
from steno.core.graph._namespace import Mistake
from steno.core.graph._node_json import node_from_json
from steno.errors import DumpError


def read_flat(text: str) -> FlatDag:
    """
    Return the graph that `FlatDag.text` wrote.

    Raises:
        DumpError: The text is not such a graph.
    """
    try:
        data = parse_json(text)
    except ValueError as error:
        raise DumpError("$", f"is not JSON: {error}") from None
    match data:
        case {"saga_name": str(name), "nodes": list(nodes)}:
            return _assembled(name, list(_stored_nodes(nodes)), "$.nodes")
        case _:
            raise DumpError("$", "is not a stored graph")


def _stored_nodes(items: list[JsonValue]) -> Iterator[tuple[InnerNode, int]]:
    for index, item in enumerate(items):
        path = f"$.nodes[{index}]"
        match item:
            case [int(stage), node] if type(stage) is not bool:
                yield inner_node(node_from_json(node, path), path), stage
            case _:
                raise DumpError(path, "is not a pair of a stage and a node")


def inner_node(node: FlatNode, path: str) -> InnerNode:
    """Return a node that is neither start nor end, or raise `DumpError`."""
    if isinstance(node, StartNode | EndNode):
        raise DumpError(path, f"is a second {node.label}")
    return node


def read_dumped(
    saga_name: str, nodes: Sequence[InnerNode], edges: Sequence[tuple[int, int]]
) -> FlatDag:
    """
    Return the graph of nodes and edges; the start node is the last but one, the end node the last.

    Raises:
        DumpError: They do not have the shape that a builder makes.
    """
    parents: list[set[int]] = [set() for _ in range(len(nodes) + 2)]
    for position, (parent, child) in enumerate(edges):
        if parent in parents[child]:
            raise DumpError(f"$.dag.graph.edges[{position}]", "is there twice")
        parents[child].add(parent)
    return _assembled(saga_name, list(_stages(nodes, parents)), "$.dag.graph")


@attrs.define
class _Stage:
    """The stage of a (sub)saga that is being filled while stages are inferred from edges."""

    exits: set[int]
    parents: set[int] | None = None
    number: int = -1

    def place(self, node: int, parents: set[int]) -> None:
        """Advance to the next stage if a node with these parents begins one."""
        # Nodes of one stage have the same parents. Equal sets cannot mean two stages: the parents
        # of a later one are exits of this one, and no node is an exit of two stages.
        if parents != self.parents:
            self.close(node, parents)
            self.parents, self.exits = parents, set()
            self.number += 1

    def close(self, node: int, parents: set[int]) -> None:
        """Refuse a node that does not depend on the whole of the stage."""
        if parents != self.exits:
            msg = (
                f"node {node} depends on {_some(parents)}; it should depend on the whole stage "
                f"before it: {_some(self.exits)}"
            )
            raise DumpError("$.dag.graph.edges", msg)


def _stages(
    nodes: Sequence[InnerNode], parents: Sequence[set[int]]
) -> Iterator[tuple[InnerNode, int]]:
    start, end = len(nodes), len(nodes) + 1
    if parents[start]:
        raise DumpError(
            "$.dag.graph.edges", f"lead into the start node from {_some(parents[start])}"
        )
    stack = [_Stage({start})]
    for index, node in enumerate(nodes):
        if isinstance(node, SubsagaEndNode):
            # Checked inside, then placed outside: it is an exit of the stage its start is in.
            if len(stack) == 1:
                raise DumpError(f"$.dag.graph.nodes[{index}]", "ends a subsaga that never started")
            stack.pop().close(index, parents[index])
        else:
            stack[-1].place(index, parents[index])
        yield node, stack[-1].number
        if isinstance(node, SubsagaStartNode):
            stack.append(_Stage({index}))
        else:
            stack[-1].exits.add(index)
    stack[-1].close(end, parents[end])


def _some(nodes: set[int]) -> str:
    """Return the nodes as text, or the first few of many."""
    shown = sorted(nodes)
    text = ", ".join(map(str, shown[:10]))
    return f"[{text}{', …' if len(shown) > 10 else ''}]"  # noqa: PLR2004 - enough to find it by


def _assembled(saga_name: str, staged: list[tuple[InnerNode, int]], path: str) -> FlatDag:
    try:
        return assemble(SagaName(saga_name), staged)
    except Mistake as mistake:
        raise DumpError(path, str(mistake)) from None
