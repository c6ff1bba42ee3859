"""
The explorer: a saga is run through every failure at every moment.

What a user gives is a saga, its actions, a way to make the world that they act on, and a check::

    def make_dag():
        return steno.SagaDag(book_trip, TripParams("The Grand", 120))

    def nothing_is_left(world, outcome):
        assert outcome.stuck or world.bookings == (1 if outcome.succeeded else 0)

    async def test_trip(saga_explorer):
        await saga_explorer(make_dag, registry, World, check=nothing_is_left)

`saga_explorer` is a fixture of the pytest plugin; `explore` is the same without pytest. A world has
all that outlives a process: what other systems know. What dies with a process, as a cache does, is
made by `attach=`, once for each life of a SEC. If the world has an attribute `sec`, it is set, for
actions that create sagas.

What goes wrong in a run is its `Case`, and a case is a line of text::

    fail hotel                              the action is not called, and has failed
    fail summary; fail undo of hotel        the saga has to be stuck
    repeat hotel                            the action is called twice
    delay hotel                             it begins when all that runs beside it has ended
    crash after commit 5                    the SEC is lost, and another opened on the store
    crash before commit 3; seed 1           in another schedule
    crash at the end of undo of hotel       the function has returned, and that is not logged
    crash at checkpoint 2 of hotel          it never goes on from where it waits the second time

A failure is the smallest case that shows it, and `saga_explorer.only("…")` has just that one again.
It is one of these: the saga ended in another way than it had to, or hangs; an undo action failed;
an action that was called again gave another output; the check failed; a point that was planned was
never reached; or the log breaks a rule, which would be a bug of this library.

That an action fails *after* its effect is not among the cases, unless asked for: a node that has
failed is not undone, so what an action did before it raised is its own to take back.

In reading order:

* `_case`: what goes wrong in one run, as data and as a line of text.
* `_explored_saga`: what is explored.
* `_probe`, `_run`: one run. `_record`, `_outcome`: what was seen of it. `_judge`: if it is right.
* `_case_plan`, `_sample`: which runs there are, and which are made. `_shrink`: the smallest.
* `_exploration`, `_explore`: all of them. `_report`, `_text`: what people are told.
* `_omicron`: parts of the same, by the names of Omicron's.
"""

from steno.testing.explorer._case import (
    Callee,
    CallFault,
    Case,
    CrashKind,
    CrashPoint,
    FaultKind,
    read_case,
)
from steno.testing.explorer._exploration import CounterExample
from steno.testing.explorer._explore import (
    BUDGET,
    DAY,
    SEEDS,
    Attach,
    Check,
    explore,
)
from steno.testing.explorer._omicron import (
    action_failure_can_unwind,
    action_failure_can_unwind_idempotently,
    actions_succeed_idempotently,
    assert_no_failed_undo_steps,
)
from steno.testing.explorer._outcome import Outcome
from steno.testing.explorer._probe import PlannedFailure
from steno.testing.explorer._report import Count, Report

__all__ = [
    "BUDGET",
    "DAY",
    "SEEDS",
    "Attach",
    "CallFault",
    "Callee",
    "Case",
    "Check",
    "Count",
    "CounterExample",
    "CrashKind",
    "CrashPoint",
    "FaultKind",
    "Outcome",
    "PlannedFailure",
    "Report",
    "action_failure_can_unwind",
    "action_failure_can_unwind_idempotently",
    "actions_succeed_idempotently",
    "assert_no_failed_undo_steps",
    "explore",
    "read_case",
]
