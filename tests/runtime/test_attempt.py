"""Attempts: calls that are made again, that take too long, and that leave a node in doubt."""

from datetime import datetime, timedelta
from types import SimpleNamespace

import pytest
import trio
from trio.testing import wait_all_tasks_blocked

import steno
from steno.action import chance_of
from steno.core import LATEST
from support.timed import TimedWorld, after, fails_with, retry
from support.worlds import (
    Behaviour,
    Context,
    each_time,
    hangs,
    nothing,
    raises,
    returns,
    takes,
)

NO = ValueError("no")


class CardDeclined(Exception):
    pass


async def run(world: TimedWorld, *stages: object, **options: object) -> steno.SagaResult:
    """Run a saga in a SEC of its own."""
    async with world.open(**options) as sec:
        return await sec.saga_run(world.saga(*stages))


async def cut_off(world: TimedWorld, *stages: object, at: float = 1) -> steno.SagaId:
    """Start a saga, and crash its SEC."""
    async with world.doomed() as sec:
        saga = await sec.saga_create(world.saga(*stages), start=True)
        await trio.sleep(at)
    return saga.saga_id


# Again


async def test_a_call_that_failed_is_made_again(timed: TimedWorld):
    """After a wait, under the next number, until it returns; what follows sees that output only."""
    timed.declare("a", retry=retry(5))
    timed.does("a", fails_with(NO, NO))
    result = await run(timed, "a", "b")
    assert timed.attempts == [("a", 1, 0), ("a", 2, 1), ("a", 3, 3), ("b", 1, 3)]
    assert result.unwrap().lookup_node_output("a") == "a!"
    assert timed.events(result.saga_id) == "+ ↻ + ↻ + ✓"


async def test_a_node_whose_attempts_are_used_up_has_failed(timed: TimedWorld):
    """With the error of the last one; the others are undone."""
    timed.declare("b", retry=retry(3))
    timed.does("b", fails_with(NO, NO, KeyError("last"), NO))
    result = await run(timed, "a", "b")
    assert timed.attempts == [("a", 1, 0), ("b", 1, 0), ("b", 2, 1), ("b", 3, 3), ("~a", 1, 3)]
    assert result.error_node_name == "b"
    assert "last" in str(result.error_source)
    assert timed.events(result.saga_id, 1) == "+ ↻ + ↻ + ✗"


async def test_siblings_go_on_while_a_node_backs_off(timed: TimedWorld):
    """Nothing waits for it but what depends on it."""
    timed.declare("a", retry=retry(2))
    timed.does("a", fails_with(NO))
    p = steno.Node.constant("p", 1)
    await run(timed, p, ["a", timed.subsaga("s", "x", "y")], "c")
    calls = [call for call, _, _ in timed.attempts]
    assert sorted(calls[:3]) == ["a", "x", "y"]
    assert calls[3:] == ["a", "c"]


async def test_an_error_of_another_type_is_not_retried(timed: TimedWorld):
    """The node has failed at once."""
    timed.declare("a", retry=retry(3, on=(OSError, KeyError)))
    timed.does("a", fails_with(KeyError("x"), NO))
    result = await run(timed, "a")
    assert timed.events(result.saga_id) == "+ ↻ + ✗"
    assert "no" in str(result.error_source)


@pytest.mark.parametrize(
    ("answer", "at"), [(True, 1), (20.5, 20.5), (timedelta(minutes=2), 120), (0, 0), (False, None)]
)
async def test_a_function_says_whether_and_when(timed: TimedWorld, answer: object, at: float):
    """A bool, seconds, or a timedelta; it is asked once for each failed attempt."""
    asked: list[Exception] = []

    def on(error: Exception) -> object:
        asked.append(error)
        return answer

    timed.declare("a", retry=retry(3, on=on))
    timed.does("a", fails_with(NO))
    result = await run(timed, "a")
    assert [time for _, _, time in timed.attempts] == ([0] if at is None else [0, at])
    assert isinstance(result, steno.SagaResultErr) == (at is None)
    assert asked == [NO]


async def test_a_function_is_asked_once_when_attempts_are_used_up(timed: TimedWorld):
    """What it answers for the last one decides whether the node is held."""
    asked: list[Exception] = []

    def on(error: Exception) -> bool:
        asked.append(error)
        return True

    timed.declare("a", retry=retry(1, on=on, then="hold"))
    timed.does("a", fails_with(NO))
    async with timed.open() as sec:
        with pytest.raises(steno.SagaHeldError):
            await sec.saga_run(timed.saga("a"))
    assert asked == [NO]


