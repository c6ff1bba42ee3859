"""What has failed in a saga without ending it: attempts, and undos."""

from __future__ import annotations

from collections.abc import Iterator

import attrs

from steno.core._value import JsonText
from steno.core.graph._ids import EARLIEST, SagaNodeId, Timestamp
from steno.core.log._event import (
    AttemptFailed,
    Failed,
    FailedInDoubt,
    SagaNodeEvent,
    SagaNodeEventType,
    Started,
    Succeeded,
    UndoAttemptFailed,
    UndoFinished,
)
from steno.core.log._order import Ordered, Verb
from steno.errors import CorruptLog


@attrs.frozen
class Attempt:
    """
    The last call of a node that failed and was, or is, to be made again.

    Attributes:
        number: Its number, from 1; so also how many have failed.
        error: Why, as the event holds it.
        in_doubt: Whether the node may have taken effect; never of an undo action.
        next: When the next one is due; None: it is held.
        reopen: Whether one that is held is due at the next open.
    """

    number: int
    error: JsonText
    in_doubt: bool
    next: Timestamp | None
    reopen: bool

    @classmethod
    def of(cls, event: AttemptFailed | UndoAttemptFailed) -> Attempt:
        """Return the attempt that an event is about."""
        in_doubt = isinstance(event, AttemptFailed) and event.in_doubt
        return cls(event.attempt, event.error, in_doubt, event.next, event.reopen)

    @property
    def held(self) -> bool:
        """Whether the next one is due at no time, but waits for somebody to look at it."""
        return self.next is None


