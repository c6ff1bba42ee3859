"""
The saga of the demo: a trip, booked completely or not at all.

The card is charged, then hotel, flight and car are booked concurrently, then a summary is sent. A
service that does not answer is called again; one that refuses is not, and the trip is undone.
"""

from __future__ import annotations

import enum
import json
from collections.abc import Callable, Collection
from pathlib import Path
from typing import TypeVar

import attrs
import trio

from steno.action import NOOP, ActionContext, ActionRegistry, DagBuilder, Retry
from steno.core import Node, SagaDag

T = TypeVar("T")

SAGA_NAME = "demo-book-trip"

SECONDS = {"payment": 0.2, "hotel": 0.2, "flight": 0.3, "car": 0.4, "summary": 0.2}
"""How long each service takes."""

SLOWLY = 6
"""How many times slower the services are with --slow, to leave time to kill it."""

TIMEOUT = 3
"""How many seconds a call may take: more than the slowest service needs with --slow."""


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
    """A service refused a request: it has done nothing."""

    why: str


@attrs.define
class NoAnswer(Exception):
    """A service did not answer: nobody knows whether it has done anything."""

    why: str


class Mishap(enum.Enum):
    """How a call goes wrong with --flaky."""

    ANSWER_LOST = "the answer is lost"
    """The service does what it is asked to do, and its answer does not arrive."""
    HANGS = "no answer"
    """The service does nothing and never answers, until the timeout ends the call."""
    UNREACHABLE = "not reached"
    """The request does not arrive."""


MISHAPS = {
    ("flight", "do"): Mishap.ANSWER_LOST,
    ("summary", "do"): Mishap.HANGS,
    ("hotel", "undo"): Mishap.UNREACHABLE,
    ("payment", "undo"): Mishap.ANSWER_LOST,
}
"""With --flaky: the calls of which the first goes wrong, about one in three."""


@attrs.define(eq=False)
class Services:
    """
    The outside world: services that record what they have done in a file of their own.

    They identify each request by its key. An action is called again after a crash, and if there was
    no answer, with the same key; then a service does nothing and returns its earlier answer. Each
    line of the file is written immediately, so that it survives the death of the process.

    Args:
        path: The file; it is created when there is something to store.
        failing: Services that refuse to book.
        failing_undo: Services that refuse to cancel.
        pace: The factor by which they are slowed down.
        say: Prints a line.
        flaky: Whether some calls go wrong, as in `MISHAPS`.
    """

    path: Path
    failing: Collection[str]
    failing_undo: Collection[str]
    pace: float
    say: Callable[[str], None]
    flaky: bool = False
    _begun: set[tuple[str, str]] = attrs.field(init=False, factory=set)
    _kept: dict[str, Booking] = attrs.field(init=False, factory=dict)

    def __attrs_post_init__(self) -> None:
        """Read what was done in earlier runs."""
        if self.path.exists():
            for line in self.path.read_text(encoding="utf-8").splitlines():
                entry = json.loads(line)
                self._kept[entry["key"]] = Booking(entry["what"], entry["number"])

    async def do(self, service: str, what: str, *, key: str) -> Booking:
        """Make a booking with a service."""
        return await self._call(service, "do", what, lambda: self._do(service, what, key))

    async def undo(self, service: str, *, key: str, of: str) -> None:
        """
        Cancel a booking with a service, if there is one.

        Args:
            service: The service.
            key: The key of this request.
            of: The key of the request that made the booking.
        """
        await self._call(service, "undo", "undo", lambda: self._undo(service, key, of))

    async def _call(self, service: str, verb: str, what: str, effect: Callable[[], T]) -> T:
        mishap = self._mishap(service, verb)
        if mishap is Mishap.UNREACHABLE:
            raise self._no_answer(service, what, mishap)
        await trio.sleep(SECONDS[service] * self.pace / 2)
        if mishap is Mishap.HANGS:
            self._no_answer(service, what, mishap)
            await trio.sleep_forever()
        answer = effect()
        if mishap is Mishap.ANSWER_LOST:
            raise self._no_answer(service, what, mishap)
        await trio.sleep(SECONDS[service] * self.pace / 2)
        return answer

    def _mishap(self, service: str, verb: str) -> Mishap | None:
        """Return how a call that begins goes wrong; None: it does not."""
        is_first = (service, verb) not in self._begun
        self._begun.add((service, verb))
        return MISHAPS.get((service, verb)) if self.flaky and is_first else None

    def _no_answer(self, service: str, what: str, mishap: Mishap) -> NoAnswer:
        self.say(f"{service}: {what}: {mishap.value}")
        return NoAnswer(mishap.value)

    def _do(self, service: str, what: str, key: str) -> Booking:
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
        return booking

    def _undo(self, service: str, key: str, of: str) -> None:
        booking = self._kept.get(of)
        if booking is None:
            self.say(f"{service}: nothing was done, so there is nothing to undo")
            return
        what = f"{service}: {booking.what}, {booking.number}"
        if key in self._kept:
            self.say(f"{what}: undone before; not undone again")
        elif service in self.failing_undo:
            self.say(f"{what}: undo refused")
            raise Refused(f"no undo of {booking.what}")
        else:
            self._keep(service, "undo", key, booking)
            self.say(f"{what}: undone")

    def _keep(self, service: str, verb: str, key: str, booking: Booking) -> None:
        entry = {"key": key, "service": service, "verb": verb, **attrs.asdict(booking)}
        with self.path.open("a", encoding="utf-8") as file:
            file.write(json.dumps(entry) + "\n")
        self._kept[key] = booking


