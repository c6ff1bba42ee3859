"""JSON shapes: what `--json` prints of sagas, their nodes and their logs."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from datetime import UTC, datetime

from steno.cli._stored import value_of
from steno.core import (
    JSON,
    ActionError,
    ActionNode,
    ConstantNode,
    FlatDag,
    JsonText,
    SagaDag,
    SagaNodeEvent,
    SagaNodeId,
    SagaState,
    Snapshot,
    SubsagaEndNode,
    UndoActionError,
    action_error,
    event_data,
    undo_error,
)
from steno.store import LogEntry, SagaSummary, StoredSaga


def time_text(time: datetime) -> str:
    """Return a time in UTC, in ISO 8601 format with microseconds."""
    return time.astimezone(UTC).isoformat(timespec="microseconds").replace("+00:00", "Z")


def path_of(flat: FlatDag, node: int) -> str | None:
    """Return the path of names of a node; None if it has no name."""
    if isinstance(flat.nodes[node], ActionNode | ConstantNode | SubsagaEndNode):
        return flat.path(node).removeprefix("/")
    return None


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
        "created": time_text(times.created),
        "progressed": time_text(times.progressed),
        "ended": None if times.ended is None else time_text(times.ended),
    }


def saga_json(stored: StoredSaga, snapshot: Snapshot) -> dict[str, JSON]:
    """Return the JSON of a saga with its nodes, outputs and errors."""
    state, flat = snapshot.state, snapshot.dag.flat
    status = snapshot.view().state.status
    states = () if status is None else status.node_states
    return {
        **summary_json(stored.summary),
        "sec": {"name": stored.fence.sec_name, "generation": stored.fence.generation},
        "params": value_of(stored.params, "its params"),
        "events": len(stored.events),
        "nodes": [
            {**_node_json(flat, node), "state": each.value} for node, each in enumerate(states)
        ],
        "outputs": [
            {"node": node, "name": path, "value": value_of(text, f'the output "{path}"')}
            for node, path, text in named_outputs(flat, state)
        ],
        "error": _failure_json(flat, state.first_failure, action_error),
        "undo_failure": _failure_json(flat, state.first_undo_failure, undo_error),
    }


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


def event_json(event: SagaNodeEvent) -> dict[str, JSON]:
    """Return the JSON of an event, with its output or error."""
    data = event_data(event.event_type)
    return {
        "node": event.node_id,
        "event": event.event_type.label,
        "data": None if data is None else value_of(data, f"the data of node {event.node_id}"),
    }


def log_json(summary: SagaSummary, entries: Iterable[LogEntry]) -> dict[str, JSON]:
    """Return the JSON of a saga's log."""
    return {
        "id": str(summary.saga_id),
        "name": summary.saga_name,
        "state": summary.state.value,
        "entries": [
            {
                "seq": entry.seq,
                **event_json(entry.event),
                "time": time_text(entry.time),
                "creator": entry.creator,
            }
            for entry in entries
        ],
    }
