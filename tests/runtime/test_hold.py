"""What holds a node instead of failing it, and when it goes on."""

from uuid import UUID

import attrs
import pytest
import trio
from trio.testing import wait_all_tasks_blocked

import steno
from steno.runtime._hold import HOLD_ON, checked_hold_on, holds
from support.timed import TimedWorld, retry
from support.worlds import Behaviour, Context, each_time, nothing, raises, returns, takes, waits_for

NO = ValueError("no")
HOLD = steno.Hold("somebody should look")
CHILD = UUID(int=9)


@attrs.frozen
class Room:
    """What an action asks for, and is given something else."""

    number: int


async def looks_up_nothing(ctx: Context) -> object:
    return ctx.lookup("nothing of that name")


async def asks_for_a_room(ctx: Context) -> object:
    return ctx.saga_params(Room)


async def returns_an_object(_: Context) -> object:
    return object()


async def fails_in_a_nursery(_: Context) -> object:
    async with trio.open_nursery() as nursery:
        nursery.start_soon(raises(HOLD), None)
        nursery.start_soon(trio.sleep_forever)
    return None


HELD: dict[str, tuple[Behaviour, str]] = {
    "a lookup": (looks_up_nothing, "nothing of that name"),
    "params": (asks_for_a_room, "is not of type Room"),
    "an output": (returns_an_object, "cannot be stored as JSON"),
    "on purpose": (raises(HOLD), "somebody should look"),
    "in a nursery": (fails_in_a_nursery, "somebody should look"),
    "a child that is held": (raises(steno.SagaHeldError(CHILD, ("n",))), "is held"),
    "a child that is halted": (raises(steno.SagaHaltedError(CHILD, "lost")), "is halted"),
}


@pytest.mark.parametrize("case", HELD)
async def test_a_node_is_held(timed: TimedWorld, case: str):
    """It neither fails nor is undone; the reason is in the log, and siblings go on."""
    behaviour, why = HELD[case]
    timed.does("a", behaviour)
    timed.does("b", takes(10))
    async with timed.open() as sec:
        saga = await sec.saga_create(timed.saga("p", ["a", "b"], "c"), start=True)
        with pytest.raises(steno.SagaHeldError) as held:
            await saga.wait()
        view = await saga.view()
    assert held.value.nodes == ("a",)
    assert sorted(timed.calls) == ["a", "b", "p"]
    status = view.state.status
    states = [status.node_state(name).value for name in ("p", "a", "b", "c")]
    assert states == ["done", "held", "done", "blocked"]
    (failed,) = timed.failed_attempts(saga.saga_id)
    assert (failed.attempt, failed.in_doubt, failed.next, failed.reopen) == (1, False, None, True)
    assert why in failed.error


@pytest.mark.parametrize("case", HELD)
async def test_nothing_is_held_if_open_sec_is_told_so(timed: TimedWorld, case: str):
    """As in Steno: whatever is raised fails its node."""
    timed.does("a", HELD[case][0])
    async with timed.open(hold_on=()) as sec:
        result = await sec.saga_run(timed.saga("p", "a"))
    assert result.error_node_name == "a"
    assert timed.calls == ["p", "a", "~p"]


@pytest.mark.parametrize("halted", [False, True])
async def test_an_action_that_says_that_a_saga_is_held_is_not_called_on_and_on(
    timed: TimedWorld,
    halted: bool,  # noqa: FBT001 - a parameter of the test
):
    """The saga runs, so nothing will set the node going; it is held like any other."""
    gate = trio.Event()
    timed.does("b", waits_for(gate))
    async with timed.open() as sec:
        other = await sec.saga_create(timed.saga("b"), start=True)
        error = steno.SagaHaltedError if halted else steno.SagaHeldError
        timed.does("a", raises(error(other.saga_id, "no" if halted else ("b",))))
        await sec.saga_create(timed.saga("a"), start=True)
        await wait_all_tasks_blocked()
        assert timed.calls.count("a") == (2 if halted else 1)
        gate.set()
        await other.wait()


async def test_a_held_node_is_due_when_the_sec_is_opened_again(timed: TimedWorld):
    """A mended build goes on by itself; nothing that was done is done again."""
    timed.does("a", each_time(looks_up_nothing, nothing))
    async with timed.open() as sec:
        saga = await sec.saga_create(timed.saga("p", "a", "b"), start=True)
        with pytest.raises(steno.SagaHeldError):
            await saga.wait()
        await trio.sleep(1000)
        assert timed.calls == ["p", "a"]
    async with timed.open() as sec:
        (await sec.saga_wait(saga.saga_id)).unwrap()
    assert timed.calls == ["p", "a", "a", "b"]
    assert timed.events(saga.saga_id, 1) == "+ ↻ + ✓"
    assert [number for name, number, _ in timed.attempts if name == "a"] == [1, 2]


