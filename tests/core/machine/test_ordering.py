"""Orders on nodes, as steps of a machine."""

from datetime import timedelta

import attrs
import pytest

from steno.core import (
    OF_NODES,
    ActionFailed,
    JsonText,
    Node,
    RunAction,
    RunUndo,
    SagaMachine,
    SagaState,
    Step,
    Timestamp,
    Verb,
    Wait,
    action_error,
    inputs,
)
from steno.testing.notation import SAGA_ID, inputs_of, shown, step_text
from steno.testing.playbook import Playbook
from support.demo import build, saga
from support.simulator import state_facts

PAIR = saga(["a", "b"], "c")  # 0 and 1, then 2; 3 is the start, 4 the end
WIDE = saga(["a", "b", "c"], "z")  # 0 to 2, 3, start 4, end 5
SLEEPY = saga([Node.sleep("a", timedelta(microseconds=100)), "b"], "c")  # as PAIR


def facts(state: SagaState) -> dict[str, object]:
    """Return all of a state, to be compared; what has failed in it, as it is now."""
    return state_facts(state) | {"setbacks": attrs.asdict(state.setbacks)}


def order(node: int, verb: str, **more: object) -> inputs.Order:
    return inputs.Order(node, Verb(verb), "me", **({"why": "a reason"} | more))


HELD_ALREADY = "is held already, by an order"
NEVER = "was never started"
CANCELS = "and its call is under way (cancel=True cancels it)"
UNDER_WAY = f"has been started, {CANCELS}"
TO_UNDO = "waits for another attempt to undo it"

STATES = {
    # By name: the node, the log, then what comes of hold, retry, fail and complete.
    "blocked": (2, "0+ 1+", "2«", f"{NEVER}, and nothing holds it", NEVER, NEVER),
    "stopped before it begins": (0, "0«=hold 1+", HELD_ALREADY, "0« 0+ | run 0", NEVER, NEVER),
    "stopped while it is blocked": (2, "2«=hold 0+ 1+", HELD_ALREADY, "2«", NEVER, NEVER),
    "never started": (
        *(0, "0«=hold 1+ 1?", "is never started, as its saga unwinds"),
        *("is never started, as its saga unwinds", NEVER, NEVER),
    ),
    "started": (
        *(0, "0+ 1+", "0«", f"has been started, nothing holds it, {CANCELS}"),
        *(UNDER_WAY, UNDER_WAY),
    ),
    "started, its undo stopped": (0, "0+ 0«=hold 1+", HELD_ALREADY, "0«", UNDER_WAY, UNDER_WAY),
    "backing off": (0, "0+ 0↻=500 1+", "0«", "0« 0+ | run 0", "0« 0✗", "0« 0✓"),
    "backing off, its undo stopped": (
        *(0, "0+ 0↻=500 0«=hold 1+", HELD_ALREADY, "0« 0+ | run 0", "0« 0✗", "0« 0✓"),
    ),
    "held": (0, "0+ 0↻=order 1+", "0«", "0« 0+ | run 0", "0« 0✗", "0« 0✓"),
    "held, the last": (
        *(0, "0+ 0↻=order 1+ 1✓", "0«", "0« 0+ | run 0"),
        *("0« 0✗ 1- | undo 1", "0« 0✓ 2+ | run 2"),
    ),
    "held in doubt": (0, "0+ 0≈=order 1+", "0«", "0« 0+ | run 0", "0« 0? 0- | undo 0", "0« 0✓"),
    "held in doubt, its undo stopped": (
        *(0, "0+ 0≈=order 0«=hold 1+", HELD_ALREADY, "0« 0+ | run 0", "0« 0?", "0« 0✓"),
    ),
    "succeeded": (
        *(0, "0+ 0✓ 1+", "0«", "has succeeded, and nothing holds it"),
        *("has succeeded", "has succeeded"),
    ),
    "succeeded, its undo stopped": (
        *(0, "0+ 0«=hold 0✓ 1+ 1✗", HELD_ALREADY, "0« 0- | undo 0"),
        *("has succeeded", "has succeeded"),
    ),
    "failed": (0, "0+ 1+ 0✗", *["has failed"] * 4),
    "failed in doubt, its undo stopped": (
        *(0, "0+ 0«=hold 0?", HELD_ALREADY, "0« 0- | undo 0"),
        *("has failed in doubt", "has failed in doubt"),
    ),
    "being undone": (
        *(0, "0+ 1+ 0? 0-", "is being undone", f"is being undone, {CANCELS}"),
        *("is being undone", f"is being undone, {CANCELS}"),
    ),
    "backing off to undo": (
        *(0, "0+ 1+ 0? 0- 0↺=500", TO_UNDO, "0« 0- | undo 0", TO_UNDO, "0« 0∅"),
    ),
    "held to undo": (
        *(0, "0+ 0? 0- 0↺=order", TO_UNDO, "0« 0- | undo 0"),
        *(TO_UNDO, "0« 0∅ 3- 3∅ | finish failed"),
    ),
    "undone": (0, "0+ 1+ 0? 0- 0∅", *["is undone"] * 4),
    "undo failed": (
        *(0, "0+ 0? 0- 0!", "could not be undone", "0« 0- | undo 0"),
        *("could not be undone", "0« 0∅ 3- 3∅ | finish failed"),
    ),
}


