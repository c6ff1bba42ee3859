"""Carrying out orders: the order first, then what follows from it, in one step."""

from __future__ import annotations

import attrs

from steno.core._value import NULL, encode_json
from steno.core.graph._flat_node import EndNode, StartNode, SubsagaStartNode
from steno.core.graph._ids import SagaNodeId
from steno.core.graph._node import ActionNode, SignalNode
from steno.core.log._action_error import ActionFailed
from steno.core.log._event import UNDO_FINISHED
from steno.core.log._order import NEEDS_WHY, Ordered, Verb
from steno.core.log._status import SagaNodeLoadStatus
from steno.core.machine._command import AwaitDeadline, RefusedOrder
from steno.core.machine._input import Order
from steno.core.machine._state import SagaState
from steno.core.machine._step_builder import StepBuilder, failure

_UNDOING = {
    SagaNodeLoadStatus.UNDO_STARTED,
    SagaNodeLoadStatus.UNDO_BACKING_OFF,
    SagaNodeLoadStatus.UNDO_FAILED,
}


def follow(order: Order, state: SagaState, step: StepBuilder) -> bool:
    """
    Add an order to a step, with what follows from it, and return True; or add its refusal.

    One that is part of a bulk order which the saga has already adds nothing, and is not refused.
    """
    if _was_given(order, state):
        return False
    if (why := why_refused(order, state)) is not None:
        step.refused.append(RefusedOrder(order, why))
        return False
    if (node := order.node_id) is not None:
        event = _event_of_node(order, node, state)
        step.log(node, event)
        if not event.cancel:  # otherwise what follows is logged when the call has ended
            _follow_of_node(order, node, state, step)
    elif order.signal is not None:
        _send(order, order.signal, state, step)
    else:
        step.log(None, order.event())
        if order.verb is Verb.DEADLINE and order.at is not None:
            step.then.append(AwaitDeadline(order.at))
    return True


def _event_of_node(order: Order, node: SagaNodeId, state: SagaState) -> Ordered:
    """Return the event of an order on a node, which cancels something only if there is a call."""
    if order.cancel and not state.has_call(node):
        order = attrs.evolve(order, cancel=False)
    return order.event()


def _follow_of_node(order: Order, node: SagaNodeId, state: SagaState, step: StepBuilder) -> None:
    match order.verb:
        case Verb.FAIL:
            _fail(order, node, state, step)
        case Verb.COMPLETE if state.status(node) in _UNDOING:
            step.log(node, UNDO_FINISHED)
        case Verb.COMPLETE:
            step.log(node, order.value)
        case _:
            pass  # what follows is dispatched


def _fail(order: Order, node: SagaNodeId, state: SagaState, step: StepBuilder) -> None:
    last = state.setbacks.attempts.get(node)
    if last is not None:
        error, doubt = last.error, last.in_doubt
    else:  # it waits, and has no error of its own
        said = {"message": f"ordered to fail by {order.by}: {order.why}", "type": "steno.Ordered"}
        error, doubt = ActionFailed(encode_json(said)).encoded(), False
    step.log(node, failure(error, doubt=doubt))


def _send(order: Order, signal: str, state: SagaState, step: StepBuilder) -> None:
    """Give the value of a signal to the nodes that wait for it."""
    if state.steering.signals.get(signal) == order.value:
        return  # it was sent before, so nothing is new
    step.log(None, order.event())
    for node in state.flat.signals[signal]:
        if state.status(node) is SagaNodeLoadStatus.STARTED:
            step.log(node, order.value)


def _was_given(order: Order, state: SagaState) -> bool:
    return order.bulk is not None and state.log.has_bulk_order(order.bulk)


def why_refused(order: Order, state: SagaState) -> str | None:
    """Return why an order is refused, in a sentence; None if it is not."""
    if _was_given(order, state):
        return None
    size = len(state.log.events)
    if order.expect is not None and order.expect != size:
        return f"the log has {size} events, not the {order.expect} that were seen"
    if order.node_id is None:
        why = _why_saga_refuses(order, state)
    else:
        why = _why_node_refuses(order, order.node_id, state)
    if why is None and order.verb in NEEDS_WHY and not order.why:
        return f"an order to {order.verb.value} has to say why"
    return why


def _why_saga_refuses(order: Order, state: SagaState) -> str | None:
    event = order.event()
    if (why := state.saga_refusal(order.verb, cancel=order.cancel)) is None:
        why = state.signal_refusal(event)
    if why is not None:
        return f"the saga {why}"
    if order.signal is not None and not order.replace:
        sent = state.steering.signals.get(order.signal)
        if sent not in {None, order.value}:
            return f'the signal "{order.signal}" was sent already, with another value'
    return None


def _why_node_refuses(order: Order, node: SagaNodeId, state: SagaState) -> str | None:
    if isinstance(flat_node := state.flat.nodes[node], StartNode | EndNode | SubsagaStartNode):
        return f"nothing can be ordered of the {flat_node.label}"
    if (why := state.refusal(node, _event_of_node(order, node, state))) is not None:
        return f'node "{state.flat.path(node)}" {why}'
    if order.verb is Verb.COMPLETE and order.value != NULL and not _returns(state, node):
        return f'node "{state.flat.path(node)}" has no output to be completed with'
    return None


def _returns(state: SagaState, node: SagaNodeId) -> bool:
    """Return True if a node that is completed succeeds with the output that is given."""
    forward = state.status(node) not in _UNDOING
    return forward and isinstance(state.flat.nodes[node], ActionNode | SignalNode)
