"""Nothing ends silently: what a SEC logs of its sagas, with the saga and the node as extras."""

import logging
from collections.abc import Sequence

import pytest
import trio
from trio.testing import wait_all_tasks_blocked

import steno
from support.timed import TimedWorld, fails_with, retry
from support.worlds import World, each_time, hangs, nothing, raises, refuses, returns, takes, works


class OutOfRooms(Exception):
    pass


@pytest.fixture(autouse=True)
def log_all(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG, "steno")


def records(caplog: pytest.LogCaptureFixture, level: int) -> list[logging.LogRecord]:
    return [r for r in caplog.records if r.name == "steno" and r.levelno == level]


def extras(record: logging.LogRecord) -> tuple[str, str | None, str | None]:
    return record.saga_id, record.saga_name, record.node


async def test_a_failed_action_is_a_warning(world: World, caplog: pytest.LogCaptureFixture):
    """Once it is durable, with the traceback of what it raised."""
    world.does("b", raises(OutOfRooms("Post")))
    async with world.open() as sec:
        result = await sec.saga_run(world.saga("a", "b", name="trip"))
    (record,) = records(caplog, logging.WARNING)
    assert extras(record) == (str(result.saga_id), "trip", "b")
    assert record.getMessage().startswith(f'saga {result.saga_id}: node "b" failed: action failed')
    assert record.exc_info[0] is OutOfRooms
    assert records(caplog, logging.ERROR) == []


async def test_every_one_of_several_failures_is_logged(
    world: World, caplog: pytest.LogCaptureFixture
):
    """Each with its own traceback."""
    world.does("a", raises(OutOfRooms("one")))
    world.does("b", takes(1, raises(OutOfRooms("two"))))
    async with world.open() as sec:
        await sec.saga_run(world.saga(["a", "b"], "c"))
    logged = {r.node: str(r.exc_info[1]) for r in records(caplog, logging.WARNING)}
    assert logged == {"a": "one", "b": "two"}


async def test_an_output_that_cannot_be_stored_is_a_warning_too(
    world: World, caplog: pytest.LogCaptureFixture
):
    """The traceback is that of the codec."""
    world.does("a", each_time(nothing))
    world.does("b", takes(0, lambda _: wrong()))

    async def wrong() -> object:
        return object()

    async with world.open(hold_on=()) as sec:
        await sec.saga_run(world.saga("a", "b"))
    (record,) = records(caplog, logging.WARNING)
    assert record.node == "b"
    assert record.exc_info[0] is steno.SerializeError


async def test_an_injected_failure_is_a_warning(world: World, caplog: pytest.LogCaptureFixture):
    """There is no traceback, as nothing was raised."""
    async with world.open() as sec:
        saga = await sec.saga_create(world.saga("a"))
        await saga.inject_error("a")
        await saga.start()
        await saga.wait()
    (record,) = records(caplog, logging.WARNING)
    assert record.getMessage().endswith('node "a" failed: error injected')
    assert record.exc_info is None


async def test_a_failed_undo_and_a_stuck_saga_are_errors(
    world: World, caplog: pytest.LogCaptureFixture
):
    """Both with the traceback of what the undo action raised."""
    world.does("b", raises(ValueError("no")))
    world.undoes("a", raises(OutOfRooms("Post")))
    async with world.open() as sec:
        result = await sec.saga_run(world.saga("a", "b"))
    failed, stuck = records(caplog, logging.ERROR)
    assert "was not undone: " in failed.getMessage()
    assert "the saga is stuck" in stuck.getMessage()
    for record in (failed, stuck):
        assert extras(record) == (str(result.saga_id), "test", "a")
        assert record.exc_info[0] is OutOfRooms


async def test_a_saga_that_gets_stuck_after_a_restart_is_an_error(
    world: World, caplog: pytest.LogCaptureFixture
):
    """The traceback is gone with the process; the message says what the log says."""
    world.does("c", raises(ValueError("no")))
    world.undoes("a", raises(OutOfRooms("Post")))
    world.undoes("b", each_time(hangs, nothing))
    async with world.doomed() as sec:
        saga = await sec.saga_create(world.saga(["a", "b"], "c"), start=True)
        await wait_all_tasks_blocked()
    caplog.clear()
    await world.finish(saga.saga_id)
    (record,) = records(caplog, logging.ERROR)
    assert "the saga is stuck" in record.getMessage()
    assert record.exc_info is None


async def test_a_halted_saga_is_an_error_and_its_problem_is_stored(
    world: World, caplog: pytest.LogCaptureFixture
):
    """`saga_list` has it, and `statistics` counts it."""

    async def closing(_: object) -> None:
        raise steno.SecClosing("another SEC's")

    world.does("a", each_time(closing, nothing))
    async with world.open() as sec:
        saga = await sec.saga_create(world.saga("a"), start=True)
        with pytest.raises(steno.SagaHaltedError) as halted:
            await saga.wait()
        await wait_all_tasks_blocked()  # the note is a write of its own
        (listed,) = await sec.saga_list()
        assert listed.problem == halted.value.problem
        assert sec.statistics().halted == 1
    (record,) = records(caplog, logging.ERROR)
    assert extras(record) == (str(saga.saga_id), "test", None)
    assert record.getMessage() == f"saga {saga.saga_id}: it is halted: {halted.value.problem}"


