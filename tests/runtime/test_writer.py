"""A store that fails: once, for a while, for ever, for one saga; that is slow, or stuck."""

import logging
from collections.abc import Callable
from itertools import pairwise

import pytest
import trio
from trio.testing import wait_all_tasks_blocked

import steno
from steno.store import Durable, Lost, Rejected
from support.worlds import (
    Batch,
    Context,
    Fault,
    Outcomes,
    World,
    WriteBatch,
    answers_at,
    each_time,
    hangs,
    ids,
    loses_the_answer,
    nothing,
    refuses,
    returns,
    slow,
    started,
    takes,
    unavailable,
    waits_for,
    works,
)

CHAIN = "3+ 3✓ 0+ 0✓ 1+ 1✓ 2+ 2✓ 4+ 4✓"  # a, b, c: a creation, and four steps
CHAIN_COMMITS = 4


def away_until(end: float) -> Fault:
    async def fault(write: WriteBatch, batch: Batch) -> Outcomes:
        if trio.current_time() < end:
            raise steno.StoreUnavailable("away")
        return await write(batch)

    return fault


def rejects(saga_id: steno.SagaId, error: Exception) -> Fault:
    """Write the others, and say of one saga that it cannot be written."""

    async def fault(write: WriteBatch, batch: Batch) -> Outcomes:
        outcomes = []
        for item in batch:
            ours = item.saga_id == saga_id
            outcomes.extend([Rejected(error)] if ours else await write([item]))
        return outcomes

    return fault


# For a while


@pytest.mark.parametrize("commit", range(CHAIN_COMMITS))
@pytest.mark.parametrize("fault", [unavailable(), loses_the_answer], ids=["before", "after"])
async def test_a_commit_that_fails_once_is_done_again(world: World, fault: Fault, commit: int):
    """
    Whether it was written before it failed, or not: nothing is written or called twice.

    The same write can be sent again, since it is known by its saga and its number.
    """
    world.store.script.extend([works] * commit + [fault])
    async with world.open() as sec:
        result = await sec.saga_run(world.saga("a", "b", "c"))
        statistics = sec.statistics().writer
    assert world.store.log(result.saga_id) == CHAIN
    assert world.calls == ["a", "b", "c"]
    assert (statistics.commits, statistics.failures) == (CHAIN_COMMITS, 1)
    assert 0 < trio.current_time() < 1


async def test_every_commit_may_fail_and_lose_its_answer(world: World):
    """The worst of both, all the way."""
    faults = [unavailable(), loses_the_answer, loses_the_answer, works]
    world.store.script.extend(faults * CHAIN_COMMITS)
    async with world.open() as sec:
        result = await sec.saga_run(world.saga("a", "b", "c"))
    assert world.store.log(result.saga_id) == CHAIN
    assert world.calls == ["a", "b", "c"]


async def test_a_lost_answer_before_a_crash_loses_nothing(world: World):
    """What was written is found at the next open, and gone on from."""
    world.store.then = loses_the_answer
    async with world.doomed() as sec:
        with trio.move_on_after(1):
            await sec.saga_run(world.saga("a", "b", "c"))
        (listed,) = await sec.saga_list()
    world.store.then = works
    await world.finish(listed.saga_id)
    assert world.store.log(listed.saga_id) == CHAIN
    assert world.calls == ["a", "b", "c"]


async def test_all_sagas_wait_while_the_store_is_away_and_then_go_on(world: World):
    """What comes up meanwhile joins what waits; when the store is back one commit has it all."""
    world.does("a", takes(5))
    world.does("b", takes(15))
    async with world.open() as sec:
        sagas = [await sec.saga_create(world.saga(name, "c")) for name in "ab" * 5]
        for saga in sagas:
            await saga.start()
        await trio.sleep(1)
        done = len(world.store.batches)
        world.store.then = away_until(50)
        results = [await saga.wait() for saga in sagas]
    assert all(result.unwrap() for result in results)
    assert 50 <= trio.current_time() < 55
    sizes = [len(batch) for batch in world.store.batches[done:]]
    tries = sizes.index(10)
    assert sizes == [5] * tries + [10] * (len(sizes) - tries)
    assert sizes[-3:] == [10, 10, 10]  # refused; written; the end of all
    assert world.calls.count("c") == 10


