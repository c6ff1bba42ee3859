"""Nodes that sleep: for how long, across restarts, and while a SEC is left."""

from datetime import datetime, timedelta

import pytest
import trio
from trio.testing import wait_all_tasks_blocked

import steno
from support.timed import TimedWorld, after, fails_with, retry
from support.worlds import raises, returns, takes

HOUR = timedelta(hours=1)

NO = ValueError("no")


def sleep(duration: timedelta = HOUR, name: str = "z") -> steno.Node:
    return steno.Node.sleep(name, duration)


async def test_a_sleep_lasts_its_duration_and_gives_null(timed: TimedWorld):
    """The nodes after it start then; it calls nothing itself."""
    timed.does("b", returns(1))
    async with timed.open() as sec:
        result = await sec.saga_run(timed.saga("a", sleep(), "b"))
    assert timed.attempts == [("a", 1, 0), ("b", 1, 3600)]
    assert result.unwrap().lookup_node_output("z") is None


async def test_a_sleep_of_no_time(timed: TimedWorld):
    """It is over at once."""
    async with timed.open() as sec:
        (await sec.saga_run(timed.saga(sleep(timedelta(0)), "a"))).unwrap()
    assert trio.current_time() == pytest.approx(0, abs=0.001)


async def test_a_sleep_survives_restarts(timed: TimedWorld):
    """It counts from its first start, whether it was over while nothing ran or not."""
    async with timed.doomed() as sec:
        saga = await sec.saga_create(timed.saga(sleep(), "a"), start=True)
        await trio.sleep(1000)
    async with timed.doomed():
        await trio.sleep(1000)
    await trio.sleep(500)
    (await timed.finish(saga.saga_id)).unwrap()
    assert trio.current_time() == pytest.approx(3600)

    async with timed.doomed() as sec:
        saga = await sec.saga_create(timed.saga(sleep(), "a"), start=True)
        await trio.sleep(1000)
    await trio.sleep(10_000)
    (await timed.finish(saga.saga_id)).unwrap()
    assert trio.current_time() == pytest.approx(14_600)
    assert timed.store.log(saga.saga_id).count("+") == 4


async def test_sleep_until_the_time_of_a_node(timed: TimedWorld):
    """Its output is a datetime; one that has passed is over at once."""
    timed.does("a", returns(after(7200)))
    timed.does("b", returns(after(60)))
    until = [steno.Node.sleep(f"until {name}", until=name) for name in "ab"]
    async with timed.open() as sec:
        (await sec.saga_run(timed.saga(["a", "b"], until[0], until[1], "c"))).unwrap()
    assert timed.attempts[-1] == ("c", 1, 7200)


async def test_sleep_until_survives_a_restart(timed: TimedWorld):
    """The time is that of the output, which is in the log."""
    timed.does("a", returns(after(7200)))
    async with timed.doomed() as sec:
        dag = timed.saga("a", steno.Node.sleep("z", until="a"), "b")
        saga = await sec.saga_create(dag, start=True)
        await trio.sleep(1000)
    await timed.finish(saga.saga_id)
    assert timed.attempts == [("a", 1, 0), ("b", 1, 7200)]


@pytest.mark.parametrize(
    ("output", "why"),
    [
        (datetime(2026, 1, 1), "2026-01-01 00:00:00 has no time zone"),  # noqa: DTZ001 - the fault
        ("tomorrow", ""),
        (None, ""),
        (5, ""),
    ],
)
async def test_sleep_until_what_is_not_a_time(timed: TimedWorld, output: object, why: str):
    """It fails the node; the error names the output, and what came before is undone."""
    timed.does("a", returns(output))
    async with timed.open() as sec:
        dag = timed.saga("a", steno.Node.sleep("z", until="a"), "b")
        result = await sec.saga_run(dag)
    assert result.error_node_name == "z"
    assert isinstance(result.error_source, steno.DeserializeFailed)
    assert 'output of node "a": ' + why in str(result.error_source)
    assert timed.calls == ["a", "~a"]


async def test_two_sleeps_that_fail_together(timed: TimedWorld):
    """Each is logged; the saga unwinds."""
    timed.does("a", returns("tomorrow"))
    async with timed.open() as sec:
        sleeps = [steno.Node.sleep(name, until="a") for name in ("y", "z")]
        result = await sec.saga_run(timed.saga("a", sleeps, "b"))
    assert result.error_node_name == "y"
    assert timed.store.log(result.saga_id) == "4+ 4✓ 0+ 0✓ 1+ 2+ 1✗ 2✗ 0- 0∅ 4- 4∅"


async def test_an_unwinding_does_not_wait_for_a_sleep(timed: TimedWorld):
    """One that is not over fails without doubt; one that is over is undone without a call."""
    timed.does("b", takes(10, raises(NO)))
    async with timed.open() as sec:
        over = sleep(timedelta(seconds=5), "over")
        result = await sec.saga_run(timed.saga("a", over, ["b", sleep()], "c"))
    assert trio.current_time() == pytest.approx(15, abs=0.01)
    assert result.error_node_name == "b"
    assert timed.store.log(result.saga_id) == ("5+ 5✓ 0+ 0✓ 1+ 1✓ 2+ 3+ 2✗ 3✗ 1- 1∅ 0- 0∅ 5- 5∅")


async def test_a_sleep_of_a_saga_that_unwinds_is_over_at_recovery(timed: TimedWorld):
    """Even if the crash came before that was logged: it is not waited for."""
    timed.does("b", takes(10, raises(NO)))
    async with timed.open() as sec:
        saga = await sec.saga_create(timed.saga(["b", sleep()], "c"), start=True)
        await trio.sleep(1)
        await sec.drain()
    assert timed.store.log(saga.saga_id) == "3+ 3✓ 0+ 1+ 0✗ 1✗"
    await timed.finish(saga.saga_id)
    assert trio.current_time() == pytest.approx(10, abs=0.01)


