"""The table of transitions, literally."""

from itertools import product

from steno.core import (
    TRANSITIONS,
    Failed,
    SagaNodeLoadStatus,
    Started,
    Succeeded,
    UndoFailed,
    UndoFinished,
    UndoStarted,
)
from steno.core.log._status import UNWINDING

EVENTS = (Started, Succeeded, Failed, UndoStarted, UndoFinished, UndoFailed)

LEGAL = {
    ("never started", Started): "started",
    ("started", Succeeded): "succeeded",
    ("started", Failed): "failed",
    ("succeeded", UndoStarted): "undo started",
    ("undo started", UndoFinished): "undo finished",
    ("undo started", UndoFailed): "undo failed",
}


def test_the_table_is_that_of_the_specification():
    """Six steps between seven statuses; every other pair is missing."""
    assert len(SagaNodeLoadStatus) == 7
    for status, event in product(SagaNodeLoadStatus, EVENTS):
        following = TRANSITIONS.get((status, event))
        assert (following and following.value) == LEGAL.get((status.value, event))


def test_three_statuses_are_final():
    """Failed, undo finished, and undo failed until operators get verbs for it."""
    final = set(SagaNodeLoadStatus) - {status for status, _ in TRANSITIONS}
    assert {status.value for status in final} == {"failed", "undo finished", "undo failed"}


def test_a_failure_and_all_of_undoing_say_that_a_saga_unwinds():
    """No other status does."""
    assert {status.value for status in UNWINDING} == {
        "failed",
        "undo started",
        "undo finished",
        "undo failed",
    }
