"""The saga log."""

from itertools import product

import pytest

from steno.core import OF_NODES, TRANSITIONS, Ordered, SagaLog, SagaNodeLoadStatus, Verb
from steno.core.log._status import ORDERS
from steno.errors import ForeignEvent, IllegalEvent
from steno.testing.notation import MARKS, OTHER_ID, SAGA_ID, event, events, shown

S = SagaNodeLoadStatus

LIVES = {
    S.NEVER_STARTED: "",
    S.STARTED: "0+",
    S.SUCCEEDED: "0+ 0✓",
    S.BACKING_OFF: "0+ 0↻",
    S.FAILED: "0+ 0✗",
    S.FAILED_IN_DOUBT: "0+ 0?",
    S.UNDO_STARTED: "0+ 0✓ 0-",
    S.UNDO_BACKING_OFF: "0+ 0✓ 0- 0↺",
    S.UNDO_FINISHED: "0+ 0✓ 0- 0∅",
    S.UNDO_FAILED: "0+ 0✓ 0- 0!",
}
"""How a node gets to each status."""

PAIRS = [pair for pair in product(S, MARKS) if pair[1] is not Ordered]


def facts(log: SagaLog) -> object:
    return (list(log.events), [log.status(node) for node in range(3)], log.unwinding, log.pretty())


@pytest.mark.parametrize(("status", "kind"), [pair for pair in PAIRS if pair in TRANSITIONS])
def test_a_legal_event_leads_to_the_next_status(status: S, kind: type):
    """Each step of the table is taken, and nothing else changes."""
    log = SagaLog.new_recover(SAGA_ID, events(LIVES[status]))
    assert log.status(0) is status
    step = event("0" + MARKS[kind])
    log.record(step)
    assert log.status(0) is TRANSITIONS[status, kind]
    assert log.status(1) is S.NEVER_STARTED
    assert log.events[-1] == step
    assert shown(log.events) == f"{LIVES[status]} 0{MARKS[kind]}".strip()


@pytest.mark.parametrize(("status", "kind"), [pair for pair in PAIRS if pair not in TRANSITIONS])
def test_an_illegal_event_is_refused_and_changes_nothing(status: S, kind: type):
    """Each pair that is missing from the table raises, in the words of the specification."""
    log = SagaLog.new_recover(SAGA_ID, events(LIVES[status]))
    before = facts(log)
    text = f"event type {kind.label} is illegal with current load status {status.value}"
    for refuse in (log.record, log.next_status):
        with pytest.raises(IllegalEvent, match=f"^{text}") as caught:
            refuse(event("0" + MARKS[kind]))
        assert caught.value.node_id == 0
    assert facts(log) == before


@pytest.mark.parametrize(("status", "verb"), list(product(S, OF_NODES)))
def test_an_order_leads_to_the_next_status_or_is_refused(status: S, verb: Verb):
    """By the table of orders; one that is missing there raises and changes nothing."""
    log = SagaLog.new_recover(SAGA_ID, events(LIVES[status]))
    before, order = facts(log), event(f"0«={verb.value}")
    if (status, verb) in ORDERS:
        log.record(order)
        assert log.status(0) is ORDERS[status, verb]
        assert log.events[-1] == order
        return
    with pytest.raises(IllegalEvent, match=f"ordered is illegal .* status {status.value}"):
        log.record(order)
    assert facts(log) == before


def test_an_event_of_another_saga_is_refused_and_changes_nothing():
    """The error has both ids, in the words of the specification."""
    log = SagaLog(SAGA_ID)
    before = facts(log)
    with pytest.raises(ForeignEvent) as caught:
        log.record(event("0+", OTHER_ID))
    assert str(caught.value) == (
        f"found an event in the log for a different saga ({OTHER_ID}) than requested ({SAGA_ID})"
    )
    assert (caught.value.found, caught.value.requested) == (OTHER_ID, SAGA_ID)
    assert facts(log) == before
    with pytest.raises(ForeignEvent):
        SagaLog.new_recover(SAGA_ID, [event("0+"), event("1+", OTHER_ID)])


@pytest.mark.parametrize(
    ("text", "unwinding"),
    [
        ("0+ 0✓ 1+", False),
        ("0+ 0↻", False),
        ("0+ 0✗", True),
        ("0+ 0?", True),
        ("0+ 0✓ 0-", True),
        ("0+ 0✓ 0- 0↺", True),
        ("0+ 0✓ 0- 0∅", True),
    ],
)
def test_a_log_unwinds_from_the_first_failure_or_undo_on(text: str, unwinding):
    """A log that begins with an undo, as a dump may, unwinds too."""
    assert SagaLog.new_recover(SAGA_ID, events(text)).unwinding is unwinding


def test_events_are_kept_in_the_order_given_if_that_is_legal():
    """Of different nodes, whatever their causes: a log knows no graph."""
    text = "5+ 1+ 1✓ 5✗ 1-"
    assert shown(SagaLog.new_recover(SAGA_ID, events(text)).events) == text


