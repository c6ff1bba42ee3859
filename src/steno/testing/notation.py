"""
Logs, inputs and steps as text, for tests that read like a script.

On node 3: `3+` started, `3✓` succeeded, `3✗` failed, `3-` undo_started, `3∅` undo_finished, `3!`
undo_failed. `3✓=1211` gives the output as JSON without blanks; else it is null. `3?` is failed in
doubt; `3↻=500` a failed attempt, the next due at 500 µs, `3≈=500` one in doubt, `3↺=500` one to
undo; without a time the node is held until the next open, and `3↻=order` until an order, which
`3«=retry` is one of; `3«=retry+cancel` cancels its call, as `3«=complete+cancel:1211` does.
On the saga itself, `«=pause` is an order; `«=deadline:500` one with a time, `«=signal:go:1` one
with a name and a value. `3«=retry#1` and `«=pause#1` are part of bulk order 1.
Among inputs, `3@` says that the time of node 3 has come, and `@` that of the saga's deadline; `3×`
that its call was cancelled, `3×=?` in doubt, `3×=✗` without any, `3×=✓1211` that a probe found it.

A log is such tokens with blanks between. A step is its record, then ` | `, then what it asks for,
as in `0✓ 1+ 2+ | run 1, run 2`, `2∅ 0- | undo 0`, `1↻ | wait 1 until 500` or
`4✓ | finish succeeded`; `run 1 x2` is to run it twice, `run 1 again` one that was cut off, and
`run 1 again, fail` one that is only to be looked into, as `run 1 again, cancelled to retry` is;
`cancel 1` is to cancel one.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Final, assert_never
from uuid import UUID

import attrs

from steno.core import (
    NULL,
    ActionFailed,
    AttemptFailed,
    AwaitDeadline,
    BulkOrderId,
    CancelCall,
    Command,
    Failed,
    FailedInDoubt,
    Finish,
    FlatDag,
    Input,
    JsonText,
    Ordered,
    RunAction,
    RunUndo,
    SagaId,
    SagaNodeEvent,
    SagaNodeEventType,
    SagaNodeId,
    SagaNodeLoadStatus,
    SagaState,
    Started,
    Step,
    Succeeded,
    Timestamp,
    UndoActionError,
    UndoAttemptFailed,
    UndoFailed,
    UndoFinished,
    UndoStarted,
    Verb,
    Wait,
    encode_json,
    in_doubt,
    inputs,
)

SAGA_ID: Final = SagaId(UUID("049b2522-308d-442e-bc65-9bfaef863597"))
"""The saga of events for which none is given."""
OTHER_ID: Final = SagaId(UUID("0f8fad5b-d9cb-469f-a165-70867728950e"))
"""Another saga."""

ERROR: Final = ActionFailed(encode_json({"message": "no"})).encoded()
"""The error of each `✗`."""
UNDO_ERROR: Final = UndoActionError.attempt(1, "no").encoded()
"""The error of each `!`."""

MARKS: Final[dict[type[SagaNodeEventType], str]] = {
    Started: "+",
    Succeeded: "✓",
    Failed: "✗",
    UndoStarted: "-",
    UndoFinished: "∅",
    UndoFailed: "!",
    FailedInDoubt: "?",
    AttemptFailed: "↻",
    UndoAttemptFailed: "↺",
    Ordered: "«",
}
"""The mark of each type of event."""

IN_DOUBT: Final = "≈"
"""The mark of a failed attempt that leaves its node in doubt."""

_CANCELLED: Final = re.compile(r"(\d+)×(?:=(?:([?✗])|✓(.+)))?")
_TOKEN: Final = re.compile(r"(-?\d+)?([+✓✗∅!?↻≈↺«-])(?:=(.+))?")


def event_type(mark: str, output: str | None = None) -> SagaNodeEventType:
    """
    Return the type of event that a mark stands for; a failed attempt is the first.

    Raises:
        ValueError: It is not a mark.
    """
    match mark:
        case "+":
            return Started()
        case "✓":
            return Succeeded(JsonText(output or "null"))
        case "✗":
            return Failed(ERROR)
        case "-":
            return UndoStarted()
        case "∅":
            return UndoFinished()
        case "!":
            return UndoFailed(UNDO_ERROR)
        case "?":
            return FailedInDoubt(in_doubt(ERROR))
        case "↻" | "≈":
            return AttemptFailed(1, ERROR, mark == IN_DOUBT, *_due(output))
        case "↺":
            return UndoAttemptFailed(1, UNDO_ERROR, *_due(output))
        case "«":
            return _order(*(output or "").split(":", 2))
        case _:
            msg = f"{mark!r} is not one of {' '.join(MARKS.values())}"
            raise ValueError(msg)


def _order(said: str, detail: str | None = None, value: str | None = None) -> Ordered:
    word, _, bulk = said.partition("#")
    verb, cancel, _ = word.partition("+cancel")
    order = Ordered(Verb(verb), "test", "no reason", cancel=bool(cancel))
    if bulk:
        order = attrs.evolve(order, bulk=BulkOrderId(UUID(int=int(bulk))))
    if order.verb is Verb.COMPLETE and cancel:
        return attrs.evolve(order, value=JsonText(detail or "null"))
    if order.verb is Verb.DEADLINE and detail is not None:
        return attrs.evolve(order, at=Timestamp(int(detail)))
    text = None if value is None else JsonText(value)
    return attrs.evolve(order, signal=detail, value=text)


def _due(text: str | None) -> tuple[Timestamp | None, bool]:
    if text is None or text == "order":
        return None, text is None
    return Timestamp(int(text)), False


def event(text: str, saga_id: SagaId = SAGA_ID) -> SagaNodeEvent:
    """
    Return the event that a token stands for.

    Raises:
        ValueError: It is not an event.
    """
    found = _TOKEN.fullmatch(text)
    if found is None or (found[1] is None and found[2] != MARKS[Ordered]):
        msg = (
            f"{text!r} is not an event: a node's number, one of {' '.join(MARKS.values())}, =output"
        )
        raise ValueError(msg)
    node, mark, output = found.groups()
    place = None if node is None else SagaNodeId(int(node))
    return SagaNodeEvent(saga_id, place, event_type(mark, output))


def events(text: str, saga_id: SagaId = SAGA_ID) -> list[SagaNodeEvent]:
    """Return the events of a text; raises like `event`."""
    return [event(token, saga_id) for token in text.split()]


def fold(flat: FlatDag, text: str, saga_id: SagaId = SAGA_ID) -> SagaState:
    """
    Return the state after a log.

    The output of a node without an action may be omitted: it is determined by the graph. Attempts
    are counted.

    Raises:
        ValueError: The text is not a log.
        RecoveryError: The log is not legal.
    """
    state = SagaState.new(flat, saga_id)
    for token in text.split():
        each = event(token, saga_id)
        if (node := each.node_id) is not None:
            started = state.status(node) is SagaNodeLoadStatus.STARTED
            if token.endswith(MARKS[Succeeded]) and started:
                output = state.own_output(node) or JsonText("null")
                each = attrs.evolve(each, event_type=Succeeded(output))
            if isinstance(what := each.event_type, AttemptFailed | UndoAttemptFailed):
                undoing = isinstance(what, UndoAttemptFailed)
                number = state.setbacks.next_number(node, undoing=undoing)
                each = attrs.evolve(each, event_type=attrs.evolve(what, attempt=number))
        state.apply(each)
    return state


def shown(log: Iterable[SagaNodeEvent]) -> str:
    """Return events as text, without their data."""
    return " ".join(_shown(each) for each in log)


def _shown(each: SagaNodeEvent) -> str:
    if each.node_id is None and isinstance(each.event_type, Ordered):
        return f"{MARKS[Ordered]}={each.event_type.verb.value}"
    return f"{each.node_id}{_mark(each.event_type)}"


def _mark(what: SagaNodeEventType) -> str:
    doubtful = isinstance(what, AttemptFailed) and what.in_doubt
    return IN_DOUBT if doubtful else MARKS[type(what)]


def inputs_of(text: str) -> list[Input]:
    """
    Return the inputs that tell a machine how actions ended.

    Raises:
        ValueError: A token is not a result.
    """
    return [_input(token) for token in text.split()]


def _input(token: str) -> Input:
    if token.endswith("@"):
        return inputs.Due(SagaNodeId(int(token[:-1]))) if token[:-1] else inputs.DeadlineCame()
    if (cancelled := _cancelled(token)) is not None:
        return cancelled
    result = event(token)
    if isinstance(what := result.event_type, Ordered):
        return inputs.Order(
            *(result.node_id, what.verb, what.by, what.why, what.expect, what.value or NULL),
            what.cancel,
            at=what.at,
            signal=what.signal,
            bulk=what.bulk,
        )
    node = result.node_id
    if node is None:
        msg = f"{shown([result])} is of no node"
        raise ValueError(msg)
    match what:
        case Succeeded(output=output):
            return inputs.ActionSucceeded(node, output)
        case Failed(error=error):
            return inputs.ActionRaised(node, error)
        case UndoFinished():
            return inputs.UndoSucceeded(node)
        case UndoFailed(error=undo_error):
            return inputs.UndoRaised(node, undo_error)
        case FailedInDoubt():
            return inputs.ActionRaised(node, ERROR, in_doubt=True)
        case AttemptFailed(error=error, in_doubt=doubt, next=due, reopen=reopen):
            # Without doubt: this says nothing of earlier attempts.
            return inputs.ActionRaised(node, error, doubt or None, inputs.Again(due, reopen))
        case UndoAttemptFailed(error=error, next=due, reopen=reopen):
            return inputs.UndoRaised(node, error, inputs.Again(due, reopen))
        case Started() | UndoStarted():
            msg = f"{shown([result])} is not a result: the machine itself starts nodes"
            raise ValueError(msg)
        case _:
            assert_never(what)


def _cancelled(token: str) -> inputs.CallCancelled | None:
    """Return the input that a call was cancelled; None if a token does not say so."""
    if (found := _CANCELLED.fullmatch(token)) is None:
        return None
    doubt = {"?": True, "✗": False}.get(found[2] or "")
    output = None if found[3] is None else JsonText(found[3])
    return inputs.CallCancelled(SagaNodeId(int(found[1])), doubt, output)


def step_text(step: Step) -> str:
    """Return a step as text, without data."""
    return " | ".join(filter(None, [shown(step.record), ", ".join(map(_command, step.then))]))


def _command(command: Command) -> str:
    match command:
        case RunAction(node_id=node, times=times):
            again = " again" if command.repeats else ""
            fails = ", fail" if command.fails else ""
            if command.cancelled is not None:
                fails = f", cancelled to {command.cancelled.value}"
            return f"run {node}" + (f" x{times}" if times > 1 else "") + again + fails
        case RunUndo(node_id=node, times=times):
            return f"undo {node}" + (f" x{times}" if times > 1 else "")
        case CancelCall(node_id=node):
            return f"cancel {node}"
        case Wait(node_id=node, until=until):
            return f"wait {node}" + ("" if until is None else f" until {until}")
        case AwaitDeadline(until=until):
            return f"wait until {until}"
        case Finish(outcome=outcome):
            return f"finish {outcome.value}"
        case _:
            assert_never(command)
