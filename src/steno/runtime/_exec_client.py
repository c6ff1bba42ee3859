"""An executor's line to the SEC: to the writer with its steps, to the coordinator at its end."""

from __future__ import annotations

from typing import TYPE_CHECKING

import attrs

from steno.errors import SagaHaltedError
from steno.runtime._mailbox import Mailbox
from steno.runtime._message import Ended, SecMessage
from steno.runtime._writer import Source

if TYPE_CHECKING:
    from steno.runtime._executor import SagaExecutor


@attrs.frozen(eq=False)
class SecExecClient:
    """What an executor can ask of the SEC, and tell it."""

    _writer: Mailbox[Source]
    _coordinator: Mailbox[SecMessage]

    def record(self, executor: SagaExecutor) -> None:
        """Have a step written, once the writer makes up its next batch."""
        self._writer.tell(executor)

    def ended(self, executor: SagaExecutor, halted: SagaHaltedError | None) -> None:
        """Tell that the saga is finished, or why it is halted."""
        self._coordinator.tell(Ended(executor, halted))
