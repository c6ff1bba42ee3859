"""
Opening and leaving a SEC: the tree of its tasks, and what comes out of it.

The writer runs in the outer nursery, the coordinator, the loaders and the executors in the inner
one: so executors end first, then the writer is drained, then the store is closed, in that order,
however the block is left. Leaving it normally waits until nothing runs. Leaving it by an exception,
or by cancellation, cancels everything at once: to the sagas that is a crash, and they go on when
the SEC is opened again. The store is told of the former, so that it does not count as a crash.

An actor that fails takes the others down and comes out as `SecCrashed`. An exception of the body
comes out as it is, the same object, never in a group of ours.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, Awaitable, Callable, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from datetime import datetime, timedelta
from typing import TypeVar, cast, overload

import attrs
import trio

from steno.abc import Instrument
from steno.action import ActionRegistry, Codec, system_time
from steno.core import JSON, SagaId, SagaName, Timestamp
from steno.errors import SecCrashed, StoreError, StoreStuck
from steno.runtime._absent import AbsentSagas
from steno.runtime._access import SecAccess
from steno.runtime._admission import Admission
from steno.runtime._asker import Asker
from steno.runtime._bulk_orders import BulkOrders
from steno.runtime._client import SecClient
from steno.runtime._coordinator import Coordinator
from steno.runtime._creation import Creator
from steno.runtime._entries import Entries
from steno.runtime._exec_client import SecExecClient
from steno.runtime._executor_factory import (
    ExecutorFactory,
    UserData,
    made_by,
    same_for_all,
)
from steno.runtime._fault import is_fatal, leaves
from steno.runtime._hold import HOLD_ON, HoldOn, checked_hold_on
from steno.runtime._instruments import Instruments, checked_instruments
from steno.runtime._mailbox import Mailbox
from steno.runtime._message import SecMessage
from steno.runtime._recover import Loader
from steno.runtime._report import logger
from steno.runtime._retention import Pruner, checked_retention
from steno.runtime._stored import StoreReader
from steno.runtime._timer import Timer
from steno.runtime._writer import LogWriter
from steno.store import Fence, PruneQuery, SagaClaim, SecStore, SecStoreSession, to_timestamp

C = TypeVar("C")


@attrs.define(eq=False)
class _Supervisor:
    """Starts actors, and remembers the first failure."""

    inner: trio.Nursery = attrs.field(init=False)
    outer: trio.Nursery = attrs.field(init=False)
    crash: BaseException | None = None

    def spawn(self, actor: Callable[..., Awaitable[None]], *args: object) -> None:
        """Start an actor whose work ends before the writer's."""
        self.inner.start_soon(self._watch, actor, *args)

    def spawn_writer(self, actor: Callable[[], Awaitable[None]]) -> None:
        """Start the writer."""
        self.outer.start_soon(self._watch, actor)

    async def _watch(self, actor: Callable[..., Awaitable[None]], *args: object) -> None:
        try:
            await actor(*args)
        except BaseException as error:  # noqa: ASYNC103 - what it holds leaves by `open_sec`
            # Kept here and not raised: a nursery would wrap it in a group, together with what the
            # body raised. `open` decides which of the two comes out.
            failures = [e for e in leaves(error) if not isinstance(e, trio.Cancelled)]
            if not failures:
                raise
            if self.crash is None or is_fatal(error):
                fatal = [e for e in failures if not isinstance(e, Exception)]
                self.crash = (fatal or failures)[0]
            self.outer.cancel_scope.cancel()
            await trio.lowlevel.checkpoint()  # noqa: ASYNC102 - it need not come back


def _told_by(clock: Callable[[], datetime]) -> Callable[[], Timestamp]:
    # Called once here, so that a bad clock fails at `open_sec` and not in the first saga.
    now = cast("object", clock())
    if not isinstance(now, datetime) or now.tzinfo is None:
        msg = f"open_sec: clock must return a datetime with a time zone, got {now!r}"
        raise TypeError(msg)
    return lambda: to_timestamp(clock())


