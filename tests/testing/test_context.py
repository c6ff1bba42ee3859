"""A context for the unit test of one action."""

import uuid
from datetime import UTC, datetime, timedelta, timezone
from ipaddress import IPv4Address

import attrs
import pytest
import trio

import steno
from steno.testing import action_context
from steno.testing.schedule import EPOCH


@attrs.frozen
class Trip:
    hotel: str


@attrs.frozen
class Room:
    number: int


@attrs.define
class Hotels:
    booked: dict[str, Room] = attrs.field(factory=dict)


registry = steno.ActionRegistry()


@registry.action
async def book(ctx: steno.ActionContext[Hotels]) -> Room:
    room = Room(ctx.lookup("guests", int) + len(ctx.saga_params(Trip).hotel))
    ctx.user_data.booked[ctx.idempotency_key] = room
    return room


@book.undo
async def cancel(ctx: steno.ActionContext[Hotels]) -> None:
    assert ctx.user_data.booked.pop(ctx.action_key) == ctx.lookup("hotel", Room)


async def test_an_action_can_be_called_with_a_context_of_its_own():
    """It finds user data, params and outputs; its undo action finds its own output, too."""
    world = Hotels()
    given = {"params": Trip("Post"), "node_name": "hotel"}
    room = await book.do_it(action_context(world, outputs={"guests": 3}, **given))
    assert room == Room(7)
    assert world.booked == {f"{action_context(None).saga_id}/1/action": room}
    outputs = {"guests": 3, "hotel": room}
    await book.undo_it(action_context(world, outputs=outputs, undoing=True, **given))
    assert world.booked == {}


def test_what_a_context_tells_is_what_it_was_given():
    """The rest is made up, and the same each time."""
    saga_id = uuid.UUID(int=7)
    ctx = action_context("world", node_name="hotel", saga_id=saga_id)
    assert (ctx.user_data, ctx.node_name, ctx.saga_id) == ("world", "hotel", saga_id)
    assert ctx.saga_params() is None
    assert ctx.idempotency_key == action_context(None, saga_id=saga_id).idempotency_key
    assert ctx.idempotency_key != action_context(None).idempotency_key
    assert ctx.uuid("child") == action_context(None, saga_id=saga_id).uuid("child")


def test_a_lookup_of_what_is_not_among_the_outputs_fails_as_in_a_saga():
    """The error says what there is."""
    ctx = action_context(None, outputs={"guests": 3})
    with pytest.raises(steno.NodeLookupError, match='"room".*it sees "guests"'):
        ctx.lookup("room")
    with pytest.raises(steno.NodeLookupError):
        ctx.lookup("node")


def test_values_are_encoded_as_in_a_saga():
    """What is looked up is not the object that was given; a type of one's own needs its codec."""
    room = Room(1)
    ctx = action_context(None, outputs={"room": room})
    assert ctx.lookup("room", Room) == room
    assert ctx.lookup("room", Room) is not room
    assert ctx.lookup("room") == {"number": 1}
    codec = steno.Codec()
    codec.register(IPv4Address, encode=str, decode=IPv4Address)
    address = IPv4Address("127.0.0.1")
    ctx = action_context(None, params=address, outputs={"ip": address}, codec=codec)
    assert ctx.saga_params(IPv4Address) == ctx.lookup("ip", IPv4Address) == address
    with pytest.raises(steno.SerializeError):
        action_context(None, params=object())


def test_the_own_output_is_seen_in_an_undo_action_only():
    """It is None unless it is given."""
    ctx = action_context(None, undoing=True)
    assert ctx.lookup("node") is None
    assert ctx.idempotency_key != ctx.action_key
    with pytest.raises(ValueError, match='its own node "hotel"'):
        action_context(None, outputs={"hotel": 1}, node_name="hotel")


def test_the_time():
    """It is virtual unless a clock is given, and always in UTC."""
    ctx = action_context(None)
    assert ctx.now() == EPOCH
    assert ctx.started_at is None
    noon = datetime(2026, 7, 1, 14, 0, tzinfo=timezone(timedelta(hours=2)))
    now = action_context(None, clock=lambda: noon).now()
    assert (now, now.utcoffset()) == (noon, timedelta(0))


