"""Orders to many sagas: frozen, given once to each, at a rate, and gone on with after a crash."""

import itertools
from collections import Counter
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from uuid import UUID

import attrs
import pytest
import trio

import steno
from steno import BulkOutcome, BulkState, SagaCachedState, SagaFilter
from steno.core import Ordered
from steno.store import SecStore
from steno.testing.faults import Crash, FaultyStore, Unavailable, When
from support.timed import TimedWorld
from support.worlds import each_time, hangs, returns

RETRY = steno.Retry(attempts=1, then="hold")
UNKNOWN = UUID(int=404)
HELD = SagaFilter(name="trip")


def now() -> datetime:
    """Return Trio's time as a date."""
    return datetime(2026, 1, 1, tzinfo=UTC) + timedelta(seconds=trio.current_time())


@attrs.define(eq=False)
class Bank:
    """A store with sagas whose payment is held until the bank is back."""

    inner: SecStore = attrs.field(factory=steno.InMemorySecStore)
    back: bool = False
    calls: Counter[UUID] = attrs.field(factory=Counter)
    store: FaultyStore = attrs.field(init=False)
    registry: steno.ActionRegistry = attrs.field(init=False, factory=steno.ActionRegistry)
    dag: steno.Dag = attrs.field(init=False)

    def __attrs_post_init__(self) -> None:
        self.store = FaultyStore(self.inner)

        @self.registry.action(undo=steno.NOOP, retry=RETRY)
        async def pay(ctx: steno.ActionContext[None]) -> int:
            self.calls[ctx.saga_id] += 1
            await trio.lowlevel.checkpoint()
            if not self.back:
                raise ValueError("the bank is closed")
            return 1

        builder = steno.DagBuilder("trip")
        builder.append(steno.Node.action("payment", pay))
        builder.append(steno.Node.signal("approval", signal="approved"))
        self.dag = builder.build()

    def open(self, **options) -> AbstractAsyncContextManager[steno.SecClient]:
        return steno.open_sec(self.store, self.registry, clock=now, **options)

    async def held(self, sec: steno.SecClient, count: int) -> list[steno.SagaHandle]:
        """Return sagas whose payment is held."""
        dag = steno.SagaDag(self.dag, None)
        sagas = [await sec.saga_create(dag, start=True) for _ in range(count)]
        for saga in sagas:
            with pytest.raises(steno.SagaHeldError):
                await saga.wait()
        return sorted(sagas, key=lambda saga: saga.saga_id)

    async def orders(self, saga_id: UUID) -> list[Ordered]:
        """Return the orders in the stored log of a saga."""
        return [event for _, event in await self.timed_orders(saga_id)]

    async def timed_orders(self, saga_id: UUID) -> list[tuple[float, Ordered]]:
        async with self.inner.open() as session:
            events = (await session.load(saga_id)).events
        found = [each for each in events if isinstance(each.event_type, Ordered)]
        return [(each.time / 1e6, each.event_type) for each in found]


@pytest.fixture
def bank() -> Bank:
    return Bank()


@pytest.fixture(params=["memory", "sqlite"])
def make(request: pytest.FixtureRequest, tmp_path: Path) -> Callable[[], SecStore]:
    """Make a store, one after the other."""
    numbers = itertools.count()

    def sqlite() -> SecStore:
        path = tmp_path / f"{next(numbers)}.db"
        return steno.SqliteSecStore(path, inline=True)

    return sqlite if request.param == "sqlite" else steno.InMemorySecStore


# What it does


async def test_each_saga_gets_the_order(bank: Bank):
    """As from its handle; the log says who, why, and which bulk order it is part of."""
    async with bank.open(sec_name="night") as sec:
        sagas = await bank.held(sec, 3)
        bank.back = True
        order = await sec.order_many(HELD, "retry", node="payment", why="it is back", by="ann")
        done = await order.wait()
        assert done == steno.BulkStatistics(BulkState.DONE, 0, 3, 0, 0)
        assert (done.size, order.statistics()) == (3, done)
        found = [(s.number, s.saga_id, s.outcome, s.why) async for s in order.sagas(page_size=2)]
        assert found == [(n, s.saga_id, BulkOutcome.GIVEN, None) for n, s in enumerate(sagas)]
        view = await order.view()
        assert (view.state, view.size, view.ended is not None) == (BulkState.DONE, 3, True)
        what = Ordered(steno.Verb.RETRY, "ann", "it is back")
        assert steno.ManyOrder.from_json(view.order) == steno.ManyOrder(what, "payment")
        assert await sec.bulk_orders() == [view]
        for saga in sagas:
            await saga.signal("approved", 1)
            (await saga.wait()).unwrap()
    for saga in sagas:
        first, _ = await bank.orders(saga.saga_id)
        assert first == attrs.evolve(what, bulk=order.bulk_id)
        assert bank.calls[saga.saga_id] == 2