async def test_tries_come_at_growing_distances(world: World, caplog: pytest.LogCaptureFixture):
    """Up to five seconds, so that a store that is ill is not made worse; each is logged."""
    times = []

    async def fault(_: WriteBatch, __: Batch) -> Outcomes:
        times.append(trio.current_time())
        raise steno.StoreUnavailable("away")

    world.store.then = fault
    with caplog.at_level(logging.WARNING, "steno"):
        async with world.open() as sec:
            with pytest.raises(steno.StoreUnavailable):
                await sec.saga_create(world.saga("a"))
    distances = [after - before for before, after in pairwise(times)]
    assert distances[:5] == pytest.approx([0.05, 0.1, 0.2, 0.4, 0.8])
    assert max(distances) == pytest.approx(5)
    assert times[-1] == pytest.approx(60)
    assert "the store is unavailable" in caplog.text
    assert "away" in caplog.text


# For ever


async def test_a_saga_that_cannot_be_written_halts_when_patience_ends(world: World):
    """
    Its waiters are told which, why, and what to do; the SEC lives on.

    When the store is mended, `saga_recover` goes on from what is durable.
    """
    world.does("b", takes(5))
    async with world.open(store_patience=20) as sec:
        saga = await sec.saga_create(world.saga("a", "b", "c"))
        await saga.start()
        await trio.sleep(1)
        world.store.then = unavailable("no route")
        with pytest.raises(steno.SagaHaltedError) as halted:
            await saga.wait()
        assert trio.current_time() == 25
        assert str(halted.value) == (
            f"saga {saga.saga_id} is halted: a step could not be recorded (no route); "
            "mend the store, then saga_recover"
        )
        assert not isinstance(halted.value, steno.SagaTakenOver)
        assert isinstance(halted.value.__cause__, steno.StoreUnavailable)
        assert sec.statistics().halted == 1
        assert sec.statistics().running == 0
        view = await saga.view()
        assert view.state.problem == halted.value.problem
        assert view.state.status.node_state("b").value == "queued-todo"
        for command in (saga.wait, saga.start, lambda: saga.inject_error("c")):
            with pytest.raises(steno.SagaHaltedError, match="no route"):
                await command()
        world.store.then = works
        await sec.saga_recover(saga.saga_id)
        (await saga.wait()).unwrap()
        assert sec.statistics().halted == 0
    assert world.store.log(saga.saga_id) == CHAIN
    assert world.calls == ["a", "b", "b", "c"]


async def test_a_halted_saga_goes_on_at_the_next_open(world: World):
    """It needs no `saga_recover` there."""
    async with world.open(store_patience=1) as sec:
        saga = await sec.saga_create(world.saga("a", "b", "c"))
        world.store.script.extend([works, works])
        world.store.then = unavailable()
        await saga.start()
        with pytest.raises(steno.SagaHaltedError):
            await saga.wait()
        world.store.then = works
    assert world.store.state(saga.saga_id) == "running"
    (await world.finish(saga.saga_id)).unwrap()
    assert world.store.log(saga.saga_id) == CHAIN


async def test_patience_is_counted_from_when_each_write_was_asked_for(world: World):
    """So who asked late is not given up with who asked early."""
    world.does("b", takes(10))
    world.does("c", takes(40))
    async with world.open() as sec:
        early = await sec.saga_create(world.saga("b"))
        late = await sec.saga_create(world.saga("c"))
        await early.start()
        await late.start()
        await trio.sleep(1)
        world.store.then = away_until(80)
        with pytest.raises(steno.SagaHaltedError):
            await early.wait()
        assert trio.current_time() == 70
        assert (await late.wait()).unwrap()
        assert 80 <= trio.current_time() < 90


