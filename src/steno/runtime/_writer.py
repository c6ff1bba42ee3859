"""
The log writer: the actor through which everything becomes durable.

Theory of operation. All that waits to be written, of all sagas, goes into one transaction (group
commit); the next batch gathers while the store is busy with this one. So the more sagas run, the
more a commit carries, and nobody waits for more than the commit under way and the next.

A batch is not torn by cancellation: it is awaited under a shield. From the moment the SEC is
cancelled the store has `GRACE` seconds to finish; then `StoreStuck` is raised. Should the batch
still arrive later, it is refused by its fence, once the sagas have been taken over.

The event loop is the user's: of a large batch so many sagas at a time are asked and told (`SLICE`),
and between them everybody else has a turn.

A store that is unavailable is tried again, with growing pauses, for `patience` seconds from when a
write was taken; then that write is given up. A batch that is refused as a whole is tried again
write by write, so that one that can not be written hurts nobody else.
"""

from __future__ import annotations

import logging
import math
from collections.abc import Callable, Iterable, Sequence
from typing import Protocol, cast

import attrs
import trio

from steno.errors import StoreStuck, StoreUnavailable
from steno.runtime._mailbox import Mailbox
from steno.store import (
    Durable,
    Lost,
    Rejected,
    SagaProblem,
    SagaWrite,
    SecStoreSession,
    WriteOutcome,
)

GRACE = 10.0
"""Seconds that a store has to finish a batch once the SEC is cancelled."""

FIRST_PAUSE = 0.05
"""Seconds before a store that was unavailable is tried again; doubled each time."""

LONGEST_PAUSE = 5.0
"""Seconds between two tries at most."""

SLICE = 64
"""Sagas that are asked for their step, or told what became of it, before others have a turn."""

OUTCOMES = (Durable, Lost, Rejected)
"""What a store may answer to a write."""

_logger = logging.getLogger("steno")


class Source(Protocol):
    """A message to the writer: somebody who has something to write."""

    def take(self) -> Write | None:
        """Return it; called when a batch is made up, and must not raise."""
        ...


@attrs.define(eq=False)
class Write:
    """
    Something to write, and whom to tell how it went.

    Attributes:
        what: The write.
        then: Called with the outcome, in the writer's task; must not raise.
        patience: Seconds for which it is tried again at most, where the store is unavailable.
        since: When the writer took it, by Trio's clock.
    """

    what: SagaWrite
    then: Callable[[WriteOutcome], None]
    patience: float = math.inf
    since: float = attrs.field(init=False, default=0.0)

    def take(self) -> Write:
        """Return itself: it is what it was when it was told."""
        return self


@attrs.frozen
class WriterStatistics:
    """
    What a log writer has done so far.

    Attributes:
        commits: Transactions that were answered.
        writes: Writes in them: steps, creations, problems.
        events: Events in those.
        failures: Transactions that failed and were, or will be, tried again.
        waiting: Writes that wait for the next transaction.
    """

    commits: int
    writes: int
    events: int
    failures: int
    waiting: int


