"""Requests to the coordinator: each gets a reply, or an error when the SEC ends."""

from __future__ import annotations

from typing import overload

import attrs
import trio

from steno.core import Snapshot
from steno.errors import SagaHaltedError, SecClosing
from steno.runtime._admission import LEFT, Admission
from steno.runtime._mailbox import Envelope, Mailbox, Reply
from steno.runtime._message import (
    Ask,
    Close,
    CreateSaga,
    Forget,
    GetSaga,
    Inject,
    NotHere,
    OrderSaga,
    RecoverSaga,
    RunSaga,
    SecMessage,
    StartSaga,
    WaitSaga,
)
from steno.runtime._stored import StoreReader
from steno.store import Fence


@attrs.define(eq=False)
class Asker:
    """
    Sends requests to a SEC's coordinator.

    Args:
        coordinator: Its mailbox.
        admission: Says which requests are accepted.
        store: Where to look for sagas that the coordinator does not know.
        fence: The fence of sagas that this SEC creates.
    """

    _coordinator: Mailbox[SecMessage]
    _admission: Admission
    _store: StoreReader
    _fence: Fence
    _waiting: set[Reply[object]] = attrs.field(init=False, factory=set)

    @overload
    async def ask(self, message: WaitSaga | GetSaga) -> Snapshot | NotHere: ...
    @overload
    async def ask(self, message: StartSaga | Inject | OrderSaga) -> NotHere | None: ...
    @overload
    async def ask(self, message: RunSaga) -> Snapshot: ...
    @overload
    async def ask(self, message: CreateSaga | RecoverSaga) -> None: ...
    async def ask(self, message: Ask) -> object:
        """
        Send a request, wait for the reply, and return it.

        If cancelled before the message is sent, nothing happens; afterwards it is carried out
        anyway, and its reply is discarded.
        """
        await trio.lowlevel.checkpoint_if_cancelled()
        self._admission.check(looks=isinstance(message, GetSaga | WaitSaga))
        answer = await self._answer(message, self._send(message))
        if isinstance(answer, NotHere) and answer.halted is None and not answer.loading:
            stored = await self._store.load(answer.saga_id)
            if stored is None or stored.summary.state.finished or stored.fence != self._fence:
                return attrs.evolve(answer, stored=stored)
            # It was created after the reply, before the store was read.
            answer = await self._answer(message, self._send(message))
        return answer

    async def close(self, *, drain: bool = False) -> None:
        """
        Accept commands that change something from actions only; wait until nothing runs.

        Args:
            drain: Whether nothing new may begin, not even the next node of a saga.
        """
        message = Close(drain)
        reply = self._send(message)
        self._admission.close(drain=drain)
        await self._answer(message, reply)

    async def drain(self) -> None:
        """
        Begin nothing new; wait until the calls in progress have ended.

        Raises:
            CommandError: The caller is one of these calls.
            SecClosing: The SEC has been left.
        """
        await trio.lowlevel.checkpoint_if_cancelled()
        why = "an action cannot drain its SEC: draining waits for the action to end"
        self._admission.check_outside(None, why)
        self._admission.check(looks=True)
        await self.close(drain=True)

    def hang_up(self) -> None:
        """Answer all pending requests."""
        for reply in tuple(self._waiting):
            reply.fail(SecClosing(LEFT))

    def _send(self, message: Ask) -> Reply[object]:
        reply: Reply[object] = Reply()
        self._waiting.add(reply)
        self._coordinator.tell(Envelope(message, reply))
        return reply

    async def _answer(self, message: Ask, reply: Reply[object]) -> object:
        try:
            return await reply.wait()
        except trio.Cancelled:
            if isinstance(message, WaitSaga):
                self._coordinator.tell(Forget(message.saga_id, reply))
            elif isinstance(message, RunSaga):
                self._coordinator.tell(Forget(message.params.saga_id, reply))
            raise
        except SagaHaltedError as halted:
            raise self._admission.told(halted) from halted.__cause__
        finally:
            self._waiting.discard(reply)
