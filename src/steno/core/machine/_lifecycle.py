"""Where a saga is in its life, as the fold of its log says."""

from __future__ import annotations

from steno.core.graph._ids import SagaNodeId
from steno.core.graph._node import WaitNode
from steno.core.log._cached_state import SagaCachedState
from steno.core.machine._state import SagaState
from steno.core.machine._steering import NO_STEERING

# Names of the module: in Python 3.11, to look a member up in its Enum takes 900 instructions.
_READY = SagaCachedState.READY
_RUNNING, _UNWINDING = SagaCachedState.RUNNING, SagaCachedState.UNWINDING


def cached_state(state: SagaState) -> SagaCachedState:
    """Return where a saga is in its life."""
    if not state.begun:
        return _READY
    if state.in_flight and state.steering is NO_STEERING:  # as nearly always
        return _UNWINDING if state.unwinding else _RUNNING
    if (outcome := state.outcome) is not None:
        return outcome
    if state.paused:
        return SagaCachedState.PAUSED
    return _UNWINDING if state.unwinding else _RUNNING


def only_waits(state: SagaState) -> bool:
    """Return True if a saga in which no call is under way waits for a time, or for somebody."""
    nodes = state.flat.nodes
    if not all(isinstance(nodes[node], WaitNode) for node in state.in_flight):
        return False
    waits = bool(state.in_flight) or any(True for _ in state.setbacks.waiting())
    return waits or any(state.setbacks.stopped.values())


def held_nodes(state: SagaState) -> tuple[SagaNodeId, ...]:
    """
    Return the nodes that are held, if no other one can go on by itself; otherwise none.

    A node that somebody has ordered to hold counts as held once it could begin. A saga that is
    ready or paused does not go on for another reason.
    """
    if state.paused or not state.begun:
        return ()
    # Each record asks, so what waits is not gathered before it is known to be wanted.
    if state.in_flight or not all(attempt.held for _, attempt in state.setbacks.waiting()):
        return ()
    stopped = (node for node, could_begin in state.setbacks.stopped.items() if could_begin)
    return (*(node for node, _ in state.setbacks.waiting()), *stopped)
