"""Deadlines of sagas, as steps of a machine."""

import pytest

from steno.core import (
    AwaitDeadline,
    SagaCachedState,
    SagaMachine,
    SagaState,
    Step,
    Timestamp,
    Verb,
    cached_state,
    inputs,
    verify_log,
)
from steno.testing.notation import SAGA_ID, inputs_of, step_text
from steno.testing.playbook import Playbook
from support.demo import saga
from support.simulator import state_facts

CHAIN = saga("a", "b")  # 0 and 1; 2 is the start, 3 the end
WAIT = "wait until 500"


def start(play: Playbook, now: int, *, ordered: bool = True) -> str:
    """Return the step of a start, by an order or without one."""
    order = inputs.Order(None, Verb.START, "me") if ordered else None
    return step_text(play.machine.start(Timestamp(now), order))


def tell(play: Playbook, text: str, now: int) -> str:
    step = play.machine.handle(inputs_of(text), Timestamp(now))
    assert step.refused == ()
    return step_text(step)


def recovered(play: Playbook, now: int) -> Step:
    """Return the first step after a crash, which leaves the saga as it was."""
    machine = SagaMachine(CHAIN, SagaState.fold(CHAIN.flat, SAGA_ID, play.state.log.events))
    assert state_facts(machine.state) == state_facts(play.state)
    assert verify_log(CHAIN, play.state.log.events) is None
    return machine.start(Timestamp(now))


def running(log: str = "2+ 2✓ 0+ «=deadline:500") -> Playbook:
    play = Playbook(CHAIN, log)
    play.machine.start(Timestamp(100))
    return play


def test_a_deadline_in_the_future():
    """It is waited for; when it comes, an order to unwind by `deadline` follows."""
    play = running()
    assert play.steps == []
    assert tell(play, "0✓", 499) == "0✓ 1+ | run 1"
    assert tell(play, "@", 500) == "«=unwind"
    order = play.state.log.events[-1].event_type
    assert (order.by, order.why) == ("deadline", "its deadline has passed")
    assert play.state.steering.unwound == order
    assert tell(play, "1✗", 501) == "1✗ 0- | undo 0"
    assert recovered(play, 502).record == ()


def test_a_deadline_is_waited_for_again_after_a_crash():
    """It is in the log, so nobody has to give it again."""
    play = running()
    assert recovered(play, 200).then[-1] == AwaitDeadline(Timestamp(500))
    assert step_text(recovered(play, 500)).startswith("«=unwind | run 0 again")


def test_a_deadline_while_the_saga_is_ready():
    """Nothing follows until the start, at which it has passed: then no node begins."""
    for ordered, expected in ((True, "«=start «=unwind"), (False, "«=unwind")):
        play = Playbook(CHAIN)
        assert tell(play, "«=deadline:500", 100) == f"«=deadline | {WAIT}"
        assert tell(play, "@", 500) == ""
        assert tell(play, "«=deadline:500", 600) == f"«=deadline | {WAIT}"
        assert cached_state(play.state) is SagaCachedState.READY
        assert start(play, 600, ordered=ordered) == f"{expected} | {WAIT}, finish failed"
        assert verify_log(CHAIN, play.state.log.events, finished=SagaCachedState.FAILED) is None
    play = Playbook(CHAIN, "«=deadline:500")
    assert start(play, 499) == f"2+ 2✓ 0+ | {WAIT}, run 0"


def test_a_deadline_that_has_passed_when_an_imported_saga_is_started():
    """What was done is undone, what was under way is called again first; a success stays one."""
    for log, expected in (
        ("2+ 2✓ «=deadline:500 «=import", f"«=start «=unwind 2- 2∅ | {WAIT}, finish failed"),
        ("2+ 2✓ 0+ «=deadline:500 «=import", f"«=start «=unwind | run 0 again, {WAIT}"),
        (
            "2+ 2✓ 0+ 0✓ 1+ 1✓ «=deadline:500 3+ 3✓ «=import",
            f"«=start | {WAIT}, finish succeeded",
        ),
        ("2+ 2✓ 0+ 0✓ 1+ «=deadline:500 1✗ «=import", "0- | undo 0"),
    ):
        assert start(Playbook(CHAIN, log), 600) == expected


