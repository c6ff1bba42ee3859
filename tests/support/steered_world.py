"""
Sagas on a whole SEC that are given orders at any moment, while the SEC is lost or taken over.

A `SteeredWorld` is what outlives a SEC: the store, what was durable when, what was called, and what
a person has ordered. What is allowed is decided by `support.steered`, which shares nothing with the
library but the events. See `support.flaky_world` for attempts, doubt, and orders on nodes.
"""

from collections import defaultdict
from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress
from datetime import timedelta
from itertools import count
from random import Random
from typing import Protocol, TypeAlias

import attrs
import trio

from steno import (
    ActionContext,
    ActionFunc,
    ActionRegistry,
    CommandError,
    SagaHaltedError,
    SagaHandle,
    SagaId,
    SagaResult,
    SecClient,
    SecStore,
    open_sec,
)
from steno.core import SagaNodeEvent
from steno.store import Durable, SagaRecord, SagaWrite, WriteOutcome
from steno.testing.faults import Crash as CrashAtWrite
from steno.testing.faults import Delay, Fault, FaultyStore, Unavailable, When
from steno.testing.schedule import DateClock, Steps
from support.crash import MOMENTS, Crash, Where, job_id, silence
from support.flaky_world import Leave
from support.steered import SAGA_VERBS, Happened, History, Staged

VERBS = tuple(sorted(SAGA_VERBS - {"import"}))
MOST_LIVES = 40


class Planned(Exception):
    """What an action raises."""


@attrs.frozen
class TakenOver:
    """
    A life that goes on for a while when the next one has begun.

    Attributes:
        after: Seconds after which the next life begins.
        lingers: Seconds for which it goes on then.
    """

    after: float
    lingers: float


Ending: TypeAlias = Crash | Leave | TakenOver


@attrs.frozen
class SteeredTrial:
    """
    All that decides how some sagas run.

    Attributes:
        graphs: The sagas.
        failing: The nodes that fail, and, with True, those that cannot be undone.
        endings: One for each life but the last.
        orders: What decides what is ordered, and when.
        script: How long calls and commits take.
        hiccups: The commits, over all lives, at which the store is unavailable.
    """

    graphs: tuple[Staged, ...]
    failing: frozenset[tuple[int, int, bool]] = frozenset()
    endings: tuple[Ending, ...] = ()
    orders: int = 0
    script: bytes = b""
    hiccups: frozenset[int] = frozenset()


class Rows(Protocol):
    """A store as a test sees it, without a SEC."""

    def store(self, clock: Callable) -> SecStore:
        """Return the store, to be opened by each SEC."""
        ...

    def state(self, saga_id: SagaId) -> str:
        """Return the state that a saga's row says."""
        ...


@attrs.frozen
class Called:
    """
    A call of user code.

    Attributes:
        saga: The saga's id.
        node: The node.
        undoing: Whether its undo is called.
        durable: How many events of the saga were durable by then.
        known: How many were when the life began that calls it.
    """

    saga: SagaId
    node: int
    undoing: bool
    durable: int
    known: int


@attrs.define
class Given:
    """
    An order, and what its giver was told.

    Attributes:
        saga: The saga's id.
        life: The life of the SEC that it was given to.
        order: The order, as the oracle reads it.
        why: What no other order says.
        asked: How many events were durable when it was given.
        answer: True: it was accepted; False: it was refused; None: nothing was heard of it.
        answered: How many events were durable then.
        error: Why it was refused.
    """

    saga: SagaId
    life: int
    order: Happened
    why: str
    asked: int
    answer: bool | None = None
    answered: int | None = None
    error: str | None = None


