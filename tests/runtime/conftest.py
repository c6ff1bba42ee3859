"""Time is virtual in all tests of the runtime, and what hangs fails."""

import inspect
from collections.abc import Awaitable, Callable, Sequence
from pathlib import Path

import pytest
import trio
from trio.abc import Clock, Instrument
from trio.testing import MockClock

from support.timed import TimedWorld
from support.worlds import World

HERE = Path(__file__).parent

LONG = 1e7
"""Virtual seconds that no test needs: the clock gets there only if all tasks wait for nothing."""


def run_in_virtual_time(
    test: Callable[[], Awaitable[object]], clock: Clock | None, instruments: Sequence[Instrument]
) -> object:
    async def until_it_hangs() -> object:
        with trio.fail_after(LONG):
            return await test()

    chosen = clock or MockClock(autojump_threshold=0)
    return trio.run(until_it_hangs, clock=chosen, instruments=instruments)


def pytest_collection_modifyitems(items: Sequence[pytest.Item]) -> None:
    """Give the async tests in this folder a clock that jumps, as `autojump_clock` would."""
    for item in items:
        function = getattr(item, "function", None)
        if HERE in item.path.parents and inspect.iscoroutinefunction(function):
            item.add_marker(pytest.mark.trio(run=run_in_virtual_time), append=False)


@pytest.fixture
def world() -> World:
    return World()


@pytest.fixture
def timed() -> TimedWorld:
    return TimedWorld()
