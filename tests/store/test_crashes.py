"""The count of crashes: what a take-over makes of it, life after life."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from steno.store import UNMARKED, crashes_at_take_over


@pytest.mark.parametrize(
    ("before", "left", "progressed", "tried", "after"),
    [
        (0, False, True, False, 1),
        (0, False, False, False, 1),
        (1, False, False, False, 2),
        (1, False, True, False, 1),
        (2, False, False, False, 2),
        (2, False, False, True, 3),
        (2, False, True, True, 1),
        (4, False, False, False, 4),
        (4, False, False, True, 5),
        (4, False, True, False, 1),
        (4, True, False, True, 0),
        (4, True, True, True, 0),
        (0, True, True, False, 0),
    ],
)
def test_each_case_has_its_count(before, left, progressed, tried, after):
    """A line for each way in which a life can have ended for a saga."""
    assert crashes_at_take_over(before, left=left, progressed=progressed, tried=tried) == after


@given(st.lists(st.tuples(st.booleans(), st.booleans(), st.booleans())))
def test_it_counts_the_lives_in_a_row(lives: list[tuple[bool, bool, bool]]):
    """At most those since the last event or normal end, and not those without a trial."""
    count, since = 0, list[bool]()
    for left, progressed, tried in lives:
        count = crashes_at_take_over(count, left=left, progressed=progressed, tried=tried)
        # A life with an event, if it crashes, is the first of a new row.
        since = [] if left else [tried] if progressed else [*since, tried]
        assert min(len(since), UNMARKED) <= count <= len(since)
        assert count <= UNMARKED + sum(since)
