"""Orders as events."""

import json

import pytest

from steno.core import (
    NEEDS_WHY,
    JsonText,
    Ordered,
    Timestamp,
    Verb,
    are_stenos,
    event_data,
    event_type_from_row,
)
from steno.testing.notation import event


@pytest.mark.parametrize(
    ("order", "data"),
    [
        (Ordered(Verb.HOLD, "me"), '{"by":"me","verb":"hold","why":null}'),
        (Ordered(Verb.RETRY, "me", ""), '{"by":"me","verb":"retry","why":""}'),
        (
            Ordered(Verb.RETRY, "me@host", "it is back", expect=0),
            '{"by":"me@host","expect":0,"verb":"retry","why":"it is back"}',
        ),
        (Ordered(Verb.FAIL, "me", "sold out"), '{"by":"me","verb":"fail","why":"sold out"}'),
        (
            Ordered(Verb.COMPLETE, "me", "by phone ☎", expect=12),
            '{"by":"me","expect":12,"verb":"complete","why":"by phone ☎"}',
        ),
        (Ordered(Verb.START, "me"), '{"by":"me","verb":"start","why":null}'),
        (Ordered(Verb.PAUSE, "me", "lunch"), '{"by":"me","verb":"pause","why":"lunch"}'),
        (Ordered(Verb.RESUME, "me"), '{"by":"me","verb":"resume","why":null}'),
        (Ordered(Verb.ABANDON, "me", "lost"), '{"by":"me","verb":"abandon","why":"lost"}'),
        (Ordered(Verb.IMPORT, "me"), '{"by":"me","verb":"import","why":null}'),
        (
            Ordered(Verb.UNWIND, "me", "now", cancel=True),
            '{"by":"me","cancel":true,"verb":"unwind","why":"now"}',
        ),
        (
            Ordered(Verb.DEADLINE, "me", at=Timestamp(500)),
            '{"at":500,"by":"me","verb":"deadline","why":null}',
        ),
        (
            Ordered(Verb.DEADLINE, "me", at=None),
            '{"at":null,"by":"me","verb":"deadline","why":null}',
        ),
        (
            Ordered(Verb.SIGNAL, "me", signal="go", value=JsonText('{"a":1}')),
            '{"by":"me","signal":"go","value":{"a":1},"verb":"signal","why":null}',
        ),
        (
            Ordered(Verb.COMPLETE, "me", "so", cancel=True, value=JsonText("null")),
            '{"by":"me","cancel":true,"value":null,"verb":"complete","why":"so"}',
        ),
    ],
)
def test_an_order_survives_a_round_trip(order: Ordered, data: str):
    """Its row says what, who and why, and how long the log was that they had seen."""
    assert (order.label, event_data(order)) == ("ordered", data)
    assert event_type_from_row("ordered", data) == order


def test_unknown_keys_of_an_order_are_ignored():
    """A later version may say more."""
    data = '{"by":"me","expect":null,"verb":"hold","why":null,"new":[1]}'
    assert event_type_from_row("ordered", data) == Ordered(Verb.HOLD, "me")


@pytest.mark.parametrize(
    "changes",
    [
        {"verb": "explode"},
        {"verb": None},
        {"verb": ...},
        {"by": None},
        {"by": ...},
        {"why": 1},
        {"why": ...},
        {"verb": "fail", "why": None},
        {"verb": "complete", "why": None},
    ],
)
def test_malformed_order(changes: dict[str, object]):
    """Each field has its type, and some orders have to say why; ... leaves a key out."""
    data = {"verb": "retry", "by": "me", "why": None, "expect": 3} | changes
    text = json.dumps({key: value for key, value in data.items() if value is not ...})
    with pytest.raises(ValueError, match="is not an order: it says what is ordered, by whom and"):
        event_type_from_row("ordered", text)


@pytest.mark.parametrize(
    "changes",
    [
        {"expect": -1},
        {"expect": True},
        {"expect": 1.0},
        {"expect": "1"},
        {"cancel": 1},
        {"verb": "hold", "cancel": True},
        {"verb": "pause", "cancel": True},
        {"at": 5},
        {"signal": "go"},
        {"value": 1},
        {"verb": "deadline"},
        {"verb": "deadline", "at": 1.0},
        {"verb": "deadline", "at": True},
        {"verb": "deadline", "at": 2**62},
        {"verb": "deadline", "at": None, "value": 1},
        {"verb": "signal", "signal": "go"},
        {"verb": "signal", "value": 1},
        {"verb": "signal", "signal": None, "value": 1},
        {"verb": "signal", "signal": 5, "value": 1},
        {"verb": "complete", "why": "so", "value": 1},
        {"verb": "complete", "why": "so", "cancel": True},
    ],
)
def test_details_that_do_not_belong_to_an_order(changes: dict[str, object]):
    """Each verb has its own, and has all of them."""
    data = {"verb": "retry", "by": "me", "why": None} | changes
    with pytest.raises(ValueError, match=f"is not an order to {data['verb']}: its details are"):
        event_type_from_row("ordered", json.dumps(data))


@pytest.mark.parametrize("data", ["[]", "null", '"retry"', "{}"])
def test_an_order_is_an_object(data: str):
    """Any other value is malformed, and so is a row without one."""
    with pytest.raises(ValueError, match="is not an order"):
        event_type_from_row("ordered", data)
    with pytest.raises(ValueError, match="is not an event: 'ordered' without data"):
        event_type_from_row("ordered", None)


def test_an_order_is_shown_with_who_and_why():
    """In a line of the log, after its node."""
    assert str(Ordered(Verb.HOLD, "me")) == "hold by me"
    assert str(Ordered(Verb.FAIL, "me", "sold out")) == "fail by me: sold out"
    assert str(Ordered(Verb.HOLD, "m\te", "sold\nout")) == r"hold by m\te: sold\nout"
    assert str(event("7«=retry")) == "N007 ordered retry by test: no reason"
    assert str(event("«=pause")) == "---- ordered pause by test: no reason"
    assert str(event("«=signal:go:1")) == '---- ordered signal "go" by test: no reason'
    assert str(Ordered(Verb.UNWIND, "me", "now", cancel=True)) == "unwind and cancel by me: now"


def test_an_order_is_not_an_event_of_stenos():
    """Steno cannot read a log that has one."""
    assert not are_stenos([event("7«=hold")])
    assert not are_stenos([event("7+"), event("«=pause")])


def test_the_orders_that_have_to_say_why():
    """Those that nobody can take back."""
    assert {verb.value for verb in NEEDS_WHY} == {"unwind", "abandon", "fail", "complete"}
