"""
Who runs which sagas: taking over, claiming and leaving, each in a transaction.

A take-over counts crashes as `crashes_at_take_over` does, in SQL, as there may be many sagas. New
events are known by the number of the last step: steps are only ever appended, so a saga has a new
event exactly if that number has changed. Its row need not be written for that with each step.
"""

from __future__ import annotations

from steno.core import SagaId
from steno.store import UNMARKED, Fence, SagaClaim, TakeOver
from steno.stores.postgres._bulk import take_over_bulk
from steno.stores.postgres._link import Db

# A SEC that has had no life yet has had no crash.
_WAS_LEFT = "SELECT left_normally FROM steno.sec WHERE name = %s FOR UPDATE"
OPEN = """
    INSERT INTO steno.sec (name, generation) VALUES (%s, 1)
    ON CONFLICT (name) DO UPDATE SET generation = sec.generation + 1, left_normally = false
    RETURNING generation
"""
"""Begins a life of a SEC."""

_LEAVE = "UPDATE steno.sec SET left_normally = true WHERE name = %s AND generation = %s"
IS_OPEN = "state IN ('ready', 'running', 'unwinding')"
"""Whether a saga, of the table `saga`, is taken up when its SEC is opened."""

_MINE = f"{IS_OPEN} AND current_sec = %s"
# In a statement of its own: the next one sees the last step of a batch that was waited for.
_LOCK = f"""
    SELECT count(*) FROM (
        SELECT FROM steno.saga WHERE {_MINE} ORDER BY saga_id FOR NO KEY UPDATE
    ) AS locked
"""  # noqa: S608 - made of words of this package
LAST_SEQ = """coalesce((
    SELECT seq FROM steno.step WHERE step.saga_key = saga.saga_key ORDER BY seq DESC LIMIT 1
), -1)"""
"""The number of a saga's last step, of the table `saga`."""


def taken_over(left_normally: str) -> str:
    """Return what a take-over sets of a saga; given is whether the life before left its SEC so."""
    return f"""
        adopt_generation = greatest(adopt_generation + 1, %s),
        sec_generation = %s,
        crashes = CASE
            WHEN {left_normally} THEN 0
            WHEN taken_seq IS DISTINCT FROM {LAST_SEQ} THEN 1
            WHEN crashes < {UNMARKED} OR tried THEN crashes + 1
            ELSE crashes
        END,
        taken_seq = {LAST_SEQ},
        tried = false
    """


_TAKE_OVER = f"""
    UPDATE steno.saga SET {taken_over("%s")}
    WHERE {_MINE} RETURNING saga_id, adopt_generation, crashes
"""  # noqa: S608 - as above
_CLAIM = """
    UPDATE steno.saga SET crashes = 0, current_sec = owner.name,
        adopt_generation = greatest(adopt_generation + 1, owner.generation),
        sec_generation = owner.generation
    FROM (
        SELECT %s::text COLLATE "C" AS name,
            coalesce((SELECT generation FROM steno.sec WHERE name = %s), 0) AS generation
    ) AS owner
    WHERE saga_id = %s AND (ended IS NULL OR state IN ('stuck', 'succeeded'))
    RETURNING adopt_generation
"""


def take_over(db: Db, sec_name: str) -> TakeOver:
    """Raise the generation of a SEC and of its unfinished sagas, and count their crashes."""
    db.begin()
    was_left = db.execute(_WAS_LEFT, (sec_name,)).fetchone()
    left = was_left is None or bool(was_left[0])
    (generation,) = db.execute(OPEN, (sec_name,)).fetchone() or (0,)
    fence = Fence(sec_name, generation)
    take_over_bulk(db, fence)
    db.execute(_LOCK, (sec_name,))
    adopted = db.execute(_TAKE_OVER, (generation, generation, left, sec_name)).fetchall()
    db.commit()
    claims = [
        SagaClaim(saga_id, Fence(sec_name, adopt_generation), crashes)
        for saga_id, adopt_generation, crashes in adopted
    ]
    return TakeOver(fence, tuple(claims))


def claim(db: Db, saga_id: SagaId, sec_name: str) -> SagaClaim | None:
    """Make a SEC the owner of a saga that can go on, whose count of crashes begins again."""
    db.begin()
    row = db.execute(_CLAIM, (sec_name, sec_name, saga_id)).fetchone()
    db.commit()
    return None if row is None else SagaClaim(saga_id, Fence(sec_name, row[0]))


def leave(db: Db, fence: Fence) -> None:
    """Note that a life of a SEC was left normally, unless a later one has begun."""
    db.begin()
    db.execute(_LEAVE, (fence.sec_name, fence.generation))
    db.commit()
