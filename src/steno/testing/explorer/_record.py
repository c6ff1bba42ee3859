"""What was seen of a run."""

from __future__ import annotations

import enum
from typing import Final
from uuid import UUID

import attrs

from steno.core import JsonText, SagaId, SagaNodeId, SagaResult
from steno.store import StoredSaga
from steno.testing.explorer._case import Callee, CallFault, Case, CrashPoint

EXPLORED: Final = SagaId(UUID("6b1d3f5a-52a7-4b1e-8a55-2e0c6f0d9e11"))
"""The id of the saga in every run: what follows from it, as idempotency keys do, is the same."""


class CallEnd(enum.Enum):
    """How a call has ended."""

    NONE = "never returned"
    RETURNED = "returned"
    RAISED = "raised"
    PLANNED = "failed, as planned"
    CUT = "was cut off"


@attrs.define(eq=False)
class Call:
    """
    A call of user code.

    Attributes:
        callee: What was called.
        saga_id: For which saga.
        node_id: For which node of it.
        life: In which life of the SEC, from 0.
        end: How it has ended.
        checkpoints: How often it waited, if that was counted.
        output: What it returned, as JSON; None if that is no JSON.
        error: What it raised.
        held_up: Whether it was made to wait before.
    """

    callee: Callee
    saga_id: SagaId
    node_id: SagaNodeId
    life: int
    end: CallEnd = CallEnd.NONE
    checkpoints: int = 0
    output: JsonText | None = None
    error: BaseException | None = None
    held_up: bool = False


class ProblemKind(enum.Enum):
    """What can be wrong with a run."""

    RULE = "the engine broke a rule"
    RAISED = "the SEC did not go on"
    HANGS = "the saga hangs"
    END = "the saga ended in another way than it had to"
    STUCK = "an undo failed"
    OUTPUT = "an action is not idempotent"
    CHECK = "the check failed"
    UNREACHED = "a point was never reached"


@attrs.frozen(eq=False)
class Problem:
    """
    What is wrong with a run.

    Attributes:
        kind: What sort of thing.
        text: The thing, in a sentence.
        error: The exception of the user's code that shows it, if one does.
    """

    kind: ProblemKind
    text: str
    error: BaseException | None = None


@attrs.define(eq=False)
class Ran:
    """
    What was seen of a run.

    Attributes:
        case: What was planned.
        calls: All calls of user code.
        fired: Which of the faults were made.
        crashed: Which of the crashes were made.
        commits: How many commits each life had.
        lives: How many events of the saga were durable when each life began.
        seconds: How long it took, in virtual time.
        result: What came of the saga, if it has ended.
        stored: What is stored of the saga, if it is.
        problem: What was seen to be wrong while it ran.
    """

    case: Case
    calls: list[Call] = attrs.field(factory=list)
    fired: set[CallFault] = attrs.field(factory=set)
    crashed: list[CrashPoint] = attrs.field(factory=list)
    commits: list[int] = attrs.field(factory=list)
    lives: list[int] = attrs.field(factory=list)
    seconds: float = 0.0
    result: SagaResult | None = None
    stored: StoredSaga | None = None
    problem: Problem | None = None

    def note(self, problem: Problem) -> None:
        """Note what is wrong; the first thing is the one that counts."""
        if self.problem is None:
            self.problem = problem

    def forget(self) -> None:
        """Let go of what is large, once it was found to be right."""
        self.result = self.stored = None
        for call in self.calls:
            call.error = call.output = None

    def undone(self) -> list[str]:
        """Return the nodes of the saga whose undo action was called."""
        calls = (c for c in self.calls if c.saga_id == EXPLORED and c.callee.undoing)
        return list(dict.fromkeys(call.callee.node for call in calls))
