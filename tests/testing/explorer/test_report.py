"""Reports: a table for people, numbers for programs."""

import attrs
import trio

from steno.testing import Report
from steno.testing.explorer import Count

WHOLE = Report(
    saga_name="trip",
    counts=(
        Count("nothing goes wrong", 2, 2),
        Count("a crash before a commit", 10, 10),
        Count("two crashes", 1, 90),
    ),
    commits=123,
    seconds=1.25,
    seed=0,
)


def test_a_report_is_a_table():
    """One line for each sort; pairs of crashes are a sample, even in a whole exploration."""
    assert WHOLE.is_complete
    assert WHOLE.runs == 13
    assert str(WHOLE).splitlines() == [
        'saga "trip": 13 runs in 1.2 s, all is well',
        "       2 nothing goes wrong",
        "      10 a crash before a commit",
        "       1 two crashes of 90",
        "     123 commits",
    ]


def test_a_sample_says_that_it_is_one():
    """It can be drawn again, or be made larger."""
    part = attrs.evolve(WHOLE, counts=(Count("an action fails", 3, 7),), seed=5)
    assert not part.is_complete
    assert "       3 an action fails of 7" in str(part)
    assert str(part).endswith("a sample, drawn with seed 5; a larger budget runs more")


def test_a_report_may_be_awaited():
    """It gives itself, any number of times."""

    async def awaits() -> Report:
        return await WHOLE if await WHOLE is WHOLE else None

    assert trio.run(awaits) is WHOLE