async def test_a_saga_that_refuses_it_does_not_stop_the_others(bank: Bank):
    """It is said of each why; a node that it does not have is a reason, too."""
    async with bank.open() as sec:
        held = await bank.held(sec, 2)
        await held[0].abandon(why="no")
        ready = await sec.saga_create(steno.SagaDag(bank.dag, None))
        order = await sec.order_many(HELD, "retry", node="payment")
        assert await order.wait() == steno.BulkStatistics(BulkState.DONE, 0, 1, 2, 0)
        why = {saga.saga_id: saga.why async for saga in order.sagas(BulkOutcome.REFUSED)}
        assert set(why) == {held[0].saga_id, ready.saga_id}
        assert "is not running" in why[held[0].saga_id]
        assert "was never started, and nothing holds it" in why[ready.saga_id]
        order = await sec.order_many(HELD, "hold", node="nowhere")
        assert (await order.wait()).refused == 3


async def test_the_sagas_are_frozen(bank: Bank):
    """One that matches later is not ordered, one that was pruned has failed."""
    async with bank.open() as sec:
        first, second = await bank.held(sec, 2)
        await first.abandon(why="no")
        order = await sec.order_many(HELD, "pause", rate=1)
        await sec.saga_prune(timedelta(0), states={SagaCachedState.ABANDONED})
        late = (await bank.held(sec, 1))[0]
        statistics = await order.wait()
        assert statistics.size == 2
        assert not await bank.orders(late.saga_id)
        assert len(await bank.orders(second.saga_id)) == 1
        none = await sec.order_many(SagaFilter(name="nobody"), "pause")
        assert await none.wait() == steno.BulkStatistics(BulkState.DONE, 0, 0, 0, 0)


VERBS = {
    "start": ("ready", {}),
    "pause": ("held", {}),
    "resume": ("paused", {}),
    "unwind": ("held", {"why": "so"}),
    "abandon": ("held", {"why": "so"}),
    "deadline": ("held", {"at": datetime(2030, 1, 1, tzinfo=UTC)}),
    "signal": ("held", {"signal": "approved", "value": {"by": "boss"}}),
    "hold": ("held", {"node": "approval"}),
    "retry": ("held", {"node": 0}),
    "fail": ("held", {"node": "payment", "why": "so"}),
    "complete": ("held", {"node": "payment", "why": "so", "output": 7}),
}


@pytest.mark.parametrize("verb", VERBS)
async def test_every_order_goes_through_the_gate_of_single_ones(bank: Bank, verb: str):
    """It has the same event, and what follows from it, as if it came from the handle."""
    state, details = VERBS[verb]
    logs = []
    for many in (True, False):
        async with bank.open() as sec:
            if state == "ready":
                saga = await sec.saga_create(steno.SagaDag(bank.dag, None))
            else:
                (saga,) = await bank.held(sec, 1)
            if state == "paused":
                await saga.pause()
                await trio.sleep(1)
            if many:
                one = SagaFilter(created_since=now())
                order = await sec.order_many(one, verb, by="ann", **details)
                assert await order.wait() == steno.BulkStatistics(BulkState.DONE, 0, 1, 0, 0)
            else:
                details = dict(details)
                args = [details.pop(k) for k in ("node", "signal", "at", "output") if k in details]
                await getattr(saga, verb)(*args, by="ann", **details)
            await trio.sleep(5)
            events = [each.event_type for each in (await logged(bank, saga.saga_id))]
            logs.append([plain(each) for each in events if plain(each) != "start"])
            await trio.sleep(1)
    assert logs[0] == logs[1]


def plain(what: object) -> object:
    """Return what has become of a node, without what differs between one order and many."""
    if isinstance(what, Ordered):
        if what.verb is steno.Verb.START:
            return "start"  # a single one is not logged where the step says as much
        return attrs.evolve(what, bulk=None)
    return what


async def logged(bank: Bank, saga_id: UUID) -> list[steno.SagaNodeEvent]:
    async with bank.inner.open() as session:
        return list((await session.load(saga_id)).events)


