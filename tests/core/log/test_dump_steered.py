"""Orders on a saga, and nodes that wait for signals, in dumps."""

import json

import attrs
import pytest

from steno.core import (
    JsonText,
    Node,
    Ordered,
    SagaNodeEvent,
    SagaSerialized,
    Timestamp,
    Verb,
    fold_unordered,
)
from steno.errors import CorruptLog, DumpError, IllegalEvent
from steno.testing.notation import SAGA_ID, event_type, events, shown
from support.demo import saga

PAIR = saga(["a", "b"], "c")  # 0 and 1, then 2; 3 is the start, 4 the end
SIGNALLED = saga([Node.signal("s", "go"), "a"], "z")  # as PAIR

ORDERS = {
    "start": Ordered(Verb.START, "me"),
    "pause": Ordered(Verb.PAUSE, "me", "lunch", expect=3),
    "resume": Ordered(Verb.RESUME, "me", ""),
    "unwind": Ordered(Verb.UNWIND, "me@host", "sold out ☎"),
    "unwind and cancel": Ordered(Verb.UNWIND, "me", "now", cancel=True),
    "abandon": Ordered(Verb.ABANDON, "me", "lost"),
    "deadline": Ordered(Verb.DEADLINE, "me", at=Timestamp(500)),
    "no deadline": Ordered(Verb.DEADLINE, "me", at=None),
    "signal": Ordered(Verb.SIGNAL, "me", signal="g\no", value=JsonText('{"a":[1.5,null]}')),
    "signal of null": Ordered(Verb.SIGNAL, "me", signal="", value=JsonText("null")),
    "import": Ordered(Verb.IMPORT, "me"),
}


def dump(log: list[SagaNodeEvent], dag=PAIR) -> SagaSerialized:
    return SagaSerialized(SAGA_ID, dag, tuple(log))


@pytest.mark.parametrize("name", ORDERS)
def test_an_order_on_the_saga_survives_a_round_trip(name: str):
    """It has no node: its `node_id` is left out, and not null."""
    order = SagaNodeEvent(SAGA_ID, None, ORDERS[name], Timestamp(7))
    text = dump([order]).to_json()
    (item,) = json.loads(text)["events"]
    assert list(item) == ["saga_id", "event_type"]
    assert item["event_type"]["ordered"]["verb"] == ORDERS[name].verb.value
    read = SagaSerialized.from_json(text)
    assert (read.events, read.events[0].time) == ((order,), 7)
    assert read.to_json() == text


def test_what_an_order_says_in_a_dump():
    """Details that do not belong to its verb are absent; a deadline that is removed is null."""
    read = {
        name: json.loads(dump([SagaNodeEvent(SAGA_ID, None, order)]).to_json())
        for name, order in ORDERS.items()
    }
    said = {name: data["events"][0]["event_type"]["ordered"] for name, data in read.items()}
    assert said["start"] == {"by": "me", "verb": "start", "why": None}
    assert said["no deadline"] == {"at": None, "by": "me", "verb": "deadline", "why": None}
    assert said["signal of null"]["value"] is None
    assert said["unwind and cancel"]["cancel"] is True


def ordered(**changes: object) -> dict[str, object]:
    data = {"by": "me", "verb": "pause", "why": None} | changes
    data = {key: value for key, value in data.items() if value is not ...}
    return {"saga_id": str(SAGA_ID), "event_type": {"ordered": data}}


NO_ORDER = "is not an order: it says what is ordered, by whom and why"
NO_EVENT = 'is not an object with "saga_id", "node_id" and "event_type"'
DETAILS = "its details are not what belongs to one"


@pytest.mark.parametrize(
    ("item", "place", "why"),
    [
        (ordered() | {"node_id": None}, "", NO_EVENT),
        (ordered() | {"node_id": True}, "", NO_EVENT),
        (ordered() | {"node_id": "3"}, "", NO_EVENT),
        (ordered() | {"event_type": "started"}, "", NO_EVENT),
        (ordered() | {"event_type": {"succeeded": 1}}, "", NO_EVENT),
        (ordered() | {"event_type": "ordered"}, "", NO_EVENT),
        ({"event_type": ordered()["event_type"]}, "", NO_EVENT),
        (ordered() | {"saga_id": "me"}, ".saga_id", "is not a UUID"),
        (ordered() | {"event_type": {"ordered": {}}}, ".event_type", NO_ORDER),
        (ordered() | {"event_type": {"ordered": 5}}, ".event_type", NO_ORDER),
        (ordered() | {"event_type": {"ordered": {}, "more": 1}}, ".event_type", "is not an event"),
        (ordered(verb="explode"), ".event_type", NO_ORDER),
        (ordered(by=...), ".event_type", NO_ORDER),
        (ordered(why=...), ".event_type", NO_ORDER),
        (ordered(verb="unwind"), ".event_type", NO_ORDER),
        (ordered(verb="abandon", why=None), ".event_type", NO_ORDER),
        (ordered(verb="deadline"), ".event_type", DETAILS),
        (ordered(verb="deadline", at="soon"), ".event_type", DETAILS),
        (ordered(at=5), ".event_type", DETAILS),
        (ordered(verb="signal", signal="go"), ".event_type", DETAILS),
        (ordered(verb="signal", value=1), ".event_type", DETAILS),
        (ordered(value=1), ".event_type", DETAILS),
        (ordered(cancel=True), ".event_type", DETAILS),
        (ordered(verb="signal", signal="go", value=2**64), ".event_type.value", "out of the range"),
    ],
)
def test_malformed_order_on_a_saga(item: dict[str, object], place: str, why: str):
    """The error names the place."""
    document = json.loads(dump([]).to_json()) | {"events": [item]}
    with pytest.raises(DumpError) as caught:
        SagaSerialized.from_json(json.dumps(document))
    assert caught.value.path.startswith(f"$.events[0]{place}")
    assert why in caught.value.why


