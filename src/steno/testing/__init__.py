"""
Tools for testing sagas and stores.

Nothing here imports a test framework; pytest with pytest-trio is what the examples use.

* `explore`: runs a saga through every failure at every moment; raises a `CounterExample`, or
  returns a `Report`. Its check is given the `Outcome` of each run.
* `actions_succeed_idempotently`, `action_failure_can_unwind`,
  `action_failure_can_unwind_idempotently`, `assert_no_failed_undo_steps`: parts of `explore`.
* `action_context`: a context for the unit test of one action.
* `verify_log`: checks that a log, from any source, keeps the rules.

The rest has modules of its own:

* `steno.testing.explorer`: the guide to `explore`, and its parts.
* `steno.testing.conformance`: the tests that every store must pass, to run on your own store.
* `steno.testing.faults`: stores that fail, and plans of faults in a saga.
* `steno.testing.schedule`: the order of tasks as a function of a seed; virtual time and dates.
* `steno.testing.fakes`: sagas as plain values, with fake actions. `steno.testing.strategies` draws
  them at random, for Hypothesis, which it needs.
* `steno.testing.playbook`: scripts of the pure machine's inputs and steps, in the notation of
  `steno.testing.notation`.
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
