"""What a saga's row in a store says of it."""

from datetime import timedelta

import pytest

from steno.core import Node, SagaCachedState, SagaState, cached_state
from steno.core.machine._lifecycle import held_nodes, only_waits
from steno.testing.notation import SAGA_ID, events, fold
from support.demo import saga

DAG = saga(["a", "b"], "c")  # 0 and 1, 2, start 3, end 4


@pytest.mark.parametrize(
    ("log", "state"),
    [
        ("", SagaCachedState.READY),
        ("3+ 3✓ 0+ 1+ 0✓", SagaCachedState.RUNNING),
        ("3+ 3✓ 0+ 1+ 0✓ 1↻", SagaCachedState.RUNNING),
        ("3+ 3✓ 0+ 1+ 0✓ 1?", SagaCachedState.UNWINDING),
        ("3+ 3✓ 0+ 1+ 0✗ 1? 1- 1↺", SagaCachedState.UNWINDING),
        ("3+ 3✓ 0+ 1+ 0✓ 1? 1- 0- 1↺ 0!", SagaCachedState.STUCK),
        ("3+ 3✓ 0+ 1+ 0✓ 1? 1- 0- 1↺ 0! 0«=complete 0∅", SagaCachedState.UNWINDING),
        ("3+ 3✓ 0+ 1+ 0✓ 1? 1- 0- 1↺ 0! 0«=complete", SagaCachedState.STUCK),
        ("3+ 3✓ 0+ 1+ 0✓ 1? 1- 0- 1↺ 0! 0«=retry", SagaCachedState.UNWINDING),
        ("0«=hold", SagaCachedState.READY),
        ("0«=hold 3+ 3✓", SagaCachedState.RUNNING),
        ("«=start", SagaCachedState.RUNNING),
        ("«=pause", SagaCachedState.READY),
        ("«=pause «=start", SagaCachedState.PAUSED),
        ("«=unwind", SagaCachedState.FAILED),
        ("«=abandon", SagaCachedState.ABANDONED),
        ("«=deadline:9", SagaCachedState.READY),
        ("3+ «=pause 3✓", SagaCachedState.PAUSED),
        ("3+ «=pause 3✓ «=resume", SagaCachedState.RUNNING),
        ("3+ 3✓ 0+ «=pause 0✗", SagaCachedState.PAUSED),
        ("3+ 3✓ 0+ «=pause «=unwind", SagaCachedState.UNWINDING),
        ("3+ 3✓ 0+ «=abandon", SagaCachedState.ABANDONED),
        ("3+ 3✓ 0+ 1+ 0✓ 1✓ 2+ 2✓ 4+ 4✓ «=unwind", SagaCachedState.UNWINDING),
        ("3+ 3✓ 0+ 1+ 0✓ 1✓ 2+ 2✓ 4+ 4✓ «=import", SagaCachedState.READY),
        ("3+ 3✓ 0+ 1+ 0✓ 1✓ 2+ 2✓ 4+ 4✓ «=import «=start", SagaCachedState.SUCCEEDED),
        ("3+ 3✓ 0+ 1+ 0✗", SagaCachedState.UNWINDING),
        ("3+ 3✓ 0+ 1+ 0✗ 1✓ 1- 1∅ 3-", SagaCachedState.UNWINDING),
        ("3+ 3✓ 0+ 1+ 0✗ 1✓ 1- 1∅ 3- 3∅", SagaCachedState.FAILED),
        ("3+ 3✓ 0+ 1+ 0✗ 1✓ 1- 1!", SagaCachedState.STUCK),
        ("3+ 3✓ 0+ 1+ 0✓ 1✓ 2+ 2✓ 4+", SagaCachedState.RUNNING),
        ("3+ 3✓ 0+ 1+ 0✓ 1✓ 2+ 2✓ 4+ 4✓", SagaCachedState.SUCCEEDED),
    ],
)
def test_a_row_says_in_one_word_what_the_log_amounts_to(log: str, state: SagaCachedState):
    """Ready until it begins; running, unwinding, or paused; then how it has ended."""
    assert cached_state(fold(DAG.flat, log)) is state


