"""
What must always hold of the whole runtime: random sagas × faults × crashes × schedules.

Whole SECs run in virtual time on an in-memory store that is slow, that is unavailable at times, and
at which they are lost. What is legal is decided by `support.checker`, which shares nothing with the
library but the events; `support.crash.check` holds every line of the specification's list.

STENO_EXAMPLES is how many examples a test of weight 1 is given, instead of as many as the profile
of `conftest.py` says.
"""

import os
import random
from collections import Counter
from collections.abc import Callable
from itertools import combinations

import attrs
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from steno import SagaCachedState, SagaSerialized
from steno.core import SagaState
from steno.testing.fakes import ActionSpec, SagaSpec
from steno.testing.faults import UNDO_FAULTS, FaultPlan, NodeFault
from steno.testing.schedule import run_seeded
from steno.testing.strategies import fault_plans, sagas, scripts
from support.checker import marks
from support.crash import (
    Crash,
    Job,
    Trial,
    Where,
    World,
    check,
    check_log,
    job_id,
    possible_ends,
)
from support.simulator import state_facts

EXAMPLES = int(os.environ.get("STENO_EXAMPLES", settings().max_examples))

LASTING_FAULTS = (NodeFault.ACTION, NodeFault.UNDO)
"""Faults that are the same whenever the node is run, in any life."""

SLOW = bytes([2, 1, 4, 3, 2])


def cases(factor: float):
    """Return how hard to search."""
    return settings(max_examples=max(1, round(EXAMPLES * factor)))


@st.composite
def jobs(draw: Callable, faults: tuple[NodeFault, ...] = tuple(NodeFault)) -> Job:
    spec = draw(sagas(max_stages=5, max_width=4))
    return Job(spec, draw(fault_plans(spec.size, faults)))


COMMITS = st.builds(
    Crash, st.sampled_from([Where.BEFORE, Where.DURING, Where.AFTER]), st.integers(0, 10)
)
STEPS = st.builds(Crash, st.just(Where.STEP), st.integers(0, 250))
CRASHES = COMMITS | STEPS

SEEDS = st.integers(0, 2**20)


@st.composite
def trials(
    draw: Callable,
    faults: tuple[NodeFault, ...] = tuple(NodeFault),
    most_sagas: int = 3,
    most_crashes: int = 3,
) -> Trial:
    seed, script = draw(SEEDS), draw(scripts)
    if draw(st.booleans()):
        script = random.Random(seed).randbytes(20)
    return Trial(
        jobs=tuple(draw(jobs(faults)) for _ in range(draw(st.integers(1, most_sagas)))),
        crashes=tuple(draw(CRASHES) for _ in range(draw(st.integers(0, most_crashes)))),
        seed=seed,
        script=script,
        hiccups=draw(st.frozensets(st.integers(0, 20), max_size=3)),
        refusals=draw(st.frozensets(st.integers(0, 20), max_size=3)),
        reinject=draw(st.booleans()),
    )


# The lines of the specification


@cases(4)
@given(trials())
def test_all_lines_hold_through_crashes(trial: Trial):
    """Whatever fails, is injected, or is lost, and whenever: all rules hold, and all sagas end."""
    check(trial.world())


@cases(1)
@given(trials(most_crashes=0))
def test_without_a_crash_the_faults_alone_decide_the_end(trial: Trial):
    """Failing actions, failing undo actions and injections have the ends that they must have."""
    world = trial.world()
    check(world)
    for saga_id, job in world.jobs.items():
        assert world.stored(saga_id).summary.state in possible_ends(job)


@pytest.mark.parametrize("fails_later", [False, True])
def test_any_faults_may_meet_in_one_node(*, fails_later: bool):
    """Each set of faults of a node, with and without its being undone, has its one end."""
    spec = SagaSpec(((ActionSpec("n0"),), (ActionSpec("n1"),), (ActionSpec("n2"),)))
    for size in range(len(NodeFault) + 1):
        for faults in combinations(NodeFault, size):
            also = {(2, NodeFault.ACTION)} if fails_later else set()
            plan = {(1, fault) for fault in faults} | also
            job = Job(spec, FaultPlan(frozenset(plan)))
            world = Trial((job,)).world()
            check(world)
            assert {world.stored(job_id(0)).summary.state} == possible_ends(job)
            calls = [call.undoing for call in world.calls[job_id(0)] if call.node == 1]
            times = 2 if NodeFault.REPEAT in faults else 1
            assert calls.count(False) == (0 if NodeFault.INJECT_ERROR in faults else times)
            undone = (1, "-") in marks(world.events(job_id(0)))
            if not undone or NodeFault.INJECT_UNDO_ERROR in faults:
                assert calls.count(True) == 0
            else:  # it stops at its first error
                assert calls.count(True) == (1 if NodeFault.UNDO in faults else times)


