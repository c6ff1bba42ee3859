"""
Orders to many sagas: what gives them, one saga after the other.

Theory of operation. Each order that goes on has a task here. It asks the store for the sagas that
still wait, a page at a time, gives the order to each through the same gate as an order to one saga,
and notes what became of it. So many are under way at once that the log writer and the notes have
batches to write; none is begun before there is room, so that memory is bounded, and a store that is
unavailable stops the giving.

Exactly once. A crash may come after an order is durable and before that is noted. The order is then
given again, and says which bulk order it is part of: a saga that has an order of it in its log
accepts it, and nothing changes. The log is the one place that can know: it alone is written in the
transaction of the order, whichever process runs the saga. A note in that transaction instead would
tie the saga's row to that of the bulk order, in every store, and the log would not say why somebody
ordered the same of ten thousand sagas. Where the saga refuses it, because it has ended by it for
instance, the stored log is looked at first.

The tasks run in a nursery of the actor's, so that an action that orders something of many sagas is
not taken for its caller.
"""

from __future__ import annotations

import logging
import math
from collections import Counter
from collections.abc import Awaitable, Callable
from functools import partial
from typing import TypeVar

import attrs
import trio

from steno.core import BulkOrderId, Ordered, SagaId, Verb, inputs
from steno.errors import (
    BulkOrderHaltedError,
    CommandError,
    NoSuchSaga,
    RecoveryError,
    SagaHaltedError,
    SagaNotReady,
    SecClosing,
    StenoError,
    StoreUnavailable,
)
from steno.runtime._access import SecAccess
from steno.runtime._backoff import pauses
from steno.runtime._fault import leaves, of_the_store
from steno.runtime._handle import SagaHandle
from steno.runtime._many import order_for
from steno.runtime._message import StartSaga
from steno.runtime._pace import Pace
from steno.store import (
    BulkMark,
    BulkNote,
    BulkOutcome,
    BulkSaga,
    BulkSagaQuery,
    BulkSession,
    BulkState,
    Durable,
    Fence,
    Lost,
    ManyOrder,
    Rejected,
)

T = TypeVar("T")

AT_ONCE = 64
"""Orders of one bulk order that are under way, or not noted yet, at most."""

PAGE = 256
"""Sagas that are read at a time."""

_logger = logging.getLogger("steno")


@attrs.frozen
class _Ordered(SagaHandle):
    """A saga to which an order is given as it is."""

    async def take(self, order: inputs.Order) -> None:
        """Carry out an order as the method of its verb does."""
        if order.verb is not Verb.START:
            await self._send(order)
            return
        access = self._sec_access
        if (not_here := await access.asker.ask(StartSaga(self.saga_id, order))) is not None:
            raise await access.absent.refusal(not_here, SagaNotReady(self.saga_id))


@attrs.define(eq=False)
class BulkProgress:
    """
    How far an order to many sagas has come.

    Attributes:
        bulk_id: The order.
        counts: How many of its sagas have each outcome.
        state: Where it is in its life.
        halted: Why this SEC does not give it, if so.
        over: Set once this SEC does not go on with it: it has ended, is halted, or stays stored.
    """

    bulk_id: BulkOrderId
    counts: Counter[BulkOutcome]
    state: BulkState = BulkState.RUNNING
    halted: StenoError | None = None
    over: trio.Event = attrs.field(init=False, factory=trio.Event)


