"""A database file: what its connections are set to, which name is which file, what is refused."""

import os
import socket
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing, contextmanager
from functools import partial
from pathlib import Path

import pytest
import trio

from steno import SqliteSecStore, StoreError, StoreInUse, StoreUnavailable
from steno.stores.sqlite import _file as _sqlite_file
from steno.stores.sqlite._file import JOURNAL_LIMIT, OLDEST, SqliteFile


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "trips.db"


@contextmanager
def writing(path: object) -> Iterator[sqlite3.Connection]:
    with SqliteFile(os.fspath(path)).writing() as opened:
        yield opened.db


def pragma(db: sqlite3.Connection, name: str) -> object:
    return db.execute(f"PRAGMA {name}").fetchone()[0]


def contents(folder: Path) -> dict[str, bytes | None]:
    """Return what is in a folder, by name; None for anything but a file."""
    return {each.name: each.read_bytes() if each.is_file() else None for each in folder.iterdir()}


# Settings

DURABLE = {
    "journal_mode": "wal",
    "synchronous": 2,
    "fullfsync": 1,
    "checkpoint_fullfsync": 1,
    "journal_size_limit": JOURNAL_LIMIT,
    "cell_size_check": 1,
    "locking_mode": "normal",
    "query_only": 0,
}


@pytest.mark.parametrize("opening", ["first", "second"])
def test_the_connection_that_writes_is_durable(path: Path, opening: str):
    """Whatever SQLite was built with, and whether or not the file was there before."""
    if opening == "second":
        with writing(path):
            pass
    with writing(path) as db:
        assert {name: pragma(db, name) for name in DURABLE} == DURABLE
        assert not db.in_transaction
        assert db.isolation_level is None


def test_durability_is_set_and_not_assumed(path: Path, monkeypatch: pytest.MonkeyPatch):
    """A SQLite may have been built to begin with less."""

    class Careless(sqlite3.Connection):
        def __init__(self, *args: object, **options: object) -> None:
            super().__init__(*args, **options)
            self.execute("PRAGMA synchronous = OFF")

    monkeypatch.setattr(_sqlite_file.sqlite3, "connect", partial(sqlite3.connect, factory=Careless))
    with writing(path) as db:
        assert pragma(db, "synchronous") == 2


def test_a_file_in_another_journal_mode_is_brought_to_wal(path: Path):
    """An operator may have changed it by hand."""
    with writing(path):
        pass
    with closing(sqlite3.connect(path)) as db:
        assert pragma(db, "journal_mode = DELETE") == "delete"
    with writing(path) as db:
        assert pragma(db, "journal_mode") == "wal"


def test_what_cannot_be_made_durable_is_refused(path: Path, monkeypatch: pytest.MonkeyPatch):
    """As where SQLite finds no shared memory, and says so by not doing what it is told."""

    class Stubborn(sqlite3.Connection):
        def execute(self, sql: str, *args: object) -> sqlite3.Cursor:
            return super().execute("SELECT 'delete'" if "journal_mode = WAL" in sql else sql, *args)

    stubbornly = partial(sqlite3.connect, factory=Stubborn)
    monkeypatch.setattr(_sqlite_file.sqlite3, "connect", stubbornly)
    with (
        pytest.raises(
            StoreError, match="set journal_mode to delete and synchronous to 2"
        ) as caught,
        writing(path),
    ):
        raise AssertionError
    assert "network file system" in str(caught.value)


def test_a_sqlite_that_is_too_old_is_refused(path: Path, monkeypatch: pytest.MonkeyPatch):
    """The error says which it is, and which it takes."""
    monkeypatch.setattr(_sqlite_file.sqlite3, "sqlite_version_info", (3, 37, 9))
    monkeypatch.setattr(_sqlite_file.sqlite3, "sqlite_version", "3.37.9")
    oldest = ".".join(map(str, OLDEST))
    with pytest.raises(StoreError, match=f"SQLite 3.37.9; it takes {oldest}"), writing(path):
        raise AssertionError


# Readers


def test_a_reader_cannot_write(path: Path):
    """Neither rows, nor the schema, nor settings that are kept."""
    with writing(path), closing(SqliteFile(str(path)).reader()) as db:
        for statement in (
            "INSERT INTO sec (name, generation) VALUES ('a', 1)",
            "DROP TABLE sec",
            "VACUUM",
        ):
            with pytest.raises(sqlite3.OperationalError, match="readonly"):
                db.execute(statement)
        with pytest.raises(sqlite3.OperationalError):
            pragma(db, "journal_mode = DELETE")
    with closing(sqlite3.connect(path)) as db:
        assert pragma(db, "journal_mode") == "wal"


