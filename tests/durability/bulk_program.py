"""A process that gives an order to many sagas, to be killed and started again; see its test."""

import sys

import trio

import steno
from support.killing import say

registry = steno.ActionRegistry()


@registry.action(undo=steno.NOOP)
async def nothing(ctx: steno.ActionContext[None]) -> None:
    pass


def trip() -> steno.SagaDag:
    builder = steno.DagBuilder("trip")
    builder.append(steno.Node.action("only", nothing))
    return steno.SagaDag(builder.build(), None)


async def live(path: str) -> None:
    say("opening")
    async with steno.open_sec(steno.SqliteSecStore(path), registry) as sec:
        say("open")
        if found := await sec.bulk_orders():
            order = await sec.bulk_order(found[0].bulk_id)
        else:
            sagas = steno.SagaFilter(name="trip")
            order = await sec.order_many(sagas, "start", by="ops", rate=300)
        say("acknowledged")
        await order.wait()


if __name__ == "__main__":
    trio.run(live, sys.argv[1])
