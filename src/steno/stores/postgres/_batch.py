"""
A batch of writes in its transaction: what it locks and finds, and what it comes to.

Rule 1. What is read to be judged is read by a statement that begins after the rows are locked. In
the statement that locks them, PostgreSQL sees other tables as they were before it waited.

Rule 2. A saga that is not there cannot be locked. If two SECs create it at once, the second gets an
error for its whole batch, which is tried again at once, and then finds it.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import cast

import attrs

from steno.core import Concern, SagaCachedState, SagaId, SagaNodeEvent, Timestamp
from steno.errors import RecoveryError
from steno.store import (
    Append,
    Create,
    Fence,
    Mark,
    Note,
    Rejected,
    SagaCreateParams,
    SagaWrite,
    WriteOutcome,
    judge,
)
from steno.stores._concern import CONCERN, concern_of
from steno.stores._step import events_from_rows, size_of, step_rows
from steno.stores.postgres._array import ids, texts
from steno.stores.postgres._changes import Changes
from steno.stores.postgres._link import STATEMENT_LIMIT, Db

_LOCK = f"""
    SELECT saga_id, saga_key, current_sec, adopt_generation, state, {CONCERN} FROM steno.saga
    WHERE saga_id = ANY (%s::uuid[]) ORDER BY saga_id FOR NO KEY UPDATE
"""  # noqa: S608 - made of words of this package
_SERVER = """
    SELECT current_setting('synchronous_commit'), (SELECT version FROM steno.schema_version)
"""
_LAST_STEPS = """
    SELECT saga_id, last.seq, last.events FROM steno.saga CROSS JOIN LATERAL (
        SELECT seq, events FROM steno.step WHERE step.saga_key = saga.saga_key
        ORDER BY seq DESC LIMIT 1
    ) AS last WHERE saga_id = ANY (%s::uuid[])
"""
# A graph that is pruned at this moment is waited for, and then not there.
_GRAPHS = "SELECT digest, dag_key FROM steno.dag WHERE digest = ANY (%s::text[]) FOR KEY SHARE"
_ADD_GRAPH = """
    INSERT INTO steno.dag (digest, text) VALUES (%s, %s)
    ON CONFLICT (digest) DO UPDATE SET digest = excluded.digest RETURNING dag_key
"""
_KEYS = "SELECT nextval('steno.saga_key') FROM generate_series(1, %s)"
_STEPS = "SELECT seq, time, events FROM steno.step WHERE saga_key = %s ORDER BY seq"
_CONTENT = """
    SELECT name, digest, params FROM steno.saga JOIN steno.dag USING (dag_key)
    JOIN steno.saga_params USING (saga_key) WHERE saga_key = %s
