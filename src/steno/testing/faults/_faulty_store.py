"""A store that injects faults into chosen batches, and records what happened."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from typing import TypeAlias, cast

import attrs
import trio

from steno.core import BulkOrderId, SagaId
from steno.store import (
    AttentionGroup,
    BulkListQuery,
    BulkPruneQuery,
    BulkSaga,
    BulkSagaQuery,
    BulkSession,
    BulkSummary,
    BulkWrite,
    Durable,
    Fence,
    ListQuery,
    PruneQuery,
    SagaClaim,
    SagaCreateParams,
    SagaRecord,
    SagaSummary,
    SagaWrite,
    SecStore,
    SecStoreSession,
    StoredSaga,
    TakeOver,
    WriteOutcome,
)
from steno.testing.faults._fault import Batch, Fault, Outcomes, write_with

Script: TypeAlias = Mapping[int, Fault] | Callable[[int, Batch], Fault | None]
BulkScript: TypeAlias = Mapping[int, Fault] | Callable[[int, BulkWrite], Fault | None]


@attrs.define(eq=False)
class Commit:
    """
    A batch that a faulty store was given, and its fate.

    Attributes:
        number: How many batches preceded it, in all sessions.
        batch: The writes.
        fault: Its fault; None if it had none.
        written: The writes that it made durable, in their order; some may be repeated.
        answer: The writer's answer; None until it is given, or if the writer was cancelled.
        durable: The number of durable events afterwards, for each saga in the batch.
    """

    number: int
    batch: tuple[SagaWrite, ...] = attrs.field(repr=False)
    fault: Fault | None
    written: list[SagaWrite] = attrs.field(factory=list, repr=False)
    answer: Outcomes | Exception | None = None
    durable: dict[SagaId, int] = attrs.field(factory=dict)


@attrs.define(eq=False)
class FaultyStore:
    """
    A wrapper of a store, with faults.

    Only writes have faults; reads are passed on. Both stores can be opened repeatedly, and the
    inner one can be inspected for what the faults have left.

    Attributes:
        inner: The store.
        script: The fault of each batch by its number, counted from 0 over all sessions; or a
            function from number and batch to the fault. A batch without one is written.
        bulk_script: The same for the writes of orders to many sagas, which are counted apart, and
            each of which is a batch of its own to its fault.
        commits: A record of each batch.
        bulk_writes: Each write of an order to many sagas.
        durable: The number of durable events of each saga written through this store.
    """

    inner: SecStore
    script: Script = attrs.field(factory=dict[int, Fault])
    bulk_script: BulkScript = attrs.field(factory=dict[int, Fault])
    commits: list[Commit] = attrs.field(init=False, factory=list)
    bulk_writes: list[BulkWrite] = attrs.field(init=False, factory=list)
    durable: dict[SagaId, int] = attrs.field(init=False, factory=dict)

    @asynccontextmanager
    async def open(self) -> AsyncGenerator[SecStoreSession, None]:
        """Open the inner store, with faults."""
        async with self.inner.open() as session:
            yield _FaultySession(self, session)

    async def record(self, session: SecStoreSession, batch: Batch) -> Outcomes:
        """Write a batch as the script says, and return the outcomes."""
        await trio.lowlevel.checkpoint()
        number = len(self.commits)
        script = self.script
        fault = script(number, batch) if callable(script) else script.get(number)
        commit = Commit(number, tuple(batch), fault)
        self.commits.append(commit)

        async def record(part: Batch) -> Outcomes:
            outcomes = await session.record(part)
            for write, outcome in zip(part, outcomes, strict=True):
                self._note(commit, write, outcome)
            return outcomes

        try:
            outcomes = await write_with(fault, record, batch)
        except Exception as error:
            commit.answer = error
            raise
        finally:
            ids = {write.saga_id for write in batch}
            commit.durable.update({i: self.durable[i] for i in ids if i in self.durable})
        commit.answer = outcomes
        return outcomes

    async def write_bulk(self, session: BulkSession, write: BulkWrite) -> WriteOutcome:
        """Write an order to many sagas as the script says, and return the outcome."""
        number, script = len(self.bulk_writes), self.bulk_script
        self.bulk_writes.append(write)
        fault = script(number, write) if callable(script) else script.get(number)

        async def record(part: Batch) -> Outcomes:
            await trio.lowlevel.checkpoint()
            return [await session.write(each) for each in cast("Sequence[BulkWrite]", part)]

        # A fault passes on what it is given, and looks at none of it.
        batch = cast("Batch", [write])
        (outcome,) = await write_with(fault, record, batch)
        return outcome

    def _note(self, commit: Commit, write: SagaWrite, outcome: WriteOutcome) -> None:
        if not isinstance(outcome, Durable):
            return
        commit.written.append(write)
        match write:
            case SagaCreateParams(saga_id=saga_id, events=events):
                length = len(events)
            case SagaRecord(saga_id=saga_id, events=events, first_seq=first_seq):
                length = first_seq + len(events)
            case _:
                return
        # A resent record may be shorter than what has since been recorded.
        self.durable[saga_id] = max(length, self.durable.get(saga_id, 0))


@attrs.frozen(eq=False)
class _FaultySession:
    """An open `FaultyStore`; see `SecStoreSession`."""

    _store: FaultyStore
    _inner: SecStoreSession

    @property
    def bulk(self) -> BulkSession:
        return _FaultyBulk(self._store, self._inner.bulk)

    async def take_over(self, sec_name: str) -> TakeOver:
        return await self._inner.take_over(sec_name)

    async def claim(self, saga_id: SagaId, sec_name: str) -> SagaClaim | None:
        return await self._inner.claim(saga_id, sec_name)

    async def leave(self, fence: Fence) -> None:
        await self._inner.leave(fence)

    async def record(self, batch: Sequence[SagaWrite]) -> Sequence[WriteOutcome]:
        return await self._store.record(self._inner, batch)

    async def load(self, saga_id: SagaId) -> StoredSaga | None:
        return await self._inner.load(saga_id)

    async def list(self, query: ListQuery) -> Sequence[SagaSummary]:
        return await self._inner.list(query)

    async def attention(self, query: ListQuery) -> Sequence[AttentionGroup]:
        return await self._inner.attention(query)

    async def prune(self, query: PruneQuery) -> Sequence[SagaId]:
        return await self._inner.prune(query)


@attrs.frozen(eq=False)
class _FaultyBulk:
    """The orders to many sagas of an open `FaultyStore`; see `BulkSession`."""

    _store: FaultyStore
    _inner: BulkSession

    async def write(self, write: BulkWrite) -> WriteOutcome:
        return await self._store.write_bulk(self._inner, write)

    async def list(self, query: BulkListQuery) -> Sequence[BulkSummary]:
        return await self._inner.list(query)

    async def sagas(self, query: BulkSagaQuery) -> Sequence[BulkSaga]:
        return await self._inner.sagas(query)

    async def prune(self, query: BulkPruneQuery) -> Sequence[BulkOrderId]:
        return await self._inner.prune(query)
