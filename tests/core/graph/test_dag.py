"""Building graphs, and joining them with params."""

from datetime import timedelta

import pytest

from steno.core import Node, PlainDagBuilder, SagaDag
from steno.errors import DagBuilderError, NoSuchNode, SerializeError
from support.demo import action, build, demo, demo_dag, saga

END = "saga must end with exactly one node"
EMPTY = "attempted to append 0 nodes in parallel"
TWICE = 'name was used multiple times in the same Dag: "{}"'
PARAMS = (
    'subsaga node "{}" has parameters that come from node "{}", '
    "but it does not depend on any such node"
)

UNTIL = (
    'node "{}" sleeps until a time that comes from node "{}", '
    "but it does not depend on any such node"
)

INNER = build("inner", "a")


def sub(name: str, params: str, dag=INNER) -> Node:
    return Node.subsaga(name, dag, params)


def sleep(name: str, until: str | None = None) -> Node:
    return Node.sleep(name, timedelta(1) if until is None else None, until=until)


MISTAKES = {
    "no node": ([], END),
    "two last nodes": ([["a", "b"]], END),
    "two last nodes after one": (["a", ["b", "c"]], END),
    "an empty stage": ([[]], EMPTY),
    "an empty stage after one": (["a", []], EMPTY),
    "a name twice in a stage": ([["a", "a"], "b"], TWICE.format("a")),
    "a name twice in different stages": (["a", "b", "a"], TWICE.format("a")),
    "a constant with the name of an action": (["a", Node.constant("a", 1)], TWICE.format("a")),
    "a subsaga with the name of an action": (["a", sub("a", "a")], TWICE.format("a")),
    "params of nobody": (["a", sub("s", "nobody")], PARAMS.format("s", "nobody")),
    "params in the first stage": ([sub("s", "p")], PARAMS.format("s", "p")),
    "params of itself": (["a", sub("s", "s")], PARAMS.format("s", "s")),
    "params in the same stage": (["a", ["p", sub("s", "p")], "z"], PARAMS.format("s", "p")),
    "params in a later stage": (["a", sub("s", "p"), "p"], PARAMS.format("s", "p")),
    "params inside another subsaga": (
        ["p", sub("s", "p"), sub("t", "a")],
        PARAMS.format("t", "a"),
    ),
    "params before name": (["a", sub("a", "nobody")], PARAMS.format("a", "nobody")),
    "a sleep with the name of an action": (["a", sleep("a")], TWICE.format("a")),
    "a sleep until a time of nobody": (["a", sleep("s", "t")], UNTIL.format("s", "t")),
    "a sleep until a time of the same stage": (
        ["a", ["t", sleep("s", "t")], "z"],
        UNTIL.format("s", "t"),
    ),
    "a sleep until a time of itself": (["a", sleep("s", "s")], UNTIL.format("s", "s")),
    "the first mistake wins, within a stage": (
        [["a", "a", sub("s", "nobody")], "z"],
        TWICE.format("a"),
    ),
    "the first mistake wins, over stages": ([[], ["a", "a"]], EMPTY),
    "the first mistake wins, before the end": (["a", "a", ["b", "c"]], TWICE.format("a")),
}


@pytest.mark.parametrize(("stages", "why"), MISTAKES.values(), ids=MISTAKES.keys())
def test_build_reports_the_first_mistake(stages: list, why: str):
    """Appending never raises; `build` does, in the words of the specification."""
    builder = PlainDagBuilder("my saga")
    for stage in stages:
        nodes = stage if isinstance(stage, list) else [stage]
        builder.append_parallel([action(n) if isinstance(n, str) else n for n in nodes])
    for _ in range(2):
        with pytest.raises(DagBuilderError) as caught:
            builder.build()
        assert str(caught.value) == f'building saga "my saga": {why}'
        assert (caught.value.saga_name, caught.value.why) == ("my saga", why)


def test_append_is_append_parallel_of_one():
    """Both ways build the same graph."""
    one, other = PlainDagBuilder("x"), PlainDagBuilder("x")
    one.append(action("a"))
    other.append_parallel(iter([action("a")]))
    assert one.build().stages == other.build().stages == ((action("a"),),)


def test_a_graph_is_not_changed_by_what_is_appended_later():
    """A builder that goes on builds another graph."""
    builder = PlainDagBuilder("x")
    builder.append(action("a"))
    first = builder.build()
    builder.append(action("b"))
    assert len(first.stages) == 1
    assert len(builder.build().stages) == 2


def test_the_name_of_a_saga_is_a_text():
    """A name that is not text, or cannot be stored, is refused at once."""
    with pytest.raises(TypeError, match="'saga_name' must be <class 'str'>"):
        PlainDagBuilder(5)
    with pytest.raises(UnicodeEncodeError):
        PlainDagBuilder("\ud800")