@overload
def open_sec(
    store: SecStore,
    registry: ActionRegistry[C],
    *,
    context: C = ...,
    sec_name: str = ...,
    recover: bool = ...,
    recover_concurrency: int = ...,
    store_patience: float = ...,
    retention: timedelta | None = ...,
    max_value_bytes: int | None = ...,
    clock: Callable[[], datetime] | None = ...,
    hold_on: type[Exception] | tuple[type[Exception], ...] = ...,
    instruments: Sequence[Instrument] = ...,
) -> AbstractAsyncContextManager[SecClient]: ...
@overload
def open_sec(
    store: SecStore,
    registry: ActionRegistry[C],
    *,
    make_context: Callable[[SagaId, SagaName, JSON], C],
    sec_name: str = ...,
    recover: bool = ...,
    recover_concurrency: int = ...,
    store_patience: float = ...,
    retention: timedelta | None = ...,
    max_value_bytes: int | None = ...,
    clock: Callable[[], datetime] | None = ...,
    hold_on: type[Exception] | tuple[type[Exception], ...] = ...,
    instruments: Sequence[Instrument] = ...,
) -> AbstractAsyncContextManager[SecClient]: ...
def open_sec(
    store: SecStore,
    registry: ActionRegistry[C],
    *,
    context: C | None = None,
    make_context: Callable[[SagaId, SagaName, JSON], C] | None = None,
    sec_name: str = "default",
    recover: bool = True,
    recover_concurrency: int = 64,
    store_patience: float = 60.0,
    retention: timedelta | None = None,
    max_value_bytes: int | None = None,
    clock: Callable[[], datetime] | None = None,
    hold_on: type[Exception] | tuple[type[Exception], ...] = HOLD_ON,
    instruments: Sequence[Instrument] = (),
) -> AbstractAsyncContextManager[SecClient]:
    """
    Open a saga execution coordinator; use it in `async with`.

    It takes over the unfinished sagas of its name and recovers them in the background: those that
    were started go on, those that never were stay ready. Leaving it waits until all that runs has
    finished; `SecClient.drain` is for leaving sooner. Left by an exception or by cancellation, it
    stops at once: what is not logged is done again at the next open, and nothing is lost.

    Args:
        store: Where the sagas are kept.
        registry: The actions.
        context: What all actions get as `ctx.user_data`.
        make_context: Instead of `context`: called with a saga's id, name and params (as plain JSON)
            whenever the saga is created or loaded; its actions get what it returns.
        sec_name: The durable identity of this SEC: opening another of the same name takes its sagas
            over.
        recover: Whether to recover the unfinished sagas. If not, an order to one of them begins
            nothing until `saga_recover` is called.
        recover_concurrency: How many sagas are loaded at a time.
        store_patience: Seconds for which an unavailable store is tried again, before the sagas that
            wait for it are halted.
        retention: How long finished sagas of this SEC are kept; then they are deleted, with their
            logs, but for stuck ones, and so are orders to many sagas that have ended. None keeps
            all. It has to be longer than an action may take
            that creates a saga and waits for it, through all restarts.
        max_value_bytes: The size limit of one value (params, constant, output or error), in bytes
            of UTF-8; None: that of the registry's codec.
        clock: Tells the time that events are logged with, instead of the machine's clock; what it
            returns has a time zone. With a clock of your own, give it to the store as well.
        hold_on: The exceptions that hold a node instead of failing it, when its action or undo
            action raises them: by default what this build cannot find, decode or encode, a saga
            that is waited for and is held or halted, and `Hold`. A held node is due again when its
            saga is taken up again. `()` holds none: everything that is raised fails its node.
        instruments: Objects that are told what sagas and calls do, for metrics and traces.

    Raises:
        TypeError: An argument is of a wrong type; so is a context that is not of the class that the
            registry, or one of its actions, names.
        ValueError: An argument is out of range, or `context` and `make_context` are both given.
        StoreError: The store could not be opened, or did not finish when it was to.
        SecCrashed: An actor failed; its cause says how. The sagas go on at the next open.
    """
    if isinstance(store, type) or not hasattr(store, "open"):
        msg = f"open_sec: store must be a SecStore, got {store!r}"
        raise TypeError(msg)
    _check_type("registry", registry, ActionRegistry)
    _check_type("sec_name", sec_name, str)
    if make_context is not None and context is not None:
        msg = "open_sec: give context or make_context, not both"
        raise ValueError(msg)
    if make_context is None:
        registry.check_context(context)
    codec = registry.codec if max_value_bytes is None else registry.codec.limited(max_value_bytes)
    _check_least("recover_concurrency", recover_concurrency, 1)
    _check_least("store_patience", store_patience, 0)
    _check_least("max_value_bytes", codec.max_value_bytes, 1)
    opening = _Opening(
        store=store,
        registry=registry,
        user_data=same_for_all(context) if make_context is None else made_by(make_context),
        sec_name=sec_name,
        recover_concurrency=recover_concurrency if recover else 0,
        patience=store_patience,
        retention=checked_retention(retention),
        codec=codec,
        now=system_time if clock is None else _told_by(clock),
        hold_on=checked_hold_on(hold_on),
        instruments=checked_instruments(instruments),
    )
    return opening.open()


