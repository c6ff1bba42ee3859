"""Logs and steps as text."""

import pytest

from steno.core import OF_NODES, Finish, RunAction, RunUndo, SagaCachedState, Step, Verb
from steno.errors import RecoveryError
from steno.testing import verify_log
from steno.testing.notation import (
    MARKS,
    OTHER_ID,
    SAGA_ID,
    event,
    event_type,
    events,
    fold,
    inputs_of,
    shown,
    step_text,
)
from support.demo import demo

TEXT = "12+ 12✓ 0+ 0✓=1211 1+ 1✓ 2+ 3+ 4+ 4✓ 5+ 5✓ 6+ 6✓=[6] 7+ 7✓ 2✓ 3✗ 2- 2! 7-"


def test_what_is_read_is_shown_again():
    """But for the outputs."""
    assert shown(events(TEXT)) == TEXT.replace("=1211", "").replace("=[6]", "")
    marks = set(MARKS.values()) - {"«"}
    assert {event(f"3{mark}").event_type for mark in marks} == set(map(event_type, marks))


def test_an_order_says_what():
    """It is shown without that, as an output is; an unknown one is refused."""
    assert [event(f"3«={verb.value}").event_type.verb for verb in OF_NODES] == list(OF_NODES)
    assert shown(events("3«=hold 3«=retry")) == "3« 3«"
    assert [order.verb for order in inputs_of("3«=fail 3«=complete")] == [Verb.FAIL, Verb.COMPLETE]
    for wrong in ("3«", "3«=nothing"):
        with pytest.raises(ValueError, match="is not a valid Verb"):
            event(wrong)


def test_a_failed_attempt_says_what_it_waits_for():
    """The next open, an order, or a time; both directions."""
    for mark in "↻≈↺":
        waits = [event(f"3{mark}{due}").event_type for due in ("", "=order", "=500")]
        assert [(what.next, what.reopen) for what in waits] == [
            (None, True),
            (None, False),
            (500, False),
        ]


def test_an_event_is_of_a_saga():
    """Of one that is always the same, or of the one that is given."""
    assert {each.saga_id for each in events("0+ 1+")} == {SAGA_ID}
    assert {each.saga_id for each in events("0+ 1+", OTHER_ID)} == {OTHER_ID}


@pytest.mark.parametrize("text", ["", "+", "0", "0x", "0++", "a+", "0✓=", "0 +"])
def test_what_is_no_event_is_refused(text: str):
    """The error says how one is written."""
    with pytest.raises(ValueError, match="is not an event: a node's number, one of"):
        event(text)
    with pytest.raises(ValueError, match="is not one of"):
        event_type("x")


def test_a_log_that_is_folded_needs_no_output_that_is_known():
    """Those of constants and of the ends of subsagas; others are null unless they are given."""
    log = fold(demo().flat, TEXT.removesuffix(" 7-")).log.events
    assert verify_log(demo(), log) is None
    outputs = fold(demo().flat, TEXT.removesuffix(" 7-")).outputs
    assert outputs[1] == '{"number_of_things":1}'
    assert (outputs[0], outputs[5], outputs[7]) == ("1211", "null", "[6]")


@pytest.mark.parametrize("text", [TEXT, "12+ 1+", "12✓", "7✓", "99✓"])
def test_a_log_that_is_not_legal_is_not_folded(text: str):
    """It is refused as any log is."""
    with pytest.raises(RecoveryError):
        fold(demo().flat, text)


@pytest.mark.parametrize("text", ["0+", "1✓ 0-"])
def test_only_results_can_be_told(text: str):
    """What begins is for the machine to say."""
    with pytest.raises(ValueError, match="is not a result"):
        inputs_of(text)


def test_a_step_is_its_record_and_what_it_asks_for():
    """Either may be missing."""
    commands = (RunAction(0), RunAction(1, 2), RunUndo(2), RunUndo(3, 3))
    ends = tuple(Finish(each) for each in SagaCachedState if each.finished)
    assert step_text(Step((), ())) == ""
    assert step_text(Step(tuple(events("0✓ 1+")), ())) == "0✓ 1+"
    assert step_text(Step((), commands)) == "run 0, run 1 x2, undo 2, undo 3 x3"
    assert step_text(Step(tuple(events("1✓")), ends)) == (
        "1✓ | finish succeeded, finish failed, finish stuck, finish abandoned"
    )
