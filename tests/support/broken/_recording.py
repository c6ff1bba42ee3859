"""Stores that go wrong when something is recorded."""

from datetime import timedelta

import attrs

from steno import SagaCachedState, StoreError, StoreUnavailable
from steno.core import (
    NULL,
    AttemptFailed,
    Failed,
    FailedInDoubt,
    InjectedError,
    Succeeded,
    UndoAttemptFailed,
    action_error,
)
from steno.store import Durable, Rejected, SagaProblem
from support.broken._registry import caught_by
from support.hooked import HookedSession, HookedStore


@caught_by(
    "record: events are kept in the order of their numbers",
    "cancel: a batch that is cancelled is whole or not there",
)
class KeepsTheNewestFirst(HookedStore):
    def load(self, saga_id):
        stored = super().load(saga_id)
        return stored and attrs.evolve(stored, events=stored.events[::-1])


@caught_by("record: a long log is kept in order")
class OrdersNumbersAsText(HookedStore):
    def load(self, saga_id):
        stored = super().load(saga_id)
        if stored is None:
            return None
        numbered = sorted(enumerate(stored.events), key=lambda item: str(item[0]))
        return attrs.evolve(stored, events=tuple(event for _, event in numbered))


@caught_by("record: every kind of event is kept", "read: every kind of event is an entry")
class LosesWhichErrorItWas(HookedStore):
    def _append(self, record, row):
        kept = [
            attrs.evolve(event, event_type=Failed(InjectedError().encoded()))
            if isinstance(event.event_type, Failed)
            else event
            for event in record.events
        ]
        return super()._append(attrs.evolve(record, events=tuple(kept)), row)


@caught_by("record: every kind of event is kept")
class CutsLongOutputs(HookedStore):
    def _append(self, record, row):
        kept = [
            attrs.evolve(event, event_type=Succeeded(NULL))
            if isinstance(event.event_type, Succeeded) and len(event.event_type.output) > 65_535
            else event
            for event in record.events
        ]
        return super()._append(attrs.evolve(record, events=tuple(kept)), row)


KINDS = "record: every kind of event is kept", "read: every kind of event is an entry"


class ChangingStore(HookedStore):
    """A store that keeps something else than what an event says."""

    def _append(self, record, row):
        kept = tuple(
            attrs.evolve(event, event_type=self.changed(event.event_type))
            for event in record.events
        )
        return super()._append(attrs.evolve(record, events=kept), row)


@caught_by(*KINDS)
class CountsAttemptsAnew(ChangingStore):
    def changed(self, what):
        return attrs.evolve(what, attempt=1) if isinstance(what, AttemptFailed) else what


@caught_by(*KINDS)
class CountsUndoAttemptsAnew(ChangingStore):
    def changed(self, what):
        return attrs.evolve(what, attempt=1) if isinstance(what, UndoAttemptFailed) else what


@caught_by(*KINDS)
class ForgetsTheDoubtOfAnAttempt(ChangingStore):
    def changed(self, what):
        return attrs.evolve(what, in_doubt=False) if isinstance(what, AttemptFailed) else what


@caught_by(*KINDS, "rules: a log with attempts keeps the rules when it comes back")
class ForgetsTheDoubtOfAFailure(ChangingStore):
    def changed(self, what):
        if not isinstance(what, FailedInDoubt):
            return what
        return Failed(action_error(what.error).cause.encoded())


