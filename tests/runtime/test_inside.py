"""Actions that use the SEC: they create sagas, start them, wait for them, and look at them."""

from uuid import UUID, uuid4, uuid5

import pytest
import trio
from trio.testing import wait_all_tasks_blocked

import steno
from support.worlds import (
    Behaviour,
    Context,
    World,
    each_time,
    hangs,
    ids,
    nothing,
    raises,
    returns,
    takes,
    works,
)


def runs(dag: steno.SagaDag) -> Behaviour:
    """Run a saga whose id follows from the idempotency key, and return its output."""

    async def behave(ctx: Context) -> object:
        child = uuid5(ctx.saga_id, ctx.idempotency_key)
        result = await ctx.user_data.sec.saga_run(dag, saga_id=child)
        return result.unwrap().saga_output()

    return behave


def steps(dag: steno.SagaDag) -> Behaviour:
    """Do the same step by step."""

    async def behave(ctx: Context) -> object:
        sec = ctx.user_data.sec
        handle = await sec.saga_create(dag, saga_id=uuid5(ctx.saga_id, ctx.idempotency_key))
        if isinstance((await handle.view()).state, steno.SagaReady):
            await handle.start()
        return (await handle.wait()).unwrap().saga_output()

    return behave


async def test_an_action_runs_a_saga_and_waits_for_it(world: World):
    """No bound on running sagas can keep the one from running that the other waits for."""
    world.does("parent", runs(world.saga("child")))
    async with world.open() as sec:
        result = await sec.saga_run(world.saga("parent"))
    assert result.unwrap().saga_output() == "child!"


async def test_sagas_wait_for_sagas_to_any_depth(world: World):
    """A hundred sagas, each waiting for the next, end in their order."""
    dag = world.saga("level0")
    for level in range(1, 100):
        world.does(f"level{level}", runs(dag))
        dag = world.saga(f"level{level}")
    async with world.open() as sec:
        result = await sec.saga_run(dag)
    assert result.unwrap().saga_output() == "level0!"


@pytest.mark.parametrize("how", [runs, steps])
@pytest.mark.parametrize("child", ["hangs", "finished"])
async def test_after_a_crash_the_action_finds_the_saga_that_it_created(
    world: World, how: object, child: str
):
    """Called again it derives the same id, and is given the saga that there is; it ran once."""
    dag = world.saga("x", "y")
    world.does("y", each_time(hangs, returns("new")) if child == "hangs" else returns("old"))
    run_child = how(dag)

    async def run_child_and_hang(ctx: Context) -> object:
        await run_child(ctx)
        await trio.sleep_forever()

    world.does("parent", each_time(run_child_and_hang, run_child))
    async with world.doomed() as sec:
        parent = await sec.saga_create(world.saga("parent"))
        await parent.start()
        await wait_all_tasks_blocked()
    async with world.open() as sec:
        result = await sec.saga_wait(parent.saga_id)
        listed = await sec.saga_list()
    assert result.unwrap().saga_output() == ("new" if child == "hangs" else "old")
    assert world.calls.count("x") == 1
    assert world.calls.count("parent") == 2
    assert len(listed) == 2


async def test_after_a_crash_before_the_child_was_durable_it_is_created_anew(world: World):
    """An unanswered creation that the store did not do is done at the next open."""
    never = trio.Event()

    async def keeps_silent(_: object, __: object) -> object:
        await never.wait()
        raise AssertionError

    world.does("parent", runs(world.saga("child")))
    with pytest.raises(steno.StoreStuck):
        async with world.doomed() as sec:
            parent = await sec.saga_create(world.saga("parent"))
            world.store.script.extend([works, keeps_silent])
            await parent.start()
            await wait_all_tasks_blocked()
    assert len(world.store.batches[-1]) == 1
    result = await world.finish(parent.saga_id)
    assert result.unwrap().saga_output() == "child!"


async def test_an_undo_action_may_run_a_saga_too(world: World):
    """Its key is another than the action's, so its saga is another as well."""
    dag = world.saga("child")
    world.does("parent", runs(dag))
    world.undoes("parent", runs(dag))
    world.does("z", raises(ValueError("no")))
    async with world.open() as sec:
        result = await sec.saga_run(world.saga("parent", "z"))
        assert result.undo_failure is None
        assert len(await sec.saga_list()) == 3
    assert world.calls == ["parent", "child", "z", "~parent", "child"]


async def test_the_failure_of_a_child_is_the_actions_to_judge(world: World):
    """Here it lets it fail its own node."""
    world.does("child", raises(ValueError("no")))
    world.does("parent", runs(world.saga("child")))
    async with world.open() as sec:
        result = await sec.saga_run(world.saga("parent"))
    stored = result.error_source.to_json()["ActionFailed"]["source_error"]
    assert stored["type"] == "steno.errors.SagaFailed"
    assert 'failed at node "child"' in stored["message"]


# The same id again


