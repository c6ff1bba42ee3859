"""
The machine, talked to in the notation of the specification: what is told, what comes out.

A step is written as its record, then ` | `, then what it asks for.
"""

from datetime import timedelta

import attrs
import pytest

from steno.core import (
    ActionFailed,
    Failed,
    FailedInDoubt,
    Finish,
    InjectedError,
    Injection,
    JsonText,
    Node,
    RepeatInjected,
    SagaDag,
    SagaMachine,
    SagaState,
    Step,
    Timestamp,
    UndoActionError,
    Wait,
    action_error,
    in_doubt,
    injectable,
    inputs,
)
from steno.errors import CorruptLog, IllegalEvent, InternalError, NodeBegun, NoSuchNode
from steno.testing.notation import ERROR as FAILURE
from steno.testing.notation import SAGA_ID, UNDO_ERROR, fold, inputs_of, shown, step_text
from steno.testing.playbook import Playbook
from support.demo import OUTPUTS, build, demo, saga
from support.simulator import state_facts

CHAIN = saga("a", "b")  # 0, 1, start 2, end 3
WIDE = saga(["a", "b", "c"], "z")  # 0 to 2, 3, start 4, end 5
DEMO = demo()

ERROR = inputs.InjectError
UNDO_FAILURE = inputs.InjectErrorUndo


def repeat(node: int, action: int = 1, undo: int = 1) -> inputs.InjectRepeat:
    return inputs.InjectRepeat(node, RepeatInjected(action, undo))


# Forward


def test_the_demo_saga_succeeds():
    """Everything that may begin is begun before anything of that wave completes."""
    play = Playbook(DEMO)
    play >> "start" << "12+ 12✓ 0+ | run 0"
    play >> "0✓" << "0✓ 1+ 1✓ 2+ 3+ 4+ 4✓ 5+ | run 2, run 3, run 5"
    play >> "2✓" << "2✓"
    play >> "5✓" << "5✓ 6+ | run 6"
    play >> "3✓" << "3✓"
    play >> '6✓={"server_id":1212}' << "6✓ 7+ 7✓ 8+ | run 8"
    play >> "8✓" << "8✓ 9+ | run 9"
    play >> "9✓" << "9✓ 10+ | run 10"
    play >> "10✓" << "10✓ 11+ | run 11"
    play >> '11✓="it-worked"' << "11✓ 13+ 13✓ | finish succeeded"
    assert play.state.outputs[7] == '{"server_id":1212}'
    assert play.state.outputs[1] == '{"number_of_things":1}'


def test_a_chain_of_n_actions_costs_n_plus_one_steps():
    """A result and the start that it allows are one transaction."""
    play = Playbook(saga(*"abcde"))
    play >> "start"
    for node in range(5):
        play >> f"{node}✓"
    assert play.state.outcome.value == "succeeded"
    assert len([step for step in play.steps if step.record]) == 6


def test_a_saga_without_actions_is_one_step():
    """Constants and brackets run no user code, so nothing has to be waited for."""
    inner = build("i", Node.constant("c", 2))
    play = Playbook(saga(Node.constant("p", 1), Node.subsaga("s", inner, "p")))
    # p0 | start1 (c2) end3; start 4, end 5
    play >> "start" << "4+ 4✓ 0+ 0✓ 1+ 1✓ 2+ 2✓ 3+ 3✓ 5+ 5✓ | finish succeeded"
    assert [play.state.outputs[node] for node in range(6)] == [
        "1",
        "null",
        "2",
        "2",
        "null",
        "null",
    ]


def test_results_that_arrive_together_are_applied_before_anything_begins():
    """All in the order in which they arrived, and in one transaction."""
    play = Playbook(WIDE)
    play >> "start"
    play >> "2✓ 0✓ 1✓" << "2✓ 0✓ 1✓ 3+ | run 3"
    play = Playbook(WIDE)
    play >> "start"
    play >> "2✓ 0✗ 1✓" << "2✓ 0✗ 1✓ 2- 1- | undo 2, undo 1"


def test_nothing_told_is_nothing_done():
    """A step may have nothing to record."""
    play = Playbook(CHAIN)
    play >> "start"
    play >> "" << ""


# Unwinding


def test_a_failure_unwinds_in_the_reverse_order_of_the_dependencies():
    """The demo saga fails at `instance_boot`; the start's undo are the last two events."""
    play = Playbook(
        DEMO,
        f"12+ 12✓ 0+ 0✓ 1+ 1✓={OUTPUTS[1]} 2+ 3+ 4+ 4✓ 5+ 5✓ 6+ 6✓ 7+ 7✓ 2✓ 3✓ 8+ 8✓ 9+ 9✓ 10+",
    )
    play >> "start" << "run 10 again"
    play >> "10✗" << "10✗ 9- | undo 9"
    play >> "9∅" << "9∅ 8- | undo 8"
    play >> "8∅" << "8∅ 2- 3- 7- 7∅ 6- | undo 2, undo 3, undo 6"
    play >> "6∅ 3∅" << "6∅ 3∅ 5- | undo 5"
    play >> "2∅" << "2∅"
    play >> "5∅" << "5∅ 4- 4∅ 1- 1∅ 0- | undo 0"
    play >> "0∅" << "0∅ 12- 12∅ | finish failed"
    assert len(play.state.log.events) == 4 * 11 + 2


