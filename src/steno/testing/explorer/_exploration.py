"""
The exploration: all cases of a saga, those without a crash first, within the budget.

The number of cases with a crash is known once those without have been run. It stops at the first
run that fails, and searches for a smaller case that shows the same problem.
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
from steno.testing.explorer._case_kind import AN_ORDER_AND_A_CRASH, TWO_CRASHES, kind_of
from steno.testing.explorer._case_plan import (
    NONE,
    CasePlan,
    commits_at_end,
    failures,
    second_crashes_of,
)
from steno.testing.explorer._explored_saga import ExploredSaga, Nodes
from steno.testing.explorer._hint import doubt_hints, hints_for
from steno.testing.explorer._order_hint import order_hints
from steno.testing.explorer._order_plan import LATER, OrderPlan
from steno.testing.explorer._pace import Pace
from steno.testing.explorer._record import Problem, Ran
from steno.testing.explorer._report import Count, Report
from steno.testing.explorer._run import quiet, run_case
from steno.testing.explorer._sample import sample
from steno.testing.explorer._shrink import Shrinker
from steno.testing.explorer._text import counterexample_text

ORDERS = 4
"""Which part of the budget that is left goes to cases with orders, at most."""

PAIRS = 8
"""How many cases with one crash there are for each with two."""

Progress = Callable[[int, int | None], object]


class CounterExample(AssertionError):
    """
    A case in which a saga does not do what it must; the text says all that is known about it.

    Attributes:
        case: The case.
        kind: The kind of problem, in a few words.
        error: The exception of the user's code that shows it, if any.
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
        budget: The maximum number of runs; None for all.
        seed: The seed for drawing samples.
        after_effect: The nodes that also fail after their effect, whatever their actions say.
        orders: The sorts of orders that are given.
        progress: Called with the number of runs so far, and the total, if known.
    """

    subject: ExploredSaga
    seeds: int = 1
    budget: int | None = None
    seed: int = 0
    after_effect: Nodes = NONE
    orders: frozenset[str] = frozenset()
    progress: Progress | None = None
    stopped: bool = attrs.field(init=False, default=False)
    _pace: Pace = attrs.field(init=False, factory=Pace)
    _random: Random = attrs.field(init=False)
    _began: float = attrs.field(init=False, factory=time.perf_counter)
    _runs: Counter[str] = attrs.field(init=False, factory=Counter)
    _cases: Counter[str] = attrs.field(init=False, factory=Counter)
    _commits: int = attrs.field(init=False, default=0)
    _total: int | None = attrs.field(init=False, default=None)
    _children: dict[str, str] = attrs.field(init=False, factory=dict)  # nodes, and their actions

    def __attrs_post_init__(self) -> None:
        """Seed the generator for samples."""
        self._random = Random(self.seed)  # noqa: S311 - it must be reproducible

    # What is run

    def explore(self) -> Report:
        """Run all cases, and return the report."""
        cases, ordered = self._without_crash()
        singles = self.choose(cases, self._left - self._left // PAIRS)
        spare = self._left - len(singles)
        mixed = min(spare // 2, -(-len(ordered) // PAIRS))
        pairs = spare - mixed
        if len(singles) == len(cases):
            pairs = min(pairs, len(singles) // PAIRS)
        self._total = self._made + len(singles) + mixed + pairs
        recovered = [self.run(case) for case in singles]
        # A fault in one life might not be met if that life is cut short.
        recovered = [ran for ran in recovered if not ran.case.has_lives]
        self._with_another_crash(TWO_CRASHES, recovered, pairs)
        self._with_another_crash(AN_ORDER_AND_A_CRASH, ordered, mixed)
        return self.report()

    def only(self, case: Case) -> Report:
        """Run one case only, and return the report."""
        with quiet():
            self._pace = Pace(run_case(self.subject, Case(), Pace()).seconds)
        self.choose([case], 1)
        self.run(case, shrinking=False)
        return self.report()

    def run_each(self, cases: Iterable[Case]) -> list[Ran]:
        """Run cases without a crash, counting the checkpoints of their calls."""
        return [self.run(case, counting=True) for case in cases]

    def begin(self) -> list[Ran]:
        """Run the saga without a fault, in each schedule."""
        (first,) = self.run_each(self.choose([Case()], 1))
        self._pace = Pace(first.seconds)
        self._children = first.children()
        others = [Case(seed=seed) for seed in range(1, self.seeds)]
        return [first, *self.run_each(self.choose(others))]

    def fail_each(self) -> list[Ran]:
        """Run the saga with each action failing in turn."""
        return self.run_each(self.choose(self._failures(), self._left // 2))

    def _failures(self) -> list[Case]:
        return failures(self.subject, self.after_effect, self._children)

    def _without_crash(self) -> tuple[list[Case], list[Ran]]:
        """
        Run the cases without a crash, and those with orders.

        Returns:
            The cases with one crash that follow from the former, and the runs of the latter.
        """
        begun, failed = self.begin(), self.fail_each()
        plan = CasePlan(
            self.subject, self._failures(), failed, self.seeds, self._children, self._pace
        )
        others = self.run_each(self.choose(plan.crash_free(), self._left // 2))
        ordered = self._with_orders(begun, (*failed, *others))
        return plan.crashes((*begun, *failed, *others)), ordered

    def _with_orders(self, begun: Sequence[Ran], others: Sequence[Ran]) -> list[Ran]:
        """Run the cases in which somebody steers the saga, or repairs it."""
        plan = OrderPlan(self.subject, self.orders, begun, others)
        cases = self.choose(plan.cases(), self._left // ORDERS)
        ordered = [self.run(case, counting=case == LATER) for case in cases]
        following = self.choose(plan.following(ordered), self._left // ORDERS)
        return [*ordered, *map(self.run, following)]

    def _with_another_crash(self, kind: str, recovered: Sequence[Ran], count: int) -> None:
        """Lose the last SEC of a run, too, in a sample of the cases."""
        ends = list(itertools.accumulate(2 * len(commits_at_end(ran)) for ran in recovered))
        total = ends[-1] if ends else 0
        if total:
            self._cases[kind] += total
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
        """Count the cases, and return those to run."""
        self._cases.update(kind_of(case) for case in cases)
        return sample(cases, self._left if count is None else count, self._random)

    def run(self, case: Case, *, counting: bool = False, shrinking: bool = True) -> Ran:
        """
        Run a case, and return the run.

        Raises:
            CounterExample: This case fails; the exception has it, or a smaller one.
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
        assert ran.problem is not None  # noqa: S101 - a smaller run has the same problem
        hints = (
            *hints_for(self.subject, self._children, ran.case),
            *order_hints(self.subject, ran),
        )
        text = counterexample_text(self.subject, ran, hints)
        return CounterExample(text, ran.case, ran.problem)

    def report(self) -> Report:
        """Return the report so far."""
        counts = (Count(kind, self._runs[kind], cases) for kind, cases in self._cases.items())
        seconds = time.perf_counter() - self._began
        name, hints = self.subject.dag.saga_name, doubt_hints(self.subject, self._children)
        return Report(name, tuple(counts), self._commits, seconds, self.seed, hints)
