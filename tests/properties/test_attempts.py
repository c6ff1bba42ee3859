"""
Attempts, doubt, sleeps and orders in the pure core.

Random graphs × policies × failures × crashes × what a person orders, and when.

A machine is driven without a SEC, and flaky services by the text of the specification. What is
allowed is decided by `support.oracle`, which shares nothing with the library but the events.
"""

import json
import random
from collections import Counter
from collections.abc import Callable

import attrs
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from steno.core import (
    AttemptFailed,
    Command,
    Phase,
    RunAction,
    SagaCachedState,
    SagaMachine,
    SagaNodeEvent,
    SagaNodeId,
    SagaSerialized,
    SagaState,
    Snapshot,
    Step,
    Timestamp,
    UndoAttemptFailed,
    UndoFailed,
    verify_log,
)
from steno.errors import CorruptLog, IllegalEvent
from steno.testing.fakes import ActionSpec, SagaSpec
from steno.testing.notation import SAGA_ID, events
from steno.testing.strategies import scripts
from support.checker import Expanded, marks
from support.flaky import Act, FlakyJob, Kind, Rules, Undo, flaky_jobs, rule_sets
from support.flaky_machine import FlakyScenario, FlakySimulator
from support.oracle import (
    IN_DOUBT,
    Entry,
    Evidence,
    NotAllowed,
    Unfounded,
    check_forward,
    check_log,
    judge,
    possible_ends,
    read,
)
from support.simulator import state_facts


def cases(factor: float):
    """Return how hard to search, relative to the profile."""
    return settings(max_examples=max(1, round(settings().max_examples * factor)))


POINTS = st.frozensets(st.integers(0, 40), max_size=4)


def scenarios(*, crashes: bool = True, steady: bool = False) -> st.SearchStrategy[FlakyScenario]:
    return st.builds(
        FlakyScenario,
        flaky_jobs(steady=steady),
        rule_sets(steady=steady),
        scripts,
        POINTS if crashes else st.just(frozenset()),
    )


@st.composite
def ordered_scenarios(draw: Callable) -> FlakyScenario:
    """Return scenarios in which a person orders something, and some nodes are held for that."""
    scenario, seed = draw(scenarios()), draw(st.integers(0, 2**20))
    rng = random.Random(seed)
    rules = tuple(attrs.evolve(each, then_holds=rng.random() < 0.4) for each in scenario.rules)
    return attrs.evolve(scenario, rules=rules, orders=seed)


def is_held(entry: Entry) -> bool:
    return entry.what in {"attempt_failed", "undo_attempt_failed"} and entry.held


def ran(scenario: FlakyScenario) -> FlakySimulator:
    """Run a saga to its end, and have the oracle judge it."""
    simulator = FlakySimulator(scenario).run()
    judge(simulator.evidence())
    return simulator


def folded(simulator: FlakySimulator, length: int | None = None) -> SagaState:
    flat = simulator.scenario.job.dag.flat
    return SagaState.fold(flat, SAGA_ID, simulator.durable[:length])


# What must hold


@cases(8)
@given(scenarios())
def test_what_user_code_does_and_the_log_are_allowed(scenario: FlakyScenario):
    """Whatever fails, times out or is cut off: the oracle finds nothing that is not allowed."""
    ran(scenario)


@cases(8)
@given(ordered_scenarios())
def test_what_follows_from_orders_is_allowed(scenario: FlakyScenario):
    """Orders at any time: those that apply are followed, and the others change nothing."""
    ran(scenario)


def facts(state: SagaState) -> dict[str, object]:
    return state_facts(state) | {"setbacks": attrs.asdict(state.setbacks)}


@cases(2)
@given(st.one_of(scenarios(), ordered_scenarios()))
def test_the_live_state_is_the_fold_of_the_log(scenario: FlakyScenario):
    """After every step, all that the live state consists of is what folding the log gives."""

    def compare(simulator: FlakySimulator, _: Step) -> None:
        assert facts(simulator.machine.state) == facts(folded(simulator))

    FlakySimulator(scenario, compare).run()


