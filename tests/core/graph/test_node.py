"""Nodes: how they are made, and how people read them."""

from datetime import timedelta

import attrs
import pytest

from steno.core import (
    PLAIN_CODEC,
    ActionNode,
    ConstantNode,
    EndNode,
    FromNode,
    Given,
    Node,
    PlainDagBuilder,
    SagaDag,
    SagaSerialized,
    SignalNode,
    SleepNode,
    StartNode,
    SubsagaEndNode,
    SubsagaNode,
    SubsagaStartNode,
    Value,
    decode_json,
    encode_json,
)
from steno.core.graph._flat_node import node_name
from steno.errors import SerializeError
from steno.testing.notation import SAGA_ID
from support.demo import build, demo


@attrs.frozen
class Named:
    name: str


def test_an_action_node_takes_an_action_or_its_name():
    """All that a graph stores of an action is its name."""
    expected = ActionNode("hotel", "BookHotel", "book_hotel")
    by_name = Node.action("hotel", "book_hotel", label="BookHotel")
    assert by_name.encoded(PLAIN_CODEC) == expected
    assert by_name.called is None
    action = Named("book_hotel")
    made_of_it = Node.action("hotel", action, label="BookHotel")
    assert made_of_it.encoded(PLAIN_CODEC) == expected
    assert made_of_it.called is action


def test_inputs_are_encoded_when_the_node_is():
    """By parameter in alphabetical order; later changes of what was given do not matter."""
    days = [1]
    inputs = {"room": "room_2", "days": Value(days)}
    node = Node.action("bill", "write_bill", inputs=inputs)
    inputs["days"] = "other"
    assert node.inputs == {"room": "room_2", "days": node.inputs["days"]}
    sources = (Given("days", "[1]"), FromNode("room", "room_2"))
    encoded = node.encoded(PLAIN_CODEC)
    days.append(2)
    assert encoded == ActionNode("bill", "write_bill", "write_bill", sources)
    assert encoded.feeding == {"room": "room_2"}
    assert Node.action("bill", "write_bill").encoded(PLAIN_CODEC).inputs == ()


def test_a_value_keeps_the_type_it_is_read_as():
    """As a constant does: the codec of the builder writes it."""
    builder = PlainDagBuilder("s", codec=Spelled())
    builder.append(Node.action("a", "act", inputs={"id": Value(1, as_type="number")}))
    (((node,),),) = (builder.build().stages,)
    assert node.inputs == (Given("id", '"1 of None as number"'),)


@pytest.mark.parametrize(
    ("inputs", "why"),
    [
        ({"a": 5}, 'the node for the input "a" of a node must be a str, not 5'),
        ({"a": None}, 'the node for the input "a" of a node must be a str, not None'),
        ({"a": Node.constant("c", 1)}, 'the node for the input "a" of a node must be a str'),
        ({5: "a"}, "the input of a node must be a str, not 5"),
        (["a"], r"inputs= must be a dict from parameters to names of nodes or Values, got \['a'\]"),
    ],
)
def test_malformed_inputs(inputs: dict, why: str):
    """They are refused where the node is made."""
    with pytest.raises(TypeError, match=f"^{why}"):
        Node.action("n", "act", inputs=inputs)


@pytest.mark.parametrize("inputs", [{"\ud800": "a"}, {"a": "\ud800"}])
def test_an_input_that_cannot_be_stored(inputs: dict[str, str]):
    """A lone surrogate is refused at once."""
    with pytest.raises(UnicodeEncodeError):
        Node.action("n", "act", inputs=inputs)


def test_the_label_of_an_action_is_its_name_unless_said_otherwise():
    """It is given by keyword only, so that no two strings can be swapped."""
    assert Node.action("hotel", Named("book_hotel")).label == "book_hotel"
    assert Node.action("hotel", "book_hotel").label == "book_hotel"
    with pytest.raises(TypeError, match="positional"):
        Node.action("hotel", "BookHotel", "book_hotel")


def test_a_constant_is_fixed_when_it_is_appended():
    """Later changes of the value do not matter, and anything but JSON is refused then."""
    value = {"b": [2], "a": 1}
    builder = PlainDagBuilder("s")
    builder.append(Node.constant("c", value))
    value["b"].append(3)
    assert builder.build().stages == ((ConstantNode("c", '{"a":1,"b":[2]}'),),)
    with pytest.raises(SerializeError, match="type object"):
        builder.append(Node.constant("d", {"x": object()}))


class Spelled:
    """A codec that spells values out."""

    def encode(self, value, limit=None, /, *, as_type=None):
        return encode_json(f"{value} of {limit} as {as_type}")

    def decode(self, text, as_type):
        return as_type(decode_json(text))


def test_values_are_encoded_by_the_codec_of_the_builder():
    """Constants, and the params of its sagas, unless they have a codec of their own."""
    builder = PlainDagBuilder("s", codec=Spelled())
    builder.append(Node.constant("a", 1, as_type="number", max_value_bytes=5))
    builder.append(Node.constant("b", 2, codec=PLAIN_CODEC))
    dag = builder.build()
    assert [node.value for (node,) in dag.stages] == ['"1 of 5 as number"', "2"]
    saga = SagaDag(dag, 3, as_type="id", max_value_bytes=9)
    assert saga.params == '"3 of 9 as id"'
    assert saga.codec is builder.codec
    assert SagaDag(dag, 3, codec=PLAIN_CODEC).params == "3"
    assert (
        SagaSerialized.from_json(
            SagaSerialized(SAGA_ID, saga, ()).to_json(), codec=saga.codec
        ).dag.codec
        is saga.codec
    )