def test_what_still_runs_at_a_failure_is_waited_for():
    """A success is then undone, a failure is not; nothing is cancelled, nothing is started."""
    play = Playbook(WIDE)
    play >> "start" << "4+ 4✓ 0+ 1+ 2+ | run 0, run 1, run 2"
    play >> "1✗" << "1✗"
    play >> "2✗" << "2✗"
    play >> "0✓" << "0✓ 0- | undo 0"
    play >> "0∅" << "0∅ 4- 4∅ | finish failed"


def test_a_failure_of_the_first_node_leaves_the_start_alone_to_be_undone():
    """Four events for the start, two for the node."""
    play = Playbook(CHAIN)
    play >> "start"
    play >> "0✗" << "0✗ 2- 2∅ | finish failed"


def test_a_clean_failure_has_4k_plus_2f_events():
    """For k nodes that had succeeded and f that failed."""
    play = Playbook(WIDE)
    play >> "start"
    play >> "0✓ 1✗"
    play >> "0∅"
    play >> "2✗"
    assert play.state.outcome.value == "failed"
    assert len(play.state.log.events) == 4 * 2 + 2 * 2


# An undo that fails


def test_a_failed_undo_leaves_the_saga_stuck():
    """Nothing new is begun above it."""
    play = Playbook(CHAIN)
    play >> "start"
    play >> "0✓"
    play >> "1✗" << "1✗ 0- | undo 0"
    play >> "0!" << "0! | finish stuck"


def test_a_stuck_saga_waits_for_what_still_runs():
    """Actions and undo actions come to a logged end, but what succeeds now stays done."""
    wide = saga(["a", "b", "c", "d"], "z")
    play = Playbook(wide)
    play >> "start"
    play >> "0✓ 1✓ 2✗" << "0✓ 1✓ 2✗ 0- 1- | undo 0, undo 1"
    play >> "0!" << "0!"
    play >> "3✓" << "3✓"
    play >> "1∅" << "1∅ | finish stuck"
    assert play.log.endswith("2✗ 0- 1- 0! 3✓ 1∅")


def test_undo_failures_that_arrive_together_are_all_logged():
    """The first one that is logged is the one that is reported."""
    play = Playbook(WIDE)
    play >> "start"
    play >> "0✓ 1✓ 2✗"
    play >> "1! 0!" << "1! 0! | finish stuck"
    assert play.state.first_undo_failure == (1, UNDO_ERROR)


# Injection


def test_an_injected_error_takes_the_place_of_the_action():
    """The node is started and fails in the same step; it is not undone."""
    play = Playbook(WIDE) >> [ERROR(1)]
    play >> "start" << "4+ 4✓ 0+ 1+ 2+ 1✗ | run 0, run 2"
    assert play.steps[-1].record[-1].event_type == Failed(InjectedError().encoded())
    play >> "0✓ 2✗" << "0✓ 2✗ 0- | undo 0"


def test_an_injected_undo_error_takes_the_place_of_the_undo():
    """It is started and fails in the same step."""
    play = Playbook(CHAIN) >> [UNDO_FAILURE(0)]
    play >> "start"
    play >> "0✓"
    play >> "1✗" << "1✗ 0- 0! | finish stuck"
    _, error = play.state.first_undo_failure
    assert error == UndoActionError.attempt(1, "error injected").encoded()


def test_constants_and_ends_of_subsagas_can_be_made_to_fail():
    """In both directions, though they run no user code."""
    inner = build("i", "a")
    dag = saga(Node.constant("p", 1), Node.subsaga("s", inner, "p"), "z")
    # p0 | start1 (a2) end3 | z4; start 5, end 6
    play = Playbook(dag) >> [ERROR(0)]
    play >> "start" << "5+ 5✓ 0+ 0✗ 5- 5∅ | finish failed"
    play = Playbook(dag) >> [ERROR(3), UNDO_FAILURE(0)]
    play >> "start" << "5+ 5✓ 0+ 0✓ 1+ 1✓ 2+ | run 2"
    play >> "2✓" << "2✓ 3+ 3✗ 2- | undo 2"
    play >> "2∅" << "2∅ 1- 1∅ 0- 0! | finish stuck"
    play = Playbook(dag) >> [UNDO_FAILURE(3)]
    play >> "start"
    play >> "2✓"
    play >> "4✗" << "4✗ 3- 3! | finish stuck"


def test_a_repeat_is_part_of_what_is_asked_for():
    """The runner calls the action that often; there is one pair of events."""
    play = Playbook(CHAIN) >> [repeat(0, action=3, undo=2)]
    play >> "start" << "2+ 2✓ 0+ | run 0 x3"
    play >> "0✓" << "0✓ 1+ | run 1"
    play >> "1✗" << "1✗ 0- | undo 0 x2"


def test_the_last_repeat_of_a_node_wins():
    """Each takes the place of the one before, in both directions."""
    play = Playbook(CHAIN) >> [repeat(0, action=3, undo=2), repeat(0, action=2)]
    play >> "start" << "2+ 2✓ 0+ | run 0 x2"
    play >> "0✓"
    play >> "1✗" << "1✗ 0- | undo 0"


