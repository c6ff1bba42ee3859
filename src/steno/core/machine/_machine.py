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

from collections.abc import Iterable
from functools import lru_cache
from typing import assert_never

import attrs

from steno.core._value import NULL
from steno.core.graph._dag import SagaDag
from steno.core.graph._ids import SagaNodeId, Timestamp
from steno.core.graph._node import ActionNode, SignalNode, SleepNode
from steno.core.log._action_error import ERROR_INJECTED, InjectedError, UndoActionError
from steno.core.log._event import (
    STARTED,
    UNDO_FINISHED,
    UNDO_STARTED,
    AttemptFailed,
    UndoAttemptFailed,
    UndoFailed,
)
from steno.core.log._order import Ordered, Verb
from steno.core.log._status import SagaNodeLoadStatus
from steno.core.machine import _input
from steno.core.machine._cancelling import cancel_calls, end_without_call, is_ended_by_order
from steno.core.machine._command import AwaitDeadline, Finish, RunAction, RunUndo, Step, Wait
from steno.core.machine._frontier import NodeSet
from steno.core.machine._giving_up import give_up
from steno.core.machine._injection import NOTHING_INJECTED, ONCE, Injected, check_injection
from steno.core.machine._input import ActionSucceeded, Input, Order
from steno.core.machine._ordering import follow
from steno.core.machine._setback import NO_SETBACKS
from steno.core.machine._state import SagaState
from steno.core.machine._steering import NO_STEERING
from steno.core.machine._step_builder import StepBuilder, failure
from steno.errors import IllegalEvent, InternalError

INJECTED = InjectedError().encoded()
UNDO_INJECTED = UndoActionError.attempt(1, ERROR_INJECTED).encoded()

