"""When events were made: by the clock of their SEC, in the store and in dumps."""

from datetime import UTC, datetime, timedelta

import pytest
import trio

import steno
from steno.core import Timestamp
from steno.store import from_timestamp, to_timestamp
from steno.testing.schedule import DateClock
from support.worlds import World, takes

EPOCH = datetime(2024, 1, 1, tzinfo=UTC)


def virtual() -> datetime:
    """Tell the time of Trio's clock, from an epoch on."""
    return EPOCH + timedelta(seconds=trio.current_time())


async def test_an_event_has_the_time_at_which_it_was_made(world: World):
    """Those of one step have the same; the log that is loaded has them, too."""
    world.does("a", takes(5))
    async with world.open(clock=virtual) as sec:
        await trio.sleep(1)
        saga = await sec.saga_create(world.saga("a", "b"))
        await trio.sleep(1)
        await saga.start()
        await saga.wait()
        log = (await saga.view()).serialized().events
        times = [(event.time - to_timestamp(EPOCH)) // 1_000_000 for event in log]
        assert [str(event) for event in log][:3] == [
            "N002 started",
            "N002 succeeded",
            "N000 started",
        ]
        assert times == [2, 2, 2, 7, 7, 7, 7, 7]
    async with world.store.inner.open() as session:
        stored = await session.load(saga.saga_id)
    assert [event.time for event in stored.events] == [event.time for event in log]


async def test_without_a_clock_it_is_that_of_the_machine(world: World):
    """In UTC, to the microsecond."""
    async with world.open() as sec:
        before = to_timestamp(datetime.now(UTC))
        saga = await sec.saga_create(world.saga("a"), start=True)
        await saga.wait()
        after = to_timestamp(datetime.now(UTC))
        log = (await saga.view()).serialized().events
    assert all(before <= event.time <= after for event in log)


async def test_a_dump_has_the_times_of_its_events(world: World):
    """What is read of it has them again; what Steno reads has none."""
    async with world.open(clock=virtual) as sec:
        saga = await sec.saga_create(world.saga("a"), start=True)
        await saga.wait()
        dump = (await saga.view()).serialized()
    text = dump.to_json()
    again = steno.SagaSerialized.from_json(text)
    assert [event.time for event in again.events] == [event.time for event in dump.events]
    assert again.to_json() == text
    plain = dump.to_json(steno=True)
    assert '"times"' in text
    assert '"times"' not in plain
    assert {event.time for event in steno.SagaSerialized.from_json(plain).events} == {None}


async def test_events_of_a_dump_without_times_have_that_of_its_import(world: World):
    """Those that have one keep it."""
    async with world.open(clock=virtual) as sec:
        saga = await sec.saga_create(world.saga("a", "b"), start=True)
        await saga.wait()
        dump = (await saga.view()).serialized()
    plain = steno.SagaSerialized.from_json(dump.to_json(steno=True))
    world.store.inner = steno.InMemorySecStore()
    async with world.open(clock=virtual) as sec:
        await trio.sleep(100)
        imported = await sec.saga_resume(plain)
        log = (await imported.view()).serialized().events
        assert {from_timestamp(event.time) for event in log} == {virtual()}
    world.store.inner = steno.InMemorySecStore()
    async with world.open(clock=virtual) as sec:
        await trio.sleep(100)
        imported = await sec.saga_resume(dump)
        log = (await imported.view()).serialized().events
        *those, order = log
        assert [event.time for event in those] == [event.time for event in dump.events]
        assert from_timestamp(order.time) == virtual()


@pytest.mark.parametrize("clock", [lambda: datetime(2024, 1, 1), lambda: 5, DateClock])  # noqa: DTZ001 - that is the point
def test_a_clock_returns_a_time_with_a_zone(world: World, clock: object):
    """Anything else is refused before the store is opened."""
    with pytest.raises(TypeError, match="clock must return a datetime with a time zone, got"):
        steno.open_sec(world.store, world.registry, clock=clock)


def test_an_event_is_the_same_whenever_it_was():
    """Two logs that say the same are equal, though not their times."""
    event = steno.SagaNodeEvent(steno.SagaId(None), steno.SagaNodeId(1), None, Timestamp(5))
    other = steno.SagaNodeEvent(steno.SagaId(None), steno.SagaNodeId(1), None, Timestamp(6))
    assert event == other
    assert event.time != other.time
