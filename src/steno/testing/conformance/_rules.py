"""Rules: the log that a saga has written is read back as one that keeps them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import attrs

from steno.core import (
    NULL,
    InjectedError,
    Input,
    Node,
    PlainDagBuilder,
    RunAction,
    RunUndo,
    SagaCachedState,
    SagaDag,
    SagaId,
    SagaMachine,
    SagaNodeEvent,
    SagaState,
    UndoActionError,
    Wait,
    cached_state,
    inputs,
    read_flat,
    verify_log,
)
from steno.store import SagaCreateParams, SagaRecord, StoredSaga
from steno.testing.conformance._demand import Topic
from steno.testing.conformance._expect import expect, expect_that
from steno.testing.conformance._life import Life, living
from steno.testing.conformance._sample import (
    DUE,
    ERRORS,
    FAILED,
    ONE,
    STUCK,
    SUCCEEDED,
    THREE,
    TWO,
    UNDO_ERROR,
)
from steno.testing.conformance._subject import Subject

RULES = Topic("rules")

Waiting = RunAction | RunUndo | Wait

ENDS = {ONE: SUCCEEDED, TWO: FAILED, THREE: STUCK}
"""How each of the sagas ends."""


@RULES.demand
async def a_log_keeps_the_rules_when_it_comes_back(subject: Subject) -> None:
    """At every moment of a saga that succeeds, one that fails, and one that gets stuck."""
    await _check(subject, flaky=False)


@RULES.demand
async def a_log_with_attempts_keeps_the_rules_when_it_comes_back(subject: Subject) -> None:
    """The same of sagas in which each call fails once, and is made again when it is due."""
    await _check(subject, flaky=True)


async def _check(subject: Subject, *, flaky: bool) -> None:
    dag = _dag()
    for saga_id, end in ENDS.items():
        async with living(subject) as sec:
            await sec.done(_creation(sec, saga_id, dag))
            written: tuple[SagaNodeEvent, ...] = ()
            for record, state in _records(dag, saga_id, end, flaky=flaky):
                what = SagaRecord(saga_id, sec.fence, len(written), record, state)
                await sec.done(what)
                written += record
                _hold(await sec.load(saga_id), dag, written, state)
    async with living(subject) as sec:  # and when the store is opened again
        for saga_id, end in ENDS.items():
            stored = await sec.load(saga_id)
            _hold(stored, dag, stored.events, end)


def _hold(
    stored: StoredSaga, dag: SagaDag, written: Sequence[SagaNodeEvent], state: SagaCachedState
) -> None:
    read = SagaDag.of_flat(read_flat(stored.dag_text), stored.params)
    expect_that(read.same_as(dag), "the graph that comes back is that which was stored", stored)
    finished = stored.summary.state
    expect(finished, state, "the state that comes back is that which was stored")
    breach = verify_log(read, stored.events, saga_id=stored.summary.saga_id, finished=finished)
    expect_that(breach is None, "a log that comes back keeps the rules", breach)
    expect(stored.events, written, "a log that comes back is that which was stored")


def _dag() -> SagaDag:
    """Return a saga whose nodes do not start and end in the order of their numbers."""
    inner = PlainDagBuilder("inner")
    inner.append_parallel([Node.action(name, "act", label=name) for name in ("left", "right")])
    inner.append(Node.action("inner", "act", label="inner"))
    builder = PlainDagBuilder("rules")
    builder.append(Node.constant("params", {"to": "Rome"}))
    builder.append_parallel(
        [
            Node.action("beside", "act", label="beside"),
            Node.subsaga("whole", inner.build(), "params"),
        ]
    )
    builder.append(Node.action("last", "act", label="last"))
    return SagaDag(builder.build(), {"to": "Rome"})


def _creation(sec: Life, saga_id: SagaId, dag: SagaDag) -> SagaCreateParams:
    return attrs.evolve(
        sec.create(saga_id),
        saga_name=dag.saga_name,
        dag_digest=dag.flat.digest,
        dag_text=dag.flat.text,
        params=dag.params,
    )


def _records(
    dag: SagaDag, saga_id: SagaId, end: SagaCachedState, *, flaky: bool
) -> Iterator[tuple[tuple[SagaNodeEvent, ...], SagaCachedState]]:
    """Yield the records of a saga that ends in this state, step by step."""
    machine = SagaMachine(dag, SagaState.new(dag.flat, saga_id))
    step, waiting = machine.start(), list[Waiting]()
    while True:
        yield step.record, cached_state(machine.state)
        waiting += [each for each in step.then if isinstance(each, Waiting)]
        if not waiting:
            return
        command = waiting.pop()  # the last one started ends first
        failed = flaky and _fails_once(machine.state, command)
        told = _raised(command) if failed else _result(dag, command, end, in_doubt=flaky)
        step = machine.handle([told])


def _fails_once(state: SagaState, command: Waiting) -> bool:
    """Return True for the first call of an action, or an undo action."""
    undoing = isinstance(command, RunUndo)
    first = state.last_attempt(command.node_id, undoing=undoing) is None
    return first and not isinstance(command, Wait)


def _raised(command: Waiting) -> Input:
    """Return the failure of a call that is to be made again."""
    node, again = command.node_id, inputs.Again(DUE[command.node_id % len(DUE)])
    if isinstance(command, RunUndo):
        return inputs.UndoRaised(node, UNDO_ERROR, again)
    return inputs.ActionRaised(node, ERRORS[0], in_doubt=node % 2 == 0, again=again)


def _result(dag: SagaDag, command: Waiting, end: SagaCachedState, *, in_doubt: bool) -> Input:
    node = command.node_id
    if isinstance(command, Wait):
        return inputs.Due(node)
    if isinstance(command, RunUndo):
        if end is STUCK and node == dag.get_index("beside"):
            return inputs.UndoRaised(node, UndoActionError.attempt(1, "no").encoded())
        return inputs.UndoSucceeded(node)
    if end is not SUCCEEDED and node == dag.get_index("last"):
        return inputs.ActionRaised(node, InjectedError().encoded(), in_doubt=in_doubt)
    return inputs.ActionSucceeded(node, NULL)
