"""The outcome of a run, for the user's check."""

from __future__ import annotations

import attrs

from steno.core import SagaResult, SagaResultErr, SagaResultOk
from steno.testing.explorer._case import Case


@attrs.frozen(eq=False, repr=False)
class Outcome:
    """
    How a run ended; exactly one of `succeeded`, `failed` and `stuck` is true.

    Attributes:
        case: Its planned faults.
        result: The result of the saga.
    """

    case: Case
    result: SagaResult

    def __repr__(self) -> str:
        """Return a short text, because failing checks print it."""
        end = "succeeded" if self.succeeded else "failed" if self.failed else "stuck"
        return f"<Outcome of {str(self.case)!r}: {end}>"

    @property
    def succeeded(self) -> bool:
        """Whether the saga succeeded."""
        return isinstance(self.result, SagaResultOk)

    @property
    def failed(self) -> bool:
        """Whether the saga failed, and all that had succeeded was undone."""
        return isinstance(self.result, SagaResultErr) and not self.stuck

    @property
    def stuck(self) -> bool:
        """Whether an undo action failed, as planned, so that something is left over."""
        result = self.result
        return isinstance(result, SagaResultErr) and result.undo_failure is not None