@cases(1)
@given(st.one_of(scenarios(), ordered_scenarios()))
def test_every_log_is_verified(scenario: FlakyScenario):
    """Each prefix folds and keeps the rules; the whole has its end, and no other."""
    simulator = ran(scenario)
    dag, log = scenario.job.dag, simulator.durable
    for length in range(len(log) + 1):
        assert verify_log(dag, log[:length], saga_id=SAGA_ID) is None
        ended = folded(simulator, length).outcome
        # A saga that is stuck may be repaired by an order.
        meanwhile = {None} if scenario.orders is None else {None, SagaCachedState.STUCK}
        assert ended in ({simulator.outcome} if length == len(log) else meanwhile)
    for state in SagaCachedState:
        breach = verify_log(dag, log, finished=state)
        assert (breach is None) == (state is simulator.outcome or not state.finished)


@cases(2)
@given(st.one_of(scenarios(), ordered_scenarios()), st.integers(0, 2**20))
def test_a_log_that_was_tampered_with_is_refused_as_the_oracle_does(
    scenario: FlakyScenario, seed: int
):
    """Without an event, or with two exchanged, fold and `verify_log` agree with the oracle."""
    simulator, rng = ran(scenario), random.Random(seed)
    log, dag = list(simulator.durable), scenario.job.dag
    for _ in range(4):
        tampered = list(log)
        if rng.random() < 0.5:
            del tampered[rng.randrange(len(log))]
        else:
            one, two = rng.randrange(len(log)), rng.randrange(len(log))
            tampered[one], tampered[two] = tampered[two], tampered[one]
        case = simulator.evidence()
        case = attrs.evolve(case, log=timeless(tampered), commits=None, refused=())
        try:
            check_log(case)
        except Unfounded:
            continue  # it is not for the fold to say
        except NotAllowed:
            with pytest.raises((CorruptLog, IllegalEvent)):
                SagaState.fold(dag.flat, SAGA_ID, tampered)
            assert verify_log(dag, tampered) is not None
        else:
            SagaState.fold(dag.flat, SAGA_ID, tampered)
            assert verify_log(dag, tampered) is None


def timeless(events: list) -> list[Entry]:
    """Return entries whose times say nothing: the fold does not look at them either."""
    entries = read(events, [0])
    for entry in entries:
        if isinstance(entry.data, dict) and entry.data.get("next") is not None:
            entry.data["next"] = 0
    return [attrs.evolve(entry, time=10**18 + 10**12 * entry.seq) for entry in entries]


@cases(1)
@given(st.one_of(scenarios(), ordered_scenarios()))
def test_a_view_can_be_made_at_any_time(scenario: FlakyScenario):
    """Whatever is durable, the status is a tree with a line for every node."""
    simulator = FlakySimulator(scenario).run()
    dag = scenario.job.dag
    for length in [0, *simulator.commits]:
        for phase in (Phase.READY, Phase.RUNNING):
            snapshot = Snapshot(SAGA_ID, dag, simulator.durable, length, phase)
            lines = str(snapshot.view().state.status).splitlines()
            extra = sum("(parallel actions):" in line for line in lines)
            assert len(lines) == len(dag.flat.nodes) + 1 + extra


@cases(1)
@given(st.one_of(scenarios(), ordered_scenarios()))
def test_a_log_survives_a_round_trip(scenario: FlakyScenario):
    """A dump that is read and written again is the same text, with all times."""
    simulator = FlakySimulator(scenario).run()
    text = SagaSerialized(SAGA_ID, scenario.job.dag, tuple(simulator.durable)).to_json()
    read_again = SagaSerialized.from_json(text)
    assert read_again.to_json() == text
    assert read_again.events == tuple(simulator.durable)
    times = [event.time for event in simulator.durable]
    assert [event.time for event in read_again.events] == times
    assert json.loads(text)["times"] == times
    assert read_again.dag.same_as(scenario.job.dag)


@cases(0.5)
@given(scenarios(crashes=False, steady=True))
def test_a_crash_at_any_commit_changes_no_end(scenario: FlakyScenario):
    """Lost before, at or after each transaction, the rest has the end that its services demand."""
    whole = ran(scenario)
    ends = possible_ends(scenario.job, whole.rules)
    assert whole.outcome.value in ends
    for point in range(3 * len(whole.commits)):
        crashed = ran(attrs.evolve(scenario, crashes=frozenset({point})))
        assert crashed.lost == 1
        assert crashed.outcome.value in ends


