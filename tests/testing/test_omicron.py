"""The helpers by Omicron's names: each proves its part, and catches the bug that belongs to it."""

from uuid import UUID

import pytest

import steno
from steno.core import SagaNodeId, Started, UndoFailed
from steno.testing import (
    CounterExample,
    action_failure_can_unwind,
    action_failure_can_unwind_idempotently,
    actions_succeed_idempotently,
    assert_no_failed_undo_steps,
)
from support.planted import (
    Planted,
    Town,
    action_once,
    all_or_nothing,
    remembers,
    trip,
    undo_once,
    wrong_name,
)

HELPERS = [
    (actions_succeed_idempotently, 4, action_once(mended=False), "repeat payment"),
    (action_failure_can_unwind, 4, wrong_name("room"), "fail summary"),
    (
        action_failure_can_unwind_idempotently,
        6,
        undo_once(mended=False),
        "fail hotel; repeat undo of payment",
    ),
]


def proved(helper, planted: Planted):
    """Call a helper with one of these sagas."""
    return helper(
        lambda: steno.SagaDag(planted.dag),
        planted.registry,
        Town,
        check=all_or_nothing,
        attach=planted.attach,
    )


@pytest.mark.parametrize(("helper", "runs", "_wrong", "_line"), HELPERS)
async def test_a_good_saga_passes(helper, runs, _wrong, _line):
    """In an async test, with `await` and without."""
    assert (await proved(helper, trip())).runs == runs
    assert proved(helper, trip()).runs == runs


@pytest.mark.parametrize(("helper", "_runs", "wrong", "line"), HELPERS)
def test_a_bug_is_found(helper, _runs, wrong, line):
    """In any other test."""
    with pytest.raises(CounterExample) as found:
        proved(helper, wrong)
    assert str(found.value.case) == line


@pytest.mark.parametrize(("helper", "_runs", "_wrong", "_line"), HELPERS)
def test_a_crash_is_left_to_the_explorer(helper, _runs, _wrong, _line):
    """None of them loses a SEC."""
    assert proved(helper, remembers(mended=False)).is_complete


async def run(planted: Planted, *, fail_undo: bool) -> steno.SagaResult:
    """Run a saga that fails, and perhaps gets stuck."""
    async with steno.open_sec(steno.InMemorySecStore(), planted.registry, context=Town()) as sec:
        saga = await sec.saga_create(steno.SagaDag(planted.dag))
        await saga.inject_error("summary")
        if fail_undo:
            await saga.inject_error_undo("hotel")
        await saga.start()
        return await saga.wait()


async def test_failed_undo_steps_are_named(autojump_clock):
    """Of results, of logs and of events alike."""
    clean, stuck = [await run(trip(), fail_undo=fail_undo) for fail_undo in (False, True)]
    assert_no_failed_undo_steps(clean, clean.saga_log, clean.saga_log.events)
    for log in (stuck, stuck.saga_log, iter(stuck.saga_log.events)):
        with pytest.raises(AssertionError, match=r"the undo of node 1 failed: .*error injected"):
            assert_no_failed_undo_steps(clean, log)


def test_every_failed_undo_step_is_named():
    """One line for each."""
    saga_id = steno.SagaId(UUID(int=1))
    error = steno.UndoActionError.attempt(1, "no").encoded()
    events = [
        steno.SagaNodeEvent(saga_id, SagaNodeId(node), kind)
        for node, kind in [(0, Started()), (1, UndoFailed(error)), (2, UndoFailed(error))]
    ]
    with pytest.raises(AssertionError) as found:
        assert_no_failed_undo_steps(events)
    for node in (1, 2):
        assert f"saga {saga_id}: the undo of node {node} failed: " in str(found.value)
    assert "node 0" not in str(found.value)