BACKING_OFF = {SagaNodeLoadStatus.BACKING_OFF, SagaNodeLoadStatus.UNDO_BACKING_OFF}

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
    _injected: Injected = attrs.field(init=False, default=NOTHING_INJECTED)
    _due: NodeSet = attrs.field(init=False, factory=dict)  # to be called again, as soon as allowed
    _gave_up: bool = attrs.field(init=False, default=False)

    def start(self, now: Timestamp | None = None, order: Order | None = None) -> Step:
        """
        Begin, or continue where the log ends.

        Calls that were in flight are made again, without a second event for their beginning. A saga
        that is paused does nothing until it is resumed.

        Args:
            now: The time of the events that are logged.
            order: The order to start it. It is logged if it gives a reason, if it is part of a bulk
                order, or if nothing is begun in its step, which would say as much.
        """
        if self._started:
            msg = "a machine is started once"
            raise InternalError(msg)
        step = StepBuilder(self.state, now)
        if order is not None and self._logs_start(order, now):
            step.log(None, order.event())
        if not self.state.paused:
            self._set_out(step)
        return self._dispatch(step)

    def _logs_start(self, order: Order, now: Timestamp | None) -> bool:
        """Return True if an order to start the saga is to be an event of its own."""
        state = self.state
        if state.begun:
            return False
        barred = state.paused or self._draining or state.steering.abandoned is not None
        barred = barred or self._is_overdue(now)
        begins = not barred and (state.runnable or (state.undoable and not state.stuck))
        return order.why is not None or order.bulk is not None or not begins

    def _set_out(self, step: StepBuilder) -> None:
        """Go on where the log ends."""
        self._started, now = True, step.now
        if self.state.steering.abandoned is not None:
            return
        if self.state.unwinding:  # first, so that what waits is not asked for
            self._give_up(step)
        for node in tuple(self.state.in_flight):
            if end_without_call(node, self.state, step, self._due):
                continue
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
        deadline = self.state.steering.deadline
        if deadline is not None and not self.state.unwinding:
            step.then.append(AwaitDeadline(deadline))

    @property
    def started(self) -> bool:
        """Whether `start` was called."""
        return self._started

    def drain(self) -> None:
        """
        Begin nothing from now on; the results of what is under way are still taken.

        Before `start`, this is for a saga that is halted: orders are followed, as far as they are
        about events, and the saga does not set out by any of them.
        """
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
        step, state = StepBuilder(self.state, now), self.state
        goes_on = False
        for item in inputs:
            if state.steering is NO_STEERING and state.setbacks is NO_SETBACKS:
                # Nearly always it is this, and the patterns below take 2 000 instructions for it.
                if isinstance(item, ActionSucceeded):
                    step.log(item.node_id, item.output)
                    continue
            elif self._is_settled(item, step):
                continue
            match item:
                case _input.ActionSucceeded(node_id=node, output=output):
                    step.log(node, output)
                case _input.ActionRaised():
                    self._action_raised(item, step)
                case _input.UndoSucceeded(node_id=node):
                    step.log(node, UNDO_FINISHED)
                case _input.UndoRaised():
                    self._undo_raised(item, step)
                case _input.CallCancelled(node_id=node):
                    raise IllegalEvent(node, "cancelled", self.state.status(node).value)
                case _input.Due(node_id=node, reopened=reopened):
                    self._came_due(node, step, reopened=reopened)
                case _input.DeadlineCame():
                    self._deadline_came(step)
                case _input.Order():
                    goes_on = self._ordered(item, step) or goes_on
                case _input.InjectError() | _input.InjectErrorUndo() | _input.InjectRepeat():
                    check_injection(item, self.state, started=self._started)
                    self._injected = self._injected.with_injection(item)
                case _:
                    assert_never(item)
        # A saga that is ready waits for its start, however often it was paused and resumed.
        may_go_on = self.state.begun and not self.state.paused
        if goes_on and may_go_on and not (self._started or self._draining):
            self._set_out(step)
        # Before the saga is started, only what orders bring is new: an injection brings nothing.
        return self._dispatch(step) if self._started or step.record else step.done()

    def _ordered(self, order: Order, step: StepBuilder) -> bool:
        """Follow an order, unless it is refused; return True if the saga is to go on by it."""
        if not follow(order, self.state, step):
            return False
        node, verb = order.node_id, order.verb
        if self._started:
            cancel_calls(order, self.state, step)
        elif node is not None:
            end_without_call(node, self.state, step, self._due)
        if node is not None and verb is Verb.RETRY and self.state.status(node) in BACKING_OFF:
            self._due[node] = None
        return verb in {Verb.RESUME, Verb.UNWIND}

    def _is_settled(self, told: Input, step: StepBuilder) -> bool:
        """Return True if an order says what follows from an input; that is logged then."""
        # Nothing follows once the saga is abandoned: what its calls still say is dropped.
        if self.state.steering.abandoned is not None:
            return not isinstance(told, Order)
        return is_ended_by_order(told, self.state, step, self._due)

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

    def _came_due(self, node: SagaNodeId, step: StepBuilder, *, reopened: bool) -> None:
        # It may come late: after the node was given up, or was started for another reason.
        match self.state.status(node):
            case status if reopened:
                if status in BACKING_OFF and self.state.setbacks.reopens(node):
                    self._due[node] = None
            case SagaNodeLoadStatus.BACKING_OFF | SagaNodeLoadStatus.UNDO_BACKING_OFF:
                # Too early: of an attempt that was given up, whose undo waits longer; or the clock
                # was set back. Asked for again, as nobody else may tell.
                if (later := self.state.setbacks.due_after(node, step.now)) is not None:
                    step.then.append(Wait(node, later))
                elif not self.state.setbacks.is_held(node):
                    self._due[node] = None
            case SagaNodeLoadStatus.STARTED if isinstance(self.dag.flat.nodes[node], SleepNode):
                step.log(node, NULL)
            case _:
                pass

    def _give_up(self, step: StepBuilder) -> None:
        give_up(self.state, step)
        self._gave_up = True

    def _dispatch(self, step: StepBuilder) -> Step:
        """Begin all that may begin, wave by wave, until everything left waits for user code."""
        state = self.state
        if state.steering is not NO_STEERING:
            self._meet_deadline(step)
        abandoned = state.steering.abandoned is not None
        # Before anything else, and while the saga is paused or drained, too.
        if state.unwinding and not self._gave_up and state.begun and not abandoned:
            self._give_up(step)
        # These are the state's own live sets; logging below empties and refills them.
        runnable, undoable = state.runnable, state.undoable
        may_begin = self._started and not (self._draining or state.paused or abandoned)
        while may_begin:
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
        # Also while draining: the last result may have ended the saga. With a call in flight it has
        # not, unless it was abandoned.
        may_have_ended = state.begun and (abandoned or not state.in_flight)
        if may_have_ended and (outcome := state.outcome) is not None:
            step.then.append(Finish(outcome))
        return step.done()

    def _deadline_came(self, step: StepBuilder) -> None:
        # That it has passed is seen before anything is dispatched. But the clock may have been set
        # back, or the deadline put off.
        deadline = self.state.steering.deadline
        if deadline is not None and step.now is not None and step.now < deadline:
            step.then.append(AwaitDeadline(deadline))

    def _meet_deadline(self, step: StepBuilder) -> None:
        """Begin to unwind if the saga's deadline has passed, unless it is paused, or has ended."""
        state = self.state
        goes_on = self._started or (state.begun and not self._draining)
        if goes_on and not state.paused and self._is_overdue(step.now) and state.outcome is None:
            step.log(None, Ordered(Verb.UNWIND, "deadline", "its deadline has passed"))

    def _is_overdue(self, now: Timestamp | None) -> bool:
        """Return True if the saga's deadline has passed and nothing else has made it unwind."""
        deadline = self.state.steering.deadline
        passed = deadline is not None and now is not None and deadline <= now
        return passed and not self.state.unwinding

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
        if self._injected is NOTHING_INJECTED and not repeats and self.dag.flat.acts[node]:
            step.then.append(_run_action(node))  # as nearly always
            return
        fails = node in self._injected.fail_action
        # In this order: an injected error beats a repeat, and fails a constant as well.
        if fails and not (repeats and isinstance(self.dag.flat.nodes[node], ActionNode)):
            doubt = self.state.is_in_doubt(node)
            step.instants.append((node, failure(INJECTED, doubt=doubt)))
        elif (output := self.state.own_output(node)) is None:
            if isinstance(self.dag.flat.nodes[node], SignalNode):
                return  # nothing is called: an order brings what it waits for
            if (order := self.state.setbacks.cancelling.get(node)) is not None:
                step.then.append(RunAction(node, repeats=True, cancelled=order.verb))
                return
            # A call that was cut off may have taken effect, whatever is injected now.
            unusual = repeats or node in self._injected.repeat
            times = self._injected.repeat.get(node, ONCE).action if unusual else 1
            step.then.append(
                _run_action(node, times, repeats, fails) if unusual else _run_action(node)
            )
        elif isinstance(sleep := self.dag.flat.nodes[node], SleepNode):
            step.then.append(Wait(node, self._end_of(node, sleep)))
        else:
            step.instants.append((node, output))

    def _end_of(self, node: SagaNodeId, sleep: SleepNode) -> Timestamp | None:
        """Return when a sleep is over; None if another node says."""
        since = self.state.in_flight[node]
        if sleep.duration is None:
            return None
        return Timestamp((0 if since is None else since) + sleep.duration)

    def _undo(self, node: SagaNodeId, step: StepBuilder) -> None:
        """Do, or ask for, the undo of a node whose undo was started."""
        if node in self._injected.fail_undo:
            step.instants.append((node, UndoFailed(UNDO_INJECTED)))
        elif isinstance(self.dag.flat.nodes[node], ActionNode):
            step.then.append(_run_undo(node, self._injected.repeat.get(node, ONCE).undo))
        else:
            step.instants.append((node, UNDO_FINISHED))