def test_a_saga_with_an_undo_failed_unwinds_while_anything_is_in_flight():
    """It is stuck only when nothing runs any more."""
    wide = saga(["a", "b", "c"], "d")  # 0 to 2, 3, start 4, end 5
    log = "4+ 4✓ 0+ 1+ 2+ 0✓ 1✓ 2✗ 0- 1- 0!"
    assert cached_state(SagaState.fold(wide.flat, SAGA_ID, events(log))).value == "unwinding"
    log += " 1∅"
    assert cached_state(SagaState.fold(wide.flat, SAGA_ID, events(log))).value == "stuck"


def test_four_states_are_final():
    """Waiting for a saga is waiting for one of these."""
    assert [state.value for state in SagaCachedState if state.finished] == [
        "succeeded",
        "failed",
        "stuck",
        "abandoned",
    ]


def test_a_saga_that_has_ended_may_go_on():
    """By an order: one that is stuck is repaired, and one that has succeeded is unwound."""
    over = {SagaCachedState.FAILED, SagaCachedState.ABANDONED}
    assert {state for state in SagaCachedState if not state.can_go_on} == over


def test_what_is_taken_up_when_a_sec_is_opened():
    """What waits to be started, and what goes on by itself; a saga that is paused does not."""
    taken_up = ["ready", "running", "unwinding"]
    assert [state.value for state in SagaCachedState if state.is_taken_up] == taken_up


SLEEPY = saga([Node.sleep("s", timedelta(1)), "b"], "c")  # 0 and 1, 2, start 3, end 4


@pytest.mark.parametrize(
    ("log", "waits"),
    [
        ("0+ 1+", False),
        ("0+ 1+ 1✓", True),
        ("0+ 1+ 1↻=500", True),
        ("0+ 1+ 0✓ 1↻", True),
        ("0+ 1+ 0✓ 1↻ 1+", False),
        ("0+ 1+ 0✓ 1? 1- 1↺", True),
        ("0+ 1+ 0✓ 1✓ 2+ 2✓ 4+ 4✓", False),
        ("0«=hold 1«=hold", True),
        ("0«=hold 1«=hold 0«=retry 1«=retry", False),
        ("0«=hold 1+", False),
        ("0«=hold 1+ 1✓", True),
        ("0+ 1+ 1«=hold 0✓", False),
        ("0«=hold 1+ 1✗", False),
    ],
)
def test_a_saga_that_only_waits(log: str, waits):
    """It sleeps, backs off or is held, also by an order, and no call is under way."""
    assert only_waits(fold(SLEEPY.flat, f"3+ 3✓ {log}")) is waits


@pytest.mark.parametrize(
    ("log", "held"),
    [
        ("0+ 1+", ()),
        ("0+ 1+ 1↻", ()),
        ("0+ 1+ 0✓ 1↻", (1,)),
        ("0+ 1+ 0✓ 1↻=500", ()),
        ("0+ 1+ 0✓ 1? 1- 1↺", (1,)),
        ("0«=hold 1«=hold", (0, 1)),
        ("0«=hold 1+", ()),
        ("0«=hold 1+ 1↻=500", ()),
        ("0«=hold 1+ 1↻=order", (1, 0)),
        ("0«=hold 2«=hold 1+ 1✓", (0,)),
        ("0+ 1+ 1«=hold 0✓ 1?", (1,)),
        ("0+ 0✓ 1«=hold 1«=retry 2«=hold 1+ 1✓", (2,)),
        # Never started any more, it is not what the saga hangs on.
        ("0«=hold 1+ 1? 1- 1↺=order", (1,)),
        ("0+ 0✓ 1«=hold 0«=hold", (1,)),
        # A saga that is ready or paused is waited for: it goes on by an order of its own.
        ("0+ 0✓ 1«=hold «=pause", ()),
        ("0+ 0✓ 1«=hold «=pause «=resume", (1,)),
        ("0+ 0✓ 1«=hold «=import", ()),
        ("0+ 0✓ 1«=hold «=import «=start", (1,)),
    ],
)
def test_held_nodes(log: str, held: tuple[int, ...]):
    """They are what a saga hangs on, once nothing else goes on: no call, no sleep, no time."""
    assert held_nodes(fold(SLEEPY.flat, f"3+ 3✓ {log}")) == held
