"""Two SECs on one store: the later takes over, and the earlier can write no more of it."""

from datetime import timedelta

import pytest
import trio
from trio.testing import wait_all_tasks_blocked

import steno
from support.worlds import (
    Context,
    World,
    answers_at,
    each_time,
    hangs,
    ids,
    nothing,
    raises,
    refuses,
    returns,
    takes,
    waits_for,
    works,
)


async def test_the_later_of_two_secs_takes_the_sagas_over(world: World):
    """
    It runs them to their end; the earlier learns of it at its next write, and halts them.

    Waiters of the earlier are told who has the saga now; its result can be had there, or, once
    there is one, from the store.
    """
    go_on = trio.Event()
    world.does("b", each_time(waits_for(go_on, returns("first")), takes(50, returns("second"))))
    told = []
    async with world.open() as first, trio.open_nursery() as nursery:
        saga = await first.saga_create(world.saga("a", "b", "c"))
        await saga.start()
        await wait_all_tasks_blocked()

        @nursery.start_soon
        async def wait():
            with pytest.raises(steno.SagaTakenOver) as taken:
                await saga.wait()
            told.append(taken.value)

        async with world.open() as second:
            await wait_all_tasks_blocked()
            assert world.calls == ["a", "b", "b"]
            go_on.set()
            await wait_all_tasks_blocked()
            assert [error.saga_id for error in told] == [saga.saga_id]
            assert str(told[0]) == (
                f'saga {saga.saga_id} is halted: the SEC "default" runs it now, or a later life of '
                "this one"
            )
            view = await saga.view()
            assert view.state.problem == told[0].problem
            assert first.statistics().halted == 0  # it goes on elsewhere
            assert first.statistics().running == 0
            result = await second.saga_wait(saga.saga_id)
        assert result.unwrap().lookup_node_output("b") == "second"
        assert (await saga.wait()).unwrap().lookup_node_output("b") == "second"
        assert isinstance((await saga.view()).state, steno.SagaDone)
        assert (await first.saga_run(world.saga("c"))).unwrap()
    assert world.store.log(saga.saga_id) == "3+ 3✓ 0+ 0✓ 1+ 1✓ 2+ 2✓ 4+ 4✓"
    assert world.calls == ["a", "b", "b", "c", "c"]


async def test_what_the_earlier_sec_still_runs_of_a_saga_is_cancelled(world: World):
    """When one of its actions ends, and that cannot be written, the others are cancelled."""
    ended = []

    async def watch(_: Context) -> None:
        try:
            await trio.sleep_forever()
        finally:
            ended.append(trio.current_time())

    world.does("a", each_time(watch, nothing))
    world.does("b", each_time(takes(10), nothing))
    async with world.open() as first:
        saga = await first.saga_create(world.saga(["a", "b"], "c"))
        await saga.start()
        await trio.sleep(5)
        async with world.open() as second:
            (await second.saga_wait(saga.saga_id)).unwrap()
            assert ended == []
            await trio.sleep(10)
    assert ended == [10]
    assert world.calls.count("c") == 1


async def test_a_take_over_hurts_no_other_saga_of_a_batch(world: World):
    """A batch with a saga that was taken over writes the others, and reports the loss."""
    answer, go = trio.Event(), trio.Event()
    world.does("a", each_time(*[waits_for(go)] * 5, takes(5)))
    dag, ends = world.saga("a"), {}

    async def wait(saga: steno.SagaHandle) -> None:
        try:
            ends[saga.saga_id] = type(await saga.wait())
        except steno.SagaTakenOver as taken:
            ends[saga.saga_id] = taken.problem

    async with (
        world.open(sec_name="one") as one,
        world.open(sec_name="two") as two,
        trio.open_nursery() as nursery,
    ):
        sagas = [await one.saga_create(dag) for _ in range(5)]
        for saga in sagas:
            await saga.start()
            nursery.start_soon(wait, saga)
        await wait_all_tasks_blocked()
        await two.saga_recover(sagas[2].saga_id)
        await wait_all_tasks_blocked()
        busy = await one.saga_create(world.saga("x"))
        world.store.script.append(answers_at(answer))
        nursery.start_soon(busy.start)
        await wait_all_tasks_blocked()
        count = len(world.store.batches)
        go.set()
        await wait_all_tasks_blocked()
        answer.set()
        await wait_all_tasks_blocked()
        together = {saga.saga_id for saga in sagas}
        assert any({w.saga_id for w in b} >= together for b in world.store.batches[count:])
        (await two.saga_wait(sagas[2].saga_id)).unwrap()
    assert 'the SEC "two" runs it now' in ends.pop(sagas[2].saga_id)
    assert list(ends.values()) == [steno.SagaResultOk] * 4
    assert {world.store.log(saga.saga_id) for saga in sagas} == {"1+ 1✓ 0+ 0✓ 2+ 2✓"}


