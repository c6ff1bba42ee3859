"""Orders on nodes, given through the handle of a saga to a SEC that runs it."""

from datetime import timedelta
from uuid import UUID

import pytest
import trio

import steno
from steno.core import Ordered, Verb
from support.timed import TimedWorld, retry
from support.worlds import Context, each_time, hangs, nothing, raises, takes

NO = ValueError("no")
DAY = timedelta(days=1)
UNKNOWN = steno.SagaId(UUID(int=404))


@pytest.fixture
def holding(timed: TimedWorld) -> TimedWorld:
    """A world whose action `a` is held after its first call, and works at the next one."""
    timed.declare("a", retry=retry(1, then="hold"))
    timed.does("a", each_time(raises(NO), nothing))
    return timed


async def held(sec: steno.SecClient, dag: steno.SagaDag) -> steno.SagaHandle:
    """Start a saga, and return it once it is held."""
    saga = await sec.saga_create(dag, start=True)
    with pytest.raises(steno.SagaHeldError):
        await saga.wait()
    return saga


def orders(world: TimedWorld, saga: steno.SagaHandle) -> list[tuple[int, Ordered]]:
    """Return the orders in the log of a saga, each with its node."""
    events = world.store.row(saga.saga_id).events
    return [(e.node_id, e.event_type) for e in events if isinstance(e.event_type, Ordered)]


async def test_retry_makes_the_next_attempt_at_once(holding: TimedWorld):
    """The order is durable before the call; the log says who and why."""
    async with holding.open(sec_name="night") as sec:
        saga = await held(sec, holding.saga("a", "b"))
        await saga.retry("a", why="the service is back")
        assert holding.events(saga.saga_id) == "+ ↻ « +"
        (await saga.wait()).unwrap()
    assert orders(holding, saga) == [(0, Ordered(Verb.RETRY, "night", "the service is back"))]
    assert holding.calls == ["a", "a", "b"]


async def test_retry_ends_a_backoff(timed: TimedWorld):
    """The time that was waited for comes later, and changes nothing."""
    timed.declare("a", retry=retry(2, wait_initial=1000, wait_max=1000))
    timed.does("a", each_time(raises(NO), takes(5000)))
    async with timed.open() as sec:
        saga = await sec.saga_create(timed.saga("a"), start=True)
        await trio.sleep(10)
        await saga.retry("a")
        (await saga.wait()).unwrap()
    assert [at for _, _, at in timed.attempts] == [0, 10]


async def test_fail_gives_a_node_up(holding: TimedWorld):
    """With its last error; its saga unwinds."""
    async with holding.open() as sec:
        saga = await held(sec, holding.saga("p", "a", "b"))
        await saga.fail("a", why="it is sold out", by="ada")
        result = await saga.wait()
    assert result.error_node_name == "a"
    assert "no" in str(result.error_source)
    assert holding.calls == ["p", "a", "~p"]
    assert orders(holding, saga) == [(1, Ordered(Verb.FAIL, "ada", "it is sold out"))]


async def test_complete_gives_a_node_its_output(holding: TimedWorld):
    """As its action would have returned it; it is not called again."""
    seen: list[object] = []

    async def look(ctx: Context) -> None:
        seen.append(ctx.lookup("a"))

    holding.does("b", look)
    async with holding.open() as sec:
        saga = await held(sec, holding.saga("a", "b"))
        await saga.complete("a", {"room": 7}, why="booked by telephone")
        (await saga.wait()).unwrap()
    assert holding.calls == ["a", "b"]
    assert seen == [{"room": 7}]


async def test_complete_repairs_an_undo_that_backs_off(timed: TimedWorld):
    """The node counts as undone."""
    timed.declare("a", undo_retry=retry(5, wait_initial=1000, wait_max=1000))
    timed.undoes("a", raises(NO))
    timed.does("b", raises(NO))
    async with timed.open() as sec:
        saga = await sec.saga_create(timed.saga("a", "b"), start=True)
        await trio.sleep(1)
        await saga.complete("a", why="cancelled by telephone")
        result = await saga.wait()
    assert isinstance(result, steno.SagaResultErr)
    assert result.undo_failure is None
    assert timed.events(saga.saga_id) == "+ ✓ - ↺ « ∅"


