"""Children that do not go on: held, halted, paused or asleep; and a SEC that is being left."""

from datetime import timedelta

import pytest
import trio
from trio.testing import wait_all_tasks_blocked

import steno
from steno.testing.schedule import DateClock
from support.families import child_id, many, message, one
from support.worlds import (
    Context,
    World,
    each_time,
    ids,
    raises,
    refuses,
    returns,
    takes,
    waits_for,
)

HELD = steno.NodeExecState.HELD


async def state_of(saga: steno.SagaHandle, node: str) -> steno.NodeExecState:
    return (await saga.view()).state.status.node_state(node)


async def failed_attempt(saga: steno.SagaHandle) -> steno.FailedAttempt:
    (attempt,) = (await saga.view()).state.status.attempts.values()
    return attempt


def hold() -> object:
    return raises(steno.Hold("look at it"))


# Held


async def test_a_node_is_held_with_its_child_and_goes_on_with_it(world: World):
    """Three levels up each is held; an order to the innermost saga sets all of them going."""
    world.does("x", each_time(hold(), returns("at last")))
    inner = one(world, "x", name="inner")
    dag = world.saga("a", one(world, inner, name="outer"))
    async with world.open() as sec:
        parent = await sec.saga_create(dag, start=True)
        with pytest.raises(steno.SagaHeldError) as held:
            await parent.wait()
        assert held.value.nodes == ("c",)
        assert await state_of(parent, "c") is HELD
        middle = child_id(parent.saga_id, node=1)
        assert await state_of(sec.saga_handle(middle), "c") is HELD
        await sec.saga_handle(child_id(middle)).retry("x")
        await wait_all_tasks_blocked()
        result = await parent.wait()
        assert len(await sec.saga_list()) == 3
    assert result.unwrap().saga_output() == "at last"


async def test_a_node_whose_child_fails_at_last_fails(world: World):
    """It was held twice before that, and each time it was called again when the child went on."""
    world.does("x", each_time(hold(), hold(), raises(ValueError("no"))))
    async with world.open() as sec:
        parent = await sec.saga_create(world.saga("a", one(world, "x")), start=True)
        child = sec.saga_handle(child_id(parent.saga_id, node=1))
        for _ in range(2):
            await wait_all_tasks_blocked()
            assert await state_of(parent, "c") is HELD
            await child.retry("x")
        await wait_all_tasks_blocked()
        result = await parent.wait()
    assert message(result).endswith('failed at node "x": ValueError: no')
    assert world.calls[-1] == "~a"
    assert "started" in result.saga_log.pretty()


@pytest.mark.parametrize("order", ["fail", "complete", "unwind", "abandon", "pause", "deadline"])
async def test_whatever_sets_a_held_child_going_sets_its_parent_going(world: World, order: str):
    """An order that ends it, or has it unwind, is heard of; one that only says when, is not."""
    world.does("x", hold())
    async with world.open() as sec:
        parent = await sec.saga_create(world.saga("a", one(world, "x")), start=True)
        await wait_all_tasks_blocked()
        child = sec.saga_handle(child_id(parent.saga_id, node=1))
        if order in {"fail", "complete"}:
            await getattr(child, order)("x", why="a test")
        elif order == "deadline":
            await child.deadline(None)
        else:
            await getattr(child, order)(why="a test")
        await wait_all_tasks_blocked()
        match order:
            case "pause":
                assert await state_of(parent, "c") is steno.NodeExecState.WORKING
            case "deadline":
                assert await state_of(parent, "c") is HELD
            case "complete":
                assert (await parent.wait()).unwrap().saga_output() is None
            case "abandon":
                result = await parent.wait()
                assert "abandoned by default: a test" in str(result.undo_failure[1])
            case _:
                result = await parent.wait()
                assert result.undo_failure is None


async def test_a_held_child_waits_until_the_others_have_ended(world: World):
    """One of them fails after all; that is told, and not that another one is held."""
    world.does("x", hold())
    world.does("slow", takes(5, raises(ValueError("no"))))
    dag = world.saga(many(world, world.saga("x"), world.saga("slow")))
    async with world.open() as sec:
        result = await sec.saga_run(dag)
    assert "(child 2 of 2)" in message(result)
    assert result.undo_failure is None


async def test_an_undo_is_held_with_its_child_and_goes_on_with_it(world: World):
    """The child's own undo is held; when it goes on, so does the parent's unwinding."""
    world.undoes("x", each_time(hold(), returns(None)))
    world.does("z", raises(ValueError("no")))
    async with world.open() as sec:
        parent = await sec.saga_create(world.saga("a", one(world, "x"), "z"), start=True)
        with pytest.raises(steno.SagaHeldError):
            await parent.wait()
        assert await state_of(parent, "c") is steno.NodeExecState.UNDO_HELD
        await sec.saga_handle(child_id(parent.saga_id, node=1)).retry("x")
        await wait_all_tasks_blocked()
        result = await parent.wait()
    assert result.undo_failure is None
    assert world.calls[-3:] == ["~x", "~x", "~a"]


