"""Tags: given when a saga is created, kept with it, and found by, whatever else it is."""

from datetime import UTC, datetime, timedelta
from uuid import UUID

import pytest
import trio

import steno
from support.worlds import World, ids

ORDER = {"order": "4711", "who": "Ada"}


async def found(sec: steno.SecClient, **filters: object) -> list[UUID]:
    return [saga.saga_id for saga in await sec.saga_list(**filters)]


async def tags(sec: steno.SecClient, saga_id: UUID) -> dict[str, str]:
    (saga,) = [saga for saga in await sec.saga_list() if saga.saga_id == saga_id]
    return dict(saga.tags)


async def test_a_saga_is_found_by_its_tags(world: World):
    """Whether it was created, started at once, or run; in this life and the next."""
    one, two, three, four = ids(4)
    async with world.open() as sec:
        await sec.saga_create(world.saga("a"), saga_id=one, tags=ORDER)
        await sec.saga_create(world.saga("a"), saga_id=two, tags={"who": "Ada"}, start=True)
        await sec.saga_run(world.saga("a"), saga_id=three, tags={"who": "Bob", "order": "4711"})
        await sec.saga_run(world.saga("a"), saga_id=four)
    async with world.open() as sec:
        assert await found(sec, tags={"who": "Ada"}) == [one, two]
        assert await found(sec, tags={"order": "4711"}) == [one, three]
        assert await found(sec, tags=ORDER) == [one]
        assert await found(sec, tags={"order": "Ada"}) == []
        assert await found(sec, tags={}) == await found(sec, tags=None) == [one, two, three, four]
        assert await tags(sec, one) == ORDER
        assert await tags(sec, four) == {}


async def test_tags_are_no_part_of_what_a_saga_is(world: World):
    """The same saga with other tags is that saga, in whatever way it is asked for."""
    one, two = ids(2)
    async with world.open() as sec:
        await sec.saga_create(world.saga("a"), saga_id=one, tags=ORDER)
        for other in (ORDER, {"order": "1"}, None):
            await sec.saga_create(world.saga("a"), saga_id=one, tags=other)
            await sec.saga_create(world.saga("a"), saga_id=one, tags=other, if_exists="use")
            assert await tags(sec, one) == ORDER
        await sec.saga_run(world.saga("a"), saga_id=one, tags={"order": "2"})
        assert await tags(sec, one) == ORDER
        await sec.saga_create(world.saga("b"), saga_id=two)
        with pytest.raises(steno.SagaIdInUse):
            await sec.saga_create(world.saga("a"), saga_id=two, tags=ORDER)
        await sec.saga_create(world.saga("a"), saga_id=two, tags=ORDER, if_exists="use")
        assert await tags(sec, two) == {}


async def test_tags_are_those_of_the_call(world: World):
    """What the caller does with the mapping afterwards does not matter, and no list gives it."""
    (one,) = ids(1)
    mine = dict(ORDER)
    async with world.open() as sec:
        await sec.saga_create(world.saga("a"), saga_id=one, tags=mine)
        mine.clear()
        (saga,) = await sec.saga_list()
        assert saga.tags == ORDER
        with pytest.raises(TypeError):
            saga.tags["order"] = "1"


WRONG = [
    ({"order": 4711}, TypeError, "the value of a tag must be a str, not 4711"),
    ({4711: "order"}, TypeError, "the key of a tag must be a str, not 4711"),
    (["order"], TypeError, "tags must be a mapping of str to str"),
    ({"order": "\ud800"}, ValueError, "the value of a tag cannot hold NUL or a lone surrogate"),
    ({"a\0": "b"}, ValueError, "the key of a tag cannot hold NUL or a lone surrogate"),
    ({"": "b"}, ValueError, "must have at least one character"),
    ({"a=b": "c"}, ValueError, "no '='"),
    ({"a": "b" * 201}, ValueError, "at most 200 characters; 'b+'… has 201"),
    ({str(n): "" for n in range(51)}, ValueError, "at most 50 tags, not 51"),
]


@pytest.mark.parametrize(("wrong", "kind", "why"), WRONG)
async def test_tags_that_cannot_be_stored_are_refused_at_once(
    world: World, wrong: object, kind: type[Exception], why: str
):
    """By all that takes them, before anything is stored."""
    async with world.open() as sec:
        for call in (sec.saga_create, sec.saga_run):
            with pytest.raises(kind, match=why):
                await call(world.saga("a"), tags=wrong)
        with pytest.raises(kind, match=why):
            await sec.saga_list(tags=wrong)
        with pytest.raises(kind, match=why):
            sec.sagas(tags=wrong)
        assert await sec.saga_list() == []


