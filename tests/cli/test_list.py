"""`steno list`: pages, filters, and what a saga looks like in it."""

import pytest

from steno.cli import _list
from steno.core import SagaCachedState
from steno.store import SagaSummary, SagaTimes
from support.shell import (
    FAILED,
    NOW,
    PROBLEM,
    READY,
    RUNNING,
    STORED,
    STUCK,
    SUCCEEDED,
    UNWINDING,
    Shell,
    saga_id,
)

NEWEST = [PROBLEM, UNWINDING, RUNNING, READY, STUCK, FAILED, SUCCEEDED]
"""All that is stored, in the reverse order of creation."""


def ids(document):
    return [saga["id"] for saga in document]


def test_a_list_has_a_line_per_saga_below_its_heading(shell):
    """Columns are aligned, times are in UTC, and what is long comes last."""
    lines = shell("list").stdout.splitlines()
    time = "2026-01-02T03:04:05Z"
    assert lines[0].split() == [
        *("id", "name", "state", "created", "progressed", "ended", "problem", "attempts")
    ]
    assert [line.split()[0] for line in lines[1:]] == list(map(str, STORED))
    assert lines[4].split() == [str(SUCCEEDED), "good", "succeeded", time, time, time, "-", "-"]
    assert lines[2].split() == [str(RUNNING), "good", "running", time, time, "-", "-", "-"]
    assert {line.index(time) for line in lines[1:]} == {lines[0].index("created")}


def test_a_problem_stays_in_its_line(shell):
    """Neither a line break nor an escape sequence of a stored text reaches the terminal."""
    assert shell("list").stdout.splitlines()[-1].endswith(r"its action was \x1b[31mlost  -")


def test_the_shape_of_a_saga_in_a_list(shell):
    """It is an object of ten keys; what is not there is null."""
    document = shell.json("list")
    time = "2026-01-02T03:04:05.678901Z"
    assert document[0] == {
        "id": str(READY),
        "name": "good",
        "state": "ready",
        "problem": None,
        "created": time,
        "progressed": time,
        "ended": None,
        "tags": {},
        "number": 4,
        "attempts": [],
    }
    assert document[1]["tags"] == {"order": "4711", "who": "Ada"}
    assert document[3]["ended"] == time
    assert document[6]["problem"] == "its action\nwas \x1b[31mlost"


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        ("", STORED),
        ("--state ready", [READY]),
        ("--state ready --state failed", [READY, FAILED]),
        ("--state unwinding --name bad", [UNWINDING]),
        ("--name good", [READY, RUNNING, SUCCEEDED]),
        ("--name nobody", []),
        ("--limit 2", STORED[:2]),
        ("--limit 7", STORED),
        (f"--after {SUCCEEDED}", [FAILED, STUCK, PROBLEM]),
        (f"--after {FAILED} --limit 1", [STUCK]),
        (f"--after {PROBLEM}", []),
        ("--tag order=4711", [RUNNING]),
        ("--tag who=Ada", [RUNNING, FAILED]),
        ("--tag who=Ada --state failed --tag order=4712", [FAILED]),
        ("--tag who=", []),
        ("--owner trips --state ready", [READY]),
        ("--owner night", []),
        ("--newest", NEWEST),
        ("--newest --limit 3", NEWEST[:3]),
        ("--newest --after 3", [FAILED, SUCCEEDED]),
        ("--newest --state running", [PROBLEM, RUNNING]),
        ("--created-since 2026-01-02T03:04:05.678901Z", STORED),
        ("--created-until 2026-01-02T03:04:05.678901", []),
        ("--created-since 2026-01-02T04:04:05.678902+01:00", []),
        ("--created-since 1000w --created-until 1d", STORED),
        ("--progressed-since 2026-01-03", []),
        ("--progressed-until 1s --name good", [READY, RUNNING, SUCCEEDED]),
        ("--ended-since 2026-01-02 --ended-until 2026-01-03", [SUCCEEDED, FAILED, STUCK]),
        ("--all", STORED),
        ("--all --state running", [RUNNING, PROBLEM]),
    ],
)
def test_what_is_listed(shell, options, expected):
    """Each option leaves out what it should, in JSON and in lines alike."""
    assert ids(shell.json("list", *options.split())) == list(map(str, expected))
    lines = shell("list", *options.split()).stdout.splitlines()
    assert [line.split()[0] for line in lines[1:]] == list(map(str, expected))


