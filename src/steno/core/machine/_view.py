"""
Views: what people and programs are shown of a saga, as it was when they asked.

A view is built from the durable part of a log, by the same fold as everything else; so it never
shows anything that a crash could take back.
"""

from __future__ import annotations

import enum
from collections.abc import Iterable, Mapping
from functools import cached_property
from typing import TypeAlias, TypedDict, assert_never

import attrs

from steno.core.graph._dag import SagaDag
from steno.core.graph._flat import FlatDag
from steno.core.graph._ids import SagaId, SagaName, SagaNodeId, Timestamp
from steno.core.graph._node import WaitNode
from steno.core.graph._render import status_tree
from steno.core.log._action_error import action_error, undo_error
from steno.core.log._attention import Attention
from steno.core.log._cached_state import SagaCachedState
from steno.core.log._dump import SagaSerialized
from steno.core.log._event import SagaNodeEvent
from steno.core.log._status import SagaNodeLoadStatus
from steno.core.machine._concern import concern
from steno.core.machine._lifecycle import cached_state
from steno.core.machine._result import SagaResult, saga_result
from steno.core.machine._setback import Attempt
from steno.core.machine._state import SagaState
from steno.errors import RecoveryError


class NodeExecState(enum.Enum):
    """What a node is doing."""

    BLOCKED = "blocked"
    """It waits for nodes that it depends on."""
    QUEUED_TODO = "queued-todo"
    """It is to be run, as soon as its saga is."""
    WORKING = "working"
    """Its action runs."""
    WAITING = "waiting"
    """It sleeps, or waits for a signal."""
    BACKING_OFF = "backing-off"
    """A call of its action failed; the next is due at a time."""
    HELD = "held"
    """A call of its action failed; the next waits for somebody to look at it."""
    DONE = "done"
    """Its action has succeeded."""
    FAILED = "failed"
    """Its action has failed; there is nothing to undo."""
    IN_DOUBT = "in-doubt"
    """Its action has failed, and may have taken effect, so it is to be undone."""
    QUEUED_UNDO = "queued-undo"
    """It is to be undone, as soon as its saga runs."""
    UNDO_WORKING = "undo-working"
    """Its undo action runs."""
    UNDO_BACKING_OFF = "undo-backing-off"
    """A call of its undo action failed; the next is due at a time."""
    UNDO_HELD = "undo-held"
    """A call of its undo action failed; the next waits for somebody to look at it."""
    UNDONE = "undone"
    """Its undo action has finished."""
    ABANDONED = "abandoned"
    """It was never started and never will be."""
    UNDO_FAILED = "undo-failed"
    """Its undo action has failed, so the saga is stuck, or will be."""


_E = NodeExecState
_S = SagaNodeLoadStatus

_SETTLED = {
    _S.FAILED: _E.FAILED,
    _S.FAILED_IN_DOUBT: _E.IN_DOUBT,
    _S.UNDO_FINISHED: _E.UNDONE,
    _S.UNDO_FAILED: _E.UNDO_FAILED,
}


def node_exec_state(state: SagaState, node: SagaNodeId, *, running: bool) -> NodeExecState:
    """Return what a node is doing, in a saga that is running or is not."""
    status = state.status(node)
    match status:
        case _S.NEVER_STARTED if state.unwinding:
            return _E.ABANDONED
        case _S.NEVER_STARTED if state.setbacks.stopped.get(node):
            return _E.HELD
        case _S.NEVER_STARTED:
            return _E.QUEUED_TODO if node in state.runnable else _E.BLOCKED
        case _S.STARTED if running:
            asleep = isinstance(state.flat.nodes[node], WaitNode)
            return _E.WAITING if asleep else _E.WORKING
        case _S.STARTED:
            return _E.QUEUED_TODO
        case _S.BACKING_OFF:
            return _E.HELD if state.setbacks.attempts[node].held else _E.BACKING_OFF
        case _S.UNDO_BACKING_OFF:
            return _E.UNDO_HELD if state.setbacks.undo_attempts[node].held else _E.UNDO_BACKING_OFF
        case _S.SUCCEEDED | _S.FAILED_IN_DOUBT if state.setbacks.stopped.get(node):
            return _E.UNDO_HELD
        case _S.SUCCEEDED:
            # A stuck saga undoes nothing more, even where it could.
            queued = node in state.undoable and not state.stuck
            return _E.QUEUED_UNDO if queued else _E.DONE
        case _S.UNDO_STARTED:
            return _E.UNDO_WORKING if running else _E.QUEUED_UNDO
        case _:
            return _SETTLED[status]


