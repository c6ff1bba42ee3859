"""Commits on the event loop: when they are made there, and that they are as durable."""

import threading
from pathlib import Path

import attrs
import pytest
import trio

import steno
from steno.stores.sqlite._haste import ENOUGH, PAUSE, QUICK, Haste
from steno.stores.sqlite._writer import SqliteWriter

registry = steno.ActionRegistry()


@registry.action(undo=steno.NOOP)
async def nothing(_: steno.ActionContext[None]) -> int:
    await trio.lowlevel.checkpoint()
    return 1


def chain() -> steno.SagaDag:
    """Return a chain of nodes."""
    builder = steno.DagBuilder("chain")
    for number in range(ENOUGH):
        builder.append(steno.Node.action(f"n{number}", nothing))
    return steno.SagaDag(builder.build())


DAG = chain()


@attrs.define(eq=False)
class Clock:
    """A clock that stands still."""

    now: float = 100.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def haste(clock: Clock) -> Haste:
    return Haste(clock)


def commit(haste: Haste, clock: Clock, seconds: float) -> None:
    """Make a commit that takes this long."""
    haste.timed(lambda clock: setattr(clock, "now", clock.now + seconds))(clock)


def test_it_begins_with_the_thread(haste: Haste, clock: Clock):
    """As many commits in a row have to be quick before one is made on the event loop."""
    for _ in range(ENOUGH):
        assert not haste.is_allowed
        commit(haste, clock, QUICK / 2)
    assert haste.is_allowed


def test_after_a_slow_one_it_is_the_thread_for_a_while(haste: Haste, clock: Clock):
    """However quick the next ones are there; one that fails counts as well."""
    for _ in range(ENOUGH):
        commit(haste, clock, 0)
    with pytest.raises(ZeroDivisionError):
        haste.timed(lambda clock: setattr(clock, "now", clock.now + QUICK) or 1 / 0)(clock)
    for _ in range(ENOUGH):
        commit(haste, clock, 0)
        assert not haste.is_allowed
    clock.now += PAUSE
    assert haste.is_allowed


async def saved_in(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, *, batch: int) -> set[str]:
    """Return the threads in which a saga that runs is written, in batches of so many sagas."""
    monkeypatch.setattr("steno.stores.sqlite._haste.QUICK", 60.0)
    threads: list[str] = []
    record = SqliteWriter.record

    def noted(writer: SqliteWriter, batch: object) -> object:
        threads.append(threading.current_thread().name)
        return record(writer, batch)

    monkeypatch.setattr(SqliteWriter, "record", noted)
    store = steno.SqliteSecStore(tmp_path / "sagas.db", inline_commits=True)
    async with steno.open_sec(store, registry, context=None) as sec:
        for _ in range(2):
            async with trio.open_nursery() as nursery:
                for _ in range(batch):
                    nursery.start_soon(sec.saga_run, DAG)
    return set(threads[ENOUGH + 1 :])


@pytest.mark.parametrize(("batch", "where"), [(1, "MainThread"), (2, "steno writer")])
async def test_a_single_saga_is_written_on_the_event_loop(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, batch: int, where: str
):
    """Once commits are known to be quick; what several sagas wait for is for the thread."""
    assert await saved_in(tmp_path, monkeypatch, batch=batch) == {where}
