"""Stores that go wrong where a person should look, or where a saga is paused or abandoned."""

import attrs

from steno.core import Attention, Ordered, SagaNodeId
from steno.core import SagaCachedState as State
from steno.store import Durable, ListQuery
from support.broken._attentive import AttentiveStore, ConcernedStore
from support.broken._registry import caught_by

# Writing


@caught_by("attention: a record says why a person should look")
class KeepsTheFirstConcern(AttentiveStore):
    def told(self, record, row):
        return row.concern or record.concern


@caught_by("attention: a record says why a person should look")
class NeedsAnEventForAConcern(AttentiveStore):
    def told(self, record, row):
        return record.concern if record.events else row.concern


@caught_by("attention: a creation may say why a person should look")
class CreatesWithoutConcern(AttentiveStore):
    def _create(self, saga, row):
        return super()._create(attrs.evolve(saga, concern=None), row)


@caught_by("attention: a creation may say why a person should look")
class TakesTheConcernOfARepeatedCreation(AttentiveStore):
    def _create(self, saga, row):
        outcome = super()._create(saga, row)
        if outcome == Durable():
            self._rows[saga.saga_id].concern = saga.concern
        return outcome


@caught_by("attention: a concern is kept to the letter")
class StripsNodes(ConcernedStore):
    def changed(self, concern):
        return attrs.evolve(concern, node=concern.node and concern.node.strip())


@caught_by("attention: a concern is kept to the letter")
class CutsErrorTypes(ConcernedStore):
    def changed(self, concern):
        return attrs.evolve(concern, error_type=concern.error_type and concern.error_type[:191])


@caught_by("attention: what is noted with a problem is graver")
class LetsARecordHideAProblem(AttentiveStore):
    def _append(self, record, row):
        outcome = super()._append(record, row)
        if outcome == Durable():
            row.concern = record.concern
        return outcome


@caught_by("attention: what is noted with a problem is graver")
class KeepsTheFirstProblem(AttentiveStore):
    def note(self, row, write):
        if write.problem is None or row.concern is None or row.concern.attention.is_of_log:
            super().note(row, write)


@caught_by("attention: a problem is gone once its saga is finished")
class KeepsTheConcernOfAFinishedSaga(AttentiveStore):
    def finish(self, row):
        row.problem = None


@caught_by("attention: a problem is gone once its saga is finished")
class KeepsTheProblemOfAFinishedSaga(AttentiveStore):
    def finish(self, row):
        row.concern = None


@caught_by("attention: a problem is gone once its saga is finished")
class ClearsAProblemAsItsSagaGetsStuck(AttentiveStore):
    def _append(self, record, row):
        outcome = super()._append(record, row)
        if record.state is State.STUCK:
            self.finish(row)
        return outcome


@caught_by("attention: a saga may be abandoned in its row")
class DoesNotAbandonInARow(AttentiveStore):
    def _abandon(self, row):
        pass


@caught_by("attention: a saga may be abandoned in its row")
class AbandonsWithoutAnEnd(AttentiveStore):
    def _end(self, row):
        if row.state is not State.ABANDONED:
            super()._end(row)


@caught_by("attention: what clears a problem says what is left")
class ForgetsWhatIsLeft(AttentiveStore):
    def note(self, row, write):
        row.concern = None if write.problem is None else write.concern


@caught_by("attention: what clears a problem says what is left")
class KeepsTheConcernOfAClearedProblem(AttentiveStore):
    def note(self, row, write):
        row.concern = write.concern or row.concern


@caught_by("attention: a write that is refused changes no concern")
class SetsAConcernBeforeTheFence(AttentiveStore):
    def _write(self, write):
        row = self._rows.get(write.saga_id)
        if row is not None and hasattr(write, "concern"):
            row.concern = write.concern
        return super()._write(write)


@caught_by("attention: a concern is there when the store is opened again")
class ForgetsConcernsWhenItIsOpened(AttentiveStore):
    def take_over(self, sec_name):
        for row in self._rows.values():
            row.concern = None
        return super().take_over(sec_name)


@caught_by("attention: a concern goes with its saga")
class CountsWhatWasPruned(AttentiveStore):
    def __init__(self):
        super().__init__()
        self.gone = {}

    def prune(self, query):
        before = dict(self._rows)
        pruned = super().prune(query)
        self.gone |= {saga_id: before[saga_id] for saga_id in pruned}
        return pruned

    def attention(self, query):
        kept, self._rows = self._rows, {**self.gone, **self._rows}
        groups = super().attention(query)
        self._rows = kept
        return groups