@attrs.frozen
class FailedAttempt:
    """
    The last call of a node that failed and was, or is, to be made again.

    Attributes:
        number: Its number, from 1.
        error: Why, in a line.
        in_doubt: Whether the node may have taken effect; never of an undo action.
        next: When the next one is due, in microseconds since 1970; None: the node is held.
        undoing: Whether it was a call of the undo action.
    """

    number: int
    error: str
    in_doubt: bool
    next: Timestamp | None
    undoing: bool

    @classmethod
    def of(cls, last: Attempt, *, undoing: bool) -> FailedAttempt:
        """Return what is shown of an attempt of an action, or of its undo action."""
        text = undo_error(last.error).source_error if undoing else str(action_error(last.error))
        return cls(last.number, text, last.in_doubt, last.next, undoing)


@attrs.frozen(eq=False)
class SagaExecStatus:
    """
    The status of each node; `str` of it is the status tree.

    Attributes:
        saga_id: The saga.
        node_states: What each node is doing, by index.
        attempts: The last failed attempt of each node that has one, also if a later one succeeded.
    """

    saga_id: SagaId
    _flat: FlatDag
    node_states: tuple[NodeExecState, ...]
    attempts: Mapping[SagaNodeId, FailedAttempt] = attrs.field(
        factory=dict[SagaNodeId, FailedAttempt]
    )

    def __str__(self) -> str:
        """Return the tree of the saga's nodes, a line each."""
        return status_tree(self.saga_id, self._flat, [s.value for s in self.node_states])

    def node_state(self, node: str | int) -> NodeExecState:
        """
        Return what a node is doing, given by index, name or path.

        Raises:
            NoSuchNode: The saga has no such node.
        """
        return self.node_states[self._flat.get_index(node)]


def failed_attempts(state: SagaState) -> dict[SagaNodeId, FailedAttempt]:
    """Return the last failed attempt of each node that has one; of its undo, if that has any."""
    found: dict[SagaNodeId, FailedAttempt] = {}
    for node, last in state.setbacks.attempts.items():
        found[node] = FailedAttempt.of(last, undoing=False)
    for node, last in state.setbacks.undo_attempts.items():
        found[node] = FailedAttempt.of(last, undoing=True)
    return found


@attrs.frozen(eq=False)
class _Standing:
    # What all views of a saga's state have.
    state: SagaCachedState = attrs.field(kw_only=True)
    paused: bool = attrs.field(kw_only=True, default=False)
    attention: Attention | None = attrs.field(kw_only=True, default=None)


class _Told(TypedDict):
    state: SagaCachedState
    paused: bool
    attention: Attention | None


@attrs.frozen(eq=False)
class SagaReady(_Standing):
    """
    The saga is stored, and waits to be started.

    Attributes:
        state: Where it is in its life.
        paused: Whether nothing of it is begun until somebody orders that it goes on.
        attention: Why a person should look at it; None if nobody has to.
        status: Of its nodes.
    """

    status: SagaExecStatus


@attrs.frozen(eq=False)
class SagaRunning(_Standing):
    """
    The saga runs, unwinds, or is paused.

    Attributes:
        state: Where it is in its life.
        paused: Whether nothing of it is begun until somebody orders that it goes on.
        attention: Why a person should look at it; None if nobody has to.
        status: Of its nodes.
    """

    status: SagaExecStatus


@attrs.frozen(eq=False)
class SagaDone(_Standing):
    """
    The saga is finished.

    Attributes:
        state: How it has ended.
        paused: Whether nothing of it is begun if it goes on by an order.
        attention: Why a person should look at it; None if nobody has to.
        status: Of its nodes.
        result: What came of it.
    """

    status: SagaExecStatus
    result: SagaResult


