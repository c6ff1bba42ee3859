"""What is given up when a saga begins to unwind, before anything else is done."""

from __future__ import annotations

from steno.core._value import encode_json
from steno.core.graph._node import SleepNode, WaitNode
from steno.core.log._action_error import ActionFailed
from steno.core.log._event import Failed
from steno.core.log._status import SagaNodeLoadStatus
from steno.core.machine._state import SagaState
from steno.core.machine._step_builder import StepBuilder, failure

GIVEN_UP = ActionFailed(
    encode_json(
        {"message": "the saga unwinds, so its sleep was given up", "type": "steno.SleepGivenUp"}
    )
).encoded()
SIGNAL_GIVEN_UP = ActionFailed(
    encode_json(
        {
            "message": "the saga unwinds, so its wait for a signal was given up",
            "type": "steno.SignalGivenUp",
        }
    )
).encoded()


def give_up(state: SagaState, step: StepBuilder) -> None:
    """Fail, once the saga unwinds, what waits for a time or for another attempt."""
    for node in tuple(state.setbacks.forward):
        error = state.setbacks.attempts[node].error
        doubt = state.is_in_doubt(node)
        step.log(node, failure(error, doubt=doubt))
    for node in tuple(state.in_flight):
        flat_node = state.flat.nodes[node]
        waits = state.status(node) is SagaNodeLoadStatus.STARTED
        if waits and isinstance(flat_node, WaitNode):
            is_sleep = isinstance(flat_node, SleepNode)
            step.log(node, Failed(GIVEN_UP if is_sleep else SIGNAL_GIVEN_UP))
