"""Lives: an open store, and the SEC for which it is open."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Collection, Sequence
from contextlib import asynccontextmanager

import attrs

from steno.core import Concern, JsonText, SagaCachedState, SagaId, SagaName, SagaNodeEvent
from steno.store import (
    Durable,
    Fence,
    ListQuery,
    SagaCreateParams,
    SagaProblem,
    SagaRecord,
    SagaSummary,
    SagaTrial,
    SagaWrite,
    SecStoreSession,
    StoredSaga,
    WriteOutcome,
)
from steno.testing.conformance._expect import expect, expect_that
from steno.testing.conformance._sample import READY, RUNNING, events
from steno.testing.conformance._subject import Subject

SEC, OTHER = "sec", "other"
DURABLE = Durable()


@attrs.frozen
class Life:
    """
    One instance of a SEC, which makes the writes of a test.

    Attributes:
        session: The open store.
        fence: The fence of sagas that the SEC creates.
    """

    session: SecStoreSession
    fence: Fence

    # Writes

    def create(
        self, saga_id: SagaId, count: int = 0, state: SagaCachedState = READY
    ) -> SagaCreateParams:
        """Return the creation of a saga, with the first events of its log."""
        return SagaCreateParams(
            saga_id=saga_id,
            saga_name=SagaName("trip"),
            dag_digest="digest",
            dag_text=JsonText('{"a":"graph"}'),
            params=JsonText('{"to":"Rome"}'),
            fence=self.fence,
            events=events(saga_id, 0, count),
            state=state,
        )

    def record(
        self,
        saga_id: SagaId,
        first: int,
        count: int = 0,
        state: SagaCachedState = RUNNING,
        fence: Fence | None = None,
        *,
        concern: Concern | None = None,
    ) -> SagaRecord:
        """Return a record of `count` events, numbered from `first`."""
        log = events(saga_id, first, count)
        return SagaRecord(saga_id, fence or self.fence, first, log, state, concern)

    def record_of(
        self, saga_id: SagaId, first: int, log: tuple[SagaNodeEvent, ...], fence: Fence
    ) -> SagaRecord:
        """Return a record of the given events."""
        return SagaRecord(saga_id, fence, first, log, RUNNING)

    def problem(
        self,
        saga_id: SagaId,
        text: str | None,
        fence: Fence | None = None,
        *,
        concern: Concern | None = None,
    ) -> SagaProblem:
        """Return a write that notes a problem."""
        return SagaProblem(saga_id, fence or self.fence, text, concern)

    def trial(self, saga_id: SagaId, *, passed: bool, fence: Fence | None = None) -> SagaTrial:
        """Return a write that notes how a saga stands that may be what kills its process."""
        return SagaTrial(saga_id, fence or self.fence, passed)

    # Doing them

    async def do(self, *batch: SagaWrite) -> Sequence[WriteOutcome]:
        """Write a batch, and return its outcomes; there must be one for each write."""
        outcomes = await self.session.record(batch)
        expect(len(outcomes), len(batch), "record answers for each write of a batch")
        return list(outcomes)

    async def done(self, *batch: SagaWrite) -> None:
        """Write a valid batch; all of it must become durable."""
        demand = "a valid write is durable"
        expect(await self.do(*batch), [DURABLE] * len(batch), demand)

    async def finished(self, saga_id: SagaId, state: SagaCachedState) -> None:
        """Create a saga and finish it."""
        await self.done(self.create(saga_id), self.record(saga_id, 0, 2, state))

    async def claim(self, saga_id: SagaId, sec_name: str) -> Fence:
        """Claim a saga that is not finished, and return its fence."""
        claim = await self.session.claim(saga_id, sec_name)
        if claim is None:
            msg = f"an unfinished saga can be claimed\nfound:  None for {saga_id}"
            raise AssertionError(msg)
        expect((claim.saga_id, claim.fence.sec_name), (saga_id, sec_name), "a claim is of its SEC")
        stored = await self.load(saga_id)
        expect(stored.fence, claim.fence, "a claim gives the fence that the saga's row has now")
        return claim.fence

    # Looking

    async def load(self, saga_id: SagaId) -> StoredSaga:
        """Return a stored saga, which must exist."""
        stored = await self.session.load(saga_id)
        if stored is None:
            msg = f"load gives a saga that is stored\nfound:  None for {saga_id}"
            raise AssertionError(msg)
        return stored

    async def log(self, saga_id: SagaId) -> tuple[SagaNodeEvent, ...]:
        """Return the log of a saga, which must exist."""
        return tuple((await self.load(saga_id)).events)

    async def expect_log(self, saga_id: SagaId, count: int, demand: str) -> None:
        """Demand that a saga has exactly the first `count` events of its log."""
        expect(await self.log(saga_id), events(saga_id, 0, count), demand)

    async def ids(self, query: ListQuery) -> list[SagaId]:
        """Return the ids of one page of sagas."""
        return [summary.saga_id for summary in await self.session.list(query)]

    async def pages(
        self,
        limit: int,
        states: Collection[SagaCachedState] | None = None,
        name: str | None = None,
    ) -> list[SagaSummary]:
        """Return all sagas of a listing in the order of ids, read page by page."""
        return await self.listed(ListQuery(None, limit, states, name))

    async def listed(self, query: ListQuery) -> list[SagaSummary]:
        """Return all sagas of a listing from its query on, read page by page."""
        found: list[SagaSummary] = []
        while True:
            page = await self.session.list(query)
            limit, marker = query.limit, query.marker
            expect_that(len(page) <= limit, f"a page has at most {limit} sagas", page)
            if not page:
                return found
            forward = (query.after_id is None or query.after_id < page[0].saga_id) and (
                query.after_number is None or query.after_number > page[0].number
            )
            expect_that(forward, f"a page begins after its marker, {marker}", page)
            expect_that(
                page[-1].saga_id not in {summary.saga_id for summary in found},
                "a listing gives no saga twice, and comes to an end",
                page,
            )
            found += page
            query = query.following(page[-1])


@asynccontextmanager
async def living(subject: Subject, sec_name: str = SEC) -> AsyncGenerator[Life, None]:
    """Open the store for a SEC, take over its sagas, and yield its instance."""
    async with subject.store.open() as session:
        yield Life(session, (await session.take_over(sec_name)).fence)
