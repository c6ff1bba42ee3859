"""`steno doctor`: what it looks at, and when it says that something is wrong."""

import sqlite3

import pytest
import trio

from steno.cli import _doctor
from steno.core import JsonText, SagaCachedState
from steno.store import Finding, SagaCreateParams, SagaProblem, Verdict
from steno.stores import SqliteSecStore
from steno.testing.notation import SAGA_ID
from support.demo import build
from support.shell import PROBLEM, Shell, refused


def topics(document):
    return {finding["topic"]: finding for finding in document["findings"]}


@pytest.fixture
def healthy(tmp_path):
    """Return a shell with a store in which nothing is wrong, since it is empty."""
    store = SqliteSecStore(str(tmp_path / "sagas.db"))

    async def make():
        async with store.open():
            pass

    trio.run(make)
    return Shell(store.path)


def test_a_healthy_store_has_no_fault(healthy):
    """A finding is a line, which begins with its verdict; warnings do not count as faults."""
    result = healthy("doctor")
    assert (result.exit_code, result.stderr) == (0, "")
    lines = [line.split() for line in result.stdout.splitlines()]
    assert {line[0] for line in lines} <= {"ok", "warning"}
    assert ["ok", "integrity", "ok"] in lines
    assert ["ok", "ready", "sagas", "0"] in lines


def test_a_saga_with_a_problem_is_a_fault(shell):
    """It is named, with its problem in one line; a stuck saga is a warning."""
    result = shell("doctor")
    assert result.exit_code == 1
    (fault,) = [line for line in result.stdout.splitlines() if line.startswith("fault")]
    assert f"{PROBLEM}: its action was \\x1b[31mlost" in fault
    (stuck,) = [line for line in result.stdout.splitlines() if "stuck sagas" in line]
    assert stuck.startswith("warning  stuck sagas")


def test_a_saga_that_was_abandoned_unread_is_a_warning(tmp_path):
    """It is named, with who abandoned it and why; nothing is left to be done but to prune it."""
    store = SqliteSecStore(str(tmp_path / "sagas.db"))

    async def make():
        async with store.open() as session:
            fence = (await session.take_over("default")).fence
            flat = build("trip", "a").flat
            create = SagaCreateParams(
                SAGA_ID, flat.saga_name, flat.digest, flat.text, JsonText("null"), fence
            )
            text = "abandoned by ann: it is gone; it could not be loaded: it is not JSON"
            await session.record([create, SagaProblem(SAGA_ID, fence, text, abandons=True)])

    trio.run(make)
    shell = Shell(store.path)
    result = shell("doctor")
    assert [line for line in result.stdout.splitlines() if line.startswith("fault")] == []
    assert result.exit_code == 0
    (warning,) = [line for line in result.stdout.splitlines() if str(SAGA_ID) in line]
    assert warning.startswith("warning")
    assert "abandoned by ann: it is gone" in warning
    assert warning.endswith("it can be pruned")
    for command in (("list", "--state", "abandoned", "--json"), ("show", str(SAGA_ID))):
        shown = shell(*command)
        assert "abandoned by ann: it is gone" in shown.stdout


def test_the_shape_of_a_diagnosis(shell):
    """Findings, counts by state, and the sagas with a problem as in a list."""
    document = shell.json("doctor")
    assert list(document) == ["findings", "counts", "problems"]
    found = topics(document)
    assert list(found) == [
        *("SQLite", "file", "owner", "file size", "WAL size", "schema version", "journal mode"),
        *("synchronous", "pages", "integrity", "fsync"),
        *(f"{state.value} sagas" for state in SagaCachedState),
        "problem",
    ]
    assert all(list(each) == ["topic", "value", "verdict", "advice"] for each in found.values())
    assert document["counts"] == {
        "ready": 1,
        "running": 2,
        "unwinding": 1,
        "paused": 0,
        "succeeded": 1,
        "failed": 1,
        "stuck": 1,
        "abandoned": 0,
    }
    listed = shell.json("list")
    del listed[-1]["attempts"]
    assert document["problems"] == [listed[-1]]


def test_problems_are_looked_for_in_pages(shell, monkeypatch):
    """Each is found once."""
    monkeypatch.setattr(_doctor, "PAGE", 1)
    assert [saga["id"] for saga in shell.json("doctor")["problems"]] == [str(PROBLEM)]


def test_a_fault_of_the_store_is_told(own):
    """A row that refers to nothing, as no release of ours writes it."""
    with sqlite3.connect(own.store) as db:
        db.execute("DELETE FROM dag")
    db.close()
    result = own("doctor")
    assert result.exit_code == 1
    assert "a row of saga refers to one of dag that is gone" in result.stdout


def test_sagas_that_cannot_be_read_are_a_fault(healthy, monkeypatch):
    """What was found before is told all the same."""
    with sqlite3.connect(healthy.store) as db:
        db.execute("DROP TABLE saga")
    db.close()
    document = healthy.json("doctor")
    assert topics(document)["sagas"]["verdict"] == "fault"
    assert "no such table: saga" in topics(document)["sagas"]["advice"]
    assert (document["counts"], document["problems"]) == ({}, [])


def test_a_store_that_cannot_be_read_at_all_is_refused(tmp_path):
    """There is nothing to be examined."""
    file = tmp_path / "notes.txt"
    file.write_text("Dear diary, " * 1000)
    assert "another program's file" in refused(Shell(str(file))("doctor"), 4)


def test_on_a_terminal_verdicts_have_colours(stored):
    """What is said is the same."""
    drawn = Shell(str(stored), {"FORCE_COLOR": "1"})("doctor").stdout
    assert "\x1b[32mok" in drawn
    assert "\x1b[1;31mfault" in drawn


def test_a_finding_is_a_fact_unless_it_says_more():
    """It is fine, and needs no advice."""
    assert Finding("a", "b") == Finding("a", "b", Verdict.OK, "")
