"""Retention: what is pruned, when, and what pruning leaves alone."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from uuid import UUID

import pytest
import trio

import steno
from support.worlds import World, each_time, hangs, ids, nothing, raises

BEGIN = datetime(2026, 1, 1, tzinfo=UTC)
DAY = timedelta(days=1)


def virtual_now() -> datetime:
    """Return a time that goes as Trio's clock does."""
    return BEGIN + timedelta(seconds=trio.current_time())


@pytest.fixture
def world(world: World) -> World:
    """Stamp the rows of this store by the virtual clock."""
    world.store.inner = steno.InMemorySecStore(virtual_now)
    return world


async def run(world: World, *names: str, saga_id: UUID) -> None:
    await world.sec.saga_run(world.saga(*names), saga_id=saga_id)


async def listed(world: World) -> list[UUID]:
    return [summary.saga_id for summary in await world.sec.saga_list()]


@asynccontextmanager
async def every_kind(world: World) -> AsyncIterator[dict[str, UUID]]:
    """Open a SEC with a saga in each state that is not passing, all of them a day old."""
    world.does("wait", hangs)
    world.does("fail", raises(ValueError("no")))
    world.undoes("stay", raises(ValueError("no")))
    kinds = {
        "succeeded": ["a"],
        "failed": ["a", "fail"],
        "stuck": ["stay", "fail"],
        "running": ["wait"],
        "ready": ["a"],
    }
    named = dict(zip(kinds, ids(5), strict=True))
    async with world.doomed() as sec:
        for state, saga_id in named.items():
            saga = await sec.saga_create(world.saga(*kinds[state]), saga_id=saga_id)
            if state != "ready":
                await saga.start()
            if state not in {"ready", "running"}:
                await saga.wait()
        await trio.sleep(DAY.total_seconds())
        yield named


async def test_only_what_has_ended_well_is_pruned(world: World):
    """Succeeded and failed sagas go; what is stuck, runs, or is ready, stays for ever."""
    async with every_kind(world) as named:
        assert await world.sec.saga_prune(DAY) == 2
        assert await listed(world) == [named["stuck"], named["running"], named["ready"]]
        assert await world.sec.saga_prune(DAY) == 0


@pytest.mark.parametrize("state", ["succeeded", "failed"])
async def test_one_state_can_be_pruned_alone(world: World, state: str):
    """The other kind of finished saga stays."""
    async with every_kind(world) as named:
        assert await world.sec.saga_prune(DAY, states=[steno.SagaCachedState(state)]) == 1
        assert named[state] not in await listed(world)
        assert len(await listed(world)) == 4


@pytest.mark.parametrize("state", ["stuck", "running", "unwinding", "ready"])
async def test_no_other_state_can_be_asked_for(world: World, state: str):
    """A stuck saga is a person's to decide on, one that is not finished is the SEC's."""
    async with world.open() as sec:
        with pytest.raises(ValueError, match="only sagas that have succeeded, failed or"):
            await sec.saga_prune(DAY, states=[steno.SagaCachedState(state)])


@pytest.mark.parametrize("age", [-DAY, 30, None, timedelta.max])
async def test_an_age_is_a_timedelta(world: World, age: object):
    """Days, seconds and nothing are not told apart by a number; no date is before all dates."""
    async with world.open() as sec:
        with pytest.raises(ValueError, match="timedelta"):
            await sec.saga_prune(age)


async def test_a_pruned_saga_is_gone_from_memory_too(world: World):
    """Every command on it says that there is none, and its id is free."""
    (saga_id,) = ids(1)
    async with world.open() as sec:
        await run(world, "a", saga_id=saga_id)
        assert (await sec.saga_get(saga_id)).state is not None
        assert await sec.saga_prune(timedelta(0)) == 1
        for command in (sec.saga_get, sec.saga_wait, sec.saga_start, sec.saga_recover):
            with pytest.raises(steno.NoSuchSaga):
                await command(saga_id)
        assert sec.statistics().finished == 0
        await run(world, "b", saga_id=saga_id)
        assert world.store.state(saga_id) == "succeeded"


