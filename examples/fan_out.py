"""
Send the parcels of an order, as many as there are: a saga that runs others, its children.

The goods are packed, and only then it is known how many parcels there are. Each is sent by a saga
of its own, all at once. If one cannot be sent, the others are called back.

    python examples/fan_out.py
    python examples/fan_out.py --fail 2
    python examples/fan_out.py --goods 3
"""

import argparse
import logging
from collections.abc import Collection
from uuid import UUID

import attrs
import trio
import trio.testing

import steno

PER_PARCEL = 2


@attrs.frozen
class Parcel:
    """A parcel, by its number, and what is in it."""

    number: int
    goods: list[str]


class Lost(Exception):
    """There is no courier for a parcel."""


@attrs.define(eq=False)
class Depot:
    """The outside world: labels and couriers, by the key of the call."""

    failing: Collection[int] = ()
    done: dict[str, str] = attrs.field(init=False, factory=dict)

    async def do(self, what: str, seconds: float, *, key: str) -> str:
        """Do something that has an effect."""
        await trio.sleep(seconds)
        if key not in self.done:
            print(what)
        return self.done.setdefault(key, what)

    async def undo(self, *, of: str) -> None:
        """Undo what the call with the key `of` has done, if it has done anything."""
        await trio.sleep(0.1)
        if (what := self.done.pop(of, None)) is not None:
            print(f"undone: {what}")


registry = steno.ActionRegistry[Depot]()


# One parcel: this is what the child does.


@registry.action
async def print_label(ctx: steno.ActionContext[Depot], params: Parcel) -> str:
    """Print a label; a number is reserved for it."""
    what = f"parcel {params.number}: label printed"
    await ctx.user_data.do(what, 0.1, key=ctx.idempotency_key)
    return f"P{params.number:03}"


@print_label.undo(in_doubt=True)
async def void_label(ctx: steno.ActionContext[Depot]) -> None:
    """Give the number back."""
    await ctx.user_data.undo(of=ctx.action_key)


@registry.action(not_done=Lost)
async def hand_over(ctx: steno.ActionContext[Depot], params: Parcel, label: str) -> str:
    """Hand the parcel over to a courier, and return how it can be tracked."""
    if params.number in ctx.user_data.failing:
        raise Lost(f"no courier takes parcel {params.number}")
    what = f"parcel {params.number}: handed over with {', '.join(params.goods)}"
    await ctx.user_data.do(what, params.number, key=ctx.idempotency_key)
    return f"track/{label}"


@hand_over.undo(in_doubt=True)
async def call_back(ctx: steno.ActionContext[Depot]) -> None:
    """Have the courier bring it back."""
    await ctx.user_data.undo(of=ctx.action_key)


builder = steno.DagBuilder("send-parcel", params=Parcel)
builder.append(steno.Node.action("label", print_label))
builder.append(steno.Node.action("courier", hand_over))
send_parcel = builder.build()


# The order.


@registry.action(undo=steno.NOOP)
async def pack(ctx: steno.ActionContext[Depot], params: list[str]) -> list[Parcel]:
    """Pack the goods into parcels."""
    await trio.sleep(0.1)
    goods = [params[start : start + PER_PARCEL] for start in range(0, len(params), PER_PARCEL)]
    print(f"packed into {len(goods)} parcels")
    return [Parcel(number, each) for number, each in enumerate(goods, start=1)]


def parcel_sagas(ctx: steno.ActionContext[Depot], parcels: list[Parcel]) -> list[steno.SagaDag]:
    """Return a saga for each parcel; `parcels` is the output of the node of that name."""
    return [steno.SagaDag(send_parcel, parcel) for parcel in parcels]


send_parcels = steno.child_sagas("send_parcels", parcel_sagas)
registry.register(send_parcels)


@registry.action(undo=steno.NOOP)
async def notify(ctx: steno.ActionContext[Depot], tracking: list[str]) -> str:
    """Tell the customer how to track the parcels: in their order, whichever was sent first."""
    await ctx.user_data.do("the customer is told", 0.1, key=ctx.idempotency_key)
    return ", ".join(tracking)


builder = steno.DagBuilder("send-order", params=list[str])
builder.append(steno.Node.action("parcels", pack))
builder.append(steno.Node.action("tracking", send_parcels))
builder.append(steno.Node.action("mail", notify))
send_order = builder.build()

GOODS = ["coffee", "tea", "cups", "spoons", "sugar"]
SAGA_ID = UUID("9f7c1f62-2f8f-4a5e-8d0e-51f8f4a3c6b0")  # without this, it would be random


async def main(depot: Depot, goods: int) -> int:
    """Send an order of so many goods, print what came of it, and return the exit code."""
    async with steno.open_sec(steno.InMemorySecStore(), registry, context=depot) as sec:
        dag = steno.SagaDag(send_order, GOODS[:goods])
        result = await sec.saga_run(dag, saga_id=SAGA_ID)
        sagas = [saga async for saga in sec.sagas(tags={"steno.parent": str(SAGA_ID)})]
    print(f"\n{len(sagas)} children: {', '.join(sorted(saga.state.value for saga in sagas))}")
    match result:
        case steno.SagaResultOk() as ok:
            print(f"sent: {ok.saga_output(str)}")
            return 0
        case steno.SagaResultErr(error_source=error):
            print(f"not sent: {error.convert(dict)['message']}")
            return 1


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description="Send the parcels of an order.")
    parser.add_argument("--goods", type=int, default=len(GOODS), help="how many goods there are")
    parser.add_argument(
        "--fail",
        type=int,
        action="append",
        default=[],
        metavar="NUMBER",
        help="let no courier take a parcel; may be repeated",
    )
    args = parser.parse_args()
    logging.getLogger("steno").addHandler(logging.NullHandler())  # failures are printed above
    clock = trio.testing.MockClock(autojump_threshold=0)  # no need to wait for couriers
    raise SystemExit(trio.run(main, Depot(args.fail), args.goods, clock=clock))
