"""
Schema versions: numbered SQL files, applied in one transaction.

A schema says which files it has seen (`steno.schema_version`). Any number of processes may find it
empty, or old, at once: the first to lock that table brings it to the present, and the others find
it done. One that has seen more files than this release knows was written by a newer one, and is
refused.
"""

from __future__ import annotations

import functools
from importlib import resources

import psycopg

from steno.errors import StoreError
from steno.stores.postgres._link import Db

TRIES = 10
"""How often what only one process can do at a time is tried, where all of them begin at once."""

_EXISTS = "SELECT to_regclass('steno.schema_version') IS NOT NULL"
_VERSION = "SELECT version FROM steno.schema_version"
_SCHEMA_EXISTS = "SELECT to_regnamespace(%s) IS NOT NULL"
_CREATE = """
    CREATE TABLE IF NOT EXISTS steno.schema_version (
        one boolean PRIMARY KEY DEFAULT true CHECK (one),
        version integer NOT NULL
    )
"""
_LOCK = "LOCK TABLE steno.schema_version IN ACCESS EXCLUSIVE MODE"
_BEGIN = "INSERT INTO steno.schema_version (version) VALUES (0) ON CONFLICT DO NOTHING"
_SET = "UPDATE steno.schema_version SET version = %s"

# `IF NOT EXISTS` looks first and creates then, and two processes may both have looked.
_RACES = (
    psycopg.errors.UniqueViolation,
    psycopg.errors.DuplicateSchema,
    psycopg.errors.DuplicateTable,
    psycopg.errors.DuplicateObject,
)


@functools.cache
def scripts() -> tuple[str, ...]:
    """Return the steps of the schema, in order."""
    files = resources.files("steno.stores.postgres").joinpath("sql").iterdir()
    named = sorted((file.name, file) for file in files if file.name.endswith(".sql"))
    return tuple(file.read_text(encoding="utf-8") for _, file in named)


def check_version(db: Db) -> int:
    """
    Return how many steps the schema has seen; 0 if there is none.

    Raises:
        StoreError: It was written by a newer release.
    """
    (exists,) = db.execute(_EXISTS).fetchone() or (False,)
    row = db.execute(_VERSION).fetchone() if exists else None
    version = 0 if row is None else int(row[0])
    check_known(db.schema, version)
    return version


def check_known(schema: str, version: int) -> None:
    """Raise StoreError if this release does not know a version of the schema."""
    known = len(scripts())
    if version > known:
        msg = (
            f"schema {schema} has version {version}, and this release knows {known}: it was "
            "written by a newer trio-steno, which is needed to use it"
        )
        raise StoreError(msg)


def check_current(db: Db) -> None:
    """Raise StoreError unless the schema is that of this release, as a reader needs it."""
    version, known = check_version(db), len(scripts())
    if version < known:
        what = f"has version {version}, and this release reads {known}" if version else "is empty"
        msg = f"schema {db.schema} {what}: it gets that when a SEC opens it"
        raise StoreError(msg)


def migrate(db: Db) -> None:
    """
    Bring the schema to that of this release, whatever other processes do.

    Raises:
        psycopg.Error: It cannot be done; nothing was.
        StoreError: It was written by a newer release, or holds another program's tables.
    """
    if check_version(db) == len(scripts()):
        return
    for tried in range(1, TRIES + 1):
        try:
            (exists,) = db.execute(_SCHEMA_EXISTS, (f'"{db.schema}"',)).fetchone() or (False,)
            if not exists:
                db.execute(f'CREATE SCHEMA IF NOT EXISTS "{db.schema}"')
            db.execute(_CREATE)
            break
        except _RACES:
            if tried == TRIES:
                raise
    _apply(db)


def _apply(db: Db) -> None:
    db.begin()
    db.execute(_LOCK)
    db.execute(_BEGIN)
    version = check_version(db)
    try:
        for script in scripts()[version:]:
            db.execute(script)
    except _RACES as error:
        msg = (
            f"schema {db.schema} holds tables of another program: give the store a schema of its "
            f"own ({error})"
        )
        raise StoreError(msg) from error
    db.execute(_SET, (len(scripts()),))
    db.commit()
