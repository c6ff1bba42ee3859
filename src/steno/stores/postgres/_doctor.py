"""The examination of a server: its version and settings, the schema, and what holds others up."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import closing

from steno.core import SagaId
from steno.errors import RecoveryError
from steno.store import Finding, Verdict
from steno.stores._step import events_from_rows
from steno.stores.postgres._link import Db, Link, Server
from steno.stores.postgres._migrate import check_current

OLD_SECONDS = 600.0
"""How old the oldest transaction of a database may be without a warning."""

MOST = 10
"""How many damaged rows are named."""

_SETTINGS = """
    SELECT name, setting FROM pg_settings
    WHERE name IN ('fsync', 'full_page_writes', 'synchronous_commit', 'synchronous_standby_names')
"""
_SERVER = "SELECT current_setting('server_version'), current_database(), pg_is_in_recovery()"
_VERSION = "SELECT version FROM steno.schema_version"
_SIZES = """
    SELECT relname, pg_total_relation_size(pg_class.oid) FROM pg_class
    JOIN pg_namespace ON pg_namespace.oid = relnamespace
    WHERE nspname = %s AND relkind = 'r' ORDER BY 2 DESC
"""
_OLDEST = """
    SELECT pid, coalesce(application_name, ''), extract(epoch FROM now() - xact_start)
    FROM pg_stat_activity WHERE datname = current_database() AND xact_start IS NOT NULL
    ORDER BY xact_start LIMIT 1
"""
_STRAYS = """
    SELECT 'saga ' || saga_id || ': its graph is missing' FROM steno.saga
    WHERE NOT EXISTS (SELECT FROM steno.dag WHERE dag.dag_key = saga.dag_key)
    UNION ALL
    SELECT 'saga ' || saga_id || ': its params are missing' FROM steno.saga
    WHERE NOT EXISTS (SELECT FROM steno.saga_params WHERE saga_params.saga_key = saga.saga_key)
    UNION ALL
    SELECT DISTINCT 'steps of saga_key ' || saga_key || ', which is no longer there'
    FROM steno.step WHERE NOT EXISTS (SELECT FROM steno.saga WHERE saga.saga_key = step.saga_key)
    LIMIT %s
"""
_LOGS = """
    SELECT saga_id, seq, step.time, step.events FROM steno.step JOIN steno.saga USING (saga_key)
    ORDER BY saga_key, seq
"""


def examine_server(server: Server) -> Sequence[Finding]:
    """
    Examine a server and the schema; it is only read.

    Raises:
        StoreError: There is no such schema, or it cannot be read at all.
    """
    link = Link(server, check_current)
    with closing(link):
        return link.do(_examined)


def _examined(db: Db) -> list[Finding]:
    return [
        *_server(db),
        *_settings(db),
        *_sizes(db),
        *_oldest(db),
        *_damaged(db),
    ]


def _server(db: Db) -> Iterator[Finding]:
    version, database, standby = db.execute(_SERVER).fetchone() or ("", "", False)
    yield Finding("PostgreSQL", version)
    yield Finding("database", database)
    if standby:
        advice = "it only reads; a SEC needs the primary"
        yield Finding("role", "standby", Verdict.WARNING, advice)
    (number,) = db.execute(_VERSION).fetchone() or (0,)
    yield Finding("schema version", f"{number} in {db.schema}")


def _settings(db: Db) -> Iterator[Finding]:
    settings: dict[str, str] = dict(db.execute(_SETTINGS).fetchall())
    for name in ("fsync", "full_page_writes"):
        value = settings[name]
        if value == "on":
            yield Finding(name, value)
        else:
            advice = "a loss of power may damage the whole cluster; set it to on"
            yield Finding(name, value, Verdict.FAULT, advice)
    yield Finding("synchronous_commit", settings["synchronous_commit"])
    yield Finding("synchronous standbys", settings["synchronous_standby_names"] or "none")


def _sizes(db: Db) -> Iterator[Finding]:
    for table, size in db.execute(_SIZES, (db.schema,)):
        yield Finding(f"table {table}", f"{size:,} bytes")


def _oldest(db: Db) -> Iterator[Finding]:
    for pid, name, age in db.execute(_OLDEST):
        text = f"{age:,.0f} s, by process {pid} {name}".rstrip()
        if age < OLD_SECONDS:
            yield Finding("oldest transaction", text)
        else:
            advice = "as long as it lasts, no deleted row is removed, and all slows down: end it"
            yield Finding("oldest transaction", text, Verdict.WARNING, advice)


def _damaged(db: Db) -> Iterator[Finding]:
    advice = "no other row suffers from it; mend it by hand, or go back to a backup"
    lines = [line for (line,) in db.execute(_STRAYS, (MOST,))]
    lines += _damaged_logs(db)
    for line in lines[:MOST]:
        yield Finding("damaged row", line, Verdict.FAULT, advice)
    if not lines:
        yield Finding("rows", "ok")


def _damaged_logs(db: Db) -> Iterator[str]:
    """Yield a line for each saga whose log cannot be read."""
    steps: list[tuple[object, ...]] = []
    last: SagaId | None = None
    with db.connection.transaction(), db.connection.cursor("steno_logs") as cursor:
        cursor.execute(db.qualified(_LOGS))
        for saga_id, *step in cursor:
            if saga_id != last:
                yield from _fault(last, steps)
                last, steps = saga_id, []
            steps.append(tuple(step))
        yield from _fault(last, steps)


def _fault(saga_id: SagaId | None, steps: Sequence[tuple[object, ...]]) -> Iterator[str]:
    if saga_id is None:
        return
    try:
        events_from_rows(saga_id, steps)
    except RecoveryError as error:
        yield str(error)
