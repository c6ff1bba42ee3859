"""
The plan: which cases there are.

Cases without a crash are derived from the graph, from what the actions say of their calls, and from
what earlier runs showed. Cases with a crash are derived from the runs without one: from each commit
that was made, and each call.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import cached_property

import attrs

from steno.testing.explorer._callee import Callee
from steno.testing.explorer._case import (
    CallFault,
    Case,
    CrashKind,
    CrashPoint,
    FaultKind,
    of,
)
from steno.testing.explorer._declaration import Declaration
from steno.testing.explorer._explored_saga import ExploredSaga, Nodes
from steno.testing.explorer._pace import Pace
from steno.testing.explorer._record import Call, CallEnd, Ran

MOST_CHECKPOINTS = 32
"""Maximum checkpoints of one call with crashes; if there are more, they are spread evenly."""

COMMIT_CRASHES = (CrashKind.BEFORE_COMMIT, CrashKind.AFTER_COMMIT)

NONE = Nodes(every=False)


def failures(
    subject: ExploredSaga, after_effect: Nodes = NONE, children: Iterable[str] = ()
) -> list[Case]:
    """
    Return the cases in which one action fails.

    Args:
        subject: What is explored.
        after_effect: The nodes that also fail after their effect, whatever their actions say.
        children: The nodes of sagas created by actions.
    """
    late = [node for node in subject.nodes if node in after_effect]
    declared = {node: subject.declarations[subject.actions[node]] for node in late}
    return [
        *(of(CallFault(FaultKind.FAIL, Callee(node))) for node in subject.nodes),
        *(
            of(CallFault(FaultKind.FAIL_AFTER, Callee(node)))
            for node in late
            if declared[node].runs_out()
        ),
        *(of(CallFault(FaultKind.FAIL, Callee(node))) for node in children),
    ]


def setbacks(node: str, declared: Declaration) -> Iterator[CallFault]:
    """Yield the faults of an action that depend on what it says of its calls."""
    callee = Callee(node)
    if declared.retries():
        yield CallFault(FaultKind.FAIL, callee, once=True)
    if declared.can_be_exhausted:
        yield CallFault(FaultKind.EXHAUST, callee)
    if declared.can_fail_after and declared.runs_out():
        yield CallFault(FaultKind.FAIL_AFTER, callee)
    if declared.can_be_late_once:
        yield CallFault(FaultKind.FAIL_AFTER, callee, once=True)
    if not declared.has_timeout:
        return
    if declared.retries(timeout=True):
        yield CallFault(FaultKind.TIME_OUT, callee, once=True)
        if declared.can_be_late:
            yield CallFault(FaultKind.TIME_OUT_AFTER, callee, once=True)
    if declared.runs_out(timeout=True):
        yield CallFault(FaultKind.TIME_OUT, callee)
        if declared.can_time_out_after:
            yield CallFault(FaultKind.TIME_OUT_AFTER, callee)


def undo_setbacks(node: str, declared: Declaration) -> Iterator[CallFault]:
    """Yield the faults of an undo action that depend on what it says of its calls."""
    callee = Callee(node, undoing=True)
    if declared.retries(undoing=True):
        yield CallFault(FaultKind.FAIL, callee, once=True)
    if declared.policy.undo_timeout is None:
        return
    if declared.retries(undoing=True, timeout=True):
        yield CallFault(FaultKind.TIME_OUT, callee, once=True)
    if declared.runs_out(undoing=True, timeout=True):
        yield CallFault(FaultKind.TIME_OUT, callee)


@attrs.frozen(eq=False)
class CasePlan:
    """
    The cases that follow from earlier runs.

    Args:
        subject: What is explored.
        failures: The cases in which one action fails.
        failed: The runs of those that were run.
        seeds: How many schedules there are.
        children: The nodes of sagas created by actions, with the names of their actions.
        pace: How long calls are delayed.
    """

    subject: ExploredSaga
    failures: Sequence[Case]
    failed: Sequence[Ran]
    seeds: int
    children: Mapping[str, str]
    pace: Pace

    def crash_free(self) -> list[Case]:
        """Return all other cases without a crash."""
        own = [case for case in (*self.failures, *self._undo_failures()) if self._is_own(case)]
        cases = [
            *self._undo_failures(),
            *self._repeats(),
            *self._delays(),
            *self._setbacks(),
            *(attrs.evolve(case, seed=seed) for case in own for seed in range(1, self.seeds)),
        ]
        known = set(self.failures)  # an action may be asked for what it has anyway
        return [case for case in cases if case not in known]

    def _is_own(self, case: Case) -> bool:
        return all(fault.callee.node in self.subject.nodes for fault in case.faults)

    @cached_property
    def _declared(self) -> Mapping[str, Declaration]:
        """What the action of each node says of its calls; those of child sagas last."""
        actions = {**self.subject.actions, **self.children}
        return {node: self.subject.declarations[name] for node, name in actions.items()}

    @cached_property
    def _undone_by(self) -> Mapping[str, CallFault]:
        """For each node, a failure that causes its undo, in every schedule if possible."""
        found: dict[str, CallFault] = {}
        certain: set[str] = set()
        for ran in self.failed:
            (fault,) = ran.case.faults
            for node in ran.undone():
                is_certain = self.subject.is_before(node, fault.callee.node)
                if node not in found or (is_certain and node not in certain):
                    found[node] = fault
                if is_certain:
                    certain.add(node)
        return found

    def _undone(self) -> Iterator[tuple[str, Declaration, CallFault]]:
        """Yield the nodes whose undo action can fail, each with a failure that causes its undo."""
        for node, declared in self._declared.items():
            if declared.has_undo and (failure := self._undone_by.get(node)) is not None:
                yield node, declared, failure

    def _undo_failures(self) -> Iterator[Case]:
        for node, declared, failure in self._undone():
            if declared.undo_can_fail:
                yield of(failure, CallFault(FaultKind.FAIL, Callee(node, undoing=True)))

    def _setbacks(self) -> Iterator[Case]:
        for node, declared in self._declared.items():
            yield from map(of, setbacks(node, declared))
        for node, declared, failure in self._undone():
            yield from (of(failure, fault) for fault in undo_setbacks(node, declared))
        for node, declared in self._declared.items():
            if declared.has_probe and declared.can_be_late_once:
                late = CallFault(FaultKind.FAIL_AFTER, Callee(node), once=True)
                asked = CallFault(FaultKind.FAIL, Callee(node, probing=True), once=True)
                yield of(late, asked)

    def _repeats(self) -> Iterator[Case]:
        # A call of a child saga's is repeated within its timeout, which may be too short for that.
        nodes = [n for n, d in self._declared.items() if n in self.subject.nodes or not d.is_timed]
        for node in nodes:
            yield of(CallFault(FaultKind.REPEAT, Callee(node)))
        for node in nodes:
            if (failure := self._undone_by.get(node)) is not None:
                if node in self.subject.nodes:
                    yield of(failure, CallFault(FaultKind.REPEAT, Callee(node)))
                if self._declared[node].has_undo:
                    yield of(failure, CallFault(FaultKind.REPEAT, Callee(node, undoing=True)))

    def _delays(self) -> Iterator[Case]:
        for node in self.subject.concurrent:
            if self.pace.can_hold_up(self._declared[node].policy.timeout):
                yield of(CallFault(FaultKind.DELAY, Callee(node)))
        for node, declared, failure in self._undone():
            if node in self.subject.concurrent and declared.policy.undo_timeout is None:
                yield of(failure, CallFault(FaultKind.DELAY, Callee(node, undoing=True)))

    # Crashes

    def crashes(self, rans: Iterable[Ran]) -> list[Case]:
        """Return the cases with a crash that follow from all runs without one."""
        rans = list(rans)
        cases = [case for ran in rans if is_to_crash(ran.case) for case in crashes_of(ran)]
        whole = next((ran for ran in rans if not ran.case.size and not ran.case.seed), None)
        return [*cases, *([] if whole is None else self._repetitions(whole))]

    def _repetitions(self, whole: Ran) -> Iterator[Case]:
        """Yield the cases in which a crash cuts off a call at its end, and its repetition fails."""
        for call in first_calls(whole.calls):
            declared = self._declared.get(call.callee.node)
            if declared is None or call.end is not CallEnd.RETURNED or not call.callee.acting:
                continue
            crash = CrashPoint(CrashKind.AT_END, 0, call.callee)
            if declared.can_be_repeated_and_fail:
                yield Case((CallFault(FaultKind.FAIL, call.callee, life=1),), (crash,))
            if declared.has_probe and declared.retries():
                asked = attrs.evolve(call.callee, probing=True)
                yield Case((CallFault(FaultKind.FAIL, asked, once=True, life=1),), (crash,))


# Crashes


def is_to_crash(case: Case) -> bool:
    """Return True if there are to be crashes in all commits and calls of a case."""
    # The log of a call that times out is that of one that fails; that attempts run out is the sum
    # of one that fails and a failure for good. Neither has a moment of its own to crash at.
    crashing = {FaultKind.FAIL, FaultKind.FAIL_AFTER}
    return all(fault.kind in crashing and not fault.callee.probing for fault in case.faults)


def crashes_of(ran: Ran) -> Iterator[Case]:
    """Yield the cases in which the SEC is lost once during a run that had no crash."""
    yield from (
        attrs.evolve(ran.case, crashes=(c,)) for c in _commit_crashes(range(1, ran.commits[0] + 1))
    )
    for call in first_calls(ran.calls):
        if call.end is CallEnd.RETURNED:
            crash = CrashPoint(CrashKind.AT_END, 0, call.callee)
            yield attrs.evolve(ran.case, crashes=(crash,))
    for call in first_calls(ran.calls):
        for number in _some(call.checkpoints, MOST_CHECKPOINTS):
            crash = CrashPoint(CrashKind.AT_CHECKPOINT, number, call.callee)
            yield attrs.evolve(ran.case, crashes=(crash,))
    backed_off = {call.callee for call in ran.calls if call.attempt > 1}
    for fault in ran.case.faults:
        if fault.once and fault.callee in backed_off:
            crash = CrashPoint(CrashKind.BACKING_OFF, 0, fault.callee)
            yield attrs.evolve(ran.case, crashes=(crash,))


def second_crashes_of(ran: Ran) -> Iterator[Case]:
    """Yield the cases in which the last SEC of a run is lost at a commit, too."""
    for crash in _commit_crashes(commits_at_end(ran)):
        yield attrs.evolve(ran.case, crashes=(*ran.case.crashes, crash))


def commits_at_end(ran: Ran) -> range:
    """Return the numbers of the commits in the last life of a run that come after its orders."""
    orders = ran.case.at_commits if len(ran.commits) == 1 else ()
    first = max((order.number for order in orders), default=0)
    return range(first + 1, ran.commits[-1] + 1)


def _commit_crashes(commits: Iterable[int]) -> Iterator[CrashPoint]:
    for number in commits:
        yield from (CrashPoint(kind, number) for kind in COMMIT_CRASHES)


def crashes_in(call: Call) -> Iterator[CrashPoint]:
    """Yield the crashes at the end of a call, and at its checkpoints."""
    if call.end is CallEnd.RETURNED:
        yield CrashPoint(CrashKind.AT_END, 0, call.callee)
    for number in _some(call.checkpoints, MOST_CHECKPOINTS):
        yield CrashPoint(CrashKind.AT_CHECKPOINT, number, call.callee)


def first_calls(calls: Iterable[Call]) -> list[Call]:
    """Return the first call of each function."""
    first: dict[Callee, Call] = {}
    for call in calls:
        first.setdefault(call.callee, call)
    return list(first.values())


def _some(count: int, most: int) -> Iterable[int]:
    """Return the numbers from 1 to `count`, or `most` of them, evenly spread."""
    if count <= most:
        return range(1, count + 1)
    return sorted({1 + place * (count - 1) // (most - 1) for place in range(most)})
