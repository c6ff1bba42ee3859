"""Stores that show something else than what is stored."""

from collections import Counter

import attrs
import trio

from steno import SagaCachedState
from steno.core import NULL, Succeeded
from steno.store import Durable, ListQuery
from support.broken._recording import BatchStore
from support.broken._registry import caught_by
from support.hooked import HookedReader, HookedSession, HookedStore, a_while

# Loading


@caught_by("load: a saga is loaded whatever its state")
class ForgetsTheLogsOfFinishedSagas(HookedStore):
    def load(self, saga_id):
        stored = super().load(saga_id)
        if stored is not None and stored.summary.state.finished:
            return attrs.evolve(stored, events=())
        return stored


@caught_by("rules: a log keeps the rules when it comes back")
class GivesALogInTheOrderOfItsNodes(HookedStore):
    def load(self, saga_id):
        stored = super().load(saga_id)
        if stored is None:
            return None
        events = sorted(stored.events, key=lambda event: event.node_id)
        return attrs.evolve(stored, events=tuple(events))


@caught_by("load: what was loaded does not change")
class ChangesWhatWasLoaded(HookedStore):
    def __init__(self):
        super().__init__()
        self.given = []

    def load(self, saga_id):
        stored = super().load(saga_id)
        if stored is not None:
            self.given.append(stored)
        return stored

    def write(self, write):
        outcome = super().write(write)
        for stored in self.given:
            if stored.summary.saga_id == write.saga_id:
                now = tuple(self._rows[write.saga_id].events)
                object.__setattr__(stored, "events", now)
        return outcome


@caught_by("load: a saga is loaded as it was at one moment")
class LoadsTheLogAfterTheRow(HookedStore):
    class session_class(HookedSession):  # noqa: N801 - it stands for the attribute
        async def load(self, saga_id):
            stored = await super().load(saga_id)
            await a_while()
            again = await super().load(saga_id)
            return again and stored and attrs.evolve(again, summary=stored.summary)


# Listing


class ListingStore(HookedStore):
    """A store that lists what `page` makes of all summaries."""

    def list(self, query):
        everything = attrs.evolve(query, marker=None, limit=10_000, states=None, name=None)
        return self.page(super().list(everything), query)

    def page(self, found, query):
        return [each for each in found if self.follows(each, query) and self.matches(each, query)][
            : query.limit
        ]

    def follows(self, each, query):
        return query.marker is None or each.saga_id > query.marker

    def matches(self, each, query):
        return self.in_state(each, query) and self.of_name(each, query)

    def in_state(self, each, query):
        return query.states is None or each.state in query.states

    def of_name(self, each, query):
        return query.name is None or each.saga_name == query.name


@caught_by(
    "list: every saga is listed once in the order of ids", "list: a marker need not be a saga"
)
class BeginsAtTheMarker(ListingStore):
    def follows(self, each, query):
        return query.marker is None or each.saga_id >= query.marker


@caught_by("list: every saga is listed once in the order of ids")
class SkipsOneAfterTheMarker(ListingStore):
    def page(self, found, query):
        page = super().page(found, attrs.evolve(query, limit=query.limit + 1))
        return page[: query.limit] if query.marker is None else page[1:]


@caught_by("list: every saga is listed once in the order of ids")
class ListsInTheOrderOfCreation(ListingStore):
    def page(self, found, query):
        order = list(self._rows)
        found = sorted(found, key=lambda each: order.index(each.saga_id))
        if query.marker in order:
            found = found[order.index(query.marker) + 1 :]
        return super().page(found, attrs.evolve(query, marker=None))


@caught_by("list: every saga is listed once in the order of ids")
class TakesIdsForNumbersWithASign(ListingStore):
    def page(self, found, query):
        def signed(saga_id):
            return int.from_bytes(saga_id.bytes, signed=True)

        found = sorted(found, key=lambda each: signed(each.saga_id))
        if query.marker is not None:
            found = [each for each in found if signed(each.saga_id) > signed(query.marker)]
        return super().page(found, attrs.evolve(query, marker=None))


@caught_by("list: a page is full while there is more")
class GivesOneTooFew(ListingStore):
    def page(self, found, query):
        return super().page(found, query)[: max(1, query.limit - 1)]


@caught_by("list: a page is full while there is more", "list: a list may be of some states")
class FiltersAfterTheLimit(ListingStore):
    def page(self, found, query):
        first = [each for each in found if self.follows(each, query)][: query.limit]
        return [each for each in first if self.matches(each, query)]


@caught_by("list: a list may be of some states")
class TakesNoStateForAllStates(ListingStore):
    def in_state(self, each, query):
        return not query.states or each.state in query.states


@caught_by(
    "list: a list may be of some states", "list: a state that has changed is listed as it is now"
)
class TakesReadyForRunning(ListingStore):
    def in_state(self, each, query):
        running = each.state is SagaCachedState.READY
        state = SagaCachedState.RUNNING if running else each.state
        return query.states is None or state in query.states


