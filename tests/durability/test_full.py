"""A disk that is full: what was acknowledged stays; when there is space again all go on."""

import json
import os
import shutil
import sqlite3
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
import trio

import steno
from steno.stores.sqlite._file import SqliteFile
from support.disk import JOBS, PYTHON, Talk, Work, talking, until

HERE = Path(__file__).parent
PROGRAM = HERE / "filling.py"
MOUNT = 'mount -t tmpfs -o size="$1" none "$2" && shift 2 && exec "$@"'
UNSHARE = ("unshare", "--user", "--map-root-user", "--mount", "sh", "-c", MOUNT, "sh")


def can_mount() -> bool:
    """Say whether this process may have a file system of its own, as root or in a namespace."""
    if shutil.which("unshare") is None:
        return False
    command = (*UNSHARE, "64k", "/tmp", "true")  # noqa: S108 - in a namespace of its own
    return subprocess.run(command, check=False, capture_output=True).returncode == 0


limited = pytest.param("limit", id="limit")
small = pytest.param(
    "tmpfs",
    id="tmpfs",
    marks=pytest.mark.skipif(not can_mount(), reason="this process can mount nothing"),
)


@contextmanager
def filling(what: str, kind: str, folder: Path, limit: int = 300_000) -> Iterator[Talk]:
    """Run the program on a disk of that kind."""
    path = str(folder / "trips.db")
    if kind == "limit":
        command = (*PYTHON, PROGRAM, json.dumps([what, path, limit, None]))
    else:
        arguments = json.dumps([what, path, None, str(folder / "filler")])
        command = (*UNSHARE, "64m", folder, *PYTHON, PROGRAM, arguments)
    environment = {**os.environ, "PYTHONPATH": str(HERE.parent)}
    with talking(*command, env=environment) as talk:
        yield talk


@pytest.mark.parametrize("kind", [limited, small])
def test_a_disk_that_has_space_again_in_time_holds_up_and_no_more(kind: str, tmp_path: Path):
    """No saga is halted; each step is tried again until it is on the disk, and all end rightly."""
    with filling("go on", kind, tmp_path) as talk:
        assert talk.hear() == "full 0"
        talk.say()
        assert talk.hear() == "ended 30"


@pytest.mark.parametrize("kind", [limited, small])
def test_a_disk_that_stays_full_halts_the_sagas_that_would_write(kind: str, tmp_path: Path):
    """Each says why, and what to do; when there is space, `saga_recover` goes on with each."""
    with filling("halt", kind, tmp_path) as talk:
        word, text = talk.hear().split(maxsplit=1)
        assert word == "full"
        problems = json.loads(text)
        assert any(problem.startswith("not created: ") for problem in problems)
        assert any(problem.startswith("a step could not be recorded") for problem in problems)
        for problem in problems:
            assert "full" in problem
            assert str(tmp_path / "trips.db") in problem
            assert problem.startswith("not created") or "mend the store" in problem
        talk.say()
        assert talk.hear() == "ended 30"


@pytest.mark.parametrize("kind", [limited, small])
def test_a_disk_that_stays_full_until_the_next_open_loses_nothing(kind: str, tmp_path: Path):
    """Leaving works while it is full; what is opened when there is space goes on."""
    with filling("reopen", kind, tmp_path) as talk:
        assert talk.hear() == "full 30"
        talk.say()
        assert talk.hear() == "ended 30"


@pytest.mark.parametrize(
    ("kind", "limit"),
    [
        ("limit", 0),
        ("limit", 5000),
        ("limit", 40_000),
        pytest.param(*small.values, None, marks=small.marks, id="tmpfs"),
    ],
)
def test_a_store_cannot_be_opened_on_a_full_disk(kind: str, limit: int | None, tmp_path: Path):
    """The error says that it may be so later; what is half made is not in the way then."""
    with filling("open", kind, tmp_path, limit) as talk:
        word, text = talk.hear().split(maxsplit=1)
        assert word == "full"
        assert "full" in text or "No space left" in text
        assert str(tmp_path / "trips.db") in text
        talk.say()
        assert talk.hear() == f"ended {len(JOBS)}"


@pytest.fixture
def writing(monkeypatch: pytest.MonkeyPatch) -> list[sqlite3.Connection]:
    """The connections that write, as they are opened."""
    opened: list[sqlite3.Connection] = []
    opens = SqliteFile._open  # noqa: SLF001 - nobody else knows the connection

    def opening(file: SqliteFile, mode: str) -> sqlite3.Connection:
        db = opens(file, mode)
        if mode == "rwc":
            opened.append(db)
        return db

    monkeypatch.setattr(SqliteFile, "_open", opening)
    return opened


async def test_a_file_that_may_not_grow_is_as_a_full_disk(
    tmp_path: Path, writing: list[sqlite3.Connection]
):
    """The error of SQLite itself is treated the same: some steps are written, the others wait."""
    work = Work(tmp_path / "trips.db", size=20_000, held={"a"})
    async with work.open() as sec:
        sagas = [await work.start(sec, job) for job in JOBS * 3]
        await work.until_called("a")
        (db,) = writing
        (pages,) = db.execute("PRAGMA page_count").fetchone()
        db.execute(f"PRAGMA max_page_count = {pages + 1}")
        work.let_go()
        await until(lambda: sec.statistics().writer.failures >= 3)
        assert sec.statistics().halted == 0
        db.execute("PRAGMA max_page_count = 1000000000")
        with trio.fail_after(20):
            for saga in sagas:
                await saga.wait()
    await work.check()


async def test_a_saga_that_could_not_be_created_is_not_there(
    tmp_path: Path, writing: list[sqlite3.Connection]
):
    """Nothing of it is stored; the same id can be created when there is space."""
    work = Work(tmp_path / "trips.db")
    async with work.open(store_patience=0.1) as sec:
        (db,) = writing
        (pages,) = db.execute("PRAGMA page_count").fetchone()
        db.execute(f"PRAGMA max_page_count = {pages}")
        dag = steno.SagaDag(JOBS[0].spec.dag(), "x" * 100_000)
        with pytest.raises(steno.StoreUnavailable, match="the disk is full: free some space"):
            await sec.saga_create(dag)
        assert await sec.saga_list() == []
        db.execute("PRAGMA max_page_count = 1000000000")
        await sec.saga_create(dag)
        (listed,) = await sec.saga_list()
    assert list(await work.stored()) == [listed.saga_id]
