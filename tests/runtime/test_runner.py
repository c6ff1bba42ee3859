"""What an action may do to its task: return anything, raise anything, be cancelled, cancel."""

import attrs
import pytest
import trio
from trio.testing import wait_all_tasks_blocked

import steno
from support.worlds import (
    Behaviour,
    Context,
    World,
    each_time,
    hangs,
    nothing,
    raises,
    returns,
    stray_cancelled,
    takes,
)


class Refused(Exception):
    """What the services here raise."""


@attrs.define
class NoRoom(Refused):
    hotel: str
    price: int


@attrs.define
class NoTable(Refused):
    """An exception with just the fields of another."""

    hotel: str
    price: int


class Mute(Exception):
    def __str__(self) -> str:
        raise RuntimeError("I am mute")


class Bare(Exception):
    __str__ = None


async def failure_of(world: World, behaviour: Behaviour) -> steno.ActionError:
    """Return why a node fails whose action behaves so; another saga of the SEC goes on."""
    world.does("bad", behaviour)
    async with world.open(hold_on=()) as sec:
        other = await sec.saga_create(world.saga("slow"))
        world.does("slow", takes(1))
        await other.start()
        result = await sec.saga_run(world.saga("good", "bad"))
        (await other.wait()).unwrap()
    assert world.calls[-1] == "~good"
    assert result.error_node_name == "bad"
    return result.error_source


async def test_an_exception_is_stored_with_its_type_and_message(world: World):
    """A class of which nothing else is known is stored by its qualified name and its text."""
    error = await failure_of(world, raises(KeyError("x")))
    assert error.to_json() == {
        "ActionFailed": {"source_error": {"type": "KeyError", "message": "'x'"}}
    }


async def test_an_error_of_the_users_own_class_comes_back(world: World):
    """`convert` gives it as it was raised, by its class or a base of it; another is refused."""
    error = await failure_of(world, raises(NoRoom("Ritz", 300)))
    for as_type in (NoRoom, Refused, Exception, NoTable | NoRoom):
        found = error.convert(as_type)
        assert isinstance(found, NoRoom)
        assert (found.hotel, found.price) == ("Ritz", 300)
    assert NoRoom.__qualname__ in str(error)
    with pytest.raises(steno.DeserializeError, match=r"is of type .*NoRoom, not .*NoTable$"):
        error.convert(NoTable)
    with pytest.raises(steno.DeserializeError):
        error.convert(int)


async def test_an_error_of_a_result_can_be_raised(world: World):
    """It is caught by its kind; an action that lets that of a child out fails with it itself."""
    error = await failure_of(world, raises(NoRoom("Ritz", 300)))
    with pytest.raises(steno.ActionFailed) as caught:
        raise error
    assert caught.value is error
    again = await failure_of(world, raises(error))
    assert again == error
    assert again.convert(NoRoom).hotel == "Ritz"


async def test_a_group_is_stored_with_what_is_in_it(world: World):
    """A nursery of an action raises a group; each of its exceptions is in the log."""
    group = ExceptionGroup("all", [ValueError("a"), ExceptionGroup("in", [NoRoom("Ritz", 1)])])
    error = await failure_of(world, raises(group))
    stored = error.to_json()["ActionFailed"]["source_error"]
    assert stored["type"].endswith("ExceptionGroup")
    assert stored["exceptions"][0] == {"type": "ValueError", "message": "a"}
    (inner,) = stored["exceptions"][1]["exceptions"]
    assert inner["type"].endswith(".NoRoom")
    assert inner["data"] == {"hotel": "Ritz", "price": 1}


@pytest.mark.parametrize("error", [Mute(), Bare(), ExceptionGroup("g", [Mute()])])
async def test_an_exception_that_cannot_even_be_shown_fails_its_node(
    world: World, error: Exception
):
    """An exception's own methods may fail; its type is stored, and its saga unwound."""
    stored = (await failure_of(world, raises(error))).to_json()["ActionFailed"]["source_error"]
    assert type(error).__qualname__ in stored["type"]


