"""
Schedules: in which order Trio runs what can run, as a function of a seed.

Trio shuffles every batch of runnable tasks with a generator of its own, so that nobody relies on an
order. Where Hypothesis is installed it sorts them first; then that generator's seed decides all, if
no thread and no real clock has a say. Both names are Trio's private ones, and neither has a public
door: should Trio drop one, `seeded` says so.
"""

import random
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from typing import TypeVar

import trio
import trio.abc
import trio.testing

T = TypeVar("T")

SCHEDULER = trio._core._run  # noqa: SLF001 - see above
RANDOM = "_r"
PATIENCE = 1e7
"""Virtual seconds that no test needs: the clock gets there only if everything waits for nothing."""

SORTED_FIRST = "_ALLOW_DETERMINISTIC_SCHEDULING"


@contextmanager
def seeded(seed: int) -> Iterator[None]:
    """
    Make the schedule of each `trio.run` within a function of the seed.

    Raises:
        RuntimeError: This version of Trio has no such door.
    """
    generator = getattr(SCHEDULER, RANDOM, None)
    if not isinstance(generator, random.Random) or not hasattr(SCHEDULER, SORTED_FIRST):
        msg = (
            f"trio {trio.__version__} has no trio._core._run.{RANDOM} or .{SORTED_FIRST}: look how "
            "it shuffles tasks now, and bring tests/support/schedule.py up to date"
        )
        raise RuntimeError(msg)
    before = generator.getstate(), getattr(SCHEDULER, SORTED_FIRST)
    generator.seed(seed)
    setattr(SCHEDULER, SORTED_FIRST, True)
    try:
        yield
    finally:
        generator.setstate(before[0])
        setattr(SCHEDULER, SORTED_FIRST, before[1])


def run(fn: Callable[..., Awaitable[T]], *args: object, seed: int = 0) -> T:
    """
    Run an async function in virtual time, with the schedule of a seed.

    Raises:
        trio.TooSlowError: Everything waits, and nothing ever comes.
    """

    async def main() -> T:
        with trio.fail_after(PATIENCE):
            return await fn(*args)

    clock = trio.testing.MockClock(autojump_threshold=0)
    with seeded(seed):
        return trio.run(main, clock=clock)


class Steps(trio.abc.Instrument):
    """
    Counts the steps of all tasks while it is in use, and calls a function before one of them.

    A step is what a task does between two checkpoints. As with any instrument, Trio logs an
    exception of the function, and goes on.
    """

    def __init__(self, at: int | None = None, then: Callable[[], object] | None = None) -> None:
        self.count = 0
        self.names: list[str] = []
        self._at, self._then = at, then

    def before_task_step(self, task: trio.lowlevel.Task) -> None:
        self.names.append(task.name)
        if self.count == self._at and self._then is not None:
            self._then()
        self.count += 1

    @contextmanager
    def counting(self) -> Iterator["Steps"]:
        trio.lowlevel.add_instrument(self)
        try:
            yield self
        finally:
            trio.lowlevel.remove_instrument(self)