async def test_as_many_tags_as_there_may_be_are_kept(world: World):
    """Of as many characters, in any script; an empty value is a value."""
    (one,) = ids(1)
    most = {f"{n:02}{'🦀' * 198}": "é" * 200 for n in range(49)} | {"empty": ""}
    async with world.open() as sec:
        await sec.saga_create(world.saga("a"), saga_id=one, tags=most)
        assert await tags(sec, one) == most
        assert await found(sec, tags=most) == [one]


# Orders and ranges


async def test_the_newest_come_first_page_by_page(world: World):
    """By their numbers, which go on where the last page ended; a listing is the same."""
    there = [ids(10)[n * 7 % 10] for n in range(10)]
    async with world.open() as sec:
        for saga_id in there:
            await sec.saga_create(world.saga("a"), saga_id=saga_id)
        seen: list[UUID] = []
        marker = None
        while page := await sec.saga_list(marker, 3, newest_first=True):
            seen += [saga.saga_id for saga in page]
            marker = page[-1].number
        assert seen == there[::-1]
        listing = sec.sagas(page_size=3, newest_first=True)
        assert [saga.saga_id async for saga in listing] == there[::-1]


async def test_each_order_has_its_own_markers(world: World):
    """The marker of one is a mistake in the other."""
    async with world.open() as sec:
        with pytest.raises(TypeError, match=r"uuid\.UUID"):
            await sec.saga_list(7)
        for wrong in (ids(1)[0], True, "7"):
            with pytest.raises(TypeError, match="marker is the number of a saga"):
                await sec.saga_list(wrong, newest_first=True)


async def test_pruning_during_a_listing_hides_no_saga(world: World):
    """Not even where the last saga of a page is gone before the next is read."""
    async with world.open() as sec:
        for saga_id in ids(9):
            if saga_id.int % 3:
                await sec.saga_run(world.saga("a"), saga_id=saga_id)
            else:
                await sec.saga_create(world.saga("a"), saga_id=saga_id)
        seen: list[int] = []
        async for saga in sec.sagas(page_size=2, newest_first=True):
            seen.append(saga.saga_id.int)
            await sec.saga_prune(timedelta(0))
        assert [number for number in seen if number % 3 == 0] == [9, 6, 3]


async def test_sagas_are_found_by_owner_and_times(world: World):
    """Ranges include their beginning and not their end."""
    epoch = datetime(2024, 1, 1, tzinfo=UTC)

    def now() -> datetime:
        return epoch + timedelta(seconds=trio.current_time())

    def at(seconds: float) -> datetime:
        return start + timedelta(seconds=seconds)

    world.store.inner = steno.InMemorySecStore(now)
    one, two, three = ids(3)
    async with world.open(clock=now) as sec:
        start = now()
        await sec.saga_create(world.saga("a"), saga_id=one)
        await trio.sleep(10)
        await sec.saga_create(world.saga("a"), saga_id=two)
        await trio.sleep(10)
        await sec.saga_create(world.saga("a"), saga_id=three)
        await sec.saga_start(one)
        await sec.saga_wait(one)
        assert await found(sec, created_since=at(10)) == [two, three]
        assert await found(sec, created_until=at(10)) == [one]
        assert await found(sec, created_since=at(0), created_until=at(20)) == [one, two]
        assert await found(sec, progressed_since=at(20)) == [one, three]
        assert await found(sec, ended_since=at(0)) == [one]
        assert await found(sec, ended_until=at(20)) == []
        assert await found(sec, ended_until=at(20.1)) == [one]
        assert await found(sec, sec_name="default") == [one, two, three]
        assert await found(sec, sec_name="nobody") == []


@pytest.mark.parametrize(
    ("wrong", "kind", "why"),
    [
        ({"created_since": datetime(2024, 1, 1)}, ValueError, "must have a time zone"),  # noqa: DTZ001 - that is the mistake
        ({"ended_until": "2024-01-01"}, TypeError, "ended_until must be a datetime"),
        ({"progressed_since": timedelta(1)}, TypeError, "progressed_since must be a datetime"),
        ({"nonsense": 1}, TypeError, "nonsense"),
    ],
)
async def test_a_filter_that_makes_no_sense_is_refused_at_once(
    world: World, wrong: dict[str, object], kind: type[Exception], why: str
):
    """Before anything is read."""
    async with world.open() as sec:
        with pytest.raises(kind, match=why):
            await sec.saga_list(**wrong)
        with pytest.raises(kind, match=why):
            sec.sagas(**wrong)
