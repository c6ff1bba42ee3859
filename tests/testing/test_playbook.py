"""Scripts for the machine: what they take, and what they say when something else happens."""

import pytest

from steno.core import (
    ActionFailed,
    JsonText,
    RunAction,
    SagaCachedState,
    SagaNodeId,
    Step,
    inputs,
)
from steno.errors import IllegalEvent
from steno.testing.notation import events
from steno.testing.playbook import Playbook
from support.demo import demo, saga

CHAIN = saga("a", "b")  # 0, 1, start 2, end 3


def test_a_script_reads_from_top_to_bottom():
    """What is told, the step, what is told, and so on to the end."""
    playbook = Playbook(CHAIN)
    playbook >> "start" << "2+ 2✓ 0+ | run 0"
    playbook >> "0✓" << "0✓ 1+ | run 1"
    playbook >> "1✗" << "1✗ 0- | undo 0"
    playbook >> "0∅" << "0∅ 2- 2∅ | finish failed"
    assert playbook.state.outcome is SagaCachedState.FAILED
    assert playbook.log == "2+ 2✓ 0+ 0✓ 1+ 1✗ 0- 0∅ 2- 2∅"
    assert len(playbook.steps) == 4


def test_it_may_be_one_expression_and_asserted():
    """Nothing has to be asserted; a checker that dislikes bare expressions is content so."""
    assert Playbook(CHAIN) >> "start" << "2+ 2✓ 0+ | run 0" >> "0✗" << "0✗ 2- 2∅ | finish failed"


@pytest.mark.parametrize("log", ["2+ 2✓ 0+ 0✓ 1+", events("2+ 2✓ 0+ 0✓ 1+")])
def test_it_may_begin_anywhere(log: object):
    """With a log as text or as events; then what was in flight is run again."""
    Playbook(CHAIN, log) >> "start" << "run 1 again" >> "1✓" << "1✓ 3+ 3✓ | finish succeeded"


def test_inputs_and_steps_may_be_values():
    """Injections are inputs; several at once are a list."""
    playbook = Playbook(CHAIN) >> [inputs.InjectErrorUndo(SagaNodeId(0))] << ""
    playbook >> "start" << Step(playbook.steps[-1].record, (RunAction(SagaNodeId(0)),))
    playbook >> inputs.ActionSucceeded(SagaNodeId(0), JsonText("5")) << "0✓=5 1+ | run 1"
    error = ActionFailed(JsonText('"no"')).encoded()
    playbook >> inputs.ActionRaised(SagaNodeId(1), error) << "1✗ 0- 0! | finish stuck"
    assert playbook.state.first_failure == (1, error)


def test_another_step_fails_with_the_whole_script():
    """The lines before, a diff of the step, and the nodes by number."""
    playbook = Playbook(CHAIN, "2+ 2✓") >> "start" << "0+ | run 0"
    with pytest.raises(AssertionError) as caught:
        playbook >> "0✓" << "0✓ 1- | undo 1"
    assert str(caught.value) == (
        "expected (-), and found (+):\n"
        "  log 2+ 2✓\n"
        "  >> start\n"
        "  << 0+ | run 0\n"
        "  >> 0✓\n"
        "- << 0✓ 1- | undo 1\n"
        "+ << 0✓ 1+ | run 1\n"
        "?        ^\n"
        "nodes: 0 /a, 1 /b, 2 (start node), 3 (end node)"
    )
    assert str(playbook) == "log 2+ 2✓\n>> start\n<< 0+ | run 0\n>> 0✓"


def test_outputs_are_compared_where_they_are_given():
    """Only there: a script need not mind what its actions return."""
    playbook = Playbook(demo()) >> "start" >> "0✓=1211"
    playbook << '0✓=1211 1+ 1✓={"number_of_things":1} 2+ 3+ 4+ 4✓ 5+ | run 2, run 3, run 5'
    with pytest.raises(AssertionError, match="0✓=1211"):
        playbook << "0✓=1212 1+ 1✓ 2+ 3+ 4+ 4✓ 5+ | run 2, run 3, run 5"


def test_a_step_as_a_value_is_compared_with_all_its_data():
    """Two steps that look the same as text may not be."""
    playbook = Playbook(CHAIN) >> "start" >> "0✓=5"
    other = Step((*events("0✓=6"), *events("1+")), (RunAction(SagaNodeId(1)),))
    with pytest.raises(AssertionError, match="output='6'"):
        playbook << other


def test_a_longer_or_shorter_step_is_another():
    """Nothing may be missing at either end."""
    playbook = Playbook(CHAIN) >> "start" >> "0✓"
    for text in ("0✓", "0✓ 1+", "0✓ 1+ | run 1, run 2", "run 1", "", "0✓=null 1+ 1✓ | run 1"):
        with pytest.raises(AssertionError):
            playbook << text
    playbook << "0✓ 1+ | run 1"


def test_what_the_machine_refuses_it_refuses():
    """The error is the machine's own, and nothing has changed."""
    playbook = Playbook(CHAIN) >> "start"
    for text in ("1✓", "0∅"):
        with pytest.raises(IllegalEvent):
            playbook >> text
    playbook << "2+ 2✓ 0+ | run 0"


def test_a_script_that_was_told_nothing_has_no_step():
    """That is said, and not compared with nothing."""
    with pytest.raises(AssertionError, match="there was no input"):
        Playbook(CHAIN) << ""


@pytest.mark.parametrize("text", ["begin", "0+", "0x", "x✓", "0-"])
def test_a_text_that_tells_nothing_is_refused(text: str):
    """A beginning is the machine's to log, and other texts are no notation."""
    playbook = Playbook(CHAIN) >> "start"
    with pytest.raises(ValueError, match=r"is not (an event|a result)"):
        playbook >> text


def test_a_name_breaks_no_line():
    """What a node is called cannot be mistaken for a line of the script."""
    odd = saga("a\n<< 0+ | run 0", "b\x1b[2J")
    with pytest.raises(AssertionError) as caught:
        Playbook(odd) << ""
    assert "0 /a\\n<< 0+ | run 0, 1 /b\\x1b[2J" in str(caught.value)


def test_the_nodes_of_a_large_saga_are_cut_short():
    """A failure with thousands of names would hide what it says."""
    large = saga([f"n{number}" for number in range(1000)], "z")
    with pytest.raises(AssertionError) as caught:
        Playbook(large) << ""
    assert len(str(caught.value)) < 2100
