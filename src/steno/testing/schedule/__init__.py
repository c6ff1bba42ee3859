"""
Deterministic runs: the order of tasks as a function of a seed, and virtual time.

* `run_seeded`: runs an async function in virtual time, with the schedule of a seed. `seeded` does
  so for any `trio.run`. `check_schedule` checks that this works with the installed version of Trio.
* `Steps`: counts steps of tasks, and calls a function before one.
* `DateClock`: dates in virtual time, starting at `EPOCH`.
* `Schedule`: a seed, and a script of `Choices` for everything else that varies in a run.
"""

from steno.testing.schedule._choice import Choices, Schedule
from steno.testing.schedule._date_clock import EPOCH, DateClock
from steno.testing.schedule._seeded import Steps, check_schedule, run_seeded, seeded

__all__ = [
    "EPOCH",
    "Choices",
    "DateClock",
    "Schedule",
    "Steps",
    "check_schedule",
    "run_seeded",
    "seeded",
]
