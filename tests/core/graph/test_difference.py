"""Where two sagas differ, as it is told to somebody who creates an id again."""

import pytest

from steno.core import Node, PlainDagBuilder, SagaDag, Value, difference
from support.demo import saga


def dag(*stages: object, name: str = "trip", params: object = None) -> SagaDag:
    """Return a saga of stages, each a node or a list of nodes."""
    builder = PlainDagBuilder(name)
    for stage in stages:
        builder.append_parallel(stage if isinstance(stage, list) else [stage])
    return SagaDag(builder.build(), params)


def action(name: str, label: str = "L", does: str = "act") -> Node:
    return Node.action(name, does, label=label)


def inner(value: int) -> Node:
    builder = PlainDagBuilder("inner")
    builder.append(Node.constant("c", value))
    return Node.subsaga("sub", builder.build(), "p")


def taking(**inputs: str | Value) -> Node:
    return Node.action("a", "act", label="L", inputs=inputs)


A, B, C = action("a"), action("b"), action("c")
P, Q = Node.constant("p", 1), Node.constant("q", 1)

CASES = [
    (dag(A), dag(A, name="other"), 'it is a saga "other", not "trip"'),
    (dag(A), dag(A, B), 'its graph differs at node "/b", $: it has {"Action":'),
    (
        dag(A),
        dag(action("b")),
        'its graph differs at node "/b", $.Action.name: it has "b", not "a"',
    ),
    (
        dag(action("a", does="x")),
        dag(action("a", does="y")),
        'its graph differs at node "/a", $.Action.action_name: it has "y", not "x"',
    ),
    (
        dag(action("a", label="one")),
        dag(action("a", label="two")),
        'its graph differs at node "/a", $.Action.label: it has "two", not "one"',
    ),
    (
        dag(Node.constant("token", {"n": [1, 2]}), A),
        dag(Node.constant("token", {"n": [1, 3]}), A),
        'its graph differs at node "/token", $.Constant.value.n[1]: it has 3, not 2',
    ),
    (
        dag(P, Q, taking(x="p")),
        dag(P, Q, taking(x="q")),
        'its graph differs at node "/a", $.Action.inputs.x.node: it has "q", not "p"',
    ),
    (
        dag(P, taking(x=Value([1]))),
        dag(P, taking(x=Value([2]))),
        'its graph differs at node "/a", $.Action.inputs.x.value[0]: it has 2, not 1',
    ),
    (
        dag(P, taking(x="p")),
        dag(P, A),
        'its graph differs at node "/a", $.Action: it has {"action_name":',
    ),
    (dag(P, A), dag(B, A), 'its graph differs at node "/b", $: it has {"Action":'),
    (
        dag(P, inner(1)),
        dag(P, inner(2)),
        'its graph differs at node "/sub/c", $.Constant.value: it has 2, not 1',
    ),
    (dag([A, B], C), dag(A, B, C), 'its graph differs: node "/b" is in another stage'),
    (
        dag(A, params={"hotel": {"rooms": [1, 2]}}),
        dag(A, params={"hotel": {"rooms": [1, 5]}}),
        "its params differ at $.hotel.rooms[1]: it has 5, not 2",
    ),
    (dag(A, params=1), dag(A, params=True), "its params differ at $: it has true, not 1"),
    (dag(A, params=1), dag(A, params=1.0), "its params differ at $: it has 1.0, not 1"),
    (dag(A, params=[1]), dag(A, params=[1, 2]), "its params differ at $: it has [1,2], not [1]"),
    (
        dag(A, params={"a": 1}),
        dag(A, params={"b": 1}),
        'its params differ at $: it has {"b":1}, not {"a":1}',
    ),
]


@pytest.mark.parametrize(("here", "there", "told"), CASES)
def test_the_first_difference_is_told(here: SagaDag, there: SagaDag, told: str):
    """With the path to it, and what each has there."""
    found = difference(here, there)
    assert found is not None
    assert found.startswith(told)


@pytest.mark.parametrize("same", [dag(A, B), dag(P, inner(1)), dag([A, B], C, params=[1])])
def test_a_saga_does_not_differ_from_itself(same: SagaDag):
    """Nor from another of the same graph and params."""
    assert difference(same, SagaDag.of_flat(same.flat, same.params)) is None


def test_what_is_shown_is_short_and_has_no_control_characters():
    """It is one line for a terminal, whatever the values hold."""
    here, there = dag(A, params="x\x1b[31m\n\u202e" + "y" * 500), dag(A, params="\u2028")
    for one, other in [(here, there), (there, here)]:
        told = difference(one, other)
        assert told is not None
        assert told.isascii()
        assert told.isprintable()
        assert len(told) < 150


def test_graphs_of_many_nodes_are_compared_in_one_pass():
    """The last node of a chain is found without recursion."""
    names = [f"n{index}" for index in range(5000)]
    one, other = saga(*names), saga(*names[:-1], "last")
    assert '"/last"' in (difference(one, other) or "")
