"""
A world for a SEC to live in: actions that do as a test says, and a store that does so too.

A `World` outlives its SECs, as other systems and databases do. It notes every call of an action
(`a`) and of an undo action (`~a`), and every event once the store has answered for it (`+ a`), in
one list, so that a test can say what came before what.
"""

from collections import deque
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from uuid import UUID

import attrs
import trio

import steno
from steno.core import SagaNodeEvent
from steno.store import (
    Durable,
    ListQuery,
    SagaClaim,
    SagaRecord,
    SagaSummary,
    SagaWrite,
    StoredSaga,
    TakeOver,
    WriteOutcome,
)
from support.demo import build
from support.notation import shown

Behaviour = Callable[[steno.ActionContext["World"]], Awaitable[object]]

Batch = Sequence[SagaWrite]
Outcomes = Sequence[WriteOutcome]
WriteBatch = Callable[[Batch], Awaitable[Outcomes]]
Fault = Callable[[WriteBatch, Batch], Awaitable[Outcomes]]
"""What a store does with a batch, given how to write it properly."""


def ids(count: int) -> list[UUID]:
    """Return saga ids, in their order."""
    return [UUID(int=number) for number in range(1, count + 1)]


# What actions do


def returns(value: object) -> Behaviour:
    async def behave(_: steno.ActionContext["World"]) -> object:
        return value

    return behave


def raises(error: BaseException) -> Behaviour:
    async def behave(_: steno.ActionContext["World"]) -> object:
        raise error

    return behave


def each_time(*behaviours: Behaviour) -> Behaviour:
    """Behave as the first at the first call, and so on; then on and on as the last."""
    left = list(behaviours)

    async def behave(ctx: steno.ActionContext["World"]) -> object:
        return await (left.pop(0) if len(left) > 1 else left[0])(ctx)

    return behave


def takes(seconds: float, then: Behaviour | None = None) -> Behaviour:
    async def behave(ctx: steno.ActionContext["World"]) -> object:
        await trio.sleep(seconds)
        return await then(ctx) if then is not None else None

    return behave


def waits_for(event: trio.Event, then: Behaviour | None = None) -> Behaviour:
    async def behave(ctx: steno.ActionContext["World"]) -> object:
        await event.wait()
        return await then(ctx) if then is not None else None

    return behave


async def hangs(_: steno.ActionContext["World"]) -> None:
    await trio.sleep_forever()


@attrs.define(eq=False)
class World:
    """
    Actions, what was done with them, and a store.

    Attributes:
        store: The store, with its faults.
        registry: An action for each name that was used in `saga`.
        trace: What has happened.
        sec: The SEC that was opened last.
    """

    store: "ScriptedStore" = attrs.field(factory=lambda: ScriptedStore())
    registry: steno.ActionRegistry = attrs.field(init=False, factory=steno.ActionRegistry)
    trace: list[str] = attrs.field(init=False, factory=list)
    sec: steno.SecClient = attrs.field(init=False)
    _known: set[str] = attrs.field(init=False, factory=set)
    _doing: dict[str, Behaviour] = attrs.field(init=False, factory=dict)
    _undoing: dict[str, Behaviour] = attrs.field(init=False, factory=dict)

    def __attrs_post_init__(self) -> None:
        self.store.trace = self.trace

    def saga(self, *stages: object, params: object = None, name: str = "test") -> steno.SagaDag:
        """Return a saga; a stage is a name, a node, or several; its actions are registered."""
        dag = steno.SagaDag(build(name, *stages), params)
        for action in dag.flat.action_names.keys() - self._known:
            self._known.add(action)
            self.registry.register(
                steno.ActionFunc.new_action(action, self._do(action), self._undo(action))
            )
        return dag

    def does(self, action: str, behaviour: Behaviour | None = None) -> Callable[[Behaviour], Behaviour]:
        """Say what an action does; also a decorator. Unless told it returns "<its name>!"."""
        return _say(self._doing, action, behaviour)

    def undoes(
        self, action: str, behaviour: Behaviour | None = None
    ) -> Callable[[Behaviour], Behaviour]:
        """Say what an undo action does; also a decorator. Unless told it does nothing."""
        return _say(self._undoing, action, behaviour)

    def _do(self, action: str) -> Behaviour:
        async def do(ctx: steno.ActionContext[World]) -> object:
            self.trace.append(ctx.node_name)
            return await self._doing.get(action, returns(f"{action}!"))(ctx)

        return do

    def _undo(self, action: str) -> Behaviour:
        async def undo(ctx: steno.ActionContext[World]) -> None:
            self.trace.append(f"~{ctx.node_name}")
            await self._undoing.get(action, returns(None))(ctx)

        return undo

    @property
    def calls(self) -> list[str]:
        """What was called so far, as `a` or `~a`."""
        return [item for item in self.trace if not item.startswith("+ ")]

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
        """Open a SEC that recovers what there is, and wait for a saga."""
        async with self.open(**options) as sec:
            return await sec.saga_wait(saga_id)


