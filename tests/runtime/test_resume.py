"""Sagas that come from a dump: whole, cut anywhere, out of order, or not fit to go on with."""

from pathlib import Path

import pytest
from trio.testing import wait_all_tasks_blocked

import steno
from steno.testing.notation import OTHER_ID, SAGA_ID, event, events, shown
from support.demo import demo
from support.worlds import World, each_time, hangs, ids, raises, returns

DATA = Path(__file__).parent.parent / "core" / "data"

ENDS = {"ok": "succeeded", "err": "failed", "stuck": "stuck"}

OUTPUTS = {
    "instance_create": 1211,
    "vpc_alloc_ip": "10.120.121.122",
    "volume_create": 1213,
    "server_pick": 1212,
    "server_reserve": {"server_id": 1212},
    "print": "it worked",
}


def dump(name: str) -> steno.SagaSerialized:
    return steno.SagaSerialized.from_json((DATA / f"{name}.json").read_text(encoding="utf-8"))


def demo_world() -> World:
    world = World()
    world.dag("demo", *demo().flat.action_names)
    for name in demo().flat.action_names:
        world.does(name, returns(OUTPUTS.get(name)))
    return world


# Dumps of Steno


@pytest.mark.parametrize("name", ENDS)
async def test_a_finished_dump_is_ready_until_it_is_started(name: str):
    """It is never finished by being read; its start does that, and calls nothing."""
    world = demo_world()
    async with world.open() as sec:
        saga = await sec.saga_resume(dump(name))
        assert world.store.state(saga.saga_id) == "ready"
        assert isinstance((await saga.view()).state, steno.SagaReady)
        before = world.store.row(saga.saga_id).events
        await saga.start()
        result = await saga.wait()
    assert shown(world.store.row(saga.saga_id).events) == f"{shown(before)} «=start"
    expected = [*shown(dump(name).events).split(), "«=import"]
    assert sorted(shown(before).split()) == sorted(expected)
    assert world.store.state(saga.saga_id) == ENDS[name]
    assert world.calls == []
    if name == "ok":
        assert result.unwrap().saga_output() == "it worked"
    else:
        assert result.error_node_name == "instance_boot"
        assert result.error_source == steno.InjectedError()
        assert (result.undo_failure is None) == (name == "err")


CUTS = [
    (name, cut) for name in ENDS for cut in range(len(dump(name).events) + 1)
]  # fmt: skip


@pytest.mark.parametrize(("name", "cut"), CUTS)
async def test_a_dump_cut_anywhere_ends_as_it_must(name: str, cut: int):
    """Without a failure in the log it succeeds, with one it unwinds; what is logged stays so."""
    whole = dump(name)
    kept = steno.SagaSerialized(whole.saga_id, whole.dag, whole.events[:cut])
    world = demo_world()
    async with world.open() as sec:
        saga = await sec.saga_resume(steno.SagaSerialized.from_json(kept.to_json()))
        stored = world.store.row(saga.saga_id).events
        await saga.start()
        await saga.wait()
    events = world.store.row(saga.saga_id).events
    assert tuple(events[: len(stored)]) == tuple(stored)
    log = [event for event in events if event.node_id is not None]
    marks = shown(kept.events)
    end = "stuck" if "!" in marks else "failed" if "✗" in marks else "succeeded"
    assert world.store.state(saga.saga_id) == end
    assert len(set(shown(log).split())) == len(log)
    failures = shown(log).count("✗")
    assert end == "stuck" or len(log) == (28 if not failures else 4 * shown(log).count("✓") + 2)


# What a dump may be


async def test_a_dump_may_be_given_as_id_graph_and_events(world: World):
    """The events are taken in any order, and stored in a legal one."""
    dag = world.saga("a", "b", "c")
    given = events("3+ 1+ 1✓=5 0+ 3✓ 0✓=4")
    async with world.open() as sec:
        saga = await sec.saga_resume(SAGA_ID, dag, given)
        assert world.store.log(SAGA_ID) == "3+ 3✓ 0+ 0✓ 1+ 1✓ «=import"
        view = await saga.view()
        states = [view.state.status.node_state(name).value for name in "abc"]
        assert states == ["done", "done", "queued-todo"]
        await saga.start()
        ok = (await saga.wait()).unwrap()
    assert world.calls == ["c"]
    assert [ok.lookup_node_output(name) for name in "abc"] == [4, 5, "c!"]


async def test_what_was_in_flight_in_a_dump_waits_for_the_start(world: World):
    """It shows as queued, and nothing of it is called; then it is called again."""
    dag = world.saga("a", "b", "c")
    world.does("b", raises(ValueError("no")))
    async with world.open() as sec:
        forward = await sec.saga_resume(SAGA_ID, dag, events("3+ 3✓ 0+"))
        undoing = await sec.saga_resume(
            OTHER_ID, dag, events("3+ 3✓ 0+ 0✓ 1+ 1✓ 2+ 2✗ 1-", OTHER_ID)
        )
        await wait_all_tasks_blocked()
        assert world.calls == []
        views = [await saga.view() for saga in (forward, undoing)]
        assert views[0].state.status.node_state("a").value == "queued-todo"
        assert views[1].state.status.node_state("b").value == "queued-undo"
        await undoing.start()
        await undoing.wait()
        assert world.calls == ["~b", "~a"]
        del world.trace[:]
        await forward.start()
        await forward.wait()
    assert world.calls == ["a", "b", "~a"]