async def test_a_create_is_given_up_too(world: World):
    """The caller gets the error of the store, and the saga does not exist."""
    world.store.then = unavailable("no route")
    async with world.open(store_patience=0) as sec:
        with pytest.raises(steno.StoreUnavailable, match="no route"):
            await sec.saga_create(world.saga("a"))
        assert trio.current_time() == 0
        assert len(world.store.batches) == 1
        assert await sec.saga_list() == []
        assert sec.statistics().pending == 0


async def test_tasks_are_cancelled_before_their_saga_is_called_halted(world: World):
    """When it is recovered, no action of its earlier run is still running."""
    order = []

    async def work(_: Context) -> None:
        try:
            await trio.sleep_forever()
        finally:
            with trio.CancelScope(shield=True):
                await trio.sleep(30)
            order.append("cleaned up")
            raise OSError("which nobody minds")

    world.does("a", each_time(work, nothing))
    world.does("b", takes(1))
    async with world.open() as sec:
        saga = await sec.saga_create(world.saga(["a", "b"], "c"))
        world.store.script.append(works)
        world.store.then = rejects(saga.saga_id, OSError("disk"))
        await saga.start()
        with pytest.raises(steno.SagaHaltedError):
            await saga.wait()
        order.append("halted")
        world.store.then = works
        await sec.saga_recover(saga.saga_id)
        (await saga.wait()).unwrap()
    assert order == ["cleaned up", "halted"]
    assert trio.current_time() == 32
    assert sorted(world.calls) == ["a", "a", "b", "b", "c"]


# One saga


@pytest.mark.parametrize("how", [refuses, rejects], ids=["the batch", "the write"])
@pytest.mark.parametrize("poison", [0, 7, 19])
async def test_one_saga_that_cannot_be_written_hurts_nobody_else(
    world: World, how: Callable[..., Fault], poison: int
):
    """
    In whatever place of a batch it is: a batch that is refused is tried again saga by saga.

    The others lose nothing and do nothing twice; the one is halted, and can be recovered.
    """
    dag = world.saga("a", "b", "c")
    error = ValueError("a row that cannot be")
    async with world.open() as sec, trio.open_nursery() as nursery:
        sagas = [await sec.saga_create(dag) for _ in range(20)]
        busy = await sec.saga_create(dag)
        world.store.script.append(slow(1))
        world.store.then = how(sagas[poison].saga_id, error)
        nursery.start_soon(busy.start)
        await wait_all_tasks_blocked()
        for saga in sagas:
            nursery.start_soon(started, saga)
        for number, saga in enumerate(sagas):
            if number == poison:
                with pytest.raises(steno.SagaHaltedError, match="a row that cannot be"):
                    await saga.wait()
            else:
                (await saga.wait()).unwrap()
                assert world.store.log(saga.saga_id) == CHAIN
        together = {saga.saga_id for saga in sagas}
        assert any({w.saga_id for w in batch} >= together for batch in world.store.batches)
        assert world.store.log(sagas[poison].saga_id) == ""
        world.store.then = works
        await sec.saga_recover(sagas[poison].saga_id)
        await sagas[poison].start()
        (await sagas[poison].wait()).unwrap()
    assert world.store.log(sagas[poison].saga_id) == CHAIN
    assert world.calls.count("a") == 21


async def test_a_refused_creation_is_the_creators_to_know(world: World):
    """He gets the store's error as a cause; sagas that were created with it are created."""
    bad, good = ids(2)
    error = ValueError("no such encoding")
    world.store.then = refuses(bad, error)
    dag = world.saga("a")
    told = []

    async def create(sec: steno.SecClient, saga_id: steno.SagaId) -> None:
        try:
            await sec.saga_create(dag, saga_id=saga_id)
        except steno.StoreError as refused:
            told.append(refused.__cause__)

    async with world.open() as sec:
        async with trio.open_nursery() as nursery:
            for saga_id in (bad, good):
                nursery.start_soon(create, sec, saga_id)
        assert [summary.saga_id for summary in await sec.saga_list()] == [good]
    assert told == [error]


