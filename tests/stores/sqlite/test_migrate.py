"""Schema versions: a file gets each step once, whole or not at all, and no stranger gets any."""

import sqlite3
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path

import pytest

from steno import SagaCachedState, SqliteSecStore, StoreError
from steno.stores.sqlite import _migrate
from steno.stores.sqlite._migrate import (
    APPLICATION_ID,
    Migration,
    check_version,
    migrate,
    migrations,
)

LATEST = len(migrations())


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "trips.db"


@pytest.fixture
def db(path: Path) -> Iterator[sqlite3.Connection]:
    with closing(sqlite3.connect(path, isolation_level=None)) as db:
        yield db


@pytest.fixture
def add(monkeypatch: pytest.MonkeyPatch) -> Callable[[str], None]:
    """Add a step to the schema, as a later release has it."""

    def add(script: str) -> None:
        there = _migrate.migrations()
        step = Migration(len(there) + 1, f"{len(there) + 1:04}_more.sql", script)
        monkeypatch.setattr(_migrate, "migrations", lambda: (*there, step))

    return add


def contents(folder: Path) -> dict[str, bytes]:
    return {each.name: each.read_bytes() for each in folder.iterdir()}


def schema(db: sqlite3.Connection) -> list[tuple]:
    return db.execute("SELECT type, name, sql FROM sqlite_schema ORDER BY name").fetchall()


def marks(db: sqlite3.Connection) -> tuple[int, int]:
    """Return a database's application id and schema version."""
    pragmas = ("PRAGMA application_id", "PRAGMA user_version")
    return tuple(db.execute(pragma).fetchone()[0] for pragma in pragmas)


def test_the_steps_are_numbered_from_1():
    """Their files are named for it, so that none is forgotten, or there twice."""
    steps = migrations()
    assert steps
    assert [step.number for step in steps] == list(range(1, len(steps) + 1))
    assert all(step.name.startswith(f"{step.number:04}_") for step in steps)
    assert all(step.script for step in steps)


# Going up


def test_a_fresh_file_gets_all_steps(db: sqlite3.Connection, path: Path):
    """And is marked as ours."""
    assert check_version(db, str(path)) == 0
    migrate(db)
    assert marks(db) == (APPLICATION_ID, LATEST)
    assert check_version(db, str(path)) == LATEST
    assert {"saga", "node_event", "dag"} <= {name for _, name, _ in schema(db)}


def test_each_step_is_done_once(db: sqlite3.Connection):
    """Opening the file again changes nothing."""
    migrate(db)
    before, changes = schema(db), db.total_changes
    statements = []
    db.set_trace_callback(statements.append)
    migrate(db)
    assert {statement.split()[0] for statement in statements} <= {"PRAGMA", "SELECT"}
    assert (schema(db), db.total_changes) == (before, changes)


def test_a_later_release_does_only_what_is_new(db: sqlite3.Connection, add: Callable):
    """What there was stays."""
    migrate(db)
    db.execute("INSERT INTO sec VALUES ('trips', 7, 1)")
    add("ALTER TABLE sec ADD COLUMN note TEXT;\nCREATE TABLE more (a);")
    add("DROP TABLE more;")
    migrate(db)
    assert marks(db) == (APPLICATION_ID, LATEST + 2)
    assert db.execute("SELECT * FROM sec").fetchall() == [("trips", 7, 1, None)]


OLDER = """
    INSERT INTO dag VALUES (1, 'digest', 'text');
    INSERT INTO saga_params SELECT saga_key, 'null' FROM saga;
"""
SAGAS = {
    "nothing": ("'running'", "NULL", None),
    "stuck": ("'stuck'", "NULL", "stuck"),
    "not loaded": ("'running'", "'it could not be loaded: no action'", "quarantined"),
    "quarantined": ("'ready'", "'it is quarantined: the last 5 lives'", "quarantined"),
    "halted": ("'running'", "'the disk is full'", "halted"),
    "stuck and halted": ("'stuck'", "'the disk is full'", "halted"),
    "of no state": ("'sleepy'", "NULL", None),
    "with an odd problem": ("'running'", "x'ff'", "halted"),
}
"""Sagas of version 4 by their names: their states and problems, and what is told of them."""


@pytest.fixture
def older(db: sqlite3.Connection, monkeypatch: pytest.MonkeyPatch) -> sqlite3.Connection:
    """A file of version 4, in which some rows are damaged."""
    with monkeypatch.context() as patch:
        patch.setattr(_migrate, "migrations", lambda: migrations()[:4])
        migrate(db)
    db.execute("PRAGMA ignore_check_constraints = ON")
    for key, (name, (state, problem, _)) in enumerate(SAGAS.items(), start=1):
        values = f"?, ?, 1, {state}, 'sec', 3, 4, NULL, {problem}, ?, 5, NULL, 'x'"
        saga_id = b"short" if name == "of no state" else bytes([key] * 16)
        db.execute(f"INSERT INTO saga VALUES ({values})", (key, saga_id, name))  # noqa: S608 - of these
    db.execute("PRAGMA ignore_check_constraints = OFF")
    db.executescript(OLDER)
    return db


def test_what_needs_attention_is_told_of_stored_sagas(older: sqlite3.Connection):
    """By their states and problems; the rest of each row is as it was, damaged or not."""
    before = older.execute("SELECT * FROM saga").fetchall()
    migrate(older)
    assert marks(older) == (APPLICATION_ID, LATEST)
    after = older.execute("SELECT * FROM saga").fetchall()
    assert [row[:-3] for row in after] == before
    told = dict(older.execute("SELECT name, attention FROM saga"))
    assert told == {name: reason for name, (*_, reason) in SAGAS.items()}
    assert {row[-2:] for row in after} == {(None, None)}
    assert older.execute("PRAGMA foreign_key_check").fetchall() == []
    assert "saga_4" not in {name for _, name, _ in schema(older)}


