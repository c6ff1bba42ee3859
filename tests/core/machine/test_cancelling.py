"""Orders that cancel calls, as steps of a machine."""

from datetime import timedelta

import attrs
import pytest

from steno.core import (
    EARLIEST,
    AttemptFailed,
    Failed,
    FailedInDoubt,
    Node,
    Ordered,
    RunAction,
    SagaState,
    Timestamp,
    UndoAttemptFailed,
    Verb,
    action_error,
    cached_state,
    inputs,
    undo_error,
    verify_log,
)
from steno.errors import CorruptLog, IllegalEvent
from steno.testing.notation import SAGA_ID, event, fold, inputs_of, shown, step_text
from steno.testing.playbook import Playbook
from support.demo import saga
from support.simulator import state_facts

PAIR = saga(["a", "b"], "c")  # 0 and 1, then 2; 3 is the start, 4 the end
FORWARD = "3+ 3✓ 0+ 1+"
UNDOING = "3+ 3✓ 0+ 1+ 1✓ 0? 0- 1-"


def facts(state: SagaState) -> dict[str, object]:
    """Return all of a state, to be compared; what has failed in it, as it is now."""
    return state_facts(state) | {"setbacks": attrs.asdict(state.setbacks)}


def begun(log: str) -> Playbook:
    """Return a script that begins while calls are under way."""
    play = Playbook(PAIR, log)
    play >> "start"
    return play


def checked(play: Playbook) -> Playbook:
    """Check that the log of a script is legal, as far as each of its events, and its fold."""
    events = list(play.state.log.events)
    for length in range(len(events) + 1):
        SagaState.fold(PAIR.flat, SAGA_ID, events[:length])
        assert verify_log(PAIR, events[:length]) is None
    folded = SagaState.fold(PAIR.flat, SAGA_ID, events)
    assert facts(folded) == facts(play.state)
    return play


def crashed(play: Playbook) -> Playbook:
    """Return a script that goes on after a crash, with what it has logged."""
    checked(play)
    return Playbook(PAIR, list(play.state.log.events))


ENDS = {
    # By order: what is told, and the step that follows.
    "retry+cancel": {
        "0×": "0↻ 0+ | run 0",
        "0×=?": "0≈ 0+ | run 0",
        "0×=✗": "0↻ 0+ | run 0",
        "0×=✓7": "0✓=7",
        "0✗": "0↻ 0+ | run 0",
        "0?": "0≈ 0+ | run 0",
        "0↻=500": "0↻ 0+ | run 0",
        "0≈=order": "0≈ 0+ | run 0",
        "0✓=7": "run 0 again, cancelled to retry",
    },
    "fail+cancel": {
        "0×": "0✗",
        "0×=?": "0? 0- | undo 0",
        "0×=✗": "0✗",
        "0×=✓7": "0? 0- | undo 0",
        "0✗": "0✗",
        "0?": "0? 0- | undo 0",
        "0↻=500": "0✗",
        "0≈=order": "0? 0- | undo 0",
        "0✓=7": "run 0 again, cancelled to fail",
    },
    "complete+cancel:5": dict.fromkeys(
        ["0×", "0×=?", "0×=✗", "0×=✓7", "0✗", "0?", "0↻=500", "0≈=order", "0✓=7"], "0✓=5"
    ),
}
FORWARD_ENDS = [(order, told, ENDS[order][told]) for order in ENDS for told in ENDS[order]]


@pytest.mark.parametrize(("order", "told", "expected"), FORWARD_ENDS)
def test_a_cancelled_call_ends_as_ordered(order: str, told: str, expected: str):
    """The order is logged alone; when its task has ended, its end, whatever the call says."""
    play = begun(FORWARD)
    play >> f"0«={order}" << "0« | cancel 0"
    play >> told << expected
    checked(play)


@pytest.mark.parametrize(
    ("order", "told", "expected"),
    [
        *(("retry+cancel", told, "0↺ 0- | undo 0") for told in ("0×", "0∅", "0!", "0↺=500")),
        *(("complete+cancel", told, "0∅") for told in ("0×", "0∅", "0!", "0↺=500")),
    ],
)
def test_a_cancelled_undo_ends_as_ordered(order: str, told: str, expected: str):
    """Likewise of an undo; it is not asked whether it was done."""
    play = begun(UNDOING)
    play >> f"0«={order}" << "0« | cancel 0"
    play >> told << expected
    checked(play)


