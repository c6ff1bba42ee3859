"""Random sagas that are run: what is drawn can be built, written down again, and has all kinds."""

import subprocess
import sys

import pytest
import trio
from hypothesis import find, given, settings
from hypothesis import strategies as st

import steno
from steno import InMemorySecStore, SagaResultErr, SagaResultOk
from steno.testing import verify_log
from steno.testing.fakes import (
    ActionSpec,
    ConstantSpec,
    FakeActions,
    PlannedError,
    SagaSpec,
    SubsagaSpec,
)
from steno.testing.faults import LASTING_FAULTS, UNDO_FAULTS, FaultPlan, NodeFault
from steno.testing.notation import SAGA_ID
from steno.testing.schedule import Choices, Schedule, run_seeded
from steno.testing.strategies import fault_plans, sagas, schedules

CHAIN = SagaSpec(((ActionSpec("a"),), (ActionSpec("b"),)))


def nodes(spec: SagaSpec) -> list[object]:
    return [node for stage in spec.stages for node in stage]


def depth(spec: SagaSpec) -> int:
    return max([0, *(1 + depth(n.saga) for n in nodes(spec) if isinstance(n, SubsagaSpec))])


# What is drawn


@given(sagas())
def test_any_saga_can_be_built(spec: SagaSpec):
    """It has so many nodes as it says, and two of its own; `repr` gives it back."""
    dag = spec.saga()
    assert len(dag.flat.nodes) == spec.size + 2
    names = {n: globals()[n] for n in ("SagaSpec", "ActionSpec", "ConstantSpec", "SubsagaSpec")}
    assert eval(repr(spec), names) == spec  # noqa: S307 - it is what a failing test shows


@given(sagas(depth=0, max_stages=2, max_width=5))
def test_sagas_are_no_larger_than_is_asked_for(spec: SagaSpec):
    """Without subsagas, with so many stages, of so many nodes."""
    assert depth(spec) == 0
    assert len(spec.stages) <= 2
    assert max(map(len, spec.stages)) <= 5


@pytest.mark.parametrize(
    "is_so",
    [
        lambda spec: depth(spec) == 2,
        lambda spec: max(map(len, spec.stages)) == 3,
        lambda spec: len(spec.stages) == 4,
        lambda spec: any(sum(isinstance(n, SubsagaSpec) for n in s) == 2 for s in spec.stages),
        lambda spec: any(isinstance(node, ConstantSpec) for node in nodes(spec)),
        lambda spec: isinstance(nodes(spec)[-1], SubsagaSpec),
    ],
    ids=["nested", "wide", "long", "side by side", "constant", "ends with a subsaga"],
)
def test_every_shape_is_found(is_so):
    """Hypothesis gets there, and not by chance once in a night."""
    found = find(sagas(), is_so, settings=settings(max_examples=5000, database=None))
    assert is_so(found)


def test_wide_sagas_can_be_asked_for():
    """There is no limit but patience."""
    found = find(sagas(0, 2, 60), lambda spec: max(map(len, spec.stages)) > 40)
    assert len(found.stages) == 2


@given(st.data())
def test_a_plan_is_of_nodes_that_there_are(data: st.DataObject):
    """Of a saga, or of so many nodes; with those faults only that are asked for."""
    spec = data.draw(sagas())
    plan = data.draw(fault_plans(spec, tuple(UNDO_FAULTS), most=2))
    assert len(plan.faults) <= 2
    assert plan.kinds() <= UNDO_FAULTS
    assert all(0 <= node < spec.size for node, _ in plan.faults)
    assert all(plan.has(node, fault) for fault in UNDO_FAULTS for node in plan.nodes(fault))
    assert not data.draw(fault_plans(3, ())).faults


def test_every_fault_fails_an_action_an_undo_or_nothing():
    """The sets of faults are apart, and with what fails but once there are no others."""
    assert (
        set(NodeFault) - {NodeFault.ACTION_ONCE}
        == {NodeFault.REPEAT} | LASTING_FAULTS | UNDO_FAULTS
    )
    assert 1 + len(LASTING_FAULTS) + len(UNDO_FAULTS) == len(NodeFault) - 1


@given(schedules())
def test_a_schedule_has_choices_from_the_first_on(schedule: Schedule):
    """They are the same each time, and in range; when the script ends they are 0."""
    first, again = schedule.choices(), schedule.choices()
    for count in range(1, 50):
        chosen = first.pick(count)
        assert chosen == again.pick(count)
        assert 0 <= chosen < count
        assert count <= len(schedule.script) or chosen == 0
        assert schedule.at(count, 7) == schedule.at(count + len(schedule.script), 7) < 7
    assert Choices(b"\x05\x03").pick(4) == 1


# Fake actions


