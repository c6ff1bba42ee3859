"""
Crashes: sagas on a whole SEC, which is lost at any commit or at any step, and opened again.

Here and not in `steno.testing`, because it is the engine that is tried: with several sagas at a
time, actions that are fakes, and what no user can plan. Users have `steno.testing`'s explorer.

A `World` is what outlives a crash: the store, and what the actions have done. Its actions note
every call, and compare it with what is durable at that moment. A `Trial` is all that decides how
its sagas run; running one twice gives the same schedule. Nothing is asserted while it runs, since
an `AssertionError` would but fail a node: what is wrong is noted in `World.wrong`.
"""

import enum
import logging
from collections import defaultdict
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Sequence
from contextlib import asynccontextmanager, contextmanager, nullcontext, suppress
from functools import cached_property
from typing import TypeAlias
from uuid import UUID, uuid5

import attrs
import trio

from steno import (
    ActionContext,
    ActionRegistry,
    InMemorySecStore,
    SagaCachedState,
    SagaDag,
    SagaDone,
    SagaHalted,
    SagaHandle,
    SagaId,
    SagaIdInUse,
    SagaNotReady,
    SagaReady,
    SagaResult,
    SagaResultErr,
    SagaResultOk,
    SagaSerialized,
    SecClient,
    open_sec,
)
from steno.core import SagaState, Succeeded, verify_log
from steno.store import SagaWrite, StoredSaga, WriteOutcome
from steno.testing.fakes import FakeActions, FakeCall, SagaSpec
from steno.testing.faults import (
    LASTING_FAULTS,
    UNDO_FAULTS,
    Delay,
    Fault,
    FaultPlan,
    FaultyStore,
    NodeFault,
    Refusal,
    Unavailable,
    When,
)
from steno.testing.faults import Crash as CrashAtWrite
from steno.testing.notation import MARKS
from steno.testing.schedule import Steps, run_seeded
from support.checker import ORDER, Expanded, ends_as, first_illegal, has_legal_order, marks

NAMESPACE = UUID("5f0c3f0e-6f3c-4e9b-9a4e-3f6f0d3f6f00")


def job_id(number: int) -> SagaId:
    """Return the id of the saga of that number."""
    return SagaId(uuid5(NAMESPACE, str(number)))


@contextmanager
def silence() -> Iterator[None]:
    """Log nothing of an unavailable store: pytest keeps each record, and with it a whole world."""
    logger, nothing = logging.getLogger("steno"), logging.Filter()
    nothing.filter = lambda record: False
    logger.addFilter(nothing)
    try:
        yield
    finally:
        logger.removeFilter(nothing)


# What is run


class Where(enum.Enum):
    """Where a SEC is lost."""

    BEFORE = "before a commit, which is never made"
    DURING = "while a commit is being made"
    AFTER = "after a commit, before anybody hears of it"
    STEP = "between two steps of tasks"


MOMENTS = {Where.BEFORE: When.BEFORE, Where.DURING: When.DURING, Where.AFTER: When.AFTER}


@attrs.frozen
class Crash:
    """The end of one life of a SEC; if it does not get so far, there is none."""

    where: Where
    number: int


@attrs.frozen
class Job:
    """A saga to be run, and what goes wrong with it."""

    spec: SagaSpec
    plan: FaultPlan = attrs.field(factory=FaultPlan)

    @cached_property
    def dag(self) -> SagaDag:
        return self.spec.saga()

    @cached_property
    def graph(self) -> Expanded:
        return Expanded.of(self.spec)


Jobs: TypeAlias = dict[SagaId, Job]


@attrs.frozen
class Trial:
    """
    All that decides how some sagas run.

    Attributes:
        jobs: The sagas.
        crashes: One for each life but the last.
        seed: The schedule of tasks.
        script: How long actions and commits take, and how long waiters wait.
        hiccups: Commits, counted over all lives, at which the store is unavailable; those of an
            even number were made all the same.
        refusals: Commits at which the store refuses a batch as a whole, if more than one write
            is in it.
        reinject: Whether injections are made again in every life.
    """

    jobs: tuple[Job, ...]
    crashes: tuple[Crash, ...] = ()
    seed: int = 0
    script: bytes = b""
    hiccups: frozenset[int] = frozenset()
    refusals: frozenset[int] = frozenset()
    reinject: bool = False

    def empty_world(self) -> "World":
        """Return the world as it is before anything has been run."""
        return World(self.script, self.hiccups, self.refusals, self.reinject)

    def world(self) -> "World":
        """Run it to its end, through all crashes; return what there is then."""
        world = self.empty_world()
        for number, job in enumerate(self.jobs):
            world.jobs[job_id(number)] = job
        run_seeded(world.live, self.crashes, seed=self.seed)
        return world