@attrs.frozen(eq=False)
class _Assembled:
    """A SEC's actors except the writer, and its client."""

    coordinator: Coordinator
    timer: Timer
    loader: Loader
    pruner: Pruner
    bulk: BulkOrders
    access: SecAccess
    client: SecClient

    async def run_coordinator(self) -> None:
        """Run the coordinator; when it ends, for any reason, fail all replies still waited for."""
        try:
            await self.coordinator.run()
        finally:
            self.access.hang_up()


def _check_least(name: str, number: float, least: int) -> None:
    # Not `number < least`: that is false for NaN.
    if not number >= least:
        msg = f"open_sec: {name} must be {least} or more, not {number!r}"
        raise ValueError(msg)


def _check_type(name: str, value: object, kind: type) -> None:
    if not isinstance(value, kind):
        msg = f"open_sec: {name} must be of type {kind.__name__}, not {value!r}"
        raise TypeError(msg)


@attrs.frozen(eq=False)
class _Opening:
    """A SEC that is to be opened: the arguments of `open_sec`."""

    store: SecStore
    registry: ActionRegistry
    user_data: UserData
    sec_name: str
    recover_concurrency: int  # 0: recover none
    patience: float
    retention: PruneQuery | None
    codec: Codec
    now: Callable[[], Timestamp]
    hold_on: HoldOn
    instruments: Instruments | None

    @asynccontextmanager
    async def open(self) -> AsyncGenerator[SecClient, None]:
        supervisor = _Supervisor()
        left_by: BaseException | None = None
        try:
            async with self.store.open() as session:
                take_over = await session.take_over(self.sec_name)
                writer = LogWriter(session, self.patience)
                assembled = self._assemble(session, writer, supervisor, take_over.fence)
                async with trio.open_nursery() as outer:
                    supervisor.outer = outer
                    supervisor.spawn_writer(writer.run)
                    async with trio.open_nursery() as inner:
                        supervisor.inner = inner
                        self._start(assembled, supervisor, take_over.claims)
                        try:
                            yield assembled.client
                            await assembled.access.asker.close()
                            await assembled.bulk.stopped()
                            await writer.drained()
                        except BaseException as error:  # noqa: ASYNC103, BLE001 - raised below
                            # Not raised in here, or the nurseries would put it into a group.
                            left_by = error
                        assembled.access.hang_up()
                        inner.cancel_scope.cancel()
                    outer.cancel_scope.cancel()
                if left_by is None and supervisor.crash is None:
                    await _note_left(session, take_over.fence)
        except BaseException as error:  # noqa: ASYNC103, BLE001 - raised below
            # From an outer scope, an actor or the store: an exception of the body goes first.
            if left_by is None:
                left_by = error
            elif isinstance(error, Exception):
                left_by.add_note(f"Then the store could not be closed: {error!r}.")
        if supervisor.crash is not None:
            raise _crashed(supervisor.crash, left_by)
        if left_by is not None:
            raise left_by

    def _start(
        self, assembled: _Assembled, supervisor: _Supervisor, claims: Sequence[SagaClaim]
    ) -> None:
        """Start the actors but the writer."""
        supervisor.spawn(assembled.run_coordinator)
        supervisor.spawn(assembled.timer.run)
        supervisor.spawn(assembled.bulk.run)
        if self.recover_concurrency:
            assembled.coordinator.expect(claim.saga_id for claim in claims)
            supervisor.spawn(assembled.loader.load_all, claims, self.recover_concurrency)
        if self.retention is not None:
            supervisor.spawn(assembled.pruner.run, self.retention)

    def _assemble(
        self, session: SecStoreSession, writer: LogWriter, supervisor: _Supervisor, fence: Fence
    ) -> _Assembled:
        """Make the actors, and connect them."""
        admission = Admission(object())
        mailbox: Mailbox[SecMessage] = Mailbox()
        timer = Timer(self.now)
        factory = ExecutorFactory(
            admission=admission,
            registry=self.registry,
            codec=self.codec,
            user_data=self.user_data,
            exec_client=SecExecClient(writer.mailbox, mailbox.tell, self.now, timer),
            hold_on=self.hold_on,
            instruments=self.instruments,
        )
        loader = Loader(session, factory, mailbox, writer.mailbox, self.sec_name, self.patience)
        coordinator = Coordinator(
            mailbox,
            writer.mailbox,
            supervisor.spawn,
            loader,
            self.instruments,
            Entries(keeps_paused=not self.recover_concurrency),
        )
        pruner = Pruner(session, mailbox, self.sec_name)
        store = StoreReader(session, pruner, admission)
        access = SecAccess(
            admission=admission,
            asker=Asker(mailbox, admission, store, fence),
            store=store,
            absent=AbsentSagas(store, factory, admission, fence, bool(self.recover_concurrency)),
            registry=self.registry,
            codec=self.codec,
            sec_name=self.sec_name,
        )
        creator = Creator(factory, fence, self.codec.max_value_bytes, self.now)
        recovers = bool(self.recover_concurrency)
        bulk = BulkOrders(access, session.bulk, fence, self.patience, recovers)
        client = SecClient(bulk, access, coordinator, writer, creator, fence)
        factory.exec_client.sec = client
        return _Assembled(coordinator, timer, loader, pruner, bulk, access, client)


async def _note_left(  # noqa: ASYNC910 - the store was asked
    session: SecStoreSession, fence: Fence
) -> None:
    """Tell the store that the SEC was left normally."""
    try:
        await session.leave(fence)
    except StoreError as error:
        # The worst that comes of it is that this life counts as one that crashed.
        logger.warning("it could not be noted that the SEC was left normally: %s", error)


def _crashed(crash: BaseException, left_by: BaseException | None) -> BaseException:
    """Return the exception to leave `open_sec` with when an actor failed."""
    error = crash
    # What is not an Exception (KeyboardInterrupt, say) goes out as it is, and so does StoreStuck.
    if isinstance(crash, Exception) and not isinstance(crash, StoreStuck):
        what = f"{type(crash).__name__}: {crash}"
        error = SecCrashed(f"the SEC ended with {what}; its sagas go on at the next open")
        error.__cause__ = crash
    if isinstance(left_by, Exception):
        error.add_note(f"The body of open_sec had raised {left_by!r}.")
    return error
