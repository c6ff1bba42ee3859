"""
The plan of orders: which cases there are in which somebody steers the saga, or repairs it.

Those at a commit follow from the runs in which nothing goes wrong; repairs follow from each run
that is stuck or held; an unwinding after success follows from the saga alone.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Sequence
from functools import cached_property
from typing import Final

import attrs

from steno.core import SagaCachedState
from steno.testing.explorer._callee import Callee
from steno.testing.explorer._case import CallFault, Case, CrashKind, CrashPoint, FaultKind
from steno.testing.explorer._case_plan import crashes_in, first_calls, undo_setbacks
from steno.testing.explorer._explored_saga import ExploredSaga
from steno.testing.explorer._order import REPAIRS, OrderKind, PlannedOrder
from steno.testing.explorer._planned_end import fatal_faults, planned_end
from steno.testing.explorer._record import CallEnd, Ran

UNWIND: Final = "unwind"
CANCEL: Final = "cancel"
UNWIND_LATER: Final = "unwind after success"
DEADLINE: Final = "deadline"
PAUSE: Final = "pause"
REPAIR: Final = "repair"
SIGNAL: Final = "signal"

SORTS: Final = (UNWIND, CANCEL, UNWIND_LATER, DEADLINE, PAUSE, REPAIR, SIGNAL)
"""The sorts of orders, as the argument `orders` chooses them."""

A_WEEK_LATER: Final = CrashPoint(CrashKind.AT_REST)


def checked_sorts(orders: bool | str | Collection[str]) -> frozenset[str]:  # noqa: FBT001 - it is the argument
    """
    Return the sorts of orders that an argument chooses.

    Raises:
        ValueError: It names another one.
    """
    if isinstance(orders, bool):
        return frozenset(SORTS if orders else ())
    chosen = frozenset([orders] if isinstance(orders, str) else orders)
    if unknown := sorted(chosen - set(SORTS)):
        msg = f"orders={unknown[0]!r} is not a sort of orders, which are {', '.join(SORTS)}"
        raise ValueError(msg)
    return chosen


@attrs.frozen(eq=False)
class OrderPlan:
    """
    The cases with orders.

    Args:
        subject: What is explored.
        sorts: The sorts of orders that are wanted.
        begun: The runs without a fault, one for each schedule.
        others: The other runs without a crash.
    """

    subject: ExploredSaga
    sorts: frozenset[str]
    begun: Sequence[Ran]
    others: Sequence[Ran]

    def cases(self) -> list[Case]:
        """Return the cases with orders."""
        return [
            *self._at_commits(),
            *self._cancels(),
            *self._pauses(),
            *self._signals(),
            *self._unwindings_later(),
            *(case for ran in self.others for case in self._repairs(ran)),
        ]

    def following(self, rans: Iterable[Ran]) -> list[Case]:
        """Return the cases that follow from runs with orders."""
        rans = list(rans)
        later = [ran for ran in rans if ran.case == LATER]
        return [
            *(case for ran in rans if _fails_later(ran) for case in self._repairs(ran)),
            *(case for ran in later for case in self._crashes_later(ran)),
        ]

    # At a commit

    def _at_commits(self) -> Iterator[Case]:
        """Yield unwindings in each schedule, and deadlines in one: they differ only in who asks."""
        if UNWIND in self.sorts:
            for ran in self.begun:
                for number in range(1, ran.commits[0] + 1):
                    yield _with(ran.case, PlannedOrder(OrderKind.UNWIND, number))
        if DEADLINE in self.sorts:
            for number in range(1, self.begun[0].commits[0]):
                yield _with(Case(), PlannedOrder(OrderKind.DEADLINE, number))

    def _cancels(self) -> Iterator[Case]:
        """Yield unwindings that cancel calls: as they begin, and after they have returned."""
        if CANCEL not in self.sorts:
            return
        whole = self.begun[0]
        for number in range(2, whole.commits[0]):
            yield _with(Case(), PlannedOrder(OrderKind.CANCEL, number))
        for call in first_calls(whole.calls):
            if call.explored and call.end is CallEnd.RETURNED:
                yield _with(Case(), PlannedOrder(OrderKind.CANCEL_AT_END_OF, 0, call.callee))

    def _pauses(self) -> Iterator[Case]:
        """Yield pauses in which the process ends: when it is at rest, and within each call."""
        if PAUSE not in self.sorts:
            return
        whole = self.begun[0]
        for number in range(1, whole.commits[0]):
            yield _with(Case(), PlannedOrder(OrderKind.PAUSE, number), A_WEEK_LATER)
        for call in first_calls(whole.calls):
            if call.explored and call.end is CallEnd.RETURNED:
                crash = CrashPoint(CrashKind.AT_END, 0, call.callee)
                yield _with(Case(), PlannedOrder(OrderKind.PAUSE, call.commit), crash)

    # Signals

    def _signals(self) -> Iterator[Case]:
        if SIGNAL in self.sorts:
            for name in self.subject.signals:
                for kind in (OrderKind.SIGNAL_EARLY, OrderKind.SIGNAL_TWICE):
                    yield _with(Case(), PlannedOrder(kind, name=name))

    # After success

    def _unwindings_later(self) -> Iterator[Case]:
        """Yield unwindings a week after success; undos that are called only then can fail, too."""
        if UNWIND_LATER not in self.sorts:
            return
        yield LATER
        for node in self._undone_only_later:
            declared = self.subject.declarations[self.subject.actions[node]]
            callee = Callee(node, undoing=True)
            faults = [CallFault(FaultKind.REPEAT, callee)]
            if declared.undo_can_fail:
                faults.append(CallFault(FaultKind.FAIL, callee))
            for fault in (*faults, *undo_setbacks(node, declared)):
                yield attrs.evolve(LATER, faults=(fault,))

    @cached_property
    def _undone_only_later(self) -> Sequence[str]:
        """The nodes whose undo no failure causes once they have succeeded, as the last one's."""
        failed = [ran for ran in self.others if all(map(_is_failure, ran.case.faults))]
        undone = {node for ran in failed for node in ran.undone()}
        return [node for node in self.subject.with_undo if node not in undone]

    def _crashes_later(self, ran: Ran) -> Iterator[Case]:
        """Yield crashes within the undos that are called only in such an unwinding."""
        for call in first_calls(call for call in ran.calls if call.callee.undoing):
            if call.callee.node not in self._undone_only_later:
                continue
            for crash in crashes_in(call):
                yield attrs.evolve(ran.case, crashes=(*ran.case.crashes, crash))

    # Repairs

    def _repairs(self, ran: Ran) -> Iterator[Case]:
        """Yield each order that can follow the end of a run that is stuck or held."""
        # An outside world that is played mends what it wants to.
        wanted = REPAIR in self.sorts and self.subject.beside is None and not ran.case.seed
        if not wanted or (end := planned_end(self.subject, ran)) not in _REPAIRED:
            return
        faults = fatal_faults(self.subject, ran)
        callee = next(f.callee for f in faults if f.callee.undoing is (end is not None))
        for kind in _REPAIRED[end]:
            about = callee if kind in REPAIRS else None
            yield _with(ran.case, PlannedOrder(kind, 0, about), A_WEEK_LATER)


_REPAIRED: Final = {
    SagaCachedState.STUCK: (OrderKind.RETRY, OrderKind.COMPLETE, OrderKind.ABANDON),
    None: (
        OrderKind.RETRY,
        OrderKind.COMPLETE,
        OrderKind.FAIL,
        OrderKind.UNWIND_AT_END,
        OrderKind.DEADLINE_AT_END,
        OrderKind.ABANDON,
    ),
}
"""What can be ordered of a saga that is stuck, and of one that is held."""


def _is_failure(fault: CallFault) -> bool:
    """Return True if an action fails for good, and nothing of it has to be undone."""
    return fault.kind is FaultKind.FAIL and fault.callee.acting and not fault.once


def _fails_later(ran: Ran) -> bool:
    """Return True if an undo is to fail in an unwinding after success."""
    case = ran.case
    return case.orders == LATER.orders and all(fault.callee.undoing for fault in case.faults)


def _with(case: Case, order: PlannedOrder, *crashes: CrashPoint) -> Case:
    return attrs.evolve(case, orders=(*case.orders, order), crashes=(*case.crashes, *crashes))


LATER: Final = _with(Case(), PlannedOrder(OrderKind.UNWIND_AT_END), A_WEEK_LATER)
"""An unwinding a week after success."""