def test_events_in_an_illegal_order_are_sorted_by_type_stably():
    """So every node's own events become legal, if anything can make them so."""
    log = SagaLog.new_recover(SAGA_ID, events("2✓ 1∅ 2+ 1+ 1- 1✓"))
    assert shown(log.events) == "2+ 1+ 2✓ 1✓ 1- 1∅"


@pytest.mark.parametrize("text", ["0✓", "0+ 0+", "0+ 0✓ 0✗", "0+ 0✗ 0-", "0- 0∅ 0!"])
def test_events_that_no_order_makes_legal_are_refused(text: str):
    """A sequence that a node cannot go through is not a log."""
    with pytest.raises(IllegalEvent, match=r"^event type \w+ is illegal with current load status"):
        SagaLog.new_recover(SAGA_ID, events(text))


@pytest.mark.parametrize("text", ["0+ 0✓ 0↻", "0↻ 0+", "0+ 0↻ 0+ 0+ 0↻", "0? 0+", "0+ 0✓ 0↺ 0-"])
def test_attempts_are_not_sorted(text: str):
    """There may be many of them, so a log that has any is legal as it stands, or not at all."""
    with pytest.raises(IllegalEvent):
        SagaLog.new_recover(SAGA_ID, events(text))


def test_the_events_of_a_log_grow_with_it():
    """They grow with the log, and nothing in them ever changes."""
    log = SagaLog(SAGA_ID)
    held = log.events
    log.record(event("0+"))
    assert shown(held) == "0+"


def test_a_log_is_shown_line_by_line():
    """A head of five lines, then a line for each event, counted from one."""
    log = SagaLog.new_recover(SAGA_ID, events("12+ 12✓ 0+"))
    assert log.pretty() == (
        "SAGA LOG:\n"
        "saga id:   049b2522-308d-442e-bc65-9bfaef863597\n"
        "direction: forward\n"
        "events (3 total):\n"
        "\n"
        "001 N012 started\n"
        "002 N012 succeeded\n"
        "003 N000 started\n"
    )
    log.record(event("0≈"))
    log.record(event("0?"))
    assert log.pretty().endswith("\n004 N000 attempt_failed\n005 N000 failed\n")
    log = SagaLog.new_recover(SAGA_ID, [*events("12+ 12✓ 0+ 0↻"), event("0«=retry")])
    assert log.pretty().endswith("\n005 N000 ordered retry by test: no reason\n")
    log = SagaLog.new_recover(SAGA_ID, events("12+ 12✓ 0+ 0✗"))
    assert "direction: unwinding\nevents (4 total):\n" in log.pretty()
    assert log.pretty().endswith("\n004 N000 failed\n")


def test_orders_on_a_saga_in_a_log():
    """They are legal in any place, for the log alone; a line shows who gave them, and no node."""
    text = "«=deadline:500 12+ «=pause 12✓ «=signal:go:1 «=unwind"
    log = SagaLog.new_recover(SAGA_ID, events(text))
    assert log.pretty().endswith(
        "direction: unwinding\n"
        "events (6 total):\n"
        "\n"
        "001 ---- ordered deadline by test: no reason\n"
        "002 N012 started\n"
        "003 ---- ordered pause by test: no reason\n"
        "004 N012 succeeded\n"
        '005 ---- ordered signal "go" by test: no reason\n'
        "006 ---- ordered unwind by test: no reason\n"
    )
    assert log.copy().pretty() == log.pretty()
    assert "direction: forward" in SagaLog.new_recover(SAGA_ID, log.events[:5]).pretty()


@pytest.mark.parametrize(
    "text", ["«=pause 0✓ 0+", "«=hold", "«=complete", "0«=pause", "0+ 0«=start"]
)
def test_orders_that_no_log_has(text: str):
    """With an order nothing is sorted, and each is about a node or about the saga."""
    with pytest.raises(IllegalEvent):
        SagaLog.new_recover(SAGA_ID, events(text))


def test_an_order_on_another_saga_is_refused():
    """It changes nothing."""
    log = SagaLog(SAGA_ID)
    with pytest.raises(ForeignEvent):
        log.record(event("«=unwind", OTHER_ID))
    assert (len(log.events), log.unwinding) == (0, False)


def test_an_empty_log_is_shown_too():
    """It has its head."""
    assert SagaLog(SAGA_ID).pretty().endswith("direction: forward\nevents (0 total):\n\n")


def test_events_are_a_sequence_that_makes_them_when_they_are_looked_at():
    """Each time the same, by number or in part; it grows with its log, and compares as a list."""
    log = SagaLog(SAGA_ID)
    seen = log.events
    assert seen == []
    given = [event("0+"), event("0✓"), event("1+")]
    for each in given:
        log.record(each)
    assert len(seen) == 3
    assert (seen[1], seen[-1], tuple(seen[1:])) == (given[1], given[2], tuple(given[1:]))
    assert (list(seen), seen) == (given, tuple(given))
    assert seen != given[:2]
    assert seen != 3
    with pytest.raises(IndexError):
        seen[3]
