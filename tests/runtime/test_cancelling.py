"""Orders that cancel calls, given through the handle of a saga to a SEC that runs it."""

from collections.abc import Callable
from pathlib import Path

import pytest
import trio

import steno
from steno.core import Ordered, Verb
from support.timed import TimedWorld, retry
from support.worlds import Behaviour, Context, each_time, hangs, nothing, raises, returns, takes

WHY = "it hangs"
ALONE = ("a", "z")
BESIDE = (["a", "b"], "z")
GRAPHS = {"alone": ALONE, "beside": BESIDE}
BOTH = pytest.mark.parametrize("stages", GRAPHS.values(), ids=GRAPHS)
"""Where a call is alone, it has no scope of its own; where another may be beside it, it has one."""


async def begun(
    sec: steno.SecClient, world: TimedWorld, stages: tuple[object, ...] = ALONE
) -> steno.SagaHandle:
    """Start a saga, and return it when its first calls are under way."""
    saga = await sec.saga_create(world.saga(*stages), start=True)
    await trio.sleep(1)
    return saga


async def suppresses(_: Context) -> object:
    """Wait, and return a value all the same when that is cancelled."""
    with trio.CancelScope(shield=True):
        await trio.sleep(5)
    return "done all the same"


async def swallows(_: Context) -> object:
    """Turn the cancellation into a value."""
    try:
        await trio.sleep_forever()
    except trio.Cancelled:  # noqa: ASYNC103 - what an action should not do
        return "nothing happened"  # noqa: ASYNC104 - as above


async def turns(_: Context) -> object:
    """Raise something else when it is cancelled."""
    try:
        await trio.sleep_forever()
    finally:
        raise ValueError("in a finally")


async def spawns(_: Context) -> None:
    """Have children, each of which is cancelled."""
    async with trio.open_nursery() as nursery:
        for _each in range(3):
            nursery.start_soon(trio.sleep_forever)


async def leaves_a_scope(_: Context) -> None:
    """Leave a scope open."""
    trio.CancelScope().__enter__()
    await trio.sleep_forever()


CALLS = (hangs, suppresses, swallows, turns, spawns, leaves_a_scope)
ANY_CALL = pytest.mark.parametrize("call", CALLS, ids=lambda call: call.__name__)


@BOTH
@ANY_CALL
async def test_a_call_is_cancelled_and_made_again(
    timed: TimedWorld, call: Behaviour, stages: tuple[object, ...]
):
    """Whatever it makes of the cancellation; its sibling goes on, and so does its saga."""
    timed.does("a", each_time(call, returns("again")))
    timed.does("b", takes(20))
    async with timed.open() as sec:
        saga = await begun(sec, timed, stages)
        await saga.retry("a", cancel=True, why=WHY)
        assert timed.events(saga.saga_id)[:3] == "+ «"
        result = (await saga.wait()).unwrap()
    assert timed.events(saga.saga_id) == "+ « ↻ + ✓"
    assert result.lookup_node_output("a") == "again"
    calls = ["a", "a", "z"] if stages is ALONE else ["a", "a", "b", "z"]
    assert sorted(timed.calls) == calls


@BOTH
@ANY_CALL
async def test_a_call_is_cancelled_and_has_failed(
    timed: TimedWorld, call: Behaviour, stages: tuple[object, ...]
):
    """The error says that it was cancelled, by whom and why; a sibling ends, and is undone."""
    timed.does("a", call)
    timed.does("b", takes(20))
    async with timed.open() as sec:
        saga = await begun(sec, timed, stages)
        await saga.fail("a", cancel=True, why=WHY, by="ada")
        result = await saga.wait()
    assert isinstance(result, steno.SagaResultErr)
    assert result.error_node_name == "a"
    assert "cancelled by an order to fail, by ada: it hangs" in str(result.error_source)
    assert timed.events(saga.saga_id) == "+ « ✗"
    assert sorted(timed.calls) == (["a"] if stages is ALONE else ["a", "b", "~b"])


@BOTH
@ANY_CALL
async def test_a_call_is_cancelled_and_counts_as_done(
    timed: TimedWorld, call: Behaviour, stages: tuple[object, ...]
):
    """The output is the one that was given, whatever the call returns."""
    timed.does("a", call)
    async with timed.open() as sec:
        saga = await begun(sec, timed, stages)
        await saga.complete("a", "by hand", cancel=True, why=WHY)
        result = (await saga.wait()).unwrap()
    assert result.lookup_node_output("a") == "by hand"
    assert timed.events(saga.saga_id) == "+ « ✓"


