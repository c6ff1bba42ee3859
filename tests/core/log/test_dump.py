"""Dumps: written byte for byte as Steno writes them, read strictly."""

import json
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

import attrs
import pytest

from steno.core import (
    JsonText,
    Node,
    SagaDag,
    SagaSerialized,
    Succeeded,
    Value,
    are_stenos,
    fold_unordered,
)
from steno.errors import CorruptLog, DumpError, ForeignEvent
from steno.testing.notation import ERROR, OTHER_ID, SAGA_ID, events, fold, shown
from support.demo import build, demo, saga

DATA = Path(__file__).parent.parent / "data"
REFERENCE = Path(__file__).parents[3] / "shared" / "reference"
NAMES = ("ok", "err", "stuck")


def dumped(dag, log: str = "") -> str:
    return SagaSerialized(SAGA_ID, dag, tuple(events(log))).to_json()


# Both ways


@pytest.mark.parametrize("name", NAMES)
def test_a_dump_of_steno_survives_a_round_trip_byte_for_byte(name: str):
    """What is read of it is written as the same text."""
    text = (DATA / f"{name}.json").read_text()
    assert SagaSerialized.from_json(text).to_json() == text


@pytest.mark.parametrize("name", NAMES)
def test_the_dumps_here_are_those_of_the_reference(name: str):
    """They were copied, and are not to be changed."""
    if not REFERENCE.is_dir():
        pytest.skip("the reference dumps are not here")
    assert (DATA / f"{name}.json").read_text() == (REFERENCE / f"{name}.json").read_text()


def test_the_demo_saga_is_dumped_as_steno_did():
    """The graph as built here, with the events of the reference, is the reference."""
    text = (DATA / "ok.json").read_text()
    log = SagaSerialized.from_json(text).events
    assert SagaSerialized(SAGA_ID, demo(), log).to_json() == text
    assert SagaSerialized.from_json(text).dag.same_as(demo())


def test_a_dump_is_written_in_one_way_only():
    """Indented by two, keys of the graph in order, keys of values sorted, letters as they are."""
    dag = saga(Node.constant("c", {"z": 1, "a": "é"}), params=[])
    assert dumped(dag, "1+") == (
        "{\n"
        '  "saga_id": "049b2522-308d-442e-bc65-9bfaef863597",\n'
        '  "dag": {\n'
        '    "end_node": 2,\n'
        '    "graph": {\n'
        '      "edge_property": "directed",\n'
        '      "edges": [\n'
        "        [\n          1,\n          0,\n          null\n        ],\n"
        "        [\n          0,\n          2,\n          null\n        ]\n"
        "      ],\n"
        '      "node_holes": [],\n'
        '      "nodes": [\n'
        "        {\n"
        '          "Constant": {\n'
        '            "name": "c",\n'
        '            "value": {\n'
        '              "a": "é",\n'
        '              "z": 1\n'
        "            }\n"
        "          }\n"
        "        },\n"
        "        {\n"
        '          "Start": {\n'
        '            "params": []\n'
        "          }\n"
        "        },\n"
        '        "End"\n'
        "      ]\n"
        "    },\n"
        '    "saga_name": "test",\n'
        '    "start_node": 1\n'
        "  },\n"
        '  "events": [\n'
        "    {\n"
        '      "saga_id": "049b2522-308d-442e-bc65-9bfaef863597",\n'
        '      "node_id": 1,\n'
        '      "event_type": "started"\n'
        "    }\n"
        "  ]\n"
        "}"
    )


def test_every_kind_of_event_survives_a_round_trip():
    """With its data, and in the order in which it stood, legal or not."""
    dag = saga("a", "b")
    text = dumped(dag, '1✗ 0+ 0✓={"x":[1,2.5,null]} 0- 0! 0∅ 3+')
    again = SagaSerialized.from_json(text)
    assert again.to_json() == text
    assert shown(again.events) == "1✗ 0+ 0✓ 0- 0! 0∅ 3+"


@pytest.mark.parametrize(
    "params",
    [1e16, 0.1, -0.0, 1e-7, 1.7976931348623157e308, 2**64 - 1, -(2**63), "\u2028é😀\n", {"": {}}],
)
def test_values_survive_a_round_trip(params: object):
    """Numbers keep their kind and all their digits, texts all their letters."""
    text = dumped(saga("a", params=params))
    again = SagaSerialized.from_json(text)
    assert again.to_json() == text
    assert again.dag.params == saga("a", params=params).params


