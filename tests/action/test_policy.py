"""Policies: what an action says of its calls, with the defaults of its registry filled in."""

from collections.abc import Callable
from datetime import timedelta
from math import nan

import pytest
import trio

import steno
from steno import Retry
from steno.action import Policy


class CardDeclined(Exception):
    pass


class Broke(CardDeclined):
    pass


async def do(_: object) -> None:
    return None


async def undo(_: object) -> None:
    return None


FIRST, SECOND = Retry(attempts=2), Retry(attempts=3)


def policy_of(
    defaults: dict[str, object] | None = None,
    *,
    noop: bool = False,
    probe: Callable[[object], object] | None = None,
    **settings: object,
) -> Policy:
    """Return the policy of an action with settings, in a registry with defaults."""
    registry = steno.ActionRegistry(**(defaults or {}))
    if noop or probe is not None:
        action = steno.new_action_noop_undo("a", do, probe=probe, **settings)
    else:
        action = steno.ActionFunc.new_action("a", do, undo, **settings)
    return registry.policy(action)


# Defaults


def test_an_action_of_which_nothing_is_said():
    """It has one attempt, without a timeout or a limit, and does not provide for doubt."""
    policy = policy_of()
    assert (policy.retry, policy.timeout, policy.limit, policy.atomic) == (None, None, None, False)
    assert (policy.undo_retry, policy.undo_timeout, policy.probe) == (None, None, None)
    assert not policy.provides_for_doubt


def test_a_default_fills_in_what_an_action_does_not_say():
    """Each of the four on its own."""
    defaults = {"retry": FIRST, "timeout": 5, "undo_retry": SECOND, "undo_timeout": 7}
    policy = policy_of(defaults, in_doubt=True)
    assert (policy.retry, policy.undo_retry) == (FIRST, SECOND)
    assert (policy.timeout, policy.undo_timeout) == (5, 7)


def test_an_own_setting_replaces_the_default_whole():
    """Nothing of a default retry is left in an action's own; durations become seconds."""
    defaults = {"retry": Retry(attempts=9, wait_max=99), "undo_retry": FIRST, "undo_timeout": 1}
    policy = policy_of(
        defaults,
        retry=FIRST,
        undo_retry=SECOND,
        undo_timeout=timedelta(minutes=1),
        timeout=timedelta(seconds=2),
        atomic=True,
    )
    assert policy.retry == FIRST
    assert policy.undo_retry == SECOND
    assert (policy.timeout, policy.undo_timeout) == (2, 60)


def test_none_takes_a_default_away():
    """Unlike saying nothing."""
    defaults = {"retry": FIRST, "timeout": 5, "undo_retry": FIRST, "undo_timeout": 5}
    none = {"retry": None, "timeout": None, "undo_retry": None, "undo_timeout": None}
    assert policy_of(defaults, in_doubt=True, **none) == policy_of(in_doubt=True)


@pytest.mark.parametrize(
    ("settings", "timeout"),
    [
        ({}, None),
        ({"in_doubt": True}, 5),
        ({"atomic": True}, 5),
        ({"noop": True}, 5),
        ({"probe": do}, 5),
        ({"timeout": 3}, 3),  # its own; that this cannot be run is found at create
    ],
)
def test_a_default_timeout_skips_what_could_not_have_one(
    settings: dict[str, object], timeout: float | None
):
    """An action with an undo action has to say what holds after a timeout."""
    assert policy_of({"timeout": 5}, **settings).timeout == timeout


def test_a_default_timeout_of_undos_is_for_all():
    """An undo action that is cancelled is called again, or the saga is stuck; both are told."""
    assert policy_of({"undo_timeout": 5}).undo_timeout == 5


# Doubt


@pytest.mark.parametrize(
    ("settings", "provides"),
    [
        ({}, False),
        ({"atomic": True}, False),
        ({"noop": True}, False),
        ({"in_doubt": True}, True),
        ({"probe": do}, True),
    ],
)
def test_which_actions_provide_for_doubt(settings: dict[str, object], *, provides: bool):
    """Those whose undo can be called in doubt, and those with a probe and nothing to undo."""
    assert policy_of(**settings).provides_for_doubt is provides


@pytest.mark.parametrize(
    ("not_done", "expected"),
    [
        (None, [True, False, False, False]),
        (CardDeclined, [True, True, True, False]),
        ((Broke, KeyError), [True, False, True, False]),
        (lambda error: "no" in str(error), [True, True, False, False]),
        (lambda _: None, [True, False, False, False]),
    ],
)
def test_which_errors_say_that_nothing_was_done(not_done: object, expected: list[bool]):
    """NotDone always does; then the types that an action names, or a function of the error."""
    policy = policy_of(not_done=not_done)
    errors = [steno.NotDone("x"), CardDeclined("no"), Broke("x"), ValueError("x")]
    assert [policy.is_not_done(error) for error in errors] == expected


# What is refused


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"retry": 3}, "retry must be a Retry, got 3"),
        ({"undo_retry": Exception}, "undo_retry must be a Retry, got"),
        ({"timeout": "5"}, "timeout must be seconds or a timedelta, got '5'"),
        ({"undo_timeout": True}, "undo_timeout must be seconds or a timedelta, got True"),
        ({"limit": 1.5}, "limit must be an int or a trio.CapacityLimiter, got 1.5"),
        ({"limit": True}, "limit must be an int or a trio.CapacityLimiter, got True"),
        ({"atomic": "yes"}, "atomic must be True or False, got 'yes'"),
        ({"in_doubt": 1}, "in_doubt must be True or False, got 1"),
        ({"not_done": 5}, "not_done must be exception types or a function of the error, got 5"),
        ({"not_done": int}, "not_done must be exception types or a function of the error"),
        ({"not_done": ()}, "not_done must be exception types or a function of the error"),
    ],
)
def test_settings_of_a_wrong_type(settings: dict[str, object], message: str):
    """The error names the setting and says what it got."""
    with pytest.raises(TypeError, match=f"^{message}"):
        policy_of(**settings)


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"timeout": 0}, "timeout must be more than 0, got 0"),
        ({"timeout": -1.5}, "timeout must be more than 0, got -1.5"),
        ({"timeout": nan}, "timeout must be more than 0, got nan"),
        ({"undo_timeout": timedelta(0)}, "undo_timeout must be more than 0, got"),
        ({"limit": 0}, "limit must be 1 or more, got 0"),
    ],
)
def test_settings_out_of_range(settings: dict[str, object], message: str):
    """The same."""
    with pytest.raises(ValueError, match=f"^{message}"):
        policy_of(**settings)


@pytest.mark.parametrize(
    ("defaults", "error"),
    [
        ({"retry": 3}, TypeError),
        ({"timeout": "5"}, TypeError),
        ({"undo_retry": "x"}, TypeError),
        ({"undo_timeout": -1}, ValueError),
    ],
)
def test_defaults_are_checked_like_settings(defaults: dict[str, object], error: type[Exception]):
    """When the registry is made."""
    with pytest.raises(error, match=next(iter(defaults))):
        steno.ActionRegistry(**defaults)


def test_a_limit_is_a_number_or_a_limiter():
    """Several actions may share a limiter."""
    limiter = trio.CapacityLimiter(3)
    assert policy_of(limit=limiter).limit is limiter
    assert policy_of(limit=2).limit == 2
