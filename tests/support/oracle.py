"""
An oracle of attempts, doubt and orders: whether what user code did, and the log, are allowed.

It is written from the text of the specification, and shares with the library the events only. It
sees each call of user code, in order and over all lives of a SEC, and the final log. Where
`support.checker` knows Steno's rules, this knows those that were added to them.

For each attempt of a node it takes the calls that were made for it, life by life. A life that ended
before the attempt's result was in the log may have ended anywhere: its calls were cut off. The last
one must explain the result: whether there is one, which, in doubt or not, when the next attempt is
due, and what its error says.
"""

import json
from collections.abc import Iterator, Mapping, Sequence
from itertools import count, pairwise
from typing import NoReturn

import attrs

from steno.core import SagaNodeEvent, event_data
from support.checker import Expanded
from support.flaky import EFFECTIVE, HOLDING, SECOND, Act, Doing, FlakyJob, Kind, Rules, Said, Undo

IN_DOUBT = "failed in doubt"

# A row for each pair of status and event of the specification.
ROWS = {
    ("never started", "started"): "started",
    ("started", "succeeded"): "succeeded",
    ("started", "failed"): "failed",
    ("started", IN_DOUBT): IN_DOUBT,
    ("started", "attempt_failed"): "backing off",
    ("backing off", "started"): "started",
    ("backing off", "failed"): "failed",
    ("backing off", IN_DOUBT): IN_DOUBT,
    ("succeeded", "undo_started"): "undo started",
    (IN_DOUBT, "undo_started"): "undo started",
    ("undo started", "undo_finished"): "undo finished",
    ("undo started", "undo_failed"): "undo failed",
    ("undo started", "undo_attempt_failed"): "undo backing off",
    ("undo backing off", "undo_started"): "undo started",
}

# Only after an order to complete the node.
COMPLETED = {
    ("backing off", "succeeded"): "succeeded",
    ("undo backing off", "undo_finished"): "undo finished",
    ("undo failed", "undo_finished"): "undo finished",
}

# When an order applies; of a node that is held by an order, or waits, see `applies`.
HOLDS = {"never started", "started", "backing off", "succeeded", IN_DOUBT}
RETRIES = {"backing off", "undo backing off", "undo failed"}
FAILS = {"backing off"}
COMPLETES = {"backing off", "undo backing off", "undo failed"}

# What an order says that cancels a call which is under way.
CANCELS = " and cancel"
CALLED = {"started", "undo started"}

UNDONE = {"undo finished", "failed", "never started"}
FAILURES = {"failed", IN_DOUBT}
ONLY_OF_ACTIONS = {"attempt_failed", "undo_attempt_failed", IN_DOUBT}

TICK = 2
"""Microseconds that may be lost in rounding."""


class NotAllowed(AssertionError):
    """Something is not as the specification says."""


class Unfounded(NotAllowed):
    """A log may say it, as far as the fold knows, which sees no calls and no lives."""


def demand(condition: object, *what: object, error: type[NotAllowed] = NotAllowed) -> None:
    if not condition:
        raise error(" ".join(map(str, what)))


def never(*what: object) -> NoReturn:
    raise NotAllowed(" ".join(map(str, what)))


@attrs.frozen
class Entry:
    """
    An event, as the oracle reads it.

    Attributes:
        seq: Its number.
        node: Its node; None: it is an order on the saga.
        what: Its type; a failure in doubt is told from one that is not, an order by its verb.
        time: When it was made.
        life: The life in which it was stored.
        data: What it carries, decoded.
    """

    seq: int
    node: int | None
    what: str
    time: int
    life: int
    data: object

    def __str__(self) -> str:
        """Return it as one short line."""
        return f"[event {self.seq}: {self.what} of node {self.node}, at {self.time}, {self.data}]"

    @property
    def due(self) -> int | None:
        return self.data["next"]

    @property
    def held(self) -> bool:
        """Whether an attempt failed that is made again in the next life, or by an order."""
        return self.due is None and self.data.get("reopen") is True

    @property
    def is_order(self) -> bool:
        return self.what.startswith("order to ")

    @property
    def doubt(self) -> bool:
        return self.what == IN_DOUBT or (self.what == "attempt_failed" and self.data["in_doubt"])

    @property
    def error(self) -> str:
        """What the event says of the error, as text without the mark of a doubt."""
        match self.what, self.data:
            case ("failed", _) | ("undo_failed", _):
                return json.dumps(self.data)
            case "failed in doubt", {"InDoubt": {"cause": cause}}:
                return json.dumps(cause)
            case (("attempt_failed" | "undo_attempt_failed"), {"error": error}):
                return json.dumps(error)
        never(self, "has no error")


def read(events: Sequence[SagaNodeEvent], lives: Sequence[int]) -> list[Entry]:
    """Return the entries of a log, given how many events there were when each life began."""
    log = []
    for seq, event in enumerate(events):
        text = event_data(event.event_type)
        data = None if text is None else json.loads(text)
        label = event.event_type.label
        if label == "failed" and isinstance(data, dict) and "InDoubt" in data:
            label = IN_DOUBT
        if label == "ordered":
            label = f"order to {data['verb']}" + (CANCELS if data.get("cancel") else "")
        life = max(number for number, begin in enumerate(lives) if begin <= seq)
        log.append(Entry(seq, event.node_id, label, event.time, life, data))
    return log


