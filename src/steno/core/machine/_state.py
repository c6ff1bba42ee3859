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

Rule 4. Nothing is searched for. Arrivals are counted at the boundaries between stages, so an event
costs O(1), amortized, however many nodes there are and however wide a stage is.

Undone means: its undo has finished; or it failed, without doubt; or it was never started, now that
none is started any more. The last is why the first failure sweeps, once, over all nodes that will
never start.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TypeAlias, assert_never

import attrs

from steno.core._value import NULL, JsonText
from steno.core.graph._flat import FlatDag
from steno.core.graph._graph import NO_BOUNDARY
from steno.core.graph._ids import SagaId, SagaNodeId, Timestamp
from steno.core.graph._node import ActionNode, ConstantNode, SleepNode, SubsagaEndNode
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
from steno.core.machine._order_rules import refusal
from steno.core.machine._outcome import SagaOutcome
from steno.core.machine._setback import NO_SETBACKS, Attempt, Setbacks
from steno.core.machine._unfounded import not_runnable, not_undoable
from steno.errors import CorruptLog, InternalError

NodeSet: TypeAlias = dict[SagaNodeId, None]
"""A set that keeps the order in which nodes came in."""


@attrs.define(eq=False)
class SagaState:
    """
    What has become of every node of one saga, and what may become of it next.

    Attributes:
        flat: The saga's graph.
        log: The events applied so far.
        outputs: The output of every node that has succeeded.
        first_failure: The failure that was logged first, which began the unwinding:
            its node, and its error as the event holds it.
        setbacks: What has failed and is not the end of it. Few sagas have any.
        runnable: Nodes that may be started now. This and the two below are the live sets, and
            plain attributes, as each step reads them several times.
        undoable: Nodes that have succeeded, or failed in doubt, and whose children are all undone.
        in_flight: Nodes whose action or undo action was started and has no result yet, each with
            the time at which it was first started.
    """

    flat: FlatDag
    log: SagaLog
    outputs: dict[SagaNodeId, JsonText] = attrs.field(init=False, factory=dict)
    first_failure: tuple[SagaNodeId, JsonText] | None = attrs.field(init=False, default=None)
    setbacks: Setbacks = attrs.field(init=False, default=NO_SETBACKS)
    runnable: NodeSet = attrs.field(init=False, factory=dict)
    undoable: NodeSet = attrs.field(init=False, factory=dict)
    in_flight: dict[SagaNodeId, Timestamp | None] = attrs.field(init=False, factory=dict)
    _awaited: list[int] = attrs.field(init=False)  # by boundary: parents not yet succeeded
    _standing: list[int] = attrs.field(init=False, factory=list)  # the same: children not undone
    _start_undone: bool = attrs.field(init=False, default=False)

    def __attrs_post_init__(self) -> None:
        """Begin with the start node alone runnable."""
        self._awaited = list(self.flat.graph.parent_counts)
        self.runnable[SagaNodeId(self.flat.graph.start)] = None

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
    def unwinding(self) -> bool:
        """Whether a failure has been logged."""
        return self.first_failure is not None

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
        # Even a stuck saga waits for calls under way: their results are still logged.
        if self.in_flight:
            return None
        if self._start_undone:
            return SagaOutcome.FAILED
        if self.stuck:
            return SagaOutcome.STUCK
        return SagaOutcome.SUCCEEDED if self.flat.graph.end in self.outputs else None

    def status(self, node: SagaNodeId) -> SagaNodeLoadStatus:
        """Return the status of a node."""
        return self.log.status(node)

    def statuses(self) -> Mapping[SagaNodeId, SagaNodeLoadStatus]:
        """Return the status of every node."""
        return {
            node: self.log.status(node) for node in map(SagaNodeId, range(len(self.flat.nodes)))
        }

    def own_output(self, node: SagaNodeId) -> JsonText | None:
        """Return the only output that a started node can have; None if its action decides."""
        match self.flat.nodes[node]:
            case ActionNode():
                return None
            case ConstantNode(value=value):
                return value
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
        if not 0 <= node < len(self.flat.nodes):
            why = f"the saga has the nodes 0 to {len(self.flat.nodes) - 1}"
            raise CorruptLog(node, event_type.label, why)
        # `next_status` and the checks in each arm raise; from `log.append` on nothing does. So a
        # refused event has changed nothing.
        status = log.next_status(event)
        match event_type:
            case Started() if node in self.runnable:
                log.append(event, status)
                _take(self.runnable, node)
                self.in_flight[node] = event.time
            case Succeeded(output=output):
                if (own := self.own_output(node)) is not None and own != output:
                    why = "its output is not the one that it stands for"
                    raise CorruptLog(node, event_type.label, why)
                # Nearly always this, and then without a call, of which there is one for each node.
                if self.setbacks is NO_SETBACKS:
                    log.append(event, status)
                    del self.in_flight[node]
                else:
                    self.setbacks.check_ordered(event, Verb.COMPLETE)
                    log.append(event, status)
                    self._end_call(node)
                self.outputs[node] = output
                self._note_success(node)
            case UndoStarted() if node in self.undoable:
                if self.stuck or self.setbacks.forward:
                    raise not_undoable(event, self.setbacks, unwinding=self.unwinding)
                log.append(event, status)
                _take(self.undoable, node)
                self.in_flight[node] = event.time
            case UndoFinished():
                self.setbacks.check_ordered(event, Verb.COMPLETE)
                log.append(event, status)
                self._end_call(node)
                self._note_undone(node)
            case Failed(error=error):
                self.setbacks.check_failure(event, unwinding=self.unwinding)
                log.append(event, status)
                self._end_call(node)
                self._note_failure(node, error)
            case _:
                self._apply_setback(event, status)

    def _apply_setback(self, event: SagaNodeEvent, status: SagaNodeLoadStatus) -> None:
        """Fold an event that few sagas have; as in `apply`, nothing raises after `log.append`."""
        node, event_type = event.node_id, event.event_type
        match event_type:
            case Started() | UndoStarted():
                since = self._check_restart(event)
                self.log.append(event, status)
                self._end_call(node)
                self.in_flight[node] = since
            case AttemptFailed() | UndoAttemptFailed():
                if not isinstance(self.flat.nodes[node], ActionNode):
                    no_action = "it has no action that could be called again"
                    raise CorruptLog(node, event_type.label, no_action)
                self.setbacks.check_attempt(node, event_type, unwinding=self.unwinding)
                self.log.append(event, status)
                since = self.in_flight.pop(node)
                self._own_setbacks().back_off(node, since, event_type)
            case FailedInDoubt(error=error):
                if not isinstance(self.flat.nodes[node], ActionNode):
                    raise CorruptLog(node, event_type.label, "it has no action to be in doubt of")
                self.setbacks.check_failure(event, unwinding=self.unwinding)
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
                        _take(nodes, node)
            case Verb.RETRY:
                if setbacks.stopped.pop(node, False):
                    self._let_begin(node)
                setbacks.make_due(node, now)
            case Verb.FAIL | Verb.COMPLETE:
                setbacks.ordered[node] = verb
            case _:
                assert_never(verb)

    def _let_begin(self, node: SagaNodeId) -> None:
        """Let a node be started, or undone, unless somebody has ordered to hold it."""
        if self.setbacks is not NO_SETBACKS and node in self.setbacks.stopped:
            self.setbacks.stopped[node] = True
        elif self.log.status(node) is not SagaNodeLoadStatus.NEVER_STARTED:
            self.undoable[node] = None
        else:
            self.runnable[node] = None

    def refusal(self, node: SagaNodeId, verb: Verb) -> str | None:
        """Return why an order does not apply to a node, to follow "it"; None if it does."""
        if (ordered := self.setbacks.ordered.get(node)) is not None:
            return f"has an order already, to {ordered.value}"
        if self.flat.graph.end in self.outputs:
            return "is of a saga that has succeeded"
        stopped, waits = node in self.setbacks.stopped, isinstance(self.flat.nodes[node], SleepNode)
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

    def _check_restart(self, event: SagaNodeEvent) -> Timestamp | None:
        """Return when a node, or its undo, was first started, if it may be started again."""
        setbacks, node = self.setbacks, event.node_id
        if isinstance(event.event_type, Started):
            if node not in setbacks.forward or self.unwinding:
                raise self._not_runnable(event)
        elif node not in setbacks.undoing or self.stuck:
            raise not_undoable(event, setbacks, unwinding=self.unwinding)
        return setbacks.check_again(event)

    def _not_runnable(self, event: SagaNodeEvent) -> CorruptLog:
        """Return the error that says why a node may not be started."""
        parents = self.flat.graph.parents(event.node_id)
        missing = next((p for p in parents if p not in self.outputs), None)
        return not_runnable(event, missing, unwinding=self.unwinding)

    def _note_success(self, node: SagaNodeId) -> None:
        graph = self.flat.graph
        boundary = graph.below[node]
        if boundary == NO_BOUNDARY:
            return  # the end node: the saga has succeeded
        self._awaited[boundary] -= 1
        if self.first_failure is not None:
            self._let_begin(node)  # nothing below it was ever started: all of it is undone
        elif not self._awaited[boundary]:
            for child in map(SagaNodeId, graph.boundaries[boundary].children):
                if self.setbacks is NO_SETBACKS:  # as nearly always, and then without a call
                    self.runnable[child] = None
                else:
                    self._let_begin(child)

    def _note_failure(self, node: SagaNodeId, error: JsonText) -> None:
        if self.first_failure is None:
            self.first_failure = (node, error)
            # The end node depends on all others, so it was never started and counts as undone.
            # From there the sweep walks up over all that never started, and over this node.
            self._standing = list(self.flat.graph.child_counts)  # no saga needs it that succeeds
            self.runnable.clear()
            for held in self.setbacks.stopped:
                self.setbacks.stopped[held] = False  # what was to begin, does not any more
            self._note_undone(self.flat.graph.end)  # it sweeps over this node as well
        # Otherwise nothing below it was ever started, so all of that is undone.
        elif self.log.status(node) is SagaNodeLoadStatus.FAILED_IN_DOUBT:
            self._let_begin(node)
        else:
            self._note_undone(node)

    def _note_undone(self, node: int) -> None:
        """Count an undone node above it, and all that is thereby undone without an event."""
        graph = self.flat.graph
        # A worklist, not recursion: the first failure sweeps over the whole graph. Each node is
        # counted once in its life, so all sweeps together are O(nodes).
        undone = [node]
        while undone:
            boundary = graph.above[undone.pop()]
            if boundary == NO_BOUNDARY:
                self._start_undone = True
                continue
            self._standing[boundary] -= 1
            if self._standing[boundary]:
                continue
            for parent in map(SagaNodeId, graph.boundaries[boundary].parents):
                match self.log.status(parent):
                    case SagaNodeLoadStatus.SUCCEEDED | SagaNodeLoadStatus.FAILED_IN_DOUBT:
                        self._let_begin(parent)
                    case SagaNodeLoadStatus.NEVER_STARTED | SagaNodeLoadStatus.FAILED:
                        undone.append(parent)
                    case _:
                        pass  # still running: its result decides


def _take(nodes: NodeSet, node: SagaNodeId) -> None:
    """Remove a node."""
    del nodes[node]
    # A dict keeps its table when keys are deleted, and walking it costs as much as it was once
    # long. `clear` drops the table.
    if not nodes:
        nodes.clear()
