"""`steno prune`."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import attrs
import click

from steno.cli._exit import Exit
from steno.cli._text import duration
from steno.cli._verb import json_option, print_json, run, store_option, verb
from steno.core import SagaCachedState
from steno.store import PRUNABLE, ListQuery, OperatorStore, PruneQuery

PAGE = 500
"""How many sagas are read at a time when counting."""

PORTION = 50
"""How many sagas are deleted in one transaction."""


def _age(ctx: click.Context, param: click.Parameter, value: str) -> timedelta:
    try:
        return duration(value)
    except ValueError as error:
        raise click.BadParameter(str(error), ctx, param) from None


@verb("prune")
@store_option
@json_option
@click.option(
    "--older-than",
    metavar="AGE",
    callback=_age,
    required=True,
    help="Only those that ended at least this long ago: 90s, 15m, 12h, 30d, 2w.",
)
@click.option(
    "--state",
    "states",
    metavar="STATE",
    type=click.Choice(sorted(state.value for state in PRUNABLE)),
    multiple=True,
    help="Only those that succeeded, or failed; may be repeated.",
)
@click.option("--dry-run", is_flag=True, help="Only count them; this needs no write access.")
def command(
    store: OperatorStore,
    older_than: timedelta,
    states: tuple[str, ...],
    *,
    dry_run: bool,
    as_json: bool,
) -> Exit:
    """
    Delete finished sagas that are old, and print how many.

    Sagas that succeeded or failed are deleted, with their logs; stuck and unfinished sagas never
    are. They are deleted in small transactions: an interrupted run has pruned some of them.

    With --json: an object with pruned (how many) and dry_run.

    Examples:
      steno --store trips.db prune --older-than 30d
      steno prune --older-than 12h --state succeeded --dry-run

    Exit codes:
      0  they were deleted, if there were any
      5  another process has the store open for writing; see open_sec(retention=...)
    """
    chosen = frozenset(map(SagaCachedState, states)) or PRUNABLE
    query = PruneQuery(older_than, chosen, limit=PORTION)
    pruned = run(_count if dry_run else _prune, store, query)
    if as_json:
        print_json({"pruned": pruned, "dry_run": dry_run})
    else:
        what = "saga" if pruned == 1 else "sagas"
        click.echo(f"{pruned} {what} {'would be ' if dry_run else ''}pruned")
    return Exit.FINE


async def _prune(store: OperatorStore, query: PruneQuery) -> int:
    async with store.open_reader():
        pass  # opening a missing store for writing would create it
    pruned = 0
    async with store.open() as session:
        while True:
            found = len(await session.prune(query))
            pruned += found
            if found < query.limit:
                return pruned


async def _count(store: OperatorStore, query: PruneQuery) -> int:
    until = datetime.now(UTC) - query.older_than
    listing = ListQuery(limit=PAGE, states=query.states)
    counted = 0
    async with store.open_reader() as reader:
        while True:
            page = await reader.list(listing)
            ends = (saga.times.ended for saga in page)
            counted += sum(ended is not None and ended <= until for ended in ends)
            if len(page) < PAGE:
                return counted
            listing = attrs.evolve(listing, marker=page[-1].saga_id)
