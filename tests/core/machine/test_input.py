"""What a machine is told."""

import pytest

from steno.core import RepeatInjected, inputs
from steno.testing.notation import ERROR


def test_an_input_names_its_node():
    """Inputs are plain data, compared by value."""
    assert inputs.ActionRaised(3, ERROR) == inputs.ActionRaised(3, ERROR)
    assert inputs.UndoSucceeded(3) != inputs.UndoSucceeded(4)


def test_a_success_is_made_by_its_slots():
    """It is the input that its class makes."""
    made = inputs.action_succeeded(3, "1")
    assert made == inputs.ActionSucceeded(3, "1")
    assert type(made) is inputs.ActionSucceeded


def test_a_node_is_called_at_least_once():
    """Without a number it is called once in each direction."""
    assert RepeatInjected() == RepeatInjected(action=1, undo=1)
    for wrong in (0, -1):
        with pytest.raises(ValueError, match=f"action must be an int of 1 or more, not {wrong}"):
            RepeatInjected(action=wrong)
        with pytest.raises(ValueError, match=f"undo must be an int of 1 or more, not {wrong}"):
            RepeatInjected(undo=wrong)


def test_a_number_of_calls_is_an_integer():
    """Half a call, or a text, is refused at once."""
    for wrong in (1.5, "2", None, True):
        with pytest.raises(ValueError, match=f"undo must be an int of 1 or more, not {wrong!r}"):
            RepeatInjected(undo=wrong)


def test_how_often_a_node_is_called_is_not_said_by_a_number():
    """A number leaves open which direction it is meant for."""
    with pytest.raises(TypeError, match="repeat must be a RepeatInjected"):
        inputs.InjectRepeat(3, 2)
