"""
Schema versions: numbered SQL files, each applied once, in a transaction of its own.

A database says which files it has seen (`PRAGMA user_version`). One that has seen more than this
release knows was written by a newer one, and is refused before anything is read.
"""

from __future__ import annotations

import functools
import sqlite3
from importlib import resources

import attrs

from steno.errors import StoreError
from steno.stores.sqlite._repack import is_moving, move

APPLICATION_ID = 0x5354454E
"""Marks a database as one of ours: "STEN" in ASCII."""


@attrs.frozen
class Migration:
    """
    One step of the schema.

    Attributes:
        number: Counted from 1.
        name: The name of its file.
        script: Its statements.
    """

    number: int
    name: str
    script: str


@functools.cache
def migrations() -> tuple[Migration, ...]:
    """Return the steps of the schema, in order."""
    files = resources.files("steno.stores.sqlite").joinpath("sql").iterdir()
    named = sorted((file.name, file) for file in files if file.name.endswith(".sql"))
    return tuple(
        Migration(int(name.split("_")[0]), name, file.read_text(encoding="utf-8"))
        for name, file in named
    )


def check_version(db: sqlite3.Connection, path: str) -> int:
    """
    Return how many steps a database has seen; 0 if it is empty.

    Raises:
        StoreError: It is another program's, or was written by a newer release.
        sqlite3.Error: It cannot be read.
    """
    (application,) = db.execute("PRAGMA application_id").fetchone()
    (version,) = db.execute("PRAGMA user_version").fetchone()
    (tables,) = db.execute("SELECT count(*) FROM sqlite_schema").fetchone()
    # An empty file is taken as ours, as a crash before the first step leaves it so.
    if application != APPLICATION_ID and (tables or application or version):
        msg = f"{path} is a database of another program"
        raise StoreError(msg)
    if version < 0:
        msg = f"{path} has schema version {version}: it is damaged"
        raise StoreError(msg)
    known = len(migrations())
    if version > known:
        msg = (
            f"{path} has schema version {version}, and this release knows {known}: "
            "it was written by a newer trio-steno, which is needed to open it"
        )
        raise StoreError(msg)
    return int(version)


def migrate(db: sqlite3.Connection) -> None:
    """
    Bring a database that was checked to the schema of this release.

    Raises:
        sqlite3.Error: It cannot be read or written. What was done stays so; the next try goes on.
    """
    (version,) = db.execute("PRAGMA user_version").fetchone()
    for step in migrations()[version:]:
        try:
            # What refers to a table that is renamed means the one that takes its name.
            db.execute("PRAGMA legacy_alter_table = ON")
            # What is damaged is copied, and stays so.
            db.execute("PRAGMA ignore_check_constraints = ON")
            # The version changes in the same transaction as the schema: after a crash a step was
            # taken or was not, and is never taken twice.
            db.executescript(
                f"BEGIN IMMEDIATE;\n{step.script}\nPRAGMA application_id = {APPLICATION_ID};\n"
                f"PRAGMA user_version = {step.number};\nCOMMIT;"
            )
        finally:
            if db.in_transaction:
                db.execute("ROLLBACK")
            db.execute("PRAGMA legacy_alter_table = OFF")
            db.execute("PRAGMA ignore_check_constraints = OFF")
    # Outside the loop: a file whose rows were being moved when the process died has this version.
    if is_moving(db):
        move(db)
