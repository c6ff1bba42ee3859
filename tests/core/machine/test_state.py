"""The fold of a log."""

from datetime import timedelta
from itertools import product

import attrs
import pytest

from steno.core import (
    EARLIEST,
    OF_NODES,
    TRANSITIONS,
    Attempt,
    Failed,
    FailedInDoubt,
    Node,
    Ordered,
    SagaNodeLoadStatus,
    SagaState,
    Succeeded,
    UndoFinished,
    Verb,
)
from steno.core.log._status import ORDERS
from steno.core.machine._setback import NO_SETBACKS
from steno.errors import CorruptLog, ForeignEvent, IllegalEvent
from steno.testing.notation import ERROR, MARKS, OTHER_ID, SAGA_ID, UNDO_ERROR, event, fold
from support.demo import OUTPUTS, demo, saga
from support.simulator import state_facts

S = SagaNodeLoadStatus

PAIR = saga("a", "b").flat  # 0, 1, start 2, end 3
WIDE = saga(["a", "b", "c"], "z").flat  # 0 to 2, 3, start 4, end 5

LIVES = {
    S.NEVER_STARTED: "2+ 2✓",
    S.STARTED: "2+ 2✓ 0+",
    S.SUCCEEDED: "2+ 2✓ 0+ 0✓ 1+ 1✗",
    S.BACKING_OFF: "2+ 2✓ 0+ 0↻",
    S.FAILED: "2+ 2✓ 0+ 0✗",
    S.FAILED_IN_DOUBT: "2+ 2✓ 0+ 0?",
    S.UNDO_STARTED: "2+ 2✓ 0+ 0✓ 1+ 1✗ 0-",
    S.UNDO_BACKING_OFF: "2+ 2✓ 0+ 0✓ 1+ 1✗ 0- 0↺",
    S.UNDO_FINISHED: "2+ 2✓ 0+ 0✓ 1+ 1✗ 0- 0∅",
    S.UNDO_FAILED: "2+ 2✓ 0+ 0✓ 1+ 1✗ 0- 0!",
}
"""How node 0 gets to each status, so that every event its own log allows is possible."""

PAIRS = [pair for pair in product(S, MARKS) if pair[1] is not Ordered]

NEED_AN_ORDER = {
    (S.BACKING_OFF, Succeeded): "0«=complete",
    (S.BACKING_OFF, Failed): "0«=fail",
    (S.BACKING_OFF, FailedInDoubt): "0«=fail",
    (S.UNDO_BACKING_OFF, UndoFinished): "0«=complete",
    (S.UNDO_FAILED, UndoFinished): "0«=complete",
}


def facts(state: SagaState) -> dict[str, object]:
    """Return all of a state, to be compared; what has failed in it, as it is now."""
    return state_facts(state) | {"setbacks": attrs.asdict(state.setbacks)}


@pytest.mark.parametrize(("status", "kind"), [pair for pair in PAIRS if pair in TRANSITIONS])
def test_every_legal_transition_is_taken(status: S, kind: type):
    """Each step of the table, in a whole saga; no other node changes its status."""
    given_up_in_doubt = (status, kind) == (S.BACKING_OFF, FailedInDoubt)
    state = fold(PAIR, LIVES[status].replace("↻", "≈" if given_up_in_doubt else "↻"))
    before = state.statuses()
    assert before[0] is state.status(0) is status
    if (order := NEED_AN_ORDER.get((status, kind))) is not None:
        with pytest.raises(CorruptLog, match="nobody has ordered it"):
            state.apply(event("0" + MARKS[kind]))
        state.apply(event(order))
        assert state.statuses() == before
    state.apply(event("0" + MARKS[kind]))
    assert state.statuses() == {**before, 0: TRANSITIONS[status, kind]}


@pytest.mark.parametrize(("status", "kind"), [pair for pair in PAIRS if pair not in TRANSITIONS])
def test_every_illegal_transition_is_refused_and_changes_nothing(status: S, kind: type):
    """Each pair that is missing from the table raises, and all of the state is as it was."""
    state = fold(PAIR, LIVES[status])
    before = facts(state)
    text = f"event type {kind.label} is illegal with current load status {status.value}"
    with pytest.raises(IllegalEvent, match=f"^{text}"):
        state.apply(event("0" + MARKS[kind]))
    assert facts(state) == before


