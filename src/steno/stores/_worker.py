"""
A worker: a blocking resource, and the one thread that uses it.

The thread opens the resource, does its jobs in order, and closes it. So the resource is released
when the thread ends and not before, however long a job takes, and even if no task waits for it any
more. An inline worker does the same without a thread, for tests with a virtual clock.
"""

from __future__ import annotations

import queue
import threading
from collections.abc import AsyncGenerator, Callable
from contextlib import AbstractContextManager, asynccontextmanager, suppress
from typing import Generic, Protocol, TypeVar, cast

import attrs
import trio

from steno.errors import StoreError, StoreStuck
from steno.stores._bell import Bell, make_bell

R = TypeVar("R")
R_co = TypeVar("R_co", covariant=True)
T = TypeVar("T")

GRACE = 10.0
"""Seconds that a thread has to end once its worker is closed."""


class Worker(Protocol[R_co]):
    """Does jobs with a resource, one after the other."""

    async def do(self, work: Callable[[R_co], T], *, here: bool = False) -> T:
        """
        Call a function with the resource, and return what it returns, or raise what it raises.

        If cancelled before it starts, it is skipped; afterwards it completes and its result is
        discarded.

        Args:
            work: The function.
            here: Whether to call it in the calling task, if nothing else waits or is under way.
        """
        ...


@attrs.define(eq=False)
class _Inline(Generic[R]):
    """Does everything in the calling task."""

    resource: R
    closed: bool = False

    async def do(self, work: Callable[[R], T], *, here: bool = False) -> T:
        del here  # it always is
        await trio.lowlevel.checkpoint()
        if self.closed:
            raise _closed()
        return work(self.resource)


@asynccontextmanager
async def inline_worker(
    resource: AbstractContextManager[R],
) -> AsyncGenerator[Worker[R], None]:
    """Open a resource for a worker without a thread."""
    await trio.lowlevel.checkpoint()
    with resource as opened:
        worker = _Inline(opened)
        try:
            yield worker
        finally:
            worker.closed = True


@attrs.define(eq=False)
class _Job(Generic[R]):
    """Work to do, and its result."""

    work: Callable[[R], object]
    since: float = attrs.field(factory=trio.current_time)
    # Set by the thread, after all else: then the result is there.
    finished: bool = False
    abandoned: bool = False  # its caller was cancelled
    turn: trio.Event | None = None  # to look again; None: its caller listens to the bell itself
    result: object = None
    error: BaseException | None = None

    def run(self, resource: R) -> None:
        """Do it; in the thread."""
        # Set by Trio's thread without a lock. If it comes too late to be seen, the job is done and
        # its result dropped, which the caller of a cancelled job has to expect anyway.
        if not self.abandoned:
            try:
                self.result = self.work(resource)
            except BaseException as error:  # noqa: ASYNC103, BLE001 - raised where it is waited for
                self.error = error
        self.finished = True