@pytest.mark.parametrize("answers", [0, 2])
async def test_a_store_that_answers_for_more_or_less_than_it_was_given(world: World, answers: int):
    """Which of the writes are durable cannot be known; so the saga halts, and nothing crashes."""

    async def miscounts(write: WriteBatch, batch: Batch) -> Outcomes:
        await write(batch)
        return [Durable()] * answers

    async with world.open() as sec:
        saga = await sec.saga_create(world.saga("a"))
        world.store.script.append(miscounts)
        with pytest.raises(steno.SagaHaltedError, match=f"gave {answers} answers to 1 writes"):
            await saga.start()
        await sec.saga_recover(saga.saga_id)
        (await saga.wait()).unwrap()
    assert world.calls == ["a"]


# Slow


async def test_nothing_that_looks_waits_for_a_slow_store(world: World):
    """Views and lists are there at once, while commits take a hundred seconds."""
    async with world.open() as sec, trio.open_nursery() as nursery:
        running = await sec.saga_create(world.saga("a", "b"))
        ready = await sec.saga_create(world.saga("a", "b"))
        done = await sec.saga_run(world.saga("a"))
        began = trio.current_time()
        world.store.then = slow(100)
        nursery.start_soon(running.start)
        await trio.sleep(150)
        looked = trio.current_time()
        for _ in range(3):
            assert (await running.view()).state.status.node_state("a").value == "working"
            assert isinstance((await ready.view()).state, steno.SagaReady)
            assert (await sec.saga_get(done.saga_id)).state.result.unwrap()
            assert (await sec.saga_wait(done.saga_id)).unwrap()
            assert len(await sec.saga_list()) == 3
            await ready.inject_error("b")
            await running.inject_repeat("b", steno.RepeatInjected(undo=2))
            assert sec.statistics().running == 1
        assert trio.current_time() == looked == began + 150
        nursery.start_soon(ready.start)
    assert world.store.state(ready.saga_id) == "failed"
    assert world.store.state(running.saga_id) == "succeeded"


async def test_a_slow_store_does_not_hold_up_the_actions_of_others(world: World):
    """A saga's step waits for the commit under way and for its own, and for no more."""
    world.store.then = slow(10)
    times = {}

    def notes(name: str) -> Callable[[Context], object]:
        async def note(_: Context) -> None:
            times[name] = trio.current_time()

        return note

    world.does("a", notes("a"))
    world.does("b", notes("b"))
    async with world.open() as sec, trio.open_nursery() as nursery:
        first = await sec.saga_create(world.saga("a"))
        second = await sec.saga_create(world.saga("b"))
        assert trio.current_time() == 20
        nursery.start_soon(first.start)
        await trio.sleep(1)
        nursery.start_soon(second.start)
    assert times == {"a": 30, "b": 40}


# Cancelled


@pytest.mark.parametrize("seconds", [5, 9.9])
async def test_a_batch_under_way_is_not_torn_by_cancellation(world: World, seconds: float):
    """It is waited for, ten seconds at most; then it is durable as a whole."""
    async with trio.open_nursery() as outside:
        with trio.CancelScope() as scope:
            async with world.open() as sec:
                sagas = [await sec.saga_create(world.saga("a", "b")) for _ in range(3)]
                world.store.then = slow(seconds)
                for saga in sagas:
                    outside.start_soon(started, saga)
                    await wait_all_tasks_blocked()
                scope.cancel()
    assert trio.current_time() == seconds
    assert [world.store.log(saga.saga_id) for saga in sagas if world.store.log(saga.saga_id)]
    assert {world.store.log(saga.saga_id) for saga in sagas} <= {"2+ 2✓ 0+", ""}
    assert world.calls == []
    world.store.then = works
    for saga in sagas:
        (await world.finish(saga.saga_id)).unwrap()


