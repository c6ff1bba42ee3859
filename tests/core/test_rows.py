"""
Faults of Steno that this library must not have, each by the number of its row.

Here are the rows that the core alone can show; the others are shown where the actors are.
"""

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import pytest

from steno.core import (
    JsonText,
    Node,
    SagaCachedState,
    SagaDag,
    SagaNodeId,
    SagaState,
    lookup,
    saga_params,
)
from steno.testing.faults import FaultPlan, NodeFault
from steno.testing.notation import SAGA_ID, shown, step_text
from steno.testing.playbook import Playbook
from support.demo import OUTPUTS, build, demo, saga
from support.simulator import Simulator, recover, state_facts

# Row 1


def failed_at_volume_id() -> Playbook:
    """Run the demo saga; `volume_id` fails when the subsaga beside it is done."""
    play = Playbook(demo())
    play >> "start"
    for told in ("0✓", "2✓", "5✓", "6✓", "3✗", "2∅", "6∅", "5∅", "0∅"):
        play >> told
    return play


FAILED = list(failed_at_volume_id().state.log.events)


def test_row_1_is_the_run_that_steno_was_seen_to_fail_at():
    """Eight nodes succeed and are undone, one fails: 35 crash points."""
    assert failed_at_volume_id().state.outcome is SagaCachedState.FAILED
    assert len(FAILED) == 4 * 8 + 2
    assert "3✗ 2- 7- 7∅ 6-" in shown(FAILED)


@pytest.mark.parametrize("cut", range(35))
def test_row_1_recovers_after_failure_in_parallel_stage(cut: int):
    """Wherever the run is cut, it recovers and unwinds; before the failure, it may also succeed."""
    kept = FAILED[:cut]
    plan = FaultPlan(frozenset({(3, NodeFault.ACTION)}))
    unwound = recover(demo(), kept, plan=plan)
    assert unwound.outcome is SagaCachedState.FAILED
    assert unwound.durable[:cut] == kept
    healthy = recover(demo(), kept)
    assert healthy.outcome is (
        SagaCachedState.FAILED if "✗" in shown(kept) else SagaCachedState.SUCCEEDED
    )


# Row 2


def test_row_2_concurrent_failures_have_one_state():
    """A whole stage fails at once: all is logged, in order, and the state is the fold of it."""
    wide = saga([f"n{i}" for i in range(50)], "z")
    play = Playbook(wide)
    play >> "start"
    play >> " ".join(f"{i}✗" for i in reversed(range(50)))
    assert step_text(play.steps[-1]).endswith("0✗ 51- 51∅ | finish failed")
    assert play.state.first_failure[0] == 49
    folded = SagaState.fold(wide.flat, SAGA_ID, play.state.log.events)
    assert state_facts(folded) == state_facts(play.state)


# Row 3


def test_row_3_two_undo_failures_at_once():
    """Both are logged, the first is reported, and the saga is stuck, also when it is recovered."""
    dag = saga(["a", "b", "c"], "z")
    play = Playbook(dag)
    play >> "start"
    play >> "0✓ 1✓ 2✗" << "0✓ 1✓ 2✗ 0- 1- | undo 0, undo 1"
    play >> "1! 0!" << "1! 0! | finish stuck"
    assert play.state.first_undo_failure[0] == 1
    events = list(play.state.log.events)
    for cut in range(len(events) + 1):
        end = recover(
            dag,
            events[:cut],
            plan=FaultPlan(
                frozenset({(0, NodeFault.UNDO), (1, NodeFault.UNDO), (2, NodeFault.ACTION)})
            ),
        )
        assert end.outcome is SagaCachedState.STUCK
        assert shown(end.durable).count("!") == 2
    assert recover(dag, events).durable == events


# Row 4


def two_subsagas() -> SagaDag:
    inner = build("inner", "a", "b")
    return saga(
        Node.constant("p", "first"),
        Node.constant("q", "second"),
        Node.subsaga("s", inner, "p"),
        Node.subsaga("t", inner, "q"),
        "after",
        "last",
        params="own",
    )


# p0 q1 start2 (a3 b4) end5 start6 (a7 b8) end9 after10 last11; start 12, end 13
EXPECTED = {3: "first", 4: "first", 7: "second", 8: "second", 10: "own", 11: "own"}


def test_row_4_params_after_two_subsagas():
    """Each subsaga has the params of its own node; behind both, the saga's own are seen again."""
    plan = FaultPlan(frozenset({(11, NodeFault.ACTION)}))
    whole = Simulator(two_subsagas(), plan).run()
    for crash in range(2 * len(whole.commits)):
        run = Simulator(two_subsagas(), plan, crashes=frozenset({crash})).run()
        assert run.outcome is SagaCachedState.FAILED
        seen = {(call.node, call.undoing, call.params) for call in run.calls}
        assert seen == {
            (node, undoing, f'"{params}"')
            for node, params in EXPECTED.items()
            for undoing in (False, True)
            if (node, undoing) != (11, True)
        }


# Row 7


@contextmanager
def counted() -> Iterator[Callable[[], int]]:
    """Count the calls that are made within, of Python's functions and of C's."""
    calls = 0

    def profile(frame: object, kind: str, argument: object) -> None:
        nonlocal calls
        calls += kind in {"call", "c_call"}

    before = sys.getprofile()
    sys.setprofile(profile)
    try:
        yield lambda: calls
    finally:
        sys.setprofile(before)


def stacked(stages: int, width: int) -> SagaDag:
    return saga(*([f"n{s}_{i}" for i in range(width)] for s in range(stages)), "last", params=1)


def cost_of_all_lookups(stages: int, width: int) -> float:
    """Return how many calls it takes, per lookup, that the last node looks up all before it."""
    dag = stacked(stages, width)
    last = SagaNodeId(stages * width)
    outputs = {SagaNodeId(node): JsonText("1") for node in range(last)}
    names = [f"n{s}_{i}" for s in range(stages) for i in range(width)]
    with counted() as calls:
        for name in names:
            assert lookup(dag, outputs, last, name, undoing=False) == "1"
            assert saga_params(dag, outputs, last) == "1"
        total = calls()
    return total / len(names)


def test_row_7_lookup_cost_is_linear():
    """A lookup costs the same however many stages are stacked, and however wide they are."""
    few, many = cost_of_all_lookups(3, 3), cost_of_all_lookups(60, 10)
    assert many <= few + 1
    assert many < 12


def test_row_7_no_path_is_walked_in_subsagas_either():
    """In 10 stages of 10 subsagas there are 10^10 paths; the last node looks up all the same."""
    inner = build("inner", ["a", "b"], "c")
    dag = saga(
        "p",
        *([Node.subsaga(f"s{s}_{i}", inner, "p") for i in range(10)] for s in range(10)),
        "last",
    )
    run = Simulator(dag).run()
    assert run.outcome is SagaCachedState.SUCCEEDED
    assert len(run.calls[-1].seen) == 101


def test_the_demo_saga_gives_what_it_should():
    """The outputs of the reference, told to the machine, are those of its nodes."""
    play = Playbook(demo())
    play >> "start"
    for node in (0, 2, 3, 5, 6, 8, 9, 10):
        play >> f"{node}✓={OUTPUTS.get(node, 'null')}"
    play >> '11✓="it"'
    assert {n: t for n, t in play.state.outputs.items() if t != "null" and n != 11} == {
        n: t for n, t in OUTPUTS.items() if n != 11
    }
