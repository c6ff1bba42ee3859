"""Limits: how many calls run at once, and what happens to calls waiting for their turn."""

import pytest
import trio
from trio.testing import wait_all_tasks_blocked

import steno
from steno.core import SagaNodeId
from steno.runtime._limit import Limiters, Turn, Turns
from support.timed import TimedWorld, fails_with, retry
from support.worlds import Context, each_time, hangs, nothing, raises, returns, takes, waits_for

NO = ValueError("no")


def names(count: int, action: str = "a") -> list[steno.Node]:
    """Return nodes `a0`, `a1`, … of an action."""
    return [steno.Node.action(f"{action}{number}", action) for number in range(count)]


def starts(world: TimedWorld) -> list[float]:
    """Return when the calls so far began, in seconds."""
    return [at for _, _, at in world.attempts]


# In a SEC


async def test_so_many_calls_of_an_action_at_once(timed: TimedWorld):
    """In one saga and over all sagas of the SEC; other actions are not concerned."""
    timed.declare("a", limit=2)
    timed.does("a", takes(10))
    async with timed.open() as sec, trio.open_nursery() as nursery:
        nursery.start_soon(sec.saga_run, timed.saga(names(3), "b"))
        nursery.start_soon(sec.saga_run, timed.saga(names(2), "b"))
        nursery.start_soon(sec.saga_run, timed.saga("c"))
    assert sorted(at for call, _, at in timed.attempts if call[0] == "a") == [0, 0, 10, 10, 20]
    assert ("c", 1, 0) in timed.attempts


async def test_actions_may_share_a_limiter(timed: TimedWorld):
    """As those that use one service; all are counted together."""
    limiter = trio.CapacityLimiter(2)
    timed.declare("a", limit=limiter)
    timed.declare("b", limit=limiter)
    timed.does("a", takes(10))
    timed.does("b", takes(10))
    async with timed.open() as sec:
        await sec.saga_run(timed.saga([*names(2, "a"), *names(2, "b")], "c"))
    assert starts(timed) == [0, 0, 10, 10, 20]
    assert limiter.borrowed_tokens == 0


@pytest.mark.parametrize(
    "ending",
    [
        pytest.param(raises(NO), id="raises"),
        pytest.param(returns(object()), id="returns what cannot be stored"),
        pytest.param(hangs, id="hangs"),
    ],
)
async def test_a_call_that_fails_gives_its_turn_back(timed: TimedWorld, ending: object):
    """However it ends."""
    limiter = trio.CapacityLimiter(1)
    timed.declare("a", limit=limiter, timeout=5, atomic=True)
    timed.does("a", ending)
    async with timed.open(hold_on=()) as sec:
        for _ in range(3):
            await sec.saga_run(timed.saga("a"))
    assert limiter.borrowed_tokens == 0
    assert len(timed.calls) == 3


async def test_a_node_that_backs_off_does_not_hold_its_turn(timed: TimedWorld):
    """Each attempt waits for a turn of its own."""
    timed.declare("a", limit=1, retry=retry(2, wait_initial=100))
    timed.does("a", fails_with(NO))
    async with timed.open() as sec:
        await sec.saga_run(timed.saga(names(2), "b"))
    assert starts(timed) == [0, 0, 100, 100]


async def test_a_crash_gives_the_turn_back(timed: TimedWorld):
    """To other SECs with the same limiter, too."""
    limiter = trio.CapacityLimiter(1)
    timed.declare("a", limit=limiter)
    timed.does("a", each_time(hangs, nothing))
    async with timed.doomed() as sec:
        saga = await sec.saga_create(timed.saga(names(3), "b"), start=True)
        await wait_all_tasks_blocked()
        assert limiter.borrowed_tokens == 1
    assert limiter.borrowed_tokens == 0
    (await timed.finish(saga.saga_id)).unwrap()


# Time