Special: TypeAlias = Callable[["World", ActionContext[None]], Awaitable[object]]
"""What an action of a certain name does besides what all do."""


@attrs.define(eq=False)
class World:
    """
    What outlives a crash.

    Attributes:
        script: How long things take.
        patience: For each of some more waiters, the seconds after which it gives up.
        special: What actions do besides, by the name of their node; undo actions by `~` and that.
        jobs: The sagas that the application runs.
        children: Sagas that actions create; they may come to be, or not.
        wrong: All that should not be; the test fails if there is any.
        results: What waiters were given.
        resumed: Dumps from which sagas are resumed, instead of being created.
        dumps: What views gave to be dumped.
        lives: How many events each saga had when a life began.
        steps: How many steps the tasks of the last life took.
        views: How many views were taken.
        fakes: The actions, and what was done with them, over all lives.
    """

    script: bytes = b""
    hiccups: frozenset[int] = frozenset()
    refusals: frozenset[int] = frozenset()
    reinject: bool = False
    patience: Sequence[float] = ()
    special: dict[str, Special] = attrs.field(factory=dict)
    jobs: Jobs = attrs.field(factory=dict)
    children: Jobs = attrs.field(factory=dict)
    store: InMemorySecStore = attrs.field(factory=InMemorySecStore)
    wrong: list[str] = attrs.field(factory=list)
    results: dict[SagaId, list[SagaResult]] = attrs.field(factory=lambda: defaultdict(list))
    resumed: dict[SagaId, SagaSerialized] = attrs.field(factory=dict)
    dumps: dict[SagaId, list[SagaSerialized]] = attrs.field(factory=lambda: defaultdict(list))
    lives: list[dict[SagaId, int]] = attrs.field(factory=list)
    commits: int = 0
    commits_of_life: int = 0
    steps: int = 0
    views: int = 0
    sec: SecClient = attrs.field(init=False)
    fakes: FakeActions = attrs.field(init=False)
    _crash: Crash | None = None
    _scope: trio.CancelScope = attrs.field(init=False)
    _moments: trio.lowlevel.ParkingLot = attrs.field(factory=trio.lowlevel.ParkingLot)

    def __attrs_post_init__(self) -> None:
        self.fakes = FakeActions(lambda saga_id: self.job(saga_id).plan, self.meanwhile)

    # Lives

    async def live(self, crashes: Sequence[Crash]) -> None:
        """Open a SEC again and again, until one life sees all sagas finished."""
        for crash in (*crashes, None):
            if await self.one_life(crash):
                return
        self.wrong.append("a SEC that was not cancelled ended as if it had been")

    async def one_life(self, crash: Crash | None) -> bool:
        """Open a SEC, run all there is to run, and leave it; return False if it was lost."""
        self.lives.append({i: len(self.events(i)) for i in self.all_jobs()})
        self.commits_of_life, self._crash = 0, crash
        at = crash.number if crash is not None and crash.where is Where.STEP else None
        with trio.CancelScope() as self._scope:
            with Steps(at, self._scope.cancel).counting() as steps:
                at_a_time = 1 + self._pick(len(self.lives), 3)
                async with self.open(recover_concurrency=at_a_time) as self.sec:
                    await self._run_all()
            if self.fakes.inside:
                self.wrong.append(f"{self.fakes.inside} actions still run after open_sec was left")
        self.steps = steps.count
        return not self._scope.cancelled_caught

    @asynccontextmanager
    async def open(self, **options: object) -> AsyncIterator[SecClient]:
        """Open a SEC on this world's store."""
        with silence():
            store = FaultyStore(self.store, lambda *_: self.commit)
            async with open_sec(store, self.registry(), **options) as sec:
                yield sec

    def registry(self) -> ActionRegistry:
        """Return the actions of all sagas."""
        return self.fakes.registry(job.dag for job in self.all_jobs().values())

    async def _run_all(self) -> None:
        async with trio.open_nursery() as watchers:
            watchers.start_soon(self._watch, self.sec)
            async with trio.open_nursery() as runs:
                for number, saga_id in enumerate(tuple(self.jobs)):
                    runs.start_soon(self._run_one, self.sec, saga_id, number)
            watchers.cancel_scope.cancel()

    async def _run_one(self, sec: SecClient, saga_id: SagaId, number: int) -> None:
        """Do what an application does, which may have been started anew: create, start, wait."""
        handle = await self._create(sec, saga_id)
        if len(self.lives) == 1 or self.reinject:
            await self.jobs[saga_id].plan.inject(sec, saga_id)
        with suppress(SagaNotReady):
            await handle.start()
        async with trio.open_nursery() as waiters:
            for patience in (*self.patience, *range(self._pick(number, 3))):
                waiters.start_soon(self._wait, sec, saga_id, patience + self._pick(number, 5))
            await self._wait(sec, saga_id, None)
            waiters.cancel_scope.cancel()

    async def _create(self, sec: SecClient, saga_id: SagaId) -> SagaHandle:
        if saga_id not in self.resumed:
            return await sec.saga_create(self.jobs[saga_id].dag, saga_id=saga_id)
        try:
            handle = await sec.saga_resume(self.resumed[saga_id])
        except SagaIdInUse:
            return sec.saga_handle(saga_id)  # in an earlier life
        if not isinstance((await handle.view()).state, SagaReady):
            self.wrong.append(f"{saga_id} was resumed, and is not ready")
        return handle

    async def _wait(self, sec: SecClient, saga_id: SagaId, patience: float | None) -> None:
        with nullcontext() if patience is None else trio.move_on_after(patience):
            result = await sec.saga_wait(saga_id)
            if not self.stored(saga_id).summary.state.finished:
                self.wrong.append(f"{saga_id}: a waiter was answered before the end was durable")
            self.results[saga_id].append(result)

    # What there is to see

    @property
    def calls(self) -> dict[SagaId, list[FakeCall]]:
        return self.fakes.calls

    @property
    def done(self) -> set[str]:
        return self.fakes.done

    @property
    def undone(self) -> set[str]:
        return self.fakes.undone

    def all_jobs(self) -> Jobs:
        return self.jobs | self.children

    def job(self, saga_id: SagaId) -> Job:
        return self.jobs[saga_id] if saga_id in self.jobs else self.children[saga_id]

    def stored(self, saga_id: SagaId) -> StoredSaga:
        stored = self.store.load(saga_id)
        assert stored is not None
        return stored

    def events(self, saga_id: SagaId) -> tuple:
        stored = self.store.load(saga_id)
        return () if stored is None else stored.events

    def outputs(self, saga_id: SagaId) -> dict[int, str]:
        """Return the outputs that are durable, by node."""
        return {
            event.node_id: event.event_type.output
            for event in self.events(saga_id)
            if isinstance(event.event_type, Succeeded)
        }

    def moment(self) -> None:
        """Let all sagas be looked at."""
        self._moments.unpark_all()

    async def _watch(self, sec: SecClient) -> None:
        while True:
            await self._moments.park()
            began = trio.current_time()
            for saga_id in self.all_jobs():
                if self.store.load(saga_id) is not None:
                    await self._look(sec, saga_id)
            await self._look_at_list(sec)
            sec.statistics()
            if trio.current_time() != began:
                self.wrong.append(f"views and lists took {trio.current_time() - began} s")

    async def _look(self, sec: SecClient, saga_id: SagaId) -> None:
        view = await sec.saga_get(saga_id)
        stored = self.stored(saga_id)
        seen = view.serialized().events
        self.dumps[saga_id].append(view.serialized())
        self.views += 1
        if seen != stored.events[: len(seen)]:
            self.wrong.append(f"{saga_id}: a view shows what is not durable")
        if isinstance(view.state, SagaHalted):
            self.wrong.append(f"{saga_id} is halted: {view.state.problem}")
        elif len(str(view.state.status).splitlines()) <= len(self.job(saga_id).dag.flat.nodes):
            self.wrong.append(f"{saga_id}: the status has too few lines")
        if isinstance(view.state, SagaDone) and not stored.summary.state.finished:
            self.wrong.append(f"{saga_id}: seen as done before that was durable")

    async def _look_at_list(self, sec: SecClient) -> None:
        there = [i for i in self.all_jobs() if self.store.load(i) is not None]
        listed = await all_listed(sec)
        if listed != sorted(set(listed)) or not set(there) <= set(listed):
            self.wrong.append(f"listed {listed} where there were {there}")

    # The actions

    def _pick(self, at: int, count: int) -> int:
        return self.script[at % len(self.script)] % count if self.script else 0

    async def meanwhile(self, ctx: ActionContext[None], call: FakeCall) -> None:
        """Look whether a call may be made at all, take some time, and do what is special."""
        self.moment()
        durable = self.events(ctx.saga_id)
        own = "".join(MARKS[type(e.event_type)] for e in durable if e.node_id == ctx.node_id)
        if own != ("+✓-" if call.undoing else "+"):
            what = "undone" if call.undoing else "called"
            self.wrong.append(f"{ctx.idempotency_key}: {what} where its log was {own!r}")
        await self._take_time(call, len(durable))
        if special := self.special.get("~" * call.undoing + ctx.node_name):
            await special(self, ctx)

    async def _take_time(self, call: FakeCall, after: int) -> None:
        match self._pick(call.node * 2 + call.undoing + after, 5):
            case 0:
                await trio.lowlevel.checkpoint()
            case 1:
                pass
            case seconds:
                await trio.sleep(seconds - 1)

    # The store

    async def commit(self, record: Callable, batch: Sequence[SagaWrite]) -> Sequence[WriteOutcome]:
        """Write a batch, slowly, and be lost at it if this is the time."""
        crash, number, total = self._crash, self.commits_of_life, self.commits
        self.commits_of_life, self.commits = number + 1, total + 1
        self.moment()
        fault: Fault | None = None
        if total in self.hiccups:
            fault = Unavailable(When.BEFORE if total % 2 else When.AFTER)
        elif total in self.refusals:
            fault = Refusal(
                OverflowError("a row of this batch is poisoned"), lambda batch: len(batch) > 1
            )
        if crash is not None and crash.number == number and crash.where in MOMENTS:
            fault = CrashAtWrite(self._scope.cancel, MOMENTS[crash.where], fault)

        async def watched(part: Sequence[SagaWrite]) -> Sequence[WriteOutcome]:
            try:
                outcomes = await record(part)
            except trio.Cancelled:
                self.wrong.append("a batch was cancelled while it was written")
                raise
            self.moment()
            return outcomes

        slowly = Delay(self._pick(total, 3), self._pick(total + 1, 2), fault)
        return await slowly(watched, batch)


