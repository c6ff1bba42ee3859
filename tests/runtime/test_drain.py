"""Draining a SEC: nothing is begun any more, what is under way ends, and nothing is lost."""

from collections.abc import Awaitable, Callable
from datetime import timedelta
from uuid import UUID

import pytest
import trio
from trio.testing import wait_all_tasks_blocked

import steno
from support.timed import TimedWorld, fails_with, retry
from support.worlds import Context, World, each_time, hangs, nothing, raises, slow, takes

CHILD = UUID(int=77)


async def test_calls_under_way_end_and_are_logged(world: World):
    """`drain` returns then; the next node is begun at the next open."""
    world.does("a", takes(10))
    async with world.open() as sec:
        saga = await sec.saga_create(world.saga("a", "b"), start=True)
        await trio.sleep(5)
        await sec.drain()
        assert trio.current_time() == 10
        assert world.store.log(saga.saga_id) == "2+ 2✓ 0+ 0✓"
        assert world.calls == ["a"]
        assert sec.statistics().left == 1
    assert trio.current_time() == 10  # leaving is immediate
    assert world.store.problem(saga.saga_id) is None
    (await world.finish(saga.saga_id)).unwrap()
    assert world.calls == ["a", "b"]


async def test_an_undo_is_not_begun_either(world: World):
    """A saga whose action fails meanwhile is unwound at the next open."""
    world.does("b", takes(10, raises(ValueError("no"))))
    async with world.open() as sec:
        saga = await sec.saga_create(world.saga("a", "b"), start=True)
        await trio.sleep(5)
        await sec.drain()
        assert world.store.log(saga.saga_id) == "2+ 2✓ 0+ 0✓ 1+ 1✗"
        assert world.store.state(saga.saga_id) == "unwinding"
    assert (await world.finish(saga.saga_id)).error_node_name == "b"
    assert world.calls == ["a", "b", "~a"]


async def test_an_undo_under_way_ends(world: World):
    """And is logged."""
    world.undoes("a", takes(10))
    world.does("b", raises(ValueError("no")))
    async with world.open() as sec:
        saga = await sec.saga_create(world.saga("a", "b"), start=True)
        await trio.sleep(5)
        await sec.drain()
    assert trio.current_time() == 10
    assert world.store.log(saga.saga_id) == "2+ 2✓ 0+ 0✓ 1+ 1✗ 0- 0∅"
    assert (await world.finish(saga.saga_id)).undo_failure is None


async def test_a_saga_that_ends_with_its_calls_is_finished(world: World):
    """One whose last undo failed is stuck, and says so; its waiters get the result."""
    world.undoes("a", takes(10, raises(ValueError("no"))))
    world.does("b", raises(ValueError("no")))
    async with world.open() as sec, trio.open_nursery() as nursery:
        saga = await sec.saga_create(world.saga("a", "b"), start=True)
        await trio.sleep(5)
        nursery.start_soon(sec.drain)
        assert (await saga.wait()).undo_failure is not None
    assert world.store.state(saga.saga_id) == "stuck"


async def test_who_waits_for_what_stays_stored_is_told(world: World):
    """Whether they began to wait before or after; looking and listing go on."""
    world.does("a", takes(10))
    told = []
    async with world.open() as sec, trio.open_nursery() as nursery:
        saga = await sec.saga_create(world.saga("a", "b"), start=True)
        ready = await sec.saga_create(world.saga("a"))

        async def wait(handle: steno.SagaHandle) -> None:
            with pytest.raises(steno.SecClosing):
                await handle.wait()
            told.append((handle.saga_id, trio.current_time()))

        nursery.start_soon(wait, saga)
        nursery.start_soon(wait, ready)
        await trio.sleep(5)
        await sec.drain()
        await wait_all_tasks_blocked()
        assert told == [(ready.saga_id, 5), (saga.saga_id, 10)]
        await wait(saga)
        await wait(ready)
        view = await saga.view()
        assert view.state.status.node_state("a").value == "done"
        assert {each.state.value for each in await sec.saga_list()} == {"ready", "running"}


