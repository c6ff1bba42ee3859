"""Views."""

from datetime import timedelta

import attrs
import pytest

from steno.core import (
    Attention,
    FailedAttempt,
    InDoubt,
    Node,
    Phase,
    SagaCachedState,
    SagaDone,
    SagaHalted,
    SagaReady,
    SagaResultErr,
    SagaResultOk,
    SagaRunning,
    SagaState,
    SagaView,
    Snapshot,
    Timestamp,
)
from steno.errors import NoSuchNode, RecoveryError
from steno.testing.notation import SAGA_ID, event, events
from support.demo import OUTPUTS, demo, saga

WIDE = saga(["a", "b", "c"], "z")  # 0 to 2, 3, start 4, end 5
CHAIN = saga("a", "b")  # 0, 1, start 2, end 3

NO = 'action failed: {"message":"no"}'


def snapshot(dag, log: str, phase=Phase.RUNNING, problem: str | None = None) -> Snapshot:
    recorded = events(log)
    return Snapshot(SAGA_ID, dag, recorded, len(recorded), phase, problem)


def states(dag, log: str, phase=Phase.RUNNING, problem: str | None = None) -> str:
    view = snapshot(dag, log, phase, problem).view()
    return " ".join(state.value for state in view.state.status.node_states)


@pytest.mark.parametrize(
    ("log", "running", "ready"),
    [
        (
            "",
            "blocked blocked blocked blocked queued-todo blocked",
            "blocked blocked blocked blocked queued-todo blocked",
        ),
        (
            "4+",
            "blocked blocked blocked blocked working blocked",
            "blocked blocked blocked blocked queued-todo blocked",
        ),
        (
            "4+ 4✓ 0+ 1+ 1✓",
            "working done queued-todo blocked done blocked",
            "queued-todo done queued-todo blocked done blocked",
        ),
        (
            "4+ 4✓ 0+ 1+ 1✓ 0✗",
            "failed queued-undo abandoned abandoned done abandoned",
            "failed queued-undo abandoned abandoned done abandoned",
        ),
        (
            "4+ 4✓ 0+ 1+ 2+ 1✓ 0✗ 1-",
            "failed undo-working working abandoned done abandoned",
            "failed queued-undo queued-todo abandoned done abandoned",
        ),
        (
            "4+ 4✓ 0+ 1+ 1✓ 0✗ 1- 1∅",
            "failed undone abandoned abandoned queued-undo abandoned",
            "failed undone abandoned abandoned queued-undo abandoned",
        ),
        (
            "4+ 4✓ 0+ 1+ 2+ 1✓ 2✓ 0✗ 1- 1!",
            "failed undo-failed done abandoned done abandoned",
            "failed undo-failed done abandoned done abandoned",
        ),
        (
            "4+ 4✓ 0+ 1+ 2+ 0↻=500 1≈",
            "backing-off held working blocked done blocked",
            "backing-off held queued-todo blocked done blocked",
        ),
        (
            "4+ 4✓ 0+ 1+ 2+ 0? 1✓ 2✓ 1- 1↺=500 2- 2↺",
            "in-doubt undo-backing-off undo-held abandoned done abandoned",
            "in-doubt undo-backing-off undo-held abandoned done abandoned",
        ),
        (
            "4+ 4✓ 0+ 1+ 2+ 2≈ 0? 1✗ 2? 0- 0∅",
            "undone failed in-doubt abandoned done abandoned",
            "undone failed in-doubt abandoned done abandoned",
        ),
        (
            "4+ 4✓ 0«=hold 3«=hold 1+ 2+ 1↻=order 2≈=order 2«=retry",
            "held held backing-off blocked done blocked",
            "held held backing-off blocked done blocked",
        ),
        (
            "4+ 4✓ 0+ 1+ 2+ 0«=hold 1«=hold 2«=hold 0✓ 1? 2✓ 2«=retry",
            "undo-held undo-held queued-undo abandoned done abandoned",
            "undo-held undo-held queued-undo abandoned done abandoned",
        ),
        (
            "4+ 4✓ 0«=hold 1+ 2+ 1✗",
            "abandoned failed working abandoned done abandoned",
            "abandoned failed queued-todo abandoned done abandoned",
        ),
        (
            "4+ 4✓ 0+ 1+ 0? 1? 0- 0! 0«=retry",
            "undo-backing-off in-doubt abandoned abandoned done abandoned",
            "undo-backing-off in-doubt abandoned abandoned done abandoned",
        ),
    ],
)
def test_what_a_node_does_follows_from_the_log(log: str, running: str, ready: str):
    """What is in flight works in a saga that runs, and is queued in one that does not."""
    assert states(WIDE, log) == running
    assert states(WIDE, log, Phase.READY) == ready
    assert states(WIDE, log, Phase.RUNNING, "halted") == ready


