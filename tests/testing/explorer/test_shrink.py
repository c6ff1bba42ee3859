"""Shrinking: the smallest case that has the same sort of problem."""

import pytest

from steno.testing.explorer import read_case
from steno.testing.explorer._record import Problem, ProblemKind, Ran
from steno.testing.explorer._shrink import MOST_TRIES, Shrinker

COMMITS = 9


def shrunk(line: str, is_wrong, kind=ProblemKind.CHECK) -> tuple[str, list[str]]:
    """Return the smallest case that is found, and all that were tried."""
    tried = []

    def run(case) -> Ran:
        tried.append(str(case))
        ran = Ran(case, commits=[COMMITS])
        if is_wrong(str(case)):
            ran.note(Problem(kind, "planted"))
        return ran

    first = Ran(read_case(line))
    first.note(Problem(ProblemKind.CHECK, "planted"))
    return str(Shrinker(run).smallest(first).case), tried


@pytest.mark.parametrize(
    ("line", "needed", "smallest"),
    [
        ("fail a; repeat undo of b; seed 3", "repeat", "repeat undo of b"),
        ("fail a; crash after commit 7; seed 3", "crash", "crash before commit 1"),
        ("fail a; crash after commit 7", "fail", "fail a"),
        ("crash after commit 7; crash before commit 3", "crash", "crash before commit 1"),
        ("seed 3", "seed", "no fault; seed 3"),
        ("crash after commit 7; seed 3", "commit 7; seed", "crash before commit 7; seed 3"),
        ("fail a; fail undo of b", "fail undo of b", "fail undo of b"),
        ("crash at the end of a; then fail a", "fail a", "fail a"),
        ("crash at the end of a; then fail a", "crash", "crash before commit 1"),
        (
            "crash at the end of a; then fail a; crash before commit 2; seed 1",
            "then",
            "crash at the end of a; then fail a",
        ),
    ],
)
def test_what_is_not_needed_is_left_out(line: str, needed: str, smallest: str):
    """Faults, crashes and the seed go if they can; crashes come as early as they can."""
    assert shrunk(line, lambda case: needed in case)[0] == smallest


def test_another_problem_is_not_the_same():
    """What fails in another way is another bug."""
    line = "fail a; crash after commit 7"
    assert shrunk(line, lambda _: True, ProblemKind.UNREACHED)[0] == line


def test_the_search_ends():
    """Where nothing smaller fails it ends, and it never makes too many runs."""
    line = "fail a; crash at checkpoint 9 of undo of a; seed 1"
    smallest, tried = shrunk(line, lambda _: False)
    assert smallest == line
    assert len(tried) <= MOST_TRIES + 1
