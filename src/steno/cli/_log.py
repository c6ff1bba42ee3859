"""`steno log`."""

from __future__ import annotations

from collections.abc import Sequence

import click

from steno.cli._exit import Exit
from steno.cli._find import find, saga_argument
from steno.cli._shape import log_json, time_text
from steno.cli._text import columns
from steno.cli._verb import json_option, print_json, run, store_option, verb
from steno.core import SagaLog, escaped
from steno.store import LogEntry, OperatorStore, SagaSummary


@verb("log")
@store_option
@json_option
@click.option("--times", is_flag=True, help="Show when each event was recorded, and by which SEC.")
@saga_argument
def command(store: OperatorStore, saga: str, *, times: bool, as_json: bool) -> Exit:
    """
    Print the log of a saga: one event per line, with number, node and kind.

    With --json: an object with id, name, state and entries, each of which has seq, node, event,
    data (the output or the error, or null), time and creator.

    Examples:
      steno log 6b0c
      steno log --times 6b0c
      steno log --json 6b0c | jq '.entries[] | select(.event == "failed")'

    Exit codes:
      0  it was printed
      3  there is no such saga
      4  it cannot be read, or its events are not a legal log
    """
    summary, entries = run(_read, store, saga)
    if as_json:
        print_json(log_json(summary, entries))
        return Exit.FINE
    text = SagaLog.new_recover(summary.saga_id, (entry.event for entry in entries)).pretty()
    click.echo(_with_times(text, entries) if times else text, nl=False)
    return Exit.FINE


async def _read(store: OperatorStore, digits: str) -> tuple[SagaSummary, Sequence[LogEntry]]:
    async with store.open_reader() as reader:
        summary = await find(reader, digits)
        return summary, await reader.entries(summary.saga_id)


def _with_times(text: str, entries: Sequence[LogEntry]) -> str:
    """Put times and creators beside the events, which are the last lines of the text."""
    lines = text.splitlines()
    first = len(lines) - len(entries)
    rows = [
        (line, time_text(entry.time), escaped(entry.creator))
        for line, entry in zip(lines[first:], entries, strict=True)
    ]
    return "\n".join([*lines[:first], *([columns(rows)] if rows else [])]) + "\n"
