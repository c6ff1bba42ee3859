"""Hints: what a saga's author may have forgotten, though no run has shown that it matters."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from steno.testing.explorer._case import Case
from steno.testing.explorer._explored_saga import ExploredSaga


def doubt_hints(
    subject: ExploredSaga, children: Mapping[str, str], nodes: Iterable[str] | None = None
) -> tuple[str, ...]:
    """
    Return a hint for each action with an undo action that does not say what holds in doubt.

    Args:
        subject: What is explored.
        children: The nodes of sagas created by actions, with the names of their actions.
        nodes: Only the actions of these nodes; None for all.
    """
    of_action: dict[str, list[str]] = {}
    for node, name in {**subject.actions, **children}.items():
        chosen = nodes is None or node in nodes
        if chosen and subject.declarations[name].says_nothing_of_doubt:
            of_action.setdefault(name, []).append(node)
    return tuple(_doubt_hint(name, at) for name, at in of_action.items())


def hints_for(subject: ExploredSaga, children: Mapping[str, str], case: Case) -> tuple[str, ...]:
    """Return the hints for the actions that a case makes fail, which may be the cause of it."""
    return doubt_hints(
        subject, children, [fault.callee.node for fault in case.faults if fault.callee.acting]
    )


def _doubt_hint(action: str, nodes: list[str]) -> str:
    named = ", ".join(f'"{node}"' for node in nodes)
    return (
        f'action "{action}" ({named}) does not say what holds if a call fails after its effect, as '
        "when a timeout or a crash hides the answer: it is not undone then. Decorate its undo with "
        "in_doubt=True if it can be called when it is not known whether the action was done; or "
        "say atomic=True if a call that does not return has had no effect"
    )
