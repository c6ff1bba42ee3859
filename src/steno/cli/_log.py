"""`steno log`."""

from __future__ import annotations

from collections.abc import Sequence

import attrs
import click

from steno.cli._exit import Exit
from steno.cli._find import find, saga_argument
from steno.cli._follow import what_failed
from steno.cli._shape import log_json, shown_name
from steno.cli._stored import dag_of
from steno.cli._text import columns, time_text
from steno.cli._verb import json_option, print_json, run, store_option, verb
from steno.core import FlatDag, SagaLog, escaped
from steno.errors import RecoveryError
from steno.store import LogEntry, OperatorStore, SagaSummary, SecStoreReader


@attrs.frozen
class _Read:
    """
    What is printed of a saga.

    Attributes:
        summary: As in a list.
        entries: Its log.
        flat: Its graph; None if that cannot be read, and then nodes have no names.
    """

    summary: SagaSummary
    entries: Sequence[LogEntry]
    flat: FlatDag | None


@verb("log")
@store_option
@json_option
@click.option("--times", is_flag=True, help="Show when each event was recorded, and by which SEC.")
@saga_argument
def command(store: OperatorStore, saga: str, *, times: bool, as_json: bool) -> Exit:
    """
    Print the log of a saga: one event per line, with number, node, kind, and the node's name.

    A failure is shown with its error, and an attempt that failed with its number and the time at
    which the next one is due.

    With --json: an object with id, name, state and entries, each of which has seq, node, name,
    event, data (the output or the error, or null), attempt (null, or undoing, attempt, error,
    in_doubt and next, which is null if the node is held), time and creator.

    Examples:
      steno log 6b0c
      steno log --times 6b0c
      steno log --json 6b0c | jq '.entries[] | select(.event == "failed")'

    Exit codes:
      0  it was printed
      3  there is no such saga
      4  it cannot be read, or its events are not a legal log
    """
    found = run(_read, store, saga)
    if as_json:
        print_json(log_json(found.summary, found.entries, found.flat))
    else:
        click.echo(_text(found, times=times))
    return Exit.FINE


async def _read(store: OperatorStore, digits: str) -> _Read:
    async with store.open_reader() as reader:
        summary = await find(reader, digits)
        entries = await reader.entries(summary.saga_id)
        return _Read(summary, entries, await _flat(reader, summary))


async def _flat(reader: SecStoreReader, summary: SagaSummary) -> FlatDag | None:
    try:
        stored = await reader.load(summary.saga_id)
        return None if stored is None else dag_of(stored).flat
    except RecoveryError:
        # The log is worth more than the names in it.
        return None  # noqa: ASYNC910 - the store was asked


def _text(found: _Read, *, times: bool) -> str:
    """Return the text of the log, with columns beside the events, which are its last lines."""
    events = [entry.event for entry in found.entries]
    lines = SagaLog.new_recover(found.summary.saga_id, events).pretty().splitlines()
    first = len(lines) - len(events)
    rows = [
        (
            line,
            *((time_text(entry.time), escaped(entry.creator)) if times else ()),
            _about(entry, found.flat),
        )
        for line, entry in zip(lines[first:], found.entries, strict=True)
    ]
    return "\n".join([*lines[:first], *([columns(rows)] if rows else [])])


def _about(entry: LogEntry, flat: FlatDag | None) -> str:
    """Return the name of an event's node, and what failed, in one line."""
    name = "" if flat is None else escaped(shown_name(flat, entry.event.node_id))
    failed = what_failed(entry.event.event_type, time_text)
    return ": ".join(filter(None, (name, failed)))
