"""Orders on a saga, as steps of a machine; signals and deadlines have tests of their own."""

import attrs
import pytest

from steno.core import (
    Finish,
    JsonText,
    Node,
    RunAction,
    RunUndo,
    SagaCachedState,
    SagaMachine,
    SagaNodeLoadStatus,
    SagaState,
    Step,
    Timestamp,
    Verb,
    cached_state,
    inputs,
    verify_log,
)
from steno.testing.notation import SAGA_ID, inputs_of, shown, step_text
from steno.testing.playbook import Playbook
from support.demo import saga
from support.simulator import state_facts

DAG = saga("a", "b", Node.signal("s", "go"), "z")  # 0 to 3; 4 is the start, 5 the end
PAIR = saga(["a", "b"], "c")  # 0 and 1, then 2; 3 is the start, 4 the end

WHOLE = "4+ 4✓ 0+ 0✓ 1+ 1✓ «=signal:go:7 2+ 2✓ 3+ 3✓ 5+ 5✓"
UNWINDING = "4+ 4✓ 0+ 0✓ 1+ 1✗ 0-"

ORDERS = ("start", "pause", "resume", "unwind", "abandon", "deadline:500", "signal:go:1")

NOT_PAUSED, PAUSED = "is not paused", "is paused already"
BEGUN, UNWINDS = "has been started", "unwinds already"
ABANDONED = "«=abandon | finish abandoned"
DEADLINE = "«=deadline | wait until 500"
TAKEN = 'has another value for the signal "go", which a node has taken'

STATES = {
    # By name: the log, then for each order the step that follows, or why it is refused.
    "ready": (
        *("", "4+ 4✓ 0+ | run 0", "«=pause", NOT_PAUSED, "«=unwind | finish failed"),
        *(ABANDONED, DEADLINE, "«=signal"),
    ),
    "ready and paused": (
        *("«=pause", "«=start", PAUSED, "«=resume", "«=unwind | finish failed"),
        *(ABANDONED, DEADLINE, "«=signal"),
    ),
    "imported": (
        *("4+ 4✓ 0+ «=import", "«=start | run 0 again", "«=pause", NOT_PAUSED),
        *("«=unwind | run 0 again", ABANDONED, DEADLINE, "«=signal"),
    ),
    "imported, and may begin": (
        *("4+ 4✓ «=import", "0+ | run 0", "«=pause", NOT_PAUSED, "«=unwind 4- 4∅ | finish failed"),
        *(ABANDONED, DEADLINE, "«=signal"),
    ),
    "imported, and unwinds": (
        *("4+ 4✓ 0+ 0✓ 1+ 1✗ «=import", "0- | undo 0", "«=pause", NOT_PAUSED),
        *("«=unwind 0- | undo 0", ABANDONED, DEADLINE, "«=signal"),
    ),
    "imported, succeeded": (
        *(f"{WHOLE} «=import", "«=start | finish succeeded", "«=pause", NOT_PAUSED),
        *("«=unwind 5- 5∅ 3- | undo 3", ABANDONED, DEADLINE, TAKEN),
    ),
    "imported, stuck": (
        *(f"{UNWINDING} 0! «=import", "«=start | finish stuck", "«=pause", NOT_PAUSED),
        *("«=unwind | finish stuck", ABANDONED, DEADLINE, "«=signal"),
    ),
    "imported, abandoned": (
        *("4+ 4✓ 0+ «=abandon «=import", "«=start | finish abandoned", "«=pause", NOT_PAUSED),
        *("«=unwind | finish abandoned", ABANDONED, DEADLINE, "«=signal"),
    ),
    "running": (
        *("4+ 4✓ 0+", BEGUN, "«=pause", NOT_PAUSED, "«=unwind", ABANDONED, DEADLINE, "«=signal"),
    ),
    "running and paused": (
        *("4+ 4✓ 0+ «=pause", BEGUN, PAUSED, "«=resume | run 0 again", "«=unwind | run 0 again"),
        *(ABANDONED, DEADLINE, "«=signal"),
    ),
    "started in a pause": (
        *("«=pause «=start", BEGUN, PAUSED, "«=resume 4+ 4✓ 0+ | run 0"),
        *("«=unwind | finish failed", ABANDONED, DEADLINE, "«=signal"),
    ),
    "waiting for a signal": (
        *("4+ 4✓ 0+ 0✓ 1+ 1✓ 2+", BEGUN, "«=pause", NOT_PAUSED, "«=unwind 2✗ 1- | undo 1"),
        *(ABANDONED, DEADLINE, "«=signal 2✓ 3+ | run 3"),
    ),
    "waiting and paused": (
        *("4+ 4✓ 0+ 0✓ 1+ 1✓ 2+ «=pause", BEGUN, PAUSED, "«=resume"),
        *("«=unwind 2✗ 1- | undo 1", ABANDONED, DEADLINE, "«=signal 2✓"),
    ),
    "unwinding": (
        *(UNWINDING, BEGUN, "«=pause", NOT_PAUSED, UNWINDS, ABANDONED, DEADLINE, "«=signal"),
    ),
    "unwinding by an order": (
        *("4+ 4✓ 0+ «=unwind", BEGUN, "«=pause", NOT_PAUSED, UNWINDS),
        *(ABANDONED, DEADLINE, "«=signal"),
    ),
    "unwinding and paused": (
        *(f"{UNWINDING} «=pause", BEGUN, PAUSED, "«=resume | undo 0", "«=unwind | undo 0"),
        *(ABANDONED, DEADLINE, "«=signal"),
    ),
    "stuck": (f"{UNWINDING} 0!", *["is stuck"] * 2, NOT_PAUSED, "is stuck", ABANDONED)
    + ("is stuck",) * 2,
    "stuck and paused": (
        *(f"{UNWINDING} «=pause 0!", *["is stuck"] * 2, "«=resume | finish stuck", "is stuck"),
        *(ABANDONED, *["is stuck"] * 2),
    ),
    "succeeded": (
        *(WHOLE, *["has succeeded"] * 3, "«=unwind 5- 5∅ 3- | undo 3", *["has succeeded"] * 3),
    ),
    "failed": (f"{UNWINDING} 0∅ 4- 4∅", *["has failed, and is undone"] * 7),
    "abandoned": ("4+ 4✓ 0+ «=abandon", *["was abandoned"] * 7),
}

