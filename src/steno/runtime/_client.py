"""
The client: what an application holds of a SEC.

Commands on one existing saga are implemented by its handle, and have Steno's names here. Sagas are
created here, and validated here, in the caller's task, before the coordinator is asked.
"""

from __future__ import annotations

import uuid
from collections.abc import Collection, Mapping, Sequence
from contextlib import suppress
from datetime import datetime, timedelta
from typing import Literal, Unpack, overload

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
    checked_saga_id,
    difference,
)
from steno.errors import SagaIdInUse, SagaNotReady
from steno.runtime._access import SecAccess
from steno.runtime._bulk_client import BulkClient
from steno.runtime._coordinator import Coordinator
from steno.runtime._creation import Creator, creation
from steno.runtime._handle import SagaHandle
from steno.runtime._listing import SagaListing
from steno.runtime._message import CreateSaga, RunSaga
from steno.runtime._statistics import SecStatistics, take
from steno.runtime._writer import LogWriter
from steno.store import (
    NO_TAGS,
    PRUNABLE,
    AttentionGroup,
    Fence,
    ListQuery,
    PruneQuery,
    SagaFilters,
    SagaSummary,
    checked_tags,
)


@attrs.define(eq=False)
class SecClient(BulkClient):
    """
    Creates and manages sagas; `open_sec` yields one.

    All methods may be called from any task. A cancelled command was either never accepted or is
    carried out whole.
    """

    # Not shown: they hold all sagas that are in memory.
    _access: SecAccess = attrs.field(repr=False)
    _coordinator: Coordinator = attrs.field(repr=False)
    _writer: LogWriter = attrs.field(repr=False)
    _creator: Creator = attrs.field(repr=False)
    _fence: Fence

    # Life

    async def saga_create(
        self,
        dag: SagaDag,
        *,
        saga_id: uuid.UUID | None = None,
        start: bool = False,
        if_exists: Literal["compare", "use"] = "compare",
        tags: Mapping[str, str] | None = None,
        deadline: datetime | None = None,
    ) -> SagaHandle:
        """
        Store a saga, start it if `start` is true, and return its handle.

        Once this has returned, the saga is durable: it is there at the next open even after a
        crash, and continues if it was started.

        Args:
            dag: Its graph and params.
            saga_id: Its id; None for a random one. Creating an id again with the same graph and
                params returns the existing saga.
            start: Whether to start it, in the same transaction. An existing saga is started too,
                unless it was started before.
            if_exists: What to do about an existing saga of this id: `"compare"` its graph and
                params with these and raise SagaIdInUse if they differ, or `"use"` it as it is.
            tags: Texts to find it by, at most 50, each key and value with at most 200 characters.
                They are not compared, and an existing saga keeps those that it has.
            deadline: When it is to be unwound, unless it has ended by then; see
                `SagaHandle.deadline`. It is not compared either.

        Raises:
            ValueError: There are too many tags, or one of them cannot be stored; or the deadline
                has no time zone.
            SagaValidationError: An action is not registered, has no undo or cannot be given an
                input; the params are of a wrong type; or a value is too big.
            SagaIdInUse: There is another saga with that id.
            SagaHaltedError: It exists, is to be started, and is not run by this SEC.
            StoreError: It could not be stored.
            SecClosing: The SEC is being left.
        """
        if if_exists not in {"compare", "use"}:
            msg = f'saga_create: if_exists must be "compare" or "use", not {if_exists!r}'
            raise ValueError(msg)
        tags = checked_tags(tags)
        state = self._creator.new(dag, saga_id, deadline)
        handle = self.saga_handle(state.log.saga_id)
        new = False
        with suppress(SagaIdInUse):
            await self._create(dag, state, tags, start=start)
            new = True
        if if_exists == "compare" and not new:
            await self._check_same(dag, state)
        if start and not new:
            with suppress(SagaNotReady):
                await handle.start()
        return handle  # noqa: ASYNC910 - _create has waited, also where it raised

    async def saga_start(self, saga_id: uuid.UUID) -> None:
        """
        Start a ready saga; once this has returned, it continues even after a crash.

        Raises:
            NoSuchSaga: No saga has that id.
            SagaNotReady: It was already started; it continues undisturbed.
            SagaHaltedError: It is not run by this SEC.
            SecClosing: The SEC is being left.
        """
        await self.saga_handle(saga_id).start()

    async def saga_wait(self, saga_id: uuid.UUID) -> SagaResult:
        """
        Wait until a saga is finished, and return its result; this never affects the saga.

        Raises:
            NoSuchSaga: No saga has that id.
            SagaHaltedError: It is halted, or halts while this waits.
            RecoveryError: It is finished, and what is stored of it cannot be read.
            SecClosing: The SEC is being left, and the saga will not finish before that.
        """
        return await self.saga_handle(saga_id).wait()

    async def saga_run(
        self,
        dag: SagaDag,
        *,
        saga_id: uuid.UUID | None = None,
        tags: Mapping[str, str] | None = None,
        deadline: datetime | None = None,
    ) -> SagaResult:
        """
        Create a saga, start it, wait until it is finished, and return its result.

        Its first step is stored with it, in one transaction. With a `saga_id` it may be called
        again, for instance by an action after a crash: that is still one saga.

        Raises:
            StenoError: Any error of `saga_create`, `saga_start` and `saga_wait`.
        """
        tags = checked_tags(tags)
        state = self._creator.new(dag, saga_id, deadline)
        executor = self._creator.executor(dag, state)
        self._creator.begin(executor)
        with suppress(SagaIdInUse):
            run = RunSaga(creation(executor, tags), executor)
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
        Store a saga with a log from elsewhere; it is ready, even if the log is finished.

        Args:
            saga: A dump, or the saga's id.
            dag: With an id, the graph and params.
            events: With an id, the log, in any order. Those without a time get the current time.

        Raises:
            RecoveryError: The events are not a legal log of that graph.
            StenoError: Any other error of `saga_create`.
        """
        if isinstance(saga, SagaSerialized):
            saga_id, dag, events = saga.saga_id, saga.dag, saga.events
        else:
            saga_id = checked_saga_id(saga)
        if dag is None:
            msg = "saga_resume takes a SagaSerialized, or an id, a dag and events"
            raise TypeError(msg)
        state = self._creator.imported(dag, saga_id, events)
        await self._create(dag, state, NO_TAGS)
        return self.saga_handle(saga_id)

    async def saga_recover(self, saga_id: uuid.UUID) -> SagaHandle:
        """
        Load and resume a stored saga that is halted, regardless of its owner.

        A saga that was never started is ready afterwards: this does not start it.

        Raises:
            NoSuchSaga: No saga has that id.
            SagaNotRunning: It is finished.
            SagaHaltedError: It cannot be loaded; the problem says why.
            StoreError: The store could not be read.
            SecClosing: The SEC is being left.
        """
        handle = self.saga_handle(saga_id)
        await handle.recover()
        return handle

    # Looking

    def saga_handle(self, saga_id: uuid.UUID) -> SagaHandle:
        """Return a handle of a saga; whether the saga exists is checked when it is used."""
        return SagaHandle(checked_saga_id(saga_id), self._access)

    async def saga_get(self, saga_id: uuid.UUID) -> SagaView:
        """
        Return a view of the durable state of a saga; this never waits for a running saga.

        Raises:
            NoSuchSaga: No saga has that id.
            StoreError: It is not in memory, and the store could not be read.
            SecClosing: The SEC is being left.
        """
        return await self.saga_handle(saga_id).view()

    async def saga_list(
        self,
        marker: uuid.UUID | int | None = None,
        limit: int = 100,
        **filters: Unpack[SagaFilters],
    ) -> Sequence[SagaSummary]:
        """
        Return a page of the store's sagas, in the order of their ids or the newest first.

        A saga that exists and matches throughout a listing is in exactly one page.

        Args:
            marker: The last id, or with `newest_first` the last number, of the page before.
            limit: The maximum number of sagas, at least 1.
            **filters: See `SagaFilters`.

        Raises:
            ValueError: The limit is less than 1, or a time has no time zone.
            StoreError: The store could not be read.
            SecClosing: The SEC is being left.
        """
        after = SagaId(marker) if isinstance(marker, uuid.UUID) else marker
        return await self._access.store.list(ListQuery(after, limit, **filters))

    def sagas(self, *, page_size: int = 100, **filters: Unpack[SagaFilters]) -> SagaListing:
        """
        Return an async iterable of the store's sagas, in the order of their ids or newest first.

        They are read page by page while the loop goes on::

            async for saga in sec.sagas(states=[steno.SagaCachedState.STUCK]):
                print(saga.saga_id, saga.saga_name)

        A saga that exists and matches throughout the loop is yielded exactly once. Each step raises
        what `saga_list` does.

        Args:
            page_size: How many are read at a time, at least 1.
            **filters: See `SagaFilters`.

        Raises:
            ValueError: The page size is less than 1, or a time has no time zone.
        """
        return SagaListing(self._access.store, ListQuery(None, page_size, **filters))

    async def saga_attention(self, **filters: Unpack[SagaFilters]) -> Sequence[AttentionGroup]:
        """
        Count the sagas at which a person should look, by reason, name, node and class of error.

        Args:
            **filters: Which sagas are counted; see `SagaFilters`.

        Raises:
            StoreError: The store could not be read.
            SecClosing: The SEC is being left.
        """
        return await self._access.store.attention(ListQuery(**filters))

    async def saga_prune(
        self, older_than: timedelta, *, states: Collection[SagaCachedState] = PRUNABLE
    ) -> int:
        """
        Delete finished sagas of this SEC, with their logs, and return how many were deleted.

        So are orders to many sagas. Transactions are small; if it is cancelled, some are deleted.

        Args:
            older_than: The minimum time since they ended.
            states: Only sagas in one of these states: succeeded, failed, or both.

        Raises:
            ValueError: The age is negative, or another state is given.
            StoreError: The store failed.
            SecClosing: The SEC is being left.
        """
        return await self._access.store.prune(PruneQuery(older_than, states))

    async def drain(self) -> None:
        """
        Begin nothing new; wait until the calls in progress have ended and are logged.

        From now on no node, undo or saga begins, and no command is accepted that would begin or
        change something. Leaving the `async with` block is immediate afterwards, and unfinished
        sagas continue when a SEC of this name is opened again. Until the block is left, sagas can
        be viewed and listed; waiting for one that will not finish raises `SecClosing`.

        This cannot be reversed. If it is cancelled, by a deadline say, the SEC continues to drain.

        Raises:
            CommandError: It was called by an action of this SEC, which would wait for itself.
            SecClosing: The SEC has been left.
        """
        await self._access.asker.drain()

    def statistics(self) -> SecStatistics:
        """Return the current statistics of the SEC."""
        return take(self._coordinator, self._writer)

    # Injection

    async def saga_inject_error(self, saga_id: uuid.UUID, node: str | int) -> None:
        """
        Make a node fail when it is dispatched, instead of calling its action.

        It is lost in a restart, like all injections.

        Raises:
            NoSuchSaga: No saga has that id.
            NoSuchNode: It has no such node, or nothing can be injected into it.
            NodeBegun: It is too late: the node has been started, or never will be.
            SagaNotRunning: It is finished.
            SagaHaltedError: It is not run by this SEC.
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

    async def _create(
        self, dag: SagaDag, state: SagaState, tags: Mapping[str, str], *, start: bool = False
    ) -> None:
        """
        Store a saga with its log so far.

        Raises:
            SagaValidationError: An action is not registered, has no undo or cannot be given an
                input; the params are of a wrong type; or a value is too big.
            SagaIdInUse: There is a saga with that id.
        """
        executor = self._creator.executor(dag, state)
        if start:
            self._creator.begin(executor)
        await self._access.asker.ask(CreateSaga(creation(executor, tags), executor))

    async def _check_same(self, dag: SagaDag, state: SagaState) -> None:
        """Raise SagaIdInUse unless the stored saga with this id is the same saga."""
        saga_id = state.log.saga_id
        if (other := difference(dag, await self._access.dag_of(saga_id))) is not None:
            raise SagaIdInUse(saga_id, other)
