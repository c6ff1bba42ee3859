"""Reading: operators inspect a store, whether or not a SEC has it open."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from datetime import timedelta

from steno.errors import StoreError
from steno.store import ListQuery, SecStoreReader
from steno.testing.conformance._demand import Topic
from steno.testing.conformance._expect import error_of, expect, expect_that
from steno.testing.conformance._life import OTHER, SEC, living
from steno.testing.conformance._sample import (
    FAILED,
    NOWHERE,
    ONE,
    READY,
    RUNNING,
    STATES,
    TWO,
    every_kind,
    spread,
)
from steno.testing.conformance._subject import Subject, needed

READ = Topic("read")

SECOND = timedelta(seconds=1)


@asynccontextmanager
async def _reading(subject: Subject) -> AsyncGenerator[SecStoreReader, None]:
    async with needed(subject.open_reader, "store.open_reader")() as reader:
        yield reader


@READ.demand
async def a_reader_sees_what_is_durable(subject: Subject) -> None:
    """Including later writes while a SEC has the store open, and when none has."""
    needed(subject.open_reader, "store.open_reader")
    async with living(subject) as sec:
        await sec.done(sec.create(ONE))
        async with _reading(subject) as reader:
            for number in range(4):
                await sec.done(sec.record(ONE, number, 1, RUNNING))
                stored = await sec.load(ONE)
                demand = "a reader sees what is durable"
                expect(await reader.load(ONE), stored, demand)
                expect(await reader.list(ListQuery()), [stored.summary], demand)
        last = await sec.load(ONE)
    async with _reading(subject) as reader:
        expect(await reader.load(ONE), last, "a reader sees what is durable")
        expect(await reader.load(NOWHERE), None, "load gives None if there is no such saga")


@READ.demand
async def a_reader_takes_nothing_over(subject: Subject) -> None:
    """The SEC continues undisturbed."""
    needed(subject.open_reader, "store.open_reader")
    async with living(subject) as sec:
        await sec.done(sec.create(ONE))
        async with _reading(subject) as first, _reading(subject) as second:
            await first.list(ListQuery())
            await second.load(ONE)
            await sec.done(sec.record(ONE, 0, 1, RUNNING))
        await sec.done(sec.record(ONE, 1, 1, RUNNING))
        expect((await sec.load(ONE)).fence, sec.fence, "a reader takes nothing over")


@READ.demand
async def a_log_has_numbers_times_and_creators(subject: Subject) -> None:
    """The creator of an event is the SEC that recorded it, regardless of the current owner."""
    needed(subject.open_reader, "store.open_reader")
    async with living(subject) as sec:
        await sec.done(sec.create(ONE, 2), sec.create(TWO))
        if subject.advance is not None:
            subject.advance(SECOND)
        await sec.done(sec.record(ONE, 2, 1, RUNNING))
        await sec.done(sec.record(ONE, 3, 1, FAILED, await sec.claim(ONE, OTHER)))
        log, times = await sec.log(ONE), (await sec.load(ONE)).summary.times
        async with _reading(subject) as reader:
            entries = await reader.entries(ONE)
            expect([entry.seq for entry in entries], [0, 1, 2, 3], "events are numbered from 0")
            expect(tuple(entry.event for entry in entries), log, "a reader has the whole log")
            creators = [entry.creator for entry in entries]
            expect(creators, [SEC, SEC, SEC, OTHER], "an event has the SEC that recorded it")
            stamps = [entry.time for entry in entries]
            expect(stamps, sorted(stamps), "the events of a log come one after the other")
            found = (stamps[0], stamps[-1])
            demand = "the first events of a log are as old as its saga, the last as its progress"
            expect(found, (times.created, times.progressed), demand)
            expect(await reader.entries(TWO), [], "an empty log has no entries")
            expect(await reader.entries(NOWHERE), [], "a saga that does not exist has no entries")


@READ.demand
async def every_kind_of_event_is_an_entry(subject: Subject) -> None:
    """With all of its data."""
    needed(subject.open_reader, "store.open_reader")
    async with living(subject) as sec:
        log = every_kind(ONE)
        await sec.done(sec.create(ONE), sec.record_of(ONE, 0, log, sec.fence))
    async with _reading(subject) as reader:
        found = tuple(entry.event for entry in await reader.entries(ONE))
        expect(found, log, "a reader has the whole log, to the letter")


@READ.demand
async def sagas_are_counted_by_state(subject: Subject) -> None:
    """All of them, as they are now; a state without sagas may be left out."""
    needed(subject.open_reader, "store.open_reader")
    async with living(subject) as sec:
        async with _reading(subject) as reader:
            expect(sum((await reader.count()).values()), 0, "a new store is empty")
        ids, number = spread(len(STATES) ** 2), 0
        await sec.done(*[sec.create(each) for each in ids])
        for count, state in enumerate(STATES):
            chosen, number = ids[number : number + count], number + count
            await sec.done(*[sec.record(each, 0, 1, state) for each in chosen])
        wanted = {state: count for count, state in enumerate(STATES)}
        wanted[READY] = len(ids) - number
        async with _reading(subject) as reader:
            counted = await reader.count()
            found = {state: counted.get(state, 0) for state in STATES}
            expect(found, wanted, "a reader counts the sagas in each state")


@READ.demand
async def a_reader_that_was_left_is_closed(subject: Subject) -> None:
    """Every method raises."""
    needed(subject.open_reader, "store.open_reader")
    async with living(subject) as sec:
        await sec.done(sec.create(ONE))
        async with _reading(subject) as reader:
            expect_that(await reader.load(ONE) is not None, "a reader reads", reader)
        for call in (
            lambda: reader.load(ONE),
            lambda: reader.list(ListQuery()),
            lambda: reader.attention(ListQuery()),
            lambda: reader.entries(ONE),
            reader.count,
        ):
            await error_of(call, StoreError, "a reader that was left is closed")
