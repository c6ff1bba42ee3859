"""Sagas that cannot be read at all: they are abandoned in their rows."""

import sqlite3
from datetime import timedelta
from pathlib import Path

import pytest
import trio

import steno
from steno.testing.notation import SAGA_ID, event
from support.stored import put, stored
from support.worlds import Batch, Outcomes, World, WriteBatch, works

State = steno.SagaCachedState


async def unreadable(world: World, how: str, log: str = "1+ 1✓ 0+") -> None:
    """Store a saga whose graph, or whose log, cannot be read."""
    await put(world, world.saga("a"), log)
    if how == "graph":
        world.store.spoil_graph(SAGA_ID, "{")
    else:
        world.store.spoil_log(SAGA_ID, [event("0✓")])


every_damage = pytest.mark.parametrize("how", ["graph", "log"])


@pytest.mark.parametrize("recover", [True, False])
@every_damage
async def test_it_is_abandoned_in_its_row(world: World, how: str, *, recover: bool):
    """Its log stays as it is; the row says by whom and why, and nobody has to look at it."""
    await unreadable(world, how)
    async with world.open(recover=recover) as sec:
        saga = sec.saga_handle(SAGA_ID)
        await saga.abandon(by="ann", why="it is gone")
        (summary,) = await sec.saga_list()
        assert summary.state is State.ABANDONED
        assert summary.problem.startswith("abandoned by ann: it is gone; it could not be loaded: ")
        assert await sec.saga_attention() == []
        assert sec.statistics().halted == 0
        with pytest.raises(steno.SagaNotRunning):
            await saga.abandon(why="again")
        with pytest.raises(steno.SagaHaltedError, match="abandoned by ann: it is gone"):
            await saga.wait()
    async with world.open() as sec:
        with pytest.raises(steno.SagaNotRunning):
            await sec.saga_recover(SAGA_ID)
        assert await sec.saga_prune(timedelta(0), states={State.ABANDONED}) == 1


async def test_its_view_says_so(world: World):
    """As far as there is something to be shown."""
    await unreadable(world, "graph")
    async with world.open() as sec:
        saga = sec.saga_handle(SAGA_ID)
        await saga.abandon(by="ann", why="it is gone")
        view = (await saga.view()).state
        assert isinstance(view, steno.SagaHalted)
        assert (view.state, view.status) == (State.ABANDONED, None)
        assert "abandoned by ann" in view.problem


@every_damage
async def test_what_its_log_would_say_is_not_known(world: World, how: str):
    """Other orders are refused, and so is one that depends on the length of the log."""
    await unreadable(world, how)
    async with world.open() as sec:
        saga = sec.saga_handle(SAGA_ID)
        for give in (saga.pause(), saga.unwind(why="no"), saga.hold("a")):
            with pytest.raises(steno.SagaHaltedError, match="could not be loaded"):
                await give
        with pytest.raises(steno.OrderRefused, match="leave expect= out"):
            await saga.abandon(why="no", expect=3)
    assert (await stored(world))[1:3] == ("running", "quarantined")


async def test_a_finished_saga_stays_as_it_is(world: World):
    """Whatever cannot be read of it."""
    await unreadable(world, "graph", "1+ 1✓ 0+ 0✓ 2+ 2✓")
    async with world.open() as sec:
        with pytest.raises(steno.SagaNotRunning):
            await sec.saga_handle(SAGA_ID).abandon(why="no")
    assert (await stored(world))[1] == "succeeded"


async def test_one_of_another_sec_is_left_to_it(world: World):
    """It may be able to read it."""
    await unreadable(world, "graph")
    async with world.open(sec_name="other") as sec:
        with pytest.raises((steno.SagaHaltedError, steno.RecoveryError)):
            await sec.saga_handle(SAGA_ID).abandon(why="no")
    assert (await stored(world))[1] == "running"


async def test_two_tasks_abandon_it_at_once(world: World):
    """One does, and the other is told that it is finished; so is one that recovers it."""
    await unreadable(world, "log")
    ends = []

    async def give(order: object) -> None:
        try:
            await order
        except (steno.SagaNotRunning, steno.SagaHaltedError, steno.RecoveryError) as error:
            ends.append(type(error).__name__)
        else:
            ends.append("done")

    async with world.open() as sec, trio.open_nursery() as nursery:
        saga = sec.saga_handle(SAGA_ID)
        for order in (saga.abandon(why="no"), saga.abandon(why="no"), saga.recover()):
            nursery.start_soon(give, order)
    assert ends.count("done") == 1
    assert (await stored(world))[1] == "abandoned"


@pytest.mark.parametrize("written", [False, True])
async def test_a_store_that_fails_then(world: World, *, written: bool):
    """The order is refused with the reason, unless it was written; the saga is as it was."""
    await unreadable(world, "graph")

    async def fails(write: WriteBatch, batch: Batch) -> Outcomes:
        if any(getattr(each, "abandons", False) for each in batch):
            if written:
                await write(batch)
            raise ValueError("no")
        return await write(batch)

    async with world.open() as sec:
        saga = sec.saga_handle(SAGA_ID)
        world.store.then = fails
        with pytest.raises(steno.SagaHaltedError, match="could not be recorded"):
            await saga.abandon(why="no")
        world.store.then = works
        if written:
            with pytest.raises(steno.SagaNotRunning):
                await saga.abandon(why="no")
        else:
            assert (await stored(world))[1] == "running"
            await saga.abandon(why="no")
    assert (await stored(world))[1] == "abandoned"


async def test_a_damaged_row_of_a_file(world: World, tmp_path: Path):
    """What SQLite cannot read of a saga does not matter, as long as its owner is known."""
    path = tmp_path / "sagas.db"
    world.store = steno.SqliteSecStore(path, inline=True)
    await put(world, world.saga("a"), "1+ 1✓ 0+")
    with sqlite3.connect(path) as db:
        db.execute("UPDATE step SET events = 'what?'")
    db.close()
    async with world.open(sec_name="other") as sec:
        with pytest.raises(steno.SagaHaltedError, match="belongs to another SEC"):
            await sec.saga_handle(SAGA_ID).abandon(why="no")
    async with world.open() as sec:
        saga = sec.saga_handle(SAGA_ID)
        await saga.abandon(by="ann", why="it is gone")
        with pytest.raises(steno.SagaNotRunning):
            await saga.abandon(by="ann", why="it is gone")
        (summary,) = await sec.saga_list()
        assert summary.state is State.ABANDONED
        assert "abandoned by ann: it is gone; it could not be loaded: " in summary.problem
        assert await sec.saga_prune(timedelta(0), states={State.ABANDONED}) == 1
