"""A task that makes calls one after the other, and is parked in between."""

from __future__ import annotations

from contextvars import Context

import attrs
import trio

from steno.core import RunAction, RunUndo
from steno.errors import InternalError


@attrs.define(eq=False)
class Resident:
    """
    The commands for such a task: one at a time, given while it is parked, or about to be.

    Args:
        command: The first one.
    """

    _command: RunAction | RunUndo | None
    _task: trio.lowlevel.Task | None = attrs.field(init=False, default=None)
    _context: Context | None = attrs.field(init=False, default=None)  # as the task began
    _parked: bool = attrs.field(init=False, default=False)
    _dismissed: bool = attrs.field(init=False, default=False)
    _cancelled: bool = attrs.field(init=False, default=False)

    def settle(self) -> trio.lowlevel.Task:
        """Make the current task the one that is given the commands, and return it."""
        self._task = task = trio.lowlevel.current_task()
        self._context = task.context.copy()
        return task

    def give(self, command: RunAction | RunUndo, name: str) -> None:
        """
        Give the task a command, under a name, in a context that no other command has seen.

        A command for a task that was cancelled meanwhile is dropped, as its call would be.

        Raises:
            InternalError: It has one already.
        """
        if self._cancelled:
            return
        task, context = self._task, self._context
        if not self._parked or task is None or context is None:
            msg = f"node {command.node_id} is to run alone, and another one is running"
            raise InternalError(msg)
        self._command = command
        # Trio enters the context when it resumes the task, so it is exchanged while that is parked.
        task.context, task.name = context.copy(), name
        self._wake()

    def dismiss(self) -> None:
        """Let the task end, now or after the command that it has."""
        self._dismissed = True
        if self._parked:
            self._wake()

    async def next(self) -> RunAction | RunUndo | None:
        """Wait for the next command, and return it; None: there are no more."""
        if self._command is None and not self._dismissed:
            self._parked = True
            await trio.lowlevel.wait_task_rescheduled(self._abort)
        command, self._command = self._command, None
        return command  # noqa: ASYNC910 - the first one is there already

    def _wake(self) -> None:
        self._parked = False
        if self._task is not None:
            trio.lowlevel.reschedule(self._task)

    def _abort(self, _: object) -> trio.lowlevel.Abort:
        # It is about to raise Cancelled. The writer may be scheduled before it, and is not to
        # reschedule it once more.
        self._parked, self._cancelled = False, True
        return trio.lowlevel.Abort.SUCCEEDED
