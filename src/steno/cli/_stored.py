"""A stored saga as a view, without a SEC."""

from __future__ import annotations

from steno.core import (
    JsonText,
    Phase,
    SagaCachedState,
    SagaDag,
    SagaSerialized,
    Snapshot,
    read_flat,
)
from steno.store import StoredSaga


def dag_of(stored: StoredSaga) -> SagaDag:
    """
    Return the graph and params of a stored saga.

    Raises:
        DumpError: What is stored is no graph.
    """
    return SagaDag.of_flat(read_flat(stored.dag_text), JsonText(stored.params))


def dump_of(stored: StoredSaga) -> SagaSerialized:
    """
    Return a stored saga as a dump, whatever is in its log.

    Raises:
        DumpError: What is stored is no graph.
    """
    return SagaSerialized(stored.summary.id, dag_of(stored), tuple(stored.events))


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
    snapshot = Snapshot(summary.id, dag_of(stored), stored.events, size, phase, summary.problem)
    _ = snapshot.state  # folded once, here, where a log that is not legal is expected
    return snapshot
