"""
Frozen values that are made often are made by their slots, and must not differ for that.

They are one of each kind: made the quick way, and by calling the class.
"""

import copy
import pickle
import weakref
from uuid import UUID

import attrs
import pytest

from steno import ActionContext, DagBuilder, Node, SagaDag, SagaId
from steno.action import ContextSlots
from steno.core import SagaCachedState, SagaNodeEvent, Started, Step, Succeeded, inputs
from steno.core.log._event import node_event, success
from steno.core.machine._command import RunAction, step_of
from steno.store import Append, Durable, Fence, SagaRecord, judge

ID = SagaId(UUID(int=7))
FENCE = Fence("sec", 3)
EVENT = SagaNodeEvent(ID, 1, Started(), 5)


class _Row:
    fence, state, concern, size, events = FENCE, SagaCachedState.RUNNING, None, 2, ()


def appended() -> Append:
    """Return what a record of one event comes to."""
    record = SagaRecord(ID, FENCE, 2, (EVENT,), SagaCachedState.SUCCEEDED)
    outcome, change = judge(_Row(), record)
    assert (outcome, type(change)) == (Durable(), Append)
    return change


QUICK = [
    (success('"a"'), Succeeded('"a"')),
    (node_event(ID, 1, Started(), 5), EVENT),
    (node_event(ID, None, Succeeded("1"), None), SagaNodeEvent(ID, None, Succeeded("1"))),
    (step_of((EVENT,), (RunAction(1),), ()), Step((EVENT,), (RunAction(1),))),
    (inputs.action_succeeded(3, "1"), inputs.ActionSucceeded(3, "1")),
    (
        SagaRecord.of(ID, FENCE, 4, (EVENT,), SagaCachedState.RUNNING, None),
        SagaRecord(ID, FENCE, 4, (EVENT,), SagaCachedState.RUNNING),
    ),
    (appended(), Append(2, (EVENT,), SagaCachedState.SUCCEEDED)),
]


@pytest.mark.parametrize(("made", "called"), QUICK, ids=lambda each: type(each).__name__)
def test_what_is_made_the_quick_way_is_what_its_class_makes(made: object, called: object):
    """It is equal, has the same hash and text, all fields, and no place for another."""
    assert type(made) is type(called)
    assert (made, hash(made), repr(made)) == (called, hash(called), repr(called))
    assert attrs.asdict(made, recurse=False) == attrs.asdict(called, recurse=False)
    assert getattr(made, "time", None) == getattr(called, "time", None)
    assert copy.copy(made) == pickle.loads(pickle.dumps(made)) == called  # noqa: S301 - our own
    assert weakref.ref(made)() is made
    assert not hasattr(made, "__dict__")


@pytest.mark.parametrize("made", [made for made, _ in QUICK], ids=lambda each: type(each).__name__)
def test_what_is_made_the_quick_way_is_frozen(made: object):
    """No field of it can be set, or deleted."""
    for field in attrs.fields(type(made)):
        with pytest.raises(attrs.exceptions.FrozenInstanceError):
            setattr(made, field.name, None)
        with pytest.raises(attrs.exceptions.FrozenInstanceError):
            delattr(made, field.name)


def test_the_context_of_an_action_is_made_the_quick_way():
    """It has each field that calling the class sets, and is as frozen."""
    builder = DagBuilder("saga")
    builder.append(Node.constant("n", 1))
    dag = SagaDag(builder.build())
    given = (ID, 0, "data", dag, {0: "1"}, False, 2, 5, int, lambda: 9, None)
    made, called = ContextSlots(*given).frozen(), ActionContext(*given)
    assert type(made) is ActionContext
    assert attrs.asdict(made, recurse=False) == attrs.asdict(called, recurse=False)
    assert repr(made) == repr(called)
    with pytest.raises(attrs.exceptions.FrozenInstanceError):
        made.attempt = 3
