"""The end that a saga must come to after the faults and orders of its run."""

from __future__ import annotations

from steno.core import Ordered, SagaCachedState, Verb
from steno.testing.explorer._case import (
    AFTER_EFFECT,
    FAILURES,
    TIME_OUTS,
    CallFault,
    Case,
    FaultKind,
)
from steno.testing.explorer._declaration import Declaration
from steno.testing.explorer._explored_saga import ExploredSaga
from steno.testing.explorer._order import OrderKind
from steno.testing.explorer._record import Ran

_SUCCEEDED, _FAILED, _STUCK, _ABANDONED = (
    SagaCachedState.SUCCEEDED,
    SagaCachedState.FAILED,
    SagaCachedState.STUCK,
    SagaCachedState.ABANDONED,
)


def planned_end(subject: ExploredSaga, ran: Ran) -> SagaCachedState | None:
    """Return the state in which a saga must end; None: it is held."""
    if any(order.kind is OrderKind.ABANDON for order in ran.given):
        return _ABANDONED
    fatal = fatal_faults(subject, ran)
    if any(fault.callee.undoing for fault in fatal):
        return _STUCK
    if _was_ordered_to_unwind(ran):
        return _FAILED
    if not fatal:
        return _SUCCEEDED
    if all(_holds(subject, fault) for fault in fatal) and not _is_failed_by_order(ran):
        return None
    return _FAILED


def _was_ordered_to_unwind(ran: Ran) -> bool:
    """Return True if the log has such an order, of any origin: the deadline's, too."""
    events = () if ran.stored is None else ran.stored.events
    orders = (event.event_type for event in events if event.node_id is None)
    return any(isinstance(what, Ordered) and what.verb is Verb.UNWIND for what in orders)


def _is_failed_by_order(ran: Ran) -> bool:
    return any(order.kind is OrderKind.FAIL for order in ran.given)


def fatal_faults(subject: ExploredSaga, ran: Ran) -> list[CallFault]:
    """Return the faults that have occurred, decide how the saga ends, and were not repaired."""
    kinds = {OrderKind.RETRY, OrderKind.COMPLETE}
    repaired = {order.callee for order in ran.given if order.kind in kinds}
    faults = (fault for fault in ran.fired if fault.callee not in repaired)
    return [fault for fault in faults if _is_fatal(subject, ran.case, fault)]


def _is_fatal(subject: ExploredSaga, case: Case, fault: CallFault) -> bool:
    """Return True if a fault that has occurred decides how the saga ends."""
    callee = fault.callee
    if (
        fault.kind not in FAILURES
        or fault.once
        or callee.node not in subject.nodes
        or callee.probing
    ):
        return False
    # What a life has done that is lost may not be in the log.
    if fault.life not in {None, len(case.crashes)}:
        return False
    declared = declared_by(subject, fault)
    if callee.undoing:
        return True
    return not (fault.kind in AFTER_EFFECT and declared.has_probe)


def _holds(subject: ExploredSaga, fault: CallFault) -> bool:
    """Return True if the attempts of a node run out, and it is held then."""
    if fault.kind is FaultKind.FAIL or fault.callee.undoing:
        return False
    return declared_by(subject, fault).holds(timeout=fault.kind in TIME_OUTS)


def declared_by(subject: ExploredSaga, fault: CallFault) -> Declaration:
    """Return what the action of a fault says of its calls."""
    return subject.declarations[subject.actions[fault.callee.node]]