SAID = {
    "ready": "ready",
    "imported": "ready",
    "running and paused": "paused",
    "running": "running",
    "waiting": "running",
    "waiting and paused": "paused",
    "started in a pause": "paused",
    "unwinding and paused": "paused",
    "unwinding": "unwinding",
    "stuck": "stuck",
    "succeeded": "succeeded",
    "failed": "failed",
    "abandoned": "abandoned",
}

every_state = pytest.mark.parametrize("name", STATES)
every_order = pytest.mark.parametrize("order", ORDERS)


def loaded(log: str) -> Playbook:
    """Return a saga as its SEC has it: one that is ready waits for its start."""
    play = Playbook(DAG, log)
    if play.state.begun:
        play.machine.start(Timestamp(7))
    return play


def tell(play: Playbook, order: str, now: int = 8) -> Step:
    """Give an order; one to start goes the way in which it is given."""
    (told,) = inputs_of(f"«={order}")
    assert isinstance(told, inputs.Order)
    if told.verb is Verb.START and not play.state.begun:
        return play.machine.start(Timestamp(now), attrs.evolve(told, why=None))
    return play.machine.handle([told], Timestamp(now))


def crashed(play: Playbook) -> SagaMachine:
    """Return what a crash leaves of a saga."""
    return SagaMachine(play.dag, SagaState.fold(play.dag.flat, SAGA_ID, play.state.log.events))


def called(step: Step) -> set[int]:
    """Return the nodes that a step calls user code for."""
    return {each.node_id for each in step.then if isinstance(each, RunAction | RunUndo)}


