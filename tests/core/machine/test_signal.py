"""Signals, and the nodes that wait for them, as steps of a machine."""

import pytest

from steno.core import (
    JsonText,
    Node,
    SagaMachine,
    SagaState,
    Timestamp,
    Verb,
    action_error,
    inputs,
    verify_log,
)
from steno.errors import CorruptLog
from steno.testing.notation import SAGA_ID, events, inputs_of, shown, step_text
from steno.testing.playbook import Playbook
from support.demo import build, saga
from support.simulator import state_facts

ONE = saga([Node.signal("s", "go"), "a"], "z")  # 0 and 1, then 2; 3 is the start, 4 the end
TWO = saga([Node.signal("s", "go"), "a"], Node.signal("t", "go"), "z")  # 0, 1, 2, 3; start 4, end 5


def signal(value: str, *, name: str = "go", replace: bool = False) -> inputs.Order:
    return inputs.Order(
        None, Verb.SIGNAL, "me", value=JsonText(value), signal=name, replace=replace
    )


def refused(play: Playbook, order: inputs.Order) -> str:
    """Return why an order is refused; it has changed nothing."""
    before = state_facts(play.state)
    (found,) = (play >> order).steps[-1].refused
    assert play.steps[-1].record == ()
    assert state_facts(play.state) == before
    return found.why


def survives(play: Playbook) -> SagaMachine:
    """Return what a crash leaves; it is what there was."""
    log = play.state.log.events
    state = SagaState.fold(play.dag.flat, SAGA_ID, log)
    assert state_facts(state) == state_facts(play.state)
    assert verify_log(play.dag, log) is None
    return SagaMachine(play.dag, state)


def test_a_signal_that_comes_while_it_is_waited_for():
    """Its value is the node's output, in the same step; no call is made for the wait."""
    play = Playbook(ONE)
    play >> "start" << "3+ 3✓ 0+ 1+ | run 1"
    assert step_text(survives(play).start(Timestamp(9))) == "run 1 again"
    play >> signal('{"to":7}') << '«=signal 0✓={"to":7}'
    assert step_text(survives(play).start(Timestamp(9))) == "run 1 again"
    play >> "1✓" << "1✓ 2+ | run 2"
    assert play.state.outputs[0] == '{"to":7}'


def test_a_signal_that_comes_early():
    """Before the node begins, or before the saga does: the node does not wait."""
    play = Playbook(ONE)
    play >> signal("7") << "«=signal"
    assert survives(play).state.steering.signals == {"go": "7"}
    play >> "start" << "3+ 3✓ 0+ 1+ 0✓=7 | run 1"
    survives(play)


def test_a_signal_that_comes_late():
    """Its node has the value of the order by which it was completed, and keeps that."""
    play = Playbook(ONE)
    play >> "start"
    play >> inputs.Order(0, Verb.COMPLETE, "me", "by hand", value=JsonText("3")) << "0« 0✓=3"
    play >> signal("7") << "«=signal"
    assert play.state.outputs[0] == "3"
    survives(play)


def test_a_signal_that_is_sent_again():
    """The same value is accepted and changes nothing, taken or not."""
    play = Playbook(ONE)
    play >> signal("7")
    before = state_facts(play.state)
    play >> signal("7") << ""
    assert play.steps[-1].refused == ()
    assert state_facts(play.state) == before
    play >> "start"
    for replace in (False, True):
        play >> signal("7", replace=replace) << ""
        assert play.steps[-1].refused == ()


def test_another_value_is_refused():
    """Once per name in the whole saga, unless it is to replace one that no node has taken."""
    play = Playbook(ONE)
    play >> signal("7")
    assert refused(play, signal("8")) == 'the signal "go" was sent already, with another value'
    play >> signal("8", replace=True) << "«=signal"
    assert survives(play).state.steering.signals == {"go": "8"}
    play >> "start" << "3+ 3✓ 0+ 1+ 0✓=8 | run 1"
    taken = 'the saga has another value for the signal "go", which a node has taken'
    assert refused(play, signal("9")) == taken
    assert refused(play, signal("9", replace=True)) == taken


def test_a_name_that_no_node_has():
    """It is refused, whatever the state."""
    play = Playbook(ONE)
    why = 'the saga has no node that waits for a signal "stop"'
    assert refused(play, signal("1", name="stop")) == why
    play >> "start"
    assert refused(play, signal("1", name="stop", replace=True)) == why
    assert refused(Playbook(saga("a")), signal("1")).endswith('a signal "go"')


def test_two_nodes_of_one_signal():
    """All of them get the value, whenever they begin."""
    play = Playbook(TWO)
    play >> "start" << "4+ 4✓ 0+ 1+ | run 1"
    play >> signal("7") << "«=signal 0✓=7"
    play >> "1✓" << "1✓ 2+ 2✓=7 3+ | run 3"
    assert refused(play, signal("8", replace=True)).endswith("which a node has taken")
    beside = saga([Node.signal("s", "go"), Node.signal("t", "go"), Node.signal("u", "stop")], "z")
    play = Playbook(beside)
    play >> "start" << "4+ 4✓ 0+ 1+ 2+"
    play >> signal("7") << "«=signal 0✓=7 1✓=7"
    play >> signal("8", name="stop") << "«=signal 2✓=8 3+ | run 3"
    survives(play)


