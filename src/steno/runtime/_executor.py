"""
The executor: the actor that runs one saga, and the sole owner of its machine.

Theory of operation.

Rule 1. There is one order: inputs gather; when the writer puts a batch together, it takes the step
that all of them together amount to; when that is durable it is published, and only then carried
out. So an action is called only after its `started` is durable, and a result is seen only once it
is. One step at a time is with the writer; what may follow what is the table of `Recording`. Nothing
of this waits for a task to be scheduled: an executor acts in the task that tells it something.

Rule 2. User code runs in tasks of its nursery, which tell it the outcome of a node, and no more.

Rule 3. If a step cannot be made durable, the tasks are cancelled first, then the machine, which
knows more than the store, is never used again. The saga stands still until it is loaded afresh.

Rule 4. It is a bulkhead. What fails in here, in the machine or in a task, halts this saga and is
reported as an `InternalError`; the writer's and the coordinator's tasks, which call it, go on.

Rule 5. When no call is under way and the writer has nothing of it, the saga is finished; or it
waits, for a time or for an order; or it was drained or cut off. A saga that waits goes on at the
next open if its SEC is left.
"""

from __future__ import annotations

import attrs
import trio

from steno.core import (
    NO_SETBACKS,
    AwaitDeadline,
    CancelCall,
    Finish,
    Injection,
    Phase,
    Recording,
    RecordingState,
    RunAction,
    RunUndo,
    SagaCachedState,
    SagaNodeId,
    Snapshot,
    Step,
    Timestamp,
    Wait,
    cached_state,
    concern,
    inputs,
    only_waits,
)
from steno.errors import CommandError, InternalError, SagaHaltedError, SagaNotRunning
from steno.runtime._admission import Admission
from steno.runtime._decision import decide
from steno.runtime._fault import fault_of
from steno.runtime._halting import not_recorded, taken_over
from steno.runtime._holding import Holding
from steno.runtime._mailbox import Reply
from steno.runtime._orders import Orders
from steno.runtime._report import report_failures, report_stuck
from steno.runtime._runner import Told
from steno.runtime._starters import Starters
from steno.runtime._tasks import SagaTasks
from steno.runtime._writer import Write
from steno.store import Durable, Fence, Lost, Rejected, SagaRecord, WriteOutcome

# A name of the module: in Python 3.11, to look a member up in its Enum takes 900 instructions.
_QUEUED, _READY = RecordingState.QUEUED, SagaCachedState.READY


