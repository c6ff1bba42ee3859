"""What a SEC does, when it is opened, with what an earlier one has left."""

from collections.abc import Callable, Sequence
from contextlib import suppress

import pytest
import trio
from trio.testing import wait_all_tasks_blocked

import steno
from steno.testing.notation import events
from support.timed import TimedWorld, retry
from support.worlds import World, each_time, hangs, nothing, raises, takes

NO = ValueError("no")


async def leave(world: World, *dags: steno.SagaDag, ready: int = 0) -> list[steno.SagaId]:
    """Create sagas, start all but the last `ready`, and crash when nothing moves any more."""
    async with world.doomed() as sec:
        handles = [await sec.saga_create(dag) for dag in dags]
        for handle in handles[: len(handles) - ready]:
            await handle.start()
        await wait_all_tasks_blocked()
    return [handle.saga_id for handle in handles]


# Recovery


async def test_every_unfinished_saga_is_recovered(world: World):
    """Running and unwinding sagas go on; one that was never started stays ready."""
    world.does("a", each_time(hangs, nothing))
    world.does("c", raises(NO))
    world.undoes("b", each_time(hangs, nothing))
    running, unwinding, ready = await leave(
        world, world.saga("a"), world.saga("b", "c"), world.saga("d"), ready=1
    )
    assert [world.store.state(s) for s in (running, unwinding, ready)] == [
        "running",
        "unwinding",
        "ready",
    ]
    async with world.open() as sec:
        assert (await sec.saga_wait(running)).unwrap()
        assert (await sec.saga_wait(unwinding)).error_node_name == "c"
        assert isinstance((await sec.saga_get(ready)).state, steno.SagaReady)
        assert "d" not in world.calls
        await sec.saga_start(ready)
        assert (await sec.saga_wait(ready)).unwrap().saga_output() == "d!"
    assert world.store.log(running) == "1+ 1✓ 0+ 0✓ 2+ 2✓"
    assert world.store.log(unwinding) == "2+ 2✓ 0+ 0✓ 1+ 1✗ 0- 0∅ 2- 2∅"


async def test_a_finished_saga_is_not_touched(world: World):
    """Its log gains no event, and nothing of it is called again."""
    async with world.open() as sec:
        result = await sec.saga_run(world.saga("a"))
    before = world.store.row(result.saga_id)
    async with world.open() as sec:
        await wait_all_tasks_blocked()
        again = await sec.saga_wait(result.saga_id)
    assert again.unwrap().saga_output() == "a!"
    assert world.store.row(result.saga_id) == before
    assert world.calls == ["a"]


async def test_opening_runs_recovery_behind_the_body(world: World):
    """The body runs at once; until a saga is loaded it shows as ready, and commands on it wait."""
    world.does("b", each_time(hangs, nothing))
    (saga_id,) = await leave(world, world.saga("a", "b", "c"))

    async def slowly(method: str) -> None:
        if method == "load":
            await trio.sleep(100)

    world.store.reading = slowly
    async with world.open() as sec, trio.open_nursery() as nursery:
        assert trio.current_time() == 0
        assert sec.statistics().pending == 1
        log = []

        async def note(what: str, command: Callable[[], object]) -> None:
            try:
                await command()
            except steno.StenoError as error:
                what += f": {error}"
            log.append((trio.current_time(), what))

        nursery.start_soon(note, "start", lambda: sec.saga_start(saga_id))
        nursery.start_soon(note, "wait", lambda: sec.saga_wait(saga_id))
        nursery.start_soon(note, "recover", lambda: sec.saga_recover(saga_id))
        await trio.sleep(50)
        world.store.reading = None
        view = await sec.saga_get(saga_id)
        assert trio.current_time() == 50
        assert isinstance(view.state, steno.SagaReady)
        states = [view.state.status.node_state(name).value for name in "abc"]
        assert states == ["done", "queued-todo", "blocked"]
        assert log == []
    assert sorted(log) == [
        (100, "recover"),
        (100, f'start: saga not in "ready" state: {saga_id}'),
        (100, "wait"),
    ]


async def test_so_many_are_loaded_at_a_time(world: World):
    """`recover_concurrency` bounds the loads that are under way, and is made use of."""
    world.does("a", each_time(*[hangs] * 10, nothing))
    sagas = await leave(world, *[world.saga("a") for _ in range(10)])
    loading, most = 0, 0

    async def count(method: str) -> None:
        nonlocal loading, most
        if method == "load":
            loading += 1
            most = max(most, loading)
            await trio.sleep(1)
            loading -= 1

    world.store.reading = count
    async with world.open(recover_concurrency=3):
        pass
    assert most == 3
    assert trio.current_time() == 4
    assert {world.store.state(saga) for saga in sagas} == {"succeeded"}


