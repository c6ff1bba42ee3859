"""Filters and orders: lists of an owner, of ranges of times, of the newest sagas."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta, timezone
from typing import TypeAlias

import attrs

from steno.core import SagaId, SagaName
from steno.store import ListQuery, PruneQuery, SagaSummary
from steno.testing.conformance._demand import Topic
from steno.testing.conformance._expect import expect, expect_that
from steno.testing.conformance._life import OTHER, SEC, Life, living
from steno.testing.conformance._sample import (
    FAILED,
    READY,
    RUNNING,
    STATES,
    STUCK,
    SUCCEEDED,
    spread,
)
from steno.testing.conformance._subject import Subject

FILTERS = Topic("filters")

_End: TypeAlias = datetime | None
"""One end of a range of times, if it has one."""

SECOND = timedelta(seconds=1)
MICROSECOND = timedelta(microseconds=1)
LIMITS = (1, 2, 5, 100)
MANY = 17
IDS = spread(MANY)
CREATED = tuple(IDS[number * 7 % MANY] for number in range(MANY))
"""The same ids, in the order in which sagas are created."""


def _ids(sagas: list[SagaSummary]) -> list[SagaId]:
    return [saga.saga_id for saga in sagas]


def _name(saga_id: SagaId) -> str:
    return "tour" if IDS.index(saga_id) % 3 == 0 else "trip"


async def _fill(sec: Life, subject: Subject) -> list[SagaSummary]:
    """
    Create sagas one after the other, of two names, and record something of most, the last first.

    Returns:
        What a list has of all of them, in the order of ids.
    """
    for saga_id in CREATED:
        await sec.done(attrs.evolve(sec.create(saga_id), saga_name=SagaName(_name(saga_id))))
        if subject.advance is not None:
            subject.advance(SECOND)
    for number, saga_id in enumerate(reversed(CREATED)):
        state = STATES[number % len(STATES)]
        if number % 5:
            await sec.done(sec.record(saga_id, 0, 1, state))
        if subject.advance is not None:
            subject.advance(SECOND)
    return await sec.listed(ListQuery())


def _marks(times: list[_End]) -> Iterator[datetime]:
    """Yield each time, the next moment, and times before and after all, in several zones."""
    known = sorted({time for time in times if time is not None})
    yield known[0] - timedelta(days=1)
    for number, time in enumerate(known):
        zone = timezone(timedelta(minutes=30 * number))
        yield time.astimezone(zone)
        yield (time + MICROSECOND).astimezone(zone)
    yield datetime.max.replace(tzinfo=UTC)


async def _expect_ranges(
    subject: Subject,
    query_of: Callable[[_End, _End], ListQuery],
    time_of: Callable[[SagaSummary], _End],
) -> None:
    """Demand that a list has the sagas of a range of times, for ranges with one end or two."""
    async with living(subject) as sec:
        sagas = await _fill(sec, subject)
        marks = list(_marks([time_of(saga) for saga in sagas]))
        ranges: list[tuple[_End, _End]] = [(mark, None) for mark in marks]
        ranges += [(None, mark) for mark in marks]
        ranges += [(marks[n], marks[-1 - n]) for n in range(len(marks))]
        for since, until in ranges:
            wanted = [
                saga.saga_id
                for saga in sagas
                if (time := time_of(saga)) is not None
                and (since is None or since <= time)
                and (until is None or time < until)
            ]
            demand = f"a list has the sagas from {since} on and before {until}"
            found = await sec.listed(attrs.evolve(query_of(since, until), limit=5))
            expect(_ids(found), wanted, demand)


@FILTERS.demand
async def a_list_may_be_of_what_was_created_at_a_time(subject: Subject) -> None:
    """From the beginning of a range on, and before its end; in any time zone."""

    def query(since: _End, until: _End) -> ListQuery:
        return ListQuery(created_since=since, created_until=until)

    await _expect_ranges(subject, query, lambda saga: saga.times.created)


@FILTERS.demand
async def a_list_may_be_of_what_progressed_at_a_time(subject: Subject) -> None:
    """As for the creation; a saga without events has progressed when it was created."""

    def query(since: _End, until: _End) -> ListQuery:
        return ListQuery(progressed_since=since, progressed_until=until)

    await _expect_ranges(subject, query, lambda saga: saga.times.progressed)


@FILTERS.demand
async def a_list_may_be_of_what_ended_at_a_time(subject: Subject) -> None:
    """As for the creation; a saga that has not ended is in no range."""

    def query(since: _End, until: _End) -> ListQuery:
        return ListQuery(ended_since=since, ended_until=until)

    await _expect_ranges(subject, query, lambda saga: saga.times.ended)


@FILTERS.demand
async def a_list_may_be_of_one_owner(subject: Subject) -> None:
    """The SEC that runs a saga now, or ran it last, and not the one that created it."""
    async with living(subject) as sec:
        await sec.done(*[sec.create(each) for each in IDS])
        claimed = IDS[::3]
        for number, saga_id in enumerate(claimed):
            fence = await sec.claim(saga_id, OTHER)
            if number % 2:
                await sec.done(sec.record(saga_id, 0, 1, SUCCEEDED, fence))
        kept = [each for each in IDS if each not in claimed]
        for owner, wanted in ((OTHER, claimed), (SEC, kept), ("SEC", []), ("", [])):
            found = _ids(await sec.listed(ListQuery(limit=2, sec_name=owner)))
            expect(found, wanted, f"a list has the sagas of the SEC {owner!r}, and no others")


@FILTERS.demand
async def the_newest_may_come_first(subject: Subject) -> None:
    """Each saga is listed once, in the reverse order of creation, and numbers say which that is."""
    async with living(subject) as sec:
        await _fill(sec, subject)
        for limit in LIMITS:
            sagas = await sec.listed(ListQuery(limit=limit, newest_first=True))
            expect(
                _ids(sagas), list(reversed(CREATED)), "the newest sagas come first, if asked for"
            )
            numbers = [saga.number for saga in sagas]
            falling = sorted(set(numbers), reverse=True)
            expect(numbers, falling, "of two sagas, the newer has the larger number")


@FILTERS.demand
async def sagas_of_one_batch_have_an_order(subject: Subject) -> None:
    """They were created at the same time, and a listing of the newest has each of them once."""
    async with living(subject) as sec:
        await sec.done(sec.create(IDS[5]))
        await sec.done(*[sec.create(each) for each in IDS if each != IDS[5]])
        for limit in LIMITS:
            found = _ids(await sec.listed(ListQuery(limit=limit, newest_first=True)))
            expect(sorted(found), IDS, "a listing of the newest has every saga once")
            expect(found[-1], IDS[5], "a saga of an earlier batch is older")


@FILTERS.demand
async def the_newest_of_those_that_match_may_come_first(subject: Subject) -> None:
    """The order holds with every filter, and a page is full while there is more."""
    async with living(subject) as sec:
        sagas = {saga.saga_id: saga for saga in await _fill(sec, subject)}
        middle = sagas[CREATED[MANY // 2]].times.created
        queries = (
            *(ListQuery(states={STUCK}), ListQuery(states={READY, FAILED}), ListQuery(states=())),
            *(ListQuery(name="tour"), ListQuery(states={STUCK, READY}, name="tour")),
            *(ListQuery(sec_name=SEC), ListQuery(created_since=middle)),
            ListQuery(created_until=middle),
        )
        for each in queries:
            wanted = [i for i in reversed(CREATED) if each.matches(sagas[i], SEC)]
            for limit in LIMITS:
                query = attrs.evolve(each, limit=limit, newest_first=True)
                expect(await sec.ids(query), wanted[:limit], "a page has the newest that match")
                found = _ids(await sec.listed(query))
                expect(found, wanted, "a listing of the newest has the sagas that match")


@FILTERS.demand
async def all_filters_hold_together(subject: Subject) -> None:
    """States, a name, an owner and ranges of times at once, in both orders."""
    async with living(subject) as sec:
        sagas = await _fill(sec, subject)
        times = sorted(saga.times.created for saga in sagas)
        query = ListQuery(
            limit=2,
            states={READY, RUNNING, SUCCEEDED, STUCK},
            name="trip",
            sec_name=SEC,
            created_since=times[1],
            progressed_until=max(saga.times.progressed for saga in sagas),
        )
        wanted = [saga for saga in sagas if query.matches(saga, SEC)]
        demand = "a list has the sagas that match all of its filters"
        expect(_ids(await sec.listed(query)), _ids(wanted), demand)
        newest = sorted(wanted, key=lambda saga: saga.number, reverse=True)
        query = attrs.evolve(query, newest_first=True)
        expect(_ids(await sec.listed(query)), _ids(newest), demand)
        query = attrs.evolve(query, sec_name=OTHER)
        expect(_ids(await sec.listed(query)), [], demand)


@FILTERS.demand
async def what_is_created_meanwhile_is_not_listed_among_the_older(subject: Subject) -> None:
    """A page that follows has older sagas only, and none is left out for a newer one."""
    async with living(subject) as sec:
        old, new = IDS[::2], list(IDS[1::2])
        for saga_id in old:
            await sec.done(sec.create(saga_id))
        query = ListQuery(limit=2, newest_first=True)
        found: list[SagaId] = []
        while page := await sec.session.list(query):
            found += _ids(list(page))
            query = query.following(page[-1])
            if new:
                await sec.done(sec.create(new.pop()))
        expect(found, old[::-1], "what exists throughout a listing of the newest is listed once")


@FILTERS.demand
async def a_page_follows_one_whose_last_saga_is_gone(subject: Subject) -> None:
    """Sagas are pruned while they are listed: in both orders, those that stay are listed once."""
    for newest_first in (False, True):
        async with living(subject) as sec:
            left = {saga.saga_id for saga in await sec.listed(ListQuery())}
            ids = [each for each in spread(29) if each not in left]
            for number, saga_id in enumerate(ids):
                await sec.done(sec.create(saga_id))
                if number % 3:
                    await sec.done(sec.record(saga_id, 0, 1, SUCCEEDED))
            left |= set(ids[::3])
            query = ListQuery(limit=2, newest_first=newest_first)
            found: list[SagaId] = []
            while page := await sec.session.list(query):
                expect_that(page[-1].saga_id not in found, "a listing comes to an end", page)
                found += _ids(list(page))
                query = query.following(page[-1])
                # All that were listed and have ended, and some that come later.
                await sec.session.prune(PruneQuery(timedelta(0), limit=3))
            stayed = [each for each in found if each in left]
            demand = "what exists throughout a listing is listed once, whatever was pruned"
            expect(sorted(stayed), sorted(left), demand)
