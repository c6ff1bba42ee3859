"""
A world for a SEC to live in: actions that do as a test says, and a store that does so too.

A `World` outlives its SECs, as other systems and databases do. In one list it notes every call of
an action (`a`) and of an undo action (`~a`), and every write of events once the store has answered
for it (`commit a✓ b+`), so that a test can say what came before what.
"""

from collections import deque
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager, suppress
from functools import cache
from typing import TypeAlias
from uuid import UUID

import attrs
import trio

import steno
from steno.core import FlatDag, SagaNodeEvent, read_flat
from steno.store import (
    AttentionGroup,
    BulkSession,
    Durable,
    Fence,
    ListQuery,
    PruneQuery,
    SagaClaim,
    SagaCreateParams,
    SagaRecord,
    SagaSummary,
    SagaWrite,
    StoredSaga,
    TakeOver,
    WriteOutcome,
)
from steno.testing.notation import MARKS, shown
from support.demo import build

Context: TypeAlias = "steno.ActionContext[World]"
Behaviour: TypeAlias = Callable[[Context], Awaitable[object]]

Batch: TypeAlias = Sequence[SagaWrite]
Outcomes: TypeAlias = Sequence[WriteOutcome]
WriteBatch: TypeAlias = Callable[[Batch], Awaitable[Outcomes]]
Fault: TypeAlias = Callable[[WriteBatch, Batch], Awaitable[Outcomes]]  # given how it is done well

COMMIT = "commit "


def ids(count: int) -> list[UUID]:
    """Return saga ids, in their order."""
    return [UUID(int=number) for number in range(1, count + 1)]


# What an action does


async def stray_cancelled() -> trio.Cancelled:
    """Return a `Cancelled` of a scope that is long over."""
    with trio.CancelScope() as scope:
        scope.cancel()
        try:
            await trio.lowlevel.checkpoint()
        except trio.Cancelled as cancelled:  # noqa: ASYNC103 - to be raised where it must not be
            return cancelled  # noqa: ASYNC104 - as above
    raise AssertionError


async def nothing(_: Context) -> None:
    await trio.lowlevel.checkpoint()


def returns(value: object) -> Behaviour:
    async def behave(_: Context) -> object:
        return value

    return behave


def raises(error: BaseException) -> Behaviour:
    async def behave(_: Context) -> object:
        raise error

    return behave


def takes(seconds: float, then: Behaviour = nothing) -> Behaviour:
    async def behave(ctx: Context) -> object:
        await trio.sleep(seconds)
        return await then(ctx)

    return behave


def waits_for(event: trio.Event, then: Behaviour = nothing) -> Behaviour:
    async def behave(ctx: Context) -> object:
        await event.wait()
        return await then(ctx)

    return behave


def each_time(*behaviours: Behaviour) -> Behaviour:
    """Behave as the first at the first call, and so on; then on and on as the last."""
    left = list(behaviours)

    async def behave(ctx: Context) -> object:
        return await (left.pop(0) if len(left) > 1 else left[0])(ctx)

    return behave


async def hangs(_: Context) -> None:
    await trio.sleep_forever()