@cases(0.3)
@given(trials(LASTING_FAULTS, most_sagas=1, most_crashes=0))
def test_line_8_a_crash_at_any_commit_changes_nothing(trial: Trial):
    """Lost before, in or after each commit, a saga ends as it does when nothing is lost."""
    whole = trial.world()
    ends = possible_ends(trial.jobs[0])
    for number in range(whole.commits):
        for where in (Where.BEFORE, Where.DURING, Where.AFTER):
            world = attrs.evolve(trial, crashes=(Crash(where, number),)).world()
            check(world)
            assert world.stored(job_id(0)).summary.state in ends
            if trial.jobs[0].plan.kinds().isdisjoint(UNDO_FAULTS):
                assert (
                    world.stored(job_id(0)).summary.state is whole.stored(job_id(0)).summary.state
                )


@cases(1)
@given(trials(LASTING_FAULTS))
def test_line_8_any_number_of_crashes_changes_nothing(trial: Trial):
    """Lost again and again, anywhere, each of several sagas ends as its own faults say."""
    world = trial.world()
    check(world)
    for saga_id, job in world.jobs.items():
        assert world.stored(saga_id).summary.state in possible_ends(job)


@cases(1)
@given(trials(), SEEDS, scripts, st.lists(CRASHES, max_size=2))
def test_line_9_what_a_node_sees_does_not_depend_on_the_schedule(
    trial: Trial, seed: int, script: bytes, crashes: list[Crash]
):
    """Another schedule, other crashes: the same lookups, params and outputs, in the undo too."""
    one = trial.world()
    other = attrs.evolve(trial, seed=seed, script=script, crashes=tuple(crashes)).world()
    check(one)
    check(other)
    for saga_id in one.jobs:
        seen = {}
        for call in one.calls[saga_id] + other.calls[saga_id]:
            now = (call.seen, call.params)
            assert seen.setdefault((call.node, call.undoing), now) == now
        outputs, others = one.outputs(saga_id), other.outputs(saga_id)
        assert all(outputs[node] == others[node] for node in outputs.keys() & others.keys())


@cases(0.5)
@given(trials(most_crashes=1))
def test_line_10_status_and_list_do_not_wait_for_the_store(trial: Trial):
    """While every commit takes seconds, each look takes none, and shows what is durable."""
    world = attrs.evolve(trial, script=SLOW).world()
    check(world)  # what a look finds wrong is in `World.wrong`
    assert world.views > world.commits / 2


@cases(1)
@given(trial=trials(), which=st.integers(0, 100), seed=SEEDS, shuffled=st.booleans())
def test_line_11_a_dump_goes_on_elsewhere_to_the_same_end(
    trial: Trial, which: int, seed: int, *, shuffled: bool
):
    """A dump of any moment survives its JSON, and ends in another store, through crashes too."""
    world = trial.world()
    saga_id, job = job_id(0), trial.jobs[0]
    assume(world.dumps[saga_id])
    dump = world.dumps[saga_id][which % len(world.dumps[saga_id])]
    text = dump.to_json()
    read = SagaSerialized.from_json(text)
    assert read.to_json() == text
    assert read.events == dump.events
    if shuffled:
        events = list(read.events)
        random.Random(seed).shuffle(events)
        read = attrs.evolve(read, events=tuple(events))
    other = resumed(attrs.evolve(trial, seed=seed, jobs=(job,)), read)
    check(other)
    kept = other.events(saga_id)[: len(read.events)]
    assert Counter(kept) == Counter(dump.events)
    assert shuffled or kept == dump.events
    if not job.plan.kinds() - set(LASTING_FAULTS) - {NodeFault.REPEAT}:
        assert other.stored(saga_id).summary.state in possible_ends(job)
    if dump.events == world.events(saga_id):
        of_nodes = [event for event in other.events(saga_id) if event.node_id is not None]
        assert len(of_nodes) == len(dump.events)  # besides the import and the start


def resumed(trial: Trial, dump: SagaSerialized) -> World:
    """Run one saga on from a dump, in another world in which its actions have been called."""
    other = trial.empty_world()
    other.jobs[dump.saga_id] = trial.jobs[0]
    other.resumed[dump.saga_id] = dump
    for event in dump.events:
        if event.node_id is None or trial.jobs[0].graph.kinds[event.node_id] != "action":
            continue
        key = f"{dump.saga_id}/{event.node_id}/action"
        if event.event_type.label == "succeeded":
            other.done.add(key)
        if event.event_type.label == "undo_finished":
            other.undone.add(key)
    run_seeded(other.live, trial.crashes, seed=trial.seed)
    return other


@cases(0.5)
@given(
    st.integers(1, 6),
    st.integers(0, 6),
    SEEDS,
    scripts,
    st.lists(CRASHES, max_size=2),
    st.sampled_from(sorted(UNDO_FAULTS, key=lambda fault: fault.name)),
)
def test_line_12_any_number_of_undo_failures_is_stuck(
    failing: int, fine: int, seed: int, script: bytes, crashes: list[Crash], fault: NodeFault
):
    """However many undo actions fail, and however closely together: stuck, and the SEC lives on."""
    wide = tuple(ActionSpec(f"n{n}") for n in range(failing + fine))
    spec = SagaSpec((wide, (ActionSpec("fails"),)))
    faults = {(n, fault) for n in range(failing)} | {(failing + fine, NodeFault.ACTION)}
    job = Job(spec, FaultPlan(frozenset(faults)))
    bystander = Job(SagaSpec(((ActionSpec("n0"),),)))
    world = Trial((job, bystander), tuple(crashes), seed, script, reinject=True).world()
    check(world)
    assert world.stored(job_id(1)).summary.state is SagaCachedState.SUCCEEDED
    if not crashes or fault is NodeFault.UNDO:
        assert world.stored(job_id(0)).summary.state is SagaCachedState.STUCK
        error = world.results[job_id(0)][0]
        assert error.error_node_name == "fails"
        first = next(e for e in world.events(job_id(0)) if e.event_type.label == "undo_failed")
        assert error.undo_failure[0] == f"n{first.node_id}"


