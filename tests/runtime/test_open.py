"""Opening a SEC, and leaving it normally: who waits for whom."""

from collections.abc import Awaitable, Callable
from contextlib import asynccontextmanager
from datetime import timedelta
from types import SimpleNamespace

import pytest
import trio
from trio.testing import wait_all_tasks_blocked

import steno
from support.worlds import (
    Context,
    World,
    each_time,
    hangs,
    ids,
    nothing,
    raises,
    slow,
    takes,
)

# Opening


@pytest.mark.parametrize(
    ("options", "error", "text"),
    [
        ({"context": 1, "make_context": print}, ValueError, "give context or make_context"),
        ({"registry": {}}, TypeError, "registry must be of type ActionRegistry, not {}"),
        ({"sec_name": None}, TypeError, "sec_name must be of type str, not None"),
        ({"recover_concurrency": 0}, ValueError, "recover_concurrency must be 1 or more, not 0"),
        ({"store_patience": -1}, ValueError, "store_patience must be 0 or more, not -1"),
        ({"store_patience": float("nan")}, ValueError, "store_patience must be 0 or more"),
        ({"max_value_bytes": 0}, ValueError, "max_value_bytes must be 1 or more, not 0"),
    ],
    ids=lambda value: next(iter(value)) if isinstance(value, dict) else "",
)
async def test_wrong_arguments_are_refused_at_once(
    world: World, options: dict[str, object], error: type[Exception], text: str
):
    """Before anything is opened, and with the name of the argument."""
    arguments = {"store": world.store, "registry": world.registry, **options}
    with pytest.raises(error, match=f"open_sec: {text}"):
        steno.open_sec(**arguments)


@pytest.mark.parametrize("where", ["open", "take_over"])
async def test_a_store_that_cannot_be_opened_says_so_itself(world: World, where: str):
    """Its error comes out as it is; the body never runs."""
    error = steno.StoreError("no such disk")

    async def fails(_: str) -> None:
        raise error

    @asynccontextmanager
    async def fails_to_open():
        raise error
        yield

    store = SimpleNamespace(open=fails_to_open) if where == "open" else world.store
    world.store.reading = fails
    with pytest.raises(steno.StoreError) as caught:
        async with steno.open_sec(store, world.registry):
            pytest.fail("the body must not run")
    assert caught.value is error


async def test_two_secs_of_two_names_share_a_store(world: World):
    """Each runs its own sagas, and sees all."""
    async with world.open(sec_name="one") as one, world.open(sec_name="two") as two:
        mine = await one.saga_run(world.saga("a"))
        yours = await two.saga_run(world.saga("a"))
        assert (await one.saga_wait(yours.saga_id)).unwrap()
        assert (await two.saga_get(mine.saga_id)).state.result.unwrap()
    owners = [world.store.row(r.saga_id).fence.sec_name for r in (mine, yours)]
    assert owners == ["one", "two"]


# Leaving normally


async def test_leaving_waits_for_what_runs_and_leaves_what_is_ready(world: World):
    """Running and unwinding sagas are finished; one that was never started stays stored."""
    world.does("a", takes(50))
    world.does("fail", takes(1, raises(ValueError("no"))))
    world.undoes("b", takes(100))
    async with world.open() as sec:
        running = await sec.saga_create(world.saga("a", "b"))
        unwinding = await sec.saga_create(world.saga("b", "fail"))
        ready = await sec.saga_create(world.saga("a"))
        await running.start()
        await unwinding.start()
    assert trio.current_time() == 101
    assert [world.store.state(s.saga_id) for s in (running, unwinding, ready)] == [
        "succeeded",
        "failed",
        "ready",
    ]


async def test_leaving_waits_for_recovery_and_what_it_brings(world: World):
    """Sagas that are still being loaded are loaded, started and finished."""
    async with world.doomed() as sec:
        world.does("a", hangs)
        sagas = [await sec.saga_create(world.saga("a", "b"), start=True) for _ in range(5)]
        await wait_all_tasks_blocked()
    world.does("a", nothing)

    async def slowly(method: str) -> None:
        await trio.sleep(10 * (method == "load"))

    world.does("b", takes(100))
    world.store.reading = slowly
    async with world.open(recover_concurrency=1):
        pass
    assert trio.current_time() == 150
    assert {world.store.state(saga.saga_id) for saga in sagas} == {"succeeded"}


