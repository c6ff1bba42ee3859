"""The table of transitions, literally."""

from itertools import product

from steno.core import (
    OF_NODES,
    TRANSITIONS,
    AttemptFailed,
    Failed,
    FailedInDoubt,
    SagaNodeLoadStatus,
    Started,
    Succeeded,
    UndoAttemptFailed,
    UndoFailed,
    UndoFinished,
    UndoStarted,
)
from steno.core.log._status import ORDERS, UNWINDING

EVENTS = (
    Started,
    Succeeded,
    Failed,
    FailedInDoubt,
    AttemptFailed,
    UndoStarted,
    UndoFinished,
    UndoFailed,
    UndoAttemptFailed,
)

LEGAL = {
    ("never started", Started): "started",
    ("started", Succeeded): "succeeded",
    ("started", Failed): "failed",
    ("started", FailedInDoubt): "failed in doubt",
    ("started", AttemptFailed): "backing off",
    ("backing off", Started): "started",
    ("backing off", Succeeded): "succeeded",
    ("backing off", Failed): "failed",
    ("backing off", FailedInDoubt): "failed in doubt",
    ("succeeded", UndoStarted): "undo started",
    ("failed in doubt", UndoStarted): "undo started",
    ("undo started", UndoFinished): "undo finished",
    ("undo started", UndoFailed): "undo failed",
    ("undo started", UndoAttemptFailed): "undo backing off",
    ("undo backing off", UndoStarted): "undo started",
    ("undo backing off", UndoFinished): "undo finished",
    ("undo failed", UndoFinished): "undo finished",
}


def test_the_table_is_that_of_the_specification():
    """Seventeen steps between ten statuses; every other pair is missing."""
    assert len(SagaNodeLoadStatus) == 10
    for status, event in product(SagaNodeLoadStatus, EVENTS):
        following = TRANSITIONS.get((status, event))
        assert (following and following.value) == LEGAL.get((status.value, event))
    assert len(TRANSITIONS) == len(LEGAL) == 17


SAME = {
    "never started": {"hold", "retry"},
    "started": {"hold", "retry", "fail", "complete"},
    "succeeded": {"hold", "retry"},
    "backing off": {"hold", "retry", "fail", "complete"},
    "failed in doubt": {"hold", "retry"},
    "undo started": {"retry", "complete"},
    "undo backing off": {"retry", "complete"},
    "undo failed": {"complete"},
}
"""The orders that may apply, by status, and leave the node in it."""


def test_the_table_of_orders_is_that_of_the_specification():
    """An order changes nothing by itself, except that a failed undo is due again."""
    expected = {(status, verb): status for status, verbs in SAME.items() for verb in verbs}
    expected["undo failed", "retry"] = "undo backing off"
    given = {(status.value, verb.value): after.value for (status, verb), after in ORDERS.items()}
    assert given == expected
    assert len(OF_NODES) == 4


def test_two_statuses_are_final():
    """Failed, and undo finished: whatever else has happened can still come to something."""
    final = set(SagaNodeLoadStatus) - {status for status, _ in TRANSITIONS}
    assert {status.value for status in final} == {"failed", "undo finished"}


def test_a_failure_and_all_of_undoing_say_that_a_saga_unwinds():
    """No other status does; a node that backs off may still succeed."""
    assert {status.value for status in UNWINDING} == {
        "failed",
        "failed in doubt",
        "undo started",
        "undo backing off",
        "undo finished",
        "undo failed",
    }
