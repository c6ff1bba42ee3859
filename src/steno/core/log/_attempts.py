"""
The rules about attempts, decided a second time; a part of `verify_log`.

A node's events are spelled as a word, a letter for each, and a regular expression says which words
a log may have. It matches the beginnings of such words too, as a log may break off anywhere.
"""

from __future__ import annotations

import re
from typing import Final

import attrs

from steno.core.graph._flat import FlatDag
from steno.core.graph._node import ActionNode
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
)
from steno.core.log._log_rule import LogRule

# A failed attempt is `b` if it left the node in doubt, and `a` if not.
_LETTERS: Final[dict[type[SagaNodeEventType], str]] = {
    Started: "s",
    Succeeded: "k",
    Failed: "f",
    FailedInDoubt: "d",
    AttemptFailed: "a",
    UndoStarted: "S",
    UndoFinished: "F",
    UndoFailed: "X",
    UndoAttemptFailed: "A",
}

# The undo: tried again and again; then it finishes, or somebody says that it has; or it fails, and
# somebody mends that.
_UNDO: Final = "(S(AS)*(A?F|A|XF?)?)?"

# The action, likewise. Between two calls it is given up as the last one left it, in doubt or not;
# a call that ends may say either, since a probe may follow it.
_WORD: Final = re.compile(f"(s([ab]s)*((k|d|ak|bk|bd){_UNDO}|f|af|a|b)?)?")

_Fault = tuple[LogRule, int, str]


@attrs.frozen(eq=False)
class AttemptRules:
    """
    What can be said of the events of a log with attempts, each in its place.

    Attributes:
        faults: By place, how an event breaks the order of its node's own events.
        numbers: By place, the number that a failed attempt has to have.
        waiting: By place, a node that waits for another attempt of its action, if there is one.
        stuck: By place, where the first undo failed that is not repaired before it, if one did.
        busy: The nodes whose last event is the start of something.
        ends_stuck: Whether an undo has failed that is not repaired by the end.
    """

    flat: FlatDag
    log: tuple[SagaNodeEvent, ...]
    faults: dict[int, str]
    numbers: dict[int, int]
    waiting: list[int | None]
    stuck: list[int | None]
    busy: frozenset[int]
    ends_stuck: bool

    @classmethod
    def of(cls, flat: FlatDag, log: tuple[SagaNodeEvent, ...]) -> AttemptRules:
        """Go through a log, twice: once for each node's own events, once for what stands open."""
        places: dict[int, list[int]] = {}
        for seq, event in enumerate(log):
            places.setdefault(event.node_id, []).append(seq)
        faults: dict[int, str] = {}
        numbers: dict[int, int] = {}
        busy: set[int] = set()
        for node, own in places.items():
            word = "".join(_letter(log[seq]) for seq in own)
            if (wrong := _first_wrong(word)) is not None:
                faults[own[wrong]] = f"it cannot follow {_named(log, own[:wrong])}"
            if word[-1] in "sS":
                busy.add(node)
            for kind in (AttemptFailed, UndoAttemptFailed):
                of_kind = [seq for seq in own if isinstance(log[seq].event_type, kind)]
                numbers.update({seq: number for number, seq in enumerate(of_kind, start=1)})
        return cls(
            flat, log, faults, numbers, *_open_before(log), frozenset(busy), _ends_stuck(log)
        )

    def check(self, seq: int, first_failure: int) -> _Fault | None:
        """Return the rule that an event breaks, with its place and why, if it breaks one."""
        event = self.log[seq]
        what = event.event_type
        if (why := self.faults.get(seq)) is not None:
            return LogRule.OWN_ORDER, seq, why
        match what:
            case AttemptFailed() | UndoAttemptFailed():
                if not isinstance(self.flat.nodes[event.node_id], ActionNode):
                    return LogRule.ATTEMPTS_OF_ACTIONS, seq, "it does not run an action"
                if isinstance(what, AttemptFailed) and first_failure < seq:
                    why = f"a failure, event {first_failure}, stands before it"
                    return LogRule.LAST_ATTEMPT, seq, why
                if what.attempt != (number := self.numbers[seq]):
                    why = f"it is attempt {number}, not {what.attempt}"
                    return LogRule.COUNTED_ATTEMPTS, seq, why
            case FailedInDoubt() if not isinstance(self.flat.nodes[event.node_id], ActionNode):
                return LogRule.ATTEMPTS_OF_ACTIONS, seq, "it does not run an action"
            # Another node: one that waits itself has no undo, by its own order.
            case UndoStarted() if (waiting := self.waiting[seq]) is not None:
                why = f"{self.flat.path(waiting)} waits for another attempt"
                return LogRule.GIVEN_UP_FIRST, seq, why
            case _:
                pass
        return None

    def stuck_before(self, seq: int) -> int | None:
        """Return where the first undo failed that is not repaired before an event."""
        return self.stuck[seq]


def _open_before(
    log: tuple[SagaNodeEvent, ...],
) -> tuple[list[int | None], list[int | None]]:
    """Return for each event a node that waits by then, and where the first failed undo stands."""
    waiting: dict[int, None] = {}
    failed: dict[int, int] = {}
    was_waiting: list[int | None] = []
    was_stuck: list[int | None] = []
    for seq, event in enumerate(log):
        was_waiting.append(next(iter(waiting), None))
        was_stuck.append(next(iter(failed.values()), None))
        waiting.pop(event.node_id, None)
        failed.pop(event.node_id, None)
        if isinstance(event.event_type, AttemptFailed):
            waiting[event.node_id] = None
        elif isinstance(event.event_type, UndoFailed):
            failed[event.node_id] = seq
    return was_waiting, was_stuck


def _ends_stuck(log: tuple[SagaNodeEvent, ...]) -> bool:
    """Return True if the last event of some node is the failure of its undo."""
    last = {event.node_id: event.event_type for event in log}
    return any(isinstance(what, UndoFailed) for what in last.values())


def _letter(event: SagaNodeEvent) -> str:
    what = event.event_type
    if isinstance(what, AttemptFailed) and what.in_doubt:
        return "b"
    return _LETTERS[type(what)]


def _first_wrong(word: str) -> int | None:
    """Return the place of the first letter that no word of a log has there; None: all are right."""
    if _WORD.fullmatch(word):
        return None
    # Beginnings of words are matched too, so this can be searched for by halving.
    right, wrong = 0, len(word)
    while wrong - right > 1:
        middle = (right + wrong) // 2
        if _WORD.fullmatch(word[:middle]):
            right = middle
        else:
            wrong = middle
    return right


def _named(log: tuple[SagaNodeEvent, ...], before: list[int]) -> str:
    if not before:
        return "nothing"
    return f"event {before[-1]}, {log[before[-1]].event_type.label}"
