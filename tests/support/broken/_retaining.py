"""Stores that prune what they should keep, or keep what they should prune."""

import attrs

from steno.store import PRUNABLE
from support.broken._registry import caught_by
from support.hooked import HookedStore


class ChoosingStore(HookedStore):
    """A store that prunes what `chosen` gives."""

    def prune(self, query):
        pruned = self.chosen(query)
        for saga_id in pruned:
            self._delete(self._rows.pop(saga_id))
            self.stamps.pop(saga_id, None)
        return pruned

    def old(self, query):
        """Return the rows that ended long enough ago, in the order of their end."""
        until = self.now - query.older_than
        return [self._rows[each] for ended, each in self._ended if ended <= until]

    def chosen(self, query):
        matching = [row for row in self.old(query) if self.matches(row, query)]
        return [row.saga_id for row in matching[: query.limit]]

    def matches(self, row, query):
        return row.state in query.states and query.sec_name in {None, row.fence.sec_name}


@caught_by("prune: only what succeeded or failed is pruned")
class PrunesWhatIsStuck(ChoosingStore):
    def matches(self, row, query):
        return query.sec_name in {None, row.fence.sec_name} and (
            row.state in query.states or row.state not in PRUNABLE
        )


@caught_by("prune: only what succeeded or failed is pruned")
class PrunesWhatIsUnfinished(ChoosingStore):
    def old(self, query):
        unfinished = [row for row in self._rows.values() if not row.state.finished]
        return [*super().old(query), *unfinished]

    def matches(self, row, query):
        return super().matches(row, query) or not row.state.finished


@caught_by("prune: nothing that ended lately is pruned")
class TakesTheAgeFromTheCreation(ChoosingStore):
    def old(self, query):
        rows = [self._rows[each] for _, each in self._ended]
        return [row for row in rows if row.created <= self.now - query.older_than]


@caught_by("prune: an age is told by the clock that stamped the rows")
class ForgetsTheAge(ChoosingStore):
    def old(self, query):
        return [self._rows[each] for _, each in self._ended]


@caught_by("prune: an age is told by the clock that stamped the rows")
class WaitsALittleLonger(ChoosingStore):
    def old(self, query):
        until = self.now - query.older_than
        return [row for row in super().old(query) if not query.older_than or row.ended < until]


@caught_by("prune: the oldest go first")
class PrunesTheNewestFirst(ChoosingStore):
    def old(self, query):
        return super().old(query)[::-1]


@caught_by("prune: the oldest go first")
class PrunesByIds(ChoosingStore):
    def old(self, query):
        return sorted(super().old(query), key=lambda row: row.saga_id)


@caught_by("prune: the oldest go first")
class PrunesOneSecAfterTheOther(ChoosingStore):
    def old(self, query):
        return sorted(super().old(query), key=lambda row: row.fence.sec_name)


@caught_by("prune: the oldest go first")
class PrunesOneStateAfterTheOther(ChoosingStore):
    def old(self, query):
        return sorted(super().old(query), key=lambda row: row.state.value)


@caught_by("prune: the oldest go first")
class ForgetsTheLimit(ChoosingStore):
    def chosen(self, query):
        return super().chosen(attrs.evolve(query, limit=1_000))


@caught_by("prune: pruning may be of some states")
class ForgetsTheStates(ChoosingStore):
    def matches(self, row, query):
        return row.state in PRUNABLE and query.sec_name in {None, row.fence.sec_name}


@caught_by("prune: pruning may be of one sec")
class ForgetsTheSec(ChoosingStore):
    def matches(self, row, query):
        return row.state in query.states


@caught_by("prune: pruning may be of one sec")
class AsksForTheCreator(ChoosingStore):
    def __init__(self):
        super().__init__()
        self.creators = {}

    def _create(self, saga, row):
        self.creators.setdefault(saga.saga_id, saga.fence.sec_name)
        return super()._create(saga, row)

    def matches(self, row, query):
        return row.state in query.states and query.sec_name in {None, self.creators[row.saga_id]}


@caught_by("prune: what does not match takes no room")
class CountsWhatItKeeps(ChoosingStore):
    def chosen(self, query):
        first = self.old(query)[: query.limit]
        return [row.saga_id for row in first if self.matches(row, query)]


class KeepingStore(HookedStore):
    """A store that keeps the rows that it has pruned, as `pruned`."""

    def __init__(self):
        super().__init__()
        self.pruned = {}

    def prune(self, query):
        before = dict(self._rows)
        pruned = super().prune(query)
        self.pruned |= {saga_id: before[saga_id] for saga_id in pruned}
        return pruned


@caught_by("prune: what was pruned is gone")
class LoadsWhatWasPruned(KeepingStore):
    def load(self, saga_id):
        row = self.pruned.get(saga_id)
        if saga_id in self._rows or row is None:
            return super().load(saga_id)
        self._rows[saga_id] = row
        self._graphs.setdefault(row.dag_digest, "{}")
        stored = super().load(saga_id)
        del self._rows[saga_id]
        return stored


@caught_by(
    "prune: what was pruned is gone",
    "prune: only what succeeded or failed is pruned",
)
class ListsWhatWasPruned(KeepingStore):
    def list(self, query):
        ghosts = [row.summary() for row in self.pruned.values()]
        if query.states is not None:
            ghosts = [ghost for ghost in ghosts if ghost.state in query.states]
        return sorted([*super().list(query), *ghosts], key=lambda each: each.saga_id)


@caught_by("prune: an id can be given again after pruning")
class KeepsTheProblemOfWhatWasPruned(KeepingStore):
    def _create(self, saga, row):
        outcome = super()._create(saga, row)
        if row is None and saga.saga_id in self.pruned:
            self._rows[saga.saga_id].problem = self.pruned[saga.saga_id].problem
        return outcome


@caught_by("prune: an id can be given again after pruning")
class KeepsTheEventsOfWhatWasPruned(KeepingStore):
    def _create(self, saga, row):
        outcome = super()._create(saga, row)
        if row is None and saga.saga_id in self.pruned:
            self._rows[saga.saga_id].events = self.pruned[saga.saga_id].events
        return outcome


@caught_by("prune: a graph goes with its last saga")
class KeepsGraphsForEver(HookedStore):
    def prune(self, query):
        graphs = dict(self._graphs)
        pruned = super().prune(query)
        self._graphs = graphs
        return pruned


@caught_by("prune: a graph goes with its last saga")
class DropsGraphsThatOthersHave(HookedStore):
    def prune(self, query):
        pruned = super().prune(query)
        self._graphs = dict.fromkeys(self._graphs, "null") if pruned else self._graphs
        return pruned
