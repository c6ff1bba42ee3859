"""Sagas that are loaded at the same time: each as by itself, and all of them by few queries."""

import sqlite3
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import closing, contextmanager
from pathlib import Path
from uuid import UUID

import pytest
import trio

import steno
from steno import SagaCachedState, SagaId, SqliteSecStore
from steno.core import JsonText, SagaName, SagaNodeEvent, SagaNodeId, Started, Succeeded
from steno.store import Durable, Fence, SagaCreateParams, SagaRecord, StoredSaga
from steno.stores import _sqlite_many, _sqlite_reader
from steno.stores._sqlite import SqliteSession
from steno.stores._sqlite_many import EVENTS, SAGAS, load_many
from steno.stores._sqlite_values import LONG
from steno.testing.notation import events
from support.worlds import ids

LOGS = ("", "0+ 0✓=1", "0+ 0✗ 1- 1∅", "0+ 0✓ 1+ 1✗ 0- 0!", '0+ 0✓={"é":["日本",null]} 1+')
SMALL = [SagaId(each) for each in ids(20)]
MANY = [SagaId(UUID(int=each.int + 2**64)) for each in ids(2 * SAGAS + 1)]
NOWHERE = SagaId(UUID(int=2**127))
FENCE = Fence("sec", 1)


def create(saga_id: SagaId, log: Sequence[SagaNodeEvent], number: int = 0) -> SagaCreateParams:
    """Return what creates one of a few kinds of sagas, with its log."""
    text, params = JsonText(f'{{"graph":{number % 3}}}'), JsonText(f'{{"of":{number}}}')
    mine = tuple(SagaNodeEvent(saga_id, each.node_id, each.event_type) for each in log)
    name = SagaName(f"kind {number % 3}")
    return SagaCreateParams(saga_id, name, f"digest {number % 3}", text, params, FENCE, mine)