@pytest.mark.parametrize(("status", "verb"), list(product(S, OF_NODES)))
def test_an_order_that_the_table_does_not_have_changes_nothing(status: S, verb: Verb):
    """One that it has leads where it says, or is refused for what the table cannot know."""
    state = fold(PAIR, LIVES[status])
    before = facts(state)
    try:
        state.apply(event(f"0«={verb.value}"))
    except IllegalEvent:
        assert (status, verb) not in ORDERS
        assert facts(state) == before
    except CorruptLog:
        assert (status, verb) in ORDERS
        assert facts(state) == before
    else:
        assert state.status(0) is ORDERS[status, verb]


CORRUPT = {
    "a start before the saga's": ("", "0+", "node 4, on which it depends, has not succeeded"),
    "a start before its parent's success": (
        "4+",
        "1+",
        "node 4, on which it depends, has not succeeded",
    ),
    "a start before all parents' success": (
        "4+ 4✓ 0+ 1+ 2+ 0✓ 2✓",
        "3+",
        "node 1, on which it depends, has not succeeded",
    ),
    "the end's start before all of it": (
        "4+ 4✓",
        "5+",
        "node 3, on which it depends, has not succeeded",
    ),
    "a start after a failure": ("4+ 4✓ 0+ 1+ 0✗", "2+", "a failure was logged before it"),
    "a start below a failure": ("4+ 4✓ 0+ 0✗", "3+", "a failure was logged before it"),
    "an undo without a failure": ("4+ 4✓ 0+ 0✓", "0-", "no failure was logged before it"),
    "an undo of a finished saga": (
        "4+ 4✓ 0+ 1+ 2+ 0✓ 1✓ 2✓ 3+ 3✓ 5+ 5✓",
        "5-",
        "no failure was logged before it",
    ),
    "an undo above one that runs": (
        "4+ 4✓ 0+ 1+ 0✓ 1✗",
        "4-",
        "a node that depends on it is not undone",
    ),
    "an undo above one that is being undone": (
        "4+ 4✓ 0+ 1+ 0✓ 1✗ 0-",
        "4-",
        "a node that depends on it is not undone",
    ),
    "an undo after one has failed": (
        "4+ 4✓ 0+ 1+ 2+ 0✓ 1✓ 2✗ 0- 0!",
        "1-",
        "the failure of an undo was logged before it",
    ),
    "an attempt of a node that runs no action": (
        "4+",
        "4↻",
        "it has no action that could be called again",
    ),
    "an attempt to undo such a node": (
        "4+ 4✓ 0+ 0✗ 4-",
        "4↺",
        "it has no action that could be called again",
    ),
    "doubt of such a node": ("4+", "4?", "it has no action to be in doubt of"),
    "a first attempt that is the second": (
        "4+ 4✓ 0+ 0↻ 0+",
        "0↻",
        "it is attempt 2, not 1",
    ),
    "a second attempt to undo that is the first": (
        "4+ 4✓ 0+ 1+ 0✓ 1✗ 0- 0↺ 0-",
        "0↺",
        "it is attempt 2, not 1",
    ),
    "an attempt in a saga that unwinds": (
        "4+ 4✓ 0+ 1+ 0✗",
        "1↻",
        "its saga unwinds, so this attempt is its last",
    ),
    "another start in a saga that unwinds": (
        "4+ 4✓ 0+ 1+ 1↻ 0✗",
        "1+",
        "a failure was logged before it",
    ),
    "another undo when one has failed": (
        "4+ 4✓ 0+ 1+ 2+ 0✓ 1✓ 2✗ 0- 1- 0↺ 1!",
        "0-",
        "the failure of an undo was logged before it",
    ),
    "an undo while a node waits for another attempt": (
        "4+ 4✓ 0+ 1+ 2+ 0✓ 1↻ 2✗",
        "0-",
        "a node that waits for another attempt is not given up",
    ),
    "a start of a node that is held by an order": (
        "4+ 4✓ 0«=hold",
        "0+",
        "the order to hold it is in effect",
    ),
    "an undo of a node that is held by an order": (
        "4+ 4✓ 0+ 1+ 0✓ 0«=hold 1✗",
        "0-",
        "the order to hold it is in effect",
    ),
    "a start of a node that waits for an order": (
        "4+ 4✓ 0+ 0↻=order",
        "0+",
        "nobody has ordered it",
    ),
    "a start of an undo that waits for an order": (
        "4+ 4✓ 0+ 0? 0- 0↺=order",
        "0-",
        "nobody has ordered it",
    ),
    "a failure that nobody has ordered": ("4+ 4✓ 0+ 0↻", "0✗", "nobody has ordered it"),
    "a failure in doubt that nobody has ordered": ("4+ 4✓ 0+ 0≈", "0?", "nobody has ordered it"),
    "a failure after an order to retry": ("4+ 4✓ 0+ 0↻ 0«=retry", "0✗", "nobody has ordered it"),
    "a success that nobody has ordered": ("4+ 4✓ 0+ 0↻", "0✓", "nobody has ordered it"),
    "an undo that nobody has said to be finished": (
        "4+ 4✓ 0+ 0? 0- 0↺",
        "0∅",
        "nobody has ordered it",
    ),
    "a failed undo that nobody has said to be finished": (
        "4+ 4✓ 0+ 0? 0- 0!",
        "0∅",
        "nobody has ordered it",
    ),
    "a success after an order to fail": (
        "4+ 4✓ 0+ 0↻ 0«=fail",
        "0✓",
        "the order before it is to fail the node",
    ),
    "a failure after an order to complete": (
        "4+ 4✓ 0+ 0↻ 0«=complete",
        "0✗",
        "the order before it is to complete the node",
    ),
    "another start after an order to complete": (
        "4+ 4✓ 0+ 0↻ 0«=complete",
        "0+",
        "the order before it is to complete the node",
    ),
    "another undo after an order to complete it": (
        "4+ 4✓ 0+ 0? 0- 0↺ 0«=complete",
        "0-",
        "the order before it is to complete the node",
    ),
    "a node in doubt that is given up without": (
        "4+ 4✓ 0+ 0≈ 0«=fail",
        "0✗",
        "its last attempt left it in doubt",
    ),
    "a node without doubt that is given up in it": (
        "4+ 4✓ 0+ 0≈ 0+ 0↻ 0«=fail",
        "0?",
        "its last attempt left it out of doubt",
    ),
    "a node below the first": ("", "-1+", "the saga has the nodes 0 to 5"),
    "a node above the last": ("4+", "6+", "the saga has the nodes 0 to 5"),
}


