"""The in-memory store with all that a subject of the conformance kit can have: hooks, a reader."""

import bisect
from collections import Counter, defaultdict
from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from contextlib import asynccontextmanager, contextmanager
from datetime import UTC, datetime, timedelta

import attrs
import trio

from steno import InMemorySecStore, SagaCachedState, SagaId, StoreError, StoreUnavailable
from steno.core import with_times
from steno.errors import NoSuchSaga, RecoveryError, SagaIdInUse
from steno.store import (
    Durable,
    Fence,
    ListQuery,
    LogEntry,
    Lost,
    PruneQuery,
    Rejected,
    SagaCreateParams,
    SagaRecord,
    SagaSummary,
    SagaTimes,
    SagaTrial,
    SagaWrite,
    StoredSaga,
    WriteOutcome,
    to_timestamp,
)
from steno.stores._memory import InMemoryBulk, InMemorySession
from steno.stores._memory_row import MemoryRow
from steno.testing.conformance import Subject

MORNING = datetime(2026, 5, 4, 8, tzinfo=UTC)


async def a_while() -> None:
    """Let the other tasks go on, whatever the order that Trio takes them in."""
    for _ in range(4):
        await trio.lowlevel.checkpoint()


class HookedSession(InMemorySession):
    """A session that knows of the hooks."""

    @property
    def store(self) -> "HookedStore":
        return self._store

    async def checked(self) -> "HookedStore":
        return await self._checkpoint()

    async def _checkpoint(self) -> "HookedStore":
        store = await super()._checkpoint()
        if store.fails:
            raise StoreUnavailable(store.fails)
        return store


class HookedReader:
    """An open store, to be looked at."""

    def __init__(self, store: "HookedStore") -> None:
        self.store = store
        self.closed = False

    async def checked(self) -> "HookedStore":
        await trio.lowlevel.checkpoint()
        if self.closed:
            raise StoreError("the reader is closed")
        return self.store

    @property
    def bulk(self) -> InMemoryBulk:
        return InMemoryBulk(self.checked)

    async def load(self, saga_id: SagaId) -> StoredSaga | None:
        return (await self.checked()).load(saga_id)

    async def list(self, query: ListQuery) -> Sequence[SagaSummary]:
        return (await self.checked()).list(query)

    async def entries(self, saga_id: SagaId) -> Sequence[LogEntry]:
        return (await self.checked()).entries(saga_id)

    async def count(self) -> Mapping[SagaCachedState, int]:
        return (await self.checked()).count()


@attrs.define(eq=False)
class HookedRow(MemoryRow):
    """A row that keeps when it progressed, so that this can go wrong."""

    progressed: datetime = MORNING

    def summary(self) -> SagaSummary:
        times = SagaTimes(self.created, self.progressed, self.ended)
        return attrs.evolve(super().summary(), times=times)


