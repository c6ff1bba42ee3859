"""The flattened graph: what it holds, how nodes are found in it, and the order of its edges."""

import hashlib
import json
from pathlib import Path

import pytest

from steno.core import ConstantNode, Dag, Given, Node, Value
from steno.errors import NoSuchNode
from support.demo import build, demo, saga

REFERENCE = Path(__file__).parents[3] / "shared" / "reference"


def calling(name: str, action: str, **inputs: object) -> Node:
    return Node.action(name, action, inputs=inputs)


def test_a_graph_lists_its_calls_and_the_values_given():
    """By action, those in subsagas too; each value with the name of its node."""
    given = build("inner", "x", calling("hotel", "book", x="x", days=Value([2])))
    flat = build(
        "outer",
        calling("hotel", "book", days=Value(1), rate=Value("r")),
        Node.constant("c", 5),
        Node.subsaga("s", given, "c"),
        calling("z", "bill", hotel="s"),
    ).flat
    assert flat.calls == {"book": [0, 4], "x": [3], "bill": [6]}
    assert flat.action_names == {"book": "hotel", "x": "x", "bill": "z"}
    assert flat.given == (
        ("hotel", Given("days", "1")),
        ("hotel", Given("rate", '"r"')),
        ("hotel", Given("days", "[2]")),
    )
    assert demo().flat.given == ()


def inner() -> Dag:
    """Return a graph whose second and third stages have two parents each."""
    return build("inner", ["a", "b"], ["c", "d"], "e")


def middle() -> Dag:
    return build("middle", "p", Node.subsaga("s", inner(), "p"), "q")


def outer() -> Dag:
    return build("outer", "x", Node.subsaga("t", middle(), "x"))


def outermost() -> Dag:
    return build("outermost", "y", Node.subsaga("u", outer(), "y"))


def edges(text: str) -> list[tuple[int, int]]:
    return [tuple(map(int, edge.split(">"))) for edge in text.split()]


DEMO_EDGES = (
    "0>1 1>2 1>3 1>4 5>6 4>5 6>7 2>8 3>8 7>8 8>9 9>10 10>11 "  # each node's own, SE after SS
    "12>0 11>13"
)


def test_edges_of_the_demo_saga_are_in_the_order_of_the_reference():
    """Edges into a node come with it; those out of a subsaga's start after the ones inside."""
    assert list(demo().flat.edges()) == edges(DEMO_EDGES)


@pytest.mark.parametrize("name", ["ok", "err", "stuck"])
def test_edges_are_in_the_order_of_the_dumps_of_steno(name: str):
    """The same, read off the dumps that a build of Steno has made."""
    if not REFERENCE.is_dir():
        pytest.skip("the reference dumps are not here; a copy of them is tested elsewhere")
    dump = json.loads((REFERENCE / f"{name}.json").read_text())
    expected = [tuple(edge[:2]) for edge in dump["dag"]["graph"]["edges"]]
    assert list(demo().flat.edges()) == expected


@pytest.mark.parametrize(
    ("dag", "expected"),
    [
        # a0 b1 | c2 d3 | e4; start 5, end 6
        (inner(), "0>2 1>2 0>3 1>3 2>4 3>4  5>0 5>1 4>6"),
        # p0 | start1 (a2 b3 | c4 d5 | e6) end7 | q8; start 9, end 10: once turned round
        (middle(), "0>1  3>4 2>4 3>5 2>5 5>6 4>6  1>2 1>3 6>7  7>8  9>0 8>10"),
        # x0 | start1 (p2 | start3 (a4 b5 | c6 d7 | e8) end9 | q10) end11: turned round again;
        # the inner start's edges now come with their nodes
        (
            outer(),
            "0>1  2>3 3>4 3>5 4>6 5>6 4>7 5>7 6>8 7>8 8>9 9>10  1>2 10>11  12>0 11>13",
        ),
        # y0 | start1 (x2 | start3 (p4 | start5 (a6 b7 | c8 d9 | e10) end11 | q12) end13) end14
        (
            outermost(),
            "0>1  2>3 3>4 4>5 5>6 5>7 7>8 6>8 7>9 6>9 9>10 8>10 10>11 11>12 12>13  1>2 13>14  "
            "15>0 14>16",
        ),
    ],
    ids=["no subsaga", "depth 1", "depth 2", "depth 3"],
)
def test_each_level_of_nesting_turns_incoming_edges_round(dag: Dag, expected: str):
    """Worked out by hand from the rule; the nodes are given in the order of insertion."""
    assert list(dag.flat.edges()) == edges(expected)


