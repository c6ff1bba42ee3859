"""Attempts, timeouts, doubt and probes: what is planned, and what is found."""

from datetime import timedelta

import pytest

import steno
from steno.testing import CounterExample
from steno.testing.explorer._record import EXPLORED
from support import exploring
from support.planted import Planted, trip
from support.planted_setbacks import (
    PATIENT,
    blind_probe,
    careless_parent,
    forgets_its_first_attempt,
    forgotten_key,
    key_of_an_attempt,
    needs_its_probe,
    too_late,
    trusting_probe,
    trusts_its_first_attempt,
    undo_of_nothing,
    undone_at_first,
)

Context = steno.ActionContext


def explored(planted: Planted, **options: object):
    """Explore a planted saga without any orders: this is about what goes wrong by itself."""
    return exploring.explored(planted, orders=False, **options)


def planned(lines: list[str], node: str = "hotel") -> list[str]:
    """Return the lines without a commit or a checkpoint that are about a node, and are new."""
    old = {f"fail {node}", "fail hotel; fail undo of payment"}
    return [
        line
        for line in lines
        if node in line
        and "commit" not in line
        and "checkpoint" not in line
        and "repeat" not in line
        and not line.endswith(("crash at the end of payment", "crash at the end of hotel"))
        and "crash at the end of undo" not in line
        and not line.endswith(("of summary", "of probe of hotel"))
        and line not in old
    ]


# What is planned


def test_nothing_declared(cases):
    """An action that says nothing is only lost in a crash and then fails."""
    explored(trip(in_doubt=False), check=None)
    assert planned(cases) == [
        "fail summary; fail undo of hotel",
        "crash at the end of hotel; then fail hotel",
    ]


def test_in_doubt(cases):
    """An action whose undo can be called in doubt also fails in doubt, with and without effect."""
    explored(trip())
    assert planned(cases) == [
        "fail summary; fail undo of hotel",
        "fail every attempt of hotel",
        "fail hotel after its effect",
        "crash at the end of hotel; then fail hotel",
    ]


def test_retry_timeout_and_in_doubt(cases):
    """A saga that is right passes with all that its actions allow."""
    retry = steno.Retry(attempts=3)
    says = {"retry": retry, "timeout": 10, "undo_retry": retry, "undo_timeout": 10}
    report = explored(trip(says=says))
    assert report.is_complete
    assert report.hints == ()
    assert planned(cases) == [
        "fail summary; fail undo of hotel",
        "fail hotel once",
        "fail every attempt of hotel",
        "fail hotel after its effect",
        "fail hotel once after its effect",
        "time out hotel once",
        "time out hotel once after its effect",
        "time out hotel",
        "time out hotel after its effect",
        "fail summary; fail undo of hotel once",
        "fail summary; time out undo of hotel once",
        "fail summary; time out undo of hotel",
        "fail hotel once; crash while hotel backs off",
        "fail hotel once after its effect; crash while hotel backs off",
        "fail summary; fail undo of hotel once; crash while undo of hotel backs off",
        "crash at the end of hotel; then fail hotel",
    ]


def test_atomic(cases):
    """A call of an atomic action that does not return has had no effect, so none fails after it."""
    says = {"retry": PATIENT, "timeout": 10, "atomic": True, "in_doubt": False}
    explored(trip(says=says))
    assert planned(cases) == [
        "fail summary; fail undo of hotel",
        "fail hotel once",
        "fail every attempt of hotel",
        "time out hotel once",
        "time out hotel",
        "fail hotel once; crash while hotel backs off",
    ]


def test_attempts_without_end(cases):
    """Attempts that never run out are not planned to; an undo with such attempts cannot fail."""
    for_ever = steno.Retry(attempts=None, timeout=None)
    explored(trip(says={"retry": for_ever, "undo_retry": for_ever}), fail_after_effect=True)
    assert not [line for line in planned(cases) if "every attempt" in line]
    assert "fail hotel after its effect" not in cases
    assert "fail summary; fail undo of hotel" not in cases
    assert "fail summary; fail undo of hotel once" in cases


@pytest.mark.parametrize(
    ("on", "retried"),
    [
        (ConnectionError, True),
        (lambda error: isinstance(error, TimeoutError), True),
        (lambda error: 5.0, True),
        (lambda error: isinstance(error, ConnectionError), False),
        (lambda error: error.response.status == 503, False),
    ],
)
def test_errors_that_are_retried(cases, on, retried):
    """A planned failure is of a type that the action retries, if there is such a type."""
    explored(trip(says={"retry": steno.Retry(on=on, attempts=2)}))
    assert ("fail hotel once" in cases) is retried


