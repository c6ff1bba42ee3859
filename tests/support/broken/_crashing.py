"""Stores that count crashes wrongly: sagas that kill their process go on, or sound ones do not."""

import attrs

from steno.store import Fence, SagaTrial
from support.broken._registry import caught_by
from support.hooked import HookedStore


@caught_by(
    "crashes: a life that crashes is counted",
    "crashes: a saga that is tried is counted on",
    "crashes: beyond two only lives in which it was tried count",
)
class NeverCounts(HookedStore):
    def take_over(self, sec_name):
        taken = super().take_over(sec_name)
        return attrs.evolve(taken, claims=[attrs.evolve(c, crashes=0) for c in taken.claims])


class MiscountingStore(HookedStore):
    """A store to which `miscount` happens before each take-over."""

    def take_over(self, sec_name):
        for row in self._rows.values():
            self.miscount(row)
        return super().take_over(sec_name)


@caught_by("crashes: a life that crashes is counted")
class DoesNotCountTheLifeOfTheCreation(HookedStore):
    def _create(self, saga, row):
        outcome = super()._create(saga, row)
        self._rows[saga.saga_id].taken_size = len(saga.events)
        self._rows[saga.saga_id].crashes = -1
        return outcome


@caught_by("crashes: a life that crashes is counted")
class CountsForAllSagasTogether(MiscountingStore):
    def miscount(self, row):
        row.taken_size = row.size
        row.crashes = max(each.crashes for each in self._rows.values())


@caught_by(
    "crashes: a saga that is tried is counted on",
    "crashes: beyond two only lives in which it was tried count",
)
class DoesNotNoteTrials(HookedStore):
    def _try(self, trial, row):
        tried = row.tried
        outcome = super()._try(trial, row)
        row.tried = tried
        return outcome


@caught_by("crashes: a saga that is tried is counted on")
class NotesTrialsInTheLog(HookedStore):
    def _try(self, trial, row):
        row.problem = "it is on trial"
        return super()._try(trial, row)


@caught_by("crashes: beyond two only lives in which it was tried count")
class CountsWithoutATrial(MiscountingStore):
    def miscount(self, row):
        row.tried = True


@caught_by("crashes: beyond two only lives in which it was tried count")
class TriesAllSagasAtOnce(MiscountingStore):
    def miscount(self, row):
        row.tried = any(each.tried for each in self._rows.values())


@caught_by("crashes: beyond two only lives in which it was tried count")
class RemembersATrialForEver(HookedStore):
    def take_over(self, sec_name):
        tried = [row for row in self._rows.values() if row.tried]
        taken = super().take_over(sec_name)
        for row in tried:
            row.tried = True
        return taken


@caught_by("crashes: a new event begins the count again")
class CountsOnAfterANewEvent(MiscountingStore):
    def miscount(self, row):
        row.taken_size = row.size


@caught_by("crashes: a new event begins the count again")
class TakesAnyRecordForANewEvent(HookedStore):
    def _append(self, record, row):
        row.taken_size = None
        return super()._append(record, row)


@caught_by("crashes: a new event begins the count again")
class TakesEventsOfEarlierLivesForNew(MiscountingStore):
    def miscount(self, row):
        if row.taken_size is not None and row.size > 1:
            row.taken_size = 0


@caught_by("crashes: a life that was left normally is not counted")
class DoesNotNoteThatALifeWasLeft(HookedStore):
    def leave(self, fence):
        pass


@caught_by("crashes: a life that was left normally is not counted")
class RemembersForEverThatALifeWasLeft(HookedStore):
    def take_over(self, sec_name):
        left = set(self._left)
        taken = super().take_over(sec_name)
        self._left |= left
        return taken


@caught_by("crashes: a life that was left normally is not counted")
class CountsANewEventInALifeThatWasLeft(HookedStore):
    def take_over(self, sec_name):
        new = {row.saga_id for row in self._rows.values() if row.taken_size != row.size}
        taken = super().take_over(sec_name)
        claims = [attrs.evolve(c, crashes=1) if c.saga_id in new else c for c in taken.claims]
        return attrs.evolve(taken, claims=tuple(claims))


@caught_by("crashes: leaving is of one life of one sec")
class LetsAnEarlierLifeLeave(HookedStore):
    def leave(self, fence):
        self._left.add(fence.sec_name)


@caught_by("crashes: leaving is of one life of one sec")
class LetsALaterLifeLeave(HookedStore):
    def leave(self, fence):
        if fence.generation >= self._generations.get(fence.sec_name, fence.generation + 1):
            self._left.add(fence.sec_name)


@caught_by("crashes: leaving is of one life of one sec")
class LeavesAllSecs(HookedStore):
    def leave(self, fence):
        super().leave(fence)
        if fence.sec_name not in self._generations:
            self._left |= set(self._generations)


@caught_by("crashes: a saga that has passed begins again")
class DoesNotNoteThatASagaHasPassed(HookedStore):
    def _try(self, trial, row):
        return super()._try(attrs.evolve(trial, passed=False), row)


@caught_by("crashes: a saga that has passed begins again")
class LetsAllSagasPass(HookedStore):
    def _try(self, trial, row):
        for each in self._rows.values() if trial.passed else ():
            each.crashes = 0
        return super()._try(trial, row)


@caught_by("crashes: a claim begins the count again")
class CountsOnAfterAClaim(HookedStore):
    def claim(self, saga_id, sec_name):
        before = self._rows[saga_id].crashes
        claim = super().claim(saga_id, sec_name)
        self._rows[saga_id].crashes = before
        return claim


@caught_by("crashes: a claim begins the count again")
class ClaimsWithTheOldCount(HookedStore):
    def claim(self, saga_id, sec_name):
        before = self._rows[saga_id].crashes
        return attrs.evolve(super().claim(saga_id, sec_name), crashes=before)


@caught_by(
    "crashes: a trial is fenced",
    "fencing: what an earlier life sends late is lost",
)
class DoesNotFenceTrials(HookedStore):
    def write(self, write):
        row = self._rows.get(write.saga_id)
        if isinstance(write, SagaTrial) and row is not None:
            write = attrs.evolve(write, fence=row.fence)
        return super().write(write)


@caught_by("crashes: a trial is fenced")
class MarksBeforeItLooksAtTheFence(HookedStore):
    def write(self, write):
        row = self._rows.get(write.saga_id)
        if isinstance(write, SagaTrial) and row is not None and not write.passed:
            row.tried = True
        return super().write(write)


@caught_by("crashes: the lives of a sec count for its own sagas")
class CountsTheLivesOfOthers(HookedStore):
    def take_over(self, sec_name):
        for row in self._rows.values():
            if row.fence.sec_name != sec_name:
                row.count_crash(left=False)
        return super().take_over(sec_name)


@caught_by("crashes: the lives of a sec count for its own sagas")
class CountsALifeThatNeverWas(HookedStore):
    def take_over(self, sec_name):
        self._generations.setdefault(sec_name, 0)
        return super().take_over(sec_name)


@caught_by("crashes: the lives of a sec count for its own sagas")
class TakesEachTakeOverForTheFirst(HookedStore):
    def take_over(self, sec_name):
        generation = self._generations.pop(sec_name, 0)
        taken = super().take_over(sec_name)
        self._generations[sec_name] = generation + 1
        fence = Fence(sec_name, generation + 1)
        return attrs.evolve(taken, fence=fence)
