"""
When an order applies to a saga or a node, and why not; the same for the fold and for a machine.

Of a node: the statuses in which it applies are a table, `ORDERS`. What that cannot know is here:
whether the node is stopped, whether its saga unwinds, and whether a call of it is under way. A call
is under way from `started` to its result, whether or not a process runs it.
"""

from __future__ import annotations

from typing import Final

from steno.core.log._cached_state import SagaCachedState
from steno.core.log._order import CANCELS, Verb
from steno.core.log._status import ORDERS, SagaNodeLoadStatus

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
"""Where a retry can only lift an order to hold, unless it cancels a call."""

CALLED: Final = frozenset({_S.STARTED, _S.UNDO_STARTED})
"""Where a call of an action, or of its undo action, is under way."""

_UNDER_WAY: Final = "and its call is under way (cancel=True cancels it)"


def refusal(
    status: SagaNodeLoadStatus, verb: Verb, *, stopped: bool, unwinding: bool, waits: bool
) -> str | None:
    """
    Return why an order that cancels nothing does not apply to a node; None if it does.

    Args:
        status: The node's status.
        verb: What is ordered.
        stopped: Whether an earlier order to hold is in effect.
        unwinding: Whether its saga unwinds.
        waits: Whether the node is one that waits, without a call.

    Returns:
        The reason, to follow "it".
    """
    if (status, verb) not in ORDERS:
        return _SAID[status]
    if status is _S.NEVER_STARTED and unwinding:
        return "is never started, as its saga unwinds"
    match verb:
        case Verb.HOLD if stopped:
            return "is held already, by an order"
        case Verb.RETRY if status is _S.STARTED and not (stopped or waits or unwinding):
            return f"{_SAID[status]}, nothing holds it, {_UNDER_WAY}"
        case Verb.RETRY if status in _LIFTS and not stopped:
            return f"{_SAID[status]}, and nothing holds it"
        case Verb.FAIL | Verb.COMPLETE if status is _S.STARTED and not waits:
            return f"{_SAID[status]}, {_UNDER_WAY}"
        case _ if status is _S.UNDO_STARTED:
            return f"{_SAID[status]}, {_UNDER_WAY}"
        case _:
            return None


def cancelling_refusal(
    status: SagaNodeLoadStatus,
    verb: Verb,
    *,
    runs_action: bool,
    unwinding: bool,
    given: Verb | None,
) -> str | None:
    """
    Return why an order that cancels the call of a node does not apply; None if it does.

    Args:
        status: The node's status.
        verb: What is ordered.
        runs_action: Whether the node is one that calls an action.
        unwinding: Whether its saga unwinds.
        given: An earlier order by which that call is cancelled already.

    Returns:
        The reason, to follow "it".
    """
    if not (runs_action and status in CALLED):
        return f"{_SAID[status]}, and has no call under way that could be cancelled"
    if (status, verb) not in ORDERS or verb not in CANCELS:
        return _SAID[status]
    if given is verb:
        return f"has an order already, to {verb.value} and cancel"
    if verb is Verb.RETRY and status is _S.STARTED and unwinding:
        return "is not tried again, as its saga unwinds"
    return None


_ENDED: Final = {
    SagaCachedState.SUCCEEDED: "has succeeded",
    SagaCachedState.FAILED: "has failed, and is undone",
    SagaCachedState.STUCK: "is stuck",
    SagaCachedState.ABANDONED: "was abandoned",
}

_WHEN_ENDED: Final = {
    SagaCachedState.SUCCEEDED: frozenset({Verb.UNWIND}),
    SagaCachedState.STUCK: frozenset({Verb.ABANDON, Verb.RESUME}),
}
"""The orders that apply to a saga that has ended."""


def saga_refusal(
    verb: Verb,
    *,
    begun: bool,
    paused: bool,
    unwinding: bool,
    outcome: SagaCachedState | None,
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
        case Verb.UNWIND if unwinding and begun and not (cancel or paused):
            return "unwinds already"
        case _:
            return None