@attrs.define(eq=False)
class SagaExecutor(SagaTasks):
    """
    Runs one saga.

    Attributes:
        fence: The fence that it writes with.
        stands_still: Whether it only takes orders, and begins nothing, as its saga is halted.
        ended: Whether the saga has ended, and that is durable.
    """

    _admission: Admission
    fence: Fence
    stands_still: bool = attrs.field(init=False, default=False)
    ended: bool = attrs.field(init=False, default=False)
    _start: inputs.Order | None = attrs.field(init=False, default=None)  # not told yet
    _started: bool = attrs.field(init=False, default=False)  # and that is durable, and reported
    _waits: int = attrs.field(init=False, default=0)  # times that the timer is to tell
    _holding: Holding = attrs.field(
        init=False, default=attrs.Factory(lambda self: Holding(self._exec_client), takes_self=True)
    )
    _cut_off: bool = attrs.field(init=False, default=False)  # a call met a SEC that is being left
    _starters: Starters = attrs.field(init=False, factory=Starters)
    _orders: Orders | None = attrs.field(init=False, default=None)  # few sagas are given any
    _problem: str | None = attrs.field(init=False, default=None)

    def snapshot(self) -> Snapshot:
        """Return what is durable of the saga, in O(1)."""
        dag, state = self.machine.dag, self.machine.state
        events, ended = state.log.events, state if self.ended else None
        phase = Phase.DONE if self.ended else Phase.READY if self.is_ready else Phase.RUNNING
        durable = self.recording.durable_events
        return Snapshot(self.saga_id, dag, events, durable, phase, ended=ended)

    def inject(self, injection: Injection) -> None:
        """
        Tell the machine of an injection; it is looked at when its node is dispatched.

        Raises:
            CommandError: It is refused, and nothing has changed.
            SagaHaltedError: The machine failed, and the saga halts.
        """
        try:
            self.machine.handle([injection])
        except CommandError:
            raise
        except Exception as error:
            raise self._broken(error) from error

    def drain(self) -> None:
        """Begin nothing from now on; calls under way end and are logged."""
        self.machine.drain()
        self._runner.cut_off_turns()

    def rest(self) -> None:
        """Leave the saga to the next open if it only waits, as its SEC is being left."""
        idle = self.recording.state is RecordingState.IDLE and not self._under_way
        if idle and self._nursery is not None:  # one that has not set out yet is not idle
            self._over.set()

    @property
    def over(self) -> bool:
        """Whether it does nothing any more."""
        return self._over.is_set()

    def due(self, node: SagaNodeId | None, *, reopened: bool = False) -> None:
        """Take note that the time of a node has come, or, without a node, that of the deadline."""
        try:
            self._waits -= not reopened  # it may also be due as a saga goes on that it waits for
            told = inputs.DeadlineCame() if node is None else inputs.Due(node, reopened)
            if self.recording.told(told):
                self._exec_client.record(self)
        except Exception as error:  # noqa: BLE001 - a bulkhead
            self._broken(error)

    def order(self, order: inputs.Order, reply: Reply[object]) -> None:
        """Tell the machine of an order; the reply is None once it is durable, or a refusal."""
        self._orders = self._orders or Orders()
        self._orders.add(order, reply)
        if self._nursery is not None and self.recording.told(order):
            self._exec_client.record(self)

    def held_nodes(self) -> tuple[str, ...]:
        """Return the nodes that are held, if the saga cannot go on by itself."""
        return self._holding.nodes(self.machine)

    def answer_when_started(self, reply: Reply[object], refusal: CommandError | None) -> None:
        """Answer once it is durable that the saga was started: None, or with a refusal."""
        self._starters.add(reply, refusal)
        if not self.is_ready:
            self._starters.answer()

    def start(self, order: inputs.Order) -> None:
        """Have the saga started when `run` is called, which otherwise only takes orders."""
        self._start = order

    def stand_still(self) -> None:
        """Only take orders when `run` is called; nobody is told that the saga has begun."""
        self.machine.drain()
        self.stands_still = self._started = True

    def successor(self) -> SagaExecutor:
        """Return an executor for what comes next, of a saga whose orders this one has taken."""
        recording: Recording[Told] = Recording(self.recording.durable_events, self.recording.row)
        told = self._exec_client, self._admission, self.fence
        return SagaExecutor(self.machine, recording, self._runner, *told)

    @property
    def is_ready(self) -> bool:
        """Whether the store has it as never started."""
        return self.recording.row is SagaCachedState.READY

    async def run(self) -> None:
        """Run the saga until it is finished or halted, or stays stored, and tell the SEC."""
        try:
            await self._run()
        except BaseException as error:  # noqa: ASYNC103 - a Cancelled is raised again below
            if (fault := fault_of(error)) is None:
                raise
            self._broken(fault)  # it goes no further
            # Where the SEC is cancelled as well, this raises what was caught.
            await trio.lowlevel.checkpoint_if_cancelled()  # noqa: ASYNC102 - see above
        if self._halted is not None:
            self._starters.fail(self._halted)
        if self._orders is not None:
            self._orders.fail(self._halted or SagaNotRunning(self.saga_id))
        self._exec_client.ended(self.saga_id, self._halted)

    async def _run(self) -> None:
        if not (self._started or self.is_ready or self.machine.state.paused):
            self._note_started()
        try:
            await self._run_tasks(self._set_out)
        finally:
            self._close()
            if self._waits:
                self._exec_client.timer.forget(self._waits)
        state = self.machine.state
        self.ended = self._halted is None and state.begun and state.outcome is not None

    def _set_out(self) -> None:
        """Have the first step written; carry it out at once if there is nothing to write."""
        recording = self.recording
        # Not `begun`: in an older file the row alone may say that a saga was started.
        if not (self.machine.started or self.stands_still) and (self._start or not self.is_ready):
            recording.told(self.machine.start(self._exec_client.now(), self._start))
        for order in () if self._orders is None else self._orders.told:
            recording.told(order)
        row = cached_state(self.machine.state)
        match recording.waiting:
            case [Step() as first] if recording.adds_nothing(first, row):
                self.take()
            case _:
                self._exec_client.record(self)

    # What is written, and what follows from that

    def take(self) -> Write | None:
        """Return the step to be written now, made of all that it was told so far."""
        try:
            # Once cancelled, results are dropped: an action may have failed because of that alone.
            if self._nursery is None or (
                self._nursery.cancel_scope.cancel_called and self._interrupted is None
            ):
                return None
            recording = self.recording
            # In this order: the row is to say the state after the step.
            now, closing = self._exec_client.now(), self._admission.closing
            step, problem, cut_off = decide(self.machine, recording.waiting, now, closing=closing)
            if (row := cached_state(self.machine.state)) is _READY:
                row = recording.row  # in an older file it alone may say that a saga was started
            self._problem, self._cut_off = problem or self._problem, cut_off or self._cut_off
            nothing_new = recording.adds_nothing(step, row)
            recording.taken(step, row)
            if self._orders is not None and self._orders.taken(step):
                self._holding.goes_on(self.saga_id)
            if nothing_new:
                self._durable()
                return None
            first, events = recording.durable_events, recording.step.record
            why = concern(self.machine.state)
            saga_id = self.machine.state.log.saga_id  # not the property: that is one more call
            record = SagaRecord.of(saga_id, self.fence, first, events, row, why)
            return Write(record, self._written)
        except Exception as error:  # noqa: BLE001 - a bulkhead
            self._broken(error)
            return None

    def _written(self, outcome: WriteOutcome) -> None:
        """Act on the outcome of writing the step."""
        try:
            match outcome:
                case Durable():
                    self._durable()
                case Lost(owner=owner):
                    self._halt(taken_over(self.saga_id, owner))
                case Rejected(error=error):
                    self._halt(not_recorded(self.saga_id, error))
        except Exception as error:  # noqa: BLE001 - a bulkhead
            self._broken(error)

    def _durable(self) -> None:
        """Carry out the step that is durable now, unless the saga was halted meanwhile."""
        step = self.recording.durable()
        if self._orders is not None and step is not None:
            self._orders.durable()
        if step is not None and self._nursery is not None:
            self._carry_out(step, self._nursery)

    def _carry_out(self, step: Step, nursery: trio.Nursery) -> None:
        """Do what a durable step asks for; then ask the writer again, if more was told."""
        if not self._started and not self.is_ready:
            self._note_started()
        unwinding = self.machine.state.unwinding
        if unwinding or self.machine.state.setbacks is not NO_SETBACKS:
            report_failures(self.machine, step, self._runner.raised, self._exec_client.awaits)
            if unwinding:
                self._runner.skip_turns()
        # Before the commands: nothing more is begun of a saga that halts.
        if self._problem is not None:
            self._halt(SagaHaltedError(self.saga_id, self._problem))
            return
        for command in step.then:
            match command:
                case RunAction() | RunUndo():
                    # Its `started` is durable, and a call that is not made now is made on recovery.
                    if not self._admission.draining or _is_ended(command):
                        self._holding.goes_on(self.saga_id)
                        self._begin_call(command, nursery)
                case CancelCall(node_id=node):
                    self._cancel_call(node, nursery)
                case AwaitDeadline(until=until):
                    self._wait(None, until)
                case Wait(node_id=node, until=until):
                    self._wait(node, self._runner.time_of(node) if until is None else until)
                case Finish(outcome=SagaCachedState.STUCK):
                    report_stuck(self.machine, self._runner.raised)
                case Finish():
                    pass
        state = self.machine.state
        if state.steering.abandoned is not None:
            self._cancel_all(nursery)  # what is under way may end as it likes
        # Before the end, as a saga that is stuck goes on by an order that came meanwhile.
        elif self.recording.state is _QUEUED:
            self._exec_client.record(self)
        elif state.begun and state.outcome is not None:
            self._over.set()
        elif not self._under_way:
            self._pause()

    def _wait(self, node: SagaNodeId | None, until: Timestamp | inputs.ActionRaised) -> None:
        """Have the timer tell when the time of a node, or that of the deadline, has come."""
        if isinstance(until, inputs.ActionRaised):
            self.recording.told(until)  # the writer is asked once all commands are carried out
        else:
            self._waits += 1
            self._exec_client.timer.wait(until, self, node)

    def _pause(self) -> None:
        """Do nothing until a time has come, or leave the saga to an order or the next open."""
        state = self.machine.state
        leaving = self._cut_off or self._admission.draining
        rests = state.paused or not self.machine.started
        if not leaving and not rests and not only_waits(state):
            msg = "nothing of the saga is under way, and it is not finished"
            raise InternalError(msg)
        if leaving or rests or self._admission.closing:
            self._over.set()
        else:
            self._dismiss_resident()  # a saga that only waits has no task for that
            self._holding.report(self.machine)

    def _note_started(self) -> None:
        self._started = True
        if self._runner.instruments is not None:
            self._runner.instruments.saga_began(self.machine)
        self._starters.answer()


def _is_ended(command: RunAction | RunUndo) -> bool:
    """Return True if a call is not made, but ends as an order has said."""
    return isinstance(command, RunAction) and command.cancelled is not None
