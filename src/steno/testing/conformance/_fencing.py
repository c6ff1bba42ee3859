"""Fencing: only the SEC instance that owns a saga can write to it."""

from __future__ import annotations

from datetime import timedelta
from itertools import permutations

from steno.errors import SagaIdInUse
from steno.store import Durable, Fence, Lost, PruneQuery, SagaWrite
from steno.testing.conformance._demand import Topic
from steno.testing.conformance._expect import expect, expect_rejected, expect_that
from steno.testing.conformance._life import DURABLE, OTHER, SEC, Life, living
from steno.testing.conformance._sample import (
    FAILED,
    NOWHERE,
    ODD_NAMES,
    ONE,
    PAUSED,
    RUNNING,
    STATES,
    STUCK,
    SUCCEEDED,
    THREE,
    TWO,
    UNWINDING,
    spread,
)
from steno.testing.conformance._subject import Subject

FENCING = Topic("fencing")


async def _again(sec: Life) -> Life:
    """Return a later instance of the same SEC."""
    return Life(sec.session, (await sec.session.take_over(sec.fence.sec_name)).fence)


@FENCING.demand
async def each_life_of_a_sec_has_a_generation_of_its_own(subject: Subject) -> None:
    """Whether or not it has sagas, and also when the store is opened again."""
    fences: list[Fence] = []
    for _ in range(3):
        async with living(subject) as sec:
            fences.append(sec.fence)
            fences.append((await _again(sec)).fence)
            other = await sec.session.take_over(OTHER)
            expect((other.fence.sec_name, other.claims), (OTHER, ()), "a SEC takes only its own")
    generations = [fence.generation for fence in fences]
    demand = "each time a SEC of a name is opened, its generation is raised"
    expect(generations, sorted(set(generations)), demand)
    expect({fence.sec_name for fence in fences}, {SEC}, "a SEC's fence has its name")


@FENCING.demand
async def a_sec_takes_over_its_own_unfinished_sagas(subject: Subject) -> None:
    """Including ready and quarantined sagas; not finished or paused ones, nor those of others."""
    async with living(subject) as sec:
        ids = spread(len(STATES))
        for saga_id, state in zip(ids, STATES, strict=True):
            await sec.done(sec.create(saga_id), sec.record(saga_id, 0, 1, state))
        await sec.done(sec.problem(ids[1], "its action is missing"), sec.create(TWO))
        theirs = await sec.claim(TWO, OTHER)
        taken = await sec.session.take_over(SEC)
        wanted = [each for each, state in zip(ids, STATES, strict=True) if state.is_taken_up]
        found = sorted(claim.saga_id for claim in taken.claims)
        demand = "a SEC takes over all of its unfinished sagas that are not paused, and no others"
        expect(found, wanted, demand)
        for claim in taken.claims:
            expect((await sec.load(claim.saga_id)).fence, claim.fence, "a claim is what is stored")
            raised = claim.fence.generation > sec.fence.generation
            expect_that(raised, "taking a saga over raises its generation", claim)
            expect(claim.fence.sec_name, SEC, "a SEC that takes a saga over becomes its owner")
        for saga_id in set(ids).difference(wanted):
            fence = (await sec.load(saga_id)).fence
            expect(fence, sec.fence, "what is finished, or paused, is not taken over")
        expect((await sec.load(TWO)).fence, theirs, "what another SEC has is not taken over")
        problem = (await sec.load(ids[1])).summary.problem
        expect(problem, "its action is missing", "taking over changes nothing but fences")


@FENCING.demand
async def many_sagas_are_taken_over_at_once(subject: Subject) -> None:
    """However many there are, all are taken over."""
    async with living(subject) as sec:
        ids = spread(1_200)
        await sec.done(*[sec.create(each) for each in ids])
        taken = await sec.session.take_over(SEC)
        found = sorted(claim.saga_id for claim in taken.claims)
        expect(found, ids, "a SEC takes over all of its unfinished sagas")
        fence = (await sec.load(ids[700])).fence
        fences = {claim.saga_id: claim.fence for claim in taken.claims}
        expect(fences[ids[700]], fence, "a claim is what is stored")
        late = await sec.do(*[sec.record(each, 0, 1) for each in ids])
        expect(set(late), {Lost(SEC)}, "what was taken over is lost to the earlier life")


