"""
Each order on a saga in each of its states, held against the oracle of `support.steered`.

The saga is put into a store as another life has left it, and its calls do not end. An order is done
or refused, and then nothing has changed: in memory and on SQLite, given once, twice, by two tasks
at once, and after a crash at every commit of it.
"""

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from itertools import count
from pathlib import Path

import attrs
import pytest
import trio
from trio.testing import wait_all_tasks_blocked

import steno
from steno.core import JsonText, Ordered, SagaNodeEvent, SagaState, Verb, cached_state
from steno.store import Durable, SagaCreateParams, StoredSaga
from steno.testing.faults import Crash, FaultyStore, When
from steno.testing.notation import SAGA_ID, events
from support.steered import Happened, History, Staged, first_wrong
from support.worlds import World, hangs

GRAPH = Staged(((None,), ("go",), (None,)))  # 3 is the start, 4 the end
DAG = GRAPH.dag
BEGUN, WAITS = "3+ 3✓ 0+", "3+ 3✓ 0+ 0✓ 1+"
LOGS = {
    "ready": "",
    "ready, paused": "«=pause",
    "ready, sent": "«=signal",
    "running": BEGUN,
    "waiting": WAITS,
    "taken": f"{WAITS} «=signal 1✓=1 2+",
    "pausing": f"{BEGUN} «=pause",
    "paused": f"{BEGUN} «=pause 0✓",
    "unwinding": f"{WAITS} «=unwind 1✗ 0-",
    "unwinding, paused": f"{WAITS} «=unwind 1✗ 0- «=pause",
    "succeeded": f"{WAITS} «=signal 1✓=1 2+ 2✓ 4+ 4✓",
    "failed": "3+ 3✓ 0+ 0✗ 3- 3∅",
    "stuck": f"{WAITS} «=unwind 1✗ 0- 0!",
    "stuck, paused": f"{WAITS} «=unwind 1✗ 0- «=pause 0!",
    "abandoned": f"{BEGUN} «=abandon",
}
LATER = datetime(2100, 1, 1, tzinfo=UTC)
Give = Callable[[steno.SagaHandle, str], object]
ORDERS: dict[str, tuple[Happened, Give]] = {
    "start": (Happened(None, "start"), lambda s, why: s.start(why=why)),
    "pause": (Happened(None, "pause"), lambda s, why: s.pause(why=why)),
    "resume": (Happened(None, "resume"), lambda s, why: s.resume(why=why)),
    "unwind": (Happened(None, "unwind"), lambda s, why: s.unwind(why=why)),
    "abandon": (Happened(None, "abandon"), lambda s, why: s.abandon(why=why)),
    "deadline": (Happened(None, "deadline"), lambda s, why: s.deadline(LATER, why=why)),
    "signal": (
        Happened(None, "signal", "1", "go"),
        lambda s, why: s.signal("go", 1, why=why, replace=True),
    ),
    "another value": (
        Happened(None, "signal", "2", "go"),
        lambda s, why: s.signal("go", 2, why=why, replace=True),
    ),
    "another signal": (
        Happened(None, "signal", "1", "x"),
        lambda s, why: s.signal("x", 1, why=why),
    ),
}


def log_of(state: str) -> tuple[SagaNodeEvent, ...]:
    """Return the log of a state; the signal is sent with 1."""
    sent = Ordered(Verb.SIGNAL, "ada", "it is time", signal="go", value=JsonText("1"))
    return tuple(
        attrs.evolve(each, event_type=sent)
        if isinstance(each.event_type, Ordered) and each.event_type.verb is Verb.SIGNAL
        else each
        for each in events(LOGS[state])
    )