def test_a_call_that_has_ended_before_its_order():
    """A result that stands before the order counts; the order is refused, or for what follows."""
    play = begun(FORWARD)
    play >> "0✓ 0«=fail+cancel" << "0✓"
    assert play.steps[-1].refused[0].why == ('node "/a" has succeeded')
    play = begun(FORWARD)
    play >> "0↻=500 0«=fail+cancel" << "0↻ 0« 0✗ | wait 0 until 500"


def test_a_call_that_ends_beside_its_order():
    """The order stands first, so it counts, as if the call had been cancelled."""
    play = begun(FORWARD)
    play >> "0«=fail+cancel 0✗" << "0« 0✗ | cancel 0"
    play = begun(FORWARD)
    play >> "0«=fail+cancel 0✓" << "0« | cancel 0, run 0 again, cancelled to fail"
    play >> "0×=?" << "0? 0- | undo 0"
    checked(play)


def test_what_the_log_says_of_a_cancelled_call():
    """That it was cancelled, who ordered it and why; when it is due; and that it was in doubt."""
    play = begun(FORWARD)
    retry = inputs.Order(0, Verb.RETRY, "ada", "it hangs", cancel=True)
    play.machine.handle([retry], Timestamp(20))
    step = play.machine.handle(inputs_of("0×=?"), Timestamp(30))
    failed = step.record[0].event_type
    assert isinstance(failed, AttemptFailed)
    assert (failed.attempt, failed.in_doubt, failed.next, failed.reopen) == (1, True, 30, False)
    error = action_error(failed.error)
    assert error.error_type == "steno.Ordered"
    assert "cancelled by an order to retry, by ada: it hangs" in str(error)
    play.machine.handle([attrs.evolve(retry, why=None)], Timestamp(40))
    step = play.machine.handle(inputs_of("0×"), Timestamp(50))
    failed = step.record[0].event_type
    assert (failed.attempt, failed.in_doubt) == (2, True)  # it stays so
    assert '"cancelled by an order to retry, by ada"' in str(action_error(failed.error))
    play.machine.handle([inputs.Order(0, Verb.FAIL, "ada", "enough", cancel=True)])
    step = play.machine.handle(inputs_of("0×=✗"))
    assert isinstance(step.record[0].event_type, Failed)
    assert play.state.first_failure is not None
    assert "by an order to fail, by ada: enough" in str(action_error(play.state.first_failure[1]))


def test_what_the_log_says_of_a_cancelled_undo():
    """The number of the attempt, and that it is due at once."""
    play = begun("3+ 3✓ 0+ 1+ 1✗ 0? 0- 0↺=3 0-")
    play.machine.handle([inputs.Order(0, Verb.RETRY, "ada", cancel=True)], Timestamp(20))
    step = play.machine.handle(inputs_of("0×"), Timestamp(30))
    failed = step.record[0].event_type
    assert isinstance(failed, UndoAttemptFailed)
    assert (failed.attempt, failed.next, failed.reopen) == (2, 30, False)
    said = "undo action attempt 2: cancelled by an order to retry, by ada"
    assert said in str(undo_error(failed.error))


# Refused


def order_of(verb: str) -> str:
    return f"{verb}+cancel:5" if verb == "complete" else f"{verb}+cancel"


NONE = "and has no call under way that could be cancelled"


@pytest.mark.parametrize(
    ("log", "verb", "why"),
    [
        ("3+ 3✓ 0+ 0«=retry+cancel", "retry", "has an order already, to retry and cancel"),
        ("3+ 3✓ 0+ 0«=fail+cancel", "fail", "has an order already, to fail and cancel"),
        (f"{UNDOING} 0«=retry+cancel", "retry", "has an order already, to retry and cancel"),
        (f"{UNDOING} 1«=retry+cancel", "fail", "is being undone"),
        ("3+ 3✓ 0+ 1+ 1✗", "retry", "is not tried again, as its saga unwinds"),
        ("3+ 3✓ 0+ 1+ «=unwind", "retry", "is not tried again, as its saga unwinds"),
        (UNDOING, "fail", "is being undone"),
        ("", "retry", "was never started, and nothing holds it"),
        ("", "fail", "was never started"),
        ("3+ 3✓ 0+ 0✓ 1+", "complete", "has succeeded"),
        ("3+ 3✓ 0+ 1+ 0✗", "complete", "has failed"),
        ("3+ 3✓ 0+ 1+ 0? 0- 0!", "fail", "could not be undone"),
        ("3+ 3✓ 0+ 1+ 0? 0- 0∅", "retry", "is undone"),
    ],
)
def test_an_order_to_cancel_is_refused(log: str, verb: str, why: str):
    """With the reason, and nothing changes."""
    play = Playbook(PAIR, log)
    if log and "0- " not in log:  # which would end the call that is cancelled
        play >> "start"
    before = facts(play.state)
    play >> f"0«={order_of(verb)}" << ""
    (refused,) = play.steps[-1].refused
    assert refused.why == f'node "/a" {why}'
    assert facts(play.state) == before


