"""Stores that go wrong when a saga is created."""

import json

import attrs

from steno import SagaCachedState, SagaCreateParams, SagaIdInUse, SagaName
from steno.store import Durable, Rejected
from support.broken._registry import caught_by
from support.hooked import HookedSession, HookedStore


@caught_by("create: a saga that was created is there")
class BeginsAsRunning(HookedStore):
    def _create(self, saga, row):
        outcome = super()._create(saga, row)
        if row is None:
            self._rows[saga.saga_id].state = SagaCachedState.RUNNING
        return outcome


@caught_by("create: a saga may be created running")
class BeginsAsReady(HookedStore):
    def _create(self, saga, row):
        return super()._create(attrs.evolve(saga, state=SagaCachedState.READY), row)


@caught_by("create: a saga may be created with a log")
class DropsTheLogOfADump(HookedStore):
    def _create(self, saga, row):
        return super()._create(attrs.evolve(saga, events=()), row)


@caught_by("create: a saga that was never created is not there")
class TakesWritesToNoSaga(HookedStore):
    def write(self, write):
        if write.saga_id not in self._rows and not isinstance(write, SagaCreateParams):
            return Durable()
        return super().write(write)


@caught_by(
    "create: a creation can be sent again", "record: a batch that was written can be sent again"
)
class RefusesACreationThatIsSentAgain(HookedStore):
    def _create(self, saga, row):
        if row is not None:
            return Rejected(SagaIdInUse(saga.saga_id))
        return super()._create(saga, row)


@caught_by("create: an id is given once")
class TakesTheSameGraphForTheSameSaga(HookedStore):
    def _create(self, saga, row):
        if row is not None and row.dag_digest == saga.dag_digest:
            return Durable()
        return super()._create(saga, row)


@caught_by("create: an id is given once within a batch")
class LetsTheLastOfABatchHaveTheId(HookedStore):
    class session_class(HookedSession):  # noqa: N801 - it stands for the attribute
        async def record(self, batch):
            store = await self.checked()
            last = {write.saga_id: write for write in batch if isinstance(write, SagaCreateParams)}
            return [
                store.write(last[write.saga_id])
                if isinstance(write, SagaCreateParams)
                else store.write(write)
                for write in batch
            ]


@caught_by("create: a saga that has begun cannot be created again")
class ForgetsThatASagaHasBegun(HookedStore):
    def _create(self, saga, row):
        if row is not None and (row.params, row.fence) == (saga.params, saga.fence):
            return Durable()
        return super()._create(saga, row)


@caught_by("create: a graph is stored once")
class RewritesGraphs(HookedStore):
    def _create(self, saga, row):
        outcome = super()._create(saga, row)
        self._graphs[saga.dag_digest] = saga.dag_text
        return outcome


@caught_by("create: a creation that is rejected leaves no graph")
class StoresTheGraphBeforeItLooks(HookedStore):
    def _create(self, saga, row):
        self._graphs.setdefault(saga.dag_digest, saga.dag_text)
        return super()._create(saga, row)


@caught_by("create: texts are kept to the letter")
class KeepsValuesNotTexts(HookedStore):
    def _create(self, saga, row):
        return super()._create(attrs.evolve(saga, params=shorter_keys_first(saga.params)), row)


def shorter_keys_first(text):
    """Return a JSON text as PostgreSQL's jsonb would give it back."""
    value = json.loads(text)
    if isinstance(value, dict):
        value = dict(sorted(value.items(), key=lambda item: (len(item[0]), item[0])))
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))


@caught_by("create: texts are kept to the letter")
class MendsGraphs(HookedStore):
    def _create(self, saga, row):
        text = json.dumps(json.loads(saga.dag_text), separators=(",", ":"))
        return super()._create(attrs.evolve(saga, dag_text=text), row)


@caught_by("create: large texts are kept")
class CutsLongTexts(HookedStore):
    def _create(self, saga, row):
        return super()._create(attrs.evolve(saga, params=saga.params[:65_535]), row)


@caught_by("create: names are kept to the letter")
class StripsNames(HookedStore):
    def _create(self, saga, row):
        return super()._create(attrs.evolve(saga, saga_name=SagaName(saga.saga_name.strip())), row)


@caught_by("create: many sagas may be created in one batch")
class TakesAThousandWritesAtMost(HookedStore):
    class session_class(HookedSession):  # noqa: N801 - it stands for the attribute
        async def record(self, batch):
            done = list(await super().record(batch[:1_000]))
            return done + [Rejected(ValueError("too many"))] * (len(batch) - len(done))