@attrs.frozen(eq=False)
class SagaHalted(_Standing):
    """
    The saga is neither finished nor run by this SEC.

    Attributes:
        state: Where it is in its life; as its row says, if its log cannot be read.
        paused: Whether nothing of it is begun if it goes on.
        attention: Why a person should look at it; None if nobody has to.
        problem: Why, and what to do.
        status: Of its nodes; None if its graph or its log cannot be read.
    """

    problem: str
    status: SagaExecStatus | None


SagaStateView: TypeAlias = SagaReady | SagaRunning | SagaDone | SagaHalted


class Phase(enum.Enum):
    """What a SEC does with a saga."""

    READY = "ready"
    """It waits for `saga_start`."""
    RUNNING = "running"
    """An executor runs it."""
    PAUSED = "paused"
    """It is paused, and not in memory."""
    DONE = "done"
    """It is finished."""


@attrs.frozen(eq=False)
class SagaView:
    """
    A saga as it was when it was asked for.

    Attributes:
        saga_id: The saga.
        saga_name: The name of its kind.
        state: What it is doing.
    """

    saga_id: SagaId
    saga_name: SagaName
    state: SagaStateView
    _serialized: SagaSerialized | None = attrs.field(repr=False, default=None)

    @property
    def attention(self) -> Attention | None:
        """Why a person should look at the saga, the gravest reason; None if nobody has to."""
        return self.state.attention

    def serialized(self) -> SagaSerialized:
        """
        Return the saga to be dumped.

        Raises:
            RecoveryError: It is halted, and its graph or its log cannot be read.
        """
        if self._serialized is None:
            msg = f"saga {self.saga_id} cannot be dumped: what is stored of it cannot be read"
            raise RecoveryError(msg)
        return self._serialized


@attrs.frozen(eq=False)
class Snapshot:
    """
    All that a view is made of, taken in O(1) from a saga that goes on meanwhile.

    Attributes:
        saga_id: The saga.
        dag: Its graph and params.
        events: Its log, which may have grown since.
        durable: How many of the events were durable.
        phase: What the SEC did with it.
        problem: Why it is halted, if it is.
        ended: The fold of the events, if it is at hand and no event will follow.
        noted: Why a person should look at it, if that was noted with a problem.
    """

    saga_id: SagaId
    dag: SagaDag
    events: Iterable[SagaNodeEvent]
    durable: int
    phase: Phase
    problem: str | None = None
    ended: SagaState | None = attrs.field(default=None, repr=False)
    noted: Attention | None = None

    @cached_property
    def log(self) -> tuple[SagaNodeEvent, ...]:
        """The durable events."""
        # `events` may be a live view that has grown since; `durable` says where it was cut.
        return tuple(event for event, _ in zip(self.events, range(self.durable), strict=False))

    @cached_property
    def state(self) -> SagaState:
        """The fold of the durable events."""
        # The live fold can be used only where nothing will change it any more.
        if self.ended is not None:
            return self.ended
        return SagaState.fold(self.dag.flat, self.saga_id, self.log)

    def result(self) -> SagaResult:
        """Return the result of a saga that is finished."""
        return saga_result(self.dag, self.state)

    def view(self) -> SagaView:
        """Return the view, at O(1) per node and event."""
        serialized = SagaSerialized(self.saga_id, self.dag, self.log)
        return SagaView(self.saga_id, self.dag.saga_name, self._state_view(), serialized)

    def _state_view(self) -> SagaStateView:
        running = self.phase is Phase.RUNNING and self.problem is None
        nodes = map(SagaNodeId, range(len(self.dag.flat.nodes)))
        states = tuple(node_exec_state(self.state, node, running=running) for node in nodes)
        status = SagaExecStatus(self.saga_id, self.dag.flat, states, failed_attempts(self.state))
        why = concern(self.state)
        standing = _Told(
            state=cached_state(self.state),
            paused=self.state.paused,
            attention=self.noted or (None if why is None else why.attention),
        )
        if self.problem is not None:
            return SagaHalted(self.problem, status, **standing)
        match self.phase:
            case Phase.READY:
                return SagaReady(status, **standing)
            case Phase.RUNNING | Phase.PAUSED:
                return SagaRunning(status, **standing)
            case Phase.DONE:
                return SagaDone(status, self.result(), **standing)
            case _:
                assert_never(self.phase)
