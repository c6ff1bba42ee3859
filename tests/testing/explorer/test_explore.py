"""Explorations: what is run, what is found, and what users can ask for."""

import itertools
import logging
import uuid

import attrs
import pytest
import trio

import steno
from examples import trip
from steno.testing import CounterExample, Outcome, explore
from steno.testing.explorer import _judge, _run, read_case
from steno.testing.explorer._case_kind import SAMPLED, kind_of
from steno.testing.explorer._probe import Probe
from support.planted import Planted, Town, all_or_nothing
from support.planted import trip as small_trip

Context = steno.ActionContext


def small(planted: Planted | None = None, **options: object):
    """Explore the small trip, or another saga in its town."""
    planted = planted or small_trip()
    options = {"check": all_or_nothing, "make_context": Town} | options
    return explore(lambda: steno.SagaDag(planted.dag), planted.registry, **options)


def saga_of(*actions, params: object = None):
    """Return what makes a chain of actions, and their registry; an action has a no-op undo."""
    registry, builder = steno.ActionRegistry(), steno.DagBuilder("chain")
    for number, action in enumerate(actions):
        registry.register(steno.new_action_noop_undo(str(number), action))
        builder.append(steno.Node.action(f"n{number}", str(number), label="L"))
    dag = builder.build()
    return lambda: steno.SagaDag(dag, params), registry


async def nothing(ctx: Context) -> None:
    await trio.sleep(1)


def nothing_is_left(services: trip.Trip, outcome: Outcome) -> None:
    """If the trip succeeds, all of it is there; if it fails, all that was done is undone."""
    done = {key for key in services.effects if key.endswith("/action")}
    undone = {key.replace("/undo", "/action") for key in services.effects if key.endswith("/undo")}
    if outcome.succeeded:
        assert (len(done), len(undone)) == (5, 0)
    if outcome.failed:
        assert done == undone


def explore_trip(**options: object):
    """Explore the saga of the example."""
    return explore(
        lambda: steno.SagaDag(trip.book_trip, trip.PARAMS),
        trip.registry,
        lambda: trip.Trip([], []),
        check=nothing_is_left,
        **options,
    )


# What is run


def test_the_trip_survives_everything():
    """The example's saga is run through every case, and nothing is wrong with it."""
    report = explore_trip()
    assert report.is_complete
    runs = {count.kind: count.runs for count in report.counts}
    assert runs["an action fails"] == 5 * 2
    assert runs["an undo action fails"] == 4 * 2
    assert runs["a call is held up"] == 3  # its undos have timeouts
    assert runs["an attempt fails"] == 5 * 2
    assert runs["the attempts run out"] == 5
    assert runs["an action fails after its effect"] == 5
    assert runs["an action times out"] == 5 * 4
    assert runs["an undo action fails once"] == 4 * 2
    assert runs["a crash while backing off"] == 5 * 2 + 4
    assert runs["a crash, then a failure"] == 5
    assert runs["an unwinding is ordered"] > runs["the deadline comes"] >= 6
    assert runs["a pause, and a resume in another process"] == runs["the deadline comes"] + 5
    assert runs["an unwinding after success"] > 4  # the last undo fails, is repeated and crashes
    assert {runs[f"a repair: {how}"] for how in ("retry", "complete by hand", "abandon")} == {5}
    assert runs["an order and a crash"] > 5
    assert report.hints == ()
    assert runs["a crash before a commit"] == runs["a crash after a commit"] > 100
    assert runs["a crash at the end of a call"] > 50
    assert runs["a crash within a call"] > 50
    assert runs["two crashes"] > 50


def test_each_case_is_run_once(cases):
    """All are different; the crashes of a run come before and after each of its commits."""
    report = small(seeds=1)
    assert len(cases) == len(set(cases)) == report.runs
    whole = [line for line in cases if "fail" not in line and "repeat" not in line]
    assert [line for line in whole if kind_of(read_case(line)) not in SAMPLED] == [
        "no fault",
        *(f"unwind after commit {number}" for number in range(1, 6)),
        *(f"deadline after commit {number}" for number in range(1, 5)),
        *(f"unwind and cancel after commit {number}" for number in range(2, 5)),
        *(f"unwind and cancel at the end of {node}" for node in ("payment", "hotel", "summary")),
        *(f"pause after commit {number}; restart a week later" for number in range(1, 5)),
        "pause after commit 2; crash at the end of payment",
        "pause after commit 3; crash at the end of hotel",
        "pause after commit 4; crash at the end of summary",
        "unwind in the end; restart a week later",
        *(
            f"crash {when} commit {number}"
            for number in range(1, 6)
            for when in ("before", "after")
        ),
        "crash at the end of payment",
        "crash at the end of hotel",
        "crash at the end of summary",
        "crash at checkpoint 1 of payment",
        "crash at checkpoint 1 of hotel",
        "crash at checkpoint 1 of summary",
    ]


