"""The order of a dump's events."""

import pytest

from steno.core import fold_unordered
from steno.errors import CorruptLog, ForeignEvent, IllegalEvent
from steno.testing.notation import OTHER_ID, SAGA_ID, event, events, fold, shown
from support.demo import OUTPUTS, demo, saga

WIDE = saga(["a", "b", "c"], "z").flat  # 0 to 2, 3, start 4, end 5


def ordered(text: str, flat=WIDE) -> str:
    return shown(fold_unordered(flat, SAGA_ID, events(text)).log.events)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "4+ 4✓ 2+ 0+ 1+ 1✓ 0✓",
        "4+ 4✓ 0+ 1+ 1✗ 0✓ 0-",
        "4+ 4✓ 0+ 1+ 2+ 0✓ 1✓ 2✗ 1- 0- 1! 0∅",
    ],
)
def test_a_legal_order_is_kept(text: str):
    """What needs no change is not changed."""
    assert ordered(text) == text


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        # A node's own events, by type.
        ("4✓ 4+", "4+ 4✓"),
        # Causes first; else what stands first in the dump.
        ("1+ 0+ 4✓ 4+", "4+ 4✓ 1+ 0+"),
        ("3+ 2✓ 4+ 4✓ 1+ 1✓ 0✓ 0+ 2+", "4+ 4✓ 1+ 1✓ 0+ 0✓ 2+ 2✓ 3+"),
        # A failure is taken when all that was ever started is.
        ("4+ 4✓ 0+ 0✗ 1+ 2+", "4+ 4✓ 0+ 1+ 2+ 0✗"),
        ("0✗ 4+ 4✓ 0+ 1✗ 1+", "4+ 4✓ 0+ 1+ 0✗ 1✗"),
        # An undo needs the failure, and all below it undone.
        ("4- 1- 1∅ 4+ 4✓ 0+ 1+ 0✗ 1✓", "4+ 4✓ 0+ 1+ 0✗ 1✓ 1- 1∅ 4-"),
        # The failure of an undo is taken when all that was ever undone is.
        (
            "4+ 4✓ 0+ 1+ 2+ 0✓ 1✓ 2✗ 0- 0! 1-",
            "4+ 4✓ 0+ 1+ 2+ 0✓ 1✓ 2✗ 0- 1- 0!",
        ),
        (
            "4+ 4✓ 0+ 1+ 2+ 0✓ 1✓ 2✗ 0- 1! 0! 1-",
            "4+ 4✓ 0+ 1+ 2+ 0✓ 1✓ 2✗ 0- 1- 1! 0!",
        ),
    ],
)
def test_an_illegal_order_is_stably_made_legal(given: str, expected: str):
    """The event that stands first in the dump is taken, of those whose cause has been."""
    assert ordered(given) == expected


CORRUPT = {
    "no start": ("0+", "corrupt log: started of node 0: node 4, on which it depends"),
    "a parent's success is missing": (
        "4+ 4✓ 0+ 1+ 2+ 0✓ 1✓ 3+",
        "corrupt log: started of node 3: node 2, on which it depends, has not succeeded",
    ),
    "an undo without a failure": (
        "4+ 4✓ 0+ 0✓ 0-",
        "corrupt log: undo_started of node 0: no failure was logged before it",
    ),
    "an undo above one that is not undone": (
        "4- 4+ 4✓ 0+ 0✓ 1+ 1✗",
        "corrupt log: undo_started of node 4: a node that depends on it is not undone",
    ),
    "an undo above one whose undo failed": (
        "4+ 4✓ 0+ 0✓ 1+ 1✗ 0- 0! 4-",
        "corrupt log: undo_started of node 4: a node that depends on it is not undone",
    ),
    "a start that nothing allows, behind a failure": (
        "4+ 4✓ 0+ 0✗ 3+",
        "corrupt log: started of node 3: node 0, on which it depends, has not succeeded",
    ),
    "an undo that nothing allows, behind the failure of one": (
        "4+ 4✓ 0+ 1+ 2+ 0✓ 1✓ 2✗ 0- 0! 4-",
        "corrupt log: undo_started of node 4: a node that depends on it is not undone",
    ),
    "no such node": ("4+ 4✓ 9+", "corrupt log: started of node 9: the saga has the nodes 0 to 5"),
}


