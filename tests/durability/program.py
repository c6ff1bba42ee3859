"""
A process that runs many sagas on one file, to be killed at any moment and started again.

It is called with a `Life`, and says on its standard output how far it has come, a word a line.
What it does besides is in files; see `support.killable`.
"""

import json
import logging
import os
import random
import signal
import sqlite3
import sys
import zlib
from collections.abc import Iterator
from contextlib import suppress
from datetime import timedelta
from uuid import UUID

import attrs
import trio

import steno
from steno.core import encode_json
from steno.runtime import _quarantine
from steno.testing.faults import NodeFault
from support.crash import job_id
from support.killable import (
    EFFECTS,
    JOURNAL,
    SHAPES,
    STORE,
    Call,
    Life,
    Told,
    child_id,
    fingerprint,
    job_of,
)
from support.killing import say
from support.lines import Lines, read_lines

SECONDS = (None, None, 0, 0, 0.001, 0.002, 0.005, 0.01, 0.02, 0.1)
"""How long actions take; None: they do not even let others run."""


@attrs.define(eq=False)
class Process:
    """One life."""

    life: Life
    effects: Lines
    journal: Lines
    said: set[str] = attrs.field(factory=set)
    sec: steno.SecClient = attrs.field(init=False)

    def say(self, word: str) -> None:
        """Tell the parent process, once."""
        if word not in self.said:
            self.said.add(word)
            say(word)

    # The application

    async def live(self) -> None:
        store = steno.SqliteSecStore(self.life.path(STORE))
        self.say("opening")
        async with steno.open_sec(store, registry(), make_context=self.context) as self.sec:
            self.say("open")
            if self.life.prune:
                await self.prune()
                return
            async with trio.open_nursery() as waiters:
                for saga_id in self.awaited():
                    waiters.start_soon(self.go_on, saga_id)
                await self.create_all(waiters)

    def awaited(self) -> list[UUID]:
        """Return the sagas that are known to be stored, and of which no life has seen the end."""
        told = [Told(**line) for line in read_lines(self.life.path(JOURNAL))]
        ended = {line.saga for line in told if line.fingerprint is not None}
        return [UUID(line.saga) for line in told if line.saga not in ended]

    async def create_all(self, nursery: trio.Nursery) -> None:
        shapes, number = self.life.shapes, 0
        while self.life.count is None or number < self.life.count:
            shape = shapes[(self.life.number + number) % len(shapes)]
            nursery.start_soon(self.run, job_id(1_000_000 * self.life.number + number), shape)
            await trio.sleep(self.life.pause)
            number += 1

    async def run(self, saga_id: steno.SagaId, shape: str) -> None:
        start = starts_at_once(saga_id)
        await self.sec.saga_create(job_of(shape).dag, saga_id=saga_id, start=start)
        self.journal.append(attrs.asdict(Told(self.life.number, str(saga_id))))
        self.say("acknowledged")
        if not start:
            await self.sec.saga_start(saga_id)
        await self.wait(saga_id)

    async def go_on(self, saga_id: UUID) -> None:
        """Wait for a saga of an earlier life, which may have been created and not yet started."""
        if not starts_at_once(saga_id):
            with suppress(steno.SagaNotReady):
                await self.sec.saga_start(saga_id)
        await self.wait(saga_id)

    async def wait(self, saga_id: UUID) -> None:
        result = await self.sec.saga_wait(saga_id)
        match result:
            case steno.SagaResultOk():
                state = "succeeded"
            case steno.SagaResultErr(undo_failure=None):
                state = "failed"
            case steno.SagaResultErr():
                state = "stuck"
        text = fingerprint(state, result.saga_log.events)
        self.journal.append(attrs.asdict(Told(self.life.number, str(saga_id), text)))

    async def prune(self) -> None:
        self.say("pruning")
        await self.sec.saga_prune(timedelta(0))
        if self.life.count is None:
            await trio.sleep_forever()

    # The actions

    def context(self, _id: steno.SagaId, _name: str, params: dict[str, str]) -> "Context":
        return Context(self, params["shape"])


def starts_at_once(saga_id: UUID) -> bool:
    """Return True if a saga is created and started in one transaction; half of them are."""
    return saga_id.int % 2 == 0