async def test_a_saga_may_be_recovered_without_being_watched(world: World):
    """A SEC that is left at once has finished what it recovered."""
    world.does("a", each_time(hangs, takes(10)))
    (saga_id,) = await leave(world, world.saga("a", "b"))
    async with world.open():
        pass
    assert world.store.state(saga_id) == "succeeded"


async def test_recovering_twice_is_recovering_once(world: World):
    """A saga that crashed again and again, but not too often, ends as if it never had."""
    world.does("b", each_time(*[hangs] * 4, nothing))
    (saga_id,) = await leave(world, world.saga("a", "b", "c"))
    for _ in range(3):
        async with world.doomed():
            await wait_all_tasks_blocked()
    await world.finish(saga_id)
    assert world.calls == ["a", *["b"] * 5, "c"]
    assert world.store.log(saga_id) == "3+ 3✓ 0+ 0✓ 1+ 1✓ 2+ 2✓ 4+ 4✓"


# Without recovery


async def test_without_recovery_sagas_stand_still(world: World):
    """With `recover=False` nothing runs, and every command says what can be done."""
    world.does("a", each_time(hangs, nothing))
    running, ready = await leave(world, world.saga("a"), world.saga("b"), ready=1)
    del world.trace[:]
    async with world.open(recover=False) as sec:
        await trio.sleep(1000)
        assert world.trace == []
        assert [s.state.value for s in await sec.saga_list(states=None)].count("succeeded") == 0
        for saga_id, state in (running, "queued-todo"), (ready, "blocked"):
            view = await sec.saga_get(saga_id)
            assert isinstance(view.state, steno.SagaHalted)
            assert "recover=False" in view.state.problem
            assert "saga_recover" in view.state.problem
            assert view.state.status.node_state(0).value == state
            assert view.serialized().saga_id == saga_id
            with pytest.raises(steno.SagaHaltedError, match="saga_recover"):
                await sec.saga_wait(saga_id)
        with pytest.raises(steno.SagaHaltedError, match="saga_recover"):
            await sec.saga_start(running)


async def test_saga_recover_loads_one(world: World):
    """Of the sagas that stand still; the others go on standing."""
    world.does("a", each_time(hangs, nothing))
    world.does("b", hangs)
    one, other = await leave(world, world.saga("a"), world.saga("b"))
    async with world.open(recover=False) as sec:
        handle = await sec.saga_recover(one)
        assert handle.saga_id == one
        (await handle.wait()).unwrap()
    assert world.store.state(other) == "running"
    assert world.calls == ["a", "b", "a"]


async def test_a_handle_recovers_its_saga(world: World):
    """It is that saga afterwards, and runs."""
    world.does("a", each_time(hangs, nothing))
    (one,) = await leave(world, world.saga("a"))
    async with world.open(recover=False) as sec:
        saga = sec.saga_handle(one)
        await saga.recover()
        (await saga.wait()).unwrap()
    assert world.calls == ["a", "a"]


async def test_saga_recover_of_a_running_or_ready_saga(world: World):
    """A running saga goes on undisturbed, and a ready one stays ready."""
    world.does("a", takes(10))
    async with world.open() as sec:
        saga = await sec.saga_create(world.saga("a"))
        await sec.saga_recover(saga.saga_id)
        assert sec.statistics().ready == 1
        await saga.start()
        await trio.sleep(5)
        await sec.saga_recover(saga.saga_id)
        (await saga.wait()).unwrap()
        assert trio.current_time() == 10
    assert world.calls == ["a"]


async def test_saga_recover_by_many_at_once_is_one_recovery(world: World):
    """They all get the saga, which is loaded once."""
    (saga_id,) = await leave(world, world.saga("a"), ready=1)
    async with world.open(recover=False) as sec:
        async with trio.open_nursery() as nursery:
            for _ in range(10):
                nursery.start_soon(sec.saga_recover, saga_id)
        await sec.saga_start(saga_id)
        (await sec.saga_wait(saga_id)).unwrap()
    assert world.calls == ["a"]
    assert world.store.row(saga_id).fence.generation == 3  # created, taken over, recovered


@pytest.mark.parametrize("evicted", [False, True])
async def test_saga_recover_of_a_finished_saga_is_refused(world: World, *, evicted: bool):
    """There is nothing to be recovered."""
    async with world.open() as sec:
        result = await sec.saga_run(world.saga("a"))
        if evicted:
            for _ in range(101):
                await sec.saga_run(world.saga("b"))
        with pytest.raises(steno.SagaNotRunning, match=f"saga is not running: {result.saga_id}"):
            await sec.saga_recover(result.saga_id)


