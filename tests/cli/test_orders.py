"""Orders, as `steno show` and `steno log` print them."""

import json
import re

import pytest
import trio

import steno
from support.shell import Shell


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
        "in_effect": True,
    }
    assert (complete["verb"], complete["why"]) == ("complete", "by\ntelephone")
    assert complete["in_effect"] is False


def test_a_saga_without_orders(ordered, shell):
    """Nothing is said of them."""
    assert "orders" not in shell("show", "5").stdout


def test_log_has_the_orders_among_the_events(ordered):
    """Each with its verb, who and why."""
    shell, saga_id = ordered
    text = shell("log", saga_id).stdout
    assert "005 N001 ordered hold by ada" in text