async def test_nothing_is_held_if_nothing_is_to_be(world: World):
    """With `hold_on=()` a child that is held fails its node."""
    world.registers(
        steno.new_action_noop_undo(
            "h", raises(OSError("no")), retry=steno.Retry(attempts=1, then="hold")
        )
    )
    async with world.open(hold_on=()) as sec:
        dag = world.saga(one(world, "x", steno.Node.action("n", "h")))
        parent = await sec.saga_create(dag, start=True)
        result = await parent.wait()
    assert "is held" in message(result)
    assert result.undo_failure is None


# Halted


async def test_a_node_is_held_while_its_child_is_halted(world: World):
    """`saga_recover` of the child is all that it takes for both to go on."""
    gate = trio.Event()
    world.does("x", waits_for(gate, returns("x!")))
    async with world.open() as sec:
        parent = await sec.saga_create(world.saga("a", one(world, "x", "y")), start=True)
        await wait_all_tasks_blocked()
        child = child_id(parent.saga_id, node=1)
        world.store.then = refuses(child, steno.StoreError("no"))
        gate.set()
        with pytest.raises(steno.SagaHeldError):
            await parent.wait()
        assert await state_of(parent, "c") is HELD
        world.store.then = takes_all
        await sec.saga_recover(child)
        await wait_all_tasks_blocked()
        assert (await parent.wait()).unwrap().saga_output() == "y!"


async def takes_all(write: object, batch: object) -> object:
    return await write(batch)


async def test_a_held_node_goes_on_at_the_next_open(world: World):
    """Its child does, too, as what held that was a mistake of the build."""
    world.does("x", each_time(hold(), returns("x!")))
    async with world.open() as sec:
        parent = await sec.saga_create(world.saga("a", one(world, "x")), start=True)
        await wait_all_tasks_blocked()
    async with world.open() as sec:
        assert (await sec.saga_wait(parent.saga_id)).unwrap().saga_output() == "x!"
    assert world.calls.count("x") == 2


# Mistakes of a build


async def test_a_child_that_this_build_cannot_run_holds_its_node(world: World):
    """Nothing is unwound for an action that is not registered; a mended build goes on."""
    broken = world.saga("x")
    dag = world.saga("a", one(world, "x", name="one"))
    registry = world.registry
    missing = steno.ActionRegistry()
    for name in ("a", "one"):
        missing.register(registry.get(name))
    world.registry = missing
    async with world.open() as sec:
        parent = await sec.saga_create(dag, start=True)
        with pytest.raises(steno.SagaHeldError):
            await parent.wait()
        attempt = await failed_attempt(parent)
        assert 'action for node "x" not registered: "x"' in attempt.error.replace("\\", "")
        assert not attempt.in_doubt
        assert len(await sec.saga_list()) == 1
    world.registry = registry
    async with world.open() as sec:
        assert (await sec.saga_wait(parent.saga_id)).unwrap().saga_output() == "x!"
    assert broken.saga_name == "test"


@pytest.mark.parametrize("number", [1, 3])
async def test_a_parent_that_is_cancelled_does_not_wait_for_its_children(world: World, number: int):
    """The call that waits for them is cut short, and they are unwound at once."""
    stages = ("x", steno.Node.signal("s", "never"))
    node = one(world, *stages) if number == 1 else many(world, *[world.saga(*stages)] * number)
    async with world.open() as sec:
        parent = await sec.saga_create(world.saga("a", node), start=True)
        await wait_all_tasks_blocked()
        await parent.unwind(why="a test", cancel=True)
        result = await parent.wait()
        states = [each.state for each in await sec.saga_list()]
    assert result.undo_failure is None
    assert states == [steno.SagaCachedState.FAILED] * (number + 1)
    assert world.calls[-1] == "~a"
    assert world.calls.count("~x") == number


@pytest.mark.parametrize(
    ("make", "made"),
    [
        (steno.child_saga, 5),
        (steno.child_saga, []),
        (steno.child_sagas, 5),
        (steno.child_sagas, [5]),
        (steno.child_sagas, "DAG"),
    ],
)
async def test_what_is_not_a_saga_holds_the_node(world: World, make: object, made: object):
    """The error says what was returned, and what should have been."""
    dag = world.saga("x")
    action = world.registers(make("c", lambda _: dag if made == "DAG" else made))
    async with world.open() as sec:
        parent = await sec.saga_create(world.saga(steno.Node.action("c", action)), start=True)
        await wait_all_tasks_blocked()
        attempt = await failed_attempt(parent)
        why = f'the function of {make.__name__} "c" must return'
        assert why in attempt.error.replace("\\", "")
        await parent.unwind(why="a test")
        await parent.wait()