async def test_the_wait_is_drawn_once_and_is_in_the_log(timed: TimedWorld):
    """With its jitter, which follows from the saga, the node and the attempt."""
    policy = steno.Retry(wait_initial=10, wait_max=100, wait_jitter=50, timeout=None)
    timed.declare("a", retry=policy)
    timed.does("a", fails_with(NO, NO))
    result = await run(timed, "a")
    log = timed.store.row(result.saga_id).events
    nexts = [failed.next for failed in timed.failed_attempts(result.saga_id)]
    starts = [e.time for e in log if e.node_id == 0 and isinstance(e.event_type, steno.Started)]
    key = f"{result.saga_id}/0/action"
    for number, (due, start) in enumerate(zip(nexts, starts, strict=False), start=1):
        wait = policy.wait_for(number, chance_of(key, number))
        assert (due - start) / 1e6 == pytest.approx(wait, abs=1e-5)
        assert starts[number] >= due
        assert starts[number] - due < 1000


async def test_the_timeout_of_a_retry_counts_from_the_first_start(timed: TimedWorld):
    """An attempt that begins before it is over may still be made."""
    timed.declare("a", retry=retry(None, timeout=10))
    timed.does("a", raises(NO))
    await run(timed, "a")
    assert [time for _, _, time in timed.attempts] == [0, 1, 3, 7, 15]


async def test_the_timeout_of_a_retry_includes_downtime(timed: TimedWorld):
    """What was down for longer than that has one more attempt, as its wait was in the log."""
    timed.declare("a", retry=retry(None, timeout=10))
    timed.does("a", raises(NO))
    saga_id = await cut_off(timed, "a", at=0.5)
    await trio.sleep(99.5)
    await timed.finish(saga_id)
    assert timed.attempts == [("a", 1, 0), ("a", 2, 100)]


async def test_a_wait_beyond_all_dates(timed: TimedWorld):
    """It is as long as can be stored, and the saga can be read again."""
    timed.declare("a", retry=retry(2, on=lambda _: timedelta.max))
    timed.does("a", fails_with(NO))
    saga_id = await cut_off(timed, "a")
    (failed,) = timed.failed_attempts(saga_id)
    assert failed.next == LATEST
    async with timed.open() as sec:
        view = await sec.saga_get(saga_id)
        assert view.state.status.node_state("a").value == "backing-off"


async def test_a_failed_attempt_costs_two_commits(timed: TimedWorld):
    """That it failed, and that the next one begins."""
    timed.declare("a", retry=retry(5))
    async with timed.open() as sec:
        before = sec.statistics().writer.commits
        await sec.saga_run(timed.saga("a", "b"))
        smooth = sec.statistics().writer.commits - before
        timed.does("a", fails_with(NO, NO, NO))
        await sec.saga_run(timed.saga("a", "b"))
        rough = sec.statistics().writer.commits - before - smooth
    assert rough == smooth + 3 * 2


async def test_an_action_of_another_class_is_retried_by_default(timed: TimedWorld):
    """Any object with a name and two methods follows the defaults of its registry."""

    async def undo_it(_: object) -> None:
        timed.trace.append("~own")

    timed.rebuild({"retry": retry(2), "timeout": 5, "undo_retry": retry(2), "undo_timeout": 5})
    own = SimpleNamespace(name="own", do_it=takes(10, fails_with(NO)), undo_it=undo_it)
    timed.registry.register(own)
    timed.adopt("own")
    timed.declare("b", retry=None)
    timed.does("b", raises(NO))
    dag = timed.saga(steno.Node.action("x", "own"), "b")
    async with timed.open() as sec:
        result = await sec.saga_run(dag)
    assert timed.events(result.saga_id) == "+ ↻ + ✓ - ∅"
    assert timed.calls == ["b", "~own"]


# Functions of the user that fail


@pytest.mark.parametrize("answer", [ZeroDivisionError, None])
async def test_on_that_fails(timed: TimedWorld, answer: type[Exception] | None):
    """Its error is that of the node; nothing else is hurt."""

    def on(_: Exception) -> object:
        if answer is not None:
            raise answer("oops")
        return "soon"

    timed.declare("a", retry=retry(3, on=on))
    timed.does("a", raises(NO))
    async with timed.open() as sec:
        result = await sec.saga_run(timed.saga("a"))
        (await sec.saga_run(timed.saga("b"))).unwrap()
    assert timed.events(result.saga_id) == "+ ✗"
    expected = "TypeError" if answer is None else "ZeroDivisionError"
    assert expected in str(result.error_source)


async def test_not_done_that_fails(timed: TimedWorld):
    """Its error is that of the node, which is in doubt then."""
    timed.declare("a", in_doubt=True, not_done=lambda _: 1 / 0)
    timed.does("a", raises(NO))
    async with timed.open() as sec:
        result = await sec.saga_run(timed.saga("a"))
        (await sec.saga_run(timed.saga("b"))).unwrap()
    assert timed.events(result.saga_id) == "+ ? - ∅"
    assert "ZeroDivisionError" in str(result.error_source)


async def test_on_of_an_undo_that_fails(timed: TimedWorld):
    """The undo has failed with its own error, and the saga is stuck."""
    timed.declare("a", undo_retry=retry(3, on=lambda _: 1 / 0))
    timed.undoes("a", raises(KeyError("mine")))
    timed.does("b", raises(NO))
    async with timed.open() as sec:
        result = await sec.saga_run(timed.saga("a", "b"))
        (await sec.saga_run(timed.saga("c"))).unwrap()
    node, error = result.undo_failure
    assert node == "a"
    assert "mine" in str(error)