async def test_hold_is_a_breakpoint(timed: TimedWorld):
    """The node is not begun, in this life and in the next, until somebody retries it."""
    timed.does("a", takes(10))
    async with timed.open() as sec:
        saga = await sec.saga_create(timed.saga("a", "b"), start=True)
        await trio.sleep(1)
        await saga.hold("b", by="ada")
        with pytest.raises(steno.SagaHeldError) as caught:
            await saga.wait()
        assert caught.value.nodes == ("b",)
        assert (await saga.view()).state.status.node_state("b").value == "held"
    async with timed.open() as sec:
        saga = sec.saga_handle(saga.saga_id)
        with pytest.raises(steno.SagaHeldError):
            await saga.wait()
        assert timed.calls == ["a"]
        await saga.retry("b")
        (await saga.wait()).unwrap()
    assert timed.calls == ["a", "b"]


async def test_hold_stops_an_undo(timed: TimedWorld):
    """A node that was begun is a breakpoint for the unwinding."""
    timed.does("b", takes(10, raises(NO)))
    async with timed.open() as sec:
        saga = await sec.saga_create(timed.saga("a", "b"), start=True)
        await trio.sleep(1)
        await saga.hold("a")
        with pytest.raises(steno.SagaHeldError):
            await saga.wait()
        assert (await saga.view()).state.status.node_state("a").value == "undo-held"
        await saga.retry("a")
        assert isinstance(await saga.wait(), steno.SagaResultErr)
    assert timed.calls == ["a", "b", "~a"]


async def test_a_sleep_can_be_ended(timed: TimedWorld):
    """It is over, or it fails, and nothing waits for its time."""
    async with timed.open() as sec:
        over = await sec.saga_create(timed.saga(steno.Node.sleep("s", DAY), "a"), start=True)
        failed = await sec.saga_create(timed.saga("b", steno.Node.sleep("s", DAY)), start=True)
        await trio.sleep(1)
        await over.complete("s", why="the customer is here")
        await failed.fail("s", why="the customer does not come")
        (await over.wait()).unwrap()
        result = await failed.wait()
    assert trio.current_time() < 10
    assert "ordered to fail by default: the customer does not come" in str(result.error_source)


async def test_an_order_that_does_not_apply_changes_nothing(holding: TimedWorld):
    """It is refused with the reason, and its saga goes on."""
    async with holding.open() as sec:
        saga = await held(sec, holding.saga("a", "b"))
        before = holding.store.log(saga.saga_id)
        with pytest.raises(steno.OrderRefused, match='node "/b" was never started'):
            await saga.fail("b", why="no")
        with pytest.raises(steno.OrderRefused, match='"/b" was never started, and nothing holds'):
            await saga.retry("b")
        with pytest.raises(steno.OrderRefused, match=r"nothing can be ordered of the \(end node\)"):
            await saga.hold(3)
        with pytest.raises(steno.NoSuchNode):
            await saga.retry("nobody")
        assert holding.store.log(saga.saga_id) == before
        await saga.retry("a")
        (await saga.wait()).unwrap()


async def test_a_call_under_way_is_left_alone(timed: TimedWorld):
    """It neither fails nor is completed by an order."""
    timed.does("a", takes(10))
    async with timed.open() as sec:
        saga = await sec.saga_create(timed.saga("a"), start=True)
        await trio.sleep(1)
        with pytest.raises(steno.OrderRefused, match="its call is under way"):
            await saga.complete("a", why="done by hand")
        (await saga.wait()).unwrap()


async def test_an_order_can_expect_what_was_seen(holding: TimedWorld):
    """It is refused if the log has grown since."""
    async with holding.open() as sec:
        saga = await held(sec, holding.saga("a"))
        seen = len((await saga.view()).serialized().events)
        with pytest.raises(steno.OrderRefused, match=f"the log has {seen} events, not the 2"):
            await saga.retry("a", expect=2)
        await saga.retry("a", expect=seen)
        (await saga.wait()).unwrap()
    assert orders(holding, saga)[0][1].expect == seen


