"""
Book a trip, completely or not at all: a first saga, and what happens when a service refuses.

The card is charged, then hotel, flight and car are booked concurrently, then a summary is sent. A
service that refuses ends the trip; one that does not answer is called again.

    python examples/trip.py
    python examples/trip.py --fail flight
    python examples/trip.py --lose hotel
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
    """A service refused a request: it has done nothing."""

    why: str


@attrs.define
class NoAnswer(Exception):
    """A service did not answer: nobody knows whether it has done anything."""


@attrs.define(eq=False)
class Trip:
    """
    The services that a trip needs, here in memory; actions find them in `ctx.user_data`.

    They record what they have done by the key of the call. An action may be called again, after a
    crash or if there was no answer: with the same key, that has no second effect.
    """

    failing: list[str]
    failing_undo: list[str]
    losing: list[str] = attrs.field(factory=list)
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
            if service in self.losing:
                print(f"{service}: the answer is lost")
                raise NoAnswer
        return self.effects[key]

    async def undo(self, service: str, *, of: str, key: str) -> None:
        """Cancel what the call with the key `of` has booked, if it has booked anything."""
        await trio.sleep(SECONDS[service])
        booking = self.effects.get(of)
        if booking is not None and key not in self.effects:
            if service in self.failing_undo:
                print(f"{service}: refused: undo of {booking.what}, {booking.number}")
                raise Refused(f"no undo of {booking.what}")
            print(f"{service}: undone: {booking.what}, {booking.number}")
            self.effects[key] = booking


# The defaults of all calls: a service that does not answer in time is called again. An undo is
# tried until it succeeds, since giving up would leave a booking behind.

registry = steno.ActionRegistry[Trip](
    retry=steno.Retry(on=NoAnswer, attempts=5),
    timeout=10,
    undo_retry=steno.Retry(on=NoAnswer, attempts=None, timeout=None),
    undo_timeout=10,
)


# The actions, each with the undo action that takes it back. An undo action can be called if nobody
# knows whether the action was done (`in_doubt`), since the service knows it by the action's key.
# After a refusal nothing was done, so there is nothing to undo (`not_done`). A parameter called
# `params` is given the params of the saga.


@registry.action(not_done=Refused)
async def charge_card(ctx: steno.ActionContext[Trip], params: TripParams) -> Booking:
    """Charge the card first, so that a declined card fails before anything is booked."""
    return await ctx.user_data.do("payment", params.payment, key=ctx.idempotency_key)


@charge_card.undo(in_doubt=True)
async def refund_card(ctx: steno.ActionContext[Trip]) -> None:
    """Refund the charge: an undo action sees the key that its action has used."""
    await ctx.user_data.undo("payment", of=ctx.action_key, key=ctx.idempotency_key)


@registry.action(not_done=Refused)
async def book_hotel(ctx: steno.ActionContext[Trip], params: TripParams) -> Booking:
    """Book a room."""
    return await ctx.user_data.do("hotel", params.hotel, key=ctx.idempotency_key)


@book_hotel.undo(in_doubt=True)
async def cancel_hotel(ctx: steno.ActionContext[Trip]) -> None:
    """Cancel the room."""
    await ctx.user_data.undo("hotel", of=ctx.action_key, key=ctx.idempotency_key)


@registry.action(not_done=Refused)
async def book_flight(ctx: steno.ActionContext[Trip], params: TripParams) -> Booking:
    """Book a seat."""
    return await ctx.user_data.do("flight", params.flight, key=ctx.idempotency_key)


@book_flight.undo(in_doubt=True)
async def cancel_flight(ctx: steno.ActionContext[Trip]) -> None:
    """Cancel the seat."""
    await ctx.user_data.undo("flight", of=ctx.action_key, key=ctx.idempotency_key)


@registry.action(not_done=Refused)
async def book_car(ctx: steno.ActionContext[Trip], params: TripParams) -> Booking:
    """Book a car."""
    return await ctx.user_data.do("car", params.car, key=ctx.idempotency_key)


@book_car.undo(in_doubt=True)
async def cancel_car(ctx: steno.ActionContext[Trip]) -> None:
    """Cancel the car."""
    await ctx.user_data.undo("car", of=ctx.action_key, key=ctx.idempotency_key)


@registry.action(not_done=Refused)
async def send_summary(
    ctx: steno.ActionContext[Trip], hotel: Booking, flight: Booking, car: Booking
) -> Summary:
    """Tell the traveller; each parameter is given the output of the node of its name."""
    await ctx.user_data.do("summary", "letter to the traveller", key=ctx.idempotency_key)
    return Summary([hotel, flight, car])


@send_summary.undo(in_doubt=True)  # no later node can fail, but a booked trip may be cancelled
async def send_cancellation(ctx: steno.ActionContext[Trip]) -> None:
    """Tell the traveller that there is no trip, if they were told that there is one."""
    await ctx.user_data.undo("summary", of=ctx.action_key, key=ctx.idempotency_key)


# The graph, stage by stage: the nodes of one stage run concurrently.

hotel = steno.Node.action("hotel", book_hotel, label="BookHotel")
flight = steno.Node.action("flight", book_flight, label="BookFlight")
car = steno.Node.action("car", book_car, label="BookCar")
builder = steno.DagBuilder("book-trip", params=TripParams)
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
    parser.set_defaults(fail=[], fail_undo=[], lose=[])
    for option, what in (
        ("--fail", "let a service refuse to do its part"),
        ("--fail-undo", "let a service refuse to undo its part"),
        ("--lose", "lose a service's answer after it has done its part"),
    ):
        how = f"{what}: {', '.join(SECONDS)}; may be repeated"
        parser.add_argument(option, metavar="NODE", choices=SECONDS, action="append", help=how)
    args = parser.parse_args()
    logging.getLogger("steno").addHandler(logging.NullHandler())  # failures are printed below
    raise SystemExit(trio.run(main, Trip(args.fail, args.fail_undo, args.lose)))
