"""
The in-memory store: what is particular to it.

That it does what every store has to do is in tests/testing/conformance.
"""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from uuid import UUID

import pytest
import trio
import trio.testing

from steno import (
    InMemorySecStore,
    SagaCachedState,
    SagaCreateParams,
    SecStoreSession,
    StoreError,
)
from steno.core import JsonText, SagaId, SagaName
from steno.store import (
    Durable,
    Fence,
    ListQuery,
    Lost,
    PruneQuery,
    SagaClaim,
    SagaRecord,
    SagaTimes,
    TakeOver,
)
from steno.testing.notation import events, shown

ONE, TWO, THREE = (SagaId(UUID(int=number)) for number in (1, 2, 3))
SAGAS = (ONE, TWO, THREE)

FIRST_LIFE = Fence("sec", 1)
DURABLE = Durable()

MORNING = datetime(2026, 5, 4, 8, tzinfo=UTC)
SECOND = timedelta(seconds=1)


def create(saga_id: SagaId, log: str = "") -> SagaCreateParams:
    return SagaCreateParams(
        saga_id=saga_id,
        saga_name=SagaName("trip"),
        dag_digest="digest",
        dag_text=JsonText('{"a":"graph"}'),
        params=JsonText('{"to":"Rome"}'),
        fence=FIRST_LIFE,
        events=tuple(events(log, saga_id)),
    )


def record(
    saga_id: SagaId,
    first_seq: int,
    log: str,
    state: SagaCachedState = SagaCachedState.RUNNING,
    fence: Fence = FIRST_LIFE,
) -> SagaRecord:
    return SagaRecord(saga_id, fence, first_seq, tuple(events(log, saga_id)), state)


@pytest.fixture
def store() -> InMemorySecStore:
    return InMemorySecStore()


async def log_of(session: SecStoreSession, saga_id: SagaId) -> str:
    return shown((await session.load(saga_id)).events)


async def test_it_lives_as_long_as_the_object(store: InMemorySecStore):
    """A SEC can be opened again on what another left; two stores have nothing in common."""
    async with store.open() as session:
        await session.take_over("sec")
        await session.record([create(ONE), record(ONE, 0, "2+ 2✓")])
    async with store.open() as session:
        assert await log_of(session, ONE) == "2+ 2✓"
        assert (await session.take_over("sec")).claims == (SagaClaim(ONE, Fence("sec", 2), 1),)
    async with InMemorySecStore().open() as session:
        assert await session.load(ONE) is None
        assert await session.take_over("sec") == TakeOver(Fence("sec", 1), ())


async def test_sagas_of_one_graph_share_its_text(store: InMemorySecStore):
    """Not only the same, but the very text: a thousand sagas hold one."""
    async with store.open() as session:
        await session.record([create(ONE), create(TWO)])
        one, two = await session.load(ONE), await session.load(TWO)
        assert one.dag_text is two.dag_text


async def test_any_number_of_sessions_may_be_open(store: InMemorySecStore):
    """They fence each other: the one that took over last writes, and both see it."""
    async with store.open() as old, store.open() as new:
        await old.take_over("sec")
        await old.record([create(ONE)])
        fence = (await new.take_over("sec")).fence
        assert await new.record([record(ONE, 0, "2+", fence=fence)]) == [DURABLE]
        assert await old.record([record(ONE, 1, "2✓")]) == [Lost("sec")]
        assert await log_of(old, ONE) == "2+"


async def test_without_a_clock_it_is_the_time_of_day(store: InMemorySecStore):
    """Rows are stamped in UTC, by the machine's clock."""
    before = datetime.now(UTC)
    async with store.open() as session:
        await session.record([create(ONE)])
        times = (await session.load(ONE)).summary.times
    assert before <= times.created == times.progressed <= datetime.now(UTC)
    assert times.created.tzinfo is UTC


async def test_a_clock_may_be_handed_in():
    """It is asked once for each write."""
    ticks = (MORNING + number * SECOND for number in range(100))
    async with InMemorySecStore(lambda: next(ticks)).open() as session:
        await session.record([create(ONE), record(ONE, 0, "2+")])
        end = record(ONE, 1, "2✗", SagaCachedState.FAILED)
        await session.record([end])
        times = (await session.load(ONE)).summary.times
    assert times == SagaTimes(MORNING, MORNING + 2 * SECOND, MORNING + 2 * SECOND)


# What Trio's users expect of it


def calls(session: SecStoreSession) -> Iterator:
    """Give one call of each method."""
    yield lambda: session.take_over("sec")
    yield lambda: session.claim(ONE, "sec")
    yield lambda: session.leave(FIRST_LIFE)
    yield lambda: session.record([record(ONE, 0, "2+")])
    yield lambda: session.load(ONE)
    yield lambda: session.list(ListQuery())
    yield lambda: session.prune(PruneQuery(timedelta(0)))


async def test_each_method_is_a_checkpoint(store: InMemorySecStore):
    """Before it does anything: a call that is cancelled at once writes nothing."""
    async with store.open() as session:
        await session.take_over("sec")
        await session.record([create(ONE)])
        with trio.CancelScope() as scope:
            scope.cancel()
            await session.record([record(ONE, 0, "2+")])
        assert scope.cancelled_caught
        assert await log_of(session, ONE) == ""
        for call in calls(session):
            with trio.testing.assert_checkpoints():
                await call()


async def test_a_session_that_was_left_is_closed(store: InMemorySecStore):
    """Every method says so."""
    async with store.open() as session:
        await session.record([create(ONE)])
    for call in calls(session):
        with pytest.raises(StoreError, match="the session is closed"):
            await call()


async def test_there_is_no_moment_within_a_batch(store: InMemorySecStore):
    """A reader sees all of a batch or none of it, at any step of any task."""
    seen: set[tuple[str, ...]] = set()

    async def watch() -> None:
        while True:
            await trio.lowlevel.checkpoint()
            seen.add(tuple(shown(store.load(each).events) for each in SAGAS))

    async with store.open() as session, trio.open_nursery() as nursery:
        await session.record([create(each) for each in SAGAS])
        nursery.start_soon(watch)
        for number in range(5):
            await session.record([record(each, number, f"{number}+") for each in SAGAS])
        nursery.cancel_scope.cancel()
    assert len(seen) > 1
    assert all(len(set(logs)) == 1 for logs in seen)


@pytest.mark.parametrize("limit", [0, -1])
def test_a_page_has_room_for_one_saga_at_least(limit: int):
    """A page of none would be taken for the end of the list."""
    with pytest.raises(ValueError, match="limit"):
        ListQuery(limit=limit)
