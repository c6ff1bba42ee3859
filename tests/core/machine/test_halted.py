"""Orders on a saga that is halted: its machine is drained, and is never started."""

import pytest

from steno.core import (
    AwaitDeadline,
    Finish,
    Node,
    SagaMachine,
    SagaState,
    Started,
    Step,
    Timestamp,
    UndoStarted,
    verify_log,
    why_refused,
)
from steno.testing.notation import SAGA_ID, inputs_of, step_text
from steno.testing.playbook import Playbook
from support.demo import saga
from support.simulator import state_facts

DAG = saga(["a", "b"], Node.signal("s", "go"), "z")  # 0 to 3; 4 is the start, 5 the end

UNWINDING = "4+ 4✓ 0+ 0✓ 1+ 1✗"
STATES = {
    # By name: the log, and what some orders come to; others are refused.
    "ready": ("", {"start": "«=start", "unwind": "«=unwind | finish failed"}),
    "ready and paused": ("«=pause", {"start": "«=start", "resume": "«=resume"}),
    "running": ("4+ 4✓ 0+", {"pause": "«=pause", "unwind": "«=unwind", "1:hold": "1«"}),
    "may go on": ("4+ 4✓ 0+ 0✓ 1+ 1✓", {"unwind": "«=unwind", "signal:go:1": "«=signal"}),
    "waiting": (
        "4+ 4✓ 0+ 0✓ 1+ 1✓ 2+",
        {"signal:go:1": "«=signal 2✓", "unwind": "«=unwind 2✗", "2:complete": "2« 2✓"},
    ),
    "paused": ("4+ 4✓ 0+ «=pause", {"resume": "«=resume", "unwind": "«=unwind"}),
    "backing off": (
        "4+ 4✓ 0+ 0↻=500 1+ 1↻=order",
        {
            "0:retry": "0«",
            "1:retry": "1«",
            "0:complete": "0« 0✓",
            "0:fail": "0« 0✗ 1✗",
            "unwind": "«=unwind 0✗ 1✗",
            "pause": "«=pause",
        },
    ),
    "held and paused": ("4+ 4✓ 0+ 0↻=order «=pause", {"resume": "«=resume", "0:retry": "0«"}),
    "stopped": ("4+ 4✓ 1«=hold 0+", {"1:retry": "1«", "unwind": "«=unwind"}),
    "unwinding": (UNWINDING, {"0:hold": "0«", "pause": "«=pause"}),
    "undo held": (f"{UNWINDING} 0- 0↺=order", {"0:retry": "0«", "0:complete": "0« 0∅"}),
    "stuck": (f"{UNWINDING} 0- 0!", {"0:retry": "0«", "0:complete": "0« 0∅"}),
    "succeeded": (
        "4+ 4✓ 0+ 0✓ 1+ 1✓ «=signal:go:7 2+ 2✓ 3+ 3✓ 5+ 5✓",
        {"unwind": "«=unwind"},
    ),
}
ORDERS = [(name, order) for name, (_, orders) in STATES.items() for order in orders]


def halted(log: str) -> Playbook:
    play = Playbook(DAG, log)
    play.machine.drain()
    return play


def give(machine: SagaMachine, order: str, now: int = 8) -> Step:
    node, _, verb = order.rpartition(":") if order[0].isdigit() else ("", "", order)
    return machine.handle(inputs_of(f"{node}«={verb}"), Timestamp(now))


@pytest.mark.parametrize(("name", "order"), ORDERS)
def test_an_order_is_recorded_and_nothing_is_begun(name: str, order: str):
    """With what it says of its own node; no call is asked for, nor any time."""
    log, orders = STATES[name]
    play = halted(log)
    step = give(play.machine, order)
    assert step_text(step) == orders[order]
    assert step.refused == ()
    assert all(isinstance(each, Finish) for each in step.then)
    begun = Started | UndoStarted
    assert not any(isinstance(event.event_type, begun) for event in step.record)
    assert not play.machine.started
    assert verify_log(DAG, play.state.log.events) is None
    assert play.machine.handle([], Timestamp(9)).record == ()


@pytest.mark.parametrize(("name", "order"), ORDERS)
def test_the_saga_goes_on_by_it_once_it_is_loaded(name: str, order: str):
    """Its state is the fold of its log, and a machine that is not halted goes on from there."""
    play = halted(STATES[name][0])
    give(play.machine, order)
    loaded = SagaState.fold(DAG.flat, SAGA_ID, play.state.log.events)
    assert state_facts(loaded) == state_facts(play.state)
    machine = SagaMachine(DAG, loaded)
    step = machine.start(Timestamp(600)) if loaded.begun else machine.handle([], Timestamp(600))
    assert verify_log(DAG, loaded.log.events) is None
    if loaded.paused or not loaded.begun:
        assert (step.record, step.then) == ((), ())


@pytest.mark.parametrize("name", STATES)
def test_an_order_that_does_not_apply_is_refused(name: str):
    """With the reason that its state gives; nothing changes."""
    for order in ("resume", "pause", "start", "unwind", "0:retry", "0:complete", "0:fail"):
        play = halted(STATES[name][0])
        before = state_facts(play.state)
        (told,) = inputs_of(f"0«={order[2:]}" if order[0] == "0" else f"«={order}")
        why = why_refused(told, play.state)
        step = play.machine.handle([told], Timestamp(8))
        assert [each.why for each in step.refused] == ([] if why is None else [why])
        if why is not None:
            assert step.record == ()
            assert state_facts(play.state) == before


@pytest.mark.parametrize("name", [name for name in STATES if name != "succeeded"])
def test_an_abandoned_saga_is_finished(name: str):
    """However it is halted."""
    play = halted(STATES[name][0])
    step = give(play.machine, "abandon")
    assert step_text(step) == "«=abandon | finish abandoned"


def test_a_deadline_that_has_passed_waits_for_the_saga():
    """Nothing follows from it while the saga is halted; it is unwound once it is loaded."""
    play = halted("«=deadline:5 4+ 4✓ 0+ 0↻=order")
    assert step_text(give(play.machine, "0:retry")) == "0«"
    assert give(play.machine, "deadline:7").then == (AwaitDeadline(Timestamp(7)),)
    loaded = SagaMachine(DAG, SagaState.fold(DAG.flat, SAGA_ID, play.state.log.events))
    assert step_text(loaded.start(Timestamp(9))).startswith("«=unwind 0✗")
