"""
The state of a saga: nothing but the fold of its log.

Theory of operation.

Rule 1. `SagaState.apply` is the only thing that changes a state, and an event is all that it takes,
as an object or as a row of columns (`apply_row`). A running saga and a recovered one go through the
same fold, so they cannot disagree.

Rule 2. An event is legal if its node's own log allows it (the table of `_status`) and its cause is
there: a node is started only when all its parents have succeeded and nothing has failed; it is
undone only when all its children are undone; a node without an action has the one output that its
kind prescribes. An illegal event raises and changes nothing.

Rule 3. What was tried and failed is tried again only as long as that makes sense: a node that backs
off is started again unless the saga unwinds, and then it is given up before anything is undone. A
node that failed in doubt is undone like one that succeeded.

Rule 4. Nothing is begun while an order says so: in a pause, or once the saga is abandoned. An order
on the saga itself is an event without a node.

What may be begun is counted, see `_frontier`; what is ordered, see `_ordered_state`.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Final

import attrs

from steno.core._value import JsonText
from steno.core.graph._flat import FlatDag
from steno.core.graph._ids import SagaId, SagaNodeId, Timestamp
from steno.core.graph._node import ActionNode
from steno.core.log._event import (
    STARTED,
    UNDO_FINISHED,
    UNDO_STARTED,
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
    node_event,
    success,
)
from steno.core.log._events import EventColumn, Events, column_of
from steno.core.log._log import SagaLog
from steno.core.log._order import Ordered, Verb
from steno.core.log._status import TRANSITIONS, SagaNodeLoadStatus
from steno.core.machine._frontier import take
from steno.core.machine._ordered_state import OrderedState
from steno.core.machine._setback import NO_SETBACKS, Attempt
from steno.core.machine._steering import NO_STEERING
from steno.core.machine._unfounded import no_such_node, not_runnable, not_undoable
from steno.errors import CorruptLog, InternalError

# The rows of the table that nearly all events of a log follow, looked up once.
_NEVER_STARTED: Final = SagaNodeLoadStatus.NEVER_STARTED
_STARTED: Final = TRANSITIONS[_NEVER_STARTED, Started]
_SUCCEEDED: Final = TRANSITIONS[_STARTED, Succeeded]
_UNDO_STARTED: Final = TRANSITIONS[_SUCCEEDED, UndoStarted]
_UNDO_FINISHED: Final = TRANSITIONS[_UNDO_STARTED, UndoFinished]


@attrs.define(eq=False)
class SagaState(OrderedState):
    """
    What has become of every node of one saga, and what may become of it next.

    See `Frontier`, `SteeredFrontier` and `OrderedState` for the attributes that are not here.

    Attributes:
        first_failure: The failure that began the unwinding, if one did: its node, and its error as
            the event holds it.
    """

    first_failure: tuple[SagaNodeId, JsonText] | None = attrs.field(init=False, default=None)

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
        if isinstance(events, Events) and events.saga_id == saga_id:
            for row in events.rows():
                state.apply_row(*row)
        else:
            for event in events:
                state.apply(event)
        return state

    # Queries

    def status(self, node: SagaNodeId) -> SagaNodeLoadStatus:
        """Return the status of a node."""
        return self.log.status(node)

    def statuses(self) -> Mapping[SagaNodeId, SagaNodeLoadStatus]:
        """Return the status of every node."""
        nodes = map(SagaNodeId, range(len(self.flat.nodes)))
        return {node: self.log.status(node) for node in nodes}

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
        # By identity: an id that is equal, and not the same, goes the longer way.
        if event.saga_id is self.log.saga_id:
            self.apply_row(event.node_id, column_of(event.event_type), event.time)
        else:
            self._apply_any(event)

    def apply_row(self, node: SagaNodeId | None, what: EventColumn, time: Timestamp | None) -> None:
        """
        Fold an event that is given as a row of its columns; see `apply`.

        Nearly all events are one of four, of a saga in which nothing was ordered and no call is to
        be made again. They are folded here, in a third of the instructions that the way past all
        rules takes; what is not legal goes that way too, and is refused there.
        """
        if self.setbacks is NO_SETBACKS and self.steering is NO_STEERING and node is not None:
            log = self.log
            if what is STARTED:
                if node in self.runnable:  # so it was never started
                    log.append(node, what, time, _STARTED)
                    take(self.runnable, node)
                    self.in_flight[node] = time
                    self.begun = True
                    return
            elif isinstance(what, str):
                started = log.status(node) is _STARTED
                if started and (self.flat.acts[node] or what == self.own_output(node)):
                    log.append(node, what, time, _SUCCEEDED)
                    del self.in_flight[node]
                    self.outputs[node] = what
                    self._note_success(node)
                    return
            elif what is UNDO_STARTED:
                if node in self.undoable and log.status(node) is _SUCCEEDED:
                    log.append(node, what, time, _UNDO_STARTED)
                    take(self.undoable, node)
                    self.in_flight[node] = time
                    return
            elif what is UNDO_FINISHED and log.status(node) is _UNDO_STARTED:
                log.append(node, what, time, _UNDO_FINISHED)
                del self.in_flight[node]
                self._note_undone(node)
                return
        event_type = success(what) if isinstance(what, str) else what
        self._apply_any(node_event(self.log.saga_id, node, event_type, time))

    def _apply_any(self, event: SagaNodeEvent) -> None:
        """Fold an event of any kind."""
        node, event_type, log, time = event.node_id, event.event_type, self.log, event.time
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
                log.append(node, event_type, time, status)
                take(self.runnable, node)
                self.in_flight[node] = time
                self.begun = True
            case Succeeded(output=output):
                own = self.own_output(node)
                if own != output and not self.flat.acts[node]:
                    self._check_given(node, event_type, own)
                self.setbacks.check_ordered(node, event, Verb.COMPLETE)
                log.append(node, output, time, status)
                self._end_call(node)
                self.outputs[node] = output
                self._note_success(node)
            case UndoStarted() if node in self.undoable:
                if self.stuck or self.setbacks.forward:
                    raise not_undoable(event, self.setbacks, unwinding=self.unwinding)
                log.append(node, event_type, time, status)
                take(self.undoable, node)
                self.in_flight[node] = time
                self.begun = True
            case UndoFinished():
                self.setbacks.check_ordered(node, event, Verb.COMPLETE)
                log.append(node, event_type, time, status)
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
                self.log.append(node, event_type, event.time, status)
                self._end_call(node)
                self.in_flight[node] = since
                self.begun = True
            case AttemptFailed() | UndoAttemptFailed():
                if not isinstance(self.flat.nodes[node], ActionNode):
                    no_action = "it has no action that could be called again"
                    raise CorruptLog(node, event_type.label, no_action)
                self.setbacks.check_attempt(node, event_type, unwinding=self.unwinding)
                self.log.append(node, event_type, event.time, status)
                since = self.in_flight.pop(node)
                self._own_setbacks().back_off(node, since, event_type)
            case Failed(error=error) | FailedInDoubt(error=error):
                has_doubt = isinstance(event_type, FailedInDoubt)
                if has_doubt and not isinstance(self.flat.nodes[node], ActionNode):
                    raise CorruptLog(node, event_type.label, "it has no action to be in doubt of")
                self.setbacks.check_failure(node, event, unwinding=self.unwinding)
                self.log.append(node, event_type, event.time, status)
                self._end_call(node)
                self._note_failure(node, error)
            case UndoFailed(error=error):
                self.setbacks.check_cancelled(node, event_type, unwinding=True)
                self.log.append(node, event_type, event.time, status)
                since = self.in_flight.get(node)
                self._end_call(node)
                self._own_setbacks().fail_undo(node, since, error)
            case Ordered():
                if (refused := self.refusal(node, event_type)) is not None:
                    what = f"{event_type.label} {event_type.verb.value}"
                    raise CorruptLog(node, what, f"it {refused}")
                self.log.append(node, event_type, event.time, status)
                self._note_order(node, event_type, event.time)
            case _:  # pragma: no cover - `apply` folds the other kinds
                msg = f"an event of a kind that is not folded: {event_type!r}"
                raise InternalError(msg)

    def _end_call(self, node: SagaNodeId) -> None:
        """Note that a node is not in flight any more, nor waits for another attempt."""
        self.in_flight.pop(node, None)
        if self.setbacks is not NO_SETBACKS:
            self.setbacks.end(node)

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
