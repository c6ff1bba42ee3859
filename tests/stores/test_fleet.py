"""
A fleet of SECs that die, and are cut off, in virtual time.

STENO_FLEET_SECS says how many: 40 unless it is given.
"""

import math
import os
import random
from collections import Counter
from collections.abc import Callable
from datetime import timedelta
from uuid import UUID

import attrs
import pytest
import trio

from steno import InMemorySecStore
from steno.core import JsonText, SagaCachedState, SagaId, SagaName
from steno.store import (
    Fence,
    SagaCreateParams,
    SagaRecord,
    SecStoreSession,
    fair_share,
    fleet_of,
)

SECS = int(os.environ.get("STENO_FLEET_SECS", "40"))
SAGAS = 10 * SECS
LEASE, RENEWED, POLLED, BATCH = 15.0, 5.0, 1.0, 1000
LIMIT = LEASE + 5


@attrs.define(eq=False)
class World:
    """What all SECs share, and what is seen of them."""

    store: InMemorySecStore
    rng: random.Random
    waited: list[float] = attrs.field(factory=list)  # how long each saga had no SEC that lives
    running: set[SagaId] = attrs.field(factory=set)
    died: dict[SagaId, float] = attrs.field(factory=dict)  # since when it has none


@attrs.define(eq=False)
class Member:
    """A SEC: it renews its lease, claims its share, and stops when it cannot renew."""

    world: World
    name: str
    fence: Fence | None = None
    owned: dict[SagaId, Fence] = attrs.field(factory=dict)
    until: float = -math.inf  # what it knows of its lease
    cut_off: float = -math.inf  # until when it does not reach the store

    async def run(self) -> None:
        async with self.world.store.open() as session:
            await trio.sleep(self.world.rng.random() * POLLED)
            renewed = -math.inf
            while True:
                now = trio.current_time()
                if now >= self.until and self.fence is not None:
                    self.lose()
                if now >= self.cut_off:
                    if self.fence is None:
                        self.fence = await session.fleet.join(
                            self.name, lease=timedelta(seconds=LEASE), build="1"
                        )
                        self.until = renewed = now
                        self.until += LEASE
                    elif now - renewed >= RENEWED:
                        lease = timedelta(seconds=LEASE)
                        if await session.fleet.renew(self.fence, lease=lease):
                            self.until, renewed = now + LEASE, now
                        else:
                            self.lose()
                            continue
                    await self.claim(session)
                polled = now + POLLED * (0.9 + 0.2 * self.world.rng.random())
                await trio.sleep_until(polled if self.fence is None else min(polled, self.until))

    async def claim(self, session: SecStoreSession) -> None:
        living = [sec for sec in await session.fleet.secs() if sec.lives]
        orphans = sum(graph.count for graph in await session.fleet.orphans())
        share = fair_share(
            own=len(self.owned),
            running=sum(sec.running for sec in living),
            living=len(living),
            orphans=orphans,
        )
        if not share:
            return
        for claim in await session.fleet.claim(self.fence, limit=min(share, BATCH)):
            # Its former owner has stopped before anybody could claim it.
            assert claim.saga_id not in self.world.running
            self.world.running.add(claim.saga_id)
            self.owned[claim.saga_id] = claim.fence
            if (since := self.world.died.pop(claim.saga_id, None)) is not None:
                self.world.waited.append(trio.current_time() - since)

    def lose(self) -> None:
        """Its lease has ended: it runs nothing any more."""
        self.mark()
        self.fence, self.owned = None, {}

    def mark(self) -> None:
        self.world.running.difference_update(self.owned)
        rows = self.world.store.fleet.rows
        for saga_id, fence in self.owned.items():
            if rows[saga_id].fence == fence:  # nobody was faster
                self.world.died.setdefault(saga_id, trio.current_time())


