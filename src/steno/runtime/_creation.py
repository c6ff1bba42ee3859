"""How sagas come into being: first events, executors, and the write that stores them."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime

import attrs

from steno.core import (
    Ordered,
    Recording,
    SagaCachedState,
    SagaDag,
    SagaId,
    SagaNodeEvent,
    SagaState,
    Step,
    Timestamp,
    Verb,
    cached_state,
    checked_saga_id,
    fold_unordered,
    with_times,
)
from steno.runtime._executor import SagaExecutor
from steno.runtime._executor_factory import ExecutorFactory
from steno.runtime._order import checked_deadline
from steno.runtime._value_limit import check_sizes
from steno.store import Fence, SagaCreateParams


@attrs.frozen(eq=False)
class Creator:
    """
    Makes new sagas, which are not stored yet.

    Args:
        factory: Makes their executors.
        fence: The fence that they begin with.
        max_value_bytes: How large a value of theirs may be.
        now: Returns the time of their first events.
    """

    _factory: ExecutorFactory
    _fence: Fence
    _max_value_bytes: int
    _now: Callable[[], Timestamp]

    def new(self, dag: SagaDag, saga_id: uuid.UUID | None, deadline: datetime | None) -> SagaState:
        """
        Return the state of a new saga, with a random id unless one is given.

        Args:
            dag: Its graph and params.
            saga_id: Its id.
            deadline: Its deadline, if it has one, which is recorded with the creation.

        Raises:
            TypeError: One of these is of a wrong type.
            ValueError: The deadline has no time zone.
        """
        time = checked_deadline(deadline)
        chosen = SagaId(uuid.uuid4()) if saga_id is None else checked_saga_id(saga_id)
        state = SagaState.new(self._factory.shared_graph(dag), chosen)
        if time is not None:
            self._order(state, Ordered(Verb.DEADLINE, self._fence.sec_name, at=time))
        return state

    def imported(self, dag: SagaDag, saga_id: SagaId, events: Sequence[SagaNodeEvent]) -> SagaState:
        """
        Return the state of a saga with a log from elsewhere, which waits to be started.

        Raises:
            RecoveryError: The events are not a legal log of that graph.
        """
        timed = with_times(events, self._now())
        state = fold_unordered(self._factory.shared_graph(dag), saga_id, timed)
        if state.begun:  # otherwise it waits anyway
            self._order(state, Ordered(Verb.IMPORT, self._fence.sec_name))
        return state

    def _order(self, state: SagaState, order: Ordered) -> None:
        state.apply(SagaNodeEvent(state.log.saga_id, None, order, self._now()))

    def executor(self, dag: SagaDag, state: SagaState) -> SagaExecutor:
        """
        Return an executor of a new saga.

        Raises:
            SagaValidationError: An action is not registered, has no undo or cannot be given an
                input; the params are of a wrong type; or a value is too big.
        """
        check_sizes(dag, state, self._max_value_bytes)
        dag.check_params(self._factory.codec)
        shared = SagaDag.of_flat(state.flat, dag.params, self._factory.codec)
        return self._factory.make(shared, state, self._fence, SagaCachedState.READY)

    def begin(self, executor: SagaExecutor) -> None:
        """
        Start a new saga, to be stored as started; its executor then goes on with it.

        Its first step is stored with it, unless it ends the saga.
        """
        step = executor.machine.start(self._now())
        durable_events = executor.recording.durable_events
        # A creation can store a saga as running, but in no state beyond that. A step that ends the
        # saga at once, or makes it unwind, is written afterwards like any other.
        if cached_state(executor.machine.state) is SagaCachedState.RUNNING:
            durable_events += len(step.record)
            step = Step((), step.then)
        executor.recording = Recording(durable_events, SagaCachedState.RUNNING)
        executor.recording.told(step)


def creation(executor: SagaExecutor, tags: Mapping[str, str]) -> SagaCreateParams:
    """Return the write that creates a saga as it is now."""
    dag, recording = executor.machine.dag, executor.recording
    return SagaCreateParams(
        saga_id=executor.saga_id,
        saga_name=dag.saga_name,
        dag_digest=dag.flat.digest,
        dag_text=dag.flat.text,
        params=dag.params,
        fence=executor.fence,
        events=tuple(executor.machine.state.log.events[: recording.durable_events]),
        state=recording.row,
        tags=tags,
    )