@pytest.mark.parametrize("text", ["0«=pause", "«=hold", "«=retry", "3+ 3✓ 0«=unwind"])
def test_orders_in_the_wrong_place_are_found_when_they_are_folded(text: str):
    """The document is well formed: which orders are about nodes is for the log to say."""
    read = SagaSerialized.from_json(dump(events(text)).to_json())
    with pytest.raises(IllegalEvent):
        fold_unordered(PAIR.flat, SAGA_ID, read.events)


def test_orders_on_a_saga_are_not_rearranged():
    """A log that has any is legal in the order in which it stands, or not at all."""
    log = events("3+ 3✓ 0+ «=pause 1+")
    with pytest.raises(CorruptLog, match="its saga is paused"):
        fold_unordered(PAIR.flat, SAGA_ID, log)
    log = events("3+ 3✓ 0+ 1+ «=pause 1✓")
    assert list(fold_unordered(PAIR.flat, SAGA_ID, log).log.events) == log


# For Steno


@pytest.mark.parametrize(
    ("log", "stenos"),
    [
        ("«=start 3+ 3✓", "3+ 3✓"),
        ("3+ «=pause 3✓ «=resume 0+", "3+ 3✓ 0+"),
        ("3+ 3✓ 0+ 1+ 0✗ 1✓ 1- «=pause 1∅ «=resume 3- 3∅", "3+ 3✓ 0+ 1+ 0✗ 1✓ 1- 1∅ 3- 3∅"),
        ("3+ 3✓ «=import «=start 0+", "3+ 3✓ 0+"),
        ("0«=hold 3+ 3✓ 1+ «=pause", "3+ 3✓ 1+"),
        ("3+ 3✓ «=signal:go:1", "3+ 3✓"),
    ],
)
def test_what_steno_need_not_know(log: str, stenos: str):
    """Orders that are left out, as the log without them says the same."""
    text = dump(events(log)).to_json(steno=True)
    assert shown(SagaSerialized.from_json(text).events) == stenos
    assert "times" not in json.loads(text)
    assert text == dump(events(stenos)).to_json()


@pytest.mark.parametrize("order", ["«=unwind", "«=abandon", "«=deadline:500", "«=deadline"])
def test_orders_that_steno_cannot_read(order: str):
    """Without them the log would say something else."""
    made = dump(events(f"3+ 3✓ {order}"))
    with pytest.raises(DumpError) as caught:
        made.to_json(steno=True)
    assert caught.value.path == "$.events[2].event_type"
    assert caught.value.why.startswith("is an order, which Steno cannot read: write the dump")
    assert SagaSerialized.from_json(made.to_json()).to_json() == made.to_json()


def test_a_signal_that_steno_cannot_wait_for():
    """Its node has no form there, whether it has begun or not; here it goes both ways."""
    for log in ("", "3+ 3✓ 0+ 1+ «=signal:go:7 0✓=7"):
        made = dump(events(log), SIGNALLED)
        with pytest.raises(DumpError) as caught:
            made.to_json(steno=True)
        assert caught.value.path == "$.dag.graph.nodes[0]"
        assert caught.value.why.startswith("waits for a signal, which Steno cannot read")
        read = SagaSerialized.from_json(made.to_json())
        assert read.dag.same_as(SIGNALLED)
        assert read.to_json() == made.to_json()
        assert list(fold_unordered(read.dag.flat, SAGA_ID, read.events).log.events) == events(log)


def test_an_event_without_a_node_that_is_no_order():
    """Nobody writes one, so it cannot be read again."""
    odd = SagaNodeEvent(SAGA_ID, None, event_type("+"))
    text = dump([odd]).to_json()
    with pytest.raises(DumpError):
        SagaSerialized.from_json(text)
    with pytest.raises(IllegalEvent, match="not that of a node"):
        fold_unordered(PAIR.flat, SAGA_ID, [odd])
    assert (
        json.loads(dump([odd, *events("3+")]).to_json(steno=True))["events"]
        == (json.loads(dump(events("3+")).to_json())["events"])
    )


def test_times_of_orders():
    """They stand with the others, one for each event."""
    log = [attrs.evolve(each, time=Timestamp(n)) for n, each in enumerate(events("3+ «=pause 3✓"))]
    document = json.loads(dump(log).to_json())
    assert document["times"] == [0, 1, 2]
