"""What a node sees of the rest of its saga."""

import pytest

from steno.core import JsonText, Node, SagaNodeId, lookup, saga_params
from steno.errors import NodeLookupError
from support.demo import build, saga

INNER = build("inner", "a", ["b", "x"], "c")
DAG = saga(
    Node.constant("p", 1),
    "a",
    [Node.subsaga("s", INNER, "p"), "b"],
    Node.subsaga("t", INNER, "a"),
    "z",
    params={"of": "saga"},
)
# p0 | a1 | start2 (a3 | b4 x5 | c6) end7, b8 | start9 (a10 | b11 x12 | c13) end14 | z15; 16, 17
OUTPUTS = {SagaNodeId(i): JsonText(f'"out {i}"') for i in range(18)}


def seen(node: int, *, undoing: bool = False) -> dict[str, int]:
    """Return which nodes a node can look up, by name."""
    found = {}
    for name in ("p", "a", "b", "c", "s", "t", "x", "z"):
        try:
            text = lookup(DAG, OUTPUTS, SagaNodeId(node), name, undoing=undoing)
        except NodeLookupError:
            continue
        found[name] = int(text.strip('"').removeprefix("out "))
    return found


@pytest.mark.parametrize(
    ("node", "expected"),
    [
        (0, {}),
        (1, {"p": 0}),
        (8, {"p": 0, "a": 1}),
        (15, {"p": 0, "a": 1, "s": 7, "b": 8, "t": 14}),
        (3, {}),
        (4, {"a": 3}),
        (6, {"a": 3, "b": 4, "x": 5}),
        (13, {"a": 10, "b": 11, "x": 12}),
        (7, {"p": 0, "a": 1}),
        (16, {}),
        (17, {"p": 0, "a": 1, "s": 7, "b": 8, "t": 14, "z": 15}),
    ],
)
def test_a_node_sees_its_ancestors_in_its_own_saga(node: int, expected: dict[str, int]):
    """Neither itself nor what stands beside it; a subsaga is seen as its own node only."""
    assert seen(node) == expected


def test_an_undo_in_doubt_has_no_output():
    """Its action may have taken effect, but gave nothing; what stands before it is seen."""
    outputs = {node: text for node, text in OUTPUTS.items() if node != 8}
    with pytest.raises(NodeLookupError, match="this node failed in doubt, so it has no output"):
        lookup(DAG, outputs, SagaNodeId(8), "b", undoing=True)
    assert lookup(DAG, outputs, SagaNodeId(8), "a", undoing=True) == '"out 1"'


@pytest.mark.parametrize(("node", "own"), [(0, "p"), (4, "b"), (13, "c"), (15, "z")])
def test_an_undo_action_also_sees_its_own_node(node: int, own: str):
    """And nothing else that the action did not see."""
    assert seen(node, undoing=True) == {**seen(node), own: node}


@pytest.mark.parametrize(
    ("node", "name", "text"),
    [
        (
            8,
            "nobody",
            'node /b looked up "nobody": there is no node of that name in its saga or subsaga '
            '(it sees "p", "a")',
        ),
        (
            4,
            "x",
            'node /s/b looked up "x": it is a node of stage 1, not an ancestor of this one of '
            'stage 1 (it sees "a")',
        ),
        (
            3,
            "c",
            'node /s/a looked up "c": it is a node of stage 2, not an ancestor of this one of '
            "stage 0 (it sees none)",
        ),
        (
            10,
            "p",
            'node /t/a looked up "p": there is no node of that name in its saga or subsaga '
            "(it sees none)",
        ),
    ],
)
def test_a_name_that_is_no_ancestor_is_an_error(node: int, name: str, text: str):
    """It says who asked, why it is not to be had, and what is."""
    with pytest.raises(NodeLookupError) as caught:
        lookup(DAG, OUTPUTS, SagaNodeId(node), name, undoing=False)
    assert str(caught.value) == text
    assert caught.value.name == name


def test_the_error_of_a_lookup_lists_the_nearest_nodes_only():
    """Of very many ancestors the last ten are named."""
    dag = saga(*(f"n{i}" for i in range(20)), "z")
    with pytest.raises(NodeLookupError) as caught:
        lookup(dag, {}, SagaNodeId(20), "nobody", undoing=False)
    assert str(caught.value).count('"n1') == 10
    assert '"n9"' not in str(caught.value)


@pytest.mark.parametrize("node", [0, 1, 2, 7, 8, 9, 14, 15, 16, 17])
def test_nodes_of_the_saga_have_its_params(node: int):
    """Also the start and the end of a subsaga, and nodes behind it."""
    assert saga_params(DAG, OUTPUTS, SagaNodeId(node)) == '{"of":"saga"}'


@pytest.mark.parametrize(
    ("node", "source"), [(3, 0), (4, 0), (5, 0), (6, 0), (10, 1), (11, 1), (12, 1), (13, 1)]
)
def test_nodes_of_a_subsaga_have_the_output_of_its_params_node(node: int, source: int):
    """Of each of two subsagas that follow one another: its own."""
    assert saga_params(DAG, OUTPUTS, SagaNodeId(node)) == OUTPUTS[SagaNodeId(source)]


def test_nested_subsagas_have_params_of_their_own():
    """The params node of an inner subsaga is looked for in the subsaga around it."""
    innermost = build("innermost", "a")
    middle = build("middle", "a", Node.subsaga("s", innermost, "a"))
    dag = saga("a", Node.subsaga("s", middle, "a"), params=0)
    # a0 | start1 (a2 | start3 (a4) end5) end6
    nodes = map(SagaNodeId, (0, 2, 4, 5))
    assert [saga_params(dag, OUTPUTS, node) for node in nodes] == [
        "0",
        '"out 0"',
        '"out 2"',
        '"out 0"',
    ]
