"""
The order of a dump's events: as given if that is legal, and otherwise the nearest that is.

Theory of operation. A dump carries no sequence, and Steno's are not always in a causal order. Any
causally closed set of events has a legal order; the one chosen here takes, again and again, the
event that stands first in the dump among those whose cause has been taken. Two rules of order are
not about one node's cause and hold back: nothing is started once something has failed, so a failure
waits for all starts; nothing is undone once an undo has failed, so that waits for all undo starts.
What is left over when nothing can be taken has no cause in the set, and the log is corrupt.

This is Kahn's algorithm ("Topological sorting of large networks", CACM 5(11), 1962) with a heap,
run on the saga's own fold, which knows what is possible next: O(E log E) for E events.
"""

from __future__ import annotations

import heapq
from collections.abc import Reversible, Sequence
from itertools import islice

import attrs

from steno.core.graph._flat import FlatDag
from steno.core.graph._ids import SagaId, SagaNodeId
from steno.core.log._event import (
    Failed,
    SagaNodeEvent,
    Started,
    UndoFailed,
    UndoStarted,
    are_stenos,
)
from steno.core.log._order import Ordered
from steno.core.machine._state import SagaState
from steno.errors import CorruptLog, IllegalEvent


def fold_unordered(flat: FlatDag, saga_id: SagaId, events: Sequence[SagaNodeEvent]) -> SagaState:
    """
    Return the state that a set of events folds to; its log has them in a legal order.

    Those that Steno does not have must be in such an order already.

    Raises:
        IllegalEvent: A node's own events are not a legal log in any order.
        ForeignEvent: An event is of another saga.
        CorruptLog: An event is without its cause, or an order without what follows from it.
    """
    state = _folded(flat, saga_id, events)
    # They are in one transaction, so only a dump can be torn there; and the output of a node that
    # was completed is nowhere else.
    for node, verb in state.setbacks.ordered.items():
        raise CorruptLog(node, Ordered.label, f"nothing follows from the order to {verb.value} it")
    return state


def _folded(flat: FlatDag, saga_id: SagaId, events: Sequence[SagaNodeEvent]) -> SagaState:
    # An order that is legal is kept as it is, so that a dump's order survives a round trip.
    try:
        return SagaState.fold(flat, saga_id, events)
    except (CorruptLog, IllegalEvent):
        # Of attempts a node may have many, so their order cannot be found again.
        if not are_stenos(events):
            raise
        return _Sorter.sort(SagaState.new(flat, saga_id), events)


@attrs.define(eq=False)
class _Sorter:
    state: SagaState
    queues: dict[SagaNodeId, list[tuple[int, SagaNodeEvent]]]  # by node, its next event last
    heap: list[tuple[int, SagaNodeId]]  # whose next event may be taken, by its place in the dump
    starts: int  # not yet taken
    undo_starts: int  # not yet taken
    failures: list[SagaNodeId]  # that wait for the starts
    undo_failures: list[SagaNodeId]  # that wait for the undo starts

    @classmethod
    def sort(cls, state: SagaState, events: Sequence[SagaNodeEvent]) -> SagaState:
        queues: dict[SagaNodeId, list[tuple[int, SagaNodeEvent]]] = {}
        for place, event in enumerate(events):
            if event.node_id is None:  # only an order is of no node, and Steno has no orders
                raise IllegalEvent(None, event.event_type.label, "not that of a node")
            queues.setdefault(event.node_id, []).append((place, event))
        # A node's own events have one legal order, by rank. Descending, so that `pop` takes the
        # next; the place breaks ties between duplicates, which the fold then refuses.
        for queue in queues.values():
            queue.sort(key=lambda item: (-item[1].event_type.rank, -item[0]))
        starts = sum(isinstance(event.event_type, Started) for event in events)
        undo_starts = sum(isinstance(event.event_type, UndoStarted) for event in events)
        sorter = cls(state, queues, [], starts, undo_starts, [], [])
        sorter.run()
        held = {*sorter.failures, *sorter.undo_failures}  # for what is left over: not at fault
        left = [queue[-1] for node, queue in queues.items() if queue and node not in held]
        if left:
            state.apply(min(left, key=_blame)[1])  # raises: it says what is wrong with it
        return state

    def run(self) -> None:
        # Invariant: the heap holds every node whose next event the state would take now, except
        # failures that are held back.
        self.offer_new(self.state.runnable, Started, 1)
        while self.heap:
            _, node = heapq.heappop(self.heap)
            _, event = self.queues[node].pop()
            runnable, undoable = len(self.state.runnable), len(self.state.undoable)
            self.state.apply(event)
            match event.event_type:
                case Started():
                    self.starts -= 1
                case UndoStarted():
                    self.undo_starts -= 1
                case _:
                    pass
            self.offer_result(node)
            # The sets keep insertion order, so what this event has added is their last part; to
            # look at the whole of them each time would make this quadratic.
            self.offer_new(self.state.runnable, Started, len(self.state.runnable) - runnable)
            self.offer_new(self.state.undoable, UndoStarted, len(self.state.undoable) - undoable)
            if not self.starts:
                self.offer_held(self.failures)
            if not self.undo_starts:
                self.offer_held(self.undo_failures)

    def offer_new(self, possible: Reversible[SagaNodeId], kind: type, grown: int) -> None:
        """Offer the nodes that the state has just come to allow: the last `grown` of a set."""
        for node in islice(reversed(possible), max(grown, 0)):
            queue = self.queues.get(node)
            if queue and isinstance(queue[-1][1].event_type, kind):
                heapq.heappush(self.heap, (queue[-1][0], node))

    def offer_result(self, node: SagaNodeId) -> None:
        """Offer the result of a node that was just started, or hold it back."""
        if not (queue := self.queues[node]):
            return
        place, event = queue[-1]
        match event.event_type:
            case Failed():
                self.failures.append(node)
            case UndoFailed():
                self.undo_failures.append(node)
            case Started() | UndoStarted():
                pass  # offered when the state allows it
            case _:
                heapq.heappush(self.heap, (place, node))

    def offer_held(self, held: list[SagaNodeId]) -> None:
        for node in held:
            heapq.heappush(self.heap, (self.queues[node][-1][0], node))
        held.clear()


def _blame(item: tuple[int, SagaNodeEvent]) -> tuple[bool, int]:
    """Put undos last: they may lack nothing but a failure that was held for what is at fault."""
    place, event = item
    return isinstance(event.event_type, UndoStarted), place
