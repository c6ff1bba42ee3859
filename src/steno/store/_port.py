"""The protocols that a store fulfils."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from typing import Protocol

from steno.core import BulkOrderId, SagaCachedState, SagaId
from steno.store._bulk import (
    BulkListQuery,
    BulkPruneQuery,
    BulkSaga,
    BulkSagaQuery,
    BulkSummary,
    BulkWrite,
)
from steno.store._finding import Finding
from steno.store._groups import AttentionGroup
from steno.store._list import ListQuery
from steno.store._read import (
    LogEntry,
    PruneQuery,
    SagaClaim,
    SagaSummary,
    StoredSaga,
    TakeOver,
)
from steno.store._write import Fence, SagaWrite, WriteOutcome


class BulkReader(Protocol):
    """Orders to many sagas, of a store that is open for reading."""

    async def list(self, query: BulkListQuery) -> Sequence[BulkSummary]:
        """Return a page of the orders, the newest first."""
        ...

    async def sagas(self, query: BulkSagaQuery) -> Sequence[BulkSaga]:
        """Return a page of the sagas of an order, in its order; none if there is no such order."""
        ...


class BulkSession(BulkReader, Protocol):
    """
    Orders to many sagas, of a store that is open.

    Its methods raise, and are cancelled, as those of the session.
    """

    async def write(self, write: BulkWrite) -> WriteOutcome:
        """
        Create an order, or note what became of it, in one transaction, as `judge_bulk` says.

        The ids of the sagas that match are stored in the transaction that creates the order.
        """
        ...

    async def prune(self, query: BulkPruneQuery) -> Sequence[BulkOrderId]:
        """Delete some orders that have ended, with their sagas' rows, in one transaction."""
        ...


class SecStoreSession(Protocol):
    """
    A store that is open.

    Many tasks may call it at once. A read sees one moment, and of each batch all or nothing; the
    effect of a call that has returned is seen by every later call.

    Every method may raise `StoreUnavailable` where the same call may succeed later, and another
    `StoreError` where it will not, as when the session has been left. What a method did before it
    was cancelled is not known, but it was done whole or not at all, and the session goes on.
    """

    @property
    def bulk(self) -> BulkSession:
        """The orders to many sagas."""
        ...

    async def take_over(self, sec_name: str) -> TakeOver:
        """
        Raise the generation of a SEC and of all its unfinished sagas, in one transaction.

        No saga gets a fence that it had before. Those that are finished, or paused, keep theirs.

        The crashes of each are counted in the same transaction, by `crashes_at_take_over`. The
        SEC's orders to many sagas that have not ended get the fence that is returned.
        """
        ...

    async def claim(self, saga_id: SagaId, sec_name: str) -> SagaClaim | None:
        """
        Make a SEC the owner of one saga, regardless of its owner; None if there is none.

        It is not finished; or it is stuck or has succeeded, so that an order may repair or unwind
        it. Once it goes on, it has no end any more.

        The saga gets a fence that it never had before, even if that SEC has owned it once. Its
        count of crashes begins again.
        """
        ...

    async def leave(self, fence: Fence) -> None:
        """
        Note that a life of a SEC was left normally, so that it does not count as a crash.

        Does nothing if a later life has begun.

        Args:
            fence: What `take_over` gave that life.
        """
        ...

    async def record(self, batch: Sequence[SagaWrite]) -> Sequence[WriteOutcome]:
        """
        Write a batch in one transaction, and return the outcome of each write, in order.

        Writes of one saga are done in order. The last write of a saga can be sent again, in the
        same batch or in another, and is durable. A write that is lost or rejected changes nothing,
        and does not affect the others.

        An exception means that nothing of the batch was written, or, if it is `StoreUnavailable`,
        that this is not known. After that the writes are sent again, maybe in another batch; after
        any other exception they are sent one by one.
        """
        ...

    async def load(self, saga_id: SagaId) -> StoredSaga | None:
        """
        Return all that is stored of a saga, to the letter; None if there is no such saga.

        Raises:
            RecoveryError: What is stored cannot be read; the other methods still work.
        """
        ...

    async def list(self, query: ListQuery) -> Sequence[SagaSummary]:
        """Return a page of the sagas, also of those that cannot be read: their problem says so."""
        ...

    async def attention(self, query: ListQuery) -> Sequence[AttentionGroup]:
        """
        Count the sagas at which a person should look, by reason, name, node and error type.

        Args:
            query: Its filters say which sagas are counted; nothing else of it matters.

        Returns:
            Groups of at least one saga: the gravest reason first, and of one reason the largest.
        """
        ...

    async def prune(self, query: PruneQuery) -> Sequence[SagaId]:
        """
        Delete some finished sagas, with all that only they have, in one transaction; return which.

        Their ids may be given again, and a graph that no saga has any more is gone. Fewer than the
        query's limit means that no more match it now.
        """
        ...


class SecStore(Protocol):
    """
    Where sagas are kept: a description, which can be opened any number of times.

    A session owns all that is open (threads, connections, locks); leaving it waits for reads that
    are under way, and releases everything.
    """

    def open(self) -> AbstractAsyncContextManager[SecStoreSession]:
        """Open the store for one SEC."""
        ...


class SecStoreReader(Protocol):
    """
    A store that is open for reading, by operators.

    It takes nothing over, does not hold up writers, and sees what is durable. Its methods raise as
    those of a session do.
    """

    @property
    def bulk(self) -> BulkReader:
        """The orders to many sagas."""
        ...

    async def load(self, saga_id: SagaId) -> StoredSaga | None:
        """Return all that is stored of a saga; None if there is no such saga."""
        ...

    async def list(self, query: ListQuery) -> Sequence[SagaSummary]:
        """Return a page of the sagas."""
        ...

    async def attention(self, query: ListQuery) -> Sequence[AttentionGroup]:
        """Count the sagas at which a person should look, as `SecStoreSession.attention` does."""
        ...

    async def entries(self, saga_id: SagaId) -> Sequence[LogEntry]:
        """Return the log of a saga, with times and creators; empty if there is no such saga."""
        ...

    async def count(self) -> Mapping[SagaCachedState, int]:
        """Return how many sagas there are in each state."""
        ...


class OperatorStore(SecStore, Protocol):
    """A store that operators can look at, whether a SEC has it open or not."""

    def open_reader(self) -> AbstractAsyncContextManager[SecStoreReader]:
        """Open the store for reading."""
        ...

    async def examine(self) -> Sequence[Finding]:
        """
        Examine what the store rests on; nothing is changed, and its users are not held up.

        Raises:
            StoreError: There is no such store, or it cannot be read at all.
        """
        ...
