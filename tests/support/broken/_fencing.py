"""Stores that let the wrong SEC write, or not the right one."""

import attrs

from steno import NoSuchSaga, SagaCreateParams
from steno.core import SagaCachedState
from steno.store import Durable, Fence, Lost, Rejected, SagaClaim, SagaProblem, SagaRecord
from support.broken._recording import BatchStore
from support.broken._registry import caught_by
from support.hooked import HookedStore


class UnfencedStore(HookedStore):
    """A store whose `may_write` is all the fence that it has."""

    def write(self, write):
        row = self._rows.get(write.saga_id)
        if (
            row is not None
            and not isinstance(write, SagaCreateParams)
            and self.may_write(write, row)
        ):
            write = attrs.evolve(write, fence=row.fence)
        return super().write(write)


@caught_by(
    "fencing: what an earlier life sends late is lost",
    "fencing: a fence is a name and a generation",
    "fencing: a batch is fenced saga by saga",
    "fencing: a saga may be claimed",
    "fencing: no fence comes back",
    "fencing: what an earlier life creates late is its own",
    "session: a second session is refused or fenced",
)
class ForgetsFences(UnfencedStore):
    def may_write(self, write, row):
        return True


@caught_by("fencing: a fence is a name and a generation")
class FencesByName(UnfencedStore):
    def may_write(self, write, row):
        return write.fence.sec_name == row.fence.sec_name


@caught_by("fencing: a fence is a name and a generation")
class FencesByNameOfAnyCase(UnfencedStore):
    def may_write(self, write, row):
        return (write.fence.sec_name.lower(), write.fence.generation) == attrs.astuple(row.fence)


@caught_by("fencing: a fence is a name and a generation")
class FencesByGeneration(UnfencedStore):
    def may_write(self, write, row):
        return write.fence.generation == row.fence.generation


@caught_by("fencing: a fence is a name and a generation")
class LetsLaterGenerationsIn(UnfencedStore):
    def may_write(self, write, row):
        same = write.fence.sec_name == row.fence.sec_name
        return same and write.fence.generation >= row.fence.generation


@caught_by("fencing: what an earlier life sends late is lost")
class FencesRecordsOnly(UnfencedStore):
    def may_write(self, write, row):
        return isinstance(write, SagaProblem)


@caught_by("fencing: what an earlier life sends late is lost")
class FencesRecordsWithEventsOnly(UnfencedStore):
    def may_write(self, write, row):
        return isinstance(write, SagaRecord) and not write.events


@caught_by("fencing: what an earlier life sends late is lost")
class LooksAtNumbersBeforeFences(HookedStore):
    def write(self, write):
        row = self._rows.get(write.saga_id)
        if isinstance(write, SagaRecord) and row and write.first_seq > len(row.events):
            return Rejected(ValueError("a gap"))
        return super().write(write)


@caught_by("fencing: what an earlier life sends late is lost")
class LooksAtTheLogBeforeFences(HookedStore):
    def write(self, write):
        row = self._rows.get(write.saga_id)
        if isinstance(write, SagaRecord) and row and write.events:
            stored = tuple(row.events[write.first_seq :])
            if stored == write.events:
                return Durable()
        return super().write(write)


@caught_by("fencing: what an earlier life sends late is lost")
class NamesTheLoser(HookedStore):
    def write(self, write):
        outcome = super().write(write)
        return Lost("") if isinstance(outcome, Lost) else outcome


@caught_by("fencing: a batch is fenced saga by saga")
class LosesTheWholeBatch(BatchStore):
    def batch(self, batch):
        outcomes = [self.write(write) for write in batch]
        lost = [outcome for outcome in outcomes if isinstance(outcome, Lost)]
        return lost[:1] * len(batch) if lost else outcomes


@caught_by("fencing: each life of a sec has a generation of its own")
class NeverRaisesTheGenerationOfASec(HookedStore):
    def take_over(self, sec_name):
        taken = super().take_over(sec_name)
        self._generations[sec_name] = 1
        return attrs.evolve(taken, fence=Fence(sec_name, 1))


@caught_by("fencing: each life of a sec has a generation of its own")
class RaisesTheGenerationOnlyOfASecWithSagas(HookedStore):
    def take_over(self, sec_name):
        before = self._generations.get(sec_name, 0)
        taken = super().take_over(sec_name)
        if not taken.claims:
            self._generations[sec_name] = max(1, before)
        return attrs.evolve(taken, fence=Fence(sec_name, self._generations[sec_name]))


@caught_by("fencing: a sec takes over its own unfinished sagas")
class ForgetsQuarantinedSagas(HookedStore):
    def take_over(self, sec_name):
        sound = {each: row for each, row in self._rows.items() if row.problem is None}
        rows, self._rows = self._rows, sound
        taken = super().take_over(sec_name)
        self._rows = rows
        return taken


