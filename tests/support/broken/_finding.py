"""Stores that find other sagas than they are asked for, by tags, times and owners."""

from types import MappingProxyType

import attrs

from steno.store import ListQuery, Rejected
from support.broken._registry import caught_by
from support.hooked import HookedStore

NO_FILTERS = {
    field.name: field.default
    for field in attrs.fields(ListQuery)
    if field.name not in {"marker", "limit"}
}


class FindingStore(HookedStore):
    """A store that lists what `changed` makes of each query, or of all sagas that match."""

    def list(self, query):
        return super().list(self.changed(query))

    def changed(self, query):
        return query


class SiftingStore(HookedStore):
    """A store that lists those sagas that `matches` lets through, as `number_of` orders them."""

    def list(self, query):
        rows = list(self._rows.values())
        found = [row.summary() for row in rows if self.matches(row, query)]
        found = [attrs.evolve(saga, number=self.number_of(saga)) for saga in found]
        return query.page(found)

    def matches(self, row, query):
        return query.matches(row.summary(), row.fence.sec_name)

    def number_of(self, saga):
        return saga.number


# Times


@caught_by("filters: a list may be of what was created at a time")
class KnowsNoCreation(FindingStore):
    def changed(self, query):
        return attrs.evolve(query, created_since=None, created_until=None)


@caught_by("filters: a list may be of what was created at a time")
class IncludesTheEndOfARange(SiftingStore):
    def matches(self, row, query):
        until = query.created_until
        if until is not None and row.created == until:
            query = attrs.evolve(query, created_until=None)
        return super().matches(row, query)


@caught_by("filters: a list may be of what was created at a time")
class IgnoresTimeZones(FindingStore):
    def changed(self, query):
        def utc(time):
            return time and time.replace(tzinfo=self.now.tzinfo)

        times = {"created_since": utc(query.created_since)}
        return attrs.evolve(query, **times, created_until=utc(query.created_until))


@caught_by("filters: a list may be of what progressed at a time")
class TakesTheCreationForProgress(SiftingStore):
    def matches(self, row, query):
        saga = row.summary()
        times = attrs.evolve(saga.times, progressed=saga.times.created)
        return query.matches(attrs.evolve(saga, times=times), row.fence.sec_name)


@caught_by("filters: a list may be of what ended at a time")
class TakesWhatHasNotEndedForEndingNow(SiftingStore):
    def matches(self, row, query):
        saga = row.summary()
        times = attrs.evolve(saga.times, ended=saga.times.ended or self.now)
        return query.matches(attrs.evolve(saga, times=times), row.fence.sec_name)


# Owners


@caught_by("filters: a list may be of one owner")
class TakesTheCreatorForTheOwner(SiftingStore):
    def matches(self, row, query):
        stamps = self.stamps[row.saga_id]
        return query.matches(row.summary(), stamps[0][1] if stamps else "sec")


@caught_by("filters: a list may be of one owner")
class TakesNoOwnerForAnyOwner(FindingStore):
    def changed(self, query):
        return attrs.evolve(query, sec_name=query.sec_name or None)


# Orders


@caught_by("filters: the newest may come first")
class ListsTheOldestFirst(SiftingStore):
    def number_of(self, saga):
        return -saga.number


@caught_by("filters: the newest may come first")
class TakesWhatProgressedLastForTheNewest(SiftingStore):
    def number_of(self, saga):
        return int(saga.times.progressed.timestamp())


@caught_by("filters: sagas of one batch have an order")
class NumbersBatches(SiftingStore):
    def number_of(self, saga):
        return self._rows[saga.saga_id].fence.generation + (saga.number > 1)


@caught_by("filters: the newest of those that match may come first")
class FiltersTheNewestAfterTheLimit(HookedStore):
    def list(self, query):
        if not query.newest_first:
            return super().list(query)
        page = super().list(attrs.evolve(query, **{**NO_FILTERS, "newest_first": True}))
        return [each for each in page if query.matches(each, "sec")]


@caught_by("filters: all filters hold together")
class LetsATimeReplaceTheRest(FindingStore):
    def changed(self, query):
        if query.created_since is None:
            return query
        return attrs.evolve(query, states=None, name=None)


