"""Hints for a counterexample with an order: what such an order asks of a saga."""

from __future__ import annotations

from collections.abc import Iterator

from steno.core import SagaCachedState
from steno.testing.explorer._case import CrashKind
from steno.testing.explorer._explored_saga import ExploredSaga
from steno.testing.explorer._order import OrderKind, PlannedOrder
from steno.testing.explorer._record import ProblemKind, Ran

_OF_USERS = frozenset(
    {
        ProblemKind.CHECK,
        ProblemKind.STUCK,
        ProblemKind.HELD,
        ProblemKind.END,
        ProblemKind.OUTPUT,
        ProblemKind.BY_HAND,
    }
)
"""Problems that may be due to what the order asks of a saga."""


def order_hints(subject: ExploredSaga, ran: Ran) -> tuple[str, ...]:
    """Return what the orders of a run ask of a saga, if that may be its problem."""
    if ran.problem is None or ran.problem.kind not in _OF_USERS:
        return ()
    hints = [hint for order in ran.case.orders for hint in _hints(ran, order)]
    if ran.problem.kind is ProblemKind.CHECK and (kept := _never_undone(subject, ran)):
        named = ", ".join(f'"{node}"' for node in kept)
        hints.append(
            f"nothing undoes {named}: give the action an undo action that takes back its effect, "
            "or let the check allow what it leaves"
        )
    if any(crash.kind is CrashKind.AT_REST for crash in ran.case.crashes):
        hints.append(
            "a week has passed, and another process goes on: what a call needs then belongs in "
            "params, outputs or other systems, not in memory, and must still be good"
        )
    return tuple(dict.fromkeys(hints))


def _hints(ran: Ran, order: PlannedOrder) -> Iterator[str]:
    match order.kind:
        case OrderKind.UNWIND | OrderKind.DEADLINE:
            yield (
                "an unwinding may be ordered at any time: what had succeeded by then is undone, "
                "what was under way ends first and is undone, too, and no action has failed"
            )
        case OrderKind.UNWIND_AT_END if not ran.fired:
            yield (
                "the saga had succeeded, and somebody ordered to unwind it: each node is undone "
                "then, the last one, too. If that will never be ordered, pass orders= without "
                '"unwind after success"'
            )
        case OrderKind.UNWIND_AT_END | OrderKind.DEADLINE_AT_END | OrderKind.FAIL:
            yield (
                "a node that is held fails if the saga is unwound; if an attempt may have had an "
                "effect, its undo action is called in doubt, without an output"
            )
        case OrderKind.CANCEL | OrderKind.CANCEL_AT_END_OF:
            yield (
                "a call that is cancelled may have had its effect or not: its undo action is "
                "called in doubt, without an output"
            )
        case OrderKind.PAUSE:
            yield (
                "a pause lets calls end, and a call that is cut off meanwhile is made again after "
                "the resume, with the same idempotency key"
            )
        case OrderKind.RETRY:
            yield f"{order.callee} had failed, and was called again later, with the same keys"
        case OrderKind.COMPLETE:
            yield (
                f"{order.callee} was called once more outside of the saga, as by somebody who does "
                "it by hand; the saga goes on from there"
            )
        case OrderKind.ABANDON:
            yield (
                "an abandoned saga stays as it stands: allow what is left over if outcome.stuck, "
                "or compare it with outcome.left"
            )
        case OrderKind.SIGNAL_EARLY | OrderKind.SIGNAL_TWICE:
            yield (
                f'the signal "{order.name}" may come at any time, also before any action has been '
                "called: what follows its node must depend on all that it needs"
            )


def _never_undone(subject: ExploredSaga, ran: Ran) -> list[str]:
    """Return the nodes that were unwound, and whose actions have nothing to undo them."""
    if ran.stored is None or ran.stored.summary.state is not SagaCachedState.FAILED:
        return []
    done = {call.callee.node for call in ran.calls if call.callee.acting and call.explored}
    return [node for node in subject.nodes if node in done and node not in subject.with_undo]
