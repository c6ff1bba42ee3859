"""
The writes of a batch, by a few statements for all of them (`_sqlite_values`).

Whether every saga is still as it is thought to be is a condition of the statement that writes: if
it changed fewer rows than there are sagas, the batch is not written this way. What has an index,
`state` and `ended`, is set only when it changes. The keys of sagas are given out here, since there
is but one connection that writes; should a key be taken all the same, nothing is overwritten.
"""

from __future__ import annotations

import sqlite3
from collections import defaultdict
from collections.abc import Iterable, Mapping
from contextlib import suppress
from itertools import chain

import attrs

from steno.core import SagaCachedState, SagaNodeEvent, Started, event_data
from steno.store import SagaCreateParams, SagaRecord
from steno.stores._sqlite_batch import Batch, OneByOne
from steno.stores._sqlite_values import LONG, SqliteRow, SqliteValue, Statement

APPEND = """
    INSERT INTO node_event (time, creator, saga_key, seq, node_id, event_type, data)
    VALUES (?, ?, ?, ?, ?, ?, ?)
"""
_APPEND = Statement(
    """
    INSERT INTO node_event (time, creator, saga_key, seq, node_id, event_type, data)
    SELECT ?, ?, column1, column2, column3, column4, nullif(column5, 0)
    FROM (VALUES) WHERE column1 <> 0
    """,
    width=5,
)
PARAMS = "INSERT INTO saga_params (saga_key, params) VALUES (?, ?)"
_PARAMS = Statement(
    "INSERT INTO saga_params (saga_key, params) SELECT * FROM (VALUES) WHERE column1 <> 0", width=2
)
_CREATE = Statement(
    """
    INSERT INTO saga (created, progressed, ended, saga_key, saga_id, name, dag_key, state,
                      current_sec, adopt_generation, events)
    SELECT ?, ?, iif(column9, ?, NULL), column1, column2, column3, dag_key, column5, column6,
        column7, column8
    FROM (VALUES) CROSS JOIN dag ON digest = column4 WHERE column1 <> 0
    ON CONFLICT DO NOTHING
    """,
    width=9,
)
_ADVANCE = Statement(
    """
    UPDATE saga NOT INDEXED SET progressed = ?, events = column1
    FROM (VALUES)
    WHERE saga_key = column2 AND current_sec = column3 AND adopt_generation = column4
        AND events = column5 AND state = column6
    """,
    width=6,
    one="""
    UPDATE saga NOT INDEXED SET progressed = ?, events = ?
    WHERE saga_key = ? AND current_sec = ? AND adopt_generation = ? AND events = ? AND state = ?
    """,
)
_MOVE = Statement(
    """
    UPDATE saga NOT INDEXED SET progressed = ?, state = column1,
        ended = iif(column2, coalesce(ended, column3), ended), events = column4
    FROM (VALUES)
    WHERE saga_key = column5 AND current_sec = column6 AND adopt_generation = column7
        AND events = column8 AND state = column9
    """,
    width=9,
    one="""
    UPDATE saga NOT INDEXED SET progressed = ?, state = ?,
        ended = iif(?, coalesce(ended, ?), ended), events = ?
    WHERE saga_key = ? AND current_sec = ? AND adopt_generation = ? AND events = ? AND state = ?
    """,
)
_FIND = Statement(
    """
    SELECT group_concat(column1 || ' ' || saga_key || ' ' || state)
    FROM (VALUES) CROSS JOIN saga ON saga_id = column2
    """,
    width=2,
)

# Only a damaged row has a key as large as this; if it were the largest, none could follow.
_LAST = """
    SELECT max(saga_key) FROM (
        SELECT max(saga_key) AS saga_key FROM saga WHERE saga_key < 1 << 62
        UNION ALL SELECT max(saga_key) FROM saga_params WHERE saga_key < 1 << 62
        UNION ALL SELECT max(saga_key) FROM node_event WHERE saga_key < 1 << 62
    )
"""
_WORD = {state: state.value for state in SagaCachedState}
_MOST_GRAPHS = 1000
"""How many graphs are remembered."""


def next_key(db: sqlite3.Connection) -> int:
    """Return a key that no saga has, nor any row that a saga has left behind in a damaged file."""
    ((last,),) = db.execute(_LAST)
    return max(last or 0, 0) + 1


@attrs.define(eq=False)
class _Events:
    """Rows of events, by who appends them."""

    _rows: dict[str, list[SqliteValue]] = attrs.field(factory=lambda: defaultdict(list))
    _long: list[SqliteRow] = attrs.field(factory=list)

    def add(self, creator: str, key: int, first_seq: int, events: Iterable[SagaNodeEvent]) -> None:
        """Add the events of a saga that are numbered from the given one."""
        rows = self._rows[creator]
        for seq, event in enumerate(events, first_seq):
            event_type = event.event_type
            data = None if isinstance(event_type, Started) else event_data(event_type)
            row = key, seq, event.node_id, event_type.label
            if data is None:
                rows += row
                rows.append(0)
            elif len(data) < LONG:
                rows += row
                rows.append(data)
            else:
                self._long.append((creator, *row, data))

    def write(self, db: sqlite3.Connection, now: int) -> None:
        """
        Append all of them.

        Raises:
            OneByOne: A saga has the key of none.
        """
        for creator, rows in self._rows.items():
            if _APPEND.run(db, (now, creator), rows) != len(rows) // _APPEND.width:
                raise OneByOne
        if self._long:
            db.executemany(APPEND, [(now, *row) for row in self._long])


