"""What may not be written to: a file, its folder, a file system; for writers and readers."""

import json
import os
import shutil
import sqlite3
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import pytest
import trio

import steno
from support.disk import JOBS, Work

HERE = Path(__file__).parent
PROGRAM = HERE / "looking.py"
NOBODY = "65534"
MOUNT = 'mount --bind "$1" "$1" && mount -o remount,bind,ro "$1" && shift && exec "$@"'
UNSHARE = ("unshare", "--user", "--map-root-user", "--mount", "sh", "-c", MOUNT, "sh")

Answers = dict[str, tuple[str, object]]


@pytest.fixture
def folder() -> Iterator[Path]:
    """A folder that others may look into; those that pytest makes are its user's alone."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        folder.chmod(0o755)
        yield folder
        folder.chmod(0o755)


@pytest.fixture
def work(folder: Path) -> Work:
    """A file with a saga of each kind, none of which has been started."""

    async def create() -> None:
        async with work.open() as sec:
            for job in JOBS:
                await work.create(sec, job)

    work = Work(folder / "trips.db")
    trio.run(create)
    for each in folder.iterdir():
        each.chmod(0o644)
    return work


def answers(*command: object) -> Answers:
    """Return what the program says of each way of opening."""
    process = subprocess.run(
        [str(word) for word in command],
        env={**os.environ, "PYTHONPATH": str(HERE.parent)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert process.returncode == 0, process.stderr
    found = (json.loads(line) for line in process.stdout.splitlines())
    return {name: (kind, text) for name, kind, text in found}


def look(work: Work) -> Answers:
    """Look as somebody whom permissions hold."""
    return answers(sys.executable, PROGRAM, work.path, NOBODY)


def contents(folder: Path) -> dict[str, bytes]:
    return {each.name: each.read_bytes() for each in folder.iterdir()}


def check_refused(work: Work, answer: tuple[str, object], kinds: set[str], *words: str) -> None:
    kind, text = answer
    assert kind in kinds
    assert str(work.path) in text
    for word in words:
        assert word in text


@contextmanager
def modes(folder: Path, *, of_folder: int, of_file: int = 0o644) -> Iterator[None]:
    """Set who may do what to a folder and to the database in it; set it back, and tidy up."""
    beside = [each for each in folder.iterdir() if each.name != "trips.db"]
    folder.chmod(of_folder)
    for each in beside:
        each.chmod(0o666)
    (folder / "trips.db").chmod(of_file)
    yield
    folder.chmod(0o755)
    (folder / "trips.db").chmod(0o644)
    for each in {*folder.iterdir()} - {*beside, folder / "trips.db"}:
        each.unlink()  # somebody else's, of which nothing is in it


async def test_a_file_that_is_read_only_can_be_read(folder: Path, work: Work):
    """To write to it is refused, and says what is read-only; made writable it goes on."""
    before = contents(folder)
    with modes(folder, of_folder=0o777, of_file=0o444):
        found = await trio.to_thread.run_sync(look, work)
    check_refused(
        work, found["write"], {"StoreUnavailable"}, "(SQLITE_READONLY)", "make it writable"
    )
    assert found["read"] == ("open", len(JOBS))
    assert contents(folder)["trips.db"] == before["trips.db"]
    await work.finish()


async def test_a_folder_that_is_read_only_cannot_be_used(folder: Path, work: Work):
    """SQLite needs files of its own beside the database, to read as well: that is what is said."""
    before = contents(folder)
    with modes(folder, of_folder=0o555):
        found = await trio.to_thread.run_sync(look, work)
    for answer in found.values():
        check_refused(work, answer, {"StoreUnavailable"})
    check_refused(work, found["read"], {"StoreUnavailable"}, "-wal and -shm", "must be writable")
    assert contents(folder) == before
    await work.finish()


async def test_a_folder_that_is_read_only_can_be_read_while_somebody_writes(
    folder: Path, work: Work
):
    """The files that SQLite needs exist then; a second writer gets the name of the owner."""
    async with work.open(sec_name="default") as sec:
        await sec.saga_list()
        with modes(folder, of_folder=0o555):
            found = await trio.to_thread.run_sync(look, work)
    assert found["read"] == ("open", len(JOBS))
    check_refused(work, found["write"], {"StoreInUse"}, 'the SEC "default"', f"{os.getpid()}")
    await work.finish()


def look_at_mounted(folder: Path, work: Work) -> Answers:
    """Look at it in a file system that is read-only, also for root."""
    return answers(*UNSHARE, folder, sys.executable, PROGRAM, work.path)


def can_mount(folder: str) -> bool:
    if shutil.which("unshare") is None:
        return False
    command = (*UNSHARE, folder, "true")
    return subprocess.run(command, check=False, capture_output=True).returncode == 0


@pytest.mark.skipif(not can_mount(str(HERE)), reason="this process can mount nothing")
async def test_a_file_system_that_is_read_only_cannot_be_used(folder: Path, work: Work):
    """As a read-only folder; it may be so no longer, later, so that a retry may help."""
    before = contents(folder)
    found = await trio.to_thread.run_sync(look_at_mounted, folder, work)
    check_refused(work, found["write"], {"StoreUnavailable"}, "Read-only file system")
    check_refused(work, found["read"], {"StoreUnavailable"}, "-wal and -shm", "must be writable")
    assert contents(folder) == before
    await work.finish()


# Gone while it is open


def unlink(path: Path) -> None:
    path.unlink()


def overwrite(path: Path) -> None:
    path.rename(f"{path}-mine")
    shutil.copy(f"{path}-mine", path)


@pytest.mark.parametrize("change", [unlink, overwrite])
async def test_sagas_halt_when_their_file_is_gone(tmp_path: Path, change: Callable):
    """Nothing more is acknowledged, and each is told why; the SEC can be left."""
    work = Work(tmp_path / "trips.db", held={"a"})
    async with work.open() as sec:
        sagas = [await work.start(sec, job) for job in JOBS]
        await work.until_called("a")
        change(work.path)
        work.let_go()
        for saga in sagas:
            with pytest.raises(steno.SagaHaltedError, match="was moved, deleted or replaced"):
                await saga.wait()
        with pytest.raises(steno.StoreError, match="was moved, deleted or replaced"):
            await work.create(sec, JOBS[0])
    assert all(calls == ["a"] for calls in work.calls.values())


async def test_sagas_go_on_when_their_file_is_put_back(tmp_path: Path):
    """What was acknowledged before is all there, and so is what is recorded then."""
    work = Work(tmp_path / "trips.db", held={"a"})
    hidden = tmp_path / "hidden.db"
    async with work.open() as sec:
        sagas = [await work.start(sec, job) for job in JOBS]
        await work.until_called("a")
        work.path.rename(hidden)
        work.let_go()
        for saga in sagas:
            with pytest.raises(steno.SagaHaltedError):
                await saga.wait()
        hidden.rename(work.path)
        for saga in sagas:
            await (await sec.saga_recover(saga.saga_id)).wait()
    await work.check()
    with closing(sqlite3.connect(work.path)) as db:
        assert db.execute("PRAGMA integrity_check").fetchone() == ("ok",)
