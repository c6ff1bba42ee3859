"""A listing: the store's sagas one by one, read page by page."""

from __future__ import annotations

from collections import deque

import attrs
import trio.lowlevel

from steno.runtime._stored import StoreReader
from steno.store import ListQuery, SagaSummary


@attrs.define(eq=False)
class SagaListing:
    """
    Iterates over the store's sagas, in the order that was asked for, for use with `async for`.

    A saga that exists and matches throughout the listing is yielded exactly once. Nothing is held
    open between two steps: a listing may be abandoned, or continued later, at any point.
    """

    _store: StoreReader
    _query: ListQuery
    _page: deque[SagaSummary] = attrs.field(init=False, factory=deque)
    _ended: bool = attrs.field(init=False, default=False)

    def __aiter__(self) -> SagaListing:
        """Return the listing itself."""
        return self

    async def __anext__(self) -> SagaSummary:
        """
        Return the next saga; the next page is read when the previous one is used up.

        If this is cancelled, no saga is skipped.

        Raises:
            StoreError: The store could not be read.
            SecClosing: The SEC is being left.
        """
        if self._page or self._ended:
            await trio.lowlevel.checkpoint()
        elif page := await self._store.list(self._query):
            self._page.extend(page)
            self._query = self._query.following(page[-1])
        else:
            self._ended = True
        if self._ended:
            raise StopAsyncIteration
        return self._page.popleft()