async def test_an_output_that_the_action_could_not_have_returned_is_refused(bank: Bank):
    """Saga by saga, as each may have another graph."""
    async with bank.open() as sec:
        await bank.held(sec, 1)
        order = await sec.order_many(HELD, "complete", node="payment", output="x", why="so")
        assert (await order.wait()).refused == 1
        ((why,),) = [[saga.why async for saga in order.sagas()]]
        assert 'the output is not one of node "/payment"' in why


CANCELLING = {
    "retry": ({}, "+ « ≈ + ✓"),
    "fail": ({"why": "so"}, "+ « ? - ∅"),
    "complete": ({"why": "so", "output": "by hand"}, "+ « ✓"),
    "unwind": ({"why": "so"}, "+ ? - ∅"),
}


@pytest.mark.parametrize("verb", CANCELLING)
async def test_calls_under_way_are_cancelled_in_each_saga(timed: TimedWorld, verb: str):
    """If that is asked for; the log says it, and goes on as after the order of a handle."""
    details, events = CANCELLING[verb]
    timed.declare("a", in_doubt=True)
    timed.does("a", each_time(hangs, hangs, returns("again")))
    node = {} if verb == "unwind" else {"node": "a"}
    every = SagaFilter()
    async with timed.open() as sec:
        sagas = [await sec.saga_create(timed.saga("a"), start=True) for _ in range(2)]
        await trio.sleep(1)
        if verb != "unwind":
            order = await sec.order_many(every, verb, cancel=False, **node, **details)
            assert (await order.wait()).refused == 2
            assert {"cancel=True" in saga.why async for saga in order.sagas()} == {True}
        order = await sec.order_many(every, verb, cancel=True, **node, **details)
        assert await order.wait() == steno.BulkStatistics(BulkState.DONE, 0, 2, 0, 0)
        results = [await saga.wait() for saga in sagas]
    for saga, result in zip(sagas, results, strict=True):
        assert timed.events(saga.saga_id) == events
        logged = [each.event_type for each in timed.store.row(saga.saga_id).events]
        (what,) = [each for each in logged if isinstance(each, Ordered) and each.cancel]
        assert (what.verb.value, what.bulk) == (verb, order.bulk_id)
        if verb == "complete":
            assert result.unwrap().saga_output() == "by hand"


BAD = {
    "no such order": (ValueError, "there is no order 'undo'", "undo", {}),
    "an import": (ValueError, "there is no order 'import'", "import", {}),
    "no word": (ValueError, "there is no order 7", 7, {}),
    "no node": (TypeError, "an order to retry needs node=", "retry", {}),
    "a node": (TypeError, "an order to pause takes no node", "pause", {"node": "payment"}),
    "no time": (TypeError, "an order to deadline needs at=", "deadline", {}),
    "a naive time": (ValueError, "time zone", "deadline", {"at": datetime(2026, 1, 1)}),  # noqa: DTZ001 - on purpose
    "no signal": (TypeError, "an order to signal needs signal=", "signal", {"value": 1}),
    "an output": (
        TypeError,
        "an order to retry takes no output",
        "retry",
        {"node": 0, "output": 1},
    ),
    "no such detail": (TypeError, "an order to pause takes no nodes", "pause", {"nodes": 1}),
    "no reason": (ValueError, "needs a reason: why=", "abandon", {}),
    "no reason for a node": (ValueError, "fail a node needs a reason", "fail", {"node": 0}),
    "an empty reason": (ValueError, "why must not be empty", "pause", {"why": " "}),
    "an odd node": (TypeError, "node must be the name", "retry", {"node": 1.5}),
    "a value that is not JSON": (
        *(steno.SerializeError, "object", "signal"),
        {"signal": "approved", "value": object()},
    ),
    "a call under way": (
        TypeError,
        "an order to hold takes no cancel",
        "hold",
        {"node": 0, "cancel": True},
    ),
    "cancel": (TypeError, "cancel must be True or False", "retry", {"node": 0, "cancel": 1}),
    "replace": (TypeError, "replace must be", "signal", {"signal": "x", "replace": 1}),
    "a rate of 0": (ValueError, "rate must be a finite number above 0", "pause", {"rate": 0}),
    "no rate": (ValueError, "rate must be a finite", "pause", {"rate": float("nan")}),
    "an endless rate": (ValueError, "rate must be a finite", "pause", {"rate": float("inf")}),
    "a rate in words": (TypeError, "rate must be a number", "pause", {"rate": "5"}),
}