def test_an_undo_fails_only_where_a_failure_undoes_it(cases):
    """The last node is never undone, and a node without an undo action cannot fail to undo."""
    small(seeds=1, orders=False)
    assert [line for line in cases if "fail undo" in line and "crash" not in line] == [
        "fail hotel; fail undo of payment",
        "fail summary; fail undo of hotel",
    ]


def test_a_budget_is_kept_and_spread(cases):
    """A sample has something of each sort; the report says that it is one, and how it was drawn."""
    report = small(budget=80, seed=5)
    assert report.runs == len(cases) <= 80
    assert report.runs > 70
    assert not report.is_complete
    assert all(count.runs for count in report.counts)
    assert "drawn with seed 5" in str(report)


def test_a_budget_may_be_smaller_than_the_saga(cases):
    """Each sort has its share, however many cases of the first sorts there are."""
    make_dag, registry = saga_of(*[nothing] * 40)
    report = explore(make_dag, registry, lambda: None, check=None, budget=100)
    assert report.runs == len(set(cases)) == 100
    assert all(count.runs for count in report.counts)
    assert {count.kind: count.cases for count in report.counts}["an action fails"] == 40 * 2
    assert not report.is_complete


def test_a_sample_is_decided_by_its_seed(cases):
    """The same seed draws the same cases, another one others."""
    samples = []
    for seed in (1, 1, 2):
        small(budget=60, seed=seed)
        samples.append(tuple(cases))
        cases.clear()
    assert samples[0] == samples[1] != samples[2]


def test_the_number_of_runs_is_known_before_the_first_crash():
    """Progress is told after each run; in the end it is what was said."""
    told = []
    report = small(progress=lambda done, total: told.append((done, total)))
    assert [done for done, _ in told] == list(range(1, report.runs + 1))
    without_crash = sum(c.runs for c in report.counts if "crash" not in c.kind)
    assert {total for _, total in told[:without_crash]} == {None}
    assert {total for _, total in told[without_crash:]} == {report.runs}


def test_an_hour_costs_nothing():
    """Time is virtual."""

    async def sleeps(ctx: Context) -> None:
        await trio.sleep(3600)

    make_dag, registry = saga_of(sleeps, sleeps)
    assert explore(make_dag, registry, lambda: None, check=None).seconds < 60


def test_a_check_is_told_of_every_end():
    """Exactly one of the three is so; it may be async, as what makes the world may."""
    told = set()

    async def check(world: Town, outcome: Outcome) -> None:
        await trio.sleep(1)
        assert isinstance(world, Town)
        assert outcome.succeeded + outcome.failed + outcome.stuck == 1
        line = str(outcome.case)
        failing = "stuck" if "fail undo" in line else "failed"
        planned = failing if "fail" in line else "succeeded"
        if "unwind" in line or "deadline" in line or "complete" in line or "retry" in line:
            planned = "failed"
        assert outcome.abandoned == ("abandon" in line)
        assert getattr(outcome, planned)
        told.add(planned)

    async def make_context() -> Town:
        await trio.sleep(1)
        return Town()

    small(check=check, make_context=make_context)
    assert told == {"succeeded", "failed", "stuck"}


def test_each_run_has_a_world_of_its_own(cases):
    """What one run leaves, no other one finds; and it outlives the crashes of that run."""
    worlds = []

    def make_context() -> Town:
        worlds.append(Town())
        return worlds[-1]

    report = small(make_context=make_context)
    assert len(worlds) == report.runs


async def test_it_runs_in_a_trio_that_runs_already():
    """Await it, or do not: the loop stands still until it is done."""
    report = await small(seeds=1)
    assert report.runs > 50
    assert small(seeds=1).counts == report.counts


