"""The store with hooks that tells why a person should look at a saga; it passes every case."""

import attrs

from steno.core import SagaCachedState
from steno.store import Durable
from support.hooked import HookedReader, HookedStore

FINAL = {SagaCachedState.SUCCEEDED, SagaCachedState.FAILED, SagaCachedState.ABANDONED}


class AttentiveReader(HookedReader):
    async def attention(self, query):
        return (await self.checked()).attention(query)


class AttentiveStore(HookedStore):
    """A store with rules of its own about concerns, which can go wrong one by one."""

    reader_class = AttentiveReader

    def _write(self, write):
        outcome = super()._write(write)
        if hasattr(write, "problem") and outcome == Durable():
            self.note(self._rows[write.saga_id], write)
        return outcome

    def note(self, row, write):
        row.concern = write.concern

    def _append(self, record, row):
        outcome = super()._append(record, row)
        if outcome == Durable():
            if row.concern is None or row.concern.attention.is_of_log:
                row.concern = self.told(record, row)
            elif record.state in FINAL:
                self.finish(row)
        return outcome

    def finish(self, row):
        row.problem = row.concern = None

    def told(self, record, row):
        return record.concern


class ConcernedStore(AttentiveStore):
    """A store that keeps what `changed` makes of each concern."""

    def told(self, record, row):
        return record.concern and self.changed(record.concern)

    def changed(self, concern):
        return attrs.evolve(concern)
