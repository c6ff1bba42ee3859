"""Children: sagas that a node of another saga runs, and that its undo unwinds."""

from datetime import timedelta

import pytest
import trio
from trio.testing import wait_all_tasks_blocked

import steno
from support.families import child_id, many, message, one
from support.worlds import (
    Behaviour,
    Context,
    World,
    each_time,
    hangs,
    raises,
    returns,
    takes,
    waits_for,
)


def no() -> Behaviour:
    return raises(ValueError("no"))


# Forward


async def test_a_node_has_the_output_of_its_child(world: World):
    """The child runs when its node does, and its output is what later nodes see."""
    world.does("z", lambda ctx: returns(ctx.lookup("c"))(ctx))
    dag = world.saga("a", one(world, "x", "y"), "z")
    async with world.open() as sec:
        result = await sec.saga_run(dag)
    assert result.unwrap().saga_output() == "y!"
    assert world.calls == ["a", "x", "y", "z"]


async def test_a_graph_is_made_of_inputs_by_name(world: World):
    """The function takes what an action could take, and is checked in the same way."""

    def make(ctx: Context, a: str, params: int, *, missing: int = 7) -> steno.SagaDag:
        return world.saga(steno.Node.constant("k", [ctx.node_name, a, params, missing]), name="kid")

    action = world.registers(steno.child_saga("one", make))
    world.saga("a")  # which registers it
    builder = steno.DagBuilder("test", params=int)
    builder.append(steno.Node.action("a", world.registry.get("a")))
    builder.append(steno.Node.action("c", action))
    async with world.open() as sec:
        result = await sec.saga_run(steno.SagaDag(builder.build(), 5))
    assert result.unwrap().saga_output() == ["c", "a!", 5, 7]
    lonely = steno.DagBuilder("test", params=int)
    lonely.append(steno.Node.action("c", action))
    with pytest.raises(steno.DagBuilderError, match=r'action "one" .* takes "a"'):
        lonely.build()


async def test_many_children_run_at_once_and_their_outputs_are_in_order(world: World):
    """The first one takes longest; its output is the first all the same."""
    dags = [world.saga("x", params=n) for n in range(9)]
    world.does("x", lambda ctx: takes(9 - ctx.saga_params(), returns(ctx.saga_params()))(ctx))
    async with world.open() as sec:
        start = trio.current_time()
        result = await sec.saga_run(world.saga(many(world, *dags)))
        took = trio.current_time() - start
    assert result.unwrap().saga_output() == list(range(9))
    assert took == pytest.approx(9)


async def test_there_may_be_no_children(world: World):
    """A list that is empty gives an empty list, and there is nothing to undo."""
    world.does("z", no())
    async with world.open() as sec:
        result = await sec.saga_run(world.saga(many(world), "z"))
        assert len(await sec.saga_list()) == 1
    assert result.error_node_name == "z"
    assert result.undo_failure is None


async def test_children_are_found_by_the_id_of_their_parent(world: World):
    """Each has a tag with it, and an id that follows from it."""
    async with world.open() as sec:
        parent = await sec.saga_create(world.saga(many(world, *[world.saga("x")] * 5)), start=True)
        await parent.wait()
        found = await sec.saga_list(tags={"steno.parent": str(parent.saga_id)})
    assert {each.saga_id for each in found} == {child_id(parent.saga_id, n) for n in range(5)}


async def test_children_are_created_in_waves(world: World):
    """Each is durable before the next one, twice as large, so that the last is found by looking."""
    async with world.open() as sec:
        await sec.saga_run(world.saga(many(world, *[world.saga("x")] * 9)))
    created = [
        [write for write in batch if isinstance(write, steno.SagaCreateParams)]
        for batch in world.store.batches
    ]
    order = [child_id(created[0][0].saga_id, number) for number in range(9)]
    waves = [
        {(order.index(write.saga_id) + 1).bit_length() for write in batch}
        for batch in created[1:]
        if batch
    ]
    assert [number for wave in waves for number in wave] == sorted(n for w in waves for n in w)
    assert all(len(wave) == 1 for wave in waves)
    assert len(set().union(*waves)) == 4