@pytest.mark.parametrize(
    "command",
    [
        lambda sec, _, dag: sec.saga_create(dag),
        lambda sec, _, dag: sec.saga_run(dag),
        lambda sec, saga_id, _: sec.saga_start(saga_id),
        lambda sec, saga_id, _: sec.saga_recover(saga_id),
        lambda sec, saga_id, _: sec.saga_inject_error(saga_id, "a"),
        lambda sec, *_: sec.saga_prune(timedelta(days=1)),
    ],
    ids=["create", "run", "start", "recover", "inject", "prune"],
)
async def test_a_sec_that_is_being_left_refuses_commands_that_change_something(
    world: World, command: Callable[..., Awaitable[object]]
):
    """They come from outside; what waits for a running saga gets its answer."""
    dag = world.saga("a")
    world.does("a", takes(10))
    results = []
    async with trio.open_nursery() as outside, world.open() as sec:
        saga = await sec.saga_create(dag)
        await saga.start()

        @outside.start_soon
        async def wait():
            results.append(await saga.wait())

        @outside.start_soon
        async def ask():
            await trio.sleep(5)
            with pytest.raises(steno.SecClosing, match="is being left"):
                await command(sec, saga.saga_id, dag)
            results.append("refused")

        await wait_all_tasks_blocked()
    assert results[0] == "refused"
    assert results[1].unwrap()


async def test_a_sec_that_is_being_left_shows_its_progress(world: World):
    """Looking, listing and waiting work from outside until the last saga is done."""
    world.does("a", takes(10))
    world.does("b", takes(10))
    seen = []
    async with trio.open_nursery() as outside, world.open() as sec:
        saga = await sec.saga_create(world.saga("a", "b"), start=True)
        stored = await sec.saga_create(world.saga("a"))

        @outside.start_soon
        async def look():
            await trio.sleep(15)
            view = await saga.view()
            seen.append(view.state.status.node_state("a").value)
            seen.extend(each.state.value for each in await sec.saga_list(name="test"))
            assert isinstance((await stored.view()).state, steno.SagaReady)
            (await saga.wait()).unwrap()
            seen.append(trio.current_time())

        await wait_all_tasks_blocked()
    assert seen[0] == "done"
    assert sorted(seen[1:3]) == ["ready", "running"]
    assert seen[3] == 20
    with pytest.raises(steno.SecClosing):
        await saga.view()


async def test_leaving_waits_for_what_is_being_created(world: World):
    """A creation that was accepted is carried out, and its creator is told so."""
    created = []
    dag = world.saga("a")
    async with trio.open_nursery() as outside, world.open() as sec:
        world.store.then = slow(10)

        @outside.start_soon
        async def create():
            created.append(await sec.saga_create(dag))

        await wait_all_tasks_blocked()
    assert world.store.state(created[0].saga_id) == "ready"
    assert trio.current_time() == 10


async def test_waiting_for_a_saga_that_was_never_started_raises(world: World):
    """This SEC will not start it any more, so the saga is not at fault."""
    told = []
    async with trio.open_nursery() as outside, world.open() as sec:
        saga = await sec.saga_create(world.saga("a"))

        @outside.start_soon
        async def wait():
            with pytest.raises(steno.SecClosing) as closing:
                await saga.wait()
            told.append(str(closing.value))

        await wait_all_tasks_blocked()
    assert told == [
        f"the SEC is being left, and saga {saga.saga_id} was not started; it stays ready"
    ]
    (await world.finish(saga.saga_id)).unwrap()


async def test_actions_use_the_sec_while_it_is_being_left(world: World):
    """Else no saga that runs others could finish; what they start is finished too."""
    child = world.saga("child")

    async def work(ctx: Context) -> object:
        await trio.sleep(10)
        sec = ctx.user_data.sec
        await sec.saga_list()
        saga = await sec.saga_create(child)
        await saga.start()
        return (await saga.wait()).unwrap().saga_output()

    world.does("a", work)
    async with world.open() as sec:
        saga = await sec.saga_create(world.saga("a"))
        await saga.start()
    assert world.store.state(saga.saga_id) == "succeeded"
    assert world.calls == ["a", "child"]


