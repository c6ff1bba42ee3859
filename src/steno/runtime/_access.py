"""What a client and its handles have of a SEC."""

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
    All that a command on one saga needs.

    Attributes:
        admission: Says which commands are taken.
        asker: Asks the coordinator.
        store: Reads from the store.
        absent: Knows of the sagas that the coordinator does not have in memory.
    """

    admission: Admission
    asker: Asker
    store: StoreReader
    absent: AbsentSagas

    async def dag_of(self, saga_id: SagaId) -> SagaDag:
        """
        Return the graph and params of a saga, wherever it is.

        Raises:
            NoSuchSaga: There is none of that id.
            SagaHaltedError: It stands still, since its graph can not be read.
        """
        answer = await self.asker.ask(GetSaga(saga_id))
        if isinstance(answer, Snapshot):
            return answer.dag
        return await self.absent.dag(answer)

    def hang_up(self) -> None:
        """Take no commands, and answer all who still wait."""
        self.admission.end()
        self.asker.hang_up()
        self.store.hang_up()