def finish(machine: SagaMachine) -> tuple[SagaCachedState, dict[int, SagaNodeLoadStatus]]:
    """Run a saga to its end, with all calls returning; return that end, and what nodes end as."""
    state = machine.state
    if not machine.started:
        machine.start(Timestamp(10), inputs.Order(None, Verb.START, "test"))
    while state.outcome is None:
        if state.paused:
            machine.handle(inputs_of("«=resume"), Timestamp(10))
        node = next(iter(state.in_flight), None)
        if node is not None:
            undoing = state.status(node) is SagaNodeLoadStatus.UNDO_STARTED
            result = f"{node}∅" if undoing else f"{node}✓"
            waits = node == 2 and not undoing
            machine.handle(inputs_of("«=signal:go:1" if waits else result), Timestamp(10))
    assert verify_log(machine.dag, state.log.events, finished=cached_state(state)) is None
    return state.outcome, dict(state.statuses())


@every_order
@every_state
def test_an_order_is_done_or_refused(name: str, order: str):
    """It is first in the log, and what follows is in the same step; or nothing changes."""
    log, *results = STATES[name]
    expected = dict(zip(ORDERS, results, strict=True))[order]
    play = loaded(log)
    before = state_facts(play.state)
    step = tell(play, order)
    if expected[0] in "«0123456789":
        assert step_text(step) == expected
        assert step.refused == ()
        assert state_facts(crashed(play).state) == state_facts(play.state)
        assert verify_log(DAG, play.state.log.events) is None
        return
    (refused,) = step.refused
    assert refused.why == f"the saga {expected}"
    assert step.record == ()
    assert called(step) == set()
    assert state_facts(play.state) == before
    assert play.machine.handle([]).record == ()


@every_state
def test_a_state_in_one_word(name: str):
    """The first that applies, however many do."""
    word = max((each for each in SAID if name.startswith(each)), key=len)
    assert cached_state(loaded(STATES[name][0]).state).value == SAID[word]


@every_order
@every_state
def test_an_order_twice(name: str, order: str):
    """The second time it is refused, or says nothing new; only a deadline is logged each time."""
    play = loaded(STATES[name][0])
    if tell(play, order).refused:
        return
    before, size = state_facts(play.state), len(play.state.log.events)
    step = tell(play, order)
    if order.startswith("deadline"):
        assert shown(step.record) == "«=deadline"
        assert play.state.steering.deadline == 500
        return
    assert (step.refused == ()) == order.startswith("signal")
    assert len(play.state.log.events) == size
    assert state_facts(play.state) == before


@every_order
@every_state
def test_an_order_survives_a_crash(name: str, order: str):
    """Each prefix folds; what was begun is begun again; and the saga has the same end."""
    play = loaded(STATES[name][0])
    told = tell(play, order)
    events = list(play.state.log.events)
    for length in range(len(events) + 1):
        SagaState.fold(DAG.flat, SAGA_ID, events[:length])
        assert verify_log(DAG, events[:length]) is None
    recovered = crashed(play)
    assert state_facts(recovered.state) == state_facts(play.state)
    if recovered.state.begun:
        again = recovered.start(Timestamp(9))
        assert again.record == ()
        assert called(told) <= called(again)
        quiet = play.state.paused or play.state.outcome is SagaCachedState.ABANDONED
        calls = {node for node in play.state.in_flight if node != 2}
        assert called(again) == (set() if quiet else calls)
    assert finish(recovered) == finish(play.machine)


SCRIPTS = {
    "paused and resumed": "«=start 0✓ «=pause 1✓ «=resume",
    "paused in an unwinding": "«=start 0✓ «=pause 1✗ «=resume 0∅",
    "unwound in a pause": "«=start «=pause 0✓ «=unwind 0∅",
    "unwound while it waits": "«=start 0✓ 1✓ «=unwind 1∅ 0∅",
    "unwound after its success": "«=start 0✓ «=signal:go:7 1✓ 3✓ «=unwind 3∅ 1∅ 0∅",
    "paused while it is undone": "«=start 0✓ «=signal:go:7 1✓ 3✓ «=unwind «=pause 3∅ «=resume",
    "abandoned": "«=start 0✓ «=signal:go:7 «=abandon",
    "started in a pause": "«=pause «=start «=signal:go:7 «=resume 0✓",
}


