"""
Steering: the orders of a case, given to the saga as by people and by clocks, and its signals.

There is one for each life of the SEC. An order that a crash has lost is given again; one whose
order is in the log was carried out, and is not.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from contextlib import suppress
from functools import partial
from typing import assert_never

import attrs
import trio

from steno.core import Ordered, SagaNodeEvent, SagaNodeId, Verb
from steno.errors import OrderRefused, SagaNotRunning, StenoError
from steno.runtime import SagaHandle, SecClient
from steno.stores import InMemorySecStore
from steno.testing.explorer._case import CrashKind
from steno.testing.explorer._explored_saga import ExploredSaga
from steno.testing.explorer._order import REPAIRS, VERBS, OrderKind, PlannedOrder
from steno.testing.explorer._probe import Probe, Stop
from steno.testing.explorer._record import EXPLORED, Problem, ProblemKind, Ran
from steno.testing.schedule import DateClock

BY = "the explorer"
"""Who gives its orders, in the log."""

_WHY = "planned"

PATIENCE = 1.0
"""Virtual seconds that people wait, once nothing else is going on, before they send a signal."""


@attrs.define(eq=False)
class Steering:
    """
    Gives the orders of a case in one life of the SEC.

    Args:
        subject: What is explored.
        ran: The run.
        probe: Its probe.
        store: The store, to look at what is durable.
        clock: The clock of the SEC.
    """

    subject: ExploredSaga
    ran: Ran
    probe: Probe
    store: InMemorySecStore
    clock: DateClock
    _sec: SecClient = attrs.field(init=False)
    _user_data: object = attrs.field(init=False, default=None)
    _due: dict[PlannedOrder, trio.Event] = attrs.field(init=False, factory=dict)

    def __attrs_post_init__(self) -> None:
        """Wait for the commits at which something is ordered: those of the first life."""
        if len(self.ran.lives) == 1:
            self._due = {order: trio.Event() for order in self.ran.case.at_commits}

    def committed(self, number: int) -> None:
        """Note that a commit of this life is durable."""
        for order, due in self._due.items():
            if order.number == number:
                due.set()

    # Before the saga is started

    async def before_start(self, saga: SagaHandle, sec: SecClient, user_data: object) -> None:
        """Give the orders that come before the saga is started, or goes on."""
        await trio.lowlevel.checkpoint()
        self._sec, self._user_data = sec, user_data
        for name, value in self.subject.signals.items():
            if self._how_sent(OrderKind.SIGNAL_EARLY, name) is not None:
                await self._signal(saga, name, value)
        for order in [order for order, due in self._due.items() if due.is_set()]:
            del self._due[order]
            await self._give(saga, order)

    # While it runs

    async def accompany(self, saga: SagaHandle, nursery: trio.Nursery) -> None:
        """Give the orders that come while the saga runs, in tasks of a nursery."""
        if self.ran.case.ordered(OrderKind.PAUSE) and (await saga.view()).state.paused:
            nursery.start_soon(self._noting_errors, partial(self._resume, saga))
        if len(self.ran.lives) == 1:
            for order in self.ran.case.ordered(OrderKind.CANCEL_AT_END_OF):
                cancel = partial(self._cancel_at_end, saga, order)
                nursery.start_soon(self._noting_errors, cancel)
        for order, due in self._due.items():
            give = partial(self._give_when_due, saga, order, due)
            nursery.start_soon(self._noting_errors, give)
        for name, value in self.subject.signals.items():
            if self._how_sent(OrderKind.SIGNAL_EARLY, name) is None:
                send = partial(self._send, saga, name, value)
                nursery.start_soon(self._noting_errors, send)
        await trio.lowlevel.checkpoint()

    async def _noting_errors(self, function: Callable[[], Awaitable[object]]) -> None:
        try:
            await function()
        except StenoError as error:
            text = f"an order could not be given: {type(error).__name__}: {error}"
            self.ran.note(Problem(ProblemKind.RAISED, text, error))
            await trio.lowlevel.checkpoint()

    async def _give_when_due(self, saga: SagaHandle, order: PlannedOrder, due: trio.Event) -> None:
        await due.wait()
        await self._give(saga, order)
        if order.kind is OrderKind.PAUSE and order in self.ran.given:
            await self._resume(saga)

    async def _cancel_at_end(self, saga: SagaHandle, order: PlannedOrder) -> None:
        """Cancel a call when its function has returned."""
        assert order.callee is not None  # noqa: S101 - that is what a line needs to have
        stop = self.probe.stops[order.callee] = Stop()
        await stop.met.wait()
        await self._give(saga, order)
        stop.over.set()

    async def _resume(self, saga: SagaHandle) -> None:
        """Resume the saga once its calls have ended; in another process, if that is planned."""
        await self.probe.until_idle()
        await self._restart_if_planned()
        try:
            await saga.resume(by=BY)
        except (OrderRefused, SagaNotRunning) as error:
            text = f"a saga that was paused cannot be resumed: {error}"
            self.ran.note(Problem(ProblemKind.RULE, text, error))
        else:
            self.ran.mark("resume")

    async def _send(self, saga: SagaHandle, name: str, value: object) -> None:
        """Send a signal that a node waits for, like somebody who takes longer than any action."""
        await self.probe.until_awaited(name)
        await self.probe.until_idle()
        await trio.sleep(PATIENCE)
        await self.probe.until_idle()
        await self._signal(saga, name, value)
        if (order := self._how_sent(OrderKind.SIGNAL_TWICE, name)) is not None:
            await self._signal_again(saga, order, name, value)

    async def _signal(self, saga: SagaHandle, name: str, value: object) -> None:
        try:
            await saga.signal(name, value, by=BY)
        except (OrderRefused, SagaNotRunning) as error:
            if not self._has_ended():
                text = f'the signal "{name}" was refused: {error}'
                self.ran.note(Problem(ProblemKind.RULE, text, error))
            await trio.lowlevel.checkpoint()
        else:
            self.ran.mark(f'signal "{name}"')

    async def _signal_again(
        self, saga: SagaHandle, order: PlannedOrder, name: str, value: object
    ) -> None:
        """Send a signal that was sent: the same value is accepted, and changes nothing."""
        await self._signal(saga, name, value)
        await trio.lowlevel.checkpoint()
        with suppress(OrderRefused, SagaNotRunning):
            await saga.signal(name, [value, "another one"], by=BY)
            text = f'another value for the signal "{name}" was accepted, after it had been sent'
            self.ran.note(Problem(ProblemKind.RULE, text))
        if len(self._logged(Verb.SIGNAL)) > len(self.subject.signals):
            text = f'the signal "{name}" was logged twice'
            self.ran.note(Problem(ProblemKind.RULE, text))
        self.ran.given.append(order)

    def _how_sent(self, kind: OrderKind, name: str) -> PlannedOrder | None:
        return next((order for order in self.ran.case.ordered(kind) if order.name == name), None)

    # When it has ended, or is held

    async def at_rest(self, saga: SagaHandle) -> bool:
        """Give the next order to a saga that has come to rest; return True if it has gone on."""
        await self.probe.until_idle()
        if self._has_gone_on():
            return True
        await self._restart_if_planned()
        orders = (order for order in self.ran.case.at_end if not self._is_over(order))
        if (order := next(orders, None)) is None:
            return False
        await self._give(saga, order)
        if order.kind is OrderKind.DEADLINE_AT_END:
            await self.probe.until_idle()  # it has come
        return True

    def _is_over(self, order: PlannedOrder) -> bool:
        """Return True if an order was given, or carried out in a life that did not hear of it."""
        if order in self.ran.given or order in self.ran.refused:
            return True
        if not self._is_logged(order):
            return False
        self.ran.given.append(order)
        return True

    async def _restart_if_planned(self) -> None:
        """End this life of the SEC if the saga is to rest for a week."""
        if self.probe.crash is not None and self.probe.crash.kind is CrashKind.AT_REST:
            self.probe.die()
        await trio.lowlevel.checkpoint()

    # Giving orders

    async def _give(self, saga: SagaHandle, order: PlannedOrder) -> None:
        """Give an order, and note what came of it."""
        if order.kind in REPAIRS:
            self.probe.mended = True
        self.ran.mark(order)
        try:
            await self._order(saga, order)
        except (OrderRefused, SagaNotRunning) as error:
            self.ran.refused[order] = str(error)
            await trio.lowlevel.checkpoint()
            return
        self.ran.given.append(order)
        if not self._is_logged(order):
            text = f"{str(order)!r} was accepted, and is not in the log"
            self.ran.note(Problem(ProblemKind.RULE, text))

    async def _order(self, saga: SagaHandle, order: PlannedOrder) -> None:
        await trio.lowlevel.checkpoint()
        node = self._node_of(order)
        match order.kind:
            case OrderKind.UNWIND | OrderKind.UNWIND_AT_END:
                await saga.unwind(by=BY, why=_WHY)
            case OrderKind.CANCEL | OrderKind.CANCEL_AT_END_OF:
                await saga.unwind(by=BY, why=_WHY, cancel=True)
            case OrderKind.DEADLINE | OrderKind.DEADLINE_AT_END:
                await saga.deadline(self.clock(), by=BY)
            case OrderKind.PAUSE:
                await saga.pause(by=BY)
            case OrderKind.ABANDON:
                await saga.abandon(by=BY, why=_WHY)
            case OrderKind.RETRY:
                await saga.retry(node, by=BY)
            case OrderKind.FAIL:
                await saga.fail(node, by=BY, why=_WHY)
            case OrderKind.COMPLETE:
                output = await self._done_by_hand(order)
                await saga.complete(node, output, by=BY, why=_WHY)
            case OrderKind.SIGNAL_EARLY | OrderKind.SIGNAL_TWICE:
                pass  # a signal is sent in any case
            case _:
                assert_never(order.kind)

    async def _done_by_hand(self, order: PlannedOrder) -> object:
        """Do what the function of an order does, as a person would, and return its output."""
        callee = order.callee
        assert callee is not None  # noqa: S101 - that is what a line needs to have
        if not self.probe.was_called(callee):
            msg = f"{callee} was never called"
            raise OrderRefused(msg)
        try:
            output = await self.probe.call_by_hand(callee, self._user_data, self._sec)
        except Exception as error:
            text = f"{callee}, done by hand, raised {type(error).__name__}: {error}"
            self.ran.note(Problem(ProblemKind.BY_HAND, text, error))
            raise OrderRefused(text) from error
        return output if callee.acting else None

    def _node_of(self, order: PlannedOrder) -> SagaNodeId:
        if order.callee is None:
            return SagaNodeId(0)
        return self.subject.nodes[order.callee.node]

    # What is durable

    def _has_gone_on(self) -> bool:
        """Return True if an order after its end has made the saga go on, unknown to who waited."""
        stored, result = self.store.load(EXPLORED), self.ran.result
        if stored is None or result is None:
            return False
        return len(stored.events) != len(result.saga_log.events)

    def _has_ended(self) -> bool:
        stored = self.store.load(EXPLORED)
        return stored is not None and stored.summary.state.finished

    def _logged(self, verb: Verb) -> list[SagaNodeEvent]:
        """Return the orders of the explorer with a verb that are durable."""
        stored = self.store.load(EXPLORED)
        events = () if stored is None else stored.events
        return [event for event in events if _is_order(event, verb)]

    def _is_logged(self, order: PlannedOrder) -> bool:
        about = order.kind in REPAIRS
        node = self._node_of(order) if about else None
        return any(event.node_id == node for event in self._logged(VERBS[order.kind]))


def _is_order(event: SagaNodeEvent, verb: Verb) -> bool:
    what = event.event_type
    return isinstance(what, Ordered) and what.verb is verb and what.by == BY
