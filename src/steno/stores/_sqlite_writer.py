"""
What is written to a SQLite database, each write a plain function of the one connection that does.

Theory of operation. A batch is written by a few statements for all of it (`_sqlite_steps`), which
look at each saga's fence and next number as they write. Only if one did not match are the writes of
the batch done one by one, and is it looked at why. What has an index, `state` and `ended`, is set
only when it changes.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Generator, Iterable, Sequence
from contextlib import contextmanager, suppress
from datetime import datetime
from uuid import UUID

import attrs

from steno.core import SagaId, SagaNodeEvent
from steno.errors import NoSuchSaga, SagaIdInUse, StoreError
from steno.store import (
    Durable,
    Fence,
    Lost,
    PruneQuery,
    Rejected,
    SagaClaim,
    SagaCreateParams,
    SagaProblem,
    SagaRecord,
    SagaWrite,
    TakeOver,
    WriteOutcome,
)
from steno.stores._rows import VALID_ID, event_rows, shown, to_microseconds, valid_generation
from steno.stores._sqlite_batch import Batch, OneByOne, sort
from steno.stores._sqlite_opened import Opened
from steno.stores._sqlite_prune import UNUSED, prune
from steno.stores._sqlite_steps import APPEND, PARAMS, Steps, next_key
from steno.stores._sqlite_values import any_text

_NOTE = """
    UPDATE saga SET problem = ? WHERE saga_id = ? AND current_sec = ? AND adopt_generation = ?
"""
_CREATE = """
    INSERT INTO saga (saga_key, saga_id, name, dag_key, state, current_sec, adopt_generation,
                      events, created, progressed)
    VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
    ON CONFLICT (saga_id) DO NOTHING
"""
_MOVE = "UPDATE saga SET state = ?, ended = coalesce(ended, ?) WHERE saga_key = ?"
_RAISABLE = valid_generation("adopt_generation")
_OPEN = f"""
    INSERT INTO sec (name, generation) VALUES (?, 1)
    ON CONFLICT (name) DO UPDATE SET generation = generation + 1
    WHERE {valid_generation("generation")} RETURNING generation
"""  # noqa: S608 - made of words of this package
# A generation that is damaged begins again above those that any saga of the SEC has.
_MEND = f"""
    UPDATE sec SET generation = (
        SELECT coalesce(max(adopt_generation), 0) FROM saga
        WHERE current_sec = sec.name AND {_RAISABLE}
    ) WHERE name = ?
"""  # noqa: S608 - as above
# Without a generation, there is no fence that is new: the saga is left to an operator.
_TAKE_OVER = f"""
    UPDATE saga INDEXED BY saga_state SET adopt_generation = max(adopt_generation + 1, ?)
    WHERE state IN ('ready', 'running', 'unwinding') AND current_sec = ?
        AND {VALID_ID} AND {_RAISABLE}
    RETURNING saga_id, adopt_generation
"""  # noqa: S608 - as above
_CLAIM = f"""
    UPDATE saga SET current_sec = ?, adopt_generation = max(adopt_generation + 1, coalesce(
        (SELECT generation FROM sec WHERE name = ? AND {valid_generation("generation")}), 0))
    WHERE saga_id = ? AND ended IS NULL AND {_RAISABLE} RETURNING adopt_generation
