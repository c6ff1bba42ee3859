"""
Writes to a SQLite database, each a plain method on the one connection that writes.

Theory of operation. The rules of `steno.store` decide the outcome of a write (`judge`); here is
what they look at, and how a change is written. As this is the only writer, the rows of sagas that
are under way are kept in memory as they were last written, so that a step is a single insert. They
are forgotten when a transaction fails, or when SQLite says that another connection has written all
the same (`PRAGMA data_version`), as an operator's shell may.

What a batch comes to is gathered first, and written by a few statements for all of it. A saga's row
is written only when its state, its problem or its concern changes.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Generator, Sequence
from contextlib import contextmanager
from datetime import datetime
from typing import cast
from uuid import UUID

import attrs

from steno.core import (
    BulkOrderId,
    Concern,
    SagaCachedState,
    SagaId,
    SagaNodeEvent,
    Timestamp,
)
from steno.errors import RecoveryError
from steno.store import (
    Append,
    BulkPruneQuery,
    BulkWrite,
    Create,
    Fence,
    Mark,
    Note,
    PruneQuery,
    Rejected,
    SagaClaim,
    SagaCreateParams,
    SagaWrite,
    TakeOver,
    WriteOutcome,
    judge,
    to_timestamp,
)
from steno.stores._concern import CONCERN, concern_columns, concern_of
from steno.stores._step import events_from_rows, shown, size_of, step_rows
from steno.stores.sqlite._bulk import prune_bulk, write_bulk
from steno.stores.sqlite._changes import Changes
from steno.stores.sqlite._file import Opened
from steno.stores.sqlite._ownership import claim, leave, take_over
from steno.stores.sqlite._prune import prune
from steno.stores.sqlite._row import STEPS
from steno.stores.sqlite._statement import (
    any_text,
    select_in,
    transaction,
)
from steno.stores.sqlite._tag import tag_rows

_FIND = (
    f"SELECT saga_id, saga_key, current_sec, adopt_generation, state, {CONCERN}"  # noqa: S608 - of our words
    " FROM saga WHERE saga_id IN"
)
_LAST_STEP = "SELECT seq, events FROM step WHERE saga_key = ? ORDER BY seq DESC LIMIT 1"
_CONTENT = """
    SELECT name, digest, params FROM saga
    LEFT JOIN dag USING (dag_key) LEFT JOIN saga_params USING (saga_key) WHERE saga_key = ?
"""
# Only a damaged row has a key as large as this; if it were the largest, none could follow.
_LAST_KEY = """
    SELECT max(saga_key) FROM (
        SELECT max(saga_key) AS saga_key FROM saga WHERE saga_key < 1 << 62
        UNION ALL SELECT max(saga_key) FROM saga_params WHERE saga_key < 1 << 62
        UNION ALL SELECT max(saga_key) FROM step WHERE saga_key < 1 << 62
        UNION ALL SELECT max(saga_key) FROM tag WHERE saga_key < 1 << 62
    )
