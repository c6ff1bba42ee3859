"""
A web service that books trips: Quart-Trio, served by Hypercorn in the same event loop as the SEC.

    pip install trio-steno quart-trio hypercorn
    python examples/web_service.py --port 8000 --store trips.db

    curl -i localhost:8000/bookings -H 'Content-Type: application/json' \
        -d '{"id": "6b0c5f0e-3f0e-4c52-9a53-6c5bfb4c0e36", "hotel": "The Grand", "guest": "Ada"}'
    curl localhost:8000/bookings/6b0c5f0e-3f0e-4c52-9a53-6c5bfb4c0e36

On SIGTERM it stops accepting requests, lets the calls in progress end, and exits. Kill it at any
moment: the next process continues with every booking that was accepted.
"""

import argparse
import json
import logging
import signal
from functools import partial
from http import HTTPStatus
from typing import TypeAlias, assert_never
from uuid import UUID

import attrs
import trio
from hypercorn.config import Config
from hypercorn.trio import serve
from quart import request
from quart_trio import QuartTrio

import steno

logger = logging.getLogger("bookings")

Answer: TypeAlias = tuple[dict[str, object], int]


# The saga


@attrs.frozen
class Booking:
    """What is booked; the params of the saga."""

    hotel: str = attrs.field(validator=attrs.validators.instance_of(str))
    guest: str = attrs.field(validator=attrs.validators.instance_of(str))


class NoVacancy(Exception):
    """The hotel has no room, so nothing was booked."""


@attrs.frozen
class Services:
    """Stands in for the clients of two other systems, which take `seconds` to answer."""

    seconds: float

    async def charge(self, guest: str, *, key: str) -> None:
        """Charge a guest once for each key."""
        logger.info("charging %s, key %s", guest, key)
        await trio.sleep(self.seconds)

    async def refund(self, *, key: str) -> None:
        """Refund the charge that has this key, if there is one."""
        logger.info("refunding, key %s", key)
        await trio.sleep(self.seconds)

    async def book(self, hotel: str, *, key: str) -> str:
        """Book a room once for each key, and return the number of the booking."""
        logger.info("booking %s, key %s", hotel, key)
        await trio.sleep(self.seconds)
        if hotel == "Bates Motel":
            raise NoVacancy(hotel)
        return key[:8].upper()

    async def cancel(self, *, key: str) -> None:
        """Cancel the booking that has this key, if there is one."""
        logger.info("cancelling, key %s", key)
        await trio.sleep(self.seconds)


Context: TypeAlias = steno.ActionContext[Services]

# Errors of the network are retried; undo actions are retried until they succeed.
registry = steno.ActionRegistry(
    retry=steno.Retry(on=OSError, attempts=5),
    timeout=30,
    undo_retry=steno.Retry(attempts=None, timeout=None, wait_max=60),
    undo_timeout=30,
)


@registry.action
async def charge_card(ctx: Context) -> None:
    """Charge the guest's card."""
    guest = ctx.saga_params(Booking).guest
    await ctx.user_data.charge(guest, key=ctx.idempotency_key)


@charge_card.undo(in_doubt=True)
async def refund_card(ctx: Context) -> None:
    """Refund the charge, if it was made."""
    await ctx.user_data.refund(key=ctx.action_key)


@registry.action(not_done=NoVacancy)
async def book_hotel(ctx: Context) -> str:
    """Book the room."""
    hotel = ctx.saga_params(Booking).hotel
    return await ctx.user_data.book(hotel, key=ctx.idempotency_key)


@book_hotel.undo(in_doubt=True)
async def cancel_hotel(ctx: Context) -> None:
    """Cancel the room, if it was booked."""
    await ctx.user_data.cancel(key=ctx.action_key)


builder = steno.DagBuilder("booking")
builder.append(steno.Node.action("payment", charge_card))
builder.append(steno.Node.action("hotel", book_hotel))
booking_dag = builder.build()


# The web application


STATUSES = {
    steno.NoSuchSaga: HTTPStatus.NOT_FOUND,
    steno.SagaIdInUse: HTTPStatus.CONFLICT,
    steno.SagaHaltedError: HTTPStatus.SERVICE_UNAVAILABLE,
    steno.SecClosing: HTTPStatus.SERVICE_UNAVAILABLE,
    steno.StoreError: HTTPStatus.SERVICE_UNAVAILABLE,
}


@attrs.define
class Readiness:
    """Whether new requests should be sent here; a load balancer asks."""

    ready: bool = True


