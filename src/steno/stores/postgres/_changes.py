"""What a batch of writes comes to: rows that are gathered, and written by a few statements."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypeAlias

import attrs

from steno.core import Concern, SagaCachedState, SagaId, Timestamp
from steno.store import SagaCreateParams
from steno.stores._concern import concern_columns
from steno.stores._step import StepRow
from steno.stores.postgres._array import flags, ids, numbers, texts
from steno.stores.postgres._link import Db

_SAGAS = """
    INSERT INTO steno.saga (
        saga_key, saga_id, dag_key, state, current_sec, adopt_generation, sec_generation, created,
        ended, name
    )
    SELECT key, saga_id, dag_key, state, sec, generation, generation, created, ended, name
    FROM unnest(
        %s::bigint[], %s::uuid[], %s::bigint[], %s::text[], %s::text[], %s::bigint[], %s::bigint[],
        %s::bigint[], %s::text[]
    ) AS new (key, saga_id, dag_key, state, sec, generation, created, ended, name)
"""
_PARAMS = """
    INSERT INTO steno.saga_params (saga_key, params)
    SELECT * FROM unnest(%s::bigint[], %s::text[])
"""
_TAGS = """
    INSERT INTO steno.tag (saga_key, key, value)
    SELECT * FROM unnest(%s::bigint[], %s::text[], %s::text[])
"""
_STEPS = """
    INSERT INTO steno.step (saga_key, seq, time, creator, events)
    SELECT * FROM unnest(%s::bigint[], %s::integer[], %s::bigint[], %s::text[], %s::text[])
"""
# The first end counts; a saga that was stuck and goes on has none any more.
_MOVES = """
    UPDATE steno.saga SET state = moved.state, ended = CASE
        WHEN moved.went_on THEN moved.ended
        WHEN moved.ended IS NOT NULL THEN coalesce(saga.ended, moved.ended)
    END
    FROM unnest(%s::bigint[], %s::text[], %s::bigint[], %s::boolean[])
        AS moved (saga_key, state, ended, went_on)
    WHERE saga.saga_key = moved.saga_key
"""
_NOTES = """
    UPDATE steno.saga SET
        problem = CASE WHEN noted.has_problem THEN noted.problem ELSE saga.problem END,
        attention = CASE WHEN noted.has_concern THEN noted.attention ELSE saga.attention END,
        attention_node = CASE WHEN noted.has_concern THEN noted.node ELSE saga.attention_node END,
        error_type = CASE WHEN noted.has_concern THEN noted.error_type ELSE saga.error_type END,
        tried = saga.tried OR noted.tried,
        crashes = CASE WHEN noted.passed THEN 0 ELSE saga.crashes END
    FROM unnest(
        %s::bigint[], %s::boolean[], %s::text[], %s::boolean[], %s::text[], %s::text[], %s::text[],
        %s::boolean[], %s::boolean[]
    ) AS noted (
        saga_key, has_problem, problem, has_concern, attention, node, error_type, tried, passed
    )
    WHERE saga.saga_key = noted.saga_key
"""

_SagaRow: TypeAlias = tuple[int, SagaId, int, str, str, int, Timestamp, Timestamp | None, str]
"""A row of `_SAGAS`."""


@attrs.define(eq=False)
class _Move:
    """
    A change of a saga's state, or several of one batch.

    Attributes:
        state: The last state.
        ended: When that was, if it is an end.
        went_on: Whether one of the states was not an end, so that an earlier end does not count.
    """

    state: str
    ended: Timestamp | None
    went_on: bool


@attrs.define(eq=False)
class _Notes:
    """What a batch changes in a saga's row, other than its state."""

    has_problem: bool = False
    problem: str | None = None
    has_concern: bool = False
    concern: Concern | None = None
    tried: bool = False
    passed: bool = False


