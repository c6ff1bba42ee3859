"""Readable output: the status tree and the graph, as Steno prints them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import TYPE_CHECKING, assert_never

from steno.core._escape import escaped
from steno.core._value import JsonValue, decode_json
from steno.core.graph._flat_node import (
    EndNode,
    FlatNode,
    StartNode,
    SubsagaEndNode,
    SubsagaStartNode,
    node_name,
)
from steno.core.graph._node import ActionNode, ConstantNode, SignalNode, SleepNode

if TYPE_CHECKING:
    from steno.core.graph._flat import FlatDag
    from steno.core.graph._ids import SagaId

INDENT = " " * 8


def status_tree(saga_id: SagaId, flat: FlatDag, states: Sequence[str]) -> str:
    """
    Return a saga's status, a line per node, without a newline at the end.

    Args:
        saga_id: The saga.
        flat: Its graph.
        states: A word per node, by index.
    """
    graph = flat.graph
    lines = [f"+ saga execution: {saga_id}", _line(0, flat.nodes[graph.start], states[graph.start])]
    bases = [0]  # the level of each open (sub)saga
    levels = [0]  # of its start node
    for index in range(graph.start):
        node = flat.nodes[index]
        if isinstance(node, SubsagaEndNode):
            bases.pop()
            level = levels.pop()
        else:
            # All nodes of a stage are the children of one boundary. The heading comes once, before
            # the first of them.
            siblings = graph.boundaries[graph.above[index]].children
            if len(siblings) > 1 and siblings[0] == index:
                lines.append(f"{INDENT * bases[-1]}+-- (parallel actions):")
            level = bases[-1] + (len(siblings) > 1)
        lines.append(_line(level, node, states[index]))
        if isinstance(node, SubsagaStartNode):
            levels.append(level)
            bases.append(level + 1)
    lines.append(_line(0, flat.nodes[graph.end], states[graph.end]))
    return "\n".join(lines)


def _line(level: int, node: FlatNode, state: str) -> str:
    name = node_name(node)
    produces = "" if name is None else f' (produces "{name}")'
    return f"{INDENT * level}+-- {state}: {escaped(f'{node.label}{produces}')}"


def dot(nodes: Iterable[FlatNode], edges: Iterable[tuple[int, int]]) -> str:
    """Return a graph in Graphviz's language, each node labelled with all it says."""
    return "\n".join(_dot_lines(nodes, edges)) + "\n"


def _dot_lines(nodes: Iterable[FlatNode], edges: Iterable[tuple[int, int]]) -> Iterator[str]:
    yield "digraph {"
    for index, node in enumerate(nodes):
        label = _node_text(node).replace("\\", "\\\\").replace('"', '\\"')
        yield f'    {index} [ label = "{label}" ]'
    for parent, child in edges:
        yield f"    {parent} -> {child} [ ]"
    yield "}"


def _node_text(node: FlatNode) -> str:
    match node:
        case (
            ActionNode(name=name, label=label, action_name=action)
            | SleepNode(name=name, label=label, action_name=action)
            | SignalNode(name=name, label=label, action_name=action)
        ):
            fields = f"name: {_quoted(name)}, label: {_quoted(label)}"
            return f"Action {{ {fields}, action_name: {_quoted(action)} }}"
        case ConstantNode(name=name, value=value):
            return f"Constant {{ name: {_quoted(name)}, value: {_value_text(decode_json(value))} }}"
        case SubsagaStartNode(params_node_name=params, saga_name=saga):
            fields = f"saga_name: {_quoted(saga)}, params_node_name: {_quoted(params)}"
            return f"SubsagaStart {{ {fields} }}"
        case SubsagaEndNode(name=name):
            return f"SubsagaEnd {{ name: {_quoted(name)} }}"
        case StartNode(params=params_text):
            return f"Start {{ params: {_value_text(decode_json(params_text))} }}"
        case EndNode():
            return "End"
        case _:
            assert_never(node)


def _value_text(value: JsonValue) -> str:
    match value:
        case None:
            return "Null"
        case bool():
            return f"Bool({str(value).lower()})"
        case int() | float():
            return f"Number({value})"
        case str():
            return f"String({_quoted(value)})"
        case list():
            return f"Array [{', '.join(map(_value_text, value))}]"
        case dict():
            items = (f"{_quoted(key)}: {_value_text(item)}" for key, item in value.items())
            return f"Object {{{', '.join(items)}}}"
        case _:
            assert_never(value)


_ESCAPES = {"\\": "\\\\", '"': '\\"', "\0": "\\0", "\t": "\\t", "\n": "\\n", "\r": "\\r"}


def _quoted(text: str) -> str:
    """Return a text as Rust's `{:?}` shows it."""
    return f'"{"".join(map(_quoted_character, text))}"'


def _quoted_character(character: str) -> str:
    if (known := _ESCAPES.get(character)) is not None:
        return known
    return character if character.isprintable() else f"\\u{{{ord(character):x}}}"
