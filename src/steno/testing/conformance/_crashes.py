"""Crashes: how many lives of its SEC a saga may have killed, counted as they begin."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager

import attrs

from steno.core import SagaId
from steno.store import Fence, Lost, SagaClaim
from steno.testing.conformance._demand import Topic
from steno.testing.conformance._expect import expect
from steno.testing.conformance._life import OTHER, SEC, Life, living
from steno.testing.conformance._sample import ONE, RUNNING, THREE, TWO, UNWINDING, spread
from steno.testing.conformance._subject import Subject

CRASHES = Topic("crashes")


@attrs.frozen
class _Life(Life):
    """
    One instance of a SEC, and what it took over.

    Attributes:
        claims: What it took over, by saga.
    """

    claims: dict[SagaId, SagaClaim]

    def fence_of(self, saga_id: SagaId) -> Fence:
        """Return the fence of a saga that was taken over."""
        return self.claims[saga_id].fence

    async def tried(self, *sagas: SagaId) -> None:
        """Mark sagas as tried in this life."""
        marks = [self.trial(each, passed=False, fence=self.fence_of(each)) for each in sagas]
        await self.done(*marks)


@asynccontextmanager
async def _life(subject: Subject, sec_name: str = SEC) -> AsyncGenerator[_Life, None]:
    """Open the store for one life of a SEC; it crashes in the end, unless it calls `leave`."""
    async with subject.store.open() as session:
        taken = await session.take_over(sec_name)
        yield _Life(session, taken.fence, {claim.saga_id: claim for claim in taken.claims})


async def _begun(subject: Subject, *sagas: SagaId) -> None:
    """Begin sagas, with an event each, in a life that crashes."""
    async with living(subject) as sec:
        await sec.done(*[sec.create(each, 1, RUNNING) for each in sagas])


async def _count(subject: Subject, saga_id: SagaId = ONE) -> int:
    """Return the count of a saga in the life that begins now, and crash."""
    async with _life(subject) as sec:
        return sec.claims[saga_id].crashes


async def _crashed(subject: Subject, count: int) -> None:
    """Try a saga in one life after the other, until so many of them have crashed."""
    await _begun(subject, ONE)
    for number in range(1, count):
        async with _life(subject) as sec:
            expect(sec.claims[ONE].crashes, number, "a life that crashes is counted")
            await sec.tried(ONE)


@CRASHES.demand
async def a_life_that_crashes_is_counted(subject: Subject) -> None:
    """For each saga by itself, from the life in which it was created on."""
    await _begun(subject, ONE, TWO)
    async with _life(subject) as sec:
        await sec.done(sec.create(THREE))
        counts = [sec.claims[each].crashes for each in (ONE, TWO)]
        expect(counts, [1, 1], "the life in which a saga was created counts if it crashes")
        await sec.done(sec.record(TWO, 1, 1, fence=sec.fence_of(TWO)))
    async with _life(subject) as sec:
        counts = [sec.claims[each].crashes for each in (ONE, TWO, THREE)]
        expect(counts, [2, 1, 1], "a life that crashes is counted for each saga by itself")


@CRASHES.demand
async def a_saga_that_is_tried_is_counted_on(subject: Subject) -> None:
    """Life after life; the mark may come twice, and changes nothing else."""
    await _begun(subject, ONE)
    for number in range(1, 9):
        async with _life(subject) as sec:
            demand = "a life in which a saga was tried is counted"
            expect(sec.claims[ONE].crashes, number, demand)
            before = await sec.load(ONE)
            await sec.tried(ONE, ONE)
            await sec.tried(ONE)
            expect(await sec.load(ONE), before, "a mark changes nothing that is loaded")


@CRASHES.demand
async def beyond_two_only_lives_in_which_it_was_tried_count(subject: Subject) -> None:
    """A mark is of one saga and of one life; without one the count stays as it is."""
    await _begun(subject, ONE, TWO)
    for wanted in (1, 2, 2, 2):
        expect(await _count(subject), wanted, "a saga that is not tried is counted twice at most")
    async with _life(subject) as sec:
        await sec.tried(ONE)
    async with _life(subject) as sec:
        counts = [sec.claims[each].crashes for each in (ONE, TWO)]
        expect(counts, [3, 2], "a saga is counted on only if it was tried itself")
    expect(await _count(subject), 3, "a mark is of one life")


@CRASHES.demand
async def a_new_event_begins_the_count_again(subject: Subject) -> None:
    """Only a new one: not a change of state, a problem, or an event that is sent again."""
    await _crashed(subject, 3)
    async with _life(subject) as sec:
        fence = sec.fence_of(ONE)
        again = sec.record(ONE, 0, 1, UNWINDING, fence)
        await sec.done(sec.trial(ONE, passed=False, fence=fence), again)
        await sec.done(sec.problem(ONE, "it is odd", fence))
    async with _life(subject) as sec:
        expect(sec.claims[ONE].crashes, 4, "what is not a new event does not begin the count again")
        await sec.tried(ONE)
        await sec.done(sec.record(ONE, 1, 1, fence=sec.fence_of(ONE)))
    expect(await _count(subject), 1, "a new event begins the count again")
    expect(await _count(subject), 2, "an event of an earlier life is not new")


@CRASHES.demand
async def a_life_that_was_left_normally_is_not_counted(subject: Subject) -> None:
    """And begins the count again, also of sagas that have new events."""
    await _crashed(subject, 3)
    async with _life(subject) as sec:
        await sec.tried(ONE)
        await sec.done(sec.create(TWO))
        await sec.session.leave(sec.fence)
        await sec.session.leave(sec.fence)
    async with _life(subject) as sec:
        counts = [sec.claims[each].crashes for each in (ONE, TWO)]
        expect(counts, [0, 0], "a life that was left normally begins the count again")
    expect(await _count(subject), 1, "that a life was left says nothing of the next one")


@CRASHES.demand
async def leaving_is_of_one_life_of_one_sec(subject: Subject) -> None:
    """A late call of an earlier life changes nothing, nor does one of another SEC."""
    await _crashed(subject, 3)
    async with _life(subject) as sec:
        late = Fence(SEC, sec.fence.generation - 1)
        for fence in (late, Fence(SEC, sec.fence.generation + 1), Fence(OTHER, 1)):
            await sec.session.leave(fence)
        await sec.tried(ONE)
    expect(await _count(subject), 4, "only the present life of a SEC can be left")


@CRASHES.demand
async def a_saga_that_has_passed_begins_again(subject: Subject) -> None:
    """It was loaded for a while, so a later crash is the first; others are counted on."""
    await _crashed(subject, 2)
    async with living(subject) as sec:
        await sec.done(sec.create(TWO))
    async with _life(subject) as sec:
        await sec.tried(ONE)
        await sec.done(sec.trial(ONE, passed=True, fence=sec.fence_of(ONE)))
    async with _life(subject) as sec:
        counts = [sec.claims[each].crashes for each in (ONE, TWO)]
        expect(counts, [1, 2], "the count of a saga that has passed begins again, and no other's")


@CRASHES.demand
async def a_claim_begins_the_count_again(subject: Subject) -> None:
    """Of the saga that is claimed, as an operator does after finding out why it crashed."""
    await _crashed(subject, 3)
    async with _life(subject) as sec:
        await sec.tried(ONE)
        claim = await sec.session.claim(ONE, SEC)
        crashes = None if claim is None else claim.crashes
        expect(crashes, 0, "the count of a saga that is claimed begins again")
    expect(await _count(subject), 1, "the count of a saga that was claimed begins again")


@CRASHES.demand
async def a_trial_is_fenced(subject: Subject) -> None:
    """What an earlier life says late is lost, and changes no count."""
    await _crashed(subject, 3)
    async with _life(subject) as sec:
        fence = sec.fence_of(ONE)
        late = Fence(SEC, fence.generation - 1)
        marks = [sec.trial(ONE, passed=passed, fence=late) for passed in (False, True)]
        expect(await sec.do(*marks), [Lost(SEC)] * 2, "a trial of an earlier life is lost")
    expect(await _count(subject), 3, "a trial that is lost changes no count")


@CRASHES.demand
async def the_lives_of_a_sec_count_for_its_own_sagas(subject: Subject) -> None:
    """Opening another SEC counts nothing, and a SEC without an earlier life has had no crash."""
    async with living(subject) as sec:
        await sec.done(*[sec.create(each, 1, RUNNING) for each in spread(20)])
        theirs, *ours = spread(20)
        await sec.claim(theirs, OTHER)
    async with _life(subject, OTHER) as other:
        crashes = other.claims[theirs].crashes
        expect(crashes, 0, "a SEC without an earlier life has had no crash")
    async with _life(subject, OTHER) as other:
        expect(other.claims[theirs].crashes, 1, "a SEC counts the lives of its own")
    async with _life(subject) as sec:
        counts = {sec.claims[each].crashes for each in ours}
        expect(counts, {1}, "the lives of another SEC are not counted")
