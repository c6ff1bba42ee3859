"""What a saga's row in a store says of it."""

import pytest

from steno.core import SagaCachedState, SagaState, cached_state
from steno.testing.notation import SAGA_ID, events
from support.demo import saga

DAG = saga(["a", "b"], "c")  # 0 and 1, 2, start 3, end 4


@pytest.mark.parametrize(
    ("log", "state"),
    [
        ("", SagaCachedState.RUNNING),
        ("3+ 3✓ 0+ 1+ 0✓", SagaCachedState.RUNNING),
        ("3+ 3✓ 0+ 1+ 0✗", SagaCachedState.UNWINDING),
        ("3+ 3✓ 0+ 1+ 0✗ 1✓ 1- 1∅ 3-", SagaCachedState.UNWINDING),
        ("3+ 3✓ 0+ 1+ 0✗ 1✓ 1- 1∅ 3- 3∅", SagaCachedState.FAILED),
        ("3+ 3✓ 0+ 1+ 0✗ 1✓ 1- 1!", SagaCachedState.STUCK),
        ("3+ 3✓ 0+ 1+ 0✓ 1✓ 2+ 2✓ 4+", SagaCachedState.RUNNING),
        ("3+ 3✓ 0+ 1+ 0✓ 1✓ 2+ 2✓ 4+ 4✓", SagaCachedState.SUCCEEDED),
    ],
)
def test_a_row_says_in_one_word_what_the_log_amounts_to(log: str, state: SagaCachedState):
    """Running until a failure is logged, unwinding until the end, then how it has ended."""
    assert cached_state(SagaState.fold(DAG.flat, SAGA_ID, events(log))) is state


def test_a_saga_with_an_undo_failed_unwinds_while_anything_is_in_flight():
    """It is stuck only when nothing runs any more."""
    wide = saga(["a", "b", "c"], "d")  # 0 to 2, 3, start 4, end 5
    log = "4+ 4✓ 0+ 1+ 2+ 0✓ 1✓ 2✗ 0- 1- 0!"
    assert cached_state(SagaState.fold(wide.flat, SAGA_ID, events(log))).value == "unwinding"
    log += " 1∅"
    assert cached_state(SagaState.fold(wide.flat, SAGA_ID, events(log))).value == "stuck"


def test_three_states_are_final():
    """Whoever waits for a saga waits for one of these."""
    assert [state.value for state in SagaCachedState if state.finished] == [
        "succeeded",
        "failed",
        "stuck",
    ]