async def test_the_time_in_trio(autojump_clock):
    """It advances with Trio's clock."""
    ctx = action_context(None)
    await trio.sleep(60)
    assert ctx.now() == EPOCH + timedelta(seconds=60)


def test_the_output_in_an_undo_action():
    """It has the type that it was given with, or the one that is asked for; none in doubt."""
    room = Room(17)
    of_node = {"outputs": {"node": room}, "undoing": True}
    assert action_context(None, **of_node).output == room
    assert action_context(None, **of_node, output_type=dict).output == {"number": 17}
    assert action_context(None, undoing=True, in_doubt=True).output is None
    assert action_context(None, undoing=True).output is None
    for wrong in ({"in_doubt": True}, {**of_node, "in_doubt": True}):
        with pytest.raises(ValueError, match="in_doubt=True is for an undo action whose own node"):
            action_context(None, **wrong)


def test_the_attempt():
    """Its number, and when the first one was started."""
    started = datetime(2026, 1, 2, tzinfo=UTC)
    ctx = action_context(None, attempt=3, started_at=started)
    assert (ctx.attempt, ctx.started_at) == (3, started)
    assert (action_context(None).attempt, action_context(None).started_at) == (1, None)


# Inputs by name


@registry.action
async def write_bill(
    ctx: steno.ActionContext[Hotels], hotel: Room, params: Trip, *, rate: int = 7
) -> str:
    return f"{params.hotel} {hotel.number}: {rate}"


@write_bill.undo(in_doubt=True)
async def void_bill(ctx: steno.ActionContext[Hotels], hotel: Room, output: str | None) -> None:
    ctx.user_data.booked[f"void {output}"] = hotel


@registry.action(undo=steno.NOOP)
async def post(ctx: steno.ActionContext[Hotels], bill: str) -> str:
    return bill


@post.probe
async def was_posted(ctx: steno.ActionContext[Hotels], bill: str) -> object:
    return f"found {bill}"


async def test_an_action_is_given_its_inputs():
    """They are the outputs of the names of its parameters; the function can be called itself."""
    given = {"params": Trip("Post"), "node_name": "bill"}
    outputs = {"hotel": Room(7)}
    bill = await write_bill.do_it(action_context(Hotels(), outputs=outputs, **given))
    assert bill == "Post 7: 7"
    outputs["rate"] = 9
    assert await write_bill.do_it(action_context(Hotels(), outputs=outputs, **given)) == "Post 7: 9"
    ctx = action_context(Hotels())
    assert await write_bill(ctx, Room(1), Trip("Inn"), rate=2) == "Inn 1: 2"
    assert await write_bill(ctx, params=Trip("Inn"), hotel=Room(1)) == "Inn 1: 7"


async def test_an_undo_action_and_a_probe_are_given_their_inputs():
    """Beside them, an undo action is given the output of its own node, which is None in doubt."""
    world, of_bill = Hotels(), {"node_name": "bill", "undoing": True}
    outputs = {"hotel": Room(7), "bill": "No. 5"}
    await write_bill.undo_it(action_context(world, outputs=outputs, **of_bill))
    del outputs["bill"]
    await write_bill.undo_it(action_context(world, outputs=outputs, in_doubt=True, **of_bill))
    assert world.booked == {"void No. 5": Room(7), "void None": Room(7)}
    assert await post.probe_it(action_context(world, outputs={"bill": "No. 5"})) == "found No. 5"


@pytest.mark.parametrize(
    ("outputs", "parameter", "why"),
    [
        ({}, "hotel", "there is no node of that name"),
        ({"hotel": 5}, "hotel", "$: 5 is not of type Room"),
        ({"hotel": Room(7)}, "params", "$: null is not of type Trip"),
    ],
)
async def test_an_input_that_cannot_be_given(outputs: dict[str, object], parameter: str, why: str):
    """The error is that of a saga: it names the action and the parameter."""
    with pytest.raises(steno.InputError) as caught:
        await write_bill.do_it(action_context(Hotels(), outputs=outputs))
    assert str(caught.value).startswith(f'input "{parameter}" of action "write_bill": {why}')