@attrs.define(eq=False)
class SteeredWorld:
    """
    What outlives a SEC.

    Attributes:
        trial: All that decides.
        rows: The store.
        clock: The date.
        logs: The events that are durable.
        commits: For each saga, how many events it had after each transaction, what its row said
            then, and the life that made it.
        calls: Every call of user code.
        given: Every order that was given.
        results: What waiters were told.
        wrong: All that should not be.
    """

    trial: SteeredTrial
    rows: Rows
    clock: DateClock = attrs.field(factory=DateClock)
    graphs: dict[SagaId, Staged] = attrs.field(init=False)
    logs: dict[SagaId, list[SagaNodeEvent]] = attrs.field(init=False)
    commits: dict[SagaId, list[tuple[int, str, int]]] = attrs.field(
        factory=lambda: defaultdict(list)
    )
    calls: list[Called] = attrs.field(factory=list)
    given: list[Given] = attrs.field(factory=list)
    results: list[SagaResult] = attrs.field(factory=list)
    wrong: list[str] = attrs.field(factory=list)
    batches: int = 0
    created: set[SagaId] = attrs.field(factory=set)
    store: SecStore = attrs.field(init=False)
    rng: Random = attrs.field(init=False)
    whims: int = attrs.field(init=False)

    def __attrs_post_init__(self) -> None:
        self.store = self.rows.store(self.clock)
        self.graphs = {job_id(number): each for number, each in enumerate(self.trial.graphs)}
        self.logs = {saga_id: [] for saga_id in self.graphs}
        self.rng = Random(self.trial.orders)
        self.whims = self.rng.randint(2, 12)

    async def live(self) -> None:
        """Open a SEC again and again, until all sagas have ended and nobody wants anything."""
        lives = (Life(self, number) for number in count())
        with silence():
            async with trio.open_nursery() as nursery:
                for ending, life in zip(self.trial.endings, lives, strict=False):
                    if isinstance(ending, TakenOver):
                        nursery.start_soon(life.run, ending)
                        await trio.sleep(ending.after)
                    else:
                        await life.run(ending)
            for life in lives:
                await life.run(None)
                if self.has_ended():
                    return
                if life.number > MOST_LIVES:
                    self.wrong.append("its sagas do not end")
                    return

    def has_ended(self) -> bool:
        return all(self.end(saga_id) is not None for saga_id in self.graphs)

    def history(self, saga_id: SagaId, size: int | None = None) -> History:
        log = [Happened.of(event) for event in self.logs[saga_id][:size]]
        return History(self.graphs[saga_id], log)

    def end(self, saga_id: SagaId) -> str | None:
        history = self.history(saga_id)
        return history.end if saga_id in self.created and history.begun else None

    def pick(self, at: int, below: int) -> int:
        script = self.trial.script
        return script[at % len(script)] % below if script else 0


