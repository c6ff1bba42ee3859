"""What a machine asks for."""

from steno.core import Finish, RunAction, RunUndo, SagaCachedState, Step
from steno.testing.notation import event


def test_user_code_is_called_once_unless_a_test_wants_more():
    """The number of calls is part of the command."""
    assert (RunAction(3).times, RunUndo(3).times) == (1, 1)
    assert RunAction(3, 2) != RunAction(3)


def test_a_step_is_plain_data():
    """Steps are compared by what is to be recorded, and what is to be done then."""
    step = Step((event("3+"),), (RunAction(3), Finish(SagaCachedState.FAILED)))
    assert step == Step((event("3+"),), (RunAction(3), Finish(SagaCachedState.FAILED)))
    assert step != Step((), step.then)
