"""Faults and repetitions that tests and operators inject."""

from collections.abc import Awaitable, Callable

import pytest
import trio
from trio.testing import wait_all_tasks_blocked

import steno
from steno.testing.notation import shown
from support.timed import TimedWorld, fails_with, retry
from support.worlds import Behaviour, World, each_time, hangs, ids, nothing, raises, returns

NO = ValueError("no")

Inject = Callable[[steno.SecClient, steno.SagaId, str | int], Awaitable[None]]


async def error(sec: steno.SecClient, saga_id: steno.SagaId, node: str | int) -> None:
    await sec.saga_inject_error(saga_id, node)


async def error_undo(sec: steno.SecClient, saga_id: steno.SagaId, node: str | int) -> None:
    await sec.saga_inject_error_undo(saga_id, node)


async def repeat(sec: steno.SecClient, saga_id: steno.SagaId, node: str | int) -> None:
    await sec.saga_inject_repeat(saga_id, node, steno.RepeatInjected(action=2, undo=2))


ALL = pytest.mark.parametrize("inject", [error, error_undo, repeat])


async def run_with(
    world: World, dag: steno.SagaDag, *injections: tuple[object, ...]
) -> steno.SagaResult:
    """Run a saga after injecting, through its handle, whatever is given as method and arguments."""
    async with world.open() as sec:
        saga = await sec.saga_create(dag)
        for method, *arguments in injections:
            await getattr(saga, method)(*arguments)
        await saga.start()
        return await saga.wait()


# What they do


async def test_an_injected_error_stands_where_the_action_would(world: World):
    """The node is started and fails; neither its action nor its undo is called."""
    result = await run_with(world, world.saga("a", "b", "c"), ("inject_error", "b"))
    assert result == steno.SagaResultErr(
        result.saga_id, result.saga_log, "b", steno.InjectedError()
    )
    assert str(result.error_source) == "error injected"
    assert shown(result.saga_log.events) == "3+ 3✓ 0+ 0✓ 1+ 1✗ 0- 0∅ 3- 3∅"
    assert world.calls == ["a", "~a"]


async def test_an_injected_undo_error_stands_where_the_undo_action_would(world: World):
    """The undo is started and fails, so the saga is stuck; the undo action is not called."""
    result = await run_with(
        world, world.saga("a", "b", "c"), ("inject_error", "c"), ("inject_error_undo", "a")
    )
    node, failure = result.undo_failure
    assert node == "a"
    assert failure.to_json() == {
        "PermanentFailure": {"source_error": {"message": "undo action attempt 1: error injected"}}
    }
    assert shown(result.saga_log.events).endswith("2✗ 1- 1∅ 0- 0!")
    assert world.calls == ["a", "b", "~b"]


async def test_several_undo_errors_at_once_leave_the_saga_stuck(world: World):
    """They are all logged, in one step."""
    injections = [("inject_error_undo", name) for name in "abc"]
    result = await run_with(world, world.saga([*"abc"], "d"), ("inject_error", "d"), *injections)
    assert shown(result.saga_log.events).endswith("0! 1! 2!")
    assert world.store.state(result.saga_id) == "stuck"


async def test_nodes_without_user_code_can_fail_too(world: World):
    """A constant and the end of a subsaga, given by index or name, and when they are undone."""
    p = steno.Node.constant("p", 1)
    dag = world.saga(p, world.subsaga("s", "x"), "b")
    constant = await run_with(world, dag, ("inject_error", "p"))
    assert constant.error_node_name == "p"
    end = await run_with(world, dag, ("inject_error", 3))
    assert end.error_node_name == "s"
    assert world.calls == ["x", "~x"]
    undo = await run_with(world, dag, ("inject_error", "b"), ("inject_error_undo", "s"))
    assert undo.undo_failure[0] == "s"
    assert world.calls[2:] == ["x"]


@pytest.mark.parametrize(
    ("behaviour", "output"),
    [
        (each_time(returns(1), returns(2), returns(3)), 3),
        (each_time(raises(NO), returns(2)), 2),
        (each_time(returns(object()), returns(2)), 2),
    ],
    ids=["ok ok ok", "fail ok", "garbage ok"],
)
async def test_only_the_last_result_of_a_repeated_action_counts(
    world: World, behaviour: Behaviour, output: int
):
    """It is called so often in sequence, for one `started` and one `succeeded`."""
    world.does("a", behaviour)
    result = await run_with(
        world, world.saga("a"), ("inject_repeat", "a", steno.RepeatInjected(action=3))
    )
    assert result.unwrap().saga_output() == output
    assert world.calls == ["a", "a", "a"]
    assert shown(result.saga_log.events) == "1+ 1✓ 0+ 0✓ 2+ 2✓"


