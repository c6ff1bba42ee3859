"""The commands of a SEC: what each does, and what it refuses."""

import inspect
from collections.abc import Awaitable, Callable
from datetime import timedelta
from uuid import UUID

import pytest
import trio
from trio.testing import wait_all_tasks_blocked

import steno
from steno.testing.notation import events
from support.demo import saga as saga_of
from support.worlds import World, answers_at, hangs, ids, raises, slow, takes

KEPT_FINISHED = 100  # what a SEC keeps in memory

Command = Callable[[steno.SecClient, UUID], Awaitable[object]]

ON_A_SAGA: dict[str, Command] = {
    "start": lambda sec, saga_id: sec.saga_start(saga_id),
    "wait": lambda sec, saga_id: sec.saga_wait(saga_id),
    "get": lambda sec, saga_id: sec.saga_get(saga_id),
    "recover": lambda sec, saga_id: sec.saga_recover(saga_id),
    "inject error": lambda sec, saga_id: sec.saga_inject_error(saga_id, "a"),
    "inject undo error": lambda sec, saga_id: sec.saga_inject_error_undo(saga_id, "a"),
    "inject repeat": lambda sec, saga_id: sec.saga_inject_repeat(
        saga_id, "a", steno.RepeatInjected()
    ),
}

COMMANDS: dict[str, Command] = {
    **ON_A_SAGA,
    "create": lambda sec, saga_id: sec.saga_create(saga_of("a"), saga_id=saga_id),
    "run": lambda sec, saga_id: sec.saga_run(saga_of("a"), saga_id=saga_id),
    "resume": lambda sec, saga_id: sec.saga_resume(saga_id, saga_of("a"), events("1+", saga_id)),
    "list": lambda sec, _: sec.saga_list(),
    "attention": lambda sec, _: sec.saga_attention(),
    "order_many": lambda sec, _: sec.order_many(steno.SagaFilter(), "pause"),
    "bulk_order": lambda sec, saga_id: sec.bulk_order(saga_id),
    "bulk_orders": lambda sec, _: sec.bulk_orders(),
    "drain": lambda sec, _: sec.drain(),
    "prune": lambda sec, _: sec.saga_prune(timedelta(days=30)),
    "handle.start": lambda sec, saga_id: sec.saga_handle(saga_id).start(),
    "handle.wait": lambda sec, saga_id: sec.saga_handle(saga_id).wait(),
    "handle.recover": lambda sec, saga_id: sec.saga_handle(saga_id).recover(),
    "handle.view": lambda sec, saga_id: sec.saga_handle(saga_id).view(),
    "handle.inject_error": lambda sec, saga_id: sec.saga_handle(saga_id).inject_error("a"),
    "handle.inject_error_undo": lambda sec, saga_id: sec.saga_handle(saga_id).inject_error_undo(
        "a"
    ),
    "handle.inject_repeat": lambda sec, saga_id: sec.saga_handle(saga_id).inject_repeat(
        "a", steno.RepeatInjected()
    ),
    "handle.pause": lambda sec, saga_id: sec.saga_handle(saga_id).pause(),
    "handle.resume": lambda sec, saga_id: sec.saga_handle(saga_id).resume(),
    "handle.unwind": lambda sec, saga_id: sec.saga_handle(saga_id).unwind(why="no"),
    "handle.abandon": lambda sec, saga_id: sec.saga_handle(saga_id).abandon(why="no"),
    "handle.deadline": lambda sec, saga_id: sec.saga_handle(saga_id).deadline(None),
    "handle.signal": lambda sec, saga_id: sec.saga_handle(saga_id).signal("go"),
    "handle.hold": lambda sec, saga_id: sec.saga_handle(saga_id).hold("a"),
    "handle.retry": lambda sec, saga_id: sec.saga_handle(saga_id).retry("a"),
    "handle.fail": lambda sec, saga_id: sec.saga_handle(saga_id).fail("a", why="no"),
    "handle.complete": lambda sec, saga_id: sec.saga_handle(saga_id).complete("a", why="no"),
}

