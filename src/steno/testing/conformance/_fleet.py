"""Fleets: SECs that share a store, their leases, and who takes over what they have left."""

from __future__ import annotations

import inspect
from collections import Counter
from collections.abc import AsyncGenerator, Callable
from contextlib import asynccontextmanager
from datetime import timedelta

import attrs
import trio

from steno.core import JsonText, SagaId
from steno.store import Fence, Fleet, Lost, fleet_of
from steno.testing.conformance._demand import Topic
from steno.testing.conformance._expect import expect, expect_that
from steno.testing.conformance._life import DURABLE, Life
from steno.testing.conformance._sample import ONE, PAUSED, STATES, THREE, TWO, spread
from steno.testing.conformance._subject import Subject, needed

FLEET = Topic("fleet")

LEASE = timedelta(hours=1)
"""Longer than any test: a lease ends when the subject is told to end it."""


@attrs.frozen
class _Member(Life):
    """A SEC that has joined."""

    fleet: Fleet

    async def again(self, name: str) -> _Member:
        """Return a life of another SEC, or a later one of this, in the same session."""
        fence = await self.fleet.join(name, lease=LEASE, build="1.0")
        return _Member(self.session, fence, self.fleet)

    async def expect_alive(self, demand: str) -> None:
        """Demand that its life can be renewed."""
        renewed = await self.fleet.renew(self.fence, lease=LEASE)
        expect_that(renewed, demand, renewed)

    async def expect_over(self, demand: str) -> None:
        """Demand that its life cannot be renewed."""
        renewed = await self.fleet.renew(self.fence, lease=LEASE)
        expect_that(not renewed, demand, renewed)

    async def took(self, limit: int = 100, graphs: set[str] | None = None) -> dict[SagaId, Fence]:
        """Claim orphans, and return their fences."""
        claims = await self.fleet.claim(self.fence, limit=limit, graphs=graphs)
        expect_that(len(claims) <= limit, f"a claim gives at most {limit} sagas", claims)
        return {claim.saga_id: claim.fence for claim in claims}


@asynccontextmanager
async def _joined(subject: Subject, name: str = "a") -> AsyncGenerator[_Member, None]:
    """Open the store for a SEC that joins."""
    async with subject.store.open() as session:
        fleet = needed(fleet_of(session), "fleet")
        fence = await fleet.join(name, lease=LEASE, build="1.0")
        yield _Member(session, fence, fleet)


def _lapse(subject: Subject) -> Callable[[Fence], object]:
    return needed(subject.lapse, "lapse")


# Leases


@FLEET.demand
async def each_life_that_joins_has_a_generation_of_its_own(subject: Subject) -> None:
    """Above all that were before, whether they joined or took over."""
    fences: list[Fence] = []
    async with _joined(subject) as sec:
        fences.append(sec.fence)
        fences.append((await sec.session.take_over("a")).fence)
        fences.append((await sec.again("a")).fence)
        fences.append((await sec.session.take_over("a")).fence)
    generations = [fence.generation for fence in fences]
    demand = "each life of a SEC has a generation of its own, and they rise"
    expect(generations, sorted(set(generations)), demand)
    expect({fence.sec_name for fence in fences}, {"a"}, "a life has the name of its SEC")


@FLEET.demand
async def a_lease_is_renewed_until_it_has_ended(subject: Subject) -> None:
    """Then the life is over for good."""
    lapse = _lapse(subject)
    async with _joined(subject) as sec:
        for _ in range(3):
            await sec.expect_alive("a life that lasts is renewed")
        lapse(sec.fence)
        for _ in range(2):
            await sec.expect_over("a life that has ended is not renewed")
        never = attrs.evolve(sec, fence=Fence("never", 1))
        await never.expect_over("who never joined has no lease")


@FLEET.demand
async def joining_again_ends_the_life_before(subject: Subject) -> None:
    """Its sagas are orphans; nothing is taken over by joining."""
    async with _joined(subject) as sec:
        await sec.done(sec.create(ONE))
        again = await sec.again("a")
        expect((await sec.load(ONE)).fence, sec.fence, "joining takes nothing over")
        await sec.expect_over("a life ends when its SEC joins again")
        expect(set(await again.took()), {ONE}, "what a life has left is an orphan")