def test_nothing_is_logged(caplog):
    """That stores fail is what is planned."""
    with caplog.at_level(logging.DEBUG, "steno"):
        small()
    assert not caplog.records


# Sagas of other shapes


def test_subsagas_are_named_by_path(cases):
    """Inner nodes fail, are repeated and crash as all others."""
    registry = steno.ActionRegistry()
    registry.register(steno.ActionFunc.new_action("a", nothing, nothing))
    inner = steno.DagBuilder("inner")
    inner.append(steno.Node.action("x", "a", label="X"))
    inner.append(steno.Node.action("y", "a", label="Y"))
    outer = steno.DagBuilder("outer")
    outer.append(steno.Node.constant("p", 1))
    sub = [steno.Node.subsaga(name, inner.build(), "p") for name in ("left", "right")]
    outer.append_parallel(sub)
    outer.append(steno.Node.action("end", "a", label="E"))
    dag = steno.SagaDag(outer.build())
    assert explore(lambda: dag, registry, lambda: None, check=None, budget=300).runs
    assert {
        "fail left/y; fail undo of left/x",
        "delay right/y",
        "repeat right/x",
    } <= set(cases)


@attrs.define(eq=False)
class Parent:
    """A world whose actions create sagas."""

    sec: steno.SecClient = attrs.field(init=False)
    done: set[uuid.UUID] = attrs.field(factory=set)


def test_actions_may_create_sagas(cases):
    """A world with an attribute for the SEC has it, in each life; a child's commits crash, too."""
    make_child, registry = saga_of(nothing, nothing)

    @registry.action
    async def provision(ctx: Context[Parent]) -> None:
        child = uuid.uuid5(ctx.saga_id, ctx.idempotency_key)
        (await ctx.user_data.sec.saga_run(make_child(), saga_id=child)).unwrap()
        ctx.user_data.done.add(child)

    @provision.undo(in_doubt=True)
    async def take_back(ctx: Context[Parent]) -> None:
        ctx.user_data.done.clear()

    builder = steno.DagBuilder("parent")
    builder.append(steno.Node.action("child", provision, label="Child"))
    dag = builder.build()

    def check(world: Parent, outcome: Outcome) -> None:
        assert len(world.done) == outcome.succeeded

    explore(lambda: steno.SagaDag(dag), registry, Parent, check=check)
    assert "crash at the end of chain:n1" in cases
    assert "crash after commit 6" in cases


def test_what_is_attached_is_lost_in_a_crash():
    """Actions get what is made of the world and the SEC of each life."""
    lives = []

    async def note(ctx: Context) -> None:
        ctx.user_data.append("called")
        await trio.sleep(1)

    def attach(world: None, sec: steno.SecClient) -> list[str]:
        assert isinstance(sec, steno.SecClient)
        lives.append([])
        return lives[-1]

    make_dag, registry = saga_of(note)
    line = "crash at checkpoint 1 of n0; crash at the end of n0"
    explore(make_dag, registry, lambda: None, check=None, attach=attach, only=line)
    assert lives[-3:] == [["called"]] * 3


# What is found


def found(*actions, **options: object) -> CounterExample:
    """Return what is found in a chain of actions."""
    make_dag, registry = saga_of(*actions)
    with pytest.raises(CounterExample) as counterexample:
        explore(make_dag, registry, lambda: None, **({"check": None} | options))
    return counterexample.value


def test_a_saga_that_fails_by_itself():
    """With nothing planned, it has to succeed."""

    async def breaks(ctx: Context) -> None:
        raise ArithmeticError("two and two")

    wrong = found(nothing, breaks)
    assert (str(wrong.case), wrong.kind) == (
        "no fault",
        "the saga ended in the wrong way",
    )
    assert "n1 failed, and that was not planned: ArithmeticError: two and two" in str(wrong)
    assert "in breaks" in str(wrong)


def test_a_saga_that_hangs():
    """It is not waited for; who did not return is named."""

    async def hangs(ctx: Context) -> None:
        await trio.sleep_forever()

    wrong = found(nothing, hangs)
    assert wrong.kind == "the saga hangs"
    assert "after 86400 s of virtual time n1 had not returned" in str(wrong)
    assert "working: L" in str(wrong)