@caught_by(*KINDS)
class KeepsTimesToTheSecond(ChangingStore):
    def changed(self, what):
        if not isinstance(what, AttemptFailed | UndoAttemptFailed) or what.next is None:
            return what
        return attrs.evolve(what, next=what.next // 1_000_000 * 1_000_000)


@caught_by(*KINDS)
class MakesAttemptsThatAreHeldDueAtOnce(ChangingStore):
    def changed(self, what):
        if not isinstance(what, AttemptFailed | UndoAttemptFailed) or what.next is not None:
            return what
        return attrs.evolve(what, next=0, reopen=False)


@caught_by(*KINDS)
class HoldsWhatIsDueAtTheNextOpen(ChangingStore):
    def changed(self, what):
        held = isinstance(what, AttemptFailed | UndoAttemptFailed)
        return attrs.evolve(what, reopen=False) if held else what


@caught_by(*KINDS, "rules: a log with attempts keeps the rules when it comes back")
class KeepsEachKindOfEventOncePerNode(HookedStore):
    def load(self, saga_id):
        stored = super().load(saga_id)
        return stored and attrs.evolve(stored, events=self.once(stored.events))

    def entries(self, saga_id):
        found = super().entries(saga_id)
        kept = self.once([entry.event for entry in found])
        return [entry for entry in found if any(entry.event is event for event in kept)]

    def once(self, events):
        first = {}
        for event in events:
            first.setdefault((event.node_id, event.event_type.label), event)
        return tuple(first.values())


@caught_by("record: a record sets the state")
class SetsTheStateWithEventsOnly(HookedStore):
    def _append(self, record, row):
        state = record.state if record.events else row.state
        return super()._append(attrs.evolve(record, state=state), row)


@caught_by("record: a record sets the state")
class NeverSetsTheState(HookedStore):
    def _append(self, record, row):
        return super()._append(attrs.evolve(record, state=row.state), row)


@caught_by(
    "record: a record can be sent again", "record: a batch that was written can be sent again"
)
class WritesTwice(HookedStore):
    def _append(self, record, row):
        return super()._append(attrs.evolve(record, first_seq=len(row.events)), row)


@caught_by("record: a record can be sent again")
class RefusesARecordThatIsSentAgain(HookedStore):
    def _append(self, record, row):
        if record.first_seq < len(row.events):
            return Rejected(StoreError("these numbers are taken"))
        return super()._append(record, row)


@caught_by("record: a record may repeat the end of a log")
class TakesARecordAgainOnlyAsItWas(HookedStore):
    def _append(self, record, row):
        known = len(row.events) - record.first_seq
        if known > 0 and record.events != tuple(row.events[record.first_seq :]):
            return Rejected(StoreError("these numbers are taken"))
        return super()._append(record, row)


@caught_by("record: a record that leaves a gap is rejected")
class TakesGaps(HookedStore):
    def _append(self, record, row):
        if record.first_seq > len(row.events):
            record = attrs.evolve(record, first_seq=len(row.events))
        return super()._append(record, row)


@caught_by("record: a record that leaves a gap is rejected")
class SetsTheStateBeforeItLooks(HookedStore):
    def _append(self, record, row):
        row.state = record.state
        return super()._append(record, row)


@caught_by("record: what is stored is never rewritten")
class RewritesThePast(HookedStore):
    def _append(self, record, row):
        del row.events[record.first_seq :]
        return super()._append(record, row)


@caught_by("record: what is stored is never rewritten")
class DoesNotLookAtWhatIsStored(HookedStore):
    def _append(self, record, row):
        end = record.first_seq + len(record.events)
        if record.first_seq < len(row.events) and end <= len(row.events):
            return Durable()
        return super()._append(record, row)


class BatchStore(HookedStore):
    """A store whose `batch` does a batch, wrongly."""

    class session_class(HookedSession):  # noqa: N801 - it stands for the attribute
        async def record(self, batch):
            return (await self.checked()).batch(batch)


@caught_by("record: a write that is rejected hurts no other")
class RejectsTheWholeBatch(BatchStore):
    def batch(self, batch):
        outcomes = [self.write(write) for write in batch]
        bad = [outcome for outcome in outcomes if isinstance(outcome, Rejected)]
        return bad[:1] * len(batch) if bad else outcomes


@caught_by("record: a write that is rejected hurts no other")
class StopsAtTheFirstThatIsRejected(BatchStore):
    def batch(self, batch):
        outcomes = []
        for write in batch:
            outcomes.append(self.write(write))
            if isinstance(outcomes[-1], Rejected):
                break
        return outcomes


@caught_by("record: writes of one saga are done in their order")
class WritesProblemsLast(BatchStore):
    def batch(self, batch):
        order = sorted(range(len(batch)), key=lambda n: isinstance(batch[n], SagaProblem))
        first = {n: self.write(batch[n]) for n in order if not isinstance(batch[n], SagaProblem)}
        last = {n: self.write(batch[n]) for n in reversed(order) if n not in first}
        return [{**first, **last}[n] for n in range(len(batch))]


@caught_by("record: an empty batch has no answers")
class AlwaysAnswers(BatchStore):
    def batch(self, batch):
        return [self.write(write) for write in batch] or [Durable()]


@caught_by("record: a problem is noted and cleared")
class NeverClearsAProblem(HookedStore):
    def write(self, write):
        if isinstance(write, SagaProblem) and write.problem is None:
            return Durable()
        return super().write(write)


@caught_by("record: a problem is noted and cleared")
class TakesAnEmptyProblemForNone(HookedStore):
    def write(self, write):
        if isinstance(write, SagaProblem):
            write = attrs.evolve(write, problem=write.problem or None)
        return super().write(write)


@caught_by("record: what was answered is seen by every later call")
class ListsWhatItWroteOneCallAgo(BatchStore):
    before = None

    def batch(self, batch):
        self.before = {saga_id: row.summary() for saga_id, row in self._rows.items()}
        return [self.write(write) for write in batch]

    def list(self, query):
        return [(self.before or {}).get(each.saga_id, each) for each in super().list(query)]


@caught_by("load: a saga has its own events only")
class MixesLogsUp(HookedStore):
    def load(self, saga_id):
        stored = super().load(saga_id)
        if stored is None or len(stored.events) < 6:
            return stored
        others = [row.events for each, row in self._rows.items() if each != saga_id]
        mixed = [event for log in others for event in log[:1]]
        return attrs.evolve(stored, events=(*stored.events, *mixed))


# Times


@caught_by("times: times are in utc and in order")
class ForgetsTheTimezone(HookedStore):
    def load(self, saga_id):
        stored = super().load(saga_id)
        if stored is None:
            return None
        times = attrs.astuple(stored.summary.times)
        naive = [time and time.replace(tzinfo=None) for time in times]
        summary = attrs.evolve(stored.summary, times=type(stored.summary.times)(*naive))
        return attrs.evolve(stored, summary=summary)


@caught_by("times: only a saga that is finished has ended")
class TakesStuckForUnfinished(HookedStore):
    def _append(self, record, row):
        outcome = super()._append(record, row)
        if row.state is SagaCachedState.STUCK:
            row.ended = None
        return outcome


@caught_by("times: a saga ends once")
class EndsAgainWithEachRecord(HookedStore):
    def _append(self, record, row):
        outcome = super()._append(record, row)
        row.ended = row.ended and self.now
        return outcome


@caught_by("times: rows are stamped by the clock")
class ProgressesByProblems(HookedStore):
    def write(self, write):
        outcome = super().write(write)
        if isinstance(write, SagaProblem):
            self._rows[write.saga_id].progressed = self.now
        return outcome


@caught_by("times: a list shows the times that load shows")
class ShiftsTimesAtEachOpening(HookedStore):
    def take_over(self, sec_name):
        for row in self._rows.values():
            row.created -= timedelta(microseconds=1)
        return super().take_over(sec_name)


@caught_by("times: an event keeps the time that it has")
class StampsEventsItself(HookedStore):
    def _append(self, record, row):
        bare = tuple(attrs.evolve(event, time=None) for event in record.events)
        return super()._append(attrs.evolve(record, events=bare), row)


@caught_by("times: an event without a time gets one")
class LeavesEventsWithoutATime(HookedStore):
    def load(self, saga_id):
        stored = super().load(saga_id)
        bare = [] if stored is None else [attrs.evolve(e, time=None) for e in stored.events]
        known = self.known.get(saga_id)
        return stored and attrs.evolve(stored, events=tuple(known or bare))

    def _append(self, record, row):
        if record.events and record.events[0].time is not None:
            self.known[record.saga_id] = (*row.events, *record.events)
        return super()._append(record, row)

    def __init__(self):
        super().__init__()
        self.known = {}


# Faults


@caught_by("faults: a store that cannot write says that it is unavailable")
class DoesNotSayThatAFaultPasses(HookedStore):
    class session_class(HookedSession):  # noqa: N801 - it stands for the attribute
        async def prune(self, query):
            try:
                return await super().prune(query)
            except StoreUnavailable as error:
                raise StoreError(str(error)) from None


@caught_by("faults: nothing of a batch that could not be written is there")
class TearsABatchThatFails(HookedStore):
    class session_class(HookedSession):  # noqa: N801 - it stands for the attribute
        async def record(self, batch):
            if self.store.fails:
                self.store.write(batch[0])
            return await super().record(batch)


@caught_by("faults: reads work or say that the store is unavailable")
class ReadsNothingWhileItFails(HookedStore):
    class session_class(HookedSession):  # noqa: N801 - it stands for the attribute
        async def load(self, saga_id):
            try:
                return await super().load(saga_id)
            except StoreUnavailable:
                return None


def holds_poison(write):
    """Whether a write has a text that UTF-8 does not know."""
    texts = [getattr(write, "params", ""), getattr(write, "problem", "") or ""]
    return any("\ud800" in text for text in texts)


@caught_by("faults: a write that cannot be stored hurts no other")
class WaitsForPoisonToBecomeFood(BatchStore):
    def batch(self, batch):
        if any(map(holds_poison, batch)):
            raise StoreUnavailable("no such character")
        return [self.write(write) for write in batch]


@caught_by("faults: a write that cannot be stored hurts no other")
class TearsABatchWithPoison(BatchStore):
    def batch(self, batch):
        return [self.careful(write) for write in batch]

    def careful(self, write):
        if holds_poison(write):
            raise UnicodeEncodeError("utf-8", "", 0, 1, "no such character")
        return self.write(write)


@caught_by("faults: what is refused leaves the session as it was")
class GivesUpAfterThreeRefusals(BatchStore):
    refusals = 0

    def batch(self, batch):
        if self.refusals > 3:
            raise StoreError("the transaction was aborted")
        outcomes = [self.write(write) for write in batch]
        self.refusals += sum(isinstance(outcome, Rejected) for outcome in outcomes)
        return outcomes


@caught_by("record: a batch that was written can be sent again")
class NotesAProblemOnce(HookedStore):
    def write(self, write):
        row = self._rows.get(write.saga_id)
        if isinstance(write, SagaProblem) and row is not None and row.problem == write.problem:
            return Rejected(StoreError("noted before"))
        return super().write(write)