@pytest.mark.parametrize(("log", "step", "why"), CORRUPT.values(), ids=CORRUPT.keys())
def test_an_event_without_its_cause_is_refused_and_changes_nothing(log: str, step: str, why: str):
    """Its own log would allow it, the saga does not; the error names what is missing."""
    state = fold(WIDE, log)
    before = facts(state)
    refused = event(step)
    with pytest.raises(CorruptLog) as caught:
        state.apply(refused)
    label = refused.event_type.label
    assert str(caught.value) == f"corrupt log: {label} of node {refused.node_id}: {why}"
    assert facts(state) == before


SLEEP = saga(Node.sleep("s", timedelta(seconds=1)), "z").flat  # 0, 1, start 2, end 3


@pytest.mark.parametrize("step", ["0↻", "0?"])
def test_a_sleep_has_no_attempts(step: str):
    """It calls nothing, so nothing can be tried again or be in doubt."""
    state = fold(SLEEP, "2+ 2✓ 0+")
    before = facts(state)
    with pytest.raises(CorruptLog, match="it has no action"):
        state.apply(event(step))
    assert facts(state) == before


def test_an_event_of_another_saga_is_refused_and_changes_nothing():
    """Even where the same event of this saga would be legal."""
    state = fold(WIDE, "")
    before = facts(state)
    with pytest.raises(ForeignEvent):
        state.apply(event("4+", OTHER_ID))
    assert facts(state) == before


# What may happen next