def test_a_sleep_waits():
    """In a saga that runs; in one that does not it is queued, as an action is."""
    dag = saga([Node.sleep("s", timedelta(1)), "b"], "z")
    assert states(dag, "3+ 3✓ 0+ 1+") == "waiting working blocked done blocked"
    ready = "queued-todo queued-todo blocked done blocked"
    assert states(dag, "3+ 3✓ 0+ 1+", Phase.READY) == ready
    assert states(dag, "3+ 3✓ 0+ 1+ 0✓") == "done working blocked done blocked"


def test_failed_attempts_are_shown():
    """The last one of each node, with its number, its error, and when the next is due."""
    log = "4+ 4✓ 0+ 1+ 2+ 0↻=500 1≈ 2✓"
    assert snapshot(WIDE, log).view().state.status.attempts == {
        0: FailedAttempt(1, NO, in_doubt=False, next=Timestamp(500), undoing=False),
        1: FailedAttempt(1, NO, in_doubt=True, next=None, undoing=False),
    }
    assert snapshot(WIDE, "4+ 4✓ 0+ 1+ 2+ 0✗").view().state.status.attempts == {}


def test_a_failed_attempt_to_undo_is_shown_instead():
    """It is the one that says what the node waits for; it is shown after a success, too."""
    log = "4+ 4✓ 0+ 1+ 0≈ 1? 0? 0- 0↺=500"
    (attempt,) = snapshot(WIDE, log).view().state.status.attempts.values()
    text = '{"message":"undo action attempt 1: no"}'
    assert attempt == FailedAttempt(1, text, in_doubt=False, next=Timestamp(500), undoing=True)
    (after,) = snapshot(WIDE, f"{log} 0- 0∅").view().state.status.attempts.values()
    assert after == attempt


def test_the_result_of_a_failure_in_doubt():
    """The error says so, and has the cause."""
    result = snapshot(CHAIN, "2+ 2✓ 0+ 0? 0- 0∅ 2- 2∅", Phase.DONE).view().state.result
    assert isinstance(result.error_source, InDoubt)
    assert str(result) == f'at node "a": in doubt: {NO}'


def test_the_state_of_a_saga_follows_from_its_phase():
    """Ready, running, done, or halted, each with the status of its nodes."""
    assert isinstance(snapshot(CHAIN, "", Phase.READY).view().state, SagaReady)
    assert isinstance(snapshot(CHAIN, "2+").view().state, SagaRunning)
    done = snapshot(CHAIN, "2+ 2✓ 0+ 0✓ 1+ 1✓ 3+ 3✓", Phase.DONE).view().state
    assert isinstance(done, SagaDone)
    assert isinstance(done.result, SagaResultOk)
    failed = snapshot(CHAIN, "2+ 2✓ 0+ 0✗ 2- 2∅", Phase.DONE).view().state
    assert isinstance(failed.result, SagaResultErr)
    halted = snapshot(CHAIN, "2+", Phase.RUNNING, "the store is gone").view().state
    assert isinstance(halted, SagaHalted)
    assert halted.problem == "the store is gone"


def test_a_view_says_whose_it_is():
    """The id, and the name of the kind of saga."""
    view = snapshot(demo(), "").view()
    assert (view.saga_id, view.saga_name) == (SAGA_ID, "DemoVmProvision")


