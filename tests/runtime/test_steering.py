"""Orders on sagas: start, pause, resume, unwind, abandon, deadlines and signals."""

from datetime import UTC, datetime, timedelta

import pytest
import trio
from trio.testing import wait_all_tasks_blocked

import steno
from steno.store import SagaRecord
from steno.testing.notation import SAGA_ID, events
from support.timed import START, TimedWorld
from support.worlds import (
    Batch,
    Outcomes,
    World,
    WriteBatch,
    each_time,
    hangs,
    raises,
    returns,
    takes,
)

State = steno.SagaCachedState


async def state_of(saga: steno.SagaHandle) -> State:
    return (await saga.view()).state.state


@pytest.fixture
def timed() -> TimedWorld:
    return TimedWorld()


# Pauses


async def test_a_pause_begins_nothing_and_lets_calls_end(world: World):
    """The saga leaves memory then; a resumption goes on where it was."""
    world.does("a", takes(5))
    async with world.open() as sec:
        saga = await sec.saga_create(world.saga("a", "b"), start=True)
        await wait_all_tasks_blocked()
        await saga.pause(by="ann", why="a look")
        assert await state_of(saga) is State.PAUSED
        assert sec.statistics().running == 1
        await trio.sleep(10)
        assert (world.calls, sec.statistics().running) == (["a"], 0)
        view = (await saga.view()).state
        assert isinstance(view, steno.SagaRunning)
        assert (view.state, view.paused) == (State.PAUSED, True)
        await saga.resume()
        (await saga.wait()).unwrap()
    assert world.store.log(saga.saga_id) == ("2+ 2✓ 0+ «=pause 0✓ «=resume 1+ 1✓ 3+ 3✓")


async def test_a_paused_saga_is_not_loaded_at_the_next_open(world: World):
    """Nor is it a reason to wait when a SEC is left; its calls are made again when it goes on."""
    world.does("a", each_time(hangs, returns(1)))
    async with world.doomed() as sec:
        saga = await sec.saga_create(world.saga("a", "b"), start=True)
        await wait_all_tasks_blocked()
        await saga.pause()
    async with world.open() as sec:
        await wait_all_tasks_blocked()
        assert world.store.row(saga.saga_id).fence.generation == 1  # of the life that paused it
        assert (world.calls, world.store.state(saga.saga_id)) == (["a"], "paused")
        handle = sec.saga_handle(saga.saga_id)
        assert await state_of(handle) is State.PAUSED
    async with world.open() as sec:
        await sec.saga_handle(saga.saga_id).resume()
        (await sec.saga_wait(saga.saga_id)).unwrap()
    assert world.calls == ["a", "a", "b"]


async def test_waiting_goes_on_through_a_pause(world: World):
    """Whether it began before the pause, or in it."""
    world.does("a", takes(5))
    results = []

    async def wait(saga: steno.SagaHandle) -> None:
        results.append(await saga.wait())

    async with world.open() as sec, trio.open_nursery() as nursery:
        saga = await sec.saga_create(world.saga("a", "b"), start=True)
        nursery.start_soon(wait, saga)
        await wait_all_tasks_blocked()
        await saga.pause()
        await trio.sleep(10)
        nursery.start_soon(wait, saga)
        await trio.sleep(10)
        with trio.move_on_after(1):
            await saga.wait()
        assert results == []
        await saga.resume()
    assert [type(each) for each in results] == [steno.SagaResultOk] * 2


async def test_a_wait_ends_when_the_sec_is_left(world: World):
    """A paused saga stays stored."""
    world.does("a", takes(5))
    told = []

    async def wait(saga: steno.SagaHandle) -> None:
        with pytest.raises(steno.SecClosing) as closing:
            await saga.wait()
        told.append(str(closing.value))

    async with world.open() as sec, trio.open_nursery() as nursery:
        saga = await sec.saga_create(world.saga("a", "b"), start=True)
        await saga.pause()
        await trio.sleep(10)
        nursery.start_soon(wait, saga)
        await wait_all_tasks_blocked()
        await sec.drain()
        await wait(saga)
    assert [f"saga {saga.saga_id} is not finished" in text for text in told] == [True, True]