async def test_a_saga_that_was_taken_over_before_its_start_is_not_run_twice(world: World):
    """Its start by the earlier SEC cannot be written, so it calls nothing."""
    async with world.open() as first:
        saga = await first.saga_create(world.saga("a"))
        async with world.open() as second:
            await second.saga_start(saga.saga_id)
            (await second.saga_wait(saga.saga_id)).unwrap()
            with pytest.raises(steno.SagaTakenOver):
                await saga.start()
    assert world.calls == ["a"]
    assert world.store.log(saga.saga_id) == "1+ 1✓ 0+ 0✓ 2+ 2✓"


async def test_a_saga_that_unwinds_can_be_taken_over_too(world: World):
    """An undo that both have called is logged once; the saga ends unwound."""
    go_on = trio.Event()
    world.does("b", raises(ValueError("no")))
    world.undoes("a", each_time(waits_for(go_on), nothing))
    async with world.open() as first:
        saga = await first.saga_create(world.saga("a", "b"))
        await saga.start()
        await wait_all_tasks_blocked()
        async with world.open() as second:
            result = await second.saga_wait(saga.saga_id)
            go_on.set()
            await wait_all_tasks_blocked()
            assert first.statistics().halted == 0  # it goes on elsewhere
    assert result.undo_failure is None
    assert world.store.log(saga.saga_id) == "2+ 2✓ 0+ 0✓ 1+ 1✗ 0- 0∅ 2- 2∅"
    assert world.calls == ["a", "b", "~a", "~a"]


async def test_sagas_may_be_taken_back(world: World):
    """`saga_recover` takes over a saga regardless of its owner; the last one to do so runs it."""
    world.does("a", each_time(hangs, hangs, hangs, nothing))
    async with world.doomed(sec_name="one") as one, world.doomed(sec_name="two") as two:
        saga = await one.saga_create(world.saga("a", "b"))
        await saga.start()
        await wait_all_tasks_blocked()
        await two.saga_recover(saga.saga_id)
        await wait_all_tasks_blocked()
        assert world.store.row(saga.saga_id).fence.sec_name == "two"
    async with world.doomed(sec_name="three") as three:
        await three.saga_recover(saga.saga_id)
        await wait_all_tasks_blocked()
    async with world.open(sec_name="one") as one:
        await one.saga_recover(saga.saga_id)
        (await one.saga_wait(saga.saga_id)).unwrap()
    assert world.store.log(saga.saga_id) == "2+ 2✓ 0+ 0✓ 1+ 1✓ 3+ 3✓"
    assert world.store.row(saga.saga_id).fence.generation == 4
    assert world.calls == [*["a"] * 4, "b"]


async def test_a_saga_that_is_taken_over_while_it_is_loaded_is_left_to_the_taker(world: World):
    """Who loads it sees by its fence that it is not his any more; he notes no problem."""
    world.does("a", each_time(hangs, nothing))
    async with world.doomed() as sec:
        saga = await sec.saga_create(world.saga("a"), start=True)
        await wait_all_tasks_blocked()
    patience = iter([10, 0])

    async def slowly(method: str) -> None:
        if method == "load":
            await trio.sleep(next(patience))

    world.store.reading = slowly
    async with world.open() as first:
        await trio.sleep(5)
        async with world.open() as second:
            (await second.saga_wait(saga.saga_id)).unwrap()
            await trio.sleep(10)
        world.store.reading = None
        assert first.statistics().pending == 0
        assert (await first.saga_wait(saga.saga_id)).unwrap()
    assert world.store.problem(saga.saga_id) is None
    assert world.calls == ["a", "a"]
    assert world.store.row(saga.saga_id).fence.generation == 3


async def test_who_has_lost_a_saga_while_loading_it_calls_nothing_of_it(world: World):
    """What was in flight is called again by its new owner alone."""
    world.does("a", hangs)
    async with world.doomed() as sec:
        saga = await sec.saga_create(world.saga("a", "b"))
        await saga.start()
        await wait_all_tasks_blocked()
    patience = iter([10, 0, 0])

    async def slowly(method: str) -> None:
        if method == "load":
            await trio.sleep(next(patience))

    world.store.reading = slowly
    async with world.doomed() as first:
        await trio.sleep(5)
        async with world.doomed():
            await trio.sleep(10)
            assert world.calls == ["a", "a"]
            with pytest.raises(steno.SagaTakenOver, match="while it was being loaded"):
                await first.saga_wait(saga.saga_id)