async def test_a_repeated_action_that_fails_at_last_has_failed(world: World):
    """Its earlier success is not undone: the node failed."""
    world.does("b", each_time(returns(1), raises(NO)))
    result = await run_with(
        world, world.saga("a", "b"), ("inject_repeat", "b", steno.RepeatInjected(action=2))
    )
    assert result.error_node_name == "b"
    assert world.calls == ["a", "b", "b", "~a"]


async def test_repetitions_are_called_one_after_another(world: World):
    """Not at once: an action is idempotent, not reentrant."""
    running = []

    async def alone(_: object) -> object:
        running.append(1)
        await trio.sleep(1)
        return len(running) if running.pop() else None

    world.does("a", alone)
    world.does("b", raises(NO))
    world.undoes("a", alone)
    times = steno.RepeatInjected(action=3, undo=4)
    async with world.open() as sec:
        saga = await sec.saga_create(world.saga("a", "b"))
        await saga.inject_repeat("a", times)
        await saga.start()
        result = await saga.wait()
        assert trio.current_time() == 7
    assert result.saga_log.events[3].event_type.output == "0"
    assert world.calls == [*"aaab", "~a", "~a", "~a", "~a"]
    assert shown(result.saga_log.events).endswith("1✗ 0- 0∅ 2- 2∅")


async def test_a_repeated_undo_stops_at_its_first_error(world: World):
    """The message says which attempt it was."""
    world.undoes("a", each_time(nothing, raises(OSError("disk")), nothing))
    world.does("b", raises(NO))
    result = await run_with(
        world, world.saga("a", "b"), ("inject_repeat", "a", steno.RepeatInjected(undo=3))
    )
    assert world.calls == ["a", "b", "~a", "~a"]
    assert "undo action attempt 2: disk" in str(result.undo_failure[1])


async def test_the_last_repetition_that_was_set_for_a_node_wins(world: World):
    """It replaces the one before, for the action and for the undo."""
    world.does("b", raises(NO))
    await run_with(
        world,
        world.saga("a", "b"),
        ("inject_repeat", "a", steno.RepeatInjected(action=5, undo=5)),
        ("inject_repeat", "a", steno.RepeatInjected(action=2)),
    )
    assert world.calls == ["a", "a", "b", "~a"]


@pytest.mark.parametrize("first", ["repeat", "error"])
async def test_an_injected_error_beats_a_repetition(world: World, first: str):
    """Whichever was injected first; for undo errors too."""
    repeats = [("inject_repeat", name, steno.RepeatInjected(2, 2)) for name in "ab"]
    errors = [("inject_error", "b"), ("inject_error_undo", "a")]
    injections = [*repeats, *errors] if first == "repeat" else [*errors, *repeats]
    result = await run_with(world, world.saga("a", "b"), *injections)
    assert world.calls == ["a", "a"]
    assert result.error_source == steno.InjectedError()
    assert "attempt 1: error injected" in str(result.undo_failure[1])


@pytest.mark.parametrize(("action", "undo"), [(0, 1), (-1, 1), (1, 0), (1.5, 1), (True, 1)])
def test_a_repetition_is_at_least_one(action: object, undo: object):
    """Not calling an action at all is not a repetition."""
    wrong = "undo" if undo != 1 else "action"
    with pytest.raises(ValueError, match=f"RepeatInjected: {wrong} must be an int of 1 or more"):
        steno.RepeatInjected(action, undo)


# When they may be made


@ALL
async def test_into_a_ready_saga(world: World, inject: Inject):
    """It takes effect when the node is dispatched, after the start."""
    async with world.open() as sec:
        saga = await sec.saga_create(world.saga("a", "b"))
        await inject(sec, saga.saga_id, "a")
        await sec.saga_inject_error(saga.saga_id, "b")
        assert world.store.log(saga.saga_id) == ""
        await saga.start()
        await saga.wait()
    assert (
        world.calls
        == {
            error: [],
            error_undo: ["a"],
            repeat: ["a", "a", "~a", "~a"],
        }[inject]
    )


