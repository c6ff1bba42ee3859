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
