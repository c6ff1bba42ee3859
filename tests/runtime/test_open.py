"""Opening and leaving a SEC: who waits for whom, and what comes out."""

from collections.abc import Awaitable, Callable
from contextlib import asynccontextmanager
from types import SimpleNamespace

import pytest
import trio
from trio.testing import wait_all_tasks_blocked

import steno
from steno.runtime._executor import SagaExecutor
from steno.runtime._recover import Loader
from steno.runtime._sec import Sec
from steno.runtime._writer import LogWriter
from support.worlds import (
    Context,
    World,
    each_time,
    hangs,
    ids,
    nothing,
    raises,
    returns,
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
async def test_a_store_that_can_not_be_opened_says_so_itself(world: World, where: str):
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
    assert [world.store.state(s.id) for s in (running, unwinding, ready)] == [
        "succeeded",
        "failed",
        "ready",
    ]


async def test_leaving_waits_for_recovery_and_what_it_brings(world: World):
    """Sagas that are still being loaded are loaded, started and finished."""
    async with world.doomed() as sec:
        sagas = [await sec.saga_create(world.saga("a", "b")) for _ in range(5)]

    async def slowly(method: str) -> None:
        await trio.sleep(10 * (method == "load"))

    world.does("b", takes(100))
    world.store.reading = slowly
    async with world.open(recover_concurrency=1):
        pass
    assert trio.current_time() == 150
    assert {world.store.state(saga.id) for saga in sagas} == {"succeeded"}


@pytest.mark.parametrize(
    "command",
    [
        lambda sec, _, dag: sec.saga_create(dag),
        lambda sec, _, dag: sec.saga_run(dag),
        lambda sec, saga_id, _: sec.saga_start(saga_id),
        lambda sec, saga_id, _: sec.saga_wait(saga_id),
        lambda sec, saga_id, _: sec.saga_get(saga_id),
        lambda sec, saga_id, _: sec.saga_recover(saga_id),
        lambda sec, saga_id, _: sec.saga_inject_error(saga_id, "a"),
        lambda sec, *_: sec.saga_list(),
    ],
    ids=["create", "run", "start", "wait", "get", "recover", "inject", "list"],
)
async def test_while_a_sec_is_being_left_it_takes_no_commands_from_outside(
    world: World, command: Callable[..., Awaitable[object]]
):
    """Those that wait for what runs already get their answer, however."""
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
                await command(sec, saga.id, dag)
            results.append("refused")

        await wait_all_tasks_blocked()
    assert results[0] == "refused"
    assert results[1].unwrap()


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
    assert world.store.state(created[0].id) == "ready"
    assert trio.current_time() == 10


async def test_whoever_waits_for_a_saga_that_was_never_started_is_told(world: World):
    """It will not be started by this SEC any more; which is no fault of the saga's."""
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
        f"the SEC is being left, and saga {saga.id} was not started; "
        "it will be when a SEC of this name is opened again"
    ]
    (await world.finish(saga.id)).unwrap()


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
    assert world.store.state(saga.id) == "succeeded"
    assert world.calls == ["a", "child"]


@pytest.mark.parametrize("undoing", [False, True])
@pytest.mark.parametrize("how", ["raises", "group", "waits", "waited"])
async def test_a_saga_that_can_not_go_on_while_its_sec_is_left_halts(
    world: World, how: str, *, undoing: bool
):
    """
    An action that raises `SecClosing`, or waits for a saga that is only ready, does not fail.

    Its saga goes on at the next open, which also starts the saga that it waits for.
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
            with pytest.raises(steno.SagaHaltedError, match="met a SEC that is being left"):
                await saga.wait()
            waited.append(1)

        await trio.sleep(5)
    assert waited == [1]
    assert world.store.log(saga.id).endswith("1-" if undoing else "1+")
    assert world.store.state(child_id) == "ready"
    await world.finish(saga.id)
    assert world.store.state(saga.id) == ("failed" if undoing else "succeeded")
    assert world.store.state(child_id) == "succeeded"


@pytest.mark.parametrize("undoing", [False, True])
@pytest.mark.parametrize("how", ["waits already", "waits", "runs", "starts"])
async def test_a_saga_that_waits_for_one_that_halts_while_its_sec_is_left_halts_too(
    world: World, how: str, *, undoing: bool
):
    """
    However long the chain is: leaving a SEC unwinds nobody, and leaves nobody stuck.

    It makes no difference whether the one halts before or after the other comes to need it.
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
    assert world.store.log(top.id).endswith("0-" if undoing else "0+")
    assert world.store.state(leaf_id) == "ready"
    await world.finish(top.id)
    assert world.store.state(top.id) == ("failed" if undoing else "succeeded")
    assert world.store.state(middle_id) == world.store.state(leaf_id) == "succeeded"


