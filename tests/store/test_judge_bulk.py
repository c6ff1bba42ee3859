"""The rules of writing to orders to many sagas, and how such an order is stored."""

from datetime import timedelta
from uuid import UUID

import attrs
import pytest

from steno.core import BulkOrderId, JsonText, Ordered, Timestamp, Verb
from steno.errors import RecoveryError, StoreError
from steno.store import (
    BulkAdd,
    BulkAdvance,
    BulkCreate,
    BulkListQuery,
    BulkMark,
    BulkNote,
    BulkOutcome,
    BulkPruneQuery,
    BulkRow,
    BulkState,
    Durable,
    Fence,
    ListQuery,
    Lost,
    ManyOrder,
    Rejected,
    judge_bulk,
)

ID, FENCE, TEXT = BulkOrderId(UUID(int=1)), Fence("sec", 2), JsonText("{}")
CREATE = BulkCreate(ID, FENCE, TEXT, ListQuery())
ROW = BulkRow(FENCE, TEXT, BulkState.RUNNING)
MARK = BulkMark(0, BulkOutcome.GIVEN)


def note(state: BulkState = BulkState.RUNNING, fence: Fence = FENCE) -> BulkNote:
    return BulkNote(ID, fence, (MARK,), state)


def rejected(outcome: object) -> str:
    assert isinstance(outcome, Rejected)
    assert isinstance(outcome.error, StoreError)
    return str(outcome.error)


def test_an_order_is_created_once():
    """The very same creation may come again, also of another life; another order may not."""
    assert judge_bulk(None, CREATE) == (Durable(), BulkAdd(CREATE))
    for state in (*BulkState, None):
        row = attrs.evolve(ROW, state=state)
        assert judge_bulk(row, CREATE) == (Durable(), None)
        assert judge_bulk(row, attrs.evolve(CREATE, fence=Fence("x", 1))) == (Durable(), None)
        outcome, change = judge_bulk(row, attrs.evolve(CREATE, order=JsonText("[]")))
        assert (rejected(outcome), change) == (f"there is another bulk order {ID}", None)


def test_the_fence_comes_first():
    """A note without it is lost, whatever became of the order; without an order it is rejected."""
    for fence in (Fence("sec", 1), Fence("other", 2)):
        for state in BulkState:
            row = attrs.evolve(ROW, state=state)
            assert judge_bulk(row, note(state, fence)) == (Lost("sec"), None)
    outcome, change = judge_bulk(None, note())
    assert (rejected(outcome), change) == (f"there is no bulk order {ID}", None)


def test_nothing_changes_once_it_has_ended():
    """Its last note may come again; a damaged state is not an end."""
    for state in BulkState:
        new = None if state is BulkState.RUNNING else state
        assert judge_bulk(ROW, note(state)) == (Durable(), BulkAdvance((MARK,), new))
        damaged = attrs.evolve(ROW, state=None)
        assert judge_bulk(damaged, note(state)) == (Durable(), BulkAdvance((MARK,), state))
    for ended in (BulkState.DONE, BulkState.CANCELLED):
        row = attrs.evolve(ROW, state=ended)
        assert judge_bulk(row, note(ended)) == (Durable(), None)
        for state in set(BulkState) - {ended}:
            outcome, change = judge_bulk(row, note(state))
            wanted = f"bulk order {ID} has ended: it is {ended.value}"
            assert (rejected(outcome), change) == (wanted, None)


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (lambda: BulkMark(0, BulkOutcome.WAITING), "is given, refused or failed"),
        (lambda: BulkMark(0, "given"), "is given, refused or failed"),
        (lambda: BulkListQuery(limit=0), "an int of 1 or more"),
        (lambda: BulkListQuery(states=["done"]), "of type BulkState"),
        (lambda: BulkPruneQuery(timedelta(-1)), "0 to 365000 days"),
        (lambda: BulkPruneQuery(timedelta(1), limit=True), "an int of 1 or more"),
    ],
)
def test_what_makes_no_sense_is_refused(make, words):
    """Before any store is asked."""
    with pytest.raises((ValueError, TypeError), match=words):
        make()


ORDERS = {
    "unwind": ManyOrder(Ordered(Verb.UNWIND, "me@host", "sold out ☎", cancel=True)),
    "retry": ManyOrder(Ordered(Verb.RETRY, "me"), "sub/pay", rate=2.5),
    "retry by index": ManyOrder(Ordered(Verb.RETRY, "me"), 0),
    "deadline": ManyOrder(Ordered(Verb.DEADLINE, "me", at=Timestamp(5)), rate=1.0),
    "signal": ManyOrder(
        Ordered(Verb.SIGNAL, "me", signal="go", value=JsonText("[1]")), replace=True
    ),
    "complete": ManyOrder(Ordered(Verb.COMPLETE, "me", "by hand"), "pay", JsonText('{"a":1}')),
}


@pytest.mark.parametrize("name", ORDERS)
def test_an_order_is_read_as_it_was_written(name: str):
    """Whatever belongs to it."""
    text = ORDERS[name].to_json()
    assert ManyOrder.from_json(text) == ORDERS[name]
    assert ManyOrder.from_json(text).to_json() == text


@pytest.mark.parametrize(
    "text",
    [
        "",
        "[]",
        "{}",
        '{"order":{"by":"me","verb":"retry","why":null}}',
        '{"order":{"by":"me","verb":"retry","why":null},"node":true}',
        '{"order":{"by":"me","verb":"pause","why":null},"node":"pay"}',
        '{"order":{"by":"me","verb":"pause","why":null},"output":1}',
        '{"order":{"by":"me","verb":"pause","why":null},"rate":0}',
        '{"order":{"by":"me","verb":"pause","why":null},"rate":"5"}',
        '{"order":{"by":"me","verb":"pause","why":null},"rate":true}',
        '{"order":{"by":"me","verb":"pause","why":null},"replace":1}',
        '{"order":{"by":"me","verb":"unwind","why":null}}',
    ],
)
def test_a_damaged_order_is_an_error(text: str):
    """One that says that it is a bulk order which cannot be read."""
    with pytest.raises(RecoveryError, match="what is stored of a bulk order cannot be read"):
        ManyOrder.from_json(JsonText(text))
