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
from steno.core.graph._node import ActionNode, WaitNode
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
from steno.core.log._order import Ordered, Verb

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
# In small letters if it cancels a call.
_ORDER_LETTERS: Final = {Verb.HOLD: "H", Verb.RETRY: "R", Verb.FAIL: "Z", Verb.COMPLETE: "C"}
_MISPLACED: Final = "?"  # an order that is not about a node; no word has it

# Orders that cancel a call while it is under way, of which the last one says how the call ends.
_CANCELLED: Final = "(r(?!r)|z(?!z)|c(?!c))*"
_UNDO_CANCELLED: Final = "(r(?!r)|c(?!c))*"
_FINISHED: Final = "(?<!r)F"
_UNDO_RETRIED: Final = "(?<!c)A"
_SUCCEEDED: Final = "(?<!z)k"  # a call that is to be made again may turn out to be done
_FAILED: Final = "(?<!c)f"  # or to be the last one, as the saga unwinds
_IN_DOUBT: Final = "(?<!c)d"
_RETRIED: Final = "(?<![zc])"

# The undo: tried again and again, whether its time has come or somebody has ordered it; after it
# has failed, only by an order. It finishes, or somebody says that it has.
_UNDO: Final = (
    f"(S{_UNDO_CANCELLED}({_UNDO_RETRIED}R*|(?<=S)XR+))*"
    f"(S{_UNDO_CANCELLED}({_FINISHED}|({_UNDO_RETRIED}R*|(?<=S)XR*)(CF?)?)?)?"
)

# The action, likewise. Between two calls it is given up as the last one left it, in doubt or not,
# since the saga unwinds or by an order; a call that ends may say either, since a probe may follow
# it. A node that only waits can be ended by an order while it is started.
_WORD: Final = re.compile(
    f"(s{_CANCELLED}{_RETRIED}[ab]R*)*"
    f"(s{_CANCELLED}(({_SUCCEEDED}|{_IN_DOUBT}|(?<=s)Ck){_UNDO}|{_FAILED}|(?<=s)(Zf?|C)"
    f"|{_RETRIED}aR*(f|Zf?|C|Ck{_UNDO})?|{_RETRIED}bR*(Z|C|(d|Zd|Ck){_UNDO})?)?)?"
)

# After these there is nothing left to hold: it has failed, or is to, or somebody has done it.
_SETTLED: Final = {"f", "Z", "C"}
_WAITS: Final = {"a", "b", "R"}  # for another attempt of the action

_Fault = tuple[LogRule, int, str]


