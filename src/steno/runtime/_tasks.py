"""
The tasks of one saga: its calls that are under way, and how one of them, or all, are cancelled.

Theory of operation. All calls run in the saga's nursery. An order may cancel one of them, which
must not touch the others, so each needs a scope of its own; but a scope costs as much as a task. A
node that has nothing beside it in the graph needs none: while its call is under way, no other is,
so the nursery is cancelled, and another one opened. Chains are made of such nodes.

Nor do these need a task each, which is a fifth of all that a node takes: one task of the nursery,
the resident, makes such calls one after the other. Between two of them it is parked, and gets what
a new task would have: a context of its own, and the name of the node. It ends when it would have
nothing to do for long, and when the call before has not left Trio as it found it.

When the task of a call has ended that was cancelled, whatever it says is dropped. How the call ends
is found out as after a crash, and can itself be cancelled by another order.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable

import attrs
import trio

from steno.core import (
    Recording,
    RunAction,
    RunUndo,
    SagaId,
    SagaMachine,
    SagaNodeId,
    SagaNodeLoadStatus,
    Verb,
    inputs,
)
from steno.errors import InternalError, SagaHaltedError
from steno.runtime._exec_client import SecExecClient
from steno.runtime._halting import broken, nursery_left_open, scope_left_open
from steno.runtime._resident import Resident
from steno.runtime._runner import NodeOutcome, NodeRunner, Told
from steno.runtime._writer import Write


@attrs.define(eq=False)
class SagaTasks(ABC):
    """
    Runs the calls of one saga, and tells their outcomes to the saga's machine.

    Attributes:
        machine: What decides.
        recording: What of the saga is durable.
    """

    machine: SagaMachine
    recording: Recording[Told]
    _runner: NodeRunner
    _exec_client: SecExecClient
    _under_way: int = attrs.field(init=False, default=0)  # calls
    _scopes: dict[SagaNodeId, trio.CancelScope] | None = attrs.field(init=False, default=None)
    _interrupted: SagaNodeId | None = attrs.field(init=False, default=None)  # with the nursery
    _halted: SagaHaltedError | None = attrs.field(init=False, default=None)
    _nursery: trio.Nursery | None = attrs.field(init=False, default=None)
    _resident: Resident | None = attrs.field(init=False, default=None)
    _over: trio.Event = attrs.field(init=False, factory=trio.Event)

    @property
    def saga_id(self) -> SagaId:
        """The saga that it runs."""
        return self.machine.state.log.saga_id

    @abstractmethod
    def take(self) -> Write | None:
        """Return the step to be written now, made of all that it was told so far."""

    async def _run_tasks(self, begin: Callable[[], None]) -> None:
        """Run the saga's tasks until it is over; the first are started by a function."""
        while True:
            async with trio.open_nursery() as nursery:
                self._nursery = nursery
                try:
                    begin()
                    await self._over.wait()
                    self._dismiss_resident()
                finally:
                    self._resident = None
                    # Otherwise only the nursery is cancelled, and not the saga.
                    if self._interrupted is None:
                        self._close()
            # A nursery swallows the Cancelled of its own scope, so the saga need not be over here.
            if self._over.is_set():
                return
            if self._interrupted is None:
                msg = (
                    "its tasks were cancelled, and not by its SEC; does an action leave a scope "
                    "open?"
                )
                raise InternalError(msg)
            begin = self._settle_interrupted

    def _close(self) -> None:
        """Let the writer find nothing to do from here on; it may still ask, or report."""
        self.recording.lost()
        self._nursery = None

    def _begin_call(self, command: RunAction | RunUndo, nursery: trio.Nursery) -> None:
        self._under_way += 1
        flat, node = self.machine.dag.flat, command.node_id
        name = flat.names[node]
        if not flat.alone[node]:
            nursery.start_soon(self._run_node, command, name=name)
        elif self._resident is None:
            self._resident = Resident(command)
            nursery.start_soon(self._reside, self._resident, name=name)
        else:
            self._resident.give(command, name)

    async def _reside(self, resident: Resident) -> None:
        """Make calls one after the other, as they are given, in this task."""
        task = resident.settle()
        status = _status_of(task)
        while (command := await resident.next()) is not None:
            outcome = await self._runner.run(command)
            if task.child_nurseries or _status_of(task) is not status:
                break
            self._tell(outcome)
        else:
            return
        name = self.machine.dag.flat.names[command.node_id]
        left = nursery_left_open if task.child_nurseries else scope_left_open
        # Trio will end this task with an error, and with it all that is in the saga's nursery.
        self._halt(left(self.saga_id, name))

    def _dismiss_resident(self) -> None:
        """Let the resident end, if there is one, when it has no call under way."""
        if self._resident is not None:
            self._resident.dismiss()
            self._resident = None

    async def _run_node(self, command: RunAction | RunUndo) -> None:
        """Make one call, in a task of its own."""
        outcome = await self._run_beside(command)
        if trio.lowlevel.current_task().child_nurseries:
            # Trio will end this task with an error, and with it all that is in the saga's nursery.
            name = self.machine.dag.flat.names[command.node_id]
            self._halt(nursery_left_open(self.saga_id, name))
            return
        self._tell(outcome)

    def _tell(self, outcome: NodeOutcome) -> None:
        # Not in a `finally`: after a cancellation nothing looks at the count.
        self._under_way -= 1
        if self.recording.told(outcome):
            self._exec_client.record(self)

    # Cancelling one call

    async def _run_beside(self, command: RunAction | RunUndo) -> NodeOutcome:
        """Run a call that others may be beside; if it is cancelled, find out how it ends."""
        if self._scopes is None:
            self._scopes = {}
        node, outcome = command.node_id, None
        while outcome is None:
            scope = self._scopes[node] = trio.CancelScope()
            try:
                with scope:
                    outcome = await self._runner.run(command)
            except RuntimeError:
                # The action has left a scope of its own open. Trio says so, and has closed it.
                if outcome is None and not scope.cancel_called:
                    raise
            if outcome is not None:
                break
            if (settling := self._settling(node)) is None:
                outcome = inputs.CallCancelled(node)
            else:
                command = settling
        del self._scopes[node]
        return outcome  # noqa: ASYNC910 - the call was waited for

    def _settling(self, node: SagaNodeId) -> RunAction | None:
        """Return the command that finds out how a call ends that was cancelled; None: no need."""
        if self._runner.raised is not None:
            self._runner.raised.pop(node, None)  # what the call has still said
        if self.machine.state.status(node) is SagaNodeLoadStatus.UNDO_STARTED:
            return None
        verb = self.machine.state.setbacks.cancelling[node].verb
        return RunAction(node, repeats=True, cancelled=verb)

    def _cancel_call(self, node: SagaNodeId, nursery: trio.Nursery) -> None:
        """Cancel the call of a node, as an order says, unless its task has ended by now."""
        order = self.machine.state.setbacks.cancelling.get(node)
        if order is None:
            return
        if order.verb is Verb.UNWIND and not self._runner.provides_for_doubt(node):
            return
        # A call that waits for its turn was not made, and ends so.
        if self._runner.dismiss_turn(node):
            return
        if self._scopes is not None and (scope := self._scopes.get(node)) is not None:
            scope.cancel()
        elif self._under_way and self.machine.dag.flat.alone[node]:
            self._interrupted = node
            nursery.cancel_scope.cancel()

    def _settle_interrupted(self) -> None:
        """Go on in another nursery, after the call was cancelled that had the last one alone."""
        node, self._interrupted = self._interrupted, None
        if node is None or self._nursery is None:
            return
        self._under_way -= 1
        if (settling := self._settling(node)) is not None:
            self._begin_call(settling, self._nursery)
        elif self.recording.told(inputs.CallCancelled(node)):
            self._exec_client.record(self)

    # What goes wrong

    def _cancel_all(self, nursery: trio.Nursery) -> None:
        """Cancel all calls for good; what they still say is dropped."""
        self._interrupted = None
        self._over.set()
        nursery.cancel_scope.cancel()

    def _halt(self, halted: SagaHaltedError) -> None:
        if self._halted is None:  # the first reason counts; the rest may be its consequences
            self._halted = halted
        # Before the tasks are cancelled: what they tell while they unwind must not be written.
        self.recording.lost()
        self._over.set()
        if self._nursery is not None:
            self._cancel_all(self._nursery)

    def _broken(self, error: BaseException) -> SagaHaltedError:
        """Halt the saga because its own machinery failed; return the error for its waiters."""
        halted = self._halted or broken(self.saga_id, error)
        self._halt(halted)
        return halted


def _status_of(task: trio.lowlevel.Task) -> object:
    """
    Return what says which scopes a task is in.

    Trio does not promise that there is such an attribute. Without it, a scope that is left open is
    found when the task ends.
    """
    return getattr(task, "_cancel_status", None)
