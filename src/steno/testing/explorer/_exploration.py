"""
The exploration: all cases of a saga, those without a crash first, as far as the budget goes.

How many cases there are with a crash is known when those without have been run. It stops at the
first run with which something is wrong, and looks for a smaller one that shows the same.
"""

from __future__ import annotations

import bisect
import itertools
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from random import Random

import attrs

from steno.testing.explorer._case import Case
from steno.testing.explorer._case_plan import (
    CasePlan,
    crashes_of,
    failures,
    is_to_crash,
    kind_of,
    second_crashes_of,
)
from steno.testing.explorer._explored_saga import ExploredSaga
from steno.testing.explorer._probe import Pace
from steno.testing.explorer._record import Problem, Ran
from steno.testing.explorer._report import TWO_CRASHES, Count, Report
from steno.testing.explorer._run import quiet, run_case
from steno.testing.explorer._sample import sample
from steno.testing.explorer._shrink import Shrinker
from steno.testing.explorer._text import counterexample_text

PAIRS = 8
"""Of how many cases with one crash there is one with two."""

Progress = Callable[[int, int | None], object]


class CounterExample(AssertionError):
    """
    A case in which a saga does not do what it has to; the text says all that is known of it.

    Attributes:
        case: The case.
        kind: What sort of thing is wrong, in a few words.
        error: The exception of the user's code that shows it, if one does.
    """

    def __init__(self, text: str, case: Case, problem: Problem) -> None:
        super().__init__(text)
        self.case = case
        self.kind = problem.kind.value
        self.error = problem.error


@attrs.define(eq=False)
class Exploration:
    """
    Runs cases of a saga.

    Args:
        subject: What is explored.
        seeds: How many schedules there are.
        budget: How many runs there may be; None: all.
        seed: What samples are drawn with.
        after_effect: Whether actions fail after their effect, too.
        progress: Is told how many runs there were, and how many there will be, if that is known.
    """

    subject: ExploredSaga
    seeds: int = 1
    budget: int | None = None
    seed: int = 0
    after_effect: bool = False
    progress: Progress | None = None
    stopped: bool = attrs.field(init=False, default=False)
    _pace: Pace = attrs.field(init=False, factory=Pace)
    _random: Random = attrs.field(init=False)
    _began: float = attrs.field(init=False, factory=time.perf_counter)
    _runs: Counter[str] = attrs.field(init=False, factory=Counter)
    _cases: Counter[str] = attrs.field(init=False, factory=Counter)
    _commits: int = attrs.field(init=False, default=0)
    _total: int | None = attrs.field(init=False, default=None)

    def __attrs_post_init__(self) -> None:
        """Seed what draws samples."""
        self._random = Random(self.seed)  # noqa: S311 - it has to be repeatable

    # What is run

    def explore(self) -> Report:
        """Run all there is to run."""
        cases = self._without_crash()
        singles = self.choose(cases, self._left - self._left // PAIRS)
        pairs = self._left - len(singles)
        if len(singles) == len(cases):
            pairs = min(pairs, len(singles) // PAIRS)
        self._total = self._made + len(singles) + pairs
        recovered = [self.run(case) for case in singles]
        self._with_two_crashes(recovered, pairs)
        return self.report()

    def only(self, case: Case) -> Report:
        """Run one case, and nothing else that counts."""
        with quiet():
            self._pace = Pace(run_case(self.subject, Case(), Pace()).seconds)
        self.choose([case], 1)
        self.run(case, shrinking=False)
        return self.report()

    def run_each(self, cases: Iterable[Case]) -> list[Ran]:
        """Run cases without a crash; the checkpoints of their calls are counted."""
        return [self.run(case, counting=True) for case in cases]

    def begin(self) -> list[Ran]:
        """Run the saga without a fault, in each schedule."""
        (first,) = self.run_each(self.choose([Case()], 1))
        self._pace = Pace(first.seconds)
        others = [Case(seed=seed) for seed in range(1, self.seeds)]
        return [first, *self.run_each(self.choose(others))]

    def fail_each(self) -> list[Ran]:
        """Run the saga with each action failing in turn."""
        return self.run_each(self.choose(self._failures(), self._left // 2))

    def _failures(self) -> list[Case]:
        return failures(self.subject, after_effect=self.after_effect)

    def _without_crash(self) -> list[Case]:
        """Run what has no crash; return the cases with one that follow."""
        begun, failed = self.begin(), self.fail_each()
        cases = CasePlan(self.subject, self._failures(), failed, self.seeds).crash_free()
        others = self.run_each(self.choose(cases, self._left // 2))
        rans = [ran for ran in (*begun, *failed, *others) if is_to_crash(ran.case)]
        return [case for ran in rans for case in crashes_of(ran)]

    def _with_two_crashes(self, recovered: Sequence[Ran], count: int) -> None:
        """Lose the SEC that recovers, too, in a sample of the cases."""
        ends = list(itertools.accumulate(2 * ran.commits[-1] for ran in recovered))
        total = ends[-1] if ends else 0
        self._cases[TWO_CRASHES] += total
        for place in sorted(self._random.sample(range(total), min(count, total))):
            first = bisect.bisect_right(ends, place)
            offset = place - (ends[first - 1] if first else 0)
            cases = list(second_crashes_of(recovered[first]))
            self.run(cases[offset])

    # How

    @property
    def _made(self) -> int:
        return sum(self._runs.values())

    @property
    def _left(self) -> int:
        return max(0, (sys.maxsize if self.budget is None else self.budget) - self._made)

    def choose(self, cases: Sequence[Case], count: int | None = None) -> list[Case]:
        """Count the cases that there are, and return as many of them as are to be run."""
        self._cases.update(kind_of(case) for case in cases)
        return sample(cases, self._left if count is None else count, self._random)

    def run(self, case: Case, *, counting: bool = False, shrinking: bool = True) -> Ran:
        """
        Run a case.

        Raises:
            CounterExample: Something is wrong with it, or with a smaller one.
        """
        if self.stopped:
            msg = "the exploration was stopped"
            raise KeyboardInterrupt(msg)
        with quiet():
            ran = run_case(self.subject, case, self._pace, counting=counting)
            if ran.problem is not None:
                raise self._counterexample(ran, shrinking=shrinking)
        self._runs[kind_of(case)] += 1
        self._commits += sum(ran.commits)
        if self.progress is not None:
            self.progress(self._made, self._total)
        ran.forget()
        return ran

    def _counterexample(self, ran: Ran, *, shrinking: bool) -> CounterExample:
        if shrinking:
            again = Shrinker(lambda case: run_case(self.subject, case, self._pace, counting=True))
            ran = again.smallest(ran)
        assert ran.problem is not None  # noqa: S101 - a smaller run has the same
        return CounterExample(counterexample_text(self.subject, ran), ran.case, ran.problem)

    def report(self) -> Report:
        """Return what was done so far."""
        counts = (Count(kind, self._runs[kind], cases) for kind, cases in self._cases.items())
        seconds = time.perf_counter() - self._began
        return Report(self.subject.dag.saga_name, tuple(counts), self._commits, seconds, self.seed)
