"""One saga's fault stays its own: it halts that saga, and nobody else notices."""

import logging
from collections.abc import Callable

import pytest
import trio
from trio.testing import wait_all_tasks_blocked

import steno
from steno.core import SagaMachine
from support.worlds import Behaviour, Context, World, each_time, nothing, takes


async def halts(world: World, why: str) -> None:
    """Run a saga beside another; show that it halts for a reason, and that the other does not."""
    world.does("fine", takes(10))
    async with world.open() as sec:
        fine = await sec.saga_create(world.saga("fine", "fine2"), start=True)
        saga = await sec.saga_create(world.saga(["a", "beside"], "b"), start=True)
        with pytest.raises(steno.SagaHaltedError, match=why) as halted:
            await saga.wait()
        (await fine.wait()).unwrap()
        assert sec.statistics().halted == 1
        view = await saga.view()
        assert isinstance(view.state, steno.SagaHalted)
        assert view.state.problem == halted.value.problem
    assert world.store.problem(saga.saga_id) == halted.value.problem
    assert world.store.state(saga.saga_id) == "running"
    assert "✗" not in world.store.log(saga.saga_id)
    (await world.finish(saga.saga_id)).unwrap()
    assert world.store.problem(saga.saga_id) is None


# What an action does to Trio


async def leaves_a_nursery_open(_: Context) -> int:
    await trio.open_nursery().__aenter__()
    return 1


async def leaves_a_nursery_with_a_task_open(_: Context) -> int:
    nursery = await trio.open_nursery().__aenter__()
    nursery.start_soon(trio.sleep_forever)
    return 1


async def leaves_a_nursery_open_and_raises(_: Context) -> int:
    await trio.open_nursery().__aenter__()
    raise ValueError("no")


@pytest.mark.parametrize(
    "misuse",
    [
        leaves_a_nursery_open,
        leaves_a_nursery_with_a_task_open,
        leaves_a_nursery_open_and_raises,
    ],
)
async def test_a_nursery_that_an_action_leaves_open_halts_its_saga(world: World, misuse: Behaviour):
    """Trio ends the task with an error; the result of the action is dropped."""
    world.does("a", each_time(misuse, nothing))
    await halts(world, 'the action of node "a" left a nursery open')


async def test_a_nursery_that_an_undo_leaves_open_halts_its_saga(world: World):
    """The saga is neither failed nor stuck; it goes on when it is recovered."""
    world.undoes("a", each_time(leaves_a_nursery_open, nothing))
    async with world.open() as sec:
        saga = await sec.saga_create(world.saga("a", "b"))
        await saga.inject_error("b")
        await saga.start()
        with pytest.raises(steno.SagaHaltedError, match='node "a" left a nursery open'):
            await saga.wait()
        await sec.saga_recover(saga.saga_id)
        assert (await saga.wait()).undo_failure is None


async def cancels_the_nursery_of_its_saga(_: Context) -> None:
    trio.lowlevel.current_task().parent_nursery.cancel_scope.cancel()
    await trio.sleep_forever()


async def cancels_a_scope_that_it_leaves_open(_: Context) -> None:
    scope = trio.CancelScope()
    scope.__enter__()
    scope.cancel()


async def starts_a_task_in_the_nursery_of_its_saga(_: Context) -> None:
    async def fail() -> None:
        raise ZeroDivisionError

    trio.lowlevel.current_task().parent_nursery.start_soon(fail)
    await trio.sleep_forever()


@pytest.mark.parametrize(
    "misuse",
    [
        cancels_the_nursery_of_its_saga,
        cancels_a_scope_that_it_leaves_open,
        starts_a_task_in_the_nursery_of_its_saga,
    ],
)
async def test_an_action_that_tampers_with_scopes_halts_its_saga(world: World, misuse: Behaviour):
    """Whatever an action does to the tasks around it, they are those of its own saga."""
    world.does("a", each_time(misuse, nothing))
    await halts(world, "the engine failed|was not meant for its saga")


# Exceptions whose classes are hostile


class HostileMeta(type):
    def __getattribute__(cls, name: str) -> object:
        if name in {"__name__", "__module__", "__qualname__", "__mro__", "__dict__"}:
            raise RuntimeError(f"no {name}")
        return super().__getattribute__(name)


class Hostile(Exception, metaclass=HostileMeta):
    def __str__(self) -> str:
        raise RuntimeError("no text")


class Elusive(Exception):
    @property
    def __class__(self) -> type:
        raise RuntimeError("no class")


