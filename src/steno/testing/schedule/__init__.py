"""
When things happen: the order of tasks, as a function of a seed, and time, which is virtual.

* `run_seeded`: runs an async function in virtual time, with the schedule of a seed. `seeded` does
  so for any `trio.run`. `check_schedule` finds out whether all this holds with the Trio that is
  installed.
* `Steps`: counts steps of tasks, and cuts in before one.
* `DateClock`: dates in virtual time, from the `EPOCH` on.
* `Schedule`: a seed, and a script of `Choices` for all else that is left open in a run.
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