ORDERS = {
    *("pause", "resume", "unwind", "abandon", "deadline", "signal"),
    *("hold", "retry", "fail", "complete"),
}
"""Commands that only a handle has."""


def each(commands: dict[str, Command]) -> pytest.MarkDecorator:
    return pytest.mark.parametrize("command", commands.values(), ids=commands)


# Refusals


@each(ON_A_SAGA)
async def test_an_unknown_saga(world: World, command: Command):
    """Every command on a saga that the store does not know says so."""
    (unknown,) = ids(1)
    world.saga("a")
    async with world.open() as sec:
        with pytest.raises(steno.NoSuchSaga) as refused:
            await command(sec, unknown)
        assert sec.statistics().halted == 0
    assert str(refused.value) == f"no such saga: {unknown}"
    assert refused.value.saga_id == unknown
    assert world.store.batches == []


@each(ON_A_SAGA)
async def test_an_id_that_is_none(world: World, command: Command):
    """A saga is given by its UUID; its text is a mistake of the program."""
    async with world.open() as sec:
        with pytest.raises(TypeError, match="uuid"):
            await command(sec, str(ids(1)[0]))


def test_every_method_is_among_the_commands():
    """What is shown here of each command is shown of all that there are."""
    waiting = {
        *(name.removeprefix("saga_") for name in _async_methods(steno.SecClient)),
        *(f"handle.{name}" for name in _async_methods(steno.SagaHandle)),
    }
    names = {"inject_error": "inject error", "inject_error_undo": "inject undo error"}
    names["inject_repeat"] = "inject repeat"
    assert {names.get(name, name) for name in waiting} == set(COMMANDS)


def test_a_handle_has_every_command_on_one_saga():
    """What the client does with a saga by its id, the handle does, too."""
    on_one = {
        name.removeprefix("saga_")
        for name in _async_methods(steno.SecClient)
        if [*inspect.signature(getattr(steno.SecClient, name)).parameters][1:2] == ["saga_id"]
    }
    assert on_one - {"get"} | {"view"} | ORDERS == set(_async_methods(steno.SagaHandle))


def _async_methods(of: type) -> list[str]:
    methods = inspect.getmembers(of, inspect.iscoroutinefunction)
    return [name for name, _ in methods if not name.startswith("_")]


@each(COMMANDS)
@pytest.mark.parametrize("left", ["normally", "by an error", "by a crash"])
async def test_use_after_leaving(world: World, command: Command, left: str):
    """However `open_sec` was left, every command raises `SecClosing`, and nothing is written."""
    world.saga("a")
    with trio.CancelScope() as crash:
        try:
            async with world.open() as sec:
                finished = await sec.saga_run(world.saga("a"))
                if left == "by an error":
                    raise LookupError
                if left == "by a crash":
                    crash.cancel()
        except LookupError:
            pass
    written = len(world.store.batches)
    for saga_id in (finished.saga_id, *ids(1)):
        with pytest.raises(steno.SecClosing, match="open one of its name on its store"):
            await command(sec, saga_id)
    assert len(world.store.batches) == written


# Creating


