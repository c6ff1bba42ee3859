"""
More planted bugs: in attempts, timeouts, doubt, probes, child sagas and held nodes.

They are about the trip of `support.planted`, and each has a mended twin.
"""

from datetime import timedelta

import attrs

import steno
from support.planted import Context, Desk, Do, Planted, charge, trip

MINUTE = timedelta(minutes=1)
PATIENT = steno.Retry(attempts=3, timeout=None)


# 1. An undo action needs something to undo, and says that it can be called in doubt.


def undo_of_nothing(*, mended: bool) -> Planted:
    async def cancel(ctx: Context) -> None:
        town, key = ctx.user_data, ctx.action_key
        if not mended and town.rooms[key] == 0 and key not in town.cancelled:
            raise LookupError("no such booking")
        town.cancelled.add(key)
        town.rooms.pop(key, None)

    return trip(cancel=cancel)


# 2. An action takes a second attempt for a sign that the first one was successful.


def trusts_its_first_attempt(*, mended: bool) -> Planted:
    async def book(ctx: Context) -> str:
        if mended or ctx.attempt == 1:
            ctx.user_data.rooms[ctx.idempotency_key] = 1
        return ctx.idempotency_key

    return trip(book=book, says={"retry": PATIENT})


# 3. An action has a new key for each attempt.


def key_of_an_attempt(*, mended: bool, probe: Do | None = None) -> Planted:
    async def book(ctx: Context) -> str:
        key = ctx.idempotency_key
        ctx.user_data.rooms[key if mended else f"{key}/{ctx.attempt}"] = 1
        return key

    async def cancel(ctx: Context) -> None:
        for key in [key for key in ctx.user_data.rooms if key.startswith(ctx.action_key)]:
            del ctx.user_data.rooms[key]

    return trip(book=book, cancel=cancel, probe=probe, says={"retry": PATIENT})


# 4. An action that is late does nothing, and does not say so.


def too_late(*, mended: bool) -> Planted:
    async def book(ctx: Context) -> str:
        if mended or ctx.now() - ctx.started_at < MINUTE:
            ctx.user_data.rooms[ctx.idempotency_key] = 1
        return ctx.idempotency_key

    return trip(book=book, says={"retry": PATIENT, "timeout": 2 * MINUTE})


# 5. A service remembers a key for a minute only.


def forgotten_key(*, mended: bool) -> Planted:
    async def book(ctx: Context) -> str:
        town, key = ctx.user_data, ctx.idempotency_key
        if mended or ctx.now() - town.booked_at.setdefault(key, ctx.now()) < MINUTE:
            town.rooms[key] = 1
        else:
            town.rooms[f"{key} again"] = 1
        return key

    async def cancel(ctx: Context) -> None:
        ctx.user_data.rooms.pop(ctx.action_key, None)
        ctx.user_data.rooms.pop(f"{ctx.action_key} again", None)

    return trip(book=book, cancel=cancel, says={"retry": PATIENT, "timeout": 2 * MINUTE})


# 6. Nobody says what is left if a call that a crash cut off is made again, and fails.


def left_in_doubt(*, mended: bool) -> Planted:
    return trip(in_doubt=mended)


# 7. A probe finds nothing that was done. A probe finds what was not done.


async def look_up(ctx: Context) -> object:
    key = ctx.idempotency_key
    return key if ctx.user_data.rooms[key] else steno.NOT_DONE


def blind_probe(*, mended: bool) -> Planted:
    async def probe(ctx: Context) -> object:
        return await look_up(ctx) if mended else steno.NOT_DONE

    return trip(probe=probe)


def trusting_probe(*, mended: bool) -> Planted:
    async def probe(ctx: Context) -> object:
        return await look_up(ctx) if mended else ctx.idempotency_key

    return trip(probe=probe, says={"retry": PATIENT})


# 8. An action has a new key for each attempt, and trusts its probe to answer.


def needs_its_probe(*, mended: bool) -> Planted:
    async def probe(ctx: Context) -> object:
        rooms = ctx.user_data.rooms
        booked = any(key.startswith(ctx.idempotency_key) for key in +rooms)
        return ctx.idempotency_key if booked else steno.NOT_DONE

    return key_of_an_attempt(mended=mended, probe=probe)


# 9. An action remembers its first attempt in the memory of a process that can die.


def forgets_its_first_attempt(*, mended: bool) -> Planted:
    async def book(ctx: Context) -> str:
        key, desk = ctx.idempotency_key, ctx.user_data
        if ctx.attempt == 1 or mended:
            desk.rooms[key] = 1
        elif key not in desk.booked:
            desk.rooms[key] += 1
        desk.booked.add(key)
        return key

    says = {"retry": PATIENT}
    return trip(book=book, says=says, attach=lambda town, _: Desk(town))


# 10. An undo action takes a second attempt for a sign that the first one was successful.


def undone_at_first(*, mended: bool) -> Planted:
    async def cancel(ctx: Context) -> None:
        if mended or ctx.attempt == 1:
            ctx.user_data.rooms.pop(ctx.action_key, None)

    return trip(cancel=cancel, says={"undo_retry": PATIENT})


# 11. An action does not look at what became of the saga that it ran.


def careless_parent(*, mended: bool, planted: Planted | None = None) -> Planted:
    planted = trip() if planted is None else planted

    @planted.registry.action
    async def book_both(ctx: Context) -> None:
        child = steno.SagaDag(planted.dag)
        result = await ctx.user_data.sec.saga_run(child, saga_id=ctx.uuid("trip"))
        if mended:
            result.unwrap()

    @book_both.undo(in_doubt=True)
    async def give_back(ctx: Context) -> None:
        for kept in (ctx.user_data.paid, ctx.user_data.rooms):
            kept.clear()

    builder = steno.DagBuilder("both")
    builder.append(steno.Node.action("both", book_both, label="Both"))
    builder.append(steno.Node.action("letter", "nothing", label="Letter"))
    return attrs.evolve(planted, dag=builder.build())


# 12. An action asks for params that its saga does not have.


def other_params(*, mended: bool) -> Planted:
    @attrs.frozen
    class Guest:
        name: str

    async def for_guest(ctx: Context, params: Guest) -> int:
        return await charge(ctx)

    async def for_anybody(ctx: Context, params: Guest | None) -> int:
        return await charge(ctx)

    return trip(charge=for_anybody if mended else for_guest)


# 13. An undo action cannot read what its action has returned.


def other_output(*, mended: bool) -> Planted:
    async def book(ctx: Context):  # what it returns is not declared, so only a call can tell
        ctx.user_data.rooms[ctx.idempotency_key] = 1
        return {"key": ctx.idempotency_key}

    async def cancel(ctx: Context, output: dict[str, str] | None) -> None:
        ctx.user_data.rooms.pop(ctx.action_key, None)

    async def cancel_number(ctx: Context, output: int | None) -> None:
        await cancel(ctx, None)

    return trip(book=book, cancel=cancel if mended else cancel_number)


# 14. An action that has been called before asks for a person, and there is no need.


def asks_a_person(*, mended: bool) -> Planted:
    async def book(ctx: Context) -> str:
        town, key = ctx.user_data, ctx.idempotency_key
        if town.rooms[key] and not mended:
            raise steno.Hold("there is a room already")
        town.rooms[key] = 1
        return key

    return trip(book=book)
