"""Judging a run: by the engine's guarantees, the plan of its case, and the user's check."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable, Iterator

import attrs
import trio

from steno.core import (
    Failed,
    FailedInDoubt,
    SagaCachedState,
    SagaDag,
    SagaId,
    SagaResultErr,
    UndoFailed,
    read_flat,
    verify_log,
)
from steno.store import ListQuery, StoredSaga
from steno.stores import InMemorySecStore
from steno.testing.explorer._callee import Callee
from steno.testing.explorer._case import (
    FAILURES,
    CallFault,
    Case,
    CrashKind,
    FaultKind,
)
from steno.testing.explorer._explored_saga import ExploredSaga
from steno.testing.explorer._held import HeldNode, held_nodes_of
from steno.testing.explorer._outcome import Outcome
from steno.testing.explorer._planned_end import declared_by, planned_end
from steno.testing.explorer._record import EXPLORED, Call, CallEnd, Problem, ProblemKind, Ran

_ALL = ListQuery(limit=1_000_000)

_SUCCEEDED, _FAILED, _STUCK = (
    SagaCachedState.SUCCEEDED,
    SagaCachedState.FAILED,
    SagaCachedState.STUCK,
)

_ENDS = {_STUCK: "got stuck", SagaCachedState.ABANDONED: "been abandoned"}


async def judge_run(
    subject: ExploredSaga,
    dag: SagaDag,
    ran: Ran,
    store: InMemorySecStore,
    check: Callable[[Outcome], Awaitable[None]],
) -> None:
    """Note the first problem of a run, if there is any."""
    await trio.lowlevel.checkpoint()
    problems = _problems(subject, dag, ran, store)
    if ran.problem is None and (found := next(problems, None)) is not None:
        ran.note(found)
    if ran.problem is None and ran.result is not None:
        try:
            await check(Outcome(ran.case, ran.result, subject.names))
        except Exception as error:  # noqa: BLE001 - a check may raise any exception
            ran.note(Problem(ProblemKind.CHECK, f"the check failed{_shown(error)}", error))
    if ran.problem is None and (missed := next(_unreached(subject, ran), None)) is not None:
        text = (
            f"{missed!r} was planned and never happened: the run took another course than the "
            "one that it was planned for. An action depends on more than its context: on real "
            "time, randomness, threads, or what an earlier run has left"
        )
        ran.note(Problem(ProblemKind.UNREACHED, text))


def _problems(
    subject: ExploredSaga, dag: SagaDag, ran: Ran, store: InMemorySecStore
) -> Iterator[Problem]:
    yield from _breaches(dag, store)
    if ran.held:
        yield from _wrongly_held(subject, dag, ran)
    if ran.result is None:
        return
    assert ran.stored is not None  # noqa: S101 - it has a result
    if tuple(ran.result.saga_log.events) != ran.stored.events:
        yield Problem(
            ProblemKind.RULE, "a waiter was given a result that differs from what is durable"
        )
    if subject.beside is None:
        yield from _refused_repairs(ran)
    yield from _wrong_end(subject, ran, ran.stored)
    yield from _other_outputs(call for call in ran.calls if call.callee.node not in subject.varying)


def _breaches(dag: SagaDag, store: InMemorySecStore) -> Iterator[Problem]:
    """Yield a problem for each log that breaks a rule."""
    for summary in store.list(_ALL):
        stored = store.load(summary.saga_id)
        assert stored is not None  # noqa: S101 - it is in the list
        own = dag
        if summary.saga_id != EXPLORED:
            own = SagaDag.of_flat(read_flat(stored.dag_text), stored.params)
        breach = verify_log(own, stored.events, saga_id=summary.saga_id, finished=summary.state)
        if breach is not None:
            text = (
                f"the log of saga {summary.saga_id} breaks a rule: {breach}; this is a bug in steno"
            )
            yield Problem(ProblemKind.RULE, text)


# The end


def _wrong_end(subject: ExploredSaga, ran: Ran, stored: StoredSaga) -> Iterator[Problem]:
    """Yield a problem if the saga ended otherwise than planned."""
    state, planned = stored.summary.state, planned_end(subject, ran)
    if state is planned or _is_excused(subject, ran, stored, planned):
        return
    culprit = _failed_call(ran, stored)
    if state is _STUCK and isinstance(ran.result, SagaResultErr):
        yield _stuck(ran, ran.result)
    elif planned is _SUCCEEDED and culprit is not None:
        yield _unplanned(ran, culprit)
    else:
        text = f"the saga has {_end_name(state)}, and should have {_end_name(planned)}"
        yield Problem(ProblemKind.END, f"{text}{_told_by_probe(ran)}")


def _refused_repairs(ran: Ran) -> Iterator[Problem]:
    """Yield a problem for each order in the end that was refused: it was planned for that end."""
    for order, why in ran.refused.items():
        if order in ran.case.at_end:
            yield Problem(ProblemKind.UNREACHED, f"{str(order)!r} was planned, but {why}")


def _told_by_probe(ran: Ran) -> str:
    """Return what a probe has said of an action that was not called, to be added to a text."""
    for probe in ran.calls:
        if probe.callee.probing and probe.explored and probe.output is not None:
            acted = _acted(ran, probe)
            if acted is not None and acted.end is CallEnd.PLANNED and acted.output is None:
                return f": {probe.callee} returned {probe.output}, and nothing was done"
    return ""


def _is_excused(
    subject: ExploredSaga, ran: Ran, stored: StoredSaga, planned: SagaCachedState | None
) -> bool:
    """
    Return True if the faults explain an end other than the planned one.

    They do if the last call of the node that decided the end was made to fail: then no attempt was
    left after a failure from which the saga could have recovered. An action may deal as it likes
    with a failure in a saga that it has created, and the outside world may order any end.
    """
    state = stored.summary.state
    failing = [fault for fault in ran.fired if fault.kind in FAILURES]
    in_child = [fault for fault in failing if fault.callee.node not in subject.nodes]
    if state is _FAILED and planned in {_SUCCEEDED, None}:
        call = _failed_call(ran, stored)
        if call is None:
            return subject.beside is not None
        return bool(in_child) or _was_planned(ran, call)
    if state is _STUCK and planned is not _STUCK:
        call = _last_undo(ran, stored)
        lost = any(fault.callee.undoing for fault in in_child)
        return lost or (call is not None and call.end is CallEnd.PLANNED)
    return subject.beside is not None and planned is None


def _was_planned(ran: Ran, call: Call) -> bool:
    """Return True if a call was made to fail, or is a probe after one that was, and is right."""
    if call.callee.probing and call.end is CallEnd.RETURNED:
        acted = _acted(ran, call)
        if acted is None or acted.end is not CallEnd.PLANNED:
            return False
        return acted.output is None or call.left_open
    return call.end is CallEnd.PLANNED


def _acted(ran: Ran, probe: Call) -> Call | None:
    """Return the last call of the action that a probe was asked about."""
    action = attrs.evolve(probe.callee, probing=False)
    before = ran.calls[: ran.calls.index(probe)]
    return next((call for call in reversed(before) if call.callee == action), None)


def _unplanned(ran: Ran, culprit: Call) -> Problem:
    callee = culprit.callee
    if callee.probing and culprit.end is CallEnd.RETURNED:
        action = attrs.evolve(callee, probing=False)
        text = f"{callee} returned NOT_DONE, but {action} had returned, so it was done"
        return Problem(ProblemKind.END, text)
    error = _last_error(ran.calls, callee)
    text = f"{callee} failed, and that was not planned{_shown(error)}"
    return Problem(ProblemKind.END, text, error)


def _failed_call(ran: Ran, stored: StoredSaga) -> Call | None:
    """Return the last call of the node whose failure began the unwinding; None if none did."""
    kinds = Failed | FailedInDoubt
    failed = next((e.node_id for e in stored.events if isinstance(e.event_type, kinds)), None)
    return ran.last_call(failed, undoing=False)


def _last_undo(ran: Ran, stored: StoredSaga) -> Call | None:
    """Return the last call of the first undo that failed; None if none did."""
    failed = next((e.node_id for e in stored.events if isinstance(e.event_type, UndoFailed)), None)
    return ran.last_call(failed, undoing=True)


def _end_name(state: SagaCachedState | None) -> str:
    return "been held" if state is None else _ENDS.get(state, state.value)


def _stuck(ran: Ran, result: SagaResultErr) -> Problem:
    for call in ran.calls:
        if call.explored and call.callee.undoing and call.end is CallEnd.RAISED:
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


# Held


def _wrongly_held(subject: ExploredSaga, dag: SagaDag, ran: Ran) -> Iterator[Problem]:
    """Yield a problem if a saga is held, and that does not follow from its faults."""
    held = held_nodes_of(subject, dag, ran)
    where = f"the saga is held at {', '.join(str(each.callee) for each in held)}"
    if not any(each.call is not None and _was_planned(ran, each.call) for each in held):
        first = held[0]
        text = f"{where}, and that was not planned{_why_held(first)}"
        yield Problem(ProblemKind.HELD, text, first.error)
    elif (end := planned_end(subject, ran)) is not None and end is not _SUCCEEDED:
        yield Problem(ProblemKind.HELD, f"{where}, and should have {end.value}")


def _why_held(held: HeldNode) -> str:
    """Return why a node is held, to be added to a text."""
    if held.error is None:
        return f": {held.stored}"
    in_child = f": {held.call.callee}" if held.call is not None and not held.call.explored else ""
    return f"{in_child}{_shown(held.error)}"


# Idempotency


def _other_outputs(calls: Iterable[Call]) -> Iterator[Problem]:
    """Yield a problem for each action whose calls for one node returned different outputs."""
    first: dict[tuple[SagaId, int], Call] = {}
    for call in calls:
        # Also of calls that were made to fail afterwards; of a probe that says what was done.
        if call.callee.undoing or call.output is None:
            continue
        before = first.setdefault((call.saga_id, call.node_id), call)
        if before.output != call.output:
            text = (
                f"{call.callee} was called again and returned {call.output}, after "
                f"{before.output}: it is not idempotent. If it may return a new output each "
                "time, pass same_outputs=False"
            )
            if call.callee.probing:
                text = f"{call.callee} returned {call.output}, and the action {before.output}"
            yield Problem(ProblemKind.OUTPUT, text)


# What was planned


def _unreached(subject: ExploredSaga, ran: Ran) -> Iterator[str]:
    if len(ran.crashed) < len(ran.case.crashes):
        yield str(ran.case.crashes[len(ran.crashed)])
    for order in ran.case.at_commits:
        if order not in ran.given and order not in ran.refused and not _may_be_missed(ran.case):
            yield str(order)
    for fault in ran.case.faults:
        if fault not in ran.fired and _is_certain(subject, ran.case, fault):
            yield str(fault)


def _may_be_missed(case: Case) -> bool:
    """Return True if there may be fewer commits than where an order was planned."""
    return bool(case.seed) or any(c.kind is not CrashKind.AT_REST for c in case.crashes)


def _is_certain(subject: ExploredSaga, case: Case, fault: CallFault) -> bool:
    """
    Return True if a fault must occur, wherever the SEC is lost and in each schedule.

    A node concurrent with the one that fails may or may not have begun by then.
    """
    if not (_may_be_missed(case) or case.orders):
        return True
    in_child = fault.callee.node not in subject.nodes
    if in_child or fault.callee.probing or fault.kind is FaultKind.REPEAT:
        return fault.callee.probing and fault.life is not None
    if not fault.callee.undoing:
        # A probe that answers for a call that was cut off takes the place of its repetition.
        return not declared_by(subject, fault).has_probe
    failing = [f.callee for f in case.faults if f.kind in FAILURES and not f.once]
    causes = [callee.node for callee in failing if callee.acting]
    return any(subject.is_before(fault.callee.node, node) for node in causes)
