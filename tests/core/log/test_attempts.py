"""The rules about attempts; that they are those of the fold is shown in `test_verify`."""

from collections import Counter
from datetime import timedelta

import attrs
import pytest

from steno.core import (
    AttemptFailed,
    Breach,
    LogRule,
    Node,
    SagaCachedState,
    SagaNodeEvent,
    UndoAttemptFailed,
    UndoFailed,
    verify_log,
)
from steno.testing.notation import events
from support.demo import saga

PAIR = saga(["a", "b"], "c")  # 0 and 1, then 2; 3 is the start, 4 the end


def counted(text: str) -> list[SagaNodeEvent]:
    """Return a log whose failed attempts have the numbers that they should have."""
    log = events(text)
    count: Counter[tuple[int, bool]] = Counter()
    for place, each in enumerate(log):
        what = each.event_type
        if isinstance(what, AttemptFailed | UndoAttemptFailed | UndoFailed):
            undoing = not isinstance(what, AttemptFailed)
            count[each.node_id, undoing] += 1
            if not isinstance(what, UndoFailed):
                number = count[each.node_id, undoing]
                log[place] = attrs.evolve(each, event_type=attrs.evolve(what, attempt=number))
    return log


def breach_of(text: str, **options: object) -> Breach | None:
    return verify_log(PAIR, counted(text), **options)


@pytest.mark.parametrize(
    "text",
    [
        # An action.
        "0+ 0↻",
        "0+ 0↻ 0+",
        "0+ 0↻ 0+ 0≈ 0+ 0↻ 0+ 0✓",
        "0+ 0↻ 0«=complete",
        "0+ 0↻ 0«=complete 0✓",
        "0+ 0≈ 0«=complete 0✓",
        "0+ 0↻ 0«=fail",
        "0+ 0↻ 0«=fail 0✗",
        "0+ 0≈ 0«=fail 0?",
        "0+ 0↻=order 0«=retry 0+",
        "0+ 0≈ 0«=retry 0«=retry 0+ 0✗",
        "0+ 0↻=order 0«=retry 0«=fail 0✗",
        "0+ 0≈ 0«=retry 0«=complete 0✓",
        "0+ 0≈ 0+ 0✗",
        "0+ 0↻ 0+ 0?",
        "0+ 0?",
        # Its undo.
        "0+ 0? 0-",
        "0+ 0? 0- 0↺ 0- 0↺ 0- 0∅ 3-",
        "0+ 0? 0- 0↺ 0«=complete 0∅",
        "0+ 0? 0- 0↺ 0- 0!",
        "0+ 0? 0- 0↺=order 0«=retry 0- 0∅",
        "0+ 0? 0- 0! 0«=complete 0∅ 3- 3∅",
        "0+ 0? 0- 0! 0«=retry 0- 0↺ 0«=retry 0«=complete 0∅ 3- 3∅",
        "0+ 0? 0- 0! 0«=retry 0- 0! 0«=retry 0«=complete 0∅ 3-",
        # Holds.
        "0«=hold",
        "0«=hold 0«=retry 0«=hold 0«=retry 0+",
        "0+ 0«=hold 0↻ 0+ 0? 0«=retry 0-",
        "0+ 0↻=order 0«=hold 0«=retry 0+ 0«=hold 0✓",
        "0+ 0? 0«=hold",
        "4«=hold 0+ 1+",
        # Other nodes.
        "0+ 1+ 0↻ 1✗ 0✗ 3-",
        "0+ 1+ 0≈ 1✗ 0? 0-",
        "0+ 1+ 0≈ 0«=retry 1✗ 0? 0-",
        "0+ 1+ 0✓ 1? 0- 1- 0↺ 1! 0«=complete 0∅",
        "0+ 1+ 0✓ 1? 0- 0! 0«=complete 0∅ 1-",
        "0+ 1+ 0✓ 1? 0- 0! 0«=retry 1- 0-",
        "0+ 1+ 0✓ 1✗ 0- 0! 0«=complete 0∅ 3- 3∅",
        "0+ 1«=hold 0✗ 3- 3∅",
    ],
)
@pytest.mark.parametrize("ordered", [True, False])
def test_good_logs(text: str, *, ordered: bool):
    """A log with attempts is held to its order, whether others are or not."""
    assert breach_of(f"3+ 3✓ {text}", ordered=ordered) is None


