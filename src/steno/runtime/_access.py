"""What a client and its handles can reach of a SEC."""

from __future__ import annotations

import attrs

from steno.action import ActionRegistry, Codec
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
        registry: The actions.
        codec: Encodes what nodes are completed with.
        sec_name: Who orders something, unless somebody else is named.
    """

    admission: Admission
    asker: Asker
    store: StoreReader
    absent: AbsentSagas
    registry: ActionRegistry[object]
    codec: Codec
    sec_name: str

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
