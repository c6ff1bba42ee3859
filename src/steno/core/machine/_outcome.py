"""How a saga has ended."""

from __future__ import annotations

import enum


class SagaOutcome(enum.Enum):
    """How a saga has ended."""

    SUCCEEDED = "succeeded"
    """Every node has succeeded."""
    FAILED = "failed"
    """A node failed, and all that had succeeded are undone; what the failed one left is not."""
    STUCK = "stuck"
    """A node failed, then an undo did; nothing runs any more, and something is left undone."""
    ABANDONED = "abandoned"
    """Somebody ordered that it is finished as it stands."""

    __hash__ = object.__hash__  # by identity, as equality is; Enum's own is Python code
