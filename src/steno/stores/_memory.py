"""A store in memory: it does all that a durable one does, and is gone with the process."""

from __future__ import annotations

import bisect
from collections import Counter
from collections.abc import AsyncGenerator, Awaitable, Callable, Iterable, Sequence
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from itertools import islice

import attrs
import trio

from steno.core import (
    BulkOrderId,
    JsonText,
    SagaCachedState,
    SagaId,
    with_times,
)
from steno.errors import StoreError
from steno.store import (
    Append,
    AttentionGroup,
    BulkBook,
    BulkListQuery,
    BulkPruneQuery,
    BulkSaga,
    BulkSagaQuery,
    BulkSummary,
    BulkWrite,
    Create,
    Fence,
    ListQuery,
    Mark,
    Note,
    PruneQuery,
    SagaClaim,
    SagaCreateParams,
    SagaSummary,
    SagaWrite,
    StoredSaga,
    TakeOver,
    WriteOutcome,
    attention_groups,
    judge,
    to_timestamp,
)
from steno.stores._memory_fleet import InMemoryFleet, MemoryFleet
from steno.stores._memory_row import MemoryRow


def _now() -> datetime:
    return datetime.now(UTC)


@attrs.define(eq=False)
class InMemorySecStore:
    """
    A store that lives as long as this object.

    It keeps what it is given and fences like any other, so a SEC can be opened again on what a
    cancelled one has left: for tests, and for sagas that need not survive the process.

    Args:
        clock: Tells the time that rows are stamped with.
    """

    _clock: Callable[[], datetime] = _now
    _rows: dict[SagaId, MemoryRow] = attrs.field(init=False, factory=dict)  # by number
    _ids: list[SagaId] = attrs.field(init=False, factory=list)  # in order
    _ended: list[tuple[datetime, SagaId]] = attrs.field(init=False, factory=list)  # in order
    _graphs: dict[str, JsonText] = attrs.field(init=False, factory=dict)  # by digest
    _uses: Counter[str] = attrs.field(init=False, factory=Counter)  # of graphs, by sagas
    _last_number: int = attrs.field(init=False, default=0)
    _generations: dict[str, int] = attrs.field(init=False, factory=dict)  # by name of SEC
    _left: set[str] = attrs.field(init=False, factory=set)  # SECs whose last life was left normally
    bulk: BulkBook = attrs.field(init=False, factory=BulkBook)
    fleet: MemoryFleet = attrs.field(init=False)

    def __attrs_post_init__(self) -> None:
        """Begin with nobody in the fleet."""
        self.fleet = MemoryFleet(self._rows, self._graphs, self._begin, self._clock)

    @asynccontextmanager
    async def open(self) -> AsyncGenerator[InMemorySession, None]:
        """Open the store; any number of sessions may be open, and fence each other."""
        await trio.lowlevel.checkpoint()
        session = InMemorySession(self)
        # Sessions share the rows; only fences keep an older one, still open, from writing.
        try:
            yield session
        finally:
            session.closed = True

    def write(self, write: SagaWrite) -> WriteOutcome:
        """Do one write of a batch."""
        row = self._rows.get(write.saga_id)
        outcome, change = judge(row, write)
        match change:
            case Append() if row is not None:
                self._append(row, change)
            case Create(saga=saga):
                self._create(saga)
            case Note(problem=problem, concern=concern) if row is not None:
                row.problem, row.concern = problem, concern
                if change.abandons:
                    self._move(row, SagaCachedState.ABANDONED, self._clock())
            case Mark(passed=True) if row is not None:
                row.crashes = 0
            case Mark() if row is not None:
                row.tried = True
            case _:
                pass
        return outcome

    def _create(self, saga: SagaCreateParams) -> None:
        now = self._clock()
        self._graphs.setdefault(saga.dag_digest, saga.dag_text)
        self._uses[saga.dag_digest] += 1
        self._last_number += 1
        self._rows[saga.saga_id] = MemoryRow(
            saga_id=saga.saga_id,
            name=saga.saga_name,
            dag_digest=saga.dag_digest,
            params=saga.params,
            fence=saga.fence,
            state=saga.state,
            created=now,
            tags=saga.tags,
            concern=saga.concern,
            number=self._last_number,
            events=with_times(saga.events, to_timestamp(now)),
        )
        bisect.insort(self._ids, saga.saga_id)

    def _append(self, row: MemoryRow, change: Append) -> None:
        now = self._clock()
        row.events += with_times(change.events, to_timestamp(now))
        if change.sets_concern:
            row.concern = change.concern
        if change.clears_problem:
            row.problem = None
        if change.state is not None:
            self._move(row, change.state, now)

    def _move(self, row: MemoryRow, state: SagaCachedState, now: datetime) -> None:
        row.state = state
        # `ended` is the first end: a finished record that is sent again must not move it.
        if state.finished and row.ended is None:
            row.ended = now
            bisect.insort(self._ended, (now, row.saga_id))
        elif not state.finished and row.ended is not None:  # it was stuck, and goes on
            del self._ended[bisect.bisect_left(self._ended, (row.ended, row.saga_id))]
            row.ended = None

    def take_over(self, sec_name: str) -> TakeOver:
        """Raise the generation of a SEC and of its unfinished sagas."""
        # A SEC that has had no life yet has had no crash.
        left = sec_name in self._left or sec_name not in self._generations
        fence = self._begin(sec_name)
        claims: list[SagaClaim] = []
        for row in self._rows.values():
            if row.fence.sec_name == sec_name and row.state.is_taken_up:
                row.count_crash(left=left)
                claims.append(self._adopt(row, fence))
        self.bulk.take_over(fence)
        return TakeOver(fence, tuple(claims))

    def _begin(self, sec_name: str) -> Fence:
        """Begin a life of a SEC."""
        fence = Fence(sec_name, self._generations.get(sec_name, 0) + 1)
        self._generations[sec_name] = fence.generation
        self._left.discard(sec_name)
        return fence

    def claim(self, saga_id: SagaId, sec_name: str) -> SagaClaim | None:
        """Make a SEC the owner of one saga that can go on."""
        row = self._rows.get(saga_id)
        if row is None or not row.state.can_go_on:
            return None
        row.crashes = 0
        return self._adopt(row, Fence(sec_name, self._generations.get(sec_name, 0)))

    def leave(self, fence: Fence) -> None:
        """Note that a life of a SEC was left normally, unless a later one has begun."""
        if self._generations.get(fence.sec_name) == fence.generation:
            self._left.add(fence.sec_name)

    @staticmethod
    def _adopt(row: MemoryRow, sec: Fence) -> SagaClaim:
        return row.adopt(sec)

    def load(self, saga_id: SagaId) -> StoredSaga | None:
        """Return all that is stored of a saga."""
        row = self._rows.get(saga_id)
        if row is None:
            return None
        return StoredSaga(
            row.summary(),
            row.fence,
            row.dag_digest,
            self._graphs[row.dag_digest],
            row.params,
            tuple(row.events),
        )

    def list(self, query: ListQuery) -> list[SagaSummary]:
        """Return a page of the sagas; this looks at each saga until the page is full."""
        if query.newest_first:
            before = query.after_number
            rows: Iterable[MemoryRow] = reversed(self._rows.values())
            rows = (row for row in rows if before is None or row.number < before)
        else:
            after = query.after_id
            first = 0 if after is None else bisect.bisect_right(self._ids, after)
            rows = (self._rows[saga_id] for saga_id in self._ids[first:])
        found = ((row.summary(), row.fence.sec_name) for row in rows)
        # The limit counts matches only, so it cannot be a slice of the rows.
        return list(
            islice((saga for saga, owner in found if query.matches(saga, owner)), query.limit)
        )

    def matching(self, query: ListQuery) -> Sequence[SagaId]:
        """Return the ids of all sagas that match a query, whatever its limit."""
        whole = attrs.evolve(query, marker=None, limit=len(self._rows) + 1)
        return [saga.saga_id for saga in self.list(whole)]

    def attention(self, query: ListQuery) -> Sequence[AttentionGroup]:
        """Count the sagas at which a person should look; this looks at each saga."""
        found = ((row.summary(), row.fence.sec_name) for row in self._rows.values())
        return attention_groups(
            Counter(
                (saga.saga_name, saga.concern)
                for saga, owner in found
                if saga.concern is not None and query.matches(saga, owner)
            )
        )

    def prune(self, query: PruneQuery) -> Sequence[SagaId]:
        """Delete some finished sagas, the oldest first."""
        until = self._clock() - query.older_than
        pruned: list[SagaId] = []
        for ended, saga_id in self._ended:
            if ended > until or len(pruned) == query.limit:  # the rest ended later still
                break
            row = self._rows[saga_id]
            if row.state in query.states and query.sec_name in {None, row.fence.sec_name}:
                pruned.append(saga_id)
        for saga_id in pruned:
            self._delete(self._rows.pop(saga_id))
        return pruned

    def write_bulk(self, write: BulkWrite) -> WriteOutcome:
        """Create an order to many sagas, or note what became of it."""
        return self.bulk.write(write, self._clock(), self.matching)

    def prune_bulk(self, query: BulkPruneQuery) -> Sequence[BulkOrderId]:
        """Delete some orders to many sagas that have ended."""
        return self.bulk.prune(query, self._clock() - query.older_than)

    def _delete(self, row: MemoryRow) -> None:
        del self._ids[bisect.bisect_left(self._ids, row.saga_id)]
        if row.ended is not None:
            del self._ended[bisect.bisect_left(self._ended, (row.ended, row.saga_id))]
        self._uses[row.dag_digest] -= 1
        if not self._uses[row.dag_digest]:
            del self._graphs[row.dag_digest], self._uses[row.dag_digest]


