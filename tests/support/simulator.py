"""
A pure driver: a machine, what it has asked for, and a log that survives crashes; no trio.

At each turn the schedule chooses which of the outstanding commands complete, and in which order,
all in one `handle`. What is durable is what was recorded; a crash drops everything else. The
actions are fakes: their output is a checksum of all that they can see, so that a value that depends
on the schedule shows in the log.

Here and not in `steno.testing`, because it runs sagas without a SEC, which no user does.
"""

import zlib
from collections.abc import Callable
from contextlib import suppress

import attrs

from steno.core import (
    Finish,
    Input,
    JsonText,
    RepeatInjected,
    RunAction,
    RunUndo,
    SagaCachedState,
    SagaDag,
    SagaMachine,
    SagaNodeEvent,
    SagaNodeId,
    SagaState,
    Step,
    encode_json,
    inputs,
    lookup,
    saga_params,
)
from steno.core.graph._flat_node import EndNode, StartNode, SubsagaStartNode
from steno.core.machine._setback import Setbacks
from steno.core.machine._steering import Steering
from steno.errors import NodeBegun, NodeLookupError
from steno.testing.faults import FaultPlan, NodeFault
from steno.testing.notation import ERROR, SAGA_ID, UNDO_ERROR
from steno.testing.schedule import Choices
from support.scenarios import Scenario


@attrs.frozen
class Call:
    """
    A call of user code.

    Attributes:
        node: The node.
        undoing: Whether it is the undo action.
        after: How many events were durable when it was made.
        seen: All outputs that it could look up, by name.
        params: The params that it saw.
    """

    node: SagaNodeId
    undoing: bool
    after: int
    seen: tuple[tuple[str, JsonText], ...]
    params: JsonText


@attrs.define
class Outstanding:
    """A command that is carried out, with the result that will be told."""

    node: SagaNodeId
    result: Input


OnStep = Callable[["Simulator", Step], None]


class _Crash(Exception):
    """The process is gone."""


