"""The nodes that hold a saga, and why."""

from __future__ import annotations

import attrs

from steno.core import SagaDag, SagaNodeId, SagaState, action_error, held_nodes, undo_error
from steno.errors import SagaHeldError
from steno.testing.explorer._callee import Callee
from steno.testing.explorer._explored_saga import ExploredSaga
from steno.testing.explorer._record import EXPLORED, Call, CallEnd, Ran


@attrs.frozen(eq=False)
class HeldNode:
    """
    A node that is held.

    Attributes:
        callee: Its action, or its undo action: the one that is not called again.
        call: The last call of it, if there was one. If that waits for a child saga that is held,
            the last call of the node that holds the child.
        stored: Why it is held, as the log says.
    """

    callee: Callee
    call: Call | None
    stored: str

    @property
    def error(self) -> BaseException | None:
        """The exception that holds it; None if there is none, as if its output is not JSON."""
        return None if self.call is None or self.call.end is not CallEnd.RAISED else self.call.error


def held_nodes_of(subject: ExploredSaga, dag: SagaDag, ran: Ran) -> list[HeldNode]:
    """Return the nodes that hold the saga of a run."""
    assert ran.stored is not None  # noqa: S101 - only called for stored sagas
    state = SagaState.fold(dag.flat, EXPLORED, ran.stored.events)
    return [_held_node(subject, ran, state, node) for node in held_nodes(state)]


def _held_node(subject: ExploredSaga, ran: Ran, state: SagaState, node: SagaNodeId) -> HeldNode:
    undoing = node in state.setbacks.undoing
    attempt = state.last_attempt(node, undoing=undoing)
    assert attempt is not None  # noqa: S101 - it is held
    stored = str((undo_error if undoing else action_error)(attempt.error))
    call = ran.last_call(node, undoing=undoing)
    while (inner := _call_that_holds(ran, call)) is not None:
        call = inner
    return HeldNode(Callee(subject.names[node], undoing), call, stored)


def _call_that_holds(ran: Ran, call: Call | None) -> Call | None:
    """Return the call that holds the child saga that a call has waited for; None if none does."""
    if call is None or not isinstance(error := call.error, SagaHeldError):
        return None
    calls = (
        each
        for each in reversed(ran.calls)
        if each.saga_id == error.saga_id and each.callee.node.endswith(f":{error.nodes[0]}")
    )
    return next(calls, None)
