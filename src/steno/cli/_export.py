"""`steno export`."""

from __future__ import annotations

from pathlib import Path

import click

from steno.cli._exit import Exit, Refusal
from steno.cli._find import load, saga_argument
from steno.cli._stored import dump_of
from steno.cli._verb import echo_json, run, store_option, verb
from steno.core import SagaSerialized
from steno.store import OperatorStore


@verb("export")
@store_option
@click.option(
    "-o",
    "--output",
    metavar="FILE",
    type=click.Path(path_type=Path, dir_okay=False, allow_dash=True),
    default="-",
    help="Write to this file instead of standard output; an existing file is replaced.",
)
@click.option(
    "--steno",
    "for_steno",
    is_flag=True,
    help="Write exactly what Steno writes: without the times of events.",
)
@saga_argument
def command(store: OperatorStore, saga: str, output: Path, *, for_steno: bool) -> Exit:
    """
    Write a saga as a dump: its graph, its params and its log, in Steno's own JSON.

    It is what SagaSerialized.to_json() returns, byte for byte, in UTF-8. `steno import` reads it.
    The saga is not changed.

    Examples:
      steno export 6b0c > trip.json
      steno export -o trip.json 6b0c
      steno export --steno 6b0c

    Exit codes:
      0  it was written
      3  there is no such saga
      4  it cannot be read
    """
    text = run(_read, store, saga).to_json(steno=for_steno)
    if str(output) == "-":
        echo_json(text, nl=False)
        return Exit.FINE
    try:
        output.write_bytes(text.encode())
    except OSError as error:
        msg = f"{output} cannot be written: {error.strerror}"
        raise Refusal(msg, Exit.USAGE) from error
    return Exit.FINE


async def _read(store: OperatorStore, digits: str) -> SagaSerialized:
    async with store.open_reader() as reader:
        return dump_of(await load(reader, digits))