@pytest.mark.parametrize(
    ("value", "why"),
    [
        (object(), "object"),
        (float("nan"), "nan"),
        ({"a": [1, float("inf")]}, "inf"),
        ((n for n in [1]), "generator"),
        (print, "builtin"),
        ("\ud800", "surrogate"),
        (2**64, "range"),
        ({1: 2, "1": 3}, "key"),
    ],
    ids=["object", "nan", "inf", "generator", "function", "surrogate", "integer", "keys"],
)
async def test_what_is_no_json_fails_the_node(world: World, value: object, why: str):
    """The message names the node, and what cannot be stored."""
    error = await failure_of(world, returns(value))
    assert isinstance(error, steno.SerializeFailed)
    assert error.message.startswith('output of node "bad": $')
    assert str(error).startswith("serialize failed: ")
    assert why in error.message.lower()


async def test_what_is_too_large_fails_the_node(world: World):
    """An output has a size limit, so that no log grows without bound."""
    world.does("a", returns("x" * 1000))
    async with world.open(max_value_bytes=1001, hold_on=()) as sec:
        result = await sec.saga_run(world.saga("a"))
    assert isinstance(result.error_source, steno.SerializeFailed)
    assert "1002" in result.error_source.message


@pytest.mark.parametrize("how", ["output", "error", "arguments", "cause"])
async def test_what_has_shared_parts_without_end_fails_the_node(world: World, how: str):
    """Forty lists, each twice in the next, are refused at once, and the SEC goes on."""
    value: object = "x" * 10_000
    for _ in range(40):
        value = [value, value]
    caused = ValueError("no room")
    caused.__cause__ = ExceptionGroup("two", [KeyError("h"), ValueError(value)])
    errors = {"error": NoRoom("h", value), "arguments": ValueError(value), "cause": caused}
    error = await failure_of(world, returns(value) if how == "output" else raises(errors[how]))
    expected = {
        "output": "takes more bytes as JSON than the 4194304 allowed",
        "cause": "no room",
    }
    shown = expected.get(how, "(its arguments are too large to be shown)")
    assert shown in str(error.to_json())


async def test_a_function_that_is_not_async_fails_its_node(world: World):
    """It is told what it returned instead of waiting."""
    world.registry.register(steno.ActionFunc.new_action("plain", lambda _: 5, nothing))
    builder = steno.DagBuilder("test")
    builder.append(steno.Node.action("n", "plain", label="N"))
    async with world.open() as sec:
        result = await sec.saga_run(steno.SagaDag(builder.build()))
    stored = result.error_source.to_json()["ActionFailed"]["source_error"]
    assert stored["type"] == "TypeError"
    assert 'action "plain" returned 5 instead of waiting' in stored["message"]


@attrs.define
class OddAction:
    """An action that is no `ActionFunc`, and does not keep the protocol."""

    name: str = "odd"

    def do_it(self, _: object) -> object:
        raise LookupError("before anything was awaited")

    def undo_it(self, _: object) -> object:
        return None


async def test_an_action_of_another_class_may_fail_in_any_way(world: World):
    """Whatever has a name and two methods is an action; raising without waiting is raising."""
    world.registry.register(OddAction())
    builder = steno.DagBuilder("test")
    builder.append(steno.Node.action("n", "odd", label="N"))
    async with world.open() as sec:
        result = await sec.saga_run(steno.SagaDag(builder.build()))
    stored = result.error_source.to_json()["ActionFailed"]["source_error"]
    assert stored["message"] == "before anything was awaited"


async def test_an_undo_action_that_is_not_async_leaves_the_saga_stuck(world: World):
    """It is reported like one that raises."""
    world.registry.register(steno.ActionFunc.new_action("plain", nothing, lambda _: None))
    world.does("b", raises(ValueError("no")))
    world.saga("b")
    builder = steno.DagBuilder("test")
    builder.append(steno.Node.action("n", "plain", label="N"))
    builder.append(steno.Node.action("b", "b", label="B"))
    async with world.open() as sec:
        result = await sec.saga_run(steno.SagaDag(builder.build()))
    assert result.undo_failure[0] == "n"
    assert "returned None instead of waiting" in str(result.undo_failure[1])


@pytest.mark.parametrize("error", [Mute(), Bare()])
async def test_an_undo_whose_exception_cannot_be_shown_leaves_the_saga_stuck(
    world: World, error: Exception
):
    """The failure is logged, with the type of what was raised."""
    world.undoes("a", raises(error))
    world.does("b", raises(ValueError("no")))
    async with world.open() as sec:
        result = await sec.saga_run(world.saga("a", "b"))
    assert result.undo_failure[0] == "a"
    assert world.store.state(result.saga_id) == "stuck"