@pytest.mark.parametrize("verb", OF_NODES)
@pytest.mark.parametrize("name", STATES)
def test_an_order_is_done_or_refused(name: str, verb: Verb):
    """It is first in the log, and what follows from it is in the same step; or nothing changes."""
    node, log, *results = STATES[name]
    expected = dict(zip(OF_NODES, results, strict=True))[verb]
    play = Playbook(PAIR, f"3+ 3✓ {log}")
    play >> "start"
    before = facts(play.state)
    play >> f"{node}«={verb.value}"
    step = play.steps[-1]
    if "«" in expected:
        play << expected
        assert step.refused == ()
        assert facts(SagaState.fold(PAIR.flat, SAGA_ID, play.state.log.events)) == facts(play.state)
        return
    (refused,) = step.refused
    assert refused.why == f'node "{PAIR.flat.path(node)}" {expected}'
    assert step.record == ()
    assert facts(play.state) == before
    assert play.machine.handle([]).record == ()


@pytest.mark.parametrize("verb", OF_NODES)
@pytest.mark.parametrize("name", STATES)
def test_an_order_survives_a_crash(name: str, verb: Verb):
    """Each prefix folds; and what was begun is begun again, what was not is not."""
    node, log, *_ = STATES[name]
    play = Playbook(PAIR, f"3+ 3✓ {log}")
    play.machine.start(Timestamp(7))
    told = play.machine.handle(inputs_of(f"{node}«={verb.value}"), Timestamp(8))
    events = list(play.state.log.events)
    for length in range(len(events) + 1):
        SagaState.fold(PAIR.flat, SAGA_ID, events[:length])
    recovered = SagaMachine(PAIR, SagaState.fold(PAIR.flat, SAGA_ID, events))
    again = recovered.start(Timestamp(9))
    assert again.record == ()
    assert facts(recovered.state) == facts(play.state)
    assert called(told) <= called(again) == set(play.state.in_flight)


def called(step: Step) -> set[int]:
    """Return the nodes that a step calls user code for."""
    return {each.node_id for each in step.then if isinstance(each, RunAction | RunUndo)}


def lost(play: Playbook, now: int) -> Step:
    """Return the first step after a crash."""
    return SagaMachine(
        play.dag, SagaState.fold(play.dag.flat, SAGA_ID, play.state.log.events)
    ).start(Timestamp(now))


@pytest.mark.parametrize("node", [3, 4, 5])
def test_markers_take_no_orders(node: int):
    """Nothing is called for them, so there is nothing to be ordered."""
    dag = saga("p", Node.subsaga("s", build("i", "x"), "p"), "z")
    # p0, start1 x2 end3, z4, start 5, end 6
    marker = {3: 1, 4: 6, 5: 5}[node]
    play = Playbook(dag)
    play >> "start"
    before = facts(play.state)
    for verb in OF_NODES:
        play >> order(marker, verb.value) << ""
        (refused,) = play.steps[-1].refused
        assert refused.why == f"nothing can be ordered of the {dag.flat.nodes[marker].label}"
    assert facts(play.state) == before


# Holding


def test_a_node_is_held_before_it_begins():
    """Those beside it go on; what depends on it waits for the order that lifts it."""
    play = Playbook(PAIR)
    play >> "0«=hold" << "0«"
    play >> "start" << "3+ 3✓ 1+ | run 1"
    play >> "2«=hold" << "2«"
    play >> "1✓" << "1✓"
    play >> "0«=retry" << "0« 0+ | run 0"
    play >> "0✓" << "0✓"
    play >> "2«=retry" << "2« 2+ | run 2"
    play >> "2✓" << "2✓ 4+ 4✓ | finish succeeded"


