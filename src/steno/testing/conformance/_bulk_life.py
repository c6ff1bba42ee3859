"""Samples of orders to many sagas, and what a test does with them."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from uuid import UUID

import trio

from steno.core import BulkOrderId, JsonText, SagaId
from steno.store import (
    BulkCreate,
    BulkListQuery,
    BulkMark,
    BulkNote,
    BulkOutcome,
    BulkSaga,
    BulkSagaQuery,
    BulkState,
    BulkSummary,
    BulkWrite,
    ListQuery,
)
from steno.testing.conformance._expect import expect, expect_that
from steno.testing.conformance._life import DURABLE, Life
from steno.testing.conformance._sample import spread

FIRST, SECOND, THIRD = (BulkOrderId(UUID(int=number << 64)) for number in (3, 1, 2))
NOW, HOUR = timedelta(0), timedelta(hours=1)
ORDER = JsonText('{"order":{"by":"ops","verb":"retry","why":null},"node":"payment"}')
RUNNING, DONE, CANCELLED = BulkState.RUNNING, BulkState.DONE, BulkState.CANCELLED
WAITING, GIVEN, REFUSED = BulkOutcome.WAITING, BulkOutcome.GIVEN, BulkOutcome.REFUSED


def bulk_create(sec: Life, bulk_id: BulkOrderId, query: ListQuery | None = None) -> BulkCreate:
    """Return the creation of a bulk order: for all sagas, or for those of a query."""
    return BulkCreate(bulk_id, sec.fence, ORDER, query or ListQuery())


def bulk_note(
    sec: Life, bulk_id: BulkOrderId, *marks: BulkMark, state: BulkState = RUNNING
) -> BulkNote:
    """Return a note of what became of a bulk order."""
    return BulkNote(bulk_id, sec.fence, marks, state)


async def bulk_done(sec: Life, *writes: BulkWrite) -> None:
    """Write what is valid; each must become durable."""
    await trio.lowlevel.checkpoint()
    for write in writes:
        expect(await sec.session.bulk.write(write), DURABLE, "a valid write is durable")


async def bulk_sagas(
    sec: Life, bulk_id: BulkOrderId, outcome: BulkOutcome | None = None, limit: int = 2
) -> list[BulkSaga]:
    """Return the sagas of a bulk order, read page by page."""
    found: list[BulkSaga] = []
    marker: int | None = None
    while page := await sec.session.bulk.sagas(BulkSagaQuery(bulk_id, marker, limit, outcome)):
        expect_that(len(page) <= limit, f"a page has at most {limit} sagas", page)
        numbers = [saga.number for saga in page]
        forward = numbers == sorted(set(numbers)) and (marker is None or marker < numbers[0])
        expect_that(forward, "a page has its sagas in their order, after its marker", numbers)
        found += page
        marker = numbers[-1]
    return found


async def bulk_ids(sec: Life, bulk_id: BulkOrderId) -> list[SagaId]:
    """Return the ids of the sagas of a bulk order, which are numbered from 0."""
    sagas = await bulk_sagas(sec, bulk_id)
    demand = "the sagas of a bulk order are numbered from 0"
    expect([saga.number for saga in sagas], list(range(len(sagas))), demand)
    return [saga.saga_id for saga in sagas]


async def bulk_summary(sec: Life, bulk_id: BulkOrderId) -> BulkSummary:
    """Return a bulk order, which must exist, as a list shows it."""
    found = await sec.session.bulk.list(BulkListQuery(bulk_id=bulk_id))
    expect([each.bulk_id for each in found], [bulk_id], "a list may be of one bulk order")
    return found[0]


async def bulk_ids_listed(sec: Life, query: BulkListQuery) -> list[BulkOrderId]:
    """Return the ids of a page of bulk orders."""
    return [order.bulk_id for order in await sec.session.bulk.list(query)]


async def bulk_ended(sec: Life, bulk_id: BulkOrderId) -> None:
    """Store a bulk order for all sagas that has ended."""
    await bulk_done(sec, bulk_create(sec, bulk_id), bulk_note(sec, bulk_id, state=DONE))


async def with_sagas(sec: Life, count: int) -> Sequence[SagaId]:
    """Create some sagas, and return their ids, in order."""
    ids = spread(count)
    await sec.done(*(sec.create(saga_id) for saga_id in ids))
    return ids