@attrs.define(eq=False)
class Setbacks:
    """
    The part of a saga's state that most sagas do not have.

    Attributes:
        attempts: The last failed attempt of each node whose action was to be called again.
        undo_attempts: The same of each node whose undo action was.
        forward: The nodes that wait to call their action again, each with the time at which it was
            first started.
        undoing: The same of undo actions.
        undo_failures: The undos that have failed and are not repaired, with their errors, in the
            order of the log.
        stopped: The nodes that somebody has ordered to hold, each with whether it, or its undo,
            could be begun otherwise.
        ordered: The nodes whose last event is an order to fail or to complete them, which has to
            be followed by that.
        cancelling: The nodes whose call is under way, and cancelled by an order: the last one for
            the node, or to unwind the saga, which says how the call ends.
    """

    attempts: dict[SagaNodeId, Attempt] = attrs.field(init=False, factory=dict)
    undo_attempts: dict[SagaNodeId, Attempt] = attrs.field(init=False, factory=dict)
    forward: dict[SagaNodeId, Timestamp | None] = attrs.field(init=False, factory=dict)
    undoing: dict[SagaNodeId, Timestamp | None] = attrs.field(init=False, factory=dict)
    undo_failures: dict[SagaNodeId, JsonText] = attrs.field(init=False, factory=dict)
    stopped: dict[SagaNodeId, bool] = attrs.field(init=False, factory=dict)
    ordered: dict[SagaNodeId, Verb] = attrs.field(init=False, factory=dict)
    cancelling: dict[SagaNodeId, Ordered] = attrs.field(init=False, factory=dict)
    _undone_since: dict[SagaNodeId, Timestamp | None] = attrs.field(init=False, factory=dict)

    def back_off(
        self, node: SagaNodeId, since: Timestamp | None, event: AttemptFailed | UndoAttemptFailed
    ) -> None:
        """Note that a node waits for another attempt."""
        self.cancelling.pop(node, None)
        if isinstance(event, AttemptFailed):
            self.attempts[node], self.forward[node] = Attempt.of(event), since
        else:
            self.undo_attempts[node], self.undoing[node] = Attempt.of(event), since

    def fail_undo(self, node: SagaNodeId, since: Timestamp | None, error: JsonText) -> None:
        """Note that an undo has failed for good, as far as nobody repairs it."""
        self.undo_failures[node] = error
        self._undone_since[node] = since

    def make_due(self, node: SagaNodeId, now: Timestamp | None) -> None:
        """Note that the next attempt of a node, or of its undo, is due now, if it waits for one."""
        due = EARLIEST if now is None else now
        if (error := self.undo_failures.pop(node, None)) is not None:
            number = self.next_number(node, undoing=True)
            failed = Attempt(number, error, in_doubt=False, next=due, reopen=False)
            self.undo_attempts[node] = failed
            self.undoing[node] = self._undone_since.pop(node)
            return
        if node in self.undoing:
            last = self.undo_attempts[node]
            self.undo_attempts[node] = attrs.evolve(last, next=due, reopen=False)
        elif node in self.forward:
            self.attempts[node] = attrs.evolve(self.attempts[node], next=due, reopen=False)

    def next_number(self, node: SagaNodeId, *, undoing: bool) -> int:
        """Return the number of the next attempt of a node's action, or of its undo action."""
        last = (self.undo_attempts if undoing else self.attempts).get(node)
        return 1 if last is None else last.number + 1

    def check_attempt(
        self, node: SagaNodeId, event: AttemptFailed | UndoAttemptFailed, *, unwinding: bool
    ) -> None:
        """
        Check a failed attempt.

        Raises:
            CorruptLog: It is not the next one by its number, or no other may follow it.
        """
        self.check_cancelled(node, event, unwinding=unwinding)
        if isinstance(event, AttemptFailed) and unwinding:
            raise CorruptLog(node, event.label, "its saga unwinds, so this attempt is its last")
        undoing = isinstance(event, UndoAttemptFailed)
        if (number := self.next_number(node, undoing=undoing)) != event.attempt:
            raise CorruptLog(node, event.label, f"it is attempt {number}, not {event.attempt}")

    def check_again(self, node: SagaNodeId, event: SagaNodeEvent) -> Timestamp | None:
        """
        Check that a node, or its undo, that waits for another attempt may be started again.

        Returns:
            When it was first started.

        Raises:
            CorruptLog: Something else was ordered, or it is held until somebody orders it.
        """
        forward = isinstance(event.event_type, Started)
        last = (self.attempts if forward else self.undo_attempts)[node]
        given = self.ordered.get(node)
        if given is not None or (last.held and not last.reopen):
            raise _not_ordered(node, event.event_type, given)
        return (self.forward if forward else self.undoing)[node]

    def check_failure(self, node: SagaNodeId, event: SagaNodeEvent, *, unwinding: bool) -> None:
        """
        Check the failure of a node.

        Raises:
            CorruptLog: Nobody has ordered it, or the node is given up in another doubt than its
                last attempt left it in.
        """
        self.check_ordered(node, event, Verb.FAIL, unwinding=unwinding)
        # Only between calls: one that ends may add to the doubt, and a probe take it away.
        in_doubt = isinstance(event.event_type, FailedInDoubt)
        if node in self.forward and self.attempts[node].in_doubt is not in_doubt:
            why = f"its last attempt left it {'out of' if in_doubt else 'in'} doubt"
            raise CorruptLog(node, event.event_type.label, why)

    def check_ordered(
        self, node: SagaNodeId, event: SagaNodeEvent, verb: Verb, *, unwinding: bool = False
    ) -> None:
        """
        Check an event that an order may allow.

        Args:
            node: Its node.
            event: The event.
            verb: The order that it would follow from.
            unwinding: Whether its saga unwinds.

        Raises:
            CorruptLog: Something else was ordered, or only an order would allow it.
        """
        self.check_cancelled(node, event.event_type, unwinding=unwinding)
        if (given := self.ordered.get(node)) is verb:
            return
        # Between calls, only giving up needs no order.
        given_up = verb is Verb.FAIL and unwinding
        between = (node in self.forward and not given_up) or node in self.undoing
        if given is not None or between or node in self.undo_failures:
            raise _not_ordered(node, event.event_type, given)

    def check_cancelled(
        self, node: SagaNodeId, event: SagaNodeEventType, *, unwinding: bool
    ) -> None:
        """
        Check an event that ends a call, if an order cancels that.

        Raises:
            CorruptLog: It is not how the order says that the call ends.
        """
        if (order := self.cancelling.get(node)) is None:
            return
        match order.verb, event:
            case Verb.UNWIND, _:
                pass  # whether it is cancelled depends on its action
            case Verb.COMPLETE, Succeeded(output=output) if output == order.value:
                pass
            case Verb.COMPLETE, UndoFinished():
                pass
            case Verb.RETRY, AttemptFailed(next=due) | UndoAttemptFailed(next=due) if (
                due is not None
            ):
                pass
            case Verb.RETRY, Succeeded():
                pass  # as a probe has found
            case Verb.RETRY, Failed() | FailedInDoubt() if unwinding:
                pass
            case Verb.FAIL, Failed() | FailedInDoubt():
                pass
            case _:
                raise _not_ordered(node, event, order.verb)

    def end(self, node: SagaNodeId) -> None:
        """Note that a node neither waits for another attempt, nor has an undo that failed."""
        self.forward.pop(node, None)
        self.undoing.pop(node, None)
        self.undo_failures.pop(node, None)
        self.ordered.pop(node, None)
        self.cancelling.pop(node, None)

    def is_held(self, node: SagaNodeId) -> bool:
        """Return True if a node that waits for another attempt does so without a time."""
        return self._awaited(node).held

    def reopens(self, node: SagaNodeId) -> bool:
        """Return True if a node that waits for another attempt is due at the next open."""
        return self._awaited(node).reopen

    def due_after(self, node: SagaNodeId, now: Timestamp | None) -> Timestamp | None:
        """Return when a node's next attempt is due, if that is after now; otherwise None."""
        due = self._awaited(node).next
        return None if due is None or now is None or due <= now else due

    def _awaited(self, node: SagaNodeId) -> Attempt:
        """Return the last attempt of a node that waits for another one."""
        return (self.undo_attempts if node in self.undoing else self.attempts)[node]

    def waiting(self) -> Iterator[tuple[SagaNodeId, Attempt]]:
        """Yield the nodes that wait for another attempt, each with its last one."""
        yield from ((node, self.attempts[node]) for node in self.forward)
        yield from ((node, self.undo_attempts[node]) for node in self.undoing)


def _not_ordered(node: SagaNodeId, event: SagaNodeEventType, verb: Verb | None) -> CorruptLog:
    """
    Return the error of an event that only an order allows, or that is not what was ordered.

    Args:
        node: The node.
        event: What the event says of it.
        verb: What was ordered instead; None: nothing was.
    """
    why = "nobody has ordered it"
    if verb is not None:
        why = f"the order before it is to {verb.value} the node"
    return CorruptLog(node, event.label, why)


NO_SETBACKS = Setbacks()
"""Those of a saga in which nothing has failed; nothing is ever added to it."""