def possible(state: SagaState) -> str:
    """Return what may be started, what may be undone, what is in flight, and how it has ended."""
    sets = (state.runnable, state.undoable, state.in_flight)
    return " ".join(
        [
            *(",".join(map(str, nodes)) or "." for nodes in sets),
            str(state.outcome and state.outcome.value),
        ]
    )


@pytest.mark.parametrize(
    ("log", "expected"),
    [
        ("", "4 . . None"),
        ("4+", ". . 4 None"),
        ("4+ 4✓", "0,1,2 . . None"),
        ("4+ 4✓ 1+", "0,2 . 1 None"),
        ("4+ 4✓ 1+ 0+ 2+ 1✓ 0✓", ". . 2 None"),
        ("4+ 4✓ 1+ 0+ 2+ 1✓ 0✓ 2✓", "3 . . None"),
        ("4+ 4✓ 1+ 0+ 2+ 1✓ 0✓ 2✓ 3+ 3✓", "5 . . None"),
        ("4+ 4✓ 1+ 0+ 2+ 1✓ 0✓ 2✓ 3+ 3✓ 5+", ". . 5 None"),
        ("4+ 4✓ 1+ 0+ 2+ 1✓ 0✓ 2✓ 3+ 3✓ 5+ 5✓", ". . . succeeded"),
        # Between two attempts a node is neither runnable nor in flight.
        ("4+ 4✓ 1+ 0+ 2+ 1✓ 0✓ 2↻", ". . . None"),
        ("4+ 4✓ 1+ 0+ 2+ 1✓ 0✓ 2↻ 2+", ". . 2 None"),
        ("4+ 4✓ 1+ 0+ 2+ 1✓ 0✓ 2↻ 2+ 2✓", "3 . . None"),
        ("4+ 4✓ 1+ 0+ 2+ 1✓ 0✓ 2↻ 2«=complete", ". . . None"),
        ("4+ 4✓ 1+ 0+ 2+ 1✓ 0✓ 2↻ 2«=complete 2✓", "3 . . None"),
        # What is held by an order is not runnable, whenever that was given.
        ("4«=hold", ". . . None"),
        ("4«=hold 4«=retry", "4 . . None"),
        ("0«=hold 3«=hold 4+ 4✓", "1,2 . . None"),
        ("4+ 4✓ 0«=hold 0«=retry", "1,2,0 . . None"),
        ("3«=hold 4+ 4✓ 1+ 0+ 2+ 1✓ 0✓ 2✓", ". . . None"),
        ("3«=hold 4+ 4✓ 1+ 0+ 2+ 1✓ 0✓ 2✓ 3«=retry", "3 . . None"),
        ("3«=hold 3«=retry 4+ 4✓ 1+ 0+ 2+ 1✓ 0✓ 2✓", "3 . . None"),
        ("4+ 4✓ 1+ 0+ 2+ 1✓ 0✓ 2«=hold 2✓", "3 . . None"),
    ],
)
def test_forward_a_node_is_runnable_when_all_its_parents_have_succeeded(log: str, expected: str):
    """Only the start at first; the end at last, whose success is that of the saga."""
    assert possible(fold(WIDE, log)) == expected


