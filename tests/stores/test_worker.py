"""The worker: a thread with a resource, in every order in which it and its users can end."""

import threading
import weakref
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import contextmanager
from functools import partial

import attrs
import pytest
import trio
from trio.testing import MockClock, wait_all_tasks_blocked

from steno import StoreError, StoreStuck
from steno.stores._bell import Bell, SoonBell, make_bell
from steno.stores._worker import GRACE, inline_worker, thread_worker

NAME = "a worker of the tests"
STUCK = f"stuck: the store has not closed within {GRACE} s; until it has, it is locked"


@attrs.define(eq=False)
class Resource:
    """What is opened, used and closed; it notes that, and in which thread it was."""

    trace: list[str] = attrs.field(factory=list)
    threads: set[str] = attrs.field(factory=set)

    def note(self, what: str) -> str:
        self.trace.append(what)
        self.threads.add(threading.current_thread().name)
        return what

    @contextmanager
    def opened(self) -> Iterator["Resource"]:
        self.note("open")
        try:
            yield self
        finally:
            self.note("close")


@attrs.define(eq=False)
class Gate:
    """
    Where a thread waits until the test lets it go on.

    Attributes:
        reached: Set when the thread is there.
    """

    reached: trio.Event = attrs.field(factory=trio.Event)
    _token: trio.lowlevel.TrioToken = attrs.field(factory=trio.lowlevel.current_trio_token)
    _open: threading.Event = attrs.field(factory=threading.Event)

    def wait(self) -> None:
        self._token.run_sync_soon(self.reached.set)
        assert self._open.wait(20)

    def let_go(self) -> None:
        self._open.set()


def alive() -> list[threading.Thread]:
    return [thread for thread in threading.enumerate() if thread.name == NAME]


@pytest.fixture
def resource() -> Resource:
    return Resource()


@pytest.fixture
async def gate() -> AsyncIterator[Gate]:
    """A gate; whatever waits there goes on when the test is over, and ends."""
    gate = Gate()
    yield gate
    gate.let_go()
    for thread in alive():
        thread.join(60)


@attrs.define(eq=False)
class Ending:
    """
    Runs something, and notes how it has ended.

    Attributes:
        how: "running", "done" or "cancelled", or why it was stuck.
    """

    what: Callable[[], Awaitable[object]]
    scope: trio.CancelScope = attrs.field(factory=trio.CancelScope)
    how: str = "running"

    async def run(self) -> None:
        try:
            with self.scope:
                await self.what()
        except StoreStuck as error:
            self.how = f"stuck: {error}"
        else:
            self.how = "cancelled" if self.scope.cancelled_caught else "done"


async def pass_time(clock: MockClock, seconds: float) -> None:
    """Let virtual time pass, and all happen that comes of it: threads wait, and do nothing."""
    clock.jump(seconds)
    await wait_all_tasks_blocked()


# Working

BOTH = pytest.mark.parametrize("inline", [False, True], ids=["thread", "inline"])


def open_worker(resource: Resource, *, inline: bool):
    return inline_worker(resource.opened()) if inline else thread_worker(resource.opened(), NAME)


@BOTH
async def test_jobs_are_done_in_the_order_in_which_they_were_given(
    resource: Resource, *, inline: bool
):
    """Each is done whole before the next, and each is answered with what it returned."""
    async with open_worker(resource, inline=inline) as worker:
        for number in range(20):
            assert await worker.do(lambda r, n=number: r.note(str(n))) == str(number)
    assert resource.trace == ["open", *map(str, range(20)), "close"]
    assert resource.threads == ({"MainThread"} if inline else {NAME})


async def test_jobs_that_many_tasks_give_are_done_one_at_a_time(resource: Resource, gate: Gate):
    """While one is done the others wait for their turn, first come first served."""
    answers = []

    async def ask(number: int) -> None:
        answers.append(await worker.do(lambda r: r.note(str(number))))

    async with thread_worker(resource.opened(), NAME) as worker, trio.open_nursery() as nursery:
        nursery.start_soon(worker.do, lambda _: gate.wait())
        await gate.reached.wait()
        for number in range(5):
            nursery.start_soon(ask, number)
            await wait_all_tasks_blocked()
        assert resource.trace == ["open"]
        gate.let_go()
    assert resource.trace == ["open", *"01234", "close"]
    assert sorted(answers) == [*"01234"]


