"""
Faults: what a store may do with a batch, other than write it and say so.

A fault is any async function that takes the batch, and a function that writes it normally. These
are the usual ones, as values: their `repr` explains a failing test.
"""

from __future__ import annotations

import enum
from collections.abc import Awaitable, Callable, Sequence
from typing import TypeAlias

import attrs
import trio

from steno.errors import StoreError, StoreUnavailable
from steno.store import SagaWrite, WriteOutcome

Batch: TypeAlias = Sequence[SagaWrite]
Outcomes: TypeAlias = Sequence[WriteOutcome]
Record: TypeAlias = Callable[[Batch], Awaitable[Outcomes]]
Fault: TypeAlias = Callable[[Record, Batch], Awaitable[Outcomes]]


class When(enum.Enum):
    """When a fault strikes."""

    BEFORE = "before the batch is written, which it then is not"
    """Nothing of it is durable."""
    DURING = "while the batch is being written"
    """It is durable nevertheless."""
    AFTER = "after the batch was written, before the answer is given"
    """It is durable, but the caller does not know."""


async def write_with(fault: Fault | None, record: Record, batch: Batch) -> Outcomes:
    """Write a batch with a fault, and return the outcomes; None writes it normally."""
    return await (record(batch) if fault is None else fault(record, batch))


@attrs.frozen
class Unavailable:
    """Raise `StoreUnavailable` before the batch is written, or after, which loses the answers."""

    when: When = When.BEFORE

    async def __call__(self, record: Record, batch: Batch) -> Outcomes:
        """Write the batch or not, as configured, and raise."""
        await trio.lowlevel.checkpoint()
        if self.when is When.BEFORE:
            raise StoreUnavailable("planned: the batch was not written")
        await record(batch)
        raise StoreUnavailable("planned: the batch was written, and the answer is lost")


@attrs.frozen
class Crash:
    """
    Crash the writer, and continue as its database would.

    Attributes:
        crash: Causes the crash: `scope.cancel` of the scope in which the SEC was opened.
        when: When the crash happens.
        fault: Another fault, unless the crash comes before the write; None for no other.
    """

    crash: Callable[[], object]
    when: When = When.BEFORE
    fault: Fault | None = None

    async def __call__(self, record: Record, batch: Batch) -> Outcomes:
        """Crash, and write the batch or not."""
        await trio.lowlevel.checkpoint()
        if self.when is not When.AFTER:
            self.crash()
        if self.when is When.BEFORE:
            raise StoreUnavailable("planned: a crash before the batch was written")
        try:
            return await write_with(self.fault, record, batch)
        finally:
            if self.when is When.AFTER:
                self.crash()


@attrs.frozen
class Refusal:
    """
    Refuse a batch as a whole, permanently.

    Attributes:
        error: The exception to raise.
        if_of: Refuse only batches for which this returns true; None refuses all.
    """

    error: Exception = attrs.field(factory=lambda: StoreError("planned: a row is poisoned"))
    if_of: Callable[[Batch], bool] | None = None

    async def __call__(self, record: Record, batch: Batch) -> Outcomes:
        """Refuse the batch, or write it."""
        await trio.lowlevel.checkpoint()
        if self.if_of is None or self.if_of(batch):
            raise self.error
        return await record(batch)


@attrs.frozen
class Delay:
    """
    Delay a batch, in seconds.

    Attributes:
        before: The delay before anything is done with the batch.
        after: The delay before the answer is given.
        fault: Another fault; None for no other.
    """

    before: float = 0.0
    after: float = 0.0
    fault: Fault | None = None

    async def __call__(self, record: Record, batch: Batch) -> Outcomes:
        """Write the batch, slowly."""
        await trio.sleep(self.before)
        outcomes = await write_with(self.fault, record, batch)
        await trio.sleep(self.after)
        return outcomes


@attrs.frozen
class Torn:
    """
    Write only part of a batch, one by one, in some order: stores must not do so, but disks do.

    Attributes:
        order: The writes to make, by their index in the batch, and in this order; indexes out of
            range are skipped.
        answer: The answer for all: that nothing is known, or, falsely, that all is durable.
    """

    order: tuple[int, ...] = ()
    answer: StoreUnavailable | WriteOutcome = attrs.field(
        factory=lambda: StoreUnavailable("planned: the batch was torn")
    )

    async def __call__(self, record: Record, batch: Batch) -> Outcomes:
        """Write the chosen part."""
        await trio.lowlevel.checkpoint()
        for place in self.order:
            if place < len(batch):
                await record([batch[place]])
        if isinstance(self.answer, Exception):
            raise self.answer
        return [self.answer] * len(batch)


@attrs.frozen
class Reordered:
    """
    Write a batch in another order, in one transaction, and answer in the original order.

    Attributes:
        key: The sort key of indexes in the batch; the writes of one saga may be reordered too.
    """

    key: Callable[[int], int] = lambda place: -place

    async def __call__(self, record: Record, batch: Batch) -> Outcomes:
        """Write the batch."""
        order = sorted(range(len(batch)), key=self.key)
        outcomes = await record([batch[place] for place in order])
        return [outcome for _, outcome in sorted(zip(order, outcomes, strict=True), key=_place)]


def _place(numbered: tuple[int, WriteOutcome]) -> int:
    return numbered[0]
