"""The outcome of a run, for the user's check."""

from __future__ import annotations

from collections.abc import Mapping

import attrs

from steno.core import (
    Abandoned,
    FailedInDoubt,
    SagaResult,
    SagaResultErr,
    SagaResultOk,
    Succeeded,
    UndoFinished,
)
from steno.testing.explorer._case import Case


@attrs.frozen(eq=False, repr=False)
class Outcome:
    """
    How a run ended; exactly one of `succeeded`, `failed` and `stuck` is true.

    Attributes:
        case: Its planned faults and orders.
        result: The result of the saga.
    """

    case: Case
    result: SagaResult
    _names: Mapping[int, str] = attrs.field(factory=dict[int, str])

    def __repr__(self) -> str:
        """Return a short text, because failing checks print it."""
        end = "succeeded" if self.succeeded else "failed" if self.failed else "stuck"
        if self.abandoned:
            end = "abandoned"
        return f"<Outcome of {str(self.case)!r}: {end}>"

    @property
    def succeeded(self) -> bool:
        """Whether the saga succeeded."""
        return isinstance(self.result, SagaResultOk)

    @property
    def failed(self) -> bool:
        """Whether the saga failed or was unwound, and all that had succeeded was undone."""
        return isinstance(self.result, SagaResultErr) and not self.stuck

    @property
    def stuck(self) -> bool:
        """
        Whether something may be left over, as planned.

        An undo action failed, or the saga was ordered to stay as it stands; `left` says what.
        """
        result = self.result
        is_stuck = isinstance(result, SagaResultErr) and result.undo_failure is not None
        return is_stuck or self.abandoned

    @property
    def abandoned(self) -> bool:
        """Whether the saga was ordered to stay as it stands; it then counts as `stuck`, too."""
        result = self.result
        return isinstance(result, SagaResultErr) and isinstance(result.error_source, Abandoned)

    @property
    def left(self) -> frozenset[str]:
        """
        The nodes whose actions were done, or may have been, and are not undone.

        What they have done belongs in the world at the end; an undo that failed may have taken back
        a part of it. The nodes of sagas that actions created are not among them.
        """
        found = set[str]()
        for event in self.result.saga_log.events:
            name = None if event.node_id is None else self._names.get(event.node_id)
            if name is None:
                continue
            match event.event_type:
                case Succeeded() | FailedInDoubt():
                    found.add(name)
                case UndoFinished():
                    found.discard(name)
                case _:
                    pass
        return frozenset(found)
