"""`steno show`: all there is to know of a saga, and what can be known of one that is damaged."""

import sqlite3

import pytest

from support.editable import make_editable
from support.shell import FAILED, PROBLEM, READY, RUNNING, STUCK, SUCCEEDED, Shell, refused

HEAD = """\
saga:       {id}
name:       {name}
state:      {state}
sec:        trips (generation {generation})
created:    2026-01-02T03:04:05Z
progressed: 2026-01-02T03:04:05Z
ended:      {ended}
problem:    {problem}
params:     {params}

+ saga execution: {id}
"""

GOOD = (
    HEAD.format(
        id=SUCCEEDED,
        name="good",
        state="succeeded",
        generation=1,
        ended="2026-01-02T03:04:05Z",
        problem="-",
        params='{"who":"Ada"}',
    )
    + """\
+-- done: (start node)
+-- (parallel actions):
        +-- done: Left (produces "left")
        +-- done: Right (produces "right")
+-- done: (constant = {"rooms":2}) (produces "size")
+-- done: (subsaga start: "sub")
        +-- done: Left (produces "left")
+-- done: (subsaga end) (produces "inner")
+-- done: (end node)

outputs:
    left: {"node":"left"}
    right: {"node":"right"}
    size: {"rooms":2}
    inner/left: {"node":"left"}
    inner: {"node":"left"}
"""
)


def test_a_saga_that_succeeded_is_shown_with_its_outputs(shell):
    """Head, tree and outputs; an inner node's name is its path."""
    result = shell("show", SUCCEEDED)
    assert result.exit_code == 0
    assert result.stdout == GOOD


def test_a_saga_that_is_stuck_is_shown_with_both_errors(shell):
    """The failure that began the unwinding, and the undo that failed."""
    shown = shell("show", STUCK).stdout
    assert '+-- undo-failed: First (produces "first")\n' in shown
    assert 'error: at node "second": action failed: {"message":"it broke"' in shown
    assert 'undo failure: at node "first": undo action failed permanently: {\n' in shown
    assert "undo action attempt 1: it sticks" in shown


def test_a_saga_that_failed_has_no_undo_failure(shell):
    """What was undone had an output all the same."""
    shown = shell("show", FAILED).stdout
    assert 'error: at node "second"' in shown
    assert "undo failure" not in shown
    assert shown.endswith('\noutputs:\n    first: {"node":"first"}\n')


@pytest.mark.parametrize(
    ("saga", "first"), [(READY, "queued-todo"), (RUNNING, "working"), (PROBLEM, "queued-todo")]
)
def test_what_is_not_finished_is_shown_as_the_store_knows_it(shell, saga, first):
    """A started node works, as far as the store knows; a saga that was never started waits."""
    nodes = shell.json("show", saga)["nodes"]
    assert nodes[{READY: 6, RUNNING: 0, PROBLEM: 0}[saga]]["state"] == first


def test_a_problem_is_shown_in_one_line(shell):
    """It gives no orders to a terminal."""
    assert "problem:    its action was \\x1b[31mlost\n" in shell("show", PROBLEM).stdout


def test_tags_are_shown_where_there_are_any(shell):
    """In a line of the head, in the order of their keys."""
    assert (
        "problem:    -\ntags:       order=4711, who=Ada\nparams: " in shell("show", RUNNING).stdout
    )
    assert shell.json("show", FAILED)["tags"] == {"order": "4712", "who": "Ada"}
    assert "tags:" not in shell("show", SUCCEEDED).stdout


def test_the_shape_of_a_saga(shell):
    """All that is shown is there, as JSON: ids, states and values, and null for what is not."""
    document = shell.json("show", SUCCEEDED)
    assert list(document) == [
        *(
            "id",
            "name",
            "state",
            "problem",
            "attention",
            "created",
            "progressed",
            "ended",
            "tags",
            "number",
        ),
        *("attempts", "sec", "params", "events", "nodes", "outputs", "error", "undo_failure"),
        "orders",
    ]
    assert document["sec"] == {"name": "trips", "generation": 1}
    assert document["params"] == {"who": "Ada"}
    assert document["events"] == 16
    assert document["nodes"][4] == {
        "node": 4,
        "name": "inner/left",
        "label": "Left",
        "state": "done",
        "attempt": None,
    }
    assert document["nodes"][7]["name"] is None
    assert document["outputs"][2] == {"node": 2, "name": "size", "value": {"rooms": 2}}
    assert (document["error"], document["undo_failure"]) == (None, None)