"""  # noqa: S608 - as above
_DURABLE = Durable()


@attrs.define(eq=False)
class SqliteWriter:
    """
    Writes, on the one connection that does.

    Args:
        opened: The file, and the connection.
        clock: Tells the time that rows are stamped with.
    """

    _opened: Opened
    _clock: Callable[[], datetime]
    _steps: Steps = attrs.field(init=False)

    def __attrs_post_init__(self) -> None:
        """Begin with nothing known of any saga."""
        self._steps = Steps(self._opened.db)

    @property
    def _db(self) -> sqlite3.Connection:
        return self._opened.db

    def _now(self) -> int:
        return to_microseconds(self._clock())

    @contextmanager
    def _transaction(self) -> Generator[sqlite3.Connection, None, None]:
        self._opened.check()
        # These two ways need the GIL once, and `execute` four times.
        self._db.executescript("BEGIN IMMEDIATE")
        try:
            self._opened.room.grow()
            yield self._db
            self._db.commit()
        except BaseException:
            self._steps.forget()
            raise
        finally:
            if self._db.in_transaction:
                self._db.execute("ROLLBACK")

    # Ownership

    def take_over(self, sec_name: str) -> TakeOver:
        """Raise the generation of a SEC and of its unfinished sagas."""
        with self._transaction() as db:
            if (row := db.execute(_OPEN, (sec_name,)).fetchone()) is None:
                db.execute(_MEND, (sec_name,))
                row = db.execute(_OPEN, (sec_name,)).fetchone()
            (generation,) = row
            adopted = db.execute(_TAKE_OVER, (generation, sec_name)).fetchall()
        self._opened.lock.sign(sec_name)
        claims = (_claim(saga_id, sec_name, generation) for saga_id, generation in adopted)
        return TakeOver(Fence(sec_name, generation), tuple(claims))

    def claim(self, saga_id: SagaId, sec_name: str) -> SagaClaim | None:
        """Make a SEC the owner of one unfinished saga."""
        with self._transaction() as db:
            row = db.execute(_CLAIM, (sec_name, sec_name, saga_id.bytes)).fetchone()
        return None if row is None else _claim(saga_id.bytes, sec_name, row[0])

    # Writes

    def record(self, batch: Sequence[SagaWrite]) -> list[WriteOutcome]:
        """Write a batch in one transaction."""
        now = self._now()
        with suppress(OneByOne):
            return self._record_at_once(batch, sort(batch), now)
        self._steps.forget()
        with self._transaction():
            return [self._write(write, now) for write in batch]

    def _record_at_once(
        self, batch: Sequence[SagaWrite], parts: Batch, now: int
    ) -> list[WriteOutcome]:
        outcomes: list[WriteOutcome] = [_DURABLE] * len(batch)
        with self._transaction():
            self._steps.write(parts, now)
            for place, problem in parts.problems:
                outcomes[place] = self._note(problem)
        return outcomes

    def _write(self, write: SagaWrite, now: int) -> WriteOutcome:
        match write:
            case SagaCreateParams():
                return self._create(write, now)
            case SagaRecord():
                return self._append(write, now)
            case SagaProblem():
                return self._note(write)

    def _note(self, write: SagaProblem) -> WriteOutcome:
        values = (write.problem, write.saga_id.bytes, *_values(write.fence))
        noted = self._db.execute(_NOTE, values).rowcount
        return _DURABLE if noted else self._refusal(write)

    def _create(self, saga: SagaCreateParams, now: int) -> WriteOutcome:
        dag_key = self._dag_key(saga)
        fence = _values(saga.fence)
        size = len(saga.events)
        state = saga.state.value
        key = next_key(self._db)
        row = (key, saga.saga_id.bytes, saga.saga_name, dag_key, state, *fence, size, now, now)
        if not self._db.execute(_CREATE, row).rowcount:
            return self._created_before(saga, dag_key)
        self._db.execute(PARAMS, (key, saga.params))
        self._insert(key, 0, saga.events, now, saga.fence)
        return Durable()

    def _dag_key(self, saga: SagaCreateParams) -> int:
        """Return the key of a graph, which is stored if there is none of its content."""
        query = "SELECT dag_key FROM dag WHERE digest = ?"
        if (row := self._db.execute(query, (saga.dag_digest,)).fetchone()) is None:
            insert = "INSERT INTO dag (digest, text) VALUES (?, ?) RETURNING dag_key"
            row = self._db.execute(insert, (saga.dag_digest, saga.dag_text)).fetchone()
        return int(row[0])

    def _created_before(self, saga: SagaCreateParams, dag_key: int) -> WriteOutcome:
        """Tell whether it is this very write that was done before, or another saga has the id."""
        query = (
            "SELECT saga_key, name, dag_key, params, state, current_sec, adopt_generation"
            " FROM saga LEFT JOIN saga_params USING (saga_key) WHERE saga_id = ?"
        )
        state = saga.state.value
        wanted = [saga.saga_name, dag_key, saga.params, state, *_values(saga.fence)]
        with any_text(self._db):
            key, *stored = self._db.execute(query, (saga.saga_id.bytes,)).fetchone()
            if stored == wanted and self._events_from(key, 0) == event_rows(0, saga.events):
                return Durable()
        self._db.execute(UNUSED, (dag_key,))
        return Rejected(SagaIdInUse(saga.saga_id))

    def _append(self, record: SagaRecord, now: int) -> WriteOutcome:
        """Do an append of which not all may be new, or say why it can not be done."""
        refusal = self._refusal(record)
        if not isinstance(refusal, Durable):
            return refusal
        key, count, state = self._db.execute(
            "SELECT saga_key, events, state FROM saga WHERE saga_id = ?", (record.saga_id.bytes,)
        ).fetchone()
        first = record.first_seq
        stored = self._events_from(key, first)
        if first > count or stored != event_rows(first, record.events)[: len(stored)]:
            msg = (
                f"saga {record.saga_id}: events from number {first} do not follow the {count} that "
                "are stored"
            )
            return Rejected(StoreError(msg))
        self._insert(key, count, record.events[count - first :], now, record.fence)
        count = first + len(record.events)
        update = "UPDATE saga SET events = ?, progressed = ? WHERE saga_key = ?"
        self._db.execute(update, (count, now, key))
        if state != record.state.value:
            ended = now if record.state.finished else None
            self._db.execute(_MOVE, (record.state.value, ended, key))
        return Durable()

    def _refusal(self, write: SagaRecord | SagaProblem) -> WriteOutcome:
        """Say why a row did not match; Durable if the fence is not why."""
        query = "SELECT current_sec, adopt_generation FROM saga WHERE saga_id = ?"
        with any_text(self._db):
            row = self._db.execute(query, (write.saga_id.bytes,)).fetchone()
        if row is None:
            return Rejected(NoSuchSaga(write.saga_id))
        if row == _values(write.fence):
            return Durable()
        return Lost(row[0] if isinstance(row[0], str) else shown(row[0]))

    def _events_from(self, key: int, first: int) -> list[tuple[object, ...]]:
        query = (
            "SELECT seq, node_id, event_type, data FROM node_event"
            " WHERE saga_key = ? AND seq >= ? ORDER BY seq"
        )
        return self._db.execute(query, (key, first)).fetchall()

    def _insert(
        self, key: int, first: int, events: Iterable[SagaNodeEvent], now: int, fence: Fence
    ) -> None:
        rows = ((now, fence.sec_name, key, *row) for row in event_rows(first, events))
        self._db.executemany(APPEND, rows)

    # Retention

    def prune(self, query: PruneQuery) -> Sequence[SagaId]:
        """Delete some finished sagas, the oldest first."""
        until = to_microseconds(self._clock() - query.older_than)
        with self._transaction() as db:
            return prune(db, query, until)


def _claim(saga_id: bytes, sec_name: str, generation: int) -> SagaClaim:
    return SagaClaim(SagaId(UUID(bytes=saga_id)), Fence(sec_name, generation))


def _values(fence: Fence) -> tuple[str, int]:
    """Return a fence as a row has it."""
    return fence.sec_name, fence.generation