def test_deeply_nested_subsagas_survive_a_round_trip():
    """Their edges are turned round three times and are read all the same."""
    dag = build("i", ["a", "b"], ["c", "d"], "e")
    for level in range(4):
        dag = build(f"s{level}", ["p", "q"], [Node.subsaga("s", dag, "p"), "r"], ["t", "u"], "v")
    text = dumped(saga("p", Node.subsaga("s", dag, "p")))
    assert SagaSerialized.from_json(text).to_json() == text


def test_a_dump_that_was_written_by_other_hands_is_read():
    """Neither the order of the keys, nor that of the edges, nor spaces matter; no key is missed."""
    data = good()
    del data["dag"]["graph"]["node_holes"], data["dag"]["graph"]["edge_property"]
    data["dag"]["graph"]["edges"].reverse()
    text = json.dumps(dict(reversed(data.items())), sort_keys=True)
    assert SagaSerialized.from_json(text).to_json() == json.dumps(good(), indent=2)


def test_unknown_keys_are_ignored():
    """Wherever an object has a fixed set of keys."""
    data = good()
    graph = data["dag"]["graph"]
    for thing in (data, data["dag"], graph, graph["nodes"][0], graph["nodes"][0]["Action"]):
        thing["new"] = {"x": 1}
    for event in data["events"]:
        event["time"] = "now"
    assert SagaSerialized.from_json(json.dumps(data)).to_json() == json.dumps(good(), indent=2)


# What Steno does not have


def recorded(dag: SagaDag, log: str) -> SagaSerialized:
    """Return a dump of a log whose attempts are counted."""
    return SagaSerialized(SAGA_ID, dag, tuple(fold(dag.flat, log).log.events))


ALL = (
    "4+ 4✓ 0+ 1+ 2+ 0↻=500 1≈=order 0+ 1«=retry 2✗ 0? 1? 0«=hold 0«=retry 0- 1- 0↺ 1↺=order"
    " 0- 0! 1«=complete 1∅"
)


def test_attempts_and_doubt_survive_a_round_trip():
    """With all that their events say, and in the form that the specification gives."""
    dump = recorded(saga(["a", "b", "c"], "z"), ALL)
    again = SagaSerialized.from_json(dump.to_json())
    assert again.events == dump.events
    assert again.to_json() == dump.to_json()
    error = json.loads(ERROR)
    written = [event["event_type"] for event in json.loads(dump.to_json())["events"]]
    assert written[5:7] == [
        {"attempt_failed": {"attempt": 1, "error": error, "in_doubt": False, "next": 500}},
        {"attempt_failed": {"attempt": 1, "error": error, "in_doubt": True, "next": None}},
    ]
    assert written[8] == {"ordered": {"by": "test", "verb": "retry", "why": "no reason"}}


@pytest.mark.parametrize(
    ("log", "stenos"),
    [
        ("2+ 2✓ 0+ 0↻", "2+ 2✓ 0+"),
        ("2+ 2✓ 0+ 0↻=500 0+ 0↻ 0+", "2+ 2✓ 0+"),
        ("2+ 2✓ 0+ 0↻=500 0+ 0✓", "2+ 2✓ 0+ 0✓"),
        ("2+ 2✓ 0+ 0↻=500 0+ 0✗ 2- 2∅", "2+ 2✓ 0+ 0✗ 2- 2∅"),
        ("2+ 2✓ 1«=hold 0+ 0↻=500 0«=hold 0+ 0✓", "2+ 2✓ 0+ 0✓"),
        ("2+ 2✓ 0+ 0✓ 1+ 1✗ 0- 0↺ 0- 0↺ 0- 0∅ 2-", "2+ 2✓ 0+ 0✓ 1+ 1✗ 0- 0∅ 2-"),
    ],
)
def test_steno_reads_no_attempts(log: str, stenos: str):
    """Of attempts, and of orders to hold, it knows nothing: it is given what is between them."""
    dag = saga("a", "b")
    text = recorded(dag, log).to_json(steno=True)
    assert text == dumped(dag, stenos)
    read = SagaSerialized.from_json(text)
    assert are_stenos(read.events)
    assert list(fold_unordered(dag.flat, SAGA_ID, read.events).log.events) == list(read.events)


