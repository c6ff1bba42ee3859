"""A saga that kills its process is not run for ever, and no other is suspected for long."""

import logging
from datetime import timedelta
from uuid import UUID

import pytest
import trio
from trio.testing import wait_all_tasks_blocked

import steno
from steno import Node
from steno.store import SagaTrial
from support.timed import TimedWorld, retry
from support.worlds import (
    Batch,
    Outcomes,
    World,
    WriteBatch,
    each_time,
    hangs,
    nothing,
    raises,
    slow,
    takes,
    unavailable,
)

TEXT = (
    'it is quarantined: the last 5 lives of its SEC crashed while a call of node "a" was under '
    "way; find out why, then saga_recover it"
)


async def begun(world: World, *dags: steno.SagaDag) -> list[UUID]:
    """Create and start sagas, and crash when nothing moves any more: a first life."""
    async with world.doomed() as sec:
        handles = [await sec.saga_create(dag, start=True) for dag in dags]
        await wait_all_tasks_blocked()
    return [handle.saga_id for handle in handles]


async def crash(world: World, times: int = 1, *, after: float = 0, **options: object) -> None:
    """Open a SEC, and crash it some seconds after it does what it can: so many more lives."""
    for _ in range(times):
        async with world.doomed(**options):
            await wait_all_tasks_blocked()
            await trio.sleep(after)


def trials(world: World) -> list[bool]:
    """Return the trials that were written: False that one began, True that it was passed."""
    writes = [write for batch in world.store.batches for write in batch]
    return [write.passed for write in writes if isinstance(write, SagaTrial)]


# Quarantine


async def test_a_saga_that_has_killed_five_lives_is_not_run_again(
    world: World, caplog: pytest.LogCaptureFixture
):
    """It is halted with a problem that says what to do; the others go on."""
    world.does("a", hangs)
    world.does("c", each_time(hangs, nothing))
    (bad,) = await begun(world, world.saga("a", "b"))
    await crash(world, 3)
    (good,) = await begun(world, world.saga("c"))
    assert sorted(world.calls) == ["a"] * 5 + ["c"]
    assert world.store.problem(bad) is None
    async with world.open() as sec:
        (await sec.saga_wait(good)).unwrap()
        with pytest.raises(steno.SagaHaltedError) as caught:
            await sec.saga_wait(bad)
        assert caught.value.problem == TEXT
        assert caught.value.__cause__ is None
        view = await sec.saga_get(bad)
        assert isinstance(view.state, steno.SagaHalted)
        assert view.state.problem == TEXT
    assert world.store.problem(bad) == TEXT
    assert sorted(world.calls) == ["a"] * 5 + ["c"] * 2
    (record,) = (each for each in caplog.records if each.levelno == logging.ERROR)
    assert record.getMessage() == f"saga {bad}: {TEXT}"


async def test_it_stays_in_quarantine_while_lives_crash(world: World):
    """Whatever kills the process then, it was not this saga."""
    world.does("a", hangs)
    (bad,) = await begun(world, world.saga("a"))
    await crash(world, 10)
    assert world.calls == ["a"] * 5
    async with world.open() as sec:
        with pytest.raises(steno.SagaHaltedError, match="the last 5 lives"):
            await sec.saga_wait(bad)


async def test_an_undo_action_may_kill_a_process_too(world: World):
    """Its node is named."""
    world.does("b", raises(ValueError("no")))
    world.undoes("a", hangs)
    (bad,) = await begun(world, world.saga("a", "b"))
    await crash(world, 4)
    async with world.open() as sec:
        with pytest.raises(steno.SagaHaltedError, match='a call of node "a" was under way'):
            await sec.saga_wait(bad)
    assert world.calls == ["a", "b", *["~a"] * 5]


@pytest.mark.parametrize("error", [KeyError("body"), SystemExit()])
async def test_leaving_by_an_exception_is_a_crash(world: World, error: BaseException):
    """Whether it is the body or an action that raises it."""
    world.does("a", hangs if isinstance(error, KeyError) else raises(error))

    async def live() -> None:
        async with world.open() as sec:
            if not world.calls:
                await sec.saga_create(world.saga("a"), start=True, saga_id=UUID(int=1))
            await wait_all_tasks_blocked()
            raise error

    for _ in range(5):
        with pytest.raises(type(error)):
            await live()
    async with world.open() as sec:
        with pytest.raises(steno.SagaHaltedError, match="quarantined"):
            await sec.saga_wait(UUID(int=1))
    assert world.calls == ["a"] * 5


