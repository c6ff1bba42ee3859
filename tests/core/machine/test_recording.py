"""An executor's part in writing: every transition of its table, and every pair that is missing."""

from itertools import product

import pytest

from steno.core import (
    RECORDING_TRANSITIONS,
    Finish,
    Recording,
    RecordingInput,
    RecordingState,
    RunAction,
    SagaCachedState,
    Step,
)
from steno.errors import InternalError
from steno.testing.notation import events

RUNNING, SUCCEEDED = SagaCachedState.RUNNING, SagaCachedState.SUCCEEDED
FIRST = Step(events("1+ 1✓ 0+"), (RunAction(0),))
LAST = Step(events("0✓ 2+ 2✓"), (Finish(SagaCachedState.SUCCEEDED),))
NOTHING = Step((), ())

S, I = RecordingState, RecordingInput  # noqa: E741 - inputs, beside states

TABLE = {
    ("idle", "told"): "queued",
    ("idle", "lost"): "ended",
    ("queued", "told"): "queued",
    ("queued", "taken"): "writing",
    ("queued", "lost"): "ended",
    ("writing", "told"): "writing",
    ("writing", "durable"): "idle",
    ("writing", "lost"): "ended",
    ("ended", "told"): "ended",
    ("ended", "taken"): "ended",
    ("ended", "durable"): "ended",
    ("ended", "lost"): "ended",
}

LIVES = {
    S.IDLE: [],
    S.QUEUED: [I.TOLD],
    S.WRITING: [I.TOLD, I.TAKEN],
    S.ENDED: [I.LOST],
}
"""How a recording gets to each state."""

PAIRS = list(product(S, I))


def apply(recording: Recording[str], what: I) -> object:
    """Make one input of the table."""
    match what:
        case I.TOLD:
            return recording.told("a")
        case I.TAKEN:
            return recording.taken(FIRST, RUNNING)
        case I.DURABLE:
            return recording.durable()
        case I.LOST:
            return recording.lost()


def lived(state: S) -> Recording[str]:
    """Return a recording that has got to a state."""
    recording = Recording[str](4, SagaCachedState.READY)
    for what in LIVES[state]:
        apply(recording, what)
    assert recording.state is state
    return recording


def facts(recording: Recording[str]) -> object:
    return (
        recording.state,
        recording.durable_events,
        recording.row,
        recording.next_row,
        recording.step,
        tuple(recording.waiting),
    )


def test_the_table_is_that_of_the_design():
    """Four states, four inputs, twelve transitions; every other pair is missing."""
    found = {(s.value, i.value): after.value for (s, i), after in RECORDING_TRANSITIONS.items()}
    assert found == TABLE


@pytest.mark.parametrize(("state", "what"), [p for p in PAIRS if p in RECORDING_TRANSITIONS])
def test_a_legal_input_leads_to_the_next_state(state: S, what: I):
    """Each transition of the table is taken."""
    recording = lived(state)
    apply(recording, what)
    assert recording.state is RECORDING_TRANSITIONS[state, what]


@pytest.mark.parametrize(("state", "what"), [p for p in PAIRS if p not in RECORDING_TRANSITIONS])
def test_an_illegal_input_is_refused_and_changes_nothing(state: S, what: I):
    """Each pair that is missing from the table raises, and names both."""
    recording = lived(state)
    before = facts(recording)
    with pytest.raises(InternalError, match=f"is {state.value}, and something is {what.value}"):
        apply(recording, what)
    assert facts(recording) == before


def test_the_writer_is_asked_once_for_all_that_is_told():
    """Only the first of what waits asks it; what is told while it writes asks when that is done."""
    recording = Recording[str](0, RUNNING)
    assert recording.told("a")
    assert not recording.told("b")
    assert recording.waiting == ["a", "b"]
    recording.taken(FIRST, RUNNING)
    assert recording.waiting == []
    assert not recording.told("c")
    assert recording.durable() is FIRST
    assert recording.state is RecordingState.QUEUED
    assert recording.waiting == ["c"]


def test_only_what_is_durable_counts():
    """The events and the row of a step count from when the store has them, and not before."""
    recording = Recording[str](0, RUNNING)
    recording.told("a")
    recording.taken(LAST, SUCCEEDED)
    assert (recording.durable_events, recording.row) == (0, RUNNING)
    assert (recording.step, recording.next_row) == (LAST, SUCCEEDED)
    assert recording.durable() is LAST
    assert (recording.durable_events, recording.row) == (3, SUCCEEDED)
    assert recording.step == NOTHING


@pytest.mark.parametrize(
    ("step", "row", "nothing"),
    [
        (NOTHING, RUNNING, True),
        (Step((), (RunAction(0),)), RUNNING, True),
        (NOTHING, SUCCEEDED, False),
        (FIRST, RUNNING, False),
    ],
)
def test_a_step_adds_nothing_if_the_store_has_all_of_it(
    step: Step, row: SagaCachedState, *, nothing: bool
):
    """It has no events, and the row says what it is to say already; asking changes nothing."""
    recording = Recording[str](0, RUNNING)
    before = facts(recording)
    assert recording.adds_nothing(step, row) is nothing
    assert facts(recording) == before


def test_after_a_loss_nothing_is_carried_out():
    """What waits is dropped, and what comes in; what becomes durable after all is counted."""
    recording = Recording[str](0, RUNNING)
    recording.told("a")
    recording.taken(LAST, SUCCEEDED)
    recording.told("b")
    recording.lost()
    assert recording.waiting == []
    assert not recording.told("c")
    assert recording.waiting == []
    recording.taken(FIRST, RUNNING)
    assert recording.step == LAST
    assert recording.durable() is None
    assert (recording.durable_events, recording.row) == (3, SUCCEEDED)
