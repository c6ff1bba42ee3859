"""
A SEC that is cancelled at any checkpoint at all, and opened again: small sagas, exhaustively.

A run has as many steps as its tasks have pieces between two checkpoints, of all its actors, loaders
and actions. It is cut before the first, the second, and so on, then opened again, and cut again
there; then it is left to finish. Likewise it is left by an exception, left in peace, or taken over.

STENO_CRASH_STRIDE is how many steps lie between two cuts; 1 is every single step, by default it is
11. STENO_CRASH_SEEDS is for how many schedules this is done, 1 by default.
"""

import os
from collections.abc import Callable
from contextlib import suppress
from uuid import uuid5

import attrs
import pytest
import trio

from steno import (
    ActionContext,
    SagaCachedState,
    SagaHaltedError,
    SagaId,
    SagaNotReady,
    SagaNotRunning,
    SagaTakenOver,
    SecClient,
)
from steno.testing.fakes import ActionSpec, ConstantSpec, SagaSpec, SubsagaSpec
from steno.testing.faults import FaultPlan, NodeFault
from steno.testing.schedule import Steps, run_seeded
from support.crash import (
    Crash,
    Job,
    Where,
    World,
    check,
    check_calls,
    check_effects,
    check_end,
    check_log,
    job_id,
)

STRIDE = int(os.environ.get("STENO_CRASH_STRIDE", "11"))
SEEDS = int(os.environ.get("STENO_CRASH_SEEDS", "1"))

OK, FAILED, STUCK = SagaCachedState.SUCCEEDED, SagaCachedState.FAILED, SagaCachedState.STUCK


def actions(*names: str) -> tuple[ActionSpec, ...]:
    return tuple(ActionSpec(name) for name in names)


INNER = SagaSpec((actions("a", "b"), actions("c")))
RICH = SagaSpec(
    (
        actions("first"),  # 0
        (*actions("left", "right"), SubsagaSpec("inner", "first", INNER)),  # 1, 2, 3 to 7
        (ConstantSpec("constant", 5), *actions("beside")),  # 8, 9
        actions("last"),  # 10
    )
)
CREATING = SagaSpec((actions("first"), actions("creates", "beside"), actions("last")))
CHILD = SagaSpec((actions("a", "b"), actions("c")))


def plan(*faults: tuple[int, NodeFault]) -> FaultPlan:
    return FaultPlan(frozenset(faults))


RUNS_WELL = Job(RICH)
FAILS_LATE = Job(RICH, plan((10, NodeFault.ACTION)))
FAILS_BESIDE = Job(RICH, plan((1, NodeFault.ACTION), (5, NodeFault.ACTION)))
GETS_STUCK = Job(RICH, plan((10, NodeFault.ACTION), (1, NodeFault.UNDO), (4, NodeFault.UNDO)))
CREATES = Job(CREATING)
CREATES_AND_FAILS = Job(CREATING, plan((3, NodeFault.ACTION)))


# Actions that do more


async def creates(world: World, ctx: ActionContext[None]) -> None:
    """Create a saga, as an action does that may be called again, and wait for it."""
    child = SagaId(uuid5(ctx.saga_id, ctx.idempotency_key))
    result = await world.sec.saga_run(world.children[child].dag, saga_id=child)
    world.results[child].append(result)
    result.unwrap()


def child_of(parent: SagaId) -> SagaId:
    return SagaId(uuid5(parent, f"{parent}/1/action"))


async def raises_when_cancelled(world: World, ctx: ActionContext[None]) -> None:
    try:
        await trio.sleep(2)
    except trio.Cancelled:
        raise RuntimeError("the cleanup failed") from None  # noqa: ASYNC104 - that is the point


async def groups_when_cancelled(world: World, ctx: ActionContext[None]) -> None:
    async with trio.open_nursery() as nursery:
        nursery.start_soon(raises_when_cancelled, world, ctx)
        await trio.sleep(1)


