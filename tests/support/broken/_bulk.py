"""Stores that lose track of an order to many sagas."""

import json
from contextlib import suppress
from datetime import timedelta

import attrs

from steno.core import JsonText
from steno.errors import StoreUnavailable
from steno.store import (
    BulkBook,
    BulkCreate,
    BulkListQuery,
    BulkNote,
    BulkPruneQuery,
    BulkState,
    Fence,
    ListQuery,
)
from steno.stores._memory import InMemoryBulk
from support.broken._registry import caught_by
from support.hooked import HookedReader, HookedSession, HookedStore


class BookedStore(HookedStore):
    """A store with a book of its own."""

    book: type[BulkBook] = BulkBook

    def __init__(self):
        super().__init__()
        self.bulk = self.book()

    def summary(self, bulk_id):
        """Return a bulk order, or None."""
        found = self.bulk.list(BulkListQuery(bulk_id=bulk_id))
        return found[0] if found else None


# What is stored


@caught_by("bulk: a bulk order is for what matches when it is stored")
class FreezesEverySaga(BookedStore):
    def matching(self, query):
        return super().matching(ListQuery())


@caught_by("bulk: a bulk order has all that match in their order")
class FreezesOnePage(BookedStore):
    def matching(self, query):
        return [saga.saga_id for saga in self.list(query)]


@caught_by("bulk: a bulk order has all that match in their order")
class FreezesInTheOrderOfIds(BookedStore):
    def matching(self, query):
        return sorted(super().matching(query))


@caught_by("bulk: a bulk order may be for thousands")
class FreezesAThousand(BookedStore):
    def matching(self, query):
        return super().matching(query)[:1000]


@caught_by("bulk: an order is kept to the letter")
class NormalizesOrders(BookedStore):
    def write_bulk(self, write):
        if isinstance(write, BulkCreate):
            text = JsonText(json.dumps(json.loads(write.order)))
            write = attrs.evolve(write, order=text)
        return super().write_bulk(write)


@caught_by("bulk: a new bulk order runs")
class StoresNoFence(BookedStore):
    def write_bulk(self, write):
        if isinstance(write, BulkCreate):
            write = attrs.evolve(write, fence=Fence(write.fence.sec_name, 0))
        return super().write_bulk(write)


@caught_by("bulk: a bulk creation can be sent again")
class FreezesAgain(BookedStore):
    def write_bulk(self, write):
        if isinstance(write, BulkCreate):
            known = self.summary(write.bulk_id)
            if known is not None and known.order == write.order:
                del self.bulk._entries[write.bulk_id]  # noqa: SLF001 - a row is replaced
        return super().write_bulk(write)


@caught_by("bulk: a bulk creation can be sent again")
class GivesAnIdTwice(BookedStore):
    def write_bulk(self, write):
        if isinstance(write, BulkCreate) and (known := self.summary(write.bulk_id)) is not None:
            write = attrs.evolve(write, order=known.order)
        return super().write_bulk(write)


# What became of it


@caught_by("bulk: what became of a saga is noted once")
class TakesTheLastMark(BookedStore):
    class book(BulkBook):  # noqa: N801 - it is an attribute
        def _advance(self, entry, change, now):
            for mark in change.marks:
                saga = entry.sagas[mark.number]
                entry.counts[saga.outcome] -= 1
                entry.counts[mark.outcome] += 1
                entry.sagas[mark.number] = attrs.evolve(saga, outcome=mark.outcome, why=mark.why)
            super()._advance(entry, change, now)


@caught_by("bulk: what became of a saga is noted once")
class CountsEachMark(BookedStore):
    class book(BulkBook):  # noqa: N801 - it is an attribute
        def _advance(self, entry, change, now):
            waiting = [entry.sagas[mark.number].outcome.value for mark in change.marks]
            super()._advance(entry, change, now)
            for mark, was in zip(change.marks, waiting, strict=True):
                if was != "waiting":
                    entry.counts[mark.outcome] += 1


@caught_by("bulk: reasons are kept to the letter")
class StripsReasons(BookedStore):
    def write_bulk(self, write):
        if isinstance(write, BulkNote):
            marks = (attrs.evolve(mark, why=mark.why and mark.why.strip()) for mark in write.marks)
            write = attrs.evolve(write, marks=tuple(marks))
        return super().write_bulk(write)


@caught_by("bulk: sagas of one outcome are found")
class FiltersAfterThePage(BookedStore):
    class book(BulkBook):  # noqa: N801 - it is an attribute
        def sagas(self, query):
            page = super().sagas(attrs.evolve(query, outcome=None))
            return [saga for saga in page if query.outcome in {None, saga.outcome}]


@caught_by("bulk: a bulk order ends once")
class GoesOnAfterTheEnd(BookedStore):
    def write_bulk(self, write):
        if isinstance(write, BulkNote):
            self.bulk._entries[write.bulk_id].state = BulkState.RUNNING  # noqa: SLF001 - as above
        return super().write_bulk(write)


@caught_by("bulk: a bulk order ends once")
class StampsTheEndAgain(BookedStore):
    def write_bulk(self, write):
        outcome = super().write_bulk(write)
        entry = self.bulk._entries.get(write.bulk_id)  # noqa: SLF001 - as above
        if entry is not None and entry.state.ended:
            entry.ended = self.now
        return outcome


@caught_by("bulk: a note without the fence is lost")
class ChecksNoFence(BookedStore):
    def write_bulk(self, write):
        known = self.summary(write.bulk_id)
        if known is not None:
            write = attrs.evolve(write, fence=known.fence)
        return super().write_bulk(write)