@attrs.define(eq=False)
class _Thread(Generic[R]):
    """
    A thread that owns a resource.

    It rings a bell when it has done a job. One of the tasks that wait listens to it, wakes others
    whose jobs are done, and the next listener when it leaves.
    """

    _resource: AbstractContextManager[R]
    _bell: Bell
    _token: trio.lowlevel.TrioToken = attrs.field(factory=trio.lowlevel.current_trio_token)
    _jobs: queue.SimpleQueue[_Job[R] | None] = attrs.field(factory=queue.SimpleQueue)
    _waiting: list[_Job[R]] = attrs.field(factory=list)
    _listening: bool = False
    _abandoned: list[_Job[R]] = attrs.field(factory=list)
    _opened: trio.Event = attrs.field(factory=trio.Event)
    _ended: trio.Event = attrs.field(factory=trio.Event)
    _at_hand: R | None = None  # the resource, once it is open
    _error: BaseException | None = None
    _closed: bool = False

    def start(self, name: str) -> None:
        # A daemon: a disk that hangs must not keep the process from ending.
        threading.Thread(target=self._main, name=name, daemon=True).start()

    def _main(self) -> None:
        try:
            with self._resource as resource:
                self._at_hand = resource
                self._tell(self._opened)
                while (job := self._jobs.get()) is not None:
                    job.run(resource)
                    self._bell.ring()
                    del job  # do not keep its result alive while waiting for the next
        except BaseException as error:  # noqa: ASYNC103, BLE001 - raised where it is waited for
            # From opening or closing, as a job keeps its own error. If from opening, `opened` has
            # to be woken, or it would wait for ever.
            self._error = error
            self._tell(self._opened)
        self._tell(self._ended)

    def _tell(self, event: trio.Event) -> None:
        # The run may be over, if closing gave up on this thread.
        with suppress(trio.RunFinishedError):
            self._token.run_sync_soon(event.set)

    async def opened(self) -> None:
        await self._opened.wait()
        self.check()

    def check(self) -> None:
        """Raise the error of opening or closing the resource, if there was one."""
        if self._error is not None:
            raise self._error

    async def do(self, work: Callable[[R], T], *, here: bool = False) -> T:
        if here or self._closed:
            await trio.lowlevel.checkpoint()
        if self._closed:
            raise _closed()
        if here and self._is_idle and self._at_hand is not None:
            return work(self._at_hand)  # noqa: ASYNC910 - there was one, as `here` is true
        job = _Job(work)
        self._jobs.put(job)
        self._waiting.append(job)
        try:
            await self._finished(job)
        except trio.Cancelled:
            job.abandoned = True
            self._abandoned.append(job)
            raise
        finally:
            self._waiting.remove(job)
            self._call_listener()
        if job.error is not None:
            raise job.error
        return cast("T", job.result)

    @property
    def _is_idle(self) -> bool:
        """Whether the thread does nothing, and has nothing to do."""
        return not self._waiting and all(job.finished for job in self._abandoned)

    async def _finished(self, job: _Job[R]) -> None:
        """Wait until a job is done, listening to the bell if nobody else does."""
        while True:  # noqa: ASYNC913 - either branch waits
            if self._listening:
                job.turn = trio.Event()
                await job.turn.wait()
            else:
                self._listening, job.turn = True, None
                try:
                    await self._bell.heard()
                except trio.ClosedResourceError:
                    if not job.finished:
                        raise _closed() from None
                finally:
                    self._listening = False
                for other in self._waiting:
                    if other.finished and other.turn is not None:
                        other.turn.set()
            if job.finished:
                return  # noqa: ASYNC910 - as above

    def _call_listener(self) -> None:
        """Let one of those that wait listen to the bell, if nobody does."""
        if not self._listening and self._waiting and (turn := self._waiting[0].turn) is not None:
            turn.set()

    async def close(self) -> None:
        """Make the thread end, and wait for that."""
        self._closed = True
        self._jobs.put(None)  # the last: no job is accepted any more
        # The grace of a job that was given up began when it was submitted: a caller that waited out
        # a deadline for it must not wait as long again here.
        begun = [job.since for job in self._abandoned if not job.finished]
        deadline = min(begun, default=trio.current_time()) + GRACE
        try:
            with trio.CancelScope(shield=True, deadline=deadline):
                await self._ended.wait()
                return
        finally:
            self._bell.close()
        # Only a deadline that passed gets here: the scope has swallowed its Cancelled.
        msg = f"the store has not closed within {GRACE} s; until it has, it is locked"
        raise StoreStuck(msg)


@asynccontextmanager
async def thread_worker(
    resource: AbstractContextManager[R], name: str, new_bell: Callable[[], Bell] = make_bell
) -> AsyncGenerator[Worker[R], None]:
    """
    Open a resource in a thread of its own, and close it there.

    Args:
        resource: What is opened.
        name: The name of the thread.
        new_bell: Returns the bell with which the thread wakes tasks.

    Raises:
        StoreStuck: It could not be closed in time; the thread will close it when it can.
    """
    thread = _Thread(resource, new_bell())
    thread.start(name)
    # Closed also if opening it was cancelled: the thread may have the resource open by then.
    try:
        await thread.opened()
        yield thread
    finally:
        await thread.close()  # noqa: ASYNC102 - it shields itself, with a deadline
    thread.check()


def _closed() -> StoreError:
    return StoreError("the session is closed")