@caught_by("filters: what is created meanwhile is not listed among the older")
class CountsTheNewest(HookedStore):
    begun = 0

    def list(self, query):
        if not query.newest_first:
            return super().list(query)
        self.begun = 0 if query.marker is None else self.begun
        everything = attrs.evolve(query, marker=None, limit=10_000)
        page = super().list(everything)[self.begun : self.begun + query.limit]
        self.begun += len(page)
        return page


@caught_by("filters: a page follows one whose last saga is gone")
class EndsWhereTheMarkerIsGone(HookedStore):
    def list(self, query):
        numbers = {row.number for row in self._rows.values()}
        if query.newest_first and query.marker not in {None, *numbers}:
            return []
        return super().list(query)


# Tags


@caught_by("tags: a saga keeps its tags")
class DropsTags(HookedStore):
    def _create(self, saga, row):
        return super()._create(attrs.evolve(saga, tags={}), row)


@caught_by("tags: a saga keeps its tags")
class ForgetsTheTagsOfWhatHasEnded(HookedStore):
    def _append(self, record, row):
        row.tags = {} if record.state.finished else row.tags
        return super()._append(record, row)


@caught_by("tags: tags are kept to the letter")
class StripsTags(HookedStore):
    def _create(self, saga, row):
        tags = {key: value.strip() for key, value in saga.tags.items()}
        return super()._create(attrs.evolve(saga, tags=tags), row)


@caught_by("tags: tags are kept to the letter")
class FindsTagsInAnyCase(SiftingStore):
    def matches(self, row, query):
        def lower(tags):
            return MappingProxyType({key: value.lower() for key, value in tags.items()})

        saga = attrs.evolve(row.summary(), tags=lower(row.tags))
        return attrs.evolve(query, tags=lower(query.tags)).matches(saga, row.fence.sec_name)


@caught_by("tags: a saga may have many long tags")
class CutsLongTags(HookedStore):
    def _create(self, saga, row):
        tags = {key: value[:191] for key, value in saga.tags.items()}
        return super()._create(attrs.evolve(saga, tags=tags), row)


@caught_by("tags: a list may be of some tags")
class LetsOneTagDo(SiftingStore):
    def matches(self, row, query):
        shared = query.tags.items() & row.tags.items()
        return super().matches(row, attrs.evolve(query, tags=dict(shared) or query.tags))


@caught_by("tags: a list may be of some tags")
class FindsTagsByTheirBeginning(SiftingStore):
    def matches(self, row, query):
        tags = {
            key: row.tags[key] if row.tags.get(key, "").startswith(value) else value
            for key, value in query.tags.items()
        }
        return super().matches(row, attrs.evolve(query, tags=tags))


@caught_by("tags: tags hold with other filters")
class LetsATagReplaceAState(FindingStore):
    def changed(self, query):
        return attrs.evolve(query, states=None) if query.tags else query


@caught_by("tags: a creation that is sent again keeps the first tags")
class TakesTheLastTags(HookedStore):
    def _create(self, saga, row):
        outcome = super()._create(saga, row)
        if not isinstance(outcome, Rejected):
            self._rows[saga.saga_id].tags = saga.tags
        return outcome


@caught_by("tags: a creation that is sent again keeps the first tags")
class TakesOtherTagsForAnotherSaga(HookedStore):
    def _create(self, saga, row):
        if row is not None and row.tags != saga.tags:
            return Rejected(ValueError("its tags differ"))
        return super()._create(saga, row)


@caught_by("tags: a creation that is rejected leaves no tags")
class AddsTheTagsOfARejectedCreation(HookedStore):
    def _create(self, saga, row):
        outcome = super()._create(saga, row)
        if isinstance(outcome, Rejected):
            row.tags = MappingProxyType({**row.tags, **saga.tags})
        return outcome


@caught_by("tags: tags go with their saga")
class KeepsTheTagsOfWhatIsPruned(HookedStore):
    def __init__(self):
        super().__init__()
        self.kept = {}

    def prune(self, query):
        tags = {saga_id: row.tags for saga_id, row in self._rows.items()}
        pruned = super().prune(query)
        self.kept |= {saga_id: tags[saga_id] for saga_id in pruned}
        return pruned

    def _create(self, saga, row):
        tags = MappingProxyType({**self.kept.get(saga.saga_id, {}), **saga.tags})
        return super()._create(attrs.evolve(saga, tags=tags), row)
