"""`steno show`."""

from __future__ import annotations

from collections.abc import Iterator

import click
from rich.text import Text

from steno.cli._attempt import status_lines
from steno.cli._concern import concern_text
from steno.cli._exit import Exit
from steno.cli._find import find, saga_argument
from steno.cli._orders import order_lines
from steno.cli._screen import is_looked_at, screen, styled, tree
from steno.cli._shape import named_outputs, saga_json
from steno.cli._stored import snapshot_of, status_of
from steno.cli._text import one_line, short_time, tags_text
from steno.cli._verb import json_option, print_json, run, store_option, verb
from steno.core import Snapshot, action_error, escaped, undo_error
from steno.errors import NoSuchSaga, RecoveryError
from steno.store import OperatorStore, SagaSummary, StoredSaga


@verb("show")
@store_option
@json_option
@saga_argument
def command(store: OperatorStore, saga: str, *, as_json: bool) -> Exit:
    """
    Show everything about one saga: its tree, params, errors and outputs.

    The store does not know whether a SEC is running the saga now: a node that was started and has
    no result is shown as working. Below a node are its failed attempts: how many, the last error,
    and when the next one is due. A node that is held waits for a person; attention is why a person
    should look at the saga, at which node, and for which class of error. At the end are the orders
    that were given, and whether an order to hold is in effect.

    With --json: an object as in list, and sec (its name and generation), params, events (how many),
    nodes (each with node, name, label, state and attempt, its last failed one or null), outputs
    (each with node, name and value), error and undo_failure (null, or node, name, label, error and
    text), and orders (each with seq, node, name, verb, by, why, time and in_effect).

    Examples:
      steno show 6b0c5f0e-3f0e-4c52-9a53-6c5bfb4c0e36
      steno --store trips.db show 6b0c --json | jq .error.text

    Exit codes:
      0  it was shown
      3  there is no such saga
      4  it cannot be read in full; the readable parts are shown
    """
    return run(_show, store, saga, as_json=as_json)


async def _show(store: OperatorStore, digits: str, *, as_json: bool) -> Exit:
    async with store.open_reader() as reader:
        summary = await find(reader, digits)
        stored: StoredSaga | None = None
        try:
            if (stored := await reader.load(summary.saga_id)) is None:
                raise NoSuchSaga(summary.saga_id)
            snapshot = snapshot_of(stored)
        except RecoveryError:
            if not as_json:
                _print_head(summary, stored)
            raise
    if as_json:
        print_json(saga_json(stored, snapshot))
    else:
        _print_head(stored.summary, stored)
        _print_rest(snapshot)
    return Exit.FINE


def _print_head(summary: SagaSummary, stored: StoredSaga | None) -> None:
    console = screen()
    for label, value in _head(summary, stored):
        text = styled(value) if label == "state" else Text(escaped(value))
        console.print(Text(f"{label}:".ljust(12)).append_text(text), soft_wrap=True)


def _head(summary: SagaSummary, stored: StoredSaga | None) -> Iterator[tuple[str, str]]:
    times = summary.times
    yield "saga", str(summary.saga_id)
    yield "name", summary.saga_name
    yield "state", summary.state.value
    if summary.concern is not None:
        yield "attention", concern_text(summary.concern)
    if stored is not None:
        yield "sec", f"{stored.fence.sec_name} (generation {stored.fence.generation})"
    yield "created", short_time(times.created)
    yield "progressed", short_time(times.progressed)
    yield "ended", short_time(times.ended)
    yield "problem", "-" if summary.problem is None else one_line(summary.problem)
    if summary.tags:
        yield "tags", tags_text(summary.tags)
    if stored is not None:
        yield "params", stored.params


def _print_rest(snapshot: Snapshot) -> None:
    console = screen()
    status = status_of(snapshot)
    click.echo()
    if is_looked_at(console):
        console.print(tree(status), soft_wrap=True)
    else:
        click.echo("\n".join(status_lines(status)))
    for line in _tail(snapshot):
        click.echo(line)


def _tail(snapshot: Snapshot) -> Iterator[str]:
    state, flat = snapshot.state, snapshot.dag.flat
    for label, failure, read in (
        ("error", state.first_failure, action_error),
        ("undo failure", state.first_undo_failure, undo_error),
    ):
        if failure is not None:
            node, error = failure
            yield f'\n{label}: at node "{escaped(flat.name_of(node))}": {_shown(str(read(error)))}'
    if (order := state.steering.abandoned or state.steering.unwound) is not None:
        yield f"\n{escaped(order.label)}: {order}"
    outputs = [f"    {escaped(path)}: {text}" for _, path, text in named_outputs(flat, state)]
    if outputs:
        yield "\noutputs:"
        yield from map(escaped, outputs)
    yield from order_lines(snapshot)


def _shown(text: str) -> str:
    return "\n".join(map(escaped, text.split("\n")))
