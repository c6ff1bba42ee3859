"""Orders on sagas that are halted, or not recovered by their SEC: nothing is begun by them."""

from collections.abc import Awaitable, Callable
from contextlib import suppress
from datetime import timedelta
from functools import partial
from pathlib import Path

import attrs
import pytest
import trio
from trio.testing import wait_all_tasks_blocked

import steno
import steno.abc
from steno.store import SagaRecord
from steno.testing.notation import SAGA_ID, events, shown
from support.stored import STORES, put, stored, use_store
from support.worlds import (
    Batch,
    Outcomes,
    World,
    WriteBatch,
    each_time,
    hangs,
    nothing,
    raises,
    takes,
    works,
)

State = steno.SagaCachedState
Order = Callable[[steno.SagaHandle], Awaitable[None]]

every_store = pytest.mark.parametrize("kind", STORES)

GIVE: dict[str, Order] = {
    "start": lambda saga: saga.start(),
    "pause": lambda saga: saga.pause(),
    "resume": lambda saga: saga.resume(),
    "unwind": lambda saga: saga.unwind(why="no"),
    "abandon": lambda saga: saga.abandon(why="no"),
    "deadline": lambda saga: saga.deadline(None),
    "signal": lambda saga: saga.signal("go", 1),
    "hold 1": lambda saga: saga.hold(1),
    "retry 0": lambda saga: saga.retry(0),
    "fail 0": lambda saga: saga.fail(0, why="no"),
    "complete 0": lambda saga: saga.complete(0, why="no"),
    "complete 2": lambda saga: saga.complete(2, 7, why="no"),
}

UNWINDING = "4+ 4✓ 0+ 0✓ 1+ 1✗"
LOGS = {
    # By name: the log, then the orders that apply: what is added, and the state that follows.
    "ready": (
        "",
        *("start: «=start, running", "pause: «=pause, ready", "unwind: «=unwind, failed"),
        *("abandon: «=abandon, abandoned", "deadline: «=deadline, ready"),
        *("hold 1: 1«=hold, ready", "signal: «=signal:go:1, ready"),
    ),
    "running": (
        "4+ 4✓ 0+",
        *("pause: «=pause, paused", "abandon: «=abandon, abandoned", "unwind: «=unwind, unwinding"),
        *("deadline: «=deadline, running", "hold 1: 1«=hold, running"),
        "signal: «=signal:go:1, running",
    ),
    "waiting": (
        "4+ 4✓ 0+ 0✓ 1+ 1✓ 2+",
        *("pause: «=pause, paused", "abandon: «=abandon, abandoned"),
        *("unwind: «=unwind 2✗, unwinding", "deadline: «=deadline, running"),
        *("signal: «=signal:go:1 2✓, running", "complete 2: 2«=complete 2✓, running"),
        "hold 1: 1«=hold, running",
    ),
    "paused": (
        "4+ 4✓ 0+ «=pause",
        *("resume: «=resume, running", "abandon: «=abandon, abandoned"),
        *("unwind: «=unwind, unwinding", "deadline: «=deadline, paused"),
        *("hold 1: 1«=hold, paused", "signal: «=signal:go:1, paused"),
    ),
    "held": (
        "4+ 4✓ 0+ 0↻=order",
        *("pause: «=pause, paused", "retry 0: 0«=retry, running"),
        *("fail 0: 0«=fail 0✗, failing", "complete 0: 0«=complete 0✓, running"),
        *("unwind: «=unwind 0✗, failing", "abandon: «=abandon, abandoned"),
        *("deadline: «=deadline, running", "hold 1: 1«=hold, running"),
        "signal: «=signal:go:1, running",
    ),
    "unwinding": (
        UNWINDING,
        *("pause: «=pause, paused", "abandon: «=abandon, abandoned"),
        *("deadline: «=deadline, unwinding", "signal: «=signal:go:1, unwinding"),
    ),
    "stuck": (
        f"{UNWINDING} 0- 0!",
        *("retry 0: 0«=retry, unwinding", "abandon: «=abandon, abandoned"),
        "complete 0: 0«=complete 0∅, unwinding",
    ),
    "succeeded": (
        "4+ 4✓ 0+ 0✓ 1+ 1✓ «=signal:go:7 2+ 2✓=7 3+ 3✓ 5+ 5✓",
        "unwind: «=unwind, unwinding",
    ),
    "failed": (f"{UNWINDING} 0- 0∅ 4- 4∅",),
}


@attrs.frozen
class Done:
    """An order that is done: of what, what it adds to the log, and the state that follows."""

    name: str
    order: str
    added: str
    state: str

    @classmethod
    def read(cls, name: str, text: str) -> "Done":
        order, _, rest = text.partition(": ")
        return cls(name, order, *rest.replace("failing", "unwinding").split(", "))

    @property
    def log(self) -> str:
        return LOGS[self.name][0]

    def __str__(self) -> str:
        return f"{self.name}: {self.order}"


