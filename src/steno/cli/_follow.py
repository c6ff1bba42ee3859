"""Following a saga: what is printed, or drawn, while it progresses."""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable, Generator, Sequence
from contextlib import contextmanager
from datetime import datetime
from typing import Protocol

import attrs
import click
import trio
from rich.console import Console, Group
from rich.live import Live
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text

from steno.cli._attempt import attempt_of, event_text
from steno.cli._exit import Exit
from steno.cli._screen import is_looked_at, screen, styled, tree
from steno.cli._shape import event_json
from steno.cli._text import one_line, short_time
from steno.cli._verb import echo_json
from steno.core import (
    Failed,
    FailedInDoubt,
    NodeExecState,
    SagaDone,
    SagaExecStatus,
    SagaHalted,
    SagaNodeEvent,
    SagaNodeEventType,
    SagaReady,
    SagaResult,
    SagaResultErr,
    SagaResultOk,
    SagaRunning,
    SagaSerialized,
    SagaView,
    UndoFailed,
    action_error,
    escaped,
    undo_error,
)

FORWARD = {NodeExecState.DONE}
"""States of a node that a saga going forward has passed."""

BACKWARD = {NodeExecState.UNDONE, NodeExecState.FAILED, NodeExecState.ABANDONED}
"""States of a node that an unwinding saga has passed."""

UNWINDING = {
    NodeExecState.FAILED,
    NodeExecState.IN_DOUBT,
    NodeExecState.UNDO_WORKING,
    NodeExecState.UNDO_BACKING_OFF,
    NodeExecState.UNDO_HELD,
    NodeExecState.UNDONE,
}
"""States of a node that only a saga that unwinds has."""


class Display(Protocol):
    """Where the progress of a saga is shown."""

    def show(self, view: SagaView) -> None:
        """Show the current view."""
        ...

    def say(self, text: str) -> None:
        """Print a line that is not about its nodes."""
        ...


async def follow(
    look: Callable[[], Awaitable[SagaView]], display: Display, interval: float
) -> SagaResult:
    """Show a saga until it is finished, and return its result."""
    while True:
        view = await look()
        display.show(view)
        if isinstance(view.state, SagaDone):
            return view.state.result
        await trio.sleep(interval)


def exit_of(result: SagaResult) -> Exit:
    """Return the exit code of a result."""
    match result:
        case SagaResultOk():
            return Exit.FINE
        case SagaResultErr(undo_failure=None):
            return Exit.NO
        case SagaResultErr():
            return Exit.STUCK


@contextmanager
def display_of_terminal() -> Generator[Display]:
    """Yield the display that suits the output: a drawing on a terminal, lines elsewhere."""
    console = screen()
    if not is_looked_at(console):
        yield Lines()
        return
    with Live(console=console, auto_refresh=False) as live:
        yield Drawing(console, live)


# Lines


@attrs.define(eq=False)
class Lines:
    """Shows a saga as a line per event, and a line for each change of its state."""

    _events: int = 0
    _word: str = ""

    def show(self, view: SagaView) -> None:
        """Print what is new."""
        dump = view.serialized()
        for number, event in enumerate(dump.events[self._events :], start=self._events + 1):
            self.say(f"{number:03d} {event} {described(dump, event)}")
        self._events = len(dump.events)
        word = state_text(view)
        if word != self._word:
            self._word = word
            self.say(f"saga {view.saga_id}: {word}")

    def say(self, text: str) -> None:
        """Print a line."""
        click.echo(text)


def described(dump: SagaSerialized, event: SagaNodeEvent) -> str:
    """Return the label of an event's node, its error if it has one, and the next attempt."""
    if event.node_id is None:
        return ""  # an order on the saga, which says all itself
    label = escaped(dump.dag.flat.nodes[event.node_id].label)
    detail = what_failed(event.event_type, short_time)
    return label if detail is None else f"{label}: {detail}"


def what_failed(event_type: SagaNodeEventType, time: Callable[[datetime], str]) -> str | None:
    """Return the error that an event holds, and what it says of an attempt; None if neither."""
    match event_type:
        case Failed(error=error) | FailedInDoubt(error=error):
            return one_line(str(action_error(error)))
        case UndoFailed(error=error):
            return one_line(str(undo_error(error)))
        case _:
            attempt = attempt_of(event_type)
            return None if attempt is None else event_text(attempt, time)


def state_text(view: SagaView) -> str:
    """Return the saga's state as a word, or as a sentence if it is halted."""
    match view.state:
        case SagaHalted(problem=problem):
            return f"halted: {one_line(problem)}"
        case SagaReady() | SagaRunning() | SagaDone() as other:
            return other.state.value


@attrs.define(eq=False)
class JsonLines:
    """Shows a saga as a JSON object per event and change of its state, one per line."""

    _events: int = 0
    _word: str = ""

    def show(self, view: SagaView) -> None:
        """Print what is new."""
        dump = view.serialized()
        for seq, event in enumerate(dump.events[self._events :], start=self._events):
            echo_json(json.dumps({"seq": seq, **event_json(event, dump.dag.flat)}))
        self._events = len(dump.events)
        word, _, problem = state_text(view).partition(": ")
        if word + problem != self._word:
            self._word = word + problem
            echo_json(json.dumps({"state": word, "problem": problem or None}))

    def say(self, text: str) -> None:
        """Print nothing: a plain line would not be JSON."""


# Drawing


@attrs.define(eq=False)
class Drawing:
    """Shows a saga as a tree that changes, with a bar below."""

    _console: Console
    _live: Live
    _drawn: tuple[int, str] | None = None

    def show(self, view: SagaView) -> None:
        """Redraw the tree if anything has changed."""
        if (status := view.state.status) is None:
            return  # pragma: no cover - a view that can be followed was folded
        drawn = len(view.serialized().events), state_text(view)
        if drawn == self._drawn:
            return  # redrawing an unchanged tree would flicker
        self._drawn = drawn
        below = Table.grid(padding=(0, 1))
        below.add_row(bar(status), headline(view))
        self._live.update(Group(tree(status), below), refresh=True)

    def say(self, text: str) -> None:
        """Print a line above the tree."""
        self._console.print(Text(text))


def is_unwinding(status: SagaExecStatus) -> bool:
    """Return True if a saga is unwinding: a node has failed, or is undone."""
    return not UNWINDING.isdisjoint(status.node_states)


def bar(status: SagaExecStatus) -> ProgressBar:
    """Return a progress bar: the share of nodes done, or undone if the saga unwinds."""
    states: Sequence[NodeExecState] = status.node_states
    backward = is_unwinding(status)
    passed = BACKWARD if backward else FORWARD
    done = sum(state in passed for state in states)
    style = "red" if backward else "green"
    return ProgressBar(len(states), done, width=40, complete_style=style, finished_style=style)


def headline(view: SagaView) -> Text:
    """Return the saga's name and state, in colour."""
    word, colon, rest = state_text(view).partition(":")
    return styled(word).append(colon + rest)