@cases(1)
@given(scenarios(steady=True))
def test_any_number_of_crashes_changes_no_end(scenario: FlakyScenario):
    """Lost again and again, a saga ends as its services demand."""
    simulator = ran(scenario)
    assert simulator.outcome.value in possible_ends(scenario.job, simulator.rules)


@cases(1)
@given(st.one_of(scenarios(), ordered_scenarios()))
def test_recovering_twice_is_recovering_once(scenario: FlakyScenario):
    """What a recovery asks for, a second one asks for again, and it has nothing to log."""
    simulator = FlakySimulator(scenario).run()
    dag = scenario.job.dag
    for length in [0, *simulator.commits]:
        log = simulator.durable[:length]
        now = Timestamp(simulator.now)
        once = SagaMachine(dag, SagaState.fold(dag.flat, SAGA_ID, log)).start(now)
        log += once.record
        twice = SagaMachine(dag, SagaState.fold(dag.flat, SAGA_ID, log)).start(now)
        assert twice.record == ()
        assert asked(twice) == asked(once)


def asked(step: Step) -> Counter[Command]:
    """Return what a step asks for; a call that is made again is that call."""
    return Counter(
        attrs.evolve(each, repeats=False) if isinstance(each, RunAction) else each
        for each in step.then
    )


@cases(2)
@given(scenarios())
def test_nothing_is_forgotten_and_nothing_asked_twice(scenario: FlakyScenario):
    """What has begun is under way, what backs off or sleeps has a time, unless it is stuck."""

    def check(simulator: FlakySimulator, _: Step) -> None:
        case = simulator.evidence()
        last = {node: case.last(node) for node in range(case.graph.size)}
        busy = {node for node, word in last.items() if word in {"started", "undo_started"}}
        asleep = {node for node in busy if case.graph.kinds[node] == "sleep"}
        assert set(simulator.running) == busy - asleep
        held = {node for node in last if case.of(node) and is_held(case.of(node)[-1])}
        backing_off = {
            node for node, w in last.items() if w in {"attempt_failed", "undo_attempt_failed"}
        } - held
        waiting = {node for _, node in simulator.waits}
        assert waiting >= asleep
        if "undo_failed" not in last.values():
            assert waiting >= backing_off
        if simulator.outcome is None:
            assert busy or backing_off or held

    FlakySimulator(scenario, check).run()


def test_a_time_that_comes_late_begins_no_attempt_too_early():
    """The time of an attempt that was given up comes while its undo waits for a later one."""
    acts = {
        (0, Kind.CALL): (Act.FAILS_AFTER,),
        (0, Kind.UNDO): (Act.FAILS,),
        (1, Kind.CALL): (Act.BREAKS,),
    }
    spec = SagaSpec(((ActionSpec("n0"), ActionSpec("n1")), (ActionSpec("n2"),)))
    rules = Rules(Undo.IN_DOUBT, attempts=2, undo_attempts=2, wait=5, undo_wait=40, longest=60)
    simulator = ran(FlakyScenario(FlakyJob(spec, {}, acts), (rules,)))
    assert "".join(mark for node, mark in marks(simulator.durable) if node == 0) == "+↻?-↺-∅"


# The oracle itself


def sample() -> FlakySimulator:
    """Return a saga that shows most of what there is, unwound in the end."""
    acts = {
        (0, Kind.CALL): (Act.FAILS, Act.FAILS_AFTER, Act.WORKS),
        (0, Kind.UNDO): (Act.FAILS, Act.WORKS),
        (1, Kind.CALL): (Act.HANGS_AFTER, Act.REFUSES),
    }
    rules = Rules(Undo.IN_DOUBT, attempts=3, undo_attempts=3, timeout=2.0, undo_wait=2.0)
    job = FlakyJob(SagaSpec(((ActionSpec("n0"),), (ActionSpec("n1"),))), {}, acts, by_attempt=True)
    return ran(FlakyScenario(job, (rules,), crashes=frozenset({5})))


def test_the_sample_shows_what_there_is():
    """A log with attempts of both kinds, a failure in doubt, and a call that was cut off."""
    simulator = sample()
    assert "".join(mark for node, mark in marks(simulator.durable) if node == 0) == "+↻+↻+✓-↺-∅"
    assert "".join(mark for node, mark in marks(simulator.durable) if node == 1) == "+↻+?-∅"
    assert len(simulator.lives) == 2


