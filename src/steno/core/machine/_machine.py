"""
The machine: all decisions of a saga, drawn from its state, and no I/O.

Theory of operation. `start` and `handle` apply what they are told, then dispatch what has become
possible, in waves: everything that may begin is started before anything of that wave is completed.
Nodes that run no user code are completed within the same step; they may make the next wave
possible. So all inputs that are waiting and all that follows from them are one `Step`.

When a saga begins to unwind, what waits is given up first, in the same step: nodes between two
attempts fail with the error of the last one, and sleeps are over.

The machine's state is ahead of what is durable by exactly the steps that were not recorded yet. Its
owner must show nothing beyond what is durable, and must drop the machine if a step cannot be
recorded.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from functools import lru_cache
from types import MappingProxyType
from typing import assert_never

import attrs

from steno.core._value import NULL, encode_json
from steno.core.graph._dag import SagaDag
from steno.core.graph._ids import SagaNodeId, Timestamp
from steno.core.graph._node import ActionNode, EndNode, SleepNode, StartNode, SubsagaStartNode
from steno.core.log._action_error import (
    ERROR_INJECTED,
    ActionFailed,
    InjectedError,
    UndoActionError,
)
from steno.core.log._event import (
    STARTED,
    UNDO_FINISHED,
    UNDO_STARTED,
    AttemptFailed,
    Failed,
    Succeeded,
    UndoAttemptFailed,
    UndoFailed,
)
from steno.core.log._status import SagaNodeLoadStatus
from steno.core.machine import _input
from steno.core.machine._command import Finish, RunAction, RunUndo, Step, Wait
from steno.core.machine._input import Injection, Input, RepeatInjected
from steno.core.machine._ordering import follow
from steno.core.machine._state import NodeSet, SagaState
from steno.core.machine._step_builder import StepBuilder, failure
from steno.errors import InternalError, NodeBegun, NoSuchNode

INJECTED = InjectedError().encoded()
GIVEN_UP = ActionFailed(
    encode_json(
        {"message": "the saga unwinds, so its sleep was given up", "type": "steno.SleepGivenUp"}
    )
).encoded()
UNDO_INJECTED = UndoActionError.attempt(1, ERROR_INJECTED).encoded()

ONCE = RepeatInjected()
NO_REPEATS = MappingProxyType[SagaNodeId, RepeatInjected]({})

# Commands are values: the same one serves all sagas.
_run_action = lru_cache(maxsize=1024)(RunAction)
_run_undo = lru_cache(maxsize=1024)(RunUndo)


@attrs.define(eq=False)
class SagaMachine:
    """
    Decides what one saga does next, without doing any of it.

    Attributes:
        dag: The saga.
        state: The fold of its log so far; change it through the machine only.
    """

    dag: SagaDag
    state: SagaState
    _started: bool = attrs.field(init=False, default=False)
    _draining: bool = attrs.field(init=False, default=False)
    _fail_action: frozenset[SagaNodeId] = attrs.field(init=False, default=frozenset())
    _fail_undo: frozenset[SagaNodeId] = attrs.field(init=False, default=frozenset())
    _repeat: Mapping[SagaNodeId, RepeatInjected] = attrs.field(init=False, default=NO_REPEATS)
    _due: NodeSet = attrs.field(init=False, factory=dict)  # to be called again, as soon as allowed
    _gave_up: bool = attrs.field(init=False, default=False)

    def start(self, now: Timestamp | None = None) -> Step:
        """
        Begin, or continue where the log ends.

        Calls that were in flight are made again, without a second event for their beginning.

        Args:
            now: The time of the events that are logged.
        """
        if self._started:
            msg = "a machine is started once"
            raise InternalError(msg)
        self._started = True
        step = StepBuilder(self.state, now)
        if self.state.unwinding:  # first, so that what waits is not asked for
            self._give_up(step)
        for node in tuple(self.state.in_flight):
            if self.state.status(node) is SagaNodeLoadStatus.STARTED:
                self._run(node, step, repeats=True)
            else:
                self._undo(node, step)
        for node, attempt in self.state.setbacks.waiting():
            if attempt.next is None:
                if attempt.reopen:  # otherwise only an order helps
                    self._due[node] = None
            elif now is not None and attempt.next <= now:
                self._due[node] = None
            else:
                step.then.append(Wait(node, attempt.next))
        return self._dispatch(step)

    @property
    def started(self) -> bool:
        """Whether `start` was called."""
        return self._started

    def drain(self) -> None:
        """Begin nothing from now on; the results of what is under way are still taken."""
        self._draining = True

    def handle(self, inputs: Iterable[Input], now: Timestamp | None = None) -> Step:
        """
        Apply inputs, all of them before anything new is begun.

        Before `start`, injections are taken, and orders, which then begin nothing.

        Args:
            inputs: What has happened.
            now: The time of the events that are logged.

        Raises:
            IllegalEvent: An input answers no call that was asked for; it changed nothing.
            NoSuchNode: Nothing can be injected into that node.
            NodeBegun: It is too late for that injection.
        """
        # All inputs before any dispatch: if two results arrive together and one is a failure,
        # nothing may be started on the strength of the other.
        step = StepBuilder(self.state, now)
        for item in inputs:
            match item:
                case _input.ActionSucceeded(node_id=node, output=output):
                    step.log(node, Succeeded(output))
                case _input.ActionRaised():
                    self._action_raised(item, step)
                case _input.UndoSucceeded(node_id=node):
                    step.log(node, UNDO_FINISHED)
                case _input.UndoRaised():
                    self._undo_raised(item, step)
                case _input.Due(node_id=node):
                    self._came_due(node, step)
                case _input.Order():
                    if follow(item, self.state, step):
                        self._due[item.node_id] = None
                case _input.InjectError() | _input.InjectErrorUndo() | _input.InjectRepeat():
                    self._inject(item)
                case _:
                    assert_never(item)
        return self._dispatch(step) if self._started else step.done()

    def _action_raised(self, raised: _input.ActionRaised, step: StepBuilder) -> None:
        node, error, again = raised.node_id, raised.error, raised.again
        doubt = self.state.is_in_doubt(node) if raised.in_doubt is None else raised.in_doubt
        if again is None or self.state.unwinding:
            step.log(node, failure(error, doubt=doubt))
            return
        number = self.state.setbacks.next_number(node, undoing=False)
        step.log(node, AttemptFailed(number, error, doubt, again.at, again.reopen))
        step.wait(node, again)

    def _undo_raised(self, raised: _input.UndoRaised, step: StepBuilder) -> None:
        node, error, again = raised.node_id, raised.error, raised.again
        if again is None:
            step.log(node, UndoFailed(error))
            return
        number = self.state.setbacks.next_number(node, undoing=True)
        step.log(node, UndoAttemptFailed(number, error, again.at, again.reopen))
        step.wait(node, again)

    def _came_due(self, node: SagaNodeId, step: StepBuilder) -> None:
        # It may come late: after the node was given up, or was started for another reason.
        match self.state.status(node):
            case SagaNodeLoadStatus.BACKING_OFF | SagaNodeLoadStatus.UNDO_BACKING_OFF:
                # Too early: of an attempt that was given up, whose undo waits longer; or the clock
                # was set back. Asked for again, as nobody else may tell.
                if (later := self.state.setbacks.due_after(node, step.now)) is not None:
                    step.then.append(Wait(node, later))
                elif not self.state.setbacks.is_held(node):
                    self._due[node] = None
            case SagaNodeLoadStatus.STARTED if isinstance(self.dag.flat.nodes[node], SleepNode):
                step.log(node, Succeeded(NULL))
            case _:
                pass

    def _give_up(self, step: StepBuilder) -> None:
        """Fail, once the saga unwinds, what waits for a time or for another attempt."""
        state = self.state
        for node in tuple(state.setbacks.forward):
            error = state.setbacks.attempts[node].error
            doubt = state.is_in_doubt(node)
            step.log(node, failure(error, doubt=doubt))
        for node in tuple(state.in_flight):
            is_asleep = state.status(node) is SagaNodeLoadStatus.STARTED
            if is_asleep and isinstance(self.dag.flat.nodes[node], SleepNode):
                step.log(node, Failed(GIVEN_UP))
        self._gave_up = True

    def _inject(self, injection: Injection) -> None:
        node = injectable(self.dag, injection.node_id)
        match injection:
            case _input.InjectError():
                self._check_not_begun(node)
                self._fail_action |= {node}
            case _input.InjectErrorUndo():
                self._check_not_undone(node)
                self._fail_undo |= {node}
            case _input.InjectRepeat(repeat=repeat):
                # Only the part that asks for something can be too late.
                if repeat.action != ONCE.action:
                    self._check_not_begun(node)
                if repeat.undo != ONCE.undo:
                    self._check_not_undone(node)
                self._repeat = {**self._repeat, node: repeat}
            case _:
                assert_never(injection)

    def _check_not_begun(self, node: SagaNodeId) -> None:
        """Raise NodeBegun if the node's action will not be called any more."""
        # Before `start`, a call that was in flight at the crash is still to be made again.
        status = self.state.status(node)
        called_again = status is SagaNodeLoadStatus.BACKING_OFF or (
            status is SagaNodeLoadStatus.STARTED and not self._started
        )
        if status is SagaNodeLoadStatus.NEVER_STARTED and self.state.unwinding:
            raise NodeBegun(self.dag.flat.name_of(node), "is never started, as its saga unwinds")
        if status is not SagaNodeLoadStatus.NEVER_STARTED and not called_again:
            raise NodeBegun(self.dag.flat.name_of(node), "has been started")

    def _check_not_undone(self, node: SagaNodeId) -> None:
        """Raise NodeBegun if the node's undo action will not be called any more."""
        status, name = self.state.status(node), self.dag.flat.name_of(node)
        if status is SagaNodeLoadStatus.UNDO_STARTED and not self._started:
            return
        if status is SagaNodeLoadStatus.UNDO_BACKING_OFF:
            return
        match status:
            case SagaNodeLoadStatus.NEVER_STARTED if self.state.unwinding:
                raise NodeBegun(name, "is never started, as its saga unwinds")
            case SagaNodeLoadStatus.FAILED:
                raise NodeBegun(name, "has failed, so that it is not undone")
            case (
                SagaNodeLoadStatus.UNDO_STARTED
                | SagaNodeLoadStatus.UNDO_FINISHED
                | SagaNodeLoadStatus.UNDO_FAILED
            ):
                raise NodeBegun(name, "has begun to be undone")
            case _ if self.state.stuck:
                raise NodeBegun(name, "is not undone any more, as its saga is stuck")
            case _:
                pass

    def _dispatch(self, step: StepBuilder) -> Step:
        """Begin all that may begin, wave by wave, until everything left waits for user code."""
        state = self.state
        # Before anything else, and while the saga is drained, too.
        if state.first_failure is not None and not self._gave_up:
            self._give_up(step)
        # These are the state's own live sets; logging below empties and refills them.
        runnable, undoable = state.runnable, state.undoable
        while not self._draining:
            # Results come between waves, never inside one: an injected failure would forbid the
            # starts of its siblings, which the loop below is about to log.
            if step.instants:
                step.complete_instants()
                if state.unwinding and not self._gave_up:
                    self._give_up(step)
            if self._due:
                self._restart(step)
            # Nodes are undoable only while the saga unwinds, and then none is runnable: each wave
            # goes one way.
            wave = tuple(undoable) if undoable and not state.stuck else ()
            if not wave and not runnable and not step.instants:
                break
            for node in tuple(runnable):
                step.log(node, STARTED)
                self._run(node, step)
            for node in wave:
                step.log(node, UNDO_STARTED)
                self._undo(node, step)
        # Also while draining: the last result may have ended the saga.
        if (outcome := state.outcome) is not None:
            step.then.append(Finish(outcome))
        return step.done()

    def _restart(self, step: StepBuilder) -> None:
        """Begin the attempts that are due, unless the saga does not allow it now."""
        stuck = self.state.stuck
        for node in tuple(self._due):
            match self.state.status(node):
                case SagaNodeLoadStatus.BACKING_OFF:
                    step.log(node, STARTED)
                    self._run(node, step)
                case SagaNodeLoadStatus.UNDO_BACKING_OFF if stuck:
                    continue  # it stays due until the saga is repaired
                case SagaNodeLoadStatus.UNDO_BACKING_OFF:
                    step.log(node, UNDO_STARTED)
                    self._undo(node, step)
                case _:
                    pass  # it was given up
            del self._due[node]

    def _run(self, node: SagaNodeId, step: StepBuilder, *, repeats: bool = False) -> None:
        """Do, or ask for, the work of a node that was started."""
        fails = node in self._fail_action
        # In this order: an injected error beats a repeat, and fails a constant as well.
        if fails and not (repeats and isinstance(self.dag.flat.nodes[node], ActionNode)):
            doubt = self.state.is_in_doubt(node)
            step.instants.append((node, failure(INJECTED, doubt=doubt)))
        elif (output := self.state.own_output(node)) is None:
            # A call that was cut off may have taken effect, whatever is injected now.
            unusual = repeats or node in self._repeat
            times = self._repeat.get(node, ONCE).action if unusual else 1
            step.then.append(
                _run_action(node, times, repeats, fails) if unusual else _run_action(node)
            )
        elif isinstance(sleep := self.dag.flat.nodes[node], SleepNode):
            step.then.append(Wait(node, self._end_of(node, sleep)))
        else:
            step.instants.append((node, Succeeded(output)))

    def _end_of(self, node: SagaNodeId, sleep: SleepNode) -> Timestamp | None:
        """Return when a sleep is over; None if another node says."""
        since = self.state.in_flight[node]
        if sleep.duration is None:
            return None
        return Timestamp((0 if since is None else since) + sleep.duration)

    def _undo(self, node: SagaNodeId, step: StepBuilder) -> None:
        """Do, or ask for, the undo of a node whose undo was started."""
        if node in self._fail_undo:
            step.instants.append((node, UndoFailed(UNDO_INJECTED)))
        elif isinstance(self.dag.flat.nodes[node], ActionNode):
            step.then.append(_run_undo(node, self._repeat.get(node, ONCE).undo))
        else:
            step.instants.append((node, UNDO_FINISHED))


def injectable(dag: SagaDag, node: str | int) -> SagaNodeId:
    """
    Return the index of a node that can be made to fail or repeat.

    Raises:
        NoSuchNode: There is no such node, or it only marks a beginning or an end.
    """
    index = dag.get_index(node)
    match dag.flat.nodes[index]:
        case StartNode() | EndNode() | SubsagaStartNode() as marker:
            raise NoSuchNode(node, f"nothing can be injected into the {marker.label}")
        case _:
            return index
