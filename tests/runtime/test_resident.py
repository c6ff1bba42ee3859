"""The task that runs the calls of a chain: each call has what a task of its own would have."""

from collections.abc import Iterator
from contextvars import ContextVar

import pytest
import trio
from trio.testing import wait_all_tasks_blocked

import steno
from steno.core import RunAction
from steno.errors import InternalError
from steno.runtime._resident import Resident
from support.worlds import Context, World, each_time, nothing

seen: ContextVar[str] = ContextVar("seen", default="nothing")


async def test_calls_of_a_chain_are_made_in_one_task(world: World):
    """Those of a stage are made in tasks of their own, and what follows in the first one again."""
    tasks: dict[str, trio.lowlevel.Task] = {}

    async def note(ctx: Context) -> None:
        tasks[ctx.node_name] = trio.lowlevel.current_task()
        await trio.lowlevel.checkpoint()

    for name in "abcde":
        world.does(name, note)
    async with world.open() as sec:
        (await sec.saga_run(world.saga("a", "b", ["c", "d"], "e"))).unwrap()
    assert tasks["a"] is tasks["b"] is tasks["e"]
    assert len({tasks["a"], tasks["c"], tasks["d"]}) == 3


async def test_each_call_has_a_context_and_a_name_of_its_own(world: World):
    """What an action sets in its context is not there for the next one; the task has its name."""
    found = []

    async def note(ctx: Context) -> None:
        found.append((ctx.node_name, seen.get(), trio.lowlevel.current_task().name))
        seen.set(ctx.node_name)
        await trio.lowlevel.checkpoint()
        assert seen.get() == ctx.node_name

    for name in "abc":
        world.does(name, note)
    async with world.open() as sec:
        (await sec.saga_run(world.saga("a", "b", "c"))).unwrap()
    assert found == [(name, "nothing", name) for name in "abc"]


async def leaves_a_scope_open(_: Context) -> None:
    trio.CancelScope(deadline=trio.current_time() + 10).__enter__()


async def leaves_a_scope_open_and_raises(_: Context) -> None:
    trio.CancelScope().__enter__()
    raise ValueError("no")


@pytest.mark.parametrize("misuse", [leaves_a_scope_open, leaves_a_scope_open_and_raises])
async def test_a_scope_that_an_action_leaves_open_halts_its_saga(world: World, misuse):
    """It would cancel the calls that follow. None follows, and what it said is dropped."""
    world.does("a", each_time(misuse, nothing))
    async with world.open() as sec:
        saga = await sec.saga_create(world.saga("a", "b"), start=True)
        with pytest.raises(steno.SagaHaltedError, match='of node "a" left a cancel scope open'):
            await saga.wait()
        assert world.store.log(saga.saga_id).split()[-1].endswith("+")
        assert sec.statistics().halted == 1
        await sec.saga_recover(saga.saga_id)
        (await saga.wait()).unwrap()


def tasks_below(task: trio.lowlevel.Task) -> Iterator[trio.lowlevel.Task]:
    """Yield all tasks in the nurseries of a task, at any depth."""
    for nursery in task.child_nurseries:
        for child in nursery.child_tasks:
            yield child
            yield from tasks_below(child)


async def test_a_saga_that_only_waits_has_no_task_for_calls(world: World):
    """One that is held keeps the task of the saga itself, and takes another when it goes on."""

    async def hold(_: Context) -> None:
        raise steno.Hold("look")

    world.does("b", each_time(hold, nothing))
    async with world.open() as sec:
        saga = await sec.saga_create(world.saga("a", "b", "c"), start=True)
        with pytest.raises(steno.SagaHeldError):
            await saga.wait()
        await wait_all_tasks_blocked()
        names = {task.name for task in tasks_below(trio.lowlevel.current_task())}
        assert len(names) > 1
        assert not names & set("abc")
        await saga.retry("b")
        (await saga.wait()).unwrap()


# The resident itself


async def resident_in(nursery: trio.Nursery, done: list[int]) -> Resident:
    """Return a resident that has made its first call, and is parked."""
    resident = Resident(RunAction(0))

    async def live() -> None:
        resident.settle()
        while (command := await resident.next()) is not None:
            done.append(command.node_id)

    nursery.start_soon(live)
    await wait_all_tasks_blocked()
    return resident


async def test_a_resident_takes_commands_until_it_is_dismissed():
    """One after the other; then its task ends."""
    done: list[int] = []
    async with trio.open_nursery() as nursery:
        resident = await resident_in(nursery, done)
        for node in (1, 2):
            resident.give(RunAction(node), "name")
            await wait_all_tasks_blocked()
        resident.dismiss()
    assert done == [0, 1, 2]


async def test_a_resident_that_is_dismissed_ends_what_it_has():
    """A command that it was given before is not lost."""
    done: list[int] = []
    async with trio.open_nursery() as nursery:
        resident = await resident_in(nursery, done)
        resident.give(RunAction(1), "name")
        resident.dismiss()
    assert done == [0, 1]


async def test_a_resident_takes_one_command_at_a_time():
    """A second one is a fault of the engine, and is not lost silently."""
    async with trio.open_nursery() as nursery:
        resident = await resident_in(nursery, [])
        resident.give(RunAction(1), "name")
        with pytest.raises(InternalError, match="node 2 is to run alone"):
            resident.give(RunAction(2), "name")
        resident.dismiss()


async def test_a_resident_that_was_cancelled_takes_no_commands():
    """The writer may give one before the task has run again; it would be dropped anyway."""
    done: list[int] = []
    async with trio.open_nursery() as nursery:
        resident = await resident_in(nursery, done)
        nursery.cancel_scope.cancel()
        resident.give(RunAction(1), "name")
    assert done == [0]
