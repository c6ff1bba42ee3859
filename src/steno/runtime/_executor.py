"""
The executor: the actor that runs one saga, and the sole owner of its machine.

Theory of operation.

Rule 1. There is one order: inputs gather; when the writer makes up a batch it takes the step that
all of them together amount to; when that is durable it is published, and only then carried out. So
an action is called only after its `started` is durable, and a result is seen only once it is. One
step at a time is with the writer, and nothing of this waits for a task to be scheduled: what an
executor does, it does in the task that tells it something.

Rule 2. User code runs in tasks of its nursery, which tell it what came of a node, and nothing else.

Rule 3. If a step cannot be made durable, the tasks are cancelled first, then the machine, which
knows more than the store, is never used again. The saga stands still until it is loaded afresh.

Rule 4. It is a bulkhead. Whatever goes wrong in here, in the machine or in a task, halts this saga
and is reported as an `InternalError`; the tasks that call it, the writer's and the coordinator's,
never see it.

Rule 5. When no call is under way and the writer has nothing of it, the saga is finished, or it was
drained or cut off while its SEC is being left: then it stays stored, and goes on at the next open.
"""

from __future__ import annotations

import attrs
import trio

from steno.action import message_of
from steno.core import (
    Finish,
    Injection,
    Input,
    Phase,
    RunAction,
    RunUndo,
    SagaCachedState,
    SagaId,
    SagaMachine,
    SagaNodeId,
    SagaOutcome,
    Snapshot,
    Step,
    cached_state,
)
from steno.errors import CommandError, InternalError, SagaHaltedError, SagaTakenOver
from steno.runtime._exec_client import SecExecClient
from steno.runtime._fault import is_cancelled, is_fatal, leaves
from steno.runtime._mailbox import Reply
from steno.runtime._report import report_failures, report_stuck
from steno.runtime._runner import NodeHalted, NodeOutcome, NodeRunner
from steno.runtime._writer import Write
from steno.store import (
    Durable,
    Fence,
    Lost,
    Rejected,
    SagaCreateParams,
    SagaRecord,
    WriteOutcome,
)

NO_STEP = Step((), ())