async def all_listed(sec: SecClient) -> list[SagaId]:
    """Return all sagas of a store, asked for two at a time."""
    listed: list[SagaId] = []
    while page := await sec.saga_list(listed[-1] if listed else None, 2):
        assert page[-1].saga_id not in listed, "a list goes in circles"
        listed += [summary.saga_id for summary in page]
    return listed


# What must be so in the end

FAILING = LASTING_FAULTS | {NodeFault.ACTION_ONCE}
INJECTABLE = {"constant", "subsaga end"}  # and actions


def check(world: World) -> None:
    """Hold all that is stored, and that was seen and done, against the specification."""
    assert not world.wrong, "\n".join(world.wrong)
    for saga_id, job in world.all_jobs().items():
        if saga_id in world.children and world.store.load(saga_id) is None:
            continue
        check_log(job, world.stored(saga_id))
        check_end(job, world.stored(saga_id))
        check_injected(world, saga_id)
        check_calls(world, saga_id)
        check_results(world, saga_id)
        check_effects(world, saga_id)


def check_log(job: Job, stored: StoredSaga) -> None:
    """Check the order of all events, that each prefix folds, and that the end is whole."""
    graph, log = job.graph, marks(stored.events)
    assert first_illegal(graph, log) is None
    assert has_legal_order(graph, log)
    saga_id, finished = stored.summary.saga_id, stored.summary.state
    assert verify_log(job.dag, stored.events, saga_id=saga_id, finished=finished) is None
    state = SagaState.new(job.dag.flat, stored.summary.saga_id)
    for event in stored.events:
        assert event.node_id is None or state.outcome is None
        state.apply(event)
    assert state.outcome is not None
    assert state.outcome.value == stored.summary.state.value == ends_as(graph, log)
    assert stored.summary.times.ended is not None
    assert stored.summary.problem is None
    of = {mark: {node for node, m in log if m == mark} for mark in ORDER}
    match stored.summary.state:
        case SagaCachedState.SUCCEEDED:
            assert of["+"] == of["✓"] == set(range(graph.size))
            assert len(log) == 2 * graph.size
        case SagaCachedState.FAILED:
            assert of["✗"]
            assert of["✓"] == of["-"] == of["∅"]
            assert len(log) == 4 * len(of["✓"]) + 2 * len(of["✗"])
        case SagaCachedState.STUCK:
            assert of["!"]
            assert of["+"] == of["✓"] | of["✗"]
            assert of["-"] == of["∅"] | of["!"]
            assert not any(graph.ancestors(node) & of["-"] for node in of["!"])