def test_only_the_connection_that_writes_can_checkpoint(path: Path):
    """
    Whatever a reader does leaves the database as it is, and so does closing the last one.

    Two that write or checkpoint at once can corrupt a WAL file, in older releases of SQLite.
    """
    file = SqliteFile(str(path))
    with writing(path) as db:
        db.execute("INSERT INTO sec (name, generation) VALUES ('a', 1)")
        before = path.read_bytes()
        with closing(file.reader()) as reader:
            assert reader.execute("SELECT name, generation FROM sec").fetchall() == [("a", 1)]
            with pytest.raises(sqlite3.OperationalError):
                reader.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()
        assert path.read_bytes() == before
        reader = file.reader()
    with closing(reader):  # now the last one
        after = path.read_bytes()
        assert reader.execute("SELECT name, generation FROM sec").fetchall() == [("a", 1)]
    assert path.read_bytes() == after


def test_a_clean_end_leaves_one_file_and_the_empty_one_of_the_lock(path: Path):
    """The last connection brings the WAL into the database."""
    with writing(path) as db:
        db.execute("INSERT INTO sec (name, generation) VALUES ('a', 1)")
        names = {each.name for each in path.parent.iterdir()}
        assert names == {"trips.db", "trips.db-wal", "trips.db-shm", "trips.db-owner"}
    assert {each.name for each in path.parent.iterdir()} == {"trips.db", "trips.db-owner"}


def test_a_reader_of_what_is_not_there_makes_nothing(path: Path):
    """It says that there is no such file; an empty one has no schema yet."""
    with pytest.raises(StoreError, match=f"{path} does not exist"):
        SqliteFile(str(path)).reader()
    assert list(path.parent.iterdir()) == []
    path.touch()
    with pytest.raises(StoreError, match="it gets that when a SEC opens it"):
        SqliteFile(str(path)).reader()
    assert path.read_bytes() == b""


# Names

ODD_NAMES = [
    "a b.db",
    "100%.db",
    "%20.db",
    "what?.db",
    "a#b.db",
    "a&mode=ro.db",
    "é-日本-🚂.db",
    "new\nline.db",
    "'quoted\".db",
    ":colon:.db",
    "file:trips.db",
    "-n",
    os.fsdecode(b"\xff\xfe.db"),
]


@pytest.mark.parametrize("name", ODD_NAMES, ids=ascii)
async def test_a_file_may_have_any_name(tmp_path: Path, name: str):
    """It is made under that very name, and found there again, by writers and readers."""
    store = SqliteSecStore(tmp_path / name)
    async with store.open() as session:
        await session.take_over("sec")
    async with store.open() as session, store.open_reader() as reader:
        assert (await session.take_over("sec")).fence.generation == 2
        await reader.count()
    assert contents(tmp_path).keys() == {name, f"{name}-owner"}