@BOTH
@pytest.mark.parametrize("kind", [ValueError, OSError, StoreError, KeyboardInterrupt, SystemExit])
async def test_what_a_job_raises_is_raised_where_it_is_waited_for(
    resource: Resource, kind: type[BaseException], *, inline: bool
):
    """That very object, and the worker goes on."""
    error = kind("no")

    def fail(_: Resource) -> None:
        raise error

    async with open_worker(resource, inline=inline) as worker:
        with pytest.raises(kind) as caught:
            await worker.do(fail)
        assert caught.value is error
        assert await worker.do(lambda r: r.note("more")) == "more"


async def test_what_a_job_returned_is_not_kept(resource: Resource):
    """An answer may be large; the thread has forgotten it when it waits for the next job."""

    class Large:
        pass

    gone, token = trio.Event(), trio.lowlevel.current_trio_token()
    async with thread_worker(resource.opened(), NAME) as worker:
        answer = await worker.do(lambda _: Large())
        weakref.finalize(answer, token.run_sync_soon, gone.set)
        del answer
        with trio.fail_after(20):
            await gone.wait()


BELLS = pytest.mark.parametrize("new_bell", [make_bell, SoonBell], ids=["best", "portable"])


@BELLS
async def test_each_of_many_tasks_is_woken_when_its_job_is_done(
    resource: Resource, gate: Gate, new_bell: Callable[[], Bell]
):
    """One of them listens for all: when it is done, or cancelled, another does."""
    done = []

    async def ask(number: int, scope: trio.CancelScope) -> None:
        with scope:
            done.append(await worker.do(lambda r: r.note(str(number))))

    scopes = [trio.CancelScope() for _ in range(6)]
    async with (
        thread_worker(resource.opened(), NAME, new_bell) as worker,
        trio.open_nursery() as nursery,
    ):
        nursery.start_soon(worker.do, lambda _: gate.wait())
        await gate.reached.wait()
        for number, scope in enumerate(scopes):
            nursery.start_soon(ask, number, scope)
            await wait_all_tasks_blocked()
        scopes[2].cancel()
        await wait_all_tasks_blocked()
        gate.let_go()
    assert sorted(done) == [*"01345"]


@BELLS
async def test_the_task_that_listens_is_cancelled(
    resource: Resource, gate: Gate, new_bell: Callable[[], Bell]
):
    """Another that waits listens from then on, and is woken when its own job is done."""
    async with (
        thread_worker(resource.opened(), NAME, new_bell) as worker,
        trio.open_nursery() as nursery,
    ):
        scope = trio.CancelScope()

        async def listen() -> None:
            with scope:
                await worker.do(lambda _: gate.wait())

        nursery.start_soon(listen)
        await gate.reached.wait()
        nursery.start_soon(worker.do, lambda r: r.note("next"))
        await wait_all_tasks_blocked()
        scope.cancel()
        await wait_all_tasks_blocked()
        assert scope.cancelled_caught
        gate.let_go()
    assert resource.trace == ["open", "next", "close"]


@BELLS
async def test_a_bell_that_was_closed_is_not_heard(new_bell: Callable[[], Bell]):
    """Who listens is told, now or later; to ring it does nothing."""
    bell = new_bell()
    async with trio.open_nursery() as nursery:

        async def listen() -> None:
            with pytest.raises(trio.ClosedResourceError):
                await bell.heard()

        nursery.start_soon(listen)
        await wait_all_tasks_blocked()
        bell.close()
    bell.ring()
    bell.close()
    with pytest.raises(trio.ClosedResourceError):
        await bell.heard()


