"""A session of the SQLite store: who waits for whom, and what comes out when it is left."""

import sqlite3
import threading
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import closing
from pathlib import Path

import attrs
import pytest
import trio
from trio.testing import MockClock, wait_all_tasks_blocked

import steno
from steno.core import JsonText, SagaName
from steno.store import Fence, ListQuery, SagaCreateParams
from steno.stores._pool import READERS
from steno.stores._worker import GRACE
from steno.stores.sqlite import _reader as _sqlite_reader
from steno.stores.sqlite._store import SqliteReader, SqliteSession
from support.demo import saga
from support.worlds import ids

BOTH = pytest.mark.parametrize("inline", [False, True], ids=["thread", "inline"])
FENCE = Fence("sec", 1)
ONE, TWO = map(steno.SagaId, ids(2))


def create(saga_id: steno.SagaId) -> SagaCreateParams:
    graph = JsonText('{"a":"graph"}')
    return SagaCreateParams(saga_id, SagaName("t"), "digest", graph, JsonText("null"), FENCE)


@attrs.define(eq=False)
class Stop:
    """Where threads are held up until the test lets them go on."""

    token: trio.lowlevel.TrioToken = attrs.field(factory=trio.lowlevel.current_trio_token)
    open: threading.Event = attrs.field(factory=threading.Event)
    reached: list[str] = attrs.field(factory=list)
    _changed: trio.Event = attrs.field(factory=trio.Event)

    def wait(self) -> None:
        self.token.run_sync_soon(self._reach, threading.current_thread().name)
        assert self.open.wait(20)

    def _reach(self, name: str) -> None:
        self.reached.append(name)
        self._changed.set()
        self._changed = trio.Event()

    async def until(self, count: int) -> None:
        """Wait until so many threads are held up."""
        while len(self.reached) < count:
            await self._changed.wait()


@pytest.fixture
async def stop(monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Stop]:
    """Hold up every look at the counts of states."""
    stop = Stop()
    count = _sqlite_reader.count

    def held_up(db: sqlite3.Connection) -> object:
        stop.wait()
        return count(db)

    monkeypatch.setattr(_sqlite_reader, "count", held_up)
    yield stop
    stop.open.set()


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "trips.db"


@pytest.fixture
def store(path: Path) -> steno.SqliteSecStore:
    return steno.SqliteSecStore(path)


@pytest.fixture
async def session(store: steno.SqliteSecStore) -> AsyncIterator[SqliteSession]:
    async with store.open() as session:
        await session.take_over("sec")
        yield session


@pytest.fixture
async def reader(
    store: steno.SqliteSecStore, session: SqliteSession
) -> AsyncIterator[SqliteReader]:
    async with store.open_reader() as reader:
        yield reader


# Side by side


async def test_what_was_recorded_is_read_at_once(session: SqliteSession, reader: SqliteReader):
    """Both the session and other processes see it."""
    await session.record([create(ONE)])
    for looking in (session, reader):
        assert (await looking.load(ONE)).summary.saga_id == ONE
        assert [each.saga_id for each in await looking.list(ListQuery())] == [ONE]
        assert await looking.load(TWO) is None


async def test_reads_do_not_wait_for_a_write(session: SqliteSession, reader: SqliteReader):
    """While the connection that writes is busy, all that was written before can be read."""
    await session.record([create(ONE)])
    stop = Stop()
    writing = session._writer  # noqa: SLF001 - what is under way there takes as long as it takes
    async with trio.open_nursery() as nursery:
        nursery.start_soon(writing.do, lambda _: stop.wait())
        await stop.until(1)
        assert (await session.load(ONE)).summary.saga_id == ONE
        assert len(await session.list(ListQuery())) == 1
        assert sum((await reader.count()).values()) == 1
        stop.open.set()


async def test_reads_do_not_see_half_a_transaction(session: SqliteSession, reader: SqliteReader):
    """What another connection has not committed is not there."""
    stop = Stop()

    def half(writer: object) -> None:
        with writer._transaction():  # noqa: SLF001 - to stand still in the midst of it
            writer._create(create(ONE), 0)  # noqa: SLF001 - as above
            writer.flush()
            stop.wait()

    async with trio.open_nursery() as nursery:
        nursery.start_soon(session._writer.do, half)  # noqa: SLF001 - as above
        await stop.until(1)
        assert await session.load(ONE) is None
        assert await reader.load(ONE) is None
        stop.open.set()
    assert await reader.load(ONE) is not None


