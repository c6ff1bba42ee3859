"""Orders to many sagas: their sagas are frozen, and what became of each is noted once."""

from __future__ import annotations

from uuid import UUID

import attrs

from steno.core import BulkOrderId, JsonText
from steno.errors import StoreError
from steno.store import BulkMark, BulkNote, BulkOutcome, BulkSaga, Fence, ListQuery, Lost
from steno.testing.conformance._bulk_life import (
    CANCELLED,
    DONE,
    FIRST,
    GIVEN,
    HOUR,
    NOW,
    ORDER,
    REFUSED,
    RUNNING,
    SECOND,
    THIRD,
    WAITING,
    bulk_create,
    bulk_done,
    bulk_ids,
    bulk_note,
    bulk_sagas,
    bulk_summary,
    with_sagas,
)
from steno.testing.conformance._demand import Topic
from steno.testing.conformance._expect import expect, expect_rejected, expect_that
from steno.testing.conformance._life import OTHER, SEC, living
from steno.testing.conformance._sample import (
    FAILED,
    ODD_NAMES,
    ODD_TEXTS,
    ONE,
    PAUSED,
    STUCK,
    SUCCEEDED,
    TWO,
    spread,
)
from steno.testing.conformance._subject import Subject

BULK = Topic("bulk")

# Creating


@BULK.demand
async def a_bulk_order_is_for_what_matches_when_it_is_stored(subject: Subject) -> None:
    """What matches later is not added, and what matches no more is not dropped."""
    async with living(subject) as sec:
        await sec.finished(ONE, STUCK)
        await sec.finished(TWO, SUCCEEDED)
        await bulk_done(sec, bulk_create(sec, FIRST, ListQuery(states={STUCK})))
        await bulk_done(sec, bulk_create(sec, SECOND, ListQuery(states={PAUSED})))
        fence = await sec.claim(ONE, OTHER)
        await sec.done(sec.record(ONE, 2, 1, FAILED, fence))
        late = spread(3)[1]
        await sec.finished(late, STUCK)
        demand = "the sagas of a bulk order are those that match when it is stored"
        expect(await bulk_ids(sec, FIRST), [ONE], demand)
        expect(await bulk_ids(sec, SECOND), [], "a bulk order may be for no saga at all")
        expect(dict((await bulk_summary(sec, SECOND)).counts), {}, "it then counts none")


@BULK.demand
async def a_bulk_order_has_all_that_match_in_their_order(subject: Subject) -> None:
    """That of ids or of the newest, whatever the marker and the limit of its query."""
    async with living(subject) as sec:
        ids = spread(7)
        shuffled = [ids[n * 3 % 7] for n in range(7)]
        for saga_id in shuffled:
            await sec.done(sec.create(saga_id))
        await bulk_done(sec, bulk_create(sec, FIRST, ListQuery(ids[2], 2)))
        demand = "a bulk order is for all that match, in the order of the query"
        expect(await bulk_ids(sec, FIRST), ids, demand)
        await bulk_done(sec, bulk_create(sec, SECOND, ListQuery(3, 2, newest_first=True)))
        expect(await bulk_ids(sec, SECOND), shuffled[::-1], demand)


@BULK.demand
async def a_bulk_order_may_be_for_thousands(subject: Subject) -> None:
    """However a store pages through them, none is missing, and none is there twice."""
    async with living(subject) as sec:
        ids = await with_sagas(sec, 2500)
        await bulk_done(sec, bulk_create(sec, FIRST))
        sagas = await bulk_sagas(sec, FIRST, limit=1000)
        found = [saga.saga_id for saga in sagas]
        expect_that(found == ids, "each saga that matches is there, once", len(found))
        expect((await bulk_summary(sec, FIRST)).size, 2500, "its size is how many sagas it is for")


@BULK.demand
async def an_order_is_kept_to_the_letter(subject: Subject) -> None:
    """It is JSON text, which a database must not normalize."""
    async with living(subject) as sec:
        for number, text in enumerate(ODD_TEXTS):
            bulk_id = BulkOrderId(UUID(int=number))
            await bulk_done(sec, attrs.evolve(bulk_create(sec, bulk_id), order=text))
            found = (await bulk_summary(sec, bulk_id)).order
            expect(found, text, "what is ordered is kept to the letter")