async def test_a_job_is_done_here_while_the_thread_has_nothing_to_do(
    resource: Resource, gate: Gate
):
    """In the calling task, after a checkpoint; otherwise in the thread, when its turn comes."""
    async with thread_worker(resource.opened(), NAME) as worker, trio.open_nursery() as nursery:
        resource.threads.clear()
        assert await worker.do(lambda r: r.note("here"), here=True) == "here"
        assert resource.threads == {"MainThread"}
        with trio.CancelScope() as scope:
            scope.cancel()
            await worker.do(lambda r: r.note("never"), here=True)
        nursery.start_soon(worker.do, lambda _: gate.wait())
        await gate.reached.wait()
        resource.threads.clear()
        nursery.start_soon(partial(worker.do, lambda r: r.note("there"), here=True))
        await wait_all_tasks_blocked()
        assert resource.trace == ["open", "here"]
        gate.let_go()
    assert resource.threads == {NAME}
    assert resource.trace == ["open", "here", "there", "close"]


async def test_nothing_is_done_here_while_an_abandoned_job_is_done(resource: Resource, gate: Gate):
    """Its caller was cancelled, and the thread is still at it."""
    async with thread_worker(resource.opened(), NAME) as worker, trio.open_nursery() as nursery:
        async with trio.open_nursery() as abandoning:
            abandoning.start_soon(worker.do, lambda r: (gate.wait(), r.note("done")))
            await gate.reached.wait()
            abandoning.cancel_scope.cancel()
        nursery.start_soon(partial(worker.do, lambda r: r.note("next"), here=True))
        await wait_all_tasks_blocked()
        assert resource.trace == ["open"]
        gate.let_go()
    assert resource.trace == ["open", "done", "next", "close"]


# Cancelled


async def test_a_job_that_is_cancelled_before_its_turn_is_not_done(resource: Resource, gate: Gate):
    """Nobody wants it any more when its turn comes."""
    async with thread_worker(resource.opened(), NAME) as worker, trio.open_nursery() as nursery:
        nursery.start_soon(worker.do, lambda _: gate.wait())
        await gate.reached.wait()
        with trio.CancelScope() as scope:
            scope.cancel()
            await worker.do(lambda r: r.note("never"))
        assert scope.cancelled_caught
        gate.let_go()
    assert resource.trace == ["open", "close"]


async def test_a_job_that_is_cancelled_while_it_is_done_is_done(resource: Resource, gate: Gate):
    """A cancelled caller returns at once; its job is finished before the resource closes."""
    async with thread_worker(resource.opened(), NAME) as worker:
        with trio.CancelScope() as scope:
            async with trio.open_nursery() as nursery:
                nursery.start_soon(worker.do, lambda r: (gate.wait(), r.note("done")))
                await gate.reached.wait()
                scope.cancel()
        assert scope.cancelled_caught
        assert resource.trace == ["open"]
        gate.let_go()
        assert await worker.do(lambda r: r.note("next")) == "next"
    assert resource.trace == ["open", "done", "next", "close"]


async def test_what_an_abandoned_job_raises_is_raised_nowhere(resource: Resource, gate: Gate):
    """It was nobody's any more; the worker goes on."""

    def fail(_: Resource) -> None:
        gate.wait()
        raise ValueError

    async with thread_worker(resource.opened(), NAME) as worker:
        async with trio.open_nursery() as nursery:
            nursery.start_soon(worker.do, fail)
            await gate.reached.wait()
            nursery.cancel_scope.cancel()
        gate.let_go()
        assert await worker.do(lambda r: r.note("more")) == "more"


# Opening and closing


@BOTH
async def test_a_resource_that_cannot_be_opened_says_so(*, inline: bool):
    """What it raised comes out of opening the worker; no thread is left."""
    error = StoreError("no")

    @contextmanager
    def never() -> Iterator[Resource]:
        raise error
        yield

    worker = inline_worker(never()) if inline else thread_worker(never(), NAME)
    with pytest.raises(StoreError) as caught:
        async with worker:
            raise AssertionError
    assert caught.value is error
    assert all(_ends(thread) for thread in alive())


