"""Where two sagas differ: the message for creating a saga id again with something else."""

from __future__ import annotations

import json

from steno.core._value import JsonValue, decode_json
from steno.core.graph._dag import SagaDag
from steno.core.graph._node_json import node_to_json

LONGEST = 60
"""Characters of a value that are shown."""


def difference(dag: SagaDag, there: SagaDag) -> str | None:
    """
    Return one line on where a saga differs from an existing one; None if they are the same.

    Only the first difference is named: of the name, the nodes, their stages, or the params.

    Args:
        dag: The saga that is to be created.
        there: The one that already has its id.
    """
    if dag.same_as(there):
        return None
    if dag.flat.digest != there.flat.digest:
        return _of_graphs(dag, there)
    here, other = decode_json(dag.params), decode_json(there.params)
    return f"its params differ at {_of_values(here, other)}"


def _of_graphs(dag: SagaDag, there: SagaDag) -> str:
    if dag.saga_name != there.saga_name:
        return f"it is a saga {_shown(there.saga_name)}, not {_shown(dag.saga_name)}"
    # The start node is the last but one, so that graphs of different lengths differ at a node.
    for index, (here, other) in enumerate(zip(dag.flat.nodes, there.flat.nodes, strict=False)):
        if here == other:
            continue
        where = _of_values(node_to_json(here), node_to_json(other))
        return f"its graph differs at node {_shown(there.flat.path(index))}, {where}"
    # The digest covers the name, the nodes and the stages, and the first two are equal.
    stages = zip(dag.flat.stage_of, there.flat.stage_of, strict=True)
    index = next(index for index, (here, other) in enumerate(stages) if here != other)
    return f"its graph differs: node {_shown(there.flat.path(index))} is in another stage"


def _of_values(here: JsonValue, other: JsonValue) -> str:
    """Return the path to the first difference of two values, and what each has there."""
    path = "$"
    # A loop, not recursion: params may nest as deeply as JSON is allowed to.
    while True:
        match here, other:
            case dict(), dict() if here.keys() == other.keys():
                key = next(key for key in here if not _same(here[key], other[key]))
                path, here, other = f"{path}.{_plain(key)}", here[key], other[key]
            case list(), list() if len(here) == len(other):
                pairs = enumerate(zip(here, other, strict=True))
                index = next(i for i, (mine, theirs) in pairs if not _same(mine, theirs))
                path, here, other = f"{path}[{index}]", here[index], other[index]
            case _:
                return f"{path}: it has {_shown(other)}, not {_shown(here)}"


def _same(here: JsonValue, other: JsonValue) -> bool:
    """Return True if two values are the same JSON, in which 1 is not true and not 1.0."""
    return json.dumps(here) == json.dumps(other)


def _plain(key: str) -> str:
    return json.dumps(key)[1:-1]


def _shown(value: object) -> str:
    text = json.dumps(value, separators=(",", ":"))
    return text if len(text) <= LONGEST else f"{text[:LONGEST]}..."
