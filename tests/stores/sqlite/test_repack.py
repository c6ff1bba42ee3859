"""Files of version 1: what they hold is moved into steps, whatever happens meanwhile."""

import random
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import TypeAlias
from uuid import UUID

import pytest

from steno import RecoveryError, SagaId, SqliteSecStore, StoreUnavailable
from steno.core import event_data
from steno.store import ListQuery, SagaSummary, StoredSaga
from steno.stores.sqlite import _repack
from steno.stores.sqlite._migrate import APPLICATION_ID, migrate, migrations

Row: TypeAlias = tuple[object, ...]

EVENTS = (
    ("started", None),
    ("succeeded", '{"a": 1e16, "é": "\\"quoted\\""}'),
    ("succeeded", "null"),
)
SAGAS = 12
ALL = ListQuery(limit=SAGAS)


def saga_id(key: int) -> SagaId:
    return SagaId(UUID(int=key))


def events(key: int) -> Iterator[Row]:
    """Give the rows of a saga's events: some transactions, of some SECs, of some events each."""
    draw, seq = random.Random(key), 0
    for number in range(draw.randrange(6)):
        time, creator = 1_000_000 * (key + number), draw.choice("ab")
        for _ in range(draw.randrange(1, 5)):
            label, data = draw.choice(EVENTS)
            yield key, seq, draw.randrange(9), label, data, time, creator
            seq += 1


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """A file of version 1 with sagas of every state."""
    path = tmp_path / "older.db"
    with closing(sqlite3.connect(path, isolation_level=None)) as db:
        fill(db)
    return path


def fill(db: sqlite3.Connection) -> None:
    (first, *_) = migrations()
    db.executescript(first.script)
    db.execute(f"PRAGMA application_id = {APPLICATION_ID}")
    db.execute("PRAGMA user_version = 1")
    db.execute("INSERT INTO dag VALUES (1, 'digest', 'text')")
    states = ("ready", "running", "unwinding", "succeeded", "failed", "stuck")
    for key in range(1, SAGAS + 1):
        state, rows = states[key % len(states)], list(events(key))
        ended = 5 if state in {"succeeded", "failed", "stuck"} else None
        values = (key, saga_id(key).bytes, f"name {key}", 1, state, "a", key, len(rows), 3, 4)
        insert = "INSERT INTO saga VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"
        db.execute(insert, (*values, ended, None))
        db.execute("INSERT INTO saga_params VALUES (?, ?)", (key, f'"params {key}"'))
        db.executemany("INSERT INTO node_event VALUES (?, ?, ?, ?, ?, ?, ?)", rows)


def is_whole(stored: StoredSaga | None, key: int) -> bool:
    """Return True if all that version 1 had of a saga is there."""
    assert stored is not None
    found = [
        (key, seq, event.node_id, event.event_type.label, event_data(event.event_type), event.time)
        for seq, event in enumerate(stored.events)
    ]
    rows = [row[:6] for row in events(key)]
    return (
        found == rows
        and (stored.params, stored.dag_text) == (f'"params {key}"', "text")
        and stored.fence.generation == key
        and stored.summary.saga_name == f"name {key}"
    )


async def check(path: Path) -> list[SagaSummary]:
    """Open a file, and see that all is there; return its list of sagas."""
    store = SqliteSecStore(path)
    async with store.open() as session:
        for key in range(1, SAGAS + 1):
            assert is_whole(await session.load(saga_id(key)), key)
    async with store.open_reader() as reader:
        for key in range(1, SAGAS + 1):
            entries = await reader.entries(saga_id(key))
            assert [entry.creator for entry in entries] == [row[-1] for row in events(key)]
        return list(await reader.list(ALL))