@BOTH
async def test_a_resource_that_cannot_be_closed_says_so(*, inline: bool):
    """What it raised comes out when the worker is left, and nothing is left behind."""
    error = OSError("no")

    @contextmanager
    def badly() -> Iterator[Resource]:
        yield Resource()
        raise error

    worker = inline_worker(badly()) if inline else thread_worker(badly(), NAME)
    with pytest.raises(OSError, match="no") as caught:
        async with worker:
            pass
    assert caught.value is error


@BOTH
async def test_what_the_body_raises_comes_out_as_it_is(resource: Resource, *, inline: bool):
    """The resource is closed first."""
    error = LookupError("mine")
    with pytest.raises(LookupError) as caught:
        async with open_worker(resource, inline=inline):
            raise error
    assert caught.value is error
    assert resource.trace == ["open", "close"]


@BOTH
async def test_a_worker_that_was_left_does_nothing_more(resource: Resource, *, inline: bool):
    """A job is refused with an error, and never done."""
    async with open_worker(resource, inline=inline) as worker:
        pass
    with pytest.raises(StoreError, match="the session is closed"):
        await worker.do(lambda r: r.note("never"))
    assert resource.trace == ["open", "close"]


async def test_a_worker_may_be_closed_twice(resource: Resource):
    """The second time there is nothing to wait for."""
    async with thread_worker(resource.opened(), NAME) as worker:
        await worker.close()
        assert resource.trace == ["open", "close"]
    assert resource.trace == ["open", "close"]


async def test_leaving_waits_until_the_thread_has_ended(resource: Resource):
    """Not only has the resource been closed then: nothing of it is left, however often."""
    before = threading.active_count()
    for _ in range(20):
        async with thread_worker(resource.opened(), NAME) as worker:
            await worker.do(lambda r: r.note("."))
            assert threading.active_count() > before
    assert resource.trace == ["open", ".", "close"] * 20
    assert all(_ends(thread) for thread in alive())


def _ends(thread: threading.Thread) -> bool:
    """Say whether a thread that has told its end is gone in a moment, as it must be."""
    thread.join(10)
    return not thread.is_alive()


async def test_leaving_in_a_cancelled_scope_closes_all_the_same(resource: Resource):
    """A cancel is a crash, and still gives back what was open."""
    with trio.CancelScope() as scope:
        async with thread_worker(resource.opened(), NAME) as worker:
            await worker.do(lambda r: r.note("."))
            scope.cancel()
            await trio.lowlevel.checkpoint()
    assert scope.cancelled_caught
    assert resource.trace == ["open", ".", "close"]


# What hangs


@attrs.frozen
class Hanging:
    """A resource that hangs when it is opened, or closed, or in a job."""

    gate: Gate
    where: str

    @contextmanager
    def opened(self) -> Iterator["Hanging"]:
        self.hang("open")
        yield self
        self.hang("close")

    def hang(self, here: str) -> None:
        if self.where == here:
            self.gate.wait()

    async def use(self) -> None:
        async with thread_worker(self.opened(), NAME) as worker:
            await worker.do(lambda r: r.hang("job"))


@pytest.mark.parametrize("where", ["open", "job", "close"])
async def test_what_hangs_has_ten_seconds_once_it_is_cancelled(
    gate: Gate, mock_clock: MockClock, where: str
):
    """Then the worker is left with an error, and its thread to itself, with the resource."""
    use = Ending(Hanging(gate, where).use)
    async with trio.open_nursery() as nursery:
        nursery.start_soon(use.run)
        await gate.reached.wait()
        use.scope.cancel()
        await wait_all_tasks_blocked()
        await pass_time(mock_clock, GRACE - 1)
        assert use.how == "running"
        await pass_time(mock_clock, 1.5)
        assert use.how == STUCK
    assert alive()