@pytest.mark.parametrize("name", SCRIPTS)
def test_a_crash_after_any_step_changes_no_end(name: str):
    """At each commit the process may be lost: the rest is what it would have been."""
    orders = SCRIPTS[name].split()
    for length in range(1, len(orders) + 1):
        play = Playbook(DAG)
        for order in orders[:length]:
            if order.startswith("«"):
                step = tell(play, order[2:])
            else:
                step = play.machine.handle(inputs_of(order), Timestamp(8))
            assert step.refused == ()
            recovered = crashed(play)
            if recovered.state.begun:
                assert recovered.start(Timestamp(9)).record == ()
                assert state_facts(recovered.state) == state_facts(play.state)
        recovered = crashed(play)
        recovered.start(Timestamp(9), inputs.Order(None, Verb.START, "test"))
        assert finish(recovered) == finish(play.machine)


# Starting


def start_order(why: str | None = None) -> inputs.Order:
    return inputs.Order(None, Verb.START, "me", why)


def test_a_start_is_logged_where_nothing_else_says_so():
    """A step that begins a node says as much, unless a reason was given."""
    for log, why, expected in (
        ("", None, "4+ 4✓ 0+ | run 0"),
        ("", "at last", "«=start 4+ 4✓ 0+ | run 0"),
        ("«=pause", None, "«=start"),
        ("0«=hold 4+ 4✓ «=import", None, "«=start"),
        ("4+ «=import", None, "«=start 4✓ 0+ | run 0"),
        ("4+ 4✓ 0+ 0↻=5 «=import", None, "«=start 0+ | run 0"),
        (f"{UNWINDING} 0∅ 4- 4∅ «=import", None, "«=start | finish failed"),
        (f"{UNWINDING} 0∅ «=import", "why not", "«=start 4- 4∅ | finish failed"),
    ):
        play = Playbook(DAG, log)
        step = play.machine.start(Timestamp(8), start_order(why))
        assert step_text(step) == expected, log
        assert play.state.begun
        assert verify_log(DAG, play.state.log.events) is None


def test_a_start_of_a_drained_saga_is_logged():
    """It begins nothing, so nothing else would say that it was started."""
    play = Playbook(DAG)
    play.machine.drain()
    step = play.machine.start(Timestamp(8), start_order())
    assert step_text(step) == "«=start"
    assert cached_state(play.state) is SagaCachedState.RUNNING
    assert step_text(crashed(play).start(Timestamp(9))) == "4+ 4✓ 0+ | run 0"


def test_a_start_is_logged_once():
    """A saga that was started before goes on, and nothing more says so, even with a reason."""
    play = Playbook(DAG, "«=start")
    assert step_text(play.machine.start(Timestamp(8), start_order("again"))) == "4+ 4✓ 0+ | run 0"


def test_a_resume_does_not_start_a_saga():
    """It ends the pause, and the saga still waits for its start."""
    play = Playbook(DAG, "«=pause")
    play >> "«=resume" << "«=resume"
    assert cached_state(play.state) is SagaCachedState.READY
    play >> "start" << "4+ 4✓ 0+ | run 0"


# Pausing


def test_what_comes_in_a_pause_is_logged_and_begins_nothing():
    """Results, retries that are due, and orders on nodes; all of it begins at the resume."""
    play = Playbook(PAIR)
    play >> "start" << "3+ 3✓ 0+ 1+ | run 0, run 1"
    play >> "0↻=500 «=pause" << "0↻ «=pause | wait 0 until 500"
    play >> "0@" << ""
    play >> "1✓" << "1✓"
    play >> "2«=hold" << "2«"
    play >> "«=resume" << "«=resume 0+ | run 0"
    play >> "«=pause 0✓ 2«=retry" << "«=pause 0✓ 2«"
    play >> "«=resume «=pause" << "«=resume «=pause"
    play >> "«=resume" << "«=resume 2+ | run 2"