# Timeouts


async def test_a_call_that_takes_too_long(timed: TimedWorld):
    """It is cancelled, and its node has failed with an ActionTimeout that says how long it had."""
    timed.declare("a", timeout=5, atomic=True)
    timed.does("a", hangs)
    result = await run(timed, "a")
    assert trio.current_time() == pytest.approx(5, abs=0.01)
    assert "ActionTimeout" in str(result.error_source)
    assert "it took longer than its timeout of 5 s" in str(result.error_source)
    assert issubclass(steno.ActionTimeout, TimeoutError)


async def test_each_attempt_has_the_timeout_of_its_own(timed: TimedWorld):
    """An ActionTimeout is retried whatever types the retry names."""
    timed.declare("a", timeout=5, atomic=True, retry=retry(3, on=KeyError))
    timed.does("a", each_time(hangs, takes(4)))
    result = await run(timed, "a")
    assert timed.attempts == [("a", 1, 0), ("a", 2, 6)]
    assert result.unwrap()
    assert trio.current_time() == pytest.approx(10, abs=0.01)


async def test_a_function_decides_about_a_timeout_for_itself(timed: TimedWorld):
    """Unlike types."""
    on = lambda error: not isinstance(error, steno.ActionTimeout)  # noqa: E731 - as users write it
    timed.declare("a", timeout=5, atomic=True, retry=retry(3, on=on))
    timed.does("a", hangs)
    result = await run(timed, "a")
    assert timed.events(result.saga_id) == "+ ✗"


async def shielded(_: object) -> str:
    with trio.CancelScope(shield=True):
        await trio.sleep(10)
    return "late"


async def swallows(_: object) -> str:
    with trio.CancelScope() as scope:
        try:
            await trio.sleep_forever()
        finally:
            scope.cancel()
            return "late"  # noqa: B012 - that is the point


@pytest.mark.parametrize("behaviour", [shielded, swallows])
async def test_a_call_that_returns_too_late_has_succeeded(timed: TimedWorld, behaviour: Behaviour):
    """What it did is done, and it says so."""
    timed.declare("a", timeout=5, in_doubt=True)
    timed.does("a", behaviour)
    assert (await run(timed, "a")).unwrap().lookup_node_output("a") == "late"


async def turns_it_into_another(_: object) -> None:
    try:
        await trio.sleep_forever()
    finally:
        raise KeyError("another")


async def raises_beside_it(_: object) -> None:
    async with trio.open_nursery() as nursery:
        nursery.start_soon(trio.sleep_forever)
        nursery.start_soon(turns_it_into_another, None)


@pytest.mark.parametrize("behaviour", [turns_it_into_another, raises_beside_it])
async def test_a_call_that_turns_its_cancellation_into_another_error(
    timed: TimedWorld, behaviour: Behaviour
):
    """It is an ActionTimeout all the same, with the other error as its cause."""
    timed.declare("a", timeout=5, in_doubt=True, retry=retry(2, on=OSError))
    timed.does("a", each_time(behaviour, nothing))
    result = await run(timed, "a")
    assert timed.events(result.saga_id) == "+ ≈ + ✓"


async def test_an_error_before_the_timeout_is_that_error(timed: TimedWorld):
    """The scope of the timeout does not touch it."""
    timed.declare("a", timeout=5, in_doubt=True)
    timed.does("a", takes(4, raises(KeyError("mine"))))
    assert "mine" in str((await run(timed, "a")).error_source)


@pytest.mark.parametrize("behaviour", [hangs, turns_it_into_another, raises_beside_it])
async def test_the_cancellation_of_a_saga_is_not_a_timeout(timed: TimedWorld, behaviour: Behaviour):
    """A SEC that crashes at the very moment, or before, logs nothing: the call is made again."""
    timed.declare("a", timeout=5, in_doubt=True)
    timed.does("a", each_time(behaviour, behaviour, nothing))
    saga_id = await cut_off(timed, "a", at=3)
    assert timed.events(saga_id) == "+"
    async with timed.doomed():
        await trio.sleep(5)
    # Both are due at the same time; whichever comes first, the log is a sound one.
    assert timed.events(saga_id) in {"+", "+ ? -", "+ ? - ∅"}
    async with timed.open() as sec:
        await sec.saga_wait(saga_id)


async def test_a_timeout_beside_a_sec_that_closes(timed: TimedWorld):
    """An action that lets a SecClosing out is cut off, even when its time is over."""

    async def closing(_: object) -> None:
        try:
            await trio.sleep_forever()
        finally:
            raise steno.SecClosing("closed")

    timed.declare("a", timeout=5, atomic=True)
    timed.does("a", each_time(closing, nothing))
    async with timed.open() as sec:
        saga = await sec.saga_create(timed.saga("a"), start=True)
        await wait_all_tasks_blocked()
    assert timed.events(saga.saga_id) == "+"
    assert timed.store.problem(saga.saga_id) is None
    (await timed.finish(saga.saga_id)).unwrap()


