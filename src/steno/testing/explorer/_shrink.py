"""Shrinking: finding the smallest case that shows the same problem as a run."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import attrs

from steno.testing.explorer._case import Case
from steno.testing.explorer._case_plan import crashes_of
from steno.testing.explorer._record import Ran

MOST_TRIES = 300
"""Maximum number of runs in search of a smaller case."""


@attrs.define(eq=False)
class Shrinker:
    """
    Searches for a smaller case.

    Args:
        run: Runs a case, and counts its checkpoints.
    """

    _run: Callable[[Case], Ran]
    _tries: int = attrs.field(init=False, default=0)

    def smallest(self, ran: Ran) -> Ran:
        """Return the smallest run found that has the same kind of problem."""
        while (smaller := self._smaller(ran)) is not None:
            ran = smaller
        return ran

    def _smaller(self, ran: Ran) -> Ran | None:
        for case in self._candidates(ran.case):
            if self._tries == MOST_TRIES:
                return None
            self._tries += 1
            tried = self._run(case)
            if _same_problem(tried, ran):
                return tried
        return None

    def _candidates(self, case: Case) -> Iterator[Case]:
        """Yield smaller cases, the smallest first."""
        if case.seed:
            yield attrs.evolve(case, seed=0)
        yield from _with_less(case)
        if len(case.crashes) == 1 and not case.has_lives and not case.orders:
            yield from self._earlier(case)

    def _earlier(self, case: Case) -> Iterator[Case]:
        """Yield the cases with the same faults whose crash comes before this one's."""
        whole = self._run(attrs.evolve(case, crashes=()))
        for earlier in crashes_of(whole):
            if earlier == case:
                return
            yield earlier


def _with_less(case: Case) -> Iterator[Case]:
    if case.crashes and case.faults and not case.has_lives:
        yield attrs.evolve(case, crashes=())
    for place in range(len(case.crashes)):
        yield case.without_crash(place)
    for place in range(len(case.faults)):
        yield attrs.evolve(case, faults=case.faults[:place] + case.faults[place + 1 :])
    for place in range(len(case.orders)):
        yield attrs.evolve(case, orders=case.orders[:place] + case.orders[place + 1 :])


def _same_problem(one: Ran, other: Ran) -> bool:
    if one.problem is None or other.problem is None:
        return False
    return one.problem.kind is other.problem.kind