def test_a_saga_that_goes_round_and_round(monkeypatch):
    """Where no time passes no deadline comes; it is stopped all the same."""
    monkeypatch.setattr(_run, "MOST_ROUNDS", 1000)

    async def goes_round(ctx: Context) -> None:
        while True:  # noqa: ASYNC110 - nothing is waited for
            await trio.lowlevel.checkpoint()

    wrong = found(nothing, goes_round)
    assert wrong.kind == "the saga hangs"
    assert "after 1 s of virtual time n1 had not returned" in str(wrong)


def test_a_deadline_can_be_longer():
    """It is for one call of each action; more are waited for longer."""

    async def takes_a_day(ctx: Context) -> None:
        await trio.sleep(80_000)

    assert found(takes_a_day, deadline=70_000).kind == "the saga hangs"
    make_dag, registry = saga_of(takes_a_day)
    assert explore(make_dag, registry, lambda: None, check=None, deadline=90_000).runs


def test_another_output_of_the_same_action():
    """An action that is called again returns the same, unless the user says otherwise."""

    async def invents(ctx: Context) -> str:
        await trio.sleep(1)
        return str(uuid.uuid4())

    wrong = found(invents)
    assert (str(wrong.case), wrong.kind) == ("repeat n0", "an action is not idempotent")
    make_dag, registry = saga_of(invents)
    assert explore(make_dag, registry, lambda: None, check=None, same_outputs=False).runs


def test_an_effect_that_is_followed_by_a_failure():
    """Only where it is asked for: nobody undoes a node that has failed."""
    with pytest.raises(CounterExample) as wrong:
        small(small_trip(in_doubt=False), fail_after_effect=True)
    assert str(wrong.value.case) == "fail payment after its effect"
    assert wrong.value.kind == "the check failed"


def test_a_point_that_is_never_reached():
    """A run that takes another course than the one it was planned from proves nothing."""
    numbers = itertools.count()

    async def commits_more_or_less(ctx: Context) -> None:
        if next(numbers) == 0:
            await trio.sleep(1)
            await trio.sleep(1)

    wrong = found(commits_more_or_less)
    assert (str(wrong.case), wrong.kind) == (
        "crash at checkpoint 2 of n0",
        "a point was never reached",
    )
    assert "An action depends on more than its context" in str(wrong)


def test_a_case_of_another_saga_is_refused():
    """A line that names an unknown node is refused before anything is run."""
    with pytest.raises(ValueError, match="no node 'motel' with an action, but payment, hotel"):
        small(only="fail motel")
    with pytest.raises(ValueError, match="no node 'motel' with an action, but payment, hotel"):
        small(same_outputs=["motel"])


def test_a_line_whose_points_are_not_there_fails():
    """A crash that never happens was not survived."""
    with pytest.raises(
        CounterExample, match="'crash after commit 99' was planned and never happened"
    ):
        small(only="crash after commit 99")
    # Which sagas the actions create is not known before they are called.
    with pytest.raises(CounterExample, match="'repeat child:hotel' was planned and never happened"):
        small(only="repeat child:hotel")


def test_a_world_that_cannot_be_made_is_no_counterexample():
    """What `make_context` raises comes out as it is."""
    with pytest.raises(ZeroDivisionError):
        small(make_context=lambda: 1 // 0)


def test_an_action_that_ends_the_process():
    """A SystemExit is found like anything else, and ends no test run."""

    async def leaves(ctx: Context) -> None:
        raise SystemExit(3)

    assert found(leaves).kind == "the SEC did not continue"


# The engine


def test_a_log_that_breaks_a_rule(monkeypatch):
    """Every log is held against the rules."""
    breach = steno.Breach(steno.LogRule.OWN_ORDER, 3, "n0", "planted")
    monkeypatch.setattr(_judge, "verify_log", lambda *_, **__: breach)
    wrong = found(nothing)
    assert wrong.kind == "the engine broke a rule"
    assert "planted" in str(wrong)


def test_an_action_that_is_called_too_early(monkeypatch):
    """A call is held against what is durable at that moment."""
    monkeypatch.setattr(Probe, "made_durable", lambda *_: None)
    wrong = found(nothing)
    assert "n0 was called when nothing was durable of that node" in str(wrong)