@ALL
async def test_into_a_running_saga(world: World, inject: Inject):
    """It takes effect on what is not dispatched yet; where that is too late, it is refused."""
    go_on = trio.Event()

    async def wait(_: object) -> None:
        await go_on.wait()

    world.does("a", wait)
    async with world.open() as sec:
        saga = await sec.saga_create(world.saga("a", "b", "c"))
        await saga.start()
        await wait_all_tasks_blocked()
        if inject is error_undo:
            await inject(sec, saga.saga_id, "a")
        else:
            with pytest.raises(steno.NodeBegun, match='inject into node "a": it has been started'):
                await inject(sec, saga.saga_id, "a")
        await inject(sec, saga.saga_id, "b")
        await sec.saga_inject_error(saga.saga_id, "c")
        commits = len(world.store.batches)
        go_on.set()
        await saga.wait()
    assert commits == 2  # the saga's creation and start: nothing is recorded of an injection
    assert (
        world.calls
        == {
            error: ["a", "~a"],
            error_undo: ["a", "b"],
            repeat: ["a", "b", "b", "~b", "~b", "~a"],
        }[inject]
    )


@ALL
async def test_right_after_the_start(world: World, inject: Inject):
    """What is injected in the same breath as the start concerns all but the first nodes."""
    async with world.open() as sec:
        saga = await sec.saga_create(world.saga("a", "b"))
        async with trio.open_nursery() as nursery:
            nursery.start_soon(saga.start)
            nursery.start_soon(inject, sec, saga.saga_id, "b")
        result = await saga.wait()
    assert isinstance(result, steno.SagaResultErr) == (inject is error)


@ALL
@pytest.mark.parametrize("evicted", [False, True])
async def test_into_a_finished_saga(world: World, inject: Inject, *, evicted: bool):
    """It is refused, whether the saga is still in memory or in the store alone."""
    async with world.open() as sec:
        result = await sec.saga_run(world.saga("a"))
        if evicted:
            for _ in range(101):
                await sec.saga_run(world.saga("b"))
        with pytest.raises(steno.SagaNotRunning) as refused:
            await inject(sec, result.saga_id, "a")
    assert str(refused.value) == f"saga is not running: {result.saga_id}"


@ALL
async def test_into_an_unknown_saga(world: World, inject: Inject):
    """It is refused."""
    (unknown,) = ids(1)
    async with world.open() as sec:
        with pytest.raises(steno.NoSuchSaga) as refused:
            await inject(sec, unknown, "a")
    assert str(refused.value) == f"no such saga: {unknown}"


@ALL
async def test_into_a_saga_that_stands_still(world: World, inject: Inject):
    """It is refused, with what can be done about it."""
    async with world.doomed() as sec:
        saga = await sec.saga_create(world.saga("a"))
    async with world.open(recover=False) as sec:
        with pytest.raises(steno.SagaHaltedError, match="saga_recover"):
            await inject(sec, saga.saga_id, "a")


@ALL
@pytest.mark.parametrize(
    ("node", "text"),
    [
        ("nobody", "no such node: 'nobody': saga \"test\" has no node of that name or path"),
        ("s/nobody", "no such node: 's/nobody': saga \"test\" has no node of that name or path"),
        ("t/x", "no such node: 't/x': saga \"test\" has no subsaga of that path"),
        ("x", "no such node: 'x': several (sub)sagas have one; give a path or an index: "
              "'/x' (4), '/s/x' (2)"),
        (7, "no such node: 7: the saga has the nodes 0 to 6"),
        (-1, "no such node: -1: the saga has the nodes 0 to 6"),
        (True, "no such node: True: a node is given by index, name or path"),
        (1, 'no such node: 1: nothing can be injected into the (subsaga start: "s")'),
        (5, "no such node: 5: nothing can be injected into the (start node)"),
        (6, "no such node: 6: nothing can be injected into the (end node)"),
    ],
)  # fmt: skip
async def test_into_a_node_that_is_none(world: World, inject: Inject, node: str | int, text: str):
    """Of a ready saga and of a running one it is refused, with a text that says why."""
    world.does("x", each_time(hangs))
    dag = world.saga(steno.Node.constant("p", 1), world.subsaga("s", "x"), "x")
    async with world.doomed() as sec:
        saga = await sec.saga_create(dag)
        with pytest.raises(steno.NoSuchNode) as refused_when_ready:
            await inject(sec, saga.saga_id, node)
        await saga.start()
        with pytest.raises(steno.NoSuchNode) as refused_when_running:
            await inject(sec, saga.saga_id, node)
    assert str(refused_when_ready.value) == str(refused_when_running.value) == text
    assert refused_when_ready.value.node is node