# Other names


async def test_a_sec_leaves_alone_what_belongs_to_another_name(world: World):
    """The name is a durable identity; only `saga_recover` takes over what is another's."""
    async with world.doomed(sec_name="one") as sec:
        saga = await sec.saga_create(world.saga("a"))
    async with world.open(sec_name="two") as sec:
        await trio.sleep(100)
        assert world.calls == []
        view = await sec.saga_get(saga.saga_id)
        assert view.state.problem == (
            'it belongs to the SEC "one"; if that SEC is gone, saga_recover takes it over'
        )
        with pytest.raises(steno.SagaHaltedError, match='belongs to the SEC "one"'):
            await sec.saga_wait(saga.saga_id)
        await sec.saga_recover(saga.saga_id)
        await sec.saga_start(saga.saga_id)
        (await sec.saga_wait(saga.saga_id)).unwrap()
    assert world.store.row(saga.saga_id).fence.sec_name == "two"


# Quarantine


def unknown_action(world: World, _: steno.SagaId) -> Callable[[], None]:
    known, world.registry = world.registry, steno.ActionRegistry()
    world.registry.register(known.get("fine"))
    return lambda: setattr(world, "registry", known)


def forgotten_undo(world: World, _: steno.SagaId) -> Callable[[], None]:
    known, world.registry = world.registry, steno.ActionRegistry()
    world.registry.register(known.get("fine"))
    world.registry.register(known.get("b"))
    world.registry.action(name="a")(nothing)
    return lambda: setattr(world, "registry", known)


def corrupt_graph(world: World, saga_id: steno.SagaId) -> Callable[[], None]:
    return world.store.spoil_graph(saga_id, '{"saga_name": "test", "nodes": [[0, "Nonsense"]]}')


def no_json(world: World, saga_id: steno.SagaId) -> Callable[[], None]:
    return world.store.spoil_graph(saga_id, "{")


def corrupt_log(text: str) -> Callable[[World, steno.SagaId], Callable[[], None]]:
    def corrupt(world: World, saga_id: steno.SagaId) -> Callable[[], None]:
        return world.store.spoil_log(saga_id, events(text, saga_id))

    return corrupt


def foreign_log(world: World, saga_id: steno.SagaId) -> Callable[[], None]:
    return world.store.spoil_log(saga_id, events("2+"))


FAULTS = [
    (unknown_action, 'validating saga "test": action for node "a" not registered: "a"', True),
    (forgotten_undo, 'action "a" of node "a" has no undo', True),
    (corrupt_graph, "malformed saga dump", False),
    (no_json, "malformed saga dump", False),
    (corrupt_log("2+ 2+"), "event type started is illegal with current load status", False),
    (corrupt_log("2+ 2✓ 1+"), "node 0, on which it depends, has not succeeded", False),
    (corrupt_log("9+"), "the saga has the nodes 0 to 3", False),
    (foreign_log, "found an event in the log for a different saga (049b2522-", False),
]

IDS = ["action", "undo", "graph", "no json", "illegal", "causeless", "no node", "foreign"]


@pytest.mark.parametrize(("spoil", "why", "readable"), FAULTS, ids=IDS)
async def test_a_saga_that_cannot_be_loaded_is_put_in_quarantine(
    world: World, spoil: Callable[..., Callable[[], None]], why: str, *, readable: bool
):
    """
    It keeps its state, gets a problem text, and hurts no other saga.

    Every command on it says what the problem is; each open tries again, and when it can be loaded
    it goes on, and the problem is gone.
    """
    world.does("a", each_time(hangs, nothing))
    saga_id, fine = await leave(
        world, world.saga("a", "b"), world.saga("fine", name="fine"), ready=1
    )
    mend = spoil(world, saga_id)
    log = world.store.row(saga_id).events
    for _ in range(2):
        async with world.open() as sec:
            with suppress(steno.SagaNotReady):
                await sec.saga_start(fine)
            assert (await sec.saga_wait(fine)).unwrap()
            for command in (sec.saga_wait, sec.saga_start, sec.saga_recover):
                with pytest.raises(steno.SagaHaltedError) as halted:
                    await command(saga_id)
                assert why in halted.value.problem
                assert str(halted.value).startswith(f"saga {saga_id} is halted: it could not be ")
            view = await sec.saga_get(saga_id)
            assert sec.statistics().halted == 1
            (listed,) = await sec.saga_list(name="test")
        assert isinstance(view.state, steno.SagaHalted)
        assert view.saga_name == "test"
        assert why in view.state.problem
        assert (view.state.status is not None) == readable
        assert view.state.problem == world.store.problem(saga_id) == listed.problem
        assert listed.state is steno.SagaCachedState.RUNNING
        assert world.store.row(saga_id).events == log
    mend()
    (await world.finish(saga_id)).unwrap()
    assert world.store.problem(saga_id) is None
    assert world.store.state(saga_id) == "succeeded"