# Undos


async def test_an_undo_that_failed_is_called_again(timed: TimedWorld):
    """By its own retry; it counts its own attempts."""
    timed.declare("a", retry=retry(2), undo_retry=retry(3))
    timed.does("a", fails_with(NO))
    timed.undoes("a", fails_with(NO, NO))
    timed.does("b", raises(NO))
    result = await run(timed, "a", "b")
    assert result.undo_failure is None
    assert timed.attempts == [
        ("a", 1, 0),
        ("a", 2, 1),
        ("b", 1, 1),
        ("~a", 1, 1),
        ("~a", 2, 2),
        ("~a", 3, 4),
    ]
    assert timed.events(result.saga_id) == "+ ↻ + ✓ - ↺ - ↺ - ∅"


@pytest.mark.parametrize("then", ["fail", "hold"])
async def test_an_undo_whose_attempts_are_used_up_has_failed(timed: TimedWorld, then: str):
    """Whatever is to follow: the saga is stuck, and the error has the number of the attempt."""
    timed.declare("a", undo_retry=retry(2, then=then))
    timed.undoes("a", raises(NO))
    timed.does("b", raises(NO))
    result = await run(timed, "a", "b")
    assert timed.events(result.saga_id) == "+ ✓ - ↺ - !"
    assert "undo action attempt 2: no" in str(result.undo_failure[1])
    assert timed.store.state(result.saga_id) == "stuck"


async def test_an_undo_that_takes_too_long(timed: TimedWorld):
    """It is cancelled and called again; without a retry the saga is stuck."""
    timed.declare("a", undo_timeout=5, undo_retry=retry(2, on=KeyError))
    timed.undoes("a", each_time(hangs, nothing, hangs))
    timed.does("b", raises(NO))
    assert (await run(timed, "a", "b")).undo_failure is None
    timed.declare("c", undo_timeout=timedelta(seconds=5))
    timed.undoes("c", hangs)
    stuck = await run(timed, "c", "b")
    assert "it took longer than its timeout of 5 s" in str(stuck.undo_failure[1])


async def test_a_stuck_saga_leaves_undos_that_back_off(timed: TimedWorld):
    """Its end does not wait for them, and nothing is called afterwards."""
    timed.declare("a", undo_retry=retry(2))
    timed.undoes("a", raises(NO))
    timed.undoes("b", takes(0.5, raises(KeyError("b"))))
    timed.does("c", raises(NO))
    async with timed.open() as sec:
        result = await sec.saga_run(timed.saga(["a", "b"], "c"))
        await trio.sleep(100)
    assert result.undo_failure[0] == "b"
    assert timed.events(result.saga_id) == "+ ✓ - ↺"
    assert [call for call, _, _ in timed.attempts].count("~a") == 1


# An unwinding


async def test_a_node_that_backs_off_is_given_up_when_the_saga_unwinds(timed: TimedWorld):
    """It fails with its last error, before anything is undone, in the step that begins it."""
    timed.declare("a", retry=retry(5, wait_initial=100))
    timed.does("a", raises(KeyError("mine")))
    timed.does("b", takes(10, raises(NO)))
    result = await run(timed, "p", ["a", "b"], "c")
    assert trio.current_time() == pytest.approx(10, abs=0.01)
    assert result.error_node_name == "b"
    assert timed.trace[-3:] == ["commit b✗ a✗ p-", "~p", "commit p∅ start- start∅"]
    assert timed.events(result.saga_id, 1) == "+ ↻ ✗"


async def test_an_attempt_that_fails_while_the_saga_unwinds_is_the_last(timed: TimedWorld):
    """There is no other, whatever the policy says."""
    timed.declare("a", retry=retry(5))
    timed.does("a", takes(20, raises(NO)))
    timed.does("b", takes(10, raises(NO)))
    result = await run(timed, ["a", "b"], "c")
    assert timed.events(result.saga_id) == "+ ✗"
    assert sorted(timed.attempts) == [("a", 1, 0), ("b", 1, 0)]


# Doubt


async def unstorable(_: object) -> object:
    return object()


ENDINGS = {"raised": raises(NO), "timed out": hangs, "cannot be stored": unstorable}


@pytest.mark.parametrize("ending", ENDINGS)
async def test_a_call_in_doubt_is_undone_without_an_output(timed: TimedWorld, ending: str):
    """An undo action that provides for it is called; it sees that there is no output."""
    seen: list[object] = []

    async def undo(ctx: Context) -> None:
        seen.append(ctx.output)
        with pytest.raises(steno.NodeLookupError):
            ctx.lookup("a")

    timed.declare("a", in_doubt=True, timeout=5)
    timed.does("a", ENDINGS[ending])
    timed.undoes("a", undo)
    result = await run(timed, "p", "a", "b", hold_on=())
    assert result.error_node_name == "a"
    assert isinstance(result.error_source, steno.InDoubt)
    assert timed.events(result.saga_id, 1) == "+ ? - ∅"
    assert timed.calls == ["p", "a", "~a", "~p"]
    assert seen == [None]