async def raises_in_finally(world: World, ctx: ActionContext[None]) -> None:
    finished = False
    try:
        await trio.sleep(1)
        finished = True
    finally:
        if not finished:
            raise KeyError("a connection that is gone")


async def returns_when_cancelled(world: World, ctx: ActionContext[None]) -> None:
    with suppress(trio.Cancelled):
        await trio.sleep(1)


async def goes_on_when_cancelled(world: World, ctx: ActionContext[None]) -> None:
    with suppress(trio.Cancelled):
        await trio.sleep(1)
    await trio.sleep(1)


async def cleans_up_slowly(world: World, ctx: ActionContext[None]) -> None:
    try:
        await trio.sleep(1)
    except trio.Cancelled:
        with trio.CancelScope(shield=True, deadline=trio.current_time() + 3):
            await trio.sleep(2)
        raise


async def cancels_its_own(world: World, ctx: ActionContext[None]) -> None:
    with trio.move_on_after(1):
        await trio.sleep_forever()


MESSY = (
    raises_when_cancelled,
    groups_when_cancelled,
    raises_in_finally,
    returns_when_cancelled,
    goes_on_when_cancelled,
    cleans_up_slowly,
    cancels_its_own,
)
CLEANS_UP_BADLY = Job(
    SagaSpec((actions("first"), actions(*(each.__name__ for each in MESSY)), actions("last")))
)
SPECIAL = {each.__name__: each for each in MESSY} | {"creates": creates}


def world_of(*jobs: Job, script: bytes = bytes([3, 1, 4, 2, 0])) -> World:
    world = World(script, special=dict(SPECIAL))
    for number, job in enumerate(jobs):
        world.jobs[job_id(number)] = job
        if job.spec is CREATING:
            world.children[child_of(job_id(number))] = Job(CHILD)
    return world


def cuts(whole: World, first: int = 0) -> range:
    """Return at which steps to cut a run; the more sagas, the fewer, unless it is at each one."""
    return range(first, whole.steps, STRIDE if STRIDE == 1 else STRIDE * len(whole.jobs))


def states(world: World) -> tuple[SagaCachedState, ...]:
    return tuple(world.stored(saga_id).summary.state for saga_id in world.jobs)


CASES: dict[str, tuple[tuple[Job, ...], tuple[SagaCachedState, ...]]] = {
    "runs-well": ((RUNS_WELL,), (OK,)),
    "fails-late": ((FAILS_LATE,), (FAILED,)),
    "fails-beside": ((FAILS_BESIDE,), (FAILED,)),
    "gets-stuck": ((GETS_STUCK,), (STUCK,)),
    "creates": ((CREATES,), (OK,)),
    "creates-and-fails": ((CREATES_AND_FAILS,), (FAILED,)),
    "cleans-up-badly": ((CLEANS_UP_BADLY,), (OK,)),
    "all-at-once": (
        (RUNS_WELL, FAILS_LATE, GETS_STUCK, CREATES, CLEANS_UP_BADLY, FAILS_BESIDE),
        (OK, FAILED, STUCK, OK, OK, FAILED),
    ),
}


@pytest.mark.parametrize("seed", range(SEEDS))
@pytest.mark.parametrize("case", CASES)
def test_a_sec_cancelled_at_any_step_goes_on_when_opened_again(case: str, seed: int):
    """Whatever the step, nothing is lost, nothing is called twice over, and each end is its own."""
    jobs, ends = CASES[case]
    whole = world_of(*jobs)
    run_seeded(whole.live, (), seed=seed)
    check(whole)
    lost = 0
    for step in cuts(whole, seed % STRIDE):
        again = step * 7919 % whole.steps  # the life after that is cut too, somewhere
        world = world_of(*jobs)
        run_seeded(world.live, (Crash(Where.STEP, step), Crash(Where.STEP, again)), seed=seed)
        check(world)
        assert states(world) == ends, f"cut at step {step}, then {again}"
        lost += len(world.lives) > 1
    assert lost >= len(cuts(whole)) - 3  # the last steps have nothing left to cancel