@pytest.mark.parametrize(
    "command",
    [
        lambda sec, _, dag: sec.saga_create(dag),
        lambda sec, _, dag: sec.saga_create(dag, start=True),
        lambda sec, _, dag: sec.saga_run(dag),
        lambda sec, saga_id, _: sec.saga_start(saga_id),
        lambda sec, saga_id, _: sec.saga_recover(saga_id),
        lambda sec, saga_id, _: sec.saga_inject_error(saga_id, 0),
    ],
    ids=["create", "create and start", "run", "start", "recover", "inject"],
)
@pytest.mark.parametrize("inside", [False, True])
async def test_nothing_is_begun_by_a_command(
    world: World, command: Callable[..., Awaitable[object]], *, inside: bool
):
    """A SEC that is drained takes no command that begins something, not from actions either."""
    dag, told = world.saga("x"), []

    async def ask(ctx: Context) -> None:
        await trio.sleep(10)
        try:
            await command(ctx.user_data.sec, ready.saga_id, dag)
        except steno.SecClosing:
            told.append(trio.current_time())

    world.does("a", ask)
    async with world.open() as sec:
        ready = await sec.saga_create(dag)
        if inside:
            await sec.saga_create(world.saga("a"), start=True)
            await trio.sleep(5)
        await sec.drain()
        if not inside:
            with pytest.raises(steno.SecClosing):
                await command(sec, ready.saga_id, dag)
    assert "x" not in world.calls
    if inside and told:
        assert told == [10]


async def test_a_child_that_stays_stored_takes_its_parent_along(world: World):
    """The action that waits for it is cut off; neither fails, and both go on."""

    async def run_child(ctx: Context) -> None:
        child = await ctx.user_data.sec.saga_create(
            ctx.user_data.saga("c", "d"), saga_id=CHILD, start=True
        )
        (await child.wait()).unwrap()

    world.does("c", each_time(takes(10), nothing))
    world.does("a", run_child)
    async with world.open() as sec:
        saga = await sec.saga_create(world.saga("a", "b"), start=True)
        await trio.sleep(5)
        await sec.drain()
        assert trio.current_time() == 10
    assert world.store.log(CHILD) == "2+ 2✓ 0+ 0✓"
    assert world.store.log(saga.saga_id) == "2+ 2✓ 0+"
    (await world.finish(saga.saga_id)).unwrap()
    assert world.calls == ["a", "c", "a", "d", "b"]


async def test_what_was_not_loaded_yet_is_left_alone(world: World):
    """Recovery ends with the loads that are under way."""
    world.does("a", each_time(*[hangs] * 5, nothing))
    async with world.doomed() as sec:
        sagas = [await sec.saga_create(world.saga("a"), start=True) for _ in range(5)]
        await wait_all_tasks_blocked()

    async def slowly(method: str) -> None:
        await trio.sleep(10 * (method == "load"))

    world.store.reading = slowly
    async with world.open(recover_concurrency=1) as sec:
        await trio.sleep(5)
        await sec.drain()
        assert trio.current_time() == 10
        assert len(world.calls) == 5
        world.store.reading = None
        for saga in sagas:
            with pytest.raises(steno.SecClosing):
                await sec.saga_wait(saga.saga_id)
            await sec.saga_get(saga.saga_id)
    assert trio.current_time() == 10
    for saga in sagas:
        assert world.store.problem(saga.saga_id) is None
        (await world.finish(saga.saga_id)).unwrap()


async def test_a_start_that_was_accepted_is_carried_out(world: World):
    """It is durable; nothing is called, and the saga goes on at the next open."""
    world.store.then = slow(10)
    async with world.open() as sec, trio.open_nursery() as nursery:
        saga = await sec.saga_create(world.saga("a"))
        nursery.start_soon(saga.start)
        await trio.sleep(5)
        await sec.drain()
    assert world.store.state(saga.saga_id) == "running"
    assert world.calls == []
    world.store.then = slow(0)
    async with world.open() as sec:
        (await sec.saga_wait(saga.saga_id)).unwrap()


