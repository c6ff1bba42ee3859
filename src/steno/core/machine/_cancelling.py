"""
How a call ends that an order cancels: as the order says, whatever the call itself says.

Theory of operation. The order is logged first, alone. Then, if a process runs the call, its task is
cancelled, and has ended when `CallCancelled` is told. If none does, as after a crash, the call is
not made again: `RunAction` says so, and is answered in the same way. Only its action knows whether
the node is then in doubt, and may have a probe to settle that. To complete a node, and for an undo,
nothing has to be known.

A call may have ended just before it could be cancelled. An order on its node stands before that
result in the log, so it is the order that counts. An order to unwind is about calls that are still
under way, so there the result does.
"""

from __future__ import annotations

from steno.core._value import JsonText, encode_json
from steno.core.graph._ids import EARLIEST, SagaNodeId
from steno.core.log._action_error import ActionFailed, UndoActionError
from steno.core.log._event import UNDO_FINISHED, AttemptFailed, UndoAttemptFailed
from steno.core.log._order import Ordered, Verb
from steno.core.log._status import SagaNodeLoadStatus
from steno.core.machine import _input
from steno.core.machine._command import CancelCall, RunAction
from steno.core.machine._frontier import NodeSet
from steno.core.machine._input import Input
from steno.core.machine._state import SagaState
from steno.core.machine._step_builder import StepBuilder, failure


def cancel_calls(order: _input.Order, state: SagaState, step: StepBuilder) -> None:
    """Ask for calls to be cancelled, as an order that was logged wants."""
    if not order.cancel:
        return
    for node, given in state.setbacks.cancelling.items():
        if order.node_id in {None, node} and given.verb is order.verb:
            step.then.append(CancelCall(node))


def end_without_call(node: SagaNodeId, state: SagaState, step: StepBuilder, due: NodeSet) -> bool:
    """
    Add how a call ends that is cancelled while no process runs it, and return True.

    False if that depends on its action; then nothing is added.
    """
    if (order := state.setbacks.cancelling.get(node)) is None:
        return False
    undoing = state.status(node) is SagaNodeLoadStatus.UNDO_STARTED
    if not undoing and order.verb is not Verb.COMPLETE:
        return False
    _end(_input.CallCancelled(node), order, state, step, due)
    return True


def is_ended_by_order(told: Input, state: SagaState, step: StepBuilder, due: NodeSet) -> bool:
    """
    Add how a call ends that an order cancels, and return True; False if none does.

    Args:
        told: What is told; it may be the end of a call.
        state: The state of the saga.
        step: The step that is made.
        due: The nodes that are to be called again at once.
    """
    match told:
        case (
            _input.ActionSucceeded()
            | _input.ActionRaised()
            | _input.UndoSucceeded()
            | _input.UndoRaised()
            | _input.CallCancelled()
        ):
            order = state.setbacks.cancelling.get(told.node_id)
        case _:
            return False
    if order is None or (order.verb is Verb.UNWIND and not isinstance(told, _input.CallCancelled)):
        return False
    match told:
        case _input.CallCancelled():
            _end(told, order, state, step, due)
        case _input.ActionSucceeded(node_id=node) if order.verb is not Verb.COMPLETE:
            # Whether that leaves the node in doubt, its action says.
            step.then.append(RunAction(node, repeats=True, cancelled=order.verb))
        case _input.ActionRaised(node_id=node, in_doubt=doubt):
            _end(_input.CallCancelled(node, doubt), order, state, step, due)
        case _:
            _end(_input.CallCancelled(told.node_id), order, state, step, due)
    return True


def _end(
    cancelled: _input.CallCancelled,
    order: Ordered,
    state: SagaState,
    step: StepBuilder,
    due: NodeSet,
) -> None:
    """Add how a call ends to a step."""
    node, now = cancelled.node_id, EARLIEST if step.now is None else step.now
    doubt, error, output = cancelled.in_doubt, _error(order), cancelled.output
    if doubt is None:
        doubt = state.is_in_doubt(node)
    undoing = state.status(node) is SagaNodeLoadStatus.UNDO_STARTED
    match order.verb:
        case Verb.COMPLETE if undoing:
            step.log(node, UNDO_FINISHED)
        case Verb.COMPLETE if order.value is not None:
            step.log(node, order.value)
        case Verb.RETRY if undoing:
            number = state.setbacks.next_number(node, undoing=True)
            undo_error = UndoActionError.attempt(number, _message(order)).encoded()
            step.log(node, UndoAttemptFailed(number, undo_error, now, reopen=False))
            due[node] = None
        case Verb.RETRY | Verb.UNWIND if output is not None:
            step.log(node, output)
        case Verb.RETRY if not state.unwinding:
            number = state.setbacks.next_number(node, undoing=False)
            step.log(node, AttemptFailed(number, error, doubt, now, reopen=False))
            due[node] = None
        case _:
            # Of an action that was done all the same, the undo is called as if in doubt.
            step.log(node, failure(error, doubt=doubt or output is not None))


def _error(order: Ordered) -> JsonText:
    said = {"message": _message(order), "type": "steno.Ordered"}
    return ActionFailed(encode_json(said)).encoded()


def _message(order: Ordered) -> str:
    reason = "" if order.why is None else f": {order.why}"
    return f"cancelled by an order to {order.verb.value}, by {order.by}{reason}"
