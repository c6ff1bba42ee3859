"""Nodes that are held for a person, and what their waiters are told."""

from datetime import timedelta

import pytest
import trio
from trio.testing import wait_all_tasks_blocked

import steno
from support.timed import TimedWorld, fails_with, retry
from support.worlds import each_time, hangs, nothing, raises, returns, takes

NO = ValueError("no")


@pytest.fixture
def holding(timed: TimedWorld) -> TimedWorld:
    """A world whose action `a` is held after its second attempt, which comes after a second."""
    timed.declare("a", retry=retry(2, then="hold"), in_doubt=True, not_done=KeyError)
    timed.does("a", raises(NO))
    return timed


async def test_a_node_is_held_when_its_attempts_are_used_up(holding: TimedWorld):
    """The saga neither fails nor ends; it stays as it is until somebody acts."""
    async with holding.open() as sec:
        saga = await sec.saga_create(holding.saga("a", "b"), start=True)
        await trio.sleep(50_000)
        view = await saga.view()
    assert isinstance(view.state, steno.SagaRunning)
    assert view.state.status.node_state("a").value == "held"
    last = view.state.status.attempts[0]
    assert (last.number, last.in_doubt, last.next, last.undoing) == (2, True, None, False)
    assert "no" in last.error
    assert holding.events(saga.saga_id) == "+ ≈ + ≈"
    assert holding.calls == ["a", "a"]
    assert holding.store.state(saga.saga_id) == "running"


async def test_a_node_is_held_when_its_time_is_used_up(timed: TimedWorld):
    """The timeout of a retry is like its attempts."""
    timed.declare("a", retry=retry(None, timeout=5, then="hold"))
    timed.does("a", raises(NO))
    async with timed.open() as sec:
        with pytest.raises(steno.SagaHeldError):
            await sec.saga_run(timed.saga("a"))
    assert [at for _, _, at in timed.attempts] == [0, 1, 3, 7]


async def test_an_error_that_is_not_retried_is_not_held(timed: TimedWorld):
    """Its node fails: the attempts were not used up."""
    timed.declare("a", retry=retry(2, on=KeyError, then="hold"))
    timed.does("a", fails_with(KeyError(), NO))
    async with timed.open() as sec:
        result = await sec.saga_run(timed.saga("a"))
    assert timed.events(result.saga_id) == "+ ↻ + ✗"


async def test_siblings_of_a_node_that_is_held_go_on(holding: TimedWorld):
    """Until they have done all that does not need it."""
    holding.does("b", takes(100))
    p = steno.Node.constant("p", 1)
    async with holding.open() as sec:
        saga = await sec.saga_create(
            holding.saga(p, ["a", holding.subsaga("s", "b", "c")], "d"), start=True
        )
        with pytest.raises(steno.SagaHeldError):
            await saga.wait()
        view = await saga.view()
    assert trio.current_time() == 100
    states = {name: view.state.status.node_state(name).value for name in ("a", "/s/c", "d")}
    assert states == {"a": "held", "/s/c": "done", "d": "blocked"}


# Waiters


async def test_waiters_are_told_once_nothing_else_can_go_on(holding: TimedWorld):
    """Current waiters and later ones, and the caller of `saga_run`."""
    told: list[tuple[str, float]] = []

    async def wait(what: str, saga: steno.SagaHandle) -> None:
        with pytest.raises(steno.SagaHeldError) as held:
            await saga.wait()
        assert held.value.saga_id == saga.saga_id
        assert held.value.nodes == ("a",)
        told.append((what, round(trio.current_time(), 3)))

    holding.does("b", takes(10))
    async with holding.open() as sec:
        async with trio.open_nursery() as nursery:
            saga = await sec.saga_create(holding.saga(["a", "b"], "c"), start=True)
            nursery.start_soon(wait, "one", saga)
            nursery.start_soon(wait, "two", saga)
        await trio.sleep(10)
        await wait("later", saga)
        with pytest.raises(steno.SagaHeldError):
            await sec.saga_run(holding.saga("a"))
    assert sorted(told) == [("later", 20), ("one", 10), ("two", 10)]