def test_edges_of_subsagas_side_by_side():
    """Each is copied with its edges where it is appended, also in the first stage of a subsaga."""
    pair = build("pair", ["a", "b"], "c")
    # p0 | start1 (a2 b3 | c4) end5, start6 (a7 b8 | c9) end10 | z11; start 12, end 13
    both = build("x", "p", [Node.subsaga("s", pair, "p"), Node.subsaga("t", pair, "p")], "z")
    assert list(both.flat.edges()) == edges(
        "0>1 3>4 2>4 1>2 1>3 4>5  0>6 8>9 7>9 6>7 6>8 9>10  5>11 10>11  12>0 11>13"
    )


def test_a_boundary_is_one_object_however_wide():
    """Between stages of 1000 nodes there are a million edges and two tuples."""
    wide = [f"a{i}" for i in range(1000)]
    flat = build("wide", wide, [f"b{i}" for i in range(1000)], "z").flat
    assert [(len(b.parents), len(b.children)) for b in flat.graph.boundaries] == [
        (1, 1000),
        (1000, 1000),
        (1000, 1),
        (1, 1),
    ]


# What a flattened graph knows


def test_the_stored_text_has_every_node_with_its_stage():
    """It is linear in the nodes, its keys are sorted, and its hash is the digest."""
    flat = build("s", "p", Node.subsaga("t", build("i", ["a", "b"], "c"), "p")).flat
    assert json.loads(flat.text) == {
        "saga_name": "s",
        "nodes": [
            [0, {"Action": {"action_name": "p", "label": "P", "name": "p"}}],
            [1, {"SubsagaStart": {"params_node_name": "p", "saga_name": "i"}}],
            [0, {"Action": {"action_name": "a", "label": "A", "name": "a"}}],
            [0, {"Action": {"action_name": "b", "label": "B", "name": "b"}}],
            [1, {"Action": {"action_name": "c", "label": "C", "name": "c"}}],
            [1, {"SubsagaEnd": {"name": "t"}}],
        ],
    }
    assert flat.digest == hashlib.sha256(flat.text.encode()).hexdigest()


def test_actions_and_constants_are_known():
    """Every action with the first node that calls it; every constant."""
    flat = build(
        "s",
        Node.action("one", "same", label="L"),
        Node.action("two", "same", label="L"),
        Node.constant("c", 1),
        "z",
    ).flat
    assert flat.action_names == {"same": "one", "z": "z"}
    assert flat.constants == (ConstantNode("c", "1"),)


def test_signals_are_known():
    """Every name that is waited for, with the nodes that do, those of subsagas as well."""
    inner = build("i", Node.signal("s", "go"), "x")
    flat = build(
        "s",
        ["p", Node.signal("s", "go")],
        [Node.subsaga("in", inner, "p"), Node.signal("t", "stop")],
        "z",
    ).flat
    # p 0, s 1, start 2, s 3, x 4, end 5, t 6, z 7
    assert flat.signals == {"go": [1, 3], "stop": [6]}
    assert "steno.signal" not in flat.action_names
    assert build("s", "z").flat.signals == {}


def test_every_node_can_be_named():
    """By its name, or by its label if it is of a kind that has none."""
    flat = demo().flat
    assert [flat.name_of(node) for node in (0, 1, 4, 7, 12, 13)] == [
        "instance_id",
        "server_alloc_params",
        '(subsaga start: "server-alloc")',
        "server_alloc",
        "(start node)",
        "(end node)",
    ]


# Finding nodes


FLAT = build(
    "s",
    "a",
    Node.subsaga("t", build("i", "a", Node.subsaga("u", build("j", "b", "c"), "a")), "a"),
    Node.subsaga("v", build("k", "b", "d"), "a"),
    Node.action("odd/name", "x", label="L"),
).flat
# a0 | start1 (a2 | start3 (b4 c5) end6) end7 | start8 (b9 d10) end11 | odd12; start 13, end 14


