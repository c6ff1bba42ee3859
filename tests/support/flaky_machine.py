"""
A pure driver of attempts: a machine, flaky services, virtual time, and crashes; no trio.

What becomes of a call is decided here by the text of the specification, and not by the runtime,
which the machine knows nothing of. See `support.simulator`, which does the same for sagas in which
nothing is tried again.
"""

from collections import Counter
from collections.abc import Callable, Generator, Sequence
from random import Random

import attrs

from steno.action import to_timestamp
from steno.core import (
    CANCELS,
    NULL,
    OF_NODES,
    ActionFailed,
    ActionNode,
    CancelCall,
    Finish,
    Input,
    JsonText,
    Ordered,
    RunAction,
    RunUndo,
    SagaCachedState,
    SagaMachine,
    SagaNodeEvent,
    SagaNodeId,
    SagaNodeLoadStatus,
    SagaState,
    SerializeFailed,
    Step,
    Succeeded,
    Timestamp,
    UndoActionError,
    Verb,
    Wait,
    encode_json,
    inputs,
)
from steno.core.graph._flat_node import EndNode, StartNode, SubsagaStartNode
from steno.testing.notation import SAGA_ID
from steno.testing.schedule import Choices
from support.flaky import (
    EFFECTIVE,
    EPOCH,
    HOLDING,
    SECOND,
    Act,
    Doing,
    FlakyJob,
    Kind,
    Rules,
    Said,
    Undo,
    action_names,
    rules_by_name,
)
from support.oracle import Evidence, read

BEGIN = to_timestamp(EPOCH)

UNDO_FAILURES = {"undo_attempt_failed", "undo_failed"}
MARKERS = StartNode | EndNode | SubsagaStartNode
"""What takes no orders."""

ENDS = {
    Act.WORKS: Said.RETURNED,
    Act.LATE: Said.RETURNED,
    Act.ODD: Said.RETURNED_ODD,
    Act.FAILS: Said.RAISED,
    Act.FAILS_AFTER: Said.RAISED,
    Act.REFUSES: Said.RAISED_NOT_DONE,
    Act.BREAKS: Said.RAISED_OTHER,
    Act.HOLDS: Said.RAISED_HOLD,
    Act.HANGS: Said.CANCELLED,
    Act.HANGS_AFTER: Said.CANCELLED,
}

Running = Generator[Doing | None, None, Input]
"""A command that is carried out: it yields while a call is under way, and returns the result."""


@attrs.frozen
class FlakyScenario:
    """
    All that decides how a saga runs.

    Attributes:
        job: The saga.
        rules: What its actions say of themselves.
        script: What happens when.
        crashes: At which commits the machine is lost; 3n: commit n is not made; 3n + 1: before its
            commands are carried out, 3n + 2: after that.
        holds: Whether what raises Hold, or cannot be stored, holds its node.
        orders: A seed of what a person orders, and when; None: nothing.
    """

    job: FlakyJob
    rules: tuple[Rules, ...]
    script: bytes = b""
    crashes: frozenset[int] = frozenset()
    holds: bool = True
    orders: int | None = None


class _Crash(Exception):
    """The process is gone."""


OnStep = Callable[["FlakySimulator", Step], None]