async def test_commands_on_a_paused_saga(world: World):
    """In memory for somebody who waits, or not: each is refused, or done, with nothing begun."""
    async with world.open() as sec, trio.open_nursery() as nursery:
        world.does("a", takes(5))
        saga = await sec.saga_create(world.saga("a", "b"), start=True, saga_id=SAGA_ID)
        await saga.pause()
        await trio.sleep(10)
        for waits in (False, True):
            if waits:
                nursery.start_soon(saga.wait)
                await wait_all_tasks_blocked()
            with pytest.raises(steno.OrderRefused, match="is paused already"):
                await saga.pause()
            with pytest.raises(steno.SagaNotReady):
                await saga.start()
            with pytest.raises(steno.CommandError):
                await saga.inject_error("b")
            with pytest.raises(steno.SagaIdInUse):
                await sec.saga_create(world.saga("b"), saga_id=SAGA_ID)
            await saga.recover()
            await saga.hold("b") if not waits else await saga.retry("b")
            assert await state_of(saga) is State.PAUSED
        assert world.calls == ["a"]
        await saga.resume()
    assert world.calls == ["a", "b"]


async def test_a_ready_saga_takes_orders(world: World):
    """It stays ready; they are in effect when it is started."""
    async with world.open() as sec:
        saga = await sec.saga_create(world.saga("a", "b"))
        await saga.hold("b", why="not yet")
        await saga.pause()
        assert isinstance((await saga.view()).state, steno.SagaReady)
        assert (await saga.view()).state.paused
        await saga.start(by="ann", why="now")
        assert await state_of(saga) is State.PAUSED
        assert world.calls == []
        await saga.resume()
        await trio.sleep(1)
        assert world.calls == ["a"]
        await saga.retry("b")
        (await saga.wait()).unwrap()
        with pytest.raises(steno.SagaNotReady):
            await saga.start()


async def test_a_saga_that_goes_on_after_a_pause_cannot_be_started(world: World):
    """Those who try are told at once, however long it runs, or waits to be repaired."""
    world.does("a", takes(0.5))
    async with world.open() as sec:
        saga = await sec.saga_create(world.saga("a", "b"), start=True)
        await saga.hold("b")
        await saga.pause()
        await trio.sleep(1)
        await saga.resume()
        with pytest.raises(steno.SagaHeldError):
            await saga.wait()
        with trio.fail_after(1), pytest.raises(steno.SagaNotReady):
            await saga.start()
        await saga.retry("b")
        (await saga.wait()).unwrap()


async def test_a_start_needs_what_was_seen(world: World):
    """It is refused if somebody ordered something else meanwhile."""
    async with world.open() as sec:
        saga = await sec.saga_create(world.saga("a"))
        await saga.hold("a")
        with pytest.raises(steno.OrderRefused, match="the log has 1 events, not the 0"):
            await saga.start(expect=0)
        await saga.start(expect=1)
        await saga.retry("a")
        (await saga.wait()).unwrap()


# Unwinding


@pytest.mark.parametrize("crash", [False, True])
@pytest.mark.parametrize("evicted", [False, True])
async def test_a_saga_that_has_succeeded_is_unwound(world: World, *, crash: bool, evicted: bool):
    """All its nodes are undone, in reverse order, however long ago it ended."""
    async with world.open() as sec:
        saga = await sec.saga_create(world.saga("a", ["b", "c"], "d"), start=True)
        (await saga.wait()).unwrap()
        for _ in range(101 if evicted else 0):
            await sec.saga_run(world.saga("b"))
        if not crash:
            del world.trace[:]
            await saga.unwind(by="ann", why="the trip is off")
            result = await saga.wait()
    if crash:
        del world.trace[:]
        async with world.doomed() as sec:
            saga = sec.saga_handle(saga.saga_id)
            await saga.unwind(by="ann", why="the trip is off")
        result = await world.finish(saga.saga_id)
    first, *middle, last = dict.fromkeys(world.calls)  # after a crash one is made again
    assert (first, sorted(middle), last) == ("~d", ["~b", "~c"], "~a")
    assert result.error_node_name is None
    assert result.error_source == steno.Unwound("ann", "the trip is off")
    assert str(result) == "unwound by ann: the trip is off"
    assert world.store.state(saga.saga_id) == "failed"


async def test_what_is_under_way_ends_before_it_is_undone(world: World):
    """Its result is logged, and then it is undone with all that came before it."""
    world.does("b", takes(5))
    async with world.open() as sec:
        saga = await sec.saga_create(world.saga("a", "b", "c"), start=True)
        await trio.sleep(1)
        await saga.unwind(why="no")
        with pytest.raises(steno.OrderRefused, match="unwinds already"):
            await saga.unwind(why="no")
        assert await state_of(saga) is State.UNWINDING
        result = await saga.wait()
        with pytest.raises(steno.OrderRefused, match="has failed, and is undone"):
            await saga.unwind(why="no")
    assert world.calls == ["a", "b", "~b", "~a"]
    assert result.undo_failure is None