def check_end(job: Job, stored: StoredSaga) -> None:
    """Check that the end is the one that the log, and the faults of the actions, demand."""
    log, plan = set(marks(stored.events)), job.plan
    failed, undo_failed = (any(mark == each for _, mark in log) for each in "✗!")
    assert (stored.summary.state is SagaCachedState.SUCCEEDED) == (not failed)
    assert (stored.summary.state is SagaCachedState.STUCK) == undo_failed
    for node, mark in log:
        if mark == "✗":
            assert any(plan.has(node, fault) for fault in FAILING)
        if mark == "!":
            assert any(plan.has(node, fault) for fault in UNDO_FAULTS)
    for node in plan.nodes(NodeFault.ACTION):
        if job.graph.kinds[node] == "action":
            assert (node, "✓") not in log


def check_injected(world: World, saga_id: SagaId) -> None:
    """Check that what was injected is gone after a restart."""
    if len(world.lives) > 1 and not world.reinject:
        for event in world.events(saga_id)[world.lives[1][saga_id] :]:
            assert "injected" not in str(getattr(event.event_type, "error", "")).lower()


def check_calls(world: World, saga_id: SagaId) -> None:
    """Check that each call saw exactly what it should, whenever it was made."""
    job, outputs = world.job(saga_id), world.outputs(saga_id)
    for call in world.calls[saga_id]:
        visible = job.graph.visible(call.node, undoing=call.undoing)
        assert dict(call.seen) == {name: outputs[node] for name, node in visible.items()}
        source = job.graph.params_of(call.node)
        assert call.params == (job.dag.params if source is None else outputs[source])


