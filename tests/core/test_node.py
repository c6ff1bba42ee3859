"""Nodes: how they are made, and how people read them."""

import attrs
import pytest

from steno.core import (
    ActionNode,
    ConstantNode,
    DagBuilder,
    EndNode,
    Node,
    StartNode,
    SubsagaEndNode,
    SubsagaNode,
    SubsagaStartNode,
)
from steno.core._node import node_name
from steno.errors import SerializeError
from support.demo import build, demo


@attrs.frozen
class Named:
    name: str


def test_an_action_node_takes_an_action_or_its_name():
    """All that a graph keeps of an action is its name."""
    expected = ActionNode("hotel", "BookHotel", "book_hotel")
    assert Node.action("hotel", "BookHotel", "book_hotel") == expected
    assert Node.action("hotel", "BookHotel", Named("book_hotel")) == expected


def test_a_constant_is_fixed_when_its_node_is_made():
    """What becomes of the value later does not matter, and what is no JSON is refused at once."""
    value = {"b": [2], "a": 1}
    node = Node.constant("c", value)
    value["b"].append(3)
    assert node == ConstantNode("c", '{"a":1,"b":[2]}')
    with pytest.raises(SerializeError, match="type object"):
        Node.constant("c", {"x": object()})


def test_a_subsaga_node_stands_for_a_graph():
    """It holds the graph as it was built, and the name of its params node."""
    inner = build("inner", "a")
    node = Node.subsaga("s", inner, "p")
    assert node == SubsagaNode("s", inner, "p")


@pytest.mark.parametrize(
    ("make", "what"),
    [
        (lambda: Node.action(1, "L", "a"), "name"),
        (lambda: Node.action("n", None, "a"), "label"),
        (lambda: Node.action("n", "L", Named(3)), "action"),
        (lambda: Node.constant(b"n", 1), "name"),
        (lambda: Node.subsaga(1, build("i", "a"), "p"), "name"),
        (lambda: Node.subsaga("n", build("i", "a"), None), "params node"),
    ],
)
def test_a_name_that_is_no_text_is_refused_at_once(make, what: str):
    """The error says which name it is."""
    with pytest.raises(TypeError, match=f"^the {what} of a node must be a str, not "):
        make()


def test_a_name_that_can_not_be_stored_is_refused_at_once():
    """A lone surrogate is no text that a store or a dump could hold."""
    with pytest.raises(UnicodeEncodeError):
        Node.action("\ud800", "L", "a")


def test_labels_and_names_of_every_kind():
    """Only actions, constants and ends of subsagas have a name; every node has a label."""
    shown = [(node.label, node_name(node)) for node in demo().get_nodes()]
    assert shown[1] == ('(constant = {"number_of_things":1})', "server_alloc_params")
    assert shown[2] == ("VpcAllocIp", "instance_ip")
    assert shown[4] == ('(subsaga start: "server-alloc")', None)
    assert shown[7] == ("(subsaga end)", "server_alloc")
    assert shown[12:] == [("(start node)", None), ("(end node)", None)]


def test_nodes_of_the_flattened_graph():
    """Each kind holds what a dump of it holds, and no more."""
    nodes = demo().get_nodes()
    assert nodes[4] == SubsagaStartNode("server_alloc_params", "server-alloc")
    assert nodes[7] == SubsagaEndNode("server_alloc")
    assert nodes[12] == StartNode('{"instance_name":"fake-o instance","number_of_instances":1}')
    assert nodes[13] == EndNode()


def test_what_is_no_action_is_no_node():
    """A function that was not made an action is refused, with what to do."""
    with pytest.raises(TypeError, match="decorate it with @registry.action, or give its name"):
        Node.action("a", "A", test_what_is_no_action_is_no_node)


def test_a_subsaga_is_made_of_a_built_graph():
    """A builder is refused; it has to be built first."""
    with pytest.raises(TypeError, match="made of what DagBuilder.build returned, not of"):
        Node.subsaga("s", DagBuilder("inner"), "p")