def test_params_of_a_subsaga_come_from_any_earlier_stage():
    """Also from the output of another subsaga, or from a constant long before."""
    dag = build("x", Node.constant("c", 1), "a", sub("s", "c"), [sub("t", "s"), sub("u", "a")], "z")
    scopes = dag.flat.scopes
    assert [scope.params_node for scope in scopes] == [None, 0, 4, 1]


def test_a_subsaga_may_use_the_names_of_the_outer_saga_again():
    """Each (sub)saga has names of its own."""
    inner = build("inner", "a", "b", sub("s", "a", build("innermost", "a", "s")), "c")
    dag = build("outer", "a", "b", sub("s", "a", inner), "c")
    assert [node.name for node in dag.flat.nodes if hasattr(node, "name")] == [
        *("a", "b"),
        *("a", "b", "a", "s", "s", "c"),
        *("s", "c"),
    ]


def test_sleeps_are_part_of_a_graph():
    """They stand wherever actions do, and two sagas that sleep otherwise are not the same."""
    inner = build("inner", "t", [sleep("s", "t"), "b"], sleep("u"))
    dag = build("outer", sleep("s"), Node.subsaga("t", inner, "s"))
    kinds = [type(node).__name__.removesuffix("Node") for node in dag.flat.nodes]
    assert kinds == [
        *("Sleep", "SubsagaStart", "Action", "Sleep", "Action", "Sleep", "SubsagaEnd"),
        *("Start", "End"),
    ]
    assert dag.flat.get_index("t/u") == 5
    assert saga(sleep("s"), "z").same_as(saga(sleep("s"), "z"))
    for other in (Node.sleep("s", timedelta(2)), "s", Node.constant("s", None)):
        assert not saga(sleep("s"), "z").same_as(saga(other, "z"))


def test_a_graph_is_flattened_once():
    """However many sagas are made of it; a dag may also be a part of several others."""
    dag = demo_dag()
    assert SagaDag(dag, 1).flat is SagaDag(dag, 2).flat
    twice = build("twice", "p", sub("one", "p"), sub("two", "p"))
    assert len(twice.flat.nodes) == 1 + 3 + 3 + 2


@pytest.mark.parametrize("node", [Node("bare"), "name", None])
def test_only_nodes_that_were_made_as_such_are_appended(node):
    """Anything but a node is refused at once, and so is the base class."""
    with pytest.raises(TypeError, match="expected a Node"):
        PlainDagBuilder("x").append(node)


def test_a_saga_is_made_of_a_built_graph_only():
    """A builder that was not built, and anything else, is refused with what to give instead."""
    with pytest.raises(TypeError, match=r"expected a Dag, as from DagBuilder.build\(\), got"):
        SagaDag(PlainDagBuilder("x"))


# SagaDag


def test_a_saga_is_a_graph_and_params():
    """Its nodes are those of the graph, in order, then the start with the params, then the end."""
    dag = demo()
    assert dag.saga_name == "DemoVmProvision"
    labels = [node.label for node in dag.get_nodes()]
    assert labels == [
        "InstanceCreate",
        '(constant = {"number_of_things":1})',
        "VpcAllocIp",
        "VolumeCreate",
        '(subsaga start: "server-alloc")',
        "ServerPick",
        "ServerReserve",
        "(subsaga end)",
        "InstanceConfigure",
        "VolumeAttach",
        "InstanceBoot",
        "Print",
        "(start node)",
        "(end node)",
    ]
    assert dag.get_nodes()[12].params == dag.params


def test_params_are_null_if_there_are_none():
    """Anything but JSON is refused when the saga is created."""
    assert SagaDag(INNER).params == "null"
    with pytest.raises(SerializeError, match="type set"):
        SagaDag(INNER, {1})


def test_two_sagas_are_the_same_by_content():
    """The graph's digest and the params decide, not how the saga came to be."""
    again = SagaDag.of_flat(demo_dag().flat, demo().params)
    assert demo().same_as(again)
    assert not demo().same_as(demo({"other": "params"}))
    assert not demo().same_as(SagaDag(INNER, None))
    assert not saga("a", "b").same_as(saga(["a", "b"], "c"))


def test_a_node_is_found_by_index_name_and_path():
    """`get_index` of a saga is that of its graph."""
    dag = demo()
    assert [dag.get_index(node) for node in (3, "volume_id", "server_alloc/server_id")] == [3, 3, 5]
    with pytest.raises(NoSuchNode):
        dag.get_index("nobody")


def test_what_was_missing_at_build_can_still_be_appended():
    """A graph that does not end with one node yet may be gone on with."""
    builder = PlainDagBuilder("x")
    builder.append_parallel(
        [Node.action("a", "act", label="A"), Node.action("b", "act", label="B")]
    )
    with pytest.raises(DagBuilderError, match=END):
        builder.build()
    builder.append(Node.action("c", "act", label="C"))
    assert [len(stage) for stage in builder.build().stages] == [2, 1]