async def test_a_new_build_may_ask_for_another_number(world: World):
    """Those that an earlier build has created are unwound as well, if they are not asked for."""
    number = [7]
    dag = world.saga("x", steno.Node.signal("s", "go"))
    action = world.registers(steno.child_sagas("m", lambda _: [dag] * number[0]))
    async with world.doomed() as sec:
        parent = await sec.saga_create(world.saga(steno.Node.action("c", action)), start=True)
        await wait_all_tasks_blocked()
    number[0] = 2
    async with world.open() as sec:
        for each in range(2):
            await sec.saga_handle(child_id(parent.saga_id, each)).signal("go", each)
        result = await sec.saga_wait(parent.saga_id)
        assert result.unwrap().saga_output() == [0, 1]
        await sec.saga_handle(parent.saga_id).unwind(why="a test")
        await sec.saga_wait(parent.saga_id)
        states = [each.state for each in await sec.saga_list()]
    assert states == [steno.SagaCachedState.FAILED] * 8


# A child that fails


async def test_the_failure_of_a_child_is_that_of_its_node(world: World):
    """The error names the child and has its error; as it is unwound, nothing is left to undo."""
    world.does("y", no())
    async with world.open() as sec:
        result = await sec.saga_run(world.saga("a", one(world, "x", "y")))
    assert isinstance(result.error_source, steno.ActionFailed)
    child = child_id(result.saga_id, node=1)
    assert message(result) == f'saga {child} failed at node "y": ValueError: no'
    assert world.calls == ["a", "x", "y", "~x", "~a"]
    assert "N001 undo_started" not in result.saga_log.pretty()


async def test_the_error_grows_by_a_line_for_each_level(world: World):
    """However deep children are nested, the message of the innermost one is found in it."""
    world.does("level0", raises(ValueError('say "no"')))
    dag = world.saga("level0", name="deep")
    for level in range(1, 30):
        action = world.registers(steno.child_saga(f"level{level}", lambda _, dag=dag: dag))
        dag = world.saga(steno.Node.action(f"level{level}", action), name="deep")
    async with world.open() as sec:
        result = await sec.saga_run(dag)
    assert message(result).endswith('failed at node "level0": ValueError: say "no"')
    assert len(message(result)) < 30 * 100
    assert result.undo_failure is None


async def test_a_child_that_fails_unwinds_the_others(world: World):
    """Those that have succeeded, those that run, and those that wait: each is unwound."""
    dags = [world.saga("done"), world.saga("long", "never"), world.saga("bad")]
    waiting = world.saga("before", steno.Node.signal("s", "go"))
    world.does("long", takes(5))
    world.does("bad", takes(2, no()))
    async with world.open() as sec:
        result = await sec.saga_run(world.saga("a", many(world, *dags, waiting), "z"))
        states = {each.state for each in await sec.saga_list()}
    assert isinstance(result.error_source, steno.InDoubt)
    assert "(child 3 of 4)" in message(result)
    assert states == {steno.SagaCachedState.FAILED}
    assert sorted(call for call in world.calls if call[0] == "~") == [
        "~a",
        "~before",
        "~done",
        "~long",
    ]
    assert not {"never", "z"} & set(world.calls)


async def test_a_child_that_is_unwound_by_a_person_fails_its_node(world: World):
    """Who ordered it, and why, is in the error."""
    async with world.open() as sec:
        dag = world.saga(one(world, "x", steno.Node.signal("s", "go")))
        parent = await sec.saga_create(dag, start=True)
        await wait_all_tasks_blocked()
        await sec.saga_handle(child_id(parent.saga_id)).unwind(by="ada", why="a test")
        result = await parent.wait()
    assert message(result).endswith("failed unwound by ada: a test")


# Undoing


async def test_to_undo_a_node_is_to_unwind_its_child(world: World):
    """It was finished long before; it is unwound in its place, and that is in its log."""
    world.does("z", no())
    async with world.open() as sec:
        result = await sec.saga_run(world.saga("a", one(world, "x", "y"), "z"))
        child = await sec.saga_wait(child_id(result.saga_id, node=1))
    assert world.calls == ["a", "x", "y", "z", "~y", "~x", "~a"]
    assert result.undo_failure is None
    assert str(child.error_source) == (
        f'unwound by default: node "c" of saga {result.saga_id} is undone'
    )


@pytest.mark.parametrize("kept", [0, 100], ids=["evicted", "in-memory"])
async def test_a_saga_and_its_children_are_unwound_long_after_they_succeeded(
    world: World, monkeypatch: pytest.MonkeyPatch, kept: int
):
    """Three levels deep, in another life of the SEC, whether they are in memory or not."""
    monkeypatch.setattr("steno.runtime._entries.KEPT_FINISHED", kept)
    inner = one(world, "x", "y", name="inner")
    outer = one(world, "b", inner, name="outer")
    dag = world.saga("a", outer, "z")
    async with world.open() as sec:
        parent = await sec.saga_create(dag, start=True)
        (await parent.wait()).unwrap()
    async with world.open() as sec:
        saga = sec.saga_handle(parent.saga_id)
        await saga.unwind(why="a change of mind")
        result = await saga.wait()
        states = {each.state for each in await sec.saga_list()}
    assert result.undo_failure is None
    assert world.calls[5:] == ["~z", "~y", "~x", "~b", "~a"]
    assert states == {steno.SagaCachedState.FAILED}