def test_an_injected_error_beats_a_repeat():
    """In both directions, in whichever order they are injected."""
    play = Playbook(WIDE) >> [ERROR(0), repeat(0, action=2), repeat(1, undo=2), UNDO_FAILURE(1)]
    play >> "start" << "4+ 4✓ 0+ 1+ 2+ 0✗ | run 1, run 2"
    play >> "1✓ 2✓" << "1✓ 2✓ 1- 2- 1! | undo 2"
    play >> "2∅" << "2∅ | finish stuck"


def test_an_injection_counts_when_its_node_is_dispatched():
    """While the saga runs it is taken for what comes."""
    play = Playbook(CHAIN)
    play >> "start"
    play >> [ERROR(1)] << ""
    play >> "0✓" << "0✓ 1+ 1✗ 0- | undo 0"
    play >> "0∅" << "0∅ 2- 2∅ | finish failed"


@pytest.mark.parametrize(
    ("told", "injection", "why"),
    [
        ([], ERROR(0), "has been started"),
        ([], repeat(0, action=2), "has been started"),
        ([], repeat(0, action=2, undo=2), "has been started"),
        (["0✓"], ERROR(0), "has been started"),
        (["0✗"], ERROR(1), "is never started, as its saga unwinds"),
        (["0✗"], UNDO_FAILURE(1), "is never started, as its saga unwinds"),
        (["0✗"], UNDO_FAILURE(0), "has failed, so that it is not undone"),
        (["0✓", "1✗"], UNDO_FAILURE(0), "has begun to be undone"),
        (["0✓", "1✗"], repeat(0, undo=2), "has begun to be undone"),
        (["0✓", "1✗", "0!"], UNDO_FAILURE(0), "has begun to be undone"),
    ],
)
def test_an_injection_that_comes_too_late_is_refused(
    told: list[str], injection: Injection, why: str
):
    """It would have no effect; nothing changes."""
    play = Playbook(CHAIN)
    play >> "start"
    for each in told:
        play >> each
    events = len(play.machine.state.log.events)
    with pytest.raises(NodeBegun, match=why):
        play.machine.handle([injection])
    assert len(play.machine.state.log.events) == events


def test_an_undo_of_a_stuck_saga_cannot_be_made_to_fail():
    """Nothing more is undone, so the injection is refused."""
    play = Playbook(saga("a", "b", "c"))
    for told in ("start", "0✓", "1✓"):
        play >> told
    play >> [UNDO_FAILURE(1)] << ""
    play >> "2✗"
    with pytest.raises(NodeBegun, match="is not undone any more, as its saga is stuck"):
        play.machine.handle([UNDO_FAILURE(0)])


def test_what_a_recovered_saga_calls_again_can_be_injected_into_before():
    """
    What was in flight is dispatched by the start, and that is when injections count.

    The call that was cut off may have taken effect, so the machine does not fail it by itself.
    """
    play = Playbook(CHAIN, "2+ 2✓ 0+") >> [ERROR(0)]
    play >> "start" << "run 0 again, fail"
    play >> "0✗" << "0✗ 2- 2∅ | finish failed"
    constant = saga(Node.constant("c", 1), "z")  # 0, 1, start 2, end 3
    play = Playbook(constant, "2+ 2✓ 0+") >> [ERROR(0)]
    play >> "start" << "0✗ 2- 2∅ | finish failed"


def test_a_drained_machine_begins_nothing():
    """What is under way ends and is recorded; no node and no undo is begun after it."""
    play = Playbook(CHAIN)
    play >> "start"
    play.machine.drain()
    play >> "0✓" << "0✓"
    other = Playbook(CHAIN)
    other >> "start"
    other >> "0✓"
    other.machine.drain()
    other >> "1✗" << "1✗"


def test_before_the_start_injections_give_empty_steps():
    """There is nothing to record: they are in memory only."""
    machine = SagaMachine(CHAIN, SagaState.new(CHAIN.flat, SAGA_ID))
    step = machine.handle([ERROR(0), repeat(1, action=2)])
    assert (step.record, step.then) == ((), ())
    assert machine.state.log.events == []


@pytest.mark.parametrize(
    "node", [0, 1, 3, 7, 11, "volume_id", "server_alloc", "server_alloc/server_id"]
)
def test_what_runs_something_can_be_injected_into(node: int | str):
    """Actions, constants, and ends of subsagas, given in any way that a node is given."""
    assert injectable(DEMO, node) == DEMO.get_index(node)


@pytest.mark.parametrize(
    ("node", "why"),
    [
        (12, "nothing can be injected into the (start node)"),
        (13, "nothing can be injected into the (end node)"),
        (4, 'nothing can be injected into the (subsaga start: "server-alloc")'),
        (14, "the saga has the nodes 0 to 13"),
        (-1, "the saga has the nodes 0 to 13"),
        ("nobody", 'saga "DemoVmProvision" has no node of that name or path'),
    ],
)
def test_nothing_can_be_injected_elsewhere(node: int | str, why: str):
    """Brackets and unknown nodes are refused, and nothing changes; by the machine as well."""
    with pytest.raises(NoSuchNode) as caught:
        injectable(DEMO, node)
    assert caught.value.node == node
    assert str(caught.value).endswith(why)
    play = Playbook(DEMO)
    play >> "start"
    before = state_facts(play.state)
    for injection in (ERROR(node), UNDO_FAILURE(node), repeat(node)):
        with pytest.raises(NoSuchNode):
            play >> [injection]
    assert state_facts(play.state) == before


# Recovery