def check_results(world: World, saga_id: SagaId) -> None:
    """Check that each waiter was given what is stored."""
    stored, results = world.stored(saga_id), world.results[saga_id]
    assert results or saga_id in world.children
    for result in results:
        assert result.saga_id == saga_id
        assert tuple(result.saga_log.events) == stored.events
        match result:
            case SagaResultOk():
                assert stored.summary.state is SagaCachedState.SUCCEEDED
            case SagaResultErr(undo_failure=None):
                assert stored.summary.state is SagaCachedState.FAILED
            case SagaResultErr():
                assert stored.summary.state is SagaCachedState.STUCK


def check_effects(world: World, saga_id: SagaId) -> None:
    """Check that what is done in the world is what the log says."""
    graph, log = world.job(saga_id).graph, marks(world.events(saga_id))
    of = {
        mark: {f"{saga_id}/{n}/action" for n, m in log if m == mark and graph.kinds[n] == "action"}
        for mark in "✓∅"
    }
    prefix = f"{saga_id}/"
    assert of["✓"] <= world.done
    assert of["∅"] <= world.undone
    if world.stored(saga_id).summary.state is SagaCachedState.FAILED:
        assert {key for key in world.done if key.startswith(prefix)} <= world.undone
    if world.stored(saga_id).summary.state is SagaCachedState.SUCCEEDED:
        assert not {key for key in world.undone if key.startswith(prefix)}


def possible_ends(job: Job) -> set[SagaCachedState]:
    """
    Return how a saga can end, in any schedule, if its faults are the same whenever it is run.

    Which of several nodes fails first, and what has succeeded by then beside it, is for the
    schedule to say; so an undo may be wanted that fails, or may not.
    """
    graph, plan = job.graph, job.plan
    failing = {n for n in range(graph.size) if _fails(graph, plan, n)}
    failing = {
        node for node in failing if not graph.ancestors(node) & failing
    }  # others never start
    if not failing:
        return {SagaCachedState.SUCCEEDED}
    blocked = failing | {n for n in range(graph.size) if graph.ancestors(n) & failing}
    sticking = {n for n in range(graph.size) if _sticks(graph, plan, n)} - blocked
    if not sticking:
        return {SagaCachedState.FAILED}
    if any(all(node in graph.ancestors(f) for f in failing) for node in sticking):
        return {SagaCachedState.STUCK}
    return {SagaCachedState.FAILED, SagaCachedState.STUCK}


def _fails(graph: Expanded, plan: FaultPlan, node: int) -> bool:
    if graph.kinds[node] == "action":
        once = plan.has(node, NodeFault.ACTION_ONCE) and not plan.has(node, NodeFault.REPEAT)
        return once or any(plan.has(node, fault) for fault in LASTING_FAULTS)
    return graph.kinds[node] in INJECTABLE and plan.has(node, NodeFault.INJECT_ERROR)


def _sticks(graph: Expanded, plan: FaultPlan, node: int) -> bool:
    if graph.kinds[node] == "action":
        return any(plan.has(node, fault) for fault in UNDO_FAULTS)
    return graph.kinds[node] in INJECTABLE and plan.has(node, NodeFault.INJECT_UNDO_ERROR)
