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
from support.planted_setbacks import (
    asks_a_person,
    blind_probe,
    careless_parent,
    forgets_its_first_attempt,
    forgotten_key,
    key_of_an_attempt,
    left_in_doubt,
    needs_its_probe,
    other_output,
    other_params,
    too_late,
    trusting_probe,
    trusts_its_first_attempt,
    undo_of_nothing,
    undone_at_first,
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
    """
    A saga with a bug, its mended twin, and how it is to be found.

    If its last action has nothing to undo, it cannot be unwound once that has been called.
    Nor can it if an undo does not look after what a call that was cancelled has left running.
    """

    wrong: Planted
    mended: Planted
    line: str
    kind: str
    error: type[Exception | None]
    undoable: bool = True


BUGS = {
    "an undo looks up a wrong name": Bug(
        wrong_name("room"),
        wrong_name("payment"),
        "fail summary",
        "a node is held",
        steno.NodeLookupError,
    ),
    "an undo cannot be called twice": Bug(
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
    "an undo needs something to undo": Bug(
        undo_of_nothing(mended=False),
        undo_of_nothing(mended=True),
        "fail every attempt of hotel",
        "an undo failed",
        LookupError,
    ),
    "a second attempt trusts the first": Bug(
        trusts_its_first_attempt(mended=False),
        trusts_its_first_attempt(mended=True),
        "fail hotel once",
        "the check failed",
        AssertionError,
    ),
    "each attempt has a key of its own": Bug(
        key_of_an_attempt(mended=False),
        key_of_an_attempt(mended=True),
        "fail hotel once after its effect",
        "the check failed",
        AssertionError,
    ),
    "an action that is late does nothing": Bug(
        too_late(mended=False),
        too_late(mended=True),
        "time out hotel once",
        "the check failed",
        AssertionError,
    ),
    "a service forgets a key": Bug(
        forgotten_key(mended=False),
        forgotten_key(mended=True),
        "time out hotel once after its effect",
        "the check failed",
        AssertionError,
    ),
    "nobody says what holds in doubt": Bug(
        left_in_doubt(mended=False),
        left_in_doubt(mended=True),
        "crash at the end of payment; then fail payment",
        "the check failed",
        AssertionError,
    ),
    "a probe finds nothing that was done": Bug(
        blind_probe(mended=False),
        blind_probe(mended=True),
        "fail hotel after its effect",
        "the saga ended in the wrong way",
        type(None),
        undoable=False,
    ),
    "a probe finds what was not done": Bug(
        trusting_probe(mended=False),
        trusting_probe(mended=True),
        "fail hotel once",
        "the check failed",
        AssertionError,
        undoable=False,
    ),
    "an action needs its probe": Bug(
        needs_its_probe(mended=False),
        needs_its_probe(mended=True),
        "fail hotel once after its effect; fail probe of hotel once",
        "the check failed",
        AssertionError,
        undoable=False,
    ),
    "an action forgets its first attempt": Bug(
        forgets_its_first_attempt(mended=False),
        forgets_its_first_attempt(mended=True),
        "fail hotel once; crash before commit 6",
        "the check failed",
        AssertionError,
    ),
    "a second attempt to undo trusts the first": Bug(
        undone_at_first(mended=False),
        undone_at_first(mended=True),
        "fail summary; fail undo of hotel once",
        "the check failed",
        AssertionError,
    ),
    "a parent does not look at its child": Bug(
        careless_parent(mended=False),
        careless_parent(mended=True),
        "fail trip:payment",
        "the check failed",
        AssertionError,
        undoable=False,
    ),
    "an action asks for other params": Bug(
        other_params(mended=False),
        other_params(mended=True),
        "no fault",
        "a node is held",
        steno.InputError,
    ),
    "an undo cannot read the output": Bug(
        other_output(mended=False),
        other_output(mended=True),
        "fail summary",
        "a node is held",
        steno.InputError,
    ),
    "an action asks for a person": Bug(
        asks_a_person(mended=False),
        asks_a_person(mended=True),
        "repeat hotel",
        "a node is held",
        steno.Hold,
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
    orders = True if BUGS[name].undoable else ("pause", "repair")
    report = explored(BUGS[name].mended, budget=None, orders=orders)
    assert report.is_complete
    assert report.runs > 140