@attrs.define(eq=False, repr=False)
class World:
    """
    Actions, what was done with them, and a store.

    Attributes:
        store: The store, with its faults.
        registry: An action for each name that was used in `saga`.
        trace: What has happened.
        sec: The SEC that was opened last.
    """

    store: "ScriptedStore" = attrs.field(init=False)
    registry: steno.ActionRegistry = attrs.field(init=False, factory=steno.ActionRegistry)
    trace: list[str] = attrs.field(init=False, factory=list)
    sec: steno.SecClient = attrs.field(init=False)
    _known: set[str] = attrs.field(init=False, factory=set)
    _doing: dict[str, Behaviour] = attrs.field(init=False, factory=dict)
    _undoing: dict[str, Behaviour] = attrs.field(init=False, factory=dict)

    def __attrs_post_init__(self) -> None:
        self.store = ScriptedStore(self.trace)

    def saga(self, *stages: object, params: object = None, name: str = "test") -> steno.SagaDag:
        """Return a saga; a stage is a name, a node, or several; its actions are registered."""
        return steno.SagaDag(self.dag(name, *stages), params)

    def dag(self, name: str, *stages: object) -> steno.Dag:
        """Return a graph; its actions are registered."""
        dag = build(name, *stages)
        for action in dag.flat.action_names.keys() - self._known:
            self._known.add(action)
            do = self._function(action, "", returns(f"{action}!"), self._doing)
            undo = self._function(action, "~", returns(None), self._undoing)
            self.registry.register(steno.ActionFunc.new_action(action, do, undo))
        return dag

    def registers(self, action: steno.ActionFunc) -> steno.ActionFunc:
        """Register an action that a test has made itself, and return it."""
        self._known.add(action.name)
        self.registry.register(action)
        return action

    def subsaga(self, name: str, *stages: object, params: str = "p") -> steno.Node:
        """Return a subsaga node; the graph in it has the node's name."""
        return steno.Node.subsaga(name, self.dag(name, *stages), params)

    def _function(
        self, action: str, mark: str, unless_told: Behaviour, told: dict[str, Behaviour]
    ) -> Behaviour:
        async def function(ctx: Context) -> object:
            self.trace.append(mark + ctx.node_name)
            return await told.get(action, unless_told)(ctx)

        return function

    def does(self, action: str, behaviour: Behaviour) -> None:
        """Say what an action does; unless told it returns its name and `!`."""
        self._doing[action] = behaviour

    def undoes(self, action: str, behaviour: Behaviour) -> None:
        """Say what an undo action does; unless told it does nothing."""
        self._undoing[action] = behaviour

    @property
    def calls(self) -> list[str]:
        """What was called so far, as `a` or `~a`."""
        return [item for item in self.trace if not item.startswith(COMMIT)]

    @asynccontextmanager
    async def open(self, **options: object) -> AsyncIterator[steno.SecClient]:
        """Open a SEC on this world's store; its actions have the world as their user data."""
        if "make_context" not in options:
            options.setdefault("context", self)
        async with steno.open_sec(self.store, self.registry, **options) as self.sec:
            yield self.sec

    @asynccontextmanager
    async def doomed(self, **options: object) -> AsyncIterator[steno.SecClient]:
        """Open a SEC, and crash it at the end of the block, whatever it is doing then."""
        with trio.CancelScope() as crash:
            async with self.open(**options) as sec:
                yield sec
                crash.cancel()

    async def finish(self, saga_id: UUID, **options: object) -> steno.SagaResult:
        """Open a SEC, which recovers what there is; start a saga if it is ready; wait for it."""
        async with self.open(**options) as sec:
            with suppress(steno.SagaNotReady):
                await sec.saga_start(saga_id)
            return await sec.saga_wait(saga_id)


async def started(saga: steno.SagaHandle) -> None:
    """Start a saga, in a task of its own; what becomes of that is seen elsewhere."""
    with suppress(steno.StenoError):
        await saga.start()


# What a store does


def unavailable(why: str = "away") -> Fault:
    async def fault(_: WriteBatch, __: Batch) -> Outcomes:
        raise steno.StoreUnavailable(why)

    return fault


async def loses_the_answer(write: WriteBatch, batch: Batch) -> Outcomes:
    await write(batch)
    raise steno.StoreUnavailable("the answer was lost")


def slow(seconds: float) -> Fault:
    async def fault(write: WriteBatch, batch: Batch) -> Outcomes:
        await trio.sleep(seconds)
        return await write(batch)

    return fault


def answers_at(event: trio.Event) -> Fault:
    """Write the batch, and answer when the event is set."""

    async def fault(write: WriteBatch, batch: Batch) -> Outcomes:
        outcomes = await write(batch)
        await event.wait()
        return outcomes

    return fault


def refuses(saga_id: UUID, error: Exception) -> Fault:
    """Refuse every batch that has something of a saga in it, as a whole."""

    async def fault(write: WriteBatch, batch: Batch) -> Outcomes:
        if any(item.saga_id == saga_id for item in batch):
            raise error
        return await write(batch)

    return fault


async def works(write: WriteBatch, batch: Batch) -> Outcomes:
    return await write(batch)