"""
_STATES = {state.value: state for state in SagaCachedState}
_MOST_GRAPHS = 1000
"""How many graphs are remembered."""


@attrs.define(eq=False)
class _Row:
    """
    A saga's row as it was last written or found; see `StoredRow`.

    Attributes:
        saga_id: The saga.
        key: Its key in the database.
        fence: Who may write to it.
        state: What it says; None if that is damaged.
        concern: Why a person should look at it; None as well if that is damaged.
    """

    _writer: SqliteWriter
    saga_id: SagaId
    key: int
    fence: Fence
    state: SagaCachedState | None
    concern: Concern | None
    _size: int | None  # None: it was not asked for yet

    @property
    def size(self) -> int:
        """
        How many events the saga has.

        Raises:
            RecoveryError: Its last step is damaged.
        """
        if self._size is None:
            # Nothing of the batch is about it yet: it would be known by now.
            last = self._writer.found(_LAST_STEP, self.key)
            self._size = size_of(self.saga_id, last[0]) if last else 0
        return self._size

    def append(self, change: Append) -> None:
        """Note that events were appended."""
        self._size = change.first_seq + len(change.events)
        self.state = change.state or self.state

    def events_from(self, first_seq: int) -> Sequence[SagaNodeEvent]:
        """Return the events from a number on."""
        self._writer.flush()
        return events_from_rows(self.saga_id, self._writer.found(STEPS, self.key))[first_seq:]

    def is_of(self, saga: SagaCreateParams) -> bool:
        """Return True if it has the name, the graph and the params of a creation."""
        self._writer.flush()
        content = (saga.saga_name, saga.dag_digest, saga.params)
        return self._writer.found(_CONTENT, self.key) == [content]


@attrs.define(eq=False)
class SqliteWriter:
    """
    Writes, on the one connection that may.

    Args:
        opened: The file, and the connection.
        clock: Tells the time that rows are stamped with.
    """

    _opened: Opened
    _clock: Callable[[], datetime]
    _rows: dict[int, _Row] = attrs.field(init=False, factory=dict)  # by the number of the id
    _graphs: dict[str, int] = attrs.field(init=False, factory=dict)  # keys, by digest
    _next_key: int | None = attrs.field(init=False, default=None)  # of the next saga
    _version: int = attrs.field(init=False, default=-1)  # SQLite's, of the data
    _changes: Changes = attrs.field(init=False, factory=Changes)  # of the batch
    _db: sqlite3.Connection = attrs.field(init=False)
    _ended: list[SagaId] = attrs.field(init=False, factory=list)  # are not to be remembered

    def __attrs_post_init__(self) -> None:
        """Begin with nothing known of any saga."""
        self._db = self._opened.db

    @contextmanager
    def _transaction(self) -> Generator[sqlite3.Connection, None, None]:
        self._opened.check()
        try:
            with transaction(self._db):
                yield self._db
        except BaseException:
            self._forget()
            raise

    def _forget(self) -> None:
        """Drop what is remembered: it is ahead of the file after a rollback, or behind others."""
        self._changes = Changes()
        self._ended.clear()
        self._rows.clear()
        self._graphs.clear()
        self._next_key = None

    # Ownership

    def take_over(self, sec_name: str) -> TakeOver:
        """Raise the generation of a SEC and of its unfinished sagas."""
        self._forget()
        taken = take_over(self._transaction, sec_name)
        self._opened.lock.sign(sec_name)
        return taken

    def claim(self, saga_id: SagaId, sec_name: str) -> SagaClaim | None:
        """Make a SEC the owner of one saga that can go on."""
        self._rows.pop(saga_id.int, None)
        with self._transaction() as db:
            return claim(db, saga_id, sec_name)

    def leave(self, fence: Fence) -> None:
        """Note that a life of a SEC was left normally."""
        with self._transaction() as db:
            leave(db, fence)

    # Writes

    def record(self, batch: Sequence[SagaWrite]) -> list[WriteOutcome]:
        """Write a batch in one transaction."""
        now = to_timestamp(self._clock())
        with self._transaction() as db:
            # Within the transaction, whose lock keeps others from writing after the answer. SQLite
            # does not count what this connection itself has written.
            ((version,),) = db.execute("PRAGMA data_version")
            if version != self._version:
                self._forget()
                self._version = version
            self._find(batch)
            outcomes = [self._judged(write, now) for write in batch]
            self.flush()
        # Only now: a later write of the batch may have been of the same saga.
        for saga_id in self._ended:
            self._rows.pop(saga_id.int, None)  # it will have no more steps
        self._ended.clear()
        return outcomes

    def _find(self, batch: Sequence[SagaWrite]) -> None:
        """Fetch the rows of sagas that are not remembered."""
        unknown = {
            write.saga_id.int: bytearray(write.saga_id.bytes)
            for write in batch
            if write.saga_id.int not in self._rows
        }
        if not unknown:
            return
        with any_text(self._db):
            found = select_in(self._db, _FIND, list(unknown.values()))
        for saga_id, key, sec_name, generation, state, *concern in found:
            uuid = SagaId(UUID(bytes=cast("bytes", saga_id)))
            owner = sec_name if isinstance(sec_name, str) else shown(sec_name)
            fence = Fence(owner, cast("int", generation))
            known = _STATES.get(cast("str", state))
            why = concern_of(*concern)
            self._rows[uuid.int] = _Row(self, uuid, cast("int", key), fence, known, why, None)
            if known is not None and known.finished:
                self._ended.append(uuid)

    def found(self, query: str, key: int) -> list[tuple[object, ...]]:
        """Return the rows that a query finds for a saga."""
        with any_text(self._db):
            return self._db.execute(query, (key,)).fetchall()

    def flush(self) -> None:
        """Write what the batch has changed so far, in its transaction."""
        changes, self._changes = self._changes, Changes()
        changes.write(self._db)

    def _judged(self, write: SagaWrite, now: Timestamp) -> WriteOutcome:
        """Add what a write changes, and return its outcome."""
        row = self._rows.get(write.saga_id.int)
        try:
            outcome, change = judge(row, write)
        except RecoveryError as error:
            return Rejected(error)
        match change:
            case Append() if row is not None:
                self._append(row, change, now)
            case Create(saga=saga):
                self._create(saga, now)
            case Note(problem=problem, concern=concern) if row is not None:
                self._changes.notes.append((problem, row.key))
                self._set_concern(row, concern)
                if change.abandons:
                    row.state = SagaCachedState.ABANDONED
                    self._move(row, row.state, now)
            case Mark(passed=passed) if row is not None:
                (self._changes.passed if passed else self._changes.tried).append((row.key,))
            case _:
                pass
        return outcome

    def _create(self, saga: SagaCreateParams, now: Timestamp) -> None:
        changes, key = self._changes, self._new_key()
        fence, name = saga.fence, saga.saga_name
        ended = now if saga.state.finished else None
        # The driver binds a bytearray five times as fast as bytes.
        saga_id = bytearray(saga.saga_id.bytes)
        dag_key, owner = self._graph_key(saga), fence.sec_name
        changes.sagas.append(
            (key, saga_id, dag_key, saga.state.value, owner, fence.generation, now, ended, name)
        )
        changes.params.append((key, saga.params))
        if saga.tags:
            changes.tags += tag_rows(key, saga.tags)
        row = _Row(self, saga.saga_id, key, fence, saga.state, None, len(saga.events))
        self._rows[saga.saga_id.int] = row
        self._add_steps(row, saga.events, 0, now)
        if saga.concern is not None:
            self._set_concern(row, saga.concern)
        if saga.state.finished:
            self._ended.append(saga.saga_id)

    def _append(self, row: _Row, change: Append, now: Timestamp) -> None:
        changes = self._changes
        self._add_steps(row, change.events, change.first_seq, now)
        row.append(change)
        if change.state is not None:
            self._move(row, change.state, now)
        if change.sets_concern:
            self._set_concern(row, change.concern)
        if change.clears_problem:
            changes.notes.append((None, row.key))

    def _move(self, row: _Row, state: SagaCachedState, now: Timestamp) -> None:
        self._changes.moves.append((state.value, now if state.finished else None, row.key))
        if state.finished:
            self._ended.append(row.saga_id)

    def _set_concern(self, row: _Row, concern: Concern | None) -> None:
        row.concern = concern
        self._changes.concerns.append((*concern_columns(concern), row.key))

    def _add_steps(
        self, row: _Row, events: Sequence[SagaNodeEvent], first_seq: int, now: Timestamp
    ) -> None:
        key, creator, steps = row.key, row.fence.sec_name, self._changes.steps
        for seq, time, text in step_rows(first_seq, events, now):
            steps.append((key, seq, time, creator, text))

    def _new_key(self) -> int:
        """Return a key that no saga has, nor any stray row of one in a damaged file."""
        key = self._next_key
        if key is None:
            ((last,),) = self._db.execute(_LAST_KEY)
            key = max(last or 0, 0) + 1
        self._next_key = key + 1
        return key

    def _graph_key(self, saga: SagaCreateParams) -> int:
        """Return the key of a graph; it is stored unless there is one of the same content."""
        digest = saga.dag_digest
        if (key := self._graphs.get(digest)) is None:
            query = "SELECT dag_key FROM dag WHERE digest = ?"
            if (row := self._db.execute(query, (digest,)).fetchone()) is None:
                insert = "INSERT INTO dag (digest, text) VALUES (?, ?) RETURNING dag_key"
                row = self._db.execute(insert, (digest, saga.dag_text)).fetchone()
            key = int(row[0])
            if len(self._graphs) >= _MOST_GRAPHS:
                self._graphs.clear()
            self._graphs[digest] = key
        return key

    # Retention

    def prune(self, query: PruneQuery) -> Sequence[SagaId]:
        """Delete some finished sagas, the oldest first."""
        until = to_timestamp(self._clock() - query.older_than)
        self._forget()
        with self._transaction() as db:
            return prune(db, query, until)

    # Orders to many sagas

    def write_bulk(self, write: BulkWrite) -> WriteOutcome:
        """Create an order, or note what became of it."""
        now = to_timestamp(self._clock())
        with self._transaction() as db:
            return write_bulk(db, write, now)

    def prune_bulk(self, query: BulkPruneQuery) -> Sequence[BulkOrderId]:
        """Delete some orders that have ended, the oldest first."""
        until = to_timestamp(self._clock() - query.older_than)
        with self._transaction() as db:
            return prune_bulk(db, query, until)