@BOTH
@pytest.mark.parametrize("call", [hangs, suppresses, turns, spawns], ids=lambda call: call.__name__)
@pytest.mark.parametrize("verb", ["retry", "complete"])
async def test_an_undo_is_cancelled(
    timed: TimedWorld, call: Behaviour, verb: str, stages: tuple[object, ...]
):
    """It is called again at once, or counts as done."""
    timed.undoes("a", each_time(call, nothing))
    timed.does("z", raises(ValueError("no")))
    async with timed.open() as sec:
        saga = await begun(sec, timed, stages)
        if verb == "retry":
            await saga.retry("a", cancel=True)
        else:
            await saga.complete("a", cancel=True, why=WHY)
        result = await saga.wait()
    assert isinstance(result, steno.SagaResultErr)
    assert result.undo_failure is None
    ends = {"retry": "+ ✓ - « ↺ - ∅", "complete": "+ ✓ - « ∅"}
    assert timed.events(saga.saga_id) == ends[verb]


# Doubt and probes


@BOTH
@pytest.mark.parametrize("verb", ["retry", "fail", "unwind"])
async def test_a_cancelled_call_leaves_doubt(
    timed: TimedWorld, verb: str, stages: tuple[object, ...]
):
    """Where its action provides for that; then its undo is called without an output."""
    timed.declare("a", in_doubt=True)
    timed.does("a", each_time(hangs, raises(steno.NotDone("not this time"))))
    timed.does("b", takes(20))
    async with timed.open() as sec:
        saga = await begun(sec, timed, stages)
        if verb == "retry":
            await saga.retry("a", cancel=True)
        elif verb == "fail":
            await saga.fail("a", cancel=True, why=WHY)
        else:
            await saga.unwind(cancel=True, why=WHY)
        await saga.wait()
    ends = {"retry": "+ « ≈ + ? - ∅", "fail": "+ « ? - ∅", "unwind": "+ ? - ∅"}
    assert timed.events(saga.saga_id) == ends[verb]
    assert timed.calls[-1] == "~a" if stages is ALONE else "~a" in timed.calls
    assert ("b" in timed.calls) is ("~b" in timed.calls) is (stages is BESIDE)


PROBED = {
    "retry": {
        "not done": ("+ « ↻ + ✓", ["a", "?a", "a", "z"]),
        "done": ("+ « ✓", ["a", "?a", "z"]),
        "raises": ("+ « ≈ + ✓", ["a", "?a", "a", "z"]),
    },
    "fail": {
        "not done": ("+ « ✗", ["a", "?a"]),
        "done": ("+ « ? - ∅", ["a", "?a"]),
        "raises": ("+ « ? - ∅", ["a", "?a"]),
    },
    "complete": {
        "not done": ("+ « ✓", ["a", "z"]),
        "done": ("+ « ✓", ["a", "z"]),
        "raises": ("+ « ✓", ["a", "z"]),
    },
    "unwind": {
        "not done": ("+ ✗", ["a", "?a"]),
        "done": ("+ ✓ - ∅", ["a", "?a"]),
        "raises": ("+ ? - ∅", ["a", "?a"]),
    },
}
FOUND: dict[str, Callable[[], Behaviour]] = {
    "not done": lambda: returns(steno.NOT_DONE),
    "done": lambda: returns("found"),
    "raises": lambda: raises(ValueError("no answer")),
}


async def give(saga: steno.SagaHandle, verb: str, node: str = "a") -> None:
    """Give an order that cancels calls."""
    match verb:
        case "retry":
            await saga.retry(node, cancel=True)
        case "fail":
            await saga.fail(node, cancel=True, why=WHY)
        case "complete":
            await saga.complete(node, "by hand", cancel=True, why=WHY)
        case _:
            await saga.unwind(cancel=True, why=WHY)


@pytest.mark.parametrize("crash", [False, True])
@pytest.mark.parametrize("found", FOUND)
@pytest.mark.parametrize("verb", PROBED)
async def test_a_probe_of_a_cancelled_call(
    timed: TimedWorld, verb: str, found: str, *, crash: bool
):
    """It is asked, after a crash too, and the call is not made again by that; not to complete."""
    timed.declare("a", probed=True)
    call = suppresses if crash else hangs  # so that the crash comes before it has ended
    timed.does("a", each_time(call, returns("again")))
    timed.probes("a", FOUND[found]())
    if crash:
        async with timed.doomed() as sec:
            saga = await begun(sec, timed)
            await give(saga, verb)
    else:
        async with timed.open() as sec:
            saga = await begun(sec, timed)
            await give(saga, verb)
            await saga.wait()
    async with timed.open() as sec:
        await sec.saga_handle(saga.saga_id).wait()
    events, calls = PROBED[verb][found]
    assert timed.events(saga.saga_id) == events
    assert [name for name, *_ in timed.attempts] == calls