@caught_by("fencing: a sec takes over its own unfinished sagas")
class TakesFinishedSagasOver(HookedStore):
    def take_over(self, sec_name):
        taken = super().take_over(sec_name)
        finished = [row for row in self._rows.values() if row.state.finished]
        more = tuple(self._adopt(row, taken.fence) for row in finished)
        return attrs.evolve(taken, claims=taken.claims + more)


@caught_by("fencing: a sec takes over its own unfinished sagas")
class TakesTheSagasOfOthersOver(HookedStore):
    def take_over(self, sec_name):
        taken = super().take_over(sec_name)
        theirs = [
            row
            for row in self._rows.values()
            if row.fence.sec_name != sec_name and not row.state.finished
        ]
        more = tuple(self._adopt(row, taken.fence) for row in theirs)
        return attrs.evolve(taken, claims=taken.claims + more)


@caught_by("fencing: a sec takes over its own unfinished sagas")
class ForgetsToRaiseTheSagas(HookedStore):
    @staticmethod
    def _adopt(row, sec):
        return SagaClaim(row.saga_id, row.fence)


@caught_by("fencing: many sagas are taken over at once")
class TakesAThousandSagasOver(HookedStore):
    def take_over(self, sec_name):
        taken = super().take_over(sec_name)
        return attrs.evolve(taken, claims=taken.claims[:1_000])


@caught_by("fencing: a saga may be claimed", "fencing: no fence comes back")
class ClaimsOnlyWhatIsItsOwn(HookedStore):
    def claim(self, saga_id, sec_name):
        row = self._rows.get(saga_id)
        if row is None or row.fence.sec_name != sec_name:
            return None
        return super().claim(saga_id, sec_name)


@caught_by("fencing: no fence comes back", "fencing: a saga may be claimed")
class ClaimsWithTheFenceOfTheSec(HookedStore):
    def claim(self, saga_id, sec_name):
        if super().claim(saga_id, sec_name) is None:
            return None
        row = self._rows[saga_id]
        row.fence = Fence(sec_name, self._generations.get(sec_name, 0))
        return SagaClaim(saga_id, row.fence)


@caught_by("fencing: no fence comes back")
class GivesASecsOwnGenerationToWhatItTakesOver(HookedStore):
    def take_over(self, sec_name):
        taken = super().take_over(sec_name)
        claims = []
        for claim in taken.claims:
            self._rows[claim.saga_id].fence = taken.fence
            claims.append(SagaClaim(claim.saga_id, taken.fence))
        return attrs.evolve(taken, claims=tuple(claims))


@caught_by("fencing: what is finished cannot be claimed")
class ClaimsWhatIsFinished(HookedStore):
    def claim(self, saga_id, sec_name):
        row = self._rows.get(saga_id)
        if row is None:
            return None
        return self._adopt(row, Fence(sec_name, self._generations.get(sec_name, 0)))


@caught_by("fencing: what is finished cannot be claimed")
class RaisesWhereThereIsNothingToClaim(HookedStore):
    def claim(self, saga_id, sec_name):
        if saga_id not in self._rows:
            return SagaClaim(saga_id, Fence(sec_name, 0))
        return super().claim(saga_id, sec_name)


@caught_by("fencing: what is finished cannot be claimed", "fencing: a stuck saga can go on")
class ClaimsNothingThatIsStuck(HookedStore):
    def claim(self, saga_id, sec_name):
        row = self._rows.get(saga_id)
        if row is not None and row.state is SagaCachedState.STUCK:
            return None
        return super().claim(saga_id, sec_name)


@caught_by("fencing: a stuck saga can go on")
class KeepsTheEndOfWhatGoesOn(HookedStore):
    def _go_on(self, row):
        pass


@caught_by("fencing: two lives cannot create the same saga")
class TakesTheSameSagaOfAnyLife(HookedStore):
    def _create(self, saga, row):
        if row is not None:
            saga = attrs.evolve(saga, fence=row.fence)
        return super()._create(saga, row)


@caught_by(
    "fencing: what an earlier life creates late is its own",
    "fencing: two lives cannot create the same saga",
)
class GivesTheLatestFenceToWhatIsCreated(HookedStore):
    def _create(self, saga, row):
        name = saga.fence.sec_name
        latest = Fence(name, self._generations.get(name, 0))
        return super()._create(attrs.evolve(saga, fence=latest), row)


@caught_by("create: a saga that was never created is not there")
class LosesWhatWasNeverThere(HookedStore):
    def write(self, write):
        outcome = super().write(write)
        if isinstance(outcome, Rejected) and isinstance(outcome.error, NoSuchSaga):
            return Lost(write.fence.sec_name)
        return outcome
