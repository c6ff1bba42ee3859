"""
Faults: what a store may do with a batch of writes, other than to write it and say so.

A fault is any async function that is given the batch, and how it is written when all is well. These
are the usual ones, as values: their `repr` says what happened, in the text of a failing test.
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
    """It is durable all the same."""
    AFTER = "after the batch was written, before anybody hears of it"
    """It is durable, and nobody knows."""


async def write_with(fault: Fault | None, record: Record, batch: Batch) -> Outcomes:
    """Write a batch with a fault; None: as it should be."""
    return await (record(batch) if fault is None else fault(record, batch))


@attrs.frozen
class Unavailable:
    """Raise `StoreUnavailable`, before or after the batch was written; the latter loses answers."""

    when: When = When.BEFORE

    async def __call__(self, record: Record, batch: Batch) -> Outcomes:
        """Write the batch, or do not."""
        await trio.lowlevel.checkpoint()
        if self.when is When.BEFORE:
            raise StoreUnavailable("planned: the batch was not written")
        await record(batch)
        raise StoreUnavailable("planned: the batch was written, and the answer is lost")


@attrs.frozen
class Crash:
    """
    Lose whoever writes, and go on as its database would.

    Attributes:
        crash: What makes the crash: `scope.cancel` of the scope in which the SEC was opened.
        when: When it comes.
        fault: What else goes wrong, unless it comes before the write; None: nothing.
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
    Refuse a batch as a whole, for good.

    Attributes:
        error: What is raised.
        if_of: Refuse only batches for which this is true; None: all.
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
    Take time, in seconds.

    Attributes:
        before: What passes before the batch is written, or anything else is done with it.
        after: What passes before the answer is given.
        fault: What else goes wrong; None: nothing.
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
    Write only some of a batch, each on its own, in some order: what no store may do, and disks do.

    Attributes:
        order: Which of the writes are written, by their place in the batch, and in which order;
            places that the batch does not have are passed over.
        answer: What is answered for all: that nothing is known, or a lie: that all is durable.
    """

    order: tuple[int, ...] = ()
    answer: StoreUnavailable | WriteOutcome = attrs.field(
        factory=lambda: StoreUnavailable("planned: the batch was torn")
    )

    async def __call__(self, record: Record, batch: Batch) -> Outcomes:
        """Write what is to be written."""
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
    Write a batch in another order, in one transaction, and answer as if it had been its own.

    Attributes:
        key: The places in the batch are sorted by this; the writes of a saga may change places too.
    """

    key: Callable[[int], int] = lambda place: -place

    async def __call__(self, record: Record, batch: Batch) -> Outcomes:
        """Write the batch."""
        order = sorted(range(len(batch)), key=self.key)
        outcomes = await record([batch[place] for place in order])
        return [outcome for _, outcome in sorted(zip(order, outcomes, strict=True), key=_place)]


def _place(numbered: tuple[int, WriteOutcome]) -> int:
    return numbered[0]
