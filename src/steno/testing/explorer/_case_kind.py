"""The sorts of cases, as reports count them, and as samples are spread over them."""

from __future__ import annotations

from steno.testing.explorer._case import TIME_OUTS, Case, CrashKind, CrashPoint, FaultKind
from steno.testing.explorer._order import OrderKind

TWO_CRASHES = "two crashes"
AN_ORDER_AND_A_CRASH = "an order and a crash"

SAMPLED = frozenset({TWO_CRASHES, AN_ORDER_AND_A_CRASH})
"""The sorts of which there is always a sample."""

_ORDERS = {
    OrderKind.UNWIND: "an unwinding is ordered",
    OrderKind.CANCEL: "an unwinding that cancels calls is ordered",
    OrderKind.CANCEL_AT_END_OF: "a call is cancelled after its effect",
    OrderKind.DEADLINE: "the deadline comes",
    OrderKind.PAUSE: "a pause, and a resume in another process",
    OrderKind.UNWIND_AT_END: "an unwinding after success",
    OrderKind.DEADLINE_AT_END: "a deadline after the end",
    OrderKind.SIGNAL_EARLY: "a signal is early",
    OrderKind.SIGNAL_TWICE: "a signal is sent twice",
    OrderKind.RETRY: "a repair: retry",
    OrderKind.COMPLETE: "a repair: complete by hand",
    OrderKind.FAIL: "a repair: fail",
    OrderKind.ABANDON: "a repair: abandon",
}
_OF_HELD = {
    OrderKind.UNWIND_AT_END: "a repair: unwind",
    OrderKind.DEADLINE_AT_END: "the deadline comes while it is held",
}
_AT_COMMITS = frozenset({CrashKind.BEFORE_COMMIT, CrashKind.AFTER_COMMIT})


def kind_of(case: Case) -> str:
    """Return the sort of a case, as reports count them."""
    if case.orders:
        return _kind_of_orders(case)
    match case.crashes:
        case ():
            return _crash_free_kind(case)
        case (_,) if case.has_lives:
            return "a crash, then a failure"
        case (CrashPoint(kind=CrashKind.BEFORE_COMMIT),):
            return "a crash before a commit"
        case (CrashPoint(kind=CrashKind.AFTER_COMMIT),):
            return "a crash after a commit"
        case (CrashPoint(kind=CrashKind.AT_END),):
            return "a crash at the end of a call"
        case (CrashPoint(kind=CrashKind.BACKING_OFF),):
            return "a crash while backing off"
        case (CrashPoint(kind=CrashKind.AT_REST),):
            return "a restart a week later"
        case (_,):
            return "a crash within a call"
        case _:
            return TWO_CRASHES


def _kind_of_orders(case: Case) -> str:
    if any(crash.kind in _AT_COMMITS for crash in case.crashes):
        return AN_ORDER_AND_A_CRASH
    last = case.orders[-1].kind
    acting = any(fault.callee.acting for fault in case.faults)
    return (_OF_HELD if acting and last in _OF_HELD else _ORDERS)[last]


def _crash_free_kind(case: Case) -> str:
    faults = case.faults
    kinds = {fault.kind for fault in faults}
    once = any(fault.once for fault in faults)
    if any(fault.callee.of_child for fault in faults):
        return "something fails in a child saga"
    if FaultKind.DELAY in kinds:
        return "a call is held up"
    if FaultKind.REPEAT in kinds:
        return "a call is repeated"
    if any(fault.callee.probing for fault in faults):
        return "a probe fails"
    if any(fault.callee.undoing for fault in faults):
        return "an undo action fails once" if once else "an undo action fails"
    if kinds & TIME_OUTS:
        return "an action times out"
    if once:
        return "an attempt fails"
    if FaultKind.EXHAUST in kinds:
        return "the attempts run out"
    if FaultKind.FAIL_AFTER in kinds:
        return "an action fails after its effect"
    return "an action fails" if faults else "nothing goes wrong"


def stratum(case: Case) -> tuple[str, str]:
    """Return the stratum of a case; samples are spread over all strata."""
    return kind_of(case), _crash_free_kind(case)
