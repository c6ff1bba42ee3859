"""
Sagas as plain values, and fake actions to run them with.

* `SagaSpec`: a saga, made of `ActionSpec`, `ConstantSpec` and `SubsagaSpec`. For Hypothesis,
  `steno.testing.strategies` draws them at random.
* `FakeActions`: the world of their actions, which records each `FakeCall`, and raises
  `PlannedError` where a `steno.testing.faults.FaultPlan` says so.
"""

from steno.testing.fakes._fake import FakeActions, FakeCall, PlannedError
from steno.testing.fakes._spec import ActionSpec, ConstantSpec, NodeSpec, SagaSpec, SubsagaSpec

__all__ = [
    "ActionSpec",
    "ConstantSpec",
    "FakeActions",
    "FakeCall",
    "NodeSpec",
    "PlannedError",
    "SagaSpec",
    "SubsagaSpec",
]