@pytest.mark.parametrize("how", ["cancel", "error", "interrupt"])
async def test_a_store_that_does_not_finish_is_stuck(world: World, how: str):
    """
    Ten seconds after the SEC was cancelled, or left by an error, `StoreStuck` comes out.

    Should the batch arrive after all, when another life of the SEC has taken over, it is refused.
    """
    late: list[Batch] = []

    async def never(_: WriteBatch, batch: Batch) -> Outcomes:
        late.append(batch)
        await trio.sleep_forever()

    async with trio.open_nursery() as outside:
        with pytest.raises(steno.StoreStuck, match="did not finish a batch within 10"):  # noqa: SIM117 - the scope is not to be left first
            with trio.CancelScope() as scope:
                async with world.open() as sec:
                    saga = await sec.saga_create(world.saga("a", "b"))
                    world.store.script.append(never)
                    outside.start_soon(started, saga)
                    await trio.sleep(100)
                    if how == "cancel":
                        scope.cancel()
                        await trio.sleep_forever()
                    raise LookupError if how == "error" else KeyboardInterrupt
    assert trio.current_time() == 110
    assert world.calls == []
    (await world.finish(saga.saga_id)).unwrap()
    log = world.store.log(saga.saga_id)
    (batch,) = late
    assert [world.store.inner.write(write) for write in batch] == [Lost("default")]
    assert world.store.log(saga.saga_id) == log


async def test_a_store_that_says_itself_that_it_is_stuck_ends_the_sec(world: World):
    """There is nothing to be tried again: it comes out as it is."""
    stuck = steno.StoreStuck("the disk is gone")

    async def fault(_: WriteBatch, __: Batch) -> Outcomes:
        raise stuck

    with pytest.raises(steno.StoreStuck) as caught:
        async with world.open() as sec:
            saga = await sec.saga_create(world.saga("a"))
            world.store.script.append(fault)
            await saga.start()
            await trio.sleep_forever()
    assert caught.value is stuck
    (await world.finish(saga.saga_id)).unwrap()


async def test_a_sec_that_is_cancelled_does_not_try_again(world: World):
    """A store that is away is not waited for; what it did not take is done at the next open."""
    world.does("b", each_time(hangs, nothing))
    with trio.move_on_after(10):
        async with world.open() as sec:
            saga = await sec.saga_create(world.saga("a", "b"))
            world.store.then = unavailable()
            await saga.start()
            await trio.sleep_forever()
    assert trio.current_time() == 10
    assert world.store.log(saga.saga_id) == ""
    world.store.then = works
    world.does("b", nothing)
    (await world.finish(saga.saga_id)).unwrap()


async def test_leaving_waits_for_a_slow_store(world: World):
    """However long it takes: leaving normally is not a cancellation, and has no deadline."""
    world.store.then = slow(1000)
    async with world.open() as sec:
        saga = await sec.saga_create(world.saga("a", "b", "c"))
        await saga.start()
    assert trio.current_time() == 5000
    assert world.store.log(saga.saga_id) == CHAIN


async def test_results_that_come_while_a_commit_is_under_way_are_in_the_next(world: World):
    """The store is busy with one saga's step; the steps of all the others gather meanwhile."""
    answer, go = trio.Event(), trio.Event()
    world.does("b", waits_for(go, returns(1)))
    async with world.open() as sec, trio.open_nursery() as nursery:
        dag = world.saga("b")
        others = [await sec.saga_create(dag) for _ in range(50)]
        for saga in others:
            await saga.start()
        one = await sec.saga_create(world.saga("a"))
        await wait_all_tasks_blocked()
        world.store.script.append(answers_at(answer))
        nursery.start_soon(one.start)
        await wait_all_tasks_blocked()
        count = len(world.store.batches)
        go.set()
        await wait_all_tasks_blocked()
        assert len(world.store.batches) == count
        assert sec.statistics().writer.waiting == 50
        answer.set()
        await others[0].wait()
        gathered = {write.saga_id for write in world.store.batches[count]}
        assert gathered >= {saga.saga_id for saga in others}
