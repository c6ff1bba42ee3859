"""
Attempts, doubt and sleeps in the whole runtime: random sagas × policies × failures × lives.

Whole SECs run in virtual time on an in-memory store that is slow and sometimes unavailable. They
are lost at a commit or a step, left normally or drained, and opened again after a while. What is
allowed is decided by `support.oracle`, which shares nothing with the library but the events.

STENO_EXAMPLES is how many examples a test of weight 1 is given, instead of as many as the profile
of `conftest.py` says.
"""

import os
from collections.abc import Callable
from random import Random

import attrs
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from steno import SagaCachedState, SagaResultErr, SagaResultOk, SagaSerialized
from steno.core import SagaState, verify_log
from steno.testing.fakes import ActionSpec, SagaSpec
from steno.testing.schedule import run_seeded
from steno.testing.strategies import scripts
from support.checker import marks
from support.crash import Crash, Where, job_id
from support.flaky import Act, FlakyJob, Kind, Rules, Undo, flaky_jobs, rule_sets
from support.flaky_world import FlakyTrial, FlakyWorld, Leave, shuffled_script
from support.oracle import cancelled_ends, judge, possible_ends

EXAMPLES = int(os.environ.get("STENO_EXAMPLES", settings().max_examples))


def cases(factor: float):
    """Return how hard to search."""
    return settings(max_examples=max(1, round(EXAMPLES * factor)))


COMMITS = st.builds(
    Crash, st.sampled_from([Where.BEFORE, Where.DURING, Where.AFTER]), st.integers(0, 8)
)
STEPS = st.builds(Crash, st.just(Where.STEP), st.integers(0, 150))
LEAVES = st.builds(Leave, st.sampled_from([0.25, 0.5, 1.0, 4.0, 60.0]), st.booleans())
ENDINGS = COMMITS | COMMITS | STEPS | LEAVES

SEEDS = st.integers(0, 2**20)


@st.composite
def trials(
    draw: Callable, *, most_sagas: int = 3, most_lives: int = 4, steady: bool = False
) -> FlakyTrial:
    seed, script = draw(SEEDS), draw(scripts)
    if draw(st.booleans()):
        script = shuffled_script(seed)
    return FlakyTrial(
        jobs=tuple(
            draw(flaky_jobs(steady=steady)) for _ in range(draw(st.integers(1, most_sagas)))
        ),
        rules=draw(rule_sets(steady=steady)),
        endings=tuple(draw(ENDINGS) for _ in range(draw(st.integers(0, most_lives - 1)))),
        seed=seed,
        script=script,
        hiccups=draw(st.frozensets(st.integers(0, 20), max_size=2)),
        refusals=draw(st.frozensets(st.integers(0, 20), max_size=2)),
        holds=steady or draw(st.booleans()),
    )


@st.composite
def ordered_trials(draw: Callable) -> FlakyTrial:
    """Return trials in which a person orders something, and some nodes are held for that."""
    trial, seed = draw(trials(most_sagas=2)), draw(SEEDS)
    rng = Random(seed)
    rules = tuple(attrs.evolve(each, then_holds=rng.random() < 0.4) for each in trial.rules)
    return attrs.evolve(trial, rules=rules, orders=seed)


def check(world: FlakyWorld) -> None:
    """Have the oracle judge all sagas, and the library verify their logs."""
    assert not world.wrong, "\n".join(world.wrong)
    for saga_id, job in world.jobs.items():
        stored = world.stored(saga_id)
        judge(world.evidence(saga_id))
        end = stored.summary.state
        assert verify_log(job.dag, stored.events, saga_id=saga_id, finished=end) is None
        state = SagaState.fold(job.dag.flat, saga_id, stored.events)
        assert state.outcome.value == end.value
        for result in world.results[saga_id]:
            assert tuple(result.saga_log.events) == stored.events
            match result:
                case SagaResultOk():
                    assert end is SagaCachedState.SUCCEEDED
                case SagaResultErr(undo_failure=None):
                    assert end is SagaCachedState.FAILED
                case SagaResultErr():
                    assert end is SagaCachedState.STUCK


@cases(4)
@given(trials())
def test_what_user_code_does_and_the_log_are_allowed(trial: FlakyTrial):
    """Whatever fails, times out, is cut off or is left: the oracle finds nothing wrong."""
    check(trial.world())


@cases(2)
@given(ordered_trials())
def test_what_follows_from_orders_is_allowed(trial: FlakyTrial):
    """Through any lives: those that apply are followed, and the others change nothing."""
    check(trial.world())


@cases(0.3)
@given(trials(most_sagas=1, most_lives=1, steady=True))
def test_a_crash_at_any_commit_changes_no_end(trial: FlakyTrial):
    """Lost before, in or after each transaction, a saga ends as its services demand."""
    whole = trial.world()
    check(whole)
    ends = possible_ends(trial.jobs[0], whole.rules(job_id(0)))
    for number in range(whole.batches):
        for where in (Where.BEFORE, Where.DURING, Where.AFTER):
            world = attrs.evolve(trial, endings=(Crash(where, number),)).world()
            check(world)
            assert world.stored(job_id(0)).summary.state.value in ends