@pytest.mark.parametrize("name", BAD)
async def test_bad_input_is_refused_before_anything_is_stored(bank: Bank, name: str):
    """With a message that says what to do."""
    error, words, verb, details = BAD[name]
    async with bank.open() as sec:
        await bank.held(sec, 1)
        with pytest.raises(error, match=words):
            await sec.order_many(HELD, verb, **details)
        with pytest.raises(TypeError, match="takes a SagaFilter, as in"):
            await sec.order_many({"name": "trip"}, "pause")
        with pytest.raises(TypeError, match="unexpected keyword argument 'nmae'"):
            SagaFilter(nmae="trip")
        assert await sec.bulk_orders() == []
    assert bank.store.bulk_writes == []


# At a rate


async def test_it_goes_at_the_rate(bank: Bank):
    """One is due each tenth of a second; after a delay they do not come all at once."""
    async with bank.open() as sec:
        sagas = await bank.held(sec, 20)
        began = now().timestamp()
        order = await sec.order_many(HELD, "pause", rate=10)
        await order.wait()
    times = [(await bank.timed_orders(saga.saga_id))[0][0] - began for saga in sagas]
    assert times == pytest.approx([n / 10 for n in range(20)], abs=0.01)


async def test_without_a_rate_it_goes_as_fast_as_it_is_durable(bank: Bank):
    """No time passes, and many share a commit."""
    async with bank.open() as sec:
        await bank.held(sec, 200)
        began, before = trio.current_time(), len(bank.store.commits)
        order = await sec.order_many(HELD, "pause")
        assert (await order.wait()).given == 200
        assert trio.current_time() == began
        assert len(bank.store.commits) - before < 200


# Cancelling


async def test_what_is_cancelled_orders_nothing_further(bank: Bank):
    """What was ordered stays; it is durable, also for the next life."""
    async with bank.open() as sec:
        sagas = await bank.held(sec, 10)
        order = await sec.order_many(HELD, "pause", rate=10)
        await trio.sleep(0.35)
        cancelled = await order.cancel()
        assert cancelled == steno.BulkStatistics(BulkState.CANCELLED, 6, 4, 0, 0)
        assert await order.wait() == cancelled
        assert await order.cancel() == cancelled
        assert (await order.view()).state is BulkState.CANCELLED
        await trio.sleep(100)
    async with bank.open() as sec:
        await trio.sleep(100)
        again = await sec.bulk_order(order.bulk_id)
        assert await again.wait() == await again.cancel() == cancelled
    counts = [len(await bank.orders(saga.saga_id)) for saga in sagas]
    assert counts == [1] * 4 + [0] * 6


async def test_cancelling_comes_too_late_for_one_that_is_done(bank: Bank):
    """It says so."""
    async with bank.open() as sec:
        await bank.held(sec, 1)
        order = await sec.order_many(HELD, "pause")
        await order.wait()
        assert (await order.cancel()).state is BulkState.DONE


# Leaving, and going on


@pytest.mark.parametrize("how", ["leave", "drain", "cancel"])
async def test_it_stops_with_the_sec_and_goes_on_with_the_next(bank: Bank, how: str):
    """Leaving does not wait for the rest; none is given twice."""
    with trio.CancelScope() as scope:
        async with bank.open() as sec:
            sagas = await bank.held(sec, 6)
            order = await sec.order_many(HELD, "pause", rate=0.1)
            await trio.sleep(25)
            left = trio.current_time()
            if how == "drain":
                await sec.drain()
                with pytest.raises(steno.SecClosing):
                    await order.wait()
                with pytest.raises(steno.SecClosing):
                    await order.cancel()
                with pytest.raises(steno.SecClosing):
                    await sec.order_many(HELD, "resume")
            if how == "cancel":
                scope.cancel()
                await trio.lowlevel.checkpoint()
    assert trio.current_time() - left < 1
    async with bank.open() as sec:
        again = await sec.bulk_order(order.bulk_id)
        assert again.statistics().state is BulkState.RUNNING
        assert await again.wait() == steno.BulkStatistics(BulkState.DONE, 0, 6, 0, 0)
        assert [saga.outcome async for saga in again.sagas()] == [BulkOutcome.GIVEN] * 6
    for saga in sagas:
        assert len(await bank.orders(saga.saga_id)) == 1