@attrs.define
class Evidence:
    """
    All that the oracle sees of one saga.

    Attributes:
        graph: Its graph, spelled out.
        rules: What the action of each node says of itself.
        wakes: Until when each sleep sleeps: whether counted from its start, and microseconds.
        log: The whole log.
        state: What its row says.
        doings: The calls of user code, in order.
        effects: The nodes that are in effect in the end.
        commits: How long the log was after each transaction; None: not known.
        late: Microseconds after which a call may note that it has begun, on a real clock.
        holds: Whether what raises Hold, or cannot be stored, holds its node.
        refused: Orders that were refused: how long the log was, the node, and the verb.
    """

    graph: Expanded
    rules: Mapping[int, Rules]
    wakes: Mapping[int, tuple[bool, int]]
    log: list[Entry]
    state: str
    doings: Sequence[Doing] = ()
    effects: frozenset[int] = frozenset()
    commits: frozenset[int] | None = None
    late: int = 0
    holds: bool = True
    refused: Sequence[tuple[int, int, str]] = ()

    def every(self, node: int) -> list[Entry]:
        """Return the events of a node."""
        return [entry for entry in self.log if entry.node == node]

    def of(self, node: int) -> list[Entry]:
        """Return the events of a node but for orders."""
        return [entry for entry in self.every(node) if not entry.is_order]

    def by_order(self, entry: Entry) -> bool:
        """Say whether an event follows from an order: the last of its node before it says so."""
        before = [each for each in self.every(entry.node) if each.seq < entry.seq]
        if bool(before) and before[-1].what in {"order to fail", "order to complete"}:
            return True
        orders = self.cancelled(entry)
        return bool(orders) and orders[-1].what == f"order to complete{CANCELS}"

    def cancelled(self, entry: Entry) -> list[Entry]:
        """
        Return the orders that cancel the call which an event ends; the last one counts.

        An order to unwind counts less than those on the node, wherever it stands. Whether a call is
        cancelled by it, its action says, and whether the call had ended: here it is always there.
        """
        own = [each for each in self.every(entry.node) if each.seq < entry.seq]
        begin = max((n for n, each in enumerate(own) if not each.is_order), default=-1)
        if begin < 0 or own[begin].what not in {"started", "undo_started"}:
            return []
        on_node = [each for each in own[begin + 1 :] if each.what.endswith(CANCELS)]
        on_saga = [
            each
            for each in self.log[own[begin].seq : entry.seq]
            if each.what == f"order to unwind{CANCELS}" and own[begin].what == "started"
        ]
        return [*on_saga[:1], *on_node]

    def retried(self, entry: Entry) -> bool:
        """Say whether the attempt that an event begins was ordered since the last one ended."""
        before = [each for each in self.every(entry.node) if each.seq < entry.seq]
        last = max((n for n, each in enumerate(before) if not each.is_order), default=-1)
        if any(each.what == "order to retry" for each in before[last + 1 :]):
            return True
        orders = self.cancelled(before[last]) if last >= 0 else []
        return bool(orders) and orders[-1].what == f"order to retry{CANCELS}"

    def last(self, node: int) -> str:
        own = self.of(node)
        return own[-1].what if own else "never started"

    def unwinds_before(self, seq: int) -> bool:
        begins = {*FAILURES, "order to unwind", f"order to unwind{CANCELS}"}
        return any(entry.what in begins for entry in self.log[:seq])


def judge(case: Evidence) -> None:
    """Raise NotAllowed unless all of it is allowed, in a saga that has ended."""
    check_log(case)
    check_end(case)
    for node, kind in enumerate(case.graph.kinds):
        if kind == "action":
            check_forward(case, node)
            check_undo(case, node)
            check_last_word(case, node)
    check_effects(case)


# The log alone


def check_log(case: Evidence) -> None:
    """Check each event against all before it, and what is durable between two transactions."""
    status = dict.fromkeys(range(case.graph.size), "never started")
    attempt: dict[int, Entry] = {}
    counts: dict[tuple[int, bool], int] = {}
    orders = Orders(case, status)
    for entry in case.log:
        orders.check_refused(entry.seq)
        if entry.is_order:
            orders.give(entry)
            if entry.node is None and case.commits is not None and entry.seq + 1 in case.commits:
                check_between(case, status, entry)
            continue
        row = status[entry.node], entry.what
        orders.check_followed(row, entry)
        demand(row in ROWS or row in COMPLETED, entry, "where its node is", row[0])
        check_cause(case, status, entry)
        if entry.what in ONLY_OF_ACTIONS:
            demand(case.graph.kinds[entry.node] == "action", entry, "of what is not an action")
        if entry.what in {"attempt_failed", "undo_attempt_failed", "undo_failed"}:
            key = entry.node, entry.what != "attempt_failed"
            counts[key] = counts.get(key, 0) + 1
            attempt[entry.node] = entry
            if entry.what != "undo_failed":
                demand(entry.data["attempt"] == counts[key], entry, "is attempt", counts[key])
        if row[0] in {"backing off", "undo backing off"} and entry.what in {
            "started",
            "undo_started",
        }:
            check_again(case, attempt[entry.node], entry)
        if case.graph.kinds[entry.node] == "sleep":
            check_sleep(case, entry)
        status[entry.node] = ROWS.get(row) or COMPLETED[row]
        if case.commits is not None and entry.seq + 1 in case.commits:
            check_between(case, status, entry)
            demand(not orders.given, entry, "leaves an order that is not followed")
    orders.check_refused(len(case.log))