DONE = [Done.read(name, text) for name, (_, *texts) in LOGS.items() for text in texts]

every_order = pytest.mark.parametrize("done", DONE, ids=str)


def dag(world: World) -> steno.SagaDag:
    return world.saga(["a", "b"], steno.Node.signal("s", "go"), "z")


def in_short(log: str) -> str:
    """Return a log as it is shown of what is stored."""
    return shown(events(log))


# Of a SEC that recovers nothing


@every_store
@every_order
async def test_an_order_is_recorded(world: World, tmp_path: Path, kind: str, done: Done):
    """With what it says of its own node; nothing is called, and the row says the state."""
    use_store(world, kind, tmp_path)
    await put(world, dag(world), done.log)
    async with world.open(recover=False) as sec:
        saga = sec.saga_handle(SAGA_ID)
        await GIVE[done.order](saga)
        view = (await saga.view()).state
        assert isinstance(view, steno.SagaHalted) == (done.state not in {"failed", "abandoned"})
        assert view.state.value == done.state
        with pytest.raises((steno.CommandError, steno.SagaHaltedError)):
            await saga.inject_error(0)
    log, state, *_ = await stored(world)
    assert (log, state) == (in_short(f"{done.log} {done.added}"), done.state)
    assert world.calls == []


@every_store
@pytest.mark.parametrize("name", LOGS)
async def test_an_order_that_does_not_apply_is_refused(
    world: World, tmp_path: Path, kind: str, name: str
):
    """With the reason, as of any other saga; nothing changes."""
    use_store(world, kind, tmp_path)
    await put(world, dag(world), LOGS[name][0])
    before = await stored(world)
    applies = {done.order for done in DONE if done.name == name}
    async with world.open(recover=False) as sec:
        saga = sec.saga_handle(SAGA_ID)
        for order in sorted(GIVE.keys() - applies):
            with pytest.raises((steno.CommandError, steno.SagaHaltedError), match=r"\S"):
                await GIVE[order](saga)
        with pytest.raises((steno.OrderRefused, steno.SagaNotRunning)):
            await saga.abandon(why="no", expect=99)
    assert await stored(world) == before


@every_order
async def test_the_saga_goes_on_by_it_at_the_next_open(world: World, done: Done):
    """As its state says then, and nothing that is left to order keeps it from its end."""
    await put(world, dag(world), done.log)
    async with world.open(recover=False) as sec:
        await GIVE[done.order](sec.saga_handle(SAGA_ID))
        await wait_all_tasks_blocked()
    assert world.calls == []
    async with world.open() as sec:
        saga = sec.saga_handle(SAGA_ID)
        for go_on in (saga.start, saga.resume, partial(saga.signal, "go", 1)):
            with suppress(steno.CommandError):
                await go_on()
        for node in ("a", "b"):
            await trio.sleep(1)
            with suppress(steno.CommandError):
                await saga.retry(node)
        result = await saga.wait()
    ends = {"abandoned"} if done.state == "abandoned" else {"succeeded", "failed"}
    assert world.store.state(SAGA_ID) in ends
    assert (await stored(world))[2:] == (None, None)
    assert isinstance(result, steno.SagaResultOk) == (world.store.state(SAGA_ID) == "succeeded")


@pytest.mark.parametrize("written", [False, True])
async def test_an_order_is_there_whole_or_not_at_all(world: World, *, written: bool):
    """If the process is lost while it is being recorded; it is in effect if it is there."""
    await put(world, dag(world), "4+ 4✓ 0+ 0↻=order 1+")

    async def lost(write: WriteBatch, batch: Batch) -> Outcomes:
        if written:
            await write(batch)
        raise steno.StoreUnavailable("gone")

    async def fail(saga: steno.SagaHandle) -> None:
        with suppress(steno.SecClosing):
            await saga.fail(0, why="no")

    world.store.then = lost
    async with world.doomed(recover=False) as sec, trio.open_nursery() as nursery:
        nursery.start_soon(fail, sec.saga_handle(SAGA_ID))
        await trio.sleep(1)
        nursery.cancel_scope.cancel()
    world.store.then = works
    assert world.store.log(SAGA_ID) == in_short(
        "4+ 4✓ 0+ 0↻=order 1+ 0«=fail 0✗" if written else "4+ 4✓ 0+ 0↻=order 1+"
    )