@pytest.mark.parametrize("fault", ["action", "undo", "timeout", "params", "constant", "context"])
async def test_a_saga_is_validated_before_anything_is_stored(world: World, fault: str):
    """What is wrong with it is said at once, and leaves no trace."""
    builder = steno.DagBuilder("trip")
    builder.append(steno.Node.constant("c", "x" * (99 if fault == "constant" else 0)))
    builder.append(steno.Node.action("hotel", "book", label="Book"))
    dag = steno.SagaDag(builder.build(), "x" * (99 if fault == "params" else 0))
    action = steno.ActionFunc("book", hangs, None if fault == "undo" else steno.NOOP)
    if fault == "timeout":
        action = steno.ActionFunc.new_action("book", hangs, hangs, timeout=5)
    if fault != "action":
        world.registry.register(action)

    def make(*_: object) -> object:
        return {}["context"] if fault == "context" else None

    expected = {
        "action": 'validating saga "trip": action for node "hotel" not registered: "book"',
        "undo": 'validating saga "trip": action "book" of node "hotel" has no undo: decorate one '
        "with @book.undo, or say undo=steno.NOOP if there is nothing to undo",
        "timeout": 'validating saga "trip": action "book" of node "hotel" has a timeout, and does '
        "not say what holds after it: decorate its undo with in_doubt=True if it can be called "
        "when it is not known whether the action was done, or say atomic=True if a call that is "
        "cancelled has had no effect",
        "params": 'validating saga "trip": its params takes 101 bytes, and may take 100 '
        "(max_value_bytes)",
        "constant": 'validating saga "trip": the constant "c" takes 101 bytes, and may take 100 '
        "(max_value_bytes)",
        "context": "'context'",
    }
    error = KeyError if fault == "context" else steno.SagaValidationError
    async with world.open(make_context=make, max_value_bytes=100) as sec:
        for command in (sec.saga_create, sec.saga_run):
            with pytest.raises(error) as refused:
                await command(dag)
            assert str(refused.value) == expected[fault]
        assert await sec.saga_list() == []
    assert world.store.batches == []


async def test_a_saga_that_is_being_created_is_not_there_before_it_is_durable(world: World):
    """Who looks is told at once that there is none; who starts it or waits for it waits."""
    (saga_id,) = ids(1)
    world.store.then = slow(10)
    dag, order = world.saga("a"), []
    async with world.open() as sec, trio.open_nursery() as nursery:

        async def note(what: str, command: Awaitable[object]) -> None:
            await command
            order.append((what, trio.current_time()))

        nursery.start_soon(note, "create", sec.saga_create(dag, saga_id=saga_id))
        await trio.sleep(1)
        nursery.start_soon(note, "wait", sec.saga_wait(saga_id))
        nursery.start_soon(note, "start", sec.saga_start(saga_id))
        await trio.sleep(1)
        with pytest.raises(steno.NoSuchSaga):
            await sec.saga_get(saga_id)
        assert await sec.saga_list() == []
        assert trio.current_time() == 2
    assert sorted(order) == [("create", 10), ("start", 20), ("wait", 30)]


async def test_a_cancelled_create_was_never_accepted_or_is_carried_out(world: World):
    """Cancelled before it begins nothing is stored; later the saga is there, whole."""
    never, whole = ids(2)
    answer = trio.Event()
    async with world.open() as sec:
        with trio.CancelScope() as scope:
            scope.cancel()
            await sec.saga_create(world.saga("a"), saga_id=never)
        assert scope.cancelled_caught
        await wait_all_tasks_blocked()
        assert world.store.batches == []
        world.store.script.append(answers_at(answer))
        with trio.move_on_after(1) as scope:
            await sec.saga_create(world.saga("a"), saga_id=whole)
        assert scope.cancelled_caught
        answer.set()
        await sec.saga_start(whole)
        (await sec.saga_wait(whole)).unwrap()
        with pytest.raises(steno.NoSuchSaga):
            await sec.saga_get(never)


async def test_a_cancelled_start_was_never_accepted_or_is_carried_out(world: World):
    """Cancelled before it begins it starts nothing; accepted, here to wait, the saga is started."""
    never, waiting = ids(2)
    answer = trio.Event()
    async with world.open() as sec, trio.open_nursery() as nursery:
        await sec.saga_create(world.saga("a"), saga_id=never)
        with trio.CancelScope() as scope:
            scope.cancel()
            await sec.saga_start(never)
        assert scope.cancelled_caught
        world.store.script.append(answers_at(answer))
        nursery.start_soon(lambda: sec.saga_create(world.saga("b"), saga_id=waiting))
        await wait_all_tasks_blocked()
        with trio.move_on_after(1) as scope:
            await sec.saga_start(waiting)
        assert scope.cancelled_caught
        answer.set()
        await wait_all_tasks_blocked()
    assert world.calls == ["b"]
    assert world.store.state(never) == "ready"
    assert world.store.state(waiting) == "succeeded"


