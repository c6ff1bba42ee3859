"""The actor that has a SEC's orders to many sagas: new ones, and those of its earlier lives."""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Awaitable, Callable
from functools import partial
from typing import TypeAlias, TypeVar

import attrs
import trio

from steno.core import BulkOrderId
from steno.errors import (
    BulkOrderHaltedError,
    NoSuchBulkOrder,
    RecoveryError,
    SecClosing,
    StenoError,
)
from steno.runtime._access import SecAccess
from steno.runtime._admission import LEFT
from steno.runtime._bulk import BulkGiver, BulkProgress, patiently
from steno.runtime._fault import of_the_store
from steno.runtime._mailbox import Envelope, Mailbox, Reply
from steno.store import (
    BulkCreate,
    BulkListQuery,
    BulkNote,
    BulkSession,
    BulkState,
    BulkSummary,
    Durable,
    Fence,
    Lost,
    ManyOrder,
    Rejected,
    WriteOutcome,
)

Creation: TypeAlias = Envelope[BulkCreate, BulkProgress]

T = TypeVar("T")

_logger = logging.getLogger("steno")


@attrs.define(eq=False)
class BulkOrders:
    """
    Has the orders to many sagas that a SEC gives.

    Args:
        access: What the SEC gives access to.
        session: The orders to many sagas in the open store.
        fence: The SEC's.
        patience: For how many seconds a creation is tried while the store is unavailable.
        recovers: Whether those of earlier lives go on.
    """

    access: SecAccess
    _session: BulkSession
    fence: Fence
    _patience: float
    _recovers: bool
    _mailbox: Mailbox[Creation] = attrs.field(init=False, factory=Mailbox)
    _asked: dict[BulkOrderId, Reply[BulkProgress]] = attrs.field(init=False, factory=dict)
    _givers: dict[BulkOrderId, BulkGiver] = attrs.field(init=False, factory=dict)
    _known: trio.Event = attrs.field(init=False, factory=trio.Event)  # those of earlier lives are

    async def run(self) -> None:
        """Give orders, until cancelled."""
        try:
            async with trio.open_nursery() as nursery:
                nursery.start_soon(self._stop_at_end)
                if self._recovers:
                    nursery.start_soon(self._recover, nursery)
                else:
                    self._known.set()
                while True:
                    for creation in await self._mailbox.receive_all():
                        nursery.start_soon(self._create, creation)
        finally:
            self._known.set()
            for reply in self._asked.values():
                reply.fail(SecClosing(LEFT))

    async def _stop_at_end(self) -> None:
        await self.access.admission.ending.wait()
        for giver in self._givers.values():
            giver.stop()

    async def stopped(self) -> None:
        """Wait, once the SEC is being left, until nothing is under way."""
        await trio.lowlevel.checkpoint()
        for reply in tuple(self._asked.values()):
            await reply.answered.wait()
        for giver in tuple(self._givers.values()):
            await giver.progress.over.wait()

    # Creating

    async def create(self, create: BulkCreate) -> BulkProgress:
        """
        Store an order, and begin to give it; once it is sent, it is carried out if cancelled, too.

        Raises:
            SecClosing: The SEC is being left.
            StoreError: It could not be stored.
        """
        await trio.lowlevel.checkpoint_if_cancelled()
        self.access.admission.check(looks=False)
        reply: Reply[BulkProgress] = Reply()
        self._asked[create.bulk_id] = reply
        self._mailbox.tell(Envelope(create, reply))
        return await reply.wait()

    async def _create(  # noqa: ASYNC910 - the store was asked
        self, creation: Creation
    ) -> None:
        create, reply = creation.message, creation.reply_to
        giver: BulkGiver | None = None
        try:
            outcome = await self._patiently(partial(self._session.write, create))
            giver = await self._made(create, outcome)
            reply.answer(giver.progress)
        except Exception as error:  # noqa: BLE001 - a store may raise anything; the caller is told
            reply.fail(of_the_store(error))
        finally:
            del self._asked[create.bulk_id]
        if giver is not None:
            await self._run(giver)

    async def _made(  # noqa: ASYNC910 - the store was asked
        self, create: BulkCreate, outcome: WriteOutcome
    ) -> BulkGiver:
        """Return what gives an order that was just stored."""
        if isinstance(outcome, Rejected):
            raise outcome.error
        query = BulkListQuery(bulk_id=create.bulk_id)
        try:
            (summary,) = await self._patiently(partial(self._session.list, query))
        except StenoError:
            # It is stored, so it is not refused. It goes on at the next open, if not here.
            progress = BulkProgress(create.bulk_id, Counter())
        else:
            progress = BulkProgress(create.bulk_id, Counter(summary.counts))
        order = ManyOrder.from_json(create.order)
        return self._giver(progress, order)  # noqa: ASYNC910 - as above

    async def _patiently(self, call: Callable[[], Awaitable[T]]) -> T:
        ending = self.access.admission.ending
        return await patiently(call, until=ending, seconds=self._patience)

    def _giver(self, progress: BulkProgress, order: ManyOrder) -> BulkGiver:
        giver = BulkGiver(self.access, self._session, self.fence, order, progress)
        self._givers[progress.bulk_id] = giver
        if self.access.admission.closing:
            giver.stop()
        return giver

    async def _run(self, giver: BulkGiver) -> None:
        progress = giver.progress
        _logger.info("bulk order %s begins, or goes on", progress.bulk_id)
        try:
            await giver.run()
        finally:
            if progress.state.ended:
                del self._givers[progress.bulk_id]  # the store has it all
                counts = {outcome.value: count for outcome, count in progress.counts.items()}
                _logger.info("bulk order %s is %s: %s", progress.bulk_id, progress.state, counts)

    # Going on

    async def _recover(  # noqa: ASYNC910 - the store was asked
        self, nursery: trio.Nursery
    ) -> None:
        """Go on with the orders that earlier lives of this SEC have left."""
        marker: int | None = None
        try:
            while True:
                query = BulkListQuery(
                    marker, states={BulkState.RUNNING}, sec_name=self.fence.sec_name
                )
                ending = self.access.admission.ending
                page = await patiently(partial(self._session.list, query), until=ending)
                for summary in page:
                    if summary.bulk_id not in self._asked and summary.bulk_id not in self._givers:
                        self._go_on(summary, nursery)
                if not page:
                    break
                marker = page[-1].number
        except Exception as error:  # noqa: BLE001 - a store may raise anything; there is no caller to tell
            _logger.warning("orders to many sagas were not taken up: %s", error)
        finally:
            self._known.set()

    def _go_on(self, summary: BulkSummary, nursery: trio.Nursery) -> None:
        progress = BulkProgress(summary.bulk_id, Counter(summary.counts))
        try:
            order = ManyOrder.from_json(summary.order)
        except RecoveryError as error:
            _logger.error("bulk order %s is halted: %s", summary.bulk_id, error)  # noqa: TRY400 - the text says it all
            return
        nursery.start_soon(self._run, self._giver(progress, order))

    # Looking

    async def find(self, bulk_id: BulkOrderId) -> BulkProgress:
        """
        Return how far an order has come.

        Raises:
            NoSuchBulkOrder: There is none with that id.
            SecClosing: The SEC was left.
            StoreError: The store could not be read.
        """
        self.access.admission.check(looks=True)
        await self._known.wait()
        if (giver := self._givers.get(bulk_id)) is not None:
            return giver.progress
        found = await self.access.store.bulk_list(BulkListQuery(bulk_id=bulk_id))
        if not found:
            raise NoSuchBulkOrder(bulk_id)
        (summary,) = found
        # It may have been taken up, or made, while the store was read.
        if (giver := self._givers.get(bulk_id)) is not None:
            return giver.progress
        progress = BulkProgress(bulk_id, Counter(summary.counts), summary.state)
        progress.over.set()
        if not summary.state.ended:
            progress.halted = BulkOrderHaltedError(bulk_id, self._why_not_here(summary))
        return progress

    def _why_not_here(self, summary: BulkSummary) -> str:
        owner = summary.fence.sec_name
        if owner != self.fence.sec_name:
            return f'it belongs to the SEC "{owner}"'
        return "this SEC has not taken it up; it goes on at an open with recover=True"

    async def cancel(self, progress: BulkProgress) -> None:
        """
        Give an order to no further saga; durable once this returns, unless it has ended before.

        Raises:
            BulkOrderHaltedError: Another SEC gives it.
            SecClosing: The SEC is being left.
            StoreError: The store failed.
        """
        await trio.lowlevel.checkpoint_if_cancelled()
        self.access.admission.check(looks=False)
        if (giver := self._givers.get(progress.bulk_id)) is not None:
            giver.cancel()
            await progress.over.wait()
        if progress.state.ended:
            return
        if self.access.admission.closing:
            raise SecClosing(LEFT)
        note = BulkNote(progress.bulk_id, self.fence, state=BulkState.CANCELLED)
        match await self._patiently(partial(self._session.write, note)):
            case Durable():
                progress.state, progress.halted = BulkState.CANCELLED, None
            case Lost(owner=owner):
                why = f'it belongs to the SEC "{owner}"'
                raise BulkOrderHaltedError(progress.bulk_id, why)
            case Rejected(error=error):
                raise of_the_store(error)
