"""
Bugs that only an order shows: nothing is wrong with these sagas until somebody steers them.

They are about the trip of `support.planted`, and each has a mended twin.
"""

from datetime import timedelta

import trio

import steno
from support.planted import Context, Do, Planted, Town, book, trip

DAY = timedelta(days=1)
HELD = steno.Retry(attempts=2, then="hold")


# 1. An undo works for a day only.


def undo_for_a_day(*, mended: bool) -> Planted:
    async def take_a_room(ctx: Context) -> str:
        ctx.user_data.booked_at.setdefault(ctx.idempotency_key, ctx.now())
        return await book(ctx)

    async def cancel(ctx: Context) -> None:
        town, key = ctx.user_data, ctx.action_key
        if not mended and ctx.now() - town.booked_at.get(key, ctx.now()) > DAY:
            raise TimeoutError("a room can be cancelled for a day")
        town.rooms.pop(key, None)

    return trip(book=take_a_room, cancel=cancel)


# 2. Nothing undoes the last action: no failure could come after it.


def last_word(*, mended: bool) -> Planted:
    planted = trip()

    async def order_breakfast(ctx: Context) -> None:
        await trio.sleep(1)
        ctx.user_data.breakfasts.add(ctx.idempotency_key)

    async def eat_at_home(ctx: Context) -> None:
        ctx.user_data.breakfasts.discard(ctx.action_key)

    if mended:
        action = steno.ActionFunc.new_action("order", order_breakfast, eat_at_home, in_doubt=True)
    else:
        action = steno.new_action_noop_undo("order", order_breakfast)
    planted.registry.register(action)
    builder = steno.DagBuilder("trip")
    builder.append(steno.Node.action("payment", "charge", label="Charge"))
    builder.append(steno.Node.action("hotel", "book", label="Book"))
    builder.append(steno.Node.action("breakfast", "order", label="Breakfast"))
    return Planted(builder.build(), planted.registry)


# 3. An action relies on something that is good for a day only.


def stale(*, mended: bool) -> Planted:
    async def take_a_room(ctx: Context) -> str:
        await trio.sleep(1)
        since = ctx.lookup("payment", float)
        if not mended and ctx.now().timestamp() - since > DAY.total_seconds():
            raise TimeoutError("the payment was authorized for a day")
        return await book(ctx)

    async def charge(ctx: Context) -> float:
        await trio.sleep(1)
        ctx.user_data.paid[ctx.idempotency_key] = 120
        return ctx.started_at.timestamp()

    return trip(charge=charge, book=take_a_room)


# 4. An undo needs what an attempt has left, and its node is held before it has left anything.


def undo_of_what_is_held(*, mended: bool) -> Planted:
    async def cancel(ctx: Context) -> None:
        town, key = ctx.user_data, ctx.action_key
        if not mended and not town.rooms[key] and key not in town.cancelled:
            raise LookupError("no such booking")
        town.cancelled.add(key)
        town.rooms.pop(key, None)

    return trip(cancel=cancel, says={"retry": HELD})


# 5. An action, done by hand, needs what its process has done before.


def by_hand(*, mended: bool) -> Planted:
    """Return a trip whose booking needs a key that the process of the payment keeps."""

    class Process:
        def __init__(self, town: Town) -> None:
            self.town, self.paid, self.rooms = town, town.paid, town.rooms
            self.session: str | None = None

    async def charge(ctx: Context) -> int:
        await trio.sleep(1)
        ctx.user_data.session = "open"
        return ctx.user_data.paid.setdefault(ctx.idempotency_key, 120)

    async def take_a_room(ctx: Context) -> str:
        if not mended and ctx.user_data.session is None:
            raise LookupError("no session")
        return await book(ctx)

    return trip(
        charge=charge,
        book=take_a_room,
        says={"retry": HELD},
        attach=lambda town, _: Process(town),
    )


# 6. An action assumes that people take longer than machines.


def quick_answer(*, mended: bool, ask: Do | None = None) -> Planted:
    planted = trip()

    async def prepare(ctx: Context) -> None:
        await trio.sleep(60)
        ctx.user_data.shuttles.add("prepared")

    async def confirm(ctx: Context) -> None:
        if "prepared" not in ctx.user_data.shuttles:
            raise LookupError("there is no form to sign")

    planted.registry.register(steno.new_action_noop_undo("prepare", prepare))
    planted.registry.register(steno.new_action_noop_undo("confirm", confirm))
    inner = steno.DagBuilder("answer")
    inner.append(steno.Node.signal("answer", "approval", type=bool))
    prepared = steno.Node.action("form", "prepare", label="Prepare")
    if mended:
        inner.append(prepared)
    inner.append(steno.Node.action("confirmed", "confirm", label="Confirm"))
    builder = steno.DagBuilder("trip")
    builder.append(steno.Node.action("payment", "charge", label="Charge"))
    answer = steno.Node.subsaga("answer", inner.build(), "payment")
    builder.append_parallel([answer] if mended else [answer, prepared])
    builder.append(steno.Node.action("hotel", "book", label="Book"))
    return Planted(builder.build(), planted.registry)
