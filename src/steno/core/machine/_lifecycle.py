"""Where a saga is in its life, as the fold of its log says."""

from __future__ import annotations

from steno.core.log._cached_state import SagaCachedState
from steno.core.machine._state import SagaOutcome, SagaState

# Names of the module: in Python 3.11, to look a member up in its Enum takes 900 instructions.
_RUNNING, _UNWINDING = SagaCachedState.RUNNING, SagaCachedState.UNWINDING

_OUTCOMES = {
    SagaOutcome.SUCCEEDED: SagaCachedState.SUCCEEDED,
    SagaOutcome.FAILED: SagaCachedState.FAILED,
    SagaOutcome.STUCK: SagaCachedState.STUCK,
}


def cached_state(state: SagaState) -> SagaCachedState:
    """Return what the row of a saga that was started is to say."""
    if (outcome := state.outcome) is not None:
        return _OUTCOMES[outcome]
    return _UNWINDING if state.unwinding else _RUNNING
