"""What type checkers make of the public API: this file is checked, and never run."""

from collections.abc import Awaitable, Callable, Generator, Mapping, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from ipaddress import IPv4Address
from typing import Any, assert_type
from uuid import UUID

import attrs
import trio

import steno


@attrs.frozen
class Params:
    """The params of a saga."""

    guests: int


@attrs.frozen
class Room:
    """The output of a node."""

    number: str


@attrs.define
class Full(Exception):
    """What actions raise."""

    guests: int


@attrs.frozen
class World:
    """What the actions of a SEC are given."""

    rooms: list[Room]


Context = steno.ActionContext[World]

# Types of users' own

codec = steno.Codec(max_value_bytes=1000)
codec.register(IPv4Address, encode=str, decode=IPv4Address)
codec.register(Room, encode=lambda room: room.number, decode=Room)
steno.ActionRegistry(codec=codec)
steno.DagBuilder("trip", codec=codec).append(steno.Node.constant("ip", "::1", codec=codec))

# Actions: decorators keep the types of what they decorate

registry = steno.ActionRegistry[World]()


@registry.action
async def book(ctx: Context) -> Room:
    return Room(ctx.idempotency_key)


@book.undo
async def cancel(ctx: Context) -> None:
    assert_type(ctx.action_key, str)


@registry.action(name="ReadRate", undo=steno.NOOP)
async def rate(ctx: Context) -> int:
    return 7


# Inputs by name: an action is called with them, and its functions stay what they are


@registry.action(undo=steno.NOOP, aliases=["bill"])
async def write_bill(ctx: Context, params: Params, room: Room, *, rate: int = 7) -> str:
    return f"{room.number}: {params.guests * rate}"


@registry.action
async def rent(ctx: Context, room: Room | None) -> UUID:
    return ctx.uuid("rent")


@rent.undo(in_doubt=True)
async def end_rent(ctx: Context, room: Room | None, output: UUID | None) -> None: ...


@registry.action(undo=steno.NOOP)
async def post(ctx: Context, bill: str) -> int:
    if not bill:
        raise steno.Hold("somebody should write the bill")
    return len(bill)


@post.probe
async def was_posted(ctx: Context, bill: str) -> int | object:
    return steno.NOT_DONE


@registry.action  # type: ignore[arg-type]  # the actions of this registry get a World
async def in_another_world(ctx: steno.ActionContext[int]) -> None: ...


async def inputs(ctx: Context) -> None:
    assert_type(await write_bill(ctx, Params(2), Room("7"), rate=9), str)
    assert_type(await rent(ctx, None), UUID)
    assert_type(await write_bill.do_it(ctx), str)
    await end_rent(ctx, Room("7"), ctx.uuid("rent"))
    await write_bill(ctx, Params(2), "7")  # type: ignore[arg-type]  # it takes a Room
    await write_bill(ctx, Params(2))  # type: ignore[call-arg]  # the room is missing


# What an action says of its calls


async def make_room(ctx: Context) -> Room:
    return Room("7")


retrying = steno.ActionRegistry[World](
    retry=steno.Retry(OSError, attempts=None, timeout=timedelta(hours=1), wait_max=60),
    timeout=10,
    undo_retry=steno.Retry(on=(OSError, Full), then="fail"),
    undo_timeout=timedelta(minutes=1),
)


def is_full(error: Exception) -> bool:
    return isinstance(error, Full)


def when(error: Exception) -> bool | float | timedelta:
    return timedelta(minutes=1) if isinstance(error, Full) else 0.5


@retrying.action(
    retry=steno.Retry(on=when, attempts=3, then="hold"), timeout=2.5, limit=4, not_done=Full
)
async def reserve(ctx: Context) -> Room:
    if ctx.attempt > 1:
        raise steno.NotDone("there is no room left")
    return Room(ctx.key_of("rate"))