@pytest.mark.parametrize("log", ["0+ 0+ 1- 1- 0✓", "1✗ 0∅ 0+ 0+", ""])
def test_a_log_of_steno_is_written_for_it_as_it_is(log: str):
    """Legal or not: only what follows an attempt is left out."""
    dump = SagaSerialized(SAGA_ID, saga("a", "b"), tuple(events(log)))
    assert dump.to_json(steno=True) == dump.to_json()


WIDE = saga(["a", "b"], "z")
TAKING = Node.action("b", "act", inputs={"x": "a", "v": Value({"d": 1, "c": 2})})
INNER = build("inner", "a", TAKING)


def test_inputs_stand_in_a_dump_of_this_library():
    """Between the name of the action and the label; nodes without them are as Steno writes them."""
    dag = saga("a", TAKING, Node.subsaga("s", INNER, "a"))
    text = dumped(dag, "6+ 6✓ 0+ 0✓=5")
    nodes = json.loads(text)["dag"]["graph"]["nodes"]
    assert list(nodes[0]["Action"]) == ["action_name", "label", "name"]
    assert list(nodes[1]["Action"]) == ["action_name", "inputs", "label", "name"]
    assert nodes[1]["Action"]["inputs"] == {"v": {"value": {"c": 2, "d": 1}}, "x": {"node": "a"}}
    assert nodes[4] == nodes[1]
    read = SagaSerialized.from_json(text)
    assert read.dag.same_as(dag)
    assert read.to_json() == text


@pytest.mark.parametrize(
    ("dag", "log", "path", "what"),
    [
        (WIDE, "3+ 3✓ 0+ 1+ 0≈=5 0+ 0✓", "$.events[4].event_type", "is a failure in doubt"),
        (WIDE, "3+ 3✓ 0+ 1+ 1✗ 0?", "$.events[5].event_type", "is a failure in doubt"),
        (WIDE, "0«=hold 3+ 3✓ 0«=retry", "$.events[3].event_type", "is an order"),
        (WIDE, "3+ 3✓ 0+ 0↻ 0«=retry", "$.events[4].event_type", "is an order"),
        (WIDE, "3+ 3✓ 0+ 0↻ 0«=fail 0✗", "$.events[4].event_type", "is an order"),
        (WIDE, "3+ 3✓ 0+ 0↻ 0«=complete 0✓", "$.events[4].event_type", "is an order"),
        (saga("a", Node.sleep("s", timedelta(1))), "", "$.dag.graph.nodes[1]", "is a sleep"),
        (saga("a", Node.sleep("s", until="a")), "2+", "$.dag.graph.nodes[1]", "is a sleep"),
        (saga("a", TAKING), "2+", "$.dag.graph.nodes[1]", "has inputs"),
        (saga("a", Node.subsaga("s", INNER, "a")), "", "$.dag.graph.nodes[3]", "has inputs"),
    ],
)
def test_what_steno_cannot_read(dag: SagaDag, log: str, path: str, what: str):
    """A doubt, even if a later attempt has ended it, an order, a sleep and inputs have no form."""
    dump = recorded(dag, log)
    with pytest.raises(DumpError) as caught:
        dump.to_json(steno=True)
    why = f"{what}, which Steno cannot read: write the dump without steno=True"
    assert (caught.value.path, caught.value.why) == (path, why)
    assert SagaSerialized.from_json(dump.to_json()).to_json() == dump.to_json()


# Breaches: each is made from a good dump


def good() -> dict:
    return json.loads((DATA / "err.json").read_text())


def node(index: int, new: object) -> Callable:
    return lambda d: d["dag"]["graph"]["nodes"].__setitem__(index, new)


def field(index: int, kind: str, key: str, new: object) -> Callable:
    return lambda d: d["dag"]["graph"]["nodes"][index][kind].__setitem__(key, new)


def put(*path_and_value: object) -> Callable:
    """Return what sets a part of the document to a value."""
    *path, last, value = path_and_value

    def change(data: dict) -> None:
        for step in path:
            data = data[step]
        data[last] = value

    return change


def drop(*path: object) -> Callable:
    *path, last = path

    def change(data: dict) -> None:
        for step in path:
            data = data[step]
        del data[last]

    return change


def edges(**changes: object) -> Callable:
    """Return what drops or adds edges, written `a>b`."""

    def parsed(key: str) -> list:
        return [[*map(int, edge.split(">")), None] for edge in changes.get(key, "").split()]

    def change(data: dict) -> None:
        graph = data["dag"]["graph"]
        graph["edges"] = [e for e in graph["edges"] if e not in parsed("drop")] + parsed("add")

    return change


