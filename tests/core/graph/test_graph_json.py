"""Reading stored graphs; those of dumps are read in `test_dump.py`."""

import json

import attrs
import pytest

from steno.core import FlatDag, Node, Value, read_flat
from steno.errors import DumpError
from support.demo import build, demo

FLAT = build("s", ["p", "q"], Node.subsaga("t", build("i", ["a", "b"], "c"), "p"), "z").flat
# p0 q1 | start2 (a3 b4 | c5) end6 | z7


def stored(change=lambda data: None, flat: FlatDag = FLAT) -> str:
    data = json.loads(flat.text)
    change(data)
    return json.dumps(data)


def taking(node: int, parameter: str, source: str) -> str:
    """Return a stored graph in which a node takes an input from somewhere else."""
    change = {parameter: {"node": source}}
    return stored(lambda d: d["nodes"][node][1]["Action"]["inputs"].update(change), TAKING)


TAKING = build(
    "taking",
    "hotel",
    Node.subsaga(
        "s",
        build("i", "hotel", Node.action("b", "b", inputs={"x": "hotel", "v": Value(1)})),
        "hotel",
    ),
    Node.action("bill", "bill", inputs={"x": "hotel", "y": "s"}),
).flat
# hotel0 | start1 (hotel2 | b3) end4 | bill5


@pytest.mark.parametrize("flat", [FLAT, TAKING, demo().flat, build("one", "a").flat])
def test_a_stored_graph_is_read_as_it_was(flat):
    """Its boundaries, scopes and stages are those of the graph that was built."""
    again = read_flat(flat.text)
    for name in ("saga_name", "nodes", "scope_of", "stage_of", "inside", "text", "digest"):
        assert getattr(again, name) == getattr(flat, name)
    assert [attrs.asdict(scope) for scope in again.scopes] == [
        attrs.asdict(scope) for scope in flat.scopes
    ]
    assert again.graph.boundaries == flat.graph.boundaries
    assert (again.graph.above, again.graph.below) == (flat.graph.above, flat.graph.below)
    assert list(again.edges()) == list(flat.edges())


BAD = {
    "no JSON": ("{", "$", "is not JSON"),
    "no object": ("[]", "$", "is not a stored graph"),
    "no name": (stored(lambda d: d.pop("saga_name")), "$", "is not a stored graph"),
    "no nodes": (stored(lambda d: d.pop("nodes")), "$", "is not a stored graph"),
    "a node without its stage": (
        stored(lambda d: d["nodes"][1].pop(0)),
        "$.nodes[1]",
        "is not a pair of a stage and a node",
    ),
    "a stage that is not a number": (
        stored(lambda d: d["nodes"][1].__setitem__(0, True)),
        "$.nodes[1]",
        "is not a pair of a stage and a node",
    ),
    "no node": (
        stored(lambda d: d["nodes"].__setitem__(3, [0, 5])),
        "$.nodes[3]",
        "is not a node: 5",
    ),
    "a start inside": (
        stored(lambda d: d["nodes"].__setitem__(3, [0, {"Start": {"params": 1}}])),
        "$.nodes[3]",
        "is a second (start node)",
    ),
    "an end inside": (
        stored(lambda d: d["nodes"].__setitem__(3, [0, "End"])),
        "$.nodes[3]",
        "is a second (end node)",
    ),
    "a stage that is left out": (
        stored(lambda d: d["nodes"][7].__setitem__(0, 3)),
        "$.nodes",
        "node 7 is of stage 3, but stands in stage 1",
    ),
    "a subsaga that never ends": (
        stored(lambda d: d["nodes"].pop(6)),
        "$.nodes",
        "a subsaga starts and never ends",
    ),
    **{
        f"an input from {what}": (
            taking(node, parameter, source),
            "$.nodes",
            f'node "{name}" takes its input "{parameter}" from node "{source}", '
            "but it does not depend on any such node",
        )
        for what, node, name, parameter, source in (
            ("a node that is not there", 5, "bill", "x", "nobody"),
            ("itself", 5, "bill", "y", "bill"),
            ("a node inside a subsaga", 5, "bill", "y", "b"),
            ("a node outside of its subsaga", 3, "b", "x", "s"),
        )
    },
    "a malformed input": (
        stored(lambda d: d["nodes"][5][1]["Action"]["inputs"].update(x=5), TAKING),
        "$.nodes[5].Action.inputs.x",
        "is neither a node nor a value",
    ),
    "no node at all": (
        stored(lambda d: d["nodes"].clear()),
        "$.nodes",
        "saga must end with exactly one node",
    ),
}


@pytest.mark.parametrize(("text", "path", "why"), BAD.values(), ids=BAD.keys())
def test_what_is_no_stored_graph_is_refused_with_its_place(text: str, path: str, why: str):
    """A store that was tampered with gives an error that names the node."""
    with pytest.raises(DumpError) as caught:
        read_flat(text)
    assert caught.value.path == path
    assert caught.value.why.startswith(why)
