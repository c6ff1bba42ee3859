"""Flattening: brackets, boundaries, scopes and stages."""

import pytest

from steno.core import ActionNode, FlatDag, FromNode, Given, SubsagaEndNode, SubsagaStartNode
from steno.core.graph._assemble import assemble
from steno.core.graph._graph import NO_BOUNDARY, Boundary
from steno.core.graph._namespace import Mistake


def act(name: str) -> ActionNode:
    return ActionNode(name, name, name)


def taking(name: str, node: str) -> ActionNode:
    return ActionNode(name, name, name, (Given("v", "1"), FromNode("x", node)))


def begin(params: str) -> SubsagaStartNode:
    return SubsagaStartNode(params, "inner")


GOOD = [
    (act("p"), 0),
    (act("a"), 1),
    (begin("p"), 1),
    (act("a"), 0),
    (act("b"), 0),
    (act("c"), 1),
    (SubsagaEndNode("s"), 1),
    (act("z"), 2),
]


def test_stages_become_boundaries():
    """A subsaga stands between two of the outer ones; its own are inside."""
    flat = assemble("x", GOOD)
    assert flat.graph.boundaries == (
        Boundary((8,), (0,)),
        Boundary((0,), (1, 2)),
        Boundary((2,), (3, 4)),
        Boundary((3, 4), (5,)),
        Boundary((5,), (6,)),
        Boundary((1, 6), (7,)),
        Boundary((7,), (9,)),
    )
    assert flat.graph.above == (0, 1, 1, 2, 2, 3, 4, 5, NO_BOUNDARY, 6)
    assert flat.graph.below == (1, 5, 2, 3, 3, 4, 5, 6, 0, NO_BOUNDARY)


def test_every_node_knows_its_scope_and_its_stage():
    """Start and end of a subsaga stand in the outer one; the saga's own are around all stages."""
    flat = assemble("x", GOOD)
    assert flat.scope_of == (0, 0, 0, 1, 1, 1, 0, 0, 0, 0)
    assert flat.stage_of == (0, 1, 1, 0, 0, 1, 1, 2, -1, 3)
    assert flat.inside == {6: 1}
    assert [dict(scope.names) for scope in flat.scopes] == [
        {"p": 0, "a": 1, "s": 6, "z": 7},
        {"a": 3, "b": 4, "c": 5},
    ]
    assert [(scope.params_node, scope.depth) for scope in flat.scopes] == [(None, 0), (0, 1)]


def without(position: int) -> list:
    return [item for place, item in enumerate(GOOD) if place != position]


def changed(position: int, stage: int) -> list:
    return [(n, stage if place == position else s) for place, (n, s) in enumerate(GOOD)]


@pytest.mark.parametrize(
    ("staged", "why"),
    [
        ([], "saga must end with exactly one node"),
        (GOOD[:2], None),
        (GOOD[:3], "a subsaga starts and never ends"),
        (GOOD[:6], "a subsaga starts and never ends"),
        (GOOD[:7], "saga must end with exactly one node"),
        (without(2), "node 2 is of stage 0, but stands in stage 1"),
        (changed(0, 1), "node 0 is of stage 1, but stands in stage -1"),
        (changed(7, 4), "node 7 is of stage 4, but stands in stage 1"),
        (changed(6, 2), "node 6 ends a subsaga in another stage than it started in"),
        ([(SubsagaEndNode("s"), 0)], "node 0 ends a subsaga that never started"),
        (
            [(act("p"), 0), (begin("p"), 1), (SubsagaEndNode("s"), 1)],
            "saga must end with exactly one node",
        ),
        (
            [(act("p"), 0), (begin("q"), 1), (act("a"), 0), (SubsagaEndNode("s"), 1)],
            'subsaga node "s" has parameters that come from node "q", '
            "but it does not depend on any such node",
        ),
        (
            [(act("p"), 0), (begin("p"), 1), (act("a"), 0), (SubsagaEndNode("p"), 1)],
            'name was used multiple times in the same Dag: "p"',
        ),
        ([(act("p"), 0), (taking("a", "p"), 1)], None),
        (
            [(act("p"), 0), (taking("a", "a"), 1)],
            'node "a" takes its input "x" from node "a", but it does not depend on any such node',
        ),
        (
            [(act("p"), 0), (act("q"), 1), (taking("a", "q"), 1), (act("z"), 2)],
            'node "a" takes its input "x" from node "q", but it does not depend on any such node',
        ),
        (
            [(act("p"), 0), (begin("p"), 1), (taking("a", "p"), 0), (SubsagaEndNode("s"), 1)],
            'node "a" takes its input "x" from node "p", but it does not depend on any such node',
        ),
        ([(act("p"), 0), (act("p"), 1)], 'name was used multiple times in the same Dag: "p"'),
    ],
)
def test_nothing_but_the_shape_of_a_builder_becomes_a_graph(staged: list, why: str | None):
    """Each rule of shape is enforced here, wherever the nodes come from."""
    if why is None:
        assert isinstance(assemble("x", staged), FlatDag)
        return
    with pytest.raises(Mistake) as caught:
        assemble("x", staged)
    assert str(caught.value) == why
