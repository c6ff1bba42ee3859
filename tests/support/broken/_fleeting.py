"""Stores whose fleet has a fault: leases that do not hold, and claims that go wrong."""

import copy
from datetime import timedelta

import trio

from steno.core import SagaCachedState
from steno.store import Fence, SagaClaim
from steno.stores._memory_fleet import InMemoryFleet, MemoryFleet
from support.broken._registry import caught_by
from support.hooked import HookedSession, HookedStore


class FleetStore(HookedStore):
    """A store with a fleet of its own."""

    Members: type[MemoryFleet] = MemoryFleet

    def __init__(self):
        super().__init__()
        self.fleet = self.Members(self._rows, self._graphs, self.begin, self._clock)

    def begin(self, sec_name):
        return self._begin(sec_name)


# Leases


@caught_by("fleet: each life that joins has a generation of its own")
class JoinsAgainAsBefore(FleetStore):
    def begin(self, sec_name):
        return Fence(sec_name, self._generations.setdefault(sec_name, 1))


@caught_by("fleet: a lease is renewed until it has ended", "fleet: leaving gives back at once")
class RenewsWhatHasEnded(FleetStore):
    class Members(MemoryFleet):
        def renew(self, fence, lease):
            if fence in self.lives:
                self.lives[fence].end = self.now() + lease.total_seconds()
            return fence in self.lives


@caught_by("fleet: a lease is renewed until it has ended")
class RenewsWhoNeverJoined(FleetStore):
    class Members(MemoryFleet):
        def renew(self, fence, lease):
            return super().renew(fence, lease) or fence not in self.lives


@caught_by("fleet: a lease is renewed until it has ended")
class NeverRenews(FleetStore):
    class Members(MemoryFleet):
        def renew(self, fence, lease):
            return False


@caught_by("fleet: joining again ends the life before")
class KeepsEarlierLives(FleetStore):
    class Members(MemoryFleet):
        def join(self, sec_name, lease, build):
            ends = {fence: life.end for fence, life in self.lives.items()}
            fence = super().join(sec_name, lease, build)
            for earlier, end in ends.items():
                self.lives[earlier].end = end
            return fence


@caught_by("fleet: a lease does not depend on the clock of a sec")
class TellsLeasesByTheClockOfRows(FleetStore):
    class Members(MemoryFleet):
        def now(self):
            return self._clock().timestamp()


# Claims


@caught_by("fleet: what a life has left is taken over")
class TakesOverTheLiving(FleetStore):
    class Members(MemoryFleet):
        def orphaned(self):
            return (row for row in self.rows.values() if row.life in self.lives)


@caught_by("fleet: what a life has left is taken over")
class TakesOverNothing(FleetStore):
    class Members(MemoryFleet):
        def orphaned(self):
            return iter(())


@caught_by("fleet: what a life has left is taken over")
class ClaimsWithoutANewGeneration(FleetStore):
    class Members(MemoryFleet):
        def give(self, row, fence):
            row.life = fence
            row.fence = Fence(fence.sec_name, row.fence.generation)
            return SagaClaim(row.saga_id, row.fence, row.crashes)


@caught_by("fleet: no fence of an orphan comes back")
class ClaimsWithTheFenceOfTheSec(FleetStore):
    class Members(MemoryFleet):
        def give(self, row, fence):
            row.life = row.fence = fence
            return SagaClaim(row.saga_id, fence, row.crashes)


@caught_by("fleet: a life that has ended claims nothing")
class ClaimsForTheDead(FleetStore):
    class Members(MemoryFleet):
        def claim(self, fence, limit, graphs):
            claims = [self.give(row, fence) for row in list(self.orphaned())[:limit]]
            return claims if graphs is None else super().claim(fence, limit, graphs)


@caught_by("fleet: only what goes on by itself is an orphan")
class GivesPausedSagas(FleetStore):
    class Members(MemoryFleet):
        def orphaned(self):
            yield from super().orphaned()
            for row in self.rows.values():
                if row.state is SagaCachedState.PAUSED and not self.is_alive(row.life):
                    yield row


@caught_by("fleet: orphans are claimed in batches")
class ClaimsWithoutALimit(FleetStore):
    class Members(MemoryFleet):
        def claim(self, fence, limit, graphs):
            return super().claim(fence, 1_000_000, graphs)