GRAPH = ("dag", "graph")
NODES = (*GRAPH, "nodes")
EDGES = "$.dag.graph.edges"
TOP = 'is not an object with "saga_id", "dag" and a list of "events"'
DAG = "is not a graph with its name, start node, end node and edges"
EVENT = 'is not an object with "saga_id", "node_id" and "event_type"'
NO_EDGE = "is not an edge between two of the 14 nodes: "
SHAPE = "node {} depends on {}; it should depend on the whole stage before it: {}"
SUBSAGA_START = {"SubsagaStart": {"params_node_name": "instance_id", "saga_name": "x"}}

BREACHES: dict[str, tuple[Callable, str, str]] = {
    # The document
    "no id": (drop("saga_id"), "$", TOP),
    "no graph": (drop("dag"), "$", TOP),
    "no events": (drop("events"), "$", TOP),
    "events that are no list": (put("events", {}), "$", TOP),
    "an id that is not a UUID": (put("saga_id", "049b"), "$.saga_id", "is not a UUID: '049b'"),
    "an id that is a number": (put("saga_id", 5), "$.saga_id", "is not a UUID: 5"),
    "an id that is a number of 32 digits": (
        put("saga_id", 10**31),
        "$.saga_id",
        "is not a UUID: 1",
    ),
    "an id that is null": (put("saga_id", None), "$.saga_id", "is not a UUID: None"),
    "an id that is a list": (put("saga_id", []), "$.saga_id", "is not a UUID: []"),
    # The graph as a whole
    "a graph that is not an object": (put("dag", []), "$.dag", DAG),
    "no name": (drop("dag", "saga_name"), "$.dag", DAG),
    "a name that is not text": (put("dag", "saga_name", 1), "$.dag", DAG),
    "a name that cannot be stored": (
        put("dag", "saga_name", "\ud800"),
        "$.dag.saga_name",
        "'\\ud800' holds a lone surrogate",
    ),
    "no start node": (drop("dag", "start_node"), "$.dag", DAG),
    "a start node that is not a number": (put("dag", "start_node", "12"), "$.dag", DAG),
    "an end node that is true": (put("dag", "end_node", True), "$.dag", DAG),
    "no end node": (drop("dag", "end_node"), "$.dag", DAG),
    "no edges": (drop(*GRAPH, "edges"), "$.dag", DAG),
    "no nodes": (drop(*GRAPH, "nodes"), "$.dag", DAG),
    "nodes that are no list": (put(*NODES, {}), "$.dag", DAG),
    "the wrong start node": (
        put("dag", "start_node", 0),
        "$.dag",
        "its start node and end node are not the last two nodes",
    ),
    "start node and end node exchanged": (
        lambda d: d["dag"].update(start_node=13, end_node=12),
        "$.dag",
        "its start node and end node are not the last two nodes",
    ),
    "an end node that is not there": (
        put("dag", "end_node", 14),
        "$.dag",
        "its start node and end node are not the last two nodes",
    ),
    "holes": (put(*GRAPH, "node_holes", [3]), "$.dag.graph.node_holes", "is not empty"),
    "edges without direction": (
        put(*GRAPH, "edge_property", "undirected"),
        "$.dag.graph.edge_property",
        'is not "directed"',
    ),
    # Nodes
    "no node at all": (
        lambda d: (d["dag"].update(start_node=-2, end_node=-1), d["dag"]["graph"]["nodes"].clear()),
        "$.dag.graph.nodes",
        "do not end with a start node and an end node",
    ),
    "nothing but the end": (
        lambda d: (d["dag"].update(start_node=-1, end_node=0), put(*NODES, ["End"])(d)),
        "$.dag.graph.nodes",
        "do not end with a start node and an end node",
    ),
    "nothing between start and end": (
        lambda d: (
            d["dag"].update(start_node=0, end_node=1),
            put(*NODES, [{"Start": {"params": 1}}, "End"])(d),
            put(*GRAPH, "edges", [[0, 1, None]])(d),
        ),
        "$.dag.graph",
        "saga must end with exactly one node",
    ),
    "no start at its place": (
        node(12, {"SubsagaEnd": {"name": "x"}}),
        "$.dag.graph.nodes",
        "do not end with a start node and an end node",
    ),
    "no end at its place": (
        node(13, {"Start": {"params": 1}}),
        "$.dag.graph.nodes",
        "do not end with a start node and an end node",
    ),
    "a second start": (
        node(8, {"Start": {"params": 1}}),
        "$.dag.graph.nodes[8]",
        "is a second (start node)",
    ),
    "a second end": (node(0, "End"), "$.dag.graph.nodes[0]", "is a second (end node)"),
    "an unknown kind of node": (
        node(3, {"Future": {"name": "x"}}),
        "$.dag.graph.nodes[3]",
        "is not a node: an object with the keys 'Future'",
    ),
    "a node that is null": (node(3, None), "$.dag.graph.nodes[3]", "is not a node: None"),
    "an action without a name": (
        drop(*NODES, 3, "Action", "name"),
        "$.dag.graph.nodes[3]",
        "is not a node: an object with the keys 'Action'",
    ),
    "a name that is a number": (
        field(3, "Action", "name", 5),
        "$.dag.graph.nodes[3]",
        "is not a node: an object with the keys 'Action'",
    ),
    "a node's name that cannot be stored": (
        field(3, "Action", "label", "\udfff"),
        "$.dag.graph.nodes[3].Action.label",
        "'\\udfff' holds a lone surrogate",
    ),
    "a constant out of range": (
        field(1, "Constant", "value", {"a": [2**64]}),
        "$.dag.graph.nodes[1].Constant.value.a[0]",
        "18446744073709551616 is out of the range -2**63 to 2**64-1",
    ),
    "params out of range": (
        field(12, "Start", "params", {"a": -(2**63) - 1}),
        "$.dag.graph.nodes[12].Start.params.a",
        "-9223372036854775809 is out of the range -2**63 to 2**64-1",
    ),
    "a name used twice": (
        field(8, "Action", "name", "print"),
        "$.dag.graph",
        'name was used multiple times in the same Dag: "print"',
    ),
    "a subsaga with a name used twice": (
        field(7, "SubsagaEnd", "name", "volume_id"),
        "$.dag.graph",
        'name was used multiple times in the same Dag: "volume_id"',
    ),
    "params of nobody": (
        field(4, "SubsagaStart", "params_node_name", "nobody"),
        "$.dag.graph",
        'subsaga node "server_alloc" has parameters that come from node "nobody", '
        "but it does not depend on any such node",
    ),
    "params of a node of the same stage": (
        field(4, "SubsagaStart", "params_node_name", "volume_id"),
        "$.dag.graph",
        'subsaga node "server_alloc" has parameters that come from node "volume_id", '
        "but it does not depend on any such node",
    ),
    "params of a node inside": (
        field(4, "SubsagaStart", "params_node_name", "server_id"),
        "$.dag.graph",
        'subsaga node "server_alloc" has parameters that come from node "server_id", '
        "but it does not depend on any such node",
    ),
    # Subsagas
    "a subsaga that never started": (
        node(4, {"Action": {"action_name": "a", "label": "l", "name": "n"}}),
        "$.dag.graph.edges",
        SHAPE.format(5, "[4]", "[2, 3, 4]"),
    ),
    "an end of no subsaga": (
        node(9, {"SubsagaEnd": {"name": "n"}}),
        "$.dag.graph.nodes[9]",
        "ends a subsaga that never started",
    ),
    "a subsaga that never ends": (
        node(7, {"Action": {"action_name": "a", "label": "l", "name": "n"}}),
        "$.dag.graph.edges",
        SHAPE.format(8, "[2, 3, 7]", "[7]"),
    ),
    "a subsaga that ends with the saga": (
        node(11, SUBSAGA_START),
        "$.dag.graph",
        "a subsaga starts and never ends",
    ),
    "a subsaga that is empty": (
        lambda d: (node(10, SUBSAGA_START)(d), node(11, {"SubsagaEnd": {"name": "n"}})(d)),
        "$.dag.graph",
        "saga must end with exactly one node",
    ),
    "a subsaga that ends with two nodes": (
        edges(drop="5>6", add="4>6 5>7"),
        "$.dag.graph",
        "saga must end with exactly one node",
    ),
    # Edges
    "an edge that is not a list": (
        put(*GRAPH, "edges", 3, "1>2"),
        f"{EDGES}[3]",
        f"{NO_EDGE}'1>2'",
    ),
    "an edge of one node": (put(*GRAPH, "edges", 3, [1]), f"{EDGES}[3]", f"{NO_EDGE}[1]"),
    "an edge from nowhere": (
        put(*GRAPH, "edges", 3, [14, 0, None]),
        f"{EDGES}[3]",
        f"{NO_EDGE}[14, 0, None]",
    ),
    "an edge to nowhere": (put(*GRAPH, "edges", 0, [0, -1, None]), f"{EDGES}[0]", NO_EDGE),
    "an edge from a text": (put(*GRAPH, "edges", 0, ["0", 1, None]), f"{EDGES}[0]", NO_EDGE),
    "an edge from true": (put(*GRAPH, "edges", 2, [True, 3, None]), f"{EDGES}[2]", NO_EDGE),
    "an edge from a fraction": (put(*GRAPH, "edges", 0, [0.0, 1, None]), f"{EDGES}[0]", NO_EDGE),
    "an edge twice": (edges(add="1>2"), f"{EDGES}[15]", "is there twice"),
    "an edge into the start": (
        edges(add="3>12 4>12"),
        EDGES,
        "lead into the start node from [3, 4]",
    ),
    "an edge out of the end": (edges(add="13>0"), EDGES, SHAPE.format(0, "[12, 13]", "[12]")),
    "an edge that is missing": (edges(drop="9>10"), EDGES, SHAPE.format(10, "[]", "[9]")),
    "no edge to the end": (edges(drop="11>13"), EDGES, SHAPE.format(13, "[]", "[11]")),
    "an edge to a node of its stage": (
        edges(add="2>3"),
        EDGES,
        SHAPE.format(3, "[1, 2]", "[2]"),
    ),
    "an edge that skips a stage": (edges(add="0>2"), EDGES, SHAPE.format(2, "[0, 1]", "[1]")),
    "an edge into a subsaga": (edges(add="3>5"), EDGES, SHAPE.format(5, "[3, 4]", "[4]")),
    "an edge out of a subsaga": (
        edges(add="6>8"),
        EDGES,
        SHAPE.format(8, "[2, 3, 6, 7]", "[2, 3, 7]"),
    ),
    "a stage that depends on a part of the one before": (
        edges(drop="3>8"),
        EDGES,
        SHAPE.format(8, "[2, 7]", "[2, 3, 7]"),
    ),
    "two last nodes": (
        edges(drop="10>11", add="9>11 10>13"),
        "$.dag.graph",
        "saga must end with exactly one node",
    ),
    "a loop of one node": (edges(add="9>9"), EDGES, SHAPE.format(9, "[8, 9]", "[8]")),
    "a cycle of two nodes": (
        edges(drop="8>9", add="9>8 10>9"),
        EDGES,
        SHAPE.format(8, "[2, 3, 7, 9]", "[2, 3, 7]"),
    ),
    "a cycle through the whole saga": (
        edges(add="11>0"),
        EDGES,
        SHAPE.format(0, "[11, 12]", "[12]"),
    ),
    "very many edges into one node": (
        edges(drop="11>13", add=" ".join(f"{n}>13" for n in range(12))),
        EDGES,
        SHAPE.format(13, "[0, 1, 2, 3, 4, 5, 6, 7, 8, 9, …]", "[11]"),
    ),
    # Events
    "an event that is null": (put("events", 3, None), "$.events[3]", EVENT),
    "an event without an id": (drop("events", 3, "saga_id"), "$.events[3]", EVENT),
    "an event without a node": (drop("events", 3, "node_id"), "$.events[3]", EVENT),
    "an event without a type": (drop("events", 3, "event_type"), "$.events[3]", EVENT),
    "an event of a node that is a text": (put("events", 3, "node_id", "0"), "$.events[3]", EVENT),
    "an event of a node that is true": (put("events", 3, "node_id", True), "$.events[3]", EVENT),
    "an event of no UUID": (
        put("events", 3, "saga_id", "x"),
        "$.events[3].saga_id",
        "is not a UUID: 'x'",
    ),
    "an event of an unknown type": (
        put("events", 3, "event_type", "finished"),
        "$.events[3].event_type",
        "is not an event: 'finished' without data",
    ),
    "a type that is null": (
        put("events", 3, "event_type", None),
        "$.events[3].event_type",
        "is not an event: None",
    ),
    "a type that is empty": (
        put("events", 3, "event_type", {}),
        "$.events[3].event_type",
        "is not an event: {}",
    ),
    "two types at once": (
        put("events", 3, "event_type", {"succeeded": 1, "failed": "InjectedError"}),
        "$.events[3].event_type",
        "is not an event: {'succeeded': 1, 'failed': 'InjectedError'}",
    ),
    "a success without output": (
        put("events", 3, "event_type", "succeeded"),
        "$.events[3].event_type",
        "is not an event: 'succeeded' without data",
    ),
    "a start with data": (
        put("events", 2, "event_type", {"started": 1}),
        "$.events[2].event_type",
        "is not an event: 'started' with data",
    ),
    "an output out of range": (
        put("events", 3, "event_type", {"succeeded": {"a": [0, "\udfff"]}}),
        "$.events[3].event_type.a[1]",
        "'\\udfff' holds a lone surrogate",
    ),
    "an attempt without its number": (
        put("events", 3, "event_type", {"attempt_failed": {"error": "InjectedError"}}),
        "$.events[3].event_type",
        "is not a failed attempt",
    ),
    "an order without its reason": (
        put("events", 3, "event_type", {"ordered": {"verb": "fail", "by": "me", "why": None}}),
        "$.events[3].event_type",
        "is not an order",
    ),
    "an attempt with a value out of range": (
        put("events", 3, "event_type", {"attempt_failed": {"attempt": 2**64}}),
        "$.events[3].event_type.attempt",
        "18446744073709551616 is out of the range -2**63 to 2**64-1",
    ),
    "a sleep that does not say how long": (
        field(3, "Action", "action_name", "steno.sleep"),
        "$.dag.graph.nodes[3].Action",
        'does not say what it waits for: names that begin with "steno." are reserved',
    ),
    "a sleep until a time of a node that is not there": (
        lambda d: (
            field(3, "Action", "action_name", "steno.sleep")(d),
            field(3, "Action", "wait", {"until": "nobody"})(d),
        ),
        "$.dag.graph",
        'node "volume_id" sleeps until a time that comes from node "nobody", '
        "but it does not depend on any such node",
    ),
    "an input from a node that is not there": (
        field(3, "Action", "inputs", {"x": {"node": "nobody"}}),
        "$.dag.graph",
        'node "volume_id" takes its input "x" from node "nobody", '
        "but it does not depend on any such node",
    ),
    "an input from a node of the same stage": (
        field(3, "Action", "inputs", {"x": {"node": "instance_ip"}}),
        "$.dag.graph",
        'node "volume_id" takes its input "x" from node "instance_ip", ',
    ),
    "an input that is neither a node nor a value": (
        field(3, "Action", "inputs", {"x": "nobody"}),
        "$.dag.graph.nodes[3].Action.inputs.x",
        "is neither a node nor a value",
    ),
    "an unknown error": (
        put("events", 3, "event_type", {"failed": {"Future": {}}}),
        "$.events[3].event_type",
        "is not an action error",
    ),
    "an unknown undo error": (
        put("events", 3, "event_type", {"undo_failed": {"TemporaryFailure": 1}}),
        "$.events[3].event_type",
        "is not an undo action error",
    ),
    "an error with a value out of range": (
        put("events", 3, "event_type", {"failed": {"ActionFailed": {"source_error": 2**64}}}),
        "$.events[3].event_type.ActionFailed.source_error",
        "18446744073709551616 is out of the range -2**63 to 2**64-1",
    ),
}