@pytest.mark.parametrize("made", [7, None, "dag", "async", "class"])
@pytest.mark.parametrize("make", [steno.child_saga, steno.child_sagas])
def test_what_cannot_make_a_saga_is_refused(world: World, make: object, made: object):
    """At once, with what is wrong: before a saga is built, let alone run."""

    async def asynchronous(_: Context) -> None:
        pass

    given = {"dag": world.saga("x"), "async": asynchronous, "class": object()}.get(made, made)
    with pytest.raises(
        TypeError, match=rf'{make.__name__} "c": make_dags? must be a plain function'
    ):
        make("c", given)


def test_parameters_are_checked_as_those_of_an_action(world: World):
    """So is the name, when the action is registered."""
    with pytest.raises(steno.ActionRegistryError, match=r'action "c": it must take a context'):
        steno.child_saga("c", lambda: world.saga("x"))
    with pytest.raises(steno.ActionRegistryError, match=r'cannot take "\*\*more"'):
        steno.child_saga("c", lambda ctx, **more: world.saga("x"))
    with pytest.raises(steno.ActionRegistryError, match="are reserved"):
        world.registry.register(steno.child_saga("steno.c", lambda _: world.saga("x")))
    with pytest.raises(TypeError, match="name"):
        steno.child_saga(5, lambda _: world.saga("x"))


# Leaving


def last_of(world: World, child: str, gate: trio.Event) -> object:
    """Return the last stage of a saga, which does not go on, or not soon."""
    often = steno.Retry(wait_initial=9, wait_max=9)
    flaky = each_time(raises(OSError("no")), returns(1))
    world.registers(steno.new_action_noop_undo("r", flaky, retry=often))
    world.does("held", each_time(hold(), returns(1)))
    world.does("working", waits_for(gate))
    return {
        "signal": steno.Node.signal("s", "go"),
        "sleep": steno.Node.sleep("s", timedelta(seconds=50)),
        "backing-off": steno.Node.action("s", "r"),
        "ready": "x",
        "paused": "working",
    }.get(child, child)


@pytest.mark.parametrize("how", ["leave", "drain", "crash"])
@pytest.mark.parametrize("child", ["signal", "sleep", "paused", "held", "backing-off", "working"])
async def test_a_parent_whose_child_waits_holds_up_nothing(world: World, how: str, child: str):
    """Three levels deep, leaving is as quick as for the child alone; all go on at the next open."""
    gate = trio.Event()
    inner = one(world, "x", last_of(world, child, gate), name="inner")
    dag = world.saga("a", one(world, inner, name="outer"))
    start = trio.current_time()
    clock = DateClock()
    async with world.doomed(clock=clock) if how == "crash" else world.open(clock=clock) as sec:
        parent = await sec.saga_create(dag, start=True)
        leaf = child_id(child_id(parent.saga_id, node=1))
        await wait_all_tasks_blocked()
        if child == "paused":
            await sec.saga_handle(leaf).pause()
        async with trio.open_nursery() as nursery:
            if how == "drain":
                nursery.start_soon(sec.drain)
                await wait_all_tasks_blocked()
            if how != "crash":
                gate.set()
    assert trio.current_time() == start
    assert world.store.state(parent.saga_id) in {"running", "succeeded"}
    gate.set()
    async with world.open(clock=clock) as sec:
        saga = sec.saga_handle(leaf)
        if child == "signal":
            await saga.signal("go")
        if child == "paused":
            await saga.resume()
        (await sec.saga_wait(parent.saga_id)).unwrap()
        assert len(await sec.saga_list()) == 3


async def test_a_parent_waits_for_a_child_that_is_ready(world: World):
    """One that was imported under its id waits for its start; leaving cuts the call off."""
    dag = world.saga(one(world, "x"))
    (saga_id,) = ids(1)
    async with world.open() as sec:
        child = steno.SagaSerialized(child_id(saga_id), world.saga("x", name="child"), ())
        await sec.saga_resume(child)
        parent = await sec.saga_create(dag, saga_id=saga_id, start=True)
        await wait_all_tasks_blocked()
        assert await state_of(parent, "c") is steno.NodeExecState.WORKING
    async with world.open() as sec:
        await sec.saga_start(child.saga_id)
        assert (await sec.saga_wait(saga_id)).unwrap().saga_output() == "x!"