@attrs.define
class Orders:
    """
    What was ordered up to some event of a log.

    Attributes:
        case: All that there is.
        status: The status of each node by then.
        stopped: The nodes that are held by an order.
        given: The orders to fail or complete a node that are not followed yet.
        cancelling: The orders that cancel the calls of nodes which are under way.
    """

    case: Evidence
    status: dict[int, str]
    stopped: set[int] = attrs.field(factory=set)
    given: dict[int, str] = attrs.field(factory=dict)
    cancelling: dict[int, Entry] = attrs.field(factory=dict)

    def applies(self, seq: int, node: int, verb: str) -> bool:
        """Say whether an order applies to a node at some place of the log."""
        status, unwinds = self.status[node], self.case.unwinds_before(seq)
        abandoned = status == "never started" and unwinds
        succeeded = self.status[self.case.graph.end] == "succeeded" and not unwinds
        if node in self.given or abandoned or succeeded:
            return False
        if verb.endswith(CANCELS):
            before = self.cancelling.get(node)
            again = before is not None and before.what == f"order to {verb}"
            if again or not self.is_called(node):
                return False
            verb = verb.removesuffix(CANCELS)
            allowed = {"started": {"fail", "complete"}, "undo started": {"retry", "complete"}}
            return verb in allowed[status] or (verb == "retry" and not unwinds)
        waits = status == "started" and self.case.graph.kinds[node] == "sleep"
        match verb:
            case "hold":
                return status in HOLDS and node not in self.stopped
            case "retry":
                return status in RETRIES or (status in HOLDS and node in self.stopped)
            case "fail":
                return status in FAILS or waits
            case "complete":
                return status in COMPLETES or waits
        never("no such order:", verb)

    def is_called(self, node: int) -> bool:
        """Say whether a call of a node is under way, whether or not a process runs it."""
        return self.case.graph.kinds[node] == "action" and self.status[node] in CALLED

    def applies_to_saga(self, seq: int, what: str) -> bool:
        """Say whether an order to unwind a saga applies to it."""
        unwinds, kinds = self.case.unwinds_before(seq), set(self.status.values())
        if unwinds and "undo failed" in kinds and not CALLED & kinds:
            return False  # it is stuck
        ended = unwinds and self.status[self.case.graph.start] in UNDONE
        return not ended and (not unwinds or what.endswith(CANCELS))

    def check_refused(self, seq: int) -> None:
        """Check that the orders that were refused at some place of the log do not apply there."""
        for place, node, verb in self.case.refused:
            if place == seq:
                called = self.is_called(node)  # otherwise there is nothing to cancel
                order = verb if called else verb.removesuffix(CANCELS)
                demand(not self.applies(seq, node, order), "refused:", verb, node, "at", seq)

    def give(self, entry: Entry) -> None:
        """Check that an order applies, and note what it changes by itself."""
        node, verb = entry.node, entry.what.removeprefix("order to ")
        if node is None:
            demand(self.applies_to_saga(entry.seq, verb), entry, "does not apply")
            return
        demand(self.applies(entry.seq, node, verb), entry, "does not apply", self.status[node])
        match verb:
            case "hold":
                self.stopped.add(node)
            case "retry":
                self.stopped.discard(node)
                if self.status[node] == "undo failed":
                    self.status[node] = "undo backing off"
            case _ if verb.endswith(CANCELS):
                self.cancelling[node] = entry
                if verb == f"retry{CANCELS}":
                    self.stopped.discard(node)
            case _:
                self.given[node] = verb

    def check_followed(self, row: tuple[str, str], entry: Entry) -> None:
        """Check that an event is the one that was ordered, and has an order if it needs one."""
        given = self.given.pop(entry.node, None)
        order = self.cancelling.pop(entry.node, None)
        if order is not None:
            check_cancelled(entry, order, unwinds=self.case.unwinds_before(entry.seq))
        match given:
            case "complete":
                fits = {"succeeded", "undo_finished"}
                demand(entry.what in fits, entry, "after an order to complete its node")
            case "fail":
                demand(entry.what in FAILURES, entry, "after an order to fail its node")
            case _:
                demand(row not in COMPLETED, entry, "without an order")
                given_up = row[0] == "backing off" and entry.what in FAILURES
                unwinds = self.case.unwinds_before(entry.seq)
                demand(unwinds or not given_up, entry, "though nothing else has failed")
        first = entry.what == "started" and row[0] == "never started"
        first |= entry.what == "undo_started" and row[0] in {"succeeded", IN_DOUBT}
        demand(not (first and entry.node in self.stopped), entry, "is held by an order")


