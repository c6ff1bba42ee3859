"""
Helpers with the names of Omicron's, whose engineers wrote them for their own sagas.

Each proves one thing, by means of the explorer; `explore` proves all of them, and crashes too. All
but the last return a `Report`, or raise a `CounterExample`; they may be called in async tests and
in others, with or without `await`.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable
from typing import TypeVar

from steno.action import ActionRegistry
from steno.core import (
    SagaLog,
    SagaNodeEvent,
    SagaResult,
    SagaResultErr,
    SagaResultOk,
    UndoFailed,
    undo_error,
)
from steno.testing.explorer._callee import Callee
from steno.testing.explorer._case import (
    CallFault,
    Case,
    FaultKind,
)
from steno.testing.explorer._exploration import Exploration
from steno.testing.explorer._explore import (
    Attach,
    Check,
    MakeDag,
    make_explored_saga,
    outside_of_trio,
)
from steno.testing.explorer._report import Report

C = TypeVar("C")


def actions_succeed_idempotently(
    make_dag: MakeDag[C],
    registry: ActionRegistry,
    make_context: Callable[[], C | Awaitable[C]],
    *,
    check: Check[C] | None = None,
    attach: Attach[C] | None = None,
) -> Report:
    """
    Run the saga with each action called twice in turn: it succeeds as if called once.

    The arguments are those of `explore`.

    Raises:
        CounterExample: It does not.
    """
    __tracebackhide__ = True
    subject = make_explored_saga(make_dag, registry, make_context, check, attach)
    return _explored(Exploration(subject), _repeat_each)


def action_failure_can_unwind(
    make_dag: MakeDag[C],
    registry: ActionRegistry,
    make_context: Callable[[], C | Awaitable[C]],
    *,
    check: Check[C] | None = None,
    attach: Attach[C] | None = None,
) -> Report:
    """
    Run the saga with each action failing in turn: it is unwound, and `check` finds nothing left.

    The arguments are those of `explore`.

    Raises:
        CounterExample: It is not, or something is left.
    """
    __tracebackhide__ = True
    subject = make_explored_saga(make_dag, registry, make_context, check, attach)
    return _explored(Exploration(subject), Exploration.fail_each)


def action_failure_can_unwind_idempotently(
    make_dag: MakeDag[C],
    registry: ActionRegistry,
    make_context: Callable[[], C | Awaitable[C]],
    *,
    check: Check[C] | None = None,
    attach: Attach[C] | None = None,
) -> Report:
    """
    Run the saga with each action failing in turn, and each undo that follows called twice.

    The arguments are those of `explore`.

    Raises:
        CounterExample: It is not unwound, or something is left.
    """
    __tracebackhide__ = True
    subject = make_explored_saga(make_dag, registry, make_context, check, attach)
    return _explored(Exploration(subject), _fail_each_and_repeat_undos)


def _repeat_each(exploration: Exploration) -> None:
    repeats = [CallFault(FaultKind.REPEAT, Callee(n)) for n in exploration.subject.nodes]
    exploration.run_each(exploration.choose([Case((repeat,)) for repeat in repeats]))


def _fail_each_and_repeat_undos(exploration: Exploration) -> None:
    cases = list[Case]()
    for ran in exploration.fail_each():
        twice = [CallFault(FaultKind.REPEAT, Callee(node, undoing=True)) for node in ran.undone()]
        if twice:
            cases.append(Case((*ran.case.faults, *twice)))
    exploration.run_each(exploration.choose(cases))


def _explored(exploration: Exploration, run: Callable[[Exploration], object]) -> Report:
    """Run the saga without a fault, and then the cases of `run`; return the report."""
    __tracebackhide__ = True

    def explore() -> Report:
        exploration.begin()
        run(exploration)
        return exploration.report()

    return outside_of_trio(exploration, explore)


def assert_no_failed_undo_steps(
    *logs: SagaResult | SagaLog | Iterable[SagaNodeEvent],
) -> None:
    """
    Assert that no undo action has failed.

    Args:
        logs: Results of sagas, their logs, or events.

    Raises:
        AssertionError: One has; the text names each.
    """
    __tracebackhide__ = True
    failed = [
        f"saga {event.saga_id}: the undo of node {event.node_id} failed: "
        f"{undo_error(event.event_type.error).source_error}"
        for log in logs
        for event in _events(log)
        if isinstance(event.event_type, UndoFailed)
    ]
    if failed:
        raise AssertionError("\n".join(failed))


def _events(log: SagaResult | SagaLog | Iterable[SagaNodeEvent]) -> Iterable[SagaNodeEvent]:
    match log:
        case SagaResultOk(saga_log=saga_log) | SagaResultErr(saga_log=saga_log):
            return saga_log.events
        case SagaLog(events=events):
            return events
        case _:
            return log