@attrs.define(eq=False)
class Life:
    """
    One life of the SEC.

    Attributes:
        world: What outlives it.
        number: Which life it is.
        begin: How many events each saga had when it began.
    """

    world: SteeredWorld
    number: int
    begin: dict[SagaId, int] = attrs.field(init=False)
    _ending: Ending | None = attrs.field(init=False, default=None)
    _batches: int = attrs.field(init=False, default=0)
    _scope: trio.CancelScope = attrs.field(init=False, factory=trio.CancelScope)

    async def run(self, ending: Ending | None) -> None:
        """Open a SEC and leave it, or lose it."""
        world, self._ending = self.world, ending
        self.begin = {saga_id: len(log) for saga_id, log in world.logs.items()}
        step = ending.number if isinstance(ending, Crash) and ending.where is Where.STEP else None
        store = FaultyStore(world.store, lambda *_: self.commit)
        if isinstance(ending, TakenOver):
            self._scope.deadline = trio.current_time() + ending.after + ending.lingers
        with self._scope, Steps(step, self._scope.cancel).counting():
            async with open_sec(store, self.registry(), context=None, clock=world.clock) as sec:
                await self._use(sec)

    async def _use(self, sec: SecClient) -> None:
        async with trio.open_nursery() as nursery:
            nursery.start_soon(self._person, sec)
            if isinstance(self._ending, Leave):
                nursery.start_soon(self._leave, sec, self._ending, nursery.cancel_scope)
            for saga_id in self.world.graphs:
                nursery.start_soon(self._wait, sec, saga_id)
            for _ in range(60):
                await trio.sleep(10)
                if self.world.has_ended() and not self.world.whims:
                    break
                if not self.world.whims:
                    await self._bring_on(sec)
            nursery.cancel_scope.cancel()

    async def _leave(self, sec: SecClient, ending: Leave, scope: trio.CancelScope) -> None:
        await trio.sleep(ending.after)
        if ending.drains:
            await sec.drain()
        scope.cancel()

    async def _wait(self, sec: SecClient, saga_id: SagaId) -> None:
        """Create a saga, unless it is there, and wait for each of its ends."""
        world = self.world
        with suppress(CommandError, SagaHaltedError):
            start = bool(world.pick(saga_id.int, 3))
            dag = world.graphs[saga_id].dag
            await sec.saga_create(dag, saga_id=saga_id, start=start)
            while True:
                result = await sec.saga_wait(saga_id)
                world.results.append(result)
                await trio.sleep(1)  # a SEC that was taken over hears nothing of what follows
                while world.history(saga_id).end is not None:  # noqa: ASYNC110 - nobody tells
                    await trio.sleep(1)

    # The person

    async def _person(self, sec: SecClient) -> None:
        """Order something now and then, whether it applies or not; two orders may meet."""
        world = self.world
        async with trio.open_nursery() as nursery:
            while world.whims:
                world.whims -= 1
                await trio.sleep(world.rng.choice([0, 0, 0.25, 0.5, 1, 4]))
                saga_id = world.rng.choice(list(world.graphs))
                nursery.start_soon(self.order, sec.saga_handle(saga_id), self._some_verb())

    def _some_verb(self) -> str:
        rng = self.world.rng
        return "abandon" if rng.random() < 0.05 else rng.choice(VERBS[1:])

    async def _bring_on(self, sec: SecClient) -> None:
        """Order what lets sagas go on that wait for a person."""
        for saga_id in self.world.graphs:
            history, saga = self.world.history(saga_id), sec.saga_handle(saga_id)
            if saga_id not in self.world.created or self.world.end(saga_id) is not None:
                continue
            if history.state == "ready":
                await self.order(saga, "start")
            if history.paused:
                await self.order(saga, "resume")
            for name in {each for each in history.graph.nodes if each is not None}:
                await self.order(saga, "signal", name)

    async def order(self, saga: SagaHandle, verb: str, signal: str | None = None) -> None:
        """Order something, and note what becomes of it."""
        world, why = self.world, f"order {len(self.world.given)}."
        options: dict[str, object] = {}
        value = None
        if verb == "signal":
            names = [each for each in world.graphs[saga.saga_id].nodes if each is not None]
            signal = signal or world.rng.choice([*names, "none"])
            value = world.rng.choice(["1", "2"])
            options = {"value": int(value), "replace": True}
        arguments: dict[str, tuple[object, ...]] = {"signal": (signal,)}
        if verb == "deadline":
            seconds = world.rng.choice([None, -5, 0.5, 2, 10])
            at = None if seconds is None else world.clock() + timedelta(seconds=seconds)
            arguments[verb] = (at,)
        order = Happened(None, verb, value, signal if verb == "signal" else None)
        asked = len(world.logs[saga.saga_id])
        given = Given(saga.saga_id, self.number, order, why, asked)
        world.given.append(given)
        try:
            await getattr(saga, verb)(*arguments.get(verb, ()), by="ada", why=why, **options)
            given.answer = True
        except SagaHaltedError:
            pass
        except CommandError as error:
            if type(error).__name__ not in {"SecClosing", "NoSuchSaga"}:
                given.answer, given.error = False, repr(error)
        given.answered = len(world.logs[saga.saga_id])

    # The store

    async def commit(self, record: Callable, batch: Sequence[SagaWrite]) -> Sequence[WriteOutcome]:
        """Write a batch, slowly, and be lost at it if this is the time."""
        world = self.world
        number, total = self._batches, world.batches
        self._batches, world.batches = number + 1, total + 1
        fault: Fault | None = None
        if total in world.trial.hiccups:
            fault = Unavailable(When.BEFORE if total % 2 else When.AFTER)
        match self._ending:
            case Crash(where=where, number=place) if place == number and where in MOMENTS:
                fault = CrashAtWrite(self._scope.cancel, MOMENTS[where], fault)

        async def watched(part: Sequence[SagaWrite]) -> Sequence[WriteOutcome]:
            outcomes = await record(part)
            for write, outcome in zip(part, outcomes, strict=True):
                if isinstance(outcome, Durable):
                    self._note(write)
            return outcomes

        slowly = Delay(world.pick(total, 3) / 2, world.pick(total + 1, 2) / 2, fault)
        return await slowly(watched, batch)

    def _note(self, write: SagaWrite) -> None:
        world = self.world
        if isinstance(write, SagaRecord):
            log = world.logs[write.saga_id]
            log[write.first_seq : write.first_seq + len(write.events)] = write.events
        elif write.saga_id not in world.created:
            world.created.add(write.saga_id)
            world.logs[write.saga_id][:] = write.events
        state = world.rows.state(write.saga_id)
        size = len(world.logs[write.saga_id])
        world.commits[write.saga_id].append((size, state, self.number))

    # The actions

    def registry(self) -> ActionRegistry:
        registry = ActionRegistry()
        names = {f"n{node}" for graph in self.world.graphs.values() for node in range(graph.start)}
        for name in sorted(names):
            registry.register(
                ActionFunc.new_action(name, self._of(undoing=False), self._of(undoing=True))
            )
        return registry

    def _of(self, *, undoing: bool) -> Callable[[ActionContext[None]], Awaitable[None]]:
        async def call(ctx: ActionContext[None]) -> None:
            world, saga_id, node = self.world, SagaId(ctx.saga_id), ctx.node_id
            durable = len(world.logs[saga_id])
            world.calls.append(Called(saga_id, node, undoing, durable, self.begin[saga_id]))
            await trio.sleep(world.pick(durable + node, 5) / 4)
            if (list(world.graphs).index(saga_id), node, undoing) in world.trial.failing:
                raise Planned

        return call