def test_a_failure_in_a_pause_gives_up_what_waits():
    """Giving up is part of what begins the unwinding; what is undone waits for the resume."""
    play = Playbook(PAIR, "3+ 3✓ 0+ 1+ 1↻=500")
    play >> "start"
    play >> "«=pause"
    play >> "0?" << "0? 1✗"
    play >> "«=resume" << "«=resume 0- | undo 0"


def test_a_pause_that_outlives_a_repair():
    """The flag is beside the state: when the saga is stuck no more, it is paused still."""
    play = Playbook(DAG, f"{UNWINDING} «=pause 0!")
    assert cached_state(play.state) is SagaCachedState.STUCK
    play >> "0«=complete" << "0« 0∅"
    assert cached_state(play.state) is SagaCachedState.PAUSED
    play >> "«=resume" << "«=resume 4- 4∅ | finish failed"


# Unwinding


def test_a_saga_that_has_succeeded_is_undone_in_reverse():
    """Every node of it, the end and the start too, siblings side by side."""
    play = Playbook(PAIR, "3+ 3✓ 0+ 1+ 0✓ 1✓ 2+ 2✓ 4+ 4✓")
    play >> "start" << "finish succeeded"
    play >> "«=unwind" << "«=unwind 4- 4∅ 2- | undo 2"
    assert play.state.outcome is None
    play >> "2∅" << "2∅ 0- 1- | undo 0, undo 1"
    play >> "0∅" << "0∅"
    play >> "1∅" << "1∅ 3- 3∅ | finish failed"


def test_the_undo_of_a_success_may_fail():
    """The saga is stuck then, and can be repaired like any other."""
    play = Playbook(PAIR, "3+ 3✓ 0+ 1+ 0✓ 1✓ 2+ 2✓ 4+ 4✓")
    play >> "«=unwind" << "«=unwind 4- 4∅ 2- | undo 2"
    play >> "2!" << "2! | finish stuck"
    play >> "2«=complete" << "2« 2∅ 0- 1- | undo 0, undo 1"


def test_a_saga_that_is_ready_fails_at_once():
    """Nothing was done, so nothing is undone, and no node has an event."""
    play = Playbook(PAIR)
    play >> "«=unwind" << "«=unwind | finish failed"
    assert verify_log(PAIR, play.state.log.events, finished=SagaCachedState.FAILED) is None


def test_an_end_that_was_started_is_undone_after_it_has_succeeded():
    """A dump may break off there; the end node is then undone like any other."""
    play = Playbook(PAIR, "3+ 3✓ 0+ 1+ 0✓ 1✓ 2+ 2✓ 4+ «=unwind")
    assert dict(play.state.undoable) == {}
    play >> "start" << "4✓ 4- 4∅ 2- | undo 2"


@pytest.mark.parametrize("barred", ["", "paused", "drained"])
def test_what_waits_is_given_up_with_the_order_to_unwind(barred: str):
    """Paused or drained too: between the order and what it gives up there is no crash."""
    play = Playbook(
        PAIR, "3+ 3✓ 0+ 1+ 0≈=order 1↻=500" + (" «=pause" if barred == "paused" else "")
    )
    play >> "start"
    if barred == "drained":
        play.machine.drain()
    undo = " 0- | undo 0" if barred != "drained" else ""
    play >> "«=unwind" << f"«=unwind 0? 1✗{undo}"
    assert not play.state.paused


def test_a_running_call_ends_before_it_is_undone():
    """An order to unwind cancels nothing; the result is undone, or is a failure among others."""
    play = Playbook(PAIR)
    play >> "start"
    play >> "«=unwind" << "«=unwind"
    play >> "0↻=500" << "0✗"
    play >> "1✓" << "1✓ 1- | undo 1"
    play >> "1∅" << "1∅ 3- 3∅ | finish failed"
    assert play.state.first_failure is None
    assert play.state.steering.unwound.why == "no reason"