class HookedStore(InMemorySecStore):
    """
    A store that passes every case, none skipped.

    It has rules of its own, which can go wrong one by one.
    """

    session_class = HookedSession
    reader_class = HookedReader

    def __init__(self) -> None:
        super().__init__(lambda: self.now)
        self.now = MORNING
        self.newer = False
        self.fails = ""
        self.damaged: set[SagaId] = set()
        self.stamps: dict[SagaId, list[tuple[datetime, str]]] = defaultdict(list)

    @asynccontextmanager
    async def open(self) -> AsyncIterator[HookedSession]:
        await trio.lowlevel.checkpoint()
        if self.newer:
            raise StoreError("a newer release has written this")
        session = self.session_class(self)
        try:
            yield session
        finally:
            session.closed = True

    @asynccontextmanager
    async def open_reader(self) -> AsyncIterator[HookedReader]:
        await trio.lowlevel.checkpoint()
        reader = self.reader_class(self)
        try:
            yield reader
        finally:
            reader.closed = True

    def write(self, write: SagaWrite) -> WriteOutcome:
        outcome = self._write(write)
        if (row := self._rows.get(write.saga_id)) is not None:
            stamps = self.stamps[write.saga_id]
            stamps += [(self.now, write.fence.sec_name)] * (len(row.events) - len(stamps))
        return outcome

    def _write(self, write: SagaWrite) -> WriteOutcome:
        row = self._rows.get(write.saga_id)
        if isinstance(write, SagaCreateParams):
            return self._create(write, row)
        if row is None:
            return Rejected(NoSuchSaga(write.saga_id))
        if row.fence != write.fence:
            return Lost(row.fence.sec_name)
        if isinstance(write, SagaRecord):
            return self._append(write, row)
        if isinstance(write, SagaTrial):
            return self._try(write, row)
        row.problem = write.problem
        if write.abandons:
            self._abandon(row)
        return Durable()

    def _create(self, saga: SagaCreateParams, row: HookedRow | None) -> WriteOutcome:
        if row is not None:
            stored = (row.name, row.dag_digest, row.params, row.fence, row.state, (*row.events,))
            name, digest, params = saga.saga_name, saga.dag_digest, saga.params
            again = stored == (name, digest, params, saga.fence, saga.state, saga.events)
            return Durable() if again else Rejected(SagaIdInUse(saga.saga_id))
        super()._create(saga)
        made = self._rows[saga.saga_id]
        names = [field.name for field in attrs.fields(type(made))]
        self._rows[saga.saga_id] = HookedRow(**{name: getattr(made, name) for name in names})
        self._rows[saga.saga_id].progressed = self._clock()
        return Durable()

    def _append(self, record: SagaRecord, row: HookedRow) -> WriteOutcome:
        stored = row.events[record.first_seq :]
        if record.first_seq > len(row.events) or (*stored,) != record.events[: len(stored)]:
            return Rejected(StoreError("the events do not follow"))
        now = self._clock()
        row.events += with_times(record.events[len(stored) :], to_timestamp(now))
        row.progressed = now
        row.state = record.state
        if record.state.finished and row.ended is None:
            self._end(row)
        elif not record.state.finished and row.ended is not None:
            self._go_on(row)
        return Durable()

    def _abandon(self, row: HookedRow) -> None:
        row.state = SagaCachedState.ABANDONED
        if row.ended is None:
            self._end(row)

    def _end(self, row: HookedRow) -> None:
        row.ended = self._clock()
        bisect.insort(self._ended, (row.ended, row.saga_id))

    def _go_on(self, row: HookedRow) -> None:
        self._ended.remove((row.ended, row.saga_id))
        row.ended = None

    def _try(self, trial: SagaTrial, row: HookedRow) -> WriteOutcome:
        if trial.passed:
            row.crashes = 0
        else:
            row.tried = True
        return Durable()

    def load(self, saga_id: SagaId) -> StoredSaga | None:
        if saga_id in self.damaged:
            raise RecoveryError(f"saga {saga_id} cannot be read")
        return super().load(saga_id)

    def prune(self, query: PruneQuery) -> Sequence[SagaId]:
        pruned = super().prune(query)
        for saga_id in pruned:
            self.stamps.pop(saga_id, None)
        return pruned

    def entries(self, saga_id: SagaId) -> Sequence[LogEntry]:
        row = self._rows.get(saga_id)
        events = [] if row is None else row.events
        stamps = self.stamps[saga_id]
        return [
            LogEntry(seq, event, *stamp)
            for seq, (event, stamp) in enumerate(zip(events, stamps, strict=True))
        ]

    def count(self) -> Mapping[SagaCachedState, int]:
        return Counter(row.state for row in self._rows.values())

    # Hooks

    def make_newer(self) -> None:
        self.newer = True

    @contextmanager
    def failing(self) -> Iterator[None]:
        self.fails = "the disk is full"
        yield
        self.fails = ""

    def advance(self, by: timedelta) -> None:
        self.now += by

    def subject(self) -> Subject:
        hooks = self.make_newer, self.failing, self.damaged.add, self.advance, self.lapse
        return Subject(self, *hooks)

    def lapse(self, fence: Fence) -> None:
        self.fleet.lapse(fence)
