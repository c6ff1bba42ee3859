"""
Loading: from what a store has of a saga to an executor that goes on with it.

It goes through the same fold as running. A saga that cannot be loaded is left as it is, with its
problem noted in the store for an operator; no other saga is affected.
"""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Awaitable, Callable, Iterator, Sequence
from typing import TypeVar

import attrs
import trio

from steno.core import Attention, Concern, SagaId, SagaName, concern, inputs
from steno.errors import (
    NoSuchSaga,
    RecoveryError,
    SagaHaltedError,
    SagaNotRunning,
    SagaTakenOver,
    SecClosing,
    StenoError,
    StoreUnavailable,
)
from steno.runtime._backoff import pauses
from steno.runtime._executor_factory import ExecutorFactory
from steno.runtime._halting import error_of
from steno.runtime._mailbox import Mailbox
from steno.runtime._message import AbandonedUnread, Loaded, NotLoaded, SecMessage
from steno.runtime._quarantine import Trials, quarantined
from steno.runtime._report import logger, report
from steno.runtime._writer import Source, Write
from steno.store import SagaClaim, SagaProblem, SecStoreSession, StoredSaga, WriteOutcome

T = TypeVar("T")

MOST_TRACEBACKS = 10
"""How many reasons for failing to load are logged with a traceback, per open."""


@attrs.frozen(eq=False)
class Reasons:
    """Why sagas are not run: each reason is logged once, and in the end its count."""

    _seen: Counter[tuple[type, str]] = attrs.field(init=False, factory=Counter)

    def report(
        self, saga_id: SagaId, name: SagaName | None, problem: str, error: Exception | None
    ) -> None:
        """Log why a saga is not run, unless that reason was logged already."""
        # A missing action may halt thousands of sagas; their ids are in the store's list.
        reason = (type(error), problem)
        self._seen[reason] += 1
        if self._seen[reason] == 1:
            cause = error if len(self._seen) <= MOST_TRACEBACKS else None
            report(logging.ERROR, problem, saga_id, name, error=cause)

    def report_rest(self) -> None:
        """Log how many more sagas are not run, by reason."""
        for (_, problem), count in self._seen.items():
            if count > 1:
                logger.error("%d more sagas are halted for the same reason: %s", count - 1, problem)