@FLEET.demand
async def a_lease_does_not_depend_on_the_clock_of_a_sec(subject: Subject) -> None:
    """Machines disagree about the time; only the store's own counts."""
    advance = needed(subject.advance, "advance")
    async with _joined(subject) as sec:
        other = await sec.again("b")
        await sec.done(sec.create(ONE))
        for by in (timedelta(days=1), timedelta(days=-2)):
            advance(by)
            demand = "a lease lasts, whatever the clock says with which rows are stamped"
            expect(await other.took(), {}, demand)
            await sec.expect_alive(demand)


# Claims


@FLEET.demand
async def what_a_life_has_left_is_taken_over(subject: Subject) -> None:
    """By one that lives, with a new fence; what the former owner sends late is lost."""
    lapse = _lapse(subject)
    async with _joined(subject) as sec:
        other = await sec.again("b")
        await sec.done(sec.create(ONE), sec.record(ONE, 0, 1))
        expect(await other.took(), {}, "the sagas of a life that lasts are not orphans")
        lapse(sec.fence)
        found = await other.took()
        expect(set(found), {ONE}, "the sagas of a life that has ended are orphans")
        stored = (await sec.load(ONE)).fence
        expect(found[ONE], stored, "a claim is what is stored")
        expect(stored.sec_name, "b", "a SEC that claims a saga becomes its owner")
        raised = stored.generation > sec.fence.generation
        expect_that(raised, "a claim raises the generation of a saga", stored)
        late = await sec.do(sec.record(ONE, 1, 1))
        expect(late, [Lost("b")], "what a former owner sends late is lost")
        await other.done(other.record(ONE, 1, 1, fence=stored))
        expect(await other.took(), {}, "what was claimed is no longer an orphan")


@FLEET.demand
async def no_fence_of_an_orphan_comes_back(subject: Subject) -> None:
    """However often a saga changes hands, and whatever the generations of the SECs."""
    lapse = _lapse(subject)
    async with _joined(subject) as sec:
        await sec.done(sec.create(ONE))
        fences, owner = [sec.fence], sec
        for name in ("b", "a", "b", "b"):
            lapse(owner.fence)
            owner = await owner.again(name)
            fences.append((await owner.took())[ONE])
        generations = [fence.generation for fence in fences]
        demand = "each change of hands raises a saga's generation"
        expect(generations, sorted(set(generations)), demand)


@FLEET.demand
async def a_life_that_has_ended_claims_nothing(subject: Subject) -> None:
    """It would keep the sagas from those that live."""
    lapse = _lapse(subject)
    async with _joined(subject) as sec:
        other = await sec.again("b")
        await sec.done(sec.create(ONE))
        lapse(sec.fence)
        expect(await sec.took(), {}, "a life that has ended claims nothing")
        never = attrs.evolve(sec, fence=Fence("never", 1))
        expect(await never.took(), {}, "who never joined claims nothing")
        expect(set(await other.took()), {ONE}, "an orphan waits for a life that lasts")


@FLEET.demand
async def only_what_goes_on_by_itself_is_an_orphan(subject: Subject) -> None:
    """Not what is finished, and not what is paused."""
    async with _joined(subject) as sec:
        other = await sec.again("b")
        ids = spread(len(STATES))
        for saga_id, state in zip(ids, STATES, strict=True):
            await sec.done(sec.create(saga_id), sec.record(saga_id, 0, 1, state))
        await sec.fleet.leave(sec.fence)
        wanted = {each for each, state in zip(ids, STATES, strict=True) if state.is_taken_up}
        demand = f"all sagas that go on by themselves are orphans, and no others, as {PAUSED.value}"
        expect(set(await other.took()), wanted, demand)