async def test_a_scope_of_the_actions_own_is_its_own_affair(world: World):
    """An action that times out for itself may return, or raise; neither is a cancellation."""

    async def in_time(_: Context) -> object:
        with trio.move_on_after(5):
            await trio.sleep_forever()
        return "late"

    async def too_slow(_: Context) -> object:
        with trio.fail_after(5):
            await trio.sleep_forever()

    world.does("a", in_time)
    world.does("b", too_slow)
    async with world.open() as sec:
        result = await sec.saga_run(world.saga("a", "b"))
    assert result.error_node_name == "b"
    assert result.error_source.to_json()["ActionFailed"]["source_error"] == {
        "type": "trio.TooSlowError",
        "message": "",
    }


# Cancelled


async def cleanup_raises(_: Context) -> object:
    try:
        await trio.sleep_forever()
    finally:
        raise RuntimeError("the connection was closed")


async def cancelled_becomes_an_error(_: Context) -> object:
    try:
        await trio.sleep_forever()
    except trio.Cancelled as cancelled:
        raise ValueError("interrupted") from cancelled  # noqa: ASYNC104 - rude on purpose


async def group_with_cancelled(_: Context) -> object:
    async with trio.open_nursery() as nursery:
        nursery.start_soon(trio.sleep_forever)
        nursery.start_soon(cleanup_raises, None)


async def group_around_cancelled(_: Context) -> object:
    try:
        await trio.sleep_forever()
    except trio.Cancelled as cancelled:
        raise BaseExceptionGroup("mine", [cancelled]) from None  # noqa: ASYNC104 - as above


async def cancelled_is_swallowed(_: Context) -> object:
    try:
        await trio.sleep_forever()
    except trio.Cancelled:  # noqa: ASYNC103 - rude on purpose
        return "done, or so it says"  # noqa: ASYNC104 - as above


async def shielded_cleanup(_: Context) -> object:
    try:
        await trio.sleep_forever()
    finally:
        with trio.CancelScope(shield=True, deadline=trio.current_time() + 60):
            await trio.sleep(30)
        raise OSError("after a while")


async def closing_in_cleanup(ctx: Context) -> object:
    try:
        await trio.sleep_forever()
    finally:
        with trio.CancelScope(shield=True, deadline=trio.current_time() + 60):
            await ctx.user_data.sec.saga_get(ctx.saga_id)


RUDE = [
    cleanup_raises,
    cancelled_becomes_an_error,
    group_with_cancelled,
    group_around_cancelled,
    cancelled_is_swallowed,
    shielded_cleanup,
    closing_in_cleanup,
]


@pytest.mark.parametrize("rude", RUDE)
async def test_a_shutdown_never_unwinds_a_healthy_saga(world: World, rude: Behaviour):
    """Whatever an action makes of being cancelled is discarded; it is called again."""
    world.does("b", each_time(rude, returns("well")))
    async with world.doomed() as sec:
        saga = await sec.saga_create(world.saga("a", ["b", "c"], "d"))
        await saga.start()
        await wait_all_tasks_blocked()
        log = world.store.log(saga.saga_id)
    assert world.store.log(saga.saga_id) == log
    result = await world.finish(saga.saga_id)
    assert result.unwrap().lookup_node_output("b") == "well"
    assert sorted(world.calls) == ["a", "b", "b", "c", "d"]


@pytest.mark.parametrize("rude", RUDE)
async def test_a_shutdown_leaves_no_saga_stuck(world: World, rude: Behaviour):
    """The same for undo actions: the undo is called again, and the saga ends unwound."""
    world.undoes("b", each_time(rude, nothing))
    world.does("c", raises(ValueError("no")))
    async with world.doomed() as sec:
        saga = await sec.saga_create(world.saga("a", "b", "c"))
        await saga.start()
        await wait_all_tasks_blocked()
        log = world.store.log(saga.saga_id)
    assert log.endswith("1-")
    assert world.store.log(saga.saga_id) == log
    result = await world.finish(saga.saga_id)
    assert result.undo_failure is None
    assert world.calls == ["a", "b", "c", "~b", "~b", "~a"]
    assert world.store.state(saga.saga_id) == "failed"