BREACHES = [
    # The order of a node's own events
    ("0↻ 0+", "OWN_ORDER", 2, "attempt_failed of /a: it cannot follow nothing"),
    ("0+ 0↻ 0+ 0+ 0✓", "OWN_ORDER", 5, "started of /a: it cannot follow event 4, started"),
    ("0+ 0✓ 0↻", "OWN_ORDER", 4, "it cannot follow event 3, succeeded"),
    ("0+ 0↻ 0↻", "OWN_ORDER", 4, "it cannot follow event 3, attempt_failed"),
    ("0+ 0≈ 0✗", "OWN_ORDER", 4, "failed of /a: it cannot follow event 3, attempt_failed"),
    ("0+ 0≈ 0+ 0↻ 0?", "OWN_ORDER", 6, "failed of /a: it cannot follow event 5, attempt_failed"),
    ("0+ 0? 0+", "OWN_ORDER", 4, "started of /a: it cannot follow event 3, failed"),
    ("0+ 0↻ 0«=fail 0✗ 0-", "OWN_ORDER", 6, "undo_started of /a: it cannot follow event 5, failed"),
    ("0+ 0↻ 0-", "OWN_ORDER", 4, "undo_started of /a: it cannot follow event 3, attempt_failed"),
    ("0+ 0? 0- 0↺ 0!", "OWN_ORDER", 6, "it cannot follow event 5, undo_attempt_failed"),
    ("0+ 0? 0- 0! 0-", "OWN_ORDER", 6, "undo_started of /a: it cannot follow event 5, undo_failed"),
    ("0+ 0? 0- 0! 0«=complete 0∅ 0∅", "OWN_ORDER", 8, "cannot follow event 7, undo_finished"),
    (
        "0+ 0? 0- 0! 0∅",
        "OWN_ORDER",
        6,
        "undo_finished of /a: it cannot follow event 5, undo_failed",
    ),
    # Orders, and what needs them
    ("0«=fail", "OWN_ORDER", 2, "ordered of /a: it cannot follow nothing"),
    ("0«=retry", "OWN_ORDER", 2, "ordered of /a: it cannot follow nothing"),
    ("0+ 0«=retry", "OWN_ORDER", 3, "ordered of /a: it cannot follow event 2, started"),
    ("0+ 0«=fail", "ORDERED", 3, "is under way, and an order to fail does not apply"),
    ("0+ 0«=complete", "ORDERED", 3, "is under way, and an order to complete does not apply"),
    ("0+ 0✓ 0«=complete", "OWN_ORDER", 4, "ordered of /a: it cannot follow event 3, succeeded"),
    ("0+ 0✗ 0«=hold", "OWN_ORDER", 4, "ordered of /a: it does not apply where its node is"),
    ("0+ 0? 0- 0«=hold", "OWN_ORDER", 5, "ordered of /a: it does not apply where its node is"),
    ("0«=hold 0«=hold", "OWN_ORDER", 3, "ordered of /a: it does not apply where its node is"),
    ("0+ 0✗ 1«=hold", "OWN_ORDER", 4, "ordered of /b: it does not apply where its node is"),
    ("1«=hold 0+ 0✗ 1«=retry", "OWN_ORDER", 5, "ordered of /b: it does not apply where its node"),
    ("0+ 0↻ 0«=fail 0«=hold", "OWN_ORDER", 5, "ordered of /a: it does not apply where its node"),
    ("0+ 0↻ 0«=fail 0«=retry", "OWN_ORDER", 5, "ordered of /a: it cannot follow event 4, ordered"),
    ("0+ 0↻ 0«=fail 0✓", "OWN_ORDER", 5, "succeeded of /a: it cannot follow event 4, ordered"),
    ("0+ 0≈ 0«=fail 0✗", "OWN_ORDER", 5, "failed of /a: it cannot follow event 4, ordered"),
    ("0+ 0↻ 0«=complete 0+", "OWN_ORDER", 5, "started of /a: it cannot follow event 4, ordered"),
    ("0+ 0↻ 0«=retry 0✓", "OWN_ORDER", 5, "succeeded of /a: it cannot follow event 4, ordered"),
    ("0+ 0↻ 0✓", "OWN_ORDER", 4, "succeeded of /a: it cannot follow event 3, attempt_failed"),
    ("0+ 0? 0- 0↺ 0∅", "OWN_ORDER", 6, "it cannot follow event 5, undo_attempt_failed"),
    (
        "0+ 0↻ 0✗",
        "ORDERED",
        4,
        "it waits for another attempt, and nobody has ordered that it fails",
    ),
    (
        "0+ 0≈ 0?",
        "ORDERED",
        4,
        "it waits for another attempt, and nobody has ordered that it fails",
    ),
    ("0+ 0↻ 0«=retry 0✗", "ORDERED", 5, "nobody has ordered that it fails"),
    ("0+ 0↻=order 0+", "ORDERED", 4, "event 3 holds its node, and nobody has ordered to retry it"),
    ("0+ 0? 0- 0↺=order 0-", "ORDERED", 6, "event 5 holds its node, and nobody has ordered to"),
    ("0«=hold 0+", "ORDERED", 3, "started of /a: event 2 holds it, and nothing lifts that"),
    ("0+ 0«=hold 0? 0-", "ORDERED", 5, "undo_started of /a: event 3 holds it, and nothing lifts"),
    (
        "0+ 1+ 0✓ 1✓ 2+ 2✓ 4+ 4✓ 2«=hold",
        "ORDERED",
        10,
        "ordered of /c: its saga has succeeded, by event 9",
    ),
    # What is tried, how often, and when
    ("4↻", "OWN_ORDER", 2, "attempt_failed of (end node): it cannot follow nothing"),
    ("0+ 1+ 0✗ 1↻", "LAST_ATTEMPT", 5, "attempt_failed of /b: a failure, event 4, stands before"),
    ("0+ 1+ 0? 1≈", "LAST_ATTEMPT", 5, "attempt_failed of /b: a failure, event 4, stands before"),
    ("0+ 1+ 0↻ 1✗ 0+", "NO_START_AFTER_FAILURE", 6, "a failure, event 5, stands before it"),
    # Undoing
    ("0+ 1+ 0≈ 1? 1-", "GIVEN_UP_FIRST", 6, "undo_started of /b: /a waits for another attempt"),
    ("0+ 1+ 0✓ 1? 3-", "CHILDREN_FIRST", 6, "/a, which depends on it, is not undone before it"),
    ("0+ 1+ 0✗ 1? 3-", "CHILDREN_FIRST", 6, "/b, which depends on it, is not undone before it"),
    ("0+ 1+ 0✓ 1? 0- 0↺ 1- 1! 0-", "NO_UNDO_AFTER_STUCK", 10, "an undo, event 9, stands before"),
    ("0+ 1+ 0✓ 1↻ 0-", "GIVEN_UP_FIRST", 6, "undo_started of /a: /b waits for another attempt"),
    ("0+ 0↻ 0«=complete 0✓ 0-", "UNDO_AFTER_FAILURE", 6, "nothing has failed before it"),
    ("0+ 1+ 0↻ 0«=fail 1? 1-", "GIVEN_UP_FIRST", 7, "undo_started of /b: /a waits for another"),
    ("0+ 1+ 0✓ 1? 0- 0! 0«=complete 1-", "NO_UNDO_AFTER_STUCK", 9, "an undo, event 7, stands"),
]


