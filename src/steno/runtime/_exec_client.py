"""An executor's line to the SEC: to the writer with its steps, to the coordinator at its end."""

from __future__ import annotations

from collections.abc import Callable

import attrs

from steno.core import SagaId, Timestamp
from steno.errors import SagaHaltedError
from steno.runtime._mailbox import Mailbox
from steno.runtime._writer import Source


@attrs.frozen(eq=False)
class Ended:
    """
    A message: an executor has ended; its saga is finished, or halted, or goes on at the next open.

    It is here, and not with the other messages, since those that hand executors over import them.
    """

    saga_id: SagaId
    halted: SagaHaltedError | None


@attrs.frozen(eq=False)
class SecExecClient:
    """
    What an executor can ask of the SEC, and tell it.

    Attributes:
        now: Tells the time that events are logged with.
    """

    _writer: Mailbox[Source]
    _tell: Callable[[Ended], None]
    now: Callable[[], Timestamp]

    def record(self, executor: Source) -> None:
        """Have a step written, once the writer makes up its next batch."""
        self._writer.tell(executor)

    def ended(self, saga_id: SagaId, halted: SagaHaltedError | None) -> None:
        """Tell that an executor has ended, and why its saga is halted, if it is."""
        self._tell(Ended(saga_id, halted))
