"""Orders to many sagas in a store in a database that is open; see `BulkSession`."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Generic, Protocol, TypeVar

import attrs

from steno.core import BulkOrderId
from steno.store import (
    BulkListQuery,
    BulkPruneQuery,
    BulkSaga,
    BulkSagaQuery,
    BulkSummary,
    BulkWrite,
    WriteOutcome,
)

T = TypeVar("T")
Db = TypeVar("Db")
Db_co = TypeVar("Db_co", covariant=True)
Writer = TypeVar("Writer", bound="BulkWriter")
Writer_co = TypeVar("Writer_co", covariant=True)


class BulkWriter(Protocol):
    """What writes to the database."""

    def write_bulk(self, write: BulkWrite, /) -> WriteOutcome:
        """Create an order, or note what became of it."""
        ...

    def prune_bulk(self, query: BulkPruneQuery, /) -> Sequence[BulkOrderId]:
        """Delete some orders that have ended."""
        ...


class _Read(Protocol[Db_co]):
    """Reads in a thread, with a connection."""

    async def __call__(self, read: Callable[[Db_co], T], /) -> T: ...


class _Write(Protocol[Writer_co]):
    """Writes in the thread that does."""

    async def __call__(self, write: Callable[[Writer_co], T], /) -> T: ...


@attrs.frozen(eq=False)
class StoredBulkReader(Generic[Db]):
    """
    Reads them.

    Args:
        read: Reads with a connection.
        list: Returns a page of the orders.
        sagas: Returns a page of the sagas of an order.
    """

    _read: _Read[Db]
    _list: Callable[[Db, BulkListQuery], Sequence[BulkSummary]]
    _sagas: Callable[[Db, BulkSagaQuery], Sequence[BulkSaga]]

    async def list(self, query: BulkListQuery) -> Sequence[BulkSummary]:
        """Return a page of the orders, the newest first."""
        return await self._read(lambda db: self._list(db, query))

    async def sagas(self, query: BulkSagaQuery) -> Sequence[BulkSaga]:
        """Return a page of the sagas of an order, in its order."""
        return await self._read(lambda db: self._sagas(db, query))


@attrs.frozen(eq=False)
class StoredBulk(Generic[Writer, Db]):
    """Reads and writes them."""

    _write: _Write[Writer]
    _reader: StoredBulkReader[Db]

    async def write(self, write: BulkWrite) -> WriteOutcome:
        """Create an order, or note what became of it; it is durable when this returns."""
        return await self._write(lambda writer: writer.write_bulk(write))

    async def list(self, query: BulkListQuery) -> Sequence[BulkSummary]:
        """Return a page of the orders, the newest first."""
        return await self._reader.list(query)

    async def sagas(self, query: BulkSagaQuery) -> Sequence[BulkSaga]:
        """Return a page of the sagas of an order, in its order."""
        return await self._reader.sagas(query)

    async def prune(self, query: BulkPruneQuery) -> Sequence[BulkOrderId]:
        """Delete some orders that have ended."""
        return await self._write(lambda writer: writer.prune_bulk(query))
