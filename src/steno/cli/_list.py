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
from steno.cli._concern import concern_text, groups_json, groups_text
from steno.cli._exit import Exit
from steno.cli._filter import filter_options
from steno.cli._screen import is_looked_at, screen, table
from steno.cli._shape import attempts_json, shown_name, summary_json
from steno.cli._stored import snapshot_of, status_of
from steno.cli._text import (
    HEADINGS,
    columns,
    remaining,
    short_time,
    summary_row,
    tags_text,
)
from steno.cli._verb import json_option, print_json, run, store_option, verb
from steno.core import JSON, SagaId, Snapshot, escaped
from steno.errors import RecoveryError
from steno.store import ListQuery, OperatorStore, SagaFilters, SagaSummary, SecStoreReader

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
        with_tags: Whether lines for people have the tags as well.
    """

    _as_json: bool
    _with_tags: bool = False
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
        rows = [(_with_concern(saga), each) for saga, each in rows]
        if is_looked_at(console):
            drawn = ((saga, each.text_of_ages) for saga, each in rows)
            console.print(table(drawn, datetime.now(UTC), with_tags=self._with_tags))
        else:
            lines = [] if self._printed else [self._line(HEADINGS, "tags")]
            for saga, each in rows:
                lines.append(self._line(summary_row(saga, each.text), tags_text(saga.tags)))
            click.echo(columns(lines))
        self._printed += len(page)

    def _line(self, cells: tuple[str, ...], tags: str) -> tuple[str, ...]:
        return (*cells, tags) if self._with_tags else cells

    def end(self, more: SagaId | int | None) -> None:
        """Close the JSON array, or say how to list the next page."""
        if self._as_json:
            click.echo("\n]" if self._printed else "[]")
        elif more is not None:
            click.echo(f"There are more: --after {more}, or --all", err=True)


def _with_concern(saga: SagaSummary) -> SagaSummary:
    """Return a saga whose problem begins with why a person should look at it."""
    if saga.concern is None:
        return saga
    why = concern_text(saga.concern)
    return attrs.evolve(saga, problem=f"{why}; {saga.problem}" if saga.problem else why)


@verb("list")
@store_option
@json_option
@filter_options
@click.option("--tags", "with_tags", is_flag=True, help="Show the tags; --tag does so, too.")
@click.option("--limit", metavar="N", type=click.IntRange(1), help="At most this many sagas [100].")
@click.option(
    "--after", metavar="ID", help="Only sagas after this id; with --newest, after this number."
)
@click.option("--all", "everything", is_flag=True, help="All sagas, without a limit.")
@click.option(
    "--by-attention",
    is_flag=True,
    help="Count the sagas that need attention, by reason, name, node and error.",
)
@click.pass_context
def command(
    ctx: click.Context,
    store: OperatorStore,
    filters: SagaFilters,
    limit: int | None,
    after: str | None,
    *,
    with_tags: bool,
    everything: bool,
    by_attention: bool,
    as_json: bool,
) -> Exit:
    """
    List the sagas of a store, in the order of their ids or the newest first.

    A state is one of ready, running, unwinding, paused, succeeded, failed, stuck and abandoned. A
    problem says why a person should look at a saga: why it could not be loaded for recovery or was
    halted, or at which node it is stuck or held, and the class of the error there. Attempts are the
    nodes of an unfinished saga that wait for another attempt, or are held for a person. On a
    terminal, times are shown as ages.

    A reason for attention is one of quarantined, halted, stuck and held. With --by-attention, the
    sagas that need it are counted: a line for each reason, name, node and class of error.

    A saga is listed if all options let it through. Those for times take a time in ISO 8601 format,
    in UTC unless it says otherwise, or an age: 90s, 15m, 12h, 30d, 2w.

    With --json: an array of objects with id, name, state, problem (or null), attention (null, or an
    object with reason, node and error_type), created, progressed, ended (or null), tags (an
    object), number (which rises with each saga that is created) and attempts: an array of objects
    with node, name, label, undoing, attempt (its number), error, in_doubt and next (null if held).
    It is null if the saga cannot be read. With --by-attention: an array of objects with reason,
    name, node, error_type and count.

    Examples:
      steno --store trips.db list
      steno list --state running --state unwinding --name book-trip
      steno list --tag order=4711
      steno list --newest --state failed --ended-since 12h
      steno list --attention stuck,held --node charge
      steno list --by-attention --created-since 1d
      steno list --all --json | jq '.[] | select(.problem)'

    Exit codes:
      0  the list was printed, even if it is empty
    """
    if everything and limit is not None:
        msg = "--all and --limit cannot be combined"
        raise click.UsageError(msg)
    if by_attention:
        if everything or with_tags or limit is not None or after is not None:
            msg = "--by-attention cannot be combined with --all, --limit, --after or --tags"
            raise click.UsageError(msg)
        return run(_count, store, ListQuery(**filters), as_json=as_json)
    marker = None if after is None else _marker(ctx, after, filters)
    query = ListQuery(marker, PAGE, **filters)
    printer = Printer(as_json, with_tags or bool(query.tags))
    return run(_list, store, query, None if everything else limit or 100, printer)


def _marker(ctx: click.Context, text: str, filters: SagaFilters) -> SagaId | int:
    is_number = filters.get("newest_first", False)
    try:
        return int(text) if is_number else SagaId(UUID(text))
    except ValueError:
        msg = f"{text!r} is not a valid {'number' if is_number else 'UUID'}"
        raise click.BadParameter(msg, ctx, param_hint="'--after'") from None


async def _list(store: OperatorStore, query: ListQuery, left: int | None, printer: Printer) -> Exit:
    async with store.open_reader() as reader:
        more = True
        while more and left != 0:
            size = PAGE if left is None else min(PAGE, left)
            found = await reader.list(attrs.evolve(query, limit=size + 1))
            page, more = found[:size], len(found) > size
            printer.put(page, await _waiting(reader, page))
            query = query.following(page[-1]) if page else query
            left = None if left is None else left - len(page)
        printer.end(query.marker if more else None)
    return Exit.FINE


async def _count(store: OperatorStore, query: ListQuery, *, as_json: bool) -> Exit:
    async with store.open_reader() as reader:
        groups = await reader.attention(query)
    if as_json:
        print_json(groups_json(groups))
    else:
        click.echo(groups_text(groups))
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