def test_what_is_left_out_by_the_limit_is_said(shell):
    """How to go on is said where it disturbs no pipe; nothing is said if nothing is left."""
    assert shell("list", "--limit", 2).stderr == f"There are more: --after {RUNNING}, or --all\n"
    assert shell("list", "--limit", 7).stderr == ""
    assert shell("list", "--limit", 2, "--json").stderr == ""


def test_the_newest_go_on_after_a_number(shell):
    """The hint names that of the last one, and with it each saga is listed once."""
    assert shell("list", "--newest", "--limit", 2).stderr.startswith("There are more: --after 6,")
    document = shell.json("list", "--newest", "--limit", 2)
    assert document[-1]["number"] == 6
    rest = shell.json("list", "--newest", "--after", 6)
    assert ids(document + rest) == list(map(str, NEWEST))


@pytest.mark.parametrize("options", [["--tags"], ["--tag", "who=Ada"]])
def test_tags_are_shown_if_they_are_asked_for(shell, options):
    """In a column of their own, which is the last; without them there is none."""
    heading, *lines = shell("list", *options).stdout.splitlines()
    assert heading.endswith("  tags")
    (running,) = (line for line in lines if line.startswith(str(RUNNING)))
    assert running.endswith("  order=4711, who=Ada")
    if "--tags" in options:
        assert lines[0].endswith("  -")
    assert "tags" not in shell("list").stdout


@pytest.mark.parametrize("options", [["--all"], ["--limit", 5], ["--newest", "--limit", 5]])
def test_a_list_is_read_in_pages(shell, monkeypatch, options):
    """Each saga comes once, whatever the size of a page, and there is one heading."""
    whole = shell("list", *options).stdout
    document = shell.json("list", *options)
    monkeypatch.setattr(_list, "PAGE", 2)
    lines = [line.split() for line in shell("list", *options).stdout.splitlines()]
    assert lines == [line.split() for line in whole.splitlines()]
    assert shell.json("list", *options) == document


def test_a_page_that_is_empty_by_now_leaves_no_line(capsys):
    """Sagas are deleted while they are listed, and there is no more to be said."""
    summary = SagaSummary(READY, "good", SagaCachedState.READY, None, SagaTimes(NOW, NOW, None))
    for as_json, count in ((False, 2), (True, 3)):
        printer = _list.Printer(as_json)
        for page in ([summary], []):
            printer.put(page, {})
        printer.end(None)
        assert len(capsys.readouterr().out.splitlines()) == count


@pytest.mark.parametrize(
    ("options", "why"),
    [
        ("--all --limit 3", "--all and --limit cannot be combined"),
        ("--limit 0", "0 is not in the range"),
        ("--state done", "'done' is not one of"),
        ("--after 40", "'40' is not a valid UUID"),
        (f"--newest --after {READY}", "is not a valid number"),
        ("--tag order", "'order' is not a tag such as order=4711"),
        ("--tag =4711", "must have at least one character"),
        ("--tag a=1 --tag a=2", "a saga has one tag 'a' at most, and two are given"),
        ("--created-since soon", "'soon' is not a time such as 2026-05-04T08:00Z, nor an age"),
    ],
)
def test_options_that_make_no_sense_are_refused(shell, options, why):
    """That is a matter of usage: exit code 2."""
    result = shell("list", *options.split())
    assert (result.exit_code, result.stdout) == (2, "")
    assert why in result.stderr


def test_on_a_terminal_a_list_is_a_table_in_colours(stored):
    """States have colours there, and times are ages; NO_COLOR keeps the table and drops colours."""
    tagged = Shell(str(stored), {"FORCE_COLOR": "1"})("list", "--tags").stdout
    assert "order=4711" in tagged
    drawn = Shell(str(stored), {"FORCE_COLOR": "1"})("list").stdout
    assert "order=4711" not in drawn
    assert "\x1b[32msucceeded" in drawn
    assert "2026-" not in drawn
    assert r"\x1b[31mlost" in drawn
    bare = Shell(str(stored), {"FORCE_COLOR": "1", "NO_COLOR": "1"})("list").stdout
    assert "\x1b[3" not in bare
    assert str(saga_id("60ab")) in bare
