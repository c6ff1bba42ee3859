"""The protocols that a store fulfils."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from typing import Protocol

from steno.core import SagaCachedState, SagaId
from steno.store._finding import Finding
from steno.store._read import (
    ListQuery,
    LogEntry,
    PruneQuery,
    SagaClaim,
    SagaSummary,
    StoredSaga,
    TakeOver,
)
from steno.store._write import SagaWrite, WriteOutcome


class SecStoreSession(Protocol):
    """
    A store that is open.

    Many tasks may call it at once. A read sees one moment, and of each batch all or nothing; what a
    call was answered for is seen by every later call.

    Every method may raise `StoreUnavailable` where the same call may succeed later, and another
    `StoreError` where it will not, as when the session has been left. What a method did before it
    was cancelled is not known, but it was done whole or not at all, and the session goes on.
    """

    async def take_over(self, sec_name: str) -> TakeOver:
        """
        Raise the generation of a SEC and of all its unfinished sagas, in one transaction.

        No saga gets a fence that it had before. Those that are finished keep theirs.
        """
        ...

    async def claim(self, saga_id: SagaId, sec_name: str) -> SagaClaim | None:
        """
        Make a SEC the owner of one unfinished saga, whosever it was; None if there is none.

        The saga gets a fence that it never had before, also if it was that SEC's once.
        """
        ...

    async def record(self, batch: Sequence[SagaWrite]) -> Sequence[WriteOutcome]:
        """
        Write a batch in one transaction, and answer for each write of it, in its order.

        Writes of one saga are done in their order. What was written last of a saga can be sent
        again, in the same batch or in another, and is durable. A write that is lost or rejected
        changes nothing, and hurts no other.

        An exception means that nothing of the batch was written, or, if it is `StoreUnavailable`,
        that this is not known. After that the writes are sent again, maybe in another batch; after
        any other exception they are sent one by one.
        """
        ...

    async def load(self, saga_id: SagaId) -> StoredSaga | None:
        """
        Return all that is stored of a saga, to the letter; None if there is no such saga.

        Raises:
            RecoveryError: What is stored can not be read; the other methods work all the same.
        """
        ...

    async def list(self, query: ListQuery) -> Sequence[SagaSummary]:
        """Return a page of the sagas, also of those that cannot be read: their problem says so."""
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
    Where sagas are kept: a description, to be opened as often as one likes.

    A session owns whatever is open (threads, connections, locks); leaving it waits for reads that
    are under way, and gives all back.
    """

    def open(self) -> AbstractAsyncContextManager[SecStoreSession]:
        """Open the store for one SEC."""
        ...


class SecStoreReader(Protocol):
    """
    A store that is open to be looked at, by operators.

    It takes nothing over, holds up nobody who writes, and sees what is durable. Its methods raise
    as those of a session do.
    """

    async def load(self, saga_id: SagaId) -> StoredSaga | None:
        """Return all that is stored of a saga; None if there is no such saga."""
        ...

    async def list(self, query: ListQuery) -> Sequence[SagaSummary]:
        """Return a page of the sagas."""
        ...

    async def entries(self, saga_id: SagaId) -> Sequence[LogEntry]:
        """Return the log of a saga, with times and creators; empty if there is no such saga."""
        ...

    async def count(self) -> Mapping[SagaCachedState, int]:
        """Return how many sagas there are in each state."""
        ...


class OperatorStore(SecStore, Protocol):
    """A store that operators can look at while a SEC, or nobody, has it open."""

    def open_reader(self) -> AbstractAsyncContextManager[SecStoreReader]:
        """Open the store to look at it."""
        ...

    async def examine(self) -> Sequence[Finding]:
        """
        Examine what the store stands on; nothing is changed, and nobody who uses it is held up.

        Raises:
            StoreError: There is no such store, or it cannot be read at all.
        """
        ...