async def test_of_two_orders_at_once_one_applies(holding: TimedWorld):
    """The other is refused, as what it applied to is over."""
    told: list[str] = []

    async def complete(saga: steno.SagaHandle, who: str) -> None:
        try:
            await saga.complete("a", who, why="by hand", by=who)
        except steno.OrderRefused:
            told.append(f"not {who}")
        else:
            told.append(who)

    async with holding.open() as sec:
        saga = await held(sec, holding.saga("a"))
        async with trio.open_nursery() as nursery:
            nursery.start_soon(complete, saga, "ada")
            nursery.start_soon(complete, saga, "bob")
        output = (await saga.wait()).unwrap().saga_output()
    assert sorted(told) in (["ada", "not bob"], ["bob", "not ada"])
    assert output in told
    assert len(orders(holding, saga)) == 1


@pytest.mark.parametrize("verb", ["fail", "complete"])
async def test_what_nobody_can_look_up_needs_a_reason(holding: TimedWorld, verb: str):
    """Before anything is sent."""
    async with holding.open() as sec:
        saga = await held(sec, holding.saga("a"))
        with pytest.raises(ValueError, match="why must not be empty"):
            await getattr(saga, verb)("a", why=" ")
        with pytest.raises(TypeError, match="why must be a str"):
            await getattr(saga, verb)("a", why=3)
        with pytest.raises(TypeError, match="by must be a str"):
            await getattr(saga, verb)("a", why="no", by=3)
        with pytest.raises(TypeError, match="expect must be the number of events"):
            await getattr(saga, verb)("a", why="no", expect=-1)


async def test_an_output_that_cannot_be_stored_is_refused(holding: TimedWorld):
    """Nothing is ordered then."""
    async with holding.open() as sec:
        saga = await held(sec, holding.saga("a"))
        with pytest.raises(steno.SerializeError):
            await saga.complete("a", object(), why="by hand")
        assert orders(holding, saga) == []


async def test_sagas_that_do_not_run(timed: TimedWorld):
    """One that was not started, one that has ended, one that nobody knows, a SEC that is left."""
    async with timed.open() as sec:
        ready = await sec.saga_create(timed.saga("a"))
        with pytest.raises(steno.OrderRefused, match="was never started"):
            await ready.retry("a")
        done = await sec.saga_create(timed.saga("b"), start=True)
        await done.wait()
        with pytest.raises(steno.SagaNotRunning):
            await done.retry("b")
        with pytest.raises(steno.NoSuchSaga):
            await sec.saga_handle(UNKNOWN).retry("a")
        timed.does("c", takes(10))
        late = await sec.saga_create(timed.saga("c", "d"), start=True)
        with trio.move_on_after(1):
            await sec.drain()
        with pytest.raises(steno.SecClosing):
            await late.hold("d")


async def test_an_order_outlives_a_crash(holding: TimedWorld):
    """What was acknowledged is in the log, and the next life goes on from there."""
    holding.does("a", each_time(raises(NO), hangs, nothing))
    async with holding.doomed() as sec:
        saga = await held(sec, holding.saga("a"))
        await saga.retry("a")
        await trio.sleep(1)
    async with holding.open() as sec:
        (await sec.saga_wait(saga.saga_id)).unwrap()
    assert holding.events(saga.saga_id) == "+ ↻ « + ✓"


async def test_orders_to_a_saga_that_is_being_loaded(holding: TimedWorld):
    """They wait until it is, and are part of its first step."""
    async with holding.open() as sec:
        saga = await held(sec, holding.saga("a"))
    async with holding.open() as sec:
        await sec.saga_handle(saga.saga_id).retry("a", why="at once")
        (await sec.saga_wait(saga.saga_id)).unwrap()
    assert holding.events(saga.saga_id) == "+ ↻ « + ✓"


# A stuck saga


@pytest.fixture
def sticking(timed: TimedWorld) -> TimedWorld:
    """A world in which the undo of `a` fails once, and then works."""
    timed.undoes("a", each_time(raises(NO), nothing))
    timed.does("b", raises(NO))
    return timed


