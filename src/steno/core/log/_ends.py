"""How a saga has ended by each order on it; a part of `verify_log`, found in one pass."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from steno.core.log._event import SagaNodeEvent, Started, UndoStarted
from steno.core.log._order import Ordered


def ends_by_order(
    log: Sequence[SagaNodeEvent],
    started: Sequence[int],
    undone_at: Callable[[int], int],
    stuck_before: Callable[[int], int | None],
) -> dict[int, str | None]:
    """
    Return for each order on an unwinding saga how it has ended by then, if it has.

    Args:
        log: The log.
        started: By node, the place at which it was first started.
        undone_at: Returns the place from which a node counts as undone.
        stuck_before: Returns the first undo failure before a place that is not repaired by then.
    """
    ends: dict[int, str | None] = {}
    running: set[int] = set()
    standing: set[int] = set()  # was started, and is not undone
    for seq, event in enumerate(log):
        node = event.node_id
        if node is None:
            end = "undone" if not standing else "stuck" if stuck_before(seq) is not None else None
            ends[seq] = None if running else end
            continue
        if not 0 <= node < len(started):
            continue  # a breach of its own
        if isinstance(event.event_type, Started | UndoStarted):
            running.add(node)
        elif not isinstance(event.event_type, Ordered):
            running.discard(node)
        if started[node] == seq and undone_at(node) > seq:
            standing.add(node)
        elif undone_at(node) == seq:
            standing.discard(node)
    return ends