def check_cancelled(entry: Entry, order: Entry, *, unwinds: bool) -> None:
    """Check that a call ends as the order says that cancels it, and that the log says so."""
    match order.what.removeprefix("order to ").removesuffix(CANCELS), entry.what:
        case "complete", "succeeded":
            demand(entry.data == order.data["value"], entry, "after", order)
        case ("complete", "undo_finished") | ("retry", "succeeded"):
            pass
        case "retry", "attempt_failed" | "undo_attempt_failed":
            demand(entry.due is not None, entry, "after", order)
            demand(entry.due <= entry.time, entry, "is not due at once", error=Unfounded)
        case ("fail", "failed" | "failed in doubt"):
            pass
        case "retry", "failed" | "failed in doubt":
            demand(unwinds, entry, "after", order)
        case _:
            never(entry, "after", order)
    if entry.what not in {"succeeded", "undo_finished"}:
        demand(says_order(entry, order), entry, "does not name", order, error=Unfounded)


def cancelled_ends(case: Evidence) -> set[tuple[str, str]]:
    """Return by which orders calls were cancelled, and how they have ended."""
    ends = set[tuple[str, str]]()
    for entry in case.log:
        if not entry.is_order and (orders := case.cancelled(entry)):
            verb = orders[-1].what.removeprefix("order to ").removesuffix(CANCELS)
            ends.add((verb, entry.what))
    return ends


def says_order(entry: Entry, order: Entry) -> bool:
    """Say whether the error of an event is that an order has cancelled its call."""
    verb = order.what.removeprefix("order to ").removesuffix(CANCELS)
    said = f"cancelled by an order to {verb}, by {order.data['by']}"
    return said in entry.error


def check_again(case: Evidence, failed: Entry, entry: Entry) -> None:
    """Check that another attempt is made when it is due, in another life, or by an order."""
    if case.retried(entry):
        return
    if failed.held:
        demand(entry.life > failed.life, entry, "was held", error=Unfounded)
        return
    demand(failed.due is not None, entry, "is held until somebody orders it")
    demand(failed.due <= entry.time, entry, "is begun before it is due")


def check_cause(case: Evidence, status: Mapping[int, str], entry: Entry) -> None:
    """Check that what an event waits for has happened, and nothing forbids it."""
    unwinds = case.unwinds_before(entry.seq)
    match entry.what:
        case "started":
            demand(not unwinds, entry, "while the saga unwinds")
            for parent in case.graph.parents[entry.node]:
                demand(status[parent] == "succeeded", entry, "before its parent", parent)
        case "attempt_failed":
            demand(not unwinds, entry, "is the last, as the saga unwinds")
        case "undo_started":
            demand(unwinds, entry, "while nothing has failed")
            demand("undo failed" not in status.values(), entry, "while the saga is stuck")
            demand("backing off" not in status.values(), entry, "before all are given up")
            for child in case.graph.children[entry.node]:
                demand(status[child] in UNDONE, entry, "before its child", child)
        case "failed" | "failed in doubt" if status[entry.node] == "backing off":
            last = case.of(entry.node)[: case.of(entry.node).index(entry)][-1]
            demand(entry.doubt == last.doubt, entry, "is not in the doubt of", last)
            demand(
                entry.error == last.error, entry, "has another error than", last, error=Unfounded
            )


def check_sleep(case: Evidence, entry: Entry) -> None:
    """Check that a sleep is over when its time has come, or given up as the saga unwinds."""
    counted, until = case.wakes[entry.node]
    match entry.what:
        case "succeeded" | "failed" if case.by_order(entry):
            demand(entry.what == "failed" or entry.data is None, entry, "gives something")
        case "succeeded":
            begin = case.of(entry.node)[0].time if counted else 0
            demand(begin + until <= entry.time, entry, "wakes too early")
            demand(entry.data is None, entry, "gives something")
        case "failed":
            unwinds = case.unwinds_before(entry.seq)
            demand(unwinds, entry, "is given up too early", error=Unfounded)


def check_between(case: Evidence, status: Mapping[int, str], entry: Entry) -> None:
    """Check that nothing is left half done at the end of a transaction."""
    for node, kind in enumerate(case.graph.kinds):
        if case.unwinds_before(entry.seq + 1):
            demand(status[node] != "backing off", entry, "leaves", node, "to be given up")
            if kind == "sleep":
                demand(status[node] != "started", entry, "leaves", node, "asleep")
        if kind not in {"action", "sleep"}:
            demand(status[node] != "started", entry, "leaves", node, "started")
        if kind != "action":
            demand(status[node] != "undo started", entry, "leaves", node, "half undone")


