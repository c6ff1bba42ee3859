"""Bugs of users: the explorer finds each, by the sort of case that it belongs to."""

import attrs
import pytest

import steno
from steno.testing import CounterExample, explore
from support.planted import (
    Planted,
    Town,
    action_once,
    all_or_nothing,
    beside,
    half_undone,
    remembers,
    undo_once,
    wrong_name,
)


def explored(planted: Planted, **options: object):
    """Explore one of these sagas."""
    return explore(
        lambda: steno.SagaDag(planted.dag),
        planted.registry,
        Town,
        check=all_or_nothing,
        attach=planted.attach,
        **options,
    )


@attrs.frozen
class Bug:
    """A saga with a bug, its mended twin, and how it is to be found."""

    wrong: Planted
    mended: Planted
    line: str
    kind: str
    error: type[Exception]


BUGS = {
    "an undo looks up a wrong name": Bug(
        wrong_name("room"),
        wrong_name("hotel"),
        "fail summary",
        "an undo failed",
        steno.NodeLookupError,
    ),
    "an undo can not be called twice": Bug(
        undo_once(mended=False),
        undo_once(mended=True),
        "fail hotel; repeat undo of payment",
        "an undo failed",
        KeyError,
    ),
    "an action does more when it is called twice": Bug(
        action_once(mended=False),
        action_once(mended=True),
        "repeat payment",
        "the check failed",
        AssertionError,
    ),
    "a crash between effect and log leaks": Bug(
        remembers(mended=False),
        remembers(mended=True),
        "crash before commit 4",
        "the check failed",
        AssertionError,
    ),
    "an undo raises on what is half undone": Bug(
        half_undone(mended=False),
        half_undone(mended=True),
        "fail summary; crash at checkpoint 1 of undo of hotel",
        "an undo failed",
        KeyError,
    ),
    "an action needs what its sibling does": Bug(
        beside(mended=False),
        beside(mended=True),
        "delay hotel",
        "the saga ended in the wrong way",
        LookupError,
    ),
}


@pytest.mark.parametrize("name", BUGS)
def test_a_planted_bug_is_found(name: str):
    """The counterexample is the smallest there is, says what is wrong, and shows where."""
    bug = BUGS[name]
    with pytest.raises(CounterExample) as found:
        explored(bug.wrong)
    assert str(found.value.case) == bug.line
    assert found.value.kind == bug.kind
    assert isinstance(found.value.error, bug.error)


@pytest.mark.parametrize("name", BUGS)
def test_the_line_of_a_counterexample_shows_it_again(name: str):
    """It is all that is needed; and the mended saga has no such bug."""
    bug = BUGS[name]
    with pytest.raises(CounterExample) as found:
        explored(bug.wrong, only=bug.line)
    assert str(found.value.case) == bug.line
    assert explored(bug.mended, only=bug.line).runs == 1


@pytest.mark.parametrize("name", BUGS)
def test_a_mended_saga_passes(name: str):
    """Nothing is found where nothing is wrong, however many cases there are."""
    report = explored(BUGS[name].mended, budget=None)
    assert report.is_complete
    assert report.runs > 190
