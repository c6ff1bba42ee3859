"""
The rules of writing to orders to many sagas; as in `judge`, they are here once, for all stores.

Rule 1. A bulk order is created once. The very same creation may come again and is durable, whatever
became of the order since: its id is not given to another one.

Rule 2. Otherwise the fence comes first: a note without the order's fence changes nothing, and its
outcome names the SEC that has it.

Rule 3. Nothing changes once the order has ended. The note that ended it may be sent again.

Rule 4. The first mark of a saga stands, so notes can be sent again. This the store sees to, as it
alone knows which of its rows still wait.
"""

from __future__ import annotations

from typing import TypeAlias

import attrs

from steno.core import JsonText
from steno.errors import StoreError
from steno.store._bulk import BulkCreate, BulkMark, BulkState, BulkWrite
from steno.store._write import Durable, Fence, Lost, Rejected, WriteOutcome

_DURABLE = Durable()


@attrs.frozen
class BulkRow:
    """
    A bulk order that is stored: what the rules look at.

    Attributes:
        fence: Who may write to it.
        order: What is ordered.
        state: What its row says; None if that is damaged.
    """

    fence: Fence
    order: JsonText = attrs.field(repr=False)
    state: BulkState | None


@attrs.frozen
class BulkAdd:
    """Store a bulk order that is not there, running, and each saga that matches now."""

    create: BulkCreate


@attrs.frozen
class BulkAdvance:
    """
    Note what became of sagas, where nothing is noted yet, and set the state of the order.

    Attributes:
        marks: What became of them.
        state: The new state; None if it stays as it is.
    """

    marks: tuple[BulkMark, ...]
    state: BulkState | None


BulkChange: TypeAlias = BulkAdd | BulkAdvance


def judge_bulk(row: BulkRow | None, write: BulkWrite) -> tuple[WriteOutcome, BulkChange | None]:
    """
    Return the outcome of a write, and the change to be made; None if there is nothing to change.

    Args:
        row: The bulk order as it is stored; None if there is none.
        write: The write.
    """
    if isinstance(write, BulkCreate):
        if row is None:
            return _DURABLE, BulkAdd(write)
        if row.order == write.order:
            return _DURABLE, None
        return _rejected(f"there is another bulk order {write.bulk_id}"), None
    if row is None:
        return _rejected(f"there is no bulk order {write.bulk_id}"), None
    if row.fence != write.fence:
        return Lost(row.fence.sec_name), None
    state = None if write.state is row.state else write.state
    if row.state is None or not row.state.ended:
        return _DURABLE, BulkAdvance(write.marks, state)
    if state is None:
        return _DURABLE, None
    return _rejected(f"bulk order {write.bulk_id} has ended: it is {row.state.value}"), None


def _rejected(why: str) -> WriteOutcome:
    return Rejected(StoreError(why))