def test_what_was_started_is_run_again_without_another_event():
    """Whether it took effect is not known, so it is called once more, and told so."""
    play = Playbook(WIDE, "4+ 4✓ 0+ 1+ 2+ 1✓")
    play >> "start" << "run 0 again, run 2 again"


def test_what_was_started_is_run_again_even_when_unwinding():
    """It may have taken effect; then it is undone."""
    play = Playbook(WIDE, "4+ 4✓ 0+ 1+ 2+ 1✗")
    play >> "start" << "run 0 again, run 2 again"
    play >> "0✓" << "0✓ 0- | undo 0"


def test_what_was_being_undone_is_undone_again_without_another_event():
    """Undo actions are called at least once."""
    play = Playbook(CHAIN, "2+ 2✓ 0+ 0✓ 1+ 1✗ 0-")
    play >> "start" << "undo 0"
    play >> "0∅" << "0∅ 2- 2∅ | finish failed"


def test_what_was_due_is_done():
    """A log may break off before the starts and undos that its last event allows."""
    Playbook(CHAIN, "2+ 2✓") >> "start" << "0+ | run 0"
    Playbook(CHAIN, "2+ 2✓ 0+ 0✓ 1+ 1✗") >> "start" << "0- | undo 0"
    Playbook(WIDE, "4+ 4✓ 0+ 2+") >> "start" << "1+ | run 0 again, run 2 again, run 1"


def test_what_runs_no_user_code_is_completed_at_once():
    """In a dump that was cut, a constant or a bracket may have been started, no more."""
    Playbook(CHAIN, "2+") >> "start" << "2✓ 0+ | run 0"
    Playbook(CHAIN, "2+ 2✓ 0+ 0✗ 2-") >> "start" << "2∅ | finish failed"
    Playbook(CHAIN, "2+ 2✓ 0+ 0✓ 1+ 1✓ 3+") >> "start" << "3✓ | finish succeeded"


def test_a_log_with_a_failed_undo_is_brought_to_a_logged_end():
    """What was in flight runs, and nothing else begins."""
    wide = saga(["a", "b", "c", "d"], "z")
    play = Playbook(wide, "5+ 5✓ 0+ 1+ 2+ 3+ 0✓ 1✓ 2✗ 0- 1- 0!")
    play >> "start" << "run 3 again, undo 1"
    play >> "3✓" << "3✓"
    play >> "1!" << "1! | finish stuck"
    assert play.state.first_undo_failure[0] == 0


@pytest.mark.parametrize(
    ("log", "outcome"),
    [
        ("2+ 2✓ 0+ 0✓ 1+ 1✓ 3+ 3✓", "succeeded"),
        ("2+ 2✓ 0+ 0✗ 2- 2∅", "failed"),
        ("2+ 2✗", "failed"),
        ("2+ 2✓ 0+ 0✓ 1+ 1✗ 0- 0!", "stuck"),
    ],
)
def test_a_finished_log_gains_no_event(log: str, outcome: str):
    """It is finished again, at once."""
    Playbook(CHAIN, log) >> "start" << f"finish {outcome}"


def test_injections_count_for_what_is_recovered():
    """What is in flight is dispatched once more, so it can be made to fail, or repeat."""
    play = Playbook(WIDE, "4+ 4✓ 0+ 1+ 2+") >> [ERROR(0), repeat(1, action=2)]
    play >> "start" << "run 0 again, fail, run 1 x2 again, run 2 again"
    play = Playbook(CHAIN, "2+ 2✓ 0+ 0✓ 1+ 1✗ 0-") >> [UNDO_FAILURE(0)]
    play >> "start" << "0! | finish stuck"


# Attempts


def facts(state: SagaState) -> dict[str, object]:
    """Return all of a state, to be compared; what has failed in it, as it is now."""
    return state_facts(state) | {"setbacks": attrs.asdict(state.setbacks)}


def started(dag: SagaDag, log: str, now: int | None = None) -> str:
    """Return the first step of a saga that is recovered at a time."""
    machine = SagaMachine(dag, fold(dag.flat, log))
    return step_text(machine.start(None if now is None else Timestamp(now)))


def raised(*doubts: bool | None) -> str:
    """Return the log of a node whose calls raise, in these doubts, until the last is given up."""
    play = Playbook(CHAIN)
    play >> "start"
    for doubt in doubts[:-1]:
        play >> inputs.ActionRaised(0, FAILURE, doubt, inputs.Again(Timestamp(5)))
        play >> "0@"
    play >> inputs.ActionRaised(0, FAILURE, doubts[-1])
    return play.log.removeprefix("2+ 2✓ ").partition(" 2-")[0].removesuffix(" 0-")


def test_another_attempt():
    """It begins with a `started` of its own, once its time has come; its success is the node's."""
    play = Playbook(CHAIN)
    play >> "start" << "2+ 2✓ 0+ | run 0"
    play >> "0↻=500" << "0↻ | wait 0 until 500"
    play >> "0@" << "0+ | run 0"
    play >> "0↻=900" << "0↻ | wait 0 until 900"
    assert [event.event_type.attempt for (event,) in (s.record for s in play.steps[1::2])] == [1, 2]
    play >> "0@" << "0+ | run 0"
    play >> "0✓" << "0✓ 1+ | run 1"
    folded = SagaState.fold(CHAIN.flat, SAGA_ID, play.state.log.events)
    assert facts(folded) == facts(play.state)


