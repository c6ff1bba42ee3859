"""Nodes as dumps and stored graphs hold them, in Steno's format."""

from __future__ import annotations

from typing import assert_never, cast

from steno.core._value import JSON, JsonText, JsonValue, decode_json, encode_json
from steno.core.graph._dataflow import FromNode, Given, Source
from steno.core.graph._flat_node import (
    EndNode,
    FlatNode,
    StartNode,
    SubsagaEndNode,
    SubsagaStartNode,
)
from steno.core.graph._ids import LATEST, ActionName, NodeName, SagaName
from steno.core.graph._node import (
    RESERVED,
    ActionNode,
    ConstantNode,
    SignalNode,
    SleepNode,
    WaitNode,
)
from steno.errors import DumpError, SerializeError


def node_to_json(node: FlatNode) -> JSON:
    """Return a node as JSON, its keys in alphabetical order."""
    match node:
        case ActionNode(name=name, label=label, action_name=action, inputs=()):
            return {"Action": {"action_name": action, "label": label, "name": name}}
        case ActionNode(name=name, label=label, action_name=action, inputs=inputs):
            given = {each.parameter: _source_to_json(each) for each in inputs}
            fields = {"action_name": action, "inputs": given, "label": label, "name": name}
            return {"Action": fields}
        case SleepNode(name=name, label=label, action_name=action, duration=duration, until=until):
            wait = {"sleep": duration} if until is None else {"until": until}
            return {"Action": {"action_name": action, "label": label, "name": name, "wait": wait}}
        case SignalNode(name=name, label=label, action_name=action, signal_name=signal):
            of_signal = {"signal": signal}
            fields = {"action_name": action, "label": label, "name": name, "wait": of_signal}
            return {"Action": fields}
        case ConstantNode(name=name, value=value):
            return {"Constant": {"name": name, "value": decode_json(value)}}
        case SubsagaStartNode(params_node_name=params, saga_name=saga):
            return {"SubsagaStart": {"params_node_name": params, "saga_name": saga}}
        case SubsagaEndNode(name=name):
            return {"SubsagaEnd": {"name": name}}
        case StartNode(params=params_text):
            return {"Start": {"params": decode_json(params_text)}}
        case EndNode():
            return "End"
        case _:
            assert_never(node)


def node_from_json(data: JsonValue, path: str) -> FlatNode:
    """
    Return the node that `node_to_json` wrote; unknown keys are ignored.

    Raises:
        DumpError: It is not a node; the message names the path.
    """
    match data:
        case {
            "Action": {"action_name": str(action), "label": str(label), "name": str(name), **rest}
        }:
            _check_texts(f"{path}.Action", action_name=action, label=label, name=name)
            if action.startswith(RESERVED):
                return _wait_node(name, label, action, rest.get("wait"), f"{path}.Action")
            inputs = _sources(cast("JsonValue", rest.get("inputs", {})), f"{path}.Action.inputs")
            return ActionNode(NodeName(name), label, ActionName(action), inputs)
        case {"Constant": {"name": str(name), "value": value}}:
            _check_texts(f"{path}.Constant", name=name)
            return ConstantNode(NodeName(name), value_from_json(value, f"{path}.Constant.value"))
        case {"SubsagaStart": {"params_node_name": str(params), "saga_name": str(saga)}}:
            _check_texts(f"{path}.SubsagaStart", params_node_name=params, saga_name=saga)
            return SubsagaStartNode(NodeName(params), SagaName(saga))
        case {"SubsagaEnd": {"name": str(name)}}:
            _check_texts(f"{path}.SubsagaEnd", name=name)
            return SubsagaEndNode(NodeName(name))
        case {"Start": {"params": params}}:
            return StartNode(value_from_json(params, f"{path}.Start.params"))
        case "End":
            return EndNode()
        case dict():
            keys = ", ".join(map(repr, data))
            raise DumpError(path, f"is not a node: an object with the keys {keys or '(none)'}")
        case _:
            raise DumpError(path, f"is not a node: {data!r}")


def _source_to_json(source: Source) -> JSON:
    match source:
        case FromNode(node=node):
            return {"node": node}
        case Given(value=value):
            return {"value": decode_json(value)}
        case _:
            assert_never(source)


def _sources(data: JsonValue, path: str) -> tuple[Source, ...]:
    """Return the inputs of a node; in alphabetical order, as they are written."""
    if not isinstance(data, dict):
        raise DumpError(path, f"is not an object: {data!r}")
    found: list[Source] = []
    for parameter, item in sorted(data.items()):
        where = f"{path}.{parameter}"
        _check_texts(path, parameter=parameter)
        match item:
            case {"node": str(node)}:
                _check_texts(where, node=node)
                found.append(FromNode(parameter, NodeName(node)))
            case {"value": value}:
                found.append(Given(parameter, value_from_json(value, f"{where}.value")))
            case _:
                raise DumpError(where, "is neither a node nor a value")
    return tuple(found)


def _wait_node(name: str, label: str, action: str, wait: object, path: str) -> WaitNode:
    match action, wait:
        case SleepNode.action_name, {"sleep": int(duration)} if (
            type(duration) is not bool and 0 <= duration <= LATEST
        ):
            return SleepNode(NodeName(name), label, duration, None)
        case SleepNode.action_name, {"until": str(until)}:
            _check_texts(f"{path}.wait", until=until)
            return SleepNode(NodeName(name), label, None, NodeName(until))
        case SignalNode.action_name, {"signal": str(signal)}:
            _check_texts(f"{path}.wait", signal=signal)
            return SignalNode(NodeName(name), label, signal)
        case _:
            why = f'does not say what it waits for: names that begin with "{RESERVED}" are reserved'
            raise DumpError(path, why)


def _check_texts(path: str, **texts: str) -> None:
    """Refuse names that cannot be encoded, as with a lone surrogate."""
    for key, text in texts.items():
        value_from_json(text, f"{path}.{key}")


def value_from_json(value: JsonValue, path: str) -> JsonText:
    """Return a value as text, or raise `DumpError` with its path."""
    try:
        return encode_json(value)
    except SerializeError as error:
        raise DumpError(path + error.path.removeprefix("$"), error.why) from None
