"""Room in the WAL file: it is made in time, nobody takes it for data, and where it can not be."""

import errno
import itertools
import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import attrs
import pytest

from steno.stores import _sqlite_wal
from steno.stores._sqlite_file import SqliteFile
from steno.stores._sqlite_opened import Opened
from steno.stores._sqlite_wal import ENOUGH, STEP

INSERT = "INSERT INTO sec VALUES (?, 1)"
INSERT_OUTSIDE = "INSERT INTO sec (name, generation)"
SECS = "SELECT count(*) FROM sec"


@attrs.define
class Written:
    """A file that is open, and written to as the writer does."""

    path: Path
    opened: Opened
    commits: int = 0

    @property
    def wal(self) -> Path:
        return Path(f"{self.path}-wal")

    @property
    def size(self) -> int:
        return self.wal.stat().st_size

    def commit(self, *names: str) -> None:
        db = self.opened.db
        db.execute("BEGIN IMMEDIATE")
        self.opened.room.grow()
        for name in names or [f"sec {self.commits}"]:
            db.execute(INSERT, (name,))
        db.execute("COMMIT")
        self.commits += 1

    def count(self) -> int:
        """Return how many rows somebody else sees."""
        with closing(SqliteFile(str(self.path)).reader()) as db:
            return db.execute(SECS).fetchone()[0]


@contextmanager
def writing(path: Path) -> Iterator[Written]:
    with SqliteFile(str(path)).writing() as opened:
        yield Written(path, opened)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "trips.db"


@pytest.fixture
def written(path: Path) -> Iterator[Written]:
    with writing(path) as written:
        yield written


def test_each_of_the_first_commits_makes_some_room(written: Written):
    """A step each, until there is enough."""
    sizes = [written.size]
    for _ in range(25):
        written.commit()
        sizes.append(written.size)
    steps = [after - before for before, after in itertools.pairwise(sizes)]
    assert set(steps[:17]) == {STEP}
    assert 0 < steps[17] <= STEP
    assert set(steps[18:]) == {0}
    assert written.size == ENOUGH


def test_once_there_is_room_no_commit_makes_the_file_longer(written: Written):
    """Not even those that are brought into the database, after which it is overwritten."""
    for _ in range(20):
        written.commit()
    sizes = set()
    for _ in range(1_500):
        written.commit()
        sizes.add(written.size)
    assert sizes == {ENOUGH}
    assert written.count() == written.commits


def test_it_is_room_for_all_that_is_written_before_it_is_used_again(written: Written):
    """As many pages as SQLite lets come together, the last of them by a large transaction."""
    db = written.opened.db
    pages, size = (
        db.execute(f"PRAGMA {name}").fetchone()[0] for name in ("wal_autocheckpoint", "page_size")
    )
    assert 32 + (pages + 100) * (24 + size) <= ENOUGH


def test_what_is_only_opened_has_no_room(path: Path):
    """There is none in a WAL file that nothing was written to."""
    with writing(path):
        pass
    with writing(path) as again:
        assert again.size == 0
        again.commit()
        again.commit()
        assert again.size > STEP


def test_whoever_reads_sees_all_of_it_and_nothing_else(written: Written):
    """While there is room, more of it, and none any more."""
    for _ in range(30):
        written.commit()
        assert written.count() == written.commits
    written.opened.db.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    assert written.size == 0
    written.commit()
    assert written.count() == written.commits
    assert written.size < STEP  # enough was made once


def test_a_clean_end_leaves_nothing_of_it(path: Path):
    """The database is as large as what is in it."""
    with writing(path) as written:
        for _ in range(10):
            written.commit()
    assert not written.wal.exists()
    assert path.stat().st_size < STEP


KILLED = """
import os, sys
from steno.stores._sqlite_file import SqliteFile
with SqliteFile(sys.argv[1]).writing() as opened:
    for number in range(int(sys.argv[2])):
        opened.db.execute("BEGIN IMMEDIATE")
        opened.room.grow()
        opened.db.execute("INSERT INTO sec VALUES (?, 1)", (str(number),))
        if number < int(sys.argv[2]) - 1:
            opened.db.execute("COMMIT")
    os.kill(os.getpid(), 9)
"""


