"""
The client: what an application holds of a SEC.

What concerns one saga that exists is a command of its handle, and has Steno's name here. Sagas are
created here, and what can be wrong with one is found here, in the caller's task, before anything is
asked.
"""

from __future__ import annotations

import uuid
from collections.abc import Callable, Collection, Sequence
from contextlib import suppress
from datetime import timedelta
from typing import Literal, overload

import attrs

from steno.core import (
    RepeatInjected,
    SagaCachedState,
    SagaDag,
    SagaId,
    SagaNodeEvent,
    SagaResult,
    SagaSerialized,
    SagaState,
    SagaView,
    Timestamp,
    checked_saga_id,
    difference,
    fold_unordered,
)
from steno.errors import SagaIdInUse, SagaNotReady
from steno.runtime._access import SecAccess
from steno.runtime._coordinator import Coordinator
from steno.runtime._executor import SagaExecutor
from steno.runtime._handle import SagaHandle
from steno.runtime._listing import SagaListing
from steno.runtime._message import CreateSaga, RunSaga
from steno.runtime._recover import ExecutorFactory
from steno.runtime._statistics import SecStatistics, take
from steno.runtime._value_limit import check_sizes
from steno.runtime._writer import LogWriter
from steno.store import PRUNABLE, Fence, ListQuery, PruneQuery, SagaSummary