@pytest.mark.parametrize("ending", ["raised", "cannot be stored"])
async def test_an_action_that_does_not_provide_for_doubt_fails_as_in_steno(
    timed: TimedWorld, ending: str
):
    """It is not undone."""
    timed.does("a", ENDINGS[ending])
    result = await run(timed, "p", "a", "b", hold_on=())
    assert timed.events(result.saga_id, 1) == "+ ✗"
    assert timed.calls == ["p", "a", "~p"]


@pytest.mark.parametrize(
    ("settings", "behaviour"),
    [
        ({}, raises(steno.NotDone("declined"))),
        ({"not_done": CardDeclined}, raises(CardDeclined())),
        ({"not_done": (KeyError, CardDeclined)}, raises(CardDeclined())),
        ({"not_done": lambda error: isinstance(error, CardDeclined)}, raises(CardDeclined())),
        ({"atomic": True}, raises(NO)),
        ({"atomic": True, "timeout": 5}, hangs),
    ],
    ids=["NotDone", "a type", "types", "a function", "atomic", "atomic, timed out"],
)
async def test_a_call_that_has_done_nothing_is_not_in_doubt(
    timed: TimedWorld, settings: dict[str, object], behaviour: Behaviour
):
    """It says so by its error, or its action does for all its calls; so it is not undone."""
    timed.declare("a", in_doubt=True, **settings)
    timed.does("a", behaviour)
    result = await run(timed, "p", "a", "b")
    assert timed.events(result.saga_id, 1) == "+ ✗"
    assert timed.calls == ["p", "a", "~p"]


async def test_an_atomic_call_whose_output_cannot_be_stored_is_in_doubt(timed: TimedWorld):
    """It has returned, so it has done something."""
    timed.declare("a", in_doubt=True, atomic=True)
    timed.does("a", unstorable)
    assert timed.events((await run(timed, "a", hold_on=())).saga_id) == "+ ? - ∅"


@pytest.mark.parametrize("provides", [True, False])
async def test_the_cause_of_not_done_is_stored(timed: TimedWorld, *, provides: bool):
    """Of `raise NotDone() from error` the error is that of the node, also where nothing is said."""

    async def declined(_: object) -> None:
        try:
            raise CardDeclined("by the bank")
        except CardDeclined as error:
            raise steno.NotDone from error

    if provides:
        timed.declare("a", in_doubt=True)
    timed.does("a", declined)
    source = (await run(timed, "a")).error_source
    assert "CardDeclined" in str(source)
    assert "by the bank" in str(source)
    assert "NotDone" not in str(source)


@pytest.mark.parametrize("then", ["fail", "hold"])
async def test_not_done_is_not_retried(timed: TimedWorld, then: str):
    """It fails the node, whatever is to follow when the attempts are used up."""
    timed.declare("a", retry=retry(1 if then == "hold" else 5, then=then))
    timed.does("a", raises(steno.NotDone("no")))
    result = await run(timed, "a")
    assert timed.events(result.saga_id) == "+ ✗"


async def test_an_error_that_says_not_done_is_retried(timed: TimedWorld):
    """Unlike NotDone, it is left to the retry; each attempt is without doubt."""
    timed.declare("a", in_doubt=True, not_done=CardDeclined, retry=retry(2))
    timed.does("a", raises(CardDeclined()))
    assert timed.events((await run(timed, "a")).saga_id) == "+ ↻ + ✗"


@pytest.mark.parametrize("last", [steno.NotDone("no"), CardDeclined()])
async def test_doubt_of_an_earlier_attempt_stays(timed: TimedWorld, last: Exception):
    """The last call speaks of itself only."""
    timed.declare("a", in_doubt=True, not_done=CardDeclined, retry=retry(2))
    timed.does("a", fails_with(NO, last))
    assert timed.events((await run(timed, "a")).saga_id) == "+ ≈ + ? - ∅"


async def test_success_after_doubt(timed: TimedWorld):
    """The node has its output, in its undo as well."""
    seen: list[object] = []

    async def undo(ctx: Context) -> None:
        seen.append(ctx.output)

    timed.declare("a", in_doubt=True, retry=retry(2))
    timed.does("a", fails_with(NO))
    timed.undoes("a", undo)
    timed.does("b", raises(NO))
    result = await run(timed, "a", "b")
    assert timed.events(result.saga_id) == "+ ≈ + ✓ - ∅"
    assert seen == ["a!"]


async def test_a_node_in_doubt_that_is_given_up_is_undone(timed: TimedWorld):
    """As its last attempt left it."""
    timed.declare("a", in_doubt=True, retry=retry(5, wait_initial=100))
    timed.does("a", raises(NO))
    timed.does("b", takes(10, raises(NO)))
    result = await run(timed, ["a", "b"], "c")
    assert timed.events(result.saga_id) == "+ ≈ ? - ∅"


