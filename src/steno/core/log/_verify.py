"""
Whether a log keeps the rules, decided a second time.

Theory of operation. The fold (`_state`) counts what has happened so far. Here nothing is counted
and nothing has a status: one pass notes the place of each node's first event of each type, a second
one the place at which the last parent of a boundary had succeeded and its last child was undone.
Each rule is then a comparison of two places. So the two ways cannot share a mistake, and a log that
one of them refuses and the other allows shows a bug.

Where the order of a log is not known, as in a dump, "before" becomes "at all": a rule that is only
about order then says nothing, and the others say that the set of events is causally closed. Either
way it is linear in nodes, boundaries and events.

A log with attempts is always in order. What one node's events may be is then a regular expression,
not a table; see `_attempts`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Final, assert_never

import attrs

from steno.core._value import NULL, JsonText
from steno.core.graph._dag import SagaDag
from steno.core.graph._flat import FlatDag
from steno.core.graph._flat_node import EndNode, StartNode, SubsagaEndNode, SubsagaStartNode
from steno.core.graph._graph import NO_BOUNDARY
from steno.core.graph._ids import SagaId
from steno.core.graph._node import ActionNode, ConstantNode, SignalNode, SleepNode
from steno.core.log._attempts import AttemptRules
from steno.core.log._bulk_rule import given_again
from steno.core.log._cached_state import SagaCachedState
from steno.core.log._ends import ends_by_order
from steno.core.log._event import (
    AttemptFailed,
    Failed,
    FailedInDoubt,
    SagaNodeEvent,
    SagaNodeEventType,
    Started,
    Succeeded,
    UndoAttemptFailed,
    UndoFailed,
    UndoFinished,
    UndoStarted,
    are_stenos,
)
from steno.core.log._log_rule import Breach, LogRule
from steno.core.log._order import Ordered, Verb
from steno.core.log._steered import SteeringRules


def verify_log(
    dag: SagaDag,
    events: Iterable[SagaNodeEvent],
    *,
    saga_id: SagaId | None = None,
    finished: SagaCachedState | None = None,
    ordered: bool = True,
) -> Breach | None:
    """
    Return the first breach of the rules in a log of any origin; None if it keeps them all.

    A log that breaks off keeps the rules: every prefix of a log does.

    Args:
        dag: The saga's graph.
        events: The log.
        saga_id: Whose log it has to be; None: that of the saga of the first event.
        finished: How the saga is said to have ended, to be held against the log. None claims
            nothing, nor does a state in which a saga is not finished.
        ordered: True if the events are in the order in which they happened. False asks only
            whether some order of them keeps the rules, as for a dump of events that Steno has; any
            others have to be in order.
    """
    log = tuple(events)
    if saga_id is None and log:
        saga_id = log[0].saga_id
    verifier, again = _Verifier.of(dag.flat, log, ordered=ordered), given_again(log)
    for seq, event in enumerate(log):
        if event.saga_id != saga_id:
            why = f"it is of saga {event.saga_id}, in the log of saga {saga_id}"
            return verifier.breach(LogRule.ONE_SAGA, seq, why)
        if seq == again:
            return verifier.breach(
                LogRule.BULK_ONCE, seq, "it is part of one that was given before"
            )
        if (breach := verifier.check(seq)) is not None:
            return breach
    return verifier.check_end(finished)


_NEVER: Final = 1 << 62
"""The place of an event that has not happened: after all places."""
_ALWAYS: Final = -1
"""The place of something that needs no event: before all places."""

_KINDS: Final[tuple[type[SagaNodeEventType], ...]] = (
    Started,
    Succeeded,
    Failed,
    FailedInDoubt,
    AttemptFailed,
    UndoStarted,
    UndoFinished,
    UndoFailed,
    UndoAttemptFailed,
    Ordered,
)

# For logs without attempts, in which each kind of event comes once per node.
_AFTER: Final[dict[type[SagaNodeEventType], type[SagaNodeEventType]]] = {
    Succeeded: Started,
    Failed: Started,
    UndoStarted: Succeeded,
    UndoFinished: UndoStarted,
    UndoFailed: UndoStarted,
}
_INSTEAD_OF: Final[dict[type[SagaNodeEventType], type[SagaNodeEventType]]] = {
    Succeeded: Failed,
    Failed: Succeeded,
    UndoFinished: UndoFailed,
    UndoFailed: UndoFinished,
}


@attrs.frozen(eq=False)
class _Verifier:
    flat: FlatDag
    log: tuple[SagaNodeEvent, ...]
    ordered: bool
    first: dict[type[SagaNodeEventType], list[int]]  # by type and node: the place of its first
    failed: int  # the place of the first failure
    stuck: int  # the place of the first failure of an undo
    attempts: AttemptRules | None  # if there are any
    steered: SteeringRules | None  # if anything was ordered of the saga
    succeeded: list[int]  # by boundary: where the last of its parents has succeeded
    undone: list[int]  # by boundary: where the last of its children is undone
    ends: dict[int, str | None]  # by order on the saga: how it has ended by then, if it unwinds

    @classmethod
    def of(cls, flat: FlatDag, log: tuple[SagaNodeEvent, ...], *, ordered: bool) -> _Verifier:
        first = {kind: [_NEVER] * len(flat.nodes) for kind in _KINDS}
        for seq, event in enumerate(log):
            # An unknown node is a breach of its own, found by `check`; here it must only not crash.
            if event.node_id is not None and 0 <= event.node_id < len(flat.nodes):
                places = first[type(event.event_type)]
                places[event.node_id] = min(places[event.node_id], seq)
        failed = min(*first[Failed], *first[FailedInDoubt])
        stuck = min(first[UndoFailed])
        attempts = None if are_stenos(log) else AttemptRules.of(flat, log)
        steered = None
        if any(event.node_id is None for event in log):
            steered = SteeringRules.of(flat, log)
            failed = failed if steered.unwound is None else min(failed, steered.unwound)
        # The two lists by boundary are filled in after, since `undone_at` needs the rest.
        known = ordered or attempts is not None
        verifier = cls(flat, log, known, first, failed, stuck, attempts, steered, [], [], {})
        for boundary in flat.graph.boundaries:
            verifier.succeeded.append(max(first[Succeeded][node] for node in boundary.parents))
            verifier.undone.append(max(map(verifier.undone_at, boundary.children)))
        if steered is not None:
            started = first[Started]
            ends = ends_by_order(log, started, verifier.undone_at, verifier.stuck_before)
            verifier.ends.update(ends)
        return verifier

    def undone_at(self, node: int) -> int:
        """Return the place from which a node counts as undone."""
        # Never started, or only after the failure, where starting is a breach that is named there.
        # Without order, a node that has started at all may have done so before the failure.
        if self.first[Started][node] >= (self.failed if self.ordered else _NEVER):
            return _ALWAYS
        return min(self.first[UndoFinished][node], self.first[Failed][node])

    def breach(self, rule: LogRule, seq: int, why: str) -> Breach:
        """Return the breach of a rule by an event."""
        event = self.log[seq]
        node: str | None = None
        if event.node_id is not None:
            known = 0 <= event.node_id < len(self.flat.nodes)
            node = self.flat.path(event.node_id) if known else str(event.node_id)
        where = "the saga" if node is None else node
        return Breach(rule, seq, node, f"{event.event_type.label} of {where}: {why}")

    # Each event

    def check(self, seq: int) -> Breach | None:
        """Return how an event breaks the rules, if it does."""
        event = self.log[seq]
        node, kind = event.node_id, type(event.event_type)
        if node is None:
            return self.check_order_on_saga(seq)
        if not 0 <= node < len(self.flat.nodes):
            why = f"the saga has the nodes 0 to {len(self.flat.nodes) - 1}"
            return self.breach(LogRule.KNOWN_NODE, seq, why)
        # The order of these checks decides which rule a breach is blamed on: first the node's own
        # log, as in the fold, then the rules about other nodes.
        if self.steered is not None and (bad := self.steered.check_node(seq)) is not None:
            return self.breach(LogRule.STEERED, seq, bad)
        if self.attempts is not None:
            if (found := self.attempts.check(seq, node, self.failed)) is not None:
                return self.breach(*found)
        elif (breach := self.check_own_order(seq, node, kind)) is not None:
            return breach
        match event.event_type:
            case Started():
                return self.check_start(seq, node)
            case Succeeded(output=output):
                return self.check_output(seq, node, output)
            case UndoStarted():
                return self.check_undo(seq, node)
            case _:
                return None

    def check_order_on_saga(self, seq: int) -> Breach | None:
        """Check an order on the saga against what has become of it by then."""
        if self.steered is None:  # pragma: no cover - made wherever there is such an event
            return None
        ended = self.ended_by(seq)
        why = self.steered.check_saga(seq, unwinding=self.failed < seq, ended=ended)
        return None if why is None else self.breach(LogRule.STEERED, seq, why)

    def ended_by(self, seq: int) -> str | None:
        """Return how the saga has ended before an event, as `SteeringRules.check_saga` takes it."""
        if self.failed >= seq:
            end = self.first[Succeeded][self.flat.graph.end]
            return "succeeded" if end < seq else None
        return self.ends[seq]

    def check_own_order(self, seq: int, node: int, kind: type[SagaNodeEventType]) -> Breach | None:
        """Check an event against the others of its node, each of which comes once."""
        if self.first[kind][node] < seq:
            why = f"it is in the log already, as event {self.first[kind][node]}"
            return self.breach(LogRule.OWN_ORDER, seq, why)
        # Of two events that exclude each other, the later one is at fault.
        instead = _INSTEAD_OF.get(kind)
        if instead is not None and self.first[instead][node] < seq:
            why = f"event {self.first[instead][node]} says {instead.label} of it"
            return self.breach(LogRule.OWN_ORDER, seq, why)
        after = _AFTER.get(kind)
        if after is not None and not self.first[after][node] < self.now(seq):
            rule = LogRule.UNDO_OF_SUCCESS if kind is UndoStarted else LogRule.OWN_ORDER
            return self.breach(rule, seq, f"there is no {after.label} of it before it")
        return None

    def now(self, seq: int) -> int:
        """Return the bound below which a place counts as before an event."""
        return seq if self.ordered else _NEVER

    def check_start(self, seq: int, node: int) -> Breach | None:
        """Check a start against the nodes that the node depends on."""
        if self.ordered and self.failed < seq:
            why = f"a failure, event {self.failed}, stands before it"
            return self.breach(LogRule.NO_START_AFTER_FAILURE, seq, why)
        # One comparison for the whole stage above; the parent is looked for only to be named.
        above = self.flat.graph.above[node]
        if above == NO_BOUNDARY or self.succeeded[above] < self.now(seq):
            return None
        places = self.first[Succeeded]
        missing = next(
            p for p in self.flat.graph.boundaries[above].parents if places[p] >= self.now(seq)
        )
        why = f"{self.flat.path(missing)}, on which it depends, has not succeeded before it"
        return self.breach(LogRule.PARENTS_FIRST, seq, why)

    def check_undo(self, seq: int, node: int) -> Breach | None:
        """Check the start of an undo against the nodes that depend on the node."""
        if self.failed >= self.now(seq):
            why = "nothing has failed before it"
            return self.breach(LogRule.UNDO_AFTER_FAILURE, seq, why)
        if self.ordered and (stuck := self.stuck_before(seq)) is not None:
            why = f"the failure of an undo, event {stuck}, stands before it"
            return self.breach(LogRule.NO_UNDO_AFTER_STUCK, seq, why)
        below = self.flat.graph.below[node]
        if below == NO_BOUNDARY or self.undone[below] < self.now(seq):
            return None
        standing = next(
            child
            for child in self.flat.graph.boundaries[below].children
            if self.undone_at(child) >= self.now(seq)
        )
        why = f"{self.flat.path(standing)}, which depends on it, is not undone before it"
        return self.breach(LogRule.CHILDREN_FIRST, seq, why)

    def stuck_before(self, seq: int) -> int | None:
        """Return the first undo failure before an event that is not repaired by then."""
        if self.attempts is not None:
            return self.attempts.stuck_before(seq)
        return self.stuck if self.stuck < seq else None

    def check_output(self, seq: int, node: int, output: JsonText) -> Breach | None:
        """Check an output that no action has returned against the one it has to be."""
        wanted = self.own_output(node)
        flat_node = self.flat.nodes[node]
        if isinstance(flat_node, SignalNode):
            name = flat_node.signal_name
            sent = None if self.steered is None else self.steered.sent(seq, name)
            completed = self.attempts is not None and self.attempts.is_completed(seq)
            if sent is None and not completed:
                return self.breach(LogRule.OWN_OUTPUT, seq, "its signal was not sent before it")
            wanted = sent
        if wanted is None or wanted == output:
            return None
        return self.breach(LogRule.OWN_OUTPUT, seq, f"its output is not {_short(wanted)}")

    def own_output(self, node: int) -> JsonText | None:
        """Return the one output that a node can have; None if any, or if its source is missing."""
        flat_node = self.flat.nodes[node]
        match flat_node:
            case ActionNode() | SignalNode():
                return None
            case ConstantNode(value=value):
                return value
            case StartNode() | EndNode() | SubsagaStartNode() | SleepNode():
                return NULL
            case SubsagaEndNode():
                (last,) = self.flat.graph.parents(node)
                place = self.first[Succeeded][last]
                source = None if place == _NEVER else self.log[place].event_type
                return source.output if isinstance(source, Succeeded) else None
            case _:
                assert_never(flat_node)

    # The end

    def check_end(self, finished: SagaCachedState | None) -> Breach | None:
        """Check the log as a whole against the end that is claimed for it."""
        if finished is None or not finished.finished:
            return None
        if self.steered is not None and not self.steered.has_begun(len(self.log)):
            return self.unfounded(finished, "it waits to be started")
        if finished is not SagaCachedState.ABANDONED and self.is_abandoned():
            return self.unfounded(finished, "somebody has abandoned it")
        match finished:
            case SagaCachedState.SUCCEEDED if self.failed != _NEVER:
                return self.unfounded(finished, "it has unwound")
            case SagaCachedState.SUCCEEDED:
                return self.lacking(finished, self.not_succeeded, "has not succeeded")
            case SagaCachedState.FAILED if self.failed == _NEVER:
                return self.unfounded(finished, "no node has failed")
            case SagaCachedState.ABANDONED if not self.is_abandoned():
                return self.unfounded(finished, "nobody has ordered that")
            case SagaCachedState.FAILED:
                return self.lacking(finished, self.not_undone, "is not undone")
            case SagaCachedState.STUCK if not self.ends_stuck():
                return self.unfounded(finished, "no undo has failed")
            case SagaCachedState.STUCK:
                return self.lacking(finished, self.is_busy, "has begun something without an end")
            case _:
                return None

    def lacking(
        self, finished: SagaCachedState, lacks: Callable[[int], bool], what: str
    ) -> Breach | None:
        """Return a breach naming the first node that matches, or None."""
        node = next(filter(lacks, range(len(self.flat.nodes))), None)
        return None if node is None else self.unfounded(finished, f"{self.flat.path(node)} {what}")

    @staticmethod
    def unfounded(finished: SagaCachedState, why: str) -> Breach:
        """Return the breach of a claim about the end."""
        text = f"it is said that the saga has ended as {finished.value}, but {why}"
        return Breach(LogRule.WHOLE_END, None, None, text)

    def is_abandoned(self) -> bool:
        """Return True if somebody has ordered to abandon the saga."""
        return self.steered is not None and Verb.ABANDON in self.steered.given

    def ends_stuck(self) -> bool:
        """Return True if the undo of a node has failed, and was not repaired."""
        return self.stuck != _NEVER if self.attempts is None else self.attempts.ends_stuck

    def not_succeeded(self, node: int) -> bool:
        """Return True if a node has not succeeded."""
        return self.first[Succeeded][node] == _NEVER

    def not_undone(self, node: int) -> bool:
        """Return True if a node has started and is not undone."""
        return self.first[Started][node] != _NEVER and self.undone_at(node) == _NEVER

    def is_busy(self, node: int) -> bool:
        """Return True if an action or undo of the node was started and has no result."""
        if self.attempts is not None:
            return node in self.attempts.busy
        first = self.first
        acting = first[Started][node] != _NEVER
        acting &= min(first[Succeeded][node], first[Failed][node]) == _NEVER
        undoing = first[UndoStarted][node] != _NEVER
        undoing &= min(first[UndoFinished][node], first[UndoFailed][node]) == _NEVER
        return acting or undoing


def _short(text: str, most: int = 60) -> str:
    """Cut a text, which may have millions of characters, to a readable length."""
    return text if len(text) <= most else f"{text[:most]}…"