@attrs.frozen(eq=False)
class Loader:
    """
    Loads sagas, and tells the coordinator.

    Attributes:
        session: The open store.
        factory: Makes the executors.
        coordinator: Gets the executors, and the reasons of failures.
        writer: Notes problems.
        sec_name: The SEC that will own the sagas.
        patience: Seconds for which an unavailable store is tried again.
        trials: Of sagas that may be what killed an earlier life.
    """

    session: SecStoreSession
    factory: ExecutorFactory
    coordinator: Mailbox[SecMessage]
    writer: Mailbox[Source]
    sec_name: str
    patience: float
    trials: Trials = attrs.field(
        init=False, default=attrs.Factory(lambda self: Trials(self.writer), takes_self=True)
    )

    async def load_all(self, claims: Sequence[SagaClaim], concurrency: int) -> None:
        """Load sagas that were taken over, up to `concurrency` at a time; then end the trials."""
        # The tasks share one iterator: each takes the next claim when it is done with its last.
        pending, reasons = iter(claims), Reasons()
        async with trio.open_nursery() as nursery:
            for _ in range(min(concurrency, len(claims))):
                nursery.start_soon(self._load_each, pending, reasons)
        reasons.report_rest()
        await self.trials.end_all()

    async def _load_each(self, pending: Iterator[SagaClaim], reasons: Reasons) -> None:
        await trio.lowlevel.checkpoint()
        for claim in pending:
            # It was taken over already; the next open does so again, and loads it.
            if self.factory.admission.draining:
                why = "the SEC is being left, and the saga was not loaded; it is at the next open"
                self.coordinator.tell(NotLoaded(claim.saga_id, SecClosing(why)))
            else:
                await self._load(claim, reasons)

    async def recover(self, saga_id: SagaId, still: bool) -> None:  # noqa: FBT001 - a task's argument
        """
        Take over a saga regardless of its owner, and load it.

        Args:
            saga_id: The saga.
            still: Whether it is halted, and is loaded to take orders only.
        """
        await trio.lowlevel.checkpoint()
        try:
            claim = await self._claim(saga_id)
        except Exception as error:  # noqa: BLE001 - a store may raise anything
            self.coordinator.tell(NotLoaded(saga_id, error))
        else:
            await self._load(claim, Reasons(), still=still)

    async def abandon(self, saga_id: SagaId, order: inputs.Order) -> None:
        """Take over a saga that cannot be read at all, and abandon it in its row."""
        await trio.lowlevel.checkpoint()
        try:
            claim = await self._claim(saga_id)
            why = await self._why_unread(claim)
        except Exception as error:  # noqa: BLE001 - a store may raise anything
            self.coordinator.tell(AbandonedUnread(saga_id, error))
            return  # noqa: ASYNC910 - there was a checkpoint
        problem = f"abandoned by {order.by}: {order.why}; {why}"
        note = SagaProblem(saga_id, claim.fence, problem, abandons=True)

        def written(outcome: WriteOutcome) -> None:
            self.coordinator.tell(AbandonedUnread(saga_id, error_of(saga_id, outcome)))

        self.writer.tell(Write(note, written))

    async def _why_unread(self, claim: SagaClaim) -> str:
        """Return why a saga cannot be read; raise an error if it can."""
        try:
            self.factory.of_halted(await self._read(claim), claim.fence)
        except RecoveryError as error:
            reason = self.factory.codec.error_text(error)
            return f"it could not be loaded: {reason}"  # noqa: ASYNC910 - the store was asked
        raise SagaHaltedError(claim.saga_id, "it can be read after all; order it again")

    async def _claim(self, saga_id: SagaId) -> SagaClaim:
        claim = await self._patiently(self.session.claim, saga_id, self.sec_name)
        if claim is not None:
            return claim
        # It does not exist, or it is finished: find out which, for the error.
        if await self._patiently(self.session.load, saga_id) is None:
            raise NoSuchSaga(saga_id)
        raise SagaNotRunning(saga_id)

    async def _load(  # noqa: ASYNC910 - the store was asked
        self, claim: SagaClaim, reasons: Reasons, *, still: bool = False
    ) -> None:
        saga_id, fence = claim.saga_id, claim.fence
        name: SagaName | None = None
        try:
            stored = await self._read(claim)
            name = stored.summary.saga_name
            if still:
                self.coordinator.tell(Loaded(self.factory.of_halted(stored, fence)))
                return
            executor = self.factory.of_stored(stored, fence)
            problem = quarantined(claim, executor.machine.state)
            if problem is None:
                await self.trials.begin(claim, executor)
        except Exception as error:  # noqa: BLE001 - stored data and make_context may raise anything
            self._not_loaded(claim, name, error, reasons)
        else:
            if problem is not None:
                self._quarantine(claim, name, problem, None, reasons)
                return
            # It can be loaded after all: clear the problem that an earlier open has noted.
            if stored.summary.problem is not None:
                mended = SagaProblem(saga_id, fence, None, concern(executor.machine.state))
                self.writer.tell(Write(mended, _ignore))
            self.coordinator.tell(Loaded(executor))

    async def _read(self, claim: SagaClaim) -> StoredSaga:
        stored = await self._patiently(self.session.load, claim.saga_id)
        if stored is None:
            raise NoSuchSaga(claim.saga_id)
        # Not in the transaction of the claim, so another SEC may have come in between.
        if stored.fence != claim.fence:
            why = f'the SEC "{stored.fence.sec_name}" took it over while it was being loaded'
            raise SagaTakenOver(claim.saga_id, why)
        return stored

    def _not_loaded(
        self, claim: SagaClaim, name: SagaName | None, error: Exception, reasons: Reasons
    ) -> None:
        if isinstance(error, SagaTakenOver):  # nothing is wrong, and a note would be refused
            self.coordinator.tell(NotLoaded(claim.saga_id, error))
            return
        # The codec's text, not `str`: the exception may be a user's, with a `__str__` that fails.
        kind = "" if isinstance(error, StenoError) else f"{type(error).__name__}: "
        what = kind + self.factory.codec.error_text(error)
        self._quarantine(claim, name, f"it could not be loaded: {what}", error, reasons)

    def _quarantine(
        self,
        claim: SagaClaim,
        name: SagaName | None,
        problem: str,
        error: Exception | None,
        reasons: Reasons,
    ) -> None:
        saga_id = claim.saga_id
        reasons.report(saga_id, name, problem, error)
        if (told := self.factory.instruments) is not None:
            told.attention(saga_id, name, Attention.QUARANTINED, problem)
        note = SagaProblem(saga_id, claim.fence, problem, Concern(Attention.QUARANTINED))
        # No patience: a note is not worth trying again.
        self.writer.tell(Write(note, _ignore, patience=0.0))
        halted = SagaHaltedError(saga_id, problem)
        halted.__cause__ = error
        self.coordinator.tell(NotLoaded(saga_id, halted))

    async def _patiently(self, read: Callable[..., Awaitable[T]], *args: object) -> T:
        """Read from the store, and again while it is unavailable and patience lasts."""
        give_up = trio.current_time() + self.patience
        backoff = pauses()
        while True:
            try:
                return await read(*args)
            except StoreUnavailable:
                # While the SEC is being drained, waiting would only hold that up.
                remaining = give_up - trio.current_time()
                if remaining <= 0 or self.factory.admission.draining:
                    raise
                await trio.sleep(min(next(backoff), remaining))


def _ignore(_: object) -> None:
    """Ignore the outcome of a note about a problem; the next open tries again."""
