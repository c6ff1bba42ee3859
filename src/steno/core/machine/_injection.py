"""Injections: faults and repetitions that a test or an operator wants, until the next restart."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import assert_never

import attrs

from steno.core.graph._dag import SagaDag
from steno.core.graph._flat import FlatDag
from steno.core.graph._flat_node import EndNode, StartNode, SubsagaStartNode
from steno.core.graph._ids import SagaNodeId
from steno.core.log._status import SagaNodeLoadStatus
from steno.core.machine import _input
from steno.core.machine._input import Injection, RepeatInjected
from steno.core.machine._state import SagaState
from steno.errors import NodeBegun, NoSuchNode

ONCE = RepeatInjected()


@attrs.frozen
class Injected:
    """
    What was injected into one saga.

    Attributes:
        fail_action: The nodes whose actions are to fail.
        fail_undo: The nodes whose undo actions are to fail.
        repeat: How often nodes are to be called.
    """

    fail_action: frozenset[SagaNodeId] = frozenset()
    fail_undo: frozenset[SagaNodeId] = frozenset()
    repeat: Mapping[SagaNodeId, RepeatInjected] = MappingProxyType[SagaNodeId, RepeatInjected]({})

    def with_injection(self, injection: Injection) -> Injected:
        """Return all of this with one more."""
        node = injection.node_id
        match injection:
            case _input.InjectError():
                return attrs.evolve(self, fail_action=self.fail_action | {node})
            case _input.InjectErrorUndo():
                return attrs.evolve(self, fail_undo=self.fail_undo | {node})
            case _input.InjectRepeat(repeat=repeat):
                return attrs.evolve(self, repeat={**self.repeat, node: repeat})
            case _:
                assert_never(injection)


NOTHING_INJECTED = Injected()


def injectable(dag: SagaDag, node: str | int) -> SagaNodeId:
    """
    Return the index of a node that can be made to fail or repeat.

    Raises:
        NoSuchNode: There is no such node, or it only marks a beginning or an end.
    """
    index = dag.get_index(node)
    _check_injectable(dag.flat, index, node)
    return index


def check_injection(injection: Injection, state: SagaState, *, started: bool) -> None:
    """
    Check an injection.

    Args:
        injection: What is injected.
        state: The state of the saga.
        started: Whether it runs, so that calls that were in flight have been made again.

    Raises:
        NoSuchNode: Nothing can be injected into that node.
        NodeBegun: It is too late.
    """
    node = state.flat.get_index(injection.node_id)
    _check_injectable(state.flat, node, injection.node_id)
    match injection:
        case _input.InjectError():
            _check_not_begun(node, state, started=started)
        case _input.InjectErrorUndo():
            _check_not_undone(node, state, started=started)
        case _input.InjectRepeat(repeat=repeat):
            # Only the part that asks for something can be too late.
            if repeat.action != ONCE.action:
                _check_not_begun(node, state, started=started)
            if repeat.undo != ONCE.undo:
                _check_not_undone(node, state, started=started)
        case _:
            assert_never(injection)


def _check_injectable(flat: FlatDag, index: SagaNodeId, node: str | int) -> None:
    match flat.nodes[index]:
        case StartNode() | EndNode() | SubsagaStartNode() as marker:
            raise NoSuchNode(node, f"nothing can be injected into the {marker.label}")
        case _:
            pass


def _check_not_begun(node: SagaNodeId, state: SagaState, *, started: bool) -> None:
    """Raise NodeBegun if the node's action will not be called any more."""
    # Before the saga runs, a call that was in flight at the crash is still to be made again.
    status = state.status(node)
    called_again = status is SagaNodeLoadStatus.BACKING_OFF or (
        status is SagaNodeLoadStatus.STARTED and not started
    )
    if status is SagaNodeLoadStatus.NEVER_STARTED and state.unwinding:
        raise NodeBegun(state.flat.name_of(node), "is never started, as its saga unwinds")
    if status is not SagaNodeLoadStatus.NEVER_STARTED and not called_again:
        raise NodeBegun(state.flat.name_of(node), "has been started")


def _check_not_undone(node: SagaNodeId, state: SagaState, *, started: bool) -> None:
    """Raise NodeBegun if the node's undo action will not be called any more."""
    status, name = state.status(node), state.flat.name_of(node)
    if status is SagaNodeLoadStatus.UNDO_STARTED and not started:
        return
    if status is SagaNodeLoadStatus.UNDO_BACKING_OFF:
        return
    match status:
        case SagaNodeLoadStatus.NEVER_STARTED if state.unwinding:
            raise NodeBegun(name, "is never started, as its saga unwinds")
        case SagaNodeLoadStatus.FAILED:
            raise NodeBegun(name, "has failed, so that it is not undone")
        case (
            SagaNodeLoadStatus.UNDO_STARTED
            | SagaNodeLoadStatus.UNDO_FINISHED
            | SagaNodeLoadStatus.UNDO_FAILED
        ):
            raise NodeBegun(name, "has begun to be undone")
        case _ if state.stuck:
            raise NodeBegun(name, "is not undone any more, as its saga is stuck")
        case _:
            pass