async def test_a_view_of_a_running_saga_can_be_resumed_elsewhere(world: World):
    """What one SEC shows is what another one goes on with."""
    world.does("b", each_time(hangs, returns("b!")))
    async with world.doomed() as sec:
        saga = await sec.saga_create(world.saga("a", "b", params={"n": 1}))
        await saga.start()
        await wait_all_tasks_blocked()
        text = (await saga.view()).serialized().to_json()
    elsewhere = World()
    elsewhere.saga("a", "b")
    async with elsewhere.open() as sec:
        there = await sec.saga_resume(steno.SagaSerialized.from_json(text))
        assert there.saga_id == saga.saga_id
        await there.start()
        ok = (await there.wait()).unwrap()
    assert elsewhere.calls == ["b"]
    assert ok.lookup_node_output("a") == "a!"


async def test_a_resumed_saga_is_recovered_like_any_other(world: World):
    """It is stored, graph and events, so a crash before its start loses nothing."""
    async with world.doomed() as sec:
        await sec.saga_resume(SAGA_ID, world.saga("a", "b"), events("2+ 2✓ 0+ 0✓"))
    assert [len(batch) for batch in world.store.batches] == [1]
    (await world.finish(SAGA_ID)).unwrap()
    assert world.calls == ["b"]
    assert world.store.log(SAGA_ID) == "2+ 2✓ 0+ 0✓ «=import 1+ 1✓ 3+ 3✓"


async def test_a_resumed_saga_takes_injections(world: World):
    """It is ready."""
    async with world.open() as sec:
        saga = await sec.saga_resume(SAGA_ID, world.saga("a", "b"), events("2+ 2✓ 0+ 0✓"))
        await saga.inject_error("b")
        await saga.start()
        assert (await saga.wait()).error_node_name == "b"


# What it may not be


@pytest.mark.parametrize(
    ("given", "error", "text"),
    [
        (
            [*events("2+ 2✓"), event("0+", OTHER_ID)],
            steno.ForeignEvent,
            f"found an event in the log for a different saga ({OTHER_ID}) than requested "
            f"({SAGA_ID})",
        ),
        (
            events("2+ 2+"),
            steno.IllegalEvent,
            "event type started is illegal with current load status started (node 2)",
        ),
        (
            events("2+ 2✓ 0✓"),
            steno.IllegalEvent,
            "event type succeeded is illegal with current load status never started (node 0)",
        ),
        (
            events("2+ 2✓ 1+"),
            steno.CorruptLog,
            "corrupt log: started of node 1: node 0, on which it depends, has not succeeded",
        ),
        (
            events("2+ 2✓ 4+"),
            steno.CorruptLog,
            "corrupt log: started of node 4: the saga has the nodes 0 to 3",
        ),
        (
            events("2+ 2✓ 0+ 0✓ 0-"),
            steno.CorruptLog,
            "corrupt log: undo_started of node 0: no failure was logged before it",
        ),
    ],
    ids=["foreign", "twice", "not started", "causeless", "no node", "undone"],
)
async def test_events_that_are_no_log_are_refused(
    world: World, given: list[steno.SagaNodeEvent], error: type[Exception], text: str
):
    """Nothing is stored."""
    async with world.open() as sec:
        with pytest.raises(error) as refused:
            await sec.saga_resume(SAGA_ID, world.saga("a", "b"), given)
        assert str(refused.value) == text
        assert await sec.saga_list() == []
    assert world.store.batches == []


async def test_an_action_that_is_missing_is_found_before_anything_is_stored(world: World):
    """The same text as for a new saga."""
    async with world.open() as sec:
        with pytest.raises(steno.SagaValidationError) as refused:
            await sec.saga_resume(dump("ok"))
    assert str(refused.value).startswith('validating saga "DemoVmProvision": action for node "')
    assert world.store.batches == []


async def test_an_output_in_a_dump_may_not_be_too_large(world: World):
    """The size limit holds for what comes from elsewhere too."""
    given = [*events("2+ 2✓ 0+"), event('0✓="' + "x" * 100 + '"')]
    async with world.open(max_value_bytes=100) as sec:
        with pytest.raises(steno.SagaValidationError, match='the output of "a" takes 102 bytes'):
            await sec.saga_resume(SAGA_ID, world.saga("a", "b"), given)
    assert world.store.batches == []


@pytest.mark.parametrize("when", ["ready", "done", "stored"])
async def test_an_id_in_use_cannot_be_resumed(world: World, when: str):
    """Not even with the same events: which saga would it be?"""
    dag = world.saga("a")
    async with world.open() as sec:
        saga = await sec.saga_create(dag, saga_id=SAGA_ID)
        if when == "done":
            await saga.start()
            await saga.wait()
        if when != "stored":
            with pytest.raises(steno.SagaIdInUse) as refused:
                await sec.saga_resume(SAGA_ID, dag, events("1+"))
    if when == "stored":
        async with world.open(recover=False) as sec:
            with pytest.raises(steno.SagaIdInUse) as refused:
                await sec.saga_resume(SAGA_ID, dag, events("1+"))
    assert str(refused.value) == f"saga_id {SAGA_ID} cannot be inserted; already in use"
    assert world.store.log(SAGA_ID) == ("" if when != "done" else "1+ 1✓ 0+ 0✓ 2+ 2✓")


async def test_what_is_no_dump_is_refused(world: World):
    """An id alone is not a saga, nor is a text that was not read."""
    async with world.open() as sec:
        with pytest.raises(TypeError, match="SagaSerialized, or an id, a dag and events"):
            await sec.saga_resume(ids(1)[0])
        with pytest.raises(TypeError, match="uuid"):
            await sec.saga_resume("{}")