async def test_a_ready_saga_that_is_unwound_fails_at_once(world: World):
    """Nothing was done, so nothing is undone."""
    async with world.open() as sec:
        saga = await sec.saga_create(world.saga("a"))
        await saga.unwind(why="never mind")
        assert (await saga.wait()).error_source == steno.Unwound("default", "never mind")
    assert (world.calls, world.store.log(saga.saga_id)) == ([], "«=unwind")


async def test_reasons_are_needed(world: World):
    """They are checked before anything is sent."""
    async with world.open() as sec:
        saga = await sec.saga_create(world.saga("a"))
        for give in (saga.unwind, saga.abandon):
            with pytest.raises(ValueError, match="why must not be empty"):
                await give(why=" ")
        assert world.store.log(saga.saga_id) == ""


# Abandoning


async def test_an_abandoned_saga_is_finished_as_it_stands(world: World):
    """Calls under way are cancelled, and nothing is undone."""
    world.does("b", hangs)
    async with world.open() as sec:
        saga = await sec.saga_create(world.saga("a", "b"), start=True)
        await wait_all_tasks_blocked()
        await saga.abandon(by="ann", why="gone")
        result = await saga.wait()
        assert result.error_source == steno.Abandoned("ann", "gone")
        assert await state_of(saga) is State.ABANDONED
        with pytest.raises(steno.OrderRefused, match="was abandoned"):
            await saga.resume()
        with pytest.raises(steno.SagaNotRunning):
            await saga.retry("b")
    assert (world.calls, world.store.state(saga.saga_id)) == (["a", "b"], "abandoned")
    async with world.open() as sec:
        assert (await sec.saga_wait(saga.saga_id)).error_source == result.error_source


async def test_a_stuck_saga_is_abandoned(world: World):
    """It is not stuck any more, and what could not be undone stays."""
    world.does("b", raises(ValueError("no")))
    world.undoes("a", raises(OSError("no")))
    async with world.open() as sec:
        saga = await sec.saga_create(world.saga("a", "b"), start=True)
        result = await saga.wait()
        assert result.undo_failure is not None
        await saga.abandon(why="done by hand")
        assert isinstance((await saga.wait()).error_source, steno.Abandoned)
    assert world.store.state(saga.saga_id) == "abandoned"


# Deadlines


async def test_a_saga_is_unwound_at_its_deadline(timed: TimedWorld):
    """The order is made by the deadline; what is under way ends first."""
    timed.does("b", takes(100))
    async with timed.open() as sec:
        dag = timed.saga("a", "b", "c")
        saga = await sec.saga_create(dag, start=True, deadline=START + timedelta(seconds=50))
        result = await saga.wait()
    assert result.error_source == steno.Unwound("deadline", "its deadline has passed")
    assert timed.calls == ["a", "b", "~b", "~a"]


async def test_a_deadline_survives_a_crash_and_can_be_put_off(timed: TimedWorld):
    """The last one counts, and None removes it."""
    timed.does("a", each_time(hangs, takes(100)))
    async with timed.doomed() as sec:
        saga = await sec.saga_create(timed.saga("a", "b"), start=True)
        await saga.deadline(START + timedelta(seconds=50))
    async with timed.open() as sec:
        saga = sec.saga_handle(saga.saga_id)
        await saga.deadline(START + timedelta(seconds=80))
        await saga.deadline(None)
        (await saga.wait()).unwrap()


async def test_bad_deadlines(world: World):
    """They need a time zone, and a saga that has not ended."""
    async with world.open() as sec:
        with pytest.raises(ValueError, match="must have a time zone"):
            await sec.saga_create(world.saga("a"), deadline=datetime(2024, 1, 1))  # noqa: DTZ001 - that is the point
        assert await sec.saga_list() == []
        saga = await sec.saga_create(world.saga("a"), start=True)
        await saga.wait()
        with pytest.raises(TypeError, match="must be a datetime"):
            await saga.deadline(5)
        with pytest.raises(steno.OrderRefused, match="has succeeded"):
            await saga.deadline(datetime(2100, 1, 1, tzinfo=UTC))


# Signals


def approval(world: World) -> steno.SagaDag:
    world.saga("book", "pay")
    builder = steno.DagBuilder("approval")
    builder.append(steno.Node.action("book", "book"))
    builder.append(steno.Node.signal("approved", "approval", type=bool))
    builder.append(steno.Node.action("pay", "pay"))
    return steno.SagaDag(builder.build(), None)