@attrs.define(eq=False)
class SagaExecutor:
    """
    Runs one saga.

    Args:
        machine: What decides.
        runner: What calls actions.
        sec: Its line to the SEC.
        fence: With which it writes.
        stored: What the saga's row says.
    """

    machine: SagaMachine
    _runner: NodeRunner
    _sec: SecExecClient
    _fence: Fence
    _stored: SagaCachedState
    phase: Phase = attrs.field(init=False, default=Phase.READY)
    _durable: int = attrs.field(init=False)  # events
    _told: list[NodeOutcome] = attrs.field(init=False, factory=list)
    _step: Step = attrs.field(init=False, default=NO_STEP)  # the latest
    _next: SagaCachedState = attrs.field(init=False, default=SagaCachedState.READY)  # after it
    _with_writer: bool = attrs.field(init=False, default=True)
    _under_way: int = attrs.field(init=False, default=0)  # calls
    _cut_off: bool = attrs.field(init=False, default=False)  # a call met a SEC that is being left
    _starters: dict[Reply[object], CommandError | None] | None = attrs.field(
        init=False, default=None
    )
    _problem: str | None = attrs.field(init=False, default=None)
    _halted: SagaHaltedError | None = attrs.field(init=False, default=None)
    _nursery: trio.Nursery | None = attrs.field(init=False, default=None)
    _over: trio.Event = attrs.field(init=False, factory=trio.Event)

    def __attrs_post_init__(self) -> None:
        """Begin with the log that the store has."""
        self._durable = len(self.machine.state.log.events)

    @property
    def saga_id(self) -> SagaId:
        """The saga that it runs."""
        return self.machine.state.log.saga_id

    def begin(self) -> None:
        """
        Start a new saga, to be stored as started; `run` then goes on with it.

        Its first step is stored with it, unless it ends the saga.
        """
        self._step, self._stored = self.machine.start(), SagaCachedState.RUNNING
        if cached_state(self.machine.state) is SagaCachedState.RUNNING:
            self._durable = len(self._step.record)
            self._step = Step((), self._step.then)

    def create_params(self) -> SagaCreateParams:
        """Return what a store is to be given to keep the saga as it is now."""
        dag = self.machine.dag
        return SagaCreateParams(
            saga_id=self.saga_id,
            saga_name=dag.saga_name,
            dag_digest=dag.flat.digest,
            dag_text=dag.flat.text,
            params=dag.params,
            fence=self._fence,
            events=tuple(self.machine.state.log.events[: self._durable]),
            state=self._stored,
        )

    def snapshot(self) -> Snapshot:
        """Return what is durable of the saga, in O(1)."""
        dag, state = self.machine.dag, self.machine.state
        events, ended = state.log.events, state if self.phase is Phase.DONE else None
        return Snapshot(self.saga_id, dag, events, self._durable, self.phase, ended=ended)

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
        """Begin nothing from now on; what is under way ends and is logged."""
        self.machine.drain()

    def answer_when_started(self, reply: Reply[object], refusal: CommandError | None) -> None:
        """Answer once it is durable that the saga was started: None, or with a refusal."""
        if self.phase is not Phase.READY:
            _answer(reply, refusal)
        else:
            self._starters = {**(self._starters or {}), reply: refusal}

    @property
    def fence(self) -> Fence:
        """The fence with which it writes."""
        return self._fence

    @property
    def is_ready(self) -> bool:
        """Whether the store has it as never started."""
        return self._stored is SagaCachedState.READY

    async def run(self) -> None:
        """Run the saga until it is finished or halted, or stays stored, and tell the SEC."""
        try:
            await self._run()
        except BaseException as error:  # noqa: ASYNC103 - a Cancelled is raised again below
            others = [leaf for leaf in leaves(error) if not isinstance(leaf, trio.Cancelled)]
            if is_fatal(error) or (not others and is_cancelled()):
                raise
            self._broken(others[0] if others else error)
            # Where the SEC is cancelled as well, this raises what was caught.
            await trio.lowlevel.checkpoint_if_cancelled()  # noqa: ASYNC102 - as said
        if self._halted is not None:
            for reply in self._starters or ():
                reply.fail(self._halted.again())
        self._sec.ended(self, self._halted)

    async def _run(self) -> None:
        if not self.is_ready:
            self._note_started()
        async with trio.open_nursery() as nursery:
            self._nursery = nursery
            try:
                if self._step is NO_STEP:
                    self._step = self.machine.start()
                if self._is_written():
                    self._carry_out()
                else:
                    self._turn_to_writer()
                await self._over.wait()
            finally:
                self._nursery = None
        if not self._over.is_set():
            msg = "its tasks were cancelled, and not by its SEC; does an action leave a scope open?"
            raise InternalError(msg)
        if self._halted is None and self.machine.state.outcome is not None:
            self.phase = Phase.DONE

    async def _run_node(self, command: RunAction | RunUndo) -> None:
        outcome = await self._runner.run(command)
        self._under_way -= 1
        if trio.lowlevel.current_task().child_nurseries:
            # Trio will end this task with an error, and with it all that is in the saga's nursery.
            name = self._name_of(command.node_id)
            why = f'the action of node "{name}" left a nursery open; use "async with" to open one'
            self._halt(SagaHaltedError(self.saga_id, f"{why}, mend that, then saga_recover"))
            return
        self._told.append(outcome)
        if not self._with_writer:
            self._turn_to_writer()

    # What is written, and what follows from that

    def _turn_to_writer(self) -> None:
        self._with_writer = True
        self._sec.record(self)

    def take(self) -> Write | None:
        """Return what is to be written of the saga now, with all that it was told so far."""
        try:
            return self._take()
        except Exception as error:  # noqa: BLE001 - a bulkhead
            self._broken(error)
            return None

    def _take(self) -> Write | None:
        if self._nursery is None or self._nursery.cancel_scope.cancel_called:
            return None  # it was cancelled, and what it was told was never so
        if self._told:
            self._step = self._handle()
        if self._is_written():
            self._carry_out()
            return None
        events = self._step.record
        record = SagaRecord(self.saga_id, self._fence, self._durable, events, self._next)
        return Write(record, self._written)

    def _is_written(self) -> bool:
        """Say whether the store has all that the step amounts to."""
        self._next = cached_state(self.machine.state)
        return not self._step.record and self._next is self._stored

    def _handle(self) -> Step:
        told: list[Input] = []
        for item in self._told:
            if not isinstance(item, NodeHalted):
                told.append(item)
            elif item.closing and self._sec.closing:
                self._cut_off = True
            else:
                self._problem = item.problem  # what came in beside it is recorded all the same
        self._told.clear()
        return self.machine.handle(told)

    def _written(self, outcome: WriteOutcome) -> None:
        """Take note of what became of the step."""
        try:
            self._follow(outcome)
        except Exception as error:  # noqa: BLE001 - a bulkhead
            self._broken(error)

    def _follow(self, outcome: WriteOutcome) -> None:
        match outcome:
            case Durable():
                self._durable += len(self._step.record)
                self._stored = self._next
                self._carry_out()
            case Lost(owner=owner):
                why = f'the SEC "{owner}" runs it now, or a later life of this one'
                self._halt(SagaTakenOver(self.saga_id, why))
            case Rejected(error=error):
                why = f"a step could not be recorded ({error}); mend the store, then saga_recover"
                halted = SagaHaltedError(self.saga_id, why)
                halted.__cause__ = error
                self._halt(halted)

    def _carry_out(self) -> None:
        """Do what the step asks for, now that it is durable."""
        step, self._step, nursery = self._step, NO_STEP, self._nursery
        if nursery is None:
            return  # it was cancelled meanwhile
        if self.phase is Phase.READY:
            self._note_started()
        if self.machine.state.unwinding:
            report_failures(self.machine, step, self._runner.raised)
        if self._problem is not None:
            self._halt(SagaHaltedError(self.saga_id, self._problem))
            return
        for command in step.then:
            match command:
                case RunAction() | RunUndo():
                    if not self._sec.draining:
                        self._under_way += 1
                        nursery.start_soon(
                            self._run_node, command, name=self._name_of(command.node_id)
                        )
                case Finish(outcome=outcome):
                    if outcome is SagaOutcome.STUCK:
                        report_stuck(self.machine, self._runner.raised)
                    self._over.set()
        if self._told:
            self._turn_to_writer()
        else:
            self._with_writer = False
            if not self._under_way and not self._over.is_set():
                self._rest()

    def _rest(self) -> None:
        """Leave the saga to the next open: nothing of it is under way, and nothing is begun."""
        if not self._cut_off and not self._sec.draining:
            msg = "nothing of the saga is under way, and it is not finished"
            raise InternalError(msg)
        self._over.set()

    def _note_started(self) -> None:
        self.phase = Phase.RUNNING
        for reply, refusal in (self._starters or {}).items():
            _answer(reply, refusal)
        self._starters = None

    # What goes wrong

    def _halt(self, halted: SagaHaltedError) -> None:
        if self._halted is None:
            self._halted = halted
        self._over.set()
        if self._nursery is not None:
            self._nursery.cancel_scope.cancel()

    def _broken(self, error: BaseException) -> SagaHaltedError:
        """Halt the saga since its own machinery failed, and return what its waiters are told."""
        if self._halted is None:
            bug = InternalError(f"the engine failed: {_text_of(error)}")
            bug.__cause__ = error
            problem = f"{bug}; the log has the traceback. saga_recover tries it again"
            halted = SagaHaltedError(self.saga_id, problem)
            halted.__cause__ = bug
            self._halt(halted)
            return halted
        return self._halted

    def _name_of(self, node: SagaNodeId) -> str:
        return self.machine.dag.flat.name_of(node)


def _answer(reply: Reply[object], refusal: CommandError | None) -> None:
    if refusal is None:
        reply.answer(None)
    else:
        reply.fail(refusal)


def _text_of(error: BaseException) -> str:
    try:
        return f"{type(error).__name__}: {message_of(error)}"
    except Exception:  # noqa: BLE001 - the class may be the user's
        return "an exception that cannot be printed"