def test_an_undo_is_held_before_it_begins():
    """What it depends on is not undone either, until the order is lifted."""
    play = Playbook(PAIR)
    play >> "start"
    play >> "0«=hold" << "0«"
    play >> "0✓ 1✗" << "0✓ 1✗"
    assert lost(play, 9).then == ()
    play >> "0«=retry" << "0« 0- | undo 0"
    play >> "0∅" << "0∅ 3- 3∅ | finish failed"


def test_a_hold_that_is_lifted_early_holds_nothing():
    """A node that could not begin yet begins in its turn."""
    play = Playbook(PAIR)
    play >> "start"
    play >> "2«=hold"
    play >> "2«=retry" << "2«"
    play >> "0✓ 1✓" << "0✓ 1✓ 2+ | run 2"


def test_an_undo_that_is_held_does_not_hold_the_action():
    """A node that backs off is called again when it is due: only its undo is stopped."""
    play = Playbook(PAIR)
    play >> "start"
    play >> "0↻=500 0«=hold" << "0↻ 0« | wait 0 until 500"
    play >> "0@" << "0+ | run 0"
    play >> "0? 1✓" << "0? 1✓ 1- | undo 1"
    play >> "0«=retry" << "0« 0- | undo 0"


def test_a_hold_on_a_node_without_an_action():
    """A constant and the end of a subsaga are not begun; a sleep does not begin to sleep."""
    dag = saga(Node.constant("p", 1), Node.subsaga("s", build("i", "x"), "p"), "z")
    # p0, start1 x2 end3, z4, start 5, end 6
    play = Playbook(dag)
    play >> "0«=hold 3«=hold" << "0« 3«"
    play >> "start" << "5+ 5✓"
    play >> "0«=retry" << "0« 0+ 0✓ 1+ 1✓ 2+ | run 2"
    play >> "2✓" << "2✓"
    play >> "3«=retry" << "3« 3+ 3✓ 4+ | run 4"
    play = Playbook(SLEEPY)
    play >> "0«=hold"
    play >> "start" << "3+ 3✓ 1+ | run 1"
    play.machine.handle(inputs_of("0«=retry"), Timestamp(50))
    assert play.state.in_flight[0] == 50


def test_a_node_that_is_held_is_abandoned_when_its_saga_unwinds():
    """It was never started, so there is nothing to wait for."""
    play = Playbook(PAIR)
    play >> "0«=hold"
    play >> "start"
    play >> "1✗" << "1✗ 3- 3∅ | finish failed"
    play >> "0«=retry" << "finish failed"
    assert play.steps[-1].refused[0].why == 'node "/a" is never started, as its saga unwinds'


# Retrying


def test_a_retry_comes_before_the_time_that_was_waited_for():
    """That time changes nothing when it comes, nor does it begin a later attempt too early."""
    play = Playbook(PAIR)
    play >> "start"
    play >> "0↻=500"
    play >> "0«=retry" << "0« 0+ | run 0"
    play >> "0@" << ""
    play >> "0↻=900" << "0↻ | wait 0 until 900"
    assert play.machine.handle(inputs_of("0@"), Timestamp(500)).then == (Wait(0, 900),)
    assert play.state.last_attempt(0, undoing=False).number == 2


def test_a_failed_undo_is_tried_again():
    """Its failure counts as an attempt; what was held up by it goes on when it is done."""
    play = Playbook(saga("a", "b", "c"))  # 0 to 2, start 3, end 4
    for told in ("start", "0✓", "1✓", "2✗"):
        play >> told
    play >> "1!" << "1! | finish stuck"
    play >> "1«=retry" << "1« 1- | undo 1"
    play >> "1↺=500" << "1↺ | wait 1 until 500"
    assert play.steps[-1].record[0].event_type.attempt == 2
    play >> "1@" << "1- | undo 1"
    play >> "1∅" << "1∅ 0- | undo 0"


def test_one_gate():
    """An order to retry one of two failed undos begins when the other is repaired too."""
    log = "4+ 4✓ 0+ 1+ 2+ 0✓ 1✓ 2✗ 0- 1- 0! 1!"
    play = Playbook(WIDE, log)
    play >> "start" << "finish stuck"
    play >> "0«=retry" << "0« | finish stuck"
    assert step_text(lost(play, 9)) == "finish stuck"
    play >> "1«=complete" << "1« 1∅ 0- | undo 0"
    play = Playbook(WIDE, log)
    play >> "start"
    play >> "0«=retry"
    play >> "1«=retry" << "1« 0- 1- | undo 0, undo 1"
    play = Playbook(WIDE, log)
    play >> "start"
    play >> "1«=retry 0«=complete" << "1« 0« 0∅ 1- | undo 1"


