"""The timer: one task for all times, by a clock that may be set."""

import attrs
import pytest
import trio
from trio.testing import wait_all_tasks_blocked

from steno.core import SagaNodeId, Timestamp
from steno.runtime._timer import Timer

NODE = SagaNodeId(0)


@attrs.define(eq=False)
class Sleeper:
    """Notes when it is told, by Trio's clock, and of which node."""

    told: list[tuple[float, int]] = attrs.field(factory=list)
    over: bool = False

    def due(self, node: SagaNodeId) -> None:
        self.told.append((round(trio.current_time(), 3), node))


@attrs.define(eq=False)
class Clock:
    """A clock that goes with Trio's, and can be set."""

    ahead: float = 0.0

    def now(self) -> Timestamp:
        return at(trio.current_time() + self.ahead)


def at(seconds: float) -> Timestamp:
    return Timestamp(int(seconds * 1_000_000))


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
async def timer(clock: Clock, nursery: trio.Nursery) -> Timer:
    """Return a timer that runs."""
    running = Timer(clock.now)
    nursery.start_soon(running.run)
    return running


async def test_each_is_told_at_its_time(timer: Timer):
    """In whatever order they came in, and of its node."""
    sleeper = Sleeper()
    for seconds in (30, 10, 20):
        timer.wait(at(seconds), sleeper, SagaNodeId(seconds))
    await trio.sleep(100)
    assert sleeper.told == [(10, 10), (20, 20), (30, 30)]
    assert len(timer) == 0


async def test_a_time_that_comes_sooner_than_the_others(timer: Timer):
    """It is not slept over."""
    first, second = Sleeper(), Sleeper()
    timer.wait(at(1000), first, NODE)
    await trio.sleep(5)
    timer.wait(at(10), second, NODE)
    timer.wait(at(500), second, NODE)
    await trio.sleep(2000)
    assert first.told == [(1000, 0)]
    assert second.told == [(10, 0), (500, 0)]


async def test_a_time_that_has_passed(timer: Timer):
    """It is told soon, and not while it is asked for."""
    await trio.sleep(50)
    sleeper = Sleeper()
    timer.wait(at(10), sleeper, NODE)
    assert sleeper.told == []
    await wait_all_tasks_blocked()
    assert sleeper.told == [(50, 0)]


async def test_many_at_one_time(timer: Timer):
    """All are told, and other tasks run in between."""
    sleepers = [Sleeper() for _ in range(1000)]
    await trio.sleep(10)
    for sleeper in sleepers:
        timer.wait(at(5), sleeper, NODE)
    rounds = 0
    while len(timer):
        rounds += 1
        await trio.lowlevel.checkpoint()
    assert rounds > 5
    assert all(sleeper.told == [(10, 0)] for sleeper in sleepers)


@pytest.mark.parametrize(
    ("until", "after", "told"),
    [
        (500, 30, 60),  # it looks every minute, if that is not much of what is left
        (10_000, 1500, 1900),  # or when a tenth of what is left has passed
        (2_000_000, 10, 3600),  # or every hour
    ],
)
async def test_a_clock_that_is_set_forward(
    timer: Timer, clock: Clock, until: float, after: float, told: float
):
    """It is looked at now and then, so the time is noticed then."""
    sleeper = Sleeper()
    timer.wait(at(until), sleeper, NODE)
    await trio.sleep(after)
    clock.ahead = 3_000_000
    await trio.sleep(10_000)
    assert sleeper.told == [(told, 0)]


async def test_a_clock_that_is_set_back(timer: Timer, clock: Clock):
    """Nobody is told before the time has come by that clock."""
    sleeper = Sleeper()
    timer.wait(at(100), sleeper, NODE)
    await trio.sleep(50)
    clock.ahead = -1000
    await trio.sleep(500)
    assert sleeper.told == []
    await trio.sleep(1000)
    ((when, _),) = sleeper.told
    assert 1100 <= when <= 1160


async def test_it_does_not_look_at_the_clock_all_the_time(timer: Timer, clock: Clock):
    """A wait of a month takes a few hundred looks."""
    looks = 0
    now = clock.now

    def counted() -> Timestamp:
        nonlocal looks
        looks += 1
        return now()

    timer._now = counted  # noqa: SLF001 - to see what it does
    sleeper = Sleeper()
    timer.wait(at(30 * 86_400), sleeper, NODE)
    await trio.sleep(31 * 86_400 - 1)
    assert sleeper.told == [(30 * 86_400, 0)]
    assert looks < 4000


async def test_entries_of_sagas_that_are_over_are_dropped(timer: Timer):
    """When they are more than half; the others are told as before."""
    living, ended = Sleeper(), Sleeper()
    for number in range(100):
        timer.wait(at(1000 + number), ended if number % 2 else living, SagaNodeId(number))
    timer.wait(at(2000), ended, NODE)
    ended.over = True
    timer.forget(50)
    assert len(timer) == 101
    timer.forget(1)
    assert len(timer) == 50
    await trio.sleep(3000)
    assert ended.told == []
    assert living.told == [(1000 + number, number) for number in range(0, 100, 2)]


async def test_a_saga_that_retries_for_ever_leaves_nothing(timer: Timer):
    """The heap is bounded by what waits, however many sagas have come and gone."""
    for _ in range(1000):
        sleeper = Sleeper()
        for seconds in range(10):
            timer.wait(at(10_000 + seconds), sleeper, NODE)
        sleeper.over = True
        timer.forget(10)
        assert len(timer) <= 20
