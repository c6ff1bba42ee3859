"""An executor's line to the SEC: to the writer with its steps, to the coordinator at its end."""

from __future__ import annotations

from typing import TYPE_CHECKING

import attrs

from steno.errors import SagaHaltedError
from steno.runtime._mailbox import Mailbox, Reply
from steno.runtime._message import Ended, SecMessage
from steno.runtime._writer import Write
from steno.store import SagaRecord, WriteOutcome

if TYPE_CHECKING:
    from steno.runtime._executor import SagaExecutor


@attrs.frozen(eq=False)
class SecExecClient:
    """What an executor can ask of the SEC, and tell it."""

    _writer: Mailbox[Write]
    _coordinator: Mailbox[SecMessage]

    async def record(self, record: SagaRecord) -> WriteOutcome:
        """Have a step written, and wait until it is durable, or never will be."""
        reply: Reply[WriteOutcome] = Reply()
        self._writer.tell(Write(record, reply.answer))
        return await reply.wait()

    def ended(self, executor: SagaExecutor, halted: SagaHaltedError | None) -> None:
        """Tell that the saga is finished, or why it is halted."""
        self._coordinator.tell(Ended(executor, halted))