async def test_so_many_reads_are_done_at_once(
    session: SqliteSession, reader: SqliteReader, stop: Stop
):
    """The others wait for a seat; and nobody who writes waits for any of them."""
    async with trio.open_nursery() as nursery:
        for _ in range(2 * READERS):
            nursery.start_soon(reader.count)
        await stop.until(READERS)
        await wait_all_tasks_blocked()
        assert len(stop.reached) == READERS
        await session.record([create(ONE)])
        stop.open.set()
        await stop.until(2 * READERS)


async def test_a_read_that_is_cancelled_is_not_waited_for(reader: SqliteReader, stop: Stop):
    """A disk that hangs holds up nobody; the read keeps its seat until it is done."""
    with trio.CancelScope() as scope:
        async with trio.open_nursery() as nursery:
            for _ in range(READERS):
                nursery.start_soon(reader.count)
            await stop.until(READERS)
            scope.cancel()
    assert scope.cancelled_caught
    async with trio.open_nursery() as nursery:
        nursery.start_soon(reader.count)
        await wait_all_tasks_blocked()
        assert len(stop.reached) == READERS
        stop.open.set()
    assert len(stop.reached) == READERS + 1


async def test_a_read_that_waits_for_a_seat_may_be_cancelled(reader: SqliteReader, stop: Stop):
    """It is never begun."""
    async with trio.open_nursery() as nursery:
        for _ in range(READERS):
            nursery.start_soon(reader.count)
        await stop.until(READERS)
        with trio.CancelScope() as scope:
            scope.cancel()
            await reader.count()
        assert scope.cancelled_caught
        stop.open.set()
    assert len(stop.reached) == READERS


async def test_a_read_that_fails_leaves_its_connection_in_order(session: SqliteSession, path: Path):
    """What is read next, on the same connection, is what is there by then."""
    await session.record([create(ONE)])
    with closing(sqlite3.connect(path)) as db:
        db.execute("INSERT INTO step SELECT saga_key, 3, 0, 'a', '[[0,\"started\"]]' FROM saga")
        db.commit()
    with pytest.raises(steno.RecoveryError, match="event 0 is missing; the next is number 3"):
        await session.load(ONE)
    await session.record([create(TWO)])
    assert (await session.load(TWO)).summary.saga_id == TWO


# Leaving


async def test_leaving_waits_for_the_reads_that_are_under_way(
    store: steno.SqliteSecStore, session: SqliteSession, stop: Stop
):
    """They end well; those that wait for a seat are refused."""
    answers: list[object] = []

    async def count() -> None:
        try:
            answers.append(await reader.count())
        except steno.StoreError as error:
            answers.append(str(error))

    async with trio.open_nursery() as nursery:
        async with store.open_reader() as reader:
            for _ in range(READERS + 2):
                nursery.start_soon(count)
            await stop.until(READERS)
            await wait_all_tasks_blocked()
            nursery.start_soon(_open_soon, stop)
        assert stop.open.is_set()
    assert sorted(map(type, answers), key=str) == [dict] * READERS + [str] * 2
    assert answers.count("the session is closed") == 2


async def _open_soon(stop: Stop) -> None:
    await wait_all_tasks_blocked()
    stop.open.set()


async def test_leaving_does_not_wait_for_ever(
    store: steno.SqliteSecStore, session: SqliteSession, stop: Stop, mock_clock: MockClock
):
    """A read that hangs has ten seconds; then the store is stuck, and says so."""
    errors: list[steno.StoreStuck] = []

    async def use() -> None:
        try:
            async with store.open_reader() as reader:
                with trio.CancelScope() as scope:
                    async with trio.open_nursery() as nursery:
                        nursery.start_soon(reader.count)
                        await stop.until(1)
                        scope.cancel()
        except steno.StoreStuck as error:
            errors.append(error)

    async with trio.open_nursery() as nursery:
        nursery.start_soon(use)
        await stop.until(1)
        await wait_all_tasks_blocked()
        mock_clock.jump(GRACE - 1)
        await wait_all_tasks_blocked()
        assert not errors
        mock_clock.jump(1.5)
    assert f"reads have not ended within {GRACE} s" in str(errors[0])


