"""What a client and its handles can reach of a SEC."""

from __future__ import annotations

import attrs

from steno.core import SagaDag, SagaId, Snapshot
from steno.runtime._absent import AbsentSagas
from steno.runtime._admission import Admission
from steno.runtime._asker import Asker
from steno.runtime._message import GetSaga
from steno.runtime._stored import StoreReader


@attrs.frozen(eq=False)
class SecAccess:
    """
    Everything that a command on one saga needs.

    Attributes:
        admission: Says which commands are accepted.
        asker: Sends requests to the coordinator.
        store: Reads from the store.
        absent: Answers for sagas that the coordinator does not have in memory.
    """

    admission: Admission
    asker: Asker
    store: StoreReader
    absent: AbsentSagas

    async def dag_of(self, saga_id: SagaId) -> SagaDag:
        """
        Return the graph and params of a saga, from memory or the store.

        Raises:
            NoSuchSaga: No saga has that id.
            SagaHaltedError: It is halted, because its graph cannot be read.
        """
        answer = await self.asker.ask(GetSaga(saga_id))
        if isinstance(answer, Snapshot):
            return answer.dag
        return await self.absent.dag(answer)

    def hang_up(self) -> None:
        """Accept no more commands, and answer all pending requests."""
        self.admission.end()
        self.asker.hang_up()
        self.store.hang_up()