@pytest.mark.parametrize("when", ["ready", "running", "done"])
async def test_creating_an_id_again_with_the_same_saga_gives_the_saga_that_there_is(
    world: World, when: str
):
    """The same graph, built anew, and the same params: nothing is stored, nothing starts again."""
    (saga_id,) = ids(1)
    answer = trio.Event()

    async def wait(_: Context) -> object:
        await answer.wait()
        return 5

    world.does("a", wait)
    async with world.open() as sec:
        first = await sec.saga_create(world.saga("a", params={"n": [1]}), saga_id=saga_id)
        if when != "ready":
            await first.start()
        if when == "done":
            answer.set()
            await first.wait()
        await wait_all_tasks_blocked()
        commits = len(world.store.batches)
        again = await sec.saga_create(world.saga("a", params={"n": [1]}), saga_id=saga_id)
        assert again == first
        assert len(world.store.batches) == commits
        answer.set()
        result = await sec.saga_run(world.saga("a", params={"n": [1]}), saga_id=saga_id)
    assert result.unwrap().saga_output() == 5
    assert world.calls == ["a"]


@pytest.mark.parametrize("when", ["ready", "running", "done", "another life", "not recovered"])
@pytest.mark.parametrize("other", ["graph", "params"])
async def test_an_id_in_use_by_another_saga_is_refused(world: World, when: str, other: str):
    """The saga that has it is not touched."""
    (saga_id,) = ids(1)
    dag = world.saga("a", params=1)
    impostor = world.saga("a", "a2", params=1) if other == "graph" else world.saga("a", params=2)
    world.does("a", each_time(hangs, nothing) if when == "another life" else nothing)
    async with world.doomed() as sec:
        saga = await sec.saga_create(dag, saga_id=saga_id)
        if when in {"running", "done", "another life"}:
            await saga.start()
        if when == "done":
            await saga.wait()
        if when in {"ready", "running", "done"}:
            with pytest.raises(steno.SagaIdInUse) as refused:
                await sec.saga_create(impostor, saga_id=saga_id)
        await wait_all_tasks_blocked()
    if when in {"another life", "not recovered"}:
        async with world.open(recover=when == "another life") as sec:
            with pytest.raises(steno.SagaIdInUse) as refused:
                await sec.saga_create(impostor, saga_id=saga_id)
    assert str(refused.value) == (
        f"saga_id {saga_id} cannot be inserted; already in use by another saga: "
        f"{refused.value.difference}"
    )
    assert f"its {other}" in refused.value.difference
    result = await world.finish(saga_id)
    assert result.unwrap().saga_output() is None
    assert "a2" not in world.calls


async def test_two_may_create_the_same_saga_at_once(world: World):
    """One of them creates it, the other is given the same; with another graph it is refused."""
    (saga_id,) = ids(1)
    dag, other = world.saga("a"), world.saga("b")
    outcomes = []
    async with world.open() as sec:

        async def create(dag: steno.SagaDag) -> None:
            try:
                outcomes.append(await sec.saga_create(dag, saga_id=saga_id))
            except steno.SagaIdInUse as refused:
                outcomes.append(refused)

        async with trio.open_nursery() as nursery:
            for each in (dag, dag, other):
                nursery.start_soon(create, each)
        (listed,) = await sec.saga_list()
        assert listed.saga_id == saga_id
    kinds = sorted(type(each).__name__ for each in outcomes)
    assert kinds in (
        ["SagaHandle", "SagaHandle", "SagaIdInUse"],
        ["SagaHandle", "SagaIdInUse", "SagaIdInUse"],
    )


# Waiting for oneself


async def test_an_action_cannot_wait_for_its_own_saga(world: World):
    """It would wait for ever; so it is told at once, and fails like by any other error."""

    async def wait(ctx: Context) -> object:
        return await ctx.user_data.sec.saga_wait(ctx.saga_id)

    world.does("a", wait)
    async with world.open() as sec:
        result = await sec.saga_run(world.saga("a"))
    stored = result.error_source.to_json()["ActionFailed"]["source_error"]
    assert stored == {
        "type": "steno.errors.CommandError",
        "message": f"saga {result.saga_id} cannot wait for itself to finish",
    }


async def test_a_task_of_an_action_is_a_part_of_it(world: World):
    """A task in a nursery of the action counts as the action."""

    async def wait(ctx: Context) -> object:
        async with trio.open_nursery() as nursery:
            nursery.start_soon(ctx.user_data.sec.saga_get, ctx.saga_id)
            nursery.start_soon(ctx.user_data.sec.saga_wait, ctx.saga_id)

    world.does("a", wait)
    async with world.open() as sec:
        result = await sec.saga_run(world.saga("a"))
    stored = result.error_source.to_json()["ActionFailed"]["source_error"]
    assert "cannot wait for itself" in stored["exceptions"][0]["message"]


async def test_an_action_may_look_at_its_own_saga(world: World):
    """It sees itself at work; and it may inject into what comes later."""

    async def look(ctx: Context) -> object:
        sec = ctx.user_data.sec
        await sec.saga_inject_error(ctx.saga_id, "b")
        view = await sec.saga_get(ctx.saga_id)
        return view.state.status.node_state(ctx.node_id).value

    world.does("a", look)
    async with world.open() as sec:
        result = await sec.saga_run(world.saga("a", "b"))
    assert str(result.error_source) == "error injected"
    assert result.saga_log.events[3].event_type.output == '"working"'


