"""
Log records: what a SEC says of its sagas on the logger `steno`.

Each record of one saga has `saga_id`, `saga_name` and `node` as extras (`node` is None where it is
about the whole saga), and the traceback where there is one.
"""

from __future__ import annotations

import logging
from collections.abc import MutableMapping
from typing import TypeAlias

from steno.action import has_endless_traceback, message_of
from steno.core import (
    Failed,
    JsonText,
    SagaId,
    SagaMachine,
    SagaName,
    SagaNodeId,
    Step,
    UndoFailed,
    action_error,
    escaped,
    undo_error,
)

Raised: TypeAlias = MutableMapping[SagaNodeId, Exception] | None
"""What actions and undo actions raised, by node; an action's is taken out when it is logged."""

logger = logging.getLogger("steno")


class UnprintableError(Exception):
    """Stands in a traceback for an exception whose own text would take for ever."""


def report(
    level: int,
    what: str,
    saga_id: SagaId,
    saga_name: SagaName | None,
    *,
    node: str | None = None,
    error: BaseException | None = None,
) -> None:
    """
    Log something about a saga; this never fails, whatever the error is.

    Args:
        level: The level, as `logging` has it.
        what: What happened, in one line.
        saga_id: The saga.
        saga_name: The name of its kind, if it is known.
        node: The name of the node that it happened to, if it did to one.
        error: The exception whose traceback is logged.
    """
    what = escaped(what)  # a record is a line, whatever a node is called
    extra = {"saga_id": str(saga_id), "saga_name": saga_name, "node": node}
    try:
        if error is not None and has_endless_traceback(error):
            text = f"{type(error).__name__}: {message_of(error)}"
            error = UnprintableError(text).with_traceback(error.__traceback__)
        logger.log(level, "saga %s: %s", saga_id, what, exc_info=error, extra=extra)
    except Exception:  # noqa: BLE001 - to print an exception is to run the user's code
        logger.log(
            level, "saga %s: %s (its traceback cannot be printed)", saga_id, what, extra=extra
        )


def report_failures(machine: SagaMachine, step: Step, raised: Raised) -> None:
    """Log each action and undo action that failed in a step which is durable now."""
    for event in step.record:
        node = event.node_id
        match event.event_type:
            case Failed(error=error):
                cause = None if raised is None else raised.pop(node, None)
                _report_node(
                    machine, logging.WARNING, node, f"failed: {action_error(error)}", cause
                )
            case UndoFailed(error=error):
                # Its exception stays: it is logged once more when the saga turns out to be stuck.
                cause = None if raised is None else raised.get(node)
                _report_node(machine, logging.ERROR, node, f"was not undone: {_line(error)}", cause)
            case _:
                pass


def report_stuck(machine: SagaMachine, raised: Raised) -> None:
    """Log that a saga is stuck, and at which node."""
    if (first := machine.state.first_undo_failure) is not None:
        node, error = first
        cause = None if raised is None else raised.get(node)
        what = f"was not undone, and the saga is stuck: {_line(error)}"
        _report_node(machine, logging.ERROR, node, what, cause)


def _line(error: JsonText) -> str:
    """Return an error in one line; its own text has several."""
    return undo_error(error).source_error


def _report_node(
    machine: SagaMachine, level: int, node: SagaNodeId, what: str, error: Exception | None
) -> None:
    name = machine.dag.flat.name_of(node)
    saga_id, saga_name = machine.state.log.saga_id, machine.dag.saga_name
    report(level, f'node "{name}" {what}', saga_id, saga_name, node=name, error=error)
