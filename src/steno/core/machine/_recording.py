"""
An executor's part in writing: what is waiting, what the store was given, and what it has.

Theory of operation.

Rule 1. Inputs gather until the writer takes the step that all of them together amount to. One step
at a time is with the writer; inputs that arrive while it is written wait for the next.

Rule 2. A step is carried out once it is durable, and not before. One with nothing to write is
durable as soon as it is taken.

Rule 3. When a step is lost, the machine and the store no longer agree. Nothing more is written
then: later inputs, and a step that becomes durable after all, do not change the state.

The rules are one literal table; a pair that is missing from it *is* the illegal transition.
"""

from __future__ import annotations

import enum
from collections.abc import Mapping
from typing import Final, Generic, TypeVar

import attrs

from steno.core.log._cached_state import SagaCachedState
from steno.core.machine._command import Step
from steno.errors import InternalError

T = TypeVar("T")

NO_STEP: Final = Step((), ())


class RecordingState(enum.Enum):
    """Where the writing of one saga stands."""

    IDLE = "idle"
    """The store has all that was told."""
    QUEUED = "queued"
    """Something was told, and the writer has been asked to take it."""
    WRITING = "writing"
    """A step is with the writer."""
    ENDED = "ended"
    """Nothing more is written. Final."""

    __hash__ = object.__hash__  # by identity, as equality is; Enum's own is Python code


class RecordingInput(enum.Enum):
    """What happens to the writing of one saga."""

    TOLD = "told"
    """There is something to make a step of."""
    TAKEN = "taken"
    """The writer has taken the step."""
    DURABLE = "durable"
    """The store has the step."""
    LOST = "lost"
    """Nothing more will be durable: a step was refused, the saga halts, or its tasks have ended."""

    __hash__ = object.__hash__  # as above


# Names of the module: in Python 3.11, to look a member up in its Enum takes 900 instructions, and
# each step looks up ten (9 000 of 300 000 for a node).
_IDLE, _QUEUED, _WRITING, _ENDED = RecordingState
_TOLD, _TAKEN, _DURABLE, _LOST = RecordingInput

RECORDING_TRANSITIONS: Final[Mapping[tuple[RecordingState, RecordingInput], RecordingState]] = {
    (_IDLE, _TOLD): _QUEUED,
    (_IDLE, _LOST): _ENDED,
    (_QUEUED, _TOLD): _QUEUED,
    (_QUEUED, _TAKEN): _WRITING,
    (_QUEUED, _LOST): _ENDED,
    (_WRITING, _TOLD): _WRITING,
    # What was told meanwhile is told now, which makes it queued again.
    (_WRITING, _DURABLE): _IDLE,
    (_WRITING, _LOST): _ENDED,
    # A call may end, and the writer come or answer, after the saga was halted.
    (_ENDED, _TOLD): _ENDED,
    (_ENDED, _TAKEN): _ENDED,
    (_ENDED, _DURABLE): _ENDED,
    (_ENDED, _LOST): _ENDED,
}


# The table by input: each step looks up four times, and a pair as a key takes 600 instructions.
_WHEN_TOLD, _WHEN_TAKEN, _WHEN_DURABLE, _WHEN_LOST = (
    {before: after for (before, what), after in RECORDING_TRANSITIONS.items() if what is each}
    for each in RecordingInput
)


@attrs.define(eq=False)
class Recording(Generic[T]):
    """
    What of one saga is durable, what is being written, and what is waiting.

    Its methods are the inputs of the table. One that the state does not allow raises
    `InternalError`, and has changed nothing.

    Attributes:
        durable_events: How many events of the saga's log the store has.
        row: What the saga's row in the store says.
        state: Where its writing stands.
        waiting: What was told since the last step was taken.
        step: The step that is with the writer; an empty one if there is none.
        next_row: What the saga's row will say once that step is durable.
    """

    durable_events: int
    row: SagaCachedState
    state: RecordingState = attrs.field(init=False, default=_IDLE)
    waiting: list[T] = attrs.field(init=False, factory=list)
    step: Step = attrs.field(init=False, default=NO_STEP)
    next_row: SagaCachedState = attrs.field(init=False)

    def __attrs_post_init__(self) -> None:
        """Begin with no write under way that would change the row."""
        self.next_row = self.row

    def adds_nothing(self, step: Step, row: SagaCachedState) -> bool:
        """Return True if writing a step would change neither the log nor the row."""
        return not step.record and row is self.row

    def told(self, item: T) -> bool:
        """Keep something for the next step; return True if the writer is to be asked for it."""
        before = self.state
        self.state = _WHEN_TOLD[before]  # whatever the state, something can be told
        # Nothing is written after the end, so what is told then would wait for ever.
        if before is not _ENDED:
            self.waiting.append(item)
        # Once per step: while queued, the writer will take this along; while writing, `durable`
        # asks again.
        return before is _IDLE

    def taken(self, step: Step, row: SagaCachedState) -> None:
        """
        Write the step that all that waits amounts to.

        Args:
            step: The step.
            row: What the saga's row is to say after it.
        """
        before = self.state
        if (after := _WHEN_TAKEN.get(before)) is None:
            raise self._illegal(_TAKEN)
        self.state = after
        if before is not _ENDED:
            self.waiting.clear()
            self.step, self.next_row = step, row

    def durable(self) -> Step | None:
        """Count the step as durable; return it if it is to be carried out, None after the end."""
        before = self.state
        if (after := _WHEN_DURABLE.get(before)) is None:
            raise self._illegal(_DURABLE)
        self.state = after
        # Counted after the end as well: the store has it, and views show what the store has.
        step, self.step = self.step, NO_STEP
        self.durable_events += len(step.record)
        self.row = self.next_row
        if before is _ENDED:
            return None
        # More was told during the write. The caller looks at the state to ask the writer again.
        if self.waiting:
            self.state = _WHEN_TOLD[after]
        return step

    def lost(self) -> None:
        """Write nothing from now on, and drop what waits."""
        self.state = _WHEN_LOST[self.state]
        self.waiting.clear()

    def _illegal(self, what: RecordingInput) -> InternalError:
        msg = f"the writing of a saga is {self.state.value}, and something is {what.value}"
        return InternalError(msg)