@pytest.mark.parametrize("case", ["runs-well", "fails-beside", "cleans-up-badly"])
def test_a_sec_cancelled_at_two_steps_in_a_row_goes_on(case: str):
    """Cut again and again after a few steps each, a saga gets to its end all the same."""
    jobs, ends = CASES[case]
    for steps in range(40, 160, STRIDE):
        world = world_of(*jobs)
        # Three steps more each time: five lives that are cut in the same call quarantine a saga.
        run_seeded(world.live, [Crash(Where.STEP, steps + 3 * n) for n in range(25)], seed=steps)
        check(world)
        assert states(world) == ends


# Leaving


class Left(Exception):
    """What the body of `open_sec` raises."""


async def body_of(world: World, step: int, error: Left | None) -> None:
    """Start all sagas; leave the SEC at a step, with or without an error."""
    leave = trio.Event()
    with Steps(step, leave.set).counting() as steps:
        async with world.open() as world.sec:
            for saga_id, job in world.jobs.items():
                await world.sec.saga_create(job.dag, saga_id=saga_id, start=True)
            with trio.move_on_after(1000):  # by then all is finished
                await leave.wait()
            if error is not None:
                raise error
    world.steps = steps.count


@pytest.mark.parametrize("case", CASES)
def test_a_sec_left_by_an_exception_at_any_step_goes_on_when_opened_again(case: str):
    """The very exception of the body comes out, whatever the actions make of being cancelled."""
    jobs, ends = CASES[case]
    whole = world_of(*jobs)
    run_seeded(whole.live, ())
    for step in cuts(whole):
        world, error = world_of(*jobs), Left()
        with pytest.raises(Left) as caught:
            run_seeded(body_of, world, step, error, seed=step)
        assert caught.value is error
        run_seeded(world.live, ())
        check(world)
        assert states(world) == ends, f"left at step {step}"


@pytest.mark.parametrize("case", CASES)
def test_a_sec_left_in_peace_at_any_step_finishes_what_runs(case: str):
    """Leaving waits for all that was started, and for what that creates and waits for."""
    jobs, ends = CASES[case]
    whole = world_of(*jobs)
    run_seeded(whole.live, ())
    for step in cuts(whole):
        world = world_of(*jobs)
        run_seeded(body_of, world, step, None, seed=step)
        for saga_id, job in world.jobs.items():
            check_log(job, world.stored(saga_id))
            check_end(job, world.stored(saga_id))
            check_calls(world, saga_id)
            check_effects(world, saga_id)
        assert not world.wrong
        assert states(world) == ends, f"left at step {step}"


async def open_and_leave(world: World) -> None:
    async with world.open() as world.sec:
        pass


@pytest.mark.parametrize("case", CASES)
def test_a_sec_left_at_once_recovers_first_what_a_crash_left(case: str):
    """An empty body is enough: all that was started is recovered and finished."""
    jobs, ends = CASES[case]
    whole = world_of(*jobs)
    run_seeded(whole.live, ())
    for step in cuts(whole):
        world = world_of(*jobs)
        run_seeded(world.one_life, Crash(Where.STEP, step))
        stored = {saga_id: world.store.load(saga_id) for saga_id in world.jobs}
        ready = SagaCachedState.READY
        there = [s for s, saga in stored.items() if saga and saga.summary.state is not ready]
        run_seeded(open_and_leave, world, seed=step)
        ended = [world.stored(saga_id).summary.state for saga_id in there]
        assert ended == [
            end for saga_id, end in zip(world.jobs, ends, strict=True) if saga_id in there
        ]
        assert not world.wrong
    assert len(there) == len(jobs)