def check_end(case: Evidence) -> None:
    """Check that the end is whole, and the one that the log says."""
    last = {node: case.last(node) for node in range(case.graph.size)}
    match case.state:
        case "succeeded":
            demand(set(last.values()) == {"succeeded"}, "success, with", last)
        case "failed":
            demand(case.unwinds_before(len(case.log)), "failure, where nothing has failed")
            left = {node: each for node, each in last.items() if each in {"succeeded", IN_DOUBT}}
            demand(not left, "failure, and not undone:", left)
            ends = {"never started", "failed", "undo_finished"}
            demand(set(last.values()) <= ends, "failure, with", last)
        case "stuck":
            # One that somebody has ordered to retry waits for the others to be repaired.
            ends = {node: case.every(node)[-1].what for node in last if case.every(node)}
            stuck = [node for node, each in ends.items() if each == "undo_failed"]
            demand(stuck, "stuck, where no undo has failed")
            busy = {node for node, each in last.items() if each in {"started", "undo_started"}}
            demand(not busy, "stuck, and under way:", busy)
            begun = {entry.node for entry in case.log if entry.what == "undo_started"}
            for node in stuck:
                demand(not case.graph.ancestors(node) & begun, "undone above", node)
        case other:
            never("the saga has not ended:", other)


# The calls of one node


@attrs.frozen
class Segment:
    """
    What belongs to one attempt: from its beginning in the log to its end.

    Attributes:
        begin: The event that begins it.
        end: The event that ends it.
        number: Its number, from 1.
        first: When the node, or its undo, was first started.
        lives: The calls that were made for it, by life.
    """

    begin: Entry
    end: Entry
    number: int
    first: int
    lives: Mapping[int, list[Doing]]

    @property
    def repeats(self) -> bool:
        """Whether the call is one that may have been cut off in an earlier life."""
        return self.end.life > self.begin.life


def segments(case: Evidence, node: int, begin: str, kinds: set[Kind]) -> Iterator[Segment]:
    """Yield the attempts of a node; check that each call belongs to one, and knows which."""
    own = case.of(node)
    doings = [each for each in case.doings if each.node == node and each.kind in kinds]
    found = 0
    pairs = [pair for pair in pairwise(own) if pair[0].what == begin]
    for number, (first, end) in enumerate(pairs, start=1):
        lives: dict[int, list[Doing]] = {}
        for doing in doings:
            if first.seq < doing.durable <= end.seq:
                lives.setdefault(doing.life, []).append(doing)
                found += 1
                demand(doing.attempt == number, doing, "is attempt", number)
                demand(doing.since == pairs[0][0].time, doing, "began at", pairs[0][0].time)
                demand(doing.began >= first.time, doing, "is made before", first)
                demand(first.life <= doing.life <= end.life, doing, "in another life than", first)
        yield Segment(first, end, number, pairs[0][0].time, lives)
    demand(found == len(doings), "a call without a durable", begin, "of node", node, doings)
    demand(own[-1].what != begin if own else True, "node", node, "has begun and not ended")


def check_forward(case: Evidence, node: int) -> None:
    """Check the attempts of an action: their calls, their doubt, and what follows from them."""
    rules, doubt, held = case.rules[node], False, False
    for part in segments(case, node, "started", {Kind.CALL, Kind.PROBE}):
        more = held or case.retried(part.begin) or part.number <= rules.attempts
        demand(more, "attempt", part.number, "of node", node)
        held = part.end.what == "attempt_failed" and part.end.held
        if orders := cancelling_orders(case, part, rules):
            doubt = check_cancelled_calls(part, rules, orders, doubt=doubt)
            continue
        for life, doings in part.lives.items():
            repeats = life > part.begin.life
            check_order(rules, doings, doubt=doubt, repeats=repeats, whole=life == part.end.life)
            if case.unwinds_before(doings[0].known):
                skipped = rules.limit is not None and not repeats
                demand(not skipped, doings[0], "is made after its turn, as the saga unwinds")
                cleared = rules.probe and _clears(doings[0])
                demand(len(doings) == 1 or not cleared, doings[1:], "follow as the saga unwinds")
        doings = part.lives.get(part.end.life, [])
        if not doings:
            check_not_called(case, part, rules, doubt=doubt)
            continue
        last = doings[-1]
        if last.said is Said.RETURNED:
            demand(part.end.what == "succeeded", last, "and", part.end)
            demand(part.end.data == f"did {node}", last, "and", part.end)
            continue
        # A probe that says that nothing was done is not an error of its own.
        error = doings[-2] if _clears(last) and len(doings) > 1 else last
        if _clears(last) and error is last:
            unwinds = case.unwinds_before(part.end.seq)
            demand(part.repeats and unwinds, last, "and no call after it")
            demand(part.end.what == "failed", last, "and", part.end)
            continue
        doubt = leaves_doubt(rules, doings, doubt=doubt, repeats=part.repeats)
        check_failed(case, part, rules, error, last.ended, doubt=doubt)