@caught_by("bulk: a note without the fence is lost")
class ChecksTheNameOnly(BookedStore):
    def write_bulk(self, write):
        known = self.summary(write.bulk_id)
        if known is not None and known.fence.sec_name == write.fence.sec_name:
            write = attrs.evolve(write, fence=known.fence)
        return super().write_bulk(write)


@caught_by("bulk: a take over gives running bulk orders a new fence")
class KeepsTheFences(BookedStore):
    class book(BulkBook):  # noqa: N801 - it is an attribute
        def take_over(self, fence):
            pass


@caught_by("bulk: a take over gives running bulk orders a new fence")
class TakesOverThoseOfOthers(BookedStore):
    class book(BulkBook):  # noqa: N801 - it is an attribute
        def take_over(self, fence):
            for entry in self._entries.values():
                entry.fence = fence if not entry.state.ended else entry.fence


@caught_by("bulk: a take over gives running bulk orders a new fence")
class TakesOverWhatHasEnded(BookedStore):
    class book(BulkBook):  # noqa: N801 - it is an attribute
        def take_over(self, fence):
            for entry in self._entries.values():
                if entry.fence.sec_name == fence.sec_name:
                    entry.fence = fence


# Finding and deleting


@caught_by("bulk report: bulk orders are listed newest first")
class ListsTheOldestFirst(BookedStore):
    class book(BulkBook):  # noqa: N801 - it is an attribute
        def list(self, query):
            return super().list(query)[::-1]


@caught_by("bulk report: bulk orders are listed newest first")
class ListsEveryState(BookedStore):
    class book(BulkBook):  # noqa: N801 - it is an attribute
        def list(self, query):
            return super().list(attrs.evolve(query, states=None))


@caught_by("bulk report: bulk orders are listed newest first")
class ListsThoseOfAllSecs(BookedStore):
    class book(BulkBook):  # noqa: N801 - it is an attribute
        def list(self, query):
            return super().list(attrs.evolve(query, sec_name=None))


class _Forgetful(HookedReader):
    @property
    def bulk(self):
        empty = HookedStore()

        async def checked():
            await self.checked()
            return empty

        return InMemoryBulk(checked)


@caught_by("bulk report: bulk orders can be read beside a sec")
class ReadsNoBulkOrders(BookedStore):
    reader_class = _Forgetful


@caught_by("bulk report: a bulk order outlives its sagas")
class ForgetsPrunedSagas(BookedStore):
    def prune(self, query):
        pruned = super().prune(query)
        for entry in self.bulk._entries.values():  # noqa: SLF001 - as above
            entry.sagas = [saga for saga in entry.sagas if saga.saga_id not in pruned]
        return pruned

    def write_bulk(self, write):
        with suppress(IndexError):
            return super().write_bulk(write)
        return super().write_bulk(attrs.evolve(write, marks=()))


@caught_by("bulk report: only bulk orders that have ended are pruned")
class PrunesWhatRuns(BookedStore):
    class book(BulkBook):  # noqa: N801 - it is an attribute
        def prune(self, query, until):
            for entry in self._entries.values():
                entry.ended = entry.ended or until
            return super().prune(query, until)


@caught_by("bulk report: only bulk orders that have ended are pruned")
class PrunesThoseOfAllSecs(BookedStore):
    class book(BulkBook):  # noqa: N801 - it is an attribute
        def prune(self, query, until):
            return super().prune(BulkPruneQuery(query.older_than, None, 5), until)


@caught_by("bulk report: only bulk orders that have ended are pruned")
class PrunesWhatIsYoung(BookedStore):
    def prune_bulk(self, query):
        return super().prune_bulk(attrs.evolve(query, older_than=timedelta(0)))


@caught_by("bulk report: only bulk orders that have ended are pruned")
class PrunesTheNewestFirst(BookedStore):
    class book(BulkBook):  # noqa: N801 - it is an attribute
        def prune(self, query, until):
            pruned = []
            for order in super().list(BulkListQuery()):
                old = order.state.ended and order.ended <= until
                of_sec = query.sec_name in {None, order.fence.sec_name}
                if old and of_sec and len(pruned) < query.limit:
                    pruned.append(order.bulk_id)
                    del self._entries[order.bulk_id]
            return pruned


@caught_by("bulk report: only bulk orders that have ended are pruned")
class KeepsTheSagasOfWhatWasPruned(BookedStore):
    class book(BulkBook):  # noqa: N801 - it is an attribute
        def prune(self, query, until):
            before = dict(self._entries)
            pruned = super().prune(query, until)
            self._kept = {**getattr(self, "_kept", {}), **{each: before[each] for each in pruned}}
            return pruned

        def sagas(self, query):
            kept = getattr(self, "_kept", {})
            if query.bulk_id in kept and query.bulk_id not in self._entries:
                sagas = kept[query.bulk_id].sagas
                return sagas[(-1 if query.marker is None else query.marker) + 1 :][: query.limit]
            return super().sagas(query)


class _Hasty(HookedSession):
    @property
    def bulk(self):
        return _HastyBulk(self._checkpoint, self.store)


class _HastyBulk(InMemoryBulk):
    def __init__(self, checkpoint, store):
        super().__init__(checkpoint)
        object.__setattr__(self, "store", store)

    async def write(self, write):
        try:
            return await super().write(write)
        except StoreUnavailable:
            self.store.write_bulk(write)
            raise


@caught_by("bulk report: a bulk write that fails changes nothing")
class WritesBeforeItFails(BookedStore):
    session_class = _Hasty
