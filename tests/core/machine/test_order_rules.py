"""When an order applies to a node."""

from itertools import product

import pytest

from steno.core import CANCELS, SagaNodeLoadStatus, Verb
from steno.core.machine._order_rules import cancelling_refusal, refusal

ALLOWED = {
    ("never started", "hold"): {"stopped": False, "unwinding": False},
    ("never started", "retry"): {"stopped": True, "unwinding": False},
    ("started", "hold"): {"stopped": False},
    ("started", "retry"): {"stopped": True},
    ("started", "fail"): {"waits": True},
    ("started", "complete"): {"waits": True},
    ("succeeded", "hold"): {"stopped": False},
    ("succeeded", "retry"): {"stopped": True},
    ("backing off", "hold"): {"stopped": False},
    ("backing off", "retry"): {},
    ("backing off", "fail"): {},
    ("backing off", "complete"): {},
    ("failed in doubt", "hold"): {"stopped": False},
    ("failed in doubt", "retry"): {"stopped": True},
    ("undo backing off", "retry"): {},
    ("undo backing off", "complete"): {},
    ("undo failed", "retry"): {},
    ("undo failed", "complete"): {},
}
"""What has to be so for an order to apply to a node of that status; a missing pair never does."""

UNDER_WAY = "and its call is under way (cancel=True cancels it)"

FLAGS = [
    dict(zip(("stopped", "unwinding", "waits"), flags, strict=True))
    for flags in product((False, True), repeat=3)
]


@pytest.mark.parametrize(("status", "verb"), list(product(SagaNodeLoadStatus, Verb)))
def test_when_an_order_applies(status: SagaNodeLoadStatus, verb: Verb):
    """By the node's status, whether it is held or waits, and whether its saga unwinds."""
    needed = ALLOWED.get((status.value, verb.value))
    for flags in FLAGS:
        applies = needed is not None and needed.items() <= flags.items()
        assert (refusal(status, verb, **flags) is None) is applies, flags


@pytest.mark.parametrize(
    ("status", "verb", "true", "why"),
    [
        ("NEVER_STARTED", "HOLD", "stopped", "is held already, by an order"),
        ("NEVER_STARTED", "HOLD", "unwinding", "is never started, as its saga unwinds"),
        ("NEVER_STARTED", "RETRY", "unwinding stopped", "is never started, as its saga unwinds"),
        ("NEVER_STARTED", "RETRY", "", "was never started, and nothing holds it"),
        ("NEVER_STARTED", "FAIL", "", "was never started"),
        ("STARTED", "RETRY", "", f"has been started, nothing holds it, {UNDER_WAY}"),
        ("STARTED", "RETRY", "unwinding", "has been started, and nothing holds it"),
        ("STARTED", "RETRY", "waits", "has been started, and nothing holds it"),
        ("STARTED", "FAIL", "", f"has been started, {UNDER_WAY}"),
        ("STARTED", "COMPLETE", "stopped", f"has been started, {UNDER_WAY}"),
        ("SUCCEEDED", "RETRY", "", "has succeeded, and nothing holds it"),
        ("SUCCEEDED", "COMPLETE", "", "has succeeded"),
        ("BACKING_OFF", "HOLD", "stopped", "is held already, by an order"),
        ("FAILED", "RETRY", "", "has failed"),
        ("FAILED_IN_DOUBT", "FAIL", "", "has failed in doubt"),
        ("FAILED_IN_DOUBT", "RETRY", "", "has failed in doubt, and nothing holds it"),
        ("UNDO_STARTED", "HOLD", "", "is being undone"),
        ("UNDO_STARTED", "RETRY", "", f"is being undone, {UNDER_WAY}"),
        ("UNDO_BACKING_OFF", "FAIL", "", "waits for another attempt to undo it"),
        ("UNDO_FINISHED", "COMPLETE", "", "is undone"),
        ("UNDO_FAILED", "HOLD", "", "could not be undone"),
    ],
)
def test_why_an_order_does_not_apply(status: str, verb: str, true: str, why: str):
    """The reason follows the name of the node."""
    flags = {flag: flag in true.split() for flag in ("stopped", "unwinding", "waits")}
    assert refusal(SagaNodeLoadStatus[status], Verb[verb], **flags) == why


CANCELLING = {
    ("started", "retry"): {"unwinding": False},
    ("started", "fail"): {},
    ("started", "complete"): {},
    ("undo started", "retry"): {},
    ("undo started", "complete"): {},
}
"""What has to be so for an order to cancel the call of a node of that status."""


@pytest.mark.parametrize(("status", "verb"), list(product(SagaNodeLoadStatus, Verb)))
def test_when_an_order_cancels_a_call(status: SagaNodeLoadStatus, verb: Verb):
    """By the node's status, unless it runs no action, or the same was ordered before."""
    needed = CANCELLING.get((status.value, verb.value))
    for unwinding, runs_action, given in product((False, True), (False, True), (None, *CANCELS)):
        applies = needed is not None and needed.items() <= {"unwinding": unwinding}.items()
        flags = {"unwinding": unwinding, "runs_action": runs_action, "given": given}
        found = cancelling_refusal(status, verb, **flags)
        assert (found is None) is (applies and runs_action and given is not verb), flags