@pytest.mark.parametrize("error", [SystemExit, KeyboardInterrupt])
@pytest.mark.parametrize("name", ["first", "left", "right", "a", "b", "c", "beside", "last"])
def test_an_action_that_ends_the_process_fails_nothing(name: str, error: type[BaseException]):
    """What is no `Exception` leaves `open_sec`, as a crash; the action is run again."""

    async def ends(world: World, ctx: ActionContext[None]) -> None:
        if len(world.lives) == 1:
            raise error

    for place, job, end in ((name, RUNS_WELL, OK), (f"~{name}", FAILS_LATE, FAILED)):
        if place == "~last":
            continue  # it has failed, so it is not undone
        world = world_of(job)
        world.special[place] = ends
        with pytest.raises(error):
            run_seeded(world.live, ())
        run_seeded(world.live, ())
        check(world)
        assert states(world) == (end,)


# Taking over


@attrs.define(eq=False)
class TwoSecs:
    """A world in which, at some step, a second SEC of the same name is opened beside the first."""

    world: World
    at: int
    taken_over: int = 0
    steps: int = 0
    _second: trio.Event = attrs.field(factory=trio.Event)

    async def live(self) -> None:
        with Steps(self.at, self._second.set).counting() as steps:
            async with trio.open_nursery() as nursery:
                nursery.start_soon(self._first)
                nursery.start_soon(self._other)
        self.steps = steps.count

    async def _first(self) -> None:
        async with self.world.open() as sec:
            self.world.sec = sec
            await self._run_all(sec, self._give_up)
        self._second.set()

    async def _other(self) -> None:
        await self._second.wait()
        async with self.world.open() as sec:
            self.world.sec = sec
            await self._run_all(sec, self._take)

    async def _run_all(self, sec: SecClient, on_halt: Callable) -> None:
        async with trio.open_nursery() as nursery:
            for saga_id in self.world.jobs:
                nursery.start_soon(self._run_one, sec, saga_id, on_halt)

    async def _run_one(self, sec: SecClient, saga_id: SagaId, on_halt: Callable) -> None:
        try:
            await sec.saga_run(self.world.jobs[saga_id].dag, saga_id=saga_id)
        except SagaHaltedError as halted:
            await on_halt(sec, halted)

    async def _give_up(self, sec: SecClient, halted: SagaHaltedError) -> None:
        self.taken_over += isinstance(halted, SagaTakenOver)

    async def _take(self, sec: SecClient, halted: SagaHaltedError) -> None:
        """Take a saga that the first SEC created when it was not the only one any more."""
        with suppress(SagaNotRunning):  # it has finished it meanwhile
            await sec.saga_recover(halted.saga_id)
        with suppress(SagaNotReady):
            await sec.saga_start(halted.saga_id)
        await sec.saga_wait(halted.saga_id)


@pytest.mark.parametrize(
    "case", ["runs-well", "fails-beside", "gets-stuck", "cleans-up-badly", "all-at-once"]
)
def test_a_second_sec_may_take_over_at_any_step(case: str):
    """The first one's late writes are refused, its waiters are told, and each end is its own."""
    jobs, ends = CASES[case]
    jobs, ends = zip(
        *[(j, e) for j, e in zip(jobs, ends, strict=True) if j.spec is not CREATING], strict=True
    )
    whole = TwoSecs(world_of(*jobs), 10**9)
    run_seeded(whole.live)
    taken_over = 0
    for step in range(0, whole.steps, cuts(whole.world).step):
        both = TwoSecs(world_of(*jobs), step)
        run_seeded(both.live, seed=step)
        taken_over += both.taken_over
        for number, end in enumerate(ends):
            saga_id, job = job_id(number), jobs[number]
            stored = both.world.stored(saga_id)
            check_log(job, stored)
            check_end(job, stored)
            check_calls(both.world, saga_id)
            check_effects(both.world, saga_id)
            assert stored.summary.state is end, f"taken over at step {step}"
    assert taken_over > whole.steps / cuts(whole.world).step / 4
