"""The graph as a machine sees it: boundaries instead of edges."""

from steno.core.graph._graph import NO_BOUNDARY, Boundary, Digraph

# 0 and 1 side by side, then 2; 3 is the start, 4 the end.
GRAPH = Digraph(
    boundaries=(Boundary((3,), (0, 1)), Boundary((0, 1), (2,)), Boundary((2,), (4,))),
    above=(0, 0, 1, NO_BOUNDARY, 2),
    below=(1, 1, 2, 0, NO_BOUNDARY),
    start=3,
    end=4,
)


def test_parents_and_children_are_those_of_the_boundary():
    """Every node of a stage depends on all of the stage before; the start on none."""
    assert [GRAPH.parents(node) for node in range(5)] == [(3,), (3,), (0, 1), (), (2,)]
    assert [GRAPH.children(node) for node in range(5)] == [(2,), (2,), (4,), (0, 1), ()]


def test_the_length_is_the_number_of_nodes():
    """Start and end count."""
    assert len(GRAPH) == 5


def test_topological_order_puts_every_node_behind_its_parents():
    """The start is first, the end is last, and between them the order of insertion."""
    assert list(GRAPH.topological_order()) == [3, 0, 1, 2, 4]
