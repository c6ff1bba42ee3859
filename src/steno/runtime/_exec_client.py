"""An executor's connection to the SEC: its steps to the writer, its end to the coordinator."""

from __future__ import annotations

from collections.abc import Callable

import attrs

from steno.action import Sec
from steno.core import SagaId, SagaNodeId, Timestamp
from steno.errors import SagaHaltedError
from steno.runtime._mailbox import Mailbox
from steno.runtime._timer import Timer
from steno.runtime._writer import Source


@attrs.frozen(eq=False)
class Ended:
    """
    A message: an executor has ended; its saga is finished or halted, or continues at the next open.

    It is not defined with the other messages, because those that carry executors import them.
    """

    saga_id: SagaId
    halted: SagaHaltedError | None


@attrs.frozen(eq=False)
class Held:
    """A message: of a saga, all that could go on is held; those who wait for it are to be told."""

    saga_id: SagaId


@attrs.frozen(eq=False)
class GoesOn:
    """A message: a saga that was held goes on, or may."""

    saga_id: SagaId


@attrs.frozen(eq=False)
class Awaits:
    """
    A message: a node is held until another saga goes on, which is held or halted itself.

    Attributes:
        saga_id: The saga of the node.
        node_id: The node.
        awaited: The other saga.
        halted: Whether that one is halted.
    """

    saga_id: SagaId
    node_id: SagaNodeId
    awaited: SagaId
    halted: bool


@attrs.define(eq=False)
class SecExecClient:
    """
    What an executor can ask of the SEC, and report to it.

    Attributes:
        now: Returns the time with which events are logged.
        timer: Tells executors that a time has come.
        sec: The SEC as actions see it; set when it is opened, before there are executors.
    """

    _writer: Mailbox[Source]
    _tell: Callable[[Ended | Held | GoesOn | Awaits], None]
    now: Callable[[], Timestamp]
    timer: Timer
    sec: Sec = attrs.field(init=False)

    def record(self, executor: Source) -> None:
        """Queue an executor's step for the writer's next batch."""
        self._writer.tell(executor)

    def held(self, saga_id: SagaId) -> None:
        """Report that a saga cannot go on by itself."""
        self._tell(Held(saga_id))

    def goes_on(self, saga_id: SagaId) -> None:
        """Report that a saga goes on that was held, or may."""
        self._tell(GoesOn(saga_id))

    def awaits(self, awaits: Awaits) -> None:
        """Report that a node is held until another saga goes on."""
        self._tell(awaits)

    def ended(self, saga_id: SagaId, halted: SagaHaltedError | None) -> None:
        """Report that an executor has ended, and why its saga is halted, if it is."""
        self._tell(Ended(saga_id, halted))
