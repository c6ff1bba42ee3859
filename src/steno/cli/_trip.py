"""
The saga of the demo: a trip, booked completely or not at all.

The card is charged, then hotel, flight and car are booked concurrently, then a summary is sent.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Collection
from pathlib import Path

import attrs
import trio

from steno.action import NOOP, ActionContext, ActionRegistry, DagBuilder
from steno.core import Node, SagaDag

SAGA_NAME = "demo-book-trip"

SECONDS = {"payment": 0.2, "hotel": 0.2, "flight": 0.3, "car": 0.4, "summary": 0.2}
"""How long each service takes."""

SLOWLY = 8
"""How many times slower the services are with --slow, to leave time to kill it."""


@attrs.frozen
class TripParams:
    """What the traveller wants."""

    payment: str = "900 euros"
    hotel: str = "room at Hotel Post"
    flight: str = "flight OS 87"
    car: str = "small car"


@attrs.frozen
class Booking:
    """
    A booking that a service has made.

    Attributes:
        what: What was booked, in the traveller's words.
        number: The service's booking number.
    """

    what: str
    number: str


@attrs.define
class Refused(Exception):
    """A service refused a request."""

    why: str


@attrs.define(eq=False)
class Services:
    """
    The outside world: services that record what they have done in a file of their own.

    They identify each request by its key. An action is called again after a crash, with the same
    key; then a service does nothing and returns its earlier answer. Each line of the file is
    written immediately, so that it survives the death of the process.

    Args:
        path: The file; it is created when there is something to store.
        failing: Services that refuse to book.
        failing_undo: Services that refuse to cancel.
        pace: The factor by which they are slowed down.
        say: Prints a line.
    """

    path: Path
    failing: Collection[str]
    failing_undo: Collection[str]
    pace: float
    say: Callable[[str], None]
    _kept: dict[str, Booking] = attrs.field(init=False, factory=dict)

    def __attrs_post_init__(self) -> None:
        """Read what was done in earlier runs."""
        if self.path.exists():
            for line in self.path.read_text(encoding="utf-8").splitlines():
                entry = json.loads(line)
                self._kept[entry["key"]] = Booking(entry["what"], entry["number"])

    async def do(self, service: str, what: str, *, key: str) -> Booking:
        """Make a booking with a service."""
        await trio.sleep(SECONDS[service] * self.pace / 2)
        booking = self._kept.get(key)
        if booking is not None:
            self.say(f"{service}: {what}: done before, {booking.number}; not done again")
        elif service in self.failing:
            self.say(f"{service}: {what}: refused")
            raise Refused(f"no {what}")
        else:
            booking = Booking(what, f"{service[0].upper()}{len(self._kept) + 1:03}")
            self._keep(service, "do", key, booking)
            self.say(f"{service}: {what}: done, {booking.number}")
        await trio.sleep(SECONDS[service] * self.pace / 2)
        return booking

    async def undo(self, service: str, booking: Booking, *, key: str) -> None:
        """Cancel a booking with a service."""
        await trio.sleep(SECONDS[service] * self.pace / 2)
        what = f"{service}: {booking.what}, {booking.number}"
        if key in self._kept:
            self.say(f"{what}: undone before; not undone again")
        elif service in self.failing_undo:
            self.say(f"{what}: undo refused")
            raise Refused(f"no undo of {booking.what}")
        else:
            self._keep(service, "undo", key, booking)
            self.say(f"{what}: undone")
        await trio.sleep(SECONDS[service] * self.pace / 2)

    def _keep(self, service: str, verb: str, key: str, booking: Booking) -> None:
        entry = {"key": key, "service": service, "verb": verb, **attrs.asdict(booking)}
        with self.path.open("a", encoding="utf-8") as file:
            file.write(json.dumps(entry) + "\n")
        self._kept[key] = booking


registry = ActionRegistry()


@registry.action
async def charge_card(ctx: ActionContext[Services]) -> Booking:
    """Charge the card first, so that a declined card fails before anything is booked."""
    params = ctx.saga_params(TripParams)
    return await ctx.user_data.do("payment", params.payment, key=ctx.idempotency_key)


@charge_card.undo
async def refund_card(ctx: ActionContext[Services]) -> None:
    """Refund the charge."""
    await ctx.user_data.undo("payment", ctx.lookup("payment", Booking), key=ctx.idempotency_key)


@registry.action
async def book_hotel(ctx: ActionContext[Services]) -> Booking:
    """Book a room."""
    params = ctx.saga_params(TripParams)
    return await ctx.user_data.do("hotel", params.hotel, key=ctx.idempotency_key)


@book_hotel.undo
async def cancel_hotel(ctx: ActionContext[Services]) -> None:
    """Cancel the room."""
    await ctx.user_data.undo("hotel", ctx.lookup("hotel", Booking), key=ctx.idempotency_key)


@registry.action
async def book_flight(ctx: ActionContext[Services]) -> Booking:
    """Book a seat."""
    params = ctx.saga_params(TripParams)
    return await ctx.user_data.do("flight", params.flight, key=ctx.idempotency_key)


@book_flight.undo
async def cancel_flight(ctx: ActionContext[Services]) -> None:
    """Cancel the seat."""
    await ctx.user_data.undo("flight", ctx.lookup("flight", Booking), key=ctx.idempotency_key)


@registry.action
async def book_car(ctx: ActionContext[Services]) -> Booking:
    """Book a car."""
    params = ctx.saga_params(TripParams)
    return await ctx.user_data.do("car", params.car, key=ctx.idempotency_key)


@book_car.undo
async def cancel_car(ctx: ActionContext[Services]) -> None:
    """Cancel the car."""
    await ctx.user_data.undo("car", ctx.lookup("car", Booking), key=ctx.idempotency_key)


@registry.action(undo=NOOP)
async def send_summary(ctx: ActionContext[Services]) -> list[Booking]:
    """Tell the traveller; no later node can fail and cause this to be undone."""
    await ctx.user_data.do("summary", "letter to the traveller", key=ctx.idempotency_key)
    return [ctx.lookup(name, Booking) for name in ("hotel", "flight", "car")]


def trip() -> SagaDag:
    """Return the saga that books a trip."""
    builder = DagBuilder(SAGA_NAME)
    builder.append(Node.action("payment", charge_card, label="ChargeCard"))
    builder.append_parallel(
        [
            Node.action("hotel", book_hotel, label="BookHotel"),
            Node.action("flight", book_flight, label="BookFlight"),
            Node.action("car", book_car, label="BookCar"),
        ]
    )
    builder.append(Node.action("summary", send_summary, label="SendSummary"))
    return SagaDag(builder.build(), TripParams())
