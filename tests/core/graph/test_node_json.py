"""Nodes in dumps."""

import json
from datetime import timedelta

import pytest

from steno.core import PLAIN_CODEC, FromNode, Given, Node, SignalNode, SleepNode, Source, Value
from steno.core.graph._node_json import node_from_json, node_to_json
from steno.errors import DumpError
from support.demo import demo


def test_every_kind_of_node_goes_both_ways():
    """What was written is read as the same node; keys stand in alphabetical order."""
    for node in demo().get_nodes():
        data = node_to_json(node)
        assert node_from_json(data, "$") == node
        if data != "End":
            ((_, fields),) = data.items()
            assert list(fields) == sorted(fields)


@pytest.mark.parametrize(
    ("node", "wait"),
    [
        (Node.sleep("s", timedelta(seconds=1), label="L"), {"sleep": 1_000_000}),
        (Node.sleep("s", timedelta(0), label="L"), {"sleep": 0}),
        (Node.sleep("s", timedelta(days=2_932_896), label="L"), {"sleep": 253_402_214_400_000_000}),
        (Node.sleep("s", until="t", label="L"), {"until": "t"}),
    ],
)
def test_a_sleep_goes_both_ways(node: SleepNode, wait: object):
    """It is an action of a reserved name, with what it waits for."""
    data = node_to_json(node)
    fields = {"action_name": "steno.sleep", "label": "L", "name": "s", "wait": wait}
    assert data == {"Action": fields}
    assert list(data["Action"]) == list(fields)
    assert node_from_json(data, "$") == node


WAIT = 'does not say what it waits for: names that begin with "steno." are reserved'


@pytest.mark.parametrize(
    ("changes", "path", "why"),
    [
        ({"wait": None}, "$.x.Action", WAIT),
        ({"wait": {}}, "$.x.Action", WAIT),
        ({"wait": {"sleep": -1}}, "$.x.Action", WAIT),
        ({"wait": {"sleep": True}}, "$.x.Action", WAIT),
        ({"wait": {"sleep": 1.5}}, "$.x.Action", WAIT),
        ({"wait": {"sleep": 2**62}}, "$.x.Action", WAIT),
        ({"wait": {"until": 5}}, "$.x.Action", WAIT),
        ({"wait": {"until": "\ud800"}}, "$.x.Action.wait.until", "lone surrogate"),
        ({"action_name": "steno.other"}, "$.x.Action", WAIT),
        ({"action_name": "steno."}, "$.x.Action", WAIT),
    ],
)
def test_malformed_sleep(changes: dict[str, object], path: str, why: str):
    """A reserved name without what belongs to it is refused, and no action can be behind it."""
    fields = {"action_name": "steno.sleep", "label": "L", "name": "s", "wait": {"sleep": 1}}
    with pytest.raises(DumpError, match=why) as caught:
        node_from_json({"Action": fields | changes}, "$.x")
    assert caught.value.path == path


@pytest.mark.parametrize("signal", ["go", "", "g/ö"])
def test_a_signal_goes_both_ways(signal: str):
    """Likewise; the type that it is read as is not stored."""
    data = node_to_json(Node.signal("s", signal, type=int, label="L"))
    fields = {
        "action_name": "steno.signal",
        "label": "L",
        "name": "s",
        "wait": {"signal": signal},
    }
    assert data == {"Action": fields}
    assert list(data["Action"]) == list(fields)
    read = node_from_json({"Action": {**fields, "inputs": 5, "type": "int"}}, "$")
    assert read == SignalNode("s", "L", signal)
    assert read.type is None


@pytest.mark.parametrize(
    ("changes", "path", "why"),
    [
        ({"wait": None}, "$.x.Action", WAIT),
        ({"wait": {"sleep": 1}}, "$.x.Action", WAIT),
        ({"wait": {"until": "t"}}, "$.x.Action", WAIT),
        ({"wait": {"signal": 5}}, "$.x.Action", WAIT),
        ({"wait": {"signal": "\ud800"}}, "$.x.Action.wait.signal", "lone surrogate"),
        ({"action_name": "steno.sleep"}, "$.x.Action", WAIT),
    ],
)
def test_malformed_stored_signal(changes: dict[str, object], path: str, why: str):
    """A reserved name has what belongs to it, and nothing else instead."""
    wait = {"signal": "go"}
    fields = {"action_name": "steno.signal", "label": "L", "name": "s", "wait": wait}
    with pytest.raises(DumpError, match=why) as caught:
        node_from_json({"Action": fields | changes}, "$.x")
    assert caught.value.path == path


# Inputs


def inputs_of(data: object) -> tuple[Source, ...]:
    """Return the inputs of a node that is read."""
    return node_from_json({"Action": {**GOOD, "inputs": data}}, "$.x").inputs


GOOD = {"action_name": "a", "label": "L", "name": "n"}


@pytest.mark.parametrize(
    ("inputs", "data"),
    [
        ({"b": "x"}, {"b": {"node": "x"}}),
        ({"b": Value(None)}, {"b": {"value": None}}),
        (
            {"b": "x", "a": Value({"z": 1, "node": [2]}), "ä": "y"},
            {"a": {"value": {"node": [2], "z": 1}}, "b": {"node": "x"}, "ä": {"node": "y"}},
        ),
        ({"": ""}, {"": {"node": ""}}),
    ],
)
def test_inputs_go_both_ways(inputs: dict[str, object], data: object):
    """Each is the name of a node, or a value; keys stand in alphabetical order."""
    node = Node.action("n", "a", label="L", inputs=inputs).encoded(PLAIN_CODEC)
    written = node_to_json(node)
    assert written == {"Action": {"action_name": "a", "inputs": data, "label": "L", "name": "n"}}
    assert list(written["Action"]) == sorted(written["Action"])
    assert list(written["Action"]["inputs"]) == sorted(data)
    assert node_from_json(written, "$") == node