@cases(1)
@given(trials(steady=True))
def test_any_number_of_lives_changes_no_end(trial: FlakyTrial):
    """Lost, left or drained again and again, each saga ends as its services demand."""
    world = trial.world()
    check(world)
    for saga_id, job in world.jobs.items():
        ends = possible_ends(job, world.rules(saga_id))
        assert world.stored(saga_id).summary.state.value in ends


@cases(0.5)
@given(trials(most_sagas=2))
def test_what_is_seen_survives_a_round_trip(trial: FlakyTrial):
    """Each view that was taken is a dump that can be read, and each of its logs is verified."""
    world = trial.world()
    check(world)
    for dump in world.dumps:
        text = dump.to_json()
        read_again = SagaSerialized.from_json(text)
        assert read_again.to_json() == text
        assert read_again.events == dump.events
        assert verify_log(dump.dag, dump.events, saga_id=dump.saga_id) is None


@cases(0.5)
@given(trials())
def test_what_has_ended_is_never_touched_again(trial: FlakyTrial):
    """Opening once more calls nothing and writes nothing."""
    world = trial.world()
    logs = {saga_id: world.events(saga_id) for saga_id in world.jobs}
    doings = len(world.doings)
    world.trial = attrs.evolve(trial, endings=())
    run_seeded(world.live, seed=trial.seed)
    check(world)
    assert {saga_id: world.events(saga_id) for saga_id in world.jobs} == logs
    assert len(world.doings) == doings


@cases(0.3)
@given(trials())
def test_a_trial_is_repeatable(trial: FlakyTrial):
    """The same trial gives the same logs, with the same times, and the same calls."""

    def all_of(world: FlakyWorld) -> tuple:
        logs = [[(e, e.time) for e in world.events(saga_id)] for saga_id in world.jobs]
        return logs, world.doings, world.lives, world.batches, world.views

    assert all_of(trial.world()) == all_of(trial.world())


def test_a_call_that_may_have_returned_is_in_doubt_though_it_is_atomic():
    """It has returned, the SEC was lost before that was durable, and its repetition has failed."""
    acts = {(0, Kind.CALL): (Act.WORKS, Act.FAILS)}
    job = FlakyJob(SagaSpec(((ActionSpec("n0"),),)), {}, acts)
    rules = Rules(Undo.IN_DOUBT, atomic=True)
    world = FlakyTrial((job,), (rules,), (Crash(Where.BEFORE, 2),)).world()
    check(world)
    assert "".join(mark for node, mark in marks(world.events(job_id(0))) if node == 0) == "+?-∅"
    assert not world.effects


def test_an_undo_waits_its_own_time_and_not_that_of_the_attempt_that_was_given_up():
    """The timer still has that, which comes earlier."""
    acts = {
        (0, Kind.CALL): (Act.FAILS,),
        (0, Kind.UNDO): (Act.FAILS,),
        (1, Kind.CALL): (Act.BREAKS,),
    }
    spec = SagaSpec(((ActionSpec("n0"), ActionSpec("n1")), (ActionSpec("n2"),)))
    rules = Rules(Undo.IN_DOUBT, attempts=2, undo_attempts=2, wait=5, undo_wait=40, longest=60)
    given_up = 0
    for seed in range(8):
        world = FlakyTrial((FlakyJob(spec, {}, acts),), (rules,), seed=seed).world()
        check(world)
        given_up += (0, "↻") in marks(world.events(job_id(0)))
    assert given_up  # where n0 has failed before n1


def test_the_orders_cancel_calls():
    """What a person orders in these trials ends calls in each way, in one life or over several."""
    spec = SagaSpec(((ActionSpec("n0"), ActionSpec("n1")), (ActionSpec("n2"),)))
    acts = {
        (0, Kind.CALL): (Act.HANGS_AFTER,) * 3,
        (1, Kind.CALL): (Act.HANGS,) * 3,
        (0, Kind.UNDO): (Act.HANGS,) * 2,
        (1, Kind.UNDO): (Act.HANGS,) * 2,
    }
    job, ends = FlakyJob(spec, {}, acts, by_attempt=True), set[tuple[str, str]]()
    wanted = {
        ("retry", "attempt_failed"),
        ("fail", "failed in doubt"),
        ("complete", "succeeded"),
        ("retry", "undo_attempt_failed"),
        ("complete", "undo_finished"),
        ("unwind", "failed in doubt"),
    }
    rules = Rules(Undo.IN_DOUBT, attempts=3, timeout=9.0, undo_attempts=3, undo_timeout=9.0)
    for seed in range(400):
        crash = Crash(Where.STEP, 40 + seed % 150)
        world = FlakyTrial((job,), (rules,), (crash,), seed, orders=seed).world()
        check(world)
        ends |= cancelled_ends(world.evidence(job_id(0)))
        if wanted <= ends:
            return
    pytest.fail(f"no call has ended so: {wanted - ends}")