def without(case: Evidence, what: str) -> Evidence:
    first = next(entry for entry in case.log if entry.what == what)
    return attrs.evolve(case, log=[entry for entry in case.log if entry is not first])


def changed(case: Evidence, what: str, **data: object) -> Evidence:
    first = next(entry for entry in case.log if entry.what == what)
    log = [
        attrs.evolve(entry, data=entry.data | data) if entry is first else entry
        for entry in case.log
    ]
    return attrs.evolve(case, log=log)


def with_doings(case: Evidence, *doings: object) -> Evidence:
    return attrs.evolve(case, doings=doings)


TAMPERED = {
    "an attempt that is not in the log": lambda c: without(c, "attempt_failed"),
    "an attempt to undo that is not in the log": lambda c: without(c, "undo_attempt_failed"),
    "a call without its started": lambda c: without(c, "started"),
    "an attempt that is counted wrongly": lambda c: changed(c, "attempt_failed", attempt=2),
    "a doubt that is not logged": lambda c: changed(c, "attempt_failed", in_doubt=False),
    "a wait that is too short": lambda c: changed(
        c, "attempt_failed", next=next(e.due for e in c.log if e.what == "attempt_failed") - 10
    ),
    "an attempt that begins too early": lambda c: changed(c, "attempt_failed", next=10**18),
    "an attempt that is held": lambda c: changed(c, "undo_attempt_failed", next=None),
    "another error": lambda c: changed(c, "attempt_failed", error={"ActionFailed": {}}),
    "a call that was not made": lambda c: with_doings(c, *c.doings[1:]),
    "an undo that was not made": lambda c: with_doings(c, *c.doings[:-1]),
    "a call that was made twice": lambda c: with_doings(c, c.doings[0], *c.doings),
    "a call of another attempt": lambda c: with_doings(
        c, attrs.evolve(c.doings[0], attempt=2), *c.doings[1:]
    ),
    "a call before its started": lambda c: with_doings(
        c, attrs.evolve(c.doings[0], durable=0), *c.doings[1:]
    ),
    "more attempts than allowed": lambda c: attrs.evolve(
        c, rules={n: attrs.evolve(rules, attempts=2) for n, rules in c.rules.items()}
    ),
    "fewer attempts than allowed": lambda c: attrs.evolve(
        c, rules={n: attrs.evolve(rules, undo_attempts=1) for n, rules in c.rules.items()}
    ),
    "an undo in doubt that cannot be": lambda c: attrs.evolve(
        c, rules={n: attrs.evolve(rules, undo=Undo.PLAIN) for n, rules in c.rules.items()}
    ),
    "an effect that is left behind": lambda c: attrs.evolve(c, effects=frozenset({1})),
    "a success that is claimed": lambda c: attrs.evolve(c, state="succeeded"),
    "a saga that is said to be stuck": lambda c: attrs.evolve(c, state="stuck"),
    "a node in doubt that is not undone": lambda c: attrs.evolve(
        c, log=[e for e in c.log if not (e.node == 1 and e.what.startswith("undo"))]
    ),
}


@pytest.mark.parametrize("what", TAMPERED)
def test_the_oracle_notices(what: str):
    """Each of these is not allowed, and the oracle says so."""
    case = sample().evidence()
    judge(case)
    with pytest.raises(NotAllowed):
        judge(TAMPERED[what](case))


def by_orders(text: str, *refused: tuple[int, int, str]) -> Evidence:
    """Return a log of two nodes, then a third, in which the times say nothing."""
    graph = Expanded.of(SagaSpec(((ActionSpec("n0"), ActionSpec("n1")), (ActionSpec("n2"),))))
    log = timeless(counted(f"3+ 3✓ {text}"))
    return Evidence(graph, {}, {}, log, "running", refused=refused)


def counted(text: str) -> list[SagaNodeEvent]:
    """Return events in which all attempts of a node but the first are the second."""
    log, seen = events(text), set()
    for place, each in enumerate(log):
        what = each.event_type
        key = each.node_id, isinstance(what, AttemptFailed)
        if isinstance(what, AttemptFailed | UndoAttemptFailed) and key in seen:
            log[place] = attrs.evolve(each, event_type=attrs.evolve(what, attempt=2))
        if isinstance(what, AttemptFailed | UndoAttemptFailed | UndoFailed):
            seen.add(key)
    return log