@attrs.frozen(eq=False)
class AttemptRules:
    """
    What can be said of the events of a log with attempts, each in its place.

    Attributes:
        faults: By place, how an event breaks a rule about its node's own events.
        numbers: By place, the number that a failed attempt has to have.
        before: By place, where the event of the same node stands that it follows, apart from
            orders to hold and those that only lift one.
        succeeded: The place at which the saga has succeeded, or one after all.
        waiting: By place, a node that waits for another attempt of its action, if there is one.
        stuck: By place, where the first undo failed that is not repaired before it, if one did.
        busy: The nodes whose last event is the start of something.
        ends_stuck: Whether an undo has failed that is not repaired by the end.
    """

    flat: FlatDag
    log: tuple[SagaNodeEvent, ...]
    faults: dict[int, tuple[LogRule, str]]
    numbers: dict[int, int]
    before: dict[int, int]
    succeeded: int
    waiting: list[int | None]
    stuck: list[int | None]
    busy: frozenset[int]
    ends_stuck: bool

    @classmethod
    def of(cls, flat: FlatDag, log: tuple[SagaNodeEvent, ...]) -> AttemptRules:
        """Go through a log, twice: once for each node's own events, once for what stands open."""
        places: dict[int, list[int]] = {}
        for seq, event in enumerate(log):
            if event.node_id is not None:
                places.setdefault(event.node_id, []).append(seq)
        failed = next((seq for seq, event in enumerate(log) if _begins_unwinding(event)), len(log))
        ends = (seq for seq in places.get(flat.graph.end, ()) if _letter(log[seq]) == "k")
        faults: dict[int, tuple[LogRule, str]] = {}
        numbers: dict[int, int] = {}
        before: dict[int, int] = {}
        busy: set[int] = set()
        for node, every in places.items():
            own, wrong_hold = _without_holds(log, every, failed)
            word = "".join(_letter(log[seq]) for seq in own)
            if (wrong := _first_wrong(word)) is not None:
                why = f"it cannot follow {_named(log, own[:wrong])}"
                faults[own[wrong]] = LogRule.OWN_ORDER, why
            faults |= wrong_hold
            before.update(zip(own[1:], own, strict=False))
            if word.rstrip("ZCrzc")[-1:] in {"s", "S"}:
                busy.add(node)
            for kinds in ((AttemptFailed,), (UndoAttemptFailed, UndoFailed)):
                of_kind = [seq for seq in own if isinstance(log[seq].event_type, kinds)]
                numbers.update({seq: number for number, seq in enumerate(of_kind, start=1)})
        return cls(
            flat,
            log,
            faults,
            numbers,
            before,
            next(ends, len(log)),
            *_open_before(log),
            frozenset(busy),
            _ends_stuck(log),
        )

    def check(self, seq: int, node: int, first_failure: int) -> _Fault | None:
        """Return the rule that an event breaks, with its place and why, if it breaks one."""
        what = self.log[seq].event_type
        if (fault := self.faults.get(seq)) is not None:
            return fault[0], seq, fault[1]
        if (why := self._unordered(seq, node, first_failure)) is not None:
            return LogRule.ORDERED, seq, why
        match what:
            case AttemptFailed() | UndoAttemptFailed():
                if not isinstance(self.flat.nodes[node], ActionNode):
                    return LogRule.ATTEMPTS_OF_ACTIONS, seq, "it does not run an action"
                if isinstance(what, AttemptFailed) and first_failure < seq:
                    why = f"a failure, event {first_failure}, stands before it"
                    return LogRule.LAST_ATTEMPT, seq, why
                if what.attempt != (number := self.numbers[seq]):
                    why = f"it is attempt {number}, not {what.attempt}"
                    return LogRule.COUNTED_ATTEMPTS, seq, why
            case FailedInDoubt() if not isinstance(self.flat.nodes[node], ActionNode):
                return LogRule.ATTEMPTS_OF_ACTIONS, seq, "it does not run an action"
            # Another node: one that waits itself has no undo, by its own order.
            case UndoStarted() if (waiting := self.waiting[seq]) is not None:
                why = f"{self.flat.path(waiting)} waits for another attempt"
                return LogRule.GIVEN_UP_FIRST, seq, why
            case _:
                pass
        return None

    def _unordered(self, seq: int, node: int, first_failure: int) -> str | None:
        """Return why an event needs an order that is not there; None if it needs none."""
        event = self.log[seq]
        last = self.before.get(seq)
        before = None if last is None else self.log[last].event_type
        if isinstance(event.event_type, Ordered) and event.event_type.cancel:
            return self._not_to_cancel(event.event_type, seq, node, first_failure)
        if isinstance(before, Ordered) and before.cancel:
            return _not_as_ordered(event.event_type, before, unwinds=first_failure < seq)
        match event.event_type, before:
            case Started() | UndoStarted(), AttemptFailed(
                next=None, reopen=False
            ) | UndoAttemptFailed(next=None, reopen=False):
                return f"event {last} holds its node, and nobody has ordered to retry it"
            case Failed() | FailedInDoubt(), AttemptFailed() | Ordered(verb=Verb.RETRY) if (
                first_failure >= seq
            ):
                return "it waits for another attempt, and nobody has ordered that it fails"
            case Ordered(), _ if self.succeeded < seq <= first_failure:
                return f"its saga has succeeded, by event {self.succeeded}"
            case Ordered(verb=Verb.FAIL | Verb.COMPLETE as verb), Started():
                if not isinstance(self.flat.nodes[node], WaitNode):
                    return f"its call is under way, and an order to {verb.value} does not apply"
            case _:
                pass
        return None

    def _not_to_cancel(self, order: Ordered, seq: int, node: int, first_failure: int) -> str | None:
        """Return why the call of a node may not be cancelled by an order; None if it may."""
        if not isinstance(self.flat.nodes[node], ActionNode):
            return "it has no call that could be cancelled"
        begun = self.before[seq]
        while isinstance(self.log[begun].event_type, Ordered):
            begun = self.before[begun]
        is_action = isinstance(self.log[begun].event_type, Started)
        if order.verb is Verb.RETRY and is_action and first_failure < seq:
            return f"a failure, event {first_failure}, stands before it, so its call is the last"
        return None

    def is_completed(self, seq: int) -> bool:
        """Return True if an order to complete its node stands before an event."""
        last = self.before.get(seq)
        what = None if last is None else self.log[last].event_type
        return isinstance(what, Ordered) and what.verb is Verb.COMPLETE

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
        # What is ordered is not done yet; only an undo that has failed may be tried again at once.
        if (node := event.node_id) is None:
            continue
        if not isinstance(event.event_type, Ordered):
            waiting.pop(node, None)
            failed.pop(node, None)
        elif event.event_type.verb is Verb.RETRY:
            failed.pop(node, None)
        if isinstance(event.event_type, AttemptFailed):
            waiting[node] = None
        elif isinstance(event.event_type, UndoFailed):
            failed[node] = seq
    return was_waiting, was_stuck


