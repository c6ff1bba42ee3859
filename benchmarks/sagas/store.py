"""The stores that sagas are kept in."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Sequence
from contextlib import asynccontextmanager

import attrs
import trio

import steno
from benchmarks.scenario import Load
from steno.store import (
    AttentionGroup,
    BulkSession,
    Fence,
    ListQuery,
    PruneQuery,
    SagaClaim,
    SagaSummary,
    SagaWrite,
    StoredSaga,
    TakeOver,
    WriteOutcome,
)

SLOW = 0.1
"""Seconds that a commit of a slow store takes."""


def make_store(load: Load) -> steno.SecStore:
    """Return the store that the options of a scenario name: memory, sqlite or slow."""
    if load.options["store"] == "memory":
        return steno.InMemorySecStore()
    store = steno.SqliteSecStore(load.folder / "sagas.db")
    return SlowStore(store) if load.options["store"] == "slow" else store


@attrs.frozen(eq=False)
class SlowStore:
    """A store whose disk takes its time: what it writes is answered for later."""

    _store: steno.SecStore

    @asynccontextmanager
    async def open(self) -> AsyncGenerator[steno.SecStoreSession, None]:
        """Open the store."""
        async with self._store.open() as session:
            yield SlowSession(session)


@attrs.frozen(eq=False)
class SlowSession:
    """An open `SlowStore`; see `SecStoreSession`."""

    _session: steno.SecStoreSession

    @property
    def bulk(self) -> BulkSession:
        """Orders to many sagas, as they are."""
        return self._session.bulk

    async def record(self, batch: Sequence[SagaWrite]) -> Sequence[WriteOutcome]:
        """Write a batch, and answer later."""
        outcomes = await self._session.record(batch)
        await trio.sleep(SLOW)
        return outcomes

    async def take_over(self, sec_name: str) -> TakeOver:
        """Take over as it is."""
        return await self._session.take_over(sec_name)

    async def claim(self, saga_id: steno.SagaId, sec_name: str) -> SagaClaim | None:
        """Claim as it is."""
        return await self._session.claim(saga_id, sec_name)

    async def leave(self, fence: Fence) -> None:
        """Leave as it is."""
        await self._session.leave(fence)

    async def load(self, saga_id: steno.SagaId) -> StoredSaga | None:
        """Load as it is."""
        return await self._session.load(saga_id)

    async def list(self, query: ListQuery) -> Sequence[SagaSummary]:
        """List as it is."""
        return await self._session.list(query)

    async def attention(self, query: ListQuery) -> Sequence[AttentionGroup]:
        """Count the sagas at which a person should look."""
        return await self._session.attention(query)

    async def prune(self, query: PruneQuery) -> Sequence[steno.SagaId]:
        """Prune as it is."""
        return await self._session.prune(query)
