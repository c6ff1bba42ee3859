"""Retries: how long they wait, which errors they want, and when they are used up."""

from datetime import timedelta
from math import inf, nan

import attrs
import pytest

import steno
from steno import Retry
from steno.action import chance_of


class Overloaded(Exception):
    pass


# Waits


def test_waits_grow_by_the_formula_of_stamina():
    """min(wait_max, wait_initial * wait_exp_base ** (attempt - 1) + jitter), in seconds."""
    retry = Retry(wait_initial=0.5, wait_exp_base=3, wait_jitter=2, wait_max=6)
    assert [retry.wait_for(attempt, 0) for attempt in (1, 2, 3, 4)] == [0.5, 1.5, 4.5, 6]
    assert [retry.wait_for(attempt, 0.5) for attempt in (1, 2, 3)] == [1.5, 2.5, 5.5]
    assert retry.wait_for(3, 0.9) == 6


def test_the_defaults_are_those_of_stamina():
    """Ten attempts in 45 seconds, of any Exception, with waits of up to 5 seconds."""
    retry = Retry()
    assert (retry.on, retry.attempts, retry.timeout, retry.then) == (Exception, 10, 45, "fail")
    waits = [retry.wait_for(attempt, 0) for attempt in range(1, 9)]
    assert waits == pytest.approx([0.1, 0.2, 0.4, 0.8, 1.6, 3.2, 5, 5])
    assert retry.wait_for(1, 1) == pytest.approx(1.1)


def test_the_wait_of_a_late_attempt():
    """It is the longest one, even where the power is too large for a float."""
    assert Retry(attempts=None).wait_for(100_000, 0) == 5
    assert Retry(attempts=None, wait_exp_base=1.5).wait_for(100_000, 0) == 5
    assert Retry(wait_exp_base=0).wait_for(2, 0) == 0


def test_durations_may_be_timedeltas():
    """They are kept as seconds."""
    retry = Retry(
        timeout=timedelta(minutes=1),
        wait_initial=timedelta(milliseconds=500),
        wait_max=timedelta(seconds=7),
        wait_jitter=timedelta(0),
    )
    assert (retry.timeout, retry.wait_initial, retry.wait_max, retry.wait_jitter) == (60, 0.5, 7, 0)


def test_the_chance_of_an_attempt_is_the_same_each_time():
    """So a run can be repeated; nodes and attempts have different ones, spread over 0 to 1."""
    assert chance_of("saga/1/action", 1) == chance_of("saga/1/action", 1)
    chances = {chance_of(f"saga/{node}/action", n) for node in range(50) for n in range(1, 21)}
    assert len(chances) == 1000
    assert all(0 <= chance < 1 for chance in chances)
    assert sum(chances) / 1000 == pytest.approx(0.5, abs=0.05)


# When there is no more


def test_the_attempts_are_used_up():
    """The first call counts; without a limit there is always another."""
    retry = Retry(attempts=3, timeout=None)
    assert [retry.is_used_up(attempt, 1e9) for attempt in (1, 2, 3, 4)] == [
        False,
        False,
        True,
        True,
    ]
    assert not Retry(attempts=None, timeout=None).is_used_up(10**9, 1e9)


def test_the_timeout_is_used_up():
    """It is that of all attempts together, from the start of the first one."""
    retry = Retry(attempts=None, timeout=60)
    assert not retry.is_used_up(1, 59.9)
    assert retry.is_used_up(1, 60)


# Which errors


@pytest.mark.parametrize(
    ("on", "wanted"),
    [
        (Exception, [True, True, True, True]),
        (Overloaded, [True, False, False, True]),
        ((Overloaded, ValueError), [True, True, False, True]),
        (OSError, [False, False, False, True]),
    ],
)
def test_types_of_errors(on: type[Exception], wanted: list[bool]):
    """An ActionTimeout is retried whatever they are."""
    errors = (Overloaded(), ValueError(), KeyError(), steno.ActionTimeout())
    assert [Retry(on).wants(error) for error in errors] == wanted