@caught_by("fleet: orphans are claimed in batches")
class TellsOfAPartOfABatch(FleetStore):
    class Members(MemoryFleet):
        def claim(self, fence, limit, graphs):
            return super().claim(fence, limit, graphs)[: max(1, limit // 2)]


@caught_by("fleet: a sec claims only what it can run")
class ClaimsAnyGraph(FleetStore):
    class Members(MemoryFleet):
        def claim(self, fence, limit, graphs):
            return super().claim(fence, limit, None)


@caught_by("fleet: a sec claims only what it can run")
class TellsNoGraphs(FleetStore):
    class Members(MemoryFleet):
        def orphans(self):
            return []


@caught_by("fleet: what a life that has ended creates late is found")
class ForgetsTheDead(FleetStore):
    class Members(MemoryFleet):
        def claim(self, fence, limit, graphs):
            claims = super().claim(fence, limit, graphs)
            self.lives = {each: life for each, life in self.lives.items() if self.is_alive(each)}
            return claims


@caught_by("fleet: who has not joined loses nothing")
class TakesOverWhoHasNotJoined(FleetStore):
    class Members(MemoryFleet):
        def orphaned(self):
            for row in self.rows.values():
                if row.state.is_taken_up and not self.is_alive(row.life):
                    yield row

        def claim(self, fence, limit, graphs):
            for row in self.rows.values():
                if row.life not in self.lives:
                    self.lives[row.life] = copy.copy(self.lives[fence])
                    self.lives[row.life].end = 0.0
            return super().claim(fence, limit, graphs)


@caught_by("fleet: what is claimed by its id is left to its owner")
class LeavesWhatIsClaimedToItsFormerOwner(FleetStore):
    def claim(self, saga_id, sec_name):
        life = self._rows[saga_id].life
        claim = super().claim(saga_id, sec_name)
        self._rows[saga_id].life = life
        return claim


# Leaving and crashing


@caught_by("fleet: a life that was left has not crashed")
class CountsLeavingAsACrash(FleetStore):
    class Members(MemoryFleet):
        def leave(self, fence):
            self.lapse(fence)


@caught_by("fleet: a life that was left has not crashed")
class CountsNoCrashes(FleetStore):
    class Members(MemoryFleet):
        def give(self, row, fence):
            row.crashes = 0
            return super().give(row, fence)


@caught_by("fleet: leaving gives back at once")
class LeavesByWaiting(FleetStore):
    class Members(MemoryFleet):
        def leave(self, fence):
            pass


@caught_by("fleet: leaving gives back at once")
class LeavesForLaterLives(FleetStore):
    class Members(MemoryFleet):
        def leave(self, fence):
            for each in self.lives:
                if each.sec_name == fence.sec_name:
                    super().leave(each)


# Looking


@caught_by("fleet: the secs are told")
class TellsOnlyOfTheLiving(FleetStore):
    class Members(MemoryFleet):
        def secs(self):
            return [sec for sec in super().secs() if sec.lives]


@caught_by("fleet: the secs are told")
class TellsOfTheForgotten(FleetStore):
    class Members(MemoryFleet):
        def secs(self):
            told = super().secs()
            known = {sec.fence for sec in told}
            lost = timedelta(seconds=-1)
            return told + [
                type(told[0])(fence, life.build, life.joined, lost, 0)
                for fence, life in self.lives.items()
                if fence not in known
            ]


# At once


class SlowFleet(InMemoryFleet):
    """It writes back what it read before it waited."""

    async def claim(self, fence, *, limit, graphs=None):
        store = await self._checkpoint()
        rows = store.fleet.rows
        read = {row.saga_id: list(row.events) for row in store.fleet.orphaned()}
        await trio.lowlevel.checkpoint()
        claims = await super().claim(fence, limit=limit, graphs=graphs)
        for claim in claims:
            rows[claim.saga_id].events[:] = read.get(claim.saga_id, [])
        return claims


class SlowSession(HookedSession):
    @property
    def fleet(self):
        return SlowFleet(self._checkpoint)


@caught_by("fleet: many claim while batches are written")
class WritesBackWhatItReadBefore(FleetStore):
    session_class = SlowSession
