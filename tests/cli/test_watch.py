"""`steno watch`: a saga that somebody else runs, until it is done."""

import json
import sqlite3

import pytest
import trio

from steno.runtime import open_sec
from steno.stores import SqliteSecStore
from support.editable import make_editable
from support.shell import (
    FAILED,
    PROBLEM,
    RUNNING,
    STUCK,
    SUCCEEDED,
    Shell,
    process,
    refused,
    registry,
)


@pytest.mark.parametrize(
    ("saga", "code", "word"),
    [(SUCCEEDED, 0, "succeeded"), (FAILED, 1, "failed"), (STUCK, 6, "stuck")],
)
def test_the_end_of_a_saga_is_the_exit_code(shell, saga, code, word):
    """One that is finished is told from its beginning, an event per line."""
    result = shell("watch", saga)
    assert result.exit_code == code
    lines = result.stdout.splitlines()
    assert lines[-1] == f"saga {saga}: {word}"
    assert [line[:8] for line in lines[:-1]] == [
        line[:8] for line in shell("log", saga).stdout.splitlines()[5:]
    ]


def test_a_failure_is_told_with_its_error(shell):
    """In one line."""
    lines = shell("watch", STUCK).stdout.splitlines()
    assert 'Second: action failed: {"message":"it broke"' in lines[5]
    assert "First: undo action failed permanently: { " in lines[7]


def test_the_shape_of_what_is_watched(shell):
    """A line per event, as in a log, and one for the state."""
    lines = [json.loads(line) for line in shell("watch", "--json", FAILED).stdout.splitlines()]
    entries = shell.json("log", FAILED)["entries"]
    wanted = [
        {k: e[k] for k in ("seq", "node", "name", "event", "data", "attempt")} for e in entries
    ]
    assert lines == [*wanted, {"state": "failed", "problem": None}]


def go_on(path):
    """Recover every saga of the file, and run it to its end."""

    async def run():
        async with open_sec(SqliteSecStore(path), registry, sec_name="trips"):
            pass

    trio.run(run)


def change(path, *statements):
    """Do to the file what no SEC would, in one transaction."""
    with sqlite3.connect(path) as db:
        make_editable(db)
        for statement in statements:
            db.execute(statement)
    db.close()


@pytest.mark.parametrize("options", [[], ["--json"]])
def test_a_saga_is_watched_while_another_process_runs_it(own, options):
    """What happens is printed when it happens; the process that watches ends with the saga."""
    watcher = process("--store", own.store, "watch", "--interval", 0.01, *options, RUNNING)
    first = [watcher.stdout.readline() for _ in range(4)]
    assert "running" in first.pop()
    go_on(own.store)
    rest, errors = watcher.communicate(timeout=60)
    assert (watcher.returncode, errors) == (0, "")
    assert "".join(first) + rest == own("watch", *options, RUNNING).stdout


def test_a_saga_that_stands_still_is_watched_until_it_is_mended(own):
    """The problem is a line of its own, and when it is gone the saga goes on."""
    watcher = process("--store", own.store, "watch", "--interval", 0.01, PROBLEM)
    first = [watcher.stdout.readline() for _ in range(3)]
    assert first[2] == f"saga {PROBLEM}: halted: its action was \\x1b[31mlost\n"

    go_on(own.store)
    rest, _ = watcher.communicate(timeout=60)
    assert rest.endswith(f"saga {PROBLEM}: failed\n")
    assert watcher.returncode == 1


def test_a_saga_that_is_deleted_meanwhile_is_no_longer_there(own):
    """There is nothing more to be waited for."""
    watcher = process("--store", own.store, "watch", "--interval", 0.01, RUNNING)
    assert watcher.stdout.readline()
    change(own.store, "DELETE FROM node_event", "DELETE FROM saga_params", "DELETE FROM saga")
    _, errors = watcher.communicate(timeout=60)
    assert (watcher.returncode, errors) == (3, f"steno: error: no such saga: {RUNNING}\n")


def test_on_a_terminal_the_tree_is_drawn(stored):
    """With a bar below, and the state in its colour."""
    drawn = Shell(str(stored), {"FORCE_COLOR": "1"})("watch", STUCK)
    assert drawn.exit_code == 6
    assert "\x1b[1;31mundo-failed\x1b[0m: First" in drawn.stdout
    assert "━" in drawn.stdout
    assert "\x1b[1;31mstuck" in drawn.stdout


def test_a_saga_whose_log_is_damaged_is_not_watched(own):
    """There would be no end to it."""
    change(own.store, "UPDATE node_event SET event_type = 'undo_started' WHERE seq = 0")
    refused(own("watch", SUCCEEDED), 4)
