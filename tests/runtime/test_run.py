"""Creating a saga and running it in one breath: `saga_run`."""

from uuid import UUID

import pytest
import trio

import steno
from steno.testing.notation import shown
from support.worlds import World, loses_the_answer, refuses, returns, slow, takes

SAGA = UUID(int=1)
RUNNING = steno.SagaCachedState.RUNNING


async def test_a_saga_that_is_run_is_stored_with_its_first_step(world: World):
    """One commit has its creation and the start of its first node; its row says running."""
    async with world.open() as sec:
        await sec.saga_run(world.saga("a"))
    (creation,), (end,) = world.store.batches
    assert (creation.state, shown(creation.events)) == (RUNNING, "1+ 1✓ 0+")
    assert (end.first_seq, shown(end.events)) == (3, "0✓ 2+ 2✓")
    assert world.trace == ["commit start+ start✓ a+", "a", "commit a✓ end+ end✓"]


async def test_a_saga_that_needs_no_action_is_run_too(world: World):
    """It is created as running: what a store is told first is never that a saga has ended."""
    async with world.open() as sec:
        result = await sec.saga_run(world.saga(steno.Node.constant("c", 1)))
        assert result.unwrap().saga_output() == 1
    creation = world.store.batches[0][0]
    assert (creation.state, creation.events) == (RUNNING, ())
    assert world.store.state(result.saga_id) == "succeeded"


async def test_nothing_is_called_of_a_saga_that_could_not_be_stored(world: World):
    """Its first step was taken in thought only."""
    world.store.script.append(refuses(SAGA, ValueError("no room")))
    async with world.open() as sec:
        with pytest.raises(steno.StoreError, match="no room"):
            await sec.saga_run(world.saga("a"), saga_id=SAGA)
        assert await sec.saga_list() == []
        assert world.calls == []
        assert (await sec.saga_run(world.saga("a"), saga_id=SAGA)).unwrap()


@pytest.mark.parametrize("seconds", [0.5, 1.5])
async def test_saga_run_can_be_cancelled_at_any_time(world: World, seconds: float):
    """While it is stored, or while it runs: it goes on, and calling it again waits for it."""
    world.store.script.append(slow(1))
    world.does("a", takes(1, returns(7)))
    async with world.open() as sec:
        with trio.move_on_after(seconds):
            await sec.saga_run(world.saga("a"), saga_id=SAGA)
        result = await sec.saga_run(world.saga("a"), saga_id=SAGA)
    assert result.unwrap().saga_output() == 7
    assert world.calls == ["a"]


async def test_another_saga_of_the_id_is_in_the_way(world: World):
    """It is left as it is, and nothing is called."""
    async with world.open() as sec:
        await sec.saga_create(world.saga("a", params=1), saga_id=SAGA)
        with pytest.raises(steno.SagaIdInUse):
            await sec.saga_run(world.saga("a", params=2), saga_id=SAGA)
        assert world.store.state(SAGA) == "ready"
    assert world.calls == []


async def test_a_crash_right_after_a_saga_was_stored_loses_nothing(world: World):
    """Its first action was not called, and is at the next open."""
    async with world.doomed() as sec:
        world.store.script.append(loses_the_answer)
        with trio.move_on_after(0.01):
            await sec.saga_run(world.saga("a"), saga_id=SAGA)
    assert (world.store.state(SAGA), world.store.log(SAGA)) == ("running", "1+ 1✓ 0+")
    assert world.calls == []
    await world.finish(SAGA)
    assert world.calls == ["a"]
