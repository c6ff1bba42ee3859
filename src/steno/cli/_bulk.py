"""`steno bulk`."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from uuid import UUID

import click

from steno.cli._exit import Exit
from steno.cli._orders import details_text
from steno.cli._text import columns, one_line, short_time, time_text
from steno.cli._verb import json_option, print_json, run, store_option, verb
from steno.core import JSON, BulkOrderId, escaped
from steno.errors import NoSuchBulkOrder
from steno.store import (
    BulkListQuery,
    BulkOutcome,
    BulkSaga,
    BulkSagaQuery,
    BulkSummary,
    ManyOrder,
    OperatorStore,
)

_HEADINGS = ("id", "order", "state", *(each.value for each in BulkOutcome), "created", "by", "why")


def _outcome(_: click.Context, __: click.Parameter, value: str | None) -> BulkOutcome | None:
    return None if value is None else BulkOutcome(value)


@verb("bulk")
@store_option
@json_option
@click.option(
    "--outcome",
    metavar="OUTCOME",
    type=click.Choice([each.value for each in BulkOutcome]),
    callback=_outcome,
    help="Only the sagas of the order with this outcome.",
)
@click.option(
    "--limit", metavar="N", type=click.IntRange(1), default=100, help="At most this many [100]."
)
@click.option("--after", metavar="NUMBER", type=int, help="Only what comes after this number.")
@click.argument("bulk", metavar="ID", type=click.UUID, required=False)
def command(
    store: OperatorStore,
    bulk: UUID | None,
    outcome: BulkOutcome | None,
    limit: int,
    after: int | None,
    *,
    as_json: bool,
) -> Exit:
    """
    List the orders to many sagas, the newest first, or show one of them with its sagas.

    Of each order the list says how many of its sagas have each outcome: those that it was not given
    to yet (waiting), those that it was given to, those that refused it, and those where it failed.
    With the whole id of an order, its sagas are printed in its order: number, id, outcome, and why.

    With --json: an array of objects with id, number (which rises with each order), verb, details,
    node (null if it is about the saga), by, why, rate (null if there is none), sec, state, created,
    ended (or null) and counts (an object). With an id: one such object with sagas, an array of
    objects with number, id, outcome and why.

    Examples:
      steno bulk
      steno bulk 6b0c5f0e-3f0e-4c52-9a53-6c5bfb4c0e36 --outcome refused

    Exit codes:
      0  it was printed, even if the list is empty
      3  there is no such order
      4  what is stored of an order cannot be read
    """
    if bulk is not None:
        query = BulkSagaQuery(BulkOrderId(bulk), after, limit + 1, outcome)
        return run(_show, store, query, as_json=as_json)
    if outcome is not None:
        msg = "--outcome needs the ID of an order"
        raise click.UsageError(msg)
    return run(_list, store, BulkListQuery(after, limit + 1), as_json=as_json)


async def _list(store: OperatorStore, query: BulkListQuery, *, as_json: bool) -> Exit:
    async with store.open_reader() as reader:
        found = await reader.bulk.list(query)
    page = [(each, ManyOrder.from_json(each.order)) for each in found[: query.limit - 1]]
    if as_json:
        print_json([_order_json(summary, order) for summary, order in page])
    else:
        click.echo(columns([_HEADINGS, *(_row(summary, order) for summary, order in page)]))
        _say_more(found, query.limit)
    return Exit.FINE


async def _show(store: OperatorStore, query: BulkSagaQuery, *, as_json: bool) -> Exit:
    async with store.open_reader() as reader:
        orders = await reader.bulk.list(BulkListQuery(bulk_id=query.bulk_id))
        if not orders:
            raise NoSuchBulkOrder(query.bulk_id)
        sagas = await reader.bulk.sagas(query)
    (summary,) = orders
    order, page = ManyOrder.from_json(summary.order), sagas[: query.limit - 1]
    if as_json:
        print_json({**_order_json(summary, order), "sagas": [_saga_json(each) for each in page]})
        return Exit.FINE
    for label, value in _head(summary, order):
        click.echo(f"{label}:".ljust(12) + value)
    if page:
        click.echo("\n" + columns([("number", "saga", "outcome", "why"), *map(_saga_row, page)]))
    _say_more(sagas, query.limit)
    return Exit.FINE


def _say_more(found: Sequence[BulkSummary] | Sequence[BulkSaga], limit: int) -> None:
    """Say how to see the next page, if one more was found than is printed."""
    if len(found) == limit:
        click.echo(f"There are more: --after {found[-2].number}", err=True)


def _what(order: ManyOrder) -> str:
    node = "" if order.node is None else str(order.node)
    words = (order.what.verb.value, details_text(order.what), node)
    return escaped(" ".join(filter(None, words)))


def _reason(why: str | None) -> str:
    return "-" if why is None else one_line(why)


def _row(summary: BulkSummary, order: ManyOrder) -> tuple[str, ...]:
    counts = (str(summary.counts.get(each, 0)) for each in BulkOutcome)
    what = (str(summary.bulk_id), _what(order), summary.state.value, *counts)
    by, why = one_line(order.what.by), _reason(order.what.why)
    return (*what, short_time(summary.created), by, why)


def _saga_row(saga: BulkSaga) -> tuple[str, ...]:
    return (str(saga.number), str(saga.saga_id), saga.outcome.value, _reason(saga.why))


def _head(summary: BulkSummary, order: ManyOrder) -> Iterator[tuple[str, str]]:
    fence = summary.fence
    yield "bulk order", str(summary.bulk_id)
    yield "order", _what(order)
    yield "by", one_line(order.what.by)
    yield "why", _reason(order.what.why)
    yield "rate", "-" if order.rate is None else f"{order.rate:g} per second"
    yield "sec", f"{escaped(fence.sec_name)} (generation {fence.generation})"
    yield "state", summary.state.value
    yield "created", short_time(summary.created)
    yield "ended", short_time(summary.ended)
    for outcome in BulkOutcome:
        yield outcome.value, str(summary.counts.get(outcome, 0))


def _order_json(summary: BulkSummary, order: ManyOrder) -> dict[str, JSON]:
    return {
        "id": str(summary.bulk_id),
        "number": summary.number,
        "verb": order.what.verb.value,
        "details": details_text(order.what) or None,
        "node": order.node,
        "by": order.what.by,
        "why": order.what.why,
        "rate": order.rate,
        "sec": {"name": summary.fence.sec_name, "generation": summary.fence.generation},
        "state": summary.state.value,
        "created": time_text(summary.created),
        "ended": None if summary.ended is None else time_text(summary.ended),
        "counts": {each.value: summary.counts.get(each, 0) for each in BulkOutcome},
    }


def _saga_json(saga: BulkSaga) -> JSON:
    return {
        "number": saga.number,
        "id": str(saga.saga_id),
        "outcome": saga.outcome.value,
        "why": saga.why,
    }
