"""The step that all that an executor was told amounts to."""

from __future__ import annotations

from collections.abc import Sequence

from steno.core import Input, SagaMachine, Step, Timestamp, inputs
from steno.runtime._runner import NodeHalted, Told


def decide(
    machine: SagaMachine, waiting: Sequence[Told], now: Timestamp, *, closing: bool
) -> tuple[Step, str | None, bool]:
    """
    Return the step, why the saga is to halt after it, if so, and whether a call was cut off.

    Args:
        machine: What decides.
        waiting: What was told; the first step of a saga comes as it is.
        now: The time of the events.
        closing: Whether the SEC is being left, so that calls may meet that.
    """
    # Nearly always one call has returned.
    if len(waiting) == 1 and isinstance(only := waiting[0], inputs.ActionSucceeded):
        return machine.handle((only,), now), None, False
    told: list[Input] = []
    first: Step | None = None
    problem, cut_off = None, False
    for item in waiting:
        if isinstance(item, Step):
            first = item
        elif not isinstance(item, NodeHalted):
            told.append(item)
        elif item.closing and closing:
            cut_off = True
        else:
            # The saga halts once this step is durable: results that came with it are kept.
            problem = item.problem
    if first is not None and not told:
        return first, problem, cut_off
    step = machine.handle(told, now)
    # Orders may come before the first step was taken; no call is under way yet.
    return (step if first is None else first.followed_by(step)), problem, cut_off