async def test_a_child_that_is_unwound_already_is_left_alone(world: World):
    """A person was first; the node counts as undone."""
    gate = trio.Event()
    world.does("z", waits_for(gate, no()))
    async with world.open() as sec:
        parent = await sec.saga_create(world.saga(one(world, "x"), "z"), start=True)
        await wait_all_tasks_blocked()
        child = sec.saga_handle(child_id(parent.saga_id))
        await child.unwind(by="ada", why="a test")
        await child.wait()
        gate.set()
        result = await parent.wait()
        assert (await child.wait()).error_source.by == "ada"
    assert result.undo_failure is None
    assert world.calls.count("~x") == 1


@pytest.mark.parametrize("end", ["stuck", "abandoned"])
async def test_a_child_that_is_not_unwound_fails_the_undo(world: World, end: str):
    """The parent is stuck, and says which child it is; a person repairs that, then the parent."""
    stuck = end == "stuck"
    gate = trio.Event()
    world.does("z", waits_for(gate, no()))
    world.undoes("x", each_time(no(), returns(None)) if stuck else hangs)
    async with world.open() as sec:
        parent = await sec.saga_create(world.saga("a", one(world, "x"), "z"), start=True)
        await wait_all_tasks_blocked()
        child = sec.saga_handle(child_id(parent.saga_id, node=1))
        gate.set()
        if not stuck:
            await wait_all_tasks_blocked()
            await child.abandon(by="ada", why="it is gone")
        result = await parent.wait()
        node, error = result.undo_failure
        assert node == "c"
        text = error.convert(dict)["message"]
        assert f"saga {child.saga_id} failed to unwind" in text
        assert ('undo of node "x": ValueError' if stuck else "abandoned by ada: it is gone") in text
        if stuck:
            await child.retry("x")
            await child.wait()
            await parent.retry("c")
        else:
            await parent.complete("c", why="done by hand")
        result = await parent.wait()
    assert result.undo_failure is None
    assert world.calls[-1] == "~a"


@pytest.mark.parametrize("state", ["paused", "held", "backs-off", "unwinding", "never-created"])
async def test_whatever_a_child_is_doing_it_is_unwound(world: World, state: str):
    """Its node has failed for another child, so the undo looks after each that there is."""
    bad = trio.Event()
    world.does("bad", waits_for(bad, no()))
    world.does("y", raises(steno.Hold("look")) if state == "held" else hangs)
    retried = steno.new_action_noop_undo(
        "flaky", no(), retry=steno.Retry(wait_initial=1e6, wait_max=1e6, timeout=None)
    )
    world.registers(retried)
    last = {"held": "y", "backs-off": steno.Node.action("f", retried)}.get(state, "s")
    stages = ("x", steno.Node.signal("s", "go") if last == "s" else last)
    dags = [world.saga("bad"), world.saga(*stages)]
    if state == "never-created":
        dags += [world.saga("x", params="not JSON" * 9)] * 3
    async with world.open(max_value_bytes=60) as sec:
        parent = await sec.saga_create(world.saga("a", many(world, *dags)), start=True)
        await wait_all_tasks_blocked()
        child = sec.saga_handle(child_id(parent.saga_id, 1, node=1))
        if state == "paused":
            await child.pause()
        if state == "unwinding":
            await child.unwind(why="a test")
        if state == "never-created":
            await parent.retry("c")
            await wait_all_tasks_blocked()
            await parent.unwind(why="a test")
        bad.set()
        result = await parent.wait()
        states = {each.state for each in await sec.saga_list()}
    assert result.undo_failure is None
    assert states == {steno.SagaCachedState.FAILED}
    assert [call for call in world.calls if call[0] == "~"] == ["~x", "~a"]


async def test_a_child_that_was_deleted_fails_the_undo(world: World):
    """What it did is still there; so a person is told, and nothing is said to be undone."""
    gate = trio.Event()
    world.does("z", waits_for(gate, no()))
    async with world.open() as sec:
        parent = await sec.saga_create(world.saga(one(world, "x"), "z"), start=True)
        await wait_all_tasks_blocked()
        await sec.saga_prune(timedelta(0))
        gate.set()
        result = await parent.wait()
    assert f"saga {child_id(parent.saga_id)} cannot be unwound" in str(result.undo_failure[1])
    assert "~x" not in world.calls
