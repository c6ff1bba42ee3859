"""
What is run to be killed while orders are given: one saga, and the journal of its orders.

A process that is killed keeps nothing but its files. In `orders` it notes each order by one write
before it gives it, and by another what became of it.
"""

import json
import random
from enum import Enum
from pathlib import Path

import attrs

import steno
from support.lines import read_lines

STORE, CALLS, ORDERS, ERRORS = "sagas.db", "calls", "orders", "errors"
ACTIONS = ("hotel", "car", "card", "trip")
APPROVAL = "approval"
"""Both a node that waits, and the signal that it waits for."""

NODES = (*ACTIONS, APPROVAL)


class Answer(Enum):
    """What became of an order."""

    ACKNOWLEDGED = "acknowledged"
    REFUSED = "refused"


@attrs.define
class Given:
    """
    An order that was given.

    Attributes:
        saga: The saga's id.
        node: The node's name; None: it is an order on the saga.
        verb: What was ordered.
        why: The reason, which no other order has.
        expect: How long a log it expects; None: any.
        life: In which life.
        answer: What became of it; None: the process was killed before it knew.
    """

    saga: str
    node: str | None
    verb: str
    why: str
    expect: int | None
    life: int
    answer: Answer | None = None


@attrs.frozen
class OrderLife:
    """
    How a process is to live.

    Attributes:
        folder: Where its files are.
        number: Which life this is, counted from 0.
        repairs: Whether it creates no sagas, but brings those that are there to an end by orders.
    """

    folder: str
    number: int
    repairs: bool = False

    def to_json(self) -> str:
        return json.dumps(attrs.asdict(self))

    def path(self, name: str) -> Path:
        return Path(self.folder, name)


def given(path: Path) -> dict[str, Given]:
    """Return the orders that all lives have noted, by their reasons."""
    orders: dict[str, Given] = {}
    for line in read_lines(path):
        if "answer" in line:
            orders[line["why"]].answer = Answer(line["answer"])
        else:
            orders[line["why"]] = Given(**line)
    return orders


def fails(saga: object, node: str, attempt: int, *, undoing: bool) -> bool:
    """Say whether a call fails: two in five do, and its repetition is another call."""
    return random.Random(f"{saga}/{node}/{attempt}/{undoing}").random() < 0.4


def trip() -> steno.SagaDag:
    """Return the saga: two bookings and an approval at once, then the card, then a summary."""
    builder = steno.DagBuilder("trip")
    bookings = [steno.Node.action(name, name) for name in ACTIONS[:2]]
    builder.append_parallel([*bookings, steno.Node.signal(APPROVAL, APPROVAL)])
    for name in ACTIONS[2:]:
        builder.append(steno.Node.action(name, name))
    return steno.SagaDag(builder.build())