def create(number: int, fence: Fence) -> SagaCreateParams:
    return SagaCreateParams(
        SagaId(UUID(int=number + 1)),
        SagaName("trip"),
        "digest",
        JsonText("{}"),
        JsonText("null"),
        fence,
        (),
        SagaCachedState.RUNNING,
    )


async def chaos(
    world: World, members: dict[Member, trio.CancelScope], start: Callable[[str], None]
) -> None:
    """Kill, and cut off; a SEC that was killed is started again under a new name."""
    rng = world.rng
    for number in range(20):
        await trio.sleep(rng.uniform(2, 12))
        for member in rng.sample(list(members), rng.randint(1, SECS // 5)):
            if rng.random() < 0.4:
                kill(members, member)
                start(f"{member.name.split('/')[0]}/{number}")
            else:  # for less than a lease, or for several
                member.cut_off = trio.current_time() + rng.uniform(1, 3 * LEASE)


def kill(members: dict[Member, trio.CancelScope], member: Member) -> None:
    members.pop(member).cancel()
    member.mark()


async def test_a_fleet_shares_its_sagas(autojump_clock: trio.testing.MockClock):
    """All are taken over in time, each by one SEC, and all that live get about as many."""
    world = World(InMemorySecStore(), random.Random(16))
    members: dict[Member, trio.CancelScope] = {}

    async def live(member: Member, scope: trio.CancelScope) -> None:
        with scope:
            await member.run()

    async with world.store.open() as session, trio.open_nursery() as nursery:

        def start(name: str) -> None:
            member = Member(world, name)
            members[member] = trio.CancelScope()
            nursery.start_soon(live, member, members[member])

        for number in range(SECS):
            start(f"sec {number}")
        await trio.sleep(2 * POLLED)
        # A client that runs none has created them.
        client = await session.fleet.join("client", lease=timedelta(hours=1), build="1")
        await session.record([create(number, client) for number in range(SAGAS)])
        await session.fleet.leave(client)
        await trio.sleep(5)
        await check_spread(session)
        for member in list(members)[: SECS // 3]:
            kill(members, member)
        await trio.sleep(LIMIT)
        await check_spread(session)
        await chaos(world, members, start)
        await trio.sleep(4 * LEASE)
        assert await session.fleet.orphans() == []
        await check_owners(session, members)
        nursery.cancel_scope.cancel()
    assert world.waited
    assert max(world.waited) <= LIMIT


async def check_spread(session: SecStoreSession) -> None:
    """Nothing waits, and no SEC that lives has more than twice an even share."""
    fleet = fleet_of(session)
    assert await fleet.orphans() == []
    running = [sec.running for sec in await fleet.secs()]
    assert sum(running) == SAGAS
    assert max(running) <= 2 * SAGAS / len(running)


async def check_owners(session: SecStoreSession, members: dict[Member, trio.CancelScope]) -> None:
    """Each saga is run by one SEC, whose writes are accepted, and those of no other."""
    owners = Counter(saga_id for member in members for saga_id in member.owned)
    assert owners == {SagaId(UUID(int=number + 1)): 1 for number in range(SAGAS)}
    for member in members:
        batch = [
            SagaRecord(saga_id, fence, 0, (), SagaCachedState.RUNNING)
            for saga_id, fence in member.owned.items()
        ]
        assert {type(each).__name__ for each in await session.record(batch)} <= {"Durable"}


@pytest.mark.parametrize(
    ("own", "running", "living", "orphans", "share"),
    [
        (0, 0, 1, 0, 0),
        (0, 0, 1, 7, 7),
        (0, 0, 2, 7, 4),
        (3, 10, 4, 10, 2),
        (9, 10, 4, 10, 1),  # it has its share, but the others may be dead by now
        (0, 100, 2, 10, 10),
        (0, 0, 0, 3, 3),
    ],
)
def test_the_share_of_a_sec(own: int, running: int, living: int, orphans: int, share: int):
    """What it takes to have as many as the others, and at least one if there are any."""
    found = fair_share(own=own, running=running, living=living, orphans=orphans)
    assert found == share
