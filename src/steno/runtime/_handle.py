"""A handle of one saga, which implements every command on it."""

from __future__ import annotations

from collections.abc import Callable

import attrs

from steno.core import (
    Injection,
    RepeatInjected,
    SagaHalted,
    SagaNodeId,
    SagaResult,
    SagaView,
    Snapshot,
    Verb,
    injectable,
    inputs,
)
from steno.errors import RecoveryError, SagaNotRunning
from steno.runtime._message import (
    GetSaga,
    Inject,
    RecoverSaga,
    StartSaga,
    WaitSaga,
)
from steno.runtime._order import Signature
from steno.runtime._orderable import Orderable


@attrs.frozen
class SagaHandle(Orderable):
    """
    One saga of a SEC; it holds only the id, and `saga_handle` can make it again.

    Attributes:
        saga_id: The saga.
    """

    async def start(
        self, *, by: str | None = None, why: str | None = None, expect: int | None = None
    ) -> None:
        """
        Start the saga; see `SecClient.saga_start`.

        Args:
            by: Who orders it; None: the SEC.
            why: The reason; if there is one, the log has it.
            expect: See `hold`.
        """
        access = self._sec_access
        order = Signature(by, why, expect).order(access, None, Verb.START)
        if (not_here := await access.asker.ask(StartSaga(self.saga_id, order))) is not None:
            await access.absent.check_start(not_here)
            await self._send(order)

    async def wait(self) -> SagaResult:
        """Wait until the saga is finished, and return its result; see `SecClient.saga_wait`."""
        access = self._sec_access
        why = f"saga {self.saga_id} cannot wait for itself to finish"
        access.admission.check_outside(self.saga_id, why)
        snapshot = await access.asker.ask(WaitSaga(self.saga_id))
        if not isinstance(snapshot, Snapshot):
            stored = await access.absent.load(snapshot)
            if access.absent.is_paused(stored, snapshot):
                # Loaded once, so that somebody who waits is told when it goes on, and ends.
                snapshot = await access.asker.ask(WaitSaga(self.saga_id, loads=True))
            else:
                snapshot = attrs.evolve(snapshot, stored=stored)
        if not isinstance(snapshot, Snapshot):
            snapshot = await access.absent.finished(snapshot)
        return snapshot.result()

    async def recover(self) -> None:
        """Load and resume the saga, regardless of its owner; see `SecClient.saga_recover`."""
        await self._sec_access.asker.ask(RecoverSaga(self.saga_id))

    async def view(self) -> SagaView:
        """Return a view of the saga; see `SecClient.saga_get`."""
        access = self._sec_access
        answer = await access.asker.ask(GetSaga(self.saga_id))
        if isinstance(answer, Snapshot):
            return answer.view()
        stored = await access.absent.load(answer)
        try:
            return access.absent.snapshot(stored, answer).view()
        except RecoveryError as error:
            known = None if answer.halted is None else answer.halted.problem
            problem = known or stored.summary.problem or str(error)
            why = stored.summary.concern
            attention = None if why is None else why.attention
            halted = SagaHalted(problem, None, state=stored.summary.state, attention=attention)
            return SagaView(self.saga_id, stored.summary.saga_name, halted)

    async def inject_error(self, node: str | int) -> None:
        """Make a node fail; see `SecClient.saga_inject_error`."""
        await self._inject(node, inputs.InjectError)

    async def inject_error_undo(self, node: str | int) -> None:
        """Make a node's undo fail; see `SecClient.saga_inject_error_undo`."""
        await self._inject(node, inputs.InjectErrorUndo)

    async def inject_repeat(self, node: str | int, repeat: RepeatInjected) -> None:
        """Make a node be called several times; see `SecClient.saga_inject_repeat`."""
        await self._inject(node, lambda index: inputs.InjectRepeat(index, repeat))

    async def _inject(self, node: str | int, make: Callable[[SagaNodeId], Injection]) -> None:
        access = self._sec_access
        index = injectable(await access.dag_of(self.saga_id), node)
        if (not_here := await access.asker.ask(Inject(self.saga_id, make(index)))) is not None:
            raise await access.absent.refusal(not_here, SagaNotRunning(self.saga_id))