@pytest.mark.parametrize(
    ("node", "index"),
    [
        (0, 0),
        (14, 14),
        ("c", 5),
        ("d", 10),
        ("t", 7),
        ("u", 6),
        ("/a", 0),
        ("t/a", 2),
        ("/t/a", 2),
        ("t/u", 6),
        ("t/u/b", 4),
        ("v/b", 9),
        ("/v/d", 10),
        ("odd/name", 12),
    ],
)
def test_a_node_is_found(node: str | int, index: int):
    """By index, by a name that only one (sub)saga has, by a path from the outermost saga."""
    assert FLAT.get_index(node) == index


@pytest.mark.parametrize(
    ("node", "why"),
    [
        (-1, "no such node: -1: the saga has the nodes 0 to 14"),
        (15, "no such node: 15: the saga has the nodes 0 to 14"),
        (True, "no such node: True: a node is given by index, name or path"),
        (1.0, "no such node: 1.0: a node is given by index, name or path"),
        (None, "no such node: None: a node is given by index, name or path"),
        ("nobody", "no such node: 'nobody': saga \"s\" has no node of that name or path"),
        ("", "no such node: '': saga \"s\" has no node of that name or path"),
        ("/", "no such node: '/': saga \"s\" has no node of that name or path"),
        ("t/nobody", "no such node: 't/nobody': saga \"s\" has no node of that name or path"),
        ("nobody/a", "no such node: 'nobody/a': saga \"s\" has no subsaga of that path"),
        ("a/b", "no such node: 'a/b': saga \"s\" has no subsaga of that path"),
        ("u/b", "no such node: 'u/b': saga \"s\" has no subsaga of that path"),
        (
            "a",
            "no such node: 'a': several (sub)sagas have one; give a path or an index: "
            "'/a' (0), '/t/a' (2)",
        ),
        (
            "b",
            "no such node: 'b': several (sub)sagas have one; give a path or an index: "
            "'/t/u/b' (4), '/v/b' (9)",
        ),
    ],
)
def test_a_node_that_is_not_there_is_named(node: str | int, why: str):
    """The error says what would have done: the range of indexes, or the paths to choose from."""
    with pytest.raises(NoSuchNode) as caught:
        FLAT.get_index(node)
    assert str(caught.value) == why
    assert caught.value.node == node


def test_of_very_many_nodes_of_a_name_the_first_ten_are_listed():
    """A saga of thousands of subsagas gives an error that can be read."""
    inner = build("i", "x")
    flat = build("s", "p", *(Node.subsaga(f"s{i}", inner, "p") for i in range(30))).flat
    with pytest.raises(NoSuchNode) as caught:
        flat.get_index("x")
    assert str(caught.value).endswith("'/s9/x' (29), …")
    assert str(caught.value).count("/x") == 10


def test_a_reference_leads_back_to_its_node():
    """It is the name, where only one (sub)saga has one of that name."""
    references = {index: FLAT.reference(index) for index in (0, 2, 4, 5, 6, 7, 9, 10, 11)}
    assert all(FLAT.get_index(text) == index for index, text in references.items())
    assert references[4] == "/t/u/b"
    assert sum("/" not in text for text in references.values()) == 5


def test_a_path_leads_back_to_its_node():
    """The path of every node with a name; the others are shown by their label."""
    for index in (0, 2, 4, 5, 6, 7, 9, 10, 11):
        assert FLAT.get_index(FLAT.path(index)) == index
    assert FLAT.path(4) == "/t/u/b"
    assert FLAT.path(1) == '(subsaga start: "i")'
    assert FLAT.path(13) == "(start node)"


def test_nodes_that_have_nothing_beside_them():
    """In a chain all, and of subsagas only where no other node stands beside the subsaga."""
    alone = {
        saga("a", "b"): "a b",
        saga("a", ["b", "c"], "d"): "a d",
        saga("a", Node.subsaga("s", build("i", "x", ["y", "q"], "w"), "a"), "d"): "a x w s d",
        saga("p", ["a", Node.subsaga("s", build("i", "x"), "p")], "z"): "p z",
    }
    for dag, names in alone.items():
        flat = dag.flat
        found = [n for n in range(flat.graph.start) if flat.alone[n]]
        named = [flat.names[n] for n in found if "(" not in flat.names[n]]
        assert named == names.split()
        assert flat.alone[flat.graph.start]
        assert flat.alone[flat.graph.end]