@pytest.mark.parametrize(
    "text",
    [
        "0«=hold 0«=retry 0+ 0↻=order 0«=retry 0+ 0✓",
        "0+ 0↻=order 0«=complete 0✓",
        "0+ 0≈=order 0«=fail 0? 0- 0! 0«=retry 0- 0↺=order 0«=complete 0∅",
        "0+ 0? 0- 0! 0«=complete 0∅ 3- 3∅",
        "0+ 0«=hold 0? 0«=retry 0-",
    ],
)
def test_the_oracle_allows_orders_and_what_follows(text: str):
    """Without them, or with others, it does not allow the same."""
    check_log(by_orders(text))
    tokens = text.split()
    for place in [place for place, token in enumerate(tokens) if "«" in token]:
        rest = tokens[:place] + tokens[place + 1 :]
        if tokens[place] != "0«=hold":
            with pytest.raises(NotAllowed):
                check_log(by_orders(" ".join(rest)))
        held_twice = [*tokens[:place], "0«=hold", "0«=hold", *tokens[place + 1 :]]
        with pytest.raises(NotAllowed):
            check_log(by_orders(" ".join(held_twice)))


@pytest.mark.parametrize(
    "text",
    [
        "0«=fail",
        "0«=retry",
        "0+ 0«=complete",
        "0+ 0✗ 0«=hold",
        "0+ 0✗ 1«=hold",
        "1«=hold 0+ 0✗ 1«=retry",
        "0+ 0↻ 0«=fail 0✓",
        "0+ 0↻ 0«=fail 0«=retry",
        "0+ 0↻ 0«=complete 0✗",
        "0+ 1+ 0? 1? 0- 1- 0! 1! 0«=retry 0-",
        "0+ 1+ 0✓ 1✓ 2+ 2✓ 4+ 4✓ 2«=hold",
    ],
)
def test_the_oracle_notices_an_order_that_does_not_apply(text: str):
    """Or one that is not followed by what it says."""
    with pytest.raises(NotAllowed):
        check_log(by_orders(text))


@pytest.mark.parametrize(
    "text",
    [
        "0+ 0«=complete+cancel:5 0✓=5",
        "0+ 0«=fail+cancel 0«=retry+cancel 0✓",
        "0+ 0? 0- 0«=retry+cancel 0«=complete+cancel:5 0∅",
        "0«=hold 0«=retry 0+ 0«=hold 0«=retry+cancel 0✓",
        "0+ «=unwind+cancel 0? 0-",
    ],
)
def test_the_oracle_allows_calls_to_be_cancelled(text: str):
    """While they are under way, and as often as the order is another one."""
    check_log(by_orders(text))


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("0«=retry+cancel", "does not apply"),
        ("0+ 0↻ 0«=fail+cancel", "does not apply"),
        ("0+ 1+ 1✗ 0«=retry+cancel", "does not apply"),
        ("0+ «=unwind+cancel 0«=retry+cancel", "does not apply"),
        ("0+ 0«=retry+cancel 0«=retry+cancel", "does not apply"),
        ("0+ 0? 0- 0«=fail+cancel", "does not apply"),
        ("0+ 0? 0- 0! «=unwind+cancel", "does not apply"),
        ("0+ 0«=complete+cancel:5 0✓=6", "after"),
        ("0+ 0«=complete+cancel:5 0✗", "after"),
        ("0+ 0«=fail+cancel 0✓", "after"),
        ("0+ 0«=retry+cancel 0✗", "after"),
        ("0+ 0«=retry+cancel 0↻=order", "after"),
        ("0+ 0«=fail+cancel 0✗", "does not name"),
        ("0+ «=unwind+cancel 1+", "while the saga unwinds"),
    ],
)
def test_the_oracle_notices_a_call_that_is_not_cancelled_as_ordered(text: str, why: str):
    """Or an order to cancel one where there is none."""
    with pytest.raises(NotAllowed, match=why):
        check_log(by_orders(text))