@pytest.mark.parametrize("early", [False, True])
@pytest.mark.parametrize("crash", [False, True])
async def test_a_signal_is_taken_early_or_late(world: World, *, early: bool, crash: bool):
    """A saga that waits for one takes no task of its own, and survives a crash."""
    dag = approval(world)
    async with world.doomed() if crash else world.open() as sec:
        saga = await sec.saga_create(dag, start=not early)
        if not early:
            await wait_all_tasks_blocked()
            assert (await saga.view()).state.status.node_state("approved").value == "waiting"
        await saga.signal("approval", value := {"by": "ann"})
        if early:
            await saga.signal("approval", value)
            await saga.start()
    result = await world.finish(saga.saga_id)
    assert result.unwrap().lookup_node_output("approved") == {"by": "ann"}
    assert world.store.log(saga.saga_id).count("«=signal") == 1


async def test_signals_that_are_refused(world: World):
    """No node waits for it, or another value was sent, or taken."""
    dag = approval(world)
    async with world.open() as sec:
        saga = await sec.saga_create(dag)
        with pytest.raises(steno.OrderRefused, match='no node that waits for a signal "other"'):
            await saga.signal("other")
        with pytest.raises(TypeError, match="name of a signal"):
            await saga.signal(5)
        with pytest.raises(steno.SerializeError):
            await saga.signal("approval", object())
        await saga.signal("approval", 1)
        with pytest.raises(steno.OrderRefused, match="was sent already, with another value"):
            await saga.signal("approval", 2)
        await saga.signal("approval", 2, replace=True)
        await saga.start()
        ok = (await saga.wait()).unwrap()
        assert ok.lookup_node_output("approved") == 2
        with pytest.raises(steno.OrderRefused, match="has succeeded"):
            await saga.signal("approval", 3, replace=True)


async def test_a_saga_that_only_waits_holds_up_neither_a_drain_nor_leaving(world: World):
    """It stays stored, and goes on at the next open."""
    dag = approval(world)
    async with world.open() as sec:
        saga = await sec.saga_create(dag, start=True)
        await wait_all_tasks_blocked()
        await sec.drain()
    async with world.open() as sec:
        await sec.saga_handle(saga.saga_id).signal("approval", True)
        (await sec.saga_wait(saga.saga_id)).unwrap()


async def test_an_imported_saga_takes_orders_before_its_start(world: World):
    """What is recorded begins nothing."""
    async with world.open() as sec:
        saga = await sec.saga_resume(SAGA_ID, world.saga("a", "b"), events("2+ 2✓ 0+"))
        await saga.hold("b")
        assert world.store.log(SAGA_ID) == "2+ 2✓ 0+ «=import 1«"
        await saga.unwind(why="no")
        result = await saga.wait()
    assert world.calls == ["a", "~a"]
    assert isinstance(result.error_source, steno.Unwound)


# Attention


async def test_what_needs_attention_is_found_and_counted(world: World):
    """A saga that is stuck, by its node and the class of the error, until it is repaired."""
    world.does("b", raises(ValueError("no")))
    world.undoes("a", each_time(raises(OSError("no")), returns(None)))
    async with world.open() as sec:
        saga = await sec.saga_create(world.saga("a", "b"), start=True)
        await saga.wait()
        stuck = {steno.abc.Attention.STUCK}
        (found,) = await sec.saga_list(attention=stuck, attention_node="a", error_type="OSError")
        assert found.saga_id == saga.saga_id
        (group,) = await sec.saga_attention()
        assert (group.attention.value, group.node, group.count) == ("stuck", "a", 1)
        await saga.retry("a")
        await saga.wait()
        assert await sec.saga_attention() == []
        assert await sec.saga_list(attention=stuck) == []


async def test_a_saga_that_is_halted_needs_attention(world: World):
    """Its row says so, beside the problem, until it goes on."""
    plain = world.store.then

    async def refuse(write: WriteBatch, batch: Batch) -> Outcomes:
        if any(isinstance(item, SagaRecord) for item in batch):
            raise ValueError("no")
        return await write(batch)

    async with world.open() as sec:
        saga = await sec.saga_create(world.saga("a"))
        world.store.then = refuse
        with pytest.raises(steno.SagaHaltedError):
            await saga.start()
        await trio.sleep(1)
        (group,) = await sec.saga_attention()
        assert (group.attention.value, group.node) == ("halted", None)
        world.store.then = plain
        await saga.recover()
        await saga.start()
        (await saga.wait()).unwrap()
        assert await sec.saga_attention() == []
