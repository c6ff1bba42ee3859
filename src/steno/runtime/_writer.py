"""
The log writer: the actor through which everything becomes durable.

Theory of operation. All that waits to be written, of all sagas, goes into one transaction (group
commit); the next batch gathers while the store is busy with this one. So the more sagas run, the
more a commit carries, and no write waits for more than the commit under way and the next.

A batch is not torn by cancellation: it is awaited under a shield. From the moment the SEC is
cancelled the store has `GRACE` seconds to finish; then `StoreStuck` is raised. Should the batch
still arrive later, it is refused by its fence, once the sagas have been taken over.

The event loop is the user's: a large batch is asked for and answered a `SLICE` at a time, and other
tasks run in between.

A store that is unavailable is tried again, with backoff, for `patience` seconds from when a write
was taken; then that write is given up. A batch that is refused as a whole is tried again write by
write, so that one that cannot be written does not affect the others.
"""

from __future__ import annotations

import logging
import math
from collections.abc import Callable, Iterable, Sequence
from typing import Protocol

import attrs
import trio

from steno.errors import StoreStuck, StoreUnavailable
from steno.runtime._backoff import pauses
from steno.runtime._mailbox import Mailbox
from steno.store import (
    Durable,
    Lost,
    Rejected,
    SagaProblem,
    SagaTrial,
    SagaWrite,
    SecStoreSession,
    WriteOutcome,
)

GRACE = 10.0
"""Seconds that a store has to finish a batch once the SEC is cancelled."""

SLICE = 64
"""Sagas that are asked for a step, or told its outcome, before other tasks run."""

OUTCOMES = (Durable, Lost, Rejected)
"""The outcomes that a store may return for a write."""

NOTES = (SagaProblem, SagaTrial)
"""The writes that have no events."""

_logger = logging.getLogger("steno")


class Source(Protocol):
    """A message to the writer: an object that has something to write."""

    def take(self) -> Write | None:
        """Return the write, or None; called when a batch is put together, and must not raise."""
        ...


@attrs.define(eq=False)
class Write:
    """
    Something to write, and a callback for its outcome.

    Attributes:
        what: The write.
        then: Called with the outcome, in the writer's task; must not raise.
        patience: The most seconds for which it is tried again while the store is unavailable.
        since: When the writer took it, by Trio's clock.
    """

    what: SagaWrite
    then: Callable[[WriteOutcome], None]
    patience: float = math.inf
    since: float = attrs.field(init=False, default=0.0)

    def take(self) -> Write:
        """Return itself: unlike a saga's step, it does not grow while it waits."""
        return self


@attrs.frozen
class WriterStatistics:
    """
    What a log writer has done so far.

    Attributes:
        commits: Transactions that were answered.
        writes: Writes in them: steps, creations, problems, trials.
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
                # A new event for each idle phase; when set, `drained` checks the mailbox again.
                if not len(self.mailbox):
                    self._idle.set()
                sources = await self.mailbox.receive_all()
                if self._idle.is_set():
                    self._idle = trio.Event()
                await self._commit(await _all_taken(sources))

    async def drained(self) -> None:
        """Wait until there is nothing left to write."""
        await trio.lowlevel.checkpoint()
        while len(self.mailbox) or not self._idle.is_set():
            await self._idle.wait()

    async def _watch(self) -> None:
        """Give the batch under way a deadline when the SEC is cancelled."""
        # The batch is shielded, so it does not notice the cancellation; this task does.
        try:
            await trio.sleep_forever()
        finally:
            self._deadline = trio.current_time() + GRACE
            if self._shield is not None:
                self._shield.deadline = self._deadline

    async def _commit(self, batch: list[Write]) -> None:  # noqa: ASYNC910 - its callers wait
        """Write a batch, and what comes in while the store is unavailable; tell the outcomes."""
        backoff = pauses()
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
                    # No shield here: nothing is half done, so a cancellation may end it.
                    await trio.sleep(min(next(backoff), self._remaining(batch)))
                # At the end of the batch, so that the writes of each saga stay in order.
                batch += _taken(self.mailbox.drain())
            except StoreStuck:
                raise  # of `_record`: the SEC ends, and the batch is not to be tried again
            except Exception as error:
                self._failures += 1
                if len(batch) > 1:
                    await self._commit_each(batch)
                else:
                    _logger.exception("saga %s cannot be written", batch[0].what.saga_id)
                    batch[0].then(Rejected(error))
                return  # noqa: ASYNC910 - the store was asked
            else:
                await self._note(batch, outcomes)
                return

    async def _commit_each(self, batch: Sequence[Write]) -> None:
        """Write one by one a batch that was refused as a whole."""
        await trio.lowlevel.checkpoint()
        for write in batch:
            await self._commit([write])

    async def _record(self, writes: Sequence[SagaWrite]) -> Sequence[WriteOutcome]:
        # `_watch` moves the deadline of this scope, unless it has come already.
        with trio.CancelScope(shield=True, deadline=self._deadline) as self._shield:
            outcomes = await self._session.record(writes)
            # A store may be third-party code. With an outcome missing, a saga would wait for ever.
            if len(outcomes) != len(writes):
                msg = f"the store gave {len(outcomes)} answers to {len(writes)} writes"
                raise ValueError(msg)
            if not all(issubclass(kind, OUTCOMES) for kind in set(map(type, outcomes))):
                msg = f"the store returned something other than outcomes: {outcomes!r}"
                raise ValueError(msg)
            return outcomes
        # The scope ends like this only when its deadline has passed.
        msg = f"the store did not finish a batch within {GRACE} s of being cancelled"
        raise StoreStuck(msg)

    async def _note(  # noqa: ASYNC910 - the store was asked
        self, batch: Sequence[Write], outcomes: Sequence[WriteOutcome]
    ) -> None:
        """Tell the outcomes, with a checkpoint after each `SLICE` of them."""
        self._commits += 1
        self._writes += len(batch)
        for number, (write, outcome) in enumerate(zip(batch, outcomes, strict=True), start=1):
            if not isinstance(write.what, NOTES):
                self._events += len(write.what.events)
            write.then(outcome)
            if number % SLICE == 0:
                await trio.lowlevel.checkpoint()

    def _give_up(self, batch: Sequence[Write], error: StoreUnavailable) -> list[Write]:
        """Reject the writes whose patience has ended; return the others."""
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
    # Each saga is asked now, not when it asked to be written: so its step has all that it was told
    # while the last batch was written.
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
