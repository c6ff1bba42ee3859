"""
The executor: the actor that runs one saga, and the sole owner of its machine.

Theory of operation.

Rule 1. There is one order: inputs gather; when the writer makes up a batch it takes the step that
all of them together amount to; when that is durable it is published, and only then carried out. So
an action is called only after its `started` is durable, and a result is seen only once it is. One
step at a time is with the writer, and nothing of this waits for a task to be scheduled: what an
executor does, it does in the task that tells it something.

Rule 2. User code runs in tasks of its nursery, which tell it what came of a node, and nothing else.

Rule 3. If a step can not be made durable, the tasks are cancelled first, then the machine, which
knows more than the store, is never used again. The saga stands still until it is loaded afresh.
"""

from __future__ import annotations

import attrs
import trio

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
    Snapshot,
    Step,
    cached_state,
)
from steno.errors import SagaHaltedError, SagaTakenOver
from steno.runtime._exec_client import SecExecClient
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
        """Take the first step of a new saga, to be stored with it; `run` then carries it out."""
        self._step = self.machine.start()
        if cached_state(self.machine.state) is SagaCachedState.RUNNING:
            self._durable, self._stored = len(self._step.record), SagaCachedState.RUNNING
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
        """Tell the machine of an injection; it is looked at when its node is dispatched."""
        self.machine.handle([injection])

    async def run(self) -> None:
        """Run the saga until it is finished or halted, and tell the SEC."""
        self.phase = Phase.RUNNING
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
        if self._halted is None:
            self.phase = Phase.DONE
        self._sec.ended(self, self._halted)

    async def _run_node(self, command: RunAction | RunUndo) -> None:
        outcome = await self._runner.run(command)
        self._told.append(outcome)
        if not self._with_writer:
            self._turn_to_writer()

    # What is written, and what follows from that

    def _turn_to_writer(self) -> None:
        self._with_writer = True
        self._sec.record(self)

    def take(self) -> Write | None:
        """Return what is to be written of the saga now, with all that it was told so far."""
        if self._nursery is None:
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
            if isinstance(item, NodeHalted):
                self._problem = item.problem  # what came in beside it is recorded all the same
            else:
                told.append(item)
        self._told.clear()
        return self.machine.handle(told)

    def _written(self, outcome: WriteOutcome) -> None:
        """Take note of what became of the step."""
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
        if self._problem is not None:
            self._halt(SagaHaltedError(self.saga_id, self._problem))
            return
        for command in step.then:
            match command:
                case RunAction() | RunUndo():
                    name = self.machine.dag.flat.name_of(command.node_id)
                    nursery.start_soon(self._run_node, command, name=name)
                case Finish():
                    self._over.set()
                    return
        if self._told:
            self._turn_to_writer()
        else:
            self._with_writer = False

    def _halt(self, halted: SagaHaltedError) -> None:
        self._halted = halted
        self._over.set()
        if self._nursery is not None:
            self._nursery.cancel_scope.cancel()