@pytest.mark.parametrize("commits", [1, 2, 5, 18, 30])
def test_a_process_that_is_killed_leaves_room_that_is_no_data(path: Path, commits: int):
    """Whoever opens the file next finds what was committed, and goes on with the same room."""
    killed = subprocess.run([sys.executable, "-c", KILLED, path, str(commits)], check=False)
    assert killed.returncode == -9
    left = Path(f"{path}-wal").stat().st_size
    assert left > STEP
    with writing(path) as again:
        assert again.count() == commits - 1
        assert again.size == left
        again.commit("another")
        assert again.count() == commits
        assert again.size == min(left + STEP, ENOUGH)
        assert again.opened.db.execute("PRAGMA integrity_check").fetchone() == ("ok",)


def test_a_wal_file_of_nothing_but_zeros_is_empty(path: Path):
    """As a loss of power may leave it, if its header was not on the disk yet."""
    with writing(path) as written:
        written.commit()
    written.wal.write_bytes(bytes(STEP))
    with writing(path) as again:
        assert again.count() == 1
        again.commit("another")
        assert again.count() == 2


# Where no room can be made


@pytest.mark.parametrize("code", [errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EIO])
def test_a_disk_that_has_no_room_is_not_asked_again(
    written: Written, monkeypatch: pytest.MonkeyPatch, code: int
):
    """Whether it fits is told by what is written itself."""
    asked: list[int] = []

    def refuse(*_: object) -> int:
        asked.append(code)
        raise OSError(code, os.strerror(code))

    monkeypatch.setattr(_sqlite_wal.os, "pwrite", refuse)
    for _ in range(5):
        written.commit()
    assert asked == [code]
    assert written.size < STEP
    assert written.count() == 5


def test_half_of_it_is_given_back(written: Written, monkeypatch: pytest.MonkeyPatch):
    """The little that is left of a disk is for what is written."""
    pwrite = os.pwrite
    monkeypatch.setattr(
        _sqlite_wal.os, "pwrite", lambda file, data, at: pwrite(file, data[: len(data) // 2], at)
    )
    for _ in range(5):
        written.commit()
    assert written.size < STEP // 2
    assert written.count() == 5


def test_another_file_of_its_name_is_left_alone(written: Written):
    """It may have been moved there between one look and the next."""
    written.commit()
    moved = written.wal.rename(f"{written.wal}.moved")
    written.wal.write_bytes(b"another's")
    written.opened.room.grow()
    assert written.wal.read_bytes() == b"another's"
    written.wal.unlink()
    moved.rename(written.wal)
    written.commit()
    assert written.count() == 2


def test_a_file_that_is_gone_gets_no_room(written: Written):
    """Whether it may be gone is looked at elsewhere."""
    moved = written.wal.rename(f"{written.wal}.moved")
    written.opened.room.grow()
    assert not written.wal.exists()
    moved.rename(written.wal)
    written.commit()
    assert written.count() == 1


OUTSIDER = """
import sqlite3, sys
db = sqlite3.connect(sys.argv[1], timeout=0, isolation_level=None)
for statement in sys.argv[2:]:
    try:
        print(db.execute(statement).fetchall())
    except sqlite3.OperationalError as error:
        print(error)
"""


def outside(path: Path, *statements: str) -> list[str]:
    """Return what a process says that tries these."""
    command = [sys.executable, "-c", OUTSIDER, path, *statements]
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout.splitlines()


def test_the_locks_that_sqlite_has_are_kept(written: Written):
    """Closing a file that it has locked would drop them, in the whole process."""
    exclusively = "PRAGMA journal_mode = DELETE"
    assert outside(written.path, exclusively) == ["database is locked"]
    for _ in range(20):
        written.commit()
    assert outside(written.path, exclusively, SECS) == ["database is locked", "[(20,)]"]
    db = written.opened.db
    db.execute("BEGIN IMMEDIATE")
    written.opened.room.grow()
    assert outside(written.path, "BEGIN IMMEDIATE") == ["database is locked"]
    db.execute("ROLLBACK")


def test_a_program_that_writes_as_well_loses_nothing(written: Written):
    """It ought not to; but there is a lock, and room is made only by whoever has it."""
    for number in range(20):
        written.commit()
        assert outside(written.path, f"{INSERT_OUTSIDE} SELECT 'outside {number}', 1") == ["[]"]
    assert written.count() == 40
    assert written.opened.db.execute("PRAGMA integrity_check").fetchone() == ("ok",)
