"""Schedules of a seed: what all other property tests of the runtime stand on."""

import random

import pytest
import trio

from support.crash import Job, World, job_id
from support.graphs import ActionSpec, SagaSpec
from support.schedule import RANDOM, SCHEDULER, SORTED_FIRST, Steps, run, seeded


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
        assert run(who_runs_when, seed=seed) == run(who_runs_when, seed=seed)


def test_different_seeds_give_different_schedules():
    """No two of twenty seeds give the same order of eight tasks."""
    assert len({tuple(run(who_runs_when, seed=seed)) for seed in range(20)}) == 20


def test_a_whole_sec_runs_by_its_seed():
    """With many actions side by side, all tasks take the same steps, and others by another."""
    spec = SagaSpec((tuple(ActionSpec(f"n{n}") for n in range(6)), (ActionSpec("last"),)))

    def names(seed: int) -> list[str]:
        world, steps = World(), Steps()
        world.jobs = {job_id(number): Job(spec) for number in range(3)}

        async def live() -> None:
            with steps.counting():
                await world.live([])

        run(live, seed=seed)
        return steps.names

    assert len({tuple(names(seed)) for seed in range(10)}) == 10
    assert all(names(seed) == names(seed) for seed in range(10))


def test_the_schedule_of_others_is_left_alone():
    """After `seeded`, Trio's generator and its switch are as they were before."""
    generator = getattr(SCHEDULER, RANDOM)
    before = generator.getstate(), getattr(SCHEDULER, SORTED_FIRST)
    with pytest.raises(KeyError), seeded(3):
        generator.random()
        raise KeyError
    assert (generator.getstate(), getattr(SCHEDULER, SORTED_FIRST)) == before


@pytest.mark.parametrize("name", [RANDOM, SORTED_FIRST])
def test_a_trio_without_the_private_door_is_named(monkeypatch: pytest.MonkeyPatch, name: str):
    """Should Trio drop or rename what decides the schedule, the error says where to look."""
    monkeypatch.delattr(SCHEDULER, name)
    with pytest.raises(
        RuntimeError, match=rf"trio {trio.__version__} has no .*\.{name}.*schedule\.py"
    ):
        seeded(0).__enter__()


def test_a_generator_of_another_kind_is_named(monkeypatch: pytest.MonkeyPatch):
    """What can not be seeded is refused, not seeded in vain."""
    monkeypatch.setattr(SCHEDULER, RANDOM, random)
    with pytest.raises(RuntimeError, match="look how it shuffles tasks now"):
        seeded(0).__enter__()


def test_a_step_can_be_cut_at():
    """`Steps` calls its function before the step of that number, and counts all."""
    seen = []

    async def cut(at: int) -> int:
        with trio.CancelScope() as scope, Steps(at, scope.cancel).counting() as steps:
            await who_runs_when()
        seen.append(scope.cancelled_caught)
        return steps.count

    whole = run(cut, 10_000)
    counts = [run(cut, at) for at in range(whole)]
    assert seen[0] is False
    assert all(at < count for at, count in enumerate(counts))
    assert seen.count(True) >= whole - 2