def _say(
    kept: dict[str, Behaviour], action: str, behaviour: Behaviour | None
) -> Callable[[Behaviour], Behaviour]:
    def keep(behaviour: Behaviour) -> Behaviour:
        kept[action] = behaviour
        return behaviour

    return keep if behaviour is None else keep(behaviour)


# What a store does


def unavailable(why: str = "away") -> Fault:
    async def fault(_: WriteBatch, __: Batch) -> Outcomes:
        raise steno.StoreUnavailable(why)

    return fault


def unavailable_after_writing() -> Fault:
    """Write the batch, and lose the answer."""

    async def fault(write: WriteBatch, batch: Batch) -> Outcomes:
        await write(batch)
        raise steno.StoreUnavailable("the answer was lost")

    return fault


def slow(seconds: float) -> Fault:
    async def fault(write: WriteBatch, batch: Batch) -> Outcomes:
        await trio.sleep(seconds)
        return await write(batch)

    return fault


def opened_by(event: trio.Event) -> Fault:
    """Write the batch, then answer when the event is set."""

    async def fault(write: WriteBatch, batch: Batch) -> Outcomes:
        outcomes = await write(batch)
        await event.wait()
        return outcomes

    return fault


def poisoned(saga_id: UUID, error: Exception) -> Fault:
    """Refuse every batch that has something of a saga in it."""

    async def fault(write: WriteBatch, batch: Batch) -> Outcomes:
        if any(item.saga_id == saga_id for item in batch):
            raise error
        return await write(batch)

    return fault


async def works(write: WriteBatch, batch: Batch) -> Outcomes:
    return await write(batch)


@attrs.define(eq=False)
class ScriptedStore:
    """
    An `InMemorySecStore` with faults.

    Attributes:
        inner: Where the rows are.
        script: What happens to the next batches, one each.
        then: What happens to those after them.
        reading: Awaited before anything is read, with the name of the method.
        batches: Every batch that the store was given.
        durable: Every batch that the store has answered for, with all of it durable or not.
        trace: Where each event is noted, by its node's name, when the store has answered for it.
    """

    inner: steno.InMemorySecStore = attrs.field(factory=steno.InMemorySecStore)
    script: deque[Fault] = attrs.field(init=False, factory=deque)
    then: Fault = attrs.field(init=False, default=works)
    reading: Callable[[str], Awaitable[None]] | None = attrs.field(init=False, default=None)
    batches: list[Batch] = attrs.field(init=False, factory=list)
    durable: list[tuple[Batch, Outcomes]] = attrs.field(init=False, factory=list)
    trace: list[str] = attrs.field(init=False, factory=list)

    @asynccontextmanager
    async def open(self) -> AsyncIterator["ScriptedSession"]:
        async with self.inner.open() as session:
            yield ScriptedSession(self, session)

    async def row(self, saga_id: UUID) -> StoredSaga | None:
        """Return what is stored of a saga, whatever the store does to others."""
        async with self.inner.open() as session:
            return await session.load(saga_id)

    async def log(self, saga_id: UUID) -> str:
        """Return a stored log, in the notation of the specification."""
        return shown((await self.row(saga_id)).events)

    async def state(self, saga_id: UUID) -> str:
        """Return the state that a saga's row says."""
        return (await self.row(saga_id)).summary.state.value

    async def problem(self, saga_id: UUID) -> str | None:
        return (await self.row(saga_id)).summary.problem

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


@attrs.define(eq=False)
class ScriptedSession:
    """An open `ScriptedStore`."""

    _store: ScriptedStore
    _inner: steno.SecStoreSession

    async def _reading(self, method: str) -> None:
        if self._store.reading is not None:
            await self._store.reading(method)

    async def take_over(self, sec_name: str) -> TakeOver:
        await self._reading("take_over")
        return await self._inner.take_over(sec_name)

    async def claim(self, saga_id: UUID, sec_name: str) -> SagaClaim | None:
        await self._reading("claim")
        return await self._inner.claim(saga_id, sec_name)

    async def record(self, batch: Batch) -> Outcomes:
        store = self._store
        store.batches.append(tuple(batch))
        fault = store.script.popleft() if store.script else store.then
        outcomes = await fault(self._inner.record, batch)
        store.durable.append((tuple(batch), outcomes))
        for write, outcome in zip(batch, outcomes, strict=False):
            if isinstance(write, SagaRecord) and isinstance(outcome, Durable):
                dag = steno.core.read_flat((await store.row(write.saga_id)).dag_text)
                for event in write.events:
                    mark = shown([event]).lstrip("0123456789")
                    store.trace.append(f"+ {dag.name_of(event.node_id)}{mark}")
        return outcomes

    async def load(self, saga_id: UUID) -> StoredSaga | None:
        await self._reading("load")
        return await self._inner.load(saga_id)

    async def list(self, query: ListQuery) -> Sequence[SagaSummary]:
        await self._reading("list")
        return await self._inner.list(query)
