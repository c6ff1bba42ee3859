"""Reading and pruning for clients, as long as the store is open."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from typing import TypeVar

import attrs
import trio

from steno.core import SagaId
from steno.errors import SecClosing
from steno.runtime._admission import LEFT, Admission
from steno.runtime._retention import Pruner
from steno.store import (
    AttentionGroup,
    BulkListQuery,
    BulkSaga,
    BulkSagaQuery,
    BulkSummary,
    ListQuery,
    PruneQuery,
    SagaSummary,
    SecStoreSession,
    StoredSaga,
)

Q = TypeVar("Q")
T = TypeVar("T")


@attrs.define(eq=False)
class StoreReader:
    """
    Reads from the store for clients, until the SEC hangs up.

    From then on its methods raise `SecClosing`, as do calls in progress. They also raise any
    error of the store.
    """

    _session: SecStoreSession
    _pruner: Pruner
    _admission: Admission
    _reading: set[trio.CancelScope] = attrs.field(init=False, factory=set)

    async def load(self, saga_id: SagaId) -> StoredSaga | None:
        """Return the stored saga; None if no saga has that id."""
        return await self._read(self._session.load, saga_id)

    async def list(self, query: ListQuery) -> Sequence[SagaSummary]:
        """Return a page of the store's sagas."""
        return await self._read(self._session.list, query)

    async def attention(self, query: ListQuery) -> Sequence[AttentionGroup]:
        """Count the sagas at which a person should look."""
        return await self._read(self._session.attention, query)

    async def bulk_list(self, query: BulkListQuery) -> Sequence[BulkSummary]:
        """Return a page of the orders to many sagas."""
        return await self._read(self._session.bulk.list, query)

    async def bulk_sagas(self, query: BulkSagaQuery) -> Sequence[BulkSaga]:
        """Return a page of the sagas of such an order."""
        return await self._read(self._session.bulk.sagas, query)

    async def prune(self, query: PruneQuery) -> int:
        """Delete finished sagas of this SEC, and return how many."""
        return await self._read(self._pruner.prune, query, looks=False)

    def hang_up(self) -> None:
        """Break off reads in progress, because the session is about to be closed."""
        for scope in self._reading:
            scope.cancel()

    async def _read(self, read: Callable[[Q], Awaitable[T]], query: Q, *, looks: bool = True) -> T:
        await trio.lowlevel.checkpoint_if_cancelled()
        self._admission.check(looks=looks)
        with trio.CancelScope() as scope:
            self._reading.add(scope)
            try:
                return await read(query)
            finally:
                self._reading.discard(scope)
        raise SecClosing(LEFT)
