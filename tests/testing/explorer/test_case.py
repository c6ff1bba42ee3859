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
    OrderKind,
    PlannedOrder,
    read_case,
)
from steno.testing.explorer._case import MAY_BE_ONCE
from steno.testing.explorer._order import AT_COMMIT, REPAIRS, SIGNALS

HOTEL, UNDO = Callee("hotel"), Callee("server_alloc/server_id", undoing=True)
PROBE, CHILD = Callee("hotel", probing=True), Callee("trip:hotel")

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
    "fail hotel once": Case((CallFault(FaultKind.FAIL, HOTEL, once=True),)),
    "fail every attempt of hotel": Case((CallFault(FaultKind.EXHAUST, HOTEL),)),
    "time out hotel": Case((CallFault(FaultKind.TIME_OUT, HOTEL),)),
    "time out hotel once after its effect": Case(
        (CallFault(FaultKind.TIME_OUT_AFTER, HOTEL, once=True),)
    ),
    "fail probe of hotel": Case((CallFault(FaultKind.FAIL, PROBE),)),
    "fail trip:hotel": Case((CallFault(FaultKind.FAIL, CHILD),)),
    "crash while hotel backs off": Case((), (CrashPoint(CrashKind.BACKING_OFF, 0, HOTEL),)),
    "crash at the end of hotel; then fail hotel": Case(
        (CallFault(FaultKind.FAIL, HOTEL, life=1),), (CrashPoint(CrashKind.AT_END, 0, HOTEL),)
    ),
    "at first repeat hotel; crash before commit 1; then fail hotel once; crash before commit 2": (
        Case(
            (
                CallFault(FaultKind.REPEAT, HOTEL, life=0),
                CallFault(FaultKind.FAIL, HOTEL, once=True, life=1),
            ),
            (CrashPoint(CrashKind.BEFORE_COMMIT, 1), CrashPoint(CrashKind.BEFORE_COMMIT, 2)),
        )
    ),
    "unwind after commit 5; crash after commit 7": Case(
        (),
        (CrashPoint(CrashKind.AFTER_COMMIT, 7),),
        orders=(PlannedOrder(OrderKind.UNWIND, 5),),
    ),
    "unwind in the end; restart a week later": Case(
        (), (CrashPoint(CrashKind.AT_REST),), orders=(PlannedOrder(OrderKind.UNWIND_AT_END),)
    ),
    "fail hotel; complete undo of server_alloc/server_id by hand in the end; abandon in the end": (
        Case(
            (CallFault(FaultKind.FAIL, HOTEL),),
            orders=(
                PlannedOrder(OrderKind.COMPLETE, 0, UNDO),
                PlannedOrder(OrderKind.ABANDON),
            ),
        )
    ),
    'signal "an approval" early; signal b twice': Case(
        orders=(
            PlannedOrder(OrderKind.SIGNAL_EARLY, name="an approval"),
            PlannedOrder(OrderKind.SIGNAL_TWICE, name="b"),
        )
    ),
    'fail "a; b"': Case((CallFault(FaultKind.FAIL, Callee("a; b")),)),
    'fail undo of "undo of x"': Case(
        (CallFault(FaultKind.FAIL, Callee("undo of x", undoing=True)),)
    ),
}

names = st.one_of(
    st.sampled_from(
        ["hotel", "undo", "seed", "a/b", "child:b", "after its effect", 'a"b', "Zürich", "once"]
    ),
    st.text(min_size=1),
)
callees = st.one_of(
    st.builds(Callee, names, st.booleans()), st.builds(Callee, names, probing=st.just(True))
)
numbers = st.integers(1, 1000)
crashes = st.one_of(
    st.builds(
        CrashPoint, st.sampled_from([CrashKind.BEFORE_COMMIT, CrashKind.AFTER_COMMIT]), numbers
    ),
    st.builds(
        CrashPoint, st.sampled_from([CrashKind.AT_END, CrashKind.BACKING_OFF]), st.just(0), callees
    ),
    st.builds(CrashPoint, st.just(CrashKind.AT_CHECKPOINT), numbers, callees),
    st.just(CrashPoint(CrashKind.AT_REST)),
)
orders = st.one_of(
    st.builds(PlannedOrder, st.sampled_from(sorted(AT_COMMIT, key=str)), numbers),
    st.builds(PlannedOrder, st.sampled_from(sorted(REPAIRS, key=str)), st.just(0), callees),
    st.builds(PlannedOrder, st.sampled_from(sorted(SIGNALS, key=str)), name=names),
    st.builds(PlannedOrder, st.sampled_from([OrderKind.UNWIND_AT_END, OrderKind.ABANDON])),
)


@st.composite
def cases(draw) -> Case:
    """Return any case that there can be."""
    lives = tuple(draw(st.lists(crashes, max_size=3)))

    def fault(kind: FaultKind, callee: Callee) -> CallFault:
        life = draw(st.none() | st.integers(0, len(lives)))
        once = kind in MAY_BE_ONCE and draw(st.booleans())
        return CallFault(kind, callee, once=once, life=life)

    drawn = draw(st.lists(st.tuples(st.sampled_from(FaultKind), callees), max_size=3))
    faults = tuple(fault(*each) for each in drawn)
    ordered = tuple(draw(st.lists(orders, max_size=3)))
    return Case(faults, lives, draw(st.integers(0, 100)), orders=ordered)


@pytest.mark.parametrize("line", LINES)
def test_a_line_is_a_case(line: str):
    """Each clause says one thing."""
    expected = LINES[line] or Case(seed=7)
    assert read_case(line) == expected


@given(cases())
def test_a_case_is_its_line(case: Case):
    """Whatever nodes are called, and however much goes wrong."""
    assert read_case(str(case)) == case


@pytest.mark.parametrize(
    "line",
    [
        "fail",
        "fail hotel crash",
        "crash",
        "crash after commit five",
        "fail a b",
        "repeat a once",
        "fail every attempt of a once",
        "crash while backing off",
        "unwind after commit",
        "retry in the end",
        "pause",
        "x; seed 1",
    ],
)
def test_what_is_no_case_is_refused(line: str):
    """The refusal names the part that is not understood, and what would be."""
    with pytest.raises(ValueError, match="is not a case: .*one of: no fault, fail hotel, "):
        read_case(line)


def test_the_size_of_a_case_is_how_much_goes_wrong():
    """Schedules do not count."""
    assert Case(seed=9).size == 0
    assert read_case("fail hotel; crash after commit 5; crash before commit 1; seed 1").size == 3


def test_not_every_fault_can_affect_the_first_attempt_only():
    """A call that is repeated once is repeated."""
    for kind in set(FaultKind) - MAY_BE_ONCE:
        with pytest.raises(ValueError, match=f"{kind.name} cannot affect the first attempt only"):
            CallFault(kind, HOTEL, once=True)


@pytest.mark.parametrize(
    ("line", "place", "expected"),
    [
        ("fail a; crash before commit 1", 0, "fail a"),
        ("crash before commit 1; then fail a", 0, "fail a"),
        ("at first fail a; crash before commit 1", 0, "fail a"),
        (
            "crash before commit 1; then fail a; crash before commit 2; then fail b",
            0,
            "at first fail a; crash before commit 2; then fail b",
        ),
        (
            "at first fail a; crash before commit 1; crash before commit 2; then fail b",
            1,
            "at first fail a; crash before commit 1; then fail b",
        ),
    ],
)
def test_a_case_without_one_of_its_crashes(line: str, place: int, expected: str):
    """The lives after it move up; where there is one life only, all faults apply in it."""
    assert str(read_case(line).without_crash(place)) == expected