@attrs.define(eq=False)
class InMemorySession:
    """An open `InMemorySecStore`; see `SecStoreSession`."""

    _store: InMemorySecStore
    closed: bool = False

    async def _checkpoint(self) -> InMemorySecStore:
        await trio.lowlevel.checkpoint()
        if self.closed:
            msg = "the session is closed"
            raise StoreError(msg)
        return self._store

    @property
    def bulk(self) -> InMemoryBulk:
        """The orders to many sagas."""
        return InMemoryBulk(self._checkpoint)

    @property
    def fleet(self) -> InMemoryFleet:
        """The SECs that share the store."""
        return InMemoryFleet(self._checkpoint)

    async def take_over(self, sec_name: str) -> TakeOver:
        """Raise the generation of a SEC and of all its unfinished sagas."""
        return (await self._checkpoint()).take_over(sec_name)

    async def claim(self, saga_id: SagaId, sec_name: str) -> SagaClaim | None:
        """Make a SEC the owner of one saga that can go on."""
        return (await self._checkpoint()).claim(saga_id, sec_name)

    async def leave(self, fence: Fence) -> None:
        """Note that a life of a SEC was left normally."""
        (await self._checkpoint()).leave(fence)

    async def record(self, batch: Sequence[SagaWrite]) -> Sequence[WriteOutcome]:
        """Write a batch; no part of it is ever visible without the rest."""
        store = await self._checkpoint()
        # No checkpoint from here on: that is what makes the batch a transaction.
        return [store.write(write) for write in batch]

    async def load(self, saga_id: SagaId) -> StoredSaga | None:
        """Return all that is stored of a saga."""
        return (await self._checkpoint()).load(saga_id)

    async def list(self, query: ListQuery) -> Sequence[SagaSummary]:
        """Return a page of the sagas."""
        return (await self._checkpoint()).list(query)

    async def attention(self, query: ListQuery) -> Sequence[AttentionGroup]:
        """Count the sagas at which a person should look."""
        return (await self._checkpoint()).attention(query)

    async def prune(self, query: PruneQuery) -> Sequence[SagaId]:
        """Delete some finished sagas, and return which."""
        return (await self._checkpoint()).prune(query)


@attrs.frozen(eq=False)
class InMemoryBulk:
    """The orders to many sagas in an open `InMemorySecStore`; see `BulkSession`."""

    _checkpoint: Callable[[], Awaitable[InMemorySecStore]]

    async def write(self, write: BulkWrite) -> WriteOutcome:
        """Create an order, or note what became of it."""
        return (await self._checkpoint()).write_bulk(write)

    async def list(self, query: BulkListQuery) -> Sequence[BulkSummary]:
        """Return a page of the orders, the newest first."""
        return (await self._checkpoint()).bulk.list(query)

    async def sagas(self, query: BulkSagaQuery) -> Sequence[BulkSaga]:
        """Return a page of the sagas of an order."""
        return (await self._checkpoint()).bulk.sagas(query)

    async def prune(self, query: BulkPruneQuery) -> Sequence[BulkOrderId]:
        """Delete some orders that have ended."""
        return (await self._checkpoint()).prune_bulk(query)