async def test_waiting_for_a_turn_does_not_count_for_the_timeout(timed: TimedWorld):
    """That begins with the call."""
    timed.declare("a", limit=1, timeout=15, atomic=True)
    timed.does("a", takes(10))
    async with timed.open() as sec:
        (await sec.saga_run(timed.saga(names(3), "b"))).unwrap()
    assert starts(timed) == [0, 10, 20, 30]


async def test_waiting_for_a_turn_counts_for_the_timeout_of_the_retry(timed: TimedWorld):
    """That begins with `started`, which is durable before."""
    timed.declare("a", limit=1, retry=retry(None, timeout=15))
    timed.does("a", takes(10, raises(NO)))
    async with timed.open() as sec:
        saga = await sec.saga_create(timed.saga(names(2), "b"), start=True)
        await trio.sleep(5)
        assert timed.store.log(saga.saga_id) == "3+ 3✓ 0+ 1+"
        await saga.wait()
    log = sorted(timed.events(saga.saga_id, node) for node in (0, 1))
    # One is called at 0, fails at 10 and is to begin again at 11; the other fails at 20, too late.
    assert log == ["+ ↻ + ✗", "+ ✗"]


# An unwinding


async def test_a_node_that_waits_for_its_turn_is_not_called_when_the_saga_unwinds(
    timed: TimedWorld,
):
    """It fails at once, as not done; the call that runs is waited for."""
    timed.declare("a", limit=1, in_doubt=True)
    timed.does("a", takes(100))
    timed.does("b", takes(10, raises(NO)))
    async with timed.open() as sec:
        saga = await sec.saga_create(timed.saga([*names(3), "b"], "c"), start=True)
        await trio.sleep(20)
        states = [(await saga.view()).state.status.node_state(f"a{n}").value for n in range(3)]
        assert sorted(states) == ["failed", "failed", "working"]
        result = await saga.wait()
    assert result.error_node_name == "b"
    assert sorted(timed.events(saga.saga_id, node) for node in range(3)) == [
        "+ ✓ - ∅",
        "+ ✗",
        "+ ✗",
    ]
    skipped = [
        event.event_type.error
        for event in timed.store.row(saga.saga_id).events
        if isinstance(event.event_type, steno.Failed) and event.node_id != 3
    ]
    assert all("it was not called, as the saga unwinds" in error for error in skipped)


async def test_doubt_of_an_earlier_attempt_stays_with_a_node_that_is_not_called(
    timed: TimedWorld,
):
    """So it is undone."""
    hold = trio.Event()
    timed.declare("a", limit=1, in_doubt=True, retry=retry(2, wait_initial=5))

    async def first_fails(ctx: Context) -> None:
        if ctx.node_name == "a0":
            raise NO
        await hold.wait()

    timed.does("a", first_fails)
    timed.does("b", takes(10, raises(NO)))
    async with timed.open() as sec:
        saga = await sec.saga_create(timed.saga([*names(1), "b"], "c"), start=True)
        other = await sec.saga_create(timed.saga(steno.Node.action("a1", "a")), start=True)
        await saga.wait()
        hold.set()
        await other.wait()
    assert timed.events(saga.saga_id) == "+ ≈ + ? - ∅"


@pytest.mark.parametrize("probed", [True, False])
async def test_a_call_that_was_cut_off_waits_for_its_turn_and_is_made_again(
    timed: TimedWorld, *, probed: bool
):
    """Or probed, even though its saga unwinds: it may have taken effect."""
    limiter = trio.CapacityLimiter(1)
    done = trio.Event()
    timed.declare("a", limit=limiter, probed=probed)
    timed.does("a", each_time(hangs, nothing))
    timed.declare("other", limit=limiter)
    timed.does("other", waits_for(done))
    timed.does("b", takes(1, raises(NO)))
    async with timed.doomed() as sec:
        saga = await sec.saga_create(timed.saga(["a", "b"], "c"), start=True)
        await trio.sleep(2)
    assert timed.store.log(saga.saga_id) == "3+ 3✓ 0+ 1+ 1✗"
    async with limiter, timed.open() as sec:
        await trio.sleep(10)
        assert timed.events(saga.saga_id) == "+"
        assert len(timed.calls) == 2
        limiter.release()
        await sec.saga_wait(saga.saga_id)
        await limiter.acquire()
    assert timed.events(saga.saga_id) == ("+ ✗" if probed else "+ ✓ - ∅")
    assert timed.calls[2] == ("?a" if probed else "a")


