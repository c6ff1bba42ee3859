"""JSON shapes: what `--json` prints of sagas, their nodes and their logs."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator

from steno.action import from_timestamp
from steno.cli._attempt import attempt_of, waiting_attempts
from steno.cli._concern import concern_json
from steno.cli._orders import orders_json
from steno.cli._stored import status_of, value_of
from steno.cli._text import time_text
from steno.core import (
    JSON,
    ActionError,
    ActionNode,
    ConstantNode,
    FailedAttempt,
    FlatDag,
    JsonText,
    SagaDag,
    SagaNodeEvent,
    SagaNodeId,
    SagaState,
    Snapshot,
    SubsagaEndNode,
    UndoActionError,
    WaitNode,
    action_error,
    event_data,
    undo_error,
)
from steno.store import LogEntry, SagaSummary, StoredSaga


def path_of(flat: FlatDag, node: int | None) -> str | None:
    """Return the path of names of a node; None if it has no name, or does not exist."""
    if node is None or not 0 <= node < len(flat.nodes):
        return None  # an event of a damaged log
    if isinstance(flat.nodes[node], ActionNode | ConstantNode | WaitNode | SubsagaEndNode):
        return flat.path(node).removeprefix("/")
    return None


def shown_name(flat: FlatDag, node: int | None) -> str:
    """Return the path of names of a node, or its label if it has no name; empty if neither."""
    if (path := path_of(flat, node)) is not None:
        return path
    if node is None or not 0 <= node < len(flat.nodes):
        return ""
    return flat.nodes[node].label


def named_outputs(flat: FlatDag, state: SagaState) -> Iterator[tuple[SagaNodeId, str, JsonText]]:
    """Yield the outputs of the nodes that have a name, by index."""
    for node in sorted(state.outputs):
        if (path := path_of(flat, node)) is not None:
            yield node, path, state.outputs[node]


def summary_json(summary: SagaSummary) -> dict[str, JSON]:
    """Return the JSON of a saga in a list."""
    times = summary.times
    return {
        "id": str(summary.saga_id),
        "name": summary.saga_name,
        "state": summary.state.value,
        "problem": summary.problem,
        "attention": concern_json(summary.concern),
        "created": time_text(times.created),
        "progressed": time_text(times.progressed),
        "ended": None if times.ended is None else time_text(times.ended),
        "tags": dict(summary.tags),
        "number": summary.number,
    }


def attempts_json(snapshot: Snapshot) -> list[JSON]:
    """Return the JSON of the nodes that wait for another attempt."""
    return [
        {**_node_json(snapshot.dag.flat, node), **_attempt_json(attempt)}
        for node, attempt in waiting_attempts(status_of(snapshot))
    ]


def _attempt_json(attempt: FailedAttempt) -> dict[str, JSON]:
    return {
        "undoing": attempt.undoing,
        "attempt": attempt.number,
        "error": attempt.error,
        "in_doubt": attempt.in_doubt,
        "next": None if attempt.next is None else time_text(from_timestamp(attempt.next)),
    }


def saga_json(stored: StoredSaga, snapshot: Snapshot) -> dict[str, JSON]:
    """Return the JSON of a saga with its nodes, outputs and errors."""
    state, flat = snapshot.state, snapshot.dag.flat
    status = status_of(snapshot)
    return {
        **summary_json(stored.summary),
        "attempts": attempts_json(snapshot),
        "sec": {"name": stored.fence.sec_name, "generation": stored.fence.generation},
        "params": value_of(stored.params, "its params"),
        "events": len(stored.events),
        "nodes": [
            {
                **_node_json(flat, node),
                "state": each.value,
                "attempt": _optional(status.attempts.get(SagaNodeId(node))),
            }
            for node, each in enumerate(status.node_states)
        ],
        "outputs": [
            {"node": node, "name": path, "value": value_of(text, f'the output "{path}"')}
            for node, path, text in named_outputs(flat, state)
        ],
        "error": _failure_json(flat, state.first_failure, action_error),
        "undo_failure": _failure_json(flat, state.first_undo_failure, undo_error),
        "orders": orders_json(snapshot),
    }


def _optional(attempt: FailedAttempt | None) -> JSON:
    return None if attempt is None else _attempt_json(attempt)


def _node_json(flat: FlatDag, node: int) -> dict[str, JSON]:
    return {"node": node, "name": path_of(flat, node), "label": flat.nodes[node].label}


def _failure_json(
    flat: FlatDag,
    failure: tuple[SagaNodeId, JsonText] | None,
    read: Callable[[JsonText], ActionError | UndoActionError],
) -> JSON:
    if failure is None:
        return None
    node, text = failure
    error = read(text)
    return {**_node_json(flat, node), "error": error.to_json(), "text": str(error)}


def graph_json(dag: SagaDag) -> dict[str, JSON]:
    """Return the JSON of a saga's graph."""
    flat = dag.flat
    return {
        "name": dag.saga_name,
        "nodes": [_node_json(flat, node) for node in range(len(flat.nodes))],
        "edges": [[parent, child] for parent, child in flat.edges()],
    }


def event_json(event: SagaNodeEvent, flat: FlatDag | None) -> dict[str, JSON]:
    """
    Return the JSON of an event, with its output or error.

    Args:
        event: The event.
        flat: The saga's graph; None if it cannot be read.
    """
    data = event_data(event.event_type)
    return {
        "node": event.node_id,
        "name": None if flat is None else path_of(flat, event.node_id),
        "event": event.event_type.label,
        "data": None if data is None else value_of(data, f"the data of node {event.node_id}"),
        "attempt": _optional(attempt_of(event.event_type)),
    }


def log_json(
    summary: SagaSummary, entries: Iterable[LogEntry], flat: FlatDag | None
) -> dict[str, JSON]:
    """Return the JSON of a saga's log; without the names of nodes if there is no graph."""
    return {
        "id": str(summary.saga_id),
        "name": summary.saga_name,
        "state": summary.state.value,
        "entries": [
            {
                "seq": entry.seq,
                **event_json(entry.event, flat),
                "time": time_text(entry.time),
                "creator": entry.creator,
            }
            for entry in entries
        ],
    }
