"""What has failed in a saga without ending it: attempts, and undos."""

from __future__ import annotations

from collections.abc import Iterator

import attrs

from steno.core._value import JsonText
from steno.core.graph._ids import SagaNodeId, Timestamp
from steno.core.log._event import AttemptFailed, UndoAttemptFailed


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
    """

    attempts: dict[SagaNodeId, Attempt] = attrs.field(init=False, factory=dict)
    undo_attempts: dict[SagaNodeId, Attempt] = attrs.field(init=False, factory=dict)
    forward: dict[SagaNodeId, Timestamp | None] = attrs.field(init=False, factory=dict)
    undoing: dict[SagaNodeId, Timestamp | None] = attrs.field(init=False, factory=dict)
    undo_failures: dict[SagaNodeId, JsonText] = attrs.field(init=False, factory=dict)

    def back_off(
        self, node: SagaNodeId, since: Timestamp | None, event: AttemptFailed | UndoAttemptFailed
    ) -> None:
        """Note that a node waits for another attempt."""
        if isinstance(event, AttemptFailed):
            self.attempts[node], self.forward[node] = Attempt.of(event), since
        else:
            self.undo_attempts[node], self.undoing[node] = Attempt.of(event), since

    def next_number(self, node: SagaNodeId, *, undoing: bool) -> int:
        """Return the number of the next attempt of a node's action, or of its undo action."""
        last = (self.undo_attempts if undoing else self.attempts).get(node)
        return 1 if last is None else last.number + 1

    def end(self, node: SagaNodeId) -> None:
        """Note that a node neither waits for another attempt, nor has an undo that failed."""
        self.forward.pop(node, None)
        self.undoing.pop(node, None)
        self.undo_failures.pop(node, None)

    def is_held(self, node: SagaNodeId) -> bool:
        """Return True if a node that waits for another attempt does so without a time."""
        return self._awaited(node).held

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


NO_SETBACKS = Setbacks()
"""Those of a saga in which nothing has failed; nothing is ever added to it."""