@pytest.mark.parametrize(("change", "path", "why"), BREACHES.values(), ids=BREACHES.keys())
def test_each_breach_is_an_error_that_names_its_place(change: Callable, path: str, why: str):
    """What is read is a saga that a builder could have built, or nothing."""
    data = good()
    change(data)
    with pytest.raises(DumpError) as caught:
        SagaSerialized.from_json(json.dumps(data))
    assert caught.value.path == path
    assert caught.value.why.startswith(why)
    assert str(caught.value) == f"malformed saga dump: {path}: {caught.value.why}"


def test_a_number_that_is_too_large_for_a_float_is_refused():
    """Python's parser reads it as an infinity, which is not JSON."""
    text = (DATA / "ok.json").read_text().replace('"succeeded": 1211', '"succeeded": 1e999')
    with pytest.raises(DumpError, match=r"\$\.events\[3\]\.event_type: inf is not a JSON number"):
        SagaSerialized.from_json(text)


def test_a_truncated_dump_is_an_error_wherever_it_was_cut():
    """No prefix of a document is taken for the whole."""
    text = (DATA / "err.json").read_text()
    for length in range(0, len(text), 97):
        with pytest.raises(DumpError, match=r"^malformed saga dump: \$: is not JSON: "):
            SagaSerialized.from_json(text[:length])


