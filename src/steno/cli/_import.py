"""`steno import`."""

from __future__ import annotations

from typing import BinaryIO

import click

from steno.cli._exit import Exit, Refusal
from steno.cli._verb import run, store_option, verb
from steno.core import SagaSerialized, SagaState, fold_unordered
from steno.errors import RecoveryError, SagaIdInUse
from steno.store import Durable, Fence, Lost, OperatorStore, Rejected, SagaCreateParams


@verb("import")
@store_option
@click.option(
    "--sec",
    metavar="NAME",
    default="default",
    show_default=True,
    help="The SEC to run it: the sec_name of open_sec.",
)
@click.argument("file", metavar="FILE", type=click.File("rb"))
def command(store: OperatorStore, file: BinaryIO, sec: str) -> Exit:
    """
    Store a saga from a dump, under the id in the dump.

    FILE was written by `steno export` or by Steno's own tools; - is standard input. The dump is
    validated in full, including its log, before anything is written. The saga is ready, even if
    its log is finished: it continues when a SEC of that name is open and starts it, with
    saga_start(ID). The store is created if it does not exist.

    Examples:
      steno --store trips.db import trip.json
      steno export 6b0c | steno --store other.db import --sec trips -

    Exit codes:
      0  it is stored
      1  it is not a dump of a saga, or its id is in use
      5  another process has the store open for writing
    """
    try:
        dump = SagaSerialized.from_json(file.read().decode())
        state = fold_unordered(dump.dag.flat, dump.saga_id, dump.events)
    except (RecoveryError, UnicodeDecodeError) as error:
        msg = f"{getattr(file, 'name', '<stdin>')}: {error}"
        raise Refusal(msg, Exit.NO) from error
    try:
        run(_store, store, sec, dump, state)
    except SagaIdInUse as error:
        raise Refusal(str(error), Exit.NO) from error
    click.echo(f"{dump.saga_id} is ready; it continues when the SEC {sec!r} starts it")
    return Exit.FINE


async def _store(store: OperatorStore, sec: str, dump: SagaSerialized, state: SagaState) -> None:
    async with store.open() as session:
        fence: Fence = (await session.take_over(sec)).fence
        saga = SagaCreateParams(
            saga_id=dump.saga_id,
            saga_name=dump.dag.saga_name,
            dag_digest=dump.dag.flat.digest,
            dag_text=dump.dag.flat.text,
            params=dump.dag.params,
            fence=fence,
            events=tuple(state.log.events),
        )
        (outcome,) = await session.record([saga])
        match outcome:
            case Durable():
                return
            case Rejected(error=error):
                raise error
            case Lost():
                raise SagaIdInUse(dump.saga_id)
