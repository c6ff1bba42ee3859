"""
What orders make of the nodes of a saga: the part of its state that they change.

Theory of operation. An order on a node changes only its node: it stops it, makes its next attempt
due, or says which event has to follow. If it cancels a call, it says how that call ends, and stays
in effect until it has; likewise an order to unwind, for all actions whose calls are under way, if
they provide for that.
"""

from __future__ import annotations

import attrs

from steno.core.graph._ids import SagaNodeId, Timestamp
from steno.core.graph._node import ActionNode, WaitNode
from steno.core.log._event import SagaNodeEvent
from steno.core.log._order import Ordered, Verb
from steno.core.log._status import SagaNodeLoadStatus
from steno.core.machine._frontier import take
from steno.core.machine._order_rules import CALLED, cancelling_refusal, refusal
from steno.core.machine._setback import NO_SETBACKS, Setbacks
from steno.core.machine._steered_frontier import SteeredFrontier


@attrs.define(eq=False)
class OrderedState(SteeredFrontier):
    """The part of a saga's state that orders on its nodes change, and those that cancel calls."""

    def refusal(self, node: SagaNodeId, order: Ordered) -> str | None:
        """Return why an order does not apply to a node, to follow "it"; None if it does."""
        if (ordered := self.setbacks.ordered.get(node)) is not None:
            return f"has an order already, to {ordered.value}"
        if self.has_succeeded or self.steering.abandoned is not None:
            ended = "has succeeded" if self.has_succeeded else "was abandoned"
            return f"is of a saga that {ended}"
        status, verb, flat_node = self.log.status(node), order.verb, self.flat.nodes[node]
        if order.cancel:
            return cancelling_refusal(
                status,
                verb,
                runs_action=isinstance(flat_node, ActionNode),
                unwinding=self.unwinding,
                given=self._cancelling_verb(node),
            )
        stopped, waits = node in self.setbacks.stopped, isinstance(flat_node, WaitNode)
        return refusal(status, verb, stopped=stopped, unwinding=self.unwinding, waits=waits)

    def _cancelling_verb(self, node: SagaNodeId) -> Verb | None:
        order = self.setbacks.cancelling.get(node)
        return None if order is None else order.verb

    def has_call(self, node: SagaNodeId) -> bool:
        """Return True if a call for a node is under way, whether or not a process runs it."""
        runs_action = isinstance(self.flat.nodes[node], ActionNode)
        return runs_action and self.log.status(node) in CALLED

    def _note_order(self, node: SagaNodeId, order: Ordered, now: Timestamp | None) -> None:
        setbacks = self._own_setbacks()
        if order.cancel:
            setbacks.cancelling[node] = order
            if order.verb is Verb.RETRY:
                setbacks.stopped.pop(node, None)
            return
        match order.verb:
            case Verb.HOLD:
                setbacks.stopped[node] = node in self.runnable or node in self.undoable
                for nodes in (self.runnable, self.undoable):
                    if node in nodes:
                        take(nodes, node)
            case Verb.RETRY:
                if setbacks.stopped.pop(node, False):
                    self._let_begin(node)
                setbacks.make_due(node, now)
            case verb:
                setbacks.ordered[node] = verb

    def _own_setbacks(self) -> Setbacks:
        """Return the setbacks of this saga, to be added to."""
        if self.setbacks is NO_SETBACKS:
            self.setbacks = Setbacks()
        return self.setbacks

    def _apply_to_saga(self, event: SagaNodeEvent) -> None:
        """Fold an order on the saga; nothing raises after it is appended."""
        super()._apply_to_saga(event)  # which changes nothing of what is in flight
        order = event.event_type
        if isinstance(order, Ordered) and order.verb is Verb.UNWIND and order.cancel:
            self._cancel_calls(order)

    def _cancel_calls(self, order: Ordered) -> None:
        """Note that calls of actions are cancelled, unless orders on their nodes have done that."""
        for node in self.in_flight:
            if self.has_call(node) and self.log.status(node) is SagaNodeLoadStatus.STARTED:
                self._own_setbacks().cancelling.setdefault(node, order)