@pytest.mark.parametrize("error", [Hostile, Elusive], ids=["metaclass", "class"])
async def test_an_exception_that_cannot_be_looked_at_hurts_no_other_saga(
    world: World, error: Callable[[], Exception], caplog: pytest.LogCaptureFixture
):
    """Its saga halts or fails; the SEC lives on."""
    caplog.set_level(logging.ERROR, "steno")
    logging.getLogger("steno").propagate = False  # pytest's handler raises what it cannot print

    async def fail(_: Context) -> None:
        raise error()

    world.does("a", each_time(fail, nothing))
    try:
        async with world.open() as sec:
            saga = await sec.saga_create(world.saga("a"), start=True)
            await wait_all_tasks_blocked()
            assert (await sec.saga_run(world.saga("fine"))).unwrap()
            assert sec.statistics().running == 0
            state = (await saga.view()).state
            if error is Hostile:
                assert isinstance(state, steno.SagaHalted)
                assert "the engine failed" in state.problem
            else:
                assert isinstance(state, steno.SagaHalted | steno.SagaDone)
    finally:
        logging.getLogger("steno").propagate = True


# The machinery itself


@pytest.mark.parametrize("method", ["handle", "start"])
async def test_a_machine_that_fails_halts_its_saga(
    world: World, monkeypatch: pytest.MonkeyPatch, method: str
):
    """It runs in the writer's task, which is everybody's."""
    sound = getattr(SagaMachine, method)

    def fail(machine: SagaMachine, *args: object) -> object:
        if machine.dag.saga_name == "bad":
            raise ZeroDivisionError("a bug")
        return sound(machine, *args)

    async with world.open() as sec:
        saga = await sec.saga_create(world.saga("a", name="bad"))
        with monkeypatch.context() as patch:
            patch.setattr(SagaMachine, method, fail)
            with pytest.raises(steno.SagaHaltedError, match="ZeroDivisionError: a bug") as halted:
                await saga.start()
                await saga.wait()
            assert (await sec.saga_run(world.saga("a"))).unwrap()
        assert isinstance(halted.value.__cause__, steno.InternalError)
        assert isinstance(halted.value.__cause__.__cause__, ZeroDivisionError)
    assert "a bug" in world.store.problem(saga.saga_id)
    (await world.finish(saga.saga_id)).unwrap()


async def test_what_follows_from_a_durable_step_and_fails_halts_its_saga(
    world: World, monkeypatch: pytest.MonkeyPatch
):
    """It is durable all the same, and the saga goes on from there when it is recovered."""
    from steno.runtime._executor import SagaExecutor  # noqa: PLC0415 - to break it

    sound = SagaExecutor._carry_out  # noqa: SLF001 - as above

    def fail(executor: SagaExecutor, step: steno.core.Step, nursery: trio.Nursery) -> None:
        if executor.machine.dag.saga_name == "bad":
            raise ZeroDivisionError("a bug")
        sound(executor, step, nursery)

    async with world.open() as sec:
        saga = await sec.saga_create(world.saga("a", name="bad"))
        with monkeypatch.context() as patch:
            patch.setattr(SagaExecutor, "_carry_out", fail)
            with pytest.raises(steno.SagaHaltedError, match="a bug"):
                await saga.start()
            assert (await sec.saga_run(world.saga("a"))).unwrap()
        assert world.store.log(saga.saga_id) == "1+ 1✓ 0+"
        await sec.saga_recover(saga.saga_id)
        (await saga.wait()).unwrap()


async def test_an_injection_on_which_the_machine_fails_halts_its_saga(
    world: World, monkeypatch: pytest.MonkeyPatch
):
    """The coordinator, which hands it over, goes on."""

    def fail(*_: object) -> None:
        raise ZeroDivisionError("a bug")

    world.does("a", takes(10))
    async with world.open() as sec:
        saga = await sec.saga_create(world.saga("a", "b"), start=True)
        with monkeypatch.context() as patch:
            patch.setattr(SagaMachine, "handle", fail)
            with pytest.raises(steno.SagaHaltedError, match="a bug"):
                await saga.inject_error("b")
        with pytest.raises(steno.SagaHaltedError, match="a bug"):
            await saga.wait()
        assert (await sec.saga_run(world.saga("b"))).unwrap()


async def test_a_saga_that_comes_to_rest_unfinished_halts(
    world: World, monkeypatch: pytest.MonkeyPatch
):
    """Rather than that its waiters wait for ever."""
    from steno.core import Step  # noqa: PLC0415 - as above

    sound = SagaMachine.handle
    monkeypatch.setattr(SagaMachine, "handle", lambda *args: Step(sound(*args).record, ()))
    async with world.open() as sec:
        saga = await sec.saga_create(world.saga("a", "b"), start=True)
        with pytest.raises(steno.SagaHaltedError, match="nothing of the saga is under way"):
            await saga.wait()