@pytest.mark.parametrize(
    ("log", "order", "why"),
    [
        ("3+ 3✓ 0+ 0↻", "0«=retry+cancel", f"it waits for another attempt, {NONE}"),
        ("3+ 3✓", "0«=retry+cancel", f"it was never started, {NONE}"),
        ("3+", "3«=fail+cancel", f"it has been started, {NONE}"),
        (
            "3+ 3✓ 0+ 0«=fail+cancel",
            "0«=fail+cancel",
            "it has an order already, to fail and cancel",
        ),
        ("3+ 3✓ 0+ 1+ 1✗", "0«=retry+cancel", "it is not tried again, as its saga unwinds"),
        ("3+ 3✓ 0+", "0«=hold+cancel", "it has been started"),
    ],
)
def test_an_order_to_cancel_that_does_not_apply_is_not_folded(log: str, order: str, why: str):
    """A log says so only where there is a call; both ways to check it refuse the same event."""
    state = fold(PAIR.flat, log)
    before, events = facts(state), list(state.log.events)
    with pytest.raises(CorruptLog) as caught:
        state.apply(event(order))
    assert f": {why}" in str(caught.value)
    assert facts(state) == before
    breach = verify_log(PAIR, [*events, event(order)])
    assert breach is not None
    assert breach.seq == len(events)


@pytest.mark.parametrize(
    ("log", "after"),
    [
        ("3+ 3✓ 0+ 0«=retry+cancel", "0✗ 0? 0↻ 0≈=order"),
        ("3+ 3✓ 0+ 0«=fail+cancel", "0✓ 0↻=5 0≈=5"),
        ("3+ 3✓ 0+ 0«=complete+cancel:5", "0✗ 0? 0↻=5 0✓=7"),
        ("3+ 3✓ 0+ 0? 0- 0«=retry+cancel", "0∅ 0! 0↺ 0↺=order"),
        ("3+ 3✓ 0+ 0? 0- 0«=complete+cancel", "0↺=5 0!"),
        ("3+ 3✓ 0+ 0«=fail+cancel 0«=retry+cancel", "0✗ 0?"),
        ("3+ 3✓ 0+ 0«=retry+cancel 0«=complete+cancel:5", "0↻=5 0✓=7"),
        ("3+ 3✓ 0+ 1+ 1✗ 0«=fail+cancel", "0✓ 0↻=5"),
    ],
)
def test_an_end_other_than_ordered_is_not_folded(log: str, after: str):
    """Fold and verifier refuse it, and nothing has changed."""
    for other in after.split():
        state = fold(PAIR.flat, log)
        before, events = facts(state), list(state.log.events)
        with pytest.raises(CorruptLog, match="the order before it is to|unwinds"):
            state.apply(event(other))
        assert facts(state) == before
        breach = verify_log(PAIR, [*events, event(other)])
        assert breach is not None, other
        assert breach.seq == len(events)


def test_nothing_is_told_of_a_call_that_no_order_cancels():
    """That answers nothing that was asked for."""
    for log in (FORWARD, f"{FORWARD} 1↻"):
        play = begun(log)
        before = facts(play.state)
        with pytest.raises(IllegalEvent, match="cancelled is illegal with current load status"):
            play >> "0×"
        assert facts(play.state) == before


# Where no call is under way


@pytest.mark.parametrize(
    ("log", "order", "expected"),
    [
        ("3+ 3✓ 0+ 0↻=500 1+", "retry+cancel", "0« 0+ | run 0"),
        ("3+ 3✓ 0+ 0↻=500 1+", "fail+cancel", "0« 0✗"),
        ("3+ 3✓ 0+ 0↻=500 1+", "complete+cancel:5", "0« 0✓=5"),
        ("3+ 3✓ 0+ 1+ 0? 0- 0↺=500", "retry+cancel", "0« 0- | undo 0"),
        ("3+ 3✓ 0+ 1+ 0? 0- 0!", "complete+cancel", "0« 0∅"),
        ("0«=hold", "retry+cancel", "0« 0+ | run 0"),
    ],
)
def test_an_order_that_finds_nothing_to_cancel(log: str, order: str, expected: str):
    """It does what it does without, and the log says no more than that."""
    play = begun(log)
    play >> f"0«={order}" << expected
    (first, *_) = play.steps[-1].record
    assert isinstance(first.event_type, Ordered)
    assert (first.event_type.cancel, first.event_type.value) == (False, None)
    checked(play)