def test_after_that_a_saga_may_be_paused_or_abandoned(older: sqlite3.Connection):
    """As before, any other word is refused."""
    migrate(older)
    for state in SagaCachedState:
        older.execute("UPDATE saga SET state = ? WHERE saga_key = 1", (state.value,))
    with pytest.raises(sqlite3.IntegrityError, match="CHECK"):
        older.execute("UPDATE saga SET state = 'sleepy' WHERE saga_key = 1")


# What is refused


@pytest.mark.parametrize(
    ("script", "why"),
    [
        ("CREATE TABLE theirs (a)", "is a database of another program"),
        ("PRAGMA application_id = 1", "is a database of another program"),
        ("PRAGMA user_version = 1", "is a database of another program"),
        (
            f"PRAGMA application_id = {APPLICATION_ID}; PRAGMA user_version = {LATEST + 1}",
            f"has schema version {LATEST + 1}, and this release knows {LATEST}: it was written by "
            "a newer trio-steno, which is needed to open it",
        ),
        (
            f"PRAGMA application_id = {APPLICATION_ID}; PRAGMA user_version = -1",
            "has schema version -1: it is damaged",
        ),
    ],
)
async def test_what_is_not_ours_is_refused_and_not_changed(
    db: sqlite3.Connection, path: Path, script: str, why: str
):
    """Writers and readers get the same error, and nothing is left beside the file."""
    db.executescript(script)
    db.close()
    before = contents(path.parent)
    store = SqliteSecStore(path)
    for opening in (store.open(), store.open_reader()):
        with pytest.raises(StoreError, match=why) as caught:
            async with opening:
                raise AssertionError
        assert str(path) in str(caught.value)
    assert contents(path.parent) == before


async def test_an_older_schema_is_not_read_until_it_has_been_opened(
    path: Path, monkeypatch: pytest.MonkeyPatch, add: Callable
):
    """A reader changes nothing, so it says who does."""
    store = SqliteSecStore(path)
    async with store.open():
        pass
    add("CREATE TABLE more (a);")
    monkeypatch.setattr("steno.stores.sqlite._file.migrations", _migrate.migrations)
    why = f"has schema version {LATEST}, and this release reads {LATEST + 1}: it gets that when"
    with pytest.raises(StoreError, match=why):
        async with store.open_reader():
            raise AssertionError
    async with store.open(), store.open_reader() as reader:
        await reader.count()
    with closing(sqlite3.connect(path)) as db:
        assert marks(db) == (APPLICATION_ID, LATEST + 1)


# What is interrupted


@pytest.mark.parametrize(
    "script",
    ["CREATE TABLE more (a); SELECT nonsense;", "CREATE TABLE more (a); CREATE TABLE saga (b);"],
)
def test_a_step_that_fails_leaves_nothing(db: sqlite3.Connection, add: Callable, script: str):
    """The steps before it stay; it can be tried again."""
    add(script)
    with pytest.raises(sqlite3.Error):
        migrate(db)
    assert not db.in_transaction
    assert marks(db) == (APPLICATION_ID, LATEST)
    assert "more" not in {name for _, name, _ in schema(db)}
    with pytest.raises(sqlite3.Error):
        migrate(db)


def test_a_first_step_that_fails_leaves_an_empty_file(
    db: sqlite3.Connection, monkeypatch: pytest.MonkeyPatch
):
    """Not even the marks."""
    (first, *_) = migrations()
    torn = Migration(1, first.name, first.script + "\nSELECT nonsense;")
    monkeypatch.setattr(_migrate, "migrations", lambda: (torn,))
    with pytest.raises(sqlite3.Error):
        migrate(db)
    assert marks(db) == (0, 0)
    assert schema(db) == []


KILLED = """
import os, sqlite3, sys
from steno.stores.sqlite import _migrate

def migrate_until(statement, path, journal):
    db = sqlite3.connect(path, isolation_level=None)
    db.execute("PRAGMA journal_mode = " + journal)
    left = iter(range(statement))
    db.set_trace_callback(lambda _: next(left, None) is None and os.kill(os.getpid(), 9))
    _migrate.migrate(db)
    os._exit(0)

for statement in range(100):
    if os.fork() == 0:
        migrate_until(statement, f"{sys.argv[1]}/{statement}.db", sys.argv[2])
    if os.wait()[1] == 0:
        break
"""


@pytest.mark.parametrize("journal", ["wal", "delete"])
def test_a_step_during_which_the_process_is_killed_is_done_again(tmp_path: Path, journal: str):
    """At any of its statements: none is done by half, and the next process does the rest."""
    subprocess.run([sys.executable, "-c", KILLED, tmp_path, journal], check=True)
    *killed, whole = sorted(tmp_path.glob("*.db"), key=lambda path: int(path.stem))
    assert len(killed) > 10
    seen: set[int] = set()
    schemas: list[list[tuple]] = []
    for path in killed:
        with closing(sqlite3.connect(path, isolation_level=None)) as db:
            seen.add(check_version(db, str(path)))
            migrate(db)
            assert marks(db) == (APPLICATION_ID, LATEST)
            schemas.append(schema(db))
    assert seen == set(range(LATEST + 1))
    with closing(sqlite3.connect(whole)) as db:
        assert marks(db) == (APPLICATION_ID, LATEST)
        assert all(each == schema(db) for each in schemas)