@pytest.mark.parametrize("spoil", [corrupt_graph, corrupt_log("2+ 2+")], ids=["graph", "log"])
async def test_a_saga_that_cannot_be_read_cannot_be_dumped(
    world: World, spoil: Callable[..., Callable[[], None]]
):
    """Its view has no log to give; to say so is better than to give a wrong one."""
    (saga_id,) = await leave(world, world.saga("a", "b"), ready=1)
    spoil(world, saga_id)
    async with world.open() as sec:
        view = await sec.saga_get(saga_id)
    with pytest.raises(steno.RecoveryError, match="cannot be dumped"):
        view.serialized()


@pytest.mark.parametrize("spoil", [corrupt_graph, corrupt_log("2+ 2+")], ids=["graph", "log"])
async def test_an_injection_into_a_saga_in_quarantine_is_refused(
    world: World, spoil: Callable[..., Callable[[], None]]
):
    """It is not running, and the error says why."""
    (saga_id,) = await leave(world, world.saga("a", "b"), ready=1)
    spoil(world, saga_id)
    async with world.open() as sec:
        with pytest.raises(steno.SagaHaltedError, match="could not be loaded"):
            await sec.saga_inject_error(saga_id, "a")


async def test_a_context_that_cannot_be_made_is_a_problem_of_its_saga_alone(world: World):
    """`make_context` is user code, and may raise; the saga waits until it does no more."""
    bad, good = await leave(
        world, world.saga("a", params="bad"), world.saga("a", params="good"), ready=2
    )

    def make(_: object, __: object, params: Sequence[str]) -> object:
        if params == "bad":
            raise KeyError(params)
        return world

    async with world.open(make_context=make) as sec:
        await sec.saga_start(good)
        (await sec.saga_wait(good)).unwrap()
        with pytest.raises(steno.SagaHaltedError, match="KeyError: 'bad'") as halted:
            await sec.saga_wait(bad)
    assert world.store.problem(bad) == halted.value.problem
    assert world.store.state(bad) == "ready"
    (await world.finish(bad)).unwrap()
    assert world.store.problem(bad) is None


class Mute(Exception):
    def __str__(self) -> str:
        raise RuntimeError("I am mute")


async def test_an_error_of_make_context_that_cannot_be_shown_is_a_problem_like_any_other(
    world: World,
):
    """Whatever user code raises, it takes down neither the SEC nor another saga."""
    bad, good = await leave(
        world, world.saga("a", params="bad"), world.saga("a", params="good"), ready=2
    )

    def make(_: object, __: object, params: Sequence[str]) -> object:
        if params == "bad":
            raise Mute
        return world

    async with world.open(make_context=make) as sec:
        await sec.saga_start(good)
        (await sec.saga_wait(good)).unwrap()
        with pytest.raises(steno.SagaHaltedError, match="could not be loaded: .*Mute"):
            await sec.saga_wait(bad)


async def test_a_saga_in_quarantine_is_recovered_when_it_is_mended(world: World):
    """`saga_recover` loads it within the same SEC, and the problem is gone."""
    (saga_id,) = await leave(world, world.saga("a", "b"), ready=1)
    mend = corrupt_log("2+ 2+")(world, saga_id)
    async with world.open() as sec:
        with pytest.raises(steno.SagaHaltedError) as halted:
            await sec.saga_recover(saga_id)
        assert isinstance(halted.value.__cause__, steno.IllegalEvent)
        mend()
        await sec.saga_recover(saga_id)
        assert sec.statistics().halted == 0
        await sec.saga_start(saga_id)
        (await sec.saga_wait(saga_id)).unwrap()
    assert world.store.problem(saga_id) is None


async def test_two_sagas_in_quarantine_are_both_noted_by_a_slow_store(world: World):
    """A SEC is left when the notes are written, however slowly, and it is left."""
    sagas = await leave(world, world.saga("a"), world.saga("b"), world.saga("c"), ready=3)
    for saga_id in sagas:
        corrupt_log("7+")(world, saga_id)
    number = 0

    async def one_after_another(method: str) -> None:
        nonlocal number
        if method == "load":
            number += 1
            await trio.sleep(number)

    world.store.reading = one_after_another
    world.store.then = takes_time
    async with world.open():
        pass
    assert all("nodes 0 to 2" in world.store.problem(saga_id) for saga_id in sagas)


