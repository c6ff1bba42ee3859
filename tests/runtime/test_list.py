"""Lists of sagas: their pages, their filters, what each line says."""

import random
from datetime import UTC, datetime, timedelta
from uuid import UUID

import attrs
import pytest
import trio
from trio.testing import wait_all_tasks_blocked

import steno
from support.worlds import World, ids, raises, waits_for


async def pages(sec: steno.SecClient, limit: int, **filters: object) -> list[list[UUID]]:
    """List all that there is, page by page."""
    found: list[list[UUID]] = []
    marker = None
    while page := await sec.saga_list(marker, limit, **filters):
        found.append([summary.saga_id for summary in page])
        marker = page[-1].saga_id
    return found


async def create(world: World, sec: steno.SecClient, *saga_ids: UUID, name: str = "test") -> None:
    for saga_id in saga_ids:
        await sec.saga_create(world.saga("a", name=name), saga_id=saga_id)


@pytest.mark.parametrize("limit", [1, 3, 10, 11, 100])
async def test_pages_are_in_the_order_of_ids_and_hold_each_saga_once(world: World, limit: int):
    """Whatever order the sagas were created in, and however many a page may have."""
    there = ids(10)
    shuffled = random.Random(limit).sample(there, 10)
    async with world.open() as sec:
        await create(world, sec, *shuffled)
        found = await pages(sec, limit)
    assert [saga_id for page in found for saga_id in page] == there
    assert [len(page) for page in found[:-1]] == [limit] * (len(found) - 1)


async def test_a_marker_need_not_be_a_saga(world: World):
    """A page begins after it, wherever that is."""
    one, two, three, four = ids(4)
    async with world.open() as sec:
        await create(world, sec, one, two, four)
        assert [s.saga_id for s in await sec.saga_list(one)] == [two, four]
        assert [s.saga_id for s in await sec.saga_list(three)] == [four]
        assert await sec.saga_list(four) == []


async def test_a_page_has_100_sagas_unless_told(world: World):
    """An unlimited list is never asked for by mistake."""
    async with world.open() as sec:
        await create(world, sec, *ids(101))
        assert [s.saga_id for s in await sec.saga_list()] == ids(100)


@pytest.mark.parametrize("limit", [0, -1, 1.5, "1"])
async def test_a_page_has_at_least_one_saga(world: World, limit: object):
    """An empty page means that there are no more; so one that must be empty is refused."""
    async with world.open() as sec:
        with pytest.raises((ValueError, TypeError), match="limit"):
            await sec.saga_list(limit=limit)


async def test_a_marker_is_an_id(world: World):
    """Its text is a mistake of the program."""
    async with world.open() as sec:
        with pytest.raises(TypeError, match="uuid"):
            await sec.saga_list("x")


async def in_every_state(world: World, sec: steno.SecClient) -> dict[str, UUID]:
    """Bring one saga into each of the states."""
    forever = trio.Event()
    no = raises(ValueError("no"))
    world.does("wait", waits_for(forever))
    world.does("fail", no)
    world.undoes("stay", no)
    world.undoes("linger", waits_for(forever))
    stages = {
        "ready": ["a"],
        "running": ["wait"],
        "unwinding": ["linger", "fail"],
        "succeeded": ["a"],
        "failed": ["a", "fail"],
        "stuck": ["stay", "fail"],
    }
    for saga_id, (state, names) in zip(ids(6), stages.items(), strict=True):
        dag = world.saga(*names, name="even" if saga_id.int % 2 == 0 else "odd")
        saga = await sec.saga_create(dag, saga_id=saga_id)
        if state != "ready":
            await saga.start()
    await wait_all_tasks_blocked()
    return dict(zip(stages, ids(6), strict=True))


async def test_each_line_says_what_its_saga_does(world: World):
    """Name and state of every saga; no problem; neither graph nor log."""
    async with world.doomed() as sec:
        expected = await in_every_state(world, sec)
        listed = await sec.saga_list()
        assert {summary.state.value: summary.saga_id for summary in listed} == expected
        assert [summary.saga_name for summary in listed] == ["odd", "even"] * 3
        assert {summary.problem for summary in listed} == {None}
        fields = {field.name for field in attrs.fields(steno.SagaSummary)}
        expected = {"saga_id", "saga_name", "state", "problem", "times", "tags", "number"}
        assert fields == expected | {"concern"}


async def test_filters_choose_before_pages_are_made(world: World):
    """By states, by name, or by both; a page is filled with what matches."""
    async with world.doomed() as sec:
        by_state = await in_every_state(world, sec)
        for state, saga_id in by_state.items():
            assert await pages(sec, 1, states=[steno.SagaCachedState(state)]) == [[saga_id]]
        finished = [state for state in steno.SagaCachedState if state.finished]
        expected = [by_state[name] for name in ("succeeded", "failed", "stuck")]
        assert await pages(sec, 3, states=finished) == [expected]
        even = [by_state[name] for name in ("running", "succeeded", "stuck")]
        assert await pages(sec, 2, name="even") == [even[:2], even[2:]]
        assert await pages(sec, 9, name="even", states=set(finished)) == [even[1:]]
        assert await pages(sec, 9, name="nobody") == []
        assert await pages(sec, 9, states=()) == []


async def test_what_exists_all_through_a_listing_is_listed_once(world: World):
    """However many sagas are created meanwhile, before and behind the marker."""
    there = ids(60)
    lasting, coming = there[::3], [saga_id for n, saga_id in enumerate(there) if n % 3]
    random.Random(7).shuffle(coming)
    seen: list[UUID] = []
    async with world.open() as sec:
        await create(world, sec, *lasting)
        marker = None
        while page := await sec.saga_list(marker, 4):
            seen.extend(summary.saga_id for summary in page)
            marker = page[-1].saga_id
            await create(world, sec, *[coming.pop() for _ in range(3) if coming])
    assert [saga_id for saga_id in seen if saga_id in lasting] == lasting
    assert len(seen) == len(set(seen))


async def test_times_say_when_a_saga_was_created_has_moved_and_ended(world: World):
    """By the clock of the machine that wrote; what ended has not moved since."""
    epoch = datetime(2024, 1, 1, tzinfo=UTC)

    def now() -> datetime:
        return epoch + timedelta(seconds=trio.current_time())

    world.store.inner = steno.InMemorySecStore(now)
    go_on = trio.Event()
    world.does("a", waits_for(go_on))
    async with world.open(clock=now) as sec:
        await trio.sleep(10)
        saga = await sec.saga_create(world.saga("a"))
        await trio.sleep(10)
        await saga.start()
        await trio.sleep(10)
        (running,) = await sec.saga_list()
        go_on.set()
        await saga.wait()
        await trio.sleep(10)
        (ended,) = await sec.saga_list()
    seconds = [epoch + timedelta(seconds=10 * n) for n in range(5)]
    assert running.times == steno.SagaTimes(seconds[1], seconds[2], None)
    assert ended.times == steno.SagaTimes(seconds[1], seconds[3], seconds[3])
