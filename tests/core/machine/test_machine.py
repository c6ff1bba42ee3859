"""
The machine, talked to in the notation of the specification: what is told, what comes out.

A step is written as its record, then ` | `, then what it asks for.
"""

import pytest

from steno.core import (
    ActionFailed,
    Failed,
    InjectedError,
    Injection,
    JsonText,
    Node,
    RepeatInjected,
    SagaMachine,
    SagaState,
    Timestamp,
    UndoActionError,
    injectable,
    inputs,
)
from steno.errors import IllegalEvent, InternalError, NodeBegun, NoSuchNode
from steno.testing.notation import SAGA_ID, UNDO_ERROR, events, shown
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
    play >> "start" << "run 10"
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
    """Whoever runs the action calls it that often; there is one pair of events."""
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
    """What was in flight is dispatched by the start, and that is when injections count."""
    recovered = SagaState.fold(CHAIN.flat, SAGA_ID, events("2+ 2✓ 0+", SAGA_ID))
    machine = SagaMachine(CHAIN, recovered)
    machine.handle([ERROR(0)])
    assert shown(machine.start().record) == "0✗ 2- 2∅"


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
    """Whether it took effect is not known, so it is called once more."""
    play = Playbook(WIDE, "4+ 4✓ 0+ 1+ 2+ 1✓")
    play >> "start" << "run 0, run 2"


def test_what_was_started_is_run_again_even_when_unwinding():
    """It may have taken effect; then it is undone."""
    play = Playbook(WIDE, "4+ 4✓ 0+ 1+ 2+ 1✗")
    play >> "start" << "run 0, run 2"
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
    Playbook(WIDE, "4+ 4✓ 0+ 2+") >> "start" << "1+ | run 0, run 2, run 1"


def test_what_runs_no_user_code_is_completed_at_once():
    """In a dump that was cut, a constant or a bracket may have been started, no more."""
    Playbook(CHAIN, "2+") >> "start" << "2✓ 0+ | run 0"
    Playbook(CHAIN, "2+ 2✓ 0+ 0✗ 2-") >> "start" << "2∅ | finish failed"
    Playbook(CHAIN, "2+ 2✓ 0+ 0✓ 1+ 1✓ 3+") >> "start" << "3✓ | finish succeeded"


def test_a_log_with_a_failed_undo_is_brought_to_a_logged_end():
    """What was in flight runs, and nothing else begins."""
    wide = saga(["a", "b", "c", "d"], "z")
    play = Playbook(wide, "5+ 5✓ 0+ 1+ 2+ 3+ 0✓ 1✓ 2✗ 0- 1- 0!")
    play >> "start" << "run 3, undo 1"
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
    """What is in flight is dispatched once more, so it can be made to fail."""
    play = Playbook(WIDE, "4+ 4✓ 0+ 1+ 2+") >> [ERROR(0), repeat(1, action=2)]
    play >> "start" << "0✗ | run 1 x2, run 2"
    play = Playbook(CHAIN, "2+ 2✓ 0+ 0✓ 1+ 1✗ 0-") >> [UNDO_FAILURE(0)]
    play >> "start" << "0! | finish stuck"


# Misuse


def test_a_machine_is_started_once():
    """A second start is a bug of whoever owns the machine."""
    play = Playbook(CHAIN)
    play >> "start"
    with pytest.raises(InternalError, match="a machine is started once"):
        play >> "start"


@pytest.mark.parametrize("told", ["1✓", "0∅", "0!", "2✓", "3✗"])
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
