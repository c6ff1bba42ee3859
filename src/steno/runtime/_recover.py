"""
Loading: from what a store has of a saga to an executor that goes on with it.

It goes through the same fold as running. A saga that cannot be loaded is left as it is, with its
problem noted in the store for an operator; no other saga is affected.
"""

from __future__ import annotations

import inspect
import logging
from collections import Counter
from collections.abc import Awaitable, Callable, Iterator, MutableMapping, Sequence
from typing import TypeVar
from weakref import WeakValueDictionary

import attrs
import trio

from steno.action import ActionRegistry, Codec, Policy
from steno.core import (
    Attention,
    Concern,
    FlatDag,
    JsonText,
    Recording,
    SagaCachedState,
    SagaDag,
    SagaId,
    SagaMachine,
    SagaName,
    SagaState,
    concern,
    decode_json,
    decode_value,
    read_flat,
)
from steno.errors import (
    DumpError,
    NoSuchSaga,
    RecoveryError,
    SagaHaltedError,
    SagaNotRunning,
    SagaTakenOver,
    SecClosing,
    StenoError,
    StoreUnavailable,
)
from steno.runtime._admission import Admission
from steno.runtime._exec_client import SecExecClient
from steno.runtime._executor import SagaExecutor
from steno.runtime._hold import HoldOn
from steno.runtime._instruments import Instruments
from steno.runtime._limit import Limiters
from steno.runtime._mailbox import Mailbox
from steno.runtime._message import Loaded, NotLoaded, SecMessage
from steno.runtime._quarantine import Trials, quarantined
from steno.runtime._report import logger, report
from steno.runtime._runner import NodeRunner, Told
from steno.runtime._writer import FIRST_PAUSE, LONGEST_PAUSE, Source, Write
from steno.store import Fence, SagaClaim, SagaProblem, SecStoreSession, StoredSaga

T = TypeVar("T")

MakeContext = Callable[[SagaId, SagaName, object], object]

UserData = Callable[[SagaId, SagaDag], object]
"""Returns the user data that the actions of a saga share."""

Graphs = MutableMapping[str, FlatDag]
"""Graphs that were read before, by content hash; sagas of one kind share one."""

MOST_TRACEBACKS = 10
"""How many reasons for failing to load are logged with a traceback, per open."""


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
    dag = _read_dag(stored, registry.codec, graphs)
    try:
        decode_json(dag.params)  # if it is not JSON, find out now, and not in an action
    except DumpError as error:
        msg = f"saga {stored.summary.saga_id}: its params: {error.why}"
        raise RecoveryError(msg) from error
    state = SagaState.fold(dag.flat, stored.summary.saga_id, stored.events)
    registry.validate(dag.flat)
    return dag, state


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
        return self._executor(dag, state, fence, stored)

    def _executor(
        self, dag: SagaDag, state: SagaState, fence: Fence, stored: SagaCachedState
    ) -> SagaExecutor:
        saga_id = state.log.saga_id
        user_data = self.user_data(saga_id, dag)
        if inspect.iscoroutine(user_data):
            user_data.close()  # or Python warns that it was never awaited, after the TypeError
            msg = "make_context must not be async: it is called wherever a saga is made"
            raise TypeError(msg)
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

    def of_stored(self, stored: StoredSaga, fence: Fence) -> SagaExecutor:
        """
        Return an executor of a stored saga.

        Raises:
            RecoveryError: What is stored cannot be continued.
            SagaValidationError: An action is not registered, or has no undo.
            Exception: `make_context` raised it.
        """
        dag, state = restore(stored, self.registry, self._graphs)
        return self._executor(dag, state, fence, stored.summary.state)


@attrs.frozen(eq=False)
class Reasons:
    """Why sagas are not run: each reason is logged once, and in the end its count."""

    _seen: Counter[tuple[type, str]] = attrs.field(init=False, factory=Counter)

    def report(
        self, saga_id: SagaId, name: SagaName | None, problem: str, error: Exception | None
    ) -> None:
        """Log why a saga is not run, unless that reason was logged already."""
        # A missing action may halt thousands of sagas; their ids are in the store's list.
        reason = (type(error), problem)
        self._seen[reason] += 1
        if self._seen[reason] == 1:
            cause = error if len(self._seen) <= MOST_TRACEBACKS else None
            report(logging.ERROR, problem, saga_id, name, error=cause)

    def report_rest(self) -> None:
        """Log how many more sagas are not run, by reason."""
        for (_, problem), count in self._seen.items():
            if count > 1:
                logger.error("%d more sagas are halted for the same reason: %s", count - 1, problem)


