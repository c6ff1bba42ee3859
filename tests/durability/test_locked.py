"""A file that another program has locked: for a moment, for long, when it is to be opened."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
import trio

import steno
from steno.stores.sqlite import _file as _sqlite_file
from support.disk import JOBS, PYTHON, Talk, Work, talking, until

LOCKING = """
import sqlite3, sys
db = sqlite3.connect(sys.argv[1], isolation_level=None)
for statement in sys.argv[2:]:
    db.execute(statement).fetchall()
print("locked", flush=True)
sys.stdin.readline()
db.execute("ROLLBACK")
db.close()
print("free", flush=True)
sys.stdin.readline()
"""


@contextmanager
def locked(path: Path, *statements: str) -> Iterator[Talk]:
    with talking(*PYTHON, "-c", LOCKING, path, *statements) as talk:
        assert talk.hear() == "locked"
        yield talk


@pytest.fixture(autouse=True)
def hasty(monkeypatch: pytest.MonkeyPatch) -> None:
    """Wait for a lock in SQLite only so long that a test is not: the rest is the writer's."""
    monkeypatch.setattr(_sqlite_file, "PATIENCE", 0.05)


BEGIN = pytest.mark.parametrize("begin", ["BEGIN IMMEDIATE", "BEGIN EXCLUSIVE"])


@BEGIN
async def test_a_lock_for_a_while_holds_up_and_no_more(tmp_path: Path, begin: str):
    """Steps are tried again until they are recorded; all that is there can be read meanwhile."""
    work = Work(tmp_path / "trips.db", held={"a"})
    async with work.open() as sec:
        sagas = [await work.start(sec, job) for job in JOBS]
        await work.until_called("a")
        with locked(work.path, begin) as talk:
            work.let_go()
            await until(lambda: sec.statistics().writer.failures >= 3)
            assert sec.statistics().halted == 0
            assert len(await sec.saga_list()) == len(JOBS)
            assert {"b", "n0"}.isdisjoint(what for calls in work.calls.values() for what in calls)
            talk.say()
            with trio.fail_after(20):
                for saga in sagas:
                    await saga.wait()
    await work.check()


@BEGIN
async def test_a_lock_for_longer_halts_the_sagas_that_would_write(tmp_path: Path, begin: str):
    """Each says that, and why; one that has nothing to write just then lives on, and ends."""
    work = Work(tmp_path / "trips.db", held={"d"})
    async with work.open(store_patience=0.2) as sec:
        patient = await work.start(sec)
        await work.until_called("d")
        work.held.add("a")
        sagas = [await work.start(sec, job) for job in JOBS]
        await until(lambda: all("a" in work.calls.get(saga.saga_id, ()) for saga in sagas))
        with locked(work.path, begin) as talk:
            work.let_go("a")
            for saga in sagas:
                with pytest.raises(steno.SagaHaltedError, match="has locked it") as caught:
                    await saga.wait()
                assert "database is locked (SQLITE_BUSY)" in caught.value.problem
                assert "mend the store, then saga_recover" in caught.value.problem
            with pytest.raises(steno.StoreUnavailable, match="has locked it"):
                await work.create(sec, JOBS[0])
            with pytest.raises(steno.StoreUnavailable, match="has locked it"):
                await sec.saga_recover(sagas[0].saga_id)
            assert sec.statistics().halted == len(JOBS)
            talk.say()
            assert talk.hear() == "free"
        work.let_go()
        for saga in sagas:
            await (await sec.saga_recover(saga.saga_id)).wait()
        (await patient.wait()).unwrap()
    await work.check()


@BEGIN
async def test_what_a_lock_has_halted_goes_on_at_the_next_open(tmp_path: Path, begin: str):
    """The SEC can be left while the file is locked."""
    work = Work(tmp_path / "trips.db", held={"a"})
    with trio.fail_after(20):
        async with work.open(store_patience=0.1) as sec:
            sagas = [await work.start(sec, job) for job in JOBS]
            await work.until_called("a")
            with locked(work.path, begin) as talk:
                work.let_go()
                for saga in sagas:
                    with pytest.raises(steno.SagaHaltedError):
                        await saga.wait()
                talk.say()
    await work.finish()


@pytest.mark.parametrize(
    "statements",
    [["BEGIN IMMEDIATE"], ["PRAGMA locking_mode = EXCLUSIVE", "BEGIN EXCLUSIVE"]],
    ids=["immediate", "exclusive"],
)
async def test_a_locked_file_cannot_be_opened(tmp_path: Path, statements: list[str]):
    """The error says that it may be so later; nothing was taken over."""
    work = Work(tmp_path / "trips.db")
    async with work.open() as sec:
        for job in JOBS:
            await work.create(sec, job)
    before = await work.stored()
    with locked(work.path, *statements) as talk:
        with pytest.raises(steno.StoreUnavailable, match="has locked it") as caught:
            async with work.open():
                raise AssertionError
        assert str(work.path) in str(caught.value)
        if len(statements) > 1:  # nobody may even read
            with pytest.raises(steno.StoreUnavailable, match="has locked it"):
                await work.stored()
        else:
            assert await work.stored() == before
        talk.say()
        assert talk.hear() == "free"
        await work.finish()
