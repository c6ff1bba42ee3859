"""What the check of a user is told of a run."""

from __future__ import annotations

import attrs

from steno.core import SagaResult, SagaResultErr, SagaResultOk
from steno.testing.explorer._case import Case


@attrs.frozen(eq=False, repr=False)
class Outcome:
    """
    How a run has ended; exactly one of the three is so.

    Attributes:
        case: What went wrong in it, as was planned.
        result: What came of the saga.
    """

    case: Case
    result: SagaResult

    def __repr__(self) -> str:
        """Return it short: it stands in the texts of failing checks."""
        end = "succeeded" if self.succeeded else "failed" if self.failed else "stuck"
        return f"<Outcome of {str(self.case)!r}: {end}>"

    @property
    def succeeded(self) -> bool:
        """Whether all was done."""
        return isinstance(self.result, SagaResultOk)

    @property
    def failed(self) -> bool:
        """Whether the saga failed, and all that had succeeded was undone."""
        return isinstance(self.result, SagaResultErr) and not self.stuck

    @property
    def stuck(self) -> bool:
        """Whether an undo action failed, as was planned: something is left over."""
        result = self.result
        return isinstance(result, SagaResultErr) and result.undo_failure is not None