def test_a_wait_is_ended_at_once():
    """It has no call, whether or not the order is to cancel one."""
    dag = saga([Node.sleep("a", timedelta(microseconds=100)), "b"], "c")
    play = Playbook(dag)
    play >> "start"
    play >> "0«=complete+cancel" << "0« 0✓"
    play = Playbook(dag)
    play >> "start"
    play >> "0«=retry+cancel" << ""
    assert play.steps[-1].refused[0].why == 'node "/a" has been started, and nothing holds it'


# Several orders


def test_the_last_order_says_how_a_call_ends():
    """Another verb than before: somebody has thought better of it."""
    play = begun(FORWARD)
    play >> "0«=retry+cancel" << "0« | cancel 0"
    play >> "0«=fail+cancel" << "0« | cancel 0"
    play >> "0«=complete+cancel:5" << "0« | cancel 0"
    play >> "0×=?" << "0✓=5"
    play = begun(UNDOING)
    play >> "0«=complete+cancel 0«=retry+cancel" << "0« 0« | cancel 0, cancel 0"
    play >> "0×" << "0↺ 0- | undo 0"
    checked(play)


def test_two_orders_to_do_the_same():
    """Of two that come together, too, the second is refused."""
    play = begun(FORWARD)
    play >> "0«=fail+cancel 0«=fail+cancel" << "0« | cancel 0"
    assert len(play.steps[-1].refused) == 1
    play >> "0×" << "0✗"


def test_a_node_is_held_while_its_call_is_cancelled():
    """Its undo does not begin; a retry lifts that, and one that cancels does both."""
    play = begun(FORWARD)
    play >> "0«=fail+cancel"
    play >> "0«=hold" << "0«"
    play >> "0×=? 1✓" << "0? 1✓ 1- | undo 1"
    play >> "0«=retry" << "0« 0- | undo 0"
    play = begun(f"{FORWARD} 0«=hold")
    play >> "0«=retry+cancel" << "0« | cancel 0"
    play >> "0×=?" << "0≈ 0+ | run 0"
    play >> "0? 1✗" << "0? 1✗ 0- | undo 0"
    checked(play)


def test_a_call_that_is_to_be_made_again_is_the_last_once_its_saga_unwinds():
    """Its node fails when it has ended, as it would without the order."""
    for order in ("retry+cancel", "retry+cancel 0«=hold"):
        play = begun(FORWARD)
        play >> f"0«={order}"
        play >> "1✗" << "1✗"
        play >> "0×" << "0✗ 3- 3∅ | finish failed"
        checked(play)


def test_orders_on_two_nodes():
    """Each cancels the call of its own node."""
    play = begun(FORWARD)
    play >> "0«=fail+cancel" << "0« | cancel 0"
    play >> "1«=fail+cancel" << "1« | cancel 1"
    play >> "1×" << "1✗"
    play >> "0×" << "0✗ 3- 3∅ | finish failed"
    checked(play)


def test_an_order_after_a_call_was_cancelled():
    """It is about what comes then, as after any other attempt."""
    play = begun(FORWARD)
    play >> "«=pause"
    play >> "0«=retry+cancel"
    play >> "0×" << "0↻"
    play >> "0«=fail" << "0« 0✗"
    checked(play)


# To unwind and cancel


def test_an_order_to_unwind_cancels_actions():
    """Those that provide for doubt; of others the result counts, as it does without the order."""
    play = begun(FORWARD)
    play >> "«=unwind+cancel" << "«=unwind | cancel 0, cancel 1"
    play >> "0×=? 1✓" << "0? 1✓ 0- 1- | undo 0, undo 1"
    failed = play.steps[-1].record[0].event_type
    assert isinstance(failed, FailedInDoubt)
    assert "cancelled by an order to unwind, by test: no reason" in str(action_error(failed.error))
    checked(play)


