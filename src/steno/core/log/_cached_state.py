"""What a saga's row in a store says of it, in one word."""

from __future__ import annotations

import enum


class SagaCachedState(enum.Enum):
    """What a saga's row says of it, so that a list needs no logs."""

    READY = "ready"
    """Stored, and never started."""
    RUNNING = "running"
    """Started, and nothing has failed."""
    UNWINDING = "unwinding"
    """A node has failed; the others are being undone."""
    SUCCEEDED = "succeeded"
    """It is finished, and all is done."""
    FAILED = "failed"
    """It is finished, and all that had succeeded is undone."""
    STUCK = "stuck"
    """It is finished, as an undo failed, and a person has to look at it."""

    __hash__ = object.__hash__  # by identity, as equality is; Enum's own is Python code

    @property
    def finished(self) -> bool:
        """Whether nothing more will happen."""
        return self in _FINISHED

    @property
    def can_go_on(self) -> bool:
        """Whether something may still happen, if only by an order, as to a saga that is stuck."""
        return self is SagaCachedState.STUCK or self not in _FINISHED


_FINISHED = frozenset({SagaCachedState.SUCCEEDED, SagaCachedState.FAILED, SagaCachedState.STUCK})