# A service that does not answer is called again; one that refuses has answered, so is not. An undo
# has no limit: giving up would leave a booking behind, and need a person.
registry = ActionRegistry(
    retry=Retry(on=NoAnswer, attempts=5, wait_initial=0.2, wait_jitter=0.2),
    timeout=TIMEOUT,
    undo_retry=Retry(on=NoAnswer, attempts=None, timeout=None, wait_initial=0.2, wait_jitter=0.2),
    undo_timeout=TIMEOUT,
)


@registry.action(not_done=Refused)
async def charge_card(ctx: ActionContext[Services]) -> Booking:
    """Charge the card first, so that a declined card fails before anything is booked."""
    params = ctx.saga_params(TripParams)
    return await ctx.user_data.do("payment", params.payment, key=ctx.idempotency_key)


@charge_card.undo(in_doubt=True)
async def refund_card(ctx: ActionContext[Services]) -> None:
    """Refund the charge, if there is one: this is called if nobody knows, too."""
    await ctx.user_data.undo("payment", key=ctx.idempotency_key, of=ctx.action_key)


@registry.action(not_done=Refused)
async def book_hotel(ctx: ActionContext[Services]) -> Booking:
    """Book a room."""
    params = ctx.saga_params(TripParams)
    return await ctx.user_data.do("hotel", params.hotel, key=ctx.idempotency_key)


@book_hotel.undo(in_doubt=True)
async def cancel_hotel(ctx: ActionContext[Services]) -> None:
    """Cancel the room."""
    await ctx.user_data.undo("hotel", key=ctx.idempotency_key, of=ctx.action_key)


@registry.action(not_done=Refused)
async def book_flight(ctx: ActionContext[Services]) -> Booking:
    """Book a seat."""
    params = ctx.saga_params(TripParams)
    return await ctx.user_data.do("flight", params.flight, key=ctx.idempotency_key)


@book_flight.undo(in_doubt=True)
async def cancel_flight(ctx: ActionContext[Services]) -> None:
    """Cancel the seat."""
    await ctx.user_data.undo("flight", key=ctx.idempotency_key, of=ctx.action_key)


@registry.action(not_done=Refused)
async def book_car(ctx: ActionContext[Services]) -> Booking:
    """Book a car."""
    params = ctx.saga_params(TripParams)
    return await ctx.user_data.do("car", params.car, key=ctx.idempotency_key)


@book_car.undo(in_doubt=True)
async def cancel_car(ctx: ActionContext[Services]) -> None:
    """Cancel the car."""
    await ctx.user_data.undo("car", key=ctx.idempotency_key, of=ctx.action_key)


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