async def test_a_problem_is_stored_where_the_store_can_be_reached(
    world: World, caplog: pytest.LogCaptureFixture
):
    """A write that is refused halts its saga; the note about it is written all the same."""
    async with world.open() as sec:
        saga = await sec.saga_create(world.saga("a", "b"))
        world.store.script.extend([works, refuses(saga.saga_id, OSError("disk"))] * 2)
        world.store.script.extend([works])
        await saga.start()
        with pytest.raises(steno.SagaHaltedError):
            await saga.wait()
    assert "could not be recorded (disk)" in world.store.problem(saga.saga_id)
    assert any(r.exc_info and r.exc_info[0] is OSError for r in records(caplog, logging.ERROR))


async def test_a_note_does_not_wait_for_a_store_that_is_away(world: World):
    """It is tried once: leaving the SEC is not held up for the sake of it."""
    world.does("a", takes(1))
    async with world.open(store_patience=20) as sec:
        saga = await sec.saga_create(world.saga("a"), start=True)
        await wait_all_tasks_blocked()

        async def away(*_: object) -> Sequence[object]:
            raise steno.StoreUnavailable("away")

        world.store.then = away
        with pytest.raises(steno.SagaHaltedError):
            await saga.wait()
    assert trio.current_time() == 21
    assert world.store.problem(saga.saga_id) is None


async def test_many_sagas_of_one_problem_are_one_traceback_and_a_count(
    world: World, caplog: pytest.LogCaptureFixture
):
    """What has another reason has a traceback of its own."""
    world.does("a", hangs)
    async with world.doomed() as sec:
        for _ in range(50):
            await sec.saga_create(world.saga("a"), start=True)
        await sec.saga_create(world.saga("b"), start=True)
    full, world.registry = world.registry, steno.ActionRegistry()
    async with world.open() as sec:
        await wait_all_tasks_blocked()
        assert sec.statistics().halted == 51
        assert all(each.problem for each in await sec.saga_list())
    errors = records(caplog, logging.ERROR)
    assert sorted(bool(record.exc_info) for record in errors) == [False, True, True]
    (count,) = [record.getMessage() for record in errors if not record.exc_info]
    assert count.startswith("49 more sagas are halted for the same reason: ")
    assert 'action for node "a" not registered: "a"' in count
    world.registry = full


async def test_a_saga_that_cannot_be_loaded_is_logged_with_its_name(
    world: World, caplog: pytest.LogCaptureFixture
):
    """As far as it could be read."""
    world.does("a", hangs)
    async with world.doomed() as sec:
        saga = await sec.saga_create(world.saga("a", name="trip"), start=True)
    world.registry = steno.ActionRegistry()
    async with world.open():
        await wait_all_tasks_blocked()
    (record,) = records(caplog, logging.ERROR)
    assert extras(record) == (str(saga.saga_id), "trip", None)


async def test_so_many_different_tracebacks_and_no_more(
    world: World, caplog: pytest.LogCaptureFixture
):
    """Where each saga has a reason of its own, each is named."""
    world.does("a", hangs)
    async with world.doomed() as sec:
        for _ in range(20):
            await sec.saga_create(world.saga("a"), start=True)

    def make_context(saga_id: steno.SagaId, *_: object) -> object:
        raise KeyError(saga_id)

    async with world.open(make_context=make_context):
        await wait_all_tasks_blocked()
    errors = records(caplog, logging.ERROR)
    assert len({record.saga_id for record in errors}) == 20
    assert sum(bool(record.exc_info) for record in errors) == 10


async def test_statistics_count_how_sagas_ended(world: World):
    """Since the SEC was opened."""
    world.does("bad", raises(ValueError("no")))
    world.undoes("sticky", raises(ValueError("no")))
    async with world.open() as sec:
        for _ in range(3):
            await sec.saga_run(world.saga("a"))
        for _ in range(2):
            await sec.saga_run(world.saga("a", "bad"))
        await sec.saga_run(world.saga("sticky", "bad"))
        statistics = sec.statistics()
    assert (statistics.succeeded, statistics.failed, statistics.stuck) == (3, 2, 1)


# Attempts


