"""The examination of a SQLite file."""

import errno
import os
import sqlite3
from pathlib import Path

import pytest
import trio

from steno.errors import StoreError
from steno.store import Verdict
from steno.stores import SqliteSecStore
from steno.stores.sqlite import _doctor as doctor


@pytest.fixture
async def store(tmp_path):
    """Return a store whose file exists, and which nobody has open."""
    made = SqliteSecStore(str(tmp_path / "sagas.db"))
    async with made.open():
        pass
    return made


def beside(store):
    """Return the files of the folder."""
    return sorted(Path(store.path).parent.iterdir())


def size(path):
    return Path(path).stat().st_size


def content(path):
    return Path(path).read_bytes()


def damage(path):
    """Overwrite the first page of the table of sagas; return its number."""
    db = sqlite3.connect(path)
    db.execute("PRAGMA journal_mode = DELETE")
    (page,) = db.execute("SELECT rootpage FROM sqlite_schema WHERE name = 'saga'").fetchone()
    (page_size,) = db.execute("PRAGMA page_size").fetchone()
    db.close()
    with Path(path).open("r+b") as file:
        file.seek((page - 1) * page_size)
        file.write(b"\xff" * page_size)
    return page


async def found(store, topic):
    """Return what an examination says of one topic."""
    (finding,) = [each for each in await store.examine() if each.topic == topic]
    return finding


@pytest.mark.parametrize(
    ("version", "verdict"),
    [
        ((3, 40, 1), Verdict.WARNING),
        ((3, 51, 2), Verdict.WARNING),
        ((3, 51, 3), Verdict.OK),
        ((3, 52, 0), Verdict.OK),
        ((4, 0, 0), Verdict.OK),
    ],
)
async def test_an_old_library_is_a_warning(store, monkeypatch, version, verdict):
    """Up to 3.51.2 two connections can corrupt a WAL file; the advice says why here they do not."""
    monkeypatch.setattr(sqlite3, "sqlite_version_info", version)
    monkeypatch.setattr(sqlite3, "sqlite_version", ".".join(map(str, version)))
    finding = await found(store, "SQLite")
    assert finding.verdict is verdict
    assert ("WAL-reset bug" in finding.advice) == (verdict is Verdict.WARNING)


async def test_the_owner_is_named(store):
    """And when there is none, that is said; the examination itself owns nothing."""
    assert (await found(store, "owner")).value == "nobody has it open for writing"
    async with store.open() as session:
        await session.take_over("trips")
        owner = (await found(store, "owner")).value
        assert owner.startswith(f'the SEC "trips", process {os.getpid()} on ')
    assert (await found(store, "owner")).value == "nobody has it open for writing"


async def test_an_owner_that_cannot_be_read_is_a_warning(store, monkeypatch):
    """Everything else is examined all the same."""

    def refuse(path):
        raise PermissionError(errno.EACCES, "Permission denied", path)

    monkeypatch.setattr(doctor, "find_owner", refuse)
    finding = await found(store, "owner")
    assert (finding.value, finding.verdict) == ("not known", Verdict.WARNING)
    assert (await found(store, "integrity")).value == "ok"


async def test_the_sizes_are_those_of_the_files(store):
    """The WAL file is there while somebody writes."""
    async with store.open() as session:
        await session.take_over("trips")
        assert (await found(store, "file size")).value == f"{size(store.path):,} bytes"
        assert size(f"{store.path}-wal") > 0
        assert (await found(store, "WAL size")).value == f"{size(f'{store.path}-wal'):,} bytes"


async def test_a_file_that_is_in_order_has_no_fault(store):
    """Its settings are those that durability rests on."""
    findings = await store.examine()
    assert not [each for each in findings if each.verdict is Verdict.FAULT]
    assert (await found(store, "journal mode")).value == "wal"
    assert (await found(store, "schema version")).value == "6"
    assert (await found(store, "synchronous")).value == "FULL, always"


async def test_another_journal_mode_is_a_fault(store):
    """Readers would block the writer; the next open sets it again."""
    db = sqlite3.connect(store.path)
    db.execute("PRAGMA journal_mode = DELETE")
    db.close()
    finding = await found(store, "journal mode")
    assert (finding.value, finding.verdict) == ("delete", Verdict.FAULT)
    async with store.open():
        pass
    assert (await found(store, "journal mode")).verdict is Verdict.OK


async def test_a_damaged_page_is_a_fault(store):
    """It is said which; nothing is mended."""
    page = damage(store.path)
    before = content(store.path)
    faults = [each for each in await store.examine() if each.topic == "integrity"]
    assert faults
    assert {each.verdict for each in faults} == {Verdict.FAULT}
    assert any(f"{page}" in each.value or "malformed" in each.value for each in faults)
    assert "backup" in faults[0].advice
    assert content(store.path) == before