async def test_a_sec_that_recovers_nothing_leaves_it_alone(bank: Bank):
    """It can be looked at, and cancelled; another SEC's can be looked at only."""
    async with bank.open() as sec:
        await bank.held(sec, 3)
        order = await sec.order_many(HELD, "pause", rate=0.01)
        await trio.sleep(1)
    async with bank.open(sec_name="other") as sec:
        foreign = await sec.bulk_order(order.bulk_id)
        for call in (foreign.wait, foreign.cancel):
            with pytest.raises(steno.BulkOrderHaltedError, match='belongs to the SEC "default"'):
                await call()
    async with bank.open(recover=False) as sec:
        await trio.sleep(1000)
        stored = await sec.bulk_order(order.bulk_id)
        assert stored.statistics() == steno.BulkStatistics(BulkState.RUNNING, 2, 1, 0, 0)
        with pytest.raises(steno.BulkOrderHaltedError, match="recover=True"):
            await stored.wait()
        assert (await stored.cancel()).state is BulkState.CANCELLED
        (listed,) = await sec.bulk_orders(states=[BulkState.CANCELLED])
        assert listed.bulk_id == order.bulk_id
        with pytest.raises(steno.NoSuchBulkOrder, match=str(UNKNOWN)):
            await sec.bulk_order(UNKNOWN)
        with pytest.raises(TypeError, match="must be a uuid"):
            await sec.bulk_order("x")


async def test_old_ones_are_deleted_with_old_sagas(bank: Bank):
    """By retention, and by hand; one that has not ended stays."""
    async with bank.open(retention=timedelta(hours=1)) as sec:
        await bank.held(sec, 2)
        done = await sec.order_many(HELD, "pause")
        await done.wait()
        long = await sec.order_many(HELD, "resume", rate=1e-6)
        async with bank.inner.open() as session:
            bank.inner._clock = lambda: datetime.now(UTC) + timedelta(hours=2)  # noqa: SLF001 - time passes
            assert len(await session.bulk.list(steno.store.BulkListQuery())) == 2
        await trio.sleep(4000)
        assert [each.bulk_id for each in await sec.bulk_orders()] == [long.bulk_id]
        with pytest.raises(steno.NoSuchBulkOrder):
            await done.view()


# Faults


async def test_an_unavailable_store_is_waited_out(bank: Bank):
    """Whether it did what it could not say or not; each saga gets the order once."""
    fates = itertools.cycle([Unavailable(), Unavailable(When.AFTER), None])
    async with bank.open() as sec:
        sagas = await bank.held(sec, 150)
        bank.store.bulk_script = lambda *_: next(fates)
        bank.store.script = lambda *_: next(fates)
        order = await sec.order_many(HELD, "pause")
        assert await order.wait() == steno.BulkStatistics(BulkState.DONE, 0, 150, 0, 0)
    for saga in sagas:
        assert len(await bank.orders(saga.saga_id)) == 1


async def test_one_that_could_not_be_stored_is_an_error(bank: Bank):
    """After the patience of the SEC; there is none of it then."""
    async with bank.open(store_patience=5) as sec:
        await bank.held(sec, 1)
        bank.store.bulk_script = lambda *_: Unavailable()
        with pytest.raises(steno.StoreUnavailable):
            await sec.order_many(HELD, "pause")
        bank.store.bulk_script = {}
        assert await sec.bulk_orders() == []


@asynccontextmanager
async def counted(bank: Bank, number: int, when: When) -> AsyncIterator[trio.CancelScope]:
    """Crash at one of the writes to the store, whatever it is about."""
    numbers = itertools.count()
    with trio.CancelScope() as scope:

        def fate(*_: object) -> Crash | None:
            return Crash(scope.cancel, when) if next(numbers) == number else None

        bank.store.script = bank.store.bulk_script = fate
        await trio.lowlevel.checkpoint()
        yield scope
    bank.store.script = bank.store.bulk_script = {}


@pytest.mark.parametrize("when", When)
@pytest.mark.parametrize("back", [True, False])
async def test_a_crash_at_every_commit_gives_it_once(make: Callable, when: When, back: bool):  # noqa: FBT001 - a parameter
    """An order that was returned is carried out at each saga, however the process died."""
    ids, crashed = range(3), True
    for number in itertools.count():
        if not crashed:
            break
        bank = Bank(make())
        async with bank.open() as sec:
            sagas = await bank.held(sec, len(ids))
        bank.back, known = back, None
        async with counted(bank, number, when) as scope, bank.open() as sec:
            order = await sec.order_many(HELD, "retry", node="payment", rate=50)
            known = order.bulk_id
            await order.wait()
        crashed = scope.cancelled_caught
        async with bank.open() as sec:
            found = await sec.bulk_orders()
            assert len(found) in ({1} if known else {0, 1})
            for each in found:
                again = await sec.bulk_order(each.bulk_id)
                assert await again.wait() == steno.BulkStatistics(BulkState.DONE, 0, 3, 0, 0)
        for saga in sagas:
            orders = await bank.orders(saga.saga_id)
            assert [each.bulk for each in orders] == [each.bulk_id for each in found]
    assert number > 5
