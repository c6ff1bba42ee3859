"""Creating sagas: all that can be wrong with one is looked at before the SEC is asked."""

from __future__ import annotations

import uuid
from contextlib import suppress

import attrs

from steno.core import (
    SagaCachedState,
    SagaDag,
    SagaId,
    SagaState,
    Snapshot,
    checked_saga_id,
    difference,
)
from steno.errors import SagaIdInUse
from steno.runtime._executor import SagaExecutor
from steno.runtime._line import Line
from steno.runtime._message import CreateSaga, RunSaga
from steno.runtime._size import check_sizes


@attrs.frozen(eq=False)
class Creator:
    """
    Creates sagas for a client.

    Its methods raise `SagaValidationError` if an action is not registered or has no undo, or if a
    value is too big, and `SagaIdInUse` if another saga has the id.
    """

    _line: Line

    def new_state(self, dag: SagaDag, saga_id: uuid.UUID | None) -> SagaState:
        """Return the state of a new saga, with a random id if none is given."""
        chosen = SagaId(uuid.uuid4()) if saga_id is None else checked_saga_id(saga_id)
        return SagaState.new(self._line.foundry.shared(dag), chosen)

    async def create(self, dag: SagaDag, state: SagaState, *, start: bool = False) -> None:
        """Store a saga with the log that it has so far."""
        executor = self._executor(dag, state)
        if start:
            executor.begin()
        await self._line.ask(CreateSaga(executor.create_params(), executor))

    async def create_once(  # noqa: ASYNC910 - create has waited, also where it raised
        self, dag: SagaDag, state: SagaState, *, start: bool, compare: bool
    ) -> bool:
        """
        Store a new saga, unless it is there already, and return whether it was stored.

        Args:
            dag: Its graph and params.
            state: Its state.
            start: Whether it is started in the same transaction.
            compare: Whether a saga that is there must have the same graph and params.
        """
        new = False
        with suppress(SagaIdInUse):
            await self.create(dag, state, start=start)
            new = True
        if compare and not new:
            await self._check_same(dag, state)
        return new  # noqa: ASYNC910 - create has waited, also where it raised

    async def run_once(self, dag: SagaDag, state: SagaState) -> Snapshot | None:
        """Store a new saga with its first step, run it, and return its end; None if it is there."""
        executor = self._executor(dag, state)
        executor.begin()
        with suppress(SagaIdInUse):
            return await self._line.ask(RunSaga(executor.create_params(), executor))
        await self._check_same(dag, state)
        return None

    async def _check_same(self, dag: SagaDag, state: SagaState) -> None:
        """Raise SagaIdInUse, unless it is this very saga that has the id."""
        saga_id = state.log.saga_id
        if (other := difference(dag, await self._line.dag_of(saga_id))) is not None:
            raise SagaIdInUse(saga_id, other)

    def _executor(self, dag: SagaDag, state: SagaState) -> SagaExecutor:
        line = self._line
        check_sizes(dag, state, line.max_value_bytes)
        shared = SagaDag.of_flat(state.flat, dag.params, line.foundry.codec)
        return line.foundry.make(shared, state, line.fence, SagaCachedState.READY)