def cancelling_orders(case: Evidence, part: Segment, rules: Rules) -> list[Entry]:
    """Return the orders that have ended an attempt of an action."""
    orders = case.cancelled(part.end)
    if not rules.provides_for_doubt:
        orders = [order for order in orders if order.node is not None]
    if not orders or orders[-1].node is not None:
        return orders
    failed = part.end.what in FAILURES and says_order(part.end, orders[-1])
    last = part.lives.get(part.end.life, [None])[-1]
    found = last is not None and last.kind is Kind.PROBE
    found = found and last.said is Said.RETURNED and last.durable > orders[-1].seq
    return orders if failed or found else []


def check_cancelled_calls(
    part: Segment, rules: Rules, orders: Sequence[Entry], *, doubt: bool
) -> bool:
    """
    Check the calls of an attempt that orders have cancelled; return whether its node is in doubt.

    Its calls may have been at any point, so they are not told apart; but none is begun any more,
    except for a probe, and what may have been done is in doubt.
    """
    check_no_call(part, orders)
    for life, doings in part.lives.items():
        calls = [each for each in doings if each.kind is Kind.CALL]
        demand(len(calls) <= 1, "in one life, for one attempt:", doings)
        demand(life < part.end.life or all(e.said for e in doings), doings, "have not ended")
    every = [each for _, doings in sorted(part.lives.items()) for each in doings]
    for doing in every:
        if doing.kind is Kind.CALL:
            doubt = doubt or doing.said is None or _may_have_done(rules, doing)
        elif doing.said is Said.RETURNED_NOT_DONE:
            doubt = False
    end, last = part.end, every[-1] if every else None
    asked = last is not None and last.kind is Kind.PROBE
    completes = orders[-1].what == f"order to complete{CANCELS}"
    if end.what == "succeeded":
        found = asked and last.said is Said.RETURNED and end.data == f"did {end.node}"
        demand(completes or found, end, "after", last, "and", orders[-1])
        return False
    demand(rules.provides_for_doubt or not end.doubt, end, "cannot be in doubt")
    demand(asked or not (rules.probe and doubt), end, "after", last, "without a probe")
    if rules.provides_for_doubt and (asked or doubt):
        demand(end.doubt == doubt or (asked and not _clears(last)), end, "in doubt:", doubt)
    return end.doubt


def check_no_call(part: Segment, orders: Sequence[Entry]) -> None:
    """Check that nothing is called once an order is known by which it is cancelled."""
    first = min(order.seq for order in orders)
    for doing in (each for doings in part.lives.values() for each in doings):
        known = [order for order in orders if order.seq < doing.known]
        demand(doing.kind is Kind.PROBE or doing.known <= first, doing, "is begun after", orders)
        completes = bool(known) and known[-1].what == f"order to complete{CANCELS}"
        demand(not completes, doing, "is begun after", known)


def _clears(doing: Doing) -> bool:
    return doing.kind is Kind.PROBE and doing.said is Said.RETURNED_NOT_DONE


def _may_have_done(rules: Rules, doing: Doing) -> bool:
    """Say whether a call that did not succeed may have taken effect, by what it says itself."""
    match doing.said:
        case Said.RETURNED | Said.RETURNED_ODD:
            return True
        case Said.RAISED_NOT_DONE:
            return False
        case _:
            return not rules.atomic


def check_order(
    rules: Rules, doings: Sequence[Doing], *, doubt: bool, repeats: bool, whole: bool
) -> None:
    """
    Check the calls of one attempt in one life: perhaps a probe, the call, perhaps a probe.

    Args:
        rules: What the action says of itself.
        doings: The calls.
        doubt: Whether the node was in doubt before the attempt.
        repeats: Whether a call may have been cut off.
        whole: Whether this life saw the end of the attempt.
    """
    left = list(doings)
    if rules.probe and repeats:
        first = left.pop(0)
        demand(first.kind is Kind.PROBE, first, "is made again without a probe")
        if first.said is not Said.RETURNED_NOT_DONE:
            demand(not left, first, "settles it, and is followed by", left)
            demand(not whole or first.said is not None, first, "has not ended")
            return
        doubt = repeats = False
    if left:
        call = left.pop(0)
        demand(call.kind is Kind.CALL, call, "is a probe, and there is nothing to look for")
        demand(not whole or call.said is not None, call, "has not ended")
        if call.said in {None, Said.RETURNED}:
            demand(not left, call, "is followed by", left)
            return
        may_be_done = rules.provides_for_doubt and (doubt or repeats or _may_have_done(rules, call))
        demand(not left or (rules.probe and may_be_done), call, "is followed by", left)
        demand(left or not (whole and rules.probe and may_be_done), call, "is in doubt, no probe")
    demand(len(left) <= 1, "in one life, for one attempt:", doings)


def leaves_doubt(rules: Rules, doings: Sequence[Doing], *, doubt: bool, repeats: bool) -> bool:
    """Return whether an attempt that did not succeed leaves its node in doubt."""
    if not rules.provides_for_doubt:
        return False
    doubt = doubt or repeats
    for doing in doings:
        if doing.kind is Kind.PROBE:
            doubt = not _clears(doing)
        else:
            doubt = doubt or _may_have_done(rules, doing)
    return doubt


