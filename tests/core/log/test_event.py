"""Events: the rows of a log."""

import json

import attrs
import pytest

from steno.core import (
    InjectedError,
    SagaNodeEvent,
    SagaNodeEventType,
    SagaNodeId,
    Timestamp,
    UndoActionError,
    are_stenos,
    event_data,
    event_type_from_row,
    in_doubt,
    with_times,
)
from steno.core.log._event import (
    STARTED,
    UNDO_FINISHED,
    UNDO_STARTED,
    AttemptFailed,
    Failed,
    FailedInDoubt,
    Succeeded,
    UndoAttemptFailed,
    UndoFailed,
)
from steno.errors import SerializeError
from steno.testing.notation import SAGA_ID

INJECTED = InjectedError().encoded()
UNDO = UndoActionError.attempt(1, "no").encoded()

ROWS: list[tuple[SagaNodeEventType, str, str | None]] = [
    (STARTED, "started", None),
    (Succeeded('{"a":1}'), "succeeded", '{"a":1}'),
    (Failed(INJECTED), "failed", '"InjectedError"'),
    (UNDO_STARTED, "undo_started", None),
    (UNDO_FINISHED, "undo_finished", None),
    (
        UndoFailed(UndoActionError.attempt(2, "no").encoded()),
        "undo_failed",
        '{"PermanentFailure":{"source_error":{"message":"undo action attempt 2: no"}}}',
    ),
]
"""Those that Steno has, too."""

OWN_ROWS: list[tuple[SagaNodeEventType, str, str | None]] = [
    (
        FailedInDoubt(in_doubt(INJECTED)),
        "failed",
        '{"InDoubt":{"cause":"InjectedError"}}',
    ),
    (
        AttemptFailed(1, INJECTED, in_doubt=False, next=Timestamp(-5)),
        "attempt_failed",
        '{"attempt":1,"error":"InjectedError","in_doubt":false,"next":-5}',
    ),
    (
        AttemptFailed(2, INJECTED, in_doubt=True, next=None),
        "attempt_failed",
        '{"attempt":2,"error":"InjectedError","in_doubt":true,"next":null}',
    ),
    (
        AttemptFailed(3, INJECTED, in_doubt=False, next=None, reopen=True),
        "attempt_failed",
        '{"attempt":3,"error":"InjectedError","in_doubt":false,"next":null,"reopen":true}',
    ),
    (
        UndoAttemptFailed(7, UNDO, next=Timestamp(0)),
        "undo_attempt_failed",
        f'{{"attempt":7,"error":{UNDO},"next":0}}',
    ),
    (
        UndoAttemptFailed(1, UNDO, next=None, reopen=True),
        "undo_attempt_failed",
        f'{{"attempt":1,"error":{UNDO},"next":null,"reopen":true}}',
    ),
]


@pytest.mark.parametrize(("event_type", "label", "data"), [*ROWS, *OWN_ROWS])
def test_an_event_is_a_label_and_its_data(
    event_type: SagaNodeEventType, label: str, data: str | None
):
    """The two columns of a row give the event again."""
    assert (event_type.label, event_data(event_type)) == (label, data)
    assert event_type_from_row(label, data) == event_type


def test_events_of_a_node_have_one_legal_order():
    """Sorted by rank, a node's events are in the order of its life."""
    assert [event_type.rank for event_type, _, _ in ROWS] == list(range(6))


@pytest.mark.parametrize("event_type", [each for each, _, _ in [*ROWS, *OWN_ROWS]])
def test_are_stenos(event_type: SagaNodeEventType):
    """A log is Steno's if each of its events is; one without events is."""
    own = event_type in [each for each, _, _ in OWN_ROWS]
    started = SagaNodeEvent(SAGA_ID, SagaNodeId(0), STARTED)
    assert are_stenos([])
    assert are_stenos([started, attrs.evolve(started, event_type=event_type)]) is not own


@pytest.mark.parametrize(
    ("label", "data"),
    [
        ("attempt_failed", '{"attempt":1,"error":"InjectedError","in_doubt":true,"next":0,"x":1}'),
        (
            "attempt_failed",
            '{"attempt":1,"error":"InjectedError","in_doubt":true,"next":0,"reopen":false}',
        ),
        (
            "attempt_failed",
            '{"attempt":1,"error":"InjectedError","in_doubt":true,"next":0,"reopen":null}',
        ),
    ],
)
def test_spellings_of_an_attempt(label: str, data: str):
    """Unknown keys are ignored, and what is not to be reopened need not be said."""
    read = event_type_from_row(label, data)
    assert read == AttemptFailed(1, INJECTED, in_doubt=True, next=Timestamp(0))


def attempt(**changes: object) -> str:
    """Return the data of a failed attempt; a change to ... leaves the key out."""
    data = {"attempt": 1, "error": "InjectedError", "in_doubt": False, "next": None} | changes
    return json.dumps({key: value for key, value in data.items() if value is not ...})


ATTEMPT = "is not a failed attempt"
COUNTED = "they are counted from 1"
DUE = "the next is due at a number of microseconds, or it is held"


@pytest.mark.parametrize(
    ("changes", "why"),
    [
        *(({key: ...}, ATTEMPT) for key in ("attempt", "error", "in_doubt", "next")),
        ({"attempt": "1"}, ATTEMPT),
        ({"attempt": 0}, COUNTED),
        ({"attempt": True}, COUNTED),
        ({"in_doubt": 1}, ATTEMPT),
        ({"error": {"InDoubt": {"cause": "InjectedError"}}}, ATTEMPT),
        ({"error": "no"}, "is not an action error"),
        ({"next": "0"}, DUE),
        ({"next": True}, DUE),
        ({"next": 1.5}, DUE),
        ({"next": 2**62}, DUE),
        ({"next": 0, "reopen": True}, DUE),
        ({"reopen": 1}, DUE),
    ],
)
def test_malformed_attempt(changes: dict[str, object], why: str):
    """Each field has its type and range; the same goes for an attempt to undo."""
    with pytest.raises(ValueError, match=why):
        event_type_from_row("attempt_failed", attempt(**changes))
    if not {"error", "in_doubt"} & changes.keys():
        undo = attempt(**{"error": json.loads(UNDO), "in_doubt": ..., **changes})
        with pytest.raises(ValueError, match=why):
            event_type_from_row("undo_attempt_failed", undo)


def test_malformed_undo_error():
    """An attempt to undo has the error of an undo action."""
    with pytest.raises(ValueError, match="is not an undo action error"):
        event_type_from_row("undo_attempt_failed", attempt(in_doubt=...))
    with pytest.raises(ValueError, match="is not a failed attempt"):
        event_type_from_row("undo_attempt_failed", "[]")
    with pytest.raises(ValueError, match="is not an event: 'undo_attempt_failed' without data"):
        event_type_from_row("undo_attempt_failed", None)


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