async def test_a_failed_attempt_is_worth_noting(
    timed: TimedWorld, caplog: pytest.LogCaptureFixture
):
    """Each is an INFO, once it is durable, with the traceback; the node's failure is a WARNING."""
    timed.declare("b", retry=retry(3))
    timed.does("b", fails_with(OutOfRooms("one"), OutOfRooms("two"), OutOfRooms("three")))
    async with timed.open() as sec:
        result = await sec.saga_run(timed.saga("a", "b", name="trip"))
    infos = records(caplog, logging.INFO)
    for number, (record, text) in enumerate(zip(infos, ("one", "two"), strict=True), start=1):
        assert extras(record) == (str(result.saga_id), "trip", "b")
        assert f'node "b" failed at attempt {number}: action failed' in record.getMessage()
        assert record.getMessage().endswith("; it is tried again")
        assert (record.exc_info[0], str(record.exc_info[1])) == (OutOfRooms, text)
    (warning,) = records(caplog, logging.WARNING)
    assert str(warning.exc_info[1]) == "three"
    assert records(caplog, logging.ERROR) == []


async def test_a_failed_attempt_to_undo_is_worth_noting(
    timed: TimedWorld, caplog: pytest.LogCaptureFixture
):
    """The last one, with which the saga gets stuck, is an ERROR as ever."""
    timed.declare("a", undo_retry=retry(2))
    timed.undoes("a", fails_with(OutOfRooms("one"), OutOfRooms("two")))
    timed.does("b", raises(ValueError("no")))
    async with timed.open() as sec:
        result = await sec.saga_run(timed.saga("a", "b"))
    (info,) = records(caplog, logging.INFO)
    assert extras(info) == (str(result.saga_id), "test", "a")
    assert 'node "a" was not undone at attempt 1: ' in info.getMessage()
    assert str(info.exc_info[1]) == "one"
    assert {str(record.exc_info[1]) for record in records(caplog, logging.ERROR)} == {"two"}


async def test_a_node_and_a_saga_that_are_held_are_errors(
    timed: TimedWorld, caplog: pytest.LogCaptureFixture
):
    """The node's has the traceback; the saga's comes once nothing else can go on."""
    timed.declare("a", retry=retry(1, then="hold"))
    timed.does("a", raises(OutOfRooms("Post")))
    timed.does("b", takes(10))
    async with timed.open() as sec:
        saga = await sec.saga_create(timed.saga(["a", "b"], "c"), start=True)
        await trio.sleep(5)
        (node,) = records(caplog, logging.ERROR)
        await trio.sleep(10)
    assert extras(node) == (str(saga.saga_id), "test", "a")
    assert "it is held until somebody has looked at it" in node.getMessage()
    assert node.exc_info[0] is OutOfRooms
    _, whole = records(caplog, logging.ERROR)
    assert extras(whole) == (str(saga.saga_id), "test", None)
    assert f"saga {saga.saga_id} is held" in whole.getMessage()


async def test_a_failed_probe_is_noted_with_its_own_traceback(
    timed: TimedWorld, caplog: pytest.LogCaptureFixture
):
    """It is the error of the attempt; that of the call is its context."""
    timed.declare("a", probed=True, retry=retry(2))
    timed.does("a", fails_with(ValueError("no")))
    timed.probes("a", raises(OutOfRooms("Post")))
    async with timed.open() as sec:
        (await sec.saga_run(timed.saga("a"))).unwrap()
    (info,) = records(caplog, logging.INFO)
    assert info.exc_info[0] is OutOfRooms


async def test_a_timeout_is_noted_with_what_the_call_was_doing(
    timed: TimedWorld, caplog: pytest.LogCaptureFixture
):
    """So that it can be found out where it hung, if it raised something else."""

    async def cleans_up_badly(_: object) -> None:
        try:
            await trio.sleep_forever()
        finally:
            raise OutOfRooms

    timed.declare("a", atomic=True, timeout=5)
    timed.does("a", cleans_up_badly)
    async with timed.open() as sec:
        await sec.saga_run(timed.saga("a"))
    (warning,) = records(caplog, logging.WARNING)
    assert warning.exc_info[0] is steno.ActionTimeout
    assert isinstance(warning.exc_info[1].__cause__, OutOfRooms)


async def test_a_sleep_that_fails_is_logged_with_its_error(
    timed: TimedWorld, caplog: pytest.LogCaptureFixture
):
    """Though no call has raised it."""
    timed.does("a", returns("soon"))
    async with timed.open() as sec:
        await sec.saga_run(timed.saga("a", steno.Node.sleep("nap", until="a")))
    (warning,) = records(caplog, logging.WARNING)
    assert warning.node == "nap"
    assert warning.exc_info[0] is steno.DeserializeError


async def test_what_an_unwinding_gives_up_is_a_warning(
    timed: TimedWorld, caplog: pytest.LogCaptureFixture
):
    """Its last attempt was logged with its traceback; now it has failed for good."""
    timed.declare("a", retry=retry(5, wait_initial=100))
    timed.does("a", raises(OutOfRooms("Post")))
    timed.does("b", takes(10, raises(ValueError("no"))))
    async with timed.open() as sec:
        await sec.saga_run(timed.saga(["a", "b"], "c"))
    assert {record.node for record in records(caplog, logging.WARNING)} == {"a", "b"}
