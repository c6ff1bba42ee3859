"""
Log records: what a SEC reports about its sagas on the logger `steno`.

Each record about one saga has `saga_id`, `saga_name` and `node` as extras (`node` is None if it is
about the whole saga), and a traceback if there is one.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, MutableMapping
from typing import TypeAlias

from steno.action import has_endless_traceback, message_of
from steno.core import (
    AttemptFailed,
    Failed,
    FailedInDoubt,
    JsonText,
    SagaId,
    SagaMachine,
    SagaName,
    SagaNodeId,
    Step,
    Timestamp,
    UndoAttemptFailed,
    UndoFailed,
    action_error,
    escaped,
    undo_error,
)
from steno.errors import SagaHaltedError, SagaHeldError
from steno.runtime._exec_client import Awaits
from steno.runtime._fault import leaves

Raised: TypeAlias = MutableMapping[SagaNodeId, Exception] | None
"""Exceptions of actions and undo actions, by node; an action's is removed when logged."""

logger = logging.getLogger("steno")


class UnprintableError(Exception):
    """Replaces, in a traceback, an exception whose own text would take for ever."""


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
    Log something about a saga; this never raises, even if the error cannot be printed.

    Args:
        level: The level, one of those of `logging`.
        what: What happened, in one line.
        saga_id: The saga.
        saga_name: The name of the saga's kind, if known.
        node: The name of the node concerned, if there is one.
        error: The exception whose traceback is logged.
    """
    what = escaped(what)  # a record is one line, even if a node's name has several
    extra = {"saga_id": str(saga_id), "saga_name": saga_name, "node": node}
    try:
        if error is not None and has_endless_traceback(error):
            text = f"{type(error).__name__}: {message_of(error)}"
            error = UnprintableError(text).with_traceback(error.__traceback__)
        logger.log(level, "saga %s: %s", saga_id, what, exc_info=error, extra=extra)
    except Exception:  # noqa: BLE001 - printing an exception runs user code
        logger.log(
            level, "saga %s: %s (its traceback cannot be printed)", saga_id, what, extra=extra
        )


def text_of(error: BaseException) -> str:
    """Return an exception as one line; this never fails."""
    try:
        return f"{type(error).__name__}: {message_of(error)}"
    except Exception:  # noqa: BLE001 - the class may be the user's
        return "an exception that cannot be printed"


def report_failures(
    machine: SagaMachine, step: Step, raised: Raised, awaits: Callable[[Awaits], None]
) -> None:
    """
    Log each action, undo action and attempt that failed in a step that is now durable.

    Args:
        machine: The saga.
        step: The step.
        raised: The exceptions.
        awaits: Is told of the nodes that are held since they wait for a saga that is.
    """
    saga_id = machine.state.log.saga_id
    for event in step.record:
        if (node := event.node_id) is None:
            continue  # an order: who gave it knows
        match event.event_type:
            case Failed(error=error) | FailedInDoubt(error=error):
                cause = _taken(raised, node)
                _report_node(
                    machine, logging.WARNING, f"failed: {action_error(error)}", node, cause
                )
            case AttemptFailed(attempt=number, error=error, next=due):
                cause = _taken(raised, node)
                what = f"failed at attempt {number}: {action_error(error)}"
                _report_node(machine, *_again(due, what), node=node, error=cause)
                _tell_awaited(awaits, saga_id, node, cause)
            case UndoAttemptFailed(attempt=number, error=error, next=due):
                cause = _taken(raised, node)
                what = f"was not undone at attempt {number}: {_line(error)}"
                _report_node(machine, *_again(due, what), node=node, error=cause)
                _tell_awaited(awaits, saga_id, node, cause)
            case UndoFailed(error=error):
                # Its exception is kept: it is logged again if the saga gets stuck.
                cause = None if raised is None else raised.get(node)
                _report_node(machine, logging.ERROR, f"was not undone: {_line(error)}", node, cause)
            case _:
                pass


def _tell_awaited(
    awaits: Callable[[Awaits], None], saga_id: SagaId, node: SagaNodeId, cause: Exception | None
) -> None:
    """Tell of each saga that a call has waited for in vain, as that is held or halted."""
    for leaf in leaves(cause) if cause is not None else ():
        if isinstance(leaf, SagaHeldError | SagaHaltedError):
            halted = isinstance(leaf, SagaHaltedError)
            awaits(Awaits(saga_id, node, SagaId(leaf.saga_id), halted))


def report_stuck(machine: SagaMachine, raised: Raised) -> None:
    """Log that a saga is stuck, and at which node."""
    if (first := machine.state.first_undo_failure) is not None:
        node, error = first
        cause = None if raised is None else raised.get(node)
        _report_node(machine, logging.ERROR, _stuck(error), node, cause)


def stuck_at(machine: SagaMachine) -> str:
    """Return why a saga is stuck, as one line; empty if it is not."""
    if (first := machine.state.first_undo_failure) is None:
        return ""
    node, error = first
    return escaped(f'node "{machine.dag.flat.name_of(node)}" {_stuck(error)}')


def _stuck(error: JsonText) -> str:
    return f"was not undone, and the saga is stuck: {_line(error)}"


def _line(error: JsonText) -> str:
    """Return an error as one line; its own text has several."""
    return undo_error(error).source_error


def _taken(raised: Raised, node: SagaNodeId) -> Exception | None:
    """Remove and return the exception of a node's action."""
    return None if raised is None else raised.pop(node, None)


def _again(due: Timestamp | None, what: str) -> tuple[int, str]:
    """Return how grave a failed attempt is, and what is said of it."""
    if due is None:
        return logging.ERROR, f"{what}; it is held until somebody has looked at it"
    return logging.INFO, f"{what}; it is tried again"


def _report_node(
    machine: SagaMachine, level: int, what: str, node: SagaNodeId, error: Exception | None
) -> None:
    name = machine.dag.flat.name_of(node)
    saga_id, saga_name = machine.state.log.saga_id, machine.dag.saga_name
    report(level, f'node "{name}" {what}', saga_id, saga_name, node=name, error=error)
