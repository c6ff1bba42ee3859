"""Times: when a row says that it was written."""

from __future__ import annotations

from datetime import timedelta

import attrs

from steno.core import Timestamp
from steno.store import ListQuery, SagaTimes, to_timestamp
from steno.testing.conformance._demand import Topic
from steno.testing.conformance._expect import expect, expect_that
from steno.testing.conformance._life import OTHER, SEC, Life, living
from steno.testing.conformance._sample import FAILED, ONE, RUNNING, STATES, TWO, events, spread
from steno.testing.conformance._subject import Subject, needed

TIMES = Topic("times")

SECOND = timedelta(seconds=1)


async def _times(sec: Life) -> SagaTimes:
    return (await sec.load(ONE)).summary.times


@TIMES.demand
async def times_are_in_utc_and_in_order(subject: Subject) -> None:
    """A saga is created, progresses, and ends."""
    async with living(subject) as sec:
        await sec.done(sec.create(ONE))
        first = await _times(sec)
        expect(first.progressed, first.created, "a saga progresses when it is created")
        await sec.done(sec.record(ONE, 0, 1))
        second = await _times(sec)
        await sec.done(sec.record(ONE, 1, 1, FAILED))
        third = await _times(sec)
        expect(second.created, first.created, "a saga is created once")
        expect(third.created, first.created, "a saga is created once")
        found = [first.created, first.progressed, second.progressed, third.progressed]
        expect(found, sorted(found), "each record progresses a saga")
        expect_that(
            third.ended is not None and third.ended >= second.progressed,
            "a saga ends when the record that finishes it is written",
            third,
        )
        for time in (*found, third.ended):
            utc = time is not None and time.utcoffset() == timedelta(0)
            expect_that(utc, "times have the time zone UTC", time)


@TIMES.demand
async def only_a_saga_that_is_finished_has_ended(subject: Subject) -> None:
    """In any way, and with or without an event."""
    async with living(subject) as sec:
        for count in (0, 1):
            ids = spread(2 * len(STATES))[count::2]
            for saga_id, state in zip(ids, STATES, strict=True):
                await sec.done(sec.create(saga_id), sec.record(saga_id, 0, count, state))
                ended = (await sec.load(saga_id)).summary.times.ended
                demand = f"whether a saga that is {state.value} has ended follows from its state"
                expect(ended is not None, state.finished, demand)


@TIMES.demand
async def a_saga_ends_once(subject: Subject) -> None:
    """A record that is sent again, and a problem, do not change the time."""
    async with living(subject) as sec:
        end = sec.record(ONE, 0, 1, FAILED)
        await sec.done(sec.create(ONE), end)
        before = await _times(sec)
        if subject.advance is not None:
            subject.advance(SECOND)
        await sec.done(end)
        await sec.done(sec.problem(ONE, "no"))
        ended = (await _times(sec)).ended
        expect(ended, before.ended, "the first record that finishes a saga is its end")


@TIMES.demand
async def rows_are_stamped_by_the_clock(subject: Subject) -> None:
    """Only events progress a saga; a problem or a new owner does not."""
    advance = needed(subject.advance, "advance")
    async with living(subject) as sec:
        await sec.done(sec.create(ONE))
        created = (await _times(sec)).created
        advance(SECOND)
        await sec.done(sec.record(ONE, 0, 1, RUNNING))
        wanted = SagaTimes(created, created + SECOND, None)
        expect(await _times(sec), wanted, "an event progresses a saga")
        advance(SECOND)
        await sec.done(sec.problem(ONE, "no"), sec.create(TWO))
        await sec.claim(ONE, OTHER)
        fence = await sec.claim(ONE, SEC)
        await sec.session.take_over(OTHER)
        expect(await _times(sec), wanted, "problems, claims and other sagas' writes progress none")
        advance(SECOND)
        await sec.done(sec.record(ONE, 1, 1, FAILED, fence))
        end = created + 3 * SECOND
        expect(await _times(sec), SagaTimes(created, end, end), "the last event ends a saga")


@TIMES.demand
async def a_list_shows_the_times_that_load_shows(subject: Subject) -> None:
    """Even when the store is opened again: stored times are as exact as those shown before."""
    async with living(subject) as sec:
        await sec.done(sec.create(ONE), sec.create(TWO))
        await sec.done(sec.record(ONE, 0, 1, FAILED))
        before = [(await sec.load(each)).summary.times for each in (ONE, TWO)]
    async with living(subject) as sec:
        found = [summary.times for summary in await sec.session.list(ListQuery())]
        expect(found, before, "times are those that were shown before")


@TIMES.demand
async def an_event_keeps_the_time_that_it_has(subject: Subject) -> None:
    """To the microsecond, whether it is created, recorded, or recorded again, and in any order."""
    times = (5, 5, 1_700_000_000_000_001, 7, -1)
    log = tuple(
        attrs.evolve(event, time=Timestamp(time))
        for event, time in zip(events(ONE, 0, len(times)), times, strict=True)
    )
    async with living(subject) as sec:
        create = attrs.evolve(sec.create(ONE), events=log[:2])
        record = sec.record_of(ONE, 2, log[2:], sec.fence)
        await sec.done(create)
        await sec.done(record)
        await sec.done(record)
        found = [event.time for event in (await sec.load(ONE)).events]
        expect(found, list(times), "an event keeps the time at which it was made")


@TIMES.demand
async def an_event_without_a_time_gets_one(subject: Subject) -> None:
    """The time of the transaction in which it is written."""
    async with living(subject) as sec:
        await sec.done(sec.create(ONE), sec.record(ONE, 0, 2, RUNNING))
        stored = await sec.load(ONE)
        created = to_timestamp(stored.summary.times.created)
        for event in stored.events:
            time = event.time
            on_time = time is not None and time >= created
            expect_that(
                on_time, "an event that comes without a time gets that of its writing", time
            )