@reserve.undo(in_doubt=True, retry=steno.Retry(attempts=None, timeout=None), timeout=None)
async def release(ctx: Context) -> None:
    assert_type(ctx.attempt, int)
    assert_type(ctx.now(), datetime)
    assert_type(ctx.started_at, datetime | None)
    assert_type(ctx.output, Any)
    assert_type(ctx.key_of("reserve"), str)
    assert_type(ctx.uuid("release"), UUID)


@retrying.action(undo=steno.NOOP, not_done=is_full, retry=None, limit=trio.CapacityLimiter(1))
async def send(ctx: Context) -> str:
    return "sent"


@send.probe
async def was_sent(ctx: Context) -> object:
    return "sent" if ctx.user_data.rooms else steno.NOT_DONE


@retrying.action(atomic=True, timeout=timedelta(seconds=3), not_done=(Full, OSError))
async def write(ctx: Context) -> None: ...


@retrying.undo_only(retry=steno.Retry(attempts=2), timeout=5)
async def tell_somebody(ctx: Context) -> None:
    assert_type(ctx.node_name, str)


assert_type(reserve, steno.ActionFunc[World, [], Room])
assert_type(release, Callable[[Context], Awaitable[None]])
assert_type(was_sent, Callable[[Context], Awaitable[object]])
assert_type(tell_somebody, steno.ActionFunc[World, [], None])
assert_type(
    steno.ActionFunc.new_action(
        "Book", make_room, cancel, retry=steno.Retry(), timeout=1, in_doubt=True, undo_timeout=2
    ),
    steno.ActionFunc[World, [], Room],
)
assert_type(
    steno.new_action_noop_undo("Send", send, probe=was_sent, limit=2),
    steno.ActionFunc[World, [], str],
)
steno.Retry(then="stop")  # type: ignore[arg-type]  # it fails or it is held


async def needs_no_world(ctx: steno.ActionContext[object]) -> int | None:
    return None


assert_type(book, steno.ActionFunc[World, [], Room])
assert_type(rate, steno.ActionFunc[World, [], int])
assert_type(cancel, Callable[[Context], Awaitable[None]])
steno.ActionFunc.new_action("Book", book, cancel)  # an action is a function, too
assert_type(
    steno.ActionFunc.new_action("Book", make_room, cancel, aliases=["MakeRoom"]),
    steno.ActionFunc[World, [], Room],
)
assert_type(
    steno.ActionFunc.new_action("Rate", needs_no_world, cancel),
    steno.ActionFunc[World, [], int | None],
)
assert_type(steno.new_action_noop_undo("Rate", rate), steno.ActionFunc[World, [], int])
assert_type(registry.get("book"), steno.Action)
registry.register(book)


class OwnAction:
    """An action needs no base class."""

    name = "own"

    async def do_it(self, ctx: Context) -> Room:
        return Room("1")

    async def undo_it(self, ctx: Context) -> None: ...


own: steno.Action = OwnAction()
registry.register(own)
registry.register(OwnAction())


async def context(ctx: Context) -> None:
    assert_type(await book(ctx), Room)
    assert_type(ctx.lookup("room", Room), Room)
    assert_type(ctx.lookup("rooms", list[Room]), list[Room])
    assert_type(ctx.lookup("room"), Any)
    assert_type(ctx.lookup("room", Room | None), Room | None)
    assert_type(ctx.lookup("room", Room | Params), Room | Params)
    assert_type(ctx.lookup("rooms", dict[str, Room | None]), dict[str, Room | None])
    assert_type(ctx.saga_params(Params | None), Params | None)
    assert_type(codec.decode(codec.encode(3), int | str), int | str)
    assert_type(ctx.saga_params(Params), Params)
    assert_type(ctx.saga_params(), Any)
    assert_type(ctx.user_data, World)
    assert_type(ctx.saga_id, steno.SagaId)
    assert_type(ctx.node_name, str)
    assert_type(ctx.node_label, str)
    assert_type(ctx.idempotency_key, str)
    ctx.lookup("room", 3)  # type: ignore[call-overload]  # 3 is not a type


