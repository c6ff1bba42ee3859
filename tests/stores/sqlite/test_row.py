"""Rows: what goes into a table comes out of it the same; what was never put there is refused."""

import json
import re
from datetime import UTC, datetime, timedelta
from uuid import UUID

import attrs
import pytest

from steno import RecoveryError, SagaCachedState, SagaId, StenoError
from steno.core import Attention, Concern, Timestamp
from steno.store import SagaTimes
from steno.stores._step import (
    MOST_EVENTS,
    are_events,
    events_from_rows,
    size_of,
    step_rows,
)
from steno.stores.sqlite._row import listed_from_row, summary_from_row
from steno.testing.notation import SAGA_ID, events

ID = SagaId(UUID(int=7))
NOTED = (None, None, None)
GOOD = (ID.bytes, "trip", "failed", None, 0, 1_000_000, 2_000_000, "default", 1, *NOTED, 1, 7)


NOW = Timestamp(5)


@pytest.mark.parametrize(
    "log", ["3+ 3✓ 0+ 0✓=1211", '0✓={"a":[1,"é"]} 1+ 1✗ 0- 0∅', "2- 2!", '0✓="\\"\\\\"']
)
def test_events_come_back_as_they_were(log: str):
    """With their data, in their order, and with their time."""
    there = events(log)
    (row,) = step_rows(0, there, NOW)
    found = events_from_rows(SAGA_ID, [row])
    assert list(found) == there
    assert {event.time for event in found} == {NOW}
    assert size_of(SAGA_ID, (row[0], row[2])) == len(there)


def test_a_step_has_the_words_of_the_log():
    """Its data is JSON in a string, and left out where the type says it all."""
    ((seq, time, text),) = step_rows(4, events("0+ 0✓=1 1✗ 0- 0∅"), NOW)
    assert (seq, time) == (4, 5)
    assert json.loads(text) == [
        [0, "started"],
        [0, "succeeded", "1"],
        [1, "failed", '{"ActionFailed":{"source_error":{"message":"no"}}}'],
        [0, "undo_started"],
        [0, "undo_finished"],
    ]


def test_events_of_different_times_are_different_steps():
    """As in a dump; one that has none gets the time of now."""
    log = [
        attrs.evolve(event, time=time)
        for event, time in zip(events("0+ 0✓ 1+ 1✓"), (1, 1, None, 2), strict=True)
    ]
    rows = list(step_rows(0, log, NOW))
    assert [(seq, time) for seq, time, _ in rows] == [(0, 1), (2, 5), (3, 2)]
    assert [event.time for event in events_from_rows(SAGA_ID, rows)] == [1, 1, 5, 2]
    assert list(step_rows(0, [], NOW)) == []


def test_a_step_has_so_many_events_at_most():
    """A log that is imported is not one row, however long it is."""
    log = events("0+") * (2 * MOST_EVENTS + 1)
    rows = list(step_rows(3, log, NOW))
    assert [seq for seq, *_ in rows] == [3, 3 + MOST_EVENTS, 3 + 2 * MOST_EVENTS]


@pytest.mark.parametrize(
    ("row", "why"),
    [
        ((1, 0, '[[0,"started"]]'), "event 0 is missing; the next is number 1"),
        ((-1, 0, '[[0,"started"]]'), "event 0 is missing; the next is number -1"),
        (("0", 0, '[[0,"started"]]'), "event 0 is missing"),
        ((0, "0", '[[0,"started"]]'), "step of event 0 is damaged: its time is '0'"),
        ((0, 2**60, '[[0,"started"]]'), "its time is 1152921504606846976"),
        ((0, 0, '[[0,"begun"]]'), "event 0 is not an event: 'begun' without data"),
        ((0, 0, '[[0,"started","1"]]'), "event 0 is not an event: 'started' with data"),
        ((0, 0, '[[0,"started"],[0,"succeeded"]]'), "event 1 is not an event: 'succeeded' without"),
        ((0, 0, '[[0,"succeeded",1]]'), "event 0 is not an event: its data is 1, not text"),
        ((0, 0, '[[0,"succeeded","1","2"]]'), "event 0 is not an event"),
        ((0, 0, "[[0,7]]"), "event 0 is not an event"),
        ((0, 0, '[[0,"failed","{"]]'), "event 0"),
        ((0, 0, '[[0,"failed","7"]]'), "event 0"),
        ((0, 0, '[[0,"failed","{\\"Unheard\\":1}"]]'), "event 0"),
        ((0, 0, '[[0,"undo_failed","NaN"]]'), "event 0"),
        ((0, 0, '[["0","started"]]'), "event 0 is not an event: its node is '0'"),
        ((0, 0, '[[null,"started"]]'), "event 0 is not an event: its node is NULL"),
        ((0, 0, '[[0.5,"started"]]'), "event 0 is not an event: its node is 0.5"),
        ((0, 0, '[[true,"started"]]'), "event 0 is not an event: its node is True"),
        ((0, 0, "[[]]"), "event 0"),
        ((0, 0, "[]"), "its events are"),
        ((0, 0, "[0]"), "its events are"),
        ((0, 0, "{}"), "its events are"),
        ((0, 0, "["), "its events are"),
        ((0, 0, "[" * 100_000), "its events are"),
        ((0, 0, b"[]"), "its events are"),
        ((0, 0, None), "its events are NULL"),
    ],
)
def test_a_step_that_is_damaged_is_refused(row: tuple, why: str):
    """The error names the saga and the event."""
    with pytest.raises(RecoveryError, match=re.escape(why)) as caught:
        events_from_rows(ID, [row])
    assert str(ID) in str(caught.value)
    assert are_events(row[2]) is (row[:2] != (0, 0))


