"""The saga log: append-only, and legal for each node by the table of `_status`."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import attrs

from steno.core._event import SagaNodeEvent
from steno.core._ids import SagaId, SagaNodeId
from steno.core._status import TRANSITIONS, UNWINDING, SagaNodeLoadStatus
from steno.errors import ForeignEvent, IllegalEvent

NEVER_STARTED = SagaNodeLoadStatus.NEVER_STARTED


@attrs.define(eq=False)
class SagaLog:
    """
    The events of one saga in their order, and the status of each node that follows from them.

    Whether an event had its cause in *other* nodes is a matter of the graph, and checked where
    that is known: in `SagaState`.
    """

    saga_id: SagaId
    _events: list[SagaNodeEvent] = attrs.field(init=False, factory=list)
    _status: dict[SagaNodeId, SagaNodeLoadStatus] = attrs.field(init=False, factory=dict)
    _unwinding: bool = attrs.field(init=False, default=False)

    @classmethod
    def new_recover(cls, saga_id: SagaId, events: Iterable[SagaNodeEvent]) -> SagaLog:
        """
        Return a log of events that were stored or dumped.

        They are taken in the order given if each node's table allows it, and otherwise stably
        sorted by their types, which makes every node's events legal if anything can.

        Raises:
            ForeignEvent: An event is of another saga.
            IllegalEvent: No order of a node's events is legal.
        """
        given = list(events)
        try:
            return cls._replay(saga_id, given)
        except IllegalEvent:
            return cls._replay(saga_id, sorted(given, key=lambda e: e.event_type.rank))

    @classmethod
    def _replay(cls, saga_id: SagaId, events: Iterable[SagaNodeEvent]) -> SagaLog:
        log = cls(saga_id)
        for event in events:
            log.record(event)
        return log

    def copy(self) -> SagaLog:
        """Return another log of the same events."""
        log = SagaLog(self.saga_id)
        log._events, log._status = self._events.copy(), self._status.copy()
        log._unwinding = self._unwinding
        return log

    @property
    def events(self) -> Sequence[SagaNodeEvent]:
        """The events, oldest first; it grows, and nothing in it ever changes."""
        return self._events

    @property
    def unwinding(self) -> bool:
        """Whether a failure, or the beginning or end of an undo, has been logged."""
        return self._unwinding

    def status(self, node_id: SagaNodeId) -> SagaNodeLoadStatus:
        """Return the status of a node; one without events was never started."""
        return self._status.get(node_id, NEVER_STARTED)

    def next_status(self, event: SagaNodeEvent) -> SagaNodeLoadStatus:
        """
        Return the status that an event would bring its node to; nothing is changed.

        Raises:
            ForeignEvent: It is of another saga.
            IllegalEvent: The node's status does not allow it.
        """
        if event.saga_id is not self.saga_id and event.saga_id != self.saga_id:
            raise ForeignEvent(event.saga_id, self.saga_id)
        current = self._status.get(event.node_id, NEVER_STARTED)
        following = TRANSITIONS.get((current, type(event.event_type)))
        if following is None:
            raise IllegalEvent(event.node_id, event.event_type.label, current.value)
        return following

    def record(self, event: SagaNodeEvent) -> None:
        """
        Append an event; one that is refused changes nothing.

        Raises:
            ForeignEvent: It is of another saga.
            IllegalEvent: The node's status does not allow it.
        """
        self.append(event, self.next_status(event))

    def append(self, event: SagaNodeEvent, status: SagaNodeLoadStatus) -> None:
        """Append an event whose `next_status` was asked for before."""
        self._events.append(event)
        self._status[event.node_id] = status
        if status in UNWINDING:
            self._unwinding = True

    def pretty(self) -> str:
        """Return the log as text for people, a line per event."""
        lines = [
            "SAGA LOG:",
            f"saga id:   {self.saga_id}",
            f"direction: {'unwinding' if self._unwinding else 'forward'}",
            f"events ({len(self._events)} total):",
            "",
        ]
        lines += [f"{count:03d} {event}" for count, event in enumerate(self._events, start=1)]
        return "\n".join(lines) + "\n"
