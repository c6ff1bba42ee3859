"""
The frontier of a saga: what may be begun next, forward or backward, by counting alone.

Theory of operation. Arrivals are counted at the boundaries between stages: a node may be started
when all its parents have succeeded, and undone when all its children are undone. Nothing is
searched for, so an event costs O(1), amortized, however many nodes there are and however wide a
stage is.

Undone means: its undo has finished; or it failed, without doubt; or it was never started, now that
none is started any more. The last is why the beginning of an unwinding sweeps, once, over all nodes
that will never start.
"""

from __future__ import annotations

from typing import TypeAlias

import attrs

from steno.core._value import JsonText
from steno.core.graph._flat import FlatDag
from steno.core.graph._flat_node import SubsagaEndNode
from steno.core.graph._graph import NO_BOUNDARY
from steno.core.graph._ids import SagaNodeId, Timestamp
from steno.core.graph._node import SignalNode
from steno.core.log._log import SagaLog
from steno.core.log._status import SagaNodeLoadStatus
from steno.core.machine._setback import NO_SETBACKS, Setbacks
from steno.core.machine._steering import NO_STEERING, Steering

NodeSet: TypeAlias = dict[SagaNodeId, None]
"""A set that keeps the order in which nodes came in."""


@attrs.define(eq=False)
class Frontier:
    """
    What may become of the nodes of one saga next; the part of its state that counts.

    Attributes:
        flat: The saga's graph.
        log: The events applied so far.
        outputs: The output of every node that has succeeded.
        unwinding: Whether what was done is being undone.
        setbacks: What has failed and is not the end of it. Few sagas have any.
        steering: What was ordered of the saga itself. Few sagas have any.
        begun: Whether it was started, since it was created or imported.
        runnable: Nodes that may be started now. This and the two below are the live sets, and
            plain attributes, as each step reads them several times.
        undoable: Nodes that have succeeded, or failed in doubt, and whose children are all undone.
        in_flight: Nodes whose action or undo action was started and has no result yet, each with
            the time at which it was first started.
        start_undone: Whether everything is undone.
    """

    flat: FlatDag
    log: SagaLog
    outputs: dict[SagaNodeId, JsonText] = attrs.field(init=False, factory=dict)
    unwinding: bool = attrs.field(init=False, default=False)
    setbacks: Setbacks = attrs.field(init=False, default=NO_SETBACKS)
    steering: Steering = attrs.field(init=False, default=NO_STEERING)
    begun: bool = attrs.field(init=False, default=False)
    runnable: NodeSet = attrs.field(init=False, factory=dict)
    undoable: NodeSet = attrs.field(init=False, factory=dict)
    in_flight: dict[SagaNodeId, Timestamp | None] = attrs.field(init=False, factory=dict)
    start_undone: bool = attrs.field(init=False, default=False)
    _awaited: list[int] = attrs.field(init=False)  # by boundary: parents not yet succeeded
    _standing: list[int] = attrs.field(init=False, factory=list)  # the same: children not undone

    def __attrs_post_init__(self) -> None:
        """Begin with the start node alone runnable."""
        self._awaited = list(self.flat.graph.parent_counts)
        self.runnable[SagaNodeId(self.flat.graph.start)] = None

    @property
    def has_succeeded(self) -> bool:
        """Whether every node has succeeded, and nothing of that is being undone."""
        return self.flat.graph.end in self.outputs and not self.unwinding

    def own_output(self, node: SagaNodeId) -> JsonText | None:
        """
        Return the only output that a started node can have.

        None if its action decides, or if it waits for a signal that was not sent.
        """
        if (fixed := self.flat.fixed_outputs[node]) is not None:
            return fixed
        match self.flat.nodes[node]:
            case SignalNode(signal_name=signal):
                return self.steering.signals.get(signal)
            case SubsagaEndNode():
                (last,) = self.flat.graph.parents(node)
                return self.outputs[SagaNodeId(last)]
            case _:
                return None

    def _let_begin(self, node: SagaNodeId) -> None:
        """Let a node be started, or undone, unless somebody has ordered to hold it."""
        if self.setbacks is not NO_SETBACKS and node in self.setbacks.stopped:
            self.setbacks.stopped[node] = True
        elif self.log.status(node) is not SagaNodeLoadStatus.NEVER_STARTED:
            self.undoable[node] = None
        else:
            self.runnable[node] = None

    def _note_success(self, node: SagaNodeId) -> None:
        graph = self.flat.graph
        if self.unwinding:
            self._let_begin(node)  # nothing below it was ever started: all of it is undone
            return
        boundary = graph.below[node]
        if boundary == NO_BOUNDARY:
            return  # the end node: the saga has succeeded
        self._awaited[boundary] -= 1
        if not self._awaited[boundary]:
            for child in graph.boundaries[boundary].children:
                if self.setbacks is NO_SETBACKS:  # as nearly always, and then without a call
                    self.runnable[SagaNodeId(child)] = None
                else:
                    self._let_begin(SagaNodeId(child))

    def _begin_unwinding(self) -> None:
        """Start nothing from now on, and undo what was done."""
        self.unwinding = True
        self._standing = list(self.flat.graph.child_counts)  # no saga needs it that succeeds
        self.runnable.clear()
        for held in self.setbacks.stopped:
            self.setbacks.stopped[held] = False  # what was to begin, does not any more
        # The end node depends on all others. If it was never started, it counts as undone; from
        # there the sweep walks up over all that never started.
        end = SagaNodeId(self.flat.graph.end)
        match self.log.status(end):
            case SagaNodeLoadStatus.SUCCEEDED:
                self._let_begin(end)
            case SagaNodeLoadStatus.STARTED:
                pass  # its result decides
            case _:
                self._note_undone(end)

    def _note_undone(self, node: int) -> None:
        """Count an undone node above it, and all that is thereby undone without an event."""
        graph = self.flat.graph
        # A worklist, not recursion: the first failure sweeps over the whole graph. Each node is
        # counted once in its life, so all sweeps together are O(nodes).
        undone = [node]
        while undone:
            boundary = graph.above[undone.pop()]
            if boundary == NO_BOUNDARY:
                self.start_undone = True
                continue
            self._standing[boundary] -= 1
            if self._standing[boundary]:
                continue
            for parent in map(SagaNodeId, graph.boundaries[boundary].parents):
                match self.log.status(parent):
                    case SagaNodeLoadStatus.SUCCEEDED | SagaNodeLoadStatus.FAILED_IN_DOUBT:
                        self._let_begin(parent)
                    case SagaNodeLoadStatus.NEVER_STARTED | SagaNodeLoadStatus.FAILED:
                        undone.append(parent)
                    case _:
                        pass  # still running: its result decides


def take(nodes: NodeSet, node: SagaNodeId) -> None:
    """Remove a node."""
    del nodes[node]
    # A dict keeps its table when keys are deleted, and walking it costs as much as it was once
    # long. `clear` drops the table.
    if not nodes:
        nodes.clear()
