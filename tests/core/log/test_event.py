"""Events: the rows of a log."""

import pytest

from steno.core import (
    InjectedError,
    SagaNodeEvent,
    SagaNodeEventType,
    SagaNodeId,
    Timestamp,
    UndoActionError,
    event_data,
    event_type_from_row,
    with_times,
)
from steno.core.log._event import (
    STARTED,
    UNDO_FINISHED,
    UNDO_STARTED,
    Failed,
    Succeeded,
    UndoFailed,
)
from steno.errors import SerializeError
from steno.testing.notation import SAGA_ID

ROWS: list[tuple[SagaNodeEventType, str, str | None]] = [
    (STARTED, "started", None),
    (Succeeded('{"a":1}'), "succeeded", '{"a":1}'),
    (Failed(InjectedError().encoded()), "failed", '"InjectedError"'),
    (UNDO_STARTED, "undo_started", None),
    (UNDO_FINISHED, "undo_finished", None),
    (
        UndoFailed(UndoActionError.attempt(2, "no").encoded()),
        "undo_failed",
        '{"PermanentFailure":{"source_error":{"message":"undo action attempt 2: no"}}}',
    ),
]


@pytest.mark.parametrize(("event_type", "label", "data"), ROWS)
def test_an_event_is_a_label_and_its_data(
    event_type: SagaNodeEventType, label: str, data: str | None
):
    """The two columns of a row give the event again."""
    assert (event_type.label, event_data(event_type)) == (label, data)
    assert event_type_from_row(label, data) == event_type


def test_events_of_a_node_have_one_legal_order():
    """Sorted by rank, a node's events are in the order of its life."""
    assert [event_type.rank for event_type, _, _ in ROWS] == list(range(6))


@pytest.mark.parametrize(
    ("label", "data", "why"),
    [
        ("finished", None, "is not an event: 'finished' without data"),
        ("started", "null", "is not an event: 'started' with data"),
        ("undo_started", "1", "is not an event: 'undo_started' with data"),
        ("undo_finished", "1", "is not an event: 'undo_finished' with data"),
        ("succeeded", None, "is not an event: 'succeeded' without data"),
        ("failed", None, "is not an event: 'failed' without data"),
        ("undo_failed", None, "is not an event: 'undo_failed' without data"),
        ("failed", '"Nothing"', "is not an action error"),
        ("undo_failed", "{}", "is not an undo action error"),
    ],
)
def test_a_row_that_is_no_event_is_refused(label: str, data: str | None, why: str):
    """An unknown label, and data where none belongs or none where it does."""
    with pytest.raises(ValueError, match=why):
        event_type_from_row(label, data)


def test_a_row_with_a_value_out_of_range_is_refused():
    """The error says what is wrong with the value."""
    with pytest.raises(SerializeError, match="out of the range"):
        event_type_from_row("failed", '{"ActionFailed":{"source_error":18446744073709551616}}')


def test_an_event_is_shown_as_in_the_log():
    """The node has three digits, or more where it needs them."""
    assert str(SagaNodeEvent(SAGA_ID, SagaNodeId(7), UNDO_FINISHED)) == "N007 undo_finished"
    assert str(SagaNodeEvent(SAGA_ID, SagaNodeId(12345), STARTED)) == "N12345 started"


def test_an_event_without_a_time_is_given_one_and_no_other_is_changed():
    """The times are compared one by one, since events that differ only in them are equal."""
    dated = SagaNodeEvent(SAGA_ID, SagaNodeId(1), STARTED, Timestamp(5))
    undated = SagaNodeEvent(SAGA_ID, SagaNodeId(2), STARTED)
    first, second = with_times([dated, undated], Timestamp(9))
    assert first is dated
    assert (second, second.time) == (undated, Timestamp(9))
