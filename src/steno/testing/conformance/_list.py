"""Listing: pages of sagas, in the order of their ids."""

from __future__ import annotations

from collections.abc import Sequence

import attrs
import trio

from steno.core import SagaCachedState, SagaId, SagaName
from steno.store import ListQuery, SagaSummary
from steno.testing.conformance._demand import Topic
from steno.testing.conformance._expect import expect, expect_that
from steno.testing.conformance._life import Life, living
from steno.testing.conformance._sample import (
    FAILED,
    ODD_NAMES,
    READY,
    RUNNING,
    STATES,
    STUCK,
    SUCCEEDED,
    UNWINDING,
    spread,
)
from steno.testing.conformance._subject import Subject

LIST = Topic("list")

MANY = 17
LIMITS = (1, 2, 5, MANY, 100)
IDS = spread(MANY)


def _state(number: int) -> SagaCachedState:
    return STATES[number % len(STATES)]


def _name(number: int) -> str:
    return "tour" if number % 3 == 0 else "trip"


async def _fill(sec: Life) -> None:
    """Create sagas in a mixed order, with states in turn, and every third with another name."""
    await trio.lowlevel.checkpoint()
    for number in sorted(range(MANY), key=lambda n: n * 7 % MANY):
        write = attrs.evolve(sec.create(IDS[number]), saga_name=SagaName(_name(number)))
        await sec.done(write, sec.record(IDS[number], 0, 1, _state(number)))


def _in(state: SagaCachedState) -> ListQuery:
    return ListQuery(states={state})


def _ids(summaries: Sequence[SagaSummary]) -> list[SagaId]:
    return [summary.saga_id for summary in summaries]


@LIST.demand
async def every_saga_is_listed_once_in_the_order_of_ids(subject: Subject) -> None:
    """For any order of creation and any page size; an empty page is the end."""
    async with living(subject) as sec:
        await _fill(sec)
        for limit in LIMITS:
            demand = f"a listing in pages of {limit} has every saga once, in the order of ids"
            expect(_ids(await sec.pages(limit)), IDS, demand)


@LIST.demand
async def a_page_is_full_while_there_is_more(subject: Subject) -> None:
    """With filters too: a short page would be mistaken for the last."""
    async with living(subject) as sec:
        await _fill(sec)
        chosen = {READY, STUCK}
        matching = [IDS[n] for n in range(MANY) if _state(n) in chosen]
        for limit in range(1, MANY + 1):
            found = await sec.ids(ListQuery(limit=limit))
            expect(found, IDS[:limit], "a page is full while there is more")
            found = await sec.ids(ListQuery(None, limit, chosen))
            expect(found, matching[:limit], "a page of some states is full while there is more")


@LIST.demand
async def a_list_may_be_of_some_states(subject: Subject) -> None:
    """Of one, of several, of none at all."""
    async with living(subject) as sec:
        await _fill(sec)
        choices = [{state} for state in STATES]
        choices += [{READY, STUCK}, set(STATES), set[SagaCachedState]()]
        for chosen in choices:
            wanted = [IDS[n] for n in range(MANY) if _state(n) in chosen]
            for limit in LIMITS:
                found = _ids(await sec.pages(limit, chosen))
                expect(found, wanted, f"a list has the sagas in one of the states {chosen}")


@LIST.demand
async def a_list_may_be_of_one_name(subject: Subject) -> None:
    """That exact name: it is not a pattern, and other spellings do not match."""
    async with living(subject) as sec:
        ids = spread(2 * len(ODD_NAMES))
        for saga_id, name in zip(ids, ODD_NAMES * 2, strict=True):
            await sec.done(attrs.evolve(sec.create(saga_id), saga_name=SagaName(name)))
        for number, name in enumerate(ODD_NAMES):
            found = _ids(await sec.pages(1, None, name))
            wanted = [ids[number], ids[number + len(ODD_NAMES)]]
            expect(found, wanted, f"a list has the sagas of the name {name!r}, and no others")
        found = _ids(await sec.pages(5, None, "none of this name"))
        expect(found, [], "a list of a name that no saga has is empty")


@LIST.demand
async def filters_hold_together(subject: Subject) -> None:
    """A marker, states and a name at once."""
    async with living(subject) as sec:
        await _fill(sec)
        chosen = {READY, RUNNING, SUCCEEDED}
        wanted = [IDS[n] for n in range(MANY) if _state(n) in chosen and _name(n) == "tour"]
        for limit in LIMITS:
            found = _ids(await sec.pages(limit, chosen, "tour"))
            expect(found, wanted, "a list has the sagas that match all of its filters")


@LIST.demand
async def a_state_that_has_changed_is_listed_as_it_is_now(subject: Subject) -> None:
    """A saga is listed under its current state, and no longer under the previous one."""
    async with living(subject) as sec:
        for saga_id, end in zip(IDS, (SUCCEEDED, FAILED, STUCK), strict=False):
            await sec.done(sec.create(saga_id))
            for number, state in enumerate((READY, RUNNING, UNWINDING, end)):
                await sec.done(sec.record(saga_id, number, 1, state))
                found = [each for each in STATES if saga_id in await sec.ids(_in(each))]
                expect(found, [state], "a list uses the current state")


@LIST.demand
async def a_marker_need_not_be_a_saga(subject: Subject) -> None:
    """A page begins after it, even if no saga has that id, or it does not match."""
    async with living(subject) as sec:
        await sec.done(*[sec.create(IDS[n]) for n in (2, 4, 6)])
        demand = "a page begins after its marker, whether that is a saga or not"
        after = {0: [2, 4, 6], 1: [2, 4, 6], 2: [4, 6], 3: [4, 6], 4: [6], 5: [6], 6: [], 7: []}
        for marker, wanted in after.items():
            found = await sec.ids(ListQuery(IDS[marker]))
            expect(found, [IDS[n] for n in wanted], demand)
        await sec.done(sec.record(IDS[4], 0, 0, SUCCEEDED))
        expect(await sec.ids(ListQuery(IDS[4], 9, {READY})), [IDS[6]], demand)


@LIST.demand
async def what_is_there_all_along_is_listed_once(subject: Subject) -> None:
    """Sagas created between two pages, before and after the marker, do not affect others."""
    async with living(subject) as sec:
        ids = spread(41)
        old = ids[::5]
        await sec.done(*[sec.create(each) for each in old])
        found: list[SagaId] = []
        while page := await sec.ids(ListQuery(found[-1] if found else None, 2)):
            expect_that(page[-1] not in found, "a listing comes to an end", page)
            found += page
            last = ids.index(page[-1])
            new = [ids[n] for n in (last - 2, last + 2) if 0 < n < len(ids)]
            await sec.done(*[sec.create(each) for each in new if each not in old])
        expect(found, sorted(set(found)), "a listing has no saga twice, and keeps its order")
        missing = sorted(set(old).difference(found))
        expect(missing, [], "what exists throughout a listing is in one of its pages")


@LIST.demand
async def a_list_shows_what_load_shows(subject: Subject) -> None:
    """Both have the same summary of a saga."""
    async with living(subject) as sec:
        await _fill(sec)
        await sec.done(sec.problem(IDS[0], "its action is missing"))
        for summary in await sec.session.list(ListQuery()):
            stored = await sec.load(summary.saga_id)
            expect(summary, stored.summary, "a list has the summary that load gives")