async def takes_time(write: Callable, batch: Sequence) -> object:
    await trio.sleep(10)
    return await write(batch)


async def test_a_store_that_cannot_be_read_for_a_while_is_read_again(world: World):
    """Loading has the same patience as writing."""
    (saga_id,) = await leave(world, world.saga("a"), ready=1)

    async def away_for_50_seconds(method: str) -> None:
        if method == "load" and trio.current_time() < 50:
            raise steno.StoreUnavailable("away")

    world.store.reading = away_for_50_seconds
    (await world.finish(saga_id)).unwrap()
    assert trio.current_time() >= 50


async def test_a_store_that_cannot_be_read_for_long_leaves_the_saga_for_later(world: World):
    """When patience ends the saga stands still, until it is recovered."""
    (saga_id,) = await leave(world, world.saga("a"), ready=1)

    async def away(method: str) -> None:
        if method in {"load", "claim"}:
            raise steno.StoreUnavailable("away")

    world.store.reading = away
    async with world.open(store_patience=7) as sec:
        await trio.sleep(6)
        assert sec.statistics().pending == 1
        await trio.sleep(2)
        assert sec.statistics().pending == 0
        with pytest.raises(steno.StoreUnavailable):
            await sec.saga_recover(saga_id)
        assert trio.current_time() == 15
        world.store.reading = None
        with pytest.raises(steno.SagaHaltedError, match="could not be loaded: away"):
            await sec.saga_wait(saga_id)
        await sec.saga_recover(saga_id)
        await sec.saga_start(saga_id)
        (await sec.saga_wait(saga_id)).unwrap()
    assert world.store.problem(saga_id) is None


# What waits


async def test_saga_recover_takes_up_what_waits(timed: TimedWorld):
    """A node that the build could not do is due then, and one that backs off at its time."""
    timed.declare("b", retry=retry(2, wait_initial=1000))
    timed.does("a", each_time(raises(steno.Hold("no")), nothing))
    timed.does("b", each_time(raises(NO), nothing))
    held, backing_off = await leave(timed, timed.saga("a"), timed.saga("b"))
    async with timed.open(recover=False) as sec:
        await trio.sleep(10)
        for saga_id in (held, backing_off):
            await sec.saga_recover(saga_id)
        for saga_id in (held, backing_off):
            (await sec.saga_wait(saga_id)).unwrap()
    assert sorted(timed.attempts) == [("a", 1, 0), ("a", 2, 10), ("b", 1, 0), ("b", 2, 1000)]


async def test_a_view_of_a_saga_that_waits_and_is_not_run(timed: TimedWorld):
    """It shows what its nodes wait for."""
    timed.declare("a", retry=retry(2, wait_initial=1000))
    timed.does("a", raises(NO))
    (saga_id,) = await leave(timed, timed.saga("a"))
    async with timed.open(recover=False) as sec:
        view = await sec.saga_get(saga_id)
    assert view.state.status.node_state("a").value == "backing-off"
    assert view.state.status.attempts[0].next is not None


async def test_a_build_whose_action_leaves_open_what_a_timeout_means(timed: TimedWorld):
    """Its sagas are not loaded, and say why; an earlier build goes on with them."""
    timed.does("a", each_time(hangs, nothing))
    (saga_id,) = await leave(timed, timed.saga("a"))
    timed.rebuild()
    timed.declare("a", timeout=5)
    async with timed.open() as sec:
        with pytest.raises(steno.SagaHaltedError, match="has a timeout, and does not say"):
            await sec.saga_wait(saga_id)
    timed.rebuild()
    timed.declare("a")
    (await timed.finish(saga_id)).unwrap()


@pytest.mark.parametrize("moment", range(12))
async def test_a_saga_that_is_loaded_while_the_sec_is_left(moment: int):
    """It is recovered, whether it was loaded before, at the same time, or after."""
    for _ in range(20):  # Trio shuffles what runs at the same time
        world = TimedWorld()
        world.does("a", each_time(hangs, nothing))
        async with world.doomed() as sec:
            saga = await sec.saga_create(world.saga("a"), start=True)
            await wait_all_tasks_blocked()
        async with world.open():
            for _ in range(moment):
                await trio.lowlevel.checkpoint()
        assert world.store.state(saga.saga_id) == "succeeded"