def test_the_shape_of_errors(shell):
    """Each has its node, the error as it is in dumps, and its text."""
    document = shell.json("show", STUCK)
    error, undo = document["error"], document["undo_failure"]
    assert (error["node"], error["name"], error["label"]) == (1, "second", "Second")
    assert error["error"]["ActionFailed"]["source_error"]["message"] == "it broke"
    assert error["text"].startswith("action failed: ")
    assert (undo["node"], undo["name"]) == (0, "first")
    assert list(undo["error"]) == ["PermanentFailure"]


def test_the_beginning_of_an_id_will_do(shell):
    """With or without dashes, in any case, as long as no other begins so."""
    whole = shell("show", STUCK).stdout
    assert shell("show", "60ab").stdout == whole
    assert shell("show", "60AB0000-00").stdout == whole
    assert shell("show", str(READY)[0]).stdout == shell("show", READY).stdout


def test_a_beginning_of_several_ids_is_refused_by_naming_two(shell):
    """The message names two ids to choose from."""
    why = refused(shell("show", "60"), 2)
    assert why == f"more than one saga begins with 60: {STUCK}, {PROBLEM}"


@pytest.mark.parametrize("given", ["0", "41", "f", "fffffffff"])
def test_a_beginning_of_no_id_is_refused(shell, given):
    """Before the first, between two, and after the last."""
    why = refused(shell("show", given), 3)
    assert why == f"no such saga: no id begins with {given}"


def test_a_whole_id_that_nobody_has_is_refused(shell):
    """It is the error that the library has for that."""
    unknown = "00000000-0000-0000-0000-000000000000"
    assert refused(shell("show", unknown), 3) == f"no such saga: {unknown}"


@pytest.mark.parametrize("given", ["xyz", "", "-" * 3, "1" * 33])
def test_what_is_no_id_is_a_matter_of_usage(shell, given):
    """Nothing is looked up then."""
    result = shell("show", "--", given)
    assert result.exit_code == 2
    assert "is not the id of a saga" in result.stderr


@pytest.mark.parametrize(
    ("damage", "missing"),
    [
        ("UPDATE dag SET text = '[]'", ()),
        ("UPDATE node_event SET event_type = 'undo_started' WHERE seq = 0", ()),
        ("DELETE FROM node_event WHERE seq = 0", ("sec: ", "params: ")),
    ],
)
def test_of_a_damaged_saga_the_head_is_shown(own, damage, missing):
    """What cannot be read is an error, and the rest is shown to the operator."""
    with sqlite3.connect(own.store) as db:
        make_editable(db)
        db.execute(damage)
    db.close()
    result = own("show", SUCCEEDED)
    assert result.exit_code == 4
    head = GOOD.partition("\n\n")[0].splitlines()
    assert result.stdout.splitlines() == [line for line in head if not line.startswith(missing)]
    assert result.stderr.startswith("steno: error: ")
    assert result.stderr.count("\n") == 1
    refused(own("show", SUCCEEDED, "--json"), 4)


def test_on_a_terminal_the_tree_has_colours(stored):
    """Its letters are the same."""
    drawn = Shell(str(stored), {"FORCE_COLOR": "1"})("show", STUCK).stdout
    assert "\x1b[1;31mundo-failed\x1b[0m: First" in drawn
    assert "\x1b[1;31mstuck" in drawn
    bare = Shell(str(stored), {"FORCE_COLOR": "1", "NO_COLOR": "1"})("show", SUCCEEDED).stdout
    assert [line for line in bare.splitlines() if "\x1b" not in line] == [
        line for line in GOOD.splitlines() if "+--" not in line or "parallel" in line
    ]
