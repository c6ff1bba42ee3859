"""Finding a saga by its id, or by a prefix of it."""

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
"""Number of hexadecimal digits in a whole id."""


def _digits(ctx: click.Context, param: click.Parameter, value: str) -> str:
    digits = value.replace("-", "").lower()
    if not re.fullmatch(r"[0-9a-f]{1,32}", digits):
        msg = f"{value!r} is not the id of a saga, nor a prefix of one"
        raise click.BadParameter(msg, ctx, param)
    return digits


def saga_argument(function: F) -> F:
    """Give a command the prefix of a saga's id, as `saga`."""
    return click.argument("saga", metavar="ID", callback=_digits)(function)


async def find(reader: SecStoreReader, digits: str) -> SagaSummary:
    """
    Return the one saga whose id begins with these digits.

    Ids are ordered, so it is the first in the page after the largest id below the prefix.

    Raises:
        NoSuchSaga: There is no such saga, and the id was whole.
        Refusal: No saga matches, or more than one.
    """
    lowest = int(digits.ljust(DIGITS, "0"), 16)
    marker = SagaId(UUID(int=lowest - 1)) if lowest else None
    page = await reader.list(ListQuery(marker, limit=2))
    match [summary for summary in page if summary.saga_id.hex.startswith(digits)]:
        case [summary]:
            return summary
        case [first, second, *_]:
            msg = f"more than one saga begins with {digits}: {first.saga_id}, {second.saga_id}"
            raise Refusal(msg, Exit.USAGE)
        case _ if len(digits) == DIGITS:
            raise NoSuchSaga(UUID(hex=digits))
        case _:
            msg = f"no such saga: no id begins with {digits}"
            raise Refusal(msg, Exit.NO_SAGA)


async def load(reader: SecStoreReader, digits: str) -> StoredSaga:
    """
    Return everything stored of the one saga whose id begins with these digits.

    Raises:
        NoSuchSaga: There is no such saga, and the id was whole.
        Refusal: No saga matches, or more than one.
        RecoveryError: What is stored cannot be read.
    """
    summary = await find(reader, digits)
    if (stored := await reader.load(summary.saga_id)) is None:
        raise NoSuchSaga(summary.saga_id)
    return stored