@attrs.define(eq=False)
class SecClient:
    """
    Creates sagas and looks after them; `open_sec` gives one.

    All methods may be called from any task. One that is cancelled was never accepted, or is carried
    out whole.
    """

    _access: SecAccess
    _coordinator: Coordinator
    _writer: LogWriter
    _factory: ExecutorFactory
    _fence: Fence
    _max_value_bytes: int
    _now: Callable[[], Timestamp]

    # Life

    async def saga_create(
        self,
        dag: SagaDag,
        *,
        saga_id: uuid.UUID | None = None,
        start: bool = False,
        if_exists: Literal["compare", "use"] = "compare",
    ) -> SagaHandle:
        """
        Store a saga, and start it if that is asked for; otherwise nothing of it runs.

        Once this has returned, the saga is durable: whatever happens, it is there at the next open,
        and goes on if it was started.

        Args:
            dag: Its graph and params.
            saga_id: Its id; None for a random one. Creating an id again with the same graph and
                params returns the existing saga.
            start: Whether to start it, in the same transaction. An existing saga is started, too,
                unless it was before.
            if_exists: What to do about an existing saga of this id: `"compare"` its graph and
                params with these and raise SagaIdInUse if they differ, or `"use"` it as it is.

        Raises:
            SagaValidationError: An action is not registered or has no undo, or a value is too big.
            SagaIdInUse: There is another saga of that id.
            SagaHaltedError: It exists, is to be started, and is not in this SEC's hands.
            StoreError: It could not be stored.
            SecClosing: The SEC is being left.
        """
        if if_exists not in {"compare", "use"}:
            msg = f'saga_create: if_exists must be "compare" or "use", not {if_exists!r}'
            raise ValueError(msg)
        state = self._new_state(dag, saga_id)
        handle = self.saga_handle(state.log.saga_id)
        new = False
        with suppress(SagaIdInUse):
            await self._create(dag, state, start=start)
            new = True
        if if_exists == "compare" and not new:
            await self._check_same(dag, state)
        if start and not new:
            with suppress(SagaNotReady):
                await handle.start()
        return handle  # noqa: ASYNC910 - _create has waited, also where it raised

    async def saga_start(self, saga_id: uuid.UUID) -> None:
        """
        Start a saga that is ready; once this has returned, it goes on whatever happens.

        Raises:
            NoSuchSaga: There is none of that id.
            SagaNotReady: It was started before; it goes on undisturbed.
            SagaHaltedError: It is not in this SEC's hands.
            SecClosing: The SEC is being left.
        """
        await self.saga_handle(saga_id).start()

    async def saga_wait(self, saga_id: uuid.UUID) -> SagaResult:
        """
        Wait until a saga is finished, and return what came of it; never affects the saga.

        Raises:
            NoSuchSaga: There is none of that id.
            SagaHaltedError: It stands still, or comes to.
            RecoveryError: It is finished, and what is stored of it can not be read.
            SecClosing: The SEC is being left, and the saga will not finish before that.
        """
        return await self.saga_handle(saga_id).wait()

    async def saga_run(self, dag: SagaDag, *, saga_id: uuid.UUID | None = None) -> SagaResult:
        """
        Create a saga, start it, and wait until it is finished.

        Its first step is stored with it, in one transaction. With a `saga_id` it may be called
        again, as by an action after a crash: it is one saga.

        Raises:
            StenoError: Whatever `saga_create`, `saga_start` and `saga_wait` raise.
        """
        state = self._new_state(dag, saga_id)
        executor = self._new_executor(dag, state)
        executor.begin()
        with suppress(SagaIdInUse):
            run = RunSaga(executor.create_params(), executor)
            return (await self._access.asker.ask(run)).result()
        await self._check_same(dag, state)
        handle = self.saga_handle(state.log.saga_id)
        with suppress(SagaNotReady):
            await handle.start()
        return await handle.wait()

    @overload
    async def saga_resume(self, saga: SagaSerialized, /) -> SagaHandle: ...
    @overload
    async def saga_resume(
        self, saga: uuid.UUID, /, dag: SagaDag, events: Sequence[SagaNodeEvent]
    ) -> SagaHandle: ...
    async def saga_resume(
        self,
        saga: SagaSerialized | uuid.UUID,
        /,
        dag: SagaDag | None = None,
        events: Sequence[SagaNodeEvent] = (),
    ) -> SagaHandle:
        """
        Store a saga with the log that it has elsewhere; it is ready, even if that is finished.

        Args:
            saga: A dump, or the saga's id.
            dag: With an id, the graph and params.
            events: With an id, the log, in any order. Those without a time get the time of now.

        Raises:
            RecoveryError: The events are no legal log of that graph.
            StenoError: Whatever else `saga_create` raises.
        """
        if isinstance(saga, SagaSerialized):
            saga_id, dag, events = saga.saga_id, saga.dag, saga.events
        else:
            saga_id = checked_saga_id(saga)
        if dag is None:
            msg = "saga_resume takes a SagaSerialized, or an id, a dag and events"
            raise TypeError(msg)
        now = self._now()
        timed = [e if e.time is not None else attrs.evolve(e, time=now) for e in events]
        await self._create(dag, fold_unordered(self._factory.shared_graph(dag), saga_id, timed))
        return self.saga_handle(saga_id)

    async def saga_recover(self, saga_id: uuid.UUID) -> SagaHandle:
        """
        Load a saga that is stored and stands still, regardless of its owner, and go on with it.

        One that was never started is ready afterwards: this does not start it.

        Raises:
            NoSuchSaga: There is none of that id.
            SagaNotRunning: It is finished.
            SagaHaltedError: It can not be loaded; the problem says why.
            StoreError: The store could not be asked.
            SecClosing: The SEC is being left.
        """
        handle = self.saga_handle(saga_id)
        await handle.recover()
        return handle

    # Looking

    def saga_handle(self, saga_id: uuid.UUID) -> SagaHandle:
        """Return a handle of any saga in the store; that there is one is seen when it is used."""
        return SagaHandle(checked_saga_id(saga_id), self._access)

    async def saga_get(self, saga_id: uuid.UUID) -> SagaView:
        """
        Return a view of a saga: what is durable of it. That of a running saga never waits for it.

        Raises:
            NoSuchSaga: There is none of that id.
            StoreError: It is not in memory, and the store could not be asked.
            SecClosing: The SEC is being left.
        """
        return await self.saga_handle(saga_id).view()

    async def saga_list(
        self,
        marker: uuid.UUID | None = None,
        limit: int = 100,
        *,
        states: Collection[SagaCachedState] | None = None,
        name: str | None = None,
    ) -> Sequence[SagaSummary]:
        """
        Return a page of the store's sagas, in the order of their ids.

        A saga that exists and matches all through a listing is in exactly one page.

        Args:
            marker: The last id of the page before; None for the first page.
            limit: How many at most, 1 or more.
            states: Only sagas in one of these states.
            name: Only sagas of this name.

        Raises:
            ValueError: The limit is less than 1.
            StoreError: The store could not be asked.
            SecClosing: The SEC is being left.
        """
        after = None if marker is None else checked_saga_id(marker)
        return await self._access.store.list(ListQuery(after, limit, states, name))

    def sagas(
        self,
        *,
        states: Collection[SagaCachedState] | None = None,
        name: str | None = None,
        page_size: int = 100,
    ) -> SagaListing:
        """
        Return all of the store's sagas, in the order of their ids, to be iterated over.

        They are read page by page while the loop goes on::

            async for saga in sec.sagas(states=[steno.SagaCachedState.STUCK]):
                print(saga.saga_id, saga.saga_name)

        A saga that exists and matches all through the loop is given exactly once. Each step raises
        what `saga_list` does.

        Args:
            states: Only sagas in one of these states.
            name: Only sagas of this name.
            page_size: How many are read at a time, 1 or more.

        Raises:
            ValueError: The page size is less than 1.
        """
        return SagaListing(self._access.store, ListQuery(None, page_size, states, name))

    async def saga_prune(
        self, older_than: timedelta, *, states: Collection[SagaCachedState] = PRUNABLE
    ) -> int:
        """
        Delete finished sagas of this SEC, with their logs, and return how many.

        They go in small transactions, so that nothing waits for long. Cancelled, some are gone.

        Args:
            older_than: How long ago they ended, at least.
            states: Only sagas in one of these states: succeeded, failed, or both.

        Raises:
            ValueError: The age is negative, or another state is asked for.
            StoreError: The store failed.
            SecClosing: The SEC is being left.
        """
        return await self._access.store.prune(PruneQuery(older_than, states))

    async def drain(self) -> None:
        """
        Begin nothing any more; wait until the calls under way have ended and are logged.

        No node, no undo and no saga is begun from now on, and no command taken that would begin or
        change something. Leaving the `async with` block is immediate afterwards, and what is
        unfinished goes on when a SEC of this name is opened again. Until the block is left, sagas
        can be looked at and listed; who waits for one that will not finish gets `SecClosing`.

        There is no way back. If this is cancelled, as by a deadline, the SEC goes on draining.

        Raises:
            CommandError: It was called from an action of this SEC, which would wait for itself.
            SecClosing: The SEC has been left.
        """
        await self._access.asker.drain()

    def statistics(self) -> SecStatistics:
        """Return what the SEC has in hand, and has done so far."""
        return take(self._coordinator, self._writer)

    # Injection

    async def saga_inject_error(self, saga_id: uuid.UUID, node: str | int) -> None:
        """
        Make a node fail when it is dispatched, instead of calling its action.

        Gone after a restart, like all injections.

        Raises:
            NoSuchSaga: There is none of that id.
            NoSuchNode: It has no such node, or nothing can be injected into it.
            NodeBegun: It is too late: the node has been started, or never will be.
            SagaNotRunning: It is finished.
            SagaHaltedError: It is not in this SEC's hands.
            SecClosing: The SEC is being left.
        """
        await self.saga_handle(saga_id).inject_error(node)

    async def saga_inject_error_undo(self, saga_id: uuid.UUID, node: str | int) -> None:
        """Make the undo of a node fail when it is dispatched; raises as `saga_inject_error`."""
        await self.saga_handle(saga_id).inject_error_undo(node)

    async def saga_inject_repeat(
        self, saga_id: uuid.UUID, node: str | int, repeat: RepeatInjected
    ) -> None:
        """Call a node's action and undo several times; raises as `saga_inject_error`."""
        await self.saga_handle(saga_id).inject_repeat(node, repeat)

    # Creating

    def _new_state(self, dag: SagaDag, saga_id: uuid.UUID | None) -> SagaState:
        """Return the state of a new saga, with a random id if none is given."""
        chosen = SagaId(uuid.uuid4()) if saga_id is None else checked_saga_id(saga_id)
        return SagaState.new(self._factory.shared_graph(dag), chosen)

    def _new_executor(self, dag: SagaDag, state: SagaState) -> SagaExecutor:
        check_sizes(dag, state, self._max_value_bytes)
        shared = SagaDag.of_flat(state.flat, dag.params, self._factory.codec)
        return self._factory.make(shared, state, self._fence, SagaCachedState.READY)

    async def _create(self, dag: SagaDag, state: SagaState, *, start: bool = False) -> None:
        """
        Store a saga with the log that it has so far.

        Raises:
            SagaValidationError: An action is not registered or has no undo, or a value is too big.
            SagaIdInUse: There is a saga of that id.
        """
        executor = self._new_executor(dag, state)
        if start:
            executor.begin()
        await self._access.asker.ask(CreateSaga(executor.create_params(), executor))

    async def _check_same(self, dag: SagaDag, state: SagaState) -> None:
        """Raise SagaIdInUse, unless it is this very saga that has the id."""
        saga_id = state.log.saga_id
        if (other := difference(dag, await self._access.dag_of(saga_id))) is not None:
            raise SagaIdInUse(saga_id, other)