@FENCING.demand
async def what_an_earlier_life_sends_late_is_lost(subject: Subject) -> None:
    """
    A record or a problem is refused and changes nothing; the answer names the current owner.

    So is a record that would leave a gap: it must not look like a fault of the store.
    """
    async with living(subject) as sec:
        await sec.done(sec.create(ONE), sec.record(ONE, 0, 1))
        again = await _again(sec)
        before = await sec.load(ONE)
        late: list[SagaWrite] = [
            sec.record(ONE, 1, 1),
            sec.record(ONE, 0, 1),
            sec.record(ONE, 1, 0, FAILED),
            sec.record(ONE, 5, 1),
            sec.record(ONE, 0, 0),
            sec.problem(ONE, "no"),
            sec.trial(ONE, passed=False),
            sec.trial(ONE, passed=True),
        ]
        demand = "what an earlier life sends late is lost, whatever it is, and its owner is named"
        expect(await sec.do(*late), [Lost(SEC)] * len(late), demand)
        expect(await sec.load(ONE), before, "a write that is lost changes nothing")
        fence = before.fence
        await again.done(again.record(ONE, 1, 1, FAILED, fence))
        expect(await sec.do(*late), [Lost(SEC)] * len(late), demand)


@FENCING.demand
async def a_fence_is_a_name_and_a_generation(subject: Subject) -> None:
    """A different generation or a different name must not write."""
    async with living(subject) as sec:
        await sec.done(sec.create(ONE))
        generation = sec.fence.generation
        wrong = [Fence(SEC, generation - 1), Fence(SEC, generation + 1), Fence(OTHER, generation)]
        wrong += [Fence(name, generation) for name in ("Sec", "sec ", "se%")]
        for fence in wrong:
            found = await sec.do(sec.record(ONE, 0, 1, FAILED, fence), sec.problem(ONE, "", fence))
            expect(
                found,
                [Lost(SEC)] * 2,
                f"only the owner of a saga's exact fence writes, not {fence}",
            )
        await sec.expect_log(ONE, 0, "a write that is lost changes nothing")
        await sec.done(sec.record(ONE, 0, 1))


@FENCING.demand
async def a_batch_is_fenced_saga_by_saga(subject: Subject) -> None:
    """A saga that was taken over is lost; the other writes of the batch are done."""
    async with living(subject) as sec:
        sagas = (ONE, TWO, THREE)
        await sec.done(*[sec.create(each) for each in sagas])
        await sec.claim(TWO, OTHER)
        for number, order in enumerate(permutations(sagas)):
            found = await sec.do(*[sec.record(each, number, 1) for each in order])
            wanted = [Lost(OTHER) if each == TWO else DURABLE for each in order]
            expect(found, wanted, "a saga that was taken over does not affect others in its batch")
        for each, count in ((ONE, 6), (TWO, 0), (THREE, 6)):
            await sec.expect_log(each, count, "the writes of a batch that are durable are done")


@FENCING.demand
async def a_saga_may_be_claimed(subject: Subject) -> None:
    """By any SEC, regardless of its owner; no other saga changes."""
    async with living(subject) as sec:
        await sec.done(sec.create(ONE), sec.create(TWO))
        old = sec.fence
        for name in (OTHER, SEC, SEC, *ODD_NAMES):
            fence = await sec.claim(ONE, name)
            found = await sec.do(*[sec.record(ONE, 0, 0, fence=each) for each in (old, fence)])
            demand = "the SEC that claims a saga writes to it, and its former owner does not"
            expect(found, [Lost(name), DURABLE], demand)
            old = fence
        expect((await sec.load(TWO)).fence, sec.fence, "a claim is of one saga")


@FENCING.demand
async def no_fence_comes_back(subject: Subject) -> None:
    """A saga that changes hands repeatedly, by claims and openings, gets a new fence each time."""
    async with living(subject) as sec:
        await sec.done(sec.create(ONE))
        fences, late = [sec.fence], sec.record(ONE, 0, 1, FAILED)
        for name in (OTHER, SEC, OTHER, SEC, SEC):
            fences.append(await sec.claim(ONE, name))
            taken = await sec.session.take_over(SEC)
            if taken.claims:
                fences.append(taken.claims[0].fence)
            owner = (await sec.load(ONE)).fence.sec_name
            expect(await sec.do(late), [Lost(owner)], "what was taken over stays lost")
        generations = [fence.generation for fence in fences]
        demand = "each change of hands raises a saga's generation"
        expect(generations, sorted(set(generations)), demand)


@FENCING.demand
async def what_is_finished_cannot_be_claimed(subject: Subject) -> None:
    """It has nothing left to run, and neither has a saga that does not exist."""
    async with living(subject) as sec:
        expect(await sec.session.claim(NOWHERE, SEC), None, "what is not there cannot be claimed")
        for saga_id, state in zip(spread(len(STATES)), STATES, strict=True):
            await sec.done(sec.create(saga_id), sec.record(saga_id, 0, 1, state))
            claim = await sec.session.claim(saga_id, OTHER)
            demand = f"whether a saga that is {state.value} can be claimed follows from its state"
            expect(claim is None, not state.can_go_on, demand)
            if claim is None:
                fence = (await sec.load(saga_id)).fence
                expect(fence, sec.fence, "what is finished keeps its fence")


