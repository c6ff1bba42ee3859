"""A handle of one saga, which implements every command on it."""

from __future__ import annotations

from collections.abc import Callable

import attrs

from steno.core import (
    NULL,
    Injection,
    RepeatInjected,
    SagaCachedState,
    SagaHalted,
    SagaId,
    SagaNodeId,
    SagaResult,
    SagaView,
    Snapshot,
    Verb,
    injectable,
    inputs,
)
from steno.errors import RecoveryError, SagaNotReady, SagaNotRunning
from steno.runtime._access import SecAccess
from steno.runtime._message import (
    GetSaga,
    Inject,
    OrderSaga,
    RecoverSaga,
    StartSaga,
    WaitSaga,
)
from steno.runtime._order import Signature, completion


@attrs.frozen
class SagaHandle:
    """
    One saga of a SEC; it holds only the id, and `saga_handle` can make it again.

    Attributes:
        saga_id: The saga.
    """

    saga_id: SagaId
    _sec_access: SecAccess = attrs.field(repr=False)

    async def start(self) -> None:
        """Start the saga; see `SecClient.saga_start`."""
        access = self._sec_access
        if (not_here := await access.asker.ask(StartSaga(self.saga_id))) is not None:
            raise await access.absent.refusal(not_here, SagaNotReady(self.saga_id))

    async def wait(self) -> SagaResult:
        """Wait until the saga is finished, and return its result; see `SecClient.saga_wait`."""
        access = self._sec_access
        why = f"saga {self.saga_id} cannot wait for itself to finish"
        access.admission.check_outside(self.saga_id, why)
        snapshot = await access.asker.ask(WaitSaga(self.saga_id))
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
            return SagaView(self.saga_id, stored.summary.saga_name, SagaHalted(problem, None))

    async def inject_error(self, node: str | int) -> None:
        """Make a node fail; see `SecClient.saga_inject_error`."""
        await self._inject(node, inputs.InjectError)

    async def inject_error_undo(self, node: str | int) -> None:
        """Make a node's undo fail; see `SecClient.saga_inject_error_undo`."""
        await self._inject(node, inputs.InjectErrorUndo)

    async def inject_repeat(self, node: str | int, repeat: RepeatInjected) -> None:
        """Make a node be called several times; see `SecClient.saga_inject_repeat`."""
        await self._inject(node, lambda index: inputs.InjectRepeat(index, repeat))

    async def hold(
        self,
        node: str | int,
        *,
        by: str | None = None,
        why: str | None = None,
        expect: int | None = None,
    ) -> None:
        """
        Order that a node is not begun, or, once it has begun, that it is not undone.

        A breakpoint: it stays in effect, through restarts too, until somebody orders to `retry` the
        node.

        Args:
            node: The node, by index, name or path.
            by: Who orders it; None: the SEC.
            why: The reason, for the log.
            expect: The number of events in the log that they have seen. If it has grown, the order
                is refused.

        Raises:
            OrderRefused: The node's undo has begun, or it is never begun, or it is held already;
                nothing has changed. So also if the saga was not started.
            NoSuchNode: The saga has no such node.
            NoSuchSaga: No saga has that id.
            SagaNotRunning: It is finished.
            SagaHaltedError: It is not run by this SEC.
            SecClosing: The SEC is being left.
        """
        await self._order(node, Verb.HOLD, Signature(by, why, expect))

    async def retry(
        self,
        node: str | int,
        *,
        by: str | None = None,
        why: str | None = None,
        expect: int | None = None,
    ) -> None:
        """
        Order that the next attempt of a node, or of its undo, is made now.

        For a node that is held or backs off, and for one that an order holds; the order is durable
        before it has any effect. What follows after that attempt is up to the action's policy.

        Args:
            node: See `hold`, as for the others.
            by: See there.
            why: See there.
            expect: See there.

        Raises:
            OrderRefused: The node neither is held nor waits for another attempt.
            CommandError: Otherwise as `hold`.
            SagaHaltedError: It is not run by this SEC.
        """
        await self._order(node, Verb.RETRY, Signature(by, why, expect))

    async def fail(
        self, node: str | int, *, why: str, by: str | None = None, expect: int | None = None
    ) -> None:
        """
        Order that a node fails with its last error, instead of being tried again.

        For a node that is held, backs off or sleeps, while its saga does not unwind; it does then.

        Args:
            node: See `hold`, as for the others.
            why: The reason, for the log.
            by: See there.
            expect: See there.

        Raises:
            ValueError: The reason is empty.
            OrderRefused: The node does not wait for anything.
            CommandError: Otherwise as `hold`.
            SagaHaltedError: It is not run by this SEC.
        """
        await self._order(node, Verb.FAIL, Signature(by, why, expect))

    async def complete(
        self,
        node: str | int,
        output: object = None,
        *,
        why: str,
        by: str | None = None,
        expect: int | None = None,
    ) -> None:
        """
        Tell the saga that somebody did by hand what a node, or its undo, was to do.

        For a node that is held, backs off or sleeps, and for an undo that is held, backs off or has
        failed. The node has succeeded then, or counts as undone; it is not called.

        Args:
            node: See `hold`, as for the others.
            output: What the action would have returned; None for an undo and for a sleep.
            why: The reason, for the log.
            by: See there.
            expect: See there.

        Raises:
            ValueError: The reason is empty.
            SerializeError: The output cannot be stored as JSON.
            OrderRefused: The node does not wait for anything.
            CommandError: Otherwise as `hold`.
            SagaHaltedError: It is not run by this SEC.
        """
        await self._order(node, Verb.COMPLETE, Signature(by, why, expect), output)

    async def _order(
        self, node: str | int, verb: Verb, signature: Signature, output: object = None
    ) -> None:
        access = self._sec_access
        dag = await access.dag_of(self.saga_id)
        index = dag.get_index(node)
        text = NULL if output is None else completion(access, dag, index, output)
        order = signature.order(access, index, verb, text)
        if (not_here := await access.asker.ask(OrderSaga(self.saga_id, order))) is None:
            return
        stored = await access.absent.load(not_here)
        if stored.summary.state is SagaCachedState.STUCK:
            access.absent.check_order(stored, dag, order)
            not_here = await access.asker.ask(OrderSaga(self.saga_id, order, loads=True))
        if not_here is not None:
            raise await access.absent.refusal(not_here, SagaNotRunning(self.saga_id))

    async def _inject(self, node: str | int, make: Callable[[SagaNodeId], Injection]) -> None:
        access = self._sec_access
        index = injectable(await access.dag_of(self.saga_id), node)
        if (not_here := await access.asker.ask(Inject(self.saga_id, make(index)))) is not None:
            raise await access.absent.refusal(not_here, SagaNotRunning(self.saga_id))
