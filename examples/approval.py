"""
Pay an expense if somebody approves of it within three days: a saga that waits for a person.

The budget is reserved, then the saga waits for a decision. Meanwhile the service is restarted once,
as for a new release. If the decision is no, or if there is none in time, the budget is free again.

    python examples/approval.py
    python examples/approval.py --answer no
    python examples/approval.py --after 80
"""

import argparse
import logging
from datetime import UTC, datetime, timedelta
from uuid import UUID

import attrs
import trio
import trio.testing

import steno

PATIENCE = timedelta(days=3)


@attrs.frozen
class Expense:
    """What is to be paid."""

    what: str
    euros: int


@attrs.frozen
class Decision:
    """What somebody has decided."""

    approved: bool
    by: str


class Declined(Exception):
    """Somebody has decided against the expense."""


@attrs.define(eq=False)
class Office:
    """The outside world: what is reserved and paid, by the key of the call."""

    reserved: dict[str, int] = attrs.field(factory=dict)
    paid: dict[str, int] = attrs.field(factory=dict)

    async def reserve(self, euros: int, *, key: str) -> None:
        """Reserve a part of the budget."""
        await trio.sleep(0.1)
        if key not in self.reserved:
            print(f"{today()} {euros} euros are reserved")
        self.reserved[key] = euros

    async def free(self, *, of: str) -> None:
        """Free what the call with the key `of` has reserved, if it has."""
        await trio.sleep(0.1)
        if (euros := self.reserved.pop(of, None)) is not None:
            print(f"{today()} {euros} euros are free again")

    async def pay(self, expense: Expense, *, key: str) -> None:
        """Pay."""
        await trio.sleep(0.1)
        if key not in self.paid:
            print(f"{today()} {expense.euros} euros are paid for {expense.what}")
        self.paid[key] = expense.euros

    async def take_back(self, *, of: str) -> None:
        """Have the money paid back, if the call with the key `of` has paid it."""
        await trio.sleep(0.1)
        if (euros := self.paid.pop(of, None)) is not None:
            print(f"{today()} {euros} euros are paid back")


registry = steno.ActionRegistry[Office]()


@registry.action
async def reserve_budget(ctx: steno.ActionContext[Office], params: Expense) -> None:
    """Reserve the money, so that it is there once the expense is approved."""
    await ctx.user_data.reserve(params.euros, key=ctx.idempotency_key)


@reserve_budget.undo(in_doubt=True)
async def free_budget(ctx: steno.ActionContext[Office]) -> None:
    """Free the money."""
    await ctx.user_data.free(of=ctx.action_key)


@registry.action(not_done=Declined)
async def pay(ctx: steno.ActionContext[Office], params: Expense, decision: Decision) -> str:
    """Pay, if the decision is to do so; `decision` is the output of the node of that name."""
    if not decision.approved:
        raise Declined(f"{decision.by} has declined")
    await ctx.user_data.pay(params, key=ctx.idempotency_key)
    return f"approved by {decision.by}"


@pay.undo(in_doubt=True)  # nothing can fail after it, but somebody may order to unwind the saga
async def take_money_back(ctx: steno.ActionContext[Office]) -> None:
    """Take the money back."""
    await ctx.user_data.take_back(of=ctx.action_key)


builder = steno.DagBuilder("expense", params=Expense)
builder.append(steno.Node.action("budget", reserve_budget))
builder.append(steno.Node.signal("decision", "approval", type=Decision))
builder.append(steno.Node.action("payment", pay))
expense = builder.build()

SAGA_ID = UUID("b1f3c7d2-8a7e-4f0b-9c35-0d2f5f6a1e77")  # without this, it would be random
START = datetime(2026, 3, 2, 9, tzinfo=UTC)


def now() -> datetime:
    """Return the time by Trio's clock, which jumps here, so that days pass at once."""
    return START + timedelta(seconds=trio.current_time())


def today() -> str:
    """Return the day of the week and the time."""
    return format(now(), "%a %H:%M")


async def main(answer: bool, after: float) -> int:  # noqa: FBT001 - it is the decision
    """Run the saga, let somebody decide after so many hours, and return the exit code."""
    store, office = steno.InMemorySecStore(), Office()
    # A service leaves `clock` out, and keeps its sagas in a file: SqliteSecStore("expenses.db").
    async with steno.open_sec(store, registry, context=office, clock=now) as sec:
        dag = steno.SagaDag(expense, Expense("a new coffee machine", 480))
        await sec.saga_create(dag, saga_id=SAGA_ID, start=True, deadline=now() + PATIENCE)
        await trio.sleep(3600)
    print(f"{today()} the service is restarted")
    async with steno.open_sec(store, registry, context=office, clock=now) as sec:
        saga = sec.saga_handle(SAGA_ID)
        with trio.move_on_after(after * 3600 - trio.current_time()):
            await saga.wait()
        try:
            # As the handler of a web page would, in which somebody has clicked on a button.
            await saga.signal("approval", Decision(approved=answer, by="Ada"), by="Ada")
            print(f"{today()} Ada says {'yes' if answer else 'no'}")
        except steno.OrderRefused as refused:
            print(f"{today()} Ada is too late: {refused.why}")
        match await saga.wait():
            case steno.SagaResultOk() as ok:
                print(f"{today()} done: {ok.saga_output(str)}")
                return 0
            case steno.SagaResultErr(error_source=steno.Unwound() as unwound):
                print(f"not paid: {unwound}")
                return 1
            case steno.SagaResultErr(error_source=error):
                print(f"not paid: {error.convert(Declined)}")
                return 1


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description="Pay an expense if somebody approves of it.")
    parser.add_argument("--answer", choices=("yes", "no"), default="yes", help="what is decided")
    parser.add_argument("--after", type=float, default=26, help="the hours until it is decided")
    args = parser.parse_args()
    logging.getLogger("steno").addHandler(logging.NullHandler())  # failures are printed above
    clock = trio.testing.MockClock(autojump_threshold=0)
    raise SystemExit(trio.run(main, args.answer == "yes", args.after, clock=clock))
