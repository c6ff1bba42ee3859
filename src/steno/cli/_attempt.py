"""Failed attempts: what is said of them beside a node, an event or a saga."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import datetime

from steno.action import from_timestamp
from steno.cli._text import one_line, short_time
from steno.core import (
    Attempt,
    AttemptFailed,
    FailedAttempt,
    NodeExecState,
    SagaExecStatus,
    SagaNodeEventType,
    SagaNodeId,
    UndoAttemptFailed,
)

HELD = {NodeExecState.HELD, NodeExecState.UNDO_HELD}
"""States of a node that waits for a person before it makes another attempt."""

WAITING = {NodeExecState.BACKING_OFF, NodeExecState.UNDO_BACKING_OFF, *HELD}
"""States of a node that waits for another attempt."""

UNSETTLED = {NodeExecState.WORKING, NodeExecState.QUEUED_TODO, *WAITING}
"""States of a node that may still be in doubt because of an earlier attempt."""


def attempt_of(event_type: SagaNodeEventType) -> FailedAttempt | None:
    """Return the attempt that an event is about; None if it is about something else."""
    match event_type:
        case AttemptFailed() | UndoAttemptFailed():
            undoing = isinstance(event_type, UndoAttemptFailed)
            return FailedAttempt.of(Attempt.of(event_type), undoing=undoing)
        case _:
            return None


def waiting_attempts(status: SagaExecStatus) -> Iterator[tuple[SagaNodeId, FailedAttempt]]:
    """Yield the nodes that wait for another attempt, each with its last one, by index."""
    for node in sorted(status.attempts):
        if status.node_states[node] in WAITING:
            yield node, status.attempts[node]


def due_text(attempt: FailedAttempt, time: Callable[[datetime], str] = short_time) -> str:
    """Return when the next attempt is due, or that the node is held."""
    if attempt.next is None:
        return "held"
    return f"next due {time(from_timestamp(attempt.next))}"


def event_text(attempt: FailedAttempt, time: Callable[[datetime], str]) -> str:
    """Return what an event says of the attempt that it is about, in one line."""
    doubt = ", in doubt" if attempt.in_doubt else ""
    return one_line(f"attempt {attempt.number}{doubt}, {due_text(attempt, time)}: {attempt.error}")


def node_text(
    attempt: FailedAttempt,
    state: NodeExecState,
    time: Callable[[datetime], str] = short_time,
) -> str:
    """Return how many attempts of a node have failed and what follows, in one line."""
    undo = "undo " if attempt.undoing else ""
    parts = [f"{attempt.number} failed {undo}attempt{'s' if attempt.number > 1 else ''}"]
    if attempt.in_doubt and state in UNSETTLED:
        parts.append("in doubt")
    if state in WAITING:
        parts.append(due_text(attempt, time))
    return one_line(f"{', '.join(parts)}: {attempt.error}")


def status_lines(status: SagaExecStatus) -> Iterator[str]:
    """Yield the lines of the status tree; below a node with failed attempts, a line about them."""
    # The tree has the nodes in the order of their indexes, but for the start node, which is first.
    start = len(status.node_states) - 2
    nodes = iter((start, *range(start), start + 1))
    for line in str(status).split("\n"):
        yield line
        indent, bar, rest = line.partition("+-- ")
        if not bar or rest == "(parallel actions):":
            continue
        node = SagaNodeId(next(nodes))
        if (attempt := status.attempts.get(node)) is not None:
            yield f"{indent}    {node_text(attempt, status.node_states[node])}"