@pytest.mark.parametrize(
    ("settings", "again", "expected"),
    [
        ({"in_doubt": True}, raises(NO), "+ ? - ∅"),
        ({"in_doubt": True}, raises(steno.NotDone("no")), "+ ? - ∅"),
        ({"in_doubt": True, "not_done": CardDeclined}, raises(CardDeclined()), "+ ? - ∅"),
        # An atomic call that was cut off may have returned before its success was durable.
        ({"in_doubt": True, "atomic": True}, raises(NO), "+ ? - ∅"),
        ({}, raises(NO), "+ ✗"),
        ({"in_doubt": True}, returns("a!"), "+ ✓"),
    ],
)
async def test_a_call_that_was_cut_off_and_made_again(
    timed: TimedWorld, settings: dict[str, object], again: Behaviour, expected: str
):
    """If the second ends otherwise than by returning, what the first has done is not known."""
    timed.declare("a", **settings)
    timed.does("a", each_time(hangs, again))
    saga_id = await cut_off(timed, "a")
    await timed.finish(saga_id)
    assert timed.events(saga_id) == expected


async def test_the_doubt_of_a_call_that_was_cut_off_stays(timed: TimedWorld):
    """Over the next attempts too, as it is in the log then."""
    timed.declare("a", in_doubt=True, not_done=CardDeclined, retry=retry(3))
    timed.does("a", each_time(hangs, raises(CardDeclined())))
    saga_id = await cut_off(timed, "a")
    await timed.finish(saga_id)
    assert timed.events(saga_id) == "+ ≈ + ≈ + ? - ∅"


# Probes


async def test_a_probe_finds_that_the_action_was_done(timed: TimedWorld):
    """Its output is that of the node."""
    timed.declare("a", probed=True, timeout=5)
    timed.does("a", hangs)
    timed.probes("a", returns("found"))
    result = await run(timed, "a", "b")
    assert result.unwrap().lookup_node_output("a") == "found"
    assert timed.calls == ["a", "?a", "b"]
    assert timed.events(result.saga_id) == "+ ✓"


async def test_a_probe_finds_that_nothing_was_done(timed: TimedWorld):
    """The node has failed without doubt, with the error of the call."""
    timed.declare("a", probed=True)
    timed.does("a", raises(NO))
    result = await run(timed, "a", "b")
    assert timed.calls == ["a", "?a"]
    assert timed.events(result.saga_id) == "+ ✗"
    assert "no" in str(result.error_source)


async def test_a_probe_speaks_of_all_attempts(timed: TimedWorld):
    """NOT_DONE ends the doubt of earlier ones, too; the next attempt follows the retry."""
    timed.declare("a", probed=True, retry=retry(3))
    timed.does("a", raises(NO))
    timed.probes("a", each_time(raises(KeyError()), returns(steno.NOT_DONE)))
    result = await run(timed, "a")
    assert timed.events(result.saga_id) == "+ ≈ + ↻ + ✗"
    assert [call for call, _, _ in timed.attempts] == ["a", "?a"] * 3


async def test_a_probe_that_fails(timed: TimedWorld):
    """Its error is that of the attempt, in doubt, under the same retry."""
    timed.declare("a", probed=True, retry=retry(2, on=ConnectionError))
    timed.does("a", raises(NO))
    timed.probes("a", each_time(raises(ConnectionError("down")), raises(KeyError("lost"))))
    result = await run(timed, "a")
    assert timed.events(result.saga_id) == "+ ≈ + ? - ∅"
    assert "lost" in str(result.error_source)
    assert isinstance(result.error_source, steno.InDoubt)


async def test_a_probe_that_takes_too_long(timed: TimedWorld):
    """It has the timeout of a call."""
    timed.declare("a", probed=True, timeout=5)
    timed.does("a", raises(NO))
    timed.probes("a", hangs)
    result = await run(timed, "a")
    assert "ActionTimeout" in str(result.error_source)
    assert timed.events(result.saga_id) == "+ ? - ∅"


async def test_a_probe_whose_output_cannot_be_stored(timed: TimedWorld):
    """The action was done, so the node is in doubt."""
    timed.declare("a", probed=True)
    timed.does("a", raises(NO))
    timed.probes("a", unstorable)
    assert timed.events((await run(timed, "a", hold_on=())).saga_id) == "+ ? - ∅"


@pytest.mark.parametrize("behaviour", [raises(steno.NotDone("no")), raises(CardDeclined())])
async def test_a_probe_is_not_asked_without_doubt(timed: TimedWorld, behaviour: Behaviour):
    """The call has said that nothing was done."""
    timed.declare("a", probed=True, not_done=CardDeclined)
    timed.does("a", behaviour)
    await run(timed, "a")
    assert timed.calls == ["a"]


async def test_a_probe_settles_what_not_done_leaves_open(timed: TimedWorld):
    """After an attempt in doubt it is asked even then, and what it finds counts."""
    timed.declare("a", probed=True, retry=retry(3))
    timed.does("a", fails_with(NO, steno.NotDone("no")))
    timed.probes("a", each_time(raises(NO), returns("found")))
    result = await run(timed, "a")
    assert timed.events(result.saga_id) == "+ ≈ + ✓"
    assert result.unwrap().lookup_node_output("a") == "found"