async def test_a_held_node_is_due_when_its_saga_is_recovered(timed: TimedWorld):
    """As at the next open, for a saga that no SEC runs."""
    timed.does("a", each_time(looks_up_nothing, nothing))
    async with timed.open() as sec:
        saga = await sec.saga_create(timed.saga("a"), start=True)
        with pytest.raises(steno.SagaHeldError):
            await saga.wait()
    async with timed.open(recover=False) as sec:
        assert timed.calls == ["a"]
        handle = await sec.saga_recover(saga.saga_id)
        (await handle.wait()).unwrap()
    assert timed.calls == ["a", "a"]


async def test_a_build_that_is_not_mended_holds_it_again(timed: TimedWorld):
    """Each life calls it once, and each of these attempts is in the log."""
    timed.does("a", looks_up_nothing)
    saga_id = None
    for life in range(1, 4):
        async with timed.open() as sec:
            if saga_id is None:
                saga_id = (await sec.saga_create(timed.saga("p", "a"), start=True)).saga_id
            with pytest.raises(steno.SagaHeldError):
                await sec.saga_wait(saga_id)
        assert [each.attempt for each in timed.failed_attempts(saga_id)] == list(range(1, life + 1))
    assert timed.calls == ["p", "a", "a", "a"]


async def test_retries_are_not_used_for_what_holds(timed: TimedWorld):
    """Waiting would not mend it; what is retried otherwise still is, after that."""
    timed.declare("a", retry=retry(3))
    timed.does("a", each_time(raises(HOLD), raises(NO), nothing))
    async with timed.open() as sec:
        saga = await sec.saga_create(timed.saga("a"), start=True)
        with pytest.raises(steno.SagaHeldError):
            await saga.wait()
    async with timed.open() as sec:
        (await sec.saga_wait(saga.saga_id)).unwrap()
    assert [each.next is None for each in timed.failed_attempts(saga.saga_id)] == [True, False]
    assert timed.events(saga.saga_id) == "+ ↻ + ↻ + ✓"


async def test_a_node_that_was_called_and_holds_is_in_doubt(timed: TimedWorld):
    """If the saga unwinds for another reason, it is undone."""
    timed.declare("a", in_doubt=True)
    timed.does("a", raises(HOLD))
    timed.does("b", takes(10, raises(NO)))
    async with timed.open() as sec:
        result = await sec.saga_run(timed.saga(["a", "b"], "c"))
    assert result.error_node_name == "b"
    assert timed.events(result.saga_id) == "+ ≈ ? - ∅"


async def test_a_node_without_its_input_was_not_called(timed: TimedWorld):
    """So it is not in doubt, although its action provides for that."""
    called: list[object] = []

    @timed.registry.action(name="takes", timeout=5)
    async def takes_a_room(ctx: Context, params: Room) -> None:
        called.append(params)

    @takes_a_room.undo(in_doubt=True)
    async def undo(ctx: Context) -> None:
        called.append("undo")

    timed.saga("b", "c")  # which registers them
    timed.does("b", takes(10, raises(NO)))
    builder = steno.DagBuilder("test")
    builder.append_parallel([steno.Node.action("a", takes_a_room), steno.Node.action("b", "b")])
    builder.append(steno.Node.action("c", "c"))
    async with timed.open() as sec:
        result = await sec.saga_run(steno.SagaDag(builder.build(), {"number": "7"}))
    assert result.error_node_name == "b"
    assert timed.events(result.saga_id) == "+ ↻ ✗"
    assert called == []


async def test_an_input_error_of_another_action_is_not_that_of_the_call(timed: TimedWorld):
    """An action that calls another one has begun, and may have done something."""

    @timed.registry.action(name="inner", undo=steno.NOOP)
    async def inner(ctx: Context, params: Room) -> None: ...

    timed.declare("a", in_doubt=True)
    timed.does("a", inner.do_it)
    timed.does("b", takes(10, raises(NO)))
    async with timed.open() as sec:
        result = await sec.saga_run(timed.saga(["a", "b"], "c", params={"number": "7"}))
    assert timed.events(result.saga_id) == "+ ≈ ? - ∅"


async def test_a_graph_by_name_is_checked_before_anything_is_stored(timed: TimedWorld):
    """What the actions are is known then, also of nodes that were given a name only."""

    @timed.registry.action(name="takes", undo=steno.NOOP)
    async def takes_rooms(ctx: Context, rooms: list[Room]) -> None: ...

    builder = steno.DagBuilder("test")
    builder.append(steno.Node.action("a", "takes"))
    async with timed.open() as sec:
        with pytest.raises(steno.SagaValidationError, match='takes "rooms", but no node of that'):
            await sec.saga_create(steno.SagaDag(builder.build()))
    assert timed.store.batches == []


