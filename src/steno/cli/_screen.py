"""The screen: tables and colours, where there is a terminal."""

from __future__ import annotations

import re
from collections.abc import Iterable
from datetime import datetime

from rich.console import Console
from rich.table import Table
from rich.text import Text

from steno.cli._attempt import status_lines
from steno.cli._text import HEADINGS, age, one_line, tags_text
from steno.core import SagaExecStatus, escaped
from steno.store import SagaSummary

STYLES = {
    "blocked": "dim",
    "queued-todo": "cyan",
    "ready": "cyan",
    "working": "bold yellow",
    "running": "bold yellow",
    "waiting": "cyan",
    "backing-off": "yellow",
    "held": "bold red",
    "done": "green",
    "succeeded": "green",
    "ok": "green",
    "failed": "red",
    "in-doubt": "red",
    "queued-undo": "magenta",
    "undo-working": "bold magenta",
    "unwinding": "bold magenta",
    "paused": "yellow",
    "undo-backing-off": "magenta",
    "undo-held": "bold red",
    "undone": "blue",
    "abandoned": "dim",
    "warning": "yellow",
    "fault": "bold red",
    "undo-failed": "bold red",
    "stuck": "bold red",
}
"""Colours of the states of sagas and nodes, and of the verdicts of findings."""

_NODE = re.compile(r"( *\+-- )([a-z-]+)(: .*)")


def screen() -> Console:
    """Return the console for the current standard output."""
    return Console(highlight=False, markup=False, emoji=False)


def is_looked_at(console: Console) -> bool:
    """Return True for a terminal that can do more than print lines."""
    return console.is_terminal and not console.is_dumb_terminal


def styled(word: str) -> Text:
    """Return the word in its colour."""
    return Text(word, STYLES.get(word, ""))


def tree(status: SagaExecStatus) -> Text:
    """Return the status tree with coloured states, and with what is said of failed attempts."""
    lines: list[Text] = []
    for line in status_lines(status):
        if (node := _NODE.fullmatch(line)) is None:
            lines.append(Text(escaped(line)))
            continue
        bar, state, rest = node.groups()
        lines.append(Text.assemble((bar, "dim"), styled(state), escaped(rest)))
    return Text("\n").join(lines)


def table(page: Iterable[tuple[SagaSummary, str]], now: datetime, *, with_tags: bool) -> Table:
    """Return the table of sagas, each with what is said of its attempts, with ages for times."""
    drawn = Table(box=None, pad_edge=False, header_style="bold")
    for heading in (*HEADINGS, "tags") if with_tags else HEADINGS:
        drawn.add_column(heading, no_wrap=heading == "id", overflow="fold")
    for saga, attempts in page:
        times = saga.times
        ages = [Text(age(t, now)) for t in (times.created, times.progressed, times.ended)]
        problem = Text("-" if saga.problem is None else one_line(saga.problem))
        name = Text(escaped(saga.saga_name))
        state = styled(saga.state.value)
        tags = [Text(tags_text(saga.tags))] if with_tags else []
        drawn.add_row(Text(str(saga.saga_id)), name, state, *ages, problem, Text(attempts), *tags)
    return drawn
