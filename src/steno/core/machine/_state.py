"""
The state of a saga: nothing but the fold of its log.

Theory of operation.

Rule 1. `SagaState.apply` is the only thing that changes a state, and an event is all that it takes.
A running saga and a recovered one go through the same `apply`, so they cannot disagree.

Rule 2. An event is legal if its node's own log allows it (the table of `_status`) and its cause is
there: a node is started only when all its parents have succeeded and nothing has failed; it is
undone only when all its children are undone; a node without an action has the one output that its
kind prescribes. An illegal event raises and changes nothing.

Rule 3. What was tried and failed is tried again only as long as that makes sense: a node that backs
off is started again unless the saga unwinds, and then it is given up before anything is undone. A
node that failed in doubt is undone like one that succeeded.

Rule 4. Nothing is begun while an order says so: in a pause, or once the saga is abandoned. An order
on the saga itself is an event without a node.

What may be begun is counted; see `_frontier`.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

import attrs

from steno.core._value import NULL, JsonText
from steno.core.graph._flat import FlatDag
from steno.core.graph._flat_node import SubsagaEndNode
from steno.core.graph._ids import SagaId, SagaNodeId, Timestamp
from steno.core.graph._node import ActionNode, ConstantNode, SignalNode, WaitNode
from steno.core.log._event import (
    AttemptFailed,
    Failed,
    FailedInDoubt,
    SagaNodeEvent,
    Started,
    Succeeded,
    UndoAttemptFailed,
    UndoFailed,
    UndoFinished,
    UndoStarted,
)
from steno.core.log._log import SagaLog
from steno.core.log._order import Ordered, Verb
from steno.core.log._status import SagaNodeLoadStatus
from steno.core.machine._frontier import Frontier, take
from steno.core.machine._order_rules import refusal, saga_refusal
from steno.core.machine._outcome import SagaOutcome
from steno.core.machine._setback import NO_SETBACKS, Attempt, Setbacks
from steno.core.machine._steering import NO_STEERING, Steering
from steno.core.machine._unfounded import no_such_node, not_runnable, not_undoable
from steno.errors import CorruptLog, InternalError


@attrs.define(eq=False)
class SagaState(Frontier):
    """
    What has become of every node of one saga, and what may become of it next.

    See `Frontier` for the attributes that are not here.

    Attributes:
        first_failure: The failure that began the unwinding, if one did: its node, and its error as
            the event holds it.
        steering: What was ordered of the saga itself. Few sagas have any.
        begun: Whether it was started, since it was created or imported.
        paused: Whether nothing is to be begun until an order says that it goes on.
    """

    first_failure: tuple[SagaNodeId, JsonText] | None = attrs.field(init=False, default=None)
    steering: Steering = attrs.field(init=False, default=NO_STEERING)
    # Plain attributes, as each step reads them; an order on the saga is rare.
    begun: bool = attrs.field(init=False, default=False)
    paused: bool = attrs.field(init=False, default=False)

    @classmethod
    def new(cls, flat: FlatDag, saga_id: SagaId) -> SagaState:
        """Return the state of a saga with an empty log."""
        return cls(flat, SagaLog(saga_id))

    @classmethod
    def fold(cls, flat: FlatDag, saga_id: SagaId, events: Iterable[SagaNodeEvent]) -> SagaState:
        """
        Return the state that a log folds to.

        Raises:
            IllegalEvent: A node's own log does not allow an event.
            ForeignEvent: An event is of another saga.
            CorruptLog: An event is without its cause, or has an output that it cannot have.
        """
        state = cls.new(flat, saga_id)
        for event in events:
            state.apply(event)
        return state

    # Queries

    @property
    def stuck(self) -> bool:
        """Whether the undo of a node has failed, so that nothing new is begun."""
        return bool(self.setbacks.undo_failures)

    @property
    def first_undo_failure(self) -> tuple[SagaNodeId, JsonText] | None:
        """The first node whose undo has failed and is not repaired, and its error as the event."""
        return next(iter(self.setbacks.undo_failures.items()), None)

    @property
    def outcome(self) -> SagaOutcome | None:
        """How the saga has ended; None while it has not."""
        if self.steering.abandoned is not None:
            return SagaOutcome.ABANDONED
        # Even a stuck saga waits for calls under way: their results are still logged.
        if self.in_flight:
            return None
        if self.start_undone:
            return SagaOutcome.FAILED
        if self.stuck:
            return SagaOutcome.STUCK
        # Not `has_succeeded`: each step asks several times, and that is one more call.
        succeeded = self.flat.graph.end in self.outputs and not self.unwinding
        return SagaOutcome.SUCCEEDED if succeeded else None

    def status(self, node: SagaNodeId) -> SagaNodeLoadStatus:
        """Return the status of a node."""
        return self.log.status(node)

    def statuses(self) -> Mapping[SagaNodeId, SagaNodeLoadStatus]:
        """Return the status of every node."""
        nodes = map(SagaNodeId, range(len(self.flat.nodes)))
        return {node: self.log.status(node) for node in nodes}

    def own_output(self, node: SagaNodeId) -> JsonText | None:
        """
        Return the only output that a started node can have.

        None if its action decides, or if it waits for a signal that was not sent.
        """
        match self.flat.nodes[node]:
            case ActionNode():
                return None
            case ConstantNode(value=value):
                return value
            case SignalNode(signal_name=signal):
                return self.steering.signals.get(signal)
            case SubsagaEndNode():
                (last,) = self.flat.graph.parents(node)
                return self.outputs[SagaNodeId(last)]
            case _:
                return NULL

    def last_attempt(self, node: SagaNodeId, *, undoing: bool) -> Attempt | None:
        """Return the last call of a node's action, or undo action, that was to be made again."""
        return (self.setbacks.undo_attempts if undoing else self.setbacks.attempts).get(node)

    def is_in_doubt(self, node: SagaNodeId) -> bool:
        """Return True if a node that has not succeeded may have taken effect, by its attempts."""
        last = self.setbacks.attempts.get(node)
        return last is not None and last.in_doubt

    # Changes

    def apply(self, event: SagaNodeEvent) -> None:
        """
        Fold an event; one that is refused changes nothing.

        Raises:
            IllegalEvent: The node's own log does not allow it.
            ForeignEvent: It is of another saga.
            CorruptLog: Its cause is not there, its output is not its own, or there is no such node.
        """
        node, event_type, log = event.node_id, event.event_type, self.log
        if node is None:
            self._apply_to_saga(event)
            return
        if not 0 <= node < len(self.flat.nodes):
            raise no_such_node(event, len(self.flat.nodes))
        # What raises comes first; from `log.append` on nothing does, so a refusal changes nothing.
        status = log.next_status(event)
        if self.steering is not NO_STEERING:
            self._check_steering(node, event)
        match event_type:
            case Started() if node in self.runnable:
                log.append(event, status)
                take(self.runnable, node)
                self.in_flight[node] = event.time
                self.begun = True
            case Succeeded(output=output):
                own = self.own_output(node)
                if own != output and not isinstance(self.flat.nodes[node], ActionNode):
                    self._check_given(node, event_type, own)
                # Nearly always this, and then without a call, of which there is one for each node.
                if self.setbacks is NO_SETBACKS:
                    log.append(event, status)
                    del self.in_flight[node]
                else:
                    self.setbacks.check_ordered(node, event, Verb.COMPLETE)
                    log.append(event, status)
                    self._end_call(node)
                self.outputs[node] = output
                self._note_success(node)
            case UndoStarted() if node in self.undoable:
                if self.stuck or self.setbacks.forward:
                    raise not_undoable(event, self.setbacks, unwinding=self.unwinding)
                log.append(event, status)
                take(self.undoable, node)
                self.in_flight[node] = event.time
                self.begun = True
            case UndoFinished():
                self.setbacks.check_ordered(node, event, Verb.COMPLETE)
                log.append(event, status)
                self._end_call(node)
                self._note_undone(node)
            case _:
                self._apply_setback(node, event, status)

    def _check_given(self, node: SagaNodeId, success: Succeeded, own: JsonText | None) -> None:
        """
        Check the output of a node without an action that is not the one that it stands for.

        If there is none yet, the node waits for a signal.

        Raises:
            CorruptLog: It is not that of a signal by an order to complete the node.
        """
        if own is not None:
            why = "its output is not the one that it stands for"
            raise CorruptLog(node, success.label, why)
        if self.setbacks.ordered.get(node) is not Verb.COMPLETE:
            why = "the signal that it waits for was not sent before it"
            raise CorruptLog(node, success.label, why)

    def _apply_setback(
        self, node: SagaNodeId, event: SagaNodeEvent, status: SagaNodeLoadStatus
    ) -> None:
        """Fold an event that few sagas have; as in `apply`, nothing raises after `log.append`."""
        event_type = event.event_type
        match event_type:
            case Started() | UndoStarted():
                since = self._check_restart(node, event)
                self.log.append(event, status)
                self._end_call(node)
                self.in_flight[node] = since
                self.begun = True
            case AttemptFailed() | UndoAttemptFailed():
                if not isinstance(self.flat.nodes[node], ActionNode):
                    no_action = "it has no action that could be called again"
                    raise CorruptLog(node, event_type.label, no_action)
                self.setbacks.check_attempt(node, event_type, unwinding=self.unwinding)
                self.log.append(event, status)
                since = self.in_flight.pop(node)
                self._own_setbacks().back_off(node, since, event_type)
            case Failed(error=error) | FailedInDoubt(error=error):
                has_doubt = isinstance(event_type, FailedInDoubt)
                if has_doubt and not isinstance(self.flat.nodes[node], ActionNode):
                    raise CorruptLog(node, event_type.label, "it has no action to be in doubt of")
                self.setbacks.check_failure(node, event, unwinding=self.unwinding)
                self.log.append(event, status)
                self._end_call(node)
                self._note_failure(node, error)
            case UndoFailed(error=error):
                self.log.append(event, status)
                since = self.in_flight.get(node)
                self._end_call(node)
                self._own_setbacks().fail_undo(node, since, error)
            case Ordered(verb=verb):
                if (refused := self.refusal(node, verb)) is not None:
                    raise CorruptLog(node, f"{event_type.label} {verb.value}", f"it {refused}")
                self.log.append(event, status)
                self._note_order(node, verb, event.time)
            case _:  # pragma: no cover - `apply` folds the other kinds
                msg = f"an event of a kind that is not folded: {event_type!r}"
                raise InternalError(msg)

    def _note_order(self, node: SagaNodeId, verb: Verb, now: Timestamp | None) -> None:
        setbacks = self._own_setbacks()
        match verb:
            case Verb.HOLD:
                setbacks.stopped[node] = node in self.runnable or node in self.undoable
                for nodes in (self.runnable, self.undoable):
                    if node in nodes:
                        take(nodes, node)
            case Verb.RETRY:
                if setbacks.stopped.pop(node, False):
                    self._let_begin(node)
                setbacks.make_due(node, now)
            case _:
                setbacks.ordered[node] = verb

    def refusal(self, node: SagaNodeId, verb: Verb) -> str | None:
        """Return why an order does not apply to a node, to follow "it"; None if it does."""
        if (ordered := self.setbacks.ordered.get(node)) is not None:
            return f"has an order already, to {ordered.value}"
        if self.has_succeeded or self.steering.abandoned is not None:
            ended = "has succeeded" if self.has_succeeded else "was abandoned"
            return f"is of a saga that {ended}"
        stopped, waits = node in self.setbacks.stopped, isinstance(self.flat.nodes[node], WaitNode)
        status, unwinding = self.log.status(node), self.unwinding
        return refusal(status, verb, stopped=stopped, unwinding=unwinding, waits=waits)

    def _end_call(self, node: SagaNodeId) -> None:
        """Note that a node is not in flight any more, nor waits for another attempt."""
        self.in_flight.pop(node, None)
        if self.setbacks is not NO_SETBACKS:
            self.setbacks.end(node)

    def _own_setbacks(self) -> Setbacks:
        """Return the setbacks of this saga, to be added to."""
        if self.setbacks is NO_SETBACKS:
            self.setbacks = Setbacks()
        return self.setbacks

    def _check_restart(self, node: SagaNodeId, event: SagaNodeEvent) -> Timestamp | None:
        """Return when a node, or its undo, was first started, if it may be started again."""
        setbacks = self.setbacks
        if isinstance(event.event_type, Started):
            if node not in setbacks.forward or self.unwinding:
                raise self._not_runnable(node, event)
        elif node not in setbacks.undoing or self.stuck:
            raise not_undoable(event, setbacks, unwinding=self.unwinding)
        return setbacks.check_again(node, event)

    def _not_runnable(self, node: SagaNodeId, event: SagaNodeEvent) -> CorruptLog:
        """Return the error that says why a node may not be started."""
        parents = self.flat.graph.parents(node)
        missing = next((p for p in parents if p not in self.outputs), None)
        return not_runnable(event, missing, unwinding=self.unwinding)

    def _note_failure(self, node: SagaNodeId, error: JsonText) -> None:
        if not self.unwinding:
            self.first_failure = (node, error)
            self._begin_unwinding()  # it sweeps over this node as well
        # Otherwise nothing below it was ever started, so all of that is undone.
        elif self.log.status(node) is SagaNodeLoadStatus.FAILED_IN_DOUBT:
            self._let_begin(node)
        else:
            self._note_undone(node)

    # Orders on the saga

    def saga_refusal(self, verb: Verb, *, cancel: bool = False) -> str | None:
        """Return why an order does not apply to the saga, to follow "it"; None if it does."""
        return saga_refusal(
            verb,
            begun=self.begun,
            paused=self.paused,
            unwinding=self.unwinding,
            outcome=self.outcome if self.begun else None,
            cancel=cancel,
        )

    def _apply_to_saga(self, event: SagaNodeEvent) -> None:
        """Fold an order on the saga; as in `apply`, nothing raises after it is appended."""
        order = self.log.check_steering(event)
        if (why := self.saga_refusal(order.verb, cancel=order.cancel)) is None:
            why = self.signal_refusal(order)
        if why is not None:
            raise CorruptLog(None, f"{order.label} {order.verb.value}", f"it {why}")
        self.log.append_order(event)
        if self.steering is NO_STEERING:
            self.steering = Steering()
        self.steering.note(order, unwinding=self.unwinding)
        match order.verb:
            case Verb.IMPORT:
                self.begun = False
            case Verb.START | Verb.ABANDON:
                self.begun = True
            case Verb.UNWIND:
                self.begun, self.paused = True, False
                if not self.unwinding:
                    self._begin_unwinding()
            case Verb.PAUSE | Verb.RESUME:
                self.paused = order.verb is Verb.PAUSE
            case _:
                pass

    def signal_refusal(self, order: Ordered) -> str | None:
        """Return why a signal is refused; None if it is not, or the order is another one."""
        nodes = self.flat.signals.get(order.signal or "")
        taken = nodes is not None and any(node in self.outputs for node in nodes)
        return self.steering.signal_refusal(order, exists=nodes is not None, taken=taken)

    def _check_steering(self, node: SagaNodeId, event: SagaNodeEvent) -> None:
        """
        Check that nothing is begun in a pause, and nothing follows once the saga is abandoned.

        Raises:
            CorruptLog: The event does.
        """
        if self.steering.abandoned is not None:
            raise CorruptLog(node, event.event_type.label, "its saga was abandoned before it")
        if self.paused and isinstance(event.event_type, Started | UndoStarted):
            raise CorruptLog(node, event.event_type.label, "its saga is paused")