async def test_an_action_is_not_called_by_a_sec_that_has_lost_its_saga(world: World):
    """`started` has to be durable under the earlier SEC's own fence, and is not any more."""
    go_on = trio.Event()
    world.does("a", each_time(waits_for(go_on), hangs))
    async with world.doomed() as first:
        saga = await first.saga_create(world.saga("a", "b"))
        await saga.start()
        await wait_all_tasks_blocked()
        async with world.doomed():
            await wait_all_tasks_blocked()
            go_on.set()
            await wait_all_tasks_blocked()
    assert world.calls == ["a", "a"]
    assert world.store.log(saga.saga_id) == "2+ 2✓ 0+"


async def test_idempotent_actions_take_effect_once_though_two_secs_call_them(world: World):
    """Both calls of an action, and of its undo, come with the same key."""
    go_on = trio.Event()
    service: dict[str, int] = {}
    calls = []

    async def book(ctx: Context) -> None:
        calls.append("book")
        service.setdefault(ctx.idempotency_key, len(calls))

    async def book_and_wait(ctx: Context) -> None:
        await book(ctx)
        await go_on.wait()

    async def cancel(ctx: Context) -> None:
        calls.append("cancel")
        service.pop(ctx.action_key, None)

    async def cancel_and_wait(ctx: Context) -> None:
        await cancel(ctx)
        await go_on.wait()

    world.does("a", each_time(book_and_wait, book))
    world.undoes("a", each_time(cancel_and_wait, cancel))
    world.does("b", raises(ValueError("no")))
    async with world.doomed() as first:
        saga = await first.saga_create(world.saga("a", "b"))
        await saga.start()
        await wait_all_tasks_blocked()
        assert len(service) == 1
        async with world.doomed():
            await wait_all_tasks_blocked()
            assert calls == ["book", "book", "cancel"]
            assert service == {}
            await world.finish(saga.saga_id)
    assert calls == ["book", "book", "cancel", "cancel"]
    assert service == {}
    assert world.store.state(saga.saga_id) == "failed"


@pytest.mark.parametrize("how", ["taken over", "halted"])
async def test_an_id_can_be_created_again_when_its_saga_is_gone_elsewhere(world: World, how: str):
    """What this SEC remembers of it does not count: the store knows."""
    (saga_id,) = ids(1)
    world.does("a", each_time(takes(10), nothing))
    dag = world.saga("a", "b")
    async with world.open(sec_name="one") as one:
        if how == "halted":
            world.store.script.append(works)
            world.store.then = refuses(saga_id, OSError("disk"))
        saga = await one.saga_create(dag, saga_id=saga_id, start=True)
        if how == "halted":
            with pytest.raises(steno.SagaHaltedError):
                await saga.wait()
            world.store.then = works
        async with world.open(sec_name="two") as two:
            await two.saga_recover(saga_id)
            (await two.saga_wait(saga_id)).unwrap()
            if how == "taken over":
                with pytest.raises(steno.SagaTakenOver):
                    await saga.wait()
            await two.saga_prune(timedelta(0))
        with pytest.raises(steno.NoSuchSaga):
            await one.saga_wait(saga_id)
        again = await one.saga_create(dag, saga_id=saga_id, start=True)
        (await again.wait()).unwrap()
        assert one.statistics().halted == 0


async def test_of_sagas_that_were_taken_over_only_the_latest_are_remembered(
    world: World, monkeypatch: pytest.MonkeyPatch
):
    """Of the others the store says whose they are."""
    monkeypatch.setattr(steno.runtime._departed, "KEPT_TAKEN_OVER", 3)  # noqa: SLF001 - to need fewer
    world.does("a", takes(10))
    async with world.open(sec_name="one") as one:
        sagas = [await one.saga_create(world.saga("a", "b"), start=True) for _ in range(10)]
        async with world.doomed(sec_name="two") as two:
            for saga in sagas:
                await two.saga_recover(saga.saga_id)
            await trio.sleep(15)
            problems = [(await saga.view()).state for saga in sagas]
        assert len(one._coordinator._departed._taken_over) == 3  # noqa: SLF001 - nothing public shows it
        assert len(problems) == 10