@pytest.mark.parametrize(
    ("log", "expected"),
    [
        # What was never started is undone at once, so that what has succeeded can be.
        ("4+ 4✓ 0+ 1+ 1✓ 0✗", ". 1 . None"),
        ("4+ 4✓ 0+ 1+ 0✗", ". . 1 None"),
        # What still runs is waited for, however it ends.
        ("4+ 4✓ 0+ 1+ 0✗ 1✓", ". 1 . None"),
        ("4+ 4✓ 0+ 1+ 0✗ 1✗", ". 4 . None"),
        ("4+ 4✓ 0+ 1+ 0✗ 1✓ 1-", ". . 1 None"),
        ("4+ 4✓ 0+ 1+ 0✗ 1✓ 1- 1∅", ". 4 . None"),
        ("4+ 4✓ 0+ 1+ 0✗ 1✓ 1- 1∅ 4-", ". . 4 None"),
        ("4+ 4✓ 0+ 1+ 0✗ 1✓ 1- 1∅ 4- 4∅", ". . . failed"),
        # A late failure: the stage before is undone when all of this one is.
        ("4+ 4✓ 0+ 1+ 2+ 0✓ 1✓ 2✓ 3+ 3✗", ". 0,1,2 . None"),
        ("4+ 4✓ 0+ 1+ 2+ 0✓ 1✓ 2✓ 3+ 3✗ 1- 0- 1∅", ". 2 0 None"),
        # The end and the start can fail too, in a dump.
        ("4+ 4✓ 0+ 1+ 2+ 0✓ 1✓ 2✓ 3+ 3✓ 5+ 5✗", ". 3 . None"),
        ("4+ 4✗", ". . . failed"),
        # What failed in doubt is undone, after its children and before its parents.
        ("4+ 4✓ 0+ 0?", ". 0 . None"),
        ("4+ 4✓ 0+ 0? 0- 0∅", ". 4 . None"),
        ("4+ 4✓ 0+ 1+ 0✗ 1?", ". 1 . None"),
        ("4+ 4✓ 0+ 1+ 2+ 0✓ 1✓ 2✓ 3+ 3?", ". 3 . None"),
        ("4+ 4✓ 0+ 1+ 2+ 0✓ 1✓ 2✓ 3+ 3? 3- 3∅", ". 0,1,2 . None"),
        # What waits is waited for, until it is given up.
        ("4+ 4✓ 0+ 1+ 1↻ 0✗", ". . . None"),
        ("4+ 4✓ 0+ 1+ 1↻ 0✗ 1✗", ". 4 . None"),
        ("4+ 4✓ 0+ 1+ 1≈ 0✗ 1?", ". 1 . None"),
        ("4+ 4✓ 0+ 1+ 1↻ 0✗ 1«=complete 1✓", ". 1 . None"),
        ("4+ 4✓ 0+ 1+ 0✗ 1✓ 1- 1↺", ". . . None"),
        ("4+ 4✓ 0+ 1+ 0✗ 1✓ 1- 1↺ 1-", ". . 1 None"),
        ("4+ 4✓ 0+ 1+ 0✗ 1✓ 1- 1↺ 1«=complete 1∅", ". 4 . None"),
        # What is held by an order is not undone, and nothing above it.
        ("4+ 4✓ 0+ 1+ 1«=hold 1✓ 0✗", ". . . None"),
        ("4+ 4✓ 0+ 1+ 1«=hold 0✗ 1✓", ". . . None"),
        ("4+ 4✓ 0+ 1+ 0✗ 1✓ 1«=hold", ". . . None"),
        ("4+ 4✓ 0+ 1+ 0✗ 1? 1«=hold 1«=retry", ". 1 . None"),
        ("4+ 4✓ 0+ 1+ 0✗ 1«=hold 1✗", ". 4 . None"),
        ("4+ 4✓ 0+ 0«=hold 0?", ". . . None"),
        # What was never started is undone, though it was held.
        ("4+ 4✓ 1«=hold 0+ 0✗", ". 4 . None"),
        ("4+ 4✓ 3«=hold 1«=hold 0+ 0✗", ". 4 . None"),
        # Stuck: what runs is waited for, and then stays as it is.
        ("4+ 4✓ 0+ 1+ 2+ 0✓ 1✓ 2✗ 0- 1- 0!", ". . 1 None"),
        ("4+ 4✓ 0+ 1+ 2+ 0✓ 1✓ 2✗ 0- 1- 0! 1∅", ". . . stuck"),
        ("4+ 4✓ 0+ 1+ 2+ 0✓ 1✓ 2✗ 0- 1- 0! 1!", ". . . stuck"),
        ("4+ 4✓ 0+ 1+ 2+ 0✓ 1✗ 0- 0! 2✓", ". 2 . stuck"),
        ("4+ 4✓ 0+ 1+ 2+ 0✓ 1✓ 2✗ 0- 1- 0↺ 1!", ". . . stuck"),
        # Repaired: somebody has undone by hand what an undo could not.
        ("4+ 4✓ 0+ 1+ 2+ 0✓ 1✗ 0- 0! 2✓ 0«=complete 0∅", ". 2 . None"),
        ("4+ 4✓ 0+ 1+ 2+ 0✓ 1✗ 0- 0! 2✓ 0«=complete", ". 2 . stuck"),
        # Or it is to be tried again.
        ("4+ 4✓ 0+ 1+ 2+ 0✓ 1✗ 0- 0! 2✓ 0«=retry", ". 2 . None"),
        ("4+ 4✓ 0+ 1+ 2+ 0✓ 1✗ 0- 0! 2✓ 0«=retry 0-", ". 2 0 None"),
        ("4+ 4✓ 0+ 1+ 2+ 0✓ 1✗ 0- 0! 2✓ 2«=hold 2«=retry", ". 2 . stuck"),
    ],
)
def test_unwinding_a_node_is_undoable_when_all_its_children_are_undone(log: str, expected: str):
    """Finished, failed, or never started now that nothing is started any more: all is undone."""
    assert possible(fold(WIDE, log)) == expected


