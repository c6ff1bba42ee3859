"""The file of the disk floors: a plain append, of rows with what an event of a saga holds."""

from __future__ import annotations

import sqlite3
import time
from pathlib import Path
from typing import TypeAlias

Row: TypeAlias = tuple[int, int, int, str, str | None, int, str]
"""Saga, number, node, type, data, time and creator."""

INSERT = "INSERT INTO event VALUES (?, ?, ?, ?, ?, ?, ?)"

_TABLE = """
    CREATE TABLE event (
        saga_key INTEGER NOT NULL, seq INTEGER NOT NULL, node_id INTEGER NOT NULL,
        event_type TEXT NOT NULL, data TEXT, time INTEGER NOT NULL, creator TEXT NOT NULL
    )
"""


def open_file(path: Path) -> sqlite3.Connection:
    """Open the file as `SqliteSecStore` does: what is committed is on the disk."""
    db = sqlite3.connect(path, isolation_level=None, check_same_thread=False)
    db.execute("PRAGMA journal_mode = WAL")
    db.execute("PRAGMA synchronous = FULL")
    db.execute("PRAGMA journal_size_limit = 67108864")
    return db


def make_table(db: sqlite3.Connection) -> None:
    """Make the table."""
    db.execute(_TABLE)


def step_rows(chain: int, step: int, per_step: int) -> list[Row]:
    """Return the rows of a step: a success and, if two are wanted, the start of the next node."""
    now = time.time_ns() // 1000
    rows: list[Row] = [(chain, per_step * step, step, "succeeded", "1", now, "default")]
    if per_step > 1:
        rows.append((chain, per_step * step + 1, step + 1, "started", None, now, "default"))
    return rows


def count(path: Path) -> int:
    """Return how many rows there are in the file."""
    db = open_file(path)
    (rows,) = db.execute("SELECT count(*) FROM event").fetchone()
    db.close()
    return int(rows)
