"""Orders, as `steno show` and `steno log` print them."""

import json
import re
from uuid import UUID

import pytest
import trio

import steno
from support.shell import Shell
from support.worlds import World, nothing


@pytest.fixture
def ordered(tmp_path):
    """A shell on a store with a saga that was repaired, and whose last node somebody holds."""
    path = tmp_path / "trips.db"
    registry = steno.ActionRegistry()

    @registry.action(undo=steno.NOOP, retry=steno.Retry(attempts=1, then="hold"))
    async def book(ctx):
        raise ValueError("sold out")

    @registry.action(undo=steno.NOOP)
    async def pay(ctx):
        pytest.fail("somebody holds it")

    async def main():
        builder = steno.DagBuilder("trip")
        builder.append(steno.Node.action("hotel", book))
        builder.append(steno.Node.action("payment", pay))
        async with steno.open_sec(steno.SqliteSecStore(path), registry) as sec:
            saga = await sec.saga_create(steno.SagaDag(builder.build()), start=True)
            for order in (
                lambda: saga.hold("payment", by="ada"),
                lambda: saga.complete("hotel", 7, by="bob\x1b[31m", why="by\ntelephone"),
            ):
                with pytest.raises(steno.SagaHeldError):
                    await saga.wait()
                await order()
            with pytest.raises(steno.SagaHeldError):
                await saga.wait()
            return str(saga.saga_id)

    saga_id = trio.run(main)
    return Shell(str(path)), saga_id


def test_show_has_the_orders_of_a_saga(ordered):
    """Who, why and when, and whether an order to hold is in effect; nothing breaks a line."""
    shell, saga_id = ordered
    _, _, orders = shell("show", saga_id).stdout.partition("\norders:\n")
    lines = [re.sub(r"^ +\S+Z ", "", line) for line in orders.splitlines()]
    assert lines == [
        "hold payment by ada (in effect)",
        r"complete hotel by bob\x1b[31m: by telephone",
    ]


def test_show_has_the_orders_as_json(ordered):
    """With the number of each in the log."""
    shell, saga_id = ordered
    hold, complete = json.loads(shell("show", "--json", saga_id).stdout)["orders"]
    assert hold.pop("time").endswith("Z")
    assert hold == {
        "seq": 4,
        "node": 1,
        "name": "payment",
        "verb": "hold",
        "by": "ada",
        "why": None,
        "cancel": False,
        "at": None,
        "signal": None,
        "value": None,
        "in_effect": True,
    }
    assert (complete["verb"], complete["why"]) == ("complete", "by\ntelephone")
    assert complete["in_effect"] is False


def test_a_saga_without_orders(ordered, shell):
    """Nothing is said of them."""
    assert "orders" not in shell("show", "5").stdout


def test_log_has_the_orders_among_the_events(ordered):
    """Each with its verb, who and why, in one line, and each node beside its own event."""
    shell, saga_id = ordered
    _, _, events = shell("log", saga_id).stdout.partition("\n\n")
    _, _, started, _, hold, complete, succeeded = events.splitlines()
    assert re.split(r"  +", started) == ["003 N000 started", "hotel"]
    assert re.split(r"  +", hold) == ["005 N001 ordered hold by ada", "payment"]
    text = r"006 N000 ordered complete by bob\x1b[31m: by\ntelephone"
    assert re.split(r"  +", complete) == [text, "hotel"]
    assert re.split(r"  +", succeeded) == ["007 N000 succeeded", "hotel"]


def test_nothing_of_a_finished_saga_is_held(ordered):
    """An order to hold is not in effect once its node is never begun."""
    shell, saga_id = ordered

    async def main():
        store, registry = steno.SqliteSecStore(shell.store), steno.ActionRegistry()
        for name in ("book", "pay"):
            registry.register(steno.ActionFunc.new_action(name, nothing, nothing))
        async with steno.open_sec(store, registry, context=World()) as sec:
            saga = sec.saga_handle(UUID(saga_id))
            await saga.hold("hotel", by="ada")
            await saga.retry("payment", by="bob")
            (await saga.wait()).unwrap()

    trio.run(main)
    orders = json.loads(shell("show", "--json", saga_id).stdout)["orders"]
    assert [order["in_effect"] for order in orders] == [False] * 4
    assert "in effect" not in shell("show", saga_id).stdout