@caught_by("list: a list may be of one name")
class KnowsNoCase(ListingStore):
    def of_name(self, each, query):
        return query.name is None or each.saga_name.lower() == query.name.lower()


@caught_by("list: a list may be of one name")
class TakesAnEmptyNameForNone(ListingStore):
    def of_name(self, each, query):
        return not query.name or each.saga_name == query.name


@caught_by("list: filters hold together")
class LetsOneFilterDo(ListingStore):
    def matches(self, each, query):
        if query.states is None or query.name is None:
            return super().matches(each, query)
        return self.in_state(each, query) or self.of_name(each, query)


@caught_by("list: a state that has changed is listed as it is now")
class FindsSagasByTheirFirstState(ListingStore):
    first = None

    def in_state(self, each, query):
        self.first = self.first or {}
        state = self.first.setdefault(each.saga_id, each.state)
        return query.states is None or state in query.states


@caught_by("list: a marker need not be a saga")
class BeginsAnewIfTheMarkerIsNoSaga(ListingStore):
    def follows(self, each, query):
        return query.marker not in self._rows or each.saga_id > query.marker


@caught_by("list: what is there all along is listed once")
class CountsPages(ListingStore):
    begun = 0

    def page(self, found, query):
        self.begun = 0 if query.marker is None else self.begun
        matching = [each for each in found if self.matches(each, query)]
        page = matching[self.begun : self.begun + query.limit]
        self.begun += len(page)
        return page


@caught_by("list: a list shows what load shows")
class ListsNoProblems(ListingStore):
    def page(self, found, query):
        return [attrs.evolve(each, problem=None) for each in super().page(found, query)]


# Reading beside a SEC


@caught_by("read: a reader sees what is durable")
class ReadsWhatWasThereWhenItOpened(HookedStore):
    class reader_class(HookedReader):  # noqa: N801 - it stands for the attribute
        def __init__(self, store):
            super().__init__(store)
            self.seen = {each.saga_id: store.load(each.saga_id) for each in store.list(ListQuery())}

        async def load(self, saga_id):
            await self.checked()
            return self.seen.get(saga_id)


@caught_by("read: a reader takes nothing over")
class TakesOverToRead(HookedStore):
    class reader_class(HookedReader):  # noqa: N801 - it stands for the attribute
        def __init__(self, store):
            super().__init__(store)
            store.take_over("sec")


@caught_by("read: a log has numbers times and creators")
class TakesTheOwnerForTheCreator(HookedStore):
    def entries(self, saga_id):
        row = self._rows.get(saga_id)
        owner = row and row.fence.sec_name
        return [attrs.evolve(entry, creator=owner) for entry in super().entries(saga_id)]


@caught_by("read: a log has numbers times and creators")
class NumbersFromOne(HookedStore):
    def entries(self, saga_id):
        return [attrs.evolve(entry, seq=entry.seq + 1) for entry in super().entries(saga_id)]


@caught_by("read: a log has numbers times and creators")
class StampsEventsWithTheCreation(HookedStore):
    def entries(self, saga_id):
        created = self._rows[saga_id].created if saga_id in self._rows else None
        return [attrs.evolve(entry, time=created) for entry in super().entries(saga_id)]


@caught_by("read: every kind of event is an entry")
class ShowsNoOutputs(HookedStore):
    def entries(self, saga_id):
        bare = Succeeded(NULL)
        return [
            attrs.evolve(entry, event=attrs.evolve(entry.event, event_type=bare))
            if isinstance(entry.event.event_type, Succeeded)
            else entry
            for entry in super().entries(saga_id)
        ]


@caught_by("read: sagas are counted by state")
class CountsSagasAsTheyWereCreated(HookedStore):
    def count(self):
        return Counter({SagaCachedState.READY: len(self._rows)})


@caught_by("read: a reader that was left is closed")
class NeverClosesAReader(HookedStore):
    class reader_class(HookedReader):  # noqa: N801 - it stands for the attribute
        async def checked(self):
            await trio.lowlevel.checkpoint()
            return self.store


# Many at once


@caught_by("session: many tasks may use a session at once")
class MixesUpWhoAsked(HookedStore):
    class session_class(HookedSession):  # noqa: N801 - it stands for the attribute
        wanted = None

        async def load(self, saga_id):
            self.wanted = saga_id
            store = await self.checked()
            return store.load(self.wanted)


@caught_by("session: many tasks may use a session at once")
class WritesOnlyWhatCameLast(BatchStore):
    class session_class(HookedSession):  # noqa: N801 - it stands for the attribute
        waiting = ()

        async def record(self, batch):
            self.waiting = batch
            store = await self.checked()
            outcomes = [store.write(write) for write in self.waiting]
            return (outcomes + [Durable()] * len(batch))[: len(batch)]