def test_a_node_without_inputs_does_not_mention_them():
    """What Steno wrote, and what earlier versions stored, is written as it was."""
    node = Node.action("n", "a", label="L").encoded(PLAIN_CODEC)
    assert json.dumps(node_to_json(node)) == json.dumps({"Action": GOOD})
    assert node_from_json({"Action": {**GOOD, "inputs": {}}}, "$") == node


def test_inputs_are_read_in_their_own_order():
    """However they stand in the file."""
    found = inputs_of({"b": {"node": "x"}, "a": {"value": 1, "more": 2}})
    assert found == (Given("a", "1"), FromNode("b", "x"))


@pytest.mark.parametrize(
    ("data", "path", "why"),
    [
        (None, "", "is not an object: None"),
        ([], "", "is not an object: \\[\\]"),
        ("x", "", "is not an object: 'x'"),
        ({"b": "x"}, ".b", "is neither a node nor a value"),
        ({"b": None}, ".b", "is neither a node nor a value"),
        ({"b": {}}, ".b", "is neither a node nor a value"),
        ({"b": {"node": 5}}, ".b", "is neither a node nor a value"),
        ({"b": {"node": "\ud800"}}, ".b.node", "lone surrogate"),
        ({"b": {"value": [1, "\ud800"]}}, ".b.value[1]", "lone surrogate"),
        ({"b": {"value": {"c": 2**64}}}, ".b.value.c", "out of the range"),
        ({"a": {"value": 1}, "\ud800": {"node": "x"}}, ".parameter", "lone surrogate"),
    ],
)
def test_malformed_stored_inputs(data: object, path: str, why: str):
    """The error names the parameter, and the place within its value."""
    with pytest.raises(DumpError, match=why) as caught:
        inputs_of(data)
    assert caught.value.path == f"$.x.Action.inputs{path}"


def test_a_sleep_has_no_inputs():
    """They are ignored like any other key that is not known."""
    fields = {**GOOD, "action_name": "steno.sleep", "wait": {"sleep": 1}, "inputs": 5}
    assert node_from_json({"Action": fields}, "$") == SleepNode("n", "L", 1, None)


def test_keys_that_are_not_known_are_ignored():
    """Beside the kind and within it."""
    data = {"Action": {"action_name": "a", "label": "L", "name": "n", "new": 1}, "more": 2}
    assert node_to_json(node_from_json(data, "$")) == {
        "Action": {"action_name": "a", "label": "L", "name": "n"}
    }


BAD = [
    (None, "$.x", "is not a node: None"),
    ("Start", "$.x", "is not a node: 'Start'"),
    (["End"], "$.x", r"is not a node: \['End'\]"),
    (3, "$.x", "is not a node: 3"),
    ({}, "$.x", r"is not a node: an object with the keys \(none\)"),
    ({"End": {}}, "$.x", "is not a node: an object with the keys 'End'"),
    ({"Action": None}, "$.x", "keys 'Action'"),
    *(({"Action": {**GOOD, key: 5}}, "$.x", "keys 'Action'") for key in GOOD),
    *(
        ({"Action": {k: v for k, v in GOOD.items() if k != key}}, "$.x", "keys 'Action'")
        for key in GOOD
    ),
    ({"Constant": {"name": "n"}}, "$.x", "keys 'Constant'"),
    ({"Constant": {"name": 1, "value": 1}}, "$.x", "keys 'Constant'"),
    ({"Constant": {"name": "n", "value": [2**64]}}, r"$.x.Constant.value[0]", "out of the range"),
    ({"SubsagaStart": {"saga_name": "s"}}, "$.x", "keys 'SubsagaStart'"),
    ({"SubsagaEnd": {"name": ["n"]}}, "$.x", "keys 'SubsagaEnd'"),
    ({"Start": {}}, "$.x", "keys 'Start'"),
    ({"Start": {"params": {"a": "\ud800"}}}, "$.x.Start.params.a", "lone surrogate"),
    ({"Action": {**GOOD, "name": "\ud800"}}, "$.x.Action.name", "lone surrogate"),
    ({"Action": {**GOOD, "label": "\ud800"}}, "$.x.Action.label", "lone surrogate"),
    ({"Action": {**GOOD, "action_name": "\ud800"}}, "$.x.Action.action_name", "lone surrogate"),
    ({"Constant": {"name": "\ud800", "value": 1}}, "$.x.Constant.name", "lone surrogate"),
    ({"SubsagaEnd": {"name": "\ud800"}}, "$.x.SubsagaEnd.name", "lone surrogate"),
    (
        {"SubsagaStart": {"saga_name": "\ud800", "params_node_name": "p"}},
        "$.x.SubsagaStart.saga_name",
        "lone surrogate",
    ),
]


@pytest.mark.parametrize(("data", "path", "why"), BAD)
def test_what_is_no_node_is_refused_with_its_place(data: object, path: str, why: str):
    """The error names the path, and what stands there."""
    with pytest.raises(DumpError, match=why) as caught:
        node_from_json(data, "$.x")
    assert caught.value.path == path
