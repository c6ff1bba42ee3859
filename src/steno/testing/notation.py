"""
Logs, inputs and steps as text, for tests that read like a script.

On node 3: `3+` started, `3✓` succeeded, `3✗` failed, `3-` undo_started, `3∅` undo_finished, `3!`
undo_failed. `3✓=1211` gives the output as JSON without blanks; else it is null. A log is such
tokens with blanks between. A step is its record, then ` | `, then what it asks for, as in
`0✓ 1+ 2+ | run 1, run 2`, `2∅ 0- | undo 0` or `4✓ | finish succeeded`; `run 1 x2` is to run it
twice.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Final, assert_never
from uuid import UUID

import attrs

from steno.core import (
    ActionFailed,
    Command,
    Failed,
    Finish,
    FlatDag,
    Input,
    JsonText,
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
    UndoActionError,
    UndoFailed,
    UndoFinished,
    UndoStarted,
    encode_json,
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
}
"""The mark of each type of event."""

_TOKEN: Final = re.compile(r"(-?\d+)([+✓✗∅!-])(?:=(.+))?")


def event_type(mark: str, output: str | None = None) -> SagaNodeEventType:
    """
    Return the type of event that a mark stands for.

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
        case _:
            msg = f"{mark!r} is not one of {' '.join(MARKS.values())}"
            raise ValueError(msg)


def event(text: str, saga_id: SagaId = SAGA_ID) -> SagaNodeEvent:
    """
    Return the event that a token stands for.

    Raises:
        ValueError: It is not an event.
    """
    found = _TOKEN.fullmatch(text)
    if found is None:
        msg = (
            f"{text!r} is not an event: a node's number, one of {' '.join(MARKS.values())}, =output"
        )
        raise ValueError(msg)
    node, mark, output = found.groups()
    return SagaNodeEvent(saga_id, SagaNodeId(int(node)), event_type(mark, output))


def events(text: str, saga_id: SagaId = SAGA_ID) -> list[SagaNodeEvent]:
    """Return the events of a text; raises like `event`."""
    return [event(token, saga_id) for token in text.split()]


def fold(flat: FlatDag, text: str, saga_id: SagaId = SAGA_ID) -> SagaState:
    """
    Return the state after a log.

    The output of a node without an action may be omitted: it is determined by the graph.

    Raises:
        ValueError: The text is not a log.
        RecoveryError: The log is not legal.
    """
    state = SagaState.new(flat, saga_id)
    for token in text.split():
        each = event(token, saga_id)
        started = state.status(each.node_id) is SagaNodeLoadStatus.STARTED
        if token.endswith(MARKS[Succeeded]) and started:
            output = state.own_output(each.node_id) or JsonText("null")
            each = attrs.evolve(each, event_type=Succeeded(output))
        state.apply(each)
    return state


def shown(log: Iterable[SagaNodeEvent]) -> str:
    """Return events as text, without their data."""
    return " ".join(f"{each.node_id}{MARKS[type(each.event_type)]}" for each in log)


def inputs_of(text: str) -> list[Input]:
    """
    Return the inputs that tell a machine how actions ended.

    Raises:
        ValueError: A token is not a result.
    """
    return [_input(event(token)) for token in text.split()]


def _input(result: SagaNodeEvent) -> Input:
    node = result.node_id
    match result.event_type:
        case Succeeded(output=output):
            return inputs.ActionSucceeded(node, output)
        case Failed(error=error):
            return inputs.ActionRaised(node, error)
        case UndoFinished():
            return inputs.UndoSucceeded(node)
        case UndoFailed(error=undo_error):
            return inputs.UndoRaised(node, undo_error)
        case Started() | UndoStarted():
            msg = f"{shown([result])} is not a result: the machine itself starts nodes"
            raise ValueError(msg)
        case _:
            assert_never(result.event_type)


def step_text(step: Step) -> str:
    """Return a step as text, without data."""
    return " | ".join(filter(None, [shown(step.record), ", ".join(map(_command, step.then))]))


def _command(command: Command) -> str:
    match command:
        case RunAction(node_id=node, times=times):
            return f"run {node}" + (f" x{times}" if times > 1 else "")
        case RunUndo(node_id=node, times=times):
            return f"undo {node}" + (f" x{times}" if times > 1 else "")
        case Finish(outcome=outcome):
            return f"finish {outcome.value}"
        case _:
            assert_never(command)
