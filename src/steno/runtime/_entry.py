"""A saga as the coordinator has it in memory."""

from __future__ import annotations

import enum

import attrs

from steno.core import inputs, why_refused
from steno.errors import SagaHaltedError, SagaTakenOver
from steno.runtime._executor import SagaExecutor
from steno.runtime._mailbox import Envelope, Reply
from steno.runtime._message import (
    Ask,
    Loads,
    NotHere,
    OrderSaga,
    RecoverSaga,
    StartSaga,
    WaitSaga,
)


class EntryState(enum.Enum):
    """Where a saga in this SEC's memory is in its life."""

    CREATING = "creating"
    """It is being stored."""
    LOADING = "loading"
    """It is being read from the store."""
    READY = "ready"
    """It waits to be started."""
    SETTLING = "settling"
    """Its executor runs to take orders, and begins nothing."""
    STANDING = "standing"
    """It is halted, and is loaded, or its executor runs, to take orders and begin nothing."""
    RUNNING = "running"
    """Its executor runs."""
    PAUSED = "paused"
    """It is not in memory, since it is paused; only those who wait for it are."""
    DONE = "done"
    """It is finished."""
    LEFT = "left"
    """It was begun; its SEC is being left, and it continues when that is opened again."""

    __hash__ = object.__hash__  # by identity, as equality is; Enum's own is Python code


BUSY = frozenset(
    {
        EntryState.CREATING,
        EntryState.LOADING,
        EntryState.SETTLING,
        EntryState.STANDING,
        EntryState.RUNNING,
    }
)
"""States in which a saga must not stay when its SEC is left."""


@attrs.define(eq=False)
class Entry:
    """A saga in memory."""

    state: EntryState
    executor: SagaExecutor | None = None
    waiters: dict[Reply[object], None] = attrs.field(factory=dict)
    queue: list[Envelope[Ask, object]] = attrs.field(factory=list)  # until it is stored or loaded

    def may_go_on(self, order: inputs.Order) -> bool:
        """Return True if it has ended, and an order may have it go on, or says why it cannot."""
        if self.state is not EntryState.DONE or self.executor is None:
            return False
        return order.node_id is None or self.executor.machine.state.stuck

    def defers(self, ask: Ask) -> bool:
        """Return True if a command has to wait for what is being done with the saga."""
        over = self.executor is None or self.executor.over
        match self.state:
            case EntryState.CREATING:
                return True
            case EntryState.STANDING:
                return over or not isinstance(ask, OrderSaga)  # until it has taken its orders
            case EntryState.SETTLING if isinstance(ask, StartSaga):
                # Until it is ready again; a saga that goes on after a pause may run for long.
                return self.executor is None or self.executor.is_ready
            case EntryState.SETTLING | EntryState.RUNNING:
                return over and isinstance(ask, OrderSaga)  # until it has ended, and may be stuck
            case _:
                return False

    def refusal(self, order: inputs.Order) -> str | None:
        """Return why an order to a saga that does nothing is refused; None if it is not."""
        return None if self.executor is None else why_refused(order, self.executor.machine.state)

    def fail_waiters(self, error: Exception) -> None:
        """Fail those who wait for it."""
        for reply in self.waiters:
            reply.fail(error)
        self.waiters.clear()

    @property
    def is_ordered(self) -> bool:
        """Whether an order waits until it is loaded."""
        return any(isinstance(each.message, OrderSaga) for each in self.queue)

    def answer_recoveries(self) -> None:
        """Answer the commands to recover it, which are carried out."""
        for envelope in self.queue:
            if isinstance(envelope.message, RecoverSaga):
                envelope.reply_to.answer(None)
        self.queue = [each for each in self.queue if not isinstance(each.message, RecoverSaga)]

    def fail_loading(self, error: Exception, not_here: NotHere) -> None:
        """
        Fail what has to do with loading it; what else is queued stays.

        Args:
            error: Why it was not loaded.
            not_here: The answer for those who asked to wait for it, and then look at the store, and
                for those who ordered something of a saga that is halted now.
        """
        is_halted = isinstance(error, SagaHaltedError) and not isinstance(error, SagaTakenOver)
        self.fail_waiters(error)  # of a saga that was paused
        for envelope in tuple(self.queue):
            match envelope.message:
                case OrderSaga(loads=loads) if is_halted and loads in {Loads.NOT, Loads.TO_GO_ON}:
                    envelope.reply_to.answer(not_here)
                case OrderSaga(loads=Loads.UNREAD):
                    continue  # it does not need to be loaded
                case RecoverSaga() | OrderSaga():
                    envelope.reply_to.fail(error)
                case WaitSaga():
                    envelope.reply_to.answer(not_here)
                case _:
                    continue
            self.queue.remove(envelope)

    @property
    def is_idle(self) -> bool:
        """Whether it is kept for those who wait for it, and nobody does."""
        return self.state is EntryState.PAUSED and not self.waiters and not self.queue

    def forget(self, waiter: Reply[object]) -> None:
        """Drop a waiter that has gone away, and its request if it is still queued."""
        self.waiters.pop(waiter, None)
        self.queue = [envelope for envelope in self.queue if envelope.reply_to is not waiter]