def test_a_signal_inside_a_subsaga():
    """Its name is one of the whole saga."""
    dag = saga("p", Node.subsaga("in", build("i", Node.signal("s", "go")), "p"))
    play = Playbook(dag, "4+ 4✓ 0+ 0✓")  # p 0, start 1, s 2, end 3; start 4, end 5
    play >> "start" << "1+ 1✓ 2+"
    play >> signal("7") << "«=signal 2✓=7 3+ 3✓=7 5+ 5✓ | finish succeeded"


def test_a_signal_in_a_pause():
    """The success of a wait begins nothing, so it is logged; what follows is begun later."""
    play = Playbook(ONE, "3+ 3✓ 0+ 1+ 1✓")
    play >> "start"
    play >> "«=pause"
    play >> signal("7") << "«=signal 0✓=7"
    survives(play)
    play >> "«=resume" << "«=resume 2+ | run 2"
    play = Playbook(ONE, "3+ 3✓ 0+ 1+ 1✓ «=pause")
    play >> signal("7") << "«=signal 0✓=7"
    play >> "«=resume" << "«=resume 2+ | run 2"


def test_a_signal_in_a_saga_that_is_drained():
    """Likewise."""
    play = Playbook(ONE, "3+ 3✓ 0+ 1+ 1✓")
    play >> "start"
    play.machine.drain()
    play >> signal("7") << "«=signal 0✓=7"
    assert step_text(survives(play).start(Timestamp(9))) == "2+ | run 2"


@pytest.mark.parametrize(("told", "begun"), [("1✗", "1✗"), ("«=unwind", "«=unwind")])
def test_a_wait_is_given_up_when_the_saga_unwinds(told: str, begun: str):
    """In the same step, without doubt; a signal that comes then is accepted and taken by none."""
    play = Playbook(ONE)
    play >> "start"
    play >> told
    assert shown(play.steps[-1].record).startswith(f"{begun} 0✗")
    place = begun.count(" ") + 1
    error = action_error(play.steps[-1].record[place].event_type.error)
    assert error.error_type == "steno.SignalGivenUp"
    assert not play.state.is_in_doubt(0)
    if play.state.outcome is None:
        play >> signal("7") << "«=signal"
    survives(play)


def test_a_wait_that_was_cut_off_is_given_up_after_a_crash():
    """The step may be lost whole, never in part."""
    play = Playbook(ONE, "3+ 3✓ 0+ 1+ 1✗")
    play >> "start" << "0✗ 3- 3∅ | finish failed"


def test_the_undo_of_a_wait_is_empty():
    """Both of its events are in one step, and nothing is called."""
    play = Playbook(ONE)
    play >> signal("7")
    play >> "start"
    play >> "1✗" << "1✗ 0- 0∅ 3- 3∅ | finish failed"
    play = Playbook(ONE)
    play >> "start"
    play >> [*inputs_of("1✗"), signal("7")] << "1✗ «=signal 0✓=7 0- 0∅ 3- 3∅ | finish failed"
    survives(play)


def test_a_wait_is_ended_by_an_order():
    """It succeeds with the output that is given, or fails as ordered."""
    play = Playbook(ONE)
    play >> "start"
    play >> inputs.Order(0, Verb.COMPLETE, "me", "by hand", value=JsonText("[3]")) << "0« 0✓=[3]"
    play >> "1✓" << "1✓ 2+ | run 2"
    survives(play)
    play = Playbook(ONE)
    play >> "start"
    play >> inputs.Order(0, Verb.FAIL, "me", "nobody comes") << "0« 0✗"
    error = action_error(play.steps[-1].record[1].event_type.error)
    assert error.error_type == "steno.Ordered"
    assert "ordered to fail by me: nobody comes" in str(error)
    play >> "1✓" << "1✓ 1- | undo 1"
    survives(play)


def test_a_wait_takes_no_other_order_but_to_hold():
    """It has no attempts, so none can be made again; before it begins it can be held."""
    play = Playbook(ONE)
    play >> "0«=hold" << "0«"
    play >> signal("7") << "«=signal"
    play >> "start" << "3+ 3✓ 1+ | run 1"
    play >> "0«=retry" << "0« 0+ 0✓=7"
    play = Playbook(ONE)
    play >> "start"
    assert refused(play, *inputs_of("0«=retry")).endswith("and nothing holds it")


def test_an_error_that_is_injected_comes_before_a_signal():
    """It is looked at when the node is dispatched, whatever was sent."""
    play = Playbook(ONE)
    play >> signal("7")
    play >> [inputs.InjectError(0)]
    play >> "start" << "3+ 3✓ 0+ 1+ 0✗ | run 1"


@pytest.mark.parametrize(
    ("log", "place"),
    [
        ("3+ 3✓ 0+ 0✓=1", 3),  # not sent
        ("3+ 3✓ 0+ «=signal:go:7 0✓=1", 4),  # another value
        ("3+ 3✓ 0+ 0✓=7 «=signal:go:7", 3),  # sent after it
        ("«=signal:stop:7", 0),  # no such name
        ("«=signal:go:7 3+ 3✓ 0+ 0✓=7 «=signal:go:8", 5),  # taken
    ],
)
def test_a_log_in_which_a_signal_is_wrong(log: str, place: int):
    """The fold refuses just that event, and the verifier names it."""
    found = events(log)
    state = SagaState.fold(ONE.flat, SAGA_ID, found[:place])
    before = state_facts(state)
    with pytest.raises(CorruptLog):
        state.apply(found[place])
    assert state_facts(state) == before
    assert verify_log(ONE, found).seq == place
