"""`steno demo`."""

from __future__ import annotations

import logging
from contextlib import suppress
from pathlib import Path

import click

from steno.cli._exit import Exit
from steno.cli._follow import Display, display_of_terminal, exit_of, follow
from steno.cli._trip import SAGA_NAME, SECONDS, SLOWLY, Booking, Refused, Services, registry, trip
from steno.cli._verb import run, verb
from steno.core import (
    ActionError,
    SagaCachedState,
    SagaHalted,
    SagaResult,
    SagaResultErr,
    SagaResultOk,
    SagaView,
    escaped,
)
from steno.errors import DeserializeError, SagaHaltedError, SagaNotReady
from steno.runtime import SagaHandle, SecClient, open_sec
from steno.stores import SqliteSecStore

FILE = "steno-demo.db"

SEC_NAME = "steno-demo"

INTERVAL = 0.05
"""Seconds between two polls of the saga."""

UNFINISHED = [state for state in SagaCachedState if not state.finished]

SERVICES = click.Choice(list(SECONDS))


def _path(ctx: click.Context, _: click.Parameter, value: str | None) -> Path:
    """Return the file; STENO_STORE is ignored, so that the demo cannot touch a real store."""
    root = ctx.find_root()
    if value is None and root.get_parameter_source("store") is _ON_THE_LINE:
        value = root.params["store"]
    chosen = value or FILE
    if "://" in chosen:
        msg = "the demo takes the path of a file"
        raise click.BadParameter(msg, ctx, param_hint="'--store'")
    return Path(chosen)


_ON_THE_LINE = click.core.ParameterSource.COMMANDLINE


@verb("demo")
@click.option("--store", "path", metavar="FILE", callback=_path, help=f"A SQLite file [{FILE}].")
@click.option(
    "--fail",
    metavar="NODE",
    type=SERVICES,
    multiple=True,
    help="Let this service refuse its booking; may be repeated.",
)
@click.option(
    "--fail-undo",
    metavar="NODE",
    type=SERVICES,
    multiple=True,
    help="Let this service refuse to cancel its booking; may be repeated.",
)
@click.option("--flaky", is_flag=True, help="Let some calls go wrong, about one in three.")
@click.option("--slow", is_flag=True, help="Take some seconds, so that it can be killed.")
def command(
    path: Path, fail: tuple[str, ...], fail_undo: tuple[str, ...], *, flaky: bool, slow: bool
) -> Exit:
    """
    Book a trip on a SQLite file, or continue one that was interrupted.

    Payment first, then hotel, flight and car at once, then a summary: those are the NODEs. Kill it
    at any moment, with Ctrl-C or kill -9, and run it again: it continues the same saga.
    The services record what they did in FILE.services, by key, so that nothing is done twice.
    With --flaky, some calls are not answered, one of them after the service has done its part: each
    is made again. Inspect it with the other commands, even while it runs. STENO_STORE is ignored
    here.

    Examples:
      steno demo
      steno demo --slow         # kill it, then run again: steno demo
      steno demo --flaky        # services fail now and then, and are called again
      steno demo --fail car
      steno demo --fail summary --fail-undo hotel
      steno --store steno-demo.db list

    Exit codes:
      0  the trip is booked
      1  it failed, and what had succeeded is undone
      5  another process has the file open for writing, such as another demo
      6  it is stuck
    """
    logging.getLogger("steno").addHandler(logging.NullHandler())  # the display shows what happens
    store = SqliteSecStore(str(path))
    kept = path.with_name(f"{path.name}.services")
    try:
        with display_of_terminal() as display:
            pace = SLOWLY if slow else 1
            services = Services(kept, fail, fail_undo, pace, display.say, flaky)
            result = run(_demo, store, services, display)
    except KeyboardInterrupt:
        again = escaped(f"steno demo --store {path}")
        click.echo(f"interrupted; {again} continues it", err=True)
        raise
    _report(result)
    return exit_of(result)


async def _demo(store: SqliteSecStore, services: Services, display: Display) -> SagaResult:
    # Recovery is requested below: a saga recovered at open could finish before it is displayed.
    async with open_sec(store, registry, context=services, sec_name=SEC_NAME, recover=False) as sec:
        saga = await _taken_up(sec, display)

        async def look() -> SagaView:
            view = await saga.view()
            if isinstance(view.state, SagaHalted):
                raise SagaHaltedError(view.saga_id, view.state.problem)
            return view

        return await follow(look, display, INTERVAL)


async def _taken_up(sec: SecClient, display: Display) -> SagaHandle:
    """Return a handle of the interrupted trip, or of a new one."""
    page = await sec.saga_list(limit=1, states=UNFINISHED, name=SAGA_NAME)
    if page:
        display.say(f"saga {page[0].saga_id} was interrupted, and continues")
        saga = await sec.saga_recover(page[0].saga_id)
        with suppress(SagaNotReady):
            await saga.start()
        return saga
    saga = await sec.saga_create(trip(), start=True)
    display.say(f"saga {saga.saga_id} is new")
    return saga


def _report(result: SagaResult) -> None:
    match result:
        case SagaResultOk() as ok:
            bookings = ok.saga_output(list[Booking])
            click.echo(f"trip booked: {', '.join(each.what for each in bookings)}")
        case SagaResultErr(error_node_name=node, error_source=error, undo_failure=undo):
            click.echo(f"no trip: {node} failed: {reason(error)}")
            if undo is not None:
                click.echo(f"stuck: {undo[0]} is not undone: it needs an operator")


def reason(error: ActionError) -> str:
    """Return why the trip is not booked: in the service's words, if it refused."""
    try:
        return error.convert(Refused).why
    except DeserializeError:  # it did not refuse: it never answered
        return str(error)