@pytest.mark.parametrize("text", ["null", "5", "[]", '"x"', "[" * 100_000, "NaN", "{} {}"])
def test_a_text_that_is_no_dump_is_refused(text: str):
    """Whether it is JSON or not."""
    with pytest.raises(DumpError, match=r"^malformed saga dump: \$: is not "):
        SagaSerialized.from_json(text)


# What is found when the events are folded


def test_foreign_events_are_found_when_they_are_folded():
    """The document is well formed: an event may well name another saga."""
    data = good()
    data["events"][3]["saga_id"] = str(OTHER_ID)
    read = SagaSerialized.from_json(json.dumps(data))
    assert read.to_json() == json.dumps(data, indent=2)
    with pytest.raises(ForeignEvent):
        fold_unordered(read.dag.flat, read.saga_id, read.events)


@pytest.mark.parametrize("index", [14, -1, 10**9])
def test_events_of_undefined_nodes_are_found_when_they_are_folded(index: int):
    """The error says which nodes there are."""
    data = good()
    data["events"].append({**data["events"][0], "node_id": index})
    read = SagaSerialized.from_json(json.dumps(data))
    with pytest.raises(
        CorruptLog, match=f"started of node {index}: the saga has the nodes 0 to 13"
    ):
        fold_unordered(read.dag.flat, read.saga_id, read.events)