@BOTH
async def test_a_session_that_was_left_does_nothing_more(path: Path, *, inline: bool):
    """A closed session neither writes nor reads, and says so."""
    async with steno.SqliteSecStore(path, inline=inline).open() as session:
        await session.take_over("sec")
    calls = (
        lambda: session.take_over("sec"),
        lambda: session.leave(FENCE),
        lambda: session.record([create(ONE)]),
        lambda: session.load(ONE),
        lambda: session.list(ListQuery()),
    )
    for call in calls:
        with pytest.raises(steno.StoreError, match="the session is closed"):
            await call()


async def test_no_thread_is_left(store: steno.SqliteSecStore):
    """That of the writer ends with each session; those of the reads are Trio's own."""
    for _ in range(20):
        async with store.open() as session:
            await session.take_over("sec")
    for thread in threading.enumerate():
        if thread.name == "steno writer":
            thread.join(10)
            assert not thread.is_alive()


# What the body raises

ERRORS = [
    OSError("mine"),
    sqlite3.OperationalError("mine"),
    steno.StoreError("mine"),
    KeyboardInterrupt(),
    ExceptionGroup("mine", [OSError("mine")]),
    StopIteration("mine"),
    GeneratorExit("mine"),
]


@BOTH
@pytest.mark.parametrize("error", ERRORS, ids=lambda error: type(error).__name__)
@pytest.mark.parametrize("opening", ["open", "open_reader"])
async def test_what_the_body_raises_comes_out_as_it_is(
    path: Path, error: BaseException, opening: str, *, inline: bool
):
    """It is the user's error and not the store's, although the store raises that type as well."""
    store = steno.SqliteSecStore(path, inline=inline)
    async with store.open():
        pass
    with pytest.raises(type(error)) as caught:
        async with getattr(store, opening)():
            raise error
    assert caught.value is error
    async with store.open():
        pass


# In virtual time


@pytest.fixture
def registry() -> Iterator[steno.ActionRegistry]:
    registry = steno.ActionRegistry()

    async def slow(_: object) -> str:
        await trio.sleep(3600)
        return "slow"

    registry.register(steno.new_action_noop_undo("slow", slow))
    return registry


async def test_a_saga_of_hours_takes_no_time(
    path: Path, registry: steno.ActionRegistry, autojump_clock: MockClock
):
    """Without threads, the store's work takes no virtual time at all, and the clock may jump."""
    store = steno.SqliteSecStore(path, inline=True)
    began = trio.current_time()
    async with steno.open_sec(store, registry) as sec:
        result = await sec.saga_run(saga("slow"))
    assert result.unwrap().saga_output(str) == "slow"
    assert trio.current_time() - began == 3600
    async with steno.open_sec(store, registry) as sec:
        (listed,) = await sec.saga_list()
        assert listed.saga_id == result.saga_id


async def test_no_thread_is_used_inline(
    path: Path, registry: steno.ActionRegistry, monkeypatch: pytest.MonkeyPatch
):
    """Neither for writes nor for reads."""

    def forbidden(*_: object, **__: object) -> None:
        raise AssertionError

    monkeypatch.setattr(trio.to_thread, "run_sync", forbidden)
    monkeypatch.setattr(threading.Thread, "start", forbidden)
    async with steno.SqliteSecStore(path, inline=True).open() as session:
        await session.take_over("sec")
        await session.record([create(ONE)])
        assert (await session.load(ONE)).summary.saga_id == ONE


async def test_an_inline_read_can_be_cancelled(path: Path):
    """There is a checkpoint in each read, as in each write."""
    async with steno.SqliteSecStore(path, inline=True).open() as session:
        for call in (session.take_over, session.load):
            with trio.CancelScope() as scope:
                scope.cancel()
                await call("sec" if call == session.take_over else ONE)
            assert scope.cancelled_caught


@pytest.mark.parametrize("make", [lambda store: store.open(), lambda store: store.open_reader()])
async def test_a_store_is_opened_as_often_as_one_likes(store: steno.SqliteSecStore, make: Callable):
    """It is a description: one after another, and readers side by side."""
    async with store.open():
        pass
    for _ in range(3):
        async with make(store), store.open_reader():
            pass
