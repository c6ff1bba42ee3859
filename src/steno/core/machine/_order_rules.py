"""
When an order applies to a saga or a node, and why not; the same for the fold and for a machine.

Of a node: the statuses in which it applies are a table, `ORDERS`. What that cannot know is here:
whether the node is stopped, whether its saga unwinds, and whether a call of it is under way.
"""

from __future__ import annotations

from typing import Final

from steno.core.log._order import Verb
from steno.core.log._status import ORDERS, SagaNodeLoadStatus
from steno.core.machine._outcome import SagaOutcome

_S = SagaNodeLoadStatus

_SAID: Final = {
    _S.NEVER_STARTED: "was never started",
    _S.STARTED: "has been started",
    _S.SUCCEEDED: "has succeeded",
    _S.BACKING_OFF: "waits for another attempt",
    _S.FAILED: "has failed",
    _S.FAILED_IN_DOUBT: "has failed in doubt",
    _S.UNDO_STARTED: "is being undone",
    _S.UNDO_BACKING_OFF: "waits for another attempt to undo it",
    _S.UNDO_FINISHED: "is undone",
    _S.UNDO_FAILED: "could not be undone",
}

_LIFTS: Final = frozenset({_S.NEVER_STARTED, _S.STARTED, _S.SUCCEEDED, _S.FAILED_IN_DOUBT})
"""Where a retry can only lift an order to hold."""


def refusal(
    status: SagaNodeLoadStatus, verb: Verb, *, stopped: bool, unwinding: bool, waits: bool
) -> str | None:
    """
    Return why an order does not apply to a node, to follow "it"; None if it does.

    Args:
        status: The node's status.
        verb: What is ordered.
        stopped: Whether an earlier order to hold is in effect.
        unwinding: Whether its saga unwinds.
        waits: Whether the node is one that waits, without a call.
    """
    if (status, verb) not in ORDERS:
        return _SAID[status]
    if status is _S.NEVER_STARTED and unwinding:
        return "is never started, as its saga unwinds"
    match verb:
        case Verb.HOLD if stopped:
            return "is held already, by an order"
        case Verb.RETRY if status in _LIFTS and not stopped:
            return f"{_SAID[status]}, and nothing holds it"
        case Verb.FAIL | Verb.COMPLETE if status is _S.STARTED and not waits:
            return "has been started, and its call is under way"
        case _:
            return None


_ENDED: Final = {
    SagaOutcome.SUCCEEDED: "has succeeded",
    SagaOutcome.FAILED: "has failed, and is undone",
    SagaOutcome.STUCK: "is stuck",
    SagaOutcome.ABANDONED: "was abandoned",
}

_WHEN_ENDED: Final = {
    SagaOutcome.SUCCEEDED: frozenset({Verb.UNWIND}),
    SagaOutcome.STUCK: frozenset({Verb.ABANDON, Verb.RESUME}),
}
"""The orders that apply to a saga that has ended."""


def saga_refusal(
    verb: Verb,
    *,
    begun: bool,
    paused: bool,
    unwinding: bool,
    outcome: SagaOutcome | None,
    cancel: bool,
) -> str | None:
    """
    Return why an order does not apply to a saga, to follow "it"; None if it does.

    Args:
        verb: What is ordered.
        begun: Whether the saga was started.
        paused: Whether it is paused.
        unwinding: Whether it unwinds.
        outcome: How it has ended; None if it has not, or waits to be started.
        cancel: Whether calls under way are to be cancelled.
    """
    if verb is Verb.IMPORT:
        return None  # whatever came with it
    if outcome is not None and verb not in _WHEN_ENDED.get(outcome, ()):
        return _ENDED[outcome]
    match verb:
        case Verb.START if begun:
            return "has been started"
        case Verb.PAUSE if paused:
            return "is paused already"
        case Verb.RESUME if not paused:
            return "is not paused"
        case Verb.UNWIND if unwinding and begun and not cancel:
            return "unwinds already"
        case _:
            return None
