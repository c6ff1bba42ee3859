"""
The explorer: run a saga through every failure at every moment.

The user provides a saga, its actions, a function that makes their world, and a check::

    def make_dag():
        return steno.SagaDag(book_trip, TripParams("The Grand", 120))

    def nothing_is_left(world, outcome):
        assert outcome.stuck or world.bookings == (1 if outcome.succeeded else 0)

    async def test_trip(saga_explorer):
        await saga_explorer(make_dag, registry, World, check=nothing_is_left)

`saga_explorer` is a fixture of the pytest plugin; `explore` is the same without pytest. A world has
everything that outlives a process: the state of other systems. What dies with a process, such as a
cache, is made by `attach=`, once for each life of a SEC. If the world has an attribute `sec`, it is
set, for actions that create sagas.

The faults of a run are its `Case`, and a case is a line of text::

    fail hotel                              the action is not called, and has failed
    fail summary; fail undo of hotel        the saga has to be stuck
    repeat hotel                            the action is called twice
    delay hotel                             it begins when everything concurrent has ended
    crash after commit 5                    the SEC is lost, and another is opened on the store
    crash before commit 3; seed 1           in another schedule
    crash at the end of undo of hotel       the function has returned, and that is not logged
    crash at checkpoint 2 of hotel          it never continues from its second checkpoint

A failure is the smallest case that shows it, and `saga_explorer.only("…")` runs that one again.
It is one of these: the saga ended in the wrong way, or hangs; an undo action failed; an action that
was called again returned another output; the check failed; a planned point was never reached; or
the log breaks a rule, which would be a bug in this library.

Actions that fail *after* their effect are not among the cases unless requested: a failed node is
not undone, so an action must itself take back what it did before it raised.

In reading order:

* `_case`: the faults of one run, as data and as a line of text.
* `_explored_saga`: what is explored.
* `_probe`, `_run`: one run. `_record`, `_outcome`: what happened. `_judge`: whether it is right.
* `_case_plan`, `_sample`: which cases exist, and which are run. `_shrink`: smaller cases.
* `_exploration`, `_explore`: all runs. `_report`, `_text`: reports for people.
* `_omicron`: parts of an exploration, with Omicron's names.
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