# Starting


@pytest.mark.parametrize("when", ["running", "done", "evicted", "another life"])
async def test_a_second_start_is_refused_and_disturbs_nothing(world: World, when: str):
    """The saga goes on, and its waiters with it."""
    world.does("a", takes(10))
    async with world.open() as sec:
        saga = await sec.saga_create(world.saga("a"))
        await saga.start()
        await trio.sleep(5)
        if when != "running":
            await saga.wait()
        if when == "evicted":
            await _run_many(world, sec)
        if when != "another life":
            with pytest.raises(steno.SagaNotReady) as refused:
                await saga.start()
            (await saga.wait()).unwrap()
    if when == "another life":
        async with world.open() as sec:
            with pytest.raises(steno.SagaNotReady) as refused:
                await sec.saga_start(saga.saga_id)
    assert str(refused.value) == f'saga not in "ready" state: {saga.saga_id}'
    assert world.calls.count("a") == 1


async def test_of_many_starts_at_once_one_is_taken(world: World):
    """The others are refused."""
    outcomes = []
    async with world.open() as sec:
        saga = await sec.saga_create(world.saga("a"))

        async def start() -> None:
            try:
                outcomes.append(await saga.start())
            except steno.SagaNotReady as refused:
                outcomes.append(refused)

        async with trio.open_nursery() as nursery:
            for _ in range(5):
                nursery.start_soon(start)
        (await saga.wait()).unwrap()
    assert outcomes.count(None) == 1
    assert world.calls == ["a"]


# Finished sagas


async def _run_many(world: World, sec: steno.SecClient) -> None:
    dag = world.saga("filler", name="filler")
    for _ in range(KEPT_FINISHED):
        await sec.saga_run(dag)


async def test_a_bounded_number_of_finished_sagas_stays_in_memory(world: World):
    """However many have run."""
    async with world.open() as sec:
        for count in range(1, 6):
            await sec.saga_run(world.saga("a"))
            assert sec.statistics().finished == count
        await _run_many(world, sec)
        await _run_many(world, sec)
        assert sec.statistics().finished == KEPT_FINISHED


async def test_an_evicted_saga_is_read_from_the_store(world: World):
    """View and result are as they were; other commands say that it is finished."""
    world.does("b", raises(ValueError("no")))
    async with world.open() as sec:
        kept = await sec.saga_run(world.saga("a", "b"))
        saga = sec.saga_handle(kept.saga_id)
        kept_view = await saga.view()
        await _run_many(world, sec)
        read = []

        async def note(method: str) -> None:
            read.append(method)

        world.store.reading = note
        view, result = await saga.view(), await saga.wait()
        assert read == ["load", "load"]
        assert await sec.saga_create(world.saga("a", "b"), saga_id=saga.saga_id) == saga
        with pytest.raises(steno.SagaIdInUse):
            await sec.saga_create(world.saga("a"), saga_id=saga.saga_id)
    assert isinstance(view.state, steno.SagaDone)
    assert str(view.state.status) == str(kept_view.state.status)
    assert view.serialized().to_json() == kept_view.serialized().to_json()
    assert result == kept == view.state.result
    assert result.saga_log.pretty() == kept.saga_log.pretty()


# Waiting


async def test_a_saga_may_be_waited_for_by_many_and_again(world: World):
    """Before it ends, and after; before it is started, too."""
    world.does("a", takes(10))
    results = []
    async with world.open() as sec:
        saga = await sec.saga_create(world.saga("a"))

        async def wait() -> None:
            results.append(await saga.wait())

        async with trio.open_nursery() as nursery:
            for _ in range(50):
                nursery.start_soon(wait)
            await trio.sleep(5)
            await saga.start()
        results.extend([await saga.wait(), await saga.wait()])
    assert len(results) == 52
    assert all(result.unwrap().lookup_node_output("a") is None for result in results)


