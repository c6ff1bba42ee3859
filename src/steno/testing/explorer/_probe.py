"""
The probe: it wraps the actions of a SEC, records every call, and injects the planned faults.

A crash is the cancellation of the SEC: nothing more is logged, and every task is cut off at its
next checkpoint. Unlike in a process that dies, the `finally` blocks of such a task still run; an
action that relies on that is wrong, and is not detected here.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Awaitable, Callable, Iterable
from contextvars import ContextVar
from typing import Never, TypeAlias, cast

import attrs
import trio

from steno.action import NOT_DONE, OPEN, ActionContext, Codec, to_timestamp
from steno.core import (
    AttemptFailed,
    JsonText,
    Ordered,
    SagaId,
    SagaNodeEvent,
    SagaNodeEventType,
    Timestamp,
    UndoAttemptFailed,
)
from steno.errors import SerializeError
from steno.runtime import SecClient
from steno.store import SagaCreateParams, SagaProblem, SagaRecord, SagaTrial, SagaWrite
from steno.testing.explorer._callee import Callee
from steno.testing.explorer._case import (
    CallFault,
    CrashKind,
    CrashPoint,
    FaultKind,
)
from steno.testing.explorer._declaration import PlannedFailure, PlannedNotDone, PlannedTimeout
from steno.testing.explorer._explored_saga import ExploredSaga
from steno.testing.explorer._pace import Pace
from steno.testing.explorer._record import EXPLORED, Call, CallEnd, Problem, ProblemKind, Ran
from steno.testing.notation import MARKS
from steno.testing.schedule import DateClock

Function: TypeAlias = Callable[[ActionContext[Never]], Awaitable[object]]

_inside: ContextVar[Call | None] = ContextVar("steno_explorer_call", default=None)

# The durable events of a node whenever its action or its undo is called, in the marks of
# `steno.testing.notation`: it was started once more after each attempt that failed.
_STARTED = r"\+(↻\+)*"
_DUE = {
    False: re.compile(_STARTED),
    True: re.compile(_STARTED + r"↻?[✓?]-((!|!?↺)-)*"),
}


_INSTANT = 1e-6
"""Virtual time passes only when nothing else happens."""


@attrs.frozen(eq=False)
class _Function:
    """A function that was called, and what it was given."""

    ctx: ActionContext[Never]
    action: str
    function: Function


@attrs.frozen(eq=False)
class Stop:
    """
    A stop at the end of a call.

    Attributes:
        met: Set when the function has returned.
        over: Set when the call may go on.
    """

    met: trio.Event = attrs.field(init=False, factory=trio.Event)
    over: trio.Event = attrs.field(init=False, factory=trio.Event)


@attrs.define(eq=False)
class Probe(trio.abc.Instrument):
    """
    Records the calls of one run, and injects faults.

    Args:
        subject: What is explored.
        ran: Where the run is recorded.
        pace: How long calls are delayed.
        clock: The clock of the SECs.
    """

    subject: ExploredSaga
    ran: Ran
    pace: Pace
    clock: DateClock
    crash: CrashPoint | None = attrs.field(init=False, default=None)
    scope: trio.CancelScope = attrs.field(init=False, factory=trio.CancelScope)
    mended: bool = attrs.field(init=False, default=False)
    _durable: dict[tuple[SagaId, int], list[SagaNodeEventType]] = attrs.field(
        init=False, factory=lambda: defaultdict(list)
    )
    _names: dict[SagaId, str] = attrs.field(init=False, factory=dict)
    _nodes: dict[tuple[SagaId, int], str] = attrs.field(init=False, factory=dict)
    _count: dict[str, int] = attrs.field(init=False, factory=dict)
    _met: set[tuple[Callee, int]] = attrs.field(init=False, factory=set)  # in this life
    stops: dict[Callee, Stop] = attrs.field(init=False, factory=dict)
    _under_way: set[Call] = attrs.field(init=False, factory=set)
    _ended: trio.Event = attrs.field(init=False, factory=trio.Event)
    _awaited: dict[str, trio.Event] = attrs.field(
        init=False, factory=lambda: defaultdict(trio.Event)
    )
    _last: dict[Callee, _Function] = attrs.field(init=False, factory=dict)

    def begin_life(self, crash: CrashPoint | None) -> trio.CancelScope:
        """Begin a life of the SEC; return the scope whose cancellation is its end."""
        self.crash, self.scope = crash, trio.CancelScope()
        self._met.clear()
        self._under_way.clear()
        self.stops.clear()
        return self.scope

    def die(self) -> None:
        """Crash, now."""
        if self.crash is not None:
            self.ran.crashed.append(self.crash)
            self.ran.mark(self.crash)
            self.crash = None
            self.scope.cancel()

    # What is durable

    def made_durable(self, write: SagaWrite) -> None:
        """Note a write that the store has made."""
        match write:
            case SagaCreateParams(saga_id=saga_id, saga_name=name, events=events):
                self._names[saga_id] = name
                self._note_durable(events)
            case SagaRecord(events=events):
                self._note_durable(events)
            case SagaProblem() | SagaTrial():
                pass

    def _note_durable(self, events: Iterable[SagaNodeEvent]) -> None:
        for event in events:
            if event.node_id is None or isinstance(event.event_type, Ordered):
                continue
            key, what = (event.saga_id, event.node_id), event.event_type
            self._durable[key].append(what)
            if event.node_id in self.subject.awaiting and event.saga_id == EXPLORED:
                self._awaited[self.subject.awaiting[event.node_id]].set()
            if isinstance(what, AttemptFailed | UndoAttemptFailed) and what.next is not None:
                undoing = isinstance(what, UndoAttemptFailed)
                self._back_off(Callee(self._nodes.get(key, ""), undoing), what.next)

    def _back_off(self, callee: Callee, until: Timestamp) -> None:
        """Crash half-way through a wait, if that is planned."""
        if self.crash == CrashPoint(CrashKind.BACKING_OFF, 0, callee):
            # A deadline, and no task: nothing else in this life may depend on it.
            wait = (until - to_timestamp(self.clock())) / 1_000_000
            self.scope.deadline = trio.current_time() + max(0.0, wait / 2)

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
        action: str,
        function: Function,
        *,
        undoing: bool = False,
        probing: bool = False,
    ) -> object:
        """
        Call a function of the user, with the planned faults, and return its result.

        Args:
            ctx: What it is given.
            action: The name of its action.
            function: The function.
            undoing: Whether it is the undo action.
            probing: Whether it is the probe.
        """
        call = self._begin(ctx, action, undoing=undoing, probing=probing)
        self._last[call.callee] = _Function(ctx, action, function)
        self._under_way.add(call)
        try:
            return await self._call(call, ctx, function)
        finally:
            self._under_way.discard(call)
            ended, self._ended = self._ended, trio.Event()
            ended.set()

    async def _call(self, call: Call, ctx: ActionContext[Never], function: Function) -> object:
        policy = self.subject.declarations[call.action].policy
        limit = policy.undo_timeout if call.callee.undoing else policy.timeout
        await self._hold_up(call, limit)
        for kind in (FaultKind.FAIL, FaultKind.EXHAUST, FaultKind.TIME_OUT):
            await self._fail_if_planned(kind, call, limit)
        # The engine repeats calls of the explored saga; it does not know those of its children
        # here, nor those of a saga that has ended and will be unwound.
        by_engine = call.explored and not self.ran.case.orders
        if not by_engine and self._fires(FaultKind.REPEAT, call):
            await self._carry_out(call, ctx, function)
        result = await self._carry_out(call, ctx, function)
        if self._meet(call, CrashKind.AT_END):
            await trio.lowlevel.checkpoint()
        if self.stops:
            await self._stop(call)
        for kind in (FaultKind.FAIL_AFTER, FaultKind.TIME_OUT_AFTER):
            await self._fail_if_planned(kind, call, limit)
        return result

    def was_called(self, callee: Callee) -> bool:
        """Return True if a function of the user was called in this run."""
        return callee in self._last

    async def call_by_hand(self, callee: Callee, user_data: object, sec: SecClient) -> object:
        """
        Call a function of the user, which was called before, outside of the saga.

        Args:
            callee: The function.
            user_data: That of the present life.
            sec: The SEC of the present life.
        """
        last = self._last[callee]
        ctx = attrs.evolve(last.ctx, user_data=cast("Never", user_data), sec=sec)
        call = Call(callee, last.action, ctx.saga_id, ctx.node_id, len(self.ran.lives) - 1)
        call.by_hand = True
        self.ran.calls.append(call)
        return await self._carry_out(call, ctx, last.function)

    async def _stop(self, call: Call) -> None:
        """Wait at the end of a call until somebody has ordered what is planned there, if it is."""
        await trio.lowlevel.checkpoint()
        stop = self.stops.pop(call.callee, None)
        if stop is not None:
            stop.met.set()
            await stop.over.wait()

    async def until_idle(self) -> None:
        """Wait until no call is under way, and all that follows from the last one has happened."""
        while True:
            await trio.sleep(_INSTANT)
            if not self._under_way:
                return
            await self._ended.wait()

    async def until_awaited(self, signal: str) -> None:
        """Wait until a node waits for a signal."""
        await self._awaited[signal].wait()

    async def _fail_if_planned(self, kind: FaultKind, call: Call, limit: float | None) -> None:
        if (fault := self._fires(kind, call)) is None:
            return  # noqa: ASYNC910 - part of a call
        call.end = CallEnd.PLANNED
        if kind in {FaultKind.TIME_OUT, FaultKind.TIME_OUT_AFTER}:
            if limit is not None:
                await trio.sleep_forever()
            raise PlannedTimeout(_planned(fault))
        raise self._failure(fault, call)

    def _failure(self, fault: CallFault, call: Call) -> PlannedFailure:
        """Return the exception of a fault."""
        if fault.kind is FaultKind.FAIL and call.callee.acting and not fault.once:
            return PlannedNotDone(_planned(fault))
        declared = self.subject.declarations[call.action]
        if fault.kind is FaultKind.FAIL and call.callee.undoing and not fault.once:
            return declared.last_undo_error(_planned(fault))
        return declared.error(_planned(fault), undoing=call.callee.undoing)

    async def _carry_out(self, call: Call, ctx: ActionContext[Never], function: Function) -> object:
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
        call.end = CallEnd.RETURNED
        call.left_open = result is OPEN
        if result is not NOT_DONE and result is not OPEN:
            call.output = _as_json(self.subject.registry.codec, result)
        return result  # noqa: ASYNC910 - user code was called, whether or not it waited

    def _begin(
        self, ctx: ActionContext[Never], action: str, *, undoing: bool, probing: bool
    ) -> Call:
        """Record a call, check it against what is durable, and return it."""
        key = ctx.saga_id, ctx.node_id
        self._nodes[key] = self._name(ctx)
        callee = Callee(self._nodes[key], undoing, probing)
        life = len(self.ran.lives) - 1
        call = Call(callee, action, ctx.saga_id, ctx.node_id, life, ctx.attempt)
        call.commit = self.ran.commits[-1]
        self.ran.calls.append(call)
        durable = self._durable[key]
        if not _DUE[undoing].fullmatch("".join(MARKS[type(each)] for each in durable)):
            had = ", ".join(each.label for each in durable) or "nothing"
            text = f"{callee} was called when {had} was durable of that node"
            self.ran.note(Problem(ProblemKind.RULE, text))
        if call.explored and (callee, ctx.attempt) in self._met:
            self._fires(FaultKind.REPEAT, call)
        self._met.add((callee, ctx.attempt))
        return call

    def _name(self, ctx: ActionContext[Never]) -> str:
        if ctx.saga_id == EXPLORED:
            return self.subject.names[ctx.node_id]
        return f"{self._names.get(ctx.saga_id)}:{ctx.node_name}"

    async def _hold_up(self, call: Call, limit: float | None) -> None:
        """Delay a call, if its seed or a fault says so, but not beyond its own timeout."""
        await trio.lowlevel.checkpoint()
        seconds = 0.0
        if seed := self.ran.case.seed:
            what = str(call.callee)
            self._count[what] = self._count.get(what, 0) + 1
            seconds = self.pace.random(seed, f"{what}/{self._count[what]}")
        if self._fires(FaultKind.DELAY, call):
            seconds = self.pace.longer
        if limit is not None:
            # Of undo actions and probes it is not known how long they take.
            seconds = min(seconds, self.pace.room(limit) if call.callee.acting else 0.0)
        if seconds:
            call.held_up = True
            await trio.sleep(seconds)

    def _fires(self, kind: FaultKind, call: Call) -> CallFault | None:
        """Return the fault of a kind that is planned here, and record it; None if there is none."""
        if self.mended:
            return None
        fault = self.ran.case.fault(kind, call.callee, call.life, call.attempt)
        if fault is not None:
            self.ran.fired.add(fault)
        return fault


def _planned(fault: CallFault) -> str:
    return f"planned: {fault}"


def _as_json(codec: Codec, result: object) -> JsonText | None:
    try:
        return codec.encode(result)
    except SerializeError:
        return None  # this fails the node, which is checked elsewhere