def test_an_output_is_kept_as_it_was_dumped():
    """As text, with its keys sorted."""
    data = good()
    data["events"][1]["event_type"] = {"succeeded": {"b": 1, "a": [1.5]}}
    read = SagaSerialized.from_json(json.dumps(data))
    assert read.events[1].event_type == Succeeded('{"a":[1.5],"b":1}')


@pytest.mark.parametrize("text", ["NaN", '"\\ud800"'])
def test_a_saga_that_holds_what_is_not_json_cannot_be_dumped(text: str):
    """As in a damaged store; what is written is what everybody can read."""
    dag = SagaDag.of_flat(demo().flat, JsonText(text))
    with pytest.raises(DumpError, match="cannot be written"):
        SagaSerialized(SAGA_ID, dag, ()).to_json()


# Times


def timed(*times: int | None) -> SagaSerialized:
    """Return a dump whose events have these times."""
    log = events("3+ 3✓ 0+ 0✓")[: len(times)]
    made = [attrs.evolve(each, time=time) for each, time in zip(log, times, strict=True)]
    return SagaSerialized(SAGA_ID, demo(), tuple(made))


def test_times_stand_at_the_end_of_a_dump():
    """After all that Steno writes, one for each event; Steno's form has none."""
    dump = timed(1, 2, 2, -5)
    document = json.loads(dump.to_json())
    assert list(document) == ["saga_id", "dag", "events", "times"]
    assert document["times"] == [1, 2, 2, -5]
    del document["times"]
    assert dump.to_json(steno=True) == json.dumps(document, indent=2, ensure_ascii=False)
    again = SagaSerialized.from_json(dump.to_json())
    assert [event.time for event in again.events] == [1, 2, 2, -5]
    assert again.to_json() == dump.to_json()


@pytest.mark.parametrize("times", [(), (None, None), (1, None)])
def test_a_dump_without_times_is_written_without(times: tuple[int | None, ...]):
    """Also if some of them are known: a list has one for each event."""
    assert '"times"' not in timed(*times).to_json()


@pytest.mark.parametrize(
    ("times", "path"),
    [
        ([1], "$.times"),
        ([1, 2, 3], "$.times"),
        ({}, "$.times"),
        ("12", "$.times"),
        ([1, "2"], "$.times[1]"),
        ([1.0, 2], "$.times[0]"),
        ([True, 2], "$.times[0]"),
        ([None, 2], "$.times[0]"),
        ([2**62, 2], "$.times[0]"),
    ],
)
def test_times_that_are_none_are_refused(times: object, path: str):
    """The error has the place."""
    document = json.loads(timed(1, 2).to_json()) | {"times": times}
    with pytest.raises(DumpError) as caught:
        SagaSerialized.from_json(json.dumps(document))
    assert caught.value.path == path