@pytest.mark.parametrize("undoing", [False, True])
@pytest.mark.parametrize("grouped", [False, True])
async def test_a_cancelled_that_strays_halts_its_saga_alone(
    world: World, *, undoing: bool, grouped: bool
):
    """It is neither a success nor a failure: the saga is halted until it is recovered."""

    async def stray(_: Context) -> object:
        cancelled = await stray_cancelled()
        raise BaseExceptionGroup("g", [cancelled, ValueError()]) if grouped else cancelled

    if undoing:
        world.undoes("a", each_time(stray, nothing))
        world.does("b", raises(ValueError("no")))
    else:
        world.does("b", each_time(stray, nothing))
    async with world.open() as sec:
        other = await sec.saga_create(world.saga("other"))
        world.does("other", takes(1))
        await other.start()
        saga = await sec.saga_create(world.saga("a", "b"))
        await saga.start()
        with pytest.raises(steno.SagaHaltedError, match="Cancelled") as halted:
            await saga.wait()
        assert halted.value.saga_id == saga.saga_id
        assert "saga_recover" in halted.value.problem
        assert f'"{"a" if undoing else "b"}"' in halted.value.problem
        assert isinstance((await saga.view()).state, steno.SagaHalted)
        (await other.wait()).unwrap()
        await sec.saga_recover(saga.saga_id)
        result = await saga.wait()
    assert isinstance(result, steno.SagaResultErr) == undoing
    assert world.store.state(saga.saga_id) == ("failed" if undoing else "succeeded")


async def test_what_came_in_beside_a_stray_is_recorded_all_the_same(world: World):
    """A result that was there when its saga halted is not lost, so nothing is done twice."""

    async def stray(_: Context) -> object:
        cancelled = await stray_cancelled()
        await trio.sleep(1)
        raise cancelled

    world.does("a", each_time(stray, nothing))
    world.does("b", takes(1, returns(1)))
    world.does("c", takes(1, returns(1)))
    async with world.open() as sec:
        saga = await sec.saga_create(world.saga([*"abc"], "d"))
        await saga.start()
        with pytest.raises(steno.SagaHaltedError):
            await saga.wait()
        log = world.store.log(saga.saga_id).split()
        assert sorted(log) == ["0+", "1+", "1✓", "2+", "2✓", "4+", "4✓"]
        await sec.saga_recover(saga.saga_id)
        (await saga.wait()).unwrap()
    assert sorted(world.calls) == ["a", "a", "b", "c", "d"]


# The end of it all


class Doom(BaseException):
    pass


@pytest.mark.parametrize("error", [KeyboardInterrupt("stop"), SystemExit(3), Doom("x")])
@pytest.mark.parametrize("grouped", [False, True])
@pytest.mark.parametrize("undoing", [False, True])
async def test_what_is_no_exception_brings_the_sec_down_and_comes_out_as_it_is(
    world: World, error: BaseException, *, grouped: bool, undoing: bool
):
    """`KeyboardInterrupt` and similar are a crash: the sagas go on at the next open."""
    raised = BaseExceptionGroup("g", [ValueError("too"), error]) if grouped else error
    (world.undoes if undoing else world.does)("a", each_time(raises(raised), nothing))
    if undoing:
        world.does("b", raises(ValueError("no")))
    with pytest.raises(type(error)) as caught:
        async with world.open() as sec:
            other = await sec.saga_create(world.saga("c", "d"))
            world.does("c", each_time(hangs, nothing))
            await other.start()
            saga = await sec.saga_create(world.saga("a", "b"))
            await saga.start()
            await trio.sleep_forever()
    assert caught.value is error
    assert world.store.log(saga.saga_id).endswith("0-" if undoing else "0+")
    async with world.open() as sec:
        (await sec.saga_wait(other.saga_id)).unwrap()
        result = await sec.saga_wait(saga.saga_id)
    assert isinstance(result, steno.SagaResultErr) == undoing
    assert world.store.state(saga.saga_id) == ("failed" if undoing else "succeeded")


async def test_an_interrupt_that_meets_a_shutdown_is_not_lost(world: World):
    """An action that is being cancelled, and interrupted in its cleanup, is interrupted."""

    async def interrupted(_: Context) -> object:
        try:
            await trio.sleep_forever()
        finally:
            raise KeyboardInterrupt

    world.does("a", interrupted)
    with pytest.raises(KeyboardInterrupt):
        async with world.doomed() as sec:
            saga = await sec.saga_create(world.saga("a"))
            await saga.start()
            await wait_all_tasks_blocked()
