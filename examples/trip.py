"""
Book a trip, completely or not at all: a first saga, and what happens when a service refuses.

The card is charged, then hotel, flight and car are booked concurrently, then a summary is sent.

    python examples/trip.py
    python examples/trip.py --fail flight
    python examples/trip.py --fail summary --fail-undo hotel
"""

import argparse
import logging
from uuid import UUID

import attrs
import trio

import steno

# The params of a saga and the outputs of its nodes are stored as JSON, and read as these types.


@attrs.frozen
class TripParams:
    """What the traveller wants."""

    payment: str
    hotel: str
    flight: str
    car: str


@attrs.frozen
class Booking:
    """A booking made by a service, and the number by which it can be cancelled."""

    what: str
    number: str


@attrs.frozen
class Summary:
    """The whole trip."""

    bookings: list[Booking]


# The outside world: services, each of which takes a while.
SECONDS = {"payment": 0.1, "hotel": 0.1, "flight": 0.2, "car": 0.5, "summary": 0.1}


@attrs.define
class Refused(Exception):
    """A service refused a request."""

    why: str


@attrs.define(eq=False)
class Trip:
    """
    The services that a trip needs, here in memory; actions find them in `ctx.user_data`.

    They record what they have done by the key of the call. An action may be called again, after a
    crash for instance: with the same key, that has no second effect.
    """

    failing: list[str]
    failing_undo: list[str]
    effects: dict[str, Booking] = attrs.field(init=False, factory=dict)

    async def do(self, service: str, what: str, *, key: str) -> Booking:
        """Make a booking with a service."""
        await trio.sleep(SECONDS[service])
        if key not in self.effects:
            if service in self.failing:
                print(f"{service}: refused: {what}")
                raise Refused(f"no {what}")
            number = f"{service[0].upper()}{len(self.effects) + 1:03}"
            print(f"{service}: done: {what}, {number}")
            self.effects[key] = Booking(what, number)
        return self.effects[key]

    async def undo(self, service: str, booking: Booking, *, key: str) -> None:
        """Cancel a booking with a service."""
        await trio.sleep(SECONDS[service])
        if key not in self.effects:
            if service in self.failing_undo:
                print(f"{service}: refused: undo of {booking.what}, {booking.number}")
                raise Refused(f"no undo of {booking.what}")
            print(f"{service}: undone: {booking.what}, {booking.number}")
            self.effects[key] = booking


# The actions, each with the undo action that takes it back.

registry = steno.ActionRegistry()


@registry.action
async def charge_card(ctx: steno.ActionContext[Trip]) -> Booking:
    """Charge the card first, so that a declined card fails before anything is booked."""
    params = ctx.saga_params(TripParams)
    return await ctx.user_data.do("payment", params.payment, key=ctx.idempotency_key)


@charge_card.undo
async def refund_card(ctx: steno.ActionContext[Trip]) -> None:
    """Refund the charge: an undo action sees the output of its own node too."""
    await ctx.user_data.undo("payment", ctx.lookup("payment", Booking), key=ctx.idempotency_key)


@registry.action
async def book_hotel(ctx: steno.ActionContext[Trip]) -> Booking:
    """Book a room."""
    params = ctx.saga_params(TripParams)
    return await ctx.user_data.do("hotel", params.hotel, key=ctx.idempotency_key)


@book_hotel.undo
async def cancel_hotel(ctx: steno.ActionContext[Trip]) -> None:
    """Cancel the room."""
    await ctx.user_data.undo("hotel", ctx.lookup("hotel", Booking), key=ctx.idempotency_key)


@registry.action
async def book_flight(ctx: steno.ActionContext[Trip]) -> Booking:
    """Book a seat."""
    params = ctx.saga_params(TripParams)
    return await ctx.user_data.do("flight", params.flight, key=ctx.idempotency_key)


@book_flight.undo
async def cancel_flight(ctx: steno.ActionContext[Trip]) -> None:
    """Cancel the seat."""
    await ctx.user_data.undo("flight", ctx.lookup("flight", Booking), key=ctx.idempotency_key)


@registry.action
async def book_car(ctx: steno.ActionContext[Trip]) -> Booking:
    """Book a car."""
    params = ctx.saga_params(TripParams)
    return await ctx.user_data.do("car", params.car, key=ctx.idempotency_key)


@book_car.undo
async def cancel_car(ctx: steno.ActionContext[Trip]) -> None:
    """Cancel the car."""
    await ctx.user_data.undo("car", ctx.lookup("car", Booking), key=ctx.idempotency_key)


@registry.action(undo=steno.NOOP)  # no later node can fail and cause this to be undone
async def send_summary(ctx: steno.ActionContext[Trip]) -> Summary:
    """Tell the traveller: an action sees the outputs of all nodes before its own."""
    await ctx.user_data.do("summary", "letter to the traveller", key=ctx.idempotency_key)
    return Summary([ctx.lookup(name, Booking) for name in ("hotel", "flight", "car")])


# The graph, stage by stage: the nodes of one stage run concurrently.

hotel = steno.Node.action("hotel", book_hotel, label="BookHotel")
flight = steno.Node.action("flight", book_flight, label="BookFlight")
car = steno.Node.action("car", book_car, label="BookCar")
builder = steno.DagBuilder("book-trip")
builder.append(steno.Node.action("payment", charge_card, label="ChargeCard"))
builder.append_parallel([hotel, flight, car])
builder.append(steno.Node.action("summary", send_summary, label="SendSummary"))
book_trip = builder.build()

PARAMS = TripParams("900 euros", "room at Hotel Post", "flight OS 87", "small car")
SAGA_ID = UUID("6ff3e9bc-3be8-4a4e-9cb1-bb4bb5bfe5ef")  # without this, it would be random


async def main(trip: Trip) -> int:
    """Run the saga, print its result, and return the exit code."""
    async with steno.open_sec(steno.InMemorySecStore(), registry, context=trip) as sec:
        dag = steno.SagaDag(book_trip, PARAMS)
        saga = await sec.saga_create(dag, saga_id=SAGA_ID, start=True)
        result = await saga.wait()
        view = await saga.view()
    print(f"\n{view.state.status}\n")
    match result:
        case steno.SagaResultOk() as ok:
            bookings = ok.saga_output(Summary).bookings
            print(f"trip booked: {', '.join(booking.what for booking in bookings)}")
            return 0
        case steno.SagaResultErr(error_node_name=node, error_source=error, undo_failure=undo):
            print(f"no trip: {node} failed: {error.convert(Refused).why}")
            if undo is not None:
                print(f"stuck: {undo[0]} is not undone: {undo[1]}")
            return 1


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description="Book a trip, completely or not at all.")
    parser.set_defaults(fail=[], fail_undo=[])
    for option, what in (("--fail", "do"), ("--fail-undo", "undo")):
        how = f"let a service refuse to {what} its part: {', '.join(SECONDS)}; may be repeated"
        parser.add_argument(option, metavar="NODE", choices=SECONDS, action="append", help=how)
    args = parser.parse_args()
    logging.getLogger("steno").addHandler(logging.NullHandler())  # failures are printed below
    raise SystemExit(trio.run(main, Trip(args.fail, args.fail_undo)))
