"""
Commands: what a machine asks for. The mirror file of `_input`, which is what it is told.

A `Step` makes write-ahead logging a type: its owner must make `record` durable, in one transaction,
before carrying out `then`.
"""

from __future__ import annotations

from typing import TypeAlias

import attrs

from steno.core.graph._ids import SagaNodeId, Timestamp
from steno.core.log._cached_state import SagaCachedState
from steno.core.log._event import SagaNodeEvent
from steno.core.log._order import Verb
from steno.core.machine._input import Order


@attrs.frozen
class RunAction:
    """
    Call the action of a node; then tell `ActionSucceeded` or `ActionRaised`.

    Attributes:
        node_id: The node.
        times: How often, in sequence; only the last result counts.
        repeats: Whether this is a call that was cut off, made again: it may have taken effect.
        fails: Whether it is not to be made at all, but to fail as injected.
        cancelled: The order by which it is cancelled while no process runs it: it is not made
            again, and `CallCancelled` is told. But one that unwinds the saga cancels only calls of
            actions that provide for doubt; others are made again.
    """

    node_id: SagaNodeId
    times: int = 1
    repeats: bool = False
    fails: bool = False
    cancelled: Verb | None = None


@attrs.frozen
class RunUndo:
    """
    Call the undo action of a node; then tell `UndoSucceeded` or `UndoRaised`.

    Attributes:
        node_id: The node.
        times: How often, in sequence, up to the first error.
    """

    node_id: SagaNodeId
    times: int = 1


@attrs.frozen
class CancelCall:
    """
    Cancel the call of a node; when its task has ended, tell `CallCancelled`.

    If the order is to unwind the saga, only if its action provides for doubt. If it has ended
    already, its result was told, or will be.

    Attributes:
        node_id: The node.
    """

    node_id: SagaNodeId


@attrs.frozen
class Wait:
    """
    Tell `Due` of a node, when its time has come.

    Attributes:
        node_id: The node.
        until: The time; None: the one that a node says for which this one sleeps.
    """

    node_id: SagaNodeId
    until: Timestamp | None


@attrs.frozen
class AwaitDeadline:
    """
    Tell `DeadlineCame`, when the time of the saga's deadline has come.

    Attributes:
        until: The time.
    """

    until: Timestamp


@attrs.frozen
class Finish:
    """
    The saga has ended; the machine takes no more inputs but orders.

    Attributes:
        outcome: How.
    """

    outcome: SagaCachedState


Command: TypeAlias = RunAction | RunUndo | CancelCall | Wait | AwaitDeadline | Finish


@attrs.frozen
class RefusedOrder:
    """
    An order that does not apply, and has changed nothing.

    Attributes:
        order: The order.
        why: Why it was refused, in a sentence.
    """

    order: Order
    why: str


class _StepSlots:
    __slots__ = ("__weakref__", "record", "refused", "then")
    record: tuple[SagaNodeEvent, ...]
    then: tuple[Command, ...]
    refused: tuple[RefusedOrder, ...]


@attrs.frozen
class Step(_StepSlots):
    """
    What follows from some inputs.

    Attributes:
        record: Events to make durable, all in one transaction, before anything else.
        then: What to do once they are.
        refused: Orders among the inputs that do not apply.
    """

    record: tuple[SagaNodeEvent, ...]
    then: tuple[Command, ...]
    refused: tuple[RefusedOrder, ...] = ()

    def followed_by(self, other: Step) -> Step:
        """Return both as one step; whether it ends the saga is for the other one to say."""
        then = (*(each for each in self.then if not isinstance(each, Finish)), *other.then)
        return Step(self.record + other.record, then, self.refused + other.refused)


def step_of(
    record: tuple[SagaNodeEvent, ...],
    then: tuple[Command, ...],
    refused: tuple[RefusedOrder, ...],
) -> Step:
    """Return `Step(record, then, refused)`; see `core.log._event` for why not by that."""
    made = _StepSlots()
    made.record = record
    made.then = then
    made.refused = refused
    made.__class__ = Step
    return made  # type: ignore[return-value]  # it has its class now
