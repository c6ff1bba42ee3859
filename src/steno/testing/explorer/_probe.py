"""
The probe: it wraps the actions of a SEC, records every call, and injects the planned faults.

A crash is the cancellation of the SEC: nothing more is logged, and every task is cut off at its
next checkpoint. Unlike in a process that dies, the `finally` blocks of such a task still run; an
action that relies on that is wrong, and is not detected here.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Awaitable, Callable, Iterable
from contextvars import ContextVar
from random import Random
from typing import Never

import attrs
import trio

from steno.action import Action, ActionContext, ActionRegistry, Codec, output_type_of
from steno.core import FlatDag, JsonText, SagaId, SagaNodeEvent
from steno.errors import SerializeError
from steno.store import SagaCreateParams, SagaProblem, SagaRecord, SagaWrite
from steno.testing.explorer._case import Callee, CallFault, CrashKind, CrashPoint, FaultKind
from steno.testing.explorer._explored_saga import ExploredSaga
from steno.testing.explorer._record import EXPLORED, Call, CallEnd, Problem, ProblemKind, Ran

_inside: ContextVar[Call | None] = ContextVar("steno_explorer_call", default=None)

_DUE = {False: ["started"], True: ["started", "succeeded", "undo_started"]}
"""The exact durable events of a node whenever its action or its undo is called."""


class PlannedFailure(Exception):
    """A call failed because the explorer planned it."""


@attrs.frozen
class Pace:
    """
    How long calls are delayed, in virtual seconds.

    Attributes:
        usual: The duration of the whole saga, if nothing is delayed.
    """

    usual: float = 0.0

    @property
    def longer(self) -> float:
        """A duration longer than that of any saga without delays."""
        return 10 * self.usual + 3600

    def random(self, seed: int, what: str) -> float:
        """Return how long a seed delays a call; half of the calls are not delayed."""
        random = Random(f"{seed}/{what}")  # noqa: S311 - it must be reproducible
        return max(0.0, random.uniform(-1, 1)) * (self.usual or 1.0)


@attrs.define(eq=False)
class Probe(trio.abc.Instrument):
    """
    Records the calls of one run, and injects faults.

    Args:
        subject: What is explored.
        ran: Where the run is recorded.
        pace: How long calls are delayed.
    """

    subject: ExploredSaga
    ran: Ran
    pace: Pace
    crash: CrashPoint | None = attrs.field(init=False, default=None)
    scope: trio.CancelScope = attrs.field(init=False, factory=trio.CancelScope)
    _durable: dict[tuple[SagaId, int], list[str]] = attrs.field(
        init=False, factory=lambda: defaultdict(list)
    )
    _names: dict[SagaId, str] = attrs.field(init=False, factory=dict)
    _count: dict[str, int] = attrs.field(init=False, factory=dict)
    _met: set[Callee] = attrs.field(init=False, factory=set)  # in this life

    def begin_life(self, crash: CrashPoint | None) -> trio.CancelScope:
        """Begin a life of the SEC; return the scope whose cancellation is its end."""
        self.crash, self.scope = crash, trio.CancelScope()
        self._met.clear()
        return self.scope

    def die(self) -> None:
        """Crash, now."""
        if self.crash is not None:
            self.ran.crashed.append(self.crash)
            self.crash = None
            self.scope.cancel()

    def made_durable(self, write: SagaWrite) -> None:
        """Note a write that the store has made."""
        match write:
            case SagaCreateParams(saga_id=saga_id, saga_name=name, events=events):
                self._names[saga_id] = name
                self._note_durable(events)
            case SagaRecord(events=events):
                self._note_durable(events)
            case SagaProblem():
                pass

    def _note_durable(self, events: Iterable[SagaNodeEvent]) -> None:
        for event in events:
            self._durable[event.saga_id, event.node_id].append(event.event_type.label)

    def before_task_step(self, task: trio.lowlevel.Task) -> None:
        """Count a checkpoint of a call, from which it now continues."""
        if (call := task.context.get(_inside)) is not None:
            call.checkpoints += 1
            self._meet(call, CrashKind.AT_CHECKPOINT, call.checkpoints + 1)

    def _meet(self, call: Call, kind: CrashKind, number: int = 0) -> bool:
        """Crash if this is the planned point; return whether it is."""
        if self.crash is None or self.crash != CrashPoint(kind, number, call.callee):
            return False
        self.die()
        return True

    # Calls

    async def call(
        self,
        ctx: ActionContext[Never],
        function: Callable[[ActionContext[Never]], Awaitable[object]],
        *,
        undoing: bool,
    ) -> object:
        """Call a function of the user, with the planned faults, and return its result."""
        call = self._begin(ctx, undoing=undoing)
        await self._hold_up(call)
        if self._fires(FaultKind.FAIL, call.callee):
            call.end = CallEnd.PLANNED
            msg = f"planned: {CallFault(FaultKind.FAIL, call.callee)}"
            raise PlannedFailure(msg)
        result = await self._carry_out(call, ctx, function)
        if self._meet(call, CrashKind.AT_END):
            await trio.lowlevel.checkpoint()
        if self._fires(FaultKind.FAIL_AFTER, call.callee):
            call.end = CallEnd.PLANNED
            msg = f"planned: {CallFault(FaultKind.FAIL_AFTER, call.callee)}"
            raise PlannedFailure(msg)
        return result

    async def _carry_out(
        self,
        call: Call,
        ctx: ActionContext[Never],
        function: Callable[[ActionContext[Never]], Awaitable[object]],
    ) -> object:
        token = _inside.set(call)
        try:
            self._meet(call, CrashKind.AT_CHECKPOINT, 1)
            result = await function(ctx)
        except Exception as error:
            call.end, call.error = CallEnd.RAISED, error
            raise
        except BaseException as error:
            call.end, call.error = CallEnd.CUT, error
            raise
        finally:
            _inside.reset(token)
        call.end, call.output = CallEnd.RETURNED, _as_json(self.subject.registry.codec, result)
        return result  # noqa: ASYNC910 - user code was called, whether or not it waited

    def _begin(self, ctx: ActionContext[Never], *, undoing: bool) -> Call:
        """Record a call, check it against what is durable, and return it."""
        callee = self._callee(ctx, undoing=undoing)
        call = Call(callee, ctx.saga_id, ctx.node_id, len(self.ran.lives) - 1)
        self.ran.calls.append(call)
        durable = self._durable[ctx.saga_id, ctx.node_id]
        if durable != _DUE[undoing]:
            had = ", ".join(durable) or "nothing"
            text = f"{callee} was called when {had} was durable of that node"
            self.ran.note(Problem(ProblemKind.RULE, text))
        if callee in self._met:
            self._fires(FaultKind.REPEAT, callee)
        self._met.add(callee)
        return call

    def _callee(self, ctx: ActionContext[Never], *, undoing: bool) -> Callee:
        if ctx.saga_id == EXPLORED:
            return Callee(self.subject.names[ctx.node_id], undoing)
        return Callee(f"{self._names.get(ctx.saga_id)}:{ctx.node_name}", undoing)

    async def _hold_up(self, call: Call) -> None:
        """Delay a call, if its seed or a fault says so."""
        await trio.lowlevel.checkpoint()
        seconds = 0.0
        if seed := self.ran.case.seed:
            what = str(call.callee)
            self._count[what] = self._count.get(what, 0) + 1
            seconds = self.pace.random(seed, f"{what}/{self._count[what]}")
        if self._fires(FaultKind.DELAY, call.callee):
            seconds = self.pace.longer
        if seconds:
            call.held_up = True
            await trio.sleep(seconds)

    def _fires(self, kind: FaultKind, callee: Callee) -> bool:
        """Return whether a fault is planned here, and record it if so."""
        planned = self.ran.case.has(kind, callee)
        if planned:
            self.ran.fired.add(CallFault(kind, callee))
        return planned


def _as_json(codec: Codec, result: object) -> JsonText | None:
    try:
        return codec.encode(result)
    except SerializeError:
        return None  # this fails the node, which is checked elsewhere


@attrs.frozen(eq=False)
class _Probed:
    """An action that is called through a probe."""

    _action: Action
    _probe: Probe

    @property
    def name(self) -> str:
        """The name by which stored sagas refer to it."""
        return self._action.name

    async def do_it(self, ctx: ActionContext[Never]) -> object:
        """Call the action through the probe."""
        return await self._probe.call(ctx, self._action.do_it, undoing=False)

    @property
    def output_type(self) -> object:
        """The annotation of its outputs."""
        return output_type_of(self._action)

    async def undo_it(self, ctx: ActionContext[Never]) -> None:
        """Call the undo action through the probe."""
        await self._probe.call(ctx, self._action.undo_it, undoing=True)


@attrs.define(eq=False)
class ProbedRegistry(ActionRegistry):
    """The user's registry, with a probe before each action."""

    inner: ActionRegistry
    probe: Probe

    def get(self, name: str) -> Action:
        """Return the action of a name."""
        return _Probed(self.inner.get(name), self.probe)

    def validate(self, flat: FlatDag) -> None:
        """Check that a saga's actions can be called and undone."""
        self.inner.validate(flat)