async def test_each_waiter_has_an_error_of_its_own(holding: TimedWorld):
    """So that tracebacks do not mix; it says what is held, and what will help."""
    errors: list[steno.SagaHeldError] = []

    async def wait(saga: steno.SagaHandle) -> None:
        try:
            await saga.wait()
        except steno.SagaHeldError as error:
            errors.append(error)

    async with holding.open() as sec, trio.open_nursery() as nursery:
        saga = await sec.saga_create(holding.saga("a"), start=True)
        nursery.start_soon(wait, saga)
        nursery.start_soon(wait, saga)
    one, other = errors
    assert one is not other
    assert str(one) == str(other)
    assert f'saga {saga.saga_id} is held: node "a" waits for an order' in str(one)


async def test_several_nodes_that_are_held(timed: TimedWorld):
    """All are named, and the saga counts as held when the last of them is."""
    for name, attempts in ("a", 1), ("b", 3):
        timed.declare(name, retry=retry(attempts, then="hold"))
        timed.does(name, raises(NO))
    async with timed.open() as sec:
        with pytest.raises(steno.SagaHeldError, match='nodes "a", "b" wait for an order') as held:
            await sec.saga_run(timed.saga(["a", "b"], "c"))
    assert held.value.nodes == ("a", "b")
    assert trio.current_time() == pytest.approx(3, abs=0.01)


@pytest.mark.parametrize("what", ["sleeps", "backs off"])
async def test_a_saga_that_also_waits_for_a_time_is_not_held(holding: TimedWorld, what: str):
    """Something can still go on by itself; waiters are told afterwards."""
    if what == "sleeps":
        other = holding.subsaga("s", steno.Node.sleep("z", timedelta(seconds=100)), "b")
    else:
        holding.declare("b", retry=retry(2, wait_initial=100))
        holding.does("b", fails_with(NO))
        other = holding.subsaga("s", "b")
    async with holding.open() as sec:
        saga = await sec.saga_create(
            holding.saga(steno.Node.constant("p", 1), ["a", other], "c"), start=True
        )
        with pytest.raises(steno.SagaHeldError):
            await saga.wait()
    assert trio.current_time() == pytest.approx(100, abs=0.01)


async def test_a_waiter_of_a_saga_whose_other_nodes_go_on(holding: TimedWorld):
    """One that begins to wait meanwhile waits with the others."""
    holding.does("b", takes(100))
    async with holding.open() as sec:
        saga = await sec.saga_create(holding.saga(["a", "b"], "c"), start=True)
        await trio.sleep(50)
        with pytest.raises(steno.SagaHeldError):
            await saga.wait()
    assert trio.current_time() == 100


# What ends it


@pytest.mark.parametrize("drain", [True, False])
async def test_a_saga_that_is_held_does_not_hold_up_leaving(holding: TimedWorld, *, drain: bool):
    """It stays stored; from then on waiters are told that the SEC is being left."""
    async with holding.open() as sec:
        saga = await sec.saga_create(holding.saga("a"), start=True)
        await trio.sleep(10)
        if drain:
            await sec.drain()
            with pytest.raises(steno.SecClosing):
                await saga.wait()
    assert trio.current_time() == 10
    assert holding.store.problem(saga.saga_id) is None


async def test_a_node_whose_attempts_are_used_up_waits_for_an_order(holding: TimedWorld):
    """It stays held at the next open; a retry is one more attempt, and then it is held again."""
    async with holding.open() as sec:
        saga = await sec.saga_create(holding.saga("a", "b"), start=True)
        await trio.sleep(10)
    async with holding.open() as sec:
        saga = sec.saga_handle(saga.saga_id)
        with pytest.raises(steno.SagaHeldError):
            await saga.wait()
        assert holding.events(saga.saga_id) == "+ ≈ + ≈"
        await saga.retry("a")
        with pytest.raises(steno.SagaHeldError):
            await saga.wait()
        assert holding.events(saga.saga_id) == "+ ≈ + ≈ « + ≈"
        holding.does("a", returns("at last"))
        await saga.retry("a")
        (await saga.wait()).unwrap()
    assert holding.attempts == [("a", 1, 0), ("a", 2, 1), ("a", 3, 10), ("a", 4, 10), ("b", 1, 10)]