# Graphs

builder = steno.DagBuilder("hotel")
builder.append(steno.Node.constant("inner_params", Params(2)))
builder.append_parallel(
    [
        steno.Node.action("room", book, label="BookRoom"),
        steno.Node.action("rate", "ReadRate"),
        steno.Node.action("own", own, label="Own"),
        steno.Node.sleep("while", timedelta(hours=3)),
    ]
)
builder.append(steno.Node.sleep("then", until="room", label="Until then"))
builder.append(steno.Node.subsaga("inner", builder.build(), "inner_params"))
assert_type(builder.build(), steno.Dag)
dag = steno.SagaDag(builder.build(), Params(2))
assert_type(dag, steno.SagaDag)
assert_type(dag.get_index("inner/room"), steno.SagaNodeId)
assert_type(dag.dot(), str)
assert_type(dag.saga_name, steno.SagaName)
for node in dag.get_nodes():
    assert_type(node.label, str)
steno.Node.action("bill", write_bill, inputs={"room": "suite", "rate": steno.Value(9)})
steno.Node.action("bill", write_bill, inputs={"room": 7})  # type: ignore[dict-item]  # not a node
steno.DagBuilder("hotel", params=Params | None)
steno.DagBuilder("hotel", params=3)  # type: ignore[arg-type]  # not a type
steno.Value(3, int | str)
steno.Node.action("room", "BookRoom", book)  # type: ignore[call-arg, arg-type]  # the label is a keyword

# SECs


def make_world(saga_id: steno.SagaId, saga_name: steno.SagaName, params: object) -> World:
    return World([])


async def contexts(store: steno.SecStore) -> None:
    async with steno.open_sec(store, registry, context=World([])):
        pass
    async with steno.open_sec(store, steno.ActionRegistry(), context=7):
        pass
    async with steno.open_sec(store, registry, context=7):  # type: ignore[misc]  # not a World
        pass


async def sec_client(store: steno.SecStore, saga_id: UUID) -> None:
    with steno.rare_collections() as nothing:
        assert_type(nothing, None)
    async with steno.open_sec(store, registry, make_context=make_world) as sec:
        assert_type(sec, steno.SecClient)
    async with steno.open_sec(
        steno.InMemorySecStore(),
        registry,
        context=World([]),
        sec_name="night",
        recover=False,
        recover_concurrency=4,
        store_patience=5,
        hold_on=(steno.ActionDataError, steno.Hold, OSError),
    ) as sec:
        assert_type(await sec.saga_create(dag, saga_id=saga_id), steno.SagaHandle)
        assert_type(
            await sec.saga_create(dag, saga_id=saga_id, start=True, if_exists="use"),
            steno.SagaHandle,
        )
        await sec.drain()
        assert_type(await sec.saga_run(dag, tags={"order": "4711"}), steno.SagaResult)
        await sec.saga_create(dag, tags={"order": 4711})  # type: ignore[dict-item]  # not a str
        await sec.saga_start(saga_id)
        assert_type(await sec.saga_wait(saga_id), steno.SagaResult)
        assert_type(await sec.saga_recover(saga_id), steno.SagaHandle)
        assert_type(sec.saga_handle(saga_id), steno.SagaHandle)
        assert_type(await sec.saga_get(saga_id), steno.SagaView)
        page = await sec.saga_list(None, 10, states=[steno.SagaCachedState.STUCK], name="hotel")
        assert_type(page, Sequence[steno.SagaSummary])
        assert_type(page[0].saga_id, steno.SagaId)
        assert_type(page[0].saga_name, steno.SagaName)
        assert_type(page[0].state, steno.SagaCachedState)
        assert_type(page[0].problem, str | None)
        assert_type(page[0].times, steno.SagaTimes)
        assert_type(page[0].tags, Mapping[str, str])
        page = await sec.saga_list(page[-1].number, newest_first=True, tags={"order": "4711"})
        await sec.saga_list(created_since=datetime.now(UTC), ended_until=None, sec_name="night")
        await sec.saga_list(created_since="2026-01-01")  # type: ignore[arg-type]  # not a time
        await sec.saga_list(nonsense=1)  # type: ignore[call-arg]  # there is no such filter
        filters: steno.SagaFilters = {"name": "hotel", "newest_first": True}
        assert_type(await sec.saga_list(**filters), Sequence[steno.SagaSummary])
        async for saga in sec.sagas(states=[steno.SagaCachedState.STUCK], name="hotel"):
            assert_type(saga, steno.SagaSummary)
        assert_type(sec.sagas(page_size=10), steno.SagaListing)
        await sec.saga_inject_error(saga_id, "room")
        await sec.saga_inject_error_undo(saga_id, 3)
        await sec.saga_inject_repeat(saga_id, "room", steno.RepeatInjected(action=2, undo=2))
        assert_type(sec.statistics(), steno.SecStatistics)