async def test_a_probe_that_hangs_is_cancelled_by_another_order(timed: TimedWorld):
    """The last word counts: here the node is completed, and nothing more is asked."""
    timed.declare("a", probed=True)
    timed.does("a", hangs)
    timed.probes("a", hangs)
    for stages in GRAPHS.values():
        async with timed.open() as sec:
            saga = await begun(sec, timed, stages)
            await saga.retry("a", cancel=True)
            await trio.sleep(1)
            with pytest.raises(steno.OrderRefused, match="has an order already, to retry"):
                await saga.retry("a", cancel=True)
            await saga.complete("a", "by hand", cancel=True, why=WHY)
            (await saga.wait()).unwrap()
        assert timed.events(saga.saga_id) == "+ « « ✓"


# After a crash


@BOTH
@pytest.mark.parametrize("verb", ["retry", "fail", "complete", "unwind"])
async def test_a_crash_before_a_call_has_ended(
    timed: TimedWorld, verb: str, stages: tuple[object, ...]
):
    """The next life logs how it ends, and does not make the call for that."""
    timed.declare("a", in_doubt=True)
    timed.does("a", each_time(suppresses, returns("again")))
    timed.does("b", takes(0.5))
    async with timed.doomed() as sec:
        saga = await begun(sec, timed, stages)
        await give(saga, verb)
    assert timed.events(saga.saga_id) == ("+" if verb == "unwind" else "+ «")
    async with timed.open() as sec:
        await sec.saga_handle(saga.saga_id).wait()
    ends = {
        "retry": "+ « ≈ + ✓",
        "fail": "+ « ? - ∅",
        "complete": "+ « ✓",
        "unwind": "+ ? - ∅",
    }
    assert timed.events(saga.saga_id) == ends[verb]
    assert timed.calls.count("a") == (2 if verb == "retry" else 1)


async def test_an_action_that_does_not_provide_for_doubt_is_not_cancelled(timed: TimedWorld):
    """By an order to unwind its saga: its call ends, also where a crash comes in between."""
    for stages, crash in ((ALONE, False), (BESIDE, False), (ALONE, True)):
        before = timed.calls.count("a")
        timed.does("a", takes(5, returns("done")))
        async with timed.doomed() if crash else timed.open() as sec:
            saga = await begun(sec, timed, stages)
            await saga.unwind(cancel=True, why=WHY)
            if not crash:
                await saga.wait()
        async with timed.open() as sec:
            await sec.saga_handle(saga.saga_id).wait()
        assert timed.events(saga.saga_id) == "+ ✓ - ∅"
        assert timed.calls.count("a") - before == 1 + crash


# Limits, pauses, leaving


@pytest.mark.parametrize("verb", ["retry", "fail", "complete", "unwind"])
async def test_a_call_that_waits_for_its_turn_was_not_made(timed: TimedWorld, verb: str):
    """So there is no doubt of it, and it gives its place in the queue away."""
    timed.declare("a", in_doubt=True, limit=1)
    timed.does("a", each_time(takes(10), returns("again")))
    async with timed.open() as sec:
        first = await begun(sec, timed)
        second = await begun(sec, timed)
        await give(second, verb)
        await trio.sleep(1)
        ends = {"retry": "+ « ↻ +", "fail": "+ « ✗", "complete": "+ « ✓ ", "unwind": "+ ✗"}
        assert timed.events(second.saga_id) == ends[verb].strip()
        (await first.wait()).unwrap()
        await second.wait()
    assert len([name for name, *_ in timed.attempts if name == "a"]) == (
        2 if verb == "retry" else 1
    )


@BOTH
async def test_a_paused_saga_cancels_and_begins_nothing(
    timed: TimedWorld, stages: tuple[object, ...]
):
    """How the call ends is logged; the next attempt comes when the saga is resumed."""
    timed.does("a", each_time(hangs, returns("again")))
    async with timed.open() as sec:
        saga = await begun(sec, timed, stages)
        await saga.pause()
        await saga.retry("a", cancel=True)
        await trio.sleep(1)
        assert timed.events(saga.saga_id) == "+ « ↻"
        assert sec.statistics().running == 0
        await saga.resume()
        (await saga.wait()).unwrap()
    assert timed.events(saga.saga_id) == "+ « ↻ + ✓"


