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


@attrs.define(eq=False)
class SecExecClient:
    """
    What an executor can ask of the SEC, and tell it.

    Attributes:
        closing: Whether the SEC is being left, or drained.
        draining: Whether it is drained, so that nothing is begun any more.
    """

    _writer: Mailbox[Source]
    _coordinator: Mailbox[SecMessage]
    closing: bool = False
    draining: bool = False

    def record(self, executor: SagaExecutor) -> None:
        """Have a step written, once the writer makes up its next batch."""
        self._writer.tell(executor)

    def ended(self, executor: SagaExecutor, halted: SagaHaltedError | None) -> None:
        """Tell that the executor has ended, and why its saga is halted, if it is."""
        self._coordinator.tell(Ended(executor, halted))
