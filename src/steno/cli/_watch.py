"""`steno watch`."""

from __future__ import annotations

from contextlib import nullcontext

from steno.cli._exit import Exit
from steno.cli._find import find, saga_argument
from steno.cli._follow import Display, JsonLines, display_of_terminal, exit_of, follow
from steno.cli._stored import snapshot_of
from steno.cli._verb import interval_option, json_option, run, store_option, verb
from steno.core import SagaResult, SagaView
from steno.errors import NoSuchSaga
from steno.store import OperatorStore


@verb("watch")
@store_option
@json_option
@interval_option
@saga_argument
def command(store: OperatorStore, saga: str, interval: float, *, as_json: bool) -> Exit:
    """
    Watch a saga until it is finished: its tree and a bar, or a line per event without a terminal.

    It polls the store, so it does not matter which program runs the saga, or whether any does. A
    saga with a problem is halted; it is watched until the problem is fixed.

    With --json: a line with an object per event (seq, node, event and data as in log), and per
    change of the saga's state (state and problem). That is as in list, or halted.

    Examples:
      steno watch 6b0c
      steno watch --json --interval 5 6b0c | tee trip.jsonl

    Exit codes:
      0  the saga succeeded
      1  it failed, and what had succeeded is undone
      3  there is no such saga, or it was deleted
      6  it is stuck
    """
    with nullcontext(JsonLines()) if as_json else display_of_terminal() as display:
        return exit_of(run(_watch, store, saga, display, interval))


async def _watch(
    store: OperatorStore, digits: str, display: Display, interval: float
) -> SagaResult:
    async with store.open_reader() as reader:
        saga_id = (await find(reader, digits)).saga_id

        async def look() -> SagaView:
            if (stored := await reader.load(saga_id)) is None:
                raise NoSuchSaga(saga_id)
            return snapshot_of(stored).view()

        return await follow(look, display, interval)
