"""
Sagas with a bug each, as their authors write them, and how each is mended.

All are about a trip in a `Town` whose services are kept in memory: a payment, a hotel, something
that depends on them.
"""

from collections import Counter
from collections.abc import Awaitable, Callable
from datetime import datetime

import attrs
import trio

import steno
from steno.testing import Outcome

Context = steno.ActionContext


@attrs.define(eq=False)
class Town:
    """
    What the services of a town keep, whatever becomes of those who call them.

    Attributes:
        paid: How much, by the key of the payment.
        rooms: Who has a room: the key of each booking, as often as it was booked.
        breakfasts: Who has breakfast.
        shuttles: Who is fetched by a shuttle.
        cancelled: Whose room was cancelled.
        booked_at: When each room was booked.
        sec: What runs the sagas that actions create.
    """

    paid: dict[str, int] = attrs.field(factory=dict)
    rooms: Counter[str] = attrs.field(factory=Counter)
    breakfasts: set[str] = attrs.field(factory=set)
    shuttles: set[str] = attrs.field(factory=set)
    cancelled: set[str] = attrs.field(factory=set)
    booked_at: dict[str, datetime] = attrs.field(factory=dict)
    sec: steno.SecClient | None = None


def all_or_nothing(town: Town, outcome: Outcome) -> None:
    """A trip has been paid once and has one room; or there is nothing of it."""
    town.rooms += Counter()  # drops what is 0
    if outcome.succeeded:
        assert sum(town.paid.values()) == 120
        assert town.rooms.total() == 1, f"rooms: {town.rooms}"
    if outcome.failed:
        assert not town.paid
        assert not town.rooms, f"rooms: {town.rooms}"
        assert not town.breakfasts


@attrs.frozen(eq=False)
class Planted:
    """A saga, and what the explorer needs of it."""

    dag: steno.Dag
    registry: steno.ActionRegistry
    attach: Callable[[Town, steno.SecClient], object] | None = None


Do = Callable[[Context], Awaitable[object]]

NOTHING: dict[str, object] = {}


async def charge(ctx: Context) -> int:
    await trio.sleep(1)
    return ctx.user_data.paid.setdefault(ctx.idempotency_key, 120)


async def refund(ctx: Context) -> None:
    await trio.sleep(1)
    ctx.user_data.paid.pop(ctx.action_key, None)


async def book(ctx: Context) -> str:
    await trio.sleep(1)
    ctx.user_data.rooms[ctx.idempotency_key] = 1
    return ctx.idempotency_key


async def cancel(ctx: Context) -> None:
    await trio.sleep(1)
    ctx.user_data.rooms.pop(ctx.action_key, None)


async def nothing(ctx: Context) -> None:
    await trio.sleep(1)


def trip(
    *,
    charge: Do = charge,
    refund: Do = refund,
    book: Do = book,
    cancel: Do = cancel,
    probe: Do | None = None,
    in_doubt: bool = True,
    says: dict[str, object] = NOTHING,
    **more: object,
) -> Planted:
    """
    Return the saga with some of its functions replaced.

    Its undo actions can be called when it is not known whether there is anything to undo, and say
    so, unless `in_doubt` is false. What else its booking says of its calls is in `says`. With a
    probe, the booking is the last node, and is never undone.
    """
    registry, doubt = steno.ActionRegistry(), {"in_doubt": in_doubt}
    registry.register(steno.ActionFunc.new_action("charge", charge, refund, **doubt))
    if probe is None:
        says = {**doubt, **says}
        registry.register(steno.ActionFunc.new_action("book", book, cancel, **says))
    else:
        registry.register(steno.new_action_noop_undo("book", book, probe=probe, **says))
    registry.register(steno.new_action_noop_undo("nothing", nothing))
    builder = steno.DagBuilder("trip")
    builder.append(steno.Node.action("payment", "charge", label="Charge"))
    builder.append(steno.Node.action("hotel", "book", label="Book"))
    if probe is None:
        builder.append(steno.Node.action("summary", "nothing", label="Summarize"))
    return Planted(builder.build(), registry, **more)


# 1. An undo action looks up a name that no node has.


def wrong_name(name: str) -> Planted:
    async def cancel(ctx: Context) -> None:
        ctx.lookup(name, int)  # to be told how much is paid back
        ctx.user_data.rooms.pop(ctx.action_key, None)

    return trip(cancel=cancel)


# 2. An undo action cannot be called twice.


def undo_once(*, mended: bool) -> Planted:
    async def refund(ctx: Context) -> None:
        if not mended or ctx.action_key in ctx.user_data.paid:
            del ctx.user_data.paid[ctx.action_key]

    return trip(refund=refund)


# 3. An action does something new each time it is called.


def action_once(*, mended: bool) -> Planted:
    async def charge(ctx: Context) -> int:
        paid = ctx.user_data.paid
        paid[ctx.idempotency_key] = 120 if mended else paid.get(ctx.idempotency_key, 0) + 120
        return 120

    return trip(charge=charge)


# 4. An action remembers what it has done, in the memory of a process that can die.


@attrs.define(eq=False)
class Desk:
    """One life of a process."""

    town: Town
    booked: set[str] = attrs.field(factory=set)

    @property
    def paid(self) -> dict[str, int]:
        return self.town.paid

    @property
    def rooms(self) -> Counter[str]:
        return self.town.rooms


def remembers(*, mended: bool) -> Planted:
    async def book(ctx: Context) -> str:
        key, desk = ctx.idempotency_key, ctx.user_data
        if key not in (desk.rooms if mended else desk.booked):
            desk.rooms[key] += 1
            desk.booked.add(key)
        return "room with a view"

    async def cancel(ctx: Context) -> None:
        ctx.user_data.rooms.pop(ctx.action_key, None)

    return trip(book=book, cancel=cancel, attach=lambda town, _: Desk(town))


# 5. An undo action that was cut off half-way raises when it is called again.


def half_undone(*, mended: bool) -> Planted:
    async def book(ctx: Context) -> None:
        ctx.user_data.rooms[ctx.idempotency_key] = 1
        ctx.user_data.breakfasts.add(ctx.idempotency_key)

    async def cancel(ctx: Context) -> None:
        town, key = ctx.user_data, ctx.action_key
        if key not in town.rooms:
            return
        if mended:
            town.breakfasts.discard(key)
        else:
            town.breakfasts.remove(key)
        await trio.sleep(1)  # the next service is asked
        town.rooms.pop(key)

    return trip(book=book, cancel=cancel)


# 6. An action needs what another does beside it.


def beside(*, mended: bool) -> Planted:
    planted = trip()

    @planted.registry.action
    async def shuttle(ctx: Context) -> None:
        await trio.sleep(2)  # by then, there is a room
        if not ctx.user_data.rooms:
            raise LookupError("the shuttle finds no hotel to go to")
        ctx.user_data.shuttles.add(ctx.idempotency_key)

    @shuttle.undo(in_doubt=True)
    async def send_back(ctx: Context) -> None:
        ctx.user_data.shuttles.discard(ctx.action_key)

    builder = steno.DagBuilder("trip")
    builder.append(steno.Node.action("payment", "charge", label="Charge"))
    hotel = steno.Node.action("hotel", "book", label="Book")
    fetched = steno.Node.action("shuttle", shuttle, label="Fetch")
    for stage in [[hotel], [fetched]] if mended else [[hotel, fetched]]:
        builder.append_parallel(stage)
    builder.append(steno.Node.action("summary", "nothing", label="Summarize"))
    return attrs.evolve(planted, dag=builder.build())