@attrs.define(eq=False)
class FlakySimulator:
    """
    Runs one saga to its end, through crashes.

    Attributes:
        scenario: What decides.
        on_step: Called after each step.
        durable: The events that a crash leaves.
        commits: How many events were durable after each commit.
        lost: How often the machine was lost.
        lives: How many events were durable when each life began.
        doings: Every call of user code.
        effects: The nodes that are in effect.
        now: The time, in microseconds.
        waits: What the machine has asked to be told of, in this life.
        refused: Orders that were refused: how long the log was, the node, and the verb.
    """

    scenario: FlakyScenario
    on_step: OnStep | None = None
    durable: list[SagaNodeEvent] = attrs.field(factory=list)
    commits: list[int] = attrs.field(factory=list)
    steps: int = 0
    lost: int = 0
    lives: list[int] = attrs.field(factory=list)
    doings: list[Doing] = attrs.field(factory=list)
    effects: set[int] = attrs.field(factory=set)
    now: int = BEGIN
    outcome: SagaCachedState | None = None
    machine: SagaMachine = attrs.field(init=False)
    running: dict[SagaNodeId, Running] = attrs.field(factory=dict)
    waits: list[tuple[int, SagaNodeId]] = attrs.field(factory=list)
    choices: Choices = attrs.field(init=False)
    rules: dict[int, Rules] = attrs.field(init=False)
    refused: list[tuple[int, int, str]] = attrs.field(factory=list)
    _crashed: set[int] = attrs.field(factory=set)
    _random: Random = attrs.field(init=False)
    _whims: int = attrs.field(init=False)  # orders that are still to be given without need

    def __attrs_post_init__(self) -> None:
        self.choices = Choices(self.scenario.script)
        self._random = Random(self.scenario.orders)
        self._whims = 0 if self.scenario.orders is None else self._random.randint(1, 6)
        names = action_names(self.scenario.job.dag)
        self.rules = {n: rules_by_name(self.scenario.rules, name) for n, name in names.items()}

    def run(self) -> "FlakySimulator":
        """Run to the end, and begin anew after each crash."""
        while self.outcome is None:
            try:
                self.boot()
                while self._goes_on():
                    self.turn()
                # Held: it goes on in the next life.
                assert self.outcome is not None or len(self.durable) > self.lives[-1], "no progress"
            except _Crash:
                self.lost += 1
                self.outcome = None
                self.now += self.choices.pick(3) * 30 * SECOND  # downtime
        return self

    def _goes_on(self) -> bool:
        """Return True if something is under way, or a person sees to it."""
        if self.outcome is SagaCachedState.STUCK and self._whims:
            self._repair()
        if self.outcome is not None:
            return False
        return bool(self.running or self.waits) or self._help()

    def _repair(self) -> None:
        """Order something for an undo that has failed."""
        self._whims -= 1
        failed = list(self.machine.state.setbacks.undo_failures)
        self.outcome = None  # unless the step says that it is still stuck
        self._order(self._random.choice(failed), self._random.choice([Verb.RETRY, Verb.COMPLETE]))

    def _help(self) -> bool:
        """Order something for a node that waits for nothing else; return False if none does."""
        setbacks = self.machine.state.setbacks
        held = [n for n, last in setbacks.waiting() if last.held and not last.reopen]
        stopped = [n for n, could_begin in setbacks.stopped.items() if could_begin]
        if not held and not stopped:
            return False
        node = self._random.choice([*held, *stopped])
        verbs = [Verb.RETRY]
        if node in held:
            verbs += [Verb.COMPLETE] if node in setbacks.undoing else [Verb.COMPLETE, Verb.FAIL]
        self._order(node, self._random.choice(verbs))
        return True

    def _on_a_whim(self) -> list[Input]:
        """Order something of some node, whether it applies or not, alone or beside results."""
        if not self._whims or self._random.random() < 0.6:
            return []
        self._whims -= 1
        if self._random.random() < 0.05:
            return [inputs.Order(None, Verb.UNWIND, "me", "a reason", cancel=True)]
        node = SagaNodeId(self._random.randrange(len(self.scenario.job.dag.flat.nodes)))
        verb = self._random.choice(list(OF_NODES))
        cancel = verb in CANCELS and self._random.random() < 0.5
        if cancel and self.running:
            node = self._random.choice([node, *self.running])
        if self._random.random() < 0.5:
            return [self._ordered(node, verb, cancel=cancel)]
        self._order(node, verb, cancel=cancel)
        return []

    def _ordered(
        self, node: SagaNodeId, verb: Verb, expect: int | None = None, *, cancel: bool = False
    ) -> inputs.Order:
        given = self.machine.state.status(node)
        forward = {SagaNodeLoadStatus.BACKING_OFF}
        if cancel and isinstance(self._node(node), ActionNode):
            forward.add(SagaNodeLoadStatus.STARTED)
        has_output = verb is Verb.COMPLETE and given in forward
        output = encode_json("by hand") if has_output else NULL
        return inputs.Order(node, verb, "me", "a reason", expect, output, cancel)

    def _order(self, node: SagaNodeId, verb: Verb, *, cancel: bool = False) -> None:
        """Give one order alone; note when it is refused, unless that says nothing of its node."""
        size = len(self.durable)
        expect = self._random.choice([None, None, size, size + 1])
        order = self._ordered(node, verb, expect, cancel=cancel)
        step = self.machine.handle([order], Timestamp(self.now))
        if step.refused:
            assert not step.record, "an order that was refused changed something"
            if expect != size + 1 and not isinstance(self._node(node), MARKERS):
                suffix = " and cancel" if cancel else ""
                self.refused.append((size, node, f"{verb.value}{suffix}"))
        self.carry_out(step)

    def _node(self, node: SagaNodeId) -> object:
        return self.scenario.job.dag.flat.nodes[node]

    def evidence(self) -> Evidence:
        """Return what the oracle needs to judge it."""
        job = self.scenario.job
        return Evidence(
            job.graph,
            self.rules,
            job.wakes,
            read(self.durable, self.lives),
            "running" if self.outcome is None else self.outcome.value,
            self.doings,
            frozenset(self.effects),
            frozenset(self.commits),
            holds=self.scenario.holds,
            refused=self.refused,
        )

    def boot(self) -> None:
        """Begin, with nothing but what is durable."""
        dag = self.scenario.job.dag
        self.lives.append(len(self.durable))
        self.running.clear()
        self.waits.clear()
        self.machine = SagaMachine(dag, SagaState.fold(dag.flat, SAGA_ID, self.durable))
        self.carry_out(self.machine.start(Timestamp(self.now)))

    def turn(self) -> None:
        """Let some time pass, and some of what is under way end, together."""
        self.now += self.choices.pick(4) * 100_000
        told: list[Input] = self._on_a_whim()
        if self.outcome is not None or not (self.running or self.waits):
            return  # the order has ended the saga, or what was waited for
        while True:
            told += self._one_end()
            if told and self.choices.pick(3) != 1:
                break
            if not self.running and not self.waits:
                break
        self.carry_out(self.machine.handle(told, Timestamp(self.now)))

    def _one_end(self) -> list[Input]:
        """Let one call end, or the next time come that is waited for."""
        number = self.choices.pick(len(self.running) + bool(self.waits))
        if number == len(self.running):
            until, node = first = min(self.waits)
            self.waits.remove(first)
            self.now = max(self.now, until)
            return [inputs.Due(node)]
        node = list(self.running)[number]
        try:
            next(self.running[node])
        except StopIteration as ended:
            del self.running[node]
            return [ended.value]
        return []

    def carry_out(self, step: Step) -> None:
        """Make a step durable, then do as it says; be lost in between if this is the time."""
        number = self.steps
        if step.record:
            self.steps += 1
            self._maybe_crash(3 * number)
            self.durable += step.record
            self.commits.append(len(self.durable))
            self._take_orders(step)
            self._maybe_crash(3 * number + 1)
        for command in step.then:
            match command:
                case RunAction(node_id=node):
                    self._start(node, self._act(command))
                case RunUndo(node_id=node):
                    self._start(node, self._undo(command))
                case CancelCall(node_id=node):
                    self._cancel(node)
                case Wait(node_id=node, until=until):
                    self.waits.append((self._until(node) if until is None else until, node))
                case Finish(outcome=outcome):
                    self.outcome = outcome
        if self.on_step is not None:
            self.on_step(self, step)
        if step.record:
            self._maybe_crash(3 * number + 2)

    def _take_orders(self, step: Step) -> None:
        """Let a person do by hand what they say is done, as soon as that is durable."""
        for place in range(len(self.durable) - len(step.record), len(self.durable)):
            event = self.durable[place]
            if isinstance(event.event_type, Ordered):
                continue
            if done_by_hand(self.durable[:place], event):
                if isinstance(event.event_type, Succeeded):
                    self.effects.add(event.node_id)
                else:
                    self.effects.discard(event.node_id)

    def _maybe_crash(self, point: int) -> None:
        if point in self.scenario.crashes:
            raise _Crash

    def _until(self, node: int) -> int:
        counted, until = self.scenario.job.wakes[node]
        assert not counted
        return until

    # What the runtime does, by the specification

    def _start(self, node: SagaNodeId, running: Running) -> None:
        assert node not in self.running, "two calls of one node"
        self.running[node] = running
        next(running)

    def _cancel(self, node: SagaNodeId) -> None:
        """Cancel a call, unless it has ended just then, or its action is not to be in doubt."""
        order, rules = self.machine.state.setbacks.cancelling.get(node), self.rules[node]
        if order is None or node not in self.running:
            return  # it has ended by now
        if order.verb is Verb.UNWIND and not rules.provides_for_doubt:
            return
        life = len(self.lives) - 1
        under_way = [
            each for each in self.doings if (each.node, each.life, each.said) == (node, life, None)
        ]
        if under_way and not rules.probe and self.choices.pick(3) == 1:
            return  # it ends by itself before it can be cancelled
        for doing in under_way:
            doing.said, doing.ended = Said.CANCELLED, self.now
        del self.running[node]
        self._start(node, self._settle(node, order.verb))

    def _settle(self, node: SagaNodeId, verb: Verb) -> Running:
        """Find out how a call ends that was cancelled."""
        rules = self.rules[node]
        if self.machine.state.status(node) is SagaNodeLoadStatus.UNDO_STARTED:
            yield None
            return inputs.CallCancelled(node)
        if not rules.probe or verb is Verb.COMPLETE:
            yield None
            return inputs.CallCancelled(node, rules.provides_for_doubt or None)
        found = yield from self._do(node, Kind.PROBE)
        if found.said is Said.RETURNED:
            return inputs.CallCancelled(node, output=_output(node))
        return inputs.CallCancelled(node, in_doubt=found.said is not Said.RETURNED_NOT_DONE)

    def _failed_attempts(self, node: int, *labels: str) -> int:
        return sum(e.node_id == node and e.event_type.label in labels for e in self.durable)

    def _act(self, command: RunAction) -> Running:
        node, rules, cleared = command.node_id, self.rules[command.node_id], False
        verb = command.cancelled
        if verb is not None and (verb is not Verb.UNWIND or rules.provides_for_doubt):
            return (yield from self._settle(node, verb))
        if rules.limit is not None and self.choices.pick(2):  # it waits for its turn
            yield None
            if self._unwinds() and not command.repeats:
                return inputs.ActionRaised(node, _error("was not called"))
        if rules.probe and command.repeats:
            found = yield from self._do(node, Kind.PROBE)
            if found.said is not Said.RETURNED_NOT_DONE:
                return self._settled(node, found)
            cleared = True
            if self._unwinds():
                return inputs.ActionRaised(node, _error("was not called"), in_doubt=False)
        call = yield from self._do(node, Kind.CALL)
        if call.said is Said.RETURNED:
            return inputs.ActionSucceeded(node, _output(node))
        harmless = call.said is not Said.RETURNED_ODD and (
            rules.atomic or call.said is Said.RAISED_NOT_DONE
        )
        doubt = rules.provides_for_doubt and (not harmless or (command.repeats and not cleared))
        before = self._was_in_doubt(node) and not cleared
        if rules.probe and (doubt or before):
            found = yield from self._do(node, Kind.PROBE)
            if found.said is not Said.RETURNED_NOT_DONE:
                return self._settled(node, found)
            return self._raised(node, call, in_doubt=False)
        # None says nothing of earlier attempts, which False would clear.
        return self._raised(node, call, in_doubt=True if doubt else False if cleared else None)

    def _settled(self, node: SagaNodeId, found: Doing) -> Input:
        """Return what follows from a probe that does not say that nothing was done."""
        if found.said is Said.RETURNED:
            return inputs.ActionSucceeded(node, _output(node))
        return self._raised(node, found, in_doubt=True)

    def _raised(self, node: SagaNodeId, doing: Doing, *, in_doubt: bool | None) -> Input:
        rules, number = self.rules[node], self._failed_attempts(node, "attempt_failed") + 1
        again = self._again(doing, rules, number, rules.attempts, rules.wait)
        first = next(
            e for e in self.durable if e.node_id == node and e.event_type.label == "started"
        )
        over = rules.within is not None and self.now >= first.time + rules.within * SECOND
        if over and again is not None and again.at is not None:
            again = None
        if again is None and rules.then_holds and doing.said in {Said.RAISED, Said.CANCELLED}:
            again = inputs.Again(None)
        return inputs.ActionRaised(node, _error_of(doing), in_doubt, again)

    def _again(
        self, doing: Doing, rules: Rules, number: int, attempts: int, wait: float
    ) -> inputs.Again | None:
        if doing.said in HOLDING and self.scenario.holds:
            return inputs.Again(None, reopen=True)
        if doing.said not in {Said.RAISED, Said.CANCELLED} or number >= attempts:
            return None
        seconds = wait * 2 ** (number - 1) + self.choices.pick(3) / 2 * rules.jitter
        return inputs.Again(Timestamp(self.now + round(min(rules.longest, seconds) * SECOND)))

    def _undo(self, command: RunUndo) -> Running:
        node, rules = command.node_id, self.rules[command.node_id]
        if rules.undo is Undo.NOOP:
            yield None
            return inputs.UndoSucceeded(node)
        number = self._failed_attempts(node, *UNDO_FAILURES) + 1
        undo = yield from self._do(node, Kind.UNDO)
        if undo.said is Said.RETURNED:
            return inputs.UndoSucceeded(node)
        what = "ActionTimeout" if undo.said is Said.CANCELLED else undo.text
        error = UndoActionError.attempt(number, what).encoded()
        again = self._again(undo, rules, number, rules.undo_attempts, rules.undo_wait)
        return inputs.UndoRaised(node, error, again)

    def _unwinds(self) -> bool:
        return any(
            event.event_type.label == "failed"
            or (isinstance(event.event_type, Ordered) and event.event_type.verb is Verb.UNWIND)
            for event in self.durable
        )

    def _was_in_doubt(self, node: int) -> bool:
        own = [e.event_type for e in self.durable if e.node_id == node]
        attempts = [each for each in own if each.label == "attempt_failed"]
        return bool(attempts) and attempts[-1].in_doubt

    # The services

    def _do(self, node: SagaNodeId, kind: Kind) -> Generator[Doing, None, Doing]:
        """Call user code: it begins now, and ends when this is resumed."""
        rules, job = self.rules[node], self.scenario.job
        doing = self._doing(node, kind)
        calls = Counter((each.node, each.kind) for each in self.doings)[node, kind]
        act = job.act(rules, node, kind, attempt=doing.attempt, calls=calls)
        self.doings.append(doing)
        # Its effect may come at once, so that a crash finds it; an atomic one, when it returns.
        early = self.choices.pick(2) and not (rules.atomic and kind is Kind.CALL)
        if early:
            self._take_effect(node, kind, act)
        yield doing
        if not early:
            self._take_effect(node, kind, act)
        if ENDS[act] is Said.CANCELLED:
            self.now = max(self.now, doing.began + round(rules.timeout_of(kind) * SECOND))
        doing.said, doing.ended = ENDS[act], self.now
        if kind is Kind.PROBE and act is Act.WORKS and node not in self.effects:
            doing.said = Said.RETURNED_NOT_DONE
        return doing

    def _take_effect(self, node: int, kind: Kind, act: Act) -> None:
        if act not in EFFECTIVE or kind is Kind.PROBE:
            return
        if kind is Kind.CALL:
            self.effects.add(node)
        else:
            self.effects.discard(node)

    def _doing(self, node: SagaNodeId, kind: Kind) -> Doing:
        label, failed = "started", {"attempt_failed"}
        if kind is Kind.UNDO:
            label, failed = "undo_started", UNDO_FAILURES
        since = next(
            e.time for e in self.durable if e.node_id == node and e.event_type.label == label
        )
        return Doing(
            saga_id=SAGA_ID,
            node=node,
            kind=kind,
            attempt=self._failed_attempts(node, *failed) + 1,
            life=len(self.lives) - 1,
            durable=len(self.durable),
            began=self.now,
            since=since,
            has_output=node in self.machine.state.outputs,
            text=f"doing {len(self.doings)}.",
            known=len(self.durable),
        )


def _output(node: int) -> JsonText:
    return encode_json(f"did {node}")


def _error(text: str) -> JsonText:
    return ActionFailed(encode_json({"message": text})).encoded()


def _error_of(doing: Doing) -> JsonText:
    match doing.said:
        case Said.RETURNED_ODD:
            return SerializeFailed("an object").encoded()
        case Said.CANCELLED:
            return _error("ActionTimeout")
        case _:
            return _error(doing.text)


def done_by_hand(before: Sequence[SagaNodeEvent], event: SagaNodeEvent) -> bool:
    """Return True if somebody said that they did by hand what an event says is done."""
    for each in reversed(before):
        if each.node_id == event.node_id:
            order = each.event_type
            if not isinstance(order, Ordered):
                return False
            if order.cancel or order.verb in {Verb.COMPLETE, Verb.FAIL}:
                return order.verb is Verb.COMPLETE
    return False