@pytest.mark.parametrize(("text", "rule", "place", "why"), BREACHES)
def test_breach(text: str, rule: str, place: int, why: str):
    """The rule, the number of the event, and a sentence that names the node."""
    breach = breach_of(f"3+ 3✓ {text}")
    assert breach is not None
    assert (breach.rule, breach.seq) == (LogRule[rule], place)
    assert why in breach.text


@pytest.mark.parametrize("text", ["3+ 3↻", "3+ 3?", "3+ 3✓ 0+ 0✗ 3- 3↺"])
def test_only_actions_have_attempts(text: str):
    """Nor does a node without one fail in doubt."""
    breach = breach_of(text)
    assert breach is not None
    assert (breach.rule, breach.seq) == (LogRule.ATTEMPTS_OF_ACTIONS, len(text.split()) - 1)
    assert "of (start node): it does not run an action" in breach.text


@pytest.mark.parametrize("mark", ["↻", "?"])
def test_a_sleep_has_no_attempts(mark: str):
    """It is stored as an action, and is not one."""
    dag = saga(Node.sleep("s", timedelta(1)), "z")
    breach = verify_log(dag, events(f"2+ 2✓ 0+ 0{mark}"))
    assert breach is not None
    assert (breach.rule, breach.node) == (LogRule.ATTEMPTS_OF_ACTIONS, "/s")


