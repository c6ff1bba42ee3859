"""
The client's line to the SEC: asking its coordinator, and reading from the store what is not there.

Whoever asks gets an answer, or an error when the SEC ends; never silence.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from typing import TypeVar, overload

import attrs
import trio

from steno.core import Phase, SagaDag, SagaId, Snapshot
from steno.errors import (
    CommandError,
    NoSuchSaga,
    RecoveryError,
    SagaHaltedError,
    SecClosing,
    StoreError,
)
from steno.runtime._mailbox import Envelope, Reply
from steno.runtime._message import (
    Ask,
    Close,
    CreateSaga,
    Forget,
    GetSaga,
    Inject,
    NotHere,
    RecoverSaga,
    RunSaga,
    StartSaga,
    WaitSaga,
)
from steno.runtime._recover import Foundry
from steno.runtime._retention import Pruner
from steno.runtime._runner import is_inside
from steno.runtime._sec import Sec
from steno.runtime._writer import LogWriter
from steno.store import (
    Fence,
    ListQuery,
    PruneQuery,
    SagaSummary,
    SecStoreSession,
    StoredSaga,
)

Q = TypeVar("Q")
T = TypeVar("T")

LEFT = "the SEC is being left, or has been; open one of its name on its store to go on"


@attrs.define(eq=False)
class Line:
    """
    A client's line to one SEC.

    Attributes:
        sec: The coordinator.
        writer: The log writer.
        foundry: Makes executors, and reads stored graphs.
        pruner: Deletes finished sagas.
        max_value_bytes: How large a value may be.
        fence: With which its sagas are created.
    """

    sec: Sec
    writer: LogWriter
    foundry: Foundry
    pruner: Pruner
    max_value_bytes: int
    fence: Fence
    _session: SecStoreSession
    _asking: set[Reply[object]] = attrs.field(init=False, factory=set)
    _reading: set[trio.CancelScope] = attrs.field(init=False, factory=set)
    _closed: bool = attrs.field(init=False, default=False)

    @property
    def key(self) -> object:
        """What stands for the SEC in a `Call`."""
        return self.foundry.sec

    async def run(self) -> None:
        """Run the coordinator; when it ends, however it does, nobody waits for it in vain."""
        try:
            await self.sec.run()
        finally:
            self.hang_up()

    # Asking

    @overload
    async def ask(self, message: WaitSaga | GetSaga) -> Snapshot | NotHere: ...
    @overload
    async def ask(self, message: StartSaga | Inject) -> NotHere | None: ...
    @overload
    async def ask(self, message: RunSaga) -> Snapshot: ...
    @overload
    async def ask(self, message: CreateSaga | RecoverSaga | Close) -> None: ...
    async def ask(self, message: Ask) -> object:
        """
        Ask the coordinator, and wait for the answer.

        Cancelled before the message is sent, it was never asked; after, it is carried out anyway.
        """
        await trio.lowlevel.checkpoint_if_cancelled()
        self._check_open(looks=isinstance(message, GetSaga | WaitSaga))
        answer = await self._answer(message, self._send(message))
        if isinstance(answer, NotHere) and answer.halted is None and not answer.loading:
            stored = await self._read(self._session.load, answer.saga_id)
            if stored is None or stored.summary.state.finished or stored.fence != self.fence:
                return attrs.evolve(answer, stored=stored)
            # It was created between the answer and the look into the store.
            answer = await self._answer(message, self._send(message))
        return answer

    def _send(self, message: Ask) -> Reply[object]:
        reply: Reply[object] = Reply()
        self._asking.add(reply)
        self.sec.mailbox.tell(Envelope(message, reply))
        return reply

    async def _answer(self, message: Ask, reply: Reply[object]) -> object:
        try:
            return await reply.wait()
        except trio.Cancelled:
            if isinstance(message, WaitSaga):
                self.sec.mailbox.tell(Forget(message.saga_id, reply))
            elif isinstance(message, RunSaga):
                self.sec.mailbox.tell(Forget(message.params.saga_id, reply))
            raise
        except SagaHaltedError as halted:
            raise self._told(halted) from halted.__cause__
        finally:
            self._asking.discard(reply)

    def _check_open(self, *, looks: bool) -> None:
        """Raise SecClosing if the SEC takes no such command any more."""
        if self._closed or (self.closing and not looks and not is_inside(self.key)):
            raise SecClosing(LEFT)

    @property
    def closing(self) -> bool:
        """Whether the SEC is being left, or drained."""
        return self.foundry.line.closing

    def _told(self, halted: SagaHaltedError) -> SagaHaltedError | SecClosing:
        """Return what is told of a saga that stands still: while a SEC is left, actions do too."""
        if self.closing and is_inside(self.key):
            return SecClosing(f"the SEC is being left, and {halted}")
        return halted

    async def close(self, *, drain: bool = False) -> None:
        """
        Take commands that change something from actions only; wait until nothing runs any more.

        Args:
            drain: Whether nothing is to be begun any more, not even the next node of a saga.
        """
        message = Close(drain)
        reply = self._send(message)
        self.foundry.line.closing = True
        self.foundry.line.draining = self.foundry.line.draining or drain
        await self._answer(message, reply)

    async def drain(self) -> None:
        """
        Begin nothing any more; wait until what is under way has ended.

        Raises:
            CommandError: The caller is under way itself.
            SecClosing: The SEC has been left.
        """
        await trio.lowlevel.checkpoint_if_cancelled()
        if is_inside(self.key):
            msg = "an action cannot drain its SEC: draining waits for the action to end"
            raise CommandError(msg)
        self._check_open(looks=True)
        await self.close(drain=True)

    def hang_up(self) -> None:
        """Take no commands, and answer all who still wait."""
        self._closed = True
        for reply in tuple(self._asking):
            reply.fail(SecClosing(LEFT))
        for scope in self._reading:
            scope.cancel()

    # Reading from the store

    async def load(self, not_here: NotHere) -> StoredSaga:
        """
        Return what is stored of a saga that is not in memory.

        Raises:
            NoSuchSaga: There is none of that id.
            SagaHaltedError: It stands still, and what is stored of it can not be read.
        """
        await trio.lowlevel.checkpoint_if_cancelled()
        saga_id, stored = not_here.saga_id, not_here.stored
        if stored is None:
            try:
                stored = await self._read(self._session.load, saga_id)
            except (RecoveryError, StoreError) as error:
                if not_here.halted is None:
                    raise
                raise self._told(not_here.halted.again()) from error
        if stored is None:
            raise NoSuchSaga(saga_id)
        return stored

    async def list(self, query: ListQuery) -> Sequence[SagaSummary]:
        """Return a page of the store's sagas."""
        return await self._read(self._session.list, query)

    async def prune(self, query: PruneQuery) -> int:
        """Delete finished sagas of this SEC, and return how many."""
        return await self._read(self.pruner.prune, query, looks=False)

    async def _read(self, read: Callable[[Q], Awaitable[T]], query: Q, *, looks: bool = True) -> T:
        """Read, until the SEC hangs up: what is read from is about to be closed."""
        await trio.lowlevel.checkpoint_if_cancelled()
        self._check_open(looks=looks)
        with trio.CancelScope() as scope:
            self._reading.add(scope)
            try:
                return await read(query)
            finally:
                self._reading.discard(scope)
        raise SecClosing(LEFT)

    def snapshot(self, stored: StoredSaga, not_here: NotHere) -> Snapshot:
        """
        Return what there is to see of a saga that is not in memory.

        Raises:
            DumpError: Its graph can not be read.
        """
        halted = self._halted(stored, not_here)
        problem = None if halted is None else halted.problem
        dag = self.foundry.read_dag(stored)
        phase = Phase.DONE if stored.summary.state.finished else Phase.RUNNING
        if not_here.loading and problem is None and phase is Phase.RUNNING:
            phase = Phase.READY
        size = len(stored.events)
        return Snapshot(stored.summary.id, dag, stored.events, size, phase, problem)

    async def finished(self, not_here: NotHere) -> Snapshot:
        """
        Return the end of a saga that is not in memory.

        Raises:
            NoSuchSaga: There is none of that id.
            SagaHaltedError: It has not ended.
            DumpError: Its graph can not be read.
        """
        stored = await self.load(not_here)
        if (halted := self._halted(stored, not_here)) is not None:
            raise self._told(halted)
        if not stored.summary.state.finished:
            raise SecClosing(f"{LEFT}; saga {not_here.saga_id} goes on then")
        return self.snapshot(stored, not_here)

    def _halted(self, stored: StoredSaga, not_here: NotHere) -> SagaHaltedError | None:
        """Return why a saga that is not in memory stands still; None if it does not."""
        if stored.summary.state.finished or not_here.loading:
            return None
        if not_here.halted is not None:
            return not_here.halted.again()
        if self.foundry.line.draining and stored.fence.sec_name == self.fence.sec_name:
            return None  # it was to be loaded, and is at the next open
        problem = stored.summary.problem or self._stranger(stored)
        return SagaHaltedError(stored.summary.id, problem)

    def _stranger(self, stored: StoredSaga) -> str:
        """Say why a saga that nobody has heard of stands still."""
        owner = stored.fence.sec_name
        if owner == self.fence.sec_name:
            return "this SEC has not recovered it (recover=False); saga_recover does"
        return f'it belongs to the SEC "{owner}"; saga_recover takes it over, if that is gone'

    async def dag_of(self, saga_id: SagaId) -> SagaDag:
        """
        Return the graph and params of a saga, wherever it is.

        Raises:
            NoSuchSaga: There is none of that id.
            SagaHaltedError: It stands still, since its graph can not be read.
        """
        answer = await self.ask(GetSaga(saga_id))
        if isinstance(answer, Snapshot):
            return answer.dag
        stored = await self.load(answer)
        try:
            return self.foundry.read_dag(stored)
        except RecoveryError as error:
            halted = self._halted(stored, answer)
            if halted is None:
                halted = SagaHaltedError(saga_id, f"it could not be loaded: {error}")
            raise self._told(halted) from error

    async def refusal(
        self, not_here: NotHere, finished: CommandError
    ) -> CommandError | SagaHaltedError:
        """Return why a command on a saga that is not in memory is refused."""
        stored = await self.load(not_here)
        halted = self._halted(stored, not_here)
        if halted is None and not stored.summary.state.finished:
            return SecClosing(LEFT)
        return finished if halted is None else self._told(halted)
