"""What has failed in a saga without ending it."""

import pytest

from steno.core import Attempt, Timestamp, Verb
from steno.core.machine._setback import NO_SETBACKS, Setbacks
from steno.testing.notation import ERROR, UNDO_ERROR, event, fold
from support.demo import saga

PAIR = saga(["a", "b"], "c").flat  # 0 and 1, then 2; 3 is the start, 4 the end


def setbacks(log: str) -> Setbacks:
    return fold(PAIR, f"3+ 3✓ {log}").setbacks


@pytest.mark.parametrize(
    ("text", "attempt"),
    [
        ("0↻=500", Attempt(1, ERROR, False, Timestamp(500), False)),
        ("0≈=order", Attempt(1, ERROR, True, None, False)),
        ("0↻", Attempt(1, ERROR, False, None, True)),
        ("0↺=500", Attempt(1, UNDO_ERROR, False, Timestamp(500), False)),
        ("0↺=order", Attempt(1, UNDO_ERROR, False, None, False)),
    ],
)
def test_an_attempt_is_what_its_event_says(text: str, attempt: Attempt):
    """An undo is never in doubt; without a time, what waits is held."""
    assert Attempt.of(event(text).event_type) == attempt
    assert attempt.held == (attempt.next is None)


def test_each_direction_has_its_own_count():
    """The number of the next failed attempt follows from the last."""
    found = setbacks("0+ 0↻ 0+ 0≈ 0+ 0? 0- 0↺")
    assert found.next_number(0, undoing=False) == 3
    assert found.next_number(0, undoing=True) == 2
    assert found.next_number(1, undoing=False) == 1
    assert found.next_number(1, undoing=True) == 1


def test_an_undo_that_failed_counts_once_it_is_tried_again():
    """Its failure was an attempt as well; the time since its first start is kept."""
    assert setbacks("0+ 0? 0- 0!").next_number(0, undoing=True) == 1
    found = setbacks("0+ 0? 0- 0↺ 0- 0! 0«=retry")
    assert found.next_number(0, undoing=True) == 3
    assert found.undo_attempts[0].error == UNDO_ERROR
    assert list(found.undoing) == [0]
    assert not found.undo_failures


def test_what_waits():
    """Nodes that wait to be called come before those that wait to be undone."""
    found = setbacks("0+ 1+ 1↻=7 0≈")
    assert [(node, attempt.next) for node, attempt in found.waiting()] == [(1, 7), (0, None)]
    assert [found.is_held(node) for node in (0, 1)] == [True, False]
    found = setbacks("0+ 1+ 1↻ 0? 1✗ 0- 0↺=9")
    assert [(node, attempt.next) for node, attempt in found.waiting()] == [(0, 9)]
    assert not found.is_held(0)


@pytest.mark.parametrize("end", ["0+", "0«=complete 0✓", "0«=fail 0✗"])
def test_what_ends_a_wait(end: str):
    """A new start, a success, or giving up; the last attempt is still known."""
    found = setbacks(f"0+ 0↻=7 {end}")
    assert list(found.waiting()) == []
    assert found.attempts[0].next == 7


def test_undo_failures_are_kept_in_order_until_repaired():
    """The first one that is left is the one that a result reports."""
    found = setbacks("0+ 1+ 0✓ 1? 0- 1- 1! 0!")
    assert found.undo_failures == {1: UNDO_ERROR, 0: UNDO_ERROR}
    assert list(found.undo_failures) == [1, 0]
    state = fold(PAIR, "3+ 3✓ 0+ 1+ 0✓ 1? 0- 1- 1! 0!")
    assert state.first_undo_failure == (1, UNDO_ERROR)
    for step in ("1«=complete", "1∅"):
        assert state.first_undo_failure == (1, UNDO_ERROR)
        state.apply(event(step))
    assert (state.first_undo_failure, state.stuck) == ((0, UNDO_ERROR), True)
    state.apply(event("0«=retry"))
    assert (state.first_undo_failure, state.stuck) == (None, False)


def test_what_is_held_by_an_order():
    """With whether it could begin otherwise; a node that is never started now could not."""
    assert setbacks("0«=hold 2«=hold").stopped == {0: True, 2: False}
    assert setbacks("0«=hold 2«=hold 1+ 1✗").stopped == {0: False, 2: False}
    assert setbacks("0+ 0«=hold").stopped == {0: False}
    assert setbacks("0+ 0«=hold 0?").stopped == {0: True}
    assert setbacks("0+ 0«=hold 0? 0«=retry").stopped == {}


@pytest.mark.parametrize("end", ["0«=complete 0✓", "0«=fail 0✗"])
def test_an_order_stands_until_it_is_followed(end: str):
    """Then its node has none any more."""
    order, _, last = end.partition(" ")
    assert setbacks(f"0+ 0↻=7 {order}").ordered == {0: Verb(order[3:])}
    assert setbacks(f"0+ 0↻=7 {order} {last}").ordered == {}


def test_no_setbacks():
    """Nothing waits in a saga in which nothing has failed."""
    assert list(NO_SETBACKS.waiting()) == []
