"""
What users test with: their stores against the port, with `steno.testing.conformance`.

Nothing here imports a test framework; pytest with pytest-trio is what the examples use.

* `run_seeded`: runs an async function in virtual time, with the schedule of a seed. `seeded` does
  so for any `trio.run`; `Steps` counts steps of tasks, and cuts in before one. `check_schedule`
  finds out whether all this holds with the Trio that is installed.
* `DateClock`: dates in virtual time.
* `FaultyStore`: a store around another, which does as a script says, with `Unavailable`, `Crash`,
  `Refusal`, `Delay`, `Torn`, `Reordered` or a function of one's own as the fault of a batch.
* `explore`: runs a saga through every failure at every moment; raises a `CounterExample`, or
  returns a `Report`. Its guide is `steno.testing.explorer`; an `Outcome` of a `Case` is what a
  check is told.
* `actions_succeed_idempotently`, `action_failure_can_unwind`,
  `action_failure_can_unwind_idempotently`, `assert_no_failed_undo_steps`: parts of the same.
* `verify_log`: whether a log, of any origin, keeps the rules; the first `Breach` of a `LogRule`.
* `steno.testing.strategies`: random sagas as a `SagaSpec`, a `FaultPlan` of what goes wrong with
  it, a `Schedule`; for Hypothesis. `FakeActions` is what they are run with.
* `Playbook`: what the pure machine makes of what it is told, as a script, in the text of
  `steno.testing.notation`.
"""

from steno.core import Breach, LogRule, verify_log
from steno.testing import notation
from steno.testing._choice import Choices, Schedule
from steno.testing._clock import EPOCH, DateClock
from steno.testing._context import action_context
from steno.testing._fake import FakeActions, FakeCall, PlannedError
from steno.testing._fault import (
    Crash,
    Delay,
    Fault,
    Refusal,
    Reordered,
    Torn,
    Unavailable,
    When,
    is_of_several,
    works,
)
from steno.testing._faulty_store import Commit, FaultyStore, Script
from steno.testing._omicron import (
    action_failure_can_unwind,
    action_failure_can_unwind_idempotently,
    actions_succeed_idempotently,
    assert_no_failed_undo_steps,
)
from steno.testing._plan import HARMLESS, LASTING, UNDO_FAULTS, FaultPlan, NodeFault
from steno.testing._playbook import Playbook
from steno.testing._schedule import Steps, check_schedule, run_seeded, seeded
from steno.testing._spec import ActionSpec, ConstantSpec, NodeSpec, SagaSpec, SubsagaSpec
from steno.testing.explorer import Case, CounterExample, Outcome, Report, explore

__all__ = [
    "EPOCH",
    "HARMLESS",
    "LASTING",
    "UNDO_FAULTS",
    "ActionSpec",
    "Breach",
    "Case",
    "Choices",
    "Commit",
    "ConstantSpec",
    "CounterExample",
    "Crash",
    "DateClock",
    "Delay",
    "FakeActions",
    "FakeCall",
    "Fault",
    "FaultPlan",
    "FaultyStore",
    "LogRule",
    "NodeFault",
    "NodeSpec",
    "Outcome",
    "PlannedError",
    "Playbook",
    "Refusal",
    "Reordered",
    "Report",
    "SagaSpec",
    "Schedule",
    "Script",
    "Steps",
    "SubsagaSpec",
    "Torn",
    "Unavailable",
    "When",
    "action_context",
    "action_failure_can_unwind",
    "action_failure_can_unwind_idempotently",
    "actions_succeed_idempotently",
    "assert_no_failed_undo_steps",
    "check_schedule",
    "explore",
    "is_of_several",
    "notation",
    "run_seeded",
    "seeded",
    "verify_log",
    "works",
]
