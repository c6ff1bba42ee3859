"""
The plan: which cases there are.

Cases without a crash are derived from the graph, and from what earlier runs showed. Cases with a
crash are derived from the runs without one: from each commit that was made, and each call.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import cached_property

import attrs

from steno.testing.explorer._case import (
    Callee,
    CallFault,
    Case,
    CrashKind,
    CrashPoint,
    FaultKind,
    of,
)
from steno.testing.explorer._explored_saga import ExploredSaga
from steno.testing.explorer._record import Call, CallEnd, Ran

MOST_CHECKPOINTS = 32
"""Maximum checkpoints of one call with crashes; if there are more, they are spread evenly."""

COMMIT_CRASHES = (CrashKind.BEFORE_COMMIT, CrashKind.AFTER_COMMIT)


def kind_of(case: Case) -> str:
    """Return the sort of a case, as reports count them."""
    match case.crashes:
        case ():
            return _crash_free_kind(case)
        case (CrashPoint(kind=CrashKind.BEFORE_COMMIT),):
            return "a crash before a commit"
        case (CrashPoint(kind=CrashKind.AFTER_COMMIT),):
            return "a crash after a commit"
        case (CrashPoint(kind=CrashKind.AT_END),):
            return "a crash at the end of a call"
        case (_,):
            return "a crash within a call"
        case _:
            return "two crashes"


def _crash_free_kind(case: Case) -> str:
    if any(fault.kind is FaultKind.DELAY for fault in case.faults):
        return "a call is held up"
    if any(fault.kind is FaultKind.REPEAT for fault in case.faults):
        return "a call is repeated"
    if case.plans(FaultKind.FAIL, undoing=True):
        return "an undo action fails"
    return "an action fails" if case.faults else "nothing goes wrong"


def stratum(case: Case) -> tuple[str, str]:
    """Return the stratum of a case; samples are spread over all strata."""
    return kind_of(case), _crash_free_kind(case)


def failures(subject: ExploredSaga, *, after_effect: bool) -> list[Case]:
    """Return the cases in which one action fails."""
    kinds = [FaultKind.FAIL, *([FaultKind.FAIL_AFTER] if after_effect else [])]
    return [of(CallFault(kind, Callee(node))) for kind in kinds for node in subject.nodes]


@attrs.frozen(eq=False)
class CasePlan:
    """
    The cases that follow from earlier runs.

    Args:
        subject: What is explored.
        failures: The cases in which one action fails.
        failed: The runs of those that were run.
        seeds: How many schedules there are.
    """

    subject: ExploredSaga
    failures: Sequence[Case]
    failed: Sequence[Ran]
    seeds: int

    def crash_free(self) -> list[Case]:
        """Return all other cases without a crash."""
        return [
            *self._undo_failures(),
            *self._repeats(),
            *self._delays(),
            *(
                attrs.evolve(case, seed=seed)
                for case in (*self.failures, *self._undo_failures())
                for seed in range(1, self.seeds)
            ),
        ]

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

    def _undo_failures(self) -> Iterator[Case]:
        for node in self.subject.with_undo:
            if (failure := self._undone_by.get(node)) is not None:
                yield of(failure, CallFault(FaultKind.FAIL, Callee(node, undoing=True)))

    def _repeats(self) -> Iterator[Case]:
        for node in self.subject.nodes:
            yield of(CallFault(FaultKind.REPEAT, Callee(node)))
        for node in self.subject.nodes:
            if (failure := self._undone_by.get(node)) is not None:
                yield of(failure, CallFault(FaultKind.REPEAT, Callee(node)))
                if node in self.subject.with_undo:
                    yield of(failure, CallFault(FaultKind.REPEAT, Callee(node, undoing=True)))

    def _delays(self) -> Iterator[Case]:
        for node in self.subject.concurrent:
            yield of(CallFault(FaultKind.DELAY, Callee(node)))
        for node in self.subject.concurrent:
            if (
                node in self.subject.with_undo
                and (failure := self._undone_by.get(node)) is not None
            ):
                yield of(failure, CallFault(FaultKind.DELAY, Callee(node, undoing=True)))


# Crashes


def is_to_crash(case: Case) -> bool:
    """Return True if there are to be crashes in all commits and calls of a case."""
    failing = {FaultKind.FAIL, FaultKind.FAIL_AFTER}
    return all(fault.kind in failing for fault in case.faults)


def crashes_of(ran: Ran) -> Iterator[Case]:
    """Yield the cases in which the SEC is lost once during a run that had no crash."""
    yield from (attrs.evolve(ran.case, crashes=(c,)) for c in _commit_crashes(ran.commits[0]))
    for call in _first_calls(ran.calls):
        if call.end is CallEnd.RETURNED:
            crash = CrashPoint(CrashKind.AT_END, 0, call.callee)
            yield attrs.evolve(ran.case, crashes=(crash,))
    for call in _first_calls(ran.calls):
        for number in _some(call.checkpoints, MOST_CHECKPOINTS):
            crash = CrashPoint(CrashKind.AT_CHECKPOINT, number, call.callee)
            yield attrs.evolve(ran.case, crashes=(crash,))


def second_crashes_of(ran: Ran) -> Iterator[Case]:
    """Yield the cases in which the SEC that recovers from a crash is lost at a commit, too."""
    for crash in _commit_crashes(ran.commits[1] if len(ran.commits) > 1 else 0):
        yield attrs.evolve(ran.case, crashes=(*ran.case.crashes, crash))


def _commit_crashes(commits: int) -> Iterator[CrashPoint]:
    for number in range(1, commits + 1):
        yield from (CrashPoint(kind, number) for kind in COMMIT_CRASHES)


def _first_calls(calls: Iterable[Call]) -> list[Call]:
    first: dict[Callee, Call] = {}
    for call in calls:
        first.setdefault(call.callee, call)
    return list(first.values())


def _some(count: int, most: int) -> Iterable[int]:
    """Return the numbers from 1 to `count`, or `most` of them, evenly spread."""
    if count <= most:
        return range(1, count + 1)
    return sorted({1 + place * (count - 1) // (most - 1) for place in range(most)})