@BULK.demand
async def a_new_bulk_order_runs(subject: Subject) -> None:
    """It has the fence that it came with, a time, and sagas that all wait."""
    async with living(subject) as sec:
        await with_sagas(sec, 3)
        await bulk_done(sec, bulk_create(sec, FIRST))
        order = await bulk_summary(sec, FIRST)
        found = (order.state, order.fence, order.ended, dict(order.counts))
        expect(found, (RUNNING, sec.fence, None, {WAITING: 3}), "a new bulk order runs")
        expect_that(order.created.utcoffset() == NOW, "its time is in UTC", order.created)


@BULK.demand
async def a_bulk_creation_can_be_sent_again(subject: Subject) -> None:
    """It keeps the sagas that it has; another order of that id is rejected."""
    async with living(subject) as sec:
        await sec.done(sec.create(ONE))
        create = bulk_create(sec, FIRST)
        await bulk_done(sec, create)
        await sec.done(sec.create(TWO))
        await bulk_done(sec, bulk_note(sec, FIRST, BulkMark(0, GIVEN)), create)
        sagas = await bulk_sagas(sec, FIRST)
        demand = "a creation that is sent again changes nothing"
        expect(sagas, [BulkSaga(0, ONE, GIVEN)], demand)
        other = await sec.session.bulk.write(attrs.evolve(create, order=JsonText("{}")))
        expect_rejected(other, StoreError, "an id is not given to another bulk order")
        expect((await bulk_summary(sec, FIRST)).order, ORDER, "what is rejected changes nothing")


# Noting


@BULK.demand
async def what_became_of_a_saga_is_noted_once(subject: Subject) -> None:
    """The first mark stands; one that is sent again, or another, changes nothing."""
    async with living(subject) as sec:
        ids = await with_sagas(sec, 4)
        await bulk_done(sec, bulk_create(sec, FIRST), bulk_create(sec, SECOND))
        first = BulkMark(2, REFUSED, "it is paused")
        await bulk_done(sec, bulk_note(sec, FIRST, first), bulk_note(sec, FIRST, first))
        await bulk_done(sec, bulk_note(sec, FIRST, BulkMark(2, GIVEN), BulkMark(0, GIVEN)))
        wanted = [
            BulkSaga(0, ids[0], GIVEN),
            BulkSaga(1, ids[1]),
            BulkSaga(2, ids[2], REFUSED, "it is paused"),
            BulkSaga(3, ids[3]),
        ]
        expect(await bulk_sagas(sec, FIRST), wanted, "the first mark of a saga stands")
        counts = {WAITING: 2, GIVEN: 1, REFUSED: 1}
        expect(dict((await bulk_summary(sec, FIRST)).counts), counts, "each saga is counted once")
        counts = {WAITING: 4}
        expect(
            dict((await bulk_summary(sec, SECOND)).counts), counts, "a mark is of one bulk order"
        )


@BULK.demand
async def reasons_are_kept_to_the_letter(subject: Subject) -> None:
    """Case, accents, quotes and spaces are significant."""
    async with living(subject) as sec:
        await with_sagas(sec, len(ODD_NAMES) + 1)
        await bulk_done(sec, bulk_create(sec, FIRST))
        marks = [BulkMark(n, BulkOutcome.FAILED, why) for n, why in enumerate(ODD_NAMES)]
        await bulk_done(sec, bulk_note(sec, FIRST, *marks))
        found = [saga.why for saga in await bulk_sagas(sec, FIRST, BulkOutcome.FAILED)]
        expect(found, list(ODD_NAMES), "a reason is kept to the letter")