@attrs.define(eq=False)
class BulkGiver:
    """
    Gives one order to its sagas.

    Args:
        access: What the SEC gives access to.
        session: The orders to many sagas in the open store.
        fence: The SEC's.
        order: What is ordered.
        progress: How far it has come.
    """

    _access: SecAccess
    _session: BulkSession
    _fence: Fence
    _order: ManyOrder
    progress: BulkProgress
    cancelled: bool = attrs.field(init=False, default=False)
    _stop: trio.Event = attrs.field(init=False, factory=trio.Event)
    _room: trio.Semaphore = attrs.field(init=False, factory=lambda: trio.Semaphore(AT_ONCE))
    _marks: list[BulkMark] = attrs.field(init=False, factory=list)  # that are not noted yet
    _marked: trio.Event = attrs.field(init=False, factory=trio.Event)
    _given: bool = attrs.field(init=False, default=False)  # none is under way any more
    _whole: bool = attrs.field(init=False, default=False)  # none is left to begin with
    _missed: bool = attrs.field(init=False, default=False)  # of one it is not known

    def stop(self) -> None:
        """Give it to no further saga; it stays stored, and goes on at the next open."""
        self._stop.set()

    def cancel(self) -> None:
        """Give it to no further saga, ever."""
        self.cancelled = True
        self._stop.set()

    async def run(self) -> None:  # noqa: ASYNC910 - a nursery is a checkpoint
        """Give the order, until it has ended, or is stopped."""
        progress = self.progress
        try:
            async with trio.open_nursery() as nursery:
                nursery.start_soon(self._note_all)
                await self._give_all()
                self._given = True
                self._marked.set()
        except* SecClosing:
            pass  # the store is left: what is not noted is found in the sagas' logs
        except* Exception as group:  # noqa: BLE001 - a store may raise anything
            self._halt(group)
        finally:
            progress.over.set()

    def _halt(self, group: BaseException) -> None:
        error = next(leaves(group))
        halted = error
        if not isinstance(halted, BulkOrderHaltedError):
            halted = BulkOrderHaltedError(self.progress.bulk_id, f"{error}; it goes on at an open")
            halted.__cause__ = error
        self.progress.halted = halted
        _logger.error("%s", halted, exc_info=error)

    # Giving

    async def _give_all(self) -> None:
        pace, marker = Pace(self._order.rate), -1
        async with trio.open_nursery() as nursery:
            while not self._stop.is_set():
                query = BulkSagaQuery(
                    self.progress.bulk_id, marker, PAGE, outcome=BulkOutcome.WAITING
                )
                page = await self._patiently(partial(self._session.sagas, query))
                if not page:
                    self._whole = True
                    break
                marker = page[-1].number
                for saga in page:
                    with trio.move_on_at(pace.due()):
                        await self._stop.wait()
                    await self._room.acquire()
                    if self._stop.is_set():
                        break
                    nursery.start_soon(self._give, saga)

    async def _give(self, saga: BulkSaga) -> None:
        """Give the order to one saga, and mark what became of it."""
        try:
            outcome, why = await self._outcome(saga.saga_id)
        except SecClosing:
            self._missed = True
            self.stop()
            self._room.release()
            return  # noqa: ASYNC910 - it was waited for
        self._marks.append(BulkMark(saga.number, outcome, why))
        self._marked.set()

    async def _outcome(  # noqa: ASYNC910 - the order is waited for
        self, saga_id: SagaId
    ) -> tuple[BulkOutcome, str | None]:
        for last in (False, True):
            try:
                await self._patiently(partial(self._give_to, saga_id))
            except SecClosing:
                raise
            except Exception as error:
                if not isinstance(error, StenoError):
                    _logger.exception("saga %s could not be given an order", saga_id)
                # It may have been given before a crash, or before the answer was lost.
                if await self._patiently(partial(self._was_given, saga_id)):
                    return BulkOutcome.GIVEN, None
                if _is_outage(error) and not last:
                    continue  # it is halted because the store was not there; now it is
                refused = isinstance(error, CommandError) and not isinstance(error, NoSuchSaga)
                return (BulkOutcome.REFUSED if refused else BulkOutcome.FAILED), str(error)
            return BulkOutcome.GIVEN, None  # noqa: ASYNC910 - as above
        return BulkOutcome.FAILED, "the store is unavailable"  # pragma: no cover - it has returned

    async def _give_to(self, saga_id: SagaId) -> None:
        access = self._access
        dag = None if self._order.node is None else await access.dag_of(saga_id)
        order = order_for(access, self._order, self.progress.bulk_id, dag)
        await _Ordered(saga_id, access).take(order)

    async def _was_given(self, saga_id: SagaId) -> bool:
        """Return True if the stored log of a saga has an order of this bulk order."""
        await trio.lowlevel.checkpoint_if_cancelled()
        try:
            stored = await self._access.store.load(saga_id)
        except RecoveryError:
            return False  # noqa: ASYNC910 - the store was asked
        if stored is None:
            return False
        events = (event.event_type for event in stored.events)
        return any(isinstance(e, Ordered) and e.bulk == self.progress.bulk_id for e in events)

    # Noting

    async def _note_all(self) -> None:
        """Note what becomes of sagas, all that is known by then at once, and at last the end."""
        while True:
            await self._marked.wait()
            self._marked = trio.Event()
            given, marks = self._given, tuple(self._marks)
            self._marks.clear()
            state = BulkState.RUNNING
            if given:
                state = self._end()
            if marks or state.ended:
                await self._note(BulkNote(self.progress.bulk_id, self._fence, marks, state))
            for mark in marks:
                self.progress.counts[BulkOutcome.WAITING] -= 1
                self.progress.counts[mark.outcome] += 1
                self._room.release()
            if given:
                self.progress.state = state
                return

    def _end(self) -> BulkState:
        """Return the state of the order, now that none is under way."""
        if self._whole and not self._missed:
            return BulkState.DONE
        return BulkState.CANCELLED if self.cancelled else BulkState.RUNNING

    async def _note(self, note: BulkNote) -> None:
        match await self._patiently(partial(self._session.write, note)):
            case Durable():
                pass
            case Lost(owner=owner):
                why = f'the SEC "{owner}" gives it now'
                raise BulkOrderHaltedError(note.bulk_id, why)
            case Rejected(error=error):
                raise of_the_store(error)

    async def _patiently(self, call: Callable[[], Awaitable[T]]) -> T:
        """
        Do something; wait for a store that is unavailable, until the SEC is left.

        Raises:
            SecClosing: It is, and the store is unavailable still.
        """
        return await patiently(call, until=self._access.admission.ending)


async def patiently(
    call: Callable[[], Awaitable[T]], *, until: trio.Event, seconds: float = math.inf
) -> T:
    """
    Do something that asks the store; if that is unavailable, try again, with backoff.

    Args:
        call: What is done.
        until: Once this is set, it is not tried again.
        seconds: For how long it is tried.

    Raises:
        SecClosing: The store is unavailable, and it is not tried again.
        StoreUnavailable: The store was unavailable for that long.
    """
    backoff, deadline = pauses(), trio.current_time() + seconds
    while True:
        try:
            return await call()
        except StoreUnavailable as error:
            if until.is_set():
                msg = f"the SEC is being left, and its store is unavailable: {error}"
                raise SecClosing(msg) from error
            if trio.current_time() >= deadline:
                raise
            _logger.warning("the store is unavailable, an order to many sagas waits: %s", error)
            with trio.move_on_after(min(next(backoff), deadline - trio.current_time())):
                await until.wait()


def _is_outage(error: Exception) -> bool:
    """Return True if a saga was halted because the store was unavailable."""
    return isinstance(error, SagaHaltedError) and isinstance(error.__cause__, StoreUnavailable)