def check_not_called(case: Evidence, part: Segment, rules: Rules, *, doubt: bool) -> None:
    """Check that an attempt without a call is one that waited for its turn in vain."""
    demand(rules.limit is not None and not part.repeats, part, "without a call")
    demand(case.unwinds_before(part.end.seq), part, "without a call, and nothing unwinds")
    demand(part.end.what == (IN_DOUBT if doubt else "failed"), part, "was not called")


def check_failed(
    case: Evidence, part: Segment, rules: Rules, error: Doing, at: int, *, doubt: bool
) -> None:
    """
    Check what follows from an attempt that failed.

    Args:
        case: All that there is.
        part: The attempt.
        rules: What its action says of itself.
        error: The call that failed; it may be followed by a probe.
        at: When the last of them had ended.
        doubt: Whether it leaves the node in doubt.
    """
    end, before = part.end, case.unwinds_before(part.end.seq)
    check_error(case, rules, error, end)
    if end.what == "attempt_failed":
        demand(end.doubt == doubt, end, "after", error, "where doubt is", doubt)
        holds = case.holds and error.said in HOLDING
        demand(end.held == holds, end, "after", error, "which holds it:", holds)
        if holds:
            return
        demand(error.said is not Said.RAISED_NOT_DONE, error, "is tried again")
        if end.due is None:
            demand(rules.then_holds and not before, end, "is held, as nothing says")
            demand(is_final(case, part, rules, error, at), end, "is held too early")
            demand(error.said in {Said.RAISED, Said.CANCELLED}, error, "holds its node")
            return
        demand(part.number < rules.attempts, end, "is the last of", rules.attempts)
        waits = rules.wait * 2 ** (part.number - 1)
        demand(error.said in {Said.RAISED, Said.CANCELLED}, error, "is tried again")
        check_due(end, at, waits, rules)
        if rules.within is not None:
            over = part.first + rules.within * SECOND
            demand(at <= over + TICK, end, "though its time is over")
        return
    demand(end.what == (IN_DOUBT if doubt else "failed"), end, "after", error, "in doubt:", doubt)
    if not (before or is_final(case, part, rules, error, at)):
        never(end, "after", error, "is to be tried again, at attempt", part.number)
    used_up = error.said in {Said.RAISED, Said.CANCELLED}
    demand(before or not (used_up and rules.then_holds), end, "where its node is to be held")


def is_final(case: Evidence, part: Segment, rules: Rules, error: Doing, at: int) -> bool:
    """Say whether no attempt follows, even in a saga that does not unwind."""
    if error.said in HOLDING:
        return not case.holds
    if error.said in {Said.RAISED_NOT_DONE, Said.RAISED_OTHER}:
        return True
    over = rules.within is not None and at >= part.first + rules.within * SECOND - TICK
    return over or part.number >= rules.attempts


def check_due(end: Entry, at: int, waits: float, rules: Rules) -> None:
    """Check that the next attempt is due after its wait, with the jitter and not beyond it."""
    demand(end.due is not None, end, "is held")
    shortest = min(rules.longest, waits) * SECOND
    longest = min(rules.longest, waits + rules.jitter) * SECOND
    slack = max(0, end.time - at)  # until it is known that the call has ended
    demand(end.due >= at + shortest - TICK, end, "is due too early")
    demand(end.due <= at + longest + slack + TICK, end, "is due too late")


def check_error(case: Evidence, rules: Rules, error: Doing, end: Entry) -> None:
    """Check that the log says why a call failed."""
    match error.said:
        case Said.CANCELLED:
            seconds = rules.timeout_of(error.kind)
            demand(seconds is not None, error, "was cancelled without a timeout")
            took = error.ended - error.began + case.late
            demand(took >= seconds * SECOND - TICK, error, "too early")
            demand("ActionTimeout" in end.error, end, "after", error)
        case Said.RETURNED_ODD:
            demand("SerializeFailed" in end.error, end, "after", error)
        case _:
            demand(error.text in end.error, end, "after", error)


