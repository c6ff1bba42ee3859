"""
A pool of connections that read, each used by one of Trio's worker threads at a time.

Connections are made when they are needed, and kept for the next read. Closing the pool waits for
the reads that are under way. An inline pool reads in the calling task, for tests with a virtual
clock.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from typing import Generic, Protocol, TypeVar

import attrs
import trio

from steno.errors import StoreError, StoreStuck
from steno.stores._worker import GRACE

READERS = 4
"""The most reads of a session that are under way at once."""

T = TypeVar("T")


class Closable(Protocol):
    """A connection."""

    def close(self) -> object:
        """Close it."""
        ...


C = TypeVar("C", bound=Closable)


@attrs.define(eq=False)
class ReaderPool(Generic[C]):
    """
    Reads with connections of its own.

    Args:
        connect: Returns a new connection; called in a worker thread.
        name: The store, for errors.
        inline: Read in the calling task instead of in threads.
    """

    _connect: Callable[[], C]
    _name: str
    _inline: bool
    _limiter: trio.CapacityLimiter = attrs.field(
        init=False, factory=lambda: trio.CapacityLimiter(READERS)
    )
    _idle: list[C] = attrs.field(init=False, factory=list)
    _closed: bool = attrs.field(init=False, default=False)

    async def do(self, read: Callable[[C], T]) -> T:
        """Call a function with a connection that nothing else uses, and return what it returns."""
        self._check_open()
        if self._inline:
            async with self._limiter:
                return self._do_now(read)
        # A disk or a network that hangs must not hold up a caller that is cancelled. The thread
        # keeps its token of the limiter until it is done, which is what `close` waits for.
        return await trio.to_thread.run_sync(
            self._do_now, read, abandon_on_cancel=True, limiter=self._limiter
        )

    def _check_open(self) -> None:
        if self._closed:
            msg = "the session is closed"
            raise StoreError(msg)

    def _do_now(self, read: Callable[[C], T]) -> T:
        self._check_open()
        connection = self._connection()
        try:
            return read(connection)
        finally:
            # Appended before checking, so that either this or `close` sees the connection and
            # closes it, in any order. A list's `append` and `pop` are atomic.
            self._idle.append(connection)
            if self._closed:
                self._drop_idle()

    def _connection(self) -> C:
        # Not `if self._idle`: other threads may take the last one in between.
        with suppress(IndexError):
            return self._idle.pop()
        return self._connect()

    def _drop_idle(self) -> None:
        while self._idle:
            self._idle.pop().close()

    async def close(self) -> None:
        """
        Wait for the reads that are under way, and close.

        Raises:
            StoreStuck: They were not done in time.
        """
        self._closed = True
        # Each read under way has a token: once all of them have been acquired, there is none. They
        # are borrowed on behalf of made-up borrowers, since a task may have only one.
        done = 0
        deadline = trio.current_time() + GRACE
        with trio.CancelScope(shield=True, deadline=deadline):  # noqa: ASYNC912 - there are seats
            while done < READERS:
                await self._limiter.acquire_on_behalf_of(("closing", done))
                done += 1
        self._drop_idle()
        await trio.lowlevel.cancel_shielded_checkpoint()
        if done < READERS:
            msg = f"{self._name}: reads have not ended within {GRACE} s"
            raise StoreStuck(msg)
