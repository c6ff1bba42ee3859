"""Making executors: of new sagas, and of stored ones, through the same fold as running."""

from __future__ import annotations

import inspect
from collections.abc import Callable, MutableMapping
from weakref import WeakValueDictionary

import attrs

from steno.action import ActionRegistry, Codec, Policy
from steno.core import (
    FlatDag,
    JsonText,
    Recording,
    SagaCachedState,
    SagaDag,
    SagaId,
    SagaMachine,
    SagaName,
    SagaState,
    decode_json,
    decode_value,
    read_flat,
)
from steno.errors import DumpError, RecoveryError
from steno.runtime._admission import Admission
from steno.runtime._exec_client import SecExecClient
from steno.runtime._executor import SagaExecutor
from steno.runtime._hold import HoldOn
from steno.runtime._instruments import Instruments
from steno.runtime._limit import Limiters
from steno.runtime._runner import NodeRunner, Told
from steno.store import Fence, StoredSaga

MakeContext = Callable[[SagaId, SagaName, object], object]

UserData = Callable[[SagaId, SagaDag], object]
"""Returns the user data that the actions of a saga share."""

Graphs = MutableMapping[str, FlatDag]
"""Graphs that were read before, by content hash; sagas of one kind share one."""


def same_for_all(context: object) -> UserData:
    """Return a function that returns the same context for all sagas."""
    return lambda _saga_id, _dag: context


def made_by(make_context: MakeContext) -> UserData:
    """Return a function that calls the user's `make_context`, with the params as plain JSON."""
    return lambda saga_id, dag: make_context(
        saga_id, dag.saga_name, decode_value(dag.codec, dag.params, None)
    )


def restore(
    stored: StoredSaga, registry: ActionRegistry, graphs: Graphs
) -> tuple[SagaDag, SagaState]:
    """
    Return the graph and state that a stored saga continues from.

    Whether it can continue is decided here, and nowhere else.

    Args:
        stored: The saga.
        registry: The actions.
        graphs: A cache of graphs; one that is read is added.

    Raises:
        RecoveryError: What is stored cannot be continued.
        SagaValidationError: An action is not registered, or has no undo.
    """
    dag, state = _fold(stored, registry.codec, graphs)
    registry.validate(dag.flat)
    return dag, state


def _fold(stored: StoredSaga, codec: Codec, graphs: Graphs) -> tuple[SagaDag, SagaState]:
    dag = _read_dag(stored, codec, graphs)
    try:
        decode_json(dag.params)  # if it is not JSON, find out now, and not in an action
    except DumpError as error:
        msg = f"saga {stored.summary.saga_id}: its params: {error.why}"
        raise RecoveryError(msg) from error
    return dag, SagaState.fold(dag.flat, stored.summary.saga_id, stored.events)


def _read_dag(stored: StoredSaga, codec: Codec, graphs: Graphs) -> SagaDag:
    flat = graphs.get(stored.dag_digest)
    if flat is None:
        flat = graphs.setdefault(stored.dag_digest, read_flat(stored.dag_text))
    return SagaDag.of_flat(flat, JsonText(stored.params), codec)


@attrs.frozen(eq=False)
class ExecutorFactory:
    """
    Makes executors, for new sagas and for stored ones.

    Attributes:
        admission: Says whether anything may be begun.
        registry: The actions.
        codec: Encodes their results.
        user_data: Returns the user data of a saga.
        exec_client: The access to the SEC of executors.
        hold_on: The exceptions that hold a node.
        instruments: What is told of sagas and calls; None: nothing.
        limiters: Those of its actions.
        policies: What those say of their calls.
    """

    admission: Admission
    registry: ActionRegistry
    codec: Codec
    user_data: UserData
    exec_client: SecExecClient
    hold_on: HoldOn
    instruments: Instruments | None
    limiters: Limiters = attrs.field(init=False, factory=Limiters)
    policies: dict[str, Policy] = attrs.field(init=False, factory=dict)
    # Weak: a graph is shared for as long as some saga in memory has it.
    _graphs: WeakValueDictionary[str, FlatDag] = attrs.field(
        init=False, factory=WeakValueDictionary
    )

    def shared_graph(self, dag: object) -> FlatDag:
        """
        Return the graph of the same content that other sagas share, or the saga's own.

        Raises:
            TypeError: It is not a `SagaDag`.
        """
        if not isinstance(dag, SagaDag):
            msg = f"expected a SagaDag(dag, params), got {type(dag).__qualname__}"
            raise TypeError(msg)
        return self._graphs.setdefault(dag.flat.digest, dag.flat)

    def make(
        self, dag: SagaDag, state: SagaState, fence: Fence, stored: SagaCachedState
    ) -> SagaExecutor:
        """
        Return an executor of a saga that is not stored yet.

        Raises:
            SagaValidationError: An action is not registered, has no undo, or cannot be given one of
                its inputs.
            Exception: `make_context` raised it.
        """
        self.registry.validate(dag.flat)
        self.registry.validate_inputs(dag.flat)
        user_data = self._user_data(state.log.saga_id, dag)
        return self._executor(dag, state, fence, stored, user_data)

    def _user_data(self, saga_id: SagaId, dag: SagaDag) -> object:
        user_data = self.user_data(saga_id, dag)
        if inspect.iscoroutine(user_data):
            user_data.close()  # or Python warns that it was never awaited, after the TypeError
            msg = "make_context must not be async: it is called wherever a saga is made"
            raise TypeError(msg)
        return user_data

    def _executor(
        self,
        dag: SagaDag,
        state: SagaState,
        fence: Fence,
        stored: SagaCachedState,
        user_data: object,
    ) -> SagaExecutor:
        runner = NodeRunner(
            sec_key=self.admission.sec_key,
            dag=dag,
            state=state,
            registry=self.registry,
            codec=self.codec,
            user_data=user_data,
            limiters=self.limiters,
            policies=self.policies,
            now=self.exec_client.now,
            hold_on=self.hold_on,
            instruments=self.instruments,
            sec=self.exec_client.sec,
        )
        recording: Recording[Told] = Recording(len(state.log.events), stored)
        machine = SagaMachine(dag, state)
        return SagaExecutor(machine, recording, runner, self.exec_client, self.admission, fence)

    def read_dag(self, stored: StoredSaga) -> SagaDag:
        """
        Return the graph and params of a stored saga.

        Raises:
            DumpError: What is stored is not a graph.
        """
        return _read_dag(stored, self.codec, self._graphs)

    def of_halted(self, stored: StoredSaga, fence: Fence) -> SagaExecutor:
        """
        Return an executor of a stored saga that only takes orders; no action need be there.

        Raises:
            RecoveryError: What is stored cannot be continued.
        """
        dag, state = _fold(stored, self.codec, self._graphs)
        executor = self._executor(dag, state, fence, stored.summary.state, None)
        executor.stand_still()
        return executor

    def of_stored(self, stored: StoredSaga, fence: Fence) -> SagaExecutor:
        """
        Return an executor of a stored saga.

        Raises:
            RecoveryError: What is stored cannot be continued.
            SagaValidationError: An action is not registered, or has no undo.
            Exception: `make_context` raised it.
        """
        dag, state = restore(stored, self.registry, self._graphs)
        user_data = self._user_data(state.log.saga_id, dag)
        return self._executor(dag, state, fence, stored.summary.state, user_data)
