"""Orders that are part of an order to many sagas: a saga has each of those at most once."""

from uuid import UUID

import attrs
import pytest

from steno.core import (
    BulkOrderId,
    JsonText,
    LogRule,
    Ordered,
    SagaMachine,
    SagaSerialized,
    SagaState,
    Verb,
    event_data,
    event_type_from_row,
    inputs,
    verify_log,
    why_refused,
)
from steno.core.log._log import SagaLog
from steno.errors import CorruptLog
from steno.testing.notation import SAGA_ID, events, fold, inputs_of, shown
from support.demo import saga
from support.simulator import state_facts

PAIR = saga(["a", "b"], "c")  # 0 and 1, then 2; 3 is the start, 4 the end
BULK = BulkOrderId(UUID(int=7))

STEERED = {
    "pause": ("3+ 3✓ 0+ 1+", inputs.Order(None, Verb.PAUSE, "me", bulk=BULK), "0✓ 1✓ «=resume"),
    "unwind": (
        *("3+ 3✓ 0+ 1+", inputs.Order(None, Verb.UNWIND, "me", "a reason", bulk=BULK)),
        "0✓ 1✓",
    ),
    "retry": ("3+ 3✓ 0+ 1+ 0↻=order", inputs.Order(0, Verb.RETRY, "me", bulk=BULK), "0↻=order"),
    "fail": ("3+ 3✓ 0+ 1+ 0↻=order", inputs.Order(0, Verb.FAIL, "me", "so", bulk=BULK), "1✓"),
    "hold": ("3+ 3✓ 0+ 1+", inputs.Order(0, Verb.HOLD, "me", bulk=BULK), "0«=retry"),
}
"""By verb: a log, an order that applies to it, and what happens next."""


@pytest.mark.parametrize("verb", STEERED)
def test_an_order_of_a_bulk_order_is_carried_out_once(verb: str):
    """Given again, at once or later, it is accepted, and nothing changes; another bulk order is."""
    log, order, later = STEERED[verb]
    machine = SagaMachine(PAIR, fold(PAIR.flat, log))
    machine.start()
    (first, *_) = machine.handle([order]).record
    assert isinstance(first.event_type, Ordered)
    assert first.event_type.bulk == BULK
    for then in ("", later):
        if then:
            machine.handle(inputs_of(then))
        before = state_facts(machine.state)
        step = machine.handle([order])
        assert (step.record, step.refused) == ((), ())
        assert state_facts(machine.state) == before
        assert why_refused(order, machine.state) is None
    recovered = SagaMachine(PAIR, SagaState.fold(PAIR.flat, SAGA_ID, machine.state.log.events))
    recovered.start()
    step = recovered.handle([order])
    assert (step.record, step.refused) == ((), ())


def test_another_bulk_order_is_another_order():
    """Only the id counts, not what is ordered."""
    state = fold(PAIR.flat, "«=pause#7")
    again = inputs.Order(None, Verb.RESUME, "me", bulk=BULK)
    assert why_refused(again, state) is None
    assert SagaMachine(PAIR, state).handle([again]).record == ()
    other = attrs.evolve(again, bulk=BulkOrderId(UUID(int=8)))
    assert shown(SagaMachine(PAIR, state).handle([other]).record) == "«=resume"


def test_a_start_that_is_part_of_a_bulk_order_is_logged():
    """Otherwise nothing in the log would say that it was given."""
    for bulk, record in ((BULK, "«=start 3+ 3✓ 0+ 1+"), (None, "3+ 3✓ 0+ 1+")):
        machine = SagaMachine(PAIR, SagaState.new(PAIR.flat, SAGA_ID))
        step = machine.start(order=inputs.Order(None, Verb.START, "me", bulk=bulk))
        assert shown(step.record) == record


TWICE = {
    "of the saga": ("«=pause#1 «=resume#1", 1, None),
    "of a node": ("0«=hold#1 0«=retry#1", 1, "/a"),
    "of two nodes": ("0«=hold#1 3+ 1«=hold#1", 2, "/b"),
    "of a node and the saga": ("0«=hold#1 0«=retry#2 «=pause#2", 2, None),
}


@pytest.mark.parametrize("name", TWICE)
def test_a_log_with_a_bulk_order_twice_is_corrupt(name: str):
    """The fold and the verifier both say so, and the log by itself; nothing has changed by then."""
    text, place, node = TWICE[name]
    *before, last = log = events(text)
    assert len(before) == place
    breach = verify_log(PAIR, log)
    assert breach is not None
    assert (breach.rule, breach.seq, breach.node) == (LogRule.BULK_ONCE, place, node)
    assert verify_log(PAIR, before) is None
    state = SagaState.fold(PAIR.flat, SAGA_ID, before)
    facts = state_facts(state)
    why = "it is part of bulk order 00000000-0000-0000-0000-00000000000[12], as another order"
    with pytest.raises(CorruptLog, match=why):
        state.apply(last)
    assert state_facts(state) == facts
    with pytest.raises(CorruptLog, match=why):
        SagaLog.new_recover(SAGA_ID, log)


def test_the_event_says_which_bulk_order_it_is_part_of():
    """Under a key that is there only then."""
    order = Ordered(Verb.RETRY, "me", "why", bulk=BULK)
    text = '{"bulk":"00000000-0000-0000-0000-000000000007","by":"me","verb":"retry","why":"why"}'
    assert event_data(order) == text
    assert event_type_from_row("ordered", JsonText(text)) == order
    assert str(order) == "retry by me in bulk order 00000000-0000-0000-0000-000000000007: why"
    assert "bulk" not in event_data(attrs.evolve(order, bulk=None))


@pytest.mark.parametrize("bulk", ["null", "7", '"x"', "[]"])
def test_a_damaged_id_of_a_bulk_order_is_an_error(bulk: str):
    """Whatever stands there instead."""
    text = JsonText(f'{{"bulk":{bulk},"by":"me","verb":"retry","why":null}}')
    with pytest.raises(ValueError, match="the bulk order that it is part of has the id"):
        event_type_from_row("ordered", text)


def test_a_dump_keeps_it():
    """Byte for byte."""
    state = fold(PAIR.flat, "«=pause#3 «=resume 3+ 3✓ 0+ 0↻=order 0«=retry#4 0+")
    text = SagaSerialized(SAGA_ID, PAIR, tuple(state.log.events)).to_json()
    read = SagaSerialized.from_json(text)
    assert list(read.events) == list(state.log.events)
    assert read.to_json() == text
