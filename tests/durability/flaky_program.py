"""
A process that runs sagas whose services fail one call in five, to be killed and started again.

It is called with a `FlakyLife`, and says on its standard output how far it has come, a word a line.
What it does besides is in files; see `support.killable_flaky`.
"""

import json
import logging
import sys
import time
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager

import attrs
import trio

import steno
from steno.runtime import _quarantine
from support.crash import job_id
from support.flaky import (
    EFFECTIVE,
    Act,
    Doing,
    Kind,
    Rules,
    Said,
    Undo,
    action_names,
    rules_by_name,
)
from support.killable_flaky import (
    DOINGS,
    JOBS,
    RULES,
    STORE,
    FlakyLife,
    Noted,
    Notes,
    job_of,
    planned,
)
from support.killing import say

UNFINISHED = tuple(state for state in steno.SagaCachedState if not state.finished)


class Flaky(Exception):
    """What a service raises."""


@attrs.define(eq=False)
class Process:
    """One life."""

    life: FlakyLife
    notes: Notes
    effects: set[tuple[steno.SagaId, int]]
    calls: int = 0
    sec: steno.SecClient = attrs.field(init=False)

    async def live(self) -> None:
        say("opening")
        store = steno.SqliteSecStore(self.life.path(STORE))
        async with steno.open_sec(store, self.registry(), context=None) as self.sec:
            say("open")
            number = 0
            while self.life.count is None or number < self.life.count:
                saga_id = job_id(1_000_000 * (1 + self.life.number) + number)
                await self.sec.saga_create(job_of(saga_id).dag, saga_id=saga_id, start=True)
                if number == 0:
                    say("acknowledged")
                await trio.sleep(self.life.pause)
                number += 1
            # Those that only wait for a time would stay stored.
            async for saga in self.sec.sagas(states=UNFINISHED):
                await self.sec.saga_wait(saga.saga_id)

    # The actions

    def registry(self) -> steno.ActionRegistry:
        registry = steno.ActionRegistry()
        for name in sorted({n for job in JOBS for n in action_names(job.dag).values()}):
            rules = rules_by_name(RULES, name)
            no_undo = rules.undo is Undo.NOOP
            action = registry.action(
                name=name,
                undo=steno.NOOP if no_undo else None,
                retry=retry(rules, rules.attempts, rules.wait),
                timeout=rules.timeout,
                limit=rules.limit,
                atomic=rules.atomic,
            )(self.of(Kind.CALL, rules))
            if rules.probe:
                action.probe(self.of(Kind.PROBE, rules))
            if not no_undo:
                action.undo(
                    retry=retry(rules, rules.undo_attempts, rules.undo_wait),
                    timeout=rules.undo_timeout,
                    in_doubt=True,
                )(self.of(Kind.UNDO, rules))
        return registry

    def of(
        self, kind: Kind, rules: Rules
    ) -> Callable[[steno.ActionContext[None]], Awaitable[object]]:
        async def call(ctx: steno.ActionContext[None]) -> object:
            began = now()
            with trio.CancelScope(shield=True):  # so that every call is noted, however late
                view = await self.sec.saga_get(ctx.saga_id)
            durable = len(view.serialized().events)
            since = round(ctx.started_at.timestamp() * 1_000_000)
            doing = Doing(
                saga_id=ctx.saga_id,
                node=ctx.node_id,
                kind=kind,
                attempt=ctx.attempt,
                life=self.life.number,
                durable=durable,
                began=began,
                since=since,
                has_output=ctx.output is not None,
                text=f"doing {self.life.number}-{self.calls}.",
            )
            self.calls += 1
            self.notes.begins(doing)
            with self.noted(doing):
                return await self.act(doing, planned(self.life.number, doing, rules))

        return call

    @contextmanager
    def noted(self, doing: Doing) -> Iterator[None]:
        try:
            yield
        except Flaky:
            doing.said = Said.RAISED
            raise
        except steno.NotDone:
            doing.said = Said.RAISED_NOT_DONE
            raise
        except trio.Cancelled:
            doing.said = Said.CANCELLED
            raise
        finally:
            doing.ended = now()
            self.notes.ends(doing)

    async def act(self, doing: Doing, act: Act) -> object:
        rules = rules_by_name(RULES, action_names(job_of(doing.saga_id).dag)[doing.node])
        await trio.sleep(0.002 * (self.calls % 3))
        match act:
            case Act.FAILS:
                raise Flaky(doing.text)
            case Act.REFUSES:
                raise steno.NotDone(doing.text)
            case Act.HANGS:
                await trio.sleep_forever()
        output = self.take_effect(doing, act)
        if not (rules.atomic and doing.kind is Kind.CALL):
            await trio.sleep(0.002 * (self.calls % 2))
        match act:
            case Act.FAILS_AFTER:
                raise Flaky(doing.text)
            case Act.HANGS_AFTER:
                await trio.sleep_forever()
        doing.said = Said.RETURNED
        if output is steno.NOT_DONE:
            doing.said = Said.RETURNED_NOT_DONE
        return output

    def take_effect(self, doing: Doing, act: Act) -> object:
        key = doing.saga_id, doing.node
        if doing.kind is Kind.PROBE:
            return f"did {doing.node}" if key in self.effects else steno.NOT_DONE
        assert act in EFFECTIVE
        (self.effects.add if doing.kind is Kind.CALL else self.effects.discard)(key)
        self.notes.takes_effect(doing)
        return None if doing.kind is Kind.UNDO else f"did {doing.node}"


def now() -> int:
    """Return the time as the SEC has it, in microseconds."""
    return time.time_ns() // 1000


def retry(rules: Rules, attempts: int, wait: float) -> steno.Retry | None:
    if attempts == 1:
        return None
    return steno.Retry(
        (Flaky, steno.NotDone),  # which is not tried again all the same
        attempts=attempts,
        timeout=None,
        wait_initial=wait,
        wait_max=rules.longest,
        wait_jitter=rules.jitter,
    )


def main() -> None:
    """Live."""
    life = FlakyLife(**json.loads(sys.argv[1]))
    logging.getLogger("steno").setLevel(logging.CRITICAL)  # its sagas fail as planned
    # It is not its sagas that kill it, however often a call of them is under way.
    _quarantine.MOST_CRASHES = 1_000_000
    path = life.path(DOINGS)
    trio.run(Process(life, Notes.of(path), Noted.of(path).effects).live)


if __name__ == "__main__":
    main()