@pytest.mark.parametrize("verb", ["retry", "fail", "complete"])
async def test_a_paused_saga_whose_call_a_crash_has_cut_off(timed: TimedWorld, verb: str):
    """The call is under way though no process runs it; it ends when the saga goes on, at last."""
    timed.does("a", each_time(hangs, returns("again")))
    async with timed.doomed() as sec:
        saga = await begun(sec, timed)
        await saga.pause()
    async with timed.open() as sec:
        again = sec.saga_handle(saga.saga_id)
        await give(again, verb)
        assert timed.events(saga.saga_id) == ("+ « ✓" if verb == "complete" else "+ «")
        await again.resume()
        await again.wait()
    ends = {"retry": "+ « ↻ + ✓", "fail": "+ « ✗", "complete": "+ « ✓"}
    assert timed.events(saga.saga_id) == ends[verb]
    assert timed.calls.count("a") == (2 if verb == "retry" else 1)


async def test_a_call_is_cancelled_before_its_sec_is_drained(timed: TimedWorld):
    """How it ends is logged before that is left; the next attempt is made at the next open."""
    timed.declare("a", probed=True)
    for stages in GRAPHS.values():
        timed.does("a", each_time(suppresses, returns("again")))
        async with timed.open() as sec:
            saga = await begun(sec, timed, stages)
            await saga.retry("a", cancel=True)
            await sec.drain()
        assert timed.events(saga.saga_id) == "+ « ↻"
        async with timed.open() as sec:
            (await sec.saga_handle(saga.saga_id).wait()).unwrap()
        assert timed.events(saga.saga_id) == "+ « ↻ + ✓"


async def test_a_saga_is_abandoned_while_its_call_is_cancelled(timed: TimedWorld):
    """What the call still says is dropped, and so is how it was to end."""
    for stages in GRAPHS.values():
        timed.does("a", suppresses)
        async with timed.open() as sec:
            saga = await begun(sec, timed, stages)
            await saga.fail("a", cancel=True, why=WHY)
            await saga.abandon(why="never mind")
            result = await saga.wait()
        assert isinstance(result.error_source, steno.Abandoned)
        assert timed.events(saga.saga_id) == "+ «"


# Refused, and given by two


async def test_orders_that_are_refused(timed: TimedWorld):
    """With the reason, and nothing has changed; without `cancel`, it says how to."""
    timed.does("a", hangs)
    async with timed.open() as sec:
        saga = await begun(sec, timed)
        for give_it in (
            lambda: saga.retry("a"),
            lambda: saga.fail("a", why=WHY),
            lambda: saga.complete("a", why=WHY),
        ):
            with pytest.raises(steno.OrderRefused, match=r"is under way \(cancel=True cancels it"):
                await give_it()
        with pytest.raises(steno.OrderRefused, match="was never started"):
            await saga.fail("z", cancel=True, why=WHY)
        with pytest.raises(TypeError, match="cancel must be True or False, got 'yes'"):
            await saga.retry("a", cancel="yes")
        assert timed.events(saga.saga_id) == "+"
        await saga.complete("a", cancel=True, why=WHY)
        (await saga.wait()).unwrap()


@BOTH
async def test_two_people_cancel_the_same_call(timed: TimedWorld, stages: tuple[object, ...]):
    """The one who comes second is told; the call is cancelled once."""
    timed.does("a", each_time(suppresses, returns("again")))
    told: list[str] = []

    async def order(saga: steno.SagaHandle, who: str) -> None:
        try:
            await saga.retry("a", cancel=True, by=who)
        except steno.OrderRefused as refused:
            told.append(str(refused))

    async with timed.open() as sec:
        saga = await begun(sec, timed, stages)
        async with trio.open_nursery() as nursery:
            nursery.start_soon(order, saga, "ada")
            nursery.start_soon(order, saga, "bob")
        (await saga.wait()).unwrap()
    assert timed.events(saga.saga_id) == "+ « ↻ + ✓"
    (refused,) = told
    assert "has an order already, to retry and cancel" in refused


async def test_an_order_without_a_call_to_cancel(timed: TimedWorld):
    """It does what it does without, and the log says no more."""
    timed.declare("a", retry=retry(2, wait_initial=1000, wait_max=1000))
    timed.does("a", each_time(raises(ValueError("no")), nothing))
    async with timed.open() as sec:
        saga = await begun(sec, timed)
        await saga.retry("a", cancel=True)
        (await saga.wait()).unwrap()
    log = [event.event_type for event in timed.store.row(saga.saga_id).events]
    (given,) = [each for each in log if isinstance(each, Ordered)]
    assert (given.verb, given.cancel) == (Verb.RETRY, False)