async def test_saga_recover_takes_it_up_regardless(world: World):
    """It runs at once, has no problem any more, and is counted from the beginning."""
    world.does("a", each_time(*[hangs] * 9, nothing))
    (bad,) = await begun(world, world.saga("a"))
    await crash(world, 4)
    async with world.doomed() as sec:
        with pytest.raises(steno.SagaHaltedError):
            await sec.saga_wait(bad)
        await sec.saga_recover(bad)
        await wait_all_tasks_blocked()
        assert world.store.problem(bad) is None
    await crash(world, 3)
    assert world.calls == ["a"] * 9
    (await world.finish(bad)).unwrap()


# What is not quarantined


async def test_a_saga_without_a_call_under_way_is_never_suspected(timed: TimedWorld):
    """Whether it is ready, sleeps or backs off: nothing of it ran, and nothing is written."""
    timed.declare("a", noop=True, retry=retry(wait_initial=1e5, wait_max=1e6))
    timed.does("a", each_time(raises(ValueError("no")), nothing))
    async with timed.doomed() as sec:
        ready = await sec.saga_create(timed.saga("b"))
        nodes = (Node.sleep("s", timedelta(days=1)), "a")
        dags = [timed.saga(node) for node in nodes]
        waiting = [await sec.saga_create(dag, start=True) for dag in dags]
        await wait_all_tasks_blocked()
    await crash(timed, 10)
    assert trials(timed) == []
    async with timed.open() as sec:
        await sec.saga_start(ready.saga_id)
        for saga in (ready, *waiting):
            (await sec.saga_wait(saga.saga_id)).unwrap()


async def test_an_ordinary_crash_costs_no_write(world: World):
    """A saga is marked only once it may have killed two lives."""
    world.does("a", each_time(hangs, takes(10)))
    (saga_id,) = await begun(world, world.saga("a"))
    (await world.finish(saga_id)).unwrap()
    assert trials(world) == []


async def test_a_new_event_begins_the_count_again(world: World):
    """A saga that goes on a little in each life, or now and then, does not kill it."""
    world.does("a", each_time(*[hangs] * 4, nothing))
    world.does("b", each_time(*[hangs] * 4, nothing))
    (saga_id,) = await begun(world, world.saga("a", "b"))
    await crash(world, 7)
    (await world.finish(saga_id)).unwrap()
    assert world.calls == ["a"] * 5 + ["b"] * 5


async def test_leaving_normally_begins_the_count_again(world: World):
    """Even if the call was under way all the time, and was cut off."""
    cut_off = takes(1, raises(steno.SecClosing("later")))
    world.does("a", each_time(*[hangs] * 4, cut_off, *[hangs] * 4, nothing))
    (saga_id,) = await begun(world, world.saga("a"))
    await crash(world, 3)
    async with world.open():
        pass
    await crash(world, 4)
    (await world.finish(saga_id)).unwrap()
    assert world.calls == ["a"] * 10


@pytest.mark.parametrize(("seconds", "runs"), [(59, False), (61, True)])
async def test_a_minute_begins_the_count_again(world: World, seconds: float, *, runs: bool):
    """What kills its process does not take that long; the store is told once."""
    world.does("a", each_time(*[hangs] * 5, nothing))
    (saga_id,) = await begun(world, world.saga("a"))
    await crash(world, 3)
    await crash(world, after=seconds)
    assert trials(world) == [False, False, False, *[True] * runs]
    async with world.open() as sec:
        if runs:
            (await sec.saga_wait(saga_id)).unwrap()
        else:
            with pytest.raises(steno.SagaHaltedError):
                await sec.saga_wait(saga_id)


async def test_each_saga_has_a_minute_from_when_it_was_loaded(world: World):
    """Also if loading all of them takes longer."""
    world.does("a", hangs)
    await begun(world, world.saga("a"), world.saga("a"))
    loads = iter([0, 30])

    async def slowly(method: str) -> None:
        if method == "load":
            await trio.sleep(next(loads))

    world.store.reading = slowly
    async with world.doomed(recover_concurrency=1):
        await trio.sleep(61)
        assert trials(world) == [True]
        await trio.sleep(30)
        assert trials(world) == [True, True]


