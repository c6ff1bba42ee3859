"""Reads of a PostgreSQL database, each a plain function of a connection."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from itertools import pairwise
from typing import TypeAlias, cast

from steno.core import JsonText, SagaCachedState, SagaId
from steno.errors import RecoveryError
from steno.store import Fence, LogEntry, StoredSaga, from_timestamp
from steno.stores._step import events_from_rows
from steno.stores.postgres._array import ids
from steno.stores.postgres._link import Db
from steno.stores.postgres._list import SUMMARY, SummaryRow, summary_from_row

_LOAD = f"""
    SELECT current_sec, adopt_generation, digest, text, params, {SUMMARY}
    FROM steno.saga LEFT JOIN steno.dag USING (dag_key) LEFT JOIN steno.saga_params USING (saga_key)
    WHERE saga_id = ANY (%s::uuid[])
"""  # noqa: S608 - made of words of this package
_STEPS = """
    SELECT saga_id, seq, step.time, step.events FROM steno.step JOIN steno.saga USING (saga_key)
    WHERE saga_id = ANY (%s::uuid[]) ORDER BY saga_key, seq
"""
_ENTRIES = """
    SELECT seq, time, events, creator FROM steno.step JOIN steno.saga USING (saga_key)
    WHERE saga_id = %s ORDER BY seq
"""
_SagaRow: TypeAlias = tuple[str, int, str | None, str | None, str | None, *SummaryRow]
"""The columns of `_LOAD`."""

_COUNT = "SELECT state, count(*) FROM steno.saga GROUP BY state"


def load(db: Db, saga_ids: Sequence[SagaId]) -> Mapping[SagaId, StoredSaga | Exception | None]:
    """Return all that is stored of some sagas, or why it cannot be read, in one round trip."""
    wanted = ids(saga_ids)
    with db.connection.pipeline():
        db.begin_reading()
        rows = db.execute(_LOAD, (wanted,))
        steps = db.execute(_STEPS, (wanted,))
        db.commit()
    logs: defaultdict[SagaId, list[tuple[object, ...]]] = defaultdict(list)
    for saga_id, *step in steps:
        logs[saga_id].append(tuple(step))
    found: dict[SagaId, StoredSaga | Exception | None] = dict.fromkeys(saga_ids)
    for row in rows:
        saga_id = row[5]
        try:
            found[saga_id] = _loaded(row, logs[saga_id])
        except RecoveryError as error:
            found[saga_id] = error
    return found


def _loaded(row: _SagaRow, steps: Sequence[tuple[object, ...]]) -> StoredSaga:
    sec_name, generation, digest, text, params, *summary = row
    shown = summary_from_row(cast("SummaryRow", tuple(summary)))
    if digest is None or text is None or params is None:
        msg = f"saga {shown.saga_id}: its graph or its params are missing"
        raise RecoveryError(msg)
    return StoredSaga(
        shown,
        Fence(sec_name, generation),
        digest,
        text,
        JsonText(params),
        events_from_rows(shown.saga_id, steps),
    )


def entries(db: Db, saga_id: SagaId) -> Sequence[LogEntry]:
    """
    Return the log of a saga, with times and creators.

    Raises:
        RecoveryError: What is stored cannot be read.
    """
    rows = db.execute(_ENTRIES, (saga_id,)).fetchall()
    events = events_from_rows(saga_id, (row[:3] for row in rows))
    found: list[LogEntry] = []
    # The extra row at the end stands for the step that would follow, and says where the last ends.
    for (seq, time, _, creator), following in pairwise([*rows, (len(events), 0, "", "")]):
        when = from_timestamp(time)
        numbers = range(seq, following[0])
        found += [LogEntry(number, events[number], when, creator) for number in numbers]
    return found


def count(db: Db) -> Mapping[SagaCachedState, int]:
    """Return how many sagas there are in each state."""
    found = dict.fromkeys(SagaCachedState, 0)
    for state, number in db.execute(_COUNT):
        found[SagaCachedState(state)] = number
    return found
