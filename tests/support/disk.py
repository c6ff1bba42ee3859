"""
Sagas on a file whose disk fails: what runs there, and what must be so once the disk is mended.

A `Work` outlives its SECs. It knows each saga that was acknowledged; its actions note their calls,
give as much output as a test wants, and wait where a test holds them up.
"""

import contextlib
import subprocess
import sys
from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from contextlib import asynccontextmanager, contextmanager, suppress
from pathlib import Path

import attrs
import trio

import steno
from steno.store import ListQuery, StoredSaga
from steno.testing.fakes import ActionSpec, ConstantSpec, SagaSpec, SubsagaSpec
from steno.testing.faults import FaultPlan, NodeFault
from support.checker import first_illegal, marks
from support.crash import Job, check_end, check_log, silence

INNER = SagaSpec(((ActionSpec("n0"),), (ActionSpec("n1"),)))
SPEC = SagaSpec(
    (
        (ActionSpec("a"),),
        (ActionSpec("b"), ConstantSpec("c", 1), SubsagaSpec("s", "a", INNER)),
        (ActionSpec("d"),),
    )
)
"""An action; then one, a constant and a subsaga of two, side by side; then one more."""

NODE_A, NODE_B, NODE_D = 0, 1, 7
GOOD = Job(SPEC)
FAILING = Job(SPEC, FaultPlan(frozenset({(NODE_D, NodeFault.ACTION)})))
STICKING = Job(SPEC, FaultPlan(frozenset({(NODE_D, NodeFault.ACTION), (NODE_B, NodeFault.UNDO)})))
JOBS = (GOOD, FAILING, STICKING)


@attrs.define(eq=False)
class Work:
    """
    Sagas on a file.

    Attributes:
        path: The file.
        size: How many characters an action gives, at least.
        jobs: The sagas that were acknowledged.
        calls: Each call of an action, `a`, or of an undo action, `~a`, by saga.
        held: The nodes at which actions wait until there is none of their name here.
    """

    path: Path
    size: int = 0
    jobs: dict[steno.SagaId, Job] = attrs.field(factory=dict)
    calls: dict[steno.SagaId, list[str]] = attrs.field(factory=dict)
    held: set[str] = attrs.field(factory=set)
    _moved: trio.Event = attrs.field(factory=trio.Event)

    # Running

    @asynccontextmanager
    async def open(self, **options: object) -> AsyncIterator[steno.SecClient]:
        """Open a SEC on the file; that it logs what the disk does is not wanted here."""
        with silence():
            async with steno.open_sec(
                steno.SqliteSecStore(self.path), self.registry(), **options
            ) as sec:
                yield sec

    def registry(self) -> steno.ActionRegistry:
        registry = steno.ActionRegistry()
        for name in sorted(GOOD.dag.flat.action_names):
            registry.register(steno.ActionFunc.new_action(name, self._act, self._undo))
        return registry

    async def create(self, sec: steno.SecClient, job: Job) -> steno.SagaHandle:
        """Create a saga, and take note of it once that is acknowledged."""
        handle = await sec.saga_create(job.dag)
        self.jobs[handle.saga_id] = job
        return handle

    async def start(self, sec: steno.SecClient, job: Job = GOOD) -> steno.SagaHandle:
        handle = await self.create(sec, job)
        await handle.start()
        return handle

    async def _act(self, ctx: steno.ActionContext[None]) -> str:
        self._note(ctx, str(ctx.node_name))
        while ctx.node_name in self.held:
            await self._moved.wait()
        if self.jobs[ctx.saga_id].plan.has(ctx.node_id, NodeFault.ACTION):
            raise ArithmeticError(ctx.node_name)
        return text_of(ctx.saga_id, self.size)

    async def _undo(self, ctx: steno.ActionContext[None]) -> None:
        self._note(ctx, f"~{ctx.node_name}")
        if self.jobs[ctx.saga_id].plan.has(ctx.node_id, NodeFault.UNDO):
            raise ArithmeticError(ctx.node_name)

    def _note(self, ctx: steno.ActionContext[None], what: str) -> None:
        self.calls.setdefault(ctx.saga_id, []).append(what)
        self._move()

    def _move(self) -> None:
        self._moved.set()
        self._moved = trio.Event()

    def let_go(self, *names: str) -> None:
        """Let actions go on that are held at nodes of these names, or at any."""
        self.held -= set(names) or self.held
        self._move()

    async def until_called(self, what: str) -> None:
        """Wait until every saga has come to a call."""
        while not all(what in self.calls.get(saga_id, []) for saga_id in self.jobs):
            await self._moved.wait()

    # What is there

    async def stored(self) -> dict[steno.SagaId, StoredSaga]:
        """Return all sagas of the file."""
        return await stored(self.path)

    async def finish(self, **options: object) -> None:
        """Open the file, see all sagas to their end, and hold all against the specification."""
        self.let_go()
        async with self.open(**options) as sec:
            for saga_id in self.jobs:
                with suppress(steno.SagaNotReady):
                    await sec.saga_start(saga_id)
                await sec.saga_wait(saga_id)
        await self.check()

    async def check(self) -> None:
        """Check that every acknowledged saga has ended, as its log and its faults demand."""
        there = await self.stored()
        assert self.jobs
        assert self.jobs.keys() <= there.keys()
        for saga_id, job in self.jobs.items():
            check_log(job, there[saga_id])
            check_end(job, there[saga_id])


def text_of(saga_id: steno.SagaId, size: int) -> str:
    """Return a text by which a saga is found in a file, however long it is."""
    unit = f"output of {saga_id}; "
    return unit * (size // len(unit) + 1)


async def stored(path: Path) -> dict[steno.SagaId, StoredSaga]:
    """Return all sagas of a file."""
    async with steno.SqliteSecStore(path).open_reader() as reader:
        ids = [each.saga_id for each in await reader.list(ListQuery(limit=100_000))]
        return {saga_id: await reader.load(saga_id) for saga_id in ids}


def check_prefixes(
    jobs: Mapping[steno.SagaId, Job],
    before: Mapping[steno.SagaId, StoredSaga],
    after: Mapping[steno.SagaId, StoredSaga],
) -> None:
    """Check that each saga is gone, or has a part of its log, from the beginning; and is legal."""
    assert after.keys() <= before.keys()
    for saga_id, saga in after.items():
        assert saga.events == before[saga_id].events[: len(saga.events)]
        assert first_illegal(jobs[saga_id].graph, marks(saga.events)) is None


async def until(condition: Callable[[], bool]) -> None:
    """Wait until something is so, that nobody tells of; a test that waits in vain fails."""
    with trio.fail_after(20):
        while not condition():  # noqa: ASYNC110 - of what a disk does nobody tells
            await trio.sleep(0.005)


@contextmanager
def talking(*command: object, **options: object) -> Iterator["Talk"]:
    """Run a program in Python that says a line for each thing that happens; end it at the end."""
    with subprocess.Popen(
        [str(word) for word in command],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        bufsize=1,
        **options,
    ) as process:
        try:
            yield Talk(process)
        finally:
            process.kill()


PYTHON = (sys.executable, "-W", "error")


@attrs.frozen(eq=False)
class Talk:
    """A program that is talked to."""

    process: subprocess.Popen[str]

    def hear(self) -> str:
        """Wait for its next line."""
        return self.process.stdout.readline().rstrip("\n")

    def say(self, line: str = "") -> None:
        with contextlib.suppress(BrokenPipeError):
            self.process.stdin.write(f"{line}\n")