@attrs.define(eq=False)
class Steps:
    """
    Writes batches, and remembers of the sagas that run where their rows are.

    What it remembers is where to look, and never believed: a row that is not as it was is not
    changed.
    """

    _db: sqlite3.Connection
    _known: dict[int, tuple[int, SagaCachedState]] = attrs.field(factory=dict)  # key and state
    _graphs: set[str] = attrs.field(factory=set)  # digests of those that are there
    _next: int | None = None  # the key of the next saga that is created

    def forget(self) -> None:
        """Remember nothing: a transaction was not done, or others have written."""
        self._known.clear()
        self._graphs.clear()
        self._next = None

    def write(self, batch: Batch, now: int) -> None:
        """
        Create sagas, and append to sagas.

        Raises:
            OneByOne: A saga is not as its write has it; the transaction is not to be kept.
        """
        events = _Events()
        if batch.created:
            self._create(batch.created, batch.records, now, events)
        if batch.records:
            self._step(batch.records, now, events)
        events.write(self._db, now)

    def _create(
        self,
        created: Mapping[int, SagaCreateParams],
        records: dict[int, SagaRecord],
        now: int,
        events: _Events,
    ) -> None:
        """Create sagas, each as what is recorded of it in the same batch leaves it."""
        self._keep_graphs(created.values())
        key = self._next_key()
        rows: list[SqliteValue] = []
        params: list[SqliteValue] = []
        for number, saga in created.items():
            record = records.pop(number, None)
            log = saga.events if record is None else saga.events + record.events
            state = saga.state if record is None else record.state
            fence, ended = saga.fence, int(state.finished)
            # The driver binds a bytearray five times as fast as bytes.
            rows += key, bytearray(saga.saga_id.bytes), saga.saga_name, saga.dag_digest
            rows += _WORD[state], fence.sec_name, fence.generation, len(log), ended
            if len(saga.params) < LONG:
                params += key, saga.params
            else:
                self._db.execute(PARAMS, (key, saga.params))
            events.add(fence.sec_name, key, 0, log)
            self._remember(number, key, state)
            key += 1
        if _CREATE.run(self._db, (now, now, now), rows) != len(created):
            raise OneByOne
        _PARAMS.run(self._db, (), params)
        self._next = key

    def _keep_graphs(self, created: Iterable[SagaCreateParams]) -> None:
        """Store the graphs that are not there yet."""
        texts = {s.dag_digest: s.dag_text for s in created if s.dag_digest not in self._graphs}
        if texts:
            insert = "INSERT INTO dag (digest, text) VALUES (?, ?) ON CONFLICT (digest) DO NOTHING"
            self._db.executemany(insert, texts.items())
            if len(self._graphs) > _MOST_GRAPHS:
                self._graphs.clear()
            self._graphs.update(texts)

    def _next_key(self) -> int:
        return next_key(self._db) if self._next is None else self._next

    def _step(self, records: Mapping[int, SagaRecord], now: int, events: _Events) -> None:
        """Append to sagas."""
        self._find(records)
        kept: list[SqliteValue] = []
        moved: list[SqliteValue] = []
        for number, record in records.items():
            key, state = self._known[number]
            fence, first = record.fence, record.first_seq
            size = first + len(record.events)
            if record.state is state:
                kept += size, key, fence.sec_name, fence.generation, first, _WORD[state]
            else:
                moved += _WORD[record.state], int(record.state.finished), now, size
                moved += key, fence.sec_name, fence.generation, first, _WORD[state]
                self._remember(number, key, record.state)
            events.add(fence.sec_name, key, first, record.events)
        changed = _ADVANCE.run(self._db, (now,), kept) + _MOVE.run(self._db, (now,), moved)
        if changed != len(records):
            raise OneByOne

    def _find(self, records: Mapping[int, SagaRecord]) -> None:
        """
        Find the rows of sagas that are not known.

        Raises:
            OneByOne: A saga is not there, or has no state.
        """
        unknown = [number for number in records if number not in self._known]
        if not unknown:
            return
        ids: list[SqliteValue] = []
        for place, number in enumerate(unknown):
            ids += place, bytearray(records[number].saga_id.bytes)
        # One row for all of them: each row that is fetched is a turn without the GIL.
        found = [
            text.split(",") for (text,) in _FIND.ask(self._db, (), ids) if isinstance(text, str)
        ]
        with suppress(ValueError):  # a state that is none; one by one, it does not matter
            for each in chain.from_iterable(found):
                at, key, state = each.split()
                self._known[unknown[int(at)]] = int(key), SagaCachedState(state)
        if not self._known.keys() >= records.keys():
            raise OneByOne

    def _remember(self, number: int, key: int, state: SagaCachedState) -> None:
        if state.finished:
            self._known.pop(number, None)  # it will have no more steps
        else:
            self._known[number] = key, state