async def test_a_sec_whose_store_fails_can_be_left(world: World):
    """What can not be written is halted when patience ends, and then nothing runs any more."""
    world.does("a", takes(10))
    async with world.open(store_patience=20) as sec:
        saga = await sec.saga_create(world.saga("a"))
        await saga.start()
        await trio.sleep(5)

        async def away(*_: object) -> object:
            raise steno.StoreUnavailable("away")

        world.store.then = away
    assert trio.current_time() == 30
    assert world.store.log(saga.id) == "1+ 1✓ 0+"


# Leaving by an exception


class Falsy(Exception):
    def __bool__(self) -> bool:
        return False


BODY_ERRORS = [
    ValueError("mine"),
    Falsy(),
    ExceptionGroup("mine", [ValueError(), ExceptionGroup("inner", [KeyError()])]),
    BaseExceptionGroup("mine", [SystemExit(), ValueError()]),
    KeyboardInterrupt(),
    SystemExit(2),
    StopAsyncIteration(),
    StopIteration(),
    RuntimeError(),
    steno.StoreStuck("another store's"),
    steno.SecClosing("another SEC's"),
]


@pytest.mark.parametrize("error", BODY_ERRORS, ids=lambda error: type(error).__name__)
async def test_what_the_body_raised_comes_out_as_it_is(world: World, error: BaseException):
    """The same object, in no group of ours; what ran is cancelled, and goes on at the next open."""
    world.does("a", each_time(hangs, nothing))
    with pytest.raises(type(error)) as caught:
        async with steno.open_sec(world.store, world.registry, context=world) as sec:
            saga = await sec.saga_create(world.saga("a"))
            await saga.start()
            await wait_all_tasks_blocked()
            raise error
    assert caught.value is error
    assert error.__cause__ is None
    assert world.store.log(saga.id) == "1+ 1✓ 0+"
    (await world.finish(saga.id)).unwrap()


async def test_an_error_of_the_body_unwinds_nobody_at_whatever_moment_it_comes():
    """
    Here at the one at which an action ends, and another fails because it is cancelled.

    What is cancelled has no result, even where a result that came before is still being recorded.
    """

    async def rude(_: Context) -> None:
        try:
            await trio.sleep_forever()
        finally:
            raise OSError("the connection was closed")

    for _ in range(30):  # in each the tasks are scheduled in another order
        world = World()
        began = trio.current_time()
        world.does("a", takes(5, returns(1)))
        world.does("b", each_time(rude, nothing))
        world.does("c", each_time(rude, nothing))
        with pytest.raises(LookupError):
            async with world.open() as sec:
                saga = await sec.saga_create(world.saga([*"abc"], "d"))
                await saga.start()
                await trio.sleep_until(began + 5)
                raise LookupError
        assert "✗" not in world.store.log(saga.id)
        (await world.finish(saga.id)).unwrap()


async def test_a_group_of_the_bodys_nursery_is_the_bodys(world: World):
    """A nursery in the body gives its own group, of its own errors alone."""
    one, two = ValueError("one"), KeyError("two")
    with pytest.RaisesGroup(ValueError, KeyError) as caught:
        async with world.open(), trio.open_nursery() as nursery:
            nursery.start_soon(raises(one), None)
            nursery.start_soon(raises(two), None)
    assert set(caught.value.exceptions) == {one, two}


async def test_cancelling_from_around_is_a_crash(world: World):
    """The scope catches its own `Cancelled`; what is not logged is done again at the next open."""
    world.does("b", each_time(hangs, nothing))
    with trio.CancelScope() as scope:
        async with world.open() as sec:
            saga = await sec.saga_create(world.saga("a", "b"))
            await saga.start()
            await wait_all_tasks_blocked()
            scope.cancel()
            await trio.sleep_forever()
    assert scope.cancelled_caught
    assert world.store.log(saga.id) == "2+ 2✓ 0+ 0✓ 1+"
    (await world.finish(saga.id)).unwrap()
    assert world.calls == ["a", "b", "b"]


async def test_what_the_body_raises_when_it_is_cancelled_comes_out(world: World):
    """An error in the cleanup of a body is not lost because the SEC was cancelled too."""
    error = OSError("cleanup")
    world.does("a", hangs)
    with pytest.raises(OSError, match="cleanup") as caught, trio.CancelScope() as scope:
        async with world.open() as sec:
            saga = await sec.saga_create(world.saga("a"))
            await saga.start()
            try:
                scope.cancel()
                await trio.sleep_forever()
            finally:
                raise error
    assert caught.value is error