# Finding


class SeekingStore(AttentiveStore):
    """A store that finds what `changed` makes of each query."""

    def list(self, query):
        return super().list(self.changed(query))

    def attention(self, query):
        return super().attention(self.changed(query))


@caught_by(
    "attention: a list may be of what needs attention",
    "attention: a concern that has changed is listed as it is now",
)
class IgnoresReasons(SeekingStore):
    def changed(self, query):
        return query if query.attention is None else attrs.evolve(query, attention=set(Attention))


@caught_by("attention: a list may be of what needs attention")
class TakesNoReasonForAnyReason(SeekingStore):
    def changed(self, query):
        return attrs.evolve(query, attention=query.attention or None)


@caught_by("attention: a list may be of a node and an error")
class IgnoresErrors(SeekingStore):
    def changed(self, query):
        return attrs.evolve(query, error_type=None)


@caught_by("attention: a list may be of a node and an error")
class TakesNoNodeForAnyNode(SeekingStore):
    def changed(self, query):
        return attrs.evolve(query, attention_node=query.attention_node or None)


@caught_by("attention: attention holds with other filters")
class LetsAReasonReplaceAState(SeekingStore):
    def changed(self, query):
        return query if query.reasons is None else attrs.evolve(query, states=None)


# Counting


@caught_by("attention: what needs attention is counted")
class CountsTheLeastFirst(AttentiveStore):
    def attention(self, query):
        return super().attention(query)[::-1]


@caught_by("attention: what needs attention is counted")
class CountsWithoutNames(AttentiveStore):
    def attention(self, query):
        return [attrs.evolve(group, saga_name="") for group in super().attention(query)]


@caught_by("attention: what is counted may be filtered")
class CountsWithoutFilters(AttentiveStore):
    def attention(self, query):
        return super().attention(ListQuery())


@caught_by("attention: what is counted may be filtered")
class CountsAPage(AttentiveStore):
    def attention(self, query):
        return super().attention(query)[: query.limit]


class Miscounting(AttentiveStore.reader_class):
    async def attention(self, query):
        return (await super().attention(query))[1:]


@caught_by("attention: a reader counts what needs attention")
class ReadsOtherGroups(AttentiveStore):
    reader_class = Miscounting


# Events without a node


@caught_by("record: an event may be of no node")
class TakesTheSagaForItsFirstNode(AttentiveStore):
    def _append(self, record, row):
        kept = [
            attrs.evolve(event, node_id=SagaNodeId(0)) if event.node_id is None else event
            for event in record.events
        ]
        return super()._append(attrs.evolve(record, events=tuple(kept)), row)


@caught_by("record: an event may be of no node")
class DropsOrders(AttentiveStore):
    def load(self, saga_id):
        stored = super().load(saga_id)
        if stored is None:
            return None
        kept = [each for each in stored.events if not isinstance(each.event_type, Ordered)]
        return attrs.evolve(stored, events=tuple(kept))


# Paused, abandoned, unwound after a success


@caught_by(
    "fencing: a paused saga is left alone until it is claimed",
    "fencing: a sec takes over its own unfinished sagas",
)
class TakesOverWhatIsPaused(AttentiveStore):
    def take_over(self, sec_name):
        paused = [row for row in self._rows.values() if row.state is State.PAUSED]
        for row in paused:
            row.state = State.RUNNING
        taken = super().take_over(sec_name)
        for row in paused:
            row.state = State.PAUSED
        return taken


@caught_by("fencing: a saga that has succeeded can be unwound")
class CannotClaimWhatHasSucceeded(AttentiveStore):
    def claim(self, saga_id, sec_name):
        row = self._rows.get(saga_id)
        if row is not None and row.state is State.SUCCEEDED:
            return None
        return super().claim(saga_id, sec_name)


@caught_by("fencing: a saga that has succeeded can be unwound")
class KeepsTheEndOfASuccess(AttentiveStore):
    def _go_on(self, row):
        if row.state is not State.UNWINDING:
            super()._go_on(row)


@caught_by("prune: what is abandoned is pruned if it is asked for")
class KeepsWhatIsAbandoned(AttentiveStore):
    def prune(self, query):
        states = set(query.states) - {State.ABANDONED}
        return super().prune(attrs.evolve(query, states=states)) if states else []


@caught_by("prune: what is abandoned is pruned if it is asked for")
class PrunesWhatIsAbandoned(AttentiveStore):
    def prune(self, query):
        return super().prune(attrs.evolve(query, states={*query.states, State.ABANDONED}))