def cancelled(*wanted: tuple[str, str]) -> tuple[Evidence, Entry]:
    """Return a saga in which an order has ended a call of an action in a way, and where."""
    spec = SagaSpec(((ActionSpec("n0"), ActionSpec("n1")), (ActionSpec("n2"),)))
    job, rules = FlakyJob(spec), (Rules(Undo.IN_DOUBT),)
    for seed in range(3000):
        case = ran(FlakyScenario(job, rules, orders=seed)).evidence()
        for entry in case.log:
            made = any(each.node == entry.node for each in case.doings)
            orders = [] if entry.is_order else case.cancelled(entry)
            if made and orders and (orders[-1].what, entry.what) in wanted:
                return case, entry
    pytest.fail(f"no call has ended so: {wanted}")


def test_the_oracle_notices_a_call_that_is_made_though_it_is_cancelled():
    """None is begun once the order is known, in this life or in another."""
    case, end = cancelled(("order to retry and cancel", "attempt_failed"))
    (order, *_) = case.cancelled(end)
    first = next(each for each in case.doings if each.node == end.node)
    late = attrs.evolve(first, known=order.seq + 1)
    doings = [late if each is first else each for each in case.doings]
    with pytest.raises(NotAllowed, match="is begun after"):
        judge(attrs.evolve(case, doings=doings))


def test_the_oracle_notices_a_cancelled_call_that_is_not_in_doubt():
    """It may have taken effect, so its node is undone."""
    case, end = cancelled(("order to fail and cancel", IN_DOUBT))
    log = [attrs.evolve(e, what="failed") if e is end else e for e in case.log]
    log = [e for e in log if e.node != end.node or not e.what.startswith("undo")]
    with pytest.raises(NotAllowed, match="in doubt"):
        check_forward(attrs.evolve(case, log=log), end.node)


def test_the_oracle_notices_an_order_that_was_refused_and_applies():
    """Only one that does not apply may be."""
    check_log(by_orders("0+ 0↻", (4, 1, "retry"), (3, 0, "fail")))
    for applies in ((4, 0, "fail"), (4, 0, "hold"), (2, 0, "hold"), (4, 0, "retry")):
        with pytest.raises(NotAllowed, match="refused"):
            check_log(by_orders("0+ 0↻", applies))


def test_the_oracle_notices_what_is_left_between_two_transactions():
    """A node that waits when the transaction is over in which the unwinding began."""
    wide = SagaSpec(((ActionSpec("n0"), ActionSpec("n1")), (ActionSpec("n2"),)))
    acts = {(0, Kind.CALL): (Act.FAILS,), (1, Kind.CALL): (Act.BREAKS,)}
    job = FlakyJob(wide, {}, acts)
    simulator = ran(FlakyScenario(job, (Rules(attempts=3),)))
    case = simulator.evidence()
    failed = [entry.seq for entry in case.log if entry.what == "failed"]
    assert len(failed) == 2
    torn = attrs.evolve(case, commits=case.commits | {failed[0] + 1})
    with pytest.raises(NotAllowed, match="to be given up"):
        judge(torn)


def test_possible_ends():
    """Whether a service that fails is asked again, or probed, decides how its saga ends."""
    spec = SagaSpec(((ActionSpec("n0"),), (ActionSpec("n1"),)))

    def ends(rules: Rules, acts: dict) -> set[str]:
        job = FlakyJob(spec, {}, acts, by_attempt=True)
        return possible_ends(job, {SagaNodeId(0): rules, SagaNodeId(1): rules})

    fails = {(1, Kind.CALL): (Act.FAILS_AFTER,)}
    sticks = fails | {(0, Kind.UNDO): (Act.FAILS,)}
    assert ends(Rules(), {}) == {"succeeded"}
    assert ends(Rules(), fails) == {"failed"}
    assert ends(Rules(attempts=2), fails) == {"succeeded"}
    assert ends(Rules(Undo.NOOP, probe=True), fails) == {"succeeded"}
    assert ends(Rules(), sticks) == {"stuck"}
    assert ends(Rules(undo_attempts=2), sticks) == {"failed"}
    assert ends(Rules(Undo.IN_DOUBT), fails | {(1, Kind.UNDO): (Act.FAILS,)}) == {
        "failed",
        "stuck",
    }