@pytest.mark.parametrize(
    ("told", "expected"),
    [
        ("0×=?", "0? 0- | undo 0"),
        ("0×=✗", "0✗"),
        ("0×=✓7", "0✓=7 0- | undo 0"),
        ("0✓=7", "0✓=7 0- | undo 0"),
        ("0✗", "0✗"),
        ("0↻=500", "0✗"),
    ],
)
def test_how_a_call_ends_when_its_saga_is_unwound(told: str, expected: str):
    """In doubt, unless it ended before it could be cancelled, or its probe says otherwise."""
    play = begun(FORWARD)
    play >> "«=unwind+cancel"
    play >> told << expected
    checked(play)


def test_an_order_to_unwind_and_cancel_in_an_unwinding():
    """It cancels what is under way; undos are not cancelled, and it may be given again."""
    play = begun("3+ 3✓ 0+ 1+ 1✗")
    play >> "«=unwind+cancel" << "«=unwind | cancel 0"
    play >> "«=unwind+cancel" << "«=unwind | cancel 0"
    play >> "0×=?" << "0? 0- | undo 0"
    play >> "«=unwind+cancel" << "«=unwind"
    play >> "0∅" << "0∅ 3- 3∅ | finish failed"
    checked(play)
    play = begun("3+ 3✓ 0+ 1+ 1✗")
    play >> "«=unwind" << ""
    assert play.steps[-1].refused[0].why == "the saga unwinds already"


def test_orders_on_a_node_and_on_its_saga():
    """The one on the node counts, whichever comes first."""
    play = begun(FORWARD)
    play >> "0«=complete+cancel:5" << "0« | cancel 0"
    play >> "«=unwind+cancel" << "«=unwind | cancel 1"
    play >> "0×" << "0✓=5 0- | undo 0"
    play = begun(FORWARD)
    play >> "«=unwind+cancel" << "«=unwind | cancel 0, cancel 1"
    play >> "0«=complete+cancel:5" << "0« | cancel 0"
    play >> "0×=?" << "0✓=5 0- | undo 0"
    checked(play)


def test_an_order_to_unwind_ends_a_pause():
    """Of a saga in memory, whose calls are then cancelled."""
    play = begun(FORWARD)
    play >> "«=pause"
    play >> "«=unwind+cancel" << "«=unwind | cancel 0, cancel 1"
    play >> "0×=?" << "0? 0- | undo 0"
    checked(play)


# Paused, drained, stuck


def test_a_cancelled_call_in_a_pause():
    """How it ends is logged, and nothing is begun until the saga is resumed."""
    play = begun(FORWARD)
    play >> "«=pause"
    play >> "0«=retry+cancel" << "0« | cancel 0"
    play >> "0×" << "0↻"
    assert step_text(crashed(play).machine.handle(inputs_of("«=resume"), Timestamp(9))) == (
        "«=resume 0+ | run 1 again, run 0"
    )
    play >> "«=resume" << "«=resume 0+ | run 0"


def test_a_cancelled_call_of_a_drained_saga():
    """How it ends is logged; the next attempt comes after the next open."""
    play = begun(FORWARD)
    play.machine.drain()
    play >> "0«=retry+cancel" << "0« | cancel 0"
    play >> "0×" << "0↻"
    again = crashed(play).machine.start(Timestamp(9))
    assert step_text(again) == "0+ | run 1 again, run 0"


def test_a_cancelled_undo_of_a_saga_that_gets_stuck():
    """It waits for the repair of the other one."""
    play = begun(UNDOING)
    play >> "0«=retry+cancel 1!" << "0« 1! | cancel 0"
    play >> "0×" << "0↺ | finish stuck"
    play >> "1«=complete" << "1« 1∅ 0- | undo 0"
    checked(play)


def test_an_abandoned_saga_drops_how_a_cancelled_call_ends():
    """Nothing follows."""
    play = begun(FORWARD)
    play >> "0«=fail+cancel"
    play >> "«=abandon" << "«=abandon | finish abandoned"
    play >> "0×" << "finish abandoned"
    checked(play)


# While no process runs the call


