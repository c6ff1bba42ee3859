"""Sagas that are not in memory: what is stored of them, and why they are halted."""

from __future__ import annotations

from uuid import UUID

import attrs
import trio

from steno.core import (
    Attention,
    Phase,
    SagaCachedState,
    SagaDag,
    SagaId,
    SagaState,
    Snapshot,
    inputs,
    why_refused,
)
from steno.errors import (
    CommandError,
    NoSuchSaga,
    OrderRefused,
    RecoveryError,
    SagaHaltedError,
    SagaNotReady,
    SagaNotRunning,
    SagaTakenOver,
    SecClosing,
    StoreError,
)
from steno.runtime._admission import LEFT, Admission
from steno.runtime._executor_factory import ExecutorFactory
from steno.runtime._message import Loads, NotHere
from steno.runtime._stored import StoreReader
from steno.store import Fence, ListQuery, StoredSaga


@attrs.frozen(eq=False)
class AbsentSagas:
    """
    Answers for a saga about which the coordinator has replied `NotHere`.

    Args:
        store: Reads the stored saga.
        factory: Reads its graph.
        admission: Chooses the error while the SEC is being left.
        fence: The fence of sagas that this SEC creates.
        recovers: Whether this SEC has taken up the sagas of its name.
    """

    _store: StoreReader
    _factory: ExecutorFactory
    _admission: Admission
    _fence: Fence
    _recovers: bool

    async def load(self, not_here: NotHere) -> StoredSaga:
        """
        Return what is stored of a saga.

        Raises:
            NoSuchSaga: No saga has that id.
            SagaHaltedError: It is halted, and what is stored of it cannot be read.
        """
        await trio.lowlevel.checkpoint_if_cancelled()
        saga_id, stored = not_here.saga_id, not_here.stored
        if stored is None:
            try:
                stored = await self._store.load(saga_id)
            except (RecoveryError, StoreError) as error:
                if not_here.halted is None:
                    raise
                raise self._admission.told(not_here.halted.again()) from error
        if stored is None:
            raise NoSuchSaga(saga_id)
        return stored

    def snapshot(self, stored: StoredSaga, not_here: NotHere) -> Snapshot:
        """
        Return the snapshot of a saga.

        Raises:
            DumpError: Its graph cannot be read.
        """
        halted = self._halted(stored, not_here)
        problem = None if halted is None else halted.problem
        dag = self._factory.read_dag(stored)
        phase = Phase.DONE if stored.summary.state.finished else Phase.RUNNING
        if stored.summary.state is SagaCachedState.PAUSED:
            phase = Phase.PAUSED
        if not_here.loading and problem is None and phase is Phase.RUNNING:
            phase = Phase.READY
        size = len(stored.events)
        noted = _noted(stored, not_here)
        return Snapshot(
            stored.summary.saga_id, dag, stored.events, size, phase, problem, noted=noted
        )

    async def finished(self, not_here: NotHere) -> Snapshot:
        """
        Return the snapshot of a finished saga.

        Raises:
            NoSuchSaga: No saga has that id.
            SagaHaltedError: It has not ended.
            DumpError: Its graph cannot be read.
        """
        stored = await self.load(not_here)
        if (halted := self._halted(stored, not_here)) is not None:
            raise self._admission.told(halted)
        summary = stored.summary
        if not summary.state.finished:
            raise SecClosing(f"{LEFT}; saga {not_here.saga_id} goes on then")
        if summary.state is SagaCachedState.ABANDONED and summary.problem is not None:
            raise SagaHaltedError(summary.saga_id, summary.problem)  # it cannot be read
        return self.snapshot(stored, not_here)

    async def dag(self, not_here: NotHere) -> SagaDag:
        """
        Return the graph and params of a saga.

        Raises:
            NoSuchSaga: No saga has that id.
            SagaHaltedError: It is halted, because its graph cannot be read.
        """
        stored = await self.load(not_here)
        try:
            return self._factory.read_dag(stored)
        except RecoveryError as error:
            halted = self._halted(stored, not_here)
            if halted is None:
                why = f"it could not be loaded: {error}"
                halted = SagaHaltedError(not_here.saga_id, why)
            raise self._admission.told(halted) from error

    def is_paused(self, stored: StoredSaga, not_here: NotHere) -> bool:
        """Return True if a saga is only not in memory because it is paused."""
        paused = stored.summary.state is SagaCachedState.PAUSED
        return paused and self._halted(stored, not_here) is None

    async def loads(self, not_here: NotHere, order: inputs.Order) -> Loads:
        """
        Return how a saga is loaded for an order.

        Raises:
            OrderRefused: The order does not apply, so that nothing is loaded in vain.
            SagaNotRunning: The saga is finished.
            SagaHaltedError: It belongs to another SEC, or cannot be read.
        """
        stored = await self.load(not_here)
        state = stored.summary.state
        applies = state is not SagaCachedState.SUCCEEDED or order.node_id is None
        still = self._stands_still(stored, not_here)
        if not (state.can_go_on and applies) or (state.is_taken_up and not still):
            unread = attrs.evolve(not_here, stored=stored)
            raise await self.refusal(unread, SagaNotRunning(not_here.saga_id))
        self._check_order(stored, order)
        return Loads.TO_STAND_STILL if still else Loads.TO_GO_ON

    async def check_unread(self, saga_id: SagaId, order: inputs.Order) -> None:
        """
        Check that a saga that cannot be read at all can be abandoned in its row.

        Raises:
            OrderRefused: Only its log would say whether the order applies.
            SagaNotRunning: It is finished.
            SagaHaltedError: It belongs to another SEC.
        """
        # Of such a saga, only a list tells something: one that begins with it.
        marker = SagaId(UUID(int=saga_id.int - 1)) if saga_id.int else None
        query = ListQuery(marker, limit=1, sec_name=self._fence.sec_name)
        row = next(iter(await self._store.list(query)), None)
        if row is None or row.saga_id != saga_id:
            raise SagaHaltedError(saga_id, "it cannot be read, and belongs to another SEC")
        if row.state.finished and row.state is not SagaCachedState.STUCK:
            raise SagaNotRunning(saga_id)
        if order.expect is not None:
            msg = "its log cannot be read, so nobody knows whether it has grown: leave expect= out"
            raise OrderRefused(msg)

    async def check_start(self, not_here: NotHere) -> None:
        """
        Check that an order to start a saga can be recorded, as it is ready and halted.

        Raises:
            SagaNotReady: It was started, or is paused or finished.
            SagaHaltedError: It is halted, and was started; or it belongs to another SEC.
        """
        stored = await self.load(not_here)
        is_ready = stored.summary.state is SagaCachedState.READY
        if not is_ready or not self._stands_still(stored, not_here):
            unread = attrs.evolve(not_here, stored=stored)
            raise await self.refusal(unread, SagaNotReady(not_here.saga_id))

    def _stands_still(self, stored: StoredSaga, not_here: NotHere) -> bool:
        """Return True if nothing of a saga is begun by an order: it is halted, or not recovered."""
        if not_here.halted is not None:
            return not isinstance(not_here.halted, SagaTakenOver)
        if stored.fence.sec_name != self._fence.sec_name:
            return False
        return not self._recovers or self._halted(stored, not_here) is not None

    def _check_order(self, stored: StoredSaga, order: inputs.Order) -> None:
        try:
            flat = self._factory.read_dag(stored).flat
            state = SagaState.fold(flat, stored.summary.saga_id, stored.events)
        except RecoveryError:
            return  # that it cannot be loaded either says why
        if (why := why_refused(order, state)) is not None:
            raise OrderRefused(why)

    async def refusal(
        self, not_here: NotHere, finished: CommandError
    ) -> CommandError | SagaHaltedError:
        """Return the error that refuses a command on a saga: `finished` if it is, or is paused."""
        stored = await self.load(not_here)
        halted = self._halted(stored, not_here)
        state = stored.summary.state
        if halted is None and not (state.finished or state is SagaCachedState.PAUSED):
            return SecClosing(LEFT)
        return finished if halted is None else self._admission.told(halted)

    def _halted(self, stored: StoredSaga, not_here: NotHere) -> SagaHaltedError | None:
        """Return the error of a halted saga; None if it is not halted."""
        state = stored.summary.state
        if state.finished or not_here.loading:
            return None
        if not_here.halted is not None:
            return not_here.halted.again()
        # Nothing is wrong with a saga that is paused; of others, loading was planned, and happens
        # at the next open.
        is_own = stored.fence.sec_name == self._fence.sec_name
        rests = state is SagaCachedState.PAUSED and (self._recovers or not_here.paused)
        if is_own and (rests or self._admission.draining):
            return None
        problem = stored.summary.problem or self._stranger(stored)
        return SagaHaltedError(stored.summary.saga_id, problem)

    def _stranger(self, stored: StoredSaga) -> str:
        """Return the reason why a saga unknown to the coordinator is halted."""
        owner = stored.fence.sec_name
        if owner == self._fence.sec_name:
            return "this SEC has not recovered it (recover=False); saga_recover does"
        return f'it belongs to the SEC "{owner}"; if that SEC is gone, saga_recover takes it over'


def _noted(stored: StoredSaga, not_here: NotHere) -> Attention | None:
    """Return why a person should look at a saga, as far as its log does not say so."""
    why, known = stored.summary.concern, not_here.halted
    if why is not None and not why.attention.is_of_log:
        return why.attention
    # Not every note has been written by now.
    is_halted = known is not None and not isinstance(known, SagaTakenOver)
    return Attention.HALTED if is_halted and stored.summary.state.can_go_on else None
