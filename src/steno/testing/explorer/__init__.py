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
set, for actions that create sagas. `beside=` is an async function that plays the outside world.

The faults of a run are its `Case`, and a case is a line of text::

    fail hotel                              the action is not called, and its node fails for good
    fail hotel once                         the first attempt fails, and the next one is made
    fail every attempt of hotel             no attempt is made; if in doubt, it is undone
    fail hotel after its effect             each attempt fails after the action has returned
    time out hotel once after its effect    the first attempt times out after it has returned
    fail summary; fail undo of hotel        the saga has to be stuck
    fail summary; fail undo of hotel once   the undo action is called again
    fail probe of hotel once                the probe raises when it is first asked
    repeat hotel                            the action is called twice
    delay hotel                             it begins when everything concurrent has ended
    crash after commit 5                    the SEC is lost, and another is opened on the store
    crash before commit 3; seed 1           in another schedule
    crash at the end of undo of hotel       the function has returned, and that is not logged
    crash at checkpoint 2 of hotel          it never continues from its second checkpoint
    fail hotel once; crash while hotel backs off
    crash at the end of hotel; then fail hotel

Orders are clauses, too. Those after a commit are about the first life of the SEC; those in the end
are given when the saga has ended, or is held::

    unwind after commit 5                   somebody orders to unwind the saga
    unwind and cancel after commit 5        the same, and calls under way are cancelled
    unwind and cancel at the end of hotel   when the function has returned
    deadline after commit 5                 the deadline of the saga has come
    pause after commit 5                    it is paused, and resumed when its calls have ended
    pause after commit 5; restart a week later      the same, and another process resumes it
    unwind in the end; restart a week later         the saga has succeeded, a week ago
    fail hotel; fail undo of payment; retry undo of payment in the end; restart a week later
    fail every attempt of hotel; complete hotel by hand in the end
    signal approval early                   the value is sent before the saga is started
    signal approval twice                   it is sent again, and then another value, in vain

A fault applies in each life of the SEC; after `then` only in the life that follows the crash before
it, and after `at first` only in the first. A node of a saga that an action creates is named by that
saga and the node, as in `fail child:hotel`.

Which faults are planned depends on what an action declares. It times out only if it has a timeout,
is tried again only if it has a `Retry`, and fails after its effect only if it provides for doubt. A
crash needs no declaration: `crash at the end of hotel; then fail hotel` is run for each action that
has an undo and is not atomic. An action that has an undo and does not say what holds in doubt gets
a hint in the report, because its effect is left over if its answer is lost.

A failure is the smallest case that shows it, and `saga_explorer.only("…")` runs that one again.
It is one of these: the saga ended in the wrong way, or hangs; a node is held that was not planned
to be; an undo action failed; an action that was called again returned another output, or its probe
did; the check failed; a planned point was never reached; or the log breaks a rule, which would be a
bug in this library.

Actions that do not provide for doubt fail *after* their effect only with `fail_after_effect=`: a
failed node is not undone, so such an action must itself take back what it did before it raised.

In reading order:

* `_callee`, `_order`, `_case`: the faults and orders of one run. `_read_case`: their line of text.
* `_explored_saga`: what is explored. `_declaration`: what an action says, and so how it can fail.
* `_pace`, `_probe`, `_probed`, `_steering`, `_run`: one run. `_record`, `_outcome`: what happened.
  `_held`: why it stopped. `_planned_end`, `_judge`: whether it is right.
* `_case_plan`, `_order_plan`, `_case_kind`, `_sample`: which cases exist, and which are run.
  `_shrink`: smaller cases.
* `_exploration`, `_explore`: all runs. `_report`, `_hint`, `_order_hint`, `_text`: reports for
  people.
* `_omicron`: parts of an exploration, with Omicron's names.
"""

from steno.testing.explorer._callee import Callee
from steno.testing.explorer._case import (
    CallFault,
    Case,
    CrashKind,
    CrashPoint,
    FaultKind,
)
from steno.testing.explorer._declaration import PlannedFailure
from steno.testing.explorer._exploration import CounterExample
from steno.testing.explorer._explore import (
    BUDGET,
    DAY,
    SEEDS,
    Attach,
    Check,
    MakeDag,
    explore,
)
from steno.testing.explorer._explored_saga import Beside
from steno.testing.explorer._omicron import (
    action_failure_can_unwind,
    action_failure_can_unwind_idempotently,
    actions_succeed_idempotently,
    assert_no_failed_undo_steps,
)
from steno.testing.explorer._order import OrderKind, PlannedOrder
from steno.testing.explorer._outcome import Outcome
from steno.testing.explorer._read_case import read_case
from steno.testing.explorer._report import Count, Report

__all__ = [
    "BUDGET",
    "DAY",
    "SEEDS",
    "Attach",
    "Beside",
    "CallFault",
    "Callee",
    "Case",
    "Check",
    "Count",
    "CounterExample",
    "CrashKind",
    "CrashPoint",
    "FaultKind",
    "MakeDag",
    "OrderKind",
    "Outcome",
    "PlannedFailure",
    "PlannedOrder",
    "Report",
    "action_failure_can_unwind",
    "action_failure_can_unwind_idempotently",
    "actions_succeed_idempotently",
    "assert_no_failed_undo_steps",
    "explore",
    "read_case",
]
