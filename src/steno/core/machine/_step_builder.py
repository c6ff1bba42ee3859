"""A step while it is made, and the events that several parts of a machine add to it."""

from __future__ import annotations

from steno.core._value import JsonText
from steno.core.graph._ids import SagaNodeId, Timestamp
from steno.core.log._action_error import in_doubt
from steno.core.log._event import Failed, FailedInDoubt, SagaNodeEvent, node_event, success
from steno.core.log._events import EventColumn
from steno.core.machine import _input
from steno.core.machine._command import Command, RefusedOrder, Step, Wait, step_of
from steno.core.machine._state import SagaState


class StepBuilder:
    """
    A step in the making; every event in it is applied the moment it is added.

    Attributes:
        state: The saga's state.
        now: The time of the events.
        record: The events so far.
        then: The commands so far.
        instants: The results so far of what runs no user code, which are not events yet.
        refused: The orders so far that do not apply.
    """

    __slots__ = ("instants", "now", "record", "refused", "state", "then")

    # Written out: there is one for each step, and attrs calls a factory for each list.
    def __init__(self, state: SagaState, now: Timestamp | None) -> None:
        self.state = state
        self.now = now
        self.record: list[SagaNodeEvent] = []
        self.then: list[Command] = []
        self.instants: list[tuple[SagaNodeId, EventColumn]] = []
        self.refused: list[RefusedOrder] = []

    def log(self, node: SagaNodeId | None, what: EventColumn) -> None:
        """Add an event."""
        state, now = self.state, self.now
        # First applied, then recorded: an event that the state refuses must not be stored.
        state.apply_row(node, what, now)
        event_type = success(what) if isinstance(what, str) else what
        self.record.append(node_event(state.log.saga_id, node, event_type, now))

    def wait(self, node: SagaNodeId, again: _input.Again) -> None:
        """Ask to be told when an attempt is due, unless it is held."""
        if again.at is not None:
            self.then.append(Wait(node, again.at))

    def complete_instants(self) -> None:
        """Add the results of what runs no user code."""
        for node, what in self.instants:
            self.log(node, what)
        self.instants.clear()

    def done(self) -> Step:
        """Return the step."""
        return step_of(tuple(self.record), tuple(self.then), tuple(self.refused))


def failure(error: JsonText, *, doubt: bool) -> Failed | FailedInDoubt:
    """Return the event of a node that has failed, in doubt or not."""
    return FailedInDoubt(in_doubt(error)) if doubt else Failed(error)