async def test_a_stuck_saga_is_repaired_by_a_retry(sticking: TimedWorld):
    """It goes on unwinding, and has an end of another kind; the order is in its log."""
    async with sticking.open() as sec:
        saga = await sec.saga_create(sticking.saga("p", "a", "b"), start=True)
        assert (await saga.wait()).undo_failure is not None
        assert sticking.store.state(saga.saga_id) == "stuck"
        await saga.retry("a", why="the line is up")
        result = await saga.wait()
    assert result.undo_failure is None
    assert result.error_node_name == "b"
    assert sticking.calls == ["p", "a", "b", "~a", "~a", "~p"]
    assert sticking.store.state(saga.saga_id) == "failed"
    assert sticking.events(saga.saga_id, 1) == "+ ✓ - ! « - ∅"
    assert sticking.store.row(saga.saga_id).summary.times.ended is not None


async def test_a_stuck_saga_is_repaired_by_hand(sticking: TimedWorld):
    """The undo action is not called again."""
    async with sticking.open() as sec:
        saga = await sec.saga_create(sticking.saga("p", "a", "b"), start=True)
        await saga.wait()
        await saga.complete("a", why="cancelled by telephone")
        assert (await saga.wait()).undo_failure is None
    assert sticking.calls == ["p", "a", "b", "~a", "~p"]


async def test_a_stuck_saga_is_repaired_in_another_life(sticking: TimedWorld):
    """It is not loaded at the next open, but for the order."""
    async with sticking.open() as sec:
        saga = await sec.saga_create(sticking.saga("a", "b"), start=True)
        await saga.wait()
    async with sticking.open() as sec:
        assert sec.statistics().running == 0
        saga = sec.saga_handle(saga.saga_id)
        assert (await saga.wait()).undo_failure is not None
        await saga.retry("a")
        assert (await saga.wait()).undo_failure is None


async def test_an_order_that_does_not_repair_leaves_a_saga_stuck(sticking: TimedWorld):
    """It is refused, and nothing has changed."""
    async with sticking.open() as sec:
        saga = await sec.saga_create(sticking.saga("p", "a", "b"), start=True)
        await saga.wait()
        before = sticking.store.log(saga.saga_id)
        for _ in range(2):
            with pytest.raises(
                steno.OrderRefused, match='"/p" has succeeded, and nothing holds it'
            ):
                await saga.retry("p")
        assert (await saga.wait()).undo_failure is not None
    assert sticking.store.log(saga.saga_id) == before
    assert sticking.store.state(saga.saga_id) == "stuck"


async def test_a_saga_that_sticks_again(timed: TimedWorld):
    """A retry is one attempt; attempts are counted on."""
    timed.undoes("a", raises(NO))
    timed.does("b", raises(NO))
    async with timed.open() as sec:
        saga = await sec.saga_create(timed.saga("a", "b"), start=True)
        for attempt in range(1, 4):
            _, error = (await saga.wait()).undo_failure
            assert f"undo action attempt {attempt}: no" in str(error)
            await saga.retry("a")
        await saga.wait()
    assert timed.events(saga.saga_id) == "+ ✓ - ! « - ! « - ! « - !"


async def test_two_undos_that_failed_are_repaired_one_by_one(timed: TimedWorld):
    """Nothing is begun until both are; then all is."""
    for name in ("a", "b"):
        timed.undoes(name, each_time(raises(NO), nothing))
    timed.does("c", raises(NO))
    async with timed.open() as sec:
        saga = await sec.saga_create(timed.saga("p", ["a", "b"], "c"), start=True)
        await saga.wait()
        await saga.retry("a")
        assert (await saga.wait()).undo_failure is not None
        assert timed.calls.count("~a") == 1
        await saga.retry("b")
        assert (await saga.wait()).undo_failure is None
    assert timed.calls.count("~a") == timed.calls.count("~b") == 2
    assert timed.calls[-1] == "~p"