async def test_orders_by_two_tasks_at_once(world: World):
    """Each is accepted or refused by what the other has left."""
    await put(world, dag(world), "4+ 4✓ 0+ 0↻=order 1+")
    refused = []

    async def give(order: Order, saga: steno.SagaHandle) -> None:
        try:
            await order(saga)
        except steno.OrderRefused as error:
            refused.append(str(error))

    async with world.open(recover=False) as sec:
        saga = sec.saga_handle(SAGA_ID)
        async with trio.open_nursery() as nursery:
            for _ in range(2):
                nursery.start_soon(give, GIVE["pause"], saga)
                nursery.start_soon(give, GIVE["fail 0"], saga)
            nursery.start_soon(saga.view)
            nursery.start_soon(give, GIVE["signal"], saga)
    added = world.store.log(SAGA_ID).removeprefix("4+ 4✓ 0+ 0↻ 1+ ")
    assert sorted(added.split()) == sorted(["«=pause", "0«", "0✗", "«=signal"])
    assert len(refused) == 2
    assert world.calls == []


async def test_what_a_sec_has_created_itself_goes_on(world: World):
    """It was not there when the SEC was opened; so does one that is recovered."""
    world.does("a", takes(5))
    await put(world, world.saga("a"), "1+ 1✓ 0+ «=pause")
    async with world.open(recover=False) as sec:
        saga = await sec.saga_create(world.saga("a", "b"), start=True)
        await saga.pause()
        await trio.sleep(10)
        assert (await saga.view()).state.state is State.PAUSED
        await saga.resume()
        (await saga.wait()).unwrap()
        other = sec.saga_handle(SAGA_ID)
        with pytest.raises(steno.SagaHaltedError, match="recover=False"):
            await other.wait()
        await other.resume()
        await other.pause()
        assert isinstance((await other.view()).state, steno.SagaHalted)
        await sec.saga_recover(SAGA_ID)
        assert isinstance((await other.view()).state, steno.SagaRunning)
        await other.resume()
        (await other.wait()).unwrap()
    assert world.calls == ["a", "b", "a"]


async def test_a_saga_of_another_name_is_left_to_it(world: World):
    """It may run elsewhere, so nothing is ordered of it here."""
    await put(world, world.saga("a"), "1+ 1✓ 0+")
    async with world.open(sec_name="other") as sec:
        for order in ("pause", "abandon", "hold 0"):
            with pytest.raises(steno.SagaHaltedError, match='belongs to the SEC "default"'):
                await GIVE.get(order, lambda saga: saga.hold(0))(sec.saga_handle(SAGA_ID))
    assert world.store.log(SAGA_ID) == "1+ 1✓ 0+"


# Of a saga that is halted


async def halted(world: World, sec: steno.SecClient, dag: steno.SagaDag) -> steno.SagaHandle:
    """Return a saga whose first step could not be recorded."""

    async def refuse(write: WriteBatch, batch: Batch) -> Outcomes:
        if any(isinstance(item, SagaRecord) for item in batch):
            raise ValueError("no")
        return await write(batch)

    saga = await sec.saga_create(dag)
    world.store.then = refuse
    with pytest.raises(steno.SagaHaltedError):
        await saga.start()
    await trio.sleep(1)
    world.store.then = works
    return saga


async def test_a_halted_saga_takes_orders_and_stays_halted(world: World):
    """Its problem stands until it is recovered; then it goes on by all of them."""
    async with world.open() as sec:
        saga = await halted(world, sec, world.saga("a", "b"))
        await saga.start(by="ann", why="again")
        await saga.hold("b")
        with pytest.raises(steno.SagaHaltedError, match="could not be recorded"):
            await saga.start()
        with pytest.raises(steno.SagaHaltedError, match="could not be recorded"):
            await saga.wait()
        view = (await saga.view()).state
        assert isinstance(view, steno.SagaHalted)
        assert (view.state, sec.statistics().halted) == (State.RUNNING, 1)
        assert (await saga.view()).attention is steno.abc.Attention.HALTED
        assert [group.attention.value for group in await sec.saga_attention()] == ["halted"]
        assert world.calls == []
        await saga.recover()
        assert (await stored(world, saga.saga_id))[2:] == (None, None)
        await trio.sleep(1)
        assert world.calls == ["a"]
        await saga.retry("b")
        (await saga.wait()).unwrap()


async def test_a_halted_saga_that_is_abandoned_is_finished(world: World):
    """It is not halted any more: its row says so, and it can be pruned."""
    async with world.open() as sec:
        saga = await halted(world, sec, world.saga("a"))
        await saga.abandon(by="ann", why="gone")
        assert (await saga.wait()).error_source == steno.Abandoned("ann", "gone")
        assert isinstance((await saga.view()).state, steno.SagaDone)
        assert (await saga.view()).attention is None
        assert await sec.saga_attention() == []
        assert sec.statistics().halted == 0
        assert await stored(world, saga.saga_id) == ("«=abandon", "abandoned", None, None)
        assert await sec.saga_prune(timedelta(0), states={State.ABANDONED}) == 1