def make_app(sec: steno.SecClient, readiness: Readiness) -> QuartTrio:
    """Return the application."""
    app = QuartTrio(__name__)

    @app.post("/bookings")
    async def create() -> Answer:
        body = await request.get_json()
        try:  # the client chooses the id, so that it can send the request again
            saga_id, booking = UUID(body["id"]), Booking(body["hotel"], body["guest"])
        except (KeyError, TypeError, ValueError, AttributeError) as error:
            return answer(HTTPStatus.BAD_REQUEST, error=f"not a booking: {error!r}")
        dag = steno.SagaDag(booking_dag, booking)
        saga = await sec.saga_create(dag, saga_id=saga_id, start=True)
        return answer(HTTPStatus.ACCEPTED, **described(await saga.view()))

    @app.get("/bookings/<uuid:saga_id>")
    async def show(saga_id: UUID) -> Answer:
        return answer(HTTPStatus.OK, **described(await sec.saga_get(saga_id)))

    @app.get("/healthz")
    async def health() -> Answer:
        return answer(HTTPStatus.OK, **attrs.asdict(sec.statistics()))

    @app.get("/readyz")
    async def ready() -> Answer:
        status = HTTPStatus.OK if readiness.ready else HTTPStatus.SERVICE_UNAVAILABLE
        return answer(status, ready=readiness.ready)

    for kind, status in STATUSES.items():
        app.register_error_handler(kind, partial(refused, status))
    return app


def answer(status: HTTPStatus, **body: object) -> Answer:
    """Return the answer to a request."""
    return body, status


async def refused(status: HTTPStatus, error: Exception) -> Answer:
    """Answer a request that raised one of the library's exceptions."""
    await trio.lowlevel.checkpoint()
    return answer(status, error=str(error))


def described(view: steno.SagaView) -> dict[str, object]:
    """Return what a client is told about a booking."""
    return {"id": str(view.saga_id), **state_of(view.state)}


def state_of(state: steno.SagaStateView) -> dict[str, object]:
    """Return the state of a booking, and what came of it."""
    match state:
        case steno.SagaReady() | steno.SagaRunning():
            return {"state": "pending"}
        case steno.SagaHalted():
            return {"state": "pending"}  # it continues when what halted it is repaired: see the log
        case steno.SagaDone(result=result):
            return result_of(result)
        case _:
            assert_never(state)


def result_of(result: steno.SagaResult) -> dict[str, object]:
    """Return what came of a booking."""
    match result:
        case steno.SagaResultOk() as ok:
            return {"state": "booked", "number": ok.saga_output(str)}
        case steno.SagaResultErr(error_source=error, undo_failure=None):
            return {"state": "failed", "error": str(error)}
        case steno.SagaResultErr(error_source=error):
            return {"state": "stuck", "error": str(error)}  # the one state that needs a person
        case _:
            assert_never(result)


# The process


class JsonLines(logging.Formatter):
    """Formats each record as a line of JSON, with what the logger `steno` adds to its records."""

    EXTRAS = ("saga_id", "saga_name", "node")

    def format(self, record: logging.LogRecord) -> str:
        """Return the line."""
        line = {
            "time": self.formatTime(record),
            "level": record.levelname,
            "logger": record.name,
            "message": record.getMessage(),
        }
        line |= {name: getattr(record, name) for name in self.EXTRAS if hasattr(record, name)}
        if record.exc_info:
            line["traceback"] = self.formatException(record.exc_info)
        return json.dumps(line)


async def main(options: argparse.Namespace) -> None:
    """Serve until SIGTERM or SIGINT arrives, then leave in an orderly way."""
    config = Config()
    config.bind = [f"{options.host}:{options.port}"]
    config.errorlog = logging.getLogger("hypercorn")
    readiness = Readiness()
    stop = trio.Event()
    store = steno.SqliteSecStore(options.store)
    services = Services(options.seconds)
    with (
        trio.CancelScope() as scope,
        trio.open_signal_receiver(signal.SIGTERM, signal.SIGINT) as signals,
    ):
        async with steno.open_sec(store, registry, context=services) as sec:
            app = make_app(sec, readiness)
            async with trio.open_nursery() as nursery:
                server = partial(serve, app, config, shutdown_trigger=stop.wait)
                (address,) = await nursery.start(server)
                logger.info("serving on %s", address)
                async for _ in signals:
                    break
                logger.info("stopping")
                readiness.ready = False
                await trio.sleep(options.lead)  # until load balancers have noticed
                scope.deadline = trio.current_time() + options.grace
                stop.set()  # accept nothing more, and finish the requests in progress
            await sec.drain()  # begin nothing more, and finish the calls in progress
    # What was cut off here is logged as started, and is called again by the next process.
    logger.info("stopped%s", " at the deadline" if scope.cancelled_caught else "")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description="Book trips over HTTP.")
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=int, default=8000)
    parser.add_argument("--store", default="bookings.db", help="the file with the sagas")
    parser.add_argument("--seconds", type=float, default=1, help="how long a service takes")
    parser.add_argument("--lead", type=float, default=0, help="seconds from SIGTERM to stopping")
    parser.add_argument("--grace", type=float, default=20, help="seconds from there to exiting")
    handler = logging.StreamHandler()
    handler.setFormatter(JsonLines())
    logging.basicConfig(level=logging.INFO, handlers=[handler])
    trio.run(main, parser.parse_args())
