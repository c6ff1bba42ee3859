"""Failed attempts: what the commands show of nodes that are tried again, or held."""

import json
import sqlite3
from contextlib import asynccontextmanager
from datetime import timedelta

import pytest
import trio

from steno.cli._follow import Lines, bar, state_text
from steno.cli._shape import path_of, shown_name
from steno.cli._text import remaining
from steno.core import (
    ActionFailed,
    AttemptFailed,
    FailedInDoubt,
    Node,
    Phase,
    SagaCachedState,
    SagaDag,
    Snapshot,
    Started,
    Succeeded,
    UndoActionError,
    UndoAttemptFailed,
    UndoStarted,
    encode_json,
    in_doubt,
)
from steno.store import SagaRecord, to_timestamp
from steno.stores import SqliteSecStore
from support.demo import build
from support.editable import make_editable
from support.shell import (
    NOW,
    READY,
    RUNNING,
    UNWINDING,
    Shell,
    create,
    event,
    forward,
    node,
    saga_id,
)

TRYING = saga_id("71")
HELD = saga_id("72")
UNDOING = saga_id("73")

ERROR = ActionFailed(encode_json({"message": "503\n\x1b[31mbusy"})).encoded()
SHOWN = r'action failed: {"message":"503\n\u001b[31mbusy"}'
DUE = to_timestamp(NOW + timedelta(seconds=90))
FORWARD = SagaDag(build("forward", [node("left"), node("right")], node("last")), None)
NESTED = SagaDag(
    build(
        "nested",
        Node.constant("p", 1),
        Node.subsaga("sub", build("inner", node("deep")), "p"),
        node("last"),
    ),
    None,
)


def failed(number, *, doubt=False, due=DUE):
    return AttemptFailed(number, ERROR, doubt, due)


def undo_failed(number, due=DUE):
    return UndoAttemptFailed(number, UndoActionError.attempt(number, "no").encoded(), due)


def events(saga, *steps):
    return tuple(event(saga, index, kind) for index, kind in steps)


# A node that has succeeded at its second attempt, and one that waits for its third, in doubt.
TRYING_LOG = (
    *forward(TRYING, 3),
    *events(TRYING, (0, Started()), (1, Started()), (0, failed(1)), (1, failed(1))),
    *events(TRYING, (0, Started()), (0, Succeeded("7")), (1, Started())),
    *events(TRYING, (1, failed(2, doubt=True))),
)
HELD_LOG = (
    *forward(HELD, 5),
    *events(HELD, (0, Started()), (0, Succeeded("1"))),
    *forward(HELD, 1),
    *events(HELD, (2, Started()), (2, failed(1, due=None))),
)
UNDOING_LOG = (
    *forward(UNDOING, 5),
    *events(UNDOING, (0, Started()), (0, Succeeded("1"))),
    *forward(UNDOING, 1, 2, 3),
    *events(UNDOING, (4, Started()), (4, FailedInDoubt(in_doubt(ERROR)))),
    *events(UNDOING, (4, UndoStarted()), (4, undo_failed(1)), (4, UndoStarted())),
    *events(UNDOING, (4, undo_failed(2, None))),
)


async def fill(path):
    store = SqliteSecStore(str(path), inline=True, clock=lambda: NOW)
    async with store.open() as session:
        fence = (await session.take_over("trips")).fence
        state = SagaCachedState
        await session.record(
            [
                create(TRYING, FORWARD, fence),
                create(HELD, NESTED, fence),
                create(UNDOING, NESTED, fence),
                SagaRecord(TRYING, fence, 0, TRYING_LOG, state.RUNNING),
                SagaRecord(HELD, fence, 0, HELD_LOG, state.RUNNING),
                SagaRecord(UNDOING, fence, 0, UNDOING_LOG, state.UNWINDING),
            ]
        )


