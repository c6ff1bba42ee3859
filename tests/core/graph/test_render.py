"""Texts for people: the status tree and the graph."""

from datetime import timedelta
from pathlib import Path

import pytest

from steno.core import JsonText, Node, SagaDag
from steno.core.graph._render import status_tree
from steno.testing.notation import SAGA_ID
from support.demo import build, demo, saga

DATA = Path(__file__).parent.parent / "data"


def tree(dag: SagaDag, *states: str) -> str:
    """Return the tree without its first line; a single state is that of all nodes."""
    size = len(dag.flat.nodes)
    text = status_tree(SAGA_ID, dag.flat, states if len(states) == size else list(states) * size)
    first, _, rest = text.partition("\n")
    assert first == f"+ saga execution: {SAGA_ID}"
    return rest


FAILED_DEMO = """\
+-- undone: (start node)
+-- undone: InstanceCreate (produces "instance_id")
+-- undone: (constant = {"number_of_things":1}) (produces "server_alloc_params")
+-- (parallel actions):
        +-- undone: VpcAllocIp (produces "instance_ip")
        +-- undone: VolumeCreate (produces "volume_id")
        +-- undone: (subsaga start: "server-alloc")
                +-- undone: ServerPick (produces "server_id")
                +-- undone: ServerReserve (produces "server_reserve")
        +-- undone: (subsaga end) (produces "server_alloc")
+-- undone: InstanceConfigure (produces "instance_configure")
+-- undone: VolumeAttach (produces "volume_attach")
+-- failed: InstanceBoot (produces "instance_boot")
+-- abandoned: Print (produces "print")
+-- abandoned: (end node)"""


def test_the_tree_of_the_demo_saga():
    """The example of the specification, line by line."""
    states = ["undone"] * 10 + ["failed", "abandoned", "undone", "abandoned"]
    assert tree(demo(), *states) == FAILED_DEMO


def test_a_chain_stands_at_one_level():
    """Nodes that follow one another are not indented."""
    assert tree(saga("a", "b"), "x") == (
        '+-- x: (start node)\n+-- x: A (produces "a")\n+-- x: B (produces "b")\n+-- x: (end node)'
    )


def test_the_first_stage_may_be_parallel():
    """Then it is the start that has several children."""
    assert tree(saga(["a", "b"], ["c", "d"], "e"), "x") == (
        "+-- x: (start node)\n"
        "+-- (parallel actions):\n"
        '        +-- x: A (produces "a")\n'
        '        +-- x: B (produces "b")\n'
        "+-- (parallel actions):\n"
        '        +-- x: C (produces "c")\n'
        '        +-- x: D (produces "d")\n'
        '+-- x: E (produces "e")\n'
        "+-- x: (end node)"
    )


def test_subsagas_are_indented_by_one_level_each():
    """Nested, with parallel stages in them, and in a parallel branch themselves."""
    innermost = build("innermost", ["a", "b"], "c")
    inner = build("inner", "p", Node.subsaga("s", innermost, "p"), "q")
    dag = saga(
        "p",
        Node.subsaga("t", inner, "p"),
        [Node.subsaga("u", inner, "p"), "v"],
        "z",
    )
    one = (
        '+-- x: (subsaga start: "inner")\n'
        '        +-- x: P (produces "p")\n'
        '        +-- x: (subsaga start: "innermost")\n'
        "                +-- (parallel actions):\n"
        '                        +-- x: A (produces "a")\n'
        '                        +-- x: B (produces "b")\n'
        '                +-- x: C (produces "c")\n'
        '        +-- x: (subsaga end) (produces "s")\n'
        '        +-- x: Q (produces "q")\n'
        '+-- x: (subsaga end) (produces "{}")\n'
    )
    deeper = "".join(f"        {line}\n" for line in one.format("u").splitlines())
    assert tree(dag, "x") == (
        "+-- x: (start node)\n"
        '+-- x: P (produces "p")\n'
        + one.format("t")
        + "+-- (parallel actions):\n"
        + deeper
        + '        +-- x: V (produces "v")\n'
        '+-- x: Z (produces "z")\n'
        "+-- x: (end node)"
    )


def test_a_sleep_in_a_tree_and_in_a_graph():
    """It is shown as an action of its reserved name."""
    dag = saga(Node.sleep("s", timedelta(hours=1)), "z")
    assert tree(dag, "waiting", "x", "x", "x").splitlines()[1] == (
        '+-- waiting: (sleep 1:00:00) (produces "s")'
    )
    text = r"name: \"s\", label: \"(sleep 1:00:00)\", action_name: \"steno.sleep\""
    assert f'    0 [ label = "Action {{ {text} }}" ]' in dag.dot().splitlines()


def test_a_signal_in_a_tree_and_in_a_graph():
    """Likewise."""
    dag = saga(Node.signal("s", "go"), "z")
    assert tree(dag, "waiting", "x", "x", "x").splitlines()[1] == (
        '+-- waiting: (signal "go") (produces "s")'
    )
    text = r"name: \"s\", label: \"(signal \\\"go\\\")\", action_name: \"steno.signal\""
    assert f'    0 [ label = "Action {{ {text} }}" ]' in dag.dot().splitlines()


# The graph


def test_the_graph_of_the_demo_saga():
    """A line for each node, then one for each edge, in the order of the edges."""
    assert demo().dot() == (DATA / "demo.dot").read_text(encoding="utf-8")


@pytest.mark.parametrize(
    ("params", "text"),
    [
        ("null", "Null"),
        ("true", "Bool(true)"),
        ("false", "Bool(false)"),
        ("-1", "Number(-1)"),
        ("1.5", "Number(1.5)"),
        ('"x"', r"String(\"x\")"),
        ("[]", "Array []"),
        ("[1,[null]]", "Array [Number(1), Array [Null]]"),
        ("{}", "Object {}"),
        ('{"a":1,"b":{}}', r"Object {\"a\": Number(1), \"b\": Object {}}"),
        (r'"say \"hi\""', r"String(\"say \\\"hi\\\"\")"),
        (r'"a\\b"', r"String(\"a\\\\b\")"),
        (r'"\t\n\r\u0000\u0007\u007f"', r"String(\"\\t\\n\\r\\0\\u{7}\\u{7f}\")"),
        ('"é😀\'"', 'String(\\"é😀\'\\")'),
    ],
)
def test_values_are_shown_as_rust_does(params: str, text: str):
    """Each kind of JSON by its name; texts quoted, and quoted again for Graphviz."""
    dag = SagaDag.of_flat(saga("a").flat, JsonText(params))
    assert f'    1 [ label = "Start {{ params: {text} }}" ]\n' in dag.dot()