async def test_a_node_whose_attempts_are_used_up_waits_after_a_crash(holding: TimedWorld):
    """As after an orderly end."""
    async with holding.doomed() as sec:
        saga = await sec.saga_create(holding.saga("a"), start=True)
        await trio.sleep(10)
    holding.does("a", nothing)
    async with holding.open() as sec:
        saga = sec.saga_handle(saga.saga_id)
        with pytest.raises(steno.SagaHeldError):
            await saga.wait()
        await saga.retry("a")
        (await saga.wait()).unwrap()


@pytest.mark.parametrize(
    ("last", "expected"), [(NO, "+ ≈ + ≈ ? - ∅"), (KeyError(), "+ ↻ + ↻ ✗")], ids=["doubt", "not"]
)
async def test_a_node_that_is_held_is_given_up_when_the_saga_unwinds(
    holding: TimedWorld, last: Exception, expected: str
):
    """It fails with its last error, in doubt or not, and the result does not wait for anybody."""
    holding.does("a", raises(last))
    holding.does("b", takes(10, raises(KeyError("b"))))
    async with holding.open() as sec:
        result = await sec.saga_run(holding.saga(["a", "b"], "c"))
    assert result.error_node_name == "b"
    assert holding.events(result.saga_id) == expected


async def test_a_saga_whose_undo_is_held(timed: TimedWorld):
    """It is told in the same way; the other undos go on."""
    timed.declare("a", in_doubt=True)
    timed.does("a", raises(NO))
    timed.undoes("a", hangs)
    timed.undoes("p", takes(10))
    async with timed.doomed() as sec:
        saga = await sec.saga_create(timed.saga("p", "a"), start=True)
        await wait_all_tasks_blocked()
    timed.rebuild()
    timed.declare("a")
    timed.saga("p")
    async with timed.open() as sec:
        with pytest.raises(steno.SagaHeldError) as held:
            await sec.saga_wait(saga.saga_id)
        view = await sec.saga_get(saga.saga_id)
    assert held.value.nodes == ("a",)
    assert view.state.status.node_state("a").value == "undo-held"
    assert timed.store.state(saga.saga_id) == "unwinding"


async def test_an_action_that_waits_for_a_saga_that_is_held(holding: TimedWorld):
    """It is told, and may handle that."""

    async def parent(ctx: object) -> str:
        child = await holding.sec.saga_create(holding.saga("a"), start=True)
        try:
            await child.wait()
        except steno.SagaHeldError as held:
            return f"held: {held.nodes[0]}"
        return "done"

    holding.does("parent", parent)
    async with holding.open() as sec:
        result = await sec.saga_run(holding.saga("parent"))
    assert result.unwrap().lookup_node_output("parent") == "held: a"


async def test_a_node_is_held_again_after_it_went_on(timed: TimedWorld):
    """When another node is held later, new waiters are told as well."""
    timed.declare("a", retry=retry(1, then="hold"))
    timed.declare("b", retry=retry(1, then="hold"))
    timed.does("a", each_time(raises(NO), nothing))
    timed.does("b", raises(NO))
    async with timed.open() as sec:
        saga = await sec.saga_create(timed.saga("a", "b"), start=True)
        with pytest.raises(steno.SagaHeldError) as first:
            await saga.wait()
        await saga.retry("a")
        with pytest.raises(steno.SagaHeldError) as second:
            await saga.wait()
    assert (first.value.nodes, second.value.nodes) == (("a",), ("b",))


async def test_held_sagas_are_counted(holding: TimedWorld):
    """They are among those that run, and wait for somebody to look at them."""
    async with holding.open() as sec:
        with pytest.raises(steno.SagaHeldError):
            await sec.saga_run(holding.saga("a"))
        statistics = sec.statistics()
    assert (statistics.running, statistics.held) == (1, 1)
