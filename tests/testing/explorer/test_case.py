"""The lines of cases: each clause is read back as it was written."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from steno.testing.explorer import (
    Callee,
    CallFault,
    Case,
    CrashKind,
    CrashPoint,
    FaultKind,
    read_case,
)

HOTEL, UNDO = Callee("hotel"), Callee("server_alloc/server_id", undoing=True)

LINES = {
    "no fault": Case(),
    "seed 7": None,
    "fail hotel": Case((CallFault(FaultKind.FAIL, HOTEL),)),
    "fail hotel after its effect": Case((CallFault(FaultKind.FAIL_AFTER, HOTEL),)),
    "fail undo of server_alloc/server_id": Case((CallFault(FaultKind.FAIL, UNDO),)),
    "repeat hotel; seed 3": Case((CallFault(FaultKind.REPEAT, HOTEL),), (), 3),
    "delay undo of server_alloc/server_id": Case((CallFault(FaultKind.DELAY, UNDO),)),
    "crash before commit 5": Case((), (CrashPoint(CrashKind.BEFORE_COMMIT, 5),)),
    "fail hotel; crash after commit 5; crash before commit 1": Case(
        (CallFault(FaultKind.FAIL, HOTEL),),
        (CrashPoint(CrashKind.AFTER_COMMIT, 5), CrashPoint(CrashKind.BEFORE_COMMIT, 1)),
    ),
    "crash at the end of hotel": Case((), (CrashPoint(CrashKind.AT_END, 0, HOTEL),)),
    "crash at checkpoint 2 of undo of server_alloc/server_id": Case(
        (), (CrashPoint(CrashKind.AT_CHECKPOINT, 2, UNDO),)
    ),
    'fail "a; b"': Case((CallFault(FaultKind.FAIL, Callee("a; b")),)),
    'fail undo of "undo of x"': Case(
        (CallFault(FaultKind.FAIL, Callee("undo of x", undoing=True)),)
    ),
}

names = st.one_of(
    st.sampled_from(
        ["hotel", "undo", "seed", "a/b", "child:b", "after its effect", 'a"b', "Zürich"]
    ),
    st.text(min_size=1),
)
callees = st.builds(Callee, names, st.booleans())
numbers = st.integers(1, 1000)
crashes = st.one_of(
    st.builds(
        CrashPoint, st.sampled_from([CrashKind.BEFORE_COMMIT, CrashKind.AFTER_COMMIT]), numbers
    ),
    st.builds(CrashPoint, st.just(CrashKind.AT_END), st.just(0), callees),
    st.builds(CrashPoint, st.just(CrashKind.AT_CHECKPOINT), numbers, callees),
)
cases = st.builds(
    Case,
    st.lists(st.builds(CallFault, st.sampled_from(FaultKind), callees), max_size=3).map(tuple),
    st.lists(crashes, max_size=3).map(tuple),
    st.integers(0, 100),
)


@pytest.mark.parametrize("line", LINES)
def test_a_line_is_a_case(line: str):
    """Each clause says one thing."""
    expected = LINES[line] or Case(seed=7)
    assert read_case(line) == expected


@given(cases)
def test_a_case_is_its_line(case: Case):
    """Whatever nodes are called, and however much goes wrong."""
    assert read_case(str(case)) == case


@pytest.mark.parametrize(
    "line",
    ["fail", "fail hotel crash", "crash", "crash after commit five", "fail a b", "x; seed 1"],
)
def test_what_is_no_case_is_refused(line: str):
    """The refusal names the part that is not understood, and what would be."""
    with pytest.raises(ValueError, match="is not a case: .*one of: no fault, fail hotel, "):
        read_case(line)


def test_the_size_of_a_case_is_how_much_goes_wrong():
    """Schedules do not count."""
    assert Case(seed=9).size == 0
    assert read_case("fail hotel; crash after commit 5; crash before commit 1; seed 1").size == 3