async def test_a_stuck_saga_is_repaired_while_it_gets_stuck(sticking: TimedWorld):
    """An order may come while its end is written, or before its tasks have ended."""
    answers: list[str] = []

    async def insist(saga: steno.SagaHandle, pause: int) -> None:
        for _ in range(pause):
            await trio.lowlevel.checkpoint()
        while True:
            try:
                await saga.retry("a")
            except steno.OrderRefused:
                await trio.lowlevel.checkpoint()
            except steno.CommandError as error:
                answers.append(repr(error))
                return
            else:
                answers.append("durable")
                return

    sticking.undoes("a", each_time(*([raises(NO), nothing] * 20)))
    async with sticking.open() as sec:
        for pause in range(20):
            saga = await sec.saga_create(sticking.saga("p", "a", "b"), start=True)
            await insist(saga, pause)
            result = await saga.wait()
            assert result.undo_failure is None
            assert sticking.store.state(saga.saga_id) == "failed"
    assert answers == ["durable"] * 20


async def test_what_is_refused_is_told_to_nobody(timed: TimedWorld, caplog):
    """A saga that is held, or stuck, is not reported again, nor counted."""
    told: list[str] = []

    class Heard(steno.abc.Instrument):
        def saga_began(self, saga_id: object, saga_name: str) -> None:
            told.append("began")

        def saga_ended(self, saga_id: object, saga_name: str, state: object) -> None:
            told.append("ended")

        def attention(self, saga_id: object, saga_name: str, why: object, text: str) -> None:
            told.append(f"attention: {why.value}")

    timed.declare("h", retry=retry(1, then="hold"))
    timed.does("h", raises(NO))
    timed.undoes("a", raises(NO))
    timed.does("b", raises(NO))
    async with timed.open(instruments=[Heard()]) as sec:
        stuck = await sec.saga_create(timed.saga("p", "a", "b"), start=True)
        await stuck.wait()
        waits = await held(sec, timed.saga("p", "h"))
        await trio.sleep(1)  # a waiter may know it a little before the instruments do
        heard, records = tuple(told), len(caplog.records)
        for _ in range(3):
            for saga in (stuck, waits):
                with pytest.raises(steno.OrderRefused):
                    await saga.retry("p")
                await trio.sleep(1)
        with pytest.raises(steno.SagaHeldError):
            await waits.wait()
        assert sec.statistics().stuck == 1
    async with timed.open(instruments=[Heard()]) as sec:
        await trio.sleep(1)  # until the one that is held is loaded
        with pytest.raises(steno.OrderRefused):  # of one that is not in memory
            await sec.saga_handle(stuck.saga_id).retry("p")
        assert sec.statistics().stuck == 0
    assert told == [*heard, "began", "attention: held"]  # as that one is opened
    assert len(caplog.records) == records + 1


async def test_orders_that_cannot_be_carried_out_yet(sticking: TimedWorld):
    """Each is recorded though a stuck saga cannot be loaded, and is carried out once it can be."""
    async with sticking.open() as sec:
        saga = await sec.saga_create(sticking.saga("a", "b"), start=True)
        await saga.wait()
    registry, sticking.registry = sticking.registry, steno.ActionRegistry()
    async with sticking.open() as sec:
        saga = sec.saga_handle(saga.saga_id)
        for _ in range(3):
            await saga.retry("a")
        with pytest.raises(steno.SagaHaltedError, match="not registered"):
            await saga.wait()
    assert len(orders(sticking, saga)) == 3
    sticking.registry = registry
    assert (await sticking.finish(saga.saga_id)).undo_failure is None


async def test_what_is_held_is_said_so_that_it_can_be_ordered(holding: TimedWorld):
    """Two subsagas have a node of the same name: each is given by its path."""
    builder = steno.DagBuilder("twice")
    for name in ("x", "y"):
        inner = steno.DagBuilder(name)
        inner.append(steno.Node.action("a", "a"))
        builder.append(steno.Node.constant(f"params of {name}", None))
        builder.append(steno.Node.subsaga(name, inner.build(), f"params of {name}"))
    async with holding.open() as sec:
        saga = await sec.saga_create(steno.SagaDag(builder.build()), start=True)
        with pytest.raises(steno.SagaHeldError) as caught:
            await saga.wait()
        assert caught.value.nodes == ("/x/a",)
        await saga.retry(caught.value.nodes[0])
        (await saga.wait()).unwrap()
