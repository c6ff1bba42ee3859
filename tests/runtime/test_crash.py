"""Leaving a SEC by an exception, by cancellation, or because an actor failed: what comes out."""

from collections.abc import Awaitable, Callable

import pytest
import trio
from trio.testing import wait_all_tasks_blocked

import steno
from steno.runtime._coordinator import Coordinator
from steno.runtime._executor import SagaExecutor
from steno.runtime._recover import Loader
from steno.runtime._writer import LogWriter
from support.worlds import (
    Batch,
    Context,
    Outcomes,
    World,
    WriteBatch,
    each_time,
    hangs,
    ids,
    nothing,
    raises,
    returns,
    slow,
    takes,
    works,
)

# The body raises, or is cancelled


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
    assert world.store.log(saga.saga_id) == "1+ 1✓ 0+"
    (await world.finish(saga.saga_id)).unwrap()


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
        assert "✗" not in world.store.log(saga.saga_id)
        (await world.finish(saga.saga_id)).unwrap()


async def test_a_success_of_what_was_cancelled_is_not_kept():
    """At the same moment: what it returns then is half done, and is returned again when whole."""

    async def hasty(_: Context) -> object:
        try:
            await trio.sleep_forever()
        except trio.Cancelled:  # noqa: ASYNC103 - rude on purpose
            return "half"  # noqa: ASYNC104 - as above

    for _ in range(30):  # in each the tasks are scheduled in another order
        world = World()
        began = trio.current_time()
        world.does("a", takes(5, returns(1)))
        world.does("b", each_time(hasty, returns("whole")))
        world.does("c", each_time(hasty, returns("whole")))
        with pytest.raises(LookupError):
            async with world.open() as sec:
                saga = await sec.saga_create(world.saga([*"abc"], "d"))
                await saga.start()
                await trio.sleep_until(began + 5)
                raise LookupError
        result = (await world.finish(saga.saga_id)).unwrap()
        assert {result.lookup_node_output(name) for name in "bc"} == {"whole"}


async def test_what_was_cancelled_before_it_began_is_not_called(world: World):
    """The SEC is cancelled while a start is being recorded: it is called at the next open."""

    async def cancelled_meanwhile(write: WriteBatch, batch: Batch) -> Outcomes:
        outcomes = await write(batch)
        scope.cancel()
        return outcomes

    with trio.CancelScope() as scope:
        async with world.open() as sec:
            saga = await sec.saga_create(world.saga("a", "b"))
            world.store.script.extend([works, cancelled_meanwhile])
            await saga.start()
            await trio.sleep_forever()
    assert world.store.log(saga.saga_id) == "2+ 2✓ 0+ 0✓ 1+"
    assert world.calls == ["a"]
    (await world.finish(saga.saga_id)).unwrap()


async def test_a_group_of_the_bodys_nursery_is_the_bodys(world: World):
    """A nursery in the body gives its own group, of its own errors alone."""
    one, two = ValueError("one"), KeyError("two")
    caught = []
    try:
        async with world.open(), trio.open_nursery() as nursery:
            nursery.start_soon(raises(one), None)
            nursery.start_soon(raises(two), None)
    except ExceptionGroup as group:
        caught.append(group)
    assert [set(group.exceptions) for group in caught] == [{one, two}]


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
    assert world.store.log(saga.saga_id) == "2+ 2✓ 0+ 0✓ 1+"
    (await world.finish(saga.saga_id)).unwrap()
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
    """A caller that has waited long enough for running sagas may cancel; nothing is lost."""
    world.does("a", each_time(hangs, nothing))
    with trio.move_on_after(5) as scope:
        async with world.open() as sec:
            saga = await sec.saga_create(world.saga("a"))
            await saga.start()
    assert scope.cancelled_caught
    assert trio.current_time() == 5
    (await world.finish(saga.saga_id)).unwrap()


# An actor fails


def break_coordinator(monkeypatch: pytest.MonkeyPatch, error: BaseException) -> None:
    _break(monkeypatch, Coordinator, "_asked", error)


def break_writer(monkeypatch: pytest.MonkeyPatch, error: BaseException) -> None:
    _break(monkeypatch, LogWriter, "_note", error)


def break_executor(monkeypatch: pytest.MonkeyPatch, error: BaseException) -> None:
    _break(monkeypatch, SagaExecutor, "_carry_out", error)


def break_loader(monkeypatch: pytest.MonkeyPatch, error: BaseException) -> None:
    _break(monkeypatch, Loader, "_load", error)


def _break(monkeypatch: pytest.MonkeyPatch, actor: type, method: str, error: BaseException) -> None:
    def fail(*_: object) -> None:
        raise error

    monkeypatch.setattr(actor, method, fail)


BREAKS = pytest.mark.parametrize("break_actor", [break_coordinator, break_writer, break_loader])


@BREAKS
async def test_an_actor_that_fails_is_a_crash(
    world: World, monkeypatch: pytest.MonkeyPatch, break_actor: Callable[..., None]
):
    """
    It comes out as one `SecCrashed`, with its cause; the body is cancelled, and nothing is lost.

    Those who wait, inside or outside, get an error at once.
    """
    error = ZeroDivisionError("a bug")
    world.does("a", each_time(hangs, nothing))
    cleaned, told = [], []
    async with world.doomed() as sec:
        waiting = await sec.saga_create(world.saga("a"))
        await waiting.start()
        left = await sec.saga_create(world.saga("b"), start=True)
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
        (await sec.saga_wait(waiting.saga_id)).unwrap()
        (await sec.saga_wait(left.saga_id)).unwrap()


async def test_a_crash_comes_before_what_the_body_raises(
    world: World, monkeypatch: pytest.MonkeyPatch
):
    """The body's error is mostly its consequence, so it is noted only."""
    error = ZeroDivisionError("a bug")
    with pytest.raises(steno.SecCrashed) as caught:
        async with world.open() as sec:
            break_coordinator(monkeypatch, error)
            try:
                await sec.saga_run(world.saga("a"))
            finally:
                raise ValueError("the body's")
    assert caught.value.__cause__ is error
    assert caught.value.__notes__ == [
        """The body of open_sec had raised ValueError("the body's")."""
    ]


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

            monkeypatch.setattr(Coordinator, "_asked", fail)
            await saga.start()
            await trio.sleep_forever()
    assert caught.value.__cause__ is error


@pytest.mark.parametrize(
    "break_actor", [break_coordinator, break_writer, break_executor, break_loader]
)
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
    (await world.finish(saga.saga_id)).unwrap()


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
            await world.sec.saga_recover((await world.sec.saga_list())[0].saga_id)


@WAYS_OUT
async def test_a_waiter_outside_gets_an_error(
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
                        commands = [saga.wait(), sec.saga_wait(stored.saga_id)]
                        world.store.then = slow(1)
                        commands.append(sec.saga_create(dag))
                        commands.append(sec.saga_wait(saga.saga_id))
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
                    with trio.CancelScope(shield=True, deadline=trio.current_time() + 60):
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
    (await world.finish(saga.saga_id)).unwrap()