async def test_an_order_to_unwind_cancels_in_an_unwinding(timed: TimedWorld):
    """A call that hangs does not hold up what is undone."""
    timed.declare("a", in_doubt=True)
    timed.does("a", hangs)
    timed.does("b", raises(ValueError("no")))
    async with timed.open() as sec:
        saga = await begun(sec, timed, BESIDE)
        with pytest.raises(steno.OrderRefused, match="unwinds already"):
            await saga.unwind(why=WHY)
        await saga.unwind(cancel=True, why=WHY)
        result = await saga.wait()
    assert result.error_node_name == "b"
    assert timed.events(saga.saga_id) == "+ ? - ∅"


# What is seen


async def test_what_is_seen_of_a_cancelled_call(
    timed: TimedWorld, caplog: pytest.LogCaptureFixture
):
    """Its node is at work until its task has ended; then the log has a record of the attempt."""
    timed.does("a", each_time(suppresses, hangs))
    with caplog.at_level("INFO", "steno"):
        async with timed.open() as sec:
            saga = await begun(sec, timed)
            await saga.retry("a", cancel=True, by="ada")
            assert "working: A" in str((await saga.view()).state.status)
            await trio.sleep(10)
            await saga.complete("a", cancel=True, why=WHY)
            (await saga.wait()).unwrap()
    (record,) = [each for each in caplog.records if "cancelled by an order" in each.getMessage()]
    assert record.levelname == "INFO"
    assert "failed at attempt 1" in record.getMessage()


async def test_cancellation_is_only_of_the_call(timed: TimedWorld):
    """What is called after it is not cancelled, nor has a deadline."""
    deadlines: list[float] = []

    async def looks(_: Context) -> None:
        deadlines.append(trio.current_effective_deadline())
        await trio.sleep(1)

    for stages in GRAPHS.values():
        timed.does("a", each_time(hangs, looks))
        timed.does("z", looks)
        async with timed.open() as sec:
            saga = await begun(sec, timed, stages)
            await saga.retry("a", cancel=True)
            (await saga.wait()).unwrap()
    assert set(deadlines) == {LONG_AFTER}


LONG_AFTER = 1e7
"""The time at which a test that hangs is cancelled; see `conftest`."""


# On SQLite


@pytest.mark.parametrize("verb", ["retry", "fail", "complete", "unwind"])
@pytest.mark.parametrize("crash", [False, True])
async def test_a_call_is_cancelled_on_sqlite(tmp_path: Path, verb: str, *, crash: bool):
    """The log that is read again is the same as in memory."""
    registry = steno.ActionRegistry()
    calls: list[str] = []

    @registry.action(undo=steno.NOOP)
    async def book(ctx: steno.ActionContext[None]) -> str:
        calls.append("book")
        if len(calls) == 1:
            with trio.CancelScope(shield=crash):  # so that the crash comes first
                await trio.sleep(5)
        return "room"

    @book.probe
    async def look(ctx: steno.ActionContext[None]) -> object:
        calls.append("look")
        return steno.NOT_DONE

    builder = steno.DagBuilder("trip")
    builder.append(steno.Node.action("a", book))
    dag, store = (
        steno.SagaDag(builder.build()),
        steno.SqliteSecStore(tmp_path / "s.db", inline=True),
    )
    with trio.CancelScope() as process:
        async with steno.open_sec(store, registry) as sec:
            saga = await sec.saga_create(dag, start=True)
            await trio.sleep(1)
            await give(saga, verb)
            if crash:
                process.cancel()
            await saga.wait()
    async with steno.open_sec(store, registry) as sec:
        saga = sec.saga_handle(saga.saga_id)
        await saga.wait()
        log = (await saga.view()).serialized().events
    labels = [event.event_type.label for event in log if event.node_id == 0]
    ends = {
        "retry": ["started", "ordered", "attempt_failed", "started", "succeeded"],
        "fail": ["started", "ordered", "failed"],
        "complete": ["started", "ordered", "succeeded"],
        "unwind": ["started", "failed"],
    }
    assert labels == ends[verb]
    asked = [] if verb == "complete" else ["look"]
    assert calls == ["book", *asked, *(["book"] if verb == "retry" else [])]