def test_an_order_beside_a_failure():
    """Whichever comes first began the unwinding."""
    play = Playbook(PAIR)
    play >> "start"
    play >> "0✗ «=unwind" << "0✗"
    assert [each.why for each in play.steps[-1].refused] == ["the saga unwinds already"]
    play = Playbook(PAIR)
    play >> "start"
    play >> "«=unwind 0✗" << "«=unwind 0✗"
    assert (play.state.first_failure, play.state.steering.unwound.by) == (None, "test")


# Abandoning


def test_nothing_follows_once_a_saga_is_abandoned():
    """Results, times, deadlines and orders that come in the same step, or later, are dropped."""
    for told in ("0✓ 1✓", "0✗", "0↻=5", "0?", "0@", "@"):
        play = Playbook(PAIR)
        play >> "start"
        play >> f"«=abandon {told}" << ABANDONED
        play >> told << "finish abandoned"
    for told, expected in {
        "0✓ 1✓ «=abandon": "0✓ 1✓ «=abandon",
        "0↻=500 1✗ «=abandon": "0↻ 1✗ «=abandon",
    }.items():
        play = Playbook(PAIR)
        play >> "start"
        play >> told
        assert shown(play.steps[-1].record) == expected
        assert play.steps[-1].then[-1] == Finish(SagaCachedState.ABANDONED)
        assert called(play.steps[-1]) == set()


def test_a_node_of_an_abandoned_saga_takes_no_orders():
    """It is finished for good."""
    play = Playbook(PAIR, "3+ 3✓ 0+ 1+ 1↻=order «=abandon")
    before = state_facts(play.state)
    for told in ("0«=hold", "1«=retry", "1«=fail", "1«=complete", "2«=hold"):
        play >> told << ""
        (refused,) = play.steps[-1].refused
        assert refused.why.endswith("is of a saga that was abandoned")
    assert state_facts(play.state) == before


@pytest.mark.parametrize("log", ["3+ 3✓", "3+ 3✓ 0+ 1+", "3+ 3✓ 0+ 1+ 0✓ 1✗", "3+ 3✓ 0+ 1+ 1↻"])
def test_an_abandoned_saga_that_is_loaded_does_nothing(log: str):
    """Neither what was under way nor what could begin is called."""
    Playbook(PAIR, f"{log} «=abandon") >> "start" << "finish abandoned"


# Reasons, and what was seen


@pytest.mark.parametrize("verb", ["unwind", "abandon"])
@pytest.mark.parametrize("why", [None, ""])
def test_some_orders_have_to_say_why(verb: str, why: str | None):
    """They decide what nobody can look up later."""
    play = Playbook(PAIR)
    play >> inputs.Order(None, Verb(verb), "me", why) << ""
    assert play.steps[-1].refused[0].why == f"an order to {verb} has to say why"
    play >> inputs.Order(None, Verb.PAUSE, "me", why) << "«=pause"


def test_an_order_is_refused_if_the_log_has_grown():
    """It carries the length of the log that the person saw, if they want it to."""
    play = Playbook(PAIR, "3+ 3✓ 0+ 1+")
    play >> "start"
    play >> inputs.Order(None, Verb.PAUSE, "me", expect=3) << ""
    assert play.steps[-1].refused[0].why == "the log has 4 events, not the 3 that were seen"
    play >> inputs.Order(None, Verb.PAUSE, "me", expect=4) << "«=pause"
    assert play.steps[-1].record[0].event_type.expect == 4


def test_an_import_makes_any_saga_ready():
    """It stands where events come from elsewhere, whatever they say; once or twice."""
    for log, *_ in STATES.values():
        play = Playbook(DAG, f"{log} «=import")
        assert cached_state(play.state) is SagaCachedState.READY
        play >> inputs.Order(None, Verb.IMPORT, "me") << "«=import"
        assert cached_state(play.state) is SagaCachedState.READY
        assert verify_log(DAG, play.state.log.events) is None


def test_the_value_of_an_order_is_that_of_a_signal():
    """Other orders on a saga have none, whatever was said."""
    play = Playbook(DAG)
    play >> inputs.Order(None, Verb.PAUSE, "me", value=JsonText("3")) << "«=pause"
    assert play.steps[-1].record[0].event_type.value is None