@attrs.define(eq=False)
class LogWriter:
    """
    Writes, in batches.

    Args:
        session: The open store.
        patience: Seconds for which an unavailable store is tried again.
    """

    _session: SecStoreSession
    _patience: float
    mailbox: Mailbox[Source] = attrs.field(init=False, factory=Mailbox)
    _shield: trio.CancelScope | None = attrs.field(init=False, default=None)
    _deadline: float = attrs.field(init=False, default=math.inf)  # once the SEC is cancelled
    _commits: int = attrs.field(init=False, default=0)
    _writes: int = attrs.field(init=False, default=0)
    _events: int = attrs.field(init=False, default=0)
    _failures: int = attrs.field(init=False, default=0)
    _idle: trio.Event = attrs.field(init=False, factory=trio.Event)

    def statistics(self) -> WriterStatistics:
        """Return what it has done so far."""
        return WriterStatistics(
            self._commits, self._writes, self._events, self._failures, len(self.mailbox)
        )

    async def run(self) -> None:
        """Write, until cancelled."""
        async with trio.open_nursery() as nursery:
            nursery.start_soon(self._watch)
            while True:
                if not len(self.mailbox):
                    self._idle.set()
                sources = await self.mailbox.receive_all()
                if self._idle.is_set():
                    self._idle = trio.Event()
                await self._commit(await _all_taken(sources))

    async def drained(self) -> None:
        """Wait until nothing waits to be written."""
        await trio.lowlevel.checkpoint()
        while len(self.mailbox) or not self._idle.is_set():
            await self._idle.wait()

    async def _watch(self) -> None:
        """Give the batch under way a deadline when the SEC is cancelled."""
        try:
            await trio.sleep_forever()
        finally:
            self._deadline = trio.current_time() + GRACE
            if self._shield is not None:
                self._shield.deadline = self._deadline

    async def _commit(self, batch: list[Write]) -> None:  # noqa: ASYNC910 - its callers wait
        """Write a batch, and what comes in while the store is unavailable; tell the outcomes."""
        pause = FIRST_PAUSE
        while batch:
            try:
                outcomes = await self._record([write.what for write in batch])
            except StoreUnavailable as error:
                self._failures += 1
                batch = self._give_up(batch, error)
                if batch:
                    _logger.warning(
                        "the store is unavailable, %d writes wait: %s", len(batch), error
                    )
                    await trio.sleep(min(pause, self._remaining(batch)))
                    pause = min(2 * pause, LONGEST_PAUSE)
                batch += _taken(self.mailbox.drain())
            except StoreStuck:
                raise
            except Exception as error:
                self._failures += 1
                if len(batch) > 1:
                    await self._commit_each(batch)
                else:
                    _logger.exception("saga %s can not be written", batch[0].what.saga_id)
                    batch[0].then(Rejected(error))
                return  # noqa: ASYNC910 - the store was asked
            else:
                await self._note(batch, outcomes)
                return

    async def _commit_each(self, batch: Sequence[Write]) -> None:
        """Try a batch that was refused as a whole write by write."""
        await trio.lowlevel.checkpoint()
        for write in batch:
            await self._commit([write])

    async def _record(self, writes: Sequence[SagaWrite]) -> Sequence[WriteOutcome]:
        with trio.CancelScope(shield=True, deadline=self._deadline) as self._shield:
            outcomes = await self._session.record(writes)
            if len(outcomes) != len(writes):
                msg = f"the store gave {len(outcomes)} answers to {len(writes)} writes"
                raise ValueError(msg)
            if not all(isinstance(cast("object", outcome), OUTCOMES) for outcome in outcomes):
                msg = f"the store gave answers that are none: {outcomes!r}"
                raise ValueError(msg)
            return outcomes
        msg = f"the store did not finish a batch within {GRACE} s of being cancelled"
        raise StoreStuck(msg)

    async def _note(  # noqa: ASYNC910 - the store was asked
        self, batch: Sequence[Write], outcomes: Sequence[WriteOutcome]
    ) -> None:
        """Tell the outcomes; what is told last has its turn before the next batch is made up."""
        self._commits += 1
        self._writes += len(batch)
        for number, (write, outcome) in enumerate(zip(batch, outcomes, strict=True), start=1):
            if not isinstance(write.what, SagaProblem):
                self._events += len(write.what.events)
            write.then(outcome)
            if number % SLICE == 0:
                await trio.lowlevel.checkpoint()

    def _give_up(self, batch: Sequence[Write], error: StoreUnavailable) -> list[Write]:
        """Tell writes whose patience has ended; return the others."""
        now = trio.current_time()
        waiting: list[Write] = []
        for write in batch:
            if self._given_up_at(write) <= now:
                write.then(Rejected(error))
            else:
                waiting.append(write)
        return waiting

    def _remaining(self, batch: Sequence[Write]) -> float:
        """Return the seconds until the first of some writes is to be given up."""
        first = min(map(self._given_up_at, batch), default=math.inf)
        return max(0.0, first - trio.current_time())

    def _given_up_at(self, write: Write) -> float:
        return write.since + min(self._patience, write.patience)


async def _all_taken(sources: Sequence[Source]) -> list[Write]:
    batch = _taken(sources[:SLICE])
    for first in range(SLICE, len(sources), SLICE):
        await trio.lowlevel.checkpoint()
        batch += _taken(sources[first : first + SLICE])
    return batch  # noqa: ASYNC910 - they were waited for


def _taken(sources: Iterable[Source]) -> list[Write]:
    now = trio.current_time()
    batch: list[Write] = []
    for source in sources:
        if (write := source.take()) is not None:
            write.since = now
            batch.append(write)
    return batch