async def test_the_disk_is_measured_and_no_scratch_file_stays(store, monkeypatch):
    """A slow disk is a warning."""
    assert (await found(store, "fsync")).value.endswith(" per second")
    before = beside(store)  # a reader has made -wal and -shm
    await store.examine()
    assert beside(store) == before
    monkeypatch.setattr(doctor, "SLOW_FSYNC", float("inf"))
    assert (await found(store, "fsync")).verdict is Verdict.WARNING
    monkeypatch.setattr(doctor, "SLOW_FSYNC", 0)
    assert (await found(store, "fsync")).verdict is Verdict.OK


async def test_each_round_of_the_measurement_is_durable(store, monkeypatch):
    """A rate without an fsync per round would flatter."""
    synced = []
    monkeypatch.setattr(doctor, "FULLFSYNC", None)
    monkeypatch.setattr(os, "fsync", synced.append)
    times = iter([0.0, 0.1, 0.2, 0.3])
    monkeypatch.setattr(doctor.time, "perf_counter", lambda: next(times))
    assert doctor.fsyncs_per_second(os.open(os.devnull, os.O_WRONLY)) == pytest.approx(2 / 0.3)
    assert len(synced) == 2


async def test_a_folder_that_cannot_be_written_to_is_a_warning(store, monkeypatch):
    """The disk is not measured then."""

    def refuse(**folder):
        raise PermissionError(errno.EACCES, "Permission denied")

    monkeypatch.setattr(doctor.tempfile, "TemporaryFile", refuse)
    finding = await found(store, "fsync")
    assert (finding.value, finding.verdict) == ("not measured", Verdict.WARNING)
    assert "Permission denied" in finding.advice


async def test_a_file_that_is_not_there_is_not_made(tmp_path):
    """It is an error, as for every reader."""
    with pytest.raises(StoreError, match="does not exist"):
        await SqliteSecStore(str(tmp_path / "nothing.db")).examine()
    assert list(tmp_path.iterdir()) == []


async def test_an_examination_can_be_given_up(store, monkeypatch):
    """A large file takes long, and the caller can give up."""
    begun, go = trio.Event(), []
    token = trio.lowlevel.current_trio_token()

    def slow(path):
        token.run_sync_soon(begun.set)
        while not go:
            pass
        return ()

    monkeypatch.setattr("steno.stores.sqlite._store.examine_file", slow)
    with trio.fail_after(60):
        async with trio.open_nursery() as nursery:
            nursery.start_soon(store.examine)
            await begun.wait()
            nursery.cancel_scope.cancel()
    go.append(True)


@pytest.mark.parametrize(
    ("change", "finding"),
    [
        (
            "INSERT INTO sec VALUES ('a', 'x', 0)",
            "sec, SEC 'a': generation is 'x', not a generation",
        ),
        (
            "INSERT INTO dag VALUES (7, 'd', '{}')",
            "dag, dag_key 7: text is '{}', not a graph",
        ),
        (
            "INSERT INTO saga_params VALUES (3, '[')",
            "saga_params, saga_key 3: params is '[', not JSON",
        ),
        (
            "INSERT INTO step VALUES (3, 'n', 0.5, x'ff', CAST(x'ff' AS TEXT))",
            "step, saga_key 3: seq is 'n', not a number; time is 0.5, not a time; creator is "
            "b'\\xff', not text; events is b'\\xff', not events",
        ),
        (
            "INSERT INTO step VALUES (3, 0, 0, 'a', '[[0,\"torn\"]]')",
            "step, saga_key 3: events is '[[0,\"torn\"]]', not events",
        ),
        (
            "INSERT INTO saga VALUES"
            " (5, 'seven', 1, 'ready', 'a', 1, 0, NULL, NULL, 'n', 0, NULL, 0, NULL, NULL, NULL)",
            "saga, saga_key 5: saga_id is 'seven', not 16 bytes",
        ),
    ],
)
async def test_a_damaged_row_is_named(store, change, finding):
    """By its table, its key and its columns; up to ten of each table are."""
    db = sqlite3.connect(store.path)
    db.execute("PRAGMA ignore_check_constraints = ON")
    db.execute(change)
    db.commit()
    db.close()
    assert (await found(store, "damaged row")).value == finding


async def test_of_many_damaged_rows_some_are_named(store):
    """A fault that spoils all of them says nothing new of the last."""
    db = sqlite3.connect(store.path)
    db.executemany("INSERT INTO saga_params VALUES (?, 'x')", [(key,) for key in range(30)])
    db.commit()
    db.close()
    named = [each for each in await store.examine() if each.topic == "damaged row"]
    assert len(named) == 10
    assert all(each.verdict is Verdict.FAULT for each in named)