async def test_a_saga_that_has_gone_on_or_ended_needs_no_minute(world: World):
    """Its event has begun the count again already, so nothing is written."""
    world.does("a", each_time(hangs, hangs, takes(10)))
    world.does("b", each_time(hangs, hangs, takes(10)))
    world.does("c", hangs)
    await begun(world, world.saga("a"), world.saga("b", "c"))
    await crash(world)
    await crash(world, after=100)
    assert trials(world) == [False, False]


async def test_sagas_that_were_never_tried_are_not_condemned(world: World):
    """A process that dies before it loads them says nothing of them."""
    world.does("a", each_time(*[hangs] * 3, nothing))
    (saga_id,) = await begun(world, world.saga("a"))
    await crash(world, 10, recover=False)

    async def never(method: str) -> None:
        if method == "load":
            await trio.sleep_forever()

    world.store.reading = never
    await crash(world, 10)
    world.store.reading = None
    await crash(world, 2)
    (await world.finish(saga_id)).unwrap()
    assert world.calls == ["a"] * 4


# Trials


async def test_the_mark_is_durable_before_the_call_is_made(world: World):
    """Or a process that dies at once would never be counted."""
    world.does("a", each_time(hangs, hangs, nothing))
    (saga_id,) = await begun(world, world.saga("a"))
    await crash(world)
    world.store.script.append(slow(5))
    async with world.open() as sec:
        await trio.sleep(4)
        assert world.calls == ["a"] * 2
        assert trials(world) == [False]
        (await sec.saga_wait(saga_id)).unwrap()
        assert trio.current_time() == 5


async def test_a_mark_that_cannot_be_written_is_done_without(world: World):
    """The saga goes on at once; the life is not counted for it."""
    world.does("a", each_time(*[hangs] * 9, nothing))
    (saga_id,) = await begun(world, world.saga("a"))
    await crash(world)
    for _ in range(7):
        world.store.script.append(unavailable())
        await crash(world)
    assert world.calls == ["a"] * 9
    (await world.finish(saga_id)).unwrap()


async def test_a_saga_that_was_taken_over_meanwhile_is_not_run(world: World):
    """The answer to the mark says so, before anything is called twice."""
    world.does("a", hangs)
    (saga_id,) = await begun(world, world.saga("a"))
    await crash(world)

    async def too_late(write: WriteBatch, batch: Batch) -> Outcomes:
        world.store.inner.claim(saga_id, "other")
        return await write(batch)

    world.store.script.append(too_late)
    async with world.open() as sec:
        with pytest.raises(steno.SagaTakenOver, match='the SEC "other" took it over'):
            await sec.saga_recover(saga_id)
    assert world.calls == ["a"] * 2
    assert world.store.problem(saga_id) is None


# Leaving


@pytest.mark.parametrize("error", [steno.StoreError("no"), steno.StoreUnavailable("away")])
async def test_a_store_that_cannot_note_it_hurts_nobody(
    world: World, caplog: pytest.LogCaptureFixture, error: Exception
):
    """The SEC is left as ever, and the log says why a life may be counted."""

    async def fails(method: str) -> None:
        if method == "leave":
            raise error

    world.store.reading = fails
    async with world.open() as sec:
        (await sec.saga_run(world.saga("a"))).unwrap()
    (record,) = (each for each in caplog.records if each.levelno == logging.WARNING)
    why = "it could not be noted that the SEC was left normally"
    assert record.getMessage() == f"{why}: {error}"


async def test_the_store_is_told_when_nothing_is_written_any_more(world: World):
    """After the last write, and only if the SEC is left normally."""
    told: list[int] = []

    async def note(method: str) -> None:
        if method == "leave":
            told.append(len(world.store.batches))

    world.store.reading = note
    world.does("a", each_time(hangs, takes(10)))
    (saga_id,) = await begun(world, world.saga("a"))
    assert told == []
    async with world.open():
        pass
    assert world.store.state(saga_id) == "succeeded"
    assert told == [len(world.store.batches)]