def test_a_retry_in_a_stuck_saga_waits_for_its_repair():
    """The undo of another node backs off; the order makes it due, and the gate is shut."""
    play = Playbook(WIDE, "4+ 4✓ 0+ 1+ 2+ 0✓ 1✓ 2✗ 0- 1- 0↺=order 1!")
    play >> "start" << "finish stuck"
    play >> "0«=retry" << "0« | finish stuck"
    play >> "1«=complete" << "1« 1∅ 0- | undo 0"


def test_letting_go_in_a_stuck_saga():
    """A retry that only lifts a hold does not repair what is stuck."""
    play = Playbook(WIDE, "4+ 4✓ 0+ 1+ 2+ 1«=hold 0✓ 1✓ 2✗ 0- 0!")
    play >> "start" << "finish stuck"
    play >> "1«=retry" << "1« | finish stuck"
    play >> "0«=retry" << "0« 0- 1- | undo 0, undo 1"


# Failing and completing


def test_a_failure_that_was_ordered_has_the_last_error():
    """And its doubt, and it begins the unwinding: what waits is given up in the same step."""
    play = Playbook(WIDE)
    play >> "start"
    error = ActionFailed('{"message":"sold out"}').encoded()
    play >> [
        inputs.ActionRaised(0, error, in_doubt=True, again=inputs.Again(None)),
        *inputs_of("1↻=500"),
    ]
    play >> "0«=fail" << "0« 0? 1✗ 0- | undo 0"
    failed = action_error(play.steps[-1].record[1].event_type.error)
    assert str(failed) == 'in doubt: action failed: {"message":"sold out"}'
    assert play.state.first_failure[0] == 0


def test_doubt_that_was_ended_is_not_in_a_failure():
    """The last attempt says so."""
    play = Playbook(PAIR, "3+ 3✓ 0+ 0≈ 0+ 0↻=order 1+")
    play >> "start"
    play >> "0«=fail" << "0« 0✗"


def test_a_node_is_completed_with_an_output():
    """What it was to give is there for all that depend on it."""
    play = Playbook(PAIR, "3+ 3✓ 0+ 0↻=order 1+ 1✓")
    play >> "start"
    play >> order(0, "complete", value=JsonText('{"seat":7}')) << '0« 0✓={"seat":7} 2+ | run 2'
    assert play.state.outputs[0] == '{"seat":7}'


@pytest.mark.parametrize(
    ("dag", "log"),
    [(PAIR, "0+ 0? 0- 0↺=order"), (PAIR, "0+ 0? 0- 0!"), (SLEEPY, "0+ 1+")],
)
def test_an_output_is_given_only_to_an_action(dag, log: str):
    """An undo and a sleep give nothing."""
    play = Playbook(dag, f"3+ 3✓ {log}")
    play >> "start"
    before = facts(play.state)
    play >> order(0, "complete", value=JsonText("1"))
    (refused,) = play.steps[-1].refused
    assert refused.why == 'node "/a" has no output to be completed with'
    assert facts(play.state) == before
    play >> order(0, "complete")
    assert play.steps[-1].refused == ()


@pytest.mark.parametrize("verb", ["fail", "complete"])
@pytest.mark.parametrize("why", [None, ""])
def test_some_orders_have_to_say_why(verb: str, why: str | None):
    """Nobody could look it up later; without a reason they could not even be read again."""
    play = Playbook(PAIR, "3+ 3✓ 0+ 0↻=order 1+")
    play >> "start"
    play >> order(0, verb, why=why) << ""
    assert play.steps[-1].refused[0].why == f"an order to {verb} has to say why"
    play >> order(0, "retry", why=why) << "0« 0+ | run 0"


# Sleeps


def test_a_sleep_is_ended_by_an_order():
    """In either way; its time changes nothing then."""
    play = Playbook(SLEEPY)
    play >> "start" << "3+ 3✓ 0+ 1+ | wait 0 until 100, run 1"
    play >> "0«=complete" << "0« 0✓"
    play >> "0@" << ""
    play >> "1✓" << "1✓ 2+ | run 2"
    play = Playbook(SLEEPY)
    play >> "start"
    play >> order(0, "fail", why="too late") << "0« 0✗"
    error = action_error(play.steps[-1].record[1].event_type.error)
    assert error.error_type == "steno.Ordered"
    assert "ordered to fail by me: too late" in str(error)
    play >> "1✓" << "1✓ 1- | undo 1"


