"""
Who runs which sagas: taking over, claiming and leaving, each within a transaction of the writer.

A take-over counts crashes as `crashes_at_take_over` does, in SQL, as there may be many sagas. New
events are known by the number of the last step: steps are only ever appended, so a saga has a new
event exactly if that number has changed. Its row need not be written for that with each step.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from contextlib import AbstractContextManager
from typing import TypeAlias
from uuid import UUID

from steno.core import SagaId
from steno.store import UNMARKED, Fence, SagaClaim, TakeOver
from steno.stores.sqlite._bulk import take_over_bulk
from steno.stores.sqlite._error import is_corrupt
from steno.stores.sqlite._row import VALID_ID, is_raisable

_RAISABLE = is_raisable("adopt_generation")
_OPEN = f"""
    INSERT INTO sec (name, generation) VALUES (?, 1)
    ON CONFLICT (name) DO UPDATE SET generation = generation + 1, left_normally = 0
    WHERE {is_raisable("generation")} RETURNING generation
"""  # noqa: S608 - made of words of this package
# A generation that is damaged begins again above those that any saga of the SEC has.
_MEND = f"""
    UPDATE sec SET generation = (
        SELECT coalesce(max(adopt_generation), 0) FROM saga
        WHERE current_sec = sec.name AND {_RAISABLE}
    ) WHERE name = ?
"""  # noqa: S608 - as above
# A SEC that has had no life yet has had no crash.
_WAS_LEFT = "SELECT coalesce((SELECT left_normally IS 1 FROM sec WHERE name = ?), 1)"
_LEAVE = "UPDATE sec SET left_normally = 1 WHERE name = ? AND generation = ?"
_LAST_SEQ = """coalesce(
    (SELECT seq FROM step WHERE step.saga_key = saga.saga_key ORDER BY seq DESC LIMIT 1), -1)"""


def _take_over(last_seq: str) -> str:
    """
    Return the statement that takes sagas over.

    Its parameters: the generation of the SEC, whether no crash is to be counted, its name.

    Args:
        last_seq: The expression of the number of a saga's last step.
    """
    # Where the generation is damaged, no fence is known to be new: the saga is left to an operator.
    # A count that is damaged begins again.
    return f"""
        UPDATE saga INDEXED BY saga_by_state SET
            adopt_generation = max(adopt_generation + 1, ?),
            crashes = CASE
                WHEN ? THEN 0
                WHEN taken_seq IS NULL OR taken_seq <> {last_seq} THEN 1
                WHEN {is_raisable("crashes")} THEN crashes + (crashes < {UNMARKED} OR tried IS 1)
                ELSE 0
            END,
            taken_seq = {last_seq},
            tried = 0
        WHERE state IN ('ready', 'running', 'unwinding') AND current_sec = ?
            AND {VALID_ID} AND {_RAISABLE}
        RETURNING saga_id, adopt_generation, crashes
    """  # noqa: S608 - as above


_TAKE_OVER = _take_over(_LAST_SEQ)
_TAKE_OVER_WITHOUT_STEPS = _take_over("taken_seq")
_CLAIM = f"""
    UPDATE saga SET crashes = 0,
        current_sec = ?, adopt_generation = max(adopt_generation + 1, coalesce(
        (SELECT generation FROM sec WHERE name = ? AND {is_raisable("generation")}), 0))
    WHERE saga_id = ? AND (ended IS NULL OR state IN ('stuck', 'succeeded')) AND {_RAISABLE}
    RETURNING adopt_generation
"""  # noqa: S608 - as above

Begin: TypeAlias = Callable[[], AbstractContextManager[sqlite3.Connection]]
"""Begins a transaction on the connection that writes."""


def take_over(begin: Begin, sec_name: str) -> TakeOver:
    """Raise the generation of a SEC and of its unfinished sagas, and count their crashes."""
    try:
        with begin() as db:
            return _taken_over(db, sec_name, counting=True)
    except sqlite3.DatabaseError as error:
        if not is_corrupt(error):
            raise
    # A page with steps is damaged. No crashes are counted then: that is better than not to open.
    # In a transaction of its own: SQLite refuses to write in one that has met a damaged page.
    with begin() as db:
        return _taken_over(db, sec_name, counting=False)


def _taken_over(db: sqlite3.Connection, sec_name: str, *, counting: bool) -> TakeOver:
    # Before `_OPEN`, which clears it for the life that begins.
    ((left,),) = db.execute(_WAS_LEFT, (sec_name,))
    if (row := db.execute(_OPEN, (sec_name,)).fetchone()) is None:
        db.execute(_MEND, (sec_name,))
        row = db.execute(_OPEN, (sec_name,)).fetchone()
    (generation,) = row
    statement = _TAKE_OVER if counting else _TAKE_OVER_WITHOUT_STEPS
    parameters = (generation, left or not counting, sec_name)
    adopted = db.execute(statement, parameters).fetchall()
    claims = (_claim(saga_id, sec_name, *how) for saga_id, *how in adopted)
    fence = Fence(sec_name, generation)
    take_over_bulk(db, fence)
    return TakeOver(fence, tuple(claims))


def claim(db: sqlite3.Connection, saga_id: SagaId, sec_name: str) -> SagaClaim | None:
    """Make a SEC the owner of a saga that can go on, whose count of crashes begins again."""
    row = db.execute(_CLAIM, (sec_name, sec_name, saga_id.bytes)).fetchone()
    return None if row is None else _claim(saga_id.bytes, sec_name, row[0])


def leave(db: sqlite3.Connection, fence: Fence) -> None:
    """Note that a life of a SEC was left normally, unless a later one has begun."""
    db.execute(_LEAVE, (fence.sec_name, fence.generation))


def _claim(saga_id: bytes, sec_name: str, generation: int, crashes: int = 0) -> SagaClaim:
    return SagaClaim(SagaId(UUID(bytes=saga_id)), Fence(sec_name, generation), crashes)
