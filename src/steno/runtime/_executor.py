"""
The executor: the actor that runs one saga, and the sole owner of its machine.

Theory of operation.

Rule 1. Its loop has one order: record the step, wait until that is durable, publish, carry the step
out, wait for inputs, handle all there are. So an action is called only after its `started` is
durable, and a result is seen only once it is.

Rule 2. User code runs in tasks of its nursery, which tell it what came of a node, and nothing else.

Rule 3. If a step can not be made durable, the tasks are cancelled first, then the machine, which
knows more than the store, is never used again. The saga stands still until it is loaded afresh.
"""

from __future__ import annotations

from typing import TypeAlias

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
    SagaNodeEvent,
    Snapshot,
    cached_state,
)
from steno.errors import SagaHaltedError, SagaTakenOver
from steno.runtime._exec_client import SecExecClient
from steno.runtime._mailbox import Mailbox
from steno.runtime._runner import NodeHalted, NodeOutcome, NodeRunner
from steno.store import (
    Durable,
    Fence,
    Lost,
    Rejected,
    SagaCreateParams,
    SagaRecord,
)

SagaInput: TypeAlias = NodeOutcome | Injection


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
    mailbox: Mailbox[SagaInput] = attrs.field(init=False, factory=Mailbox)
    phase: Phase = attrs.field(init=False, default=Phase.READY)
    _durable: int = attrs.field(init=False)  # events

    def __attrs_post_init__(self) -> None:
        """Begin with the log that the store has."""
        self._durable = len(self.machine.state.log.events)

    @property
    def saga_id(self) -> SagaId:
        """The saga that it runs."""
        return self.machine.state.log.saga_id

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
            events=tuple(self.machine.state.log.events),
        )

    def snapshot(self) -> Snapshot:
        """Return what is durable of the saga, in O(1)."""
        dag, log = self.machine.dag, self.machine.state.log
        return Snapshot(log.saga_id, dag, log.events, self._durable, self.phase)

    def inject(self, injection: Injection) -> None:
        """Tell the machine of an injection: now, or with the inputs that wait."""
        if self.phase is Phase.READY:
            self.machine.handle([injection])
        else:
            self.mailbox.tell(injection)

    async def run(self) -> None:
        """Run the saga until it is finished or halted, and tell the SEC."""
        self.phase = Phase.RUNNING
        async with trio.open_nursery() as nursery:
            halted = await self._drive(nursery)
            nursery.cancel_scope.cancel()
        if halted is None:
            self.phase = Phase.DONE
        self._sec.ended(self, halted)

    async def _drive(self, nursery: trio.Nursery) -> SagaHaltedError | None:
        """Go from step to step; return why the saga is halted, or None when it is finished."""
        step = self.machine.start()
        problem: str | None = None
        while True:
            state = cached_state(self.machine.state)
            if step.record or state is not self._stored:
                halted = await self._record(step.record, state)
                if halted is not None:
                    return halted
            if problem is not None:
                return SagaHaltedError(self.saga_id, problem)  # noqa: ASYNC910 - it was received
            for command in step.then:
                match command:
                    case RunAction() | RunUndo():
                        nursery.start_soon(self._run_node, command)
                    case Finish():
                        return None
            told: list[Input] = []
            for item in await self.mailbox.receive_all():
                if isinstance(item, NodeHalted):
                    problem = item.problem  # what came in beside it is recorded all the same
                else:
                    told.append(item)
            step = self.machine.handle(told)

    async def _run_node(self, command: RunAction | RunUndo) -> None:
        self.mailbox.tell(await self._runner.run(command))

    async def _record(
        self, events: tuple[SagaNodeEvent, ...], state: SagaCachedState
    ) -> SagaHaltedError | None:
        """Make events durable; return why the saga is halted if they can not be."""
        record = SagaRecord(self.saga_id, self._fence, self._durable, events, state)
        match await self._sec.record(record):
            case Durable():
                self._durable += len(events)
                self._stored = state
                return None
            case Lost(owner=owner):
                why = f'the SEC "{owner}" runs it now, or a later life of this one'
                return SagaTakenOver(self.saga_id, why)
            case Rejected(error=error):
                why = f"a step could not be recorded ({error}); mend the store, then saga_recover"
                halted = SagaHaltedError(self.saga_id, why)
                halted.__cause__ = error
                return halted