def test_a_held_node_waits_for_no_time():
    """Nothing is asked for, and no time begins it, until the next open or an order."""
    for held, reopen in (("0↻", True), ("0↻=order", False)):
        play = Playbook(CHAIN)
        play >> "start"
        play >> held << "0↻"
        assert play.state.last_attempt(0, undoing=False).reopen is reopen
        play >> "0@" << ""


def test_a_held_node_goes_on_with_what_it_waits_for():
    """It is due at once if it was to be at the next open; one that waits for an order is not."""
    play = Playbook(CHAIN)
    play >> "start"
    play >> "0↻" << "0↻"
    reopened = inputs.Due(0, reopened=True)
    assert step_text(play.machine.handle([reopened])) == "0+ | run 0"
    assert step_text(play.machine.handle([reopened])) == ""  # it is called already
    play >> "0↻=500" << "0↻ | wait 0 until 500"
    assert step_text(play.machine.handle([reopened], Timestamp(100))) == ""
    play = Playbook(CHAIN)
    play >> "start"
    play >> "0↻=order" << "0↻"
    assert step_text(play.machine.handle([reopened])) == ""


def test_a_held_undo_goes_on_with_what_it_waits_for():
    """As a held action does."""
    play = Playbook(CHAIN)
    play >> "start"
    play >> "0✓" << "0✓ 1+ | run 1"
    play >> "1✗" << "1✗ 0- | undo 0"
    play >> "0↺" << "0↺"
    step = play.machine.handle([inputs.Due(0, reopened=True)])
    assert step_text(step) == "0- | undo 0"


@pytest.mark.parametrize(
    "log",
    [
        "2+ 2✓",  # not started
        "2+ 2✓ 0+ 0↻=500 0+",  # begun already
        "2+ 2✓ 0+ 0↻=500 0+ 0✓",
        "2+ 2✓ 0+ 0↻=500 0«=fail 0✗",
        "2+ 2✓ 0+ 0≈=500 0«=fail 0? 0-",
        "2+ 2✓ 0+ 0✓ 1+ 1✗ 0- 0↺=500 0-",
        "2+ 2✓ 0+ 0✓ 1+ 1✗ 0- 0↺=500 0- 0∅",
    ],
)
def test_late_due(log: str):
    """A time that comes late, or is told twice, changes nothing."""
    play = Playbook(CHAIN, log)
    play >> "start"
    before = facts(play.state)
    play >> "0@ 0@ 1@"
    assert play.steps[-1].record == ()
    assert all(isinstance(command, Finish) for command in play.steps[-1].then)
    assert facts(play.state) == before


def test_early_due():
    """The clock may have been set back, or another wait is over: the machine asks to wait again."""
    play = Playbook(CHAIN, "2+ 2✓ 0+ 0↻=500")
    play.machine.start(Timestamp(100))
    assert play.machine.handle(inputs_of("0@"), Timestamp(499)) == Step((), (Wait(0, 500),))
    assert shown(play.machine.handle(inputs_of("0@"), Timestamp(500)).record) == "0+"


def test_a_drained_machine_begins_no_attempt():
    """In neither direction, nor when it is recovered; a call that fails is still logged."""
    play = Playbook(CHAIN)
    play >> "start"
    play.machine.drain()
    play >> "0↻=500" << "0↻ | wait 0 until 500"
    play >> "0@" << ""
    play = Playbook(CHAIN, "2+ 2✓ 0+ 0✓ 1+ 1✗ 0-")
    play >> "start"
    play.machine.drain()
    play >> "0↺=500" << "0↺ | wait 0 until 500"
    play >> "0@" << ""
    play = Playbook(CHAIN, "2+ 2✓ 0+ 0↻")
    play.machine.drain()
    play >> "start" << ""


def test_giving_up():
    """What waits fails in the step that begins the unwinding, as its last attempt left it."""
    play = Playbook(WIDE)
    play >> "start"
    play >> "1↻=500" << "1↻ | wait 1 until 500"
    play >> "0≈" << "0≈"
    play >> "2✗" << "2✗ 1✗ 0? 0- | undo 0"
    assert [event.event_type for event in play.steps[-1].record[1:3]] == [
        Failed(FAILURE),
        FailedInDoubt(in_doubt(FAILURE)),
    ]
    play >> "1@" << ""
    play >> "0∅" << "0∅ 4- 4∅ | finish failed"


def test_giving_up_while_draining():
    """It is part of the unwinding, and begins nothing."""
    play = Playbook(WIDE)
    play >> "start"
    play >> "1↻=500 0≈"
    play.machine.drain()
    play >> "2✗" << "2✗ 1✗ 0?"


def test_giving_up_after_an_injected_error():
    """Also where the failure comes about within the step."""
    dag = saga("p", [Node.subsaga("s", build("i", "x", "y"), "p"), "b"], "z")
    # p0 | start1 (x2 y3) end4, b5 | z6; start 7, end 8
    play = Playbook(dag) >> [ERROR(3)]
    play >> "start"
    play >> "0✓"
    play >> "5↻=500"
    play >> "2✓" << "2✓ 3+ 3✗ 5✗ 2- | undo 2"


