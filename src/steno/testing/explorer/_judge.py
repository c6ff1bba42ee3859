"""Judging a run: by the engine's guarantees, the plan of its case, and the user's check."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable, Iterator

import trio

from steno.core import (
    Failed,
    SagaCachedState,
    SagaDag,
    SagaId,
    SagaResultErr,
    read_flat,
    verify_log,
)
from steno.store import ListQuery, StoredSaga
from steno.stores import InMemorySecStore
from steno.testing.explorer._case import Callee, CallFault, FaultKind
from steno.testing.explorer._explored_saga import ExploredSaga
from steno.testing.explorer._outcome import Outcome
from steno.testing.explorer._record import EXPLORED, Call, CallEnd, Problem, ProblemKind, Ran

_FAILURES = frozenset({FaultKind.FAIL, FaultKind.FAIL_AFTER})
_ALL = ListQuery(limit=1_000_000)


async def judge_run(
    subject: ExploredSaga,
    ran: Ran,
    store: InMemorySecStore,
    check: Callable[[Outcome], Awaitable[None]],
) -> None:
    """Note the first problem of a run, if there is any."""
    await trio.lowlevel.checkpoint()
    problems = _problems(subject, ran, store)
    if ran.problem is None and (found := next(problems, None)) is not None:
        ran.note(found)
    if ran.problem is None and ran.result is not None:
        try:
            await check(Outcome(ran.case, ran.result))
        except Exception as error:  # noqa: BLE001 - a check may raise any exception
            ran.note(Problem(ProblemKind.CHECK, f"the check failed{_shown(error)}", error))
    if ran.problem is None and (missed := next(_unreached(subject, ran), None)) is not None:
        text = (
            f"{missed!r} was planned and never happened: the run took another course than the "
            "one that it was planned for. An action depends on more than its context: on real "
            "time, randomness, threads, or what an earlier run has left"
        )
        ran.note(Problem(ProblemKind.UNREACHED, text))


def _problems(subject: ExploredSaga, ran: Ran, store: InMemorySecStore) -> Iterator[Problem]:
    yield from _breaches(subject, store)
    if ran.result is None:
        return
    assert ran.stored is not None  # noqa: S101 - it has a result
    if tuple(ran.result.saga_log.events) != ran.stored.events:
        yield Problem(
            ProblemKind.RULE, "a waiter was given a result that differs from what is durable"
        )
    yield from _wrong_end(ran, ran.stored)
    if subject.same_outputs:
        yield from _other_outputs(ran.calls)


def _breaches(subject: ExploredSaga, store: InMemorySecStore) -> Iterator[Problem]:
    """Yield a problem for each log that breaks a rule."""
    for summary in store.list(_ALL):
        stored = store.load(summary.saga_id)
        assert stored is not None  # noqa: S101 - it is in the list
        dag = subject.dag
        if summary.saga_id != EXPLORED:
            dag = SagaDag.of_flat(read_flat(stored.dag_text), stored.params)
        breach = verify_log(dag, stored.events, saga_id=summary.saga_id, finished=summary.state)
        if breach is not None:
            text = (
                f"the log of saga {summary.saga_id} breaks a rule: {breach}; this is a bug in steno"
            )
            yield Problem(ProblemKind.RULE, text)


# The end


def _wrong_end(ran: Ran, stored: StoredSaga) -> Iterator[Problem]:
    """Yield a problem if the saga ended otherwise than planned."""
    state, planned = stored.summary.state, _planned_end(ran)
    if state is planned:
        return
    culprit = _unplanned_failure(ran, stored)
    if state is SagaCachedState.STUCK and isinstance(ran.result, SagaResultErr):
        yield _stuck(ran, ran.result)
    elif planned is SagaCachedState.SUCCEEDED and culprit is not None:
        error = _last_error(ran.calls, culprit)
        text = f"{culprit} failed, and that was not planned{_shown(error)}"
        yield Problem(ProblemKind.END, text, error)
    else:
        text = f"the saga has {state.value}, and should have {planned.value}"
        yield Problem(ProblemKind.END, text)


def _planned_end(ran: Ran) -> SagaCachedState:
    """Return the state in which a saga must end after the faults of its run."""
    failing = [fault for fault in ran.fired if fault.kind in _FAILURES]
    if any(fault.callee.undoing for fault in failing):
        return SagaCachedState.STUCK
    return SagaCachedState.FAILED if failing else SagaCachedState.SUCCEEDED


def _unplanned_failure(ran: Ran, stored: StoredSaga) -> Callee | None:
    """Return the function that failed although no failure was planned; None if none did."""
    failed = {e.node_id for e in stored.events if isinstance(e.event_type, Failed)}
    calls = (c for c in ran.calls if c.saga_id == EXPLORED and not c.callee.undoing)
    return next((c.callee for c in calls if c.node_id in failed), None)


def _stuck(ran: Ran, result: SagaResultErr) -> Problem:
    for call in ran.calls:
        if call.saga_id == EXPLORED and call.callee.undoing and call.end is CallEnd.RAISED:
            text = f"{call.callee} failed, and the saga is stuck{_shown(call.error)}"
            return Problem(ProblemKind.STUCK, text, call.error)
    return Problem(ProblemKind.STUCK, f"the saga is stuck: {result}")


def _last_error(calls: Iterable[Call], callee: Callee) -> BaseException | None:
    errors = [c.error for c in calls if c.callee == callee and c.end is CallEnd.RAISED]
    return errors[-1] if errors else None


def _shown(error: BaseException | None) -> str:
    """Return the first line of an exception; its traceback shows the others."""
    if error is None:
        return ""
    lines = str(error).splitlines()
    return f": {type(error).__name__}: {lines[0]}" if lines else f": {type(error).__name__}"


# Idempotency


def _other_outputs(calls: Iterable[Call]) -> Iterator[Problem]:
    """Yield a problem for each action whose calls for one node returned different outputs."""
    first: dict[tuple[SagaId, int], Call] = {}
    for call in calls:
        if call.callee.undoing or call.end is not CallEnd.RETURNED:
            continue
        before = first.setdefault((call.saga_id, call.node_id), call)
        if before.output != call.output:
            text = (
                f"{call.callee} was called again and returned {call.output}, after "
                f"{before.output}: it is not idempotent. If it may return a new output each "
                "time, pass same_outputs=False"
            )
            yield Problem(ProblemKind.OUTPUT, text)


# What was planned


def _unreached(subject: ExploredSaga, ran: Ran) -> Iterator[str]:
    if len(ran.crashed) < len(ran.case.crashes):
        yield str(ran.case.crashes[len(ran.crashed)])
    for fault in ran.case.faults:
        if fault not in ran.fired and _is_certain(subject, ran, fault):
            yield str(fault)


def _is_certain(subject: ExploredSaga, ran: Ran, fault: CallFault) -> bool:
    """
    Return True if a fault must occur, wherever the SEC is lost and in each schedule.

    A node concurrent with the one that fails may or may not have begun by then.
    """
    if not fault.callee.undoing or not (ran.case.crashes or ran.case.seed):
        return fault.kind is not FaultKind.REPEAT or not ran.case.crashes
    failing = [
        f.callee.node for f in ran.case.faults if f.kind in _FAILURES and not f.callee.undoing
    ]
    return any(subject.is_before(fault.callee.node, node) for node in failing)
