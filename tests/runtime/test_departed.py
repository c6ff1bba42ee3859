"""What a SEC remembers of sagas that it does not run."""

import pytest

import steno
from steno.runtime import _departed
from steno.runtime._departed import Departed
from support.worlds import ids

ONE, TWO, THREE = ids(3)


def test_the_reason_is_kept_until_the_saga_is_back():
    """The last one counts; of a saga that nobody knows there is none."""
    departed = Departed()
    assert departed.why(ONE) is None
    departed.note(ONE, steno.SagaHaltedError(ONE, "lost"))
    departed.note(TWO, steno.SagaTakenOver(TWO, "another SEC has it"))
    assert departed.why(ONE).problem == "lost"
    assert isinstance(departed.why(TWO), steno.SagaTakenOver)
    assert departed.halted == 1
    for saga_id in (ONE, TWO, THREE):
        departed.forget(saga_id)
        assert departed.why(saga_id) is None
    assert departed.halted == 0


def test_of_what_was_taken_over_only_the_latest_is_kept(monkeypatch: pytest.MonkeyPatch):
    """The store knows all of it; what is halted is kept, as the store may not know of that."""
    monkeypatch.setattr(_departed, "KEPT_TAKEN_OVER", 1)
    departed = Departed()
    for saga_id in (ONE, TWO):
        departed.note(saga_id, steno.SagaTakenOver(saga_id, "another SEC has it"))
    assert departed.why(ONE) is None
    assert departed.why(TWO) is not None