async def test_params_are_checked_as_the_sec_would_read_them(timed: TimedWorld):
    """Its codec may be another one than that of the graph's builder."""

    class Odd:
        pass

    builder = steno.DagBuilder("test", params=Odd)
    builder.codec.register(Odd, encode=lambda _: "odd", decode=lambda _: Odd())
    timed.saga("a")
    builder.append(steno.Node.action("a", "a"))
    dag = steno.SagaDag(builder.build(), Odd())
    async with timed.open() as sec:
        with pytest.raises(steno.SagaValidationError, match="its params: .*cannot be read from"):
            await sec.saga_create(dag)
    assert timed.store.batches == []


async def test_in_an_unwinding_no_forward_node_is_held(timed: TimedWorld):
    """A call that was under way when it began fails its node."""
    timed.does("a", takes(10, looks_up_nothing))
    timed.does("b", raises(NO))
    async with timed.open() as sec:
        result = await sec.saga_run(timed.saga(["a", "b"], "c"))
    assert result.error_node_name == "b"
    assert timed.events(result.saga_id) == "+ ✗"


async def test_an_undo_is_held(timed: TimedWorld):
    """The saga is not stuck; the undo is made again at the next open."""
    timed.undoes("a", each_time(raises(HOLD), nothing))
    timed.does("b", raises(NO))
    async with timed.open() as sec:
        saga = await sec.saga_create(timed.saga("a", "b"), start=True)
        with pytest.raises(steno.SagaHeldError) as held:
            await saga.wait()
    assert held.value.nodes == ("a",)
    async with timed.open() as sec:
        result = await sec.saga_wait(saga.saga_id)
    assert isinstance(result, steno.SagaResultErr)
    assert result.undo_failure is None
    assert timed.events(saga.saga_id) == "+ ✓ - ↺ - ∅"
    assert timed.calls == ["a", "b", "~a", "~a"]


async def test_a_probe_holds_its_node_in_doubt(timed: TimedWorld):
    """It has not settled anything."""
    timed.declare("a", probed=True)
    timed.does("a", raises(NO))
    timed.probes("a", each_time(raises(HOLD), returns("done")))
    async with timed.open() as sec:
        saga = await sec.saga_create(timed.saga("a"), start=True)
        with pytest.raises(steno.SagaHeldError):
            await saga.wait()
    (failed,) = timed.failed_attempts(saga.saga_id)
    assert (failed.in_doubt, failed.reopen) == (True, True)


async def test_not_done_fails_its_node_all_the_same(timed: TimedWorld):
    """It says that there is nothing to wait for, whatever has caused it."""

    async def declines(ctx: Context) -> None:
        try:
            ctx.lookup("nothing of that name")
        except steno.NodeLookupError as error:
            raise steno.NotDone from error

    timed.does("a", declines)
    async with timed.open() as sec:
        result = await sec.saga_run(timed.saga("a"))
    assert timed.events(result.saga_id) == "+ ✗"


async def test_other_exceptions_can_be_told_to_hold(timed: TimedWorld):
    """A class of its own, and only that."""
    timed.does("a", raises(NO))
    timed.does("b", looks_up_nothing)
    async with timed.open(hold_on=ValueError) as sec:
        with pytest.raises(steno.SagaHeldError):
            await sec.saga_run(timed.saga("a"))
        assert isinstance(await sec.saga_run(timed.saga("b")), steno.SagaResultErr)


@pytest.mark.parametrize("wrong", [3, "Hold", (ValueError, 3), BaseException, trio.Cancelled, None])
def test_hold_on_is_checked(wrong: object):
    """Only exceptions that an action may raise can hold it."""
    with pytest.raises(TypeError, match="hold_on must be a tuple of exception types, got"):
        checked_hold_on(wrong)


def test_a_group_holds_if_all_in_it_does():
    """An error beside it is one that has to be dealt with."""
    assert holds(ExceptionGroup("", [HOLD, ExceptionGroup("", [HOLD])]), HOLD_ON)
    assert not holds(ExceptionGroup("", [HOLD, NO]), HOLD_ON)


def test_what_cannot_be_stored_holds_as_a_serialize_error():
    """Whatever the codec raised for it, as looking at a value runs the user's code."""
    assert holds(NO, HOLD_ON, unstorable=True)
    assert not holds(NO, (steno.Hold,), unstorable=True)
    assert not holds(NO, HOLD_ON)
