"""Texts for people stay in their lines, whatever a saga is called."""

import pytest

from steno.core import Node, Phase, PlainDagBuilder, SagaDag, SagaState, Snapshot, escaped
from steno.testing.notation import SAGA_ID

HOSTILE = "a\x1b[31m\x9b2J\u202eb\u2028c\u2029d\re\nf\x7fg"


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("", ""),
        ("plain text", "plain text"),
        ("Zürich 東京 🦀", "Zürich 東京 🦀"),
        (r"C:\new", r"C:\new"),
        ("a\nb\tc\r", r"a\nb\tc\r"),
        ("\x1b[31m", r"\x1b[31m"),
        ("\x7f\x9b", r"\x7f\x9b"),
        ("\u202e\u2028\u2066", r"\u202e\u2028\u2066"),
        ("\udc80", r"\udc80"),
        ("\U000e0001", r"\U000e0001"),
    ],
)
def test_what_is_not_printable_is_spelled_out(text: str, shown: str):
    """What is printable stays as it is, a backslash too."""
    assert escaped(text) == shown
    assert escaped(text).isprintable()


def hostile() -> SagaDag:
    """Return a saga all of whose names, labels and values are hostile."""
    inner = PlainDagBuilder(f"inner {HOSTILE}")
    inner.append(Node.action(f"x {HOSTILE}", f"action {HOSTILE}", label=f"label {HOSTILE}"))
    builder = PlainDagBuilder(f"saga {HOSTILE}")
    builder.append(Node.constant(f"p {HOSTILE}", {HOSTILE: HOSTILE}))
    builder.append(Node.subsaga(f"s {HOSTILE}", inner.build(), f"p {HOSTILE}"))
    builder.append(Node.action(f"z {HOSTILE}", f"action {HOSTILE}", label=f"label {HOSTILE}"))
    return SagaDag(builder.build(), {HOSTILE: [HOSTILE]})


def test_a_status_tree_has_a_line_per_node():
    """No label forges another."""
    dag = hostile()
    view = Snapshot(SAGA_ID, dag, (), 0, Phase.READY).view()
    lines = str(view.state.status).split("\n")
    assert len(lines) == 1 + len(dag.flat.nodes)
    assert all(line.isprintable() for line in lines)


def test_a_log_has_a_line_per_event():
    """It names no node."""
    dag = hostile()
    log = SagaState.new(dag.flat, SAGA_ID).log
    assert all(line.isprintable() for line in log.pretty().splitlines())


def test_a_graph_has_a_line_per_node_and_edge():
    """In Rust's manner, as Steno prints it."""
    dag = hostile()
    lines = dag.dot().split("\n")
    assert len(lines) == len(dag.flat.nodes) + len(list(dag.flat.edges())) + 3
    assert all(line.isprintable() for line in lines)
    assert r"\\u{1b}[31m\\u{9b}2J\\u{202e}b\\u{2028}c\\u{2029}d\\re\\nf\\u{7f}g" in dag.dot()
