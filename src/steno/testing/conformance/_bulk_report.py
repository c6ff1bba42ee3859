"""Orders to many sagas: how they are found, and deleted, and what a fault leaves of them."""

from __future__ import annotations

from functools import partial

from steno.errors import StoreError
from steno.store import (
    BulkListQuery,
    BulkMark,
    BulkOutcome,
    BulkPruneQuery,
    BulkSaga,
    BulkSagaQuery,
    PruneQuery,
)
from steno.testing.conformance._bulk_life import (
    CANCELLED,
    DONE,
    FIRST,
    GIVEN,
    HOUR,
    NOW,
    REFUSED,
    RUNNING,
    SECOND,
    THIRD,
    bulk_create,
    bulk_done,
    bulk_ended,
    bulk_ids_listed,
    bulk_note,
    bulk_sagas,
    bulk_summary,
    with_sagas,
)
from steno.testing.conformance._demand import Topic
from steno.testing.conformance._expect import error_of, expect, expect_that
from steno.testing.conformance._life import OTHER, SEC, living
from steno.testing.conformance._sample import ONE, SUCCEEDED
from steno.testing.conformance._subject import Subject, needed

BULK_REPORT = Topic("bulk report")

# Finding


@BULK_REPORT.demand
async def bulk_orders_are_listed_newest_first(subject: Subject) -> None:
    """Page by page, and by state and SEC."""
    async with living(subject, OTHER) as other:
        await bulk_done(other, bulk_create(other, FIRST))
    async with living(subject) as sec:
        await bulk_done(sec, bulk_create(sec, SECOND), bulk_create(sec, THIRD))
        await bulk_done(sec, bulk_note(sec, THIRD, state=CANCELLED))
        order = [THIRD, SECOND, FIRST]
        expect(
            await bulk_ids_listed(sec, BulkListQuery()), order, "the newest bulk order comes first"
        )
        numbers = [each.number for each in await sec.session.bulk.list(BulkListQuery())]
        expect_that(numbers == sorted(numbers, reverse=True), "by their numbers", numbers)
        for place, number in enumerate(numbers):
            found = await bulk_ids_listed(sec, BulkListQuery(number, 1))
            expect(found, order[place + 1 :][:1], "a page begins after its marker")
        for query, found in (
            (BulkListQuery(states={RUNNING}), [SECOND, FIRST]),
            (BulkListQuery(limit=1, states={RUNNING}), [SECOND]),
            (BulkListQuery(states={DONE}), []),
            (BulkListQuery(states=()), []),
            (BulkListQuery(sec_name=OTHER), [FIRST]),
            (BulkListQuery(sec_name=SEC, states={CANCELLED, DONE}), [THIRD]),
            (BulkListQuery(sec_name=OTHER, states={CANCELLED}), []),
        ):
            expect(await bulk_ids_listed(sec, query), found, f"a list has what matches {query}")


@BULK_REPORT.demand
async def bulk_orders_can_be_read_beside_a_sec(subject: Subject) -> None:
    """A reader sees what a session sees."""
    open_reader = needed(subject.open_reader, "open_reader")
    async with living(subject) as sec:
        await with_sagas(sec, 2)
        await bulk_done(sec, bulk_create(sec, FIRST))
        await bulk_done(sec, bulk_note(sec, FIRST, BulkMark(1, REFUSED, "no")))
        orders = await sec.session.bulk.list(BulkListQuery())
        sagas = await sec.session.bulk.sagas(BulkSagaQuery(FIRST))
        async with open_reader() as reader:
            found = await reader.bulk.list(BulkListQuery())
            expect(found, orders, "a reader lists the bulk orders that a session lists")
            found_sagas = await reader.bulk.sagas(BulkSagaQuery(FIRST))
            expect(found_sagas, sagas, "a reader lists the sagas that a session lists")


# Deleting


@BULK_REPORT.demand
async def a_bulk_order_outlives_its_sagas(subject: Subject) -> None:
    """What was pruned stays in its report."""
    async with living(subject) as sec:
        await sec.finished(ONE, SUCCEEDED)
        await bulk_done(sec, bulk_create(sec, FIRST))
        await sec.session.prune(PruneQuery(NOW))
        await bulk_done(sec, bulk_note(sec, FIRST, BulkMark(0, BulkOutcome.FAILED, "no such saga")))
        found = await bulk_sagas(sec, FIRST)
        wanted = [BulkSaga(0, ONE, BulkOutcome.FAILED, "no such saga")]
        expect(found, wanted, "a bulk order keeps sagas that were pruned")


@BULK_REPORT.demand
async def only_bulk_orders_that_have_ended_are_pruned(subject: Subject) -> None:
    """The oldest first, of one SEC or of all, at most as many as the query says."""
    async with living(subject, OTHER) as other:
        await with_sagas(other, 2)
        await bulk_ended(other, FIRST)
    async with living(subject) as sec:
        if subject.advance is not None:
            subject.advance(HOUR)
        await bulk_ended(sec, SECOND)
        await bulk_done(sec, bulk_create(sec, THIRD))
        prune = sec.session.bulk.prune
        if subject.advance is not None:
            found = await prune(BulkPruneQuery(HOUR, SEC))
            expect(list(found), [], "what ended just now is not pruned yet")
            expect(list(await prune(BulkPruneQuery(HOUR))), [FIRST], "what is old enough is pruned")
        else:
            expect(list(await prune(BulkPruneQuery(NOW, OTHER))), [FIRST], "those of one SEC are")
        expect(list(await prune(BulkPruneQuery(NOW, limit=5))), [SECOND], "what has ended is")
        expect(await bulk_ids_listed(sec, BulkListQuery()), [THIRD], "what was pruned is gone")
        expect(await bulk_sagas(sec, FIRST), [], "what was pruned has no sagas any more")
        expect(len(await bulk_sagas(sec, THIRD)), 2, "what is not pruned keeps its sagas")
        for bulk_id in (FIRST, SECOND):
            await bulk_ended(sec, bulk_id)
        pruned = [*await prune(BulkPruneQuery(NOW)), *await prune(BulkPruneQuery(NOW))]
        expect(pruned, [FIRST, SECOND], "the one that ended first is pruned first")


# Faults


@BULK_REPORT.demand
async def a_bulk_write_that_fails_changes_nothing(subject: Subject) -> None:
    """It raises, and is done once it is sent again."""
    failing = needed(subject.failing, "failing")
    async with living(subject) as sec:
        await with_sagas(sec, 2)
        create, note = (
            bulk_create(sec, FIRST),
            bulk_note(sec, SECOND, BulkMark(0, GIVEN), state=DONE),
        )
        await bulk_done(sec, bulk_create(sec, SECOND))
        for write in (create, note):
            with failing():
                demand = "a write that cannot be made durable raises"
                await error_of(partial(sec.session.bulk.write, write), StoreError, demand)
        expect(
            await bulk_ids_listed(sec, BulkListQuery()), [SECOND], "what has failed changes nothing"
        )
        expect((await bulk_summary(sec, SECOND)).state, RUNNING, "what has failed changes nothing")
        await bulk_done(sec, create, note)
        expect((await bulk_summary(sec, SECOND)).state, DONE, "it is done once it is sent again")
