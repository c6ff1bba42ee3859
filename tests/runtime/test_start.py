"""Starting: what was never started stays ready, and a start that was acknowledged is durable."""

from collections.abc import Callable

import pytest
import trio
from trio.testing import wait_all_tasks_blocked

import steno
from steno.testing.notation import shown
from support.worlds import World, answers_at, ids, takes


async def test_a_saga_that_was_never_started_stays_ready(world: World):
    """Opening a SEC loads it and starts nothing; leaving waits for nothing."""
    async with world.doomed() as sec:
        saga = await sec.saga_create(world.saga("a"))
    for _ in range(2):
        async with world.open() as sec:
            await trio.sleep(100)
            assert sec.statistics().ready == 1
            assert isinstance((await sec.saga_get(saga.saga_id)).state, steno.SagaReady)
    assert world.calls == []
    async with world.open() as sec:
        await sec.saga_start(saga.saga_id)
        (await sec.saga_wait(saga.saga_id)).unwrap()


async def test_recovering_a_ready_saga_does_not_start_it(world: World):
    """Also where it is another SEC's."""
    async with world.doomed(sec_name="one") as sec:
        saga = await sec.saga_create(world.saga("a"))
    async with world.open(sec_name="two") as sec:
        handle = await sec.saga_recover(saga.saga_id)
        await trio.sleep(10)
        assert world.calls == []
        await handle.start()
        (await handle.wait()).unwrap()


async def test_a_start_is_acknowledged_once_it_is_durable(world: World):
    """Until then the saga shows as ready."""
    answer = trio.Event()
    async with world.open() as sec, trio.open_nursery() as nursery:
        saga = await sec.saga_create(world.saga("a"))
        world.store.script.append(answers_at(answer))
        started = []

        @nursery.start_soon
        async def start():
            await saga.start()
            started.append(1)

        @nursery.start_soon
        async def start_again():
            await wait_all_tasks_blocked()
            with pytest.raises(steno.SagaNotReady):
                await saga.start()
            started.append(2)

        await wait_all_tasks_blocked()
        assert isinstance((await saga.view()).state, steno.SagaReady)
        assert started == []
        answer.set()
        await wait_all_tasks_blocked()
        assert sorted(started) == [1, 2]


async def test_a_start_that_was_acknowledged_outlives_a_crash(world: World):
    """At once, and without being asked for again."""
    async with world.doomed() as sec:
        saga = await sec.saga_create(world.saga("a"))
        await saga.start()
    async with world.open() as sec:
        (await sec.saga_wait(saga.saga_id)).unwrap()


async def test_creating_and_starting_is_one_transaction(world: World):
    """The first step is stored with the saga."""
    async with world.open() as sec:
        saga = await sec.saga_create(world.saga("a"), start=True)
        (creation,) = world.store.batches[0]
        assert shown(creation.events) == "1+ 1✓ 0+"
        assert creation.state is steno.SagaCachedState.RUNNING
        (await saga.wait()).unwrap()
    assert len(world.store.batches) == 2


@pytest.mark.parametrize("stage", ["a", steno.Node.constant("c", 1)], ids=["action", "none"])
async def test_what_was_created_and_started_outlives_a_crash(world: World, stage: object):
    """It goes on, even if it crashed before anything of it was called."""
    async with world.doomed() as sec:
        saga = await sec.saga_create(world.saga(stage), start=True)
    assert world.store.state(saga.saga_id) in {"running", "succeeded"}
    async with world.open() as sec:
        (await sec.saga_wait(saga.saga_id)).unwrap()


@pytest.mark.parametrize("before", ["ready", "running", "done", "another life"])
async def test_creating_an_existing_saga_starts_it(world: World, before: str):
    """It returns the handle; a saga that was started before goes on undisturbed."""
    (saga_id,) = ids(1)
    dag = world.saga("a", params=1)
    world.does("a", takes(10))
    async with world.doomed() as sec:
        first = await sec.saga_create(dag, saga_id=saga_id, start=before in {"running", "done"})
        if before == "done":
            await first.wait()
        if before != "another life":
            again = await sec.saga_create(dag, saga_id=saga_id, start=True)
            assert again == first
            (await again.wait()).unwrap()
    if before == "another life":
        async with world.open() as sec:
            again = await sec.saga_create(dag, saga_id=saga_id, start=True)
            (await again.wait()).unwrap()
    assert world.calls == ["a"]


@pytest.mark.parametrize("start", [False, True])
async def test_an_existing_saga_may_be_used_whatever_its_graph(world: World, *, start: bool):
    """As when a new build makes another graph of the same order."""
    (saga_id,) = ids(1)
    async with world.open() as sec:
        await sec.saga_create(world.saga("a", params=1), saga_id=saga_id)
        other = world.saga("b", params=2)
        with pytest.raises(steno.SagaIdInUse):
            await sec.saga_create(other, saga_id=saga_id, start=start)
        assert isinstance((await sec.saga_get(saga_id)).state, steno.SagaReady)
        saga = await sec.saga_create(other, saga_id=saga_id, start=start, if_exists="use")
        if start:
            assert (await saga.wait()).unwrap().saga_output() == "a!"
        else:
            assert isinstance((await saga.view()).state, steno.SagaReady)


async def test_a_misspelt_if_exists_is_refused(world: World):
    """Before anything is stored."""
    async with world.open() as sec:
        with pytest.raises(ValueError, match='if_exists must be "compare" or "use"'):
            await sec.saga_create(world.saga("a"), if_exists="replace")
        assert await sec.saga_list() == []


@pytest.mark.parametrize("crash", [False, True])
async def test_a_dump_that_is_finished_is_ready_until_it_is_started(world: World, *, crash: bool):
    """Starting it begins nothing, so the order is logged, with the end, before it returns."""
    async with world.open() as sec:
        result = await sec.saga_run(world.saga("a"))
        dump = (await sec.saga_get(result.saga_id)).serialized()
    other = World()
    other.registry = world.registry
    opened: Callable = other.doomed if crash else other.open
    async with opened() as sec:
        saga = await sec.saga_resume(dump)
        if not crash:
            await saga.start()
            (await saga.wait()).unwrap()
    if crash:
        assert other.store.state(saga.saga_id) == "ready"
        (await other.finish(saga.saga_id)).unwrap()
    assert other.store.state(saga.saga_id) == "succeeded"
    assert other.store.log(saga.saga_id) == "1+ 1✓ 0+ 0✓ 2+ 2✓ «=import «=start"
