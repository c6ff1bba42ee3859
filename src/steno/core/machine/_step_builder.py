"""A step while it is made, and the events that several parts of a machine add to it."""

from __future__ import annotations

import attrs

from steno.core._value import JsonText
from steno.core.graph._ids import SagaNodeId, Timestamp
from steno.core.log._action_error import in_doubt
from steno.core.log._event import Failed, FailedInDoubt, SagaNodeEvent, SagaNodeEventType
from steno.core.machine import _input
from steno.core.machine._command import Command, RefusedOrder, Step, Wait
from steno.core.machine._state import SagaState


@attrs.define(eq=False)
class StepBuilder:
    """A step in the making; every event in it is applied the moment it is added."""

    state: SagaState
    now: Timestamp | None
    record: list[SagaNodeEvent] = attrs.field(factory=list)
    then: list[Command] = attrs.field(factory=list)
    instants: list[tuple[SagaNodeId, SagaNodeEventType]] = attrs.field(factory=list)
    refused: list[RefusedOrder] = attrs.field(factory=list)

    def log(self, node: SagaNodeId | None, event_type: SagaNodeEventType) -> None:
        """Add an event."""
        event = SagaNodeEvent(self.state.log.saga_id, node, event_type, self.now)
        # First applied, then recorded: an event that the state refuses must not be stored.
        self.state.apply(event)
        self.record.append(event)

    def wait(self, node: SagaNodeId, again: _input.Again) -> None:
        """Ask to be told when an attempt is due, unless it is held."""
        if again.at is not None:
            self.then.append(Wait(node, again.at))

    def complete_instants(self) -> None:
        """Add the results of what runs no user code."""
        for node, event_type in self.instants:
            self.log(node, event_type)
        self.instants.clear()

    def done(self) -> Step:
        """Return the step."""
        return Step(tuple(self.record), tuple(self.then), tuple(self.refused))


def failure(error: JsonText, *, doubt: bool) -> Failed | FailedInDoubt:
    """Return the event of a node that has failed, in doubt or not."""
    return FailedInDoubt(in_doubt(error)) if doubt else Failed(error)
