"""Filters: the options that say which sagas are listed, and in which order."""

from __future__ import annotations

import functools
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import TypeAlias, cast

import click

from steno.cli._exit import Exit
from steno.cli._text import moment
from steno.core import Attention, SagaCachedState
from steno.store import SagaFilters, checked_tags

_Command: TypeAlias = Callable[..., Exit]


def _states(
    _: click.Context, __: click.Parameter, values: tuple[str, ...]
) -> set[SagaCachedState] | None:
    return {SagaCachedState(value) for value in values} or None


ANY = "any"
"""Stands for all reasons to look at a saga."""

_REASONS = {ANY: set(Attention), **{each.value: {each} for each in Attention}}


def _attention(
    ctx: click.Context, param: click.Parameter, values: tuple[str, ...]
) -> set[Attention] | None:
    """Return the reasons that are given, one by one or with commas between them."""
    reasons: set[Attention] = set()
    for word in ",".join(values).split(",") if values else ():
        if (found := _REASONS.get(word.strip())) is None:
            msg = f"{word!r} is not one of {', '.join(map(repr, _REASONS))}"
            raise click.BadParameter(msg, ctx, param)
        reasons |= found
    return reasons or None


def _tags(ctx: click.Context, param: click.Parameter, values: tuple[str, ...]) -> Mapping[str, str]:
    tags: dict[str, str] = {}
    for text in values:
        key, separator, value = text.partition("=")
        if not separator:
            msg = f"{text!r} is not a tag such as order=4711"
            raise click.BadParameter(msg, ctx, param)
        if key in tags:
            msg = f"a saga has one tag {key!r} at most, and two are given"
            raise click.BadParameter(msg, ctx, param)
        tags[key] = value
    try:
        return checked_tags(tags)
    except ValueError as error:
        raise click.BadParameter(str(error), ctx, param) from None


def _time(ctx: click.Context, param: click.Parameter, value: str | None) -> datetime | None:
    try:
        return None if value is None else moment(value, datetime.now(UTC))
    except ValueError as error:
        raise click.BadParameter(str(error), ctx, param) from None


def _time_options() -> dict[str, Callable[[_Command], _Command]]:
    """Return the options for the ends of the ranges of times, by the names of their filters."""
    ends = {"since": "at this time or later", "until": "before this time"}
    return {
        f"{what}_{end}": click.option(
            f"--{what.replace('_', '-')}-{end}",
            metavar="TIME",
            callback=_time,
            help=f"Only sagas that {verb} {text}.",
        )
        for what, verb in (
            ("created", "were created"),
            ("progressed", "progressed last"),
            ("ended", "ended"),
        )
        for end, text in ends.items()
    }


_OPTIONS: dict[str, Callable[[_Command], _Command]] = {
    "states": click.option(
        "--state",
        "states",
        metavar="STATE",
        type=click.Choice([state.value for state in SagaCachedState]),
        callback=_states,
        multiple=True,
        help="Only sagas in this state; may be repeated.",
    ),
    "name": click.option("--name", metavar="NAME", help="Only sagas of this name."),
    "tags": click.option(
        "--tag",
        "tags",
        metavar="KEY=VALUE",
        callback=_tags,
        multiple=True,
        help="Only sagas with this tag; may be repeated.",
    ),
    "sec_name": click.option(
        "--owner", "sec_name", metavar="SEC", help="Only sagas that this SEC runs, or ran last."
    ),
    **_time_options(),
    "attention": click.option(
        "--attention",
        metavar="REASON",
        callback=_attention,
        multiple=True,
        help="Only sagas at which a person should look for this reason, or for any; may be "
        "repeated, or be several with commas between them.",
    ),
    "attention_node": click.option(
        "--node", "attention_node", metavar="NODE", help="Only sagas that need attention there."
    ),
    "error_type": click.option(
        "--error",
        "error_type",
        metavar="CLASS",
        help="Only sagas that need attention for an error of this class.",
    ),
    "newest_first": click.option(
        "--newest", "newest_first", is_flag=True, help="The newest first, not in the order of ids."
    ),
}


def filter_options(function: _Command) -> _Command:
    """Give a command the options that choose sagas, as `filters`."""

    @functools.wraps(function)
    def command(*args: object, **options: object) -> Exit:
        filters = cast("SagaFilters", {name: options.pop(name) for name in _OPTIONS})
        return function(*args, filters=filters, **options)

    decorated: _Command = command
    for option in reversed(_OPTIONS.values()):
        decorated = option(decorated)
    return decorated
