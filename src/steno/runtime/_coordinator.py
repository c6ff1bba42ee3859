"""
The coordinator: the actor that knows which sagas there are, and starts their executors.

Theory of operation. It awaits nothing but its mailbox. Work that needs the store goes to the log
writer, or to a loader, and comes back as a message; a command that has to wait for that is kept in
the saga's own queue. So neither a saga nor the store can hold up another saga.

A saga is in memory while it is being created or loaded, is ready, or runs; of those that are
finished, the latest few. One that is paused leaves once its calls have ended, and is loaded again
for an order. All others are `NotHere`: the client looks them up in the store.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Protocol

import attrs

from steno.core import SagaCachedState, SagaId, Verb, inputs
from steno.errors import (
    CommandError,
    InternalError,
    OrderRefused,
    SagaHaltedError,
    SagaHeldError,
    SagaIdInUse,
    SagaNotReady,
    SagaNotRunning,
    SecClosing,
)
from steno.runtime._departed import Departed
from steno.runtime._endings import Endings
from steno.runtime._entries import Entries
from steno.runtime._entry import Entry, EntryState
from steno.runtime._exec_client import Awaits, Ended, GoesOn, Held
from steno.runtime._executor import SagaExecutor
from steno.runtime._fault import of_the_store
from steno.runtime._instruments import Instruments
from steno.runtime._mailbox import Envelope, Mailbox, Reply
from steno.runtime._message import (
    AbandonedUnread,
    Ask,
    Close,
    CreateSaga,
    Forget,
    GetSaga,
    Inject,
    Loaded,
    Loads,
    NotHere,
    NotLoaded,
    OrderSaga,
    Pruned,
    RecoverSaga,
    RunSaga,
    SecMessage,
    StartSaga,
    Stored,
    WaitSaga,
)
from steno.runtime._refusal import REFUSALS, begins, goes_on, never_started
from steno.runtime._writer import Source, Write
from steno.store import Durable, Rejected


class Loading(Protocol):
    """What loads sagas; in a task each, which tells the coordinator."""

    async def recover(self, saga_id: SagaId, still: bool) -> None:  # noqa: FBT001 - a task's argument
        """Take over a saga and load it."""
        ...

    async def abandon(self, saga_id: SagaId, order: inputs.Order) -> None:
        """Abandon in its row a saga that cannot be read."""
        ...


@attrs.define(eq=False)
class Coordinator:
    """
    The saga execution coordinator.

    Args:
        mailbox: Its mailbox.
        writer: The log writer's mailbox.
        spawn: Starts an executor, or a loader, among the SEC's tasks.
        loader: Loads sagas.
        instruments: What is told of sagas; None: nothing.

    Attributes:
        entries: The sagas in memory.
        endings: What becomes of those that end here.
    """

    mailbox: Mailbox[SecMessage]
    _writer: Mailbox[Source]
    _spawn: Callable[..., None]
    _loader: Loading
    _instruments: Instruments | None
    entries: Entries = attrs.field(factory=Entries)
    _departed: Departed = attrs.field(init=False, factory=Departed)
    endings: Endings = attrs.field(init=False)
    _closing: bool = attrs.field(init=False, default=False)
    _draining: bool = attrs.field(init=False, default=False)
    _closers: list[Reply[object]] = attrs.field(init=False, factory=list)

    def __attrs_post_init__(self) -> None:
        """Begin with no saga ended."""
        self.endings = Endings(self.entries, self._departed, self._writer, self._instruments)

    async def run(self) -> None:
        """Read the mailbox, until cancelled."""
        while True:
            for message in await self.mailbox.receive_all():
                self._handle(message)

    def expect(self, sagas: Iterable[SagaId]) -> None:
        """Enter sagas that are about to be loaded."""
        for saga_id in sagas:
            self.entries.enter(saga_id, Entry(EntryState.LOADING))

    @property
    def halted(self) -> int:
        """How many sagas are known to be halted."""
        return self._departed.halted

    def _requeue(self, entry: Entry) -> None:
        # Emptied first: a command that has to wait again is put back by `_asked`.
        waiting, entry.queue = entry.queue, []
        for envelope in waiting:
            self._asked(envelope)

    # Messages

    def _handle(self, message: SecMessage) -> None:
        match message:
            case Envelope():
                self._asked(message)
            case Stored():
                self._stored(message)
            case Loaded(executor=executor):
                self._loaded(executor)
            case NotLoaded(saga_id=saga_id, error=error):
                self._not_loaded(saga_id, error)
            case Ended(saga_id=saga_id, halted=halted):
                self._ended(saga_id, halted)
            case AbandonedUnread(saga_id=saga_id, error=error):
                self._abandoned_unread(saga_id, error)
            case Held(saga_id=saga_id):
                self.endings.tell_held(saga_id)
            case Forget(saga_id=saga_id, reply=reply):
                self.entries.forget(saga_id, reply)
            case Pruned() | Awaits() | GoesOn():
                self.entries.note(message)
        # After each message, since any may have been the last that closing waits for.
        if self._closers and not self.entries.busy:
            for reply in self._closers:
                reply.answer(None)
            self._closers.clear()

    def _asked(self, envelope: Envelope[Ask, object]) -> None:
        ask, reply = envelope.message, envelope.reply_to
        match ask:
            case Close():
                self._close(ask, reply)
                return
            case CreateSaga(params=params) | RunSaga(params=params):
                saga_id = params.saga_id
            case _:
                saga_id = ask.saga_id
        if self._draining and begins(ask):
            reply.fail(SecClosing("the SEC is being drained: nothing is begun any more"))
            return
        entry = self.entries.get(saga_id)
        if entry is not None and isinstance(ask, OrderSaga) and entry.may_go_on(ask.order):
            if (why := entry.refusal(ask.order)) is not None:
                reply.fail(OrderRefused(why))
                return
            # It goes on with another executor, which is made of what is stored.
            self.entries.leave(saga_id)
            loads = attrs.evolve(ask, loads=Loads.TO_GO_ON)
            entry, envelope = None, Envelope[Ask, object](loads, reply)
        if entry is None:
            self._asked_of_absent(saga_id, envelope)
        elif entry.state is EntryState.PAUSED:
            self._asked_of_paused(saga_id, entry, envelope)
        # A view never waits for a store write, so it does not queue as commands do.
        elif isinstance(ask, GetSaga) and entry.state in {EntryState.CREATING, EntryState.LOADING}:
            reply.answer(NotHere(saga_id, loading=True))
        elif isinstance(ask, GetSaga) and entry.state is EntryState.STANDING:
            reply.answer(NotHere(saga_id, self._departed.why(saga_id)))
        elif entry.executor is None or entry.defers(ask):
            entry.queue.append(envelope)
        else:
            try:
                self._asked_of_present(saga_id, entry, entry.executor, envelope)
            except (CommandError, SagaHaltedError, SagaHeldError) as refusal:
                reply.fail(refusal)

    def _asked_of_absent(self, saga_id: SagaId, envelope: Envelope[Ask, object]) -> None:
        match envelope.message:
            case CreateSaga() | RunSaga() as create:
                reply = envelope.reply_to
                self.entries.enter(saga_id, Entry(EntryState.CREATING, create.executor))
                told = Write(create.params, lambda o: self.mailbox.tell(Stored(create, reply, o)))
                self._writer.tell(told)
            case OrderSaga(loads=Loads.UNREAD, order=order):
                entry = self.entries.enter(saga_id, Entry(EntryState.STANDING))
                entry.queue.append(envelope)
                self._spawn(self._loader.abandon, saga_id, order)
            case OrderSaga(loads=Loads.TO_STAND_STILL):
                entry = self.entries.enter(saga_id, Entry(EntryState.STANDING))
                self._load(saga_id, entry, envelope)
            case RecoverSaga() | OrderSaga(loads=Loads.TO_GO_ON) | WaitSaga(loads=True):
                entry = self.entries.enter(saga_id, Entry(EntryState.LOADING))
                self._load(saga_id, entry, envelope)
            case _:
                envelope.reply_to.answer(NotHere(saga_id, self._departed.why(saga_id)))

    def _load(self, saga_id: SagaId, entry: Entry, envelope: Envelope[Ask, object]) -> None:
        entry.queue.append(envelope)  # until it is loaded
        self._spawn(self._loader.recover, saga_id, entry.state is EntryState.STANDING)

    def _asked_of_paused(
        self, saga_id: SagaId, entry: Entry, envelope: Envelope[Ask, object]
    ) -> None:
        ask, reply = envelope.message, envelope.reply_to
        match ask:
            case WaitSaga() if self._closing:
                reply.fail(SecClosing(goes_on(saga_id)))
            case WaitSaga():
                entry.waiters[reply] = None
            case GetSaga():
                reply.answer(NotHere(saga_id, paused=True))
            case OrderSaga() | RecoverSaga():
                self._load(saga_id, self.entries.move(saga_id, EntryState.LOADING), envelope)
            case CreateSaga() | RunSaga():
                reply.fail(SagaIdInUse(saga_id))
            case _:
                reply.fail(REFUSALS[type(ask), EntryState.PAUSED](saga_id))

    def _asked_of_present(
        self,
        saga_id: SagaId,
        entry: Entry,
        executor: SagaExecutor,
        envelope: Envelope[Ask, object],
    ) -> None:
        ask, reply, state = envelope.message, envelope.reply_to, entry.state
        if (refusal := REFUSALS.get((type(ask), state))) is not None:
            raise refusal(saga_id)
        match ask:
            case CreateSaga() | RunSaga():
                raise SagaIdInUse(saga_id)
            case StartSaga(order=order) if state is EntryState.READY:
                # In older files, an import left no event by which its saga waits to be started.
                if not executor.machine.state.begun and (why := entry.refusal(order)) is not None:
                    raise OrderRefused(why)
                executor.answer_when_started(reply, None)
                executor.start(order)
                self._start(saga_id, executor)
            case StartSaga():
                executor.answer_when_started(reply, SagaNotReady(saga_id))
            case RecoverSaga():
                reply.answer(None)
            case OrderSaga(order=order) if order.verb is Verb.START and not executor.stands_still:
                self._asked(Envelope[Ask, object](StartSaga(saga_id, order), reply))
            case OrderSaga(order=order):
                executor.order(order, reply)
                if state is EntryState.READY:
                    self._start(saga_id, executor, EntryState.SETTLING)
            case Inject(injection=injection):
                executor.inject(injection)
                reply.answer(None)
            case WaitSaga() if state is EntryState.READY and self._closing:
                raise SecClosing(never_started(saga_id))
            case WaitSaga() if nodes := executor.held_nodes():
                raise SagaHeldError(saga_id, nodes)
            case WaitSaga() if state is not EntryState.DONE:
                entry.waiters[reply] = None
            case GetSaga() | WaitSaga():
                reply.answer(executor.snapshot())
            case Close():
                pass  # answered in `_asked`

    def _start(
        self, saga_id: SagaId, executor: SagaExecutor, state: EntryState = EntryState.RUNNING
    ) -> Entry:
        """Run an executor; to settle, until it has taken its orders and begun nothing."""
        self._spawn(executor.run)
        return self.entries.move(saga_id, state, executor)

    def _stored(self, stored: Stored) -> None:
        """Take up a saga that was created and answer its client, then those that wait for it."""
        created, reply, outcome = stored.created, stored.reply_to, stored.outcome
        saga_id = created.params.saga_id
        if not isinstance(outcome, Durable):
            entry = self.entries.leave(saga_id)
            error = outcome.error if isinstance(outcome, Rejected) else SagaIdInUse(saga_id)
            reply.fail(of_the_store(error))
            self._requeue(entry)
            return
        self._departed.forget(saga_id)
        entry = self._take_up(created.executor)
        if isinstance(created, CreateSaga):
            reply.answer(None)
        elif entry.state is EntryState.LEFT:
            reply.fail(SecClosing(goes_on(saga_id)))
        else:
            entry.waiters[reply] = None
        self._requeue(entry)

    def _loaded(self, executor: SagaExecutor) -> None:
        saga_id = executor.saga_id
        if executor.stands_still:
            self._requeue(self._start(saga_id, executor, EntryState.STANDING))
            return
        self._departed.forget(saga_id)
        entry = self.entries.get(saga_id)
        if executor.recording.row is SagaCachedState.SUCCEEDED and not (entry and entry.is_ordered):
            self._not_loaded(saga_id, SagaNotRunning(saga_id))  # there is nothing to recover
            return
        entry = self._take_up(executor)
        if entry.state is EntryState.PAUSED:
            entry.answer_recoveries()  # that is all there is to do
        self._requeue(entry)
        self.entries.drop_idle(saga_id)

    def _take_up(self, executor: SagaExecutor) -> Entry:
        """Run a stored saga, if it was started and the SEC is not being drained."""
        saga_id = executor.saga_id
        if executor.is_ready:
            return self.entries.move(saga_id, EntryState.READY, executor)
        if self._draining:
            return self.entries.move(saga_id, EntryState.LEFT, executor)
        if executor.recording.row is SagaCachedState.PAUSED:
            entry = self.entries.move(saga_id, EntryState.PAUSED)
            if entry.is_ordered:
                self._start(saga_id, executor, EntryState.SETTLING)
            return entry
        return self._start(saga_id, executor)

    def _not_loaded(self, saga_id: SagaId, error: Exception) -> None:
        """Fail the commands to recover a saga with the reason, then answer the others."""
        entry = self.entries.leave(saga_id)
        if isinstance(error, SagaHaltedError):
            self._departed.note(saga_id, error)
        entry.fail_loading(error, NotHere(saga_id, self._departed.why(saga_id)))
        self._requeue(entry)

    def _abandoned_unread(self, saga_id: SagaId, error: Exception | None) -> None:
        """Answer the order by which a saga was abandoned in its row."""
        entry = self.entries.leave(saga_id)
        order = entry.queue.pop(0)
        if error is None:
            self._departed.forget(saga_id)
            order.reply_to.answer(None)
        else:
            order.reply_to.fail(error)
        self._requeue(entry)

    def _ended(self, saga_id: SagaId, halted: SagaHaltedError | None) -> None:
        entry = self.entries.get(saga_id)
        if entry is None or (executor := entry.executor) is None:
            msg = f"saga {saga_id} has ended, and was not running"
            raise InternalError(msg)
        if halted is not None:
            self.endings.halt(executor, halted)
        elif executor.stands_still and executor.recording.row.can_go_on:
            self.entries.leave(saga_id)  # it is as halted as before
        elif executor.ended:
            self._departed.forget(saga_id)
            self.endings.done(executor)
        elif executor.is_ready:
            self.entries.move(saga_id, EntryState.READY, executor.successor())
            if self._closing:
                entry.fail_waiters(SecClosing(never_started(saga_id)))
        elif executor.recording.row is SagaCachedState.PAUSED:
            self.entries.move(saga_id, EntryState.PAUSED).executor = None
            if self._closing:
                entry.fail_waiters(SecClosing(goes_on(saga_id)))
        else:
            self.endings.put_by(executor)
        self._requeue(entry)
        self.entries.drop_idle(saga_id)

    def _close(self, close: Close, reply: Reply[object]) -> None:
        self._closing = True
        self._closers.append(reply)
        self._draining = self._draining or close.drain
        self.entries.close(drain=close.drain)
