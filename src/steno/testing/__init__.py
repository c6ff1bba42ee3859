"""
What users test with.

Nothing here imports a test framework; pytest with pytest-trio is what the examples use.

* `explore`: runs a saga through every failure at every moment; raises a `CounterExample`, or
  returns a `Report`. Its check is told the `Outcome` of each run.
* `actions_succeed_idempotently`, `action_failure_can_unwind`,
  `action_failure_can_unwind_idempotently`, `assert_no_failed_undo_steps`: parts of the same.
* `action_context`: a context for the unit test of one action.
* `verify_log`: whether a log, of any origin, keeps the rules.

The rest has modules of its own:

* `steno.testing.explorer`: the guide of `explore`, and all that it is made of.
* `steno.testing.conformance`: what every store has to do, to be run over a store of one's own.
* `steno.testing.faults`: stores that fail, and plans of what fails in a saga.
* `steno.testing.schedule`: the order of tasks as a function of a seed; virtual time and dates.
* `steno.testing.fakes`: sagas as plain values, with fake actions. `steno.testing.strategies` draws
  them at random, for Hypothesis, which it needs.
* `steno.testing.playbook`: what the pure machine makes of what it is told, as a script, in the text
  of `steno.testing.notation`.
"""

from steno.core import verify_log
from steno.testing._context import action_context
from steno.testing.explorer import (
    CounterExample,
    Outcome,
    Report,
    action_failure_can_unwind,
    action_failure_can_unwind_idempotently,
    actions_succeed_idempotently,
    assert_no_failed_undo_steps,
    explore,
)

__all__ = [
    "CounterExample",
    "Outcome",
    "Report",
    "action_context",
    "action_failure_can_unwind",
    "action_failure_can_unwind_idempotently",
    "actions_succeed_idempotently",
    "assert_no_failed_undo_steps",
    "explore",
    "verify_log",
]