@pytest.mark.parametrize(
    ("duration", "microseconds", "label"),
    [
        (timedelta(0), 0, "(sleep 0:00:00)"),
        (timedelta(microseconds=1), 1, "(sleep 0:00:00.000001)"),
        (
            timedelta(days=2, seconds=3, microseconds=4),
            172_803_000_004,
            "(sleep 2 days, 0:00:03.000004)",
        ),
        (timedelta(days=2_932_896), 253_402_214_400_000_000, "(sleep 2932896 days, 0:00:00)"),
    ],
)
def test_a_sleep_has_a_duration(duration: timedelta, microseconds: int, label: str):
    """It is kept in microseconds, exactly; the label is for people."""
    assert Node.sleep("s", duration) == SleepNode("s", label, microseconds, None)
    assert Node.sleep("s", duration, label="Night") == SleepNode("s", "Night", microseconds, None)
    assert node_name(Node.sleep("s", duration)) == "s"


def test_a_sleep_until_a_time():
    """Another node says when."""
    assert Node.sleep("s", until="t") == SleepNode("s", '(sleep until "t")', None, "t")
    assert Node.sleep("s", until="t", label="Night").label == "Night"


@pytest.mark.parametrize(
    ("make", "error", "why"),
    [
        (lambda: Node.sleep("s"), TypeError, "takes a timedelta or until=, and not both"),
        (lambda: Node.sleep("s", timedelta(1), until="t"), TypeError, "and not both"),
        (lambda: Node.sleep("s", 5), TypeError, "takes a timedelta, got 5"),
        (lambda: Node.sleep("s", timedelta(-1)), ValueError, "from 0 to 2932896 days, got -1 day"),
        (lambda: Node.sleep("s", timedelta.max), ValueError, "from 0 to 2932896 days, got 9999"),
        (lambda: Node.sleep(1, timedelta(1)), TypeError, "the name of a node must be a str"),
        (lambda: Node.sleep("s", until=1), TypeError, "the until of a node must be a str"),
        (lambda: Node.sleep("s", until="t", label=1), TypeError, "the label of a node must be"),
    ],
)
def test_malformed_sleep(make, error: type[Exception], why: str):
    """It is refused where it is made."""
    with pytest.raises(error, match=why):
        make()


def test_a_signal_has_a_name():
    """The type that it is read as is for those who read it, and is not compared."""
    assert Node.signal("s", "go") == SignalNode("s", '(signal "go")', "go")
    assert Node.signal("s", "go", label="Go") == SignalNode("s", "Go", "go")
    typed = Node.signal("s", "go", type=int)
    assert typed == Node.signal("s", "go")
    assert (typed.type, Node.signal("s", "go").type) == (int, None)
    assert repr(typed) == repr(Node.signal("s", "go"))
    assert node_name(typed) == "s"


@pytest.mark.parametrize(
    ("make", "error", "why"),
    [
        (lambda: Node.signal(1, "go"), TypeError, "the name of a node must be a str, not 1"),
        (lambda: Node.signal("s", None), TypeError, "the signal of a node must be a str, not None"),
        (lambda: Node.signal("s", "go", label=5), TypeError, "the label of a node must be a str"),
        (lambda: Node.signal("s", "\ud800"), UnicodeEncodeError, "surrogates not allowed"),
        (lambda: Node.signal("\ud800", "go"), UnicodeEncodeError, "surrogates not allowed"),
    ],
)
def test_malformed_signal(make, error: type[Exception], why: str):
    """It is refused where it is made."""
    with pytest.raises(error, match=why):
        make()


@pytest.mark.parametrize("name", ["steno.sleep", "steno.", "steno.own"])
def test_reserved_names(name: str):
    """They stand for nodes of the library itself."""
    for named in (name, Named(name)):
        with pytest.raises(ValueError, match=f'"{name}" is reserved: no action may begin with "s'):
            Node.action("n", named)
    assert Node.action("n", "steno").action_name == "steno"


def test_a_subsaga_node_stands_for_a_graph():
    """It holds the graph as it was built, and the name of its params node."""
    inner = build("inner", "a")
    node = Node.subsaga("s", inner, "p")
    assert node == SubsagaNode("s", inner, "p")


@pytest.mark.parametrize(
    ("make", "what"),
    [
        (lambda: Node.action(1, "a", label="L"), "name"),
        (lambda: Node.action("n", "a", label=3), "label"),
        (lambda: Node.action("n", Named(3), label="L"), "action"),
        (lambda: Node.action("n", Named(3)), "action"),
        (lambda: Node.constant(b"n", 1), "name"),
        (lambda: Node.subsaga(1, build("i", "a"), "p"), "name"),
        (lambda: Node.subsaga("n", build("i", "a"), None), "params node"),
    ],
)
def test_a_name_that_is_no_text_is_refused_at_once(make, what: str):
    """The error says which name it is."""
    with pytest.raises(TypeError, match=f"^the {what} of a node must be a str, not "):
        make()


def test_a_name_that_cannot_be_stored_is_refused_at_once():
    """A lone surrogate cannot be stored or dumped."""
    with pytest.raises(UnicodeEncodeError):
        Node.action("\ud800", "a", label="L")


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
        Node.action("a", test_what_is_no_action_is_no_node, label="A")


def test_a_subsaga_is_made_of_a_built_graph():
    """A builder is refused; it has to be built first."""
    with pytest.raises(TypeError, match=r"needs a Dag, as from DagBuilder.build\(\), got"):
        Node.subsaga("s", PlainDagBuilder("inner"), "p")