@attrs.frozen(eq=False)
class Context:
    """What the actions of one saga know."""

    process: Process
    shape: str

    async def act(self, ctx: steno.ActionContext["Context"]) -> object:
        """Take some time, and return what no other call returns, or fail."""
        call = self._begin(ctx, undoing=False)
        await self._take_time(ctx)
        if ctx.node_name.startswith("kin"):
            dag = job_of(SHAPES[self.shape].child).dag
            child = child_id(ctx.saga_id, ctx.idempotency_key)
            result = await self.process.sec.saga_run(dag, saga_id=child)
            result.unwrap()
        self._fail(ctx, NodeFault.ACTION)
        output = {"life": call.life, "seen": zlib.crc32(repr((call.seen, call.params)).encode())}
        self._end(call, encode_json(output))
        return output

    async def undo(self, ctx: steno.ActionContext["Context"]) -> None:
        """Take some time, and note that it was undone, or fail."""
        call = self._begin(ctx, undoing=True)
        self.process.say("undoing")
        await self._take_time(ctx)
        self._fail(ctx, NodeFault.UNDO)
        self._end(call, None)

    def _begin(self, ctx: steno.ActionContext["Context"], *, undoing: bool) -> Call:
        params, seen = encode_json(ctx.saga_params()), dict(self._seen(ctx))
        life, saga, node = self.process.life.number, str(ctx.saga_id), ctx.node_id
        call = Call(life, saga, node, undoing, False, seen, params)
        self.process.effects.append(attrs.asdict(call))
        return call

    def _end(self, call: Call, output: str | None) -> None:
        self.process.effects.append(attrs.asdict(attrs.evolve(call, done=True, output=output)))

    def _seen(self, ctx: steno.ActionContext["Context"]) -> Iterator[tuple[str, str]]:
        scopes = job_of(self.shape).dag.flat.scopes
        for name in sorted({str(name) for scope in scopes for name in scope.names}):
            with suppress(steno.NodeLookupError):
                yield name, encode_json(ctx.lookup(name))

    async def _take_time(self, ctx: steno.ActionContext["Context"]) -> None:
        seed = f"{self.process.life.number}/{ctx.idempotency_key}"
        seconds = random.Random(seed).choice(SECONDS)
        if seconds is not None:
            await trio.sleep(seconds)

    def _fail(self, ctx: steno.ActionContext["Context"], fault: NodeFault) -> None:
        if SHAPES[self.shape].plan.has(ctx.node_id, fault):
            raise ArithmeticError(ctx.node_name)


def registry() -> steno.ActionRegistry:
    """Return the actions of all shapes."""

    async def act(ctx: steno.ActionContext[Context]) -> object:
        return await ctx.user_data.act(ctx)

    async def undo(ctx: steno.ActionContext[Context]) -> None:
        await ctx.user_data.undo(ctx)

    actions = steno.ActionRegistry()
    for name in sorted({n for shape in SHAPES for n in job_of(shape).dag.flat.action_names}):
        actions.register(steno.ActionFunc.new_action(name, act, undo))
    return actions


def kill_at(text: str) -> None:
    """Kill this process when it begins an SQL statement in which a text stands."""
    connect = sqlite3.connect

    def trace(statement: str) -> None:
        if text in statement:
            os.kill(os.getpid(), signal.SIGKILL)

    def traced(*args: object, **options: object) -> sqlite3.Connection:
        db = connect(*args, **options)
        db.set_trace_callback(trace)
        return db

    sqlite3.connect = traced


def main() -> None:
    """Live."""
    life = Life(**json.loads(sys.argv[1]))
    logging.getLogger("steno").setLevel(logging.CRITICAL)  # its sagas fail and get stuck as planned
    # It is not its sagas that kill it, however often a call of them is under way.
    _quarantine.MOST_CRASHES = 1_000_000
    if life.statement is not None:
        kill_at(life.statement)
    effects, journal = (Lines.of(life.path(name)) for name in (EFFECTS, JOURNAL))
    trio.run(Process(life, effects, journal).live)


if __name__ == "__main__":
    main()
