"""Orders to many sagas in a `PostgresSecStore` that is open; see `BulkSession`."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Protocol, TypeVar

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
from steno.stores.postgres._bulk import list_bulk, list_bulk_sagas
from steno.stores.postgres._link import Db
from steno.stores.postgres._writer import PostgresWriter

T = TypeVar("T")


class _Read(Protocol):
    """Reads in a thread, with a connection."""

    async def __call__(self, read: Callable[[Db], T], /) -> T: ...


class _Write(Protocol):
    """Writes in the thread that does."""

    async def __call__(self, write: Callable[[PostgresWriter], T], /) -> T: ...


@attrs.frozen(eq=False)
class PostgresBulkReader:
    """Reads them."""

    _read: _Read

    async def list(self, query: BulkListQuery) -> Sequence[BulkSummary]:
        """Return a page of the orders, the newest first."""
        return await self._read(lambda db: list_bulk(db, query))

    async def sagas(self, query: BulkSagaQuery) -> Sequence[BulkSaga]:
        """Return a page of the sagas of an order, in its order."""
        return await self._read(lambda db: list_bulk_sagas(db, query))


@attrs.frozen(eq=False)
class PostgresBulk:
    """Reads and writes them."""

    _write: _Write
    _reader: PostgresBulkReader

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
