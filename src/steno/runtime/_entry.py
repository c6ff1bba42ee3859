"""A saga as the coordinator has it in memory."""

from __future__ import annotations

import enum

import attrs

from steno.core import inputs, why_refused
from steno.runtime._executor import SagaExecutor
from steno.runtime._mailbox import Envelope, Reply
from steno.runtime._message import Ask


class EntryState(enum.Enum):
    """Where a saga in this SEC's memory is in its life."""

    CREATING = "creating"
    """It is being stored."""
    LOADING = "loading"
    """It is being read from the store."""
    READY = "ready"
    """It waits to be started."""
    RUNNING = "running"
    """Its executor runs."""
    DONE = "done"
    """It is finished."""
    LEFT = "left"
    """It was begun; its SEC is being left, and it continues when that is opened again."""

    __hash__ = object.__hash__  # by identity, as equality is; Enum's own is Python code


BUSY = frozenset({EntryState.CREATING, EntryState.LOADING, EntryState.RUNNING})
"""States in which a saga must not stay when its SEC is left."""


@attrs.define(eq=False)
class Entry:
    """A saga in memory."""

    state: EntryState
    executor: SagaExecutor | None = None
    waiters: dict[Reply[object], None] = attrs.field(factory=dict)
    queue: list[Envelope[Ask, object]] = attrs.field(factory=list)  # until it is stored or loaded

    @property
    def is_stuck(self) -> bool:
        """Whether it has ended because an undo failed, so that an order may repair it."""
        if self.state is not EntryState.DONE or self.executor is None:
            return False
        return self.executor.machine.state.stuck

    def refusal(self, order: inputs.Order) -> str | None:
        """Return why an order to a stuck saga is refused; None if it is not."""
        return None if self.executor is None else why_refused(order, self.executor.machine.state)

    def forget(self, waiter: Reply[object]) -> None:
        """Drop a waiter that has gone away, and its request if it is still queued."""
        self.waiters.pop(waiter, None)
        self.queue = [envelope for envelope in self.queue if envelope.reply_to is not waiter]