async def test_draining_with_a_deadline(world: World):
    """If it is cancelled the SEC goes on draining; leaving it waits for the calls under way."""
    world.does("a", takes(10))
    async with world.open() as sec:
        saga = await sec.saga_create(world.saga("a", "b"), start=True)
        await trio.sleep(1)
        with trio.move_on_after(4) as scope:
            await sec.drain()
        assert scope.cancelled_caught
    assert trio.current_time() == 10
    assert world.store.log(saga.saga_id) == "2+ 2✓ 0+ 0✓"


async def test_draining_twice_is_draining_once(world: World):
    """By two tasks at once, and after that."""
    world.does("a", takes(10))
    async with world.open() as sec:
        await sec.saga_create(world.saga("a", "b"), start=True)
        await trio.sleep(1)
        async with trio.open_nursery() as nursery:
            nursery.start_soon(sec.drain)
            nursery.start_soon(sec.drain)
        await sec.drain()
        assert trio.current_time() == 10


async def test_an_action_cannot_drain_its_sec(world: World):
    """It would wait for itself; the refusal fails it, as any error does."""

    async def drain(ctx: Context) -> None:
        await ctx.user_data.sec.drain()

    world.does("a", drain)
    async with world.open() as sec:
        result = await sec.saga_run(world.saga("a"))
    assert "an action cannot drain its SEC" in str(result.error_source)


async def test_a_sec_that_was_left_cannot_be_drained(world: World):
    """It says so."""
    async with world.open() as sec:
        pass
    with pytest.raises(steno.SecClosing):
        await sec.drain()


async def test_an_attempt_is_not_begun_while_a_sec_is_drained(timed: TimedWorld):
    """Even when its time comes before the calls under way have ended."""
    timed.declare("a", retry=retry(2))
    timed.does("a", fails_with(ValueError("no")))
    timed.does("b", takes(10))
    async with timed.open() as sec:
        saga = await sec.saga_create(timed.saga(["a", "b"], "c"), start=True)
        await trio.sleep(0.5)
        await sec.drain()
    assert trio.current_time() == 10
    assert timed.events(saga.saga_id) == "+ ↻"
    (await timed.finish(saga.saga_id)).unwrap()
    assert timed.attempts[-2:] == [("a", 2, 10), ("c", 1, 10)]


async def test_a_sleep_that_ends_while_a_sec_is_drained(timed: TimedWorld):
    """That is logged, as it begins nothing; what follows begins at the next open."""
    timed.does("a", takes(10))
    async with timed.open() as sec:
        nap = steno.Node.sleep("z", timedelta(seconds=5))
        saga = await sec.saga_create(timed.saga(["a", nap], "b"), start=True)
        await trio.sleep(1)
        await sec.drain()
    assert timed.events(saga.saga_id, 1) == "+ ✓"
    assert timed.calls == ["a"]


async def test_a_node_that_backs_off_is_given_up_while_a_sec_is_drained(timed: TimedWorld):
    """In the step that begins the unwinding; nothing is undone yet."""
    timed.declare("a", retry=retry(5, wait_initial=100), in_doubt=True)
    timed.does("a", raises(ValueError("no")))
    timed.does("b", takes(10, raises(ValueError("no"))))
    async with timed.open() as sec:
        saga = await sec.saga_create(timed.saga(["a", "b"], "c"), start=True)
        await trio.sleep(1)
        await sec.drain()
    assert timed.trace[-1] == "commit b✗ a?"
    assert timed.events(saga.saga_id) == "+ ≈ ?"
    await timed.finish(saga.saga_id)
    assert timed.events(saga.saga_id) == "+ ≈ ? - ∅"


async def test_a_probe_under_way_ends_while_a_sec_is_drained(timed: TimedWorld):
    """It is part of a call."""
    timed.declare("a", probed=True)
    timed.does("a", raises(ValueError("no")))
    timed.probes("a", takes(10))
    async with timed.open() as sec:
        saga = await sec.saga_create(timed.saga("a", "b"), start=True)
        await trio.sleep(1)
        await sec.drain()
    assert trio.current_time() == 10
    assert timed.events(saga.saga_id) == "+ ✓"