@FENCING.demand
async def a_stuck_saga_can_go_on(subject: Subject) -> None:
    """Once it is claimed and does, it has no end; then it gets one again, and can be pruned."""
    async with living(subject) as sec:
        await sec.done(sec.create(ONE), sec.record(ONE, 0, 1, STUCK))
        fence = await sec.claim(ONE, SEC)
        first = (await sec.load(ONE)).summary.times.ended
        expect_that(first is not None, "a stuck saga has an end", first)
        repaired = sec.record(ONE, 1, 1, UNWINDING, fence)
        expect(await sec.do(repaired), [Durable()], "a stuck saga that was claimed can go on")
        summary = (await sec.load(ONE)).summary
        expect(summary.state, UNWINDING, "a saga goes on in the state recorded")
        expect(summary.times.ended, None, "a saga that goes on has no end")
        ended = sec.record(ONE, 2, 1, FAILED, fence)
        expect(await sec.do(ended), [Durable()], "a saga that was repaired ends")
        last = (await sec.load(ONE)).summary.times.ended
        expect_that(last is not None, "a saga that was repaired has an end", last)
        pruned = await sec.session.prune(PruneQuery(timedelta(0)))
        expect(list(pruned), [ONE], "a saga that was repaired and has ended can be pruned")


@FENCING.demand
async def a_saga_that_has_succeeded_can_be_unwound(subject: Subject) -> None:
    """Once it is claimed, and goes on, it has no end until it is unwound, nor is it pruned."""
    async with living(subject) as sec:
        await sec.finished(ONE, SUCCEEDED)
        fence = await sec.claim(ONE, SEC)
        first = (await sec.load(ONE)).summary.times.ended
        expect_that(first is not None, "a saga that is claimed has its end until it goes on", first)
        await sec.done(sec.record(ONE, 2, 1, UNWINDING, fence))
        summary = (await sec.load(ONE)).summary
        found = (summary.state, summary.times.ended)
        expect(found, (UNWINDING, None), "a saga that has succeeded may unwind, and has no end")
        pruned = await sec.session.prune(PruneQuery(timedelta(0)))
        expect(list(pruned), [], "a saga that unwinds is not pruned, though it had succeeded")
        taken = await sec.session.take_over(SEC)
        found_ids = [claim.saga_id for claim in taken.claims]
        expect(found_ids, [ONE], "a saga that unwinds is taken over, though it had succeeded")
        await sec.done(sec.record(ONE, 3, 1, FAILED, taken.claims[0].fence))
        last = (await sec.load(ONE)).summary.times.ended
        expect_that(last is not None, "a saga that was unwound has an end", last)


@FENCING.demand
async def a_paused_saga_is_left_alone_until_it_is_claimed(subject: Subject) -> None:
    """However often its SEC is opened. Then it goes on, and is taken over again."""
    async with living(subject) as sec:
        await sec.done(sec.create(ONE), sec.record(ONE, 0, 2, PAUSED))
        before = await sec.load(ONE)
        expect(before.summary.times.ended, None, "a paused saga has no end")
        for _ in range(2):
            await sec.session.take_over(SEC)
            expect(await sec.load(ONE), before, "a paused saga is not taken over")
        fence = await sec.claim(ONE, SEC)
        await sec.done(sec.record(ONE, 2, 1, RUNNING, fence))
        taken = await sec.session.take_over(SEC)
        found = [claim.saga_id for claim in taken.claims]
        expect(found, [ONE], "a saga that was paused, and goes on, is taken over")


@FENCING.demand
async def two_lives_cannot_create_the_same_saga(subject: Subject) -> None:
    """Even an identical one: no instance mistakes another's saga for its own."""
    async with living(subject) as sec:
        await sec.done(sec.create(ONE))
        again = await _again(sec)
        await sec.done(sec.create(TWO))
        await again.done(again.create(THREE))
        before = [await sec.load(each) for each in (ONE, TWO, THREE)]
        for write in (sec.create(ONE), again.create(TWO), sec.create(THREE)):
            (outcome,) = await sec.do(write)
            demand = "a saga of another instance is not mistaken for one's own"
            expect_rejected(outcome, SagaIdInUse, demand)
        after = [await sec.load(each) for each in (ONE, TWO, THREE)]
        expect(after, before, "a creation that is rejected changes nothing")


@FENCING.demand
async def what_an_earlier_life_creates_late_is_its_own(subject: Subject) -> None:
    """It has the earlier instance's fence, and the next instance takes it over."""
    async with living(subject) as sec:
        again = await _again(sec)
        await sec.done(sec.create(ONE))
        expect((await sec.load(ONE)).fence, sec.fence, "a saga begins with its creator's fence")
        (outcome,) = await again.do(again.record(ONE, 0, 1))
        expect(outcome, Lost(SEC), "a saga is written to by the life that has it, and by no other")
        expect(await sec.do(sec.record(ONE, 0, 1)), [Durable()], "a creator has its saga")
        taken = await again.session.take_over(SEC)
        found = [claim.saga_id for claim in taken.claims]
        expect(found, [ONE], "a later life takes over what earlier ones have left")
