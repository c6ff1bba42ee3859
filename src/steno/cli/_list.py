"""`steno list`."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from functools import partial
from uuid import UUID

import attrs
import click
import trio

from steno.cli._attempt import node_text, waiting_attempts
from steno.cli._exit import Exit
from steno.cli._screen import is_looked_at, screen, table
from steno.cli._shape import attempts_json, shown_name, summary_json
from steno.cli._stored import snapshot_of, status_of
from steno.cli._text import HEADINGS, columns, remaining, short_time, summary_row
from steno.cli._verb import json_option, run, store_option, verb
from steno.core import JSON, SagaCachedState, SagaId, Snapshot, escaped
from steno.errors import RecoveryError
from steno.store import ListQuery, OperatorStore, SagaSummary, SecStoreReader

PAGE = 500
"""How many sagas are read, and printed, at a time."""


@attrs.frozen
class Waiting:
    """
    The nodes of a saga that wait for another attempt.

    Attributes:
        as_json: For programs.
        text: For people, with times.
        text_of_ages: For people, with the time left.
    """

    as_json: JSON = attrs.field(factory=list)
    text: str = "-"
    text_of_ages: str = "-"

    @classmethod
    def of(cls, snapshot: Snapshot) -> Waiting:
        """Return what is shown of a saga that is not finished."""
        status = status_of(snapshot)
        waiting = list(waiting_attempts(status))
        if not waiting:
            return NOTHING

        def text(time: Callable[[datetime], str]) -> str:
            return "; ".join(
                f"{escaped(shown_name(snapshot.dag.flat, node))}: "
                f"{node_text(attempt, status.node_states[node], time)}"
                for node, attempt in waiting
            )

        until = partial(remaining, now=datetime.now(UTC))
        return cls(attempts_json(snapshot), text(short_time), text(until))


NOTHING = Waiting()
"""What most sagas have: no node that waits for another attempt."""

UNKNOWN = Waiting(None)
"""That of a saga that cannot be read."""


@attrs.define(eq=False)
class Printer:
    """
    Prints pages as they come, so that a long list begins at once.

    Args:
        as_json: Whether to print them as one JSON array.
    """

    _as_json: bool
    _printed: int = attrs.field(init=False, default=0)

    def put(self, page: Sequence[SagaSummary], waiting: Mapping[SagaId, Waiting]) -> None:
        """Print a page, with what is known of nodes that wait for another attempt."""
        rows = [(saga, waiting.get(saga.saga_id, NOTHING)) for saga in page]
        if self._as_json:
            if page:
                text = ",\n  ".join(
                    json.dumps({**summary_json(saga), "attempts": each.as_json})
                    for saga, each in rows
                )
                click.echo(("," if self._printed else "[") + "\n  " + text, nl=False)
            self._printed += len(page)
            return
        if self._printed and not page:
            return  # the remaining sagas were deleted in the meantime
        console = screen()
        if is_looked_at(console):
            drawn = ((saga, each.text_of_ages) for saga, each in rows)
            console.print(table(drawn, datetime.now(UTC)))
        else:
            lines = [summary_row(saga, each.text) for saga, each in rows]
            click.echo(columns(lines if self._printed else [HEADINGS, *lines]))
        self._printed += len(page)

    def end(self, more: SagaId | None) -> None:
        """Close the JSON array, or say how to list the next page."""
        if self._as_json:
            click.echo("\n]" if self._printed else "[]")
        elif more is not None:
            click.echo(f"There are more: --after {more}, or --all", err=True)


@verb("list")
@store_option
@json_option
@click.option(
    "--state",
    "states",
    metavar="STATE",
    type=click.Choice([state.value for state in SagaCachedState]),
    multiple=True,
    help="Only sagas in this state; may be repeated.",
)
@click.option("--name", metavar="NAME", help="Only sagas of this name.")
@click.option("--limit", metavar="N", type=click.IntRange(1), help="At most this many sagas [100].")
@click.option("--after", metavar="ID", type=click.UUID, help="Only sagas after this id.")
@click.option("--all", "everything", is_flag=True, help="All sagas, without a limit.")
def command(
    store: OperatorStore,
    states: tuple[str, ...],
    name: str | None,
    limit: int | None,
    after: UUID | None,
    *,
    everything: bool,
    as_json: bool,
) -> Exit:
    """
    List the sagas of a store, in the order of their ids.

    A state is one of ready, running, unwinding, succeeded, failed and stuck. A problem says why a
    saga could not be loaded for recovery. Attempts are the nodes of an unfinished saga that wait
    for another attempt, or are held for a person. On a terminal, times are shown as ages.

    With --json: an array of objects with id, name, state, problem (or null), created, progressed,
    ended (or null) and attempts: an array of objects with node, name, label, undoing, attempt (its
    number), error, in_doubt and next (null if held). It is null if the saga cannot be read.

    Examples:
      steno --store trips.db list
      steno list --state running --state unwinding --name book-trip
      steno list --all --json | jq '.[] | select(.problem)'

    Exit codes:
      0  the list was printed, even if it is empty
    """
    if everything and limit is not None:
        msg = "--all and --limit cannot be combined"
        raise click.UsageError(msg)
    chosen = {SagaCachedState(state) for state in states} or None
    marker = None if after is None else SagaId(after)
    query = ListQuery(marker, PAGE, chosen, name)
    return run(_list, store, query, None if everything else limit or 100, Printer(as_json))


async def _list(store: OperatorStore, query: ListQuery, left: int | None, printer: Printer) -> Exit:
    async with store.open_reader() as reader:
        marker, more = query.marker, True
        while more and left != 0:
            size = PAGE if left is None else min(PAGE, left)
            found = await reader.list(attrs.evolve(query, marker=marker, limit=size + 1))
            page, more = found[:size], len(found) > size
            printer.put(page, await _waiting(reader, page))
            marker = page[-1].saga_id if page else marker
            left = None if left is None else left - len(page)
        printer.end(marker if more else None)
    return Exit.FINE


async def _waiting(reader: SecStoreReader, page: Sequence[SagaSummary]) -> dict[SagaId, Waiting]:
    """Return what waits in the unfinished sagas of a page; only their logs are read."""
    found: dict[SagaId, Waiting] = {}
    for saga in page:
        if saga.state.finished:
            continue
        await trio.lowlevel.checkpoint()  # a fold takes time, and the user may press Ctrl-C
        try:
            if (stored := await reader.load(saga.saga_id)) is not None:
                found[saga.saga_id] = Waiting.of(snapshot_of(stored))
        except RecoveryError:
            found[saga.saga_id] = UNKNOWN
    return found  # noqa: ASYNC910 - a page without unfinished sagas needs no wait