def test_inside_a_subsaga_nodes_wait_for_its_own_stages():
    """The demo saga failed at `volume_id`, while the subsaga beside it is half done."""
    state = fold(demo().flat, f"12+ 12✓ 0+ 0✓ 1+ 1✓={OUTPUTS[1]} 2+ 3+ 4+ 2✓ 4✓ 5+ 3✗")
    assert possible(state) == ". 2 5 None"
    state.apply(event("5✓"))
    assert possible(state) == ". 2,5 . None"
    for step in ("5-", "5∅"):
        state.apply(event(step))
    assert possible(state) == ". 2,4 . None"


def test_the_first_failure_of_each_kind_is_kept():
    """Later ones are logged, and change neither."""
    state = fold(WIDE, "4+ 4✓ 0+ 1+ 2+")
    assert (state.first_failure, state.unwinding, state.stuck) == (None, False, False)
    for step in ("0✓", "1✗", "2✗", "0-"):
        state.apply(event(step))
    assert (state.first_failure, state.unwinding) == ((1, ERROR), True)
    assert (state.first_undo_failure, state.stuck) == (None, False)
    state = fold(WIDE, "4+ 4✓ 0+ 1+ 2+ 0✓ 1✓ 2✗ 0- 1- 1! 0!")
    assert (state.first_undo_failure, state.stuck) == ((1, UNDO_ERROR), True)


def test_outputs_are_those_of_all_that_has_succeeded():
    """They stay when their node is undone: its ancestors' undo actions never ask, its own did."""
    state = fold(PAIR, "2+ 2✓ 0+ 0✓=7 1+ 1✗ 0- 0∅")
    assert state.outputs == {2: "null", 0: "7"}
    assert fold(PAIR, "2+ 2✓ 0+ 0✓=7 1+ 1✓=8").outputs == {2: "null", 0: "7", 1: "8"}


def test_a_fold_is_of_one_saga():
    """A fresh state has nothing but the saga's id."""
    state = SagaState.new(PAIR, SAGA_ID)
    assert (state.log.saga_id, list(state.log.events), state.outcome) == (SAGA_ID, [], None)
    assert set(state.statuses().values()) == {S.NEVER_STARTED}


# Attempts


def test_an_attempt_leaves_its_number_its_error_and_its_doubt():
    """The last one of each node is kept, also when the node has succeeded or was undone since."""
    state = fold(PAIR, "2+ 2✓ 0+ 0≈=500 0+ 0↻")
    assert state.last_attempt(0, undoing=False) == Attempt(2, ERROR, False, None, True)
    assert state.last_attempt(0, undoing=True) is None
    state.apply(event("0+"))
    state.apply(event("0✓"))
    for step in ("1+", "1✗", "0-", "0↺", "0-", "0∅"):
        state.apply(event(step))
    assert state.last_attempt(0, undoing=False).number == 2
    assert state.last_attempt(0, undoing=True) == Attempt(1, UNDO_ERROR, False, None, True)


@pytest.mark.parametrize(
    ("log", "doubt"),
    [
        ("0+", False),
        ("0+ 0↻", False),
        ("0+ 0≈", True),
        ("0+ 0≈ 0+", True),
        ("0+ 0≈ 0+ 0≈ 0+", True),
        ("0+ 0≈ 0+ 0↻", False),
    ],
)
def test_doubt_is_that_of_the_last_attempt(log: str, doubt):
    """It says of the node so far, not of the one call, and stays while the next call runs."""
    assert fold(PAIR, f"2+ 2✓ {log}").is_in_doubt(0) is doubt


