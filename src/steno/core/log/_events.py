"""
Events as columns: how a log keeps them.

Every saga in memory has one, and it is most of the memory that a waiting saga takes. So event
objects are made on access: the garbage collector has nothing to walk.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TypeAlias, cast, overload

from steno.core._value import JsonText
from steno.core.graph._ids import SagaId, SagaNodeId, Timestamp
from steno.core.log._event import SagaNodeEvent, SagaNodeEventType, Succeeded, node_event, success

EventColumn: TypeAlias = SagaNodeEventType | JsonText
"""What has become of a node; a success is kept as its output alone."""

EventRow: TypeAlias = tuple[SagaNodeId | None, EventColumn, Timestamp | None]
"""A node, what has become of it, and when."""


class Events(Sequence[SagaNodeEvent]):
    """
    Events of one saga, oldest first; they may grow, and none of them ever changes.

    Args:
        saga_id: Whose log it is.
        nodes: For each event its node.
        whats: For each event its type, or the output if that is a success.
        times: For each event its time, if that is known.
    """

    __slots__ = ("_nodes", "_saga_id", "_times", "_whats")

    def __init__(
        self,
        saga_id: SagaId,
        nodes: list[SagaNodeId | None],
        whats: list[EventColumn],
        times: list[Timestamp | None],
    ) -> None:
        self._saga_id = saga_id
        self._nodes = nodes
        self._whats = whats
        self._times = times

    @property
    def saga_id(self) -> SagaId:
        """Whose they are."""
        return self._saga_id

    def rows(self) -> Iterator[EventRow]:
        """Yield the events as rows of the columns."""
        return zip(self._nodes, self._whats, self._times, strict=True)

    def __eq__(self, other: object) -> bool:
        """Compare element by element, as a list does, with any sequence."""
        return isinstance(other, Sequence) and list(self) == list(cast("Sequence[object]", other))

    __hash__ = None  # type: ignore[assignment]  # as a list

    def __len__(self) -> int:
        """Return the number of events."""
        return len(self._nodes)

    def __iter__(self) -> Iterator[SagaNodeEvent]:
        """Yield the events."""
        return map(self._made, self._nodes, self._whats, self._times)

    @overload
    def __getitem__(self, place: int) -> SagaNodeEvent: ...
    @overload
    def __getitem__(self, place: slice) -> Sequence[SagaNodeEvent]: ...
    def __getitem__(self, place: int | slice) -> SagaNodeEvent | Sequence[SagaNodeEvent]:
        """Return an event, or a tuple of the events of a slice."""
        if isinstance(place, slice):
            columns = self._nodes[place], self._whats[place], self._times[place]
            return tuple(map(self._made, *columns))
        return self._made(self._nodes[place], self._whats[place], self._times[place])

    def _made(
        self, node: SagaNodeId | None, what: EventColumn, time: Timestamp | None
    ) -> SagaNodeEvent:
        # No other kind is kept as a str, so a str is the output of a success.
        event_type = success(what) if isinstance(what, str) else what
        return node_event(self._saga_id, node, event_type, time)


def column_of(event_type: SagaNodeEventType) -> EventColumn:
    """Return what stands for an event type in a column."""
    return event_type.output if isinstance(event_type, Succeeded) else event_type
