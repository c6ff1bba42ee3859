"""
What goes wrong: stores that fail, and sagas whose actions do.

* `FaultyStore`: a store around another, which does as a `Script` says, and notes each `Commit`. The
  `Fault` of a batch is `Unavailable`, `Crash`, `Refusal`, `Delay`, `Torn`, `Reordered`, or a
  function of one's own, which is given a `Batch` and how to `Record` it, and returns `Outcomes`.
  `When` says when it strikes.
* `FaultPlan`: what goes wrong with which node of a saga, each a `NodeFault`.
"""

from steno.testing.faults._fault import (
    Batch,
    Crash,
    Delay,
    Fault,
    Outcomes,
    Record,
    Refusal,
    Reordered,
    Torn,
    Unavailable,
    When,
)
from steno.testing.faults._fault_plan import LASTING_FAULTS, UNDO_FAULTS, FaultPlan, NodeFault
from steno.testing.faults._faulty_store import Commit, FaultyStore, Script

__all__ = [
    "LASTING_FAULTS",
    "UNDO_FAULTS",
    "Batch",
    "Commit",
    "Crash",
    "Delay",
    "Fault",
    "FaultPlan",
    "FaultyStore",
    "NodeFault",
    "Outcomes",
    "Record",
    "Refusal",
    "Reordered",
    "Script",
    "Torn",
    "Unavailable",
    "When",
]
