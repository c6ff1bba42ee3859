"""
Recovery of what Steno itself has dumped: a success, a failure, and a saga that is stuck.

`data/*.json` are copies of dumps by a build of Steno: of a run of the demo saga, of one with an
error injected at `instance_boot`, and of the same with an undo error at `instance_id`.
"""

from pathlib import Path

import attrs
import pytest
from hypothesis import given
from hypothesis import strategies as st

from steno.core import (
    Command,
    Phase,
    RunAction,
    SagaCachedState,
    SagaMachine,
    SagaNodeEvent,
    SagaSerialized,
    SagaState,
    Snapshot,
    fold_unordered,
)
from steno.errors import CorruptLog, IllegalEvent
from steno.testing.fakes import ActionSpec, ConstantSpec, SagaSpec, SubsagaSpec
from steno.testing.notation import shown
from support.checker import Expanded, has_legal_order, marks
from support.demo import demo
from support.simulator import recover, state_facts

DATA = Path(__file__).parent / "data"
NAMES = ("ok", "err", "stuck")

DUMPS = {name: SagaSerialized.from_json((DATA / f"{name}.json").read_text()) for name in NAMES}

ENDS = {
    "ok": SagaCachedState.SUCCEEDED,
    "err": SagaCachedState.FAILED,
    "stuck": SagaCachedState.STUCK,
}

CUTS = [(name, cut) for name in NAMES for cut in range(len(DUMPS[name].events) + 1)]


def act(name: str) -> tuple[ActionSpec]:
    return (ActionSpec(name),)


GRAPH = Expanded.of(
    SagaSpec(
        (
            act("instance_id"),
            (ConstantSpec("server_alloc_params", 1),),
            (
                ActionSpec("instance_ip"),
                ActionSpec("volume_id"),
                SubsagaSpec(
                    "server_alloc",
                    "server_alloc_params",
                    SagaSpec((act("server_id"), act("server_reserve"))),
                ),
            ),
            act("instance_configure"),
            act("volume_attach"),
            act("instance_boot"),
            act("print"),
        )
    )
)
"""The demo saga, for the oracle."""


def fold(name: str, events: list[SagaNodeEvent]) -> SagaState:
    dump = DUMPS[name]
    return fold_unordered(dump.dag.flat, dump.saga_id, events)


@pytest.mark.parametrize("name", NAMES)
def test_a_dump_is_of_the_demo_saga(name: str):
    """Its graph, its params and its id."""
    assert DUMPS[name].dag.same_as(demo())


@pytest.mark.parametrize("name", NAMES)
def test_a_whole_dump_has_ended_and_gains_no_event(name: str):
    """It is finished at once, with nothing to record."""
    dump = DUMPS[name]
    state = fold(name, dump.events)
    assert state.outcome is ENDS[name]
    assert tuple(state.log.events) == dump.events
    step = SagaMachine(dump.dag, state).start()
    assert step.record == ()
    assert [command.outcome for command in step.then] == [ENDS[name]]


def test_the_result_of_each_dump():
    """The output, or the node that failed, and the node whose undo failed."""
    results = [
        Snapshot(dump.saga_id, dump.dag, dump.events, len(dump.events), Phase.DONE).result()
        for dump in DUMPS.values()
    ]
    ok, err, stuck = results
    assert ok.saga_output() == "it worked"
    assert ok.lookup_node_output("server_alloc") == {"server_id": 1212}
    assert str(err) == 'at node "instance_boot": error injected'
    assert err.undo_failure is None
    assert stuck.error_node_name == "instance_boot"
    node, error = stuck.undo_failure
    assert node == "instance_id"
    assert "undo action attempt 1: error injected" in str(error)


@pytest.mark.parametrize(("name", "cut"), CUTS)
def test_a_dump_cut_at_any_event_recovers_and_ends_as_it_should(name: str, cut: int):
    """No failure logged: success. One logged: unwound. Stuck: stays stuck. Nothing is rewritten."""
    dump = DUMPS[name]
    kept = list(dump.events[:cut])
    state = fold(name, kept)
    assert list(state.log.events) == kept
    end = recover(dump.dag, kept)
    text = shown(kept)
    expected = "stuck" if "!" in text else "failed" if "✗" in text else "succeeded"
    assert end.outcome.value == expected
    assert end.durable[:cut] == kept
    assert ("✗" in shown(end.durable)) == ("✗" in text)
    again = recover(dump.dag, end.durable)
    assert again.durable == end.durable
    assert again.outcome is end.outcome


def facts(state: SagaState) -> dict[str, object]:
    """Return all of a state, to be compared; what has failed in it, too."""
    return state_facts(state) | {"setbacks": attrs.asdict(state.setbacks)}


def again(command: Command) -> Command:
    """Return what is asked for when the process dies before it is done."""
    return attrs.evolve(command, repeats=True) if isinstance(command, RunAction) else command


@pytest.mark.parametrize(("name", "cut"), CUTS)
def test_recovering_twice_is_recovering_once(name: str, cut: int):
    """A second recovery repeats what the first began, and has nothing to add to its log."""
    dump = DUMPS[name]
    once = SagaMachine(dump.dag, fold(name, dump.events[:cut]))
    first = once.start()
    twice = SagaMachine(dump.dag, fold(name, [*dump.events[:cut], *first.record]))
    second = twice.start()
    assert second.record == ()
    assert set(second.then) == {again(command) for command in first.then}
    assert facts(once.state) == facts(twice.state)


@pytest.mark.parametrize("name", NAMES)
@given(data=st.data())
def test_the_order_of_a_dump_does_not_matter(name: str, data: st.DataObject):
    """However its events are shuffled, every node comes to the same status."""
    events = DUMPS[name].events
    shuffled = data.draw(st.permutations(events))
    state, straight = fold(name, shuffled), fold(name, events)
    assert state.statuses() == straight.statuses()
    assert (state.outputs, state.outcome) == (straight.outputs, straight.outcome)
    assert state.first_failure == straight.first_failure
    assert state.first_undo_failure == straight.first_undo_failure
    assert sorted(shown(state.log.events).split()) == sorted(shown(events).split())


@pytest.mark.parametrize("name", NAMES)
def test_a_dump_without_one_event_is_refused_unless_nothing_followed_from_it(name: str):
    """Only what was causally last can be missing; the oracle says what that is."""
    events = DUMPS[name].events
    refused = 0
    for place in range(len(events)):
        rest = [*events[:place], *events[place + 1 :]]
        if has_legal_order(GRAPH, marks(rest)):
            assert len(fold(name, rest).log.events) == len(rest)
        else:
            refused += 1
            with pytest.raises((CorruptLog, IllegalEvent)):
                fold(name, rest)
    assert refused >= len(events) - 2