@attrs.define(eq=False)
class Simulator:
    """
    Runs one saga to its end, through crashes.

    Attributes:
        durable: The events that a crash leaves.
        commits: How many events were durable after each commit.
        calls: Every call of user code, over all lives.
        lives: How often the saga was recovered or begun.
        finished: How often the machine said that the saga is finished, in this life.
        outstanding: What it has asked for and not been told yet.
        told: Which nodes it was told of last.
    """

    dag: SagaDag
    plan: FaultPlan = attrs.field(factory=FaultPlan)
    choices: Choices = attrs.field(factory=Choices)
    crashes: frozenset[int] = frozenset()
    on_step: OnStep | None = None
    durable: list[SagaNodeEvent] = attrs.field(factory=list)
    commits: list[int] = attrs.field(factory=list)
    calls: list[Call] = attrs.field(factory=list)
    lives: int = 0
    finished: int = 0
    machine: SagaMachine = attrs.field(init=False)
    outstanding: list[Outstanding] = attrs.field(factory=list)
    told: list[SagaNodeId] = attrs.field(factory=list)
    outcome: SagaCachedState | None = None

    @classmethod
    def of(cls, scenario: Scenario, on_step: OnStep | None = None) -> "Simulator":
        dag, choices = scenario.spec.saga(), Choices(scenario.script)
        return cls(dag, scenario.plan, choices, scenario.crashes, on_step)

    def run(self) -> "Simulator":
        """Run to the end, and begin anew after each crash."""
        while self.outcome is None:
            try:
                self.boot()
                while self.outcome is None:
                    self.turn()
            except _Crash:
                self.outcome = None
        return self

    def boot(self) -> None:
        """Begin, with nothing but what is durable."""
        self.lives += 1
        self.told = []
        self.outstanding.clear()
        self.finished = 0
        self.machine = SagaMachine(
            self.dag, SagaState.fold(self.dag.flat, SAGA_ID, list(self.durable))
        )
        for injection in self._injections():
            with suppress(NodeBegun):  # in an earlier life
                self.machine.handle([injection])
        self.carry_out(self.machine.start())

    def turn(self) -> None:
        """Let some of what is outstanding complete, together."""
        chosen = [self.outstanding.pop(self.choices.pick(len(self.outstanding)))]
        while self.outstanding and self.choices.pick(3) == 1:
            chosen.append(self.outstanding.pop(self.choices.pick(len(self.outstanding))))
        self.told = [each.node for each in chosen]
        self.carry_out(self.machine.handle([each.result for each in chosen]))

    def carry_out(self, step: Step) -> None:
        """Make a step durable, then do as it says."""
        number = len(self.commits)
        if step.record:
            self.durable += step.record
            self.commits.append(len(self.durable))
        if 2 * number in self.crashes and step.record:
            raise _Crash
        for command in step.then:
            match command:
                case RunAction(node_id=node, times=times):
                    self.outstanding.append(Outstanding(node, self._act(node, times)))
                case RunUndo(node_id=node, times=times):
                    self.outstanding.append(Outstanding(node, self._undo(node, times)))
                case Finish(outcome=outcome):
                    self.outcome = outcome
                    self.finished += 1
        if self.on_step is not None:
            self.on_step(self, step)
        if 2 * number + 1 in self.crashes and step.record:
            raise _Crash

    def _injections(self) -> list[Input]:
        found: list[Input] = []
        for index, node in enumerate(self.dag.flat.nodes):
            if isinstance(node, StartNode | EndNode | SubsagaStartNode):
                continue
            node_id = SagaNodeId(index)
            if self.plan.has(index, NodeFault.INJECT_ERROR):
                found.append(inputs.InjectError(node_id))
            if self.plan.has(index, NodeFault.INJECT_UNDO_ERROR):
                found.append(inputs.InjectErrorUndo(node_id))
            if self.plan.has(index, NodeFault.REPEAT):
                found.append(inputs.InjectRepeat(node_id, RepeatInjected(2, 2)))
        return found

    # The fake actions

    def _act(self, node: SagaNodeId, times: int) -> Input:
        result: Input = inputs.ActionRaised(node, ERROR)
        for _ in range(times):
            first = not any(call.node == node and not call.undoing for call in self.calls)
            call = self._call(node, undoing=False)
            fails = self.plan.has(node, NodeFault.ACTION) or (
                self.plan.has(node, NodeFault.ACTION_ONCE) and first
            )
            if fails:
                result = inputs.ActionRaised(node, ERROR)
            else:
                checksum = zlib.crc32(repr((node, call.seen, call.params)).encode())
                result = inputs.ActionSucceeded(node, encode_json(checksum))
        return result

    def _undo(self, node: SagaNodeId, times: int) -> Input:
        for _ in range(times):
            self._call(node, undoing=True)
            if self.plan.has(node, NodeFault.UNDO):
                return inputs.UndoRaised(node, UNDO_ERROR)
        return inputs.UndoSucceeded(node)

    def _call(self, node: SagaNodeId, *, undoing: bool) -> Call:
        outputs = self.machine.state.outputs
        seen = []
        for name in {str(name) for scope in self.dag.flat.scopes for name in scope.names}:
            try:
                seen.append((name, lookup(self.dag, outputs, node, name, undoing=undoing)))
            except NodeLookupError:
                continue
        params = saga_params(self.dag, outputs, node)
        call = Call(node, undoing, len(self.durable), tuple(sorted(seen)), params)
        self.calls.append(call)
        return call


def recover(dag: SagaDag, events: list[SagaNodeEvent], **options: object) -> Simulator:
    """Return a simulator that has run a saga from a log to its end."""
    return Simulator(dag, durable=list(events), **options).run()


def state_facts(state: SagaState) -> dict[str, object]:
    """Return all that a state consists of, to be compared; ordered sets with their order."""
    return _facts(state) | {"log": _facts(state.log)}


def _facts(thing: object) -> dict[str, object]:
    values = {a.name: getattr(thing, a.name) for a in attrs.fields(type(thing))}
    return {name: _copied(value) for name, value in values.items()}


def _copied(value: object) -> object:
    match value:
        case dict():
            return (dict(value), list(value))
        case list():
            return list(value)
        case Setbacks() | Steering():
            return _facts(value)
        case _:
            return value
