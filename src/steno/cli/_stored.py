"""A stored saga as a view, without a SEC."""

from __future__ import annotations

from steno.core import (
    JSON,
    JsonText,
    Phase,
    SagaCachedState,
    SagaDag,
    SagaExecStatus,
    SagaSerialized,
    Snapshot,
    decode_json,
    encode_json,
    read_flat,
)
from steno.errors import DumpError, RecoveryError, SerializeError
from steno.store import StoredSaga


def dag_of(stored: StoredSaga) -> SagaDag:
    """
    Return the graph and params of a stored saga.

    Raises:
        RecoveryError: What is stored is not a graph, or the params are not JSON.
    """
    flat = read_flat(stored.dag_text)
    value_of(stored.params, f"saga {stored.summary.saga_id}: its params")
    return SagaDag.of_flat(flat, JsonText(stored.params))


def value_of(text: str, what: str) -> JSON:
    """
    Return the decoded value of a stored text, which can be printed and dumped.

    Raises:
        RecoveryError: It is damaged: not JSON, or JSON that cannot be stored.
    """
    try:
        value = decode_json(text)
        encode_json(value)
    except (DumpError, SerializeError) as error:
        msg = f"{what}: {error.why}"
        raise RecoveryError(msg) from error
    return value


def dump_of(stored: StoredSaga) -> SagaSerialized:
    """
    Return the dump of a stored saga, without checking its log.

    Raises:
        RecoveryError: What is stored is not a graph, or the params are not JSON.
    """
    return SagaSerialized(stored.summary.saga_id, dag_of(stored), tuple(stored.events))


def snapshot_of(stored: StoredSaga) -> Snapshot:
    """
    Return the snapshot of a stored saga, from which a view is made.

    The store does not know whether a SEC is running it: one that was started counts as running.

    Raises:
        RecoveryError: What is stored cannot be read.
    """
    summary = stored.summary
    phase = Phase.RUNNING
    if summary.state is SagaCachedState.READY:
        phase = Phase.READY
    elif summary.state is SagaCachedState.PAUSED:
        phase = Phase.PAUSED
    elif summary.state.finished:
        phase = Phase.DONE
    size = len(stored.events)
    snapshot = Snapshot(
        summary.saga_id, dag_of(stored), stored.events, size, phase, summary.problem
    )
    _ = snapshot.state  # folded here, where an illegal log is handled
    return snapshot


def status_of(snapshot: Snapshot) -> SagaExecStatus:
    """Return the status of the nodes of a saga."""
    status = snapshot.view().state.status
    assert status is not None  # noqa: S101 - what can be folded has one
    return status
