"""`steno export` and `steno import`: a saga leaves a store, and comes into another."""

import json
import sqlite3
from functools import partial

import pytest
import trio

from steno.core import SagaCachedState, SagaSerialized
from steno.runtime import open_sec
from steno.stores import SqliteSecStore
from support.demo import demo
from support.editable import make_editable
from support.shell import (
    FAILED,
    READY,
    RUNNING,
    STORED,
    SUCCEEDED,
    UNWINDING,
    Shell,
    refused,
    registry,
)


@pytest.fixture
def other(tmp_path):
    """Return a shell whose store does not exist yet."""
    return Shell(str(tmp_path / "other.db"))


@pytest.mark.parametrize("saga", STORED)
def test_a_dump_is_what_the_library_writes(shell, saga):
    """Byte for byte, and it is read as the saga that it is."""
    dump = shell("export", saga).stdout_bytes
    read = SagaSerialized.from_json(dump.decode())
    assert read.saga_id == saga
    assert read.to_json().encode() == dump


def test_a_dump_for_steno_has_no_times(shell):
    """It is what the library writes for Steno, byte for byte."""
    dump = SagaSerialized.from_json(shell("export", SUCCEEDED).stdout)
    plain = shell("export", "--steno", SUCCEEDED).stdout
    assert plain == dump.to_json(steno=True)
    assert "times" in json.loads(dump.to_json())
    assert "times" not in json.loads(plain)


def test_a_dump_is_written_to_a_file(shell, tmp_path):
    """What was in it is replaced, and nothing is printed."""
    file = tmp_path / "saga.json"
    file.write_text("x" * 100_000)
    result = shell("export", "-o", file, SUCCEEDED)
    assert (result.exit_code, result.output) == (0, "")
    assert file.read_bytes() == shell("export", SUCCEEDED).stdout_bytes


def test_a_file_that_cannot_be_written_is_a_matter_of_usage(shell, tmp_path):
    """The error names it."""
    assert "no/such/file" in refused(shell("export", "-o", tmp_path / "no/such/file", FAILED), 2)


@pytest.mark.parametrize("saga", STORED)
def test_an_imported_saga_is_exported_as_it_came(shell, other, saga):
    """It has its id, its graph, its params and its log; its state is ready."""
    dump = shell("export", saga).stdout_bytes
    result = other("import", "-", input=dump)
    assert result.exit_code == 0
    assert result.stdout == f"{saga} is ready; it continues when the SEC 'default' starts it\n"
    assert other("export", saga).stdout_bytes == dump
    document = other.json("show", saga)
    assert (document["state"], document["sec"]["name"]) == ("ready", "default")


@pytest.mark.parametrize(
    ("saga", "end"),
    [(RUNNING, "succeeded"), (UNWINDING, "failed"), (SUCCEEDED, "succeeded"), (FAILED, "failed")],
)
def test_an_imported_saga_goes_on_when_its_sec_starts_it(shell, other, tmp_path, saga, end):
    """It is the one that was named; another leaves it alone. Opening does not start it."""
    file = tmp_path / "saga.json"
    shell("export", "--output", file, saga)
    assert other("import", "--sec", "mine", file).exit_code == 0
    assert other.json("show", saga)["sec"] == {"name": "mine", "generation": 1}

    async def run(sec_name, *, start):
        store = SqliteSecStore(other.store, inline=True)
        async with open_sec(store, registry, sec_name=sec_name) as sec:
            if start:
                await sec.saga_start(saga)

    for sec_name, start in [("default", False), ("mine", False), ("mine", True)]:
        assert other.json("show", saga)["state"] == "ready"
        trio.run(partial(run, sec_name, start=start))
    assert other.json("show", saga)["state"] == end


def test_an_id_that_is_in_use_is_refused(own, shell):
    """What is stored stays as it is, even if it is the same saga."""
    before = own.json("show", SUCCEEDED)
    dump = shell("export", SUCCEEDED).stdout_bytes
    assert "already in use" in refused(own("import", "-", input=dump), 1)
    assert own.json("show", SUCCEEDED) == before


def broken(change):
    document = json.loads(SagaSerialized(READY, demo(), ()).to_json())
    change(document)
    return json.dumps(document).encode()


def started(node):
    return {"saga_id": str(READY), "node_id": node, "event_type": "started"}


FAULTS = {
    "no JSON": (b"{", "malformed saga dump: $: is not JSON"),
    "no UTF-8": (b"\xff", "'utf-8' codec can't decode byte 0xff"),
    "no dump": (b"[]", "malformed saga dump: $: is not an object with"),
    "a graph with a cycle": (
        broken(lambda dump: dump["dag"]["graph"]["edges"].append([2, 0, None])),
        "malformed saga dump: $.dag.graph",
    ),
    "an event of no node": (
        broken(lambda dump: dump["events"].append(started(99))),
        "corrupt log: started of node 99",
    ),
    "an event without its cause": (
        broken(lambda dump: dump["events"].append(started(0))),
        "corrupt log: started of node 0",
    ),
    "an event of another saga": (
        broken(lambda dump: dump["events"].append({**started(12), "saga_id": str(RUNNING)})),
        "found an event in the log for a different saga",
    ),
    "an event twice": (
        broken(lambda dump: dump["events"].extend([started(12)] * 2)),
        "event type started is illegal with current load status started",
    ),
}


@pytest.mark.parametrize("fault", FAULTS)
def test_what_is_no_saga_is_refused_before_anything_is_written(other, fault):
    """The error names the file and the place in it; no store is made."""
    dump, why = FAULTS[fault]
    said = refused(other("import", "-", input=dump), 1)
    assert said.startswith("<stdin>: ")
    assert why in said
    assert "does not exist" in refused(other("list"), 4)


def test_a_file_that_is_not_there_is_a_matter_of_usage(other, tmp_path):
    """It is found before the store is touched."""
    result = other("import", tmp_path / "nothing.json")
    assert result.exit_code == 2
    assert "No such file" in result.stderr


def test_a_ready_saga_is_listed_after_its_import(shell, other):
    """A reader of the same moment sees it."""
    other("import", "-", input=shell("export", READY).stdout_bytes)
    (saga,) = other.json("list", "--state", SagaCachedState.READY.value)
    assert saga["id"] == str(READY)


@pytest.mark.parametrize(
    "text", ["{", "[" * 100_000, "[" * 5_000 + "]" * 5_000, '"\\ud800"', "NaN"]
)
@pytest.mark.parametrize(
    "change",
    [
        "UPDATE saga_params SET params = ?",
        "UPDATE node_event SET data = ? WHERE event_type = 'succeeded'",
    ],
    ids=["params", "outputs"],
)
def test_a_value_that_is_damaged_cannot_be_exported(own, change, text):
    """It cannot be shown as JSON either, and the error says why."""
    with sqlite3.connect(own.store) as db:
        make_editable(db)
        db.execute(change, (text,))
    db.close()
    for command in (["export"], ["show", "--json"]):
        refused(own(*command, SUCCEEDED), 4)


def test_a_dump_of_lists_without_end_is_refused(other):
    """It is not a dump of a saga, so no store is created."""
    assert "not JSON" in refused(other("import", "-", input=b"[" * 100_000), 1)
