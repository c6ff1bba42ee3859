"""What a batch of writes comes to: rows that are gathered, and written by a few statements."""

from __future__ import annotations

import sqlite3

import attrs

from steno.stores.sqlite._statement import SqliteRow, TextRow, insert

_STEP = "step (saga_key, seq, time, creator, events)"
_PARAMS = "saga_params (saga_key, params)"
_TAG = "tag (saga_key, key, value)"
_SAGA = (
    "saga (saga_key, saga_id, dag_key, state, current_sec, adopt_generation, created, ended, name)"
)
# The first end counts; a saga that was stuck and goes on has none any more.
_MOVE = """
    UPDATE saga SET state = ?1, ended = CASE WHEN ?2 IS NULL THEN NULL ELSE coalesce(ended, ?2) END
    WHERE saga_key = ?3
"""
_NOTE = "UPDATE saga SET problem = ? WHERE saga_key = ?"
_CONCERN = "UPDATE saga SET attention = ?, attention_node = ?, error_type = ? WHERE saga_key = ?"
_TRY = "UPDATE saga SET tried = 1 WHERE saga_key = ?"
_RESET = "UPDATE saga SET crashes = 0 WHERE saga_key = ?"


@attrs.define(eq=False)
class Changes:
    """
    What a batch comes to, as rows that are not written yet.

    Attributes:
        sagas: Rows of `_SAGA`.
        params: Rows of `_PARAMS`.
        tags: Rows of `_TAG`.
        steps: Rows of `_STEP`.
        moves: What `_MOVE` is given: state, end if it is one, and key.
        notes: What `_NOTE` is given.
        concerns: What `_CONCERN` is given.
        tried: What `_TRY` is given.
        passed: What `_RESET` is given.
    """

    sagas: list[TextRow] = attrs.field(factory=list)
    params: list[TextRow] = attrs.field(factory=list)
    tags: list[TextRow] = attrs.field(factory=list)
    steps: list[TextRow] = attrs.field(factory=list)
    moves: list[SqliteRow] = attrs.field(factory=list)
    notes: list[SqliteRow] = attrs.field(factory=list)
    concerns: list[SqliteRow] = attrs.field(factory=list)
    tried: list[SqliteRow] = attrs.field(factory=list)
    passed: list[SqliteRow] = attrs.field(factory=list)

    def write(self, db: sqlite3.Connection) -> None:
        """Write all of it."""
        if self.sagas:
            insert(db, _SAGA, self.sagas)
            insert(db, _PARAMS, self.params)
        if self.tags:
            insert(db, _TAG, self.tags)
        if self.steps:
            insert(db, _STEP, self.steps)
        # One by one: there is but one of either in the life of most sagas.
        if self.moves:
            db.executemany(_MOVE, self.moves)
        if self.notes:
            db.executemany(_NOTE, self.notes)
        # In the order of the batch, which has them of notes and of records.
        if self.concerns:
            db.executemany(_CONCERN, self.concerns)
        if self.tried:
            db.executemany(_TRY, self.tried)
        if self.passed:
            db.executemany(_RESET, self.passed)