@FLEET.demand
async def orphans_are_claimed_in_batches(subject: Subject) -> None:
    """Each of several SECs that claim at once gets sagas of its own, and none is left."""
    taken: list[set[SagaId]] = []

    async def take(sec: _Member) -> None:
        await trio.lowlevel.checkpoint()
        while found := await sec.took(limit=7):
            taken.append(set(found))

    async with _joined(subject) as sec:
        others = [await sec.again(name) for name in ("b", "c", "d")]
        ids = spread(60)
        await sec.done(*[sec.create(each) for each in ids])
        await sec.fleet.leave(sec.fence)
        taken.append(set(await others[0].took(limit=7)))
        async with trio.open_nursery() as nursery:
            for other in others:
                nursery.start_soon(take, other)
        # One that passed over what another had locked may have come too early for the rest.
        await take(others[0])
        expect(sum(map(len, taken)), len(ids), "no orphan is claimed by two")
        expect(set[SagaId]().union(*taken), set(ids), "every orphan is claimed")
        for saga_id in ids:
            owner = (await sec.load(saga_id)).fence.sec_name
            expect_that(owner in {"b", "c", "d"}, "an orphan belongs to who claimed it", owner)


@FLEET.demand
async def a_sec_claims_only_what_it_can_run(subject: Subject) -> None:
    """It says which graphs; the store says which there are, and how many orphans of each."""
    async with _joined(subject) as sec:
        other = await sec.again("b")
        await sec.done(
            attrs.evolve(sec.create(ONE), dag_digest="new", dag_text=JsonText('{"a":"new graph"}')),
            *[sec.create(each) for each in (TWO, THREE)],
        )
        expect(await sec.fleet.orphans(), [], "the sagas of a life that lasts are not orphans")
        await sec.fleet.leave(sec.fence)
        found = {each.digest: (each.text, each.count) for each in await sec.fleet.orphans()}
        wanted = {"digest": ('{"a":"graph"}', 2), "new": ('{"a":"new graph"}', 1)}
        expect(found, wanted, "the graphs of orphans are told, with how many there are")
        expect(await other.took(graphs=set()), {}, "who can run nothing claims nothing")
        expect(
            set(await other.took(graphs={"digest"})), {TWO, THREE}, "a SEC claims what it can run"
        )
        left = [each.digest for each in await other.fleet.orphans()]
        expect(left, ["new"], "what nobody could run stays an orphan")
        expect(set(await other.took(graphs={"new", "more"})), {ONE}, "a SEC claims what it can run")


@FLEET.demand
async def what_a_life_that_has_ended_creates_late_is_found(subject: Subject) -> None:
    """It was accepted, so somebody has to run it."""
    lapse = _lapse(subject)
    async with _joined(subject) as sec:
        other = await sec.again("b")
        await sec.done(sec.create(ONE))
        lapse(sec.fence)
        await other.took()
        await sec.done(sec.create(TWO))
        expect(set(await other.took()), {TWO}, "what is created late is an orphan")


@FLEET.demand
async def who_has_not_joined_loses_nothing(subject: Subject) -> None:
    """A SEC that was opened without a lease has none that could end."""
    async with _joined(subject) as sec:
        taken = await sec.session.take_over("fixed")
        fixed = Life(sec.session, taken.fence)
        await fixed.done(fixed.create(ONE))
        await sec.done(sec.create(TWO))
        await sec.session.claim(TWO, "fixed")
        await sec.fleet.leave(sec.fence)
        other = await sec.again("b")
        expect(await other.took(), {}, "the sagas of a SEC that did not join are not orphans")
        await sec.session.take_over("fixed")
        expect(await other.took(), {}, "the sagas of a SEC that did not join are not orphans")


@FLEET.demand
async def what_is_claimed_by_its_id_is_left_to_its_owner(subject: Subject) -> None:
    """It belongs to the life that claimed it, and is an orphan once that has ended."""
    async with _joined(subject) as sec:
        await sec.done(sec.create(ONE))
        await sec.again("b")  # so that the next one has another generation than the saga's owner
        other = await sec.again("b")
        await other.claim(ONE, "b")
        await sec.fleet.leave(sec.fence)
        third = await sec.again("c")
        expect(await third.took(), {}, "a saga that was claimed has an owner that lives")
        await other.fleet.leave(other.fence)
        expect(set(await third.took()), {ONE}, "a saga that was claimed is left by its new owner")