async def test_injections_are_gone_after_a_restart(world: World):
    """They are in memory only: what a crash leaves is not known to the next SEC."""
    async with world.doomed() as sec:
        saga = await sec.saga_create(world.saga("a"))
        await saga.inject_error("a")
    (await world.finish(saga.saga_id)).unwrap()


async def test_into_a_recovered_saga(world: World):
    """A saga that a SEC recovers is running, so it takes injections; they wait for the load."""
    world.does("a", each_time(hangs, nothing))
    async with world.doomed() as sec:
        saga = await sec.saga_create(world.saga("a", "b"))
        await saga.start()
        await wait_all_tasks_blocked()
    async with world.open() as sec:
        await sec.saga_inject_error(saga.saga_id, "b")
        result = await sec.saga_wait(saga.saga_id)
    assert result.error_node_name == "b"
    assert world.calls == ["a", "a", "~a"]


async def test_a_node_may_be_given_by_path(world: World):
    """Where two subsagas have nodes of one name, a path tells them apart."""
    p = steno.Node.constant("p", 1)
    dag = world.saga(p, world.subsaga("s", "x"), world.subsaga("t", "x"), "b")
    result = await run_with(world, dag, ("inject_error", "t/x"))
    assert f" {dag.get_index('t/x')}✗ " in shown(result.saga_log.events)
    assert world.calls == ["x", "~x"]


# Attempts


async def test_a_repeat_applies_to_each_attempt(timed: TimedWorld):
    """Of each, only the last result counts; timeouts are those of the calls."""
    timed.declare("a", retry=retry(2), timeout=5, in_doubt=True)
    timed.does("a", each_time(nothing, raises(NO), hangs, nothing))
    async with timed.open() as sec:
        saga = await sec.saga_create(timed.saga("a"))
        await saga.inject_repeat("a", steno.RepeatInjected(action=2))
        await saga.start()
        (await saga.wait()).unwrap()
    assert timed.events(saga.saga_id) == "+ ≈ + ✓"
    assert timed.attempts == [("a", 1, 0), ("a", 1, 0), ("a", 2, 1), ("a", 2, 6)]


async def test_a_repeat_of_an_undo_that_is_retried(timed: TimedWorld):
    """It stops at the first error, and the next attempt is repeated as well."""
    timed.declare("a", undo_retry=retry(2))
    timed.undoes("a", fails_with(NO))
    timed.does("b", raises(NO))
    async with timed.open() as sec:
        saga = await sec.saga_create(timed.saga("a", "b"))
        await saga.inject_repeat("a", steno.RepeatInjected(undo=2))
        await saga.start()
        assert (await saga.wait()).undo_failure is None
    assert [call for call in timed.calls if call == "~a"] == ["~a"] * 3
    assert timed.events(saga.saga_id) == "+ ✓ - ↺ - ∅"


async def test_an_undo_that_backs_off_can_be_made_to_fail(timed: TimedWorld):
    """It is dispatched once more; that fails it for good, whatever its retry says."""
    timed.declare("a", undo_retry=retry(5, wait_initial=10))
    timed.undoes("a", raises(NO))
    timed.does("b", raises(NO))
    async with timed.open() as sec:
        saga = await sec.saga_create(timed.saga("a", "b"), start=True)
        await trio.sleep(5)
        await saga.inject_error_undo("a")
        result = await saga.wait()
    assert timed.events(saga.saga_id) == "+ ✓ - ↺ - !"
    assert "error injected" in str(result.undo_failure[1])
    assert [call for call in timed.calls if call == "~a"] == ["~a"]


async def test_an_injected_error_does_not_wait_for_a_probe(timed: TimedWorld):
    """There is no call of which it would have to find out anything."""
    timed.declare("a", probed=True, retry=retry(2))
    async with timed.open() as sec:
        saga = await sec.saga_create(timed.saga("a"))
        await saga.inject_error("a")
        await saga.start()
        await saga.wait()
    assert timed.calls == []
    assert timed.events(saga.saga_id) == "+ ✗"