@pytest.mark.parametrize(("text", "why"), CORRUPT.values(), ids=CORRUPT.keys())
def test_an_event_without_its_cause_makes_a_log_corrupt(text: str, why: str):
    """No order helps, and the error names an event that has no cause."""
    for given in (text, " ".join(reversed(text.split()))):
        with pytest.raises(CorruptLog) as caught:
            ordered(given)
        assert str(caught.value).startswith(why)


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("4+ 4+", "started is illegal with current load status started"),
        ("4✓", "succeeded is illegal with current load status never started"),
        ("4+ 4✓ 4✗", "failed is illegal with current load status succeeded"),
        ("4+ 4✓ 0+ 0✓ 0+ 1+", "started is illegal with current load status started"),
        ("4+ 4✓ 0+ 0✗ 0- 1+", "undo_started is illegal with current load status failed"),
        ("4+ 4✓ 0+ 0✓ 1+ 1✗ 0∅", "undo_finished is illegal with current load status succeeded"),
        ("4+ 4✓ 0+ 0✓ 1+ 1✗ 0- 0∅ 0!", "undo_failed is illegal with current load status undo fin"),
    ],
)
def test_a_node_that_no_order_makes_legal_is_refused(text: str, why: str):
    """The error is that of the table, wherever else in the log the event stands."""
    for given in (text, " ".join(reversed(text.split()))):
        with pytest.raises(IllegalEvent, match=f"^event type {why}"):
            ordered(given)


@pytest.mark.parametrize(
    "text",
    [
        "4+ 4✓ 0+ 0↻ 0+ 0✓",
        "4+ 4✓ 0+ 1+ 0≈ 1✗ 0? 0- 0↺ 0- 0∅ 4-",
        "4+ 4✓ 0+ 1+ 2+ 0✓ 1✓ 2✗ 0- 1- 0! 1∅ 0«=complete 0∅ 4-",
        "4+ 4✓ 2«=hold 0+ 1+ 0↻=order 0«=retry 0+ 1✗ 0✗ 4-",
    ],
)
def test_attempts_are_kept_in_their_order(text: str):
    """A log that Steno cannot have written is folded as it stands."""
    given = list(fold(WIDE, text).log.events)
    assert list(fold_unordered(WIDE, SAGA_ID, given).log.events) == given


@pytest.mark.parametrize(
    ("text", "error"),
    [
        ("4+ 4✓ 0+ 0↻ 0+ 0✓ 0+", IllegalEvent),
        ("4+ 4✓ 0+ 0«=hold 0✗ 0«=retry", IllegalEvent),
        ("4+ 4✓ 0+ 1+ 0✓ 0- 1✗ 0«=hold", CorruptLog),
        ("4✓ 4+ 0+ 0↻", IllegalEvent),
        ("4+ 4✓ 0+ 0? 1+", CorruptLog),
        ("4+ 4✓ 0+ 1+ 0✓ 1✗ 0↺ 0-", IllegalEvent),
        ("4+ 0+ 4✓ 0↻", CorruptLog),
    ],
)
def test_attempts_are_not_rearranged(text: str, error: type[Exception]):
    """A node may have many of them, so the order in which they stand has to be legal."""
    with pytest.raises(error):
        ordered(text)


def test_an_event_of_another_saga_is_refused_in_any_order():
    """Whether the order had to be looked for or not."""
    for text in ("4+ 4✓", "4✓ 4+"):
        mixed = [*events(text), event("0+", OTHER_ID)]
        for given in (mixed, mixed[::-1]):
            with pytest.raises(ForeignEvent):
                fold_unordered(WIDE, SAGA_ID, given)


def test_the_order_of_steno_is_taken_as_it_stands():
    """A log as Steno wrote it, with siblings undone in any order."""
    text = "12+ 12✓ 0+ 0✓ 1+ 1✓ 2+ 3+ 4+ 4✓ 5+ 5✓ 6+ 2✓ 3✗ 6✓ 2- 6- 6∅ 5- 2∅ 5∅ 4- 4∅ 1- 1∅ 0-"
    with_output = text.replace("1✓", f"1✓={OUTPUTS[1]}")
    assert ordered(with_output, demo().flat) == text


@pytest.mark.parametrize("order", ["fail", "complete"])
def test_an_order_that_nothing_follows_from(order: str):
    """A dump was torn within a transaction: what a node was completed with is not there."""
    with pytest.raises(CorruptLog, match=f"nothing follows from the order to {order} it"):
        ordered(f"4+ 4✓ 0+ 0↻=order 0«={order}")
