"""Listings: all sagas of the store, one by one."""

import random
from uuid import UUID

import pytest
import trio
import trio.testing

import steno
from support.worlds import World, ids


async def create(world: World, sec: steno.SecClient, *saga_ids: UUID, name: str = "test") -> None:
    for saga_id in saga_ids:
        await sec.saga_create(world.saga("a", name=name), saga_id=saga_id)


@pytest.mark.parametrize("page_size", [1, 3, 10, 100])
async def test_a_listing_has_each_saga_once_in_the_order_of_ids(world: World, page_size: int):
    """However many are read at a time; then it is at its end, also when it is asked again."""
    there = ids(10)
    async with world.open() as sec:
        await create(world, sec, *random.Random(page_size).sample(there, 10))
        listing = sec.sagas(page_size=page_size)
        assert [saga.saga_id async for saga in listing] == there
        assert [saga.saga_id async for saga in listing] == []


async def test_a_listing_takes_the_filters_of_a_list(world: World):
    """States and name, each or both; no saga at all is a listing, too."""
    one, two, three = ids(3)
    ready = [steno.SagaCachedState.READY]
    async with world.open() as sec:
        await create(world, sec, one, three, name="odd")
        await create(world, sec, two, name="even")
        await sec.saga_start(three)
        await sec.saga_wait(three)
        assert [s.saga_id async for s in sec.sagas(name="odd", page_size=1)] == [one, three]
        assert [s.saga_id async for s in sec.sagas(states=ready, page_size=1)] == [one, two]
        assert [s.saga_id async for s in sec.sagas(states=ready, name="odd")] == [one]
        assert [s async for s in sec.sagas(name="nobody")] == []


async def test_what_exists_all_through_a_listing_is_given_once(world: World):
    """However many sagas are created meanwhile, before the place where it is and after it."""
    there = ids(60)
    lasting, coming = there[::3], [saga_id for n, saga_id in enumerate(there) if n % 3]
    random.Random(7).shuffle(coming)
    seen: list[UUID] = []
    async with world.open() as sec:
        await create(world, sec, *lasting)
        async for saga in sec.sagas(page_size=4):
            seen.append(saga.saga_id)
            await create(world, sec, *[coming.pop() for _ in range(2) if coming])
    assert [saga_id for saga_id in seen if saga_id in lasting] == lasting
    assert seen == sorted(set(seen))


async def test_a_step_that_is_cancelled_skips_no_saga(world: World):
    """Whether a page was to be read or not; every step is a checkpoint."""
    there = ids(5)
    seen: list[UUID] = []
    async with world.open() as sec:
        await create(world, sec, *there)
        listing = sec.sagas(page_size=2)
        for saga_id in there:
            with trio.CancelScope() as scope:
                scope.cancel()
                await anext(listing)
            assert scope.cancelled_caught
            with trio.testing.assert_checkpoints():
                seen.append((await anext(listing)).saga_id)
            assert seen[-1] == saga_id


async def test_a_listing_ends_with_its_sec(world: World):
    """What was read is still yielded; then the loop gets the error."""
    async with world.open() as sec:
        await create(world, sec, *ids(3))
        listing = sec.sagas(page_size=2)
        assert (await anext(listing)).saga_id == ids(3)[0]
    assert (await anext(listing)).saga_id == ids(3)[1]
    with pytest.raises(steno.SecClosing):
        await anext(listing)


async def test_a_listing_that_makes_no_sense_is_refused_at_once(world: World):
    """Before anything is read."""
    async with world.open() as sec:
        with pytest.raises(ValueError, match="limit"):
            sec.sagas(page_size=0)
        with pytest.raises(TypeError, match="states"):
            sec.sagas(states=["ready"])
