"""Rows: what goes into a table comes out of it the same; what was never put there is refused."""

from datetime import UTC, datetime, timedelta, timezone
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from steno import RecoveryError, SagaCachedState, SagaId, StenoError
from steno.store import SagaTimes
from steno.stores._rows import (
    event_rows,
    events_from_rows,
    from_microseconds,
    listed_from_row,
    summary_from_row,
    to_microseconds,
)
from steno.testing.notation import ERROR, SAGA_ID, UNDO_ERROR, events

ID = SagaId(UUID(int=7))
GOOD = (ID.bytes, "trip", "failed", None, 0, 1_000_000, 2_000_000, "default", 1, 3, 1)


@given(st.datetimes(timezones=st.just(UTC)))
def test_a_time_comes_back_to_the_microsecond(time: datetime):
    """Also one before 1970."""
    assert from_microseconds(to_microseconds(time)) == time


def test_a_time_of_another_zone_is_the_same_moment():
    """It comes back in UTC."""
    time = datetime(2026, 5, 4, 8, tzinfo=timezone(timedelta(hours=2)))
    assert from_microseconds(to_microseconds(time)) == datetime(2026, 5, 4, 6, tzinfo=UTC)
    assert from_microseconds(0) == datetime(1970, 1, 1, tzinfo=UTC)


@pytest.mark.parametrize(
    "log", ["", "0+", "3+ 3✓ 0+ 0✓=1211", '0✓={"a":[1,"é"]} 1+ 1✗ 0- 0∅', "2- 2!"]
)
def test_events_come_back_as_they_were(log: str):
    """With their data, and in their order."""
    there = events(log)
    assert list(events_from_rows(SAGA_ID, event_rows(0, there))) == there


def test_a_row_has_the_words_of_the_log():
    """Its data is JSON, and none where the type says it all."""
    assert event_rows(4, events("0+ 0✓=1 1✗ 0- 0∅ 0!")) == [
        (4, 0, "started", None),
        (5, 0, "succeeded", "1"),
        (6, 1, "failed", '{"ActionFailed":{"source_error":{"message":"no"}}}'),
        (7, 0, "undo_started", None),
        (8, 0, "undo_finished", None),
        (9, 0, "undo_failed", event_rows(0, events("0!"))[0][3]),
    ]
    assert ERROR != UNDO_ERROR
    assert "undo action attempt 1: no" in event_rows(0, events("0!"))[0][3]


@pytest.mark.parametrize(
    ("row", "why"),
    [
        ((1, 0, "started", None), "event 0 is missing; the next is number 1"),
        ((-1, 0, "started", None), "event 0 is missing; the next is number -1"),
        (("0", 0, "started", None), "event 0 is missing"),
        ((0, 0, "begun", None), "event 0 is no event: 'begun' without data"),
        ((0, 0, "started", "1"), "event 0 is no event: 'started' with data"),
        ((0, 0, "succeeded", None), "event 0 is no event: 'succeeded' without data"),
        ((0, 0, "succeeded", b"1"), "event 0 is no event"),
        ((0, 0, 7, None), "event 0 is no event"),
        ((0, 0, "failed", "{"), "event 0"),
        ((0, 0, "failed", "7"), "event 0"),
        ((0, 0, "failed", '{"Unheard":1}'), "event 0"),
        ((0, 0, "undo_failed", "NaN"), "event 0"),
        ((0, "0", "started", None), "event 0"),
        ((0, None, "started", None), "event 0"),
        ((0, 0.5, "started", None), "event 0"),
    ],
)
def test_a_row_that_is_no_event_is_refused(row: tuple, why: str):
    """The error names the saga and the event."""
    with pytest.raises(RecoveryError, match=why) as caught:
        events_from_rows(ID, [row])
    assert str(ID) in str(caught.value)


def test_an_event_that_is_missing_is_seen():
    """Wherever it was."""
    rows = event_rows(0, events("3+ 3✓ 0+ 0✓"))
    del rows[2]
    with pytest.raises(RecoveryError, match="event 2 is missing; the next is number 3"):
        events_from_rows(ID, rows)


def test_a_saga_row_is_a_summary():
    """All of a list's line."""
    summary = summary_from_row(GOOD)
    assert (summary.id, summary.name, summary.state) == (ID, "trip", SagaCachedState.FAILED)
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
        (9, "six"),
        (10, None),
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
    assert summary.id == ID
    assert (summary.name == "trip") is (place != 1)
    assert summary.state is (SagaCachedState.RUNNING if place == 2 else sound.state)
    epoch = datetime(1970, 1, 1, tzinfo=UTC)
    assert summary.times.created == (epoch if place == 4 else sound.times.created)
    assert summary.times.ended == (None if place == 6 else sound.times.ended)


def test_a_problem_that_is_not_text_is_shown_as_one():
    """It keeps no saga from being loaded, which clears it."""
    row = (*GOOD[:3], b"\xff", *GOOD[4:])
    assert summary_from_row(row).problem == r"problem is b'\xff', not text"


def test_a_sound_row_is_listed_as_it_is():
    """Nothing is damaged in it."""
    assert listed_from_row(GOOD) == summary_from_row(GOOD)
