"""
Nodes that are held because they wait for another saga, until that saga goes on.

A node is noted once it is durable that it is held, and its saga may have gone on by then. So one
that goes on while no node is noted is remembered for a while. An action may also raise the error of
a saga that is neither held nor halted: that must not have it called again and again.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterator

import attrs

from steno.core import SagaId, SagaNodeId
from steno.runtime._exec_client import Awaits

KEPT_GONE_ON = 1_000
"""How many sagas are remembered that have gone on while no node was noted."""


@attrs.define(eq=False)
class AwaitedSagas:
    """The sagas that held nodes wait for, each with these nodes."""

    _nodes: dict[SagaId, dict[tuple[SagaId, SagaNodeId], None]] = attrs.field(
        init=False, factory=dict
    )
    _awaited_by: dict[SagaId, set[SagaId]] = attrs.field(init=False, factory=dict)

    _gone_on: OrderedDict[SagaId, None] = attrs.field(init=False, factory=OrderedDict)
    _tried: dict[SagaId, set[tuple[SagaNodeId, SagaId]]] = attrs.field(init=False, factory=dict)

    def add(self, awaits: Awaits, *, in_memory: bool) -> bool:
        """
        Keep a node until the saga goes on that it waits for.

        Args:
            awaits: What is to be noted.
            in_memory: Whether that saga is in memory.

        Returns:
            False if the saga has gone on since; then the node is not kept, but due.
        """
        saga_id, node, awaited = awaits.saga_id, awaits.node_id, awaits.awaited
        if awaits.halted:  # which it is not if it is in memory
            tried = self._tried.setdefault(saga_id, set())
            if in_memory and (node, awaited) not in tried:
                tried.add((node, awaited))
                return False
        elif awaited in self._gone_on:
            del self._gone_on[awaited]
            return False
        self._nodes.setdefault(awaited, {})[saga_id, node] = None
        self._awaited_by.setdefault(saga_id, set()).add(awaited)
        return True

    def goes_on(self, awaited: SagaId) -> Iterator[tuple[SagaId, SagaNodeId]]:
        """Remove and yield the nodes that wait for a saga; remember that it goes on if none do."""
        if awaited in self._nodes:
            yield from self.take(awaited)
            return
        self._gone_on[awaited] = None
        if len(self._gone_on) > KEPT_GONE_ON:
            self._gone_on.popitem(last=False)

    def take(self, awaited: SagaId) -> Iterator[tuple[SagaId, SagaNodeId]]:
        """Remove and yield the nodes that wait for a saga."""
        for saga_id, node in self._nodes.pop(awaited, {}):
            if not (others := self._awaited_by[saga_id]) - {awaited}:
                del self._awaited_by[saga_id]
            others.discard(awaited)
            yield saga_id, node

    def forget(self, saga_id: SagaId) -> None:
        """Drop the nodes of a saga that does nothing any more."""
        self._tried.pop(saga_id, None)
        for awaited in self._awaited_by.pop(saga_id, ()):
            nodes = self._nodes[awaited]
            for node in [each for each in nodes if each[0] == saga_id]:
                del nodes[node]
            if not nodes:
                del self._nodes[awaited]