def outputs(count: int, output: str) -> list[SagaNodeEvent]:
    kinds = (Started(), Succeeded(JsonText(output)))
    return [SagaNodeEvent(NOWHERE, SagaNodeId(n // 2), kinds[n % 2]) for n in range(count)]


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "trips.db"


@pytest.fixture
async def session(path: Path) -> AsyncIterator[SqliteSession]:
    async with SqliteSecStore(path, inline=True).open() as session:
        await session.take_over("sec")
        yield session


async def keep(session: SqliteSession, *created: SagaCreateParams) -> None:
    assert set(await session.record(created)) == {Durable()}


async def keep_small(session: SqliteSession) -> None:
    small = enumerate(SMALL)
    await keep(session, *(create(each, events(LOGS[n % len(LOGS)]), n) for n, each in small))
    end = SagaRecord(SMALL[3], FENCE, 6, (), SagaCachedState.STUCK)
    assert await session.record([end]) == [Durable()]


async def together(
    session: SqliteSession, saga_ids: Sequence[SagaId]
) -> dict[SagaId, StoredSaga | str | None]:
    """Return what is told of sagas that are asked for at the same time; of an error, its text."""
    told: dict[SagaId, StoredSaga | str | None] = {}

    async def load(saga_id: SagaId) -> None:
        told[saga_id] = await alone(session, saga_id)

    async with trio.open_nursery() as nursery:
        for saga_id in saga_ids:
            nursery.start_soon(load, saga_id)
    return told


async def alone(session: SqliteSession, saga_id: SagaId) -> StoredSaga | str | None:
    try:
        return await session.load(saga_id)
    except steno.StenoError as error:
        return f"{type(error).__name__}: {error}"


@contextmanager
def never_alone() -> Iterator[None]:
    """Fail if a saga is loaded by itself."""

    def forbidden(*_: object) -> None:
        raise AssertionError

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(_sqlite_reader, "load", forbidden)
        yield


async def test_each_is_loaded_as_by_itself(session: SqliteSession):
    """All kinds of events, states and graphs; those that are not there; those asked for twice."""
    await keep_small(session)
    wanted = {each: await alone(session, each) for each in (*SMALL, NOWHERE)}
    assert wanted[NOWHERE] is None
    assert len({stored.dag_digest for stored in wanted.values() if stored}) == 3
    with never_alone():
        assert await together(session, [*SMALL, NOWHERE, *SMALL[:3]]) == wanted
        assert await together(session, SMALL[:2]) == {each: wanted[each] for each in SMALL[:2]}


@pytest.mark.parametrize("count", [SAGAS - 1, SAGAS, SAGAS + 1, 2 * SAGAS + 1])
async def test_there_may_be_any_number_of_them(session: SqliteSession, count: int):
    """They are told apart."""
    few = MANY[:count]
    await keep(session, *(create(e, outputs(n % 7, str(n)), n) for n, e in enumerate(few)))
    with never_alone():
        told = await together(session, few)
    for number, each in enumerate(few):
        assert told[each].params == f'{{"of":{number}}}'
        assert told[each].events == create(each, outputs(number % 7, str(number))).events


async def test_many_are_a_few_queries(session: SqliteSession, path: Path):
    """However many there are, and however long their logs, up to what is enough at once."""
    few = MANY[:SAGAS]
    await keep(session, *(create(each, outputs(13, "1"), n) for n, each in enumerate(few)))
    statements: list[str] = []
    with closing(sqlite3.connect(path, isolation_level=None)) as db:
        db.set_trace_callback(statements.append)
        assert len(load_many(db, few)) == SAGAS
        assert not db.in_transaction
    assert [each.split()[0] for each in statements] == ["BEGIN", *["SELECT"] * 3, "ROLLBACK"]


@pytest.mark.parametrize("sizes", [(EVENTS, 1), (EVENTS + 1, 1), (EVENTS // 2, 3, EVENTS, 0)])
async def test_logs_may_have_any_length(session: SqliteSession, sizes: Sequence[int]):
    """A very long one is loaded by itself."""
    few = SMALL[: len(sizes)]
    for each, size in zip(few, sizes, strict=True):
        await keep(session, create(each, outputs(size, "1")))
    told = await together(session, few)
    for each, size in zip(few, sizes, strict=True):
        assert told[each].events == create(each, outputs(size, "1")).events


@pytest.mark.parametrize("length", [0, LONG - 1, LONG, LONG + 1, 1_000_000])
async def test_values_may_have_any_length(session: SqliteSession, length: int):
    """Long ones are not gathered, or all of a chunk would be in memory three times."""
    text = "é" * length
    await keep(session, create(SMALL[0], outputs(4, text)), create(SMALL[1], outputs(4, "1")))
    third = create(SMALL[2], outputs(2, "1"))
    params = SagaCreateParams(
        *(getattr(third, n) for n in ("saga_id", "saga_name", "dag_digest")),
        third.dag_text,
        JsonText(text),
        FENCE,
    )
    await keep(session, params)
    told = await together(session, SMALL[:3])
    assert told[SMALL[0]].events == create(SMALL[0], outputs(4, text)).events
    assert told[SMALL[1]].events == create(SMALL[1], outputs(4, "1")).events
    assert told[SMALL[2]].params == text


@pytest.mark.parametrize(
    "text", ["\0", "a\0b", '"\x1f\x1e\\"', "\ud7ff\ue000", "\U0010ffff", "\x7f\n"]
)
async def test_values_may_be_any_text(session: SqliteSession, text: str):
    """Those that are no JSON are kept to the letter as well."""
    await keep(session, *(create(each, outputs(2, text)) for each in SMALL[:2]))
    with never_alone():
        told = await together(session, SMALL[:2])
    for each in SMALL[:2]:
        assert told[each].events == create(each, outputs(2, text)).events


DAMAGE = {
    "an event is missing": "DELETE FROM node_event WHERE saga_key = 4 AND seq = 1",
    "the first event is missing": "DELETE FROM node_event WHERE saga_key = 4 AND seq = 0",
    "the last event is missing": "DELETE FROM node_event WHERE saga_key = 4 AND seq = 5",
    "all events are missing": "DELETE FROM node_event WHERE saga_key = 4",
    "an event moved": "UPDATE node_event SET seq = 9 WHERE saga_key = 4 AND seq = 2",
    "an event of another": (
        "UPDATE node_event SET saga_key = 5, seq = 9 WHERE saga_key = 4 AND seq = 5"
    ),
    "an event of none": "UPDATE node_event SET event_type = 'torn' WHERE saga_key = 4",
    "events that are numbers": "UPDATE node_event SET event_type = 7 WHERE saga_key = 4",
    "events that are bytes": "UPDATE node_event SET event_type = x'00ff' WHERE saga_key = 4",
    "events that are no UTF-8": (
        "UPDATE node_event SET event_type = CAST(x'ff' AS TEXT) WHERE saga_key = 4"
    ),
    "data that is no JSON": (
        "UPDATE node_event SET data = '{' WHERE saga_key = 4 AND event_type = 'failed'"
    ),
    "data that is a number": "UPDATE node_event SET data = 0 WHERE saga_key = 4",
    "data that is bytes": "UPDATE node_event SET data = x'00ff' WHERE saga_key = 4",
    "data that is no UTF-8": (
        "UPDATE node_event SET data = CAST(x'22ff22' AS TEXT) WHERE saga_key = 4"
    ),
    "no data": "UPDATE node_event SET data = NULL WHERE saga_key = 4",
    "data of an event that has none": "UPDATE node_event SET data = '1' WHERE saga_key = 4",
    "a node that is none": "UPDATE node_event SET node_id = 'x' WHERE saga_key = 4",
    "a node and a half": "UPDATE node_event SET node_id = 1.5 WHERE saga_key = 4",
    "infinite nodes": "UPDATE node_event SET node_id = 9e999 WHERE saga_key = 4",
    "too few written": "UPDATE saga SET events = 5 WHERE saga_key = 4",
    "too many written": "UPDATE saga SET events = 7 WHERE saga_key = 4",
    "events that are a word": "UPDATE saga SET events = 'six' WHERE saga_key = 4",
    "no params": "DELETE FROM saga_params WHERE saga_key = 4",
    "params that are bytes": "UPDATE saga_params SET params = x'00ff' WHERE saga_key = 4",
    "no graph": "UPDATE saga SET dag_key = 99 WHERE saga_key = 4",
    "a graph that is bytes": "UPDATE dag SET text = x'00ff' WHERE dag_key = 2",
    "a graph that is no UTF-8": "UPDATE dag SET text = CAST(x'ff' AS TEXT) WHERE dag_key = 2",
    "no state": "UPDATE saga SET state = 'torn' WHERE saga_key = 4",
    "times that are words": "UPDATE saga SET created = 'then' WHERE saga_key = 4",
    "times without end": "UPDATE saga SET ended = 9e999 WHERE saga_key = 4",
    "a name of bytes": "UPDATE saga SET name = x'00ff' WHERE saga_key = 4",
    "another key": "UPDATE saga SET saga_key = 0 WHERE saga_key = 4",
}


@pytest.mark.parametrize("what", DAMAGE)
async def test_one_that_is_damaged_hurts_no_other(session: SqliteSession, path: Path, what: str):
    """Each that is asked for with it is told as by itself, the damaged one too."""
    await keep_small(session)
    with closing(sqlite3.connect(path, isolation_level=None)) as db:
        db.execute("PRAGMA ignore_check_constraints = ON")
        assert db.execute(DAMAGE[what]).rowcount > 0
    wanted = {each: await alone(session, each) for each in SMALL}
    assert sum(isinstance(each, StoredSaga) for each in wanted.values()) >= 12
    assert await together(session, SMALL) == wanted


async def test_a_read_that_fails_leaves_its_connection_in_order(session: SqliteSession, path: Path):
    """What is read next, on the same connection, is what is there by then."""
    await keep_small(session)
    with closing(sqlite3.connect(path, isolation_level=None)) as db:
        db.execute(DAMAGE["events that are no UTF-8"])
    await together(session, SMALL)
    await keep(session, create(NOWHERE, ()))
    assert (await together(session, [NOWHERE, SMALL[0]]))[NOWHERE].summary.id == NOWHERE


async def test_without_json_each_is_loaded_by_itself(
    session: SqliteSession, monkeypatch: pytest.MonkeyPatch
):
    """A SQLite may have been built so."""
    await keep_small(session)
    without = _sqlite_many.Statement("SELECT no_such_function(column1) FROM (VALUES)", 2)
    monkeypatch.setattr(_sqlite_many, "_ROWS", without)
    told = await together(session, SMALL)
    assert all(isinstance(each, StoredSaga) for each in told.values())