# Instruments: a subclass overrides what it needs


class Traces(steno.abc.Instrument):
    def saga_ended(
        self, saga_id: steno.SagaId, saga_name: steno.SagaName, state: steno.SagaCachedState
    ) -> None:
        assert_type(state.finished, bool)

    def attention(
        self,
        saga_id: steno.SagaId,
        saga_name: steno.SagaName | None,
        what: steno.abc.Attention,
        why: str,
    ) -> None:
        reasons: dict[str, str] = {what.value: why}
        assert_type(reasons, dict[str, str])

    @contextmanager
    def around(self, call: steno.abc.Call) -> Generator[int]:
        assert_type(call.saga_id, steno.SagaId)
        assert_type(call.node_id, steno.SagaNodeId)
        assert_type(call.kind, steno.abc.CallKind)
        assert_type(call.attempt, int)
        assert_type(call.started_at, datetime | None)
        yield 1


async def watched(store: steno.SecStore) -> None:
    async with steno.open_sec(store, registry, context=World([]), instruments=[Traces()]):
        pass
    async with steno.open_sec(
        store,
        registry,
        context=World([]),
        instruments=[Traces],  # type: ignore[list-item]  # a class and not an object
    ):
        pass


async def saga_handle(sec: steno.SecClient) -> None:
    saga = await sec.saga_create(dag)
    assert_type(saga.saga_id, steno.SagaId)
    await saga.inject_error("room")
    await saga.inject_error_undo("inner/room")
    await saga.inject_repeat(1, steno.RepeatInjected(action=2, undo=1))
    await saga.start()
    await saga.recover()
    assert_type(await saga.wait(), steno.SagaResult)
    assert_type(await saga.view(), steno.SagaView)


# What came of it; a `match` without one of its arms would be a missing return


def result_kinds(result: steno.SagaResult) -> Room | str:
    assert_type(result.saga_id, steno.SagaId)
    assert_type(result.saga_log, steno.SagaLog)
    assert_type(result.unwrap(), steno.SagaResultOk)
    match result:
        case steno.SagaResultOk() as ok:
            assert_type(ok.lookup_node_output("room", Room), Room)
            assert_type(ok.lookup_node_output("room"), Any)
            assert_type(ok.saga_output(), Any)
            assert_type(ok.saga_output(Room), Room)
            assert_type(ok.saga_output(Room | None), Room | None)
            assert_type(ok.lookup_node_output("room", Room | str), Room | str)
            return ok.saga_output(Room)
        case steno.SagaResultErr(error_node_name=node, error_source=error, undo_failure=undo):
            assert_type(node, str | None)
            assert_type(error, steno.ActionError)
            assert_type(error.convert(Room), Room)
            assert_type(undo, tuple[str, steno.UndoActionError] | None)
            if undo is not None:
                assert_type(undo[1].convert(Full), Full)
                raise undo[1]
            if isinstance(error, steno.ActionFailed):
                assert_type(error.error_type, str | None)
                raise error
            return node or "an order"


