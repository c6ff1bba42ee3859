"""
The explorer: a saga is run through every failure at every moment.

* `_case`: what goes wrong in one run, as data and as a line of text. `_subject`: what is explored.
* `_probe`, `_run`: one run. `_record`, `_outcome`: what was seen of it. `_judge`: if it is right.
* `_plan`, `_sample`: which runs there are, and which of them are made. `_shrink`: the smallest.
* `_exploration`, `_explore`: all of them. `_report`, `_text`: what people are told.
"""

from steno.testing.explorer._case import Callee, Case, Crash, CrashKind, Fault, FaultKind, read_case
from steno.testing.explorer._exploration import CounterExample, Exploration
from steno.testing.explorer._explore import (
    BUDGET,
    DAY,
    SEEDS,
    Attach,
    Check,
    explore,
    make_subject,
    outside_of_trio,
)
from steno.testing.explorer._outcome import Outcome
from steno.testing.explorer._probe import PlannedFailure
from steno.testing.explorer._report import Count, Report

__all__ = [
    "BUDGET",
    "DAY",
    "SEEDS",
    "Attach",
    "Callee",
    "Case",
    "Check",
    "Count",
    "CounterExample",
    "Crash",
    "CrashKind",
    "Exploration",
    "Fault",
    "FaultKind",
    "Outcome",
    "PlannedFailure",
    "Report",
    "explore",
    "make_subject",
    "outside_of_trio",
    "read_case",
]