@pytest.mark.parametrize(
    ("told", "expected"),
    [
        ("2✗ 1@", "2✗ 1✗ | "),
        ("1@ 2✗", "2✗ 1✗ | "),
        ("2✗ 0↻=900", "2✗ 0✗ 1✗ 4- 4∅ | finish failed"),
        ("2✗ 0≈=900", "2✗ 0? 1✗ 0- | undo 0"),
        ("0↻=900 2✗", "0↻ 2✗ 1✗ 0✗ 4- 4∅ | wait 0 until 900, finish failed"),
    ],
)
def test_an_unwinding_begins_no_attempt(told: str, expected: str):
    """In whichever order a failure, a time and a failed attempt arrive together."""
    play = Playbook(WIDE)
    play >> "start"
    play >> "1↻=500"
    play >> told << expected.removesuffix(" | ")


def test_an_attempt_of_an_unwinding_is_the_last():
    """It is logged as a failure, whatever was asked for."""
    play = Playbook(WIDE)
    play >> "start"
    play >> "2✗"
    play >> "0↻=500" << "0✗"
    play >> "1≈=500" << "1? 1- | undo 1"


# Doubt


@pytest.mark.parametrize(
    ("doubts", "log"),
    [
        ([None], "0+ 0✗"),
        ([False], "0+ 0✗"),
        ([True], "0+ 0?"),
        ([None, None], "0+ 0↻ 0+ 0✗"),
        ([True, None], "0+ 0≈ 0+ 0?"),
        ([True, None, None], "0+ 0≈ 0+ 0≈ 0+ 0?"),
        ([True, False], "0+ 0≈ 0+ 0✗"),
        ([True, False, None], "0+ 0≈ 0+ 0↻ 0+ 0✗"),
        ([True, False, True], "0+ 0≈ 0+ 0↻ 0+ 0?"),
        ([None, True], "0+ 0↻ 0+ 0?"),
    ],
)
def test_doubt(doubts: list[bool | None], log: str):
    """It stays over attempts that say nothing of it, and ends with one that denies it."""
    assert raised(*doubts) == log


def test_what_failed_in_doubt_is_undone():
    """Before all that it depends on."""
    play = Playbook(saga("a", "b", "c"))  # 0 to 2, start 3, end 4
    play >> "start"
    play >> "0✓"
    play >> "1✓"
    play >> "2?" << "2? 2- | undo 2"
    play >> "2∅" << "2∅ 1- | undo 1"
    play >> "1∅" << "1∅ 0- | undo 0"
    play >> "0∅" << "0∅ 3- 3∅ | finish failed"


def test_what_failed_in_doubt_beside_others_is_undone():
    """With its siblings, after whatever is below them, and before the stage above."""
    dag = saga("p", [Node.subsaga("s", build("i", "x", "y"), "p"), "b"], "z")
    # p0 | start1 (x2 y3) end4, b5 | z6; start 7, end 8
    play = Playbook(dag)
    for told in ("start", "0✓", "2✓"):
        play >> told
    play >> "5?" << "5? 5- | undo 5"
    play >> "3?" << "3? 3- | undo 3"
    play >> "5∅" << "5∅"
    play >> "3∅" << "3∅ 2- | undo 2"
    play >> "2∅" << "2∅ 1- 1∅ 0- | undo 0"


def test_doubt_is_not_forgotten_by_a_crash():
    """A call that was cut off and says nothing leaves the node in the doubt in which it was."""
    play = Playbook(CHAIN, "2+ 2✓ 0+ 0≈=500 0+")
    play >> "start" << "run 0 again"
    play >> "0✗" << "0? 0- | undo 0"
    play = Playbook(CHAIN, "2+ 2✓ 0+ 0?")
    play >> "start" << "0- | undo 0"


# Attempts to undo


def test_another_attempt_to_undo():
    """It begins with an `undo_started` of its own; without a time it is held."""
    play = Playbook(CHAIN)
    play >> "start"
    play >> "0✓"
    play >> "1✗" << "1✗ 0- | undo 0"
    play >> "0↺=500" << "0↺ | wait 0 until 500"
    play >> "0@" << "0- | undo 0"
    play >> "0↺" << "0↺"
    assert play.state.last_attempt(0, undoing=True).number == 2
    play >> "0@" << ""
    play = Playbook(CHAIN, play.state.log.events)
    play >> "start" << "0- | undo 0"
    play >> "0∅" << "0∅ 2- 2∅ | finish failed"


def test_an_undo_that_backs_off_stays_so_in_a_stuck_saga():
    """No time begins it, and it does not keep the saga from its end."""
    play = Playbook(WIDE)
    play >> "start"
    play >> "0✓ 1✓ 2✗" << "0✓ 1✓ 2✗ 0- 1- | undo 0, undo 1"
    play >> "0↺=500" << "0↺ | wait 0 until 500"
    play >> "1!" << "1! | finish stuck"
    play >> "0@" << "finish stuck"
    log = "4+ 4✓ 0+ 1+ 2+ 0✓ 1✓ 2✗ 0- 1- 0↺=500 1!"
    assert started(WIDE, log) == "wait 0 until 500, finish stuck"
    assert started(WIDE, log, 500) == "finish stuck"


def test_an_undo_may_begin_to_back_off_in_a_stuck_saga():
    """Its call was under way; it is logged as it ended."""
    play = Playbook(WIDE, "4+ 4✓ 0+ 1+ 2+ 0✓ 1✓ 2✗ 0- 1- 1!")
    play >> "start" << "undo 0"
    play >> "0↺=500" << "0↺ | wait 0 until 500, finish stuck"


