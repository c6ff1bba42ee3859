"""
Faults of Steno that were reproduced on a build of it, and that this library must not have.

Each test is named for its row of the specification's list, and would fail on Steno. Rows 1, 4 and 7
are faults of what is pure here, and are tested with the core.
"""

import pytest
import trio
from trio.testing import wait_all_tasks_blocked

import steno
from steno.store import Lost, SagaRecord
from support.worlds import (
    Context,
    World,
    each_time,
    hangs,
    raises,
    returns,
    slow,
    takes,
    waits_for,
)

NO = ValueError("no")


async def test_row_2_concurrent_failures_do_not_kill_the_sec(world: World):
    """Siblings that fail at the same moment are both logged, in one state; the saga unwinds."""
    for name in "bcd":
        world.does(name, takes(1, raises(NO)))
    async with world.open() as sec:
        result = await sec.saga_run(world.saga("a", ["b", "c", "d", "e"], "f"))
        (await sec.saga_run(world.saga("after"))).unwrap()
    log = world.store.log(result.saga_id)
    assert log.count("✗") == 3
    assert log.endswith("4- 4∅ 0- 0∅ 6- 6∅")
    assert world.store.state(result.saga_id) == "failed"


@pytest.mark.parametrize("crashed", [False, True])
async def test_row_3_two_undo_failures_at_once_leave_the_saga_stuck(world: World, *, crashed: bool):
    """The SEC lives; so it does when it recovers such a log."""
    world.does("d", raises(NO))
    for name in "bc":
        world.undoes(name, takes(1, raises(OSError(name))))
    async with world.doomed() as sec:
        saga = await sec.saga_create(world.saga("a", ["b", "c"], "d"))
        await saga.start()
        await trio.sleep(1 if crashed else 2)
        await wait_all_tasks_blocked()
        events = world.store.row(saga.saga_id).events
        assert world.store.log(saga.saga_id).count("!") == 2
        dag = (await saga.view()).serialized().dag
    elsewhere = World()
    elsewhere.saga(*"abcd")
    async with elsewhere.open() as sec:
        resumed = await sec.saga_resume(saga.saga_id, dag, events)
        await resumed.start()
        result = await resumed.wait()
        (await sec.saga_run(elsewhere.saga("a"))).unwrap()
    assert result.undo_failure is not None
    log = elsewhere.store.row(saga.saga_id).events
    assert tuple(event for event in log if event.node_id is not None) == tuple(events)
    assert world.store.state(saga.saga_id) == elsewhere.store.state(saga.saga_id) == "stuck"


async def test_row_5_a_second_start_does_not_disturb_the_running_saga(world: World):
    """It is refused, and the saga and its waiters go on."""
    world.does("a", takes(10))
    async with world.open() as sec, trio.open_nursery() as nursery:
        saga = await sec.saga_create(world.saga("a", "b"))
        await saga.start()
        nursery.start_soon(saga.wait)
        await trio.sleep(5)
        for _ in range(3):
            with pytest.raises(steno.SagaNotReady) as refused:
                await saga.start()
            assert str(refused.value) == f'saga not in "ready" state: {saga.saga_id}'
        (await saga.wait()).unwrap()
    assert world.calls == ["a", "b"]
    assert trio.current_time() == 10


async def test_row_6_status_and_list_do_not_wait_for_a_slow_store_write(world: World):
    """A store that takes a hundred seconds for a commit does not keep anybody from looking."""
    async with world.open() as sec, trio.open_nursery() as nursery:
        saga = await sec.saga_create(world.saga("a"))
        world.store.then = slow(100)
        nursery.start_soon(saga.start)
        await wait_all_tasks_blocked()
        view = await saga.view()
        (listed,) = await sec.saga_list()
        assert trio.current_time() == 0
        assert isinstance(view.state, steno.SagaReady)  # what is durable
        assert "(start node)" in str(view.state.status)
        assert listed.state is steno.SagaCachedState.READY
    assert trio.current_time() == 200


