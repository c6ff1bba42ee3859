"""Why a person should look at a saga, as far as its log says."""

from __future__ import annotations

from steno.core.graph._ids import SagaNodeId
from steno.core.log._action_error import ActionFailed, InDoubt, action_error, undo_error
from steno.core.log._attention import Attention, Concern
from steno.core.log._cached_state import SagaCachedState
from steno.core.machine._lifecycle import cached_state, held_nodes
from steno.core.machine._setback import NO_SETBACKS
from steno.core.machine._state import SagaState

_STUCK = SagaCachedState.STUCK
_GOING_ON = frozenset({SagaCachedState.RUNNING, SagaCachedState.UNWINDING})


def concern(state: SagaState) -> Concern | None:
    """
    Return why a person should look at a saga, and at which node; None if nobody has to.

    That it is halted or quarantined is not in its log. Where nothing has failed and nothing is
    held, as in nearly all sagas, this looks at one attribute.
    """
    if state.setbacks is NO_SETBACKS:
        return None
    where = cached_state(state)
    if where is _STUCK and (failure := state.first_undo_failure) is not None:
        node, error = failure
        return Concern(Attention.STUCK, state.flat.reference(node), undo_error(error).error_type)
    if where in _GOING_ON and (held := held_nodes(state)):
        return Concern(Attention.HELD, state.flat.reference(held[0]), _error_type(state, held[0]))
    return None


def _error_type(state: SagaState, node: SagaNodeId) -> str | None:
    """Return the class of the error that a node is held for; None if an order holds it."""
    setbacks = state.setbacks
    if node in setbacks.undoing:
        return undo_error(setbacks.undo_attempts[node].error).error_type
    if node in setbacks.forward:
        error = action_error(setbacks.attempts[node].error)
        cause = error.cause if isinstance(error, InDoubt) else error
        return cause.error_type if isinstance(cause, ActionFailed) else None
    return None