def test_a_repaired_saga_goes_on():
    """Somebody has undone by hand what an undo could not: what that has held up begins."""
    log = "4+ 4✓ 0+ 1+ 2+ 0✓ 1✓ 2✗ 0- 1- 0↺=500 1! 1«=complete 1∅"
    assert started(WIDE, log, 500) == "0- | undo 0"
    assert started(WIDE, log) == "wait 0 until 500"


# Attempts and recovery


@pytest.mark.parametrize(
    ("log", "begun"),
    [
        ("2+ 2✓ 0+ 0↻", "0+ | run 0"),
        ("2+ 2✓ 0+ 0≈", "0+ | run 0"),
        ("2+ 2✓ 0+ 0✓ 1+ 1✗ 0- 0↺", "0- | undo 0"),
        ("2+ 2✓ 0+ 0? 0- 0↺", "0- | undo 0"),
    ],
)
def test_recovery_of_what_waits(log: str, begun: str):
    """What is due, or held until the next open, begins; what waits for a time or an order waits."""
    assert started(CHAIN, log) == begun
    assert started(CHAIN, log, 1) == begun
    assert started(CHAIN, f"{log}=order", 1) == ""
    assert started(CHAIN, f"{log}=500", 499) == "wait 0 until 500"
    assert started(CHAIN, f"{log}=500") == "wait 0 until 500"
    assert started(CHAIN, f"{log}=500", 500) == begun
    assert started(CHAIN, f"{log}=500", 501) == begun


def test_the_count_of_attempts_survives_a_crash():
    """The next one that fails has the next number."""
    play = Playbook(CHAIN, "2+ 2✓ 0+ 0↻=500 0+ 0↻")
    play >> "start" << "0+ | run 0"
    play >> "0↻"
    assert play.steps[-1].record[0].event_type.attempt == 3


@pytest.mark.parametrize("log", ["4+ 4✓ 0+ 1+ 0↻=500 1✗", "4+ 4✓ 0+ 1+ 0↻ 1✗"])
def test_what_was_not_given_up_is(log: str):
    """In a log that breaks off in the middle of a step, as none that is stored does."""
    assert started(WIDE, log, 1) == "0✗ 4- 4∅ | finish failed"


def test_injections_into_what_backs_off():
    """The next attempt is dispatched anew, and is what they count for."""
    play = Playbook(CHAIN, "2+ 2✓ 0+ 0↻=500")
    play >> "start"
    play >> [ERROR(0)] << ""
    play >> "0@" << "0+ 0✗ 2- 2∅ | finish failed"
    play = Playbook(CHAIN, "2+ 2✓ 0+ 0≈=500")
    play >> "start"
    play >> [ERROR(0)]
    play >> "0@" << "0+ 0? 0- | undo 0"
    play = Playbook(CHAIN, "2+ 2✓ 0+ 0↻=500")
    play >> "start"
    play >> [repeat(0, action=2, undo=3)]
    play >> "0@" << "0+ | run 0 x2"
    play >> "0?" << "0? 0- | undo 0 x3"
    play >> "0↺=500"
    play >> [UNDO_FAILURE(0)] << ""
    play >> "0@" << "0- 0! | finish stuck"


def test_an_undo_of_what_failed_in_doubt_can_be_made_to_fail():
    """It is called as that of a success."""
    play = Playbook(CHAIN, "2+ 2✓ 0+ 0?") >> [UNDO_FAILURE(0)]
    play >> "start" << "0- 0! | finish stuck"


def test_a_call_that_was_cut_off_is_not_failed_without_a_look():
    """An injected error speaks of the call that it replaces, not of the one that was cut off."""
    play = Playbook(CHAIN, "2+ 2✓ 0+ 0≈=500 0+") >> [ERROR(0), repeat(0, action=2)]
    play >> "start" << "run 0 x2 again, fail"
    play >> "0✗" << "0? 0- | undo 0"


# Sleeps

SLEEP = Node.sleep("s", timedelta(microseconds=100))
SLEEPY = saga([SLEEP, "b"], "z")  # 0, 1, 2, start 3, end 4


def test_a_sleep():
    """It asks for a time, counted from its start, and succeeds when that has come."""
    machine = SagaMachine(SLEEPY, SagaState.new(SLEEPY.flat, SAGA_ID))
    first = machine.start(Timestamp(5))
    assert step_text(first) == "3+ 3✓ 0+ 1+ | wait 0 until 105, run 1"
    assert step_text(machine.handle(inputs_of("0@"))) == "0✓"
    assert machine.state.outputs[0] == "null"
    assert step_text(machine.handle(inputs_of("0@"))) == ""
    # Recovered: the same time again, though it has come, and no event.
    state = SagaState.fold(SLEEPY.flat, SAGA_ID, first.record)
    again = SagaMachine(SLEEPY, state).start(Timestamp(500))
    assert step_text(again) == "wait 0 until 105, run 1 again"


def test_a_sleep_without_a_start_time():
    """In a dump without times it has begun long ago."""
    assert started(SLEEPY, "3+ 3✓ 0+ 1+ 1✓", 7) == "wait 0 until 100"


