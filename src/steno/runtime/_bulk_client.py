"""The part of the client that is about orders to many sagas."""

from __future__ import annotations

import uuid
from collections.abc import Collection, Sequence
from typing import Unpack, cast

import attrs

from steno.core import BulkOrderId
from steno.runtime._bulk_order import BulkOrder
from steno.runtime._bulk_orders import BulkOrders
from steno.runtime._many import ManyDetails, ManyVerb, checked_order
from steno.runtime._order import Signature
from steno.store import BulkCreate, BulkListQuery, BulkState, BulkSummary, SagaFilter


@attrs.define(eq=False)
class BulkClient:
    """Orders something of many sagas at once."""

    _bulk: BulkOrders = attrs.field(repr=False)

    async def order_many(
        self,
        sagas: SagaFilter,
        verb: ManyVerb,
        *,
        by: str | None = None,
        why: str | None = None,
        rate: float | None = None,
        **details: Unpack[ManyDetails],
    ) -> BulkOrder:
        """
        Order something of all sagas that match now; each gets the order as from its handle.

        Once this has returned, the order is durable, with the ids of its sagas: what matches later
        is not part of it. It is given in the background, to one saga after the other, and goes on
        after a crash, or after the SEC was left, when a SEC of this name is opened. No saga is
        given it twice. A saga that does not allow it does not stop the others; `BulkOrder.sagas`
        says what became of each::

            stuck = steno.SagaFilter(states=[steno.SagaCachedState.STUCK], name="book-trip")
            order = await sec.order_many(stuck, "retry", node="payment", why="the bank is back")
            print(await order.wait())

        Args:
            sagas: Which sagas, and in which order.
            verb: What is ordered: the name of a method of `SagaHandle`.
            by: Who orders it; None: the SEC.
            why: The reason, for the logs; needed where that method needs one.
            rate: How many orders are given in a second, at most; None: as fast as they are durable.
            **details: What else that method takes; see `ManyDetails`.

        Raises:
            TypeError: Something is of a wrong type, or missing, or does not belong to that order.
            ValueError: There is no such order, the reason is missing, or the rate is not above 0.
            SerializeError: A value cannot be stored as JSON.
            StoreError: It could not be stored. If the store was unavailable, it may be stored all
                the same: `bulk_orders` says so.
            SecClosing: The SEC is being left.
        """
        if not isinstance(cast("object", sagas), SagaFilter):
            msg = f"order_many takes a SagaFilter, as in SagaFilter(states=[…]), got {sagas!r}"
            raise TypeError(msg)
        access = self._bulk.access
        order = checked_order(access, verb, Signature(by, why, None), rate, details)
        bulk_id = BulkOrderId(uuid.uuid4())
        create = BulkCreate(bulk_id, self._bulk.fence, order.to_json(), sagas.query)
        return BulkOrder(bulk_id, await self._bulk.create(create), self._bulk)

    async def bulk_order(self, bulk_id: uuid.UUID) -> BulkOrder:
        """
        Return a handle of an order to many sagas, also of one that has ended.

        Raises:
            TypeError: The id is not a UUID.
            NoSuchBulkOrder: There is none with that id.
            StoreError: The store could not be read.
            SecClosing: The SEC has been left.
        """
        if not isinstance(cast("object", bulk_id), uuid.UUID):
            msg = f"the id of a bulk order must be a uuid.UUID, not {bulk_id!r}"
            raise TypeError(msg)
        known = BulkOrderId(bulk_id)
        return BulkOrder(known, await self._bulk.find(known), self._bulk)

    async def bulk_orders(
        self,
        marker: int | None = None,
        limit: int = 100,
        *,
        states: Collection[BulkState] | None = None,
    ) -> Sequence[BulkSummary]:
        """
        Return a page of the orders to many sagas in the store, the newest first.

        Args:
            marker: The number of the last one of the page before.
            limit: How many at most, at least 1.
            states: Only orders in one of these states.

        Raises:
            ValueError: The limit is less than 1.
            StoreError: The store could not be read.
            SecClosing: The SEC has been left.
        """
        query = BulkListQuery(marker, limit, states=states)
        return await self._bulk.access.store.bulk_list(query)
