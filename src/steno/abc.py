"""
What applications subclass to see what a SEC does: instruments, as those of Trio.

An instrument is an object of a subclass of `Instrument`, which is given to `open_sec`. Each of its
methods does nothing, so a subclass overrides those that it needs. They are for metrics, traces and
alarms, and must not be relied on for more: what a saga has done is in its log, and no method is
called again after a crash.

Every method is called in Trio's thread, and must return at once: a method that blocks holds up all
sagas. An instrument that raises an `Exception` is logged on the logger `steno`, with the traceback,
and is told nothing more by that SEC; no saga is affected.
"""

from __future__ import annotations

import enum
from contextlib import AbstractContextManager, nullcontext
from datetime import datetime

import attrs

from steno.core import Attention, SagaCachedState, SagaId, SagaName, SagaNodeId


class CallKind(enum.Enum):
    """Which function of an action is called."""

    ACTION = "action"
    """The action itself."""
    UNDO = "undo"
    """Its undo action."""
    PROBE = "probe"
    """Its probe."""


@attrs.frozen(kw_only=True)
class Call:
    """
    One call of user code: of an action, an undo action or a probe.

    All methods of an instrument are given the same object for one call, so it can be a key.

    Attributes:
        saga_id: The saga that it is made for.
        saga_name: The name of the saga's kind.
        node_id: The node's index.
        node: The node's name, which a node of another subsaga may have too.
        action: The name of the action.
        kind: Which of its functions is called.
        attempt: The number of the attempt, from 1, as `ctx.attempt`. A probe has that of the call
            that it is about. A call that a crash cut off is made again under the same number.
        started_at: When the node (in an undo, its undo) was first started, by the SEC's clock. All
            attempts have this one time, after a crash too; None if the log does not have it.
    """

    saga_id: SagaId
    saga_name: SagaName
    node_id: SagaNodeId
    node: str
    action: str
    kind: CallKind
    attempt: int
    started_at: datetime | None


class Instrument:
    """
    Something that is told what the sagas of a SEC do; no method does anything unless overridden.

    For each call the order is `call_began`, entering `around`, the call, leaving `around`,
    `call_ended`. Of several instruments, the one that was given first is told first, and its
    context manager is the outermost.
    """

    def saga_began(self, saga_id: SagaId, saga_name: SagaName) -> None:
        """
        Take note that a saga runs in this SEC: it was started here, or it was recovered.

        Called once that is durable, before any call of the saga; in a task of the SEC. A saga that
        is only ready has not begun.

        Args:
            saga_id: The saga.
            saga_name: The name of its kind.
        """

    def saga_ended(self, saga_id: SagaId, saga_name: SagaName, state: SagaCachedState) -> None:
        """
        Take note that a saga has ended.

        Called once that is durable, before those who wait for the saga are told; in a task of the
        SEC. A saga that began here and has not ended is halted, which is a reason for `attention`,
        or goes on at the next open. Whenever a saga is taken up again, it begins once more.

        Args:
            saga_id: The saga.
            saga_name: The name of its kind.
            state: Its last state: succeeded, failed or stuck.
        """

    def attention(
        self, saga_id: SagaId, saga_name: SagaName | None, what: Attention, why: str
    ) -> None:
        """
        Take note that a person should look at a saga.

        Called in a task of the SEC, each time that this becomes so, and at each open for a saga
        that is still quarantined, held or halted then.

        Args:
            saga_id: The saga.
            saga_name: The name of its kind; None if it could not be read.
            what: What is the matter.
            why: The reason, and perhaps what to do, as text.
        """

    def call_began(self, call: Call) -> None:
        """
        Take note that user code is about to be called.

        Called once that is durable and it is the call's turn (`limit=`), in the task of the call.
        There is no call, so none is told of, for a node that waits, an injected error, or the undo
        of an action that needs none (`NOOP`).

        Args:
            call: The call.
        """

    def call_ended(self, call: Call, error: BaseException | None) -> None:
        """
        Take note that a call has ended; nothing of that is durable yet.

        Called in the task of the call.

        Args:
            call: The call, the same object as in `call_began`.
            error: What it raised: an `ActionTimeout` if it exceeded its timeout, a `Cancelled` if
                the SEC is being left or the saga halts. None if it returned, even if what it
                returned cannot be stored.
        """

    def around(self, call: Call) -> AbstractContextManager[object]:  # noqa: ARG002 - overridden
        """
        Return a context manager for the time of one call.

        It is entered and left in the task of the call, so a context variable that it sets, such as
        the current span of a tracing library, is seen by the action and by the tasks that it
        starts. It sees what the call raises, and cannot change what becomes of it: an exception
        that it swallows is raised all the same, and one that it raises itself is a fault of the
        instrument.

        Args:
            call: The call, the same object as in `call_began`.
        """
        return nullcontext()


__all__ = ["Attention", "Call", "CallKind", "Instrument"]
