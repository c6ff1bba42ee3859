"""
A process whose sagas are given orders, any order at any moment, to be killed and started again.

It is called with an `OrderLife`, and says on its standard output how far it has come, a word a
line. What it does besides is in files; see `support.killable_orders`.
"""

import json
import logging
import random
import sys
from collections.abc import Awaitable, Callable, Iterator
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from itertools import count
from math import inf

import attrs
import trio

import steno
from steno.runtime import _quarantine
from support.crash import job_id
from support.killable_orders import (
    ACTIONS,
    APPROVAL,
    CALLS,
    NODES,
    ORDERS,
    STORE,
    Answer,
    OrderLife,
    fails,
    trip,
)
from support.killing import say
from support.lines import Lines

GIVERS = 3
IN_DOUBT = {"hotel", "trip"}
"""The actions that provide for doubt, whose calls an order to unwind may cancel."""

OF_NODES = ("hold", "retry", "retry", "fail", "complete")
OF_SAGAS = ("start", "pause", "resume", "unwind", "deadline", "signal", "signal", "abandon")
State = steno.NodeExecState
WAITING = {State.BLOCKED, State.HELD, State.DONE, State.UNDO_HELD, State.UNDO_FAILED}
"""The states of nodes that may be stopped by an order, or need one."""

CANCELS = {"retry", "fail", "complete", "unwind"}
CAN_GO_ON = [s for s in steno.SagaCachedState if s.can_go_on and s.value != "succeeded"]


class Refused(Exception):
    """What a service raises."""


@attrs.define(eq=False)
class Process:
    """One life."""

    life: OrderLife
    calls: Lines
    orders: Lines
    numbers: Iterator[int] = attrs.field(factory=count)
    sagas: list[steno.SagaHandle] = attrs.field(factory=list)
    sec: steno.SecClient = attrs.field(init=False)

    async def live(self) -> None:
        say("opening")
        store = steno.SqliteSecStore(self.life.path(STORE))
        async with steno.open_sec(store, self.registry(), context=None) as self.sec:
            say("open")
            self.sagas = await self.that_can_go_on()
            while self.life.repairs and self.sagas:
                async with trio.open_nursery() as nursery:
                    for saga in self.sagas:
                        nursery.start_soon(self.repair, saga)
                self.sagas = await self.that_can_go_on()
            if self.life.repairs:
                return
            async with trio.open_nursery() as nursery:
                for number in range(GIVERS):
                    nursery.start_soon(self.give, random.Random(f"{self.life.number}/{number}"))
                for number in count():
                    saga_id = job_id(1_000_000 * (1 + self.life.number) + number)
                    self.sagas.append(
                        await self.sec.saga_create(trip(), saga_id=saga_id, start=number % 4 > 0)
                    )
                    await trio.sleep(0.01)

    async def give(self, rng: random.Random) -> None:
        """Give orders, most of them to sagas that are young."""
        while True:
            await trio.sleep(0.001)
            recent = self.sagas[-20:] if rng.random() < 0.7 else self.sagas
            if recent:
                of_node = rng.random() < 0.5
                verb = rng.choice(OF_NODES if of_node else OF_SAGAS)
                node = rng.choice(NODES) if of_node else None
                careful, cancel = rng.random() < 0.2, verb in CANCELS and rng.random() < 0.3
                saga = rng.choice(recent)
                await self.order(saga, node, verb, careful=careful, cancel=cancel)
                if rng.random() < 0.01:
                    say("acknowledged")

    async def that_can_go_on(self) -> list[steno.SagaHandle]:
        found = [found async for found in self.sec.sagas(states=CAN_GO_ON)]
        return [self.sec.saga_handle(summary.saga_id) for summary in found]

    async def repair(self, saga: steno.SagaHandle) -> None:
        """Order what lets a saga go on, whatever it is that it waits for."""
        for verb in ("start", "resume", "signal"):
            await self.order(saga, None, verb)
        status = (await saga.view()).state.status
        for node in NODES:
            if status.node_state(node) in WAITING:
                await self.order(saga, node, "retry")
        with trio.move_on_after(0.05), suppress(steno.SagaHeldError):
            await saga.wait()

    async def order(
        self,
        saga: steno.SagaHandle,
        node: str | None,
        verb: str,
        *,
        careful: bool = False,
        cancel: bool = False,
    ) -> None:
        expect = len((await saga.view()).serialized().events) if careful else None
        why = f"order {self.life.number}-{next(self.numbers)}."
        options = {"cancel": True} if cancel else {}
        self.orders.append(
            {
                "saga": str(saga.saga_id),
                "node": node,
                "verb": verb,
                "why": why,
                "expect": expect,
                "life": self.life.number,
            }
        )
        try:
            await getattr(saga, verb)(
                *details(verb, node), by="ada", why=why, expect=expect, **options
            )
        except (steno.OrderRefused, steno.SagaNotRunning, steno.SagaNotReady):
            answer = Answer.REFUSED
        else:
            answer = Answer.ACKNOWLEDGED
        self.orders.append({"why": why, "answer": answer.value})

    # The actions

    def registry(self) -> steno.ActionRegistry:
        registry = steno.ActionRegistry()
        for node in ACTIONS:
            retry = steno.Retry(
                Refused, attempts=2, timeout=None, wait_initial=0.01, wait_max=inf, then="hold"
            )
            action = registry.action(name=node, retry=retry)(self.of(node, undoing=False))
            action.undo(in_doubt=node in IN_DOUBT)(self.of(node, undoing=True))
        return registry

    def of(
        self, node: str, *, undoing: bool
    ) -> Callable[[steno.ActionContext[None]], Awaitable[None]]:
        async def call(ctx: steno.ActionContext[None]) -> None:
            saga, attempt = str(ctx.saga_id), ctx.attempt
            self.calls.append({"saga": saga, "node": node, "undoing": undoing, "attempt": attempt})
            await trio.sleep(0.003)
            if fails(ctx.saga_id, node, ctx.attempt, undoing=undoing):
                raise Refused(node)

        return call


def details(verb: str, node: str | None) -> tuple[object, ...]:
    """Return what an order says, besides by whom and why."""
    match verb:
        case "deadline":
            return (datetime.now(UTC) + timedelta(seconds=0.1),)
        case "signal":
            return APPROVAL, "granted"
        case _:
            return () if node is None else (node,)


def main() -> None:
    """Live."""
    life = OrderLife(**json.loads(sys.argv[1]))
    logging.getLogger("steno").setLevel(logging.CRITICAL)  # its sagas fail as planned
    # It is not its sagas that kill it, however often a call of them is under way.
    _quarantine.MOST_CRASHES = 1_000_000
    journals = (Lines.of(life.path(name)) for name in (CALLS, ORDERS))
    trio.run(Process(life, *journals).live)


if __name__ == "__main__":
    main()
