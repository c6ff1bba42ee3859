"""A handle of an order to many sagas."""

from __future__ import annotations

import attrs

from steno.core import BulkOrderId
from steno.errors import BulkOrderHaltedError, NoSuchBulkOrder, SecClosing
from steno.runtime._admission import LEFT
from steno.runtime._bulk import BulkProgress
from steno.runtime._bulk_orders import BulkOrders
from steno.runtime._listing import BulkListing
from steno.store import (
    BulkListQuery,
    BulkOutcome,
    BulkSagaQuery,
    BulkState,
    BulkSummary,
)


@attrs.frozen
class BulkStatistics:
    """
    How far an order to many sagas has come.

    Attributes:
        state: Where it is in its life.
        waiting: Sagas that it was not given to yet.
        given: Sagas that it was given to.
        refused: Sagas that do not allow it.
        failed: Sagas that it could not be given to.
    """

    state: BulkState
    waiting: int
    given: int
    refused: int
    failed: int

    @property
    def size(self) -> int:
        """How many sagas it is for."""
        return self.waiting + self.given + self.refused + self.failed


@attrs.frozen(eq=False)
class BulkOrder:
    """
    An order to many sagas.

    Attributes:
        bulk_id: Its id, by which `SecClient.bulk_order` finds it again. It is in the log of each
            saga that it was given to.
    """

    bulk_id: BulkOrderId
    _progress: BulkProgress = attrs.field(repr=False)
    _orders: BulkOrders = attrs.field(repr=False)

    def statistics(self) -> BulkStatistics:
        """
        Return how far it has come.

        Of an order that this SEC does not give, as of when the handle was made.
        """
        progress, counts = self._progress, self._progress.counts
        return BulkStatistics(
            progress.state,
            counts[BulkOutcome.WAITING],
            counts[BulkOutcome.GIVEN],
            counts[BulkOutcome.REFUSED],
            counts[BulkOutcome.FAILED],
        )

    async def wait(self) -> BulkStatistics:
        """
        Wait until it has ended, and return what became of it; this never affects the order.

        Raises:
            BulkOrderHaltedError: This SEC does not give it, or cannot go on with it.
            SecClosing: The SEC is being left, and the order goes on at the next open.
        """
        await self._progress.over.wait()
        return self._ended()

    async def cancel(self) -> BulkStatistics:
        """
        Give it to no further saga, and return what became of it by then.

        Once this has returned, that is durable. What was given stays. An order that has ended
        already stays as it is: its state says so.

        Raises:
            BulkOrderHaltedError: Another SEC gives it.
            SecClosing: The SEC is being left.
            StoreError: The store failed.
        """
        await self._orders.cancel(self._progress)
        return self._ended()

    def _ended(self) -> BulkStatistics:
        progress = self._progress
        if progress.state.ended:
            return self.statistics()
        if isinstance(progress.halted, BulkOrderHaltedError):
            again = BulkOrderHaltedError(progress.bulk_id, progress.halted.problem)
            raise again from progress.halted.__cause__
        raise SecClosing(LEFT)

    async def view(self) -> BulkSummary:
        """
        Return what is stored of it: what is ordered, by whom, when, and how far it has come.

        Raises:
            NoSuchBulkOrder: It was deleted, which happens only to one that has ended.
            StoreError: The store could not be read.
            SecClosing: The SEC has been left.
        """
        found = await self._orders.access.store.bulk_list(BulkListQuery(bulk_id=self.bulk_id))
        if not found:
            raise NoSuchBulkOrder(self.bulk_id)
        return found[0]

    def sagas(self, outcome: BulkOutcome | None = None, *, page_size: int = 100) -> BulkListing:
        """
        Return an async iterable of its sagas, in its order, with what became of it at each.

        They are read page by page while the loop goes on::

            async for saga in order.sagas(steno.BulkOutcome.REFUSED):
                print(saga.saga_id, saga.why)

        What is said of a saga may lag a little behind `statistics`. Each step raises what `view`
        does, other than NoSuchBulkOrder.

        Args:
            outcome: Only sagas with this outcome; None: all of them.
            page_size: How many are read at a time, at least 1.

        Raises:
            ValueError: The page size is less than 1.
        """
        query = BulkSagaQuery(self.bulk_id, None, page_size, outcome)
        return BulkListing(self._orders.access.store, query)