def test_an_order_to_retry_does_not_wake_a_sleep():
    """It makes an attempt due, and a sleep has none."""
    play = Playbook(SLEEPY)
    play >> "start"
    play >> "0«=retry" << ""
    assert play.steps[-1].refused[0].why == 'node "/a" has been started, and nothing holds it'


# When, and in which company


def test_an_order_is_refused_if_the_log_has_grown():
    """It carries the length of the log that the person saw, if they want it to."""
    play = Playbook(PAIR, "3+ 3✓ 0+ 0↻=order 1+ 1↻=order")
    play >> "start"
    play >> order(0, "retry", expect=5) << ""
    assert play.steps[-1].refused[0].why == "the log has 6 events, not the 5 that were seen"
    play >> [order(0, "retry", expect=6), order(1, "retry", expect=6)] << "0« 0+ | run 0"
    assert [each.order.node_id for each in play.steps[-1].refused] == [1]
    assert play.steps[-1].record[0].event_type.expect == 6


def test_an_order_beside_a_failure():
    """In whichever order they arrive, an unwinding begins nothing forward."""
    for told, expected in {
        "1✗ 0«=retry": "1✗ 0« 0✗ 3- 3∅ | finish failed",
        "0«=retry 1✗": "0« 1✗ 0✗ 3- 3∅ | finish failed",
        "1✗ 0«=complete": "1✗ 0« 0✓ 0- | undo 0",
        "0«=fail 1✓": "0« 0✗ 1✓ 1- | undo 1",
        "0«=retry 0«=fail": "0« 0« 0✗",
        "0«=complete 0«=retry": "0« 0✓",
    }.items():
        play = Playbook(PAIR, "3+ 3✓ 0+ 0↻=order 1+")
        play >> "start"
        play >> told << expected


def test_a_drained_machine_records_orders_and_begins_nothing():
    """What was ordered, and what follows from it but for what would begin; that comes later."""
    for told, expected, later in (
        ("0«=retry", "0«", "run 1 again"),
        ("0«=complete", "0« 0✓", "run 1 again"),
        ("0«=fail", "0« 0✗", "run 1 again"),
        ("2«=hold", "2«", "run 1 again"),
    ):
        play = Playbook(PAIR, "3+ 3✓ 0+ 0↻=order 1+")
        play >> "start"
        play.machine.drain()
        play >> told << expected
        again = lost(play, 9)
        assert RunAction(1, repeats=True) in again.then
        begun = "0+" if told == "0«=retry" else ""
        assert (shown(again.record), later in step_text(again)) == (begun, True)
    play = Playbook(WIDE, "4+ 4✓ 0+ 0↻=order 1+ 1↻=order 2+ 2✓")
    play >> "start"
    play.machine.drain()
    play >> "0«=fail" << "0« 0✗ 1✗"


def test_orders_before_the_start_begin_nothing():
    """They are recorded with what follows of their own nodes; the start begins the rest."""
    play = Playbook(PAIR, "3+ 3✓ 0+ 0↻=order 1+ 1↻=order")
    play >> "0«=retry" << "0«"
    play >> "1«=complete" << "1« 1✓"
    assert not play.machine.started
    assert step_text(play.machine.start(Timestamp(9))) == "0+ | run 0"
    play = Playbook(PAIR, "3+ 3✓ 0+ 0↻=order 1+ 1↻=order")
    play >> "0«=fail" << "0« 0✗ 1✗"  # giving up is part of what begins the unwinding
    play >> "start" << "3- 3∅ | finish failed"
    assert play.machine.started


def test_an_injected_error_meets_the_attempt_that_was_ordered():
    """It is dispatched anew."""
    play = Playbook(PAIR, "3+ 3✓ 0+ 0↻=order 1+")
    play >> "start"
    play >> [inputs.InjectError(0)]
    play >> "0«=retry" << "0« 0+ 0✗"


def test_steps_follow_each_other():
    """Two of them are one: events, commands and refusals in their order."""
    play = Playbook(PAIR, "3+ 3✓ 0+ 0↻=order 1+")
    play >> "start"
    play >> "0«=complete"
    play >> "0«=retry"
    first, second = play.steps[-2:]
    both = first.followed_by(second)
    assert both == Step(first.record, first.then, second.refused)
    assert [each.order.verb for each in both.refused] == [Verb.RETRY]