# Leaving and crashing


@FLEET.demand
async def a_life_that_was_left_has_not_crashed(subject: Subject) -> None:
    """Those that were cut off have, and are counted as by a take-over."""
    lapse = _lapse(subject)
    async with _joined(subject) as owner:
        await owner.done(owner.create(ONE))
        counts: list[int] = []
        # How each life ends; a life counts beyond the second only if the saga was tried in it.
        for number, end in enumerate([lapse] * 4 + [owner.fleet.leave, lapse]):
            ended = end(owner.fence)
            if inspect.isawaitable(ended):
                await ended
            owner = await owner.again(f"sec {number}")  # noqa: PLW2901 - the next one
            (claim,) = await owner.fleet.claim(owner.fence, limit=1)
            counts.append(claim.crashes)
            await owner.done(owner.trial(ONE, passed=False, fence=claim.fence))
        demand = "lives that were cut off are counted, and one that was left begins the count again"
        expect(counts, [1, 2, 3, 4, 0, 1], demand)


@FLEET.demand
async def leaving_gives_back_at_once(subject: Subject) -> None:
    """And only once: a later life of that name is not ended by an earlier one that leaves."""
    async with _joined(subject) as sec:
        await sec.done(sec.create(ONE))
        await sec.fleet.leave(sec.fence)
        await sec.expect_over("a life that was left is over")
        again = await sec.again("a")
        expect(set(await again.took()), {ONE}, "what was left is claimed at once")
        await sec.fleet.leave(sec.fence)
        await again.expect_alive("an earlier life that leaves does not end a later one")


# Looking


@FLEET.demand
async def the_secs_are_told(subject: Subject) -> None:
    """Those that live, and those whose sagas nobody has taken over yet."""
    lapse = _lapse(subject)
    async with _joined(subject) as sec:
        other = await sec.again("b")
        await sec.done(*[sec.create(each) for each in (ONE, TWO)])
        lapse(sec.fence)
        told = await sec.fleet.secs()
        wanted = [sec.fence, other.fence]
        expect([each.fence for each in told], wanted, "the SECs are told by name")
        dead, alive = told
        expect([dead.lives, alive.lives], [False, True], "it is told which of them live")
        expect([dead.running, alive.running], [2, 0], "it is told how many sagas they have")
        expect({dead.build, alive.build}, {"1.0"}, "it is told what they run")
        left = timedelta(0) < alive.lease_left <= LEASE
        expect_that(left, "it is told how long a lease lasts", alive.lease_left)
        expect(alive.joined.utcoffset(), timedelta(0), "it is told in UTC when a SEC has joined")
        await other.took()
        found = [each.fence for each in await other.fleet.secs()]
        expect(found, [other.fence], "who has ended and left nothing is not told")


@FLEET.demand
async def many_claim_while_batches_are_written(subject: Subject) -> None:
    """Renewals and claims go on beside them, and every write is durable or lost."""
    ids = spread(20)
    async with _joined(subject) as sec:
        other = await sec.again("b")
        await sec.done(*[sec.create(each) for each in ids])
        await sec.fleet.leave(sec.fence)
        claimed: dict[SagaId, Fence] = {}
        written: Counter[SagaId] = Counter()

        async def claim() -> None:
            await trio.lowlevel.checkpoint()
            for _ in range(50):
                claimed.update(await other.took(limit=3))

        async with trio.open_nursery() as nursery:
            nursery.start_soon(claim)
            for number in range(10):
                outcomes = await sec.do(*[sec.record(each, number, 1) for each in ids])
                good = set(outcomes) <= {DURABLE, Lost("b")}
                expect_that(good, "a write is durable, or lost to who has claimed", outcomes)
                written.update(
                    each for each, outcome in zip(ids, outcomes, strict=True) if outcome == DURABLE
                )
        claimed.update(await other.took())
        expect(set(claimed), set(ids), "every orphan is claimed")
        for saga_id, fence in claimed.items():
            expect((await sec.load(saga_id)).fence, fence, "a claim is what is stored")
            await sec.expect_log(saga_id, written[saga_id], "what was durable is there")