@attrs.frozen(eq=False)
class Loader:
    """
    Loads sagas, and tells the coordinator.

    Attributes:
        session: The open store.
        factory: Makes the executors.
        coordinator: Gets the executors, and the reasons of failures.
        writer: Notes problems.
        sec_name: The SEC that will own the sagas.
        patience: Seconds for which an unavailable store is tried again.
        trials: Of sagas that may be what killed an earlier life.
    """

    session: SecStoreSession
    factory: ExecutorFactory
    coordinator: Mailbox[SecMessage]
    writer: Mailbox[Source]
    sec_name: str
    patience: float
    trials: Trials = attrs.field(
        init=False, default=attrs.Factory(lambda self: Trials(self.writer), takes_self=True)
    )

    async def load_all(self, claims: Sequence[SagaClaim], concurrency: int) -> None:
        """Load sagas that were taken over, up to `concurrency` at a time; then end the trials."""
        # The tasks share one iterator: each takes the next claim when it is done with its last.
        pending, reasons = iter(claims), Reasons()
        async with trio.open_nursery() as nursery:
            for _ in range(min(concurrency, len(claims))):
                nursery.start_soon(self._load_each, pending, reasons)
        reasons.report_rest()
        await self.trials.end_all()

    async def _load_each(self, pending: Iterator[SagaClaim], reasons: Reasons) -> None:
        await trio.lowlevel.checkpoint()
        for claim in pending:
            # It was taken over already; the next open does so again, and loads it.
            if self.factory.admission.draining:
                why = "the SEC is being left, and the saga was not loaded; it is at the next open"
                self.coordinator.tell(NotLoaded(claim.saga_id, SecClosing(why)))
            else:
                await self._load(claim, reasons)

    async def recover(self, saga_id: SagaId) -> None:
        """Take over a saga regardless of its owner, and load it."""
        await trio.lowlevel.checkpoint()
        try:
            claim = await self._claim(saga_id)
        except Exception as error:  # noqa: BLE001 - a store may raise anything
            self.coordinator.tell(NotLoaded(saga_id, error))
        else:
            await self._load(claim, Reasons())

    async def _claim(self, saga_id: SagaId) -> SagaClaim:
        claim = await self._patiently(self.session.claim, saga_id, self.sec_name)
        if claim is not None:
            return claim
        # It does not exist, or it is finished: find out which, for the error.
        if await self._patiently(self.session.load, saga_id) is None:
            raise NoSuchSaga(saga_id)
        raise SagaNotRunning(saga_id)

    async def _load(  # noqa: ASYNC910 - the store was asked
        self, claim: SagaClaim, reasons: Reasons
    ) -> None:
        saga_id, fence = claim.saga_id, claim.fence
        name: SagaName | None = None
        try:
            stored = await self._read(claim)
            name = stored.summary.saga_name
            executor = self.factory.of_stored(stored, fence)
            problem = quarantined(claim, executor.machine.state)
            if problem is None:
                await self.trials.begin(claim, executor)
        except Exception as error:  # noqa: BLE001 - stored data and make_context may raise anything
            self._not_loaded(claim, name, error, reasons)
        else:
            if problem is not None:
                self._quarantine(claim, name, problem, None, reasons)
                return
            # It can be loaded after all: clear the problem that an earlier open has noted.
            if stored.summary.problem is not None:
                mended = SagaProblem(saga_id, fence, None, concern(executor.machine.state))
                self.writer.tell(Write(mended, _ignore))
            self.coordinator.tell(Loaded(executor))

    async def _read(self, claim: SagaClaim) -> StoredSaga:
        stored = await self._patiently(self.session.load, claim.saga_id)
        if stored is None:
            raise NoSuchSaga(claim.saga_id)
        # Not in the transaction of the claim, so another SEC may have come in between.
        if stored.fence != claim.fence:
            why = f'the SEC "{stored.fence.sec_name}" took it over while it was being loaded'
            raise SagaTakenOver(claim.saga_id, why)
        return stored

    def _not_loaded(
        self, claim: SagaClaim, name: SagaName | None, error: Exception, reasons: Reasons
    ) -> None:
        if isinstance(error, SagaTakenOver):  # nothing is wrong, and a note would be refused
            self.coordinator.tell(NotLoaded(claim.saga_id, error))
            return
        # The codec's text, not `str`: the exception may be a user's, with a `__str__` that fails.
        kind = "" if isinstance(error, StenoError) else f"{type(error).__name__}: "
        what = kind + self.factory.codec.error_text(error)
        self._quarantine(claim, name, f"it could not be loaded: {what}", error, reasons)

    def _quarantine(
        self,
        claim: SagaClaim,
        name: SagaName | None,
        problem: str,
        error: Exception | None,
        reasons: Reasons,
    ) -> None:
        saga_id = claim.saga_id
        reasons.report(saga_id, name, problem, error)
        if (told := self.factory.instruments) is not None:
            told.attention(saga_id, name, Attention.QUARANTINED, problem)
        note = SagaProblem(saga_id, claim.fence, problem, Concern(Attention.QUARANTINED))
        # No patience: a note is not worth trying again.
        self.writer.tell(Write(note, _ignore, patience=0.0))
        halted = SagaHaltedError(saga_id, problem)
        halted.__cause__ = error
        self.coordinator.tell(NotLoaded(saga_id, halted))

    async def _patiently(self, read: Callable[..., Awaitable[T]], *args: object) -> T:
        """Read from the store, and again while it is unavailable and patience lasts."""
        give_up = trio.current_time() + self.patience
        pause = FIRST_PAUSE
        while True:
            try:
                return await read(*args)
            except StoreUnavailable:
                # While the SEC is being drained, waiting would only hold that up.
                remaining = give_up - trio.current_time()
                if remaining <= 0 or self.factory.admission.draining:
                    raise
                await trio.sleep(min(pause, remaining))
                pause = min(2 * pause, LONGEST_PAUSE)


def _ignore(_: object) -> None:
    """Ignore the outcome of a note about a problem; the next open tries again."""