async def test_an_action_of_one_sec_may_wait_for_a_saga_of_another(world: World):
    """The same saga id in two SECs on two stores is two sagas, so nobody waits for himself."""
    (saga_id,) = ids(1)
    there = World()

    async def wait(ctx: Context) -> object:
        result = await there.sec.saga_run(there.saga("x"), saga_id=ctx.saga_id)
        return result.unwrap().saga_output()

    world.does("a", wait)
    async with there.open(), world.open() as sec:
        result = await sec.saga_run(world.saga("a"), saga_id=saga_id)
    assert result.unwrap().saga_output() == "x!"


async def test_an_action_cannot_wait_for_its_own_saga_by_way_of_another_sec(world: World):
    """A SEC that is opened within an action is a part of it, with all that runs there."""
    there = World()

    async def open_another(_: Context) -> object:
        async with there.open() as sec:
            return (await sec.saga_run(there.saga("x"))).error_source.to_json()

    world.does("a", open_another)
    async with world.open() as sec:
        saga = await sec.saga_create(world.saga("a"))
        there.does("x", lambda _: sec.saga_wait(saga.saga_id))
        await saga.start()
        result = await saga.wait()
    stored = result.unwrap().saga_output()["ActionFailed"]["source_error"]
    assert stored["message"] == f"saga {saga.saga_id} cannot wait for itself to finish"


async def test_a_child_whose_graph_is_made_by_chance_is_told_where_it_differs(world: World):
    """After a crash its parent makes another graph of the same id; a fixed id goes on."""

    async def parent(ctx: Context) -> object:
        token = next(tokens)(ctx)
        child = ctx.user_data.saga(steno.Node.constant("token", str(token)), "child")
        result = await ctx.user_data.sec.saga_run(child, saga_id=ctx.uuid("child"))
        return result.unwrap().saga_output()

    world.does("parent", parent)
    world.does("child", each_time(hangs, returns(5)))
    for fixed in (False, True):
        token = (lambda ctx: ctx.uuid("token")) if fixed else (lambda _: uuid4())
        tokens = iter([token] * 2)
        world.does("child", each_time(hangs, returns(5)))
        async with world.doomed() as sec:
            saga = await sec.saga_create(world.saga("parent"), start=True)
            await wait_all_tasks_blocked()
        result = await world.finish(saga.saga_id)
        if fixed:
            assert result.unwrap().saga_output() == 5
        else:
            error = str(result.error_source)
            assert "already in use by another saga: its graph differs at node" in error
            assert "/token" in error


async def test_an_id_for_a_name_is_the_same_at_each_call(world: World):
    """In the action and its undo, whenever it is called; for another node, name or saga, not."""
    seen: dict[str, set[UUID]] = {}

    async def note(ctx: Context) -> None:
        seen.setdefault(f"{ctx.node_name} one", set()).add(ctx.uuid("one"))
        seen.setdefault(f"{ctx.node_name} two", set()).add(ctx.uuid("two"))
        with pytest.raises(TypeError, match="ctx.uuid takes a name, got 1"):
            ctx.uuid(1)

    world.does("a", note)
    world.undoes("a", note)
    world.does("b", each_time(note, note))
    async with world.open() as sec:
        saga = await sec.saga_create(world.saga("a", "b", "c"))
        await saga.inject_repeat("a", steno.RepeatInjected(action=2, undo=2))
        await saga.inject_error("c")
        await saga.start()
        await saga.wait()
    assert [len(each) for each in seen.values()] == [1] * 4
    assert len(set().union(*seen.values())) == 4


async def test_a_task_that_outlives_its_action_is_not_inside_it(world: World):
    """Its commands are those of an outsider: refused while the SEC is left, and free to wait."""
    told: list[object] = []

    async def outlive(sec: steno.SecClient, saga_id: steno.SagaId) -> None:
        await returned.wait()
        told.append((await sec.saga_wait(saga_id)).unwrap().saga_output())  # not waiting for itself
        leaving.set()
        await trio.sleep(5)
        with pytest.raises(steno.SecClosing):
            await sec.saga_create(dag)
        told.append("refused")

    async def leave_a_task(ctx: Context) -> int:
        outside.start_soon(outlive, ctx.user_data.sec, ctx.saga_id)
        await trio.lowlevel.checkpoint()
        return 5

    dag = world.saga("beside")
    world.does("a", leave_a_task)
    world.does("beside", takes(10))
    returned, leaving = trio.Event(), trio.Event()
    async with trio.open_nursery() as outside, world.open() as sec:
        saga = await sec.saga_create(world.saga("a"), start=True)
        await wait_all_tasks_blocked()
        returned.set()
        await leaving.wait()
        (await saga.wait()).unwrap()
        await sec.saga_create(dag, start=True)  # keeps the SEC from being left at once
    assert told == [5, "refused"]
