"""The record of a run."""

from __future__ import annotations

import enum
from typing import Final
from uuid import UUID

import attrs

from steno.core import JsonText, SagaId, SagaNodeId, SagaResult
from steno.store import StoredSaga
from steno.testing.explorer._callee import Callee
from steno.testing.explorer._case import (
    CallFault,
    Case,
    CrashPoint,
)
from steno.testing.explorer._order import PlannedOrder

EXPLORED: Final = SagaId(UUID("6b1d3f5a-52a7-4b1e-8a55-2e0c6f0d9e11"))
"""The id of the saga in every run, so that idempotency keys are the same in all of them."""


class CallEnd(enum.Enum):
    """How a call ended."""

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
        callee: The function called.
        action: The name of the action that it belongs to.
        saga_id: The saga.
        node_id: The node.
        life: The life of the SEC, from 0.
        attempt: The number of the node's attempt, from 1.
        end: How it ended.
        left_open: Whether it is a probe that could not tell.
        checkpoints: The number of its checkpoints, if counted.
        output: What it returned, as JSON; None if it did not, or if that is not JSON, or if it is a
            probe and said that nothing was done.
        error: What it raised.
        held_up: Whether it was delayed.
        by_hand: Whether it was made outside of the saga, as by a person.
        commit: The number of commits in this life when it began.
    """

    callee: Callee
    action: str
    saga_id: SagaId
    node_id: SagaNodeId
    life: int
    attempt: int = 1
    end: CallEnd = CallEnd.NONE
    left_open: bool = False
    checkpoints: int = 0
    output: JsonText | None = None
    error: BaseException | None = None
    held_up: bool = False
    by_hand: bool = False
    commit: int = 0

    @property
    def explored(self) -> bool:
        """Whether it is of the explored saga, and not of one created by an action."""
        return self.saga_id == EXPLORED


class ProblemKind(enum.Enum):
    """The kinds of problem of a run."""

    RULE = "the engine broke a rule"
    RAISED = "the SEC did not continue"
    HANGS = "the saga hangs"
    END = "the saga ended in the wrong way"
    STUCK = "an undo failed"
    HELD = "a node is held"
    OUTPUT = "an action is not idempotent"
    CHECK = "the check failed"
    BESIDE = "the outside world failed"
    BY_HAND = "it cannot be done by hand"
    UNREACHED = "a point was never reached"


@attrs.frozen(eq=False)
class Problem:
    """
    A problem of a run.

    Attributes:
        kind: Its kind.
        text: The problem, in a sentence.
        error: The exception of the user's code that shows it, if any.
    """

    kind: ProblemKind
    text: str
    error: BaseException | None = None


@attrs.define(eq=False)
class Ran:
    """
    The record of a run.

    Attributes:
        case: Its planned faults.
        calls: All calls of user code.
        fired: The faults that occurred.
        crashed: The crashes that occurred.
        given: The orders that were accepted.
        refused: Those that were refused, and why.
        marks: The crashes and orders, each with the number of calls that had begun before it.
        commits: The number of commits in each life.
        lives: The number of durable events of the saga at the start of each life.
        seconds: Its duration in virtual time.
        result: The result of the saga, if it ended.
        held: The nodes that are held, if the saga cannot go on without a person.
        stored: The stored saga, if there is one.
        problem: Its first problem, if any.
    """

    case: Case
    calls: list[Call] = attrs.field(factory=list)
    fired: set[CallFault] = attrs.field(factory=set)
    crashed: list[CrashPoint] = attrs.field(factory=list)
    given: list[PlannedOrder] = attrs.field(factory=list)
    refused: dict[PlannedOrder, str] = attrs.field(factory=dict)
    marks: list[tuple[int, str]] = attrs.field(factory=list)
    commits: list[int] = attrs.field(factory=list)
    lives: list[int] = attrs.field(factory=list)
    seconds: float = 0.0
    result: SagaResult | None = None
    held: tuple[str, ...] = ()
    stored: StoredSaga | None = None
    problem: Problem | None = None

    def note(self, problem: Problem) -> None:
        """Note a problem; only the first one is kept."""
        if self.problem is None:
            self.problem = problem

    def mark(self, what: object) -> None:
        """Note that a crash or an order comes between the calls."""
        self.marks.append((len(self.calls), str(what)))

    def forget(self) -> None:
        """Release large data, once the run was judged to be right."""
        self.result = self.stored = None
        for call in self.calls:
            call.error = call.output = None

    def last_call(self, node: SagaNodeId | None, *, undoing: bool) -> Call | None:
        """Return the last call of a node's action or probe, or of its undo action, if any."""
        calls = (
            call
            for call in reversed(self.calls)
            if call.explored and call.node_id == node and call.callee.undoing is undoing
        )
        return next(calls, None)

    def undone(self) -> list[str]:
        """Return the nodes whose undo action was called, those of child sagas too."""
        nodes = (call.callee.node for call in self.calls if call.callee.undoing)
        return list(dict.fromkeys(nodes))

    def children(self) -> dict[str, str]:
        """Return the nodes of child sagas whose action was called, with the action's name."""
        calls = (call for call in self.calls if not call.explored and call.callee.acting)
        return {call.callee.node: call.action for call in calls}