async def test_cancelling_while_a_sec_is_being_left(world: World):
    """Whoever has waited long enough for running sagas may cancel; nothing is lost."""
    world.does("a", each_time(hangs, nothing))
    with trio.move_on_after(5) as scope:
        async with world.open() as sec:
            saga = await sec.saga_create(world.saga("a"))
            await saga.start()
    assert scope.cancelled_caught
    assert trio.current_time() == 5
    (await world.finish(saga.id)).unwrap()


# An actor fails


def break_coordinator(monkeypatch: pytest.MonkeyPatch, error: BaseException) -> None:
    _break(monkeypatch, Sec, "_asked_of_present", error)


def break_writer(monkeypatch: pytest.MonkeyPatch, error: BaseException) -> None:
    _break(monkeypatch, LogWriter, "_note", error)


def break_executor(monkeypatch: pytest.MonkeyPatch, error: BaseException) -> None:
    _break(monkeypatch, SagaExecutor, "_record", error)


def break_loader(monkeypatch: pytest.MonkeyPatch, error: BaseException) -> None:
    _break(monkeypatch, Loader, "_load", error)


def _break(monkeypatch: pytest.MonkeyPatch, actor: type, method: str, error: BaseException) -> None:
    def fail(*_: object) -> None:
        raise error

    monkeypatch.setattr(actor, method, fail)


BREAKS = pytest.mark.parametrize(
    "break_actor", [break_coordinator, break_writer, break_executor, break_loader]
)


@BREAKS
async def test_an_actor_that_fails_is_a_crash(
    world: World, monkeypatch: pytest.MonkeyPatch, break_actor: Callable[..., None]
):
    """
    It comes out as one `SecCrashed`, with its cause; the body is cancelled, and nothing is lost.

    Whoever waits, inside or outside, is told at once.
    """
    error = ZeroDivisionError("a bug")
    world.does("a", each_time(hangs, nothing))
    cleaned, told = [], []
    async with world.doomed() as sec:
        waiting = await sec.saga_create(world.saga("a"))
        await waiting.start()
        left = await sec.saga_create(world.saga("b"))
    with monkeypatch.context() as patch:
        async with trio.open_nursery() as outside:
            with pytest.raises(steno.SecCrashed) as caught:
                async with world.open(recover=break_actor is break_loader) as sec:

                    @outside.start_soon
                    async def wait():
                        try:
                            await sec.saga_run(world.saga("c", name="outside"))
                        except steno.SecClosing:
                            told.append(trio.current_time())

                    break_actor(patch, error)
                    try:
                        await trio.sleep_forever()
                    finally:
                        cleaned.append(trio.current_time())
    assert caught.value.__cause__ is error
    assert str(caught.value) == (
        "the SEC ended with ZeroDivisionError: a bug; its sagas go on at the next open"
    )
    assert cleaned == told == [0]
    async with world.open() as sec:
        (await sec.saga_wait(waiting.id)).unwrap()
        (await sec.saga_wait(left.id)).unwrap()


async def test_a_crash_comes_before_what_the_body_raises(
    world: World, monkeypatch: pytest.MonkeyPatch
):
    """The body's error is mostly its consequence."""
    error = ZeroDivisionError("a bug")
    with pytest.raises(steno.SecCrashed) as caught:
        async with world.open() as sec:
            break_executor(monkeypatch, error)
            try:
                await sec.saga_run(world.saga("a"))
            finally:
                raise ValueError("the body's")
    assert caught.value.__cause__ is error


async def test_a_crash_is_not_lost_when_the_sec_is_cancelled_too(
    world: World, monkeypatch: pytest.MonkeyPatch
):
    """Of a scope around it, at the same moment."""
    error = ZeroDivisionError("a bug")
    with pytest.raises(steno.SecCrashed) as caught, trio.CancelScope() as scope:
        async with world.open() as sec:
            saga = await sec.saga_create(world.saga("a"))

            def fail(*_: object) -> None:
                scope.cancel()
                raise error

            monkeypatch.setattr(SagaExecutor, "_record", fail)
            await saga.start()
            await trio.sleep_forever()
    assert caught.value.__cause__ is error


@BREAKS
async def test_an_interrupt_in_an_actor_comes_out_as_it_is(
    world: World, monkeypatch: pytest.MonkeyPatch, break_actor: Callable[..., None]
):
    """Control-C may hit any task of the SEC."""
    error = KeyboardInterrupt()
    async with world.doomed() as sec:
        saga = await sec.saga_create(world.saga("a"))
    with pytest.raises(KeyboardInterrupt) as caught:
        async with world.open() as sec:
            break_actor(monkeypatch, error)
            await sec.saga_run(world.saga("a"))
    assert caught.value is error
    monkeypatch.undo()
    (await world.finish(saga.id)).unwrap()


