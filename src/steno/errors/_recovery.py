"""Errors for the operator: what is stored or dumped cannot be resumed."""

from __future__ import annotations

from typing import TYPE_CHECKING

from steno.errors._root import StenoError

if TYPE_CHECKING:
    from uuid import UUID


class RecoveryError(StenoError):
    """A stored or dumped saga cannot be resumed; it is left as it was."""


class DumpError(RecoveryError):
    """
    A text is not a dump of a saga, or its graph is not one that a builder can make.

    Attributes:
        path: Where in the document, starting at `$`.
        why: What is wrong there.
    """

    def __init__(self, path: str, why: str) -> None:
        super().__init__(f"malformed saga dump: {path}: {why}")
        self.path = path
        self.why = why


class IllegalEvent(RecoveryError):
    """A node's status does not allow this event; `node_id` is None if it is of no node."""

    def __init__(self, node_id: int | None, event: str, status: str) -> None:
        place = "the saga itself" if node_id is None else f"node {node_id}"
        super().__init__(
            f"event type {event} is illegal with current load status {status} ({place})"
        )
        self.node_id = node_id


class ForeignEvent(RecoveryError):
    """A log has an event of another saga."""

    def __init__(self, found: UUID, requested: UUID) -> None:
        super().__init__(
            f"found an event in the log for a different saga ({found}) than requested ({requested})"
        )
        self.found = found
        self.requested = requested


class CorruptLog(RecoveryError):
    """
    A log has an event without the event that must precede it.

    Its `node_id` is None if the event is about the saga itself.
    """

    def __init__(self, node_id: int | None, event: str, why: str) -> None:
        place = "the saga" if node_id is None else f"node {node_id}"
        super().__init__(f"corrupt log: {event} of {place}: {why}")
        self.node_id = node_id