def _ends_stuck(log: tuple[SagaNodeEvent, ...]) -> bool:
    """Return True if the undo of some node has failed, and nothing but an order follows that."""
    # An order to retry it is followed by another attempt; one to complete it, by its end.
    of_nodes = (event for event in log if event.node_id is not None)
    last = {event.node_id: _letter(event) for event in of_nodes if _letter(event) != "C"}
    return "X" in last.values()


def _without_holds(
    log: tuple[SagaNodeEvent, ...], own: list[int], failed: int
) -> tuple[list[int], dict[int, tuple[LogRule, str]]]:
    """
    Return the places of a node's events without orders to hold, and those that only lift one.

    Args:
        log: The log.
        own: The places of the node's events.
        failed: That of the first failure in the log.

    Returns:
        The places, up to the first fault about such an order; and that fault, by its place.
    """
    kept: list[int] = []
    held: int | None = None  # where the order to hold stands that is in effect
    undoing, last = False, ""
    for seq in own:
        letter = _letter(log[seq])
        if letter == "H" or (letter == "R" and held is not None):
            settled = undoing or last in _SETTLED or (not last and failed < seq)
            if settled or (letter == "H" and held is not None):
                return kept, {seq: (LogRule.OWN_ORDER, "it does not apply where its node is")}
            held = seq if letter == "H" else None
            if letter == "H" or last not in _WAITS:
                continue  # otherwise it makes the next attempt due as well
        elif letter == "r":
            held = None
        elif held is not None and ((letter == "s" and not last) or letter == "S"):
            return kept, {seq: (LogRule.ORDERED, f"event {held} holds it, and nothing lifts that")}
        kept.append(seq)
        last, undoing = letter, undoing or letter == "S"
    return kept, {}


def _not_as_ordered(what: SagaNodeEventType, order: Ordered, *, unwinds: bool) -> str | None:
    """Return why an event is not how a call ends that an order cancels; None if it is."""
    match what:
        case Succeeded(output=output) if order.verb is Verb.COMPLETE and output != order.value:
            return "it was ordered to be completed with another output"
        case AttemptFailed(next=None) | UndoAttemptFailed(next=None):
            return "it was ordered to be tried again at once"
        case Failed() | FailedInDoubt() if order.verb is Verb.RETRY and not unwinds:
            return "it was ordered to be tried again, and its saga does not unwind"
        case _:
            return None


def _begins_unwinding(event: SagaNodeEvent) -> bool:
    what = event.event_type
    if isinstance(what, Ordered):
        return what.verb is Verb.UNWIND
    return isinstance(what, Failed | FailedInDoubt)


def _letter(event: SagaNodeEvent) -> str:
    what = event.event_type
    if isinstance(what, Ordered):
        letter = _ORDER_LETTERS.get(what.verb, _MISPLACED)
        return letter.lower() if what.cancel else letter
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