@attrs.define(eq=False)
class Changes:
    """What a batch comes to, as rows that are not written yet."""

    _sagas: list[_SagaRow] = attrs.field(factory=list)
    _params: list[tuple[int, str]] = attrs.field(factory=list)
    _tags: list[tuple[int, str, str]] = attrs.field(factory=list)
    _steps: list[tuple[int, int, int, str, str]] = attrs.field(factory=list)
    _moves: dict[int, _Move] = attrs.field(factory=dict)  # by key of saga
    _notes: dict[int, _Notes] = attrs.field(factory=dict)  # the same

    def create(self, key: int, dag_key: int, saga: SagaCreateParams, now: Timestamp) -> None:
        """Add a saga, without its steps."""
        fence, state = saga.fence, saga.state
        ended = now if state.finished else None
        owner, generation, name = fence.sec_name, fence.generation, saga.saga_name
        self._sagas.append(
            (key, saga.saga_id, dag_key, state.value, owner, generation, now, ended, name)
        )
        self._params.append((key, saga.params))
        self._tags += [(key, *tag) for tag in saga.tags.items()]

    def add_steps(self, key: int, creator: str, rows: Sequence[StepRow]) -> None:
        """Add steps of a saga."""
        self._steps += [(key, seq, time, creator, events) for seq, time, events in rows]

    def move(self, key: int, state: SagaCachedState, now: Timestamp) -> None:
        """Set a saga's state."""
        before = self._moves.get(key)
        went_on = not state.finished or (before is not None and before.went_on)
        self._moves[key] = _Move(state.value, now if state.finished else None, went_on)

    def _noted(self, key: int) -> _Notes:
        return self._notes.setdefault(key, _Notes())

    def note(self, key: int, problem: str | None) -> None:
        """Set or clear a saga's problem."""
        notes = self._noted(key)
        notes.has_problem, notes.problem = True, problem

    def set_concern(self, key: int, concern: Concern | None) -> None:
        """Set or clear a saga's concern."""
        notes = self._noted(key)
        notes.has_concern, notes.concern = True, concern

    def mark(self, key: int, *, passed: bool) -> None:
        """Mark a saga as tried, or let its count of crashes begin again."""
        notes = self._noted(key)
        notes.tried, notes.passed = notes.tried or not passed, notes.passed or passed

    def write(self, db: Db) -> None:
        """Write all of it; in a pipeline, the answers come when that ends."""
        if self._sagas:
            self._write_sagas(db)
        if self._steps:
            key, seq, time, creator, events = zip(*self._steps, strict=True)
            row = numbers(key), numbers(seq), numbers(time), texts(creator), texts(events)
            db.execute(_STEPS, row)
        if self._moves:
            self._write_moves(db)
        if self._notes:
            self._write_notes(db)

    def _write_sagas(self, db: Db) -> None:
        key, saga_id, dag, state, owner, generation, created, ended, name = zip(
            *self._sagas, strict=True
        )
        db.execute(
            _SAGAS,
            (
                *(numbers(key), ids(saga_id), numbers(dag), texts(state), texts(owner)),
                *(numbers(generation), numbers(created), numbers(ended), texts(name)),
            ),
        )
        key, params = zip(*self._params, strict=True)
        db.execute(_PARAMS, (numbers(key), texts(params)))
        if self._tags:
            key, name, value = zip(*self._tags, strict=True)
            db.execute(_TAGS, (numbers(key), texts(name), texts(value)))

    def _write_moves(self, db: Db) -> None:
        moves = self._moves.values()
        state = texts(move.state for move in moves)
        ended = numbers(move.ended for move in moves)
        went_on = flags(move.went_on for move in moves)
        db.execute(_MOVES, (numbers(self._moves), state, ended, went_on))

    def _write_notes(self, db: Db) -> None:
        notes = self._notes.values()
        attention, node, error_type = zip(
            *(concern_columns(each.concern) for each in notes), strict=True
        )
        db.execute(
            _NOTES,
            (
                numbers(self._notes),
                flags(each.has_problem for each in notes),
                texts(each.problem for each in notes),
                flags(each.has_concern for each in notes),
                *(texts(attention), texts(node), texts(error_type)),
                flags(each.tried for each in notes),
                flags(each.passed for each in notes),
            ),
        )