@pytest.mark.parametrize("portion", [1, 2, 3, 5, 7, 5000])
async def test_all_that_a_file_holds_is_moved(
    path: Path, monkeypatch: pytest.MonkeyPatch, portion: int
):
    """However many rows a transaction moves; the old tables are gone then."""
    monkeypatch.setattr(_repack, "SAGAS", portion)
    monkeypatch.setattr(_repack, "EVENTS", portion)
    summaries = await check(path)
    assert [each.saga_id for each in summaries] == [saga_id(key) for key in range(1, SAGAS + 1)]
    assert {each.state.value for each in summaries} >= {"ready", "running", "succeeded", "stuck"}
    for each in summaries:
        told = each.concern and each.concern.attention.value
        assert told == ("stuck" if each.state.value == "stuck" else None)
    with closing(sqlite3.connect(path)) as db:
        tables = {name for (name,) in db.execute("SELECT name FROM sqlite_schema")}
        assert not tables & {"saga_1", "node_event_1", "saga_state"}
        assert db.execute("PRAGMA integrity_check").fetchone() == ("ok",)
        assert db.execute("PRAGMA foreign_key_check").fetchall() == []
        view = "SELECT saga_key, seq, node_id, event_type, data, time, creator FROM node_event"
        rows = sorted(row for key in range(1, SAGAS + 1) for row in events(key))
        assert sorted(db.execute(view)) == rows


async def test_what_was_logged_together_is_one_step(path: Path):
    """So the file has fewer rows than before."""
    await check(path)
    with closing(sqlite3.connect(path)) as db:
        (steps,) = db.execute("SELECT count(*) FROM step").fetchone()
    rows = [row for key in range(1, SAGAS + 1) for row in events(key)]
    assert steps == len({(row[0], *row[5:]) for row in rows}) < len(rows)


KILLED = """
import os, sqlite3, sys
from steno.stores.sqlite import _migrate, _repack

_repack.SAGAS, _repack.EVENTS = 5, 20
db = sqlite3.connect(sys.argv[1], isolation_level=None)
left = iter(range(int(sys.argv[2])))
db.set_trace_callback(lambda _: next(left, None) is None and os.kill(os.getpid(), 9))
_migrate.migrate(db)
"""


def kill(path: Path, statement: int) -> bool:
    """Move in a process that is killed at a statement; return False if it came to its end."""
    command = [sys.executable, "-c", KILLED, path, f"{statement}"]
    return subprocess.run(command, check=False).returncode != 0


async def test_a_process_that_is_killed_loses_nothing(tmp_path: Path):
    """At any of its statements, in one transaction after the other, until it is done."""
    for first in (1, 20, 40):
        path = tmp_path / f"{first}.db"
        with closing(sqlite3.connect(path, isolation_level=None)) as db:
            db.execute("PRAGMA journal_mode = WAL")
            fill(db)
        lives = 1
        while kill(path, first + 3 * lives):
            lives += 1
        assert lives > 1
        await check(path)


async def test_a_file_that_is_being_moved_is_not_read(path: Path):
    """A reader gets an error that says to try again; a SEC that opens it continues."""
    with closing(sqlite3.connect(path, isolation_level=None)) as db:
        (_, *later) = migrations()
        db.execute("PRAGMA legacy_alter_table = ON")
        for each in later:
            db.executescript(each.script)
            db.execute(f"PRAGMA user_version = {each.number}")
    with pytest.raises(StoreUnavailable, match="is being brought to the schema of this release"):
        async with SqliteSecStore(path).open_reader():
            pass
    await check(path)


DAMAGES = (
    "UPDATE node_event SET node_id = 'x' WHERE saga_key = 5 AND seq = 1",
    "UPDATE node_event SET event_type = x'ff' WHERE saga_key = 5 AND seq = 1",
    "UPDATE node_event SET data = x'ff' WHERE saga_key = 5 AND seq = 1",
    "UPDATE node_event SET data = CAST(x'ff' AS TEXT) WHERE saga_key = 5 AND seq = 1",
    "UPDATE node_event SET time = 'x' WHERE saga_key = 5 AND seq = 1",
    "UPDATE node_event SET seq = 'x' WHERE saga_key = 5 AND seq = 1",
    "DELETE FROM node_event WHERE saga_key = 5 AND seq = 0",
    "UPDATE saga SET name = CAST(x'ff' AS TEXT) WHERE saga_key = 5",
    "UPDATE saga SET created = 'x' WHERE saga_key = 5",
    "UPDATE saga SET state = 'x' WHERE saga_key = 5",
    "DELETE FROM saga_params WHERE saga_key = 5",
)


