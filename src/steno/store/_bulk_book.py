"""Orders to many sagas in a store that keeps sagas as objects."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from datetime import datetime
from itertools import islice

import attrs

from steno.core import BulkOrderId, JsonText, SagaId
from steno.store._bulk import (
    BulkListQuery,
    BulkOutcome,
    BulkPruneQuery,
    BulkSaga,
    BulkSagaQuery,
    BulkState,
    BulkSummary,
    BulkWrite,
)
from steno.store._judge_bulk import BulkAdd, BulkAdvance, BulkRow, judge_bulk
from steno.store._list import ListQuery
from steno.store._write import Fence, WriteOutcome


@attrs.define(eq=False)
class _Entry:
    """A bulk order."""

    bulk_id: BulkOrderId
    number: int
    fence: Fence
    order: JsonText
    created: datetime
    sagas: list[BulkSaga]
    counts: Counter[BulkOutcome]
    state: BulkState = BulkState.RUNNING
    ended: datetime | None = None

    def summary(self) -> BulkSummary:
        return BulkSummary(
            self.bulk_id,
            self.number,
            self.fence,
            self.order,
            self.state,
            self.created,
            self.ended,
            +self.counts,
        )


@attrs.define(eq=False)
class BulkBook:
    """
    Keeps orders to many sagas in memory, for a store that keeps its sagas there as well.

    Its methods do what those of `SecStoreSession` with `bulk_` before their names are to do.
    """

    _entries: dict[BulkOrderId, _Entry] = attrs.field(init=False, factory=dict)  # by number
    _last_number: int = attrs.field(init=False, default=0)

    def take_over(self, fence: Fence) -> None:
        """Give the running orders of a SEC the fence of its new life."""
        for entry in self._entries.values():
            if entry.fence.sec_name == fence.sec_name and not entry.state.ended:
                entry.fence = fence

    def write(
        self,
        write: BulkWrite,
        now: datetime,
        matching: Callable[[ListQuery], Sequence[SagaId]],
    ) -> WriteOutcome:
        """
        Create an order, or note what became of it.

        Args:
            write: What is written.
            now: The time of that.
            matching: Returns the ids of all sagas that match a query, whatever its limit.
        """
        entry = self._entries.get(write.bulk_id)
        row = None if entry is None else BulkRow(entry.fence, entry.order, entry.state)
        outcome, change = judge_bulk(row, write)
        match change:
            case BulkAdd(create=create):
                sagas = [BulkSaga(n, each) for n, each in enumerate(matching(create.sagas))]
                counts = Counter({BulkOutcome.WAITING: len(sagas)})
                self._last_number += 1
                self._entries[create.bulk_id] = _Entry(
                    *(create.bulk_id, self._last_number, create.fence, create.order, now),
                    *(sagas, counts),
                )
            case BulkAdvance() if entry is not None:
                self._advance(entry, change, now)
            case _:
                pass
        return outcome

    def _advance(self, entry: _Entry, change: BulkAdvance, now: datetime) -> None:
        for mark in change.marks:
            saga = entry.sagas[mark.number]
            if saga.outcome is BulkOutcome.WAITING:
                marked = BulkSaga(mark.number, saga.saga_id, mark.outcome, mark.why)
                entry.sagas[mark.number] = marked
                entry.counts[BulkOutcome.WAITING] -= 1
                entry.counts[mark.outcome] += 1
        if change.state is not None:
            entry.state, entry.ended = change.state, now

    def list(self, query: BulkListQuery) -> Sequence[BulkSummary]:
        """Return a page of the orders, the newest first."""
        found = (entry.summary() for entry in reversed(self._entries.values()))
        return list(islice(filter(query.matches, found), query.limit))

    def sagas(self, query: BulkSagaQuery) -> Sequence[BulkSaga]:
        """Return a page of the sagas of an order; empty if there is no such order."""
        entry = self._entries.get(query.bulk_id)
        first = 0 if query.marker is None else query.marker + 1
        sagas = [] if entry is None else entry.sagas
        # By number, so that what comes before the page is not looked at again.
        found = (sagas[number] for number in range(first, len(sagas)))
        wanted = (saga for saga in found if query.outcome in {None, saga.outcome})
        return list(islice(wanted, query.limit))

    def prune(self, query: BulkPruneQuery, until: datetime) -> Sequence[BulkOrderId]:
        """
        Delete some orders that have ended, and return which.

        Args:
            query: Which.
            until: The latest time at which they may have ended.
        """
        old = [
            (entry.ended, entry.number, entry.bulk_id)
            for entry in self._entries.values()
            if entry.ended is not None
            and entry.ended <= until
            and query.sec_name in {None, entry.fence.sec_name}
        ]
        pruned = [bulk_id for *_, bulk_id in sorted(old)[: query.limit]]
        for bulk_id in pruned:
            del self._entries[bulk_id]
        return pruned
