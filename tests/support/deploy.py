"""
An application that is deployed: its builds, the file with its sagas, and the town that they act on.

A build is the text of a module, made of the first one by replacing parts of it. The sagas are put
into the file by the first build, each to a place of its own, where its process is left.
"""

import importlib
import sqlite3
from collections import Counter
from collections.abc import Sequence
from contextlib import closing, suppress
from pathlib import Path
from types import ModuleType
from uuid import UUID

import attrs
import trio
from trio.testing import wait_all_tasks_blocked

import steno
from steno.core import Failed, FailedInDoubt, SagaId, UndoFailed, read_flat
from steno.store import StoredSaga
from steno.testing import verify_log

FIRST = """
import attrs
import steno

registry = steno.ActionRegistry()


@attrs.frozen
class Guest:
    name: str


@attrs.frozen
class Room:
    number: int


@registry.action
async def charge(ctx, params: Guest) -> int:
    return await ctx.user_data.does(ctx, 120)


@charge.undo
async def refund(ctx, params: Guest, output: int) -> None:
    await ctx.user_data.undoes(ctx)


@registry.action
async def book(ctx, payment: int) -> Room:
    return await ctx.user_data.does(ctx, Room(7))


@book.undo(in_doubt=True)
async def cancel(ctx, output: Room | None) -> None:
    await ctx.user_data.undoes(ctx)


@registry.action(undo=steno.NOOP)
async def print_tickets(ctx, params: Guest, hotel: Room) -> str:
    return await ctx.user_data.does(ctx, f"a ticket for {params.name}")


@registry.action(undo=steno.NOOP)
async def send(ctx, tickets: str) -> None:
    await ctx.user_data.does(ctx, None)


@registry.action(undo=steno.NOOP)
async def fly(ctx) -> None:
    await ctx.user_data.does(ctx, None)


builder = steno.DagBuilder("trip", params=Guest)
builder.append(steno.Node.action("payment", charge))
builder.append(steno.Node.action("hotel", book))
builder.append(steno.Node.action("tickets", print_tickets))
builder.append(steno.Node.action("letter", send))
trip = builder.build()

builder = steno.DagBuilder("flight", params=Guest)
builder.append(steno.Node.action("payment", charge))
builder.append_parallel([steno.Node.action("hotel", book), steno.Node.action("flight", fly)])
builder.append(steno.Node.constant("summary", "there and back"))
flight = builder.build()
"""

Changes = Sequence[tuple[str, str]]


def text_of(changes: Changes) -> str:
    """Return the text of a build."""
    text = FIRST
    for old, new in changes:
        assert old in text, old
        text = text.replace(old, new)
    return text


READY, BOOKING, PRINTING, CANCELLING, DOUBTFUL, FLYING = SAGAS = [
    SagaId(UUID(int=number)) for number in range(1, 7)
]
"""
Sagas, by what is under way when the first build is left: nothing, as it was never started; the call
of the hotel; that of the tickets; the undo of the hotel, after the tickets have failed; the same,
after the hotel has failed in doubt; the call of the hotel, beside a flight that has failed.
"""

FAILING = {CANCELLING: "tickets", DOUBTFUL: "hotel", FLYING: "flight"}

WITH_EFFECT = ("payment", "hotel")


@attrs.define(eq=False)
class Town:
    """
    The systems that the actions act on, which know nothing of builds.

    Attributes:
        gates: The call of each saga that does not end for now, as `hotel` or `~hotel`.
        opened: Ends the calls that wait.
        calls: What was called, by saga.
        effects: What there is: the key of each call, with its saga and node.
        undone: What is no longer there.
    """

    gates: dict[UUID, str] = attrs.field(factory=dict)
    opened: trio.Event = attrs.field(factory=trio.Event)
    calls: list[tuple[UUID, str]] = attrs.field(factory=list)
    effects: dict[str, tuple[UUID, str]] = attrs.field(factory=dict)
    undone: dict[str, tuple[UUID, str]] = attrs.field(factory=dict)

    async def does(self, ctx: steno.ActionContext, output: object) -> object:
        this = ctx.saga_id, ctx.node_name
        if ctx.node_name in WITH_EFFECT:
            self.effects[ctx.idempotency_key] = this
        await self._call(*this)
        if FAILING.get(ctx.saga_id) == ctx.node_name:
            raise LookupError("sold out")
        return output

    async def undoes(self, ctx: steno.ActionContext) -> None:
        await self._call(ctx.saga_id, f"~{ctx.node_name}")
        if ctx.action_key in self.effects:
            self.undone[ctx.action_key] = self.effects.pop(ctx.action_key)

    async def _call(self, saga_id: UUID, what: str) -> None:
        self.calls.append((saga_id, what))
        if self.gates.get(saga_id) == what:
            await self.opened.wait()
        await trio.lowlevel.checkpoint()

    def undoing(self, since: int = 0) -> set[UUID]:
        """Return the sagas of which an undo action was called, of the calls since some number."""
        return {saga for saga, what in self.calls[since:] if what.startswith("~")}

    def check(self) -> None:
        """Check that each thing was done under one key, and undone if its saga has failed."""
        times = Counter([*self.effects.values(), *self.undone.values()])
        assert set(times.values()) == {1}, times
        wanted = {(saga, node) for saga in SAGAS for node in WITH_EFFECT}
        assert set(self.effects.values()) == {each for each in wanted if each[0] not in FAILING}
        assert set(self.undone.values()) == {each for each in wanted if each[0] in FAILING}