@pytest.mark.parametrize("damage", DAMAGES)
async def test_a_damaged_row_stays_damaged_and_costs_its_saga_only(path: Path, damage: str):
    """All others are there afterwards."""
    assert len(list(events(5))) > 2
    with closing(sqlite3.connect(path, isolation_level=None)) as db:
        db.execute("PRAGMA ignore_check_constraints = ON")
        db.execute(damage)
    store = SqliteSecStore(path)
    async with store.open() as session:
        for key in range(1, SAGAS + 1):
            if key != 5:
                assert is_whole(await session.load(saga_id(key)), key)
        with pytest.raises(RecoveryError):
            await session.load(saga_id(5))
        assert len(await session.list(ALL)) == SAGAS


def test_a_text_of_every_kind_is_packed_to_the_letter():
    """Quotes, backslashes, control characters and letters beyond ASCII come back as they were."""
    texts = ('"a\\\\b"', '"\\u0000"', '"\u2028é"', "1e16")
    with closing(sqlite3.connect(":memory:", isolation_level=None)) as db:
        (first, *_) = migrations()
        db.executescript(first.script)
        db.execute("PRAGMA user_version = 1")
        rows = [(1, seq, 0, "succeeded", text, 0, "a") for seq, text in enumerate(texts)]
        db.executemany("INSERT INTO node_event VALUES (?, ?, ?, ?, ?, ?, ?)", rows)
        migrate(db)
        found = [text for (text,) in db.execute("SELECT data FROM node_event ORDER BY seq")]
    assert tuple(found) == texts


def overwrite_a_page(path: Path, marker: bytes) -> None:
    """Overwrite the leaf page of events that has a text."""
    content = bytearray(path.read_bytes())
    size = int.from_bytes(content[16:18], "big")
    leaf_of_an_index = 0x0A
    starts = range(size, len(content), size)
    (start, *_) = [
        start
        for start in starts
        if content[start] == leaf_of_an_index and marker in content[start : start + size]
    ]
    content[start : start + size] = b"\xa5" * size
    path.write_bytes(content)


async def test_a_page_that_cannot_be_read_costs_its_sagas_only(tmp_path: Path):
    """The others are moved; what is left of the old table stays, for who can make use of it."""
    path = tmp_path / "older.db"
    with closing(sqlite3.connect(path, isolation_level=None)) as db:
        fill(db)
        for key in range(1, SAGAS + 1):
            text = f'"marker {key:03}{"." * 900}"'
            row = (key, len(list(events(key))), 0, "succeeded", text, 7, "a")
            db.execute("INSERT INTO node_event VALUES (?, ?, ?, ?, ?, ?, ?)", row)
    overwrite_a_page(path, b"marker 005")
    damaged = set()
    async with SqliteSecStore(path).open() as session:
        assert len(await session.list(ALL)) == SAGAS
        for key in range(1, SAGAS + 1):
            try:
                stored = await session.load(saga_id(key))
            except RecoveryError:
                damaged.add(key)
            else:
                assert stored is not None
                assert len(stored.events) == len(list(events(key))) + 1
    assert 5 in damaged
    assert len(damaged) < SAGAS / 2
    with closing(sqlite3.connect(path)) as db:
        tables = {name for (name,) in db.execute("SELECT name FROM sqlite_schema")}
        assert tables & {"saga_1", "node_event_1"} == {"node_event_1"}
    async with SqliteSecStore(path).open_reader() as reader:
        assert len(await reader.list(ALL)) == SAGAS