@pytest.mark.parametrize(
    ("log", "order", "expected", "later"),
    [
        (FORWARD, "0«=retry+cancel", "0«", "run 0 again, cancelled to retry, run 1 again"),
        (FORWARD, "0«=fail+cancel", "0«", "run 0 again, cancelled to fail, run 1 again"),
        (FORWARD, "0«=complete+cancel:5", "0« 0✓=5", "run 1 again"),
        (UNDOING, "0«=retry+cancel", "0« 0↺", "0- | undo 1, undo 0"),
        (UNDOING, "0«=complete+cancel", "0« 0∅", "undo 1"),
    ],
)
@pytest.mark.parametrize("pause", ["", " «=pause"])
def test_a_call_that_no_process_runs(log: str, order: str, expected: str, later: str, pause: str):
    """It is under way all the same; it ends at once where its action need not be asked."""
    play = Playbook(PAIR, log + pause)
    step = play.machine.handle(inputs_of(order), Timestamp(7))
    assert step_text(step) == expected.removesuffix("=5")
    checked(play)
    if pause:
        step = play.machine.handle(inputs_of("«=resume"), Timestamp(9))
        first = "«=resume " if later.startswith("0-") else "«=resume | "
        assert step_text(step) == first + later
    else:
        assert step_text(play.machine.start(Timestamp(9))) == later


@pytest.mark.parametrize(
    ("log", "order", "expected"),
    [
        (FORWARD, "0«=retry+cancel", "run 0 again, cancelled to retry, run 1 again"),
        (FORWARD, "0«=fail+cancel", "run 0 again, cancelled to fail, run 1 again"),
        (FORWARD, "0«=complete+cancel:5", "0✓ | run 1 again"),
        (
            FORWARD,
            "«=unwind+cancel",
            "run 0 again, cancelled to unwind, run 1 again, cancelled to unwind",
        ),
        (UNDOING, "0«=retry+cancel", "0↺ 0- | undo 1, undo 0"),
        (UNDOING, "0«=complete+cancel", "0∅ | undo 1"),
        (UNDOING, "«=unwind+cancel", "undo 0, undo 1"),
    ],
)
def test_a_crash_before_a_cancelled_call_has_ended(log: str, order: str, expected: str):
    """It is not made again: recovery logs how it ends, and asks its action where it has to."""
    play = begun(log)
    play >> order
    again = crashed(play)
    assert step_text(again.machine.start(Timestamp(9))) == expected
    checked(again)


@pytest.mark.parametrize("order", ["retry", "fail", "unwind"])
def test_what_recovery_is_told_of_a_cancelled_call(order: str):
    """The same as without a crash; and one that is made again has an ordinary result."""
    given = "«=unwind+cancel" if order == "unwind" else f"0«={order}+cancel"
    ends = {
        "retry": {"0×=?": "0≈ 0+ | run 0", "0×=✓7": "0✓=7", "0×=✗": "0↻ 0+ | run 0"},
        "fail": {"0×=?": "0? 0- | undo 0", "0×=✓7": "0? 0- | undo 0", "0×=✗": "0✗"},
        "unwind": {"0×=?": "0? 0- | undo 0", "0×=✓7": "0✓ 0- | undo 0", "0✓": "0✓ 0- | undo 0"},
    }[order]
    for told, expected in ends.items():
        play = begun(FORWARD)
        play >> given
        again = crashed(play)
        again >> "start"
        again >> told << expected
        checked(again)


def test_another_order_after_a_crash():
    """Of a call that is being looked into; that is cancelled, too."""
    play = begun(FORWARD)
    play >> "0«=retry+cancel"
    again = crashed(play)
    again >> "start"
    again >> "0«=complete+cancel:5" << "0« | cancel 0"
    again >> "0×=?" << "0✓=5"
    checked(again)


def test_an_injected_error_does_not_meet_a_cancelled_call():
    """It is not dispatched; the attempt that follows is."""
    play = Playbook(PAIR, f"{FORWARD} 0«=retry+cancel")
    play >> [inputs.InjectError(0)]
    play >> "start" << "run 0 again, cancelled to retry, run 1 again"
    play >> "0×" << "0↻ 0+ 0✗"


def test_a_cancelled_call_is_not_held_against_a_saga():
    """It is under way: nothing says that the saga waits for somebody."""
    play = Playbook(PAIR, f"{FORWARD} 1✓ 0«=fail+cancel")
    assert cached_state(play.state).value == "running"
    assert play.state.has_call(0)
    assert not play.state.has_call(3)
    assert RunAction(0, repeats=True, cancelled=Verb.FAIL) in play.machine.start().then


def test_the_time_of_an_attempt_without_a_clock():
    """It is the earliest there is, so that it is due."""
    play = begun(FORWARD)
    play >> "0«=retry+cancel"
    play >> "0×"
    assert play.steps[-1].record[0].event_type.next == EARLIEST
    assert shown(play.steps[-1].record) == "0↻ 0+"