@attrs.define(eq=False)
class Site:
    """
    Where the application runs.

    Attributes:
        folder: Where its file and its builds are.
        town: What its actions act on.
    """

    folder: Path
    town: Town = attrs.field(init=False, factory=Town)
    _builds: int = attrs.field(init=False, default=0)

    @property
    def path(self) -> Path:
        return self.folder / "trips.db"

    def build(self, changes: Changes = ()) -> ModuleType:
        """Make a build, and import it; it must be in a folder that Python looks into."""
        self._builds += 1
        name = f"build_{self._builds}_{self.folder.name}"
        (self.folder / f"{name}.py").write_text(text_of(changes))
        importlib.invalidate_caches()
        return importlib.import_module(name)

    def open(self, build: ModuleType):
        store = steno.SqliteSecStore(self.path, inline=True)
        return steno.open_sec(store, build.registry, context=self.town)

    async def leave_behind(self, build: ModuleType, *, crash: bool = True) -> None:
        """Bring the sagas to their places under a build; then crash it, or drain it."""
        town = self.town
        town.gates = {BOOKING: "hotel", PRINTING: "tickets", CANCELLING: "~hotel", FLYING: "hotel"}
        # A drained SEC ends an undo that is under way; here it is to be left for the next build.
        town.gates[DOUBTFUL] = "~hotel" if crash else "hotel"
        with trio.CancelScope() as scope:
            async with self.open(build) as sec:
                for saga_id in SAGAS:
                    dag = build.flight if saga_id == FLYING else build.trip
                    dag = steno.SagaDag(dag, build.Guest("Ada"))
                    await sec.saga_create(dag, saga_id=saga_id, start=saga_id != READY)
                await wait_all_tasks_blocked()
                if crash:
                    scope.cancel()
                    await trio.lowlevel.checkpoint()
                async with trio.open_nursery() as nursery:
                    nursery.start_soon(sec.drain)
                    await wait_all_tasks_blocked()
                    town.opened.set()
        town.gates.clear()

    async def fates(self, build: ModuleType) -> dict[UUID, str]:
        """Open the file with a build, start what is ready, and return what becomes of each saga."""
        async with self.open(build) as sec:
            return {saga_id: await _fate(sec, saga_id) for saga_id in SAGAS}

    # What is in the file

    def content(self) -> list[str]:
        """Return all that is in the file."""
        with closing(sqlite3.connect(self.path)) as db:
            return list(db.iterdump())

    async def stored(self) -> dict[UUID, StoredSaga]:
        store = steno.SqliteSecStore(self.path, inline=True)
        async with store.open_reader() as reader:
            return {saga_id: await reader.load(saga_id) for saga_id in SAGAS}

    async def failures(self) -> dict[UUID, int]:
        """Return how many failures the log of each saga has, after checking that it is legal."""
        found = {}
        for saga_id, saga in (await self.stored()).items():
            dag = steno.SagaDag.of_flat(read_flat(saga.dag_text), saga.params)
            assert verify_log(dag, saga.events, saga_id=saga_id) is None
            kinds = Failed | FailedInDoubt | UndoFailed
            found[saga_id] = sum(isinstance(e.event_type, kinds) for e in saga.events)
        return found


async def _fate(sec: steno.SecClient, saga_id: UUID) -> str:
    try:
        with suppress(steno.SagaNotReady):
            await sec.saga_start(saga_id)
        result = await sec.saga_wait(saga_id)
    except steno.SagaHeldError as error:
        return f"held at {', '.join(error.nodes)}"
    except steno.SagaHaltedError:
        return "halted"
    if isinstance(result, steno.SagaResultOk):
        return "succeeded"
    return "failed" if result.undo_failure is None else "stuck"