def test_a_status_is_a_tree_and_a_table():
    """`str` gives the tree; a node's state is found by index, name or path."""
    log = f"12+ 12✓ 0+ 0✓ 1+ 1✓={OUTPUTS[1]} 2+ 3+ 4+ 4✓ 5+"
    status = snapshot(demo(), log).view().state.status
    lines = str(status).splitlines()
    assert lines[0] == f"+ saga execution: {SAGA_ID}"
    assert lines[8] == '                +-- working: ServerPick (produces "server_id")'
    for node in (5, "server_id", "server_alloc/server_id"):
        assert status.node_state(node).value == "working"
    with pytest.raises(NoSuchNode):
        status.node_state("nobody")


def test_a_snapshot_is_of_the_moment_when_it_was_taken():
    """What the log gains later, and what was not durable then, is not seen."""
    log = events("2+ 2✓ 0+ 0✓")
    taken = Snapshot(SAGA_ID, CHAIN, log, 3, Phase.RUNNING)
    log += events("1+")
    assert [state.value for state in taken.view().state.status.node_states] == [
        "working",
        "blocked",
        "done",
        "blocked",
    ]
    assert len(taken.view().serialized().events) == 3
    assert taken.log == tuple(log[:3])


def test_the_state_of_a_finished_saga_is_not_folded_again():
    """The caller passes it in; the result has a copy of the log, which may be changed."""
    log = "2+ 2✓ 0+ 0✓ 1+ 1✓ 3+ 3✓"
    state = SagaState.fold(CHAIN.flat, SAGA_ID, events(log))
    taken = Snapshot(SAGA_ID, CHAIN, state.log.events, 8, Phase.DONE, ended=state)
    assert taken.state is state
    folded = snapshot(CHAIN, log, Phase.DONE).view()
    assert str(taken.view().state.status) == str(folded.state.status)
    for result in (taken.result(), taken.view().state.result):
        assert list(result.saga_log.events) == events(log)
        assert result.saga_log.unwinding is False
        assert result.saga_log is not state.log
        result.saga_log.record(event("3-"))
    assert list(state.log.events) == events(log)
    assert state.log.unwinding is False


def test_a_view_can_be_dumped():
    """With the graph, and the events that were durable."""
    dumped = snapshot(demo(), "12+ 12✓").view().serialized()
    assert (dumped.saga_id, dumped.dag.saga_name) == (SAGA_ID, "DemoVmProvision")
    assert dumped.events == tuple(events("12+ 12✓"))


def test_a_saga_that_cannot_be_read_cannot_be_dumped():
    """Its view has a problem, and no status."""
    halted = SagaHalted("its graph is malformed", None, state=SagaCachedState.RUNNING)
    view = SagaView(SAGA_ID, "x", halted)
    with pytest.raises(RecoveryError, match=f"saga {SAGA_ID} cannot be dumped"):
        view.serialized()


@pytest.mark.parametrize(
    ("log", "attention"),
    [
        ("", None),
        ("4+ 4✓ 0+", None),
        ("4+ 4✓ 0+ 0↻=order", Attention.HELD),
        ("4+ 4✓ 0+ 0↻=order 1+", None),
        ("4+ 4✓ 0+ 0↻=order «=pause", None),
        ("4+ 4✓ 0+ 0✓ 1+ 1✗ 0- 0!", Attention.STUCK),
        ("4+ 4✓ 0+ 0✓ 1+ 1✗ 0- 0! «=abandon", None),
    ],
)
def test_a_view_says_why_a_person_should_look(log: str, attention: Attention | None):
    """As the log says, or what was noted with a problem, which is graver."""
    plain = snapshot(WIDE, log.replace("1+ 1✗", "1+ 2+ 2✓ 1✗ 2- 2∅"))
    assert plain.view().attention is attention
    assert plain.view().state.attention is attention
    noted = attrs.evolve(plain, noted=Attention.QUARANTINED)
    assert noted.view().attention is Attention.QUARANTINED