def run(spec: SagaSpec, plan: FaultPlan, seed: int = 0) -> tuple[FakeActions, object, list]:
    """Run a saga to its end; return its world, its result and its log."""
    actions, dag, store = FakeActions(lambda _: plan), spec.saga(), InMemorySecStore()

    async def main() -> object:
        async with steno.open_sec(store, actions.registry([dag])) as sec:
            saga = await sec.saga_create(dag, saga_id=SAGA_ID)
            await plan.inject(sec, SAGA_ID)
            await saga.start()
            return await saga.wait()

    result = run_seeded(main, seed=seed)
    stored = store.load(SAGA_ID)
    assert verify_log(dag, stored.events, finished=stored.summary.state) is None
    return actions, result, list(stored.events)


@given(sagas(), st.data(), schedules())
@settings(max_examples=max(1, settings().max_examples // 2))
def test_any_saga_runs_to_its_end_whatever_is_planned(
    spec: SagaSpec, data: st.DataObject, schedule: Schedule
):
    """What is done is undone, unless it succeeds or an undo is planned to fail."""
    plan = data.draw(fault_plans(spec))
    actions, result, _ = run(spec, plan, schedule.seed)
    assert actions.inside == 0
    assert actions.undone <= actions.done
    match result:
        case SagaResultOk():
            assert not actions.undone
        case SagaResultErr(undo_failure=None):
            assert actions.undone == actions.done
        case SagaResultErr():
            assert plan.kinds() & UNDO_FAULTS
    again, _, _ = run(spec, plan, schedule.seed)
    assert again.calls == actions.calls


@pytest.mark.parametrize(
    ("fault", "state", "calls"),
    [
        (None, "succeeded", ["0", "1"]),
        (NodeFault.ACTION, "failed", ["0", "1", "~0"]),
        (NodeFault.ACTION_ONCE, "failed", ["0", "1", "~0"]),
        (NodeFault.UNDO, "succeeded", ["0", "1"]),
        (NodeFault.INJECT_ERROR, "failed", ["0", "~0"]),
        (NodeFault.INJECT_UNDO_ERROR, "succeeded", ["0", "1"]),
        (NodeFault.REPEAT, "succeeded", ["0", "1", "1"]),
    ],
)
def test_each_fault_does_what_it_says(fault: NodeFault | None, state: str, calls: list[str]):
    """On the second of two nodes."""
    plan = FaultPlan(frozenset({(1, fault)} if fault else ()))
    actions, result, _ = run(CHAIN, plan)
    assert isinstance(result, SagaResultOk) == (state == "succeeded")
    assert ["~" * call.undoing + str(call.node) for call in actions.calls[SAGA_ID]] == calls


@pytest.mark.parametrize("fault", sorted(UNDO_FAULTS, key=str))
def test_a_fault_of_an_undo_makes_a_saga_stuck(fault: NodeFault):
    """If the node is undone."""
    _, result, _ = run(CHAIN, FaultPlan(frozenset({(0, fault), (1, NodeFault.ACTION)})))
    assert result.undo_failure[0] == "a"


def test_a_planned_error_says_which_node_it_is():
    """It is told from what goes wrong by itself."""
    _, result, _ = run(CHAIN, FaultPlan(frozenset({(1, NodeFault.ACTION)})))
    assert PlannedError.__name__ in str(result.error_source)


def test_nothing_is_injected_where_nothing_can_be():
    """Into the start of a subsaga, or into a saga that has ended."""
    inner = SagaSpec(((ConstantSpec("c", 1),),))
    spec = SagaSpec(((ConstantSpec("p", 1),), (SubsagaSpec("s", "p", inner),)))
    _, result, _ = run(spec, FaultPlan(frozenset((1, fault) for fault in NodeFault)))
    assert isinstance(result, SagaResultOk)


def test_what_an_action_gives_depends_on_all_that_it_sees():
    """Params, ancestors and its own node; so two nodes give the same only by accident."""
    wide = SagaSpec(((ActionSpec("a"), ActionSpec("b")), (ActionSpec("c"),)))
    _, _, log = run(wide, FaultPlan())
    outputs = [e.event_type.output for e in log if e.event_type.label == "succeeded"]
    assert len(set(outputs)) == 4  # those of three actions, and null


def test_a_world_says_what_passes_meanwhile():
    """In each call, once that is noted."""
    seen = []

    async def meanwhile(ctx: steno.ActionContext[None], call: object) -> None:
        seen.append((ctx.node_name, actions.inside, len(actions.calls[ctx.saga_id])))
        await trio.sleep(10)

    actions, dag = FakeActions(meanwhile=meanwhile), CHAIN.saga()

    async def main() -> float:
        async with steno.open_sec(InMemorySecStore(), actions.registry([dag])) as sec:
            await sec.saga_run(dag, saga_id=SAGA_ID)
        return trio.current_time()

    assert run_seeded(main) == 20
    assert seen == [("a", 1, 1), ("b", 1, 2)]


# Where nothing else is installed


def test_hypothesis_and_pytest_are_not_needed_but_by_strategies():
    """`steno.testing` is imported without either, and `strategies` says what it lacks."""
    code = """
import sys
for name in ("hypothesis", "pytest", "_pytest", "pytest_trio"):
    sys.modules[name] = None
import steno.testing, steno.testing.notation
try:
    import steno.testing.strategies
except ImportError as error:
    print(error.name)
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "hypothesis\n"
