"""A stored saga as a view, without a SEC."""

from __future__ import annotations

from steno.core import (
    JSON,
    JsonText,
    Phase,
    SagaCachedState,
    SagaDag,
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
        RecoveryError: What is stored is no graph, or the params are not JSON.
    """
    flat = read_flat(stored.dag_text)
    value_of(stored.params, f"saga {stored.summary.saga_id}: its params")
    return SagaDag.of_flat(flat, JsonText(stored.params))


def value_of(text: str, what: str) -> JSON:
    """
    Return a stored value, which can be printed and dumped.

    Raises:
        RecoveryError: It is damaged: not JSON, or not such as can be stored.
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
    Return a stored saga as a dump, whatever is in its log.

    Raises:
        RecoveryError: What is stored is no graph, or the params are not JSON.
    """
    return SagaSerialized(stored.summary.saga_id, dag_of(stored), tuple(stored.events))


def snapshot_of(stored: StoredSaga) -> Snapshot:
    """
    Return all that a view of a stored saga is made of.

    Whether anybody runs it the store does not know: one that was started counts as running.

    Raises:
        RecoveryError: What is stored can not be read.
    """
    summary = stored.summary
    phase = Phase.RUNNING
    if summary.state is SagaCachedState.READY:
        phase = Phase.READY
    elif summary.state.finished:
        phase = Phase.DONE
    size = len(stored.events)
    snapshot = Snapshot(
        summary.saga_id, dag_of(stored), stored.events, size, phase, summary.problem
    )
    _ = snapshot.state  # folded once, here, where a log that is not legal is expected
    return snapshot