def test_a_node_is_in_flight_since_its_first_start():
    """However often it is called: the time of a retry counts from there, in both directions."""
    state = SagaState.new(PAIR, SAGA_ID)
    for time, step in enumerate(["2+", "2✓", "0+", "0↻", "0+"]):
        state.apply(attrs.evolve(event(step), time=time))
    assert state.in_flight == {0: 2}
    for time, step in enumerate(["0✓", "1+", "1✗", "0-", "0↺", "0-"], start=10):
        state.apply(attrs.evolve(event(step), time=time))
    assert state.in_flight == {0: 13}


def test_an_order_to_retry_makes_the_next_attempt_due_when_it_is_given():
    """Whatever it waited for; without a time it has been due for ever. The count goes on."""
    waits = {"0+ 0↻=500": False, "0+ 0↻=order": False, "0+ 0? 0- 0↺": True, "0+ 0? 0- 0!": True}
    for log, undoing in waits.items():
        state = fold(PAIR, f"2+ 2✓ {log}")
        state.apply(attrs.evolve(event("0«=retry"), time=77))
        last = state.last_attempt(0, undoing=undoing)
        error = UNDO_ERROR if undoing else ERROR
        assert last == Attempt(1, error, in_doubt=False, next=77, reopen=False)
        state.apply(event("0«=retry"))
        assert state.last_attempt(0, undoing=undoing).next == EARLIEST
        assert state.setbacks.next_number(0, undoing=undoing) == 2


def test_a_retry_that_lifts_a_hold_leaves_a_failed_undo_alone():
    """A saga that is stuck stays so, though a node beside the failed undo is let go."""
    state = fold(WIDE, "4+ 4✓ 0+ 1+ 2+ 0✓ 1✗ 0- 0! 2✓ 2«=hold")
    state.apply(event("2«=retry"))
    assert (state.stuck, possible(state)) == (True, ". 2 . stuck")


@pytest.mark.parametrize(
    ("log", "order", "why"),
    [
        ("2+ 2✓ 0+ 0↻ 0«=fail", "0«=retry", "it has an order already, to fail"),
        ("2+ 2✓ 0+ 0↻ 0«=complete", "0«=hold", "it has an order already, to complete"),
        ("2+ 2✓ 0+ 0✓ 1+ 1✓ 3+ 3✓", "0«=hold", "it is of a saga that has succeeded"),
        ("2+ 2✓ 1«=hold 0+ 0✗", "1«=retry", "it is never started, as its saga unwinds"),
        (
            "2+ 2✓ 0+",
            "0«=fail",
            "it has been started, and its call is under way (cancel=True cancels it)",
        ),
        ("2+ 2✓ 0+ 0«=hold", "0«=hold", "it is held already, by an order"),
        ("2+ 2✓ 0+ 0✓", "0«=retry", "it has succeeded, and nothing holds it"),
    ],
)
def test_an_order_that_does_not_apply_is_refused_and_changes_nothing(
    log: str, order: str, why: str
):
    """The table would allow it, and the saga does not; the error says why."""
    state = fold(PAIR, log)
    before = facts(state)
    with pytest.raises(CorruptLog) as caught:
        state.apply(event(order))
    node, _, verb = order.partition("«=")
    assert str(caught.value) == f"corrupt log: ordered {verb} of node {node}: {why}"
    assert facts(state) == before


def test_sagas_without_setbacks_share_them():
    """A saga gets its own with the first thing that fails and is not the end of it."""
    state, other = fold(PAIR, "2+ 2✓ 0+ 0✓ 1+ 1✗"), fold(PAIR, "2+ 2✓ 0+ 0↻")
    assert state.setbacks is fold(PAIR, "").setbacks is NO_SETBACKS
    assert other.setbacks is not NO_SETBACKS
    assert attrs.asdict(NO_SETBACKS) == attrs.asdict(type(NO_SETBACKS)())
