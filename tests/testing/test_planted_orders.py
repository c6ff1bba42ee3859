"""Bugs that only an order shows: the explorer finds each, and says what such an order asks."""

import attrs
import pytest

import steno
from steno.testing import CounterExample, Report, explore
from support.planted import Planted, Town, all_or_nothing, trip
from support.planted_orders import (
    by_hand,
    last_word,
    quick_answer,
    stale,
    undo_for_a_day,
    undo_of_what_is_held,
)


def explored(planted: Planted, **options: object) -> Report:
    """Explore one of these sagas, in one schedule."""
    signals = {"approval": True} if "answer" in str(planted.dag) else {}
    options = {"check": all_or_nothing, "attach": planted.attach, "signals": signals} | options
    dag = planted.dag
    return explore(lambda: steno.SagaDag(dag), planted.registry, Town, seeds=1, **options)


@attrs.frozen
class Bug:
    """A saga with a bug, its mended twin, and how it is to be found; a crash may find it, too."""

    wrong: Planted
    mended: Planted
    line: str
    headline: str
    hint: str
    only_by_order: bool = True


BUGS = {
    "an undo works for a day": Bug(
        undo_for_a_day(mended=False),
        undo_for_a_day(mended=True),
        "unwind in the end; restart a week later",
        "undo of hotel failed, and the saga is stuck: TimeoutError: a room can be cancelled",
        "the saga had succeeded, and somebody ordered to unwind it",
    ),
    "nothing undoes the last action": Bug(
        last_word(mended=False),
        last_word(mended=True),
        "unwind after commit 4",
        "the check failed: AssertionError",
        'nothing undoes "breakfast"',
    ),
    "an action relies on something for a day": Bug(
        stale(mended=False),
        stale(mended=True),
        "pause after commit 2; restart a week later",
        "hotel failed, and that was not planned: TimeoutError: the payment was authorized",
        "a week has passed, and another process goes on",
    ),
    "an undo needs what a held node has not left": Bug(
        undo_of_what_is_held(mended=False),
        undo_of_what_is_held(mended=True),
        "unwind and cancel after commit 3",
        "undo of hotel failed, and the saga is stuck: LookupError: no such booking",
        "a call that is cancelled may have had its effect or not",
        only_by_order=False,
    ),
    "an action assumes that people are slow": Bug(
        quick_answer(mended=False),
        quick_answer(mended=True),
        "signal approval early",
        "answer/confirmed failed, and that was not planned: LookupError: there is no form to sign",
        'the signal "approval" may come at any time',
    ),
}


@pytest.mark.parametrize("name", BUGS)
def test_a_planted_bug_is_found(name: str):
    """The counterexample is the smallest; it says what is wrong and what the order asks for."""
    bug = BUGS[name]
    with pytest.raises(CounterExample) as found:
        explored(bug.wrong)
    assert str(found.value.case) == bug.line
    assert bug.headline in str(found.value).split("\n", 1)[0]
    assert bug.hint in str(found.value).partition("\n\nthe calls:")[0]


@pytest.mark.parametrize("name", [name for name, bug in BUGS.items() if bug.only_by_order])
def test_nothing_finds_it_without_orders(name: str):
    """That is what the orders are for."""
    assert explored(BUGS[name].wrong, orders=False, budget=80).runs > 50


@pytest.mark.parametrize("name", BUGS)
def test_a_mended_saga_stands_its_order(name: str):
    """The order is not the bug."""
    assert explored(BUGS[name].mended, only=BUGS[name].line).runs == 1


@pytest.mark.parametrize("in_doubt", [True, False])
def test_a_call_that_is_cancelled_after_its_effect(*, in_doubt: bool):
    """Its undo has something to undo, and does not know what the action has returned."""
    outputs = []

    async def cancel(ctx: steno.ActionContext[Town]) -> None:
        outputs.append(ctx.output)
        ctx.user_data.rooms.pop(ctx.action_key, None)

    planted = trip(cancel=cancel, in_doubt=in_doubt)
    assert explored(planted, only="unwind and cancel at the end of hotel").runs == 1
    assert [output is None for output in outputs] == [in_doubt]


LINES = {
    "fail hotel by order in the end": undo_of_what_is_held,
    "unwind in the end": undo_of_what_is_held,
    "deadline in the end": undo_of_what_is_held,
}


@pytest.mark.parametrize("line", LINES)
def test_a_held_node_is_undone_by_whatever_ends_the_saga(line: str):
    """An order to fail the node is not the only one that has it undone in doubt."""
    whole = f"fail every attempt of hotel; {line}; restart a week later"
    with pytest.raises(CounterExample) as found:
        explored(LINES[line](mended=False), only=whole)
    assert found.value.kind == "an undo failed"
    assert explored(LINES[line](mended=True), only=whole).runs == 1


def test_what_cannot_be_done_by_hand():
    """A person has not the memory of the process that has done what came before."""
    line = "fail every attempt of hotel; complete hotel by hand in the end; restart a week later"
    with pytest.raises(CounterExample) as found:
        explored(by_hand(mended=False), only=line)
    assert found.value.kind == "it cannot be done by hand"
    assert "hotel, done by hand, raised LookupError: no session" in str(found.value)
    assert "    hotel    by hand: raised LookupError: no session" in str(found.value)
    assert explored(by_hand(mended=True), only=line).runs == 1
