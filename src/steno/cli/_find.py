"""Finding a saga by its id, or by the beginning of it."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import TypeVar
from uuid import UUID

import click

from steno.cli._exit import Exit, Refusal
from steno.core import SagaId
from steno.errors import NoSuchSaga
from steno.store import ListQuery, SagaSummary, SecStoreReader, StoredSaga

F = TypeVar("F", bound=Callable[..., object])

DIGITS = 32
"""Hexadecimal digits of a whole id."""


def _digits(ctx: click.Context, param: click.Parameter, value: str) -> str:
    digits = value.replace("-", "").lower()
    if not re.fullmatch(r"[0-9a-f]{1,32}", digits):
        msg = f"{value!r} is not the id of a saga, nor the beginning of one"
        raise click.BadParameter(msg, ctx, param)
    return digits


def saga_argument(function: F) -> F:
    """Give a command the digits with which the id of its saga begins, as `saga`."""
    return click.argument("saga", metavar="ID", callback=_digits)(function)


async def find(reader: SecStoreReader, digits: str) -> SagaSummary:
    """
    Return the one saga whose id begins with some digits.

    Ids are in order, so it comes first in the page that begins just before it could be.

    Raises:
        NoSuchSaga: There is none, and the id was whole.
        Refusal: There is none, or more than one.
    """
    lowest = int(digits.ljust(DIGITS, "0"), 16)
    marker = SagaId(UUID(int=lowest - 1)) if lowest else None
    page = await reader.list(ListQuery(marker, limit=2))
    match [summary for summary in page if summary.saga_id.hex.startswith(digits)]:
        case [summary]:
            return summary
        case [first, second, *_]:
            msg = (
                f"more than one saga begins with {digits}, as {first.saga_id} and {second.saga_id}"
            )
            raise Refusal(msg, Exit.USAGE)
        case _ if len(digits) == DIGITS:
            raise NoSuchSaga(UUID(hex=digits))
        case _:
            msg = f"no such saga: there is none that begins with {digits}"
            raise Refusal(msg, Exit.NO_SAGA)


async def load(reader: SecStoreReader, digits: str) -> StoredSaga:
    """
    Return all that is stored of the one saga whose id begins with some digits.

    Raises:
        NoSuchSaga: There is none.
        Refusal: There is none, or more than one.
        RecoveryError: What is stored can not be read.
    """
    summary = await find(reader, digits)
    if (stored := await reader.load(summary.saga_id)) is None:
        raise NoSuchSaga(summary.saga_id)
    return stored
