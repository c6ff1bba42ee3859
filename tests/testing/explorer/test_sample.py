"""Samples are spread over all sorts of cases, and decided by a seed."""

from collections import Counter
from random import Random

from hypothesis import given
from hypothesis import strategies as st

from steno.testing.explorer import read_case
from steno.testing.explorer._case_kind import kind_of
from steno.testing.explorer._sample import sample

CASES = [
    read_case(line)
    for line in (
        "no fault",
        *(f"fail n{number}" for number in range(10)),
        *(f"crash before commit {number}" for number in range(1, 201)),
        *(f"crash after commit {number}" for number in range(1, 201)),
    )
]


@given(st.integers(0, 500), st.integers())
def test_a_sample_is_as_large_as_it_can_be(count: int, seed: int):
    """It has no case twice, keeps their order, and is as many as were asked for, or all."""
    chosen = sample(CASES, count, Random(seed))
    places = [CASES.index(case) for case in chosen]
    assert places == sorted(set(places))
    assert len(chosen) == min(count, len(CASES))


def test_a_small_sort_is_not_lost():
    """What few cases leave to many is shared by these."""
    chosen = Counter(map(kind_of, sample(CASES, 101, Random(0))))
    assert chosen == {
        "nothing goes wrong": 1,
        "an action fails": 10,
        "a crash before a commit": 45,
        "a crash after a commit": 45,
    }


def test_nothing_is_a_sample_too():
    """Of none, or none of many."""
    assert sample([], 5, Random(0)) == sample(CASES, 0, Random(0)) == []