@pytest.mark.parametrize(
    ("before", "wrong", "why"),
    [
        ("0+", "0↻", "it is attempt 1, not 2"),
        ("0+ 0≈ 0+ 0↻ 0+", "0↻", "it is attempt 3, not 2"),
        ("0+ 0≈ 0+ 0? 0- 0↺ 0-", "0↺", "it is attempt 2, not 1"),
    ],
)
def test_attempts_are_counted(before: str, wrong: str, why: str):
    """Each direction has its own count, from 1, and no number is left out or comes twice."""
    log = counted(f"3+ 3✓ {before}")
    (last,) = events(wrong)
    number = int(why.rpartition(" ")[2])
    last = attrs.evolve(last, event_type=attrs.evolve(last.event_type, attempt=number))
    breach = verify_log(PAIR, [*log, last])
    assert breach is not None
    assert (breach.rule, breach.seq) == (LogRule.COUNTED_ATTEMPTS, len(log))
    assert why in breach.text


@pytest.mark.parametrize(
    ("state", "text", "why"),
    [
        (SagaCachedState.SUCCEEDED, "0+ 0↻", "/a has not succeeded"),
        (SagaCachedState.FAILED, "0+ 0↻ 0«=fail 0✗ 3-", "(start node) is not undone"),
        (SagaCachedState.FAILED, "0+ 0?", "/a is not undone"),
        (SagaCachedState.FAILED, "0+ 0↻", "no node has failed"),
        (SagaCachedState.STUCK, "0+ 0? 0- 0↺", "no undo has failed"),
        (SagaCachedState.STUCK, "0+ 0? 0- 0! 0«=complete 0∅", "no undo has failed"),
        (SagaCachedState.STUCK, "0+ 0? 0- 0! 0«=retry", "no undo has failed"),
        (SagaCachedState.STUCK, "0+ 1+ 0? 0- 0!", "/b has begun something without an end"),
        (SagaCachedState.STUCK, "0+ 1+ 0? 0- 1? 1- 0!", "/b has begun something without an end"),
    ],
)
def test_claimed_end(state: SagaCachedState, text: str, why: str):
    """A state that the log does not have is a breach at its end."""
    breach = breach_of(f"3+ 3✓ {text}", finished=state)
    assert breach is not None
    assert (breach.rule, breach.seq) == (LogRule.WHOLE_END, None)
    assert why in breach.text


@pytest.mark.parametrize(
    ("state", "text"),
    [
        (SagaCachedState.FAILED, "0+ 1+ 0↻ 1? 0✗ 1- 1∅ 3- 3∅"),
        (SagaCachedState.FAILED, "0+ 0? 0- 0! 0«=complete 0∅ 3- 3∅"),
        (SagaCachedState.STUCK, "0+ 0? 0- 0!"),
        (SagaCachedState.STUCK, "0+ 0? 0- 0! 0«=complete"),
        (SagaCachedState.STUCK, "0+ 1+ 0✓ 1? 0- 1- 0↺ 1!"),
        (SagaCachedState.SUCCEEDED, "0+ 1+ 0↻ 0+ 1✓ 0✓ 2+ 2≈ 2«=complete 2✓ 4+ 4✓"),
    ],
)
def test_whole_end(state: SagaCachedState, text: str):
    """An undo that waits for another attempt does not keep a saga from being stuck."""
    assert breach_of(f"3+ 3✓ {text}", finished=state) is None


def test_a_sleep_may_be_ended_by_an_order():
    """While it is started, in either way; until then it has begun something without an end."""
    dag = saga(Node.sleep("s", timedelta(1)), "z")
    for text in ("0+ 0«=fail 0✗ 2-", "0+ 0«=complete 0✓ 1+", "0+ 0«=hold 0«=fail 0✗"):
        assert verify_log(dag, events(f"2+ 2✓ {text}")) is None
    begun = verify_log(dag, events("2+ 2✓ 0+ 0«=fail"), finished=SagaCachedState.STUCK)
    assert begun is not None
    assert "no undo has failed" in begun.text
    wide = saga([Node.sleep("s", timedelta(1)), "b"], "z")
    log = "3+ 3✓ 0+ 1+ 0«=complete 1? 1- 1!"
    breach = verify_log(wide, events(log), finished=SagaCachedState.STUCK)
    assert breach is not None
    assert "/s has begun something without an end" in breach.text


def test_long_lives():
    """The first wrong event is found among thousands of attempts."""
    tried = " ".join(["0+ 0↻"] * 2_000)
    assert breach_of(f"3+ 3✓ {tried} 0+ 0✓") is None
    breach = breach_of(f"3+ 3✓ {tried} 0↻ {tried}")
    assert breach is not None
    assert (breach.rule, breach.seq) == (LogRule.OWN_ORDER, 2 + 4_000)