async def test_a_call_that_was_cut_off_is_probed_first(timed: TimedWorld):
    """If it was done, it is not made again."""
    timed.declare("a", probed=True)
    timed.does("a", hangs)
    timed.probes("a", returns("found"))
    saga_id = await cut_off(timed, "a", "b")
    (await timed.finish(saga_id)).unwrap()
    assert timed.calls == ["a", "?a", "b"]


async def test_a_call_that_was_cut_off_and_not_done_is_made_again(timed: TimedWorld):
    """As the same attempt; when it says that nothing was done then, there is no doubt left."""
    timed.declare("a", probed=True)
    timed.does("a", each_time(hangs, raises(steno.NotDone("no"))))
    saga_id = await cut_off(timed, "a", "b")
    await timed.finish(saga_id)
    assert timed.calls == ["a", "?a", "a"]
    assert timed.events(saga_id) == "+ ✗"
    assert {number for _, number, _ in timed.attempts} == {1}


async def test_a_probe_that_fails_on_recovery(timed: TimedWorld):
    """The attempt has failed in doubt, and the call is not made until the next one."""
    timed.declare("a", probed=True, retry=retry(2))
    timed.does("a", each_time(hangs, nothing))
    timed.probes("a", raises(NO))
    saga_id = await cut_off(timed, "a", "b")
    (await timed.finish(saga_id)).unwrap()
    assert timed.events(saga_id) == "+ ≈ + ✓"
    assert timed.attempts == [("a", 1, 0), ("?a", 1, 1), ("a", 2, 2), ("b", 1, 2)]


@pytest.mark.parametrize(("found", "expected"), [(steno.NOT_DONE, "+ ✗"), ("found", "+ ✓ - ∅")])
async def test_a_probe_while_the_saga_unwinds(timed: TimedWorld, found: object, expected: str):
    """The call is not made, whatever it finds; what was done is undone."""
    timed.declare("a", probed=True)
    timed.does("a", hangs)
    timed.probes("a", returns(found))
    timed.does("b", raises(NO))
    saga_id = await cut_off(timed, ["a", "b"], "c")
    await timed.finish(saga_id)
    assert sorted(timed.calls) == ["?a", "a", "b"]
    assert timed.events(saga_id) == expected


async def test_a_probe_that_is_cut_off_is_called_again(timed: TimedWorld):
    """Nothing of it is in the log."""
    timed.declare("a", probed=True)
    timed.does("a", raises(NO))
    timed.probes("a", each_time(hangs, returns("found")))
    saga_id = await cut_off(timed, "a")
    assert timed.events(saga_id) == "+"
    (await timed.finish(saga_id)).unwrap()
    assert timed.calls == ["a", "?a", "?a"]


# A later build


async def test_a_later_build_that_does_not_provide_for_doubt(timed: TimedWorld):
    """The undo is held; it is due at the next open, and called once a build provides for it."""
    timed.declare("a", in_doubt=True)
    timed.does("a", raises(NO))
    timed.undoes("a", each_time(hangs, nothing))
    saga_id = await cut_off(timed, "a")
    assert timed.events(saga_id) == "+ ? -"
    timed.rebuild()
    timed.declare("a", undo_retry=retry(5))
    async with timed.open() as sec:
        with pytest.raises(steno.SagaHeldError):
            await sec.saga_wait(saga_id)
        view = await sec.saga_get(saga_id)
        assert view.state.status.node_state("a").value == "undo-held"
        assert "give it in_doubt=True" in view.state.status.attempts[0].error
        await trio.sleep(50_000)
    assert timed.calls == ["a", "~a"]
    (failed,) = timed.failed_attempts(saga_id)
    assert (failed.next, failed.reopen) == (None, True)
    timed.rebuild()
    timed.declare("a", in_doubt=True)
    result = await timed.finish(saga_id)
    assert result.undo_failure is None
    assert timed.events(saga_id) == "+ ? - ↺ - ∅"


async def test_a_later_build_without_the_probe(timed: TimedWorld):
    """It is the same: nothing says what holds then."""
    timed.declare("a", probed=True)
    timed.does("a", takes(10, raises(NO)))
    timed.probes("a", raises(NO))
    async with timed.open() as sec:
        saga = await sec.saga_create(timed.saga("a"), start=True)
        await trio.sleep(1)
        await sec.drain()  # so that the undo is not begun
    assert timed.events(saga.saga_id) == "+ ?"
    timed.rebuild()
    timed.declare("a", noop=True)
    async with timed.open() as sec:
        with pytest.raises(steno.SagaHeldError):
            await sec.saga_wait(saga.saga_id)
    assert timed.events(saga.saga_id) == "+ ? - ↺"


# Crashes


