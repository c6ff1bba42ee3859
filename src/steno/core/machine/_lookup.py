"""
What a node sees of the rest of its saga.

A node sees the outputs of its transitive ancestors in its own (sub)saga: in a staged graph, those
of all earlier stages. So no path is ever walked, and what is visible does not depend on the
schedule.
"""

from __future__ import annotations

from collections.abc import Mapping

from steno.core._value import JsonText
from steno.core.graph._dag import SagaDag
from steno.core.graph._ids import NodeName, SagaNodeId
from steno.errors import NodeLookupError


def lookup(
    dag: SagaDag,
    outputs: Mapping[SagaNodeId, JsonText],
    node: SagaNodeId,
    name: str,
    *,
    undoing: bool,
) -> JsonText:
    """
    Return the output of an ancestor.

    Args:
        dag: The saga.
        outputs: Those of all nodes that have succeeded.
        node: The node that asks.
        name: The ancestor's name, in the same (sub)saga.
        undoing: True if an undo action asks; it sees its own node's output too.

    Raises:
        NodeLookupError: There is no ancestor of that name.
    """
    flat = dag.flat
    names = flat.scopes[flat.scope_of[node]].names
    found = names.get(NodeName(name))
    if found is not None:
        # A stage depends on the whole of each earlier one, so "earlier" is "ancestor". That the
        # output exists follows: this node would not have been started without it.
        if flat.stage_of[found] < flat.stage_of[node]:
            return outputs[SagaNodeId(found)]
        if undoing and found == node:
            if (own_output := outputs.get(node)) is not None:
                return own_output
            why = "this node failed in doubt, so it has no output"
        else:
            own = f" of stage {flat.stage_of[node]}"
            why = f"it is a node of stage {flat.stage_of[found]}, not an ancestor of this one{own}"
    else:
        why = "there is no node of that name in its saga or subsaga"
    # The last ten: the nearest stages are the likeliest to have been meant.
    visible = [n for n, i in names.items() if flat.stage_of[i] < flat.stage_of[node]]
    listed = ", ".join(f'"{n}"' for n in visible[-10:]) or "none"
    raise NodeLookupError(flat.path(node), name, f"{why} (it sees {listed})")


def saga_params(dag: SagaDag, outputs: Mapping[SagaNodeId, JsonText], node: SagaNodeId) -> JsonText:
    """Return the params of the innermost (sub)saga that contains a node."""
    params_node = dag.flat.scopes[dag.flat.scope_of[node]].params_node
    return dag.params if params_node is None else outputs[SagaNodeId(params_node)]
