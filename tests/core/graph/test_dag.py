"""Building graphs, and joining them with params."""

from datetime import timedelta

import pytest

from steno.core import (
    PLAIN_CODEC,
    ActionNode,
    Dag,
    JsonText,
    Node,
    PlainDagBuilder,
    SagaDag,
    Value,
    encode_json,
)
from steno.errors import (
    DagBuilderError,
    DeserializeError,
    NoSuchNode,
    SagaValidationError,
    SerializeError,
)
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

INPUT = 'node "{}" takes its input "x" from node "{}", but it does not depend on any such node'

INNER = build("inner", "a")


def sub(name: str, params: str, dag=INNER) -> Node:
    return Node.subsaga(name, dag, params)


def sleep(name: str, until: str | None = None) -> Node:
    return Node.sleep(name, timedelta(1) if until is None else None, until=until)


def taking(name: str, *nodes: str) -> Node:
    """Return an action that takes inputs from nodes: `x` from the last one."""
    names = ["x", "y"][: len(nodes)]
    return Node.action(name, name, inputs=dict(zip(names, reversed(nodes), strict=True)))


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
    "an input of nobody": (["a", taking("b", "t")], INPUT.format("b", "t")),
    "an input in the first stage": ([taking("b", "a"), "a"], INPUT.format("b", "a")),
    "an input of the same stage": (["p", ["a", taking("b", "a")], "z"], INPUT.format("b", "a")),
    "an input of a later stage": (["p", taking("b", "a"), "a"], INPUT.format("b", "a")),
    "an input of itself": (["p", taking("b", "b")], INPUT.format("b", "b")),
    "an input of nobody beside one that is there": (
        ["p", taking("b", "t", "p"), "z"],
        INPUT.format("b", "t").replace('"x"', '"y"'),
    ),
    "an input inside another subsaga": (
        ["p", sub("s", "p"), taking("b", "a")],
        INPUT.format("b", "a"),
    ),
    "an input by path": (["p", sub("s", "p"), taking("b", "s/a")], INPUT.format("b", "s/a")),
    "input before name": (["a", taking("a", "nobody")], INPUT.format("a", "nobody")),
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
    assert one.build().stages == other.build().stages == ((ActionNode("a", "A", "a"),),)


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


# Inputs


def test_inputs_come_from_any_earlier_stage():
    """The one before, one long before, the end of a subsaga, or a constant."""
    dag = build("x", Node.constant("c", 1), "a", sub("s", "c"), [taking("b", "s", "c"), "d"], "z")
    (node,) = [each for each in dag.flat.nodes if getattr(each, "inputs", ())]
    assert node.feeding == {"x": "c", "y": "s"}


def test_inputs_are_names_of_the_own_saga():
    """An inner node named like an outer one is another node, and outer ones are not seen inside."""
    inner = build("inner", "hotel", taking("bill", "hotel"))
    assert len(build("outer", "hotel", sub("s", "hotel", inner), taking("z", "hotel")).flat.nodes)
    with pytest.raises(DagBuilderError, match='takes its input "x" from node "hotel"'):
        build("inner", "flight", taking("bill", "hotel"))


def test_two_sagas_with_other_inputs_are_not_the_same():
    """They are a part of the graph, and of its digest."""
    first, second, third = (
        saga("a", "b", Node.action("z", "z", inputs=inputs))
        for inputs in ({"x": "a"}, {"x": "b"}, {"x": Value("a")})
    )
    assert first.same_as(saga("a", "b", Node.action("z", "z", inputs={"x": "a"})))
    assert len({each.flat.digest for each in (first, second, third)}) == 3
    for one, other in ((first, second), (first, third), (second, third)):
        assert not one.same_as(other)


def test_a_value_that_is_not_json():
    """It is raised at the line that passes it, as with a constant."""
    builder = PlainDagBuilder("x")
    with pytest.raises(SerializeError, match="type set"):
        builder.append(Node.action("a", "act", inputs={"x": Value({1})}))


def test_a_graph_knows_how_its_nodes_were_declared():
    """Those of its own that hold more than is stored."""
    call, constant = Node.action("a", "act"), Node.constant("c", 1)
    builder = PlainDagBuilder("x")
    builder.append_parallel([call, constant, sleep("s")])
    builder.append(sub("t", "c"))
    first = builder.build()
    assert first.declared == {"a": call, "c": constant}
    builder.append(action("b"))
    assert set(builder.build().declared) == {"a", "c", "b"}
    assert set(first.declared) == {"a", "c"}


# Types of params


def typed(params: object) -> Dag:
    builder = PlainDagBuilder("x", params=params)
    builder.append(action("a"))
    return builder.build()


@pytest.mark.parametrize(
    ("params", "good", "bad", "why"),
    [
        (int, 5, "5", r"\$: '5' is not of type int"),
        (dict, {"a": 1}, [1], r"\$: \[1\] is not of type dict"),
        (int | None, None, 1.5, r"\$: 1.5 is not of type int \| None"),
    ],
)
def test_params_are_of_the_type_that_the_builder_was_told(
    params: object, good: object, bad: object, why: str
):
    """They are checked when the saga is made."""
    dag = typed(params)
    assert dag.params_type == params
    with pytest.raises(SagaValidationError, match=f'^validating saga "x": its params: {why}'):
        SagaDag(dag, bad)
    assert SagaDag(dag, good).params == encode_json(good)


def test_params_that_the_codec_cannot_read():
    """Plain JSON knows classes, and unions of them."""
    with pytest.raises(SagaValidationError, match=r"\$: \[1\] is not of type list"):
        SagaDag(typed(list[int]), [1])


def test_params_are_anything_unless_the_builder_was_told():
    """The type is None then, as it is for a saga that was read."""
    assert typed(None).params_type is None
    assert SagaDag(typed(None), {"a": [1]}).params_type is None
    read = SagaDag.of_flat(typed(int).flat, JsonText('"5"'))
    assert read.params_type is None
    read.check_params(PLAIN_CODEC)


def test_params_are_encoded_as_the_type_that_the_builder_was_told():
    """Unless another is given with them."""

    class Asked:
        def encode(self, value, limit=None, /, *, as_type=None):
            asked.append(as_type)
            return JsonText("5")

        def decode(self, text, as_type):
            return 5

    asked: list[object] = []
    SagaDag(typed(int), 5, codec=Asked())
    SagaDag(typed(int), 5, codec=Asked(), as_type=float)
    SagaDag(typed(None), 5, codec=Asked())
    assert asked == [int, float, None]


def test_params_are_checked_again_by_another_codec():
    """That of the registry may see something else in them."""

    class Refusing:
        def decode(self, text, as_type):
            raise DeserializeError("$: not today")

    dag = SagaDag(typed(int), 5)
    dag.check_params(PLAIN_CODEC)
    with pytest.raises(SagaValidationError, match=r"its params: \$: not today$"):
        dag.check_params(Refusing())
    SagaDag(typed(None), 5).check_params(Refusing())


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
