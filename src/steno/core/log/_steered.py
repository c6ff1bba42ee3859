"""
The rules about orders on a saga, decided a second time; a part of `verify_log`.

Nothing is folded: each rule compares the places of the last orders of each kind before an event.
"""

from __future__ import annotations

from bisect import bisect_left
from typing import Final

import attrs

from steno.core._value import JsonText
from steno.core.graph._flat import FlatDag
from steno.core.graph._ids import SagaNodeId
from steno.core.log._event import SagaNodeEvent, Started, Succeeded, UndoStarted
from steno.core.log._order import OF_NODES, Ordered, Verb

_NEVER: Final = -1


@attrs.frozen(eq=False)
class SteeringRules:
    """
    What can be said of a log with orders on its saga.

    Attributes:
        flat: The saga's graph.
        log: The log.
        given: The places of the orders on the saga, by their verbs.
        starts: The places at which something was begun.
        signals: The places of the signals that were sent, by their names.
        succeeded: The first place at which each node has succeeded.
    """

    flat: FlatDag
    log: tuple[SagaNodeEvent, ...]
    given: dict[Verb, list[int]]
    starts: list[int]
    signals: dict[str, list[int]]
    succeeded: dict[SagaNodeId, int]

    @classmethod
    def of(cls, flat: FlatDag, log: tuple[SagaNodeEvent, ...]) -> SteeringRules:
        """Note where the orders stand."""
        given: dict[Verb, list[int]] = {}
        starts: list[int] = []
        signals: dict[str, list[int]] = {}
        succeeded: dict[SagaNodeId, int] = {}
        for seq, event in enumerate(log):
            what = event.event_type
            if event.node_id is None:
                if isinstance(what, Ordered):
                    given.setdefault(what.verb, []).append(seq)
                    signals.setdefault(what.signal or "", []).append(seq)
            elif isinstance(what, Started | UndoStarted):
                starts.append(seq)
            elif isinstance(what, Succeeded):
                succeeded.setdefault(event.node_id, seq)
        return cls(flat, log, given, starts, signals, succeeded)

    def last(self, seq: int, *verbs: Verb) -> int:
        """Return the place of the last order of some verbs before an event; -1 if there is none."""
        return max(_last_before(self.given.get(verb, []), seq) for verb in verbs)

    @property
    def unwound(self) -> int | None:
        """Where the first order to unwind stands."""
        return min(self.given.get(Verb.UNWIND, ()), default=None)

    def is_paused(self, seq: int) -> bool:
        """Return True if an event stands in a pause."""
        return self.last(seq, Verb.PAUSE) > self.last(seq, Verb.RESUME, Verb.UNWIND)

    def has_begun(self, seq: int) -> bool:
        """Return True if the saga was started before an event, and not imported since."""
        imported = self.last(seq, Verb.IMPORT)
        if self.last(seq, Verb.START, Verb.UNWIND, Verb.ABANDON) > imported:
            return True
        return _last_before(self.starts, seq) > imported

    def sent(self, seq: int, signal: str) -> JsonText | None:
        """Return the value that was last sent under a name before an event, if one was."""
        place = _last_before(self.signals.get(signal, []), seq)
        order = None if place == _NEVER else self.log[place].event_type
        return order.value if isinstance(order, Ordered) else None

    def check_node(self, seq: int) -> str | None:
        """Return why an event of a node may not stand where it does; None if it may."""
        if self.last(seq, Verb.ABANDON) != _NEVER:
            return "the saga was abandoned before it"
        if isinstance(self.log[seq].event_type, Started | UndoStarted) and self.is_paused(seq):
            return "it stands in a pause"
        return None

    def check_saga(self, seq: int, *, unwinding: bool, ended: str | None) -> str | None:
        """
        Return why an order on the saga may not stand where it does; None if it may.

        Args:
            seq: Its place.
            unwinding: Whether the saga unwinds by then.
            ended: How it has ended by then, if it has: "succeeded", "undone" or "stuck".
        """
        order = self.log[seq].event_type
        if not isinstance(order, Ordered) or order.verb in OF_NODES:
            return "it is of no node"
        if order.verb is Verb.IMPORT:
            return None
        begun = self.has_begun(seq)
        if begun and self.last(seq, Verb.ABANDON) != _NEVER:
            return "the saga was abandoned before it"
        if begun and ended is not None:
            allowed = {"succeeded": {Verb.UNWIND}, "stuck": {Verb.ABANDON, Verb.RESUME}}
            if order.verb not in allowed.get(ended, set()):
                return f"the saga is {ended} by then"
        match order.verb:
            case Verb.START if begun:
                return "the saga was started before it"
            case Verb.PAUSE if self.is_paused(seq):
                return "the saga is paused already"
            case Verb.RESUME if not self.is_paused(seq):
                return "the saga is not paused"
            case Verb.UNWIND if unwinding and begun and not (order.cancel or self.is_paused(seq)):
                return "the saga unwinds already"
            case Verb.SIGNAL:
                return self._check_signal(seq, order)
            case _:
                return None

    def _check_signal(self, seq: int, order: Ordered) -> str | None:
        nodes = self.flat.signals.get(order.signal or "", ())
        if not nodes:
            return f'no node waits for a signal "{order.signal}"'
        sent = self.sent(seq, order.signal or "")
        if sent in {None, order.value}:
            return None
        taken = any(self.succeeded.get(node, seq) < seq for node in nodes)
        return "a node has taken another value of its signal" if taken else None


def _last_before(places: list[int], seq: int) -> int:
    """Return the last of some places, in order, that is before another; -1 if none is."""
    index = bisect_left(places, seq)
    return places[index - 1] if index else _NEVER