def test_a_step_that_is_missing_is_seen():
    """Wherever it was."""
    rows = [row for seq in range(4) for row in step_rows(seq, events("0+"), NOW)]
    del rows[2]
    with pytest.raises(RecoveryError, match="event 2 is missing; the next is number 3"):
        events_from_rows(ID, rows)


def test_a_saga_row_is_a_summary():
    """All of a list's line."""
    summary = summary_from_row(GOOD)
    assert (summary.saga_id, summary.saga_name, summary.state) == (
        ID,
        "trip",
        SagaCachedState.FAILED,
    )
    assert summary.problem is None
    start = datetime(1970, 1, 1, tzinfo=UTC)
    second = timedelta(seconds=1)
    assert summary.times == SagaTimes(start, start + second, start + 2 * second)
    assert summary_from_row((*GOOD[:6], None, *GOOD[7:])).times.ended is None


@pytest.mark.parametrize(
    ("place", "value"),
    [
        (0, b"short"),
        (0, "text"),
        (0, 7),
        (0, None),
        (1, None),
        (1, b"\xff"),
        (2, "sleeping"),
        (2, None),
        (4, None),
        (4, "now"),
        (5, 2**63 - 1),
        (6, -(2**63)),
        (6, b""),
        (7, None),
        (7, b"sec"),
        (8, None),
        (8, -1),
        (8, 2**62),
        (8, 0.5),
        (12, None),
    ],
)
def test_a_row_that_is_no_saga_is_refused(place: int, value: object):
    """Nothing else comes out than an error of ours, whatever a damaged file has there."""
    row = list(GOOD)
    row[place] = value
    with pytest.raises(StenoError, match="the row of saga .* is damaged"):
        summary_from_row(tuple(row))


@pytest.mark.parametrize(
    ("place", "value", "why"),
    [
        (1, b"\xff", r"name is b'\xff', not text"),
        (2, None, "state is NULL, not a state"),
        (4, "x" * 100, f"created is '{'x' * 39}…, not a time"),
        (6, 2**63 - 1, "ended is 9223372036854775807, not a time"),
        (8, 0.5, "adopt_generation is 0.5, not a generation"),
    ],
)
def test_a_damaged_row_is_listed_with_what_is_damaged(place: int, value: object, why: str):
    """The rest of it is as it was; a problem that was noted is kept, and not said twice."""
    row = list(GOOD)
    row[place] = value
    summary = listed_from_row(tuple(row))
    assert summary.problem == f"the row of saga {ID} is damaged: {why}"
    assert listed_from_row((*row[:3], summary.problem, *row[4:])).problem == summary.problem
    noted = listed_from_row((*row[:3], "no actions", *row[4:])).problem
    assert noted == f"{summary.problem}; no actions"
    sound = summary_from_row(GOOD)
    assert summary.saga_id == ID
    assert (summary.saga_name == "trip") is (place != 1)
    assert summary.state is (SagaCachedState.RUNNING if place == 2 else sound.state)
    epoch = datetime(1970, 1, 1, tzinfo=UTC)
    assert summary.times.created == (epoch if place == 4 else sound.times.created)
    assert summary.times.ended == (None if place == 6 else sound.times.ended)


def test_a_problem_that_is_not_text_is_shown_as_one():
    """It keeps no saga from being loaded, which clears it."""
    row = (*GOOD[:3], b"\xff", *GOOD[4:])
    assert summary_from_row(row).problem == r"problem is b'\xff', not text"


def noted(problem: object, *concern: object) -> tuple:
    return (*GOOD[:3], problem, *GOOD[4:9], *concern, *GOOD[12:])


@pytest.mark.parametrize(
    ("columns", "concern"),
    [
        (("stuck", None, None), Concern(Attention.STUCK)),
        (("held", "a", "Full"), Concern(Attention.HELD, "a", "Full")),
        ((None, "a", "Full"), None),
    ],
)
def test_a_row_says_why_a_person_should_look(columns: tuple, concern: Concern | None):
    """At which node, and for which error, where that is known."""
    for read in (summary_from_row, listed_from_row):
        summary = read(noted(None, *columns))
        assert (summary.concern, summary.problem) == (concern, None)


@pytest.mark.parametrize(
    ("columns", "concern", "why"),
    [
        (("lost", "a", None), None, "attention is 'lost', not a reason"),
        ((b"held", "a", "E"), None, "attention is b'held', not a reason"),
        ((7, None, None), None, "attention is 7, not a reason"),
        (("held", b"a", "E"), Concern(Attention.HELD, None, "E"), "attention_node is b'a', not"),
        (("held", "a", 0.5), Concern(Attention.HELD, "a"), "error_type is 0.5, not text"),
        ((None, 7, None), None, "attention_node is 7, not text"),
    ],
)
def test_a_damaged_concern_is_shown_as_a_problem(columns: tuple, concern: Concern | None, why: str):
    """It keeps no saga from being loaded, which mends it; a problem that was noted is kept."""
    for read in (summary_from_row, listed_from_row):
        summary = read(noted(None, *columns))
        assert summary.concern == concern
        assert summary.problem.startswith(why)
        assert read(noted("no actions", *columns)).problem == f"{summary.problem}; no actions"
    broken = noted(b"no", *columns)
    listed = listed_from_row((*broken[:1], None, *broken[2:]))
    assert "name is NULL, not text" in listed.problem
    assert "problem is b'no', not text" in listed.problem
    assert why in listed.problem


def test_a_sound_row_is_listed_as_it_is():
    """Nothing is damaged in it."""
    assert listed_from_row(GOOD) == summary_from_row(GOOD)
