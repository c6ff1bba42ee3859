"""
Mailboxes and replies: how actors talk.

An actor owns one `Mailbox` and is the only one to read it. A message is told, or it is asked, in an
`Envelope` with the address of its reply. All messages that arrive until the actor reads travel
together, as one list over a memory channel, so the actor is woken once for all of them. The list
has no bound, because every producer has one: a client that asks waits for the reply, a node task
tells its result once, an executor has one write under way.
"""

from __future__ import annotations

from typing import Generic, TypeVar

import attrs
import trio

M = TypeVar("M")
R = TypeVar("R")


class Mailbox(Generic[M]):
    """The messages that an actor has not read yet, in the order in which they were told."""

    def __init__(self) -> None:
        self._send, self._receive = trio.open_memory_channel[list[M]](1)
        self._unread: list[M] = []  # the list is in the channel, unless it is empty

    def tell(self, message: M) -> None:
        """Add a message; never waits."""
        self._unread.append(message)
        if len(self._unread) == 1:
            self._send.send_nowait(self._unread)

    async def receive_all(self) -> list[M]:
        """Wait until there is a message, then remove and return all there are."""
        messages = await self._receive.receive()
        # Until here `tell` appends to the same list, even if the channel has handed it over and
        # this task was not scheduled yet. So nothing is lost in between.
        self._unread = []
        return messages

    def drain(self) -> list[M]:
        """Remove and return all messages, perhaps none; never waits."""
        if not self._unread:
            return []
        # Only the actor calls this, so it is not in `receive_all`: the channel still has the list.
        messages = self._receive.receive_nowait()
        self._unread = []
        return messages

    def __len__(self) -> int:
        return len(self._unread)


@attrs.define(eq=False)
class Reply(Generic[R]):
    """
    The address of a reply: answered once, waited for by one.

    Attributes:
        answered: Set once it is answered, with a value or an error.
    """

    answered: trio.Event = attrs.field(init=False, factory=trio.Event)
    _value: R | None = attrs.field(init=False, default=None)
    _error: BaseException | None = attrs.field(init=False, default=None)

    def answer(self, value: R) -> None:
        """Answer with a value; a second answer is ignored."""
        if not self.answered.is_set():
            self._value = value
            self.answered.set()

    def fail(self, error: BaseException) -> None:
        """Answer with an error; a second answer is ignored."""
        if not self.answered.is_set():
            self._error = error
            self.answered.set()

    async def wait(self) -> R:
        """Wait for the answer, and return or raise it."""
        await self.answered.wait()
        if self._error is not None:
            raise self._error
        return self._value  # type: ignore[return-value]  # it was answered, and R may be None


@attrs.frozen(eq=False)
class Envelope(Generic[M, R]):
    """A message, and where its reply goes."""

    message: M
    reply_to: Reply[R]
