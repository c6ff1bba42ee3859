"""
Logs, inputs and steps as text, in the notation of the specification.

On node `n`: `n+` started, `n✓` succeeded, `n✗` failed, `n-` undo_started, `n∅` undo_finished, `n!`
undo_failed. `3✓=1211` gives the output; it is null without. A step is its record, then ` | `, then
what it asks for.
"""

import re
from collections.abc import Iterable
from uuid import UUID

from steno.core import (
    ActionFailed,
    Failed,
    FlatDag,
    Input,
    JsonText,
    SagaDag,
    SagaId,
    SagaMachine,
    SagaNodeEvent,
    SagaNodeEventType,
    SagaNodeId,
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
from steno.core._command import Finish, RunAction, RunUndo

SAGA_ID = SagaId(UUID("049b2522-308d-442e-bc65-9bfaef863597"))
OTHER_ID = SagaId(UUID("0f8fad5b-d9cb-469f-a165-70867728950e"))

ERROR = ActionFailed(encode_json({"message": "no"}))
UNDO_ERROR = UndoActionError.attempt(1, "no")

MARKS: dict[type[SagaNodeEventType], str] = {
    Started: "+",
    Succeeded: "✓",
    Failed: "✗",
    UndoStarted: "-",
    UndoFinished: "∅",
    UndoFailed: "!",
}

TOKEN = re.compile(r"(-?\d+)([+✓✗∅!-])(?:=(.*))?")


def event_type(mark: str, output: str | None = None) -> SagaNodeEventType:
    """Return the event type of a mark, with data that nobody minds."""
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
    raise AssertionError(mark)


def event(text: str, saga_id: SagaId = SAGA_ID) -> SagaNodeEvent:
    node, mark, output = TOKEN.fullmatch(text).groups()
    return SagaNodeEvent(saga_id, SagaNodeId(int(node)), event_type(mark, output))


def events(text: str, saga_id: SagaId = SAGA_ID) -> list[SagaNodeEvent]:
    return [event(token, saga_id) for token in text.split()]


def shown(log: Iterable[SagaNodeEvent]) -> str:
    """Return events as text, without their data."""
    return " ".join(f"{e.node_id}{MARKS[type(e.event_type)]}" for e in log)


def fold(flat: FlatDag, text: str) -> SagaState:
    return SagaState.fold(flat, SAGA_ID, events(text))


def inputs_of(text: str) -> list[Input]:
    """Return what a machine is told when actions end; only results can be told."""
    return [_input(event(token)) for token in text.split()]


def _input(result: SagaNodeEvent) -> Input:
    node = result.node_id
    match result.event_type:
        case Succeeded(output=output):
            return inputs.ActionSucceeded(node, output)
        case Failed(error=error):
            return inputs.ActionFailed(node, error)
        case UndoFinished():
            return inputs.UndoSucceeded(node)
        case UndoFailed(error=error):
            return inputs.UndoFailed(node, error)
    raise AssertionError(result)


def step_text(step: Step) -> str:
    return " | ".join(filter(None, [shown(step.record), ", ".join(map(_command, step.then))]))


def _command(command: RunAction | RunUndo | Finish) -> str:
    match command:
        case RunAction(node_id=node, times=times):
            return f"run {node}" + (f" x{times}" if times > 1 else "")
        case RunUndo(node_id=node, times=times):
            return f"undo {node}" + (f" x{times}" if times > 1 else "")
        case Finish(outcome=outcome):
            return f"finish {outcome.value}"
    raise AssertionError(command)


class Play:
    """A machine that is talked to in this notation; a test of it reads as a script."""

    def __init__(self, dag: SagaDag, log: str = "", *injections: Input) -> None:
        self.machine = SagaMachine(dag, SagaState.fold(dag.flat, SAGA_ID, events(log)))
        self.steps: list[Step] = []
        if injections:
            self.machine.handle(injections)

    @property
    def state(self) -> SagaState:
        return self.machine.state

    def start(self) -> str:
        return self._keep(self.machine.start())

    def tell(self, text: str) -> str:
        """Tell the results of a text, all in one `handle`."""
        return self._keep(self.machine.handle(inputs_of(text)))

    def inject(self, *injections: Input) -> str:
        return self._keep(self.machine.handle(injections))

    def _keep(self, step: Step) -> str:
        self.steps.append(step)
        return step_text(step)

    @property
    def log(self) -> str:
        return shown(self.state.log.events)