class Panic(Exception):
    def __str__(self) -> str:
        raise self


async def test_row_8_an_action_that_panics_or_looks_up_what_is_not_there_fails(world: World):
    """Its saga unwinds, or is held for a lookup; nobody waits for ever."""

    async def look(ctx: Context) -> object:
        return ctx.lookup("nothing of that name")

    async def panic(ctx: Context) -> object:
        return ctx.no_such_attribute

    for bad in (panic, raises(Panic()), raises(RecursionError()), raises(MemoryError())):
        world.does("b", bad)
        async with world.open() as sec:
            result = await sec.saga_run(world.saga("a", "b"))
        assert result.error_node_name == "b"
        assert world.store.state(result.saga_id) == "failed"
    assert world.calls == ["a", "b", "~a"] * 4
    world.does("b", look)
    async with world.open() as sec:
        with pytest.raises(steno.SagaHeldError):
            await sec.saga_run(world.saga("a", "b"))


async def test_row_9_finished_sagas_do_not_stay_in_memory(world: World):
    """A bounded number does; the others are read from the store when somebody asks."""
    dag = world.saga("a", params=5)
    async with world.open() as sec:
        first = await sec.saga_run(dag)
        for _ in range(300):
            await sec.saga_run(dag)
        assert sec.statistics().finished <= 100
        view = await sec.saga_get(first.saga_id)
        assert list(view.serialized().events) == list(first.saga_log.events)
        assert len(await sec.saga_list(limit=1000)) == 301


async def test_row_10_a_saga_is_validated_before_it_is_stored(world: World):
    """A saga that cannot run leaves no orphan behind."""
    unknown = World().saga("a", "b", name="trip")
    async with world.open() as sec:
        for command in (sec.saga_create, sec.saga_run):
            with pytest.raises(steno.SagaValidationError) as refused:
                await command(unknown)
            assert str(refused.value) == (
                'validating saga "trip": action for node "a" not registered: "a"'
            )
        assert await sec.saga_list() == []
    assert world.store.batches == []


async def test_row_11_a_stuck_saga_is_stored_as_stuck(world: World):
    """It can be told from a finished one, and found."""
    world.does("c", raises(NO))
    world.undoes("b", raises(NO))
    async with world.open() as sec:
        stuck = await sec.saga_run(world.saga("a", "b", "c"))
        await sec.saga_run(world.saga("a", "c"))
        await sec.saga_run(world.saga("a"))
        found = await sec.saga_list(states=[steno.SagaCachedState.STUCK])
    assert [summary.saga_id for summary in found] == [stuck.saga_id]
    async with world.open() as sec:  # nothing that a restart would change
        assert await sec.saga_list(states=[steno.SagaCachedState.STUCK]) == found
    assert world.store.log(stuck.saga_id).endswith("2✗ 1- 1!")


async def test_row_12_a_sec_that_was_taken_over_cannot_write(world: World):
    """Every write names the generation that it belongs to, and an old one is refused."""
    go_on = trio.Event()
    world.does("a", each_time(waits_for(go_on, returns("old")), hangs, returns("new")))
    async with world.doomed() as old:
        saga = await old.saga_create(world.saga("a"))
        await saga.start()
        await wait_all_tasks_blocked()
        async with world.doomed():
            await wait_all_tasks_blocked()
            before = world.store.row(saga.saga_id)
            go_on.set()
            await wait_all_tasks_blocked()
            assert world.store.row(saga.saga_id) == before
            with pytest.raises(steno.SagaHaltedError):
                await saga.wait()
    late = [w for batch in world.store.batches for w in batch if isinstance(w, SagaRecord)]
    assert {world.store.inner.write(write) for write in late} == {Lost("default")}
    assert (await world.finish(saga.saga_id)).unwrap().saga_output() == "new"
