"""The names and numbers by which sagas, nodes and actions are known."""

from __future__ import annotations

from typing import NewType
from uuid import UUID

SagaId = NewType("SagaId", UUID)
"""Identifies one execution of a saga, for ever and across SECs."""

BulkOrderId = NewType("BulkOrderId", UUID)
"""Identifies one order to many sagas, for ever and across SECs."""

SagaName = NewType("SagaName", str)
"""The name of a kind of saga, as given to `DagBuilder`."""

NodeName = NewType("NodeName", str)
"""A node's name, under which others look its output up; unique in its (sub)saga."""

ActionName = NewType("ActionName", str)
"""The name under which an action is registered; stored sagas refer to their code by it."""

SagaNodeId = NewType("SagaNodeId", int)
"""A node's index in the flattened graph of its saga: its place in the order of insertion."""

Timestamp = NewType("Timestamp", int)
"""Microseconds since 1970-01-01 UTC, by the clock of the SEC that logged an event."""

EARLIEST, LATEST = Timestamp(-62_135_596_800_000_000), Timestamp(253_402_300_799_999_999)
"""The first and the last timestamp that a date can have: the years 1 to 9999."""


def checked_saga_id(saga_id: object) -> SagaId:
    """
    Return what a user gave as a saga's id.

    Raises:
        TypeError: It is not a UUID.
    """
    if not isinstance(saga_id, UUID):
        msg = f"a saga id must be a uuid.UUID, not {saga_id!r}"
        raise TypeError(msg)
    return SagaId(saga_id)