@cases(0.5)
@given(trials(most_crashes=0), st.lists(st.floats(0, 12), min_size=1, max_size=8))
def test_line_13_cancelling_a_waiter_changes_nothing(trial: Trial, patience: list[float]):
    """Waiters that give up, at any time, leave saga and other waiters as they would have been."""
    trial = attrs.evolve(trial, hiccups=frozenset())
    world = trial.world()
    crowded = trial.empty_world()
    crowded.patience = patience
    crowded.jobs = dict(world.jobs)
    run_seeded(crowded.live, (), seed=trial.seed)
    check(world)
    check(crowded)
    assert len(crowded.lives) == 1
    for saga_id, job in world.jobs.items():
        ends = possible_ends(job)
        assert crowded.stored(saga_id).summary.state in ends
        if len(ends) == 1:
            assert crowded.stored(saga_id).summary.state is world.stored(saga_id).summary.state


@cases(0.5)
@given(trials())
def test_what_is_finished_is_never_touched_again(trial: Trial):
    """Opening once more runs nothing and writes nothing, and the result is there to be had."""
    world = trial.world()
    logs = {saga_id: world.events(saga_id) for saga_id in world.jobs}
    calls = {saga_id: len(world.calls[saga_id]) for saga_id in world.jobs}
    summaries = [world.stored(saga_id).summary for saga_id in world.jobs]
    run_seeded(world.live, (), seed=trial.seed)
    check(world)
    assert {saga_id: world.events(saga_id) for saga_id in world.jobs} == logs
    assert {saga_id: len(world.calls[saga_id]) for saga_id in world.jobs} == calls
    assert [world.stored(saga_id).summary for saga_id in world.jobs] == summaries


@cases(0.5)
@given(trials(most_crashes=1))
def test_line_1_every_view_is_the_fold_of_what_it_shows(trial: Trial):
    """Each prefix that was ever seen folds, and folds to the same as the stored log so far."""
    world = trial.world()
    for saga_id, job in world.jobs.items():
        states = {}
        state = SagaState.new(job.dag.flat, saga_id)
        for count, event in enumerate((*world.events(saga_id), None)):
            states[count] = state_facts(state)
            if event is not None:
                state.apply(event)
        for dump in world.dumps[saga_id]:
            folded = SagaState.fold(job.dag.flat, saga_id, dump.events)
            assert state_facts(folded) == states[len(dump.events)]


# Of the harness itself


@cases(0.3)
@given(trials())
def test_a_trial_is_repeatable(trial: Trial):
    """The same trial gives the same logs, calls and commits."""

    def all_of(world: World) -> tuple:
        return (
            {saga_id: world.events(saga_id) for saga_id in world.jobs},
            {saga_id: world.calls[saga_id] for saga_id in world.jobs},
            (world.lives, world.commits, world.steps, world.views),
        )

    assert all_of(trial.world()) == all_of(trial.world())


@pytest.mark.parametrize(
    "faults",
    [set(), {(3, NodeFault.ACTION)}, {(3, NodeFault.ACTION), (1, NodeFault.UNDO)}],
    ids=["succeeded", "failed", "stuck"],
)
def test_a_log_that_is_not_whole_is_noticed(faults: set[tuple[int, NodeFault]]):
    """Whichever event is taken away, doubled, or put at the end, `check_log` fails."""
    spec = SagaSpec(
        ((ActionSpec("n0"),), (ActionSpec("n1"), ActionSpec("n2")), (ActionSpec("n3"),))
    )
    job = Job(spec, FaultPlan(frozenset(faults)))
    world = Trial((job,)).world()
    check(world)
    stored = world.stored(job_id(0))
    for place, event in enumerate(stored.events):
        rest = (*stored.events[:place], *stored.events[place + 1 :])
        with pytest.raises(AssertionError):
            check_log(job, attrs.evolve(stored, events=rest))
        with pytest.raises(AssertionError):
            check_log(job, attrs.evolve(stored, events=(*stored.events, event)))
        if event not in stored.events[-3:]:  # beside a failing undo, another one ends at any time
            with pytest.raises(AssertionError):
                check_log(job, attrs.evolve(stored, events=(*rest, event)))
    for state in set(SagaCachedState) - {stored.summary.state}:
        summary = attrs.evolve(stored.summary, state=state)
        with pytest.raises(AssertionError):
            check_log(job, attrs.evolve(stored, summary=summary))
