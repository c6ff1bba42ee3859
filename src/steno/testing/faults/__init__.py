"""
Faults: stores that fail, and sagas whose actions fail.

* `FaultyStore`: a wrapper of a store that follows a `Script` and records each `Commit`. The
  `Fault` of a batch is `Unavailable`, `Crash`, `Refusal`, `Delay`, `Torn`, `Reordered`, or a
  function of your own, which is given a `Batch` and how to `Record` it, and returns `Outcomes`.
  `When` says when it strikes.
* `FaultPlan`: which faults (`NodeFault`) each node of a saga has.
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
from steno.testing.faults._faulty_store import BulkScript, Commit, FaultyStore, Script

__all__ = [
    "LASTING_FAULTS",
    "UNDO_FAULTS",
    "Batch",
    "BulkScript",
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
