"""
Schedules: in which order Trio runs what can run, as a function of a seed.

Trio shuffles every batch of runnable tasks with a generator of its own, so that nobody relies on an
order. It can be told to sort them first, which it has for Hypothesis; then that generator decides
all, if no thread and no real clock has a say. Both are names of a module of Trio's, private ones,
and there is no public way to either: should Trio drop one, `seeded` says so, and `check_schedule`
finds out whether they still do what they did.

Being names of a module, they are shared by all threads, and each thread can run a Trio of its own:
a test may well run a saga in a worker thread while the Trio that waits for it goes on. So what is
put in the generator's place asks which thread is drawing: each that is seeded has a generator of
its own, and others draw from Trio's as before. A lock guards the putting in place, by the first
that comes, and the putting back, by the last that goes. The one thing that others notice meanwhile
is that their tasks are sorted before they are shuffled.
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
"""Virtual seconds that no test needs: the clock gets there only if everything waits for nothing."""


class _PerThread(random.Random):
    """Draws from the generator of the thread that asks, if it has one, or else from another."""

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
    """What stands in place of Trio's generator, and how many runs of ours make use of it."""

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
        f"trio {trio.__version__} {what} as trio._core._run.{RANDOM} and .{SORTED_FIRST}: look how "
        "it shuffles tasks now, and bring steno/testing/schedule/_seeded.py up to date"
    )


@contextmanager
def seeded(seed: int) -> Generator[None, None, None]:
    """
    Make the schedule of each `trio.run` within, in this thread, a function of the seed.

    Inside of another it holds for what is within; then the other one goes on where it was.

    Raises:
        RuntimeError: This version of Trio shuffles its tasks in another way.
    """
    generator = _REPLACEMENT.enter()
    before = getattr(generator.own, "generator", None)
    generator.own.generator = random.Random(seed)  # noqa: S311 - it has to be repeatable
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
    Run an async function in a Trio of its own, in virtual time, with the schedule of a seed.

    Time stands still while anything can run, and then jumps. It begins at 0.

    Args:
        fn: The function.
        args: Its arguments.
        seed: The schedule.
        patience: The virtual seconds after which what still waits is taken to wait for nothing.

    Raises:
        trio.TooSlowError: The patience is at its end.
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

    A step is what a task does between two checkpoints; so there is no moment of a run that does not
    lie between two of them. As with any instrument, Trio logs an exception of the function, and
    goes on.

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
        """Count the steps of the Trio that runs, while inside."""
        trio.lowlevel.add_instrument(self)
        try:
            yield self
        finally:
            trio.lowlevel.remove_instrument(self)


# Self-test

_SEEDS: Final = range(4)
_TASKS: Final = 8


async def _names_of_steps() -> tuple[str, ...]:
    """Let some tasks checkpoint side by side; return which ran when."""
    with Steps().counting() as steps:
        async with trio.open_nursery() as nursery:
            for number in range(_TASKS):
                nursery.start_soon(trio.sleep, number % 3, name=f"task {number}")
    return tuple(steps.names)


def check_schedule() -> None:
    """
    Find out whether schedules are a function of the seed, with this version of Trio.

    Raises:
        RuntimeError: They are not.
    """
    first = [run_seeded(_names_of_steps, seed=seed) for seed in _SEEDS]
    again = [run_seeded(_names_of_steps, seed=seed) for seed in _SEEDS]
    if first != again or len(set(first)) != len(_SEEDS):
        raise RuntimeError(_outdated("does not decide by what it had"))