async def test_a_saga_whose_actions_are_gone_takes_orders(world: World):
    """Nothing is called for them, so its log and its graph are all that is needed."""
    world.does("a", hangs)
    async with world.doomed() as sec:
        for _ in range(2):
            saga = await sec.saga_create(world.saga("a", "b"), start=True)
            await wait_all_tasks_blocked()
    known, world.registry = world.registry, steno.ActionRegistry()
    async with world.open() as sec:
        handle = sec.saga_handle(saga.saga_id)
        await handle.hold("b")
        other = next(s for s in await sec.saga_list() if s.saga_id != saga.saga_id)
        await sec.saga_handle(other.saga_id).abandon(why="its actions are gone")
        assert isinstance((await handle.view()).state, steno.SagaHalted)
        assert (await handle.view()).attention is steno.abc.Attention.QUARANTINED
        assert sec.statistics().halted == 1
    assert (await stored(world, saga.saga_id))[1:3] == ("running", "quarantined")
    assert (await stored(world, other.saga_id))[1:] == ("abandoned", None, None)
    world.registry = known
    world.does("a", nothing)
    async with world.open() as sec:
        await trio.sleep(1)
        await sec.saga_handle(saga.saga_id).retry("b")
        (await sec.saga_wait(saga.saga_id)).unwrap()


async def test_a_repair_of_a_saga_that_cannot_be_loaded(world: World):
    """The order finds out that it is halted, and is recorded; it is not lost."""
    world.does("b", raises(ValueError("no")))
    world.undoes("a", each_time(raises(OSError("no")), nothing))
    async with world.open() as sec:
        saga = await sec.saga_create(world.saga("a", "b"), start=True)
        await saga.wait()
    known, world.registry = world.registry, steno.ActionRegistry()
    async with world.open() as sec:
        handle = sec.saga_handle(saga.saga_id)
        await handle.retry("a")
        with pytest.raises(steno.SagaHaltedError, match="not registered"):
            await handle.wait()
    assert (await stored(world, saga.saga_id))[1:3] == ("unwinding", "quarantined")
    assert world.calls == ["a", "b", "~a"]
    world.registry = known
    result = await world.finish(saga.saga_id)
    assert result.undo_failure is None
    assert world.calls[3:] == ["~a"]


async def test_commands_while_a_halted_saga_takes_an_order(world: World):
    """A view does not wait; what else comes waits for the order, and goes its own way then."""
    async with world.open() as sec:
        saga = await halted(world, sec, world.saga("a"))
        release = trio.Event()

        async def slow(write: WriteBatch, batch: Batch) -> Outcomes:
            await release.wait()
            return await write(batch)

        world.store.then = slow
        told = []

        async def expect_halted(command: Callable[[], Awaitable[object]]) -> None:
            with pytest.raises((steno.SagaHaltedError, steno.SagaIdInUse)) as refused:
                await command()
            told.append(type(refused.value))

        async with trio.open_nursery() as nursery:
            nursery.start_soon(saga.hold, "a")
            await wait_all_tasks_blocked()
            assert isinstance((await saga.view()).state, steno.SagaHalted)
            nursery.start_soon(expect_halted, saga.wait)
            create = sec.saga_create
            nursery.start_soon(expect_halted, lambda: create(world.saga("b"), saga_id=saga.saga_id))
            nursery.start_soon(expect_halted, lambda: saga.inject_error("a"))
            await wait_all_tasks_blocked()
            assert told == []
            release.set()
        assert sorted(each.__name__ for each in told) == [
            "SagaHaltedError",
            "SagaHaltedError",
            "SagaIdInUse",
        ]
        world.store.then = works
        async with trio.open_nursery() as nursery:
            nursery.start_soon(saga.start)
            await trio.lowlevel.checkpoint()
            nursery.start_soon(saga.recover)
        await saga.retry("a")
        (await saga.wait()).unwrap()


async def test_an_order_that_cannot_be_recorded_either(world: World):
    """The caller is told, and the saga is as halted as before."""
    async with world.open() as sec:
        saga = await halted(world, sec, world.saga("a"))

        async def refuse(write: WriteBatch, batch: Batch) -> Outcomes:
            raise ValueError("no")

        world.store.then = refuse
        with pytest.raises(steno.SagaHaltedError, match="could not be recorded"):
            await saga.hold("a")
        world.store.then = works
        await saga.hold("a")
    assert world.store.log(saga.saga_id) == "0«"