@attrs.define(eq=False)
class Place:
    """A store with a saga in it, and what is seen there."""

    store: steno.SecStore
    world: World = attrs.field(factory=World)

    async def fill(self, state: str) -> None:
        log = log_of(state)
        row = cached_state(SagaState.fold(DAG.flat, SAGA_ID, log))
        async with self.store.open() as session:
            fence = (await session.take_over("default")).fence
            flat, name = DAG.flat, DAG.saga_name
            new = SagaCreateParams(
                SAGA_ID, name, flat.digest, flat.text, DAG.params, fence, events=log, state=row
            )
            assert [*await session.record([new])] == [Durable()]

    @asynccontextmanager
    async def open(self, store: steno.SecStore | None = None) -> AsyncIterator[steno.SagaHandle]:
        """Open a SEC, and crash it in the end; none of its calls ends."""
        self.world.saga("n0", "n1", "n2")
        for name in ("n0", "n1", "n2"):
            self.world.does(name, hangs)
            self.world.undoes(name, hangs)
        with trio.CancelScope() as crash:
            async with steno.open_sec(
                store or self.store, self.world.registry, context=self.world
            ) as sec:
                await wait_all_tasks_blocked()
                yield sec.saga_handle(SAGA_ID)
                crash.cancel()

    async def stored(self) -> StoredSaga:
        if isinstance(self.store, steno.InMemorySecStore):
            return self.store.load(SAGA_ID)
        async with self.store.open_reader() as reader:
            return await reader.load(SAGA_ID)

    async def history(self) -> History:
        return History(GRAPH, [Happened.of(each) for each in (await self.stored()).events])


@pytest.fixture(params=["memory", "sqlite"])
def place(request: pytest.FixtureRequest, tmp_path: Path) -> Callable[[], Place]:
    """Return what makes a new store."""
    number = count()
    if request.param == "memory":
        return lambda: Place(steno.InMemorySecStore())
    return lambda: Place(steno.SqliteSecStore(tmp_path / f"{next(number)}.db", inline=True))


async def accepted(saga: steno.SagaHandle, name: str, why: str = "it is time") -> bool:
    """Give an order; return False if it is refused."""
    try:
        await ORDERS[name][1](saga, why)
    except (steno.OrderRefused, steno.SagaNotReady, steno.SagaNotRunning):
        return False
    return True


each_state = pytest.mark.parametrize("state", LOGS)


@each_state
async def test_an_order_is_done_or_refused_as_the_table_says(
    place: Callable[[], Place], state: str
):
    """Once, and again; what is refused changes nothing."""
    for name, (order, _) in ORDERS.items():
        here = place()
        await here.fill(state)
        async with here.open() as saga:
            for again in (False, True):
                before, allowed = await here.stored(), (await here.history()).allows(order)
                assert await accepted(saga, name) == allowed, (name, again)
                after = await here.stored()
                assert after.events[: len(before.events)] == before.events
                if not allowed:
                    # To be refused it may have been loaded, which raises the fence's generation.
                    assert attrs.evolve(after, fence=before.fence) == before, (name, again)
                assert first_wrong(GRAPH, after.events) is None
                assert (await here.history()).state == after.summary.state.value


@each_state
async def test_of_two_orders_at_once_the_second_meets_the_first(
    place: Callable[[], Place], state: str
):
    """As if it had been given after it."""
    for name, (order, _) in ORDERS.items():
        here, told = place(), []
        await here.fill(state)
        before = await here.history()

        async def give(saga: steno.SagaHandle, name: str, told: list[bool]) -> None:
            told.append(await accepted(saga, name))

        async with here.open() as saga, trio.open_nursery() as nursery:
            nursery.start_soon(give, saga, name, told)
            nursery.start_soon(give, saga, name, told)
        first = before.allows(order)
        after = History(GRAPH, [*before.log, order])
        assert sorted(told, reverse=True) == [first, first and after.allows(order)], name
        assert first_wrong(GRAPH, (await here.stored()).events) is None


@each_state
@pytest.mark.parametrize("when", When)
async def test_an_order_is_there_whole_or_not_at_all_after_a_crash(
    place: Callable[[], Place], state: str, when: When
):
    """At each commit from the order on; what was acknowledged is there."""
    for name in ORDERS:
        for number in count():
            here, told = place(), []
            await here.fill(state)
            with trio.CancelScope() as lost:
                faulty = FaultyStore(here.store)
                async with here.open(faulty) as saga:
                    first = len(faulty.commits) + number
                    faulty.script = {first: Crash(lost.cancel, when)}
                    told.append(await accepted(saga, name, "here"))
                    await wait_all_tasks_blocked()
            stored = await here.stored()
            assert first_wrong(GRAPH, stored.events) is None
            assert (await here.history()).state == stored.summary.state.value
            reasons = [getattr(each.event_type, "why", None) for each in stored.events]
            news = not (name == "start" or (name == "signal" and "«=signal" in LOGS[state]))
            if told == [True] and news:
                assert reasons.count("here") == 1
            if told == [False]:
                assert "here" not in reasons
            if not lost.cancelled_caught:
                break
            async with here.open():
                assert (await here.stored()).events[: len(stored.events)] == stored.events