def test_a_function_of_the_error_decides():
    """It says whether to retry, or how long to wait first; for an ActionTimeout too."""
    answers = {
        Overloaded: 2.5,
        ValueError: timedelta(minutes=1),
        KeyError: True,
        OSError: 0,
        steno.ActionTimeout: False,
    }
    retry = Retry(lambda error: answers[type(error)])
    wanted = [retry.wants(error()) for error in answers]
    assert wanted == [2.5, 60, True, 0, False]
    assert wanted[3] is not False


@pytest.mark.parametrize("answer", [None, "soon", [1], 1j])
def test_a_function_that_answers_something_else(answer: object):
    """The error says what it may answer."""
    with pytest.raises(TypeError, match="what Retry's on returns must be seconds or a timedelta"):
        Retry(lambda _: answer).wants(ValueError())


@pytest.mark.parametrize("answer", [-1, nan, timedelta(seconds=-1)])
def test_a_function_that_answers_a_wait_below_zero(answer: float):
    """As a Retry-After in the past: it is refused, not taken for 0."""
    with pytest.raises(ValueError, match="what Retry's on returns must be 0 or more"):
        Retry(lambda _: answer).wants(ValueError())


# What is refused


@pytest.mark.parametrize("on", [None, "error", 5, (), (ValueError, 5), ValueError(), int, (int,)])
def test_on_is_exception_types_or_a_function(on: object):
    """A class that is not an exception is refused as well, though it can be called."""
    with pytest.raises(TypeError, match="^Retry: on must be exception types or a function"):
        Retry(on)


@pytest.mark.parametrize("attempts", [0, -1, 1.5, True, "3"])
def test_attempts_are_counted_from_one(attempts: object):
    """None is for any number."""
    with pytest.raises(ValueError, match="^Retry: attempts must be an int of 1 or more, or None"):
        Retry(attempts=attempts)


@pytest.mark.parametrize("name", ["timeout", "wait_initial", "wait_max", "wait_jitter"])
def test_durations_are_checked(name: str):
    """The error names the argument and says what it got."""
    for value in ("1", [1], True, 1j):
        with pytest.raises(TypeError, match=f"^Retry: {name} must be seconds or a timedelta, got"):
            Retry(**{name: value})
    for value in (-1, nan, timedelta(seconds=-1)):
        with pytest.raises(ValueError, match=f"^Retry: {name} must be 0 or more, got"):
            Retry(**{name: value})


def test_only_the_timeout_may_be_none():
    """A wait has to be known."""
    assert Retry(timeout=None).timeout is None
    assert Retry(wait_max=inf).wait_max == inf
    for name in ("wait_initial", "wait_max", "wait_jitter", "wait_exp_base"):
        with pytest.raises(TypeError, match=f"^Retry: {name} must be "):
            Retry(**{name: None})


def test_the_base_is_a_number():
    """A duration would have no meaning there."""
    for value in ("2", timedelta(seconds=2), True):
        with pytest.raises(TypeError, match="^Retry: wait_exp_base must be a number, got"):
            Retry(wait_exp_base=value)
    for value in (-1, nan):
        with pytest.raises(ValueError, match="^Retry: wait_exp_base must be 0 or more, got"):
            Retry(wait_exp_base=value)


def test_what_follows_is_to_fail_or_to_be_held():
    """Nothing else."""
    assert Retry(then="hold").then == "hold"
    with pytest.raises(ValueError, match="'then' must be in"):
        Retry(then="stop")


def test_a_retry_is_a_value():
    """It can be shared and compared, and not changed; all but `on` is given by name."""
    assert Retry(attempts=3) == Retry(Exception, attempts=3)
    with pytest.raises(attrs.exceptions.FrozenInstanceError):
        Retry().attempts = 5
    with pytest.raises(TypeError):
        Retry(Exception, 3)