async def test_a_wait_for_a_turn_is_cut_off_by_a_drain(timed: TimedWorld):
    """Nothing is logged of it; the node is called at the next open."""
    timed.declare("a", limit=1)
    timed.does("a", takes(10))
    async with timed.open() as sec:
        saga = await sec.saga_create(timed.saga(names(3), "b"), start=True)
        await trio.sleep(5)
        await sec.drain()
    assert trio.current_time() == 10
    assert sorted(timed.events(saga.saga_id, node) for node in range(3)) == ["+", "+", "+ ✓"]
    assert timed.store.problem(saga.saga_id) is None
    (await timed.finish(saga.saga_id)).unwrap()
    assert len(timed.calls) == 4


async def test_leaving_waits_for_those_that_wait_for_their_turn(timed: TimedWorld):
    """They are under way, unlike what waits for a time."""
    timed.declare("a", limit=1)
    timed.does("a", takes(10))
    async with timed.open() as sec:
        saga = await sec.saga_create(timed.saga(names(3), "b"), start=True)
    assert trio.current_time() == 30
    assert timed.store.state(saga.saga_id) == "succeeded"


# Turns and limiters on their own


async def test_a_limiter_for_each_action_with_a_number():
    """The same one each time; one that is given is used as it is."""
    limiters, given = Limiters(), trio.CapacityLimiter(5)
    first = limiters.of("a", 2)
    assert first.total_tokens == 2
    assert limiters.of("a", 2) is first
    assert limiters.of("b", 2) is not first
    assert limiters.of("c", given) is given


async def test_a_turn_that_comes_as_the_saga_unwinds(nursery: trio.Nursery):
    """It is given back: the call is not made, and the limiter is free."""
    limiter, turns, came = trio.CapacityLimiter(1), Turns(), []

    async def wait() -> None:
        async with turns.turn(SagaNodeId(0), limiter, repeats=False) as turn:
            came.append(turn)

    limiter.acquire_on_behalf_of_nowait(limiter)
    nursery.start_soon(wait)
    await wait_all_tasks_blocked()
    limiter.release_on_behalf_of(limiter)
    turns.skip()
    await wait_all_tasks_blocked()
    assert came == [Turn.SKIPPED]
    assert limiter.borrowed_tokens == 0


async def test_an_unwinding_and_a_drain_end_the_waiting(nursery: trio.Nursery):
    """An unwinding skips nodes that were never called; a drain cuts off all, for good."""
    limiter, turns = trio.CapacityLimiter(1), Turns()
    came: dict[int, Turn] = {}

    async def wait(number: int, *, repeats: bool) -> None:
        async with turns.turn(SagaNodeId(number), limiter, repeats=repeats) as turn:
            came[number] = turn

    limiter.acquire_on_behalf_of_nowait(limiter)
    for number, repeats in enumerate([False, True]):
        nursery.start_soon(lambda n=number, r=repeats: wait(n, repeats=r))
    await wait_all_tasks_blocked()
    turns.skip()
    await wait_all_tasks_blocked()
    assert came == {0: Turn.SKIPPED}
    await wait(2, repeats=False)
    assert came[2] is Turn.SKIPPED
    turns.cut_off()
    turns.skip()
    await wait_all_tasks_blocked()
    await wait(3, repeats=True)
    assert came == {
        0: Turn.SKIPPED,
        1: Turn.CUT_OFF,
        2: Turn.SKIPPED,
        3: Turn.CUT_OFF,
    }
