"""Carrying out orders: the order first, then what follows from it, in one step."""

from __future__ import annotations

from typing import assert_never

from steno.core._value import NULL, encode_json
from steno.core.graph._ids import SagaNodeId
from steno.core.graph._node import ActionNode, EndNode, StartNode, SubsagaStartNode
from steno.core.log._action_error import ActionFailed
from steno.core.log._event import UNDO_FINISHED, Succeeded
from steno.core.log._order import NEEDS_WHY, Ordered, Verb
from steno.core.log._status import SagaNodeLoadStatus
from steno.core.machine._command import RefusedOrder
from steno.core.machine._input import Order
from steno.core.machine._state import SagaState
from steno.core.machine._step_builder import StepBuilder, failure

_UNDOING = {SagaNodeLoadStatus.UNDO_BACKING_OFF, SagaNodeLoadStatus.UNDO_FAILED}

_BACKING_OFF = {SagaNodeLoadStatus.BACKING_OFF, SagaNodeLoadStatus.UNDO_BACKING_OFF}


def follow(order: Order, state: SagaState, step: StepBuilder) -> bool:
    """
    Add an order to a step, with what follows from it, or its refusal.

    Returns:
        True if the next attempt of the node is due now.
    """
    node, verb = order.node_id, order.verb
    if (why := why_refused(order, state)) is not None:
        step.refused.append(RefusedOrder(order, why))
        return False
    step.log(node, Ordered(verb, order.by, order.why, order.expect))
    match verb:
        case Verb.HOLD:
            return False
        case Verb.RETRY:
            return state.status(node) in _BACKING_OFF
        case Verb.FAIL:
            _fail(order, state, step)
        case Verb.COMPLETE if state.status(node) in _UNDOING:
            step.log(node, UNDO_FINISHED)
        case Verb.COMPLETE:
            step.log(node, Succeeded(order.output))
        case _:
            assert_never(verb)
    return False


def _fail(order: Order, state: SagaState, step: StepBuilder) -> None:
    node = order.node_id
    last = state.setbacks.attempts.get(node)
    if last is not None:
        error, doubt = last.error, last.in_doubt
    else:  # it waits, and has no error of its own
        said = {"message": f"ordered to fail by {order.by}: {order.why}", "type": "steno.Ordered"}
        error, doubt = ActionFailed(encode_json(said)).encoded(), False
    step.log(node, failure(error, doubt=doubt))


def why_refused(order: Order, state: SagaState) -> str | None:
    """Return why an order is refused, in a sentence; None if it is not."""
    node, size = order.node_id, len(state.log.events)
    if order.expect is not None and order.expect != size:
        return f"the log has {size} events, not the {order.expect} that were seen"
    if isinstance(flat_node := state.flat.nodes[node], StartNode | EndNode | SubsagaStartNode):
        return f"nothing can be ordered of the {flat_node.label}"
    if (why := state.refusal(node, order.verb)) is not None:
        return f'node "{state.flat.path(node)}" {why}'
    if order.verb in NEEDS_WHY and not order.why:
        return f"an order to {order.verb.value} has to say why"
    if order.verb is Verb.COMPLETE and order.output != NULL and not _returns(state, node):
        return f'node "{state.flat.path(node)}" has no output to be completed with'
    return None


def _returns(state: SagaState, node: SagaNodeId) -> bool:
    """Return True if a node that is completed succeeds with the output that is given."""
    forward = state.status(node) not in _UNDOING
    return forward and isinstance(state.flat.nodes[node], ActionNode)