def events(event: steno.SagaNodeEvent) -> str | None:
    assert_type(event.event_type, steno.SagaNodeEventType)
    match event.event_type:
        case steno.Succeeded(output=text) | steno.Failed(error=text) | steno.UndoFailed(error=text):
            return text
        case steno.FailedInDoubt(error=text):
            return text
        case steno.AttemptFailed(attempt=number, error=text, in_doubt=in_doubt, next=due):
            assert_type(in_doubt, bool)
            microseconds: int | None = due
            return f"{number}: {text} {microseconds}"
        case steno.UndoAttemptFailed(attempt=number, error=text):
            return f"{number}: {text}"
        case steno.Ordered(verb=verb, by=by, why=why):
            assert_type(verb, steno.Verb)
            assert_type(why, str | None)
            return f"{verb.value} by {by}"
        case steno.Started() | steno.UndoStarted() | steno.UndoFinished():
            return None


def views(view: steno.SagaView) -> str:
    assert_type(view.state, steno.SagaStateView)
    assert_type(view.attention, steno.abc.Attention | None)
    assert_type(view.saga_id, steno.SagaId)
    assert_type(view.saga_name, steno.SagaName)
    match view.state:
        case steno.SagaReady(status=status) | steno.SagaRunning(status=status):
            assert_type(status, steno.SagaExecStatus)
            assert_type(status.node_state("room"), steno.NodeExecState)
            for index, attempt in status.attempts.items():
                assert_type(index, steno.SagaNodeId)
                assert_type(attempt, steno.FailedAttempt)
                assert_type(attempt.number, int)
                assert_type(attempt.error, str)
                assert_type(attempt.in_doubt, bool)
                assert_type(attempt.undoing, bool)
            return str(status)
        case steno.SagaDone(status=status, result=result):
            assert_type(status, steno.SagaExecStatus)
            assert_type(result, steno.SagaResult)
            return str(status)
        case steno.SagaHalted(problem=problem, status=unknown):
            assert_type(unknown, steno.SagaExecStatus | None)
            return problem


async def dumps(sec: steno.SecClient, view: steno.SagaView) -> None:
    assert_type(view.serialized(), steno.SagaSerialized)
    dump = steno.SagaSerialized.from_json(view.serialized().to_json(), codec=codec)
    assert_type(dump, steno.SagaSerialized)
    assert_type(dump.to_json(), str)
    assert_type(dump.saga_id, steno.SagaId)
    assert_type(dump.dag, steno.SagaDag)
    assert_type(dump.events, tuple[steno.SagaNodeEvent, ...])
    assert_type(await sec.saga_resume(dump), steno.SagaHandle)
    assert_type(await sec.saga_resume(dump.saga_id, dag, dump.events), steno.SagaHandle)
    log = steno.SagaLog.new_recover(dump.saga_id, dump.events)
    assert_type(log, steno.SagaLog)
    assert_type(log.pretty(), str)
    assert_type(log.events, Sequence[steno.SagaNodeEvent])


def errors(error: Exception) -> object:
    match error:
        case steno.NoSuchSaga() | steno.SagaNotReady() | steno.SagaNotRunning():
            return error.saga_id
        case steno.SagaHeldError():
            return error.saga_id, error.nodes
        case steno.NotDone() | steno.ActionTimeout():
            return error
        case steno.InDoubt(cause=cause):
            assert_type(cause, steno.ActionError)
            return cause
        case steno.SagaHaltedError():
            return error.problem
        case steno.DumpError():
            return error.path
        case steno.SagaFailed():
            return error.result
        case _:
            return isinstance(error, steno.StenoError)
