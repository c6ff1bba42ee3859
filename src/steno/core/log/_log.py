"""The saga log: append-only, and legal for each node by the table of `_status`."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import attrs

from steno.core.graph._ids import BulkOrderId, SagaId, SagaNodeId, Timestamp
from steno.core.log._event import SagaNodeEvent, are_stenos
from steno.core.log._events import EventColumn, Events, column_of
from steno.core.log._order import OF_NODES, Ordered, Verb
from steno.core.log._status import ORDERS, TRANSITIONS, UNWINDING, SagaNodeLoadStatus
from steno.errors import CorruptLog, ForeignEvent, IllegalEvent

NEVER_STARTED = SagaNodeLoadStatus.NEVER_STARTED


@attrs.define(eq=False)
class SagaLog:
    """
    The events of one saga in order, and the status of each node that follows from them.

    Whether *other* nodes allow an event depends on the graph, and is checked where that is known:
    in `SagaState`.
    """

    saga_id: SagaId
    _nodes: list[SagaNodeId | None] = attrs.field(init=False, factory=list)
    _whats: list[EventColumn] = attrs.field(init=False, factory=list)
    _times: list[Timestamp | None] = attrs.field(init=False, factory=list)
    _status: dict[SagaNodeId, SagaNodeLoadStatus] = attrs.field(init=False, factory=dict)
    _unwinding: bool = attrs.field(init=False, default=False)

    @classmethod
    def new_recover(cls, saga_id: SagaId, events: Iterable[SagaNodeEvent]) -> SagaLog:
        """
        Return a log of events that were stored or dumped.

        They are taken in the order given if each node's table allows it. Otherwise, if they are of
        the kinds that Steno has, they are stably sorted by these, which makes every node's events
        legal if anything can.

        Raises:
            ForeignEvent: An event is of another saga.
            IllegalEvent: No order of a node's events is legal.
            CorruptLog: A bulk order was given twice.
        """
        given = list(events)
        # Two passes, because a legal order must be kept as it is: sorting by type would change
        # "logged first". The sort is stable, so events of one type keep their order.
        try:
            return cls._replay(saga_id, given)
        except IllegalEvent:
            if not are_stenos(given):
                raise
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
        # Events are immutable, so copies of the columns are enough.
        log._nodes, log._whats = self._nodes.copy(), self._whats.copy()
        log._times = self._times.copy()
        log._status = self._status.copy()
        log._unwinding = self._unwinding
        return log

    @property
    def events(self) -> Sequence[SagaNodeEvent]:
        """The events, oldest first; a live view that grows, and whose entries never change."""
        return Events(self.saga_id, self._nodes, self._whats, self._times)

    @property
    def unwinding(self) -> bool:
        """Whether a failure, an order to unwind, or anything about an undo has been logged."""
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
            CorruptLog: It is an order, and part of a bulk order that was given before.
        """
        # By identity first: comparing UUIDs is Python code, and this runs for each event.
        if event.saga_id is not self.saga_id and event.saga_id != self.saga_id:
            raise ForeignEvent(event.saga_id, self.saga_id)
        node = event.node_id
        current = NEVER_STARTED if node is None else self._status.get(node, NEVER_STARTED)
        following = TRANSITIONS.get((current, type(event.event_type)))
        if following is None and isinstance(event.event_type, Ordered):
            following = ORDERS.get((current, event.event_type.verb))
            self._check_bulk(node, event.event_type)
        if following is None or node is None:
            raise IllegalEvent(node, event.event_type.label, current.value)
        return following

    def has_bulk_order(self, bulk_id: BulkOrderId) -> bool:
        """Return True if an order of the log is part of a bulk order; this looks at all events."""
        return any(isinstance(what, Ordered) and what.bulk == bulk_id for what in self._whats)

    def _check_bulk(self, node: SagaNodeId | None, order: Ordered) -> None:
        # Not kept but looked for: few orders are part of one, and each saga would pay for it.
        if order.bulk is not None and self.has_bulk_order(order.bulk):
            why = f"it is part of bulk order {order.bulk}, as another order before it"
            raise CorruptLog(node, f"{order.label} {order.verb.value}", why)

    def check_steering(self, event: SagaNodeEvent) -> Ordered:
        """
        Return the order on the saga that an event without a node is.

        Raises:
            ForeignEvent: It is of another saga.
            IllegalEvent: It is something else.
            CorruptLog: It is part of a bulk order that was given before.
        """
        if event.saga_id != self.saga_id:
            raise ForeignEvent(event.saga_id, self.saga_id)
        order = event.event_type
        if not isinstance(order, Ordered) or order.verb in OF_NODES:
            raise IllegalEvent(None, order.label, "not that of a node")
        self._check_bulk(None, order)
        return order

    def record(self, event: SagaNodeEvent) -> None:
        """
        Append an event; one that is refused changes nothing.

        Raises:
            ForeignEvent: It is of another saga.
            IllegalEvent: The node's status does not allow it.
            CorruptLog: It is an order, and part of a bulk order that was given before.
        """
        if event.node_id is None:
            self.append_order(self.check_steering(event), event.time)
        else:
            status = self.next_status(event)
            self.append(event.node_id, column_of(event.event_type), event.time, status)

    def append(
        self,
        node: SagaNodeId,
        what: EventColumn,
        time: Timestamp | None,
        status: SagaNodeLoadStatus,
    ) -> None:
        """
        Append an event of a node, given its `next_status`.

        Apart from `record`, so that a caller can check more rules in between and still append
        without a failure half way.
        """
        self._nodes.append(node)
        self._whats.append(what)
        self._times.append(time)
        self._status[node] = status
        if status in UNWINDING:
            self._unwinding = True

    def append_order(self, order: Ordered, time: Timestamp | None) -> None:
        """Append an order on the saga that `check_steering` has let through."""
        self._nodes.append(None)
        self._whats.append(order)
        self._times.append(time)
        if order.verb is Verb.UNWIND:
            self._unwinding = True

    def pretty(self) -> str:
        """Return the log as readable text, a line per event."""
        lines = [
            "SAGA LOG:",
            f"saga id:   {self.saga_id}",
            f"direction: {'unwinding' if self._unwinding else 'forward'}",
            f"events ({len(self._nodes)} total):",
            "",
        ]
        lines += [f"{count:03d} {event}" for count, event in enumerate(self.events, start=1)]
        return "\n".join(lines) + "\n"