async def test_the_count_and_the_wait_survive_a_crash(timed: TimedWorld):
    """The next attempt begins at its time; it has the number and the first start that it had."""
    starts: list[datetime | None] = []

    async def fail(ctx: Context) -> object:
        starts.append(ctx.started_at)
        return await (raises(NO) if ctx.attempt < 4 else returns(1))(ctx)

    timed.declare("a", retry=retry(5, wait_initial=10))
    timed.does("a", fail)
    saga_id = await cut_off(timed, "a", at=5)
    async with timed.doomed():
        await trio.sleep(3)
    async with timed.doomed():
        await trio.sleep(10)  # attempt 2 at 10, attempt 3 due at 30
    await trio.sleep(4)
    (await timed.finish(saga_id)).unwrap()
    assert timed.attempts == [("a", 1, 0), ("a", 2, 10), ("a", 3, 30), ("a", 4, 70)]
    assert starts == [after(0)] * 4


async def test_an_attempt_whose_time_has_come_while_nothing_ran(timed: TimedWorld):
    """It begins when the saga is taken up."""
    timed.declare("a", retry=retry(5, wait_initial=10))
    timed.does("a", fails_with(NO))
    saga_id = await cut_off(timed, "a", at=5)
    await trio.sleep(100)
    (await timed.finish(saga_id)).unwrap()
    assert timed.attempts == [("a", 1, 0), ("a", 2, 105)]


async def test_a_call_that_was_cut_off_is_the_same_attempt(timed: TimedWorld):
    """It counts for nothing, however often that happens."""
    timed.declare("a", retry=retry(2))
    timed.does("a", each_time(raises(NO), hangs, hangs, nothing))
    saga_id = await cut_off(timed, "a", at=5)
    async with timed.doomed():
        await trio.sleep(5)
    (await timed.finish(saga_id)).unwrap()
    assert timed.attempts == [("a", 1, 0), ("a", 2, 1), ("a", 2, 5), ("a", 2, 10)]
    assert timed.events(saga_id) == "+ ↻ + ✓"


async def test_the_attempts_of_an_undo_survive_a_crash(timed: TimedWorld):
    """Count, wait and first start, as those of an action."""
    starts: list[datetime | None] = []

    async def undo(ctx: Context) -> None:
        starts.append(ctx.started_at)
        await each_undo(ctx)

    each_undo = each_time(raises(NO), hangs, nothing)
    timed.declare("a", undo_retry=retry(5, wait_initial=10))
    timed.undoes("a", undo)
    timed.does("b", takes(1, raises(NO)))
    saga_id = await cut_off(timed, "a", "b", at=5)
    async with timed.doomed():
        await trio.sleep(10)
    assert (await timed.finish(saga_id)).undo_failure is None
    undos = [attempt for attempt in timed.attempts if attempt[0] == "~a"]
    assert undos == [("~a", 1, 1), ("~a", 2, 11), ("~a", 2, 15)]
    assert len(set(starts)) == 1
    assert starts[0] == pytest.approx(after(1), abs=timedelta(milliseconds=1))


# Injection


async def test_an_injected_error_is_without_doubt(timed: TimedWorld):
    """The action was not called, so it is not undone, nor retried."""
    timed.declare("a", in_doubt=True, retry=retry(3))
    async with timed.open() as sec:
        saga = await sec.saga_create(timed.saga("a"))
        await saga.inject_error("a")
        await saga.start()
        await saga.wait()
    assert timed.events(saga.saga_id) == "+ ✗"
    assert timed.calls == []


async def test_an_injected_error_leaves_the_doubt_of_an_earlier_attempt(timed: TimedWorld):
    """It can be injected while the node backs off."""
    timed.declare("a", in_doubt=True, retry=retry(3))
    timed.does("a", raises(NO))
    async with timed.open() as sec:
        saga = await sec.saga_create(timed.saga("a"), start=True)
        await trio.sleep(0.5)
        await saga.inject_error("a")
        result = await saga.wait()
    assert timed.events(saga.saga_id) == "+ ≈ + ? - ∅"
    assert "error injected" in str(result.error_source)
    assert timed.calls == ["a", "~a"]


@pytest.mark.parametrize(("in_doubt", "expected"), [(True, "+ ? - ∅"), (False, "+ ✗")])
async def test_an_injected_error_after_a_call_that_was_cut_off(
    timed: TimedWorld, *, in_doubt: bool, expected: str
):
    """The call is not made again, and what the first one has done is not known."""
    timed.declare("a", in_doubt=in_doubt)
    timed.does("a", hangs)
    saga_id = await cut_off(timed, "a")
    gate = trio.Event()

    async def wait(method: str) -> None:
        if method == "load":
            await gate.wait()

    timed.store.reading = wait
    async with timed.open() as sec, trio.open_nursery() as nursery:
        nursery.start_soon(sec.saga_inject_error, saga_id, "a")
        await wait_all_tasks_blocked()
        gate.set()
        await sec.saga_wait(saga_id)
    assert timed.events(saga_id) == expected
    assert [call for call in timed.calls if call == "a"] == ["a"]
