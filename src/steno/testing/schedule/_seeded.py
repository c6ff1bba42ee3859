"""
Schedules: the order in which Trio runs its runnable tasks, as a function of a seed.

Trio shuffles every batch of runnable tasks with its own generator, so that programs do not rely on
an order. It can also sort them first, an option made for Hypothesis; then that generator determines
the schedule, unless threads or a real clock are involved. Both are private names of a Trio module,
with no public equivalent: if Trio drops one, `seeded` raises, and `check_schedule` checks that
they still have this effect.

As module globals they are shared by all threads, and each thread can run its own Trio: a test may
run a saga in a worker thread while the Trio that waits for it continues. So the replacement of the
generator checks which thread is drawing: each seeded thread has its own generator, and others draw
from Trio's as before. A lock guards its installation, by the first seeded run, and its removal, by
the last. The only effect on other threads is that their tasks are sorted before they are shuffled.
"""

from __future__ import annotations

import importlib
import random
import threading
from collections.abc import Awaitable, Callable, Generator
from contextlib import contextmanager
from typing import Final, TypeVar, TypeVarTuple

import attrs
import trio
import trio.abc
import trio.testing

T = TypeVar("T")
Ts = TypeVarTuple("Ts")

SCHEDULER: Final = importlib.import_module("trio._core._run")
RANDOM: Final = "_r"
SORTED_FIRST: Final = "_ALLOW_DETERMINISTIC_SCHEDULING"

PATIENCE: Final = 1e7
"""More virtual seconds than any test needs: the clock gets there only in a deadlock."""


class _PerThread(random.Random):
    """Draws from the calling thread's generator, if it has one, and otherwise from Trio's."""

    def __init__(self, others: random.Random) -> None:
        super().__init__()
        self.others = others
        self.own = threading.local()

    def here(self) -> random.Random:
        found: random.Random = getattr(self.own, "generator", self.others)
        return found

    def random(self) -> float:
        return self.here().random()

    def getrandbits(self, k: int, /) -> int:
        return self.here().getrandbits(k)


@attrs.define(eq=False)
class _Replacement:
    """The replacement of Trio's generator, and the number of seeded runs that use it."""

    lock: threading.Lock = attrs.field(factory=threading.Lock)
    users: int = 0
    generator: _PerThread | None = None
    sorted_first: object = None

    def enter(self) -> _PerThread:
        with self.lock:
            if self.generator is None:
                generator = getattr(SCHEDULER, RANDOM, None)
                if not isinstance(generator, random.Random) or not hasattr(SCHEDULER, SORTED_FIRST):
                    raise RuntimeError(_outdated("has no such generator or no such switch"))
                self.generator = _PerThread(generator)
                self.sorted_first = getattr(SCHEDULER, SORTED_FIRST)
                setattr(SCHEDULER, RANDOM, self.generator)
                setattr(SCHEDULER, SORTED_FIRST, True)
            self.users += 1
            return self.generator

    def leave(self, generator: _PerThread) -> None:
        with self.lock:
            self.users -= 1
            if not self.users:
                setattr(SCHEDULER, RANDOM, generator.others)
                setattr(SCHEDULER, SORTED_FIRST, self.sorted_first)
                self.generator = None


_REPLACEMENT: Final = _Replacement()


def _outdated(what: str) -> str:
    return (
        f"trio {trio.__version__} {what} as trio._core._run.{RANDOM} and .{SORTED_FIRST}: see how "
        "it shuffles tasks now, and bring steno/testing/schedule/_seeded.py up to date"
    )


@contextmanager
def seeded(seed: int) -> Generator[None, None, None]:
    """
    Make the schedule of each `trio.run` within, in this thread, a function of the seed.

    When nested, the inner seed applies inside; then the outer schedule continues where it was.

    Raises:
        RuntimeError: This version of Trio shuffles its tasks in another way.
    """
    generator = _REPLACEMENT.enter()
    before = getattr(generator.own, "generator", None)
    generator.own.generator = random.Random(seed)  # noqa: S311 - it must be reproducible
    try:
        yield
    finally:
        if before is None:
            del generator.own.generator
        else:
            generator.own.generator = before
        _REPLACEMENT.leave(generator)


def run_seeded(
    fn: Callable[[*Ts], Awaitable[T]],
    *args: *Ts,
    seed: int = 0,
    patience: float = PATIENCE,
) -> T:
    """
    Run an async function in its own Trio, in virtual time, with the schedule of a seed.

    Time stands still while any task can run, and then jumps. It begins at 0.

    Args:
        fn: The function.
        args: Its arguments.
        seed: The schedule.
        patience: The virtual seconds after which the run is considered deadlocked.

    Raises:
        trio.TooSlowError: The run took longer than `patience`.
        RuntimeError: This version of Trio shuffles its tasks in another way.
    """

    async def main() -> T:
        with trio.fail_after(patience):
            return await fn(*args)

    clock = trio.testing.MockClock(autojump_threshold=0)
    with seeded(seed):
        return trio.run(main, clock=clock)


class Steps(trio.abc.Instrument):
    """
    Counts the steps of all tasks while it is in use, and calls a function before one of them.

    A step is what a task does between two checkpoints, so every moment of a run lies between two
    steps. As with any instrument, Trio logs an exception of the function, and continues.

    Attributes:
        count: How many steps there were.
        names: The names of the tasks that took them.
    """

    def __init__(self, at: int | None = None, then: Callable[[], object] | None = None) -> None:
        self.count = 0
        self.names: list[str] = []
        self._at, self._then = at, then

    def before_task_step(self, task: trio.lowlevel.Task) -> None:
        """Count a step; Trio calls this."""
        self.names.append(task.name)
        if self.count == self._at and self._then is not None:
            self._then()
        self.count += 1

    @contextmanager
    def counting(self) -> Generator[Steps, None, None]:
        """Count the steps of the running Trio inside the block."""
        trio.lowlevel.add_instrument(self)
        try:
            yield self
        finally:
            trio.lowlevel.remove_instrument(self)


# Self-test

_SEEDS: Final = range(4)
_TASKS: Final = 8


async def _names_of_steps() -> tuple[str, ...]:
    """Run some tasks concurrently; return their names in the order of their steps."""
    with Steps().counting() as steps:
        async with trio.open_nursery() as nursery:
            for number in range(_TASKS):
                nursery.start_soon(trio.sleep, number % 3, name=f"task {number}")
    return tuple(steps.names)


def check_schedule() -> None:
    """
    Check that schedules are a function of the seed with this version of Trio.

    Raises:
        RuntimeError: They are not.
    """
    first = [run_seeded(_names_of_steps, seed=seed) for seed in _SEEDS]
    again = [run_seeded(_names_of_steps, seed=seed) for seed in _SEEDS]
    if first != again or len(set(first)) != len(_SEEDS):
        raise RuntimeError(_outdated("does not decide by what it had"))