def check_undo(case: Evidence, node: int) -> None:
    """Check the attempts to undo a node."""
    rules, own = case.rules[node], case.of(node)
    succeeded = [entry for entry in own if entry.what == "succeeded"]
    # An order may have completed it with None.
    has_output = any(entry.data is not None for entry in succeeded)
    held = False
    for part in segments(case, node, "undo_started", {Kind.UNDO}):
        more = held or case.retried(part.begin) or part.number <= rules.undo_attempts
        demand(more, "attempt", part.number, "to undo", node)
        held = part.end.what == "undo_attempt_failed" and part.end.held
        demand(succeeded or rules.provides_for_doubt, "node", node, "is undone in doubt")
        for life, doings in part.lives.items():
            demand(len(doings) == 1, "in one life, for one attempt:", doings)
            demand(doings[0].has_output == has_output, doings, "has an output")
            demand(life < part.end.life or doings[0].said is not None, doings, "has not ended")
        if orders := case.cancelled(part.end):
            check_no_call(part, orders)  # what follows is in the log
            continue
        if rules.undo is Undo.NOOP:
            demand(not part.lives, part, "though there is nothing to undo")
            demand(part.end.what == "undo_finished", part)
            continue
        demand(part.end.life in part.lives, part, "without a call")
        (last,) = part.lives[part.end.life]
        if last.said is Said.RETURNED:
            demand(part.end.what == "undo_finished", last, "and", part.end)
            continue
        check_error(case, rules, last, part.end)
        demand(f"undo action attempt {part.number}: " in part.end.error, part.end, "numbered")
        if case.holds and last.said is Said.RAISED_HOLD:
            demand(held, part.end, "after", last)
            continue
        final = {Said.RAISED_OTHER, Said.RAISED_HOLD}
        again = last.said not in final and part.number < rules.undo_attempts
        demand(part.end.what == ("undo_attempt_failed" if again else "undo_failed"), part, last)
        if again:
            check_due(part.end, last.ended, rules.undo_wait * 2 ** (part.number - 1), rules)


def check_last_word(case: Evidence, node: int) -> None:
    """Check what the last thing is that happened to a node whose action provides for doubt."""
    rules = case.rules[node]
    doings = [each for each in case.doings if each.node == node]
    if not (rules.provides_for_doubt and doings):
        return
    forward = [e for e in case.of(node) if not e.what.startswith("undo")]
    last = doings[-1]
    if case.by_order(case.of(node)[-1]):
        return  # a person's word
    if case.state == "failed" and forward[-1].what == IN_DOUBT:
        demand(case.last(node) == "undo_finished", "node", node, "is left in doubt")
    match case.last(node):
        case "undo_finished" if rules.undo is not Undo.NOOP:
            demand((last.kind, last.said) == (Kind.UNDO, Said.RETURNED), last, "is the last")
        case "failed":
            # After a probe that has cleared all before it, a call is the first again.
            cleared = max((n for n, each in enumerate(doings) if _clears(each)), default=-1)
            calls = [each for each in doings[cleared + 1 :] if each.kind is Kind.CALL]
            harmless = all(
                each.said is not None and not _may_have_done(rules, each) for each in calls
            )
            demand(harmless and last.kind is not Kind.UNDO, last, "is the last, none is undone")
        case "succeeded":
            demand(last.said is Said.RETURNED, last, "is the last of a success")


def check_effects(case: Evidence) -> None:
    """Check that what is in effect in the end is what the log says."""
    for node, rules in case.rules.items():
        own, there = case.of(node), node in case.effects
        word = case.last(node)
        if word == "succeeded":
            demand(there, "node", node, "has succeeded without effect")
        if word == "never started":
            demand(not own and not there, "node", node, "is in effect and was never started")
        harmless = word == "failed" and rules.provides_for_doubt
        if harmless or (word == "undo_finished" and rules.undo is not Undo.NOOP):
            demand(not there, "node", node, "is left in effect as", word)


# How a saga can end whose services do the same whenever they are asked


def possible_ends(job: FlakyJob, rules: Mapping[int, Rules]) -> set[str]:
    """
    Return how a saga can end, in any schedule and through any crashes.

    Only for jobs by attempt whose probes work and whose rules know no time. Which of several nodes
    fails first, and whether one that fails is in doubt, is for schedule and crashes to say.
    """
    graph = job.graph
    failing = {node for node in rules if not _succeeds(job, rules[node], node)}
    failing = {node for node in failing if not graph.ancestors(node) & failing}
    if not failing:
        return {"succeeded"}
    after = {node for node in range(graph.size) if graph.ancestors(node) & failing}
    sticking = {node for node in rules if _sticks(job, rules[node], node)} - after
    surely = set.intersection(*(graph.ancestors(node) for node in failing))
    if sticking & surely:
        return {"stuck"}
    in_doubt = {node for node in failing if rules[node].provides_for_doubt}
    return {"failed", "stuck"} if sticking - (failing - in_doubt) else {"failed"}


def _succeeds(job: FlakyJob, rules: Rules, node: int) -> bool:
    for attempt in count(1):
        act = job.act(rules, node, Kind.CALL, attempt=attempt, calls=0)
        if act in {Act.WORKS, Act.LATE} or (rules.probe and act in EFFECTIVE):
            return True
        if act in {Act.HOLDS, Act.ODD}:
            continue  # it is held, however many attempts there were
        if act in {Act.REFUSES, Act.BREAKS} or attempt >= rules.attempts:
            return False
    never("there is an end of what is planned")


def _sticks(job: FlakyJob, rules: Rules, node: int) -> bool:
    if rules.undo is Undo.NOOP:
        return False
    for attempt in count(1):
        act = job.act(rules, node, Kind.UNDO, attempt=attempt, calls=0)
        if act in {Act.WORKS, Act.LATE}:
            return False
        if act is not Act.HOLDS and (act is Act.BREAKS or attempt >= rules.undo_attempts):
            return True
    never("there is an end of what is planned")