async def test_an_interrupt_comes_before_a_crash(world: World, monkeypatch: pytest.MonkeyPatch):
    """Whichever of them was first: who pressed Control-C wants to be out."""
    error = KeyboardInterrupt()

    async def interrupted(_: Context) -> None:
        try:
            await trio.sleep_forever()
        finally:
            raise error

    world.does("a", interrupted)
    with pytest.raises(KeyboardInterrupt) as caught:
        async with world.open() as sec:
            saga = await sec.saga_create(world.saga("a"))
            await saga.start()
            await wait_all_tasks_blocked()
            break_coordinator(monkeypatch, ZeroDivisionError("a bug"))
            await saga.view()
    assert caught.value is error


# Nobody is left in silence


WAYS_OUT = pytest.mark.parametrize("way_out", ["error", "cancel", "crash"])


async def leave(
    way_out: str, scope: trio.CancelScope, monkeypatch: pytest.MonkeyPatch, world: World
) -> None:
    match way_out:
        case "error":
            raise LookupError
        case "cancel":
            scope.cancel()
            await trio.sleep_forever()
        case _:
            break_coordinator(monkeypatch, ZeroDivisionError())
            await world.sec.saga_recover((await world.sec.saga_list())[0].id)


@WAYS_OUT
async def test_whoever_waits_outside_is_told(
    world: World, monkeypatch: pytest.MonkeyPatch, way_out: str
):
    """For a saga, for a store that writes, or for one that reads: all get `SecClosing`."""
    world.does("a", hangs)
    dag, told = world.saga("a"), []

    async def ask(command: Awaitable[object]) -> None:
        try:
            await command
        except steno.SecClosing:
            told.append(trio.current_time())

    with trio.CancelScope() as others:
        async with trio.open_nursery() as outside:
            with trio.CancelScope() as scope:
                try:
                    async with world.open() as sec:
                        saga = await sec.saga_create(dag)
                        await saga.start()
                        stored = await sec.saga_create(dag)
                        commands = [saga.wait(), sec.saga_wait(stored.id)]
                        world.store.then = slow(1)
                        commands.append(sec.saga_create(dag))
                        commands.append(sec.saga_wait(saga.id))
                        for command in commands:
                            outside.start_soon(ask, command)
                        await wait_all_tasks_blocked()
                        world.store.reading = _late
                        for command in (sec.saga_list(), sec.saga_get(ids(1)[0])):
                            outside.start_soon(ask, command)
                        await wait_all_tasks_blocked()
                        world.store.reading = None
                        await leave(way_out, scope, monkeypatch, world)
                except (LookupError, steno.SecCrashed):
                    pass
            await trio.sleep(100)
            others.cancel()
    assert told == [0, 0, 0, 0, 0, 0]


async def _late(_: str) -> None:
    await trio.sleep_forever()


@pytest.mark.parametrize("way_out", ["cancel", "crash"])
async def test_a_shielded_cleanup_is_told_too(
    world: World, monkeypatch: pytest.MonkeyPatch, way_out: str
):
    """A body that asks while it is cancelled, under a shield, would else wait for ever."""
    world.does("a", hangs)
    told = []

    async def ask_for_all(saga: steno.SagaHandle, dag: steno.SagaDag) -> None:
        for command in (saga.view(), saga.wait(), saga.start(), world.sec.saga_create(dag)):
            with pytest.raises(steno.SecClosing):
                await command
            told.append(trio.current_time())

    with trio.CancelScope() as scope:
        try:
            async with world.open() as sec:
                dag = world.saga("a")
                saga = await sec.saga_create(dag)
                await saga.start()
                try:
                    await leave(way_out, scope, monkeypatch, world)
                finally:
                    with trio.move_on_after(60, shield=True):
                        await ask_for_all(saga, dag)
        except steno.SecCrashed:
            pass
    assert told == [0, 0, 0, 0]


async def test_the_shielded_cleanup_of_an_action_is_told(world: World):
    """An action that asks while its SEC is cancelled gets `SecClosing` at once."""
    told = []

    async def ask_at_last(ctx: Context) -> None:
        try:
            await trio.sleep_forever()
        finally:
            with trio.CancelScope(shield=True):
                try:
                    await ctx.user_data.sec.saga_get(ctx.saga_id)
                except steno.SecClosing:
                    told.append(trio.current_time())

    world.does("a", each_time(ask_at_last, nothing))
    async with world.doomed() as sec:
        saga = await sec.saga_create(world.saga("a"))
        await saga.start()
        await wait_all_tasks_blocked()
    assert told == [0]
    (await world.finish(saga.id)).unwrap()