@BULK.demand
async def sagas_of_one_outcome_are_found(subject: Subject) -> None:
    """As their rows say now, page by page."""
    async with living(subject) as sec:
        await with_sagas(sec, 9)
        await bulk_done(sec, bulk_create(sec, FIRST))
        outcomes = [GIVEN, REFUSED, BulkOutcome.FAILED]
        marks = [BulkMark(n, outcomes[n % 3]) for n in (7, 4, 1, 2, 8, 0)]
        await bulk_done(sec, bulk_note(sec, FIRST, *marks))
        for outcome, numbers in (
            *((WAITING, [3, 5, 6]), (GIVEN, [0]), (REFUSED, [1, 4, 7])),
            (BulkOutcome.FAILED, [2, 8]),
        ):
            found = [saga.number for saga in await bulk_sagas(sec, FIRST, outcome)]
            expect(found, numbers, f"the sagas with the outcome {outcome.value} are found")
        nowhere = await bulk_sagas(sec, THIRD)
        expect(nowhere, [], "a bulk order that is not there has no sagas")


@BULK.demand
async def a_bulk_order_ends_once(subject: Subject) -> None:
    """With its last marks; then nothing changes, and only its last note may come again."""
    async with living(subject) as sec:
        await with_sagas(sec, 3)
        for bulk_id, end, other in ((FIRST, DONE, CANCELLED), (SECOND, CANCELLED, DONE)):
            last = bulk_note(sec, bulk_id, BulkMark(1, GIVEN), state=end)
            await bulk_done(sec, bulk_create(sec, bulk_id), last, last)
            order = await bulk_summary(sec, bulk_id)
            expect(order.state, end, "a note may end a bulk order")
            expect_that(order.ended is not None, "a bulk order that has ended has an end", order)
            for state in (RUNNING, other):
                note = bulk_note(sec, bulk_id, BulkMark(0, GIVEN), state=state)
                outcome = await sec.session.bulk.write(note)
                expect_rejected(outcome, StoreError, "nothing changes once it has ended")
            if subject.advance is not None:
                subject.advance(HOUR)
            await bulk_done(sec, attrs.evolve(last, marks=(BulkMark(2, REFUSED),)))
            expect(await bulk_summary(sec, bulk_id), order, "nothing changes once it has ended")


@BULK.demand
async def a_note_without_the_fence_is_lost(subject: Subject) -> None:
    """That of another SEC, and that of an earlier life; the outcome names the owner."""
    async with living(subject) as sec:
        await with_sagas(sec, 2)
        await bulk_done(sec, bulk_create(sec, FIRST))
        own = sec.fence
        for fence in (Fence(OTHER, own.generation), Fence(SEC, own.generation - 1)):
            note = BulkNote(FIRST, fence, (BulkMark(0, GIVEN),), DONE)
            outcome = await sec.session.bulk.write(note)
            expect(outcome, Lost(SEC), "a note without the fence is lost")
        counts = (await bulk_summary(sec, FIRST)).counts
        expect(dict(counts), {WAITING: 2}, "what is lost changes nothing")
        outcome = await sec.session.bulk.write(bulk_note(sec, SECOND))
        expect_rejected(outcome, StoreError, "there is nothing to note of what is not there")


@BULK.demand
async def a_take_over_gives_running_bulk_orders_a_new_fence(subject: Subject) -> None:
    """Those of that SEC which have not ended; so an earlier life of it cannot go on with them."""
    async with living(subject) as sec:
        await with_sagas(sec, 2)
        await bulk_done(sec, bulk_create(sec, FIRST), bulk_create(sec, SECOND))
        await bulk_done(
            sec, bulk_note(sec, FIRST, BulkMark(0, GIVEN)), bulk_note(sec, SECOND, state=DONE)
        )
        old = sec.fence
    async with living(subject, OTHER) as other:
        await bulk_done(other, bulk_create(other, THIRD))
        foreign = other.fence
    async with living(subject) as sec:
        fences = [(await bulk_summary(sec, each)).fence for each in (FIRST, SECOND, THIRD)]
        demand = "a take-over changes the fences of the running bulk orders of its SEC"
        expect(fences, [sec.fence, old, foreign], demand)
        late = BulkNote(FIRST, old, (BulkMark(1, REFUSED),), CANCELLED)
        outcome = await sec.session.bulk.write(late)
        expect(outcome, Lost(SEC), "a late note of an earlier life is lost")
        expect(
            [saga.outcome for saga in await bulk_sagas(sec, FIRST)],
            [GIVEN, WAITING],
            "what was noted is there in the next life, and nothing else",
        )
        await bulk_done(sec, bulk_note(sec, FIRST, BulkMark(1, GIVEN), state=DONE))
