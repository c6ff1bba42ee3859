"""Orders: who wanted what of a saga's nodes, and what of that is still in effect."""

from __future__ import annotations

from collections.abc import Iterator

from steno.action import from_timestamp
from steno.cli._text import one_line, short_time, time_text
from steno.core import (
    JSON,
    FlatDag,
    Ordered,
    SagaNodeEvent,
    SagaNodeId,
    Snapshot,
    Verb,
    decode_json,
    escaped,
)


def _orders(snapshot: Snapshot) -> Iterator[tuple[int, SagaNodeEvent, Ordered, bool]]:
    """Yield the orders of a saga, each with its number, and whether it is still in effect."""
    state = snapshot.state
    # Of a saga that is finished nothing is held.
    stopped = () if state.outcome is not None and not state.stuck else state.setbacks.stopped
    latest: dict[SagaNodeId | None, int] = {}
    for seq, event in enumerate(snapshot.log):
        if isinstance(event.event_type, Ordered) and event.event_type.verb is Verb.HOLD:
            latest[event.node_id] = seq
    for seq, event in enumerate(snapshot.log):
        if isinstance(order := event.event_type, Ordered):
            held = event.node_id is not None and event.node_id in stopped
            in_effect = held and latest.get(event.node_id) == seq
            yield seq, event, order, in_effect


def order_lines(snapshot: Snapshot) -> Iterator[str]:
    """Yield a line for each order, after a heading; nothing if there are none."""
    flat = snapshot.dag.flat
    for number, (_, event, order, in_effect) in enumerate(_orders(snapshot)):
        if not number:
            yield "\norders:"
        time = None if event.time is None else from_timestamp(event.time)
        why = "" if order.why is None else f": {one_line(order.why)}"
        effect = " (in effect)" if in_effect else ""
        words = filter(None, (order.verb.value, details_text(order), _path(flat, event.node_id)))
        what = f"{escaped(' '.join(words))} by {one_line(order.by)}"
        yield f"    {short_time(time)} {what}{why}{effect}"


def details_text(order: Ordered) -> str:
    """Return what belongs to some orders only."""
    if order.verb is Verb.DEADLINE:
        return "none" if order.at is None else time_text(from_timestamp(order.at))
    if order.signal is not None:
        return order.signal
    return "and cancel" if order.cancel else ""


def _path(flat: FlatDag, node: SagaNodeId | None) -> str:
    return "" if node is None else flat.path(node).removeprefix("/")


def orders_json(snapshot: Snapshot) -> JSON:
    """Return the JSON of the orders of a saga."""
    return [
        {
            "seq": seq,
            "node": event.node_id,
            "name": _path(snapshot.dag.flat, event.node_id) or None,
            "verb": order.verb.value,
            "by": order.by,
            "why": order.why,
            "cancel": order.cancel,
            "at": None if order.at is None else time_text(from_timestamp(order.at)),
            "signal": order.signal,
            "value": None if order.value is None else decode_json(order.value),
            "time": None if event.time is None else time_text(from_timestamp(event.time)),
            "in_effect": in_effect,
        }
        for seq, event, order, in_effect in _orders(snapshot)
    ]