def test_errors_that_mean_not_done(cases):
    """An action that takes every error for a refusal does not fail after its effect."""
    explored(trip(says={"retry": PATIENT, "not_done": Exception, "timeout": 10}))
    assert not [line for line in cases if "hotel after" in line or "hotel once after" in line]
    assert {"fail hotel once", "fail every attempt of hotel", "time out hotel"} <= set(cases)
    cases.clear()
    # One of its errors says nothing of that.
    explored(trip(says={"retry": PATIENT, "not_done": TimeoutError, "timeout": 10}))
    assert "fail hotel once after its effect" in cases
    assert "time out hotel once after its effect" not in cases


def test_probe(cases):
    """A probe is asked after a call that was done, and one that was not; and it raises."""
    report = explored(needs_its_probe(mended=True))
    assert report.is_complete
    assert planned(cases) == [
        "fail hotel once",
        "fail every attempt of hotel",
        "fail hotel after its effect",
        "fail hotel once after its effect",
        "fail hotel once after its effect; fail probe of hotel once",
        "fail hotel once; crash while hotel backs off",
        "crash at the end of hotel; then fail probe of hotel once",
    ]


def test_a_call_with_a_timeout_is_not_held_up_beyond_it(cases):
    """What a schedule delays still returns in time, and what would not is not delayed."""
    report = explored(trip(says={"timeout": 4.0, "undo_timeout": 1.5}), seeds=6)
    assert report.is_complete


# What is found


def explorer_key() -> str:
    """Return the key of the hotel in every run."""
    return f"{EXPLORED}/1/action"


BUGS = {
    "fail every attempt": undo_of_nothing,
    "fail hotel once": trusts_its_first_attempt,
    "once after its effect": key_of_an_attempt,
    "time out hotel once": too_late,
    "time out hotel once after": forgotten_key,
    "fail hotel after its effect": blind_probe,
    "fail probe": needs_its_probe,
    "fail undo of hotel once": undone_at_first,
    "trip:": careless_parent,
}


@pytest.mark.parametrize("clause", BUGS)
def test_no_other_fault_finds_it(clause: str, cases):
    """Each new kind of fault finds a bug that none of the others does."""
    planted, attach = BUGS[clause], BUGS[clause](mended=True).attach
    explored(planted(mended=True), budget=None)
    others = [line for line in dict.fromkeys(cases) if clause not in line]
    if clause == "fail hotel once":  # which the others say, too
        others = [line for line in others if "once" not in line]
    if clause == "fail every attempt":  # a call that a crash cut off before it began is the same
        others = [line for line in others if "crash" not in line]
    wrong = planted(mended=False)
    assert len(others) > 10
    for line in others[:: 1 + len(others) // 150]:
        explored(wrong, attach=attach, only=line)
    with pytest.raises(CounterExample):
        explored(wrong, attach=attach)


def test_a_probe_that_lies():
    """A probe that says not done after the action has returned is named."""
    with pytest.raises(CounterExample) as found:
        explored(blind_probe(mended=False))
    text = "probe of hotel returned NOT_DONE, but hotel had returned, so it was done"
    assert text in str(found.value)
    calls = [" ".join(line.split()) for line in str(found.value).splitlines()]
    assert "probe of hotel returned NOT_DONE" in calls
    assert f'hotel returned "{explorer_key()}", then failed, as planned' in calls


def test_a_probe_with_another_output():
    """What a probe returns is what the action returned."""

    async def probe(ctx: Context) -> object:
        return "a room" if ctx.user_data.rooms[ctx.idempotency_key] else steno.NOT_DONE

    with pytest.raises(CounterExample) as found:
        explored(trip(probe=probe))
    assert found.value.kind == "an action is not idempotent"
    assert 'probe of hotel returned "a room", and the action ' in str(found.value)


def test_a_crash_while_backing_off():
    """The process dies in the middle of the wait, which is neither cut short nor begun anew."""
    line = "fail hotel once after its effect; crash while hotel backs off"
    with pytest.raises(CounterExample) as found:
        explored(forgets_its_first_attempt(mended=False), only=line)
    assert found.value.kind == "the check failed"
    times = []

    async def book(ctx: Context) -> str:
        times.append(ctx.now())
        return ctx.idempotency_key

    retry = steno.Retry(attempts=2, wait_initial=8.0, wait_max=8.0, timeout=None)
    for crash in ("", "; crash while hotel backs off"):
        explored(trip(book=book, says={"retry": retry}), check=None, only=f"fail hotel once{crash}")
    assert times[1] == times[3]  # the others are of runs without a fault
    assert times[1] - times[0] >= timedelta(seconds=8)


def test_a_trusting_probe_is_found_in_a_crash_too():
    """On recovery, a probe is asked before a call that was cut off is made again."""
    with pytest.raises(CounterExample) as found:
        explored(trusting_probe(mended=False), only="crash at checkpoint 1 of hotel")
    assert found.value.kind == "the check failed"
