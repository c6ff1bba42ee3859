"""`steno list`: pages, filters, groups, and what a saga looks like in it."""

import pytest
import trio

from steno.cli import _list
from steno.core import Attention, Concern, SagaCachedState
from steno.store import SagaProblem, SagaRecord, SagaSummary, SagaTimes
from steno.stores import SqliteSecStore
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
    filled,
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
    assert shell("list").stdout.splitlines()[-1].split("  -  ")[-1].split() == [
        *("its", "action", "was", r"\x1b[31mlost", "-")
    ]


def test_the_shape_of_a_saga_in_a_list(shell):
    """It is an object of eleven keys; what is not there is null."""
    document = shell.json("list")
    time = "2026-01-02T03:04:05.678901Z"
    assert document[0] == {
        "id": str(READY),
        "name": "good",
        "state": "ready",
        "problem": None,
        "attention": None,
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
        (
            "--attention lost",
            "'lost' is not one of 'any', 'quarantined', 'halted', 'stuck', 'held'",
        ),
        ("--attention held,", "'' is not one of 'any'"),
        ("--by-attention --limit 3", "--by-attention cannot be combined with --all, --limit"),
        ("--by-attention --all", "--by-attention cannot be combined with"),
        ("--by-attention --tags", "--by-attention cannot be combined with"),
        ("--by-attention --after 3", "--by-attention cannot be combined with"),
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


# Attention


async def raise_concerns(path: str) -> None:
    """Note in the file why a person should look at its sagas."""
    async with SqliteSecStore(path, inline=True).open() as session:
        stored = {each: await session.load(each) for each in STORED}
        held = Concern(Attention.HELD, "left", "Full"), Concern(Attention.HELD, "inner/left")
        noted = {READY: held[0], RUNNING: held[0], UNWINDING: held[1]}
        noted[STUCK] = Concern(Attention.STUCK, "first", "Locked\x1b[31m")
        await session.record(
            [
                SagaRecord(each, stored[each].fence, len(stored[each].events), (), state, why)
                for each, why in noted.items()
                for state in [stored[each].summary.state]
            ]
        )
        halted = SagaProblem(
            PROBLEM, stored[PROBLEM].fence, "its action\nwas lost", Concern(Attention.HALTED)
        )
        await session.record([halted])


@pytest.fixture(scope="module")
def grave(tmp_path_factory) -> Shell:
    """Return a shell with a file in which five sagas need attention."""
    path = filled(tmp_path_factory.mktemp("grave") / "sagas.db")
    trio.run(raise_concerns, str(path))
    return Shell(str(path))


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        ("--attention stuck", [STUCK]),
        ("--attention stuck,held", [READY, RUNNING, UNWINDING, STUCK]),
        ("--attention stuck --attention halted", [STUCK, PROBLEM]),
        ("--attention any", [READY, RUNNING, UNWINDING, STUCK, PROBLEM]),
        ("--attention any --state running", [RUNNING, PROBLEM]),
        ("--attention quarantined", []),
        ("--node left", [READY, RUNNING]),
        ("--node left --state ready", [READY]),
        ("--node nowhere", []),
        ("--error Full --limit 1", [READY]),
        ("--error Full --newest", [RUNNING, READY]),
        ("--error full", []),
        ("--node left --error Full --attention stuck", []),
    ],
)
def test_what_needs_attention_is_listed(grave, options, expected):
    """For reasons, at a node, for a class of error; together with other options."""
    assert ids(grave.json("list", *options.split())) == list(map(str, expected))


def test_a_line_says_why_a_person_should_look(grave):
    """At which node, for which error, with its problem, and with nothing that moves a terminal."""
    lines = {line.split()[0]: line for line in grave("list").stdout.splitlines()}
    assert 'held at "left": Full  ' in lines[str(READY)]
    assert 'held at "inner/left"  ' in lines[str(UNWINDING)]
    assert 'stuck at "first": Locked\\x1b[31m' in lines[str(STUCK)]
    assert "halted; its action was lost  " in lines[str(PROBLEM)]
    document = {saga["id"]: saga for saga in grave.json("list")}
    assert document[str(READY)]["attention"] == {
        "reason": "held",
        "node": "left",
        "error_type": "Full",
    }
    assert document[str(PROBLEM)]["attention"] == {
        "reason": "halted",
        "node": None,
        "error_type": None,
    }
    assert document[str(PROBLEM)]["problem"] == "its action\nwas lost"
    drawn = Shell(grave.store, {"FORCE_COLOR": "1", "NO_COLOR": "1", "COLUMNS": "300"})("list")
    assert 'held at "left": Full' in drawn.stdout


def test_what_needs_attention_is_counted(grave):
    """A line for each group, the gravest first; where there are none, the heading alone."""
    lines = [line.split() for line in grave("list", "--by-attention").stdout.splitlines()]
    assert lines == [
        ["reason", "count", "name", "node", "error"],
        ["halted", "1", "bad", "-", "-"],
        ["stuck", "1", "worse", "first", "Locked\\x1b[31m"],
        ["held", "2", "good", "left", "Full"],
        ["held", "1", "bad", "inner/left", "-"],
    ]
    lines = grave("list", "--by-attention", "--name", "nobody").stdout.splitlines()
    assert [line.split() for line in lines] == [["reason", "count", "name", "node", "error"]]


def test_the_shape_of_groups(grave):
    """Objects, in the same order; filters hold for what is counted."""
    assert grave.json("list", "--by-attention", "--node", "left") == [
        {"reason": "held", "name": "good", "node": "left", "error_type": "Full", "count": 2}
    ]
    assert grave.json("list", "--by-attention", "--state", "ready", "--newest") == [
        {"reason": "held", "name": "good", "node": "left", "error_type": "Full", "count": 1}
    ]
    assert grave.json("list", "--by-attention", "--attention", "quarantined") == []


def test_show_says_why_a_person_should_look(grave):
    """In a line of the head, where somebody should."""
    shown = grave("show", READY).stdout
    assert 'state:      ready\nattention:  held at "left": Full\nsec:' in shown
    assert "attention:" not in grave("show", SUCCEEDED).stdout
    assert grave.json("show", STUCK)["attention"]["node"] == "first"


def test_the_doctor_counts_what_is_held(grave):
    """They wait for somebody, which is a warning."""
    (held,) = [line for line in grave("doctor").stdout.splitlines() if "held sagas" in line]
    assert held.startswith("warning  held sagas")
    assert "3; they wait for an operator (steno list --by-attention --attention held)" in held
