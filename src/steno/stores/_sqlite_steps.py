"""
The steps of many sagas at once, which is what most batches are.

Each statement is prepared once and run over all rows, so a step costs no call of its own. Whether
every saga is still as it is thought to be is a condition of the statement: if it changed fewer rows
than there are sagas, the batch is not written this way.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence

import attrs

from steno.core import SagaId
from steno.store import SagaRecord
from steno.stores._rows import event_rows

APPEND = """
    INSERT INTO node_event (saga_key, seq, node_id, event_type, data, time, creator)
    VALUES (?, ?, ?, ?, ?, ?, ?)
"""
_MOVE = "UPDATE saga SET state = ?, ended = coalesce(ended, ?) WHERE saga_key = ?"
_ADVANCE = """
    UPDATE saga SET events = ?, progressed = ?
    WHERE saga_key = ? AND current_sec = ? AND adopt_generation = ? AND events = ? AND state = ?
"""


class OneByOne(Exception):
    """These writes can not be done all at once."""


@attrs.define(eq=False)
class Steps:
    """
    Writes steps, and remembers of the sagas that run where their rows are.

    What it remembers is where to look, and never believed: a row that is not as it was is not
    changed.
    """

    _db: sqlite3.Connection
    _known: dict[SagaId, tuple[int, str]] = attrs.field(factory=dict)  # key and state

    def forget(self) -> None:
        """Remember nothing: a transaction was not done."""
        self._known.clear()

    def append(self, records: Sequence[SagaRecord], now: int) -> None:
        """
        Write steps of different sagas.

        Raises:
            OneByOne: A saga is not as its step has it; the transaction is not to be kept.
        """
        rows = [self._row(record.saga_id) for record in records]
        # Nothing may hold a cursor that an error's traceback would hold: it keeps the file open.
        changed = self._db.executemany(
            _ADVANCE,
            [
                (
                    record.first_seq + len(record.events),
                    now,
                    key,
                    record.fence.sec_name,
                    record.fence.generation,
                    record.first_seq,
                    state,
                )
                for record, (key, state) in zip(records, rows, strict=True)
            ],
        ).rowcount
        if changed != len(records):
            raise OneByOne
        self._db.executemany(
            APPEND,
            (
                (key, *row, now, record.fence.sec_name)
                for record, (key, _) in zip(records, rows, strict=True)
                for row in event_rows(record.first_seq, record.events)
            ),
        )
        for record, (key, state) in zip(records, rows, strict=True):
            move(self._db, key, state, record, now)
            if record.state.finished:
                del self._known[record.saga_id]  # it will have no more steps
            else:
                self._known[record.saga_id] = key, record.state.value

    def _row(self, saga_id: SagaId) -> tuple[int, str]:
        known = self._known.get(saga_id)
        if known is None:
            query = "SELECT saga_key, state FROM saga WHERE saga_id = ?"
            known = self._db.execute(query, (saga_id.bytes,)).fetchone()
            if known is None:
                raise OneByOne
            self._known[saga_id] = known
        return known


def move(db: sqlite3.Connection, key: int, state: str, record: SagaRecord, now: int) -> None:
    """Bring a saga from its state to that of a step, if it is another."""
    if state != record.state.value:
        ended = now if record.state.finished else None
        db.execute(_MOVE, (record.state.value, ended, key))
