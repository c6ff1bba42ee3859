"""Following a saga: what is drawn or printed at each moment of it."""

import io

import pytest
from rich.console import Console
from rich.live import Live

from steno.cli._exit import Exit
from steno.cli._follow import Drawing, Lines, bar, exit_of, follow, state_text
from steno.cli._screen import STYLES, is_looked_at, tree
from steno.core import (
    Failed,
    InjectedError,
    Node,
    NodeExecState,
    Phase,
    SagaCachedState,
    SagaDag,
    Snapshot,
    Started,
    UndoActionError,
    UndoFailed,
    UndoFinished,
    UndoStarted,
)
from support.demo import build, demo
from support.shell import BAD, GOOD, WORSE, event, forward, saga_id

SAGA = saga_id("12")


def view(dag, events, phase=Phase.RUNNING, problem=None):
    return Snapshot(SAGA, dag, events, len(events), phase, problem).view()


def failing(node):
    return (event(SAGA, node, Started()), event(SAGA, node, Failed(InjectedError().encoded())))


UNDOING = (*forward(SAGA, 2, 0), *failing(1), event(SAGA, 0, UndoStarted()))
UNDONE = (
    *UNDOING,
    event(SAGA, 0, UndoFinished()),
    event(SAGA, 2, UndoStarted()),
    event(SAGA, 2, UndoFinished()),
)
STICKING = (*UNDOING, event(SAGA, 0, UndoFailed(UndoActionError.attempt(1, "no").encoded())))


async def test_a_saga_is_followed_to_its_end(autojump_clock):
    """It is shown each time it is looked at, and the last look is the result."""
    moments = [
        view(BAD, (), Phase.READY),
        view(BAD, UNDOING[:3]),
        view(BAD, UNDOING),
        view(BAD, UNDONE, Phase.DONE),
    ]
    shown, pending = [], iter(moments)

    class Display:
        def show(self, each):
            shown.append(each)

    async def look():
        return next(pending)

    result = await follow(look, Display(), 0.5)
    assert shown == moments
    assert exit_of(result) is Exit.NO


def test_lines_tell_each_event_once(capsys):
    """A state is told when it changes."""
    lines = Lines()
    for each in (
        view(BAD, (), Phase.READY),
        view(BAD, UNDOING[:3]),
        view(BAD, UNDOING[:3], problem="a\nb"),
        view(BAD, UNDOING),
        view(BAD, UNDOING),
        view(BAD, UNDONE, Phase.DONE),
    ):
        lines.show(each)
    assert capsys.readouterr().out.splitlines() == [
        f"saga {SAGA}: ready",
        "001 N002 started (start node)",
        "002 N002 succeeded (start node)",
        "003 N000 started First",
        f"saga {SAGA}: running",
        f"saga {SAGA}: halted: a b",
        "004 N000 succeeded First",
        "005 N001 started Second",
        "006 N001 failed Second: error injected",
        "007 N000 undo_started First",
        f"saga {SAGA}: unwinding",
        "008 N000 undo_finished First",
        "009 N002 undo_started (start node)",
        "010 N002 undo_finished (start node)",
        f"saga {SAGA}: failed",
    ]


@pytest.mark.parametrize(
    ("dag", "events", "phase", "word", "done"),
    [
        (GOOD, (), Phase.READY, "ready", 0),
        (BAD, UNDOING[:3], Phase.RUNNING, "running", 1),
        (BAD, UNDOING[:4], Phase.RUNNING, "running", 2),
        (BAD, UNDOING, Phase.RUNNING, "unwinding", 2),
        (BAD, UNDONE, Phase.DONE, "failed", 4),
        (WORSE, STICKING, Phase.DONE, "stuck", 2),
    ],
)
def test_the_bar_shows_how_far_a_saga_is(dag, events, phase, word, done):
    """Forward it counts what is done; backward, what is undone, failed or never to be done."""
    moment = view(dag, events, phase)
    assert state_text(moment) == word
    drawn = bar(moment.state.status)
    assert (drawn.completed, drawn.total) == (done, len(dag.flat.nodes))


def test_a_tree_is_drawn_again_in_its_place():
    """The cursor goes up over what was drawn before; lines that are said stand above."""
    text = io.StringIO()
    console = Console(file=text, force_terminal=True, width=100)
    with Live(console=console, auto_refresh=False) as live:
        drawing = Drawing(console, live)
        drawing.show(view(BAD, UNDOING[:3]))
        drawing.show(view(BAD, UNDOING[:3]))
        drawing.say("the card says [bold]yes[/]")
        drawing.show(view(BAD, UNDONE, Phase.DONE))
    drawn = text.getvalue()
    assert "\x1b[1;33mworking\x1b[0m: First" in drawn
    assert "\x1b[1A" in drawn
    assert "the card says [bold]yes[/]" in drawn
    assert drawn.count("working") == 1 + 1  # again below the line that was said
    assert drawn.index("working") < drawn.index("the card says") < drawn.rindex("undone")


def test_the_drawn_tree_has_the_letters_of_the_plain_one():
    """Only colours are added; what would give orders to a terminal is spelled out."""
    status = view(demo("x"), ()).state.status
    assert tree(status).plain == str(status)
    evil = SagaDag(build("evil", Node.action("a", "step", label="x\x1b[2Jy")), None)
    assert tree(view(evil, ()).state.status).plain.splitlines()[2] == (
        '+-- blocked: x\\x1b[2Jy (produces "a")'
    )


def test_every_state_has_a_colour():
    """That of a node, and that of a saga."""
    states = {state.value for state in (*NodeExecState, *SagaCachedState)}
    assert states <= set(STYLES)


@pytest.mark.parametrize(
    ("console", "answer"),
    [
        (Console(file=io.StringIO(), force_terminal=True, _environ={"TERM": "xterm"}), True),
        (Console(file=io.StringIO(), force_terminal=True, _environ={"TERM": "dumb"}), False),
        (Console(file=io.StringIO(), force_terminal=False), False),
    ],
)
def test_only_a_terminal_that_can_draw_is_drawn_on(console, answer):
    """A dumb one gets lines."""
    assert is_looked_at(console) is answer
