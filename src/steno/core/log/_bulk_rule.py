"""The rule about orders to many sagas, decided a second time; a part of `verify_log`."""

from __future__ import annotations

from collections.abc import Iterable

from steno.core.graph._ids import BulkOrderId
from steno.core.log._event import SagaNodeEvent
from steno.core.log._order import Ordered


def given_again(log: Iterable[SagaNodeEvent]) -> int | None:
    """Return the place of the first order that is part of the same bulk order as one before it."""
    seen: set[BulkOrderId] = set()
    for seq, event in enumerate(log):
        order = event.event_type
        if isinstance(order, Ordered) and order.bulk is not None:
            if order.bulk in seen:
                return seq
            seen.add(order.bulk)
    return None