@pytest.fixture
def trying(tmp_path):
    """Return a shell with a store of three sagas that do not get on."""
    trio.run(fill, tmp_path / "trying.db")
    return Shell(str(tmp_path / "trying.db"))


def body(shell, saga):
    """Return the lines of the tree."""
    tree = shell("show", saga).stdout.partition("+ saga execution")[2].partition("\n\n")[0]
    return tree.splitlines()[1:]


def test_failed_attempts_are_shown_below_their_node(trying):
    """How many, whether in doubt, when the next is due, and the last error in one line."""
    assert body(trying, TRYING)[:6] == [
        "+-- done: (start node)",
        "+-- (parallel actions):",
        '        +-- done: Left (produces "left")',
        f"            1 failed attempt: {SHOWN}",
        '        +-- backing-off: Right (produces "right")',
        f"            2 failed attempts, in doubt, next due 2026-01-02T03:05:35Z: {SHOWN}",
    ]


def test_a_held_node_says_that_it_is_held(trying):
    """In a subsaga, too; there is no time at which it is tried again."""
    lines = body(trying, HELD)
    place = lines.index('        +-- held: Deep (produces "deep")')
    assert lines[place + 1] == f"            1 failed attempt, held: {SHOWN}"
    assert sum("failed attempt" in line for line in lines) == 1


def test_failed_attempts_of_an_undo_are_called_so(trying):
    """They are counted apart from those of the action."""
    lines = body(trying, UNDOING)
    assert lines[-3:-1] == [
        '+-- undo-held: Last (produces "last")',
        '    2 failed undo attempts, held: {"message":"undo action attempt 2: no"}',
    ]


def test_the_shape_of_attempts_in_show(trying):
    """Each node has its last failed attempt or null; those that wait are listed by themselves."""
    document = trying.json("show", TRYING)
    first, second, third = (each["attempt"] for each in document["nodes"][:3])
    assert second == {
        "undoing": False,
        "attempt": 2,
        "error": 'action failed: {"message":"503\\n\\u001b[31mbusy"}',
        "in_doubt": True,
        "next": "2026-01-02T03:05:35.678901Z",
    }
    assert (first["attempt"], first["in_doubt"], third) == (1, False, None)
    named = {"node": 1, "name": "right", "label": "Right"}
    assert document["attempts"] == [{**named, **second}]


def test_a_list_shows_what_waits(trying):
    """Only nodes that wait, not those that have succeeded in the end."""
    cells = [line.split("  ")[-1].strip() for line in trying("list").stdout.splitlines()]
    assert cells == [
        "attempts",
        f"right: 2 failed attempts, in doubt, next due 2026-01-02T03:05:35Z: {SHOWN}",
        f"sub/deep: 1 failed attempt, held: {SHOWN}",
        'last: 2 failed undo attempts, held: {"message":"undo action attempt 2: no"}',
    ]


def test_the_shape_of_attempts_in_a_list(trying):
    """They are those that show gives."""
    listed = trying.json("list")
    for saga in listed:
        assert saga["attempts"] == trying.json("show", saga["id"])["attempts"]
        assert len(saga["attempts"]) == 1
    assert listed[1]["attempts"][0]["next"] is None


def test_on_a_terminal_a_list_says_how_long_it_takes(trying):
    """A time that has passed is now: nobody may be running the saga."""
    drawn = Shell(trying.store, {"FORCE_COLOR": "1", "NO_COLOR": "1", "COLUMNS": "400"})("list")
    assert "right: 2 failed attempts, in doubt, next due now: action" in drawn.stdout


@pytest.mark.parametrize("index", [-1, 99])
def test_a_node_that_does_not_exist_has_no_name(index):
    """An event of a damaged log may name one; that log can be printed as JSON all the same."""
    assert (path_of(FORWARD.flat, index), shown_name(FORWARD.flat, index)) == (None, "")


