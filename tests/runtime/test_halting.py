"""The errors of sagas that halt: each says why, and what to do."""

from uuid import UUID

import steno
from steno.runtime import _halting

SAGA = steno.SagaId(UUID(int=7))


class Unprintable(Exception):
    def __str__(self) -> str:
        raise ZeroDivisionError


def test_a_saga_that_was_taken_over():
    """The SEC that has it is named."""
    error = _halting.taken_over(SAGA, "other")
    assert isinstance(error, steno.SagaTakenOver)
    assert error.saga_id == SAGA
    assert 'the SEC "other" runs it now, or a later life of this one' in str(error)


def test_a_step_that_could_not_be_recorded():
    """The error of the store is named, and kept as the cause."""
    cause = OSError("disk full")
    error = _halting.not_recorded(SAGA, cause)
    assert error.problem == (
        "a step could not be recorded (disk full); mend the store, then saga_recover"
    )
    assert error.__cause__ is cause


def test_a_nursery_that_was_left_open():
    """The node is named, as the fault is in its action."""
    error = _halting.nursery_left_open(SAGA, "book")
    assert 'the action of node "book" left a nursery open' in error.problem
    assert "saga_recover" in error.problem


def test_machinery_that_failed():
    """It is a bug of ours, with its cause; a copy for another waiter has the cause, too."""
    cause = KeyError("x")
    error = _halting.broken(SAGA, cause)
    assert isinstance(error.__cause__, steno.InternalError)
    assert error.__cause__.__cause__ is cause
    assert "the engine failed: KeyError: 'x'" in error.problem
    assert error.again().__cause__ is error.__cause__


def test_machinery_that_failed_with_an_error_that_cannot_be_printed():
    """It halts its saga like any other; its type is named."""
    assert (
        "Unprintable: (ZeroDivisionError in its __str__)"
        in _halting.broken(SAGA, Unprintable()).problem
    )
