"""What all commands share: their help, their options, their event loop."""

from __future__ import annotations

import inspect
import json
import sys
from collections.abc import Awaitable, Callable
from functools import partial
from typing import ParamSpec, TypeVar, cast

import click
import trio

from steno.cli._exit import Exit
from steno.cli._text import json_for_terminal
from steno.core import JSON
from steno.store import OperatorStore
from steno.stores import store_from_url

F = TypeVar("F", bound=Callable[..., object])
P = ParamSpec("P")
T = TypeVar("T")


def verb(name: str) -> Callable[[Callable[..., Exit]], click.Command]:
    """Return a decorator that makes a command; its docstring is the help, indentation kept."""

    def decorate(function: Callable[..., Exit]) -> click.Command:
        return click.command(name, help=_help(inspect.getdoc(function) or ""))(function)

    return decorate


def _help(text: str) -> str:
    """Return the help, with paragraphs that click must not rewrap marked as such."""
    paragraphs = text.split("\n\n")
    return "\n\n".join(f"\b\n{each}" if "\n  " in each else each for each in paragraphs)


# Options


def _store(ctx: click.Context, _: click.Parameter, value: str | None) -> OperatorStore | None:
    chosen = ctx.find_root().params.get("store") if value is None else value
    if ctx.resilient_parsing:
        return None
    if chosen is None:
        msg = "no store given: use --store STORE, or set STENO_STORE."
        raise click.UsageError(msg, ctx)
    try:
        return store_from_url(chosen)
    except ValueError as error:
        raise click.BadParameter(str(error), ctx, param_hint="'--store'") from None


def store_option(function: F) -> F:
    """Give a command the chosen store, as `store`."""
    text = "The store; defaults to STENO_STORE."
    return click.option("--store", metavar="STORE", callback=_store, help=text)(function)


def json_option(function: F) -> F:
    """Give a command the flag --json, as `as_json`."""
    return click.option("--json", "as_json", is_flag=True, help="Print JSON.")(function)


def interval_option(function: F) -> F:
    """Give a command the seconds between two polls, as `interval`."""
    return click.option(
        "--interval",
        metavar="SECONDS",
        type=click.FloatRange(0.01),
        default=0.5,
        show_default=True,
        help="How long to wait between two polls of the store.",
    )(function)


# Running


def run(function: Callable[P, Awaitable[T]], *args: P.args, **kwargs: P.kwargs) -> T:
    """Run an async function, and return its result; a lone exception in groups is unwrapped."""
    try:
        return trio.run(partial(function, *args, **kwargs))
    except BaseExceptionGroup as group:
        raise _leaf(group) from group


def _leaf(group: BaseExceptionGroup[BaseException]) -> BaseException:
    """Return the exception to report: one that ends the process comes before all others."""
    leaves: list[BaseException] = []
    pending: list[BaseException] = [group]
    while pending:
        error = pending.pop()
        if isinstance(error, BaseExceptionGroup):
            pending.extend(cast("BaseExceptionGroup[BaseException]", error).exceptions)
        else:
            leaves.append(error)
    fatal = [error for error in leaves if not isinstance(error, Exception)]
    if fatal or len(leaves) == 1:
        return (fatal or leaves)[0]
    return group


def print_json(value: JSON) -> None:
    """Print a value as a JSON document."""
    echo_json(json.dumps(value, indent=2))


def echo_json(text: str, *, nl: bool = True) -> None:
    """Print JSON as it is, in UTF-8; on a terminal, with control characters escaped."""
    if sys.stdout.isatty():
        text = json_for_terminal(text)
    click.echo(text.encode() + b"\n" * nl, nl=False)