@pytest.mark.parametrize("undoing", [False, True])
@pytest.mark.parametrize("how", ["raises", "group", "waits", "waited"])
async def test_a_saga_that_cannot_go_on_while_its_sec_is_left_stays_stored(
    world: World, how: str, *, undoing: bool
):
    """
    An action that raises `SecClosing`, or waits for a saga that is only ready, does not fail.

    It counts as cut off: it is called again when its saga goes on, at the next open.
    """
    (child_id,) = ids(1)
    child = world.saga("child")

    async def stop(ctx: Context) -> object:
        await ctx.user_data.sec.saga_create(child, saga_id=child_id)
        await trio.sleep(0 if how == "waited" else 10)
        match how:
            case "raises":
                raise steno.SecClosing("so be it")
            case "group":
                raise ExceptionGroup("g", [ValueError(), steno.SecClosing("so be it")])
            case _:
                await ctx.user_data.sec.saga_wait(child_id)

    if undoing:
        world.undoes("b", each_time(stop, nothing))
        world.does("c", raises(ValueError("no")))
    else:
        world.does("b", each_time(stop, nothing))
    waited = []
    async with trio.open_nursery() as outside, world.open() as sec:
        saga = await sec.saga_create(world.saga("a", "b", "c"))
        await saga.start()

        @outside.start_soon
        async def wait():
            with pytest.raises(steno.SecClosing, match="goes on when a SEC of this name is opened"):
                await saga.wait()
            waited.append(1)

        await trio.sleep(5)
    assert waited == [1]
    assert world.store.log(saga.saga_id).endswith("1-" if undoing else "1+")
    assert world.store.problem(saga.saga_id) is None
    assert world.store.state(child_id) == "ready"
    await world.finish(saga.saga_id)
    assert world.store.state(saga.saga_id) == ("failed" if undoing else "succeeded")
    assert world.store.state(child_id) == "ready"


@pytest.mark.parametrize("undoing", [False, True])
@pytest.mark.parametrize("how", ["waits already", "waits", "runs", "starts"])
async def test_a_saga_that_waits_for_one_that_stays_stored_does_so_too(
    world: World, how: str, *, undoing: bool
):
    """
    However long the chain is: leaving a SEC unwinds nobody, and leaves nobody stuck.

    It makes no difference whether the one stops before or after the other comes to need it.
    """
    leaf, middle = world.saga("leaf"), world.saga("middle")
    leaf_id, middle_id = ids(2)

    async def wait_for_leaf(ctx: Context) -> None:
        await ctx.user_data.sec.saga_create(leaf, saga_id=leaf_id)
        await trio.sleep(10)
        await ctx.user_data.sec.saga_wait(leaf_id)

    async def wait_for_middle(ctx: Context) -> None:
        sec = ctx.user_data.sec
        await sec.saga_create(middle, saga_id=middle_id)
        await sec.saga_start(middle_id)
        await trio.sleep(0 if how == "waits already" else 20)
        match how:
            case "runs":
                await sec.saga_run(middle, saga_id=middle_id)
            case "starts":
                await sec.saga_start(middle_id)
            case _:
                await sec.saga_wait(middle_id)

    world.does("middle", each_time(wait_for_leaf, nothing))
    if undoing:
        world.undoes("top", each_time(wait_for_middle, nothing))
        world.does("fail", raises(ValueError("no")))
    else:
        world.does("top", each_time(wait_for_middle, nothing))
    async with world.open() as sec:
        top = await sec.saga_create(world.saga("top", "fail"))
        await top.start()
        await trio.sleep(5)
    assert world.store.log(top.saga_id).endswith("0-" if undoing else "0+")
    assert world.store.state(leaf_id) == "ready"
    await world.finish(top.saga_id)
    assert world.store.state(top.saga_id) == ("failed" if undoing else "succeeded")
    assert (world.store.state(middle_id), world.store.state(leaf_id)) == ("succeeded", "ready")


async def test_a_sec_whose_store_fails_can_be_left(world: World):
    """What cannot be written is halted when patience ends, and then nothing runs any more."""
    world.does("a", takes(10))
    async with world.open(store_patience=20) as sec:
        saga = await sec.saga_create(world.saga("a"))
        await saga.start()
        await trio.sleep(5)

        async def away(*_: object) -> object:
            raise steno.StoreUnavailable("away")

        world.store.then = away
    assert trio.current_time() == 30
    assert world.store.log(saga.saga_id) == "1+ 1✓ 0+"