def test_a_sleep_until_a_time():
    """Another node says when, so the machine does not; a time that it cannot read fails it."""
    dag = saga("t", Node.sleep("s", until="t"), "z")  # 0 to 2, start 3, end 4
    play = Playbook(dag)
    play >> "start"
    play >> "0✓" << "0✓ 1+ | wait 1"
    play >> "1@" << "1✓ 2+ | run 2"
    play = Playbook(dag, "3+ 3✓ 0+ 0✓ 1+")
    play >> "start" << "wait 1"
    play >> "1✗" << "1✗ 0- | undo 0"


def test_a_sleep_ends_in_a_drained_machine():
    """Its success begins nothing, and is recorded."""
    play = Playbook(SLEEPY)
    play >> "start"
    play.machine.drain()
    play >> "0@ 1✓" << "0✓ 1✓"


def test_a_sleep_is_given_up():
    """In the step that begins the unwinding, drained or not; its time changes nothing then."""
    play = Playbook(SLEEPY)
    play >> "start"
    play >> "1✗" << "1✗ 0✗ 3- 3∅ | finish failed"
    error = play.steps[-1].record[1].event_type.error
    assert action_error(error).error_type == "steno.SleepGivenUp"
    play = Playbook(SLEEPY)
    play >> "start"
    play.machine.drain()
    play >> "1✗" << "1✗ 0✗"
    play >> "0@" << ""


def test_a_sleep_that_is_over_is_undone_without_a_call():
    """Both events of its undo are in one step."""
    play = Playbook(SLEEPY)
    play >> "start"
    play >> "0@"
    play >> "1✗" << "1✗ 0- 0∅ 3- 3∅ | finish failed"
    play = Playbook(SLEEPY)
    play >> "start"
    play >> "1✗ 0@" << "1✗ 0✓ 0- 0∅ 3- 3∅ | finish failed"


def test_injections_into_a_sleep():
    """It can be made to fail, in both directions, as whatever runs no user code."""
    play = Playbook(SLEEPY) >> [ERROR(0)]
    play >> "start" << "3+ 3✓ 0+ 1+ 0✗ | run 1"
    play = Playbook(SLEEPY) >> [UNDO_FAILURE(0)]
    play >> "start"
    play >> "0@"
    play >> "1✗" << "1✗ 0- 0! | finish stuck"
    play = Playbook(SLEEPY, "3+ 3✓ 0+ 1+") >> [ERROR(0)]
    play >> "start" << "0✗ | run 1 again"


def test_a_sleep_that_was_not_given_up_is():
    """In a log that breaks off in the middle of a step; with an injection, too."""
    log = "3+ 3✓ 0+ 1+ 1✗"
    assert started(SLEEPY, log, 1) == "0✗ 3- 3∅ | finish failed"
    play = Playbook(SLEEPY, log) >> [ERROR(0)]
    play >> "start" << "0✗ 3- 3∅ | finish failed"


def test_a_sleep_is_not_tried_again():
    """A result that only an action has is refused, and changes nothing."""
    play = Playbook(SLEEPY)
    play >> "start"
    before = facts(play.state)
    for told in ("0↻=5", "0?"):
        with pytest.raises(CorruptLog, match="it has no action"):
            play >> told
    assert facts(play.state) == before


# Misuse


def test_a_machine_is_started_once():
    """A second start is a bug in the owner of the machine."""
    play = Playbook(CHAIN)
    play >> "start"
    with pytest.raises(InternalError, match="a machine is started once"):
        play >> "start"


@pytest.mark.parametrize("told", ["1✓", "0∅", "0!", "2✓", "3✗", "1↻", "1≈=5", "2?", "0↺"])
def test_a_result_that_was_not_asked_for_is_refused_and_changes_nothing(told: str):
    """Only a command that is outstanding has an answer."""
    play = Playbook(CHAIN)
    play >> "start"
    before = state_facts(play.state)
    with pytest.raises(IllegalEvent):
        play >> told
    assert state_facts(play.state) == before
    play >> "0✗" << "0✗ 2- 2∅ | finish failed"


def test_a_result_is_told_once():
    """The second time nothing is outstanding."""
    play = Playbook(WIDE)
    play >> "start"
    play >> "0✓"
    with pytest.raises(
        IllegalEvent, match="succeeded is illegal with current load status succeeded"
    ):
        play >> "0✓"


def test_the_error_of_an_action_is_logged_as_it_was_told():
    """The machine passes outputs and errors on, and makes none of its own."""
    play = Playbook(CHAIN)
    play >> "start"
    error = ActionFailed('{"message":"sold out"}').encoded()
    step = play.machine.handle([inputs.ActionRaised(0, error)])
    assert step.record[0].event_type == Failed(error)
    assert play.state.first_failure == (0, error)


def test_the_events_of_a_step_have_the_time_that_it_is_given():
    """Each step its own; without one they have none."""
    machine = SagaMachine(demo(), SagaState.new(demo().flat, SAGA_ID))
    first = machine.start(Timestamp(5))
    node = next(command.node_id for command in first.then)
    second = machine.handle([inputs.ActionSucceeded(node, JsonText("1"))], Timestamp(6))
    assert {event.time for event in first.record} == {5}
    assert {event.time for event in second.record} == {6}
    log = machine.state.log
    assert [event.time for event in log.events][: len(first.record)] == [5] * len(first.record)
    assert log.events[-1].time == 6
    assert [event.time for event in log.copy().events[-1:]] == [6]