async def test_a_cancelled_waiter_changes_nothing_and_is_forgotten(world: World):
    """The saga and its other waiters go on; nothing is kept of who went away."""
    world.does("a", takes(100))
    async with world.open() as sec:
        saga = await sec.saga_create(world.saga("a"))
        for when in "ready", "running":
            for _ in range(10):
                with trio.move_on_after(1):
                    await saga.wait()
            await wait_all_tasks_blocked()
            assert _remembered(sec, saga.saga_id) == 0, when
            if when == "ready":
                await saga.start()
        async with trio.open_nursery() as nursery:
            nursery.start_soon(saga.wait)
            with trio.move_on_after(1):
                await saga.wait()
            await wait_all_tasks_blocked()
            assert _remembered(sec, saga.saga_id) == 1
        assert trio.current_time() == 110
        assert _remembered(sec, saga.saga_id) == 0
    assert world.calls == ["a"]


async def test_a_waiter_that_is_cancelled_while_its_saga_is_loaded_is_forgotten_too(world: World):
    """A command that waits for a load is kept until then, and not longer than it is wanted."""
    world.does("a", takes(100))
    async with world.doomed() as sec:
        saga = await sec.saga_create(world.saga("a"), start=True)

    async def slowly(_: str) -> None:
        await trio.sleep(10)

    world.store.reading = slowly
    async with world.open() as sec:
        for _ in range(5):
            with trio.move_on_after(1):
                await sec.saga_wait(saga.saga_id)
        await wait_all_tasks_blocked()
        assert _remembered(sec, saga.saga_id) == 0
        await trio.sleep(10)
        assert sec.statistics().running == 1
        assert _remembered(sec, saga.saga_id) == 0


def _remembered(sec: steno.SecClient, saga_id: UUID) -> int:
    """Count the waiters that a SEC keeps for a saga; nothing public shows them."""
    entry = sec._coordinator.entries.get(saga_id)  # noqa: SLF001 - see above
    known = len(entry.waiters) + len(entry.queue)
    assert known == len(sec._access.asker._waiting)  # noqa: SLF001 - see above
    return known


# Statistics


async def test_statistics_say_what_there_is(world: World):
    """Sagas by where they are, and the writer's work."""
    world.does("a", takes(10))
    async with world.open() as sec:
        assert sec.statistics() == steno.SecStatistics(
            0, 0, 0, 0, 0, 0, 0, 0, 0, 0, steno.WriterStatistics(0, 0, 0, 0, 0)
        )
        await sec.saga_create(world.saga("a"))
        running = await sec.saga_create(world.saga("a"))
        await running.start()
        await trio.sleep(5)
        assert sec.statistics() == steno.SecStatistics(
            1, 1, 0, 0, 0, 0, 0, 0, 0, 0, steno.WriterStatistics(3, 3, 3, 0, 0)
        )
        await running.wait()
        assert sec.statistics() == steno.SecStatistics(
            1, 0, 0, 0, 0, 1, 1, 0, 0, 0, steno.WriterStatistics(4, 4, 6, 0, 0)
        )
        world.store.then = slow(100)
        async with trio.open_nursery() as nursery:
            nursery.start_soon(sec.saga_create, world.saga("a"))
            await trio.sleep(1)
            nursery.start_soon(sec.saga_create, world.saga("a"))
            await trio.sleep(1)
            statistics = sec.statistics()
            assert (statistics.pending, statistics.writer.waiting) == (2, 1)


async def test_a_sec_is_shown_without_its_sagas(world: World):
    """As in the message of a test that fails: it may have many, and each has a log."""
    world.does("a", hangs)
    async with world.doomed() as sec:
        for _ in range(50):
            await sec.saga_create(world.saga("a"), start=True)
        await wait_all_tasks_blocked()
        assert "default" in repr(sec)
        assert len(repr(sec)) < 200