"""


@attrs.frozen
class Size:
    """
    How many events a saga had when its last write was durable.

    Attributes:
        fence: Who wrote it, and alone may append to it as long as this is the saga's fence.
        count: How many.
    """

    fence: Fence
    count: int


@attrs.define(eq=False)
class _Row:
    """
    A saga's row, which is locked; see `StoredRow`.

    Attributes:
        saga_id: The saga.
        key: Its key in the database.
        fence: Who may write to it.
        state: What it says.
        concern: Why a person should look at it.
        last_step: The columns of its last step, if it has any.
    """

    _batch: Batch
    saga_id: SagaId
    key: int
    fence: Fence
    state: SagaCachedState
    concern: Concern | None
    _size: int | None = None  # None: it was not told from the last step yet
    last_step: tuple[object, ...] | None = None

    @property
    def is_known(self) -> bool:
        """Whether its size is known without its last step."""
        return self._size is not None

    @property
    def size(self) -> int:
        """
        How many events the saga has.

        Raises:
            RecoveryError: Its last step is damaged.
        """
        if self._size is None:
            last = self.last_step
            self._size = 0 if last is None else size_of(self.saga_id, last)
        return self._size

    @property
    def known(self) -> Size | None:
        """What may be remembered of it: nothing if its size was not asked for, or it has ended."""
        if self._size is None or self.state.finished:
            return None
        return Size(self.fence, self._size)

    def append(self, change: Append) -> None:
        """Note that events were appended."""
        self._size = change.first_seq + len(change.events)
        self.state = change.state or self.state

    def events_from(self, first_seq: int) -> Sequence[SagaNodeEvent]:
        """Return the events from a number on."""
        rows = self._batch.found(_STEPS, self.key)
        return events_from_rows(self.saga_id, rows)[first_seq:]

    def is_of(self, saga: SagaCreateParams) -> bool:
        """Return True if it has the name, the graph and the params of a creation."""
        content = (saga.saga_name, saga.dag_digest, saga.params)
        return self._batch.found(_CONTENT, self.key) == [content]


@attrs.define(eq=False)
class Batch:
    """
    A batch in its transaction.

    Args:
        db: Where it is written.
        now: The time that its rows are stamped with.
    """

    _db: Db
    _now: Timestamp
    _rows: dict[SagaId, _Row] = attrs.field(init=False, factory=dict)
    _changes: Changes = attrs.field(init=False, factory=Changes)
    _graphs: dict[str, int] = attrs.field(init=False, factory=dict)  # keys, by digest
    _keys: list[int] = attrs.field(init=False, factory=list)  # for new sagas, from the end

    def begin(self, writes: Sequence[SagaWrite], sizes: Mapping[SagaId, Size]) -> tuple[str, int]:
        """
        Begin the transaction, lock the sagas that are there, and read what there is to judge.

        Returns:
            What the server's `synchronous_commit` is, and the version of the schema.
        """
        db, wanted = self._db, {write.saga_id for write in writes}
        unknown = [saga_id for saga_id in wanted if saga_id not in sizes]
        created = [write for write in writes if isinstance(write, SagaCreateParams)]
        with db.connection.pipeline():
            db.begin(STATEMENT_LIMIT)
            locked = db.execute(_LOCK, (ids(wanted),))
            server = db.execute(_SERVER)
            steps = db.execute(_LAST_STEPS, (ids(unknown),)) if unknown else None
            digests = texts(sorted({each.dag_digest for each in created}))
            graphs = db.execute(_GRAPHS, (digests,)) if created else None
            keys = db.execute(_KEYS, (len(created),)) if created else None
        for saga_id, key, sec_name, generation, state, *concern in locked:
            fence, size = Fence(sec_name, generation), sizes.get(saga_id)
            count = size.count if size is not None and size.fence == fence else None
            self._rows[saga_id] = _Row(
                self, saga_id, key, fence, SagaCachedState(state), concern_of(*concern), count
            )
        if steps is not None:
            self._add_last_steps(steps)
        # Another SEC has had it since it was remembered.
        stale = [each for each, row in self._rows.items() if each in sizes and not row.is_known]
        if stale:
            self._add_last_steps(db.execute(_LAST_STEPS, (ids(stale),)))
        if graphs is not None and keys is not None:
            self._graphs = dict(cast("list[tuple[str, int]]", graphs.fetchall()))
            self._keys = sorted((int(row[0]) for row in keys), reverse=True)
        return cast("tuple[str, int]", server.fetchone())

    def _add_last_steps(self, steps: Iterable[tuple[object, ...]]) -> None:
        for saga_id, *last in steps:
            if (row := self._rows.get(cast("SagaId", saga_id))) is not None:
                row.last_step = tuple(last)

    def _graph_key(self, saga: SagaCreateParams) -> int:
        """Return the key of a graph, which is stored unless it is there."""
        key = self._graphs.get(saga.dag_digest)
        if key is None:
            row = self._db.execute(_ADD_GRAPH, (saga.dag_digest, saga.dag_text)).fetchone()
            key = self._graphs[saga.dag_digest] = int((row or (0,))[0])
        return key

    def found(self, query: str, key: int) -> list[tuple[object, ...]]:
        """Return the rows that a query finds for a saga, as the batch has changed them so far."""
        changes, self._changes = self._changes, Changes()
        changes.write(self._db)
        return self._db.execute(query, (key,)).fetchall()

    def do(self, write: SagaWrite) -> WriteOutcome:
        """Add what a write changes, and return its outcome."""
        row, changes = self._rows.get(write.saga_id), self._changes
        try:
            outcome, change = judge(row, write)
        except RecoveryError as error:
            return Rejected(error)
        changes = self._changes  # judging may have written those of before
        match change:
            case Append() if row is not None:
                self._append(row, change)
            case Create(saga=saga):
                self._create(saga)
            case Note(problem=problem, concern=concern) if row is not None:
                changes.note(row.key, problem)
                row.concern = concern
                changes.set_concern(row.key, concern)
                if change.abandons:
                    row.state = SagaCachedState.ABANDONED
                    changes.move(row.key, row.state, self._now)
            case Mark(passed=passed) if row is not None:
                changes.mark(row.key, passed=passed)
            case _:
                pass
        return outcome

    def _create(self, saga: SagaCreateParams) -> None:
        key, size = self._keys.pop(), len(saga.events)
        self._changes.create(key, self._graph_key(saga), saga, self._now)
        row = _Row(self, saga.saga_id, key, saga.fence, saga.state, saga.concern, size)
        self._rows[saga.saga_id] = row
        self._add_steps(row, saga.events, 0)
        if saga.concern is not None:
            self._changes.set_concern(key, saga.concern)

    def _append(self, row: _Row, change: Append) -> None:
        self._add_steps(row, change.events, change.first_seq)
        row.append(change)
        if change.state is not None:
            self._changes.move(row.key, change.state, self._now)
        if change.sets_concern:
            row.concern = change.concern
            self._changes.set_concern(row.key, change.concern)
        if change.clears_problem:
            self._changes.note(row.key, None)

    def _add_steps(self, row: _Row, events: Sequence[SagaNodeEvent], first_seq: int) -> None:
        rows = step_rows(first_seq, events, self._now)
        self._changes.add_steps(row.key, row.fence.sec_name, rows)

    def commit(self) -> Mapping[SagaId, Size | None]:
        """Write what it comes to, commit, and return what is known of its sagas."""
        with self._db.connection.pipeline():
            self._changes.write(self._db)
            self._db.commit()
        return {saga_id: row.known for saga_id, row in self._rows.items()}
