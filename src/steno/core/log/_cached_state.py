"""Where a saga is in its life, in one word: a fold of its log, and what its row says."""

from __future__ import annotations

import enum


class SagaCachedState(enum.Enum):
    """
    Where a saga is in its life.

    Of those that apply, it is the first of ready, abandoned, succeeded, failed, stuck, paused,
    unwinding and running.
    """

    READY = "ready"
    """Stored, and never started."""
    RUNNING = "running"
    """Started, and nothing has failed."""
    UNWINDING = "unwinding"
    """A node has failed, or somebody ordered it; the others are being undone."""
    PAUSED = "paused"
    """Somebody ordered that nothing of it is begun until somebody orders that it goes on."""
    SUCCEEDED = "succeeded"
    """It is finished, and all is done."""
    FAILED = "failed"
    """It is finished, and all that had succeeded is undone."""
    STUCK = "stuck"
    """It is finished, as an undo failed, and a person has to look at it."""
    ABANDONED = "abandoned"
    """It is finished, as somebody ordered that it stays as it stands."""

    __hash__ = object.__hash__  # by identity, as equality is; Enum's own is Python code

    @property
    def finished(self) -> bool:
        """Whether nothing more will happen."""
        return self in _FINISHED

    @property
    def can_go_on(self) -> bool:
        """Whether something may still happen, if only by an order, as to a saga that is stuck."""
        return self not in {SagaCachedState.FAILED, SagaCachedState.ABANDONED}

    @property
    def is_taken_up(self) -> bool:
        """Whether it goes on by itself when its SEC is opened, or waits in memory to be started."""
        return self is not SagaCachedState.PAUSED and self not in _FINISHED


_FINISHED = frozenset(
    {
        SagaCachedState.SUCCEEDED,
        SagaCachedState.FAILED,
        SagaCachedState.STUCK,
        SagaCachedState.ABANDONED,
    }
)
