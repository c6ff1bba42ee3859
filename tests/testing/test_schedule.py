"""Schedules of a seed: what all other property tests of the runtime stand on."""

import random
import threading
from collections.abc import Callable

import pytest
import trio

from steno.testing.fakes import ActionSpec, SagaSpec
from steno.testing.schedule import Steps, _seeded, check_schedule, run_seeded, seeded
from steno.testing.schedule._seeded import RANDOM, SCHEDULER, SORTED_FIRST
from support.crash import Job, World, job_id


async def who_runs_when(count: int = 8, rounds: int = 5) -> list[str]:
    """Let tasks checkpoint side by side; return the names of tasks, step by step."""

    async def work() -> None:
        for _ in range(rounds):
            await trio.lowlevel.checkpoint()

    with Steps().counting() as steps:
        async with trio.open_nursery() as nursery:
            for number in range(count):
                nursery.start_soon(work, name=f"task {number}")
    return steps.names


def test_the_same_seed_gives_the_same_schedule():
    """Every step of every task is in the same place when the run is repeated."""
    for seed in range(20):
        assert run_seeded(who_runs_when, seed=seed) == run_seeded(who_runs_when, seed=seed)


def test_different_seeds_give_different_schedules():
    """No two of twenty seeds give the same order of eight tasks."""
    assert len({tuple(run_seeded(who_runs_when, seed=seed)) for seed in range(20)}) == 20


def test_a_whole_sec_runs_by_its_seed():
    """With many actions side by side, all tasks take the same steps, and others by another."""
    spec = SagaSpec((tuple(ActionSpec(f"n{n}") for n in range(6)), (ActionSpec("last"),)))

    def names(seed: int) -> list[str]:
        world, steps = World(), Steps()
        world.jobs = {job_id(number): Job(spec) for number in range(3)}

        async def live() -> None:
            with steps.counting():
                await world.live([])

        run_seeded(live, seed=seed)
        return steps.names

    assert len({tuple(names(seed)) for seed in range(10)}) == 10
    assert all(names(seed) == names(seed) for seed in range(10))


def test_a_schedule_is_its_own_in_a_thread_beside_others():
    """In workers, side by side and under a Trio that is busy, the steps are those of the seed."""
    alone = {seed: run_seeded(who_runs_when, seed=seed) for seed in range(6)}
    beside: dict[int, list[str]] = {}

    def in_thread(seed: int) -> None:
        beside[seed] = run_seeded(who_runs_when, seed=seed)

    async def busy() -> None:
        async with trio.open_nursery() as noise:
            for _ in range(4):
                noise.start_soon(checkpoint_for_ever)
            async with trio.open_nursery() as threads:
                for seed in alone:
                    threads.start_soon(trio.to_thread.run_sync, in_thread, seed)
            noise.cancel_scope.cancel()

    async def checkpoint_for_ever() -> None:
        while True:  # noqa: ASYNC110 - it waits for nothing: it is to keep Trio busy
            await trio.lowlevel.checkpoint()

    trio.run(busy)
    assert beside == alone


def test_a_schedule_inside_another_leaves_that_one_alone():
    """What is run within `seeded` goes on as if nothing had been seeded in between."""

    def draws(*, between: bool) -> tuple[list[str], list[str]]:
        with seeded(5):
            first = trio.run(who_runs_when)
            if between:
                run_seeded(who_runs_when, seed=9)
            return first, trio.run(who_runs_when)

    assert draws(between=True) == draws(between=False)


def test_the_schedule_of_others_is_left_alone():
    """After `seeded`, Trio's generator and its switch are as they were before."""
    generator = getattr(SCHEDULER, RANDOM)
    state, switch = generator.getstate(), getattr(SCHEDULER, SORTED_FIRST)
    with pytest.raises(KeyError), seeded(3):
        drawn = getattr(SCHEDULER, RANDOM)
        drawn.random(), drawn.shuffle([1, 2, 3])
        with seeded(4):
            drawn.random()
        assert getattr(SCHEDULER, RANDOM) is drawn
        raise KeyError
    assert getattr(SCHEDULER, RANDOM) is generator
    assert (generator.getstate(), getattr(SCHEDULER, SORTED_FIRST)) == (state, switch)


def test_a_thread_without_a_seed_draws_from_the_generator_of_trio():
    """A generator that was registered elsewhere is used as before."""
    generator, drawn = getattr(SCHEDULER, RANDOM), []

    def draw() -> None:
        drawn.extend(getattr(SCHEDULER, RANDOM).random() for _ in range(5))

    state = generator.getstate()
    with seeded(3):
        thread = threading.Thread(target=draw)
        thread.start()
        thread.join()
    generator.setstate(state)
    assert drawn == [generator.random() for _ in range(5)]


@pytest.mark.parametrize("name", [RANDOM, SORTED_FIRST])
def test_a_trio_without_the_private_door_is_named(monkeypatch: pytest.MonkeyPatch, name: str):
    """Should Trio drop or rename what decides the schedule, the error says where to look."""
    monkeypatch.delattr(SCHEDULER, name)
    with pytest.raises(
        RuntimeError, match=rf"trio {trio.__version__} has no .*\.{name}.*_seeded\.py"
    ):
        seeded(0).__enter__()


def test_a_generator_of_another_kind_is_named(monkeypatch: pytest.MonkeyPatch):
    """What cannot be seeded is refused, not seeded in vain."""
    monkeypatch.setattr(SCHEDULER, RANDOM, random)
    with pytest.raises(RuntimeError, match="see how it shuffles tasks now"):
        seeded(0).__enter__()


def test_the_self_test_passes_with_this_version_of_trio():
    """It says nothing, and leaves nothing behind."""
    before = getattr(SCHEDULER, RANDOM)
    check_schedule()
    assert getattr(SCHEDULER, RANDOM) is before


def in_the_order_of_a_coin(run: Callable) -> Callable:
    """Stand for a Trio whose schedule does not only depend on what it once did."""
    coin = random.Random(1)
    return lambda fn, **kwargs: run(fn, seed=coin.randrange(1000))


def in_one_order(run: Callable) -> Callable:
    """Stand for a Trio that does not shuffle at all."""
    return lambda fn, **kwargs: run(fn, seed=0)


@pytest.mark.parametrize("other", [in_the_order_of_a_coin, in_one_order])
def test_the_self_test_finds_a_trio_that_shuffles_otherwise(
    monkeypatch: pytest.MonkeyPatch, other: Callable
):
    """Names that are still there, and decide nothing any more, or not all, are found out."""
    monkeypatch.setattr(_seeded, "run_seeded", other(run_seeded))
    with pytest.raises(RuntimeError, match="does not decide by what it had"):
        check_schedule()


def test_what_waits_for_nothing_is_given_up():
    """The virtual clock gets to the end of patience at once."""
    with pytest.raises(trio.TooSlowError):
        run_seeded(trio.sleep_forever)
    with pytest.raises(trio.TooSlowError):
        run_seeded(trio.sleep, 61, patience=60)
    assert run_seeded(trio.sleep, 59, patience=60) is None


def test_a_step_can_be_cut_at():
    """`Steps` calls its function before the step of that number, and counts all."""
    seen = []

    async def cut(at: int) -> int:
        with trio.CancelScope() as scope, Steps(at, scope.cancel).counting() as steps:
            await who_runs_when()
        seen.append(scope.cancelled_caught)
        return steps.count

    whole = run_seeded(cut, 10_000)
    counts = [run_seeded(cut, at) for at in range(whole)]
    assert seen[0] is False
    assert all(at < count for at, count in enumerate(counts))
    assert seen.count(True) >= whole - 2