@pytest.mark.parametrize("where", ["open", "job", "close"])
async def test_what_hangs_and_ends_in_time_is_nothing_to_speak_of(
    gate: Gate, mock_clock: MockClock, where: str
):
    """The worker was cancelled, or left, and that is all."""
    use = Ending(Hanging(gate, where).use)
    async with trio.open_nursery() as nursery:
        nursery.start_soon(use.run)
        await gate.reached.wait()
        use.scope.cancel()
        await wait_all_tasks_blocked()
        await pass_time(mock_clock, GRACE - 1)
        gate.let_go()
    # A task that hangs in closing has no checkpoint left.
    assert use.how == ("done" if where == "close" else "cancelled")


@pytest.mark.parametrize("where", ["open", "job"])
async def test_what_hangs_and_is_not_cancelled_is_waited_for(
    gate: Gate, mock_clock: MockClock, where: str
):
    """How long a disk may take is not for the worker to say."""
    use = Ending(Hanging(gate, where).use)
    async with trio.open_nursery() as nursery:
        nursery.start_soon(use.run)
        await gate.reached.wait()
        await pass_time(mock_clock, 100 * GRACE)
        assert use.how == "running"
        gate.let_go()
    assert use.how == "done"


async def test_time_that_a_job_has_had_is_not_given_again(gate: Gate, mock_clock: MockClock):
    """The time that its caller has waited counts: it has ten seconds from its beginning."""

    async def use() -> None:
        async with thread_worker(Hanging(gate, "job").opened(), NAME) as worker:
            with trio.move_on_after(GRACE - 3):
                await worker.do(lambda r: r.hang("job"))

    using = Ending(use)
    async with trio.open_nursery() as nursery:
        nursery.start_soon(using.run)
        await gate.reached.wait()
        await pass_time(mock_clock, GRACE - 3)
        await pass_time(mock_clock, 2)
        assert using.how == "running"
        await pass_time(mock_clock, 1.5)
        assert using.how == STUCK


async def test_a_resource_is_held_until_the_thread_ends(gate: Gate, mock_clock: MockClock):
    """However long ago the worker was left: what the thread still does, it does with it."""
    closed = threading.Event()

    @contextmanager
    def opened() -> Iterator[None]:
        yield
        closed.set()

    async def use() -> None:
        async with thread_worker(opened(), NAME) as worker:
            await worker.do(lambda _: gate.wait())

    using = Ending(use)
    async with trio.open_nursery() as nursery:
        nursery.start_soon(using.run)
        await gate.reached.wait()
        using.scope.cancel()
        await wait_all_tasks_blocked()
        await pass_time(mock_clock, 2 * GRACE)
        assert using.how == STUCK
    assert not closed.is_set()
    gate.let_go()
    assert await trio.to_thread.run_sync(closed.wait, 60)


def test_a_run_of_trio_may_end_before_the_thread():
    """The thread still closes the resource, and has nobody to tell."""
    clock = MockClock()
    resource = Resource()
    gates: list[Gate] = []

    async def main() -> None:
        gates.append(Gate())

        async def use() -> None:
            async with thread_worker(resource.opened(), NAME) as worker:
                await worker.do(lambda _: gates[0].wait())

        using = Ending(use)
        async with trio.open_nursery() as nursery:
            nursery.start_soon(using.run)
            await gates[0].reached.wait()
            using.scope.cancel()
            await wait_all_tasks_blocked()
            await pass_time(clock, 2 * GRACE)
            assert using.how == STUCK

    trio.run(main, clock=clock)
    assert resource.trace == ["open"]
    (thread,) = alive()
    gates[0].let_go()
    assert _ends(thread)
    assert resource.trace == ["open", "close"]


async def test_the_inline_worker_lets_others_run_between_two_jobs(resource: Resource):
    """There is a checkpoint before each job, so a caller that keeps asking can be cancelled."""
    async with inline_worker(resource.opened()) as worker:
        with trio.CancelScope() as scope:
            scope.cancel()
            await worker.do(lambda r: r.note("never"))
    assert scope.cancelled_caught
    assert resource.trace == ["open", "close"]