@attrs.define(eq=False, repr=False)
class ScriptedStore:
    """
    An `InMemorySecStore` with faults.

    Attributes:
        trace: Where each write of events is noted, when the store has answered for it.
        inner: Where the rows are.
        script: What happens to the next batches, one each.
        then: What happens to those after them.
        reading: Awaited before anything is read, with the name of the method.
        batches: Every batch that the store was given.
    """

    trace: list[str]
    inner: steno.InMemorySecStore = attrs.field(init=False, factory=steno.InMemorySecStore)
    script: deque[Fault] = attrs.field(init=False, factory=deque)
    then: Fault = attrs.field(init=False, default=works)
    reading: Callable[[str], Awaitable[None]] | None = attrs.field(init=False, default=None)
    batches: list[Batch] = attrs.field(init=False, factory=list)

    @asynccontextmanager
    async def open(self) -> AsyncIterator["ScriptedSession"]:
        async with self.inner.open() as session:
            yield ScriptedSession(self, session)

    # What is in it, whatever it does to others

    def row(self, saga_id: UUID) -> StoredSaga | None:
        return self.inner.load(saga_id)

    def log(self, saga_id: UUID) -> str:
        """Return a stored log, in the notation of the specification."""
        return shown(self.row(saga_id).events)

    def state(self, saga_id: UUID) -> str:
        """Return the state that a saga's row says."""
        return self.row(saga_id).summary.state.value

    def problem(self, saga_id: UUID) -> str | None:
        return self.row(saga_id).summary.problem

    def spoil_graph(self, saga_id: UUID, text: str) -> Callable[[], None]:
        """Overwrite a saga's graph; return what mends it."""
        graphs = self.inner._graphs  # noqa: SLF001 - a disk that fails does not ask either
        digest = self.inner._rows[saga_id].dag_digest  # noqa: SLF001 - as above
        sound, graphs[digest] = graphs[digest], text
        return lambda: graphs.update({digest: sound})

    def spoil_log(self, saga_id: UUID, events: Sequence[SagaNodeEvent]) -> Callable[[], None]:
        """Overwrite a saga's log; return what mends it."""
        row = self.inner._rows[saga_id]  # noqa: SLF001 - a disk that fails does not ask either
        sound, row.events = row.events, list(events)

        def mend() -> None:
            row.events = sound

        return mend


@attrs.define(eq=False, repr=False)
class ScriptedSession:
    """An open `ScriptedStore`."""

    _store: ScriptedStore
    _inner: steno.SecStoreSession

    async def _reading(self, method: str) -> None:
        if self._store.reading is not None:
            await self._store.reading(method)

    @property
    def bulk(self) -> BulkSession:
        return self._inner.bulk

    async def take_over(self, sec_name: str) -> TakeOver:
        await self._reading("take_over")
        return await self._inner.take_over(sec_name)

    async def claim(self, saga_id: UUID, sec_name: str) -> SagaClaim | None:
        await self._reading("claim")
        return await self._inner.claim(saga_id, sec_name)

    async def leave(self, fence: Fence) -> None:
        await self._reading("leave")
        await self._inner.leave(fence)

    async def record(self, batch: Batch) -> Outcomes:
        store = self._store
        store.batches.append(tuple(batch))
        fault = store.script.popleft() if store.script else store.then
        outcomes = await fault(self._inner.record, batch)
        for write, outcome in zip(batch, outcomes, strict=False):
            with_events = isinstance(write, SagaCreateParams | SagaRecord) and write.events
            if with_events and isinstance(outcome, Durable):
                flat = _flat(store.row(write.saga_id).dag_text)
                store.trace.append(COMMIT + " ".join(_named(flat, e) for e in write.events))
        return outcomes

    async def load(self, saga_id: UUID) -> StoredSaga | None:
        await self._reading("load")
        return await self._inner.load(saga_id)

    async def list(self, query: ListQuery) -> Sequence[SagaSummary]:
        await self._reading("list")
        return await self._inner.list(query)

    async def attention(self, query: ListQuery) -> Sequence[AttentionGroup]:
        await self._reading("attention")
        return await self._inner.attention(query)

    async def prune(self, query: PruneQuery) -> Sequence[UUID]:
        await self._reading("prune")
        return await self._inner.prune(query)


@cache
def _flat(text: str) -> FlatDag:
    return read_flat(text)


def _named(flat: FlatDag, event: SagaNodeEvent) -> str:
    """Return an event in the notation of the specification, its node by name."""
    if event.node_id is None:
        return shown([event])
    name = flat.name_of(event.node_id)
    short = {"(start node)": "start", "(end node)": "end"}.get(name, name)
    return short + MARKS[type(event.event_type)]