def test_all_names_of_a_file_have_one_lock(
    path: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    """Relative or not, through a link to the file or to its folder: it is the same file."""
    (tmp_path / "folder").symlink_to(tmp_path)
    (tmp_path / "link.db").symlink_to(path)
    (tmp_path / "chain.db").symlink_to("link.db")
    monkeypatch.chdir(tmp_path)
    names = ["trips.db", "./trips.db", "link.db", "chain.db", "folder/trips.db", str(path)]
    for opened in names:
        with writing(opened):
            for name in names:
                with pytest.raises(StoreInUse, match=str(path)), writing(name):
                    raise AssertionError
    assert [each.name for each in tmp_path.glob("*-owner")] == ["trips.db-owner"]


def test_a_link_to_a_file_that_is_not_there_yet_makes_it_there(path: Path, tmp_path: Path):
    """With its lock beside the file, not beside the link."""
    link = tmp_path / "link.db"
    link.symlink_to(path)
    with writing(link), pytest.raises(StoreInUse), writing(path):
        raise AssertionError
    assert path.is_file()
    assert not (tmp_path / "link.db-owner").exists()


def test_where_a_process_goes_afterwards_does_not_matter(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    """A relative path is that of the moment of opening."""
    monkeypatch.chdir(tmp_path)
    with SqliteFile("trips.db").writing() as opened:
        monkeypatch.chdir("/")
        opened.check()
        opened.db.execute("INSERT INTO sec (name, generation) VALUES ('a', 1)")
    assert (tmp_path / "trips.db").stat().st_size


# What is refused


def a_folder(path: Path) -> None:
    path.mkdir()


def a_pipe(path: Path) -> None:
    os.mkfifo(path)


def a_socket(path: Path) -> None:
    with closing(socket.socket(socket.AF_UNIX)) as made:
        made.bind(str(path))


def a_device(path: Path) -> None:
    path.symlink_to("/dev/zero")


def one_byte(path: Path) -> None:
    path.write_bytes(b"1")


def a_text(path: Path) -> None:
    path.write_text("Not a database.\n")


def a_long_text(path: Path) -> None:
    path.write_text("Not a database.\n" * 5000)


STRANGERS = [a_folder, a_pipe, a_socket, a_device, one_byte, a_text, a_long_text]


@pytest.mark.parametrize("make", STRANGERS)
async def test_what_is_no_database_is_refused_at_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, make
):
    """Writers and readers refuse it; no byte changes, and no file is created."""
    monkeypatch.chdir(tmp_path)  # the path of a socket must be short
    path = Path("trips.db")
    make(path)
    before = contents(tmp_path)
    for opening in (SqliteSecStore(path).open(), SqliteSecStore(path).open_reader()):
        with trio.fail_after(20):
            with pytest.raises(StoreError, match="is not a regular|another program's") as caught:
                async with opening:
                    raise AssertionError
        assert str(tmp_path / path) in str(caught.value) or make is a_device
        assert not isinstance(caught.value, StoreUnavailable)
    assert contents(tmp_path) == before


CRASHED = """
import os, sqlite3, sys
db = sqlite3.connect(sys.argv[1], isolation_level=None)
db.executescript(sys.argv[2])
os.kill(os.getpid(), 9)
"""

THEIRS = {
    "wal": "PRAGMA journal_mode = WAL; CREATE TABLE theirs (a); INSERT INTO theirs VALUES (1);",
    "plain": "CREATE TABLE theirs (a);",
    "marked": "PRAGMA journal_mode = WAL; PRAGMA user_version = 3;",
}


@pytest.fixture(params=THEIRS)
def theirs(request: pytest.FixtureRequest, path: Path) -> Path:
    """The database of another program, which was killed."""
    script = THEIRS[request.param]
    subprocess.run([sys.executable, "-c", CRASHED, path, script], check=False)
    return path


async def test_the_database_of_another_program_that_was_killed_is_not_touched(theirs: Path):
    """What that has in its WAL file is its own to bring into the database."""
    before = contents(theirs.parent)
    for opening in (SqliteSecStore(theirs).open(), SqliteSecStore(theirs).open_reader()):
        with pytest.raises(StoreError, match="is a database of another program"):
            async with opening:
                raise AssertionError
    after = contents(theirs.parent)
    index = {"trips.db-shm": None}  # of the WAL, created again by a reader
    assert after | index == before | index


def test_a_file_of_ours_that_was_left_in_the_midst_is_rolled_back(path: Path):
    """Only a writer can do that, so a reader that cannot read it yet does not refuse it."""
    with writing(path) as db:
        db.execute("INSERT INTO sec (name, generation) VALUES ('mine', 1)")
    spilling = (
        "PRAGMA journal_mode = DELETE; PRAGMA cache_size = 1; BEGIN;"
        "WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n LIMIT 9999)"
        "INSERT INTO sec (name, generation) SELECT 'sec ' || i, i FROM n;"
    )
    subprocess.run([sys.executable, "-c", CRASHED, path, spilling], check=False)
    assert Path(f"{path}-journal").stat().st_size
    with pytest.raises(StoreUnavailable, match="READONLY"):
        SqliteFile(str(path)).reader()
    with writing(path) as db:
        assert db.execute("SELECT name, generation FROM sec").fetchall() == [("mine", 1)]


def test_a_folder_that_is_not_there_is_not_made(tmp_path: Path):
    """The error says which file could not be opened."""
    path = tmp_path / "no" / "trips.db"
    with pytest.raises(StoreError, match="No such file or directory") as caught, writing(path):
        raise AssertionError
    assert str(path) in str(caught.value)
    assert not isinstance(caught.value, StoreUnavailable)


# Moved


def unlink(path: Path) -> None:
    path.unlink()


def rename(path: Path) -> None:
    path.rename(f"{path}-old")


def rename_back(path: Path) -> None:
    Path(f"{path}-old").rename(path)


def replace(path: Path) -> None:
    path.rename(f"{path}-old")
    path.write_bytes(Path(f"{path}-old").read_bytes())


@pytest.mark.parametrize("name", ["trips.db", "trips.db-wal", "trips.db-shm", "trips.db-owner"])
@pytest.mark.parametrize("change", [unlink, rename, replace])
async def test_nothing_is_acknowledged_once_a_file_is_gone(tmp_path: Path, name: str, change):
    """SQLite would write on, to a file that nobody can open any more, and say that all is well."""
    async with SqliteSecStore(tmp_path / "trips.db").open() as session:
        await session.take_over("sec")
        change(tmp_path / name)
        with pytest.raises(StoreError, match="was moved, deleted or replaced") as caught:
            await session.record([])
        assert str(tmp_path / name) in str(caught.value)
        assert "end this process" in str(caught.value)


async def test_a_file_that_is_put_back_is_as_it_was(path: Path):
    """What was written before is there, and what is written then goes there too."""
    store = SqliteSecStore(path)
    async with store.open() as session:
        await session.take_over("sec")
        rename(path)
        with pytest.raises(StoreError):
            await session.take_over("sec")
        rename_back(path)
        assert (await session.take_over("sec")).fence.generation == 2
    async with store.open() as session:
        assert (await session.take_over("sec")).fence.generation == 3
