"""Why a person should look at a saga, as its log says: at which node, and for which error."""

from datetime import timedelta

import attrs
import pytest

from steno.core import (
    NO_SETBACKS,
    ActionFailed,
    AttemptFailed,
    Attention,
    Concern,
    Failed,
    InjectedError,
    Node,
    SagaState,
    SerializeFailed,
    UndoActionError,
    UndoAttemptFailed,
    UndoFailed,
    concern,
    encode_json,
    in_doubt,
)
from steno.core.machine import _concern
from steno.testing.notation import SAGA_ID, events, fold
from support.demo import build, saga

DAG = saga([Node.sleep("s", timedelta(1)), "b"], "c")  # 0 and 1, 2, start 3, end 4
HELD, STUCK = Attention.HELD, Attention.STUCK


@pytest.mark.parametrize(
    ("log", "why", "node"),
    [
        ("0+ 1+ 0✓ 1↻", HELD, "b"),
        ("0+ 1+ 0✓ 1≈", HELD, "b"),
        ("0+ 1+ 0✓ 1? 1- 1↺", HELD, "b"),
        ("0«=hold 1«=hold", HELD, "s"),
        ("1«=hold 0«=hold", HELD, "b"),
        ("0«=hold 1+ 1↻=order", HELD, "b"),
        ("0+ 0✓ 1+ 1✓ 2«=hold", HELD, "c"),
        ("0+ 1+ 0✓ 1? 1- 1!", STUCK, "b"),
        ("0+ 1+ 0✓ 1? 1- 1↺ 0- 0∅ 1- 1!", STUCK, "b"),
        ("0+ 1+ 0✓ 1? 1- 0- 0! 1!", STUCK, "s"),
        ("0+ 1+ 0✓ 1? 1- 0- 1! 0!", STUCK, "b"),
        ("0+ 1+ 0✓ 1? 1- 0- 1! 0! 1«=complete 1∅", STUCK, "s"),
        ("0+ 1+ 0✓ 1? 1- «=pause 1!", STUCK, "b"),
    ],
)
def test_a_person_should_look_at_it(log: str, why: Attention, node: str):
    """It is stuck at the first undo that failed and is not repaired, or held at the first node."""
    found = concern(fold(DAG.flat, f"3+ 3✓ {log}"))
    assert found is not None
    assert (found.attention, found.node) == (why, node)


@pytest.mark.parametrize(
    "log",
    [
        "",
        "3+",
        "3+ 3✓ 0+ 1+",
        "3+ 3✓ 0+ 1+ 1↻",
        "3+ 3✓ 0+ 1+ 0✓ 1↻=500",
        "3+ 3✓ 0+ 1+ 0✓ 1↻ 1«=retry",
        "3+ 3✓ 0+ 1+ 0✓ 1↻ 1+ 1✓",
        "3+ 3✓ 0+ 1+ 0✓ 1↻ 1+ 1✓ 2+ 2✓ 4+ 4✓",
        "3+ 3✓ 0+ 1+ 0✓ 1↻ «=pause",
        "3+ 3✓ 0+ 1+ 0✓ 1↻ «=abandon",
        "3«=hold",
        "3«=hold «=pause «=start",
        "3+ 3✓ 0«=hold 1+",
        "3+ 3✓ 0+ 1+ 0✓ 1? 1- 0- 1!",
        "3+ 3✓ 0+ 1+ 0✓ 1? 1- 0- 1! 0∅ «=abandon",
        "3+ 3✓ 0+ 1+ 0✓ 1? 1- 1! 1«=retry",
        "3+ 3✓ 0+ 1+ 0✓ 1? 1- 1! 1«=retry 1-",
        "3+ 3✓ 0+ 1+ 0✓ 1? 1- 1∅ 0- 0∅ 3- 3∅",
    ],
)
def test_nobody_has_to_look_at_it(log: str):
    """It goes on by itself, waits for an order that somebody knows of, or is finished."""
    assert concern(fold(DAG.flat, log)) is None


RAISED = ActionFailed(encode_json({"type": "Full", "message": "no room"})).encoded()
UNTYPED = ActionFailed(encode_json({"message": "no room"})).encoded()
UNDO = UndoActionError.attempt(1, "no", type="Locked").encoded()


@pytest.mark.parametrize(
    ("error", "name"),
    [
        (RAISED, "Full"),
        (in_doubt(RAISED), "Full"),
        (UNTYPED, None),
        (InjectedError().encoded(), None),
        (in_doubt(SerializeFailed("no").encoded()), None),
    ],
)
def test_the_error_of_a_node_that_is_held(error: str, name: str | None):
    """The class of what its last attempt raised, where that is known; in doubt or not."""
    log = events("3+ 3✓ 0+ 1+ 0✓ 1↻=500 1+ 1↻")
    log[-1] = attrs.evolve(log[-1], event_type=AttemptFailed(2, error, False, None, True))
    found = concern(SagaState.fold(DAG.flat, SAGA_ID, log))
    assert found == Concern(HELD, "b", name)


def test_the_error_of_an_undo():
    """Of the attempt that holds it, and of the failure that its saga is stuck at."""
    log = events("3+ 3✓ 0+ 1+ 0✓ 1? 1- 1↺")
    log[-1] = attrs.evolve(log[-1], event_type=UndoAttemptFailed(1, UNDO, None, True))
    assert concern(SagaState.fold(DAG.flat, SAGA_ID, log)) == Concern(HELD, "b", "Locked")
    log[-1] = attrs.evolve(log[-1], event_type=UndoFailed(UNDO))
    assert concern(SagaState.fold(DAG.flat, SAGA_ID, log)) == Concern(STUCK, "b", "Locked")


def test_a_node_that_an_order_holds_has_no_error():
    """Not even that of another node, nor the one that its saga unwinds for."""
    log = events("3+ 3✓ 0+ 1+ 0✓ 0«=hold 1✗")
    log[-1] = attrs.evolve(log[-1], event_type=Failed(RAISED))
    assert concern(SagaState.fold(DAG.flat, SAGA_ID, log)) == Concern(HELD, "s")


def test_a_node_has_a_path_where_its_name_is_not_its_own():
    """As orders name it."""
    twin = saga("b", Node.subsaga("sub", build("inner", "b"), "b"))  # 0; start 1, b 2
    assert twin.flat.names[2] == "b"
    log = f"{twin.flat.graph.start}+ {twin.flat.graph.start}✓ 0+ 0✓ 1+ 1✓ 2+ 2↻"
    assert concern(fold(twin.flat, log)) == Concern(HELD, "/sub/b")


def test_the_name_of_a_class_is_cut():
    """Some are made by programs, of any length."""
    assert Concern(HELD, "b", "x" * 999).error_type == "x" * 200
    assert Concern(HELD).error_type is None


def test_where_nothing_has_failed_it_costs_nothing(monkeypatch: pytest.MonkeyPatch):
    """Nearly all sagas are so at each of their steps, and no more than this is looked at."""
    state = fold(DAG.flat, "3+ 3✓ 0+ 1+ 0✓")
    assert state.setbacks is NO_SETBACKS
    for name in ("cached_state", "held_nodes"):
        monkeypatch.delattr(_concern, name)
    assert concern(state) is None


def test_the_gravest_comes_first():
    """What is noted with a problem comes before what the log says."""
    assert [each.value for each in Attention] == ["quarantined", "halted", "stuck", "held"]
    assert [each.is_of_log for each in Attention] == [False, False, True, True]
