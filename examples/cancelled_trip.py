"""
Cancel a trip a week after it was booked: a saga that has succeeded, and is undone all the same.

The traveller falls ill. One order unwinds the saga: each undo action is called, in the reverse
order, with what its action returned a week before. By now the hotel takes a fee.

    python examples/cancelled_trip.py
    python examples/cancelled_trip.py --after 3
    python examples/cancelled_trip.py --fail flight
"""

import argparse
import logging
from collections.abc import Collection
from datetime import UTC, datetime, timedelta
from uuid import UUID

import attrs
import trio
import trio.testing

import steno


@attrs.frozen
class Trip:
    """What the traveller wants."""

    hotel: str
    flight: str


@attrs.frozen
class Booking:
    """A booking, until when it can be cancelled for nothing, and its price in euros."""

    what: str
    free_until: datetime
    price: int


class Refused(Exception):
    """A service refused to cancel a booking."""


@attrs.define(eq=False)
class Agency:
    """The outside world: bookings and refunds, by the key of the call."""

    failing: Collection[str] = ()
    booked: dict[str, Booking] = attrs.field(init=False, factory=dict)
    refunds: dict[str, int] = attrs.field(init=False, factory=dict)

    async def book(self, what: str, price: int, days: int, *, key: str) -> Booking:
        """Book something that can be cancelled for nothing within so many days."""
        await trio.sleep(1)
        if key not in self.booked:
            print(f"{today()} booked: {what}")
            self.booked[key] = Booking(what, now() + timedelta(days=days), price)
        return self.booked[key]

    async def cancel(self, service: str, booking: Booking, *, key: str) -> None:
        """Cancel a booking, and refund what the terms of the service allow."""
        await trio.sleep(1)
        if service in self.failing:
            raise Refused(f"the {service} is not reachable")
        if key not in self.refunds:
            self.refunds[key] = booking.price // (1 if now() <= booking.free_until else 2)
            print(f"{today()} cancelled: {booking.what}, {self.refunds[key]} euros are refunded")


registry = steno.ActionRegistry[Agency]()


@registry.action
async def book_hotel(ctx: steno.ActionContext[Agency], params: Trip) -> Booking:
    """Book a hotel."""
    return await ctx.user_data.book(params.hotel, 300, 5, key=ctx.idempotency_key)


@book_hotel.undo
async def cancel_hotel(ctx: steno.ActionContext[Agency], output: Booking) -> None:
    """Cancel it; `output` is what the action returned, however long ago."""
    await ctx.user_data.cancel("hotel", output, key=ctx.idempotency_key)


@registry.action
async def book_flight(ctx: steno.ActionContext[Agency], params: Trip) -> Booking:
    """Book a flight."""
    return await ctx.user_data.book(params.flight, 180, 14, key=ctx.idempotency_key)


@book_flight.undo
async def cancel_flight(ctx: steno.ActionContext[Agency], output: Booking) -> None:
    """Cancel it."""
    await ctx.user_data.cancel("flight", output, key=ctx.idempotency_key)


builder = steno.DagBuilder("trip", params=Trip)
builder.append(steno.Node.action("hotel", book_hotel))
builder.append(steno.Node.action("flight", book_flight))
book_trip = builder.build()

SAGA_ID = UUID("3d6ef7e0-6f0c-4b38-a0fb-87f1f0b0a9f4")  # without this, it would be random
START = datetime(2026, 7, 1, 8, tzinfo=UTC)


def now() -> datetime:
    """Return the time by Trio's clock, which jumps here, so that days pass at once."""
    return START + timedelta(seconds=trio.current_time())


def today() -> str:
    """Return the date."""
    return format(now(), "%d %b")


async def main(agency: Agency, after: float) -> int:
    """Book the trip, cancel it after so many days, and return the exit code."""
    # A service leaves `clock` out, and keeps its sagas in a file: SqliteSecStore("trips.db"). It
    # must not delete them before they can be cancelled no more: see `retention`.
    store = steno.InMemorySecStore()
    async with steno.open_sec(store, registry, context=agency, clock=now) as sec:
        dag = steno.SagaDag(book_trip, Trip("room at Hotel Post", "flight OS 87"))
        (await sec.saga_run(dag, saga_id=SAGA_ID)).unwrap()
        print(f"{today()} the trip is booked")
    await trio.sleep(timedelta(days=after).total_seconds())
    async with steno.open_sec(store, registry, context=agency, clock=now) as sec:
        saga = sec.saga_handle(SAGA_ID)
        await saga.unwind(by="Ada", why="the traveller is ill")
        result = await saga.wait()
        print(f"\n{(await saga.view()).state.status}\n")
    match result:
        case steno.SagaResultErr(error_source=why, undo_failure=None):
            print(f"the trip was {why}")
            print(f"{sum(agency.refunds.values())} euros are refunded in all")
            return 0
        case steno.SagaResultErr(error_source=why, undo_failure=(node, error)):
            print(f"the trip was {why}")
            print(f"stuck: the {node} is not cancelled: {error.convert(Refused)}")
            return 1
        case _:  # a saga that was ordered to unwind does not succeed
            raise AssertionError


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description="Cancel a trip a week after it was booked.")
    parser.add_argument("--after", type=float, default=7, help="the days until it is cancelled")
    parser.add_argument(
        "--fail",
        choices=("hotel", "flight"),
        action="append",
        default=[],
        help="let a service refuse to cancel; may be repeated",
    )
    args = parser.parse_args()
    logging.getLogger("steno").addHandler(logging.NullHandler())  # failures are printed above
    clock = trio.testing.MockClock(autojump_threshold=0)
    raise SystemExit(trio.run(main, Agency(args.fail), args.after, clock=clock))