@pytest.mark.parametrize(
    ("seconds", "text"), [(-1, "now"), (0, "now"), (1, "in 1s"), (90, "in 1m"), (7200, "in 2h")]
)
def test_the_time_left_is_told_in_its_largest_unit(seconds, text):
    """As an age is."""
    assert remaining(NOW + timedelta(seconds=seconds), NOW) == text


def test_a_list_has_sagas_that_cannot_be_read(trying):
    """What waits in them is not known: null, and a dash for people."""
    with sqlite3.connect(trying.store) as db:
        make_editable(db)
        db.execute("UPDATE dag SET text = '[]'")
    db.close()
    assert [saga["attempts"] for saga in trying.json("list")] == [None] * 3
    assert {line.split()[-1] for line in trying("list").stdout.splitlines()} == {"attempts", "-"}


def test_only_the_logs_of_unfinished_sagas_of_the_page_are_read(stored, monkeypatch):
    """A list costs as much as what it shows; finished sagas have nothing that waits."""
    loaded, load = [], SqliteSecStore(str(stored)).open_reader

    class Reader:
        def __init__(self, reader):
            self.list, self.reader = reader.list, reader

        async def load(self, saga):
            loaded.append(saga)
            return await self.reader.load(saga)

    @asynccontextmanager
    async def open_reader(self):
        async with load() as reader:
            yield Reader(reader)

    monkeypatch.setattr(SqliteSecStore, "open_reader", open_reader)
    assert len(Shell(str(stored)).json("list", "--limit", 5)) == 5
    assert loaded == [READY, RUNNING, UNWINDING]


def test_a_log_tells_of_each_attempt(trying):
    """Its number, when the next is due, and its error, beside the node's name."""
    lines = trying("log", TRYING).stdout.splitlines()[5:]
    due = "next due 2026-01-02T03:05:35.678901Z"
    assert lines[4:6] == [
        f"005 N000 attempt_failed  left: attempt 1, {due}: {SHOWN}",
        f"006 N001 attempt_failed  right: attempt 1, {due}: {SHOWN}",
    ]
    assert lines[-1] == f"010 N001 attempt_failed  right: attempt 2, in doubt, {due}: {SHOWN}"
    last = trying("log", UNDOING).stdout.splitlines()[-1]
    assert last.split("  ")[-1] == (
        'last: attempt 2, held: {"message":"undo action attempt 2: no"}'
    )


def test_the_shape_of_attempts_in_a_log(trying):
    """An object as in show, beside what the event holds; null for all other events."""
    entries = trying.json("log", TRYING)["entries"]
    assert entries[-1]["attempt"] == trying.json("show", TRYING)["nodes"][1]["attempt"]
    assert entries[-1]["data"]["next"] == DUE
    assert entries[-1]["name"] == "right"
    assert {json.dumps(entry["attempt"]) for entry in entries[:4]} == {"null"}
    undo = trying.json("log", UNDOING)["entries"][-1]["attempt"]
    assert (undo["undoing"], undo["attempt"], undo["next"]) == (True, 2, None)


def test_what_is_followed_tells_of_attempts(capsys):
    """A line per event, as in a log."""
    Lines().show(Snapshot(TRYING, FORWARD, TRYING_LOG, 10, Phase.RUNNING).view())
    lines = capsys.readouterr().out.splitlines()
    due = "next due 2026-01-02T03:05:35Z"
    assert lines[4] == f"005 N000 attempt_failed Left: attempt 1, {due}: {SHOWN}"


def test_a_saga_that_unwinds_from_a_doubt_unwinds():
    """The node that began it is undone like the others, and stays visible as such."""
    moments = [UNDOING_LOG[:12], UNDOING_LOG[:13], UNDOING_LOG]
    views = [Snapshot(UNDOING, NESTED, log, len(log), Phase.RUNNING).view() for log in moments]
    assert [state_text(view) for view in views] == ["unwinding"] * 3
    assert bar(views[-1].state.status).completed == 1  # the end node is never reached
