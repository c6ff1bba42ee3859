"""Which input a parameter is given."""

import pytest

from steno.action._dataflow import Special, ancestors_of, origin_of, sources_of
from steno.action._parameter import Parameter, Role
from steno.core import FromNode, Given, Node, Value
from support.demo import build

GIVEN, OTHER = Given("hotel", "5"), FromNode("hotel", "hotel_2")

MISSING, DEFAULT = Special.MISSING, Special.DEFAULT


@pytest.mark.parametrize(
    ("name", "role", "inputs", "sees", "required", "optional"),
    [
        ("hotel", Role.ACTION, {}, {"hotel"}, *[FromNode("hotel", "hotel")] * 2),
        ("hotel", Role.ACTION, {}, {"hotel_2"}, MISSING, DEFAULT),
        ("hotel", Role.ACTION, {}, set(), MISSING, DEFAULT),
        ("hotel", Role.ACTION, {"hotel": GIVEN}, {"hotel"}, GIVEN, GIVEN),
        ("hotel", Role.ACTION, {"hotel": OTHER}, {"hotel"}, OTHER, OTHER),
        ("hotel", Role.UNDO, {"hotel": OTHER}, set(), OTHER, OTHER),
        ("hotel", Role.PROBE, {"rate": OTHER}, set(), MISSING, DEFAULT),
        ("hotel", Role.UNDO, {}, {"hotel"}, *[FromNode("hotel", "hotel")] * 2),
        ("params", Role.ACTION, {}, set(), Special.PARAMS, Special.PARAMS),
        ("params", Role.UNDO, {"params": GIVEN}, {"params"}, Special.PARAMS, Special.PARAMS),
        ("output", Role.UNDO, {}, set(), Special.OUTPUT, Special.OUTPUT),
        ("output", Role.UNDO, {"output": GIVEN}, {"output"}, Special.OUTPUT, Special.OUTPUT),
    ],
)
def test_where_an_input_comes_from(
    name: str, role: Role, inputs: dict, sees: set[str], required: object, optional: object
):
    """The special names first, then what the node says, then the node of that name."""
    for is_required, expected in ((True, required), (False, optional)):
        parameter = Parameter(name, is_required, int)
        assert origin_of(parameter, role, inputs, sees.__contains__) == expected


INNER = build(
    "inner", "hotel", ["x", Node.action("y", "y", inputs={"a": "hotel", "b": Value(1)})], "z"
)
FLAT = build("outer", "hotel", ["flight", Node.subsaga("s", INNER, "hotel")], "bill").flat
# hotel0 | flight1 start2 (hotel3 | x4 y5 | z6) end7 | bill8


@pytest.mark.parametrize(
    ("node", "seen"),
    [
        ("/hotel", []),
        ("flight", ["hotel"]),
        ("/s/hotel", []),
        ("x", ["hotel"]),
        ("y", ["hotel"]),
        ("z", ["hotel", "x", "y"]),
        ("s", ["hotel"]),
        ("bill", ["flight", "hotel", "s"]),
    ],
)
def test_a_node_sees_its_ancestors_in_its_own_saga(node: str, seen: list[str]):
    """Neither itself, nor its siblings, nor later nodes, nor what is in another (sub)saga."""
    sees = ancestors_of(FLAT, FLAT.get_index(node))
    everything = ["bill", "flight", "hotel", "nobody", "s", "x", "y", "z"]
    assert [name for name in everything if sees(name)] == seen


def test_what_a_node_says_of_its_inputs():
    """By parameter; nothing, if it says nothing, or is of a kind that cannot."""
    assert sources_of(FLAT, FLAT.get_index("y")) == {
        "a": FromNode("a", "hotel"),
        "b": Given("b", "1"),
    }
    for node in ("x", "flight", 2, "s", 9):
        assert sources_of(FLAT, FLAT.get_index(node)) == {}
