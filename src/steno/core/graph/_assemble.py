"""
Flattening: from nodes in insertion order to a graph that can be run.

Its input is the same whether a builder, a store or a dump gives it: every node with the number of
its stage, subsagas bracketed by their start and end. So every rule of shape is checked here, once,
and nothing that breaks one ever becomes a graph.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import assert_never

import attrs

from steno.core._value import NULL
from steno.core.graph._flat import FlatDag, Scope
from steno.core.graph._flat_node import (
    EndNode,
    InnerNode,
    StartNode,
    SubsagaEndNode,
    SubsagaStartNode,
)
from steno.core.graph._graph import NO_BOUNDARY, Boundary, Digraph
from steno.core.graph._ids import NodeName, SagaName
from steno.core.graph._namespace import NO_NAMES, Mistake, Namespace
from steno.core.graph._node import ActionNode, ConstantNode, SignalNode, SleepNode


@attrs.define(eq=False)
class _Frame:
    """A (sub)saga that is being assembled."""

    scope: int
    params_node_name: NodeName | None
    exits: list[int]  # of the stage before the one that is open, then of that one
    boundary: int = NO_BOUNDARY  # above the stage that is open
    namespace: Namespace = attrs.field(factory=Namespace)
    names: dict[NodeName, int] = attrs.field(factory=dict)


@attrs.define(eq=False)
class _Assembly:
    """All that is known of a graph while its nodes come in."""

    size: int
    parents: list[tuple[int, ...]] = attrs.field(factory=list)  # by boundary
    children: list[list[int]] = attrs.field(factory=list)  # by boundary
    above: list[int] = attrs.field(init=False)
    below: list[int] = attrs.field(init=False)
    scopes: list[Scope] = attrs.field(factory=list)
    scope_of: list[int] = attrs.field(factory=list)
    stage_of: list[int] = attrs.field(factory=list)
    inside: dict[int, int] = attrs.field(factory=dict)
    frames: list[_Frame] = attrs.field(factory=list)

    def __attrs_post_init__(self) -> None:
        self.above = [NO_BOUNDARY] * self.size
        self.below = [NO_BOUNDARY] * self.size

    def open_scope(self, start: int, params: NodeName | None) -> None:
        """Begin a (sub)saga below its start node."""
        # A params node that does not exist gives None here; `Namespace.add` refuses it at the
        # subsaga's end, in the builder's words.
        params_node = self.frames[-1].names.get(params) if params is not None else None
        frame = _Frame(len(self.scopes), params, [start])
        self.scopes.append(Scope(frame.names, params_node, len(self.frames)))
        self.frames.append(frame)

    def close_scope(self, end: int) -> _Frame:
        """End a (sub)saga above its end node."""
        frame = self.frames.pop()
        frame.namespace.close()
        # The end node depends on the last stage, so that stage needs a boundary below it too.
        self.add_boundary(frame)
        self.put_below(frame, end)
        return frame

    def add_boundary(self, frame: _Frame) -> None:
        """Close the stage that is open: its exits are the parents of the next."""
        frame.boundary = len(self.parents)
        for node in frame.exits:
            self.below[node] = frame.boundary
        self.parents.append(tuple(frame.exits))
        self.children.append([])
        frame.exits = []

    def put_below(self, frame: _Frame, node: int) -> None:
        """Make a node depend on the whole stage before it."""
        self.above[node] = frame.boundary
        self.children[frame.boundary].append(node)

    def enter(self, node: int, stage: int) -> None:
        """Put a node into its stage, opening the stage if it is new."""
        frame = self.frames[-1]
        # The input may come from a file. Stages are numbered without gaps and never go back, so
        # anything but the open stage or the next one is refused.
        if stage == frame.namespace.stage + 1:
            self.add_boundary(frame)
            frame.namespace.open_stage()
        elif stage != frame.namespace.stage:
            msg = f"node {node} is of stage {stage}, but stands in stage {frame.namespace.stage}"
            raise Mistake(msg)
        self.put_below(frame, node)

    def add(self, index: int, node: InnerNode, stage: int) -> None:
        """Add the next node."""
        match node:
            case ActionNode(name=name):
                self.enter(index, stage)
                self.leave(index, stage, name, inputs=node.feeding if node.inputs else NO_NAMES)
            case ConstantNode(name=name) | SignalNode(name=name):
                self.enter(index, stage)
                self.leave(index, stage, name)
            case SleepNode(name=name, until=until):
                self.enter(index, stage)
                self.leave(index, stage, name, until=until)
            case SubsagaStartNode(params_node_name=params):
                # Not an exit of its stage: later nodes depend on the end node, and see its name.
                self.enter(index, stage)
                self.note_place(stage)
                self.open_scope(index, params)
            case SubsagaEndNode(name=name):
                # The outermost frame is closed by `assemble`, by the saga's own end node.
                if len(self.frames) == 1:
                    msg = f"node {index} ends a subsaga that never started"
                    raise Mistake(msg)
                inner = self.close_scope(index)
                self.inside[index] = inner.scope
                if stage != self.frames[-1].namespace.stage:
                    msg = f"node {index} ends a subsaga in another stage than it started in"
                    raise Mistake(msg)
                self.leave(index, stage, name, inner.params_node_name)
            case _:
                assert_never(node)

    def leave(
        self,
        node: int,
        stage: int,
        name: NodeName,
        params: NodeName | None = None,
        *,
        until: NodeName | None = None,
        inputs: Mapping[str, NodeName] = NO_NAMES,
    ) -> None:
        """Make a node an exit of the stage that is open, under its name."""
        frame = self.frames[-1]
        frame.namespace.add(name, params, until=until, inputs=inputs)
        frame.names[name] = node
        frame.exits.append(node)
        self.note_place(stage)

    def note_place(self, stage: int) -> None:
        """Remember in which scope and stage the node stands."""
        self.scope_of.append(self.frames[-1].scope)
        self.stage_of.append(stage)


def assemble(saga_name: SagaName, staged: Iterable[tuple[InnerNode, int]]) -> FlatDag:
    """
    Return the flattened graph of nodes in insertion order, each with its stage.

    Raises:
        Mistake: They do not have the shape that a builder makes.
    """
    items = list(staged)
    # The start and end nodes are numbered last, as Steno does; so an inner node's index is its
    # place in insertion order.
    start, end = len(items), len(items) + 1
    assembly = _Assembly(len(items) + 2)
    assembly.open_scope(start, None)
    for index, (node, stage) in enumerate(items):
        assembly.add(index, node, stage)
    if len(assembly.frames) > 1:
        msg = "a subsaga starts and never ends"
        raise Mistake(msg)
    frame = assembly.close_scope(end)
    last = frame.namespace.stage + 1
    boundaries = zip(assembly.parents, assembly.children, strict=True)
    return FlatDag(
        saga_name=saga_name,
        # A graph is shared by all its sagas; the params in StartNode are filled in by SagaDag.
        nodes=(*(node for node, _ in items), StartNode(NULL), EndNode()),
        graph=Digraph(
            boundaries=tuple(Boundary(parents, tuple(kids)) for parents, kids in boundaries),
            above=tuple(assembly.above),
            below=tuple(assembly.below),
            start=start,
            end=end,
        ),
        scopes=tuple(assembly.scopes),
        scope_of=(*assembly.scope_of, 0, 0),
        stage_of=(*assembly.stage_of, -1, last),
        inside=assembly.inside,
    )
