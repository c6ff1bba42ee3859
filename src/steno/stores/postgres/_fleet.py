"""
The fleet: which SECs live, and who takes over the sagas of the others, each in a transaction.

Rule 1. All times are the server's, read while a statement runs (`clock_timestamp`), not when its
transaction began.

Rule 2. Orphans are found by the lives that have ended, which are few, and an index of the
unfinished sagas of each. Rows that are locked are passed over: another SEC takes them at this
moment, or a batch of their owner does, and they are found the next time.

Rule 3. A life that has ended is forgotten after `KEPT`: until then its SEC may create a saga late,
which has to be found.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import UTC, timedelta

from steno.core import JsonText
from steno.store import Fence, OrphanGraph, SagaClaim, SecSummary
from steno.stores.postgres._array import texts
from steno.stores.postgres._link import Db
from steno.stores.postgres._ownership import IS_OPEN, OPEN, taken_over

KEPT = timedelta(days=7)
"""How long a life that has ended is remembered."""

_END_EARLIER = """
    UPDATE steno.life SET lease_end = clock_timestamp()
    WHERE sec_name = %s AND lease_end > clock_timestamp()
"""
_JOIN = """
    INSERT INTO steno.life (sec_name, generation, build, lease_end)
    VALUES (%s, %s, %s, clock_timestamp() + %s)
"""
_FORGET = f"""
    DELETE FROM steno.life WHERE lease_end < clock_timestamp() - %s AND NOT EXISTS (
        SELECT FROM steno.saga WHERE {IS_OPEN}
            AND current_sec = life.sec_name AND sec_generation = life.generation
    )
"""  # noqa: S608 - made of words of this package
_RENEW = """
    UPDATE steno.life SET lease_end = clock_timestamp() + %s
    WHERE sec_name = %s AND generation = %s AND lease_end > clock_timestamp() RETURNING true
"""
_LEAVE = """
    UPDATE steno.life SET lease_end = clock_timestamp(), left_normally = true
    WHERE sec_name = %s AND generation = %s AND lease_end > clock_timestamp()
"""
_LIVES = """
    SELECT FROM steno.life
    WHERE sec_name = %s AND generation = %s AND lease_end > clock_timestamp()
"""
_ORPHANS = f"""
    steno.life JOIN steno.saga ON current_sec = sec_name AND sec_generation = generation
    JOIN steno.dag USING (dag_key)
    WHERE lease_end <= clock_timestamp() AND {IS_OPEN}
"""
_CLAIM = f"""
    WITH orphan AS (
        SELECT saga_key, left_normally FROM {_ORPHANS}
            AND (%s::text[] IS NULL OR digest = ANY (%s))
        LIMIT %s FOR NO KEY UPDATE OF saga SKIP LOCKED
    )
    UPDATE steno.saga SET current_sec = %s, {taken_over("orphan.left_normally")}
    FROM orphan WHERE saga.saga_key = orphan.saga_key
    RETURNING saga_id, adopt_generation, crashes
"""  # noqa: S608 - as above
_GRAPHS = f"""
    SELECT digest, text, count FROM (
        SELECT digest, count(*) FROM {_ORPHANS} GROUP BY digest
    ) AS counted JOIN steno.dag USING (digest) ORDER BY digest
"""  # noqa: S608 - as above
_SECS = f"""
    SELECT sec_name, generation, build, joined, lease_end - clock_timestamp(), running FROM (
        SELECT *, (
            SELECT count(*) FROM steno.saga WHERE {IS_OPEN}
                AND current_sec = life.sec_name AND sec_generation = life.generation
        ) AS running FROM steno.life
    ) AS life WHERE running > 0 OR lease_end > clock_timestamp() ORDER BY sec_name, generation
"""  # noqa: S608 - as above


def join(db: Db, sec_name: str, lease: timedelta, build: str) -> Fence:
    """Begin a life of a SEC."""
    db.begin()
    (generation,) = db.execute(OPEN, (sec_name,)).fetchone() or (0,)
    db.execute(_END_EARLIER, (sec_name,))
    db.execute(_JOIN, (sec_name, generation, build, lease))
    db.execute(_FORGET, (KEPT,))
    db.commit()
    return Fence(sec_name, generation)


def renew(db: Db, fence: Fence, lease: timedelta) -> bool:
    """Let a life last that long from now, unless it has ended."""
    db.begin()
    row = db.execute(_RENEW, (lease, fence.sec_name, fence.generation)).fetchone()
    db.commit()
    return row is not None


def leave(db: Db, fence: Fence) -> None:
    """End a life normally, unless it has ended."""
    db.begin()
    db.execute(_LEAVE, (fence.sec_name, fence.generation))
    db.commit()


def claim_orphans(
    db: Db, fence: Fence, limit: int, graphs: Collection[str] | None
) -> Sequence[SagaClaim]:
    """Give orphans to a life that lives."""
    sec_name, generation = fence.sec_name, fence.generation
    digests = None if graphs is None else texts(graphs)
    owner = (sec_name, generation, generation)
    db.begin()
    lives = db.execute(_LIVES, (sec_name, generation)).fetchone() is not None
    claim = (digests, digests, limit, *owner)
    found = db.execute(_CLAIM, claim).fetchall() if lives else []
    db.commit()
    return [SagaClaim(row[0], Fence(sec_name, row[1]), row[2]) for row in found]


def orphans(db: Db) -> Sequence[OrphanGraph]:
    """Return the graphs of orphans."""
    return [OrphanGraph(each, JsonText(text), n) for each, text, n in db.execute(_GRAPHS)]


def secs(db: Db) -> Sequence[SecSummary]:
    """Return the SECs that live, or have left sagas."""
    return [
        SecSummary(Fence(name, generation), build, joined.astimezone(UTC), left, running)
        for name, generation, build, joined, left, running in db.execute(_SECS)
    ]
