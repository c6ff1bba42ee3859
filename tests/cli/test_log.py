"""`steno log` and `steno dot`: texts as the library has them, and what times add."""

import sqlite3

import pytest

from support.editable import make_editable
from support.shell import FAILED, GOOD, PROBLEM, READY, STUCK, SUCCEEDED, refused

LOG = f"""\
SAGA LOG:
saga id:   {FAILED}
direction: unwinding
events (10 total):

001 N002 started        (start node)
002 N002 succeeded      (start node)
003 N000 started        first
004 N000 succeeded      first
005 N001 started        second
006 N001 failed         second: action failed: {{"message":"it broke","type":"ValueError"}}
007 N000 undo_started   first
008 N000 undo_finished  first
009 N002 undo_started   (start node)
010 N002 undo_finished  (start node)
"""


def test_a_log_has_a_line_per_event(shell):
    """Below a header; each has its node's name, or its label if it has none, and its error."""
    assert shell("log", FAILED).stdout == LOG


def test_with_times_each_event_says_when_and_by_whom(shell):
    """Two columns are added to the events, before what may be long; the header stays."""
    plain = LOG.splitlines()
    lines = shell("log", "--times", FAILED).stdout.splitlines()
    assert lines[:5] == plain[:5]
    assert [line[:24] + line[60:] for line in lines[5:]] == plain[5:]
    assert {line[24:60] for line in lines[5:]} == {"2026-01-02T03:04:05.678901Z  trips  "}


@pytest.mark.parametrize("options", [[], ["--times"]])
def test_a_log_without_events_is_a_header(shell, options):
    """That is what a saga has that was never started."""
    assert shell("log", READY, *options).stdout.endswith("events (0 total):\n\n")


def test_the_shape_of_a_log(shell):
    """Each entry has its number, its event with what came of it, its time and its creator."""
    document = shell.json("log", STUCK)
    entries = document.pop("entries")
    assert document == {"id": str(STUCK), "name": "worse", "state": "stuck"}
    assert [entry["seq"] for entry in entries] == list(range(8))
    assert entries[2] == {
        "seq": 2,
        "node": 0,
        "name": "first",
        "event": "started",
        "data": None,
        "attempt": None,
        "time": "2026-01-02T03:04:05.678901Z",
        "creator": "trips",
    }
    assert entries[5]["data"]["ActionFailed"]["source_error"]["message"] == "it broke"
    assert list(entries[7]["data"]) == ["PermanentFailure"]


@pytest.mark.parametrize("command", ["log", "dot", "export", "watch"])
def test_a_saga_that_is_not_there_is_said_to_be_missing(shell, command):
    """Every command that takes an id looks it up in the same way."""
    assert refused(shell(command, "77"), 3) == "no such saga: no id begins with 77"
    assert refused(shell(command, "60"), 2).endswith(f": {STUCK}, {PROBLEM}")


def test_a_log_that_is_not_legal_is_an_error(own):
    """With --json it can be looked at all the same."""
    with sqlite3.connect(own.store) as db:
        make_editable(db)
        db.execute("UPDATE node_event SET event_type = 'undo_started' WHERE seq = 0")
    db.close()
    assert "event type succeeded is illegal" in refused(own("log", FAILED), 4)
    assert own.json("log", FAILED)["entries"][0]["event"] == "undo_started"


def test_a_log_without_its_graph_is_printed_without_names(own):
    """An operator with a damaged store is better off with it than without."""
    with sqlite3.connect(own.store) as db:
        make_editable(db)
        db.execute("UPDATE dag SET text = '[]'")
    db.close()
    assert "006 N001 failed         action failed: {" in own("log", FAILED).stdout
    assert {entry["name"] for entry in own.json("log", FAILED)["entries"]} == {None}


def test_a_graph_is_printed_for_graphviz(shell):
    """It is the text that SagaDag.dot gives."""
    assert shell("dot", SUCCEEDED).stdout == GOOD.dot()


def test_the_shape_of_a_graph(shell):
    """Nodes by index, and edges between them."""
    document = shell.json("dot", FAILED)
    assert document["name"] == "bad"
    assert document["nodes"][1] == {"node": 1, "name": "second", "label": "Second"}
    assert document["edges"] == [[0, 1], [2, 0], [1, 3]]
