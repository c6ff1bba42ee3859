"""
The graph as a machine sees it: nodes by number, and the boundaries between stages.

Theory of operation. In a staged graph each node of a stage depends on *all* nodes of the stage
before. So the edges between two stages of width w are w² pairs that say one thing, and that thing
is one object here: a `Boundary`. Every node but the first lies below exactly one boundary, and
every node but the last above exactly one. To know when a node may run, or may be undone, it is
enough to count arrivals at a boundary: O(1) per node, however wide the stages are.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import cached_property

import attrs

NO_BOUNDARY = -1
"""Stands for the boundary above the start node, and for the one below the end node."""


@attrs.frozen
class Boundary:
    """All of `parents` lead to all of `children`."""

    parents: tuple[int, ...]
    children: tuple[int, ...]


@attrs.frozen(eq=False)
class Digraph:
    """
    A staged graph with one start node and one end node.

    Attributes:
        boundaries: The boundaries, in the order of the nodes below them.
        above: For each node the index of the boundary among whose children it is.
        below: For each node the index of the boundary among whose parents it is.
        start: The one node with `NO_BOUNDARY` above it; the last but one by number.
        end: The one node with `NO_BOUNDARY` below it; the last by number.
    """

    boundaries: tuple[Boundary, ...]
    above: tuple[int, ...]
    below: tuple[int, ...]
    start: int
    end: int

    @cached_property
    def parent_counts(self) -> tuple[int, ...]:
        """For each boundary the number of nodes above it."""
        return tuple(len(boundary.parents) for boundary in self.boundaries)

    @cached_property
    def child_counts(self) -> tuple[int, ...]:
        """For each boundary the number of nodes below it."""
        return tuple(len(boundary.children) for boundary in self.boundaries)

    def __len__(self) -> int:
        """Return the number of nodes."""
        return len(self.above)

    def parents(self, node: int) -> tuple[int, ...]:
        """Return the nodes that a node directly depends on."""
        above = self.above[node]
        return () if above == NO_BOUNDARY else self.boundaries[above].parents

    def children(self, node: int) -> tuple[int, ...]:
        """Return the nodes that directly depend on a node."""
        below = self.below[node]
        return () if below == NO_BOUNDARY else self.boundaries[below].children

    def topological_order(self) -> Iterator[int]:
        """Yield every node after all that it depends on: insertion order, the start node first."""
        yield self.start
        yield from range(self.start)
        yield self.end