def test_a_deadline_in_a_pause():
    """Nothing follows until the resume, whether the saga stays in memory or not."""
    play = running()
    assert tell(play, "«=pause", 200) == "«=pause"
    assert tell(play, "@", 500) == ""
    assert tell(play, "0✓", 510) == "0✓"
    assert recovered(play, 520) == Step((), ())
    assert tell(play, "«=resume", 600) == "«=resume «=unwind 0- | undo 0"
    play = running("2+ 2✓ 0+ «=deadline:500 «=pause")
    assert tell(play, "«=resume", 600) == f"«=resume «=unwind | run 0 again, {WAIT}"
    play = running("«=deadline:500 «=pause «=start")
    assert tell(play, "«=resume", 600) == f"«=resume «=unwind | {WAIT}, finish failed"
    play = running("2+ 2✓ 0+ «=deadline:500 «=pause")
    assert tell(play, "«=resume", 400) == f"«=resume | run 0 again, {WAIT}"


def test_a_deadline_that_is_put_off():
    """The last one counts; the time of the one before brings nothing."""
    play = running()
    assert tell(play, "«=deadline:900", 400) == "«=deadline | wait until 900"
    assert tell(play, "@", 500) == "wait until 900"
    assert tell(play, "@", 900) == "«=unwind"


def test_a_deadline_that_is_brought_forward():
    """One that has passed already is met in the same step."""
    play = running()
    assert tell(play, "«=deadline:300", 200) == "«=deadline | wait until 300"
    assert tell(play, "@", 300) == "«=unwind"
    play = running()
    assert tell(play, "«=deadline:300", 400) == "«=deadline «=unwind | wait until 300"


def test_a_deadline_that_is_removed():
    """Nothing is waited for, now or after a crash."""
    play = running()
    assert tell(play, "«=deadline", 400) == "«=deadline"
    assert play.state.steering.deadline is None
    assert tell(play, "@", 500) == ""
    assert step_text(recovered(play, 600)) == "run 0 again"


def test_a_clock_that_was_set_back():
    """The deadline is waited for anew, since nobody else may tell."""
    play = running()
    assert tell(play, "@", 480) == WAIT
    assert tell(play, "@", 500) == "«=unwind"


def test_a_clock_that_is_not_known():
    """Without a time nothing can have passed."""
    play = running()
    play >> "@" << ""
    assert not play.state.unwinding


def test_any_step_after_the_deadline_meets_it():
    """Whatever comes first, before anything that it would begin."""
    play = running()
    assert tell(play, "0✓", 501) == "0✓ «=unwind 0- | undo 0"
    assert tell(play, "@", 502) == ""


def test_a_deadline_that_is_due_in_the_step_that_would_end_the_saga():
    """Its last result came too late: the saga had not ended by then."""
    play = running("2+ 2✓ 0+ 0✓ 1+ «=deadline:500")
    assert tell(play, "1✓", 500) == "1✓ «=unwind 1- | undo 1"
    play = running("2+ 2✓ 0+ 0✓ 1+ «=deadline:500")
    assert tell(play, "1✓", 499) == "1✓ 3+ 3✓ | finish succeeded"
    assert tell(play, "@", 500) == "finish succeeded"


@pytest.mark.parametrize(
    "log", ["2+ 2✓ 0+ 0✓ 1+ «=deadline:500 1✗", "2+ 2✓ 0+ «=deadline:500 «=unwind"]
)
def test_a_deadline_while_the_saga_unwinds(log: str):
    """It unwinds for another reason already, so nothing more is ordered, nor waited for."""
    play = Playbook(CHAIN, log)
    began = play.state.first_failure, play.state.steering.unwound
    step = play.machine.start(Timestamp(100))
    assert AwaitDeadline(Timestamp(500)) not in step.then
    assert tell(play, "@", 600) == ""
    assert (play.state.first_failure, play.state.steering.unwound) == began


def test_a_deadline_of_a_stuck_saga():
    """It unwinds already, and goes on to do so when it is repaired."""
    play = running("2+ 2✓ 0+ 0✓ 1+ «=deadline:500 1✗ 0- 0!")
    assert tell(play, "@", 600) == "finish stuck"
    assert tell(play, "0«=retry", 700) == "0« 0- | undo 0"


def test_a_deadline_while_the_saga_is_drained():
    """The unwinding is ordered, with what is given up by it; it begins later."""
    play = running("2+ 2✓ 0+ 0↻=order «=deadline:500")
    play.machine.drain()
    assert tell(play, "@", 500) == "«=unwind 0✗"
    assert step_text(recovered(play, 600)) == "2- 2∅ | finish failed"
