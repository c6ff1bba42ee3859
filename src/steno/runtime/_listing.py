"""A listing: what the store has many of, one by one, read page by page."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections import deque
from collections.abc import Sequence
from typing import Generic, Self, TypeVar

import attrs
import trio.lowlevel

from steno.runtime._stored import StoreReader
from steno.store import BulkSaga, BulkSagaQuery, ListQuery, SagaSummary

T = TypeVar("T")


@attrs.define(eq=False)
class _Listing(ABC, Generic[T]):
    """Iterates over pages, for use with `async for`."""

    _store: StoreReader
    _page: deque[T] = attrs.field(init=False, factory=deque)
    _ended: bool = attrs.field(init=False, default=False)

    @abstractmethod
    async def _read(self) -> Sequence[T]:
        """Return the next page, an empty one after the last; if cancelled, it is read again."""

    def __aiter__(self) -> Self:
        """Return the listing itself."""
        return self

    async def __anext__(self) -> T:
        """
        Return the next saga; the next page is read when the previous one is used up.

        If this is cancelled, no saga is skipped.

        Raises:
            StoreError: The store could not be read.
            SecClosing: The SEC is being left.
        """
        if self._page or self._ended:
            await trio.lowlevel.checkpoint()
        elif page := await self._read():
            self._page.extend(page)
        else:
            self._ended = True
        if self._ended:
            raise StopAsyncIteration
        return self._page.popleft()


@attrs.define(eq=False)
class SagaListing(_Listing[SagaSummary]):
    """
    Iterates over the store's sagas, in the order that was asked for, for use with `async for`.

    A saga that exists and matches throughout the listing is yielded exactly once. Nothing is held
    open between two steps: a listing may be abandoned, or continued later, at any point.
    """

    _query: ListQuery

    async def _read(self) -> Sequence[SagaSummary]:
        if page := await self._store.list(self._query):
            self._query = self._query.following(page[-1])
        return page


@attrs.define(eq=False)
class BulkListing(_Listing[BulkSaga]):
    """Iterates over the sagas of a bulk order, for use with `async for`."""

    _query: BulkSagaQuery

    async def _read(self) -> Sequence[BulkSaga]:
        if page := await self._store.bulk_sagas(self._query):
            self._query = attrs.evolve(self._query, marker=page[-1].number)
        return page