async def test_only_sagas_of_this_sec_are_pruned(world: World):
    """Another may keep what it has run for longer."""
    one, two = ids(2)
    async with world.open(sec_name="other"):
        await run(world, "a", saga_id=one)
    async with world.open() as sec:
        await run(world, "a", saga_id=two)
        assert await sec.saga_prune(timedelta(0)) == 1
        assert await listed(world) == [one]


async def test_pruning_goes_in_small_steps(world: World):
    """Between two of them the store does other things, so nothing waits for a long one."""
    sizes: list[int] = []

    async def note(method: str) -> None:
        if method == "prune":
            sizes.append(len(world.store.inner.list(steno.store.ListQuery(limit=1000))))

    async with world.open() as sec:
        for saga_id in ids(120):
            await run(world, "a", saga_id=saga_id)
        world.store.reading = note
        assert await sec.saga_prune(timedelta(0)) == 120
    assert sizes == [120, 70, 20]


async def test_retention_prunes_again_and_again(world: World):
    """With `retention` nobody has to ask; a saga lasts that long, and not for much longer."""
    first, second = ids(2)
    async with world.open(retention=DAY):
        await run(world, "a", saga_id=first)
        await trio.sleep(DAY.total_seconds() / 2)
        await run(world, "a", saga_id=second)
        await trio.sleep(DAY.total_seconds() / 2 - 1)
        assert await listed(world) == [first, second]
        await trio.sleep(3601)
        assert await listed(world) == [second]
        await trio.sleep(DAY.total_seconds() / 2)
        assert await listed(world) == []


async def test_retention_prunes_what_it_finds_at_open(world: World):
    """A SEC that is opened for minutes only keeps its store small as well."""
    (saga_id,) = ids(1)
    async with world.open():
        await run(world, "a", saga_id=saga_id)
    await trio.sleep(DAY.total_seconds())
    async with world.open(retention=DAY):
        await trio.sleep(1)
        assert await listed(world) == []


@pytest.mark.parametrize("error", [steno.StoreUnavailable("away"), OverflowError("odd")])
async def test_a_store_that_fails_is_asked_again(world: World, error: Exception):
    """Neither the SEC nor a saga comes to harm, and the next round prunes."""
    (saga_id,) = ids(1)
    failing = each_time(raises(error), nothing)

    async def fail(method: str) -> None:
        if method == "prune":
            await failing(None)

    world.store.reading = fail
    async with world.open(retention=timedelta(seconds=10)):
        await run(world, "a", saga_id=saga_id)
        await trio.sleep(12)
        assert await listed(world) == []


async def test_retention_ends_with_the_sec(world: World):
    """Leaving waits for no round."""
    async with world.open(retention=1000 * DAY):
        pass
    assert trio.current_time() < 1


@pytest.mark.parametrize(
    ("retention", "error"), [(30, TypeError), ("30d", TypeError), (-DAY, ValueError)]
)
async def test_a_retention_is_a_timedelta(world: World, retention: object, error: type[Exception]):
    """Anything but a duration is refused before the store is opened."""
    with pytest.raises(error, match="timedelta"):
        async with world.open(retention=retention):
            pass


async def test_pruning_can_be_cancelled(world: World):
    """What was pruned is gone; the SEC goes on."""
    (saga_id,) = ids(1)

    async def stall(method: str) -> None:
        if method == "prune":
            await trio.sleep_forever()

    world.store.reading = stall
    async with world.open() as sec:
        await run(world, "a", saga_id=saga_id)
        with trio.move_on_after(1) as scope:
            await sec.saga_prune(timedelta(0))
        assert scope.cancelled_caught
        assert await listed(world) == [saga_id]