async def test_the_view_of_a_sleep(timed: TimedWorld):
    """The node is waiting, and its saga runs."""
    async with timed.doomed() as sec:
        saga = await sec.saga_create(timed.saga(sleep(), "a"), start=True)
        await trio.sleep(1)
        view = await saga.view()
    assert isinstance(view.state, steno.SagaRunning)
    assert view.state.status.node_state("z").value == "waiting"
    assert view.state.status.node_state("a").value == "blocked"


async def test_a_sleep_can_be_made_to_fail(timed: TimedWorld):
    """Before it begins; then it is too late, as with an action."""
    async with timed.open() as sec:
        saga = await sec.saga_create(timed.saga("a", sleep(), "b"))
        await saga.inject_error("z")
        await saga.start()
        result = await saga.wait()
        other = await sec.saga_create(timed.saga("a", sleep(), "b"), start=True)
        await trio.sleep(1)
        with pytest.raises(steno.NodeBegun):
            await other.inject_error("z")
    assert result.error_node_name == "z"
    assert timed.calls[:2] == ["a", "~a"]


async def test_the_undo_of_a_sleep_can_be_made_to_fail(timed: TimedWorld):
    """It is empty, and can get its saga stuck all the same."""
    timed.does("b", raises(NO))
    async with timed.open() as sec:
        saga = await sec.saga_create(timed.saga("a", sleep(), "b"))
        await saga.inject_error_undo("z")
        await saga.start()
        result = await saga.wait()
    assert result.undo_failure[0] == "z"


# Leaving


@pytest.mark.parametrize("drain", [True, False])
@pytest.mark.parametrize("waits", ["sleeps", "backs off", "backs off undoing"])
async def test_a_saga_that_only_waits_does_not_hold_up_leaving(
    timed: TimedWorld, waits: str, *, drain: bool
):
    """It stays stored and goes on at the next open; its waiters are told so."""
    slow = retry(2, wait_initial=1000)
    timed.declare("a", retry=slow if waits == "backs off" else None, undo_retry=slow)
    if waits == "backs off":
        timed.does("a", fails_with(NO))
    elif waits == "backs off undoing":
        timed.undoes("a", fails_with(NO))
        timed.does("b", raises(NO))
    stage = [sleep(timedelta(seconds=1000))] if waits == "sleeps" else []
    told: list[float] = []

    async def wait(saga: steno.SagaHandle) -> None:
        with pytest.raises(steno.SecClosing, match="it goes on when a SEC of this name is opened"):
            await saga.wait()
        told.append(trio.current_time())

    async with trio.open_nursery() as nursery, timed.open() as sec:
        saga = await sec.saga_create(timed.saga("a", *stage, "b"), start=True)
        nursery.start_soon(wait, saga)
        await trio.sleep(10)
        if drain:
            await sec.drain()
        assert sec.statistics().left == (1 if drain else 0)
    assert trio.current_time() == 10
    assert told == [10]
    await timed.finish(saga.saga_id)
    assert trio.current_time() == pytest.approx(1000, abs=0.01)
    assert timed.attempts[-1][2] == 1000


async def test_a_call_beside_a_sleep_is_waited_for(timed: TimedWorld):
    """The saga stays stored when that has ended, and not before."""
    timed.does("a", takes(20))
    async with timed.open() as sec:
        saga = await sec.saga_create(timed.saga(["a", sleep()], "b"), start=True)
        await trio.sleep(10)
    assert trio.current_time() == 20
    assert timed.store.log(saga.saga_id) == "3+ 3✓ 0+ 1+ 0✓"


async def test_a_sleep_that_ends_while_the_sec_is_left(timed: TimedWorld):
    """As long as a call of its saga is under way, it does not stay stored, and goes on."""
    timed.does("a", takes(20))
    async with timed.open() as sec:
        zs = sleep(timedelta(seconds=15))
        saga = await sec.saga_create(timed.saga(["a", zs], "b"), start=True)
        await trio.sleep(10)
    assert trio.current_time() == 20
    assert timed.store.state(saga.saga_id) == "succeeded"


# Many


async def test_sleeps_take_no_tasks(timed: TimedWorld):
    """A saga has one task, however many of its nodes sleep; none is added for what waits."""
    nodes = [sleep(name=f"z{number}") for number in range(100)]
    async with timed.doomed() as sec:
        await wait_all_tasks_blocked()  # the tasks of the SEC itself have begun
        before = trio.lowlevel.current_statistics().tasks_living
        for _ in range(10):
            await sec.saga_create(timed.saga(nodes, "a"), start=True)
        await wait_all_tasks_blocked()
        assert trio.lowlevel.current_statistics().tasks_living - before <= 10


async def test_ten_thousand_sagas_sleep_and_wake_up(timed: TimedWorld):
    """All at their time, in one SEC."""
    count = 10_000
    dag = timed.saga(sleep(), "a")
    async with timed.open() as sec:
        await wait_all_tasks_blocked()  # the tasks of the SEC itself have begun
        before = trio.lowlevel.current_statistics().tasks_living
        for _ in range(count):
            await sec.saga_create(dag, start=True)
        await wait_all_tasks_blocked()
        assert trio.lowlevel.current_statistics().tasks_living - before <= count
        assert timed.attempts == []
        await trio.sleep(3601)
        await wait_all_tasks_blocked()
        assert sec.statistics().succeeded == count
    assert {at for _, _, at in timed.attempts} == {3600}
